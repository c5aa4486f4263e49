//! A listening socket.

use super::address::SocketAddress;
use super::ipc::OwnedDirectory;
use super::stream::Stream;
use super::tcp::TcpOptions;
use crate::syscall::{check, errno, int_option, make_nonblocking_cloexec, own, retry};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr;

/// A listening stream socket of any family: non-blocking, close-on-exec.
///
/// Dropping closes it; the file of an ipc listener stays unless it was a wildcard's.
#[derive(Debug)]
pub struct Listener {
    fd: OwnedFd,
    /// What accepted connections get; `None` on other transports.
    tcp: Option<TcpOptions>,
    /// Removed after `fd` is closed.
    directory: Option<OwnedDirectory>,
}

impl Listener {
    pub(super) fn tcp(fd: OwnedFd, options: TcpOptions) -> Self {
        Self { fd, tcp: Some(options), directory: None }
    }

    /// A listener whose connections get no options.
    pub(super) fn plain(fd: OwnedFd) -> Self {
        Self { fd, tcp: None, directory: None }
    }

    /// A listener whose file is in a directory of its own.
    pub(super) fn ipc(fd: OwnedFd, directory: OwnedDirectory) -> Self {
        Self { fd, tcp: None, directory: Some(directory) }
    }

    /// Takes the next connection, `None` if there is none. It has no options yet: see [`Listener::set_up`].
    ///
    /// No error ends the listener. After one that [concerns a connection](concerns_connection) the next may be there. After
    /// any other, for want of descriptors or memory or because somebody has shut the socket down, the listener stays
    /// readable: pause before the next call.
    pub fn accept(&self) -> io::Result<Option<Stream>> {
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        let accepted = retry(|| {
            // SAFETY: null pointers mean that the peer's address is not wanted.
            check(unsafe { libc::accept4(self.as_raw_fd(), ptr::null_mut(), ptr::null_mut(), flags) })
        });
        match accepted {
            // SAFETY: a new descriptor that nobody owns yet.
            Ok(fd) => Ok(Some(Stream::new(unsafe { own(fd) }))),
            // A unix socket that is shut down stays readable, and has nothing.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if self.is_shut_down() {
                    Err(errno(libc::EINVAL))
                } else {
                    Ok(None)
                }
            }
            Err(error) => Err(error),
        }
    }

    fn is_shut_down(&self) -> bool {
        let mut fd = libc::pollfd { fd: self.as_raw_fd(), events: libc::POLLRDHUP, revents: 0 };
        // SAFETY: `fd` is valid for the call, which does not wait.
        unsafe { libc::poll(&raw mut fd, 1, 0) == 1 && fd.revents & libc::POLLRDHUP != 0 }
    }

    /// Gives a connection that was accepted its options. An error is that of one that the kernel refuses.
    pub fn set_up(&self, stream: &Stream) -> io::Result<()> {
        self.tcp.as_ref().map_or(Ok(()), |options| options.apply_to_accepted(stream.as_fd()))
    }

    /// Closes it. The error is that of removing the file and directory of an ipc wildcard.
    pub fn close(self) -> io::Result<()> {
        drop(self.fd);
        self.directory.map_or(Ok(()), OwnedDirectory::remove)
    }

    /// Where it listens: `tcp://ip:port` with the port the kernel chose, `ipc://path` or `ipc://@name`,
    /// `vsock://cid:port`, `tipc://<z.c.n:ref>`.
    pub fn local_endpoint(&self) -> String {
        SocketAddress::local(self.as_fd()).map_or_else(|_| String::new(), |address| address.endpoint())
    }
}

/// Whether an error of [`Listener::accept`] is that of one connection, which is gone with it (accept(2)).
pub fn concerns_connection(error: &io::Error) -> bool {
    let of_connection = [libc::ECONNABORTED, libc::EPROTO, libc::EPERM];
    // What the network has to say of it.
    let of_network = [
        libc::ENETDOWN,
        libc::ENETUNREACH,
        libc::EHOSTDOWN,
        libc::EHOSTUNREACH,
        libc::ENOPROTOOPT,
        libc::EOPNOTSUPP,
        libc::ETIMEDOUT,
    ];
    error.raw_os_error().is_some_and(|code| of_connection.contains(&code) || of_network.contains(&code))
}

/// Checks a descriptor that the application gave to listen on, and makes it non-blocking and close-on-exec.
///
/// EBADF, ENOTSOCK, or EINVAL if it does not listen or is of another family.
pub(super) fn check_supplied(fd: &OwnedFd, families: &[libc::c_int]) -> io::Result<()> {
    let family = SocketAddress::local(fd.as_fd())?.family();
    let listens = int_option(fd.as_fd(), libc::SOL_SOCKET, libc::SO_ACCEPTCONN)? != 0;
    let kind = int_option(fd.as_fd(), libc::SOL_SOCKET, libc::SO_TYPE)?;
    if !listens || kind != libc::SOCK_STREAM || !families.contains(&family) {
        return Err(errno(libc::EINVAL));
    }
    make_nonblocking_cloexec(fd.as_fd())
}

/// Binds and listens.
pub(super) fn bind_and_listen(fd: BorrowedFd<'_>, address: &SocketAddress, backlog: i32) -> io::Result<()> {
    // SAFETY: pointer and length describe `address`, which outlives the call.
    unsafe {
        check(libc::bind(fd.as_raw_fd(), address.as_ptr(), address.len()))?;
        check(libc::listen(fd.as_raw_fd(), backlog))?;
    }
    Ok(())
}

/// Starts to connect; true when it is done already.
pub(super) fn start_connect(fd: BorrowedFd<'_>, address: &SocketAddress) -> io::Result<bool> {
    // SAFETY: pointer and length describe `address`, which outlives the call.
    match check(unsafe { libc::connect(fd.as_raw_fd(), address.as_ptr(), address.len()) }) {
        Ok(_) => Ok(true),
        // An interrupted connect goes on in the background, like one in progress.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EINPROGRESS | libc::EINTR)) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
impl Listener {
    /// The descriptor alone.
    pub(super) fn into_fd(self) -> OwnedFd {
        self.fd
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}
