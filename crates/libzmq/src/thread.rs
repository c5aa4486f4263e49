//! Threads for programs that want no threading library of their own. They block all signals and are named `ZMQapp`.
use crate::boundary::entries;
use ferrozmq_base::{Error, Result};
use libc::{c_int, c_void, pthread_attr_t, pthread_t, sigset_t};
use std::{mem::MaybeUninit, ptr};

type ThreadFn = unsafe extern "C-unwind" fn(*mut c_void);

// A thread may end itself, or be cancelled.
unsafe extern "C-unwind" {
    fn pthread_create(
        thread: *mut pthread_t,
        attributes: *const pthread_attr_t,
        begin: extern "C-unwind" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> c_int;
}

struct Start {
    run: ThreadFn,
    argument: *mut c_void,
}

/// The thread's own beginning.
extern "C-unwind" fn begin(start: *mut c_void) -> *mut c_void {
    // SAFETY: `spawn` passes a boxed Start, once.
    let Start { run, argument } = *unsafe { Box::from_raw(start.cast::<Start>()) };
    // SAFETY: the name has at most 15 bytes; the function and its argument are the caller's for this thread.
    unsafe {
        libc::pthread_setname_np(libc::pthread_self(), c"ZMQapp".as_ptr());
        run(argument);
    }
    ptr::null_mut()
}

fn check(code: c_int) -> Result<()> {
    if code == 0 { Ok(()) } else { Err(Error::from_errno(code)) }
}

fn spawn(run: ThreadFn, argument: *mut c_void) -> Result<pthread_t> {
    let start = Box::into_raw(Box::new(Start { run, argument }));
    let (mut all, mut before) = (MaybeUninit::<sigset_t>::uninit(), MaybeUninit::<sigset_t>::uninit());
    let mut thread = MaybeUninit::<pthread_t>::uninit();
    // SAFETY: both sets are written before they are read; a thread inherits the mask of its creator, who gets its own
    // back. Default attributes: the stack that the program's limits ask for.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        let masked = libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        let created = pthread_create(thread.as_mut_ptr(), ptr::null(), begin, start.cast());
        if masked == 0 {
            libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut());
        }
        if created != 0 {
            drop(Box::from_raw(start));
        }
        check(created)?;
        Ok(thread.assume_init())
    }
}

entries! {
    /// Starts a thread.
    fn zmq_threadstart(func: Option<ThreadFn>, arg: *mut c_void) -> *mut c_void, or ptr::null_mut(); {
        let thread = spawn(func.ok_or(Error::BadAddress)?, arg)?;
        Ok(Box::into_raw(Box::new(thread)).cast())
    }

    /// Waits for the end of a thread and frees its handle.
    fn zmq_threadclose(thread: *mut c_void) -> (), or (); {
        if thread.is_null() {
            return Err(Error::BadAddress);
        }
        // SAFETY: from `zmq_threadstart`, and by the contract closed only once.
        let thread = unsafe { Box::from_raw(thread.cast::<pthread_t>()) };
        // SAFETY: a thread that nobody has joined.
        check(unsafe { libc::pthread_join(*thread, ptr::null_mut()) })
    }
}
