//! What the session of a REQ or a DISH demands of the frames of every message it receives.
//!
//! REQ (RFC 28): an empty frame, or a request id of 4 bytes and an empty frame, then the body. DISH (RFC 48): a group
//! and one body. A peer that sends anything else is cut off, so that the socket itself never sees it.

use ferrozmq_base::SocketType;

use crate::error::ProtocolError;

/// The longest group name.
pub(crate) const GROUP_LIMIT: u64 = 255;

/// Where in a message the next frame belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Envelope {
    /// The type takes any message.
    Free,
    /// REQ, at the first frame.
    ReplyStart,
    /// REQ, after a request id.
    ReplyDelimiter,
    /// REQ, after the delimiter.
    ReplyBody,
    /// DISH, at the first frame.
    Group,
    /// DISH, after the group.
    GroupBody,
}

impl Envelope {
    /// The state before the first message for a socket of this type.
    pub(crate) const fn new(socket_type: SocketType) -> Self {
        match socket_type {
            SocketType::Req => Self::ReplyStart,
            SocketType::Dish => Self::Group,
            _ => Self::Free,
        }
    }

    /// The state after a frame with `body` bytes.
    pub(crate) const fn after(self, body: u64, more: bool) -> Result<Self, ProtocolError> {
        match (self, body, more) {
            (Self::Free, ..) => Ok(Self::Free),
            (Self::ReplyStart, 4, true) => Ok(Self::ReplyDelimiter),
            (Self::ReplyStart | Self::ReplyDelimiter, 0, true) | (Self::ReplyBody, _, true) => {
                Ok(Self::ReplyBody)
            }
            (Self::ReplyBody, _, false) => Ok(Self::ReplyStart),
            (Self::ReplyStart | Self::ReplyDelimiter, ..) => Err(ProtocolError::ReplyEnvelope),
            (Self::Group, ..) if body > GROUP_LIMIT => Err(ProtocolError::GroupTooLong),
            (Self::Group, _, true) => Ok(Self::GroupBody),
            (Self::GroupBody, _, false) => Ok(Self::Group),
            (Self::Group | Self::GroupBody, ..) => Err(ProtocolError::GroupEnvelope),
        }
    }

    /// The state at the start of a message.
    pub(crate) const fn restart(self) -> Self {
        match self {
            Self::Free => Self::Free,
            Self::ReplyStart | Self::ReplyDelimiter | Self::ReplyBody => Self::ReplyStart,
            Self::Group | Self::GroupBody => Self::Group,
        }
    }
}
