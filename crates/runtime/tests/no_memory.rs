//! Memory runs out for what a peer or the application made large: that connection ends, and nothing else.
#![allow(missing_docs)]

mod harness;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    ptr,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use ferrozmq_base::{Msg, SocketType};
use ferrozmq_runtime::{Context, Flags, SocketCore, curve::SecretKey, option::MechanismKind};
use harness::*;

/// Has no memory for sizes from [`LEAST`] to [`MOST`].
struct Short;

static LEAST: AtomicUsize = AtomicUsize::new(usize::MAX);
static MOST: AtomicUsize = AtomicUsize::new(usize::MAX);
/// How often there was none.
static REFUSED: AtomicUsize = AtomicUsize::new(0);
/// One test at a time.
static ALONE: Mutex<()> = Mutex::new(());

// SAFETY: the system's allocator does the work, and null is an answer.
unsafe impl GlobalAlloc for Short {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (least, most) = (LEAST.load(Ordering::Relaxed), MOST.load(Ordering::Relaxed));
        if (least..=most).contains(&layout.size()) && least != usize::MAX {
            REFUSED.fetch_add(1, Ordering::Relaxed);
            return ptr::null_mut();
        }
        // SAFETY: by the contract of this function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: by the contract of this function.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Short = Short;

/// From here on there is no memory for these sizes.
fn refuse(least: usize, most: usize) {
    REFUSED.store(0, Ordering::Relaxed);
    MOST.store(most, Ordering::Relaxed);
    LEAST.store(least, Ordering::Relaxed);
}

/// From here on there is memory for everything.
fn relent() {
    LEAST.store(usize::MAX, Ordering::Relaxed);
}

fn refused() -> usize {
    REFUSED.load(Ordering::Relaxed)
}

/// Whoever knows the key comes in.
fn encrypted(context: &Context) -> (SocketCore, SocketCore) {
    let secret = SecretKey::new([7; 32]);
    let (mut pull, mut push) = (socket(context, SocketType::Pull), socket(context, SocketType::Push));
    let security = &mut pull.options_mut().security;
    (security.mechanism, security.server, security.secret_key) = (MechanismKind::Curve, true, secret.clone());
    let security = &mut push.options_mut().security;
    (security.mechanism, security.server_key) = (MechanismKind::Curve, secret.public());
    (security.public_key, security.secret_key) = (secret.public(), secret);
    (pull, push)
}

const LARGE: usize = 9_000_001;

#[test]
fn an_encrypted_message_waits_until_there_is_memory_for_it() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let context = Context::new().unwrap();
    let (mut pull, mut push) = encrypted(&context);
    let endpoint = bind(&mut pull, "tcp://127.0.0.1:*");
    let mut message = Msg::from_vec(vec![7; LARGE]);
    refuse(LARGE, usize::MAX);
    push.connect(&endpoint).unwrap();
    push.send(&mut message, Flags::default()).unwrap();
    let patience = Instant::now() + PATIENCE;
    while refused() < 2 {
        assert!(Instant::now() < patience, "nobody wanted so much memory");
        std::thread::yield_now();
    }
    relent();
    assert_eq!(recv(&mut pull), [vec![7; LARGE]]);
    push.close();
    pull.close();
    end(&context);
}

#[test]
fn a_long_subscription_counts_as_soon_as_there_is_memory_for_it() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let topic = vec![b't'; LARGE];
    // That of the command as the I/O thread keeps it, and that of the topic as the publisher does.
    for size in [LARGE + b"\x09SUBSCRIBE".len(), LARGE] {
        let context = Context::new().unwrap();
        let (mut publisher, endpoint) = bound(&context, SocketType::Pub, "tcp://127.0.0.1:*");
        let mut subscriber = socket(&context, SocketType::Sub);
        subscriber.set_option(SUBSCRIBE, Some(&topic)).unwrap();
        refuse(size, size);
        subscriber.connect(&endpoint).unwrap();
        let patience = Instant::now() + PATIENCE;
        while publisher.subscribers() == 0 {
            assert!(Instant::now() < patience, "{} times no {size} bytes", refused());
            if refused() >= 2 {
                relent();
            }
            // Both notice what becomes of their connections.
            publisher.events().unwrap();
            subscriber.events().unwrap();
        }
        assert!(refused() >= 2, "there were {size} bytes");
        subscriber.close();
        publisher.close();
        end(&context);
    }
}
