//! Options of a socket, set before it binds or connects: here those of all, in [`kinds`] those of some.

mod kinds;

use std::{marker::PhantomData, time::Duration};

use ferrozmq_runtime::option::{Heartbeat, MechanismKind, SocketOptions};

use crate::{
    Error, Interrupt, Result,
    security::{KeyPair, PublicKey, SecretKey},
    socket::*,
};

/// A socket in the making: options first, then [`bind`](Self::bind) or [`connect`](Self::connect). A wrong option is
/// reported by these.
///
/// ```
/// use std::time::Duration;
///
/// let ctx = ferrozmq::Context::new();
/// let mut tasks = ctx
///     .pull()
///     .receive_hwm(10)
///     .receive_timeout(Duration::ZERO)
///     .bind("tcp://127.0.0.1:*")?;
/// tasks.bind("inproc://tasks")?;                              // as often as needed
/// let worker = ctx.push().send_timeout(Duration::from_secs(1)).connect("inproc://tasks")?;
/// let neither_yet = ctx.pair().build()?;
/// # Ok::<(), ferrozmq::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a socket is made by `bind`, `connect` or `build`"]
pub struct Builder<S> {
    made: Result<Socket>,
    kind: PhantomData<fn() -> S>,
}

/// The defaults that differ from the C library's; the crate's documentation lists them.
pub(crate) fn safe_defaults(options: &mut SocketOptions) {
    options.linger = options.linger.map_or(Some(Duration::from_secs(1)), Some);
    options.reconnect_interval_max = Duration::from_secs(10);
    options.reconnect_jitter = true;
    options.handshake_interval = Some(Duration::from_secs(10));
    options.accept_old_versions = false;
    options.security.refuse_unjudged = true;
    options.heartbeat = Heartbeat {
        interval: Some(Duration::from_secs(10)),
        timeout: Some(Duration::from_secs(20)),
        ttl: Duration::from_secs(30),
    };
}

impl<S: Typed> Builder<S> {
    pub(crate) fn new(made: Result<Socket>) -> Self {
        Self::unchanged(made).set(safe_defaults)
    }

    /// With the defaults that the socket was made with, the C library's.
    pub(crate) fn unchanged(made: Result<Socket>) -> Self {
        Self { made, kind: PhantomData }
    }

    /// The socket, bound to `endpoint`: `tcp://host:port`, `tcp://127.0.0.1:*`, `ipc:///path` or `inproc://name`.
    ///
    /// See the example of [`Builder`].
    ///
    /// # Errors
    /// [`Error::Endpoint`](crate::Error::Endpoint) says what is wrong with the endpoint; or what was wrong with an
    /// option.
    #[doc(alias = "zmq_bind")]
    pub fn bind(self, endpoint: impl AsRef<str>) -> Result<S> {
        let mut socket = self.made?;
        socket.bind(endpoint)?;
        S::from_socket(socket)
    }

    /// The socket, connected to `endpoint` as soon as somebody is there.
    ///
    /// See the example of [`Builder`].
    ///
    /// # Errors
    /// As [`bind`](Self::bind); that nobody is there is none.
    #[doc(alias = "zmq_connect")]
    pub fn connect(self, endpoint: impl AsRef<str>) -> Result<S> {
        let mut socket = self.made?;
        socket.connect(endpoint)?;
        S::from_socket(socket)
    }

    /// The socket, neither bound nor connected yet.
    ///
    /// See the example of [`Builder`].
    ///
    /// # Errors
    /// What was wrong with an option; [`Error::Terminated`](crate::Error::Terminated),
    /// [`Error::TooManyFiles`](crate::Error::TooManyFiles).
    pub fn build(self) -> Result<S> {
        S::from_socket(self.made?)
    }

    fn set(mut self, store: impl FnOnce(&mut SocketOptions)) -> Self {
        self.made = self.made.and_then(|mut socket| {
            socket.with(|core| {
                store(core.options_mut());
                Ok(())
            })?;
            Ok(socket)
        });
        self
    }

