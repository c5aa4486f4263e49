use std::{collections::HashSet, sync::mpsc, thread};

use super::*;
use crate::content::Content;

#[test]
fn classes_hold_their_sizes() {
    for size in 0..=POOLED_MAX {
        let class = class_of(size);
        assert!(class_size(class) >= size);
        assert!(class == 0 || class_size(class - 1) < size);
    }
}

#[test]
fn a_block_freed_elsewhere_comes_back_to_its_owner() {
    let (mine, other) = (Pool::new(), Pool::new());
    // SAFETY: this thread holds both pools; each block is used once.
    unsafe {
        let blocks: Vec<_> = (0..BATCH).map(|_| mine.take(1)).collect();
        for &block in &blocks {
            other.put(block);
        }
        for _ in 0..BATCH {
            let again = mine.take(1);
            assert!(blocks.contains(&again));
            to_allocator(again);
        }
    }
}

#[test]
fn fewer_than_a_batch_come_back_with_a_flush() {
    let (mine, other) = (Pool::new(), Pool::new());
    // SAFETY: this thread holds both pools; each block is used once.
    unsafe {
        let (small, large) = (mine.take(0), mine.take(6));
        other.put(small);
        other.put(large);
        let fresh = mine.take(0);
        assert_ne!(fresh, small);
        to_allocator(fresh);
        other.flush();
        assert_eq!((mine.take(6), mine.take(0)), (large, small));
        to_allocator(small);
        to_allocator(large);
    }
}

#[test]
fn a_pool_keeps_a_bounded_number_of_free_blocks() {
    let pool = Pool::new();
    let most = KEPT / POOLED_MAX;
    // SAFETY: this thread holds the pool; each block is used once.
    unsafe {
        let blocks: Vec<_> = (0..most + 10).map(|_| pool.take(6)).collect();
        blocks.into_iter().for_each(|block| pool.put(block));
        pool.local.with_mut(|local| assert_eq!((*local).free[6].count, most));
        (0..most).for_each(|_| to_allocator(pool.take(6)));
    }
}

/// Bodies made, checked and dropped on different threads, which come and go, never overlap.
#[test]
fn bodies_cross_threads_that_come_and_go() {
    for round in 0..4u8 {
        let (send, receive) = mpsc::sync_channel::<(u8, Content)>(200);
        let makers: Vec<_> = (0..3u8)
            .map(|id| {
                let send = send.clone();
                thread::spawn(move || {
                    for i in 0..2000usize {
                        let mark = id ^ i as u8 ^ round;
                        let body = Content::copy_from(&vec![mark; 1 + i * 37 % 5000]).unwrap();
                        send.send((mark, body)).unwrap();
                    }
                })
            })
            .collect();
        drop(send);
        let mut kept = Vec::new();
        for (mark, body) in receive {
            assert!(body.as_slice().iter().all(|&b| b == mark));
            if body.len() % 3 == 0 {
                kept.push((mark, body));
            }
        }
        let mut places = HashSet::new();
        for (mark, body) in &kept {
            assert!(places.insert(body.as_slice().as_ptr()));
            assert!(body.as_slice().iter().all(|b| b == mark));
        }
        makers.into_iter().for_each(|maker| maker.join().unwrap());
        flush();
    }
}

thread_local! {
    static LATE: std::cell::RefCell<Vec<Content>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// Bodies that thread-local destructors drop, before or after the pool's own, are freed or go back.
#[test]
fn bodies_may_outlive_their_threads_pool() {
    for pool_first in [false, true] {
        let foreign = Content::copy_from(&[1; 100]).unwrap();
        thread::spawn(move || {
            if pool_first {
                drop(Content::copy_from(&[2; 100]).unwrap());
            }
            LATE.with_borrow_mut(|late| {
                late.push(foreign);
                late.push(Content::copy_from(&[3; 100]).unwrap());
            });
        })
        .join()
        .unwrap();
    }
    assert_eq!(Content::copy_from(&[4; 100]).unwrap().as_slice(), [4; 100]);
}
