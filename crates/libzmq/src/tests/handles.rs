//! Pointers that are no handles, and handles that were closed: the documented errno, never a crash.
use super::is_alone;
use crate::*;
use ferrozmq_base::Msg;
use libc::{EFAULT, EINVAL, EMFILE, ENOTSOCK, c_int, c_void};
use std::ptr;

#[track_caller]
fn fails(result: c_int, errno: c_int) {
    // SAFETY: no arguments.
    assert_eq!((result, unsafe { zmq_errno() }), (-1, errno));
}

#[track_caller]
fn null<T>(result: *mut T, errno: c_int) {
    // SAFETY: no arguments.
    assert_eq!((result, unsafe { zmq_errno() }), (ptr::null_mut(), errno));
}

/// NULL, numbers, memory of the program, and a handle of another sort.
fn foreign(other: *mut c_void) -> [*mut c_void; 6] {
    static SOMEWHERE: [u8; 256] = [0; 256];
    [
        ptr::null_mut(),
        ptr::without_provenance_mut(1),
        ptr::without_provenance_mut(usize::MAX & !7),
        ptr::from_ref(&SOMEWHERE).cast_mut().cast(),
        other,
        other.wrapping_byte_add(16),
    ]
}

#[test]
fn contexts() {
    // SAFETY: nothing but handles, good and bad.
    unsafe {
        let timers = zmq_timers_new();
        for bad in foreign(timers) {
            fails(zmq_ctx_term(bad), EFAULT);
            fails(zmq_term(bad), EFAULT);
            fails(zmq_ctx_destroy(bad), EFAULT);
            fails(zmq_ctx_shutdown(bad), EFAULT);
            fails(zmq_ctx_set(bad, 1, 1), EFAULT);
            fails(zmq_ctx_get(bad, 1), EFAULT);
            let (mut value, mut length) = (0i32, 4usize);
            fails(zmq_ctx_set_ext(bad, 1, (&raw const value).cast(), length), EFAULT);
            fails(zmq_ctx_get_ext(bad, 1, (&raw mut value).cast(), &raw mut length), EFAULT);
            null(zmq_socket(bad, 0), EFAULT);
        }
        let context = zmq_ctx_new();
        assert!(!context.is_null());
        assert_eq!(zmq_ctx_shutdown(context), 0);
        assert_eq!(zmq_ctx_shutdown(context), 0);
        assert_eq!(zmq_ctx_term(context), 0);
        fails(zmq_ctx_term(context), EFAULT);
        fails(zmq_ctx_get(context, 1), EFAULT);
        let mut place = timers;
        zmq_timers_destroy(&raw mut place);
    }
}

#[test]
fn context_options() {
    // SAFETY: values have the lengths that are passed.
    unsafe {
        null(zmq_init(-1), EINVAL);
        let context = zmq_init(3);
        assert_eq!(zmq_ctx_get(context, 1), 3);
        assert_eq!(zmq_ctx_set(context, 2, 77), 0);
        assert_eq!(
            (zmq_ctx_get(context, 2), zmq_ctx_get(context, 3), zmq_ctx_get(context, 6)),
            (77, 65535, 64)
        );
        fails(zmq_ctx_set(context, 2, 0), EINVAL);
        fails(zmq_ctx_set(context, 3, -1), EINVAL);
        fails(zmq_ctx_get(context, 99), EINVAL);
        assert_eq!(zmq_ctx_set_ext(context, 9, c"broker".as_ptr().cast(), 6), 0);
        let (mut name, mut length) = ([0u8; 16], 16usize);
        assert_eq!(zmq_ctx_get_ext(context, 9, name.as_mut_ptr().cast(), &raw mut length), 0);
        assert_eq!((&name[..6], length), (&b"broker"[..], 16));
        fails(zmq_ctx_get_ext(context, 9, name.as_mut_ptr().cast(), ptr::null_mut()), EINVAL);
        fails(zmq_ctx_set_ext(context, 1, ptr::null(), 4), EINVAL);
        null(zmq_socket(context, -1), EINVAL);
        null(zmq_socket(context, 21), EINVAL);
        assert_eq!(zmq_ctx_term(context), 0);
    }
}

