//! Models of the queue, the slot and the inbox. Run with `RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=2`.
#![cfg(loom)]
use ferrozmq_base::{Due, Msg, inbox, mailbox::Mailbox, queue, slot};
use loom::{sync::Arc, thread};

fn send(w: &mut queue::Writer, byte: u8) -> Due {
    w.put(&mut Msg::copy_from(&[byte]).unwrap(), false).unwrap();
    w.publish()
}

/// The same in one step.
fn offer(w: &mut queue::Writer, byte: u8) -> Due {
    w.offer(&mut Msg::copy_from(&[byte]).unwrap()).unwrap().expect("room")
}

/// The reader sleeps: whatever it did not read when it stopped at an empty queue, it is told of.
#[test]
fn a_sleeping_reader_is_told() {
    for send in [send, offer] {
        loom::model(move || {
            let (mut w, mut r) = queue::queue(0);
            let mailbox = Arc::new(Mailbox::new());
            let post = Arc::clone(&mailbox);
            let writer = thread::spawn(move || {
                for i in 1..=3 {
                    if send(&mut w, i) == Due::Readable {
                        post.post(()).unwrap();
                    }
                }
                w
            });
            let (mut m, mut next) = (Msg::new(), 1);
            let mut read = |r: &mut queue::Reader| {
                while r.get(&mut m).frame {
                    assert_eq!(m.as_slice(), [next]);
                    next += 1;
                }
                next
            };
            read(&mut r);
            if !mailbox.is_empty() {
                mailbox.take(&mut Vec::new());
            }
            // Asleep from here on.
            let before = read(&mut r);
            let _w = writer.join().unwrap();
            assert!(before == 4 || !mailbox.is_empty(), "asleep before {before}, and nobody told it");
            assert_eq!(read(&mut r), 4);
        });
    }
}

/// The writer waits for room (mark 1): the read that makes room says so.
#[test]
fn a_waiting_writer_is_told() {
    loom::model(|| {
        let (mut w, mut r) = queue::queue(1);
        send(&mut w, 1);
        let writer = thread::spawn(move || {
            let sent = w.room();
            if sent {
                send(&mut w, 2);
            }
            (w, sent)
        });
        let mut m = Msg::new();
        let got = r.get(&mut m);
        assert!(got.frame && m.as_slice() == [1]);
        let (mut w, sent) = writer.join().unwrap();
        assert!(sent || got.wake, "the writer waits and nobody told it");
        assert!(sent || w.room());
    });
}

/// Messages of two frames over the ends of blocks, a rollback in between, and ends that go at any time.
#[test]
fn messages_stay_whole_and_ends_may_go() {
    loom::model(|| {
        let (mut w, mut r) = queue::queue(0);
        let writer = thread::spawn(move || {
            w.put(&mut Msg::copy_from(b"a").unwrap(), true).unwrap();
            w.put(&mut Msg::copy_from(b"b").unwrap(), false).unwrap();
            w.publish();
            (0..3).for_each(|_| w.put(&mut Msg::copy_from(b"x").unwrap(), true).unwrap());
            w.rollback();
            send(&mut w, b'c');
            w.put(&mut Msg::copy_from(b"y").unwrap(), true).unwrap();
        });
        let (mut m, mut got) = (Msg::new(), Vec::new());
        for _ in 0..2 {
            if r.get(&mut m).frame {
                got.push((m.as_slice()[0], m.more()));
            }
        }
        assert!([&[][..], &[(b'a', true)], &[(b'a', true), (b'b', false)]].contains(&&got[..]));
        // A started message can always be finished.
        if got.len() == 1 {
            assert!(r.get(&mut m).frame);
        }
        drop(r);
        writer.join().unwrap();
    });
}

