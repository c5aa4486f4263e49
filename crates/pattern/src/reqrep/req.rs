//! REQ: sends a request to one peer, then waits for the reply of that peer (RFC 28).
//!
//! On the wire a request is `[id, 4 bytes in native order, if correlating][empty][body...]`, and so is the reply.
//! A reply that does not fit is skipped. If the peer's pipe is gone, a reply may come from any other.
use super::dealer::Dealer;
use crate::{Drops, Events, Local, Machine, Setting};
use ferrozmq_base::{DueList, Error, Msg, PipeId, Pipes};

/// A REQ socket.
#[derive(Debug)]
pub struct Req {
    dealer: Dealer,
    state: State,
    /// Where the request went; none before its first frame and after that pipe is gone.
    replier: Option<PipeId>,
    request_id: u32,
    correlate: bool,
    relaxed: bool,
    malformed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No request, or none of its frames sent.
    Ready,
    /// A request is being sent.
    Sending,
    /// A reply is outstanding.
    Waiting,
    /// The envelope of the reply was read; its body follows.
    Receiving,
}

impl Req {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            dealer: Dealer::default(),
            state: State::Ready,
            replier: None,
            request_id: seed as u32,
            correlate: false,
            relaxed: false,
            malformed: 0,
        }
    }

    /// Sends the envelope, all frames or none.
    fn begin(&mut self, pipes: &mut Pipes, due: &mut DueList) -> Result<(), Error> {
        if !self.dealer.out.has_room(pipes) {
            return Err(Error::Again);
        }
        let request_id = self.request_id.wrapping_add(1);
        if self.correlate {
            let mut id = Msg::copy_from(&request_id.to_ne_bytes())?;
            self.dealer.out.send(pipes, &mut id, true, due)?;
        }
        // A second frame can fail only for want of memory; the envelope begun must not stay then.
        let sent = self.dealer.out.send(pipes, &mut Msg::new(), true, due);
        if sent.is_err() {
            self.dealer.out.cancel(pipes);
        }
        self.replier = sent?;
        self.request_id = request_id;
        self.state = State::Sending;
        self.skip_queued(pipes, due);
        Ok(())
    }

    /// Late replies to earlier requests, and whatever else came unasked.
    fn skip_queued(&mut self, pipes: &mut Pipes, due: &mut DueList) {
        let mut m = Msg::new();
        while self.dealer.input.get(pipes, &mut m, due).is_some() {
            self.malformed += u64::from(!m.more());
        }
    }

    /// The next frame from the peer whose reply we want.
    fn frame(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        loop {
            let from = self.dealer.input.get(pipes, m, due).ok_or(Error::Again)?;
            if self.replier.is_none_or(|replier| replier == from) {
                return Ok(());
            }
            self.malformed += u64::from(!m.more());
        }
    }

    /// Reads up to the body of the next fitting reply.
    fn find_reply(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        loop {
            self.frame(pipes, m, due)?;
            let mut fits = true;
            if self.correlate {
                fits = m.more() && m.as_slice() == self.request_id.to_ne_bytes();
                if fits {
                    self.frame(pipes, m, due)?;
                }
            }
            if fits && m.more() && m.is_empty() {
                self.state = State::Receiving;
                return Ok(());
            }
            while m.more() {
                self.frame(pipes, m, due)?;
            }
            self.malformed += 1;
        }
    }
}

impl Machine for Req {
    fn opened(&mut self, pipes: &mut Pipes, id: PipeId, local: Local, due: &mut DueList) {
        self.dealer.opened(pipes, id, local, due);
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.dealer.readable(pipes, id, due);
    }

    fn writable(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.dealer.writable(pipes, id, due);
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.dealer.ended(pipes, id, due);
    }

    fn gone(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.dealer.gone(pipes, id, due);
        if self.replier == Some(id) {
            self.replier = None;
        }
        if self.state == State::Receiving && !self.dealer.input.in_message() {
            self.state = State::Waiting;
        }
    }

