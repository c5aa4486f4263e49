//! The gate of a C socket: two threads that use it at once is a caller's error, and stays memory-safe.
//!
//! Biased: the thread that used the socket last owns the gate and enters by plain stores. Another thread takes over
//! with a heavy fence, if the owner is not inside; each tenure has a flag of its own, so that a late owner can only
//! ever touch its own. After [`TAKE_OVERS`] changes of owner the gate becomes a plain lock word for good: then it is
//! a socket that threads hand around, and an atomic step per call is cheaper than fences.
//!
//! Invariant: of all passes of one gate at most one exists at any time, and a pass happens after the pass before it.
use std::{array, marker::PhantomData};

use crate::sync::{AtomicBool, AtomicU64, Ordering, heavy_fence, light_fence, prepare_fences};

/// Changes of owner before the gate becomes a plain lock.
pub const TAKE_OVERS: usize = if cfg!(loom) { 2 } else { 16 };

/// Owner word: the thread's token above, the number of its tenure below. No thread has token 0.
const TENURE_BITS: u32 = 8;
const REVOKED: u64 = 0;
const SHARED: u64 = u64::MAX;

/// See the module.
#[derive(Debug)]
pub struct Gate {
    owner: AtomicU64,
    inside: [AtomicBool; TAKE_OVERS + 1],
    /// The thread that is taking over, or the one inside once the gate is shared; 0 none.
    taking: AtomicU64,
}

/// The right to be inside; dropping it leaves.
#[must_use]
#[derive(Debug)]
pub struct Pass<'a> {
    leave: Leave<'a>,
    /// A pass belongs to the thread that entered.
    thread: PhantomData<*const ()>,
}

#[derive(Debug)]
enum Leave<'a> {
    Flag(&'a AtomicBool),
    Word(&'a AtomicU64),
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// Open, without an owner.
    pub fn new() -> Self {
        prepare_fences();
        Self {
            owner: AtomicU64::new(REVOKED),
            inside: array::from_fn(|_| AtomicBool::new(false)),
            taking: AtomicU64::new(0),
        }
    }

    /// Enters; none: another thread is inside or just entering, or this thread is inside already. `thread` is a
    /// number of the calling thread, from 1 to 2^56 - 2, that no other live thread has.
    #[inline]
    pub fn enter(&self, thread: u64) -> Option<Pass<'_>> {
        let owner = self.owner.load(Ordering::Relaxed);
        if owner >> TENURE_BITS != thread {
            return self.take_over(thread);
        }
        let inside = self.flag(owner);
        if inside.load(Ordering::Relaxed) {
            return None;
        }
        inside.store(true, Ordering::Relaxed);
        light_fence();
        if self.owner.load(Ordering::Relaxed) != owner {
            // Only this thread ever sets the flag of its tenure.
            inside.store(false, Ordering::Release);
            return self.take_over(thread);
        }
        Some(Pass { leave: Leave::Flag(inside), thread: PhantomData })
    }

    fn flag(&self, owner: u64) -> &AtomicBool {
        // Never above: tenures end there.
        &self.inside[((owner & ((1 << TENURE_BITS) - 1)) as usize).min(TAKE_OVERS)]
    }

    #[cold]
    fn take_over(&self, thread: u64) -> Option<Pass<'_>> {
        if self.taking.compare_exchange(0, thread, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return None;
        }
        let owner = self.owner.load(Ordering::Acquire);
        if owner == SHARED {
            return Some(Pass { leave: Leave::Word(&self.taking), thread: PhantomData });
        }
        let pass = self.take_tenure(owner, thread);
        if !matches!(pass, Some(Pass { leave: Leave::Word(_), .. })) {
            self.taking.store(0, Ordering::Release);
        }
        pass
    }

    /// With `taking` set: only this thread changes the owner word.
    fn take_tenure(&self, owner: u64, thread: u64) -> Option<Pass<'_>> {
        let mut tenure = 0;
        if owner != REVOKED {
            self.owner.store(REVOKED, Ordering::Relaxed);
            heavy_fence();
            // The owner either is seen here, or sees its word changed and goes.
            if self.flag(owner).load(Ordering::Acquire) {
                self.owner.store(owner, Ordering::Release);
                return None;
            }
            tenure = (owner & ((1 << TENURE_BITS) - 1)) + 1;
        }
        if tenure > TAKE_OVERS as u64 {
            self.owner.store(SHARED, Ordering::Release);
            return Some(Pass { leave: Leave::Word(&self.taking), thread: PhantomData });
        }
        let owner = thread << TENURE_BITS | tenure;
        let inside = self.flag(owner);
        inside.store(true, Ordering::Relaxed);
        self.owner.store(owner, Ordering::Release);
        Some(Pass { leave: Leave::Flag(inside), thread: PhantomData })
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        match self.leave {
            Leave::Flag(flag) => flag.store(false, Ordering::Release),
            Leave::Word(word) => word.store(0, Ordering::Release),
        }
    }
}
