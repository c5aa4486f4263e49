//! What has broken implementations of ZeroMQ before, on plain connections. The ids are those of SECURITY.md.

use std::thread;

use conformance::socket::{Ctx, Sock, Transport, loopback};
use conformance::wire::{
    Raw, RawListener, SIGNATURE, bound, command_body, frame, greeting, long_frame, ready, with_peer,
};
use conformance::{Monitor, alone, ours_only, wait, zmq};

/// How much memory the process has, in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// The socket still takes what a good PUSH sends, after whatever the bad ones brought in.
fn serves_a_push(pull: &Sock, endpoint: &str) {
    let push = pull.ctx().socket(zmq::PUSH);
    push.connect(endpoint).unwrap();
    push.send("from a good peer");
    wait::until("the good peer's message", || pull.recv() == Ok(vec![b"from a good peer".to_vec()]));
}

/// How the protocols begin that stray into a port of ours.
const STRANGERS: [&[u8]; 8] = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03",
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"asdfasdf\r\n",
    b"\r\n\r\n",
    b"EHLO a\r\n",
    b"\xFF\xFB\x1F\xFF\xFB\x20",
    b"\x00",
];

#[test]
fn v04_v62_other_protocols_are_let_go_when_they_wait_for_an_answer() {
    let pull = Ctx::new().socket(zmq::PULL);
    pull.set(zmq::HANDSHAKE_IVL, 300).unwrap();
    let endpoint = pull.bind_any(Transport::Tcp);
    let mut open = STRANGERS.map(|bytes| {
        let mut raw = Raw::connect(&endpoint);
        raw.send(bytes);
        raw
    });
    // Closed by the socket: none of these ends has said anything of an end.
    open.iter_mut().for_each(|raw| drop(raw.take_rest()));
    assert_eq!(pull.try_recv(), Err(zmq::EAGAIN));
    pull.set(zmq::HANDSHAKE_IVL, 30_000).unwrap();
    let endpoint = pull.bind_any(Transport::Tcp);
    serves_a_push(&pull, &endpoint);
}

#[test]
fn v04_v62_other_protocols_are_refused_where_a_domain_is_set() {
    let pull = Ctx::new().socket(zmq::PULL);
    pull.set_bytes(zmq::ZAP_DOMAIN, "global").unwrap();
    let endpoint = pull.bind_any(Transport::Tcp);
    // All but those that begin as a greeting does, or with too little to say what they are: they may go on.
    for bytes in STRANGERS.into_iter().filter(|bytes| bytes[0] != 0xFF && bytes.len() > 1) {
        let mut raw = Raw::connect(&endpoint);
        raw.send(bytes);
        raw.take_rest();
    }
    assert_eq!(pull.try_recv(), Err(zmq::EAGAIN));
}

#[test]
fn v04_v62_other_protocols_leave_the_next_peer_alone_however_much_they_say() {
    let (pull, endpoint) = bound(zmq::PULL);
    for bytes in STRANGERS {
        let mut raw = Raw::connect(&endpoint);
        // Data of ZMTP 1 as far as it goes, perhaps.
        raw.send(bytes.repeat(100));
        raw.finish();
        raw.take_rest();
    }
    serves_a_push(&pull, &endpoint);
}

#[test]
fn v08_topics_of_megabytes_come_and_go() {
    let (publisher, endpoint) = bound(zmq::XPUB);
    publisher.set(zmq::RCVTIMEO, 20_000).unwrap();
    let topic = vec![b't'; 16 << 20];
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(0, "SUB", None);
    for (first, size) in [(1, 1 << 20), (1, 16 << 20), (0, 1 << 20), (1, 8 << 20)] {
        let body = [&[first], &topic[..size]].concat();
        raw.send(frame(0, &body));
        publisher.expect(&*body);
    }
    // Two of them are there when the peer goes.
    drop(raw);
    for _ in 0..2 {
        assert_eq!(publisher.recv().unwrap()[0][0], 0);
    }
    let good = publisher.ctx().socket(zmq::SUB);
    good.subscribe("t");
    good.connect(&endpoint).unwrap();
    publisher.expect("\x01t");
    publisher.send("to all");
    good.expect("to all");
}

