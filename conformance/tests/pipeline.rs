//! RFC 30, pipeline: PUSH and PULL.

use conformance::publish::nothing_before_marker;
use conformance::socket::{Ctx, Sock, Transport, inproc, join, join_more, pair};
use conformance::wire::RawListener;
use conformance::{Monitor, wait, zmq};

conformance::on_each_transport!(
    messages_arrive_in_order,
    multipart_messages_stay_whole,
    a_large_message_arrives_whole,
    sizes_around_every_boundary_arrive_whole,
    push_takes_its_peers_in_turn,
    pull_takes_from_its_peers_in_turn,
    messages_of_a_closed_push_arrive,
    connect_may_come_before_bind,
    either_side_may_bind,
    an_unfinished_message_is_never_delivered,
    conflate_keeps_the_newest_message,
);

mod scenario {
    use super::*;

    pub(super) fn messages_arrive_in_order(transport: Transport) {
        let (pull, push) = pair(zmq::PULL, zmq::PUSH, transport);
        for i in 0..900_u32 {
            push.send(&i.to_be_bytes());
        }
        for i in 0..900_u32 {
            pull.expect(&i.to_be_bytes());
        }
    }

    pub(super) fn multipart_messages_stay_whole(transport: Transport) {
        let (pull, push) = pair(zmq::PULL, zmq::PUSH, transport);
        let frames: Vec<Vec<u8>> = (0..100).map(|i| vec![i; usize::from(i) * 10]).collect();
        push.send(frames.clone());
        push.send("next");
        pull.expect(frames);
        pull.expect("next");
    }

    pub(super) fn a_large_message_arrives_whole(transport: Transport) {
        let (pull, push) = pair(zmq::PULL, zmq::PUSH, transport);
        let body: Vec<u8> = (0..5_000_000_u32).map(|i| (i % 251) as u8).collect();
        push.send([&body[..]]);
        pull.expect([&body[..]]);
    }

    pub(super) fn sizes_around_every_boundary_arrive_whole(transport: Transport) {
        let (pull, push) = pair(zmq::PULL, zmq::PUSH, transport);
        let sizes = [
            0, 1, 29, 30, 33, 34, 64, 127, 253, 254, 255, 256, 257, 4095, 4096, 8191, 8192, 8193, 65535,
            65536,
        ];
        for size in sizes {
            push.send([vec![7_u8; size], vec![8; size + 1]]);
        }
        for size in sizes {
            pull.expect([vec![7_u8; size], vec![8; size + 1]]);
        }
    }

    pub(super) fn push_takes_its_peers_in_turn(transport: Transport) {
        let ctx = Ctx::new();
        let push = ctx.socket(zmq::PUSH);
        let pulls: Vec<Sock> = (0..3).map(|_| ctx.socket(zmq::PULL)).collect();
        let endpoint = join(&push, &pulls[0], transport);
        join_more(&push, &pulls[1], &endpoint);
        join_more(&push, &pulls[2], &endpoint);
        for i in 0..9 {
            push.send(format!("{i}"));
        }
        for pull in &pulls {
            let first = pull.recv().unwrap()[0][0];
            pull.expect(&[first + 3]);
            pull.expect(&[first + 6]);
        }
    }

    pub(super) fn pull_takes_from_its_peers_in_turn(transport: Transport) {
        let ctx = Ctx::new();
        let pull = ctx.socket(zmq::PULL);
        let (a, b) = (ctx.socket(zmq::PUSH), ctx.socket(zmq::PUSH));
        let endpoint = join(&pull, &a, transport);
        join_more(&pull, &b, &endpoint);
        for _ in 0..200 {
            a.send("a");
        }
        for _ in 0..2 {
            b.send("b");
        }
        // Both of b's messages come long before all of a's.
        let mut before_b = 0;
        let mut seen_b = 0;
        while seen_b < 2 {
            match pull.recv().unwrap()[0][0] {
                b'a' => before_b += 1,
                _ => seen_b += 1,
            }
            if transport == Transport::Inproc {
                assert!(before_b <= 2, "b had to wait for {before_b} messages of a");
            }
        }
        for _ in before_b..200 {
            pull.expect("a");
        }
    }

    pub(super) fn messages_of_a_closed_push_arrive(transport: Transport) {
        let (pull, push) = pair(zmq::PULL, zmq::PUSH, transport);
        for i in 0..100_u8 {
            push.send([&[i][..], &[0; 100]]);
        }
        push.set(zmq::LINGER, -1).unwrap();
        push.close().unwrap();
        for i in 0..100_u8 {
            pull.expect([&[i][..], &[0; 100]]);
        }
    }

