//! A live socket over ipc: whatever one peer sends, in whatever portions, the next peer gets its round trip.

use std::{
    io::{ErrorKind, Read, Write},
    net::Shutdown,
    os::unix::net::UnixStream,
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
const PATIENCE: Duration = Duration::from_secs(4);

/// Panics in any thread: the library keeps those of a connection from its process.
static PANICS: AtomicU64 = AtomicU64::new(0);

pub(crate) fn target(data: &[u8]) {
    watch_for_panics();
    let panics = PANICS.load(Ordering::SeqCst);
    let mut source = Source::new(data);
    let exchange = [reply, pull, publish, route, subscribe][source.below(5)];
    let stays = source.flag();
    let seed = source.byte();
    let bytes = source.rest();
    exchange(&mut |endpoint| Hostile::attack(endpoint, bytes, seed, stays));
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
    fn attack(endpoint: &str, bytes: &[u8], seed: u8, stays: bool) -> Self {
        let path = endpoint.strip_prefix("ipc://").expect("an ipc endpoint");
        let mut stream = UnixStream::connect(path).expect("a bound socket");
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

type Attack<'a> = &'a mut dyn FnMut(&str) -> Hostile;

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
    let _hostile = attack(server.last_endpoint());
    let mut client = socket(SocketType::Req).connect(server.last_endpoint()).expect("its endpoint");
    let nonce = nonce();
    client.send(nonce.as_slice()).expect("a request");
    recv_until(&mut server, &nonce, |server, request| server.send(request).expect("a reply"));
    assert_eq!(*client.recv().expect("the reply"), *nonce);
}

fn route(attack: Attack<'_>) {
    let mut server = bound(SocketType::Router);
    let _hostile = attack(server.last_endpoint());
    let mut client = socket(SocketType::Dealer).connect(server.last_endpoint()).expect("its endpoint");
    let nonce = nonce();
    client.send(nonce.as_slice()).expect("a message");
    recv_until(&mut server, &nonce, |server, message| server.send(message).expect("an answer"));
    assert_eq!(*client.recv().expect("the answer"), *nonce);
}

fn pull(attack: Attack<'_>) {
    let mut server = bound(SocketType::Pull);
    let _hostile = attack(server.last_endpoint());
    let mut client = socket(SocketType::Push).connect(server.last_endpoint()).expect("its endpoint");
    let nonce = nonce();
    client.send(nonce.as_slice()).expect("a message");
    recv_until(&mut server, &nonce, |_, _| {});
}

fn publish(attack: Attack<'_>) {
    let mut server = bound(SocketType::Xpub);
    let _hostile = attack(server.last_endpoint());
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
    let _hostile = attack(server.last_endpoint());
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

/// `ZMQ_SUBSCRIBE`.
const SUBSCRIBE: i32 = 6;
