//! The gate of a C socket: two threads that use it at once is a caller's error, and stays memory-safe.
//!
//! Biased: the thread that used the socket last owns the gate and enters by plain stores. Another thread takes over
//! with a heavy fence, if the owner is not inside; each tenure has a flag of its own, so that a late owner can only
//! ever touch its own. After [`TAKE_OVERS`] changes of owner the gate becomes a plain lock word for good: then it is
//! a socket that threads hand around, and an atomic step per call is cheaper than fences. Where the kernel cannot
//! interrupt other threads it is one from the start.
//!
//! Invariant: of all passes of one gate at most one exists at any time, and a pass happens after the pass before it.
//! A gate whose bytes are all zero is open and without an owner.
use std::{array, marker::PhantomData};

use crate::sync::{AtomicBool, AtomicU64, Ordering, heavy_fence, lightest_fence, prepare_fences};

/// Changes of owner before the gate becomes a plain lock.
pub const TAKE_OVERS: usize = if cfg!(loom) { 2 } else { 6 };

/// Numbers of threads are multiples of this, not 0: the owner word is one and, below, the number of its tenure.
pub const THREAD_STEP: u64 = 8;
const REVOKED: u64 = 0;
const SHARED: u64 = u64::MAX;
const TENURES: usize = TAKE_OVERS + 1;
const _: () = assert!(TENURES <= THREAD_STEP as usize);

/// See the module.
#[derive(Debug)]
#[repr(C)]
pub struct Gate {
    owner: AtomicU64,
    inside: [AtomicBool; TENURES],
    /// A thread is taking over, or is inside once the gate is shared.
    taking: AtomicBool,
}

/// The right to be inside; dropping it leaves.
#[must_use]
#[derive(Debug)]
#[repr(transparent)]
pub struct Pass<'a> {
    /// Set while the pass exists: that of the tenure, or `taking`.
    inside: &'a AtomicBool,
    /// A pass belongs to the thread that entered.
    thread: PhantomData<*const ()>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gate {
    /// Open, without an owner.
    pub fn new() -> Self {
        Self {
            owner: AtomicU64::new(REVOKED),
            inside: array::from_fn(|_| AtomicBool::new(false)),
            taking: AtomicBool::new(false),
        }
    }

    /// Enters; none: another thread is inside or just entering, or this thread is inside already. `thread` is a
    /// number of the calling thread, a multiple of [`THREAD_STEP`] from there to 2^63, that no other live thread has.
    #[inline]
    pub fn enter(&self, thread: u64) -> Option<Pass<'_>> {
        let owner = self.owner.load(Ordering::Relaxed);
        if self.flag_of(thread, owner).is_some_and(|inside| inside.load(Ordering::Relaxed)) {
            return None;
        }
        self.enter_again(thread).or_else(|| self.take_over(thread))
    }

    /// Enters if this thread was the last that did; none also where [`Gate::enter`] would take over.
    #[inline(always)]
    pub fn enter_again(&self, thread: u64) -> Option<Pass<'_>> {
        let owner = self.owner.load(Ordering::Relaxed);
        let inside = self.flag_of(thread, owner)?;
        if inside.load(Ordering::Acquire) {
            return None;
        }
        inside.store(true, Ordering::Relaxed);
        lightest_fence();
        if self.owner.load(Ordering::Relaxed) != owner {
            return too_late(inside);
        }
        Some(Pass { inside, thread: PhantomData })
    }

    /// The flag of the tenure, if it is this thread's.
    #[inline(always)]
    fn flag_of(&self, thread: u64, owner: u64) -> Option<&AtomicBool> {
        self.inside.get((owner ^ thread) as usize)
    }

    fn flag(&self, owner: u64) -> &AtomicBool {
        &self.inside[(owner % THREAD_STEP) as usize]
    }

    #[cold]
    fn take_over(&self, thread: u64) -> Option<Pass<'_>> {
        if self.taking.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return None;
        }
        let inside = self.take_tenure(thread);
        if !inside.is_some_and(|inside| std::ptr::eq(inside, &self.taking)) {
            self.taking.store(false, Ordering::Release);
        }
        Some(Pass { inside: inside?, thread: PhantomData })
    }

    /// With `taking` set: only this thread changes the owner word. The result is set and says that this thread is
    /// inside; it is `taking` itself in a gate that is shared.
    fn take_tenure(&self, thread: u64) -> Option<&AtomicBool> {
        let owner = self.owner.load(Ordering::Acquire);
        let tenure = match owner {
            SHARED => return Some(&self.taking),
            REVOKED if prepare_fences() => 0,
            REVOKED => TENURES as u64,
            _ => {
                self.owner.store(REVOKED, Ordering::Relaxed);
                heavy_fence();
                // The owner either is seen here, or sees its word changed and goes.
                if self.flag(owner).load(Ordering::Acquire) {
                    self.owner.store(owner, Ordering::Release);
                    return None;
                }
                owner % THREAD_STEP + 1
            }
        };
        if tenure >= TENURES as u64 {
            self.owner.store(SHARED, Ordering::Release);
            return Some(&self.taking);
        }
        debug_assert!(thread != 0 && thread.is_multiple_of(THREAD_STEP));
        let owner = thread | tenure;
        let inside = self.flag(owner);
        inside.store(true, Ordering::Relaxed);
        self.owner.store(owner, Ordering::Release);
        Some(inside)
    }
}

/// The owner was about to enter when another thread took over. Only the owner ever sets the flag of its tenure.
#[cold]
fn too_late(inside: &AtomicBool) -> Option<Pass<'_>> {
    inside.store(false, Ordering::Release);
    None
}

impl Drop for Pass<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.inside.store(false, Ordering::Release);
    }
}