    /// An option by its number in `zmq.h`.
    fn number(mut self, number: i32, value: &[u8]) -> Self {
        self.made = self.made.and_then(|mut socket| socket.set_option(number, value).map(|()| socket));
        self
    }

    fn int(self, number: i32, value: impl Into<i32>) -> Self {
        self.number(number, &value.into().to_ne_bytes())
    }
}

/// Options of every socket.
impl<S: Typed> Builder<S> {
    /// Messages that may wait for each peer: 1000 unless told otherwise, 0 for no limit.
    ///
    /// ```
    /// use ferrozmq::{Context, Error};
    /// use std::time::Duration;
    ///
    /// let ctx = Context::new();
    /// let mut results = ctx
    ///     .push()
    ///     .send_hwm(1)
    ///     .send_timeout(Duration::from_millis(1))
    ///     .linger(Duration::ZERO)
    ///     .connect("ipc:///nobody/here")?;
    /// results.send("waits for its peer")?;
    /// assert_eq!(results.send("finds no room").unwrap_err().error(), Error::Again);
    ///
    /// let mut tasks = ctx
    ///     .pull()
    ///     .receive_hwm(10)
    ///     .receive_timeout(Duration::from_millis(1))
    ///     .bind("inproc://tasks")?;
    /// assert_eq!(tasks.recv(), Err(Error::Again));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "ZMQ_SNDHWM")]
    pub fn send_hwm(self, messages: u32) -> Self {
        self.set(|o| o.send_hwm = messages)
    }

    /// Messages from each peer that may wait to be received: 1000 unless told otherwise, 0 for no limit.
    ///
    /// See the example of [`send_hwm`](Self::send_hwm).
    #[doc(alias = "ZMQ_RCVHWM")]
    pub fn receive_hwm(self, messages: u32) -> Self {
        self.set(|o| o.receive_hwm = messages)
    }

    /// How long what was sent may take to go out once the socket is dropped: 1 s unless told otherwise.
    ///
    /// See the example of [`send_hwm`](Self::send_hwm).
    #[doc(alias = "ZMQ_LINGER")]
    pub fn linger(self, time: Duration) -> Self {
        self.set(|o| o.linger = Some(time))
    }

    /// How long a send waits for room: for ever unless told otherwise.
    ///
    /// See the example of [`send_hwm`](Self::send_hwm).
    #[doc(alias = "ZMQ_SNDTIMEO")]
    pub fn send_timeout(self, time: Duration) -> Self {
        self.set(|o| o.send_timeout = Some(time))
    }

    /// How long a receive waits for a message: for ever unless told otherwise.
    ///
    /// See the example of [`send_hwm`](Self::send_hwm).
    #[doc(alias = "ZMQ_RCVTIMEO")]
    pub fn receive_timeout(self, time: Duration) -> Self {
        self.set(|o| o.receive_timeout = Some(time))
    }

