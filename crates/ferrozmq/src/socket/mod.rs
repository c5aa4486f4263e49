//! The socket whose kind is known at run time, on which the typed ones stand.
//!
//! A socket is its owner's alone: [`SocketCore`] lies in it. Only one that a [`Poller`](crate::Poller) watches lies
//! behind a mutex, which nobody else holds unless the poller looks at it in another thread. The kinds for many threads
//! stand on [`shared::Shared`] instead.

mod dgram;
mod kinds;
mod shared;
mod shared_kinds;
mod typed;

pub use dgram::Dgram;
pub use kinds::*;
pub use shared_kinds::*;
pub(crate) use typed::sealed::{Member, Typed, Watched};
pub use typed::{Owned, Proxied, Watchable};

use std::{cell::RefCell, fmt, sync::Arc, time::Duration};

use ferrozmq_base::{
    Error as Code, Msg,
    sync::{Mutex, lock},
};
use ferrozmq_runtime::{Events, Flags, SocketCore, Waits};

use crate::{
    Error, Interrupt, Message, Monitor, Multipart, Result, SendError, SocketType, Stats,
    context::Shared,
    multipart::{IntoMultipart, sealed::Frames as _},
};

/// A socket of any kind, for tools: what its kind cannot do is an error at run time.
///
/// ```
/// use ferrozmq::{Context, SocketType};
///
/// let ctx = Context::new();
/// let mut any = ctx.socket(SocketType::Pull).bind("tcp://127.0.0.1:*")?;
/// assert_eq!(any.kind().name(), "PULL");
/// ctx.push().connect(any.last_endpoint())?.send(("two", "frames"))?;
/// assert_eq!(any.recv_frame()?, ("two".into(), true));
/// assert_eq!(any.recv_frame()?, ("frames".into(), false));
/// # Ok::<(), ferrozmq::Error>(())
/// ```
pub struct Socket {
    core: RefCell<Core>,
    kind: SocketType,
    interrupt: Option<Interrupt>,
    last_endpoint: String,
    /// Declared after the core, so that it goes after it.
    context: Arc<Shared>,
}

enum Core {
    Own(Box<SocketCore>),
    Watched(Arc<Mutex<SocketCore>>),
    Closed,
}

impl Core {
    /// Apart, so that the way to a socket's own core is short.
    #[cold]
    #[inline(never)]
    fn with_watched<R>(
        &mut self,
        f: impl FnOnce(&mut SocketCore) -> ferrozmq_base::Result<R>,
    ) -> ferrozmq_base::Result<R> {
        match self {
            Self::Watched(core) => f(&mut lock(core)),
            Self::Own(_) | Self::Closed => Err(Code::NotASocket),
        }
    }
}

impl Socket {
    pub(crate) fn new(context: Arc<Shared>, kind: SocketType, interrupt: Option<Interrupt>) -> Result<Self> {
        let core = context.socket(kind)?;
        let mut socket = Self {
            core: RefCell::new(Core::Own(Box::new(core))),
            kind,
            interrupt: None,
            last_endpoint: String::new(),
            context,
        };
        socket.set_interrupt(interrupt)?;
        Ok(socket)
    }

    /// Another socket of the same context, which no interrupt ends.
    pub(crate) fn sibling(&self, kind: SocketType) -> Result<Self> {
        Self::new(self.context.clone(), kind, None)
    }

    pub(crate) fn set_interrupt(&mut self, interrupt: Option<Interrupt>) -> Result<()> {
        let waits = Waits { outlast_signals: true, interrupt: interrupt.as_ref().map(|i| i.0.clone()) };
        self.with(|core| {
            core.set_waits(waits);
            Ok(())
        })?;
        self.interrupt = interrupt;
        Ok(())
    }

    /// Runs `f` on the core.
    #[inline(always)]
    pub(crate) fn with<R>(
        &mut self,
        f: impl FnOnce(&mut SocketCore) -> ferrozmq_base::Result<R>,
    ) -> ferrozmq_base::Result<R> {
        match self.core.get_mut() {
            Core::Own(core) => f(core),
            other => other.with_watched(f),
        }
    }

