//! Why a connection ended: one variant per cause, small and `Copy`.

use std::fmt;

/// The peer broke the protocol, or the handshake ended in a refusal. Always the end of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The peer uses another security mechanism.
    MechanismMismatch,
    /// The peer speaks ZMTP 1.0 or 2.0, which the own settings exclude.
    OldVersion,
    /// A handshake command of more than 64 KiB.
    HandshakeTooLong,
    /// A frame that is not the command expected at this point of the handshake.
    UnexpectedCommand,
    /// An ERROR command whose reason does not fill it.
    MalformedError,
    /// The peer refused us with ERROR; the ZAP status, if the reason was one.
    Refused(Option<u16>),
    /// A property list that ends within a property.
    InvalidMetadata,
    /// The peer's socket type is unknown or does not fit ours.
    SocketTypeMismatch,
    /// The peer's routing id has more than 255 bytes.
    RoutingIdTooLong,
    /// A frame with more bytes than `ZMQ_MAXMSGSIZE` allows.
    FrameTooLong,
    /// A frame of 2^63 bytes or more.
    LengthOutOfRange,
    /// A ZMTP 1.0 frame of length 0, which has no room for its flags.
    ZeroLength,
    /// A PING without its time-to-live.
    ShortPing,
    /// A JOIN or LEAVE, or a message for a DISH, whose group has more than 255 bytes.
    GroupTooLong,
    /// A message for a REQ without the envelope of a reply.
    ReplyEnvelope,
    /// A message for a DISH that is not a group and one body.
    GroupEnvelope,
}

impl ProtocolError {
    /// The `ZMQ_PROTOCOL_ERROR_*` value of the `HANDSHAKE_FAILED_PROTOCOL` event, where there is to be one.
    pub const fn event_code(self) -> Option<u32> {
        match self {
            Self::MechanismMismatch => Some(0x1100_0002),
            Self::UnexpectedCommand => Some(0x1000_0001),
            Self::MalformedError => Some(0x1000_0015),
            _ => None,
        }
    }

    /// The status (300, 400 or 500) of the `HANDSHAKE_FAILED_AUTH` event, where there is to be one.
    pub const fn auth_status(self) -> Option<u16> {
        match self {
            Self::Refused(status) => status,
            _ => None,
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MechanismMismatch => "the peer uses another security mechanism",
            Self::OldVersion => "the peer speaks ZMTP 1.0 or 2.0, which the settings of this socket exclude",
            Self::HandshakeTooLong => "a handshake command has more than 64 KiB",
            Self::UnexpectedCommand => "the peer sent an unexpected command during the handshake",
            Self::MalformedError => "the peer sent a malformed ERROR command",
            Self::Refused(Some(status)) => {
                return write!(f, "the peer refused the connection with status {status}");
            }
            Self::Refused(None) => "the peer refused the connection",
            Self::InvalidMetadata => "the properties of the peer's handshake are malformed",
            Self::SocketTypeMismatch => "the peer's socket type does not fit",
            Self::RoutingIdTooLong => "the peer's routing id has more than 255 bytes",
            Self::FrameTooLong => "a frame is larger than the limit of this socket",
            Self::LengthOutOfRange => "a frame announces 2^63 bytes or more",
            Self::ZeroLength => "a ZMTP 1.0 frame has length 0",
            Self::ShortPing => "a PING lacks its time-to-live",
            Self::GroupTooLong => "a group name has more than 255 bytes",
            Self::ReplyEnvelope => "a message for a REQ socket lacks the envelope of a reply",
            Self::GroupEnvelope => "a message for a DISH socket is not a group followed by one body",
        })
    }
}

impl std::error::Error for ProtocolError {}

/// A time limit that the peer let pass. The connection ends; a connecting side tries again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expired {
    /// Greeting and handshake took longer than `ZMQ_HANDSHAKE_IVL`.
    Handshake,
    /// Nothing came after our PING, or for the time-to-live of the peer's last PING.
    Heartbeat,
}

impl fmt::Display for Expired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => "the handshake took too long",
            Self::Heartbeat => "the peer was silent for too long",
        })
    }
}

impl std::error::Error for Expired {}
