//! tcp through a SOCKS5 proxy (RFC 1928, 1929): ZMQ_SOCKS_PROXY, ZMQ_SOCKS_USERNAME, ZMQ_SOCKS_PASSWORD.
//!
//! libzmq 4.3.4 ends its process when it leaves a proxy that did not connect, at times; those tests are ours only.

use std::thread::{self, JoinHandle};

use conformance::socket::{Ctx, Sock, Transport, inproc, ipc, join, loopback};
use conformance::wire::{Raw, RawListener, RefusingPort, greeting, hex, ready};
use conformance::{Errno, Event, Monitor, ours_only, wait, zmq};

/// "Version 5, one method: none."
const NO_LOGIN: &[u8] = b"\x05\x01\0";
/// "Version 5, one method: name and password."
const LOGIN: &[u8] = b"\x05\x01\x02";
/// The answer of a proxy that has connected.
const CONNECTED: &[u8] = b"\x05\0\0\x01\0\0\0\0\0\0";

/// A socket that connects through the proxy; quick to try again.
fn through(proxy: &RawListener, kind: i32) -> Sock {
    let sock = Ctx::new().socket(kind);
    sock.set_bytes(zmq::SOCKS_PROXY, address(&proxy.endpoint())).unwrap();
    sock.set(zmq::RECONNECT_IVL, 5).unwrap();
    sock
}

fn address(endpoint: &str) -> &str {
    endpoint.strip_prefix("tcp://").expect("a tcp endpoint")
}

fn port(endpoint: &str) -> u16 {
    endpoint.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port")
}

/// What is asked for a connection to a name.
fn request(name: &str, port: u16) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap();
    [b"\x05\x01\0\x03", &[length][..], name.as_bytes(), &port.to_be_bytes()].concat()
}

/// A proxy that takes one client without a name, must be asked for `wanted`, and connects it to `target`.
fn serve(proxy: RawListener, wanted: Vec<u8>, target: String) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut client = proxy.accept();
        client.expect(NO_LOGIN);
        client.send(b"\x05\0");
        client.expect(wanted);
        let target = Raw::connect(&target);
        connect(&mut client);
        client.relay(target);
    })
}

/// Takes the next client as far as its request.
fn asked(proxy: &RawListener, request: &[u8]) -> Raw {
    let mut client = proxy.accept();
    client.expect(NO_LOGIN);
    client.send(b"\x05\0");
    client.expect(request);
    client
}

/// Connects the client that has asked, and lets it speak first: libzmq throws away what it reads with the answer.
fn connect(client: &mut Raw) {
    client.send(CONNECTED);
    wait::until("the client's greeting", || client.has_input());
}

/// What a monitor says of an attempt that a proxy has spoilt.
#[track_caller]
fn expect_failure(events: &Monitor<'_>, errno: Errno) {
    let next = || events.next();
    assert_eq!(next().event, zmq::EVENT_CONNECT_DELAYED);
    let Event { event, value, .. } = next();
    assert_eq!((event, value), (zmq::EVENT_HANDSHAKE_FAILED_NO_DETAIL, errno.0 as u32));
    assert_eq!(next().event, zmq::EVENT_CLOSED);
    assert_eq!(next().event, zmq::EVENT_CONNECT_RETRIED);
}

#[test]
fn messages_pass_through_a_proxy_that_is_told_an_address() {
    let pull = Ctx::new().socket(zmq::PULL);
    let endpoint = pull.bind_any(Transport::Tcp);
    let proxy = RawListener::new();
    let push = through(&proxy, zmq::PUSH);
    let wanted = [b"\x05\x01\0\x01", &loopback().octets()[..], &port(&endpoint).to_be_bytes()].concat();
    let proxy = serve(proxy, wanted, endpoint.clone());
    push.connect(&endpoint).unwrap();
    let big = vec![7; 300_000];
    for _ in 0..50 {
        push.send("small");
        push.send([&big]);
    }
    for _ in 0..50 {
        pull.expect("small");
        pull.expect([&big]);
    }
    drop((push, pull));
    proxy.join().unwrap();
}