    /// The core for a poller: from now on the socket reaches it through a mutex.
    pub(crate) fn watch(&self) -> Result<Watched> {
        let mut core = self.core.borrow_mut();
        let shared = match std::mem::replace(&mut *core, Core::Closed) {
            Core::Own(own) => Arc::new(Mutex::new(*own)),
            Core::Watched(shared) => shared,
            Core::Closed => return Err(Error::NotASocket),
        };
        let watched = Arc::downgrade(&shared);
        *core = Core::Watched(shared);
        Ok(Watched::Own(watched))
    }

    /// Calls that may wait end at once while the interrupt is raised, also where they would not have to wait.
    #[inline(always)]
    fn check(&self) -> ferrozmq_base::Result<()> {
        match &self.interrupt {
            Some(interrupt) if interrupt.is_raised() => Err(Code::Interrupted),
            _ => Ok(()),
        }
    }

    /// The kind of the socket. See the example of [`Socket`].
    pub fn kind(&self) -> SocketType {
        self.kind
    }

    // ---- Endpoints ----

    /// Accepts peers at `endpoint`: `tcp://host:port`, `tcp://127.0.0.1:*`, `ipc:///path` or `inproc://name`;
    /// where the kernel has them, `vsock://cid:port` and `tipc://{type,lower,upper}`.
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let mut tasks = ctx.pull().build()?;
    /// tasks.bind("tcp://127.0.0.1:*")?;
    /// let endpoint = tasks.last_endpoint().to_owned();            // tcp://127.0.0.1:49213
    /// tasks.bind("inproc://tasks")?;                              // as often as needed
    ///
    /// let mut worker = ctx.push().build()?;
    /// worker.connect(&endpoint)?;
    /// worker.disconnect(&endpoint)?;
    /// tasks.unbind(&endpoint)?;
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Endpoint`] says what is wrong with it.
    #[doc(alias = "zmq_bind")]
    pub fn bind(&mut self, endpoint: impl AsRef<str>) -> Result<()> {
        self.at(endpoint.as_ref(), SocketCore::bind)
    }

    /// Connects to `endpoint`, now or as soon as somebody is there, and again whenever the connection is lost.
    ///
    /// See the example of [`bind`](Self::bind).
    ///
    /// # Errors
    /// [`Error::Endpoint`] says what is wrong with it; that nobody is there is none.
    #[doc(alias = "zmq_connect")]
    pub fn connect(&mut self, endpoint: impl AsRef<str>) -> Result<()> {
        self.at(endpoint.as_ref(), SocketCore::connect)
    }

    /// Ends what [`bind`](Self::bind) began, and the connections that came through it.
    ///
    /// See the example of [`bind`](Self::bind).
    ///
    /// # Errors
    /// [`Error::Endpoint`] if it was not bound.
    #[doc(alias = "zmq_unbind")]
    pub fn unbind(&mut self, endpoint: impl AsRef<str>) -> Result<()> {
        self.at(endpoint.as_ref(), SocketCore::unbind)
    }

    /// Ends what [`connect`](Self::connect) began.
    ///
    /// See the example of [`bind`](Self::bind).
    ///
    /// # Errors
    /// [`Error::Endpoint`] if it was not connected.
    #[doc(alias = "zmq_disconnect")]
    pub fn disconnect(&mut self, endpoint: impl AsRef<str>) -> Result<()> {
        self.at(endpoint.as_ref(), SocketCore::disconnect)
    }

    fn at(
        &mut self,
        endpoint: &str,
        act: fn(&mut SocketCore, &str) -> std::result::Result<(), ferrozmq_runtime::BindError>,
    ) -> Result<()> {
        let (result, last) = self.with(|core| {
            let result = act(core, endpoint);
            Ok((result, core.last_endpoint().to_owned()))
        })?;
        self.last_endpoint = last;
        result.map_err(|e| Error::at_endpoint(endpoint, e))
    }

    /// The endpoint bound or connected last, with the port that the system chose; empty if there was none.
    ///
    /// See the example of [`bind`](Self::bind).
    #[doc(alias = "ZMQ_LAST_ENDPOINT")]
    pub fn last_endpoint(&self) -> &str {
        &self.last_endpoint
    }

    // ---- Traffic ----

    /// Sends a message; waits while there is no room for it.
    ///
    /// ```
    /// use ferrozmq::{Context, Error, SocketType};
    ///
    /// let ctx = Context::new();
    /// let mut tasks = ctx.socket(SocketType::Push).bind("inproc://tasks")?;
    /// let refused = tasks.try_send("task").unwrap_err();          // nobody is there
    /// assert_eq!(refused.error(), Error::Again);
    ///
    /// let mut worker = ctx.socket(SocketType::Pull).connect("inproc://tasks")?;
    /// tasks.send(refused.into_message())?;
    /// assert_eq!(worker.recv()?, "task");
    /// tasks.send(("resize", "cat.png"))?;
    /// assert_eq!(worker.recv_multipart()?.len(), 2);
    /// assert_eq!(worker.try_recv(), Err(Error::Again));
    /// assert_eq!(worker.try_recv_multipart(), Err(Error::Again));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// The error has the message.
    #[inline]
    #[doc(alias = "zmq_send")]
    pub fn send<M: IntoMultipart>(&mut self, message: M) -> Result<(), SendError<M::Whole>> {
        self.send_whole(message, false)
    }

