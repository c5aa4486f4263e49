//! A C library as the subject.

use std::any::Any;
use std::ffi::{CString, c_int, c_void};

use crate::c_api::{Handle, Library, NULL, RawMsg, RawPollItem};
use crate::subject::{
    BackendPollItem, ContextBackend, Errno, Frame, ProxySockets, Result, SocketBackend, Subject, subject,
};

pub(crate) struct CSubject(pub(crate) Library);

struct CContext(Handle);

struct CSocket(Handle);

fn library() -> &'static Library {
    subject().library().expect("a C socket comes from a C library")
}

fn text(endpoint: &str) -> CString {
    CString::new(endpoint).expect("an endpoint without NUL")
}

fn done(rc: c_int) -> Result<()> {
    library().check(rc).map(|_| ())
}

impl Subject for CSubject {
    fn context(&self) -> Box<dyn ContextBackend> {
        let ctx = self.0.zmq_ctx_new();
        assert!(!ctx.is_null(), "zmq_ctx_new: {:?}", Errno(self.0.zmq_errno()));
        Box::new(CContext(Handle(ctx)))
    }

    fn poll(&self, items: &mut [BackendPollItem<'_>], timeout: i64) -> Result<usize> {
        let mut raw: Vec<RawPollItem> = items
            .iter()
            .map(|item| RawPollItem {
                socket: item.socket.map_or(NULL, |s| s.handle().0),
                fd: item.fd,
                events: item.events,
                revents: item.revents,
            })
            .collect();
        let count = c_int::try_from(raw.len()).expect("few items");
        let rc = self.0.zmq_poll(raw.as_mut_ptr(), count, timeout);
        let result = self.0.check(rc);
        for (item, raw) in items.iter_mut().zip(raw) {
            item.revents = raw.revents;
        }
        result
    }

    fn proxy(&self, sockets: ProxySockets<'_>) -> Result<()> {
        let raw = |socket: Option<&dyn SocketBackend>| socket.map_or(NULL, |s| s.handle().0);
        let (front, back) = (sockets.frontend.handle().0, sockets.backend.handle().0);
        let rc = match sockets.control {
            None => self.0.zmq_proxy(front, back, raw(sockets.capture)),
            Some(control) => {
                self.0.zmq_proxy_steerable(front, back, raw(sockets.capture), control.handle().0)
            }
        };
        self.0.check(rc).map(|_| ())
    }

    fn library(&self) -> Option<&Library> {
        Some(&self.0)
    }
}

impl ContextBackend for CContext {
    fn socket(&self, kind: i32) -> Result<Box<dyn SocketBackend>> {
        let socket = library().zmq_socket(self.0.0, kind);
        if socket.is_null() {
            return Err(Errno(library().zmq_errno()));
        }
        Ok(Box::new(CSocket(Handle(socket))))
    }

    fn set(&self, option: i32, value: i32) -> Result<()> {
        done(library().zmq_ctx_set(self.0.0, option, value))
    }

    fn option(&self, option: i32) -> Result<i32> {
        match library().zmq_ctx_get(self.0.0, option) {
            -1 => Err(Errno(library().zmq_errno())),
            value => Ok(value),
        }
    }

    fn shutdown(&self) -> Result<()> {
        done(library().zmq_ctx_shutdown(self.0.0))
    }

    fn term(&self) -> Result<()> {
        done(library().zmq_ctx_term(self.0.0))
    }

    fn handle(&self) -> Handle {
        self.0
    }
}

impl SocketBackend for CSocket {
    fn send(&self, body: &[u8], flags: i32) -> Result<usize> {
        library().check(library().zmq_send(self.0.0, body.as_ptr().cast(), body.len(), flags))
    }

    fn recv(&self, flags: i32) -> Result<Frame> {
        let lib = library();
        let mut msg = RawMsg([0; 64]);
        lib.zmq_msg_init(&raw mut msg);
        let received = lib.check(lib.zmq_msg_recv(&raw mut msg, self.0.0, flags));
        let frame = received.map(|size| Frame {
            body: bytes(lib.zmq_msg_data(&raw mut msg), size),
            more: lib.zmq_msg_more(&raw const msg) == 1,
        });
        lib.zmq_msg_close(&raw mut msg);
        frame
    }

    fn set(&self, option: i32, value: &[u8]) -> Result<()> {
        done(library().zmq_setsockopt(self.0.0, option, value.as_ptr().cast(), value.len()))
    }

    fn option(&self, option: i32, buffer: &mut [u8]) -> Result<usize> {
        let mut len = buffer.len();
        done(library().zmq_getsockopt(self.0.0, option, buffer.as_mut_ptr().cast(), &raw mut len))?;
        Ok(len)
    }

    fn bind(&self, endpoint: &str) -> Result<()> {
        done(library().zmq_bind(self.0.0, text(endpoint).as_ptr()))
    }

    fn connect(&self, endpoint: &str) -> Result<()> {
        done(library().zmq_connect(self.0.0, text(endpoint).as_ptr()))
    }

    fn unbind(&self, endpoint: &str) -> Result<()> {
        done(library().zmq_unbind(self.0.0, text(endpoint).as_ptr()))
    }

    fn disconnect(&self, endpoint: &str) -> Result<()> {
        done(library().zmq_disconnect(self.0.0, text(endpoint).as_ptr()))
    }

    fn monitor(&self, endpoint: Option<&str>, events: i32) -> Result<()> {
        let endpoint = endpoint.map(text);
        let pointer = endpoint.as_ref().map_or(std::ptr::null(), |e| e.as_ptr());
        done(library().zmq_socket_monitor(self.0.0, pointer, events))
    }

    fn close(&self) -> Result<()> {
        done(library().zmq_close(self.0.0))
    }

    fn handle(&self) -> Handle {
        self.0
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A copy of `size` bytes at `data`.
pub(crate) fn bytes(data: *mut c_void, size: usize) -> Vec<u8> {
    if size == 0 {
        return Vec::new();
    }
    // SAFETY: `data` and `size` come from one message of the library, alive at the call.
    unsafe { std::slice::from_raw_parts(data.cast::<u8>(), size) }.to_vec()
}
