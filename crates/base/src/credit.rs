//! Credit: the high-water mark of one direction of a pipe, in whole messages.
//!
//! The writer counts what it published and may start a message while `published - credited` is below the mark. The
//! reader credits what it took every LWM = (HWM + 1) / 2 messages, and whenever it finds nothing more. A writer that
//! found no room leaves word in `full_at`, fences and looks again; the reader stores its credit, fences and looks
//! there: one of the two sees the other. The writer is told once, when no more than HWM - LWM are outstanding.
//!
//! Counters are u32 and wrap; a mark above 2^27 is unlimited, so differences are never ambiguous.
use crate::sync::{AtomicU32, AtomicU64, Line, Ordering, fence};

/// Marks above this mean unlimited.
const HWM_MAX: u32 = 1 << 27;
/// More than ever is outstanding.
const UNLIMITED: u32 = u32::MAX;
/// Messages between two credits where there is no mark.
const LWM_UNLIMITED: u32 = 1 << 16;
const NOT_FULL: u64 = u64::MAX;

#[derive(Debug)]
pub(crate) struct Credit {
    /// The mark, or UNLIMITED.
    hwm: AtomicU32,
    /// Messages between two credits; follows from the mark.
    lwm: AtomicU32,
    /// Written by the reader.
    credited: Line<AtomicU32>,
    /// The writer's count of published messages when it found no room, or NOT_FULL. Rarely written.
    full_at: Line<AtomicU64>,
}

/// The writer's part.
#[derive(Debug, Default)]
pub(crate) struct Debit {
    /// As last read from the reader.
    credited: u32,
    /// Found no room at this credit: stays so until the reader gives more.
    blocked: bool,
}

impl Credit {
    pub(crate) fn new(hwm: u32) -> Self {
        let (hwm, lwm) = marks(hwm);
        Self {
            hwm: AtomicU32::new(hwm),
            lwm: AtomicU32::new(lwm),
            credited: Line(AtomicU32::new(0)),
            full_at: Line(AtomicU64::new(NOT_FULL)),
        }
    }

    /// 0 is unlimited.
    pub(crate) fn hwm(&self) -> u32 {
        match self.hwm.load(Ordering::Relaxed) {
            UNLIMITED => 0,
            hwm => hwm,
        }
    }

    pub(crate) fn set_hwm(&self, hwm: u32) {
        let (hwm, lwm) = marks(hwm);
        self.hwm.store(hwm, Ordering::Relaxed);
        self.lwm.store(lwm, Ordering::Relaxed);
    }

    /// Messages between two credits.
    #[inline(always)]
    pub(crate) fn lwm(&self) -> u32 {
        self.lwm.load(Ordering::Relaxed)
    }

    /// Writer: whether a message may be started with `published` messages out. A false arms the reader's wake-up.
    #[inline(always)]
    pub(crate) fn room(&self, debit: &mut Debit, published: u32) -> bool {
        let outstanding = published.wrapping_sub(debit.credited);
        !debit.blocked && outstanding < self.hwm.load(Ordering::Relaxed) || self.room_slow(debit, published)
    }

    #[cold]
    #[inline(never)]
    fn room_slow(&self, debit: &mut Debit, published: u32) -> bool {
        let hwm = self.hwm();
        if self.has_room(debit, published, hwm) {
            return true;
        }
        self.full_at.store(u64::from(published), Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let room = self.has_room(debit, published, hwm);
        if room {
            // The reader may have claimed it already: a wake-up too many is harmless.
            self.full_at.store(NOT_FULL, Ordering::Relaxed);
        }
        room
    }

    /// A full pipe does not become writable by a raised mark, only by the reader's progress.
    fn has_room(&self, debit: &mut Debit, published: u32, hwm: u32) -> bool {
        let credited = self.credited.load(Ordering::Acquire);
        let progress = credited != debit.credited;
        debit.credited = credited;
        if debit.blocked && !progress {
            return false;
        }
        debit.blocked = hwm != 0 && published.wrapping_sub(credited) >= hwm;
        !debit.blocked
    }

    /// Reader: `consumed` messages were taken in all. True once for a writer that waits and has room again.
    pub(crate) fn grant(&self, consumed: u32) -> bool {
        self.credited.store(consumed, Ordering::Release);
        self.claim_waiting()
    }

    /// Reader: whether a writer waits that has room again; true once.
    pub(crate) fn claim_waiting(&self) -> bool {
        fence(Ordering::SeqCst);
        let full_at = self.full_at.load(Ordering::Acquire);
        if full_at == NOT_FULL {
            return false;
        }
        let outstanding = (full_at as u32).wrapping_sub(self.credited.load(Ordering::Relaxed));
        let hwm = self.hwm();
        let enough = hwm == 0 || outstanding <= hwm - hwm.div_ceil(2);
        enough && self.full_at.swap(NOT_FULL, Ordering::AcqRel) != NOT_FULL
    }

    /// Whether a writer found no room, and the reader has not yet seen that it has room again.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.full_at.load(Ordering::Acquire) != NOT_FULL
    }

    /// Messages credited so far.
    pub(crate) fn credited(&self) -> u32 {
        self.credited.load(Ordering::Acquire)
    }
}

/// Both marks as they are kept, for this mark of a user.
fn marks(hwm: u32) -> (u32, u32) {
    if hwm == 0 || hwm > HWM_MAX { (UNLIMITED, LWM_UNLIMITED) } else { (hwm, hwm.div_ceil(2)) }
}
