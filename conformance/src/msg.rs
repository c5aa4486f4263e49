//! `zmq_msg_t` as the tests use it: closed when dropped, unless the test did that itself.

use std::ffi::{CStr, CString, c_void};

use crate::c_api::{FreeFn, Library, RawMsg};
use crate::c_subject::bytes;
use crate::socket::Sock;
use crate::subject::{Errno, Result};

/// A message of the C API, possibly not initialised.
pub struct Msg {
    raw: Box<RawMsg>,
    lib: &'static Library,
}

impl Drop for Msg {
    fn drop(&mut self) {
        self.lib.zmq_msg_close(&raw mut *self.raw);
    }
}

impl Msg {
    /// All bytes zero: not initialised.
    pub fn zeroed(lib: &'static Library) -> Self {
        Self { raw: Box::new(RawMsg([0; 64])), lib }
    }

    /// An empty message.
    pub fn empty(lib: &'static Library) -> Self {
        let mut msg = Self::zeroed(lib);
        assert_eq!(lib.zmq_msg_init(&raw mut *msg.raw), 0);
        msg
    }

    /// A message with a copy of the bytes.
    pub fn copy_of(lib: &'static Library, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut msg = Self::zeroed(lib);
        assert_eq!(lib.zmq_msg_init_size(&raw mut *msg.raw, body.len()), 0);
        if !body.is_empty() {
            // SAFETY: the library has just given `body.len()` bytes at this address to this message alone.
            unsafe { std::slice::from_raw_parts_mut(msg.data().cast::<u8>(), body.len()) }
                .copy_from_slice(body);
        }
        msg
    }

    /// A message of a given size, or the error.
    pub fn with_size(lib: &'static Library, size: usize) -> Result<Self> {
        let mut msg = Self::zeroed(lib);
        let made = lib.check(lib.zmq_msg_init_size(&raw mut *msg.raw, size));
        if made.is_err() {
            // A message that could not be made may not be closed.
            msg.raw.0 = [0; 64];
        }
        made.map(|_| msg)
    }

    /// A message around memory of the caller.
    pub fn around(
        lib: &'static Library,
        data: *mut c_void,
        size: usize,
        free: Option<FreeFn>,
        hint: *mut c_void,
    ) -> Self {
        let mut msg = Self::zeroed(lib);
        assert_eq!(lib.zmq_msg_init_data(&raw mut *msg.raw, data, size, free, hint), 0);
        msg
    }

    /// Its address.
    pub fn raw(&mut self) -> *mut RawMsg {
        &raw mut *self.raw
    }

    /// `zmq_msg_data`.
    pub fn data(&mut self) -> *mut c_void {
        self.lib.zmq_msg_data(&raw mut *self.raw)
    }

    /// `zmq_msg_size`.
    pub fn size(&self) -> usize {
        self.lib.zmq_msg_size(&raw const *self.raw)
    }

    /// A copy of its bytes.
    pub fn body(&mut self) -> Vec<u8> {
        let size = self.size();
        bytes(self.data(), size)
    }

    /// `zmq_msg_more`.
    pub fn more(&self) -> bool {
        self.lib.zmq_msg_more(&raw const *self.raw) == 1
    }

    /// `zmq_msg_get`.
    pub fn property(&self, property: i32) -> Result<i32> {
        match self.lib.zmq_msg_get(&raw const *self.raw, property) {
            -1 => Err(Errno(self.lib.zmq_errno())),
            value => Ok(value),
        }
    }

    /// `zmq_msg_gets`.
    pub fn text(&self, name: &str) -> Result<String> {
        let name = CString::new(name).expect("a name without NUL");
        let text = self.lib.zmq_msg_gets(&raw const *self.raw, name.as_ptr());
        if text.is_null() {
            return Err(Errno(self.lib.zmq_errno()));
        }
        // SAFETY: the library returns a C string that lives as long as the message.
        Ok(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
    }

    /// `zmq_msg_close`.
    pub fn close(&mut self) -> Result<()> {
        self.lib.check(self.lib.zmq_msg_close(&raw mut *self.raw)).map(|_| ())
    }

    /// `zmq_msg_copy` into this message.
    pub fn copy_from(&mut self, source: &mut Self) -> Result<()> {
        self.lib.check(self.lib.zmq_msg_copy(self.raw(), source.raw())).map(|_| ())
    }

    /// `zmq_msg_move` into this message.
    pub fn move_from(&mut self, source: &mut Self) -> Result<()> {
        self.lib.check(self.lib.zmq_msg_move(self.raw(), source.raw())).map(|_| ())
    }

    /// `zmq_msg_send`.
    pub fn send(&mut self, socket: &Sock, flags: i32) -> Result<usize> {
        self.lib.check(self.lib.zmq_msg_send(self.raw(), socket.handle().0, flags))
    }

    /// `zmq_msg_recv`.
    pub fn recv(&mut self, socket: &Sock, flags: i32) -> Result<usize> {
        self.lib.check(self.lib.zmq_msg_recv(self.raw(), socket.handle().0, flags))
    }

    /// The same message at another address, with the old one forgotten.
    pub fn relocated(mut self) -> Self {
        let raw = Box::new(RawMsg(self.raw.0));
        self.raw.0 = [0; 64];
        Self { raw, lib: self.lib }
    }
}
