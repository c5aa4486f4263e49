//! The inbound direction of a connection: bytes from the stream to the inbox, or the newest message to a slot.

use std::{io, sync::Arc};

use ferrozmq_base::{Due, Error, Kind, Msg, OutOfMemory, PeerRef, chunk::Chunk, msg::copied, slot};
use ferrozmq_proto::{ProtocolError, Scanner, Step};
use ferrozmq_sys::Stream;

use super::{Sink, Transfer};
use crate::codec::Codec;

mod opened;

/// The sizes that a read buffer grows through while reads fill it.
const CHUNK_BYTES: [usize; 3] = [4 * 1024, 64 * 1024, 256 * 1024];
/// The least room worth a read.
const READ_BYTES: usize = 1024;
/// The first allocation for a body that does not fit a chunk: more only as its bytes arrive.
const LARGE_BYTES: usize = 1024 * 1024;
/// More than any machine has: a peer that announces it is not waited for.
const BODY_MAX: u64 = 1 << 46;
/// The longest command in traffic: a topic or group is not worth more.
const COMMAND_BYTES: u64 = 32 * 1024 * 1024;

/// What a read found.
#[derive(Debug)]
pub(crate) enum Fill {
    /// Some bytes were read and taken; there may be more.
    Progress,
    /// Nothing to read.
    Empty,
    /// The inbox is at its high-water mark; it will ask to resume.
    Paused,
    /// The peer closed the connection, or it failed.
    Lost(io::Error),
    /// The peer broke the protocol.
    Violation(ProtocolError),
    /// No memory for what the peer sends.
    OutOfMemory,
}

/// A body too long for a chunk, taken in as it arrives.
#[derive(Debug)]
struct Large {
    body: Vec<u8>,
    total: usize,
    more: bool,
}

impl Large {
    /// Sees to it that there is room for the next bytes, in proportion to those that came; how many are missing.
    fn reserve(&mut self) -> Result<usize, Error> {
        let have = self.body.len();
        if have == self.body.capacity() {
            let target = self.total.min((2 * have).max(LARGE_BYTES));
            self.body.try_reserve_exact(target - have).map_err(|_| Error::OutOfMemory)?;
        }
        Ok(self.total - have)
    }
}

/// The inbound direction.
#[derive(Debug)]
pub(crate) struct InHalf {
    sink: Option<Sink>,
    stream: Option<Arc<Stream>>,
    /// None: Coded, the codec finds the frames.
    scanner: Option<Scanner>,
    chunk: Option<Chunk>,
    chunk_class: usize,
    /// Most bytes of one read.
    batch: usize,
    /// Coded: every body gets memory of its own.
    copies: bool,
    /// Pending bytes of the chunk that are frames of an unfinished message.
    scanned: usize,
    large: Option<Large>,
    peer: Option<PeerRef>,
    /// Frames seen since the connection began: the session's sign of life.
    pub frames_seen: bool,
}

impl InHalf {
    pub(super) fn new(sink: Option<Sink>, transfer: Transfer) -> Self {
        Self {
            sink,
            stream: None,
            scanner: None,
            chunk: None,
            chunk_class: 0,
            batch: transfer.read,
            copies: transfer.copies,
            scanned: 0,
            large: None,
            peer: None,
            frames_seen: false,
        }
    }

    pub(crate) fn stream(&self) -> Option<&Arc<Stream>> {
        self.stream.as_ref()
    }

    /// Whether the bytes are records as they lie, so that an application thread may read them.
    pub(crate) fn is_plain(&self) -> bool {
        self.scanner.is_some()
    }

