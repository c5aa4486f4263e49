//! The table against the reference, row by row: numbers, ranges, lengths, defaults and types; then the behaviours
//! that no column says.
use super::*;
use std::time::Duration;

const REFERENCE: &str = include_str!("../../../../conformance/data/socket_options.csv");
const CONTEXT_REFERENCE: &str = include_str!("../../../../conformance/data/context_options.csv");

struct Reference(Vec<Vec<String>>);

impl Reference {
    fn parse(text: &str) -> Self {
        Self(text.lines().filter(|line| !line.is_empty()).map(fields).collect())
    }

    fn rows(&self) -> impl Iterator<Item = Vec<(&str, &str)>> {
        let (head, rows) = self.0.split_first().expect("a head line");
        rows.iter().map(|row| head.iter().map(String::as_str).zip(row.iter().map(String::as_str)).collect())
    }
}

/// The fields of a line of comma separated values.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                fields.last_mut().expect("one").push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().expect("one").push(c),
        }
    }
    fields
}

fn column<'a>(row: &[(&str, &'a str)], name: &str) -> &'a str {
    row.iter().find(|(n, _)| *n == name).unwrap_or_else(|| panic!("no column {name}")).1
}

fn fresh(kind: SocketType) -> SocketOptions {
    SocketOptions::new(kind, &ContextOptions::default())
}

fn set_int(options: &mut SocketOptions, kind: SocketType, number: i32, value: i32) -> Result<()> {
    set(options, kind, number, Some(&value.to_ne_bytes())).map(|_| ())
}

fn read_int(options: &SocketOptions, kind: SocketType, number: i32) -> Result<i32> {
    let mut buffer = [0xff; 4];
    assert_eq!(get(options, kind, number, &mut buffer)?, Read::Done(4));
    Ok(i32::from_ne_bytes(buffer))
}

fn invalid<T: std::fmt::Debug>(result: Result<T>, what: &str) {
    assert_eq!(result.err(), Some(Error::InvalidArgument), "{what}");
}

fn is_unbuilt(row: &Row) -> bool {
    matches!(row.write, Write::Unbuilt)
}

/// The bounds that a text like ">= -1" or "0 or 1" means.
fn bounds(text: &str) -> (i32, i32) {
    let number = |text: &str| text.trim().parse().unwrap_or_else(|_| panic!("a number in {text:?}"));
    match text {
        _ if text.starts_with("any") => (i32::MIN, i32::MAX),
        "0 or 1" => (0, 1),
        "-1, 0, 1" => (-1, 1),
        _ if text.starts_with("-99..6553599") => (-99, 6_553_599),
        _ if text.starts_with("0..3") => (0, 3),
        _ => text
            .strip_prefix(">= ")
            .map(|least| (number(least), i32::MAX))
            .or_else(|| text.strip_prefix("> ").map(|below| (number(below) + 1, i32::MAX)))
            .unwrap_or_else(|| panic!("a range, not {text:?}")),
    }
}

#[test]
fn rows_are_sorted_and_complete() {
    assert!(TABLE.is_sorted_by(|a, b| a.number < b.number));
    let reference = Reference::parse(REFERENCE);
    let mut count = 0;
    for line in reference.rows() {
        let number: i32 = column(&line, "number").parse().expect("a number");
        let row = row(number).unwrap_or_else(|| panic!("no row for {}", column(&line, "name")));
        assert_eq!(row.constant, column(&line, "name"));
        let status = match row.status {
            Status::Stable => "stable",
            Status::Deprecated => "deprecated",
            Status::Draft => "draft",
        };
        assert_eq!(status, column(&line, "status").split(' ').next().unwrap_or(""), "{}", row.constant);
        assert!(row.doc.len() > 10 && row.doc.ends_with('.'), "{}", row.constant);
        assert_eq!(row.doc.contains("not built"), is_unbuilt(row), "{}", row.constant);
        count += 1;
    }
    assert_eq!(count, TABLE.len());
}

