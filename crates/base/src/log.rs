//! The outbound half of a wire pipe: an append-only stream of records, one writer and one reader.
//!
//! Records ([`crate::record`]) lie in segments of 4, 64 and 256 KB, never across the end of one; a body of more than
//! [`COPY_MAX`] bytes, or one whose owner waits for its free function, is not copied but spliced in behind its header. The writer (a socket) appends, invisible until
//! [`Writer::publish`], one Release store. The [`Reader`] (whoever drives the output of the connection) writes the
//! bytes as they lie, or takes record by record, and credits the high-water mark at segment ends, splice ends and
//! wherever it caught up. What was not sent survives the connection.
//!
//! Invariants: bytes below the published position belong to the reader and never change; bytes above belong to the
//! writer. A segment's `end` and `next` are read only on the way to a published byte. Segments behind the reader's
//! head are its to free; segments that hold unpublished bytes alone are the writer's. The last segment is shared, and
//! is taken from an idle log by the agreement in [`Reader::release_idle`].
use std::{fmt, mem::MaybeUninit, ptr};

use crate::{
    Kind, Msg, OutOfMemory, chain,
    credit::Debit,
    link::{Link, Position},
    msg::copy_short,
    pipe::Due,
    promise::Promised,
    record,
    sync::{
        Arc, AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Line, Ordering, UnsafeCell, light_fence,
        yield_now,
    },
};

mod reader;
#[cfg(all(test, not(loom)))]
mod tests;

pub use reader::{Lost, Reader, RecordRef, SLICES, SLICES_BYTES};

/// The longest body that is copied into the log.
pub const COPY_MAX: usize = if cfg!(loom) { 4 } else { 4096 };
/// Sizes of segments in bytes, in the order of growth.
const SIZES: [usize; 3] = if cfg!(loom) { [8, 8, 8] } else { [4 << 10, 64 << 10, 256 << 10] };
/// Unflushed bytes that make a batch.
const BATCH: u64 = 64 << 10;

/// How often a writer that would drop a message gives way to a write that is under way: a limit, since the thread that
/// writes may have lost its core to this one.
const WRITE_YIELDS: u32 = 10_000;

/// The most bytes between the reader's head and the writer: positions wrap, and the rest is for what goes on in a segment.
const REACH: u64 = Position::BYTES_MAX - (1 << 20);

/// In [`Segment::end`]: the writer is still in it.
const OPEN: u32 = u32::MAX;

/// [`Shared::reclaim`]: the last segment is the writer's to go on with.
const NONE: u8 = 0;
/// The reader would like to have it.
const ASKED: u8 = 1;
/// The reader has freed it; the writer starts anew.
const TAKEN: u8 = 2;

struct Segment {
    next: AtomicPtr<Self>,
    /// Bytes used, once the writer left.
    end: AtomicU32,
    /// Messages completed before the end, and whether the next one is incomplete there.
    end_messages: AtomicU32,
    end_inside: AtomicBool,
    bytes: *mut u8,
    capacity: usize,
    /// The model's view of `bytes`.
    #[cfg(loom)]
    cells: Vec<UnsafeCell<()>>,
}

impl Segment {
    fn allocate(capacity: usize) -> Result<*mut Self, OutOfMemory> {
        let mut bytes: Vec<MaybeUninit<u8>> = Vec::new();
        bytes.try_reserve_exact(capacity).map_err(|_| OutOfMemory)?;
        // SAFETY: uninitialised bytes need no initialisation, and the capacity is at least this.
        unsafe { bytes.set_len(capacity) };
        Ok(Box::into_raw(Box::new(Self {
            next: AtomicPtr::new(ptr::null_mut()),
            end: AtomicU32::new(OPEN),
            end_messages: AtomicU32::new(0),
            end_inside: AtomicBool::new(false),
            bytes: Box::into_raw(bytes.into_boxed_slice()).cast(),
            capacity,
            #[cfg(loom)]
            cells: (0..capacity).map(|_| UnsafeCell::new(())).collect(),
        })))
    }