    fn send(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) -> Result<(), Error> {
        match self.state {
            State::Sending => {}
            State::Waiting | State::Receiving if !self.relaxed => return Err(Error::InvalidState),
            _ => self.begin(pipes, due)?,
        }
        self.dealer.send(pipes, m, more, due)?;
        if !more {
            self.state = State::Waiting;
        }
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        match self.state {
            State::Ready | State::Sending => return Err(Error::InvalidState),
            State::Waiting => self.find_reply(pipes, m, due)?,
            State::Receiving => {}
        }
        self.frame(pipes, m, due)?;
        if !m.more() {
            self.state = State::Ready;
        }
        Ok(())
    }

    fn ready(&mut self, pipes: &mut Pipes, due: &mut DueList) -> Events {
        let readable = match self.state {
            State::Ready | State::Sending => false,
            State::Waiting => self.find_reply(pipes, &mut Msg::new(), due).is_ok(),
            State::Receiving => true,
        };
        let may_send = matches!(self.state, State::Ready | State::Sending) || self.relaxed;
        Events { readable, writable: may_send && self.dealer.out.has_room(pipes) }
    }

    fn set(&mut self, s: Setting<'_>, pipes: &mut Pipes, due: &mut DueList) -> Result<(), Error> {
        match s {
            Setting::ReqCorrelate(on) => self.correlate = on,
            Setting::ReqRelaxed(on) => self.relaxed = on,
            Setting::ProbeRouter(_) => return self.dealer.set(s, pipes, due),
            _ => return Err(Error::InvalidArgument),
        }
        Ok(())
    }

    fn drops(&self) -> Drops {
        Drops { malformed: self.malformed, ..self.dealer.drops() }
    }
}

#[cfg(test)]
mod tests {
    use crate::Setting::*;
    use crate::harness::{Join, NEITHER, Net, Node, READABLE, WRITABLE};
    use ferrozmq_base::{Error, SocketType::*};

    /// A REQ joined to a ROUTER that knows it as `q`.
    fn pair(net: &mut Net) -> (Node, Node) {
        let (req, router) = (net.socket(Req), net.socket(Router));
        net.join_with(req, router, Join { id: b"q", ..Join::default() });
        (req, router)
    }

    #[test]
    fn sends_and_receives_alternate() {
        let mut net = Net::new();
        let (req, rep) = (net.socket(Req), net.socket(Rep));
        assert_eq!(net.send(req, &[b"x"]), Err(Error::Again));
        assert_eq!(net.recv(req), Err(Error::InvalidState));
        assert_eq!(net.ready(req), NEITHER);
        net.join(req, rep);
        assert_eq!(net.ready(req), WRITABLE);
        assert_eq!(net.send(rep, &[b"x"]), Err(Error::InvalidState));
        net.send_frame(req, b"a", true).unwrap();
        assert_eq!(net.recv(req), Err(Error::InvalidState));
        net.send_frame(req, b"", false).unwrap();
        assert_eq!(net.ready(req), NEITHER);
        assert_eq!(net.send(req, &[b"x"]), Err(Error::InvalidState));
        assert_eq!(net.recv(req), Err(Error::Again));
        assert_eq!(net.ready(rep), READABLE);
        assert_eq!(net.drain(rep), ["a|"]);
        assert_eq!(net.ready(rep), WRITABLE);
        assert_eq!(net.recv(rep), Err(Error::InvalidState));
        net.send(rep, &[b"b", b"c"]).unwrap();
        assert_eq!(net.ready(rep), NEITHER);
        assert_eq!(net.ready(req), READABLE);
        assert_eq!(net.recv_frame(req).unwrap(), (b"b".to_vec(), true));
        assert_eq!(net.send(req, &[b"x"]), Err(Error::InvalidState));
        assert_eq!(net.recv_frame(req).unwrap(), (b"c".to_vec(), false));
        net.send(req, &[b"again"]).unwrap();
        assert_eq!(net.drain(rep), ["again"]);
    }

