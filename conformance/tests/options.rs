//! Socket and context options, as `data/socket_options.csv` and `data/context_options.csv` say: default, values, lengths
//! and socket types of each. The macros make the tests of one option; `every_stable_option_is_tested` compares the lists
//! here with the table. Security options are tested elsewhere.

use conformance::csv::{Row, table};
use conformance::socket::{Ctx, Sock};
use conformance::{walk, zmq};

/// The types that are there without the draft API.
const TYPES: &[(&str, i32)] = walk::TYPES.split_at(12).0;

fn row(name: &str) -> Row {
    table("socket_options.csv")
        .into_iter()
        .find(|row| row["name"] == format!("ZMQ_{name}"))
        .expect("a known option")
}

fn number(row: &Row) -> i32 {
    row["number"].parse().expect("a number")
}

/// A socket of each type with all its defaults.
fn each_type(mut check: impl FnMut(&str, &Sock)) {
    let ctx = Ctx::new();
    for &(name, kind) in TYPES {
        check(name, &ctx.try_socket(kind).unwrap());
    }
}

/// Values that are in the range and values that are not.
fn samples(range: &str) -> (Vec<i32>, Vec<i32>) {
    match range {
        "> 0" => (vec![1, 7, i32::MAX], vec![0, -1, i32::MIN]),
        ">= 0" => (vec![0, 1, 7, i32::MAX], vec![-1, i32::MIN]),
        ">= -1" => (vec![-1, 0, 7, i32::MAX], vec![-2, i32::MIN]),
        "0 or 1" => (vec![1, 0], vec![2, -1, i32::MAX]),
        "-1, 0, 1" => (vec![1, 0, -1], vec![2, -2, i32::MAX]),
        other => panic!("a range the tests do not know: {other}"),
    }
}

fn first_number(text: &str) -> i32 {
    let end = text.find([' ', ';']).unwrap_or(text.len());
    text[..end].parse().expect("a default value")
}

fn default_is_as_documented(name: &str) {
    let row = row(name);
    each_type(|kind, sock| {
        let sub = matches!(kind, "SUB" | "XSUB");
        let default = if name == "LINGER" && sub { 0 } else { first_number(&row["default"]) };
        assert_eq!(sock.option(number(&row)), Ok(default), "{kind}");
    });
}

fn values_in_range_read_back(name: &str) {
    let row = row(name);
    each_type(|kind, sock| {
        for value in samples(&row["valid_range"]).0 {
            assert_eq!(sock.set(number(&row), value), Ok(()), "{kind} {value}");
            assert_eq!(sock.option(number(&row)), Ok(value), "{kind}");
        }
    });
}

fn values_out_of_range_are_refused(name: &str) {
    let row = row(name);
    each_type(|kind, sock| {
        let before = sock.option(number(&row)).unwrap();
        for value in samples(&row["valid_range"]).1 {
            assert_eq!(sock.set(number(&row), value), Err(zmq::EINVAL), "{kind} {value}");
        }
        assert_eq!(sock.option(number(&row)), Ok(before), "{kind}");
    });
}

fn set_takes_four_bytes_only(name: &str) {
    let (row, ctx) = (row(name), Ctx::new());
    let kind = first_accepting_type(&row);
    let sock = ctx.try_socket(kind).unwrap();
    for length in [0, 1, 2, 3, 5, 8, 16] {
        assert_eq!(sock.set_bytes(number(&row), vec![0; length]), Err(zmq::EINVAL), "{length} bytes");
    }
}

fn get_takes_four_bytes_only(name: &str) {
    let row = row(name);
    let sock = Ctx::new().try_socket(zmq::DEALER).unwrap();
    assert_eq!(sock.option_bytes(number(&row), 4).map(|value| value.len()), Ok(4));
    for length in [0, 1, 2, 3, 5, 8, 16] {
        assert_eq!(sock.option_bytes(number(&row), length), Err(zmq::EINVAL), "{length} bytes");
    }
}

/// The types that a typed option is for.
fn types(row: &Row) -> Vec<&str> {
    let words: Vec<&str> = row["applies_to"].split(|c: char| !c.is_ascii_alphabetic()).collect();
    TYPES.iter().map(|(name, _)| *name).filter(|name| words.contains(name)).collect()
}

fn first_accepting_type(row: &Row) -> i32 {
    let accepting = types(row);
    TYPES.iter().find(|(name, _)| accepting.contains(name)).map_or(zmq::DEALER, |(_, kind)| *kind)
}

