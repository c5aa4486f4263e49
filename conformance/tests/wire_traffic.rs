//! Frames, commands and heartbeats after the handshake, and what the patterns write: RFC 23 (ZMTP 3.0), RFC 37 (3.1).

use conformance::socket::{Ctx, Sock, Transport, join_more};
use conformance::wire::{
    Raw, RawListener, bound, command, command_body, frame, long_frame, old_frame, property, with_peer,
};
use conformance::{Monitor, ours_only, wait, zmq};

// Frames

#[test]
fn a_frame_up_to_255_bytes_is_short_and_a_longer_one_is_long() {
    let (push, mut raw) = with_peer(zmq::PUSH, 1, "PULL");
    for size in [0, 1, 254, 255, 256, 1000, 70_000] {
        push.send([vec![7; size]]);
        raw.expect(frame(0, vec![7; size]));
    }
}

#[test]
fn the_more_flag_is_on_all_frames_but_the_last() {
    let (push, mut raw) = with_peer(zmq::PUSH, 1, "PULL");
    push.send([&b"a"[..], b"", &[0; 256], b"z"]);
    raw.expect([frame(1, "a"), frame(1, ""), frame(1, [0; 256]), frame(0, "z")].concat());
}

#[test]
fn a_long_frame_with_a_small_size_is_accepted() {
    let (pull, mut raw) = with_peer(zmq::PULL, 1, "PUSH");
    raw.send(long_frame(0, "small"));
    raw.send(long_frame(0, ""));
    pull.expect("small");
    pull.expect("");
}

#[test]
fn reserved_flag_bits_are_ignored() {
    let (pull, mut raw) = with_peer(zmq::PULL, 1, "PUSH");
    raw.send(frame(0xF8, "one"));
    raw.send([frame(0x81, "two"), frame(0x10, "parts")].concat());
    pull.expect("one");
    pull.expect(["two", "parts"]);
}

#[test]
fn a_frame_split_anywhere_is_put_together() {
    let (pull, mut raw) = with_peer(zmq::PULL, 1, "PUSH");
    let body: Vec<u8> = (0..600).map(|i| (i % 256) as u8).collect();
    let bytes = [frame(1, "head"), frame(0, &body)].concat();
    for at in [1, 2, 5, 6, 7, 8, 14, 15, 16, 300, bytes.len() - 1] {
        raw.send(&bytes[..at]);
        raw.send(&bytes[at..]);
        pull.expect([b"head", &body[..]]);
    }
}

#[test]
fn what_is_incomplete_at_the_end_is_dropped_and_the_rest_is_kept() {
    let (pull, mut raw) = with_peer(zmq::PULL, 1, "PUSH");
    raw.send([frame(0, "whole"), frame(1, "half a"), frame(0, "message")[..5].to_vec()].concat());
    raw.finish();
    raw.take_rest();
    pull.expect("whole");
    let mut next = Raw::connect(&pull.last_endpoint());
    next.handshake(1, "PUSH", None);
    next.send(frame(0, "next"));
    pull.expect("next");
}

// MAXMSGSIZE

fn limited(limit: i64) -> (Sock, Raw) {
    let pull = Ctx::new().socket(zmq::PULL);
    pull.set_bytes(zmq::MAXMSGSIZE, limit.to_ne_bytes()).unwrap();
    let endpoint = pull.bind_any(Transport::Tcp);
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(1, "PUSH", None);
    (pull, raw)
}

#[test]
fn a_frame_of_exactly_maxmsgsize_passes() {
    let (pull, mut raw) = limited(300);
    raw.send(frame(0, [7; 300]));
    pull.expect([[7; 300]]);
}

#[test]
fn a_frame_above_maxmsgsize_closes_the_connection() {
    let (_pull, mut raw) = limited(300);
    raw.send(frame(0, [7; 301]));
    raw.take_rest();
}

#[test]
fn the_announced_size_is_enough_to_close_the_connection() {
    let (_pull, mut raw) = limited(300);
    raw.send(&frame(0, [7; 301])[..9]);
    raw.take_rest();
}

