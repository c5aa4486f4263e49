//! What the two ends of a wire pipe and its session share: positions, the promise to look, control frames and
//! counters. Every group is written by one side and lies on its own cache lines.
use crate::{
    PipeId,
    credit::Credit,
    promise::Promise,
    sync::{AtomicBool, AtomicU64, Line, Mutex, Ordering, lock},
};

/// A position in the outbound stream of a link, counted from its birth: both parts wrap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Whole messages, modulo 2^28.
    pub messages: u32,
    /// Bytes, modulo 2^36.
    pub bytes: u64,
}

impl Position {
    const BYTES_BITS: u32 = 36;
    const BYTES_MASK: u64 = Self::BYTES_MAX;
    /// The most bytes between two positions that can be told apart.
    pub(crate) const BYTES_MAX: u64 = (1 << Self::BYTES_BITS) - 1;
    const MESSAGES_MASK: u32 = (1 << (64 - Self::BYTES_BITS)) - 1;

    /// The position of these counts, wrapped.
    pub fn new(messages: u32, bytes: u64) -> Self {
        Self { messages: messages & Self::MESSAGES_MASK, bytes: bytes & Self::BYTES_MASK }
    }

    pub(crate) fn to_bits(self) -> u64 {
        u64::from(self.messages) << Self::BYTES_BITS | self.bytes
    }

    pub(crate) fn from_bits(bits: u64) -> Self {
        Self { messages: (bits >> Self::BYTES_BITS) as u32, bytes: bits & Self::BYTES_MASK }
    }

    /// Messages from `earlier` to here.
    pub fn messages_since(self, earlier: Self) -> u32 {
        self.messages.wrapping_sub(earlier.messages) & Self::MESSAGES_MASK
    }

    /// Bytes from `earlier` to here.
    pub fn bytes_since(self, earlier: Self) -> u64 {
        self.bytes.wrapping_sub(earlier.bytes) & Self::BYTES_MASK
    }
}

/// Why accepted messages were not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// The connection was lost in the middle of the message.
    Cut,
    /// The peer is gone for good, or the pipe was ended.
    PeerGone,
    /// The connection was made again and the pattern wrote its state anew.
    Restarted,
}

/// A count with one writer: no atomic step, only a store.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds; by the counter's one writer only.
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
    }

    /// The count.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Written by whoever drives the output.
#[derive(Debug, Default)]
pub struct Sent {
    /// Whole messages taken by the connection.
    pub messages: Counter,
    /// Bytes of records taken by the connection.
    pub bytes: Counter,
    cut: Counter,
    peer_gone: Counter,
    restarted: Counter,
    writing: AtomicBool,
}

impl Sent {
    /// Whether a write is under way: the peer may have messages that are not credited yet.
    pub fn is_writing(&self) -> bool {
        self.writing.load(Ordering::Acquire)
    }

    /// Before the first byte is written; and after what was written was credited.
    pub fn set_writing(&self, writing: bool) {
        self.writing.store(writing, Ordering::Release);
    }

    /// Messages that were sent or dropped.
    pub(crate) fn taken(&self) -> u64 {
        [&self.messages, &self.cut, &self.peer_gone, &self.restarted].map(Counter::count).iter().sum()
    }

    /// Messages that were accepted and not sent, for this reason.
    pub fn dropped(&self, why: Dropped) -> &Counter {
        match why {
            Dropped::Cut => &self.cut,
            Dropped::PeerGone => &self.peer_gone,
            Dropped::Restarted => &self.restarted,
        }
    }
}

/// Written by whoever drives the input.
#[derive(Debug, Default)]
pub struct Received {
    /// Whole messages put into the inbox.
    pub messages: Counter,
    /// Bytes read from the connection.
    pub bytes: Counter,
}

/// PING and PONG frames to be sent at the next frame boundary, ahead of records: at most one of each, the newest.
#[derive(Debug, Default)]
pub struct Control {
    pending: AtomicBool,
    frames: Mutex<ControlFrames>,
}

