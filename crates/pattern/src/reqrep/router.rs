//! ROUTER: sends each message to the peer that its first frame names, and prefixes each message that it receives
//! with the id of the sender (RFC 28).
//!
//! A peer's pipe is read and written only once it has an id. A peer that announces an id that another live peer
//! has is parked, neither read nor written, unless handover is on: then it takes the id, and the old pipe is ended,
//! what it sent before being received under a fresh id. An id whose owner's far end is gone is free, even while
//! messages of that owner are still to be received under it.
use super::dealer::write_probe;
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
            drops: Drops::default(),
        }
    }

    pub(crate) fn id_in_use(&self, routing_id: &[u8]) -> bool {
        self.peers.routes.pipe(routing_id).is_some()
    }

    pub(crate) fn is_reading(&self, id: PipeId) -> bool {
        self.inbound.is_reading(id)
    }

    pub(crate) fn routing_id(&self, id: PipeId) -> Option<&[u8]> {
        self.peers.routes.id(id)
    }

    pub(crate) fn peer_state(&mut self, pipes: &mut Pipes, routing_id: &[u8]) -> Result<Events, Error> {
        let id = self.peers.routes.pipe(routing_id).ok_or(Error::HostUnreachable)?;
        Ok(Events { readable: false, writable: pipes.room(id) })
    }

    /// Whether the application hears of peers: a raw router always, as STREAM.
    fn tells(&self, bit: u8) -> bool {
        self.peers.raw || self.notify & bit != 0
    }

    /// Leaves the empty message that tells of a peer, if these notices are wanted.
    fn notify(&mut self, id: PipeId, bit: u8) {
        if self.tells(bit) {
            self.inbound.notify(&self.peers.routes, id);
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
            && if self.mandatory { pipes.room(id) } else { pipes.room_or_drop(id) }
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
        self.peers.routes.set_peer(id, info.peer);
        self.notify(id, NOTIFY_CONNECT);
    }

    fn readable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.inbound.input.readable(id);
    }

    fn hiccup(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.notify(id, NOTIFY_DISCONNECT);
        // A raw connection is announced when it stands again.
        if !self.peers.raw {
            self.notify(id, NOTIFY_CONNECT);
        }
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.lose_output(pipes, id);
        if self.inbound.input.contains(id) {
            let tell = self.tells(NOTIFY_DISCONNECT);
            self.inbound.ended(&self.peers.routes, pipes, id, tell, due);
        } else {
            // Never read, it cannot drain.
            pipes.end(id, End::Now, due);
        }
    }

    fn gone(&mut self, pipes: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.lose_output(pipes, id);
        self.inbound.remove(&self.peers.routes, pipes, id);
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

#[cfg(test)]
mod tests {
    use crate::Setting::*;
    use crate::harness::{BOTH, Join, NEITHER, Net, Node, READABLE, WRITABLE};
    use ferrozmq_base::{Error, PipeId, SocketType::*};

    fn dealer(net: &mut Net, router: Node, id: &'static [u8]) -> (Node, PipeId) {
        let dealer = net.socket(Dealer);
        let (at_dealer, _) = net.join_with(dealer, router, Join { id, ..Join::default() });
        (dealer, at_dealer)
    }

    #[test]
    fn messages_carry_the_id_of_their_sender_and_go_where_they_say() {
        let mut net = Net::new();
        let router = net.socket(Router);
        let (a, _) = dealer(&mut net, router, b"a");
        let (b, _) = dealer(&mut net, router, b"");
        net.send(a, &[b"1", b"2"]).unwrap();
        assert_eq!(net.ready(router), BOTH);
        assert_eq!(net.drain(router), ["a|1|2"]);
        net.send(b, &[b"x"]).unwrap();
        let got = net.recv(router).unwrap();
        assert_eq!((got[0].len(), got[0][0], &got[1][..]), (5, 0, &b"x"[..]));
        net.send(router, &[&got[0], b"to b", b"!"]).unwrap();
        net.send(router, &[b"a", b"to a"]).unwrap();
        net.send(router, &[b"nobody", b"lost", b"whole"]).unwrap();
        net.send(router, &[b"only an id"]).unwrap();
        net.send(router, &[b"a", b"more"]).unwrap();
        assert_eq!(net.drain(b), ["to b|!"]);
        assert_eq!(net.drain(a), ["to a", "more"]);
        assert_eq!(net.drops(router).unroutable, 2);
    }

    #[test]
    fn a_duplicate_is_parked_and_stays_so() {
        let mut net = Net::new();
        let router = net.socket(Router);
        let (first, at_first) = dealer(&mut net, router, b"id");
        let (second, at_second) = dealer(&mut net, router, b"id");
        net.send(second, &[b"unheard"]).unwrap();
        net.send(first, &[b"heard"]).unwrap();
        assert_eq!(net.drain(router), ["id|heard"]);
        net.send(router, &[b"id", b"x"]).unwrap();
        assert_eq!(net.drain(second), [""; 0]);
        net.disconnect(first, at_first);
        net.send(router, &[b"id", b"x"]).unwrap();
        assert_eq!((net.drain(router).len(), net.drain(second).len()), (0, 0));
        net.disconnect(second, at_second);
        assert_eq!(net.peers(router), 0);
        let (third, _) = dealer(&mut net, router, b"id");
        net.send(router, &[b"id", b"y"]).unwrap();
        assert_eq!(net.drain(third), ["y"]);
    }

    #[test]
    fn with_handover_the_newest_peer_has_the_id() {
        let mut net = Net::new();
        let router = net.socket(Router);
        net.set(router, RouterHandover(true)).unwrap();
        let (old, _) = dealer(&mut net, router, b"id");
        net.send(old, &[b"1", b"1"]).unwrap();
        net.send(old, &[b"2"]).unwrap();
        assert_eq!(net.recv_frame(router).unwrap().0, b"id");
        assert_eq!(net.recv_frame(router).unwrap(), (b"1".to_vec(), true));
        net.send_frame(router, b"id", true).unwrap();
        let (new, _) = dealer(&mut net, router, b"id");
        // What was being sent to the old peer is not for the new one.
        net.send_frame(router, b"for the old", false).unwrap();
        // A message begun is finished; the rest of the old peer's messages come under an id of their own.
        assert_eq!(net.recv_frame(router).unwrap(), (b"1".to_vec(), false));
        let rest = net.recv(router).unwrap();
        assert_eq!((rest[0].len(), &rest[1][..]), (5, &b"2"[..]));
        net.send(router, &[b"id", b"for the new"]).unwrap();
        assert_eq!(net.drain(new), ["for the new"]);
        assert_eq!(net.recv(router), Err(Error::Again));
        assert_eq!((net.peers(router), net.peers(old)), (1, 0));
    }

    #[test]
    fn a_peer_that_comes_back_has_its_id_at_once() {
        let mut net = Net::new();
        let router = net.socket(Router);
        let (old, at_old) = dealer(&mut net, router, b"id");
        net.send(old, &[b"unread"]).unwrap();
        net.disconnect(old, at_old);
        let (new, _) = dealer(&mut net, router, b"id");
        net.send(router, &[b"id", b"hello"]).unwrap();
        assert_eq!(net.drain(new), ["hello"]);
        net.send(new, &[b"read"]).unwrap();
        assert_eq!(net.drain(router), ["id|unread", "id|read"]);
        net.send(router, &[b"id", b"again"]).unwrap();
        assert_eq!(net.drain(new), ["again"]);
    }

    #[test]
    fn mandatory_says_why_a_message_cannot_be_sent() {
        let mut net = Net::new();
        let router = net.socket(Router);
        net.set(router, RouterMandatory(true)).unwrap();
        assert_eq!(net.ready(router), NEITHER);
        let dealer = net.socket(Dealer);
        let join = Join { there: 0, back: 1, id: b"a", ..Join::default() };
        let (at_dealer, _) = net.join_with(dealer, router, join);
        assert_eq!(net.ready(router), WRITABLE);
        assert_eq!(net.send_frame(router, b"b", true), Err(Error::HostUnreachable));
        assert_eq!(net.peer_state(router, b"b"), Err(Error::HostUnreachable));
        // After the error the next frame is an id again.
        assert_eq!(net.send(router, &[b"a", b"1"]), Ok(()));
        assert_eq!(net.send_frame(router, b"a", true), Err(Error::Again));
        assert_eq!(net.peer_state(router, b"a"), Ok(NEITHER));
        assert_eq!(net.ready(router), NEITHER);
        assert_eq!(net.drain(dealer), ["1"]);
        assert_eq!(net.peer_state(router, b"a"), Ok(WRITABLE));
        assert_eq!(net.send(router, &[b"a", b"2"]), Ok(()));
        net.send(dealer, &[b"last words"]).unwrap();
        net.disconnect(dealer, at_dealer);
        assert_eq!(net.send_frame(router, b"a", true), Err(Error::HostUnreachable));
        assert_eq!(net.ready(router), READABLE);
        assert_eq!(net.drain(router), ["a|last words"]);
    }

    #[test]
    fn a_full_peer_loses_messages() {
        let mut net = Net::new();
        let (router, dealer) = (net.socket(Router), net.socket(Dealer));
        net.join_with(dealer, router, Join { back: 1, id: b"a", ..Join::default() });
        for i in [b"1", b"2"] {
            assert_eq!(net.send(router, &[b"a", i]), Ok(()));
        }
        assert_eq!(net.drain(dealer), ["1"]);
        assert_eq!(net.drops(router).full, 1);
    }

    #[test]
    fn a_peer_that_dies_in_mid_message_gets_none_of_it() {
        let mut net = Net::new();
        let router = net.socket(Router);
        let (a, at_a) = dealer(&mut net, router, b"a");
        let (b, _) = dealer(&mut net, router, b"b");
        net.send_frame(router, b"a", true).unwrap();
        net.send_frame(router, b"1", true).unwrap();
        net.disconnect(a, at_a);
        assert_eq!(net.send_frame(router, b"2", true), Ok(()));
        assert_eq!(net.send_frame(router, b"3", false), Ok(()));
        net.send(router, &[b"b", b"x"]).unwrap();
        assert_eq!(net.drain(b), ["x"]);
        assert_eq!(net.drops(router).peer_gone, 1);
    }

    #[test]
    fn automatic_ids_avoid_announced_ones() {
        let mut net = Net::new();
        let router = net.socket(Router);
        let (a, _) = dealer(&mut net, router, b"");
        net.send(a, &[b"x"]).unwrap();
        let first = net.recv(router).unwrap().remove(0);
        let mut next = first.clone();
        next[4] += 1;
        let squatter = net.socket(Dealer);
        net.join_with(squatter, router, Join { id: Box::leak(next.clone().into()), ..Join::default() });
        let (b, _) = dealer(&mut net, router, b"");
        net.send(b, &[b"x"]).unwrap();
        let second = net.recv(router).unwrap().remove(0);
        assert!(second != next && second != first);
        assert!(net.pattern(router).id_in_use(&next));
    }

    #[test]
    fn an_assigned_id_counts_before_the_announced_one() {
        let mut net = Net::new();
        let (router, peer) = (net.socket(Router), net.socket(Router));
        let join = Join { far_id: b"own", assigned: Some(b"given"), id: b"r", ..Join::default() };
        let (at_router, _) = net.join_with(router, peer, join);
        assert_eq!(net.pattern(router).routing_id(at_router), Some(&b"given"[..]));
        net.send(router, &[b"given", b"x"]).unwrap();
        net.send(router, &[b"own", b"lost"]).unwrap();
        assert_eq!(net.drain(peer), ["r|x"]);
        net.send(peer, &[b"r", b"y"]).unwrap();
        assert_eq!(net.drain(router), ["given|y"]);
    }

    #[test]
    fn probes_and_notices_are_empty_messages() {
        let mut net = Net::new();
        let router = net.socket(Router);
        assert_eq!(net.set(router, RouterNotify(4)), Err(Error::InvalidArgument));
        net.set(router, RouterNotify(3)).unwrap();
        let dealer = net.socket(Dealer);
        net.set(dealer, ProbeRouter(true)).unwrap();
        let (at_dealer, _) = net.join_with(dealer, router, Join { id: b"d", ..Join::default() });
        assert_eq!(net.ready(router), BOTH);
        assert_eq!(net.drain(router), ["d|", "d|"]);
        net.send(dealer, &[b"bye", b"!"]).unwrap();
        net.disconnect(dealer, at_dealer);
        assert_eq!(net.drain(router), ["d|bye|!", "d|"]);
    }

    #[test]
    fn a_raw_router_closes_a_connection_by_an_empty_frame() {
        let mut net = Net::new();
        let (router, peer) = (net.socket(Router), net.socket(Dealer));
        net.set(router, RouterRaw(true)).unwrap();
        net.join_with(peer, router, Join { id: b"ignored", ..Join::default() });
        net.send(peer, &[b"x"]).unwrap();
        let id = net.recv(router).unwrap().remove(0);
        assert_eq!(id.len(), 5);
        assert_eq!(net.recv(router).unwrap(), [id.clone(), b"x".to_vec()]);
        net.send_frame(router, &id, true).unwrap();
        net.send_frame(router, b"data", true).unwrap();
        net.send(router, &[&id, b""]).unwrap();
        assert_eq!(net.drain(peer), ["data"]);
        assert_eq!((net.peers(router), net.peers(peer)), (0, 0));
    }
}
