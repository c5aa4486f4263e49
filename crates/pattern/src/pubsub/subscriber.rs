//! SUB: an XSUB that sends nothing but its subscriptions and receives nothing else than these want (RFC 29).
use super::xsub::Xsub;
use crate::{Drops, Events, Local, Machine, Setting};
use ferrozmq_base::{DueList, Error, Msg, PipeId, Pipes};

/// A SUB socket.
#[derive(Debug)]
pub struct Sub(Xsub);

impl Default for Sub {
    fn default() -> Self {
        Self(Xsub::filtering())
    }
}

impl Sub {
    pub(crate) fn topics_count(&self) -> usize {
        self.0.topics_count()
    }
}

impl Machine for Sub {
    fn opened(&mut self, pipes: &mut Pipes, id: PipeId, local: Local, due: &mut DueList) {
        self.0.opened(pipes, id, local, due);
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.0.readable(pipes, id, due);
    }

    fn writable(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.0.writable(pipes, id, due);
    }

    fn hiccup(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.0.hiccup(pipes, id, due);
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.0.ended(pipes, id, due);
    }

    fn gone(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.0.gone(pipes, id, due);
    }

    #[inline]
    fn recv(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        self.0.recv(pipes, m, due)
    }

    fn ready(&mut self, pipes: &mut Pipes, due: &mut DueList) -> Events {
        Events { writable: false, ..self.0.ready(pipes, due) }
    }

    fn set(&mut self, s: Setting<'_>, pipes: &mut Pipes, due: &mut DueList) -> Result<(), Error> {
        match s {
            Setting::Subscribe(topic) => self.0.subscribe(topic, pipes, due),
            Setting::Unsubscribe(topic) => self.0.unsubscribe(topic, pipes, due),
            Setting::Conflate(_) => Ok(()),
            _ => self.0.set(s, pipes, due),
        }
    }

    fn drops(&self) -> Drops {
        self.0.drops()
    }
}