fn its_types_accept_it_and_others_refuse_it(name: &str) {
    let row = row(name);
    let accepting = types(&row);
    assert!(!accepting.is_empty());
    each_type(|kind, sock| {
        let wanted = if accepting.contains(&kind) { Ok(()) } else { Err(zmq::EINVAL) };
        assert_eq!(sock.set(number(&row), 1), wanted, "{kind}");
    });
}

fn it_accepts_values_in_range_only(name: &str) {
    let (row, ctx) = (row(name), Ctx::new());
    let sock = ctx.try_socket(first_accepting_type(&row)).unwrap();
    let (good, bad) = samples(&row["valid_range"]);
    for value in good {
        assert_eq!(sock.set(number(&row), value), Ok(()), "{value}");
    }
    for value in bad {
        assert_eq!(sock.set(number(&row), value), Err(zmq::EINVAL), "{value}");
    }
}

fn it_cannot_be_read(name: &str) {
    let (row, ctx) = (row(name), Ctx::new());
    for kind in [first_accepting_type(&row), zmq::PAIR] {
        assert_eq!(ctx.try_socket(kind).unwrap().option(number(&row)), Err(zmq::EINVAL));
    }
}

fn it_cannot_be_set(name: &str) {
    let row = row(name);
    each_type(|kind, sock| {
        for length in [0, 4, 8] {
            assert_eq!(sock.set_bytes(number(&row), vec![0; length]), Err(zmq::EINVAL), "{kind} {length}");
        }
    });
}

/// A read-only int takes any buffer of four bytes or more, and zeroes the rest.
fn reading_fills_any_buffer_of_four_bytes_or_more(name: &str) {
    let row = row(name);
    let sock = Ctx::new().try_socket(zmq::DEALER).unwrap();
    for length in 0..4 {
        assert_eq!(sock.option_bytes(number(&row), length), Err(zmq::EINVAL), "{length} bytes");
    }
    for length in [4, 5, 8, 16] {
        let mut buffer = vec![0xAA; length];
        assert_eq!(sock.option_into(number(&row), &mut buffer), Ok(4));
        assert!(buffer[4..].iter().all(|byte| *byte == 0), "{buffer:?}");
    }
}

macro_rules! settings {
    ($list:ident: $($module:ident $name:ident),* $(,)?) => {
        const $list: &[&str] = &[$(stringify!($name)),*];
        $(
            mod $module {
                #[test]
                fn default_is_as_documented() {
                    super::default_is_as_documented(stringify!($name));
                }
                #[test]
                fn values_in_range_read_back() {
                    super::values_in_range_read_back(stringify!($name));
                }
                #[test]
                fn values_out_of_range_are_refused() {
                    super::values_out_of_range_are_refused(stringify!($name));
                }
                #[test]
                fn set_takes_four_bytes_only() {
                    super::set_takes_four_bytes_only(stringify!($name));
                }
                #[test]
                fn get_takes_four_bytes_only() {
                    super::get_takes_four_bytes_only(stringify!($name));
                }
            }
        )*
    };
}

settings! {
    INTS:
    rate RATE, recovery_ivl RECOVERY_IVL, sndbuf SNDBUF, rcvbuf RCVBUF, linger LINGER, reconnect_ivl RECONNECT_IVL,
    backlog BACKLOG, reconnect_ivl_max RECONNECT_IVL_MAX, sndhwm SNDHWM, rcvhwm RCVHWM, multicast_hops MULTICAST_HOPS,
    rcvtimeo RCVTIMEO, sndtimeo SNDTIMEO, ipv4only IPV4ONLY, tcp_keepalive TCP_KEEPALIVE,
    tcp_keepalive_cnt TCP_KEEPALIVE_CNT, tcp_keepalive_idle TCP_KEEPALIVE_IDLE,
    tcp_keepalive_intvl TCP_KEEPALIVE_INTVL, immediate IMMEDIATE, ipv6 IPV6, conflate CONFLATE, tos TOS,
    handshake_ivl HANDSHAKE_IVL, heartbeat_ivl HEARTBEAT_IVL, heartbeat_timeout HEARTBEAT_TIMEOUT,
    connect_timeout CONNECT_TIMEOUT, tcp_maxrt TCP_MAXRT, multicast_maxtpdu MULTICAST_MAXTPDU, use_fd USE_FD,
}

