//! Why a handshake failed, as each end is told.

use std::{
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use ferrozmq::{
    Builder, Context, Error, HandshakeFailure, HandshakeFailure as Why, Monitor, MonitorEvent, Multipart,
    Pull, Push, Rep, Result, SocksError,
    security::{Authenticator, Judgement, KeyPair},
};

/// Long enough for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_millis(50);
/// Time enough to say what is to be said first, on a machine that is busy.
const LATER: Duration = Duration::from_secs(2);
const HANDLER: &str = "inproc://zeromq.zap.01";

/// Why the next handshake of the monitored socket fails.
fn failure(monitor: &mut Monitor) -> HandshakeFailure {
    loop {
        let event = monitor.recv_timeout(PATIENCE).expect("an event in time").expect("an open socket");
        if let MonitorEvent::HandshakeFailed { reason, .. } = event {
            return reason;
        }
    }
}

/// A PULL of the settings is bound and a PUSH of the settings connects; what each of them is told.
fn both_ends(server: Builder<Pull>, client: Builder<Push>) -> Result<(HandshakeFailure, HandshakeFailure)> {
    let (mut server, mut client) = (server.build()?, client.build()?);
    let (mut at_server, mut at_client) = (server.monitor()?, client.monitor()?);
    server.bind("tcp://127.0.0.1:*")?;
    client.connect(server.last_endpoint())?;
    Ok((failure(&mut at_server), failure(&mut at_client)))
}

/// What a bound PULL of the settings is told about a peer that sends these bytes.
fn about_peer(server: Builder<Pull>, bytes: &[u8], hang_up: bool) -> Result<HandshakeFailure> {
    let mut server = server.build()?;
    let mut monitor = server.monitor()?;
    server.bind("tcp://127.0.0.1:*")?;
    let mut peer = TcpStream::connect(server.last_endpoint().trim_start_matches("tcp://")).expect("a peer");
    peer.write_all(bytes).expect("the peer's bytes");
    let still_there = (!hang_up).then_some(peer);
    let reason = failure(&mut monitor);
    drop(still_there);
    Ok(reason)
}

fn greeting(mechanism: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[..12].copy_from_slice(b"\xFF\0\0\0\0\0\0\0\x01\x7F\x03\x01");
    bytes[12..12 + mechanism.len()].copy_from_slice(mechanism);
    bytes
}

/// A greeting and one command of NULL.
fn with_command(body: &[u8]) -> Vec<u8> {
    let size = (body.len() as u64).to_be_bytes();
    [&greeting(b"NULL")[..], &[6], &size, body].concat()
}

#[test]
fn another_server_key() -> Result<()> {
    let (server, other, client) = (KeyPair::generate()?, KeyPair::generate()?, KeyPair::generate()?);
    let ctx = Context::new();
    let ends =
        both_ends(ctx.pull().curve_server(&server.secret), ctx.push().curve_client(&client, other.public))?;
    assert_eq!(ends, (Why::ServerKey, Why::ClosedOnHello));
    Ok(())
}

#[test]
fn an_unknown_client_key() -> Result<()> {
    let (server, client) = (KeyPair::generate()?, KeyPair::generate()?);
    let ctx = Context::builder().authenticator(Authenticator::new()).build();
    let ends =
        both_ends(ctx.pull().curve_server(&server.secret), ctx.push().curve_client(&client, server.public))?;
    assert_eq!(ends, (Why::Rejected(400), Why::Refused(400)));
    Ok(())
}

#[test]
fn a_wrong_password() -> Result<()> {
    let guard = Authenticator::new().allow_password("admin", "secret");
    let ctx = Context::builder().authenticator(guard).build();
    let ends = both_ends(ctx.pull().plain_server(), ctx.push().plain_client("admin", "guess"))?;
    assert_eq!(ends, (Why::Rejected(400), Why::Refused(400)));
    Ok(())
}

#[test]
fn another_mechanism() -> Result<()> {
    let keys = KeyPair::generate()?;
    let ctx = Context::new();
    let ends = both_ends(ctx.pull().curve_server(&keys.secret), ctx.push().plain_client("admin", "secret"))?;
    assert_eq!(ends, (Why::Mechanism, Why::Mechanism));
    let ends = both_ends(ctx.pull().curve_server(&keys.secret), ctx.push())?;
    assert_eq!(ends, (Why::Mechanism, Why::Mechanism));
    Ok(())
}

#[test]
fn nobody_who_judges() -> Result<()> {
    let (server, client) = (KeyPair::generate()?, KeyPair::generate()?);
    let ctx = Context::new();
    let ends =
        both_ends(ctx.pull().curve_server(&server.secret), ctx.push().curve_client(&client, server.public))?;
    assert_eq!(ends, (Why::HandlerAbsent, Why::Closed));
    let ends = both_ends(ctx.pull().plain_server(), ctx.push().plain_client("admin", "secret"))?;
    assert_eq!(ends, (Why::HandlerAbsent, Why::ClosedOnHello));
    Ok(())
}

#[test]
fn a_handler_that_says_nothing() -> Result<()> {
    let (server, client) = (KeyPair::generate()?, KeyPair::generate()?);
    let ctx = Context::new();
    let _handler: Rep = ctx.rep().bind(HANDLER)?;
    let ends = both_ends(
        ctx.pull().curve_server(&server.secret).handshake_limit(LATER),
        ctx.push().curve_client(&client, server.public),
    )?;
    assert_eq!(ends, (Why::HandlerSilent, Why::Closed));
    Ok(())
}

#[test]
fn an_answer_of_a_handler_without_its_delimiter() -> Result<()> {
    let ctx = Context::new();
    let mut handler = ctx.router().bind(HANDLER)?;
    let answering = thread::spawn(move || -> Result<()> {
        for delimiter in [None, Some("x")] {
            let (asker, _) = handler.recv_from()?;
            let mut answer = Multipart::from(["1.0", "1", "200", "OK", "", ""]);
            if let Some(delimiter) = delimiter {
                answer.push_front(delimiter);
            }
            handler.send_to(&asker, answer)?;
        }
        Ok(())
    });
    for _ in 0..2 {
        let mut server = ctx.pull().zap_domain("here").build()?;
        let mut monitor = server.monitor()?;
        server.bind("tcp://127.0.0.1:*")?;
        let once = ctx.push().reconnect_interval(Duration::ZERO, Duration::ZERO);
        let _client = once.connect(server.last_endpoint())?;
        assert_eq!(failure(&mut monitor), Why::HandlerAnswer);
    }
    answering.join().expect("no panic")
}

#[test]
fn more_questions_than_a_handler_takes() -> Result<()> {
    // So many lie in the queue of a handler that reads none.
    const UNREAD: usize = 64;
    const MORE: usize = 10;
    let ctx = Context::new();
    let _handler: Rep = ctx.rep().bind(HANDLER)?;
    let mut server = ctx.pull().plain_server().handshake_limit(LATER).build()?;
    let mut monitor = server.monitor()?;
    server.bind("tcp://127.0.0.1:*")?;
    let address = server.last_endpoint().trim_start_matches("tcp://").to_owned();
    let hello = [&greeting(b"PLAIN")[..], b"\x04\x0A\x05HELLO\x01a\x01b"].concat();
    let peers: Vec<TcpStream> = (0..UNREAD + MORE)
        .map(|_| {
            let mut peer = TcpStream::connect(&address).expect("a peer");
            peer.write_all(&hello).expect("the peer's bytes");
            peer
        })
        .collect();
    let reasons: Vec<_> = peers.iter().map(|_| failure(&mut monitor)).collect();
    let count = |why| reasons.iter().filter(|reason| **reason == why).count();
    assert_eq!((count(Why::HandlerSilent), count(Why::HandlerBusy)), (UNREAD, MORE), "{reasons:?}");
    assert_eq!(server.stats()?.handshakes_unjudged(), (UNREAD + MORE) as u64);
    Ok(())
}

#[test]
fn a_handler_that_says_nonsense() -> Result<()> {
    let ctx = Context::new();
    let mut handler: Rep = ctx.rep().bind(HANDLER)?;
    let nonsense = std::thread::spawn(move || {
        let _request = handler.recv_multipart().expect("a request");
        handler.send("nonsense").expect("an answer");
    });
    let ends = both_ends(ctx.pull().plain_server(), ctx.push().plain_client("admin", "secret"))?;
    assert_eq!(ends, (Why::HandlerAnswer, Why::ClosedOnHello));
    nonsense.join().expect("no panic");
    Ok(())
}

#[test]
fn socket_types_that_do_not_fit() -> Result<()> {
    let ctx = Context::new();
    let mut server = ctx.rep().build()?;
    let mut client = ctx.push().build()?;
    let (mut at_server, mut at_client) = (server.monitor()?, client.monitor()?);
    server.bind("tcp://127.0.0.1:*")?;
    client.connect(server.last_endpoint())?;
    assert_eq!(failure(&mut at_server), Why::SocketType);
    assert_eq!(failure(&mut at_client), Why::SocketType);

    // A CURVE server hangs up on a type that does not fit, without saying its own.
    let (keys, own) = (KeyPair::generate()?, KeyPair::generate()?);
    let mut server = ctx.rep().curve_server(&keys.secret).build()?;
    let mut client = ctx.push().curve_client(&own, keys.public).build()?;
    let (mut at_server, mut at_client) = (server.monitor()?, client.monitor()?);
    server.bind("tcp://127.0.0.1:*")?;
    client.connect(server.last_endpoint())?;
    assert_eq!(failure(&mut at_server), Why::SocketType);
    assert_eq!(failure(&mut at_client), Why::Closed);
    Ok(())
}

#[test]
fn a_version_too_old() -> Result<()> {
    let ctx = Context::new();
    assert_eq!(about_peer(ctx.pull(), b"\x01\x00", false)?, Why::OldVersion);
    assert_eq!(about_peer(ctx.pull(), b"\xFF\0\0\0\0\0\0\0\x01\x7F\x01\x08", false)?, Why::OldVersion);
    // The connecting end finds the same.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut push = ctx.push().build()?;
    let mut monitor = push.monitor()?;
    push.connect(format!("tcp://{}", listener.local_addr().expect("an address")))?;
    let (mut old, _) = listener.accept().expect("a connection");
    old.write_all(b"\x01\x00").expect("a greeting of ZMTP 1");
    assert_eq!(failure(&mut monitor), Why::OldVersion);
    Ok(())
}

#[test]
fn another_protocol() -> Result<()> {
    let ctx = Context::new();
    let unnamed = greeting(b"\xFF\xFF\xFF\xFF");
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"SSH-2.0-OpenSSH_9.2\r\n", b"\0\0", &[0xFF; 64], &unnamed]
    {
        assert_eq!(about_peer(ctx.pull(), bytes, false)?, Why::NotZmtp, "{}", bytes.escape_ascii());
    }
    Ok(())
}

