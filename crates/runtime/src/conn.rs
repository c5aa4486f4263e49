//! One wire connection as its two directions: [`OutHalf`] takes records from the log to the stream, [`InHalf`]
//! takes bytes from the stream to the inbox. Each lies in a drive lock; whoever holds the lock drives.
//!
//! A Plain direction writes its records as they lie and scans what it reads where it lies. A Coded one goes through
//! the session's [`Codec`], so only the I/O thread drives it.

use std::{
    io::{self, IoSlice},
    sync::Arc,
};

use ferrozmq_base::{
    Due, Error, Kind, Msg, OutOfMemory, PeerRef,
    chunk::Chunk,
    drive_lock::DriveLock,
    inbox,
    link::{Control, Counter, Link},
    log,
    msg::copied,
    ready::{Hook, Linked},
    slot,
    sync::{AtomicBool, AtomicU32, Mutex, Ordering, lock},
};
use ferrozmq_proto::{ProtocolError, Scanner, Step};
use ferrozmq_sys::Stream;

use crate::{
    codec::Codec,
    io_thread::Io,
    monitor::Ends,
    stats::{Losses, undelivered},
};

mod opened;
#[cfg(test)]
mod tests;

/// The most wire bytes that a Coded direction prepares before it writes.
const WIRE_BYTES: usize = 64 * 1024;
/// More than a frame is longer than its body, encrypted or not.
const FRAME_BYTES: usize = 64;
/// The most bytes that a flush writes before others get their turn, but for the last write.
const FLUSH_BYTES: usize = 1 << 20;
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

/// A connection: shared by its session and its socket.
#[derive(Debug)]
pub(crate) struct Conn {
    /// The session's number: its token in the I/O thread.
    pub session: u64,
    pub io: Arc<Io>,
    pub link: Arc<Link>,
    pub output: DriveLock<OutHalf>,
    pub input: DriveLock<InHalf>,
    hook: Hook<Self>,
    /// The output is Plain: an application thread may drive it.
    plain_out: AtomicBool,
    /// The kernel took no more at the last write; the session waits until it does.
    blocked: AtomicBool,
    /// Batches that the application flushed: it streams.
    app_flushes: AtomicU32,
    /// Who is connected with whom, in words.
    ends: Mutex<Ends>,
    /// Nothing has been written since the session gave back the memory, and it does not look again by itself.
    idle: AtomicBool,
    /// Messages that were taken and could not be sent: datagrams that the network refuses.
    pub refused: Counter,
    /// Why the last of them was: an errno.
    pub refusal: AtomicU32,
    /// The socket or the session has done with it.
    left: AtomicBool,
}

impl Linked for Conn {
    fn hook(&self) -> &Hook<Self> {
        &self.hook
    }
}

impl Conn {
    /// `ends`: those of the pipe that face the wire; none if somebody else has them.
    pub(crate) fn new(
        session: u64,
        io: Arc<Io>,
        link: Arc<Link>,
        ends: Option<(Source, Sink)>,
        transfer: Transfer,
    ) -> Self {
        let (source, sink) = ends.unzip();
        Self {
            session,
            io,
            link,
            output: DriveLock::new(OutHalf::new(source, transfer.write)),
            input: DriveLock::new(InHalf::new(sink, transfer)),
            hook: Hook::new(),
            plain_out: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            app_flushes: AtomicU32::new(0),
            ends: Mutex::default(),
            idle: AtomicBool::new(true),
            refused: Counter::default(),
            refusal: AtomicU32::new(0),
            left: AtomicBool::new(false),
        }
    }

    /// Once by the socket, which lists it no more, and once by the session, which sends nothing more: the second knows
    /// what was never delivered.
    pub(crate) fn leave(&self, losses: &Losses) {
        if self.left.swap(true, Ordering::AcqRel) {
            losses.undelivered.fetch_add(undelivered(&self.link), Ordering::Relaxed);
        }
    }

    #[inline]
    pub(crate) fn is_plain_out(&self) -> bool {
        self.plain_out.load(Ordering::Relaxed)
    }

    pub(crate) fn set_plain_out(&self, plain: bool) {
        self.plain_out.store(plain, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    pub(crate) fn set_blocked(&self, blocked: bool) {
        self.blocked.store(blocked, Ordering::Relaxed);
    }

    pub(crate) fn app_flushes(&self) -> u32 {
        self.app_flushes.load(Ordering::Relaxed)
    }

    /// The application flushes a batch. Only the socket's owner writes the counter.
    pub(crate) fn count_app_flush(&self) {
        self.app_flushes.store(self.app_flushes().wrapping_add(1), Ordering::Relaxed);
    }

    pub(crate) fn ends(&self) -> Ends {
        lock(&self.ends).clone()
    }

    pub(crate) fn set_ends(&self, ends: &Ends) {
        lock(&self.ends).clone_from(ends);
    }

    /// The session gave back the memory.
    pub(crate) fn set_idle(&self, idle: bool) {
        self.idle.store(idle, Ordering::Release);
    }

    /// Something is written: whether the session has to be told, so that it looks after the memory again.
    pub(crate) fn ends_idleness(&self) -> bool {
        self.idle.load(Ordering::Relaxed) && self.idle.swap(false, Ordering::AcqRel)
    }

    /// Whether anything published has not been written.
    pub(crate) fn has_unwritten(&self) -> bool {
        self.link.published() != self.link.head()
    }
}

/// How bytes come and go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transfer {
    /// Most bytes of one read and one write (ZMQ_IN_BATCH_SIZE, ZMQ_OUT_BATCH_SIZE).
    pub read: usize,
    pub write: usize,
    /// Every received body gets memory of its own (ZMQ_ZERO_COPY_RECV is off).
    pub copies: bool,
}

/// Where a connection's output comes from.
#[derive(Debug)]
pub(crate) enum Source {
    Log(log::Reader),
    Slot(slot::Reader),
}

/// Where a connection's input goes.
#[derive(Debug)]
pub(crate) enum Sink {
    Inbox(inbox::Writer),
    Slot(slot::Writer),
}

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
    wire: Vec<u8>,
    written: usize,
    /// Where in these the messages end that are not written.
    ends: Vec<usize>,
    /// Records stay where they are, control frames go out.
    withheld: bool,
    /// The writer waits for the room that a flush made; the holder tells it after the lock is released.
    pub wake_writer: bool,
}

impl OutHalf {
    fn new(source: Option<Source>, batch: usize) -> Self {
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
    fn new(sink: Option<Sink>, transfer: Transfer) -> Self {
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
