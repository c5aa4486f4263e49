//! STREAM, and ROUTER in raw mode: plain TCP connections.

use conformance::socket::{Ctx, Sock, Transport, join};
use conformance::wire::{Raw, RawListener};
use conformance::{Monitor, wait, zmq};

/// A bound STREAM and its endpoint.
fn server(ctx: &Ctx) -> (Sock, String) {
    let stream = ctx.socket(zmq::STREAM);
    let endpoint = stream.bind_any(Transport::Tcp);
    (stream, endpoint)
}

/// Receives data of one connection until so many bytes have come.
#[track_caller]
fn take(stream: &Sock, id: &[u8], count: usize) -> Vec<u8> {
    let mut data = vec![];
    while data.len() < count {
        let message = stream.recv().expect("data");
        assert_eq!((message.len(), &message[0][..]), (2, id));
        data.extend(&message[1]);
    }
    data
}

/// Waits for the connection to be closed, which may need the socket's attention.
#[track_caller]
fn wait_closed(socket: &Sock, raw: &Raw) {
    wait::until("the connection to be closed", || {
        socket.events();
        raw.is_closed()
    });
}

#[test]
fn a_connection_begins_with_an_empty_message() {
    let (stream, endpoint) = server(&Ctx::new());
    let _raw = Raw::connect(&endpoint);
    let id = stream.expect_routed("");
    assert_eq!((id.len(), id[0]), (5, 0));
}

#[test]
fn a_connection_ends_with_an_empty_message() {
    let (stream, endpoint) = server(&Ctx::new());
    let raw = Raw::connect(&endpoint);
    let id = stream.expect_routed("");
    drop(raw);
    assert_eq!(stream.expect_routed(""), id);
}

#[test]
fn data_goes_both_ways_without_framing() {
    let (stream, endpoint) = server(&Ctx::new());
    let mut raw = Raw::connect(&endpoint);
    let id = stream.expect_routed("");
    raw.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(take(&stream, &id, 18), b"GET / HTTP/1.0\r\n\r\n");
    stream.send([&id[..], b"HTTP/1.0 200 OK\r\n"]);
    stream.send([&id[..], b"\r\n"]);
    raw.expect("HTTP/1.0 200 OK\r\n\r\n");
}

#[test]
fn nothing_is_sent_before_the_application_sends() {
    let (stream, endpoint) = server(&Ctx::new());
    let mut raw = Raw::connect(&endpoint);
    let id = stream.expect_routed("");
    stream.send([&id[..], b"first"]);
    raw.expect("first");
}

#[test]
fn much_data_arrives_complete_and_in_order() {
    let (stream, endpoint) = server(&Ctx::new());
    let mut raw = Raw::connect(&endpoint);
    let id = stream.expect_routed("");
    let data: Vec<u8> = (0..300_000_u32).map(|i| (i % 241) as u8).collect();
    raw.send(&data);
    assert!(take(&stream, &id, data.len()) == data);
    stream.send([&id[..], &data]);
    raw.expect(&data);
}

#[test]
fn an_empty_message_closes_the_connection() {
    let (stream, endpoint) = server(&Ctx::new());
    let raw = Raw::connect(&endpoint);
    let id = stream.expect_routed("");
    stream.send([&id[..], b""]);
    wait_closed(&stream, &raw);
}

#[test]
fn after_closing_a_connection_its_id_is_unknown() {
    let (stream, endpoint) = server(&Ctx::new());
    let raw = Raw::connect(&endpoint);
    let id = stream.expect_routed("");
    stream.send([&id[..], b""]);
    wait_closed(&stream, &raw);
    wait::until("the id to be forgotten", || {
        stream.events();
        match stream.send_frame(&id, zmq::SNDMORE) {
            Err(zmq::EHOSTUNREACH) => true,
            other => {
                assert_eq!(other, Ok(5));
                stream.send_frame("", 0).unwrap();
                false
            }
        }
    });
}

