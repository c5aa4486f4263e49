//! The sockets whose messages have one part as message cats, over tcp and ipc.

mod support;

use std::sync::atomic::{AtomicU32, Ordering};

use support::{LIMIT, Running, fzmq, run, text};

const ANY: &str = "tcp://127.0.0.1:*";

/// An endpoint of each transport, to bind to.
fn each_transport() -> [String; 2] {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    [ANY.to_owned(), format!("ipc://@fzmq-draft-{}-{number} --bind", std::process::id())]
}

#[test]
fn a_server_answers_the_client_heard_from_last() {
    for endpoint in each_transport() {
        let mut server = Running::bound(&format!("server {endpoint} -t {LIMIT}"), 1);
        for (ask, answer) in [("one", "1"), ("two", "2")] {
            let client = format!("client {} --message {ask} -n 1 -t {LIMIT}", server.endpoint());
            let client = fzmq(&client).spawn().unwrap();
            assert_eq!(server.line(), ask);
            server.type_in(&format!("{answer}\n"));
            assert_eq!(text(&client.wait_with_output().unwrap().stdout), format!("{answer}\n"));
        }
        server.interrupt();
        assert_eq!(server.end().0, 130);
    }
}

#[test]
fn a_client_takes_its_servers_in_turn() {
    let servers = each_transport().map(|at| Running::bound(&format!("server {at} -n 2 -t {LIMIT}"), 1));
    let [one, two] = &servers;
    let line = format!("client {} {} -w 2 -n 0 -t {LIMIT}", one.endpoint(), two.endpoint());
    assert!(run(&line, b"1\n2\n3\n4\n").status.success());
    let got = servers.map(|server| server.end());
    let mut lines: Vec<_> = got.iter().flat_map(|(_, out, _)| out.lines()).collect();
    lines.sort_unstable();
    assert_eq!((got.each_ref().map(|got| got.0), lines), ([0, 0], vec!["1", "2", "3", "4"]));
}

#[test]
fn peers_and_channels_talk_both_ways() {
    for kind in ["peer", "channel"] {
        for endpoint in each_transport() {
            let mut here = Running::bound(&format!("{kind} {endpoint} -n 1 -t {LIMIT}"), 1);
            let there = format!("{kind} {} -n 1 -t {LIMIT} --message hello", here.endpoint());
            let there = fzmq(&there).spawn().unwrap();
            here.type_in("welcome\n");
            assert_eq!(here.line(), "hello");
            assert_eq!(text(&there.wait_with_output().unwrap().stdout), "welcome\n");
            assert_eq!(here.end().0, 0);
        }
    }
}

#[test]
fn a_dish_prints_what_a_radio_sends_to_its_groups() {
    for endpoint in each_transport() {
        let radio =
            format!("radio {endpoint} --group weather --wait-peers 2 --message sunny -n 1 -t {LIMIT}");
        let radio = Running::bound(&radio, 1);
        let endpoint = radio.endpoint().to_owned();
        let wanted = format!("dish {endpoint} -g news -g weather -g news -n 1 -t {LIMIT}");
        let wanted = fzmq(&wanted).spawn().unwrap();
        let mut other = fzmq(&format!("dish {endpoint} -n 1 -t {LIMIT}")).spawn().unwrap();
        assert_eq!(text(&wanted.wait_with_output().unwrap().stdout), "weather\tsunny\n");
        other.kill().unwrap();
        assert_eq!(text(&other.wait_with_output().unwrap().stdout), "");
        assert_eq!(radio.end().0, 0);
    }
}

#[test]
fn a_dish_may_bind_and_a_radio_connect() {
    for endpoint in each_transport() {
        let dish = Running::bound(&format!("dish {endpoint} -g a -n 2 --format json -t {LIMIT}"), 1);
        let radio = format!("radio {} --connect -g a -w 1 -t {LIMIT}", dish.endpoint());
        assert!(run(&radio, b"1\n2\n").status.success());
        assert_eq!(dish.end().1, "[\"a\",\"1\"]\n[\"a\",\"2\"]\n");
    }
}

#[test]
fn a_gather_prints_what_scatters_send() {
    for endpoint in each_transport() {
        let gather = Running::bound(&format!("gather {endpoint} -n 4 --stats -t {LIMIT}"), 1);
        for lines in ["1\n2", "3\n4"] {
            let scatter = format!("scatter {} -t {LIMIT}", gather.endpoint());
            assert!(run(&scatter, lines.as_bytes()).status.success());
        }
        let (code, out, said) = gather.end();
        let mut lines: Vec<_> = out.lines().collect();
        lines.sort_unstable();
        assert_eq!((code, lines), (0, vec!["1", "2", "3", "4"]));
        assert!(said.starts_with("received 4 messages, "), "{said}");
    }
}

