//! `functions.csv` row by row: sockets, polling and proxies. See `functions.rs`.

use std::ffi::{CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::ptr::{null, null_mut};
use std::thread;

use conformance::c_api::{Drafts, Handle, Library, NULL, RawPollItem, RawPollerEvent};
use conformance::signals::{Handler, interrupted};
use conformance::socket::{Ctx, Sock, Transport, inproc, pair};
use conformance::stranger::{no_contexts, no_objects, no_sockets};
use conformance::{Errno, c_library, drafts, fails, is_system, refused, wait, zmq};

const BLANK: RawPollerEvent = RawPollerEvent { socket: NULL, fd: -1, user_data: NULL, events: 0 };

fn text(text: impl Into<String>) -> CString {
    CString::new(text.into()).unwrap()
}

fn item(socket: *mut c_void, events: i32) -> RawPollItem {
    RawPollItem { socket, fd: -1, events: events as i16, revents: 0 }
}

/// A context without I/O threads, and a socket of it.
fn without_threads() -> Sock {
    let ctx = Ctx::new();
    ctx.set(zmq::IO_THREADS, 0).unwrap();
    ctx.socket(zmq::PULL)
}

fn stopped(kind: i32) -> Sock {
    let sock = Ctx::new().socket(kind);
    sock.ctx().shutdown().unwrap();
    sock
}

// Sockets

#[test]
fn zmq_socket() {
    let lib = c_library!();
    for pointer in no_contexts(lib) {
        fails!(lib, zmq::EFAULT, lib.zmq_socket(pointer, zmq::PULL).is_null(), true);
    }
    let ctx = Ctx::new();
    ctx.set(zmq::MAX_SOCKETS, 1).unwrap();
    for kind in [-1, 21, 999, c_int::MAX] {
        fails!(lib, zmq::EINVAL, lib.zmq_socket(ctx.handle().0, kind).is_null(), true);
    }
    let only = ctx.socket(zmq::PULL);
    fails!(lib, zmq::EMFILE, lib.zmq_socket(ctx.handle().0, zmq::PULL).is_null(), true);
    ctx.shutdown().unwrap();
    fails!(lib, zmq::ETERM, lib.zmq_socket(ctx.handle().0, zmq::PULL).is_null(), true);
    drop(only);
    // ENOMEM: takes a process without memory.
}

#[test]
fn zmq_close() {
    let lib = c_library!();
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |socket| lib.zmq_close(socket));
    let ctx = lib.zmq_ctx_new();
    let sockets = [zmq::PAIR, zmq::PUB, zmq::STREAM].map(|kind| lib.zmq_socket(ctx, kind));
    assert_eq!(lib.zmq_ctx_shutdown(ctx), 0);
    assert_eq!(sockets.map(|socket| lib.zmq_close(socket)), [0; 3], "also after the end of the context");
    assert_eq!(lib.zmq_ctx_term(ctx), 0);
}

#[test]
fn zmq_bind() {
    let lib = c_library!();
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |socket| lib.zmq_bind(socket, c"inproc://x".as_ptr()));
    let sock = Ctx::new().socket(zmq::PULL);
    let socket = sock.handle().0;
    let bind = |endpoint: &str| lib.check(lib.zmq_bind(socket, text(endpoint).as_ptr()));
    assert_eq!(bind("tcp://127.0.0.1:*"), Ok(0));
    assert_eq!(bind(&sock.last_endpoint()), Err(zmq::EADDRINUSE));
    for endpoint in ["", "tcp", "://x", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:x"] {
        assert_eq!(bind(endpoint), Err(zmq::EINVAL), "{endpoint}");
    }
    for (endpoint, error) in [
        ("nonsense://x", zmq::EPROTONOSUPPORT),
        ("TCP://127.0.0.1:*", zmq::EPROTONOSUPPORT),
        ("udp://127.0.0.1:5555", zmq::ENOCOMPATPROTO),
        ("tcp://192.0.2.1:*", zmq::EADDRNOTAVAIL),
        ("tcp://nonsense.invalid:*", zmq::ENODEV),
        ("ipc:///no/such/directory/x", zmq::ENOENT),
    ] {
        assert_eq!(bind(endpoint), Err(error), "{endpoint}");
    }
    assert_eq!(bind(&format!("ipc://{}", "x".repeat(108))), Err(zmq::ENAMETOOLONG));
    let threadless = without_threads();
    fails!(lib, zmq::EMTHREAD, lib.zmq_bind(threadless.handle().0, c"tcp://127.0.0.1:*".as_ptr()), -1);
    fails!(lib, zmq::ETERM, lib.zmq_bind(stopped(zmq::PULL).handle().0, c"tcp://127.0.0.1:*".as_ptr()), -1);
    if !is_system() {
        fails!(lib, zmq::EINVAL, lib.zmq_bind(socket, null()), -1);
    }
    // EACCES: not for a user who may write everywhere. EAFNOSUPPORT: of a kernel without the family. EINTR: only while
    // events are taken, which does not wait.
}

