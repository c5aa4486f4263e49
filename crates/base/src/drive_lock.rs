//! The lock of one half of a connection: tried, never waited for.
//!
//! One word. HELD: somebody has the half. NOTE: somebody else wanted it meanwhile; unlocking returns it, and obliges
//! the holder to look again or to schedule the connection. LENT: see [`lease`]; changed by holders only. POISONED: a
//! holder panicked; nobody gets the half any more.
//!
//! Invariant: `&mut T` exists only for the one who set HELD, until that one clears it.
use std::{fmt, marker::PhantomData, ops};

use crate::sync::{AtomicU8, Ordering, UnsafeCell, unique_id};

pub mod lease;

const HELD: u8 = 1;
const NOTE: u8 = 2;
const LENT: u8 = 4;
const POISONED: u8 = 8;

/// See the module.
pub struct DriveLock<T> {
    word: AtomicU8,
    id: u64,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached by the holder of HELD only, which is one at a time; HELD is taken with Acquire and
// given back with Release.
unsafe impl<T: Send> Send for DriveLock<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for DriveLock<T> {}

/// The right to the value, as a borrow. Give it back by [`Guard::unlock`]: a plain drop forgets a note.
#[must_use = "unlock it and act on the note"]
pub struct Guard<'a, T> {
    lock: &'a DriveLock<T>,
}

/// The right to the value, kept over time by somebody who also owns a reference to the lock.
#[must_use = "release it"]
#[derive(Debug)]
pub struct Hold<T> {
    id: u64,
    kind: PhantomData<fn() -> T>,
}

impl<T> DriveLock<T> {
    /// An unlocked half.
    pub fn new(value: T) -> Self {
        Self { word: AtomicU8::new(0), id: unique_id(), value: UnsafeCell::new(value) }
    }

    /// A half that is held from the start.
    pub fn held(value: T) -> (Self, Hold<T>) {
        let lock = Self { word: AtomicU8::new(HELD), id: unique_id(), value: UnsafeCell::new(value) };
        let hold = Hold { id: lock.id, kind: PhantomData };
        (lock, hold)
    }

    /// Takes the half; none: another has it and will find the note.
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        // Not `then_some`: a guard that is made and dropped unlocks.
        self.acquire().then(|| Guard { lock: self })
    }

    /// Takes the half until [`DriveLock::release`]; none: another has it and will find the note.
    pub fn try_hold(&self) -> Option<Hold<T>> {
        self.acquire().then_some(Hold { id: self.id, kind: PhantomData })
    }

    fn acquire(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            if word & HELD == 0 {
                // A note on a free word is of one who is about to try again: the new holder looks anyway.
                let taken = word & !NOTE | HELD;
                match self.word.compare_exchange(word, taken, Ordering::Acquire, Ordering::Relaxed) {
                    Ok(_) => return true,
                    Err(now) => word = now,
                }
            } else {
                // Release: what the caller did before is seen by the holder who finds the note.
                word = self.word.fetch_or(NOTE, Ordering::AcqRel);
                if word & HELD != 0 {
                    return false;
                }
                word |= NOTE;
            }
        }
    }

    fn unlock(&self) -> bool {
        // Only the holder changes LENT, so that it is stable here.
        let lent = self.word.load(Ordering::Relaxed) & LENT;
        self.word.swap(lent, Ordering::AcqRel) & NOTE != 0
    }

    /// The value of a held lock.
    ///
    /// # Panics
    /// If the hold is of another lock: a mistake of the program.
    pub fn access<'a>(&'a self, hold: &'a mut Hold<T>) -> &'a mut T {
        assert_eq!(hold.id, self.id, "hold of another lock");
        // SAFETY: a Hold with this id exists once, only while HELD is set on its behalf, and is borrowed mutably.
        unsafe { &mut *self.value.with_mut(|p| p) }
    }

    /// Gives the half back; true: another wanted it meanwhile, so look again or schedule the connection.
    ///
    /// # Panics
    /// If the hold is of another lock: a mistake of the program.
    pub fn release(&self, hold: Hold<T>) -> bool {
        assert_eq!(hold.id, self.id, "hold of another lock");
        self.unlock()
    }

    /// Turns a borrow into a hold.
    pub fn keep(&self, guard: Guard<'_, T>) -> Hold<T> {
        let id = guard.lock.id;
        std::mem::forget(guard);
        Hold { id, kind: PhantomData }
    }

    /// Whether somebody has the half now: a hint.
    pub fn is_held(&self) -> bool {
        self.word.load(Ordering::Relaxed) & HELD != 0
    }

    /// Whether a holder panicked: the half is lost.
    pub fn is_poisoned(&self) -> bool {
        self.word.load(Ordering::Acquire) & POISONED != 0
    }

    /// The value, when nobody else has a reference to the lock.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T> Guard<'_, T> {
    /// Gives the half back; true: another wanted it meanwhile, so look again or schedule the connection.
    pub fn unlock(self) -> bool {
        let lock = self.lock;
        std::mem::forget(self);
        lock.unlock()
    }
}

impl<T> ops::Deref for Guard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: this guard holds HELD.
        unsafe { &*self.lock.value.with(|p| p) }
    }
}

impl<T> ops::DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this guard holds HELD and is borrowed mutably.
        unsafe { &mut *self.lock.value.with_mut(|p| p) }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The value may be half changed: HELD stays for ever.
            self.lock.word.fetch_or(POISONED, Ordering::AcqRel);
        } else {
            self.lock.unlock();
        }
    }
}

impl<T> fmt::Debug for DriveLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriveLock").field("word", &self.word).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Guard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("lock", self.lock).finish()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_failed_try_leaves_the_lock_with_its_holder() {
        let lock = DriveLock::new(0);
        let guard = lock.try_lock().unwrap();
        assert!(lock.try_lock().is_none());
        assert!(lock.is_held());
        assert!(lock.try_hold().is_none());
        assert!(lock.is_held());
        assert!(guard.unlock(), "the tries left a note");
        assert!(!lock.is_held());
        let hold = lock.try_hold().unwrap();
        assert!(lock.try_lock().is_none());
        assert!(lock.is_held());
        assert!(lock.release(hold));
    }

    #[test]
    fn threads_exclude_each_other() {
        let lock = DriveLock::new(0u64);
        let taken: u64 = std::thread::scope(|s| {
            let threads: Vec<_> = (0..3)
                .map(|i| {
                    let lock = &lock;
                    s.spawn(move || {
                        let mut taken = 0;
                        for _ in 0..100_000 {
                            if i > 0 {
                                if let Some(mut guard) = lock.try_lock() {
                                    *guard += 1;
                                    taken += 1;
                                    guard.unlock();
                                }
                            } else if let Some(mut hold) = lock.try_hold() {
                                *lock.access(&mut hold) += 1;
                                taken += 1;
                                lock.release(hold);
                            }
                        }
                        taken
                    })
                })
                .collect();
            threads.into_iter().map(|t| t.join().unwrap()).sum()
        });
        assert_eq!(lock.into_inner(), taken);
    }
}
