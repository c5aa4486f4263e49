//! Sockets and threads: handing a socket over and sharing one under a lock of the program's own work, and sharing one
//! without a lock, a mistake of the program, does no harm: a call that comes while another thread is in the socket is
//! refused with EFSM.
//!
//! `FERROZMQ_STRESS=<n>` multiplies what the threads do.

use std::collections::HashSet;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use conformance::c_api::{Handle, Library, RawPollItem};
use conformance::socket::{Ctx, Sock, Transport, join, pair};
use conformance::{Errno, c_library, ours_only, zmq};

const THREADS: usize = 8;

fn times(count: usize) -> usize {
    let factor = std::env::var("FERROZMQ_STRESS").ok().and_then(|text| text.parse().ok());
    count * factor.unwrap_or(1)
}

/// Begins every message: a subscription would begin with 0 or 1.
const MARK: &[u8] = b"message:";

/// A message of some length that says what it must be: a number, its length and a sum, and bytes that follow from them.
fn stamped(number: u64) -> Vec<u8> {
    let length = 32 + (number % 13 * 37) as usize;
    let mut body = MARK.to_vec();
    body.extend(number.to_ne_bytes());
    body.extend(length.to_ne_bytes());
    body.extend(number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_ne_bytes());
    body.extend((32..length).map(|i| (number as usize + i) as u8));
    body
}

/// The number of a stamped message; none for what the library makes: routing ids, subscriptions, delimiters.
///
/// # Panics
/// If it is not as it was sent.
fn number_of(body: &[u8]) -> Option<u64> {
    let number = body.strip_prefix(MARK)?.first_chunk()?;
    let number = u64::from_ne_bytes(*number);
    assert!(stamped(number) == body, "corrupted: {body:?}");
    Some(number)
}

// What works

/// Both sockets of a pipeline are used by all threads, in turns that `alone` gives; every message arrives once.
fn counted(transport: Transport, alone: impl Fn(usize, &mut dyn FnMut()) + Sync) {
    let (pull, push) = pair(zmq::PULL, zmq::PUSH, transport);
    let (each, received) = (times(250), Mutex::new(HashSet::new()));
    let (sender, receiver) = (Turned(push), Turned(pull));
    thread::scope(|scope| {
        for id in 0..THREADS {
            let (sender, receiver, received, alone) = (&sender, &receiver, &received, &alone);
            scope.spawn(move || {
                for i in 0..each {
                    alone(id, &mut || sender.get().send(&stamped((id * each + i) as u64)[..]));
                    alone(id, &mut || {
                        let message = receiver.get().recv().expect("a message for each that was sent");
                        let number = number_of(&message[0]).expect("a message");
                        assert!(received.lock().unwrap().insert(number), "doubled");
                    });
                }
            });
        }
    });
    let mut received: Vec<u64> = received.into_inner().unwrap().into_iter().collect();
    received.sort_unstable();
    assert!(received.into_iter().eq(0..(THREADS * each) as u64), "none lost");
    assert_eq!(receiver.get().try_recv(), Err(zmq::EAGAIN));
}

/// A socket that threads use one after another.
struct Turned(Sock);

// SAFETY: the tests use it by one thread at a time, with a fence in between.
unsafe impl Sync for Turned {}

impl Turned {
    fn get(&self) -> &Sock {
        &self.0
    }
}

#[test]
fn sharing_under_a_lock_of_the_program_works() {
    for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
        let lock = Mutex::new(());
        counted(transport, |_, call| {
            let _alone = lock.lock().unwrap();
            call();
        });
    }
}

#[test]
fn handing_over_with_a_fence_works() {
    for transport in [Transport::Tcp, Transport::Inproc] {
        let turn = AtomicUsize::new(0);
        counted(transport, |id, call| {
            while turn.load(Ordering::Acquire) != id {
                thread::yield_now();
            }
            call();
            turn.store((id + 1) % THREADS, Ordering::Release);
        });
    }
}

// What is refused

/// The calls of one thread on the shared socket until they are over; how many were refused.
struct Intruder {
    lib: &'static Library,
    socket: Handle,
    refused: usize,
}

