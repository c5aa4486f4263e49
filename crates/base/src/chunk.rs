//! Read buffers whose bytes become messages without a copy.
//!
//! A [`Chunk`] is filled by whoever drives a connection's input; validated records leave it as a [`Range`], which
//! may go to another thread and makes messages: small bodies inline, larger ones by reference to the chunk.
//!
//! The chunk's count is biased: it starts at `BIAS`, all held by the chunk, which gives each range as many
//! references as it can need; a range passes one to each message by a plain decrement, so that a message costs one
//! atomic operation, when it is dropped.
//!
//! Invariants: the whole capacity and [`SLACK`] bytes after it are initialised, for ever. Bytes handed out belong to
//! their range alone, then to the messages made from it; the chunk never touches them again until all references are
//! back. A range never reads past its own end, where another thread may be writing.
//!
//! A body of 49 bytes or more that is kept for long keeps its whole chunk. Readers therefore start with small
//! chunks; copying small bodies out of full chunks that are still referenced is left open until it is measured, since
//! under load a full chunk is always still referenced.
use std::{fmt, ptr, slice, sync::Mutex};

use crate::{
    Msg, OutOfMemory, PeerRef,
    content::{self, Content},
    pool::{self, Block, BlockKind},
    record,
    sync::Ordering,
};

/// References that a fresh chunk holds on itself.
const BIAS: u32 = 1 << 20;
/// Readable bytes after the capacity.
pub const SLACK: usize = 64;
/// The capacities that are kept in the pool.
pub const CAPACITIES: [usize; 3] = [4 << 10, 64 << 10, 256 << 10];
/// Free bytes that are kept per capacity.
const KEPT: usize = 4 << 20;
/// The shortest record whose body is referenced.
const REFERENCED_MIN: usize = Msg::INLINE_MAX + 1 + 2;

/// Free chunks by capacity: a leaf lock, only tried, and once per chunk. Not the facade's: it is static.
static FREE: [Mutex<Vec<Free>>; CAPACITIES.len()] = [const { Mutex::new(Vec::new()) }; CAPACITIES.len()];

struct Free(*mut Block);
// SAFETY: a free chunk belongs to the list.
unsafe impl Send for Free {}

/// What lies between the header of the block and the buffer.
#[repr(C, align(16))]
struct Head {
    capacity: usize,
}

/// # Safety
/// `block` is a live chunk.
unsafe fn buffer(block: *mut Block) -> *mut u8 {
    // SAFETY: chunks are allocated with a head before the buffer.
    unsafe { pool::data(block).add(size_of::<Head>()) }
}

fn shelf(capacity: usize) -> Option<&'static Mutex<Vec<Free>>> {
    CAPACITIES.iter().position(|&c| c == capacity).map(|at| &FREE[at])
}

/// Takes a chunk back whose last reference is gone.
///
/// # Safety
/// `block` is a chunk that nobody uses any more.
pub(crate) unsafe fn recycle(block: *mut Block) {
    // SAFETY: the block is ours alone; its head was written when it was made.
    let capacity = unsafe { (*pool::data(block).cast::<Head>()).capacity };
    if !cfg!(loom)
        && let Some(mut free) = shelf(capacity).and_then(|shelf| shelf.try_lock().ok())
        && (free.len() + 1) * capacity <= KEPT
    {
        return free.push(Free(block));
    }
    // SAFETY: as above.
    unsafe { pool::release(block) };
}

/// A read buffer, filled by whoever drives a connection's input. Its memory is zeroed once, so all of it is
/// initialised; bytes handed out as a [`Range`] are never written again.
pub struct Chunk {
    block: *mut Block,
    capacity: usize,
    /// Handed out up to here.
    start: usize,
    /// Filled up to here.
    end: usize,
    /// Our references.
    held: u32,
}

// SAFETY: the filled and spare parts of the buffer belong to the chunk alone, the count is atomic.
unsafe impl Send for Chunk {}

