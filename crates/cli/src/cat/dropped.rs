//! What became of messages that were dropped: over udp nobody else would say so.

use ferrozmq::{Dropped, Error};

use super::{Conversation, messages};
use crate::{args::is_udp, failure::Failure, numbers::grouped, say::say};

/// What a socket has dropped, at the end.
pub(super) struct Losses {
    dropped: Dropped,
    /// Datagrams that the network would not take, and why the last of them.
    refused: u64,
    refusal: Option<Error>,
    over_udp: bool,
    /// Messages for peers that were not there.
    unreachable: u64,
}

impl Losses {
    pub(super) fn of(talk: &mut Conversation<'_>) -> Result<Self, Failure> {
        let stats = talk.socket.stats()?;
        Ok(Self {
            dropped: stats.dropped(),
            refused: stats.peers().iter().map(|peer| peer.refused()).sum(),
            refusal: stats.peers().iter().find_map(|peer| peer.refusal()),
            over_udp: talk.is_over_udp(),
            unreachable: talk.unreachable,
        })
    }

    /// Not everything that was to be sent was.
    pub(super) fn refused(&self) -> bool {
        self.refused > 0
    }

    /// Says what was dropped: what the user cannot have expected over udp, and everything if `all`.
    pub(super) fn report(&self, all: bool) {
        let Dropped { full, malformed, unmatched, .. } = self.dropped;
        let what = if self.over_udp { "datagram" } else { "message" };
        let say = |count: u64, why: &str| {
            if count > 0 {
                let s = if count == 1 { "" } else { "s" };
                say!("fzmq: {} {what}{s} dropped: {why}", grouped(count));
            }
        };
        if self.over_udp || all {
            say(full, "no room in the queue (--hwm)");
            say(malformed, "no message that this socket takes");
        }
        if all {
            say(unmatched, "of no group or topic that was asked for");
        }
    }

    /// What was not sent, as a failure.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.unreachable > 0 {
            let text = format!("{} not sent: the peer was not there", messages(self.unreachable));
            return Err(Failure::Run(text));
        }
        if self.refused == 0 {
            return Ok(());
        }
        let why = self.refusal.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        Err(Failure::Run(format!("{} not sent: refused by the network{why}", messages(self.refused))))
    }
}

impl Conversation<'_> {
    /// Whether datagrams come and go.
    pub(super) fn is_over_udp(&self) -> bool {
        self.cat.common.endpoints.iter().any(|endpoint| is_udp(endpoint))
    }
}