impl Intruder {
    fn send(&mut self, number: u64, more: c_int) {
        let body = stamped(number);
        let sent = self.lib.zmq_send(self.socket.0, body.as_ptr().cast(), body.len(), zmq::DONTWAIT | more);
        self.look(sent, &[zmq::EAGAIN, zmq::ENOTSUP, zmq::EHOSTUNREACH]);
    }

    fn recv(&mut self) {
        let mut body = [0_u8; 1024];
        let received = self.lib.zmq_recv(self.socket.0, body.as_mut_ptr().cast(), body.len(), zmq::DONTWAIT);
        if let Some(length) = self.look(received, &[zmq::EAGAIN, zmq::ENOTSUP]) {
            number_of(&body[..length]);
        }
    }

    fn poll(&mut self, timeout: i64) {
        let mut item = RawPollItem { socket: self.socket.0, fd: -1, events: 3, revents: 0 };
        let ready = self.lib.zmq_poll(&raw mut item, 1, timeout);
        self.look(ready, &[]);
    }

    fn options(&mut self) {
        let (mut value, mut length): (c_int, usize) = (0, 4);
        let place: *mut c_void = (&raw mut value).cast();
        let read = self.lib.zmq_getsockopt(self.socket.0, zmq::EVENTS, place, &raw mut length);
        self.look(read, &[]);
        let set = self.lib.zmq_setsockopt(self.socket.0, zmq::SNDHWM, (&raw const value).cast(), 4);
        self.look(set, &[]);
    }

    /// The result of a call that may fail with these errors, or be refused.
    fn look(&mut self, result: c_int, errors: &[Errno]) -> Option<usize> {
        match self.lib.check(result) {
            Ok(value) => return Some(value),
            Err(zmq::EFSM) => self.refused += 1,
            Err(error) => assert!(errors.contains(&error), "{error:?}"),
        }
        None
    }

    fn run(&mut self, id: u64, operations: usize) {
        for i in 0..operations as u64 {
            match (i + id) % 7 {
                0 | 1 => self.send(i, 0),
                2 => self.send(i, zmq::SNDMORE),
                3 | 4 => self.recv(),
                5 => self.poll(i64::from(i % 50 == 0)),
                _ => self.options(),
            }
        }
    }
}

/// One thread that uses its own socket properly: what comes from the shared one is whole.
fn peer(sock: &Sock, over: &AtomicBool) -> u64 {
    let mut received = 0;
    for number in 0.. {
        if over.load(Ordering::Relaxed) {
            break;
        }
        // As much as its type allows.
        let _ = sock.send_frame(stamped(number), zmq::DONTWAIT);
        while let Ok(frame) = sock.recv_frame(zmq::DONTWAIT) {
            received += u64::from(number_of(&frame.body).is_some());
        }
        thread::yield_now();
    }
    received
}

/// Eight threads in one socket; then each of them tries to close it.
fn stress(shared: i32, other: i32, transport: Transport) {
    let lib = c_library!();
    let ctx = Ctx::new();
    let sock = ctx.try_socket(other).unwrap();
    let socket = ctx.try_socket(shared).unwrap();
    for sock in [&sock, &socket] {
        for option in [zmq::SNDHWM, zmq::RCVHWM] {
            sock.set(option, 100).unwrap();
        }
    }
    join(&socket, &sock, transport);
    for sock in [&sock, &socket] {
        let _ = sock.set_bytes(zmq::SUBSCRIBE, "");
    }
    let handle = socket.handle();
    // Closed below, by whichever thread is let in.
    std::mem::forget(socket);
    let sock = Turned(sock);
    let (over, start, end) = (AtomicBool::new(false), Barrier::new(THREADS), Barrier::new(THREADS));
    let (refused, closed, received) = thread::scope(|scope| {
        let receiver = scope.spawn(|| peer(sock.get(), &over));
        let threads: Vec<_> = (0..THREADS as u64)
            .map(|id| {
                let (start, end) = (&start, &end);
                scope.spawn(move || {
                    let mut intruder = Intruder { lib, socket: handle, refused: 0 };
                    start.wait();
                    intruder.run(id, times(2000));
                    end.wait();
                    let closed = lib.check(lib.zmq_close(handle.0));
                    assert!(matches!(closed, Ok(0) | Err(zmq::EFSM | zmq::ENOTSOCK)), "{closed:?}");
                    (intruder.refused, usize::from(closed.is_ok()))
                })
            })
            .collect();
        let ends: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        over.store(true, Ordering::Relaxed);
        let (refused, closed): (Vec<_>, Vec<_>) = ends.into_iter().unzip();
        (refused.iter().sum::<usize>(), closed.iter().sum::<usize>(), receiver.join().unwrap())
    });
    println!(
        "{shared}-{other} {transport:?}: {refused} of {} refused, {received} received",
        THREADS * times(2000)
    );
    assert_eq!(closed, 1, "one thread has closed it");
    assert_eq!(lib.check(lib.zmq_close(handle.0)), Err(zmq::ENOTSOCK));
}

