//! ROUTER: sends each message to the peer that its first frame names, and prefixes each message that it receives
//! with the id of the sender (RFC 28).
//!
//! A peer's pipe is read and written only once it has an id. A peer that announces an id that another live peer
//! has is parked, neither read nor written, unless handover is on: then it takes the id, and the old pipe is ended,
//! what it sent before being received under a fresh id. An id whose owner's far end is gone is free, even while
//! messages of that owner are still to be received under it.
use super::dealer::write_probe;
use crate::fair_queue::FairQueue;
use crate::routing::{Labelled, Routes};
use crate::{Drops, Events, Local, Machine, Setting};
use ferrozmq_base::{DueList, End, Error, Msg, PeerInfo, PipeId, Pipes};

/// The peers of a ROUTER or REP by their ids, and the rules by which they get them.
#[derive(Debug)]
pub(super) struct Identities {
    pub(super) routes: Routes,
    pub(super) handover: bool,
    pub(super) raw: bool,
}

/// A peer that got an id.
pub(super) struct Arrival {
    /// The pipe that had the id before and was ended.
    pub(super) replaced: Option<PipeId>,
}

impl Identities {
    pub(super) fn new(seed: u64) -> Self {
        Self { routes: Routes::new(seed), handover: false, raw: false }
    }

    /// Whether the new pipe has an id already: one that we assign, or any if the peers have none of their own.
    pub(super) fn opened(&mut self, id: PipeId, local: Local) -> bool {
        match local.assigned_id {
            Some(assigned) if self.routes.pipe(&assigned).is_none() => self.routes.assign(id, assigned),
            _ if self.raw => self.routes.assign_auto(id),
            _ => return false,
        }
        true
    }

    /// Gives the peer its id, unless it has one; none if it may not have the one that it wants.
    pub(super) fn identified(
        &mut self,
        pipes: &mut Pipes,
        id: PipeId,
        info: &PeerInfo,
        due: &mut DueList,
    ) -> Option<Arrival> {
        let mut replaced = None;
        if self.routes.id(id).is_some() {
        } else if self.raw || info.routing_id.is_empty() {
            self.routes.assign_auto(id);
        } else {
            let owner = self.routes.pipe(&info.routing_id).filter(|owner| pipes.is_open(*owner));
            if let Some(owner) = owner {
                if !self.handover {
                    return None;
                }
                pipes.end(owner, End::Drain, due);
                self.routes.assign_auto(owner);
                replaced = Some(owner);
            }
            self.routes.assign(id, info.routing_id.clone());
        }
        Some(Arrival { replaced })
    }

    /// The far end of a pipe is gone. One that is not read cannot drain, so it is ended here.
    pub(super) fn ended(&self, pipes: &mut Pipes, id: PipeId, input: &mut FairQueue, due: &mut DueList) {
        if input.contains(id) {
            input.ended(pipes, id, due);
        } else {
            pipes.end(id, End::Now, due);
        }
    }
}

/// Bits of `ZMQ_ROUTER_NOTIFY`.
const NOTIFY_CONNECT: u8 = 1;
const NOTIFY_DISCONNECT: u8 = 2;

/// A ROUTER socket.
#[derive(Debug)]
pub struct Router {
    peers: Identities,
    inbound: Labelled,
    out: Outbound,
    mandatory: bool,
    probe: bool,
    notify: u8,
    /// Pipes whose far end is gone and whose end is still to be told.
    ending: Vec<PipeId>,
    drops: Drops,
}

/// Where the message that is being sent goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outbound {
    /// The next frame is a routing id.
    Address,
    /// To this pipe.
    To(PipeId),
    /// Nowhere.
    Dropped,
}