/// What a PUSH is told that connects through a proxy, which says that it stands, then this.
fn behind_proxy(words: &[u8], hang_up: bool) -> Result<HandshakeFailure> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = listener.local_addr().expect("an address").to_string();
    let mut push = Context::new().push().socks_proxy(&proxy).linger(Duration::ZERO).build()?;
    let mut monitor = push.monitor()?;
    push.connect("tcp://192.0.2.1:5555")?;
    let (mut client, _) = listener.accept().expect("a connection");
    client.read_exact(&mut [0; 3]).expect("a greeting");
    client.write_all(b"\x05\0").expect("a method");
    client.read_exact(&mut [0; 10]).expect("a request");
    client.write_all(b"\x05\0\0\x01\0\0\0\0\0\0").expect("an answer");
    client.write_all(words).expect("what follows");
    if hang_up {
        // What the client says is read, so that it is an end and no reset.
        client.read_exact(&mut [0; 10]).expect("a signature");
        client.shutdown(std::net::Shutdown::Write).expect("an end");
    }
    Ok(failure(&mut monitor))
}

#[test]
fn the_proxy_may_say_yes_and_then_speak_itself() -> Result<()> {
    assert_eq!(behind_proxy(b"", true)?, Why::ClosedBehindProxy);
    assert_eq!(behind_proxy(b"\xFF\0", true)?, Why::ClosedBehindProxy);
    for words in [&b"HTTP/1.1 502 Bad Gateway\r\n"[..], b"\x05\0\0\x01\0\0\0\0\0\0", &[0xFF; 64]] {
        assert_eq!(behind_proxy(words, false)?, Why::NoGreetingBehindProxy, "{}", words.escape_ascii());
    }
    // Who has greeted is the peer.
    assert_eq!(behind_proxy(&greeting(b"PLAIN"), false)?, Why::Mechanism);
    assert_eq!(behind_proxy(&with_command(b"\x05READY\x01"), false)?, Why::Metadata);
    Ok(())
}

