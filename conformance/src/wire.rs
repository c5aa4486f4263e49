//! A peer made of raw TCP bytes, for the tests of the wire protocol.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

use crate::socket::{Ctx, Sock, Transport, loopback};
use crate::{wait, zmq};

/// `FF`, eight bytes, `7F`.
pub const SIGNATURE: [u8; 10] = [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F];

/// A 64-byte greeting with the NULL mechanism.
pub fn greeting(major: u8, minor: u8) -> Vec<u8> {
    greeting_with(major, minor, "NULL")
}

/// A 64-byte greeting.
pub fn greeting_with(major: u8, minor: u8, mechanism: &str) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend([major, minor]);
    bytes.extend(mechanism.bytes());
    bytes.resize(64, 0);
    bytes
}

/// A ZMTP 2/3 frame in its shortest form.
pub fn frame(flags: u8, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = vec![];
    match u8::try_from(body.len()) {
        Ok(len) => bytes.extend([flags, len]),
        Err(_) => return long_frame(flags, body),
    }
    bytes.extend(body);
    bytes
}

/// A ZMTP 2/3 frame with the 8-byte length.
pub fn long_frame(flags: u8, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = vec![flags | 2];
    bytes.extend((body.len() as u64).to_be_bytes());
    bytes.extend(body);
    bytes
}

/// A ZMTP 1 frame.
pub fn old_frame(flags: u8, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = match u8::try_from(body.len() + 1) {
        Ok(len) if len < 255 => vec![len],
        _ => [&[0xFF][..], &(body.len() as u64 + 1).to_be_bytes()].concat(),
    };
    bytes.push(flags);
    bytes.extend(body);
    bytes
}

/// A command's body.
pub fn command_body(name: &str, data: impl AsRef<[u8]>) -> Vec<u8> {
    let mut body = vec![u8::try_from(name.len()).expect("a short name")];
    body.extend(name.bytes());
    body.extend(data.as_ref());
    body
}

/// A command.
pub fn command(name: &str, data: impl AsRef<[u8]>) -> Vec<u8> {
    frame(4, command_body(name, data))
}

/// A property of READY.
pub fn property(name: &str, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    let mut bytes = command_body(name, u32::try_from(value.len()).expect("a short value").to_be_bytes());
    bytes.extend(value);
    bytes
}

/// READY with a socket type and, if given, an identity.
pub fn ready(socket_type: &str, identity: Option<&[u8]>) -> Vec<u8> {
    let mut data = property("Socket-Type", socket_type);
    if let Some(identity) = identity {
        data.extend(property("Identity", identity));
    }
    command("READY", data)
}

/// One end of a TCP connection.
pub struct Raw(TcpStream);

impl Raw {
    /// Wraps a stream; reads give up after ten seconds.
    pub fn new(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Self(stream)
    }

    /// Connects to a socket bound with [`Sock::bind_any`] over tcp.
    #[track_caller]
    pub fn connect(endpoint: &str) -> Self {
        let address = endpoint.strip_prefix("tcp://").expect("a tcp endpoint");
        Self::new(TcpStream::connect(address).unwrap_or_else(|e| panic!("connect to {address}: {e}")))
    }

