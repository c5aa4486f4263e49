//! Free blocks larger than those of the pools, shared by all threads.
//!
//! An allocator gives large free memory back to the system at once, and a stream of large bodies then pays a page fault
//! for every 4 KB of every message. So they are kept, in classes, until something goes idle. The block that was freed last
//! is the next to be used, while a cache still has it.
//!
//! Behind a leaf lock that is only tried: who does not get it turns to the allocator.
use std::{
    mem,
    ptr::{self, NonNull},
    sync::Mutex,
};

use super::{Block, BlockKind, HEAP, List, class_of, class_size, from_allocator, to_allocator};
use crate::sync::AtomicU32;

/// Free bytes that are kept in all: the bodies of 64 KB that one inproc pipe with the default marks may hold.
const KEPT: usize = 128 << 20;
/// The largest block that is kept.
pub(crate) const LARGEST: usize = KEPT / 8;
const CLASSES: usize = class_of(LARGEST) as usize + 1;

struct Free {
    lists: [List; CLASSES],
    bytes: usize,
}

// SAFETY: free blocks belong to the lists, not to a thread.
unsafe impl Send for Free {}

impl Free {
    const NONE: Self = Self { lists: [List::EMPTY; CLASSES], bytes: 0 };
}

/// Not the facade's: it is static.
static FREE: Mutex<Free> = Mutex::new(Free::NONE);

/// A block with at least `size` bytes of data and one reference, or null.
pub(super) fn take(size: usize) -> *mut Block {
    if cfg!(loom) || size > LARGEST {
        return from_allocator(size, false, HEAP, ptr::null());
    }
    let class = class_of(size);
    let block = pop(class);
    if block.is_null() {
        return from_allocator(class_size(class), false, class, ptr::null());
    }
    // SAFETY: the block was free and is ours now.
    unsafe {
        (*block).rc = AtomicU32::new(1);
        (*block).kind = BlockKind::Plain;
    }
    block
}

fn pop(class: u16) -> *mut Block {
    let Ok(mut free) = FREE.try_lock() else { return ptr::null_mut() };
    let block = free.lists[class as usize].pop();
    if !block.is_null() {
        free.bytes -= class_size(class);
    }
    block
}

/// # Safety
/// `block` came from [`take`] and nobody uses it any more.
pub(super) unsafe fn put(block: *mut Block) {
    // SAFETY: the block is ours until it is on a list.
    unsafe {
        let class = (*block).class;
        if class != HEAP
            && let Ok(mut free) = FREE.try_lock()
            && free.bytes + class_size(class) <= KEPT
        {
            free.bytes += class_size(class);
            return free.lists[class as usize].push(block);
        }
        to_allocator(block);
    }
}

/// Gives everything back to the allocator.
pub(super) fn clear() {
    let Ok(mut free) = FREE.try_lock() else { return };
    let Free { lists, .. } = mem::replace(&mut *free, Free::NONE);
    drop(free);
    for mut list in lists {
        while let Some(block) = NonNull::new(list.pop()) {
            // SAFETY: what was on a list is ours alone.
            unsafe { to_allocator(block.as_ptr()) };
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// Of a class that no other test uses.
    const SIZE: usize = 3 << 20;

    struct Sent(*mut Block);
    // SAFETY: a block is used by one thread at a time here.
    unsafe impl Send for Sent {}

    #[test]
    fn a_block_is_used_again_whichever_thread_freed_it() {
        // Other tests may have the lock for a moment, or clear the lists.
        let again = (0..100).any(|_| {
            let block = take(SIZE);
            let sent = Sent(block);
            // SAFETY: the block is used by nobody else, in the end by nobody.
            std::thread::spawn(move || unsafe { put({ sent }.0) }).join().unwrap();
            let next = take(SIZE - 1);
            // SAFETY: as above.
            unsafe { put(next) };
            next == block
        });
        assert!(again);
    }

    #[test]
    fn a_bounded_number_of_bytes_is_kept_until_all_are_cleared() {
        let blocks: Vec<_> = (0..KEPT / LARGEST + 2).map(|_| take(LARGEST)).collect();
        // SAFETY: the blocks are used by nobody.
        blocks.into_iter().for_each(|block| unsafe { put(block) });
        let bytes = || FREE.lock().unwrap().bytes;
        assert!(bytes() <= KEPT);
        assert!((0..100).any(|_| {
            clear();
            bytes() < LARGEST
        }));
    }
}
