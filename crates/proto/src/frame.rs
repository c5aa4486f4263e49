//! Frame headers of the two framings, read and written.
//!
//! - ZMTP 1.0 (RFC 13): `len:u8 (1..254) | FF len:be64`, then `flags:u8`; the length counts the flags byte.
//! - ZMTP 2.0 and later (RFC 15, 23, 37): `flags:u8`, then `size:u8`, or `size:be64` if the LONG flag is set.
//!
//! Lengths stay `u64` until they have been compared with a limit or with the bytes at hand.

use zeroize::Zeroizing;

use crate::error::ProtocolError;

/// More frames of this message follow.
pub(crate) const MORE: u8 = 1;
/// The size has eight bytes.
pub(crate) const LONG: u8 = 2;
/// The frame is a command (ZMTP 3).
pub(crate) const COMMAND: u8 = 4;

/// How frames are delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// RFC 13.
    V1,
    /// RFC 15, 23 and 37.
    V2,
}

/// A frame header that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The bytes of the header itself.
    pub(crate) len: usize,
    pub(crate) body: u64,
    pub(crate) more: bool,
    pub(crate) command: bool,
}

impl Header {
    /// The bytes of header and body.
    pub(crate) fn total(&self) -> u64 {
        self.body.saturating_add(self.len as u64)
    }
}

/// Reads the header at the start of `bytes`; `None` if it is not all there. Sizes are checked against `limit`.
pub(crate) fn read_header(
    framing: Framing,
    bytes: &[u8],
    limit: u64,
) -> Result<Option<Header>, ProtocolError> {
    let header = match framing {
        Framing::V1 => read_v1(bytes)?,
        Framing::V2 => read_v2(bytes),
    };
    if let Some(header) = header {
        check_size(header.body, limit)?;
    }
    Ok(header)
}

fn read_v1(bytes: &[u8]) -> Result<Option<Header>, ProtocolError> {
    let (size, flags, len) = match bytes {
        [0xFF, a, b, c, d, e, f, g, h, flags, ..] => {
            (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), *flags, 10)
        }
        [0xFF, ..] | [] => return Ok(None),
        [0, ..] => return Err(ProtocolError::ZeroLength),
        [size, flags, ..] => (u64::from(*size), *flags, 2),
        [_] => return Ok(None),
    };
    let body = size.checked_sub(1).ok_or(ProtocolError::ZeroLength)?;
    Ok(Some(Header { len, body, more: flags & MORE != 0, command: false }))
}

/// The header of RFC 23 at the start of `bytes`, its size unchecked.
#[inline]
pub(crate) fn read_v2(bytes: &[u8]) -> Option<Header> {
    let (flags, body, len) = match bytes {
        [flags, a, b, c, d, e, f, g, h, ..] if flags & LONG != 0 => {
            (*flags, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 9)
        }
        [flags, size, ..] if flags & LONG == 0 => (*flags, u64::from(*size), 2),
        _ => return None,
    };
    Some(Header { len, body, more: flags & MORE != 0, command: flags & COMMAND != 0 })
}

/// Whether a body of `size` bytes may be received at all.
#[inline]
pub(crate) fn check_size(size: u64, limit: u64) -> Result<(), ProtocolError> {
    if size >> 63 != 0 {
        Err(ProtocolError::LengthOutOfRange)
    } else if size > limit {
        Err(ProtocolError::FrameTooLong)
    } else {
        Ok(())
    }
}

/// Appends the header of a message frame or, in the later framing, of a command.
pub(crate) fn put_header(framing: Framing, more: bool, command: bool, body: u64, out: &mut Vec<u8>) {
    let more = if more { MORE } else { 0 };
    match framing {
        Framing::V1 => {
            let size = body.saturating_add(1);
            match u8::try_from(size) {
                Ok(short) if short < 0xFF => out.push(short),
                _ => {
                    out.push(0xFF);
                    out.extend_from_slice(&size.to_be_bytes());
                }
            }
            out.push(more);
        }
        Framing::V2 => {
            let flags = more | if command { COMMAND } else { 0 };
            match u8::try_from(body) {
                Ok(short) => out.extend_from_slice(&[flags, short]),
                Err(_) => {
                    out.push(flags | LONG);
                    out.extend_from_slice(&body.to_be_bytes());
                }
            }
        }
    }
}

/// Moves bytes from `input` to `buffer` until it holds `target`; whether it does.
pub(crate) fn fill(buffer: &mut Vec<u8>, target: usize, input: &mut &[u8]) -> bool {
    let missing = target.saturating_sub(buffer.len());
    let (taken, rest) = input.split_at_checked(missing).unwrap_or((input, &[]));
    buffer.extend_from_slice(taken);
    *input = rest;
    buffer.len() >= target
}

/// Collects one frame of the handshake. Holds what has arrived, never what was announced, and overwrites it: it may be a
/// password.
#[derive(Debug)]
pub(crate) struct FrameReader {
    framing: Framing,
    limit: u64,
    bytes: Zeroizing<Vec<u8>>,
}

/// The most that one handshake command may hold. Real ones have some hundred bytes. With what is kept of the properties in
/// it, a connection holds less than 64 KiB before its peer has proved anything.
pub(crate) const HANDSHAKE_LIMIT: u64 = 24 * 1024;

impl FrameReader {
    /// A reader for frames of at most `limit` and [`HANDSHAKE_LIMIT`] bytes.
    pub(crate) fn new(framing: Framing, limit: u64) -> Self {
        Self { framing, limit, bytes: Zeroizing::default() }
    }

    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Takes from `input` no more than one frame; its body once it is complete.
    pub(crate) fn read(&mut self, input: &mut &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, ProtocolError> {
        let header = loop {
            if let Some(header) = read_header(self.framing, &self.bytes, self.limit)? {
                break header;
            }
            let one_more = self.bytes.len().saturating_add(1);
            if !fill(&mut self.bytes, one_more, input) {
                return Ok(None);
            }
        };
        let total = match usize::try_from(header.total()) {
            Ok(total) if header.body <= HANDSHAKE_LIMIT => total,
            _ => return Err(ProtocolError::HandshakeTooLong),
        };
        // Room for what is there already, at most as much again, and never for more than the frame.
        let arrived = self.bytes.len().saturating_add(input.len());
        let room = total.min(arrived.max(self.bytes.len().saturating_mul(2)));
        if room > self.bytes.capacity() {
            // Moved here, since the allocator leaves behind what it moves.
            let mut roomier = Zeroizing::new(Vec::with_capacity(room));
            roomier.extend_from_slice(&self.bytes);
            self.bytes = roomier;
        }
        if !fill(&mut self.bytes, total, input) {
            return Ok(None);
        }
        let mut body = std::mem::take(&mut self.bytes);
        let header = header.len.min(body.len());
        body.drain(..header);
        Ok(Some(body))
    }
}
