//! The versioned monitor (zmq_socket_monitor_versioned, zmq_socket_monitor_pipes_stats): layout, kinds of socket, every
//! event with its two addresses, statistics of pipes, and a monitor that nobody reads.

use std::ffi::CString;

use conformance::c_api::{Drafts, Library};
use conformance::socket::{Ctx, Sock, Transport, inproc, join};
use conformance::wire::{Raw, RawListener, RefusingPort};
use conformance::{drafts, ours_only, subject, wait, zmq};

const ALL: u64 = 0x1FFFF;

fn functions() -> (&'static Library, &'static Drafts) {
    let lib = subject().library().expect("a C library");
    (lib, lib.drafts().expect("the draft functions"))
}

fn monitor_at(
    sock: &Sock,
    endpoint: &str,
    events: u64,
    version: i32,
    kind: i32,
) -> conformance::subject::Result<()> {
    let (lib, c) = functions();
    let endpoint = CString::new(endpoint).unwrap();
    lib.check(c.zmq_socket_monitor_versioned(sock.handle().0, endpoint.as_ptr(), events, version, kind))
        .map(drop)
}

fn pipes_stats(sock: &Sock) -> conformance::subject::Result<()> {
    let (lib, c) = functions();
    lib.check(c.zmq_socket_monitor_pipes_stats(sock.handle().0)).map(drop)
}

/// A reader of a socket's events in version 2.
fn watch(sock: &Sock, kind: i32, reader: i32) -> Sock {
    let endpoint = inproc();
    monitor_at(sock, &endpoint, ALL, 2, kind).expect("monitor");
    let reader = sock.ctx().socket(reader);
    if reader.option(zmq::TYPE) == Ok(zmq::SUB) {
        reader.subscribe("");
    }
    reader.connect(&endpoint).unwrap();
    reader
}

#[derive(Debug, PartialEq, Eq)]
struct Event {
    number: u64,
    values: Vec<u64>,
    local: String,
    remote: String,
}

#[track_caller]
fn next(reader: &Sock) -> Event {
    let frames = reader.recv().expect("an event");
    let numbers = |frames: &[Vec<u8>]| -> Vec<u64> {
        frames.iter().map(|f| u64::from_ne_bytes(f[..].try_into().expect("8 bytes"))).collect()
    };
    let head = numbers(&frames[..2]);
    assert_eq!(frames.len() as u64, 4 + head[1], "{frames:?}");
    let text = |frame: &[u8]| String::from_utf8(frame.to_vec()).unwrap();
    let end = frames.len() - 2;
    Event {
        number: head[0],
        values: numbers(&frames[2..end]),
        local: text(&frames[end]),
        remote: text(&frames[end + 1]),
    }
}

#[track_caller]
fn wait_for(reader: &Sock, number: i32) -> Event {
    loop {
        let event = next(reader);
        if event.number == number as u64 {
            return event;
        }
    }
}