    /// While it is raised, calls that may wait answer [`Error::Interrupted`](crate::Error::Interrupted); in place of
    /// the context's.
    ///
    /// ```
    /// use ferrozmq::{Context, Error, Interrupt};
    ///
    /// let interrupt = Interrupt::new()?;
    /// let mut tasks = Context::new().pull().interrupt(&interrupt).bind("inproc://tasks")?;
    /// interrupt.raise();
    /// assert_eq!(tasks.recv(), Err(Error::Interrupted));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn interrupt(mut self, interrupt: &Interrupt) -> Self {
        self.made =
            self.made.and_then(|mut socket| socket.set_interrupt(Some(interrupt.clone())).map(|()| socket));
        self
    }

    /// The pause before a connection is tried again: 100 ms unless told otherwise, doubled each time up to
    /// `longest` (10 s), and made longer at random, within `longest`, so that not all peers of a server come back at
    /// once. Without a `longest` it does not grow. A `shortest` of zero never tries again. Of a host with several
    /// addresses, each is tried before the pause; its name is looked up again after it.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let ctx = ferrozmq::Context::new();
    /// let mut worker = ctx
    ///     .push()
    ///     .reconnect_interval(Duration::from_millis(50), Duration::from_secs(5))
    ///     .connect_timeout(Duration::from_secs(2))
    ///     .handshake_limit(Duration::from_secs(2))
    ///     .immediate(true)
    ///     .connect("ipc:///nobody/here")?;
    /// assert!(worker.try_send("task").is_err());                  // nothing waits for a peer that is not there
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_RECONNECT_IVL")]
    #[doc(alias = "ZMQ_RECONNECT_IVL_MAX")]
    pub fn reconnect_interval(self, shortest: Duration, longest: Duration) -> Self {
        self.set(|o| {
            o.reconnect_interval = (!shortest.is_zero()).then_some(shortest);
            o.reconnect_interval_max = longest;
        })
    }

    /// The longest attempt to connect over tcp, a proxy's part included: up to the system unless told otherwise.
    ///
    /// See the example of [`reconnect_interval`](Self::reconnect_interval).
    #[doc(alias = "ZMQ_CONNECT_TIMEOUT")]
    pub fn connect_timeout(self, time: Duration) -> Self {
        self.set(|o| o.connect_timeout = (!time.is_zero()).then_some(time))
    }

    /// The SOCKS5 proxy, `host:port`, through which tcp connections are made: none unless told otherwise. It resolves the
    /// names of endpoints; its own is resolved here. What it refuses is tried again, and told by a
    /// [`Monitor`](crate::Monitor).
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let worker = ctx
    ///     .push()
    ///     .socks_proxy("127.0.0.1:1080")
    ///     .socks_login("worker", "secret")
    ///     .connect("tcp://tasks.example:5555")?;
    ///
    /// let error = ctx.push().socks_proxy("127.0.0.1").connect("tcp://tasks.example:5555").unwrap_err();
    /// assert_eq!(error.to_string(), "endpoint \"127.0.0.1\": the SOCKS5 proxy must be host:port");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_SOCKS_PROXY")]
    pub fn socks_proxy(self, address: &str) -> Self {
        self.set(|o| o.socks.address = address.as_bytes().into())
    }

    /// Gives this name and this password, in the clear, to the SOCKS5 proxy: 1 to 255 and up to 255 bytes.
    ///
    /// See the example of [`socks_proxy`](Self::socks_proxy).
    #[doc(alias = "ZMQ_SOCKS_USERNAME")]
    #[doc(alias = "ZMQ_SOCKS_PASSWORD")]
    pub fn socks_login(mut self, name: &str, password: &str) -> Self {
        const NAME: i32 = 99;
        const PASSWORD: i32 = 100;
        if name.is_empty() {
            self.made = self.made.and(Err(Error::InvalidArgument));
        }
        self.number(NAME, name.as_bytes()).number(PASSWORD, password.as_bytes())
    }

    /// The longest handshake, and the longest talk with a SOCKS5 proxy: 10 s unless told otherwise, zero for no limit.
    ///
    /// See the example of [`reconnect_interval`](Self::reconnect_interval).
    #[doc(alias = "ZMQ_HANDSHAKE_IVL")]
    pub fn handshake_limit(self, time: Duration) -> Self {
        self.set(|o| o.handshake_interval = (!time.is_zero()).then_some(time))
    }

    /// How many connections of one listener may be in their handshake at a time, at least 1: unless told otherwise 1024, or
    /// half of the descriptors that the process may have if that is less. For one more, the oldest is closed, though not in
    /// its first 100 ms; [`HandshakeFailure::TooManyPending`](crate::HandshakeFailure::TooManyPending) tells of it.
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let server = ctx.rep().max_pending_handshakes(100).bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    pub fn max_pending_handshakes(self, count: u32) -> Self {
        self.set(|o| o.max_pending_handshakes = Some(count))
    }

    /// How many bytes of memory what one peer subscribes to, or the groups that it joins, may take at a publisher: 1 GiB
    /// unless told otherwise. A topic counts with 128 more than it has. Whoever wants more is cut off, and
    /// [`HandshakeFailure::SubscribesTooMuch`](crate::HandshakeFailure::SubscribesTooMuch) tells of it. Peers in the same
    /// process may have any number.
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let publisher = ctx.publisher().max_subscription_bytes(1 << 20).bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    pub fn max_subscription_bytes(self, bytes: u64) -> Self {
        self.set(|o| o.max_subscription_bytes = Some(bytes))
    }

    /// How often each peer is asked for a sign of life: every 10 s unless told otherwise, zero for never.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let ctx = ferrozmq::Context::new();
    /// let server = ctx
    ///     .rep()
    ///     .heartbeat_interval(Duration::from_secs(1))
    ///     .heartbeat_timeout(Duration::from_secs(3))
    ///     .heartbeat_ttl(Duration::from_secs(5))
    ///     .bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_HEARTBEAT_IVL")]
    pub fn heartbeat_interval(self, time: Duration) -> Self {
        self.set(|o| o.heartbeat.interval = (!time.is_zero()).then_some(time))
    }

    /// How long a sign of life may take before the connection counts as lost: 20 s unless told otherwise.
    ///
    /// See the example of [`heartbeat_interval`](Self::heartbeat_interval).
    #[doc(alias = "ZMQ_HEARTBEAT_TIMEOUT")]
    pub fn heartbeat_timeout(self, time: Duration) -> Self {
        self.set(|o| o.heartbeat.timeout = Some(time))
    }

    /// After how much silence a peer gives us up: 30 s unless told otherwise, zero for never; in steps of 100 ms, at
    /// most 6553.5 s.
    ///
    /// See the example of [`heartbeat_interval`](Self::heartbeat_interval).
    #[doc(alias = "ZMQ_HEARTBEAT_TTL")]
    pub fn heartbeat_ttl(self, time: Duration) -> Self {
        const LONGEST: Duration = Duration::from_millis(6_553_500);
        self.set(|o| o.heartbeat.ttl = time.min(LONGEST))
    }

    /// Whether peers of ZMTP 1 and 2, of before 2013, are served: not unless told otherwise. They know no heartbeats.
    ///
    /// See the example of [`accept_from`](Self::accept_from).
    pub fn accept_old_versions(self, on: bool) -> Self {
        self.set(|o| o.accept_old_versions = on)
    }

    /// The largest frame that a peer may send: the connection of a larger one is closed. No limit unless told
    /// otherwise.
    ///
    /// See the example of [`accept_from`](Self::accept_from).
    #[doc(alias = "ZMQ_MAXMSGSIZE")]
    pub fn max_message_size(self, bytes: u64) -> Self {
        self.set(|o| o.max_message_size = i64::try_from(bytes).unwrap_or(i64::MAX))
    }

    /// Encrypts everything, and talks only to the server that owns `server`; see [`security`](crate::security).
    ///
    /// See the example of [`security`](crate::security).
    #[doc(alias = "ZMQ_CURVE_SERVERKEY")]
    #[doc(alias = "ZMQ_CURVE_PUBLICKEY")]
    #[doc(alias = "ZMQ_CURVE_SECRETKEY")]
    pub fn curve_client(self, own: &KeyPair, server: PublicKey) -> Self {
        self.set(|o| {
            (o.security.mechanism, o.security.server) = (MechanismKind::Curve, false);
            (o.security.public_key, o.security.secret_key) = (own.public, own.secret.clone());
            o.security.server_key = server;
        })
    }

    /// Encrypts everything, and lets in whom the context's [`Authenticator`](crate::security::Authenticator) or the
    /// application's handler of ZAP lets in: nobody, without either; see [`security`](crate::security).
    ///
    /// See the example of [`security`](crate::security).
    #[doc(alias = "ZMQ_CURVE_SERVER")]
    pub fn curve_server(self, own: &SecretKey) -> Self {
        self.set(|o| {
            (o.security.mechanism, o.security.server) = (MechanismKind::Curve, true);
            o.security.secret_key = own.clone();
        })
    }

    /// Gives this name and this password, in the clear, to a server that asks for them: up to 255 bytes each; see
    /// [`security`](crate::security).
    ///
    /// See the example of [`Authenticator`](crate::security::Authenticator).
    #[doc(alias = "ZMQ_PLAIN_USERNAME")]
    #[doc(alias = "ZMQ_PLAIN_PASSWORD")]
    pub fn plain_client(mut self, name: &str, password: &str) -> Self {
        if name.len() > 255 || password.len() > 255 {
            self.made = self.made.and(Err(Error::InvalidArgument));
        }
        self.set(|o| {
            (o.security.mechanism, o.security.server) = (MechanismKind::Plain, false);
            o.security.set_credentials(name.as_bytes(), password.as_bytes());
        })
    }

    /// Asks peers for a name and a password; see [`security`](crate::security).
    ///
    /// See the example of [`Authenticator`](crate::security::Authenticator).
    #[doc(alias = "ZMQ_PLAIN_SERVER")]
    pub fn plain_server(self) -> Self {
        self.set(|o| (o.security.mechanism, o.security.server) = (MechanismKind::Plain, true))
    }

    /// What those who judge peers are told of this socket; without another mechanism it has its peers judged by their
    /// addresses.
    ///
    /// ```
    /// use ferrozmq::Context;
    /// use ferrozmq::security::{Authenticator, Judgement};
    ///
    /// let guard = Authenticator::new().ask(|peer| match (peer.domain.as_str(), peer.address.as_str()) {
    ///     ("jobs", "127.0.0.1") => Judgement::Allow { user: "local".into() },
    ///     _ => Judgement::Refuse,
    /// });
    /// let ctx = Context::builder().authenticator(guard).build();
    /// let mut tasks = ctx.pull().zap_domain("jobs").bind("tcp://127.0.0.1:*")?;
    /// ctx.push().connect(tasks.last_endpoint())?.send("task")?;
    /// assert_eq!(tasks.recv()?.property("User-Id"), Some(&b"local"[..]));
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_ZAP_DOMAIN")]
    pub fn zap_domain(self, domain: &str) -> Self {
        self.number(55, domain.as_bytes())
    }

    /// Whether messages wait only for peers that are connected: not unless told otherwise.
    ///
    /// See the example of [`reconnect_interval`](Self::reconnect_interval).
    #[doc(alias = "ZMQ_IMMEDIATE")]
    pub fn immediate(self, on: bool) -> Self {
        self.set(|o| o.immediate = on)
    }

    /// Whether IPv6 is used besides IPv4: as the context says unless told otherwise.
    ///
    /// See the example of [`send_buffer`](Self::send_buffer).
    #[doc(alias = "ZMQ_IPV6")]
    pub fn ipv6(self, on: bool) -> Self {
        self.set(|o| o.ipv6 = on)
    }

    /// I/O threads that may serve the endpoints, one bit each from bit 0; 0 is any.
    ///
    /// See the example of [`send_buffer`](Self::send_buffer).
    #[doc(alias = "ZMQ_AFFINITY")]
    pub fn affinity(self, threads: u64) -> Self {
        self.set(|o| o.affinity = threads)
    }

    /// Connections that the kernel keeps until they are accepted: 100 unless told otherwise.
    ///
    /// See the example of [`send_buffer`](Self::send_buffer).
    #[doc(alias = "ZMQ_BACKLOG")]
    pub fn backlog(self, connections: u32) -> Self {
        self.set(|o| o.backlog = connections)
    }

    /// The kernel's send buffer in bytes.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let ctx = ferrozmq::Context::builder().io_threads(2).build();
    /// let tasks = ctx
    ///     .pull()
    ///     .affinity(0b10)                                         // the second I/O thread
    ///     .backlog(1000)
    ///     .send_buffer(1 << 20)
    ///     .receive_buffer(1 << 20)
    ///     .type_of_service(0x10)
    ///     .tcp_keepalive(Duration::from_secs(60), Duration::from_secs(10), 3)
    ///     .bind("tcp://127.0.0.1:*")?;
    ///
    /// let anywhere = ctx.pull().ipv6(true).bind_to_device("lo").build()?;
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_SNDBUF")]
    pub fn send_buffer(self, bytes: u32) -> Self {
        self.set(|o| o.tcp.send_buffer = Some(bytes))
    }

    /// The kernel's receive buffer in bytes.
    ///
    /// See the example of [`send_buffer`](Self::send_buffer).
    #[doc(alias = "ZMQ_RCVBUF")]
    pub fn receive_buffer(self, bytes: u32) -> Self {
        self.set(|o| o.tcp.receive_buffer = Some(bytes))
    }

    /// Keep-alive of tcp: after how long an idle connection is probed, how often, and how many times. Heartbeats make
    /// it unnecessary. The system takes whole seconds, up to which times are rounded, from 1 to 32,767; and 1 to 127 probes.
    ///
    /// See the example of [`send_buffer`](Self::send_buffer).
    #[doc(alias = "ZMQ_TCP_KEEPALIVE")]
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_IDLE")]
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_INTVL")]
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_CNT")]
    pub fn tcp_keepalive(mut self, idle: Duration, interval: Duration, count: u32) -> Self {
        let whole = |time: Duration| time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
        let (idle, interval) = (whole(idle), whole(interval));
        let fits = |seconds: u64| (1..=32_767).contains(&seconds);
        if !fits(idle) || !fits(interval) || !(1..=127).contains(&count) {
            self.made = self.made.and(Err(Error::InvalidArgument));
        }
        self.set(|o| {
            o.tcp.keepalive = Some(true);
            o.tcp.keepalive_idle = Some(Duration::from_secs(idle));
            o.tcp.keepalive_interval = Some(Duration::from_secs(interval));
            o.tcp.keepalive_count = Some(count);
        })
    }

    /// The type of service of IP packets.
    ///
    /// See the example of [`send_buffer`](Self::send_buffer).
    #[doc(alias = "ZMQ_TOS")]
    pub fn type_of_service(self, value: u8) -> Self {
        self.set(|o| o.tcp.type_of_service = value.into())
    }

    /// The interface to which the socket is bound.
    ///
    /// See the example of [`send_buffer`](Self::send_buffer).
    #[doc(alias = "ZMQ_BINDTODEVICE")]
    pub fn bind_to_device(self, interface: &str) -> Self {
        const NUMBER: i32 = 92;
        self.number(NUMBER, interface.as_bytes())
    }

    /// Adds a network, as `10.0.0.0/8`, to those from which tcp peers are accepted: any unless told otherwise.
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let mut tasks = ctx
    ///     .pull()
    ///     .accept_from("127.0.0.0/8")
    ///     .accept_from("10.0.0.0/8")
    ///     .accept_old_versions(true)
    ///     .max_message_size(1 << 20)
    ///     .bind("tcp://127.0.0.1:*")?;
    /// ctx.push().connect(tasks.last_endpoint())?.send("task")?;
    /// assert_eq!(tasks.recv()?, "task");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_TCP_ACCEPT_FILTER")]
    pub fn accept_from(self, network: &str) -> Self {
        const NUMBER: i32 = 38;
        self.number(NUMBER, network.as_bytes())
    }

    /// Adds a property that peers can read from messages; its name begins with `X-` and has no colon, its value no NUL.
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let mut tasks = ctx.pull().bind("tcp://127.0.0.1:*")?;
    /// ctx.push().metadata("X-Region", "eu").connect(tasks.last_endpoint())?.send("task")?;
    /// assert_eq!(tasks.recv()?.property("X-Region"), Some(&b"eu"[..]));
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_METADATA")]
    pub fn metadata(mut self, name: &str, value: &str) -> Self {
        const NUMBER: i32 = 95;
        if name.contains(':') || value.contains('\0') {
            self.made = self.made.and(Err(Error::InvalidArgument));
        }
        self.number(NUMBER, format!("{name}:{value}").as_bytes())
    }
}
