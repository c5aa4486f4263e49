//! `functions.csv` row by row: messages, sending and receiving. See `functions.rs`.

use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicI32, Ordering};

use conformance::c_api::{Library, NULL, RawMsg};
use conformance::msg::Msg;
use conformance::signals::{Handler, interrupted};
use conformance::socket::{Ctx, Sock, Transport, pair};
use conformance::stranger::no_sockets;
use conformance::{c_library, drafts, fails, is_system, refused, zmq};

const LARGE: usize = 1000;

/// A body that tells its bytes from each other.
fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|i| i as u8).collect()
}

fn pipeline() -> (Sock, Sock) {
    pair(zmq::PULL, zmq::PUSH, Transport::Inproc)
}

// Messages

#[test]
fn zmq_msg_init() {
    let lib = c_library!();
    let mut msg = RawMsg([0xFF; 64]);
    assert_eq!(lib.zmq_msg_init(&raw mut msg), 0);
    assert_eq!((lib.zmq_msg_size(&raw const msg), lib.zmq_msg_more(&raw const msg)), (0, 0));
    assert!(!lib.zmq_msg_data(&raw mut msg).is_null());
    assert_eq!(lib.zmq_msg_close(&raw mut msg), 0);
    if !is_system() {
        fails!(lib, zmq::EFAULT, lib.zmq_msg_init(null_mut()), -1);
    }
}

#[test]
fn zmq_msg_init_size() {
    let lib = c_library!();
    for size in [0, 1, 33, 34, 48, 49, LARGE, 1 << 20] {
        let mut msg = RawMsg([0; 64]);
        assert_eq!(lib.zmq_msg_init_size(&raw mut msg, size), 0);
        assert_eq!(lib.zmq_msg_size(&raw const msg), size);
        // SAFETY: the library has just given these bytes to the message.
        unsafe { lib.zmq_msg_data(&raw mut msg).write_bytes(7, size) };
        assert_eq!(lib.zmq_msg_close(&raw mut msg), 0);
    }
    for size in [usize::MAX, usize::MAX / 2, usize::MAX - 64] {
        let mut msg = RawMsg([0; 64]);
        assert_eq!(lib.check(lib.zmq_msg_init_size(&raw mut msg, size)), Err(zmq::ENOMEM));
    }
}

#[test]
fn zmq_msg_init_buffer() {
    let (lib, drafts) = (c_library!(), drafts!());
    for size in [0, 5, 48, LARGE] {
        let (mut msg, body) = (Msg::zeroed(lib), pattern(size));
        assert_eq!(drafts.zmq_msg_init_buffer(msg.raw(), body.as_ptr().cast(), size), 0);
        assert_eq!(msg.body(), body);
    }
    let mut msg = Msg::zeroed(lib);
    assert_eq!(drafts.zmq_msg_init_buffer(msg.raw(), null(), 0), 0);
    assert_eq!(msg.size(), 0);
    let mut none = RawMsg([0; 64]);
    if !is_system() {
        fails!(lib, zmq::EFAULT, drafts.zmq_msg_init_buffer(&raw mut none, null(), 1), -1);
    }
    // ENOMEM: takes a buffer that is larger than what memory is left.
}

static FREED: AtomicI32 = AtomicI32::new(0);

