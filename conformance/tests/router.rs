//! RFC 28, request-reply: what ROUTER does with its peers and their routing ids.

use conformance::socket::{Ctx, Sock, Transport, join, join_more, named, pair};
use conformance::wire::{Raw, RawListener, frame};
use conformance::{Monitor, differs, ours_only, wait, zmq};

#[test]
fn router_drops_what_it_cannot_route() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    let dealer = named(&ctx, zmq::DEALER, "known");
    join(&router, &dealer, Transport::Tcp);
    dealer.send("hello");
    router.expect(["known", "hello"]);
    assert_eq!(router.send_frame("unknown", zmq::SNDMORE), Ok(7));
    assert_eq!(router.send_frame("part 1", zmq::SNDMORE), Ok(6));
    assert_eq!(router.send_frame("part 2", 0), Ok(6));
    router.send(["known", "welcome"]);
    dealer.expect("welcome");
}

#[test]
fn router_is_always_writable() {
    assert_eq!(Ctx::new().socket(zmq::ROUTER).events(), zmq::POLLOUT);
}

#[test]
fn router_without_peers_accepts_and_drops() {
    let router = Ctx::new().socket(zmq::ROUTER);
    assert_eq!(router.try_send(["nobody", "x"]), Ok(()));
    assert_eq!(router.try_recv(), Err(zmq::EAGAIN));
}

#[test]
fn router_drops_for_a_full_peer() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    let dealer = named(&ctx, zmq::DEALER, "full");
    router.set(zmq::SNDHWM, 1).unwrap();
    dealer.set(zmq::RCVHWM, 1).unwrap();
    join(&router, &dealer, Transport::Inproc);
    for i in 0..5 {
        router.send(["full".to_owned(), format!("{i}")]);
    }
    dealer.expect("0");
    dealer.expect("1");
    router.events();
    router.send(["full", "marker"]);
    dealer.expect("marker");
}

#[test]
fn an_id_frame_alone_is_swallowed() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    let dealer = named(&ctx, zmq::DEALER, "peer");
    join(&router, &dealer, Transport::Tcp);
    dealer.send("hello");
    router.expect(["peer", "hello"]);
    assert_eq!(router.send_frame("peer", 0), Ok(4));
    router.send(["peer", "next"]);
    dealer.expect("next");
}

#[test]
fn mandatory_router_refuses_an_unknown_id_at_the_id_frame() {
    let router = Ctx::new().socket(zmq::ROUTER);
    router.set(zmq::ROUTER_MANDATORY, 1).unwrap();
    assert_eq!(router.send_frame("unknown", zmq::SNDMORE), Err(zmq::EHOSTUNREACH));
    assert_eq!(router.send_frame("unknown", zmq::SNDMORE | zmq::DONTWAIT), Err(zmq::EHOSTUNREACH));
}

#[test]
fn after_a_refusal_the_next_frame_is_an_id_again() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    router.set(zmq::ROUTER_MANDATORY, 1).unwrap();
    let dealer = named(&ctx, zmq::DEALER, "known");
    join(&router, &dealer, Transport::Inproc);
    assert_eq!(router.send_frame("unknown", zmq::SNDMORE), Err(zmq::EHOSTUNREACH));
    router.send(["known", "hello"]);
    dealer.expect("hello");
}

#[test]
fn mandatory_router_would_block_for_a_full_peer() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    router.set(zmq::ROUTER_MANDATORY, 1).unwrap();
    router.set(zmq::SNDHWM, 1).unwrap();
    let dealer = named(&ctx, zmq::DEALER, "full");
    dealer.set(zmq::RCVHWM, 2).unwrap();
    join(&router, &dealer, Transport::Inproc);
    assert_eq!(router.fill(["full", "x"]), 3);
    router.set(zmq::SNDTIMEO, 20).unwrap();
    assert_eq!(router.send_frame("full", zmq::SNDMORE), Err(zmq::EAGAIN));
    assert_eq!(dealer.drain(), 3);
    router.send(["full", "again"]);
    dealer.expect("again");
}

