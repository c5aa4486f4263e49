//! RFC 28, request-reply: REQ, REP, DEALER and ROUTER.

use conformance::socket::{Ctx, Sock, Transport, join, join_more, pair};
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

fn named(ctx: &Ctx, kind: i32, id: &str) -> Sock {
    let sock = ctx.socket(kind);
    sock.set_bytes(zmq::ROUTING_ID, id).unwrap();
    sock
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

// ROUTER

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
