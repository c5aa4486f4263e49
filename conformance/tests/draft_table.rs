//! What all draft types have in common, for each way from one type to another and each transport: whole messages in
//! order, limits, lingering, what a message tells of its peer, and what becomes of it all when a connection is lost.

use conformance::draft::Draft;
use conformance::msg::Msg;
use conformance::socket::{Ctx, Sock, Transport, loopback};
use conformance::way::{GROUP, WAYS, Way};
use conformance::{Monitor, draft, ours_only, wait, zmq};

mod scenario {
    use super::*;

    pub(crate) fn messages_come_whole_and_in_order(transport: Transport) {
        let draft = draft!();
        for kinds in WAYS {
            let way = Way::new(draft, kinds, transport, |_, _| {});
            let body = |i: usize| i.to_be_bytes().repeat([0, 1, 5, 100, 10_000][i % 5]);
            (0..200).for_each(|i| way.send(body(i)).unwrap());
            for i in 0..200 {
                assert_eq!(way.recv().body(), body(i), "{kinds:?}, {i}");
            }
            assert_eq!((way.to.more(), way.to.readable()), (false, false));
        }
    }

    pub(crate) fn a_message_tells_of_its_peer(transport: Transport) {
        let draft = draft!();
        for kinds in WAYS {
            let way = Way::new(draft, kinds, transport, |_, _| {});
            way.send("x").unwrap();
            let mut msg = way.recv();
            let name = ["SERVER", "CLIENT", "RADIO", "DISH", "GATHER", "SCATTER", "DGRAM", "PEER", "CHANNEL"];
            let kind = name[(kinds.0 - zmq::SERVER) as usize];
            let told = (msg.text("Socket-Type"), msg.text("Peer-Address"));
            match transport {
                Transport::Inproc => assert!(told.0.is_err() && told.1.is_err(), "{kinds:?}"),
                // Who binds is elsewhere than who connects.
                Transport::Tcp => {
                    assert_eq!(told.0, Ok(kind.into()));
                    assert!([Ok("127.0.0.1".into()), Ok(loopback().to_string())].contains(&told.1));
                }
                Transport::Ipc => assert!(told.0 == Ok(kind.into()) && told.1.is_ok(), "{kinds:?}"),
            }
            let is_numbered = matches!(kinds.1, zmq::SERVER | zmq::PEER);
            assert_eq!(draft.routing_id(&mut msg) != 0, is_numbered, "{kinds:?}");
            let group = if kinds.1 == zmq::DISH { GROUP } else { "" };
            assert_eq!(draft.group(&mut msg), group.as_bytes(), "{kinds:?}");
        }
    }

    /// The sender's and the receiver's limit and what lies in the buffers of the system.
    pub(crate) fn a_full_queue_refuses_and_has_room_again(transport: Transport) {
        let draft = draft!();
        for kinds in WAYS {
            let way = Way::new(draft, kinds, transport, Way::narrow);
            let body = vec![7; 200_000];
            let sent = way.fill(&body);
            if transport == Transport::Inproc {
                // What was received before may not have been counted yet.
                assert!((3..=4).contains(&sent), "{kinds:?}: {sent}");
            }
            for _ in 0..sent {
                assert!(way.recv().body() == body, "{kinds:?}");
            }
            way.send("room again").unwrap();
            assert_eq!(way.recv().body(), b"room again", "{kinds:?}");
        }
    }

    pub(crate) fn a_send_timeout_ends_a_wait_for_room(transport: Transport) {
        let draft = draft!();
        for kinds in WAYS {
            let way = Way::new(draft, kinds, transport, Way::narrow);
            let body = vec![7; 200_000];
            way.from.set(zmq::SNDTIMEO, 20).unwrap();
            let refused = (0..1000).find_map(|_| way.send(&body).err());
            assert_eq!(
                refused,
                Some(zmq::EAGAIN),
                "{kinds:?}: a thousand messages of 200 kB cannot all have room"
            );
        }
    }

