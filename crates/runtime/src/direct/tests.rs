//! What a thread held is free again, however its wait ended.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ferrozmq_base::{Msg, SocketType};

use super::*;
use crate::{Context, Flags};

/// ZMQ_RCVTIMEO, ZMQ_SNDHWM and ZMQ_RCVHWM.
const RCVTIMEO: i32 = 27;
const HWMS: [i32; 2] = [23, 24];
const AT_ONCE: Flags = Flags { dont_wait: false, more: false };

/// A connected pair that has exchanged a message, each way if the types allow it.
fn pair(context: &Context) -> (SocketCore, SocketCore) {
    let socket = || {
        let mut socket = context.socket(SocketType::Pair).unwrap();
        socket.set_option(RCVTIMEO, Some(&10_000_i32.to_ne_bytes())).unwrap();
        HWMS.iter().for_each(|hwm| socket.set_option(*hwm, Some(&1_i32.to_ne_bytes())).unwrap());
        socket
    };
    let (mut a, mut b) = (socket(), socket());
    a.bind("tcp://127.0.0.1:*").unwrap();
    b.connect(a.last_endpoint()).unwrap();
    pass(&mut a, &mut b);
    pass(&mut b, &mut a);
    (a, b)
}

fn pass(from: &mut SocketCore, to: &mut SocketCore) {
    let mut m = Msg::copy_from(b"x").unwrap();
    from.send(&mut m, AT_ONCE).unwrap();
    to.recv(&mut m, false).unwrap();
    assert_eq!(m.as_slice(), b"x");
}

/// Receives so many.
fn drain(to: &mut SocketCore, count: usize) {
    (0..count).for_each(|_| to.recv(&mut Msg::new(), false).unwrap());
}

/// Holds directions, and panics.
fn panics_with(held: impl FnOnce() -> Held, is_held: impl Fn() -> bool) {
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let held = held();
        assert!(is_held());
        // Unwinds like a panic, without its message.
        std::panic::resume_unwind(Box::new(held.until(None)))
    }));
    assert!(unwound.is_err());
}

#[test]
fn a_panic_leaves_nothing_held() {
    let context = Context::new().unwrap();
    context.set_direct(true);
    let (mut a, mut b) = pair(&context);
    let (_, conn) = a.connections(|_| true).pop().expect("the connection");

    // The I/O thread may have the half just now, and still find room for what was sent.
    let mut sent = 0;
    let take = || loop {
        let large = &mut Msg::with_size(1 << 20).unwrap();
        sent += usize::from(a.try_send(large, false).is_ok());
        let held = a.hold(true);
        if !held.outputs.is_empty() {
            return held;
        }
        thread::yield_now();
    };
    panics_with(take, || conn.output.is_held());
    drain(&mut b, sent);
    pass(&mut a, &mut b);

    // A direction is lent as soon as the I/O thread has nothing more to read.
    let mut borrow = |core: &mut SocketCore| loop {
        let mut held = core.hold(false);
        core.borrow(&mut held);
        if !held.inputs.is_empty() {
            return held;
        }
        pass(&mut b, core);
    };
    panics_with(|| borrow(&mut a), || conn.input.is_held());
    pass(&mut b, &mut a);
    pass(&mut a, &mut b);
    a.close();
    b.close();
    context.term().unwrap();
}

/// The session has a heartbeat to send there, and the kernel's room would end every sleep.
#[test]
fn who_waits_for_room_leaves_connections_alone_that_have_all_been_written() {
    let context = Context::new().unwrap();
    context.set_direct(true);
    let (mut a, b) = pair(&context);
    let (_, conn) = a.connections(|_| true).pop().expect("the connection");
    // What has arrived is counted as written soon.
    while conn.has_unwritten() {
        thread::yield_now();
    }
    for _ in 0..1000 {
        assert!(a.hold(true).outputs.is_empty());
    }
    a.close();
    b.close();
    context.term().unwrap();
}
