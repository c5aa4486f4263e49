//! The wire protocol against a scripted peer: RFC 13 (ZMTP 1.0), RFC 15 (2.0), RFC 23 (3.0) and RFC 37 (3.1).

use conformance::socket::{Ctx, Sock, Transport, join_more};
use conformance::wire::{
    Raw, RawListener, SIGNATURE, command, command_body, frame, greeting, greeting_with, long_frame,
    old_frame, property, ready,
};
use conformance::{Monitor, wait, zmq};

/// A bound socket and its endpoint.
fn bound(kind: i32) -> (Sock, String) {
    let sock = Ctx::new().socket(kind);
    let endpoint = sock.bind_any(Transport::Tcp);
    (sock, endpoint)
}

/// A bound socket and a scripted peer of the type, both past the handshake of ZMTP 3 with that minor number.
#[track_caller]
fn with_peer(kind: i32, minor: u8, peer: &str) -> (Sock, Raw) {
    let (sock, endpoint) = bound(kind);
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(minor, peer, identity_of(peer));
    (sock, raw)
}

fn identity_of(peer: &str) -> Option<&'static [u8]> {
    matches!(peer, "REQ" | "DEALER" | "ROUTER").then_some(&b""[..])
}

/// The bytes a libzmq of 3.1 sends in its greeting after the signature.
fn rest_of_greeting() -> Vec<u8> {
    greeting(3, 1)[10..].to_vec()
}

// Greeting