#[test]
fn too_slow() -> Result<()> {
    let ctx = Context::new();
    for bytes in [&b""[..], b"\xFF", &greeting(b"NULL")] {
        let server = ctx.pull().handshake_limit(SOON);
        assert_eq!(about_peer(server, bytes, false)?, Why::TimedOut, "{bytes:?}");
    }
    Ok(())
}

#[test]
fn what_came_in_time_counts_however_late_it_is_read() -> Result<()> {
    let (asked, is_asked) = mpsc::channel();
    let (judge, judged) = mpsc::channel();
    let judged = Mutex::new(judged);
    let guard = Authenticator::new().ask(move |_| {
        // The I/O thread asks, and does nothing else meanwhile.
        asked.send(()).expect("the test waits");
        judged.lock().expect("no panic").recv_timeout(PATIENCE).expect("a judgement")
    });
    let ctx = Context::builder().authenticator(guard).build();
    let mut inbox = ctx.pull().handshake_limit(LATER).receive_timeout(PATIENCE).bind("tcp://127.0.0.1:*")?;
    let mut peer = TcpStream::connect(inbox.last_endpoint().trim_start_matches("tcp://")).expect("a peer");
    peer.read_exact(&mut [0; 10]).expect("their signature");
    let begun = Instant::now();
    let guarded = ctx.pull().zap_domain("here").bind("tcp://127.0.0.1:*")?;
    let _other = ctx.push().connect(guarded.last_endpoint())?;
    is_asked.recv_timeout(PATIENCE).expect("a question");
    peer.write_all(&with_command(b"\x05READY\x0BSocket-Type\0\0\0\x04PUSH")).expect("a handshake");
    peer.write_all(b"\x00\x02in").expect("a message");
    // The time itself is what it is about.
    thread::sleep((LATER + SOON).saturating_sub(begun.elapsed()));
    judge.send(Judgement::Refuse).expect("the judge waits");
    assert_eq!(inbox.recv()?, "in");
    Ok(())
}