    /// Sends a message if there is room for it.
    ///
    /// See the example of [`send`](Self::send).
    ///
    /// # Errors
    /// [`Error::Again`] if there is none. The error has the message.
    #[inline]
    #[doc(alias = "ZMQ_DONTWAIT")]
    pub fn try_send<M: IntoMultipart>(&mut self, message: M) -> Result<(), SendError<M::Whole>> {
        self.send_whole(message, true)
    }

    /// Sends one frame of a message, which goes on if `more` is set.
    ///
    /// ```
    /// use ferrozmq::{Context, Error, SocketType};
    ///
    /// let ctx = Context::new();
    /// let mut tasks = ctx.socket(SocketType::Push).bind("inproc://tasks")?;
    /// let mut worker = ctx.socket(SocketType::Pull).connect("inproc://tasks")?;
    /// tasks.try_send_frame("resize", true)?;                      // only the first frame may find no room
    /// assert_eq!(worker.try_recv_frame(), Err(Error::Again));     // a message arrives whole
    /// tasks.send_frame("cat.png", false)?;
    /// assert_eq!(worker.recv_frame()?, ("resize".into(), true));
    /// assert_eq!(worker.recv_frame()?, ("cat.png".into(), false));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// The error has the frame.
    #[doc(alias = "ZMQ_SNDMORE")]
    pub fn send_frame(&mut self, frame: impl Into<Message>, more: bool) -> Result<(), SendError<Message>> {
        let mut frame = frame.into();
        self.send_frame_now(&mut frame.0, false, more).map_err(|e| SendError::new(frame, e))
    }

    /// As [`send_frame`](Self::send_frame), if there is room for the message.
    ///
    /// See the example of [`send_frame`](Self::send_frame).
    ///
    /// # Errors
    /// [`Error::Again`] if there is none. The error has the frame.
    pub fn try_send_frame(
        &mut self,
        frame: impl Into<Message>,
        more: bool,
    ) -> Result<(), SendError<Message>> {
        let mut frame = frame.into();
        self.send_frame_now(&mut frame.0, true, more).map_err(|e| SendError::new(frame, e))
    }

    #[inline]
    pub(crate) fn send_whole<M: IntoMultipart>(
        &mut self,
        message: M,
        dont_wait: bool,
    ) -> Result<(), SendError<M::Whole>> {
        let mut whole = M::Whole::default();
        message.put_into(&mut whole);
        let result = match whole.frames() {
            [only] => self.send_frame_now(&mut only.0, dont_wait, false),
            // It would stop in the middle.
            [_, _, _, ..] if self.kind == SocketType::Dgram => Err(Code::InvalidArgument),
            [first, rest @ ..] => {
                self.send_frame_now(&mut first.0, dont_wait, true).and_then(|()| self.finish(rest))
            }
            [] => self.send_frame_now(&mut Msg::new(), dont_wait, false),
        };
        match result {
            Ok(()) => Ok(()),
            Err(e) => Err(SendError::new(whole, e)),
        }
    }

    #[inline(never)]
    pub(crate) fn send_frame_now(&mut self, m: &mut Msg, dont_wait: bool, more: bool) -> Result<(), Code> {
        if !dont_wait {
            self.check()?;
        }
        let flags = Flags { dont_wait, more };
        match self.core.get_mut() {
            Core::Own(core) => core.send(m, flags),
            other => other.with_watched(|core| core.send(m, flags)),
        }
    }

