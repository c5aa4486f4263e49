//! What has broken implementations of ZeroMQ's security before, on real connections. The ids are those of SECURITY.md.

use conformance::socket::{Ctx, Sock, Transport};
use conformance::wire::{Raw, RawListener, command, frame, greeting_with, old_frame, property, ready};
use conformance::{Monitor, ours_only, zmq};

const HANDLER: &str = "inproc://zeromq.zap.01";
const SERVER_PUBLIC: &str = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
const SERVER_SECRET: &str = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";
const CLIENT_PUBLIC: &str = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
const CLIENT_SECRET: &str = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";

fn curve_server(ctx: &Ctx, kind: i32) -> Sock {
    let server = ctx.socket(kind);
    server.set_bytes(zmq::CURVE_SECRETKEY, SERVER_SECRET).unwrap();
    server.set(zmq::CURVE_SERVER, 1).unwrap();
    server
}

fn curve_client(ctx: &Ctx, kind: i32) -> Sock {
    let client = ctx.socket(kind);
    client.set_bytes(zmq::CURVE_PUBLICKEY, CLIENT_PUBLIC).unwrap();
    client.set_bytes(zmq::CURVE_SECRETKEY, CLIENT_SECRET).unwrap();
    client.set_bytes(zmq::CURVE_SERVERKEY, SERVER_PUBLIC).unwrap();
    client
}

/// A CURVE server and a client, connected.
fn curve_pair(server: i32, client: i32) -> (Sock, Sock) {
    let ctx = Ctx::new();
    let (server, client) = (curve_server(&ctx, server), curve_client(&ctx, client));
    client.connect(&server.bind_any(Transport::Tcp)).unwrap();
    (server, client)
}

fn plain_server(ctx: &Ctx) -> Sock {
    let server = ctx.socket(zmq::PULL);
    server.set(zmq::PLAIN_SERVER, 1).unwrap();
    server
}

#[test]
fn v01_a_weaker_mechanism_in_the_greeting_ends_the_connection() {
    for server in [curve_server(&Ctx::new(), zmq::PULL), plain_server(&Ctx::new())] {
        let endpoint = server.bind_any(Transport::Tcp);
        for mechanism in ["NULL", "PLAIN", "CURVE", "", "CURV", "CURVE ", "curve"] {
            let own = if server.option(zmq::MECHANISM) == Ok(1) { "PLAIN" } else { "CURVE" };
            if mechanism == own {
                continue;
            }
            let mut raw = Raw::connect(&endpoint);
            raw.send([greeting_with(3, 0, mechanism), ready("PUSH", None), frame(0, "in")].concat());
            raw.take_rest();
            assert_eq!(server.try_recv(), Err(zmq::EAGAIN), "{mechanism}");
        }
    }
}

#[test]
fn v01_a_client_does_not_lower_its_mechanism_either() {
    let listener = RawListener::new();
    let client = curve_client(&Ctx::new(), zmq::PUSH);
    client.set(zmq::RECONNECT_IVL, -1).unwrap();
    client.connect(&listener.endpoint()).unwrap();
    client.send("secret");
    let mut raw = listener.accept();
    raw.send(greeting_with(3, 0, "NULL"));
    raw.send(ready("PULL", None));
    let said = raw.take_rest();
    assert!(!said.windows(6).any(|w| w == b"secret"), "{said:?}");
}