#[test]
fn the_signature_comes_first_and_alone() {
    let (_sock, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    raw.expect(SIGNATURE);
}

#[test]
fn the_signature_carries_the_length_of_the_routing_id() {
    let dealer = Ctx::new().socket(zmq::DEALER);
    dealer.set_bytes(zmq::ROUTING_ID, "abc").unwrap();
    let endpoint = dealer.bind_any(Transport::Tcp);
    Raw::connect(&endpoint).expect([0xFF, 0, 0, 0, 0, 0, 0, 0, 4, 0x7F]);
}

#[test]
fn the_version_follows_the_peers_signature_without_waiting_for_its_version() {
    let (_sock, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    raw.send(SIGNATURE);
    raw.expect(SIGNATURE);
    raw.expect([3]);
    raw.send([3]);
    raw.expect(&rest_of_greeting()[1..]);
}

#[test]
fn the_whole_exchange_of_a_3_1_dealer() {
    let dealer = Ctx::new().socket(zmq::DEALER);
    dealer.set_bytes(zmq::ROUTING_ID, "abc").unwrap();
    let endpoint = dealer.bind_any(Transport::Tcp);
    let mut raw = Raw::connect(&endpoint);
    raw.expect([0xFF, 0, 0, 0, 0, 0, 0, 0, 4, 0x7F]);
    raw.send(SIGNATURE);
    raw.expect([3]);
    raw.send([3]);
    raw.expect(&rest_of_greeting()[1..]);
    raw.send(&greeting(3, 1)[11..]);
    raw.expect(
        [
            &[4, 0x2C, 5][..],
            b"READY",
            &[0x0B],
            b"Socket-Type",
            &[0, 0, 0, 6],
            b"DEALER",
            &[8],
            b"Identity",
            &[0, 0, 0, 3],
            b"abc",
        ]
        .concat(),
    );
}

#[test]
fn a_connecting_socket_sends_the_same_greeting() {
    let listener = RawListener::new();
    let push = Ctx::new().socket(zmq::PUSH);
    let mut raw = listener.connect(&push);
    raw.expect(SIGNATURE);
    raw.send(greeting(3, 1));
    raw.expect(rest_of_greeting());
    raw.expect(ready("PUSH", None));
}

#[test]
fn ready_comes_without_waiting_for_the_peers() {
    let (_sock, endpoint) = bound(zmq::REP);
    let mut raw = Raw::connect(&endpoint);
    raw.send(greeting(3, 1));
    raw.take(64);
    raw.expect(ready("REP", None));
}

macro_rules! ready_names_the_type {
    ($($name:ident: $kind:ident, $identity:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let (_sock, endpoint) = bound(zmq::$kind);
                let mut raw = Raw::connect(&endpoint);
                raw.send(greeting(3, 1));
                raw.take(64);
                raw.expect(ready(stringify!($kind), $identity));
            }
        )*
    };
}

ready_names_the_type! {
    ready_of_pair: PAIR, None;
    ready_of_pub: PUB, None;
    ready_of_sub: SUB, None;
    ready_of_req_has_an_identity: REQ, Some(b"");
    ready_of_rep: REP, None;
    ready_of_dealer_has_an_identity: DEALER, Some(b"");
    ready_of_router_has_an_identity: ROUTER, Some(b"");
    ready_of_pull: PULL, None;
    ready_of_push: PUSH, None;
    ready_of_xpub: XPUB, None;
    ready_of_xsub: XSUB, None;
}

#[test]
fn a_session_delivered_byte_by_byte_works() {
    let (pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    raw.send_bytewise(greeting(3, 1));
    raw.send_bytewise(ready("PUSH", None));
    raw.take(64);
    raw.take_frame();
    raw.send_bytewise(frame(1, "part 1"));
    raw.send_bytewise(long_frame(0, "part 2"));
    pull.expect(["part 1", "part 2"]);
}

#[test]
fn a_handshake_and_messages_each_delivered_at_once_work() {
    let (pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    let messages = [frame(0, "one"), frame(1, "two"), frame(0, [0; 300])].concat();
    raw.send([greeting(3, 1), ready("PUSH", None)].concat());
    raw.take(64);
    raw.take_frame();
    raw.send(messages);
    pull.expect("one");
    pull.expect([&b"two"[..], &[0; 300]]);
}

#[test]
fn a_connecting_socket_copes_with_a_greeting_and_ready_at_once() {
    let listener = RawListener::new();
    let pull = Ctx::new().socket(zmq::PULL);
    let mut raw = listener.connect(&pull);
    raw.send([greeting(3, 1), ready("PUSH", None)].concat());
    raw.take(64);
    raw.take_frame();
    raw.send(frame(0, "one"));
    pull.expect("one");
}

#[test]
fn a_greeting_in_three_pieces_works() {
    let (pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    let whole = greeting(3, 1);
    raw.send(&whole[..10]);
    raw.take(11);
    raw.send(&whole[10..11]);
    raw.take(53);
    raw.send(&whole[11..]);
    raw.take_frame();
    raw.send(ready("PUSH", None));
    raw.send(frame(0, "x"));
    pull.expect("x");
}

#[test]
fn a_later_major_version_is_treated_as_3() {
    let (pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    raw.send(greeting(4, 0));
    raw.take(64);
    raw.take_frame();
    raw.send(ready("PUSH", None));
    raw.send(frame(0, "from the future"));
    pull.expect("from the future");
}

#[test]
fn a_later_minor_version_is_treated_as_3_1() {
    let (sub, endpoint) = bound(zmq::SUB);
    sub.subscribe("A");
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(7, "PUB", None);
    wait_attached(&sub, &mut raw, &command("SUBSCRIBE", "A"));
}

#[test]
fn padding_of_the_signature_is_ignored() {
    let (pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    let mut hello = greeting(3, 1);
    hello[1..9].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
    raw.send(hello);
    raw.take(64);
    raw.take_frame();
    raw.send([ready("PUSH", None), frame(0, "x")].concat());
    pull.expect("x");
}

#[test]
fn the_as_server_byte_and_the_filler_are_ignored() {
    let (pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    let mut hello = greeting(3, 1);
    hello[32..].fill(1);
    raw.send(hello);
    raw.take(64);
    raw.take_frame();
    raw.send([ready("PUSH", None), frame(0, "x")].concat());
    pull.expect("x");
}

#[test]
fn an_unknown_mechanism_closes_the_connection() {
    let (pull, endpoint) = bound(zmq::PULL);
    let events = Monitor::new(&pull);
    let mut raw = Raw::connect(&endpoint);
    raw.send(greeting_with(3, 1, "XYZZY"));
    raw.take_rest();
    let event = events.wait_for(zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL);
    assert_eq!(event.value as i32, zmq::PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH);
}

#[test]
fn another_mechanism_than_ours_closes_the_connection() {
    let (_pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    raw.send(greeting_with(3, 1, "PLAIN"));
    raw.take_rest();
}

#[test]
fn a_mechanism_name_with_garbage_after_its_nul_is_another_name() {
    let (_pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    raw.send(greeting_with(3, 1, "NULL\0garbage"));
    raw.take_rest();
}

// READY

fn handshake_with(pull: &Sock, endpoint: &str, handshake: &[u8]) {
    let mut raw = Raw::connect(endpoint);
    raw.send(greeting(3, 1));
    raw.take(64);
    raw.send(handshake);
    raw.take_frame();
    raw.send(frame(0, "x"));
    pull.expect("x");
}

#[test]
fn ready_may_come_in_a_long_frame() {
    let (pull, endpoint) = bound(zmq::PULL);
    let body = command_body("READY", property("Socket-Type", "PUSH"));
    handshake_with(&pull, &endpoint, &long_frame(4, body));
}

#[test]
fn ready_may_carry_unknown_properties() {
    let (pull, endpoint) = bound(zmq::PULL);
    let properties = [
        property("X-One", "1"),
        property("Socket-Type", "PUSH"),
        property("Resource", "/r"),
        property("X-Two", ""),
    ];
    handshake_with(&pull, &endpoint, &command("READY", properties.concat()));
}

#[test]
fn ready_without_a_socket_type_is_accepted() {
    let (pull, endpoint) = bound(zmq::PULL);
    handshake_with(&pull, &endpoint, &command("READY", ""));
}

fn handshake_is_refused(handshake: &[u8]) {
    let (pull, endpoint) = bound(zmq::PULL);
    let events = Monitor::new(&pull);
    let mut raw = Raw::connect(&endpoint);
    raw.send(greeting(3, 1));
    raw.take(64);
    raw.send(handshake);
    raw.take_rest();
    events.wait_for(zmq::EVENT_DISCONNECTED);
}

#[test]
fn ready_with_a_mismatched_socket_type_closes_the_connection() {
    handshake_is_refused(&ready("PUB", None));
}

#[test]
fn ready_with_an_unknown_socket_type_closes_the_connection() {
    handshake_is_refused(&ready("PUSHER", None));
}

#[test]
fn ready_with_a_lower_case_socket_type_closes_the_connection() {
    handshake_is_refused(&ready("push", None));
}

#[test]
fn ready_cut_off_in_a_property_closes_the_connection() {
    let mut properties = property("Socket-Type", "PUSH");
    properties.pop();
    handshake_is_refused(&command("READY", properties));
}

#[test]
fn ready_with_a_value_longer_than_the_command_closes_the_connection() {
    let mut properties = command_body("Socket-Type", 1000_u32.to_be_bytes());
    properties.extend(b"PUSH");
    handshake_is_refused(&command("READY", properties));
}

#[test]
fn an_unexpected_handshake_command_closes_the_connection() {
    let (pull, endpoint) = bound(zmq::PULL);
    let events = Monitor::new(&pull);
    let mut raw = Raw::connect(&endpoint);
    raw.send(greeting(3, 1));
    raw.take(64);
    raw.send(command("HELLO", "x"));
    raw.take_rest();
    let event = events.wait_for(zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL);
    assert_eq!(event.value as i32, zmq::PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND);
}

#[test]
fn a_message_instead_of_ready_closes_the_connection() {
    handshake_is_refused(&frame(0, "hello, world, I did not read the RFC"));
}

#[test]
fn an_error_command_with_a_status_code_is_an_authentication_failure() {
    let listener = RawListener::new();
    let push = Ctx::new().socket(zmq::PUSH);
    let events = Monitor::new(&push);
    let mut raw = listener.connect(&push);
    raw.send(greeting(3, 1));
    raw.take(64);
    raw.take_frame();
    raw.send(command("ERROR", "\u{3}400"));
    assert_eq!(events.wait_for(zmq::EVENT_HANDSHAKE_FAILED_AUTH).value, 400);
    raw.take_rest();
}

#[test]
fn an_error_command_with_a_bad_length_is_malformed() {
    let listener = RawListener::new();
    let push = Ctx::new().socket(zmq::PUSH);
    let events = Monitor::new(&push);
    let mut raw = listener.connect(&push);
    raw.send(greeting(3, 1));
    raw.take(64);
    raw.take_frame();
    raw.send(command("ERROR", "\u{9}400"));
    let event = events.wait_for(zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL);
    assert_eq!(event.value as i32, zmq::PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_ERROR);
}

/// A connecting socket that meets this violation gives its endpoint up: the connection after it is another endpoint's.
fn gives_up(kind: i32, violation: impl FnOnce(&mut Raw)) {
    let ctx = Ctx::new();
    let listener = RawListener::new();
    let sock = ctx.socket(kind);
    sock.set(zmq::RECONNECT_IVL, 1).unwrap();
    sock.set(zmq::SNDTIMEO, 0).unwrap();
    let mut raw = listener.connect(&sock);
    violation(&mut raw);
    raw.take_rest();
    // The pipe is gone, so there is nobody to send to; with a reconnect there would be.
    wait::until("the peer to be given up", || !sock.writable());
    assert_eq!(sock.try_send("x"), Err(zmq::EAGAIN));
}

#[test]
fn a_mismatched_type_ends_a_connecting_socket_without_reconnect() {
    gives_up(zmq::PUSH, |raw| {
        raw.send(greeting(3, 1));
        raw.send(ready("SUB", None));
    });
}

#[test]
fn a_mismatched_mechanism_ends_a_connecting_socket_without_reconnect() {
    gives_up(zmq::PUSH, |raw| raw.send(greeting_with(3, 1, "CURVE")));
}

#[test]
fn a_dropped_connection_is_made_again() {
    let listener = RawListener::new();
    let pull = Ctx::new().socket(zmq::PULL);
    pull.set(zmq::RECONNECT_IVL, 1).unwrap();
    let mut first = listener.connect(&pull);
    first.handshake(1, "PUSH", None);
    drop(first);
    let mut second = listener.accept();
    second.handshake(1, "PUSH", None);
    second.send(frame(0, "x"));
    pull.expect("x");
}

#[test]
fn a_connection_lost_in_the_handshake_is_made_again() {
    let listener = RawListener::new();
    let pull = Ctx::new().socket(zmq::PULL);
    pull.set(zmq::RECONNECT_IVL, 1).unwrap();
    for bytes in [0, 5, 11, 40, 64] {
        let mut raw = if bytes == 0 { listener.connect(&pull) } else { listener.accept() };
        raw.send(&greeting(3, 1)[..bytes]);
    }
    let mut raw = listener.accept();
    raw.handshake(1, "PUSH", None);
    raw.send(frame(0, "x"));
    pull.expect("x");
}

// Handshake timer

fn a_stalled_handshake_times_out(sent: &[u8]) {
    let pull = Ctx::new().socket(zmq::PULL);
    pull.set(zmq::HANDSHAKE_IVL, 50).unwrap();
    let endpoint = pull.bind_any(Transport::Tcp);
    let events = Monitor::new(&pull);
    let mut raw = Raw::connect(&endpoint);
    raw.send(sent);
    raw.take_rest();
    events.wait_for(zmq::EVENT_HANDSHAKE_FAILED_NO_DETAIL);
}

#[test]
fn a_silent_peer_times_out() {
    a_stalled_handshake_times_out(&[]);
}

#[test]
fn a_peer_that_stalls_after_10_bytes_times_out() {
    a_stalled_handshake_times_out(&SIGNATURE);
}

#[test]
fn a_peer_that_stalls_after_11_bytes_times_out() {
    a_stalled_handshake_times_out(&greeting(3, 1)[..11]);
}

#[test]
fn a_peer_that_stalls_after_its_greeting_times_out() {
    a_stalled_handshake_times_out(&greeting(3, 1));
}

#[test]
fn a_peer_that_stalls_in_ready_times_out() {
    a_stalled_handshake_times_out(&[greeting(3, 1), ready("PUSH", None)[..10].to_vec()].concat());
}

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
fn an_absurd_size_closes_the_connection() {
    let (pull, mut raw) = with_peer(zmq::PULL, 1, "PUSH");
    raw.send([2, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]);
    raw.take_rest();
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

// Subscriptions

/// Lets the bound socket attach its peer, then reads what it says.
#[track_caller]
fn wait_attached(sock: &Sock, raw: &mut Raw, wanted: &[u8]) {
    let _ = sock.ctx();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| raw.expect(wanted));
        wait::until("the expected bytes", || {
            sock.events();
            reader.is_finished()
        });
        reader.join().expect("the expected bytes");
    });
}

/// A SUB connected to a scripted PUB.
fn sub_with_peer(minor: u8) -> (Sock, Raw) {
    let listener = RawListener::new();
    let sub = Ctx::new().socket(zmq::SUB);
    let mut raw = listener.connect(&sub);
    raw.handshake(minor, "PUB", None);
    (sub, raw)
}

#[test]
fn sub_sends_messages_to_a_3_0_peer() {
    let (sub, mut raw) = sub_with_peer(0);
    for topic in ["A", "A", "B"] {
        sub.subscribe(topic);
        raw.expect(frame(0, format!("\u{1}{topic}")));
    }
    sub.unsubscribe("B");
    raw.expect([0, 2, 0, b'B']);
}

#[test]
fn sub_sends_commands_to_a_3_1_peer() {
    let (sub, mut raw) = sub_with_peer(1);
    for topic in ["A", "A", "B"] {
        sub.subscribe(topic);
        raw.expect(command("SUBSCRIBE", topic));
    }
    sub.unsubscribe("B");
    raw.expect(command("CANCEL", "B"));
}

#[test]
fn cancel_is_sent_for_the_last_unsubscribe_only() {
    let (sub, mut raw) = sub_with_peer(1);
    for _ in 0..3 {
        sub.subscribe("A");
        raw.expect(command("SUBSCRIBE", "A"));
    }
    for _ in 0..3 {
        sub.unsubscribe("A");
    }
    sub.unsubscribe("A");
    raw.expect(command("CANCEL", "A"));
    sub.subscribe("B");
    raw.expect(command("SUBSCRIBE", "B"));
}

#[test]
fn a_new_connection_gets_each_topic_once() {
    let sub = Ctx::new().socket(zmq::SUB);
    for topic in ["A", "A", "A"] {
        sub.subscribe(topic);
    }
    let listener = RawListener::new();
    let mut raw = listener.connect(&sub);
    raw.handshake(1, "PUB", None);
    raw.expect(command("SUBSCRIBE", "A"));
    sub.subscribe("B");
    raw.expect(command("SUBSCRIBE", "B"));
}

#[test]
fn xsub_sends_its_users_subscriptions_as_messages() {
    let listener = RawListener::new();
    let xsub = Ctx::new().socket(zmq::XSUB);
    let mut raw = listener.connect(&xsub);
    raw.handshake(1, "XPUB", None);
    xsub.send("\u{1}A");
    raw.expect([0, 2, 1, b'A']);
    xsub.send("\0A");
    raw.expect([0, 2, 0, b'A']);
}

fn a_publisher_takes(minor: u8, subscribe: &[u8], cancel: &[u8]) {
    let (xpub, endpoint) = bound(zmq::XPUB);
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(minor, "SUB", None);
    raw.send(subscribe);
    xpub.expect("\u{1}A");
    xpub.send(["A", "one"]);
    raw.expect([frame(1, "A"), frame(0, "one")].concat());
    raw.send(cancel);
    xpub.expect("\0A");
    xpub.send(["A", "two"]);
    raw.send(subscribe);
    xpub.expect("\u{1}A");
    xpub.send(["A", "three"]);
    raw.expect([frame(1, "A"), frame(0, "three")].concat());
}

#[test]
fn a_publisher_takes_subscription_commands() {
    a_publisher_takes(1, &command("SUBSCRIBE", "A"), &command("CANCEL", "A"));
}

#[test]
fn a_publisher_takes_subscription_messages_from_a_3_0_peer() {
    a_publisher_takes(0, &frame(0, "\u{1}A"), &frame(0, "\0A"));
}

#[test]
fn a_publisher_takes_subscription_messages_from_a_3_1_peer() {
    a_publisher_takes(1, &frame(0, "\u{1}A"), &frame(0, "\0A"));
}

#[test]
fn subscriptions_of_one_connection_are_a_set() {
    let (xpub, endpoint) = bound(zmq::XPUB);
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(1, "SUB", None);
    raw.send([command("SUBSCRIBE", "A"), command("SUBSCRIBE", "A"), command("CANCEL", "A")].concat());
    xpub.expect("\u{1}A");
    xpub.expect("\0A");
    raw.send(command("SUBSCRIBE", "B"));
    xpub.expect("\u{1}B");
    xpub.send("A");
    xpub.send("B");
    raw.expect(frame(0, "B"));
}

macro_rules! topic_lengths {
    ($($name:ident: $minor:expr, $length:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let (sub, mut raw) = sub_with_peer($minor);
                let topic = [b't'; $length];
                sub.subscribe(topic);
                if $minor == 0 {
                    raw.expect(frame(0, [&[1][..], &topic].concat()));
                } else {
                    raw.expect(command("SUBSCRIBE", topic));
                }
            }
        )*
    };
}

topic_lengths! {
    a_topic_of_200_bytes_to_3_0: 0, 200;
    a_topic_of_254_bytes_to_3_0: 0, 254;
    a_topic_of_256_bytes_to_3_0: 0, 256;
    a_topic_of_245_bytes_to_3_1: 1, 245;
    a_topic_of_256_bytes_to_3_1: 1, 256;
    a_topic_of_5000_bytes_to_3_1: 1, 5000;
}

#[test]
fn a_topic_of_255_bytes_is_framed_correctly() {
    conformance::ours_only!("forgets the LONG flag, so that the peer loses the framing");
    for minor in [0, 1] {
        for length in 246..=255 {
            let (sub, mut raw) = sub_with_peer(minor);
            let topic = vec![b't'; length];
            sub.subscribe(&topic);
            if minor == 0 {
                raw.expect(frame(0, [&[1][..], &topic].concat()));
            } else {
                raw.expect(command("SUBSCRIBE", topic));
            }
        }
    }
}

// ZMTP 2.0

#[test]
fn a_2_0_peer_is_spoken_to_in_2_0() {
    let dealer = Ctx::new().socket(zmq::DEALER);
    dealer.set_bytes(zmq::ROUTING_ID, "abc").unwrap();
    let endpoint = dealer.bind_any(Transport::Tcp);
    let mut raw = Raw::connect(&endpoint);
    raw.send([&SIGNATURE[..], &[1]].concat());
    raw.expect([0xFF, 0, 0, 0, 0, 0, 0, 0, 4, 0x7F, 3, 5]);
    raw.send([6]);
    raw.expect([0, 3, b'a', b'b', b'c']);
    raw.send([0, 0]);
    raw.send(frame(0, "hello"));
    dealer.expect("hello");
    dealer.send("x");
    raw.expect([0, 1, b'x']);
}

#[test]
fn a_2_0_peer_that_sends_everything_at_once_is_understood() {
    let (pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    raw.send([&SIGNATURE[..], &[1, 8], &[0, 0], &frame(1, "two"), &frame(0, "frames")].concat());
    pull.expect(["two", "frames"]);
}

#[test]
fn the_identity_of_a_2_0_peer_is_its_routing_id() {
    let (router, endpoint) = bound(zmq::ROUTER);
    let mut raw = Raw::connect(&endpoint);
    raw.send([&SIGNATURE[..], &[1, 5], &frame(0, "me"), &frame(0, "hello")].concat());
    router.expect(["me", "hello"]);
    raw.take(12);
    raw.expect([0, 0]);
    router.send(["me", "welcome"]);
    raw.expect(frame(0, "welcome"));
}

#[test]
fn sub_sends_messages_to_a_2_0_peer() {
    let listener = RawListener::new();
    let sub = Ctx::new().socket(zmq::SUB);
    sub.subscribe("A");
    let mut raw = listener.connect(&sub);
    raw.send([&SIGNATURE[..], &[1, 1], &[0, 0]].concat());
    raw.expect(SIGNATURE);
    raw.expect([3, 2]);
    raw.expect([0, 0]);
    raw.expect([0, 2, 1, b'A']);
    raw.send([frame(1, "A1"), frame(0, "x")].concat());
    sub.expect(["A1", "x"]);
}

#[test]
fn a_2_0_subscriber_is_served() {
    let (xpub, endpoint) = bound(zmq::XPUB);
    let mut raw = Raw::connect(&endpoint);
    raw.send([&SIGNATURE[..], &[1, 2], &[0, 0], &frame(0, "\u{1}A")].concat());
    xpub.expect("\u{1}A");
    xpub.send("A1");
    raw.take(14);
    raw.expect(frame(0, "A1"));
}

// ZMTP 1.0

#[test]
fn a_1_0_peer_is_spoken_to_in_1_0() {
    let dealer = Ctx::new().socket(zmq::DEALER);
    dealer.set_bytes(zmq::ROUTING_ID, "abc").unwrap();
    let endpoint = dealer.bind_any(Transport::Tcp);
    let mut raw = Raw::connect(&endpoint);
    raw.send([1, 0]);
    raw.expect([0xFF, 0, 0, 0, 0, 0, 0, 0, 4, 0x7F, b'a', b'b', b'c']);
    raw.send([&[6, 0][..], b"hello"].concat());
    dealer.expect("hello");
    dealer.send("yy");
    raw.expect([3, 0, b'y', b'y']);
}

#[test]
fn a_1_0_peer_delivering_byte_by_byte_is_understood() {
    let (pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    raw.send_bytewise([old_frame(0, ""), old_frame(1, "two"), old_frame(0, "frames")].concat());
    pull.expect(["two", "frames"]);
}

#[test]
fn a_short_1_0_message_after_the_identity_is_delivered_at_once() {
    let (pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    raw.send([old_frame(0, ""), old_frame(0, "x")].concat());
    pull.expect("x");
}

#[test]
fn a_1_0_identity_of_253_bytes_comes_in_a_short_frame() {
    identity_of_1_0(253);
}

#[test]
fn a_1_0_identity_of_254_bytes_comes_in_a_long_frame() {
    identity_of_1_0(254);
}

#[test]
fn a_1_0_identity_of_255_bytes_comes_in_a_long_frame() {
    identity_of_1_0(255);
}

fn identity_of_1_0(length: usize) {
    let (router, endpoint) = bound(zmq::ROUTER);
    let mut raw = Raw::connect(&endpoint);
    let id = vec![b'i'; length];
    raw.send([old_frame(0, &id), old_frame(0, "hello")].concat());
    router.expect([&id[..], b"hello"]);
    raw.take(10);
    router.send([&id[..], b"welcome"]);
    raw.expect(old_frame(0, "welcome"));
}

#[test]
fn a_long_message_goes_to_a_1_0_peer_in_a_long_frame() {
    let (router, endpoint) = bound(zmq::ROUTER);
    let mut raw = Raw::connect(&endpoint);
    raw.send([old_frame(0, "me"), old_frame(0, "hello")].concat());
    router.expect(["me", "hello"]);
    raw.take(10);
    for size in [253, 254, 255, 256, 1000] {
        router.send([&b"me"[..], &vec![7; size]]);
        raw.expect(old_frame(0, vec![7; size]));
    }
}

#[test]
fn a_1_0_subscriber_gets_everything() {
    let (xpub, endpoint) = bound(zmq::XPUB);
    let mut raw = Raw::connect(&endpoint);
    raw.send(old_frame(0, ""));
    xpub.expect("\u{1}");
    xpub.send(["any", "topic"]);
    raw.take(10);
    raw.expect([old_frame(1, "any"), old_frame(0, "topic")].concat());
}

#[test]
fn sub_sends_messages_to_a_1_0_peer_and_filters() {
    let listener = RawListener::new();
    let sub = Ctx::new().socket(zmq::SUB);
    sub.subscribe("A");
    let mut raw = listener.connect(&sub);
    raw.send(old_frame(0, ""));
    raw.expect(SIGNATURE);
    raw.expect(old_frame(0, "\u{1}A"));
    raw.send([old_frame(0, "B"), old_frame(1, "B"), old_frame(0, "A"), old_frame(0, "A")].concat());
    sub.expect("A");
}

#[test]
fn a_1_0_frame_of_length_0_closes_the_connection() {
    let (_pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    raw.send([old_frame(0, ""), vec![0, 0, 0]].concat());
    raw.take_rest();
}

#[test]
fn reserved_flag_bits_of_1_0_are_ignored() {
    let (pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    raw.send(
        [old_frame(0, ""), old_frame(0xFE, "one"), old_frame(0x81, "two"), old_frame(0, "parts")].concat(),
    );
    pull.expect("one");
    pull.expect(["two", "parts"]);
}

#[test]
fn a_versioned_1_0_peer_gets_an_identity_frame() {
    let dealer = Ctx::new().socket(zmq::DEALER);
    dealer.set_bytes(zmq::ROUTING_ID, "abc").unwrap();
    let endpoint = dealer.bind_any(Transport::Tcp);
    let mut raw = Raw::connect(&endpoint);
    raw.send([&SIGNATURE[..], &[0, 6]].concat());
    raw.expect([0xFF, 0, 0, 0, 0, 0, 0, 0, 4, 0x7F, 3, 5]);
    raw.expect(old_frame(0, "abc"));
    raw.send([old_frame(0, ""), old_frame(0, "hello")].concat());
    dealer.expect("hello");
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
