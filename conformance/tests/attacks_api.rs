//! Calls that have broken implementations of ZeroMQ before. The ids are those of SECURITY.md.

use std::ffi::{CString, c_void};
use std::ptr::null_mut;
use std::thread;

use conformance::c_api::RawPollerEvent;
use conformance::socket::{Ctx, Sock, Transport, inproc, pair};
use conformance::{c_library, draft, drafts, ours_only, zmq};

#[test]
fn v24_endpoints_of_websockets_are_errors_whatever_their_path() {
    ours_only!("it speaks to them");
    let long = format!("ws://127.0.0.1:80/{}", "a/".repeat(32_768));
    let ctx = Ctx::new();
    let sock = ctx.socket(zmq::PULL);
    for endpoint in [
        "ws://127.0.0.1:80/a/b",
        "ws://h",
        "ws://[::1]:80/p/q/",
        "ws:///",
        "ws://",
        "wss://h:1",
        "ws:",
        &long,
    ] {
        // Without an address it is no endpoint of any kind.
        let error = if endpoint.len() > 5 { zmq::EPROTONOSUPPORT } else { zmq::EINVAL };
        for call in [sock.bind(endpoint), sock.connect(endpoint)] {
            assert_eq!(call, Err(error), "{endpoint:.40}");
        }
    }
    // And the socket is none the worse.
    let push = ctx.socket(zmq::PUSH);
    push.connect(&sock.bind_any(Transport::Tcp)).unwrap();
    push.send("still well");
    sock.expect("still well");
}

#[test]
fn v29_statistics_are_asked_for_while_peers_leave() {
    let (lib, c) = (c_library!(), drafts!());
    let ctx = Ctx::new();
    let (pull, events) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PAIR));
    let monitor = inproc();
    let (statistics, at) = (zmq::EVENT_PIPES_STATS as u64, CString::new(&*monitor).unwrap());
    assert_eq!(c.zmq_socket_monitor_versioned(pull.handle().0, at.as_ptr(), statistics, 2, zmq::PAIR), 0);
    events.connect(&monitor).unwrap();
    // Of each peer that is there two numbers, or no peer is.
    let mut told = 0;
    let mut ask = || match lib.check(c.zmq_socket_monitor_pipes_stats(pull.handle().0)) {
        Ok(_) => {
            while let Ok(event) = events.try_recv() {
                assert_eq!(event[1], 2_u64.to_ne_bytes(), "{event:?}");
                told += 1;
            }
        }
        refused => assert_eq!(refused, Err(zmq::EAGAIN)),
    };
    let endpoint = pull.bind_any(Transport::Tcp);
    let peers = thread::spawn(move || {
        for _ in 0..200 {
            let push = ctx.socket(zmq::PUSH);
            push.connect(&endpoint).unwrap();
            push.send("here");
        }
        (ctx, endpoint)
    });
    while !peers.is_finished() {
        ask();
        pull.drain();
    }
    let (ctx, endpoint) = peers.join().unwrap();
    let push = ctx.socket(zmq::PUSH);
    push.connect(&endpoint).unwrap();
    push.send("the last");
    while pull.recv().unwrap() != [b"the last".to_vec()] {
        ask();
    }
    ask();
    assert!(told > 0, "the last peer is there");
}

#[test]
fn v44_many_ready_sockets_and_room_for_few_events() {
    let lib = drafts!();
    let pairs: Vec<_> = (0..100).map(|_| pair(zmq::PAIR, zmq::PAIR, Transport::Inproc)).collect();
    let mut poller = lib.zmq_poller_new();
    for (here, there) in &pairs {
        there.send("ready");
        assert_eq!(lib.zmq_poller_add(poller, here.handle().0, null_mut(), 1), 0);
    }
    let none = RawPollerEvent { socket: null_mut::<c_void>(), fd: 77, user_data: null_mut(), events: 77 };
    for room in [1, 2, 99, 100, 101] {
        // What lies behind the room that is said stays as it is.
        let mut events = vec![none; 102];
        let found = lib.zmq_poller_wait_all(poller, events.as_mut_ptr(), room, 1000);
        assert_eq!(found, room.min(100));
        assert!(events[..found as usize].iter().all(|event| event.events == 1));
        assert!(events[room as usize..].iter().all(|event| event.fd == 77 && event.events == 77));
    }
    assert_eq!(lib.zmq_poller_destroy(&raw mut poller), 0);
}

/// Every option that can be read, with what is read of it.
fn all_options(sock: &Sock) -> Vec<(i32, Vec<u8>)> {
    let mut all = vec![];
    for option in 0..=125 {
        for size in [4, 8, 32, 41, 300] {
            if let Ok(value) = sock.option_bytes(option, size) {
                all.push((option, value));
            }
        }
    }
    all
}

/// The length of the values of an option that are numbers.
fn exact_length(sock: &Sock, option: i32) -> Option<usize> {
    let readable = |size| sock.option_bytes(option, size).is_ok();
    [4, 8].into_iter().find(|size| readable(*size) && !readable(12 - size) && !readable(300))
}

/// Values of many lengths; no NUL ends those that have none.
fn values() -> Vec<Vec<u8>> {
    let sizes = [0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 32, 33, 40, 41, 255, 256, 8192];
    let bytes = [0, 1, b'a', 0x7F, 0xFF];
    sizes.iter().flat_map(|size| bytes.map(|byte| vec![byte; *size])).collect()
}

#[test]
fn v47_options_of_any_number_take_any_bytes_or_refuse_them_and_then_change_nothing() {
    let ctx = Ctx::new();
    let values = values();
    for kind in [zmq::DEALER, zmq::ROUTER, zmq::SUB, zmq::XPUB, zmq::REQ, zmq::STREAM] {
        for option in (-2..=125).filter(|option| *option != zmq::USE_FD) {
            let sock = ctx.socket(kind);
            let exact = exact_length(&sock, option);
            let (taken, refused): (Vec<_>, Vec<_>) =
                values.iter().partition(|value| sock.set_bytes(option, value).is_ok());
            for value in taken {
                assert!(exact.is_none_or(|exact| exact == value.len()), "option {option}: {value:?}");
            }
            for value in &values {
                let _ = sock.option_into(option, &mut vec![0; value.len()]);
            }
            let sock = ctx.socket(kind);
            let fresh = all_options(&sock);
            // What was taken after another value may be refused now; the reverse would be strange.
            let refused = refused.into_iter().all(|value| sock.set_bytes(option, value).is_err());
            assert!(refused && all_options(&sock) == fresh, "type {kind}, option {option}");
        }
    }
    let (here, there) = pair(zmq::PAIR, zmq::PAIR, Transport::Tcp);
    here.send("still well");
    there.expect("still well");
}

#[test]
fn v49_groups_of_every_length_reach_two_dishes() {
    let draft = draft!();
    let ctx = Ctx::new();
    let (radio, a, b) = (ctx.socket(zmq::RADIO), ctx.socket(zmq::DISH), ctx.socket(zmq::DISH));
    for dish in [&a, &b] {
        radio.connect(&dish.bind_any(Transport::Tcp)).unwrap();
    }
    for length in [1, 14, 15, 16, 100, 254, 255] {
        let group = "g".repeat(length);
        for dish in [&a, &b] {
            draft.join(dish, &group).unwrap();
        }
        for dish in [&a, &b] {
            // Joins travel: what is sent before they arrive passes by.
            conformance::wait::until("a message to the group", || {
                draft.send_to_group(&radio, &group, "body", 0).unwrap();
                draft.recv_group(dish, zmq::DONTWAIT) == Ok((group.clone(), b"body".to_vec()))
            });
        }
    }
}