#[test]
fn a_name_is_left_to_the_proxy() {
    let rep = Ctx::new().socket(zmq::REP);
    let endpoint = rep.bind_any(Transport::Tcp);
    let proxy = RawListener::new();
    let req = through(&proxy, zmq::REQ);
    let proxy = serve(proxy, request("no-such-host.invalid", 7777), endpoint);
    req.connect("tcp://no-such-host.invalid:7777").unwrap();
    for _ in 0..20 {
        req.send("question");
        rep.expect("question");
        rep.send("answer");
        req.expect("answer");
    }
    drop((req, rep));
    proxy.join().unwrap();
}

#[test]
fn an_address_of_ipv6_is_told_as_one() {
    for endpoint in ["tcp://[fe80::1]:7777", "tcp://[fe80::1%lo]:7777"] {
        let proxy = RawListener::new();
        let push = through(&proxy, zmq::PUSH);
        push.connect(endpoint).unwrap();
        drop(asked(&proxy, b"\x05\x01\0\x04\xFE\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x1E\x61"));
        // The system's library is not well when it is closed between two attempts.
        asked(&proxy, b"\x05\x01\0\x04\xFE\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x1E\x61").send(CONNECTED);
    }
}

#[test]
fn a_name_and_a_password_are_told_to_a_proxy_that_asks() {
    for password in ["secret", ""] {
        let proxy = RawListener::new();
        let dealer = through(&proxy, zmq::DEALER);
        dealer.set_bytes(zmq::SOCKS_USERNAME, "user").unwrap();
        dealer.set_bytes(zmq::SOCKS_PASSWORD, password).unwrap();
        dealer.connect("tcp://host:1").unwrap();
        let mut client = proxy.accept();
        client.expect(LOGIN);
        client.send(b"\x05\x02");
        let length = u8::try_from(password.len()).unwrap();
        client.expect([b"\x01\x04user", &[length][..], password.as_bytes()].concat());
        client.send(b"\x01\0");
        client.expect(request("host", 1));
        connect(&mut client);
        client.handshake(1, "ROUTER", Some(b""));
        dealer.send("past it");
        assert_eq!(client.take_frame(), (0, b"past it".to_vec()));
    }
}

#[test]
fn a_proxy_that_was_offered_a_name_may_want_none() {
    let proxy = RawListener::new();
    let dealer = through(&proxy, zmq::DEALER);
    dealer.set_bytes(zmq::SOCKS_USERNAME, "user").unwrap();
    dealer.connect("tcp://host:1").unwrap();
    let mut client = proxy.accept();
    client.expect(LOGIN);
    client.send(b"\x05\0");
    client.expect(request("host", 1));
    connect(&mut client);
    client.handshake(1, "ROUTER", Some(b""));
}

#[test]
fn a_password_without_a_name_is_told_to_nobody() {
    let proxy = RawListener::new();
    let dealer = through(&proxy, zmq::DEALER);
    dealer.set_bytes(zmq::SOCKS_PASSWORD, "secret").unwrap();
    dealer.connect("tcp://host:1").unwrap();
    asked(&proxy, &request("host", 1)).send(CONNECTED);
}

#[test]
fn what_the_peer_says_at_once_is_not_lost() {
    let proxy = RawListener::new();
    let pull = through(&proxy, zmq::PULL);
    pull.connect("tcp://host:1").unwrap();
    let mut client = asked(&proxy, &request("host", 1));
    client.send([CONNECTED, &greeting(3, 1)].concat());
    client.take(64);
    client.take_frame();
    client.send([&ready("PUSH", None), &b"\0\x05first"[..]].concat());
    pull.expect("first");
    ours_only!("it refuses what is said all in one go, with a proxy and without");
    pull.connect("tcp://host:2").unwrap();
    let mut client = asked(&proxy, &request("host", 2));
    client.send([CONNECTED, &greeting(3, 1), &ready("PUSH", None), b"\0\x06second"].concat());
    pull.expect("second");
}