#[test]
fn zmq_connect() {
    let lib = c_library!();
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |socket| lib.zmq_connect(socket, c"inproc://x".as_ptr()));
    let sock = Ctx::new().socket(zmq::PULL);
    let socket = sock.handle().0;
    let connect = |endpoint: &str| lib.check(lib.zmq_connect(socket, text(endpoint).as_ptr()));
    for endpoint in ["tcp://127.0.0.1:1", "tcp://later.invalid:1", "ipc:///no/such/x", "inproc://later"] {
        assert_eq!(connect(endpoint), Ok(0), "{endpoint}");
    }
    for endpoint in ["", "tcp", "://x", "tcp://", "tcp://127.0.0.1", "tcp://*:1", "tcp://a b:1"] {
        assert_eq!(connect(endpoint), Err(zmq::EINVAL), "{endpoint}");
    }
    assert_eq!(connect("nonsense://x"), Err(zmq::EPROTONOSUPPORT));
    assert_eq!(connect("udp://127.0.0.1:5555"), Err(zmq::ENOCOMPATPROTO));
    assert_eq!(connect(&format!("ipc://{}", "x".repeat(108))), Err(zmq::ENAMETOOLONG));
    let threadless = without_threads();
    fails!(lib, zmq::EMTHREAD, lib.zmq_connect(threadless.handle().0, c"tcp://127.0.0.1:1".as_ptr()), -1);
    fails!(
        lib,
        zmq::ETERM,
        lib.zmq_connect(stopped(zmq::PULL).handle().0, c"tcp://127.0.0.1:1".as_ptr()),
        -1
    );
    if !is_system() {
        fails!(lib, zmq::EINVAL, lib.zmq_connect(socket, null()), -1);
    }
    // From ws and udp, which look names up at once.
    let radio = Ctx::new().socket(zmq::RADIO);
    let endpoint = c"udp://no-such-nic;239.255.7.9:5555";
    fails!(lib, zmq::ENODEV, lib.zmq_connect(radio.handle().0, endpoint.as_ptr()), -1);
}

/// What taking back a bind and a connect have in common.
fn takes_back(lib: &Library, take_back: impl Fn(*mut c_void, *const c_char) -> c_int) {
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |socket| take_back(socket, c"inproc://x".as_ptr()));
    let sock = Ctx::new().socket(zmq::PULL);
    let check = |endpoint: &str| lib.check(take_back(sock.handle().0, text(endpoint).as_ptr()));
    sock.bind("tcp://127.0.0.1:*").unwrap();
    let bound = sock.last_endpoint();
    sock.connect("tcp://127.0.0.1:1").unwrap();
    assert_eq!((check(&bound), check(&bound)), (Ok(0), Err(zmq::ENOENT)));
    assert_eq!((check("tcp://127.0.0.1:1"), check("tcp://127.0.0.1:1")), (Ok(0), Err(zmq::ENOENT)));
    assert_eq!((check("inproc://unknown"), check("ipc://unknown")), (Err(zmq::ENOENT), Err(zmq::ENOENT)));
    assert_eq!(
        (check(""), check("tcp"), check("tcp://")),
        (Err(zmq::EINVAL), Err(zmq::EINVAL), Err(zmq::EINVAL))
    );
    assert_eq!(lib.check(take_back(sock.handle().0, null())), Err(zmq::EINVAL));
    assert_eq!(check("nonsense://x"), Err(zmq::EPROTONOSUPPORT));
    assert_eq!(check("udp://127.0.0.1:5555"), Err(zmq::ENOCOMPATPROTO));
    let stopped = stopped(zmq::PULL);
    assert_eq!(lib.check(take_back(stopped.handle().0, c"tcp://127.0.0.1:1".as_ptr())), Err(zmq::ETERM));
}

#[test]
fn zmq_unbind() {
    let lib = c_library!();
    // ENOTSOCK, EINVAL, EPROTONOSUPPORT, ENOCOMPATPROTO, ENOENT, ETERM:
    takes_back(lib, |socket, endpoint| lib.zmq_unbind(socket, endpoint));
}

#[test]
fn zmq_disconnect() {
    let lib = c_library!();
    // ENOTSOCK, EINVAL, EPROTONOSUPPORT, ENOCOMPATPROTO, ENOENT, ETERM:
    takes_back(lib, |socket, endpoint| lib.zmq_disconnect(socket, endpoint));
}

#[test]
fn zmq_setsockopt() {
    let lib = c_library!();
    let one: c_int = 1;
    let value = (&raw const one).cast();
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |socket| lib.zmq_setsockopt(socket, zmq::LINGER, value, 4));
    let sock = Ctx::new().socket(zmq::PULL);
    let socket = sock.handle().0;
    assert_eq!(lib.zmq_setsockopt(socket, zmq::LINGER, value, 4), 0);
    assert_eq!(sock.option(zmq::LINGER), Ok(1));
    refused!(lib, zmq::EINVAL, [-1, 9999], |option| lib.zmq_setsockopt(socket, option, value, 4));
    refused!(lib, zmq::EINVAL, [0, 3, 8], |length| lib.zmq_setsockopt(socket, zmq::LINGER, value, length));
    fails!(lib, zmq::EINVAL, lib.zmq_setsockopt(socket, zmq::SUBSCRIBE, value, 1), -1);
    if !is_system() {
        fails!(lib, zmq::EINVAL, lib.zmq_setsockopt(socket, zmq::LINGER, null(), 4), -1);
    }
    let stopped = stopped(zmq::PULL);
    assert_eq!(stopped.try_recv(), Err(zmq::ETERM));
    fails!(lib, zmq::ETERM, lib.zmq_setsockopt(stopped.handle().0, zmq::LINGER, value, 4), -1);
}