extern "C" fn free(_: *mut c_void, hint: *mut c_void) {
    assert_eq!(hint as usize, 77);
    FREED.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn zmq_msg_init_data() {
    let lib = c_library!();
    let hint = std::ptr::without_provenance_mut(77);
    let mut body = *b"abc";
    let data: *mut c_void = body.as_mut_ptr().cast();
    let mut msg = Msg::around(lib, data, 3, Some(free), hint);
    assert_eq!((msg.data(), msg.size(), FREED.load(Ordering::Relaxed)), (data, 3, 0));
    assert_eq!(msg.close(), Ok(()));
    assert_eq!(FREED.load(Ordering::Relaxed), 1);
    Msg::around(lib, NULL, 0, Some(free), hint).close().unwrap();
    assert_eq!(FREED.load(Ordering::Relaxed), 2, "also for nothing");
    assert_eq!(Msg::around(lib, data, 3, None, NULL).property(zmq::SHARED), Ok(1));
    if !is_system() {
        let mut msg = RawMsg([0; 64]);
        fails!(lib, zmq::EFAULT, lib.zmq_msg_init_data(&raw mut msg, NULL, 1, None, NULL), -1);
        fails!(lib, zmq::ENOMEM, lib.zmq_msg_init_data(&raw mut msg, data, usize::MAX, None, NULL), -1);
    }
}

#[test]
fn zmq_msg_close() {
    let lib = c_library!();
    for size in [1, LARGE] {
        let mut msg = Msg::copy_of(lib, pattern(size));
        assert_eq!((msg.close(), msg.close()), (Ok(()), Err(zmq::EFAULT)));
    }
    let mut zeroes = RawMsg([0; 64]);
    fails!(lib, zmq::EFAULT, lib.zmq_msg_close(&raw mut zeroes), -1);
    if !is_system() {
        fails!(lib, zmq::EFAULT, lib.zmq_msg_close(null_mut()), -1);
    }
}

#[test]
fn zmq_msg_data() {
    let lib = c_library!();
    for size in [0, 1, 48, 49, LARGE] {
        let mut msg = Msg::copy_of(lib, pattern(size));
        assert!(!msg.data().is_null(), "never NULL, also of {size} bytes");
        assert_eq!(msg.body(), pattern(size));
    }
    if !is_system() {
        let mut closed = RawMsg([0; 64]);
        assert!(lib.zmq_msg_data(&raw mut closed).is_null() && lib.zmq_msg_data(null_mut()).is_null());
    }
}

#[test]
fn zmq_msg_size() {
    let lib = c_library!();
    for size in [0, 1, 48, 49, LARGE] {
        assert_eq!(Msg::copy_of(lib, pattern(size)).size(), size);
    }
    let mut msg = Msg::empty(lib);
    assert_eq!(lib.zmq_msg_size(msg.raw()), 0);
    if !is_system() {
        let closed = RawMsg([0; 64]);
        assert_eq!((lib.zmq_msg_size(&raw const closed), lib.zmq_msg_size(null())), (0, 0));
    }
}

#[test]
fn zmq_msg_more() {
    let lib = c_library!();
    let (pull, push) = pipeline();
    push.send(["a", "b"]);
    let mut msg = Msg::empty(lib);
    for more in [1, 0] {
        msg.recv(&pull, 0).unwrap();
        assert_eq!(lib.zmq_msg_more(msg.raw()), more);
    }
    msg.close().unwrap();
    assert_eq!(lib.zmq_msg_more(msg.raw()), 0, "also of a closed message");
}

#[test]
fn zmq_msg_get() {
    let lib = c_library!();
    let (pull, push) = pair(zmq::PULL, zmq::PUSH, Transport::Tcp);
    push.send(["a", "b"]);
    let mut msg = Msg::empty(lib);
    msg.recv(&pull, 0).unwrap();
    assert_eq!(lib.zmq_msg_get(msg.raw(), zmq::MORE), 1);
    assert_eq!(lib.zmq_msg_get(msg.raw(), zmq::SHARED), 0);
    assert!(lib.zmq_msg_get(msg.raw(), zmq::SRCFD) > 0);
    refused!(lib, zmq::EINVAL, [0, -1, 99], |property| lib.zmq_msg_get(msg.raw(), property));
    let mut fresh = Msg::empty(lib);
    fails!(lib, zmq::EINVAL, lib.zmq_msg_get(fresh.raw(), zmq::SRCFD), -1);
}

#[test]
fn zmq_msg_set() {
    let lib = c_library!();
    let mut msg = Msg::empty(lib);
    refused!(lib, zmq::EINVAL, [zmq::MORE, zmq::SRCFD, zmq::SHARED, 99], |p| lib.zmq_msg_set(
        msg.raw(),
        p,
        1
    ));
}

#[test]
fn zmq_msg_gets() {
    let lib = c_library!();
    let (pull, push) = pair(zmq::PULL, zmq::PUSH, Transport::Tcp);
    push.send("x");
    let mut msg = Msg::empty(lib);
    msg.recv(&pull, 0).unwrap();
    let text = lib.zmq_msg_gets(msg.raw(), c"Peer-Address".as_ptr());
    // SAFETY: a C string that lives as long as the message.
    assert_eq!(unsafe { CStr::from_ptr(text) }, c"127.0.0.1");
    let mut fresh = Msg::empty(lib);
    for (msg, name) in [(msg.raw(), c"peer-address"), (msg.raw(), c"X"), (fresh.raw(), c"Peer-Address")] {
        fails!(lib, zmq::EINVAL, lib.zmq_msg_gets(msg, name.as_ptr()).is_null(), true);
    }
}

#[test]
fn zmq_msg_copy() {
    let lib = c_library!();
    for size in [5, LARGE] {
        let (mut source, mut dest) = (Msg::copy_of(lib, pattern(size)), Msg::copy_of(lib, "old"));
        assert_eq!(lib.zmq_msg_copy(dest.raw(), source.raw()), 0);
        assert_eq!((source.body(), dest.body()), (pattern(size), pattern(size)));
        assert_eq!(size == LARGE, dest.data() == source.data(), "large bodies are shared");
    }
    let (mut good, mut bad) = (Msg::copy_of(lib, "good"), Msg::zeroed(lib));
    fails!(lib, zmq::EFAULT, lib.zmq_msg_copy(good.raw(), bad.raw()), -1);
    fails!(lib, zmq::EFAULT, lib.zmq_msg_copy(bad.raw(), good.raw()), -1);
    assert_eq!(good.body(), b"good");
}

#[test]
fn zmq_msg_move() {
    let lib = c_library!();
    for size in [5, LARGE] {
        let (mut source, mut dest) = (Msg::copy_of(lib, pattern(size)), Msg::copy_of(lib, "old"));
        assert_eq!(lib.zmq_msg_move(dest.raw(), source.raw()), 0);
        assert_eq!((source.size(), dest.body()), (0, pattern(size)));
        assert_eq!(lib.zmq_msg_move(dest.raw(), dest.raw()), 0);
        assert_eq!(dest.size(), 0, "onto itself: nothing is left");
    }
    let (mut good, mut bad) = (Msg::copy_of(lib, "good"), Msg::zeroed(lib));
    fails!(lib, zmq::EFAULT, lib.zmq_msg_move(good.raw(), bad.raw()), -1);
    fails!(lib, zmq::EFAULT, lib.zmq_msg_move(bad.raw(), good.raw()), -1);
    assert_eq!(good.body(), b"good");
}

#[test]
fn zmq_msg_routing_id() {
    let (lib, drafts) = (c_library!(), drafts!());
    let mut msg = Msg::copy_of(lib, "x");
    assert_eq!(drafts.zmq_msg_routing_id(msg.raw()), 0);
    assert_eq!(drafts.zmq_msg_set_routing_id(msg.raw(), 5), 0);
    assert_eq!(drafts.zmq_msg_routing_id(msg.raw()), 5);
    assert_eq!(drafts.zmq_msg_routing_id(null_mut()), 0);
}

#[test]
fn zmq_msg_set_routing_id() {
    let (lib, drafts) = (c_library!(), drafts!());
    let mut msg = Msg::copy_of(lib, pattern(LARGE));
    for id in [1, 7, u32::MAX] {
        assert_eq!(drafts.zmq_msg_set_routing_id(msg.raw(), id), 0);
        assert_eq!(drafts.zmq_msg_routing_id(msg.raw()), id);
    }
    fails!(lib, zmq::EINVAL, drafts.zmq_msg_set_routing_id(msg.raw(), 0), -1);
    assert_eq!((drafts.zmq_msg_routing_id(msg.raw()), msg.body()), (u32::MAX, pattern(LARGE)));
    let mut bad = Msg::zeroed(lib);
    fails!(lib, zmq::EFAULT, drafts.zmq_msg_set_routing_id(bad.raw(), 1), -1);
}

fn group(drafts: &conformance::c_api::Drafts, msg: &mut Msg) -> String {
    let text = drafts.zmq_msg_group(msg.raw());
    // SAFETY: a C string that lives as long as the group.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap().to_owned()
}

#[test]
fn zmq_msg_group() {
    let (lib, drafts) = (c_library!(), drafts!());
    let mut msg = Msg::copy_of(lib, pattern(LARGE));
    assert_eq!(group(drafts, &mut msg), "");
    assert_eq!(drafts.zmq_msg_set_group(msg.raw(), c"weather".as_ptr()), 0);
    assert!(!drafts.zmq_msg_group(msg.raw()).is_null());
    let (mut copy, mut moved) = (Msg::empty(lib), Msg::empty(lib));
    copy.copy_from(&mut msg).unwrap();
    moved.move_from(&mut msg).unwrap();
    assert_eq!([&mut copy, &mut moved, &mut msg].map(|msg| group(drafts, msg)), ["weather", "weather", ""]);
    assert!(drafts.zmq_msg_group(null_mut()).is_null());
}

#[test]
fn zmq_msg_set_group() {
    let (lib, drafts) = (c_library!(), drafts!());
    for size in [0, 48, LARGE] {
        let mut msg = Msg::copy_of(lib, pattern(size));
        let data = msg.data();
        // Short, long, and one after another: none is lost, and the body is not touched.
        for length in [1, 14, 15, 255, 3, 200, 0] {
            let name = CString::new("g".repeat(length)).unwrap();
            assert_eq!(drafts.zmq_msg_set_group(msg.raw(), name.as_ptr()), 0);
            assert_eq!(group(drafts, &mut msg).len(), length);
        }
        assert_eq!((msg.data(), msg.body()), (data, pattern(size)));
    }
    let mut msg = Msg::empty(lib);
    let long = CString::new("g".repeat(300)).unwrap();
    assert_eq!(drafts.zmq_msg_set_group(msg.raw(), long.as_ptr()), 0);
    assert_eq!(group(drafts, &mut msg).len(), 255, "cut");
    let mut bad = Msg::zeroed(lib);
    fails!(lib, zmq::EFAULT, drafts.zmq_msg_set_group(bad.raw(), c"x".as_ptr()), -1);
    fails!(lib, zmq::EFAULT, drafts.zmq_msg_set_group(msg.raw(), null()), -1);
}

// Sending

/// The errors that all ways to send have: `send` sends one byte over a socket with these flags.
fn send_fails(lib: &'static Library, send: impl Fn(*mut c_void, c_int) -> c_int + Copy + Send + 'static) {
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |socket| send(socket, 0));
    let ctx = Ctx::new();
    let check = |kind, flags| lib.check(send(ctx.socket(kind).handle().0, flags));
    assert_eq!(check(zmq::PUSH, zmq::DONTWAIT), Err(zmq::EAGAIN));
    let brief = ctx.try_socket(zmq::PUSH).unwrap();
    brief.set(zmq::SNDTIMEO, 1).unwrap();
    assert_eq!(lib.check(send(brief.handle().0, 0)), Err(zmq::EAGAIN), "the time is over");
    assert_eq!((check(zmq::PULL, 0), check(zmq::SUB, 0)), (Err(zmq::ENOTSUP), Err(zmq::ENOTSUP)));
    assert_eq!(check(zmq::REP, 0), Err(zmq::EFSM));
    assert_eq!(check(zmq::STREAM, zmq::SNDMORE), Err(zmq::EHOSTUNREACH));
    let router = ctx.socket(zmq::ROUTER);
    router.set(zmq::ROUTER_MANDATORY, 1).unwrap();
    assert_eq!(lib.check(send(router.handle().0, zmq::SNDMORE)), Err(zmq::EHOSTUNREACH));
    assert_eq!(check(zmq::CLIENT, zmq::SNDMORE), Err(zmq::EINVAL), "single-part");
    let waiting = ctx.try_socket(zmq::PUSH).unwrap();
    let waits = move || (lib.check(send(waiting.handle().0, 0)), waiting);
    assert_eq!(interrupted(Handler::Plain, waits).0, Err(zmq::EINTR));
    let stopped = ctx.socket(zmq::PUSH);
    ctx.shutdown().unwrap();
    assert_eq!(lib.check(send(stopped.handle().0, 0)), Err(zmq::ETERM));
}

