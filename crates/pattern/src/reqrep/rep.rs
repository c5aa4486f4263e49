//! REP: receives a request, then sends the reply to the peer that asked (RFC 28).
//!
//! The frames of a request up to and with the first empty one are its envelope. They are copied to the peer's pipe
//! when they are read, unpublished, so that the reply follows them. A request without such an envelope is skipped.
//! Whether the reply can be sent is settled when the envelope is read: if the peer has no room then, or is gone by
//! the time of the reply, the reply is dropped and the send succeeds.
use super::dealer::write_probe;
use super::router::Identities;
use crate::fair_queue::FairQueue;
use crate::{Drops, Events, Local, Machine, Setting};
use ferrozmq_base::{DueList, End, Error, Msg, PeerInfo, PipeId, Pipes};

/// A REP socket.
#[derive(Debug)]
pub struct Rep {
    peers: Identities,
    input: FairQueue,
    state: State,
    /// Who sent the request that is being received.
    asker: Option<PipeId>,
    /// Where the reply goes; none if it will be dropped.
    reply: Option<PipeId>,
    probe: bool,
    drops: Drops,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between requests.
    Idle,
    /// The envelope was read; the body follows.
    Receiving,
    /// The whole request was received; a reply, or the rest of it, is due.
    Replying,
}

impl Rep {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            peers: Identities::new(seed),
            input: FairQueue::default(),
            state: State::Idle,
            asker: None,
            reply: None,
            probe: false,
            drops: Drops::default(),
        }
    }

    pub(crate) fn id_in_use(&self, routing_id: &[u8]) -> bool {
        self.peers.routes.pipe(routing_id).is_some()
    }

    pub(crate) fn peer_state(&mut self, pipes: &mut Pipes, routing_id: &[u8]) -> Result<Events, Error> {
        let id = self.peers.routes.pipe(routing_id).ok_or(Error::HostUnreachable)?;
        Ok(Events { readable: false, writable: pipes.room(id) })
    }

    pub(crate) fn is_reading(&self, id: PipeId) -> bool {
        self.asker == Some(id)
    }

    pub(crate) fn routing_id(&self, id: PipeId) -> Option<&[u8]> {
        self.peers.routes.id(id)
    }

    /// The pipe can take no reply any more.
    fn lose_reply(&mut self, id: PipeId) {
        if self.reply == Some(id) {
            self.reply = None;
            self.drops.peer_gone += 1;
        }
    }

    /// Reads up to the body of the next request.
    fn find_request(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        while let Some(from) = self.input.get(pipes, m, due) {
            let mut reply = pipes.room_or_drop(from).then_some(from);
            if reply.is_none() {
                let count =
                    if pipes.is_open(from) { &mut self.drops.full } else { &mut self.drops.peer_gone };
                *count += 1;
            }
            if self.copy_envelope(pipes, m, &mut reply, due) {
                self.state = State::Receiving;
                self.asker = Some(from);
                self.reply = reply;
                return Ok(());
            }
            pipes.rollback(from);
            self.drops.malformed += 1;
        }
        Err(Error::Again)
    }

    /// Moves the envelope that begins with `m` to the pipe; false if the message ends in it.
    fn copy_envelope(
        &mut self,
        pipes: &mut Pipes,
        m: &mut Msg,
        reply: &mut Option<PipeId>,
        due: &mut DueList,
    ) -> bool {
        loop {
            if !m.more() {
                return false;
            }
            let is_delimiter = m.is_empty();
            if let Some(id) = *reply {
                m.set_peer(None);
                if pipes.put(id, m, true).is_err() {
                    pipes.rollback(id);
                    self.drops.full += 1;
                    *reply = None;
                }
            }
            if is_delimiter {
                return true;
            }
            if self.input.get(pipes, m, due).is_none() {
                return false;
            }
        }
    }
}

impl Machine for Rep {
    fn opened(&mut self, pipes: &mut Pipes, id: PipeId, local: Local, due: &mut DueList) {
        if self.probe {
            write_probe(pipes, id, due);
        }
        if self.peers.opened(id, local) {
            self.input.attach(id);
        }
    }

    fn identified(&mut self, pipes: &mut Pipes, id: PipeId, info: &PeerInfo, due: &mut DueList) {
        let Some(arrival) = self.peers.identified(pipes, id, info, due) else { return };
        if let Some(replaced) = arrival.replaced {
            self.lose_reply(replaced);
        }
        self.input.attach(id);
    }

