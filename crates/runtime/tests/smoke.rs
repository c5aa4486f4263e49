//! Every transport carries every pattern's simplest exchange.
#![allow(missing_docs)]

use ferrozmq_base::{Msg, SocketType};
use ferrozmq_runtime::{Context, Flags, SocketCore};

fn bound(context: &Context, kind: SocketType, endpoint: &str) -> (SocketCore, String) {
    let mut socket = context.socket(kind).unwrap();
    socket.bind(endpoint).unwrap();
    let endpoint = socket.last_endpoint().to_owned();
    (socket, endpoint)
}

fn connected(context: &Context, kind: SocketType, endpoint: &str) -> SocketCore {
    let mut socket = context.socket(kind).unwrap();
    socket.connect(endpoint).unwrap();
    socket
}

fn send(socket: &mut SocketCore, frames: &[&[u8]]) {
    for (i, frame) in frames.iter().enumerate() {
        let mut m = Msg::copy_from(frame).unwrap();
        socket.send(&mut m, Flags { dont_wait: false, more: i + 1 < frames.len() }).unwrap();
    }
}

fn recv(socket: &mut SocketCore) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut m = Msg::new();
    loop {
        socket.recv(&mut m, false).unwrap();
        frames.push(m.as_slice().to_vec());
        if !m.more() {
            return frames;
        }
    }
}

const ENDPOINTS: [&str; 3] = ["inproc://smoke", "tcp://127.0.0.1:*", "ipc://@ferrozmq-smoke-*"];

fn endpoints() -> impl Iterator<Item = String> {
    ENDPOINTS
        .iter()
        .map(|e| e.replace("-*", &format!("-{}-{:?}", std::process::id(), std::thread::current().id())))
}

#[test]
fn push_pull() {
    for endpoint in endpoints() {
        let context = Context::new().unwrap();
        let (mut pull, endpoint) = bound(&context, SocketType::Pull, &endpoint);
        let mut push = connected(&context, SocketType::Push, &endpoint);
        send(&mut push, &[b"one"]);
        send(&mut push, &[b"two", b"", &[7; 100], &[8; 10_000], &[9; 2_000_000]]);
        assert_eq!(recv(&mut pull), [b"one"]);
        let parts = recv(&mut pull);
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [3, 0, 100, 10_000, 2_000_000]);
        assert!(parts[4].iter().all(|b| *b == 9));
        push.close();
        pull.close();
        context.term().unwrap();
    }
}

#[test]
fn request_reply() {
    for endpoint in endpoints() {
        let context = Context::new().unwrap();
        let (mut rep, endpoint) = bound(&context, SocketType::Rep, &endpoint);
        let mut req = connected(&context, SocketType::Req, &endpoint);
        for i in 0..1000u32 {
            send(&mut req, &[&i.to_ne_bytes()]);
            let request = recv(&mut rep);
            assert_eq!(request, [i.to_ne_bytes()]);
            send(&mut rep, &[b"ok", &request[0]]);
            assert_eq!(recv(&mut req), [&b"ok"[..], &i.to_ne_bytes()]);
        }
        drop(req);
        drop(rep);
        context.term().unwrap();
    }
}

#[test]
fn publish_subscribe() {
    for endpoint in endpoints() {
        let context = Context::new().unwrap();
        let (mut publisher, endpoint) = bound(&context, SocketType::Xpub, &endpoint);
        let mut subscriber = connected(&context, SocketType::Sub, &endpoint);
        subscriber.set_option(6, Some(b"A")).unwrap();
        assert_eq!(recv(&mut publisher), [b"\x01A"]);
        for topic in [&b"B"[..], b"A", b"AB", b"C", b"A2"] {
            send(&mut publisher, &[topic, b"body"]);
        }
        for topic in [&b"A"[..], b"AB", b"A2"] {
            assert_eq!(recv(&mut subscriber), [topic, b"body"]);
        }
        subscriber.close();
        publisher.close();
        context.term().unwrap();
    }
}

#[test]
fn a_million_messages_keep_their_order_and_their_marks() {
    for endpoint in endpoints() {
        let context = Context::new().unwrap();
        let (mut pull, endpoint) = bound(&context, SocketType::Pull, &endpoint);
        let mut push = connected(&context, SocketType::Push, &endpoint);
        let count = 200_000u32;
        let sender = std::thread::spawn(move || {
            for i in 0..count {
                let mut body = i.to_ne_bytes().to_vec();
                body.resize(4 + (i % 97) as usize, 0x55);
                send(&mut push, &[&body]);
            }
            push.close();
        });
        for i in 0..count {
            let message = recv(&mut pull);
            assert_eq!(message[0][..4], i.to_ne_bytes());
            assert_eq!(message[0].len(), 4 + (i % 97) as usize);
        }
        sender.join().unwrap();
        pull.close();
        context.term().unwrap();
    }
}

#[test]
fn a_connection_waits_for_its_listener() {
    let context = Context::new().unwrap();
    // A port that was free a moment ago, of an address that nobody else uses.
    let (probe, endpoint) = bound(&context, SocketType::Pull, "tcp://127.0.5.3:*");
    probe.close();
    let mut push = connected(&context, SocketType::Push, &endpoint);
    send(&mut push, &[b"early"]);
    let mut pull = loop {
        let mut pull = context.socket(SocketType::Pull).unwrap();
        if pull.bind(&endpoint).is_ok() {
            break pull;
        }
    };
    assert_eq!(recv(&mut pull), [b"early"]);
    drop((push, pull));
    context.term().unwrap();
}

#[test]
fn a_stream_hears_of_each_connection_and_of_its_end() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let context = Context::new().unwrap();
    let mut stream = context.socket(SocketType::Stream).unwrap();
    stream.connect(&endpoint).unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let (peer, _) = listener.accept().unwrap();
        let made = recv(&mut stream);
        assert_eq!(made[1], b"");
        drop(peer);
        assert_eq!(recv(&mut stream), made, "its end");
        ids.push(made[0].clone());
    }
    assert_eq!(ids[0], ids[2], "one name for what is behind the endpoint");
    stream.close();
    context.term().unwrap();
}
