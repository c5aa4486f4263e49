//! RFC 28, request-reply: REQ, REP, DEALER, and all of them with ROUTER.

use conformance::socket::{Ctx, Sock, Transport, join, join_more, named, pair};
use conformance::{Monitor, wait, zmq};

conformance::on_each_transport!(
    a_request_gets_its_reply,
    multipart_requests_and_replies_stay_whole,
    a_large_request_and_reply,
    router_addresses_its_peers_by_their_routing_ids,
    router_makes_up_an_id_for_an_anonymous_peer,
    router_and_req_exchange_an_envelope,
    dealer_and_rep_exchange_an_envelope,
    req_takes_its_peers_in_turn,
    dealer_takes_its_peers_in_turn,
    requests_pass_a_router_dealer_relay,
    routers_talk_to_each_other,
    correlate_prefixes_a_growing_id,
    rep_answers_pipelined_requests_in_order,
    probe_router_of_a_dealer_announces_it,
    router_names_the_peer_it_connects_to,
    rep_copies_the_whole_envelope,
    a_routing_id_is_free_again_when_its_owner_has_gone,
);

mod scenario {
    use super::*;

    pub(super) fn a_request_gets_its_reply(transport: Transport) {
        let (rep, req) = pair(zmq::REP, zmq::REQ, transport);
        for _ in 0..50 {
            req.send("question");
            rep.expect("question");
            rep.send("answer");
            req.expect("answer");
        }
    }

    pub(super) fn multipart_requests_and_replies_stay_whole(transport: Transport) {
        let (rep, req) = pair(zmq::REP, zmq::REQ, transport);
        req.send(["a", "", "c"]);
        rep.expect(["a", "", "c"]);
        rep.send(["", "e", ""]);
        req.expect(["", "e", ""]);
    }

    pub(super) fn a_large_request_and_reply(transport: Transport) {
        let (rep, req) = pair(zmq::REP, zmq::REQ, transport);
        let body = vec![0x5A_u8; 1_000_000];
        req.send([&body]);
        rep.expect([&body]);
        rep.send([&body, &body]);
        req.expect([&body, &body]);
    }

    pub(super) fn router_addresses_its_peers_by_their_routing_ids(transport: Transport) {
        let ctx = Ctx::new();
        let router = ctx.socket(zmq::ROUTER);
        let (a, b) = (ctx.socket(zmq::DEALER), ctx.socket(zmq::DEALER));
        a.set_bytes(zmq::ROUTING_ID, "alice").unwrap();
        b.set_bytes(zmq::ROUTING_ID, "bob").unwrap();
        let endpoint = join(&router, &a, transport);
        join_more(&router, &b, &endpoint);
        a.send("from a");
        router.expect(["alice", "from a"]);
        b.send("from b");
        router.expect(["bob", "from b"]);
        router.send(["bob", "to", "b"]);
        router.send(["alice", "to", "a"]);
        a.expect(["to", "a"]);
        b.expect(["to", "b"]);
    }

    pub(super) fn router_makes_up_an_id_for_an_anonymous_peer(transport: Transport) {
        let (router, dealer) = pair(zmq::ROUTER, zmq::DEALER, transport);
        dealer.send("hello");
        let id = router.expect_routed("hello");
        assert_eq!((id.len(), id[0]), (5, 0), "{id:?}");
        router.send([&id[..], b"welcome"]);
        dealer.expect("welcome");
    }

    pub(super) fn router_and_req_exchange_an_envelope(transport: Transport) {
        let (router, req) = pair(zmq::ROUTER, zmq::REQ, transport);
        req.send(["one", "two"]);
        let message = router.recv().unwrap();
        assert_eq!(message[1..], [&b""[..], b"one", b"two"]);
        router.send([&message[0][..], b"", b"reply"]);
        req.expect("reply");
    }

    pub(super) fn dealer_and_rep_exchange_an_envelope(transport: Transport) {
        let (rep, dealer) = pair(zmq::REP, zmq::DEALER, transport);
        dealer.send(["", "question"]);
        rep.expect("question");
        rep.send(["answer", "more"]);
        dealer.expect(["", "answer", "more"]);
    }