/// A message of several cells over the ends of blocks: the writer sees to memory while the reader leaves blocks behind.
#[test]
fn messages_of_several_cells_arrive_whole() {
    const LONG: [u8; 40] = [7; 40];
    loom::model(|| {
        let (mut w, mut r) = queue::queue(0);
        (1..=2).for_each(|i| {
            send(&mut w, i);
        });
        let writer = thread::spawn(move || {
            w.put(&mut Msg::copy_from(&LONG).unwrap(), true).unwrap();
            w.put(&mut Msg::copy_from(&LONG).unwrap(), false).unwrap();
            w.publish();
            w
        });
        let mut m = Msg::new();
        for i in 1..=2 {
            assert!(r.get(&mut m).frame && m.as_slice() == [i]);
        }
        if r.get(&mut m).frame {
            assert!(m.as_slice() == LONG && m.more());
            assert!(r.get(&mut m).frame && m.as_slice() == LONG && !m.more());
        }
        let _w = writer.join().unwrap();
    });
}

/// Blocks that the reader left are used again.
#[test]
fn blocks_go_round() {
    loom::model(|| {
        let (mut w, mut r) = queue::queue(0);
        (1..=4).for_each(|i| {
            send(&mut w, i);
        });
        let writer = thread::spawn(move || {
            send(&mut w, 5);
            send(&mut w, 6);
            w
        });
        let mut m = Msg::new();
        for i in 1..=4 {
            assert!(r.get(&mut m).frame && m.as_slice() == [i]);
        }
        let _w = writer.join().unwrap();
        for i in 5..=6 {
            assert!(r.get(&mut m).frame && m.as_slice() == [i]);
        }
    });
}

#[test]
fn the_end_comes_after_the_last_message() {
    loom::model(|| {
        let (mut w, mut r) = queue::queue(0);
        let writer = thread::spawn(move || {
            send(&mut w, 1);
        });
        let mut m = Msg::new();
        let early = r.ended();
        let got = r.get(&mut m).frame;
        assert!(!early, "ended with a message unread");
        let ended = r.ended();
        writer.join().unwrap();
        assert!(!ended || got || !r.get(&mut m).frame);
        while r.get(&mut m).frame {}
        assert!(r.ended());
    });
}

/// The slot: never torn, never backwards, the last one is never lost.
#[test]
fn a_slot_gives_the_latest() {
    loom::model(|| {
        let (mut w, mut r) = slot::slot();
        let mailbox = Arc::new(Mailbox::new());
        let post = Arc::clone(&mailbox);
        let writer = thread::spawn(move || {
            for i in 1..=3u8 {
                w.put(&mut Msg::copy_from(&[i]).unwrap(), false).unwrap();
                if w.publish() == Due::Readable {
                    post.post(()).unwrap();
                }
            }
            w
        });
        let (mut m, mut last) = (Msg::new(), 0);
        let mut read = |r: &mut slot::Reader| {
            while r.get(&mut m).frame {
                assert!(m.as_slice()[0] > last);
                last = m.as_slice()[0];
            }
            last
        };
        read(&mut r);
        if !mailbox.is_empty() {
            mailbox.take(&mut Vec::new());
        }
        // Asleep from here on.
        let before = read(&mut r);
        let _w = writer.join().unwrap();
        assert!(before == 3 || !mailbox.is_empty(), "asleep at {before}, and nobody told it");
        assert_eq!(read(&mut r), 3);
    });
}

/// The handed queue at mark 1: a paused connection is resumed, a sleeping reader is told, order is kept.
#[test]
fn an_inbox_pauses_and_resumes() {
    loom::model(|| {
        let (mut w, mut r) = inbox::inbox(1);
        let writer = thread::spawn(move || {
            let (mut told, mut sent) = (0, 0);
            for i in 1..=2u8 {
                if !w.room() {
                    break;
                }
                w.push_frame(&mut Msg::copy_from(&[i]).unwrap(), None).unwrap();
                told += usize::from(w.publish(1));
                sent = i;
            }
            (w, told, sent)
        });
        let (mut m, mut next, mut wake) = (Msg::new(), 1, false);
        for _ in 0..2 {
            let got = r.get(&mut m);
            wake |= got.wake;
            if !got.frame {
                break;
            }
            assert_eq!(m.as_slice(), [next]);
            next += 1;
        }
        let (mut w, told, sent) = writer.join().unwrap();
        assert!(next > sent || told > 0, "unread, asleep and not told");
        if sent == 1 && next == 2 {
            // Paused with nothing unread: the reader resumed it, or does so when it looks again.
            assert!(wake || r.get(&mut m).wake);
            assert!(w.room());
        }
    });
}
