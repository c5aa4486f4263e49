//! Plain input: frames are validated where they lie, once, before anybody else looks at them.
//!
//! The caller keeps a buffer that starts with an unfinished message and hands over the part behind what was scanned
//! before. The scanner names the stretch that it has validated, the caller moves on by as much, and calls again until
//! nothing more is to be had. The stretches lie end to end; they are cut at message boundaries, around commands, and
//! before a frame whose body is not all there.

use ferrozmq_base::SocketType;

use crate::{
    envelope::Envelope,
    error::ProtocolError,
    frame::{COMMAND, Header, LONG, MORE, check_size, read_v2},
};

/// What lies at the start of the bytes that were handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Less than a header, or a short frame (2 bytes of header) without all of its body: more bytes are needed.
    Incomplete,
    /// Whole frames, the last of which ends a message.
    Messages {
        /// Their bytes.
        len: usize,
        /// The messages that end here; the first may have begun before these bytes.
        count: usize,
    },
    /// Whole frames of a message that goes on after them.
    Frames {
        /// Their bytes.
        len: usize,
    },
    /// A whole command frame. The place in a message does not change.
    Command {
        /// The bytes of its header.
        header: usize,
        /// The bytes of its body.
        body: usize,
    },
    /// A frame with a long header (9 bytes) and not all of its body. The caller either waits until the frame lies in
    /// the buffer and scans it again, or reads the body elsewhere and calls [`Scanner::take_large`].
    Large {
        /// The bytes of its header.
        header: usize,
        /// The bytes of its body; within the limit, but announced only.
        body: u64,
        /// Whether more frames of the message follow.
        more: bool,
        /// Whether it is a command.
        command: bool,
    },
}

/// Validates the frames of one connection in the framing of ZMTP 2 and 3.
///
/// After an error every call returns it again. Frames before the bad one are reported first.
#[derive(Debug)]
pub struct Scanner {
    limit: u64,
    /// The largest short body, for the comparison in the inner loop.
    short_limit: u8,
    envelope: Envelope,
    large: Option<Envelope>,
    failed: Option<ProtocolError>,
}

/// The frames that were passed over: what is left behind them, and what is left behind the last whole message.
struct Passed<'a> {
    rest: &'a [u8],
    after_message: &'a [u8],
    messages: usize,
    envelope: Envelope,
}

impl Scanner {
    /// A scanner for a socket of this type that takes bodies of at most `max_body` bytes.
    pub fn new(socket_type: SocketType, max_body: Option<u64>) -> Self {
        let limit = max_body.unwrap_or(u64::MAX);
        Self {
            limit,
            short_limit: u8::try_from(limit).unwrap_or(u8::MAX),
            envelope: Envelope::new(socket_type),
            large: None,
            failed: None,
        }
    }

    /// Says what `unscanned` begins with. `unscanned` follows what the last call passed over.
    pub fn next(&mut self, unscanned: &[u8]) -> Result<Step, ProtocolError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let passed = match self.envelope {
            Envelope::Free => self.pass_free(unscanned),
            _ => self.pass_checked(unscanned),
        };
        let step = if passed.messages > 0 {
            // What follows the last boundary is scanned again, from the start of its message.
            self.envelope = self.envelope.restart();
            Step::Messages { len: distance(unscanned, passed.after_message), count: passed.messages }
        } else if passed.rest.len() < unscanned.len() {
            self.envelope = passed.envelope;
            Step::Frames { len: distance(unscanned, passed.rest) }
        } else {
            self.first(unscanned).inspect_err(|error| self.failed = Some(*error))?
        };
        Ok(step)
    }

    /// Goes on behind the frame that was last reported as [`Step::Large`], whose bytes the caller takes care of.
    pub fn take_large(&mut self) {
        if let Some(envelope) = self.large.take() {
            self.envelope = envelope;
        }
    }

    /// Passes over whole message frames, for types that take any message.
    #[inline]
    fn pass_free<'a>(&self, bytes: &'a [u8]) -> Passed<'a> {
        let (mut rest, mut after_message, mut messages) = (bytes, bytes, 0_usize);
        loop {
            if let [flags, size, body @ ..] = rest
                && flags & (LONG | COMMAND) == 0
                && *size <= self.short_limit
                && let Some(next) = body.get(usize::from(*size)..)
            {
                rest = next;
                if flags & MORE == 0 {
                    after_message = next;
                    messages = messages.wrapping_add(1);
                }
            } else if let Some((_, more, next)) = self.whole_message_frame(rest) {
                rest = next;
                if !more {
                    after_message = next;
                    messages = messages.wrapping_add(1);
                }
            } else {
                return Passed { rest, after_message, messages, envelope: Envelope::Free };
            }
        }
    }

    /// Passes over whole message frames as long as they are what REQ or DISH takes.
    fn pass_checked<'a>(&self, bytes: &'a [u8]) -> Passed<'a> {
        let mut passed = Passed { rest: bytes, after_message: bytes, messages: 0, envelope: self.envelope };
        while let Some((body, more, next)) = self.whole_message_frame(passed.rest)
            && let Ok(envelope) = passed.envelope.after(body, more)
        {
            passed.envelope = envelope;
            passed.rest = next;
            if !more {
                passed.after_message = next;
                passed.messages = passed.messages.wrapping_add(1);
            }
        }
        passed
    }

    /// Size of the body, MORE, and what follows, if a whole and admissible message frame is at the start.
    #[inline]
    fn whole_message_frame<'a>(&self, bytes: &'a [u8]) -> Option<(u64, bool, &'a [u8])> {
        let header = read_v2(bytes).filter(|header| !header.command)?;
        check_size(header.body, self.limit).ok()?;
        Some((header.body, header.more, after_frame(bytes, &header)?))
    }

    /// What the first frame is, if it is not a whole and admissible message frame.
    #[cold]
    fn first(&mut self, bytes: &[u8]) -> Result<Step, ProtocolError> {
        let Some(header) = read_v2(bytes) else { return Ok(Step::Incomplete) };
        check_size(header.body, self.limit)?;
        let Header { len, body, more, command } = header;
        let envelope = if command { self.envelope } else { self.envelope.after(body, more)? };
        if let (true, Some(rest)) = (command, after_frame(bytes, &header)) {
            return Ok(Step::Command { header: len, body: distance(bytes, rest).saturating_sub(len) });
        }
        if len == 2 {
            return Ok(Step::Incomplete);
        }
        self.large = Some(envelope);
        Ok(Step::Large { header: len, body, more, command })
    }
}

/// What follows the frame with this header, if all of it is there.
#[inline]
fn after_frame<'a>(bytes: &'a [u8], header: &Header) -> Option<&'a [u8]> {
    bytes.get(header.len..)?.get(usize::try_from(header.body).ok()?..)
}

/// The bytes between the start of `from` and the start of its tail `to`.
#[inline]
fn distance(from: &[u8], to: &[u8]) -> usize {
    from.len().saturating_sub(to.len())
}

#[cfg(test)]
mod tests;
