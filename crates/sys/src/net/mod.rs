//! Connected and listening stream sockets, and datagram sockets.

use crate::syscall::stream_socket;
use std::{
    io,
    os::fd::{FromRawFd, OwnedFd, RawFd},
};

mod address;
mod credentials;
pub mod ipc;
mod listener;
mod stream;
pub mod tcp;
pub mod tipc;
pub mod udp;
pub mod vsock;

pub(crate) use address::SocketAddress;
#[cfg(test)]
pub(crate) use address::ip_text;
pub use credentials::{PeerCredentials, PeerFilter};
pub use listener::{Listener, concerns_connection};
pub use stream::Stream;

/// A connection attempt that the kernel has accepted.
#[derive(Debug)]
pub enum Connecting {
    /// Connected at once (unix sockets, sometimes the loopback).
    Done(Stream),
    /// Connected or failed when the stream becomes writable: then [`Stream::take_error`] tells.
    InProgress(Stream),
}

/// Takes over a descriptor that the application hands in by number (ZMQ_USE_FD).
///
/// Errors: EBADF if it is not open.
pub fn take_over(fd: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: F_GETFD looks up a number and touches no memory.
    if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is open, and by handing in its number the application gave it away: the option's
    // contract is that the library closes it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// False only if the kernel has no stream sockets of the family; a limit that was reached does not count.
fn has_family(family: libc::c_int) -> bool {
    !matches!(stream_socket(family), Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT))
}

#[cfg(test)]
mod testing {
    use super::{Connecting, Listener, Stream};
    use crate::{Interest, PollFd, wait};
    use std::io::{self, IoSlice};
    use std::os::fd::AsRawFd;

    pub(super) fn until(fd: &impl AsRawFd, interest: Interest) {
        wait(&mut [PollFd::new(fd, interest)], None, None).unwrap();
    }

    pub(super) fn accept(listener: &Listener) -> io::Result<Stream> {
        until(listener, Interest::READ);
        let stream = listener.accept()?.expect("the listener was readable");
        listener.set_up(&stream).map(|()| stream)
    }

    /// Waits for the end of a connection attempt.
    pub(super) fn finish(connecting: io::Result<Connecting>) -> io::Result<Stream> {
        match connecting? {
            Connecting::Done(stream) => Ok(stream),
            Connecting::InProgress(stream) => {
                until(&stream, Interest::WRITE);
                stream.take_error()?.map_or(Ok(stream), Err)
            }
        }
    }

    pub(super) fn send(stream: &Stream, bytes: &[u8]) {
        assert_eq!(stream.write(&[IoSlice::new(bytes)]).unwrap(), bytes.len());
    }

    /// Reads exactly `len` bytes, or fewer at the end of the stream.
    pub(super) fn receive(stream: &Stream, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let mut filled = 0;
        while filled < len {
            until(stream, Interest::READ);
            match stream.read_into(&mut bytes[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        bytes.truncate(filled);
        bytes
    }

    pub(super) fn code<T>(result: io::Result<T>) -> Option<i32> {
        result.err().expect("an error").raw_os_error()
    }
}
