use std::{sync::mpsc, thread};

use proptest::prelude::*;

use super::*;
use crate::Kind;

fn put(chunk: &mut Chunk, bytes: &[u8]) {
    chunk.spare()[..bytes.len()].copy_from_slice(bytes);
    chunk.fill(bytes.len());
}

fn records(bodies: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for (i, body) in bodies.iter().enumerate() {
        record::append(&mut out, Kind::Message, i % 2 == 0, body).unwrap();
    }
    out
}

#[test]
fn capacities_are_rounded_up_to_those_of_the_pool() {
    for (asked, got) in [(0, 4096), (4096, 4096), (4097, 65536), (70_000, 262_144), (300_000, 300_000)] {
        let mut chunk = Chunk::with_capacity(asked).unwrap();
        assert_eq!((chunk.capacity(), chunk.spare().len()), (got, got));
    }
    assert!(Chunk::with_capacity(usize::MAX).is_err());
    assert!(Chunk::with_capacity(1 << 62).is_err());
}

#[test]
fn small_bodies_are_inline_and_larger_ones_lie_in_the_chunk() {
    let mut chunk = Chunk::with_capacity(4096).unwrap();
    put(&mut chunk, &records(&[vec![1; 48], vec![2; 49], vec![3; 300]]));
    let place = chunk.pending().as_ptr_range();
    let mut range = chunk.hand_out(usize::MAX);
    assert!(chunk.pending().is_empty());
    let mut m = Msg::new();
    for (len, inside) in [(48, false), (49, true), (300, true)] {
        assert!(range.next(&mut m));
        assert_eq!(m.len(), len);
        assert_eq!(place.contains(&m.data_ptr().cast_const()), inside);
        assert!(!m.is_shared());
        m.as_mut_slice().unwrap()[0] = 0xff;
    }
    assert!(range.is_empty());
    assert!(!range.next(&mut m));
    assert_eq!(m.len(), 300, "the end leaves the message alone");
}

#[test]
fn a_chunk_rewinds_when_everything_is_back() {
    let mut chunk = Chunk::with_capacity(4096).unwrap();
    put(&mut chunk, &records(&[vec![1; 100], vec![2; 100]]));
    let mut range = chunk.hand_out(102);
    let capacity = chunk.capacity();
    assert!(!chunk.try_rewind(), "a range is alive");
    let mut m = Msg::new();
    assert!(range.next(&mut m));
    drop(range);
    assert!(!chunk.try_rewind(), "a message is alive");
    let copy = m.share();
    assert!(m.is_shared() && copy.is_shared());
    drop(m);
    assert!(!chunk.try_rewind(), "its copy is alive");
    assert_eq!(copy.as_slice(), [1; 100]);
    drop(copy);
    assert!(chunk.try_rewind());
    assert_eq!(chunk.pending().len(), 102);
    assert_eq!(chunk.spare().len(), capacity - 102);
    assert!(chunk.hand_out(102).next(&mut Msg::new()));
    chunk.renew(65536).unwrap();
    assert_eq!((chunk.capacity(), chunk.pending().len()), (65536, 0));
}

#[test]
fn messages_outlive_their_chunk_and_range() {
    let mut chunk = Chunk::with_capacity(4096).unwrap();
    put(&mut chunk, &records(&[vec![7; 200]]));
    let mut range = chunk.hand_out(202);
    drop(chunk);
    let mut m = Msg::new();
    assert!(range.next(&mut m));
    drop(range);
    assert_eq!(m.as_slice(), [7; 200]);
    let bytes = m.into_bytes();
    assert_eq!(&bytes[..], [7; 200]);
}

#[test]
fn commands_are_taken_out_and_bytes_skipped() {
    let mut chunk = Chunk::with_capacity(4096).unwrap();
    put(&mut chunk, b"abcCOMMANDdef");
    chunk.remove(3, 7);
    assert_eq!(chunk.pending(), b"abcdef");
    chunk.skip(2);
    assert_eq!(chunk.pending(), b"cdef");
    chunk.pending_mut()[0] = b'C';
    chunk.remove(3, usize::MAX);
    assert_eq!(chunk.pending(), b"Cde");
    chunk.remove(usize::MAX, 1);
    chunk.skip(usize::MAX);
    assert!(chunk.pending().is_empty());
}

