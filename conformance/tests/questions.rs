//! Questions to a handler of ZAP that is slow, or works on many at once (RFC 27).

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use conformance::socket::{Ctx, Sock, Transport, settle};
use conformance::wire::{Raw, command, frame, greeting, greeting_with, property};
use conformance::{Monitor, differs, is_system, ours_only, zmq};

const HANDLER: &str = "inproc://zeromq.zap.01";

/// A handler, and a server that has names checked.
fn judged(kind: i32) -> (Sock, Sock, String) {
    let ctx = Ctx::new();
    let handler = ctx.socket(kind);
    handler.bind(HANDLER).unwrap();
    let server = ctx.socket(zmq::PULL);
    server.set(zmq::BACKLOG, 2_000).unwrap();
    server.set(zmq::PLAIN_SERVER, 1).unwrap();
    let endpoint = server.bind_any(Transport::Tcp);
    (handler, server, endpoint)
}

/// A peer that has given its name, and waits.
fn asks(endpoint: &str, name: &str) -> Raw {
    let mut raw = Raw::connect(endpoint);
    raw.send(greeting_with(3, 0, "PLAIN"));
    raw.take(64);
    let length = u8::try_from(name.len()).unwrap();
    raw.send(command("HELLO", [&[length], name.as_bytes(), b"\x06secret"].concat()));
    raw
}

fn many_ask(endpoint: &str, name: &str, count: usize) -> Vec<Raw> {
    (0..conformance::descriptors::connections(count)).map(|_| asks(endpoint, name)).collect()
}

/// The peers leave, and the server has noticed.
fn leave(peers: Vec<Raw>, events: &Monitor<'_>) {
    let count = peers.len();
    drop(peers);
    (0..count).for_each(|_| _ = events.next());
}

fn answer(handler: &Sock, status: &str) {
    handler.send([&b"1.0"[..], b"1", status.as_bytes(), b"", b"", b""]);
}

fn comes_in(handler: &Sock, server: &Sock, endpoint: &str) {
    let good = server.ctx().socket(zmq::PUSH);
    good.set_bytes(zmq::PLAIN_USERNAME, "good").unwrap();
    good.connect(endpoint).unwrap();
    good.send("in");
    let mut strangers = 0;
    while handler.recv().unwrap()[6] != b"good" {
        strangers += 1;
        answer(handler, "400");
    }
    answer(handler, "200");
    server.expect("in");
    assert_eq!(strangers, 0, "asked about peers that had left");
}

#[test]
fn v07_questions_about_a_thousand_peers_that_left_keep_nobody_waiting() {
    ours_only!("it asks about all of them");
    let (handler, server, endpoint) = judged(zmq::REP);
    let events = Monitor::detached(&server, zmq::EVENT_DISCONNECTED);
    let hostile = many_ask(&endpoint, "hostile", 1_000);
    // The handler takes its time over the first.
    handler.recv().unwrap();
    leave(hostile, &events);
    answer(&handler, "400");
    comes_in(&handler, &server, &endpoint);
}

#[test]
fn v07_a_thousand_peers_that_come_and_go_keep_nobody_waiting() {
    ours_only!("it asks about all of them");
    let (handler, server, endpoint) = judged(zmq::REP);
    let events = Monitor::detached(&server, zmq::EVENT_DISCONNECTED);
    for _ in 0..50 {
        leave(many_ask(&endpoint, "hostile", 20), &events);
    }
    comes_in(&handler, &server, &endpoint);
}

#[test]
fn v07_a_peer_comes_in_while_others_come_and_go_faster_than_the_handler_answers() {
    ours_only!("the others are before it in the queue, more and more");
    const HOSTILE: usize = 1_000;
    let (handler, server, endpoint) = judged(zmq::REP);
    let (came, enough) = (AtomicUsize::new(0), AtomicBool::new(false));
    let after = |count: usize| {
        while came.load(Ordering::Relaxed) < count.min(HOSTILE) {
            std::thread::yield_now();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..HOSTILE {
                if !enough.load(Ordering::Relaxed) {
                    drop(asks(&endpoint, "hostile"));
                }
                came.fetch_add(1, Ordering::Relaxed);
            }
        });
        after(100);
        let good = server.ctx().socket(zmq::PUSH);
        good.set_bytes(zmq::PLAIN_USERNAME, "good").unwrap();
        good.connect(&endpoint).unwrap();
        good.send("in");
        // For each answer ten come.
        let mut heard = handler.recv();
        while heard.as_ref().is_ok_and(|question| question[6] != b"good") {
            after(came.load(Ordering::Relaxed) + 10);
            answer(&handler, "400");
            heard = handler.recv();
        }
        let before = came.load(Ordering::Relaxed);
        enough.store(true, Ordering::Relaxed);
        heard.unwrap();
        answer(&handler, "200");
        server.expect("in");
        assert!(before < HOSTILE, "all of them were before it");
    });
}

