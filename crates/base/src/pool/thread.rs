//! Which thread holds which pool.
//!
//! A shared library reaches a thread-local variable by a call, which is a tenth of what a message costs. So a thread first
//! looks at a place that follows from its number: if that is its own, so is the pool there.
//!
//! Invariant: the pool at a place is held by the thread whose number is there, and only that thread writes its place.
use std::{
    cell::Cell,
    marker::PhantomData,
    ptr,
    sync::{Mutex, PoisonError},
};

use super::Pool;
use crate::{
    sync::{AtomicPtr, AtomicU64, Ordering},
    thread,
};

/// Every pool ever made. Thread start and end only.
pub(crate) static POOLS: Mutex<Vec<Shelf>> = Mutex::new(Vec::new());

pub(crate) struct Shelf {
    pool: &'static Pool,
    held: bool,
}

thread_local! {
    /// This thread's pool.
    static POOL: Cell<Option<&'static Pool>> = const { Cell::new(None) };
    /// Gives it back when a thread ends that has not said when it will.
    static UNTIL_THE_END: Held = const { Held(PhantomData) };
}

static PLACES: [Place; 64] = [const { Place::new() }; 64];

struct Place {
    /// Whose it is; [`NOBODY`].
    thread: AtomicU64,
    pool: AtomicPtr<Pool>,
}

const NOBODY: u64 = 0;

impl Place {
    const fn new() -> Self {
        Self { thread: AtomicU64::new(NOBODY), pool: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Where a thread with this number looks. Stacks, at the end of which the numbers come from, are some pages apart.
    #[inline(always)]
    fn of(thread: u64) -> &'static Self {
        &PLACES[(thread >> 12) as usize % PLACES.len()]
    }

    fn claim(&self, thread: u64, pool: &'static Pool) {
        // Acquire: what was there is gone.
        if self.thread.load(Ordering::Relaxed) == NOBODY
            && self.thread.compare_exchange(NOBODY, thread, Ordering::Acquire, Ordering::Relaxed).is_ok()
        {
            self.pool.store(ptr::from_ref(pool).cast_mut(), Ordering::Relaxed);
        }
    }

    fn leave(&self, thread: u64) {
        if self.thread.load(Ordering::Relaxed) == thread {
            self.thread.store(NOBODY, Ordering::Release);
        }
    }
}

/// In a forked child, before it has more than one thread: a new one may get the number of one that is only in the parent.
pub(crate) fn forget_other_threads() {
    let this = thread::number();
    for place in &PLACES {
        if place.thread.load(Ordering::Relaxed) != this {
            place.thread.store(NOBODY, Ordering::Relaxed);
        }
    }
}

/// The thread's hold on a pool: dropped, it gives back what the thread has, until it asks for a pool again.
#[derive(Debug)]
#[must_use]
pub struct Held(PhantomData<*const ()>);

/// Gets the calling thread a pool for as long as the result lives. For threads of our own: any other gets one by its
/// first message, and gives it back by a destructor of the thread, for which the lock of the dynamic loader is needed.
/// A thread that has that lock, in the constructor or destructor of a library, may be waiting for ours.
pub fn hold() -> Held {
    if POOL.get().is_none() {
        POOL.set(Some(adopt()));
    }
    Held(PhantomData)
}

fn adopt() -> &'static Pool {
    crate::fork::watch();
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(shelf) = pools.iter_mut().find(|shelf| !shelf.held) {
        shelf.held = true;
        return shelf.pool;
    }
    let pool: &'static Pool = Box::leak(Box::new(Pool::new()));
    pools.push(Shelf { pool, held: true });
    pool
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(pool) = POOL.take() else { return };
        let this = thread::number();
        Place::of(this).leave(this);
        // SAFETY: this thread holds the pool until the flag below is cleared.
        unsafe { pool.flush() };
        let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shelf) = pools.iter_mut().find(|shelf| ptr::eq(shelf.pool, pool)) {
            shelf.held = false;
        }
    }
}

/// Runs `f` with this thread's pool; none while the thread is being torn down. `f` must not come back here.
#[inline]
pub(super) fn with<R>(f: impl FnOnce(&'static Pool) -> R) -> Option<R> {
    let this = thread::number();
    let place = Place::of(this);
    let pool = if place.thread.load(Ordering::Relaxed) == this {
        // SAFETY: the place is this thread's, and pools live for ever.
        unsafe { &*place.pool.load(Ordering::Relaxed) }
    } else {
        elsewhere(place, this)?
    };
    Some(f(pool))
}

/// The pool of a thread whose place is another's, or not yet its own.
#[cold]
fn elsewhere(place: &Place, this: u64) -> Option<&'static Pool> {
    if POOL.get().is_none() {
        UNTIL_THE_END.try_with(|_| ()).ok()?;
        POOL.set(Some(adopt()));
    }
    let pool = POOL.get()?;
    place.claim(this, pool);
    Some(pool)
}

#[cfg(test)]
mod tests {
    use std::{
        collections::HashSet,
        sync::{Barrier, Mutex},
    };

    use super::*;

    fn pool_of_this_thread() -> usize {
        with(|pool| ptr::from_ref(pool).addr()).expect("not at its end")
    }

    #[test]
    fn no_two_threads_have_one_pool_though_there_are_more_than_places() {
        const THREADS: usize = 3 * PLACES.len() / 2;
        for _ in 0..3 {
            let pools = Mutex::new(HashSet::from([pool_of_this_thread()]));
            let all = Barrier::new(THREADS);
            std::thread::scope(|scope| {
                for _ in 0..THREADS {
                    scope.spawn(|| {
                        let pool = pool_of_this_thread();
                        all.wait();
                        assert_eq!(pool_of_this_thread(), pool);
                        assert!(pools.lock().expect("no panic").insert(pool));
                    });
                }
            });
        }
    }

    #[test]
    fn a_forked_child_forgets_the_places_of_threads_that_it_does_not_have() {
        let (there, done) = (Barrier::new(2), Barrier::new(2));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                pool_of_this_thread();
                there.wait();
                done.wait();
            });
            pool_of_this_thread();
            there.wait();
            // SAFETY: the child looks at memory and ends with _exit.
            let child = unsafe { libc::fork() };
            if child == 0 {
                let known = PLACES.iter().map(|place| place.thread.load(Ordering::Relaxed));
                let others = known.filter(|thread| ![NOBODY, thread::number()].contains(thread)).count();
                // SAFETY: no preconditions.
                unsafe { libc::_exit(others as i32) };
            }
            done.wait();
            let mut status = -1;
            // SAFETY: a child of ours, and a place for its status.
            assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
            assert_eq!(status, 0, "places of others");
        });
    }
}