    /// # Safety
    /// `segment` comes from [`Segment::allocate`], nobody else can reach it, and it is freed once.
    unsafe fn free(segment: *mut Self) {
        // SAFETY: by the contract; `bytes` and `capacity` are those of the boxed slice that was made for it.
        unsafe {
            let segment = Box::from_raw(segment);
            let bytes =
                ptr::slice_from_raw_parts_mut(segment.bytes.cast::<MaybeUninit<u8>>(), segment.capacity);
            drop(Box::from_raw(bytes));
        }
    }

    /// Where the writer writes `len` bytes at `at`.
    fn write_at(&self, at: usize, len: usize) -> *mut u8 {
        debug_assert!(at + len <= self.capacity, "write past a segment");
        #[cfg(loom)]
        self.cells[at..at + len].iter().for_each(|c| c.with_mut(|_| ()));
        // SAFETY: the writer reserved this room.
        unsafe { self.bytes.add(at) }
    }

    /// # Safety
    /// These bytes are published, and the segment lives as long as the result.
    unsafe fn read_at<'a>(&self, at: usize, len: usize) -> &'a [u8] {
        #[cfg(loom)]
        self.cells[at..at + len].iter().for_each(|c| c.with(|_| ()));
        // SAFETY: published bytes are initialised and do not change.
        unsafe { std::slice::from_raw_parts(self.bytes.add(at), len) }
    }
}

/// Whether a body is copied into the segments. One of no bytes is: a splice has some.
#[inline(always)]
fn is_copied(m: &Msg) -> bool {
    m.len() <= COPY_MAX && (!m.is_foreign() || m.is_empty())
}

/// A body that lies outside the segments, right behind its header.
struct Splice {
    /// Its position in the stream.
    at: u64,
    body: Msg,
    /// Messages completed behind it, and whether the next one is incomplete there.
    messages: u32,
    inside: bool,
}

struct Shared {
    first: AtomicPtr<Segment>,
    spare: AtomicPtr<Segment>,
    /// The writer has unpublished bytes in the last segment.
    busy: Line<AtomicBool>,
    reclaim: Line<AtomicU8>,
    /// The newest restart mark ([`Position`]) and the number of restarts.
    restart: AtomicU64,
    restarts: AtomicU32,
    writer_gone: AtomicBool,
    reader_gone: AtomicBool,
    /// The reader's segment when it was dropped.
    left: UnsafeCell<*mut Segment>,
}

// SAFETY: bytes are reached by one side at a time (invariants of the module); `left` is written by the reader's drop
// and read by the drop of the whole.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: both ends are gone.
        let mut segment = self.left.with(|p| unsafe { *p });
        if segment.is_null() {
            segment = self.first.load(Ordering::Relaxed);
        }
        // SAFETY: both ends are gone: the chain from the reader's place on, and the spare, are nobody's.
        unsafe {
            while !segment.is_null() {
                let next = (*segment).next.load(Ordering::Relaxed);
                Segment::free(segment);
                segment = next;
            }
            let spare = self.spare.load(Ordering::Relaxed);
            if !spare.is_null() {
                Segment::free(spare);
            }
        }
    }
}

