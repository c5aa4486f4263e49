//! Contexts and sockets from beginning to end: limits, close, linger, shutdown, termination, signals, fork.

use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;

use conformance::c_api::{Handle, Library, NULL, RawPollItem};
use conformance::signals::{Handler, interrupted};
use conformance::socket::{Ctx, PollItem, Sock, Transport, inproc, join, pair, poll};
use conformance::wire::RawListener;
use conformance::{Errno, c_library, ours_only, wait, zmq};

const CLASSIC: std::ops::RangeInclusive<i32> = zmq::PAIR..=zmq::STREAM;

// Contexts and handles

#[test]
fn a_context_without_sockets_terminates() {
    assert_eq!(Ctx::new().term(), Ok(()));
}

#[test]
fn many_contexts_may_live_at_once() {
    let contexts: Vec<Ctx> = (0..20).map(|_| Ctx::new()).collect();
    for ctx in &contexts {
        let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        join(&pull, &push, Transport::Inproc);
        push.send("x");
        pull.expect("x");
    }
}

#[test]
fn a_null_context_is_efault() {
    let lib = c_library!();
    assert_eq!(lib.check(lib.zmq_ctx_term(NULL)), Err(zmq::EFAULT));
    assert_eq!(lib.check(lib.zmq_ctx_destroy(NULL)), Err(zmq::EFAULT));
    assert_eq!(lib.check(lib.zmq_term(NULL)), Err(zmq::EFAULT));
    assert_eq!(lib.check(lib.zmq_ctx_shutdown(NULL)), Err(zmq::EFAULT));
    assert_eq!(lib.check(lib.zmq_ctx_set(NULL, zmq::IO_THREADS, 1)), Err(zmq::EFAULT));
    assert_eq!(lib.check(lib.zmq_ctx_get(NULL, zmq::IO_THREADS)), Err(zmq::EFAULT));
    assert!(lib.zmq_socket(NULL, zmq::PULL).is_null());
    assert_eq!(Errno(lib.zmq_errno()), zmq::EFAULT);
}

#[test]
fn something_that_is_no_context_is_efault() {
    let lib = c_library!();
    let mut memory = [0_u64; 1000];
    let fake = memory.as_mut_ptr().cast();
    assert_eq!(lib.check(lib.zmq_ctx_term(fake)), Err(zmq::EFAULT));
    assert_eq!(lib.check(lib.zmq_ctx_shutdown(fake)), Err(zmq::EFAULT));
    assert_eq!(lib.check(lib.zmq_ctx_get(fake, zmq::IO_THREADS)), Err(zmq::EFAULT));
    assert!(lib.zmq_socket(fake, zmq::PULL).is_null());
}

#[test]
fn a_null_socket_is_enotsock() {
    let lib = c_library!();
    let mut len = 4;
    let mut value = [0_u8; 4];
    assert_eq!(lib.check(lib.zmq_close(NULL)), Err(zmq::ENOTSOCK));
    assert_eq!(
        lib.check(lib.zmq_setsockopt(NULL, zmq::LINGER, value.as_ptr().cast(), 4)),
        Err(zmq::ENOTSOCK)
    );
    assert_eq!(
        lib.check(lib.zmq_getsockopt(NULL, zmq::LINGER, value.as_mut_ptr().cast(), &raw mut len)),
        Err(zmq::ENOTSOCK)
    );
}

#[test]
fn something_that_is_no_socket_is_enotsock() {
    let lib = c_library!();
    let mut memory = [0_u64; 2000];
    let fake = memory.as_mut_ptr().cast();
    assert_eq!(lib.check(lib.zmq_close(fake)), Err(zmq::ENOTSOCK));
    assert_eq!(lib.check(lib.zmq_send(fake, b"x".as_ptr().cast(), 1, 0)), Err(zmq::ENOTSOCK));
    assert_eq!(lib.check(lib.zmq_bind(fake, c"inproc://x".as_ptr())), Err(zmq::ENOTSOCK));
}