    /// Writes bytes at once.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).expect("write");
    }

    /// Writes one byte after the other, each in its own segment.
    #[track_caller]
    pub fn send_bytewise(&mut self, bytes: impl AsRef<[u8]>) {
        for byte in bytes.as_ref() {
            self.send([*byte]);
        }
    }

    /// Reads exactly so many bytes.
    #[track_caller]
    pub fn take(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        let mut have = 0;
        while have < count {
            match self.0.read(&mut bytes[have..]) {
                Ok(0) => panic!("closed after {}, wanted {count} bytes", hex(&bytes[..have])),
                Ok(n) => have += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => panic!("{e} after {}, wanted {count} bytes", hex(&bytes[..have])),
            }
        }
        bytes
    }

    /// Reads as many bytes as are wanted and compares them.
    #[track_caller]
    pub fn expect(&mut self, wanted: impl AsRef<[u8]>) {
        let wanted = wanted.as_ref();
        let got = self.take(wanted.len());
        assert!(got == wanted, "got {}\nwanted {}", hex(&got), hex(wanted));
    }

    /// Reads until the peer has closed the connection; what came before.
    #[track_caller]
    pub fn take_rest(&mut self) -> Vec<u8> {
        let mut rest = vec![];
        let mut chunk = [0; 4096];
        loop {
            match self.0.read(&mut chunk) {
                Ok(0) => return rest,
                Ok(n) => rest.extend(&chunk[..n]),
                Err(e) if e.kind() == ErrorKind::ConnectionReset => return rest,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => panic!("the peer did not close: {e} after {}", hex(&rest)),
            }
        }
    }

    /// Whether the peer has closed the connection, with nothing left to read.
    pub fn is_closed(&self) -> bool {
        self.0.set_nonblocking(true).expect("non-blocking");
        let found = self.0.peek(&mut [0]);
        self.0.set_nonblocking(false).expect("blocking");
        match found {
            Ok(count) => count == 0,
            Err(e) => e.kind() == ErrorKind::ConnectionReset,
        }
    }

    /// Whether there is something to read.
    pub fn has_input(&self) -> bool {
        self.0.set_nonblocking(true).expect("non-blocking");
        let found = self.0.peek(&mut [0]);
        self.0.set_nonblocking(false).expect("blocking");
        matches!(found, Ok(count) if count > 0)
    }

    /// Reads one ZMTP 2/3 frame: flags and body.
    #[track_caller]
    pub fn take_frame(&mut self) -> (u8, Vec<u8>) {
        let head = self.take(2);
        let len = if head[0] & 2 == 0 {
            usize::from(head[1])
        } else {
            let rest = self.take(7);
            let mut len = [head[1]; 8];
            len[1..].copy_from_slice(&rest);
            usize::try_from(u64::from_be_bytes(len)).expect("a length")
        };
        (head[0], self.take(len))
    }

    /// Exchanges the greetings as ZMTP 3 and then READY, as a peer of the given type.
    #[track_caller]
    pub fn handshake(&mut self, minor: u8, socket_type: &str, identity: Option<&[u8]>) {
        self.send(greeting(3, minor));
        self.take(64);
        self.send(ready(socket_type, identity));
        let (flags, body) = self.take_frame();
        assert!(flags == 4 && body.starts_with(b"\x05READY"), "READY, not {flags} {}", hex(&body));
    }

    /// Says that nothing more will be written. A peer that has had enough may have reset the connection before.
    #[track_caller]
    pub fn finish(&self) {
        match self.0.shutdown(std::net::Shutdown::Write) {
            Err(e) if e.kind() == ErrorKind::NotConnected => {}
            done => done.expect("shutdown"),
        }
    }

    /// The address of the other end.
    #[track_caller]
    pub fn peer_ip(&self) -> IpAddr {
        self.0.peer_addr().expect("connected").ip()
    }

    /// The same end for another thread.
    #[track_caller]
    pub fn try_clone(&self) -> Self {
        Self(self.0.try_clone().expect("a descriptor"))
    }

    /// Writes bytes that nobody may want to read.
    pub fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.write_all(bytes)
    }

    /// Passes bytes on between this peer and another one, both ways, until one of them ends.
    pub fn relay(self, other: Self) {
        for stream in [&self.0, &other.0] {
            stream.set_read_timeout(None).expect("no timeout");
        }
        std::thread::scope(|scope| {
            for (from, to) in [(&self.0, &other.0), (&other.0, &self.0)] {
                scope.spawn(move || {
                    let _ = std::io::copy(&mut &*from, &mut &*to);
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            }
        });
    }
}

/// A listener that a socket under test connects to.
pub struct RawListener(TcpListener);

impl RawListener {
    /// Listens on a free port of the loopback interface.
    #[track_caller]
    pub fn new() -> Self {
        Self(TcpListener::bind((loopback(), 0)).expect("a free port"))
    }

    /// Listens there, unless somebody else does, or the address is none of this machine's.
    pub fn at(address: &str, port: u16) -> Option<Self> {
        let address: IpAddr = address.parse().expect("an address");
        TcpListener::bind((address, port)).ok().map(Self)
    }

    /// Whether somebody has connected.
    pub fn has_connection(&self) -> bool {
        self.0.set_nonblocking(true).expect("non-blocking");
        let found = self.0.accept();
        self.0.set_nonblocking(false).expect("blocking");
        found.is_ok()
    }

    /// Its endpoint.
    pub fn endpoint(&self) -> String {
        format!("tcp://{}", self.0.local_addr().expect("bound"))
    }

    /// The next connection.
    #[track_caller]
    pub fn accept(&self) -> Raw {
        Raw::new(self.0.accept().expect("accept").0)
    }

    /// A connection from the socket.
    #[track_caller]
    pub fn connect(&self, sock: &Sock) -> Raw {
        sock.connect(&self.endpoint()).expect("connect");
        self.accept()
    }
}

impl Default for RawListener {
    fn default() -> Self {
        Self::new()
    }
}

/// A listener whose queue is full: connects to it hang.
pub struct StuckListener {
    listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl StuckListener {
    /// Listens at a free port of the address and fills the queue.
    ///
    /// # Panics
    /// If there is none, or if the queue never fills.
    #[track_caller]
    pub fn new(address: &str) -> Self {
        let listener = TcpListener::bind((address, 0)).expect("a free port");
        // SAFETY: integers only.
        assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
        let address = listener.local_addr().expect("bound");
        // The first waits for as long as it takes: there is room for it.
        let mut waiting = vec![TcpStream::connect(address).expect("a place in the queue")];
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
            waiting.push(stream);
            assert!(waiting.len() < 16, "the queue of the listener never fills");
        }
        Self { listener, _waiting: waiting }
    }

    /// Its endpoint.
    pub fn endpoint(&self) -> String {
        format!("tcp://{}", self.listener.local_addr().expect("bound"))
    }
}

/// Bytes as hexadecimal text.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x} ")).collect()
}

