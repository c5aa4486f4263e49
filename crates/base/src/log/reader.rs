//! The reading end of a log.
use std::{fmt, io::IoSlice, mem, ptr};

use super::{ASKED, Count, NONE, OPEN, SIZES, Segment, Shared, Splice, TAKEN};
use crate::{
    Kind, chain,
    link::{Dropped, Link, Position},
    record,
    sync::{Arc, Ordering, try_heavy_fence},
};

/// The most slices that [`Reader::slices`] gives at once.
pub const SLICES: usize = 64;
/// The most bytes that [`Reader::slices`] gives at once, but for the end of the last slice.
pub const SLICES_BYTES: usize = 256 << 10;

/// What a lost connection means for the messages of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Messages that the connection took whole and that were not counted before.
    pub written: u64,
    /// Whether a message was cut; it is dropped.
    pub cut: bool,
}

/// A record, for encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// What it is.
    pub kind: Kind,
    /// Whether more frames of the message follow.
    pub more: bool,
    /// The bytes.
    pub body: &'a [u8],
}

/// A place in the log: `segment` null stands for the start of the first, which is to come.
#[derive(Clone, Copy)]
struct Place {
    segment: *mut Segment,
    at: usize,
    bytes: u64,
}

/// The place up to which the writer was credited, in the same segment as the write position and with no splice in
/// between but one that is being written.
#[derive(Clone, Copy)]
struct Head {
    at: usize,
    count: Count,
    /// In the middle of a message.
    inside: bool,
}

/// See [`crate::log`]. Owned by the output half of a connection; whoever holds that uses it.
pub struct Reader {
    shared: Arc<Shared>,
    link: Arc<Link>,
    splices: chain::Reader<Splice>,
    /// The write position.
    place: Place,
    head: Head,
    /// Published, as last loaded.
    snapshot: Count,
    /// Messages that the link was told of.
    credited: u32,
    /// Of these, those that are not counted as sent.
    uncounted: u64,
    /// Whole messages that were consumed and that the connection has not taken.
    held: u64,
    restarts: u32,
    restarted: bool,
    wake: bool,
}

// SAFETY: the pointers name segments of `shared`, see there.
unsafe impl Send for Reader {}