    /// The handshake is over; `surplus` are the bytes read behind it.
    pub(crate) fn attach(
        &mut self,
        stream: Arc<Stream>,
        scanner: Option<Scanner>,
        peer: Option<PeerRef>,
        surplus: &[u8],
    ) -> Result<(), Error> {
        self.stream = Some(stream);
        self.scanner = scanner;
        self.peer = peer;
        self.scanned = 0;
        self.large = None;
        self.chunk = None;
        if !surplus.is_empty() {
            let class =
                CHUNK_BYTES.iter().position(|c| *c >= 2 * surplus.len()).unwrap_or(CHUNK_BYTES.len() - 1);
            let mut chunk = Chunk::with_capacity(CHUNK_BYTES[class].max(2 * surplus.len()))?;
            chunk.spare()[..surplus.len()].copy_from_slice(surplus);
            chunk.fill(surplus.len());
            self.chunk = Some(chunk);
        }
        Ok(())
    }

    /// The connection is lost: the incomplete message goes, what was published stays readable.
    pub(crate) fn detach(&mut self) {
        self.stream = None;
        self.chunk = None;
        self.large = None;
        self.scanned = 0;
        match &mut self.sink {
            Some(Sink::Inbox(w)) => w.rollback(),
            Some(Sink::Slot(w)) => w.rollback(),
            None => {}
        }
    }

    /// Gives back the memory of a direction in which nothing is under way.
    pub(crate) fn release_idle(&mut self) {
        if self.chunk.as_ref().is_some_and(|chunk| chunk.pending().is_empty()) {
            self.chunk = None;
            self.chunk_class = 0;
        }
    }

    /// Nothing comes in any more; what was published stays readable.
    pub(crate) fn end(&mut self) {
        self.sink = None;
    }

    fn has_room(&mut self) -> bool {
        match &mut self.sink {
            Some(Sink::Inbox(w)) => w.room(),
            // Without a sink what comes is read to be thrown away.
            Some(Sink::Slot(_)) | None => true,
        }
    }