/// The log of a link, with this high-water mark in messages; 0 is unlimited.
pub fn log(link: Arc<Link>, hwm: u32) -> (Writer, Reader) {
    link.credit.set_hwm(hwm);
    let batch_messages = batch_messages(link.credit.hwm());
    let shared = Arc::new(Shared {
        first: AtomicPtr::new(ptr::null_mut()),
        spare: AtomicPtr::new(ptr::null_mut()),
        busy: Line(AtomicBool::new(false)),
        reclaim: Line(AtomicU8::new(NONE)),
        restart: AtomicU64::new(0),
        restarts: AtomicU32::new(0),
        writer_gone: AtomicBool::new(false),
        reader_gone: AtomicBool::new(false),
        left: UnsafeCell::new(ptr::null_mut()),
    });
    let (tail, head) = chain::chain();
    let writer = Writer {
        shared: Arc::clone(&shared),
        link: Arc::clone(&link),
        splices: tail,
        here: End::default(),
        mark: End::default(),
        inside: false,
        busy: false,
        size: 0,
        batch: Count::default(),
        batch_messages,
        reach: REACH,
        debit: Debit::default(),
    };
    (writer, Reader::new(shared, link, head))
}

/// Unflushed messages that make a batch at this high-water mark: three quarters of it.
fn batch_messages(hwm: u32) -> u32 {
    if hwm == 0 { u32::MAX } else { hwm - hwm / 4 }
}

/// Counts of a stream from its birth; the writer's and the reader's agree.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    bytes: u64,
    messages: u32,
}

impl Count {
    fn position(self) -> Position {
        Position::new(self.messages, self.bytes)
    }

    /// The counts at a position at or behind this one.
    fn at(self, position: Position) -> Self {
        Self {
            bytes: self.bytes.wrapping_add(position.bytes_since(self.position())),
            messages: self.messages.wrapping_add(position.messages_since(self.position())),
        }
    }
}

/// Where the writer is.
#[derive(Clone, Copy)]
struct End {
    segment: *mut Segment,
    at: usize,
    count: Count,
}

impl Default for End {
    fn default() -> Self {
        Self { segment: ptr::null_mut(), at: 0, count: Count::default() }
    }
}

/// The writing end, of the socket. Dropping it drops what is not published and marks the end.
pub struct Writer {
    shared: Arc<Shared>,
    link: Arc<Link>,
    splices: chain::Writer<Splice>,
    here: End,
    /// `here` at the last publish: set when the writer becomes busy, and of no use before.
    mark: End,
    /// In the middle of a message.
    inside: bool,
    /// Own copy of the shared flag.
    busy: bool,
    /// Index of the next segment's size.
    size: usize,
    /// What was told of by the last `Due::Flush`, or credited since.
    batch: Count,
    batch_messages: u32,
    /// How many bytes there may be from the stream's birth, as the reader's head was when it was last looked at.
    reach: u64,
    debit: Debit,
}

// SAFETY: the pointers name segments of `shared`, see there.
unsafe impl Send for Writer {}

impl Writer {
    /// Whether a message may be started; asked at its first frame. A false arms the reader's wake-up, unless the
    /// reader is gone.
    #[inline(always)]
    pub fn room(&mut self) -> bool {
        let published = if self.busy { self.mark } else { self.here }.count.messages;
        self.link.credit.room(&mut self.debit, published) && !self.reader_gone()
    }

    /// As [`Writer::room`], for a message that is dropped without: a write that is just under way is counted first. The
    /// peer may have read and answered what it took, and whoever knows that counts on the room.
    #[inline]
    pub fn room_or_drop(&mut self) -> bool {
        self.room() || self.room_after_write()
    }

    #[cold]
    #[inline(never)]
    fn room_after_write(&mut self) -> bool {
        self.await_write();
        self.room()
    }

    /// Whether a pipe that was found full has room again, which the writer may not have been told yet; looks as hard.
    #[cold]
    pub fn reopens(&mut self) -> bool {
        if self.link.credit.is_waited_for() {
            self.await_write();
        }
        !self.link.credit.is_waited_for() && self.room()
    }

    fn await_write(&self) {
        for _ in 0..WRITE_YIELDS {
            if !self.link.sent.is_writing() {
                break;
            }
            yield_now();
        }
    }

