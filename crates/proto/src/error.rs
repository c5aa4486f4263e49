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
    /// What the peer says first is no greeting of ZMTP, of any version.
    NotZmtp,
    /// The greeting does not name a security mechanism.
    NoMechanism,
    /// A handshake command of more than 24 KiB.
    HandshakeTooLong,
    /// A frame while it was the other side's turn.
    OutOfTurn,
    /// A command of the handshake that is too short, too long or not consistent.
    Malformed(Malformed),
    /// A box that does not open: another key, or a forgery.
    Cryptographic,
    /// A client's first box does not open: it was given another server key.
    ServerKey,
    /// A client that vouches for the key of another connection, or to another server.
    KeyExchange,
    /// A message that was sent already, or that comes out of order.
    Sequence,
    /// The properties in the server's READY are malformed.
    ReadyMetadata,
    /// The socket type in the server's READY does not fit.
    ReadySocketType,
    /// The answer about a peer does not have the frames of RFC 27.
    ZapMalformed,
    /// The answer about a peer does not begin with an empty frame.
    ZapDelimiter,
    /// The answer about a peer has another version than 1.0.
    ZapVersion,
    /// The answer about a peer answers another question.
    ZapRequestId,
    /// The answer about a peer has a status that does not exist.
    ZapStatus,
    /// The properties in the answer about a peer are malformed.
    ZapMetadata,
    /// Nobody is there who could judge a peer.
    ZapUnavailable,
    /// A frame that is not the command expected at this point of the handshake.
    UnexpectedCommand,
    /// An ERROR command whose reason does not fill it.
    MalformedError,
    /// The peer refused us with ERROR; the ZAP status, if the reason was one.
    Refused(Option<u16>),
    /// A property list that ends within a property, or has more than are kept of one peer.
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
    /// Subscriptions that take more memory than a publisher has for one peer.
    SubscribesTooMuch,
}

/// A command that can be malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Malformed {
    /// One without a name.
    Unspecified,
    /// MESSAGE.
    Message,
    /// HELLO.
    Hello,
    /// INITIATE.
    Initiate,
    /// READY.
    Ready,
    /// WELCOME.
    Welcome,
}

impl Malformed {
    const fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "command",
            Self::Message => "MESSAGE",
            Self::Hello => "HELLO",
            Self::Initiate => "INITIATE",
            Self::Ready => "READY",
            Self::Welcome => "WELCOME",
        }
    }

    const fn event_code(self) -> u32 {
        match self {
            Self::Unspecified => 0x1000_0011,
            Self::Message => 0x1000_0012,
            Self::Hello => 0x1000_0013,
            Self::Initiate => 0x1000_0014,
            Self::Ready => 0x1000_0016,
            Self::Welcome => 0x1000_0017,
        }
    }
}

impl ProtocolError {
    /// The `ZMQ_PROTOCOL_ERROR_*` value of the `HANDSHAKE_FAILED_PROTOCOL` event, where there is to be one.
    pub const fn event_code(self) -> Option<u32> {
        match self {
            Self::MechanismMismatch | Self::NoMechanism => Some(0x1100_0002),
            Self::UnexpectedCommand => Some(0x1000_0001),
            Self::MalformedError => Some(0x1000_0015),
            Self::OutOfTurn => Some(0x1000_0000),
            Self::Sequence => Some(0x1000_0002),
            Self::KeyExchange => Some(0x1000_0003),
            Self::Malformed(which) => Some(which.event_code()),
            Self::ReadyMetadata | Self::ReadySocketType => Some(0x1000_0018),
            Self::Cryptographic | Self::ServerKey => Some(0x1100_0001),
            Self::ZapDelimiter => Some(0x2000_0000),
            Self::ZapMalformed => Some(0x2000_0001),
            Self::ZapRequestId => Some(0x2000_0002),
            Self::ZapVersion => Some(0x2000_0003),
            Self::ZapStatus => Some(0x2000_0004),
            Self::ZapMetadata => Some(0x2000_0005),
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
            Self::NotZmtp => "what the peer says first is no greeting of ZMTP",
            Self::NoMechanism => "the peer's greeting does not name a security mechanism",
            Self::HandshakeTooLong => "a handshake command has more than 24 KiB",
            Self::OutOfTurn => "the peer sent a frame while it was our turn",
            Self::Malformed(which) => return write!(f, "the peer sent a malformed {}", which.name()),
            Self::Cryptographic => "a box of the peer does not open: another key, or a forgery",
            Self::ServerKey => "the client was given another server key",
            Self::KeyExchange => "the peer vouches for another connection or to another server",
            Self::Sequence => "the peer sent a message again or out of order",
            Self::ReadyMetadata => "the properties of the server are malformed",
            Self::ReadySocketType => "the server's socket type does not fit",
            Self::ZapMalformed => "the answer of the ZAP handler does not have 6 frames",
            Self::ZapDelimiter => "the answer of the ZAP handler does not begin with an empty frame",
            Self::ZapVersion => "the answer of the ZAP handler has another version than 1.0",
            Self::ZapRequestId => "the answer of the ZAP handler is for another request",
            Self::ZapStatus => "the status of the ZAP handler's answer is not 200, 300, 400 or 500",
            Self::ZapMetadata => "the properties in the ZAP handler's answer are malformed",
            Self::ZapUnavailable => "no ZAP handler is bound to inproc://zeromq.zap.01",
            Self::UnexpectedCommand => "the peer sent an unexpected command during the handshake",
            Self::MalformedError => "the peer sent a malformed ERROR command",
            Self::Refused(Some(status)) => {
                return write!(f, "the peer refused the connection with status {status}");
            }
            Self::Refused(None) => "the peer refused the connection",
            Self::InvalidMetadata => "the properties of the peer's handshake are malformed, or too many",
            Self::SocketTypeMismatch => "the peer's socket type does not fit",
            Self::RoutingIdTooLong => "the peer's routing id has more than 255 bytes",
            Self::FrameTooLong => "a frame is larger than the limit of this socket",
            Self::LengthOutOfRange => "a frame announces 2^63 bytes or more",
            Self::ZeroLength => "a ZMTP 1.0 frame has length 0",
            Self::ShortPing => "a PING lacks its time-to-live",
            Self::GroupTooLong => "a group name has more than 255 bytes",
            Self::ReplyEnvelope => "a message for a REQ socket lacks the envelope of a reply",
            Self::SubscribesTooMuch => "the peer subscribes to more than it may",
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
