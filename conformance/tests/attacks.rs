//! What has broken implementations of ZeroMQ's security before, on real connections. The ids are those of SECURITY.md.

use conformance::socket::{Ctx, Sock, Transport};
use conformance::wire::{Raw, RawListener, command, frame, greeting_with, old_frame, property, ready};
use conformance::{Monitor, alone, curve, differs, is_system, ours_only, zmq};

const HANDLER: &str = "inproc://zeromq.zap.01";

fn curve_server(ctx: &Ctx, kind: i32) -> Sock {
    let server = ctx.socket(kind);
    curve::serve(&server);
    server
}

fn curve_client(ctx: &Ctx, kind: i32) -> Sock {
    let client = ctx.socket(kind);
    curve::ask_to_come_in(&client);
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

/// A server that asks about every peer, its address being all that it knows of it.
fn domain_server(ctx: &Ctx) -> Sock {
    let server = ctx.socket(zmq::PULL);
    server.set_bytes(zmq::ZAP_DOMAIN, "global").unwrap();
    server
}

fn plain_client(ctx: &Ctx) -> Sock {
    let client = ctx.socket(zmq::PUSH);
    client.set_bytes(zmq::PLAIN_USERNAME, "admin").unwrap();
    client.set_bytes(zmq::PLAIN_PASSWORD, "secret").unwrap();
    client
}

fn says(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[test]
fn v01_a_weaker_mechanism_in_the_greeting_ends_the_connection() {
    for (own, server) in
        [("CURVE", curve_server(&Ctx::new(), zmq::PULL)), ("PLAIN", plain_server(&Ctx::new()))]
    {
        let events =
            Monitor::detached(&server, zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq::EVENT_HANDSHAKE_SUCCEEDED);
        let endpoint = server.bind_any(Transport::Tcp);
        let (shorter, longer, spaced) = (&own[..4], format!("{own}2"), format!("{own} "));
        let all = ["NULL", "PLAIN", "CURVE", "", shorter, &longer, &spaced, &own.to_lowercase()];
        for mechanism in all.into_iter().filter(|mechanism| *mechanism != own) {
            let mut raw = Raw::connect(&endpoint);
            raw.send(greeting_with(3, 0, mechanism));
            // Nothing but a greeting is said to such a peer.
            assert!(raw.take_rest().len() <= 64, "{mechanism}");
            let event = events.next();
            assert_eq!(event.event, zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL, "{mechanism}");
            assert_eq!(event.value as i32, zmq::PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH, "{mechanism}");
        }
        let mut raw = Raw::connect(&endpoint);
        raw.send([greeting_with(3, 0, "NULL"), ready("PUSH", None), frame(0, "in")].concat());
        raw.take_rest();
        assert_eq!(events.next().event, zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL);
        assert_eq!(server.try_recv(), Err(zmq::EAGAIN));
    }
}

#[test]
fn v01_a_client_does_not_lower_its_mechanism_either() {
    for client in [curve_client(&Ctx::new(), zmq::PUSH), plain_client(&Ctx::new())] {
        let listener = RawListener::new();
        let events = Monitor::detached(&client, zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL);
        client.set(zmq::RECONNECT_IVL, -1).unwrap();
        client.connect(&listener.endpoint()).unwrap();
        client.send("secret");
        let mut raw = listener.accept();
        raw.send([greeting_with(3, 0, "NULL"), ready("PULL", None)].concat());
        assert!(raw.take_rest().len() <= 64);
        assert_eq!(events.next().value as i32, zmq::PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH);
    }
}

/// A peer of ZMTP 1 without a greeting, one of ZMTP 1 and one of ZMTP 2: greeting, identity, and a message.
fn old_peers(socket_type: u8) -> [Vec<u8>; 3] {
    let greeting = |revision| [&b"\xFF\0\0\0\0\0\0\0\x01\x7F"[..], &[revision, socket_type]].concat();
    let (version_1, version_2) =
        ([old_frame(0, ""), old_frame(0, "in")].concat(), [frame(0, ""), frame(0, "in")].concat());
    [version_1.clone(), [greeting(0), version_1].concat(), [greeting(1), version_2].concat()]
}

#[test]
fn v03_old_versions_do_not_get_around_security() {
    let servers =
        [curve_server(&Ctx::new(), zmq::PULL), plain_server(&Ctx::new()), domain_server(&Ctx::new())];
    for server in servers {
        let endpoint = server.bind_any(Transport::Tcp);
        for bytes in old_peers(8) {
            let mut raw = Raw::connect(&endpoint);
            raw.send(&bytes);
            // Closed by the server: this end has said nothing of an end.
            raw.take_rest();
            assert_eq!(server.try_recv(), Err(zmq::EAGAIN), "{bytes:?}");
        }
    }
}

#[test]
fn v03_a_client_does_not_lower_its_version_either() {
    let judged = Ctx::new().socket(zmq::PUSH);
    judged.set_bytes(zmq::ZAP_DOMAIN, "global").unwrap();
    for client in [curve_client(&Ctx::new(), zmq::PUSH), plain_client(&Ctx::new()), judged] {
        client.set(zmq::RECONNECT_IVL, -1).unwrap();
        let listeners = [(); 3].map(|()| RawListener::new());
        for (bytes, listener) in old_peers(7).into_iter().zip(&listeners) {
            client.connect(&listener.endpoint()).unwrap();
            client.send("secret");
            let mut raw = listener.accept();
            raw.send(&bytes);
            let said = raw.take_rest();
            assert!(!says(&said, b"secret"), "{said:?}");
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

/// Every part of a handshake after which a peer may fall silent.
fn silent_parts(mechanism: &str) -> Vec<Vec<u8>> {
    let greeting = greeting_with(3, 0, mechanism);
    let begun = [&greeting[..], &[4, 200, 5, b'H']].concat();
    vec![vec![], greeting[..1].to_vec(), greeting[..10].to_vec(), greeting[..63].to_vec(), greeting, begun]
}

#[test]
fn v07_whoever_stops_anywhere_in_a_handshake_is_let_go() {
    let ctx = Ctx::new();
    // Whoever asks it waits.
    let handler = ctx.socket(zmq::ROUTER);
    handler.bind(HANDLER).unwrap();
    let servers = [
        ("NULL", ctx.socket(zmq::PULL)),
        ("NULL", domain_server(&ctx)),
        ("PLAIN", plain_server(&ctx)),
        ("CURVE", curve_server(&ctx, zmq::PULL)),
    ];
    let mut open = vec![];
    for (mechanism, server) in &servers {
        server.set(zmq::HANDSHAKE_IVL, 300).unwrap();
        let endpoint = server.bind_any(Transport::Tcp);
        let mut parts = silent_parts(mechanism);
        let asks = [greeting_with(3, 0, mechanism), command("HELLO", b"\x05admin\x06secret")].concat();
        if *mechanism == "PLAIN" {
            parts.push(asks);
        }
        open.extend(parts.iter().map(|part| {
            let mut raw = Raw::connect(&endpoint);
            raw.send(part);
            raw
        }));
    }
    // Closed by the servers: none of these ends has said anything of an end.
    open.iter_mut().for_each(|raw| drop(raw.take_rest()));
}

#[test]
fn v07_half_open_connections_have_no_part_in_the_traffic_of_any_type() {
    for (kind, peer) in [
        (zmq::PUSH, zmq::PULL),
        (zmq::PULL, zmq::PUSH),
        (zmq::DEALER, zmq::REP),
        (zmq::REQ, zmq::REP),
        (zmq::ROUTER, zmq::REQ),
        (zmq::XPUB, zmq::XSUB),
        (zmq::PAIR, zmq::PAIR),
    ] {
        let ctx = Ctx::new();
        let (server, client) = (ctx.socket(kind), ctx.socket(peer));
        let endpoint = server.bind_any(Transport::Tcp);
        let greeting = greeting_with(3, 0, "NULL");
        let half_open: Vec<_> = [&b""[..], &greeting[..40], &greeting].repeat(8);
        let half_open: Vec<_> = half_open
            .into_iter()
            .map(|part| {
                let mut raw = Raw::connect(&endpoint);
                raw.send(part);
                raw
            })
            .collect();
        client.connect(&endpoint).unwrap();
        if kind == zmq::XPUB {
            client.send("\x01");
            server.expect("\x01");
        }
        for i in 0..30_u8 {
            match kind {
                zmq::PULL => {
                    client.send(&[i]);
                    server.expect(&[i]);
                }
                zmq::PUSH | zmq::XPUB | zmq::PAIR => {
                    server.send(&[i]);
                    client.expect(&[i]);
                }
                zmq::ROUTER => {
                    client.send(&[i]);
                    server.send(server.recv().unwrap());
                    client.expect(&[i]);
                }
                _ => {
                    let question = if kind == zmq::DEALER { vec![vec![], vec![i]] } else { vec![vec![i]] };
                    server.send(question.clone());
                    client.expect(&[i]);
                    client.send(&[i]);
                    server.expect(question);
                }
            }
        }
        drop(half_open);
    }
}

/// What a handshake never says at its beginning, and what it says, malformed.
fn malformed(i: usize) -> Vec<u8> {
    let names = ["HELLO", "WELCOME", "INITIATE", "READY", "MESSAGE", "", "HELL", "PING"];
    // A HELLO of PLAIN and of CURVE has a length; so many bytes are none.
    command(names[i % names.len()], vec![0xF7; i])
}

#[test]
fn v12_malformed_handshakes_one_after_the_other_leave_a_good_one_alone() {
    alone("v12_malformed_handshakes_one_after_the_other_leave_a_good_one_alone", || {
        for (mechanism, kind) in [("CURVE", zmq::PULL), ("PLAIN", zmq::PULL), ("NULL", zmq::REP)] {
            let ctx = Ctx::new();
            let server = match mechanism {
                "CURVE" => curve_server(&ctx, kind),
                "PLAIN" => plain_server(&ctx),
                _ => ctx.socket(kind),
            };
            let endpoint = server.bind_any(Transport::Tcp);
            let before = conformance::descriptors::open();
            for i in 0..200_usize {
                let mut raw = Raw::connect(&endpoint);
                raw.send([greeting_with(3, 0, mechanism), malformed(i)].concat());
                // Closed by the server: this end has said nothing of an end.
                raw.take_rest();
            }
            conformance::wait::until("the descriptors", || conformance::descriptors::open() <= before);
            assert_eq!(server.try_recv(), Err(zmq::EAGAIN));
            match mechanism {
                "CURVE" => {
                    let client = curve_client(&ctx, zmq::PUSH);
                    client.connect(&endpoint).unwrap();
                    client.send("in");
                    server.expect("in");
                }
                "NULL" => {
                    let client = ctx.socket(zmq::REQ);
                    client.connect(&endpoint).unwrap();
                    client.send("in");
                    server.expect("in");
                }
                // Nobody is there to let a client in.
                _ => {}
            }
        }
    });
}

#[test]
fn v12_malformed_answers_to_a_client_end_one_connection_and_leave_the_next_alone() {
    for (mechanism, client) in [
        ("CURVE", curve_client(&Ctx::new(), zmq::REQ)),
        ("PLAIN", plain_client(&Ctx::new())),
        ("NULL", Ctx::new().socket(zmq::REQ)),
    ] {
        client.set(zmq::RECONNECT_IVL, -1).unwrap();
        // All at the same time, so that no two have the same port.
        let listeners: Vec<_> = (0..64).map(|_| RawListener::new()).collect();
        for (i, listener) in listeners.iter().enumerate() {
            let mut raw = listener.connect(&client);
            raw.send([greeting_with(3, 0, mechanism), malformed(i)].concat());
            // Closed by the client: this end has said nothing of an end.
            raw.take_rest();
        }
        if mechanism == "NULL" {
            let listener = RawListener::new();
            let mut raw = listener.connect(&client);
            raw.handshake(0, "REP", None);
            client.send("question");
            assert_eq!(raw.take_frame(), (1, vec![]));
            assert_eq!(raw.take_frame(), (0, b"question".to_vec()));
        }
    }
}

/// A server and a client of each mechanism that asks.
fn asking(mechanism: &str, ctx: &Ctx) -> (Sock, Sock) {
    match mechanism {
        "CURVE" => (curve_server(ctx, zmq::PULL), curve_client(ctx, zmq::PUSH)),
        "PLAIN" => (plain_server(ctx), plain_client(ctx)),
        _ => (domain_server(ctx), ctx.socket(zmq::PUSH)),
    }
}

/// Whether the client comes in if this is the answer about it.
fn opens(mechanism: &str, status: &str) -> bool {
    let ctx = Ctx::new();
    let handler = ctx.socket(zmq::REP);
    handler.bind(HANDLER).unwrap();
    let (server, client) = asking(mechanism, &ctx);
    server.set(zmq::HANDSHAKE_IVL, 0).unwrap();
    client.set(zmq::RECONNECT_IVL, -1).unwrap();
    if status == "300" || is_system() && status != "200" {
        // A peer that is put off is told nothing, and waits for as long as this; then it comes again. So are others, on
        // the system's libzmq.
        server.set(zmq::HANDSHAKE_IVL, 500).unwrap();
        client.set(zmq::RECONNECT_IVL, 10).unwrap();
    }
    let events = Monitor::detached(&server, zmq::EVENT_HANDSHAKE_SUCCEEDED | zmq::EVENT_DISCONNECTED);
    client.connect(&server.bind_any(Transport::Tcp)).unwrap();
    client.send("in");
    handler.recv().unwrap();
    handler.send([&b"1.0"[..], b"1", status.as_bytes(), b"", b"", b""]);
    let opened = events.next().event == zmq::EVENT_HANDSHAKE_SUCCEEDED;
    match opened {
        true => server.expect("in"),
        false => assert_eq!(server.try_recv(), Err(zmq::EAGAIN), "{mechanism} {status:?}"),
    }
    opened
}

#[test]
fn v20_only_an_exact_200_opens_whatever_the_mechanism() {
    for mechanism in ["NULL", "PLAIN", "CURVE"] {
        assert!(opens(mechanism, "200"), "{mechanism}");
        for status in [
            "", "2", "20", "0200", "+200", "200 ", " 200", "2000", "201", "204", "2OO", "300", "400", "500",
            "\u{0}200", "200\u{0}", "abc",
        ] {
            assert!(!opens(mechanism, status), "{mechanism} {status:?}");
        }
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
    let mut recorded = vec![];
    greet(&mut from_client, &mut to_server);
    for _ in 0..2 {
        let (flags, body) = from_client.take_frame();
        to_server.send(frame(flags & 4, &body));
        recorded.push(frame(flags & 4, &body));
        let (flags, body) = to_server.take_frame();
        from_client.send(frame(flags & 4, &body));
    }
    let (flags, body) = from_client.take_frame();
    to_server.send(frame(flags & 4, &body));
    server.expect("in");
    // The same bytes again, each when its turn has come.
    let events =
        Monitor::detached(&server, zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq::EVENT_HANDSHAKE_SUCCEEDED);
    let mut replay = Raw::connect(&endpoint);
    replay.send(greeting_with(3, 0, "CURVE"));
    replay.take(64);
    replay.send(&recorded[0]);
    assert!(replay.take_frame().1.starts_with(b"\x07WELCOME"));
    replay.send(&recorded[1]);
    let event = events.next();
    assert_eq!(event.event, zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL);
    assert_eq!(event.value as i32, zmq::PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC);
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
    for (count, size, fits) in [
        (1, 1_000, true),
        (1, 20_000, true),
        (1, 24_000, true),
        (1, 25_000, false),
        (200, 1, true),
        (250, 1, false),
    ] {
        let ctx = Ctx::new();
        let (server, client) = (curve_server(&ctx, zmq::PULL), curve_client(&ctx, zmq::PUSH));
        for i in 0..count {
            client.set_bytes(zmq::METADATA, format!("X-{i}:{}", "x".repeat(size))).unwrap();
        }
        let is_taken =
            fits || differs!("v06_metadata_of_any_size_fits_or_is_refused", libzmq: true, ours: false);
        let wanted = if is_taken { zmq::EVENT_HANDSHAKE_SUCCEEDED } else { zmq::EVENT_DISCONNECTED };
        let events = Monitor::detached(&server, zmq::EVENT_HANDSHAKE_SUCCEEDED | zmq::EVENT_DISCONNECTED);
        client.set(zmq::RECONNECT_IVL, -1).unwrap();
        client.connect(&server.bind_any(Transport::Tcp)).unwrap();
        assert_eq!(events.next().event, wanted, "{count} of {size}");
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

#[test]
fn v93_a_login_is_not_taken_from_a_peer_where_nobody_is_asked_either() {
    ours_only!("this is what ferrozmq promises of itself");
    let lib = conformance::c_library!();
    let server = Ctx::new().socket(zmq::PULL);
    let mut raw = Raw::connect(&server.bind_any(Transport::Tcp));
    let forged = ["User-Id", "user-id", "USER-ID", "Peer-Address", "peer-address", "__fd", "__FD"];
    let forged = forged.map(|name| property(name, "admin")).concat();
    raw.send(greeting_with(3, 0, "NULL"));
    raw.send(command("READY", [property("Socket-Type", "PUSH"), forged, property("X-Own", "yes")].concat()));
    raw.send(frame(0, "in"));
    let mut m = conformance::msg::Msg::empty(lib);
    m.recv(&server, 0).unwrap();
    assert_eq!(m.text("X-Own"), Ok("yes".to_owned()));
    assert_eq!(m.text("Peer-Address"), Ok("127.0.0.1".to_owned()));
    for name in ["User-Id", "user-id", "USER-ID", "peer-address", "__fd", "__FD"] {
        assert!(m.text(name) != Ok("admin".to_owned()), "{name}");
    }
}

#[test]
fn v94_a_handshake_of_great_length_or_of_many_small_properties_ends() {
    ours_only!("this is what ferrozmq promises of itself");
    let ctx = Ctx::new();
    // It never answers, so that a peer that was taken would stay.
    let handler = ctx.socket(zmq::ROUTER);
    handler.bind(HANDLER).unwrap();
    let server = domain_server(&ctx);
    server.set(zmq::HANDSHAKE_IVL, 0).unwrap();
    let endpoint = server.bind_any(Transport::Tcp);
    let many = |count: u32| {
        let names = (0..count).map(|i| {
            property(std::str::from_utf8(&[b'a', b'A' + (i / 64) as u8, b'0' + (i % 64) as u8]).unwrap(), "")
        });
        command("READY", names.collect::<Vec<_>>().concat())
    };
    let announced = |size: u64| [&[6][..], &size.to_be_bytes(), b"\x05READY"].concat();
    for bytes in [announced(1 << 30), announced(1 << 62), announced(24 * 1024 + 1), many(2000)] {
        let mut raw = Raw::connect(&endpoint);
        raw.send([greeting_with(3, 0, "NULL"), bytes].concat());
        // Closed by the server: this end has said nothing of an end.
        raw.take_rest();
    }
    let mut raw = Raw::connect(&endpoint);
    raw.send([greeting_with(3, 0, "NULL"), many(100)].concat());
    raw.take(64);
    assert!(!raw.is_closed());
}

#[test]
fn v92_an_identity_like_a_generated_one_hinders_nobody() {
    ours_only!("this is what ferrozmq promises of itself");
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    let endpoint = router.bind_any(Transport::Tcp);
    let introduce = |text: &str| {
        let dealer = ctx.socket(zmq::DEALER);
        dealer.connect(&endpoint).unwrap();
        dealer.send(text);
        (router.expect_routed(text), dealer)
    };
    let (first, _dealer) = introduce("first");
    assert_eq!((first.len(), first[0]), (5, 0));
    let generated = |after: u32| {
        let number = u32::from_be_bytes(first[1..].try_into().unwrap()).wrapping_add(after);
        [&[0], &number.to_be_bytes()[..]].concat()
    };
    // Those that would be next, taken by peers that chose them.
    let chosen: Vec<_> = (1..=3)
        .map(|after| {
            let mut raw = Raw::connect(&endpoint);
            raw.handshake(0, "DEALER", Some(&generated(after)));
            raw.send(frame(0, "chosen"));
            assert_eq!(router.expect_routed("chosen"), generated(after));
            raw
        })
        .collect();
    let (second, dealer) = introduce("second");
    assert_eq!(second, generated(4));
    router.send([&second[..], b"to the second"]);
    dealer.expect("to the second");
    for (mut raw, after) in chosen.into_iter().zip(1..) {
        router.send([&generated(after)[..], b"to the chosen"]);
        assert_eq!(raw.take_frame(), (0, b"to the chosen".to_vec()));
    }
}