#[test]
fn closed_without_a_word() -> Result<()> {
    let ctx = Context::new();
    assert_eq!(about_peer(ctx.pull(), b"", true)?, Why::ClosedInGreeting);
    let mut server = ctx.pull().build()?;
    let mut monitor = server.monitor()?;
    server.bind("tcp://127.0.0.1:*")?;
    let mut peer = TcpStream::connect(server.last_endpoint().trim_start_matches("tcp://")).expect("a peer");
    peer.write_all(&greeting(b"NULL")).expect("a greeting");
    // Everything is read, so that it is an end and no reset.
    peer.read_exact(&mut [0; 64]).expect("their greeting");
    peer.shutdown(std::net::Shutdown::Write).expect("an end");
    assert_eq!(failure(&mut monitor), Why::Closed);
    Ok(())
}

#[test]
fn commands_that_are_wrong() -> Result<()> {
    let ctx = Context::new();
    let identity = [&b"\x05READY\x08Identity\0\0\x01\x00"[..], &[b'x'; 256]].concat();
    let crowd: Vec<u8> = (0..400).flat_map(|i| format!("\x05X-{i:03}\0\0\0\0").into_bytes()).collect();
    for (body, why) in [
        (&b"\x05READY\x01"[..], Why::Metadata),
        (&[&b"\x05READY"[..], &crowd].concat(), Why::Metadata),
        (&identity, Why::RoutingId),
        (b"\x05READY\x0BSocket-Type\0\0\0\x03REQ", Why::SocketType),
        (b"\x05READY\x0BSocket-Type\0\0\0\x05NOISE", Why::SocketType),
        (b"\x07WELCOME", Why::Unexpected),
        (b"\x05ERROR\x03400", Why::Refused(400)),
        (b"\x05ERROR\x00", Why::RefusedUnexplained),
        (b"\x05ERROR\x09", Why::Malformed),
        (&[0; 30_000], Why::TooLong),
    ] {
        assert_eq!(about_peer(ctx.pull(), &with_command(body), false)?, why, "{body:?}");
    }
    Ok(())
}

