//! Blocks of memory for message bodies, and the per-thread pools of the small ones.
//!
//! A block is a 16-byte header (`Block`) and its data, aligned to 16. Blocks of up to [`POOLED_MAX`] bytes come
//! in size classes from the pool of the calling thread, larger ones from `large`. A body is usually freed by another
//! thread than the one that made it: that thread collects up to [`BATCH`] blocks per owner and pushes them with one
//! compare-and-swap onto the owner's remote list, which the owner takes as a whole when it runs dry.
//!
//! Invariants: a pool lives for ever; `local` is touched only by the thread that holds the pool; a block on a
//! free list belongs to exactly one list, its first data word is the link, and `word` names the pool it came from.
//! A thread that ends pushes what it collected and leaves its pool to the next new thread.
use std::{
    alloc::{Layout, alloc, alloc_zeroed, dealloc},
    ptr,
};

use crate::{
    OutOfMemory,
    sync::{AtomicPtr, AtomicU32, Ordering, UnsafeCell},
};

/// The largest body that comes from a pool.
pub const POOLED_MAX: usize = 4096;
/// How many freed blocks of another thread are collected before they are pushed.
pub const BATCH: u32 = if cfg!(loom) { 2 } else { 64 };
/// Other threads for which blocks are collected at the same time.
const BATCHES: usize = 4;
/// Size classes of the pools; those above are of [`large`].
const CLASSES: usize = class_of(POOLED_MAX) as usize + 1;
/// Free bytes that a pool keeps per class; more goes back to the allocator.
const KEPT: usize = 2 << 20;
/// The class of a block from the allocator; `word` is then the size of the allocation.
const HEAP: u16 = u16::MAX;

/// What a block's data is, and so what the last reference does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum BlockKind {
    /// The body.
    Plain,
    /// A foreign buffer's free function.
    Foreign,
    /// The parts of a vector.
    Vec,
    /// A `bytes::Bytes`.
    Bytes,
    /// A read chunk.
    Chunk,
}

/// The header of a block.
#[repr(C, align(16))]
pub(crate) struct Block {
    /// References.
    pub(crate) rc: AtomicU32,
    class: u16,
    pub(crate) kind: BlockKind,
    /// The owning pool, or the size of the allocation.
    word: *const Pool,
    /// Lets a model see who uses the block.
    #[cfg(loom)]
    pub(crate) used: UnsafeCell<()>,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<Block>() == 16);

/// The data of a block.
///
/// # Safety
/// `block` is a live block.
#[inline(always)]
pub(crate) unsafe fn data(block: *mut Block) -> *mut u8 {
    // SAFETY: every block is allocated with room for its header before the data.
    unsafe { block.add(1).cast() }
}

/// The link of a block on a free list: its first data word.
///
/// # Safety
/// `block` is a block that nobody else uses, with at least one word of data.
#[inline(always)]
unsafe fn link(block: *mut Block) -> *mut *mut Block {
    // SAFETY: as above; data is aligned to 16.
    unsafe { data(block).cast() }
}

const fn class_of(size: usize) -> u16 {
    if size <= 64 { 0 } else { ((size - 1).ilog2() - 5) as u16 }
}

/// Data bytes of a class.
const fn class_size(class: u16) -> usize {
    64 << class
}

fn layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(size_of::<Block>().checked_add(size)?, align_of::<Block>()).ok()
}

/// A block straight from the allocator, or null.
fn from_allocator(size: usize, zeroed: bool, class: u16, word: *const Pool) -> *mut Block {
    let Some(layout) = layout(size) else { return ptr::null_mut() };
    // SAFETY: the layout's size is at least that of a header.
    let block: *mut Block = unsafe { if zeroed { alloc_zeroed(layout) } else { alloc(layout) } }.cast();
    if !block.is_null() {
        let word = if class == HEAP { ptr::without_provenance(size) } else { word };
        // SAFETY: fresh memory of the block's layout.
        unsafe {
            block.write(Block {
                rc: AtomicU32::new(1),
                class,
                kind: BlockKind::Plain,
                word,
                #[cfg(loom)]
                used: UnsafeCell::new(()),
            });
        }
    }
    block
}

/// Gives a block back to the allocator.
///
/// # Safety
/// `block` came from [`from_allocator`] and nobody else uses it.
unsafe fn to_allocator(block: *mut Block) {
    #[cfg(loom)]
    // SAFETY: the block is live.
    unsafe { &(*block).used }.with_mut(|_| ());
    // SAFETY: the header is live; `word` or the class names the size that it was allocated with.
    unsafe {
        let class = (*block).class;
        let size = if class == HEAP { (*block).word.addr() } else { class_size(class) };
        if let Some(layout) = layout(size) {
            dealloc(block.cast(), layout);
        }
    }
}

