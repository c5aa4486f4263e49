//! Questions about peers, to the application's own handler (RFC 27).
//!
//! The handler is a REP or ROUTER socket of the same context bound at [`HANDLER`]. Each question stands in [line](line)
//! until its turn comes, and has a hidden DEALER socket of its own from then on, whose mail wakes the session that asked:
//! a REQ would pass over an answer without its delimiter, and nobody would hear of the handler's mistake. The socket
//! lives no longer than that session wants to know: a question that the handler has not begun to read is taken back.

mod line;

use std::sync::Arc;

use ferrozmq_base::{Error, Msg, Result, SocketType, content::Content, sync::lock};
use ferrozmq_proto::{
    ProtocolError,
    zap::{Reply, Request},
};

pub(crate) use self::line::{Line, Ticket};
use crate::{
    context::Shared,
    io_thread::Io,
    port::{Event, Far, Relay},
    socket::SocketCore,
};

/// Where the handler listens.
const HANDLER: &str = "inproc://zeromq.zap.01";
/// The most frames that an answer may have before the rest is not kept.
const FRAMES: usize = 8;

/// A question under way.
#[derive(Debug)]
pub(crate) struct Question {
    io: Arc<Io>,
    session: u64,
    /// Until it is put.
    request: Vec<Msg>,
    /// Until the handler has read it.
    ticket: Option<Ticket>,
    /// Once it is put.
    socket: Option<SocketCore>,
    answer: Vec<Vec<u8>>,
}

impl Question {
    /// A question of this session, which is sent a command when there is something to do; none: nobody listens.
    pub(crate) fn ask(
        shared: &Arc<Shared>,
        io: &Arc<Io>,
        session: u64,
        request: &Request<'_>,
    ) -> Result<Option<Self>> {
        if lock(&shared.registry).bound(HANDLER).is_none() {
            return Ok(None);
        }
        // What a peer gave as its password is overwritten when the handler closes the message.
        let frames =
            request.frames().into_iter().map(|frame| Content::from_owner(frame).map(Msg::from_content));
        let request = frames.collect::<Result<_, _>>()?;
        let ticket = Some(shared.questions.enter(io, session));
        Ok(Some(Self { io: io.clone(), session, request, ticket, socket: None, answer: Vec::new() }))
    }

    /// Whether the handler has more to read than it gets, and has not been given this one.
    pub(crate) fn is_waiting(&self) -> bool {
        self.socket.is_none()
    }

    /// Puts the question when its turn has come, and looks for the answer.
    ///
    /// # Errors
    /// The answer is malformed, or the handler is gone.
    pub(crate) fn proceed(
        &mut self,
        shared: &Arc<Shared>,
    ) -> std::result::Result<Option<Reply>, ProtocolError> {
        if self.socket.is_none() {
            if !self.ticket.as_ref().is_some_and(Ticket::is_called) {
                return Ok(None);
            }
            self.put(shared).map_err(|_| ProtocolError::ZapUnavailable)?;
        }
        if self.ticket.is_some() && self.socket.as_mut().is_some_and(was_read) {
            self.ticket = None;
        }
        self.reply()
    }

    fn put(&mut self, shared: &Arc<Shared>) -> Result<()> {
        if lock(&shared.registry).bound(HANDLER).is_none() {
            return Err(Error::HostUnreachable);
        }
        let mut socket = shared.hidden_socket(SocketType::Dealer)?;
        socket.relay_mail(Relay::Session(self.io.clone(), self.session));
        let options = socket.options_mut();
        // Nobody waits here, so nothing may be refused.
        (options.send_hwm, options.receive_hwm) = (0, 0);
        socket.connect(HANDLER).map_err(|e| e.error())?;
        let pipe = socket.pipe_ids().next();
        if let Some(pipe) = pipe {
            // For the one question there is room, and there is again when it was read.
            socket.pipes.set_hwm(pipe, 1, 0);
        }
        // The delimiter of a REQ.
        socket.try_send(&mut Msg::new(), true)?;
        let last = self.request.len().saturating_sub(1);
        for (i, frame) in self.request.iter_mut().enumerate() {
            socket.try_send(frame, i < last)?;
        }
        self.request = Vec::new();
        self.socket = Some(socket);
        Ok(())
    }

    fn reply(&mut self) -> std::result::Result<Option<Reply>, ProtocolError> {
        let Some(socket) = &mut self.socket else { return Ok(None) };
        let mut m = Msg::new();
        loop {
            match socket.try_recv(&mut m) {
                Ok(()) => {}
                Err(Error::Again) if socket.peers() > 0 => return Ok(None),
                Err(_) => return Err(ProtocolError::ZapUnavailable),
            }
            if self.answer.len() < FRAMES {
                self.answer.push(m.as_slice().to_vec());
            }
            if !socket.receives_more() {
                return read(&self.answer).map(Some);
            }
        }
    }
}

/// Reads an answer, which begins with the delimiter.
fn read(answer: &[Vec<u8>]) -> std::result::Result<Reply, ProtocolError> {
    let (delimiter, frames) = answer.split_first().ok_or(ProtocolError::ZapMalformed)?;
    let reply = Reply::read(frames);
    // Without one, the number of the frames is wrong as well.
    if delimiter.is_empty() || reply == Err(ProtocolError::ZapMalformed) {
        return reply;
    }
    Err(ProtocolError::ZapDelimiter)
}

/// Nobody wants to know any more.
impl Drop for Question {
    fn drop(&mut self) {
        let (Some(ticket), Some(socket)) = (self.ticket.take(), &self.socket) else { return };
        let far = socket.pipe_ids().next().and_then(|pipe| socket.far(pipe));
        if let Some(Far::Inproc { port, far, .. }) = far {
            // The ticket is the handler's to give back: until then what it has not read counts.
            let _ = port.post(Event::Withdrawn(far.clone(), ticket));
        }
    }
}

/// Whether the handler has read the question. If not, the session hears of it when it has.
fn was_read(socket: &mut SocketCore) -> bool {
    let pipe = socket.pipe_ids().next();
    pipe.is_none_or(|pipe| socket.pipes.room(pipe))
}