#[test]
fn a_closed_socket_is_enotsock() {
    ours_only!("frees the socket, so that the check reads freed memory");
    let lib = c_library!();
    let ctx = Ctx::new();
    let sock = ctx.socket(zmq::PULL);
    let handle = sock.handle().0;
    sock.close().unwrap();
    assert_eq!(lib.check(lib.zmq_close(handle)), Err(zmq::ENOTSOCK));
    assert_eq!(lib.check(lib.zmq_recv(handle, NULL, 0, zmq::DONTWAIT)), Err(zmq::ENOTSOCK));
    assert_eq!(lib.check(lib.zmq_bind(handle, c"inproc://x".as_ptr())), Err(zmq::ENOTSOCK));
    let mut item = RawPollItem { socket: handle, fd: 0, events: 1, revents: 0 };
    assert_eq!(lib.check(lib.zmq_poll(&raw mut item, 1, 0)), Err(zmq::ENOTSOCK));
}

#[test]
fn a_terminated_context_is_efault() {
    ours_only!("frees the context, so that the check reads freed memory");
    let lib = c_library!();
    let ctx = Ctx::new();
    let handle = ctx.handle().0;
    ctx.term().unwrap();
    assert_eq!(lib.check(lib.zmq_ctx_term(handle)), Err(zmq::EFAULT));
    assert!(lib.zmq_socket(handle, zmq::PULL).is_null());
}

#[test]
fn the_old_names_of_init_and_term_work() {
    let lib = c_library!();
    let ctx = lib.zmq_init(2);
    assert_eq!(lib.zmq_ctx_get(ctx, zmq::IO_THREADS), 2);
    assert_eq!(lib.zmq_term(ctx), 0);
    let ctx = lib.zmq_init(0);
    assert_eq!(lib.zmq_ctx_destroy(ctx), 0);
    assert!(lib.zmq_init(-1).is_null());
    assert_eq!(Errno(lib.zmq_errno()), zmq::EINVAL);
}

// Sockets

#[test]
fn all_classic_types_can_be_made() {
    let ctx = Ctx::new();
    for kind in CLASSIC {
        assert_eq!(ctx.socket(kind).option(zmq::TYPE), Ok(kind));
    }
}

#[test]
fn unknown_types_are_einval() {
    let ctx = Ctx::new();
    for kind in [-1, 21, 99, i32::MAX, i32::MIN] {
        assert_eq!(ctx.try_socket(kind).err(), Some(zmq::EINVAL), "{kind}");
    }
}

#[test]
fn max_sockets_is_the_limit() {
    let ctx = Ctx::new();
    ctx.set(zmq::MAX_SOCKETS, 3).unwrap();
    let sockets: Vec<Sock> = (0..3).map(|_| ctx.socket(zmq::PULL)).collect();
    assert_eq!(ctx.try_socket(zmq::PULL).err(), Some(zmq::EMFILE));
    drop(sockets);
    wait::until("a slot to be free", || ctx.try_socket(zmq::PULL).is_ok());
}

#[test]
fn the_default_limit_is_1023_sockets() {
    if conformance::descriptors::connections(2_000) < 2_000 {
        return eprintln!("skipped: the system does not allow so many descriptors");
    }
    let ctx = Ctx::new();
    let sockets: Vec<Sock> = (0..1023).map(|_| ctx.socket(zmq::PULL)).collect();
    assert_eq!(ctx.try_socket(zmq::PULL).err(), Some(zmq::EMFILE));
    drop(sockets);
}

#[test]
fn close_returns_at_once_whatever_is_queued() {
    let listener = RawListener::new();
    let ctx = Ctx::new();
    let push = ctx.socket(zmq::PUSH);
    push.set(zmq::LINGER, 0).unwrap();
    push.connect(&listener.endpoint()).unwrap();
    push.send("x");
    assert_eq!(push.close(), Ok(()));
    assert_eq!(ctx.term(), Ok(()));
}

#[test]
fn sockets_of_every_type_close_with_a_peer() {
    for (a, b) in [
        (zmq::PAIR, zmq::PAIR),
        (zmq::PUB, zmq::SUB),
        (zmq::REQ, zmq::REP),
        (zmq::DEALER, zmq::ROUTER),
        (zmq::PUSH, zmq::PULL),
        (zmq::XPUB, zmq::XSUB),
    ] {
        for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
            let (x, y) = pair(a, b, transport);
            let ctx = x.ctx().clone();
            drop((x, y));
            assert_eq!(ctx.term(), Ok(()));
        }
    }
}

// Linger

