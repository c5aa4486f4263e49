//! What has become of a socket's messages.

use std::fmt;

use ferrozmq_runtime as runtime;

use crate::{Error, RoutingId};

/// The counters of a socket, as [`Socket::stats`](crate::Socket::stats) found them.
///
/// ```
/// use ferrozmq::Context;
///
/// let ctx = Context::new();
/// let mut tasks = ctx.push().linger(std::time::Duration::ZERO).connect("ipc:///nobody/here")?;
/// tasks.send("nobody is there yet")?;
/// for peer in tasks.stats()?.peers() {
///     println!("{peer}: {} queued, {} dropped", peer.queued(), peer.dropped());
///     assert_eq!(peer.queued(), 1);
/// }
/// # Ok::<(), ferrozmq::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stats {
    peers: Vec<PeerStats>,
    dropped: Dropped,
    events_dropped: u64,
    handshakes_evicted: u64,
    handshakes_unjudged: u64,
    peers_oversubscribed: u64,
}

/// Messages that the socket dropped, by reason. One that goes to several peers counts once for each that lost it.
///
/// ```
/// use ferrozmq::Context;
///
/// let mut router = Context::new().router().bind("tcp://127.0.0.1:*")?;
/// router.send_to(&"nobody".into(), "lost")?;
/// let dropped = router.stats()?.dropped();
/// assert_eq!((dropped.unroutable, dropped.total()), (1, 1));
/// # Ok::<(), ferrozmq::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// The peer's queue was full; over udp, that of the socket itself.
    pub full: u64,
    /// No peer has the routing id; over udp, the address is none, or the network would not take it.
    pub unroutable: u64,
    /// The peer went away in the middle of the message, or before its answer.
    pub peer_gone: u64,
    /// The peer went for good, or refused us, before they were sent.
    pub undelivered: u64,
    /// Received: the envelope was not what the pattern wants; over udp, a datagram without a message in it.
    pub malformed: u64,
    /// Received: no subscription matches, or the group was not joined.
    pub unmatched: u64,
}

impl Dropped {
    /// All of them.
    ///
    /// See the example of [`Dropped`].
    pub fn total(&self) -> u64 {
        self.full + self.unroutable + self.peer_gone + self.undelivered + self.malformed + self.unmatched
    }
}

impl Stats {
    pub(crate) fn new(stats: runtime::Stats) -> Self {
        let runtime::Drops { full, unroutable, peer_gone, malformed, unmatched } = stats.dropped;
        Self {
            dropped: Dropped {
                full,
                unroutable,
                peer_gone,
                undelivered: stats.undelivered,
                malformed,
                unmatched,
            },
            events_dropped: stats.monitor_dropped,
            handshakes_evicted: stats.handshakes_evicted,
            handshakes_unjudged: stats.handshakes_unjudged,
            peers_oversubscribed: stats.peers_oversubscribed,
            peers: stats.connections.into_iter().map(PeerStats).collect(),
        }
    }

    /// The connections that exist, and those that are being made; not those over inproc.
    ///
    /// See the example of [`Stats`].
    pub fn peers(&self) -> &[PeerStats] {
        &self.peers
    }

    /// Events that the socket's monitor lost, because nobody took those before them.
    ///
    /// ```
    /// use ferrozmq::Context;
    ///
    /// let ctx = Context::new();
    /// let mut tasks = ctx.push().linger(std::time::Duration::ZERO).connect("ipc:///nobody/here")?;
    /// assert_eq!(tasks.stats()?.events_dropped(), 0);
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    pub fn events_dropped(&self) -> u64 {
        self.events_dropped
    }

    /// Accepted connections that were closed in their handshake because too many others were in theirs
    /// ([`max_pending_handshakes`](crate::Builder::max_pending_handshakes)).
    ///
    /// ```
    /// use ferrozmq::Context;
    ///
    /// let mut server = Context::new().rep().bind("tcp://127.0.0.1:*")?;
    /// assert_eq!(server.stats()?.handshakes_evicted(), 0);
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    pub fn handshakes_evicted(&self) -> u64 {
        self.handshakes_evicted
    }