    pub(super) fn req_takes_its_peers_in_turn(transport: Transport) {
        let ctx = Ctx::new();
        let req = ctx.socket(zmq::REQ);
        let reps: Vec<Sock> = (0..3).map(|_| ctx.socket(zmq::REP)).collect();
        let endpoint = join(&req, &reps[0], transport);
        join_more(&req, &reps[1], &endpoint);
        join_more(&req, &reps[2], &endpoint);
        let mut order = vec![];
        for _ in 0..6 {
            req.send("?");
            wait::until("one of them to have it", || reps.iter().any(Sock::readable));
            let who = reps.iter().position(Sock::readable).unwrap();
            reps[who].expect("?");
            reps[who].send("!");
            req.expect("!");
            order.push(who);
        }
        assert_eq!(order[..3], order[3..]);
        order.truncate(3);
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2]);
    }

    pub(super) fn dealer_takes_its_peers_in_turn(transport: Transport) {
        let ctx = Ctx::new();
        let dealer = ctx.socket(zmq::DEALER);
        let peers: Vec<Sock> = (0..3).map(|_| ctx.socket(zmq::DEALER)).collect();
        let endpoint = join(&dealer, &peers[0], transport);
        join_more(&dealer, &peers[1], &endpoint);
        join_more(&dealer, &peers[2], &endpoint);
        for i in 0..9_u8 {
            dealer.send([&[i][..], b"tail"]);
        }
        for peer in &peers {
            let first = peer.recv().unwrap()[0][0];
            peer.expect([&[first + 3][..], b"tail"]);
            peer.expect([&[first + 6][..], b"tail"]);
        }
    }

    pub(super) fn requests_pass_a_router_dealer_relay(transport: Transport) {
        let ctx = Ctx::new();
        let (front, back) = (ctx.socket(zmq::ROUTER), ctx.socket(zmq::DEALER));
        let (req, rep) = (ctx.socket(zmq::REQ), ctx.socket(zmq::REP));
        join(&front, &req, transport);
        join(&back, &rep, transport);
        req.send("question");
        back.send(front.recv().unwrap());
        rep.expect("question");
        rep.send("answer");
        front.send(back.recv().unwrap());
        req.expect("answer");
    }

    pub(super) fn routers_talk_to_each_other(transport: Transport) {
        let ctx = Ctx::new();
        let (a, b) = (ctx.socket(zmq::ROUTER), ctx.socket(zmq::ROUTER));
        a.set_bytes(zmq::ROUTING_ID, "A").unwrap();
        b.set_bytes(zmq::ROUTING_ID, "B").unwrap();
        for socket in [&a, &b] {
            socket.set(zmq::ROUTER_MANDATORY, 1).unwrap();
        }
        join(&a, &b, transport);
        wait::until("b to know a", || b.try_send(["A", "hello"]).is_ok());
        a.expect(["B", "hello"]);
        a.send(["B", "welcome"]);
        b.expect(["A", "welcome"]);
    }

    pub(super) fn correlate_prefixes_a_growing_id(transport: Transport) {
        let ctx = Ctx::new();
        let (router, req) = (ctx.socket(zmq::ROUTER), ctx.socket(zmq::REQ));
        req.set(zmq::REQ_CORRELATE, 1).unwrap();
        join(&router, &req, transport);
        let mut ids = vec![];
        for _ in 0..3 {
            req.send("question");
            let message = router.recv().unwrap();
            assert_eq!(message[2..], [&b""[..], b"question"]);
            ids.push(u32::from_ne_bytes(message[1][..].try_into().expect("four bytes")));
            router.send([&message[0][..], &message[1], b"", b"answer"]);
            req.expect("answer");
        }
        assert_eq!(ids[1], ids[0].wrapping_add(1));
        assert_eq!(ids[2], ids[1].wrapping_add(1));
    }

    pub(super) fn rep_answers_pipelined_requests_in_order(transport: Transport) {
        let (rep, dealer) = pair(zmq::REP, zmq::DEALER, transport);
        for i in 0..10_u8 {
            dealer.send([&[][..], &[i]]);
        }
        for i in 0..10_u8 {
            rep.expect(&[i]);
            rep.send(&[i + 100]);
        }
        for i in 0..10_u8 {
            dealer.expect([&[][..], &[i + 100]]);
        }
    }

    pub(super) fn probe_router_of_a_dealer_announces_it(transport: Transport) {
        let ctx = Ctx::new();
        let (router, dealer) = (ctx.socket(zmq::ROUTER), ctx.socket(zmq::DEALER));
        dealer.set(zmq::PROBE_ROUTER, 1).unwrap();
        dealer.set_bytes(zmq::ROUTING_ID, "me").unwrap();
        join(&router, &dealer, transport);
        router.expect(["me", ""]);
        router.send(["me", "hello"]);
        dealer.expect("hello");
    }

    pub(super) fn router_names_the_peer_it_connects_to(transport: Transport) {
        let ctx = Ctx::new();
        let (dealer, router) = (ctx.socket(zmq::DEALER), ctx.socket(zmq::ROUTER));
        router.set_bytes(zmq::CONNECT_ROUTING_ID, "server").unwrap();
        join(&dealer, &router, transport);
        router.send(["server", "hello"]);
        dealer.expect("hello");
        dealer.send("welcome");
        router.expect(["server", "welcome"]);
    }

    pub(super) fn rep_copies_the_whole_envelope(transport: Transport) {
        let (rep, dealer) = pair(zmq::REP, zmq::DEALER, transport);
        dealer.send(["hop 1", "hop 2", "", "question", "", "more"]);
        rep.expect(["question", "", "more"]);
        rep.send("answer");
        dealer.expect(["hop 1", "hop 2", "", "answer"]);
    }

    pub(super) fn a_routing_id_is_free_again_when_its_owner_has_gone(transport: Transport) {
        let ctx = Ctx::new();
        let router = ctx.socket(zmq::ROUTER);
        router.set(zmq::ROUTER_MANDATORY, 1).unwrap();
        let first = ctx.socket(zmq::DEALER);
        first.set_bytes(zmq::ROUTING_ID, "id").unwrap();
        let endpoint = join(&router, &first, transport);
        first.send("first");
        router.expect(["id", "first"]);
        drop(first);
        // The first owner leaves in its own time; until then another one is ignored.
        router.set(zmq::RCVTIMEO, 200).unwrap();
        let (mut successor, mut attempt) = (None, 0);
        wait::until("the id to be free", || {
            let second = named(&ctx, zmq::DEALER, "id");
            second.connect(&endpoint).unwrap();
            router.events();
            // Numbered: what came of the attempt before, and late, says nothing of this one.
            attempt += 1;
            let message = format!("attempt {attempt}");
            second.send(&*message);
            let accepted = router.recv().is_ok_and(|m| m == [&b"id"[..], message.as_bytes()]);
            successor = Some(second);
            accepted
        });
        let second = successor.unwrap();
        router.send(["id", "welcome"]);
        second.expect("welcome");
    }
}