    /// Appends a frame, invisible until [`Writer::publish`]; `m` is left empty. On `OutOfMemory`, `m` is untouched.
    #[inline(always)]
    pub fn put(&mut self, m: &mut Msg, more: bool) -> Result<(), OutOfMemory> {
        if is_copied(m) {
            self.append(m.kind(), more, m.as_slice())?;
            m.clear();
            return Ok(());
        }
        self.splice(m.kind(), more, m.len(), || {
            m.set_peer(None);
            m.take()
        })
    }

    /// Puts and publishes a message of one frame if there is room; none, and `m` untouched, if not.
    #[inline(always)]
    pub fn offer(&mut self, m: &mut Msg) -> Result<Option<Due>, OutOfMemory> {
        if !self.room() {
            return Ok(None);
        }
        if !self.busy {
            self.claim();
            if self.append_short(m) {
                return Ok(Some(self.make_visible()));
            }
            self.mark = self.here;
        }
        self.put(m, false)?;
        Ok(Some(self.publish()))
    }

    /// Appends a frame that lies in the message, with moves of fixed sizes; false, and nothing done, if it does not or
    /// the segment ends before them.
    #[inline(always)]
    fn append_short(&mut self, m: &mut Msg) -> bool {
        let End { segment, at, .. } = self.here;
        // SAFETY: the last segment is the writer's, which is claimed; only bytes behind the last record are written, of
        // which those of this record will be published.
        unsafe {
            if segment.is_null() || (*segment).capacity - at < record::SHORT_HEADER + Msg::INLINE_MAX {
                return false;
            }
            let to = (*segment).bytes.add(at);
            let Some(len) = m.copy_inline(to.add(record::SHORT_HEADER)) else { return false };
            to.cast::<[u8; 2]>().write([m.record_flags() & record::KIND_MASK, len as u8]);
            m.clear();
            self.step(record::SHORT_HEADER + len, 0, false);
        }
        true
    }

    /// Appends a copy of a frame, its bytes or a reference to its body.
    #[inline]
    pub fn put_copy(&mut self, m: &Msg, more: bool) -> Result<(), OutOfMemory> {
        if is_copied(m) {
            return self.append(m.kind(), more, m.as_slice());
        }
        self.splice(m.kind(), more, m.len(), || m.share())
    }

    #[inline(always)]
    fn append(&mut self, kind: Kind, more: bool, body: &[u8]) -> Result<(), OutOfMemory> {
        let header_len = record::header_len(body.len());
        let to = self.reserve(header_len + body.len())?;
        let header = record::header(kind, more, body.len());
        // SAFETY: so much was reserved for this record, apart from both sources.
        unsafe {
            copy_short(header.as_ptr(), to, header_len);
            let to = to.add(header_len);
            if body.len() <= 48 {
                copy_short(body.as_ptr(), to, body.len());
            } else {
                ptr::copy_nonoverlapping(body.as_ptr(), to, body.len());
            }
        }
        self.step(header_len + body.len(), 0, more);
        Ok(())
    }

    #[inline(never)]
    fn splice(
        &mut self,
        kind: Kind,
        more: bool,
        len: usize,
        body: impl FnOnce() -> Msg,
    ) -> Result<(), OutOfMemory> {
        let header_len = record::header_len(len);
        self.stay_in_reach(len)?;
        let to = self.reserve(header_len)?;
        let at = self.here.count.bytes.wrapping_add(header_len as u64);
        let messages = self.here.count.messages.wrapping_add(u32::from(!more));
        self.splices.push(|| Splice { at, body: body(), messages, inside: more })?;
        let header = record::header(kind, more, len);
        // SAFETY: so much was reserved, apart from the source.
        unsafe { ptr::copy_nonoverlapping(header.as_ptr(), to, header_len) };
        self.step(header_len, len, more);
        Ok(())
    }