    pub(crate) fn what_was_sent_comes_after_the_sender_is_closed(transport: Transport) {
        let draft = draft!();
        for kinds in WAYS {
            let way = Way::new(draft, kinds, transport, |_, _| {});
            way.from.set(zmq::LINGER, -1).unwrap();
            for i in 0..100 {
                way.send(format!("{i}")).unwrap();
            }
            let Way { from, to, .. } = way;
            from.close().unwrap();
            for i in 0..100 {
                to.expect(format!("{i}"));
            }
        }
    }

    pub(crate) fn a_disconnected_endpoint_is_forgotten(transport: Transport) {
        let draft = draft!();
        for (from, to) in WAYS {
            let ctx = Ctx::new();
            let (binder, connecter) = (ctx.socket(to), ctx.socket(from));
            let endpoint = binder.bind_any(transport);
            assert_eq!(connecter.disconnect(&endpoint), Err(zmq::ENOENT), "{from}");
            if from == zmq::PEER {
                let number = draft.connect_peer(&connecter, &endpoint).unwrap();
                connecter.disconnect(&endpoint).unwrap();
                let refused = draft.send_to(&connecter, number, "x", zmq::DONTWAIT);
                assert_eq!(refused, Err(zmq::EHOSTUNREACH));
            } else {
                connecter.connect(&endpoint).unwrap();
                connecter.disconnect(&endpoint).unwrap();
            }
            assert_eq!(connecter.disconnect(&endpoint), Err(zmq::ENOENT), "{from}");
            binder.unbind(&endpoint).unwrap();
            assert_eq!(binder.unbind(&endpoint), Err(zmq::ENOENT), "{to}");
        }
    }

    pub(crate) fn a_peer_lets_go_of_a_peer(transport: Transport) {
        let draft = draft!();
        let way = Way::new(draft, (zmq::PEER, zmq::PEER), transport, |from, _| {
            from.set(zmq::RECONNECT_IVL, -1).unwrap();
        });
        way.send("hello").unwrap();
        let (back, _) = draft.recv_from(&way.to).unwrap();
        draft.send_to(&way.to, back, "good bye", 0).unwrap();
        draft.disconnect_peer(&way.to, back).unwrap();
        assert_eq!(draft.disconnect_peer(&way.to, back), Err(zmq::EHOSTUNREACH));
        assert_eq!(draft.send_to(&way.to, back, "too late", 0), Err(zmq::EHOSTUNREACH));
        assert_eq!(draft.recv_from(&way.from).unwrap().1, b"good bye");
        wait::until("nobody is there", || way.try_send("?") == Err(zmq::EHOSTUNREACH));
    }

    /// Of the types that hear of single peers: the notice has the number of who left.
    pub(crate) fn a_notice_is_left_by_whoever_goes(transport: Transport) {
        ours_only!("4.3.4 does not know ZMQ_DISCONNECT_MSG");
        let draft = draft!();
        for kinds in [(zmq::CLIENT, zmq::SERVER), (zmq::PEER, zmq::PEER)] {
            let way = Way::new(draft, kinds, transport, |_, to| {
                to.set_bytes(zmq::DISCONNECT_MSG, "gone").unwrap();
            });
            way.send("hello").unwrap();
            let (number, _) = draft.recv_from(&way.to).unwrap();
            let Way { from, to, .. } = way;
            from.close().unwrap();
            assert_eq!(draft.recv_from(&to), Ok((number, b"gone".to_vec())), "{kinds:?}");
        }
    }

    pub(crate) fn a_greeting_goes_first(transport: Transport) {
        ours_only!("4.3.4 does not know ZMQ_HELLO_MSG");
        for (from, to) in [(zmq::CLIENT, zmq::SERVER), (zmq::SERVER, zmq::CLIENT), (zmq::PEER, zmq::PEER)] {
            let ctx = Ctx::new();
            let (from, to) = (ctx.socket(from), ctx.socket(to));
            from.set_bytes(zmq::HELLO_MSG, "hello").unwrap();
            to.connect(&from.bind_any(transport)).unwrap();
            to.expect("hello");
            assert_eq!(to.try_recv(), Err(zmq::EAGAIN));
        }
    }
}