#[test]
fn zmq_getsockopt() {
    let lib = c_library!();
    let (mut value, mut length) = ([0_u8; 8], 4_usize);
    let (into, size): (*mut c_void, *mut usize) = (value.as_mut_ptr().cast(), &raw mut length);
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |socket| lib.zmq_getsockopt(socket, zmq::TYPE, into, size));
    let sock = Ctx::new().socket(zmq::PULL);
    let socket = sock.handle().0;
    assert_eq!(lib.zmq_getsockopt(socket, zmq::TYPE, into, size), 0);
    assert_eq!((&value[..4], length), (&zmq::PULL.to_ne_bytes()[..], 4));
    refused!(lib, zmq::EINVAL, [-1, 9999, zmq::SUBSCRIBE], |n| lib.zmq_getsockopt(socket, n, into, size));
    for mut wrong in [0, 3, 8] {
        fails!(lib, zmq::EINVAL, lib.zmq_getsockopt(socket, zmq::TYPE, into, &raw mut wrong), -1);
    }
    if !is_system() {
        fails!(lib, zmq::EINVAL, lib.zmq_getsockopt(socket, zmq::TYPE, into, null_mut()), -1);
        fails!(lib, zmq::EINVAL, lib.zmq_getsockopt(socket, zmq::TYPE, null_mut(), size), -1);
    }
    let stopped = stopped(zmq::PULL);
    fails!(lib, zmq::ETERM, lib.zmq_getsockopt(stopped.handle().0, zmq::EVENTS, into, size), -1);
    // EINTR: of ZMQ_EVENTS in a forked child, see `in_a_forked_child_every_wait_is_eintr`.
}

#[test]
fn zmq_socket_monitor() {
    let lib = c_library!();
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |s| lib.zmq_socket_monitor(s, c"inproc://m".as_ptr(), 1));
    let ctx = Ctx::new();
    ctx.set(zmq::MAX_SOCKETS, 2).unwrap();
    let sock = ctx.socket(zmq::PULL);
    let monitor = |endpoint: &str, events| {
        lib.check(lib.zmq_socket_monitor(sock.handle().0, text(endpoint).as_ptr(), events))
    };
    refused!(lib, zmq::EINVAL, [-1, 0x1_0000], |events| {
        lib.zmq_socket_monitor(sock.handle().0, c"inproc://m".as_ptr(), events)
    });
    assert_eq!(monitor("nonsense", 1), Err(zmq::EINVAL));
    assert_eq!(monitor("tcp://127.0.0.1:1", 1), Err(zmq::EPROTONOSUPPORT));
    sock.bind("inproc://taken").unwrap();
    assert_eq!(monitor("inproc://taken", 1), Err(zmq::EADDRINUSE));
    assert_eq!(lib.zmq_socket_monitor(sock.handle().0, null(), 0), 0, "nothing to stop");
    wait::until("the slot of the refused monitor", || match ctx.try_socket(zmq::PULL) {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error, zmq::EMFILE);
            false
        }
    });
    let full = Ctx::new();
    full.set(zmq::MAX_SOCKETS, 1).unwrap();
    let only = full.socket(zmq::PULL);
    fails!(lib, zmq::EMFILE, lib.zmq_socket_monitor(only.handle().0, c"inproc://m".as_ptr(), 1), -1);
    let stopped = stopped(zmq::PULL);
    fails!(lib, zmq::ETERM, lib.zmq_socket_monitor(stopped.handle().0, c"inproc://m".as_ptr(), 1), -1);
}

#[test]
fn zmq_socket_monitor_versioned() {
    let (lib, drafts) = (c_library!(), drafts!());
    let name = inproc();
    let endpoint = text(&name);
    let monitor = |socket, events, version, kind| {
        drafts.zmq_socket_monitor_versioned(socket, endpoint.as_ptr(), events, version, kind)
    };
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |socket| monitor(socket, 1, 2, zmq::PAIR));
    let ctx = Ctx::new();
    let sock = ctx.socket(zmq::PULL);
    let socket = sock.handle().0;
    refused!(lib, zmq::EINVAL, [zmq::PULL, zmq::REQ, -1], |kind| monitor(socket, 1, 2, kind));
    fails!(lib, zmq::EINVAL, monitor(socket, 0x1_0000, 1, zmq::PAIR), -1);
    assert_eq!(monitor(socket, u64::MAX, 2, zmq::PAIR), 0, "64 bits in version 2");
    let events = ctx.socket(zmq::PAIR);
    events.connect(&name).unwrap();
    sock.bind("tcp://127.0.0.1:*").unwrap();
    let frames = events.recv().unwrap();
    assert_eq!(frames[0], u64::try_from(zmq::EVENT_LISTENING).unwrap().to_ne_bytes());
    assert_eq!(frames.len(), 5, "event, number of values, value, local and remote address");
    assert_eq!(drafts.zmq_socket_monitor_versioned(socket, null(), 0, 2, zmq::PAIR), 0);
}

#[test]
fn zmq_socket_monitor_pipes_stats() {
    let (lib, drafts) = (c_library!(), drafts!());
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |socket| drafts.zmq_socket_monitor_pipes_stats(socket));
    let sock = Ctx::new().socket(zmq::PULL);
    fails!(lib, zmq::EINVAL, drafts.zmq_socket_monitor_pipes_stats(sock.handle().0), -1);
    // EAGAIN: of a socket without pipes whose monitor asks for these events.
}

