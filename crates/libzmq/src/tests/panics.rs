//! A panic behind an entry point: that call fails with EFAULT, its socket answers EFAULT until it is closed, and the
//! count says so. In processes of their own, since in every other test the count is 0.
use super::is_alone;
use crate::{boundary, handle::Object, *};
use ferrozmq_base::Msg;
use libc::{EFAULT, c_int, c_void};
use std::ptr;

#[track_caller]
fn fails(result: c_int, errno: c_int) {
    // SAFETY: no arguments.
    assert_eq!((result, unsafe { zmq_errno() }), (-1, errno));
}

/// Ends a call inside of the socket by a panic.
#[track_caller]
fn break_inside(socket: *mut c_void) {
    fails(boundary::call(-1, || socket::with_socket::<c_int>(socket, |_| panic!("in the core"))), EFAULT);
}

#[test]
fn a_panic_is_efault_and_no_more() {
    if !is_alone("tests::panics::a_panic_is_efault_and_no_more") {
        return;
    }
    // SAFETY: handles of this test.
    unsafe {
        let context = zmq_ctx_new();
        let socket = zmq_socket(context, 0);
        fails(boundary::call(-1, || panic!("somewhere")), EFAULT);
        assert_eq!((caught_panics(), zmq_bind(socket, c"inproc://a".as_ptr())), (1, 0));
        break_inside(socket);
        assert_eq!(caught_panics(), 2);
        assert!(matches!(handle::enter(socket).expect("alive").object(), Object::Broken(_)));
        assert_eq!((zmq_close(socket), zmq_ctx_term(context), caught_panics()), (0, 0, 2));
    }
}

#[test]
fn a_broken_socket_fails_in_every_call() {
    if !is_alone("tests::panics::a_broken_socket_fails_in_every_call") {
        return;
    }
    // SAFETY: handles of this test, and buffers of the lengths that are passed.
    unsafe {
        let context = zmq_ctx_new();
        let (broken, whole) = (zmq_socket(context, 0), zmq_socket(context, 0));
        let mut poller = zmq_poller_new();
        assert_eq!(zmq_poller_add(poller, broken, ptr::null_mut(), 1), 0);
        break_inside(broken);
        let mut m = Msg::new();
        let m = &raw mut m;
        let (mut value, mut length, mut count) = (0i32, 4usize, 1usize);
        let mut iov = libc::iovec { iov_base: (&raw mut value).cast(), iov_len: 4 };
        let name = c"inproc://name".as_ptr();
        fails(zmq_bind(broken, name), EFAULT);
        fails(zmq_connect(broken, name), EFAULT);
        fails(zmq_unbind(broken, name), EFAULT);
        fails(zmq_disconnect(broken, name), EFAULT);
        fails(zmq_socket_monitor(broken, name, 0xffff), EFAULT);
        fails(zmq_socket_monitor_versioned(broken, name, 0xffff, 2, 0), EFAULT);
        fails(zmq_socket_monitor_pipes_stats(broken), EFAULT);
        fails(zmq_join(broken, name), EFAULT);
        fails(zmq_leave(broken, name), EFAULT);
        assert_eq!((zmq_connect_peer(broken, name), zmq_errno()), (0, EFAULT));
        fails(zmq_disconnect_peer(broken, 1), EFAULT);
        fails(zmq_socket_get_peer_state(broken, ptr::null(), 0), EFAULT);
        fails(zmq_send(broken, (&raw const value).cast(), 4, 1), EFAULT);
        fails(zmq_send_const(broken, (&raw const value).cast(), 4, 1), EFAULT);
        fails(zmq_recv(broken, (&raw mut value).cast(), 4, 1), EFAULT);
        fails(zmq_msg_send(m, broken, 1), EFAULT);
        fails(zmq_msg_recv(m, broken, 1), EFAULT);
        fails(zmq_sendmsg(broken, m, 1), EFAULT);
        fails(zmq_recvmsg(broken, m, 1), EFAULT);
        fails(zmq_sendiov(broken, &raw mut iov, 1, 1), EFAULT);
        fails(zmq_recviov(broken, &raw mut iov, &raw mut count, 1), EFAULT);
        fails(zmq_setsockopt(broken, 17, (&raw const value).cast(), 4), EFAULT);
        fails(zmq_getsockopt(broken, 17, (&raw mut value).cast(), &raw mut length), EFAULT);
        for [front, back] in [[broken, broken], [broken, whole], [whole, broken]] {
            fails(zmq_proxy(front, back, ptr::null_mut()), EFAULT);
            fails(zmq_device(1, front, back), EFAULT);
        }
        fails(zmq_proxy_steerable(whole, whole, broken, ptr::null_mut()), EFAULT);
        fails(zmq_proxy_steerable(whole, whole, ptr::null_mut(), broken), EFAULT);
        let mut items = [whole, broken].map(|socket| PollItem { socket, fd: 0, events: 1, revents: 0 });
        fails(zmq_poll(items.as_mut_ptr(), 2, 0), EFAULT);
        fails(zmq_ppoll(items.as_mut_ptr(), 2, 0, ptr::null()), EFAULT);
        let mut event = PollerEvent { socket: ptr::null_mut(), fd: 0, user_data: ptr::null_mut(), events: 0 };
        fails(zmq_poller_wait(poller, &raw mut event, 0), EFAULT);
        fails(zmq_poller_modify(poller, broken, 2), EFAULT);
        assert_eq!(zmq_poller_destroy(&raw mut poller), 0);
        assert_eq!(zmq_poll(items.as_mut_ptr(), 1, 0), 0, "the other one works");
        assert_eq!(zmq_ctx_shutdown(context), 0);
        fails(zmq_recv(broken, (&raw mut value).cast(), 4, 0), EFAULT);
        assert_eq!((zmq_close(broken), zmq_close(whole), zmq_ctx_term(context)), (0, 0, 0));
        fails(zmq_close(broken), libc::ENOTSOCK);
        assert_eq!(caught_panics(), 1);
    }
}

/// A panic while a call waits for several sockets ends all of them.
#[test]
fn a_panic_in_a_wait_breaks_its_sockets() {
    if !is_alone("tests::panics::a_panic_in_a_wait_breaks_its_sockets") {
        return;
    }
    // SAFETY: handles of this test.
    unsafe {
        let context = zmq_ctx_new();
        let sockets = [zmq_socket(context, 0), zmq_socket(context, 0), zmq_socket(context, 0)];
        let wait = || {
            let _waiting = [sockets[0], sockets[1]].map(|socket| socket::Taken::take(socket));
            panic!("while it waits")
        };
        fails(boundary::call(-1, wait), EFAULT);
        let mut items = sockets.map(|socket| PollItem { socket, fd: 0, events: 1, revents: 0 });
        for item in &mut items[..2] {
            fails(zmq_poll(&raw mut *item, 1, 0), EFAULT);
        }
        assert_eq!(zmq_poll(&raw mut items[2], 1, 0), 0);
        assert_eq!(sockets.map(|socket| zmq_close(socket)), [0; 3]);
        assert_eq!((zmq_ctx_term(context), caught_panics()), (0, 1));
    }
}
