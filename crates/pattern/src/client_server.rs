//! CLIENT and SERVER (RFC 41), and PEER (RFC 51): messages of one part between peers, of which SERVER and PEER know
//! each by a number.
//!
//! The number is the message's routing id. It is this socket's own and never on the wire; it is given once, when a
//! pipe is made, and is not 0.
use crate::load_balance::LoadBalance;
use crate::single::{Singles, only, unnumbered};
use crate::{Drops, Events, Local, Machine};
use ferrozmq_base::{DueList, Error, Msg, PipeId, Pipes};
use std::collections::BTreeMap;

/// A CLIENT socket: load-balances what it sends, fair-queues what it receives.
#[derive(Debug, Default)]
pub struct Client {
    input: Singles,
    out: LoadBalance,
}

impl Machine for Client {
    fn opened(&mut self, _: &mut Pipes, id: PipeId, _: Local, _: &mut DueList) {
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

/// A SERVER or PEER socket: sends to the peer whose number the message has, fair-queues what it receives.
#[derive(Debug)]
pub struct Server {
    input: Singles,
    pipes: BTreeMap<u32, PipeId>,
    /// By `PipeId::index`.
    numbers: Vec<u32>,
    next: u32,
}

impl Server {
    pub(crate) fn new(seed: u64) -> Self {
        Self { input: Singles::default(), pipes: BTreeMap::new(), numbers: Vec::new(), next: seed as u32 }
    }

    /// The pipe of the peer with this number.
    pub(crate) fn pipe(&self, number: u32) -> Option<PipeId> {
        self.pipes.get(&number).copied()
    }

    /// The number of the peer at the end of this pipe; 0 if there is none.
    pub(crate) fn number(&self, id: PipeId) -> u32 {
        let number = self.numbers.get(id.index()).copied().unwrap_or(0);
        if self.pipe(number) == Some(id) { number } else { 0 }
    }

    fn unused(&mut self) -> u32 {
        loop {
            let number = self.next;
            self.next = self.next.wrapping_add(1);
            if number != 0 && !self.pipes.contains_key(&number) {
                return number;
            }
        }
    }
}

impl Machine for Server {
    fn opened(&mut self, _: &mut Pipes, id: PipeId, _: Local, _: &mut DueList) {
        let number = self.unused();
        if self.numbers.len() <= id.index() {
            self.numbers.resize(id.index() + 1, 0);
        }
        self.numbers[id.index()] = number;
        self.pipes.insert(number, id);
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
        self.pipes.remove(&self.number(id));
    }

    fn send(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) -> Result<(), Error> {
        only(more)?;
        let number = m.routing_id();
        let id = self.pipe(number).ok_or(Error::HostUnreachable)?;
        if !pipes.room(id) {
            return Err(if pipes.is_open(id) { Error::Again } else { Error::HostUnreachable });
        }
        // It means nothing to the peer.
        m.set_routing_id(0);
        if let Err(error) = pipes.put(id, m, false) {
            m.set_routing_id(number);
            return Err(error.into());
        }
        pipes.publish(id, due);
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        let Self { input, numbers, .. } = self;
        input.get(pipes, m, due, |from| numbers[from.index()])
    }

    fn ready(&mut self, pipes: &mut Pipes, due: &mut DueList) -> Events {
        let Self { input, numbers, .. } = self;
        Events { readable: input.has(pipes, due, |from| numbers[from.index()]), writable: true }
    }

    fn drops(&self) -> Drops {
        Drops { malformed: self.input.malformed(), ..Drops::default() }
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::{BOTH, Join, Net, WRITABLE};
    use ferrozmq_base::{Error, SocketType};

    #[test]
    fn each_client_gets_its_own_answer() {
        let mut net = Net::new();
        let server = net.socket(SocketType::Server);
        let clients = [SocketType::Client; 3].map(|kind| net.socket(kind));
        for client in clients {
            net.join(client, server);
        }
        for (i, client) in clients.into_iter().enumerate() {
            net.send(client, &[format!("{i}").as_bytes()]).unwrap();
        }
        assert_eq!(net.ready(server), BOTH);
        let mut numbers = Vec::new();
        while let Ok((body, number)) = net.recv_numbered(server) {
            assert!(number != 0 && !numbers.contains(&number));
            numbers.push(number);
            net.send_numbered(server, &body, number).unwrap();
        }
        assert_eq!(net.ready(server), WRITABLE);
        for (i, client) in clients.into_iter().enumerate() {
            assert_eq!(net.recv_numbered(client), Ok((format!("{i}").into_bytes(), 0)));
        }
    }

    #[test]
    fn a_client_takes_its_servers_in_turn_and_hears_all() {
        let mut net = Net::new();
        let client = net.socket(SocketType::Client);
        let servers = [SocketType::Server; 2].map(|kind| net.socket(kind));
        for server in servers {
            net.join(client, server);
        }
        for _ in 0..4 {
            net.send(client, &[b"x"]).unwrap();
        }
        for server in servers {
            let (_, number) = net.recv_numbered(server).unwrap();
            net.recv_numbered(server).unwrap();
            assert!(net.recv_numbered(server).is_err());
            net.send_numbered(server, b"y", number).unwrap();
        }
        assert_eq!(net.drain(client), ["y", "y"]);
    }

    #[test]
    fn a_peer_is_unreachable_once_it_is_gone_and_full_before() {
        let mut net = Net::new();
        let (a, b) = (net.socket(SocketType::Peer), net.socket(SocketType::Peer));
        let (at_a, at_b) = net.join_with(a, b, Join { there: 1, ..Join::default() });
        let number = net.pattern(a).peer_number(at_a).unwrap();
        assert_eq!(net.pattern(a).peer_pipe(number), Ok(at_a));
        net.send_numbered(a, b"1", number).unwrap();
        assert_eq!(net.send_numbered(a, b"2", number), Err(Error::Again));
        let (_, back) = net.recv_numbered(b).unwrap();
        net.send_numbered(b, b"read to the end", back).unwrap();
        net.disconnect(b, at_b);
        assert_eq!(net.send_numbered(a, b"3", number), Err(Error::HostUnreachable));
        assert_eq!(net.ready(a), BOTH);
        assert_eq!(net.recv_numbered(a), Ok((b"read to the end".to_vec(), number)));
        assert_eq!(net.ready(a), WRITABLE);
        assert_eq!(net.pattern(a).peer_pipe(number), Err(Error::HostUnreachable));
        assert_eq!(net.send_numbered(b, b"0", 0), Err(Error::HostUnreachable));
    }
}
