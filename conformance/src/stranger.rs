//! Pointers that are not what a function asks for.

use std::ffi::c_void;
use std::ptr::null_mut;

use crate::c_api::Library;
use crate::is_system;
use crate::zmq;

/// Zeroes, of which libzmq reads those where it keeps its marks.
fn memory() -> *mut c_void {
    Box::leak(Box::new([0_u64; 2000])).as_mut_ptr().cast()
}

/// What is no socket: NULL, memory of the program; on ferrozmq also a context, a closed socket, a pointer into a socket.
pub fn no_sockets(lib: &Library) -> Vec<*mut c_void> {
    let mut all = vec![null_mut(), memory()];
    if !is_system() {
        // Left open, which costs nothing: the handles stay what they are for the rest of the process.
        let ctx = lib.zmq_ctx_new();
        let (open, closed) = (lib.zmq_socket(ctx, zmq::PAIR), lib.zmq_socket(ctx, zmq::PAIR));
        assert_eq!(lib.zmq_close(closed), 0);
        all.extend([ctx, closed, open.wrapping_byte_add(1), lib.zmq_timers_new()]);
    }
    all
}

/// What is no context: NULL, memory of the program; on ferrozmq also a socket and a terminated context.
pub fn no_contexts(lib: &Library) -> Vec<*mut c_void> {
    let mut all = vec![null_mut(), memory()];
    if !is_system() {
        let (ctx, ended) = (lib.zmq_ctx_new(), lib.zmq_ctx_new());
        assert_eq!(lib.zmq_ctx_term(ended), 0);
        all.extend([lib.zmq_socket(ctx, zmq::PAIR), ended, ctx.wrapping_byte_add(1)]);
    }
    all
}

/// What is neither a poller nor a set of timers.
pub fn no_objects(lib: &Library) -> Vec<*mut c_void> {
    let mut all = vec![null_mut(), memory()];
    if !is_system() {
        let mut destroyed = lib.zmq_timers_new();
        let before = destroyed;
        assert_eq!(lib.zmq_timers_destroy(&raw mut destroyed), 0);
        all.extend([lib.zmq_ctx_new(), before]);
    }
    all
}

/// The call fails in the same way for each of the pointers.
#[macro_export]
macro_rules! refused {
    ($lib:ident, $errno:expr, $pointers:expr, |$pointer:ident| $call:expr) => {
        for $pointer in $pointers {
            assert_eq!($lib.check($call), Err($errno), "{:?}: {}", $pointer, stringify!($call));
        }
    };
}

/// The call fails with this error; for calls that return NULL, 0 or nothing special then.
#[macro_export]
macro_rules! fails {
    ($lib:ident, $errno:expr, $call:expr, $failed:pat) => {
        match $call {
            $failed => assert_eq!($crate::Errno($lib.zmq_errno()), $errno, "{}", stringify!($call)),
            #[allow(unreachable_patterns, reason = "where every value means failure")]
            other => panic!("{}: {other:?}", stringify!($call)),
        }
    };
}
