//! The C functions of the draft types: groups, numbered peers, pollers. The distribution's libzmq does not export them.

use std::ffi::{CStr, CString, c_char, c_int, c_long, c_void};

use crate::c_api::{Handle, Library, RawMsg};
use crate::msg::Msg;
use crate::socket::Sock;
use crate::subject::{Errno, Result};

/// The functions, loaded.
#[derive(Clone, Copy)]
pub struct Draft {
    lib: &'static Library,
    join: unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int,
    leave: unsafe extern "C" fn(*mut c_void, *const c_char) -> c_int,
    connect_peer: unsafe extern "C" fn(*mut c_void, *const c_char) -> u32,
    disconnect_peer: unsafe extern "C" fn(*mut c_void, u32) -> c_int,
    msg_routing_id: unsafe extern "C" fn(*mut RawMsg) -> u32,
    msg_set_routing_id: unsafe extern "C" fn(*mut RawMsg, u32) -> c_int,
    msg_group: unsafe extern "C" fn(*mut RawMsg) -> *const c_char,
    msg_set_group: unsafe extern "C" fn(*mut RawMsg, *const c_char) -> c_int,
    poller_new: unsafe extern "C" fn() -> *mut c_void,
    poller_destroy: unsafe extern "C" fn(*mut *mut c_void) -> c_int,
    poller_add: unsafe extern "C" fn(*mut c_void, *mut c_void, *mut c_void, i16) -> c_int,
    poller_wait: unsafe extern "C" fn(*mut c_void, *mut PollerEvent, c_long) -> c_int,
}

/// `zmq_poller_event_t`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PollerEvent {
    /// The socket that is ready.
    pub socket: *mut c_void,
    /// Or the descriptor.
    pub fd: c_int,
    /// What was given with it.
    pub user_data: *mut c_void,
    /// What it is ready for.
    pub events: i16,
}

/// A poller.
pub struct Poller(*mut c_void, Draft);

impl Drop for Poller {
    fn drop(&mut self) {
        // SAFETY: a live poller, and where it is kept.
        unsafe { (self.1.poller_destroy)(&raw mut self.0) };
    }
}

impl Poller {
    /// `zmq_poller_add`.
    pub fn add(&self, socket: &Sock, events: i32) -> Result<()> {
        // SAFETY: a live poller and a live socket.
        let rc =
            unsafe { (self.1.poller_add)(self.0, socket.handle().0, std::ptr::null_mut(), events as i16) };
        self.1.done(rc)
    }

    /// `zmq_poller_wait`: the socket that is ready, and for what.
    pub fn wait(&self, timeout: c_long) -> Result<(Handle, i32)> {
        let none = std::ptr::null_mut();
        let mut event = PollerEvent { socket: none, fd: -1, user_data: none, events: 0 };
        // SAFETY: a live poller, and room for an event.
        let rc = unsafe { (self.1.poller_wait)(self.0, &raw mut event, timeout) };
        self.1.done(rc).map(|()| (Handle(event.socket), event.events.into()))
    }
}

fn text(text: &[u8]) -> CString {
    CString::new(text).expect("no NUL")
}

impl Draft {
    /// The functions of a library that has them.
    pub fn of(lib: &'static Library) -> Option<Self> {
        // SAFETY: the types are those of zmq.h, and the library is loaded for ever.
        unsafe {
            Some(Self {
                lib,
                join: lib.draft("zmq_join")?,
                leave: lib.draft("zmq_leave")?,
                connect_peer: lib.draft("zmq_connect_peer")?,
                disconnect_peer: lib.draft("zmq_disconnect_peer")?,
                msg_routing_id: lib.draft("zmq_msg_routing_id")?,
                msg_set_routing_id: lib.draft("zmq_msg_set_routing_id")?,
                msg_group: lib.draft("zmq_msg_group")?,
                msg_set_group: lib.draft("zmq_msg_set_group")?,
                poller_new: lib.draft("zmq_poller_new")?,
                poller_destroy: lib.draft("zmq_poller_destroy")?,
                poller_add: lib.draft("zmq_poller_add")?,
                poller_wait: lib.draft("zmq_poller_wait")?,
            })
        }
    }

