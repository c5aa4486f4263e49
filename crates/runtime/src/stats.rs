//! What has become of a socket's messages: counters that the data path keeps anyway, read when somebody asks.

use ferrozmq_base::{
    Error, Result,
    link::{Dropped, Link},
    sync::{AtomicU64, Ordering},
};
use ferrozmq_pattern::Drops;

use crate::{port::Far, socket::SocketCore};

/// The counters of a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages that the socket type dropped, and datagrams.
    pub dropped: Drops,
    /// Messages for peers that have gone for good, or refused us, which did not get them.
    pub undelivered: u64,
    /// Events that the monitor lost, because it did not take those before them.
    pub monitor_dropped: u64,
    /// Accepted connections that were closed in their handshake because there were too many.
    pub handshakes_evicted: u64,
    /// Connections that were closed in their handshake because nobody judged the peer in time.
    pub handshakes_unjudged: u64,
    /// Peers that were cut off because they subscribed to more than one may.
    pub peers_oversubscribed: u64,
    /// The connections that exist, and those that are being made; not inproc.
    pub connections: Vec<ConnectionStats>,
}

/// The counters of the output of one connection, over all times that it was made again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionStats {
    /// The peer's routing id, on sockets that route by it.
    pub routing_id: Option<Box<[u8]>>,
    /// Messages that wait to be sent.
    pub queued: u32,
    /// Messages handed to the kernel, and their bytes on the wire.
    pub sent: (u64, u64),
    /// Messages that passed the peer by because its queue was full (PUB, XPUB).
    pub dropped_full: u64,
    /// Messages cut by the loss of the connection, or left when the peer went for good.
    pub dropped_peer_gone: u64,
    /// Messages that the network would not take: no route, or an address that is none (udp).
    pub dropped_refused: u64,
    /// Why the last of these was refused.
    pub refusal: Option<Error>,
}

/// What I/O threads dropped, in all of the socket's life.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// Messages of connections that are over.
    pub undelivered: AtomicU64,
    /// Datagrams: no room in the queue.
    pub full: AtomicU64,
    /// The network would not take it.
    pub unroutable: AtomicU64,
    /// There was no message in it.
    pub malformed: AtomicU64,
    /// Of a group that was not joined.
    pub unmatched: AtomicU64,
}

impl Losses {
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn add_to(&self, drops: &mut Drops) {
        drops.full += self.full.load(Ordering::Relaxed);
        drops.unroutable += self.unroutable.load(Ordering::Relaxed);
        drops.malformed += self.malformed.load(Ordering::Relaxed);
        drops.unmatched += self.unmatched.load(Ordering::Relaxed);
    }
}

impl SocketCore {
    /// The counters as they stand.
    ///
    /// # Errors
    /// `Terminated`; `Interrupted` in a forked child.
    pub fn stats(&mut self) -> Result<Stats> {
        self.check()?;
        let ids: Vec<_> = self.pipes.ids().collect();
        let connections = ids.into_iter().filter_map(|id| {
            let Some(Far::Wire(conn)) = self.far.get(id.index())? else { return None };
            let sent = &conn.link.sent;
            let refused = conn.refused.count();
            Some(ConnectionStats {
                routing_id: self.pattern.routing_id(id).map(Box::from),
                queued: self.pipes.outbound_queued(id),
                sent: (sent.messages.count().saturating_sub(refused), sent.bytes.count()),
                dropped_full: self.pattern.drops_of(id).unwrap_or(0),
                dropped_peer_gone: undelivered(&conn.link),
                dropped_refused: refused,
                refusal: (refused > 0)
                    .then(|| Error::from_errno(conn.refusal.load(Ordering::Relaxed).cast_signed())),
            })
        });
        let connections = connections.collect();
        let monitor_dropped = self.port().monitor.dropped();
        let mut dropped = self.pattern.drops();
        self.port().losses.add_to(&mut dropped);
        let undelivered = self.port().losses.undelivered.load(Ordering::Relaxed);
        let handshakes_evicted = self.port().evicted();
        let handshakes_unjudged = self.port().unjudged();
        Ok(Stats {
            dropped,
            undelivered,
            monitor_dropped,
            handshakes_evicted,
            handshakes_unjudged,
            peers_oversubscribed: self.oversubscribed,
            connections,
        })
    }
}

/// What was accepted for the peer and lost with it or its connection.
pub(crate) fn undelivered(link: &Link) -> u64 {
    [Dropped::Cut, Dropped::PeerGone].map(|why| link.sent.dropped(why).count()).iter().sum()
}