#[test]
fn integers_obey_the_reference() {
    let reference = Reference::parse(REFERENCE);
    for line in reference.rows() {
        let number: i32 = column(&line, "number").parse().expect("a number");
        let row = row(number).expect("a row");
        let is_int =
            matches!(row.write, Write::Int(..) | Write::Hwm(_) | Write::Setting(..) | Write::Switch(_));
        assert_eq!(
            is_int,
            column(&line, "set_lengths").starts_with("4 ")
                && !is_unbuilt(row)
                && !row.constant.starts_with("ZMQ_IPC_FILTER"),
            "{}",
            row.constant
        );
        if !is_int {
            continue;
        }
        let (least, most) = bounds(column(&line, "valid_range"));
        for &kind in SocketType::ALL {
            let what = format!("{} on {kind:?}", row.constant);
            let mut options = fresh(kind);
            for value in [least, most, 0.clamp(least, most)] {
                let outcome = set_int(&mut options, kind, number, value);
                if row.write_on.has(kind) {
                    assert_eq!(outcome, Ok(()), "{what} = {value}");
                } else {
                    invalid(outcome, &what);
                }
            }
            let before = options.clone();
            for value in [least.checked_sub(1), most.checked_add(1)].into_iter().flatten() {
                invalid(set_int(&mut options, kind, number, value), &format!("{what} = {value}"));
            }
            for length in [0, 1, 3, 5, 8] {
                invalid(set(&mut options, kind, number, Some(&[0; 8][..length])), &what);
            }
            invalid(set(&mut options, kind, number, None), &what);
            assert_eq!(options, before, "{what}: a refused value changes nothing");
        }
    }
}

#[test]
fn integers_read_back() {
    for row in TABLE {
        let ReadAs::Int(_) = row.read else { continue };
        let (least, most) = match row.write {
            Write::Int(least, most, _) | Write::Setting(least, most, _) => (least, most),
            Write::Hwm(_) => (0, i32::MAX),
            _ => continue,
        };
        let is_boolean =
            ["ZMQ_INVERT_MATCHING", "ZMQ_LOOPBACK_FASTPATH", "ZMQ_MULTICAST_LOOP", "ZMQ_ZAP_ENFORCE_DOMAIN"]
                .contains(&row.constant);
        for &kind in SocketType::ALL.iter().filter(|kind| row.write_on.has(**kind)) {
            for value in [least, 0, 1, 2, 100, 6_553_500, i32::MAX] {
                if value < least || value > most || row.constant == "ZMQ_HEARTBEAT_TTL" && value % 100 != 0 {
                    continue;
                }
                let mut options = fresh(kind);
                set_int(&mut options, kind, row.number, value).expect(row.constant);
                let expected = if is_boolean { i32::from(value != 0) } else { value };
                assert_eq!(
                    read_int(&options, kind, row.number),
                    Ok(expected),
                    "{} on {kind:?}",
                    row.constant
                );
            }
        }
    }
}

#[test]
fn types_obey_the_reference() {
    let reference = Reference::parse(REFERENCE);
    for line in reference.rows() {
        let number: i32 = column(&line, "number").parse().expect("a number");
        let row = row(number).expect("a row");
        let applies = column(&line, "applies_to");
        let listed = |kind: SocketType| {
            applies.split(|c: char| !c.is_ascii_alphabetic()).any(|word| word == kind.name())
                && !(row.constant == "ZMQ_ONLY_FIRST_SUBSCRIBE" && kind == SocketType::Sub)
        };
        let others = column(&line, "errno_bad_value").contains("EINVAL on other types");
        for &kind in SocketType::ALL {
            let what = format!("{} on {kind:?}", row.constant);
            if others && column(&line, "settable") == "yes" {
                assert_eq!(row.write_on.has(kind), listed(kind), "{what}");
            }
            if others && column(&line, "gettable") == "yes" {
                assert_eq!(row.read_on.has(kind), listed(kind), "{what}");
            }
        }
    }
    // Where the reference says it in words.
    for &kind in SocketType::ALL {
        assert_eq!(row(14).expect("FD").read_on.has(kind), !kind.is_thread_safe(), "{kind:?}");
        let naming = matches!(kind, SocketType::Router | SocketType::Rep | SocketType::Stream);
        assert_eq!(row(61).expect("CONNECT_ROUTING_ID").write_on.has(kind), naming, "{kind:?}");
        let routing = matches!(kind, SocketType::Router | SocketType::Rep);
        assert_eq!(row(97).expect("ROUTER_NOTIFY").write_on.has(kind), routing, "{kind:?}");
        assert!(row(97).expect("ROUTER_NOTIFY").read_on.has(kind), "{kind:?}");
    }
}

