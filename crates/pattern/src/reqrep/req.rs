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
