//! RFC 31, exclusive pair: PAIR.

use conformance::publish::nothing_before_marker;
use conformance::socket::{Ctx, Transport, inproc, join, pair};
use conformance::{Monitor, wait, zmq};

conformance::on_each_transport!(
    messages_go_both_ways,
    multipart_messages_stay_whole,
    order_is_kept,
    the_other_end_may_leave_and_another_come,
    queued_messages_survive_the_close_of_the_sender,
);

mod scenario {
    use super::*;

    pub(super) fn messages_go_both_ways(transport: Transport) {
        let (a, b) = pair(zmq::PAIR, zmq::PAIR, transport);
        a.send("ping");
        b.expect("ping");
        b.send("pong");
        a.expect("pong");
    }

    pub(super) fn multipart_messages_stay_whole(transport: Transport) {
        let (a, b) = pair(zmq::PAIR, zmq::PAIR, transport);
        a.send(["", "one", "", "two", ""]);
        b.expect(["", "one", "", "two", ""]);
    }

    pub(super) fn order_is_kept(transport: Transport) {
        let (a, b) = pair(zmq::PAIR, zmq::PAIR, transport);
        for i in 0..500_u32 {
            a.send(&i.to_be_bytes());
        }
        for i in 0..500_u32 {
            b.expect(&i.to_be_bytes());
        }
    }

    pub(super) fn the_other_end_may_leave_and_another_come(transport: Transport) {
        let ctx = Ctx::new();
        let (a, b) = (ctx.socket(zmq::PAIR), ctx.socket(zmq::PAIR));
        let endpoint = join(&a, &b, transport);
        b.send("from the first");
        a.expect("from the first");
        drop(b);
        // The first peer leaves in its own time; until then another one is refused.
        wait::until("the first peer to leave", || !a.writable());
        a.set(zmq::RCVTIMEO, 200).unwrap();
        let (mut second, mut attempt) = (None, 0);
        wait::until("a second peer to be accepted", || {
            let c = ctx.socket(zmq::PAIR);
            c.connect(&endpoint).unwrap();
            a.events();
            // Numbered: what came of the attempt before, and late, says nothing of this one.
            attempt += 1;
            let message = format!("attempt {attempt}");
            let _ = c.try_send(&*message);
            let accepted = a.recv().is_ok_and(|m| m == [message.as_bytes()]);
            second = Some(c);
            accepted
        });
        let c = second.unwrap();
        a.send("to the second");
        c.expect("to the second");
    }

    pub(super) fn queued_messages_survive_the_close_of_the_sender(transport: Transport) {
        let (a, b) = pair(zmq::PAIR, zmq::PAIR, transport);
        b.send("one");
        b.send("two");
        b.set(zmq::LINGER, -1).unwrap();
        b.close().unwrap();
        a.expect("one");
        a.expect("two");
    }
}

#[test]
fn without_a_peer_sending_would_block() {
    let a = Ctx::new().socket(zmq::PAIR);
    assert_eq!(a.try_send("x"), Err(zmq::EAGAIN));
    assert_eq!(a.events(), 0);
}

#[test]
fn without_a_peer_receiving_would_block() {
    let a = Ctx::new().socket(zmq::PAIR);
    assert_eq!(a.try_recv(), Err(zmq::EAGAIN));
}

#[test]
fn a_send_timeout_ends_in_eagain() {
    let a = Ctx::new().socket(zmq::PAIR);
    a.set(zmq::SNDTIMEO, 20).unwrap();
    assert_eq!(a.send_frame("x", 0), Err(zmq::EAGAIN));
}

#[test]
fn a_receive_timeout_ends_in_eagain() {
    let a = Ctx::new().socket(zmq::PAIR);
    a.set(zmq::RCVTIMEO, 20).unwrap();
    assert_eq!(a.recv(), Err(zmq::EAGAIN));
}

#[test]
fn a_full_pair_would_block() {
    let ctx = Ctx::new();
    let (a, b) = (ctx.socket(zmq::PAIR), ctx.socket(zmq::PAIR));
    a.set(zmq::SNDHWM, 2).unwrap();
    b.set(zmq::RCVHWM, 3).unwrap();
    join(&a, &b, Transport::Inproc);
    assert_eq!(a.fill("x"), 5);
    assert!(!a.writable());
    assert_eq!(b.drain(), 5);
    assert!(a.writable());
}

#[test]
fn a_second_inproc_peer_is_refused() {
    let ctx = Ctx::new();
    let (a, b, c) = (ctx.socket(zmq::PAIR), ctx.socket(zmq::PAIR), ctx.socket(zmq::PAIR));
    let endpoint = join(&a, &b, Transport::Inproc);
    assert_eq!(c.connect(&endpoint), Ok(()));
    a.events();
    wait::until("the refusal to arrive", || !c.writable());
    assert_eq!(c.try_send("x"), Err(zmq::EAGAIN));
    nothing_before_marker(&b, &a);
    nothing_before_marker(&a, &b);
}

#[test]
fn a_second_tcp_peer_gets_and_gives_nothing() {
    let ctx = Ctx::new();
    let (a, b, c) = (ctx.socket(zmq::PAIR), ctx.socket(zmq::PAIR), ctx.socket(zmq::PAIR));
    let endpoint = join(&a, &b, Transport::Tcp);
    c.set(zmq::LINGER, 0).unwrap();
    let connected = Monitor::detached(&c, zmq::EVENT_HANDSHAKE_SUCCEEDED);
    c.connect(&endpoint).unwrap();
    let _ = c.try_send("from the second peer");
    // Both have introduced themselves before the first socket looks.
    connected.next();
    a.events();
    nothing_before_marker(&b, &a);
    nothing_before_marker(&a, &b);
    assert_eq!(c.try_recv(), Err(zmq::EAGAIN));
}

#[test]
fn connect_before_bind_keeps_the_messages() {
    let ctx = Ctx::new();
    let (a, b) = (ctx.socket(zmq::PAIR), ctx.socket(zmq::PAIR));
    let endpoint = inproc();
    b.connect(&endpoint).unwrap();
    b.send(["early", "bird"]);
    a.bind(&endpoint).unwrap();
    a.expect(["early", "bird"]);
    a.send("late");
    b.expect("late");
}

#[test]
fn poll_shows_both_directions() {
    let (a, b) = pair(zmq::PAIR, zmq::PAIR, Transport::Inproc);
    assert_eq!(a.events(), zmq::POLLOUT);
    b.send("x");
    assert_eq!(a.events(), zmq::POLLIN | zmq::POLLOUT);
    a.expect("x");
    assert_eq!(a.events(), zmq::POLLOUT);
}

#[test]
fn inproc_does_not_compare_socket_types() {
    let (a, b) = pair(zmq::PULL, zmq::PAIR, Transport::Inproc);
    b.send("from a pair");
    a.expect("from a pair");
}

#[test]
fn conflate_has_no_effect_on_a_pair() {
    let ctx = Ctx::new();
    let (a, b) = (ctx.socket(zmq::PAIR), ctx.socket(zmq::PAIR));
    for sock in [&a, &b] {
        sock.set(zmq::CONFLATE, 1).unwrap();
    }
    join(&a, &b, Transport::Inproc);
    for text in ["one", "two", "three"] {
        a.send(text);
    }
    for text in ["one", "two", "three"] {
        b.expect(text);
    }
}