/// A PUSH with a queued message for a peer that does not answer, and the peer.
fn with_unsent_message(linger: i32) -> (Ctx, Sock, RawListener) {
    let listener = RawListener::new();
    let ctx = Ctx::new();
    let push = ctx.socket(zmq::PUSH);
    push.set(zmq::LINGER, linger).unwrap();
    push.connect(&listener.endpoint()).unwrap();
    push.send("unsent");
    (ctx, push, listener)
}

#[test]
fn linger_0_drops_what_is_unsent() {
    let (ctx, push, _listener) = with_unsent_message(0);
    push.close().unwrap();
    assert_eq!(ctx.term(), Ok(()));
}

#[test]
fn a_finite_linger_ends_the_wait() {
    let (ctx, push, _listener) = with_unsent_message(50);
    push.close().unwrap();
    assert_eq!(ctx.term(), Ok(()));
}

#[test]
fn linger_minus_1_waits_for_the_peer() {
    let (ctx, push, listener) = with_unsent_message(-1);
    push.close().unwrap();
    let terminated = Arc::new(AtomicBool::new(false));
    let flag = terminated.clone();
    let thread = thread::spawn(move || {
        ctx.term().unwrap();
        flag.store(true, Ordering::SeqCst);
    });
    let mut raw = listener.accept();
    assert!(!terminated.load(Ordering::SeqCst));
    raw.handshake(1, "PULL", None);
    raw.expect(conformance::wire::frame(0, "unsent"));
    drop(raw);
    thread.join().unwrap();
}

#[test]
fn linger_minus_1_does_not_wait_for_nothing() {
    let listener = RawListener::new();
    let ctx = Ctx::new();
    let push = ctx.socket(zmq::PUSH);
    push.set(zmq::LINGER, -1).unwrap();
    push.connect(&listener.endpoint()).unwrap();
    push.close().unwrap();
    assert_eq!(ctx.term(), Ok(()));
}

#[test]
fn messages_of_a_closed_socket_arrive_before_termination_ends() {
    for transport in [Transport::Tcp, Transport::Ipc] {
        let (receiving, sending) = (Ctx::new(), Ctx::new());
        let (pull, push) = (receiving.socket(zmq::PULL), sending.socket(zmq::PUSH));
        pull.set(zmq::RCVHWM, 0).unwrap();
        push.connect(&pull.bind_any(transport)).unwrap();
        for i in 0..1000_u32 {
            push.send([&i.to_be_bytes()[..], &[0; 500]]);
        }
        push.set(zmq::LINGER, -1).unwrap();
        push.close().unwrap();
        let term = thread::spawn(move || sending.term());
        for i in 0..1000_u32 {
            pull.expect([&i.to_be_bytes()[..], &[0; 500]]);
        }
        assert_eq!(term.join().unwrap(), Ok(()), "{transport:?}");
    }
}

#[test]
fn a_disconnected_endpoint_lingers_too() {
    let listener = RawListener::new();
    let ctx = Ctx::new();
    let push = ctx.socket(zmq::PUSH);
    push.set(zmq::LINGER, -1).unwrap();
    push.connect(&listener.endpoint()).unwrap();
    push.send("unsent");
    push.disconnect(&listener.endpoint()).unwrap();
    push.close().unwrap();
    let term = thread::spawn(move || ctx.term());
    let mut raw = listener.accept();
    raw.handshake(1, "PULL", None);
    raw.expect(conformance::wire::frame(0, "unsent"));
    drop(raw);
    assert_eq!(term.join().unwrap(), Ok(()));
}

#[test]
fn an_unbound_inproc_name_does_not_delay_termination() {
    let ctx = Ctx::new();
    for kind in CLASSIC.filter(|kind| *kind != zmq::STREAM) {
        let sock = ctx.socket(kind);
        sock.connect(&inproc()).unwrap();
        let _ = sock.try_send("x");
        sock.set(zmq::LINGER, -1).unwrap();
        sock.close().unwrap();
    }
    assert_eq!(ctx.term(), Ok(()));
}

#[test]
fn without_blocky_termination_does_not_wait() {
    let listener = RawListener::new();
    let ctx = Ctx::new();
    ctx.set(zmq::BLOCKY, 0).unwrap();
    let push = ctx.socket(zmq::PUSH);
    push.connect(&listener.endpoint()).unwrap();
    push.send("unsent");
    push.close().unwrap();
    assert_eq!(ctx.term(), Ok(()));
}

// Shutdown and termination

