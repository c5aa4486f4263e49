//! tcp sockets and the options that they get.

use super::Connecting;
use super::address::SocketAddress;
use super::listener::{Listener, bind_and_listen, check_supplied, start_connect};
use super::stream::Stream;
use crate::syscall::{check, set_option, set_option_bytes, stream_socket};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// What is set on a tcp socket; `None` leaves the system's value alone.
///
/// TCP_NODELAY is always on. An option that the kernel refuses is an error of `listen`, `connect` or `accept`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpOptions {
    /// SO_SNDBUF, bytes.
    pub sndbuf: Option<i32>,
    /// SO_RCVBUF, bytes.
    pub rcvbuf: Option<i32>,
    /// SO_KEEPALIVE. While `None` the three values below are not applied.
    pub keepalive: Option<bool>,
    /// TCP_KEEPCNT, probes.
    pub keepalive_cnt: Option<i32>,
    /// TCP_KEEPIDLE, seconds.
    pub keepalive_idle: Option<i32>,
    /// TCP_KEEPINTVL, seconds.
    pub keepalive_intvl: Option<i32>,
    /// TCP_USER_TIMEOUT, milliseconds.
    pub max_rt_ms: Option<i32>,
    /// IP_TOS and IPV6_TCLASS.
    pub tos: Option<i32>,
    /// SO_PRIORITY.
    pub priority: Option<i32>,
    /// SO_BINDTODEVICE, name of an interface.
    pub bind_to_device: Option<String>,
    /// SO_BUSY_POLL, microseconds.
    pub busy_poll: Option<i32>,
    /// Connections that the kernel keeps for a listener until they are accepted.
    pub backlog: i32,
}

impl Default for TcpOptions {
    fn default() -> Self {
        Self {
            sndbuf: None,
            rcvbuf: None,
            keepalive: None,
            keepalive_cnt: None,
            keepalive_idle: None,
            keepalive_intvl: None,
            max_rt_ms: None,
            tos: None,
            priority: None,
            bind_to_device: None,
            busy_poll: None,
            backlog: 100,
        }
    }
}

impl TcpOptions {
    /// What has to be there before bind or connect: it decides family, route and window.
    fn apply_first(&self, fd: BorrowedFd<'_>, family: libc::c_int) -> io::Result<()> {
        if family == libc::AF_INET6 {
            set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 0_i32)?;
        }
        if let Some(device) = &self.bind_to_device {
            set_option_bytes(fd, libc::SOL_SOCKET, libc::SO_BINDTODEVICE, device.as_bytes())?;
        }
        if let Some(bytes) = self.sndbuf {
            set_option(fd, libc::SOL_SOCKET, libc::SO_SNDBUF, bytes)?;
        }
        if let Some(bytes) = self.rcvbuf {
            set_option(fd, libc::SOL_SOCKET, libc::SO_RCVBUF, bytes)?;
        }
        self.apply_traffic_class(fd, family)
    }

    /// What an accepted connection gets on top of what it inherits from its listener.
    pub(super) fn apply_to_accepted(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        self.apply_to_connection(fd)?;
        if self.tos.is_some() || self.priority.is_some() || self.busy_poll.is_some() {
            self.apply_traffic_class(fd, SocketAddress::local(fd)?.family())?;
        }
        Ok(())
    }

    /// What every connection gets, whichever side opened it.
    fn apply_to_connection(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        set_option(fd, libc::IPPROTO_TCP, libc::TCP_NODELAY, 1_i32)?;
        if let Some(milliseconds) = self.max_rt_ms {
            set_option(fd, libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, milliseconds)?;
        }
        self.apply_keepalive(fd)
    }

    fn apply_keepalive(&self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let Some(keepalive) = self.keepalive else { return Ok(()) };
        set_option(fd, libc::SOL_SOCKET, libc::SO_KEEPALIVE, i32::from(keepalive))?;
        let values = [
            (libc::TCP_KEEPCNT, self.keepalive_cnt),
            (libc::TCP_KEEPIDLE, self.keepalive_idle),
            (libc::TCP_KEEPINTVL, self.keepalive_intvl),
        ];
        for (name, value) in values {
            if let Some(value) = value {
                set_option(fd, libc::IPPROTO_TCP, name, value)?;
            }
        }
        Ok(())
    }

    fn apply_traffic_class(&self, fd: BorrowedFd<'_>, family: libc::c_int) -> io::Result<()> {
        if let Some(tos) = self.tos {
            set_option(fd, libc::IPPROTO_IP, libc::IP_TOS, tos)?;
            if family == libc::AF_INET6 {
                set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, tos)?;
            }
        }
        // After the type of service, which changes the priority as well.
        if let Some(priority) = self.priority {
            set_option(fd, libc::SOL_SOCKET, libc::SO_PRIORITY, priority)?;
        }
        if let Some(microseconds) = self.busy_poll {
            set_option(fd, libc::SOL_SOCKET, libc::SO_BUSY_POLL, microseconds)?;
        }
        Ok(())
    }
}