#[test]
fn defaults_and_buffer_lengths_obey_the_reference() {
    let reference = Reference::parse(REFERENCE);
    for line in reference.rows() {
        let number: i32 = column(&line, "number").parse().expect("a number");
        let row = row(number).expect("a row");
        let gettable = column(&line, "gettable") == "yes" && row.default != "-";
        let default = column(&line, "default").split([' ', ';']).next().unwrap_or("");
        for &kind in SocketType::ALL {
            let options = fresh(kind);
            let what = format!("{} on {kind:?}", row.constant);
            let mut buffer = [0xff; 300];
            let mut read = |length: usize| get(&options, kind, number, &mut buffer[..length]);
            match row.read {
                ReadAs::Int(value) => {
                    assert_eq!(read(4), Ok(Read::Done(4)), "{what}");
                    [0, 3, 5, 8].iter().for_each(|&length| invalid(read(length), &what));
                    if !(row.constant == "ZMQ_LINGER"
                        && matches!(kind, SocketType::Sub | SocketType::Xsub | SocketType::Dish))
                    {
                        assert_eq!(value(&options).to_string(), default, "{what}");
                        assert_eq!(value(&options).to_string(), row.default, "{what}");
                    }
                }
                ReadAs::Uint64(_) | ReadAs::Int64(_) => {
                    assert_eq!(read(8), Ok(Read::Done(8)), "{what}");
                    [0, 4, 7, 9].iter().for_each(|&length| invalid(read(length), &what));
                }
                ReadAs::Text(_) => {
                    assert_eq!(read(1), Ok(Read::Done(1)), "{what}");
                    assert_eq!(read(300), Ok(Read::Done(1)), "{what}");
                    invalid(read(0), &what);
                    assert!(buffer.iter().all(|byte| *byte == 0), "{what}");
                }
                ReadAs::No => {
                    assert!(!gettable || is_unbuilt(row), "{what}");
                    [0, 4, 8, 300].iter().for_each(|&length| invalid(read(length), &what));
                }
                ReadAs::LiveInt(live) if row.read_on.has(kind) => {
                    assert_eq!(read(4), Ok(Read::Live(live)), "{what}");
                    assert_eq!(read(8), Ok(Read::Live(live)), "{what}");
                    invalid(read(3), &what);
                }
                ReadAs::LiveInt(_) => invalid(read(4), &what),
                ReadAs::LiveText(live) => assert_eq!(read(300), Ok(Read::Live(live)), "{what}"),
                ReadAs::Type => {
                    assert_eq!(read(4), Ok(Read::Done(4)), "{what}");
                    invalid(read(8), &what);
                }
                ReadAs::OfKind(_) => {
                    assert_eq!(read(8), Ok(Read::Done(4)), "{what}");
                    invalid(read(3), &what);
                }
                ReadAs::Key(_) => {
                    assert_eq!(read(41), Ok(Read::Done(41)), "{what}");
                    assert_eq!(&buffer[..41], [row.default.as_bytes(), b"\0"].concat(), "{what}");
                    let mut read = |length: usize| get(&options, kind, number, &mut buffer[..length]);
                    assert_eq!(read(32), Ok(Read::Done(32)), "{what}");
                    [0, 31, 33, 40, 42].iter().for_each(|&length| invalid(read(length), &what));
                }
                ReadAs::RoutingId => {}
            }
        }
    }
}

#[test]
fn unknown_and_read_only_numbers_are_refused() {
    for &kind in SocketType::ALL {
        let mut options = fresh(kind);
        for number in [i32::MIN, -1, 0, 1, 2, 3, 10, 20, 26, 29, 30, 67, 82, 83, 125, i32::MAX] {
            invalid(set_int(&mut options, kind, number, 0), "unknown");
            invalid(get(&options, kind, number, &mut [0; 4]), "unknown");
        }
        for row in TABLE.iter().filter(|row| matches!(row.write, Write::No)) {
            invalid(set_int(&mut options, kind, row.number, 0), row.constant);
        }
    }
}

