//! What the counters say.
#![allow(missing_docs)]

use std::{thread, time::Duration};

use ferrozmq::{Context, MonitorEvent, Result};
use interop::Scratch;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn what_is_queued_is_sent_later() -> Result<()> {
    let ctx = Context::new();
    let scratch = Scratch::new();
    let mut outbox = ctx.push().connect(scratch.ipc("late"))?;
    for round in 0..10 {
        outbox.send((round.to_string(), "body"))?;
    }
    let stats = outbox.stats()?;
    assert_eq!((stats.peers()[0].queued(), stats.peers()[0].sent()), (10, 0));

    let mut inbox = ctx.pull().bind(scratch.ipc("late"))?;
    for round in 0..10 {
        assert_eq!(inbox.recv_multipart()?[0], round.to_string());
    }
    let stats = loop {
        let stats = outbox.stats()?;
        // The receiver may be faster than the count.
        if stats.peers()[0].sent() == 10 {
            break stats;
        }
        thread::yield_now();
    };
    assert_eq!(stats.peers()[0].queued(), 0);
    assert!(stats.peers()[0].sent_bytes() >= 10 * (2 + 1 + 2 + 4));
    assert_eq!(stats.dropped().total(), 0);
    Ok(())
}

#[test]
fn what_is_dropped_is_counted() -> Result<()> {
    let ctx = Context::new();
    let mut router = ctx.router().bind("tcp://127.0.0.1:*")?;
    router.send_to(&"nobody".into(), ("a", "b"))?;
    assert_eq!(router.stats()?.dropped().unroutable, 1);

    let mut publisher = ctx.publisher().send_hwm(1).bind("inproc://updates")?;
    let _slow = ctx.subscriber().receive_hwm(1).subscribe("").connect("inproc://updates")?;
    publisher.wait_for_subscribers(1, PATIENCE)?;
    for _ in 0..10 {
        publisher.send("update")?;
    }
    assert_eq!(publisher.stats()?.dropped().full, 8);
    Ok(())
}

#[test]
fn peers_have_names() -> Result<()> {
    let ctx = Context::new();
    let mut router = ctx.router().bind("tcp://127.0.0.1:*")?;
    let mut dealer = ctx.dealer().routing_id("one").connect(router.last_endpoint())?;
    dealer.send("here")?;
    let (peer, _) = router.recv_from()?;
    let stats = router.stats()?;
    assert_eq!(stats.peers().iter().map(ToString::to_string).collect::<Vec<_>>(), ["one"]);
    assert_eq!(stats.peers()[0].routing_id(), Some(peer));
    Ok(())
}

#[test]
fn what_a_peer_that_refuses_us_did_not_get_is_counted_once() -> Result<()> {
    let ctx = Context::new();
    let scratch = Scratch::new();
    let mut push = ctx.push().build()?;
    let mut monitor = push.monitor()?;
    push.connect(scratch.ipc("refuses"))?;
    for _ in 0..3 {
        push.send("for nobody")?;
    }
    // A PUB is no peer of a PUSH.
    let _publisher = ctx.publisher().bind(scratch.ipc("refuses"))?;
    assert!(monitor.any(|event| matches!(event, Ok(MonitorEvent::HandshakeFailed { .. }))));
    while !push.stats()?.peers().is_empty() {
        thread::yield_now();
    }
    assert_eq!((push.stats()?.dropped().undelivered, push.stats()?.dropped().total()), (3, 3));
    Ok(())
}