/// Listens on an address; port 0 lets the kernel choose.
///
/// Errors: EADDRINUSE, EADDRNOTAVAIL, EACCES, EMFILE, EAFNOSUPPORT, or that of a refused option.
pub fn listen(address: SocketAddr, options: &TcpOptions) -> io::Result<Listener> {
    let address = SocketAddress::from(address);
    let fd = stream_socket(address.family())?;
    set_option(fd.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 1_i32)?;
    options.apply_first(fd.as_fd(), address.family())?;
    bind_and_listen(fd.as_fd(), &address, options.backlog)?;
    Ok(Listener::tcp(fd, options.clone()))
}

/// Listens on a tcp socket that is listening already, e.g. one inherited from a service manager, and owns it.
///
/// Gives the descriptor back with the error: ENOTSOCK, EINVAL (not listening, or not tcp).
pub fn listen_on(fd: OwnedFd, options: &TcpOptions) -> Result<Listener, (io::Error, OwnedFd)> {
    match check_supplied(&fd, &[libc::AF_INET, libc::AF_INET6]) {
        Ok(()) => Ok(Listener::tcp(fd, options.clone())),
        Err(error) => Err((error, fd)),
    }
}

/// Starts to connect, from `source` if one is given (port 0: any).
///
/// Errors known at once, e.g. ECONNREFUSED on some systems, ENETUNREACH, EADDRNOTAVAIL, EAFNOSUPPORT, EMFILE, EINVAL
/// (families differ), or that of a refused option; all others come from [`Stream::take_error`].
pub fn connect(
    address: SocketAddr,
    source: Option<SocketAddr>,
    options: &TcpOptions,
) -> io::Result<Connecting> {
    let address = SocketAddress::from(address);
    let fd = stream_socket(address.family())?;
    options.apply_first(fd.as_fd(), address.family())?;
    options.apply_to_connection(fd.as_fd())?;
    if let Some(source) = source {
        set_option(fd.as_fd(), libc::SOL_SOCKET, libc::SO_REUSEADDR, 1_i32)?;
        let source = SocketAddress::from(source);
        // SAFETY: pointer and length describe `source`, which outlives the call.
        check(unsafe { libc::bind(fd.as_raw_fd(), source.as_ptr(), source.len()) })?;
    }
    Ok(if start_connect(fd.as_fd(), &address)? {
        Connecting::Done(Stream::new(fd))
    } else {
        Connecting::InProgress(Stream::new(fd))
    })
}

/// False only if the kernel has no IPv6 at all; a limit that was reached does not count.
pub fn is_ipv6_supported() -> bool {
    !matches!(stream_socket(libc::AF_INET6), Err(error) if error.raw_os_error() == Some(libc::EAFNOSUPPORT))
}