conformance::on_each_transport!(
    messages_come_whole_and_in_order,
    a_message_tells_of_its_peer,
    a_full_queue_refuses_and_has_room_again,
    a_send_timeout_ends_a_wait_for_room,
    what_was_sent_comes_after_the_sender_is_closed,
    a_disconnected_endpoint_is_forgotten,
    a_peer_lets_go_of_a_peer,
    a_notice_is_left_by_whoever_goes,
    a_greeting_goes_first,
);

// ---- A connection that is lost and made again ----

/// The connecting side of each kind of pair, and the binding one.
#[test]
fn a_lost_connection_is_made_again_and_messages_pass() {
    let draft = draft!();
    for transport in [Transport::Tcp, Transport::Ipc] {
        for (connecter, binder) in [
            (zmq::CLIENT, zmq::SERVER),
            (zmq::SERVER, zmq::CLIENT),
            (zmq::SCATTER, zmq::GATHER),
            (zmq::GATHER, zmq::SCATTER),
            (zmq::CHANNEL, zmq::CHANNEL),
        ] {
            let ctx = Ctx::new();
            let here = ctx.socket(connecter);
            here.set(zmq::RECONNECT_IVL, 1).unwrap();
            let first = ctx.socket(binder);
            let endpoint = first.bind_any(transport);
            here.connect(&endpoint).unwrap();
            pass(&draft, &here, &first);
            let monitor = Monitor::new(&here);
            first.close().unwrap();
            monitor.wait_for(zmq::EVENT_DISCONNECTED);
            let second = ctx.socket(binder);
            wait::until("the address is free", || second.bind(&endpoint).is_ok());
            monitor.wait_for(zmq::EVENT_HANDSHAKE_SUCCEEDED);
            pass(&draft, &here, &second);
        }
    }
}

/// Sends a message between the two, to the one that connected only if the other cannot receive.
fn pass(draft: &Draft, connecter: &Sock, binder: &Sock) {
    let is = |sock: &Sock, kind| sock.option(zmq::TYPE) == Ok(kind);
    if is(connecter, zmq::SERVER) || is(connecter, zmq::GATHER) {
        binder.send("x");
        connecter.expect("x");
    } else {
        connecter.send("x");
        binder.expect("x");
    }
    if is(binder, zmq::SERVER) {
        connecter.send("again");
        let (number, _) = draft.recv_from(binder).unwrap();
        draft.send_to(binder, number, "answer", 0).unwrap();
        connecter.expect("answer");
    }
}

#[test]
fn a_client_that_comes_back_has_another_number() {
    let draft = draft!();
    for transport in [Transport::Tcp, Transport::Ipc] {
        let ctx = Ctx::new();
        let server = ctx.socket(zmq::SERVER);
        let endpoint = server.bind_any(transport);
        let mut numbers = vec![];
        for _ in 0..3 {
            let client = ctx.socket(zmq::CLIENT);
            client.connect(&endpoint).unwrap();
            client.send("x");
            let (number, _) = draft.recv_from(&server).unwrap();
            assert!(number != 0 && !numbers.contains(&number));
            numbers.push(number);
            client.close().unwrap();
            wait::until("it is gone", || draft.send_to(&server, number, "?", 0) == Err(zmq::EHOSTUNREACH));
        }
    }
}

#[test]
fn the_number_of_a_peer_that_was_connected_outlives_the_connection() {
    let draft = draft!();
    for transport in [Transport::Tcp, Transport::Ipc] {
        let ctx = Ctx::new();
        let (peer, first) = (ctx.socket(zmq::PEER), ctx.socket(zmq::PEER));
        peer.set(zmq::RECONNECT_IVL, 1).unwrap();
        let endpoint = first.bind_any(transport);
        let number = draft.connect_peer(&peer, &endpoint).unwrap();
        draft.send_to(&peer, number, "first", 0).unwrap();
        first.expect("first");
        let monitor = Monitor::new(&peer);
        first.close().unwrap();
        monitor.wait_for(zmq::EVENT_DISCONNECTED);
        draft.send_to(&peer, number, "meanwhile", 0).unwrap();
        let second = ctx.socket(zmq::PEER);
        wait::until("the address is free", || second.bind(&endpoint).is_ok());
        let (back, body) = draft.recv_from(&second).unwrap();
        assert_eq!(body, b"meanwhile");
        draft.send_to(&second, back, "answer", 0).unwrap();
        assert_eq!(draft.recv_from(&peer), Ok((number, b"answer".to_vec())));
    }
}

