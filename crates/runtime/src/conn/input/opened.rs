//! The input of a Coded direction: the codec finds the frames, and each becomes a record where it lies.
//!
//! Records lie side by side, so that many are handed over together, while the frames that they were had longer headers:
//! a small record moves up to the one before it, a large one begins a range of its own.
//!
//! ```text
//! pending:  | record | record | gap | frame | frame | part of a frame
//!           0                records  next
//! ```

use ferrozmq_base::{chunk::Chunk, record};

use super::{Codec, InHalf, Kind, Msg, READ_BYTES, Refused, Sink, conflate, keep};
use crate::codec::Decoded;

/// The longest record that moves.
const MOVE_BYTES: usize = 16 * 1024;
/// After so many bytes the socket gets what there is, and reads it while the rest is decrypted.
const HAND_OVER_BYTES: usize = 64 * 1024;

/// What became of the frames at the front of the pending bytes.
#[derive(Default)]
struct Opened {
    /// The bytes of the records.
    records: usize,
    /// Those of them that are whole messages, and how many messages these are.
    whole: usize,
    messages: u32,
    /// Where the next frame begins.
    next: usize,
}

impl Opened {
    /// The next frame, of `frame` bytes, becomes a record: its body are the last `len` of them, and before it is room for
    /// the header of a record.
    fn append(&mut self, chunk: &mut Chunk, frame: usize, len: usize, more: bool) {
        let header = record::header_len(len);
        self.next += frame;
        let start = self.next - len - header;
        let pending = chunk.pending_mut();
        pending[start..start + header].copy_from_slice(&record::header(Kind::Message, more, len)[..header]);
        if start != self.records {
            pending.copy_within(start..self.next, self.records);
        }
        self.records += header + len;
        if !more {
            self.whole = self.records;
            self.messages += 1;
        }
    }
}

impl InHalf {
    /// Takes the frames that are there; session commands are left in `commands`.
    pub(super) fn decode(
        &mut self,
        codec: &mut Codec,
        commands: &mut Vec<Vec<u8>>,
        wake: &mut bool,
    ) -> Result<(), Refused> {
        let mut opened = Opened::default();
        let end = self.open_frames(codec, &mut opened, commands, wake);
        // What came before a violation was well.
        self.hand_over(&mut opened, wake)?;
        let needed = end?;
        match &self.chunk {
            Some(chunk) if needed > chunk.capacity() => self.regrow(needed.saturating_add(READ_BYTES)),
            _ => Ok(()),
        }
    }

    /// Until a frame is not all there; the bytes that this one has, if that is known.
    fn open_frames(
        &mut self,
        codec: &mut Codec,
        opened: &mut Opened,
        commands: &mut Vec<Vec<u8>>,
        wake: &mut bool,
    ) -> Result<usize, Refused> {
        loop {
            let Some(chunk) = &mut self.chunk else { return Ok(0) };
            let (mut frame, len, more) = match codec.decode(&mut chunk.pending_mut()[opened.next..])? {
                Decoded::Incomplete { needed } => {
                    return Ok(needed.map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX)));
                }
                Decoded::Command { consumed, body } => {
                    keep(commands, body)?;
                    opened.next += consumed;
                    continue;
                }
                Decoded::Frame { consumed, more, body } => (consumed, body.len(), more),
            };
            let record = record::header_len(len) + len;
            if frame < record || self.copies {
                self.copy_out(opened, frame, len, more, wake)?;
                continue;
            }
            if record > MOVE_BYTES {
                self.hand_over(opened, wake)?;
                self.skip(frame - record);
                frame = record;
            }
            if let Some(chunk) = &mut self.chunk {
                opened.append(chunk, frame, len, more);
            }
            if opened.records >= HAND_OVER_BYTES {
                self.hand_over(opened, wake)?;
            }
        }
    }

    /// The body of the next frame leaves as a copy: it is too short for the header of a record, or is to have memory of
    /// its own.
    fn copy_out(
        &mut self,
        opened: &mut Opened,
        frame: usize,
        len: usize,
        more: bool,
        wake: &mut bool,
    ) -> Result<(), Refused> {
        self.hand_over(opened, wake)?;
        self.skip(frame - len);
        let Some(chunk) = &mut self.chunk else { return Ok(()) };
        let mut m = Msg::copy_from(&chunk.pending()[..len])?;
        m.set_more(more);
        chunk.skip(len);
        *wake |= self.push_frame(m)?;
        Ok(())
    }

    /// Hands the records to the socket, which sees those of whole messages. Afterwards the next frame is in front.
    fn hand_over(&mut self, opened: &mut Opened, wake: &mut bool) -> Result<(), Refused> {
        let Opened { records, whole, messages, next } = std::mem::take(opened);
        for (len, messages) in [(whole, messages), (records - whole, 0)] {
            let Some(chunk) = self.chunk.as_mut().filter(|_| len > 0) else { continue };
            let range = chunk.hand_out(len);
            match &mut self.sink {
                Some(Sink::Inbox(w)) => {
                    w.push_range(range, self.peer)?;
                    *wake |= messages > 0 && w.publish(messages);
                }
                Some(Sink::Slot(w)) => *wake |= conflate(w, range, self.peer),
                None => {}
            }
        }
        self.skip(next - records);
        Ok(())
    }

    fn skip(&mut self, bytes: usize) {
        if let Some(chunk) = &mut self.chunk {
            chunk.skip(bytes);
        }
    }
}