#[test]
fn a_connection_is_told_with_both_addresses() {
    drafts!();
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let (at_pull, at_push) = (watch(&pull, zmq::PAIR, zmq::PAIR), watch(&push, zmq::PAIR, zmq::PAIR));
    let bound = pull.bind_any(Transport::Tcp);
    let listening = next(&at_pull);
    assert_eq!((listening.number, &listening.local), (0x8, &bound));
    assert_eq!(listening.remote, "");
    push.connect(&bound).unwrap();

    let delayed = next(&at_push);
    assert_eq!((delayed.number, delayed.values), (0x2, vec![115]));
    assert_eq!((delayed.local.as_str(), &delayed.remote), ("", &bound));
    let connected = next(&at_push);
    assert_eq!((connected.number, &connected.remote), (0x1, &bound));
    let shaken = next(&at_push);
    assert_eq!((shaken.number, shaken.values), (0x1000, vec![0]));
    assert_eq!((&shaken.local, &shaken.remote), (&connected.local, &bound));

    let accepted = next(&at_pull);
    assert_eq!((accepted.number, &accepted.local), (0x20, &bound));
    assert_eq!(accepted.remote, connected.local, "each end is the other's");
    assert_eq!(next(&at_pull).number, 0x1000);

    push.close().unwrap();
    assert_eq!(next(&at_push).number, 0x400);
    let gone = next(&at_pull);
    assert_eq!((gone.number, &gone.local, &gone.remote), (0x200, &bound, &accepted.remote));
    assert_eq!(gone.values, accepted.values, "the same descriptor");
    pull.unbind(&bound).unwrap();
    let closed = next(&at_pull);
    assert_eq!((closed.number, &closed.local, closed.values), (0x80, &bound, listening.values));
    pull.close().unwrap();
    let stopped = next(&at_pull);
    assert_eq!(
        stopped,
        Event { number: 0x400, values: vec![0], local: String::new(), remote: String::new() }
    );
}

#[test]
fn failures_are_told_with_their_values() {
    drafts!();
    let ctx = Ctx::new();
    let (first, second) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PULL));
    let at_second = watch(&second, zmq::PAIR, zmq::PAIR);
    let taken = first.bind_any(Transport::Tcp);
    assert_eq!(second.bind(&taken), Err(zmq::EADDRINUSE));
    let failed = wait_for(&at_second, zmq::EVENT_BIND_FAILED);
    assert_eq!((failed.values, failed.remote.as_str()), (vec![98], ""));
    assert_eq!(format!("tcp://{}", failed.local), taken);

    let closed = RefusingPort::new();
    second.set(zmq::RECONNECT_IVL, 30).unwrap();
    second.connect(&closed.endpoint()).unwrap();
    wait_for(&at_second, zmq::EVENT_CLOSED);
    let retried = next(&at_second);
    assert_eq!((retried.number, retried.remote), (0x4, closed.endpoint()));
    assert!((30..60).contains(&retried.values[0]), "{:?}", retried.values);
}