    #[test]
    fn only_well_formed_replies_count() {
        let mut net = Net::new();
        let (req, router) = pair(&mut net);
        net.send(req, &[b"x"]).unwrap();
        assert_eq!(net.drain(router), ["q||x"]);
        for garbage in [&[&b"q"[..], b"no delimiter"][..], &[b"q", b"x", b"", b"y"], &[b"q", b""]] {
            net.send(router, garbage).unwrap();
            assert_eq!(net.ready(req), NEITHER);
            assert_eq!(net.recv(req), Err(Error::Again));
        }
        net.send(router, &[b"q", b"", b"good"]).unwrap();
        assert_eq!(net.drain(req), ["good"]);
        assert_eq!(net.drops(req).malformed, 3);
    }

    #[test]
    fn a_reply_of_another_peer_is_skipped() {
        let mut net = Net::new();
        let (req, one) = pair(&mut net);
        let two = net.socket(Dealer);
        net.join(req, two);
        net.send(req, &[b"x"]).unwrap();
        net.send(two, &[b"", b"not asked"]).unwrap();
        assert_eq!(net.recv(req), Err(Error::Again));
        net.recv(one).unwrap();
        net.send(one, &[b"q", b"", b"asked"]).unwrap();
        assert_eq!(net.drain(req), ["asked"]);
    }

    #[test]
    fn when_the_replier_is_gone_any_reply_counts() {
        let mut net = Net::new();
        let (req, one, two) = (net.socket(Req), net.socket(Dealer), net.socket(Dealer));
        let (_, at_one) = net.join(req, one);
        net.join(req, two);
        net.send(req, &[b"x"]).unwrap();
        assert_eq!(net.drain(one), ["|x"]);
        net.disconnect(one, at_one);
        net.send(two, &[b"", b"instead"]).unwrap();
        assert_eq!(net.drain(req), ["instead"]);
    }

    #[test]
    fn late_replies_are_flushed_by_the_next_request() {
        let mut net = Net::new();
        let (req, router) = pair(&mut net);
        net.set(req, ReqRelaxed(true)).unwrap();
        net.send(req, &[b"1"]).unwrap();
        net.send(router, &[b"q", b"", b"late"]).unwrap();
        assert!(net.ready(req).readable);
        net.send(req, &[b"2"]).unwrap();
        assert_eq!(net.recv(req), Err(Error::Again));
        net.send(router, &[b"q", b"", b"in time"]).unwrap();
        assert_eq!(net.drain(req), ["in time"]);
    }

    #[test]
    fn correlated_replies_carry_the_id_of_the_request() {
        let mut net = Net::new();
        let (req, router) = pair(&mut net);
        net.set(req, ReqRelaxed(true)).unwrap();
        net.set(req, ReqCorrelate(true)).unwrap();
        net.send(req, &[b"1"]).unwrap();
        net.send(req, &[b"2"]).unwrap();
        let first = net.recv(router).unwrap();
        let second = net.recv(router).unwrap();
        assert_eq!((&first[2][..], &first[3][..]), (&b""[..], &b"1"[..]));
        let number = |id: &[u8]| u32::from_ne_bytes(id.try_into().unwrap());
        assert_eq!(number(&first[1]).wrapping_add(1), number(&second[1]));
        for garbage in [
            &[&b"q"[..], b"", b"no id"][..],
            &[b"q", &first[1], b"", b"late"],
            &[b"q", &second[1], b"no delimiter", b"x"],
            &[b"q", &second[1], b""],
            &[b"q", &second[1]],
            &[b"q", b"longer", b"", b"x"],
        ] {
            net.send(router, garbage).unwrap();
            assert_eq!(net.recv(req), Err(Error::Again));
        }
        net.send(router, &[b"q", &second[1], b"", b"fits", b"!"]).unwrap();
        assert_eq!(net.drain(req), ["fits|!"]);
    }

    #[test]
    fn a_full_peer_takes_no_request() {
        let mut net = Net::new();
        let (req, router) = (net.socket(Req), net.socket(Router));
        net.join_with(req, router, Join { there: 1, ..Join::default() });
        net.set(req, ReqRelaxed(true)).unwrap();
        net.send(req, &[b"1"]).unwrap();
        assert_eq!(net.send(req, &[b"2"]), Err(Error::Again));
        net.recv(router).unwrap();
        assert_eq!(net.send(req, &[b"2"]), Ok(()));
    }
}