#[test]
fn zmq_socket_get_peer_state() {
    let (lib, drafts) = (c_library!(), drafts!());
    let state = |socket, id: &[u8]| drafts.zmq_socket_get_peer_state(socket, id.as_ptr().cast(), id.len());
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |socket| state(socket, b"peer"));
    for transport in [Transport::Inproc, Transport::Tcp] {
        let ctx = Ctx::new();
        let (router, dealer) = (ctx.socket(zmq::ROUTER), ctx.socket(zmq::DEALER));
        router.set(zmq::ROUTER_MANDATORY, 1).unwrap();
        dealer.set_bytes(zmq::ROUTING_ID, "peer").unwrap();
        for (sock, option) in [(&router, zmq::SNDHWM), (&dealer, zmq::RCVHWM)] {
            sock.set(option, 1).unwrap();
        }
        let socket = router.handle().0;
        fails!(lib, zmq::EHOSTUNREACH, state(socket, b"peer"), -1);
        dealer.connect(&router.bind_any(transport)).unwrap();
        wait::until("the peer", || state(socket, b"peer") == zmq::POLLOUT);
        fails!(lib, zmq::EHOSTUNREACH, state(socket, b"other"), -1);
        fails!(lib, zmq::EHOSTUNREACH, state(socket, b""), -1);
        // Over tcp some of it flows on, into the system's buffers.
        wait::until("a full queue", || {
            router.fill([&b"peer"[..], &[7; 1 << 20]]);
            state(socket, b"peer") == 0
        });
        wait::until("room again", || {
            dealer.drain();
            state(socket, b"peer") == zmq::POLLOUT
        });
    }
    let ctx = Ctx::new();
    fails!(lib, zmq::EHOSTUNREACH, state(ctx.socket(zmq::REP).handle().0, b"peer"), -1);
    for kind in [zmq::DEALER, zmq::PULL, zmq::PUB, zmq::PAIR] {
        fails!(lib, zmq::ENOTSUP, state(ctx.socket(kind).handle().0, b"peer"), -1);
    }
    let router = ctx.socket(zmq::ROUTER);
    fails!(lib, zmq::EFAULT, drafts.zmq_socket_get_peer_state(router.handle().0, null(), 4), -1);
}

/// What joining and leaving have in common.
fn groups(lib: &Library, call: impl Fn(*mut c_void, *const c_char) -> c_int) {
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |socket| call(socket, c"group".as_ptr()));
    let ctx = Ctx::new();
    for kind in [zmq::SUB, zmq::PULL] {
        let sock = ctx.socket(kind);
        assert_eq!(lib.check(call(sock.handle().0, c"group".as_ptr())), Err(zmq::ENOTSUP));
    }
    let dish = ctx.socket(zmq::DISH);
    assert_eq!(lib.check(call(dish.handle().0, text("g".repeat(256)).as_ptr())), Err(zmq::EINVAL));
}

#[test]
fn zmq_join() {
    let (lib, drafts) = (c_library!(), drafts!());
    // ENOTSOCK, ENOTSUP, EINVAL:
    groups(lib, |socket, group| drafts.zmq_join(socket, group));
    let dish = Ctx::new().socket(zmq::DISH);
    assert_eq!(drafts.zmq_join(dish.handle().0, c"group".as_ptr()), 0);
    fails!(lib, zmq::EINVAL, drafts.zmq_join(dish.handle().0, c"group".as_ptr()), -1);
}

#[test]
fn zmq_leave() {
    let (lib, drafts) = (c_library!(), drafts!());
    // ENOTSOCK, ENOTSUP, EINVAL:
    groups(lib, |socket, group| drafts.zmq_leave(socket, group));
    let dish = Ctx::new().socket(zmq::DISH);
    fails!(lib, zmq::EINVAL, drafts.zmq_leave(dish.handle().0, c"group".as_ptr()), -1);
    assert_eq!(drafts.zmq_join(dish.handle().0, c"group".as_ptr()), 0);
    assert_eq!(drafts.zmq_leave(dish.handle().0, c"group".as_ptr()), 0);
}

#[test]
fn zmq_connect_peer() {
    let (lib, drafts) = (c_library!(), drafts!());
    for pointer in no_sockets(lib) {
        fails!(lib, zmq::ENOTSOCK, drafts.zmq_connect_peer(pointer, c"inproc://x".as_ptr()), 0);
    }
    let ctx = Ctx::new();
    for kind in [zmq::ROUTER, zmq::PAIR] {
        let sock = ctx.socket(kind);
        fails!(lib, zmq::ENOTSUP, drafts.zmq_connect_peer(sock.handle().0, c"inproc://x".as_ptr()), 0);
    }
    let peer = ctx.socket(zmq::PEER);
    assert_ne!(drafts.zmq_connect_peer(peer.handle().0, c"inproc://x".as_ptr()), 0);
    peer.set(zmq::IMMEDIATE, 1).unwrap();
    fails!(lib, zmq::EFAULT, drafts.zmq_connect_peer(peer.handle().0, c"inproc://x".as_ptr()), 0);
}

#[test]
fn zmq_disconnect_peer() {
    let (lib, drafts) = (c_library!(), drafts!());
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |socket| drafts.zmq_disconnect_peer(socket, 1));
    let ctx = Ctx::new();
    for kind in [zmq::ROUTER, zmq::PAIR] {
        fails!(lib, zmq::ENOTSUP, drafts.zmq_disconnect_peer(ctx.socket(kind).handle().0, 1), -1);
    }
    let server = ctx.socket(zmq::SERVER);
    fails!(lib, zmq::EHOSTUNREACH, drafts.zmq_disconnect_peer(server.handle().0, 1), -1);
}

// Polling

