//! What strangers may do to a socket that is as the Rust API makes it. The ids are those of SECURITY.md.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use ferrozmq::{Context, Error, HandshakeFailure, Monitor, MonitorEvent, Result};

/// Long enough for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than any test waits: nothing ends by it.
const NEVER: Duration = Duration::from_secs(3600);

/// Why the next handshake of the monitored socket fails.
fn failure(monitor: &mut Monitor) -> HandshakeFailure {
    loop {
        let event = monitor.recv_timeout(PATIENCE).expect("an event in time").expect("an open socket");
        if let MonitorEvent::HandshakeFailed { reason, .. } = event {
            return reason;
        }
    }
}

/// What the next violation of the monitored socket is.
fn violation(monitor: &mut Monitor) -> HandshakeFailure {
    loop {
        let event = monitor.recv_timeout(PATIENCE).expect("an event in time").expect("an open socket");
        if let MonitorEvent::Violation { reason, .. } = event {
            return reason;
        }
    }
}

/// Everything until the other end closes the connection, which it has to do by itself.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut rest = vec![];
    match stream.read_to_end(&mut rest) {
        Err(e) if e.kind() != std::io::ErrorKind::ConnectionReset => panic!("it did not close: {e}"),
        _ => rest,
    }
}

/// What is refused at once, and as what: other protocols, and peers of ZMTP 1 and 2 with an identity and a message.
fn strangers(socket_type: u8) -> Vec<(Vec<u8>, HandshakeFailure)> {
    let greeting = |revision| [&b"\xFF\0\0\0\0\0\0\0\x01\x7F"[..], &[revision, socket_type]].concat();
    let others: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"asdfasdf\r\n",
        b"\x00\x00",
    ];
    let old = [
        b"\x01\x00\x03\x00in".to_vec(),
        [&greeting(0)[..], b"\x01\x00\x03\x00in"].concat(),
        [&greeting(1)[..], b"\x00\x00\x00\x02in"].concat(),
    ];
    let others = others.map(|bytes| (bytes.to_vec(), HandshakeFailure::NotZmtp));
    others.into_iter().chain(old.map(|bytes| (bytes, HandshakeFailure::OldVersion))).collect()
}

#[test]
fn v03_v04_v62_old_versions_and_other_protocols_are_refused_at_once() -> Result<()> {
    let ctx = Context::new();
    let mut server = ctx.pull().handshake_limit(NEVER).build()?;
    let mut monitor = server.monitor()?;
    server.bind("tcp://127.0.0.1:*")?;
    for (bytes, reason) in strangers(8) {
        let mut stranger = TcpStream::connect(server.last_endpoint().trim_start_matches("tcp://"))?;
        stranger.write_all(&bytes)?;
        rest(&mut stranger);
        assert_eq!(failure(&mut monitor), reason, "{}", bytes.escape_ascii());
    }
    assert_eq!(server.try_recv(), Err(Error::Again));
    let mut good = ctx.push().connect(server.last_endpoint())?;
    good.send("in")?;
    assert_eq!(server.recv()?, "in");
    Ok(())
}

#[test]
fn v03_v04_v62_a_client_says_nothing_to_them_either() -> Result<()> {
    let ctx = Context::new();
    for (bytes, reason) in strangers(7) {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut client = ctx.push().handshake_limit(NEVER).build()?;
        let mut monitor = client.monitor()?;
        client.connect(format!("tcp://{}", listener.local_addr()?))?;
        client.send("secret")?;
        let (mut stranger, _) = listener.accept()?;
        stranger.write_all(&bytes)?;
        let said = rest(&mut stranger);
        assert!(!said.windows(6).any(|window| window == b"secret"), "{}", said.escape_ascii());
        assert_eq!(failure(&mut monitor), reason, "{}", bytes.escape_ascii());
    }
    Ok(())
}

#[test]
fn v07_the_number_of_handshakes_under_way_is_what_the_socket_says() -> Result<()> {
    let ctx = Context::new();
    let mut server = ctx.pull().handshake_limit(NEVER).max_pending_handshakes(4).build()?;
    let mut monitor = server.monitor()?;
    server.bind("tcp://127.0.0.1:*")?;
    let address = server.last_endpoint().trim_start_matches("tcp://").to_owned();
    let mut silent: Vec<TcpStream> =
        (0..10).map(|_| TcpStream::connect(&address)).collect::<std::io::Result<_>>()?;
    // The first six make room for the last four, and only they.
    for stranger in &mut silent[..6] {
        rest(stranger);
        assert_eq!(failure(&mut monitor), HandshakeFailure::TooManyPending);
    }
    let mut good = ctx.push().connect(server.last_endpoint())?;
    good.send("in")?;
    assert_eq!(server.recv()?, "in");
    // The good one made the seventh go.
    rest(&mut silent[6]);
    assert_eq!(failure(&mut monitor), HandshakeFailure::TooManyPending);
    assert_eq!(server.stats()?.handshakes_evicted(), 7);
    Ok(())
}

#[test]
fn v08_a_peer_that_subscribes_to_too_much_is_cut_off() -> Result<()> {
    const LIMIT: u64 = 1 << 20;
    let ctx = Context::new();
    let mut publisher = ctx.publisher().max_subscription_bytes(LIMIT).build()?;
    let radio = ctx.radio().max_subscription_bytes(LIMIT).build()?;
    let mut monitors = [publisher.monitor()?, radio.monitor()?];
    publisher.bind("tcp://127.0.0.1:*")?;
    radio.bind("tcp://127.0.0.1:*")?;
    let mut fits = ctx.subscriber().connect(publisher.last_endpoint())?;
    let mut too_much =
        ctx.subscriber().reconnect_interval(NEVER, NEVER).connect(publisher.last_endpoint())?;
    let groups = ctx.dish().reconnect_interval(NEVER, NEVER).connect(radio.last_endpoint())?;
    let topics = |count: u64| (0..count).map(|n| format!("{n:072}"));
    topics(LIMIT / 200).try_for_each(|topic| fits.subscribe(topic))?;
    // Cancelled, they make room for others.
    topics(LIMIT / 200).try_for_each(|topic| fits.unsubscribe(topic))?;
    topics(LIMIT / 200).try_for_each(|topic| fits.subscribe(topic.replace('0', "x")))?;
    topics(LIMIT / 200 + 2).try_for_each(|topic| too_much.subscribe(topic))?;
    topics(LIMIT / 200 + 2).try_for_each(|group| groups.join(group))?;
    // The sockets read subscriptions when they are called.
    let patience = Instant::now() + PATIENCE;
    while publisher.stats()?.peers_oversubscribed() == 0 || radio.stats()?.peers_oversubscribed() == 0 {
        assert!(Instant::now() < patience, "nobody was cut off");
        std::thread::yield_now();
    }
    for monitor in &mut monitors {
        assert_eq!(violation(monitor), HandshakeFailure::SubscribesTooMuch);
    }
    assert_eq!([publisher.stats()?, radio.stats()?].map(|stats| stats.peers_oversubscribed()), [1, 1]);
    fits.subscribe("news")?;
    publisher.wait_for_subscribers(1, PATIENCE)?;
    while fits.try_recv().is_err() {
        publisher.send("news")?;
    }
    Ok(())
}
