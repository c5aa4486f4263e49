//! What idle connections keep: nothing of what their traffic needed.
#![allow(missing_docs)]

mod harness;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use ferrozmq_base::SocketType;
use ferrozmq_runtime::Context;
use harness::*;

/// Counts the bytes that are allocated.
struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: by the contract of this function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: by the contract of this function.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: by the contract of this function.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const CONNECTIONS: usize = 200;
/// The pool of read buffers keeps so much of each of its two larger sizes, whatever the number of connections.
const POOL: usize = 2 * (4 << 20);

#[test]
fn idle_connections_keep_no_buffers() {
    for direct in [true, false] {
        let context = Context::new().unwrap();
        context.set_direct(direct);
        let (mut router, endpoint) = bound(&context, SocketType::Router, &endpoint("tcp"));
        let mut dealers: Vec<_> =
            (0..CONNECTIONS).map(|_| connected(&context, SocketType::Dealer, &endpoint)).collect();
        let exchange = |dealer: &mut _, router: &mut _, body: &[u8]| {
            for _ in 0..40 {
                send(dealer, &[body]);
            }
            for _ in 0..40 {
                let message = recv(router);
                send(router, &[&message[0], &message[1]]);
            }
            for _ in 0..40 {
                assert_eq!(recv(dealer), [body]);
            }
        };
        dealers.iter_mut().for_each(|dealer| exchange(dealer, &mut router, b"x"));
        for dealer in &mut dealers {
            exchange(dealer, &mut router, &[7; 4000]);
        }
        // Two sockets' ends have their queues and state; what the traffic needed is more than 300 KB for each pair.
        let enough = POOL + CONNECTIONS * 40_000;
        let patience = Instant::now() + PATIENCE;
        let mut kept = usize::MAX;
        while kept > enough {
            assert!(Instant::now() < patience, "{kept} bytes are kept, direct {direct}");
            std::thread::sleep(Duration::from_millis(10));
            kept = ALLOCATED.load(Ordering::Relaxed);
        }
        dealers.drain(..).for_each(|dealer| dealer.close());
        router.close();
        end(&context);
    }
}
