//! Distributor: copies a message to every pipe that was selected for it (RFC 29).
//!
//! The pipes are partitioned: `matching` (get the current message) <= `active` (could) <= `eligible` (get the next
//! one) <= all. A pipe found full at the first frame is not eligible until it is writable again, so a slow peer
//! loses whole messages and never parts. Outside of a message, active = eligible.
use crate::pipe_list::PipeList;
use ferrozmq_base::{DueList, Msg, OutOfMemory, PipeId, Pipes};

#[derive(Debug, Default)]
pub(crate) struct Distribute {
    pipes: PipeList,
    matching: usize,
    active: usize,
    eligible: usize,
    more: bool,
    /// Numbers the messages, so that one message is counted once per peer.
    message: u64,
    /// By `PipeId::index`.
    losses: Vec<Loss>,
    full: u64,
    peer_gone: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Loss {
    messages: u64,
    last: u64,
}

impl Distribute {
    pub(crate) fn attach(&mut self, id: PipeId) {
        if self.pipes.position(id).is_some() {
            return;
        }
        self.pipes.push(id);
        if self.losses.len() <= id.index() {
            self.losses.resize(id.index() + 1, Loss::default());
        }
        self.losses[id.index()] = Loss::default();
        self.writable(id);
    }

    /// A pipe that was full gets messages again, from the next one on.
    pub(crate) fn writable(&mut self, id: PipeId) {
        let Some(position) = self.pipes.position(id) else { return };
        if position < self.eligible {
            return;
        }
        self.pipes.swap(position, self.eligible);
        self.eligible += 1;
        if !self.more {
            self.active = self.eligible;
        }
    }

    pub(crate) fn remove(&mut self, id: PipeId) {
        let Some(position) = self.pipes.position(id) else { return };
        if self.more && position < self.matching {
            self.peer_gone += 1;
        }
        let position = self.exclude(position);
        self.pipes.swap_remove(position);
    }

    /// The connection was made anew: what was written of a message in progress is lost.
    pub(crate) fn hiccup(&mut self, id: PipeId) {
        if let Some(position) = self.pipes.position(id)
            && self.more
            && position < self.matching
        {
            self.peer_gone += 1;
            self.leave_message(position);
        }
    }

    /// Whether the next frame continues a message.
    #[inline]
    pub(crate) fn in_message(&self) -> bool {
        self.more
    }

    pub(crate) fn contains(&self, id: PipeId) -> bool {
        self.pipes.position(id).is_some()
    }

    /// Copies dropped because a pipe was full.
    pub(crate) fn full(&self) -> u64 {
        self.full
    }

    /// Copies lost because a pipe died in the middle.
    pub(crate) fn peer_gone(&self) -> u64 {
        self.peer_gone
    }

    /// Messages that this peer lost because its pipe was full.
    pub(crate) fn losses_of(&self, id: PipeId) -> u64 {
        if self.contains(id) { self.losses[id.index()].messages } else { 0 }
    }

    /// Begins to select the pipes of a message.
    #[inline]
    pub(crate) fn unmatch(&mut self) {
        self.matching = 0;
        self.message += 1;
    }

    /// Selects a pipe.
    #[inline]
    pub(crate) fn select(&mut self, pipes: &mut Pipes, id: PipeId) {
        let Some(position) = self.pipes.position(id) else { return };
        if position < self.matching {
            return;
        }
        if position < self.eligible {
            self.pipes.swap(position, self.matching);
            self.matching += 1;
        } else {
            self.select_full(pipes, id);
        }
    }

    #[cold]
    fn select_full(&mut self, pipes: &mut Pipes, id: PipeId) {
        if pipes.reopens(id) {
            self.writable(id);
            self.select(pipes, id);
        } else {
            self.count_loss(id);
        }
    }

    /// Selects the pipes that are not selected, and only these.
    pub(crate) fn invert(&mut self) {
        let selected = self.matching;
        self.matching = 0;
        for position in selected..self.eligible {
            self.pipes.swap(position, self.matching);
            self.matching += 1;
        }
    }

    /// Selects every pipe.
    pub(crate) fn select_all(&mut self) {
        self.matching = self.active;
        for position in self.eligible..self.pipes.len() {
            self.count_loss(self.pipes.at(position));
        }
    }

    /// Whether every selected pipe has room.
    pub(crate) fn all_have_room(&mut self, pipes: &mut Pipes) -> bool {
        (0..self.matching).all(|position| pipes.room(self.pipes.at(position)))
    }

    /// Sends a frame to the selected pipes, leaving out those that are full. `m` is left empty.
    #[inline]
    pub(crate) fn send(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) {
        if !self.more {
            self.leave_out_full(pipes);
        }
        let mut is_taken = false;
        let mut position = 0;
        while position < self.matching {
            let id = self.pipes.at(position);
            let is_last = position + 1 == self.matching;
            let put = if is_last { pipes.put(id, m, more) } else { pipes.put_copy(id, m, more) };
            if put.is_err() {
                pipes.rollback(id);
                self.count_loss(id);
                self.leave_message(position);
                continue;
            }
            if !more {
                pipes.publish(id, due);
            }
            is_taken = is_last;
            position += 1;
        }
        if !is_taken {
            m.clear();
        }
        self.more = more;
        if !more {
            self.active = self.eligible;
        }
    }

