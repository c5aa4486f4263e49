//! Where the guide (`docs/guide/c.md`) promises that the C library does otherwise than libzmq 4.3.4: what peers do, and
//! the events that tell of it.

use conformance::msg::Msg;
use conformance::socket::{Ctx, Sock, Transport, inproc, join, settle};
use conformance::wire::{
    Raw, RawListener, SIGNATURE, bound, command, frame, greeting, greeting_with, old_frame, property, ready,
    with_peer,
};
use conformance::{Monitor, c_library, differs, wait, zmq};

// Connections that end

#[test]
fn a_stream_ends_a_connection_at_once() {
    let listener = RawListener::new();
    let stream = Ctx::new().socket(zmq::STREAM);
    let raw = listener.connect(&stream);
    let id = stream.expect_routed("");
    stream.send([&id[..], b""]);
    let waits = differs!("a_stream_ends_a_connection_at_once", libzmq: true, ours: false);
    ends(&stream, &raw, waits);
}

#[test]
fn a_disconnect_ends_the_connection_at_once() {
    let listener = RawListener::new();
    let dealer = Ctx::new().socket(zmq::DEALER);
    let mut raw = listener.connect(&dealer);
    raw.handshake(1, "ROUTER", None);
    raw.send(frame(0, "x"));
    dealer.expect("x");
    dealer.disconnect(&listener.endpoint()).unwrap();
    let waits = differs!("a_disconnect_ends_the_connection_at_once", libzmq: true, ours: false);
    ends(&dealer, &raw, waits);
}

/// The connection ends; if it waits for that, not before the socket is used.
#[track_caller]
fn ends(sock: &Sock, raw: &Raw, waits: bool) {
    if waits {
        settle(sock.ctx());
        assert!(!raw.is_closed());
    }
    wait::until("the end of the connection", || {
        if waits {
            sock.events();
        }
        raw.is_closed()
    });
}

#[test]
fn a_pair_whose_peer_has_left_takes_another() {
    for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
        let ctx = Ctx::new();
        let (pair, first, second) = (ctx.socket(zmq::PAIR), ctx.socket(zmq::PAIR), ctx.socket(zmq::PAIR));
        let endpoint = join(&pair, &first, transport);
        let events = Monitor::detached(&pair, zmq::EVENT_HANDSHAKE_SUCCEEDED | zmq::EVENT_DISCONNECTED);
        let told = |event| {
            if transport != Transport::Inproc {
                assert_eq!(events.next().event, event);
            }
        };
        drop(first);
        told(zmq::EVENT_DISCONNECTED);
        second.connect(&endpoint).unwrap();
        told(zmq::EVENT_HANDSHAKE_SUCCEEDED);
        second.send("from the second");
        differs!(
            "a_pair_whose_peer_has_left_takes_another",
            libzmq: {
                pair.events();
                settle(&ctx);
                assert_eq!(pair.try_recv(), Err(zmq::EAGAIN), "{transport:?}");
            },
            ours: pair.expect("from the second"),
        );
    }
}

#[test]
fn a_peer_that_says_everything_in_one_go_is_heard() {
    let (pull, endpoint) = bound(zmq::PULL);
    let events =
        Monitor::detached(&pull, zmq::EVENT_HANDSHAKE_SUCCEEDED | zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL);
    let mut raw = Raw::connect(&endpoint);
    raw.send([greeting(3, 1), ready("PUSH", None), frame(0, "last")].concat());
    raw.finish();
    let wanted = differs!(
        "a_peer_that_says_everything_in_one_go_is_heard",
        libzmq: zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL,
        ours: zmq::EVENT_HANDSHAKE_SUCCEEDED,
    );
    assert_eq!(events.next().event, wanted);
    if wanted == zmq::EVENT_HANDSHAKE_SUCCEEDED {
        pull.expect("last");
    }
}

// What peers say

#[test]
fn a_pull_does_not_receive_subscriptions() {
    let (pull, mut raw) = with_peer(zmq::PULL, 1, "PUSH");
    raw.send([command("SUBSCRIBE", "A"), frame(0, "x")].concat());
    if differs!("a_pull_does_not_receive_subscriptions", libzmq: true, ours: false) {
        pull.expect("\tSUBSCRIBEA");
    }
    pull.expect("x");
}

#[test]
fn an_xpub_does_not_receive_the_end_of_an_unknown_subscription() {
    for (minor, cancel) in [(1, command("CANCEL", "A")), (1, frame(0, "\0A")), (0, frame(0, "\0A"))] {
        let (xpub, mut raw) = with_peer(zmq::XPUB, minor, "SUB");
        raw.send([cancel, frame(0, "\u{1}B")].concat());
        let receives = differs!(
            "an_xpub_does_not_receive_the_end_of_an_unknown_subscription",
            libzmq: true,
            ours: false,
        );
        if receives {
            xpub.expect("\0A");
        }
        xpub.expect("\u{1}B");
    }
}

