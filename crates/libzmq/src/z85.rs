//! Z85 (RFC 32), and the keys that are written in it.
use crate::boundary::{bytes, entries};
use ferrozmq_base::Error;
use ferrozmq_proto::z85;
use libc::c_char;
use libc::c_int;
use std::{ffi::CStr, ptr};

entries! {
    /// Writes five characters for every four bytes, and a NUL.
    fn zmq_z85_encode(dest: *mut c_char, data: *const u8, size: usize) -> *mut c_char, or ptr::null_mut(); {
        // SAFETY: NULL or readable, by the contract of the entry points.
        let data = unsafe { bytes(data, size) }.filter(|_| !dest.is_null()).ok_or(Error::InvalidArgument)?;
        let text = z85::encode(data).map_err(|_| Error::InvalidArgument)?;
        // SAFETY: room for the text and its NUL, by the contract of the entry points; the text is our own.
        unsafe {
            ptr::copy_nonoverlapping(text.as_ptr().cast(), dest, text.len());
            dest.add(text.len()).write(0);
        }
        Ok(dest)
    }

    /// Writes four bytes for every five characters.
    fn zmq_z85_decode(dest: *mut u8, string: *const c_char) -> *mut u8, or ptr::null_mut(); {
        if dest.is_null() || string.is_null() {
            return Err(Error::InvalidArgument);
        }
        // SAFETY: not NULL, so a C string by the contract of the entry points.
        let text = unsafe { CStr::from_ptr(string) };
        let data = z85::decode(text.to_bytes()).map_err(|_| Error::InvalidArgument)?;
        // SAFETY: room for the data, by the contract of the entry points; the data is our own.
        unsafe { ptr::copy_nonoverlapping(data.as_ptr(), dest, data.len()) };
        Ok(dest)
    }

    /// CURVE is not built: ENOTSUP.
    fn zmq_curve_keypair(_z85_public_key: *mut c_char, _z85_secret_key: *mut c_char) -> c_int, or -1; {
        Err(Error::NotSupported)
    }

    /// CURVE is not built: ENOTSUP.
    fn zmq_curve_public(_z85_public_key: *mut c_char, _z85_secret_key: *const c_char) -> c_int, or -1; {
        Err(Error::NotSupported)
    }
}
