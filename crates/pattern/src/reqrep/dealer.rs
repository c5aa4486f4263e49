//! DEALER: load-balances what it sends, fair-queues what it receives (RFC 28). Adds nothing to messages.
use crate::fair_queue::FairQueue;
use crate::load_balance::LoadBalance;
use crate::{Drops, Events, Local, Machine, Setting};
use ferrozmq_base::{DueList, Error, Msg, PipeId, Pipes};

/// A DEALER socket.
#[derive(Debug, Default)]
pub struct Dealer {
    pub(super) input: FairQueue,
    pub(super) out: LoadBalance,
    probe: bool,
}

/// Writes the empty message by which a ROUTER learns of a peer at once (`ZMQ_PROBE_ROUTER`).
pub(super) fn write_probe(pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
    if pipes.put(id, &mut Msg::new(), false).is_ok() {
        pipes.publish(id, due);
    }
}

impl Machine for Dealer {
    fn opened(&mut self, pipes: &mut Pipes, id: PipeId, _: Local, due: &mut DueList) {
        if self.probe {
            write_probe(pipes, id, due);
        }
        self.input.attach(id);
        self.out.attach(id);
    }

    fn readable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.input.readable(id);
    }

    fn writable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.writable(id);
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.out.remove(pipes, id);
        self.input.ended(pipes, id, due);
    }

    fn gone(&mut self, pipes: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.remove(pipes, id);
        self.input.remove(id);
    }

    #[inline(always)]
    fn send(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) -> Result<(), Error> {
        self.out.send(pipes, m, more, due).map(|_| ())
    }

    #[inline(always)]
    fn recv(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        self.input.get(pipes, m, due).map(|_| ()).ok_or(Error::Again)
    }

    fn ready(&mut self, pipes: &mut Pipes, due: &mut DueList) -> Events {
        Events { readable: self.input.has(pipes, due), writable: self.out.has_room(pipes) }
    }

    fn set(&mut self, s: Setting<'_>, _: &mut Pipes, _: &mut DueList) -> Result<(), Error> {
        match s {
            Setting::ProbeRouter(on) => self.probe = on,
            Setting::Conflate(_) => {}
            _ => return Err(Error::InvalidArgument),
        }
        Ok(())
    }

    fn drops(&self) -> Drops {
        Drops { peer_gone: self.out.dropped(), ..Drops::default() }
    }
}