#[test]
fn refused_peers_and_failed_handshakes_are_told() {
    drafts!();
    let pull = Ctx::new().socket(zmq::PULL);
    let events = watch(&pull, zmq::PAIR, zmq::PAIR);
    let endpoint = pull.bind_any(Transport::Tcp);
    drop(Raw::connect(&endpoint));
    wait_for(&events, zmq::EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    assert_eq!(next(&events).number, 0x200);
    let mut other_mechanism = Raw::connect(&endpoint);
    other_mechanism.send(conformance::wire::greeting_with(3, 0, "CURVE"));
    let failed = wait_for(&events, zmq::EVENT_HANDSHAKE_FAILED_PROTOCOL);
    assert_eq!(failed.values, [zmq::PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH as u64]);
    assert_eq!(next(&events).number, 0x200);
    pull.unbind(&endpoint).unwrap();
    pull.set_bytes(zmq::TCP_ACCEPT_FILTER, "10.0.0.0/8").unwrap();
    let endpoint = pull.bind_any(Transport::Tcp);
    let _raw = Raw::connect(&endpoint);
    assert_eq!(wait_for(&events, zmq::EVENT_ACCEPT_FAILED).local, endpoint);
}

#[test]
fn a_refusal_by_the_peer_is_told() {
    drafts!();
    let listener = RawListener::new();
    let push = Ctx::new().socket(zmq::PUSH);
    let events = watch(&push, zmq::PAIR, zmq::PAIR);
    let mut raw = listener.connect(&push);
    raw.send(conformance::wire::greeting(3, 1));
    raw.take(64);
    raw.take_frame();
    raw.send(conformance::wire::command("ERROR", "\u{3}400"));
    let refused = wait_for(&events, zmq::EVENT_HANDSHAKE_FAILED_AUTH);
    assert_eq!((refused.values, refused.remote), (vec![400], listener.endpoint()));
}

#[test]
fn a_wildcard_directory_that_cannot_be_removed_is_told() {
    // Both versions, both libraries.
    let pull = Ctx::new().socket(zmq::PULL);
    let events = conformance::Monitor::detached(&pull, zmq::EVENT_CLOSED | zmq::EVENT_CLOSE_FAILED);
    pull.bind("ipc://*").unwrap();
    let endpoint = pull.last_endpoint();
    let path = endpoint.strip_prefix("ipc://").unwrap();
    std::fs::remove_file(path).unwrap();
    pull.unbind(&endpoint).unwrap();
    let failed = events.next();
    assert_eq!((failed.event, failed.value, failed.endpoint), (zmq::EVENT_CLOSE_FAILED, 2, endpoint.clone()));
    let _ = std::fs::remove_dir(std::path::Path::new(path).parent().unwrap());
}

#[test]
fn events_can_be_published_and_pushed() {
    drafts!();
    for (kind, reader) in [(zmq::PUB, zmq::SUB), (zmq::PUSH, zmq::PULL), (zmq::PAIR, zmq::PAIR)] {
        let pull = Ctx::new().socket(zmq::PULL);
        let events = watch(&pull, kind, reader);
        // A subscription has to arrive first.
        let bound = first_event(&pull, &events, kind == zmq::PUB);
        assert!(bound.local.starts_with("tcp://"), "{bound:?}");
    }
}

/// Binds until an event comes.
fn first_event(sock: &Sock, events: &Sock, again: bool) -> Event {
    sock.bind_any(Transport::Tcp);
    wait::until("an event", || {
        if again && !events.readable() {
            sock.bind_any(Transport::Tcp);
        }
        events.readable()
    });
    next(events)
}

#[test]
fn the_topic_of_a_published_event_is_its_number() {
    drafts!();
    let pull = Ctx::new().socket(zmq::PULL);
    let endpoint = inproc();
    monitor_at(&pull, &endpoint, ALL, 2, zmq::PUB).unwrap();
    let sub = pull.ctx().socket(zmq::SUB);
    sub.subscribe(u64::to_ne_bytes(0x80));
    sub.connect(&endpoint).unwrap();
    wait::until("an event", || {
        let bound = pull.bind_any(Transport::Tcp);
        pull.unbind(&bound).unwrap();
        sub.readable()
    });
    assert_eq!(next(&sub).number, 0x80, "LISTENING was not subscribed to");
}

#[test]
fn bad_arguments_are_einval() {
    drafts!();
    let pull = Ctx::new().socket(zmq::PULL);
    let monitor = |events, version, kind| monitor_at(&pull, &inproc(), events, version, kind);
    assert_eq!(monitor(ALL, 1, zmq::PAIR), Err(zmq::EINVAL), "version 1 has 16 events");
    assert_eq!(monitor(ALL, 2, zmq::SUB), Err(zmq::EINVAL));
    assert_eq!(monitor(ALL, 3, zmq::PAIR), Err(zmq::EINVAL));
    assert_eq!(monitor(0xFFFF, 1, zmq::PUSH), Ok(()));
    assert_eq!(monitor_at(&pull, "tcp://127.0.0.1:1", ALL, 2, zmq::PAIR), Err(zmq::EPROTONOSUPPORT));
}

// ---- Statistics of pipes ----

#[test]
fn statistics_need_somebody_who_wants_them() {
    drafts!();
    let pull = Ctx::new().socket(zmq::PULL);
    assert_eq!(pipes_stats(&pull), Err(zmq::EINVAL), "no monitor");
    monitor_at(&pull, &inproc(), 0xFFFF, 2, zmq::PAIR).unwrap();
    assert_eq!(pipes_stats(&pull), Err(zmq::EINVAL), "not this event");
    let _events = watch(&pull, zmq::PAIR, zmq::PAIR);
    assert_eq!(pipes_stats(&pull), Err(zmq::EAGAIN), "no pipes");
}

#[test]
fn statistics_count_what_is_queued_in_each_pipe() {
    drafts!();
    for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
        let ctx = Ctx::new();
        let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        let endpoint = join(&pull, &push, transport);
        let (at_pull, at_push) = (watch(&pull, zmq::PAIR, zmq::PAIR), watch(&push, zmq::PAIR, zmq::PAIR));
        for _ in 0..7 {
            push.send("queued");
        }
        push.send("last");
        wait::until("all to be queued at the receiver", || {
            pipes_stats(&pull).unwrap();
            let stats = wait_for(&at_pull, zmq::EVENT_PIPES_STATS);
            assert_eq!((stats.values[0], stats.local.as_str()), (0, endpoint.as_str()), "{stats:?}");
            pull.events();
            stats.values[1] == 8
        });
        for _ in 0..7 {
            pull.expect("queued");
        }
        pull.expect("last");
        pull.drain();
        pipes_stats(&pull).unwrap();
        assert_eq!(wait_for(&at_pull, zmq::EVENT_PIPES_STATS).values, [0, 0]);
        wait::until("the sender to be rid of them", || {
            pipes_stats(&push).unwrap();
            let stats = wait_for(&at_push, zmq::EVENT_PIPES_STATS);
            assert_eq!(stats.remote, endpoint);
            stats.values == [0, 0]
        });
    }
}

