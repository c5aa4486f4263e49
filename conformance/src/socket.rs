//! Contexts and sockets as the tests use them.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::c_api::Handle;
use crate::monitor::Monitor;
use crate::subject::{
    BackendPollItem, ContextBackend, Errno, Frame, ProxySockets, Result, SocketBackend, subject,
};
use crate::wait::PATIENCE_MS;
use crate::zmq;

/// A message: its frames.
pub type Message = Vec<Vec<u8>>;

/// What can be sent: one frame, or an array of frames.
pub trait Frames {
    /// The frames.
    fn frames(&self) -> Message;
}

impl Frames for &str {
    fn frames(&self) -> Message {
        vec![self.as_bytes().to_vec()]
    }
}

impl Frames for &[u8] {
    fn frames(&self) -> Message {
        vec![self.to_vec()]
    }
}

impl<const N: usize> Frames for &[u8; N] {
    fn frames(&self) -> Message {
        vec![self.to_vec()]
    }
}

impl<T: AsRef<[u8]>, const N: usize> Frames for [T; N] {
    fn frames(&self) -> Message {
        self.iter().map(|frame| frame.as_ref().to_vec()).collect()
    }
}

impl<T: AsRef<[u8]>> Frames for Vec<T> {
    fn frames(&self) -> Message {
        self.iter().map(|frame| frame.as_ref().to_vec()).collect()
    }
}

impl Frames for String {
    fn frames(&self) -> Message {
        vec![self.as_bytes().to_vec()]
    }
}

/// A message as text for a failure.
pub fn show(message: &[Vec<u8>]) -> String {
    let mut text = String::from("[");
    for (i, frame) in message.iter().enumerate() {
        let separator = if i == 0 { "" } else { ", " };
        let head = &frame[..frame.len().min(60)];
        let _ = write!(text, "{separator}\"{}\"", head.escape_ascii());
        if head.len() < frame.len() {
            let _ = write!(text, "... ({} bytes)", frame.len());
        }
    }
    text + "]"
}

struct CtxInner {
    backend: Box<dyn ContextBackend>,
    terminated: AtomicBool,
}

impl Drop for CtxInner {
    fn drop(&mut self) {
        while !self.terminated.load(Ordering::Relaxed) {
            if self.backend.term() != Err(zmq::EINTR) {
                return;
            }
        }
    }
}

/// A context; terminated when it and its last socket are gone.
#[derive(Clone)]
pub struct Ctx(Arc<CtxInner>);

impl Default for Ctx {
    fn default() -> Self {
        Self::new()
    }
}

impl Ctx {
    /// A new context.
    pub fn new() -> Self {
        Self(Arc::new(CtxInner { backend: subject().context(), terminated: AtomicBool::new(false) }))
    }

    /// A socket whose calls give up after [`PATIENCE_MS`].
    #[track_caller]
    pub fn socket(&self, kind: i32) -> Sock {
        let sock = self.try_socket(kind).unwrap_or_else(|e| panic!("socket of type {kind}: {e:?}"));
        sock.set(zmq::RCVTIMEO, PATIENCE_MS).expect("RCVTIMEO");
        sock.set(zmq::SNDTIMEO, PATIENCE_MS).expect("SNDTIMEO");
        sock
    }

    /// A socket with all its defaults, or the error.
    pub fn try_socket(&self, kind: i32) -> Result<Sock> {
        let backend = self.0.backend.socket(kind)?;
        Ok(Sock { backend, open: true, ctx: self.clone() })
    }

    /// Sets a context option.
    pub fn set(&self, option: i32, value: i32) -> Result<()> {
        self.0.backend.set(option, value)
    }

    /// A context option's value.
    pub fn option(&self, option: i32) -> Result<i32> {
        self.0.backend.option(option)
    }

    /// Stops the context without waiting.
    pub fn shutdown(&self) -> Result<()> {
        self.0.backend.shutdown()
    }

    /// Terminates the context; it may not be used after `Ok`.
    pub fn term(&self) -> Result<()> {
        let result = self.0.backend.term();
        if result.is_ok() {
            self.0.terminated.store(true, Ordering::Relaxed);
        }
        result
    }

    /// The C handle.
    pub fn handle(&self) -> Handle {
        self.0.backend.handle()
    }
}

/// A number that no other caller in this process gets.
pub fn unique() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// An inproc endpoint nobody else uses.
pub fn inproc() -> String {
    format!("inproc://conformance-{}", unique())
}

/// An ipc endpoint nobody else uses, in the abstract name space, so that no file stays behind.
pub fn ipc() -> String {
    format!("ipc://@conformance-{}-{}", std::process::id(), unique())
}

