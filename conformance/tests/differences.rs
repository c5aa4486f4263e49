//! Where the guide (`docs/guide/c.md`) promises that the C library does otherwise than libzmq 4.3.4: the check that each
//! row of its table has tests, and the tests of calls, options and udp that fit in nowhere else.
//!
//! Those of connections and events are in `differences_peers`.

use std::net::UdpSocket;
use std::ptr::null_mut;

use conformance::csv::table;
use conformance::msg::Msg;
use conformance::socket::{Ctx, Sock, Transport, loopback};
use conformance::wire::{Raw, RawListener};
use conformance::{Monitor, c_library, differs, sources, wait, zmq};

#[test]
fn every_row_of_the_guide_has_tests_that_exist() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide/c.md");
    let guide = std::fs::read_to_string(guide).expect("the guide");
    let (_, promised) = guide.split_once("|---|---|---|\n").expect("a table");
    let promised: Vec<&str> = promised
        .lines()
        .map_while(|line| line.strip_prefix("| "))
        .map(|line| line.split(" | ").next().expect("a first cell"))
        .collect();
    let rows = table("differences.csv");
    let listed: Vec<&str> = rows.iter().map(|row| &row["row"][..]).collect();
    assert_eq!(listed, promised, "data/differences.csv has the rows of the guide, in its order");
    let sources = sources::tests();
    for row in &rows {
        assert!(!row["tests"].is_empty(), "{}", row["row"]);
        for test in row["tests"].split(' ') {
            assert!(sources::has_test(&sources, test), "{}: {test} does not exist", row["row"]);
        }
    }
}

// Endpoints and options

#[test]
fn tcp_connect_refuses_an_address_that_is_none() {
    let wanted =
        differs!("tcp_connect_refuses_an_address_that_is_none", libzmq: Ok(()), ours: Err(zmq::EINVAL));
    for endpoint in ["tcp://:80", "tcp://[::1]", "tcp://a:b:80", "tcp://[::1:80", "tcp://::1]:80"] {
        assert_eq!(Ctx::new().socket(zmq::PUSH).connect(endpoint), wanted, "{endpoint}");
    }
}

#[test]
fn an_address_of_an_accept_filter_has_four_numbers() {
    let set = |filter| {
        let pull = Ctx::new().socket(zmq::PULL);
        pull.set_bytes(zmq::TCP_ACCEPT_FILTER, filter).map(|()| pull)
    };
    let short = ["127.9.3", "127.1", "127"];
    differs!(
        "an_address_of_an_accept_filter_has_four_numbers",
        libzmq: {
            assert!(short.into_iter().all(|filter| set(filter).is_ok()));
            let pull = set(short[0]).unwrap();
            let events = Monitor::detached(&pull, zmq::EVENT_ACCEPTED | zmq::EVENT_ACCEPT_FAILED);
            let endpoint = pull.bind_any(Transport::Tcp);
            let address = endpoint.strip_prefix("tcp://").unwrap();
            for (from, wanted) in
                [("127.9.0.3", zmq::EVENT_ACCEPTED), ("127.9.3.0", zmq::EVENT_ACCEPT_FAILED)]
            {
                let push = pull.ctx().socket(zmq::PUSH);
                push.connect(&format!("tcp://{from}:0;{address}")).unwrap();
                assert_eq!(events.next().event, wanted, "{from}");
            }
        },
        ours: for filter in short {
            assert_eq!(set(filter).err(), Some(zmq::EINVAL), "{filter}");
        },
    );
}

#[test]
fn a_stream_tells_the_id_of_its_newest_connection_that_was_given_one_too() {
    let listener = RawListener::new();
    let stream = Ctx::new().socket(zmq::STREAM);
    let _first = Raw::connect(&stream.bind_any(Transport::Tcp));
    let made_up = stream.expect_routed("");
    stream.set_bytes(zmq::CONNECT_ROUTING_ID, "given").unwrap();
    let _second = listener.connect(&stream);
    stream.expect(["given", ""]);
    let wanted = differs!(
        "a_stream_tells_the_id_of_its_newest_connection_that_was_given_one_too",
        libzmq: made_up,
        ours: b"given".to_vec(),
    );
    assert_eq!(stream.option_bytes(zmq::ROUTING_ID, 255), Ok(wanted));
}

// Calls

#[test]
fn a_message_of_nothing_has_an_address() {
    let mut msg = Msg::around(c_library!(), null_mut(), 0, None, null_mut());
    let is_null = differs!("a_message_of_nothing_has_an_address", libzmq: true, ours: false);
    assert_eq!((msg.data().is_null(), msg.size()), (is_null, 0));
}

