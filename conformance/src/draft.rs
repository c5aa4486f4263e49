//! The draft types in C: groups, numbered peers, pollers. The distribution's libzmq does not export their functions.

use std::ffi::{CStr, CString, c_int, c_long, c_void};

use crate::c_api::{Drafts, Handle, Library, NULL, RawPollerEvent};
use crate::msg::Msg;
use crate::socket::Sock;
use crate::subject::{Errno, Result};

/// The functions of a library that has them.
#[derive(Clone, Copy)]
pub struct Draft {
    lib: &'static Library,
    c: &'static Drafts,
}

/// A poller.
pub struct Poller(*mut c_void, Draft);

impl Drop for Poller {
    fn drop(&mut self) {
        self.1.c.zmq_poller_destroy(&raw mut self.0);
    }
}

impl Poller {
    /// `zmq_poller_add`.
    pub fn add(&self, socket: &Sock, events: i32) -> Result<()> {
        let rc = self.1.c.zmq_poller_add(self.0, socket.handle().0, NULL, events as i16);
        self.1.done(rc)
    }

    /// `zmq_poller_wait`: the socket that is ready, and for what.
    pub fn wait(&self, timeout: c_long) -> Result<(Handle, i32)> {
        let mut event = RawPollerEvent { socket: NULL, fd: -1, user_data: NULL, events: 0 };
        self.1.done(self.1.c.zmq_poller_wait(self.0, &raw mut event, timeout))?;
        Ok((Handle(event.socket), event.events.into()))
    }
}

fn text(text: &[u8]) -> CString {
    CString::new(text).expect("no NUL")
}

impl Draft {
    /// The functions of the library.
    pub fn new(lib: &'static Library, functions: &'static Drafts) -> Self {
        Self { lib, c: functions }
    }

    /// The functions of a library, if it has them.
    pub fn of(lib: &'static Library) -> Option<Self> {
        lib.drafts().map(|functions| Self::new(lib, functions))
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
        self.done(self.c.zmq_join(socket.handle().0, text(group.as_ref()).as_ptr()))
    }

    /// `zmq_leave`.
    pub fn leave(&self, socket: &Sock, group: impl AsRef<[u8]>) -> Result<()> {
        self.done(self.c.zmq_leave(socket.handle().0, text(group.as_ref()).as_ptr()))
    }

    /// `zmq_connect_peer`.
    pub fn connect_peer(&self, socket: &Sock, endpoint: &str) -> Result<u32> {
        match self.c.zmq_connect_peer(socket.handle().0, text(endpoint.as_bytes()).as_ptr()) {
            0 => Err(Errno(self.lib.zmq_errno())),
            number => Ok(number),
        }
    }

    /// `zmq_disconnect_peer`.
    pub fn disconnect_peer(&self, socket: &Sock, number: u32) -> Result<()> {
        self.done(self.c.zmq_disconnect_peer(socket.handle().0, number))
    }

    /// `zmq_msg_routing_id`.
    pub fn routing_id(&self, msg: &mut Msg) -> u32 {
        self.c.zmq_msg_routing_id(msg.raw())
    }

    /// `zmq_msg_set_routing_id`.
    pub fn set_routing_id(&self, msg: &mut Msg, number: u32) -> Result<()> {
        self.done(self.c.zmq_msg_set_routing_id(msg.raw(), number))
    }

    /// `zmq_msg_group`.
    pub fn group(&self, msg: &mut Msg) -> Vec<u8> {
        // SAFETY: a live message; what is returned is a C string that lives as long.
        unsafe { CStr::from_ptr(self.c.zmq_msg_group(msg.raw())) }.to_bytes().to_vec()
    }

    /// `zmq_msg_set_group`.
    pub fn set_group(&self, msg: &mut Msg, group: impl AsRef<[u8]>) -> Result<()> {
        self.done(self.c.zmq_msg_set_group(msg.raw(), text(group.as_ref()).as_ptr()))
    }

    /// `zmq_poller_new`.
    pub fn poller(&self) -> Poller {
        let poller = self.c.zmq_poller_new();
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

/// The draft functions; ends the test, as passed, where [`drafts`](crate::drafts) does.
#[macro_export]
macro_rules! draft {
    () => {
        $crate::draft::Draft::new($crate::c_library!(), $crate::drafts!())
    };
}