#[test]
fn shutdown_may_be_repeated() {
    let ctx = Ctx::new();
    let _sock = ctx.socket(zmq::PULL);
    assert_eq!(ctx.shutdown(), Ok(()));
    assert_eq!(ctx.shutdown(), Ok(()));
}

#[test]
fn shutdown_of_a_context_without_sockets_allows_termination() {
    let ctx = Ctx::new();
    assert_eq!(ctx.shutdown(), Ok(()));
    assert_eq!(ctx.try_socket(zmq::PULL).err(), Some(zmq::ETERM));
    assert_eq!(ctx.term(), Ok(()));
}

#[test]
fn after_shutdown_there_are_no_new_sockets() {
    let ctx = Ctx::new();
    let _sock = ctx.socket(zmq::PULL);
    ctx.shutdown().unwrap();
    assert_eq!(ctx.try_socket(zmq::PULL).err(), Some(zmq::ETERM));
}

#[test]
fn after_shutdown_every_operation_is_eterm() {
    let ctx = Ctx::new();
    let make = || ctx.socket(zmq::DEALER);
    let (recv, send, bind, connect, events, polled) = (make(), make(), make(), make(), make(), make());
    ctx.shutdown().unwrap();
    assert_eq!(recv.recv(), Err(zmq::ETERM));
    assert_eq!(send.send_frame("x", 0), Err(zmq::ETERM));
    assert_eq!(bind.bind(&inproc()), Err(zmq::ETERM));
    assert_eq!(connect.connect(&inproc()), Err(zmq::ETERM));
    assert_eq!(events.option(zmq::EVENTS), Err(zmq::ETERM));
    assert_eq!(poll(&mut [PollItem::socket(&polled, zmq::POLLIN)], 0), Err(zmq::ETERM));
    for sock in [&recv, &send, &bind, &connect, &events, &polled] {
        assert_eq!(sock.set(zmq::LINGER, 0), Err(zmq::ETERM), "from then on options too");
        assert_eq!(sock.option(zmq::LINGER), Err(zmq::ETERM));
        assert_eq!(sock.unbind("inproc://x"), Err(zmq::ETERM));
    }
}

#[test]
fn after_shutdown_context_options_still_work() {
    let ctx = Ctx::new();
    let _sock = ctx.socket(zmq::PULL);
    ctx.shutdown().unwrap();
    assert_eq!(ctx.option(zmq::IO_THREADS), Ok(1));
    assert_eq!(ctx.set(zmq::IO_THREADS, 2), Ok(()));
}

#[test]
fn after_shutdown_sockets_can_be_closed() {
    let ctx = Ctx::new();
    let sock = ctx.socket(zmq::PULL);
    ctx.shutdown().unwrap();
    assert_eq!(sock.close(), Ok(()));
    assert_eq!(ctx.term(), Ok(()));
}

/// Starts a blocking call in a thread, shuts the context down and returns what the call said.
fn blocked<T: Send + 'static>(kind: i32, call: impl FnOnce(&Sock) -> T + Send + 'static) -> T {
    let ctx = Ctx::new();
    let sock = ctx.try_socket(kind).unwrap();
    sock.bind_any(Transport::Tcp);
    let (started, start) = mpsc::channel();
    let thread = thread::spawn(move || {
        started.send(()).unwrap();
        call(&sock)
    });
    start.recv().unwrap();
    ctx.shutdown().unwrap();
    thread.join().unwrap()
}

#[test]
fn shutdown_wakes_a_blocked_receive() {
    assert_eq!(blocked(zmq::PULL, Sock::recv), Err(zmq::ETERM));
}

#[test]
fn shutdown_wakes_a_blocked_send() {
    assert_eq!(blocked(zmq::PUSH, |sock| sock.send_frame("x", 0)), Err(zmq::ETERM));
}

#[test]
fn shutdown_wakes_a_poll() {
    let result = blocked(zmq::PULL, |sock| poll(&mut [PollItem::socket(sock, zmq::POLLIN)], -1));
    // A poll that has already looked may find the socket ready for its ETERM instead.
    assert!(matches!(result, Err(zmq::ETERM)), "{result:?}");
}

