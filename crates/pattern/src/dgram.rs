//! DGRAM: datagrams, each a message of two frames, the address and the body (zmq_socket(3)). Not for several threads.
use crate::fair_queue::FairQueue;
use crate::load_balance::LoadBalance;
use crate::{Drops, Events, Local, Machine};
use ferrozmq_base::{DueList, End, Error, Msg, PipeId, Pipes};

/// A DGRAM socket: one pipe, to the descriptor.
#[derive(Debug, Default)]
pub struct Dgram {
    pipe: Option<PipeId>,
    input: FairQueue,
    out: LoadBalance,
    /// The address was sent, the body comes next.
    addressed: bool,
}

impl Machine for Dgram {
    fn opened(&mut self, pipes: &mut Pipes, id: PipeId, _: Local, due: &mut DueList) {
        if self.pipe.is_some() {
            pipes.end(id, End::Now, due);
            return;
        }
        self.pipe = Some(id);
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
        if self.pipe == Some(id) {
            self.pipe = None;
        }
    }

    fn send(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) -> Result<(), Error> {
        if self.pipe.is_none() && !self.addressed {
            return Err(Error::HostUnreachable);
        }
        if more == self.addressed {
            return Err(Error::InvalidArgument);
        }
        self.out.send(pipes, m, more, due)?;
        self.addressed = more;
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        self.input.get(pipes, m, due).map(|_| ()).ok_or(Error::Again)
    }

    fn ready(&mut self, pipes: &mut Pipes, due: &mut DueList) -> Events {
        Events { readable: self.input.has(pipes, due), writable: self.out.has_room(pipes) }
    }

    fn drops(&self) -> Drops {
        Drops { peer_gone: self.out.dropped(), ..Drops::default() }
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::Net;
    use ferrozmq_base::{Error, SocketType};

    #[test]
    fn a_message_is_an_address_and_a_body() {
        let mut net = Net::new();
        let (dgram, far) = (net.socket(SocketType::Dgram), net.socket(SocketType::Pair));
        assert_eq!(net.send_frame(dgram, b"address", true), Err(Error::HostUnreachable));
        net.join(dgram, far);
        assert_eq!(net.send_frame(dgram, b"address", false), Err(Error::InvalidArgument));
        net.send_frame(dgram, b"address", true).unwrap();
        assert_eq!(net.send_frame(dgram, b"body", true), Err(Error::InvalidArgument));
        net.send_frame(dgram, b"body", false).unwrap();
        assert_eq!(net.drain(far), ["address|body"]);
        net.send(far, &[b"from", b"body"]).unwrap();
        assert_eq!(net.drain(dgram), ["from|body"]);
    }
}
