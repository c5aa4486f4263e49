//! Sockets as message cats, seen from the shell.

mod support;

use support::{LIMIT, Running, fzmq, run, text};

const ANY: &str = "tcp://127.0.0.1:*";

#[test]
fn push_and_pull_carry_lines_in_order() {
    let pull = Running::bound(&format!("pull {ANY} --count 1000 --stats --timeout {LIMIT}"), 1);
    let lines: String = (0..1000).map(|n| format!("line {n}\n")).collect();
    let push = run(&format!("push {} --stats --timeout {LIMIT}", pull.endpoint()), lines.as_bytes());
    assert_eq!(push.status.code(), Some(0));
    assert!(text(&push.stderr).starts_with("sent 1,000 messages, "), "{}", text(&push.stderr));
    let (code, out, said) = pull.end();
    assert_eq!((code, out), (0, lines));
    assert!(said.starts_with("received 1,000 messages, "), "{said}");
}

#[test]
fn messages_wait_for_those_who_come_later_than_the_sender_ends_its_input() {
    let mut push = Running::bound(&format!("push {ANY} --bind --message early --timeout {LIMIT}"), 1);
    push.stdin = None;
    let pull = run(&format!("pull {} --connect -n 1 -t {LIMIT}", push.endpoint()), b"");
    assert_eq!(text(&pull.stdout), "early\n");
    assert_eq!(push.end().0, 0);
}

#[test]
fn a_subscriber_gets_its_topics_and_no_others() {
    let mut publisher = Running::bound(&format!("pub {ANY} --wait-peers 1 --timeout {LIMIT}"), 1);
    let sub = format!("sub {} --topic a -n 2 -t {LIMIT}", publisher.endpoint());
    let sub = fzmq(&sub).spawn().unwrap();
    publisher.type_in("a1\nb1\nc1\nb2\na2\n");
    let out = sub.wait_with_output().unwrap();
    assert_eq!((out.status.code(), text(&out.stdout)), (Some(0), "a1\na2\n".to_owned()));
    assert_eq!(publisher.end().0, 0);
}

#[test]
fn topics_add_up() {
    let line = format!("pub {ANY} --message a --message b --message c --interval 1ms -t {LIMIT}");
    let publisher = Running::bound(&line, 1);
    let mut sub = Running::bound(&format!("sub {} --topic a --topic c -t {LIMIT}", publisher.endpoint()), 0);
    let mut seen = String::new();
    while !(seen.contains('a') && seen.contains('c')) {
        seen += &sub.line();
    }
    assert!(!seen.contains('b'), "{seen}");
    for mut running in [sub, publisher] {
        running.interrupt();
        assert_eq!(running.end().0, 130);
    }
}

#[test]
fn a_publisher_puts_the_topic_in_front() {
    let line = format!("pub {ANY} -w 1 -t {LIMIT} --topic weather --message sunny --message rainy -n 3");
    let publisher = Running::bound(&line, 1);
    let sub = run(&format!("sub {} --format json -n 3 -t {LIMIT}", publisher.endpoint()), b"");
    assert_eq!(
        text(&sub.stdout),
        "[\"weather\",\"sunny\"]\n[\"weather\",\"rainy\"]\n[\"weather\",\"sunny\"]\n"
    );
    assert_eq!(publisher.end().0, 0);
}

#[test]
fn requests_are_echoed_or_answered_by_a_text_a_command_or_the_input() {
    for (how, input, answers) in [
        ("--echo", "", "one\ntwo\n"),
        ("--reply fixed", "", "fixed\nfixed\n"),
        ("--exec rev", "", "eno\nowt\n"),
        ("", "yes\nno\n", "yes\nno\n"),
    ] {
        let mut rep = Running::bound(&format!("rep {ANY} -n 2 -t {LIMIT} {how}"), 1);
        rep.type_in(input);
        let req = run(&format!("req {} -t {LIMIT}", rep.endpoint()), b"one\ntwo");
        assert_eq!((req.status.code(), text(&req.stdout)), (Some(0), answers.to_owned()), "{how}");
        let (code, out, said) = rep.end();
        assert_eq!((code, out.as_str(), said.as_str()), (0, "one\ntwo\n", ""), "{how}");
    }
}

#[test]
fn a_request_that_the_input_does_not_answer_ends_the_server() {
    let mut rep = Running::bound(&format!("rep {ANY} -t {LIMIT}"), 1);
    rep.type_in("yes\n");
    let mut req = Running::start(&format!("req {} --message one --message two", rep.endpoint()));
    assert_eq!([rep.line(), req.line(), rep.line()], ["one", "yes", "two"]);
    rep.stdin = None;
    let (code, _, said) = rep.end();
    assert_eq!((code, said.trim()), (1, "fzmq: the input has ended, and a request was not answered"));
    req.kill();
}

