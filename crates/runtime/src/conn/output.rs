//! The outbound direction of a connection: records from the log, or the newest message of a slot, to the stream.

use std::{
    io::{self, IoSlice},
    sync::Arc,
};

use ferrozmq_base::{Kind, Msg, link::Control};
use ferrozmq_sys::Stream;

use super::Source;
use crate::codec::Codec;

/// The most wire bytes that a Coded direction prepares before it writes.
pub(super) const WIRE_BYTES: usize = 64 * 1024;
/// More than a frame is longer than its body, encrypted or not.
const FRAME_BYTES: usize = 64;
/// The most bytes that a flush writes before others get their turn, but for the last write.
const FLUSH_BYTES: usize = 1 << 20;

/// How far a write got.
#[derive(Debug)]
pub(crate) enum Flush {
    /// Everything published is with the kernel.
    Done,
    /// There is more, and the kernel may take it.
    More,
    /// The kernel takes no more now.
    Blocked,
    /// The connection is lost.
    Lost(io::Error),
}

/// The outbound direction.
#[derive(Debug)]
pub(crate) struct OutHalf {
    source: Option<Source>,
    stream: Option<Arc<Stream>>,
    plain: bool,
    /// Most bytes of one write.
    batch: usize,
    /// Encoded bytes that go out before anything else: the end of the handshake, control frames, coded records.
    pub(super) wire: Vec<u8>,
    written: usize,
    /// Where in these the messages end that are not written.
    ends: Vec<usize>,
    /// Records stay where they are, control frames go out.
    withheld: bool,
    /// The writer waits for the room that a flush made; the holder tells it after the lock is released.
    pub wake_writer: bool,
}

impl OutHalf {
    pub(super) fn new(source: Option<Source>, batch: usize) -> Self {
        Self {
            source,
            stream: None,
            plain: false,
            batch,
            wire: Vec::new(),
            written: 0,
            ends: Vec::new(),
            withheld: false,
            wake_writer: false,
        }
    }

    pub(crate) fn stream(&self) -> Option<&Arc<Stream>> {
        self.stream.as_ref()
    }

    /// The kernel refuses to take more for good: what the peer sent may still be read.
    pub(crate) fn give_up(&mut self) {
        self.stream = None;
    }

    /// Coded: until the socket has written its subscriptions again nothing else goes out but control frames.
    pub(crate) fn withhold(&mut self, withheld: bool) {
        self.withheld = withheld;
    }

    /// The handshake is over: `first` goes out before the records.
    pub(crate) fn attach(&mut self, stream: Arc<Stream>, plain: bool, first: Vec<u8>) {
        self.stream = Some(stream);
        self.plain = plain;
        self.wire = first;
        self.written = 0;
    }

    /// The connection is lost; a message that it cut is lost with it, as are those that were encoded, and counted.
    pub(crate) fn detach(&mut self) {
        self.stream = None;
        self.wire.clear();
        self.written = 0;
        self.ends.clear();
        if let Some(Source::Log(log)) = &mut self.source {
            log.connection_lost();
            self.wake_writer |= log.claim_waiting();
        }
    }

    /// Whether everything published has been written.
    pub(crate) fn is_drained(&mut self) -> bool {
        self.written == self.wire.len()
            && match &mut self.source {
                Some(Source::Log(log)) => !log.pending(),
                Some(Source::Slot(slot)) => !slot.peek(),
                None => true,
            }
    }

    /// Whether the socket has written its subscriptions again.
    pub(crate) fn has_restarted(&mut self) -> bool {
        match &mut self.source {
            Some(Source::Log(log)) => {
                // The mark is found by looking.
                log.pending();
                log.restarted()
            }
            _ => true,
        }
    }

    /// Nothing goes out any more. Returns the number of messages dropped that are not counted yet.
    pub(crate) fn end(&mut self) -> u64 {
        let dropped = self.discard();
        self.source = None;
        dropped
    }

    fn discard(&mut self) -> u64 {
        match &mut self.source {
            None => 0,
            Some(Source::Log(log)) => {
                // It counts them itself.
                log.discard();
                0
            }
            Some(Source::Slot(slot)) => {
                let mut dropped = 0;
                let mut m = Msg::new();
                while slot.get(&mut m).frame {
                    dropped += 1;
                }
                dropped
            }
        }
    }

    /// Gives back the memory of a direction in which nothing is under way.
    pub(crate) fn release_idle(&mut self) {
        if self.written == self.wire.len() {
            self.wire = Vec::new();
            self.written = 0;
            self.ends = Vec::new();
        }
        if let Some(Source::Log(log)) = &mut self.source {
            log.release_idle();
        }
    }