    /// Reads once and takes what came. Command frames that concern the session are left in `commands`; `wake` is set
    /// when the socket has to be told that it can read.
    pub(crate) fn fill(
        &mut self,
        codec: Option<&mut Codec>,
        commands: &mut Vec<Vec<u8>>,
        wake: &mut bool,
    ) -> Fill {
        if !self.has_room() {
            return Fill::Paused;
        }
        let Some(stream) = self.stream.clone() else { return Fill::Empty };
        let read = match &mut self.large {
            Some(large) => {
                let most = self.batch;
                large.reserve().map(|left| stream.read_append(&mut large.body, left.min(most)))
            }
            None => {
                let most = self.batch;
                self.chunk_with_room().map(|chunk| {
                    let room = chunk.spare();
                    let most = most.min(room.len());
                    stream.read_into(&mut room[..most])
                })
            }
        };
        let Ok(read) = read else { return Fill::OutOfMemory };
        match read {
            Ok(0) => Fill::Lost(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => self.took(n, codec, commands, wake),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Fill::Empty,
            Err(e) => Fill::Lost(e),
        }
    }

    /// Takes the bytes that the handshake left over.
    pub(crate) fn take_surplus(
        &mut self,
        codec: Option<&mut Codec>,
        commands: &mut Vec<Vec<u8>>,
        wake: &mut bool,
    ) -> Fill {
        if self.chunk.is_none() { Fill::Empty } else { self.parse(codec, commands, wake) }
    }

    fn chunk_with_room(&mut self) -> Result<&mut Chunk, Error> {
        self.make_room()?;
        self.chunk.as_mut().ok_or(Error::OutOfMemory)
    }

    /// Sees to it that the chunk has room for a read.
    fn make_room(&mut self) -> Result<(), Error> {
        if let Some(chunk) = &mut self.chunk {
            if chunk.spare().len() >= READ_BYTES {
                return Ok(());
            }
            let crowded = chunk.pending().len() > chunk.capacity() / 2;
            if !crowded && chunk.try_rewind() && chunk.spare().len() >= READ_BYTES {
                return Ok(());
            }
        }
        match &mut self.chunk {
            Some(chunk) => {
                self.chunk_class = (self.chunk_class + 1).min(CHUNK_BYTES.len() - 1);
                chunk.renew(CHUNK_BYTES[self.chunk_class].max(2 * chunk.pending().len()))?;
            }
            none => *none = Some(Chunk::with_capacity(CHUNK_BYTES[self.chunk_class])?),
        }
        Ok(())
    }

    fn took(
        &mut self,
        n: usize,
        codec: Option<&mut Codec>,
        commands: &mut Vec<Vec<u8>>,
        wake: &mut bool,
    ) -> Fill {
        self.frames_seen = true;
        if let Some(large) = &mut self.large {
            if large.body.len() < large.total {
                return Fill::Progress;
            }
            return match self.finish_large() {
                Ok(told) => {
                    *wake |= told;
                    Fill::Progress
                }
                Err(OutOfMemory) => Fill::OutOfMemory,
            };
        }
        if let Some(chunk) = &mut self.chunk {
            chunk.fill(n);
        }
        self.parse(codec, commands, wake)
    }

    fn parse(&mut self, codec: Option<&mut Codec>, commands: &mut Vec<Vec<u8>>, wake: &mut bool) -> Fill {
        let result = match codec {
            Some(codec) if self.scanner.is_none() => self.decode(codec, commands, wake),
            _ => self.scan(commands, wake),
        };
        match result {
            Ok(()) => Fill::Progress,
            Err(Refused::Protocol(e)) => Fill::Violation(e),
            Err(Refused::Memory) => Fill::OutOfMemory,
        }
    }

    /// Plain: the bytes are records already.
    fn scan(&mut self, commands: &mut Vec<Vec<u8>>, wake: &mut bool) -> Result<(), Refused> {
        let (Some(chunk), Some(scanner)) = (&mut self.chunk, &mut self.scanner) else { return Ok(()) };
        loop {
            let unscanned = &chunk.pending()[self.scanned..];
            match scanner.next(unscanned)? {
                Step::Incomplete => return Ok(()),
                Step::Messages { len, count } => {
                    let range = chunk.hand_out(self.scanned + len);
                    self.scanned = 0;
                    match &mut self.sink {
                        Some(Sink::Inbox(w)) => {
                            w.push_range(range, self.peer)?;
                            *wake |= w.publish(count as u32);
                        }
                        Some(Sink::Slot(w)) => *wake |= conflate(w, range, self.peer),
                        None => {}
                    }
                }
                Step::Frames { len } => self.scanned += len,
                Step::Command { header, body } => {
                    keep(commands, &unscanned[header..header + body])?;
                    chunk.remove(self.scanned, header + body);
                }
                Step::Large { header, body, more, command } => {
                    if header as u64 + body + self.scanned as u64
                        <= CHUNK_BYTES[CHUNK_BYTES.len() - 1] as u64 / 2
                    {
                        // It will fit a chunk: wait for the rest.
                        if header as u64 + body + self.scanned as u64 > chunk.capacity() as u64 {
                            self.chunk_class = CHUNK_BYTES.len() - 2;
                            return self.regrow(header + body as usize);
                        }
                        return Ok(());
                    }
                    if command {
                        if body > COMMAND_BYTES {
                            return Err(Refused::Protocol(ProtocolError::FrameTooLong));
                        }
                        return self.regrow(header + body as usize);
                    }
                    return self.begin_large(header, body, more);
                }
            }
        }
    }

    /// A chunk with room for a frame of this size behind what is pending.
    fn regrow(&mut self, frame: usize) -> Result<(), Refused> {
        let Some(chunk) = &mut self.chunk else { return Ok(()) };
        let need = self.scanned + frame;
        if chunk.capacity() >= need && chunk.pending().len() + READ_BYTES <= chunk.capacity() {
            return Ok(());
        }
        // Grows with the bytes that came, never by the announced length alone.
        let size = need.min((2 * chunk.pending().len()).max(CHUNK_BYTES[CHUNK_BYTES.len() - 1]));
        Ok(chunk.renew(size)?)
    }

    /// The body at the front will not fit a chunk: the frames before it go to the inbox, it gets a block of its own.
    fn begin_large(&mut self, header: usize, body: u64, more: bool) -> Result<(), Refused> {
        let Some(chunk) = &mut self.chunk else { return Ok(()) };
        if self.scanned > 0 {
            let range = chunk.hand_out(self.scanned);
            self.scanned = 0;
            if let Some(Sink::Inbox(w)) = &mut self.sink {
                w.push_range(range, self.peer)?;
            }
        }
        if let Some(scanner) = &mut self.scanner {
            scanner.take_large();
        }
        chunk.skip(header);
        if body > BODY_MAX {
            return Err(Refused::Memory);
        }
        let total = usize::try_from(body).map_err(|_| Refused::Memory)?;
        let mut block = Vec::new();
        let first = total.min(LARGE_BYTES.max(chunk.pending().len()));
        block.try_reserve_exact(first).map_err(|_| Refused::Memory)?;
        let filled = chunk.pending().len().min(total);
        block.extend_from_slice(&chunk.pending()[..filled]);
        chunk.skip(filled);
        self.large = Some(Large { body: block, total, more });
        Ok(())
    }

    fn finish_large(&mut self) -> Result<bool, OutOfMemory> {
        let Some(large) = self.large.take() else { return Ok(false) };
        let mut m = Msg::from_vec(large.body);
        m.set_more(large.more);
        self.push_frame(m)
    }

    /// Hands a frame of its own to the socket; true if the socket has to be told.
    fn push_frame(&mut self, mut m: Msg) -> Result<bool, OutOfMemory> {
        match &mut self.sink {
            Some(Sink::Inbox(w)) => {
                let more = m.more();
                w.push_frame(&mut m, self.peer)?;
                Ok(!more && w.publish(1))
            }
            Some(Sink::Slot(w)) => {
                m.set_peer(self.peer);
                let more = m.more();
                w.put(&mut m, more)?;
                Ok(w.publish() != Due::Nothing)
            }
            None => Ok(false),
        }
    }

    /// A message that the peer did not send, after its last one; true if the socket has to be told.
    pub(crate) fn push_farewell(&mut self, body: &[u8]) -> Result<bool, Error> {
        Ok(self.push_frame(Msg::copy_from(body)?)?)
    }

    /// A subscription that came as a command takes its place among the messages: never inside of one (RFC 23, "traffic").
    pub(crate) fn push_command(&mut self, kind: Kind, body: &[u8]) -> Result<bool, Refused> {
        if matches!(&self.sink, Some(Sink::Inbox(w)) if w.is_inside_message()) {
            return Err(Refused::Protocol(ProtocolError::UnexpectedCommand));
        }
        let m = Msg::command(kind, body)?;
        Ok(self.push_frame(m)?)
    }
}

fn conflate(w: &mut slot::Writer, mut range: ferrozmq_base::chunk::Range, peer: Option<PeerRef>) -> bool {
    let mut m = Msg::new();
    let mut wake = false;
    while range.next(&mut m) {
        m.set_peer(peer);
        let more = m.more();
        wake |= w.put(&mut m, more).is_ok() && w.publish() != Due::Nothing;
    }
    wake
}

/// Keeps a copy of a command for the session.
fn keep(commands: &mut Vec<Vec<u8>>, body: &[u8]) -> Result<(), OutOfMemory> {
    commands.try_reserve(1).map_err(|_| OutOfMemory)?;
    commands.push(copied(body)?);
    Ok(())
}

/// Why input was refused.
#[derive(Debug)]
pub(crate) enum Refused {
    Protocol(ProtocolError),
    Memory,
}

impl From<ProtocolError> for Refused {
    fn from(e: ProtocolError) -> Self {
        Self::Protocol(e)
    }
}

impl From<OutOfMemory> for Refused {
    fn from(_: OutOfMemory) -> Self {
        Self::Memory
    }
}
