//! RADIO and DISH: messages to groups (RFC 48).
//!
//! A DISH tells its peers which groups it joins and leaves; a RADIO sends a message to the pipes that joined exactly the
//! group of the message. In a pipe a message is two frames, the group and the body.
use crate::distribute::Distribute;
use crate::fair_queue::FairQueue;
use crate::single::only;
use crate::subscription::PLACE;
use crate::{Drops, Events, Local, Machine, Setting};
use ferrozmq_base::{DueList, End, Error, Kind, Msg, PeerInfo, PipeId, Pipes};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A RADIO socket.
#[derive(Debug, Default)]
pub struct Radio {
    groups: BTreeMap<Arc<[u8]>, BTreeSet<PipeId>>,
    /// By `PipeId::index`.
    members: Vec<Member>,
    /// Peers that get everything.
    everything: BTreeSet<PipeId>,
    /// What a peer's transport can carry of a message, group and body, where that is limited.
    longest: BTreeMap<PipeId, usize>,
    out: Distribute,
    no_drop: bool,
}

/// What a peer joined.
#[derive(Debug, Default)]
struct Member {
    /// How often it joined each group.
    groups: BTreeMap<Arc<[u8]>, u32>,
    bytes: u64,
    /// The most bytes that these may take.
    limit: Option<u64>,
}

impl Radio {
    /// The number of peers that joined a group.
    pub(crate) fn members(&self) -> usize {
        self.members.iter().filter(|member| !member.groups.is_empty()).count()
    }

    pub(crate) fn drops_of(&self, id: PipeId) -> u64 {
        self.out.losses_of(id)
    }

    /// Reads everything that a peer sent.
    fn read(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        let mut m = Msg::new();
        while pipes.get(id, &mut m, due) {
            match m.kind() {
                Kind::Join if !self.join(id, m.as_slice()) => return pipes.end(id, End::Excess, due),
                Kind::Leave => self.leave(id, m.as_slice()),
                _ => {}
            }
        }
    }

    /// False: it has joined more than it may.
    fn join(&mut self, id: PipeId, group: &[u8]) -> bool {
        let Some(member) = self.members.get_mut(id.index()).filter(|_| group.len() <= Msg::GROUP_MAX) else {
            return true;
        };
        if let Some(times) = member.groups.get_mut(group) {
            *times = times.saturating_add(1);
            return true;
        }
        if member.limit.is_some_and(|limit| member.bytes > limit) {
            return false;
        }
        member.bytes += group.len() as u64 + PLACE;
        let name =
            self.groups.get_key_value(group).map_or_else(|| Arc::from(group), |(name, _)| name.clone());
        member.groups.insert(name.clone(), 1);
        self.groups.entry(name).or_default().insert(id);
        true
    }

    fn leave(&mut self, id: PipeId, group: &[u8]) {
        let Some(member) = self.members.get_mut(id.index()) else { return };
        let Some(times) = member.groups.get_mut(group) else { return };
        *times -= 1;
        if *times == 0 {
            member.groups.remove(group);
            member.bytes -= group.len() as u64 + PLACE;
            self.drop_member(group, id);
        }
    }

    fn drop_member(&mut self, group: &[u8], id: PipeId) {
        if let Some(members) = self.groups.get_mut(group) {
            members.remove(&id);
            if members.is_empty() {
                self.groups.remove(group);
            }
        }
    }
}

impl Machine for Radio {
    fn opened(&mut self, _: &mut Pipes, id: PipeId, _: Local, _: &mut DueList) {
        if self.members.len() <= id.index() {
            self.members.resize_with(id.index() + 1, Member::default);
        }
        self.out.attach(id);
    }

    fn identified(&mut self, pipes: &mut Pipes, id: PipeId, info: &PeerInfo, due: &mut DueList) {
        if info.subscribes_to_all {
            self.everything.insert(id);
        }
        if let Some(member) = self.members.get_mut(id.index()) {
            member.limit = info.subscription_bytes;
        }
        if let Some(most) = info.longest_message {
            self.longest.insert(id, most);
        }
        self.read(pipes, id, due);
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.read(pipes, id, due);
    }