macro_rules! switches {
    ($list:ident: $($module:ident $name:ident),* $(,)?) => {
        const $list: &[&str] = &[$(stringify!($name)),*];
        $(
            mod $module {
                #[test]
                fn its_types_accept_it_and_others_refuse_it() {
                    super::its_types_accept_it_and_others_refuse_it(stringify!($name));
                }
                #[test]
                fn it_accepts_values_in_range_only() {
                    super::it_accepts_values_in_range_only(stringify!($name));
                }
                #[test]
                fn set_takes_four_bytes_only() {
                    super::set_takes_four_bytes_only(stringify!($name));
                }
                #[test]
                fn it_cannot_be_read() {
                    super::it_cannot_be_read(stringify!($name));
                }
            }
        )*
    };
}

switches! {
    SWITCHES:
    router_mandatory ROUTER_MANDATORY, router_raw ROUTER_RAW, router_handover ROUTER_HANDOVER,
    probe_router PROBE_ROUTER, req_correlate REQ_CORRELATE, req_relaxed REQ_RELAXED, xpub_verbose XPUB_VERBOSE,
    xpub_verboser XPUB_VERBOSER, xpub_nodrop XPUB_NODROP, xpub_manual XPUB_MANUAL, stream_notify STREAM_NOTIFY,
}

macro_rules! states {
    ($list:ident: $($module:ident $name:ident),* $(,)?) => {
        const $list: &[&str] = &[$(stringify!($name)),*];
        $(
            mod $module {
                #[test]
                fn it_cannot_be_set() {
                    super::it_cannot_be_set(stringify!($name));
                }
                #[test]
                fn reading_fills_any_buffer_of_four_bytes_or_more() {
                    super::reading_fills_any_buffer_of_four_bytes_or_more(stringify!($name));
                }
            }
        )*
    };
}

states! { STATES: rcvmore RCVMORE, fd FD, events EVENTS, thread_safe THREAD_SAFE }

/// Options with tests of their own below.
const OTHERS: &[&str] = &[
    "AFFINITY",
    "ROUTING_ID",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "TYPE",
    "MAXMSGSIZE",
    "LAST_ENDPOINT",
    "TCP_ACCEPT_FILTER",
    "MECHANISM",
    "IPC_FILTER_PID",
    "IPC_FILTER_UID",
    "IPC_FILTER_GID",
    "CONNECT_ROUTING_ID",
    "SOCKS_PROXY",
    "XPUB_WELCOME_MSG",
    "INVERT_MATCHING",
    "HEARTBEAT_TTL",
    "BINDTODEVICE",
];

#[test]
fn every_stable_option_is_tested() {
    let security =
        |name: &str| ["PLAIN_", "CURVE_", "GSSAPI_", "ZAP_"].iter().any(|prefix| name.starts_with(prefix));
    for row in table("socket_options.csv") {
        let name = row["name"].trim_start_matches("ZMQ_");
        let stable = row["status"] == "stable" || row["status"] == "deprecated";
        if !stable || security(name) || name.starts_with("VMCI_") {
            continue;
        }
        assert!(
            [INTS, SWITCHES, STATES, OTHERS].iter().any(|list| list.contains(&name)),
            "{name} has no test"
        );
    }
}

#[test]
fn every_settable_option_of_all_types_is_accepted_by_all_types() {
    for name in INTS {
        let row = row(name);
        let value = samples(&row["valid_range"]).0[0];
        each_type(|kind, sock| assert_eq!(sock.set(number(&row), value), Ok(()), "{name} on {kind}"));
    }
}

#[test]
fn unknown_numbers_are_refused() {
    each_type(|kind, sock| {
        for option in [-1, 0, 1, 2, 3, 10, 20, 26, 29, 30, 67, 70, 82, 83, 9999] {
            assert_eq!(sock.set(option, 1), Err(zmq::EINVAL), "set {option} on {kind}");
            assert_eq!(sock.option(option), Err(zmq::EINVAL), "get {option} on {kind}");
        }
    });
}

// AFFINITY and MAXMSGSIZE

#[test]
fn affinity_is_a_mask_of_eight_bytes() {
    each_type(|kind, sock| {
        assert_eq!(sock.option_bytes(zmq::AFFINITY, 8), Ok(vec![0; 8]), "{kind}");
        for mask in [1, u64::MAX, 0] {
            assert_eq!(sock.set_bytes(zmq::AFFINITY, mask.to_ne_bytes()), Ok(()));
            assert_eq!(sock.option_bytes(zmq::AFFINITY, 8), Ok(mask.to_ne_bytes().to_vec()));
        }
    });
}

