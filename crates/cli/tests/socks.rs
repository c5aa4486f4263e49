//! Cats and the doctor behind a SOCKS5 proxy.

mod support;

use std::{
    io::{self, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};

use support::{LIMIT, Running, run, text};

/// A proxy for one name, with a name and a password, that serves as many clients as come; its address.
fn proxy(target: &str) -> String {
    let (listener, target) = (TcpListener::bind("127.0.0.1:0").unwrap(), target.replace("tcp://", ""));
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for client in listener.incoming() {
            let target = target.clone();
            thread::spawn(move || serve(client.unwrap(), &target));
        }
    });
    address
}

fn serve(mut client: TcpStream, target: &str) -> io::Result<()> {
    assert_eq!(take(&mut client, 3)?, b"\x05\x01\x02");
    client.write_all(b"\x05\x02")?;
    let login = b"\x01\x02me\x06secret";
    if take(&mut client, login.len())? != login {
        return client.write_all(b"\x01\x01");
    }
    client.write_all(b"\x01\0")?;
    let wanted = b"\x05\x01\0\x03\x0Etasks.internal\x15\xB3";
    assert_eq!(take(&mut client, wanted.len())?, wanted);
    let target = TcpStream::connect(target)?;
    client.write_all(b"\x05\0\0\x01\0\0\0\0\0\0")?;
    let (mut up, mut down) = (client.try_clone()?, target.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut down, &mut up);
        let _ = up.shutdown(Shutdown::Write);
    });
    io::copy(&mut &client, &mut &target)?;
    target.shutdown(Shutdown::Write)
}

fn take(client: &mut TcpStream, count: usize) -> io::Result<Vec<u8>> {
    let mut said = vec![0; count];
    client.read_exact(&mut said).map(|()| said)
}

#[test]
fn messages_pass_through_a_proxy() {
    let mut pull = Running::bound(&format!("pull tcp://127.0.0.1:* -n 2 --timeout {LIMIT}"), 1);
    let proxy = proxy(pull.endpoint());
    let pushed = run(
        &format!("push tcp://tasks.internal:5555 --socks-proxy {proxy} --socks-user me:secret"),
        b"one\ntwo\n",
    );
    assert!(pushed.status.success(), "{}", text(&pushed.stderr));
    assert_eq!((pull.line(), pull.line()), ("one".into(), "two".into()));
}

#[test]
fn the_doctor_goes_through_a_proxy() {
    let rep = Running::bound("rep tcp://127.0.0.1:* --echo", 1);
    let proxy = proxy(rep.endpoint());
    let doctor = |user: &str| {
        run(&format!("doctor tcp://tasks.internal:5555 --socks-proxy {proxy} --socks-user {user}"), b"")
    };
    let seen = doctor("me:secret");
    assert!(seen.status.success(), "{}", text(&seen.stderr));
    assert!(text(&seen.stdout).contains("we are let in"), "{}", text(&seen.stdout));
    let through = format!("through the SOCKS5 proxy {proxy}");
    assert_eq!(text(&seen.stdout).lines().next(), Some(&*format!("reachable {through}")));
    let refused = doctor("me:Secret");
    assert_eq!(refused.status.code(), Some(1));
    let said = text(&refused.stderr);
    assert!(said.contains(&format!("tcp://tasks.internal:5555 {through}: ")), "{said}");
    assert!(said.contains("refuses the name or the password"), "{said}");
}

#[test]
fn the_doctor_tells_a_proxy_that_is_not_there_from_a_peer() {
    let seen = run("doctor tcp://tasks.internal:5555 --socks-proxy 127.0.0.1:1", b"");
    let said = text(&seen.stderr);
    assert_eq!(seen.status.code(), Some(1), "{said}");
    assert!(said.contains(": the SOCKS5 proxy 127.0.0.1:1 is not reached: "), "{said}");
}

#[test]
fn what_is_no_proxy_is_a_wrong_command_line() {
    for line in [
        "push tcp://127.0.0.1:1 --socks-proxy nowhere",
        "push tcp://127.0.0.1:1 --socks-user me:secret",
        "doctor tcp://127.0.0.1:1 --socks-proxy nowhere",
    ] {
        let seen = run(line, b"");
        assert!(matches!(seen.status.code(), Some(1 | 2)), "{line}: {}", text(&seen.stderr));
        assert!(text(&seen.stderr).to_lowercase().contains("socks"), "{line}: {}", text(&seen.stderr));
    }
}

