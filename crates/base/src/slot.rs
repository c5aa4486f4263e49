//! The conflating slot: the latest message only, one writer and one reader, never full.
//!
//! Three cells: one is the writer's, one the reader's, one lies between them. A publish swaps the writer's with the
//! one between, a read swaps that with the reader's: no lock, no allocation, and neither side ever waits.
//! Of a message of several frames the last one counts, as nothing else could be kept whole.
//!
//! Invariant: the word between names a cell that is neither the writer's nor the reader's, and whoever swaps a cell
//! out owns it.
use std::fmt;

use crate::{
    Msg, OutOfMemory,
    link::Link,
    pipe::{Due, Got},
    promise::Promised,
    sync::{Arc, AtomicBool, AtomicU8, Line, Ordering, UnsafeCell, fence},
};

/// In the word between: the cell holds a message that was not read.
const FRESH: u8 = 4;
const CELL: u8 = 3;

const READING: u8 = 0;
const ARMED: u8 = 1;
const GONE: u8 = 2;

struct Shared {
    cells: [UnsafeCell<Option<Msg>>; 3],
    between: Line<AtomicU8>,
    reader: AtomicU8,
    writer_gone: AtomicBool,
}

// SAFETY: each cell is reached by its owner only (invariant of the module); messages may move between threads.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

/// A slot whose publish says `Due::Readable` to a reader that armed: inproc, or inbound.
pub fn slot() -> (Writer, Reader) {
    make(None)
}

/// The outbound slot of a wire pipe: its publish keeps to the link's promise and says `Due::Look`.
pub fn linked(link: Arc<Link>) -> (Writer, Reader) {
    make(Some(link))
}

fn make(link: Option<Arc<Link>>) -> (Writer, Reader) {
    let shared = Arc::new(Shared {
        cells: [UnsafeCell::new(None), UnsafeCell::new(None), UnsafeCell::new(None)],
        between: Line(AtomicU8::new(1)),
        reader: AtomicU8::new(READING),
        writer_gone: AtomicBool::new(false),
    });
    let writer = Writer { shared: Arc::clone(&shared), cell: 0, put: false, link };
    (writer, Reader { shared, cell: 2 })
}

/// The writing end. Dropping it tells the reader that no more will come.
pub struct Writer {
    shared: Arc<Shared>,
    cell: u8,
    put: bool,
    link: Option<Arc<Link>>,
}

impl Writer {
    /// Never full: false only when the reader is gone.
    #[inline]
    pub fn room(&mut self) -> bool {
        !self.reader_gone()
    }

    /// Replaces the frame that is to be published; `m` is left empty. Never out of memory.
    #[inline]
    pub fn put(&mut self, m: &mut Msg, more: bool) -> Result<(), OutOfMemory> {
        let mut frame = m.take();
        frame.set_more(more);
        self.set(Some(frame));
        self.put = true;
        Ok(())
    }

    fn set(&mut self, frame: Option<Msg>) {
        self.shared.cells[usize::from(self.cell)].with_mut(|p| {
            // SAFETY: the cell is the writer's.
            unsafe { *p = frame };
        });
    }

    /// Makes the frame the latest; one that was not read is dropped.
    #[inline]
    pub fn publish(&mut self) -> Due {
        if !std::mem::take(&mut self.put) {
            return Due::Nothing;
        }
        let old = self.shared.between.swap(self.cell | FRESH, Ordering::AcqRel);
        self.cell = old & CELL;
        if old & FRESH != 0 {
            self.set(None);
        }
        match &self.link {
            Some(link) if link.promise.publish_made() == Promised::First => Due::Look,
            Some(_) => Due::Nothing,
            None if self.claim() => Due::Readable,
            None => Due::Nothing,
        }
    }

    fn claim(&self) -> bool {
        fence(Ordering::SeqCst);
        let reader = &self.shared.reader;
        reader.load(Ordering::Relaxed) == ARMED
            && reader.compare_exchange(ARMED, READING, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Drops the frame that was put and not published.
    pub fn rollback(&mut self) {
        if std::mem::take(&mut self.put) {
            self.set(None);
        }
    }

    /// Whether the reading end was dropped.
    pub fn reader_gone(&self) -> bool {
        self.shared.reader.load(Ordering::Acquire) == GONE
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
        f.debug_struct("Writer").field("put", &self.put).finish_non_exhaustive()
    }
}

/// The reading end.
pub struct Reader {
    shared: Arc<Shared>,
    cell: u8,
}

impl Reader {
    /// Takes the latest message. Finding none arms the writer's `Due::Readable`.
    #[inline]
    pub fn get(&mut self, m: &mut Msg) -> Got {
        if !self.has() {
            return Got { frame: false, wake: false };
        }
        self.cell = self.shared.between.swap(self.cell, Ordering::AcqRel) & CELL;
        let frame = self.shared.cells[usize::from(self.cell)].with_mut(|p| {
            // SAFETY: the cell is the reader's now.
            unsafe { (*p).take() }
        });
        let got = Got { frame: frame.is_some(), wake: false };
        *m = frame.unwrap_or_default();
        got
    }

    /// Whether a message can be taken. A false arms the writer's `Due::Readable`.
    #[inline]
    pub fn has(&mut self) -> bool {
        self.peek() || self.arm()
    }

    fn arm(&mut self) -> bool {
        let reader = &self.shared.reader;
        if reader.load(Ordering::Relaxed) != ARMED {
            reader.store(ARMED, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if self.peek() {
                self.shared.reader.store(READING, Ordering::Relaxed);
                return true;
            }
        }
        self.peek()
    }

    /// Whether a message can be taken, without arming.
    #[inline]
    pub fn peek(&mut self) -> bool {
        self.shared.between.load(Ordering::Acquire) & FRESH != 0
    }

    /// Whether the writer is gone and the latest message was taken.
    pub fn ended(&mut self) -> bool {
        self.shared.writer_gone.load(Ordering::Acquire) && !self.peek()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.reader.store(GONE, Ordering::Release);
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("cell", &self.cell).finish_non_exhaustive()
    }
}