/// The free blocks of one thread.
pub(crate) struct Pool {
    /// Blocks that other threads freed, linked.
    remote: AtomicPtr<Block>,
    local: UnsafeCell<Local>,
}

// SAFETY: `remote` is atomic; `local` is touched only by the thread that holds the pool (module invariant), and
// passing a pool on happens through a lock.
unsafe impl Sync for Pool {}
// SAFETY: the blocks on its lists belong to the pool, not to a thread.
unsafe impl Send for Pool {}

struct Local {
    free: [List; CLASSES],
    /// Taken from `remote` and not yet sorted: mixed classes, read as they are needed.
    unsorted: *mut Block,
    /// Blocks of other pools, collected.
    away: [Batch; BATCHES],
}

#[derive(Clone, Copy)]
struct List {
    head: *mut Block,
    count: usize,
}

#[derive(Clone, Copy)]
struct Batch {
    owner: *const Pool,
    head: *mut Block,
    tail: *mut Block,
    count: u32,
}

impl Batch {
    const EMPTY: Self = Self { owner: ptr::null(), head: ptr::null_mut(), tail: ptr::null_mut(), count: 0 };

    /// Pushes what was collected onto its owner's remote list.
    fn push(&mut self) {
        if self.count > 0 {
            // SAFETY: pools live for ever; the chain from head to tail is ours alone.
            unsafe { (*self.owner).push_remote(self.head, self.tail) };
        }
        *self = Self::EMPTY;
    }
}

impl List {
    const EMPTY: Self = Self { head: ptr::null_mut(), count: 0 };

    fn pop(&mut self) -> *mut Block {
        let block = self.head;
        if !block.is_null() {
            // SAFETY: blocks on the list are ours alone.
            self.head = unsafe { *link(block) };
            self.count -= 1;
        }
        block
    }

    /// # Safety
    /// `block` is a block of `class` and of this pool that nobody uses any more.
    unsafe fn keep(&mut self, block: *mut Block, class: u16) {
        // SAFETY: by the contract.
        unsafe { if self.count * class_size(class) >= KEPT { to_allocator(block) } else { self.push(block) } }
    }

    /// # Safety
    /// Nobody uses `block` any more.
    unsafe fn push(&mut self, block: *mut Block) {
        // SAFETY: by the contract.
        unsafe { *link(block) = self.head };
        self.head = block;
        self.count += 1;
    }
}

impl Pool {
    #[cfg_attr(loom, allow(dead_code))]
    pub(crate) fn new() -> Self {
        let local =
            Local { free: [List::EMPTY; CLASSES], unsorted: ptr::null_mut(), away: [Batch::EMPTY; BATCHES] };
        Self { remote: AtomicPtr::new(ptr::null_mut()), local: UnsafeCell::new(local) }
    }

    /// A block of this class with one reference, or null.
    ///
    /// # Safety
    /// The calling thread holds the pool.
    #[inline]
    unsafe fn take(&self, class: u16) -> *mut Block {
        self.local.with_mut(|local| {
            // SAFETY: only the holder gets here, and never while it is here already.
            let local = unsafe { &mut *local };
            let mut block = local.free[class as usize].pop();
            if block.is_null() {
                block = self.refill(local, class);
            }
            if !block.is_null() {
                // SAFETY: the block was free and is ours now.
                unsafe {
                    #[cfg(loom)]
                    (*block).used.with_mut(|_| ());
                    (*block).rc = AtomicU32::new(1);
                    (*block).kind = BlockKind::Plain;
                }
            }
            block
        })
    }

    #[inline(never)]
    fn refill(&self, local: &mut Local, class: u16) -> *mut Block {
        loop {
            while !local.unsorted.is_null() {
                let block = local.unsorted;
                // SAFETY: blocks taken from the remote list are ours alone; the swap below acquired their links.
                unsafe {
                    local.unsorted = *link(block);
                    let its = (*block).class;
                    if its == class {
                        return block;
                    }
                    local.free[its as usize].keep(block, its);
                }
            }
            if self.remote.load(Ordering::Relaxed).is_null() {
                return from_allocator(class_size(class), false, class, self);
            }
            local.unsorted = self.remote.swap(ptr::null_mut(), Ordering::Acquire);
        }
    }