#[test]
fn a_command_that_fails_is_reported_and_its_output_is_the_answer() {
    // In a script, as the arguments here have no blanks.
    let script = std::env::temp_dir().join(format!("fzmq-test-{}.sh", std::process::id()));
    std::fs::write(&script, "echo sorry; exit 3\n").unwrap();
    let mut rep = fzmq(&format!("rep {ANY} -n 1 -t {LIMIT} --exec"));
    rep.arg(format!("sh {}", script.display()));
    let mut child = rep.spawn().unwrap();
    let mut bound = String::new();
    let mut said = std::io::BufReader::new(child.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut said, &mut bound).unwrap();
    let endpoint = bound.trim().strip_prefix("bound to ").unwrap().to_owned();
    let req = run(&format!("req {endpoint} --message please -t {LIMIT}"), b"");
    assert_eq!(text(&req.stdout), "sorry\n");
    let mut reason = String::new();
    std::io::Read::read_to_string(&mut said, &mut reason).unwrap();
    assert!(reason.contains("exit status: 3"), "{reason}");
    assert!(child.wait().unwrap().success());
    std::fs::remove_file(script).unwrap();
}

#[test]
fn a_router_answers_the_peer_heard_from_last() {
    let mut router = Running::bound(&format!("router {ANY} -n 1 -t {LIMIT}"), 1);
    router.type_in("");
    let mut req = fzmq(&format!("req {} --message ping -t {LIMIT}", router.endpoint())).spawn().unwrap();
    assert_eq!(router.line(), "ping");
    drop(router);
    req.kill().unwrap();
    req.wait().unwrap();

    let mut router = Running::bound(&format!("router {ANY} -t {LIMIT}"), 1);
    let req = fzmq(&format!("req {} --message ping -t {LIMIT}", router.endpoint())).spawn().unwrap();
    assert_eq!(router.line(), "ping");
    router.type_in("pong\n");
    assert_eq!(text(&req.wait_with_output().unwrap().stdout), "pong\n");
    router.interrupt();
    assert_eq!(router.end().0, 130);
}

#[test]
fn with_multipart_a_router_names_its_peers() {
    let mut router = Running::bound(&format!("router {ANY} -t {LIMIT} --multipart |"), 1);
    let dealer = format!("dealer {} --id worker-1 -m | -n 1 -t {LIMIT} --message a|b", router.endpoint());
    let dealer = fzmq(&dealer).spawn().unwrap();
    assert_eq!(router.line(), "worker-1|a|b");
    router.type_in("worker-1|c|d\n");
    assert_eq!(text(&dealer.wait_with_output().unwrap().stdout), "c|d\n");
    router.interrupt();
    assert_eq!(router.end().0, 130);
}

#[test]
fn a_pair_talks_both_ways() {
    let mut here = Running::bound(&format!("pair {ANY} -n 1 -t {LIMIT}"), 1);
    let there = fzmq(&format!("pair {} -n 1 -t {LIMIT} --message hello", here.endpoint())).spawn().unwrap();
    here.type_in("welcome\n");
    assert_eq!(here.line(), "hello");
    assert_eq!(text(&there.wait_with_output().unwrap().stdout), "welcome\n");
    assert_eq!(here.end().0, 0);
}

#[test]
fn an_xpub_shows_subscriptions_and_an_xsub_makes_them() {
    let mut xpub = Running::bound(&format!("xpub {ANY} -t {LIMIT}"), 1);
    let xsub = fzmq(&format!("xsub {} --topic we -n 1 -t {LIMIT}", xpub.endpoint())).spawn().unwrap();
    assert_eq!(xpub.line(), "+we");
    xpub.type_in("news\nweather\n");
    assert_eq!(text(&xsub.wait_with_output().unwrap().stdout), "weather\n");
    assert_eq!(xpub.line(), "-we");
    xpub.interrupt();
    assert_eq!(xpub.end().0, 130);
}

#[test]
fn a_stream_speaks_with_plain_tcp() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let client =
        fzmq(&format!("stream {endpoint} --format raw --message GET -n 1 -t {LIMIT}")).spawn().unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let mut request = [0; 3];
    server.read_exact(&mut request).unwrap();
    assert_eq!(&request, b"GET");
    server.write_all(b"answer").unwrap();
    drop((server, listener));
    let out = client.wait_with_output().unwrap();
    assert_eq!((out.status.code(), text(&out.stdout)), (Some(0), "answer".to_owned()));
}