    /// Sends the frames that end a message; one empty frame, if there are none. Only a first frame can find no room: a
    /// message that was begun can be finished.
    pub(crate) fn finish(&mut self, frames: &mut [Message]) -> Result<(), Code> {
        let mut left = frames.len();
        if left == 0 {
            return self.with(|core| core.send_rest(&mut Msg::new(), false));
        }
        self.with(|core| {
            frames.iter_mut().try_for_each(|frame| {
                left -= 1;
                core.send_rest(&mut frame.0, left > 0)
            })
        })
    }

    /// Receives the first frame of the next message; waits for it. A message is expected to have one frame; if it has
    /// more, they are dropped. [`recv_multipart`](Self::recv_multipart) receives them all.
    ///
    /// See the example of [`send`](Self::send).
    ///
    /// # Errors
    /// [`Error::Again`] once the receive timeout has passed, [`Error::Terminated`], [`Error::Interrupted`],
    /// [`Error::InvalidState`].
    #[inline]
    #[doc(alias = "zmq_recv")]
    pub fn recv(&mut self) -> Result<Message> {
        let mut m = Message::new();
        self.recv_into(&mut m)?;
        Ok(m)
    }

    /// As [`recv`](Self::recv), in place of a message that is there already and is dropped: for those who receive many,
    /// since nothing is moved.
    ///
    /// ```
    /// # use ferrozmq::{Context, Message};
    /// # let ctx = Context::new();
    /// # let mut numbers = ctx.pull().bind("inproc://numbers")?;
    /// # ctx.push().connect("inproc://numbers")?.send("1")?;
    /// let mut message = Message::new();
    /// numbers.recv_into(&mut message)?;
    /// assert_eq!(message, "1");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`recv`](Self::recv). The message is as it was.
    #[inline]
    #[doc(alias = "zmq_msg_recv")]
    pub fn recv_into(&mut self, message: &mut Message) -> Result<()> {
        Ok(self.recv_one(&mut message.0, false)?)
    }

    /// As [`recv`](Self::recv), if there is a message.
    ///
    /// See the example of [`send`](Self::send).
    ///
    /// # Errors
    /// [`Error::Again`] if there is none.
    #[inline]
    pub fn try_recv(&mut self) -> Result<Message> {
        let mut m = Message::new();
        self.recv_one(&mut m.0, true)?;
        Ok(m)
    }

    /// Receives all frames of the next message; waits for it.
    ///
    /// See the example of [`send`](Self::send).
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn recv_multipart(&mut self) -> Result<Multipart> {
        let first = self.first(false)?;
        self.rest(first)
    }

    /// Receives all frames of the next message, if there is one.
    ///
    /// See the example of [`send`](Self::send).
    ///
    /// # Errors
    /// [`Error::Again`] if there is none.
    pub fn try_recv_multipart(&mut self) -> Result<Multipart> {
        let first = self.first(true)?;
        self.rest(first)
    }

    /// Receives the next frame, and whether the message goes on after it.
    ///
    /// See the example of [`send_frame`](Self::send_frame).
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    #[doc(alias = "ZMQ_RCVMORE")]
    pub fn recv_frame(&mut self) -> Result<(Message, bool)> {
        Ok(frame_and_more(self.first(false)?))
    }

    /// As [`recv_frame`](Self::recv_frame), if there is a frame.
    ///
    /// See the example of [`send_frame`](Self::send_frame).
    ///
    /// # Errors
    /// [`Error::Again`] if there is none.
    pub fn try_recv_frame(&mut self) -> Result<(Message, bool)> {
        Ok(frame_and_more(self.first(true)?))
    }

    fn first(&mut self, dont_wait: bool) -> Result<Message> {
        let mut m = Message::new();
        self.recv_frame_now(&mut m.0, dont_wait)?;
        Ok(m)
    }

    /// A frame; those after it are dropped.
    #[inline(never)]
    fn recv_one(&mut self, m: &mut Msg, dont_wait: bool) -> Result<(), Code> {
        self.recv_frame_now(m, dont_wait)?;
        if m.more() { self.skip(m) } else { Ok(()) }
    }

    #[inline(always)]
    fn recv_frame_now(&mut self, m: &mut Msg, dont_wait: bool) -> Result<(), Code> {
        if !dont_wait {
            self.check()?;
        }
        match self.core.get_mut() {
            Core::Own(core) => core.recv(m, dont_wait),
            other => other.with_watched(|core| core.recv(m, dont_wait)),
        }
    }