#[test]
fn zmq_send() {
    let lib = c_library!();
    // ENOTSOCK, EAGAIN, ENOTSUP, EINVAL, EFSM, EHOSTUNREACH, EINTR, ETERM:
    send_fails(lib, move |socket, flags| lib.zmq_send(socket, c"x".as_ptr().cast(), 1, flags));
    let (pull, push) = pipeline();
    for size in [0, 5, LARGE] {
        let body = pattern(size);
        assert_eq!(lib.zmq_send(push.handle().0, body.as_ptr().cast(), size, 0), size as c_int);
        pull.expect(&body[..]);
    }
    assert_eq!(lib.zmq_send(push.handle().0, null(), 0, 0), 0);
    pull.expect("");
    if !is_system() {
        fails!(lib, zmq::EFAULT, lib.zmq_send(push.handle().0, null(), 1, 0), -1);
    }
    // ENOMEM: takes a body that is larger than what memory is left.
}

#[test]
fn zmq_send_const() {
    static BODY: [u8; LARGE] = [7; LARGE];
    let lib = c_library!();
    // ENOTSOCK, EAGAIN, ENOTSUP, EINVAL, EFSM, EHOSTUNREACH, EINTR, ETERM:
    send_fails(lib, move |socket, flags| lib.zmq_send_const(socket, BODY.as_ptr().cast(), 1, flags));
    let (pull, push) = pipeline();
    assert_eq!(lib.zmq_send_const(push.handle().0, BODY.as_ptr().cast(), LARGE, 0), LARGE as c_int);
    let mut msg = Msg::empty(lib);
    assert_eq!(msg.recv(&pull, 0), Ok(LARGE));
    assert_eq!((msg.data().cast_const(), msg.property(zmq::SHARED)), (BODY.as_ptr().cast(), Ok(1)));
}

