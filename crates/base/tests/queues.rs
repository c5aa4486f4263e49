//! Queues, slots and inboxes as their users see them.
#![cfg(not(loom))]
use std::{collections::VecDeque, thread};

use ferrozmq_base::{
    Due, End, Msg, PeerRef, Pipe, Pipes, inbox,
    pipe::{Got, Rx, Tx},
    queue, slot,
};

const NOTHING: Got = Got { frame: false, wake: false };
const FRAME: Got = Got { frame: true, wake: false };
const FRAME_AND_WAKE: Got = Got { frame: true, wake: true };

fn msg(body: &[u8]) -> Msg {
    Msg::copy_from(body).unwrap()
}

fn send(w: &mut queue::Writer, body: &[u8]) -> Due {
    w.put(&mut msg(body), false).unwrap();
    w.publish()
}

#[test]
fn frames_are_invisible_until_published() {
    let (mut w, mut r) = queue::queue(0);
    let mut m = Msg::new();
    w.put(&mut msg(b"a"), true).unwrap();
    assert!(!r.peek());
    w.put(&mut msg(b"b"), false).unwrap();
    w.publish();
    assert_eq!(w.len(), 1);
    assert_eq!((r.get(&mut m), m.as_slice(), m.more()), (FRAME, &b"a"[..], true));
    assert_eq!((r.get(&mut m), m.as_slice(), m.more()), (FRAME, &b"b"[..], false));
    assert_eq!(r.get(&mut m), NOTHING);
}

#[test]
fn a_reader_that_found_nothing_is_told_once() {
    let (mut w, mut r) = queue::queue(0);
    assert_eq!(send(&mut w, b"1"), Due::Nothing);
    let mut m = Msg::new();
    assert!(r.get(&mut m).frame && !r.get(&mut m).frame);
    assert_eq!(send(&mut w, b"2"), Due::Readable);
    assert_eq!(send(&mut w, b"3"), Due::Nothing);
    assert!(r.has());
}

#[test]
fn a_full_queue_becomes_writable_once_at_half() {
    let (mut w, mut r) = queue::queue(4);
    for _ in 0..4 {
        assert!(w.room());
        send(&mut w, b"x");
    }
    assert!(!w.room() && !w.room());
    let mut m = Msg::new();
    assert_eq!(r.get(&mut m), FRAME);
    assert!(!w.room());
    assert_eq!(r.get(&mut m), FRAME_AND_WAKE);
    assert!(w.room());
    assert_eq!([r.get(&mut m), r.get(&mut m)], [FRAME, FRAME]);
}

#[test]
fn a_message_of_more_parts_than_the_mark_fits() {
    let (mut w, mut r) = queue::queue(1);
    assert!(w.room());
    (0..1000).for_each(|i| w.put(&mut msg(b"part"), i < 999).unwrap());
    w.publish();
    assert!(!w.room());
    let mut m = Msg::new();
    for _ in 0..999 {
        assert_eq!(r.get(&mut m), FRAME);
    }
    assert_eq!(r.get(&mut m), FRAME_AND_WAKE);
    assert!(w.room());
}

#[test]
fn a_raised_mark_needs_the_reader_and_never_hangs() {
    let (mut w, mut r) = queue::queue(2);
    send(&mut w, b"1");
    send(&mut w, b"2");
    assert!(!w.room());
    w.set_hwm(1000);
    assert!(!w.room());
    let mut m = Msg::new();
    assert!(r.get(&mut m).frame && r.get(&mut m).frame);
    // The mark's half was not reached, but nothing is left to read.
    assert_eq!(r.get(&mut m), Got { frame: false, wake: true });
    assert!(w.room());
}

#[test]
fn a_mark_beyond_the_limit_or_zero_is_unlimited() {
    for hwm in [0, (1 << 27) + 1, u32::MAX] {
        let (mut w, _r) = queue::queue(hwm);
        for _ in 0..3000 {
            assert!(w.room());
            send(&mut w, b"x");
        }
    }
}

