//! The right to drive a half, lent by its session to the application: a lease.
//!
//! While it is lent the session leaves the half alone, and the application takes it for as long as a call lasts. The
//! session alone lends. The right comes back in one of two ways: the application gives it back, because it found what
//! only the session can deal with or because the session left a note meanwhile; or the session takes it back from
//! a half that nobody holds.
//!
//! Invariants: the application holds a half only while it is lent, so that a right once back is never used any more.
//! Who is told that the right came back finds the half free, whatever the application does next. The application
//! never leaves a note: of a half that it may not take it hears by the wake-up that follows [`Guard::lend`] and
//! everything else that a session does to a half while it is lent; so it looks once more after it has announced
//! a sleep.
use super::{DriveLock, Guard, HELD, Hold, LENT, NOTE};
use crate::sync::Ordering;

use std::marker::PhantomData;

impl<T> Guard<'_, T> {
    /// Session: lends the half and lets go of it. An application that sleeps has to be woken after this.
    pub fn lend(self) {
        self.lock.word.fetch_or(LENT, Ordering::AcqRel);
        // A note is the session's own, and it is here.
        self.unlock();
    }
}

impl<T> DriveLock<T> {
    /// Application: takes the half if it is lent and free.
    pub fn borrow(&self) -> Option<Hold<T>> {
        // With a note on it the session is just about to take it.
        let taken = self.word.compare_exchange(LENT, LENT | HELD, Ordering::Acquire, Ordering::Relaxed);
        taken.is_ok().then_some(Hold { id: self.id, kind: PhantomData })
    }

    /// Application: lets go of the half; with the right to it, if `for_good` or if the session wants that. True: tell
    /// the session, whose turn it is.
    ///
    /// # Panics
    /// If the hold is of another lock: a mistake of the program.
    #[must_use = "tell the session"]
    pub fn give_back(&self, hold: Hold<T>, for_good: bool) -> bool {
        assert_eq!(hold.id, self.id, "hold of another lock");
        let mut word = self.word.load(Ordering::Relaxed);
        loop {
            let left = if for_good || word & NOTE != 0 { 0 } else { LENT };
            match self.word.compare_exchange(word, left, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return left == 0,
                Err(now) => word = now,
            }
        }
    }

    /// Session: takes the half, lent or not, and the right to it; none: the application holds it, has the note, and
    /// will give back both.
    pub fn take_back(&self) -> Option<Guard<'_, T>> {
        let guard = self.try_lock()?;
        self.word.fetch_and(!LENT, Ordering::AcqRel);
        Some(guard)
    }

    /// Whether the half is lent: a hint.
    #[inline]
    pub fn is_lent(&self) -> bool {
        self.word.load(Ordering::Relaxed) & LENT != 0
    }
}