/// What both ways to poll a list have in common.
fn polls(
    lib: &'static Library,
    poll: impl Fn(*mut RawPollItem, c_int, i64) -> c_int + Copy + Send + 'static,
) {
    for pointer in no_sockets(lib).into_iter().skip(1) {
        let mut items = [item(pointer, zmq::POLLIN)];
        assert_eq!(lib.check(poll(items.as_mut_ptr(), 1, 0)), Err(zmq::ENOTSOCK));
    }
    assert_eq!(lib.check(poll(null_mut(), -1, 0)), Err(zmq::EINVAL));
    assert_eq!(lib.check(poll(null_mut(), 1, 0)), Err(zmq::EFAULT));
    assert_eq!(poll(null_mut(), 0, 0), 0);
    let (pull, push) = pair(zmq::PULL, zmq::PUSH, Transport::Tcp);
    let mut items = [item(pull.handle().0, zmq::POLLIN), item(push.handle().0, 3), item(pull.handle().0, 1)];
    assert_eq!(poll(items.as_mut_ptr(), 1, 0), 0);
    push.send("x");
    assert_eq!(poll(items.as_mut_ptr(), 1, -1), 1);
    assert_eq!(poll(items.as_mut_ptr(), 3, -1), 3);
    assert_eq!(items.map(|item| item.revents), [1, 2, 1]);
    let mut idle = Handle(item_of_idle_socket());
    let waits = move || {
        let mut items = [item({ &mut idle }.0, zmq::POLLIN)];
        lib.check(poll(items.as_mut_ptr(), 1, -1))
    };
    assert_eq!(interrupted(Handler::Plain, waits), Err(zmq::EINTR));
    let stopped = stopped(zmq::PULL);
    let mut items = [item(stopped.handle().0, zmq::POLLIN)];
    assert_eq!(lib.check(poll(items.as_mut_ptr(), 1, -1)), Err(zmq::ETERM));
}

/// A socket that lives as long as the process, and to which nothing comes.
fn item_of_idle_socket() -> *mut c_void {
    let sock = Ctx::new().try_socket(zmq::PULL).unwrap();
    let handle = sock.handle().0;
    std::mem::forget(sock);
    handle
}

#[test]
fn zmq_poll() {
    let lib = c_library!();
    // ENOTSOCK, EINVAL, EFAULT, EINTR, ETERM:
    polls(lib, move |items, count, timeout| lib.zmq_poll(items, count, timeout));
}

#[test]
fn zmq_ppoll() {
    let (lib, drafts) = (c_library!(), drafts!());
    // ENOTSOCK, EINVAL, EFAULT, EINTR, ETERM; ENOTSUP: of a system without ppoll(2).
    polls(lib, move |items, count, timeout| drafts.zmq_ppoll(items, count, timeout, null()));
    // A signal that the mask lets through only while the call waits.
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: both sets are written before they are read.
    let (all, open) = unsafe {
        libc::sigfillset(set.as_mut_ptr());
        let all = set.assume_init();
        libc::sigemptyset(set.as_mut_ptr());
        (all, set.assume_init())
    };
    let waits = move || {
        // SAFETY: a set, and no old one wanted.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all, null_mut()) };
        lib.check(drafts.zmq_ppoll(null_mut(), 0, 60_000, &raw const open))
    };
    assert_eq!(interrupted(Handler::Plain, waits), Err(zmq::EINTR));
    // EBADF: select(2) says so; here a descriptor that is not open is an item with ZMQ_POLLERR, as in zmq_poll.
    let mut items = [RawPollItem { socket: NULL, fd: 1 << 20, events: 1, revents: 0 }];
    assert_eq!(drafts.zmq_ppoll(items.as_mut_ptr(), 1, 0, null()), 1);
    assert_eq!(items[0].revents, zmq::POLLERR as i16);
}

/// A poller, destroyed at the end of the test.
struct Poller(&'static Drafts, *mut c_void);

impl Poller {
    fn new(drafts: &'static Drafts) -> Self {
        let poller = drafts.zmq_poller_new();
        assert!(!poller.is_null());
        Self(drafts, poller)
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        assert_eq!(self.0.zmq_poller_destroy(&raw mut self.1), 0);
    }
}

#[test]
fn zmq_poller_new() {
    let drafts = drafts!();
    let (a, b) = (drafts.zmq_poller_new(), drafts.zmq_poller_new());
    assert!(!a.is_null() && !b.is_null() && a != b);
    for mut poller in [a, b] {
        assert_eq!(drafts.zmq_poller_size(poller), 0);
        assert_eq!(drafts.zmq_poller_destroy(&raw mut poller), 0);
    }
    // ENOMEM: takes a process without memory.
}

#[test]
fn zmq_poller_destroy() {
    let (lib, drafts) = (c_library!(), drafts!());
    refused!(lib, zmq::EFAULT, no_objects(lib), |pointer| {
        let mut place = pointer;
        drafts.zmq_poller_destroy(&raw mut place)
    });
    fails!(lib, zmq::EFAULT, drafts.zmq_poller_destroy(null_mut()), -1);
    let mut poller = drafts.zmq_poller_new();
    assert_eq!(drafts.zmq_poller_destroy(&raw mut poller), 0);
    assert!(poller.is_null());
}

#[test]
fn zmq_poller_size() {
    let (lib, drafts) = (c_library!(), drafts!());
    refused!(lib, zmq::EFAULT, no_objects(lib), |pointer| drafts.zmq_poller_size(pointer));
    let sock = Ctx::new().socket(zmq::PULL);
    let poller = Poller::new(drafts);
    assert_eq!(drafts.zmq_poller_add(poller.1, sock.handle().0, NULL, 0), 0);
    assert_eq!(drafts.zmq_poller_add_fd(poller.1, 0, NULL, 0), 0);
    assert_eq!(drafts.zmq_poller_size(poller.1), 2, "whatever they wait for");
}

#[test]
fn zmq_poller_add() {
    let (lib, drafts) = (c_library!(), drafts!());
    let sock = Ctx::new().socket(zmq::PULL);
    let socket = sock.handle().0;
    refused!(lib, zmq::EFAULT, no_objects(lib), |pointer| drafts.zmq_poller_add(pointer, socket, NULL, 1));
    let poller = Poller::new(drafts);
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |pointer| drafts
        .zmq_poller_add(poller.1, pointer, NULL, 1));
    fails!(lib, zmq::EINVAL, drafts.zmq_poller_add(poller.1, socket, NULL, 16), -1);
    assert_eq!(drafts.zmq_poller_add(poller.1, socket, NULL, 15), 0);
    fails!(lib, zmq::EINVAL, drafts.zmq_poller_add(poller.1, socket, NULL, 1), -1);
    // ENOMEM: takes a process without memory. EMFILE: a poller takes no descriptor.
}

