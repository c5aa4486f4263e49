//! tipc stream sockets: services by number within a cluster, wherever they run (tipc(7)).

use super::Connecting;
use super::address::SocketAddress;
use super::listener::{Listener, bind_and_listen, check_supplied, start_connect};
use super::stream::Stream;
use crate::syscall::{check, stream_socket};
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// `struct sockaddr_tipc` of linux/tipc.h, its union as three numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub(super) struct RawAddress {
    family: u16,
    kind: u8,
    scope: i8,
    numbers: [u32; 3],
}

const _: () = assert!(mem::size_of::<RawAddress>() == 16);

/// TIPC_SERVICE_RANGE: `numbers` are the type, the lower and the upper instance.
const RANGE: u8 = 1;
/// TIPC_SERVICE_ADDR: `numbers` are the type, the instance and the node to look on.
const SERVICE: u8 = 2;
/// TIPC_SOCKET_ADDR: `numbers` are the socket's reference and its node.
const SOCKET: u8 = 3;
/// TIPC_ZONE_SCOPE: published in the whole cluster.
const ZONE: i8 = 1;

impl RawAddress {
    fn new(kind: u8, scope: i8, numbers: [u32; 3]) -> Self {
        Self { family: libc::AF_TIPC as u16, kind, scope, numbers }
    }

    /// The node and the reference of one socket.
    pub(super) fn socket(self) -> Option<(u32, u32)> {
        let [reference, node, _] = self.numbers;
        (self.kind == SOCKET).then_some((node, reference))
    }
}

/// The instances of a service that a socket answers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The number of the service, its type: 64 or more.
    pub service: u32,
    /// The first instance.
    pub lower: u32,
    /// The last instance, not below the first.
    pub upper: u32,
}

/// Whom to connect to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Somebody who answers for this instance of a service, on this node or (0) on any.
    Service {
        /// The number of the service.
        service: u32,
        /// Which instance of it.
        instance: u32,
        /// Where to look.
        node: u32,
    },
    /// One socket.
    Socket {
        /// Where it is.
        node: u32,
        /// Its number there.
        reference: u32,
    },
}

/// Listens for a range of a service, or, without, under the address that the kernel gives.
///
/// Several sockets may answer for one instance: connections go to one after the other. Errors: EACCES (a service below
/// 64), EINVAL (an empty range), EMFILE, EAFNOSUPPORT.
pub fn listen(range: Option<Range>, backlog: i32) -> io::Result<Listener> {
    let fd = stream_socket(libc::AF_TIPC)?;
    match range {
        Some(Range { service, lower, upper }) => {
            let address = RawAddress::new(RANGE, ZONE, [service, lower, upper]);
            bind_and_listen(fd.as_fd(), &SocketAddress::tipc(address), backlog)?;
        }
        // A socket has its own address without being bound.
        // SAFETY: integers only.
        None => drop(check(unsafe { libc::listen(fd.as_raw_fd(), backlog) })?),
    }
    Ok(Listener::plain(fd))
}

/// Listens on a tipc socket that is listening already, and owns it.
///
/// Gives the descriptor back with the error: ENOTSOCK, EINVAL (not listening, or not tipc).
pub fn listen_on(fd: OwnedFd) -> Result<Listener, (io::Error, OwnedFd)> {
    match check_supplied(&fd, &[libc::AF_TIPC]) {
        Ok(()) => Ok(Listener::plain(fd)),
        Err(error) => Err((error, fd)),
    }
}

/// Starts to connect. Nobody answering shows as EHOSTUNREACH or ECONNREFUSED.
///
/// Errors known at once, EMFILE and EAFNOSUPPORT among them; all others come from [`Stream::take_error`].
pub fn connect(peer: Peer) -> io::Result<Connecting> {
    let fd = stream_socket(libc::AF_TIPC)?;
    let address = match peer {
        Peer::Service { service, instance, node } => RawAddress::new(SERVICE, 0, [service, instance, node]),
        Peer::Socket { node, reference } => RawAddress::new(SOCKET, 0, [reference, node, 0]),
    };
    Ok(if start_connect(fd.as_fd(), &SocketAddress::tipc(address))? {
        Connecting::Done(Stream::new(fd))
    } else {
        Connecting::InProgress(Stream::new(fd))
    })
}

/// Whether the kernel has tipc and does not deny it to this process; a limit that was reached does not count.
pub fn is_supported() -> bool {
    super::has_family(libc::AF_TIPC)
}

/// A node as it is written: zone, cluster and number.
pub(super) fn node_text(node: u32) -> String {
    format!("{}.{}.{}", node >> 24, node >> 12 & 0xfff, node & 0xfff)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accept, code, finish, receive, send};
    use super::*;

    /// A service that no other test has.
    fn service() -> u32 {
        crate::random::number().unwrap() as u32 | 0x8000_0000
    }

    fn skips() -> bool {
        if !is_supported() {
            eprintln!("skipped: the kernel has no tipc");
        }
        !is_supported()
    }

    #[test]
    fn a_kernel_without_it_says_so() {
        if !is_supported() {
            let peer = Peer::Service { service: 5_555, instance: 0, node: 0 };
            let why = code(stream_socket(libc::AF_TIPC));
            assert_eq!((code(listen(None, 10)), code(connect(peer))), (why, why));
        }
    }

    #[test]
    fn a_service_is_found_by_any_instance_of_its_range() {
        if skips() {
            return;
        }
        let service = service();
        let range = Range { service, lower: 3, upper: 5 };
        let listener = listen(Some(range), 10).unwrap();
        assert!(listener.accept().unwrap().is_none());
        for instance in 3..=5 {
            let connecting = connect(Peer::Service { service, instance, node: 0 });
            let server = accept(&listener).unwrap();
            let client = finish(connecting).unwrap();
            send(&client, b"ping");
            assert_eq!(receive(&server, 4), b"ping");
            send(&server, b"pong");
            assert_eq!(receive(&client, 4), b"pong");
            assert_eq!(client.local_endpoint(), server.remote_endpoint());
            client.shutdown_write().unwrap();
            assert_eq!(receive(&server, 1), b"");
        }
        let nobody = Peer::Service { service, instance: 6, node: 0 };
        let error = code(finish(connect(nobody)));
        assert!(matches!(error, Some(libc::EHOSTUNREACH | libc::ECONNREFUSED)), "{error:?}");
        assert_eq!(code(listen(Some(Range { service: 63, lower: 0, upper: 0 }), 10)), Some(libc::EACCES));
        assert_eq!(code(listen(Some(Range { service, lower: 1, upper: 0 }), 10)), Some(libc::EINVAL));
    }

    #[test]
    fn a_socket_is_found_by_its_own_address() {
        if skips() {
            return;
        }
        let listener = listen(None, 10).unwrap();
        let (node, reference) = SocketAddress::local(listener.as_fd()).unwrap().tipc_parts().unwrap();
        assert_eq!(listener.local_endpoint(), format!("tipc://<{}:{reference}>", node_text(node)));
        let connecting = connect(Peer::Socket { node, reference });
        let server = accept(&listener).unwrap();
        let client = finish(connecting).unwrap();
        send(&client, b"ping");
        assert_eq!(receive(&server, 4), b"ping");
        assert_eq!(server.peer_address(), node_text(node));
        let again = listen_on(listener.into_fd()).unwrap();
        assert!(again.accept().unwrap().is_none());
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(listen_on(tcp.into()).unwrap_err().0.raw_os_error(), Some(libc::EINVAL));
    }
}