#[test]
fn a_peer_gives_itself_no_user_id() {
    let lib = c_library!();
    let (pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    raw.send(greeting(3, 1));
    raw.take(64);
    raw.take_frame();
    raw.send(command("READY", [property("Socket-Type", "PUSH"), property("User-Id", "admin")].concat()));
    raw.send(frame(0, "x"));
    let mut msg = Msg::empty(lib);
    msg.recv(&pull, 0).unwrap();
    let wanted =
        differs!("a_peer_gives_itself_no_user_id", libzmq: Ok("admin".to_owned()), ours: Err(zmq::EINVAL));
    assert_eq!(msg.text("User-Id"), wanted);
}

// What a ZAP handler says

/// A peer that has said these things, and its server. A handler puts it off.
fn put_off(serve: impl Fn(&Sock), mechanism: &str, says: &[u8]) -> (Raw, Sock) {
    let ctx = Ctx::new();
    let (handler, pull) = (ctx.socket(zmq::REP), ctx.socket(zmq::PULL));
    handler.bind("inproc://zeromq.zap.01").unwrap();
    pull.set(zmq::HANDSHAKE_IVL, 0).unwrap();
    serve(&pull);
    let mut raw = Raw::connect(&pull.bind_any(Transport::Tcp));
    raw.send(greeting_with(3, 1, mechanism));
    raw.send(says);
    handler.recv().unwrap();
    settle(&ctx);
    handler.send(["1.0", "1", "300", "", "", ""]);
    settle(&ctx);
    (raw, pull)
}

#[test]
fn a_peer_that_is_put_off_is_let_go_if_it_was_ready() {
    let in_domain = |pull: &Sock| pull.set_bytes(zmq::ZAP_DOMAIN, "global").unwrap();
    let (mut raw, _pull) = put_off(in_domain, "NULL", &ready("PUSH", None));
    differs!(
        "a_peer_that_is_put_off_is_let_go_if_it_was_ready",
        libzmq: assert!(!raw.is_closed()),
        ours: drop(raw.take_rest()),
    );
    let (raw, _pull) = put_off(in_domain, "NULL", b"");
    assert!(!raw.is_closed(), "it was not ready");
    let named = |pull: &Sock| pull.set(zmq::PLAIN_SERVER, 1).unwrap();
    let (raw, _pull) = put_off(named, "PLAIN", &command("HELLO", b"\x05guest\x00"));
    assert!(!raw.is_closed(), "with PLAIN it says that later");
}

// Events

#[test]
fn the_end_of_an_old_peer_is_no_failed_handshake() {
    for greeted in [
        [&SIGNATURE[..], &[1, 8, 0, 0], &frame(0, "x")].concat(),
        [old_frame(0, ""), old_frame(0, "x")].concat(),
    ] {
        let (pull, endpoint) = bound(zmq::PULL);
        let mut raw = Raw::connect(&endpoint);
        raw.send(greeted);
        pull.expect("x");
        let events = Monitor::new(&pull);
        raw.finish();
        if differs!("the_end_of_an_old_peer_is_no_failed_handshake", libzmq: true, ours: false) {
            assert_eq!(events.next().event, zmq::EVENT_HANDSHAKE_FAILED_NO_DETAIL);
        }
        assert_eq!(events.next().event, zmq::EVENT_DISCONNECTED);
    }
}

#[test]
fn an_ipc_connection_that_never_was_has_no_descriptor() {
    let push = Ctx::new().socket(zmq::PUSH);
    let events = Monitor::new(&push);
    push.connect(&Transport::Ipc.endpoint()).unwrap();
    let closed = events.next();
    assert_eq!(closed.event, zmq::EVENT_CLOSED);
    let has_descriptor =
        differs!("an_ipc_connection_that_never_was_has_no_descriptor", libzmq: true, ours: false);
    assert_eq!(closed.value.cast_signed() >= 0, has_descriptor, "{closed:?}");
}

#[test]
fn a_handshake_that_takes_too_long_is_etimedout() {
    let pull = Ctx::new().socket(zmq::PULL);
    pull.set(zmq::HANDSHAKE_IVL, 50).unwrap();
    let events = Monitor::new(&pull);
    let mut raw = Raw::connect(&pull.bind_any(Transport::Tcp));
    raw.send(greeting(3, 1));
    let failed = events.wait_for(zmq::EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    differs!(
        "a_handshake_that_takes_too_long_is_etimedout",
        // That of whatever call failed last.
        libzmq: {},
        ours: assert_eq!(failed.value, zmq::ETIMEDOUT.0.cast_unsigned()),
    );
}

#[test]
fn a_monitor_takes_the_place_of_another_of_its_name() {
    let ctx = Ctx::new();
    let pull = ctx.socket(zmq::PULL);
    let name = inproc();
    let wanted = differs!(
        "a_monitor_takes_the_place_of_another_of_its_name",
        libzmq: &[Ok(()), Err(zmq::EADDRINUSE)][..],
        ours: &[Ok(())][..],
    );
    let reader = ctx.socket(zmq::PAIR);
    pull.monitor(Some(&name), zmq::EVENT_ALL).unwrap();
    reader.connect(&name).unwrap();
    let second = pull.monitor(Some(&name), zmq::EVENT_ALL);
    assert!(wanted.contains(&second), "{second:?}");
}