// REQ

#[test]
fn req_may_not_receive_first() {
    assert_eq!(Ctx::new().socket(zmq::REQ).recv(), Err(zmq::EFSM));
}

#[test]
fn req_may_not_send_twice() {
    let (_rep, req) = pair(zmq::REP, zmq::REQ, Transport::Inproc);
    req.send("one");
    assert_eq!(req.send_frame("two", 0), Err(zmq::EFSM));
}

#[test]
fn req_may_not_send_before_it_has_read_the_whole_reply() {
    let (rep, req) = pair(zmq::REP, zmq::REQ, Transport::Inproc);
    req.send("question");
    rep.expect("question");
    rep.send(["part 1", "part 2"]);
    assert!(req.recv_frame(0).unwrap().more);
    assert_eq!(req.send_frame("two", 0), Err(zmq::EFSM));
    assert_eq!(req.recv_frame(0).unwrap().body, b"part 2");
    req.send("two");
}

#[test]
fn req_may_not_receive_between_the_parts_of_a_request() {
    let (rep, req) = pair(zmq::REP, zmq::REQ, Transport::Inproc);
    req.send_frame("part 1", zmq::SNDMORE).unwrap();
    assert_eq!(req.recv(), Err(zmq::EFSM));
    req.send_frame("part 2", 0).unwrap();
    rep.expect(["part 1", "part 2"]);
}