    /// Connections that were closed in their handshake because the application's ZAP handler, or whoever else is asked,
    /// did not judge the peer in the time that a handshake may take.
    ///
    /// ```
    /// use ferrozmq::Context;
    ///
    /// let mut server = Context::new().rep().bind("tcp://127.0.0.1:*")?;
    /// assert_eq!(server.stats()?.handshakes_unjudged(), 0);
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    pub fn handshakes_unjudged(&self) -> u64 {
        self.handshakes_unjudged
    }

    /// Peers that were cut off because they subscribed to more than one may
    /// ([`max_subscription_bytes`](crate::Builder::max_subscription_bytes)).
    ///
    /// ```
    /// use ferrozmq::Context;
    ///
    /// let mut publisher = Context::new().publisher().bind("tcp://127.0.0.1:*")?;
    /// assert_eq!(publisher.stats()?.peers_oversubscribed(), 0);
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    pub fn peers_oversubscribed(&self) -> u64 {
        self.peers_oversubscribed
    }

    /// What the socket dropped, for all peers that it ever had.
    ///
    /// See the example of [`Dropped`].
    pub fn dropped(&self) -> Dropped {
        self.dropped
    }
}

/// The counters of what is sent over one connection, over all times that it was made again.
///
/// ```
/// use ferrozmq::Context;
///
/// let ctx = Context::new();
/// let mut router = ctx.router().bind("tcp://127.0.0.1:*")?;
/// let mut worker = ctx.dealer().routing_id("worker-1").connect(router.last_endpoint())?;
/// worker.send("ready")?;
/// let (name, _) = router.recv_from()?;
/// router.send_to(&name, "job")?;
///
/// let stats = router.stats()?;
/// let peer = &stats.peers()[0];
/// assert_eq!(peer.routing_id(), Some(name));
/// assert_eq!(peer.dropped(), 0);
/// println!("{peer}: {} queued, {} sent, {} bytes", peer.queued(), peer.sent(), peer.sent_bytes());
/// # Ok::<(), ferrozmq::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct PeerStats(runtime::ConnectionStats);

impl PeerStats {
    /// The peer's name, on a [`Router`](crate::Router), [`Rep`](crate::Rep) or [`Stream`](crate::Stream).
    ///
    /// See the example of [`PeerStats`].
    pub fn routing_id(&self) -> Option<RoutingId> {
        self.0.routing_id.as_deref().map(RoutingId::from)
    }

    /// Messages that wait to be sent.
    ///
    /// See the example of [`PeerStats`].
    pub fn queued(&self) -> u64 {
        self.0.queued.into()
    }

    /// Messages handed to the operating system.
    ///
    /// See the example of [`PeerStats`].
    pub fn sent(&self) -> u64 {
        self.0.sent.0
    }

    /// Their bytes on the wire.
    ///
    /// See the example of [`PeerStats`].
    pub fn sent_bytes(&self) -> u64 {
        self.0.sent.1
    }

    /// Datagrams that the network would not take, for lack of a route or for their size, say.
    ///
    /// ```
    /// use ferrozmq::{Context, Error};
    ///
    /// let mut time = Context::new().dgram().bind("udp://127.0.0.1:*")?;
    /// time.send_to("[::1]:5555".parse().unwrap(), "from IPv4 to IPv6")?;
    /// while time.stats()?.peers()[0].refused() != 1 {
    ///     std::thread::yield_now();
    /// }
    /// assert_eq!(time.stats()?.peers()[0].refusal(), Some(Error::AddressFamilyNotSupported));
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    pub fn refused(&self) -> u64 {
        self.0.dropped_refused
    }

    /// Why the last of them was refused.
    ///
    /// See the example of [`refused`](Self::refused).
    pub fn refusal(&self) -> Option<Error> {
        self.0.refusal.map(Error::from)
    }

    /// Messages that the peer lost: its queue was full, it went away, or the network would not take them.
    ///
    /// See the example of [`PeerStats`].
    pub fn dropped(&self) -> u64 {
        self.0.dropped_full + self.0.dropped_peer_gone + self.0.dropped_refused
    }
}

/// Its name, if it has one.
impl fmt::Display for PeerStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.routing_id() {
            Some(id) => id.fmt(f),
            None => f.write_str("peer"),
        }
    }
}
