//! PUSH: the start of a pipeline (RFC 30). Load-balances; never reads.
use crate::load_balance::LoadBalance;
use crate::{Drops, Events, Local, Machine, Setting};
use ferrozmq_base::{DueList, Error, Msg, PipeId, Pipes};

/// A PUSH socket.
#[derive(Debug, Default)]
pub struct Push {
    out: LoadBalance,
}

impl Machine for Push {
    fn opened(&mut self, _: &mut Pipes, id: PipeId, _: Local, _: &mut DueList) {
        self.out.attach(id);
    }

    fn writable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.writable(id);
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.remove(pipes, id);
    }

    fn gone(&mut self, pipes: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.remove(pipes, id);
    }

    #[inline(always)]
    fn send(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) -> Result<(), Error> {
        self.out.send(pipes, m, more, due).map(|_| ())
    }

    fn ready(&mut self, pipes: &mut Pipes, _: &mut DueList) -> Events {
        Events { readable: false, writable: self.out.has_room(pipes) }
    }

    fn set(&mut self, s: Setting<'_>, _: &mut Pipes, _: &mut DueList) -> Result<(), Error> {
        if matches!(s, Setting::Conflate(_)) { Ok(()) } else { Err(Error::InvalidArgument) }
    }

    fn drops(&self) -> Drops {
        Drops { peer_gone: self.out.dropped(), ..Drops::default() }
    }
}
