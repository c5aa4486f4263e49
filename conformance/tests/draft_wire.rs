//! What the draft types write and take: RFC 48 (RADIO, DISH) over ZMTP, and the types whose messages have one part.

use conformance::socket::Transport;
use conformance::wire::{
    Raw, RawListener, bound, command, expect_when_attached, frame, greeting, ready, with_peer,
};
use conformance::{Ctx, Monitor, draft, ours_only, wait, zmq};

#[test]
fn a_dish_says_what_it_joins_and_leaves() {
    let draft = draft!();
    let listener = RawListener::new();
    let dish = Ctx::new().socket(zmq::DISH);
    draft.join(&dish, "early").unwrap();
    let mut raw = listener.connect(&dish);
    raw.handshake(1, "RADIO", None);
    raw.expect(command("JOIN", "early"));
    draft.join(&dish, "").unwrap();
    raw.expect(command("JOIN", ""));
    draft.leave(&dish, "early").unwrap();
    raw.expect(command("LEAVE", "early"));
    draft.join(&dish, [b'g'; 255]).unwrap();
    raw.expect([&[6, 0, 0, 0, 0, 0, 0, 1, 4, 4][..], b"JOIN", &[b'g'; 255]].concat());
}

#[test]
fn a_dish_joins_its_groups_on_every_connection() {
    let draft = draft!();
    let listener = RawListener::new();
    let dish = Ctx::new().socket(zmq::DISH);
    dish.set(zmq::RECONNECT_IVL, 1).unwrap();
    draft.join(&dish, "b").unwrap();
    draft.join(&dish, "a").unwrap();
    let mut raw = listener.connect(&dish);
    for _ in 0..3 {
        raw.handshake(1, "RADIO", None);
        expect_when_attached(&dish, &mut raw, &[command("JOIN", "a"), command("JOIN", "b")].concat());
        drop(raw);
        raw = listener.accept();
    }
}

#[test]
fn a_radio_sends_a_group_and_a_body() {
    let draft = draft!();
    let (radio, mut raw) = with_peer(zmq::RADIO, 1, "DISH");
    raw.send(command("JOIN", "a"));
    raw.send(command("JOIN", "b"));
    raw.send(command("LEAVE", "b"));
    raw.send(command("JOIN", "last"));
    wait::until("joined", || {
        draft.send_to_group(&radio, "last", "-", 0).unwrap();
        radio.events();
        raw.has_input()
    });
    for (group, body) in [("b", "left"), ("a", "1"), ("c", "never joined"), ("a", "")] {
        draft.send_to_group(&radio, group, body, 0).unwrap();
    }
    let wanted = [(1, b"a".to_vec()), (0, b"1".to_vec()), (1, b"a".to_vec()), (0, vec![])];
    let mut got = vec![];
    while got.len() < 4 {
        let group = raw.take_frame();
        let body = raw.take_frame();
        if group.1 != b"last" {
            got.extend([group, body]);
        }
    }
    assert_eq!(got, wanted);
}

#[test]
fn a_radio_never_pings() {
    let draft = draft!();
    let ctx = Ctx::new();
    let attached = |kind, peer| {
        let sock = ctx.socket(kind);
        sock.set(zmq::HEARTBEAT_IVL, 10).unwrap();
        sock.set(zmq::HEARTBEAT_TIMEOUT, 0).unwrap();
        let mut raw = Raw::connect(&sock.bind_any(Transport::Tcp));
        raw.handshake(1, peer, None);
        (sock, raw)
    };
    let (radio, mut silent) = attached(zmq::RADIO, "DISH");
    let (_scatter, mut raw) = attached(zmq::SCATTER, "GATHER");
    for _ in 0..5 {
        raw.expect(command("PING", [0, 0]));
    }
    silent.send(command("JOIN", "a"));
    wait::until("a message", || {
        draft.send_to_group(&radio, "a", "x", 0).unwrap();
        silent.has_input()
    });
    assert_eq!(silent.take_frame(), (1, b"a".to_vec()));
}

