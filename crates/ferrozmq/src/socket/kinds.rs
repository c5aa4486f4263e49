//! One type per kind of socket.

use std::time::Duration;

use super::typed::{receives, sends, socket};
use crate::{
    Error, Message, Multipart, Result, RoutingId, SendError,
    multipart::{IntoMultipart, sealed::Frames as _},
};

// Numbers of zmq.h (zmq_setsockopt(3)).
const SUBSCRIBE: i32 = 6;
const UNSUBSCRIBE: i32 = 7;

socket! {
    /// A socket for exactly one peer (PAIR): between two threads, mostly.
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let mut here = ctx.pair().bind("inproc://step")?;
    /// let mut there = ctx.pair().connect("inproc://step")?;
    /// std::thread::spawn(move || there.send("ready"));
    /// assert_eq!(here.recv()?, "ready");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_PAIR")]
    Pair
}
sends!(Pair);
receives!(Pair);

socket! {
    /// Sends each message to every subscriber that wants it (PUB). Never waits: a subscriber whose queue is full
    /// misses the message.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let ctx = ferrozmq::Context::new();
    /// let mut publisher = ctx.publisher().bind("tcp://127.0.0.1:*")?;
    /// let mut updates = ctx.subscriber().subscribe("weather.").connect(publisher.last_endpoint())?;
    /// publisher.wait_for_subscribers(1, Duration::from_secs(5))?;
    /// assert_eq!(publisher.subscribers()?, 1);
    /// publisher.send(("news", "nobody wants them"))?;
    /// publisher.send(("weather.zurich", "21 C"))?;
    /// assert_eq!(updates.recv_multipart()?[1], "21 C");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    ///
    /// It does not receive:
    /// ```compile_fail
    /// let ctx = ferrozmq::Context::new();
    /// ctx.publisher().build().unwrap().recv();
    /// ```
    #[doc(alias = "ZMQ_PUB")]
    Publisher
}
sends!(Publisher);

impl Publisher {
    /// Waits until this many peers have subscribed to something: a peer that has just connected would miss what is
    /// sent before. A peer counts from its first subscription on.
    ///
    /// See the example of [`Publisher`].
    ///
    /// # Errors
    /// [`Error::Again`] once the timeout has passed; [`Error::Terminated`], [`Error::Interrupted`].
    pub fn wait_for_subscribers(&mut self, count: usize, timeout: Duration) -> Result<()> {
        self.0.wait_for_subscribers(count, timeout)
    }

    /// How many peers have subscribed to something. See the example of [`Publisher`].
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn subscribers(&mut self) -> Result<usize> {
        self.0.subscribers()
    }
}

impl crate::Socket {
    fn subscribers(&mut self) -> Result<usize> {
        Ok(self.with(|core| core.events().map(|_| core.subscribers()))?)
    }
}

socket! {
    /// Receives what it subscribed to (SUB): messages whose first frame begins with one of its topics.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let ctx = ferrozmq::Context::new();
    /// let mut publisher = ctx.publisher().bind("inproc://weather")?;
    /// let mut updates = ctx.subscriber().connect("inproc://weather")?;
    /// updates.subscribe("zurich")?;
    /// publisher.wait_for_subscribers(1, Duration::from_secs(5))?;
    /// publisher.send("zurich 21 C")?;
    /// assert_eq!(updates.recv()?, "zurich 21 C");
    /// updates.unsubscribe("zurich")?;
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    ///
    /// It does not send:
    /// ```compile_fail
    /// let ctx = ferrozmq::Context::new();
    /// ctx.subscriber().build().unwrap().send("no");
    /// ```
    #[doc(alias = "ZMQ_SUB")]
    Subscriber
}
receives!(Subscriber);

impl Subscriber {
    /// Receives messages that begin with `topic` from now on; all, if it is empty.
    ///
    /// See the example of [`Subscriber`].
    ///
    /// # Errors
    /// [`Error::Terminated`].
    #[doc(alias = "ZMQ_SUBSCRIBE")]
    pub fn subscribe(&mut self, topic: impl AsRef<[u8]>) -> Result<()> {
        self.0.set_option(SUBSCRIBE, topic.as_ref())
    }

