//! The options of a socket as typed fields: what sessions, listeners and pipes read.
use super::{AcceptFilter, ContextOptions, IpcFilters, Security};
use ferrozmq_base::SocketType;
use ferrozmq_proto::Password;
use std::time::Duration;

/// The number of a descriptor that the application made, which can be read as long as it is set, and is given away once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SuppliedFd {
    number: Option<i32>,
    taken: bool,
}

impl SuppliedFd {
    /// This one, if any.
    pub fn new(number: Option<i32>) -> Self {
        Self { number, taken: false }
    }

    /// What was set.
    pub fn number(self) -> Option<i32> {
        self.number
    }

    /// What was set, unless it was taken before.
    pub fn take(&mut self) -> Option<i32> {
        if std::mem::replace(&mut self.taken, true) { None } else { self.number }
    }
}

/// The options of one socket. An endpoint takes a copy when it is bound or connected.
#[derive(Clone, Debug, PartialEq)]
pub struct SocketOptions {
    /// Outbound queue limit per peer, in whole messages; 0 is unlimited.
    #[doc(alias = "ZMQ_SNDHWM")]
    pub send_hwm: u32,
    /// Inbound queue limit per peer, in whole messages; 0 is unlimited.
    #[doc(alias = "ZMQ_RCVHWM")]
    pub receive_hwm: u32,
    /// I/O threads that may serve the endpoint, one bit each; 0 is any.
    #[doc(alias = "ZMQ_AFFINITY")]
    pub affinity: u64,
    /// The identity announced to a ROUTER; empty is none.
    #[doc(alias = "ZMQ_ROUTING_ID")]
    pub routing_id: Box<[u8]>,
    /// The name for the peer of the next connect; taken by it.
    #[doc(alias = "ZMQ_CONNECT_ROUTING_ID")]
    pub connect_routing_id: Option<Box<[u8]>>,
    /// How long unsent messages survive closing; `None` is for ever.
    #[doc(alias = "ZMQ_LINGER")]
    pub linger: Option<Duration>,
    /// How long a send waits; `None` is for ever.
    #[doc(alias = "ZMQ_SNDTIMEO")]
    pub send_timeout: Option<Duration>,
    /// How long a receive waits; `None` is for ever.
    #[doc(alias = "ZMQ_RCVTIMEO")]
    pub receive_timeout: Option<Duration>,
    /// Delay between attempts to connect; `None` and zero mean never again.
    #[doc(alias = "ZMQ_RECONNECT_IVL")]
    pub reconnect_interval: Option<Duration>,
    /// Bound of the growing delay; zero keeps it constant.
    #[doc(alias = "ZMQ_RECONNECT_IVL_MAX")]
    pub reconnect_interval_max: Duration,
    /// Whether a random part is added to growing delays too: off in C as libzmq, on in Rust.
    pub reconnect_jitter: bool,
    /// What ends reconnecting: 1 refused, 2 handshake failed, 4 after a disconnect call.
    #[doc(alias = "ZMQ_RECONNECT_STOP")]
    pub reconnect_stop: i32,
    /// Length of the kernel's queue of a listener.
    #[doc(alias = "ZMQ_BACKLOG")]
    pub backlog: u32,
    /// Largest inbound part in bytes; negative is unlimited.
    #[doc(alias = "ZMQ_MAXMSGSIZE")]
    pub max_message_size: i64,
    /// Queue messages only for completed connections.
    #[doc(alias = "ZMQ_IMMEDIATE")]
    pub immediate: bool,
    /// Keep the newest message only. Acts on DEALER, PUSH, PULL, PUB and SUB.
    #[doc(alias = "ZMQ_CONFLATE")]
    pub conflate: bool,
    /// Deliver what does not match.
    #[doc(alias = "ZMQ_INVERT_MATCHING")]
    pub invert_matching: bool,
    /// The application decides about subscriptions (XPUB, PUB): SUBSCRIBE and UNSUBSCRIBE are accepted.
    #[doc(alias = "ZMQ_XPUB_MANUAL")]
    pub xpub_manual: bool,
    /// Empty messages when peers come (bit 1) and go (bit 2).
    #[doc(alias = "ZMQ_ROUTER_NOTIFY")]
    pub router_notify: u8,
    /// IPv6 besides IPv4.
    #[doc(alias = "ZMQ_IPV6")]
    #[doc(alias = "ZMQ_IPV4ONLY")]
    pub ipv6: bool,
    /// Settings of tcp connections.
    pub tcp: Tcp,
    /// Settings of multicast transports.
    pub multicast: Multicast,
    /// Networks that tcp peers may come from; empty is any.
    #[doc(alias = "ZMQ_TCP_ACCEPT_FILTER")]
    pub accept_filters: Vec<AcceptFilter>,
    /// Credentials that ipc peers may have.
    pub ipc_filters: IpcFilters,
    /// The longest handshake; `None` is unlimited.
    #[doc(alias = "ZMQ_HANDSHAKE_IVL")]
    pub handshake_interval: Option<Duration>,
    /// ZMTP heartbeats.
    pub heartbeat: Heartbeat,
    /// The longest attempt of a tcp connect; `None` leaves it to the system.
    #[doc(alias = "ZMQ_CONNECT_TIMEOUT")]
    pub connect_timeout: Option<Duration>,
    /// The proxy through which tcp connections are made.
    pub socks: SocksProxy,
    /// A listening descriptor made by the application, which the next bind takes; the library closes it.
    #[doc(alias = "ZMQ_USE_FD")]
    pub use_fd: SuppliedFd,
    /// Name of the interface to which sockets are bound (SO_BINDTODEVICE); empty is none.
    #[doc(alias = "ZMQ_BINDTODEVICE")]
    pub bind_to_device: Box<[u8]>,
    /// Properties of the application for the handshake, names with `X-`; the first of a name counts.
    #[doc(alias = "ZMQ_METADATA")]
    pub metadata: Vec<(String, Vec<u8>)>,
    /// Sent first on each new connection (DEALER, ROUTER, CLIENT, SERVER, PEER); empty is none.
    #[doc(alias = "ZMQ_HELLO_MSG")]
    pub hello_message: Box<[u8]>,
    /// Received as the last message of an accepted peer that goes away (ROUTER, SERVER, PEER); empty is none.
    #[doc(alias = "ZMQ_DISCONNECT_MSG")]
    pub disconnect_message: Box<[u8]>,
    /// Received when the connection to a peer that was connected to is lost (DEALER, CLIENT, PEER); empty is none.
    #[doc(alias = "ZMQ_HICCUP_MSG")]
    pub hiccup_message: Box<[u8]>,
    /// Most bytes of one read from a connection; `None` grows with the traffic.
    #[doc(alias = "ZMQ_IN_BATCH_SIZE")]
    pub in_batch_size: Option<u32>,
    /// Most bytes of one write to a connection; `None` takes what is queued.
    #[doc(alias = "ZMQ_OUT_BATCH_SIZE")]
    pub out_batch_size: Option<u32>,
    /// Windows' short cut for loopback connections; has no meaning elsewhere.
    #[doc(alias = "ZMQ_LOOPBACK_FASTPATH")]
    pub loopback_fastpath: bool,
    /// Whether received bodies may stay in the read buffer; if not, each has memory of its own (the context's ZMQ_ZERO_COPY_RECV).
    pub zero_copy_receive: bool,
    /// Who may come in, and whether anybody else can read along.
    pub security: Security,
    /// Whether peers of ZMTP 1 and 2 are served. Not an option of `zmq.h`, where they always are.
    pub accept_old_versions: bool,
    /// How many accepted connections of one listener may be in their handshake; `None`: 1024, or half of the descriptors
    /// that the process may have. Not an option of `zmq.h`.
    pub max_pending_handshakes: Option<u32>,
    /// The most bytes of memory for what one peer of a PUB or XPUB subscribes to, roughly: each topic counts with 128
    /// more. `None` is unlimited. Not an option of `zmq.h`.
    pub max_subscription_bytes: Option<u64>,
}