#[test]
fn mandatory_router_waits_for_a_full_peer() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    router.set(zmq::ROUTER_MANDATORY, 1).unwrap();
    router.set(zmq::SNDHWM, 1).unwrap();
    let dealer = named(&ctx, zmq::DEALER, "peer");
    dealer.set(zmq::RCVHWM, 1).unwrap();
    join(&router, &dealer, Transport::Inproc);
    let sender = std::thread::spawn(move || {
        for i in 0..20_u8 {
            router.send([b"peer", &[i][..]]);
        }
        router
    });
    for i in 0..20_u8 {
        dealer.expect(&[i]);
    }
    drop(sender.join().unwrap());
}

#[test]
fn mandatory_router_gives_up_on_a_full_peer_though_another_has_room() {
    for transport in [Transport::Tcp, Transport::Ipc] {
        let ctx = Ctx::new();
        let router = ctx.socket(zmq::ROUTER);
        router.set(zmq::ROUTER_MANDATORY, 1).unwrap();
        router.set(zmq::SNDHWM, 1).unwrap();
        let [full, idle] = ["full", "idle"].map(|id| named(&ctx, zmq::DEALER, id));
        full.set(zmq::RCVHWM, 1).unwrap();
        let endpoint = join(&router, &full, transport);
        join_more(&router, &idle, &endpoint);
        for (id, dealer) in [("full", &full), ("idle", &idle)] {
            dealer.send("hello");
            router.expect([id, "hello"]);
        }
        router.set(zmq::SNDTIMEO, 100).unwrap();
        let large = vec![0; 1 << 20];
        let refused = (0..100).find_map(|_| {
            let refused = router.send_frame("full", zmq::SNDMORE).err();
            if refused.is_none() {
                router.send_frame(&large, 0).unwrap();
            }
            refused
        });
        assert_eq!(refused, Some(zmq::EAGAIN), "{transport:?}");
        router.send(["idle", "x"]);
        idle.expect("x");
    }
}

#[test]
fn mandatory_router_is_writable_only_with_room_at_some_peer() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    router.set(zmq::ROUTER_MANDATORY, 1).unwrap();
    router.set(zmq::SNDHWM, 1).unwrap();
    assert_eq!(router.events(), 0);
    let dealer = named(&ctx, zmq::DEALER, "peer");
    dealer.set(zmq::RCVHWM, 1).unwrap();
    join(&router, &dealer, Transport::Inproc);
    assert_eq!(router.events(), zmq::POLLOUT);
    router.fill(["peer", "x"]);
    assert_eq!(router.events(), 0);
    dealer.drain();
    assert_eq!(router.events(), zmq::POLLOUT);
}

#[test]
fn without_handover_a_second_owner_of_an_id_is_ignored() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    let first = named(&ctx, zmq::DEALER, "id");
    let second = named(&ctx, zmq::DEALER, "id");
    let endpoint = join(&router, &first, Transport::Tcp);
    first.send("from the first");
    router.expect(["id", "from the first"]);
    join_more(&router, &second, &endpoint);
    second.send("from the second");
    router.events();
    first.send("again from the first");
    router.expect(["id", "again from the first"]);
    router.send(["id", "hello"]);
    first.expect("hello");
    assert_eq!(second.try_recv(), Err(zmq::EAGAIN));
}

#[test]
fn with_handover_a_second_owner_takes_the_id() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    router.set(zmq::ROUTER_HANDOVER, 1).unwrap();
    let first = named(&ctx, zmq::DEALER, "id");
    // Else it would come back and take the id in its turn.
    first.set(zmq::RECONNECT_IVL, -1).unwrap();
    let second = named(&ctx, zmq::DEALER, "id");
    let endpoint = join(&router, &first, Transport::Tcp);
    first.send("from the first");
    router.expect(["id", "from the first"]);
    join_more(&router, &second, &endpoint);
    second.send("from the second");
    router.expect(["id", "from the second"]);
    router.send(["id", "hello"]);
    second.expect("hello");
    assert_eq!(first.try_recv(), Err(zmq::EAGAIN));
}

