//! Messages: `zmq_msg_t` is [`Msg`], field for field.
//!
//! What the C program hands in is memory that may hold a message or anything else: the tag decides, and every bit
//! pattern is a valid `Msg` to look at. Functions on a message that is not live answer EFAULT.
use crate::{
    boundary::{self, bytes, clamped, lean_entries, text},
    socket,
};
use ferrozmq_base::{Error, Msg, Result, content::FreeFn};
use ferrozmq_runtime::Flags;
use libc::{c_char, c_int, c_void};
use std::{ffi::CStr, mem, ptr};

const DONTWAIT: c_int = 1;
const SNDMORE: c_int = 2;

const PROPERTY_MORE: c_int = 1;
const PROPERTY_SRCFD: c_int = 2;
const PROPERTY_SHARED: c_int = 3;

/// The live message at this address.
///
/// # Safety
/// `message` is NULL or points to the 64 bytes of a `zmq_msg_t` that nobody else touches during `'a`.
pub(crate) unsafe fn live<'a>(message: *mut Msg) -> Result<&'a mut Msg> {
    // SAFETY: by the contract; a Msg has no invalid bit pattern.
    let message = unsafe { message.as_mut() }.ok_or(Error::BadAddress)?;
    if message.is_valid() { Ok(message) } else { Err(Error::BadAddress) }
}

/// What `look` sees in the live message at this address. The usual kind comes first: for it, to be live and where its
/// body is are one question.
///
/// # Safety
/// As [`live`].
#[inline(always)]
unsafe fn look<T>(message: *mut Msg, look: impl Fn(&mut Msg) -> T) -> Result<T> {
    // SAFETY: by the contract; a Msg has no invalid bit pattern.
    match unsafe { message.as_mut() } {
        Some(message) if message.is_inline() => Ok(look(message)),
        // SAFETY: by the contract.
        _ => unsafe { look_further(message, look) },
    }
}

#[cold]
unsafe fn look_further<T>(message: *mut Msg, look: impl Fn(&mut Msg) -> T) -> Result<T> {
    // SAFETY: by the contract.
    unsafe { live(message) }.map(look)
}

/// Writes a message where there was none: what was there is not released.
///
/// # Safety
/// `place` is NULL or writable for 64 bytes.
unsafe fn place(place: *mut Msg, message: Msg) -> Result<c_int> {
    if place.is_null() {
        return Err(Error::BadAddress);
    }
    // SAFETY: not NULL, so writable by the contract.
    unsafe { place.write(message) };
    Ok(0)
}

/// Makes a message of this size, its bytes to be written by the caller.
///
/// # Safety
/// As [`Msg::init_size_uninit`].
#[inline(always)]
unsafe fn init_size(place: *mut Msg, size: usize) -> c_int {
    boundary::call_awake(-1, || {
        // SAFETY: by the contract.
        unsafe { Msg::init_size_uninit(place, size) }.map(|()| 0).map_err(Error::from)
    })
}

/// [`init_size`] out of the way of the small ones, which need no memory.
///
/// # Safety
/// As [`init_size`].
#[inline(never)]
unsafe fn init_large(place: *mut Msg, size: usize) -> c_int {
    // SAFETY: by the contract.
    unsafe { init_size(place, size) }
}

/// The flags of a send; unknown bits are ignored.
pub(crate) fn flags(bits: c_int) -> Flags {
    Flags { dont_wait: bits & DONTWAIT != 0, more: bits & SNDMORE != 0 }
}

/// Sends a message of the caller, who keeps it if that fails.
///
/// # Safety
/// As [`live`].
#[inline(always)]
pub(crate) unsafe fn send(message: *mut Msg, socket: *mut c_void, bits: c_int) -> Result<c_int> {
    let entered = socket::enter(socket)?;
    // SAFETY: by the contract.
    let size = unsafe { look(message, |message| message.len()) }?;
    // SAFETY: by the contract, and live.
    socket::send(entered, unsafe { &mut *message }, flags(bits))?;
    Ok(clamped(size))
}

/// Receives into a message of the caller.
///
/// # Safety
/// As [`live`].
#[inline(always)]
pub(crate) unsafe fn receive(message: *mut Msg, socket: *mut c_void, bits: c_int) -> Result<c_int> {
    // SAFETY: by the contract.
    let Some(message) = (unsafe { message.as_mut() }).filter(|m| m.is_plain()) else {
        // SAFETY: by the contract.
        return unsafe { receive_over(message, socket, bits) };
    };
    socket::recv(socket::enter(socket)?, message, flags(bits).dont_wait)?;
    Ok(clamped(message.len()))
}

