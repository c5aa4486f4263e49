//! A live socket over ipc: whatever one peer sends, in whatever portions, the next peer gets its round trip. The bad
//! peer connects to the socket or, once, has the socket connect to it.

use std::{
    io::{ErrorKind, Read, Write},
    net::Shutdown,
    os::unix::net::{UnixListener, UnixStream},
    panic,
    sync::{
        Once, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ferrozmq::{Builder, Context, Socket, SocketType};

use crate::source::{Source, cuts};

/// Far more than any step takes; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Panics in any thread: the library keeps those of a connection from its process.
static PANICS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn target(data: &[u8]) {
    watch_for_panics();
    let panics = PANICS.load(Ordering::SeqCst);
    let mut source = Source::new(data);
    let exchange = [reply, pull, publish, route, subscribe, collect][source.below(6)];
    let stays = source.flag();
    let seed = source.byte();
    let bytes = source.rest();
    exchange(&mut |stream| Hostile::attack(stream, bytes, seed, stays));
    assert_eq!(PANICS.load(Ordering::SeqCst), panics, "a thread of the library panicked");
}

fn watch_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let earlier = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.fetch_add(1, Ordering::SeqCst);
            earlier(info);
        }));
    });
}

/// The bad peer, for as long as it stays.
struct Hostile {
    _connection: Option<UnixStream>,
}

impl Hostile {
    fn attack(mut stream: UnixStream, bytes: &[u8], seed: u8, stays: bool) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
        let mut start = 0;
        for end in cuts(bytes.len(), seed).into_iter().take(200).chain([bytes.len()]) {
            // The other side may have hung up, which is as good an answer as any.
            if stream.write_all(&bytes[start..end]).is_err() {
                break;
            }
            start = end;
        }
        if stays {
            return Self { _connection: Some(stream) };
        }
        // The end of the stream ends the connection: until then everything was looked at.
        let _ = stream.shutdown(Shutdown::Write);
        let mut answers = [0; 4096];
        loop {
            match stream.read(&mut answers) {
                Ok(0) => return Self { _connection: None },
                Ok(_) => {}
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    panic!("a connection outlives its peer")
                }
                Err(_) => return Self { _connection: None },
            }
        }
    }
}

type Attack<'a> = &'a mut dyn FnMut(UnixStream) -> Hostile;

fn dial(endpoint: &str) -> UnixStream {
    let path = endpoint.strip_prefix("ipc://").expect("an ipc endpoint");
    UnixStream::connect(path).expect("a bound socket")
}

fn socket(kind: SocketType) -> Builder<Socket> {
    static CONTEXT: OnceLock<Context> = OnceLock::new();
    let builder = CONTEXT.get_or_init(Context::new).socket(kind);
    builder.receive_timeout(PATIENCE).send_timeout(PATIENCE).linger(Duration::ZERO)
}

fn bound(kind: SocketType) -> Socket {
    let limits = socket(kind).receive_hwm(0).max_message_size(1 << 20).accept_old_versions(true);
    limits.bind("ipc://*").expect("a free path")
}

/// A body that no bad peer has sent.
fn nonce() -> Vec<u8> {
    static LAST: AtomicU64 = AtomicU64::new(0x6A09_E667_F3BC_C908);
    LAST.fetch_add(0x9E37_79B9, Ordering::Relaxed).to_be_bytes().to_vec()
}

/// Receives until the last frame is this one; what came before is the bad peer's.
fn recv_until(socket: &mut Socket, wanted: &[u8], mut other: impl FnMut(&mut Socket, ferrozmq::Multipart)) {
    loop {
        let message = socket.recv_multipart().expect("the message of the good peer");
        let found = message.iter().last().is_some_and(|frame| **frame == *wanted);
        other(socket, message);
        if found {
            return;
        }
    }
}

fn reply(attack: Attack<'_>) {
    let mut server = bound(SocketType::Rep);
    let _hostile = attack(dial(server.last_endpoint()));
    let mut client = socket(SocketType::Req).connect(server.last_endpoint()).expect("its endpoint");
    let nonce = nonce();
    client.send(nonce.as_slice()).expect("a request");
    recv_until(&mut server, &nonce, |server, request| server.send(request).expect("a reply"));
    assert_eq!(*client.recv().expect("the reply"), *nonce);
}

fn route(attack: Attack<'_>) {
    let mut server = bound(SocketType::Router);
    let _hostile = attack(dial(server.last_endpoint()));
    let mut client = socket(SocketType::Dealer).connect(server.last_endpoint()).expect("its endpoint");
    let nonce = nonce();
    client.send(nonce.as_slice()).expect("a message");
    recv_until(&mut server, &nonce, |server, message| server.send(message).expect("an answer"));
    assert_eq!(*client.recv().expect("the answer"), *nonce);
}

fn pull(attack: Attack<'_>) {
    let mut server = bound(SocketType::Pull);
    let _hostile = attack(dial(server.last_endpoint()));
    let mut client = socket(SocketType::Push).connect(server.last_endpoint()).expect("its endpoint");
    let nonce = nonce();
    client.send(nonce.as_slice()).expect("a message");
    recv_until(&mut server, &nonce, |_, _| {});
}

fn publish(attack: Attack<'_>) {
    let mut server = bound(SocketType::Xpub);
    let _hostile = attack(dial(server.last_endpoint()));
    let mut client = socket(SocketType::Sub).connect(server.last_endpoint()).expect("its endpoint");
    let nonce = nonce();
    client.set_option(SUBSCRIBE, &nonce).expect("a subscription");
    recv_until(&mut server, &[&[1], &nonce[..]].concat(), |_, _| {});
    server.send(nonce.as_slice()).expect("a message");
    assert_eq!(*client.recv().expect("the message"), *nonce);
}

fn subscribe(attack: Attack<'_>) {
    let mut server = bound(SocketType::Sub);
    server.set_option(SUBSCRIBE, b"").expect("a subscription");
    let _hostile = attack(dial(server.last_endpoint()));
    let client = socket(SocketType::Xpub).receive_timeout(Duration::from_millis(5));
    let mut client = client.connect(server.last_endpoint()).expect("its endpoint");
    let nonce = nonce();
    // A SUB that accepts a peer sends its subscriptions in one of its calls.
    let subscription = (0..PATIENCE.as_millis() / 5).find_map(|_| {
        server.events().expect("a live socket");
        client.recv().ok()
    });
    assert_eq!(*subscription.expect("the subscription"), [1]);
    client.send(nonce.as_slice()).expect("a message");
    recv_until(&mut server, &nonce, |_, _| {});
}

/// The bad peer is the one that listens.
fn collect(attack: Attack<'_>) {
    let mut good = bound(SocketType::Push);
    let path = format!("{}-hostile", good.last_endpoint().trim_start_matches("ipc://"));
    let listener = UnixListener::bind(&path).expect("a free path");
    let client = socket(SocketType::Pull).receive_hwm(0).max_message_size(1 << 20).accept_old_versions(true);
    let mut client = client.connect(format!("ipc://{path}")).expect("a path");
    let (stream, _) = listener.accept().expect("the socket connects");
    let _hostile = attack(stream);
    client.connect(good.last_endpoint()).expect("its endpoint");
    let nonce = nonce();
    good.send(nonce.as_slice()).expect("a message");
    recv_until(&mut client, &nonce, |_, _| {});
    let _ = std::fs::remove_file(path);
}

/// `ZMQ_SUBSCRIBE`.
const SUBSCRIBE: i32 = 6;