#[test]
fn unbuilt_options_accept_nothing() {
    for &kind in SocketType::ALL {
        let mut options = fresh(kind);
        for row in TABLE.iter().filter(|row| is_unbuilt(row)) {
            for value in [1i32, 2, -1] {
                invalid(set_int(&mut options, kind, row.number, value), row.constant);
            }
            invalid(set(&mut options, kind, row.number, None), row.constant);
            invalid(set(&mut options, kind, row.number, Some(b"")), row.constant);
            invalid(set(&mut options, kind, row.number, Some(b"admin")), row.constant);
            invalid(set(&mut options, kind, row.number, Some(&[7; 32])), row.constant);
        }
        assert_eq!(options, fresh(kind));
    }
}

#[test]
fn wide_integers() {
    let kind = SocketType::Pair;
    let mut options = fresh(kind);
    for value in [0u64, 1, u64::MAX] {
        assert_eq!(set(&mut options, kind, 4, Some(&value.to_ne_bytes())), Ok(Outcome::Stored));
        assert_eq!(options.affinity, value);
    }
    for (value, read) in [(0i64, 0i64), (5, 5), (i64::MAX, i64::MAX), (-1, -1), (-7, -7)] {
        assert_eq!(set(&mut options, kind, 22, Some(&value.to_ne_bytes())), Ok(Outcome::Stored));
        let mut buffer = [0; 8];
        assert_eq!(get(&options, kind, 22, &mut buffer), Ok(Read::Done(8)));
        assert_eq!(i64::from_ne_bytes(buffer), read);
    }
    for number in [4, 22] {
        invalid(set(&mut options, kind, number, Some(&[0; 4])), "4 bytes");
        invalid(set(&mut options, kind, number, None), "NULL");
    }
}

#[test]
fn routing_ids_and_strings() {
    let kind = SocketType::Dealer;
    let mut options = fresh(kind);
    for length in [1, 4, 255] {
        assert_eq!(
            set(&mut options, kind, 5, Some(&vec![0; length])),
            Ok(Outcome::Stored),
            "{length} zero bytes"
        );
    }
    for bad in [Some(&[][..]), Some(&[0; 256][..]), None] {
        invalid(set(&mut options, kind, 5, bad), "ROUTING_ID");
    }
    set(&mut options, kind, 5, Some(b"ab")).expect("an id");
    let mut buffer = [0xff; 6];
    assert_eq!(get(&options, kind, 5, &mut buffer), Ok(Read::Done(2)));
    assert_eq!(&buffer, b"ab\0\0\0\0");
    invalid(get(&options, kind, 5, &mut buffer[..1]), "too small");
    assert_eq!(
        get(&fresh(SocketType::Stream), SocketType::Stream, 5, &mut buffer),
        Ok(Read::Live(LiveOption::StreamRoutingId))
    );

    set(&mut options, kind, 92, Some(b"eth0\0")).expect("a name, stored verbatim");
    assert_eq!(get(&options, kind, 92, &mut buffer), Ok(Read::Done(6)));
    assert_eq!(&buffer, b"eth0\0\0");
    invalid(get(&options, kind, 92, &mut buffer[..5]), "no room for the NUL");
    invalid(set(&mut options, kind, 92, Some(b"")), "empty");
    invalid(set(&mut options, kind, 92, Some(&[b'x'; 17])), "too long");
    set(&mut options, kind, 92, None).expect("NULL clears");
    assert!(options.bind_to_device.is_empty());

    let router = SocketType::Router;
    let mut options = fresh(router);
    set(&mut options, router, 61, Some(&[1; 300])).expect("no upper bound");
    assert_eq!(options.connect_routing_id.as_deref(), Some(&[1; 300][..]));
    invalid(set(&mut options, router, 61, Some(b"")), "empty");
    invalid(set(&mut options, router, 61, None), "NULL");
}

#[test]
fn lists_accumulate_and_clear() {
    let kind = SocketType::Pull;
    let mut options = fresh(kind);
    for filter in [&b"127.0.0.1"[..], b"10.0.0.0/8\0"] {
        set(&mut options, kind, 38, Some(filter)).expect("a filter");
    }
    assert_eq!(options.accept_filters.len(), 2);
    for bad in [Some(&b""[..]), Some(b"host"), Some(b"::1")] {
        invalid(set(&mut options, kind, 38, bad), "TCP_ACCEPT_FILTER");
    }
    set_int(&mut options, kind, 42, 1).expect("IPV6");
    set(&mut options, kind, 38, Some(b"::1")).expect("IPv6 literals once IPV6 is on");
    set(&mut options, kind, 38, None).expect("NULL clears");
    assert!(options.accept_filters.is_empty());

    for (number, id) in [(58, 1), (58, 2), (59, 3), (60, 4)] {
        set_int(&mut options, kind, number, id).expect("an id");
        invalid(set(&mut options, kind, number, Some(b"")), "empty");
        invalid(set(&mut options, kind, number, Some(&[0; 8])), "8 bytes");
    }
    assert_eq!(options.ipc_filters, IpcFilters { pids: vec![1, 2], uids: vec![3], gids: vec![4] });
    for number in [58, 59, 60] {
        set(&mut options, kind, number, None).expect("NULL clears");
    }
    assert!(options.ipc_filters.is_empty());
}

