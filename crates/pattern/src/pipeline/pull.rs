//! PULL: the end of a pipeline (RFC 30). Fair-queues; never writes.
use crate::fair_queue::FairQueue;
use crate::{Events, Local, Machine, Setting};
use ferrozmq_base::{DueList, Error, Msg, PipeId, Pipes};

/// A PULL socket.
#[derive(Debug, Default)]
pub struct Pull {
    input: FairQueue,
}

impl Machine for Pull {
    fn opened(&mut self, _: &mut Pipes, id: PipeId, _: Local, _: &mut DueList) {
        self.input.attach(id);
    }

    fn readable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.input.readable(id);
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.input.ended(pipes, id, due);
    }

    fn gone(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.input.remove(id);
    }

    #[inline(always)]
    fn recv(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        self.input.get(pipes, m, due).map(|_| ()).ok_or(Error::Again)
    }

    fn ready(&mut self, pipes: &mut Pipes, due: &mut DueList) -> Events {
        Events { readable: self.input.has(pipes, due), writable: false }
    }

    fn set(&mut self, s: Setting<'_>, _: &mut Pipes, _: &mut DueList) -> Result<(), Error> {
        if matches!(s, Setting::Conflate(_)) { Ok(()) } else { Err(Error::InvalidArgument) }
    }
}