#[test]
fn a_handover_ends_the_old_connection_and_no_other() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    router.set(zmq::ROUTER_HANDOVER, 1).unwrap();
    let old = named(&ctx, zmq::DEALER, "id");
    let new = named(&ctx, zmq::DEALER, "id");
    let other = named(&ctx, zmq::DEALER, "other");
    // Else it would come back after it was ended.
    other.set(zmq::RECONNECT_IVL, -1).unwrap();
    let connections = Monitor::new(&router);
    let endpoint = router.bind_any(Transport::Tcp);
    old.connect(&endpoint).unwrap();
    connections.wait_for(zmq::EVENT_HANDSHAKE_SUCCEEDED);
    router.events();
    // All of this comes to the router at once: the second owner, the end of the first, and somebody else.
    new.connect(&endpoint).unwrap();
    connections.wait_for(zmq::EVENT_HANDSHAKE_SUCCEEDED);
    drop(old);
    connections.wait_for(zmq::EVENT_DISCONNECTED);
    other.connect(&endpoint).unwrap();
    connections.wait_for(zmq::EVENT_HANDSHAKE_SUCCEEDED);
    for (name, dealer) in [("id", &new), ("other", &other)] {
        dealer.send("request");
        router.expect([name, "request"]);
        router.send([name, "reply"]);
        dealer.expect("reply");
    }
}

#[test]
fn after_a_handover_nothing_of_the_old_owner_carries_its_id() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    router.set(zmq::ROUTER_HANDOVER, 1).unwrap();
    let first = named(&ctx, zmq::DEALER, "id");
    let second = named(&ctx, zmq::DEALER, "id");
    let endpoint = join(&router, &first, Transport::Inproc);
    first.send("one");
    first.send("two");
    join_more(&router, &second, &endpoint);
    second.send("three");
    // What the old owner had queued may be lost (libzmq) or come under a made-up id, never under the taken one.
    loop {
        let message = router.recv().unwrap();
        if message[1] == b"three" {
            assert_eq!(message[0], b"id");
            break;
        }
        assert_eq!((message[0].len(), message[0][0]), (5, 0), "{message:?}");
    }
}

/// A scripted DEALER with this id, attached to the router.
fn attach(router: &Sock, connections: &Monitor<'_>, endpoint: &str, id: &[u8]) -> Raw {
    let mut peer = Raw::connect(endpoint);
    peer.handshake(1, "DEALER", Some(id));
    connections.wait_for(zmq::EVENT_HANDSHAKE_SUCCEEDED);
    router.events();
    peer
}

#[test]
fn a_peer_that_comes_back_under_its_id_is_reached_again() {
    ours_only!("a connection that it has not put away yet may keep the id");
    let router = Ctx::new().socket(zmq::ROUTER);
    let connections = Monitor::new(&router);
    let endpoint = router.bind_any(Transport::Tcp);
    for round in 0..3_u8 {
        let mut peer = attach(&router, &connections, &endpoint, b"id");
        peer.send(frame(0, [round]));
        router.expect([&b"id"[..], &[round]]);
        router.send([&b"id"[..], b"welcome"]);
        assert_eq!(peer.take_frame(), (0, b"welcome".to_vec()));
        drop(peer);
        connections.wait_for(zmq::EVENT_DISCONNECTED);
    }
}

#[test]
fn with_handover_a_peer_need_not_wait_for_the_end_of_its_old_connection() {
    let router = Ctx::new().socket(zmq::ROUTER);
    router.set(zmq::ROUTER_HANDOVER, 1).unwrap();
    let connections = Monitor::new(&router);
    let endpoint = router.bind_any(Transport::Tcp);
    let mut old = attach(&router, &connections, &endpoint, b"id");
    old.send(frame(0, "old"));
    router.expect(["id", "old"]);
    // Each connection hangs, and the peer comes again.
    for body in ["new", "newer", "newest"] {
        let mut new = attach(&router, &connections, &endpoint, b"id");
        new.send(frame(0, body));
        router.expect(["id", body]);
        router.send(["id", "welcome"]);
        assert_eq!(new.take_frame(), (0, b"welcome".to_vec()));
        differs!(
            "with_handover_a_peer_need_not_wait_for_the_end_of_its_old_connection",
            libzmq: assert!(!old.is_closed()),
            ours: assert_eq!(old.take_rest(), b""),
        );
        old = new;
    }
}