#[test]
fn affinity_refuses_other_lengths() {
    let sock = Ctx::new().socket(zmq::DEALER);
    for length in [0, 4, 7, 9, 16] {
        assert_eq!(sock.set_bytes(zmq::AFFINITY, vec![0; length]), Err(zmq::EINVAL), "set {length}");
        assert_eq!(sock.option_bytes(zmq::AFFINITY, length), Err(zmq::EINVAL), "get {length}");
    }
}

#[test]
fn maxmsgsize_is_a_number_of_eight_bytes() {
    each_type(|kind, sock| {
        assert_eq!(sock.option_bytes(zmq::MAXMSGSIZE, 8), Ok((-1_i64).to_ne_bytes().to_vec()), "{kind}");
        for size in [0, 1, i64::MAX, -1, -5] {
            assert_eq!(sock.set_bytes(zmq::MAXMSGSIZE, size.to_ne_bytes()), Ok(()));
            assert_eq!(sock.option_bytes(zmq::MAXMSGSIZE, 8), Ok(size.to_ne_bytes().to_vec()));
        }
    });
}

#[test]
fn maxmsgsize_refuses_other_lengths() {
    let sock = Ctx::new().socket(zmq::DEALER);
    for length in [0, 4, 7, 9, 16] {
        assert_eq!(sock.set_bytes(zmq::MAXMSGSIZE, vec![0; length]), Err(zmq::EINVAL), "set {length}");
        assert_eq!(sock.option_bytes(zmq::MAXMSGSIZE, length), Err(zmq::EINVAL), "get {length}");
    }
}

// ROUTING_ID

#[test]
fn routing_id_is_empty_at_first() {
    each_type(|kind, sock| assert_eq!(sock.option_bytes(zmq::ROUTING_ID, 255), Ok(vec![]), "{kind}"));
}

#[test]
fn routing_id_takes_1_to_255_bytes() {
    each_type(|kind, sock| {
        for length in [1, 5, 254, 255] {
            let id = vec![0x42; length];
            assert_eq!(sock.set_bytes(zmq::ROUTING_ID, &id), Ok(()), "{kind}");
            if kind != "STREAM" {
                assert_eq!(sock.option_bytes(zmq::ROUTING_ID, 255), Ok(id), "{kind}");
            }
        }
        for length in [0, 256, 1000] {
            assert_eq!(
                sock.set_bytes(zmq::ROUTING_ID, vec![0x42; length]),
                Err(zmq::EINVAL),
                "{kind} {length}"
            );
        }
    });
}

#[test]
fn routing_id_may_begin_with_zero() {
    let sock = Ctx::new().socket(zmq::DEALER);
    assert_eq!(sock.set_bytes(zmq::ROUTING_ID, [0, 1, 0]), Ok(()));
    assert_eq!(sock.option_bytes(zmq::ROUTING_ID, 255), Ok(vec![0, 1, 0]));
}

#[test]
fn reading_routing_id_needs_room_and_zeroes_the_rest() {
    let sock = Ctx::new().socket(zmq::DEALER);
    sock.set_bytes(zmq::ROUTING_ID, "abcd").unwrap();
    assert_eq!(sock.option_bytes(zmq::ROUTING_ID, 3), Err(zmq::EINVAL));
    let mut buffer = [0xAA; 8];
    assert_eq!(sock.option_into(zmq::ROUTING_ID, &mut buffer), Ok(4));
    assert_eq!(&buffer, b"abcd\0\0\0\0");
}

// SUBSCRIBE, UNSUBSCRIBE, CONNECT_ROUTING_ID, XPUB_WELCOME_MSG

#[test]
fn subscribe_is_for_sub() {
    each_type(|kind, sock| {
        let wanted = if kind == "SUB" { Ok(()) } else { Err(zmq::EINVAL) };
        assert_eq!(sock.set_bytes(zmq::SUBSCRIBE, "topic"), wanted, "{kind}");
        assert_eq!(sock.set_bytes(zmq::UNSUBSCRIBE, "topic"), wanted, "{kind}");
    });
}

#[test]
fn subscribe_takes_any_length() {
    let sub = Ctx::new().socket(zmq::SUB);
    for length in [0, 1, 255, 256, 10_000] {
        assert_eq!(sub.set_bytes(zmq::SUBSCRIBE, vec![7; length]), Ok(()));
        assert_eq!(sub.set_bytes(zmq::UNSUBSCRIBE, vec![7; length]), Ok(()));
    }
}