#[test]
fn zmq_poller_modify() {
    let (lib, drafts) = (c_library!(), drafts!());
    let (pull, push) = pair(zmq::PULL, zmq::PUSH, Transport::Inproc);
    let socket = push.handle().0;
    refused!(lib, zmq::EFAULT, no_objects(lib), |pointer| drafts.zmq_poller_modify(pointer, socket, 1));
    let poller = Poller::new(drafts);
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |pointer| drafts.zmq_poller_modify(poller.1, pointer, 1));
    fails!(lib, zmq::EINVAL, drafts.zmq_poller_modify(poller.1, socket, 1), -1);
    assert_eq!(drafts.zmq_poller_add(poller.1, socket, NULL, 1), 0);
    fails!(lib, zmq::EINVAL, drafts.zmq_poller_modify(poller.1, socket, 16), -1);
    let mut event = BLANK;
    fails!(lib, zmq::EAGAIN, drafts.zmq_poller_wait(poller.1, &raw mut event, 0), -1);
    assert_eq!(drafts.zmq_poller_modify(poller.1, socket, 2), 0);
    assert_eq!(drafts.zmq_poller_wait(poller.1, &raw mut event, -1), 0);
    assert_eq!((event.socket, event.events), (socket, 2));
    drop(pull);
}

#[test]
fn zmq_poller_remove() {
    let (lib, drafts) = (c_library!(), drafts!());
    let sock = Ctx::new().socket(zmq::PULL);
    let socket = sock.handle().0;
    refused!(lib, zmq::EFAULT, no_objects(lib), |pointer| drafts.zmq_poller_remove(pointer, socket));
    let poller = Poller::new(drafts);
    refused!(lib, zmq::ENOTSOCK, no_sockets(lib), |pointer| drafts.zmq_poller_remove(poller.1, pointer));
    assert_eq!(drafts.zmq_poller_add(poller.1, socket, NULL, 1), 0);
    assert_eq!((drafts.zmq_poller_remove(poller.1, socket), drafts.zmq_poller_size(poller.1)), (0, 0));
    fails!(lib, zmq::EINVAL, drafts.zmq_poller_remove(poller.1, socket), -1);
}

#[test]
fn zmq_poller_add_fd() {
    let (lib, drafts) = (c_library!(), drafts!());
    refused!(lib, zmq::EFAULT, no_objects(lib), |pointer| drafts.zmq_poller_add_fd(pointer, 0, NULL, 1));
    let poller = Poller::new(drafts);
    fails!(lib, zmq::EBADF, drafts.zmq_poller_add_fd(poller.1, -1, NULL, 1), -1);
    fails!(lib, zmq::EINVAL, drafts.zmq_poller_add_fd(poller.1, 0, NULL, 16), -1);
    assert_eq!(drafts.zmq_poller_add_fd(poller.1, 0, NULL, 1), 0);
    fails!(lib, zmq::EINVAL, drafts.zmq_poller_add_fd(poller.1, 0, NULL, 1), -1);
    // ENOMEM: takes a process without memory.
}

/// Both ends of a connected pair of descriptors.
fn descriptors() -> (std::os::unix::net::UnixStream, std::os::unix::net::UnixStream) {
    std::os::unix::net::UnixStream::pair().unwrap()
}

#[test]
fn zmq_poller_modify_fd() {
    use std::os::fd::AsRawFd;
    let (lib, drafts) = (c_library!(), drafts!());
    let (near, _far) = descriptors();
    let fd = near.as_raw_fd();
    refused!(lib, zmq::EFAULT, no_objects(lib), |pointer| drafts.zmq_poller_modify_fd(pointer, fd, 1));
    let poller = Poller::new(drafts);
    fails!(lib, zmq::EBADF, drafts.zmq_poller_modify_fd(poller.1, -1, 1), -1);
    fails!(lib, zmq::EINVAL, drafts.zmq_poller_modify_fd(poller.1, fd, 1), -1);
    assert_eq!(drafts.zmq_poller_add_fd(poller.1, fd, NULL, 1), 0);
    fails!(lib, zmq::EINVAL, drafts.zmq_poller_modify_fd(poller.1, fd, 16), -1);
    assert_eq!(drafts.zmq_poller_modify_fd(poller.1, fd, 2), 0);
    let mut event = BLANK;
    assert_eq!(drafts.zmq_poller_wait(poller.1, &raw mut event, -1), 0);
    assert_eq!((event.socket, event.fd, event.events), (NULL, fd, 2));
}