    /// Sends a single-frame message to every pipe, full or not: a subscription, which must not be lost.
    pub(crate) fn send_everywhere(
        &mut self,
        pipes: &mut Pipes,
        m: &mut Msg,
        due: &mut DueList,
    ) -> Result<(), OutOfMemory> {
        let mut result = Ok(());
        for id in self.pipes.as_slice() {
            match pipes.put_copy(*id, m, false) {
                Ok(()) => pipes.publish(*id, due),
                Err(error) => result = Err(error),
            }
        }
        result
    }

    #[inline]
    fn leave_out_full(&mut self, pipes: &mut Pipes) {
        let mut position = 0;
        while position < self.matching {
            let id = self.pipes.at(position);
            if pipes.room_or_drop(id) {
                position += 1;
            } else {
                self.count_loss(id);
                self.exclude(position);
            }
        }
    }

    /// Moves a pipe behind the eligible ones and returns its new position.
    fn exclude(&mut self, mut position: usize) -> usize {
        for bound in [&mut self.matching, &mut self.active, &mut self.eligible] {
            if position < *bound {
                *bound -= 1;
                self.pipes.swap(position, *bound);
                position = *bound;
            }
        }
        position
    }

    /// Takes a matching pipe out of the current message; it gets the next one.
    fn leave_message(&mut self, position: usize) {
        self.matching -= 1;
        self.pipes.swap(position, self.matching);
        self.active -= 1;
        self.pipes.swap(self.matching, self.active);
    }

    #[cold]
    fn count_loss(&mut self, id: PipeId) {
        let loss = &mut self.losses[id.index()];
        if loss.last != self.message {
            loss.last = self.message;
            loss.messages += 1;
            self.full += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Setting::*;
    use crate::harness::{Join, Net};
    use ferrozmq_base::SocketType::*;

    #[test]
    fn a_slow_peer_loses_whole_messages_and_each_loss_is_counted() {
        let mut net = Net::new();
        let publisher = net.socket(Pub);
        let (fast, slow) = (net.socket(Sub), net.socket(Sub));
        net.join(publisher, fast);
        let (to_slow, _) = net.join_with(publisher, slow, Join { there: 2, ..Join::default() });
        for topic in [&b""[..], b"m", b"mm"] {
            net.set(fast, Subscribe(topic)).unwrap();
            net.set(slow, Subscribe(topic)).unwrap();
        }
        for i in 0..5 {
            net.send(publisher, &[b"mm", format!("{i}").as_bytes()]).unwrap();
        }
        assert_eq!(net.drain(fast).len(), 5);
        assert_eq!(net.drops(publisher).full, 3);
        assert_eq!(net.pattern(publisher).drops_of(to_slow), Some(3));
        assert_eq!(net.drain(slow), ["mm|0", "mm|1"]);
        net.send(publisher, &[b"mm", b"5"]).unwrap();
        assert_eq!(net.drain(slow), ["mm|5"]);
    }

    #[test]
    fn a_peer_that_comes_in_mid_message_gets_the_next_one() {
        let mut net = Net::new();
        let publisher = net.socket(Pub);
        let (old, new) = (net.socket(Sub), net.socket(Sub));
        for subscriber in [old, new] {
            net.set(subscriber, Subscribe(b"")).unwrap();
        }
        net.join(publisher, old);
        net.send_frame(publisher, b"1", true).unwrap();
        net.join(publisher, new);
        net.send_frame(publisher, b"2", false).unwrap();
        net.send(publisher, &[b"3"]).unwrap();
        assert_eq!(net.drain(old), ["1|2", "3"]);
        assert_eq!(net.drain(new), ["3"]);
    }

    #[test]
    fn half_the_peers_die_in_mid_message() {
        let mut net = Net::new();
        let publisher = net.socket(Pub);
        let subscribers: Vec<_> = (0..40).map(|_| net.socket(Sub)).collect();
        let body = vec![b'x'; 10_000];
        let mut ends = Vec::new();
        for subscriber in &subscribers {
            net.set(*subscriber, Subscribe(b"")).unwrap();
            ends.push(net.join(*subscriber, publisher).0);
        }
        net.send_frame(publisher, &body, true).unwrap();
        for i in (0..40).step_by(2) {
            net.disconnect(subscribers[i], ends[i]);
        }
        net.send_frame(publisher, &body, true).unwrap();
        net.send_frame(publisher, b"end", false).unwrap();
        assert_eq!(net.drops(publisher).peer_gone, 20);
        assert_eq!(net.peers(publisher), 20);
        for (i, subscriber) in subscribers.iter().enumerate() {
            let got = net.recv(*subscriber);
            assert_eq!(got.is_ok(), i % 2 == 1);
            assert!(got.is_err() || got.as_ref().unwrap()[..2] == [body.clone(), body.clone()]);
        }
    }
}
