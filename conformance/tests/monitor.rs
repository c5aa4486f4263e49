//! `zmq_socket_monitor`.

use conformance::c_api::NULL;
use conformance::socket::{Ctx, Sock, Transport, inproc, join, pair};
use conformance::wire::{RawListener, RefusingPort};
use conformance::{Event, Monitor, c_library, differs, ours_only, wait, zmq};

fn pull() -> Sock {
    Ctx::new().socket(zmq::PULL)
}

#[test]
fn binding_is_reported_with_the_endpoint() {
    let sock = pull();
    let events = Monitor::new(&sock);
    let endpoint = sock.bind_any(Transport::Tcp);
    let event = events.next();
    assert_eq!((event.event, event.endpoint), (zmq::EVENT_LISTENING, endpoint));
}

#[test]
fn binding_to_ipc_is_reported_with_the_endpoint() {
    let sock = pull();
    let events = Monitor::new(&sock);
    let endpoint = sock.bind_any(Transport::Ipc);
    let event = events.next();
    assert_eq!((event.event, event.endpoint), (zmq::EVENT_LISTENING, endpoint));
}

#[test]
fn a_tcp_connect_is_reported_step_by_step() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let endpoint = pull.bind_any(Transport::Tcp);
    let events = Monitor::new(&push);
    push.connect(&endpoint).unwrap();
    for wanted in [zmq::EVENT_CONNECT_DELAYED, zmq::EVENT_CONNECTED, zmq::EVENT_HANDSHAKE_SUCCEEDED] {
        let event = events.next();
        assert_eq!((event.event, &event.endpoint), (wanted, &endpoint));
        match wanted {
            zmq::EVENT_CONNECT_DELAYED => assert_eq!(event.value, zmq::EINPROGRESS.0 as u32),
            zmq::EVENT_HANDSHAKE_SUCCEEDED => assert_eq!(event.value, 0),
            _ => assert!(event.value < 100_000, "a descriptor"),
        }
    }
}

#[test]
fn an_ipc_connect_is_reported() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let endpoint = pull.bind_any(Transport::Ipc);
    let events = Monitor::new(&push);
    push.connect(&endpoint).unwrap();
    assert_eq!(events.wait_for(zmq::EVENT_CONNECTED).endpoint, endpoint);
    assert_eq!(events.next().event, zmq::EVENT_HANDSHAKE_SUCCEEDED);
}

#[test]
fn an_accepted_connection_is_reported_step_by_step() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let endpoint = pull.bind_any(Transport::Tcp);
    let events = Monitor::new(&pull);
    push.connect(&endpoint).unwrap();
    for wanted in [zmq::EVENT_ACCEPTED, zmq::EVENT_HANDSHAKE_SUCCEEDED] {
        let event = events.next();
        assert_eq!((event.event, &event.endpoint), (wanted, &endpoint));
    }
}

#[test]
fn a_leaving_peer_is_reported() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let endpoint = join(&pull, &push, Transport::Tcp);
    let events = Monitor::new(&pull);
    drop(push);
    let event = events.next();
    assert_eq!((event.event, event.endpoint), (zmq::EVENT_DISCONNECTED, endpoint));
}

#[test]
fn a_lost_connection_is_reported_and_retried() {
    let listener = RawListener::new();
    let push = Ctx::new().socket(zmq::PUSH);
    let mut raw = listener.connect(&push);
    raw.handshake(1, "PULL", None);
    let events = Monitor::new(&push);
    drop(raw);
    events.wait_for(zmq::EVENT_DISCONNECTED);
    let retried = events.wait_for(zmq::EVENT_CONNECT_RETRIED);
    assert!((100..200).contains(&retried.value), "{retried:?}");
    events.wait_for(zmq::EVENT_CONNECTED);
}

#[test]
fn a_refused_connect_is_reported_in_a_circle() {
    let push = Ctx::new().socket(zmq::PUSH);
    push.set(zmq::RECONNECT_IVL, 20).unwrap();
    let events = Monitor::new(&push);
    let port = RefusingPort::new();
    push.connect(&port.endpoint()).unwrap();
    for _ in 0..3 {
        assert_eq!(events.next().event, zmq::EVENT_CONNECT_DELAYED);
        assert_eq!(events.next().event, zmq::EVENT_CLOSED);
        let retried = events.next();
        assert_eq!(retried.event, zmq::EVENT_CONNECT_RETRIED);
        assert!((20..40).contains(&retried.value), "{retried:?}");
    }
}

