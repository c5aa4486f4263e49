//! The greeting and the NULL handshake against a scripted peer: RFC 23 (ZMTP 3.0) and RFC 37 (3.1).

use conformance::socket::{Ctx, Sock, Transport};
use conformance::wire::{
    Raw, RawListener, SIGNATURE, bound, command, command_body, expect_when_attached, frame, greeting,
    greeting_with, long_frame, property, ready,
};
use conformance::{Errno, Monitor, wait, zmq};

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
    expect_when_attached(&sub, &mut raw, &command("SUBSCRIBE", "A"));
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

#[test]
fn the_end_of_a_connection_in_the_handshake_is_a_broken_pipe() {
    let (pull, endpoint) = bound(zmq::PULL);
    let events = Monitor::new(&pull);
    let mut raw = Raw::connect(&endpoint);
    raw.send(greeting(3, 1));
    raw.take(64);
    raw.finish();
    assert_eq!(events.wait_for(zmq::EVENT_HANDSHAKE_FAILED_NO_DETAIL).value, zmq::EPIPE.0 as u32);
    events.wait_for(zmq::EVENT_DISCONNECTED);
}

/// What an end that reads the other's type knows of it: the connection ends, and there is no event of the handshake.
fn ends_without_a_word(events: &Monitor<'_>) {
    let handshakes = [
        zmq::EVENT_HANDSHAKE_SUCCEEDED,
        zmq::EVENT_HANDSHAKE_FAILED_NO_DETAIL,
        zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL,
        zmq::EVENT_HANDSHAKE_FAILED_AUTH,
    ];
    loop {
        let event = events.next();
        assert!(!handshakes.contains(&event.event), "{event:?}");
        if event.event == zmq::EVENT_DISCONNECTED {
            return;
        }
    }
}

#[test]
fn whoever_reads_a_type_that_does_not_fit_reports_the_end_of_the_connection_alone() {
    let (rep, endpoint) = bound(zmq::REP);
    let events = Monitor::new(&rep);
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(1, "PUSH", None);
    ends_without_a_word(&events);

    let listener = RawListener::new();
    let push = Ctx::new().socket(zmq::PUSH);
    let events = Monitor::new(&push);
    listener.connect(&push).handshake(1, "REP", None);
    ends_without_a_word(&events);
}

#[test]
fn two_sockets_that_do_not_fit_part_on_both_sides() {
    let (rep, endpoint) = bound(zmq::REP);
    let push = Ctx::new().socket(zmq::PUSH);
    let (at_rep, at_push) = (Monitor::new(&rep), Monitor::new(&push));
    push.connect(&endpoint).unwrap();
    for events in [at_rep, at_push] {
        // Each has read the other's type, or, if that was faster, the end of the connection.
        loop {
            let event = events.next();
            match event.event {
                zmq::EVENT_DISCONNECTED => break,
                zmq::EVENT_HANDSHAKE_FAILED_NO_DETAIL => {
                    assert!([zmq::EPIPE, zmq::ECONNRESET].contains(&Errno(event.value as i32)), "{event:?}");
                }
                other => assert!(other & zmq::EVENT_HANDSHAKE_SUCCEEDED == 0, "{event:?}"),
            }
        }
    }
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