#[test]
fn termination_waits_for_sockets_to_be_closed() {
    let ctx = Ctx::new();
    let sock = ctx.socket(zmq::PULL);
    let (waiting, other) = (Arc::new(AtomicBool::new(true)), ctx.clone());
    let flag = waiting.clone();
    let term = thread::spawn(move || {
        let result = other.term();
        flag.store(false, Ordering::SeqCst);
        result
    });
    assert_eq!(sock.recv(), Err(zmq::ETERM), "termination stops the socket");
    assert!(waiting.load(Ordering::SeqCst), "but waits for it to be closed");
    sock.close().unwrap();
    assert_eq!(term.join().unwrap(), Ok(()));
}

#[test]
fn a_socket_may_move_to_another_thread() {
    let (pull, push) = pair(zmq::PULL, zmq::PUSH, Transport::Tcp);
    push.send("one");
    let pull = thread::spawn(move || {
        pull.expect("one");
        pull
    })
    .join()
    .unwrap();
    thread::spawn(move || push.send("two")).join().unwrap();
    pull.expect("two");
}

// Signals

/// One test for each handler.
macro_rules! signal_ends {
    ($($name:ident: $call:expr;)*) => {
        $(
            mod $name {
                use super::*;

                #[test]
                fn with_a_plain_handler() {
                    c_library!();
                    let call: fn() -> Result<(), Errno> = $call;
                    assert_eq!(interrupted(Handler::Plain, call), Err(zmq::EINTR));
                }
                #[test]
                fn with_a_restarting_handler() {
                    c_library!();
                    let call: fn() -> Result<(), Errno> = $call;
                    assert_eq!(interrupted(Handler::Restarting, call), Err(zmq::EINTR));
                }
            }
        )*
    };
}

/// A bound socket without limits on its waits.
fn patient(kind: i32, transport: Transport) -> Sock {
    let sock = Ctx::new().try_socket(kind).unwrap();
    sock.bind_any(transport);
    sock
}

signal_ends! {
    a_signal_ends_a_receive_on_tcp: || patient(zmq::PULL, Transport::Tcp).recv().map(|_| ());
    a_signal_ends_a_receive_on_ipc: || patient(zmq::PULL, Transport::Ipc).recv().map(|_| ());
    a_signal_ends_a_receive_on_inproc: || patient(zmq::PULL, Transport::Inproc).recv().map(|_| ());
    a_signal_ends_a_receive_with_a_timeout: || {
        let sock = patient(zmq::PULL, Transport::Tcp);
        sock.set(zmq::RCVTIMEO, 60_000).unwrap();
        sock.recv().map(|_| ())
    };
    a_signal_ends_a_receive_with_a_connected_tcp_peer: || {
        let (pull, _push) = pair(zmq::PULL, zmq::PUSH, Transport::Tcp);
        pull.set(zmq::RCVTIMEO, -1).unwrap();
        pull.recv().map(|_| ())
    };
    a_signal_ends_a_receive_with_a_connected_inproc_peer: || {
        let (pull, _push) = pair(zmq::PULL, zmq::PUSH, Transport::Inproc);
        pull.set(zmq::RCVTIMEO, -1).unwrap();
        pull.recv().map(|_| ())
    };
    a_signal_ends_a_send_without_a_peer: || patient(zmq::PUSH, Transport::Tcp).send_frame("x", 0).map(|_| ());
    a_signal_ends_a_send_to_a_full_inproc_peer: || {
        let (_pull, push) = pair(zmq::PULL, zmq::PUSH, Transport::Inproc);
        push.fill("x");
        push.set(zmq::SNDTIMEO, -1).unwrap();
        push.send_frame("x", 0).map(|_| ())
    };
    a_signal_ends_a_send_to_a_full_tcp_peer: || {
        let listener = RawListener::new();
        let push = Ctx::new().try_socket(zmq::PUSH).unwrap();
        push.connect(&listener.endpoint()).unwrap();
        push.fill("x");
        let result = push.send_frame("x", 0).map(|_| ());
        push.set(zmq::LINGER, 0).unwrap();
        result
    };
    a_signal_ends_an_endless_poll: || {
        let sock = patient(zmq::PULL, Transport::Tcp);
        poll(&mut [PollItem::socket(&sock, zmq::POLLIN)], -1).map(|_| ())
    };
    a_signal_ends_a_poll_with_a_timeout: || {
        let sock = patient(zmq::PULL, Transport::Inproc);
        poll(&mut [PollItem::socket(&sock, zmq::POLLIN)], 60_000).map(|_| ())
    };
    a_signal_ends_an_endless_poll_of_nothing: || poll(&mut [], -1).map(|_| ());
    a_signal_ends_a_poll_of_nothing: || poll(&mut [], 60_000).map(|_| ());
    a_signal_ends_a_proxy: || {
        let ctx = Ctx::new();
        let (front, back) = (ctx.try_socket(zmq::ROUTER).unwrap(), ctx.try_socket(zmq::DEALER).unwrap());
        front.bind_any(Transport::Tcp);
        back.bind_any(Transport::Inproc);
        conformance::socket::proxy(&front, &back, None, None)
    };
}