#[test]
fn an_unknown_id_is_unreachable() {
    let stream = Ctx::new().socket(zmq::STREAM);
    assert_eq!(stream.send_frame([0, 1, 2, 3, 4], zmq::SNDMORE), Err(zmq::EHOSTUNREACH));
    assert_eq!(stream.send_frame("x", zmq::SNDMORE | zmq::DONTWAIT), Err(zmq::EHOSTUNREACH));
}

#[test]
fn stream_is_always_writable() {
    assert_eq!(Ctx::new().socket(zmq::STREAM).events(), zmq::POLLOUT);
}

#[test]
fn the_more_flag_of_data_is_ignored() {
    let (stream, endpoint) = server(&Ctx::new());
    let mut raw = Raw::connect(&endpoint);
    let id = stream.expect_routed("");
    stream.send_frame(&id, zmq::SNDMORE).unwrap();
    stream.send_frame("one", zmq::SNDMORE).unwrap();
    stream.send_frame(&id, zmq::SNDMORE).unwrap();
    stream.send_frame("two", zmq::SNDMORE).unwrap();
    raw.expect("onetwo");
}

#[test]
fn an_id_alone_swallows_the_next_frame() {
    let (stream, endpoint) = server(&Ctx::new());
    let mut raw = Raw::connect(&endpoint);
    let id = stream.expect_routed("");
    assert_eq!(stream.send_frame(&id, 0), Ok(5));
    assert_eq!(stream.send_frame("swallowed", 0), Ok(9));
    stream.send([&id[..], b"next"]);
    raw.expect("next");
}

#[test]
fn the_routing_id_option_is_that_of_the_latest_connection() {
    let (stream, endpoint) = server(&Ctx::new());
    for _ in 0..2 {
        let raw = Raw::connect(&endpoint);
        let id = stream.expect_routed("");
        assert_eq!(stream.option_bytes(zmq::ROUTING_ID, 255), Ok(id.clone()));
        drop(raw);
        assert_eq!(stream.expect_routed(""), id);
    }
}

#[test]
fn two_connections_are_kept_apart() {
    let (stream, endpoint) = server(&Ctx::new());
    let mut a = Raw::connect(&endpoint);
    let id_a = stream.expect_routed("");
    let mut b = Raw::connect(&endpoint);
    let id_b = stream.expect_routed("");
    assert_ne!(id_a, id_b);
    b.send("b");
    assert_eq!(take(&stream, &id_b, 1), b"b");
    a.send("a");
    assert_eq!(take(&stream, &id_a, 1), b"a");
    stream.send([&id_a[..], b"to a"]);
    stream.send([&id_b[..], b"to b"]);
    a.expect("to a");
    b.expect("to b");
}

#[test]
fn a_connecting_stream_hears_of_its_connection() {
    let listener = RawListener::new();
    let stream = Ctx::new().socket(zmq::STREAM);
    let mut raw = listener.connect(&stream);
    let id = stream.expect_routed("");
    stream.send([&id[..], b"hello"]);
    raw.expect("hello");
    raw.send("welcome");
    assert_eq!(take(&stream, &id, 7), b"welcome");
}

#[test]
fn two_streams_talk_to_each_other() {
    let ctx = Ctx::new();
    let (stream, endpoint) = server(&ctx);
    let client = ctx.socket(zmq::STREAM);
    client.connect(&endpoint).unwrap();
    let (to_server, to_client) = (client.expect_routed(""), stream.expect_routed(""));
    client.send([&to_server[..], b"hello"]);
    assert_eq!(take(&stream, &to_client, 5), b"hello");
    stream.send([&to_client[..], b"welcome"]);
    assert_eq!(take(&client, &to_server, 7), b"welcome");
}

#[test]
fn connect_routing_id_names_the_connection() {
    let listener = RawListener::new();
    let stream = Ctx::new().socket(zmq::STREAM);
    stream.set_bytes(zmq::CONNECT_ROUTING_ID, "web").unwrap();
    let mut raw = listener.connect(&stream);
    stream.expect(["web", ""]);
    stream.send(["web", "hello"]);
    raw.expect("hello");
}