#[test]
fn a_stream_loses_nothing_either() {
    let proxy = RawListener::new();
    let stream = through(&proxy, zmq::STREAM);
    stream.connect("tcp://host:1").unwrap();
    let mut client = asked(&proxy, &request("host", 1));
    client.send([CONNECTED, b"hello"].concat());
    let id = stream.expect_routed("");
    stream.expect([&id[..], b"hello"]);
    stream.send([&id[..], b"good day"]);
    client.expect(b"good day");
}

#[test]
fn answers_may_come_in_single_bytes() {
    let proxy = RawListener::new();
    let dealer = through(&proxy, zmq::DEALER);
    dealer.set_bytes(zmq::SOCKS_USERNAME, "user").unwrap();
    dealer.connect("tcp://host:1").unwrap();
    let mut client = proxy.accept();
    client.expect(LOGIN);
    client.send_bytewise(b"\x05\x02");
    client.expect(b"\x01\x04user\0");
    client.send_bytewise(b"\x01\0");
    client.expect(request("host", 1));
    client.send_bytewise(CONNECTED);
    wait::until("the client's greeting", || client.has_input());
    client.send_bytewise(greeting(3, 1));
    client.take(64);
    client.send_bytewise(ready("ROUTER", Some(b"")));
    client.send_bytewise(b"\0\x04done");
    dealer.expect("done");
}

#[test]
fn the_address_of_the_answer_may_have_any_form() {
    ours_only!("it misjudges the length of a name");
    let name = [b"\x05\0\0\x03\xFF", &[b'n'; 257][..]].concat();
    let ipv6 = [b"\x05\0\0\x04", &[9; 18][..]].concat();
    for answer in [CONNECTED, &name, b"\x05\0\0\x03\0\0\0", &ipv6] {
        let proxy = RawListener::new();
        let pull = through(&proxy, zmq::PULL);
        pull.connect("tcp://host:1").unwrap();
        let mut client = asked(&proxy, &request("host", 1));
        client.send(answer);
        wait::until("the client's greeting", || client.has_input());
        client.handshake(1, "PUSH", None);
        client.send(b"\0\x01x");
        pull.expect("x");
    }
}

#[test]
fn events_name_the_proxy() {
    let proxy = RawListener::new();
    let push = through(&proxy, zmq::PUSH);
    let events = Monitor::new(&push);
    push.connect("tcp://host:1").unwrap();
    let mut client = asked(&proxy, &request("host", 1));
    let event = events.next();
    assert_eq!((event.event, event.endpoint), (zmq::EVENT_CONNECT_DELAYED, proxy.endpoint()));
    connect(&mut client);
    client.handshake(1, "PULL", None);
    for wanted in [zmq::EVENT_CONNECTED, zmq::EVENT_HANDSHAKE_SUCCEEDED] {
        let event = events.next();
        assert_eq!((event.event, event.endpoint), (wanted, proxy.endpoint()));
    }
    drop(client);
    assert_eq!(events.next().event, zmq::EVENT_DISCONNECTED);
    assert_eq!(events.next().event, zmq::EVENT_CONNECT_RETRIED);
    assert_eq!(push.last_endpoint(), "tcp://host:1");
}

#[test]
fn a_lost_connection_is_made_again_through_the_proxy() {
    let proxy = RawListener::new();
    let push = through(&proxy, zmq::PUSH);
    push.connect("tcp://host:1").unwrap();
    for body in ["first", "second", "third"] {
        let mut client = asked(&proxy, &request("host", 1));
        connect(&mut client);
        client.handshake(1, "PULL", None);
        push.send(body);
        assert_eq!(client.take_frame(), (0, body.as_bytes().to_vec()));
    }
}

