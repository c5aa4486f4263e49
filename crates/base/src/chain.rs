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
    OutOfMemory,
    sync::{
        Arc, AtomicBool, AtomicPtr, AtomicU8, AtomicU64, Line, Ordering, UnsafeCell, fence, heavy_fence,
        light_fence, prepare_fences, spin_loop,
    },
};

/// Items of the first block and of all others.
const FIRST: usize = if cfg!(loom) { 1 } else { 16 };
const BLOCK: usize = if cfg!(loom) { 2 } else { 256 };

/// The longest of the growing numbers of pauses between a reader's looks.
pub(crate) const LINGER: u32 = 32;

/// What the reader said last.
const READING: u8 = 0;
const ARMED: u8 = 1;
const GONE: u8 = 2;

struct Block<T> {
    next: AtomicPtr<Self>,
    cells: Box<[UnsafeCell<MaybeUninit<T>>]>,
}

impl<T> Block<T> {
    fn allocate(len: usize) -> Result<*mut Self, OutOfMemory> {
        let mut cells = Vec::new();
        cells.try_reserve_exact(len).map_err(|_| OutOfMemory)?;
        cells.extend((0..len).map(|_| UnsafeCell::new(MaybeUninit::uninit())));
        let next = AtomicPtr::new(ptr::null_mut());
        Ok(Box::into_raw(Box::new(Self { next, cells: cells.into_boxed_slice() })))
    }

    #[inline]
    fn len(&self) -> usize {
        self.cells.len()
    }

