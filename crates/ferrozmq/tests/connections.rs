//! Endpoints, and what monitors tell of connections.
#![allow(missing_docs)]

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use ferrozmq::{Context, Error, Monitor, MonitorEvent, Result};

const PATIENCE: Duration = Duration::from_secs(60);

/// The first event that `found` takes.
fn event<T>(monitor: &mut Monitor, mut found: impl FnMut(MonitorEvent) -> Option<T>) -> T {
    loop {
        let event = monitor.recv_timeout(PATIENCE).expect("an event comes").expect("the socket lives");
        if let Some(found) = found(event) {
            return found;
        }
    }
}

macro_rules! until {
    ($monitor:expr, $pattern:pat $(=> $value:expr)?) => {
        event(&mut $monitor, |event| match event {
            $pattern => Some(($($value)?)),
            _ => None,
        })
    };
}

#[test]
fn a_monitor_tells_the_life_of_a_connection() -> Result<()> {
    let ctx = Context::new();
    let mut server = ctx.rep().build()?;
    let mut at_server = server.monitor()?;
    server.bind("tcp://127.0.0.1:*")?;
    let endpoint = server.last_endpoint().to_owned();
    let listening = until!(at_server, MonitorEvent::Listening { local, .. } => local);
    assert_eq!(listening, endpoint);

    let mut client = ctx.req().build()?;
    let mut at_client = client.monitor()?;
    client.connect(&endpoint)?;
    let remote = until!(at_client, MonitorEvent::Connected { remote, .. } => remote);
    assert_eq!(remote, endpoint);
    until!(at_server, MonitorEvent::Accepted { .. });
    until!(at_client, MonitorEvent::HandshakeSucceeded { .. });
    until!(at_server, MonitorEvent::HandshakeSucceeded { .. });

    drop(client);
    for event in at_client.by_ref() {
        event?;
    }
    assert_eq!(at_client.recv(), Ok(None), "it stays at its end");
    until!(at_server, MonitorEvent::Disconnected { .. });
    server.unbind(&endpoint)?;
    until!(at_server, MonitorEvent::Closed { .. });
    Ok(())
}

#[test]
fn strangers_and_old_versions_are_refused() -> Result<()> {
    let ctx = Context::new();
    let mut server = ctx.pull().build()?;
    let mut monitor = server.monitor()?;
    server.bind("tcp://127.0.0.1:*")?;
    let address = server.last_endpoint().trim_start_matches("tcp://").to_owned();
    // Somebody who speaks http; a greeting of ZMTP 2.0 from a PUSH; and an anonymous peer of ZMTP 1.0.
    let http = b"GET / HTTP/1.0\r\n\r\n".as_slice();
    let version_2 = b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x08\0\0".as_slice();
    let version_1 = b"\x01\0\x06\0hello".as_slice();
    for greeting in [http, version_2, version_1] {
        let mut stranger = TcpStream::connect(&address)?;
        stranger.write_all(greeting)?;
        // The server hangs up, with or without a greeting of its own.
        let welcomed = event(&mut monitor, |event| match event {
            MonitorEvent::HandshakeSucceeded { .. } => Some(true),
            MonitorEvent::Disconnected { .. } => Some(false),
            _ => None,
        });
        assert!(!welcomed, "{}", greeting.escape_ascii());
        let _ = stranger.read_to_end(&mut Vec::new());
    }
    assert_eq!(server.try_recv(), Err(Error::Again));
    Ok(())
}

