//! Fair queue: takes inbound messages from the peers in turn, one whole message each (RFC 28, 30).
//!
//! The first `active` pipes may have something; a pipe found empty leaves that part until it is readable again.
use crate::pipe_list::PipeList;
use ferrozmq_base::{Due, DueList, Msg, PipeId, Pipes};

#[derive(Debug, Default)]
pub(crate) struct FairQueue {
    pipes: PipeList,
    active: usize,
    current: usize,
    /// A message of the current pipe was begun and is not finished.
    more: bool,
}

impl FairQueue {
    pub(crate) fn attach(&mut self, id: PipeId) {
        if self.pipes.position(id).is_none() {
            self.pipes.push(id);
            self.readable(id);
        }
    }

    pub(crate) fn contains(&self, id: PipeId) -> bool {
        self.pipes.position(id).is_some()
    }

    pub(crate) fn readable(&mut self, id: PipeId) {
        if let Some(position) = self.pipes.position(id)
            && position >= self.active
        {
            self.pipes.swap(position, self.active);
            self.active += 1;
        }
    }

    /// The far end of a pipe is gone: either everything was read, or it is read to its end from now on.
    pub(crate) fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        if !self.contains(id) {
            return;
        }
        if pipes.drained(id) {
            due.push((id, Due::Drained));
        } else {
            self.readable(id);
        }
    }

    /// Forgets a pipe. A message of it that was begun stays unfinished.
    pub(crate) fn remove(&mut self, id: PipeId) {
        let Some(mut position) = self.pipes.position(id) else { return };
        if position < self.active {
            let last = self.active - 1;
            if position == self.current {
                self.more = false;
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

    /// Whether the next frame continues a message.
    #[inline]
    pub(crate) fn in_message(&self) -> bool {
        self.more
    }

    /// Whether a message of this pipe was begun and is not finished.
    pub(crate) fn is_reading(&self, id: PipeId) -> bool {
        self.more && self.pipes.at(self.current) == id
    }

    /// Reads the next frame and says whose it is; none if there is nothing to read.
    #[inline(always)]
    pub(crate) fn get(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Option<PipeId> {
        if self.active > 0 {
            let id = self.pipes.at(self.current);
            if pipes.get_ready(id, m, due) {
                self.took(m);
                return Some(id);
            }
        }
        self.get_next(pipes, m, due)
    }

    /// Nothing is seen at the current pipe: asks it, then the others.
    #[inline(never)]
    fn get_next(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Option<PipeId> {
        if self.active == 1 {
            pipes.gather(self.pipes.at(self.current));
        }
        while self.active > 0 {
            let id = self.pipes.at(self.current);
            if pipes.get(id, m, due) {
                self.took(m);
                return Some(id);
            }
            self.set_current_aside();
        }
        None
    }

    #[inline(always)]
    fn took(&mut self, m: &Msg) {
        self.more = m.more();
        if !self.more && self.active > 1 {
            self.current += 1;
            if self.current >= self.active {
                self.current = 0;
            }
        }
    }

    /// Whether there is a frame to read.
    pub(crate) fn has(&mut self, pipes: &mut Pipes, due: &mut DueList) -> bool {
        while self.active > 0 {
            let id = self.pipes.at(self.current);
            if pipes.has(id) {
                return true;
            }
            if pipes.drained(id) {
                due.push((id, Due::Drained));
            }
            self.set_current_aside();
        }
        false
    }

    fn set_current_aside(&mut self) {
        // A message once begun can be read to its end, unless its pipe was dropped.
        self.more = false;
        self.active -= 1;
        self.pipes.swap(self.current, self.active);
        if self.current == self.active {
            self.current = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::{NEITHER, Net, READABLE};
    use ferrozmq_base::{Error, SocketType::*};

    #[test]
    fn one_whole_message_of_each_peer_in_turn() {
        let mut net = Net::new();
        let pull = net.socket(Pull);
        let pushes = [net.socket(Push), net.socket(Push), net.socket(Push)];
        for (push, (name, count)) in pushes.into_iter().zip([("a", 5), ("b", 1), ("c", 2)]) {
            net.join(push, pull);
            for i in 0..count {
                net.send(push, &[name.as_bytes(), format!("{i}").as_bytes()]).unwrap();
            }
        }
        let got = net.drain(pull);
        assert_eq!(got.len(), 8);
        let mut first: Vec<_> = got[..3].iter().map(|m| &m[..1]).collect();
        first.sort_unstable();
        assert_eq!(first, ["a", "b", "c"]);
        // Between two messages of `c` there is at most one of `a`.
        let c: Vec<_> = (0..8).filter(|i| got[*i].starts_with('c')).collect();
        assert!(c[1] - c[0] <= 3, "{got:?}");
        assert_eq!(net.recv(pull), Err(Error::Again));
    }

    #[test]
    fn what_a_peer_sent_before_it_left_is_still_received() {
        let mut net = Net::new();
        let pull = net.socket(Pull);
        let push = net.socket(Push);
        let (at_push, _) = net.join(push, pull);
        for i in 0..3 {
            net.send(push, &[format!("{i}").as_bytes()]).unwrap();
        }
        net.send_frame(push, b"unfinished", true).unwrap();
        net.disconnect(push, at_push);
        assert_eq!(net.ready(pull), READABLE);
        assert_eq!(net.drain(pull), ["0", "1", "2"]);
        assert_eq!(net.ready(pull), NEITHER);
        assert_eq!(net.peers(pull), 0);
    }

    #[test]
    fn an_idle_peer_that_leaves_is_forgotten_at_once() {
        for &kind in ferrozmq_base::SocketType::ALL {
            let mut net = Net::new();
            let a = net.socket(kind);
            let b = net.socket(Dealer);
            let (at_b, _) = net.join(b, a);
            let _ = net.recv(a);
            net.disconnect(b, at_b);
            assert_eq!(net.peers(a), 0, "{kind:?}");
        }
    }

    #[test]
    fn a_message_begun_is_finished_whoever_leaves_or_comes() {
        let mut net = Net::new();
        let pull = net.socket(Pull);
        let pushes = [net.socket(Push), net.socket(Push), net.socket(Push)];
        let at = pushes.map(|push| net.join(push, pull).0);
        for push in pushes {
            net.send(push, &[b"1", b"2"]).unwrap();
        }
        assert_eq!(net.recv_frame(pull).unwrap(), (b"1".to_vec(), true));
        net.disconnect(pushes[1], at[1]);
        net.disconnect(pushes[2], at[2]);
        net.disconnect(pushes[0], at[0]);
        assert_eq!(net.recv_frame(pull).unwrap(), (b"2".to_vec(), false));
        assert_eq!(net.drain(pull), ["1|2", "1|2"]);
        assert_eq!(net.peers(pull), 0);
    }

    #[test]
    fn dropping_another_pipe_in_mid_message_keeps_the_place() {
        for before in 0..3 {
            for dropped in 0..2 {
                let mut net = Net::new();
                let pull = net.socket(Pull);
                let pushes = [net.socket(Push), net.socket(Push), net.socket(Push)];
                let at = pushes.map(|push| net.join(push, pull).1);
                for (push, name) in pushes.into_iter().zip([b"a", b"b", b"c"]) {
                    for _ in 0..3 {
                        net.send(push, &[name, name]).unwrap();
                    }
                }
                for _ in 0..before {
                    net.recv(pull).unwrap();
                }
                let (first, _) = net.recv_frame(pull).unwrap();
                let others: Vec<_> = (0..3).filter(|i| first != [b'a' + *i as u8]).collect();
                net.disconnect(pull, at[others[dropped]]);
                assert_eq!(net.recv_frame(pull).unwrap(), (first, false));
                assert!(net.drain(pull).iter().all(|m| m.len() == 3));
            }
        }
    }
}
