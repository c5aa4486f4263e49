//! What the long tests share: sockets that give up after a minute instead of hanging, seeded choices, raw peers.
#![allow(dead_code, unreachable_pub, reason = "each test program uses its part")]

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::Duration,
};

use ferrozmq_base::{Msg, SocketType};
use ferrozmq_runtime::{Context, Flags, SocketCore};

/// A test that gets no answer for so long has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const SUBSCRIBE: i32 = 6;
pub const UNSUBSCRIBE: i32 = 7;
pub const IO_THREADS: i32 = 1;

pub fn socket(context: &Context, kind: SocketType) -> SocketCore {
    let mut socket = context.socket(kind).unwrap();
    socket.options_mut().send_timeout = Some(PATIENCE);
    socket.options_mut().receive_timeout = Some(PATIENCE);
    socket
}

pub fn bind(socket: &mut SocketCore, endpoint: &str) -> String {
    socket.bind(endpoint).unwrap();
    socket.last_endpoint().to_owned()
}

pub fn bound(context: &Context, kind: SocketType, endpoint: &str) -> (SocketCore, String) {
    let mut socket = socket(context, kind);
    let endpoint = bind(&mut socket, endpoint);
    (socket, endpoint)
}

pub fn connected(context: &Context, kind: SocketType, endpoint: &str) -> SocketCore {
    let mut socket = socket(context, kind);
    socket.connect(endpoint).unwrap();
    socket
}

pub fn send(socket: &mut SocketCore, frames: &[&[u8]]) {
    for (i, frame) in frames.iter().enumerate() {
        let mut m = Msg::copy_from(frame).unwrap();
        socket.send(&mut m, Flags { dont_wait: false, more: i + 1 < frames.len() }).unwrap();
    }
}

pub fn recv(socket: &mut SocketCore) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut m = Msg::new();
    loop {
        socket.recv(&mut m, false).unwrap();
        frames.push(m.as_slice().to_vec());
        if !m.more() {
            return frames;
        }
    }
}

/// Ends a context whose sockets are closed; nothing in it may have panicked.
pub fn end(context: &Context) {
    assert_eq!(context.panics(), 0);
    context.term().unwrap();
}

/// Runs `child` in a forked process and waits for its end; it fails if the child does.
pub fn forked(child: impl FnOnce()) {
    // SAFETY: the child uses no lock that another thread of this process may have held: it calls into sockets, which
    // promise that, and ends by _exit.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(child)).is_ok();
        // SAFETY: ends the process.
        unsafe { libc::_exit(if done { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: waits for a child of this process; the status is written to a live variable.
    let ended = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!((ended, status), (pid, 0), "the child failed");
}

/// An endpoint of each transport that nobody else uses.
pub fn endpoint(transport: &str) -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let n = NUMBER.fetch_add(1, Ordering::Relaxed);
    match transport {
        "tcp" => "tcp://127.0.0.1:*".to_owned(),
        "ipc" => format!("ipc://@ferrozmq-test-{}-{n}", std::process::id()),
        _ => format!("inproc://test-{n}"),
    }
}

/// The address of a tcp endpoint.
pub fn address(endpoint: &str) -> &str {
    endpoint.strip_prefix("tcp://").unwrap()
}

/// Seeded choices (splitmix64).
pub struct Choices(pub u64);

impl Choices {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// A peer that speaks ZMTP 3.1 by hand.
pub struct RawPeer(pub TcpStream);

pub const GREETING: [u8; 64] = {
    let mut g = [0; 64];
    g[0] = 0xff;
    g[9] = 0x7f;
    g[10] = 3;
    g[11] = 1;
    g[12] = b'N';
    g[13] = b'U';
    g[14] = b'L';
    g[15] = b'L';
    g
};

impl RawPeer {
    pub fn connect(endpoint: &str) -> Self {
        Self::over(TcpStream::connect(address(endpoint)).unwrap())
    }

    pub fn accept(listener: &TcpListener) -> Self {
        Self::over(listener.accept().unwrap().0)
    }

    pub fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// The whole handshake, as this type of socket.
    pub fn handshake(&mut self, socket_type: &str) {
        self.write(&GREETING);
        let mut theirs = [0; 64];
        self.0.read_exact(&mut theirs).unwrap();
        self.write(&ready(socket_type));
        let (flags, body) = self.frame();
        assert_eq!((flags & 4, &body[..6]), (4, &b"\x05READY"[..]));
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// The next frame: its flags and body.
    pub fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut flags = [0];
        self.0.read_exact(&mut flags).unwrap();
        let len = if flags[0] & 2 == 0 {
            let mut len = [0];
            self.0.read_exact(&mut len).unwrap();
            u64::from(len[0])
        } else {
            let mut len = [0; 8];
            self.0.read_exact(&mut len).unwrap();
            u64::from_be_bytes(len)
        };
        let mut body = vec![0; len as usize];
        self.0.read_exact(&mut body).unwrap();
        (flags[0], body)
    }

    /// The next frame that is no command.
    pub fn message_frame(&mut self) -> (u8, Vec<u8>) {
        loop {
            let (flags, body) = self.frame();
            if flags & 4 == 0 {
                return (flags, body);
            }
        }
    }

    /// Reads until the other side ends the connection.
    pub fn wait_for_end(&mut self) {
        let mut buffer = [0; 4096];
        loop {
            match self.0.read(&mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => return,
                Err(e) => panic!("still connected: {e}"),
            }
        }
    }
}

/// A short frame.
pub fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![flags, u8::try_from(body.len()).unwrap()];
    bytes.extend_from_slice(body);
    bytes
}

/// The READY command of this type of socket.
pub fn ready(socket_type: &str) -> Vec<u8> {
    let mut body = b"\x05READY\x0bSocket-Type".to_vec();
    body.extend_from_slice(&(socket_type.len() as u32).to_be_bytes());
    body.extend_from_slice(socket_type.as_bytes());
    frame(4, &body)
}
