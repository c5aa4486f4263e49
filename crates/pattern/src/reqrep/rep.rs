//! REP: receives a request, then sends the reply to the peer that asked (RFC 28).
//!
//! The frames of a request up to and with the first empty one are its envelope. They are copied to the peer's pipe
//! when they are read, unpublished, so that the reply follows them. A request without such an envelope is skipped.
//! Whether the reply can be sent is settled when the envelope is read: if the peer has no room then, or is gone by
//! the time of the reply, the reply is dropped and the send succeeds.
use super::dealer::write_probe;
use super::router::Identities;
use crate::fair_queue::FairQueue;
use crate::{Drops, Events, Local, Machine, Setting};
use ferrozmq_base::{DueList, Error, Msg, PeerInfo, PipeId, Pipes};

/// A REP socket.
#[derive(Debug)]
pub struct Rep {
    peers: Identities,
    input: FairQueue,
    state: State,
    /// Who sent the request that is being received.
    asker: Option<PipeId>,
    /// Where the reply goes; none if it will be dropped.
    reply: Option<PipeId>,
    probe: bool,
    drops: Drops,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between requests.
    Idle,
    /// The envelope was read; the body follows.
    Receiving,
    /// The whole request was received; a reply, or the rest of it, is due.
    Replying,
}

impl Rep {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            peers: Identities::new(seed),
            input: FairQueue::default(),
            state: State::Idle,
            asker: None,
            reply: None,
            probe: false,
            drops: Drops::default(),
        }
    }

    pub(crate) fn id_in_use(&self, routing_id: &[u8]) -> bool {
        self.peers.routes.pipe(routing_id).is_some()
    }

    pub(crate) fn routing_id(&self, id: PipeId) -> Option<&[u8]> {
        self.peers.routes.id(id)
    }

    /// The pipe can take no reply any more.
    fn lose_reply(&mut self, id: PipeId) {
        if self.reply == Some(id) {
            self.reply = None;
            self.drops.peer_gone += 1;
        }
    }

    /// Reads up to the body of the next request.
    fn find_request(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        while let Some(from) = self.input.get(pipes, m, due) {
            let mut reply = pipes.room(from).then_some(from);
            if reply.is_none() {
                let count =
                    if pipes.is_open(from) { &mut self.drops.full } else { &mut self.drops.peer_gone };
                *count += 1;
            }
            if self.copy_envelope(pipes, m, &mut reply, due) {
                self.state = State::Receiving;
                self.asker = Some(from);
                self.reply = reply;
                return Ok(());
            }
            pipes.rollback(from);
            self.drops.malformed += 1;
        }
        Err(Error::Again)
    }

    /// Moves the envelope that begins with `m` to the pipe; false if the message ends in it.
    fn copy_envelope(
        &mut self,
        pipes: &mut Pipes,
        m: &mut Msg,
        reply: &mut Option<PipeId>,
        due: &mut DueList,
    ) -> bool {
        loop {
            if !m.more() {
                return false;
            }
            let is_delimiter = m.is_empty();
            if let Some(id) = *reply {
                m.set_peer(None);
                if pipes.put(id, m, true).is_err() {
                    pipes.rollback(id);
                    self.drops.full += 1;
                    *reply = None;
                }
            }
            if is_delimiter {
                return true;
            }
            if self.input.get(pipes, m, due).is_none() {
                return false;
            }
        }
    }
}

impl Machine for Rep {
    fn opened(&mut self, pipes: &mut Pipes, id: PipeId, local: Local, due: &mut DueList) {
        if self.probe {
            write_probe(pipes, id, due);
        }
        if self.peers.opened(id, local) {
            self.input.attach(id);
        }
    }

    fn identified(&mut self, pipes: &mut Pipes, id: PipeId, info: &PeerInfo, due: &mut DueList) {
        let Some(arrival) = self.peers.identified(pipes, id, info, due) else { return };
        if let Some(replaced) = arrival.replaced {
            self.lose_reply(replaced);
        }
        self.input.attach(id);
    }

    fn readable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.input.readable(id);
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.lose_reply(id);
        self.peers.ended(pipes, id, &mut self.input, due);
    }

    fn gone(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.lose_reply(id);
        self.input.remove(id);
        self.peers.routes.release(id);
        if self.asker == Some(id) {
            self.asker = None;
            if self.state == State::Receiving {
                self.state = State::Idle;
            }
        }
    }

    fn send(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) -> Result<(), Error> {
        if self.state != State::Replying {
            return Err(Error::InvalidState);
        }
        match self.reply {
            Some(id) => {
                pipes.put(id, m, more)?;
                if !more {
                    pipes.publish(id, due);
                }
            }
            None => m.clear(),
        }
        if !more {
            self.state = State::Idle;
            self.reply = None;
        }
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        match self.state {
            State::Replying => return Err(Error::InvalidState),
            State::Idle => self.find_request(pipes, m, due)?,
            State::Receiving => {}
        }
        self.input.get(pipes, m, due).ok_or(Error::Again)?;
        if !m.more() {
            self.state = State::Replying;
            self.asker = None;
        }
        Ok(())
    }

    fn ready(&mut self, pipes: &mut Pipes, due: &mut DueList) -> Events {
        let readable = match self.state {
            State::Idle => self.find_request(pipes, &mut Msg::new(), due).is_ok(),
            State::Receiving => true,
            State::Replying => false,
        };
        Events { readable, writable: self.state == State::Replying }
    }

    fn set(&mut self, s: Setting<'_>, _: &mut Pipes, _: &mut DueList) -> Result<(), Error> {
        match s {
            Setting::ProbeRouter(on) => self.probe = on,
            Setting::RouterHandover(on) => self.peers.handover = on,
            Setting::RouterRaw(on) => self.peers.raw = on,
            // A reply that cannot be delivered is always dropped, and a request never needs to be announced.
            Setting::RouterMandatory(_) | Setting::RouterNotify(0..=3) => {}
            _ => return Err(Error::InvalidArgument),
        }
        Ok(())
    }

    fn drops(&self) -> Drops {
        self.drops
    }
}
