//! What is measured must offer this: contexts and sockets, with the calls that the measured loops make.
//!
//! The loops are generic over it, so every subject runs the same code with its own calls inlined.

use std::error::Error;
use std::fmt;

use crate::stamp::Stamp;

/// Why a measurement failed.
#[derive(Debug, Clone)]
pub(crate) struct Fault(String);

impl Fault {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Fault {}

impl From<std::io::Error> for Fault {
    fn from(e: std::io::Error) -> Self {
        Self(e.to_string())
    }
}

/// Result of a step of a measurement.
pub(crate) type Result<T> = std::result::Result<T, Fault>;

/// The socket types that the rows use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Pair,
    Req,
    Rep,
    Push,
    Pull,
    Sub,
    /// An XPUB that reports every subscription and waits when a subscriber's queue is full.
    PatientPub,
}

/// How a socket's connections are secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// Not at all.
    None,
    /// CURVE, for the side that binds: it lets in everybody who knows its key.
    CurveServer,
    /// CURVE, for the side that connects.
    CurveClient,
}

/// The pair of keys of the server, as text: that of RFC 26.
pub(crate) const SERVER_KEYS: [&str; 2] =
    ["rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"];
/// Those of the client.
pub(crate) const CLIENT_KEYS: [&str; 2] =
    ["Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"];

/// An implementation of ZeroMQ.
pub(crate) trait Subject: Sync {
    /// Terminates on drop, after all messages have been sent.
    type Context: Sync;
    /// Closes on drop.
    type Socket: Socket;
    /// Waits for several sockets.
    type Poller;

    fn context(&self) -> Result<Self::Context>;

    /// A socket with both high-water marks at 1000; a [`Kind::Sub`] subscribes to everything.
    fn socket(&self, context: &Self::Context, kind: Kind, security: Security) -> Result<Self::Socket>;

    /// What waits for a message on any of the sockets.
    fn poller(&self, sockets: &[Self::Socket]) -> Result<Self::Poller>;

    /// Looks once, without waiting; how many sockets have a message.
    fn poll(&self, poller: &mut Self::Poller) -> Result<usize>;
}

/// A socket of a [`Subject`]. The calls wait as long as it takes.
pub(crate) trait Socket: Send {
    /// Binds and returns the endpoint with its port.
    fn bind(&mut self, endpoint: &str) -> Result<String>;

    fn connect(&mut self, endpoint: &str) -> Result<()>;

    /// Makes a message object of `size` bytes, stamps and sends it.
    fn send_object(&mut self, size: usize, stamp: Stamp) -> Result<()>;

    /// Receives a message object, looks at its body and closes it.
    fn recv_object<T>(&mut self, look: impl FnOnce(&[u8]) -> T) -> Result<T>;

    /// Sends a copy of the buffer.
    fn send_buffer(&mut self, body: &[u8]) -> Result<()>;

    /// Receives into the buffer; the size of the message.
    fn recv_buffer(&mut self, buffer: &mut [u8]) -> Result<usize>;
}