/// An address of the loopback that is this process's own: a port of it that is given back is not taken by another test
/// before it is bound again, and who tries to connect there meanwhile reaches nobody else.
pub fn loopback() -> Ipv4Addr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 | high, middle, low)
}

/// The ways two sockets of one context reach each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// TCP over the loopback interface.
    Tcp,
    /// Unix domain sockets.
    Ipc,
    /// Inside the process.
    Inproc,
}

impl Transport {
    /// An endpoint to bind to, possibly with a wildcard.
    pub fn endpoint(self) -> String {
        match self {
            Self::Tcp => format!("tcp://{}:*", loopback()),
            Self::Ipc => ipc(),
            Self::Inproc => inproc(),
        }
    }
}

/// One `#[test]` for each transport from a function that takes the transport.
#[macro_export]
macro_rules! on_each_transport {
    ($($name:ident),* $(,)?) => {
        $(
            mod $name {
                #[test]
                fn tcp() {
                    super::scenario::$name($crate::socket::Transport::Tcp);
                }
                #[test]
                fn ipc() {
                    super::scenario::$name($crate::socket::Transport::Ipc);
                }
                #[test]
                fn inproc() {
                    super::scenario::$name($crate::socket::Transport::Inproc);
                }
            }
        )*
    };
}

/// A socket; dropping it closes it with LINGER 0.
pub struct Sock {
    backend: Box<dyn SocketBackend>,
    open: bool,
    ctx: Ctx,
}

impl Drop for Sock {
    fn drop(&mut self) {
        if self.open {
            let _ = self.set(zmq::LINGER, 0);
            let _ = self.backend.close();
        }
    }
}

impl Sock {
    /// Its context.
    pub fn ctx(&self) -> &Ctx {
        &self.ctx
    }

    /// The C handle.
    pub fn handle(&self) -> Handle {
        self.backend.handle()
    }

    /// Closes with the LINGER that is set.
    pub fn close(mut self) -> Result<()> {
        self.open = false;
        self.backend.close()
    }

    /// Binds.
    pub fn bind(&self, endpoint: &str) -> Result<()> {
        self.backend.bind(endpoint)
    }

    /// Connects.
    pub fn connect(&self, endpoint: &str) -> Result<()> {
        self.backend.connect(endpoint)
    }

    /// Unbinds.
    pub fn unbind(&self, endpoint: &str) -> Result<()> {
        self.backend.unbind(endpoint)
    }

    /// Disconnects.
    pub fn disconnect(&self, endpoint: &str) -> Result<()> {
        self.backend.disconnect(endpoint)
    }

    /// Starts or stops the socket's monitor.
    pub fn monitor(&self, endpoint: Option<&str>, events: i32) -> Result<()> {
        self.backend.monitor(endpoint, events)
    }

    /// Binds to a free endpoint of the transport and returns it as LAST_ENDPOINT says it.
    #[track_caller]
    pub fn bind_any(&self, transport: Transport) -> String {
        let wanted = transport.endpoint();
        self.bind(&wanted).unwrap_or_else(|e| panic!("bind {wanted}: {e:?}"));
        self.last_endpoint()
    }

    /// Sets an int option.
    pub fn set(&self, option: i32, value: i32) -> Result<()> {
        self.backend.set(option, &value.to_ne_bytes())
    }

    /// Sets an option from bytes.
    pub fn set_bytes(&self, option: i32, value: impl AsRef<[u8]>) -> Result<()> {
        self.backend.set(option, value.as_ref())
    }

    /// Reads an int option.
    pub fn option(&self, option: i32) -> Result<i32> {
        let mut value = [0; 4];
        self.backend.option(option, &mut value)?;
        Ok(i32::from_ne_bytes(value))
    }

    /// Reads an option with a buffer of `capacity` bytes; the buffer cut to the length afterwards.
    pub fn option_bytes(&self, option: i32, capacity: usize) -> Result<Vec<u8>> {
        let mut value = vec![0xAA; capacity];
        let len = self.backend.option(option, &mut value)?;
        value.truncate(len);
        Ok(value)
    }

    /// Reads an option into the buffer; the length afterwards.
    pub fn option_into(&self, option: i32, buffer: &mut [u8]) -> Result<usize> {
        self.backend.option(option, buffer)
    }

    /// LAST_ENDPOINT.
    #[track_caller]
    pub fn last_endpoint(&self) -> String {
        let mut text = self.option_bytes(zmq::LAST_ENDPOINT, 512).expect("LAST_ENDPOINT");
        assert_eq!(text.pop(), Some(0), "LAST_ENDPOINT ends with NUL");
        String::from_utf8(text).expect("LAST_ENDPOINT is text")
    }

    /// EVENTS, which also makes the socket look at what happened.
    #[track_caller]
    pub fn events(&self) -> i32 {
        self.option(zmq::EVENTS).expect("EVENTS")
    }