    /// The frames after this one.
    pub(crate) fn rest(&mut self, first: Message) -> Result<Multipart> {
        let mut more = first.0.more();
        let mut frames = vec![first];
        while more {
            // They are there: a message arrives whole.
            let mut m = Msg::new();
            self.with(|core| core.try_recv(&mut m))?;
            more = m.more();
            frames.push(Message(m));
        }
        for frame in &mut frames {
            frame.0.set_more(false);
        }
        Ok(frames.into())
    }

    #[cold]
    fn skip(&mut self, first: &mut Msg) -> Result<(), Code> {
        first.set_more(false);
        let mut m = Msg::new();
        loop {
            self.with(|core| core.try_recv(&mut m))?;
            if !m.more() {
                return Ok(());
            }
        }
    }

    // ---- Groups and numbered peers ----

    /// Receives messages of this group, of up to 255 bytes, from now on: for a DISH.
    ///
    /// ```
    /// # use ferrozmq::{Context, SocketType};
    /// let ctx = Context::new();
    /// let mut radio = ctx.socket(SocketType::Radio).bind("inproc://groups")?;
    /// let mut dish = ctx.socket(SocketType::Dish).connect("inproc://groups")?;
    /// dish.join("weather")?;
    /// let mut message = ferrozmq::Message::from("21 C");
    /// message.set_group("weather");
    /// radio.send(message)?;
    /// assert_eq!(dish.recv()?.group(), b"weather");
    /// dish.leave("weather")?;
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if it was joined before, or is longer; [`Error::NotSupported`] on other kinds.
    #[doc(alias = "zmq_join")]
    pub fn join(&mut self, group: impl AsRef<[u8]>) -> Result<()> {
        Ok(self.with(|core| core.join(group.as_ref()))?)
    }

    /// Receives messages of this group no more: for a DISH; see [`join`](Self::join).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if it was not joined; [`Error::NotSupported`] on other kinds.
    #[doc(alias = "zmq_leave")]
    pub fn leave(&mut self, group: impl AsRef<[u8]>) -> Result<()> {
        Ok(self.with(|core| core.leave(group.as_ref()))?)
    }

    /// Connects a PEER, and tells by what number it knows its peer; see [`Peer`].
    ///
    /// # Errors
    /// As [`Peer::connect_peer`]; [`Error::Endpoint`] on other kinds.
    #[doc(alias = "zmq_connect_peer")]
    pub fn connect_peer(&mut self, endpoint: impl AsRef<str>) -> Result<PeerId> {
        let endpoint = endpoint.as_ref();
        let (result, last) = self.with(|core| {
            let result = core.connect_peer(endpoint);
            Ok((result, core.last_endpoint().to_owned()))
        })?;
        self.last_endpoint = last;
        let number = result.map_err(|e| Error::at_endpoint(endpoint, e))?;
        PeerId::from_number(number).ok_or(Error::Protocol)
    }

    /// Waits until this many peers have subscribed to something, or joined a group: for PUB, XPUB and RADIO. See
    /// [`Publisher`].
    ///
    /// # Errors
    /// [`Error::Again`] once the timeout has passed; [`Error::Terminated`], [`Error::Interrupted`].
    pub fn wait_for_subscribers(&mut self, count: usize, timeout: Duration) -> Result<()> {
        self.check()?;
        Ok(self.with(|core| core.wait_until(Some(timeout), |core| core.subscribers() >= count))?)
    }

    /// What can be done without waiting. See the example of [`Events`].
    ///
    /// # Errors
    /// [`Error::Terminated`], [`Error::Interrupted`].
    pub fn events(&mut self) -> Result<Events> {
        Ok(self.with(SocketCore::events)?)
    }

    // ---- Options ----