/// Receives into a message that holds something of others, or is none. What it holds goes after the socket is left: a free
/// function may well use the socket.
///
/// # Safety
/// As [`live`].
#[cold]
unsafe fn receive_over(message: *mut Msg, socket: *mut c_void, bits: c_int) -> Result<c_int> {
    let mut received = Msg::new();
    let entered = socket::enter(socket)?;
    // SAFETY: by the contract.
    unsafe { live(message) }?;
    socket::recv(entered, &mut received, flags(bits).dont_wait)?;
    let size = received.len();
    // SAFETY: by the contract, and live a moment ago.
    drop(mem::replace(unsafe { live(message) }?, received));
    Ok(clamped(size))
}

fn property(message: &Msg, property: c_int) -> Result<c_int> {
    match property {
        PROPERTY_MORE => Ok(message.more().into()),
        PROPERTY_SHARED => Ok(message.is_shared().into()),
        PROPERTY_SRCFD if message.is_valid() => {
            message.properties().and_then(|known| known.fd).ok_or(Error::InvalidArgument)
        }
        _ => Err(Error::InvalidArgument),
    }
}

lean_entries! {
    /// Makes an empty message.
    fn zmq_msg_init(msg: *mut Msg) -> c_int, or -1; {
        if msg.is_null() {
            return Err(Error::BadAddress);
        }
        // SAFETY: not NULL, so writable by the contract of the entry points.
        unsafe { Msg::init(msg) };
        Ok(0)
    }

    /// Makes a message of this size, its bytes to be written by the caller.
    fn zmq_msg_init_size(msg: *mut Msg, size: usize) -> c_int, or -1; {
        if msg.is_null() {
            return Err(Error::BadAddress);
        }
        // SAFETY: not NULL, so writable by the contract of the entry points; the caller writes the body before it is
        // read, as zmq_msg_init_size(3) asks.
        Ok(unsafe { if size > Msg::INLINE_MAX { init_large(msg, size) } else { init_size(msg, size) } })
    }

    /// Makes a message with a copy of these bytes.
    fn zmq_msg_init_buffer(msg: *mut Msg, buf: *const c_void, size: usize) -> c_int, or -1; {
        // SAFETY: NULL or readable, by the contract of the entry points.
        let body = unsafe { bytes(buf.cast(), size) }.ok_or(Error::BadAddress)?;
        // SAFETY: by the contract of the entry points.
        unsafe { place(msg, Msg::copy_from(body)?) }
    }

    /// Makes a message around the caller's memory, which `ffn` frees; without it the memory is constant.
    fn zmq_msg_init_data(
        msg: *mut Msg,
        data: *mut c_void,
        size: usize,
        ffn: Option<FreeFn>,
        hint: *mut c_void,
    ) -> c_int, or -1; {
        if msg.is_null() || data.is_null() && size > 0 {
            return Err(Error::BadAddress);
        }
        if isize::try_from(size).is_err() {
            return Err(Error::OutOfMemory);
        }
        // SAFETY: the memory stays valid until `ffn` is called, as zmq_msg_init_data(3) asks.
        let message = unsafe { Msg::foreign(data, size, ffn, hint) }?;
        // SAFETY: by the contract of the entry points.
        unsafe { place(msg, message) }
    }

    /// Releases a message; a second close is EFAULT.
    fn zmq_msg_close(msg: *mut Msg) -> c_int, or -1; {
        // SAFETY: by the contract of the entry points.
        unsafe { live(msg) }?.invalidate();
        Ok(0)
    }

    /// Moves a message; the source is empty afterwards.
    fn zmq_msg_move(dest: *mut Msg, src: *mut Msg) -> c_int, or -1; {
        // SAFETY: by the contract of the entry points; the reference ends here, as both may be the same.
        let moved = unsafe { live(src).and_then(|_| live(dest)).and_then(|_| live(src)) }?.take();
        if dest != src {
            // SAFETY: as above.
            drop(mem::replace(unsafe { live(dest) }?, moved));
        }
        Ok(0)
    }

    /// Copies a message; large bodies are shared.
    fn zmq_msg_copy(dest: *mut Msg, src: *mut Msg) -> c_int, or -1; {
        // SAFETY: by the contract of the entry points; the reference ends here, as both may be the same.
        let copy = unsafe { live(dest).and_then(|_| live(src)) }?.share();
        // SAFETY: as above.
        drop(mem::replace(unsafe { live(dest) }?, copy));
        Ok(0)
    }

    /// The body; never NULL for a live message.
    fn zmq_msg_data(msg: *mut Msg) -> *mut c_void, or ptr::null_mut(); {
        // SAFETY: by the contract of the entry points.
        unsafe { look(msg, |message| message.data_ptr().cast()) }
    }

    /// Bytes of the body.
    fn zmq_msg_size(msg: *const Msg) -> usize, or 0; {
        // SAFETY: by the contract of the entry points.
        unsafe { look(msg.cast_mut(), |message| message.len()) }
    }

    /// Whether more frames follow; also of a closed message.
    fn zmq_msg_more(msg: *const Msg) -> c_int, or 0; {
        // SAFETY: by the contract of the entry points.
        Ok(unsafe { msg.as_ref() }.ok_or(Error::BadAddress)?.more().into())
    }

    /// A property as a number.
    fn zmq_msg_get(msg: *const Msg, number: c_int) -> c_int, or -1; {
        // SAFETY: by the contract of the entry points.
        property(unsafe { msg.as_ref() }.ok_or(Error::BadAddress)?, number)
    }

    /// There is nothing to set: always EINVAL.
    fn zmq_msg_set(_msg: *mut Msg, _property: c_int, _optval: c_int) -> c_int, or -1; { Err(Error::InvalidArgument) }

    /// A property of the peer as text, valid as long as the message.
    fn zmq_msg_gets(msg: *const Msg, property: *const c_char) -> *const c_char, or ptr::null(); {
        // SAFETY: by the contract of the entry points.
        let (message, name) = unsafe { (live(msg.cast_mut())?, text(property)) };
        let name = name.ok_or(Error::InvalidArgument)?;
        let value = message.properties().and_then(|known| known.text(name));
        Ok(value.ok_or(Error::InvalidArgument)?.as_ptr())
    }

    /// The number of the peer on SERVER and PEER; 0 is none.
    fn zmq_msg_routing_id(msg: *mut Msg) -> u32, or 0; {
        // SAFETY: by the contract of the entry points.
        Ok(unsafe { live(msg) }?.routing_id())
    }

    /// Sets the number of the peer on SERVER and PEER; 0 is EINVAL.
    fn zmq_msg_set_routing_id(msg: *mut Msg, routing_id: u32) -> c_int, or -1; {
        // SAFETY: by the contract of the entry points.
        let message = unsafe { live(msg) }?;
        if routing_id == 0 {
            return Err(Error::InvalidArgument);
        }
        message.set_routing_id(routing_id);
        Ok(0)
    }

    /// The group of RADIO and DISH, empty if there is none; valid as long as the message has it.
    fn zmq_msg_group(msg: *mut Msg) -> *const c_char, or ptr::null(); {
        // SAFETY: by the contract of the entry points.
        Ok(unsafe { live(msg) }?.group_text().as_ptr())
    }

    /// Sets the group of RADIO and DISH; what goes beyond 255 bytes is cut off.
    fn zmq_msg_set_group(msg: *mut Msg, group: *const c_char) -> c_int, or -1; {
        // SAFETY: by the contract of the entry points.
        let message = unsafe { live(msg) }?;
        if group.is_null() {
            return Err(Error::BadAddress);
        }
        // SAFETY: not NULL, so a C string by the contract of the entry points.
        message.set_group(unsafe { CStr::from_ptr(group) }.to_bytes());
        Ok(0)
    }

    /// Sends a message; on success it is empty afterwards, on failure the caller still owns it.
    fn zmq_msg_send(msg: *mut Msg, socket: *mut c_void, flags: c_int) -> c_int, or -1; {
        // SAFETY: by the contract of the entry points.
        unsafe { send(msg, socket, flags) }
    }

    /// Receives a message in place of the one that was there.
    fn zmq_msg_recv(msg: *mut Msg, socket: *mut c_void, flags: c_int) -> c_int, or -1; {
        // SAFETY: by the contract of the entry points.
        unsafe { receive(msg, socket, flags) }
    }
}

/// As `zmq_msg_send`.
///
/// # Safety
/// As `zmq_msg_send`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_sendmsg(socket: *mut c_void, msg: *mut Msg, flags: c_int) -> c_int {
    // SAFETY: by the contract.
    unsafe { zmq_msg_send(msg, socket, flags) }
}

/// As `zmq_msg_recv`.
///
/// # Safety
/// As `zmq_msg_recv`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn zmq_recvmsg(socket: *mut c_void, msg: *mut Msg, flags: c_int) -> c_int {
    // SAFETY: by the contract.
    unsafe { zmq_msg_recv(msg, socket, flags) }
}