impl Chunk {
    /// From the pool of its size class (4, 64, 256 KB); larger ones from the allocator.
    pub fn with_capacity(bytes: usize) -> Result<Self, OutOfMemory> {
        let capacity = CAPACITIES.into_iter().find(|&c| c >= bytes).unwrap_or(bytes);
        let pooled = shelf(capacity).and_then(|shelf| shelf.try_lock().ok()).and_then(|mut free| free.pop());
        let block = match pooled {
            Some(Free(block)) => block,
            None => {
                let size = capacity.checked_add(size_of::<Head>() + SLACK).ok_or(OutOfMemory)?;
                let block = pool::allocate_zeroed(size)?;
                // SAFETY: a fresh block with room for the head.
                unsafe {
                    (*block).kind = BlockKind::Chunk;
                    pool::data(block).cast::<Head>().write(Head { capacity });
                }
                block
            }
        };
        // SAFETY: the block is ours alone.
        unsafe { (*block).rc.store(BIAS, Ordering::Relaxed) };
        Ok(Self { block, capacity, start: 0, end: 0, held: BIAS })
    }

    /// Bytes that the buffer holds.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Where the next bytes go.
    pub fn spare(&mut self) -> &mut [u8] {
        // SAFETY: initialised, and ours alone: nothing at or after `end` was handed out.
        unsafe { slice::from_raw_parts_mut(buffer(self.block).add(self.end), self.capacity - self.end) }
    }

    /// `n` bytes were written to the start of `spare`; at most its length counts.
    pub fn fill(&mut self, n: usize) {
        self.end += n.min(self.capacity - self.end);
    }

    /// The bytes that are filled and not yet handed out.
    pub fn pending(&self) -> &[u8] {
        // SAFETY: initialised, and ours alone.
        unsafe { slice::from_raw_parts(buffer(self.block).add(self.start), self.end - self.start) }
    }

    /// The same bytes, to be changed in place (unmasked, decrypted).
    pub fn pending_mut(&mut self) -> &mut [u8] {
        // SAFETY: initialised, and ours alone.
        unsafe { slice::from_raw_parts_mut(buffer(self.block).add(self.start), self.end - self.start) }
    }

    /// Hands out the first `n` pending bytes (at most all of them): whole validated records.
    pub fn hand_out(&mut self, n: usize) -> Range {
        let n = n.min(self.end - self.start);
        // SAFETY: within the buffer.
        let at = unsafe { buffer(self.block).add(self.start).cast_const() };
        self.start += n;
        // One for the range, and one for each body that can be referenced.
        let refs = u32::try_from(n / REFERENCED_MIN + 1).unwrap_or(BIAS);
        if self.held <= refs {
            // SAFETY: we hold at least one reference.
            unsafe { content::retain(self.block, refs) };
        } else {
            self.held -= refs;
        }
        Range { block: self.block, at, left: n, refs, peer: PeerRef::NONE }
    }

    /// Drops the first `n` pending bytes (at most all of them).
    pub fn skip(&mut self, n: usize) {
        self.start += n.min(self.end - self.start);
    }

    /// Takes `at..at+len` (a command) out of the pending bytes; the bytes before it move up.
    pub fn remove(&mut self, at: usize, len: usize) {
        let pending = self.end - self.start;
        let at = at.min(pending);
        let len = len.min(pending - at);
        self.pending_mut().copy_within(..at, len);
        self.start += len;
    }

    /// If nothing handed out is alive any more: starts over at the beginning with the pending bytes moved there.
    pub fn try_rewind(&mut self) -> bool {
        // Acquire: what the readers did with the bytes happens before they are written again.
        // SAFETY: we hold references.
        let unshared = unsafe { (*self.block).rc.load(Ordering::Acquire) } == self.held;
        if unshared {
            let (start, len) = (self.start, self.end - self.start);
            // SAFETY: the whole buffer is ours alone.
            unsafe {
                ptr::copy(buffer(self.block).add(start), buffer(self.block), len);
                (*self.block).rc.store(BIAS, Ordering::Relaxed);
            }
            (self.start, self.end, self.held) = (0, len, BIAS);
        }
        unshared
    }