#[test]
fn subscribe_cannot_be_read() {
    let sub = Ctx::new().socket(zmq::SUB);
    assert_eq!(sub.option_bytes(zmq::SUBSCRIBE, 255), Err(zmq::EINVAL));
    assert_eq!(sub.option_bytes(zmq::UNSUBSCRIBE, 255), Err(zmq::EINVAL));
}

#[test]
fn connect_routing_id_is_for_router_and_stream() {
    each_type(|kind, sock| {
        let wanted = if matches!(kind, "ROUTER" | "REP" | "STREAM") { Ok(()) } else { Err(zmq::EINVAL) };
        assert_eq!(sock.set_bytes(zmq::CONNECT_ROUTING_ID, "peer"), wanted, "{kind}");
    });
}

#[test]
fn connect_routing_id_may_not_be_empty() {
    let ctx = Ctx::new();
    for kind in [zmq::ROUTER, zmq::STREAM] {
        assert_eq!(ctx.socket(kind).set_bytes(zmq::CONNECT_ROUTING_ID, ""), Err(zmq::EINVAL));
    }
}

#[test]
fn xpub_welcome_msg_is_for_xpub_and_pub() {
    each_type(|kind, sock| {
        let wanted = if matches!(kind, "XPUB" | "PUB") { Ok(()) } else { Err(zmq::EINVAL) };
        assert_eq!(sock.set_bytes(zmq::XPUB_WELCOME_MSG, "welcome"), wanted, "{kind}");
        assert_eq!(sock.set_bytes(zmq::XPUB_WELCOME_MSG, ""), wanted, "{kind}");
    });
}

// TYPE, MECHANISM, LAST_ENDPOINT, and the states

#[test]
fn type_is_the_type() {
    let ctx = Ctx::new();
    for &(name, kind) in TYPES {
        let sock = ctx.try_socket(kind).unwrap();
        assert_eq!(sock.option(zmq::TYPE), Ok(kind), "{name}");
        assert_eq!(sock.set(zmq::TYPE, kind), Err(zmq::EINVAL), "{name}");
        assert_eq!(sock.option_bytes(zmq::TYPE, 8), Err(zmq::EINVAL), "{name}");
    }
}

#[test]
fn mechanism_is_null_at_first() {
    each_type(|kind, sock| {
        assert_eq!(sock.option(zmq::MECHANISM), Ok(0), "{kind}");
        assert_eq!(sock.set(zmq::MECHANISM, 0), Err(zmq::EINVAL), "{kind}");
    });
}

#[test]
fn last_endpoint_is_empty_at_first() {
    each_type(|kind, sock| assert_eq!(sock.option_bytes(zmq::LAST_ENDPOINT, 10), Ok(vec![0]), "{kind}"));
}

#[test]
fn last_endpoint_needs_room_for_its_nul_and_zeroes_the_rest() {
    let sock = Ctx::new().socket(zmq::PULL);
    let endpoint = conformance::socket::inproc();
    sock.bind(&endpoint).unwrap();
    assert_eq!(sock.option_bytes(zmq::LAST_ENDPOINT, endpoint.len()), Err(zmq::EINVAL));
    let mut buffer = vec![0xAA; endpoint.len() + 10];
    assert_eq!(sock.option_into(zmq::LAST_ENDPOINT, &mut buffer), Ok(endpoint.len() + 1));
    assert!(buffer.starts_with(endpoint.as_bytes()));
    assert!(buffer[endpoint.len()..].iter().all(|byte| *byte == 0));
    assert_eq!(sock.set_bytes(zmq::LAST_ENDPOINT, "inproc://x"), Err(zmq::EINVAL));
}

#[test]
fn classic_types_are_not_thread_safe() {
    each_type(|kind, sock| assert_eq!(sock.option(zmq::THREAD_SAFE), Ok(0), "{kind}"));
}

#[test]
fn rcvmore_is_0_at_first() {
    each_type(|kind, sock| assert_eq!(sock.option(zmq::RCVMORE), Ok(0), "{kind}"));
}

#[test]
fn fd_stays_the_same() {
    each_type(|kind, sock| {
        let fd = sock.option(zmq::FD).unwrap();
        assert!(fd >= 0, "{kind}");
        sock.bind_any(conformance::socket::Transport::Inproc);
        assert_eq!(sock.option(zmq::FD), Ok(fd), "{kind}");
    });
}