#[test]
fn old_versions_are_served_on_request() -> Result<()> {
    let ctx = Context::new();
    let mut server = ctx.pull().accept_old_versions(true).bind("tcp://127.0.0.1:*")?;
    let mut old = TcpStream::connect(server.last_endpoint().trim_start_matches("tcp://"))?;
    // ZMTP 2.0 (RFC 15): signature, revision, socket type PUSH, empty identity; then a message.
    old.write_all(b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x08\0\0\0\x05hello")?;
    assert_eq!(server.recv()?, "hello");
    Ok(())
}

#[test]
fn an_endpoint_in_error_is_named() -> Result<()> {
    let ctx = Context::new();
    let one = ctx.pull().bind("tcp://127.0.0.1:*")?;
    let endpoint = one.last_endpoint();
    let error = ctx.pull().bind(endpoint).unwrap_err();
    assert_eq!(error.to_string(), format!("endpoint \"{endpoint}\": the address is already in use"));
    let Error::Endpoint(e) = error else { panic!("{error:?}") };
    assert_eq!((e.endpoint(), e.error()), (endpoint, Error::AddressInUse));

    for wrong in ["", "tcp", "tcp:/x", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:x", "carrier-pigeon://x"]
    {
        for error in [ctx.pull().bind(wrong).unwrap_err(), ctx.pull().connect(wrong).unwrap_err()] {
            assert!(error.to_string().starts_with(&format!("endpoint {wrong:?}: ")), "{error}");
            assert_eq!(format!("{error:?}"), format!("Endpoint({error})"));
        }
    }
    Ok(())
}

#[test]
fn only_what_was_bound_can_be_unbound() -> Result<()> {
    let ctx = Context::new();
    // An address that nobody else uses: the port is not taken while it is free.
    let mut inbox = ctx.pull().bind("tcp://127.0.5.1:*")?;
    let mut monitor = inbox.monitor()?;
    let endpoint = inbox.last_endpoint().to_owned();
    inbox.bind("inproc://too")?;
    let mut outbox = ctx.push().send_timeout(Duration::ZERO).connect("inproc://too")?;
    outbox.send("over inproc")?;
    outbox.disconnect("inproc://too")?;
    let Err(Error::Endpoint(e)) = outbox.disconnect("inproc://too") else { panic!("it is disconnected") };
    assert_eq!(e.error(), Error::NotFound);
    assert_eq!(outbox.send("to nobody").unwrap_err().error(), Error::Again);
    assert_eq!(inbox.recv()?, "over inproc");

    inbox.unbind(&endpoint)?;
    let Err(Error::Endpoint(e)) = inbox.unbind(&endpoint) else { panic!("it is unbound") };
    assert_eq!(e.endpoint(), endpoint);
    until!(monitor, MonitorEvent::Closed { .. });
    ctx.pull().bind(&endpoint)?;
    Ok(())
}

#[test]
fn a_wrong_option_is_reported_by_the_builder() {
    let ctx = Context::new();
    let long = "x".repeat(300);
    assert_eq!(ctx.dealer().routing_id(&long).build().unwrap_err(), Error::InvalidArgument);
    assert_eq!(ctx.pull().metadata("Color", "red").bind("inproc://x").unwrap_err(), Error::InvalidArgument);
    assert_eq!(ctx.pull().accept_from("nowhere").build().unwrap_err(), Error::InvalidArgument);
}

#[test]
fn a_connection_is_made_again() -> Result<()> {
    let ctx = Context::new();
    // An address that nobody else uses: the port is not taken while it is free.
    let mut first = ctx.pull().bind("tcp://127.0.5.2:*")?;
    let endpoint = first.last_endpoint().to_owned();
    let mut outbox = ctx.push().build()?;
    let mut monitor = outbox.monitor()?;
    outbox.connect(&endpoint)?;
    outbox.send("to the first")?;
    assert_eq!(first.recv()?, "to the first");
    drop(first);
    until!(monitor, MonitorEvent::Disconnected { .. });
    let mut second = loop {
        match ctx.pull().bind(&endpoint) {
            Ok(second) => break second,
            Err(_) => std::thread::yield_now(),
        }
    };
    until!(monitor, MonitorEvent::HandshakeSucceeded { .. });
    outbox.send("to the second")?;
    assert_eq!(second.recv()?, "to the second");
    Ok(())
}

#[test]
fn keep_alive_is_what_the_system_takes_or_an_error() -> Result<()> {
    let ctx = Context::new();
    let (short, second) = (Duration::from_millis(1), Duration::from_secs(1));
    let mut tasks = ctx.pull().tcp_keepalive(short, short, 1).bind("tcp://127.0.0.1:*")?;
    ctx.push().connect(tasks.last_endpoint())?.send("task")?;
    assert_eq!(tasks.recv()?, "task");
    for (idle, interval, count) in [
        (Duration::ZERO, second, 1),
        (second, Duration::ZERO, 1),
        (second, second, 0),
        (Duration::MAX, second, 1),
        (second, Duration::from_secs(32_768), 1),
        (second, second, 128),
    ] {
        let refused = ctx.pull().tcp_keepalive(idle, interval, count).build().map(drop);
        assert_eq!(refused, Err(Error::InvalidArgument), "{idle:?} {interval:?} {count}");
    }
    Ok(())
}

#[test]
fn an_option_is_not_read_into_a_buffer_that_cannot_be() -> Result<()> {
    let mut any = Context::new().socket(ferrozmq::SocketType::Pull).build()?;
    const ZMQ_RCVHWM: i32 = 24;
    assert_eq!(any.option(ZMQ_RCVHWM, usize::MAX), Err(Error::OutOfMemory));
    Ok(())
}

#[test]
fn an_endpoint_s_error_fits_what_was_tried() -> Result<()> {
    let mut any = Context::new().pull().build()?;
    let nowhere = "ipc:///no/such/directory/socket";
    let reason = |result| match result {
        Err(Error::Endpoint(e)) => (e.endpoint().to_owned(), e.reason().to_owned(), e.error()),
        other => panic!("{other:?}"),
    };
    let of = |text: &str| (nowhere.to_owned(), text.to_owned(), Error::NotFound);
    assert_eq!(reason(any.bind(nowhere)), of("no such endpoint or path"));
    assert_eq!(reason(any.unbind(nowhere)), of("the socket is not bound or connected to it"));
    assert_eq!(reason(any.disconnect(nowhere)), of("the socket is not bound or connected to it"));
    Ok(())
}

#[test]
fn metadata_is_not_changed_on_its_way() {
    let ctx = Context::new();
    for (name, value) in [("X-a:b", "c"), ("X-a", "b\0c"), ("a", "b"), ("X-a", "")] {
        let refused = ctx.pull().metadata(name, value).build().map(drop);
        assert_eq!(refused, Err(Error::InvalidArgument), "{name} {value:?}");
    }
}
