//! RFC 23 (NULL), 24 (PLAIN), 25 and 26 (CURVE), 27 (ZAP): who is asked about whom, and what becomes of the answer.

use conformance::msg::Msg;
use conformance::socket::{Ctx, Sock, Transport};
use conformance::wire::{Raw, command, command_body, frame, greeting_with, property};
use conformance::{Monitor, c_library, curve, zmq};

const HANDLER: &str = "inproc://zeromq.zap.01";
/// The bytes of [`curve::CLIENT_PUBLIC`].
const CLIENT_KEY: [u8; 32] = [
    0xBB, 0x88, 0x47, 0x1D, 0x65, 0xE2, 0x65, 0x9B, 0x30, 0xC5, 0x5A, 0x53, 0x21, 0xCE, 0xBB, 0x5A, 0xAB,
    0x2B, 0x70, 0xA3, 0x98, 0x64, 0x5C, 0x26, 0xDC, 0xA2, 0xB2, 0xFC, 0xB4, 0x3F, 0xC5, 0x18,
];

/// A mechanism, in both roles.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mechanism {
    Null,
    Plain,
    Curve,
}

use Mechanism::{Curve, Null, Plain};

impl Mechanism {
    fn serve(self, socket: &Sock) {
        match self {
            Null => socket.set_bytes(zmq::ZAP_DOMAIN, "global").unwrap(),
            Plain => socket.set(zmq::PLAIN_SERVER, 1).unwrap(),
            Curve => curve::serve(socket),
        }
    }

    fn ask_to_come_in(self, socket: &Sock) {
        match self {
            Null => {}
            Plain => {
                socket.set_bytes(zmq::PLAIN_USERNAME, "admin").unwrap();
                socket.set_bytes(zmq::PLAIN_PASSWORD, "secret").unwrap();
            }
            Curve => curve::ask_to_come_in(socket),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Null => "NULL",
            Plain => "PLAIN",
            Curve => "CURVE",
        }
    }

    fn credentials(self) -> Vec<Vec<u8>> {
        match self {
            Null => vec![],
            Plain => vec![b"admin".to_vec(), b"secret".to_vec()],
            Curve => vec![CLIENT_KEY.to_vec()],
        }
    }
}

/// A handler, a server and a client that was told to connect.
struct Scene {
    handler: Sock,
    server: Sock,
    client: Sock,
}

fn scene(mechanism: Mechanism, transport: Transport) -> Scene {
    let ctx = Ctx::new();
    let handler = ctx.socket(zmq::REP);
    handler.bind(HANDLER).unwrap();
    let (server, client) = (ctx.socket(zmq::DEALER), ctx.socket(zmq::DEALER));
    mechanism.serve(&server);
    mechanism.ask_to_come_in(&client);
    server.bind_any(transport);
    Scene { handler, server, client }
}

impl Scene {
    fn connect(&self) {
        self.client.connect(&self.server.last_endpoint()).unwrap();
    }

    /// Answers the question.
    fn answer(&self, status: &str, user: &str, metadata: &[u8]) -> Vec<Vec<u8>> {
        let request = self.handler.recv().expect("a question");
        let reply: [&[u8]; 6] =
            [&request[0], &request[1], status.as_bytes(), b"text", user.as_bytes(), metadata];
        self.handler.send(reply);
        request
    }
}

#[test]
fn peers_are_judged_on_tcp() {
    [Null, Plain, Curve].into_iter().for_each(|mechanism| judged(mechanism, Transport::Tcp));
}

#[test]
fn peers_are_judged_on_ipc() {
    [Null, Plain, Curve].into_iter().for_each(|mechanism| judged(mechanism, Transport::Ipc));
}