    pub(super) fn connect_may_come_before_bind(transport: Transport) {
        let ctx = Ctx::new();
        let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        let endpoint = match transport {
            Transport::Tcp => {
                let endpoint = ctx.socket(zmq::PULL).bind_any(transport);
                wait::until("the port to be free again", || {
                    let probe = ctx.socket(zmq::PULL);
                    probe.bind(&endpoint).is_ok_and(|()| probe.unbind(&endpoint).is_ok())
                });
                endpoint
            }
            other => other.endpoint(),
        };
        push.set(zmq::RECONNECT_IVL, 10).unwrap();
        push.connect(&endpoint).unwrap();
        push.send("early");
        wait::until("the port to be bound", || pull.bind(&endpoint).is_ok());
        push.send("late");
        pull.expect("early");
        pull.expect("late");
    }

    pub(super) fn either_side_may_bind(transport: Transport) {
        let (push, pull) = pair(zmq::PUSH, zmq::PULL, transport);
        push.send("x");
        pull.expect("x");
    }

    pub(super) fn an_unfinished_message_is_never_delivered(transport: Transport) {
        let ctx = Ctx::new();
        let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        let endpoint = join(&pull, &push, transport);
        push.send("whole");
        push.send_frame("first part", zmq::SNDMORE).unwrap();
        push.set(zmq::LINGER, -1).unwrap();
        push.close().unwrap();
        pull.expect("whole");
        let other = ctx.socket(zmq::PUSH);
        join_more(&pull, &other, &endpoint);
        nothing_before_marker(&other, &pull);
    }

    pub(super) fn conflate_keeps_the_newest_message(transport: Transport) {
        let ctx = Ctx::new();
        let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        pull.set(zmq::CONFLATE, 1).unwrap();
        push.set(zmq::CONFLATE, 1).unwrap();
        join(&pull, &push, transport);
        for i in 0..100_u8 {
            push.send(&[i]);
        }
        wait::until("the newest message", || pull.recv().is_ok_and(|m| m == [[99]]));
        assert_eq!(pull.try_recv(), Err(zmq::EAGAIN));
    }
}

#[test]
fn push_cannot_receive() {
    assert_eq!(Ctx::new().socket(zmq::PUSH).recv(), Err(zmq::ENOTSUP));
}

#[test]
fn pull_cannot_send() {
    assert_eq!(Ctx::new().socket(zmq::PULL).send_frame("x", 0), Err(zmq::ENOTSUP));
}

#[test]
fn push_without_a_peer_would_block() {
    let push = Ctx::new().socket(zmq::PUSH);
    assert_eq!(push.try_send("x"), Err(zmq::EAGAIN));
    assert_eq!(push.events(), 0);
}

#[test]
fn pull_without_a_message_would_block() {
    let pull = Ctx::new().socket(zmq::PULL);
    assert_eq!(pull.try_recv(), Err(zmq::EAGAIN));
    assert_eq!(pull.events(), 0);
}

#[test]
fn a_blocked_push_goes_on_when_a_peer_comes() {
    let ctx = Ctx::new();
    let endpoint = inproc();
    let push = ctx.socket(zmq::PUSH);
    push.bind(&endpoint).unwrap();
    let sender = std::thread::spawn(move || {
        push.send("patience");
        push
    });
    let pull = ctx.socket(zmq::PULL);
    pull.connect(&endpoint).unwrap();
    pull.expect("patience");
    drop(sender.join().unwrap());
}

#[test]
fn a_full_peer_is_passed_over() {
    let ctx = Ctx::new();
    let push = ctx.socket(zmq::PUSH);
    push.set(zmq::SNDHWM, 1).unwrap();
    let (slow, fast) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PULL));
    slow.set(zmq::RCVHWM, 1).unwrap();
    fast.set(zmq::RCVHWM, 10).unwrap();
    let endpoint = join(&push, &slow, Transport::Inproc);
    join_more(&push, &fast, &endpoint);
    assert_eq!(push.fill("x"), 2 + 11);
    assert_eq!(slow.drain(), 2);
    assert_eq!(fast.drain(), 11);
}

#[test]
fn messages_stay_with_the_peer_that_was_chosen() {
    let ctx = Ctx::new();
    let push = ctx.socket(zmq::PUSH);
    let (a, b) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PULL));
    let endpoint = join(&push, &a, Transport::Inproc);
    for i in 0..5 {
        push.send(format!("{i}"));
    }
    join_more(&push, &b, &endpoint);
    assert_eq!(a.drain(), 5);
    assert_eq!(b.drain(), 0);
}