#[test]
fn zmq_msg_send() {
    let lib = c_library!();
    // ENOTSOCK, EAGAIN, ENOTSUP, EINVAL, EFSM, EHOSTUNREACH, EINTR, ETERM:
    send_fails(lib, move |socket, flags| {
        let mut msg = Msg::copy_of(lib, "x");
        let sent = lib.zmq_msg_send(msg.raw(), socket, flags);
        let failed = lib.zmq_errno();
        assert_eq!(msg.body(), b"x", "intact after a failure");
        // SAFETY: the errno of this thread.
        unsafe { *libc::__errno_location() = failed };
        sent
    });
    let (pull, push) = pipeline();
    let mut msg = Msg::copy_of(lib, pattern(LARGE));
    assert_eq!(lib.zmq_msg_send(msg.raw(), push.handle().0, zmq::SNDMORE), LARGE as c_int);
    assert_eq!((msg.size(), msg.more()), (0, false), "empty after success");
    assert_eq!(lib.zmq_msg_send(msg.raw(), push.handle().0, 0), 0);
    pull.expect([&pattern(LARGE)[..], b""]);
    if !is_system() {
        let mut bad = Msg::zeroed(lib);
        fails!(lib, zmq::EFAULT, lib.zmq_msg_send(bad.raw(), push.handle().0, 0), -1);
    }
}