/// The next stretch of contiguous bytes.
enum Run {
    Bytes(usize),
    Splice(usize),
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, link: Arc<Link>, splices: chain::Reader<Splice>) -> Self {
        let place = Place { segment: ptr::null_mut(), at: 0, bytes: 0 };
        let head = Head { at: 0, count: Count::default(), inside: false };
        let (snapshot, credited, uncounted, held) = (Count::default(), 0, 0, 0);
        let (restarts, restarted, wake) = (0, false, false);
        Self {
            shared,
            link,
            splices,
            place,
            head,
            snapshot,
            credited,
            uncounted,
            held,
            restarts,
            restarted,
            wake,
        }
    }

    /// Looks what is published; whether there is anything to write. Applies a restart mark, once no record is half
    /// written.
    #[inline]
    pub fn pending(&mut self) -> bool {
        self.reload();
        if self.shared.restarts.load(Ordering::Acquire) != self.restarts {
            self.restart();
        }
        self.snapshot.bytes != self.place.bytes
    }

    #[inline]
    fn reload(&mut self) {
        let published = self.link.published();
        if published != self.snapshot.position() {
            self.snapshot = self.snapshot.at(published);
            self.splices.refresh();
        }
    }

    #[cold]
    fn restart(&mut self) {
        if self.place.bytes != self.head.count.bytes || self.head.inside {
            return;
        }
        self.restarts = self.shared.restarts.load(Ordering::Acquire);
        self.restarted = true;
        let mark = Position::from_bits(self.shared.restart.load(Ordering::Relaxed));
        // The mark was published before it was set, but maybe after the last look.
        self.reload();
        let skip = mark.bytes_since(self.head.count.position());
        if skip <= self.snapshot.bytes.wrapping_sub(self.place.bytes) {
            self.pass(skip);
            self.set_head(self.head.count.at(mark).messages, false);
            self.drop_credited(Dropped::Restarted);
        }
    }

    /// Whether a restart mark was passed since the last call.
    pub fn restarted(&mut self) -> bool {
        mem::take(&mut self.restarted)
    }

    /// What is to be written, as of the last [`Reader::pending`], at most `limit` bytes; returns the number of slices.
    pub fn slices<'a>(&'a self, buf: &mut [IoSlice<'a>; SLICES], limit: u64) -> usize {
        let mut out = Slices { buf, len: 0, bytes: 0, limit: limit.min(SLICES_BYTES as u64) as usize };
        let mut place = self.place;
        self.splices.look(|splice| {
            if splice.at >= self.snapshot.bytes || !self.gather(&mut place, splice.at, &mut out) {
                return false;
            }
            let body = &splice.body.as_slice()[place.bytes.wrapping_sub(splice.at) as usize..];
            place.bytes = place.bytes.wrapping_add(body.len() as u64);
            out.push(body)
        });
        if out.has_room() {
            self.gather(&mut place, self.snapshot.bytes, &mut out);
        }
        out.len
    }

    /// Adds the bytes of segments up to `stop`; false: no more fit.
    fn gather<'a>(&'a self, place: &mut Place, stop: u64, out: &mut Slices<'_, 'a>) -> bool {
        // A splice that is half written lies before the place.
        while place.bytes < stop {
            if !out.has_room() {
                return false;
            }
            self.settle_place(place, |_| {});
            // SAFETY: `place` is before a published byte of this segment, which lives while the reader is borrowed.
            let (len, bytes) = unsafe {
                let len = run_len(&*place.segment, place.at, stop - place.bytes);
                (len, (*place.segment).read_at(place.at, len))
            };
            out.push(bytes);
            place.at += len;
            place.bytes += len as u64;
        }
        out.has_room()
    }

    /// Before a published byte of a segment: goes to the segment that it lies in.
    fn settle_place(&self, place: &mut Place, mut left: impl FnMut(*mut Segment)) {
        if place.segment.is_null() {
            (place.segment, place.at) = (self.shared.first.load(Ordering::Relaxed), 0);
        }
        // SAFETY: `place` is in a segment that the reader did not leave; `end` and `next` were stored before what
        // lies behind them was published.
        unsafe {
            while (*place.segment).end.load(Ordering::Relaxed) == place.at as u32 {
                let segment = place.segment;
                (place.segment, place.at) = ((*segment).next.load(Ordering::Relaxed), 0);
                left(segment);
            }
        }
    }

    /// So many bytes were written. True once for a writer that waited and has room again.
    pub fn advance(&mut self, bytes: usize) -> bool {
        self.link.sent.bytes.add(bytes as u64);
        self.pass(bytes as u64);
        self.credit_written();
        mem::take(&mut self.wake)
    }

    /// Moves on over published bytes, freeing what lies behind.
    fn pass(&mut self, mut bytes: u64) {
        debug_assert!(bytes <= self.snapshot.bytes.wrapping_sub(self.place.bytes), "past what is published");
        loop {
            // Also after the last byte: the ends of segments and splices are credited at once.
            self.leave_ends();
            if bytes == 0 {
                break;
            }
            let passed = match self.run() {
                Run::Splice(len) => bytes.min(len as u64),
                Run::Bytes(len) => {
                    let len = bytes.min(len as u64);
                    self.place.at += len as usize;
                    len
                }
            };
            self.place.bytes += passed;
            bytes -= passed;
        }
        if self.place.bytes == self.snapshot.bytes {
            // Counted on from the end of a segment, as positions may have wrapped since the last look at what is published.
            self.set_head(self.head.count.at(self.snapshot.position()).messages, false);
        }
    }

    /// Frees a splice or segment that ends here.
    fn leave_ends(&mut self) {
        while let Some(splice) = self.splices.first() {
            if splice.at + splice.body.len() as u64 > self.place.bytes {
                break;
            }
            if let Some(splice) = self.splices.take() {
                self.set_head(splice.messages, splice.inside);
            }
        }
        let at_splice = self.splices.first().is_some_and(|s| s.at == self.place.bytes);
        if self.place.bytes == self.snapshot.bytes || at_splice || self.is_in_splice() {
            return;
        }
        let mut place = self.place;
        let mut head = None;
        let shared = &self.shared;
        let fresh = place.segment.is_null();
        self.settle_place(&mut place, |segment| {
            // SAFETY: everything in it was passed, so that it is the reader's; what it says of its end was stored
            // before what lies behind was published.
            unsafe {
                let inside = (*segment).end_inside.load(Ordering::Relaxed);
                head = Some(((*segment).end_messages.load(Ordering::Relaxed), inside));
                recycle(shared, segment);
            }
        });
        self.place = place;
        if fresh {
            self.head.at = 0;
        }
        if let Some((messages, inside)) = head {
            self.set_head(messages, inside);
        }
    }

    fn is_in_splice(&self) -> bool {
        self.splices.first().is_some_and(|s| s.at < self.place.bytes)
    }

    /// The stretch at the place, which is before a published byte and not at the end of a segment.
    fn run(&self) -> Run {
        let left = self.snapshot.bytes - self.place.bytes;
        let left = match self.splices.first() {
            Some(s) if s.at <= self.place.bytes => {
                return Run::Splice(s.body.len() - (self.place.bytes - s.at) as usize);
            }
            Some(s) => left.min(s.at - self.place.bytes),
            None => left,
        };
        // SAFETY: the place's segment is alive.
        Run::Bytes(unsafe { run_len(&*self.place.segment, self.place.at, left) })
    }

    fn set_head(&mut self, messages: u32, inside: bool) {
        self.head = Head { at: self.place.at, count: Count { bytes: self.place.bytes, messages }, inside };
    }

    /// Tells the writer how far it is credited.
    fn credit(&mut self) -> u64 {
        let messages = self.head.count.messages.wrapping_sub(self.credited);
        let head = self.head.count.position().to_bits();
        if self.link.head.load(Ordering::Relaxed) != head {
            self.link.head.store(head, Ordering::Release);
        }
        if messages != 0 {
            self.credited = self.head.count.messages;
            self.wake |= self.link.credit.grant(self.credited);
        }
        u64::from(messages)
    }

    fn credit_written(&mut self) {
        self.uncounted += self.credit();
        let sent = self.uncounted.saturating_sub(self.held);
        self.uncounted -= sent;
        self.link.sent.messages.add(sent);
    }

    fn drop_credited(&mut self, why: Dropped) -> u64 {
        let messages = self.credit();
        self.link.sent.dropped(why).add(messages);
        messages
    }

    /// Whether a control frame may go out here: between two records.
    pub fn at_boundary(&self) -> bool {
        self.bytes_to_boundary() == 0
    }

    /// Bytes of the record that is half written.
    pub fn bytes_to_boundary(&self) -> u64 {
        let (mut at, mut bytes) = (self.head.at, self.head.count.bytes);
        while bytes < self.place.bytes {
            let header = self.header_at(self.place.segment, at);
            at += header.header_len;
            bytes += header.header_len as u64;
            if self.spliced_at(bytes).is_none() {
                at += header.body_len as usize;
            }
            bytes += header.body_len;
        }
        bytes - self.place.bytes
    }

    /// The body that lies outside the segments at this position, if one does; no other is before it.
    fn spliced_at(&self, position: u64) -> Option<&Splice> {
        self.splices.first().filter(|splice| splice.at == position)
    }

    /// The header of the record that starts at `at`, published.
    fn header_at(&self, segment: *mut Segment, at: usize) -> record::Header {
        // SAFETY: a record starts here and is published; a header never straddles segments, and of its first byte
        // follows how long it is.
        let parsed = unsafe {
            let long = (*segment).read_at(at, 1)[0] & record::LONG != 0;
            record::parse((*segment).read_at(at, if long { record::HEADER_MAX } else { 2 }))
        };
        parsed.unwrap_or(record::Header { flags: 0, header_len: 2, body_len: 0 })
    }

    /// The next record, for encoding; of the whole record, [`Reader::consume`] takes it. To be used between two
    /// records, instead of [`Reader::slices`].
    pub fn next_record(&mut self) -> Option<RecordRef<'_>> {
        let restart = self.shared.restarts.load(Ordering::Relaxed) != self.restarts;
        if (restart || self.snapshot.bytes == self.place.bytes) && !self.pending() {
            return None;
        }
        self.leave_ends();
        let header = self.header_at(self.place.segment, self.place.at);
        let body = match self.spliced_at(self.place.bytes + header.header_len as u64) {
            Some(splice) => splice.body.as_slice(),
            // SAFETY: a published record; the reader is borrowed while the body is.
            None => unsafe {
                let at = self.place.at + header.header_len;
                (*self.place.segment).read_at(at, header.body_len as usize)
            },
        };
        Some(RecordRef { kind: header.kind(), more: header.more(), body })
    }

    /// The record of [`Reader::next_record`] was encoded; as [`Reader::advance`].
    pub fn consume(&mut self) -> bool {
        if self.snapshot.bytes == self.place.bytes {
            return false;
        }
        self.leave_ends();
        let header = self.header_at(self.place.segment, self.place.at);
        self.advance(header.header_len + header.body_len as usize)
    }

    /// The message that ends with the record to be consumed next is not with the connection then: it counts as sent after
    /// [`Reader::let_go`] only.
    pub fn hold(&mut self) {
        self.held += 1;
    }

    /// The connection has taken so many of the messages that are held.
    pub fn let_go(&mut self, messages: u64) {
        self.held = self.held.saturating_sub(messages);
        self.credit_written();
    }

    /// The connection is gone: what it took whole is written, a message that it took in part is dropped, as are those
    /// that are held, and the rest stays for the next one.
    pub fn connection_lost(&mut self) -> Lost {
        let end = self.place.bytes;
        (self.place.at, self.place.bytes) = (self.head.at, self.head.count.bytes);
        let mut inside = self.head.inside;
        let mut lost = Lost::default();
        let before = self.head.count.messages;
        while (self.place.bytes < end || inside) && self.place.bytes != self.snapshot.bytes {
            self.leave_ends();
            let header = self.header_at(self.place.segment, self.place.at);
            self.pass(header.header_len as u64 + header.body_len);
            inside = header.more();
            if !inside && self.place.bytes <= end {
                lost.written += 1;
            } else if !inside {
                lost.cut = true;
            }
        }
        // What the head was credited before this call, but not told, was written as well.
        lost.written += u64::from(before.wrapping_sub(self.credited));
        self.set_head(self.credited.wrapping_add(lost.written as u32), false);
        self.credit_written();
        self.link.sent.dropped(Dropped::Cut).add(mem::take(&mut self.uncounted));
        self.held = 0;
        if lost.cut {
            self.set_head(self.credited.wrapping_add(1), false);
            self.drop_credited(Dropped::Cut);
        }
        lost
    }

    /// Drops everything published; returns the number of messages.
    pub fn discard(&mut self) -> u64 {
        self.reload();
        self.pass(self.snapshot.bytes.wrapping_sub(self.place.bytes));
        self.drop_credited(Dropped::PeerGone)
    }

    /// Whether a writer waits for the room that [`Reader::connection_lost`], [`Reader::discard`] or a restart made;
    /// once. [`Reader::advance`] says so as well.
    pub fn claim_waiting(&mut self) -> bool {
        mem::take(&mut self.wake) || self.link.credit.claim_waiting()
    }

    /// Messages published and not yet credited.
    pub fn queued(&self) -> u32 {
        self.link.published().messages_since(self.head.count.position())
    }

    /// Whether the writer is gone and everything was taken.
    pub fn ended(&mut self) -> bool {
        self.shared.writer_gone.load(Ordering::Acquire) && !self.pending()
    }

    /// Gives back the memory of a log in which nothing is queued; for a regular tick. True: nothing is held.
    pub fn release_idle(&mut self) -> bool {
        if self.pending() || self.place.bytes != self.head.count.bytes {
            return false;
        }
        let spare = self.shared.spare.swap(ptr::null_mut(), Ordering::Acquire);
        if !spare.is_null() {
            // SAFETY: a spare is in no chain and the taker's.
            unsafe { Segment::free(spare) };
        }
        if self.place.segment.is_null() {
            return self.shared.first.load(Ordering::Relaxed).is_null();
        }
        self.take_last()
    }

    /// Asks for the last segment. The writer lays claim by `busy`, a light fence and a look at `reclaim`; the reader
    /// asks, fences heavily and looks at `busy`: one of the two sees the other, and an exchange on `reclaim` decides.
    fn take_last(&mut self) -> bool {
        let reclaim = &self.shared.reclaim;
        reclaim.store(ASKED, Ordering::Relaxed);
        let busy = !try_heavy_fence() || self.shared.busy.load(Ordering::Acquire);
        if busy || self.link.published() != self.snapshot.position() {
            // The writer may have answered already, to the same end.
            reclaim.store(NONE, Ordering::Relaxed);
            return false;
        }
        self.shared.first.store(ptr::null_mut(), Ordering::Relaxed);
        if reclaim.compare_exchange(ASKED, TAKEN, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return false;
        }
        let segment = mem::replace(&mut self.place.segment, ptr::null_mut());
        (self.place.at, self.head.at) = (0, 0);
        // SAFETY: drained, the last, and the writer reads TAKEN before it touches it again.
        unsafe { Segment::free(segment) };
        true
    }

    /// The link.
    pub fn link(&self) -> &Arc<Link> {
        &self.link
    }
}

