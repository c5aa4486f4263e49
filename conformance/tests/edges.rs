//! `edge_cases.csv`: a hundred behaviours of the C interface that are easily got wrong, each with the tests that show it.
//! Here: the check that every test of the table exists, and the tests, with their numbers, that fit in nowhere else.
//!
//! Where libzmq aborts or crashes, the answer here is an error.

use std::ffi::{c_int, c_void};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::ptr::null;
use std::sync::atomic::{AtomicI32, Ordering};

use conformance::c_api::{NULL, RawPollItem};
use conformance::csv::table;
use conformance::socket::{Ctx, Transport};
use conformance::{c_library, drafts, ours_only, sources, zmq};

#[test]
fn every_number_has_tests_that_exist() {
    let sources = sources::tests();
    let rows = table("edge_cases.csv");
    assert_eq!(rows.len(), 100);
    for (row, number) in rows.iter().zip(1..) {
        assert_eq!(row["number"], number.to_string());
        assert!(!row["tests"].is_empty(), "{number}");
        for test in row["tests"].split(' ') {
            assert!(sources::has_test(&sources, test), "{number}: {test} does not exist");
        }
    }
    // The other way round: a test with a number is in the row of that number.
    for test in sources.lines().filter_map(|line| line.strip_prefix("fn edge_")) {
        let name = format!("edge_{}", test.split('(').next().unwrap());
        let number: usize = name.split('_').nth(1).unwrap().parse().unwrap();
        assert!(rows[number - 1]["tests"].split(' ').any(|test| test == name), "{name} is not in the table");
    }
}

#[test]
fn edge_28_sending_on_an_unbound_dgram_does_no_harm() {
    ours_only!("aborts");
    let dgram = Ctx::new().socket(zmq::DGRAM);
    for flags in [zmq::DONTWAIT, zmq::DONTWAIT | zmq::SNDMORE] {
        assert_eq!(dgram.send_frame("x", flags), Err(zmq::EHOSTUNREACH));
    }
    assert_eq!(dgram.recv_frame(zmq::DONTWAIT).err(), Some(zmq::EAGAIN));
}

#[test]
fn edge_43_connecting_under_an_id_that_is_taken_does_no_harm() {
    ours_only!("aborts");
    let ctx = Ctx::new();
    let (router, first, second) = (ctx.socket(zmq::ROUTER), ctx.socket(zmq::DEALER), ctx.socket(zmq::DEALER));
    let results = [&first, &second].map(|dealer| {
        router.set_bytes(zmq::CONNECT_ROUTING_ID, "name").unwrap();
        router.connect(&dealer.bind_any(Transport::Tcp))
    });
    assert_eq!(results[0], Ok(()));
    assert!(results[1].is_err(), "the id has an owner");
    router.send(["name", "x"]);
    first.expect("x");
    assert_eq!(second.try_recv(), Err(zmq::EAGAIN));
}

#[test]
fn edge_51_relatives_take_the_options_of_a_type() {
    let ctx = Ctx::new();
    for (kind, option) in [
        (zmq::PUB, zmq::XPUB_VERBOSE),
        (zmq::PUB, zmq::XPUB_NODROP),
        (zmq::PUB, zmq::XPUB_MANUAL),
        (zmq::REP, zmq::ROUTER_MANDATORY),
        (zmq::REP, zmq::ROUTER_HANDOVER),
        (zmq::REP, zmq::PROBE_ROUTER),
        (zmq::REQ, zmq::PROBE_ROUTER),
    ] {
        assert_eq!(ctx.socket(kind).set(option, 1), Ok(()), "{option} of {kind}");
    }
    assert_eq!(ctx.socket(zmq::DEALER).set(zmq::ROUTER_MANDATORY, 1), Err(zmq::EINVAL));
    assert_eq!(ctx.socket(zmq::SUB).set(zmq::XPUB_VERBOSE, 1), Err(zmq::EINVAL));
}

#[test]
fn edge_55_binding_to_a_port_above_65535() {
    ours_only!("cuts it to 16 bits, and binds to that");
    let sock = Ctx::new().socket(zmq::PULL);
    assert_eq!(sock.bind("tcp://127.0.0.1:99999"), Err(zmq::EINVAL));
}

