//! Linked blocks of items, one writer and one reader: the memory under queues, inboxes and the large bodies of a log.
//!
//! Items are written into cells behind the published count and become visible by one Release store of it. The first
//! block is small and is allocated by the first push; a block that was read to its end becomes the writer's spare.
//!
//! Invariants: cells below `published` and not yet taken are initialised and belong to the reader; cells at or above
//! it belong to the writer. The reader goes on to a next block only when something in it is published, so that
//! blocks which hold unpublished items alone are the writer's to free. A block that the reader left is never touched
//! by the writer again, except as a spare.
use std::{fmt, mem::MaybeUninit, ptr};

use crate::{
    OutOfMemory, prefetch,
    sync::{
        Arc, AtomicBool, AtomicPtr, AtomicU8, AtomicU64, Line, Ordering, UnsafeCell, fence, heavy_fence,
        light_fence, prepare_fences, spin_loop,
    },
};

/// Items of the first block and of all others.
const FIRST: usize = if cfg!(loom) { 1 } else { 16 };
const BLOCK: usize = if cfg!(loom) { 2 } else { 256 };

/// Items that a side is ahead of itself when it asks for the memory of the cells: what the other side used last takes
/// a while to come from its core, and stores wait for each other.
const SOON_WRITTEN: usize = 16;
const SOON_READ: usize = 8;

/// The longest of the growing numbers of pauses between a reader's looks.
pub(crate) const LINGER: u32 = 32;

/// What the reader said last.
const READING: u8 = 0;
const ARMED: u8 = 1;
const GONE: u8 = 2;

type Cell<T> = UnsafeCell<MaybeUninit<T>>;

struct Block<T> {
    next: AtomicPtr<Self>,
    cells: Box<[Cell<T>]>,
}

impl<T> Block<T> {
    fn allocate(len: usize) -> Result<*mut Self, OutOfMemory> {
        let mut cells = Vec::new();
        cells.try_reserve_exact(len).map_err(|_| OutOfMemory)?;
        cells.extend((0..len).map(|_| UnsafeCell::new(MaybeUninit::uninit())));
        let next = AtomicPtr::new(ptr::null_mut());
        Ok(Box::into_raw(Box::new(Self { next, cells: cells.into_boxed_slice() })))
    }

    /// The first cell, and where the last one ends.
    fn bounds(&self) -> (*const Cell<T>, *const Cell<T>) {
        let cells = self.cells.as_ptr_range();
        (cells.start, cells.end)
    }

    /// # Safety
    /// `block` comes from [`Block::allocate`], holds no item that is still to be dropped, and is freed once.
    unsafe fn free(block: *mut Self) {
        // SAFETY: by the contract.
        drop(unsafe { Box::from_raw(block) });
    }
}

struct Shared<T> {
    published: Line<AtomicU64>,
    reader: Line<AtomicU8>,
    writer_gone: AtomicBool,
    first: AtomicPtr<Block<T>>,
    spare: AtomicPtr<Block<T>>,
    /// Where the reader was when it was dropped, and how many items it had taken.
    left: UnsafeCell<(Place<T>, u64)>,
}

// SAFETY: items move from the writer's thread to the reader's, cells are reached by one side at a time (invariants of
// the module), and `left` is written by the reader's drop and read by the drop of the whole.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

/// A cell, or the end of a block; before the first block all pointers are null.
struct Place<T> {
    block: *mut Block<T>,
    at: *const Cell<T>,
    /// The end of the block.
    end: *const Cell<T>,
}

impl<T> Clone for Place<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Place<T> {}

impl<T> Place<T> {
    const NOWHERE: Self = Self { block: ptr::null_mut(), at: ptr::null(), end: ptr::null() };

    /// # Safety
    /// `block` is alive.
    unsafe fn start(block: *mut Block<T>) -> Self {
        // SAFETY: by the contract.
        let (at, end) = unsafe { (*block).bounds() };
        Self { block, at, end }
    }

