//! How much one read takes, and what becomes of coded frames.

use std::{
    io::{Read, Write},
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener, UnixStream},
    },
};

use ferrozmq_base::{Msg, SocketType, link::Dropped, promise::Promise};
use ferrozmq_proto::{Config, Engine, ProtocolError, Scanner};
use ferrozmq_sys::{Connecting, Stream, net::ipc, random};

use super::{output::WIRE_BYTES, *};
use crate::codec::Codec;

/// The inbound direction of a plain connection, and the socket's and the peer's end of it.
fn inbound(batch: usize) -> (InHalf, inbox::Reader, UnixStream) {
    connected(
        Transfer { read: batch, write: batch, copies: false },
        Some(Scanner::new(SocketType::Pull, None)),
    )
}

fn connected(transfer: Transfer, scanner: Option<Scanner>) -> (InHalf, inbox::Reader, UnixStream) {
    let (stream, peer) = streams();
    let (writer, reader) = inbox::inbox(0);
    let mut half = InHalf::new(Some(Sink::Inbox(writer)), transfer);
    half.attach(stream, scanner, None, &[]).expect("memory");
    (half, reader, peer)
}

/// Our end of a connection and the peer's.
fn streams() -> (Arc<Stream>, UnixStream) {
    let name = format!("ferrozmq-conn-{:x}", random::number().expect("a number"));
    let address = SocketAddr::from_abstract_name(&name).expect("a name");
    let peer = UnixListener::bind_addr(&address).expect("a listener");
    let Connecting::Done(stream) = ipc::connect(format!("@{name}")).expect("a connection") else {
        panic!("ipc connects at once")
    };
    (Arc::new(stream), peer.accept().expect("the connection").0)
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

/// The inbound direction of a connection with a peer of ZMTP 1, whose frames are no records.
fn coded(copies: bool) -> (InHalf, Codec, inbox::Reader, UnixStream) {
    let (half, reader, peer) = connected(Transfer { read: usize::MAX, write: usize::MAX, copies }, None);
    (half, old_codec(SocketType::Pull), reader, peer)
}

/// What speaks ZMTP 1.
fn old_codec(kind: SocketType) -> Codec {
    let now = std::time::Instant::now();
    let mut engine = Engine::new(Config::new(kind), now);
    engine.start(&mut Vec::new());
    engine.handshake(b"\x01\0", &mut Vec::new(), now).expect("an empty identity");
    assert!(engine.ready().is_some());
    Codec::Zmtp(Box::new(engine))
}

/// The frame of ZMTP 1 with this body.
fn old_frame(more: bool, body: &[u8]) -> Vec<u8> {
    let size = body.len() as u64 + 1;
    let header = if size < 255 { vec![size as u8] } else { [&[255], &size.to_be_bytes()[..]].concat() };
    [&header, &[u8::from(more)][..], body].concat()
}

/// Frames of all lengths: bodies that lie in the message, move and stay where they are, in messages of one to three.
fn frames() -> Vec<(bool, Vec<u8>)> {
    let lengths = [0, 1, 48, 49, 253, 254, 255, 256, 1000, 16_374, 16_376, 40_000];
    let body = |i: usize| (0..lengths[i * 7 % lengths.len()]).map(|at| (at + i) as u8).collect();
    (0..198).map(|i| (i % 6 == 1 || i % 6 == 3 || i % 6 == 4, body(i))).collect()
}

#[test]
fn coded_frames_arrive_as_they_were_whether_they_stay_in_the_buffer_or_not() {
    for copies in [false, true] {
        let (mut half, mut codec, mut reader, mut peer) = coded(copies);
        let frames = frames();
        let wire: Vec<u8> = frames.iter().flat_map(|(more, body)| old_frame(*more, body)).collect();
        let writer = std::thread::spawn(move || peer.write_all(&wire).map(|()| peer));
        // All are kept until the last has come.
        let mut received = Vec::new();
        while received.len() < frames.len() {
            match half.fill(Some(&mut codec), &mut Vec::new(), &mut false) {
                Fill::Progress => {}
                Fill::Empty => std::thread::yield_now(),
                other => panic!("{other:?}"),
            }
            let mut m = Msg::new();
            while reader.get(&mut m).frame {
                received.push(std::mem::take(&mut m));
            }
        }
        for (i, (m, (more, body))) in received.iter().zip(&frames).enumerate() {
            assert!((m.more(), m.as_slice()) == (*more, &body[..]), "frame {i}, copies: {copies}");
        }
        writer.join().expect("no panic").expect("written");
    }
}

#[test]
fn an_unfinished_message_of_coded_frames_is_not_seen() {
    let (mut half, mut codec, mut reader, mut peer) = coded(false);
    let mut fill = |half: &mut InHalf| half.fill(Some(&mut codec), &mut Vec::new(), &mut false);
    let mut m = Msg::new();
    peer.write_all(&[old_frame(false, b"whole"), old_frame(true, b"first")].concat()).expect("room");
    assert!(matches!(fill(&mut half), Fill::Progress));
    assert!(reader.get(&mut m).frame && m.as_slice() == b"whole");
    assert!(!reader.get(&mut m).frame);
    peer.write_all(&old_frame(false, b"last")).expect("room");
    assert!(matches!(fill(&mut half), Fill::Progress));
    assert!(reader.get(&mut m).frame && m.as_slice() == b"first" && m.more());
    assert!(reader.get(&mut m).frame && m.as_slice() == b"last" && !m.more());
}

#[test]
fn what_came_before_a_violation_arrives() {
    let (mut half, mut codec, mut reader, mut peer) = coded(false);
    peer.write_all(&[old_frame(false, b"well"), vec![0]].concat()).expect("room");
    let fill = half.fill(Some(&mut codec), &mut Vec::new(), &mut false);
    assert!(matches!(fill, Fill::Violation(ProtocolError::ZeroLength)), "{fill:?}");
    let mut m = Msg::new();
    assert!(reader.get(&mut m).frame && m.as_slice() == b"well");
}

/// The outbound direction of a connection with a peer of ZMTP 1 that reads nothing, and messages that fill it.
fn blocked() -> (OutHalf, Codec, log::Writer, UnixStream) {
    let (stream, peer) = streams();
    let (mut writer, reader) = log::log(Arc::new(Link::new(Promise::idle())), 0);
    for _ in 0..MESSAGES {
        writer.put(&mut Msg::from_vec(vec![7; BODY]), false).expect("memory");
        writer.publish();
    }
    let mut half = OutHalf::new(Some(Source::Log(reader)), usize::MAX);
    half.attach(stream, false, Vec::new());
    let mut codec = old_codec(SocketType::Push);
    let control = &writer.link().control;
    assert!(matches!(half.flush(control, Some(&mut codec)), Flush::Blocked));
    (half, codec, writer, peer)
}

const MESSAGES: u32 = 3000;
const BODY: usize = 1000;

#[test]
fn what_was_encoded_and_not_written_is_lost_and_counted() {
    let (mut half, codec, writer, mut peer) = blocked();
    half.detach();
    drop(codec);
    let mut written = Vec::new();
    peer.read_to_end(&mut written).expect("everything that the kernel took");
    let frame = old_frame(false, &[7; BODY]).len();
    let sent = &writer.link().sent;
    let (whole, lost) = (sent.messages.count(), sent.dropped(Dropped::Cut).count());
    assert_eq!(whole as usize, written.len() / frame);
    assert!((1..=WIRE_BYTES / frame + 1).contains(&(lost as usize)), "{lost}");
    assert_eq!(writer.queued(), MESSAGES - whole as u32 - lost as u32);
}

#[test]
fn a_slow_reader_is_no_reason_to_encode_ahead() {
    let (mut half, mut codec, writer, mut peer) = blocked();
    let mut piece = vec![0; 10_000];
    for _ in 0..100 {
        peer.read_exact(&mut piece).expect("a piece");
        half.flush(&writer.link().control, Some(&mut codec));
        assert!(half.wire.len() < WIRE_BYTES + BODY + 20, "{}", half.wire.len());
    }
}