#[test]
fn zmq_poller_remove_fd() {
    let (lib, drafts) = (c_library!(), drafts!());
    refused!(lib, zmq::EFAULT, no_objects(lib), |pointer| drafts.zmq_poller_remove_fd(pointer, 0));
    let poller = Poller::new(drafts);
    fails!(lib, zmq::EBADF, drafts.zmq_poller_remove_fd(poller.1, -1), -1);
    fails!(lib, zmq::EINVAL, drafts.zmq_poller_remove_fd(poller.1, 0), -1);
    assert_eq!(drafts.zmq_poller_add_fd(poller.1, 0, NULL, 1), 0);
    assert_eq!((drafts.zmq_poller_remove_fd(poller.1, 0), drafts.zmq_poller_size(poller.1)), (0, 0));
}

#[test]
fn zmq_poller_fd() {
    let (lib, drafts) = (c_library!(), drafts!());
    let mut fd = -7;
    let place: *mut c_int = &raw mut fd;
    refused!(lib, zmq::EFAULT, no_objects(lib), |pointer| drafts.zmq_poller_fd(pointer, place));
    let sock = Ctx::new().socket(zmq::PULL);
    let poller = Poller::new(drafts);
    fails!(lib, zmq::EFAULT, drafts.zmq_poller_fd(poller.1, null_mut()), -1);
    fails!(lib, zmq::EINVAL, drafts.zmq_poller_fd(poller.1, place), -1);
    assert_eq!(drafts.zmq_poller_add(poller.1, sock.handle().0, NULL, 1), 0);
    fails!(lib, zmq::EINVAL, drafts.zmq_poller_fd(poller.1, place), -1);
    assert_eq!(fd, -7, "only with thread-safe sockets");
    let server = sock.ctx().socket(zmq::SERVER);
    assert_eq!(drafts.zmq_poller_add(poller.1, server.handle().0, NULL, 1), 0);
    assert_eq!((drafts.zmq_poller_fd(poller.1, place), fd >= 0), (0, true));
    let first = fd;
    assert_eq!(drafts.zmq_poller_remove(poller.1, server.handle().0), 0);
    assert_eq!((drafts.zmq_poller_fd(poller.1, place), fd), (0, first), "it stays");
}

/// What both ways to wait have in common; the second argument of `wait` says how many events there is room for.
fn waits(
    drafts: &'static Drafts,
    wait: impl Fn(*mut c_void, *mut RawPollerEvent, i64) -> c_int + Copy + Send + 'static,
) {
    let lib = conformance::subject().library().unwrap();
    let mut event = BLANK;
    let place: *mut RawPollerEvent = &raw mut event;
    refused!(lib, zmq::EFAULT, no_objects(lib), |pointer| wait(pointer, place, 0));
    let poller = Poller::new(drafts);
    assert_eq!(lib.check(wait(poller.1, null_mut(), 0)), Err(zmq::EFAULT));
    assert_eq!(lib.check(wait(poller.1, place, -1)), Err(zmq::EFAULT), "for ever, for nothing");
    assert_eq!(lib.check(wait(poller.1, place, 0)), Err(zmq::EAGAIN));
    let idle = item_of_idle_socket();
    assert_eq!(drafts.zmq_poller_add(poller.1, idle, NULL, 0), 0);
    assert_eq!(lib.check(wait(poller.1, place, -1)), Err(zmq::EFAULT), "nothing that is waited for");
    assert_eq!(drafts.zmq_poller_modify(poller.1, idle, 1), 0);
    assert_eq!(lib.check(wait(poller.1, place, 1)), Err(zmq::EAGAIN));
    let handle = Handle(poller.1);
    let waiting = move || {
        let mut event = BLANK;
        lib.check(wait({ handle }.0, &raw mut event, -1))
    };
    assert_eq!(interrupted(Handler::Plain, waiting), Err(zmq::EINTR));
    let stopped = stopped(zmq::PULL);
    assert_eq!(drafts.zmq_poller_add(poller.1, stopped.handle().0, NULL, 1), 0);
    assert_eq!(lib.check(wait(poller.1, place, -1)), Err(zmq::ETERM));
    assert_eq!(drafts.zmq_poller_remove(poller.1, stopped.handle().0), 0);
}

#[test]
fn zmq_poller_wait() {
    let drafts = drafts!();
    // EFAULT, EAGAIN, EINTR, ETERM:
    waits(drafts, |poller, event, timeout| drafts.zmq_poller_wait(poller, event, timeout));
    let (pull, push) = pair(zmq::PULL, zmq::PUSH, Transport::Inproc);
    let poller = Poller::new(drafts);
    let user_data = std::ptr::without_provenance_mut(77);
    assert_eq!(drafts.zmq_poller_add(poller.1, pull.handle().0, user_data, 1), 0);
    push.send("x");
    let mut event = BLANK;
    assert_eq!(drafts.zmq_poller_wait(poller.1, &raw mut event, -1), 0);
    assert_eq!(event, RawPollerEvent { socket: pull.handle().0, fd: -1, user_data, events: 1 });
    pull.expect("x");
    assert_eq!(drafts.zmq_poller_wait(poller.1, &raw mut event, 0), -1);
    assert_eq!(event, BLANK, "blank after a failure");
    // ENOMEM: takes a process without memory.
}

