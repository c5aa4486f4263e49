//! The traffic of a CURVE connection: every frame becomes a MESSAGE (RFC 26).
//!
//! `07 "MESSAGE" counter:be64 box(flags:u8 body)`, in a frame whose own flags say nothing of the message.

use super::sealed::{self, BoxKey, TAG_BYTES};
use crate::{
    command,
    error::{Malformed, ProtocolError},
    frame::{self, COMMAND, Framing, MORE},
};

const FROM_CLIENT: &[u8; 16] = b"CurveZMQMESSAGEC";
const FROM_SERVER: &[u8; 16] = b"CurveZMQMESSAGES";
const NAME: &[u8] = b"\x07MESSAGE";
/// What a frame is longer than its body: name, counter, tag and flags.
const OVERHEAD: u64 = 33;
/// The same with the longest header of a frame.
const FRAME_OVERHEAD: usize = 42;
const _: () = assert!(OVERHEAD + 9 == FRAME_OVERHEAD as u64);

/// Which side of a connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// The key of a connection, and how far its counters are.
pub(crate) struct Cipher {
    key: BoxKey,
    role: Role,
    /// The counter of the last box that was sent, and the highest of those received.
    sent: u64,
    received: u64,
}

/// A frame that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opened<'a> {
    pub(crate) more: bool,
    pub(crate) command: bool,
    pub(crate) body: &'a [u8],
}

impl Cipher {
    /// `sent` and `received`: the counters after the handshake.
    pub(super) fn new(key: BoxKey, role: Role, sent: u64, received: u64) -> Self {
        Self { key, role, sent, received }
    }

    /// Appends the frame of a body that is given in two parts.
    pub(crate) fn seal(&mut self, more: bool, command: bool, prefix: &[u8], body: &[u8], out: &mut Vec<u8>) {
        let size = (prefix.len() as u64).saturating_add(body.len() as u64).saturating_add(OVERHEAD);
        out.reserve(prefix.len().saturating_add(body.len()).saturating_add(FRAME_OVERHEAD));
        frame::put_header(Framing::V2, false, false, size, out);
        self.sent = self.sent.saturating_add(1);
        out.extend_from_slice(NAME);
        out.extend_from_slice(&self.sent.to_be_bytes());
        let start = out.len();
        out.extend_from_slice(&[0; TAG_BYTES]);
        out.push(if more { MORE } else { 0 } | if command { COMMAND_INSIDE } else { 0 });
        out.extend_from_slice(prefix);
        out.extend_from_slice(body);
        let purpose = if self.role == Role::Client { FROM_CLIENT } else { FROM_SERVER };
        sealed::close(&self.key, &sealed::counted(purpose, self.sent), out, start);
    }

    /// Opens the body of a frame where it lies.
    pub(crate) fn open<'a>(&mut self, body: &'a mut [u8]) -> Result<Opened<'a>, ProtocolError> {
        if !matches!(command::split(body), Some((b"MESSAGE", _))) {
            return Err(ProtocolError::UnexpectedCommand);
        }
        let malformed = ProtocolError::Malformed(Malformed::Message);
        if (body.len() as u64) < OVERHEAD {
            return Err(malformed);
        }
        let (counter, sealed) =
            body.get_mut(NAME.len()..).and_then(|rest| rest.split_first_chunk_mut::<8>()).ok_or(malformed)?;
        let counter = u64::from_be_bytes(*counter);
        if counter <= self.received {
            return Err(ProtocolError::Sequence);
        }
        let purpose = if self.role == Role::Client { FROM_SERVER } else { FROM_CLIENT };
        let plain = sealed::open(&self.key, &sealed::counted(purpose, counter), sealed)?;
        // Only now: a forged counter moves nothing.
        self.received = counter;
        let (flags, body) = plain.split_first().ok_or(malformed)?;
        Ok(Opened { more: flags & MORE != 0, command: flags & COMMAND_INSIDE != 0, body })
    }
}

/// The flag of a command inside a box: not the one of the framing.
const COMMAND_INSIDE: u8 = 2;
const _: () = assert!(COMMAND_INSIDE != COMMAND);

impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cipher")
            .field("role", &self.role)
            .field("sent", &self.sent)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}