#[test]
fn a_signal_ends_termination_which_can_be_called_again() {
    c_library!();
    let (ctx, push, listener) = with_unsent_message(-1);
    push.close().unwrap();
    let context = ctx.clone();
    assert_eq!(interrupted(Handler::Plain, move || context.term()), Err(zmq::EINTR));
    let context = ctx.clone();
    assert_eq!(interrupted(Handler::Restarting, move || context.term()), Err(zmq::EINTR), "and again");
    let term = thread::spawn(move || ctx.term());
    let mut raw = listener.accept();
    raw.handshake(1, "PULL", None);
    raw.expect(conformance::wire::frame(0, "unsent"));
    drop(raw);
    assert_eq!(term.join().unwrap(), Ok(()));
}

#[test]
fn a_socket_works_after_a_signal() {
    c_library!();
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    join(&pull, &push, Transport::Tcp);
    let pull = interrupted(Handler::Plain, move || {
        assert_eq!(pull.recv(), Err(zmq::EINTR));
        pull
    });
    push.send("x");
    pull.expect("x");
}

// Threads of the library

/// Signal masks (`SigBlk`) and names of this process's threads.
fn threads() -> Vec<(String, u64)> {
    let mut found = vec![];
    for entry in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let Ok(status) = std::fs::read_to_string(entry.path().join("status")) else { continue };
        let field = |name| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .map(|value| value.trim().to_owned())
                .unwrap()
        };
        found.push((field("Name:"), u64::from_str_radix(&field("SigBlk:"), 16).unwrap()));
    }
    found
}

#[test]
fn the_librarys_threads_have_names_and_block_signals() {
    let ctx = Ctx::new();
    ctx.set(zmq::THREAD_NAME_PREFIX, 4711).unwrap();
    let _sock = ctx.socket(zmq::PULL);
    let ours =
        || threads().into_iter().filter(|(name, _)| name.starts_with("4711/ZMQbg")).collect::<Vec<_>>();
    wait::until("the threads to be named", || ours().iter().any(|(name, _)| name.contains("IO")));
    for (name, blocked) in ours() {
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGUSR1, libc::SIGPIPE, libc::SIGALRM] {
            assert_ne!(blocked & 1 << (signal - 1), 0, "{name} takes signal {signal}");
        }
    }
}

#[test]
fn a_context_without_sockets_has_no_threads() {
    let ctx = Ctx::new();
    ctx.set(zmq::THREAD_NAME_PREFIX, 4712).unwrap();
    let count = || threads().iter().filter(|(name, _)| name.starts_with("4712/")).count();
    assert_eq!(count(), 0);
    let _sock = ctx.socket(zmq::PULL);
    wait::until("the threads to start", || count() > 0);
}

#[test]
fn io_threads_are_counted_when_the_first_socket_is_made() {
    let ctx = Ctx::new();
    ctx.set(zmq::THREAD_NAME_PREFIX, 4713).unwrap();
    let io_threads =
        || threads().iter().filter(|(name, _)| name.starts_with("4713/") && name.contains("IO")).count();
    ctx.set(zmq::IO_THREADS, 2).unwrap();
    let _first = ctx.socket(zmq::PULL);
    wait::until("two I/O threads", || io_threads() == 2);
    assert_eq!(ctx.set(zmq::IO_THREADS, 5), Ok(()), "accepted, for nothing");
    assert_eq!(ctx.option(zmq::IO_THREADS), Ok(5));
    // A thread that traffic could only come from if it had been started.
    let second = ctx.socket(zmq::PULL);
    second.set_bytes(zmq::AFFINITY, (1_u64 << 4).to_ne_bytes()).unwrap();
    assert_eq!(second.bind("tcp://127.0.0.1:*"), Err(zmq::EMTHREAD));
    assert_eq!(io_threads(), 2);
}