#[test]
fn a_disconnect_takes_the_endpoint_and_not_the_proxy() {
    let proxy = RawListener::new();
    let push = through(&proxy, zmq::PUSH);
    push.connect("tcp://host:1").unwrap();
    let mut client = asked(&proxy, &request("host", 1));
    connect(&mut client);
    client.handshake(1, "PULL", None);
    assert_eq!(push.disconnect(&proxy.endpoint()), Err(zmq::ENOENT));
    push.disconnect("tcp://host:1").unwrap();
    wait::until("the end of the connection", || {
        push.events();
        client.is_closed()
    });
}

#[test]
fn other_transports_need_no_proxy() {
    for endpoint in [inproc(), ipc()] {
        let ctx = Ctx::new();
        let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        push.set_bytes(zmq::SOCKS_PROXY, "no proxy at all").unwrap();
        pull.bind(&endpoint).unwrap();
        push.connect(&endpoint).unwrap();
        push.send("direct");
        pull.expect("direct");
    }
}

#[test]
fn a_proxy_is_for_connecting_only() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    pull.set_bytes(zmq::SOCKS_PROXY, address(&RefusingPort::new().endpoint())).unwrap();
    join(&pull, &push, Transport::Tcp);
    push.send("direct");
    pull.expect("direct");
}

#[test]
fn a_proxy_may_end_with_a_nul_and_be_named() {
    let proxy = RawListener::at("127.0.0.1", 0).expect("a free port");
    let dealer = through(&proxy, zmq::DEALER);
    dealer.set_bytes(zmq::SOCKS_PROXY, format!("localhost:{}\0", port(&proxy.endpoint()))).unwrap();
    dealer.connect("tcp://host:1").unwrap();
    asked(&proxy, &request("host", 1)).send(CONNECTED);
}

#[test]
fn connect_refuses_a_proxy_that_is_none() {
    ours_only!("it tries in vain, and aborts at times");
    for text in ["127.0.0.1", "socks5://127.0.0.1:1080", "127.0.0.1:port", "127.0.0.1:99999"] {
        let sock = Ctx::new().socket(zmq::DEALER);
        sock.set_bytes(zmq::SOCKS_PROXY, text).unwrap();
        assert_eq!(sock.connect("tcp://127.0.0.1:1"), Err(zmq::EINVAL), "{text}");
    }
}

#[test]
fn no_proxy_can_be_told_a_name_of_256_bytes() {
    ours_only!("it aborts");
    let proxy = RawListener::new();
    let dealer = through(&proxy, zmq::DEALER);
    assert_eq!(dealer.connect(&format!("tcp://{}:1", "n".repeat(256))), Err(zmq::EINVAL));
    dealer.connect(&format!("tcp://{}:1", "n".repeat(255))).unwrap();
    drop(asked(&proxy, &request(&"n".repeat(255), 1)));
}

#[test]
fn the_proxy_is_reached_from_the_source_address() {
    ours_only!("it tells the proxy the source as a part of the name");
    let proxy = RawListener::new();
    let dealer = through(&proxy, zmq::DEALER);
    dealer.connect("tcp://127.0.0.2:0;host:1").unwrap();
    let client = asked(&proxy, &request("host", 1));
    assert_eq!(client.peer_ip().to_string(), "127.0.0.2");
}