    /// Takes back one subscription; without one to this topic it does nothing.
    ///
    /// See the example of [`Subscriber`].
    ///
    /// # Errors
    /// [`Error::Terminated`].
    #[doc(alias = "ZMQ_UNSUBSCRIBE")]
    pub fn unsubscribe(&mut self, topic: impl AsRef<[u8]>) -> Result<()> {
        self.0.set_option(UNSUBSCRIBE, topic.as_ref())
    }
}

socket! {
    /// Asks one of its servers and waits for the answer (REQ).
    ///
    /// A request that is sent is [`Pending`], and the socket is its until the answer is there:
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let mut replies = ctx.rep().bind("inproc://greeting")?;
    /// std::thread::spawn(move || replies.recv().and_then(|_| Ok(replies.send("World")?)));
    ///
    /// let mut requests = ctx.req().connect("inproc://greeting")?;
    /// assert_eq!(requests.send("Hello")?.recv()?, "World");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    ///
    /// The wrong order does not compile:
    /// ```compile_fail
    /// # fn f(mut requests: ferrozmq::Req) -> ferrozmq::Result<()> {
    /// let first = requests.send("Hello")?;
    /// let second = requests.send("Hello?")?;
    /// first.recv()?;
    /// # Ok(()) }
    /// ```
    #[doc(alias = "ZMQ_REQ")]
    Req
}

impl Req {
    /// Sends a request; waits while no server can take it.
    ///
    /// See the example of [`Req`].
    ///
    /// # Errors
    /// The error has the request: [`Error::InvalidState`] if another one is [`pending`](Self::pending), unless the
    /// socket is [`relaxed`](crate::Builder::relaxed); [`Error::Again`] once the send timeout has passed.
    #[inline]
    #[doc(alias = "zmq_send")]
    pub fn send<M: IntoMultipart>(&mut self, request: M) -> Result<Pending<'_>, SendError<M::Whole>> {
        self.0.send_whole(request, false)?;
        Ok(Pending(&mut self.0))
    }

    /// Sends a request if a server can take it. See the example of [`pending`](Self::pending).
    ///
    /// # Errors
    /// As [`send`](Self::send); [`Error::Again`] if none can.
    #[inline]
    #[doc(alias = "ZMQ_DONTWAIT")]
    pub fn try_send<M: IntoMultipart>(&mut self, request: M) -> Result<Pending<'_>, SendError<M::Whole>> {
        self.0.send_whole(request, true)?;
        Ok(Pending(&mut self.0))
    }

    /// The request sent last, to go on waiting for its answer after a timeout. If none is pending, receiving is an
    /// [`Error::InvalidState`].
    ///
    /// ```
    /// use ferrozmq::{Context, Error};
    /// use std::time::Duration;
    ///
    /// let ctx = Context::new();
    /// let mut replies = ctx.rep().bind("inproc://greeting")?;
    /// let mut requests = ctx.req().receive_timeout(Duration::ZERO).connect("inproc://greeting")?;
    /// assert_eq!(requests.try_send("Hello")?.recv(), Err(Error::Again));      // too early
    ///
    /// replies.recv()?;
    /// replies.send("World")?;
    /// assert_eq!(requests.pending().recv()?, "World");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn pending(&mut self) -> Pending<'_> {
        Pending(&mut self.0)
    }
}

/// A request that was sent, by [`Req::send`], and was not answered yet.
///
/// ```
/// use ferrozmq::{Context, Error};
///
/// let ctx = Context::new();
/// let mut replies = ctx.rep().bind("inproc://greeting")?;
/// let mut requests = ctx.req().connect("inproc://greeting")?;
///
/// let mut pending = requests.send("Hello")?;
/// assert_eq!(pending.try_recv(), Err(Error::Again));
/// replies.recv()?;
/// replies.send(("World", "of ZeroMQ"))?;
/// assert_eq!(pending.recv_multipart()?[1], "of ZeroMQ");
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a request cannot follow before the answer was received"]
pub struct Pending<'a>(&'a mut crate::Socket);