#[derive(Debug, Default)]
struct ControlFrames {
    ping: Vec<u8>,
    pong: Vec<u8>,
}

impl Control {
    /// A PING frame, as it goes out; replaces one that was not sent yet. The caller sees to it that the output is
    /// looked at.
    pub fn put_ping(&self, frame: &[u8]) {
        self.put(|frames| &mut frames.ping, frame);
    }

    /// A PONG frame, as it goes out; replaces one that was not sent yet.
    pub fn put_pong(&self, frame: &[u8]) {
        self.put(|frames| &mut frames.pong, frame);
    }

    fn put(&self, which: impl FnOnce(&mut ControlFrames) -> &mut Vec<u8>, frame: &[u8]) {
        let mut frames = lock(&self.frames);
        let slot = which(&mut frames);
        slot.clear();
        slot.extend_from_slice(frame);
        self.pending.store(true, Ordering::Release);
    }

    /// Appends what is to be sent, PONG first, and forgets it. By whoever drives the output.
    pub fn take(&self, out: &mut Vec<u8>) {
        if self.is_empty() {
            return;
        }
        let mut frames = lock(&self.frames);
        self.pending.store(false, Ordering::Relaxed);
        out.append(&mut frames.pong);
        out.append(&mut frames.ping);
    }

    /// Forgets what was not sent: the connection is gone.
    pub fn clear(&self) {
        let mut frames = lock(&self.frames);
        self.pending.store(false, Ordering::Relaxed);
        *frames = ControlFrames::default();
    }

    /// One load.
    #[inline]
    pub fn is_empty(&self) -> bool {
        !self.pending.load(Ordering::Acquire)
    }
}

/// See the module. In an `Arc` of both ends and the session.
#[derive(Debug)]
pub struct Link {
    /// Written by the log's writer.
    pub(crate) published: Line<AtomicU64>,
    /// Written by the log's reader.
    pub(crate) head: Line<AtomicU64>,
    /// The high-water mark and the wait for room.
    pub(crate) credit: Credit,
    /// Who looks at the output.
    pub promise: Line<Promise>,
    /// Control frames.
    pub control: Line<Control>,
    owner: AtomicU64,
    stamp: Line<AtomicU64>,
    /// Counters of the output.
    pub sent: Line<Sent>,
    /// Counters of the input.
    pub received: Line<Received>,
}

impl Link {
    /// A link with this promise.
    pub fn new(promise: Promise) -> Self {
        Self {
            published: Line::default(),
            head: Line::default(),
            credit: Credit::new(0),
            promise: Line(promise),
            control: Line::default(),
            owner: AtomicU64::new(0),
            stamp: Line::default(),
            sent: Line::default(),
            received: Line::default(),
        }
    }

    /// How far the output is published.
    pub fn published(&self) -> Position {
        Position::from_bits(self.published.load(Ordering::Acquire))
    }

    /// How far the output was credited: taken by the connection, or dropped.
    pub fn head(&self) -> Position {
        Position::from_bits(self.head.load(Ordering::Acquire))
    }

    /// The application used its right to read: changes [`Link::stamp`].
    #[inline]
    pub fn touch(&self) {
        self.stamp.store(self.stamp.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
    }

    /// Unchanged since the last look: the application did not read meanwhile.
    pub fn stamp(&self) -> u64 {
        self.stamp.load(Ordering::Acquire)
    }

    /// The pipe at the socket; none until it is attached.
    pub fn owner(&self) -> Option<PipeId> {
        PipeId::from_bits(self.owner.load(Ordering::Acquire))
    }

    /// The pipe was attached to a socket, or taken from it.
    pub fn set_owner(&self, pipe: Option<PipeId>) {
        self.owner.store(pipe.map_or(0, PipeId::to_bits), Ordering::Release);
    }
}
