//! What surrounds a command: standard output and error that are full or closed, signals, peers that come, go and stall.

mod support;

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use ferrozmq::{Context, SocketType};
use support::{LIMIT, Running, fzmq, run, text};

const ANY: &str = "tcp://127.0.0.1:*";

/// Where nothing can be written.
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

#[test]
fn nobody_need_listen_to_standard_error() {
    for line in [
        format!("pull {ANY} -n 0 --stats --verbose"),
        format!("push {ANY} --bind --message x -t 1ms"),
        "doctor tcp://127.0.0.1:1".to_owned(),
    ] {
        let heard = run(&line, b"").status.code();
        let unheard = fzmq(&line).stderr(full()).status().unwrap().code();
        assert_eq!(unheard, heard, "{line}");
        assert_ne!(unheard, Some(101), "{line}");
    }
    // Words of another thread, into a pipe that is closed.
    let endpoint = format!("ipc://@fzmq-surroundings-{}", std::process::id());
    let mut pull = fzmq(&format!("pull {endpoint} --bind --verbose -n 1")).spawn().unwrap();
    drop(pull.stderr.take());
    assert!(run(&format!("push {endpoint} --message x"), b"").status.success());
    let out = pull.wait_with_output().unwrap();
    assert_eq!((out.status.code(), text(&out.stdout)), (Some(0), "x\n".to_owned()));
}

#[test]
fn standard_output_that_is_full_or_closed_is_no_panic() {
    let dir = std::env::temp_dir().join(format!("fzmq-surroundings-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    let pull = Running::bound(&format!("pull {ANY} -t {LIMIT}"), 1);
    for (number, line) in ["keygen", "doctor"].into_iter().enumerate() {
        let line = |end: &str| match line {
            "keygen" => format!("keygen {}", dir.join(format!("{number}-{end}")).display()),
            _ => format!("doctor {}", pull.endpoint()),
        };
        let out = fzmq(&line("full")).stdout(full()).output().unwrap();
        assert_eq!(out.status.code(), Some(1), "{}", line("full"));
        assert!(text(&out.stderr).contains("standard output: "), "{}", text(&out.stderr));
        let mut closed = fzmq(&line("closed")).spawn().unwrap();
        drop(closed.stdout.take());
        assert_eq!(closed.wait().unwrap().code(), Some(0), "{}", line("closed"));
    }
    // The keys are there, whoever heard of them.
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 4);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn under_nohup_a_hangup_ends_nothing() {
    let endpoint = format!("ipc://@fzmq-nohup-{}", std::process::id());
    let mut pull = Command::new("nohup")
        .arg(env!("CARGO_BIN_EXE_fzmq"))
        .args(["pull", &endpoint, "--bind", "-n", "1", "-t", LIMIT])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(pull.stderr.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.into_iter().any(|line| line.starts_with("bound to ")));
    let hangup = Command::new("sh").args(["-c", &format!("kill -HUP {}", pull.id())]).status();
    assert!(hangup.unwrap().success());
    run(&format!("push {endpoint} --message x -t {LIMIT} --linger {LIMIT}"), b"");
    let out = pull.wait_with_output().unwrap();
    assert_eq!((out.status.code(), text(&out.stdout)), (Some(0), "x\n".to_owned()));
}

#[test]
fn strangers_are_no_peers_and_take_none_away() {
    let mut push = Running::bound(&format!("push {ANY} --bind -w 2 --message 1 --message 2 -t {LIMIT}"), 1);
    let pull = || {
        let mut pull = Running::start(&format!("pull {} --connect -n 1 -t {LIMIT} -v", push.endpoint()));
        while !pull.said().starts_with("ready: ") {}
        pull
    };
    let first = pull();
    let mut stranger = TcpStream::connect(push.endpoint().trim_start_matches("tcp://")).unwrap();
    stranger.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    // Until the connection is closed; what it is told before is of no interest.
    let _ = stranger.read_to_end(&mut Vec::new());
    let second = pull();
    let mut got = [first.end().1, second.end().1];
    got.sort();
    assert_eq!(got, ["1\n", "2\n"]);
    push.stdin = None;
    assert_eq!(push.end().0, 0);
}

#[test]
fn a_signal_ends_who_writes_to_somebody_that_does_not_read() {
    let mut pull = Running::bound(&format!("pull {ANY}"), 1);
    let mut push = Context::new().push().linger(Duration::ZERO).connect(pull.endpoint()).unwrap();
    let line = vec![b'x'; 100_000];
    for _ in 0..10 {
        push.send(&line[..]).unwrap();
    }
    // The pipe does not hold the others: the command writes, and that is where it stays.
    assert_eq!(pull.line().len(), line.len());
    pull.interrupt();
    assert_eq!(pull.child.wait().unwrap().code(), Some(130));
    // Nobody ever writes to this file, either.
    let fifo = std::env::temp_dir().join(format!("fzmq-fifo-{}", std::process::id()));
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let mut push = Running::bound(&format!("push {ANY} --bind --file {}", fifo.display()), 1);
    push.interrupt();
    assert_eq!(push.end().0, 130);
    fs::remove_file(fifo).unwrap();
}

#[test]
fn messages_for_peers_that_are_not_there_are_counted_and_the_others_are_sent() {
    let mut router = Running::bound(&format!("router {ANY} -t {LIMIT} --multipart |"), 1);
    let dealer = format!("dealer {} --id here -n 2 -t {LIMIT} --message hello", router.endpoint());
    let dealer = fzmq(&dealer).spawn().unwrap();
    assert_eq!(router.line(), "here|hello");
    // All at once, and more would be typed later: what was typed does not wait for that.
    router.type_in("nobody|1\nnobody|2\nhere|3\nnobody|4\nhere|5\n");
    assert_eq!(text(&dealer.wait_with_output().unwrap().stdout), "3\n5\n");
    router.interrupt();
    let (code, _, said) = router.end();
    assert_eq!(code, 130);
    assert!(said.contains("3 messages were not sent: the peer was not there"), "{said}");
    assert_eq!(said.matches("warning").count(), 2, "{said}");
    // At the end of the input that is what the command ends with.
    let out = run(&format!("router {ANY} -m | -n 0"), b"nobody|1\nnobody|2\nnobody|3\n");
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("3 messages were not sent"), "{}", text(&out.stderr));
}

/// How much of the processors a process has used, in ticks of 10 ms, and how often it went to sleep.
fn used(process: u32) -> (u64, u64) {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let sleeps = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).unwrap();
    let ticks = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    (ticks, sleeps.trim().parse().unwrap())
}