#[test]
fn v08_topics_within_topics_cost_no_stack() {
    ours_only!("its topics are trees");
    /// So deep that a function which called itself for each would need more than there is.
    const DEEP: usize = 1_600;
    const STACK: usize = 128 << 10;
    let (publisher, endpoint) = bound(zmq::XPUB);
    publisher.set(zmq::RCVTIMEO, 20_000).unwrap();
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(0, "SUB", None);
    let receives = move |raw: Raw| {
        for length in 1..=DEEP {
            assert_eq!(publisher.recv().unwrap()[0].len(), 1 + length);
        }
        publisher.send(vec!["t".repeat(DEEP)]);
        // Half of them go one by one, the others with the peer.
        for _ in 0..DEEP / 2 {
            assert_eq!(publisher.recv().unwrap()[0][0], 0);
        }
        drop(raw);
        for _ in 0..DEEP / 2 {
            assert_eq!(publisher.recv().unwrap()[0][0], 0);
        }
    };
    let topics = |first: u8, lengths: &mut dyn Iterator<Item = usize>| -> Vec<u8> {
        lengths.flat_map(|length| frame(0, [&[first], &vec![b't'; length][..]].concat())).collect()
    };
    raw.send(topics(1, &mut (1..=DEEP)));
    let other = raw.try_clone();
    let thread = thread::Builder::new().stack_size(STACK).spawn(move || receives(other)).unwrap();
    wait::until("the message to all topics", || raw.has_input());
    assert_eq!(raw.take_frame().1.len(), DEEP);
    raw.send(topics(0, &mut (1..=DEEP).step_by(2)));
    raw.finish();
    thread.join().unwrap();
}

#[test]
fn v08_a_topic_in_a_command_has_a_limit() {
    ours_only!("it has none");
    let (publisher, endpoint) = bound(zmq::XPUB);
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(1, "SUB", None);
    let long = command_body("SUBSCRIBE", vec![b't'; 4 << 20]);
    raw.send(long_frame(4, &long));
    assert_eq!(publisher.recv().unwrap()[0].len(), 1 + (4 << 20));
    raw.send([&[6][..], &((32_u64 << 20) + 1).to_be_bytes(), b"\x09SUBSCRIBE"].concat());
    // Closed by the socket, which waits for nothing of it.
    raw.take_rest();
}

#[test]
fn v09_a_publisher_keeps_nothing_of_messages_that_it_does_not_want() {
    alone("v09_a_publisher_keeps_nothing_of_messages_that_it_does_not_want", || {
        let (publisher, mut raw) = with_peer(zmq::PUB, 0, "SUB");
        raw.send(frame(0, "\x01t"));
        let portion = frame(0, [7; 100]).repeat(1000);
        raw.send(&portion);
        let before = resident();
        // Who has written them all has had them read, for which the publisher looks now and then: nothing of them is left.
        let writer = thread::spawn(move || {
            for _ in 0..1000 {
                raw.send(&portion);
            }
            raw
        });
        wait::until("all to be written", || {
            publisher.events();
            writer.is_finished()
        });
        let _raw = writer.join().unwrap();
        let grown = resident().saturating_sub(before);
        assert!(grown < 50 << 20, "{grown} bytes for messages of 100,000,000");
        publisher.send("to all");
    });
}

#[test]
fn v09_of_a_publisher_that_does_not_receive_a_hundred_thousand_frames_wait() {
    ours_only!("it keeps them all");
    const UNREAD: u32 = 100_000;
    let (publisher, mut raw) = with_peer(zmq::XPUB, 0, "SUB");
    publisher.set(zmq::ONLY_FIRST_SUBSCRIBE, 0).unwrap();
    let messages: Vec<u8> =
        (0..UNREAD + 700).flat_map(|i| frame(0, [&[7], &i.to_be_bytes()[..]].concat())).collect();
    let writer = thread::spawn(move || {
        raw.send(messages);
        // Of announcements none is dropped.
        raw.send(frame(0, "\x01topic"));
        raw
    });
    wait::until("all to be written", || {
        publisher.events();
        writer.is_finished()
    });
    let raw = writer.join().unwrap();
    wait::until("all to be read", || {
        publisher.send("topic");
        raw.has_input()
    });
    for i in 0..UNREAD {
        publisher.expect([[&[7], &i.to_be_bytes()[..]].concat()]);
    }
    publisher.expect("\x01topic");
    assert_eq!(publisher.try_recv(), Err(zmq::EAGAIN));
    if let Some(dropped) = conformance::groups::dropped(&publisher) {
        assert_eq!(dropped.full, 700);
    }
}

