//! The promise that somebody will look at a connection's output: who has to be told after a publish, and who not.
//!
//! One word. IDLE: nobody will look; the publish that makes the step to SCHEDULED must push the connection on its I/O
//! thread's ready list. SCHEDULED: the I/O thread has been told, or keeps the connection in its own bookkeeping.
//! WATCHED: the application streams and flushes batches itself; the I/O thread looks by a timer, so a publish is one
//! plain load. PARKED: there is no connection; publishes pile up silently until [`Promise::unpark`].
//!
//! Invariant: whoever reads WATCHED or PARKED without an atomic step may trust it, because leaving either costs a
//! heavy fence and a new look after it. Every other answer comes from an atomic step on the word itself.
use crate::sync::{AtomicU32, Ordering, heavy_fence, light_fence};

const IDLE: u32 = 0;
/// Set in every state but IDLE, so that one `fetch_or` promises in all states and changes none of them.
const SCHEDULED: u32 = 1;
const WATCHED: u32 = SCHEDULED | 2;
const PARKED: u32 = SCHEDULED | 4;

/// What [`Promise::publish_made`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promised {
    /// Nobody had promised: the caller made the step and must push the connection, or [`Promise::begin_look`] itself.
    First,
    /// Somebody will look.
    Already,
    /// The I/O thread looks by its timer.
    Watched,
    /// There is no connection.
    Parked,
}

/// See the module.
#[derive(Debug)]
pub struct Promise {
    word: AtomicU32,
}

impl Promise {
    /// A promise of a connection that is up and idle.
    pub fn idle() -> Self {
        Self { word: AtomicU32::new(IDLE) }
    }

    /// A promise of a connection that is still to be made.
    pub fn parked() -> Self {
        Self { word: AtomicU32::new(PARKED) }
    }

    /// After every publish (a Release store of what was published).
    #[inline]
    pub fn publish_made(&self) -> Promised {
        light_fence();
        match self.word.load(Ordering::Relaxed) {
            WATCHED => Promised::Watched,
            PARKED => Promised::Parked,
            _ if self.promise() => Promised::First,
            _ => Promised::Already,
        }
    }

    /// Makes sure that the I/O thread will look; true: the caller made the step and must push the connection.
    #[inline]
    pub fn promise(&self) -> bool {
        self.word.fetch_or(SCHEDULED, Ordering::AcqRel) == IDLE
    }

    /// The promise is being kept: call before reading what was published. By the I/O thread after it took the
    /// connection from the ready list or its own bookkeeping, or by the thread that was [`Promised::First`]. False:
    /// parked or watched, which stays.
    pub fn begin_look(&self) -> bool {
        self.word.compare_exchange(SCHEDULED, IDLE, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// I/O thread, holding a promise: looks by a timer from now on. False: it was not SCHEDULED.
    pub fn watch(&self) -> bool {
        self.word.compare_exchange(SCHEDULED, WATCHED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// I/O thread: leaves WATCHED for SCHEDULED; the caller keeps the promise by [`Promise::begin_look`]. False: it
    /// was not watched.
    pub fn unwatch(&self) -> bool {
        let left =
            self.word.compare_exchange(WATCHED, SCHEDULED, Ordering::AcqRel, Ordering::Acquire).is_ok();
        heavy_fence();
        left
    }

    /// I/O thread: the connection is gone; true if a promise was open, which is hereby void.
    pub fn park(&self) -> bool {
        let was = self.word.swap(PARKED, Ordering::AcqRel);
        was != IDLE && was != PARKED
    }

    /// I/O thread: the connection is up; PARKED becomes SCHEDULED and the caller keeps the promise. False: it was not
    /// parked.
    pub fn unpark(&self) -> bool {
        let left = self.word.compare_exchange(PARKED, SCHEDULED, Ordering::AcqRel, Ordering::Acquire).is_ok();
        heavy_fence();
        left
    }

    /// Whether there is no connection.
    pub fn is_parked(&self) -> bool {
        self.word.load(Ordering::Acquire) == PARKED
    }

    /// Whether the I/O thread looks by its timer.
    pub fn is_watched(&self) -> bool {
        self.word.load(Ordering::Acquire) == WATCHED
    }
}
