//! Passing messages between two sockets.

use std::fmt;

use ferrozmq_base::{
    Error as Code,
    sync::{AtomicU64, Ordering},
};
use ferrozmq_runtime::{self as runtime, ProxySocket, SocketCore};

use crate::{
    Error, Result, Socket, SocketType,
    socket::{Member, Proxied},
};

/// Passes messages between two sockets, both ways: the whole of most brokers.
///
/// ```
/// use ferrozmq::{Context, Error};
///
/// let ctx = Context::new();
/// let mut clients = ctx.router().bind("inproc://clients")?;
/// let mut workers = ctx.dealer().bind("inproc://workers")?;
/// let broker = std::thread::spawn(move || ferrozmq::proxy(&mut clients, &mut workers).run());
///
/// let mut worker = ctx.rep().connect("inproc://workers")?;
/// let mut client = ctx.req().connect("inproc://clients")?;
/// let pending = client.send("Hello")?;
/// assert_eq!(worker.recv()?, "Hello");
/// worker.send("World")?;
/// assert_eq!(pending.recv()?, "World");
///
/// ctx.shutdown();
/// assert_eq!(broker.join().unwrap(), Err(Error::Terminated));
/// # Ok::<(), Error>(())
/// ```
///
/// Sockets for many threads are only borrowed, and other threads may use them meanwhile. Their messages keep the group,
/// and the number of the peer: a [`Server`](crate::Server) or [`Peer`](crate::Peer) sends what passes to its own peer of
/// that number, so that answers that come from a [`Client`](crate::Client), which have none, end the proxy with
/// [`Error::HostUnreachable`](crate::Error::HostUnreachable).
///
/// ```
/// use ferrozmq::{Context, Error};
/// use std::time::Duration;
///
/// let ctx = Context::new();
/// let far = ctx.radio().bind("inproc://far")?;
/// let (dish, radio) = (ctx.dish().join("news").connect("inproc://far")?, ctx.radio().bind("inproc://near")?);
/// let relay = std::thread::spawn(move || ferrozmq::proxy(&dish, &radio).run());
///
/// let listener = ctx.dish().join("news").connect("inproc://near")?;
/// far.send_to_group("news", "Hello")?;
/// let message = listener.recv()?;
/// assert_eq!((message.group(), message.as_str()), (&b"news"[..], Ok("Hello")));
/// # ctx.shutdown();
/// # assert_eq!(relay.join().unwrap(), Err(Error::Terminated));
/// # Ok::<(), Error>(())
/// ```
#[doc(alias = "zmq_proxy")]
pub fn proxy<'a>(front: impl Proxied<'a>, back: impl Proxied<'a>) -> Proxy<'a> {
    Proxy { front: front.member(), back: back.member(), capture: None, control: None }
}

/// A proxy that does not run yet. See the example of [`proxy`].
#[must_use = "a proxy does nothing before `run`"]
#[derive(Debug)]
pub struct Proxy<'a> {
    front: Member<'a>,
    back: Member<'a>,
    capture: Option<Member<'a>>,
    control: Option<Socket>,
}