    /// Writes until nothing is left or the kernel takes no more. `codec` is needed for a Coded direction only.
    pub(crate) fn flush(&mut self, control: &Control, codec: Option<&mut Codec>) -> Flush {
        let Some(stream) = self.stream.clone() else {
            return Flush::Lost(io::ErrorKind::NotConnected.into());
        };
        self.set_writing(true);
        let result = if self.plain {
            self.flush_plain(&stream, control)
        } else {
            self.flush_coded(&stream, control, codec)
        };
        self.set_writing(false);
        match result {
            Ok(true) => Flush::Done,
            Ok(false) => Flush::More,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Flush::Blocked,
            Err(e) => Flush::Lost(e),
        }
    }

    fn set_writing(&self, writing: bool) {
        if let Some(Source::Log(log)) = &self.source {
            log.link().sent.set_writing(writing);
        }
    }

    /// False: there is more.
    fn flush_plain(&mut self, stream: &Stream, control: &Control) -> io::Result<bool> {
        let mut taken = 0;
        loop {
            self.write_wire(stream)?;
            let Some(Source::Log(log)) = &mut self.source else { return Ok(true) };
            if !control.is_empty() && log.at_boundary() {
                control.take(&mut self.wire);
                continue;
            }
            if !log.pending() {
                return Ok(true);
            }
            if taken >= FLUSH_BYTES {
                return Ok(false);
            }
            // A control frame that waits goes out at the end of the record that is half written.
            let limit = if control.is_empty() { u64::MAX } else { log.bytes_to_boundary() };
            let mut slices = [IoSlice::new(&[]); 64];
            let count = log.slices(&mut slices, limit.min(self.batch as u64));
            let n = stream.write(&slices[..count])?;
            self.wake_writer |= log.advance(n);
            taken += n;
        }
    }

    /// False: there is more.
    fn flush_coded(
        &mut self,
        stream: &Stream,
        control: &Control,
        codec: Option<&mut Codec>,
    ) -> io::Result<bool> {
        let Some(codec) = codec else { return Err(io::ErrorKind::WouldBlock.into()) };
        let mut taken = 0;
        loop {
            self.write_wire(stream)?;
            if taken >= FLUSH_BYTES {
                return Ok(false);
            }
            self.encode(control, codec)?;
            if self.wire.is_empty() && self.ends.is_empty() {
                return Ok(true);
            }
            taken += self.wire.len();
        }
    }

    /// Takes records until the wire buffer, which was empty, is full or nothing is left.
    fn encode(&mut self, control: &Control, codec: &mut Codec) -> io::Result<()> {
        if !control.is_empty() {
            let mut frames = Vec::new();
            control.take(&mut frames);
            codec.encode_control(&frames, &mut self.wire);
        }
        while !self.withheld && self.wire.len() < WIRE_BYTES {
            match &mut self.source {
                None => break,
                Some(Source::Log(log)) => {
                    let Some(record) = log.next_record() else { break };
                    if reserve(&mut self.wire, record.body.len()).is_err() {
                        // What is there may make room by going out.
                        return if self.wire.is_empty() {
                            Err(io::ErrorKind::OutOfMemory.into())
                        } else {
                            Ok(())
                        };
                    }
                    codec.encode(record.kind, record.more, record.body, &mut self.wire);
                    if record.kind == Kind::Message && !record.more {
                        self.ends.push(self.wire.len());
                        log.hold();
                    }
                    self.wake_writer |= log.consume();
                }
                Some(Source::Slot(slot)) => {
                    let mut m = Msg::new();
                    if !slot.get(&mut m).frame {
                        break;
                    }
                    reserve(&mut self.wire, m.len())?;
                    codec.encode(m.kind(), m.more(), m.as_slice(), &mut self.wire);
                }
            }
        }
        Ok(())
    }

    fn write_wire(&mut self, stream: &Stream) -> io::Result<()> {
        let result = self.write_rest(stream);
        let whole = self.ends.partition_point(|end| *end <= self.written);
        if whole > 0
            && let Some(Source::Log(log)) = &mut self.source
        {
            self.ends.drain(..whole);
            log.let_go(whole as u64);
        }
        result?;
        self.wire.clear();
        if self.wire.capacity() > 4 * WIRE_BYTES {
            self.wire = Vec::new();
        }
        self.written = 0;
        Ok(())
    }

    fn write_rest(&mut self, stream: &Stream) -> io::Result<()> {
        while self.written < self.wire.len() {
            let end = self.wire.len().min(self.written.saturating_add(self.batch));
            self.written += stream.write(&[IoSlice::new(&self.wire[self.written..end])])?;
        }
        Ok(())
    }
}

/// Room for a frame with this body.
fn reserve(wire: &mut Vec<u8>, body: usize) -> io::Result<()> {
    wire.try_reserve(body.saturating_add(FRAME_BYTES)).map_err(|_| io::ErrorKind::OutOfMemory.into())
}