#[test]
fn who_waits_for_a_peer_that_does_not_read_sleeps() {
    for (here, there) in [("server", SocketType::Client), ("router", SocketType::Dealer)] {
        let mut sender = Running::bound(&format!("{here} {ANY} --hwm 1"), 1);
        let mut peer = Context::new().socket(there).receive_hwm(1).connect(sender.endpoint()).unwrap();
        peer.send("hello").unwrap();
        assert_eq!(sender.line(), "hello");
        // More than queues and buffers hold.
        let written = Arc::new(AtomicU64::new(0));
        let (mut stdin, count) = (sender.stdin.take().unwrap(), written.clone());
        thread::spawn(move || {
            let line = [&[b'x'; 100_000][..], b"\n"].concat();
            while stdin.write_all(&line).is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        // Until nothing flows any more; then it either sleeps again and again, or is busy for half a second.
        let process = sender.child.id();
        loop {
            let (before, lines) = (used(process), written.load(Ordering::Relaxed));
            let mut now = before;
            while now.1 < before.1 + 50 && now.0 < before.0 + 50 {
                thread::sleep(Duration::from_millis(1));
                now = used(process);
            }
            if written.load(Ordering::Relaxed) == lines {
                let (ticks, sleeps) = (now.0 - before.0, now.1 - before.1);
                assert!(ticks < 25, "{here}: busy for {ticks}0 ms between {sleeps} sleeps");
                break;
            }
        }
        sender.kill();
    }
}