#[test]
fn ends_that_go_are_noticed_and_free_what_they_held() {
    let body = std::sync::Arc::<[u8]>::from(vec![0u8; 100]);
    let shared = || Msg::from_bytes(bytes::Bytes::from_owner(std::sync::Arc::clone(&body)));
    let grouped = || {
        let mut m = shared();
        m.set_group(b"group");
        m
    };
    let (mut w, mut r) = queue::queue(0);
    for _ in 0..300 {
        w.put(&mut shared(), false).unwrap();
        w.put(&mut grouped(), false).unwrap();
    }
    w.publish();
    w.put(&mut grouped(), true).unwrap();
    drop(w);
    let mut m = Msg::new();
    assert!(r.get(&mut m).frame && !r.ended());
    drop(r);
    m.clear();
    assert_eq!(std::sync::Arc::strong_count(&body), 1);

    let (mut w, r) = queue::queue(0);
    assert!(w.room());
    drop(r);
    assert!(!w.room() && w.reader_gone());
}

/// Bodies of any size lie in cells of their own number, and groups in one more; also over the ends of blocks.
#[test]
fn messages_of_any_size_and_with_groups_arrive_as_they_were() {
    let (mut w, mut r) = queue::queue(0);
    let body: Vec<u8> = (0..=100).collect();
    let make = |i: usize| {
        let mut m = msg(&body[..i % 101]);
        m.set_group(&b"weather"[..i / 7 % 3 * 3]);
        m.set_routing_id(i as u32);
        m.set_peer(Some(PeerRef { slot: 1, generation: 1 }));
        m
    };
    let mut m = Msg::new();
    for round in 0..20 {
        let messages = round * 31..(round + 1) * 31;
        for i in messages.clone() {
            if i % 2 == 0 {
                assert!(w.offer(&mut make(i)).unwrap().is_some());
            } else {
                w.put(&mut make(i), true).unwrap();
                w.put(&mut make(i), false).unwrap();
                w.publish();
            }
        }
        assert_eq!(r.messages_queued(), 31);
        for i in messages {
            for more in if i % 2 == 0 { &[false][..] } else { &[true, false] } {
                assert!(r.get(&mut m).frame);
                let sent = make(i);
                assert_eq!((m.as_slice(), m.group(), m.more()), (sent.as_slice(), sent.group(), *more));
                assert_eq!((m.routing_id(), m.peer()), (i as u32, None));
            }
        }
        assert!(!r.get(&mut m).frame);
    }
}

#[test]
fn rollback_over_blocks_leaves_what_was_published() {
    let (mut w, mut r) = queue::queue(0);
    for round in 0..50u32 {
        let size = [200, 40][round as usize % 2];
        (0..round * 20).for_each(|_| w.put(&mut msg(&[1; 200][..size]), true).unwrap());
        w.rollback();
        send(&mut w, &round.to_le_bytes());
    }
    let mut m = Msg::new();
    for round in 0..50u32 {
        assert!(r.get(&mut m).frame);
        assert_eq!(m.as_slice(), round.to_le_bytes());
    }
    assert!(!r.get(&mut m).frame);
}

#[test]
fn the_queue_agrees_with_its_model() {
    let (mut w, mut r) = queue::queue(0);
    let mut model = VecDeque::new();
    let (mut random, mut m) = (88_172_645_463_325_252u64, Msg::new());
    for i in 0..200_000u64 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        // Phases of filling and of emptying.
        if random % 100 < if i / 5000 % 2 == 0 { 70 } else { 30 } {
            send(&mut w, &i.to_le_bytes());
            model.push_back(i);
        } else {
            assert_eq!(
                r.get(&mut m).frame.then(|| m.as_slice().to_vec()),
                model.pop_front().map(|i| i.to_le_bytes().to_vec())
            );
        }
    }
}