impl Pending<'_> {
    /// Receives the answer; waits for it. Frames after the first are dropped.
    ///
    /// See the example of [`Req`].
    ///
    /// # Errors
    /// [`Error::Again`] once the receive timeout has passed: [`Req::pending`] gives the request again.
    #[inline]
    #[doc(alias = "zmq_recv")]
    pub fn recv(self) -> Result<Message> {
        self.0.recv()
    }

    /// Receives all frames of the answer; waits for it.
    ///
    /// See the example of [`Pending`].
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn recv_multipart(self) -> Result<Multipart> {
        self.0.recv_multipart()
    }

    /// Receives the answer if it is there.
    ///
    /// See the example of [`Pending`].
    ///
    /// # Errors
    /// [`Error::Again`] if it is not.
    #[inline]
    pub fn try_recv(&mut self) -> Result<Message> {
        self.0.try_recv()
    }
}

socket! {
    /// Answers each request (REP), in turn: receive, send, receive, …
    ///
    /// See the example of [`Context`](crate::Context). To send without a request, or to receive before the answer, is
    /// [`Error::InvalidState`].
    #[doc(alias = "ZMQ_REP")]
    Rep
}
sends!(Rep);
receives!(Rep);

socket! {
    /// Sends to its peers in turn and receives from all (DEALER): a client that does not wait for answers, or the
    /// workers' side of a broker.
    ///
    /// See the example of [`Router`].
    #[doc(alias = "ZMQ_DEALER")]
    Dealer
}
sends!(Dealer);
receives!(Dealer);

socket! {
    /// Knows its peers by name: says who a message is from, and sends to the one that is named (ROUTER).
    ///
    /// ```
    /// use ferrozmq::{Context, Error};
    ///
    /// let ctx = Context::new();
    /// let mut router = ctx.router().mandatory(true).bind("inproc://jobs")?;
    /// let mut dealer = ctx.dealer().routing_id("worker-1").connect("inproc://jobs")?;
    /// dealer.send("ready")?;
    ///
    /// let (peer, body) = router.recv_from()?;
    /// assert_eq!((peer.to_string(), body.len()), ("worker-1".into(), 1));
    /// router.send_to(&peer, "job 1")?;
    /// assert_eq!(dealer.recv()?, "job 1");
    ///
    /// let refused = router.send_to(&"worker-2".into(), ("job", "2")).unwrap_err();
    /// assert_eq!(refused.error(), Error::HostUnreachable);
    /// assert_eq!(refused.into_message()[1], "2");
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "ZMQ_ROUTER")]
    Router
}

impl Router {
    /// Receives the next message, with the name of its sender; waits for it.
    ///
    /// See the example of [`Router`].
    ///
    /// # Errors
    /// [`Error::Again`] once the receive timeout has passed, [`Error::Terminated`], [`Error::Interrupted`].
    #[doc(alias = "zmq_recv")]
    pub fn recv_from(&mut self) -> Result<(RoutingId, Multipart)> {
        addressed(self.0.recv_multipart()?)
    }

    /// Receives the next message, if there is one.
    ///
    /// ```
    /// use ferrozmq::{Context, Error};
    ///
    /// let ctx = Context::new();
    /// let mut router = ctx.router().mandatory(true).bind("inproc://jobs")?;
    /// assert_eq!(router.try_recv_from().unwrap_err(), Error::Again);
    ///
    /// let _worker = ctx.dealer().routing_id("worker-1").connect("inproc://jobs")?;
    /// router.try_send_to(&"worker-1".into(), "job")?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Again`] if there is none.
    pub fn try_recv_from(&mut self) -> Result<(RoutingId, Multipart)> {
        addressed(self.0.try_recv_multipart()?)
    }