    /// Sets the option with this number of `zmq.h`, from the bytes that `zmq_setsockopt` takes.
    ///
    /// ```
    /// # use ferrozmq::{Context, SocketType};
    /// const ZMQ_SUBSCRIBE: i32 = 6;
    /// let mut any = Context::new().socket(SocketType::Sub).build()?;
    /// any.set_option(ZMQ_SUBSCRIBE, b"weather.")?;
    ///
    /// const ZMQ_RCVHWM: i32 = 24;
    /// assert_eq!(any.option(ZMQ_RCVHWM, 4)?, 1000i32.to_ne_bytes());
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`].
    #[doc(alias = "zmq_setsockopt")]
    pub fn set_option(&mut self, number: i32, value: &[u8]) -> Result<()> {
        Ok(self.with(|core| core.set_option(number, Some(value)))?)
    }

    /// Reads the option with this number of `zmq.h`, as the bytes that `zmq_getsockopt` gives for a buffer of `size`.
    ///
    /// See the example of [`set_option`](Self::set_option).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`]; [`Error::OutOfMemory`] for a size that no buffer can have.
    #[doc(alias = "zmq_getsockopt")]
    pub fn option(&mut self, number: i32, size: usize) -> Result<Vec<u8>> {
        let mut value = Vec::new();
        value.try_reserve_exact(size).map_err(|_| Error::OutOfMemory)?;
        value.resize(size, 0);
        let length = self.with(|core| core.option(number, &mut value))?;
        value.truncate(length);
        Ok(value)
    }

    // ---- Watching, end ----

    /// Tells what happens on the socket's connections from now on, in place of an earlier monitor.
    ///
    /// See the example of [`Monitor`].
    ///
    /// # Errors
    /// [`Error::TooManyFiles`], [`Error::Terminated`].
    #[doc(alias = "zmq_socket_monitor")]
    pub fn monitor(&mut self) -> Result<Monitor> {
        let sibling = self.sibling(SocketType::Pair)?;
        Monitor::new(sibling, |endpoint| self.with(|core| core.monitor_typed(endpoint)))
    }

    /// What has become of the socket's messages so far.
    ///
    /// See the example of [`Stats`].
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn stats(&mut self) -> Result<Stats> {
        Ok(Stats::new(self.with(SocketCore::stats)?))
    }

    /// Sends the events of these bits (`ZMQ_EVENT_…`) to the PAIR sockets of this context that connect to `endpoint`, an
    /// inproc one, as the messages of `zmq_socket_monitor`; in place of an earlier monitor. `None` ends that.
    /// [`monitor`](Self::monitor) gives typed events instead.
    ///
    /// ```
    /// use ferrozmq::{Context, SocketType};
    ///
    /// const ZMQ_EVENT_LISTENING: u16 = 8;
    /// let ctx = Context::new();
    /// let mut any = ctx.socket(SocketType::Rep).build()?;
    /// any.monitor_at(Some("inproc://events"), ZMQ_EVENT_LISTENING)?;
    /// let mut events = ctx.pair().connect("inproc://events")?;
    /// any.bind("tcp://127.0.0.1:*")?;
    /// let event = events.recv_multipart()?;                       // number and value, endpoint
    /// assert_eq!(event[0][..2], ZMQ_EVENT_LISTENING.to_ne_bytes());
    /// assert_eq!(event[1], any.last_endpoint());
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::ProtocolNotSupported`] for another transport, [`Error::InvalidArgument`], [`Error::AddressInUse`],
    /// [`Error::TooManyFiles`], [`Error::Terminated`].
    pub fn monitor_at(&mut self, endpoint: Option<&str>, events: u16) -> Result<()> {
        Ok(self.with(|core| core.monitor(endpoint, events.into(), 1, SocketType::Pair))?)
    }

    /// Closes the socket. Returns at once; what was sent still goes out for up to `deadline`, for which whatever goes
    /// last of the context waits.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let ctx = ferrozmq::Context::new();
    /// let mut results = ctx.pull().bind("tcp://127.0.0.1:*")?;
    /// let mut worker = ctx.push().connect(results.last_endpoint())?;
    /// worker.send("the last result")?;
    /// worker.close_within(Duration::from_secs(5));
    /// assert_eq!(results.recv()?, "the last result");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_LINGER")]
    pub fn close_within(mut self, deadline: Duration) {
        let _ = self.with(|core| {
            core.options_mut().linger = Some(deadline);
            Ok(())
        });
    }
}

fn frame_and_more(mut frame: Message) -> (Message, bool) {
    let more = frame.0.more();
    frame.0.set_more(false);
    (frame, more)
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(self.kind.name()).field("endpoint", &self.last_endpoint).finish_non_exhaustive()
    }
}