    /// Whether so many more bytes leave the end of the stream where the reader can tell it. There is no memory for more,
    /// unless it is that of shared bodies.
    fn stay_in_reach(&mut self, len: usize) -> Result<(), OutOfMemory> {
        let end = self.here.count.bytes.saturating_add(len as u64);
        if end > self.reach {
            let unread = self.here.count.position().bytes_since(self.link.head());
            self.reach = self.here.count.bytes - unread + REACH;
        }
        if end > self.reach { Err(OutOfMemory) } else { Ok(()) }
    }

    #[inline(always)]
    fn step(&mut self, in_segment: usize, spliced: usize, more: bool) {
        self.here.at += in_segment;
        self.here.count.bytes = self.here.count.bytes.wrapping_add((in_segment + spliced) as u64);
        self.here.count.messages = self.here.count.messages.wrapping_add(u32::from(!more));
        self.inside = more;
    }

    /// Room for `len` bytes in one segment.
    #[inline(always)]
    fn reserve(&mut self, len: usize) -> Result<*mut u8, OutOfMemory> {
        if !self.busy {
            self.begin();
        }
        // SAFETY: the last segment is the writer's while it is busy.
        if self.here.segment.is_null() || unsafe { (*self.here.segment).capacity } - self.here.at < len {
            self.grow(len)?;
        }
        // SAFETY: as above.
        Ok(unsafe { (*self.here.segment).write_at(self.here.at, len) })
    }

    #[inline(always)]
    fn begin(&mut self) {
        self.claim();
        // Not at the publish: there these were just written, in other widths than a copy reads.
        self.mark = self.here;
    }

    /// Lays claim to the last segment, which the reader may have taken from an idle log.
    #[inline(always)]
    fn claim(&mut self) {
        self.busy = true;
        self.shared.busy.store(true, Ordering::Relaxed);
        light_fence();
        if self.shared.reclaim.load(Ordering::Relaxed) != NONE {
            self.answer_reclaim();
        }
    }

    #[cold]
    fn answer_reclaim(&mut self) {
        let reclaim = &self.shared.reclaim;
        if reclaim.compare_exchange(ASKED, NONE, Ordering::AcqRel, Ordering::Acquire) == Err(TAKEN) {
            (self.here.segment, self.here.at) = (ptr::null_mut(), 0);
            self.size = 0;
            self.shared.reclaim.store(NONE, Ordering::Relaxed);
        }
    }

    #[cold]
    fn grow(&mut self, len: usize) -> Result<(), OutOfMemory> {
        self.stay_in_reach(len)?;
        let size =
            SIZES[self.size].max(SIZES[SIZES.iter().position(|&s| s >= len).unwrap_or(SIZES.len() - 1)]);
        let mut next = self.shared.spare.swap(ptr::null_mut(), Ordering::Acquire);
        // SAFETY: a spare is in no chain and the taker's.
        if !next.is_null() && unsafe { (*next).capacity } < size.max(len) {
            // SAFETY: as above.
            unsafe { Segment::free(next) };
            next = ptr::null_mut();
        }
        if next.is_null() {
            next = Segment::allocate(size.max(len))?;
        }
        // SAFETY: `next` is in no chain; the last segment is the writer's while it is busy.
        unsafe {
            (*next).next.store(ptr::null_mut(), Ordering::Relaxed);
            (*next).end.store(OPEN, Ordering::Relaxed);
            if self.here.segment.is_null() {
                self.shared.first.store(next, Ordering::Relaxed);
                self.mark.segment = next;
            } else {
                let last = &*self.here.segment;
                last.end_messages.store(self.here.count.messages, Ordering::Relaxed);
                last.end_inside.store(self.inside, Ordering::Relaxed);
                last.end.store(self.here.at as u32, Ordering::Relaxed);
                last.next.store(next, Ordering::Relaxed);
            }
        }
        (self.here.segment, self.here.at) = (next, 0);
        // The largest only for a connection that cannot keep up: smaller ones stay in the cache.
        let backlog = self.here.count.position().bytes_since(self.link.head());
        self.size = if backlog > 2 * SIZES[1] as u64 { 2 } else { 1 };
        Ok(())
    }

