//! The errors of the core: one table of errno, name and text.

/// Memory for a body, a segment or a queue block could not be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

/// The result of a core operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! errors {
    ($($variant:ident = $errno:expr, $text:literal;)*) => {
        /// Why an operation failed. Small and `Copy`; errors about an argument carry their text one level up.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Error {
            $(#[doc = $text] $variant,)*
            /// Any other code of the operating system.
            Os(i32),
        }

        impl Error {
            /// Every named error.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The errno that the C library reports, on Linux.
            pub const fn errno(self) -> i32 {
                match self { $(Self::$variant => $errno,)* Self::Os(code) => code }
            }

            /// The error with this errno. Never fails: unknown codes become [`Error::Os`].
            pub const fn from_errno(errno: i32) -> Self {
                $(if errno == $errno { return Self::$variant; })*
                Self::Os(errno)
            }

            /// What happened and what to do about it.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* Self::Os(_) => "an error of the operating system" }
            }
        }
    };
}

/// The number from which libzmq counts its own error codes.
pub const ZMQ_HAUSNUMERO: i32 = 156_384_712;

errors! {
    Again = libc::EAGAIN, "the operation would block, or its timeout has passed";
    Interrupted = libc::EINTR, "a signal interrupted the call, or it was made in a forked child";
    Terminated = ZMQ_HAUSNUMERO + 53, "the context was terminated";
    InvalidState = ZMQ_HAUSNUMERO + 51, "the socket cannot do this in its current state: REQ and REP alternate between send and receive";
    IncompatibleProtocol = ZMQ_HAUSNUMERO + 52, "the transport does not fit the socket type";
    NoThread = ZMQ_HAUSNUMERO + 54, "no I/O thread is available: the context has none, or the affinity excludes all";
    HostUnreachable = libc::EHOSTUNREACH, "no peer with this routing id is connected, or the host cannot be reached";
    NotSupported = libc::ENOTSUP, "the socket type does not support this operation";
    ProtocolNotSupported = libc::EPROTONOSUPPORT, "unknown transport";
    InvalidArgument = libc::EINVAL, "an argument or option value is invalid";
    BadAddress = libc::EFAULT, "a null or dead handle, or a message that is not initialised";
    NotASocket = libc::ENOTSOCK, "the handle is not a live socket";
    OutOfMemory = libc::ENOMEM, "out of memory";
    TooManyFiles = libc::EMFILE, "the limit of sockets or descriptors is reached";
    TooManyFilesInSystem = libc::ENFILE, "the system's limit of descriptors is reached";
    AddressInUse = libc::EADDRINUSE, "the address is already in use";
    AddressNotAvailable = libc::EADDRNOTAVAIL, "the address does not belong to this machine";
    NoSuchDevice = libc::ENODEV, "the host or interface cannot be resolved";
    NotFound = libc::ENOENT, "no such endpoint or path";
    NameTooLong = libc::ENAMETOOLONG, "the path is too long";
    AccessDenied = libc::EACCES, "permission denied";
    NotPermitted = libc::EPERM, "operation not permitted";
    AddressFamilyNotSupported = libc::EAFNOSUPPORT, "the address family is not supported";
    BadDescriptor = libc::EBADF, "not an open descriptor";
    ConnectionRefused = libc::ECONNREFUSED, "the connection was refused";
    ConnectionReset = libc::ECONNRESET, "the connection was reset";
    BrokenPipe = libc::EPIPE, "the peer closed the connection";
    TimedOut = libc::ETIMEDOUT, "the connection timed out";
    MessageTooLong = libc::EMSGSIZE, "the message is too long";
    Protocol = libc::EPROTO, "the peer violated the protocol";
}

impl Error {
    /// The error of an I/O operation.
    pub fn from_io(error: &std::io::Error) -> Self {
        Self::from_errno(error.raw_os_error().unwrap_or(libc::EIO))
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Os(code) => write!(f, "{}", std::io::Error::from_raw_os_error(*code)),
            other => f.write_str(other.text()),
        }
    }
}

impl std::error::Error for Error {}

impl From<OutOfMemory> for Error {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::from_io(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errno_round_trips() {
        for error in Error::ALL {
            assert_eq!(Error::from_errno(error.errno()), *error);
            assert!(!error.to_string().is_empty());
        }
        assert_eq!(Error::from_errno(9999), Error::Os(9999));
        assert_eq!(Error::Os(9999).errno(), 9999);
    }
}