    /// The cell here, and a step to the place after it; goes over the end of a block first.
    ///
    /// # Safety
    /// The item here is published (with Acquire) and not taken, and the blocks from here on are alive.
    #[inline(always)]
    unsafe fn next<'a>(&mut self, shared: &Shared<T>, left: impl FnOnce(*mut Block<T>)) -> &'a Cell<T> {
        if self.at == self.end {
            // SAFETY: by the contract.
            unsafe { self.enter_next(shared, left) };
        }
        let cell = self.at;
        // SAFETY: a cell of a live block, and the end of a block has a place after its last cell.
        unsafe {
            self.at = cell.add(1);
            &*cell
        }
    }

    /// # Safety
    /// As [`Place::next`], at the end of a block or before the first.
    #[cold]
    unsafe fn enter_next(&mut self, shared: &Shared<T>, left: impl FnOnce(*mut Block<T>)) {
        // SAFETY: by the contract; `next` was stored before the item in it was published.
        unsafe {
            if self.block.is_null() {
                *self = Self::start(shared.first.load(Ordering::Relaxed));
            } else {
                let next = (*self.block).next.load(Ordering::Relaxed);
                left(self.block);
                *self = Self::start(next);
            }
        }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        let published = self.published.load(Ordering::Relaxed);
        let (mut place, mut taken) = self.left.with(|p| {
            // SAFETY: both ends are gone.
            unsafe { *p }
        });
        while taken != published {
            // SAFETY: both ends are gone; from the reader's place on, published cells hold items, and every block is
            // freed once.
            unsafe { place.next(self, |block| Block::free(block)).with_mut(|p| (*p).assume_init_drop()) };
            taken += 1;
        }
        let mut block = if place.block.is_null() { self.first.load(Ordering::Relaxed) } else { place.block };
        while !block.is_null() {
            // SAFETY: no cell holds an item any more (the writer rolled back), and every block is freed once.
            unsafe {
                let next = (*block).next.load(Ordering::Relaxed);
                Block::free(block);
                block = next;
            }
        }
        let spare = self.spare.load(Ordering::Relaxed);
        if !spare.is_null() {
            // SAFETY: a spare is empty and in no chain.
            unsafe { Block::free(spare) };
        }
    }
}

pub(crate) fn chain<T: Send>() -> (Writer<T>, Reader<T>) {
    prepare_fences();
    let shared = Arc::new(Shared {
        published: Line(AtomicU64::new(0)),
        reader: Line(AtomicU8::new(READING)),
        writer_gone: AtomicBool::new(false),
        first: AtomicPtr::new(ptr::null_mut()),
        spare: AtomicPtr::new(ptr::null_mut()),
        left: UnsafeCell::new((Place::NOWHERE, 0)),
    });
    let writer = Writer {
        shared: Arc::clone(&shared),
        here: Place::NOWHERE,
        mark: Place::NOWHERE,
        pushed: 0,
        published: 0,
    };
    (writer, Reader { shared, place: Place::NOWHERE, taken: 0, published: 0 })
}

pub(crate) struct Writer<T: Send> {
    shared: Arc<Shared<T>>,
    /// The next free cell, in the last block.
    here: Place<T>,
    /// The first unpublished item; of no use if there is none.
    mark: Place<T>,
    pushed: u64,
    published: u64,
}

// SAFETY: the pointers name blocks of `shared`, see there.
unsafe impl<T: Send> Send for Writer<T> {}

impl<T: Send> Writer<T> {
    /// Appends what `make` makes, invisible until [`Writer::publish`]; on `OutOfMemory` it is not called.
    #[inline]
    pub(crate) fn push(&mut self, make: impl FnOnce() -> T) -> Result<(), OutOfMemory> {
        // SAFETY: the item is written.
        unsafe { self.push_in_place(|p| p.write(make())) }
    }