/// A test for each type of socket that is shared, with the type at the other end.
macro_rules! shared_without_a_lock {
    ($($name:ident: $shared:ident, $other:ident;)*) => {
        $(
            #[test]
            fn $name() {
                ours_only!("a classic socket in two threads is undefined behaviour");
                for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
                    stress(zmq::$shared, zmq::$other, transport);
                }
            }
        )*
    };
}

shared_without_a_lock! {
    pair_shared_without_a_lock: PAIR, PAIR;
    pub_shared_without_a_lock: PUB, SUB;
    sub_shared_without_a_lock: SUB, PUB;
    xpub_shared_without_a_lock: XPUB, XSUB;
    xsub_shared_without_a_lock: XSUB, XPUB;
    req_shared_without_a_lock: REQ, ROUTER;
    rep_shared_without_a_lock: REP, DEALER;
    dealer_shared_without_a_lock: DEALER, DEALER;
    router_shared_without_a_lock: ROUTER, DEALER;
    push_shared_without_a_lock: PUSH, PULL;
    pull_shared_without_a_lock: PULL, PUSH;
}

#[test]
fn stream_shared_without_a_lock() {
    ours_only!("a classic socket in two threads is undefined behaviour");
    let lib = c_library!();
    let ctx = Ctx::new();
    let socket = ctx.socket(zmq::STREAM);
    let endpoint = socket.bind_any(Transport::Tcp);
    let address = endpoint.strip_prefix("tcp://").unwrap();
    let _streams = [(); 4].map(|()| std::net::TcpStream::connect(address).unwrap());
    let handle = socket.handle();
    thread::scope(|scope| {
        for id in 0..THREADS as u64 {
            scope.spawn(move || Intruder { lib, socket: handle, refused: 0 }.run(id, times(2000)));
        }
    });
}

#[test]
fn closing_races_with_every_call() {
    ours_only!("a classic socket in two threads is undefined behaviour");
    let lib = c_library!();
    let ctx = Ctx::new();
    for round in 0..times(200) {
        let socket = ctx.socket(zmq::PAIR);
        let handle = socket.handle();
        std::mem::forget(socket);
        let start = Barrier::new(THREADS);
        let closed: usize = thread::scope(|scope| {
            let threads = [(); THREADS].map(|()| {
                scope.spawn(|| {
                    start.wait();
                    let closed = lib.check(lib.zmq_close({ handle }.0));
                    let sent = lib.check(lib.zmq_send(handle.0, c"x".as_ptr().cast(), 1, zmq::DONTWAIT));
                    assert!(matches!(sent, Err(zmq::EAGAIN | zmq::EFSM | zmq::ENOTSOCK)), "{sent:?}");
                    assert!(matches!(closed, Ok(0) | Err(zmq::EFSM | zmq::ENOTSOCK)), "{closed:?}");
                    usize::from(closed.is_ok())
                })
            });
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(closed, 1, "round {round}");
    }
    assert_eq!(ctx.term(), Ok(()));
}