#[test]
fn a_proxy_that_nothing_goes_through_is_a_wrong_command_line() {
    for line in [
        "push ipc:///tmp/nobody --socks-proxy 127.0.0.1:1 --message x",
        "pull tcp://127.0.0.1:* --socks-proxy 127.0.0.1:1 -n 1",
        "push tcp://127.0.0.1:* --bind --socks-proxy 127.0.0.1:1 --message x",
        "radio udp://127.0.0.1:1 --socks-proxy 127.0.0.1:1 --message x",
        "doctor ipc:///tmp/nobody --socks-proxy 127.0.0.1:1",
        "proxy tcp://127.0.0.1:* ipc:///tmp/nobody --connect-back --back-socks-proxy 127.0.0.1:1",
    ] {
        let seen = run(line, b"");
        assert_eq!(seen.status.code(), Some(2), "{line}: {}", text(&seen.stderr));
        assert!(text(&seen.stderr).contains("only tcp connections go through a proxy"), "{line}");
    }
    // One endpoint of several that does is enough.
    let pull = Running::bound(&format!("pull tcp://127.0.0.1:* -n 1 --timeout {LIMIT}"), 1);
    let proxy = proxy(pull.endpoint());
    let local = format!("ipc://@ferrozmq-socks-{}", std::process::id());
    let beside = Running::bound(&format!("pull {local} -n 1 --timeout {LIMIT}"), 1);
    let pushed = run(
        &format!("push {local} tcp://tasks.internal:5555 --socks-proxy {proxy} --socks-user me:secret"),
        b"one\ntwo\n",
    );
    assert!(pushed.status.success(), "{}", text(&pushed.stderr));
    assert_eq!(pull.end().1.len() + beside.end().1.len(), "one\ntwo\n".len());
}

#[test]
fn with_verbose_a_push_says_why_the_proxy_gives_no_connection() {
    let proxy = proxy("127.0.0.1:1");
    for (options, reason) in [
        (
            format!("--socks-proxy {proxy} --socks-user me:Secret"),
            "the proxy refuses the name or the password",
        ),
        (format!("--socks-proxy {proxy} --socks-user me:secret"), "the proxy closed the connection"),
        (
            "--socks-proxy 127.0.0.1:1".to_owned(),
            "not connected: tcp://127.0.0.1:1: the connection was refused",
        ),
    ] {
        let mut push = Running::start(&format!(
            "push tcp://tasks.internal:5555 --verbose --message x --linger {LIMIT} {options}"
        ));
        loop {
            let said = push.said();
            assert!(!said.is_empty(), "{options}: it has ended");
            if said.ends_with(reason) {
                break;
            }
        }
        push.kill();
    }
}

/// A proxy that says that the connection stands, says this, and hangs up once the client has.
fn lying_proxy(words: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let _ = take(&mut client, 3).and_then(|_| client.write_all(b"\x05\0"));
            let _ = take(&mut client, 21).and_then(|_| client.write_all(b"\x05\0\0\x01\0\0\0\0\0\0"));
            let _ = client.write_all(words).and_then(|()| client.shutdown(Shutdown::Write));
            let _ = client.read_to_end(&mut Vec::new());
        }
    });
    address
}

#[test]
fn what_a_proxy_says_after_its_yes_may_be_its_own() {
    for (words, reason) in [
        (&b""[..], "closed before the peer's greeting was complete: by the peer, or by the proxy"),
        (b"\xFF\0\0", "closed before the peer's greeting was complete: by the peer, or by the proxy"),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "it is the proxy's own, or the peer speaks another protocol"),
        (b"\x05\0\0\x01\0\0\0\0\0\0", "it is the proxy's own, or the peer speaks another protocol"),
        (&[0xFF; 100], "it is the proxy's own, or the peer speaks another protocol"),
    ] {
        let proxy = lying_proxy(words);
        let mut push = Running::start(&format!(
            "push tcp://tasks.internal:5555 --socks-proxy {proxy} --message x --timeout {LIMIT}"
        ));
        let said = push.said();
        let expected = said.starts_with("fzmq: warning: handshake failed: ") && said.contains(reason);
        assert!(expected, "{}: {said}", words.escape_ascii());
        push.kill();
    }
}

#[test]
fn a_broker_reaches_its_back_through_a_proxy() {
    let pull = Running::bound(&format!("pull tcp://127.0.0.1:* -n 1 --timeout {LIMIT}"), 1);
    let proxy = proxy(pull.endpoint());
    let broker = "proxy tcp://127.0.0.1:* tcp://tasks.internal:5555 --pull-push --connect-back";
    let broker =
        Running::bound(&format!("{broker} --back-socks-proxy {proxy} --back-socks-user me:secret"), 1);
    let pushed = run(&format!("push {} --message task", broker.endpoint()), b"");
    assert!(pushed.status.success(), "{}", text(&pushed.stderr));
    assert_eq!(pull.end().1, "task\n");
    broker.kill();
}