#[test]
fn lonely_publishers_and_routers_are_writable_others_are_not() {
    each_type(|kind, sock| {
        let writable = matches!(kind, "PUB" | "XPUB" | "XSUB" | "ROUTER" | "STREAM");
        assert_eq!(sock.option(zmq::EVENTS), Ok(if writable { zmq::POLLOUT } else { 0 }), "{kind}");
    });
}

// INVERT_MATCHING, HEARTBEAT_TTL

#[test]
fn invert_matching_is_off_at_first_and_reads_as_0_or_1() {
    each_type(|kind, sock| {
        assert_eq!(sock.option(zmq::INVERT_MATCHING), Ok(0), "{kind}");
        for (set, read) in [(1, 1), (7, 1), (-3, 1), (0, 0)] {
            assert_eq!(sock.set(zmq::INVERT_MATCHING, set), Ok(()), "{kind} {set}");
            assert_eq!(sock.option(zmq::INVERT_MATCHING), Ok(read), "{kind} {set}");
        }
        assert_eq!(sock.set_bytes(zmq::INVERT_MATCHING, [1]), Err(zmq::EINVAL), "{kind}");
    });
}

#[test]
fn heartbeat_ttl_is_cut_to_tenths_of_a_second() {
    each_type(|kind, sock| {
        assert_eq!(sock.option(zmq::HEARTBEAT_TTL), Ok(0), "{kind}");
        for (set, read) in [(100, 100), (199, 100), (99, 0), (6_553_599, 6_553_500), (0, 0)] {
            assert_eq!(sock.set(zmq::HEARTBEAT_TTL, set), Ok(()), "{kind} {set}");
            assert_eq!(sock.option(zmq::HEARTBEAT_TTL), Ok(read), "{kind} {set}");
        }
    });
}

#[test]
fn heartbeat_ttl_refuses_what_does_not_fit() {
    let sock = Ctx::new().socket(zmq::DEALER);
    for value in [6_553_600, i32::MAX, -100, i32::MIN] {
        assert_eq!(sock.set(zmq::HEARTBEAT_TTL, value), Err(zmq::EINVAL), "{value}");
    }
    assert_eq!(sock.set_bytes(zmq::HEARTBEAT_TTL, [0; 8]), Err(zmq::EINVAL));
}

// Text

#[test]
fn socks_proxy_reads_back_with_a_nul() {
    each_type(|kind, sock| {
        assert_eq!(sock.option_bytes(zmq::SOCKS_PROXY, 100), Ok(vec![0]), "{kind}");
        sock.set_bytes(zmq::SOCKS_PROXY, "proxy:1080").unwrap();
        assert_eq!(sock.option_bytes(zmq::SOCKS_PROXY, 100), Ok(b"proxy:1080\0".to_vec()), "{kind}");
        assert_eq!(sock.option_bytes(zmq::SOCKS_PROXY, 10), Err(zmq::EINVAL), "{kind}");
    });
}

#[test]
fn a_text_keeps_the_nul_it_was_given() {
    let sock = Ctx::new().socket(zmq::DEALER);
    sock.set_bytes(zmq::SOCKS_PROXY, "proxy:1080\0").unwrap();
    assert_eq!(sock.option_bytes(zmq::SOCKS_PROXY, 100), Ok(b"proxy:1080\0\0".to_vec()));
}

#[test]
fn a_text_of_length_0_needs_a_null_pointer() {
    let c = conformance::c_library!();
    let sock = Ctx::new().socket(zmq::DEALER);
    for option in [zmq::SOCKS_PROXY, zmq::BINDTODEVICE] {
        assert_eq!(sock.set_bytes(option, ""), Err(zmq::EINVAL));
        assert_eq!(c.zmq_setsockopt(sock.handle().0, option, std::ptr::null(), 0), 0);
    }
}

#[test]
fn bindtodevice_takes_an_interface_name() {
    each_type(|kind, sock| {
        assert_eq!(sock.option_bytes(zmq::BINDTODEVICE, 100), Ok(vec![0]), "{kind}");
        assert_eq!(sock.set_bytes(zmq::BINDTODEVICE, "lo"), Ok(()), "{kind}");
        assert_eq!(sock.option_bytes(zmq::BINDTODEVICE, 100), Ok(b"lo\0".to_vec()), "{kind}");
        assert_eq!(sock.set_bytes(zmq::BINDTODEVICE, [b'x'; 17]), Err(zmq::EINVAL), "{kind}");
    });
}

// Filters