/// Settings of tcp connections. `None` leaves a setting to the system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tcp {
    /// SO_SNDBUF in bytes.
    #[doc(alias = "ZMQ_SNDBUF")]
    pub send_buffer: Option<u32>,
    /// SO_RCVBUF in bytes.
    #[doc(alias = "ZMQ_RCVBUF")]
    pub receive_buffer: Option<u32>,
    /// SO_KEEPALIVE; the three below act only if this is not `None`.
    #[doc(alias = "ZMQ_TCP_KEEPALIVE")]
    pub keepalive: Option<bool>,
    /// TCP_KEEPCNT.
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_CNT")]
    pub keepalive_count: Option<u32>,
    /// TCP_KEEPIDLE, in whole seconds.
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_IDLE")]
    pub keepalive_idle: Option<Duration>,
    /// TCP_KEEPINTVL, in whole seconds.
    #[doc(alias = "ZMQ_TCP_KEEPALIVE_INTVL")]
    pub keepalive_interval: Option<Duration>,
    /// TCP_USER_TIMEOUT.
    #[doc(alias = "ZMQ_TCP_MAXRT")]
    pub max_retransmit: Option<Duration>,
    /// IP_TOS or IPV6_TCLASS; 0 leaves it alone.
    #[doc(alias = "ZMQ_TOS")]
    pub type_of_service: u32,
    /// SO_PRIORITY; 0 leaves it alone.
    #[doc(alias = "ZMQ_PRIORITY")]
    pub priority: u32,
    /// SO_BUSY_POLL in microseconds, if above 0.
    #[doc(alias = "ZMQ_BUSY_POLL")]
    pub busy_poll: i32,
}

