use std::{
    collections::VecDeque,
    ffi::c_void,
    io::IoSlice,
    sync::{Arc, atomic::AtomicUsize},
};

use super::*;
use crate::{link::Dropped, promise::Promise};

fn pair(hwm: u32) -> (Writer, Reader) {
    log(Arc::new(Link::new(Promise::idle())), hwm)
}

fn put(w: &mut Writer, body: &[u8], more: bool) {
    let mut m = Msg::copy_from(body).unwrap();
    w.put(&mut m, more).unwrap();
    assert!(m.is_empty());
}

fn send(w: &mut Writer, body: &[u8]) -> Due {
    put(w, body, false);
    w.publish()
}

fn wire(frames: &[(&[u8], bool)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (body, more) in frames {
        record::append(&mut out, Kind::Message, *more, body).unwrap();
    }
    out
}

/// Everything pending, written `step` bytes at a time.
fn drain(r: &mut Reader, step: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while r.pending() {
        let mut buf = [IoSlice::new(&[]); SLICES];
        let n = r.slices(&mut buf, step as u64);
        assert!(n > 0, "pending, but no slices");
        let before = out.len();
        buf[..n].iter().for_each(|s| out.extend_from_slice(s));
        let written = out.len() - before;
        r.advance(written);
    }
    out
}

#[test]
fn what_is_published_is_written_as_it_lies() {
    for step in [1, 7, 4096, usize::MAX] {
        let (mut w, mut r) = pair(0);
        let large = vec![7u8; 10_000];
        let mut expected = Vec::new();
        for i in 0..200u8 {
            let frames: [(&[u8], bool); 3] =
                [(&[i; 5], true), (&large[..i as usize * 50], true), (&[i; 300], false)];
            frames.iter().for_each(|(body, more)| put(&mut w, body, *more));
            w.publish();
            expected.extend(wire(&frames));
            if i % 3 == 0 {
                w.put(&mut Msg::copy_from(b"never").unwrap(), true).unwrap();
                w.put(&mut Msg::copy_from(&large).unwrap(), true).unwrap();
                w.rollback();
            }
        }
        assert_eq!(r.queued(), 200);
        assert!(drain(&mut r, step) == expected);
        assert_eq!((r.queued(), r.link().sent.messages.count()), (0, 200));
        assert_eq!(r.link().sent.bytes.count(), expected.len() as u64);
    }
}

extern "C" fn count_free(_: *mut c_void, hint: *mut c_void) {
    // SAFETY: the hint is the counter of the test that runs.
    unsafe { &*hint.cast::<AtomicUsize>() }.fetch_add(1, Ordering::Relaxed);
}

/// A message around bytes whose owner counts when they are given back; the counter outlives it.
fn lent(bytes: &'static [u8], freed: &AtomicUsize) -> Msg {
    let hint = ptr::from_ref(freed).cast_mut().cast();
    // SAFETY: constant bytes; the tests keep the counter until the last message is gone.
    unsafe { Msg::foreign(bytes.as_ptr().cast_mut().cast(), bytes.len(), Some(count_free), hint) }.unwrap()
}

#[test]
fn a_lent_body_is_held_until_it_is_written_however_small() {
    for step in [1, 3, usize::MAX] {
        let freed = AtomicUsize::new(0);
        let (mut w, mut r) = pair(0);
        put(&mut w, b"before", true);
        w.put(&mut lent(b"lent", &freed), true).unwrap();
        w.put_copy(&lent(b"len", &freed), true).unwrap();
        w.put(&mut lent(b"", &freed), false).unwrap();
        w.publish();
        put(&mut w, b"behind", false);
        w.publish();
        assert_eq!(freed.load(Ordering::Relaxed), 1, "only that of no bytes");
        let frames: [(&[u8], bool); 5] =
            [(b"before", true), (b"lent", true), (b"len", true), (b"", false), (b"behind", false)];
        assert_eq!(drain(&mut r, step), wire(&frames));
        assert_eq!((freed.load(Ordering::Relaxed), r.queued()), (3, 0));
    }
}

#[test]
fn boundaries_are_those_of_records_with_a_lent_body_too() {
    let (mut w, mut r) = pair(0);
    let freed = AtomicUsize::new(0);
    put(&mut w, b"ab", true);
    w.put(&mut lent(b"lent", &freed), true).unwrap();
    put(&mut w, b"c", false);
    w.publish();
    assert!(r.pending());
    let mut left = Vec::new();
    for _ in 0..4 + 6 + 3 {
        left.push(r.bytes_to_boundary());
        r.advance(1);
    }
    assert_eq!(left, [0, 3, 2, 1, 0, 5, 4, 3, 2, 1, 0, 2, 1]);

    w.put(&mut lent(b"lent", &freed), true).unwrap();
    put(&mut w, b"c", false);
    w.publish();
    assert!(r.pending());
    let mut bodies = Vec::new();
    while let Some(record) = r.next_record() {
        bodies.push(record.body.to_vec());
        r.consume();
    }
    assert_eq!(bodies, [b"lent".to_vec(), b"c".to_vec()]);
}

#[test]
fn unpublished_bytes_are_invisible_and_rolled_back() {
    let (mut w, mut r) = pair(0);
    put(&mut w, b"a", true);
    assert!(!r.pending());
    w.rollback();
    assert_eq!(w.publish(), Due::Nothing);
    send(&mut w, b"b");
    assert_eq!(drain(&mut r, 100), wire(&[(b"b", false)]));
}

#[test]
fn records_come_one_by_one_with_their_kind() {
    let (mut w, mut r) = pair(0);
    let large = vec![1u8; COPY_MAX + 1];
    w.put(&mut Msg::command(Kind::Subscribe, b"topic").unwrap(), false).unwrap();
    w.publish();
    w.put_copy(&Msg::copy_from(&large).unwrap(), true).unwrap();
    put(&mut w, b"", false);
    w.publish();
    let mut got = Vec::new();
    while let Some(record) = r.next_record() {
        got.push((record.kind, record.more, record.body.to_vec()));
        r.consume();
    }
    let expected = vec![
        (Kind::Subscribe, false, b"topic".to_vec()),
        (Kind::Message, true, large),
        (Kind::Message, false, Vec::new()),
    ];
    assert_eq!(got, expected);
    assert_eq!(r.queued(), 0);
}

#[test]
fn a_full_log_becomes_writable_once_at_half() {
    let (mut w, mut r) = pair(4);
    for _ in 0..4 {
        assert!(w.room());
        send(&mut w, b"x");
    }
    assert!(!w.room());
    w.set_hwm(100);
    assert!(!w.room(), "a raised mark does not make a full log writable");
    w.set_hwm(4);
    assert!(r.pending());
    let whole = drain_bytes(&mut r);
    assert_eq!(whole, 4 * 3);
    assert!(r.advance(whole), "told once");
    assert!(!r.claim_waiting());
    assert!(w.room());
}

fn drain_bytes(r: &mut Reader) -> usize {
    let mut buf = [IoSlice::new(&[]); SLICES];
    let n = r.slices(&mut buf, u64::MAX);
    buf[..n].iter().map(|s| s.len()).sum()
}

#[test]
fn dues_follow_the_promise() {
    let link = Arc::new(Link::new(Promise::parked()));
    let (mut w, mut r) = log(Arc::clone(&link), 10);
    assert_eq!(send(&mut w, b"1"), Due::Nothing);
    assert!(link.promise.unpark() && link.promise.begin_look());
    assert_eq!(drain(&mut r, 100).len(), 3);
    assert_eq!(send(&mut w, b"2"), Due::Look);
    assert_eq!(send(&mut w, b"3"), Due::Nothing);
    assert!(link.promise.watch());
    for body in [b"4", b"5", b"6", b"7", b"8"] {
        assert_eq!(send(&mut w, body), Due::Nothing);
    }
    assert_eq!(send(&mut w, b"9"), Due::Flush, "a batch is three quarters of the mark");
    assert_eq!(send(&mut w, b"0"), Due::Nothing);
    assert!(link.promise.unwatch());
}

#[test]
fn a_lost_connection_drops_the_cut_message_only() {
    let (mut w, mut r) = pair(0);
    for body in [&b"first"[..], b"second", b"third"] {
        send(&mut w, body);
    }
    assert!(r.pending());
    r.advance(7 + 3);
    assert!(!r.at_boundary());
    assert_eq!(r.bytes_to_boundary(), 5);
    assert_eq!(r.connection_lost(), Lost { written: 1, cut: true });
    assert!(r.at_boundary());
    assert_eq!(drain(&mut r, 100), wire(&[(b"third", false)]));
    let sent = &r.link().sent;
    assert_eq!((sent.messages.count(), sent.dropped(Dropped::Cut).count()), (2, 1));
}

#[test]
fn a_connection_lost_at_any_byte_leaves_whole_messages() {
    let large = vec![9u8; 5000];
    let messages: Vec<Vec<(&[u8], bool)>> = (0..12)
        .map(|i| match i % 4 {
            0 => vec![(&b"one"[..], false)],
            1 => vec![(&b"two"[..], true), (&large[..], true), (&b"end"[..], false)],
            2 => vec![(&large[..3000], true), (&large[..2500], false)],
            _ => vec![(&large[..], false)],
        })
        .collect();
    let wires: Vec<Vec<u8>> = messages.iter().map(|m| wire(m)).collect();
    let total: usize = wires.iter().map(Vec::len).sum();
    for cut in (0..=total).step_by(13).chain([total]) {
        for step in [usize::MAX, 1000] {
            let (mut w, mut r) = pair(0);
            for message in &messages {
                message.iter().for_each(|(body, more)| put(&mut w, body, *more));
                w.publish();
            }
            let mut left = cut;
            while left > 0 {
                assert!(r.pending());
                let mut buf = [IoSlice::new(&[]); SLICES];
                let n = r.slices(&mut buf, left.min(step) as u64);
                let written = buf[..n].iter().map(|s| s.len()).sum();
                r.advance(written);
                left -= written;
            }
            r.connection_lost();
            let (mut at, mut whole, mut rest, mut cut_one) = (0, 0, Vec::new(), 0);
            for wire in &wires {
                if at + wire.len() <= cut {
                    whole += 1;
                } else if at < cut {
                    cut_one += 1;
                } else {
                    rest.extend_from_slice(wire);
                }
                at += wire.len();
            }
            assert_eq!(r.link().sent.messages.count(), whole, "cut at {cut}");
            assert_eq!(r.link().sent.dropped(Dropped::Cut).count(), cut_one, "cut at {cut}");
            assert_eq!(u64::from(r.queued()), 12 - whole - cut_one);
            assert!(drain(&mut r, usize::MAX) == rest, "cut at {cut}");
        }
    }
}

#[test]
fn a_restart_discards_what_was_before_it() {
    let (mut w, mut r) = pair(0);
    send(&mut w, b"old");
    w.restart();
    assert!(!r.restarted());
    send(&mut w, b"new");
    assert!(r.pending());
    assert!(r.restarted() && !r.restarted());
    assert_eq!(drain(&mut r, 100), wire(&[(b"new", false)]));
    assert_eq!(r.link().sent.dropped(Dropped::Restarted).count(), 1);
    w.restart();
    assert!(!r.pending() && r.restarted(), "a restart with nothing behind it is seen too");
}

#[test]
fn an_idle_log_holds_nothing_and_goes_on() {
    let (mut w, mut r) = pair(0);
    assert!(r.release_idle());
    for i in 0..3u8 {
        let body = vec![i; 3000 * usize::from(i + 1)];
        send(&mut w, &body);
        assert!(!r.release_idle());
        assert!(drain(&mut r, usize::MAX) == wire(&[(&body, false)]));
        put(&mut w, b"unpublished", true);
        assert!(!r.release_idle());
        w.rollback();
        assert!(r.release_idle());
    }
}

#[test]
fn discarded_and_abandoned_messages_are_freed() {
    let body: Arc<[u8]> = vec![1u8; 5000].into();
    let foreign = bytes::Bytes::from_owner(Arc::clone(&body));
    let (mut w, mut r) = pair(0);
    for _ in 0..3 {
        w.put(&mut Msg::from_bytes(foreign.clone()), false).unwrap();
        w.publish();
    }
    assert_eq!(r.discard(), 3);
    w.put(&mut Msg::from_bytes(foreign.clone()), false).unwrap();
    w.publish();
    w.put(&mut Msg::from_bytes(foreign), true).unwrap();
    drop(w);
    assert!(!r.ended());
    drop(r);
    assert_eq!(Arc::strong_count(&body), 1);
}

#[test]
fn the_end_is_seen_when_everything_was_taken() {
    let (mut w, mut r) = pair(0);
    send(&mut w, b"last");
    put(&mut w, b"unfinished", true);
    drop(w);
    assert!(!r.ended());
    drain(&mut r, 100);
    assert!(r.ended());
}

/// Random operations against a list of messages.
#[test]
fn the_log_agrees_with_its_model() {
    for seed in 1..40u64 {
        let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut below = |n: u64| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            random % n
        };
        let (mut w, mut r) = pair(0);
        let mut model: VecDeque<u8> = VecDeque::new();
        for i in 0..600u64 {
            match below(8) {
                0..=3 => {
                    let len = [3, 200, 4000, 4096, 4097, 9000][below(6) as usize];
                    let body = vec![i as u8; len];
                    put(&mut w, &body, true);
                    put(&mut w, &body[..1], false);
                    if below(5) == 0 {
                        w.rollback();
                        continue;
                    }
                    w.publish();
                    model.extend(wire(&[(&body, true), (&body[..1], false)]));
                }
                4 => {
                    r.release_idle();
                }
                _ if r.pending() => {
                    let mut buf = [IoSlice::new(&[]); SLICES];
                    let n = r.slices(&mut buf, u64::MAX);
                    let bytes: Vec<u8> = buf[..n].iter().flat_map(|s| s.to_vec()).collect();
                    let written = 1 + below(bytes.len() as u64) as usize;
                    assert!(model.drain(..written).eq(bytes[..written].iter().copied()), "seed {seed}");
                    r.advance(written);
                }
                _ => {}
            }
        }
        assert!(drain(&mut r, usize::MAX) == model.make_contiguous(), "seed {seed}");
        assert!(r.release_idle());
    }
}

