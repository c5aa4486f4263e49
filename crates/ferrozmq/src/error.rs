//! What can go wrong, and the message that could not be sent.

use std::fmt;

use ferrozmq_base as base;
use ferrozmq_runtime::BindError;

/// The result of this crate's functions.
///
/// ```
/// use ferrozmq::{Context, Message, Pull};
///
/// fn task(tasks: &mut Pull) -> ferrozmq::Result<Message> {
///     tasks.recv()
/// }
///
/// fn main() -> ferrozmq::Result<()> {
///     let ctx = Context::new();
///     let mut tasks = ctx.pull().bind("inproc://tasks")?;
///     ctx.push().connect("inproc://tasks")?.send("task")?;
///     assert_eq!(task(&mut tasks)?, "task");
///     Ok(())
/// }
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! errors {
    ($($variant:ident: $doc:literal;)*) => {
        /// Why a call failed. The text says what to do about it.
        ///
        /// ```
        /// use ferrozmq::{Context, Error};
        ///
        /// let mut tasks = Context::new().pull().bind("inproc://tasks")?;
        /// assert_eq!(tasks.try_recv(), Err(Error::Again));
        /// # Ok::<(), ferrozmq::Error>(())
        /// ```
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Error {
            /// An endpoint that could not be bound, connected, unbound or disconnected.
            Endpoint(Box<EndpointError>),
            $(#[doc = $doc] $variant,)*
            /// Any other code of the operating system.
            Os(i32),
        }

        impl Error {
            pub(crate) fn core(&self) -> base::Error {
                match self {
                    Self::Endpoint(e) => e.error,
                    $(Self::$variant => base::Error::$variant,)*
                    Self::Os(code) => base::Error::Os(*code),
                }
            }
        }

        impl From<base::Error> for Error {
            fn from(e: base::Error) -> Self {
                match e {
                    $(base::Error::$variant => Self::$variant,)*
                    other => Self::Os(other.errno()),
                }
            }
        }
    };
}

errors! {
    Again: "The call would have had to wait, or its timeout has passed (EAGAIN).";
    Interrupted: "An [`Interrupt`](crate::Interrupt) is raised, or the process was forked (EINTR).";
    Terminated: "The context was shut down: close the socket (ETERM).";
    InvalidState: "REQ and REP alternate between sending and receiving (EFSM).";
    IncompatibleProtocol: "The transport does not fit the socket type (ENOCOMPATPROTO).";
    NoThread: "The context has no I/O thread that may serve the endpoint (EMTHREAD).";
    HostUnreachable: "No peer with this routing id is connected, or the host cannot be reached (EHOSTUNREACH).";
    NotSupported: "The socket type does not do this (ENOTSUP).";
    ProtocolNotSupported: "An unknown transport (EPROTONOSUPPORT).";
    InvalidArgument: "An argument or an option's value is invalid (EINVAL).";
    BadAddress: "The socket failed within and only can be closed (EFAULT).";
    NotASocket: "The socket is closed (ENOTSOCK).";
    OutOfMemory: "There is no memory for the message (ENOMEM).";
    TooManyFiles: "The limit of sockets or descriptors is reached (EMFILE).";
    TooManyFilesInSystem: "The system's limit of descriptors is reached (ENFILE).";
    AddressInUse: "The address is in use (EADDRINUSE).";
    AddressNotAvailable: "The address is not one of this machine (EADDRNOTAVAIL).";
    NoSuchDevice: "The host or interface cannot be resolved (ENODEV).";
    NotFound: "No such endpoint or path (ENOENT).";
    NameTooLong: "The path is too long (ENAMETOOLONG).";
    AccessDenied: "Permission denied (EACCES).";
    NotPermitted: "Operation not permitted (EPERM).";
    AddressFamilyNotSupported: "The address family is not supported (EAFNOSUPPORT).";
    BadDescriptor: "Not an open descriptor (EBADF).";
    ConnectionRefused: "The connection was refused (ECONNREFUSED).";
    ConnectionReset: "The connection was reset (ECONNRESET).";
    BrokenPipe: "The peer closed the connection (EPIPE).";
    TimedOut: "The connection timed out (ETIMEDOUT).";
    MessageTooLong: "The message is too long (EMSGSIZE).";
    Protocol: "The peer violated the protocol (EPROTO).";
}

impl Error {
    /// The number by which the C library knows the error.
    ///
    /// ```
    /// # use ferrozmq::Error;
    /// assert_eq!(Error::Again.errno(), 11); // EAGAIN on Linux
    /// ```
    pub fn errno(&self) -> i32 {
        self.core().errno()
    }

    pub(crate) fn at_endpoint(endpoint: &str, e: BindError) -> Self {
        match e {
            BindError::Other(e @ (base::Error::Terminated | base::Error::Interrupted)) => e.into(),
            BindError::Other(error) => {
                let reason = error.to_string();
                Self::Endpoint(Box::new(EndpointError { endpoint: endpoint.to_owned(), reason, error }))
            }
            BindError::Endpoint(e) => Self::Endpoint(Box::new(EndpointError {
                endpoint: e.endpoint,
                reason: e.reason.to_owned(),
                error: e.errno,
            })),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint(e) => e.fmt(f),
            Self::Interrupted => {
                f.write_str("interrupted: an interrupt is raised, or the process was forked")
            }
            other => other.core().fmt(f),
        }
    }
}

impl std::error::Error for Error {}

impl From<base::OutOfMemory> for Error {
    fn from(_: base::OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

impl From<std::io::Error> for Error {
    fn from(e: std::io::Error) -> Self {
        base::Error::from_io(&e).into()
    }
}

/// What was wrong with an endpoint.
///
/// ```
/// use ferrozmq::{Context, Error};
///
/// let Err(Error::Endpoint(e)) = Context::new().pull().bind("tcp:/x") else { unreachable!() };
/// assert_eq!(e.endpoint(), "tcp:/x");
/// assert_eq!(e.to_string(), format!("endpoint \"tcp:/x\": {}", e.reason()));
/// assert_eq!(e.error(), Error::InvalidArgument);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointError {
    endpoint: String,
    reason: String,
    error: base::Error,
}

impl EndpointError {
    /// The text of the endpoint.
    ///
    /// See the example of [`EndpointError`].
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What is wrong, without the text of the endpoint.
    ///
    /// See the example of [`EndpointError`].
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The kind of error: [`Error::AddressInUse`], [`Error::InvalidArgument`], …
    ///
    /// See the example of [`EndpointError`].
    pub fn error(&self) -> Error {
        self.error.into()
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "endpoint {:?}: {}", self.endpoint, self.reason)
    }
}

/// The text, since this is what a program prints whose `main` returns the error.
impl fmt::Debug for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for EndpointError {}

/// A message that could not be sent, and why.
///
/// `?` turns it into an [`Error`], which drops the message.
///
/// ```
/// use ferrozmq::{Context, Error};
///
/// let mut tasks = Context::new().push().bind("inproc://tasks")?;
/// let refused = tasks.try_send("task").unwrap_err();          // nobody is connected
/// assert_eq!(refused.error(), Error::Again);
/// assert_eq!(refused.into_message(), "task");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct SendError<M> {
    message: M,
    error: base::Error,
}

impl<M> SendError<M> {
    #[cold]
    pub(crate) fn new(message: M, error: base::Error) -> Self {
        Self { message, error }
    }

    /// Why it could not be sent.
    ///
    /// See the example of [`SendError`].
    pub fn error(&self) -> Error {
        self.error.into()
    }

    /// The message, whole.
    ///
    /// See the example of [`SendError`].
    pub fn into_message(self) -> M {
        self.message
    }
}

impl<M> fmt::Display for SendError<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error().fmt(f)
    }
}

impl<M: fmt::Debug> std::error::Error for SendError<M> {}

impl<M> From<SendError<M>> for Error {
    fn from(e: SendError<M>) -> Self {
        e.error()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_of_the_core_has_its_own_variant() {
        for error in base::Error::ALL {
            let ours = Error::from(*error);
            assert!(!matches!(ours, Error::Os(_)), "{error:?}");
            assert_eq!((ours.core(), ours.errno()), (*error, error.errno()));
            assert!(!ours.to_string().is_empty());
        }
        assert_eq!(Error::from(base::Error::Os(9999)), Error::Os(9999));
    }
}
