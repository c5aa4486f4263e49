//! L8: blocks freed by another thread, against the owner's refill, its end, and the thread that adopts its pool.
use loom::thread;

use super::*;
use crate::sync::{Arc, Mutex, lock};

fn bounded(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(model);
}

struct Sent(*mut Block);
// SAFETY: a block is used by one thread at a time in these models.
unsafe impl Send for Sent {}

/// Returns what is left in the pool to the allocator.
fn drain(pool: &Pool) {
    // SAFETY: the model's other threads have ended.
    unsafe {
        pool.local.with_mut(|local| {
            let local = &mut *local;
            let mut chains = vec![local.unsorted, pool.remote.swap(ptr::null_mut(), Ordering::Acquire)];
            chains.extend(local.free.iter().map(|list| list.head));
            for mut block in chains {
                while !block.is_null() {
                    let next = *link(block);
                    to_allocator(block);
                    block = next;
                }
            }
        });
    }
}

/// Every block handed out is distinct from those in use, and its earlier use happened before.
#[test]
fn remote_free_against_refill_and_thread_end() {
    bounded(|| {
        let pool = Arc::new(Pool::new());
        let shelf = Arc::new(Mutex::new(false));
        // SAFETY: this thread holds the pool until the owner thread starts.
        let (one, two) = unsafe { (Sent(pool.take(0)), Sent(pool.take(1))) };
        let freer = thread::spawn(move || {
            let (one, two) = (one, two);
            let own = Pool::new();
            // SAFETY: this thread holds `own`; each block ends here.
            unsafe {
                own.put(one.0);
                own.flush();
                own.put(two.0);
                own.flush();
            }
        });
        let owner = thread::spawn({
            let (pool, shelf) = (pool.clone(), shelf.clone());
            move || {
                // SAFETY: this thread holds the pool until it says so on the shelf.
                let block = unsafe { pool.take(1) };
                // SAFETY: as above.
                unsafe { pool.flush() };
                *lock(&shelf) = true;
                Sent(block)
            }
        });
        let mut adopted = Vec::new();
        if *lock(&shelf) {
            // SAFETY: the owner has ended; this thread holds the pool now.
            adopted = unsafe { vec![pool.take(0), pool.take(1)] };
        }
        let kept = owner.join().unwrap().0;
        freer.join().unwrap();
        assert!(!adopted.contains(&kept));
        adopted.push(kept);
        // SAFETY: each block is ours alone.
        adopted.into_iter().for_each(|block| unsafe { to_allocator(block) });
        drain(&pool);
    });
}

/// Two threads free to the same owner; a full batch goes without a flush. Nothing is lost.
#[test]
fn two_threads_free_to_one_owner() {
    bounded(|| {
        let pool = Arc::new(Pool::new());
        // SAFETY: this thread holds the pool.
        let blocks: Vec<_> = (0..3).map(|_| Sent(unsafe { pool.take(0) })).collect();
        let places: Vec<_> = blocks.iter().map(|b| b.0).collect();
        let mut blocks = blocks.into_iter();
        let batch = [blocks.next().unwrap(), blocks.next().unwrap()];
        let single = blocks.next().unwrap();
        let freer = thread::spawn(move || {
            let own = Pool::new();
            // SAFETY: this thread holds `own`; BATCH is 2 here.
            batch.into_iter().for_each(|block| unsafe { own.put(block.0) });
        });
        let owner = pool.clone();
        let late = thread::spawn(move || {
            let single = single;
            // SAFETY: the block is ours alone: what a thread without a pool does.
            unsafe { owner.push_remote(single.0, single.0) };
        });
        // SAFETY: this thread holds the pool.
        let early = unsafe { pool.take(0) };
        freer.join().unwrap();
        late.join().unwrap();
        // SAFETY: as above.
        let mut back = unsafe { vec![early, pool.take(0), pool.take(0), pool.take(0)] };
        assert!(places.iter().filter(|place| back.contains(place)).count() == 3);
        back.sort();
        back.dedup();
        assert_eq!(back.len(), 4);
        // SAFETY: each block is ours alone.
        back.into_iter().for_each(|block| unsafe { to_allocator(block) });
        drain(&pool);
    });
}

/// The last of two references frees, whichever it is, and sees the other's use.
#[test]
fn the_last_reference_frees_once() {
    bounded(|| {
        let block = allocate(100).unwrap();
        // SAFETY: we hold the one reference.
        unsafe { crate::content::retain(block, 1) };
        let other = Sent(block);
        let thread = thread::spawn(move || {
            let other = other;
            // SAFETY: this thread holds one reference.
            unsafe {
                (*other.0).used.with(|_| ());
                crate::content::release(other.0, 1);
            }
        });
        // SAFETY: this thread holds one reference.
        unsafe {
            (*block).used.with(|_| ());
            crate::content::release(block, 1);
        }
        thread.join().unwrap();
    });
}
