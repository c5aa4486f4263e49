//! Models of the log with the promise, the drive lock and the ready list: nothing published is left behind.
#![cfg(loom)]
use std::io::IoSlice;

use ferrozmq_base::{
    Due, Msg,
    drive_lock::DriveLock,
    link::Link,
    log::{self, Lost, Reader, SLICES, Writer},
    promise::Promise,
    ready::{Hook, Linked, ReadyList},
};
use loom::{sync::Arc, thread};

struct Conn {
    hook: Hook<Self>,
    link: Arc<Link>,
    out: DriveLock<Out>,
}

struct Out {
    reader: Reader,
    wire: Vec<u8>,
    woken: usize,
}

impl Linked for Conn {
    fn hook(&self) -> &Hook<Self> {
        &self.hook
    }
}

type Ready = Arc<ReadyList<Conn>>;

fn conn(promise: Promise, hwm: u32) -> (Writer, Arc<Conn>, Ready) {
    let link = Arc::new(Link::new(promise));
    let (writer, reader) = log::log(Arc::clone(&link), hwm);
    let out = DriveLock::new(Out { reader, wire: Vec::new(), woken: 0 });
    (writer, Arc::new(Conn { hook: Hook::new(), link, out }), Arc::new(ReadyList::new()))
}

fn put(w: &mut Writer, body: &[u8], more: bool) {
    w.put(&mut Msg::copy_from(body).unwrap(), more).unwrap();
}

fn send(w: &mut Writer, body: &[u8]) -> Due {
    put(w, body, false);
    w.publish()
}

fn record(body: &[u8], more: u8) -> Vec<u8> {
    [&[more, body.len() as u8], body].concat()
}

/// Takes everything pending, at most `limit` bytes at once.
fn write(reader: &mut Reader, wire: &mut Vec<u8>, limit: u64) -> usize {
    let mut woken = 0;
    while reader.pending() {
        let before = wire.len();
        let mut buf = [IoSlice::new(&[]); SLICES];
        let n = reader.slices(&mut buf, limit);
        buf[..n].iter().for_each(|s| wire.extend_from_slice(s));
        woken += usize::from(reader.advance(wire.len() - before));
    }
    woken
}

/// Drives the output if nobody else does; the holder who finds a note looks again.
fn drive(conn: &Conn) {
    while let Some(mut out) = conn.out.try_lock() {
        let Out { reader, wire, woken } = &mut *out;
        *woken += write(reader, wire, u64::MAX);
        if !out.unlock() {
            break;
        }
    }
}

fn act(due: Due, conn: &Arc<Conn>, ready: &Ready) {
    match due {
        Due::Look => {
            ready.push(Arc::clone(conn));
        }
        Due::Flush => drive(conn),
        _ => {}
    }
}

/// One turn of an I/O thread.
fn turn(ready: &Ready) {
    for conn in ready.take() {
        if conn.link.promise.begin_look() {
            drive(&conn);
        }
    }
}

fn wire(conn: &Conn) -> Vec<u8> {
    conn.out.try_lock().unwrap().wire.clone()
}

/// Deferred sends and batches against the I/O thread; nothing is stranded.
#[test]
fn nothing_published_is_stranded() {
    for hwm in [0, 1] {
        loom::model(move || {
            let (mut w, conn, ready) = conn(Promise::idle(), hwm);
            let (c, r) = (Arc::clone(&conn), Arc::clone(&ready));
            let sender = thread::spawn(move || {
                act(send(&mut w, b"1"), &c, &r);
                act(send(&mut w, b"2"), &c, &r);
                w
            });
            turn(&ready);
            let _w = sender.join().unwrap();
            // The I/O thread sleeps only when its list is empty.
            turn(&ready);
            assert_eq!(wire(&conn), [record(b"1", 0), record(b"2", 0)].concat());
        });
    }
}

/// The sender that made the first step looks itself, in a race with the I/O thread.
#[test]
fn whoever_promised_first_may_look() {
    loom::model(|| {
        let (mut w, conn, ready) = conn(Promise::idle(), 0);
        let c = Arc::clone(&conn);
        let (c2, r2) = (Arc::clone(&conn), Arc::clone(&ready));
        let io = thread::spawn(move || {
            // Somebody else asks for a look: a control frame, say.
            if c2.link.promise.promise() {
                r2.push(Arc::clone(&c2));
            }
            turn(&r2);
        });
        if send(&mut w, b"1") == Due::Look && c.link.promise.begin_look() {
            drive(&c);
        }
        io.join().unwrap();
        turn(&ready);
        assert_eq!(wire(&conn), record(b"1", 0));
    });
}

/// Whoever keeps a promise sees what was done before it was made, without a fence.
#[test]
fn a_promise_carries_what_was_done_before() {
    loom::model(|| {
        let link = Arc::new(Link::new(Promise::idle()));
        assert!(link.promise.promise());
        let other = Arc::clone(&link);
        let thread = thread::spawn(move || {
            other.control.put_ping(b"p");
            other.promise.promise()
        });
        let mut out = Vec::new();
        assert!(link.promise.begin_look());
        link.control.take(&mut out);
        let first = thread.join().unwrap();
        assert!(first || out == b"p");
    });
}