#[test]
fn v10_a_message_without_an_end_is_never_delivered_and_never_kept() {
    alone("v10_a_message_without_an_end_is_never_delivered_and_never_kept", || {
        let (pull, endpoint) = bound(zmq::PULL);
        let first = frame(1, vec![7; 1 << 20]);
        let before = resident();
        for _ in 0..300 {
            let mut raw = Raw::connect(&endpoint);
            raw.handshake(0, "PUSH", None);
            raw.send(&first);
            raw.finish();
            raw.take_rest();
            assert_eq!(pull.try_recv(), Err(zmq::EAGAIN));
        }
        let grown = resident().saturating_sub(before);
        assert!(grown < 150 << 20, "{grown} bytes for 300 first frames of 1 MiB");
        serves_a_push(&pull, &endpoint);
    });
}

#[test]
fn v10_the_beginning_of_a_message_is_gone_with_its_connection() {
    for size in [5, 300, 1 << 20] {
        let listener = RawListener::new();
        let pull = Ctx::new().socket(zmq::PULL);
        pull.set(zmq::RECONNECT_IVL, 1).unwrap();
        pull.connect(&listener.endpoint()).unwrap();
        for i in 0..20_u8 {
            let mut raw = listener.accept();
            raw.handshake(0, "PUSH", None);
            raw.send([frame(0, [i]), frame(1, vec![i; size]), frame(1, vec![i; size])].concat());
            pull.expect(&[i]);
        }
        let mut raw = listener.accept();
        raw.handshake(0, "PUSH", None);
        raw.send(frame(0, "whole"));
        pull.expect("whole");
    }
}

#[test]
fn v25_v45_sockets_and_contexts_end_while_their_connections_are_busy() {
    for round in 0..30 {
        let ctx = Ctx::new();
        let pull = ctx.socket(zmq::PULL);
        let endpoint = pull.bind_any([Transport::Tcp, Transport::Ipc][round % 2]);
        let pushes: Vec<_> = (0..3)
            .map(|_| {
                let push = ctx.socket(zmq::PUSH);
                push.set(zmq::LINGER, 0).unwrap();
                push.set(zmq::SNDTIMEO, -1).unwrap();
                push.connect(&endpoint).unwrap();
                thread::spawn(move || while push.send_frame("again and again", 0).is_ok() {})
            })
            .collect();
        for _ in 0..100 {
            pull.recv().unwrap();
        }
        if round % 3 == 0 {
            drop(pull);
            ctx.shutdown().unwrap();
        } else {
            ctx.shutdown().unwrap();
            drop(pull);
        }
        pushes.into_iter().for_each(|push| push.join().unwrap());
    }
}

#[test]
fn v30_a_connection_to_itself_is_no_connection() {
    ours_only!("4.3.4 takes it for a peer");
    let own = std::net::TcpListener::bind((loopback(), 0)).unwrap().local_addr().unwrap();
    let dealer = Ctx::new().socket(zmq::DEALER);
    let events = Monitor::detached(&dealer, zmq::EVENT_CONNECT_RETRIED | zmq::EVENT_HANDSHAKE_SUCCEEDED);
    dealer.set(zmq::RECONNECT_IVL, 10).unwrap();
    dealer.connect(&format!("tcp://{own};{own}")).unwrap();
    dealer.send("to myself");
    for _ in 0..3 {
        assert_eq!(events.next().event, zmq::EVENT_CONNECT_RETRIED);
    }
    assert_eq!(dealer.try_recv(), Err(zmq::EAGAIN));
}