    /// Frees a pooled block of any pool.
    ///
    /// # Safety
    /// The calling thread holds this pool; nobody uses the block any more.
    #[inline]
    unsafe fn put(&self, block: *mut Block) {
        self.local.with_mut(|local| {
            // SAFETY: only the holder gets here, and never while it is here already.
            let local = unsafe { &mut *local };
            #[cfg(loom)]
            // SAFETY: as below.
            unsafe { &(*block).used }.with_mut(|_| ());
            // SAFETY: the block is ours until it is linked into a list.
            let (owner, class) = unsafe { ((*block).word, (*block).class) };
            if ptr::eq(owner, self) {
                // SAFETY: it is a block of this pool.
                return unsafe { local.free[class as usize].keep(block, class) };
            }
            let batch = &mut local.away[owner.addr() / size_of::<Self>() % BATCHES];
            if !ptr::eq(batch.owner, owner) {
                batch.push();
                batch.owner = owner;
                batch.tail = block;
            }
            // SAFETY: the block is ours.
            unsafe { *link(block) = batch.head };
            batch.head = block;
            batch.count += 1;
            if batch.count == BATCH {
                batch.push();
            }
        });
    }

    /// # Safety
    /// The chain from `head` to `tail` consists of free blocks of this pool that only the caller knows.
    unsafe fn push_remote(&self, head: *mut Block, tail: *mut Block) {
        let mut old = self.remote.load(Ordering::Relaxed);
        loop {
            // SAFETY: the chain is the caller's until the exchange succeeds.
            unsafe { *link(tail) = old };
            // Release: whoever takes the list sees the links and the end of every use of the blocks.
            match self.remote.compare_exchange_weak(old, head, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => old = now,
            }
        }
    }

    /// Pushes everything collected for other pools.
    ///
    /// # Safety
    /// The calling thread holds the pool.
    unsafe fn flush(&self) {
        // SAFETY: only the holder gets here.
        self.local.with_mut(|local| unsafe { &mut *local }.away.iter_mut().for_each(Batch::push));
    }
}

/// A block with at least `size` bytes of data and one reference.
#[inline]
pub(crate) fn allocate(size: usize) -> Result<*mut Block, OutOfMemory> {
    let block = if size <= POOLED_MAX {
        let class = class_of(size);
        // SAFETY: the closure runs on the thread that holds the pool.
        thread::with(|pool| unsafe { pool.take(class) })
            .unwrap_or_else(|| from_allocator(size.max(size_of::<usize>()), false, HEAP, ptr::null()))
    } else {
        large::take(size)
    };
    if block.is_null() { Err(OutOfMemory) } else { Ok(block) }
}

/// A block from the allocator whose `size` bytes of data are zero.
pub(crate) fn allocate_zeroed(size: usize) -> Result<*mut Block, OutOfMemory> {
    let block = from_allocator(size, true, HEAP, ptr::null());
    if block.is_null() { Err(OutOfMemory) } else { Ok(block) }
}

/// Gives a block back. What its data held has been dropped.
///
/// # Safety
/// `block` came from [`allocate`] or [`allocate_zeroed`] and nobody uses it any more.
#[inline]
pub(crate) unsafe fn release(block: *mut Block) {
    // SAFETY: by the contract; a pooled block's owner lives for ever.
    unsafe {
        if (*block).class as usize >= CLASSES {
            large::put(block);
        } else if thread::with(|pool| pool.put(block)).is_none() {
            (*(*block).word).push_remote(block, block);
        }
    }
}

/// Hands the blocks that this thread collected for others back to them, and large free ones to the allocator. To be
/// called before a thread sleeps for long, so that idle threads hold nothing; the end of a thread does the first by itself.
pub fn flush() {
    // SAFETY: the closure runs on the thread that holds the pool.
    thread::with(|pool| unsafe { pool.flush() });
    large::clear();
}

mod large;
pub(crate) use large::LARGEST as KEPT_MAX;

#[cfg(not(loom))]
pub use thread::{Held, hold};
#[cfg(not(loom))]
pub(crate) use thread::{POOLS, Shelf};

#[cfg(not(loom))]
mod thread;
#[cfg(not(loom))]
pub(crate) use thread::forget_other_threads;

#[cfg(loom)]
mod thread {
    //! Models make their own pools: a thread's pool would outlive the model's execution.
    use super::Pool;

    pub(super) fn with<R>(_: impl FnOnce(&'static Pool) -> R) -> Option<R> {
        None
    }
}

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod model;