#[test]
fn each_refusal_is_reported_and_tried_again() {
    ours_only!("it aborts at times");
    for (code, errno) in [
        (1, zmq::ECONNABORTED),
        (2, zmq::EACCES),
        (3, zmq::ENETUNREACH),
        (4, zmq::EHOSTUNREACH),
        (5, zmq::ECONNREFUSED),
        (6, zmq::ETIMEDOUT),
        (7, zmq::ENOTSUP),
        (8, zmq::EAFNOSUPPORT),
        (9, zmq::ECONNABORTED),
        (255, zmq::ECONNABORTED),
    ] {
        let proxy = RawListener::new();
        let push = through(&proxy, zmq::PUSH);
        // A proxy is not the endpoint: what it cannot reach now it may reach later.
        push.set(zmq::RECONNECT_STOP, 1).unwrap();
        let events = Monitor::new(&push);
        push.connect("tcp://host:1").unwrap();
        push.send("waits");
        for _ in 0..2 {
            let mut client = asked(&proxy, &request("host", 1));
            client.send([5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
            expect_failure(&events, errno);
            assert_eq!(client.take_rest(), b"", "code {code}");
        }
        let mut client = asked(&proxy, &request("host", 1));
        connect(&mut client);
        client.handshake(1, "PULL", None);
        assert_eq!(client.take_frame(), (0, b"waits".to_vec()), "code {code}");
    }
}

#[test]
fn a_proxy_that_wants_another_login_is_reported() {
    ours_only!("it aborts at times");
    let user: Option<&str> = Some("user");
    for (name, answer, refusal, errno) in [
        (None, &b"\x05\xFF"[..], &b""[..], zmq::EACCES),
        (None, b"\x05\x02", b"", zmq::EACCES),
        (None, b"\x05\x01", b"", zmq::EPROTO),
        (user, b"\x05\xFF", b"", zmq::EPROTO),
        (user, b"\x05\x03", b"", zmq::EPROTO),
        (user, b"\x05\x02", b"\x01\x01", zmq::EACCES),
        (user, b"\x05\x02", b"\x05\0", zmq::EPROTO),
    ] {
        let proxy = RawListener::new();
        let push = through(&proxy, zmq::PUSH);
        if let Some(name) = name {
            push.set_bytes(zmq::SOCKS_USERNAME, name).unwrap();
        }
        let events = Monitor::new(&push);
        push.connect("tcp://host:1").unwrap();
        let mut client = proxy.accept();
        client.take(3);
        client.send(answer);
        if !refusal.is_empty() {
            client.expect(b"\x01\x04user\0");
            client.send(refusal);
        }
        expect_failure(&events, errno);
        assert_eq!(client.take_rest(), b"", "{}", hex(answer));
    }
}

#[test]
fn a_proxy_that_speaks_something_else_is_reported() {
    ours_only!("it aborts at times");
    let flood = vec![b'x'; 1_000_000];
    for (method, answer) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &b""[..]),
        (b"\x04\0", b""),
        (&flood, b""),
        (b"\x05\0", b"\x04\0\0\x01\0\0\0\0\0\0"),
        (b"\x05\0", b"\x05\0\x01\x01\0\0\0\0\0\0"),
        (b"\x05\0", b"\x05\0\0\x02\0\0\0\0\0\0"),
        (b"\x05\0", &flood),
        // One method after the other, before anything was asked.
        (b"\x05\0\x05\0\x05\0\x05\0\x05\0", b""),
    ] {
        let proxy = RawListener::new();
        let push = through(&proxy, zmq::PUSH);
        let events = Monitor::new(&push);
        push.connect("tcp://host:1").unwrap();
        let client = proxy.accept();
        let mut writer = client.try_clone();
        let (method, answer) = (method.to_vec(), answer.to_vec());
        // What is too much for the stream is written until nobody reads it.
        let writing = thread::spawn(move || {
            let _ = writer.try_send(&method);
            let _ = writer.try_send(&answer);
        });
        expect_failure(&events, zmq::EPROTO);
        writing.join().unwrap();
    }
}

#[test]
fn too_much_after_the_answer_is_the_peers_fault() {
    ours_only!("it aborts at times");
    let proxy = RawListener::new();
    let push = through(&proxy, zmq::PUSH);
    let events = Monitor::new(&push);
    push.connect("tcp://host:1").unwrap();
    let client = asked(&proxy, &request("host", 1));
    let mut writer = client.try_clone();
    let writing = thread::spawn(move || writer.try_send(&[CONNECTED, &[0; 1_000_000]].concat()).is_ok());
    assert_eq!(events.next().event, zmq::EVENT_CONNECT_DELAYED);
    assert_eq!(events.next().event, zmq::EVENT_CONNECTED);
    assert_eq!(events.wait_for(zmq::EVENT_DISCONNECTED).endpoint, proxy.endpoint());
    writing.join().unwrap();
}

