//! The process-wide locks of this crate, kept from being lost in a fork.
//!
//! A forked child has only the thread that forked. A lock that another thread holds at that moment would stay held in the
//! child for ever, and a new context of the child would hang. So the forking thread takes both locks before, and gives
//! them back on both sides (pthread_atfork(3)). Threads that are not in the child are forgotten there.

use std::{
    cell::Cell,
    sync::{MutexGuard, TryLockError},
};

use crate::{
    peer::{self, PeerTable},
    pool,
    sync::{AtomicBool, Ordering},
};

/// How often the forking thread tries for a lock: longer than a thread that has it is kept from running. A bound, because
/// it may hold the lock itself, in a signal handler.
const TRIES: usize = 1_000_000;

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
    unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after_in_the_child)) };
}

extern "C" fn before() {
    let locks = (take(|| peer::TABLE.try_lock()), take(|| pool::POOLS.try_lock()));
    // A thread that is being torn down cannot keep them.
    let _ = HELD.try_with(|held| held.set(locks));
}

extern "C" fn after() {
    drop(HELD.try_with(Cell::take));
}

extern "C" fn after_in_the_child() {
    pool::forget_other_threads();
    after();
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

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use super::*;
    use crate::peer::Properties;

    fn use_the_table() {
        PeerTable::release(PeerTable::register(Properties::new()));
    }

    #[test]
    fn a_child_finds_the_locks_free() {
        use_the_table();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let busy = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                use_the_table();
            }
        });
        for _ in 0..200 {
            // SAFETY: the child uses the table and ends with _exit; alarm ends it if it hangs.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: neither has preconditions.
                unsafe { libc::alarm(20) };
                use_the_table();
                // SAFETY: as above.
                unsafe { libc::_exit(0) };
            }
            let mut status = -1;
            // SAFETY: a child of ours, and a place for its status.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0, "the child hung");
        }
        stop.store(true, Ordering::Relaxed);
        busy.join().expect("the busy thread");
    }
}