#[test]
fn edge_68_keys_have_32_40_or_41_bytes() {
    let lib = c_library!();
    let socket = Ctx::new().socket(zmq::DEALER);
    if lib.zmq_has(c"curve".as_ptr()) == 0 {
        assert_eq!(socket.set_bytes(zmq::CURVE_SERVERKEY, [7; 32]), Err(zmq::EINVAL));
        return;
    }
    let text = b"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs\0";
    for option in [zmq::CURVE_PUBLICKEY, zmq::CURVE_SECRETKEY, zmq::CURVE_SERVERKEY] {
        for key in [&[7; 32][..], &text[..40], &text[..]] {
            assert_eq!(socket.set_bytes(option, key), Ok(()), "{} bytes", key.len());
        }
        for key in [&[7; 31][..], &[7; 33], &text[..39], &[b'1'; 41], &[b'1'; 42]] {
            assert_eq!(socket.set_bytes(option, key), Err(zmq::EINVAL), "{} bytes", key.len());
        }
    }
}

#[test]
fn edge_71_a_routing_id_counts_from_the_next_connect_on() {
    let ctx = Ctx::new();
    let (first, second, dealer) = (ctx.socket(zmq::ROUTER), ctx.socket(zmq::ROUTER), ctx.socket(zmq::DEALER));
    for (router, id) in [(&first, "one"), (&second, "two")] {
        dealer.set_bytes(zmq::ROUTING_ID, id).unwrap();
        dealer.connect(&router.bind_any(Transport::Tcp)).unwrap();
    }
    for _ in 0..2 {
        dealer.send("x");
    }
    assert_eq!(first.expect_routed("x"), b"one");
    assert_eq!(second.expect_routed("x"), b"two");
}

#[test]
fn edge_75_null_with_a_length_is_refused_by_every_option() {
    ours_only!("crashes");
    let lib = c_library!();
    for kind in zmq::PAIR..=zmq::STREAM {
        let sock = Ctx::new().socket(kind);
        let socket = sock.handle().0;
        for option in 0..200 {
            for mut length in [1, 4, 32] {
                // Few options are cleared so; nothing may crash.
                lib.zmq_setsockopt(socket, option, null(), length);
                assert_eq!(
                    lib.check(lib.zmq_getsockopt(socket, option, NULL, &raw mut length)),
                    Err(zmq::EINVAL)
                );
            }
        }
        assert_eq!(sock.option(zmq::TYPE), Ok(kind));
    }
}

#[test]
fn edge_92_ppoll_reports_what_poll_does() {
    let (lib, drafts) = (c_library!(), drafts!());
    let (near, far) = UnixStream::pair().unwrap();
    let fd = near.as_raw_fd();
    let look = |which: bool| {
        let mut item = RawPollItem { socket: NULL, fd, events: 3, revents: 0 };
        let items: *mut RawPollItem = &raw mut item;
        let found = if which { lib.zmq_poll(items, 1, 0) } else { drafts.zmq_ppoll(items, 1, 0, null()) };
        (found, item.revents)
    };
    assert_eq!((look(true), look(false)), ((1, 2), (1, 2)));
    drop(far);
    assert_eq!(look(true), look(false));
    assert_eq!(look(false).1 & 1, 1, "a hang-up is readable");
}

extern "C" fn count(_: c_int, arg: *mut c_void) {
    // SAFETY: the counter of the test below.
    unsafe { &*arg.cast::<AtomicI32>() }.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn edge_97_a_timer_without_interval_does_not_hang() {
    ours_only!("hangs");
    let lib = c_library!();
    let counter = AtomicI32::new(0);
    let mut timers = lib.zmq_timers_new();
    lib.zmq_timers_add(timers, 0, Some(count), (&raw const counter).cast_mut().cast());
    for times in 1..=3 {
        assert_eq!(lib.zmq_timers_timeout(timers), 0);
        assert_eq!(lib.zmq_timers_execute(timers), 0);
        assert_eq!(counter.load(Ordering::Relaxed), times);
    }
    assert_eq!(lib.zmq_timers_destroy(&raw mut timers), 0);
}