#[test]
fn v43_connections_are_lost_between_heartbeats() {
    let listener = RawListener::new();
    let dealer = Ctx::new().socket(zmq::DEALER);
    dealer.set(zmq::HEARTBEAT_IVL, 5).unwrap();
    dealer.set(zmq::HEARTBEAT_TIMEOUT, 20).unwrap();
    dealer.set(zmq::RECONNECT_IVL, 1).unwrap();
    dealer.connect(&listener.endpoint()).unwrap();
    for round in 0..40 {
        let mut raw = listener.accept();
        raw.handshake(1, "DEALER", Some(b""));
        if round % 2 == 0 {
            let (flags, body) = raw.take_frame();
            assert!(flags == 4 && body.starts_with(b"\x04PING"), "{body:?}");
        }
        if round % 4 == 3 {
            // Gives it up by itself, since nothing answers.
            raw.take_rest();
        }
    }
    dealer.set(zmq::SNDTIMEO, 20_000).unwrap();
    // Before the connection it goes to: a test that pauses too long in between has lost that one.
    dealer.send("still there");
    let mut raw = listener.accept();
    raw.handshake(1, "DEALER", Some(b""));
    while raw.take_frame() != (0, b"still there".to_vec()) {}
}

#[test]
fn v70_greetings_of_every_version_and_length_are_answered_or_waited_for_and_let_go() {
    let pull = Ctx::new().socket(zmq::PULL);
    pull.set(zmq::HANDSHAKE_IVL, 300).unwrap();
    let endpoint = pull.bind_any(Transport::Tcp);
    let mut open = vec![];
    for major in [0, 1, 2, 3, 4, 0x7F, 0xFF] {
        for length in [1, 9, 10, 11, 12, 13, 63, 64, 70] {
            let mut raw = Raw::connect(&endpoint);
            let mut bytes = [&SIGNATURE[..], &greeting(major, 9)[10..]].concat();
            bytes.resize(length, 0);
            raw.send(bytes);
            open.push((major, length, raw));
        }
    }
    for (major, length, mut raw) in open {
        // Closed by the socket: this end has said nothing of an end. It named its version, if anything.
        let said = raw.take_rest();
        assert!(said.get(10).is_none_or(|named| *named == 3 && length >= 10), "{major} {length}: {said:?}");
    }
    assert_eq!(pull.try_recv(), Err(zmq::EAGAIN));
    pull.set(zmq::HANDSHAKE_IVL, 30_000).unwrap();
    let endpoint = pull.bind_any(Transport::Tcp);
    serves_a_push(&pull, &endpoint);
}

/// What REP cannot answer, and what it can: an empty question.
fn envelopes() -> Vec<Vec<u8>> {
    vec![
        frame(0, ""),
        frame(0, "body without an envelope"),
        [frame(1, ""), frame(0, "")].concat(),
        [frame(1, "id").repeat(300), frame(0, "end of the envelope, no delimiter")].concat(),
        [frame(1, "id"), frame(0, "")].concat(),
    ]
}

#[test]
fn v72_questions_without_an_envelope_are_not_for_the_application() {
    let (server, mut raw) = with_peer(zmq::REP, 0, "DEALER");
    raw.send(envelopes().concat());
    raw.send([frame(1, ""), frame(0, "question")].concat());
    server.expect("");
    server.send("never mind");
    server.expect("question");
    server.send("answer");
    for answer in ["never mind", "answer"] {
        assert_eq!(raw.take_frame(), (1, vec![]));
        assert_eq!(raw.take_frame(), (0, answer.as_bytes().to_vec()));
    }
    let good = server.ctx().socket(zmq::REQ);
    good.connect(&server.last_endpoint()).unwrap();
    good.send("question");
    server.expect("question");
    server.send("answer");
    good.expect("answer");
}