/// A peer that is let in talks in both directions.
fn judged(mechanism: Mechanism, transport: Transport) {
    let scene = scene(mechanism, transport);
    scene.connect();
    let request = scene.answer("200", "joe", b"");
    assert_eq!(request[..2], [b"1.0".to_vec(), b"1".to_vec()]);
    assert_eq!(request[2], if mechanism == Null { &b"global"[..] } else { b"" }, "domain");
    let address = String::from_utf8(request[3].clone()).unwrap();
    match transport {
        Transport::Tcp => assert_eq!(address, "127.0.0.1"),
        _ => assert!(address.starts_with("localhost:"), "{address}"),
    }
    assert_eq!(request[4], b"", "the server's own routing id");
    assert_eq!(request[5], mechanism.name().as_bytes());
    assert_eq!(request[6..], mechanism.credentials());
    for size in [0, 5, 300, 100_000] {
        let body = vec![7; size];
        scene.client.send([&b"first"[..], &body]);
        scene.server.expect([&b"first"[..], &body]);
        scene.server.send([&body[..], b"last"]);
        scene.client.expect([&body[..], b"last"]);
    }
}

#[test]
fn the_question_has_domain_and_routing_id_of_the_server() {
    for mechanism in [Null, Plain, Curve] {
        let scene = scene(mechanism, Transport::Tcp);
        scene.server.unbind(&scene.server.last_endpoint()).unwrap();
        scene.server.set_bytes(zmq::ZAP_DOMAIN, "here").unwrap();
        scene.server.set_bytes(zmq::ROUTING_ID, "myself").unwrap();
        scene.client.set_bytes(zmq::ROUTING_ID, "other").unwrap();
        scene.server.bind_any(Transport::Tcp);
        scene.connect();
        let request = scene.answer("200", "", b"");
        assert_eq!((&request[2][..], &request[4][..]), (&b"here"[..], &b"myself"[..]), "{mechanism:?}");
        scene.client.send("in");
        scene.server.expect("in");
    }
}

#[test]
fn a_router_may_be_the_handler() {
    let ctx = Ctx::new();
    let handler = ctx.socket(zmq::ROUTER);
    handler.bind(HANDLER).unwrap();
    let (server, client) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    Plain.serve(&server);
    Plain.ask_to_come_in(&client);
    client.connect(&server.bind_any(Transport::Tcp)).unwrap();
    let request = handler.recv().unwrap();
    assert_eq!((&request[1][..], &request[2][..]), (&b""[..], &b"1.0"[..]));
    handler.send([&request[0][..], b"", b"1.0", b"1", b"200", b"", b"", b""]);
    client.send("in");
    server.expect("in");
}

#[test]
fn user_id_and_properties_come_with_each_message() {
    let lib = c_library!();
    for mechanism in [Null, Plain, Curve] {
        let scene = scene(mechanism, Transport::Tcp);
        scene.connect();
        scene.answer("200", "joe", &[property("Role", "guest"), property("Room", "12")].concat());
        for _ in 0..2 {
            scene.client.send("in");
            let mut m = Msg::empty(lib);
            m.recv(&scene.server, 0).unwrap();
            let text = |name: &str| m.text(name);
            assert_eq!(text("User-Id"), Ok("joe".to_owned()), "{mechanism:?}");
            assert_eq!((text("Role"), text("Room")), (Ok("guest".to_owned()), Ok("12".to_owned())));
            assert_eq!(text("Socket-Type"), Ok("DEALER".to_owned()));
            assert_eq!(text("Peer-Address"), Ok("127.0.0.1".to_owned()));
        }
    }
}

#[test]
fn a_refused_peer_is_told_and_does_not_come_again() {
    for mechanism in [Null, Plain, Curve] {
        for status in ["400", "500"] {
            let scene = scene(mechanism, Transport::Tcp);
            let (at_server, at_client) = (Monitor::new(&scene.server), Monitor::new(&scene.client));
            scene.client.set(zmq::RECONNECT_IVL, 1).unwrap();
            scene.connect();
            scene.answer(status, "", b"");
            let value = status.parse().unwrap();
            assert_eq!(at_server.wait_for(zmq::EVENT_HANDSHAKE_FAILED_AUTH).value, value, "{mechanism:?}");
            assert_eq!(at_client.wait_for(zmq::EVENT_HANDSHAKE_FAILED_AUTH).value, value, "{mechanism:?}");
            assert!(!scene.handler.readable(), "{mechanism:?} {status}");
            assert_eq!(scene.server.try_recv(), Err(zmq::EAGAIN));
        }
    }
}

