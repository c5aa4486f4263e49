//! How a session turns records into wire bytes and back, where they are not the same: the protocol engine, or no
//! framing at all on a raw connection (STREAM).

use ferrozmq_base::Kind;
use ferrozmq_proto::{Engine, FrameKind, ProtocolError};

/// See the module.
#[derive(Debug)]
pub(crate) enum Codec {
    Zmtp(Box<Engine>),
    Raw,
}

/// What lies at the start of some input.
#[derive(Debug)]
pub(crate) enum Decoded<'a> {
    /// Not a whole frame; its total length, if it is known.
    Incomplete { needed: Option<u64> },
    /// A frame of a message.
    Frame { consumed: usize, more: bool, body: &'a [u8] },
    /// A command.
    Command { consumed: usize, body: &'a [u8] },
}

impl Codec {
    /// Appends the wire bytes of one frame.
    pub(crate) fn encode(&mut self, kind: Kind, more: bool, body: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Zmtp(engine) => engine.encode(frame_kind(kind), more, body, out),
            Self::Raw => out.extend_from_slice(body),
        }
    }

    /// Appends control frames, which are given as they cross the wire in the clear.
    pub(crate) fn encode_control(&mut self, frames: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Zmtp(engine) => engine.encode_control(frames, out),
            Self::Raw => {}
        }
    }

    /// Finds the frame at the start of the input. Its body lies in the input, at the end of the frame.
    pub(crate) fn decode<'a>(&mut self, input: &'a mut [u8]) -> Result<Decoded<'a>, ProtocolError> {
        match self {
            Self::Zmtp(engine) => Ok(match engine.decode(input)? {
                ferrozmq_proto::Decoded::Incomplete { needed_total } => {
                    Decoded::Incomplete { needed: needed_total }
                }
                ferrozmq_proto::Decoded::Frame { consumed, more, command, body } => {
                    if command {
                        Decoded::Command { consumed, body }
                    } else {
                        Decoded::Frame { consumed, more, body }
                    }
                }
            }),
            Self::Raw if input.is_empty() => Ok(Decoded::Incomplete { needed: None }),
            Self::Raw => Ok(Decoded::Frame { consumed: input.len(), more: false, body: input }),
        }
    }

    /// The engine, unless the connection is raw.
    pub(crate) fn engine(&mut self) -> Option<&mut Engine> {
        match self {
            Self::Zmtp(engine) => Some(engine),
            Self::Raw => None,
        }
    }
}

fn frame_kind(kind: Kind) -> FrameKind {
    match kind {
        Kind::Message => FrameKind::Message,
        Kind::Subscribe => FrameKind::Subscribe,
        Kind::Cancel => FrameKind::Cancel,
        Kind::Join => FrameKind::Join,
        Kind::Leave => FrameKind::Leave,
    }
}