    fn writable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.writable(id);
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.out.remove(id);
        self.read(pipes, id, due);
    }

    fn gone(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.remove(id);
        self.everything.remove(&id);
        self.longest.remove(&id);
        let member = self.members.get_mut(id.index()).map(std::mem::take).unwrap_or_default();
        for group in member.groups.keys() {
            self.drop_member(group, id);
        }
    }

    fn send(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) -> Result<(), Error> {
        only(more)?;
        let length = m.group().len() + m.len();
        if self.longest.values().any(|most| length > *most) {
            return Err(Error::MessageTooLong);
        }
        let mut group = Msg::copy_from(m.group())?;
        self.out.unmatch();
        for id in self.groups.get(m.group()).into_iter().flatten().chain(&self.everything) {
            self.out.select(pipes, *id);
        }
        if self.no_drop && !self.out.all_have_room(pipes) {
            return Err(Error::Again);
        }
        m.clear_group();
        self.out.send(pipes, &mut group, true, due);
        self.out.send(pipes, m, false, due);
        Ok(())
    }

    fn ready(&mut self, _: &mut Pipes, _: &mut DueList) -> Events {
        Events { readable: false, writable: true }
    }

    fn set(&mut self, s: Setting<'_>, _: &mut Pipes, _: &mut DueList) -> Result<(), Error> {
        match s {
            Setting::XpubNodrop(on) => self.no_drop = on,
            _ => return Err(Error::InvalidArgument),
        }
        Ok(())
    }

    fn drops(&self) -> Drops {
        Drops { full: self.out.full(), peer_gone: self.out.peer_gone(), ..Drops::default() }
    }
}

/// A DISH socket.
#[derive(Debug, Default)]
pub struct Dish {
    groups: BTreeSet<Box<[u8]>>,
    out: Distribute,
    input: FairQueue,
    /// A message that was read to know that there is one.
    ahead: Option<Msg>,
    unmatched: u64,
    malformed: u64,
    lost: u64,
}

impl Dish {
    /// Joins a group, and tells every peer. `InvalidArgument` if it was joined before, or its name is too long.
    pub(crate) fn join(&mut self, group: &[u8], pipes: &mut Pipes, due: &mut DueList) -> Result<(), Error> {
        if group.len() > Msg::GROUP_MAX || self.groups.contains(group) {
            return Err(Error::InvalidArgument);
        }
        self.out.send_everywhere(pipes, &mut Msg::command(Kind::Join, group)?, due)?;
        self.groups.insert(group.into());
        Ok(())
    }

    /// Leaves a group, and tells every peer. `InvalidArgument` if it was not joined.
    pub(crate) fn leave(&mut self, group: &[u8], pipes: &mut Pipes, due: &mut DueList) -> Result<(), Error> {
        if !self.groups.contains(group) {
            return Err(Error::InvalidArgument);
        }
        self.out.send_everywhere(pipes, &mut Msg::command(Kind::Leave, group)?, due)?;
        self.groups.remove(group);
        Ok(())
    }

    fn send_groups(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        for group in &self.groups {
            match Msg::command(Kind::Join, group).and_then(|mut m| pipes.put(id, &mut m, false)) {
                Ok(()) => pipes.publish(id, due),
                Err(_) => self.lost += 1,
            }
        }
    }

