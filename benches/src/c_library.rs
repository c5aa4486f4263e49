//! A libzmq, ours or the system's, loaded at run time: both are called through the same table of functions.

use std::ffi::{CString, c_int};
use std::mem::MaybeUninit;
use std::slice;

use conformance::Errno;
use conformance::c_api::{Handle, Library, RawMsg, RawPollItem};
use conformance::zmq;

use crate::stamp::Stamp;
use crate::subject::{CLIENT_KEYS, Fault, Kind, Result, SERVER_KEYS, Security, Socket, Subject};

/// A loaded library.
pub(crate) struct CLibrary(&'static Library);

impl CLibrary {
    /// Loads it for the rest of the process's life.
    pub(crate) fn load(path: &str) -> Result<Self> {
        let library = Library::load(path).map_err(|e| Fault::new(format!("{path}: {e}")))?;
        Ok(Self(Box::leak(Box::new(library))))
    }

    /// Its version as it tells it.
    pub(crate) fn version(&self) -> String {
        let (mut major, mut minor, mut patch) = (0, 0, 0);
        self.0.zmq_version(&raw mut major, &raw mut minor, &raw mut patch);
        format!("{major}.{minor}.{patch}")
    }
}

pub(crate) struct Context(&'static Library, Handle);

/// A socket, and the message that is received into.
pub(crate) struct CSocket(&'static Library, Handle, RawMsg);

impl Drop for Context {
    fn drop(&mut self) {
        self.0.zmq_ctx_term(self.1.0);
    }
}

impl Drop for CSocket {
    fn drop(&mut self) {
        self.0.zmq_msg_close(&raw mut self.2);
        self.0.zmq_close(self.1.0);
    }
}

impl Subject for CLibrary {
    type Context = Context;
    type Socket = CSocket;
    type Poller = Vec<RawPollItem>;

    fn context(&self) -> Result<Context> {
        Ok(Context(self.0, opaque(self.0, "zmq_ctx_new", self.0.zmq_ctx_new())?))
    }

    fn socket(&self, context: &Context, kind: Kind, security: Security) -> Result<CSocket> {
        let number = match kind {
            Kind::Pair => zmq::PAIR,
            Kind::Req => zmq::REQ,
            Kind::Rep => zmq::REP,
            Kind::Push => zmq::PUSH,
            Kind::Pull => zmq::PULL,
            Kind::Sub => zmq::SUB,
            Kind::PatientPub => zmq::XPUB,
        };
        let socket = opaque(self.0, "zmq_socket", self.0.zmq_socket(context.1.0, number))?;
        let mut socket = CSocket(self.0, socket, RawMsg([0; 64]));
        self.0.zmq_msg_init(&raw mut socket.2);
        socket.set(zmq::SNDHWM, &1000_i32.to_ne_bytes())?;
        socket.set(zmq::RCVHWM, &1000_i32.to_ne_bytes())?;
        match kind {
            Kind::Sub => socket.set(zmq::SUBSCRIBE, &[])?,
            Kind::PatientPub => {
                socket.set(zmq::XPUB_VERBOSE, &1_i32.to_ne_bytes())?;
                socket.set(zmq::XPUB_NODROP, &1_i32.to_ne_bytes())?;
            }
            _ => {}
        }
        socket.secure(security)?;
        Ok(socket)
    }

    fn poller(&self, sockets: &[CSocket]) -> Result<Vec<RawPollItem>> {
        let events = zmq::POLLIN as i16;
        Ok(sockets.iter().map(|s| RawPollItem { socket: s.1.0, fd: 0, events, revents: 0 }).collect())
    }

    #[inline]
    fn poll(&self, poller: &mut Vec<RawPollItem>) -> Result<usize> {
        match self.0.zmq_poll(poller.as_mut_ptr(), poller.len() as c_int, 0) {
            -1 => Err(failed(self.0, "zmq_poll")),
            ready => Ok(ready as usize),
        }
    }
}

impl CSocket {
    fn set(&self, option: c_int, value: &[u8]) -> Result<()> {
        let rc = self.0.zmq_setsockopt(self.1.0, option, value.as_ptr().cast(), value.len());
        self.done("zmq_setsockopt", rc).map(|_| ())
    }

    fn secure(&self, security: Security) -> Result<()> {
        let [server_public, server_secret] = SERVER_KEYS;
        let [public, secret] = CLIENT_KEYS;
        match security {
            Security::None => Ok(()),
            Security::CurveServer => {
                self.set(zmq::CURVE_SERVER, &1_i32.to_ne_bytes())?;
                self.set(zmq::CURVE_SECRETKEY, server_secret.as_bytes())
            }
            Security::CurveClient => {
                self.set(zmq::CURVE_SERVERKEY, server_public.as_bytes())?;
                self.set(zmq::CURVE_PUBLICKEY, public.as_bytes())?;
                self.set(zmq::CURVE_SECRETKEY, secret.as_bytes())
            }
        }
    }

    #[inline]
    fn done(&self, call: &str, rc: c_int) -> Result<usize> {
        if rc < 0 { Err(failed(self.0, call)) } else { Ok(rc as usize) }
    }

    fn last_endpoint(&self) -> Result<String> {
        let mut text = vec![0; 512];
        let mut len = text.len();
        let rc = self.0.zmq_getsockopt(self.1.0, zmq::LAST_ENDPOINT, text.as_mut_ptr().cast(), &raw mut len);
        self.done("zmq_getsockopt", rc)?;
        text.truncate(len.saturating_sub(1));
        String::from_utf8(text).map_err(|e| Fault::new(e.to_string()))
    }
}

impl Socket for CSocket {
    fn bind(&mut self, endpoint: &str) -> Result<String> {
        self.done("zmq_bind", self.0.zmq_bind(self.1.0, text(endpoint)?.as_ptr()))?;
        self.last_endpoint()
    }

    fn connect(&mut self, endpoint: &str) -> Result<()> {
        self.done("zmq_connect", self.0.zmq_connect(self.1.0, text(endpoint)?.as_ptr())).map(|_| ())
    }

    #[inline]
    fn send_object(&mut self, size: usize, stamp: Stamp) -> Result<()> {
        let mut msg = MaybeUninit::uninit();
        let msg: *mut RawMsg = msg.as_mut_ptr();
        self.done("zmq_msg_init_size", self.0.zmq_msg_init_size(msg, size))?;
        let data = self.0.zmq_msg_data(msg).cast::<u8>();
        // SAFETY: the message owns `size` bytes at `data` until it is sent. Its allocator is foreign code, so to this
        // program the bytes are memory like any other; they are only written here.
        stamp.write(unsafe { slice::from_raw_parts_mut(data, size) });
        self.done("zmq_msg_send", self.0.zmq_msg_send(msg, self.1.0, 0)).map(|_| ())
    }

    #[inline]
    fn recv_object<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let msg = &raw mut self.2;
        let size = self.done("zmq_msg_recv", self.0.zmq_msg_recv(msg, self.1.0, 0))?;
        let data = self.0.zmq_msg_data(msg).cast::<u8>();
        // SAFETY: the message owns `size` bytes at `data` until the next one takes its place.
        Ok(look(unsafe { slice::from_raw_parts(data, size) }))
    }

    #[inline]
    fn send_buffer(&mut self, body: &[u8]) -> Result<()> {
        let rc = self.0.zmq_send(self.1.0, body.as_ptr().cast(), body.len(), 0);
        self.done("zmq_send", rc).map(|_| ())
    }

    #[inline]
    fn recv_buffer(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let rc = self.0.zmq_recv(self.1.0, buffer.as_mut_ptr().cast(), buffer.len(), 0);
        self.done("zmq_recv", rc)
    }
}

fn opaque(library: &Library, call: &str, pointer: *mut std::ffi::c_void) -> Result<Handle> {
    if pointer.is_null() { Err(failed(library, call)) } else { Ok(Handle(pointer)) }
}

#[cold]
fn failed(library: &Library, call: &str) -> Fault {
    Fault::new(format!("{call}: {:?}", Errno(library.zmq_errno())))
}

fn text(endpoint: &str) -> Result<CString> {
    CString::new(endpoint).map_err(|e| Fault::new(e.to_string()))
}
