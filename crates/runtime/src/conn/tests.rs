//! How much one read takes.

use std::{
    io::Write,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
};

use ferrozmq_base::SocketType;
use ferrozmq_sys::{Connecting, net::ipc, random};

use super::*;

/// The inbound direction of a connection, and the socket's and the peer's end of it.
fn inbound(batch: usize) -> (InHalf, inbox::Reader, UnixStream) {
    let name = format!("ferrozmq-conn-{:x}", random::number().expect("a number"));
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let peer = UnixListener::bind_addr(&address).expect("a listener");
    let Connecting::Done(stream) = ipc::connect(format!("@{name}")).expect("a connection") else {
        panic!("ipc connects at once")
    };
    let (peer, _) = peer.accept().expect("the connection");
    let (writer, reader) = inbox::inbox(0);
    let mut half = InHalf::new(Some(Sink::Inbox(writer)), batch);
    let scanner = Scanner::new(SocketType::Pull, None);
    half.attach(Arc::new(stream), Some(scanner), None, &[]).expect("memory");
    (half, reader, peer)
}

/// How many messages one read brought.
fn read_once(half: &mut InHalf, reader: &mut inbox::Reader) -> usize {
    assert!(matches!(half.fill(None, &mut Vec::new(), &mut false), Fill::Progress));
    let mut m = Msg::new();
    std::iter::from_fn(|| reader.get(&mut m).frame.then_some(())).count()
}

const FRAME: [u8; 10] = *b"\0\x08messages";

#[test]
fn a_read_takes_what_is_there() {
    let (mut half, mut reader, mut peer) = inbound(usize::MAX);
    peer.write_all(&FRAME.repeat(50)).expect("room");
    assert_eq!(read_once(&mut half, &mut reader), 50);
}

#[test]
fn a_read_takes_a_batch_at_most() {
    let (mut half, mut reader, mut peer) = inbound(100);
    peer.write_all(&FRAME.repeat(50)).expect("room");
    for _ in 0..5 {
        assert_eq!(read_once(&mut half, &mut reader), 10);
    }
    assert!(matches!(half.fill(None, &mut Vec::new(), &mut false), Fill::Empty));
}

#[test]
fn a_large_body_comes_in_batches() {
    let (mut half, mut reader, mut peer) = inbound(1000);
    let body = vec![b'l'; 400_000];
    let wire = [&b"\x02"[..], &(body.len() as u64).to_be_bytes(), &body].concat();
    let writer = std::thread::spawn(move || peer.write_all(&wire).map(|()| peer));
    let (mut m, mut reads) = (Msg::new(), 0);
    while !reader.get(&mut m).frame {
        match half.fill(None, &mut Vec::new(), &mut false) {
            Fill::Progress => reads += 1,
            Fill::Empty => std::thread::yield_now(),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(m.as_slice(), body);
    assert!(reads >= 400, "{reads}");
    writer.join().expect("no panic").expect("written");
}