#[test]
fn metadata_properties() {
    let kind = SocketType::Dealer;
    let mut options = fresh(kind);
    let long_name = format!("X-{}:v", "n".repeat(254));
    for bad in ["X-:v", "X-ab", "X-name:", "name:value", ":value", "x-name:value", &long_name] {
        invalid(set(&mut options, kind, 95, Some(bad.as_bytes())), bad);
    }
    invalid(set(&mut options, kind, 95, None), "NULL");
    for good in ["X-key:value", "X-key:other", "X-a:b:c", "X-nul:a\0b"] {
        set(&mut options, kind, 95, Some(good.as_bytes())).expect(good);
    }
    let expected = [("X-key", "value"), ("X-a", "b:c"), ("X-nul", "a")];
    assert_eq!(options.metadata, expected.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())));
}

#[test]
fn subscriptions_are_for_sub_and_manual_publishers() {
    let sub = SocketType::Sub;
    assert_eq!(set(&mut fresh(sub), sub, 6, Some(b"a")), Ok(Outcome::Pattern(Setting::Subscribe(b"a"))));
    assert_eq!(set(&mut fresh(sub), sub, 6, None), Ok(Outcome::Pattern(Setting::Subscribe(b""))));
    assert_eq!(set(&mut fresh(sub), sub, 7, Some(b"")), Ok(Outcome::Pattern(Setting::Unsubscribe(b""))));
    for kind in [SocketType::Pub, SocketType::Xpub] {
        for manual in [71, 98] {
            let mut options = fresh(kind);
            invalid(set(&mut options, kind, 6, Some(b"a")), "not manual");
            set_int(&mut options, kind, manual, 1).expect("manual");
            assert_eq!(
                set(&mut options, kind, 6, Some(b"a")),
                Ok(Outcome::Pattern(Setting::Subscribe(b"a")))
            );
            set_int(&mut options, kind, manual, 0).expect("not manual again");
            invalid(set(&mut options, kind, 7, Some(b"a")), "not manual again");
        }
    }
    invalid(set(&mut fresh(SocketType::Xsub), SocketType::Xsub, 6, Some(b"a")), "XSUB");
}

#[test]
fn settings_reach_only_the_patterns_they_act_on() {
    let on = 1i32.to_ne_bytes();
    let expect = [
        (SocketType::Push, 54, Outcome::Pattern(Setting::Conflate(true))),
        (SocketType::Pair, 54, Outcome::Stored),
        (SocketType::Sub, 74, Outcome::Pattern(Setting::InvertMatching(true))),
        (SocketType::Req, 74, Outcome::Stored),
        (SocketType::Router, 33, Outcome::Pattern(Setting::RouterMandatory(true))),
        (SocketType::Rep, 56, Outcome::Pattern(Setting::RouterHandover(true))),
        (SocketType::Pair, 23, Outcome::Hwm),
        (SocketType::Pair, 24, Outcome::Hwm),
        (SocketType::Pair, 17, Outcome::Stored),
    ];
    for (kind, number, outcome) in expect {
        assert_eq!(set(&mut fresh(kind), kind, number, Some(&on)), Ok(outcome), "{number} on {kind:?}");
    }
    let mut options = fresh(SocketType::Pair);
    set_int(&mut options, SocketType::Pair, 54, 1).expect("accepted");
    assert_eq!(read_int(&options, SocketType::Pair, 54), Ok(1));
}