#[test]
fn two_threads_pass_every_byte_in_order() {
    const MESSAGES: u32 = 20_000;
    let (mut w, mut r) = pair(64);
    let writer = std::thread::spawn(move || {
        for i in 0..MESSAGES {
            while !w.room() {
                std::thread::yield_now();
            }
            let len = if i % 97 == 0 { 5000 } else { 4 + i as usize % 50 };
            let mut body = vec![0; len];
            body[..4].copy_from_slice(&i.to_le_bytes());
            send(&mut w, &body);
        }
    });
    let mut next = 0;
    let mut idle = 0u32;
    while !r.ended() {
        match r.next_record() {
            Some(record) => {
                assert_eq!(record.body[..4], next_bytes(&mut next));
                r.consume();
            }
            None => {
                idle += 1;
                if idle.is_multiple_of(16) {
                    r.release_idle();
                }
                std::thread::yield_now();
            }
        }
    }
    writer.join().unwrap();
    assert_eq!(next, MESSAGES);
}

fn next_bytes(next: &mut u32) -> [u8; 4] {
    *next += 1;
    (*next - 1).to_le_bytes()
}

#[test]
fn a_message_is_not_dropped_while_a_write_makes_room() {
    let (mut w, mut r) = pair(1);
    send(&mut w, b"one");
    assert!(!w.room_or_drop(), "nothing is being written");
    r.link().sent.set_writing(true);
    let asked = std::sync::Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            asked.wait();
            drain(&mut r, usize::MAX);
            r.link().sent.set_writing(false);
        });
        asked.wait();
        assert!(w.room_or_drop());
    });
}

