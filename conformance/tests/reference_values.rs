//! Every row of the other tables of `data/`: numbers of the header, capabilities, texts of errors, properties of messages and
//! events, of ours and of the system's libzmq. A row that is about behaviour names the test that asserts it.

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_int, c_void};

use conformance::c_api::{Library, RawMsg};
use conformance::csv::table;
use conformance::walk::{libraries, version};
use conformance::{is_system, zmq};

// ---- Constants ----

/// What a header defines, by name.
struct Header(BTreeMap<String, String>);

impl Header {
    fn ours() -> Self {
        Self::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/libzmq/include/zmq.h"))
            .expect("our header")
    }

    fn read(path: &str) -> Option<Self> {
        let text = std::fs::read_to_string(path).ok()?.replace("\\\n", " ");
        let defined = text.lines().filter_map(|line| {
            let rest =
                line.trim().strip_prefix("#define ").or_else(|| line.trim().strip_prefix("# define "))?;
            let (name, value) = rest.trim().split_once(' ').unwrap_or_else(|| (rest.trim(), ""));
            let value = value.split("/*").next().unwrap_or_default().trim();
            Some((name.to_owned(), value.to_owned()))
        });
        Some(Self(defined.collect()))
    }

    /// The value of a name or of an expression of `+` and `|`.
    fn value(&self, text: &str) -> Option<i64> {
        let text = text.trim().trim_matches(['(', ')']).trim();
        if let Some((left, right)) = text.split_once('|') {
            return Some(self.value(left)? | self.value(right)?);
        }
        if let Some((left, right)) = text.split_once('+') {
            return Some(self.value(left)? + self.value(right)?);
        }
        number(text).or_else(|| self.value(self.0.get(text).filter(|value| *value != text)?))
    }
}

fn number(text: &str) -> Option<i64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Rows that are no number of the header: the test that asserts them, or why there is none.
const CONSTANTS_BY_TEST: &[(&str, &str)] = &[
    ("STATISTICS", "statistics_are_eight_numbers"),
    ("PAUSE", "pause_holds_messages_and_resume_lets_them_go"),
    ("RESUME", "pause_holds_messages_and_resume_lets_them_go"),
    ("TERMINATE", "terminate_ends_a_proxy_with_success"),
    ("anything else", "unknown_commands_are_ignored"),
    ("inline message capacity", "small_bodies_are_inside_the_structure"),
    ("low water mark", "a_queue_that_was_full_when_its_limit_was_raised_reopens_when_drained"),
    ("auto routing id", "made_up_ids_differ"),
    ("ipc path limit", "ipc_paths_have_at_most_107_bytes"),
    ("in/out batch size", "batches_of_any_size_carry_everything"),
    ("udp datagram limit", "the_longest_message_to_a_group"),
];
/// Numbers inside of libzmq that nobody sees, and the layouts that every call of these tests relies on.
const NOT_ASKED: &[&str] = &[
    "inbound_poll_rate",
    "max_command_delay",
    "proxy_burst_size",
    "message_pipe_granularity",
    "max_io_events",
];
const RELIED_ON: &[&str] = &["struct layout (LP64 Linux)", "typedef"];

