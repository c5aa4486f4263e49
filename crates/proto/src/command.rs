//! Commands: `name-len:u8 name data` in the body of a frame (RFC 37, commands).

use std::ops::Deref;

use crate::frame::COMMAND;

/// What an outbound frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FrameKind {
    /// A frame of a message.
    Message,
    /// A subscription; the body is the topic.
    Subscribe,
    /// The end of a subscription; the body is the topic.
    Cancel,
    /// The joining of a group; the body is its name.
    Join,
    /// The leaving of a group; the body is its name.
    Leave,
}

impl FrameKind {
    /// The start of the body of the command that says this.
    pub(crate) const fn command_prefix(self) -> &'static [u8] {
        match self {
            Self::Message => b"",
            Self::Subscribe => b"\x09SUBSCRIBE",
            Self::Cancel => b"\x06CANCEL",
            Self::Join => b"\x04JOIN",
            Self::Leave => b"\x05LEAVE",
        }
    }

    /// The start of the body of the message that says this to a peer older than ZMTP 3.1; `None` if there is none.
    pub(crate) const fn message_prefix(self) -> Option<&'static [u8]> {
        match self {
            Self::Message => Some(b""),
            Self::Subscribe => Some(b"\x01"),
            Self::Cancel => Some(b"\x00"),
            Self::Join | Self::Leave => None,
        }
    }
}

/// What a command that came in means for its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// Nothing is to be done.
    Ignore,
    /// A PING, to be answered with these bytes.
    Pong(ControlFrame),
    /// The peer subscribes to this topic.
    Subscribe(&'a [u8]),
    /// The peer no longer subscribes to this topic.
    Cancel(&'a [u8]),
    /// The peer joins this group.
    Join(&'a [u8]),
    /// The peer leaves this group.
    Leave(&'a [u8]),
}

/// The name and the data of a command; `None` if the body is shorter than its name or has none.
pub(crate) fn split(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = body.split_first()?;
    rest.split_at_checked(usize::from(*len))
}

/// The wire bytes of a PING or PONG, held inline so that a connection needs no queue for them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ControlFrame {
    len: u8,
    bytes: [u8; Self::CAPACITY],
}

impl ControlFrame {
    /// The most bytes that one can have.
    pub const CAPACITY: usize = 32;

    /// A PING without context (RFC 37); `ttl` in tenths of a second.
    pub(crate) fn ping(ttl: u16) -> Self {
        Self::new(b"\x04PING", &ttl.to_be_bytes())
    }

    /// The answer to a PING with this context, of which the first 16 bytes count.
    pub(crate) fn pong(context: &[u8]) -> Self {
        Self::new(b"\x04PONG", context.get(..16).unwrap_or(context))
    }

    /// `name` has 5 bytes, `data` at most 16.
    fn new(name: &[u8; 5], data: &[u8]) -> Self {
        let mut frame = Self { len: 0, bytes: [0; Self::CAPACITY] };
        let size = u8::try_from(name.len().saturating_add(data.len())).unwrap_or(u8::MAX);
        for (to, from) in frame.bytes.iter_mut().zip([COMMAND, size].iter().chain(name).chain(data)) {
            *to = *from;
        }
        frame.len = size.saturating_add(2);
        frame
    }
}

impl Deref for ControlFrame {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&self.bytes)
    }
}

impl std::fmt::Debug for ControlFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ControlFrame({:02X?})", &**self)
    }
}
