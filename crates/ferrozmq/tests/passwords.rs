//! Nothing of a password stays in memory when nobody needs it any more.

mod scan;

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    time::Duration,
};

use ferrozmq::{Context, Monitor, MonitorEvent, Result, security::Authenticator};
use scan::MASK;
use zeroize::{Zeroize, Zeroizing};

const PATIENCE: Duration = Duration::from_secs(20);
/// What the password is under the mask: it is nowhere in the program itself.
const MASKED: [u8; 60] = {
    let mut masked = [0; 60];
    let mut i = 0;
    while i < masked.len() {
        masked[i] = (b'!' + (i * 37 + 11) as u8 % 90) ^ MASK;
        i += 1;
    }
    masked
};

fn password() -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(MASKED.len()));
    MASKED.iter().for_each(|byte| text.push(char::from(byte ^ MASK)));
    text
}

/// How often the password, or most of it, is in the memory of this process.
fn copies() -> usize {
    // The allocator writes over the first bytes of what is freed.
    scan::copies(&MASKED[20..])
}

/// A peer that gives the password under this name, in pieces of this size, and waits.
fn asks(endpoint: &str, name: &str, piece: usize) -> TcpStream {
    let mut stream = TcpStream::connect(endpoint.trim_start_matches("tcp://")).expect("a peer");
    stream.set_nodelay(true).expect("no delay");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let mut greeting = [0; 64];
    greeting[..12].copy_from_slice(b"\xFF\0\0\0\0\0\0\0\x01\x7F\x03\x01");
    greeting[12..17].copy_from_slice(b"PLAIN");
    stream.write_all(&greeting).expect("a greeting");
    stream.read_exact(&mut greeting).expect("the other greeting");
    let password = password();
    let length = 6 + 1 + name.len() + 1 + password.len();
    let mut hello = Zeroizing::new(Vec::with_capacity(2 + length));
    hello.extend([4, length as u8, 5]);
    hello.extend(b"HELLO");
    hello.push(name.len() as u8);
    hello.extend(name.as_bytes());
    hello.push(password.len() as u8);
    hello.extend(password.as_bytes());
    hello.chunks(piece).for_each(|piece| stream.write_all(piece).expect("a piece"));
    stream
}

fn wait_for(monitor: &mut Monitor, wanted: impl Fn(&MonitorEvent) -> bool) {
    while !wanted(&monitor.recv_timeout(PATIENCE).expect("an event in time").expect("an open socket")) {}
}

fn is_over(event: &MonitorEvent) -> bool {
    matches!(event, MonitorEvent::Disconnected { .. })
}

/// The command that follows a HELLO.
fn is_welcome(stream: &mut TcpStream) -> bool {
    let mut answer = [0; 10];
    stream.read_exact(&mut answer).is_ok() && answer.ends_with(b"WELCOME")
}

fn judged_by_an_authenticator() -> Result<()> {
    let path: PathBuf = std::env::temp_dir().join(format!("ferrozmq-passwords-{}", std::process::id()));
    let mut list = Zeroizing::new(String::with_capacity(500));
    list.push_str("plain listed ");
    list.push_str(&password());
    list.push('\n');
    fs::write(&path, &*list).expect("a file");
    list.zeroize();
    let guard = Authenticator::new()
        .allow_password("known", &password())
        .allow_file(&path)
        .expect("a good file")
        .ask(|peer| {
            assert!(peer.password.is_some());
            ferrozmq::security::Judgement::Refuse
        });
    let ctx = Context::builder().authenticator(guard).build();
    let mut server = ctx.pull().plain_server().build()?;
    let mut monitor = server.monitor()?;
    server.bind("tcp://127.0.0.1:*")?;
    // Nothing but the list and the file.
    let listed = copies();
    for (name, piece) in [("known", 500), ("known", 1), ("listed", 7), ("unknown", 500), ("unknown", 50)] {
        let mut peer = asks(server.last_endpoint(), name, piece);
        assert_eq!(is_welcome(&mut peer), name != "unknown");
        drop(peer);
        wait_for(&mut monitor, is_over);
        assert_eq!(copies(), listed, "{name}, in pieces of {piece}");
    }
    assert_eq!(listed, 2);
    fs::remove_file(&path).expect("the file");
    drop((monitor, server));
    ctx.terminate()
}

fn judged_by_a_handler() -> Result<()> {
    let ctx = Context::new();
    let mut handler = ctx.rep().bind("inproc://zeromq.zap.01")?;
    let mut server = ctx.pull().plain_server().build()?;
    let mut monitor = server.monitor()?;
    server.bind("tcp://127.0.0.1:*")?;
    let mut peer = asks(server.last_endpoint(), "joe", 500);
    let question = handler.recv_multipart()?;
    assert_eq!(question[7].len(), MASKED.len());
    drop(question);
    handler.send(("1.0", "1", "200", "", "joe", ""))?;
    assert!(is_welcome(&mut peer));
    assert_eq!(copies(), 0, "the handler has read it");
    // This one is not read.
    let unread = asks(server.last_endpoint(), "joe", 500);
    drop(peer);
    wait_for(&mut monitor, is_over);
    drop(unread);
    wait_for(&mut monitor, is_over);
    assert_eq!(handler.try_recv().err(), Some(ferrozmq::Error::Again));
    assert_eq!(copies(), 0, "nobody has read it");
    drop((monitor, server, handler));
    ctx.terminate()
}

fn our_own() -> Result<()> {
    let ctx = Context::new();
    let handler = ctx.rep().bind("inproc://zeromq.zap.01")?;
    let server = ctx.pull().plain_server().bind("tcp://127.0.0.1:*")?;
    let mut client = ctx.push().plain_client("joe", &password()).build()?;
    let mut monitor = client.monitor()?;
    client.connect(server.last_endpoint())?;
    wait_for(&mut monitor, |event| matches!(event, MonitorEvent::Connected { .. }));
    let mut handler = handler;
    drop(handler.recv_multipart()?);
    handler.send(("1.0", "1", "200", "", "", ""))?;
    client.send("in")?;
    let mut server = server;
    assert_eq!(server.recv()?, "in");
    drop((monitor, client, server, handler));
    ctx.terminate()
}

#[test]
fn no_password_is_left_behind() -> Result<()> {
    assert_eq!(copies(), 0, "the test has none");
    let own = password();
    assert_eq!(copies(), 1, "one is found");
    drop(own);
    judged_by_an_authenticator()?;
    assert_eq!(copies(), 0, "after the authenticator");
    judged_by_a_handler()?;
    assert_eq!(copies(), 0, "after the handler");
    our_own()?;
    assert_eq!(copies(), 0, "after our own");
    Ok(())
}