#[test]
fn the_greatest_size_of_messages_is_kept_and_limits_none() {
    let ctx = Ctx::new();
    ctx.set(zmq::MAX_MSGSZ, 1).unwrap();
    for transport in [Transport::Tcp, Transport::Inproc] {
        let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        join(&pull, &push, transport);
        push.send("more than a byte");
        pull.expect("more than a byte");
    }
    assert_eq!(ctx.option(zmq::MAX_MSGSZ), Ok(1));
}

#[test]
fn max_sockets_is_the_limit_for_threads_that_come_together() {
    let ctx = Ctx::new();
    ctx.set(zmq::MAX_SOCKETS, 2).unwrap();
    let _first = ctx.socket(zmq::PAIR);
    let together = Barrier::new(4);
    let (alive, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    together.wait();
                    let socket = ctx.try_socket(zmq::PAIR);
                    let is_made = usize::from(socket.is_ok());
                    most.fetch_max(alive.fetch_add(is_made, Ordering::SeqCst) + is_made, Ordering::SeqCst);
                    together.wait();
                    drop(socket);
                    alive.fetch_sub(is_made, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(most.into_inner(), 1);
}

#[test]
fn max_sockets_is_read_when_the_first_socket_is_made() {
    let ctx = Ctx::new();
    ctx.set(zmq::MAX_SOCKETS, 2).unwrap();
    let _first = ctx.socket(zmq::PULL);
    assert_eq!(ctx.set(zmq::MAX_SOCKETS, 10), Ok(()), "accepted, for nothing");
    assert_eq!(ctx.option(zmq::MAX_SOCKETS), Ok(10));
    let _second = ctx.socket(zmq::PULL);
    assert_eq!(ctx.try_socket(zmq::PULL).err(), Some(zmq::EMFILE));
}

#[test]
fn descriptors_are_closed_on_exec() {
    let sock = Ctx::new().socket(zmq::PULL);
    let fd = sock.option(zmq::FD).unwrap();
    // SAFETY: only asks for the flags of the descriptor.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    assert_ne!(flags & libc::FD_CLOEXEC, 0);
}

// Fork

/// Runs `child` in a forked process; what it returned.
///
/// Other threads exist, so the child keeps to calls on the subject, and ends with `_exit`.
fn in_child(child: impl FnOnce() -> Vec<i32>) -> Vec<i32> {
    let mut pipe = [0; 2];
    // SAFETY: `pipe` has room for two descriptors.
    assert_eq!(unsafe { libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
    // SAFETY: both were just opened and belong to nobody else.
    let (read, write) = unsafe { (OwnedFd::from_raw_fd(pipe[0]), OwnedFd::from_raw_fd(pipe[1])) };
    let (mut reader, mut writer) = (std::fs::File::from(read), std::fs::File::from(write));
    // SAFETY: the child only calls the subject, writes to the pipe and ends with _exit.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        0 => {
            // SAFETY: alarm has no preconditions; it ends a child that hangs.
            unsafe { libc::alarm(20) };
            let bytes: Vec<u8> = child().into_iter().flat_map(i32::to_ne_bytes).collect();
            let _ = std::io::Write::write_all(&mut writer, &bytes);
            // SAFETY: ends the child without running what belongs to the parent.
            unsafe { libc::_exit(0) }
        }
        pid => {
            drop(writer);
            let mut bytes = vec![];
            std::io::Read::read_to_end(&mut reader, &mut bytes).unwrap();
            // SAFETY: the child is ours and not waited for yet.
            unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
            bytes.chunks_exact(4).map(|n| i32::from_ne_bytes(n.try_into().unwrap())).collect()
        }
    }
}

fn code<T>(result: Result<T, Errno>) -> i32 {
    result.map_or_else(|e| e.0, |_| 0)
}

#[test]
fn in_a_forked_child_every_wait_is_eintr() {
    for transport in [Transport::Tcp, Transport::Inproc] {
        let (pull, push) = pair(zmq::PULL, zmq::PUSH, transport);
        let (reader, writer) = (&pull, &push);
        let codes = in_child(|| {
            let mut item = [PollItem::socket(reader, zmq::POLLIN)];
            vec![
                code(reader.recv_frame(0)),
                code(reader.option(zmq::EVENTS)),
                code(poll(&mut item, -1)),
                code(reader.ctx().term()),
                code(writer.option(zmq::EVENTS)),
            ]
        });
        assert_eq!(codes, [zmq::EINTR.0; 5], "{transport:?}");
        push.send("the parent is not affected");
        pull.expect("the parent is not affected");
    }
}

#[test]
fn in_a_forked_child_a_socket_can_be_closed() {
    let (pull, push) = pair(zmq::PULL, zmq::PUSH, Transport::Tcp);
    let lib = c_library!();
    let handle = pull.handle();
    assert_eq!(in_child(|| vec![lib.zmq_close(handle.0)]), [0]);
    push.send("the parent is not affected");
    pull.expect("the parent is not affected");
}

#[test]
fn in_a_forked_child_the_options_of_a_socket_can_be_read_and_set() {
    let (pull, push) = pair(zmq::PULL, zmq::PUSH, Transport::Tcp);
    let socket = &pull;
    let codes = in_child(|| {
        vec![
            code(socket.set(zmq::LINGER, 0)),
            code(socket.set(zmq::RCVHWM, 5)),
            socket.option(zmq::LINGER).unwrap_or(-2),
            socket.option(zmq::RCVHWM).unwrap_or(-2),
            socket.option(zmq::TYPE).unwrap_or(-2),
        ]
    });
    assert_eq!(codes, [0, 0, 0, 5, zmq::PULL]);
    assert_eq!(pull.option(zmq::RCVHWM), Ok(1000));
    push.send("the parent is not affected");
    pull.expect("the parent is not affected");
}

#[test]
fn a_context_without_sockets_is_for_a_forked_child_as_well() {
    // As of a program that makes its context before it becomes a daemon.
    let ctx = Ctx::new();
    let works = |ctx: &Ctx, transport| {
        let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        push.connect(&pull.bind_any(transport)).unwrap();
        push.send("x");
        pull.recv().map_or(-1, |message| message[0].len() as i32)
    };
    let transports = [Transport::Tcp, Transport::Ipc, Transport::Inproc];
    let own = &ctx;
    assert_eq!(in_child(|| transports.iter().map(|&transport| works(own, transport)).collect()), [1; 3]);
    assert_eq!(transports.map(|transport| works(&ctx, transport)), [1; 3]);
}

#[test]
fn in_a_forked_child_a_context_without_sockets_ends() {
    ours_only!("EINTR for ever, and aborts at times");
    let ctx = Ctx::new();
    let own = &ctx;
    let codes = in_child(|| {
        drop(own.socket(zmq::PULL));
        vec![code(own.term())]
    });
    assert_eq!(codes, [0]);
    drop(ctx.socket(zmq::PULL));
    assert_eq!(ctx.term(), Ok(()));
}

#[test]
fn in_a_forked_child_a_new_context_works() {
    let (pull, push) = pair(zmq::PULL, zmq::PUSH, Transport::Tcp);
    let received = in_child(|| {
        let (pull, push) = pair(zmq::PULL, zmq::PUSH, Transport::Tcp);
        push.send("x");
        let received = pull.recv().map(|message| message[0].len());
        vec![received.map_or(-1, |len| len as i32)]
    });
    assert_eq!(received, [1]);
    push.send("the parent is not affected");
    pull.expect("the parent is not affected");
}

/// How many of many calls on a socket fail.
fn refused(lib: &Library, socket: Handle) -> usize {
    let (mut kind, mut length) = (0_i32, 4_usize);
    let (value, size) = ((&raw mut kind).cast(), &raw mut length);
    (0..20_000).filter(|_| lib.zmq_getsockopt(socket.0, zmq::TYPE, value, size) != 0).count()
}

#[test]
fn in_a_forked_child_threads_share_a_new_socket() {
    ours_only!("it has no sockets for many threads (distribution build)");
    let lib = c_library!();
    // The first handle of the process is the parent's.
    let _parent = Ctx::new();
    let refused = in_child(|| {
        let ctx = Ctx::new();
        let server = ctx.socket(zmq::SERVER);
        let handle = server.handle();
        let refused: usize = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(move || refused(lib, handle))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or(usize::MAX)).sum()
        });
        vec![i32::try_from(refused).unwrap_or(i32::MAX)]
    });
    assert_eq!(refused, [0]);
}
