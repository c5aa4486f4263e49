//! tcp sockets and the options that they get.

use super::Connecting;
use super::address::SocketAddress;
use super::listener::{Listener, bind_and_listen, check_supplied, start_connect};
use super::stream::Stream;
use crate::syscall::{check, errno, set_option, set_option_bytes, stream_socket};
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
    /// What has to be there before bind or connect: it decides family, route and window. Nothing of it is about tcp.
    pub(super) fn apply_first(&self, fd: BorrowedFd<'_>, family: libc::c_int) -> io::Result<()> {
        if family == libc::AF_INET6 {
            set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 0_i32)?;
        }
        if let Some(device) = &self.bind_to_device {
            // The kernel would cut a longer name and take another device.
            if device.len() >= libc::IF_NAMESIZE || device.contains('\0') {
                return Err(errno(libc::ENODEV));
            }
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

/// Whether the kernel has IPv6 and does not deny it to this process; a limit that was reached does not count.
pub fn is_ipv6_supported() -> bool {
    super::has_family(libc::AF_INET6)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accept, code, finish, receive, send};
    use super::*;
    use crate::syscall::int_option;

    const LOOPBACK: &str = "127.0.0.1:0";

    fn listener(options: &TcpOptions) -> Listener {
        listen(LOOPBACK.parse().unwrap(), options).unwrap()
    }

    /// At an address that no other test uses, so that nobody takes the port when it is free again.
    fn listener_of_its_own(address: &str) -> Listener {
        listen(address.parse().unwrap(), &TcpOptions::default()).unwrap()
    }

    fn address(listener: &Listener) -> SocketAddr {
        listener.local_endpoint().strip_prefix("tcp://").unwrap().parse().unwrap()
    }

    fn pair() -> (Stream, Stream) {
        let listener = listener(&TcpOptions::default());
        let client = finish(connect(address(&listener), None, &TcpOptions::default())).unwrap();
        (client, accept(&listener).unwrap())
    }

    #[test]
    fn both_sides_connect_and_name_each_other() {
        let listener = listener(&TcpOptions::default());
        assert!(listener.accept().unwrap().is_none());
        let client = finish(connect(address(&listener), None, &TcpOptions::default())).unwrap();
        let server = accept(&listener).unwrap();
        send(&client, b"hello");
        assert_eq!(receive(&server, 5), b"hello");
        assert_eq!(client.remote_endpoint(), listener.local_endpoint());
        assert_eq!(client.remote_endpoint(), server.local_endpoint());
        assert_eq!(client.local_endpoint(), server.remote_endpoint());
        assert_eq!((client.peer_address(), server.peer_address()), ("127.0.0.1".into(), "127.0.0.1".into()));
        assert!(!client.is_self_connected());
        assert_eq!(code(client.peer_credentials()), Some(libc::EINVAL));
        client.shutdown_write().unwrap();
        assert_eq!(receive(&server, 1), b"");
        send(&server, b"still open");
        assert_eq!(receive(&client, 10), b"still open");
    }

    #[test]
    fn options_are_set_on_both_sides() {
        let options = TcpOptions {
            sndbuf: Some(30_000),
            rcvbuf: Some(40_000),
            keepalive: Some(true),
            keepalive_cnt: Some(7),
            keepalive_idle: Some(70),
            keepalive_intvl: Some(17),
            max_rt_ms: Some(5_000),
            tos: Some(0x28),
            priority: Some(3),
            bind_to_device: Some("lo".into()),
            ..TcpOptions::default()
        };
        let listener = listener(&options);
        let client = finish(connect(address(&listener), None, &options)).unwrap();
        let server = accept(&listener).unwrap();
        for stream in [client, server] {
            let value = |level, name| int_option(stream.as_fd(), level, name).unwrap();
            assert_ne!(value(libc::IPPROTO_TCP, libc::TCP_NODELAY), 0);
            // The kernel doubles the sizes for its own bookkeeping.
            assert_eq!(value(libc::SOL_SOCKET, libc::SO_SNDBUF), 60_000);
            assert_eq!(value(libc::SOL_SOCKET, libc::SO_RCVBUF), 80_000);
            assert_eq!(value(libc::SOL_SOCKET, libc::SO_KEEPALIVE), 1);
            assert_eq!(value(libc::IPPROTO_TCP, libc::TCP_KEEPCNT), 7);
            assert_eq!(value(libc::IPPROTO_TCP, libc::TCP_KEEPIDLE), 70);
            assert_eq!(value(libc::IPPROTO_TCP, libc::TCP_KEEPINTVL), 17);
            assert_eq!(value(libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT), 5_000);
            assert_eq!(value(libc::IPPROTO_IP, libc::IP_TOS), 0x28);
            assert_eq!(value(libc::SOL_SOCKET, libc::SO_PRIORITY), 3);
            // SAFETY: integers only.
            let (status, descriptor) = unsafe {
                (
                    libc::fcntl(stream.as_raw_fd(), libc::F_GETFL),
                    libc::fcntl(stream.as_raw_fd(), libc::F_GETFD),
                )
            };
            assert!(status & libc::O_NONBLOCK != 0 && descriptor & libc::FD_CLOEXEC != 0);
        }
        let (client, _server) = pair();
        assert_ne!(int_option(client.as_fd(), libc::IPPROTO_TCP, libc::TCP_NODELAY).unwrap(), 0);
        assert_eq!(int_option(client.as_fd(), libc::SOL_SOCKET, libc::SO_KEEPALIVE).unwrap(), 0);
    }

    #[test]
    fn a_refused_option_is_an_error() {
        let no_device = TcpOptions { bind_to_device: Some("no-such-nic".into()), ..TcpOptions::default() };
        let long_name =
            TcpOptions { bind_to_device: Some(format!("lo{}", "\0".repeat(20))), ..TcpOptions::default() };
        let bad_probes =
            TcpOptions { keepalive: Some(true), keepalive_cnt: Some(-5), ..TcpOptions::default() };
        let to = LOOPBACK.parse().unwrap();
        assert_eq!(code(listen(to, &no_device)), Some(libc::ENODEV));
        assert_eq!(code(listen(to, &long_name)), Some(libc::ENODEV));
        assert_eq!(code(connect(to, None, &no_device)), Some(libc::ENODEV));
        assert_eq!(code(connect(to, None, &bad_probes)), Some(libc::EINVAL));
        // On an accepted connection it costs that connection only.
        let listener = listener(&bad_probes);
        for _ in 0..2 {
            let client = finish(connect(address(&listener), None, &TcpOptions::default())).unwrap();
            assert_eq!(code(accept(&listener)), Some(libc::EINVAL));
            assert_eq!(receive(&client, 1), b"", "the connection was closed");
            assert!(listener.accept().unwrap().is_none());
        }
    }

    #[test]
    fn nobody_listening_is_refused() {
        let listener = listener_of_its_own("127.0.5.6:0");
        let free = address(&listener);
        assert_eq!(code(listen(free, &TcpOptions::default())), Some(libc::EADDRINUSE));
        drop(listener);
        assert_eq!(code(finish(connect(free, None, &TcpOptions::default()))), Some(libc::ECONNREFUSED));
        // The port can be used again at once.
        listen(free, &TcpOptions::default()).unwrap();
    }

    #[test]
    fn connects_from_the_given_source() {
        let listener = listener(&TcpOptions::default());
        let source: SocketAddr = "127.0.0.2:0".parse().unwrap();
        let client = finish(connect(address(&listener), Some(source), &TcpOptions::default())).unwrap();
        assert_eq!(client.local_address().unwrap().ip(), source.ip());
        assert_eq!(accept(&listener).unwrap().peer_address(), "127.0.0.2");
        let foreign = Some("192.0.2.77:0".parse().unwrap());
        let error = code(connect(address(&listener), foreign, &TcpOptions::default()));
        assert_eq!(error, Some(libc::EADDRNOTAVAIL));
    }

    #[test]
    fn a_connection_to_itself_is_noticed() {
        let listener = listener_of_its_own("127.0.5.7:0");
        let own = address(&listener);
        drop(listener);
        let stream = finish(connect(own, Some(own), &TcpOptions::default())).unwrap();
        assert!(stream.is_self_connected());
    }

    #[test]
    fn an_ipv6_listener_takes_ipv4_as_well() {
        let any = "[::]:0".parse().unwrap();
        if !is_ipv6_supported() {
            let why = code(stream_socket(libc::AF_INET6));
            assert_eq!(code(listen(any, &TcpOptions::default())), why);
            return;
        }
        let options = TcpOptions { tos: Some(0x28), ..TcpOptions::default() };
        let listener = listen(any, &options).unwrap();
        let port = address(&listener).port();
        assert_eq!(listener.local_endpoint(), format!("tcp://[::]:{port}"));
        let mapped = SocketAddr::new("::ffff:127.0.0.1".parse().unwrap(), port);
        let plain = SocketAddr::new("127.0.0.1".parse().unwrap(), port);
        for target in [mapped, plain] {
            let client = finish(connect(target, None, &options)).unwrap();
            assert_eq!(client.peer_address(), target.ip().to_string());
            let server = accept(&listener).unwrap();
            assert_eq!(server.peer_address(), "::ffff:127.0.0.1");
            assert_eq!(server.local_endpoint(), format!("tcp://[::ffff:127.0.0.1]:{port}"));
            assert_eq!(int_option(server.as_fd(), libc::IPPROTO_IPV6, libc::IPV6_TCLASS).unwrap(), 0x28);
        }
    }

    #[test]
    fn a_supplied_descriptor_must_listen_for_tcp() {
        let supplied = std::net::TcpListener::bind(LOOPBACK).unwrap();
        let to = supplied.local_addr().unwrap();
        let listener = listen_on(supplied.into(), &TcpOptions::default()).unwrap();
        assert_eq!(listener.local_endpoint(), format!("tcp://{to}"));
        assert!(listener.accept().unwrap().is_none(), "it was made non-blocking");
        let client = finish(connect(to, None, &TcpOptions::default())).unwrap();
        send(&client, b"x");
        assert_eq!(receive(&accept(&listener).unwrap(), 1), b"x");

        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let not_listening = stream_socket(libc::AF_INET).unwrap();
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        for (fd, expected) in
            [(OwnedFd::from(one), libc::EINVAL), (not_listening, libc::EINVAL), (file.into(), libc::ENOTSOCK)]
        {
            let (error, _fd) = listen_on(fd, &TcpOptions::default()).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(expected));
        }
    }
}