#[test]
fn a_hiccup_is_told_with_the_number() {
    ours_only!("4.3.4 does not know ZMQ_HICCUP_MSG");
    let draft = draft!();
    for transport in [Transport::Tcp, Transport::Ipc] {
        for (connecter, binder) in [(zmq::CLIENT, zmq::SERVER), (zmq::PEER, zmq::PEER)] {
            let ctx = Ctx::new();
            let (here, there) = (ctx.socket(connecter), ctx.socket(binder));
            here.set_bytes(zmq::HICCUP_MSG, "hiccup").unwrap();
            let endpoint = there.bind_any(transport);
            let number = if connecter == zmq::PEER {
                let number = draft.connect_peer(&here, &endpoint).unwrap();
                draft.send_to(&here, number, "x", 0).unwrap();
                number
            } else {
                here.connect(&endpoint).unwrap();
                here.send("x");
                0
            };
            there.expect("x");
            there.close().unwrap();
            assert_eq!(draft.recv_from(&here), Ok((number, b"hiccup".to_vec())));
        }
    }
}

// ---- Lingering ----

#[test]
fn the_linger_of_each_type() {
    ours_only!("as a build with the draft API has it");
    let ctx = Ctx::new();
    for kind in zmq::SERVER..=zmq::CHANNEL {
        let linger = if kind == zmq::DISH { 0 } else { -1 };
        assert_eq!(ctx.try_socket(kind).unwrap().option(zmq::LINGER), Ok(linger), "{kind}");
    }
}

#[test]
fn without_lingering_nothing_holds_the_context() {
    let draft = draft!();
    for endpoint in ["tcp://127.0.0.1:9", "ipc://@nobody-is-there"] {
        for kind in [zmq::CLIENT, zmq::SCATTER, zmq::CHANNEL, zmq::PEER] {
            let ctx = Ctx::new();
            let sock = ctx.try_socket(kind).unwrap();
            if kind == zmq::PEER {
                let number = draft.connect_peer(&sock, endpoint).unwrap();
                draft.send_to(&sock, number, "x", 0).unwrap();
            } else {
                sock.connect(endpoint).unwrap();
                sock.send("x");
            }
            sock.set(zmq::LINGER, 0).unwrap();
            sock.close().unwrap();
            assert_eq!(ctx.term(), Ok(()), "{kind}");
        }
    }
}

// ---- Options ----

#[test]
fn without_a_peer_some_are_ready_to_send() {
    ours_only!("as a build with the draft API has it");
    let ctx = Ctx::new();
    for (kind, events) in [
        (zmq::SERVER, zmq::POLLOUT),
        (zmq::CLIENT, 0),
        (zmq::RADIO, zmq::POLLOUT),
        (zmq::DISH, zmq::POLLOUT),
        (zmq::GATHER, 0),
        (zmq::SCATTER, 0),
        (zmq::PEER, zmq::POLLOUT),
        (zmq::CHANNEL, 0),
    ] {
        assert_eq!(ctx.socket(kind).events(), events, "{kind}");
    }
}

#[test]
fn only_a_radio_can_be_told_not_to_drop() {
    ours_only!("as a build with the draft API has it");
    let ctx = Ctx::new();
    for kind in
        [zmq::SERVER, zmq::CLIENT, zmq::RADIO, zmq::DISH, zmq::GATHER, zmq::SCATTER, zmq::PEER, zmq::CHANNEL]
    {
        let wanted = if kind == zmq::RADIO { Ok(()) } else { Err(zmq::EINVAL) };
        assert_eq!(ctx.socket(kind).set(zmq::XPUB_NODROP, 1), wanted, "{kind}");
    }
}