    /// Goes on in a fresh buffer of this capacity, at least that of the pending bytes, which move there.
    pub fn renew(&mut self, bytes: usize) -> Result<(), OutOfMemory> {
        let mut fresh = Self::with_capacity(bytes.max(self.pending().len()))?;
        let pending = self.pending();
        fresh.spare()[..pending.len()].copy_from_slice(pending);
        fresh.fill(pending.len());
        *self = fresh;
        Ok(())
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: these references are ours and end here.
        unsafe { content::release(self.block, self.held) };
    }
}

impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Chunk({}..{} of {})", self.start, self.end, self.capacity)
    }
}

/// A range of validated records, counted on its chunk. Reading it makes messages: bodies up to 48 bytes inline,
/// larger ones by reference to the chunk.
pub struct Range {
    block: *mut Block,
    at: *const u8,
    left: usize,
    /// Our references: always at least one, if there is a block.
    refs: u32,
    peer: PeerRef,
}

// SAFETY: the bytes of a range belong to it alone, the count is atomic.
unsafe impl Send for Range {}

impl Range {
    /// No records, of no chunk.
    pub(crate) const EMPTY: Self =
        Self { block: ptr::null_mut(), at: ptr::dangling(), left: 0, refs: 0, peer: PeerRef::NONE };

    /// Whose records these are: what [`Range::next`] gives its messages.
    pub(crate) fn of_peer(mut self, peer: Option<PeerRef>) -> Self {
        self.peer = peer.unwrap_or(PeerRef::NONE);
        self
    }

    /// Whether every record was read.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// The bytes of the records that are left.
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: initialised, and ours alone.
        unsafe { slice::from_raw_parts(self.at, self.left) }
    }

    /// The next frame, with its MORE flag set and its peer; false at the end. What `m` held is dropped.
    /// Anything but whole records ends the range.
    #[inline(always)]
    pub fn next(&mut self, m: &mut Msg) -> bool {
        let bytes = self.as_slice();
        let (flags, header, body) = match *bytes {
            [flags, len, ..] if flags & record::LONG == 0 => (flags, 2, len as usize),
            _ => match record::parse(bytes) {
                Some(long) => {
                    (long.flags, long.header_len, usize::try_from(long.body_len).unwrap_or(usize::MAX))
                }
                None => {
                    self.left = 0;
                    return false;
                }
            },
        };
        let after_header = self.left - header;
        if body > after_header {
            self.left = 0;
            return false;
        }
        // A peer's reserved bits must not make a command of its message.
        let flags = flags & record::MORE;
        // SAFETY: header and body lie within the range.
        let start = unsafe { self.at.add(header) };
        if body <= Msg::INLINE_MAX {
            if after_header >= Msg::INLINE_MAX {
                // SAFETY: 48 bytes are readable and belong to this range.
                unsafe { m.fill_wide(start, body, flags, self.peer) };
            } else {
                // SAFETY: `body` bytes are readable.
                m.fill(unsafe { slice::from_raw_parts(start, body) }, flags, self.peer);
            }
        } else {
            if self.refs > 1 {
                self.refs -= 1;
            } else {
                // SAFETY: we hold a reference.
                unsafe { content::retain(self.block, 1) };
            }
            // SAFETY: the reference just taken passes on; the body lies within the chunk.
            let content = unsafe { Content::from_raw(self.block, start.cast_mut(), body) };
            m.fill_content(content, flags, self.peer);
        }
        // SAFETY: within the range or at its end.
        self.at = unsafe { start.add(body) };
        self.left = after_header - body;
        true
    }
}

impl Drop for Range {
    fn drop(&mut self) {
        if !self.block.is_null() {
            // SAFETY: these references are ours and end here.
            unsafe { content::release(self.block, self.refs) };
        }
    }
}

impl fmt::Debug for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Range({} bytes)", self.left)
    }
}

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod model;
