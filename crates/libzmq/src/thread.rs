//! Threads for programs that want no threading library of their own. They block all signals and are named `ZMQapp`.
use crate::boundary::entries;
use ferrozmq_base::{Error, Result};
use ferrozmq_sys::signal::AllBlocked;
use libc::{c_int, c_void, pthread_attr_t, pthread_t};
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
    let mut thread = MaybeUninit::<pthread_t>::uninit();
    let blocked = AllBlocked::new();
    // SAFETY: `begin` takes what is passed. Default attributes: the stack that the program's limits ask for.
    let created = unsafe { pthread_create(thread.as_mut_ptr(), ptr::null(), begin, start.cast()) };
    drop(blocked);
    if created != 0 {
        // SAFETY: no thread has taken it.
        drop(unsafe { Box::from_raw(start) });
    }
    check(created)?;
    // SAFETY: written by a call that succeeded.
    Ok(unsafe { thread.assume_init() })
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
