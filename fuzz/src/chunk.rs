//! Read buffers: ranges of any bytes make the messages that a naive reading makes, and these keep their bytes.

use std::collections::VecDeque;

use ferrozmq_base::{Msg, chunk::Chunk, chunk::Range};

use crate::source::Source;

pub(crate) fn target(data: &[u8]) {
    let mut source = Source::new(data);
    let capacity = [1, 100, 4096, 5000, 65_536][source.below(5)];
    let mut chunk = Chunk::with_capacity(capacity).expect("memory");
    assert!(chunk.capacity() >= capacity);
    // What the chunk and every range and message that lives must hold.
    let mut pending: Vec<u8> = Vec::new();
    let mut ranges: VecDeque<(Range, Vec<u8>)> = VecDeque::new();
    let mut kept: VecDeque<(Msg, Vec<u8>)> = VecDeque::new();
    while !source.is_empty() {
        match source.below(8) {
            0 | 1 => {
                let bytes = if source.flag() { source.text().to_vec() } else { record(&mut source) };
                let spare = chunk.spare();
                let n = bytes.len().min(spare.len());
                spare[..n].copy_from_slice(&bytes[..n]);
                chunk.fill(n);
                pending.extend_from_slice(&bytes[..n]);
            }
            2 => {
                let n = usize::from(source.word());
                let range = chunk.hand_out(n);
                let bytes: Vec<u8> = pending.drain(..n.min(pending.len())).collect();
                assert_eq!(range.as_slice(), bytes);
                ranges.push_back((range, bytes));
            }
            3 => {
                let n = source.below(300);
                chunk.skip(n);
                pending.drain(..n.min(pending.len()));
            }
            4 => {
                let (at, len) = (source.below(300), source.below(300));
                chunk.remove(at, len);
                let at = at.min(pending.len());
                pending.drain(at..(at + len).min(pending.len()));
            }
            5 => {
                let unshared = chunk.try_rewind();
                assert!(unshared || !ranges.is_empty() || !kept.is_empty(), "nothing lives, but no rewind");
            }
            6 => chunk.renew(usize::from(source.word())).expect("memory"),
            _ => {
                if let Some((mut range, bytes)) = ranges.pop_front() {
                    let stop = source.below(20);
                    read(&mut range, &bytes, stop, &mut kept);
                }
                while kept.len() > source.below(100) {
                    kept.pop_front();
                }
            }
        }
        assert_eq!(chunk.pending(), pending);
        for (message, body) in &kept {
            assert_eq!(message.as_slice(), body);
        }
    }
    drop(chunk);
    for (mut range, bytes) in ranges {
        read(&mut range, &bytes, usize::MAX, &mut kept);
    }
    for (message, body) in &kept {
        assert_eq!(message.as_slice(), body);
    }
}

fn record(source: &mut Source<'_>) -> Vec<u8> {
    let body = source.body();
    let mut out = Vec::new();
    ferrozmq_base::record::append(&mut out, ferrozmq_base::Kind::Message, source.flag(), &body)
        .expect("memory");
    out
}

/// Reads up to `stop` frames of a range that holds `bytes`.
fn read(range: &mut Range, bytes: &[u8], stop: usize, kept: &mut VecDeque<(Msg, Vec<u8>)>) {
    let mut rest = bytes;
    for _ in 0..stop {
        let mut message = Msg::new();
        let found = range.next(&mut message);
        let expected = naive(rest);
        assert_eq!(found, expected.is_some());
        let Some((more, body, after)) = expected else {
            assert!(range.is_empty());
            return;
        };
        assert_eq!((message.as_slice(), message.more()), (body, more));
        assert_eq!(message.kind(), ferrozmq_base::Kind::Message);
        kept.push_back((message, body.to_vec()));
        rest = after;
    }
}

fn naive(bytes: &[u8]) -> Option<(bool, &[u8], &[u8])> {
    let more = bytes.first()? & 1 == 1;
    let (header, size) = if bytes[0] & 2 == 0 {
        (2, u64::from(*bytes.get(1)?))
    } else {
        (9, u64::from_be_bytes(bytes.get(1..9)?.try_into().ok()?))
    };
    let end = usize::try_from(size).ok()?.checked_add(header)?;
    Some((more, bytes.get(header..end)?, &bytes[end..]))
}