#[test]
fn without_notify_connections_come_and_go_silently() {
    let ctx = Ctx::new();
    let stream = ctx.socket(zmq::STREAM);
    stream.set(zmq::STREAM_NOTIFY, 0).unwrap();
    let endpoint = stream.bind_any(Transport::Tcp);
    let mut first = Raw::connect(&endpoint);
    first.send("x");
    let id = stream.expect_routed("x");
    let connections = Monitor::new(&stream);
    drop(first);
    connections.wait_for(zmq::EVENT_DISCONNECTED);
    let mut second = Raw::connect(&endpoint);
    second.send("y");
    assert_ne!(stream.expect_routed("y"), id);
}

#[test]
fn a_half_closed_connection_is_a_closed_one() {
    let (stream, endpoint) = server(&Ctx::new());
    let mut raw = Raw::connect(&endpoint);
    let id = stream.expect_routed("");
    raw.send("last words");
    raw.finish();
    assert_eq!(take(&stream, &id, 10), b"last words");
    assert_eq!(stream.expect_routed(""), id);
}

#[test]
fn a_message_is_two_frames_with_more_in_between() {
    let (stream, endpoint) = server(&Ctx::new());
    let _raw = Raw::connect(&endpoint);
    assert!(stream.recv_frame(0).unwrap().more);
    assert!(stream.more());
    assert!(!stream.recv_frame(0).unwrap().more);
    assert!(!stream.more());
}

#[test]
fn stream_shows_readable_when_data_came() {
    let (stream, endpoint) = server(&Ctx::new());
    let mut raw = Raw::connect(&endpoint);
    stream.expect_routed("");
    assert_eq!(stream.events(), zmq::POLLOUT);
    raw.send("x");
    stream.wait_readable();
    assert_eq!(stream.events(), zmq::POLLIN | zmq::POLLOUT);
}

#[test]
fn a_stream_reads_what_a_zmtp_socket_writes() {
    let ctx = Ctx::new();
    let (stream, endpoint) = server(&ctx);
    let dealer = ctx.socket(zmq::DEALER);
    dealer.connect(&endpoint).unwrap();
    let id = stream.expect_routed("");
    assert_eq!(take(&stream, &id, 10), [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F]);
}

#[test]
fn router_raw_frames_data_with_the_connections_id() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    router.set(zmq::ROUTER_RAW, 1).unwrap();
    let endpoint = router.bind_any(Transport::Tcp);
    let mut raw = Raw::connect(&endpoint);
    raw.send("hello");
    let id = router.expect_routed("");
    assert_eq!(router.expect_routed("hello"), id);
    assert_eq!((id.len(), id[0]), (5, 0));
    router.send([&id[..], b"welcome"]);
    raw.expect("welcome");
}

#[test]
fn router_raw_closes_a_connection_with_an_empty_message() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    router.set(zmq::ROUTER_RAW, 1).unwrap();
    let endpoint = router.bind_any(Transport::Tcp);
    let mut raw = Raw::connect(&endpoint);
    raw.send("hello");
    let id = router.expect_routed("");
    assert_eq!(router.expect_routed("hello"), id);
    router.send([&id[..], b""]);
    wait_closed(&router, &raw);
}

#[test]
fn stream_works_over_ipc_too() {
    let ctx = Ctx::new();
    let (a, b) = (ctx.socket(zmq::STREAM), ctx.socket(zmq::STREAM));
    let endpoint = a.bind_any(Transport::Ipc);
    b.connect(&endpoint).unwrap();
    let (to_b, to_a) = (a.expect_routed(""), b.expect_routed(""));
    b.send([&to_a[..], b"hello"]);
    assert_eq!(take(&a, &to_b, 5), b"hello");
}

#[test]
fn a_mixture_of_zmtp_sockets_does_not_disturb_a_stream_in_the_same_context() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    join(&pull, &push, Transport::Tcp);
    let (stream, endpoint) = server(&ctx);
    let mut raw = Raw::connect(&endpoint);
    let id = stream.expect_routed("");
    push.send("zmtp");
    stream.send([&id[..], b"raw"]);
    raw.expect("raw");
    pull.expect("zmtp");
}
