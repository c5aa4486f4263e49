//! DGRAM: datagrams, each a message of two frames, the address and the body (zmq_socket(3)). Not for several threads.
use crate::fair_queue::FairQueue;
use crate::load_balance::LoadBalance;
use crate::{Drops, Events, Local, Machine};
use ferrozmq_base::{DueList, End, Error, Msg, PeerInfo, PipeId, Pipes};

/// A DGRAM socket: one pipe, to the descriptor.
#[derive(Debug, Default)]
pub struct Dgram {
    pipe: Option<PipeId>,
    input: FairQueue,
    out: LoadBalance,
    /// The address was sent, the body comes next.
    addressed: bool,
    /// The longest body that the transport can carry.
    longest: Option<usize>,
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

    fn identified(&mut self, _: &mut Pipes, id: PipeId, info: &PeerInfo, _: &mut DueList) {
        if self.pipe == Some(id) {
            self.longest = info.longest_message;
        }
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
            self.longest = None;
        }
    }

    fn send(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) -> Result<(), Error> {
        if self.pipe.is_none() && !self.addressed {
            return Err(Error::HostUnreachable);
        }
        if more == self.addressed {
            return Err(Error::InvalidArgument);
        }
        if !more && self.longest.is_some_and(|most| m.len() > most) {
            // The next message begins with an address again.
            self.out.cancel(pipes);
            self.addressed = false;
            return Err(Error::MessageTooLong);
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
    use crate::harness::{Join, Net};
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

    #[test]
    fn a_body_that_no_datagram_can_carry_is_refused_with_its_address() {
        let mut net = Net::new();
        let (dgram, far) = (net.socket(SocketType::Dgram), net.socket(SocketType::Pair));
        net.join_with(dgram, far, Join { longest: Some(4), ..Join::default() });
        net.send_frame(dgram, b"an address of any length", true).unwrap();
        assert_eq!(net.send_frame(dgram, b"12345", false), Err(Error::MessageTooLong));
        assert_eq!(
            net.send_frame(dgram, b"1234", false),
            Err(Error::InvalidArgument),
            "an address comes first"
        );
        net.send(dgram, &[b"address", b"1234"]).unwrap();
        assert_eq!(net.drain(far), ["address|1234"]);
    }
}