#[test]
fn a_long_stream_keeps_its_order() {
    let lines: String = (0..3_000).map(|n| format!("line {n}\n")).collect();
    let ways = [
        ("scatter", "gather"),
        ("channel -n 0", "channel"),
        ("client -n 0", "server"),
        ("peer -n 0", "peer"),
    ];
    for (from, to) in ways {
        for endpoint in each_transport() {
            let to = Running::bound(&format!("{to} {endpoint} -n 3000 -t {LIMIT}"), 1);
            let sent = run(&format!("{from} {} -t {LIMIT}", to.endpoint()), lines.as_bytes());
            assert_eq!(sent.status.code(), Some(0), "{from}: {}", text(&sent.stderr));
            let (code, out, _) = to.end();
            assert!((code, &out) == (0, &lines), "{from}: {code}, {} bytes", out.len());
        }
    }
}

#[test]
fn any_bytes_pass() {
    let lengths = b"\0\0\0\x03a\nb\0\0\0\0\0\0\0\x02\0\xff";
    for endpoint in each_transport() {
        let gather = Running::bound(&format!("gather {endpoint} -n 3 --format hex -t {LIMIT}"), 1);
        assert!(run(&format!("scatter {} --length", gather.endpoint()), lengths).status.success());
        assert_eq!(gather.end().1, "610a62\n\n00ff\n");
    }
}

#[test]
fn messages_of_one_part_have_no_separator() {
    for kind in ["client", "server", "peer", "radio", "dish", "scatter", "gather", "channel"] {
        let out = run(&format!("{kind} {ANY} --multipart |"), b"");
        assert_eq!(out.status.code(), Some(2), "{kind}");
        assert!(text(&out.stderr).contains("have one part"), "{kind}: {}", text(&out.stderr));
    }
}

#[test]
fn timeouts_are_124() {
    for line in [
        "client tcp://127.0.0.1:* -q -t 10ms --message x",
        "server tcp://127.0.0.1:* -q -t 10ms",
        "peer tcp://127.0.0.1:* -q -t 10ms",
        "radio tcp://127.0.0.1:* -q -t 10ms --wait-peers 1 --message x",
        "dish tcp://127.0.0.1:* -q -t 10ms -g a",
        "scatter tcp://127.0.0.1:* -q -t 10ms --message x",
        "gather tcp://127.0.0.1:* -q -t 10ms",
        "channel tcp://127.0.0.1:* -q -t 10ms --message x",
        "scatter tcp://127.0.0.1:1 --linger 10ms --message x",
    ] {
        let out = run(line, b"");
        assert_eq!(out.status.code(), Some(124), "{line}: {}", text(&out.stderr));
    }
}

#[test]
fn ctrl_c_is_130() {
    for kind in ["client", "server", "peer", "radio", "dish -g a", "scatter", "gather", "channel"] {
        let mut running = Running::bound(&format!("{kind} {ANY}"), 1);
        running.interrupt();
        assert_eq!(running.end().0, 130, "{kind}");
    }
}

#[test]
fn a_group_that_is_too_long_is_named() {
    for kind in ["radio", "dish"] {
        let out = run(&format!("{kind} {ANY} --group {}", "g".repeat(256)), b"");
        assert_eq!(out.status.code(), Some(2), "{kind}");
        assert!(text(&out.stderr).contains("255"), "{kind}: {}", text(&out.stderr));
    }
}

#[test]
fn a_proxy_passes_what_is_scattered() {
    let mut proxy =
        Running::bound(&format!("proxy {ANY} {ANY} --front-type gather --back-type scatter --stats"), 2);
    let [front, back] = &proxy.endpoints.clone()[..] else { panic!("two endpoints") };
    let gather = Running::bound(&format!("gather {back} --connect -n 3 -t {LIMIT}"), 0);
    assert!(run(&format!("scatter {front} -t {LIMIT}"), b"1\n2\n3\n").status.success());
    assert_eq!(gather.end().1, "1\n2\n3\n");
    proxy.interrupt();
    let (code, _, said) = proxy.end();
    assert_eq!(code, 130);
    assert!(said.contains("passed 3 frames, "), "{said}");
}