    /// Sends a message to this peer. If it is not connected, or has no room, the message is dropped, or, on a
    /// [`mandatory`](crate::Builder::mandatory) socket, comes back.
    ///
    /// See the example of [`Router`].
    ///
    /// # Errors
    /// The error has the message: [`Error::HostUnreachable`] if the peer is not connected; [`Error::Again`] once the
    /// send timeout has passed.
    #[doc(alias = "zmq_send")]
    pub fn send_to<M: IntoMultipart>(
        &mut self,
        peer: &RoutingId,
        body: M,
    ) -> Result<(), SendError<M::Whole>> {
        self.0.send_to(peer, body, false)
    }

    /// As [`send_to`](Self::send_to), without waiting for room. See the example of
    /// [`try_recv_from`](Self::try_recv_from).
    ///
    /// # Errors
    /// As [`send_to`](Self::send_to); [`Error::Again`] if there is no room.
    pub fn try_send_to<M: IntoMultipart>(
        &mut self,
        peer: &RoutingId,
        body: M,
    ) -> Result<(), SendError<M::Whole>> {
        self.0.send_to(peer, body, true)
    }
}

impl Router {
    /// Receives all frames of the next message, of which the first is the sender's routing id: for brokers that pass
    /// messages on as they are.
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let mut clients = ctx.router().bind("inproc://clients")?;
    /// let mut client = ctx.dealer().routing_id("client-1").connect("inproc://clients")?;
    /// client.send("echo")?;
    /// let message = clients.recv_multipart()?;
    /// assert_eq!(message[0], "client-1");
    /// clients.send(message)?;
    /// assert_eq!(client.recv()?, "echo");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`recv_from`](Self::recv_from).
    pub fn recv_multipart(&mut self) -> Result<Multipart> {
        self.0.recv_multipart()
    }

    /// Sends a message whose first frame is the receiver's routing id. See the example of
    /// [`recv_multipart`](Self::recv_multipart).
    ///
    /// # Errors
    /// As [`send_to`](Self::send_to).
    pub fn send<M: IntoMultipart<Whole = Multipart>>(
        &mut self,
        message: M,
    ) -> Result<(), SendError<Multipart>> {
        self.0.send(message)
    }
}

/// A message whose first frame is the name of its sender.
fn addressed(mut frames: Multipart) -> Result<(RoutingId, Multipart)> {
    let peer = frames.pop_front().ok_or(Error::Protocol)?;
    Ok((RoutingId(peer), frames))
}

impl crate::Socket {
    fn send_to<M: IntoMultipart>(
        &mut self,
        peer: &RoutingId,
        body: M,
        dont_wait: bool,
    ) -> Result<(), SendError<M::Whole>> {
        let mut body = body.into_multipart();
        let mut address = peer.0.clone();
        match self.send_frame_now(&mut address.0, dont_wait, true).and_then(|()| self.finish(body.frames())) {
            Ok(()) => Ok(()),
            Err(e) => Err(SendError::new(body, e)),
        }
    }
}

socket! {
    /// The start of a pipeline: each message goes to one of its peers, in turn (PUSH).
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let mut tasks = ctx.push().bind("tcp://127.0.0.1:*")?;
    /// let mut worker = ctx.pull().connect(tasks.last_endpoint())?;
    /// tasks.send("task")?;
    /// assert_eq!(worker.recv()?, "task");
    /// tasks.send(("resize", "cat.png"))?;                         // two frames
    /// assert_eq!(worker.recv_multipart()?[1], "cat.png");
    ///
    /// assert_eq!(worker.try_recv(), Err(ferrozmq::Error::Again)); // calls named `try_` do not wait
    /// assert!(worker.try_recv_multipart().is_err());
    /// tasks.try_send("task")?;
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_PUSH")]
    Push
}
sends!(Push);

socket! {
    /// The end of a pipeline: receives from all its peers (PULL). See the example of [`Push`].
    #[doc(alias = "ZMQ_PULL")]
    Pull
}
receives!(Pull);