#[test]
fn sockets() {
    // SAFETY: nothing but handles, good and bad, and buffers of the lengths that are passed.
    unsafe {
        let context = zmq_ctx_new();
        let mut m = Msg::new();
        let m = &raw mut m;
        let (mut value, mut length) = (0i32, 4usize);
        let mut iov = libc::iovec { iov_base: (&raw mut value).cast(), iov_len: 4 };
        for bad in foreign(context) {
            fails(zmq_close(bad), ENOTSOCK);
            for endpoint in [ptr::null(), c"tcp://127.0.0.1:1".as_ptr()] {
                fails(zmq_bind(bad, endpoint), ENOTSOCK);
                fails(zmq_connect(bad, endpoint), ENOTSOCK);
                fails(zmq_unbind(bad, endpoint), ENOTSOCK);
                fails(zmq_disconnect(bad, endpoint), ENOTSOCK);
                fails(zmq_socket_monitor(bad, endpoint, 0xffff), ENOTSOCK);
                fails(zmq_socket_monitor_versioned(bad, endpoint, 0xffff, 2, 0), ENOTSOCK);
                fails(zmq_join(bad, endpoint), ENOTSOCK);
                fails(zmq_leave(bad, endpoint), ENOTSOCK);
                assert_eq!((zmq_connect_peer(bad, endpoint), zmq_errno()), (0, ENOTSOCK));
            }
            fails(zmq_send(bad, (&raw const value).cast(), 4, 0), ENOTSOCK);
            fails(zmq_send_const(bad, (&raw const value).cast(), 4, 0), ENOTSOCK);
            fails(zmq_recv(bad, (&raw mut value).cast(), 4, 0), ENOTSOCK);
            fails(zmq_msg_send(m, bad, 0), ENOTSOCK);
            fails(zmq_msg_recv(m, bad, 0), ENOTSOCK);
            fails(zmq_sendmsg(bad, m, 0), ENOTSOCK);
            fails(zmq_recvmsg(bad, m, 0), ENOTSOCK);
            fails(zmq_sendiov(bad, &raw mut iov, 1, 0), ENOTSOCK);
            fails(zmq_recviov(bad, &raw mut iov, &raw mut length, 0), ENOTSOCK);
            fails(zmq_setsockopt(bad, 17, (&raw const value).cast(), 4), ENOTSOCK);
            fails(zmq_getsockopt(bad, 17, (&raw mut value).cast(), &raw mut length), ENOTSOCK);
            fails(zmq_disconnect_peer(bad, 1), ENOTSOCK);
            fails(zmq_socket_get_peer_state(bad, ptr::null(), 0), ENOTSOCK);
            fails(zmq_socket_monitor_pipes_stats(bad), ENOTSOCK);
            if !bad.is_null() {
                let mut item = PollItem { socket: bad, fd: 0, events: 1, revents: 5 };
                fails(zmq_poll(&raw mut item, 1, 0), ENOTSOCK);
                fails(zmq_ppoll(&raw mut item, 1, 0, ptr::null()), ENOTSOCK);
                assert_eq!(item.revents, 5, "untouched");
                fails(zmq_proxy(bad, bad, ptr::null_mut()), ENOTSOCK);
                fails(zmq_device(1, bad, bad), ENOTSOCK);
            }
        }
        fails(zmq_poll(ptr::null_mut(), 1, 0), EFAULT);
        fails(zmq_poll(ptr::null_mut(), -1, 0), EINVAL);
        fails(zmq_proxy(ptr::null_mut(), ptr::null_mut(), ptr::null_mut()), EFAULT);
        fails(zmq_proxy_steerable(ptr::null_mut(), context, ptr::null_mut(), ptr::null_mut()), EFAULT);
        assert_eq!(zmq_ctx_term(context), 0);
        assert_eq!(caught_panics(), 0);
    }
}

