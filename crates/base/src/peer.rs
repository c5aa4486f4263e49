//! What is known of a peer: the properties that messages carry and what a pattern is told when a peer appears.
#![allow(missing_docs, clippy::todo, unused_variables, dead_code)]
use crate::SocketType;

/// A weak name of a peer's properties in the process-wide table: copied into every message from that peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerRef {
    pub slot: u32,
    pub generation: u32,
}

/// What a pattern is told of a peer once it is known (after the handshake, or at once on inproc).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerInfo {
    /// The type that the peer announced; none for old protocols, raw connections and inproc.
    pub socket_type: Option<SocketType>,
    /// The identity that the peer announced; empty if none.
    pub routing_id: Box<[u8]>,
    /// A ZMTP 1.0 peer, which never sends subscriptions: a publisher treats it as subscribed to everything.
    pub subscribes_to_all: bool,
}
