//! Contexts (zmq_ctx_new(3)). Every function may be called by any thread at any time.
use crate::{
    boundary::{bytes, bytes_mut, entries, lean_entries},
    handle::{self, Object},
};
use ferrozmq_base::{Error, Result};
use ferrozmq_runtime::Context;
use libc::{c_int, c_void};
use std::ptr;

/// What a context's handle stands for.
#[derive(Debug)]
pub(crate) struct ContextHandle(Context);

#[cfg(test)]
impl ContextHandle {
    pub(crate) fn new() -> Result<Self> {
        Context::new().map(Self)
    }
}

/// The context behind a handle. The handle is in use for this moment only, so that calls never wait for each other.
pub(crate) fn context(handle: *const c_void) -> Result<Context> {
    let mut entered = handle::enter(handle).map_err(|_| Error::BadAddress)?;
    match entered.object() {
        Object::Context(ContextHandle(context)) => Ok(context.clone()),
        _ => Err(Error::BadAddress),
    }
}

fn open(io_threads: Option<i32>) -> Result<*mut c_void> {
    let context = Context::new()?;
    if let Some(threads) = io_threads {
        context.set(IO_THREADS, threads)?;
    }
    handle::insert(Object::Context(ContextHandle(context)))
}

const IO_THREADS: c_int = 1;

fn terminate(handle: *mut c_void) -> Result<c_int> {
    context(handle)?.term()?;
    // Of several threads that terminate the context, one closes the handle.
    if let Ok(mut entered) = handle::enter(handle)
        && matches!(entered.object(), Object::Context(_))
    {
        drop(entered.retire());
    }
    Ok(0)
}

entries! {
    /// A new context; the threads start with its first socket.
    fn zmq_ctx_new() -> *mut c_void, or ptr::null_mut(); { open(None) }

    /// A new context with this many I/O threads.
    fn zmq_init(io_threads: c_int) -> *mut c_void, or ptr::null_mut(); { open(Some(io_threads)) }

    /// Ends every blocking call on the context's sockets with ETERM.
    fn zmq_ctx_shutdown(handle: *mut c_void) -> c_int, or -1; {
        context(handle)?.shutdown();
        Ok(0)
    }

    /// Sets an option.
    fn zmq_ctx_set(handle: *mut c_void, option: c_int, optval: c_int) -> c_int, or -1; {
        context(handle)?.set(option, optval).map(|()| 0)
    }

    /// Reads an option.
    fn zmq_ctx_get(handle: *mut c_void, option: c_int) -> c_int, or -1; { context(handle)?.get(option) }

    /// Sets an option from bytes.
    fn zmq_ctx_set_ext(handle: *mut c_void, option: c_int, optval: *const c_void, optvallen: usize) -> c_int, or -1; {
        let context = context(handle)?;
        // SAFETY: NULL or a value of this length, by the contract of the entry points.
        let value = unsafe { bytes(optval.cast(), optvallen) }.ok_or(Error::InvalidArgument)?;
        context.set_bytes(option, value).map(|()| 0)
    }

    /// Reads an option as bytes. The length is not changed.
    fn zmq_ctx_get_ext(handle: *mut c_void, option: c_int, optval: *mut c_void, optvallen: *mut usize) -> c_int, or -1; {
        let context = context(handle)?;
        // SAFETY: NULL or a length, by the contract of the entry points.
        let length = *unsafe { optvallen.as_ref() }.ok_or(Error::InvalidArgument)?;
        // SAFETY: NULL or a buffer of this length, by the contract of the entry points.
        let buffer = unsafe { bytes_mut(optval.cast(), length) }.ok_or(Error::InvalidArgument)?;
        context.get_bytes(option, buffer).map(|()| 0)
    }
}

lean_entries! {
    /// Ends a context: waits until every socket is closed and what lingers is out. EINTR: call again.
    fn zmq_ctx_term(context: *mut c_void) -> c_int, or -1; { terminate(context) }

    /// As `zmq_ctx_term`.
    fn zmq_term(context: *mut c_void) -> c_int, or -1; { terminate(context) }

    /// As `zmq_ctx_term`.
    fn zmq_ctx_destroy(context: *mut c_void) -> c_int, or -1; { terminate(context) }
}
