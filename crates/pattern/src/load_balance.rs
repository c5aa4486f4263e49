//! Load balancer: gives outbound messages to the peers in turn, skipping those without room (RFC 28, 30).
//!
//! The first `active` pipes may have room; a pipe found full leaves that part until it is writable again. A message
//! stays with its pipe: if that dies in the middle, the rest of the message is swallowed.
use crate::pipe_list::PipeList;
use ferrozmq_base::{DueList, Error, Msg, PipeId, Pipes};

#[derive(Debug, Default)]
pub(crate) struct LoadBalance {
    pipes: PipeList,
    active: usize,
    current: usize,
    message: Progress,
    dropped: u64,
}

/// How far the message in progress is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Progress {
    /// There is none.
    #[default]
    Between,
    /// It was begun on the current pipe.
    Begun,
    /// Its pipe died: the rest of it is swallowed.
    Lost,
}

impl Progress {
    fn after(self, more: bool) -> Self {
        if more { self } else { Self::Between }
    }
}

impl LoadBalance {
    pub(crate) fn attach(&mut self, id: PipeId) {
        if self.pipes.position(id).is_none() {
            self.pipes.push(id);
            self.writable(id);
        }
    }

    pub(crate) fn writable(&mut self, id: PipeId) {
        if let Some(position) = self.pipes.position(id)
            && position >= self.active
        {
            self.pipes.swap(position, self.active);
            self.active += 1;
        }
    }

    pub(crate) fn remove(&mut self, pipes: &mut Pipes, id: PipeId) {
        let Some(mut position) = self.pipes.position(id) else { return };
        if position < self.active {
            let last = self.active - 1;
            if position == self.current {
                if self.message == Progress::Begun {
                    self.abandon(pipes, id);
                }
            } else if self.current == last {
                // The current pipe moves to the gap.
                self.current = position;
            }
            self.pipes.swap(position, last);
            self.active = last;
            if self.current >= self.active {
                self.current = 0;
            }
            position = last;
        }
        self.pipes.swap_remove(position);
    }

    /// Takes back a message that was begun and will not be finished.
    pub(crate) fn cancel(&mut self, pipes: &mut Pipes) {
        if self.message == Progress::Begun {
            pipes.rollback(self.pipes.at(self.current));
            self.message = Progress::Between;
        }
    }

    fn abandon(&mut self, pipes: &mut Pipes, id: PipeId) {
        pipes.rollback(id);
        self.message = Progress::Lost;
        self.dropped += 1;
    }

    /// Messages lost with their pipe while they were being sent.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Sends a frame and says where it went: nowhere if the message was begun on a pipe that died since.
    ///
    /// `Again` if no peer has room.
    #[inline(always)]
    pub(crate) fn send(
        &mut self,
        pipes: &mut Pipes,
        m: &mut Msg,
        more: bool,
        due: &mut DueList,
    ) -> Result<Option<PipeId>, Error> {
        if !more && self.message == Progress::Between && self.active > 0 {
            // The common case, a whole message to the next peer in turn.
            let id = self.pipes.at(self.current);
            if pipes.offer(id, m, due)? {
                self.turn();
                return Ok(Some(id));
            }
        }
        self.send_frame(pipes, m, more, due)
    }

    /// A part of a message, or one for which the next peer has no room.
    #[inline(never)]
    fn send_frame(
        &mut self,
        pipes: &mut Pipes,
        m: &mut Msg,
        more: bool,
        due: &mut DueList,
    ) -> Result<Option<PipeId>, Error> {
        if self.message == Progress::Lost {
            m.clear();
            self.message = Progress::Lost.after(more);
            return Ok(None);
        }
        if self.message == Progress::Between && !self.find_room(pipes) {
            return Err(Error::Again);
        }
        let id = self.pipes.at(self.current);
        pipes.put(id, m, more)?;
        self.message = Progress::Begun.after(more);
        if !more {
            pipes.publish(id, due);
            self.turn();
        }
        Ok(Some(id))
    }

    /// The next peer's turn.
    #[inline(always)]
    fn turn(&mut self) {
        if self.active > 1 {
            self.current += 1;
            if self.current >= self.active {
                self.current = 0;
            }
        }
    }

    /// Whether a frame would be taken.
    pub(crate) fn has_room(&mut self, pipes: &mut Pipes) -> bool {
        self.message != Progress::Between || self.find_room(pipes)
    }