#[test]
fn a_poller_leaves_alone_what_it_wants_nothing_of() {
    let (lib, drafts) = (c_library!(), drafts!());
    let (near, far) = UnixStream::pair().unwrap();
    let (fd, poller, mut event) = (near.as_raw_fd(), Poller::new(drafts), BLANK);
    assert_eq!(drafts.zmq_poller_add_fd(poller.1, fd, NULL, 1), 0);
    drop(far);
    assert_eq!(drafts.zmq_poller_wait(poller.1, &raw mut event, -1), 0);
    assert_eq!(event.fd, fd);
    assert_eq!(drafts.zmq_poller_modify_fd(poller.1, fd, 0), 0);
    let waited = lib.check(drafts.zmq_poller_wait(poller.1, &raw mut event, 0));
    assert_eq!(waited, Err(zmq::EAGAIN), "a hang-up that nobody wants to hear of");
}

#[test]
fn zmq_poller_wait_all() {
    let (lib, drafts) = (c_library!(), drafts!());
    // EFAULT, EAGAIN, EINTR, ETERM:
    waits(drafts, |poller, event, timeout| drafts.zmq_poller_wait_all(poller, event, 1, timeout));
    let ctx = Ctx::new();
    let socks = [(); 3].map(|()| ctx.socket(zmq::ROUTER));
    let poller = Poller::new(drafts);
    for sock in &socks {
        assert_eq!(drafts.zmq_poller_add(poller.1, sock.handle().0, NULL, 2), 0);
    }
    let mut events = [RawPollerEvent { fd: 5, ..BLANK }; 5];
    let list: *mut RawPollerEvent = events.as_mut_ptr();
    fails!(lib, zmq::EINVAL, drafts.zmq_poller_wait_all(poller.1, list, -1, 0), -1);
    assert_eq!(drafts.zmq_poller_wait_all(poller.1, list, 2, -1), 2, "as many as there is room for");
    assert_eq!(drafts.zmq_poller_wait_all(poller.1, list, 5, -1), 3);
    for (event, sock) in events.iter().zip(&socks) {
        assert_eq!((event.socket, event.events), (sock.handle().0, 2));
    }
    assert_eq!(events[3..], [BLANK; 2], "the rest is blank");
    fails!(lib, zmq::EAGAIN, drafts.zmq_poller_wait_all(poller.1, list, 0, 1), -1);
    // ENOMEM: takes a process without memory.
}

// Proxies

/// What the three ways to run a proxy have in common.
fn passes(proxy: impl Fn(*mut c_void, *mut c_void) -> c_int + Copy + Send + 'static) {
    let lib = conformance::subject().library().unwrap();
    let ctx = Ctx::new();
    let ends = [zmq::ROUTER, zmq::DEALER].map(|kind| ctx.socket(kind));
    let (front, back) = (ends[0].bind_any(Transport::Tcp), ends[1].bind_any(Transport::Inproc));
    let [a, b] = ends.each_ref().map(Sock::handle);
    let running = thread::spawn(move || {
        let handles = (a, b);
        let ended = lib.check(proxy(handles.0.0, handles.1.0));
        drop(ends);
        ended
    });
    let (client, server) = (ctx.socket(zmq::REQ), ctx.socket(zmq::REP));
    client.connect(&front).unwrap();
    server.connect(&back).unwrap();
    client.send("question");
    server.expect("question");
    server.send("answer");
    client.expect("answer");
    ctx.shutdown().unwrap();
    assert_eq!(running.join().unwrap(), Err(zmq::ETERM));
    let idle = [(); 2].map(|()| Handle(item_of_idle_socket()));
    let waits = move || lib.check(proxy({ idle }[0].0, idle[1].0));
    assert_eq!(interrupted(Handler::Plain, waits), Err(zmq::EINTR));
}

#[test]
fn zmq_proxy() {
    let lib = c_library!();
    // ETERM, EINTR:
    passes(|front, back| lib.zmq_proxy(front, back, NULL));
    let sock = Ctx::new().socket(zmq::ROUTER);
    let socket = sock.handle().0;
    for (front, back) in [(NULL, NULL), (socket, NULL), (NULL, socket)] {
        fails!(lib, zmq::EFAULT, lib.zmq_proxy(front, back, NULL), -1);
    }
    if !is_system() {
        refused!(lib, zmq::ENOTSOCK, no_sockets(lib).into_iter().skip(1), |p| lib.zmq_proxy(p, socket, NULL));
        refused!(lib, zmq::ENOTSOCK, no_sockets(lib).into_iter().skip(1), |p| lib.zmq_proxy(socket, p, NULL));
    }
}

#[test]
fn zmq_device() {
    let lib = c_library!();
    passes(|front, back| lib.zmq_device(99, front, back));
    if !is_system() {
        fails!(lib, zmq::EFAULT, lib.zmq_device(1, NULL, NULL), -1);
    }
}

#[test]
fn zmq_proxy_steerable() {
    let lib = c_library!();
    passes(|front, back| lib.zmq_proxy_steerable(front, back, NULL, NULL));
    let ctx = Ctx::new();
    let [front, back] = [zmq::ROUTER, zmq::DEALER].map(|kind| ctx.socket(kind));
    let (steering, control) = (ctx.socket(zmq::PAIR), ctx.socket(zmq::PAIR));
    control.connect(&steering.bind_any(Transport::Inproc)).unwrap();
    control.send("TERMINATE");
    let handles = [&front, &back, &steering].map(|sock| sock.handle().0);
    assert_eq!(lib.zmq_proxy_steerable(handles[0], handles[1], NULL, handles[2]), 0);
    fails!(lib, zmq::EFAULT, lib.zmq_proxy_steerable(NULL, handles[1], NULL, handles[2]), -1);
    assert_ne!(Errno(0), zmq::EFAULT);
}