    /// # Safety
    /// `index` is below the length.
    #[inline]
    unsafe fn cell(&self, index: usize) -> &UnsafeCell<MaybeUninit<T>> {
        debug_assert!(index < self.len(), "cell outside its block");
        // SAFETY: by the contract.
        unsafe { self.cells.get_unchecked(index) }
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
    /// Where the reader was when it was dropped.
    left: UnsafeCell<Place<T>>,
}

// SAFETY: items move from the writer's thread to the reader's, cells are reached by one side at a time (invariants of
// the module), and `left` is written by the reader's drop and read by the drop of the whole.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Shared<T> {}

struct Place<T> {
    block: *mut Block<T>,
    index: usize,
    taken: u64,
}

impl<T> Clone for Place<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Place<T> {}

impl<T> Place<T> {
    /// The cell here, if it is published; moves on to it over the end of a block, never over an item.
    ///
    /// # Safety
    /// The item here is published (with Acquire) and not taken, and the blocks from here on are alive.
    unsafe fn settle(&mut self, shared: &Shared<T>, mut left: impl FnMut(*mut Block<T>)) {
        if self.block.is_null() {
            self.block = shared.first.load(Ordering::Relaxed);
        }
        // SAFETY: by the contract; `next` was stored before the item in it was published.
        unsafe {
            if self.index == (*self.block).len() {
                let next = (*self.block).next.load(Ordering::Relaxed);
                left(self.block);
                self.block = next;
                self.index = 0;
            }
        }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        let published = self.published.load(Ordering::Relaxed);
        let mut place = self.left.with(|p| {
            // SAFETY: both ends are gone.
            unsafe { *p }
        });
        if place.block.is_null() {
            place.block = self.first.load(Ordering::Relaxed);
        }
        let mut block = place.block;
        while !block.is_null() {
            // SAFETY: both ends are gone; from the reader's place on, published cells hold items, others do not (the
            // writer rolled back), and every block is freed once.
            unsafe {
                for cell in &(&(*block).cells)[place.index..] {
                    if place.taken == published {
                        break;
                    }
                    place.taken += 1;
                    cell.with_mut(|p| (*p).assume_init_drop());
                }
                place.index = 0;
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
    let nowhere = Place { block: ptr::null_mut(), index: 0, taken: 0 };
    let shared = Arc::new(Shared {
        published: Line(AtomicU64::new(0)),
        reader: Line(AtomicU8::new(READING)),
        writer_gone: AtomicBool::new(false),
        first: AtomicPtr::new(ptr::null_mut()),
        spare: AtomicPtr::new(ptr::null_mut()),
        left: UnsafeCell::new(nowhere),
    });
    let writer = Writer {
        shared: Arc::clone(&shared),
        block: ptr::null_mut(),
        index: 0,
        mark: (ptr::null_mut(), 0),
        pushed: 0,
        published: 0,
    };
    (writer, Reader { shared, place: nowhere, published: 0 })
}

pub(crate) struct Writer<T: Send> {
    shared: Arc<Shared<T>>,
    block: *mut Block<T>,
    /// The next free cell of `block`.
    index: usize,
    /// `block` and `index` at the last publish.
    mark: (*mut Block<T>, usize),
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
        // SAFETY: `block` is null or the last block, which the writer's cells keep from the reader's freeing it.
        if self.block.is_null() || self.index == unsafe { (*self.block).len() } {
            self.grow()?;
        }
        // SAFETY: as above; the cell is at or above the published count, so it is the writer's.
        let cell = unsafe { (*self.block).cell(self.index) };
        cell.with_mut(|p| {
            // No item is in it.
            write(p.cast());
        });
        self.index += 1;
        self.pushed += 1;
        Ok(())
    }

    #[cold]
    fn grow(&mut self) -> Result<(), OutOfMemory> {
        if self.block.is_null() {
            self.block = Block::allocate(FIRST)?;
            self.mark = (self.block, 0);
            self.shared.first.store(self.block, Ordering::Relaxed);
            return Ok(());
        }
        let mut next = self.shared.spare.swap(ptr::null_mut(), Ordering::Acquire);
        if next.is_null() {
            next = Block::allocate(BLOCK)?;
        }
        // SAFETY: `next` is in no chain; `block` is the last block.
        unsafe {
            (*next).next.store(ptr::null_mut(), Ordering::Relaxed);
            (*self.block).next.store(next, Ordering::Relaxed);
        }
        self.block = next;
        self.index = 0;
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
        if self.pushed == self.published {
            return false;
        }
        self.published = self.pushed;
        self.mark.1 = self.index;
        // Seldom; and one word at a time, since a copy of both would wait for the index that was just written.
        if self.mark.0 != self.block {
            self.mark.0 = self.block;
        }
        self.shared.published.store(self.pushed, Ordering::Release);
        fence();
        self.shared.reader.load(Ordering::Relaxed) == ARMED && self.claim()
    }

    #[cold]
    fn claim(&self) -> bool {
        self.shared.reader.compare_exchange(ARMED, READING, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Drops everything since the last publish.
    pub(crate) fn rollback(&mut self) {
        let (mut block, mut index) = self.mark;
        while self.pushed != self.published {
            // SAFETY: cells from the mark on hold unpublished items, which are the writer's, in order.
            unsafe {
                if index == (*block).len() {
                    block = (*block).next.load(Ordering::Relaxed);
                    index = 0;
                }
                (*block).cell(index).with_mut(|p| (*p).assume_init_drop());
            }
            index += 1;
            self.pushed -= 1;
        }
        if self.block == self.mark.0 {
            self.index = self.mark.1;
            return;
        }
        // SAFETY: blocks behind the mark's hold nothing published, so that the reader never goes there.
        unsafe {
            let mut behind = (*self.mark.0).next.swap(ptr::null_mut(), Ordering::Relaxed);
            while !behind.is_null() {
                let next = (*behind).next.load(Ordering::Relaxed);
                Block::free(behind);
                behind = next;
            }
        }
        (self.block, self.index) = self.mark;
    }

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
    /// As last loaded.
    published: u64,
}

// SAFETY: the pointers name blocks of `shared`, see there.
unsafe impl<T: Send> Send for Reader<T> {}

impl<T: Send> Reader<T> {
    /// The next published item.
    #[inline]
    pub(crate) fn take(&mut self) -> Option<T> {
        // SAFETY: the item is read, and forgotten where it was.
        unsafe { self.take_in_place(|p| p.read()) }
    }

    /// As [`Reader::take`]; `read` reads the item where it lies.
    ///
    /// # Safety
    /// `read` moves the item out: it is not dropped where it was.
    #[inline(always)]
    pub(crate) unsafe fn take_in_place<R>(&mut self, read: impl FnOnce(*const T) -> R) -> Option<R> {
        if !self.peek() {
            return None;
        }
        // SAFETY: `peek` saw the item published; blocks from the reader's place on are alive.
        let cell = unsafe {
            self.place.settle(&self.shared, |block| recycle(&self.shared, block));
            (*self.place.block).cell(self.place.index)
        };
        self.place.index += 1;
        self.place.taken += 1;
        // Published and not taken before: initialised, and the reader's.
        Some(cell.with(|p| read(p.cast())))
    }

    /// Whether something can be taken.
    #[inline]
    pub(crate) fn peek(&mut self) -> bool {
        self.place.taken != self.published || self.reload()
    }

    fn reload(&mut self) -> bool {
        self.published = self.shared.published.load(Ordering::Acquire);
        self.place.taken != self.published
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
            for _ in 0..step {
                spin_loop();
            }
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
        self.place.taken == self.published
            && self.shared.writer_gone.load(Ordering::Acquire)
            && !self.reload()
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

    /// Looks at published items without taking them, in order, until `see` says false.
    pub(crate) fn look<'a>(&'a self, mut see: impl FnMut(&'a T) -> bool) {
        let mut place = self.place;
        while place.taken != self.published {
            // SAFETY: published (Acquire) and not taken; nothing is freed while `self` is borrowed.
            let item = unsafe {
                place.settle(&self.shared, |_| {});
                (*place.block).cell(place.index).with(|p| &*(*p).as_ptr())
            };
            if !see(item) {
                return;
            }
            place.index += 1;
            place.taken += 1;
        }
    }
}

/// The block becomes the writer's spare, instead of the one before.
fn recycle<T>(shared: &Shared<T>, block: *mut Block<T>) {
    // SAFETY: the reader took everything in it and leaves it for good.
    let keep = unsafe { (*block).len() == BLOCK };
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
            unsafe { *p = self.place };
        });
        self.shared.reader.store(GONE, Ordering::Release);
    }
}

impl<T: Send> fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("taken", &self.place.taken)
            .field("published", &self.published)
            .finish()
    }
}