    /// Moves on to a pipe with room.
    #[inline]
    fn find_room(&mut self, pipes: &mut Pipes) -> bool {
        while self.active > 0 {
            if pipes.room(self.pipes.at(self.current)) {
                return true;
            }
            self.active -= 1;
            self.pipes.swap(self.current, self.active);
            if self.current == self.active {
                self.current = 0;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::{Join, NEITHER, Net, WRITABLE};
    use ferrozmq_base::{Error, SocketType::*};

    #[test]
    fn takes_turns_and_skips_the_full_peer() {
        let mut net = Net::new();
        let push = net.socket(Push);
        let pulls = [net.socket(Pull), net.socket(Pull), net.socket(Pull)];
        for (pull, hwm) in pulls.into_iter().zip([0, 1, 0]) {
            net.join_with(push, pull, Join { there: hwm, ..Join::default() });
        }
        for i in 0..7 {
            net.send(push, &[format!("{i}").as_bytes()]).unwrap();
        }
        let [a, b, c] = pulls.map(|pull| net.drain(pull));
        assert_eq!(b, ["1"]);
        assert_eq!(a.len() + c.len(), 6);
        assert_eq!(a, ["0", "3", "5"]);
        assert_eq!(c, ["2", "4", "6"]);
        // Drained, the second peer is back in turn.
        for _ in 0..3 {
            net.send(push, &[b"x"]).unwrap();
        }
        assert_eq!(pulls.map(|pull| net.drain(pull).len()), [1, 1, 1]);
    }

    #[test]
    fn blocks_without_peers_and_when_all_are_full() {
        for kind in [Push, Dealer, Pair] {
            let mut net = Net::new();
            let a = net.socket(kind);
            assert_eq!(net.send(a, &[b"x"]), Err(Error::Again));
            assert_eq!(net.ready(a), NEITHER);
            let b = net.socket(Pull);
            let (_, at_b) = net.join_with(a, b, Join { there: 2, ..Join::default() });
            assert_eq!(net.ready(a), WRITABLE);
            assert_eq!(net.send(a, &[b"1", b"1"]), Ok(()));
            assert_eq!(net.send(a, &[b"2"]), Ok(()));
            assert_eq!(net.send(a, &[b"3"]), Err(Error::Again));
            assert_eq!(net.ready(a), NEITHER);
            assert_eq!(net.recv(b).unwrap().len(), 2);
            assert_eq!(net.send(a, &[b"3"]), Ok(()));
            net.disconnect(b, at_b);
            assert_eq!(net.send(a, &[b"4"]), Err(Error::Again));
        }
    }

    #[test]
    fn a_message_whose_peer_dies_is_dropped_and_not_rerouted() {
        for kind in [Push, Dealer] {
            let mut net = Net::new();
            let a = net.socket(kind);
            let (b, c) = (net.socket(Pull), net.socket(Pull));
            let (_, at_b) = net.join(a, b);
            net.join(a, c);
            net.send_frame(a, b"one", true).unwrap();
            net.disconnect(b, at_b);
            assert_eq!(net.send_frame(a, b"two", true), Ok(()));
            assert_eq!(net.send_frame(a, b"three", false), Ok(()));
            assert_eq!(net.send(a, &[b"next", b"one"]), Ok(()));
            assert_eq!(net.drain(c), ["next|one"]);
            assert_eq!(net.drops(a).peer_gone, 1);
        }
    }

    #[test]
    fn another_peer_that_leaves_does_not_disturb_a_message() {
        // Each of three peers leaves while the message goes to the first, the second, the third.
        for target in 0..3 {
            for leaver in 0..3 {
                let mut net = Net::new();
                let push = net.socket(Push);
                let pulls = [net.socket(Pull), net.socket(Pull), net.socket(Pull)];
                let at = pulls.map(|pull| net.join(push, pull).1);
                for _ in 0..target {
                    net.send(push, &[b"before"]).unwrap();
                }
                net.send_frame(push, b"a", true).unwrap();
                net.disconnect(pulls[leaver], at[leaver]);
                net.send_frame(push, b"b", false).unwrap();
                for (i, pull) in pulls.into_iter().enumerate() {
                    let got = net.drain(pull);
                    assert_eq!(got.contains(&"a|b".to_string()), i == target && i != leaver);
                    assert!(got.iter().all(|m| m == "before" || m == "a|b"));
                }
            }
        }
    }
}