#[test]
fn conflate_is_accepted_and_has_no_effect() {
    let draft = draft!();
    for kinds in WAYS {
        for transport in [Transport::Tcp, Transport::Inproc] {
            let way = Way::new(draft, kinds, transport, |from, to| {
                from.set(zmq::CONFLATE, 1).unwrap();
                to.set(zmq::CONFLATE, 1).unwrap();
            });
            for i in 0..10 {
                way.send(format!("{i}")).unwrap();
            }
            for i in 0..10 {
                assert_eq!(way.recv().body(), format!("{i}").as_bytes(), "{kinds:?}");
            }
        }
    }
}

#[test]
fn immediate_makes_a_sender_wait_for_a_peer() {
    ours_only!("the distribution's build aborts in the handshake");
    for kind in [zmq::CLIENT, zmq::SCATTER, zmq::CHANNEL] {
        let sock = Ctx::new().socket(kind);
        sock.set(zmq::IMMEDIATE, 1).unwrap();
        sock.connect("tcp://127.0.0.1:9").unwrap();
        assert_eq!(sock.send_frame("x", zmq::DONTWAIT), Err(zmq::EAGAIN), "{kind}");
        sock.set(zmq::IMMEDIATE, 0).unwrap();
        sock.connect("tcp://127.0.0.1:10").unwrap();
        // A CHANNEL has its one peer already or has none: what it takes is the connection's affair.
        if kind != zmq::CHANNEL {
            assert_eq!(sock.send_frame("x", zmq::DONTWAIT), Ok(1), "{kind}");
        }
    }
}

#[test]
fn a_message_that_is_too_long_ends_the_connection() {
    let draft = draft!();
    for kinds in WAYS {
        for transport in [Transport::Tcp, Transport::Ipc] {
            let way = Way::new(draft, kinds, transport, |from, to| {
                from.set(zmq::RECONNECT_IVL, -1).unwrap();
                to.set(zmq::RECONNECT_IVL, -1).unwrap();
                // MAXMSGSIZE, of 64 bits.
                to.set_bytes(zmq::MAXMSGSIZE, 200i64.to_ne_bytes()).unwrap();
            });
            let monitor = Monitor::new(&way.to);
            way.send([7; 200]).unwrap();
            assert_eq!(way.recv().body(), [7; 200], "{kinds:?}");
            way.send([7; 201]).unwrap();
            monitor.wait_for(zmq::EVENT_DISCONNECTED);
            assert_eq!(way.to.try_recv(), Err(zmq::EAGAIN), "{kinds:?}");
        }
    }
}

// ---- Errors ----

#[test]
fn the_end_of_the_context_is_no_matter_for_groups_and_numbers() {
    let draft = draft!();
    let ctx = Ctx::new();
    let (dish, server, peer) = (ctx.socket(zmq::DISH), ctx.socket(zmq::SERVER), ctx.socket(zmq::PEER));
    ctx.shutdown().unwrap();
    for sock in [&dish, &server, &peer] {
        assert_eq!(sock.try_recv(), Err(zmq::ETERM));
    }
    assert_eq!(draft.join(&dish, "a"), Ok(()));
    assert_eq!(draft.leave(&dish, "a"), Ok(()));
    assert_eq!(draft.disconnect_peer(&server, 1), Err(zmq::EHOSTUNREACH));
    assert_eq!(draft.connect_peer(&peer, "tcp://127.0.0.1:9"), Err(zmq::ETERM));
}

#[test]
fn a_refused_message_keeps_its_number() {
    let draft = draft!();
    let server = Ctx::new().socket(zmq::SERVER);
    let mut msg = Msg::copy_of(draft.library(), "x");
    draft.set_routing_id(&mut msg, 7).unwrap();
    assert_eq!(msg.send(&server, zmq::SNDMORE), Err(zmq::EINVAL));
    assert_eq!(msg.send(&server, 0), Err(zmq::EHOSTUNREACH));
    assert_eq!((draft.routing_id(&mut msg), msg.body()), (7, b"x".to_vec()));
}