#[test]
fn too_many_handshakes() -> Result<()> {
    const LIMIT: usize = 4;
    let ctx = Context::new();
    let mut server = ctx.pull().max_pending_handshakes(LIMIT as u32).build()?;
    let mut monitor = server.monitor()?;
    server.bind("tcp://127.0.0.1:*")?;
    let address = server.last_endpoint().trim_start_matches("tcp://").to_owned();
    let mut idle: Vec<TcpStream> =
        (0..=LIMIT).map(|_| TcpStream::connect(&address).expect("a peer")).collect();
    // The first is closed, the others are not.
    assert_eq!(failure(&mut monitor), Why::TooManyPending);
    let mut first = idle.remove(0);
    first.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut rest = Vec::new();
    first.read_to_end(&mut rest).expect("an end");
    assert_eq!(server.stats()?.handshakes_evicted(), 1);
    for peer in &mut idle {
        peer.write_all(&with_command(b"\x05READY\x0BSocket-Type\0\0\0\x04PUSH")).expect("a handshake");
        peer.write_all(b"\x00\x02in").expect("a message");
        assert_eq!(server.recv()?, "in");
    }
    Ok(())
}

#[test]
fn a_violation_after_the_handshake_is_told_as_well() -> Result<()> {
    let mut server = Context::new().pull().max_message_size(10).build()?;
    let mut monitor = server.monitor()?;
    server.bind("tcp://127.0.0.1:*")?;
    let mut peer = TcpStream::connect(server.last_endpoint().trim_start_matches("tcp://")).expect("a peer");
    peer.write_all(&[&greeting(b"NULL")[..], b"\x04\x06\x05READY"].concat()).expect("a handshake");
    peer.write_all(b"\x00\x0B01234567890").expect("a message");
    let violation = loop {
        match monitor.recv_timeout(PATIENCE)?.expect("an open socket") {
            MonitorEvent::Violation { reason, .. } => break reason,
            MonitorEvent::HandshakeFailed { reason, .. } => panic!("{reason}"),
            _ => {}
        }
    };
    assert_eq!(violation, Why::TooLong);
    Ok(())
}

/// What a connecting PUSH is told of a proxy that gives each of these answers, and then hangs up or says no more.
fn about_proxy(answers: &[&[u8]], hang_up: bool) -> Result<HandshakeFailure> {
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = proxy.local_addr().expect("bound").to_string();
    let push = Context::new().push().socks_proxy(&address).socks_login("me", "secret");
    let mut push = push.handshake_limit(if hang_up { PATIENCE } else { LATER }).build()?;
    let mut monitor = push.monitor()?;
    push.connect("tcp://tasks.invalid:5555")?;
    let (mut client, _) = proxy.accept().expect("a client");
    for answer in answers {
        let asked = client.read(&mut [0; 512]).expect("a question");
        assert_ne!(asked, 0, "the client hung up");
        client.write_all(answer).expect("an answer");
    }
    if hang_up {
        // An error if the client, which has heard enough, was faster.
        let _ = client.shutdown(std::net::Shutdown::Write);
    }
    Ok(failure(&mut monitor))
}

