//! What becomes of messages, threads and contexts at the end.
#![allow(missing_docs)]

use std::{thread, time::Duration};

use ferrozmq::{Context, Error, Pull, Result};
use interop::Scratch;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn what_was_sent_before_everything_was_dropped_arrives() -> Result<()> {
    let receivers = Context::new();
    let mut inbox = receivers.pull().receive_timeout(PATIENCE).receive_hwm(0).bind("tcp://127.0.0.1:*")?;
    {
        let ctx = Context::new();
        let mut outbox = ctx.push().send_hwm(0).connect(inbox.last_endpoint())?;
        for round in 0..10_000 {
            outbox.send(round.to_string())?;
        }
        outbox.close_within(PATIENCE);
    }
    for round in 0..10_000 {
        assert_eq!(inbox.recv()?, round.to_string());
    }
    Ok(())
}

#[test]
fn a_socket_may_outlive_the_handles_of_its_context() -> Result<()> {
    let mut inbox = Context::new().pull().bind("tcp://127.0.0.1:*")?;
    Context::new().push().connect(inbox.last_endpoint())?.send("message")?;
    assert_eq!(inbox.recv()?, "message");
    Ok(())
}

#[test]
fn an_end_without_peers_comes_with_the_linger() -> Result<()> {
    let ctx = Context::new();
    let nowhere = Scratch::new().ipc("nobody");
    let mut outbox = ctx.push().linger(Duration::from_millis(10)).connect(nowhere)?;
    outbox.send("nobody will read this")?;
    drop(outbox);
    ctx.terminate()
}

#[test]
fn times_longer_than_a_clock_can_tell_are_for_ever() -> Result<()> {
    let ctx = Context::new();
    let scratch = Scratch::new();
    let inbox = |endpoint: &str| ctx.pull().receive_timeout(PATIENCE).bind(endpoint);
    let outbox =
        || ctx.push().linger(Duration::MAX).connect_timeout(Duration::MAX).handshake_limit(Duration::MAX);
    let mut there = inbox("tcp://127.0.0.1:*")?;
    outbox().connect(there.last_endpoint())?.send("at once")?;
    assert_eq!(there.recv()?, "at once");
    let later = scratch.ipc("later");
    outbox().connect(&later)?.send("later")?;
    assert_eq!(inbox(&later)?.recv()?, "later");
    let never = outbox().reconnect_interval(Duration::MAX, Duration::MAX);
    drop(never.linger(Duration::ZERO).connect(scratch.ipc("never"))?);
    drop(there);
    ctx.terminate()
}

#[test]
fn terminate_ends_the_calls_of_other_threads() -> Result<()> {
    let ctx = Context::new();
    let waiting: Vec<_> = ["inproc://a", "tcp://127.0.0.1:*"]
        .map(|endpoint| ctx.pull().bind(endpoint))
        .into_iter()
        .map(|inbox| thread::spawn(move || inbox.and_then(|mut inbox: Pull| inbox.recv())))
        .collect();
    ctx.terminate()?;
    for thread in waiting {
        assert_eq!(thread.join().unwrap(), Err(Error::Terminated));
    }
    Ok(())
}

#[test]
fn sockets_move_between_threads() -> Result<()> {
    fn is_send<T: Send>(_: &T) {}
    fn is_shared<T: Clone + Send + Sync>(_: &T) {}
    let ctx = Context::new();
    is_shared(&ctx);
    let mut inbox = ctx.pull().bind("inproc://inbox")?;
    let mut outbox = ctx.push().connect("inproc://inbox")?;
    is_send(&inbox);
    for round in 0..20 {
        outbox.send(round.to_string())?;
        let (back, message) = thread::spawn(move || {
            let message = inbox.recv();
            (inbox, message)
        })
        .join()
        .unwrap();
        assert_eq!(message?, round.to_string());
        inbox = back;
    }
    Ok(())
}

#[test]
fn more_sockets_than_allowed_are_refused() -> Result<()> {
    let ctx = Context::builder().max_sockets(2).build();
    let (_one, two) = (ctx.pair().build()?, ctx.pair().build()?);
    assert_eq!(ctx.pair().build().unwrap_err(), Error::TooManyFiles);
    drop(two);
    ctx.pair().build()?;
    Ok(())
}

#[test]
fn a_context_without_threads_has_inproc() -> Result<()> {
    let ctx = Context::builder().io_threads(0).build();
    let mut here = ctx.pair().bind("inproc://here")?;
    ctx.pair().connect("inproc://here")?.send("message")?;
    assert_eq!(here.recv()?, "message");
    let Err(Error::Endpoint(e)) = here.bind("tcp://127.0.0.1:*") else { panic!("there is no thread") };
    assert_eq!(e.error(), Error::NoThread);
    Ok(())
}

#[test]
fn the_events_of_a_monitor_end_with_the_context() -> Result<()> {
    let ctx = Context::new();
    let mut tasks = ctx.pull().build()?;
    let monitor = tasks.monitor()?;
    ctx.shutdown();
    assert_eq!(monitor.take(10).last(), Some(Err(Error::Terminated)));
    let mut monitor = Context::new().pull().build()?.monitor()?;
    assert_eq!(monitor.by_ref().count(), 0, "its socket is closed");
    Ok(())
}