socket! {
    /// A publisher that sees the subscriptions of its peers (XPUB).
    ///
    /// ```
    /// use ferrozmq::{Context, Request};
    ///
    /// let ctx = Context::new();
    /// let mut publisher = ctx.xpub().bind("inproc://weather")?;
    /// let mut updates = ctx.subscriber().subscribe("zurich").connect("inproc://weather")?;
    /// assert_eq!(publisher.recv_request()?, Request::Subscribe("zurich".into()));
    /// publisher.send("zurich 21 C")?;
    /// assert_eq!(updates.recv()?, "zurich 21 C");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_XPUB")]
    Xpub
}
sends!(Xpub);
receives!(Xpub);

/// What a subscriber asks of an [`Xpub`]. See the example of [`Xpub::recv_request`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// It wants messages that begin with this topic.
    Subscribe(Message),
    /// It does not want them any more.
    Unsubscribe(Message),
    /// It sent a message of its own.
    Other(Multipart),
}

impl Xpub {
    /// Receives what a subscriber asks for; waits for it.
    ///
    /// ```
    /// use ferrozmq::{Context, Request};
    ///
    /// let ctx = Context::new();
    /// let mut publisher = ctx.xpub().bind("inproc://weather")?;
    /// let mut updates = ctx.xsub().connect("inproc://weather")?;
    /// updates.subscribe("zurich")?;
    /// updates.unsubscribe("zurich")?;
    /// updates.send("what else is there?")?;
    /// assert_eq!(publisher.recv_request()?, Request::Subscribe("zurich".into()));
    /// assert_eq!(publisher.recv_request()?, Request::Unsubscribe("zurich".into()));
    /// assert_eq!(publisher.recv_request()?, Request::Other(["what else is there?"].into()));
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`recv`](Self::recv).
    pub fn recv_request(&mut self) -> Result<Request> {
        let frames = self.0.recv_multipart()?;
        Ok(match frames.first().and_then(|frame| frame.split_first()) {
            Some((1, topic)) if frames.len() == 1 => Request::Subscribe(Message::copy_from(topic)?),
            Some((0, topic)) if frames.len() == 1 => Request::Unsubscribe(Message::copy_from(topic)?),
            _ => Request::Other(frames),
        })
    }

    /// Waits until this many peers have subscribed to something, as [`Publisher::wait_for_subscribers`] does. See the
    /// example of [`Publisher`].
    ///
    /// # Errors
    /// [`Error::Again`] once the timeout has passed; [`Error::Terminated`], [`Error::Interrupted`].
    pub fn wait_for_subscribers(&mut self, count: usize, timeout: Duration) -> Result<()> {
        self.0.wait_for_subscribers(count, timeout)
    }

    /// In [`manual`](crate::Builder::manual) mode: the sender of the request received last gets this topic.
    ///
    /// ```
    /// use ferrozmq::{Context, Request};
    ///
    /// let ctx = Context::new();
    /// let mut publisher = ctx.xpub().manual(true).bind("inproc://weather")?;
    /// let mut updates = ctx.subscriber().subscribe("").connect("inproc://weather")?;
    /// assert_eq!(publisher.recv_request()?, Request::Subscribe("".into()));
    /// publisher.subscribe("zurich")?;                             // not all that it asked for
    /// publisher.send("geneva 24 C")?;
    /// publisher.send("zurich 21 C")?;
    /// assert_eq!(updates.recv()?, "zurich 21 C");
    ///
    /// updates.unsubscribe("")?;
    /// assert_eq!(publisher.recv_request()?, Request::Unsubscribe("".into()));
    /// publisher.unsubscribe("zurich")?;
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] in another mode.
    #[doc(alias = "ZMQ_SUBSCRIBE")]
    pub fn subscribe(&mut self, topic: impl AsRef<[u8]>) -> Result<()> {
        self.0.set_option(SUBSCRIBE, topic.as_ref())
    }

    /// In [`manual`](crate::Builder::manual) mode: the sender of the request received last loses this topic. See the
    /// example of [`subscribe`](Self::subscribe).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] in another mode.
    #[doc(alias = "ZMQ_UNSUBSCRIBE")]
    pub fn unsubscribe(&mut self, topic: impl AsRef<[u8]>) -> Result<()> {
        self.0.set_option(UNSUBSCRIBE, topic.as_ref())
    }
}