#[test]
fn a_long_length_of_few_bytes_is_read() {
    let mut chunk = Chunk::with_capacity(4096).unwrap();
    put(&mut chunk, &[3, 0, 0, 0, 0, 0, 0, 0, 2, b'o', b'k']);
    let mut m = Msg::new();
    assert!(chunk.hand_out(11).next(&mut m));
    assert_eq!((m.as_slice(), m.more()), (&b"ok"[..], true));
}

#[test]
fn reserved_bits_of_a_peer_make_no_command() {
    let mut chunk = Chunk::with_capacity(4096).unwrap();
    let mut bytes = Vec::new();
    record::append(&mut bytes, Kind::Subscribe, false, b"topic").unwrap();
    put(&mut chunk, &bytes);
    let mut m = Msg::copy_from(&[0; 99]).unwrap();
    m.set_routing_id(9);
    assert!(chunk.hand_out(bytes.len()).next(&mut m));
    assert_eq!((m.kind(), m.as_slice(), m.routing_id()), (Kind::Message, &b"topic"[..], 0));
}

/// Ranges read on another thread while the chunk is filled further and reused.
#[test]
fn ranges_cross_threads_while_the_chunk_fills() {
    let (send, receive) = mpsc::sync_channel::<Range>(8);
    let reader = thread::spawn(move || {
        let (mut m, mut seen, mut kept) = (Msg::new(), 0u32, Vec::new());
        for mut range in receive {
            while range.next(&mut m) {
                let body = m.as_slice();
                assert_eq!(body[..4], seen.to_le_bytes());
                assert!(body[4..].iter().all(|&b| b == seen as u8));
                seen += 1;
                if seen.is_multiple_of(97) {
                    kept.push((seen - 1, m.take()));
                }
                if kept.len() > 20 {
                    for (number, m) in kept.drain(..) {
                        assert!(m.as_slice()[4..].iter().all(|&b| b == number as u8));
                    }
                }
            }
        }
        seen
    });
    let mut chunk = Chunk::with_capacity(4096).unwrap();
    let mut out = Vec::new();
    let total = 20_000u32;
    for number in 0..total {
        let mut body = number.to_le_bytes().to_vec();
        body.resize(4 + number as usize * 31 % 150, number as u8);
        record::append(&mut out, Kind::Message, false, &body).unwrap();
        if number % 5 == 0 || number == total - 1 {
            if chunk.spare().len() < out.len() && !chunk.try_rewind() {
                chunk.renew(4096).unwrap();
            }
            put(&mut chunk, &out);
            send.send(chunk.hand_out(out.len())).unwrap();
            out.clear();
        }
    }
    drop(send);
    assert_eq!(reader.join().unwrap(), total);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the lengths and however the ranges are cut, the frames come out as they went in.
    #[test]
    fn records_round_trip(
        lengths in prop::collection::vec(prop_oneof![0..60usize, 200..300usize, 0..3000usize], 0..40),
        cut in 1..10usize,
    ) {
        let bodies: Vec<Vec<u8>> =
            lengths.iter().enumerate().map(|(i, &len)| (0..len).map(|j| (i + j) as u8).collect()).collect();
        let mut chunk = Chunk::with_capacity(256 << 10).unwrap();
        let mut read = Vec::new();
        for group in bodies.chunks(cut) {
            let bytes = records(group);
            put(&mut chunk, &bytes);
            let mut range = chunk.hand_out(bytes.len());
            let mut m = Msg::new();
            for i in 0..group.len() {
                prop_assert!(range.next(&mut m));
                prop_assert_eq!(m.more(), i % 2 == 0);
                read.push(m.take());
            }
            prop_assert!(!range.next(&mut m));
        }
        drop(chunk);
        prop_assert!(read.iter().map(Msg::as_slice).eq(bodies.iter().map(Vec::as_slice)));
    }

    /// Bytes that are no records end a range; nothing outside it is touched.
    #[test]
    fn anything_may_lie_in_a_range(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut chunk = Chunk::with_capacity(4096).unwrap();
        put(&mut chunk, &bytes);
        let mut range = chunk.hand_out(bytes.len());
        let mut m = Msg::new();
        let mut total = 0;
        while range.next(&mut m) {
            total += 2 + m.len();
            prop_assert!(total <= bytes.len());
        }
        prop_assert!(range.is_empty());
    }
}