#[test]
fn without_handover_the_old_connection_keeps_the_id_while_it_lives() {
    ours_only!("a connection that it has not put away yet may keep the id");
    let router = Ctx::new().socket(zmq::ROUTER);
    let connections = Monitor::new(&router);
    let endpoint = router.bind_any(Transport::Tcp);
    let mut old = attach(&router, &connections, &endpoint, b"id");
    let new = attach(&router, &connections, &endpoint, b"id");
    router.send(["id", "for the old one"]);
    assert_eq!(old.take_frame(), (0, b"for the old one".to_vec()));
    // The id is free as soon as its owner and who wanted it are gone.
    drop(new);
    connections.wait_for(zmq::EVENT_DISCONNECTED);
    drop(old);
    connections.wait_for(zmq::EVENT_DISCONNECTED);
    let mut back = attach(&router, &connections, &endpoint, b"id");
    router.send(["id", "for who is there"]);
    assert_eq!(back.take_frame(), (0, b"for who is there".to_vec()));
}

#[test]
fn a_connect_routing_id_outlasts_the_connection() {
    let router = Ctx::new().socket(zmq::ROUTER);
    router.set(zmq::RECONNECT_IVL, 10).unwrap();
    router.set_bytes(zmq::CONNECT_ROUTING_ID, "given").unwrap();
    let listener = RawListener::new();
    router.connect(&listener.endpoint()).unwrap();
    let connections = Monitor::new(&router);
    for (round, announced) in ["one", "two", "given"].into_iter().enumerate() {
        // It is queued for the next connection.
        router.send(["given".to_owned(), format!("request {round}")]);
        let mut peer = listener.accept();
        peer.handshake(1, "DEALER", Some(announced.as_bytes()));
        assert_eq!(peer.take_frame(), (0, format!("request {round}").into_bytes()));
        peer.send(frame(0, "reply"));
        router.expect(["given", "reply"]);
        drop(peer);
        connections.wait_for(zmq::EVENT_DISCONNECTED);
    }
}

#[test]
fn connect_routing_id_serves_one_connect_only() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    let (a, b) = (named(&ctx, zmq::DEALER, "a"), named(&ctx, zmq::DEALER, "b"));
    router.set_bytes(zmq::CONNECT_ROUTING_ID, "given").unwrap();
    join(&a, &router, Transport::Tcp);
    join(&b, &router, Transport::Tcp);
    a.send("x");
    router.expect(["given", "x"]);
    b.send("y");
    router.expect(["b", "y"]);
}

#[test]
fn probe_router_works_on_req() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    let req = named(&ctx, zmq::REQ, "me");
    req.set(zmq::PROBE_ROUTER, 1).unwrap();
    join(&router, &req, Transport::Tcp);
    router.expect(["me", ""]);
    req.send("question");
    router.expect(["me", "", "question"]);
}

#[test]
fn probe_router_works_between_routers() {
    let ctx = Ctx::new();
    let (server, client) = (ctx.socket(zmq::ROUTER), named(&ctx, zmq::ROUTER, "client"));
    client.set(zmq::PROBE_ROUTER, 1).unwrap();
    join(&server, &client, Transport::Tcp);
    server.expect(["client", ""]);
}

#[test]
fn a_routing_id_may_begin_with_zero() {
    let ctx = Ctx::new();
    let (router, dealer) = (ctx.socket(zmq::ROUTER), ctx.socket(zmq::DEALER));
    dealer.set_bytes(zmq::ROUTING_ID, [0, b'x', 0]).unwrap();
    join(&router, &dealer, Transport::Tcp);
    dealer.send("hello");
    router.expect([&[0, b'x', 0][..], b"hello"]);
    router.send([&[0, b'x', 0][..], b"welcome"]);
    dealer.expect("welcome");
}