socket! {
    /// A subscriber whose subscriptions are messages (XSUB): one that begins with byte 1 subscribes to what follows,
    /// with byte 0 takes that back.
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let mut updates = ctx.xsub().bind("inproc://weather")?;
    /// let mut publisher = ctx.publisher().connect("inproc://weather")?;
    /// updates.subscribe("zurich")?;
    /// publisher.wait_for_subscribers(1, std::time::Duration::from_secs(5))?;
    /// publisher.send("zurich 21 C")?;
    /// assert_eq!(updates.recv()?, "zurich 21 C");
    /// updates.unsubscribe("zurich")?;
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_XSUB")]
    Xsub
}
sends!(Xsub);
receives!(Xsub);

impl Xsub {
    /// Sends a subscription to every publisher. See the example of [`Xsub`].
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Terminated`].
    pub fn subscribe(&mut self, topic: impl AsRef<[u8]>) -> Result<()> {
        self.request(1, topic.as_ref())
    }

    /// Takes back one subscription. See the example of [`Xsub`].
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], [`Error::Terminated`].
    pub fn unsubscribe(&mut self, topic: impl AsRef<[u8]>) -> Result<()> {
        self.request(0, topic.as_ref())
    }

    fn request(&mut self, what: u8, topic: &[u8]) -> Result<()> {
        let mut request = Vec::with_capacity(topic.len() + 1);
        request.push(what);
        request.extend_from_slice(topic);
        Ok(self.0.send(request)?)
    }
}

socket! {
    /// Raw tcp connections, to speak with peers that know nothing of ZeroMQ (STREAM). An empty message says that a
    /// connection has come or gone; an empty message to a peer closes its connection.
    ///
    /// ```
    /// use std::{io::Write, net::TcpStream};
    ///
    /// let ctx = ferrozmq::Context::new();
    /// let mut stream = ctx.stream().bind("tcp://127.0.0.1:*")?;
    /// let address = stream.last_endpoint().trim_start_matches("tcp://");
    /// let mut browser = TcpStream::connect(address)?;
    /// browser.write_all(b"GET")?;
    /// assert_eq!(stream.recv_from()?.1, "");
    /// let (peer, data) = stream.recv_from()?;
    /// assert_eq!(data, "GET");
    /// assert!(stream.try_recv_from().is_err());                   // nothing more yet
    /// stream.send_to(&peer, "")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "ZMQ_STREAM")]
    Stream
}

impl Stream {
    /// Receives bytes of a connection; waits for them.
    ///
    /// See the example of [`Stream`].
    ///
    /// # Errors
    /// [`Error::Again`] once the receive timeout has passed, [`Error::Terminated`], [`Error::Interrupted`].
    #[doc(alias = "zmq_recv")]
    pub fn recv_from(&mut self) -> Result<(RoutingId, Message)> {
        let (peer, mut frames) = addressed(self.0.recv_multipart()?)?;
        Ok((peer, frames.pop_front().unwrap_or_default()))
    }

    /// Receives bytes of a connection, if there are any. See the example of [`Stream`].
    ///
    /// # Errors
    /// [`Error::Again`] if there are none.
    pub fn try_recv_from(&mut self) -> Result<(RoutingId, Message)> {
        let (peer, mut frames) = addressed(self.0.try_recv_multipart()?)?;
        Ok((peer, frames.pop_front().unwrap_or_default()))
    }

    /// Sends bytes to this peer; none closes the connection. See the example of [`Stream`].
    ///
    /// # Errors
    /// The error has the bytes: [`Error::HostUnreachable`] if the peer is not connected.
    #[doc(alias = "zmq_send")]
    pub fn send_to(&mut self, peer: &RoutingId, data: impl Into<Message>) -> Result<(), SendError<Message>> {
        self.0.send_to(peer, data.into(), false)
    }
}