#[test]
fn two_threads_pass_every_message_and_no_wake_up_is_lost() {
    const MESSAGES: u64 = 300_000;
    for hwm in [1, 10, 1000] {
        let (mut w, mut r) = queue::queue(hwm);
        let writer = {
            let reader = thread::current();
            thread::spawn(move || {
                for i in 0..MESSAGES / if hwm == 1 { 30 } else { 1 } {
                    while !w.room() {
                        thread::park();
                    }
                    if send(&mut w, &i.to_le_bytes()) == Due::Readable {
                        reader.unpark();
                    }
                }
                drop(w);
                reader.unpark();
            })
        };
        let (mut next, mut m) = (0u64, Msg::new());
        loop {
            let got = r.get(&mut m);
            if got.wake {
                writer.thread().unpark();
            }
            if got.frame {
                assert_eq!(m.as_slice(), next.to_le_bytes());
                next += 1;
            } else if r.ended() {
                break;
            } else {
                thread::park();
            }
        }
        writer.join().unwrap();
        assert_eq!(next, MESSAGES / if hwm == 1 { 30 } else { 1 });
    }
}

#[test]
fn a_slot_keeps_the_latest_only() {
    let (mut w, mut r) = slot::slot();
    let mut m = Msg::new();
    assert_eq!(r.get(&mut m), NOTHING);
    w.put(&mut msg(b"1"), false).unwrap();
    assert_eq!(w.publish(), Due::Readable);
    for body in [b"2", b"3"] {
        w.put(&mut msg(body), false).unwrap();
        assert_eq!(w.publish(), Due::Nothing);
    }
    w.put(&mut msg(b"4"), false).unwrap();
    w.rollback();
    assert!(w.room());
    assert_eq!((r.get(&mut m), m.as_slice()), (FRAME, &b"3"[..]));
    assert_eq!(r.get(&mut m), NOTHING);
    drop(w);
    assert!(r.ended());
}

#[test]
fn where_a_message_came_from_is_not_passed_on() {
    let from_afar = || {
        let mut m = msg(b"news");
        m.set_peer(Some(PeerRef { slot: 3, generation: 1 }));
        m
    };
    let (queue, read_queue) = queue::queue(0);
    let (slot, read_slot) = slot::slot();
    for (tx, mut rx) in [(Tx::Queue(queue), Rx::Queue(read_queue)), (Tx::Slot(slot), Rx::Slot(read_slot))] {
        let (mut pipes, mut due) = (Pipes::new(), Vec::new());
        let id = pipes.insert(Pipe::new(tx, Rx::Closed));
        let mut arrives = || {
            let mut m = Msg::new();
            let got = match &mut rx {
                Rx::Queue(r) => r.get(&mut m),
                Rx::Slot(r) => r.get(&mut m),
                _ => NOTHING,
            };
            assert_eq!((got, m.as_slice(), m.peer()), (FRAME, &b"news"[..], None));
        };
        assert!(pipes.offer(id, &mut from_afar(), &mut due).unwrap());
        arrives();
        pipes.put(id, &mut from_afar(), false).unwrap();
        pipes.publish(id, &mut due);
        arrives();
        pipes.put_copy(id, &mut from_afar(), false).unwrap();
        pipes.publish(id, &mut due);
        arrives();
    }
}

#[test]
fn an_inbox_gives_frames_with_their_peer_and_pauses_at_its_mark() {
    let peer = Some(PeerRef { slot: 3, generation: 1 });
    let (mut w, mut r) = inbox::inbox(2);
    let mut m = Msg::new();
    assert_eq!(r.get(&mut m), NOTHING);
    let mut first = msg(b"first");
    first.set_more(true);
    w.push_frame(&mut first, peer).unwrap();
    assert!(!r.peek());
    w.push_frame(&mut msg(b"last"), peer).unwrap();
    assert!(w.publish(1), "the reader had armed");
    w.push_frame(&mut msg(b"second"), None).unwrap();
    assert!(!w.publish(1));
    assert!(!w.room());
    assert_eq!(w.messages_queued(), 2);
    assert_eq!((r.get(&mut m), m.as_slice(), m.more(), m.peer()), (FRAME, &b"first"[..], true, peer));
    assert_eq!(
        (r.get(&mut m), m.as_slice(), m.more(), m.peer()),
        (FRAME_AND_WAKE, &b"last"[..], false, peer)
    );
    assert!(w.room());
    w.push_frame(&mut msg(b"cut"), None).unwrap();
    w.rollback();
    drop(w);
    assert_eq!((r.get(&mut m), m.peer()), (FRAME, None));
    assert!(r.ended());
}