    /// As [`Writer::push`]; `write` writes the item where it will lie.
    ///
    /// # Safety
    /// `write` initialises the item, and does not unwind.
    #[inline(always)]
    pub(crate) unsafe fn push_in_place(&mut self, write: impl FnOnce(*mut T)) -> Result<(), OutOfMemory> {
        if self.here.at == self.here.end {
            self.grow()?;
        }
        if self.pushed == self.published {
            self.mark = self.here;
        }
        // SAFETY: the cell is at or above the published count, so it is the writer's, and keeps its block from the
        // reader's freeing it; there is room for one, and no item in it.
        unsafe {
            (*self.here.at).with_mut(|p| write(p.cast()));
            self.here.at = self.here.at.add(1);
        }
        self.pushed += 1;
        Ok(())
    }

    /// [`Writer::push_in_place`] and [`Writer::publish`] in one step.
    ///
    /// # Safety
    /// As [`Writer::push_in_place`].
    #[inline(always)]
    pub(crate) unsafe fn push_published(&mut self, write: impl FnOnce(*mut T)) -> Result<bool, OutOfMemory> {
        if self.here.at == self.here.end {
            self.grow()?;
        }
        prefetch::to_write(self.here.at.wrapping_add(SOON_WRITTEN));
        // SAFETY: as in `push_in_place`. The mark is not needed: nothing stays unpublished.
        unsafe {
            (*self.here.at).with_mut(|p| write(p.cast()));
            self.here.at = self.here.at.add(1);
        }
        self.pushed += 1;
        Ok(self.make_visible(light_fence))
    }

    /// Makes sure that so many items, at most a block of them, can be pushed without memory.
    pub(crate) fn reserve(&mut self, items: usize) -> Result<(), OutOfMemory> {
        if self.here.at == self.here.end {
            self.grow()?;
        }
        let left = (self.here.end.addr() - self.here.at.addr()) / size_of::<Cell<T>>();
        let spare = &self.shared.spare;
        if left < items && spare.load(Ordering::Relaxed).is_null() {
            let block = Block::allocate(BLOCK)?;
            // Only the writer takes it; the reader may have left one meanwhile.
            let old = spare.swap(block, Ordering::AcqRel);
            if !old.is_null() {
                // SAFETY: a spare is empty and in no chain.
                unsafe { Block::free(old) };
            }
        }
        Ok(())
    }

    #[cold]
    fn grow(&mut self) -> Result<(), OutOfMemory> {
        if self.here.block.is_null() {
            let first = Block::allocate(FIRST)?;
            // SAFETY: a new block.
            self.here = unsafe { Place::start(first) };
            self.shared.first.store(first, Ordering::Relaxed);
            return Ok(());
        }
        let mut next = self.shared.spare.swap(ptr::null_mut(), Ordering::Acquire);
        if next.is_null() {
            next = Block::allocate(BLOCK)?;
        }
        // SAFETY: `next` is in no chain; `here` is in the last block, which what was pushed last keeps from the reader.
        unsafe {
            (*next).next.store(ptr::null_mut(), Ordering::Relaxed);
            (*self.here.block).next.store(next, Ordering::Relaxed);
            self.here = Place::start(next);
        }
        Ok(())
    }

    /// Makes everything visible; true: the reader had armed and has not been told yet.
    #[inline(always)]
    pub(crate) fn publish(&mut self) -> bool {
        self.publish_and(light_fence)
    }

    /// As [`Writer::publish`], for items that come seldom: the writer pays for the fence, so that the reader may use
    /// [`Reader::arm_often`].
    pub(crate) fn publish_seldom(&mut self) -> bool {
        self.publish_and(|| fence(Ordering::SeqCst))
    }

    #[inline(always)]
    fn publish_and(&mut self, fence: impl FnOnce()) -> bool {
        self.pushed != self.published && self.make_visible(fence)
    }