/// The I/O thread enters and leaves WATCHED while the application streams.
#[test]
fn leaving_watched_leaves_nothing_behind() {
    loom::model(|| {
        let (mut w, conn, ready) = conn(Promise::idle(), 0);
        let due = send(&mut w, b"1");
        act(due, &conn, &ready);
        turn(&ready);
        assert!(conn.link.promise.promise());
        let (c, r) = (Arc::clone(&conn), Arc::clone(&ready));
        let sender = thread::spawn(move || {
            act(send(&mut w, b"2"), &c, &r);
            w
        });
        assert!(conn.link.promise.watch());
        // The watch tick.
        if conn.link.promise.unwatch() && conn.link.promise.begin_look() {
            drive(&conn);
        }
        let _w = sender.join().unwrap();
        turn(&ready);
        assert_eq!(wire(&conn), [record(b"1", 0), record(b"2", 0)].concat());
    });
}

/// A connection comes up while a message is sent.
#[test]
fn leaving_parked_leaves_nothing_behind() {
    loom::model(|| {
        let (mut w, conn, ready) = conn(Promise::parked(), 0);
        let (c, r) = (Arc::clone(&conn), Arc::clone(&ready));
        let sender = thread::spawn(move || {
            act(send(&mut w, b"1"), &c, &r);
            w
        });
        if conn.link.promise.unpark() && conn.link.promise.begin_look() {
            drive(&conn);
        }
        let _w = sender.join().unwrap();
        turn(&ready);
        assert_eq!(wire(&conn), record(b"1", 0));
    });
}

/// A writer that waits for room (mark 1) against the flush that makes it.
#[test]
fn a_waiting_writer_is_told() {
    loom::model(|| {
        let (mut w, conn, _ready) = conn(Promise::idle(), 1);
        send(&mut w, b"1");
        let sender = thread::spawn(move || {
            let room = w.room();
            (w, room)
        });
        drive(&conn);
        let (mut w, room) = sender.join().unwrap();
        let woken = conn.out.try_lock().unwrap().woken;
        assert!(room || woken == 1);
        assert!(w.room());
    });
}

/// Segments of 8 bytes, splices above 4, partial writes and a rollback against a flusher.
#[test]
fn segments_change_under_a_flusher() {
    loom::model(|| {
        let link = Arc::new(Link::new(Promise::idle()));
        let (mut w, mut r) = log::log(link, 0);
        let sender = thread::spawn(move || {
            put(&mut w, b"a", true);
            put(&mut w, b"long body", false);
            w.publish();
            put(&mut w, b"gone", true);
            put(&mut w, b"gone", true);
            w.rollback();
            // Fits where the rollback went back to.
            send(&mut w, b"e");
        });
        let mut wire = Vec::new();
        write(&mut r, &mut wire, 4);
        sender.join().unwrap();
        write(&mut r, &mut wire, 4);
        assert_eq!(wire, [record(b"a", 1), record(b"long body", 0), record(b"e", 0)].concat());
        assert!(r.ended());
    });
}

/// The memory of an idle log is taken while the writer starts a message.
#[test]
fn an_idle_log_is_released_under_a_writer() {
    loom::model(|| {
        let link = Arc::new(Link::new(Promise::idle()));
        let (mut w, mut r) = log::log(link, 0);
        send(&mut w, b"1");
        let mut wire = Vec::new();
        write(&mut r, &mut wire, u64::MAX);
        let sender = thread::spawn(move || {
            send(&mut w, b"2");
            send(&mut w, b"3");
        });
        r.release_idle();
        write(&mut r, &mut wire, u64::MAX);
        r.release_idle();
        sender.join().unwrap();
        write(&mut r, &mut wire, u64::MAX);
        assert_eq!(wire, [record(b"1", 0), record(b"2", 0), record(b"3", 0)].concat());
        assert!(r.release_idle());
    });
}

/// A restart mark is set while the session handles the loss of the connection.
#[test]
fn a_restart_against_a_lost_connection() {
    loom::model(|| {
        let link = Arc::new(Link::new(Promise::parked()));
        let (mut w, mut r) = log::log(link, 0);
        send(&mut w, b"old");
        assert!(r.pending());
        r.advance(2);
        let sender = thread::spawn(move || {
            send(&mut w, b"mid");
            w.restart();
            send(&mut w, b"new");
        });
        r.pending();
        assert_eq!(r.connection_lost(), Lost { written: 0, cut: true });
        let mut wire = Vec::new();
        while !r.restarted() {
            r.pending();
            thread::yield_now();
        }
        write(&mut r, &mut wire, u64::MAX);
        sender.join().unwrap();
        write(&mut r, &mut wire, u64::MAX);
        assert_eq!(wire, record(b"new", 0));
    });
}
