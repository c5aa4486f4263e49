//! Many parts in one call, as `struct iovec` (undocumented in libzmq, kept for the programs that use it).
use crate::{
    boundary::{bytes, clamped, lean_entries},
    message::flags,
    socket::{self, with_socket},
};
use ferrozmq_base::{Error, Msg, Result};
use libc::{c_int, c_void, iovec};

/// Sends every element: with SNDMORE as the parts of one message, without as messages of one part.
///
/// # Safety
/// `iov` points to `count` elements whose buffers are readable.
unsafe fn send(socket: *mut c_void, iov: *const iovec, count: usize, bits: c_int) -> Result<c_int> {
    let mut size = 0;
    for i in 0..count {
        // SAFETY: by the contract there are `count` elements.
        let part = unsafe { &*iov.add(i) };
        // SAFETY: by the contract the buffer is readable.
        let body = unsafe { bytes(part.iov_base.cast(), part.iov_len) }.ok_or(Error::BadAddress)?;
        let mut flags = flags(bits);
        flags.more &= i + 1 < count;
        socket::send(socket::enter(socket)?, &mut Msg::copy_from(body)?, flags)?;
        size = body.len();
    }
    Ok(clamped(size))
}

/// Receives the parts of one message, as many as there are elements, each into memory for `free`. `count` counts
/// what was received, also on failure.
///
/// # Safety
/// `iov` points to `*count` writable elements.
unsafe fn receive(socket: *mut c_void, iov: *mut iovec, count: &mut usize, bits: c_int) -> Result<c_int> {
    let room = std::mem::take(count);
    let mut more = true;
    while more && *count < room {
        let mut message = Msg::new();
        socket::recv(socket::enter(socket)?, &mut message, flags(bits).dont_wait)?;
        // SAFETY: below `room`, so by the contract writable.
        unsafe { iov.add(*count).write(copied(message.as_slice())?) };
        *count += 1;
        more = message.more();
    }
    Ok(clamped(*count))
}

fn copied(body: &[u8]) -> Result<iovec> {
    // SAFETY: any size may be asked for; one byte at least, so that NULL means failure.
    let memory = unsafe { libc::malloc(body.len().max(1)) };
    if memory.is_null() {
        return Err(Error::OutOfMemory);
    }
    // SAFETY: fresh memory of at least this length.
    unsafe { std::ptr::copy_nonoverlapping(body.as_ptr(), memory.cast(), body.len()) };
    Ok(iovec { iov_base: memory, iov_len: body.len() })
}

lean_entries! {
    /// Sends every element; the result is the size of the last one.
    fn zmq_sendiov(socket: *mut c_void, iov: *mut iovec, count: usize, flags: c_int) -> c_int, or -1; {
        with_socket(socket, |_| Ok(()))?;
        if iov.is_null() || count == 0 {
            return Err(Error::InvalidArgument);
        }
        // SAFETY: by the contract of the entry points, and not NULL.
        unsafe { send(socket, iov, count, flags) }
    }

    /// Receives the parts of one message into memory that the caller frees; the result is their number.
    fn zmq_recviov(socket: *mut c_void, iov: *mut iovec, count: *mut usize, flags: c_int) -> c_int, or -1; {
        with_socket(socket, |_| Ok(()))?;
        // SAFETY: NULL or a count, by the contract of the entry points.
        let count = unsafe { count.as_mut() }.filter(|count| **count > 0 && !iov.is_null());
        // SAFETY: by the contract of the entry points.
        unsafe { receive(socket, iov, count.ok_or(Error::InvalidArgument)?, flags) }
    }
}