#[test]
fn a_peer_that_is_refused_for_now_is_not_told() {
    for mechanism in [Null, Plain, Curve] {
        let scene = scene(mechanism, Transport::Tcp);
        let (at_server, at_client) = (Monitor::new(&scene.server), Monitor::new(&scene.client));
        scene.server.unbind(&scene.server.last_endpoint()).unwrap();
        scene.server.set(zmq::HANDSHAKE_IVL, 1000).unwrap();
        scene.server.bind_any(Transport::Tcp);
        scene.client.set(zmq::RECONNECT_IVL, 1).unwrap();
        scene.connect();
        scene.answer("300", "", b"");
        assert_eq!(at_server.wait_for(zmq::EVENT_HANDSHAKE_FAILED_AUTH).value, 300, "{mechanism:?}");
        assert_ne!(at_server.next().event, zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL, "{mechanism:?}: told twice");
        // It comes again, and is asked about again.
        at_client.wait_for(zmq::EVENT_HANDSHAKE_FAILED_NO_DETAIL);
        scene.answer("200", "", b"");
        scene.client.send("in");
        scene.server.expect("in");
    }
}

#[test]
fn a_bad_answer_lets_nobody_in() {
    let good: [&[u8]; 6] = [b"1.0", b"1", b"200", b"", b"", b""];
    let with = |at: usize, frame: &'static [u8]| {
        let mut frames = good.to_vec();
        frames[at] = frame;
        frames
    };
    for (reply, code) in [
        (with(0, b"2.0"), zmq::PROTOCOL_ERROR_ZAP_BAD_VERSION),
        (with(1, b"2"), zmq::PROTOCOL_ERROR_ZAP_BAD_REQUEST_ID),
        (with(2, b"100"), zmq::PROTOCOL_ERROR_ZAP_INVALID_STATUS_CODE),
        (with(5, b"\x05abc"), zmq::PROTOCOL_ERROR_ZAP_INVALID_METADATA),
        (good[..5].to_vec(), zmq::PROTOCOL_ERROR_ZAP_MALFORMED_REPLY),
        ([&good[..], &[b""]].concat(), zmq::PROTOCOL_ERROR_ZAP_MALFORMED_REPLY),
    ] {
        for mechanism in [Plain, Curve] {
            let scene = scene(mechanism, Transport::Tcp);
            let events = Monitor::new(&scene.server);
            scene.connect();
            scene.handler.recv().unwrap();
            scene.handler.send(reply.clone());
            let event = events.wait_for(zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL);
            assert_eq!(event.value as i32, code, "{mechanism:?} {reply:?}");
            assert_eq!(scene.server.try_recv(), Err(zmq::EAGAIN));
        }
    }
}

