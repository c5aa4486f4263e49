//! What the library is, and what its errors mean.
use crate::boundary::{entries, lean_entries};
use ferrozmq_base::error::ZMQ_HAUSNUMERO;
use libc::{c_char, c_int};
use std::ffi::CStr;

/// The version of ZeroMQ that this library is.
const VERSION: [c_int; 3] = [4, 3, 6];

/// What `zmq_has` answers with 1, on every machine.
const CAPABILITIES: [&CStr; 3] = [c"ipc", c"curve", c"draft"];

/// What it answers with 1 where the kernel can.
fn kernel_has(capability: &CStr) -> bool {
    match capability.to_bytes() {
        b"vsock" => ferrozmq_sys::net::vsock::is_supported(),
        b"tipc" => ferrozmq_sys::net::tipc::is_supported(),
        _ => false,
    }
}

/// The texts of ZeroMQ's own errors; the C library has the others.
fn own_text(code: c_int) -> Option<&'static CStr> {
    const EFSM: c_int = ZMQ_HAUSNUMERO + 51;
    const ENOCOMPATPROTO: c_int = ZMQ_HAUSNUMERO + 52;
    const ETERM: c_int = ZMQ_HAUSNUMERO + 53;
    const EMTHREAD: c_int = ZMQ_HAUSNUMERO + 54;
    match code {
        EFSM => Some(c"Operation cannot be accomplished in current state"),
        ENOCOMPATPROTO => Some(c"The protocol is not compatible with the socket type"),
        ETERM => Some(c"Context was terminated"),
        EMTHREAD => Some(c"No thread available"),
        libc::EHOSTUNREACH => Some(c"Host unreachable"),
        _ => None,
    }
}

entries! {
    /// What an errno means; never NULL.
    fn zmq_strerror(errnum: c_int) -> *const c_char, or c"".as_ptr(); {
        // SAFETY: strerror takes any number and never returns NULL.
        Ok(own_text(errnum).map_or_else(|| unsafe { libc::strerror(errnum) }.cast_const(), CStr::as_ptr))
    }

    /// Whether the library has a capability; names match exactly.
    fn zmq_has(capability: *const c_char) -> c_int, or 0; {
        if capability.is_null() {
            return Ok(0);
        }
        // SAFETY: not NULL, so a C string by the contract of the entry points.
        let name = unsafe { CStr::from_ptr(capability) };
        Ok((CAPABILITIES.contains(&name) || kernel_has(name)).into())
    }
}

lean_entries! {
    /// The calling thread's errno.
    fn zmq_errno() -> c_int, or 0; {
        // SAFETY: the location of the thread's errno is always valid.
        Ok(unsafe { *libc::__errno_location() })
    }

    /// The version of ZeroMQ.
    fn zmq_version(major: *mut c_int, minor: *mut c_int, patch: *mut c_int) -> (), or (); {
        for (place, number) in [major, minor, patch].into_iter().zip(VERSION) {
            // SAFETY: NULL or an int, by the contract of the entry points.
            if let Some(place) = unsafe { place.as_mut() } {
                *place = number;
            }
        }
        Ok(())
    }
}