#[test]
fn req_without_a_peer_would_block() {
    let req = Ctx::new().socket(zmq::REQ);
    assert_eq!(req.try_send("x"), Err(zmq::EAGAIN));
    assert_eq!(req.events(), 0);
}

#[test]
fn req_is_writable_or_readable_never_both() {
    let (rep, req) = pair(zmq::REP, zmq::REQ, Transport::Inproc);
    assert_eq!(req.events(), zmq::POLLOUT);
    req.send("question");
    assert_eq!(req.events(), 0);
    rep.expect("question");
    rep.send("answer");
    assert_eq!(req.events(), zmq::POLLIN);
    req.expect("answer");
    assert_eq!(req.events(), zmq::POLLOUT);
}

#[test]
fn a_reply_from_another_peer_is_dropped() {
    let ctx = Ctx::new();
    let (a, b) = (ctx.socket(zmq::ROUTER), ctx.socket(zmq::ROUTER));
    let req = named(&ctx, zmq::REQ, "me");
    join(&a, &req, Transport::Inproc);
    join(&b, &req, Transport::Inproc);
    req.send("question");
    wait::until("one of them to have it", || a.readable() || b.readable());
    let (asked, stranger) = if a.readable() { (&a, &b) } else { (&b, &a) };
    asked.expect(["me", "", "question"]);
    stranger.events();
    stranger.send(["me", "", "from a stranger"]);
    asked.send(["me", "", "answer"]);
    req.expect("answer");
}

#[test]
fn a_reply_nobody_asked_for_is_dropped_by_the_next_request() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    let req = named(&ctx, zmq::REQ, "me");
    join(&router, &req, Transport::Inproc);
    router.send(["me", "", "unasked"]);
    assert_eq!(req.recv(), Err(zmq::EFSM));
    req.send("question");
    router.expect(["me", "", "question"]);
    router.send(["me", "", "answer"]);
    req.expect("answer");
}

#[test]
fn a_reply_without_delimiter_is_dropped() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    let req = named(&ctx, zmq::REQ, "me");
    join(&router, &req, Transport::Inproc);
    req.send("question");
    router.expect(["me", "", "question"]);
    router.send(["me", "no delimiter", "x"]);
    router.send(["me", "only one frame"]);
    router.send(["me", "", "answer"]);
    req.expect("answer");
}

#[test]
fn relaxed_req_may_ask_again() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    let req = named(&ctx, zmq::REQ, "me");
    req.set(zmq::REQ_RELAXED, 1).unwrap();
    join(&router, &req, Transport::Tcp);
    req.send("one");
    req.send("two");
    router.expect(["me", "", "one"]);
    router.expect(["me", "", "two"]);
}

#[test]
fn relaxed_req_is_writable_while_it_waits() {
    let ctx = Ctx::new();
    let (rep, req) = (ctx.socket(zmq::REP), ctx.socket(zmq::REQ));
    req.set(zmq::REQ_RELAXED, 1).unwrap();
    join(&rep, &req, Transport::Inproc);
    req.send("one");
    assert_eq!(req.events(), zmq::POLLOUT);
}

#[test]
fn correlate_drops_the_late_reply_to_an_abandoned_request() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    let req = named(&ctx, zmq::REQ, "me");
    req.set(zmq::REQ_RELAXED, 1).unwrap();
    req.set(zmq::REQ_CORRELATE, 1).unwrap();
    join(&router, &req, Transport::Tcp);
    req.send("one");
    req.send("two");
    let (one, two) = (router.recv().unwrap(), router.recv().unwrap());
    router.send(["me".as_bytes(), &one[1], b"", b"late"]);
    router.send(["me".as_bytes(), &two[1], b"", b"in time"]);
    req.expect("in time");
}

