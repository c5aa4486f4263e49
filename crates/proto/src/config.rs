//! What one side of a connection says of itself, and the limits it holds its peer to.

use std::time::Duration;

use ferrozmq_base::SocketType;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{curve::SecretKey, mechanism::Mechanism};

/// The settings of one connection, copied from the socket's options when the connection is made.
#[derive(Clone, Debug)]
pub struct Config {
    /// The type of the socket that owns the connection.
    pub socket_type: SocketType,
    /// The own routing id, at most 255 bytes (`ZMQ_ROUTING_ID`). Empty: the peer makes one up.
    pub routing_id: Vec<u8>,
    /// The security mechanism; the peer must use the same one.
    pub mechanism: Mechanism,
    /// The largest frame body to accept, in bytes (`ZMQ_MAXMSGSIZE`). `None`: no limit.
    pub max_body: Option<u64>,
    /// Whether to talk to ZMTP 1.0 and 2.0 peers at all. They are refused in any case where security is on.
    pub accept_old_versions: bool,
    /// Further properties for the handshake (`ZMQ_METADATA`); names have 1 to 255 bytes.
    pub metadata: Vec<(String, Vec<u8>)>,
    /// When to probe the peer.
    pub heartbeat: Heartbeat,
    /// How long greeting and handshake may take (`ZMQ_HANDSHAKE_IVL`). `None`: for ever.
    pub handshake_limit: Option<Duration>,
    /// Whether a ZAP domain is set, which makes NULL connections subject to authentication (RFC 27).
    pub zap_domain_set: bool,
    /// Whether a CURVE server asks somebody whether its peer may come in. A PLAIN server always does.
    pub asks: bool,
    /// What a CURVE connection needs of chance: new for every connection.
    pub entropy: Entropy,
}

/// The random bytes of one CURVE connection, of the operating system's making. Overwritten when they are dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Entropy([u8; Self::BYTES]);

impl Entropy {
    /// How many there are: two keys, and two tails of nonces of 16 bytes.
    pub const BYTES: usize = 96;

    /// These bytes, which must never be used for another connection.
    pub fn new(bytes: [u8; Self::BYTES]) -> Self {
        Self(bytes)
    }

    fn chunk<const N: usize>(&self, from: usize) -> [u8; N] {
        self.0.get(from..).and_then(|rest| rest.first_chunk::<N>()).copied().unwrap_or([0; N])
    }

    /// The secret key of this connection alone.
    pub(crate) fn short_term(&self) -> SecretKey {
        SecretKey::new(self.chunk(0))
    }

    /// The key of the cookie.
    pub(crate) fn cookie_key(&self) -> [u8; 32] {
        self.chunk(32)
    }

    /// The tail of the first (0) or the second (1) nonce.
    pub(crate) fn tail(&self, index: usize) -> [u8; 16] {
        self.chunk(if index == 0 { 64 } else { 80 })
    }
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy(..)")
    }
}

impl Config {
    /// The defaults of a socket of this type: NULL, no limits, no heartbeat, 30 s for the handshake.
    pub fn new(socket_type: SocketType) -> Self {
        Self {
            socket_type,
            routing_id: Vec::new(),
            mechanism: Mechanism::Null,
            max_body: None,
            accept_old_versions: true,
            metadata: Vec::new(),
            heartbeat: Heartbeat::default(),
            handshake_limit: Some(Duration::from_secs(30)),
            zap_domain_set: false,
            asks: true,
            entropy: Entropy::new([0; Entropy::BYTES]),
        }
    }

    /// Whether a ZMTP 1.0 or 2.0 peer, which knows no security, may be talked to.
    pub(crate) fn admits_old_versions(&self) -> bool {
        self.accept_old_versions && matches!(self.mechanism, Mechanism::Null) && !self.zap_domain_set
    }

    /// The size limit as a number that every length can be compared with.
    pub(crate) fn body_limit(&self) -> u64 {
        self.max_body.unwrap_or(u64::MAX)
    }
}

/// When to send PING, and how long a silence is allowed (RFC 37, heartbeating).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heartbeat {
    /// The period of PING (`ZMQ_HEARTBEAT_IVL`). `None` or zero: none is sent.
    pub interval: Option<Duration>,
    /// How long the peer may wait for our next frame (`ZMQ_HEARTBEAT_TTL`); on the wire in tenths of a second, at most
    /// 6553.5 s. Zero: the peer decides.
    pub ttl: Duration,
    /// The silence that is allowed after a PING (`ZMQ_HEARTBEAT_TIMEOUT`, whose -1 stands for the interval). `None` or
    /// zero: any.
    pub timeout: Option<Duration>,
}