#[test]
fn v72_envelopes_of_any_kind_reach_a_router_with_the_name_of_their_sender() {
    for peer in ["DEALER", "REQ"] {
        let (server, mut raw) = with_peer(zmq::ROUTER, 0, peer);
        raw.send(envelopes().concat());
        let mut senders = vec![];
        for frames in [1, 1, 2, 301, 2] {
            let mut message = server.recv().unwrap();
            assert_eq!(message.len(), 1 + frames);
            senders.push(message.swap_remove(0));
        }
        assert!(senders.iter().all(|sender| *sender == senders[0]), "{senders:?}");
        let good = server.ctx().socket(zmq::REQ);
        good.connect(&server.last_endpoint()).unwrap();
        good.send("question");
        server.send(server.recv().unwrap());
        good.expect("question");
    }
}

#[test]
fn v72_an_answer_without_an_envelope_ends_the_connection_of_a_req() {
    let listener = RawListener::new();
    let req = Ctx::new().socket(zmq::REQ);
    req.set(zmq::RECONNECT_IVL, 1).unwrap();
    let mut raw = listener.connect(&req);
    raw.handshake(0, "REP", None);
    req.send("question");
    assert_eq!(raw.take_frame(), (1, vec![]));
    assert_eq!(raw.take_frame(), (0, b"question".to_vec()));
    raw.send(frame(0, "no envelope"));
    raw.take_rest();
    assert_eq!(req.try_recv(), Err(zmq::EAGAIN));
}

#[test]
fn v79_v80_the_limit_of_a_frame_is_open_by_default_and_easy_to_set() {
    let (pull, endpoint) = bound(zmq::PULL);
    assert_eq!(pull.option_bytes(zmq::MAXMSGSIZE, 8).unwrap(), (-1_i64).to_ne_bytes());
    drop(pull);
    let pull = Ctx::new().socket(zmq::PULL);
    pull.set_bytes(zmq::MAXMSGSIZE, 100_i64.to_ne_bytes()).unwrap();
    wait::until("the port", || pull.bind(&endpoint).is_ok());
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(0, "PUSH", None);
    raw.send([frame(0, [1; 100]), frame(0, [2; 101]), frame(0, [3; 1])].concat());
    pull.expect(&[1; 100]);
    raw.take_rest();
    assert_eq!(pull.try_recv(), Err(zmq::EAGAIN));
}

/// How much memory the process has asked for, in bytes.
fn reserved() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').next().unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn v79_v80_without_a_limit_memory_follows_what_arrives() {
    ours_only!("it takes the announced size");
    alone("v79_v80_without_a_limit_memory_follows_what_arrives", || {
        let (pull, endpoint) = bound(zmq::PULL);
        serves_a_push(&pull, &endpoint);
        let before = reserved();
        // A message, a command, and more than any machine has.
        let announced: Vec<_> = [(2, 1_u64 << 30), (6, 32 << 20), (2, 1 << 45)]
            .repeat(20)
            .into_iter()
            .map(|(flags, size)| {
                let mut raw = Raw::connect(&endpoint);
                raw.handshake(0, "PUSH", None);
                raw.send([&[flags], &size.to_be_bytes()[..], &[7; 1000]].concat());
                raw
            })
            .collect();
        serves_a_push(&pull, &endpoint);
        assert_eq!(pull.try_recv(), Err(zmq::EAGAIN));
        let grown = reserved().saturating_sub(before);
        assert!(grown < 500 << 20, "{grown} bytes for 60,000 that arrived");
        assert!(announced.iter().all(|raw| !raw.is_closed()));
    });
}

#[test]
fn v42_a_frame_that_is_announced_too_long_ends_its_own_connection() {
    let pull = Ctx::new().socket(zmq::PULL);
    pull.set_bytes(zmq::MAXMSGSIZE, (1_i64 << 20).to_ne_bytes()).unwrap();
    let endpoint = pull.bind_any(Transport::Tcp);
    for size in [u64::MAX, u64::MAX - 8, 1 << 63, (1 << 63) - 1, 1 << 49, 1 << 32] {
        let mut raw = Raw::connect(&endpoint);
        raw.send(greeting(3, 0));
        raw.take(64);
        raw.send(ready("PUSH", None));
        raw.send([&[2], &size.to_be_bytes()[..], b"payload"].concat());
        // Closed by the socket: this end has said nothing of an end.
        raw.take_rest();
    }
    serves_a_push(&pull, &endpoint);
}