#[test]
fn correlate_drops_a_reply_with_a_foreign_id() {
    let ctx = Ctx::new();
    let router = ctx.socket(zmq::ROUTER);
    let req = named(&ctx, zmq::REQ, "me");
    req.set(zmq::REQ_CORRELATE, 1).unwrap();
    join(&router, &req, Transport::Inproc);
    req.send("question");
    let question = router.recv().unwrap();
    let id = u32::from_ne_bytes(question[1][..].try_into().unwrap());
    router.send([b"me", &id.wrapping_add(7).to_ne_bytes()[..], b"", b"foreign"]);
    router.send(["me", "", "without an id"]);
    router.send([b"me", &id.to_ne_bytes()[..], b"", b"right"]);
    req.expect("right");
}

#[test]
fn strict_req_stays_waiting_when_its_peer_goes() {
    let ctx = Ctx::new();
    let (rep, req) = (ctx.socket(zmq::REP), ctx.socket(zmq::REQ));
    join(&rep, &req, Transport::Tcp);
    req.send("question");
    rep.expect("question");
    let connection = Monitor::new(&req);
    drop(rep);
    connection.wait_for(zmq::EVENT_DISCONNECTED);
    assert_eq!(req.send_frame("again", 0), Err(zmq::EFSM));
    assert_eq!(req.try_recv(), Err(zmq::EAGAIN));
}

// REP

#[test]
fn rep_may_not_send_first() {
    assert_eq!(Ctx::new().socket(zmq::REP).send_frame("x", 0), Err(zmq::EFSM));
}

#[test]
fn rep_without_a_request_would_block() {
    let rep = Ctx::new().socket(zmq::REP);
    assert_eq!(rep.try_recv(), Err(zmq::EAGAIN));
    assert_eq!(rep.events(), 0);
}

#[test]
fn rep_may_not_receive_while_it_owes_a_reply() {
    let (rep, req) = pair(zmq::REP, zmq::REQ, Transport::Inproc);
    req.send("question");
    rep.expect("question");
    assert_eq!(rep.recv(), Err(zmq::EFSM));
}

#[test]
fn rep_may_not_receive_between_the_parts_of_a_reply() {
    let (rep, req) = pair(zmq::REP, zmq::REQ, Transport::Inproc);
    req.send("question");
    rep.expect("question");
    rep.send_frame("part 1", zmq::SNDMORE).unwrap();
    assert_eq!(rep.recv(), Err(zmq::EFSM));
    rep.send_frame("part 2", 0).unwrap();
    req.expect(["part 1", "part 2"]);
}

#[test]
fn rep_may_not_send_before_it_has_read_the_whole_request() {
    let (rep, req) = pair(zmq::REP, zmq::REQ, Transport::Inproc);
    req.send(["part 1", "part 2"]);
    assert!(rep.recv_frame(0).unwrap().more);
    assert_eq!(rep.send_frame("x", 0), Err(zmq::EFSM));
    assert!(!rep.recv_frame(0).unwrap().more);
    rep.send("answer");
    req.expect("answer");
}

#[test]
fn rep_is_readable_or_writable_never_both() {
    let (rep, req) = pair(zmq::REP, zmq::REQ, Transport::Inproc);
    assert_eq!(rep.events(), 0);
    req.send("question");
    assert_eq!(rep.events(), zmq::POLLIN);
    rep.expect("question");
    assert_eq!(rep.events(), zmq::POLLOUT);
    rep.send("answer");
    assert_eq!(rep.events(), 0);
}

#[test]
fn a_reply_to_a_vanished_requester_is_sent_into_the_void() {
    let ctx = Ctx::new();
    let (rep, gone, req) = (ctx.socket(zmq::REP), ctx.socket(zmq::REQ), ctx.socket(zmq::REQ));
    let endpoint = join(&rep, &gone, Transport::Tcp);
    gone.send("question");
    rep.expect("question");
    let connections = Monitor::new(&rep);
    drop(gone);
    connections.wait_for(zmq::EVENT_DISCONNECTED);
    rep.send(["to", "nobody"]);
    drop(connections);
    join_more(&rep, &req, &endpoint);
    req.send("next");
    rep.expect("next");
    rep.send("answer");
    req.expect("answer");
}

