//! SCATTER and GATHER: a pipeline of messages of one part (RFC 49).
use crate::load_balance::LoadBalance;
use crate::single::{Singles, only, unnumbered};
use crate::{Drops, Events, Local, Machine};
use ferrozmq_base::{DueList, Error, Msg, PipeId, Pipes};

/// A SCATTER socket: load-balances; never reads.
#[derive(Debug, Default)]
pub struct Scatter {
    out: LoadBalance,
}

impl Machine for Scatter {
    fn opened(&mut self, _: &mut Pipes, id: PipeId, _: Local, _: &mut DueList) {
        self.out.attach(id);
    }

    fn writable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.writable(id);
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.remove(pipes, id);
    }

    fn gone(&mut self, pipes: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.remove(pipes, id);
    }

    fn send(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) -> Result<(), Error> {
        only(more)?;
        self.out.send(pipes, m, false, due).map(|_| ())
    }

    fn ready(&mut self, pipes: &mut Pipes, _: &mut DueList) -> Events {
        Events { readable: false, writable: self.out.has_room(pipes) }
    }
}

/// A GATHER socket: fair-queues; never writes.
#[derive(Debug, Default)]
pub struct Gather {
    input: Singles,
}

impl Machine for Gather {
    fn opened(&mut self, _: &mut Pipes, id: PipeId, _: Local, _: &mut DueList) {
        self.input.attach(id);
    }

    fn readable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.input.readable(id);
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.input.ended(pipes, id, due);
    }

    fn gone(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.input.remove(id);
    }

    fn recv(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        self.input.get(pipes, m, due, unnumbered)
    }

    fn ready(&mut self, pipes: &mut Pipes, due: &mut DueList) -> Events {
        Events { readable: self.input.has(pipes, due, unnumbered), writable: false }
    }

    fn drops(&self) -> Drops {
        Drops { malformed: self.input.malformed(), ..Drops::default() }
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::{Join, NEITHER, Net, WRITABLE};
    use ferrozmq_base::{Error, SocketType};

    #[test]
    fn messages_are_dealt_out_and_collected() {
        let mut net = Net::new();
        let scatter = net.socket(SocketType::Scatter);
        let gathers = [SocketType::Gather; 2].map(|kind| net.socket(kind));
        for gather in gathers {
            net.join_with(scatter, gather, Join { there: 2, ..Join::default() });
        }
        for i in [b"1", b"2", b"3", b"4"] {
            assert_eq!(net.ready(scatter), WRITABLE);
            net.send(scatter, &[i]).unwrap();
        }
        assert_eq!((net.send(scatter, &[b"5"]), net.ready(scatter)), (Err(Error::Again), NEITHER));
        let got = gathers.map(|gather| net.drain(gather));
        assert_eq!(got.map(|got| got.len()), [2, 2]);
        assert_eq!(net.ready(scatter), WRITABLE);
    }
}