    /// The library.
    pub fn library(&self) -> &'static Library {
        self.lib
    }

    fn done(&self, rc: c_int) -> Result<()> {
        self.lib.check(rc).map(|_| ())
    }

    /// `zmq_join`.
    pub fn join(&self, socket: &Sock, group: impl AsRef<[u8]>) -> Result<()> {
        // SAFETY: a C string.
        self.done(unsafe { (self.join)(socket.handle().0, text(group.as_ref()).as_ptr()) })
    }

    /// `zmq_leave`.
    pub fn leave(&self, socket: &Sock, group: impl AsRef<[u8]>) -> Result<()> {
        // SAFETY: a C string.
        self.done(unsafe { (self.leave)(socket.handle().0, text(group.as_ref()).as_ptr()) })
    }

    /// `zmq_connect_peer`.
    pub fn connect_peer(&self, socket: &Sock, endpoint: &str) -> Result<u32> {
        // SAFETY: a C string.
        match unsafe { (self.connect_peer)(socket.handle().0, text(endpoint.as_bytes()).as_ptr()) } {
            0 => Err(Errno(self.lib.zmq_errno())),
            number => Ok(number),
        }
    }

    /// `zmq_disconnect_peer`.
    pub fn disconnect_peer(&self, socket: &Sock, number: u32) -> Result<()> {
        // SAFETY: no pointer but the handle.
        self.done(unsafe { (self.disconnect_peer)(socket.handle().0, number) })
    }

    /// `zmq_msg_routing_id`.
    pub fn routing_id(&self, msg: &mut Msg) -> u32 {
        // SAFETY: a live message.
        unsafe { (self.msg_routing_id)(msg.raw()) }
    }

    /// `zmq_msg_set_routing_id`.
    pub fn set_routing_id(&self, msg: &mut Msg, number: u32) -> Result<()> {
        // SAFETY: a live message.
        self.done(unsafe { (self.msg_set_routing_id)(msg.raw(), number) })
    }

    /// `zmq_msg_group`.
    pub fn group(&self, msg: &mut Msg) -> Vec<u8> {
        // SAFETY: a live message; what is returned is a C string that lives as long.
        unsafe { CStr::from_ptr((self.msg_group)(msg.raw())) }.to_bytes().to_vec()
    }

    /// `zmq_msg_set_group`.
    pub fn set_group(&self, msg: &mut Msg, group: impl AsRef<[u8]>) -> Result<()> {
        // SAFETY: a live message and a C string.
        self.done(unsafe { (self.msg_set_group)(msg.raw(), text(group.as_ref()).as_ptr()) })
    }

    /// `zmq_poller_new`.
    pub fn poller(&self) -> Poller {
        // SAFETY: takes nothing.
        let poller = unsafe { (self.poller_new)() };
        assert!(!poller.is_null());
        Poller(poller, *self)
    }

    /// Sends a message to a peer.
    pub fn send_to(&self, socket: &Sock, number: u32, body: impl AsRef<[u8]>, flags: i32) -> Result<()> {
        let mut msg = Msg::copy_of(self.lib, body);
        self.set_routing_id(&mut msg, number)?;
        msg.send(socket, flags).map(|_| ())
    }

    /// Receives a message and the number of its sender.
    pub fn recv_from(&self, socket: &Sock) -> Result<(u32, Vec<u8>)> {
        let mut msg = Msg::empty(self.lib);
        msg.recv(socket, 0)?;
        Ok((self.routing_id(&mut msg), msg.body()))
    }

    /// Sends a message to a group.
    pub fn send_to_group(
        &self,
        socket: &Sock,
        group: &str,
        body: impl AsRef<[u8]>,
        flags: i32,
    ) -> Result<()> {
        let mut msg = Msg::copy_of(self.lib, body);
        self.set_group(&mut msg, group)?;
        msg.send(socket, flags).map(|_| ())
    }

    /// Receives a message and its group.
    pub fn recv_group(&self, socket: &Sock, flags: i32) -> Result<(String, Vec<u8>)> {
        let mut msg = Msg::empty(self.lib);
        msg.recv(socket, flags)?;
        Ok((String::from_utf8(self.group(&mut msg)).expect("text"), msg.body()))
    }
}

/// The draft functions; ends the test, as passed, if the subject has none.
#[macro_export]
macro_rules! draft {
    () => {
        match $crate::draft::Draft::of($crate::c_library!()) {
            Some(draft) => draft,
            None => {
                eprintln!("skipped: the subject has no draft functions");
                return;
            }
        }
    };
}