#[test]
fn without_a_handler_names_are_refused_and_keys_let_in() {
    for mechanism in [Null, Curve] {
        let ctx = Ctx::new();
        let (server, client) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        mechanism.serve(&server);
        mechanism.ask_to_come_in(&client);
        client.connect(&server.bind_any(Transport::Tcp)).unwrap();
        client.send("in");
        server.expect("in");
    }
    let ctx = Ctx::new();
    let (server, client) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    Plain.serve(&server);
    Plain.ask_to_come_in(&client);
    let events = Monitor::new(&server);
    client.connect(&server.bind_any(Transport::Tcp)).unwrap();
    let refused = events.wait_for(zmq::EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    assert_eq!(refused.value as i32, libc::EFAULT);
    assert_eq!(server.try_recv(), Err(zmq::EAGAIN));
}

#[test]
fn an_enforced_domain_needs_a_handler() {
    for mechanism in [Null, Curve] {
        let ctx = Ctx::new();
        let (server, client) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        mechanism.serve(&server);
        server.set_bytes(zmq::ZAP_DOMAIN, "global").unwrap();
        server.set(zmq::ZAP_ENFORCE_DOMAIN, 1).unwrap();
        mechanism.ask_to_come_in(&client);
        let events = Monitor::new(&server);
        client.connect(&server.bind_any(Transport::Tcp)).unwrap();
        let refused = events.wait_for(zmq::EVENT_HANDSHAKE_FAILED_NO_DETAIL);
        assert_eq!(refused.value as i32, libc::EFAULT, "{mechanism:?}");
        assert_eq!(server.try_recv(), Err(zmq::EAGAIN));
    }
}

#[test]
fn without_a_domain_that_is_enforced_keys_are_let_in_unasked() {
    let scene = scene(Curve, Transport::Tcp);
    scene.server.unbind(&scene.server.last_endpoint()).unwrap();
    scene.server.set(zmq::ZAP_ENFORCE_DOMAIN, 1).unwrap();
    scene.server.bind_any(Transport::Tcp);
    scene.connect();
    scene.client.send("in");
    scene.server.expect("in");
    assert!(!scene.handler.readable());
}

#[test]
fn the_domain_of_a_null_client_makes_it_ask_as_well() {
    let scene = scene(Null, Transport::Tcp);
    scene.client.set_bytes(zmq::ZAP_DOMAIN, "client").unwrap();
    scene.connect();
    let mut domains = [scene.answer("200", "", b"")[2].clone(), scene.answer("200", "", b"")[2].clone()];
    domains.sort();
    assert_eq!(domains, [b"client".to_vec(), b"global".to_vec()]);
    scene.client.send("in");
    scene.server.expect("in");
}

#[test]
fn a_client_with_another_server_key_gets_no_answer() {
    let scene = scene(Curve, Transport::Tcp);
    scene.client.set_bytes(zmq::CURVE_SERVERKEY, curve::CLIENT_PUBLIC).unwrap();
    let (at_server, at_client) = (Monitor::new(&scene.server), Monitor::new(&scene.client));
    scene.connect();
    let event = at_server.wait_for(zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL);
    assert_eq!(event.value as i32, zmq::PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC);
    at_client.wait_for(zmq::EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    assert!(!scene.handler.readable());
}

#[test]
fn different_mechanisms_do_not_meet() {
    for (server_side, client_side) in
        [(Null, Plain), (Null, Curve), (Plain, Null), (Plain, Curve), (Curve, Null), (Curve, Plain)]
    {
        let ctx = Ctx::new();
        let (server, client) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        server_side.serve(&server);
        client_side.ask_to_come_in(&client);
        let (at_server, at_client) = (Monitor::new(&server), Monitor::new(&client));
        client.connect(&server.bind_any(Transport::Tcp)).unwrap();
        for events in [at_server, at_client] {
            let event = events.wait_for(zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL);
            let mismatch = zmq::PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH;
            assert_eq!(event.value as i32, mismatch, "{server_side:?} {client_side:?}");
        }
    }
}

#[test]
fn inproc_knows_no_security() {
    for mechanism in [Null, Plain, Curve] {
        let scene = scene(mechanism, Transport::Inproc);
        scene.connect();
        scene.client.send("in");
        scene.server.expect("in");
        assert!(!scene.handler.readable());
    }
}

#[test]
fn each_peer_is_judged_for_itself() {
    let ctx = Ctx::new();
    let handler = ctx.socket(zmq::REP);
    handler.bind(HANDLER).unwrap();
    let server = ctx.socket(zmq::PULL);
    Plain.serve(&server);
    let endpoint = server.bind_any(Transport::Tcp);
    let clients: Vec<Sock> = (0..6)
        .map(|i| {
            let client = ctx.socket(zmq::PUSH);
            client.set_bytes(zmq::PLAIN_USERNAME, format!("user {i}")).unwrap();
            client.set_bytes(zmq::PLAIN_PASSWORD, "x").unwrap();
            client.connect(&endpoint).unwrap();
            client.send(format!("from {i}"));
            client
        })
        .collect();
    for _ in &clients {
        let request = handler.recv().unwrap();
        let even = request[6].last().is_some_and(|digit| digit % 2 == 0);
        let status: &[u8] = if even { b"200" } else { b"400" };
        handler.send([&b"1.0"[..], b"1", status, b"", b"", b""]);
    }
    let mut heard: Vec<Vec<u8>> = (0..3).map(|_| server.recv().unwrap().remove(0)).collect();
    heard.sort();
    assert_eq!(heard, [b"from 0", b"from 2", b"from 4"]);
}

#[test]
fn a_handler_that_dies_lets_nobody_in() {
    let Scene { handler, server, client } = scene(Plain, Transport::Tcp);
    let events = Monitor::new(&server);
    client.set(zmq::RECONNECT_IVL, -1).unwrap();
    client.connect(&server.last_endpoint()).unwrap();
    handler.recv().unwrap();
    drop(handler);
    if conformance::is_system() {
        // It waits for the end of the handshake interval, which is 30 s.
        return;
    }
    let event = events.wait_for(zmq::EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    assert_eq!(event.value as i32, libc::EFAULT);
}

#[test]
fn a_peer_may_leave_while_it_is_judged() {
    for mechanism in [Plain, Curve] {
        let Scene { handler, server, client } = scene(mechanism, Transport::Tcp);
        client.connect(&server.last_endpoint()).unwrap();
        let request = handler.recv().unwrap();
        let other = client.ctx().socket(zmq::DEALER);
        mechanism.ask_to_come_in(&other);
        drop(client);
        handler.send([&request[0][..], &request[1], b"200", b"", b"", b""]);
        // The next one is none the worse.
        other.connect(&server.last_endpoint()).unwrap();
        handler.recv().unwrap();
        handler.send([&b"1.0"[..], b"1", b"200", b"", b"", b""]);
        other.send("in");
        server.expect("in");
    }
}

// PLAIN on the wire

fn plain_server() -> (Sock, Sock, Raw) {
    let ctx = Ctx::new();
    let handler = ctx.socket(zmq::REP);
    handler.bind(HANDLER).unwrap();
    let server = ctx.socket(zmq::PULL);
    Plain.serve(&server);
    let endpoint = server.bind_any(Transport::Tcp);
    let mut raw = Raw::connect(&endpoint);
    raw.send(greeting_with(3, 0, "PLAIN"));
    raw.take(64);
    (handler, server, raw)
}

#[test]
fn a_plain_handshake_on_the_wire() {
    let (handler, server, mut raw) = plain_server();
    raw.send(command("HELLO", b"\x05admin\x06secret"));
    let request = handler.recv().unwrap();
    assert_eq!(request[6..], [b"admin".to_vec(), b"secret".to_vec()]);
    handler.send([&b"1.0"[..], b"1", b"200", b"", b"", b""]);
    raw.expect(command("WELCOME", b""));
    raw.send(command("INITIATE", property("Socket-Type", "PUSH")));
    let (flags, body) = raw.take_frame();
    assert!(flags == 4 && body.starts_with(b"\x05READY"), "{flags} {body:?}");
    // Traffic is in the clear.
    raw.send(frame(0, "hello"));
    server.expect("hello");
}

#[test]
fn a_plain_client_that_is_refused_gets_the_error_that_libzmq_understands() {
    let (handler, _server, mut raw) = plain_server();
    raw.send(command("HELLO", b"\x05admin\x05wrong"));
    handler.recv().unwrap();
    handler.send([&b"1.0"[..], b"1", b"400", b"", b"", b""]);
    raw.expect(b"\x04\x09^RROR\x03400");
}

#[test]
fn a_plain_server_takes_nothing_out_of_turn() {
    let unexpected = zmq::PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND;
    let malformed = zmq::PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO;
    for (bytes, code) in [
        (command("INITIATE", b""), unexpected),
        (command("READY", property("Socket-Type", "PUSH")), unexpected),
        (frame(0, "hello"), unexpected),
        (command("HELLO", b"\x05adm"), malformed),
        (command("HELLO", b"\x00\x00more"), malformed),
        (command("HELLO", b""), malformed),
    ] {
        let (handler, server, mut raw) = plain_server();
        let events = Monitor::new(&server);
        raw.send(&bytes);
        let event = events.wait_for(zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL);
        let expected = if bytes == frame(0, "hello") {
            // Its first letter is taken as the length of a name, which it is too short for.
            zmq::PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_UNSPECIFIED
        } else {
            code
        };
        assert_eq!(event.value as i32, expected, "{bytes:?}");
        assert_eq!(raw.take_rest(), b"");
        assert!(!handler.readable());
    }
}

// CURVE on the wire

#[test]
fn a_curve_server_answers_no_forged_hello() {
    let malformed = zmq::PROTOCOL_ERROR_ZMTP_MALFORMED_COMMAND_HELLO;
    let hello = |version: u8, len: usize| {
        let mut data = vec![version, 0];
        data.resize(len - 6, 0x55);
        command("HELLO", data)
    };
    for (bytes, code) in [
        (hello(1, 200), zmq::PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC),
        (hello(1, 199), malformed),
        (hello(1, 201), malformed),
        (hello(2, 200), malformed),
        (command("INITIATE", [0; 300]), zmq::PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND),
    ] {
        let ctx = Ctx::new();
        let server = ctx.socket(zmq::PULL);
        Curve.serve(&server);
        let events = Monitor::new(&server);
        let mut raw = Raw::connect(&server.bind_any(Transport::Tcp));
        raw.send(greeting_with(3, 0, "CURVE"));
        raw.take(64);
        raw.send(&bytes);
        assert_eq!(events.wait_for(zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL).value as i32, code);
        assert_eq!(raw.take_rest(), b"", "not even an error goes back");
    }
}

#[test]
fn a_curve_hello_has_200_bytes_and_pads_the_answer() {
    let listener = conformance::wire::RawListener::new();
    let client = Ctx::new().socket(zmq::PUSH);
    Curve.ask_to_come_in(&client);
    client.connect(&listener.endpoint()).unwrap();
    let mut raw = listener.accept();
    raw.send(greeting_with(3, 0, "CURVE"));
    raw.take(64);
    let (flags, body) = raw.take_frame();
    assert_eq!((flags, body.len()), (4, 200));
    assert_eq!(body[..8], *b"\x05HELLO\x01\x00");
    assert_eq!(body[8..80], [0; 72]);
    assert_eq!(body[112..120], 1_u64.to_be_bytes());
}

#[test]
fn a_client_takes_no_other_command_than_the_answer() {
    for (mechanism, body) in [
        (Plain, command_body("READY", property("Socket-Type", "PULL"))),
        (Plain, command_body("MESSAGE", b"hello")),
        (Curve, command_body("READY", [0; 60])),
        (Curve, command_body("MESSAGE", [0; 60])),
    ] {
        let listener = conformance::wire::RawListener::new();
        let client = Ctx::new().socket(zmq::PUSH);
        mechanism.ask_to_come_in(&client);
        let events = Monitor::new(&client);
        client.connect(&listener.endpoint()).unwrap();
        let mut raw = listener.accept();
        raw.send(greeting_with(3, 0, mechanism.name()));
        raw.take(64);
        raw.take_frame();
        raw.send(frame(4, &body));
        let event = events.wait_for(zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL);
        if !(conformance::is_system() && mechanism == Curve && body.starts_with(b"\x05READY")) {
            // libzmq tries to open a READY that comes before its key, and cannot.
            assert_eq!(event.value as i32, zmq::PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND, "{mechanism:?}");
        }
    }
}