    /// Whether a message can be received now.
    #[track_caller]
    pub fn readable(&self) -> bool {
        self.events() & zmq::POLLIN != 0
    }

    /// Whether a message can be sent now.
    #[track_caller]
    pub fn writable(&self) -> bool {
        self.events() & zmq::POLLOUT != 0
    }

    /// RCVMORE.
    #[track_caller]
    pub fn more(&self) -> bool {
        self.option(zmq::RCVMORE).expect("RCVMORE") == 1
    }

    /// Subscribes to a prefix.
    #[track_caller]
    pub fn subscribe(&self, prefix: impl AsRef<[u8]>) {
        self.set_bytes(zmq::SUBSCRIBE, prefix).expect("SUBSCRIBE");
    }

    /// Removes one subscription to a prefix.
    #[track_caller]
    pub fn unsubscribe(&self, prefix: impl AsRef<[u8]>) {
        self.set_bytes(zmq::UNSUBSCRIBE, prefix).expect("UNSUBSCRIBE");
    }

    /// Sends one frame with the C flags; the size.
    pub fn send_frame(&self, body: impl AsRef<[u8]>, flags: i32) -> Result<usize> {
        self.backend.send(body.as_ref(), flags)
    }

    /// Receives one frame with the C flags.
    pub fn recv_frame(&self, flags: i32) -> Result<Frame> {
        self.backend.recv(flags)
    }

    fn send_with(&self, message: &Message, flags: i32) -> Result<()> {
        let last = message.len() - 1;
        for (i, frame) in message.iter().enumerate() {
            let more = if i < last { zmq::SNDMORE } else { 0 };
            self.backend.send(frame, flags | more)?;
        }
        Ok(())
    }

    /// Sends a message.
    ///
    /// # Panics
    /// If it cannot be sent in time.
    #[track_caller]
    pub fn send(&self, message: impl Frames) {
        let message = message.frames();
        self.send_with(&message, 0).unwrap_or_else(|e| panic!("send {}: {e:?}", show(&message)));
    }

    /// Sends a message without waiting.
    pub fn try_send(&self, message: impl Frames) -> Result<()> {
        self.send_with(&message.frames(), zmq::DONTWAIT)
    }

    /// Sends `message` without waiting until it is refused with EAGAIN; how many were accepted.
    #[track_caller]
    pub fn fill(&self, message: impl Frames) -> usize {
        let message = message.frames();
        self.events();
        for sent in 0..1_000_000 {
            match self.send_with(&message, zmq::DONTWAIT) {
                Ok(()) => {}
                Err(zmq::EAGAIN) => return sent,
                Err(e) => panic!("send: {e:?}"),
            }
        }
        panic!("a million messages accepted");
    }

    fn recv_with(&self, flags: i32) -> Result<Message> {
        let mut message = vec![];
        loop {
            let frame = self.backend.recv(flags)?;
            message.push(frame.body);
            if !frame.more {
                return Ok(message);
            }
        }
    }

    /// Receives a message, waiting as RCVTIMEO says.
    pub fn recv(&self) -> Result<Message> {
        self.recv_with(0)
    }

    /// Receives a message without waiting.
    pub fn try_recv(&self) -> Result<Message> {
        self.recv_with(zmq::DONTWAIT)
    }

    /// Receives a message and compares it.
    ///
    /// # Panics
    /// If nothing arrives in time or something else does.
    #[track_caller]
    pub fn expect(&self, message: impl Frames) {
        let wanted = message.frames();
        match self.recv() {
            Ok(got) => assert!(got == wanted, "received {}, expected {}", show(&got), show(&wanted)),
            Err(e) => panic!("received {e:?}, expected {}", show(&wanted)),
        }
    }

    /// Receives a message of two frames: a routing id, and `body`; the routing id.
    #[track_caller]
    pub fn expect_routed(&self, body: impl AsRef<[u8]>) -> Vec<u8> {
        let mut got = self.recv().unwrap_or_else(|e| panic!("received {e:?}"));
        assert!(got.len() == 2 && got[1] == body.as_ref(), "received {}", show(&got));
        got.swap_remove(0)
    }

    /// Receives without waiting until there is nothing; how many messages there were.
    #[track_caller]
    pub fn drain(&self) -> usize {
        let mut count = 0;
        loop {
            match self.try_recv() {
                Ok(_) => count += 1,
                Err(zmq::EAGAIN) => return count,
                Err(e) => panic!("recv: {e:?}"),
            }
        }
    }

    /// Waits until there is something to receive.
    #[track_caller]
    pub fn wait_readable(&self) {
        self.wait_for(zmq::POLLIN);
    }

