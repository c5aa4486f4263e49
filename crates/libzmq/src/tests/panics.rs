//! A panic behind an entry point: that call fails with EFAULT, its socket answers EFAULT until it is closed, and the
//! count says so. In a process of its own, since in every other test the count is 0.
use crate::{boundary, handle::Object, *};
use libc::{EFAULT, c_int};
use std::{env, process::Command};

const IN_ITS_OWN_PROCESS: &str = "FERROZMQ_TEST_PANIC";

#[track_caller]
fn fails(result: c_int, errno: c_int) {
    // SAFETY: no arguments.
    assert_eq!((result, unsafe { zmq_errno() }), (-1, errno));
}

#[test]
fn a_panic_is_efault_and_no_more() {
    if env::var_os(IN_ITS_OWN_PROCESS).is_none() {
        let output = Command::new(env::current_exe().expect("the path of this program"))
            .args(["--exact", "tests::panics::a_panic_is_efault_and_no_more"])
            .env(IN_ITS_OWN_PROCESS, "1")
            .output()
            .expect("a child");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    }
    // SAFETY: handles of this test.
    unsafe {
        let context = zmq_ctx_new();
        let socket = zmq_socket(context, 0);
        fails(boundary::call(-1, || panic!("somewhere")), EFAULT);
        assert_eq!((caught_panics(), zmq_bind(socket, c"inproc://a".as_ptr())), (1, 0));
        fails(boundary::call(-1, || socket::with_socket::<c_int>(socket, |_| panic!("in the core"))), EFAULT);
        assert_eq!(caught_panics(), 2);
        fails(zmq_bind(socket, c"inproc://b".as_ptr()), EFAULT);
        fails(zmq_send(socket, c"x".as_ptr().cast(), 1, 1), EFAULT);
        let mut item = PollItem { socket, fd: 0, events: 1, revents: 0 };
        fails(zmq_poll(&raw mut item, 1, 0), EFAULT);
        fails(zmq_proxy(socket, socket, std::ptr::null_mut()), EFAULT);
        assert!(matches!(handle::enter(socket).expect("alive").object(), Object::Broken(_)));
        assert_eq!((zmq_close(socket), zmq_ctx_term(context), caught_panics()), (0, 0, 2));
    }
}