#[test]
fn a_refused_connect_of_ipc_goes_round_as_well() {
    let push = Ctx::new().socket(zmq::PUSH);
    push.set(zmq::RECONNECT_IVL, 20).unwrap();
    let events = Monitor::new(&push);
    let endpoint = Transport::Ipc.endpoint();
    push.connect(&endpoint).unwrap();
    for _ in 0..3 {
        for wanted in [zmq::EVENT_CLOSED, zmq::EVENT_CONNECT_RETRIED] {
            let event = events.next();
            assert_eq!((event.event, &event.endpoint), (wanted, &endpoint));
        }
    }
}

#[test]
fn a_socket_that_is_closed_tells_the_end_of_its_listeners() {
    for transports in [&[Transport::Tcp][..], &[Transport::Ipc], &[Transport::Tcp, Transport::Ipc]] {
        let ctx = Ctx::new();
        let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        let mut bound: Vec<String> = transports.iter().map(|transport| pull.bind_any(*transport)).collect();
        push.connect(&bound[0]).unwrap();
        push.send("x");
        pull.expect("x");
        let events = Monitor::detached(&pull, zmq::EVENT_ALL);
        drop(pull);
        // Not the end of its connection.
        let mut closed: Vec<String> = bound
            .iter()
            .map(|_| events.next())
            .inspect(|event| assert_eq!(event.event, zmq::EVENT_CLOSED, "{event:?}"))
            .map(|event| event.endpoint)
            .collect();
        bound.sort();
        closed.sort();
        assert_eq!(closed, bound);
        assert_eq!(events.next().event, zmq::EVENT_MONITOR_STOPPED);
    }
}

#[test]
fn the_name_is_free_when_its_end_is_told() {
    let ctx = Ctx::new();
    let pull = ctx.socket(zmq::PULL);
    let endpoint = pull.bind_any(Transport::Tcp);
    let events = Monitor::detached(&pull, zmq::EVENT_CLOSED);
    drop(pull);
    assert_eq!(events.next().endpoint, endpoint);
    assert_eq!(ctx.socket(zmq::PULL).bind(&endpoint), Ok(()));
}

#[test]
fn without_reconnecting_a_refused_connect_ends_there() {
    let push = Ctx::new().socket(zmq::PUSH);
    push.set(zmq::RECONNECT_IVL, -1).unwrap();
    let events = Monitor::new(&push);
    let port = RefusingPort::new();
    push.connect(&port.endpoint()).unwrap();
    assert_eq!(events.next().event, zmq::EVENT_CONNECT_DELAYED);
    assert_eq!(events.next().event, zmq::EVENT_CLOSED);
    push.monitor(None, 0).unwrap();
    assert_eq!(events.next().event, zmq::EVENT_MONITOR_STOPPED);
}

#[test]
fn the_retry_delay_grows_to_its_maximum() {
    let push = Ctx::new().socket(zmq::PUSH);
    push.set(zmq::RECONNECT_IVL, 10).unwrap();
    push.set(zmq::RECONNECT_IVL_MAX, 40).unwrap();
    let events = Monitor::new(&push);
    let port = RefusingPort::new();
    push.connect(&port.endpoint()).unwrap();
    let delays: Vec<u32> = (0..6).map(|_| events.wait_for(zmq::EVENT_CONNECT_RETRIED).value).collect();
    assert!((10..20).contains(&delays[0]), "{delays:?}");
    assert!(delays[1] >= 20 && delays[2..].iter().all(|d| (40..50).contains(d)), "{delays:?}");
}

#[test]
fn a_failed_bind_is_reported() {
    let busy = pull();
    let endpoint = busy.bind_any(Transport::Tcp);
    let sock = pull();
    let events = Monitor::new(&sock);
    assert_eq!(sock.bind(&endpoint), Err(zmq::EADDRINUSE));
    let event = events.wait_for(zmq::EVENT_BIND_FAILED);
    assert_eq!(event.value, zmq::EADDRINUSE.0 as u32);
    assert!(endpoint.ends_with(&event.endpoint), "{event:?}");
}