#[test]
fn statistics_count_what_cannot_be_sent() {
    drafts!();
    let closed = RefusingPort::new();
    let push = Ctx::new().socket(zmq::PUSH);
    push.set(zmq::LINGER, 0).unwrap();
    let events = watch(&push, zmq::PAIR, zmq::PAIR);
    push.connect(&closed.endpoint()).unwrap();
    let early = inproc();
    push.connect(&early).unwrap();
    for _ in 0..6 {
        push.send("nowhere");
    }
    pipes_stats(&push).unwrap();
    let mut seen: Vec<(String, Vec<u64>)> = (0..2)
        .map(|_| wait_for(&events, zmq::EVENT_PIPES_STATS))
        .map(|stats| (stats.remote, stats.values))
        .collect();
    seen.sort();
    assert_eq!(seen, [(early, vec![3, 0]), (closed.endpoint(), vec![3, 0])]);
}

// ---- A monitor that nobody reads ----

#[test]
fn a_socket_is_not_slowed_by_more_events_than_are_kept() {
    ours_only!("it waits for the reader");
    let pull = Ctx::new().socket(zmq::PULL);
    let endpoint = inproc();
    pull.monitor(Some(&endpoint), zmq::EVENT_ALL).unwrap();
    // Two events each; more than are kept for a reader that does not come.
    for _ in 0..6_000 {
        let bound = pull.bind_any(Transport::Ipc);
        pull.unbind(&bound).unwrap();
    }
    let reader = pull.ctx().socket(zmq::PAIR);
    reader.connect(&endpoint).unwrap();
    // The earliest ones are still there.
    let first = reader.recv().unwrap();
    assert_eq!(i32::from(u16::from_ne_bytes([first[0][0], first[0][1]])), zmq::EVENT_LISTENING);
    // The others come as fast as room is made for them.
    for _ in 1..8_000 {
        reader.recv().unwrap();
    }
    let mut more = 0;
    while reader.try_recv().is_ok() {
        more += 1;
    }
    assert!(more < 4_000, "{more}");
}

#[test]
fn an_ipc_connection_is_told_with_the_listener_s_address() {
    drafts!();
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let at_push = watch(&push, zmq::PAIR, zmq::PAIR);
    let bound = pull.bind_any(Transport::Ipc);
    push.connect(&bound).unwrap();
    let connected = next(&at_push);
    assert_eq!((connected.number, connected.remote), (0x1, bound));
}