#[test]
fn a_routing_id_may_have_255_bytes() {
    let ctx = Ctx::new();
    let (router, dealer) = (ctx.socket(zmq::ROUTER), ctx.socket(zmq::DEALER));
    let id = [0xEE; 255];
    dealer.set_bytes(zmq::ROUTING_ID, id).unwrap();
    join(&router, &dealer, Transport::Tcp);
    dealer.send("hello");
    router.expect([&id[..], b"hello"]);
    router.send([&id[..], b"welcome"]);
    dealer.expect("welcome");
}

#[test]
fn made_up_ids_differ() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    let (a, b) = (ctx.socket(zmq::DEALER), ctx.socket(zmq::DEALER));
    let endpoint = join(&router, &a, Transport::Tcp);
    join_more(&router, &b, &endpoint);
    a.send("x");
    let first = router.expect_routed("x");
    assert_eq!((first.len(), first[0]), (5, 0));
    b.send("y");
    assert_ne!(first, router.expect_routed("y"));
}

#[test]
fn router_takes_from_its_peers_in_turn() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    let (a, b) = (named(&ctx, zmq::DEALER, "a"), named(&ctx, zmq::DEALER, "b"));
    let endpoint = join(&router, &a, Transport::Inproc);
    join_more(&router, &b, &endpoint);
    for _ in 0..3 {
        a.send(["x", "tail"]);
        b.send(["x", "tail"]);
    }
    let order: Vec<u8> = (0..6).map(|_| router.recv().unwrap()[0][0]).collect();
    assert!(order.windows(2).all(|w| w[0] != w[1]), "{order:?}");
}

#[test]
fn a_multipart_message_for_a_dying_peer_reaches_nobody_else() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    let (a, b) = (named(&ctx, zmq::DEALER, "a"), named(&ctx, zmq::DEALER, "b"));
    let endpoint = join(&router, &a, Transport::Inproc);
    join_more(&router, &b, &endpoint);
    router.send_frame("a", zmq::SNDMORE).unwrap();
    router.send_frame("part 1", zmq::SNDMORE).unwrap();
    drop(a);
    router.events();
    router.send_frame("part 2", zmq::SNDMORE).unwrap();
    router.send_frame("part 3", 0).unwrap();
    router.send(["b", "marker"]);
    b.expect("marker");
}

#[test]
fn the_more_flag_covers_the_id_frame() {
    let (router, dealer) = pair(zmq::ROUTER, zmq::DEALER, Transport::Tcp);
    dealer.send(["one", "two"]);
    assert!(router.recv_frame(0).unwrap().more);
    assert!(router.more());
    assert!(router.recv_frame(0).unwrap().more);
    assert!(!router.recv_frame(0).unwrap().more);
    assert!(!router.more());
}

#[test]
fn a_connected_routers_peer_keeps_its_id_across_a_reconnect() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    router.set(zmq::RECONNECT_IVL, 10).unwrap();
    let first = named(&ctx, zmq::DEALER, "first name");
    let endpoint = join(&first, &router, Transport::Tcp);
    first.send("hello");
    router.expect(["first name", "hello"]);
    let connection = Monitor::new(&router);
    drop(first);
    connection.wait_for(zmq::EVENT_DISCONNECTED);
    let second = named(&ctx, zmq::DEALER, "second name");
    wait::until("the port to be free", || second.bind(&endpoint).is_ok());
    connection.wait_for(zmq::EVENT_HANDSHAKE_SUCCEEDED);
    second.send("hello");
    router.expect(["first name", "hello"]);
}

#[test]
fn messages_queued_before_the_peer_exists_arrive() {
    let ctx = Ctx::new();
    let (router, dealer) = (ctx.socket(zmq::ROUTER), named(&ctx, zmq::DEALER, "d"));
    let endpoint = conformance::socket::inproc();
    dealer.connect(&endpoint).unwrap();
    for i in 0..10 {
        dealer.send(format!("{i}"));
    }
    router.bind(&endpoint).unwrap();
    for i in 0..10 {
        router.expect(["d".to_owned(), format!("{i}")]);
    }
}