impl<'a> Proxy<'a> {
    /// Sends a copy of every message to this socket.
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let (mut inlet, mut outlet) = (ctx.pull().bind("inproc://in")?, ctx.push().bind("inproc://out")?);
    /// let mut tap = ctx.push().bind("inproc://tap")?;
    /// let mut seen = ctx.pull().connect("inproc://tap")?;
    /// let mut worker = ctx.pull().connect("inproc://out")?;
    /// std::thread::spawn(move || ferrozmq::proxy(&mut inlet, &mut outlet).capture(&mut tap).run());
    ///
    /// ctx.push().connect("inproc://in")?.send("task")?;
    /// assert_eq!(worker.recv()?, "task");
    /// assert_eq!(seen.recv()?, "task");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    pub fn capture(mut self, socket: impl Proxied<'a>) -> Self {
        self.capture = Some(socket.member());
        self
    }

    /// A handle that stops the proxy, or lets it pause, from another thread.
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let (mut inlet, mut outlet) = (ctx.pull().bind("inproc://in")?, ctx.push().bind("inproc://out")?);
    /// let (proxy, mut handle) = ferrozmq::proxy(&mut inlet, &mut outlet).stoppable()?;
    /// std::thread::spawn(move || handle.stop());
    /// proxy.run()?;
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::TooManyFiles`](crate::Error::TooManyFiles), [`Error::Terminated`](crate::Error::Terminated).
    #[doc(alias = "zmq_proxy_steerable")]
    pub fn stoppable(mut self) -> Result<(Self, ProxyHandle)> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let endpoint = format!("inproc://ferrozmq/proxy/{}", COUNT.fetch_add(1, Ordering::Relaxed));
        let mut control = self.front.sibling(SocketType::Pair)?;
        let mut handle = self.front.sibling(SocketType::Pair)?;
        for socket in [&mut control, &mut handle] {
            // No command may be lost, however many there are before the proxy runs.
            socket.with(|core| {
                (core.options_mut().send_hwm, core.options_mut().receive_hwm) = (0, 0);
                Ok(())
            })?;
        }
        control.bind(&endpoint)?;
        handle.connect(&endpoint)?;
        self.control = Some(control);
        Ok((self, ProxyHandle(handle)))
    }

    /// Passes messages until the handle says stop. See the example of [`proxy`].
    ///
    /// # Errors
    /// [`Error::Terminated`](crate::Error::Terminated) when the context is shut down,
    /// [`Error::Interrupted`](crate::Error::Interrupted) by an interrupt of one of the sockets,
    /// [`Error::HostUnreachable`](crate::Error::HostUnreachable) if it is not known where to send a message.
    pub fn run(self) -> Result<()> {
        let Self { front, back, capture, mut control } = self;
        let result = front.with(|front| {
            back.with(|back| {
                with(capture, |capture| {
                    with(control.as_mut().map(Member::own), |control| {
                        runtime::Proxy { front, back: Some(back), capture, control }.run()
                    })
                })
            })
        });
        Ok(result?)
    }
}

/// Runs `f` on what a proxy sees of a socket, if there is one.
fn with<R>(
    member: Option<Member<'_>>,
    f: impl FnOnce(Option<ProxySocket<'_>>) -> ferrozmq_base::Result<R>,
) -> ferrozmq_base::Result<R> {
    match member {
        None => f(None),
        Some(member) => member.with(|socket| f(Some(socket))),
    }
}

/// Steers a proxy that runs in another thread; [`Proxy::stoppable`] makes it.
///
/// ```
/// use ferrozmq::{Context, Error, Result};
///
/// let ctx = Context::new();
/// let (mut inlet, mut outlet) = (ctx.pull().bind("inproc://in")?, ctx.push().bind("inproc://out")?);
/// let (proxy, mut handle) = ferrozmq::proxy(&mut inlet, &mut outlet).stoppable()?;
///
/// let mut tasks = ctx.push().connect("inproc://in")?;
/// let mut worker = ctx.pull().connect("inproc://out")?;
/// let operator = std::thread::spawn(move || -> Result<()> {
///     tasks.send("first")?;
///     assert_eq!(worker.recv()?, "first");
///     assert_eq!(handle.passed()?.back.frames_out, 1);
///     handle.pause()?;
///     assert_eq!(handle.passed()?.front.frames_in, 1);        // answered: the proxy has paused
///     tasks.send("second")?;
///     assert_eq!(worker.try_recv(), Err(Error::Again));
///     handle.resume()?;
///     assert_eq!(worker.recv()?, "second");
///     handle.stop()
/// });
/// proxy.run()?;
/// operator.join().unwrap()?;
/// # Ok::<(), Error>(())
/// ```
pub struct ProxyHandle(Socket);

impl fmt::Debug for ProxyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyHandle")
    }
}

impl ProxyHandle {
    /// Ends the proxy.
    ///
    /// See the example of [`ProxyHandle`].
    ///
    /// # Errors
    /// [`Error::Terminated`](crate::Error::Terminated).
    pub fn stop(&mut self) -> Result<()> {
        self.say("TERMINATE")
    }

    /// No message passes until [`resume`](Self::resume).
    ///
    /// See the example of [`ProxyHandle`].
    ///
    /// # Errors
    /// As [`stop`](Self::stop).
    pub fn pause(&mut self) -> Result<()> {
        self.say("PAUSE")
    }

    /// Messages pass again.
    ///
    /// See the example of [`ProxyHandle`].
    ///
    /// # Errors
    /// As [`stop`](Self::stop).
    pub fn resume(&mut self) -> Result<()> {
        self.say("RESUME")
    }

    /// What has passed so far; waits for the proxy to answer.
    ///
    /// See the example of [`ProxyHandle`].
    ///
    /// # Errors
    /// As [`stop`](Self::stop); [`Error::HostUnreachable`](crate::Error::HostUnreachable) once the proxy has ended.
    pub fn passed(&mut self) -> Result<Passed> {
        self.say("STATISTICS")?;
        let is_answered = |core: &mut SocketCore| core.events().is_ok_and(|events| events.readable);
        self.0.with(|core| core.wait_until(None, |core| is_answered(core) || core.peers() == 0))?;
        let numbers = match self.0.try_recv_multipart() {
            Err(Error::Again) => return Err(Error::HostUnreachable),
            numbers => numbers?,
        };
        let number = |i: usize| {
            let bytes = numbers.get(i).and_then(|frame| frame.as_bytes().try_into().ok());
            u64::from_ne_bytes(bytes.unwrap_or_default())
        };
        let side = |i| Side {
            frames_in: number(i),
            bytes_in: number(i + 1),
            frames_out: number(i + 2),
            bytes_out: number(i + 3),
        };
        Ok(Passed { front: side(0), back: side(4) })
    }

    fn say(&mut self, command: &str) -> Result<()> {
        match self.0.try_send(command) {
            // The proxy has ended.
            Err(e) if e.error().core() == Code::Again => Ok(()),
            result => Ok(result?),
        }
    }
}

/// What has passed a proxy. See the example of [`ProxyHandle`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// The front socket.
    pub front: Side,
    /// The back socket.
    pub back: Side,
}

/// What has passed one socket of a proxy. See the example of [`ProxyHandle`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Side {
    /// Frames received.
    pub frames_in: u64,
    /// Bytes received.
    pub bytes_in: u64,
    /// Frames sent.
    pub frames_out: u64,
    /// Bytes sent.
    pub bytes_out: u64,
}
