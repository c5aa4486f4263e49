//! Messages of one part, as the thread-safe types have them (RFC 41, 49, 51, 52): a part that several threads send or
//! receive at once cannot be torn apart if it is all there is.
//!
//! What comes in with more parts is dropped whole; what is to go out with more is refused.
use crate::fair_queue::FairQueue;
use ferrozmq_base::{DueList, Error, Msg, PipeId, Pipes};

/// Inbound messages of one part, of the peers in turn.
#[derive(Debug, Default)]
pub(crate) struct Singles {
    input: FairQueue,
    /// A message that was read to know that there is one.
    ahead: Option<Msg>,
    malformed: u64,
}

impl Singles {
    pub(crate) fn attach(&mut self, id: PipeId) {
        self.input.attach(id);
    }

    pub(crate) fn readable(&mut self, id: PipeId) {
        self.input.readable(id);
    }

    pub(crate) fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.input.ended(pipes, id, due);
    }

    pub(crate) fn remove(&mut self, id: PipeId) {
        self.input.remove(id);
    }

    /// Messages of more than one part, which were dropped.
    pub(crate) fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Reads the next message; its routing id is the number of its sender. `Again` if there is none.
    pub(crate) fn get(
        &mut self,
        pipes: &mut Pipes,
        m: &mut Msg,
        due: &mut DueList,
        number: impl Fn(PipeId) -> u32,
    ) -> Result<(), Error> {
        if let Some(ahead) = self.ahead.take() {
            *m = ahead;
            return Ok(());
        }
        loop {
            let from = self.input.get(pipes, m, due).ok_or(Error::Again)?;
            if !m.more() {
                m.set_routing_id(number(from));
                return Ok(());
            }
            self.malformed += 1;
            while m.more() && self.input.in_message() && self.input.get(pipes, m, due).is_some() {}
        }
    }

    /// Whether there is a message to read.
    pub(crate) fn has(
        &mut self,
        pipes: &mut Pipes,
        due: &mut DueList,
        number: impl Fn(PipeId) -> u32,
    ) -> bool {
        if self.ahead.is_none() {
            let mut m = Msg::new();
            let found = self.get(pipes, &mut m, due, number).is_ok();
            self.ahead = found.then_some(m);
        }
        self.ahead.is_some()
    }
}

/// For types that do not number their peers.
pub(crate) fn unnumbered(_: PipeId) -> u32 {
    0
}

/// Refuses a part that is not a whole message.
pub(crate) fn only(more: bool) -> Result<(), Error> {
    if more { Err(Error::InvalidArgument) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use crate::harness::{NEITHER, Net, READABLE};
    use ferrozmq_base::{Error, SocketType::*};

    #[test]
    fn several_parts_are_neither_sent_nor_received() {
        for (kind, peer) in
            [(Client, Router), (Server, Dealer), (Peer, Dealer), (Channel, Pair), (Gather, Push)]
        {
            let mut net = Net::new();
            let (socket, other) = (net.socket(kind), net.socket(peer));
            net.join(socket, other);
            if kind != Gather {
                assert_eq!(net.send_frame(socket, b"x", true), Err(Error::InvalidArgument), "{kind:?}");
            }
            if peer == Router {
                // A ROUTER reaches its peer by name only.
                net.send(socket, &[b"hello"]).unwrap();
                let id = net.recv(other).unwrap().swap_remove(0);
                net.send(other, &[&id, b"1", b"2"]).unwrap();
                net.send(other, &[&id, b"whole"]).unwrap();
            } else {
                net.send(other, &[b"1", b"2", b"3"]).unwrap();
                net.send(other, &[b"whole"]).unwrap();
            }
            assert!(net.ready(socket).readable, "{kind:?}");
            assert_eq!(net.drain(socket), ["whole"], "{kind:?}");
            assert!(!net.ready(socket).readable, "{kind:?}");
            assert_eq!(net.drops(socket).malformed, 1, "{kind:?}");
        }
    }

    #[test]
    fn a_message_that_is_dropped_makes_nothing_readable() {
        let mut net = Net::new();
        let (gather, push) = (net.socket(Gather), net.socket(Push));
        let (at_push, _) = net.join(push, gather);
        net.send(push, &[b"1", b"2"]).unwrap();
        assert_eq!(net.ready(gather), NEITHER);
        net.send(push, &[b"1"]).unwrap();
        assert_eq!(net.ready(gather), READABLE);
        net.disconnect(push, at_push);
        assert_eq!(net.drain(gather), ["1"]);
        assert_eq!(net.peers(gather), 0);
    }
}