#[test]
fn zmq_sendmsg() {
    let lib = c_library!();
    send_fails(lib, move |socket, flags| lib.zmq_sendmsg(socket, Msg::copy_of(lib, "x").raw(), flags));
    let (pull, push) = pipeline();
    assert_eq!(lib.zmq_sendmsg(push.handle().0, Msg::copy_of(lib, "hello").raw(), 0), 5);
    pull.expect("hello");
}

fn part(body: &[u8]) -> libc::iovec {
    libc::iovec { iov_base: body.as_ptr().cast_mut().cast(), iov_len: body.len() }
}

#[test]
fn zmq_sendiov() {
    let lib = c_library!();
    let mut one = part(b"x");
    let iov: *mut libc::iovec = &raw mut one;
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |socket| lib.zmq_sendiov(socket, iov, 1, 0));
    let (pull, push) = pipeline();
    let socket = push.handle().0;
    let mut parts = [part(b"one"), part(b""), part(b"three")];
    assert_eq!(lib.zmq_sendiov(socket, parts.as_mut_ptr(), 3, zmq::SNDMORE), 5, "the size of the last");
    pull.expect(["one", "", "three"]);
    assert_eq!(lib.zmq_sendiov(socket, parts.as_mut_ptr(), 3, 0), 5);
    for single in ["one", "", "three"] {
        pull.expect(single);
    }
    fails!(lib, zmq::EINVAL, lib.zmq_sendiov(socket, parts.as_mut_ptr(), 0, 0), -1);
    fails!(lib, zmq::EINVAL, lib.zmq_sendiov(socket, null_mut(), 3, 0), -1);
    // ENOMEM: takes a body that is larger than what memory is left.
}

// Receiving

/// The errors that all ways to receive have.
fn receive_fails(
    lib: &'static Library,
    receive: impl Fn(*mut c_void, c_int) -> c_int + Copy + Send + 'static,
) {
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |socket| receive(socket, 0));
    let ctx = Ctx::new();
    let check = |kind, flags| lib.check(receive(ctx.socket(kind).handle().0, flags));
    assert_eq!(check(zmq::PULL, zmq::DONTWAIT), Err(zmq::EAGAIN));
    let brief = ctx.try_socket(zmq::PULL).unwrap();
    brief.set(zmq::RCVTIMEO, 1).unwrap();
    assert_eq!(lib.check(receive(brief.handle().0, 0)), Err(zmq::EAGAIN), "the time is over");
    assert_eq!((check(zmq::PUSH, 0), check(zmq::PUB, 0)), (Err(zmq::ENOTSUP), Err(zmq::ENOTSUP)));
    assert_eq!(check(zmq::REQ, 0), Err(zmq::EFSM));
    let waiting = ctx.try_socket(zmq::PULL).unwrap();
    let waits = move || (lib.check(receive(waiting.handle().0, 0)), waiting);
    assert_eq!(interrupted(Handler::Plain, waits).0, Err(zmq::EINTR));
    let stopped = ctx.socket(zmq::PULL);
    ctx.shutdown().unwrap();
    assert_eq!(lib.check(receive(stopped.handle().0, 0)), Err(zmq::ETERM));
}