#[test]
fn a_handler_is_not_asked_about_who_has_left() {
    let (handler, server, endpoint) = judged(zmq::REP);
    let events = Monitor::detached(&server, zmq::EVENT_DISCONNECTED);
    let _first = asks(&endpoint, "first");
    handler.recv().unwrap();
    let second = asks(&endpoint, "second");
    settle(server.ctx());
    leave(vec![second], &events);
    let _third = asks(&endpoint, "third");
    settle(server.ctx());
    let wanted = differs!(
        "a_handler_is_not_asked_about_who_has_left",
        libzmq: &["second", "third"][..],
        ours: &["third"][..],
    );
    let mut asked: Vec<_> = wanted
        .iter()
        .map(|_| {
            answer(&handler, "200");
            String::from_utf8(handler.recv().unwrap().swap_remove(6)).unwrap()
        })
        .collect();
    asked.sort();
    assert_eq!(asked, wanted);
}

#[test]
fn a_peer_that_sends_before_it_is_let_in_is_refused() {
    let ctx = Ctx::new();
    let handler = ctx.socket(zmq::REP);
    handler.bind(HANDLER).unwrap();
    let server = ctx.socket(zmq::PULL);
    server.set_bytes(zmq::ZAP_DOMAIN, "global").unwrap();
    let events = Monitor::new(&server);
    let mut raw = Raw::connect(&server.bind_any(Transport::Tcp));
    raw.send(greeting(3, 1));
    handler.recv().unwrap();
    raw.send([command("READY", property("Socket-Type", "PUSH")), frame(0, "early")].concat());
    let event = events.wait_for(zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL);
    assert_eq!(event.value as i32, zmq::PROTOCOL_ERROR_ZMTP_UNEXPECTED_COMMAND);
}

#[test]
fn a_handler_may_take_any_number_of_questions_before_it_answers() {
    let (handler, _server, endpoint) = judged(zmq::ROUTER);
    let names: Vec<String> = (0..200).map(|i| format!("{i:03}")).collect();
    let mut peers: Vec<Raw> = names.iter().map(|name| asks(&endpoint, name)).collect();
    let mut questions: Vec<_> = names.iter().map(|_| handler.recv().unwrap()).collect();
    questions.sort_by(|a, b| a[8].cmp(&b[8]));
    for (question, name) in questions.iter().zip(&names).rev() {
        assert_eq!(question[8], name.as_bytes());
        handler.send([&question[0][..], b"", b"1.0", b"1", b"200", b"", b"", b""]);
    }
    for peer in &mut peers {
        peer.expect(command("WELCOME", b""));
    }
}

#[test]
fn a_handler_that_takes_one_after_the_other_hears_of_everybody() {
    let (handler, _server, endpoint) = judged(zmq::REP);
    let names: Vec<String> = (0..150).map(|i| format!("{i:03}")).collect();
    let mut peers: Vec<Raw> = names.iter().map(|name| asks(&endpoint, name)).collect();
    let mut asked: Vec<Vec<u8>> = Vec::new();
    for _ in &names {
        asked.push(handler.recv().unwrap().swap_remove(6));
        answer(&handler, "200");
    }
    for peer in &mut peers {
        peer.expect(command("WELCOME", b""));
    }
    asked.sort();
    assert_eq!(asked, names.iter().map(|name| name.as_bytes().to_vec()).collect::<Vec<_>>());
}

#[test]
fn a_question_that_was_announced_is_there_though_the_peer_has_left() {
    for kind in [zmq::REP, zmq::ROUTER] {
        let (handler, server, endpoint) = judged(kind);
        let events = Monitor::detached(&server, zmq::EVENT_DISCONNECTED);
        let peer = asks(&endpoint, "joe");
        handler.wait_readable();
        if is_system() {
            drop(peer);
        } else {
            leave(vec![peer], &events);
        }
        let question = handler.try_recv().unwrap();
        assert_eq!(question[question.len() - 2..], [b"joe".to_vec(), b"secret".to_vec()]);
    }
}

#[test]
fn a_question_that_was_begun_is_read_to_its_end_though_the_peer_has_left() {
    for kind in [zmq::REP, zmq::ROUTER] {
        for read in 1..7 {
            let (handler, server, endpoint) = judged(kind);
            let events = Monitor::detached(&server, zmq::EVENT_DISCONNECTED);
            let peer = asks(&endpoint, "joe");
            let mut question: Vec<_> = (0..read).map(|_| handler.recv_frame(0).unwrap()).collect();
            let other = asks(&endpoint, "jim");
            if is_system() {
                drop((peer, other));
            } else {
                leave(vec![peer, other], &events);
            }
            while question.last().is_some_and(|frame| frame.more) {
                question.push(handler.recv_frame(zmq::DONTWAIT).unwrap());
            }
            let names: Vec<_> = question[question.len() - 2..].iter().map(|frame| &frame.body[..]).collect();
            assert_eq!(names, [&b"joe"[..], b"secret"], "{read} frames were read");
        }
    }
}