#[test]
fn a_req_that_has_not_asked_hears_of_the_shutdown() {
    let ctx = Ctx::new();
    let req = ctx.socket(zmq::REQ);
    assert_eq!(req.recv(), Err(zmq::EFSM));
    ctx.shutdown().unwrap();
    let wanted =
        differs!("a_req_that_has_not_asked_hears_of_the_shutdown", libzmq: zmq::EFSM, ours: zmq::ETERM);
    assert_eq!(req.recv(), Err(wanted));
}

// Threads

#[test]
fn a_context_has_the_threads_that_were_asked_for() {
    let ctx = Ctx::new();
    ctx.set(zmq::THREAD_NAME_PREFIX, 4714).unwrap();
    ctx.set(zmq::IO_THREADS, 2).unwrap();
    let _sock = ctx.socket(zmq::PULL);
    let wanted = differs!(
        "a_context_has_the_threads_that_were_asked_for",
        libzmq: vec!["4714/ZMQbg/IO/0", "4714/ZMQbg/IO/1", "4714/ZMQbg/Reaper"],
        ours: vec!["4714/ZMQbg/IO/0", "4714/ZMQbg/IO/1"],
    );
    let names = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        let mut names: Vec<_> = names.map(|name| name.trim_end().to_owned()).collect();
        names.retain(|name| name.starts_with("4714/"));
        names.sort();
        names
    };
    wait::until("the threads to be named", || names().len() >= wanted.len());
    assert_eq!(names(), wanted.iter().map(|name| &name[..15.min(name.len())]).collect::<Vec<_>>());
}

// udp: the DGRAM of a distribution, which has no other type for it

/// A port of an address that no other test uses.
fn free() -> String {
    let held = UdpSocket::bind((loopback(), 0)).expect("a free port");
    format!("udp://{}", held.local_addr().unwrap())
}

#[test]
fn a_udp_address_in_use_or_of_another_machine_fails_the_bind() {
    let holder = UdpSocket::bind((loopback(), 0)).expect("a free port");
    let taken = format!("udp://{}", holder.local_addr().unwrap());
    for (endpoint, error) in
        [(taken, zmq::EADDRINUSE), ("udp://192.0.2.77:5555".to_owned(), zmq::EADDRNOTAVAIL)]
    {
        let wanted = differs!(
            "a_udp_address_in_use_or_of_another_machine_fails_the_bind",
            libzmq: Ok(()),
            ours: Err(error),
        );
        let dgram = Ctx::new().socket(zmq::DGRAM);
        assert_eq!(dgram.bind(&endpoint), wanted, "{endpoint}");
        if wanted.is_ok() {
            // Its context would never end.
            std::mem::forget(dgram);
        }
    }
}

#[test]
fn a_udp_port_that_was_made_up_is_told() {
    let dgram = Ctx::new().socket(zmq::DGRAM);
    dgram.bind("udp://127.0.0.1:*").unwrap();
    let endpoint = dgram.last_endpoint();
    differs!(
        "a_udp_port_that_was_made_up_is_told",
        libzmq: assert_eq!(endpoint, "127.0.0.1:*"),
        ours: {
            UdpSocket::bind("127.0.0.1:0").unwrap().send_to(b"found", &endpoint).unwrap();
            assert_eq!(dgram.recv().unwrap()[1], b"found");
        },
    );
}

#[test]
fn what_is_to_be_secured_is_not_in_the_clear_over_udp() {
    let secured: [fn(&Sock); 4] = [
        |socket| socket.set(zmq::CURVE_SERVER, 1).unwrap(),
        |socket| socket.set(zmq::PLAIN_SERVER, 1).unwrap(),
        |socket| socket.set_bytes(zmq::PLAIN_USERNAME, "name").unwrap(),
        |socket| socket.set_bytes(zmq::ZAP_DOMAIN, "domain").unwrap(),
    ];
    for secure in secured {
        let dgram = Ctx::new().socket(zmq::DGRAM);
        secure(&dgram);
        let endpoint = free();
        let bound = dgram.bind(&endpoint);
        differs!(
            "what_is_to_be_secured_is_not_in_the_clear_over_udp",
            libzmq: {
                bound.unwrap();
                let anybody = UdpSocket::bind("127.0.0.1:0").unwrap();
                wait::until("a datagram in the clear", || {
                    let _ = anybody.send_to(b"in", endpoint.strip_prefix("udp://").unwrap());
                    dgram.try_recv().is_ok()
                });
            },
            ours: assert_eq!(bound, Err(zmq::ENOCOMPATPROTO)),
        );
    }
}
