//! Descriptors run out during bind, connect and accept: errors, not ends, and everything goes on once there are some.
#![allow(missing_docs)]

mod harness;

use std::{fs::File, net::TcpStream, os::fd::FromRawFd, time::Duration};

use ferrozmq_base::{Error, SocketType};
use ferrozmq_runtime::{Context, SocketCore};
use harness::*;

const CONNECT_RETRIED: u64 = 0x4;
const ACCEPT_FAILED: u64 = 0x40;

/// Every descriptor that the process may still have.
fn all_descriptors() -> Vec<File> {
    let mut files = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        files.push(file);
    }
    files
}

fn watched(context: &Context, socket: &mut SocketCore, events: u64) -> SocketCore {
    let endpoint = endpoint("inproc");
    socket.monitor(Some(&endpoint), events, 1, SocketType::Pair).unwrap();
    connected(context, SocketType::Pair, &endpoint)
}

fn tcp_socket() -> i32 {
    // SAFETY: no pointers.
    let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    assert!(fd >= 0);
    fd
}

/// Connects without a further descriptor.
fn connect(fd: i32, endpoint: &str) -> TcpStream {
    let address: std::net::SocketAddrV4 = address(endpoint).parse().unwrap();
    let address = libc::sockaddr_in {
        sin_family: libc::AF_INET as u16,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*address.ip()).to_be() },
        sin_zero: [0; 8],
    };
    let len = size_of_val(&address) as u32;
    // SAFETY: the address is alive and as long as said.
    let result = unsafe { libc::connect(fd, (&raw const address).cast(), len) };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: the descriptor was just made and has no other owner.
    unsafe { TcpStream::from_raw_fd(fd) }
}

#[test]
fn without_descriptors_calls_fail_and_endpoints_wait() {
    harness::forked(|| {
        let limit = libc::rlimit { rlim_cur: 100, rlim_max: 100 };
        // SAFETY: the limit is alive.
        assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }, 0);
        let context = Context::new().unwrap();
        let (mut pull, endpoint) = bound(&context, SocketType::Pull, &endpoint("tcp"));
        let mut accepting = watched(&context, &mut pull, ACCEPT_FAILED);
        let mut push = socket(&context, SocketType::Push);
        push.options_mut().reconnect_interval = Some(Duration::from_millis(5));
        let mut connecting = watched(&context, &mut push, CONNECT_RETRIED);
        let mut other = socket(&context, SocketType::Pull);
        let spare = tcp_socket();

        let files = all_descriptors();
        assert_eq!(other.bind("tcp://127.0.0.1:*").unwrap_err().error(), Error::TooManyFiles);
        assert_eq!(other.bind(&harness::endpoint("ipc")).unwrap_err().error(), Error::TooManyFiles);
        assert_eq!(context.socket(SocketType::Pull).map(drop), Err(Error::TooManyFiles));
        // A context takes none before its first socket.
        let unused = Context::new().unwrap();
        assert_eq!(unused.socket(SocketType::Pull).map(drop), Err(Error::TooManyFiles));
        let mut peer = RawPeer::over(connect(spare, &endpoint));
        recv(&mut accepting);
        push.connect(&endpoint).unwrap();
        recv(&mut connecting);
        drop(files);

        peer.handshake("PUSH");
        peer.write(&frame(0, b"accepted"));
        assert_eq!(recv(&mut pull), [b"accepted"]);
        send(&mut push, &[b"connected"]);
        assert_eq!(recv(&mut pull), [b"connected"]);
        bind(&mut other, "tcp://127.0.0.1:*");
        for socket in [accepting, connecting, pull, push, other] {
            socket.close();
        }
        end(&context);
    });
}
