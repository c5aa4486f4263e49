//! The process-wide locks of this crate, kept from being lost in a fork.
//!
//! A forked child has only the thread that forked. A lock that another thread holds at that moment would stay held in the
//! child for ever, and a new context of the child would hang. So the forking thread takes both locks before, and gives
//! them back on both sides (pthread_atfork(3)).

use std::{
    cell::Cell,
    sync::{MutexGuard, TryLockError},
};

use crate::{
    peer::{self, PeerTable},
    pool,
    sync::{AtomicBool, Ordering},
};

/// How often the forking thread tries for a lock. A bound, because it may hold the lock itself, in a signal handler.
const TRIES: usize = 10_000;

type Locks = (Option<MutexGuard<'static, PeerTable>>, Option<MutexGuard<'static, Vec<pool::Shelf>>>);

thread_local! {
    /// What this thread took, between the two handlers of its fork.
    static HELD: Cell<Locks> = const { Cell::new((None, None)) };
}

/// Takes care of the locks from now on. To be called before they are used; cheap after the first time.
pub(crate) fn watch() {
    static WATCHED: AtomicBool = AtomicBool::new(false);
    if WATCHED.load(Ordering::Relaxed) || WATCHED.swap(true, Ordering::Relaxed) {
        return;
    }
    // SAFETY: the handlers do not unwind. Without memory for them a fork is as it was without them.
    unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
}

extern "C" fn before() {
    let locks = (take(|| peer::TABLE.try_lock()), take(|| pool::POOLS.try_lock()));
    // A thread that is being torn down cannot keep them.
    let _ = HELD.try_with(|held| held.set(locks));
}

extern "C" fn after() {
    drop(HELD.try_with(Cell::take));
}

fn take<T>(
    attempt: impl Fn() -> Result<MutexGuard<'static, T>, TryLockError<MutexGuard<'static, T>>>,
) -> Option<MutexGuard<'static, T>> {
    for _ in 0..TRIES {
        match attempt() {
            Ok(guard) => return Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::yield_now(),
        }
    }
    None
}