#[test]
fn tcp_accept_filter_takes_addresses_and_masks() {
    each_type(|kind, sock| {
        for filter in ["127.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "192.168.1.7/32"] {
            assert_eq!(sock.set_bytes(zmq::TCP_ACCEPT_FILTER, filter), Ok(()), "{kind} {filter}");
        }
        for filter in ["", "nonsense", "1.2.3.4/33", "1.2.3.4/-1", "300.1.1.1"] {
            assert_eq!(sock.set_bytes(zmq::TCP_ACCEPT_FILTER, filter), Err(zmq::EINVAL), "{kind} {filter}");
        }
    });
}

#[test]
fn tcp_accept_filter_is_cleared_by_a_null_pointer() {
    let c = conformance::c_library!();
    let sock = Ctx::new().socket(zmq::DEALER);
    sock.set_bytes(zmq::TCP_ACCEPT_FILTER, "10.0.0.0/8").unwrap();
    assert_eq!(c.zmq_setsockopt(sock.handle().0, zmq::TCP_ACCEPT_FILTER, std::ptr::null(), 0), 0);
}

#[test]
fn tcp_accept_filter_cannot_be_read() {
    assert_eq!(Ctx::new().socket(zmq::DEALER).option_bytes(zmq::TCP_ACCEPT_FILTER, 255), Err(zmq::EINVAL));
}

#[test]
fn ipc_filters_take_four_bytes() {
    let sock = Ctx::new().socket(zmq::DEALER);
    for option in [zmq::IPC_FILTER_PID, zmq::IPC_FILTER_UID, zmq::IPC_FILTER_GID] {
        assert_eq!(sock.set(option, 1234), Ok(()));
        assert_eq!(sock.set_bytes(option, [0; 3]), Err(zmq::EINVAL));
        assert_eq!(sock.set_bytes(option, [0; 8]), Err(zmq::EINVAL));
        assert_eq!(sock.option(option), Err(zmq::EINVAL), "cannot be read");
    }
}

#[test]
fn ipc_filters_are_cleared_by_a_null_pointer() {
    let c = conformance::c_library!();
    let sock = Ctx::new().socket(zmq::DEALER);
    for option in [zmq::IPC_FILTER_PID, zmq::IPC_FILTER_UID, zmq::IPC_FILTER_GID] {
        assert_eq!(c.zmq_setsockopt(sock.handle().0, option, std::ptr::null(), 0), 0);
    }
}

#[test]
fn ipv4only_is_the_inverse_of_ipv6() {
    let sock = Ctx::new().socket(zmq::DEALER);
    sock.set(zmq::IPV4ONLY, 0).unwrap();
    assert_eq!(sock.option(zmq::IPV6), Ok(1));
    sock.set(zmq::IPV6, 0).unwrap();
    assert_eq!(sock.option(zmq::IPV4ONLY), Ok(1));
}

// Context

fn context_row(name: &str) -> Row {
    table("context_options.csv").into_iter().find(|row| row["name"] == name).expect("a known option")
}

macro_rules! context_settings {
    ($($module:ident $name:literal: $good:expr, $bad:expr;)*) => {
        $(
            mod $module {
                use super::*;

                #[test]
                fn default_is_as_documented() {
                    let row = context_row($name);
                    assert_eq!(Ctx::new().option(number(&row)), Ok(row["default"].parse().unwrap()));
                }
                #[test]
                fn good_values_read_back() {
                    let (row, ctx) = (context_row($name), Ctx::new());
                    for value in $good {
                        assert_eq!(ctx.set(number(&row), value), Ok(()), "{value}");
                        assert_eq!(ctx.option(number(&row)), Ok(value));
                    }
                }
                #[test]
                fn bad_values_are_refused() {
                    let (row, ctx) = (context_row($name), Ctx::new());
                    for value in $bad {
                        assert_eq!(ctx.set(number(&row), value), Err(zmq::EINVAL), "{value}");
                    }
                    assert_eq!(ctx.option(number(&row)), Ok(row["default"].parse().unwrap()));
                }
            }
        )*
    };
}

context_settings! {
    context_io_threads "ZMQ_IO_THREADS": [0, 1, 4], [-1, i32::MIN];
    context_max_sockets "ZMQ_MAX_SOCKETS": [1, 100, 5000], [0, -1, i32::MIN];
    context_max_msgsz "ZMQ_MAX_MSGSZ": [0, 1, i32::MAX], [-1, i32::MIN];
    context_ipv6 "ZMQ_IPV6": [1, 0], [-1, i32::MIN];
    context_blocky "ZMQ_BLOCKY": [0, 1], [-1, i32::MIN];
}

