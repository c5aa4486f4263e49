//! Records: the form in which frames lie in a wire pipe, in both directions.
//!
//! `flags u8, len u8 | be64, body`: exactly a message frame of ZMTP 2 and 3 (RFC 23, "Framing"), so that on a plain
//! connection the bytes are written as they lie. The three high bits of the flags hold the [`Kind`] and never
//! appear on the wire: subscriptions and the like lie in a pipe as records of their kind with the topic as body.
use crate::{Kind, OutOfMemory};

/// More frames of the same message follow.
pub const MORE: u8 = 1;
/// The length is eight bytes, big-endian, instead of one.
pub const LONG: u8 = 2;
/// On the wire a command frame; never set in a pipe.
pub const COMMAND: u8 = 4;
/// Where the kind lies in the flags.
pub const KIND_SHIFT: u32 = 5;
/// The bits of the kind. Internal: what a peer sets there is not looked at.
pub const KIND_MASK: u8 = 0b1110_0000;
/// The longest header.
pub const HEADER_MAX: usize = 9;
/// A header of a body of at most [`SHORT_MAX`] bytes.
pub const SHORT_HEADER: usize = 2;
/// The longest body that has a short header.
pub const SHORT_MAX: usize = 255;

/// The parsed start of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The flags as they lie there.
    pub flags: u8,
    /// Bytes of the header: 2 or 9.
    pub header_len: usize,
    /// Bytes of the body.
    pub body_len: u64,
}

impl Header {
    /// Whether more frames of the message follow.
    pub const fn more(self) -> bool {
        self.flags & MORE != 0
    }

    /// What the frame is.
    pub const fn kind(self) -> Kind {
        kind_of(self.flags)
    }
}

/// The kind in a flags byte; unknown bits mean a message.
pub const fn kind_of(flags: u8) -> Kind {
    match flags >> KIND_SHIFT {
        1 => Kind::Subscribe,
        2 => Kind::Cancel,
        3 => Kind::Join,
        4 => Kind::Leave,
        _ => Kind::Message,
    }
}

/// The flags of a frame, without LONG.
pub const fn flags(kind: Kind, more: bool) -> u8 {
    (kind as u8) << KIND_SHIFT | more as u8
}

/// Bytes of the header of a body of this length.
pub const fn header_len(body_len: usize) -> usize {
    if body_len <= SHORT_MAX { 2 } else { HEADER_MAX }
}

/// The header of a record; only the first [`header_len`] bytes count.
#[inline]
pub const fn header(kind: Kind, more: bool, body_len: usize) -> [u8; HEADER_MAX] {
    let flags = flags(kind, more);
    if body_len <= SHORT_MAX {
        [flags, body_len as u8, 0, 0, 0, 0, 0, 0, 0]
    } else {
        let [a, b, c, d, e, f, g, h] = (body_len as u64).to_be_bytes();
        [flags | LONG, a, b, c, d, e, f, g, h]
    }
}

/// Parses the header at the start of `bytes`; none while it is incomplete.
#[inline]
pub fn parse(bytes: &[u8]) -> Option<Header> {
    match *bytes {
        [flags, len, ..] if flags & LONG == 0 => {
            Some(Header { flags, header_len: 2, body_len: u64::from(len) })
        }
        [flags, a, b, c, d, e, f, g, h, ..] => Some(Header {
            flags,
            header_len: HEADER_MAX,
            body_len: u64::from_be_bytes([a, b, c, d, e, f, g, h]),
        }),
        _ => None,
    }
}

/// Appends a whole record.
pub fn append(out: &mut Vec<u8>, kind: Kind, more: bool, body: &[u8]) -> Result<(), OutOfMemory> {
    let len = header_len(body.len());
    out.try_reserve(len.saturating_add(body.len())).map_err(|_| OutOfMemory)?;
    out.extend_from_slice(&header(kind, more, body.len())[..len]);
    out.extend_from_slice(body);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_those_of_zmtp() {
        assert_eq!(header(Kind::Message, false, 0)[..2], [0, 0]);
        assert_eq!(header(Kind::Message, true, 255)[..2], [1, 255]);
        assert_eq!(header(Kind::Message, true, 256), [3, 0, 0, 0, 0, 0, 0, 1, 0]);
    }

    #[test]
    fn every_kind_and_length_round_trips() {
        for kind in [Kind::Message, Kind::Subscribe, Kind::Cancel, Kind::Join, Kind::Leave] {
            for len in [0, 1, 255, 256, 70_000, usize::MAX >> 1] {
                for more in [false, true] {
                    let bytes = header(kind, more, len);
                    let n = header_len(len);
                    let parsed = parse(&bytes[..n]).expect("complete");
                    assert_eq!((parsed.header_len, parsed.body_len), (n, len as u64));
                    assert_eq!((parsed.kind(), parsed.more()), (kind, more));
                    assert_eq!(parse(&bytes[..n - 1]), None);
                }
            }
        }
    }
}