    #[inline(always)]
    fn make_visible(&mut self, fence: impl FnOnce()) -> bool {
        self.published = self.pushed;
        self.shared.published.store(self.pushed, Ordering::Release);
        fence();
        self.shared.reader.load(Ordering::Relaxed) == ARMED && self.claim()
    }

    #[cold]
    fn claim(&self) -> bool {
        self.shared.reader.compare_exchange(ARMED, READING, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Whether something was pushed since the last publish.
    pub(crate) fn has_unpublished(&self) -> bool {
        self.pushed != self.published
    }

    /// Drops everything since the last publish.
    pub(crate) fn rollback(&mut self) {
        if self.pushed == self.published {
            return;
        }
        let mut place = self.mark;
        while self.pushed != self.published {
            // SAFETY: cells from the mark on hold unpublished items, which are the writer's, in order; their blocks stay
            // until below.
            unsafe { place.next(&self.shared, |_| {}).with_mut(|p| (*p).assume_init_drop()) };
            self.pushed -= 1;
        }
        self.here = self.mark;
        // SAFETY: blocks behind the mark's hold nothing published, so that the reader never goes there.
        unsafe {
            let mut behind = (*self.mark.block).next.swap(ptr::null_mut(), Ordering::Relaxed);
            while !behind.is_null() {
                let next = (*behind).next.load(Ordering::Relaxed);
                Block::free(behind);
                behind = next;
            }
        }
    }

    #[inline(always)]
    pub(crate) fn reader_gone(&self) -> bool {
        self.shared.reader.load(Ordering::Acquire) == GONE
    }
}

impl<T: Send> Drop for Writer<T> {
    fn drop(&mut self) {
        self.rollback();
        self.shared.writer_gone.store(true, Ordering::Release);
    }
}

impl<T: Send> fmt::Debug for Writer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("pushed", &self.pushed).field("published", &self.published).finish()
    }
}

pub(crate) struct Reader<T: Send> {
    shared: Arc<Shared<T>>,
    place: Place<T>,
    taken: u64,
    /// As last loaded.
    published: u64,
}

// SAFETY: the pointers name blocks of `shared`, see there.
unsafe impl<T: Send> Send for Reader<T> {}

impl<T: Send> Reader<T> {
    /// The next published item.
    #[inline(always)]
    pub(crate) fn take(&mut self) -> Option<T> {
        if !self.peek() {
            return None;
        }
        // SAFETY: `peek` saw the item published; blocks from the reader's place on are alive.
        let cell = unsafe { self.place.next(&self.shared, |block| recycle(&self.shared, block)) };
        self.taken += 1;
        // Not what the writer may be writing at this moment.
        if self.published - self.taken > SOON_READ as u64 {
            prefetch::to_read(ptr::from_ref(cell).wrapping_add(SOON_READ));
        }
        // SAFETY: published and not taken before: initialised, and the reader's. It is forgotten where it was.
        Some(cell.with(|p| unsafe { p.cast::<T>().read() }))
    }