#[test]
fn a_message_in_progress_is_lost_with_its_peer_not_handed_to_another() {
    let ctx = Ctx::new();
    let push = ctx.socket(zmq::PUSH);
    let (a, b) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PULL));
    let endpoint = join(&push, &a, Transport::Inproc);
    join_more(&push, &b, &endpoint);
    push.send("for a");
    push.send("for b");
    a.expect("for a");
    b.expect("for b");
    push.send_frame("first part for a", zmq::SNDMORE).unwrap();
    drop(a);
    assert!(push.send_frame("second part", zmq::SNDMORE).is_ok());
    assert!(push.send_frame("third part", 0).is_ok());
    wait::until("a to be gone", || {
        push.send("next");
        push.events();
        b.readable()
    });
    b.expect("next");
}

#[test]
fn immediate_refuses_to_queue_for_a_peer_that_is_not_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let push = Ctx::new().socket(zmq::PUSH);
    push.set(zmq::IMMEDIATE, 1).unwrap();
    push.connect(&endpoint).unwrap();
    assert_eq!(push.try_send("x"), Err(zmq::EAGAIN));
    assert_eq!(push.events(), 0);
}

#[test]
fn immediate_sends_once_the_peer_is_there() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    push.set(zmq::IMMEDIATE, 1).unwrap();
    let endpoint = pull.bind_any(Transport::Tcp);
    push.connect(&endpoint).unwrap();
    push.wait_writable();
    push.send("x");
    pull.expect("x");
}

#[test]
fn without_immediate_a_connected_push_is_writable_at_once() {
    let listener = RawListener::new();
    let push = Ctx::new().socket(zmq::PUSH);
    push.connect(&listener.endpoint()).unwrap();
    assert_eq!(push.events(), zmq::POLLOUT);
}

#[test]
fn messages_wait_for_the_peer_to_come_back() {
    let ctx = Ctx::new();
    let push = ctx.socket(zmq::PUSH);
    push.set(zmq::RECONNECT_IVL, 10).unwrap();
    let pull = ctx.socket(zmq::PULL);
    let endpoint = join(&pull, &push, Transport::Tcp);
    push.send("before");
    pull.expect("before");
    let connection = Monitor::new(&push);
    drop(pull);
    connection.wait_for(zmq::EVENT_DISCONNECTED);
    push.send("while away");
    let pull = ctx.socket(zmq::PULL);
    wait::until("the port to be free", || pull.bind(&endpoint).is_ok());
    pull.expect("while away");
}

#[test]
fn a_second_connect_to_the_same_endpoint_is_a_second_connection() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let endpoint = pull.bind_any(Transport::Tcp);
    let connected = Monitor::new(&push);
    push.connect(&endpoint).unwrap();
    push.connect(&endpoint).unwrap();
    connected.wait_for(zmq::EVENT_HANDSHAKE_SUCCEEDED);
    connected.wait_for(zmq::EVENT_HANDSHAKE_SUCCEEDED);
}

#[test]
fn a_second_connect_of_a_dealer_to_the_same_endpoint_does_nothing() {
    let ctx = Ctx::new();
    let (router, dealer) = (ctx.socket(zmq::ROUTER), ctx.socket(zmq::DEALER));
    let endpoint = join(&router, &dealer, Transport::Tcp);
    assert_eq!(dealer.connect(&endpoint), Ok(()));
    assert_eq!(dealer.disconnect(&endpoint), Ok(()));
    assert_eq!(dealer.disconnect(&endpoint), Err(zmq::ENOENT));
}

#[test]
fn several_endpoints_are_one_queue() {
    let ctx = Ctx::new();
    let pull = ctx.socket(zmq::PULL);
    for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
        let endpoint = pull.bind_any(transport);
        let push = ctx.socket(zmq::PUSH);
        push.connect(&endpoint).unwrap();
        push.send(endpoint.as_str());
        pull.expect(endpoint.as_str());
    }
}

#[test]
fn a_flood_through_small_queues_arrives_complete_and_in_order() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    pull.set(zmq::RCVHWM, 3).unwrap();
    push.set(zmq::SNDHWM, 2).unwrap();
    join(&pull, &push, Transport::Tcp);
    let sender = std::thread::spawn(move || {
        for i in 0..20_000_u32 {
            push.send([&i.to_be_bytes()[..], &[0; 20]]);
        }
        push
    });
    for i in 0..20_000_u32 {
        pull.expect([&i.to_be_bytes()[..], &[0; 20]]);
    }
    drop(sender.join().unwrap());
}