#[test]
fn a_full_pipe_reopens_with_the_write_that_makes_room() {
    let (mut w, mut r) = pair(4);
    for _ in 0..4 {
        send(&mut w, b"one");
    }
    assert!(!w.room());
    assert!(!w.reopens(), "nothing is being written");
    r.link().sent.set_writing(true);
    let mut buf = [IoSlice::new(&[]); SLICES];
    assert!(r.pending());
    r.slices(&mut buf, u64::MAX);
    assert!(!r.advance(5));
    r.link().sent.set_writing(false);
    assert!(!w.reopens(), "it reopens at half");
    drain(&mut r, usize::MAX);
    assert!(w.reopens(), "and nobody has told the writer");
}

#[test]
fn no_more_is_taken_than_positions_can_tell_and_all_that_was_is_sent() {
    let (mut w, mut r) = pair(0);
    let body = Msg::from_content(crate::content::Content::zeroed(1 << 28).unwrap());
    let record = (1 << 28) + record::HEADER_MAX;
    for round in 0..3 {
        let mut taken = 0;
        while w.put(&mut body.share(), false).is_ok() {
            w.publish();
            taken += record;
        }
        w.rollback();
        assert_eq!(taken / record, 255, "round {round}");
        let mut sent = 0;
        while r.pending() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = r.slices(&mut slices, u64::MAX);
            let bytes = slices[..count].iter().map(|s| s.len()).sum();
            r.advance(bytes);
            sent += bytes;
        }
        assert_eq!(sent, taken, "round {round}");
    }
}