#[test]
fn a_request_without_delimiter_is_dropped() {
    let (rep, dealer) = pair(zmq::REP, zmq::DEALER, Transport::Tcp);
    dealer.send("no delimiter");
    dealer.send(["none", "here", "either"]);
    dealer.send(["", "question"]);
    rep.expect("question");
}

#[test]
fn a_request_of_nothing_but_the_delimiter_is_dropped() {
    let (rep, dealer) = pair(zmq::REP, zmq::DEALER, Transport::Tcp);
    dealer.send("");
    dealer.send(["address", ""]);
    dealer.send(["", "question"]);
    rep.expect("question");
}

#[test]
fn rep_takes_from_its_peers_in_turn() {
    let ctx = Ctx::new();
    let rep = ctx.socket(zmq::REP);
    let (a, b) = (ctx.socket(zmq::DEALER), ctx.socket(zmq::DEALER));
    let endpoint = join(&rep, &a, Transport::Inproc);
    join_more(&rep, &b, &endpoint);
    for _ in 0..3 {
        a.send(["", "a"]);
        b.send(["", "b"]);
    }
    let mut order = vec![];
    for _ in 0..6 {
        let request = rep.recv().unwrap();
        order.push(request[0][0]);
        rep.send([&request[0]]);
    }
    assert!(order.windows(2).all(|w| w[0] != w[1]), "{order:?}");
    for _ in 0..3 {
        a.expect(["", "a"]);
        b.expect(["", "b"]);
    }
}

#[test]
fn rep_answers_two_requesters_each_its_own() {
    let ctx = Ctx::new();
    let rep = ctx.socket(zmq::REP);
    let (a, b) = (ctx.socket(zmq::REQ), ctx.socket(zmq::REQ));
    let endpoint = join(&rep, &a, Transport::Tcp);
    join_more(&rep, &b, &endpoint);
    a.send("a");
    b.send("b");
    for _ in 0..2 {
        let request = rep.recv().unwrap();
        rep.send(request);
    }
    a.expect("a");
    b.expect("b");
}

// DEALER

#[test]
fn dealer_without_a_peer_would_block() {
    let dealer = Ctx::new().socket(zmq::DEALER);
    assert_eq!(dealer.try_send("x"), Err(zmq::EAGAIN));
    assert_eq!(dealer.try_recv(), Err(zmq::EAGAIN));
    assert_eq!(dealer.events(), 0);
}

#[test]
fn dealer_adds_no_envelope() {
    let (a, b) = pair(zmq::DEALER, zmq::DEALER, Transport::Tcp);
    a.send(["", "x"]);
    a.send("y");
    b.expect(["", "x"]);
    b.expect("y");
}

#[test]
fn dealer_takes_from_its_peers_in_turn() {
    let ctx = Ctx::new();
    let dealer = ctx.socket(zmq::DEALER);
    let (a, b) = (ctx.socket(zmq::DEALER), ctx.socket(zmq::DEALER));
    let endpoint = join(&dealer, &a, Transport::Inproc);
    join_more(&dealer, &b, &endpoint);
    for _ in 0..3 {
        a.send(["a", "tail"]);
        b.send(["b", "tail"]);
    }
    let order: Vec<u8> = (0..6).map(|_| dealer.recv().unwrap()[0][0]).collect();
    assert!(order.windows(2).all(|w| w[0] != w[1]), "{order:?}");
}

#[test]
fn a_dealers_message_in_progress_is_lost_with_its_peer() {
    let ctx = Ctx::new();
    let dealer = ctx.socket(zmq::DEALER);
    let (a, b) = (ctx.socket(zmq::DEALER), ctx.socket(zmq::DEALER));
    let endpoint = join(&dealer, &a, Transport::Inproc);
    join_more(&dealer, &b, &endpoint);
    dealer.send("for a");
    dealer.send("for b");
    a.expect("for a");
    b.expect("for b");
    dealer.send_frame("first part for a", zmq::SNDMORE).unwrap();
    drop(a);
    assert!(dealer.send_frame("second part", 0).is_ok());
    wait::until("a to be gone", || {
        dealer.send("next");
        dealer.events();
        b.readable()
    });
    b.expect("next");
}