#[test]
fn pipes_are_named_by_ids_that_go_stale() {
    let (w, r) = queue::queue(1);
    let (mut near, mut far) = (Pipes::new(), Pipes::new());
    let a = near.insert(Pipe::new(Tx::Queue(w), Rx::Closed));
    let b = far.insert(Pipe::new(Tx::Closed, Rx::Queue(r)));
    let (mut due, mut m) = (Vec::new(), Msg::new());
    assert!(!far.get(b, &mut m, &mut due) && due.is_empty());
    assert!(near.room(a));
    near.put(a, &mut msg(b"x"), false).unwrap();
    near.publish(a, &mut due);
    assert_eq!(due, [(a, Due::Readable)]);
    assert!(!near.room(a));
    due.clear();
    assert!(far.get(b, &mut m, &mut due) && m.as_slice() == b"x");
    assert_eq!(due, [(b, Due::Writable)]);
    due.clear();
    near.end(a, End::Drain, &mut due);
    assert_eq!(due, [(a, Due::End(End::Drain))]);
    due.clear();
    assert!(!near.is_open(a) && !near.room(a));
    // Nobody has told this side yet.
    assert!(!far.get(b, &mut m, &mut due) && !far.drained(b) && due.is_empty());
    far.close_output(b);
    assert!(!far.get(b, &mut m, &mut due) && far.drained(b));
    assert_eq!(due, [(b, Due::Drained)]);
    assert!(near.remove(a).is_some() && near.remove(a).is_none());
    let again = near.insert(Pipe::new(Tx::Closed, Rx::Closed));
    assert_eq!(again.index(), a.index());
    assert!(near.contains(again) && !near.contains(a));
}

#[test]
fn v25_v45_what_comes_late_for_a_pipe_does_not_reach_the_one_that_has_its_place() {
    let mut pipes = Pipes::new();
    let (mut due, mut m) = (Vec::new(), Msg::new());
    let gone = pipes.insert(Pipe::new(Tx::Closed, Rx::Closed));
    assert!(pipes.remove(gone).is_some());
    let ((near, mut theirs), (mut ours, far)) = (queue::queue(2), queue::queue(2));
    let next = pipes.insert(Pipe::new(Tx::Queue(near), Rx::Queue(far)));
    assert_eq!((next.index(), next == gone), (gone.index(), false));
    send(&mut ours, b"for the next");
    // Every call with the old id, as late as it may be.
    assert!(!pipes.room(gone) && !pipes.is_open(gone) && !pipes.contains(gone));
    let _ = pipes.put(gone, &mut msg(b"late"), false);
    pipes.publish(gone, &mut due);
    pipes.rollback(gone);
    assert!(!pipes.get(gone, &mut m, &mut due));
    pipes.end(gone, End::Now, &mut due);
    assert!(pipes.remove(gone).is_none());
    assert!(due.is_empty(), "{due:?}");
    // The other one has noticed nothing.
    assert!(pipes.is_open(next) && pipes.room(next));
    pipes.put(next, &mut msg(b"from the next"), false).unwrap();
    pipes.publish(next, &mut due);
    assert!(theirs.get(&mut m).frame && m.as_slice() == b"from the next");
    assert_eq!(theirs.get(&mut m), NOTHING);
    assert!(pipes.get(next, &mut m, &mut due) && m.as_slice() == b"for the next");
}