impl Router {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            peers: Identities::new(seed),
            inbound: Labelled::new(),
            out: Outbound::Address,
            mandatory: false,
            probe: false,
            notify: 0,
            ending: Vec::new(),
            drops: Drops::default(),
        }
    }

    pub(crate) fn id_in_use(&self, routing_id: &[u8]) -> bool {
        self.peers.routes.pipe(routing_id).is_some()
    }

    pub(crate) fn routing_id(&self, id: PipeId) -> Option<&[u8]> {
        self.peers.routes.id(id)
    }

    pub(crate) fn peer_state(&mut self, pipes: &mut Pipes, routing_id: &[u8]) -> Result<Events, Error> {
        let id = self.peers.routes.pipe(routing_id).ok_or(Error::HostUnreachable)?;
        Ok(Events { readable: false, writable: pipes.room(id) })
    }

    /// Leaves the empty message that tells of a peer, if these notices are wanted.
    fn notify(&mut self, id: PipeId, bit: u8) {
        if self.notify & bit != 0
            && !self.peers.raw
            && let Some(routing_id) = self.peers.routes.id(id)
        {
            self.inbound.notify(routing_id);
        }
    }

    /// The pipe takes no output any more: drops the rest of a message to it.
    fn lose_output(&mut self, pipes: &mut Pipes, id: PipeId) {
        if self.out == Outbound::To(id) {
            pipes.rollback(id);
            self.out = Outbound::Dropped;
            self.drops.peer_gone += 1;
        }
    }

    /// Finds the pipe for the message that begins with this id.
    fn address(&mut self, pipes: &mut Pipes, routing_id: &[u8]) -> Result<Outbound, Error> {
        let known = self.peers.routes.pipe(routing_id);
        if let Some(id) = known
            && pipes.room(id)
        {
            return Ok(Outbound::To(id));
        }
        let is_full = known.is_some_and(|id| pipes.is_open(id));
        if self.mandatory {
            return Err(if is_full { Error::Again } else { Error::HostUnreachable });
        }
        let count = if is_full { &mut self.drops.full } else { &mut self.drops.unroutable };
        *count += 1;
        Ok(Outbound::Dropped)
    }
}

impl Machine for Router {
    fn opened(&mut self, pipes: &mut Pipes, id: PipeId, local: Local, due: &mut DueList) {
        if self.probe {
            write_probe(pipes, id, due);
        }
        if self.peers.opened(id, local) {
            self.inbound.input.attach(id);
        }
    }

    fn identified(&mut self, pipes: &mut Pipes, id: PipeId, info: &PeerInfo, due: &mut DueList) {
        let Some(arrival) = self.peers.identified(pipes, id, info, due) else { return };
        if let Some(replaced) = arrival.replaced {
            self.lose_output(pipes, replaced);
            self.inbound.input.ended(pipes, replaced, due);
        }
        self.inbound.input.attach(id);
        self.notify(id, NOTIFY_CONNECT);
    }

    fn readable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.inbound.input.readable(id);
    }

    fn hiccup(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.notify(id, NOTIFY_DISCONNECT);
        self.notify(id, NOTIFY_CONNECT);
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.lose_output(pipes, id);
        if self.notify & NOTIFY_DISCONNECT != 0 {
            self.ending.push(id);
        }
        self.peers.ended(pipes, id, &mut self.inbound.input, due);
    }

    fn gone(&mut self, pipes: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.lose_output(pipes, id);
        if let Some(i) = self.ending.iter().position(|ending| *ending == id) {
            self.ending.swap_remove(i);
            self.notify(id, NOTIFY_DISCONNECT);
        }
        self.inbound.remove(id);
        self.peers.routes.release(id);
    }

    #[inline]
    fn send(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) -> Result<(), Error> {
        let id = match self.out {
            Outbound::Address => {
                if more {
                    self.out = self.address(pipes, m.as_slice())?;
                } else {
                    self.drops.unroutable += 1;
                }
                m.clear();
                return Ok(());
            }
            Outbound::To(id) => id,
            Outbound::Dropped => {
                m.clear();
                if !more || self.peers.raw {
                    self.out = Outbound::Address;
                }
                return Ok(());
            }
        };
        let more = more && !self.peers.raw;
        if self.peers.raw && m.is_empty() {
            pipes.end(id, End::Now, due);
            m.clear();
        } else {
            pipes.put(id, m, more)?;
            if !more {
                pipes.publish(id, due);
            }
        }
        if !more {
            self.out = Outbound::Address;
        }
        Ok(())
    }

    #[inline]
    fn recv(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        self.inbound.recv(&self.peers.routes, pipes, m, due)
    }

    fn ready(&mut self, pipes: &mut Pipes, due: &mut DueList) -> Events {
        let readable = self.inbound.has(&self.peers.routes, pipes, due);
        let writable = !self.mandatory
            || self.out != Outbound::Address
            || self.peers.routes.pipes().any(|id| pipes.room(id));
        Events { readable, writable }
    }

    fn set(&mut self, s: Setting<'_>, _: &mut Pipes, _: &mut DueList) -> Result<(), Error> {
        match s {
            Setting::RouterMandatory(on) => self.mandatory = on,
            Setting::RouterRaw(on) => self.peers.raw = on,
            Setting::RouterHandover(on) => self.peers.handover = on,
            Setting::RouterNotify(bits @ 0..=3) => self.notify = bits,
            Setting::ProbeRouter(on) => self.probe = on,
            _ => return Err(Error::InvalidArgument),
        }
        Ok(())
    }

    fn drops(&self) -> Drops {
        self.drops
    }
}