/// A SOCKS5 proxy. Its texts are kept as they were given: what they mean is found out by a connect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocksProxy {
    /// `host:port`, resolved on this side; empty is none.
    #[doc(alias = "ZMQ_SOCKS_PROXY")]
    pub address: Box<[u8]>,
    /// At most 255 bytes; empty: the proxy is offered neither name nor password.
    #[doc(alias = "ZMQ_SOCKS_USERNAME")]
    pub username: Box<[u8]>,
    /// At most 255 bytes.
    #[doc(alias = "ZMQ_SOCKS_PASSWORD")]
    pub password: Password,
}

/// ZMTP heartbeats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heartbeat {
    /// Time between PINGs; `None` is off.
    #[doc(alias = "ZMQ_HEARTBEAT_IVL")]
    pub interval: Option<Duration>,
    /// What the PING asks the peer to use as its own timeout, in steps of 100 ms; zero is nothing.
    #[doc(alias = "ZMQ_HEARTBEAT_TTL")]
    pub ttl: Duration,
    /// How long to wait for a sign of life after a PING; `None` is the interval.
    #[doc(alias = "ZMQ_HEARTBEAT_TIMEOUT")]
    pub timeout: Option<Duration>,
}

/// Settings of multicast transports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Multicast {
    /// Data rate in kilobit per second.
    #[doc(alias = "ZMQ_RATE")]
    pub rate: u32,
    /// How long sent data can be asked for again.
    #[doc(alias = "ZMQ_RECOVERY_IVL")]
    pub recovery_interval: Duration,
    /// Time to live, in hops.
    #[doc(alias = "ZMQ_MULTICAST_HOPS")]
    pub hops: u32,
    /// Largest datagram in bytes.
    #[doc(alias = "ZMQ_MULTICAST_MAXTPDU")]
    pub max_tpdu: u32,
    /// Own datagrams come back to local listeners.
    #[doc(alias = "ZMQ_MULTICAST_LOOP")]
    pub loopback: bool,
}

impl Default for Multicast {
    fn default() -> Self {
        Self {
            rate: 100,
            recovery_interval: Duration::from_secs(10),
            hops: 1,
            max_tpdu: 1500,
            loopback: true,
        }
    }
}

impl SocketOptions {
    /// The options of a fresh socket: libzmq's defaults, without exception.
    pub fn new(kind: SocketType, context: &ContextOptions) -> Self {
        let drops_at_close = matches!(kind, SocketType::Sub | SocketType::Xsub | SocketType::Dish);
        Self {
            send_hwm: 1000,
            receive_hwm: 1000,
            affinity: 0,
            routing_id: Box::default(),
            connect_routing_id: None,
            linger: (drops_at_close || !context.blocky).then_some(Duration::ZERO),
            send_timeout: None,
            receive_timeout: None,
            reconnect_interval: Some(Duration::from_millis(100)),
            reconnect_interval_max: Duration::ZERO,
            reconnect_jitter: false,
            reconnect_stop: 0,
            backlog: 100,
            max_message_size: -1,
            immediate: false,
            conflate: false,
            invert_matching: false,
            xpub_manual: false,
            router_notify: 0,
            ipv6: context.ipv6,
            tcp: Tcp::default(),
            multicast: Multicast::default(),
            accept_filters: Vec::new(),
            ipc_filters: IpcFilters::default(),
            handshake_interval: Some(Duration::from_secs(30)),
            heartbeat: Heartbeat::default(),
            connect_timeout: None,
            socks: SocksProxy::default(),
            use_fd: SuppliedFd::default(),
            bind_to_device: Box::default(),
            metadata: Vec::new(),
            hello_message: Box::default(),
            disconnect_message: Box::default(),
            hiccup_message: Box::default(),
            in_batch_size: None,
            out_batch_size: None,
            loopback_fastpath: false,
            zero_copy_receive: context.zero_copy_receive,
            security: Security::default(),
            accept_old_versions: true,
            max_pending_handshakes: None,
            max_subscription_bytes: Some(1 << 30),
        }
    }

    /// What is sent first to each peer; only these types do that.
    pub(crate) fn hello(&self, kind: SocketType) -> Option<&[u8]> {
        use SocketType::{Client, Dealer, Peer, Rep, Router, Server};
        let fits = matches!(kind, Dealer | Router | Rep | Client | Server | Peer);
        (fits && !self.hello_message.is_empty()).then_some(&self.hello_message)
    }

    /// What is received as the last message of an accepted peer; only by these types.
    pub(crate) fn farewell(&self, kind: SocketType) -> Option<&[u8]> {
        use SocketType::{Peer, Rep, Router, Server};
        let fits = matches!(kind, Router | Rep | Server | Peer);
        (fits && !self.disconnect_message.is_empty()).then_some(&self.disconnect_message)
    }

    /// What is received when a peer that was connected to is lost; only by these types.
    pub(crate) fn hiccup(&self, kind: SocketType) -> Option<&[u8]> {
        use SocketType::{Client, Dealer, Peer};
        let fits = matches!(kind, Dealer | Client | Peer);
        (fits && !self.hiccup_message.is_empty()).then_some(&self.hiccup_message)
    }
}