#[test]
fn context_socket_limit_is_read_only_and_large() {
    let ctx = Ctx::new();
    assert_eq!(ctx.option(zmq::SOCKET_LIMIT), Ok(65535));
}

#[test]
fn context_number_3_sets_the_thread_priority() {
    let ctx = Ctx::new();
    assert_eq!(ctx.set(zmq::THREAD_PRIORITY, -1), Err(zmq::EINVAL));
    assert_eq!(ctx.set(zmq::THREAD_PRIORITY, 0), Ok(()));
    assert_eq!(ctx.option(zmq::SOCKET_LIMIT), Ok(65535));
}

#[test]
fn context_msg_t_size_is_64() {
    let ctx = Ctx::new();
    assert_eq!(ctx.option(zmq::MSG_T_SIZE), Ok(64));
    assert_eq!(ctx.set(zmq::MSG_T_SIZE, 64), Err(zmq::EINVAL));
}

#[test]
fn context_thread_sched_policy_reads_minus_1_at_first() {
    let c = conformance::c_library!();
    assert_eq!(c.zmq_ctx_get(Ctx::new().handle().0, zmq::THREAD_SCHED_POLICY), -1);
}

#[test]
fn context_thread_sched_policy_refuses_negative_values() {
    assert_eq!(Ctx::new().set(zmq::THREAD_SCHED_POLICY, -1), Err(zmq::EINVAL));
}

#[test]
fn context_thread_affinity_adds_and_removes_cpus() {
    let ctx = Ctx::new();
    assert_eq!(ctx.set(zmq::THREAD_AFFINITY_CPU_REMOVE, 0), Err(zmq::EINVAL), "not added yet");
    assert_eq!(ctx.set(zmq::THREAD_AFFINITY_CPU_ADD, 0), Ok(()));
    assert_eq!(ctx.set(zmq::THREAD_AFFINITY_CPU_REMOVE, 0), Ok(()));
    assert_eq!(ctx.set(zmq::THREAD_AFFINITY_CPU_REMOVE, 0), Err(zmq::EINVAL), "not any more");
    assert_eq!(ctx.set(zmq::THREAD_AFFINITY_CPU_ADD, -1), Err(zmq::EINVAL));
    assert_eq!(ctx.option(zmq::THREAD_AFFINITY_CPU_ADD), Err(zmq::EINVAL));
}

#[test]
fn context_thread_name_prefix_is_a_number() {
    let ctx = Ctx::new();
    assert_eq!(ctx.option(zmq::THREAD_NAME_PREFIX), Ok(0));
    assert_eq!(ctx.set(zmq::THREAD_NAME_PREFIX, 1234), Ok(()));
    assert_eq!(ctx.option(zmq::THREAD_NAME_PREFIX), Ok(1234));
}

#[test]
fn context_refuses_unknown_numbers() {
    let ctx = Ctx::new();
    for option in [-1, 0, 11, 41, 43, 69, 71, 9999] {
        assert_eq!(ctx.set(option, 1), Err(zmq::EINVAL), "set {option}");
        assert_eq!(ctx.option(option), Err(zmq::EINVAL), "get {option}");
    }
}

#[test]
fn context_settings_are_kept_after_the_first_socket() {
    let ctx = Ctx::new();
    let _sock = ctx.socket(zmq::PULL);
    assert_eq!(ctx.set(zmq::IO_THREADS, 3), Ok(()));
    assert_eq!(ctx.option(zmq::IO_THREADS), Ok(3));
    assert_eq!(ctx.set(zmq::MAX_SOCKETS, 7), Ok(()));
    assert_eq!(ctx.option(zmq::MAX_SOCKETS), Ok(7));
}

#[test]
fn context_ipv6_is_the_default_of_its_sockets() {
    let ctx = Ctx::new();
    let before = ctx.socket(zmq::PULL);
    ctx.set(zmq::IPV6, 1).unwrap();
    assert_eq!(ctx.socket(zmq::PULL).option(zmq::IPV6), Ok(1));
    assert_eq!(before.option(zmq::IPV6), Ok(0));
}

#[test]
fn context_without_blocky_gives_linger_0() {
    let ctx = Ctx::new();
    ctx.set(zmq::BLOCKY, 0).unwrap();
    for &(name, kind) in TYPES {
        assert_eq!(ctx.try_socket(kind).unwrap().option(zmq::LINGER), Ok(0), "{name}");
    }
}
