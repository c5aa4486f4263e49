//! PUB: an XPUB that keeps the subscriptions to itself (RFC 29).
use super::xpub::Xpub;
use crate::{Drops, Events, Local, Machine, Setting};
use ferrozmq_base::{DueList, Error, Msg, PeerInfo, PipeId, Pipes};

/// A PUB socket.
#[derive(Debug)]
pub struct Pub(Xpub);

impl Default for Pub {
    fn default() -> Self {
        Self(Xpub::mute())
    }
}

impl Pub {
    pub(crate) fn topics_count(&self) -> usize {
        self.0.topics_count()
    }

    pub(crate) fn subscribers(&self) -> usize {
        self.0.subscribers()
    }

    pub(crate) fn drops_of(&self, id: PipeId) -> u64 {
        self.0.drops_of(id)
    }
}

impl Machine for Pub {
    fn opened(&mut self, pipes: &mut Pipes, id: PipeId, local: Local, due: &mut DueList) {
        self.0.opened(pipes, id, local, due);
    }

    fn identified(&mut self, pipes: &mut Pipes, id: PipeId, info: &PeerInfo, due: &mut DueList) {
        self.0.identified(pipes, id, info, due);
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.0.readable(pipes, id, due);
    }

    fn writable(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.0.writable(pipes, id, due);
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.0.ended(pipes, id, due);
    }

    fn gone(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.0.gone(pipes, id, due);
    }

    #[inline]
    fn send(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) -> Result<(), Error> {
        self.0.send(pipes, m, more, due)
    }

    fn ready(&mut self, _: &mut Pipes, _: &mut DueList) -> Events {
        Events { readable: false, writable: true }
    }

    fn set(&mut self, s: Setting<'_>, pipes: &mut Pipes, due: &mut DueList) -> Result<(), Error> {
        self.0.set(s, pipes, due)
    }

    fn drops(&self) -> Drops {
        self.0.drops()
    }
}
