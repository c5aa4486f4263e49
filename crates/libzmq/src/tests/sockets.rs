//! What the boundary adds to sockets: handles, threads, callbacks, and the calls that are made of several.
use crate::*;
use ferrozmq_base::{Msg, error::ZMQ_HAUSNUMERO};
use libc::{EAGAIN, EFAULT, EINVAL, ENOTSOCK, c_int, c_void, iovec};
use std::{
    ptr,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

const EFSM: c_int = ZMQ_HAUSNUMERO + 51;
const DONTWAIT: c_int = 1;
const SNDMORE: c_int = 2;
const PAIR: c_int = 0;

/// A pair of connected sockets and their context.
struct Pair {
    context: *mut c_void,
    one: *mut c_void,
    two: *mut c_void,
}

impl Pair {
    fn new() -> Self {
        // SAFETY: handles of this test.
        unsafe {
            let context = zmq_ctx_new();
            let (one, two) = (zmq_socket(context, PAIR), zmq_socket(context, PAIR));
            assert_eq!(zmq_bind(one, c"inproc://pair".as_ptr()), 0);
            assert_eq!(zmq_connect(two, c"inproc://pair".as_ptr()), 0);
            Self { context, one, two }
        }
    }

    fn end(self) {
        // SAFETY: handles of this test.
        unsafe {
            assert_eq!((zmq_close(self.one), zmq_close(self.two), zmq_ctx_term(self.context)), (0, 0, 0));
        }
        assert_eq!(caught_panics(), 0);
    }
}

#[track_caller]
fn fails(result: c_int, errno: c_int) {
    // SAFETY: no arguments.
    assert_eq!((result, unsafe { zmq_errno() }), (-1, errno));
}

fn send(socket: *mut c_void, body: &[u8], flags: c_int) -> c_int {
    // SAFETY: the length is that of the body.
    unsafe { zmq_send(socket, body.as_ptr().cast(), body.len(), flags) }
}

fn receive(socket: *mut c_void, buffer: &mut [u8], flags: c_int) -> c_int {
    // SAFETY: the length is that of the buffer.
    unsafe { zmq_recv(socket, buffer.as_mut_ptr().cast(), buffer.len(), flags) }
}

#[test]
fn buffers() {
    let pair = Pair::new();
    let mut buffer = [0u8; 8];
    assert_eq!(send(pair.one, b"0123456789", 0), 10);
    assert_eq!((receive(pair.two, &mut buffer, 0), &buffer), (10, b"01234567"), "the whole size, what fits");
    // SAFETY: NULL with length 0, and with a length.
    unsafe {
        assert_eq!(zmq_send(pair.one, ptr::null(), 0, 0), 0);
        assert_eq!(zmq_recv(pair.two, ptr::null_mut(), 0, 0), 0);
        fails(zmq_send(pair.one, ptr::null(), 5, 0), EFAULT);
        assert_eq!(send(pair.one, b"dropped", 0), 7);
        assert_eq!(zmq_recv(pair.two, ptr::null_mut(), 0, 0), 7);
    }
    fails(receive(pair.two, &mut buffer, DONTWAIT), EAGAIN);
    pair.end();
}

#[test]
fn constant_memory_arrives_at_the_same_address() {
    static BODY: [u8; 3] = *b"abc";
    let pair = Pair::new();
    let mut m = Msg::new();
    // SAFETY: the body is static, the message live.
    unsafe {
        assert_eq!(zmq_send_const(pair.one, BODY.as_ptr().cast(), 3, 0), 3);
        assert_eq!(zmq_msg_recv(&raw mut m, pair.two, 0), 3);
        assert_eq!(zmq_msg_data(&raw mut m), ptr::from_ref(&BODY).cast_mut().cast());
        assert_eq!(zmq_msg_get(&raw const m, 3), 1);
    }
    pair.end();
}

#[test]
fn a_message_that_is_sent_is_empty_and_one_that_is_not_is_kept() {
    let pair = Pair::new();
    let mut m = Msg::copy_from(&[7; 100]).expect("memory");
    // SAFETY: the message is live, then closed.
    unsafe {
        assert_eq!((zmq_msg_send(&raw mut m, pair.one, 0), zmq_msg_size(&raw const m)), (100, 0));
        let mut body = Msg::copy_from(b"kept").expect("memory");
        assert_eq!((zmq_close(pair.two), zmq_setsockopt(pair.one, 28, (&raw const ZERO).cast(), 4)), (0, 0));
        fails(zmq_msg_send(&raw mut body, pair.one, 0), EAGAIN);
        assert_eq!(zmq_msg_size(&raw const body), 4);
        zmq_msg_close(&raw mut body);
        fails(zmq_msg_send(&raw mut body, pair.one, 0), EFAULT);
        fails(zmq_msg_recv(&raw mut body, pair.one, 0), EFAULT);
        fails(zmq_close(pair.two), ENOTSOCK);
        assert_eq!((zmq_close(pair.one), zmq_ctx_term(pair.context)), (0, 0));
    }
}

static ZERO: c_int = 0;

#[test]
fn a_free_function_may_use_the_socket_that_receives() {
    unsafe extern "C" fn answer(_data: *mut c_void, socket: *mut c_void) {
        assert_eq!(send(socket, b"freed", 0), 5);
    }
    let pair = Pair::new();
    let mut m = Msg::new();
    // SAFETY: the text is static, the socket outlives the message.
    unsafe {
        zmq_msg_init_data(&raw mut m, c"old".as_ptr().cast_mut().cast(), 3, Some(answer), pair.two);
        send(pair.one, b"new", 0);
        assert_eq!(zmq_msg_recv(&raw mut m, pair.two, 0), 3);
        assert_eq!(receive(pair.one, &mut [0; 8], 0), 5);
        zmq_msg_close(&raw mut m);
    }
    pair.end();
}

#[test]
fn a_free_function_inside_of_a_call_cannot_use_or_close_its_socket() {
    static REFUSED: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn meddle(_data: *mut c_void, socket: *mut c_void) {
        fails(send(socket, b"again", 0), EFSM);
        let mut item = PollItem { socket, fd: 0, events: 1, revents: 0 };
        // SAFETY: a handle, and one item.
        unsafe {
            fails(zmq_close(socket), EFSM);
            fails(zmq_poll(&raw mut item, 1, 0), EFSM);
        }
        REFUSED.fetch_add(1, Ordering::Relaxed);
    }
    const PUB: c_int = 1;
    let mut m = Msg::new();
    // SAFETY: the text is static, the socket outlives the message.
    unsafe {
        let context = zmq_ctx_new();
        let publisher = zmq_socket(context, PUB);
        zmq_msg_init_data(&raw mut m, c"old".as_ptr().cast_mut().cast(), 3, Some(meddle), publisher);
        // Nobody has subscribed: it is freed at once.
        assert_eq!(zmq_msg_send(&raw mut m, publisher, 0), 3);
        assert_eq!(REFUSED.load(Ordering::Relaxed), 1);
        assert_eq!((send(publisher, b"x", 0), zmq_close(publisher), zmq_ctx_term(context)), (1, 0, 0));
    }
}

#[test]
fn a_socket_in_use_by_another_thread_is_refused() {
    let pair = Pair::new();
    let address = pair.two as usize;
    let blocked = thread::spawn(move || {
        loop {
            // The one that comes while the other looks is refused: that may be this thread, too.
            let result = receive(address as *mut c_void, &mut [0; 8], 0);
            // SAFETY: no arguments.
            if result != -1 || unsafe { zmq_errno() } != EFSM {
                return result;
            }
        }
    });
    let mut refused = false;
    while !refused {
        // Until the other thread is inside.
        let result = receive(pair.two, &mut [0; 8], DONTWAIT);
        assert_eq!(result, -1);
        // SAFETY: no arguments.
        match unsafe { zmq_errno() } {
            EFSM => refused = true,
            code => assert_eq!(code, EAGAIN),
        }
        thread::yield_now();
    }
    // SAFETY: handles of this test.
    unsafe { fails(zmq_close(pair.two), EFSM) };
    let mut item = PollItem { socket: pair.two, fd: 0, events: 1, revents: 0 };
    // SAFETY: one item.
    unsafe { fails(zmq_poll(&raw mut item, 1, 0), EFSM) };
    assert_eq!(send(pair.one, b"done", 0), 4);
    assert_eq!(blocked.join().expect("no panic"), 4);
    assert_eq!(send(pair.two, b"back", 0), 4);
    pair.end();
}

#[test]
fn sockets_move_between_threads() {
    let pair = Pair::new();
    let (one, two) = (pair.one as usize, pair.two as usize);
    // More often than the gate's owner changes before it becomes a plain lock.
    for round in 0..40u8 {
        let sent = thread::spawn(move || send(one as *mut c_void, &[round], 0));
        assert_eq!(sent.join().expect("no panic"), 1);
        let received = thread::spawn(move || {
            let mut buffer = [0];
            (receive(two as *mut c_void, &mut buffer, 0), buffer[0])
        });
        assert_eq!(received.join().expect("no panic"), (1, round));
    }
    pair.end();
}

#[test]
fn vectors_of_parts() {
    let pair = Pair::new();
    let parts = [&b"one"[..], b"", b"three"];
    let mut out = parts.map(|p| iovec { iov_base: p.as_ptr().cast_mut().cast(), iov_len: p.len() });
    let mut room = [const { iovec { iov_base: ptr::null_mut(), iov_len: 0 } }; 4];
    // SAFETY: the counts are those of the arrays; what was received is freed.
    unsafe {
        assert_eq!(zmq_sendiov(pair.one, out.as_mut_ptr(), 3, SNDMORE), 5);
        let mut count = 2;
        assert_eq!((zmq_recviov(pair.two, room.as_mut_ptr(), &raw mut count, 0), count), (2, 2));
        assert_eq!((room[0].iov_len, room[1].iov_len), (3, 0));
        count = 4;
        assert_eq!((zmq_recviov(pair.two, room.as_mut_ptr().add(2), &raw mut count, 0), count), (1, 1));
        assert_eq!(std::slice::from_raw_parts(room[2].iov_base.cast::<u8>(), room[2].iov_len), b"three");
        room.iter().for_each(|part| libc::free(part.iov_base));
        assert_eq!(zmq_sendiov(pair.one, out.as_mut_ptr(), 2, 0), 0, "the size of the last");
        assert_eq!(receive(pair.two, &mut [0; 8], 0), 3);
        assert_eq!(receive(pair.two, &mut [0; 8], 0), 0);
        for (iov, number) in [(ptr::null_mut(), 1), (out.as_mut_ptr(), 0)] {
            fails(zmq_sendiov(pair.one, iov, number, 0), EINVAL);
            let mut count = number;
            fails(zmq_recviov(pair.two, iov, &raw mut count, 0), EINVAL);
        }
        fails(zmq_recviov(pair.two, room.as_mut_ptr(), ptr::null_mut(), 0), EINVAL);
        count = 3;
        fails(zmq_recviov(pair.two, room.as_mut_ptr(), &raw mut count, DONTWAIT), EAGAIN);
        assert_eq!(count, 0, "counted also on failure");
    }
    pair.end();
}

#[test]
fn options_through_pointers() {
    let pair = Pair::new();
    let (mut value, mut length) = (7i32, 4usize);
    // SAFETY: the lengths are those of the values.
    unsafe {
        assert_eq!(zmq_setsockopt(pair.one, 17, (&raw const value).cast(), 4), 0);
        value = 0;
        assert_eq!((zmq_getsockopt(pair.one, 17, (&raw mut value).cast(), &raw mut length), value), (0, 7));
        fails(zmq_setsockopt(pair.one, 17, ptr::null(), 4), EINVAL);
        fails(zmq_setsockopt(pair.one, 17, ptr::null(), 0), EINVAL);
        fails(zmq_getsockopt(pair.one, 17, (&raw mut value).cast(), ptr::null_mut()), EINVAL);
        fails(zmq_getsockopt(pair.one, 17, ptr::null_mut(), &raw mut length), EINVAL);
        length = 8;
        let mut wide = [-1i32; 2];
        assert_eq!(zmq_getsockopt(pair.one, 13, wide.as_mut_ptr().cast(), &raw mut length), 0);
        assert_eq!((wide, length), ([0, 0], 4), "RCVMORE fills what is left with zeros");
        assert_eq!(zmq_setsockopt(pair.one, 68, ptr::null(), 0), 0, "SOCKS_PROXY cleared");
        assert_eq!(zmq_setsockopt(pair.one, 99, ptr::null(), 5), 0, "SOCKS_USERNAME cleared");
        for endpoint in [ptr::null(), c"\xff".as_ptr(), c"".as_ptr()] {
            fails(zmq_bind(pair.one, endpoint), EINVAL);
            fails(zmq_connect(pair.one, endpoint), EINVAL);
            fails(zmq_unbind(pair.one, endpoint), EINVAL);
            fails(zmq_disconnect(pair.one, endpoint), EINVAL);
        }
        fails(zmq_socket_monitor(pair.one, c"inproc://m".as_ptr(), 0x10000), EINVAL);
        fails(zmq_socket_monitor(pair.one, c"inproc://m".as_ptr(), -1), EINVAL);
        fails(zmq_socket_monitor_versioned(pair.one, c"inproc://m".as_ptr(), 1, 2, 99), EINVAL);
        assert_eq!(zmq_socket_monitor(pair.one, ptr::null(), 0), 0);
    }
    pair.end();
}

#[test]
fn polling_sockets_and_descriptors() {
    let pair = Pair::new();
    let mut ends = [0; 2];
    // SAFETY: two descriptors; the items are those of the array.
    unsafe {
        assert_eq!(libc::pipe(ends.as_mut_ptr()), 0);
        let item = |socket, fd, events| PollItem { socket, fd, events, revents: -1 };
        let mut items = [
            item(pair.two, 0, 1),
            item(pair.two, 0, 2),
            item(ptr::null_mut(), ends[0], 1),
            item(ptr::null_mut(), -1, 3),
            item(pair.two, 0, 0),
            item(pair.two, ends[1], 3),
            item(ptr::null_mut(), ends[1], 2),
        ];
        let found = |items: &[PollItem]| -> Vec<_> { items.iter().map(|item| item.revents).collect() };
        assert_eq!(zmq_poll(items.as_mut_ptr(), 7, 0), 3);
        assert_eq!(found(&items), [0, 2, 0, 0, 0, 2, 2]);
        send(pair.one, b"x", 0);
        assert_eq!(zmq_ppoll(items.as_mut_ptr(), 7, -1, ptr::null()), 4);
        assert_eq!(found(&items), [1, 2, 0, 0, 0, 3, 2]);
        libc::close(ends[1]);
        assert_eq!(zmq_poll(items.as_mut_ptr(), 3, -1), 3);
        assert_eq!(items[2].revents, 4, "a hang-up");
        libc::close(ends[0]);
        assert_eq!(zmq_poll(items.as_mut_ptr(), 0, 0), 0);
        assert_eq!(zmq_poll(ptr::null_mut(), 0, 0), 0);
    }
    pair.end();
}

#[test]
fn pollers_keep_what_they_wait_for() {
    let pair = Pair::new();
    let mut event = PollerEvent { socket: ptr::null_mut(), fd: 0, user_data: ptr::null_mut(), events: 0 };
    let data = ptr::without_provenance_mut(9);
    // SAFETY: handles of this test; the events are those of the array.
    unsafe {
        let mut poller = zmq_poller_new();
        assert_eq!(zmq_poller_add(poller, pair.two, data, 1), 0);
        fails(zmq_poller_add(poller, pair.two, data, 1), EINVAL);
        fails(zmq_poller_modify(poller, pair.one, 1), EINVAL);
        fails(zmq_poller_remove(poller, pair.one), EINVAL);
        fails(zmq_poller_wait(poller, &raw mut event, 0), EAGAIN);
        send(pair.one, b"x", 0);
        assert_eq!(zmq_poller_wait(poller, &raw mut event, -1), 0);
        assert_eq!((event.socket, event.fd, event.user_data, event.events), (pair.two, -1, data, 1));
        assert_eq!(zmq_poller_modify(poller, pair.two, 2), 0);
        let mut events = [event; 3];
        assert_eq!(zmq_poller_wait_all(poller, events.as_mut_ptr(), 3, -1), 1);
        assert_eq!((events[0].events, events[1].socket, events[2].fd), (2, ptr::null_mut(), -1));
        assert_eq!(zmq_poller_remove(poller, pair.two), 0);
        assert_eq!(zmq_poller_add(poller, pair.one, data, 1), 0);
        assert_eq!(zmq_close(pair.one), 0);
        fails(zmq_poller_wait(poller, &raw mut event, 0), ENOTSOCK);
        assert_eq!(zmq_poller_destroy(&raw mut poller), 0);
        assert_eq!((zmq_close(pair.two), zmq_ctx_term(pair.context)), (0, 0));
    }
}

#[test]
fn a_context_ends_only_when_its_sockets_are_closed() {
    let pair = Pair::new();
    let context = pair.context as usize;
    let ending = thread::spawn(move || {
        // SAFETY: the handle is alive until this call is over.
        unsafe { zmq_ctx_term(context as *mut c_void) }
    });
    assert_eq!(receive(pair.one, &mut [0; 8], 0), -1);
    // SAFETY: handles of this test.
    unsafe {
        assert_eq!(zmq_errno(), ZMQ_HAUSNUMERO + 53);
        assert_eq!((zmq_close(pair.one), zmq_close(pair.two)), (0, 0));
        assert_eq!(ending.join().expect("no panic"), 0);
        fails(zmq_ctx_term(pair.context), EFAULT);
    }
}
