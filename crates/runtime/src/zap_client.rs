//! Questions about peers, to the application's own handler (RFC 27).
//!
//! The handler is a REP or ROUTER socket of the same context bound at [`HANDLER`]. Each question has a hidden REQ socket
//! of its own, which lives as long as the question; its mail wakes the session that asked.

use std::sync::Arc;

use ferrozmq_base::{Error, Msg, Result, SocketType, sync::lock};
use ferrozmq_proto::{
    ProtocolError,
    zap::{Reply, Request},
};

use crate::{context::Shared, io_thread::Io, port::Relay, socket::SocketCore};

/// Where the handler listens.
const HANDLER: &str = "inproc://zeromq.zap.01";
/// The most frames that an answer may have before the rest is not kept.
const FRAMES: usize = 7;

/// A question under way.
#[derive(Debug)]
pub(crate) struct Question {
    socket: SocketCore,
    frames: Vec<Vec<u8>>,
}

impl Question {
    /// Asks on behalf of a session, which is sent a command when there is something to read; none: nobody listens.
    pub(crate) fn ask(
        shared: &Arc<Shared>,
        io: &Arc<Io>,
        session: u64,
        request: &Request<'_>,
    ) -> Result<Option<Self>> {
        if lock(&shared.registry).bound(HANDLER).is_none() {
            return Ok(None);
        }
        let mut socket = shared.hidden_socket(SocketType::Req)?;
        socket.relay_mail(Relay::Session(io.clone(), session));
        let options = socket.options_mut();
        // Nobody waits here, so nothing may be refused.
        (options.send_hwm, options.receive_hwm) = (0, 0);
        socket.connect(HANDLER).map_err(|e| e.error())?;
        let frames = request.frames();
        let last = frames.len().saturating_sub(1);
        for (i, frame) in frames.iter().enumerate() {
            socket.try_send(&mut Msg::copy_from(frame)?, i < last)?;
        }
        Ok(Some(Self { socket, frames: Vec::new() }))
    }

    /// The answer, if it is there.
    ///
    /// # Errors
    /// The answer is malformed, or the handler is gone.
    pub(crate) fn reply(&mut self) -> std::result::Result<Option<Reply>, ProtocolError> {
        let mut m = Msg::new();
        loop {
            match self.socket.try_recv(&mut m) {
                Ok(()) => {}
                Err(Error::Again) if self.socket.peers() > 0 => return Ok(None),
                Err(_) => return Err(ProtocolError::ZapUnavailable),
            }
            if self.frames.len() < FRAMES {
                self.frames.push(m.as_slice().to_vec());
            }
            if !self.socket.receives_more() {
                return Reply::read(&self.frames).map(Some);
            }
        }
    }
}