#[test]
fn v03_old_versions_do_not_get_around_security() {
    for server in [curve_server(&Ctx::new(), zmq::PULL), plain_server(&Ctx::new())] {
        let endpoint = server.bind_any(Transport::Tcp);
        let unversioned = [old_frame(0, ""), old_frame(0, "in")].concat();
        let version_1 =
            [&b"\xFF\0\0\0\0\0\0\0\x01\x7F\0\x08"[..], &old_frame(0, ""), &old_frame(0, "in")].concat();
        let version_2 = [&b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x08"[..], &frame(0, ""), &frame(0, "in")].concat();
        for bytes in [unversioned, version_1, version_2] {
            let mut raw = Raw::connect(&endpoint);
            raw.send(&bytes);
            raw.take_rest();
            assert_eq!(server.try_recv(), Err(zmq::EAGAIN), "{bytes:?}");
        }
    }
}

/// So many connections, each with another part of a handshake: nothing, half a greeting, a whole one, and a HELLO that
/// goes no further.
fn half_open(endpoint: &str, count: usize) -> Vec<Raw> {
    let greeting = greeting_with(3, 0, "CURVE");
    (0..count)
        .map(|i| {
            let mut raw = Raw::connect(endpoint);
            match i % 4 {
                0 => {}
                1 => raw.send(&greeting[..i % 64]),
                2 => raw.send(&greeting),
                _ => raw.send([&greeting[..], &[4, 200, 5, b'H']].concat()),
            }
            raw
        })
        .collect()
}

/// The client connects, and all answers go to it.
fn serves(server: &Sock, client: &Sock, endpoint: &str) {
    client.connect(endpoint).unwrap();
    for i in 0..50_u8 {
        client.send(&[i]);
        server.expect(&[i]);
        server.send(&[i]);
        client.expect(&[i]);
    }
}

#[test]
fn v07_a_thousand_half_open_connections_take_nothing_from_others() {
    let ctx = Ctx::new();
    let (server, client) = (curve_server(&ctx, zmq::DEALER), curve_client(&ctx, zmq::DEALER));
    server.set(zmq::BACKLOG, 2_000).unwrap();
    let endpoint = server.bind_any(Transport::Tcp);
    let half_open = half_open(&endpoint, conformance::descriptors::connections(1_000));
    serves(&server, &client, &endpoint);
    drop(half_open);
}

#[test]
fn v07_beyond_a_thousand_the_oldest_makes_room() {
    ours_only!("it sets no limit to them");
    let ctx = Ctx::new();
    let (server, client) = (curve_server(&ctx, zmq::DEALER), curve_client(&ctx, zmq::DEALER));
    server.set(zmq::BACKLOG, 2_000).unwrap();
    let endpoint = server.bind_any(Transport::Tcp);
    let events = Monitor::detached(&server, zmq::EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    let count = conformance::descriptors::connections(1_500);
    let mut half_open = half_open(&endpoint, count);
    serves(&server, &client, &endpoint);
    let limit = 1024;
    if count > limit {
        half_open[0].take_rest();
        assert_eq!(events.next().value as i32, libc::ECONNABORTED);
        half_open[count - 1].take(64);
        assert!(!half_open[count - 1].is_closed());
    }
}

#[test]
fn v07_a_handler_that_says_nothing_keeps_nobody_else_waiting() {
    let ctx = Ctx::new();
    let handler = ctx.socket(zmq::ROUTER);
    handler.bind(HANDLER).unwrap();
    let (judged, open) = (curve_server(&ctx, zmq::PULL), ctx.socket(zmq::PULL));
    let stuck = curve_client(&ctx, zmq::PUSH);
    stuck.connect(&judged.bind_any(Transport::Tcp)).unwrap();
    handler.recv().unwrap();
    let other = ctx.socket(zmq::PUSH);
    other.connect(&open.bind_any(Transport::Tcp)).unwrap();
    other.send("in");
    open.expect("in");
    assert_eq!(judged.try_recv(), Err(zmq::EAGAIN));
}

#[test]
fn v12_malformed_handshakes_one_after_the_other_leave_a_good_one_alone() {
    let ctx = Ctx::new();
    let (server, client) = (curve_server(&ctx, zmq::PULL), curve_client(&ctx, zmq::PUSH));
    let endpoint = server.bind_any(Transport::Tcp);
    for i in 0..300_usize {
        let mut raw = Raw::connect(&endpoint);
        raw.send(greeting_with(3, 0, "CURVE"));
        raw.send(command(["HELLO", "INITIATE", "READY", "MESSAGE", "", "ERROR"][i % 6], vec![i as u8; i]));
        raw.finish();
    }
    client.connect(&endpoint).unwrap();
    client.send("in");
    server.expect("in");
}

#[test]
fn v20_only_an_exact_200_opens() {
    for status in ["", "2", "20", "0200", "200 ", "2000", "201", "300", "400", "500", "\u{0}200", "abc"] {
        let ctx = Ctx::new();
        let handler = ctx.socket(zmq::REP);
        handler.bind(HANDLER).unwrap();
        let (server, client) = (curve_server(&ctx, zmq::PULL), curve_client(&ctx, zmq::PUSH));
        let events = Monitor::detached(
            &server,
            zmq::EVENT_HANDSHAKE_FAILED_AUTH | zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL,
        );
        client.set(zmq::RECONNECT_IVL, -1).unwrap();
        client.connect(&server.bind_any(Transport::Tcp)).unwrap();
        client.send("in");
        handler.recv().unwrap();
        handler.send([&b"1.0"[..], b"1", status.as_bytes(), b"", b"", b""]);
        events.next();
        assert_eq!(server.try_recv(), Err(zmq::EAGAIN), "{status:?}");
    }
}

#[test]
fn v26_subscriptions_cross_an_encrypted_connection_again_after_a_reconnect() {
    let ctx = Ctx::new();
    let (publisher, subscriber) = (curve_server(&ctx, zmq::XPUB), curve_client(&ctx, zmq::SUB));
    subscriber.subscribe("a");
    subscriber.set(zmq::RECONNECT_IVL, 20).unwrap();
    let endpoint = publisher.bind_any(Transport::Tcp);
    subscriber.connect(&endpoint).unwrap();
    publisher.expect("\x01a");
    publisher.send("a 1");
    subscriber.expect("a 1");
    drop(publisher);
    let publisher = curve_server(&ctx, zmq::XPUB);
    conformance::wait::until("the port to be free", || publisher.bind(&endpoint).is_ok());
    conformance::wait::until("the subscription", || {
        // Subscriptions are written again in a call of the subscriber's.
        subscriber.events();
        publisher.readable()
    });
    publisher.expect("\x01a");
    publisher.send("b");
    publisher.send("a 2");
    subscriber.expect("a 2");
}

#[test]
fn v64_an_empty_subscription_and_an_empty_message_are_encrypted_like_others() {
    let (publisher, subscriber) = curve_pair(zmq::XPUB, zmq::SUB);
    subscriber.subscribe("");
    publisher.expect("\x01");
    publisher.send("");
    subscriber.expect("");
    subscriber.unsubscribe("");
    publisher.expect("\x00");
}

#[test]
fn v66_heartbeats_stay_heartbeats_when_they_are_encrypted() {
    let ctx = Ctx::new();
    let (server, client) = (curve_server(&ctx, zmq::DEALER), curve_client(&ctx, zmq::DEALER));
    for socket in [&server, &client] {
        socket.set(zmq::HEARTBEAT_IVL, 10).unwrap();
        socket.set(zmq::HEARTBEAT_TIMEOUT, 60_000).unwrap();
    }
    let events = Monitor::detached(&server, zmq::EVENT_DISCONNECTED | zmq::EVENT_HANDSHAKE_SUCCEEDED);
    client.connect(&server.bind_any(Transport::Tcp)).unwrap();
    assert_eq!(events.next().event, zmq::EVENT_HANDSHAKE_SUCCEEDED);
    server.set(zmq::RCVTIMEO, 100).unwrap();
    // Ten of them or so, and none is a message or ends the connection.
    assert_eq!(server.recv(), Err(zmq::EAGAIN));
    server.set(zmq::RCVTIMEO, 10_000).unwrap();
    client.send("in");
    server.expect("in");
    assert_eq!(events.reader().try_recv(), Err(zmq::EAGAIN));
}

#[test]
fn v67_nothing_encrypted_is_lost_when_the_receiver_is_slow() {
    let ctx = Ctx::new();
    let (server, client) = (curve_server(&ctx, zmq::PULL), curve_client(&ctx, zmq::PUSH));
    server.set(zmq::RCVHWM, 2).unwrap();
    client.set(zmq::SNDHWM, 2).unwrap();
    client.connect(&server.bind_any(Transport::Tcp)).unwrap();
    client.set(zmq::SNDTIMEO, -1).unwrap();
    let sender = std::thread::spawn(move || {
        for i in 0..2000_u32 {
            client.send([&i.to_be_bytes()[..], &[7; 1000]]);
        }
        client
    });
    for i in 0..2000_u32 {
        server.expect([&i.to_be_bytes()[..], &[7; 1000]]);
    }
    drop(sender.join().unwrap());
}

#[test]
fn v65_messages_cut_by_the_loss_of_an_encrypted_connection_are_whole_or_gone() {
    let ctx = Ctx::new();
    let client = curve_client(&ctx, zmq::PUSH);
    client.set(zmq::RECONNECT_IVL, 10).unwrap();
    client.set(zmq::LINGER, 0).unwrap();
    let server = curve_server(&ctx, zmq::PULL);
    let endpoint = server.bind_any(Transport::Tcp);
    client.connect(&endpoint).unwrap();
    let sender = std::thread::spawn(move || {
        (0..30_u8).for_each(|i| client.send([vec![i; 1 << 20]]));
        client
    });
    for i in 0..3_u8 {
        server.expect([vec![i; 1 << 20]]);
    }
    drop(server);
    let server = curve_server(&ctx, zmq::PULL);
    conformance::wait::until("the port to be free", || server.bind(&endpoint).is_ok());
    // Those that were on the way are lost; of the others every one is whole, in order, to the last.
    let mut last = 2;
    while last < 29 {
        let message = server.recv().unwrap();
        let number = message[0][0];
        assert!(number > last && message == [vec![number; 1 << 20]], "{number} after {last}");
        last = number;
    }
    drop(sender.join().unwrap());
}

/// Greets both sides as the other one would.
fn greet(client: &mut Raw, server: &mut Raw) {
    for side in [client, server] {
        side.send(greeting_with(3, 0, "CURVE"));
        side.take(64);
    }
}

#[test]
fn v75_a_recorded_handshake_opens_nothing() {
    let ctx = Ctx::new();
    let (server, client) = (curve_server(&ctx, zmq::PULL), curve_client(&ctx, zmq::PUSH));
    let endpoint = server.bind_any(Transport::Tcp);
    // A client's side of a handshake with this very server, recorded on the way.
    let listener = RawListener::new();
    client.set(zmq::RECONNECT_IVL, -1).unwrap();
    client.connect(&listener.endpoint()).unwrap();
    client.send("in");
    let (mut from_client, mut to_server) = (listener.accept(), Raw::connect(&endpoint));
    let mut recorded = greeting_with(3, 0, "CURVE");
    greet(&mut from_client, &mut to_server);
    for _ in 0..2 {
        let (flags, body) = from_client.take_frame();
        recorded.extend(frame(flags & 4, &body));
        to_server.send(frame(flags & 4, &body));
        let (flags, body) = to_server.take_frame();
        from_client.send(frame(flags & 4, &body));
    }
    let (flags, body) = from_client.take_frame();
    recorded.extend(frame(flags & 4, &body));
    to_server.send(frame(flags & 4, &body));
    server.expect("in");
    // The same bytes again.
    let mut replay = Raw::connect(&endpoint);
    replay.send(&recorded);
    replay.take_rest();
    assert_eq!(server.try_recv(), Err(zmq::EAGAIN));
}

#[test]
fn v02_a_message_that_is_sent_again_on_the_way_ends_the_connection() {
    let ctx = Ctx::new();
    let (server, client) = (curve_server(&ctx, zmq::PULL), curve_client(&ctx, zmq::PUSH));
    let events = Monitor::detached(&server, zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL);
    let listener = RawListener::new();
    client.set(zmq::RECONNECT_IVL, -1).unwrap();
    client.connect(&listener.endpoint()).unwrap();
    client.send("once");
    let (mut from_client, mut to_server) =
        (listener.accept(), Raw::connect(&server.bind_any(Transport::Tcp)));
    greet(&mut from_client, &mut to_server);
    for _ in 0..2 {
        let (flags, body) = from_client.take_frame();
        to_server.send(frame(flags & 4, &body));
        let (flags, body) = to_server.take_frame();
        from_client.send(frame(flags & 4, &body));
    }
    let (flags, body) = from_client.take_frame();
    to_server.send(frame(flags & 4, &body));
    server.expect("once");
    to_server.send(frame(flags & 4, &body));
    assert_eq!(events.next().value as i32, zmq::PROTOCOL_ERROR_ZMTP_INVALID_SEQUENCE);
    assert_eq!(server.try_recv(), Err(zmq::EAGAIN));
}

#[test]
fn v06_metadata_of_any_size_fits_or_is_refused() {
    ours_only!("it takes handshakes of any size");
    for (size, fits) in [(1_000, true), (20_000, true), (24_000, true), (25_000, false)] {
        let ctx = Ctx::new();
        let (server, client) = (curve_server(&ctx, zmq::PULL), curve_client(&ctx, zmq::PUSH));
        client.set_bytes(zmq::METADATA, format!("X-Long:{}", "x".repeat(size))).unwrap();
        let wanted = if fits { zmq::EVENT_HANDSHAKE_SUCCEEDED } else { zmq::EVENT_DISCONNECTED };
        let events = Monitor::detached(&server, zmq::EVENT_HANDSHAKE_SUCCEEDED | zmq::EVENT_DISCONNECTED);
        client.set(zmq::RECONNECT_IVL, -1).unwrap();
        client.connect(&server.bind_any(Transport::Tcp)).unwrap();
        assert_eq!(events.next().event, wanted, "{size}");
    }
}

#[test]
fn v93_properties_of_a_login_are_not_taken_from_a_peer() {
    let ctx = Ctx::new();
    let handler = ctx.socket(zmq::REP);
    handler.bind(HANDLER).unwrap();
    let server = plain_server(&ctx);
    let mut raw = Raw::connect(&server.bind_any(Transport::Tcp));
    raw.send(greeting_with(3, 0, "PLAIN"));
    raw.take(64);
    raw.send(command("HELLO", b"\x05guest\x00"));
    handler.recv().unwrap();
    handler.send([&b"1.0"[..], b"1", b"200", b"", b"guest", b""]);
    raw.expect(command("WELCOME", b""));
    let forged = [property("Socket-Type", "PUSH"), property("User-Id", "admin")].concat();
    raw.send(command("INITIATE", forged));
    raw.take_frame();
    raw.send(frame(0, "in"));
    if let Some(lib) = conformance::subject().library() {
        let mut m = conformance::msg::Msg::empty(lib);
        m.recv(&server, 0).unwrap();
        assert_eq!(m.text("User-Id"), Ok("guest".to_owned()));
    } else {
        server.expect("in");
    }
}