    fn readable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.input.readable(id);
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.lose_reply(id);
        if self.input.contains(id) {
            self.input.ended(pipes, id, due);
        } else {
            // Never read, it cannot drain.
            pipes.end(id, End::Now, due);
        }
    }

    fn gone(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.lose_reply(id);
        self.input.remove(id);
        self.peers.routes.release(id);
        if self.asker == Some(id) {
            self.asker = None;
            if self.state == State::Receiving {
                self.state = State::Idle;
            }
        }
    }

    fn send(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) -> Result<(), Error> {
        if self.state != State::Replying {
            return Err(Error::InvalidState);
        }
        match self.reply {
            Some(id) => {
                pipes.put(id, m, more)?;
                if !more {
                    pipes.publish(id, due);
                }
            }
            None => m.clear(),
        }
        if !more {
            self.state = State::Idle;
            self.reply = None;
        }
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        match self.state {
            State::Replying => return Err(Error::InvalidState),
            State::Idle => self.find_request(pipes, m, due)?,
            State::Receiving => {}
        }
        self.input.get(pipes, m, due).ok_or(Error::Again)?;
        if !m.more() {
            self.state = State::Replying;
            self.asker = None;
        }
        Ok(())
    }

    fn ready(&mut self, pipes: &mut Pipes, due: &mut DueList) -> Events {
        let readable = match self.state {
            State::Idle => self.find_request(pipes, &mut Msg::new(), due).is_ok(),
            State::Receiving => true,
            State::Replying => false,
        };
        Events { readable, writable: self.state == State::Replying }
    }

    fn set(&mut self, s: Setting<'_>, _: &mut Pipes, _: &mut DueList) -> Result<(), Error> {
        match s {
            Setting::ProbeRouter(on) => self.probe = on,
            Setting::RouterHandover(on) => self.peers.handover = on,
            Setting::RouterRaw(on) => self.peers.raw = on,
            // A reply that cannot be delivered is always dropped, and a request never needs to be announced.
            Setting::RouterMandatory(_) | Setting::RouterNotify(0..=3) => {}
            _ => return Err(Error::InvalidArgument),
        }
        Ok(())
    }

    fn drops(&self) -> Drops {
        self.drops
    }
}

#[cfg(test)]
mod tests {
    use crate::harness::{Join, NEITHER, Net};
    use ferrozmq_base::{Error, SocketType::*};

    #[test]
    fn the_envelope_comes_back_whatever_its_size() {
        let mut net = Net::new();
        let (dealer, rep) = (net.socket(Dealer), net.socket(Rep));
        net.join(dealer, rep);
        let long = [b'l'; 300];
        net.send(dealer, &[b"a", &long, b"", b"body", b"", b"end"]).unwrap();
        assert_eq!(net.drain(rep), ["body||end"]);
        net.send(rep, &[b"reply", b"2"]).unwrap();
        let got = net.recv(dealer).unwrap();
        assert_eq!(got, [b"a".to_vec(), long.to_vec(), vec![], b"reply".to_vec(), b"2".to_vec()]);
    }

    #[test]
    fn requests_without_envelope_or_body_are_skipped() {
        let mut net = Net::new();
        let (dealer, rep) = (net.socket(Dealer), net.socket(Rep));
        net.join(dealer, rep);
        net.send(dealer, &[b"no envelope"]).unwrap();
        net.send(dealer, &[b"a", b"b"]).unwrap();
        net.send(dealer, &[b""]).unwrap();
        net.send(dealer, &[b"a", b""]).unwrap();
        assert_eq!(net.ready(rep), NEITHER);
        assert_eq!(net.drops(rep).malformed, 4);
        net.send(dealer, &[b"", b"x"]).unwrap();
        assert_eq!(net.drain(rep), ["x"]);
        net.send(rep, &[b"y"]).unwrap();
        assert_eq!(net.drain(dealer), ["|y"]);
    }

    #[test]
    fn pipelined_requests_are_answered_in_order() {
        let mut net = Net::new();
        let (dealer, rep) = (net.socket(Dealer), net.socket(Rep));
        net.join(dealer, rep);
        for i in [b"1", b"2", b"3"] {
            net.send(dealer, &[b"", i]).unwrap();
        }
        for _ in 0..3 {
            let request = net.recv(rep).unwrap();
            net.send(rep, &[&request[0]]).unwrap();
        }
        assert_eq!(net.drain(dealer), ["|1", "|2", "|3"]);
    }

    #[test]
    fn a_reply_to_a_peer_that_left_succeeds_and_is_counted() {
        let mut net = Net::new();
        let (req, rep) = (net.socket(Req), net.socket(Rep));
        for frames_before in 0..2 {
            let (at_req, _) = net.join(req, rep);
            net.send(req, &[b"x"]).unwrap();
            net.recv(rep).unwrap();
            if frames_before == 1 {
                net.send_frame(rep, b"begun", true).unwrap();
            }
            net.disconnect(req, at_req);
            assert_eq!(net.send(rep, &[b"y"]), Ok(()));
            assert_eq!(net.recv(rep), Err(Error::Again));
            net.set(req, crate::Setting::ReqRelaxed(true)).unwrap();
        }
        assert_eq!(net.drops(rep).peer_gone, 2);
        assert_eq!(net.peers(rep), 0);
    }

    #[test]
    fn a_reply_to_a_peer_without_room_is_dropped() {
        let mut net = Net::new();
        let (dealer, rep) = (net.socket(Dealer), net.socket(Rep));
        net.join_with(dealer, rep, Join { back: 1, ..Join::default() });
        for i in [b"1", b"2"] {
            net.send(dealer, &[b"", i]).unwrap();
            net.recv(rep).unwrap();
            net.send(rep, &[i]).unwrap();
        }
        assert_eq!(net.drain(dealer), ["|1"]);
        assert_eq!(net.drops(rep).full, 1);
    }

    #[test]
    fn dropping_the_asker_in_mid_request_starts_over() {
        let mut net = Net::new();
        let (one, two, rep) = (net.socket(Dealer), net.socket(Dealer), net.socket(Rep));
        let (_, at_rep) = net.join(one, rep);
        net.join(two, rep);
        net.send(one, &[b"", b"1", b"2"]).unwrap();
        assert_eq!(net.recv_frame(rep).unwrap(), (b"1".to_vec(), true));
        net.disconnect(rep, at_rep);
        net.send(two, &[b"", b"whole"]).unwrap();
        assert_eq!(net.drain(rep), ["whole"]);
        net.send(rep, &[b"reply"]).unwrap();
        assert_eq!(net.drain(two), ["|reply"]);
    }
}