#[test]
fn over_udp_a_dish_binds_and_a_radio_connects() {
    let dish = Running::bound(&format!("dish udp://127.0.0.1:* -g weather -n 2 -t {LIMIT}"), 1);
    let endpoint = dish.endpoint().to_owned();
    assert!(run(&format!("radio {endpoint} --group news --message none"), b"").status.success());
    assert!(run(&format!("radio {endpoint} --group weather"), b"sunny\nrainy\n").status.success());
    let (code, out, _) = dish.end();
    assert_eq!((code, &out[..]), (0, "weather\tsunny\nweather\trainy\n"));
    let waits = run(&format!("radio {endpoint} --wait-peers 1"), b"");
    assert_eq!(waits.status.code(), Some(2));
    assert!(text(&waits.stderr).contains("--wait-peers"), "{}", text(&waits.stderr));
}

#[test]
fn a_dgram_answers_plain_udp() {
    let plain = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    plain.set_read_timeout(Some(std::time::Duration::from_secs(30))).unwrap();
    let mut here = Running::bound("dgram udp://127.0.0.1:* -n 2 --format json", 1);
    let address = here.endpoint().strip_prefix("udp://").unwrap().to_owned();
    plain.send_to(b"hello", &address).unwrap();
    assert_eq!(here.line(), "[\"hello\"]");
    here.type_in("welcome\n");
    let mut buffer = [0; 100];
    let (length, from) = plain.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..length], from.to_string()), (&b"welcome"[..], address.clone()));
    plain.send_to(b"bye", &address).unwrap();
    let (code, out, _) = here.end();
    assert_eq!((code, &out[..]), (0, "[\"bye\"]\n"));

    let peer = plain.local_addr().unwrap();
    let sent = run(&format!("dgram udp://127.0.0.1:* --to {peer} -n 0 --message one"), b"");
    assert!(sent.status.success());
    assert_eq!(plain.recv(&mut buffer).map(|length| buffer[..length].to_vec()).unwrap(), b"one");

    let mut here = Running::bound("dgram udp://127.0.0.1:* -n 1 -m |", 1);
    here.type_in(&format!("{peer}|two\n"));
    let (length, from) = plain.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"two");
    plain.send_to(b"three", from).unwrap();
    assert_eq!(here.line(), format!("{peer}|three"));
    assert_eq!(here.end().0, 0);
    assert_eq!(run("dgram udp://127.0.0.1:* --to nowhere", b"").status.code(), Some(2));
}

#[test]
fn what_the_network_refuses_was_not_sent() {
    // An IPv4 socket reaches no IPv6 address; nobody may send to a broadcast address who did not ask for it.
    for line in ["dgram udp://127.0.0.1:* --to [::1]:9 -n 0 --stats", "radio udp://255.255.255.255:9 --stats"]
    {
        let out = run(line, b"one\ntwo\n");
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(1), "{line}: {said}");
        assert!(said.contains("2 messages were not sent: refused by the network: "), "{line}: {said}");
        assert!(said.contains("tried to send 2 messages") && !said.contains("\nsent"), "{line}: {said}");
    }
    let mut dgram = Running::bound("dgram udp://127.0.0.1:* -m |", 1);
    dgram.type_in("[::1]:9|lost\n");
    let plain = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    dgram.type_in(&format!("{}|sent\n", plain.local_addr().unwrap()));
    assert_eq!(plain.recv(&mut [0; 10]).unwrap(), 4);
    dgram.interrupt();
    let (code, _, said) = dgram.end();
    assert_eq!(code, 130);
    assert!(said.contains("1 message was not sent"), "{said}");
}

#[test]
fn datagrams_that_are_none_are_counted() {
    let plain = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    for (stats, lines) in [("", 1), (" --stats", 3)] {
        let mut dish = Running::bound(&format!("dish udp://127.0.0.1:* -g a{stats}"), 1);
        let address = dish.endpoint().strip_prefix("udp://").unwrap().to_owned();
        for datagram in [&b""[..], b"\x09ab", b"\x01bother group", b"\x01aok"] {
            plain.send_to(datagram, &address).unwrap();
        }
        assert_eq!(dish.line(), "a\tok");
        dish.interrupt();
        let (code, _, said) = dish.end();
        assert_eq!((code, said.lines().count()), (130, lines), "{said}");
        assert!(said.contains("2 datagrams dropped: no message"), "{said}");
        assert_eq!(said.contains("1 datagram dropped: of no group"), !stats.is_empty(), "{said}");
    }
}

#[test]
fn a_radio_over_udp_waits_for_the_system_and_drops_nothing() {
    let plain = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let lines: String = (0..5_000).map(|n| format!("{n}\n")).collect();
    let radio = format!("radio udp://{} --hwm 10 --stats", plain.local_addr().unwrap());
    let out = run(&radio, lines.as_bytes());
    let said = text(&out.stderr);
    assert_eq!(out.status.code(), Some(0), "{said}");
    assert!(said.starts_with("sent 5,000 messages") && !said.contains("dropped"), "{said}");
}
