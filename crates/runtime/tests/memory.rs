//! What idle connections keep: nothing of what their traffic needed. What connections hold before their peers have proved
//! anything: 64 KiB at most.
#![allow(missing_docs)]

mod harness;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use ferrozmq_base::SocketType;
use ferrozmq_runtime::{Context, option::MechanismKind};
use harness::*;

/// Counts the bytes that are allocated.
struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);
/// The most that there was.
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// One test at a time.
static COUNTED: Mutex<()> = Mutex::new(());

fn count(size: usize) {
    let now = ALLOCATED.fetch_add(size, Ordering::Relaxed) + size;
    PEAK.fetch_max(now, Ordering::Relaxed);
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: by the contract of this function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
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
/// Each thread keeps so much of the messages of a size; there are the test's, two of I/O, and those of the tests before.
const SMALL: usize = 8 * (2 << 20);

#[test]
fn idle_connections_keep_no_buffers() {
    let _alone = COUNTED.lock().unwrap_or_else(|e| e.into_inner());
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
        let enough = POOL + SMALL + CONNECTIONS * 40_000;
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

/// What a connection may hold before its peer has proved anything.
const BUDGET: usize = 64 * 1024;

/// Connects peers that send `bytes` and then nothing; once at least `least` bytes are held for each, how many are, and
/// were at most.
fn held_for(endpoint: &str, bytes: &[u8], least: usize) -> (usize, usize) {
    let before = ALLOCATED.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let peers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let mut peer = RawPeer::connect(endpoint);
            peer.write(bytes);
            peer
        })
        .collect();
    let patience = Instant::now() + PATIENCE;
    let mut held = 0;
    while held < least {
        assert!(Instant::now() < patience, "{held} of {least} bytes are held for each");
        std::thread::sleep(Duration::from_millis(10));
        held = ALLOCATED.load(Ordering::Relaxed).saturating_sub(before) / CONNECTIONS;
    }
    drop(peers);
    (held, PEAK.load(Ordering::Relaxed).saturating_sub(before) / CONNECTIONS)
}

/// A command of NULL as long as it may be: as many properties as are taken, and one that fills it up.
fn longest_ready() -> Vec<u8> {
    let mut body = b"\x05READY".to_vec();
    for i in 0..100 {
        body.extend(format!("\x05X-{i:03}\0\0\0\0").into_bytes());
    }
    let rest = 13_000_u32;
    body.extend_from_slice(b"\x06X-rest");
    body.extend_from_slice(&rest.to_be_bytes());
    body.resize(body.len() + rest as usize, b'x');
    [&[6], &(body.len() as u64).to_be_bytes()[..], &body].concat()
}

#[test]
fn v94_a_connection_holds_at_most_64_kib_before_its_peer_has_proved_anything() {
    let _alone = COUNTED.lock().unwrap_or_else(|e| e.into_inner());
    let unfinished = [&GREETING[..], &[6], &(24 * 1024_u64).to_be_bytes(), &[5; 24 * 1024 - 1]].concat();
    let whole = [&GREETING[..], &longest_ready()].concat();
    for (what, judged, bytes, least) in [
        ("nothing", false, &b""[..], 100),
        ("half a greeting", false, &GREETING[..40], 100),
        ("a command without its last byte", false, &unfinished, 24 * 1024 - 1),
        // A handler is asked about each and says nothing; what is in its queue counts as well.
        ("a whole handshake", true, &whole, 22_000),
    ] {
        let context = Context::new().unwrap();
        let (handler, _) = bound(&context, SocketType::Router, "inproc://zeromq.zap.01");
        let mut server = socket(&context, SocketType::Router);
        if judged {
            server.options_mut().security.zap_domain = Box::from(*b"global");
        }
        let endpoint = bind(&mut server, "tcp://127.0.0.1:*");
        let (held, most) = held_for(&endpoint, bytes, least);
        println!("{what}: {held} bytes held, {most} at most");
        assert!(most <= BUDGET, "{what}: {held} bytes held, {most} at most");
        server.close();
        handler.close();
        end(&context);
    }
}

/// What a server is sent by a peer with a name and a password.
fn plain_hello() -> Vec<u8> {
    let mut bytes = GREETING.to_vec();
    bytes[12..17].copy_from_slice(b"PLAIN");
    bytes.extend(b"\x04\x13\x05HELLO\x05admin\x06secret");
    bytes
}

#[test]
fn v07_what_peers_asked_that_have_left_is_not_kept() {
    let _alone = COUNTED.lock().unwrap_or_else(|e| e.into_inner());
    const PEERS: usize = 4_000;
    let context = Context::new().unwrap();
    // It reads nothing.
    let (handler, _) = bound(&context, SocketType::Rep, "inproc://zeromq.zap.01");
    let mut server = socket(&context, SocketType::Pull);
    (server.options_mut().security.mechanism, server.options_mut().security.server) =
        (MechanismKind::Plain, true);
    let endpoint = bind(&mut server, "tcp://127.0.0.1:*");
    let hello = plain_hello();
    let come_and_go = |count: usize| {
        for _ in 0..count {
            let mut peer = RawPeer::connect(&endpoint);
            peer.write(&hello);
            // Greeted, it is asked about; then it leaves, and the server sees that before it closes.
            peer.0.shutdown(std::net::Shutdown::Write).unwrap();
            peer.wait_for_end();
        }
    };
    come_and_go(200);
    let before = ALLOCATED.load(Ordering::Relaxed);
    come_and_go(PEERS);
    let kept = ALLOCATED.load(Ordering::Relaxed).saturating_sub(before);
    println!("{kept} bytes are kept of {PEERS} peers");
    assert!(kept < PEERS * 100, "{kept} bytes are kept of {PEERS} peers");
    server.close();
    handler.close();
    end(&context);
}