    /// Makes what was put visible to the connection.
    #[inline(always)]
    pub fn publish(&mut self) -> Due {
        if !self.busy || self.here.count.bytes == self.mark.count.bytes {
            return Due::Nothing;
        }
        self.splices.publish();
        self.make_visible()
    }

    #[inline(always)]
    fn make_visible(&mut self) -> Due {
        self.link.published.store(self.here.count.position().to_bits(), Ordering::Release);
        self.leave();
        match self.link.promise.publish_made() {
            Promised::First => Due::Look,
            Promised::Parked => Due::Nothing,
            Promised::Already | Promised::Watched if self.is_batch_full() => Due::Flush,
            Promised::Already | Promised::Watched => Due::Nothing,
        }
    }

    #[inline(always)]
    fn leave(&mut self) {
        self.busy = false;
        // Release: a reader that sees this sees what was published.
        self.shared.busy.store(false, Ordering::Release);
    }

    #[inline(always)]
    fn is_batch_full(&mut self) -> bool {
        self.is_batch() && self.begin_batch()
    }

    #[inline(always)]
    fn is_batch(&self) -> bool {
        self.here.count.bytes.wrapping_sub(self.batch.bytes) >= BATCH
            || self.here.count.messages.wrapping_sub(self.batch.messages) >= self.batch_messages
    }

    /// Maybe somebody has written meanwhile.
    #[inline(never)]
    fn begin_batch(&mut self) -> bool {
        let unflushed = self.here.count.position().bytes_since(self.link.head());
        if unflushed < self.here.count.bytes.wrapping_sub(self.batch.bytes) {
            self.batch = self.batch.at(self.link.head());
        }
        let flush = self.is_batch();
        if flush {
            self.batch = self.here.count;
        }
        flush
    }

    /// Drops what was put since the last publish.
    pub fn rollback(&mut self) {
        if !self.busy {
            return;
        }
        self.splices.rollback();
        if self.here.segment != self.mark.segment {
            // SAFETY: the mark's segment is the writer's end while it is busy; those behind it hold nothing published.
            unsafe {
                let mark = &*self.mark.segment;
                let mut behind = mark.next.swap(ptr::null_mut(), Ordering::Relaxed);
                mark.end.store(OPEN, Ordering::Relaxed);
                while !behind.is_null() {
                    let next = (*behind).next.load(Ordering::Relaxed);
                    Segment::free(behind);
                    behind = next;
                }
            }
        }
        self.here = self.mark;
        self.inside = false;
        self.leave();
    }

    /// Changes the high-water mark. A full log becomes writable by the reader's progress only.
    pub fn set_hwm(&mut self, hwm: u32) {
        self.link.credit.set_hwm(hwm);
        self.batch_messages = batch_messages(self.link.credit.hwm());
    }

    /// The connection is being made again: the reader discards everything that was put before this, and the pattern
    /// writes its state anew.
    pub fn restart(&mut self) {
        self.rollback();
        self.shared.restart.store(self.here.count.position().to_bits(), Ordering::Relaxed);
        self.shared.restarts.fetch_add(1, Ordering::Release);
    }

    /// Messages that were published and neither sent nor dropped.
    pub fn queued(&self) -> u32 {
        let published = if self.busy { self.mark } else { self.here }.count.messages;
        // Counts wrap, so the low bits are enough.
        published.wrapping_sub(self.link.sent.taken() as u32)
    }

    /// Whether the reading end was dropped.
    pub fn reader_gone(&self) -> bool {
        self.shared.reader_gone.load(Ordering::Relaxed)
    }

    /// The link.
    pub fn link(&self) -> &Arc<Link> {
        &self.link
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.rollback();
        self.shared.writer_gone.store(true, Ordering::Release);
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("here", &self.here.count)
            .field("published", &self.link.published())
            .finish_non_exhaustive()
    }
}
