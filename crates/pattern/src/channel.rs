//! CHANNEL: exactly one peer, messages of one part (RFC 52). Further pipes are ended at once, as those of a PAIR.
use crate::load_balance::LoadBalance;
use crate::single::{Singles, only, unnumbered};
use crate::{Drops, Events, Local, Machine};
use ferrozmq_base::{DueList, End, Error, Msg, PipeId, Pipes};

/// A CHANNEL socket.
#[derive(Debug, Default)]
pub struct Channel {
    peer: Option<PipeId>,
    input: Singles,
    /// Of one pipe.
    out: LoadBalance,
}

impl Machine for Channel {
    fn opened(&mut self, pipes: &mut Pipes, id: PipeId, _: Local, due: &mut DueList) {
        if self.peer.is_some() {
            pipes.end(id, End::Now, due);
            return;
        }
        self.peer = Some(id);
        self.input.attach(id);
        self.out.attach(id);
    }

    fn readable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.input.readable(id);
    }

    fn writable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.writable(id);
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.out.remove(pipes, id);
        self.input.ended(pipes, id, due);
    }

    fn gone(&mut self, pipes: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.remove(pipes, id);
        self.input.remove(id);
        if self.peer == Some(id) {
            self.peer = None;
        }
    }

    fn send(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) -> Result<(), Error> {
        only(more)?;
        self.out.send(pipes, m, false, due).map(|_| ())
    }

    fn recv(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        self.input.get(pipes, m, due, unnumbered)
    }

    fn ready(&mut self, pipes: &mut Pipes, due: &mut DueList) -> Events {
        Events { readable: self.input.has(pipes, due, unnumbered), writable: self.out.has_room(pipes) }
    }

    fn drops(&self) -> Drops {
        Drops { malformed: self.input.malformed(), ..Drops::default() }
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::{Net, WRITABLE};
    use ferrozmq_base::{Error, SocketType};

    #[test]
    fn a_second_peer_is_refused_until_the_first_is_gone() {
        let mut net = Net::new();
        let [a, b, c] = [SocketType::Channel; 3].map(|kind| net.socket(kind));
        let (_, at_b) = net.join(a, b);
        net.join(c, a);
        assert_eq!((net.peers(a), net.peers(c)), (1, 0));
        assert_eq!(net.send(c, &[b"x"]), Err(Error::Again));
        net.send(b, &[b"there"]).unwrap();
        net.send(a, &[b"back"]).unwrap();
        assert_eq!(net.drain(b), ["back"]);
        net.disconnect(b, at_b);
        assert_eq!(net.send(a, &[b"lost"]), Err(Error::Again));
        assert_eq!(net.drain(a), ["there"]);
        net.join(c, a);
        assert_eq!(net.ready(c), WRITABLE);
    }
}