#[test]
fn a_failed_bind_is_preceded_by_the_end_of_its_own_descriptor() {
    let busy = pull();
    let sock = pull();
    let events = Monitor::new(&sock);
    assert_eq!(sock.bind(&busy.bind_any(Transport::Tcp)), Err(zmq::EADDRINUSE));
    let mut event = events.next();
    let closes = differs!(
        "a_failed_bind_is_preceded_by_the_end_of_its_own_descriptor",
        libzmq: true,
        ours: false,
    );
    if closes {
        assert_eq!((event.event, &event.endpoint[..]), (zmq::EVENT_CLOSED, ""));
        event = events.next();
    }
    assert_eq!(event.event, zmq::EVENT_BIND_FAILED);
}

#[test]
fn unbinding_is_reported() {
    let sock = pull();
    let endpoint = sock.bind_any(Transport::Tcp);
    let events = Monitor::new(&sock);
    sock.unbind(&endpoint).unwrap();
    let event = events.wait_for(zmq::EVENT_CLOSED);
    assert_eq!(event.endpoint, endpoint);
}

#[test]
fn stopping_ends_with_monitor_stopped() {
    let sock = pull();
    let events = Monitor::new(&sock);
    sock.monitor(None, 0).unwrap();
    let wanted = Event { event: zmq::EVENT_MONITOR_STOPPED, value: 0, endpoint: String::new() };
    assert_eq!(events.next(), wanted);
    sock.bind_any(Transport::Tcp);
    assert_eq!(events.reader().try_recv(), Err(zmq::EAGAIN), "nothing afterwards");
}

#[test]
fn a_second_monitor_replaces_the_first() {
    let sock = pull();
    let first = Monitor::new(&sock);
    let second = Monitor::new(&sock);
    assert_eq!(first.next().event, zmq::EVENT_MONITOR_STOPPED);
    sock.bind_any(Transport::Tcp);
    assert_eq!(second.next().event, zmq::EVENT_LISTENING);
}

#[test]
fn closing_the_socket_ends_with_monitor_stopped() {
    let sock = pull();
    let events = Monitor::detached(&sock, zmq::EVENT_ALL);
    sock.close().unwrap();
    events.wait_for(zmq::EVENT_MONITOR_STOPPED);
}

#[test]
fn a_monitor_reports_only_what_was_asked_for() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let endpoint = pull.bind_any(Transport::Tcp);
    let events = Monitor::detached(&push, zmq::EVENT_HANDSHAKE_SUCCEEDED | zmq::EVENT_MONITOR_STOPPED);
    push.connect(&endpoint).unwrap();
    assert_eq!(events.next().event, zmq::EVENT_HANDSHAKE_SUCCEEDED);
    push.monitor(None, 0).unwrap();
    assert_eq!(events.next().event, zmq::EVENT_MONITOR_STOPPED);
}

#[test]
fn inproc_connections_are_not_reported() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let events = Monitor::new(&pull);
    join(&pull, &push, Transport::Inproc);
    push.send("x");
    pull.expect("x");
    pull.monitor(None, 0).unwrap();
    assert_eq!(events.next().event, zmq::EVENT_MONITOR_STOPPED);
}

#[test]
fn stopping_without_a_monitor_succeeds() {
    let sock = pull();
    assert_eq!(sock.monitor(None, 0), Ok(()));
    assert_eq!(sock.monitor(None, zmq::EVENT_ALL), Ok(()));
}

#[test]
fn a_monitor_endpoint_must_be_inproc() {
    let sock = pull();
    for endpoint in ["tcp://127.0.0.1:*", "ipc://@conformance-monitor", "nonsense://x"] {
        assert_eq!(sock.monitor(Some(endpoint), zmq::EVENT_ALL), Err(zmq::EPROTONOSUPPORT), "{endpoint}");
    }
    for endpoint in ["", "inproc", "inproc://"] {
        assert_eq!(sock.monitor(Some(endpoint), zmq::EVENT_ALL), Err(zmq::EINVAL), "{endpoint}");
    }
}