    /// Waits until something can be sent.
    #[track_caller]
    pub fn wait_writable(&self) {
        self.wait_for(zmq::POLLOUT);
    }

    #[track_caller]
    fn wait_for(&self, events: i32) {
        let mut items = [PollItem::socket(self, events)];
        let ready = poll(&mut items, i64::from(PATIENCE_MS)).expect("poll");
        assert_eq!(ready, 1, "the socket did not become ready");
    }

    pub(crate) fn backend(&self) -> &dyn SocketBackend {
        self.backend.as_ref()
    }
}

/// Connects two sockets over the transport and returns when both have finished the handshake.
#[track_caller]
pub fn join(binder: &Sock, connecter: &Sock, transport: Transport) -> String {
    if transport == Transport::Inproc {
        let endpoint = binder.bind_any(transport);
        connecter.connect(&endpoint).expect("connect");
        binder.events();
        connecter.events();
        return endpoint;
    }
    let bound = Monitor::new(binder);
    let endpoint = binder.bind_any(transport);
    let connected = Monitor::new(connecter);
    connecter.connect(&endpoint).expect("connect");
    connected.wait_for(zmq::EVENT_HANDSHAKE_SUCCEEDED);
    bound.wait_for(zmq::EVENT_HANDSHAKE_SUCCEEDED);
    binder.events();
    connecter.events();
    endpoint
}

/// Connects one more socket to an endpoint of `binder` and returns when both have finished the handshake.
#[track_caller]
pub fn join_more(binder: &Sock, connecter: &Sock, endpoint: &str) {
    if endpoint.starts_with("inproc:") {
        connecter.connect(endpoint).expect("connect");
    } else {
        let bound = Monitor::new(binder);
        let connected = Monitor::new(connecter);
        connecter.connect(endpoint).expect("connect");
        connected.wait_for(zmq::EVENT_HANDSHAKE_SUCCEEDED);
        bound.wait_for(zmq::EVENT_HANDSHAKE_SUCCEEDED);
    }
    binder.events();
    connecter.events();
}

/// Returns when the one I/O thread of the context has done what it was told, and read what had come.
#[track_caller]
pub fn settle(ctx: &Ctx) {
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    join(&pull, &push, Transport::Tcp);
    push.send("x");
    pull.expect("x");
}

/// Two connected sockets in a new context: binder, connecter.
#[track_caller]
pub fn pair(binder: i32, connecter: i32, transport: Transport) -> (Sock, Sock) {
    let ctx = Ctx::new();
    let (a, b) = (ctx.socket(binder), ctx.socket(connecter));
    join(&a, &b, transport);
    (a, b)
}

/// What [`poll`] looks at.
pub struct PollItem<'a> {
    /// The socket, or none for a file descriptor.
    pub socket: Option<&'a Sock>,
    /// The file descriptor if there is no socket.
    pub fd: i32,
    /// Events asked for.
    pub events: i16,
    /// Events found.
    pub revents: i16,
}

impl<'a> PollItem<'a> {
    /// A socket.
    pub fn socket(socket: &'a Sock, events: i32) -> Self {
        Self { socket: Some(socket), fd: 0, events: events as i16, revents: 0 }
    }

    /// A file descriptor.
    pub fn fd(fd: i32, events: i32) -> Self {
        Self { socket: None, fd, events: events as i16, revents: 0 }
    }
}

/// A socket with a routing id.
pub fn named(ctx: &Ctx, kind: i32, id: &str) -> Sock {
    let sock = ctx.socket(kind);
    sock.set_bytes(zmq::ROUTING_ID, id).unwrap();
    sock
}

/// Waits until an item is ready; how many are. The timeout is in milliseconds, negative for none.
pub fn poll(items: &mut [PollItem<'_>], timeout: i64) -> std::result::Result<usize, Errno> {
    let mut raw: Vec<BackendPollItem<'_>> = items
        .iter()
        .map(|item| BackendPollItem {
            socket: item.socket.map(Sock::backend),
            fd: item.fd,
            events: item.events,
            revents: item.revents,
        })
        .collect();
    let result = subject().poll(&mut raw, timeout);
    let found: Vec<i16> = raw.iter().map(|item| item.revents).collect();
    for (item, revents) in items.iter_mut().zip(found) {
        item.revents = revents;
    }
    result
}

/// Runs a proxy until it ends; `Ok` after TERMINATE.
pub fn proxy(frontend: &Sock, backend: &Sock, capture: Option<&Sock>, control: Option<&Sock>) -> Result<()> {
    subject().proxy(ProxySockets {
        frontend: frontend.backend(),
        backend: backend.backend(),
        capture: capture.map(Sock::backend),
        control: control.map(Sock::backend),
    })
}
