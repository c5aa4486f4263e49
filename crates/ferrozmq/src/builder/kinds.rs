//! Options that only some kinds of sockets have.

use super::Builder;
use crate::{RoutingId, socket::*};

macro_rules! settings {
    ($($types:ident)+; $($(#[$doc:meta])* $name:ident = $number:literal;)*) => {
        settings!(@each $($types)+; [$($(#[$doc])* $name = $number;)*]);
    };
    (@each $($types:ident)+; $body:tt) => {
        $(settings!(@one $types; $body);)+
    };
    (@one $S:ident; [$($(#[$doc:meta])* $name:ident = $number:literal;)*]) => {
        impl Builder<$S> {
            $($(#[$doc])* pub fn $name(self, on: bool) -> Self { self.int($number, on) })*
        }
    };
}

settings! { Dealer Push Pull Publisher Subscriber;
    /// Whether only the newest message is kept for each peer: for messages of one frame, where only the latest counts.
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let mut display = ctx.pull().conflate(true).bind("inproc://temperature")?;
    /// let mut sensor = ctx.push().conflate(true).connect("inproc://temperature")?;
    /// sensor.send("20 C")?;
    /// sensor.send("21 C")?;
    /// assert_eq!(display.recv()?, "21 C");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_CONFLATE")]
    conflate = 54;
}

settings! { Req Dealer Router;
    /// Whether each new peer gets an empty message, so that a ROUTER hears of the connection.
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let mut router = ctx.router().bind("inproc://jobs")?;
    /// let worker = ctx.dealer().probe_router(true).routing_id("worker-1").connect("inproc://jobs")?;
    /// assert_eq!(router.recv_from()?, ("worker-1".into(), [""].into()));
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_PROBE_ROUTER")]
    probe_router = 51;
}

settings! { Req;
    /// Whether requests are numbered, so that a late answer to an earlier one is not taken for the answer.
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let mut replies = ctx.rep().bind("inproc://greeting")?;
    /// let mut requests = ctx.req().correlate(true).relaxed(true).connect("inproc://greeting")?;
    /// drop(requests.send("Hello")?);                              // not waited for
    /// assert_eq!(replies.recv()?, "Hello");
    ///
    /// let pending = requests.send("Hello?")?;
    /// replies.send("too late")?;
    /// assert_eq!(replies.recv()?, "Hello?");
    /// replies.send("World")?;
    /// assert_eq!(pending.recv()?, "World");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_REQ_CORRELATE")]
    correlate = 52;
    /// Whether a request may follow before the answer; the one before is given up.
    ///
    /// See the example of [`correlate`](Self::correlate).
    #[doc(alias = "ZMQ_REQ_RELAXED")]
    relaxed = 53;
}

settings! { Router;
    /// Whether a message to a peer that is not connected, or has no room, comes back instead of being dropped. See the
    /// example of [`Router`].
    #[doc(alias = "ZMQ_ROUTER_MANDATORY")]
    mandatory = 33;
    /// Whether a new peer takes over a routing id that another one has.
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let mut router = ctx.router().handover(true).bind("inproc://jobs")?;
    /// let before = ctx.dealer().routing_id("worker-1").connect("inproc://jobs")?;
    /// let mut restarted = ctx.dealer().routing_id("worker-1").connect("inproc://jobs")?;
    /// restarted.send("here again")?;
    /// let (worker, _) = router.recv_from()?;
    /// router.send_to(&worker, "job")?;
    /// assert_eq!(restarted.recv()?, "job");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_ROUTER_HANDOVER")]
    handover = 56;
}

settings! { Publisher Xpub Radio;
    /// Whether sends wait for subscribers whose queues are full instead of passing them by.
    ///
    /// ```
    /// use ferrozmq::{Context, Error};
    /// use std::time::Duration;
    ///
    /// let ctx = Context::new();
    /// let mut publisher = ctx.publisher().no_drop(true).send_hwm(1).bind("inproc://log")?;
    /// let slow = ctx.subscriber().subscribe("").receive_hwm(1).connect("inproc://log")?;
    /// publisher.wait_for_subscribers(1, Duration::from_secs(5))?;
    /// publisher.send("first")?;
    /// publisher.send("second")?;
    /// assert_eq!(publisher.try_send("third").unwrap_err().error(), Error::Again);
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "ZMQ_XPUB_NODROP")]
    no_drop = 69;
}

settings! { Publisher Subscriber Xpub;
    /// Whether messages go to those whose topics do not match.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let ctx = ferrozmq::Context::new();
    /// let mut publisher = ctx.publisher().invert_matching(true).bind("inproc://log")?;
    /// let mut log = ctx.subscriber().invert_matching(true).subscribe("debug").connect("inproc://log")?;
    /// publisher.wait_for_subscribers(1, Duration::from_secs(5))?;
    /// publisher.send("debug: a detail")?;
    /// publisher.send("error: no disk")?;
    /// assert_eq!(log.recv()?, "error: no disk");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_INVERT_MATCHING")]
    invert_matching = 74;
}

settings! { Xpub;
    /// Whether repeated subscriptions are received as well.
    ///
    /// ```
    /// use ferrozmq::{Context, Request};
    ///
    /// let ctx = Context::new();
    /// let mut publisher = ctx.xpub().verbose(true).bind("inproc://weather")?;
    /// let first = ctx.subscriber().subscribe("zurich").connect("inproc://weather")?;
    /// let second = ctx.subscriber().subscribe("zurich").connect("inproc://weather")?;
    /// assert_eq!(publisher.recv_request()?, Request::Subscribe("zurich".into()));
    /// assert_eq!(publisher.recv_request()?, Request::Subscribe("zurich".into()));
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_XPUB_VERBOSE")]
    verbose = 40;
    /// Whether repeated subscriptions and their ends are received as well.
    ///
    /// ```
    /// use ferrozmq::{Context, Request};
    ///
    /// let ctx = Context::new();
    /// let mut publisher = ctx.xpub().verboser(true).bind("inproc://weather")?;
    /// let mut updates = ctx.xsub().connect("inproc://weather")?;
    /// let other = ctx.subscriber().subscribe("zurich").connect("inproc://weather")?;
    /// updates.subscribe("zurich")?;
    /// assert_eq!(publisher.recv_request()?, Request::Subscribe("zurich".into()));
    /// assert_eq!(publisher.recv_request()?, Request::Subscribe("zurich".into()));
    /// updates.unsubscribe("zurich")?;                             // the other one still has it
    /// assert_eq!(publisher.recv_request()?, Request::Unsubscribe("zurich".into()));
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_XPUB_VERBOSER")]
    verboser = 78;
    /// Whether the application decides about subscriptions. See the example of [`Xpub::subscribe`].
    #[doc(alias = "ZMQ_XPUB_MANUAL")]
    manual = 71;
}

settings! { Stream;
    /// Whether an empty message says that a connection has come or gone: yes unless told otherwise.
    ///
    /// ```
    /// use std::{io::Write, net::TcpStream};
    ///
    /// let mut stream = ferrozmq::Context::new().stream().notify(false).bind("tcp://127.0.0.1:*")?;
    /// let mut browser = TcpStream::connect(stream.last_endpoint().trim_start_matches("tcp://"))?;
    /// browser.write_all(b"GET")?;
    /// assert_eq!(stream.recv_from()?.1, "GET");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "ZMQ_STREAM_NOTIFY")]
    notify = 73;
}

settings! { Radio Dgram;
    /// Whether what is sent to a multicast group is heard on this machine too: yes unless told otherwise. See
    /// [`multicast_hops`](Self::multicast_hops).
    #[doc(alias = "ZMQ_MULTICAST_LOOP")]
    multicast_loop = 96;
}

macro_rules! multicasts {
    ($($S:ident)+) => {$(
        impl Builder<$S> {
            /// How many networks what is sent to a multicast group may pass, at least 1: one, this one, unless told otherwise.
            ///
            /// ```
            /// let ctx = ferrozmq::Context::new();
            /// let dish = ctx.dish().join("news").bind("udp://lo;239.0.0.1:*")?;
            /// let radio = ctx.radio().multicast_hops(1).multicast_loop(true).connect(dish.last_endpoint())?;
            /// radio.send_to_group("news", "to everybody")?;
            /// assert_eq!(dish.recv()?, "to everybody");
            /// # Ok::<(), ferrozmq::Error>(())
            /// ```
            #[doc(alias = "ZMQ_MULTICAST_HOPS")]
            pub fn multicast_hops(self, hops: u8) -> Self {
                self.number(25, &i32::from(hops).to_ne_bytes())
            }
        }
    )+};
}

multicasts!(Radio Dgram);

macro_rules! named {
    ($($S:ident)+) => {$(
        impl Builder<$S> {
            /// The name by which a ROUTER knows this socket: 1 to 255 bytes, not beginning with 0. See the example of
            /// [`Router`].
            #[doc(alias = "ZMQ_ROUTING_ID")]
            #[doc(alias = "ZMQ_IDENTITY")]
            pub fn routing_id(self, id: impl Into<RoutingId>) -> Self {
                self.number(5, id.into().as_bytes())
            }
        }
    )+};
}

named!(Req Dealer Router);

macro_rules! naming {
    ($($S:ident)+) => {$(
        impl Builder<$S> {
            /// The name that this socket gives to the peer of its first connection.
            ///
            /// ```
            /// let ctx = ferrozmq::Context::new();
            /// let mut worker = ctx.dealer().bind("inproc://worker")?;
            /// let mut router = ctx.router().connect_routing_id("worker-1").connect("inproc://worker")?;
            /// router.send_to(&"worker-1".into(), "job")?;
            /// assert_eq!(worker.recv()?, "job");
            /// # Ok::<(), ferrozmq::Error>(())
            /// ```
            #[doc(alias = "ZMQ_CONNECT_ROUTING_ID")]
            pub fn connect_routing_id(self, id: impl Into<RoutingId>) -> Self {
                self.number(61, id.into().as_bytes())
            }
        }
    )+};
}

naming!(Router Stream);

impl Builder<Subscriber> {
    /// Subscribes to messages that begin with `topic`; to all, if it is empty. See the example of [`Publisher`].
    #[doc(alias = "ZMQ_SUBSCRIBE")]
    pub fn subscribe(self, topic: impl AsRef<[u8]>) -> Self {
        self.number(6, topic.as_ref())
    }
}

impl Builder<Dish> {
    /// Joins a group, of up to 255 bytes. See [`Radio`].
    #[doc(alias = "zmq_join")]
    pub fn join(mut self, group: impl AsRef<[u8]>) -> Self {
        self.made = self.made.and_then(|mut socket| {
            socket.with(|core| core.join(group.as_ref()))?;
            Ok(socket)
        });
        self
    }
}

impl Builder<Xpub> {
    /// What each new subscriber receives first.
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let mut publisher = ctx.xpub().welcome("weather: 1 Hz").bind("inproc://weather")?;
    /// let mut updates = ctx.subscriber().subscribe("weather").connect("inproc://weather")?;
    /// publisher.recv_request()?;
    /// assert_eq!(updates.recv()?, "weather: 1 Hz");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_XPUB_WELCOME_MSG")]
    pub fn welcome(self, message: impl AsRef<[u8]>) -> Self {
        self.number(72, message.as_ref())
    }
}

impl Builder<Socket> {
    /// An option by its number in `zmq.h`, from the bytes that `zmq_setsockopt` takes.
    ///
    /// ```
    /// use ferrozmq::{Context, SocketType};
    ///
    /// const ZMQ_SUBSCRIBE: i32 = 6;
    /// let updates = Context::new().socket(SocketType::Sub).option(ZMQ_SUBSCRIBE, b"weather.").build()?;
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "zmq_setsockopt")]
    pub fn option(self, number: i32, value: &[u8]) -> Self {
        self.number(number, value)
    }
}