/// Bytes from `at` to the end of the segment, at most `left`.
fn run_len(segment: &Segment, at: usize, left: u64) -> usize {
    match segment.end.load(Ordering::Relaxed) {
        OPEN => left as usize,
        end => left.min(end as u64 - at as u64) as usize,
    }
}

/// The segment becomes the writer's spare, instead of the one before.
///
/// # Safety
/// The segment is the reader's and behind everything it will look at.
unsafe fn recycle(shared: &Shared, segment: *mut Segment) {
    // SAFETY: by the contract.
    let keep = unsafe { (*segment).capacity } >= SIZES[1];
    let free = if keep { shared.spare.swap(segment, Ordering::AcqRel) } else { segment };
    if !free.is_null() {
        // SAFETY: in no chain any more.
        unsafe { Segment::free(free) };
    }
}

/// The slices being gathered.
struct Slices<'b, 'a> {
    buf: &'b mut [IoSlice<'a>; SLICES],
    len: usize,
    bytes: usize,
    limit: usize,
}

impl<'a> Slices<'_, 'a> {
    fn has_room(&self) -> bool {
        self.len < SLICES && self.bytes < self.limit
    }

    /// Whether more fit.
    fn push(&mut self, bytes: &'a [u8]) -> bool {
        let bytes = &bytes[..bytes.len().min(self.limit - self.bytes)];
        self.buf[self.len] = IoSlice::new(bytes);
        self.len += 1;
        self.bytes += bytes.len();
        self.has_room()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.left.with_mut(|p| {
            // SAFETY: only the reader's drop writes it, only the drop of the whole reads it.
            unsafe { *p = self.place.segment };
        });
        self.shared.reader_gone.store(true, Ordering::Release);
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (head, snapshot) = (self.head.count, self.snapshot);
        f.debug_struct("Reader").field("head", &head).field("snapshot", &snapshot).finish_non_exhaustive()
    }
}