#[test]
fn maxmsgsize_counts_frames_not_messages() {
    let (pull, mut raw) = limited(100);
    raw.send([frame(1, [7; 100]), frame(1, [7; 100]), frame(0, [7; 100])].concat());
    pull.expect([[7; 100], [7; 100], [7; 100]]);
}

#[test]
fn maxmsgsize_holds_for_zmtp_1() {
    let pull = Ctx::new().socket(zmq::PULL);
    pull.set_bytes(zmq::MAXMSGSIZE, 10_i64.to_ne_bytes()).unwrap();
    let endpoint = pull.bind_any(Transport::Tcp);
    let mut raw = Raw::connect(&endpoint);
    raw.send([old_frame(0, ""), old_frame(0, [7; 10]), old_frame(0, [7; 11])].concat());
    pull.expect([[7; 10]]);
    raw.take_rest();
}

#[test]
fn maxmsgsize_does_not_limit_inproc() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    pull.set_bytes(zmq::MAXMSGSIZE, 1_i64.to_ne_bytes()).unwrap();
    let endpoint = pull.bind_any(Transport::Inproc);
    join_more(&pull, &push, &endpoint);
    push.send("more than one");
    pull.expect("more than one");
}

#[test]
fn a_size_of_more_than_63_bits_closes_the_connection() {
    let (_pull, mut raw) = with_peer(zmq::PULL, 1, "PUSH");
    raw.send([2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    raw.take_rest();
}

#[test]
fn an_absurd_size_harms_nobody_else() {
    let (pull, mut raw) = with_peer(zmq::PULL, 1, "PUSH");
    raw.send([2, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    let mut next = Raw::connect(&pull.last_endpoint());
    next.handshake(1, "PUSH", None);
    next.send(frame(0, "x"));
    pull.expect("x");
}

// Commands in traffic

#[test]
fn unknown_commands_are_ignored() {
    let (pull, mut raw) = with_peer(zmq::PULL, 1, "PUSH");
    raw.send(command("NONSENSE", "data"));
    raw.send(command("READY", property("Socket-Type", "PUSH")));
    raw.send(frame(4, [200, 1, 2]));
    raw.send(command("JOIN", "group"));
    raw.send(frame(5, command_body("MORE", "")));
    raw.send(frame(0, "x"));
    pull.expect("x");
}

#[test]
fn an_empty_command_is_ignored() {
    let (pull, mut raw) = with_peer(zmq::PULL, 1, "PUSH");
    raw.send(frame(4, ""));
    raw.send(frame(0, "x"));
    pull.expect("x");
}

#[test]
fn a_command_between_the_frames_of_a_message_does_not_disturb_it() {
    let (pull, mut raw) = with_peer(zmq::PULL, 1, "PUSH");
    raw.send(frame(1, "one"));
    raw.send(command("PING", [0, 0, b'c']));
    raw.expect(command("PONG", "c"));
    raw.send(command("NONSENSE", ""));
    raw.send(frame(0, "two"));
    pull.expect(["one", "two"]);
}

// Heartbeats

#[test]
fn ping_is_answered_with_its_context() {
    let (_pull, mut raw) = with_peer(zmq::PULL, 1, "PUSH");
    for context in ["", "hi", "sixteen bytes ok"] {
        raw.send(command("PING", [&[0, 0][..], context.as_bytes()].concat()));
        raw.expect(command("PONG", context));
    }
}

#[test]
fn a_long_ping_context_is_cut_to_16_bytes() {
    let (_pull, mut raw) = with_peer(zmq::PULL, 1, "PUSH");
    raw.send(command("PING", [&[0, 0][..], b"0123456789abcdefXYZ"].concat()));
    raw.expect(command("PONG", "0123456789abcdef"));
}

#[test]
fn an_unsolicited_pong_is_ignored() {
    let (pull, mut raw) = with_peer(zmq::PULL, 1, "PUSH");
    raw.send(command("PONG", "?"));
    raw.send(frame(0, "x"));
    pull.expect("x");
}

#[test]
fn heartbeats_carry_the_ttl() {
    let pull = Ctx::new().socket(zmq::PULL);
    pull.set(zmq::HEARTBEAT_IVL, 20).unwrap();
    pull.set(zmq::HEARTBEAT_TTL, 1500).unwrap();
    pull.set(zmq::HEARTBEAT_TIMEOUT, 0).unwrap();
    let endpoint = pull.bind_any(Transport::Tcp);
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(1, "PUSH", None);
    raw.expect(command("PING", [0, 15]));
    raw.expect(command("PING", [0, 15]));
}

#[test]
fn an_unanswered_ping_closes_the_connection() {
    let pull = Ctx::new().socket(zmq::PULL);
    pull.set(zmq::HEARTBEAT_IVL, 20).unwrap();
    pull.set(zmq::HEARTBEAT_TIMEOUT, 50).unwrap();
    let endpoint = pull.bind_any(Transport::Tcp);
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(1, "PUSH", None);
    assert!(raw.take_rest().starts_with(&command("PING", [0, 0])));
}

#[test]
fn an_answered_ping_keeps_the_connection() {
    let pull = Ctx::new().socket(zmq::PULL);
    pull.set(zmq::HEARTBEAT_IVL, 50).unwrap();
    pull.set(zmq::HEARTBEAT_TIMEOUT, 5000).unwrap();
    let endpoint = pull.bind_any(Transport::Tcp);
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(1, "PUSH", None);
    for _ in 0..5 {
        raw.expect(command("PING", [0, 0]));
        raw.send(command("PONG", ""));
    }
    raw.send(frame(0, "x"));
    pull.expect("x");
}

#[test]
fn silence_after_a_ping_with_a_ttl_closes_the_connection() {
    let (pull, mut raw) = with_peer(zmq::PULL, 1, "PUSH");
    let events = Monitor::new(&pull);
    raw.send(command("PING", [0, 1]));
    raw.expect(command("PONG", ""));
    raw.take_rest();
    events.wait_for(zmq::EVENT_DISCONNECTED);
}

// Patterns on the wire

#[test]
fn req_sends_a_delimiter() {
    let listener = RawListener::new();
    let req = Ctx::new().socket(zmq::REQ);
    let mut raw = listener.connect(&req);
    raw.handshake(1, "REP", None);
    req.send(["a", "b"]);
    raw.expect([frame(1, ""), frame(1, "a"), frame(0, "b")].concat());
    raw.send([frame(1, ""), frame(0, "reply")].concat());
    req.expect("reply");
}

#[test]
fn req_with_correlate_sends_an_id_and_a_delimiter() {
    let listener = RawListener::new();
    let req = Ctx::new().socket(zmq::REQ);
    req.set(zmq::REQ_CORRELATE, 1).unwrap();
    let mut raw = listener.connect(&req);
    raw.handshake(1, "ROUTER", Some(b""));
    req.send("question");
    let (flags, id) = raw.take_frame();
    assert_eq!((flags, id.len()), (1, 4));
    raw.expect([frame(1, ""), frame(0, "question")].concat());
    raw.send([frame(1, &id), frame(1, ""), frame(0, "reply")].concat());
    req.expect("reply");
}

#[test]
fn a_malformed_envelope_closes_a_reqs_connection() {
    let listener = RawListener::new();
    let req = Ctx::new().socket(zmq::REQ);
    let mut raw = listener.connect(&req);
    raw.handshake(1, "REP", None);
    req.send("question");
    raw.expect([frame(1, ""), frame(0, "question")].concat());
    raw.send(frame(0, "no envelope"));
    raw.take_rest();
}

#[test]
fn a_reply_with_a_foreign_id_is_dropped_by_a_plain_req() {
    let listener = RawListener::new();
    let req = Ctx::new().socket(zmq::REQ);
    let mut raw = listener.connect(&req);
    raw.handshake(1, "ROUTER", Some(b""));
    req.send("question");
    raw.expect([frame(1, ""), frame(0, "question")].concat());
    raw.send([frame(1, [1, 2, 3, 4]), frame(1, ""), frame(0, "odd")].concat());
    raw.send([frame(1, ""), frame(0, "reply")].concat());
    req.expect("reply");
}

#[test]
fn router_hands_out_the_identity_of_ready() {
    let (router, endpoint) = bound(zmq::ROUTER);
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(1, "DEALER", Some(b"my id"));
    raw.send(frame(0, "hello"));
    router.expect(["my id", "hello"]);
    router.send(["my id", "welcome"]);
    raw.expect(frame(0, "welcome"));
}

#[test]
fn rep_sends_the_envelope_back() {
    let (rep, endpoint) = bound(zmq::REP);
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(1, "REQ", Some(b""));
    raw.send([frame(1, "hop"), frame(1, ""), frame(0, "question")].concat());
    rep.expect("question");
    rep.send("answer");
    raw.expect([frame(1, "hop"), frame(1, ""), frame(0, "answer")].concat());
}

#[test]
fn a_push_lets_its_peers_messages_lie() {
    let (push, mut raw) = with_peer(zmq::PUSH, 1, "PULL");
    raw.send(frame(0, "nobody reads this"));
    push.send("x");
    raw.expect(frame(0, "x"));
    assert_eq!(push.events(), zmq::POLLOUT);
}

#[test]
fn a_pub_discards_messages_that_are_no_subscriptions() {
    let (publisher, endpoint) = bound(zmq::PUB);
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(1, "XSUB", None);
    raw.send([frame(0, "noise"), command("SUBSCRIBE", "A")].concat());
    let mut reader = raw;
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| reader.expect(frame(0, "A")));
        wait::until("the subscription to be in effect", || {
            publisher.send("A");
            reader.is_finished()
        });
        reader.join().expect("the message");
    });
}

#[test]
fn a_probe_is_an_empty_message() {
    let listener = RawListener::new();
    let dealer = Ctx::new().socket(zmq::DEALER);
    dealer.set(zmq::PROBE_ROUTER, 1).unwrap();
    let mut raw = listener.connect(&dealer);
    raw.handshake(1, "ROUTER", Some(b""));
    raw.expect([0, 0]);
}

#[test]
fn messages_queued_before_the_connection_are_sent_after_the_handshake() {
    let listener = RawListener::new();
    let push = Ctx::new().socket(zmq::PUSH);
    push.connect(&listener.endpoint()).unwrap();
    push.send("one");
    push.send(["two", "parts"]);
    let mut raw = listener.accept();
    raw.handshake(1, "PULL", None);
    raw.expect([frame(0, "one"), frame(1, "two"), frame(0, "parts")].concat());
}

#[test]
fn a_thousand_messages_in_one_write_arrive() {
    let (pull, mut raw) = with_peer(zmq::PULL, 1, "PUSH");
    let mut bytes = vec![];
    for i in 0..1000_u32 {
        bytes.extend(frame(0, i.to_be_bytes()));
    }
    raw.send(bytes);
    for i in 0..1000_u32 {
        pull.expect(&i.to_be_bytes());
    }
}

#[test]
fn a_subscription_inside_of_a_message_does_not_tear_it() {
    ours_only!("libzmq ends the message there");
    for size in [1, 1000, 1 << 20] {
        let (publisher, mut raw) = with_peer(zmq::XPUB, 1, "XSUB");
        let large = vec![7; size];
        raw.send([frame(1, "a"), frame(1, &large), command("PING", [0, 0])].concat());
        raw.expect(command("PONG", ""));
        raw.send(command("SUBSCRIBE", "topic"));
        if size > 200_000 {
            // It was handed over in part.
            assert!(raw.take_rest().is_empty(), "the connection was closed");
            assert_eq!(publisher.try_recv(), Err(zmq::EAGAIN));
            continue;
        }
        publisher.expect("\u{1}topic");
        raw.send([frame(0, "z"), frame(0, "next")].concat());
        publisher.expect([b"a", &large[..], b"z"]);
        publisher.expect("next");
    }
}