#[test]
fn times_become_durations() {
    let kind = SocketType::Push;
    let mut options = fresh(kind);
    for (number, value) in [(17, 5), (27, -1), (28, 0), (18, 0), (66, 0), (76, 199), (77, 0), (36, 9)] {
        set_int(&mut options, kind, number, value).expect("in range");
    }
    assert_eq!(options.linger, Some(Duration::from_millis(5)));
    assert_eq!(options.receive_timeout, None);
    assert_eq!(options.send_timeout, Some(Duration::ZERO));
    assert_eq!(options.reconnect_interval, Some(Duration::ZERO));
    assert_eq!(options.handshake_interval, None);
    assert_eq!(options.heartbeat.ttl, Duration::from_millis(100));
    assert_eq!(read_int(&options, kind, 76), Ok(100));
    assert_eq!(options.heartbeat.timeout, Some(Duration::ZERO));
    assert_eq!(options.tcp.keepalive_idle, Some(Duration::from_secs(9)));
    set_int(&mut options, kind, 76, -99).expect("in range");
    assert_eq!(options.heartbeat.ttl, Duration::ZERO);
    options.linger = Some(Duration::MAX);
    assert_eq!(read_int(&options, kind, 17), Ok(i32::MAX));
}

#[test]
fn the_context_gives_the_defaults() {
    let context =
        ContextOptions { blocky: false, ipv6: true, zero_copy_receive: false, ..ContextOptions::default() };
    for &kind in SocketType::ALL {
        let options = SocketOptions::new(kind, &context);
        assert_eq!(options.linger, Some(Duration::ZERO), "{kind:?}");
        assert!(options.ipv6 && !options.zero_copy_receive);
        assert_eq!(read_int(&options, kind, 31), Ok(0), "IPV4ONLY");
        let drops = matches!(kind, SocketType::Sub | SocketType::Xsub | SocketType::Dish);
        assert_eq!(fresh(kind).linger, drops.then_some(Duration::ZERO), "{kind:?}");
    }
}

#[test]
fn context_options_obey_the_reference() {
    for line in Reference::parse(CONTEXT_REFERENCE).rows() {
        let name = column(&line, "name");
        let number: i32 = column(&line, "number").parse().expect("a number");
        let mut options = ContextOptions::default();
        // Number 3 is one option for reading and another for writing.
        match column(&line, "gettable").split(' ').next().unwrap_or("") {
            "no" if number != 3 => invalid(options.get(number), name),
            "no" => {}
            _ if name == "ZMQ_THREAD_NAME_PREFIX" => assert_eq!(options.get(number), Ok(0)),
            _ => {
                let default = column(&line, "default").split(' ').next().unwrap_or("");
                assert_eq!(
                    options.get(number).map(|value| value.to_string()).as_deref(),
                    Ok(default),
                    "{name}"
                );
            }
        }
        let range = column(&line, "valid_range");
        match column(&line, "settable").split(' ').next().unwrap_or("") {
            "yes" if name == "ZMQ_THREAD_AFFINITY_CPU_REMOVE" => {
                invalid(options.set(number, 3), name);
                options.set(7, 3).expect("add");
                assert_eq!(options.set(number, 3), Ok(()));
            }
            "yes" if range.starts_with(">=") => {
                let (least, most) = bounds(&range[..range.find(' ').map_or(range.len(), |i| i + 2)]);
                assert_eq!(options.set(number, least), Ok(()), "{name}");
                assert_eq!(options.set(number, most), Ok(()), "{name}");
                let before = options.clone();
                invalid(options.set(number, least - 1), name);
                assert_eq!(options, before, "{name}");
            }
            "yes" => assert_eq!(options.set(number, -12), Ok(()), "{name}"),
            _ if number != 3 => invalid(options.set(number, 1), name),
            _ => {}
        }
    }
}

#[test]
fn context_options_as_bytes() {
    let mut options = ContextOptions::default();
    options.set_bytes(1, &4i32.to_ne_bytes()).expect("IO_THREADS");
    let mut int = [0; 4];
    options.get_bytes(1, &mut int).expect("IO_THREADS");
    assert_eq!((options.io_threads, i32::from_ne_bytes(int)), (4, 4));
    for length in [0, 3, 8] {
        invalid(options.set_bytes(1, &[0; 8][..length]), "length");
        invalid(options.get_bytes(1, &mut [0; 8][..length]), "length");
    }
    options.set_bytes(9, b"12worker").expect("a prefix");
    assert_eq!(options.get(9), Ok(12), "as atoi");
    let mut buffer = *b"..........";
    options.get_bytes(9, &mut buffer).expect("room");
    assert_eq!(&buffer, b"12worker..");
    invalid(options.get_bytes(9, &mut buffer[..7]), "too small");
    options.set_bytes(9, &(-7i32).to_ne_bytes()).expect("4 bytes are an int");
    assert_eq!((options.thread_name_prefix.as_slice(), options.get(9)), (&b"-7"[..], Ok(-7)));
    invalid(options.set_bytes(9, b""), "empty");
    invalid(options.set_bytes(9, &[b'x'; 17]), "too long");
}