#[test]
fn any_bytes_pass_with_lengths_in_front_or_zeros_between() {
    let lengths = b"\0\0\0\x03a\nb\0\0\0\0\0\0\0\x02\0\xff";
    let pull = Running::bound(
        &format!("pull ipc://@fzmq-test-{} -n 3 --format hex -t {LIMIT}", std::process::id()),
        1,
    );
    assert!(run(&format!("push {} --length", pull.endpoint()), lengths).status.success());
    assert_eq!(pull.end().1, "610a62\n\n00ff\n");

    let pull = Running::bound(&format!("pull {ANY} -n 2 --null -t {LIMIT}"), 1);
    assert!(run(&format!("push {} --null", pull.endpoint()), b"a\nb\0c").status.success());
    assert_eq!(pull.end().1, "a\nb\0c\0");
}

#[test]
fn what_lies_in_a_file_is_sent_and_to_several_endpoints() {
    let file = std::env::temp_dir().join(format!("fzmq-test-{}.txt", std::process::id()));
    std::fs::write(&file, "1\n2\n3\n4\n").unwrap();
    let pulls = [(); 2].map(|()| Running::bound(&format!("pull {ANY} -n 2 -t {LIMIT}"), 1));
    let [one, two] = &pulls;
    let line =
        format!("push {} {} --file {} -w 2 -t {LIMIT}", one.endpoint(), two.endpoint(), file.display());
    assert!(run(&line, b"").status.success());
    let mut got: Vec<_> = pulls.map(|pull| pull.end().1).join("").lines().map(str::to_owned).collect();
    got.sort();
    assert_eq!(got, ["1", "2", "3", "4"]);
    std::fs::remove_file(file).unwrap();
}

#[test]
fn verbose_tells_of_connections() {
    let mut pull = Running::bound(&format!("pull {ANY} --verbose -n 1 -t {LIMIT}"), 0);
    let said = [pull.said(), pull.said()];
    let endpoint = said.iter().find_map(|line| line.strip_prefix("bound to ")).unwrap().to_owned();
    assert!(said.iter().any(|line| line == &format!("listening: {endpoint}")), "{said:?}");
    assert!(run(&format!("push {endpoint} --message x"), b"").status.success());
    let (code, out, said) = pull.end();
    assert_eq!((code, out.as_str()), (0, "x\n"));
    assert!(said.contains("accepted: ") && said.contains("ready: "), "{said}");
}

#[test]
fn quiet_says_nothing() {
    let out = run(&format!("pull {ANY} --quiet -n 0"), b"");
    assert_eq!((out.status.code(), text(&out.stderr)), (Some(0), String::new()));
}

#[test]
fn timeouts_are_124() {
    for line in [
        format!("pull {ANY} -q -t 10ms"),
        format!("rep {ANY} -q -t 10ms --echo"),
        format!("push {ANY} -q -t 10ms --message x"),
        format!("push {ANY} -q -t 10ms --wait-peers 1 --message x"),
        format!("pub {ANY} -q -t 10ms --wait-peers 1 --message x"),
        format!("req {ANY} -q -t 10ms --message x"),
        format!("dealer {ANY} -q -t 10ms"),
        "push tcp://127.0.0.1:1 --linger 10ms --message x".to_owned(),
    ] {
        let out = run(&line, b"");
        assert_eq!(out.status.code(), Some(124), "{line}: {}", text(&out.stderr));
        assert!(text(&out.stderr).contains("10.0 ms"), "{line}: {}", text(&out.stderr));
    }
}

#[test]
fn mistakes_are_named() {
    for (line, code, words) in [
        ("pull tcp:/x", 2, "endpoint \"tcp:/x\": expected"),
        ("pull pigeon://x", 2, "endpoint \"pigeon://x\":"),
        ("pull tcp://127.0.0.1:99999", 2, "endpoint \"tcp://127.0.0.1:99999\": the port"),
        ("pull inproc://x", 2, "inproc stays within a process"),
        ("pull ipc:///no/such/directory/socket", 1, "endpoint \"ipc:///no/such/directory/socket\": "),
        ("push tcp://127.0.0.1:1 --file /no/such/file", 1, "/no/such/file: No such file"),
        ("pull", 2, "ENDPOINT"),
        ("pull tcp://127.0.0.1:1 --timeout soon", 2, "expected a time like 500ms"),
        ("pull tcp://127.0.0.1:1 --bind --connect", 2, "cannot be used with"),
        ("push tcp://127.0.0.1:1 --rate 0", 2, "messages per second"),
        ("teleport tcp://127.0.0.1:1", 2, "unrecognized subcommand"),
    ] {
        let out = run(line, b"");
        let said = text(&out.stderr);
        assert_eq!(out.status.code(), Some(code), "{line}: {said}");
        assert!(said.contains(words), "{line}: {said}");
    }
    let out = run(&format!("push {ANY} --length -q"), b"\0\0\0\x09short");
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("standard input: ends in the middle of a message"));
}