#[test]
fn zmq_recv() {
    let lib = c_library!();
    // ENOTSOCK, EAGAIN, ENOTSUP, EFSM, EINTR, ETERM:
    receive_fails(lib, move |socket, flags| lib.zmq_recv(socket, NULL, 0, flags));
    let (pull, push) = pipeline();
    let mut buffer = [0_u8; 8];
    let into: *mut c_void = buffer.as_mut_ptr().cast();
    push.send("hello");
    assert_eq!(lib.zmq_recv(pull.handle().0, into, 8, 0), 5);
    push.send("hello world");
    assert_eq!(lib.zmq_recv(pull.handle().0, into, 6, 0), 11, "the whole size, of which 6 bytes are copied");
    assert_eq!(buffer, *b"hello \0\0");
    push.send("lost");
    assert_eq!(lib.zmq_recv(pull.handle().0, NULL, 0, 0), 4);
}

#[test]
fn zmq_msg_recv() {
    let lib = c_library!();
    receive_fails(lib, move |socket, flags| lib.zmq_msg_recv(Msg::empty(lib).raw(), socket, flags));
    let (pull, push) = pipeline();
    push.send("hello");
    let mut bad = Msg::zeroed(lib);
    // ENOTSOCK is in `receive_fails`.
    fails!(lib, zmq::EFAULT, lib.zmq_msg_recv(bad.raw(), pull.handle().0, 0), -1);
    let mut msg = Msg::copy_of(lib, "before");
    assert_eq!(lib.zmq_msg_recv(msg.raw(), pull.handle().0, 0), 5);
    assert_eq!(msg.body(), b"hello");
}

#[test]
fn zmq_recvmsg() {
    let lib = c_library!();
    receive_fails(lib, move |socket, flags| lib.zmq_recvmsg(socket, Msg::empty(lib).raw(), flags));
    let (pull, push) = pipeline();
    push.send("hello");
    let mut msg = Msg::empty(lib);
    assert_eq!(lib.zmq_recvmsg(pull.handle().0, msg.raw(), 0), 5);
    assert_eq!(msg.body(), b"hello");
}

#[test]
fn zmq_recviov() {
    let lib = c_library!();
    let empty = libc::iovec { iov_base: null_mut(), iov_len: 0 };
    let mut parts = [empty; 3];
    let iov = parts.as_mut_ptr();
    let mut count = 3_usize;
    let counter: *mut usize = &raw mut count;
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |socket| lib.zmq_recviov(socket, iov, counter, 0));
    let (pull, push) = pipeline();
    let socket = pull.handle().0;
    push.send(["one", "two"]);
    assert_eq!(lib.zmq_recviov(socket, iov, counter, 0), 2);
    assert_eq!(count, 2);
    for (part, body) in parts.iter().zip(["one", "two"]) {
        // SAFETY: memory from malloc with that many bytes, which is ours now.
        unsafe {
            assert_eq!(std::slice::from_raw_parts(part.iov_base.cast::<u8>(), part.iov_len), body.as_bytes());
            libc::free(part.iov_base);
        }
    }
    let mut none = 0_usize;
    fails!(lib, zmq::EINVAL, lib.zmq_recviov(socket, iov, &raw mut none, 0), -1);
    let mut three = 3_usize;
    fails!(lib, zmq::EINVAL, lib.zmq_recviov(socket, null_mut(), &raw mut three, 0), -1);
    fails!(lib, zmq::EAGAIN, lib.zmq_recviov(socket, iov, &raw mut three, zmq::DONTWAIT), -1);
    if !is_system() {
        fails!(lib, zmq::EINVAL, lib.zmq_recviov(socket, iov, null_mut(), 0), -1);
    }
    // ENOMEM: takes a message that is larger than what memory is left.
}