#[test]
fn a_proxy_that_hangs_up_is_tried_again_wherever_it_was() {
    ours_only!("it aborts at times");
    let answers = [&b"\x05\0"[..], CONNECTED].concat();
    let proxy = RawListener::new();
    let push = through(&proxy, zmq::PUSH);
    let events = Monitor::new(&push);
    push.connect("tcp://host:1").unwrap();
    for cut in 0..answers.len() {
        let mut client = proxy.accept();
        client.expect(NO_LOGIN);
        client.send(&answers[..cut.min(2)]);
        if cut > 2 {
            client.expect(request("host", 1));
            client.send(&answers[2..cut]);
        }
        client.finish();
        expect_failure(&events, zmq::EPIPE);
    }
    let mut client = asked(&proxy, &request("host", 1));
    connect(&mut client);
    client.handshake(1, "PULL", None);
    push.send("at last");
    assert_eq!(client.take_frame(), (0, b"at last".to_vec()));
}

#[test]
fn a_proxy_that_stalls_is_given_up() {
    ours_only!("it waits for ever");
    for limit in [zmq::CONNECT_TIMEOUT, zmq::HANDSHAKE_IVL] {
        let proxy = RawListener::new();
        let push = through(&proxy, zmq::PUSH);
        push.set(limit, 50).unwrap();
        let events = Monitor::new(&push);
        push.connect("tcp://host:1").unwrap();
        for said in [&b""[..], b"\x05", b"\x05\0", b"\x05\0\x05\0\0\x01"] {
            let mut client = proxy.accept();
            client.send(said);
            expect_failure(&events, zmq::ETIMEDOUT);
            client.take_rest();
        }
    }
}

#[test]
fn delays_grow_while_the_proxy_refuses() {
    ours_only!("it aborts at times");
    let proxy = RawListener::new();
    let push = through(&proxy, zmq::PUSH);
    push.set(zmq::RECONNECT_IVL, 2).unwrap();
    push.set(zmq::RECONNECT_IVL_MAX, 16).unwrap();
    let events = Monitor::new(&push);
    push.connect("tcp://host:1").unwrap();
    let mut delays = vec![];
    for _ in 0..5 {
        asked(&proxy, &request("host", 1)).send(b"\x05\x05");
        delays.push(events.wait_for(zmq::EVENT_CONNECT_RETRIED).value);
    }
    assert_eq!(delays, [2, 4, 8, 16, 16]);
}

#[test]
fn a_socket_can_be_closed_while_the_proxy_thinks() {
    ours_only!("it aborts at times");
    for linger in [0, 20] {
        let proxy = RawListener::new();
        let push = through(&proxy, zmq::PUSH);
        push.connect("tcp://host:1").unwrap();
        push.send("never sent");
        let mut client = asked(&proxy, &request("host", 1));
        let ctx = push.ctx().clone();
        push.set(zmq::LINGER, linger).unwrap();
        push.close().unwrap();
        ctx.term().unwrap();
        assert_eq!(client.take_rest(), b"");
    }
}

#[test]
fn a_closed_socket_still_sends_through_the_proxy() {
    let proxy = RawListener::new();
    let push = through(&proxy, zmq::PUSH);
    push.connect("tcp://host:1").unwrap();
    push.send("still sent");
    let mut client = asked(&proxy, &request("host", 1));
    push.set(zmq::LINGER, 10_000).unwrap();
    // Its end would wait for the message.
    let _ctx = push.ctx().clone();
    push.close().unwrap();
    connect(&mut client);
    client.handshake(1, "PULL", None);
    assert_eq!(client.take_frame(), (0, b"still sent".to_vec()));
}