#[test]
fn an_address_in_use_is_named() {
    let mut pull = Running::bound(&format!("pull {ANY}"), 1);
    let out = run(&format!("pull {}", pull.endpoint()), b"");
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains(pull.endpoint()), "{}", text(&out.stderr));
    pull.interrupt();
    assert_eq!(pull.end().0, 130);
}

#[test]
fn ctrl_c_is_130_whatever_goes_on() {
    for line in [
        format!("pull {ANY} --stats"),
        format!("req {ANY} --bind --message x"),
        format!("push {ANY} --message x"),
        format!("pub {ANY} --message x --interval 1h"),
        format!("push {ANY} --wait-peers 1"),
        format!("pub {ANY} --wait-peers 1"),
        format!("rep {ANY}"),
    ] {
        let mut running = Running::bound(&line, 1);
        running.interrupt();
        let (code, _, said) = running.end();
        assert_eq!(code, 130, "{line}");
        assert_eq!(line.contains("--stats"), said.contains("received 0 messages"), "{line}: {said}");
    }
}

#[test]
fn the_reader_of_the_output_may_go() {
    let mut push = Running::bound(&format!("push {ANY} --bind --message x --interval 1ms -t {LIMIT}"), 1);
    let mut pull = Running::bound(&format!("pull {ANY} {} -t {LIMIT}", "").replace("  ", " "), 1);
    pull.interrupt();
    assert_eq!(pull.end().0, 130);
    let mut pull = fzmq(&format!("pull {} --connect -t {LIMIT}", push.endpoint())).spawn().unwrap();
    drop(pull.stdout.take());
    assert_eq!(pull.wait().unwrap().code(), Some(0));
    push.stdin = None;
    push.interrupt();
    assert_eq!(push.end().0, 130);
}

#[test]
fn help_names_the_exit_codes() {
    for line in ["--help", "pub --help", "proxy --help"] {
        let out = run(line, b"");
        assert_eq!(out.status.code(), Some(0));
        assert!(text(&out.stdout).contains("124  a --timeout or --linger has passed"), "{line}");
    }
}

#[test]
fn help_has_one_form_and_fits_the_command() {
    let commands = "pub sub push pull req rep dealer router pair xpub xsub stream client server peer dgram radio dish \
                    scatter gather channel proxy keygen doctor";
    for command in commands.split_whitespace() {
        let [long, short] = ["--help", "-h"].map(|how| text(&run(&format!("{command} {how}"), b"").stdout));
        assert_eq!(long, short, "{command}");
        assert!(long.contains("Exit codes:") && long.lines().count() < 80, "{command}:\n{long}");
        let options = &long[long.find("Options:").unwrap()..];
        for (option, commands) in [
            ("--topic", "pub sub xsub"),
            ("--echo", "rep"),
            ("--group", "radio dish proxy"),
            ("--id", "req dealer router"),
            ("--to", "dgram"),
        ] {
            let has = options.contains(&format!(" {option} <")) || options.contains(&format!(" {option}  "));
            assert_eq!(has, commands.split(' ').any(|one| one == command), "{command}: {option}");
        }
        // What only this command has stands first.
        if let Some(topic) = options.find(" --topic") {
            assert!(options.find(" --bind").is_some_and(|bind| topic < bind), "{long}");
        }
    }
}

#[test]
fn with_verbose_a_failed_connection_has_its_reason() {
    // Nobody serves port 1; no label of a name is empty.
    for (endpoint, reason) in [
        ("tcp://127.0.0.1:1", "the connection was refused"),
        ("ipc:///no/such/directory/socket", "no such endpoint or path"),
        ("tcp://a..b:5555", "the host or interface cannot be resolved"),
    ] {
        let mut push = Running::start(&format!("push {endpoint} --verbose --message x --linger {LIMIT}"));
        let wanted = format!("not connected: {endpoint}: {reason}");
        loop {
            let said = push.said();
            assert!(!said.is_empty(), "{endpoint}: it has ended");
            if said == wanted {
                break;
            }
        }
        push.kill();
    }
}

#[test]
fn that_nobody_is_there_yet_is_no_warning_but_an_unknown_name_is() {
    let waits = run("push tcp://127.0.0.1:1 --message x --linger 300ms", b"");
    assert_eq!(text(&waits.stderr).lines().count(), 1, "{}", text(&waits.stderr));
    let mut unknown = Running::start(&format!("push tcp://a..b:5555 --message x --linger {LIMIT}"));
    let said = unknown.said();
    assert!(said.starts_with("fzmq: warning: not connected: tcp://a..b:5555: "), "{said}");
    unknown.interrupt();
    let (code, _, more) = unknown.end();
    assert!((code, more.contains("warning")) == (130, false), "{code}, {more}");
}
