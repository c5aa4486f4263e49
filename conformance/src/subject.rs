//! What the tests need from an implementation, and the choice of the one that is tested.

use std::any::Any;
use std::fmt;
use std::path::PathBuf;
use std::sync::OnceLock;

use crate::c_api::{Handle, Library};
use crate::c_subject::CSubject;
use crate::rust_subject::RustSubject;
use crate::zmq;

/// An error number as `zmq_errno` gives it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(pub i32);

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match zmq::ERRNO_NAMES.iter().find(|(number, _)| *number == self.0) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

/// Result of a call on the subject.
pub type Result<T> = std::result::Result<T, Errno>;

/// One frame of a message as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The bytes.
    pub body: Vec<u8>,
    /// More frames of the same message follow.
    pub more: bool,
}

/// An implementation of ZeroMQ.
pub trait Subject: Sync + Send {
    /// A new context.
    fn context(&self) -> Box<dyn ContextBackend>;
    /// Waits until one of the items is ready: (socket, fd, events) in, revents out; the timeout is in milliseconds.
    fn poll(&self, items: &mut [BackendPollItem<'_>], timeout: i64) -> Result<usize>;
    /// Runs a proxy until it ends; `Ok` after TERMINATE.
    fn proxy(&self, sockets: ProxySockets<'_>) -> Result<()>;
    /// The C library behind it, if there is one.
    fn library(&self) -> Option<&Library>;
}

/// What [`Subject::poll`] looks at.
pub struct BackendPollItem<'a> {
    /// The socket, or none for a file descriptor.
    pub socket: Option<&'a dyn SocketBackend>,
    /// The file descriptor if there is no socket.
    pub fd: i32,
    /// Events asked for.
    pub events: i16,
    /// Events found.
    pub revents: i16,
}

/// The sockets of a proxy.
pub struct ProxySockets<'a> {
    /// Clients' side.
    pub frontend: &'a dyn SocketBackend,
    /// Servers' side.
    pub backend: &'a dyn SocketBackend,
    /// Gets a copy of everything.
    pub capture: Option<&'a dyn SocketBackend>,
    /// Takes the commands PAUSE, RESUME, TERMINATE, STATISTICS.
    pub control: Option<&'a dyn SocketBackend>,
}

/// A context of the subject.
pub trait ContextBackend: Send + Sync {
    /// A new socket of the given type number.
    fn socket(&self, kind: i32) -> Result<Box<dyn SocketBackend>>;
    /// `zmq_ctx_set`.
    fn set(&self, option: i32, value: i32) -> Result<()>;
    /// `zmq_ctx_get`.
    fn option(&self, option: i32) -> Result<i32>;
    /// `zmq_ctx_shutdown`.
    fn shutdown(&self) -> Result<()>;
    /// `zmq_ctx_term`; the context may not be used after `Ok`.
    fn term(&self) -> Result<()>;
    /// The C handle; null if the subject is not a C library.
    fn handle(&self) -> Handle;
}

/// A socket of the subject; closed by [`close`](Self::close) only.
pub trait SocketBackend: Send {
    /// Sends one frame; the number of bytes.
    fn send(&self, body: &[u8], flags: i32) -> Result<usize>;
    /// Receives one frame.
    fn recv(&self, flags: i32) -> Result<Frame>;
    /// Sets an option from its bytes.
    fn set(&self, option: i32, value: &[u8]) -> Result<()>;
    /// Reads an option into the buffer; the length afterwards.
    fn option(&self, option: i32, buffer: &mut [u8]) -> Result<usize>;
    /// Binds to an endpoint.
    fn bind(&self, endpoint: &str) -> Result<()>;
    /// Connects to an endpoint.
    fn connect(&self, endpoint: &str) -> Result<()>;
    /// Removes a bound endpoint.
    fn unbind(&self, endpoint: &str) -> Result<()>;
    /// Removes a connected endpoint.
    fn disconnect(&self, endpoint: &str) -> Result<()>;
    /// Starts (at an inproc endpoint) or stops the monitor.
    fn monitor(&self, endpoint: Option<&str>, events: i32) -> Result<()>;
    /// Closes the socket.
    fn close(&self) -> Result<()>;
    /// The C handle; null if the subject is not a C library.
    fn handle(&self) -> Handle;
    /// Itself, for the subject that made it.
    fn as_any(&self) -> &dyn Any;
}

/// The subject of this run.
///
/// # Panics
/// If it cannot be loaded, naming what was looked for.
pub fn subject() -> &'static dyn Subject {
    static SUBJECT: OnceLock<Box<dyn Subject>> = OnceLock::new();
    &**SUBJECT.get_or_init(|| {
        if is_rust() {
            return Box::new(RustSubject);
        }
        let path = library_path();
        let library = Library::load(&path).unwrap_or_else(|e| panic!("cannot load {}: {e}", path.display()));
        Box::new(CSubject(library))
    })
}

/// Whether the subject is the system's libzmq, whose documented differences then apply.
pub fn is_system() -> bool {
    std::env::var_os("FERROZMQ_SUBJECT").is_some_and(|subject| subject == "system")
}

fn is_rust() -> bool {
    std::env::var_os("FERROZMQ_SUBJECT").is_some_and(|subject| subject == "rust")
}

pub(crate) fn library_path() -> PathBuf {
    match std::env::var_os("FERROZMQ_SUBJECT") {
        Some(subject) if subject == "system" => return PathBuf::from("libzmq.so.5"),
        Some(path) if !path.is_empty() => return PathBuf::from(path),
        _ => {}
    }
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target")), PathBuf::from);
    let path = target.join("release/libzmq.so");
    assert!(
        path.exists(),
        "no subject: {} does not exist; build it, or set FERROZMQ_SUBJECT to `rust`, `system` or a library's path",
        path.display()
    );
    path
}

/// The C library of the subject; ends the test, as passed, if the subject is not a C library.
#[macro_export]
macro_rules! c_library {
    () => {
        match $crate::subject().library() {
            Some(library) => library,
            None => {
                eprintln!("skipped: it is about the functions of C");
                return;
            }
        }
    };
}

/// The draft functions of the subject; ends the test, as passed, if the subject is the system's library, which may have
/// been built without them, or no C library.
#[macro_export]
macro_rules! drafts {
    () => {
        match $crate::c_library!().drafts() {
            Some(drafts) => drafts,
            None if $crate::is_system() => {
                eprintln!("skipped: the system's libzmq has no draft functions");
                return;
            }
            None => panic!("the library lacks functions of the draft API"),
        }
    };
}

/// Ends the test, as passed, on the system's libzmq, which aborts, crashes or hangs in it, or of which it is not asked.
#[macro_export]
macro_rules! ours_only {
    ($why:literal) => {
        if $crate::is_system() {
            eprintln!("skipped on the system's libzmq: {}", $why);
            return;
        }
    };
}