#[test]
fn a_group_that_is_too_long_ends_the_connection() {
    ours_only!("a libzmq aborts");
    for name in ["JOIN", "LEAVE"] {
        let (_radio, mut raw) = with_peer(zmq::RADIO, 1, "DISH");
        raw.send([&[6][..], &(1 + name.len() as u64 + 256).to_be_bytes(), &[name.len() as u8]].concat());
        raw.send([name.as_bytes(), &[b'g'; 256]].concat());
        raw.take_rest();
    }
}

#[test]
fn a_dish_takes_a_group_and_a_body() {
    let draft = draft!();
    let (dish, mut raw) = with_peer(zmq::DISH, 1, "RADIO");
    draft.join(&dish, "a").unwrap();
    raw.send([frame(1, "b"), frame(0, "unwanted"), frame(1, "a"), frame(0, "wanted")].concat());
    assert_eq!(draft.recv_group(&dish, 0), Ok(("a".into(), b"wanted".to_vec())));
    raw.send([frame(1, "a"), frame(0, vec![7; 100_000])].concat());
    assert_eq!(draft.recv_group(&dish, 0), Ok(("a".into(), vec![7; 100_000])));
}

#[test]
fn a_dish_ends_the_connection_at_anything_else() {
    ours_only!("the distribution's build aborts in the handshake");
    let wrong =
        [frame(0, "no body"), [frame(1, "a"), frame(1, "1"), frame(0, "2")].concat(), frame(1, [b'g'; 256])];
    for bytes in wrong {
        let (dish, mut raw) = with_peer(zmq::DISH, 1, "RADIO");
        raw.send(bytes);
        raw.take_rest();
        assert_eq!(dish.try_recv(), Err(zmq::EAGAIN));
    }
}

#[test]
fn types_that_do_not_fit_are_refused() {
    ours_only!("the distribution's build aborts in the handshake");
    for (kind, wrong) in [
        (zmq::CLIENT, "CLIENT"),
        (zmq::SERVER, "DEALER"),
        (zmq::RADIO, "SUB"),
        (zmq::DISH, "PUB"),
        (zmq::SCATTER, "PULL"),
        (zmq::GATHER, "PUSH"),
        (zmq::PEER, "SERVER"),
        (zmq::CHANNEL, "PAIR"),
    ] {
        let (sock, endpoint) = bound(kind);
        let monitor = Monitor::new(&sock);
        let mut raw = Raw::connect(&endpoint);
        raw.send([greeting(3, 1), ready(wrong, None)].concat());
        raw.take_rest();
        monitor.wait_for(zmq::EVENT_DISCONNECTED);
    }
}

#[test]
fn messages_of_one_part_have_no_envelope() {
    ours_only!("the distribution's build aborts in the handshake");
    for (kind, peer) in [(zmq::SCATTER, "GATHER"), (zmq::CHANNEL, "CHANNEL"), (zmq::CLIENT, "SERVER")] {
        let (sock, mut raw) = with_peer(kind, 1, peer);
        sock.send("x");
        raw.expect(frame(0, "x"));
    }
}

#[test]
fn messages_of_several_parts_are_dropped_and_the_connection_stays() {
    ours_only!("the distribution's build aborts in the handshake");
    for (kind, peer) in [
        (zmq::GATHER, "SCATTER"),
        (zmq::CHANNEL, "CHANNEL"),
        (zmq::CLIENT, "SERVER"),
        (zmq::SERVER, "CLIENT"),
        (zmq::PEER, "PEER"),
    ] {
        let (sock, mut raw) = with_peer(kind, 1, peer);
        raw.send([frame(1, "1"), frame(1, "2"), frame(0, "3"), frame(0, "whole")].concat());
        sock.expect("whole");
    }
}
