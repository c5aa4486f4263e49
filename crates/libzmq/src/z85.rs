//! Z85 (RFC 32), and the keys that are written in it.
use crate::boundary::{bytes, entries};
use ferrozmq_base::Error;
use ferrozmq_proto::{
    curve::{self, SecretKey},
    z85,
};
use ferrozmq_sys::random;
use libc::c_char;
use libc::c_int;
use std::{ffi::CStr, ptr};
use zeroize::Zeroizing;

/// Groups of four bytes that become text at a time: a caller may have any number of them.
const PIECE: usize = 1024;

entries! {
    /// Writes five characters for every four bytes, and a NUL.
    fn zmq_z85_encode(dest: *mut c_char, data: *const u8, size: usize) -> *mut c_char, or ptr::null_mut(); {
        // SAFETY: NULL or readable, by the contract of the entry points.
        let data = unsafe { bytes(data, size) }.filter(|_| !dest.is_null()).ok_or(Error::InvalidArgument)?;
        if !data.len().is_multiple_of(4) {
            return Err(Error::InvalidArgument);
        }
        let mut end = dest;
        for piece in data.chunks(4 * PIECE) {
            let text = Zeroizing::new(z85::encode(piece).map_err(|_| Error::InvalidArgument)?);
            // SAFETY: room for the text and its NUL, by the contract of the entry points; the text is our own.
            end = unsafe { write_text(end, &text) };
        }
        // SAFETY: as above.
        unsafe { end.write(0) };
        Ok(dest)
    }

    /// Writes four bytes for every five characters.
    fn zmq_z85_decode(dest: *mut u8, string: *const c_char) -> *mut u8, or ptr::null_mut(); {
        if dest.is_null() || string.is_null() {
            return Err(Error::InvalidArgument);
        }
        // SAFETY: not NULL, so a C string by the contract of the entry points.
        let text = unsafe { CStr::from_ptr(string) }.to_bytes();
        if text.is_empty() {
            return Err(Error::InvalidArgument);
        }
        let mut end = dest;
        for piece in text.chunks(5 * PIECE) {
            let data = Zeroizing::new(z85::decode(piece).map_err(|_| Error::InvalidArgument)?);
            // SAFETY: room for the data, by the contract of the entry points; the data is our own.
            unsafe {
                ptr::copy_nonoverlapping(data.as_ptr(), end, data.len());
                end = end.add(data.len());
            }
        }
        Ok(dest)
    }

    /// A new pair of keys, each 40 characters and a NUL.
    fn zmq_curve_keypair(z85_public_key: *mut c_char, z85_secret_key: *mut c_char) -> c_int, or -1; {
        if z85_public_key.is_null() || z85_secret_key.is_null() {
            return Err(Error::InvalidArgument);
        }
        let mut bytes = Zeroizing::new([0; curve::KEY_BYTES]);
        random::fill(&mut *bytes)?;
        let secret = SecretKey::from(&*bytes);
        // SAFETY: not NULL, so room for 41 characters each, by the contract of the entry points.
        unsafe {
            write_key(z85_secret_key, &Zeroizing::new(secret.expose_text()));
            write_key(z85_public_key, &secret.public().to_text());
        }
        Ok(0)
    }

    /// The public key that belongs to a secret one.
    fn zmq_curve_public(z85_public_key: *mut c_char, z85_secret_key: *const c_char) -> c_int, or -1; {
        if z85_public_key.is_null() || z85_secret_key.is_null() {
            return Err(Error::InvalidArgument);
        }
        // SAFETY: not NULL, so a C string by the contract of the entry points.
        let text = unsafe { CStr::from_ptr(z85_secret_key) };
        let secret = SecretKey::from_text(text.to_bytes()).ok_or(Error::InvalidArgument)?;
        // SAFETY: not NULL, so room for 41 characters, by the contract of the entry points.
        unsafe { write_key(z85_public_key, &secret.public().to_text()) };
        Ok(0)
    }
}

/// Writes the text of a key and a NUL.
///
/// # Safety
/// `dest` has room for both.
unsafe fn write_key(dest: *mut c_char, text: &str) {
    // SAFETY: by the contract.
    unsafe { write_text(dest, text).write(0) };
}

/// Writes text; the place behind it.
///
/// # Safety
/// `dest` has room for it.
unsafe fn write_text(dest: *mut c_char, text: &str) -> *mut c_char {
    // SAFETY: by the contract; the text is our own.
    unsafe {
        ptr::copy_nonoverlapping(text.as_ptr().cast(), dest, text.len());
        dest.add(text.len())
    }
}