    /// Whether something can be taken.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> bool {
        self.taken != self.published || self.reload()
    }

    /// Whether everything was taken that was seen.
    #[inline(always)]
    pub(crate) fn is_exhausted(&self) -> bool {
        self.taken == self.published
    }

    #[inline(never)]
    fn reload(&mut self) -> bool {
        self.published = self.shared.published.load(Ordering::Acquire);
        self.taken != self.published
    }

    /// Whether the reader has asked to be told, and was not told yet.
    pub(crate) fn is_armed(&self) -> bool {
        self.shared.reader.load(Ordering::Relaxed) == ARMED
    }

    /// With nothing to take: looks on for at most so many pauses; the number that it took until something came. A stream
    /// is then read without ever asking, and in fewer, longer looks.
    pub(crate) fn linger(&mut self, longest: u32) -> Option<u32> {
        if cfg!(loom) {
            return None;
        }
        let (mut step, mut spent) = (4, 0);
        while spent < longest {
            pause(step);
            spent += step;
            if self.reload() {
                return Some(spent);
            }
            // Short looks at first, because an answer may be on its way; long ones do not disturb the writer.
            step = (step * 2).min(LINGER);
        }
        None
    }

    /// With nothing to take: asks to be told of the next publish, and looks once more; true: something came.
    pub(crate) fn arm(&mut self) -> bool {
        self.arm_and(heavy_fence)
    }

    /// As [`Reader::arm`], where every publish is a [`Writer::publish_seldom`].
    pub(crate) fn arm_often(&mut self) -> bool {
        self.arm_and(|| fence(Ordering::SeqCst))
    }

    #[inline(always)]
    fn arm_and(&mut self, fence: impl FnOnce()) -> bool {
        // Still armed: every publish from then on is told, even one that is not seen here yet.
        if self.shared.reader.load(Ordering::Relaxed) == ARMED {
            return self.reload();
        }
        self.shared.reader.store(ARMED, Ordering::Relaxed);
        fence();
        if !self.reload() {
            return false;
        }
        self.shared.reader.store(READING, Ordering::Relaxed);
        true
    }

    /// Whether the writer is gone and everything was taken.
    pub(crate) fn ended(&mut self) -> bool {
        self.taken == self.published && self.shared.writer_gone.load(Ordering::Acquire) && !self.reload()
    }

    /// Looks how far the writer published.
    pub(crate) fn refresh(&mut self) {
        self.reload();
    }

    /// The next item that was seen published.
    pub(crate) fn first(&self) -> Option<&T> {
        let mut first = None;
        self.look(|item| {
            first = Some(item);
            false
        });
        first
    }

    /// The item that many behind the next one, which is not far: none if it lies in another block, or if the writer may
    /// still be near.
    #[inline(always)]
    pub(crate) fn ahead(&self, items: usize) -> Option<&T> {
        debug_assert!(items < SOON_READ);
        let here = (self.place.end.addr() - self.place.at.addr()) / size_of::<Cell<T>>();
        if here <= items || self.published - self.taken <= SOON_READ as u64 {
            return None;
        }
        // SAFETY: a cell of the reader's block; published (Acquire) and not taken.
        Some(unsafe { (*self.place.at.add(items)).with(|p| &*(*p).as_ptr()) })
    }

    /// Looks at published items without taking them, in order, until `see` says false.
    pub(crate) fn look<'a>(&'a self, mut see: impl FnMut(&'a T) -> bool) {
        let (mut place, mut taken) = (self.place, self.taken);
        while taken != self.published {
            // SAFETY: published (Acquire) and not taken; nothing is freed while `self` is borrowed.
            let item = unsafe { place.next(&self.shared, |_| {}).with(|p| &*(*p).as_ptr()) };
            if !see(item) {
                return;
            }
            taken += 1;
        }
    }
}

/// Lets some time pass, without the other side.
pub(crate) fn pause(pauses: u32) {
    if !cfg!(loom) {
        (0..pauses).for_each(|_| spin_loop());
    }
}

/// The block becomes the writer's spare, instead of the one before.
fn recycle<T>(shared: &Shared<T>, block: *mut Block<T>) {
    // SAFETY: the reader took everything in it and leaves it for good.
    let keep = unsafe { &*block }.cells.len() == BLOCK;
    let free = if keep { shared.spare.swap(block, Ordering::AcqRel) } else { block };
    if !free.is_null() {
        // SAFETY: an empty block, in no chain.
        unsafe { Block::free(free) };
    }
}

impl<T: Send> Drop for Reader<T> {
    fn drop(&mut self) {
        self.shared.left.with_mut(|p| {
            // SAFETY: only the reader's drop writes it, only the drop of the whole reads it.
            unsafe { *p = (self.place, self.taken) };
        });
        self.shared.reader.store(GONE, Ordering::Release);
    }
}

impl<T: Send> fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("taken", &self.taken).field("published", &self.published).finish()
    }
}