    /// Reads the next message of a group that was joined.
    fn next(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> bool {
        while self.input.get(pipes, m, due).is_some() {
            let group = m.take();
            if group.len() <= Msg::GROUP_MAX && group.more() && self.body(pipes, m, due) {
                if self.groups.contains(group.as_slice()) {
                    m.set_routing_id(0);
                    m.set_group(group.as_slice());
                    return true;
                }
                self.unmatched += 1;
                continue;
            }
            self.malformed += 1;
            let mut more = if m.is_empty() { group.more() } else { m.more() };
            while more && self.input.in_message() && self.input.get(pipes, m, due).is_some() {
                more = m.more();
            }
        }
        false
    }

    /// Reads the second and last frame of a message.
    fn body(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> bool {
        self.input.in_message() && self.input.get(pipes, m, due).is_some() && !m.more()
    }
}

impl Machine for Dish {
    fn opened(&mut self, pipes: &mut Pipes, id: PipeId, _: Local, due: &mut DueList) {
        self.input.attach(id);
        self.out.attach(id);
        self.send_groups(pipes, id, due);
    }

    fn readable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.input.readable(id);
    }

    fn writable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.writable(id);
    }

    fn hiccup(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.out.writable(id);
        self.send_groups(pipes, id, due);
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.out.remove(id);
        self.input.ended(pipes, id, due);
    }

    fn gone(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.remove(id);
        self.input.remove(id);
    }

    fn recv(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        if let Some(ahead) = self.ahead.take() {
            *m = ahead;
            return Ok(());
        }
        if self.next(pipes, m, due) { Ok(()) } else { Err(Error::Again) }
    }

    fn ready(&mut self, pipes: &mut Pipes, due: &mut DueList) -> Events {
        if self.ahead.is_none() {
            let mut m = Msg::new();
            let found = self.next(pipes, &mut m, due);
            self.ahead = found.then_some(m);
        }
        // As libzmq says it; sending is refused all the same.
        Events { readable: self.ahead.is_some(), writable: true }
    }

    fn drops(&self) -> Drops {
        Drops { full: self.lost, unmatched: self.unmatched, malformed: self.malformed, ..Drops::default() }
    }
}

#[cfg(test)]
mod tests {
    use crate::Setting::XpubNodrop;
    use crate::harness::{BOTH, Join, Net, WRITABLE};
    use ferrozmq_base::{Error, SocketType::*};

    #[test]
    fn a_message_reaches_those_who_joined_its_group() {
        let mut net = Net::new();
        let radio = net.socket(Radio);
        let [a, b, c] = [Dish; 3].map(|kind| net.socket(kind));
        net.join_group(a, b"early").unwrap();
        net.join(radio, a);
        net.join(b, radio);
        net.join(c, radio);
        net.join_group(b, b"late").unwrap();
        net.join_group(b, b"early").unwrap();
        net.join_group(c, b"").unwrap();
        for (group, body) in [("early", "1"), ("late", "2"), ("", "3"), ("earl", "4"), ("early bird", "5")] {
            net.send_to_group(radio, group, body).unwrap();
        }
        assert_eq!(net.drain_groups(a), ["early: 1"]);
        assert_eq!(net.drain_groups(b), ["early: 1", "late: 2"]);
        assert_eq!(net.drain_groups(c), [": 3"]);
        net.leave_group(b, b"early").unwrap();
        net.send_to_group(radio, "early", "6").unwrap();
        assert_eq!((net.drain_groups(a).len(), net.drain_groups(b).len()), (1, 0));
        assert_eq!(net.send_frame(radio, b"x", true), Err(Error::InvalidArgument));
    }

    #[test]
    fn a_message_that_no_datagram_can_carry_is_refused() {
        let mut net = Net::new();
        let (radio, dish, datagrams) = (net.socket(Radio), net.socket(Dish), net.socket(Pair));
        net.join(dish, radio);
        net.join_group(dish, b"group").unwrap();
        let join = Join { subscribes_to_all: true, longest: Some(9), ..Join::default() };
        let (_, pipe) = net.join_with(datagrams, radio, join);
        net.send_to_group(radio, "group", "four").unwrap();
        assert_eq!(net.send_to_group(radio, "group", "fifth"), Err(Error::MessageTooLong));
        net.send_to_group(radio, "other", "four").unwrap();
        assert_eq!(net.drain(datagrams), ["group|four", "other|four"]);
        assert_eq!(net.drain_groups(dish), ["group: four"], "it is sent to all or to nobody");
        net.disconnect(radio, pipe);
        net.send_to_group(radio, "group", "fifth").unwrap();
        assert_eq!(net.drain_groups(dish), ["group: fifth"]);
    }