#[test]
fn a_monitor_endpoint_must_be_free() {
    let ctx = Ctx::new();
    let (sock, other) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PULL));
    let endpoint = inproc();
    other.bind(&endpoint).unwrap();
    assert_eq!(sock.monitor(Some(&endpoint), zmq::EVENT_ALL), Err(zmq::EADDRINUSE));
}

#[test]
fn unknown_event_bits_are_einval() {
    let sock = pull();
    for events in [0x1_0000, -1, i32::MIN, 0x1_FFFF] {
        assert_eq!(sock.monitor(Some(&inproc()), events), Err(zmq::EINVAL), "{events:#x}");
    }
}

#[test]
fn a_monitor_needs_a_socket() {
    let lib = c_library!();
    assert_eq!(lib.check(lib.zmq_socket_monitor(NULL, c"inproc://x".as_ptr(), 0xFFFF)), Err(zmq::ENOTSOCK));
}

#[test]
fn a_monitor_counts_as_a_socket() {
    let ctx = Ctx::new();
    ctx.set(zmq::MAX_SOCKETS, 1).unwrap();
    let sock = ctx.socket(zmq::PULL);
    assert_eq!(sock.monitor(Some(&inproc()), zmq::EVENT_ALL), Err(zmq::EMFILE));
}

#[test]
fn a_monitor_after_shutdown_is_eterm() {
    let sock = pull();
    sock.ctx().shutdown().unwrap();
    assert_eq!(sock.recv(), Err(zmq::ETERM));
    assert_eq!(sock.monitor(Some(&inproc()), zmq::EVENT_ALL), Err(zmq::ETERM));
}

#[test]
fn every_connection_is_reported() {
    let ctx = Ctx::new();
    let pull = ctx.socket(zmq::PULL);
    let endpoint = pull.bind_any(Transport::Tcp);
    let events = Monitor::new(&pull);
    let pushes: Vec<Sock> = (0..10)
        .map(|_| {
            let push = ctx.socket(zmq::PUSH);
            push.connect(&endpoint).unwrap();
            push
        })
        .collect();
    let mut succeeded = 0;
    while succeeded < pushes.len() {
        if events.next().event == zmq::EVENT_HANDSHAKE_SUCCEEDED {
            succeeded += 1;
        }
    }
}

#[test]
fn a_socket_works_while_nobody_reads_its_monitor() {
    let (pull, push) = pair(zmq::PULL, zmq::PUSH, Transport::Tcp);
    let _events = Monitor::new(&pull);
    for _ in 0..100 {
        push.send("x");
        pull.expect("x");
    }
}

#[test]
fn a_socket_works_without_a_reader_of_its_monitor() {
    ours_only!("bind waits for the reader for ever");
    let ctx = Ctx::new();
    let pull = ctx.socket(zmq::PULL);
    pull.monitor(Some(&inproc()), zmq::EVENT_ALL).unwrap();
    for _ in 0..2 {
        let push = ctx.socket(zmq::PUSH);
        let endpoint = pull.bind_any(Transport::Tcp);
        push.connect(&endpoint).unwrap();
        push.send("x");
        pull.expect("x");
        pull.unbind(&endpoint).unwrap();
    }
    pull.monitor(None, 0).unwrap();
}

#[test]
fn raw_connections_report_no_successful_handshake() {
    let stream = Ctx::new().socket(zmq::STREAM);
    let endpoint = stream.bind_any(Transport::Tcp);
    let events = Monitor::new(&stream);
    let raw = conformance::wire::Raw::connect(&endpoint);
    stream.expect_routed("");
    drop(raw);
    let mut seen = vec![];
    wait::until("the end of the connection", || {
        seen.push(events.next().event);
        seen.last() == Some(&zmq::EVENT_DISCONNECTED)
    });
    assert_eq!(seen[0], zmq::EVENT_ACCEPTED);
    assert!(!seen.contains(&zmq::EVENT_HANDSHAKE_SUCCEEDED), "{seen:x?}");
}