#[test]
fn constants_are_those_of_the_real_header() {
    let (ours, system) = (Header::ours(), Header::read("/usr/include/zmq.h"));
    let (mut counts, mut wrong) = (BTreeMap::<&str, usize>::new(), vec![]);
    for row in table("constants.csv") {
        let (category, name) = (row["category"].as_str(), row["name"].as_str());
        let verdict = if let Some(test) = asserted_by(CONSTANTS_BY_TEST, name) {
            test
        } else if NOT_ASKED.contains(&name) {
            "inside of libzmq"
        } else if RELIED_ON.contains(&category) {
            "relied on by every call"
        } else if category == "zmq_has capability" || category == "version" {
            "by a test of its own"
        } else {
            let wanted = number(row["value"].split(' ').next().unwrap_or_default());
            let mine = ours.value(name);
            let is_defined = ours.0.contains_key(name);
            if mine != wanted || !is_defined {
                wrong.push(format!("{name}: {mine:?}, not {}", row["value"]));
            }
            match system
                .as_ref()
                .filter(|header| header.0.contains_key(name))
                .map(|header| header.value(name))
            {
                Some(theirs) if theirs == mine => "equal to the real header",
                Some(_) if name == "ZMQ_RECONNECT_STOP_AFTER_DISCONNECT" => "different: 3 in 4.3.4",
                Some(theirs) => {
                    wrong.push(format!("{name}: {mine:?}, but {theirs:?} in the system's header"));
                    "wrong"
                }
                None => "only in later headers",
            }
        };
        *counts.entry(verdict).or_default() += 1;
    }
    println!("constants.csv: {counts:#?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The verdict of a row that a test asserts.
fn asserted_by(tests: &[(&str, &str)], name: &str) -> Option<&'static str> {
    let (_, test) = tests.iter().find(|(row, _)| *row == name)?;
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");
    let found = std::fs::read_dir(directory).expect("tests/").any(|file| {
        let source = std::fs::read_to_string(file.expect("an entry").path()).expect("a source file");
        source.contains(&format!("fn {test}(")) || source.contains(&format!("{test}: "))
    });
    assert!(found, "{name}: no test {test}");
    Some("by a test of its own")
}

#[test]
fn the_version_is_that_of_the_reference() {
    if is_system() {
        return;
    }
    let Some(libraries) = libraries() else { return };
    assert_eq!(version(&libraries.ours), (4, 3, 6));
    let header = Header::ours();
    let numbers =
        ["ZMQ_VERSION_MAJOR", "ZMQ_VERSION_MINOR", "ZMQ_VERSION_PATCH"].map(|name| header.value(name));
    assert_eq!(numbers, [Some(4), Some(3), Some(6)]);
}

// ---- Capabilities ----

/// Whether a library can do what the capability stands for.
fn can(library: &Library, capability: &str) -> bool {
    let ctx = library.zmq_ctx_new();
    let knows = |kind: i32, endpoint: &CStr| {
        let socket = library.zmq_socket(ctx, kind);
        library.zmq_setsockopt(socket, zmq::LINGER, (&raw const ZERO).cast(), 4);
        let connected = library.check(library.zmq_connect(socket, endpoint.as_ptr()));
        library.zmq_close(socket);
        !matches!(connected, Err(zmq::EPROTONOSUPPORT | zmq::EAFNOSUPPORT))
    };
    let takes = |option: i32| {
        let socket = library.zmq_socket(ctx, zmq::DEALER);
        let set = library.zmq_setsockopt(socket, option, (&raw const ONE).cast(), 4);
        library.zmq_close(socket);
        set == 0
    };
    let can = match capability {
        "ipc" => knows(zmq::SUB, c"ipc://@conformance-nobody"),
        "tipc" => knows(zmq::SUB, c"tipc://{5560,0}"),
        "pgm" => knows(zmq::SUB, c"pgm://127.0.0.1;239.192.1.1:5555"),
        "norm" => knows(zmq::SUB, c"norm://127.0.0.1:5555"),
        "vmci" => knows(zmq::SUB, c"vmci://2:5555"),
        "vsock" => knows(zmq::SUB, c"vsock://2:5555"),
        "WS" => knows(zmq::SUB, c"ws://127.0.0.1:1"),
        "WSS" => knows(zmq::SUB, c"wss://127.0.0.1:1"),
        "curve" => takes(zmq::CURVE_SERVER),
        "gssapi" => takes(zmq::GSSAPI_SERVER),
        "draft" => {
            let server = library.zmq_socket(ctx, zmq::SERVER);
            let made = !server.is_null();
            library.zmq_close(server);
            made
        }
        other => panic!("how to find out about {other}?"),
    };
    library.zmq_ctx_term(ctx);
    can
}

static ZERO: c_int = 0;
static ONE: c_int = 1;

#[test]
fn capabilities_are_what_works() {
    if is_system() {
        // It is built with the draft socket types, and does not say so.
        return;
    }
    let Some(libraries) = libraries() else { return };
    let has = |library: &Library, name: &str| library.zmq_has(CString::new(name).unwrap().as_ptr());
    for row in table("constants.csv").iter().filter(|row| row["category"] == "zmq_has capability") {
        if row["value"] == "0 always" {
            for name in row["name"].split(' ') {
                assert_eq!(has(&libraries.ours, name), 0, "{name}");
            }
            continue;
        }
        let name = &row["name"];
        assert_eq!(has(&libraries.ours, name) == 1, can(&libraries.ours, name), "{name}");
        if let Some(system) = &libraries.system {
            let debian = row["value"].split(',').next().unwrap_or_default();
            assert_eq!(format!("debian {}", has(system, name)), debian, "{name}");
        }
    }
}

// ---- Errors ----

#[test]
fn errors_have_the_numbers_and_texts_of_the_real_library() {
    let Some(libraries) = libraries() else { return };
    // SAFETY: a C string of the library, for ever.
    let text = |library: &Library, number| unsafe { CStr::from_ptr(library.zmq_strerror(number)) }.to_owned();
    let header = Header::ours();
    let rows = table("errno.csv");
    for row in &rows {
        let name = row["name"].as_str();
        let number: i32 = row["linux_x86_64_value"].parse().unwrap();
        assert_eq!(text(&libraries.ours, number).to_str(), Ok(row["zmq_strerror_text"].as_str()), "{name}");
        if let Some(system) = &libraries.system {
            assert_eq!(text(&libraries.ours, number), text(system, number), "{name}");
        }
        let own = zmq::ERRNO_NAMES.iter().find(|(_, other)| *other == name).expect("a known error");
        assert_eq!(own.0, number, "{name}");
        if let Ok(fallback) = row["zmq_fallback_value_if_platform_lacks_it"].parse::<i64>() {
            assert_eq!(header.value(name), Some(fallback), "{name}, where the platform lacks it");
        }
    }
    println!("errno.csv: {} rows, all equal to the real library", rows.len());
}

// ---- Properties of messages ----

/// What a message says of itself: every property by number and by name, with what differs from run to run left out.
fn properties(library: &Library, message: &RawMsg, names: &[String]) -> Vec<String> {
    let mut said = vec![];
    for number in -1..6 {
        let answer = match library.zmq_msg_get(message, number) {
            fd if fd >= 0 && number == zmq::SRCFD => "a descriptor".to_owned(),
            -1 => format!("{:?}", conformance::Errno(library.zmq_errno())),
            value => value.to_string(),
        };
        said.push(format!("{number}: {answer}"));
    }
    for name in names {
        let value = library.zmq_msg_gets(message, CString::new(name.as_str()).unwrap().as_ptr());
        let answer = if value.is_null() {
            format!("{:?}", conformance::Errno(library.zmq_errno()))
        } else if name == "__fd" {
            "a descriptor".to_owned()
        } else {
            // SAFETY: a C string of the library, alive as long as the message.
            unsafe { CStr::from_ptr(value) }.to_string_lossy().into_owned()
        };
        said.push(format!("{name}: {answer}"));
    }
    said
}

/// The properties of every frame that a socket of this kind receives of a DEALER with all that it can tell.
fn received(library: &Library, kind: i32, endpoint: &CStr, names: &[String]) -> Vec<String> {
    let ctx = library.zmq_ctx_new();
    let (receiver, sender) = (library.zmq_socket(ctx, kind), library.zmq_socket(ctx, zmq::DEALER));
    let set = |socket: *mut c_void, option, value: &[u8]| {
        assert_eq!(library.zmq_setsockopt(socket, option, value.as_ptr().cast(), value.len()), 0);
    };
    set(sender, zmq::ROUTING_ID, b"its name");
    set(sender, zmq::METADATA, b"X-colour:blue");
    set(receiver, zmq::RCVTIMEO, &10_000i32.to_ne_bytes());
    assert_eq!(library.zmq_bind(receiver, endpoint.as_ptr()), 0);
    let (mut bound, mut length) = ([0u8; 256], 256);
    library.zmq_getsockopt(receiver, zmq::LAST_ENDPOINT, bound.as_mut_ptr().cast(), &raw mut length);
    assert_eq!(library.zmq_connect(sender, bound.as_ptr().cast()), 0);
    assert_eq!(library.zmq_send(sender, c"body".as_ptr().cast(), 4, 0), 4);
    let mut said = vec![];
    loop {
        let mut message = RawMsg([0; 64]);
        library.zmq_msg_init(&raw mut message);
        assert!(library.zmq_msg_recv(&raw mut message, receiver, 0) >= 0, "no message");
        said.extend(properties(library, &message, names));
        let more = library.zmq_msg_more(&raw const message);
        library.zmq_msg_close(&raw mut message);
        if more == 0 {
            break;
        }
    }
    library.zmq_setsockopt(sender, zmq::LINGER, (&raw const ZERO).cast(), 4);
    library.zmq_close(sender);
    library.zmq_close(receiver);
    library.zmq_ctx_term(ctx);
    said
}

/// Rows that need more than this walk: the tests that assert them.
const PROPERTIES_BY_TEST: &[(&str, &str)] = &[
    ("(any)", "no_property_can_be_set"),
    ("(any other number)", "unknown_properties_are_einval"),
    ("ZMQ_SHARED", "init_data_without_free_function_is_shared"),
    ("User-Id", "user_id_and_properties_come_with_each_message"),
    ("(ZAP metadata names)", "user_id_and_properties_come_with_each_message"),
    ("(other ZMTP properties)", "an_application_property_of_the_handshake_can_be_read"),
];
/// Rows of the draft socket types.
const PROPERTIES_OF_OTHERS: &[&str] = &["routing id", "group"];

#[test]
fn messages_say_the_same_of_themselves_as_those_of_the_real_library() {
    let Some(libraries) = libraries() else { return };
    let rows = table("msg_properties.csv");
    let mut names: Vec<String> = rows
        .iter()
        .filter(|row| row["accessor"] == "zmq_msg_gets" && !row["property"].starts_with('('))
        .map(|row| row["property"].replace("X-<name>", "X-colour"))
        .collect();
    names.extend(["nonsense".to_owned(), "socket-type".to_owned(), String::new()]);
    for row in &rows {
        let name = row["property"].as_str();
        let is_asked = names.contains(&name.replace("X-<name>", "X-colour")) || name.starts_with("ZMQ_");
        let is_known = is_asked || PROPERTIES_OF_OTHERS.contains(&name);
        assert!(asserted_by(PROPERTIES_BY_TEST, name).is_some() || is_known, "{name}");
    }
    let Some(system) = &libraries.system else { return };
    let ipc =
        |which: &str| CString::new(format!("ipc://@conformance-{which}-{}", std::process::id())).unwrap();
    for kind in [zmq::ROUTER, zmq::DEALER, zmq::STREAM] {
        for (ours, theirs) in [
            (c"tcp://127.0.0.1:*".to_owned(), c"tcp://127.0.0.1:*".to_owned()),
            (ipc("ours"), ipc("theirs")),
            (c"inproc://properties".to_owned(), c"inproc://properties".to_owned()),
        ] {
            if kind == zmq::STREAM && !ours.to_bytes().starts_with(b"tcp") {
                continue;
            }
            let own = received(&libraries.ours, kind, &ours, &names);
            assert_eq!(own, received(system, kind, &theirs, &names), "{kind} at {ours:?}");
        }
    }
    println!("msg_properties.csv: {} rows", rows.len());
}

// ---- Events ----

/// The tests that assert each event: in version 1 on both libraries, then in version 2 on ours.
const EVENTS_BY_TEST: &[(&str, &str, &str)] = &[
    ("CONNECTED", "a_tcp_connect_is_reported_step_by_step", "a_connection_is_told_with_both_addresses"),
    ("CONNECT_DELAYED", "a_tcp_connect_is_reported_step_by_step", "a_connection_is_told_with_both_addresses"),
    ("CONNECT_RETRIED", "a_lost_connection_is_reported_and_retried", "failures_are_told_with_their_values"),
    ("LISTENING", "binding_is_reported_with_the_endpoint", "a_connection_is_told_with_both_addresses"),
    ("BIND_FAILED", "a_failed_bind_is_reported", "failures_are_told_with_their_values"),
    (
        "ACCEPTED",
        "an_accepted_connection_is_reported_step_by_step",
        "a_connection_is_told_with_both_addresses",
    ),
    (
        "ACCEPT_FAILED",
        "a_tcp_filter_admits_its_networks_only",
        "refused_peers_and_failed_handshakes_are_told",
    ),
    ("CLOSED", "unbinding_is_reported", "a_connection_is_told_with_both_addresses"),
    (
        "CLOSE_FAILED",
        "a_wildcard_directory_that_cannot_be_removed_is_told",
        "a_wildcard_directory_that_cannot_be_removed_is_told",
    ),
    ("DISCONNECTED", "a_leaving_peer_is_reported", "a_connection_is_told_with_both_addresses"),
    ("MONITOR_STOPPED", "stopping_ends_with_monitor_stopped", "a_connection_is_told_with_both_addresses"),
    (
        "HANDSHAKE_FAILED_NO_DETAIL",
        "a_lost_handshake_is_the_last_if_reconnecting_stops_there",
        "refused_peers_and_failed_handshakes_are_told",
    ),
    (
        "HANDSHAKE_SUCCEEDED",
        "a_tcp_connect_is_reported_step_by_step",
        "a_connection_is_told_with_both_addresses",
    ),
    (
        "HANDSHAKE_FAILED_PROTOCOL",
        "refused_peers_and_failed_handshakes_are_told",
        "refused_peers_and_failed_handshakes_are_told",
    ),
    (
        "HANDSHAKE_FAILED_AUTH",
        "a_refused_peer_is_told_and_does_not_come_again",
        "a_refusal_by_the_peer_is_told",
    ),
    (
        "PIPES_STATS",
        "statistics_count_what_is_queued_in_each_pipe",
        "statistics_need_somebody_who_wants_them",
    ),
    ("ALL", "unknown_event_bits_are_einval", "bad_arguments_are_einval"),
    ("ALL_V1", "unknown_event_bits_are_einval", "bad_arguments_are_einval"),
    ("ALL_V2", "bad_arguments_are_einval", "statistics_need_somebody_who_wants_them"),
];
/// Rows without a number, of the layout of events and of their delivery, with the test of each.
const LAYOUTS: &[(&str, &str)] = &[
    ("(frame layout version 1)", "binding_is_reported_with_the_endpoint"),
    ("(frame layout version 2)", "a_connection_is_told_with_both_addresses"),
    ("(delivery rules)", "a_socket_is_not_slowed_by_more_events_than_are_kept"),
];

#[test]
fn every_event_has_its_number_and_its_tests() {
    let (ours, system) = (Header::ours(), Header::read("/usr/include/zmq.h"));
    for row in table("monitor_events.csv") {
        let name = row["name"].as_str();
        let Some(short) = name.strip_prefix("ZMQ_EVENT_") else {
            assert!(asserted_by(LAYOUTS, name).is_some(), "{name}");
            continue;
        };
        let wanted = row["decimal"].parse().ok();
        assert_eq!(ours.value(name), wanted, "{name}");
        if let Some(theirs) = system.as_ref().filter(|header| header.0.contains_key(name)) {
            assert_eq!(theirs.value(name), wanted, "{name}");
        }
        let known = EVENTS_BY_TEST.iter().find(|(event, ..)| *event == short);
        let (_, first, second) = known.unwrap_or_else(|| panic!("{name} has no test"));
        assert!(
            asserted_by(&[(name, *first)], name).is_some() && asserted_by(&[(name, *second)], name).is_some()
        );
    }
}
