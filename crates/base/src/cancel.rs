//! Cancellation of threads (pthread_cancel(3)), kept out of our code.
//!
//! A thread that is cancelled ends inside of the next function of the C library that is a cancellation point, and what is
//! on its stack is unwound: not by a panic, but Rust's catch for panics meets it all the same, and ends the process. So
//! what is called on a thread of the application and may be such a point, a system call or the application's own code, is
//! called in here. The request waits meanwhile, and the thread ends at the first point that is the application's.

use std::marker::PhantomData;

use libc::c_int;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
}

/// `PTHREAD_CANCEL_DISABLE` of Linux.
const DISABLE: c_int = 1;

/// While it lives the thread that made it is not cancelled.
#[derive(Debug)]
pub struct Uncancelled {
    before: c_int,
    /// Of one thread.
    thread: PhantomData<*const ()>,
}

impl Uncancelled {
    /// From now on.
    #[inline]
    #[must_use]
    pub fn begin() -> Self {
        Self { before: set(DISABLE), thread: PhantomData }
    }
}

impl Drop for Uncancelled {
    #[inline]
    fn drop(&mut self) {
        set(self.before);
    }
}

/// Calls `f`; the thread is not cancelled meanwhile.
#[inline]
pub fn uncancelled<R>(f: impl FnOnce() -> R) -> R {
    let _guard = Uncancelled::begin();
    f()
}

/// Returns what was set before.
#[inline]
fn set(state: c_int) -> c_int {
    let mut before = 0;
    // SAFETY: the pointer is valid for a write. No thread ends in here unless it asked to be cancelled asynchronously,
    // which allows it to call next to nothing.
    unsafe { pthread_setcancelstate(state, &raw mut before) };
    before
}