/// A TCP port that belongs to nobody else and refuses connections, for as long as this lives.
pub struct RefusingPort(OwnedFd);

impl Default for RefusingPort {
    fn default() -> Self {
        Self::new()
    }
}

impl RefusingPort {
    /// Takes a free port of the loopback interface: bound, and not listened at.
    ///
    /// # Panics
    /// If there is none.
    pub fn new() -> Self {
        // SAFETY: takes no pointer.
        let fd = unsafe { libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
        assert!(fd >= 0, "socket: {}", std::io::Error::last_os_error());
        // SAFETY: just opened, and nobody else's.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        let address = Self::address(0);
        // SAFETY: a whole sockaddr_in and its size.
        let rc = unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), ADDRESS_SIZE) };
        assert_eq!(rc, 0, "bind: {}", std::io::Error::last_os_error());
        Self(fd)
    }

    /// Its endpoint.
    pub fn endpoint(&self) -> String {
        let (mut address, mut size) = (Self::address(0), ADDRESS_SIZE);
        // SAFETY: room for a sockaddr_in, and its size.
        let rc = unsafe { libc::getsockname(self.0.as_raw_fd(), (&raw mut address).cast(), &raw mut size) };
        assert_eq!(rc, 0, "getsockname: {}", std::io::Error::last_os_error());
        format!("tcp://127.0.0.1:{}", u16::from_be(address.sin_port))
    }

    fn address(port: u16) -> libc::sockaddr_in {
        libc::sockaddr_in {
            sin_family: libc::AF_INET as libc::sa_family_t,
            sin_port: port.to_be(),
            sin_addr: libc::in_addr { s_addr: u32::from_be_bytes([127, 0, 0, 1]).to_be() },
            sin_zero: [0; 8],
        }
    }
}

const ADDRESS_SIZE: libc::socklen_t = size_of::<libc::sockaddr_in>() as libc::socklen_t;

/// A bound socket and its endpoint.
pub fn bound(kind: i32) -> (Sock, String) {
    let sock = Ctx::new().socket(kind);
    let endpoint = sock.bind_any(Transport::Tcp);
    (sock, endpoint)
}

/// A bound socket and a scripted peer of the type, both past the handshake of ZMTP 3 with that minor number.
#[track_caller]
pub fn with_peer(kind: i32, minor: u8, peer: &str) -> (Sock, Raw) {
    let (sock, endpoint) = bound(kind);
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(minor, peer, identity_of(peer));
    (sock, raw)
}

fn identity_of(peer: &str) -> Option<&'static [u8]> {
    matches!(peer, "REQ" | "DEALER" | "ROUTER").then_some(&b""[..])
}

/// Lets the bound socket attach its peer, then reads what it says.
#[track_caller]
pub fn expect_when_attached(sock: &Sock, raw: &mut Raw, wanted: &[u8]) {
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| raw.expect(wanted));
        wait::until("the expected bytes", || {
            sock.events();
            reader.is_finished()
        });
        reader.join().expect("the expected bytes");
    });
}

/// A SUB connected to a scripted PUB.
pub fn sub_with_peer(minor: u8) -> (Sock, Raw) {
    let listener = RawListener::new();
    let sub = Ctx::new().socket(zmq::SUB);
    let mut raw = listener.connect(&sub);
    raw.handshake(minor, "PUB", None);
    (sub, raw)
}