    #[test]
    fn groups_are_joined_and_left_once() {
        let mut net = Net::new();
        let dish = net.socket(Dish);
        assert_eq!(net.leave_group(dish, b"a"), Err(Error::InvalidArgument));
        net.join_group(dish, b"a").unwrap();
        assert_eq!(net.join_group(dish, b"a"), Err(Error::InvalidArgument));
        net.leave_group(dish, b"a").unwrap();
        net.join_group(dish, &[b'g'; 255]).unwrap();
        assert_eq!(net.join_group(dish, &[b'g'; 256]), Err(Error::InvalidArgument));
        let radio = net.socket(Radio);
        assert_eq!(net.join_group(radio, b"a"), Err(Error::NotSupported));
        assert_eq!(net.leave_group(radio, b"a"), Err(Error::NotSupported));
    }

    #[test]
    fn groups_are_told_again_over_a_new_connection() {
        let mut net = Net::new();
        let (radio, dish) = (net.socket(Radio), net.socket(Dish));
        net.join_group(dish, b"a").unwrap();
        let (at_dish, at_radio) = net.join(dish, radio);
        net.hiccup(dish, at_dish);
        net.send_to_group(radio, "a", "once").unwrap();
        assert_eq!(net.drain_groups(dish), ["a: once"]);
        net.disconnect(radio, at_radio);
        assert_eq!(net.pattern(radio).subscribers(), 0);
        net.join(radio, dish);
        net.send_to_group(radio, "a", "again").unwrap();
        assert_eq!(net.drain_groups(dish), ["a: again"]);
    }

    #[test]
    fn a_full_peer_loses_whole_messages_unless_that_is_forbidden() {
        let mut net = Net::new();
        let (radio, dish) = (net.socket(Radio), net.socket(Dish));
        net.join_with(radio, dish, Join { there: 2, ..Join::default() });
        net.join_group(dish, b"a").unwrap();
        for body in ["1", "2", "3"] {
            net.send_to_group(radio, "a", body).unwrap();
        }
        assert_eq!(net.drops(radio).full, 1);
        assert_eq!(net.drain_groups(dish), ["a: 1", "a: 2"]);
        net.set(radio, XpubNodrop(true)).unwrap();
        for body in ["1", "2"] {
            net.send_to_group(radio, "a", body).unwrap();
        }
        assert_eq!(net.send_to_group(radio, "a", "4"), Err(Error::Again));
        net.send_to_group(radio, "nobody's", "5").unwrap();
        assert_eq!(net.drain_groups(dish), ["a: 1", "a: 2"]);
        net.send_to_group(radio, "a", "6").unwrap();
        assert_eq!(net.drain_groups(dish), ["a: 6"]);
    }

    #[test]
    fn a_dish_takes_nothing_but_a_group_and_a_body() {
        let mut net = Net::new();
        let (dish, push) = (net.socket(Dish), net.socket(Push));
        net.join(push, dish);
        net.join_group(dish, b"a").unwrap();
        let long = [b'a'; 256];
        for message in [&[&b"a"[..]][..], &[b"a", b"1", b"2"], &[&long, b"1"], &[b"a", b"", b"2"], &[b""]] {
            net.send(push, message).unwrap();
        }
        assert_eq!(net.ready(dish), WRITABLE);
        net.send(push, &[b"b", b"unwanted"]).unwrap();
        net.send(push, &[b"a", b""]).unwrap();
        assert_eq!(net.ready(dish), BOTH);
        assert_eq!(net.drain_groups(dish), ["a: "]);
        assert_eq!((net.drops(dish).malformed, net.drops(dish).unmatched), (5, 1));
    }
}
