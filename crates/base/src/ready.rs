//! The ready list of an I/O thread: many push, one takes all, first in first out.
//!
//! Intrusive: the link and the list's own count of the item lie in a [`Hook`] inside the item, so that a push
//! allocates nothing. A hook is in at most one list at a time; a second push is refused.
//!
//! Invariant: while `queued` is set, `next` and `item` belong to the pusher until the push succeeds, then to the
//! taker. `item` keeps what contains the hook alive as long as the list can reach it.
use std::{fmt, ptr};

use crate::sync::{Arc, AtomicBool, AtomicPtr, Ordering, UnsafeCell};

/// What can be in a [`ReadyList`].
pub trait Linked: Sized {
    /// The item's hook.
    fn hook(&self) -> &Hook<Self>;
}

/// The place of an item in a [`ReadyList`].
pub struct Hook<T> {
    queued: AtomicBool,
    next: UnsafeCell<*const Self>,
    item: UnsafeCell<Option<Arc<T>>>,
}

// SAFETY: `next` and `item` are reached by one thread at a time (invariant of the module), handed over by the
// Release and Acquire of the list's head and of `queued`.
unsafe impl<T: Send + Sync> Send for Hook<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Hook<T> {}

impl<T> Hook<T> {
    /// Not in a list.
    pub fn new() -> Self {
        Self {
            queued: AtomicBool::new(false),
            next: UnsafeCell::new(ptr::null()),
            item: UnsafeCell::new(None),
        }
    }
}

impl<T> Default for Hook<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Hook<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hook").field("queued", &self.queued).finish_non_exhaustive()
    }
}

/// See the module.
#[derive(Debug)]
pub struct ReadyList<T> {
    head: AtomicPtr<Hook<T>>,
}

impl<T: Linked> ReadyList<T> {
    /// An empty list.
    pub fn new() -> Self {
        Self { head: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Adds an item; false: it was in a list already.
    pub fn push(&self, item: Arc<T>) -> bool {
        let hook: *const Hook<T> = item.hook();
        // SAFETY: the hook is borrowed from `item`, which is alive; it stays so until `item` is taken out of it.
        let hook_ref = unsafe { &*hook };
        // Release: what the caller did before is seen by the taker even if the item is in the list already.
        if hook_ref.queued.swap(true, Ordering::AcqRel) {
            return false;
        }
        // SAFETY: this thread set `queued`, so that nobody else touches `item` or `next`.
        hook_ref.item.with_mut(|p| unsafe { *p = Some(item) });
        let mut head = self.head.load(Ordering::Relaxed);
        loop {
            // SAFETY: as above: not in the list yet.
            hook_ref.next.with_mut(|p| unsafe { *p = head });
            match self.head.compare_exchange_weak(head, hook.cast_mut(), Ordering::AcqRel, Ordering::Relaxed)
            {
                Ok(_) => return true,
                Err(now) => head = now,
            }
        }
    }

    /// One load: false may be wrong for an item that is just being pushed.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.head.load(Ordering::Relaxed).is_null()
    }

    /// Takes everything, in the order of the pushes. An item may be pushed again as soon as it was yielded.
    pub fn take(&self) -> Taken<T> {
        let mut newest = self.head.swap(ptr::null_mut(), Ordering::Acquire).cast_const();
        let mut oldest = ptr::null();
        while !newest.is_null() {
            // SAFETY: hooks taken from the head belong to this thread, and `item` keeps each alive.
            let next = unsafe { (*newest).next.with_mut(|p| std::mem::replace(&mut *p, oldest)) };
            oldest = newest;
            newest = next;
        }
        Taken { oldest }
    }
}

impl<T: Linked> Default for ReadyList<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for ReadyList<T> {
    fn drop(&mut self) {
        // Newest first, which does not matter here.
        drop(Taken { oldest: self.head.swap(ptr::null_mut(), Ordering::Acquire).cast_const() });
    }
}

/// The items that [`ReadyList::take`] took.
#[derive(Debug)]
pub struct Taken<T> {
    oldest: *const Hook<T>,
}

// SAFETY: the chain belongs to this value alone; it is a list of counted items.
unsafe impl<T: Send + Sync> Send for Taken<T> {}

impl<T> Iterator for Taken<T> {
    type Item = Arc<T>;

    fn next(&mut self) -> Option<Arc<T>> {
        // SAFETY: a hook in the chain belongs to this value and is kept alive by its own `item`.
        let hook = unsafe { self.oldest.as_ref()? };
        // SAFETY: as above.
        let (next, item) = unsafe { (hook.next.with(|p| *p), hook.item.with_mut(|p| (*p).take())) };
        self.oldest = next;
        hook.queued.swap(false, Ordering::AcqRel);
        item
    }
}

impl<T> Drop for Taken<T> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}