#[test]
fn pollers() {
    // SAFETY: nothing but handles, good and bad, and events of the numbers that are passed.
    unsafe {
        let context = zmq_ctx_new();
        let mut event = PollerEvent { socket: context, fd: 3, user_data: context, events: 7 };
        for bad in foreign(context) {
            let mut place = bad;
            fails(zmq_poller_destroy(&raw mut place), EFAULT);
            fails(zmq_poller_size(bad), EFAULT);
            fails(zmq_poller_add_fd(bad, 0, ptr::null_mut(), 1), EFAULT);
            fails(zmq_poller_wait(bad, &raw mut event, 0), EFAULT);
            fails(zmq_poller_wait_all(bad, &raw mut event, 1, 0), EFAULT);
        }
        assert_eq!(
            (event.socket, event.fd, event.user_data, event.events),
            (ptr::null_mut(), -1, ptr::null_mut(), 0)
        );
        fails(zmq_poller_destroy(ptr::null_mut()), EFAULT);

        let mut poller = zmq_poller_new();
        let data = ptr::without_provenance_mut(42);
        assert_eq!(zmq_poller_add_fd(poller, 0, data, 1), 0);
        fails(zmq_poller_add_fd(poller, 0, data, 1), EINVAL);
        fails(zmq_poller_add_fd(poller, -1, data, 1), libc::EBADF);
        fails(zmq_poller_add_fd(poller, 1, data, 16), EINVAL);
        fails(zmq_poller_add(poller, context, data, 1), ENOTSOCK);
        fails(zmq_poller_modify(poller, ptr::null_mut(), 1), ENOTSOCK);
        fails(zmq_poller_modify_fd(poller, 1, 1), EINVAL);
        assert_eq!((zmq_poller_size(poller), zmq_poller_modify_fd(poller, 0, 0)), (1, 0));
        fails(zmq_poller_wait(poller, &raw mut event, -1), EFAULT);
        fails(zmq_poller_wait(poller, ptr::null_mut(), 0), EFAULT);
        fails(zmq_poller_wait_all(poller, &raw mut event, -1, 0), EINVAL);
        let mut fd = 0;
        fails(zmq_poller_fd(poller, &raw mut fd), EINVAL);
        assert_eq!(zmq_poller_remove_fd(poller, 0), 0);
        fails(zmq_poller_remove_fd(poller, 0), EINVAL);
        assert_eq!(zmq_poller_size(poller), 0);
        assert_eq!(zmq_poller_destroy(&raw mut poller), 0);
        assert!(poller.is_null());
        assert_eq!(zmq_ctx_term(context), 0);
    }
}

#[test]
fn timers() {
    unsafe extern "C" fn nothing(_: c_int, _: *mut c_void) {}
    // SAFETY: nothing but handles, good and bad.
    unsafe {
        let context = zmq_ctx_new();
        for bad in foreign(context) {
            let mut place = bad;
            fails(zmq_timers_destroy(&raw mut place), EFAULT);
            fails(zmq_timers_add(bad, 1, Some(nothing), ptr::null_mut()), EFAULT);
            fails(zmq_timers_cancel(bad, 1), EFAULT);
            fails(zmq_timers_reset(bad, 1), EFAULT);
            fails(zmq_timers_set_interval(bad, 1, 1), EFAULT);
            assert_eq!((zmq_timers_timeout(bad), zmq_errno()), (-1, EFAULT));
            fails(zmq_timers_execute(bad), EFAULT);
        }
        fails(zmq_timers_destroy(ptr::null_mut()), EFAULT);
        assert_eq!(zmq_ctx_term(context), 0);
    }
}

#[test]
fn more_handles_than_there_are_is_emfile() {
    if !is_alone("tests::handles::more_handles_than_there_are_is_emfile") {
        return;
    }
    // SAFETY: handles of this test.
    unsafe {
        let context = zmq_ctx_new();
        let mut pollers: Vec<_> =
            std::iter::repeat_with(|| zmq_poller_new()).take_while(|new| !new.is_null()).collect();
        assert_eq!(pollers.len(), 65_535, "and the context");
        for _ in 0..3 {
            null(zmq_poller_new(), EMFILE);
            null(zmq_timers_new(), EMFILE);
            null(zmq_ctx_new(), EMFILE);
            null(zmq_socket(context, 0), EMFILE);
        }
        assert_eq!(zmq_poller_destroy(&raw mut pollers[77]), 0);
        let socket = zmq_socket(context, 0);
        assert_eq!(zmq_bind(socket, c"inproc://the-last".as_ptr()), 0);
        null(zmq_socket(context, 0), EMFILE);
        assert_eq!(zmq_close(socket), 0);
        let timers = zmq_timers_new();
        assert_eq!(zmq_timers_timeout(timers), -1);
        fails(zmq_close(socket), ENOTSOCK);
        // It would wait for a socket that nobody can close.
        assert_eq!(zmq_ctx_term(context), 0);
        for poller in pollers.iter_mut().filter(|poller| !poller.is_null()) {
            assert_eq!((zmq_poller_size(*poller), zmq_poller_destroy(poller)), (0, 0));
        }
    }
}