#[test]
fn counts_are_right_if_more_is_queued_than_positions_can_tell() {
    for looks in [false, true] {
        let (mut w, mut r) = pair(0);
        send(&mut w, b"first");
        if looks {
            r.pending();
        }
        // As if so many had been sent that take no room.
        w.here.count.messages += 1 << 28;
        // Into the next segment.
        for _ in 0..50 {
            send(&mut w, &[0; 100]);
        }
        assert_eq!(w.queued(), (1 << 28) + 51);
        drain(&mut r, usize::MAX);
        assert_eq!((w.queued(), r.link().sent.messages.count()), (0, (1 << 28) + 51));
    }
}

#[test]
fn a_message_that_is_held_is_sent_when_the_connection_has_taken_it() {
    let (mut w, mut r) = pair(0);
    let consume = |r: &mut Reader| {
        assert!(r.next_record().is_some());
        r.hold();
        r.consume();
    };
    let counts = |r: &Reader| {
        let sent = &r.link().sent;
        (sent.messages.count(), sent.dropped(Dropped::Cut).count())
    };
    (0..6).for_each(|_| _ = send(&mut w, b"held"));
    (0..4).for_each(|_| consume(&mut r));
    r.let_go(3);
    assert_eq!((w.queued(), counts(&r)), (6, (0, 0)), "told in portions");
    r.connection_lost();
    assert_eq!((w.queued(), counts(&r)), (2, (3, 1)));
    (0..2).for_each(|_| consume(&mut r));
    assert_eq!((w.queued(), counts(&r)), (2, (3, 1)));
    r.let_go(2);
    assert_eq!((w.queued(), counts(&r)), (0, (5, 1)));
    r.connection_lost();
    assert_eq!(counts(&r), (5, 1));
}