#[test]
fn a_proxy_that_does_not_connect() -> Result<()> {
    let (no_login, login): (&[u8], &[u8]) = (b"\x05\0", b"\x05\x02");
    assert_eq!(about_proxy(&[no_login, b"\x05\x05"], true)?, Why::Proxy(SocksError::Refused(5)));
    assert_eq!(about_proxy(&[login, b"\x01\x01"], true)?, Why::Proxy(SocksError::LoginRefused));
    assert_eq!(about_proxy(&[b"\x05\xFF"], true)?, Why::Proxy(SocksError::Method));
    assert_eq!(about_proxy(&[b"HTTP/1.1 400"], true)?, Why::Proxy(SocksError::Version));
    assert_eq!(about_proxy(&[no_login, b"\x05\0"], true)?, Why::ProxyClosed);
    assert_eq!(about_proxy(&[no_login, b"\x05\0"], false)?, Why::ProxyTimedOut);
    Ok(())
}

#[test]
fn the_time_to_connect_is_also_a_proxy_s() -> Result<()> {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("bound").to_string();
    let mut push = Context::new().push().socks_proxy(&address).connect_timeout(SOON).build()?;
    let mut monitor = push.monitor()?;
    push.connect("tcp://tasks.invalid:5555")?;
    assert_eq!(failure(&mut monitor), Why::ProxyTimedOut);
    Ok(())
}

/// Why the next attempt of the monitored socket to connect fails.
fn not_connected(monitor: &mut Monitor) -> Error {
    loop {
        let event = monitor.recv_timeout(PATIENCE).expect("an event in time").expect("an open socket");
        if let MonitorEvent::ConnectFailed { error, .. } = event {
            return error;
        }
    }
}

#[test]
fn no_connection() -> Result<()> {
    let ctx = Context::new();
    // No connection goes to a group: with a way to it or without, the network is unreachable.
    let no_way = TcpStream::connect("239.255.7.9:5555").expect_err("a group");
    assert_eq!(no_way.kind(), ErrorKind::NetworkUnreachable);
    // Nobody serves port 1; no label of a name is empty.
    for (endpoint, error) in [
        ("tcp://127.0.0.1:1", Error::ConnectionRefused),
        ("tcp://239.255.7.9:5555", no_way.into()),
        ("ipc:///no/such/directory/socket", Error::NotFound),
        ("tcp://a..b:5555", Error::NoSuchDevice),
    ] {
        let mut push = ctx.push().build()?;
        let mut monitor = push.monitor()?;
        push.connect(endpoint)?;
        // Each time anew.
        assert_eq!([not_connected(&mut monitor), not_connected(&mut monitor)], [error.clone(), error]);
    }
    let mut push = ctx.push().socks_proxy("127.0.0.1:1").build()?;
    let mut monitor = push.monitor()?;
    push.connect("tcp://192.0.2.1:5555")?;
    assert_eq!(not_connected(&mut monitor), Error::ConnectionRefused);
    Ok(())
}

#[test]
fn the_proxy_s_refusal_is_no_second_failure() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let proxy = listener.local_addr().expect("an address").to_string();
    let mut push = Context::new().push().socks_proxy(&proxy).build()?;
    let mut monitor = push.monitor()?;
    push.connect("tcp://192.0.2.1:5555")?;
    let (mut client, _) = listener.accept().expect("a connection");
    client.write_all(b"\x05\xFF").expect("no method");
    assert_eq!(failure(&mut monitor), Why::Proxy(SocksError::LoginWanted));
    loop {
        match monitor.recv_timeout(PATIENCE)? {
            Some(MonitorEvent::ConnectRetried { .. }) => return Ok(()),
            Some(MonitorEvent::ConnectFailed { error, .. }) => panic!("{error}"),
            _ => {}
        }
    }
}