#[test]
fn the_security_option_set_last_chooses_the_mechanism() {
    let kind = SocketType::Dealer;
    let mut options = fresh(kind);
    let mut check = |number: i32, value: Option<&[u8]>, mechanism: i32, plain: i32, curve: i32| {
        assert_eq!(set(&mut options, kind, number, value), Ok(Outcome::Stored), "{number}");
        let now = [43, 44, 47].map(|number| read_int(&options, kind, number).expect("an int"));
        assert_eq!(now, [mechanism, plain, curve], "after {number}");
    };
    let (on, off) = (1i32.to_ne_bytes(), 0i32.to_ne_bytes());
    let key = [7; 32];
    check(44, Some(&on), 1, 1, 0);
    check(44, Some(&off), 0, 0, 0);
    check(44, Some(&on), 1, 1, 0);
    check(45, Some(b"admin"), 1, 0, 0);
    check(45, None, 0, 0, 0);
    check(46, Some(b"secret"), 1, 0, 0);
    check(47, Some(&on), 2, 0, 1);
    check(48, Some(&key), 2, 0, 1);
    check(49, Some(&key), 2, 0, 1);
    check(50, Some(&key), 2, 0, 0);
    check(47, Some(&off), 0, 0, 0);
    check(55, Some(b"global"), 0, 0, 0);
}

#[test]
fn keys_are_bytes_or_text() {
    let kind = SocketType::Dealer;
    let text = b"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\0";
    for number in [48, 49, 50] {
        let mut options = fresh(kind);
        for value in [&text[..40], text] {
            assert_eq!(set(&mut options, kind, number, Some(value)), Ok(Outcome::Stored));
            let mut buffer = [0; 41];
            assert_eq!(get(&options, kind, number, &mut buffer), Ok(Read::Done(41)));
            assert_eq!(&buffer, text);
        }
        for bad in [&text[..39], &[b'x'; 41], &[b' '; 40], &[0; 31], &[0; 33], b""] {
            invalid(set(&mut options, kind, number, Some(bad)), "no key");
        }
        invalid(set(&mut options, kind, number, None), "no key");
    }
}

#[test]
fn a_proxy_is_kept_as_it_is_given_and_its_password_is_not_shown() {
    for &kind in SocketType::ALL {
        let mut options = fresh(kind);
        for (number, longest) in [(68, 70_000), (99, 255), (100, 255)] {
            let value = vec![b'x'; longest];
            for value in [&b"proxy:1080\0"[..], &value] {
                assert_eq!(set(&mut options, kind, number, Some(value)), Ok(Outcome::Stored), "{number}");
                let mut buffer = vec![0; value.len() + 1];
                assert_eq!(get(&options, kind, number, &mut buffer), Ok(Read::Done(value.len() + 1)));
                assert_eq!(&buffer[..value.len()], value);
                invalid(get(&options, kind, number, &mut buffer[1..]), "no room for the NUL");
            }
        }
        invalid(set(&mut options, kind, 68, Some(b"")), "an empty address");
        for number in [99, 100] {
            invalid(set(&mut options, kind, number, Some(&[b'x'; 256])), "too long");
            assert_eq!(set(&mut options, kind, number, Some(b"")), Ok(Outcome::Stored));
        }
        for number in [68, 99, 100] {
            assert_eq!(set(&mut options, kind, number, None), Ok(Outcome::Stored), "{number} NULL");
        }
        assert_eq!(options, fresh(kind));
        set(&mut options, kind, 100, Some(b"xyzzy")).unwrap();
        assert!(!format!("{options:?}").contains("xyzzy"));
        assert!(!format!("{options:?}").contains(&format!("{:?}", b"xyzzy")));
    }
}
