//! The inbox: what one connection received and the socket has not read, one writer and one reader.
//!
//! Batches, in order: ranges of validated records in read buffers, and single frames (large bodies, decoded ones).
//! Published on whole messages only; the high-water mark counts those. Every batch carries the peer of its own
//! connection, so that properties never survive a reconnect.
use crate::{
    Msg, OutOfMemory, PeerRef, chain,
    chunk::Range,
    credit::{Credit, Debit},
    pipe::Got,
    sync::{Arc, AtomicU32, Line, Ordering},
};

#[derive(Debug)]
enum Batch {
    Range(Range),
    Frame(Msg),
}

#[derive(Debug)]
struct Shared {
    credit: Credit,
    /// The writer's count, for whoever asks how much is queued.
    published: Line<AtomicU32>,
}

/// An inbox with this high-water mark in messages; 0 is unlimited.
pub fn inbox(hwm: u32) -> (Writer, Reader) {
    let shared = Arc::new(Shared { credit: Credit::new(hwm), published: Line::default() });
    let (tail, head) = chain::chain();
    let writer = Writer { batches: tail, shared: Arc::clone(&shared), debit: Debit::default(), published: 0 };
    (writer, Reader { batches: head, shared, range: Range::EMPTY, taken: 0, credited: 0 })
}

/// The writing end, of whoever drives the input. Dropping it tells the reader that no more will come.
#[derive(Debug)]
pub struct Writer {
    batches: chain::Writer<Batch>,
    shared: Arc<Shared>,
    debit: Debit,
    /// Messages.
    published: u32,
}

impl Writer {
    /// Whether the connection may be read on. A false arms the reader's `wake`.
    #[inline]
    pub fn room(&mut self) -> bool {
        self.shared.credit.room(&mut self.debit, self.published)
    }

    /// Appends records, invisible until [`Writer::publish`]. On `OutOfMemory` the range is dropped: the connection
    /// cannot go on.
    pub fn push_range(&mut self, range: Range, peer: Option<PeerRef>) -> Result<(), OutOfMemory> {
        self.batches.push(|| Batch::Range(range.of_peer(peer)))
    }

    /// Appends a frame with its MORE flag, invisible until [`Writer::publish`]; `m` is left empty.
    pub fn push_frame(&mut self, m: &mut Msg, peer: Option<PeerRef>) -> Result<(), OutOfMemory> {
        self.batches.push(|| {
            let mut frame = m.take();
            frame.set_peer(peer);
            Batch::Frame(frame)
        })
    }

    /// Makes what was pushed visible: `messages` whole ones. True: the reader had armed, tell it.
    pub fn publish(&mut self, messages: u32) -> bool {
        self.published = self.published.wrapping_add(messages);
        self.shared.published.store(self.published, Ordering::Relaxed);
        self.batches.publish_seldom()
    }

    /// Whether frames were pushed of a message that is not whole.
    pub fn is_inside_message(&self) -> bool {
        self.batches.has_unpublished()
    }

    /// Drops what was pushed since the last publish: an incomplete message of a lost connection.
    pub fn rollback(&mut self) {
        self.batches.rollback();
    }

    /// Messages published and not yet credited by the reader: at least those that are unread.
    pub fn messages_queued(&self) -> u32 {
        self.published.wrapping_sub(self.shared.credit.credited())
    }

    /// The high-water mark; 0 is unlimited.
    pub fn hwm(&self) -> u32 {
        self.shared.credit.hwm()
    }

    /// Whether the reading end was dropped.
    pub fn reader_gone(&self) -> bool {
        self.batches.reader_gone()
    }
}

/// The reading end, of the socket.
#[derive(Debug)]
pub struct Reader {
    batches: chain::Reader<Batch>,
    shared: Arc<Shared>,
    /// The range that is being read, or an empty one of no buffer.
    range: Range,
    /// Messages read, and those that the writer was told of.
    taken: u32,
    credited: u32,
}

impl Reader {
    /// Reads the next frame into `m`, with its MORE flag and its peer. Finding none arms: the next publish tells.
    #[inline]
    pub fn get(&mut self, m: &mut Msg) -> Got {
        if self.read(m) {
            return Got { frame: true, wake: !m.more() && self.message_read() };
        }
        self.get_slow(m)
    }

    /// As [`Reader::get`], but only from the range that is being read; arms nothing.
    #[inline(always)]
    pub fn get_ready(&mut self, m: &mut Msg) -> Got {
        let frame = self.next_of_range(m);
        Got { frame, wake: frame && !m.more() && self.message_read() }
    }

    #[inline(always)]
    fn next_of_range(&mut self, m: &mut Msg) -> bool {
        if self.range.is_empty() {
            return false;
        }
        let frame = self.range.next(m);
        if self.range.is_empty() {
            self.leave_range();
        }
        frame
    }

    /// At the end of a range, and not only when the next is asked for: it keeps its whole read buffer.
    #[inline(never)]
    fn leave_range(&mut self) {
        self.range = Range::EMPTY;
    }

    #[inline]
    fn read(&mut self, m: &mut Msg) -> bool {
        loop {
            if self.next_of_range(m) {
                return true;
            }
            match self.batches.take() {
                None => return false,
                Some(Batch::Range(range)) => self.range = range,
                Some(Batch::Frame(frame)) => {
                    *m = frame;
                    return true;
                }
            }
        }
    }

    /// Counts a message; true: the writer waits and has room again.
    #[inline(always)]
    fn message_read(&mut self) -> bool {
        self.taken = self.taken.wrapping_add(1);
        self.taken.wrapping_sub(self.credited) >= self.shared.credit.lwm() && self.grant()
    }

    #[inline(never)]
    fn grant(&mut self) -> bool {
        self.credited = self.taken;
        self.shared.credit.grant(self.taken)
    }

    #[cold]
    fn get_slow(&mut self, m: &mut Msg) -> Got {
        let mut wake = self.taken != self.credited && self.grant();
        let frame = self.batches.arm_often() && self.read(m);
        wake |= frame && !m.more() && self.message_read();
        Got { frame, wake }
    }

    /// Whether a frame can be read. A false arms: the next publish tells.
    #[inline]
    pub fn has(&mut self) -> bool {
        self.peek() || self.batches.arm_often()
    }

    /// Whether a frame can be read, without arming.
    #[inline]
    pub fn peek(&mut self) -> bool {
        !self.range.is_empty() || self.batches.peek()
    }

    /// Whether the writer is gone and everything was read.
    pub fn ended(&mut self) -> bool {
        !self.peek() && self.batches.ended()
    }

    /// Messages published and not read: an estimate while the writer writes.
    pub fn messages_queued(&self) -> u32 {
        self.shared.published.load(Ordering::Relaxed).wrapping_sub(self.taken)
    }

    /// Changes the high-water mark.
    pub fn set_hwm(&mut self, hwm: u32) {
        self.shared.credit.set_hwm(hwm);
    }
}
