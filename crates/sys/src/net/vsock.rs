//! vsock stream sockets: between a virtual machine and its host, by context id and port (vsock(7)).

use super::Connecting;
use super::address::SocketAddress;
use super::listener::{Listener, bind_and_listen, check_supplied, start_connect};
use super::stream::Stream;
use crate::syscall::stream_socket;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Bind only: every context id of this machine, or a port that the kernel chooses.
pub const ANY: u32 = libc::VMADDR_CID_ANY;

/// Listens on a port of a context id; each may be [`ANY`].
///
/// Errors: EADDRINUSE, EADDRNOTAVAIL (not a context id of this machine), EACCES (a port below 1,024), EMFILE, EAFNOSUPPORT.
pub fn listen(cid: u32, port: u32, backlog: i32) -> io::Result<Listener> {
    let fd = stream_socket(libc::AF_VSOCK)?;
    bind_and_listen(fd.as_fd(), &SocketAddress::vsock(cid, port), backlog)?;
    Ok(Listener::plain(fd))
}

/// Listens on a vsock socket that is listening already, and owns it.
///
/// Gives the descriptor back with the error: ENOTSOCK, EINVAL (not listening, or not vsock).
pub fn listen_on(fd: OwnedFd) -> Result<Listener, (io::Error, OwnedFd)> {
    match check_supplied(&fd, &[libc::AF_VSOCK]) {
        Ok(()) => Ok(Listener::plain(fd)),
        Err(error) => Err((error, fd)),
    }
}

/// Starts to connect. Nobody listening shows as ECONNRESET, a machine that is not there as ENODEV or ETIMEDOUT.
///
/// Errors known at once: EINVAL ([`ANY`]), ENODEV, EMFILE, EAFNOSUPPORT; all others come from [`Stream::take_error`].
pub fn connect(cid: u32, port: u32) -> io::Result<Connecting> {
    let fd = stream_socket(libc::AF_VSOCK)?;
    Ok(if start_connect(fd.as_fd(), &SocketAddress::vsock(cid, port))? {
        Connecting::Done(Stream::new(fd))
    } else {
        Connecting::InProgress(Stream::new(fd))
    })
}

/// Whether the kernel has vsock and does not deny it to this process; a limit that was reached does not count.
pub fn is_supported() -> bool {
    super::has_family(libc::AF_VSOCK)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accept, code, finish, receive, send};
    use super::*;

    /// The context id by which a machine reaches itself, where the kernel has that.
    const OWN: u32 = libc::VMADDR_CID_LOCAL;

    fn address(listener: &Listener) -> (u32, u32) {
        SocketAddress::local(listener.as_fd()).unwrap().vsock_parts().unwrap()
    }

    #[test]
    fn a_kernel_without_it_says_so() {
        if !is_supported() {
            let why = code(stream_socket(libc::AF_VSOCK));
            assert_eq!((code(listen(ANY, ANY, 10)), code(connect(2, 1))), (why, why));
        }
    }

    #[test]
    fn a_port_is_chosen_and_taken() {
        if !is_supported() {
            return eprintln!("skipped: the kernel has no vsock");
        }
        let listener = listen(ANY, ANY, 10).unwrap();
        let (cid, port) = address(&listener);
        assert_eq!(cid, ANY);
        assert_eq!(listener.local_endpoint(), format!("vsock://*:{port}"));
        assert!(listener.accept().unwrap().is_none());
        assert_eq!(code(listen(ANY, port, 10)), Some(libc::EADDRINUSE));
        assert_eq!(
            code(listen(77_777, ANY, 10)),
            Some(libc::EADDRNOTAVAIL),
            "not a context id of this machine"
        );
        drop(listener);
        let again = listen(ANY, port, 10).unwrap();
        let again = listen_on(again.into_fd()).unwrap();
        assert_eq!(again.local_endpoint(), format!("vsock://*:{port}"));
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(listen_on(tcp.into()).unwrap_err().0.raw_os_error(), Some(libc::EINVAL));
    }

    #[test]
    fn both_sides_connect_and_name_each_other() {
        let Ok(listener) = listen(OWN, ANY, 10) else {
            return eprintln!("skipped: the kernel has no vsock within one machine");
        };
        let (_, port) = address(&listener);
        let client = finish(connect(OWN, port)).unwrap();
        let server = accept(&listener).unwrap();
        send(&client, b"ping");
        assert_eq!(receive(&server, 4), b"ping");
        assert_eq!(client.remote_endpoint(), format!("vsock://{OWN}:{port}"));
        // A client that did not bind has `*` for its own context id, and some kernels pass that on.
        let own_port = |endpoint: String| endpoint.rsplit_once(':').unwrap().1.to_owned();
        assert_eq!(own_port(server.remote_endpoint()), own_port(client.local_endpoint()));
        assert_eq!(client.peer_address(), "1");
        client.shutdown_write().unwrap();
        assert_eq!(receive(&server, 1), b"");
        send(&server, b"still open");
        assert_eq!(receive(&client, 10), b"still open");
        drop(listener);
        assert_eq!(code(finish(connect(OWN, port))), Some(libc::ECONNRESET));
    }
}
