//! No function takes more than 16 KB of its caller's stack: each is called on one of 32 KB, as coroutines do.

use std::collections::BTreeMap;
use std::ffi::{c_char, c_int, c_void};
use std::ptr::{null, null_mut};
use std::thread;

use conformance::c_api::{Drafts, Handle, Library, NULL, RawMsg, RawPollItem, RawPollerEvent};
use conformance::csv::table;
use conformance::socket::{Ctx, Sock, Transport, inproc, join, pair};
use conformance::{c_library, drafts, is_system, stack, zmq};

const LIMIT: usize = 16 * 1024;

/// How deep each function went.
#[derive(Default)]
struct Depths(BTreeMap<&'static str, usize>);

impl Depths {
    fn call<T>(&mut self, function: &'static str, call: impl FnOnce() -> T) -> T {
        let (value, depth) = stack::depth_of(call);
        let deepest = self.0.entry(function).or_default();
        *deepest = depth.max(*deepest);
        value
    }

    /// The test's end: nobody went below the limit.
    fn check(self) {
        let mut deepest: Vec<_> = self.0.into_iter().collect();
        deepest.sort_by_key(|(_, depth)| std::cmp::Reverse(*depth));
        for (function, depth) in &deepest {
            println!("{depth:6} {function}");
        }
        // The system's library is only looked at.
        let too_deep: Vec<_> = deepest.iter().filter(|(_, depth)| *depth > LIMIT).collect();
        assert!(is_system() || too_deep.is_empty(), "{too_deep:?}");
    }
}

/// `$depths.call` with the function's name.
macro_rules! call {
    ($depths:ident, $lib:ident.$function:ident($($arg:expr),* $(,)?)) => {
        $depths.call(stringify!($function), || $lib.$function($($arg),*))
    };
}

fn message(lib: &Library, body: &[u8]) -> RawMsg {
    let mut msg = RawMsg([0; 64]);
    assert_eq!(lib.zmq_msg_init_size(&raw mut msg, body.len()), 0);
    if !body.is_empty() {
        // SAFETY: the library has just given these bytes to this message.
        unsafe { body.as_ptr().copy_to(lib.zmq_msg_data(&raw mut msg).cast(), body.len()) };
    }
    msg
}

#[test]
fn contexts() {
    let lib = c_library!();
    let mut d = Depths::default();
    let ctx = call!(d, lib.zmq_ctx_new());
    assert_eq!(call!(d, lib.zmq_ctx_set(ctx, zmq::IO_THREADS, 2)), 0);
    assert_eq!(call!(d, lib.zmq_ctx_get(ctx, zmq::IO_THREADS)), 2);
    // The first socket starts the threads.
    let socket = call!(d, lib.zmq_socket(ctx, zmq::PULL));
    assert!(!socket.is_null());
    assert_eq!(call!(d, lib.zmq_ctx_shutdown(ctx)), 0);
    assert_eq!(call!(d, lib.zmq_close(socket)), 0);
    assert_eq!(call!(d, lib.zmq_ctx_term(ctx)), 0);
    let ctx = call!(d, lib.zmq_init(1));
    assert_eq!(call!(d, lib.zmq_term(ctx)), 0);
    let ctx = lib.zmq_ctx_new();
    assert_eq!(call!(d, lib.zmq_ctx_destroy(ctx)), 0);
    d.check();
}

#[test]
fn termination_with_lingering_messages() {
    let lib = c_library!();
    let mut d = Depths::default();
    let ctx = lib.zmq_ctx_new();
    let (push, pull) = (lib.zmq_socket(ctx, zmq::PUSH), lib.zmq_socket(ctx, zmq::PULL));
    let endpoint = c"inproc://x".as_ptr();
    assert_eq!(call!(d, lib.zmq_bind(pull, endpoint)), 0);
    assert_eq!(call!(d, lib.zmq_connect(push, endpoint)), 0);
    assert_eq!(call!(d, lib.zmq_send(push, c"x".as_ptr().cast(), 1, 0)), 1);
    assert_eq!(call!(d, lib.zmq_connect(push, c"tcp://127.0.0.1:1".as_ptr())), 0);
    let linger: c_int = 50;
    let value = (&raw const linger).cast();
    assert_eq!(call!(d, lib.zmq_setsockopt(push, zmq::LINGER, value, 4)), 0);
    assert_eq!(call!(d, lib.zmq_send(push, c"x".as_ptr().cast(), 1, 0)), 1);
    assert_eq!(call!(d, lib.zmq_close(push)), 0);
    assert_eq!(call!(d, lib.zmq_close(pull)), 0);
    assert_eq!(call!(d, lib.zmq_ctx_term(ctx)), 0);
    d.check();
}

#[test]
fn messages() {
    let lib = c_library!();
    let mut d = Depths::default();
    let (mut a, mut b) = (RawMsg([0; 64]), RawMsg([0; 64]));
    let (a, b): (*mut RawMsg, *mut RawMsg) = (&raw mut a, &raw mut b);
    for size in [1, 100, 1 << 20] {
        assert_eq!(call!(d, lib.zmq_msg_init(b)), 0);
        assert_eq!(call!(d, lib.zmq_msg_init_size(a, size)), 0);
        assert!(!call!(d, lib.zmq_msg_data(a)).is_null());
        assert_eq!(call!(d, lib.zmq_msg_size(a)), size);
        assert_eq!(call!(d, lib.zmq_msg_more(a)), 0);
        assert_eq!(call!(d, lib.zmq_msg_get(a, zmq::MORE)), 0);
        assert_eq!(call!(d, lib.zmq_msg_set(a, zmq::MORE, 0)), -1);
        assert!(call!(d, lib.zmq_msg_gets(a, c"Peer-Address".as_ptr())).is_null());
        assert_eq!(call!(d, lib.zmq_msg_copy(b, a)), 0);
        assert_eq!(call!(d, lib.zmq_msg_move(b, a)), 0);
        assert_eq!(call!(d, lib.zmq_msg_close(b)), 0);
        assert_eq!(call!(d, lib.zmq_msg_close(a)), 0);
    }
    let constant = c"constant".as_ptr().cast_mut().cast();
    assert_eq!(call!(d, lib.zmq_msg_init_data(a, constant, 8, None, NULL)), 0);
    assert_eq!(lib.zmq_msg_close(a), 0);
    d.check();
}

/// All ways to send and receive, on two connected sockets.
fn send_and_receive(d: &mut Depths, lib: &'static Library, push: &Sock, pull: &Sock, size: usize) {
    let (push, pull) = (push.handle().0, pull.handle().0);
    let mut body = vec![7_u8; size];
    let bytes: *mut c_void = body.as_mut_ptr().cast();
    let sent = c_int::try_from(size).unwrap();
    assert_eq!(call!(d, lib.zmq_send(push, bytes, size, 0)), sent);
    assert_eq!(call!(d, lib.zmq_recv(pull, bytes, size, 0)), sent);
    // Kept alive until it has arrived.
    assert_eq!(call!(d, lib.zmq_send_const(push, bytes, size, 0)), sent);
    let mut got = RawMsg([0; 64]);
    let got: *mut RawMsg = &raw mut got;
    lib.zmq_msg_init(got);
    assert_eq!(call!(d, lib.zmq_msg_recv(got, pull, 0)), sent);
    let mut msg = message(lib, &body);
    assert_eq!(call!(d, lib.zmq_msg_send(&raw mut msg, push, 0)), sent);
    assert_eq!(call!(d, lib.zmq_recvmsg(pull, got, 0)), sent);
    let mut msg = message(lib, &body);
    assert_eq!(call!(d, lib.zmq_sendmsg(push, &raw mut msg, 0)), sent);
    assert_eq!(call!(d, lib.zmq_msg_recv(got, pull, 0)), sent);
    call!(d, lib.zmq_msg_gets(got, c"Socket-Type".as_ptr()));
    lib.zmq_msg_close(got);
    let mut parts = [libc::iovec { iov_base: bytes, iov_len: size }; 3];
    let parts: *mut libc::iovec = parts.as_mut_ptr();
    assert_eq!(call!(d, lib.zmq_sendiov(push, parts, 3, zmq::SNDMORE)), sent);
    let mut count = 3;
    let count: *mut usize = &raw mut count;
    assert_eq!(call!(d, lib.zmq_recviov(pull, parts, count, 0)), 3);
    for i in 0..3 {
        // SAFETY: memory from malloc, which the call gave to its caller.
        unsafe { libc::free((*parts.add(i)).iov_base) };
    }
}

#[test]
fn traffic() {
    let lib = c_library!();
    for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
        let mut d = Depths::default();
        let (push, pull) = pair(zmq::PUSH, zmq::PULL, transport);
        for size in [10, 1000, 3 << 20] {
            send_and_receive(&mut d, lib, &push, &pull, size);
        }
        println!("{transport:?}");
        d.check();
    }
}

#[test]
fn every_socket_type_in_full_use() {
    let lib = c_library!();
    let mut d = Depths::default();
    for (binder, connecter) in [
        (zmq::PAIR, zmq::PAIR),
        (zmq::REP, zmq::REQ),
        (zmq::ROUTER, zmq::DEALER),
        (zmq::XPUB, zmq::SUB),
        (zmq::PUB, zmq::XSUB),
        (zmq::PULL, zmq::PUSH),
    ] {
        let (a, b) = pair(binder, connecter, Transport::Tcp);
        if connecter == zmq::SUB {
            b.subscribe("");
        }
        for sock in [b.handle().0, a.handle().0] {
            let mut buffer = [0_u8; 64];
            let bytes: *mut c_void = buffer.as_mut_ptr().cast();
            call!(d, lib.zmq_send(sock, bytes, 64, zmq::DONTWAIT));
            let mut item = RawPollItem { socket: sock, fd: 0, events: 3, revents: 0 };
            let item: *mut RawPollItem = &raw mut item;
            assert!(call!(d, lib.zmq_poll(item, 1, 1)) >= 0);
            call!(d, lib.zmq_recv(sock, bytes, 64, zmq::DONTWAIT));
        }
    }
    d.check();
}

#[test]
fn endpoints_options_and_monitors() {
    let lib = c_library!();
    let mut d = Depths::default();
    let ctx = Ctx::new();
    for endpoint in [c"tcp://127.0.0.1:*", c"tcp://localhost:*", c"tcp://*:*", c"ipc://*", c"inproc://a"] {
        if endpoint == c"tcp://localhost:*" && is_system() {
            // 4.3.4 binds to addresses only.
            continue;
        }
        let (bound, connected) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        let (pull, push) = (bound.handle().0, connected.handle().0);
        assert_eq!(call!(d, lib.zmq_bind(pull, endpoint.as_ptr())), 0, "{endpoint:?}");
        let mut text = [0_u8; 256];
        let mut length = 256_usize;
        let (value, size): (*mut c_void, *mut usize) = (text.as_mut_ptr().cast(), &raw mut length);
        assert_eq!(call!(d, lib.zmq_getsockopt(pull, zmq::LAST_ENDPOINT, value, size)), 0);
        let last = text.as_ptr().cast::<c_char>();
        assert_eq!(call!(d, lib.zmq_connect(push, last)), 0);
        connected.send("x");
        bound.expect("x");
        assert_eq!(call!(d, lib.zmq_disconnect(push, last)), 0);
        assert_eq!(call!(d, lib.zmq_unbind(pull, last)), 0);
    }
    let sock = ctx.socket(zmq::PULL);
    let socket = sock.handle().0;
    let watch = inproc() + "\0";
    let watch = watch.as_ptr().cast::<c_char>();
    assert_eq!(call!(d, lib.zmq_socket_monitor(socket, watch, 0xFFFF)), 0);
    let events = ctx.socket(zmq::PAIR);
    assert_eq!(lib.zmq_connect(events.handle().0, watch), 0);
    assert_eq!(call!(d, lib.zmq_bind(socket, c"tcp://127.0.0.1:*".as_ptr())), 0);
    assert_eq!(call!(d, lib.zmq_socket_monitor(socket, null(), 0)), 0);
    let port: c_int = 77;
    let value = (&raw const port).cast();
    for option in 0..130 {
        call!(d, lib.zmq_setsockopt(socket, option, value, 4));
        let (mut buffer, mut length) = ([0_u8; 256], 256_usize);
        let (value, length): (*mut c_void, *mut usize) = (buffer.as_mut_ptr().cast(), &raw mut length);
        call!(d, lib.zmq_getsockopt(socket, option, value, length));
    }
    d.check();
}

#[test]
fn polling_a_hundred_sockets() {
    let lib = c_library!();
    let mut d = Depths::default();
    let ctx = Ctx::new();
    let push = ctx.socket(zmq::PUSH);
    let pulls: Vec<Sock> = (0..100).map(|_| ctx.socket(zmq::PULL)).collect();
    let mut items: Vec<_> = pulls
        .iter()
        .map(|sock| RawPollItem { socket: sock.handle().0, fd: 0, events: 1, revents: 0 })
        .collect();
    for pull in &pulls {
        push.connect(&pull.bind_any(Transport::Tcp)).unwrap();
    }
    let list: *mut RawPollItem = items.as_mut_ptr();
    assert_eq!(call!(d, lib.zmq_poll(list, 100, 0)), 0);
    assert_eq!(call!(d, lib.zmq_poll(list, 100, 1)), 0);
    for _ in 0..100 {
        push.send("x");
    }
    for pull in &pulls {
        pull.wait_readable();
    }
    assert_eq!(call!(d, lib.zmq_poll(list, 100, -1)), 100);
    d.check();
}

#[test]
fn proxies() {
    let lib = c_library!();
    let mut d = Depths::default();
    for function in ["zmq_proxy", "zmq_proxy_steerable", "zmq_device"] {
        let ctx = Ctx::new();
        let (front, back) = (ctx.socket(zmq::ROUTER), ctx.socket(zmq::DEALER));
        let (client, server) = (ctx.socket(zmq::REQ), ctx.socket(zmq::REP));
        let control = ctx.socket(zmq::PAIR);
        join(&front, &client, Transport::Tcp);
        join(&back, &server, Transport::Inproc);
        let user = thread::spawn(move || {
            client.send("question");
            server.expect("question");
            server.send("answer");
            client.expect("answer");
            client.ctx().shutdown().unwrap();
        });
        let (front, back, control) = (front.handle().0, back.handle().0, control.handle().0);
        let ended = d.call(function, || match function {
            "zmq_proxy" => lib.zmq_proxy(front, back, NULL),
            "zmq_device" => lib.zmq_device(1, front, back),
            _ => lib.zmq_proxy_steerable(front, back, NULL, control),
        });
        assert_eq!(ended, -1);
        user.join().unwrap();
    }
    d.check();
}

extern "C" fn on_timer(_: c_int, _: *mut c_void) {}
extern "C" fn on_thread(_: *mut c_void) {}

#[test]
fn helpers() {
    let lib = c_library!();
    let mut d = Depths::default();
    call!(d, lib.zmq_errno());
    for number in [libc::EINVAL, 156_384_763, 99_999] {
        assert!(!call!(d, lib.zmq_strerror(number)).is_null());
    }
    let mut n = [0; 3];
    let n: *mut c_int = n.as_mut_ptr();
    call!(d, lib.zmq_version(n, n, n));
    assert_eq!(call!(d, lib.zmq_has(c"ipc".as_ptr())), 1);
    let (mut text, mut data) = ([0 as c_char; 64], [7_u8; 40]);
    let (text, data): (*mut c_char, *mut u8) = (text.as_mut_ptr(), data.as_mut_ptr());
    assert_eq!(call!(d, lib.zmq_z85_encode(text, data, 32)), text);
    assert_eq!(call!(d, lib.zmq_z85_decode(data, text)), data);
    let mut public = [0 as c_char; 41];
    let public: *mut c_char = public.as_mut_ptr();
    call!(d, lib.zmq_curve_keypair(public, text));
    call!(d, lib.zmq_curve_public(public, text));
    let mut counter = call!(d, lib.zmq_atomic_counter_new());
    call!(d, lib.zmq_atomic_counter_set(counter, 3));
    assert_eq!(call!(d, lib.zmq_atomic_counter_inc(counter)), 3);
    assert_eq!(call!(d, lib.zmq_atomic_counter_dec(counter)), 1);
    assert_eq!(call!(d, lib.zmq_atomic_counter_value(counter)), 3);
    let place: *mut *mut c_void = &raw mut counter;
    call!(d, lib.zmq_atomic_counter_destroy(place));
    let mut timers = call!(d, lib.zmq_timers_new());
    assert_eq!(call!(d, lib.zmq_timers_add(timers, 1, Some(on_timer), NULL)), 1);
    assert_eq!(call!(d, lib.zmq_timers_set_interval(timers, 1, 5)), 0);
    assert_eq!(call!(d, lib.zmq_timers_reset(timers, 1)), 0);
    call!(d, lib.zmq_timers_timeout(timers));
    assert_eq!(call!(d, lib.zmq_timers_execute(timers)), 0);
    assert_eq!(call!(d, lib.zmq_timers_cancel(timers, 1)), 0);
    let place: *mut *mut c_void = &raw mut timers;
    assert_eq!(call!(d, lib.zmq_timers_destroy(place)), 0);
    let watch = call!(d, lib.zmq_stopwatch_start());
    call!(d, lib.zmq_stopwatch_intermediate(watch));
    call!(d, lib.zmq_stopwatch_stop(watch));
    call!(d, lib.zmq_sleep(0));
    let thread = call!(d, lib.zmq_threadstart(Some(on_thread), NULL));
    call!(d, lib.zmq_threadclose(thread));
    d.check();
}

#[test]
fn drafts_on_contexts_sockets_and_messages() {
    let lib = drafts!();
    let stable = c_library!();
    let mut d = Depths::default();
    let ctx = Ctx::new();
    let sock = ctx.socket(zmq::ROUTER);
    let (context, socket) = (ctx.handle().0, sock.handle().0);
    let mut value: c_int = 1;
    let mut length = 4_usize;
    let (value, length): (*mut c_void, *mut usize) = ((&raw mut value).cast(), &raw mut length);
    assert_eq!(call!(d, lib.zmq_ctx_set_ext(context, zmq::IO_THREADS, value, 4)), 0);
    assert_eq!(call!(d, lib.zmq_ctx_get_ext(context, zmq::IO_THREADS, value, length)), 0);
    let endpoint = c"inproc://drafts".as_ptr();
    call!(d, lib.zmq_join(socket, endpoint));
    call!(d, lib.zmq_leave(socket, endpoint));
    call!(d, lib.zmq_connect_peer(socket, endpoint));
    call!(d, lib.zmq_disconnect_peer(socket, 1));
    assert_eq!(call!(d, lib.zmq_socket_get_peer_state(socket, endpoint.cast(), 3)), -1);
    assert_eq!(call!(d, lib.zmq_socket_monitor_versioned(socket, endpoint, 0xFFFF, 2, zmq::PAIR)), 0);
    call!(d, lib.zmq_socket_monitor_pipes_stats(socket));
    let mut msg = RawMsg([0; 64]);
    let msg: *mut RawMsg = &raw mut msg;
    assert_eq!(call!(d, lib.zmq_msg_init_buffer(msg, endpoint.cast(), 10)), 0);
    assert_eq!(call!(d, lib.zmq_msg_set_routing_id(msg, 5)), 0);
    assert_eq!(call!(d, lib.zmq_msg_routing_id(msg)), 5);
    call!(d, lib.zmq_msg_set_group(msg, endpoint));
    assert!(!call!(d, lib.zmq_msg_group(msg)).is_null());
    stable.zmq_msg_close(msg);
    let mut item = RawPollItem { socket, fd: 0, events: 1, revents: 0 };
    let item: *mut RawPollItem = &raw mut item;
    assert_eq!(call!(d, lib.zmq_ppoll(item, 1, 1, null())), 0);
    d.check();
}

#[test]
fn pollers() {
    let lib = drafts!();
    let mut d = Depths::default();
    let sock = Ctx::new().socket(zmq::PULL);
    let socket = sock.handle().0;
    poller_in_full_use(&mut d, lib, socket);
    d.check();
}

fn poller_in_full_use(d: &mut Depths, lib: &'static Drafts, socket: *mut c_void) {
    let mut poller = call!(d, lib.zmq_poller_new());
    assert_eq!(call!(d, lib.zmq_poller_add(poller, socket, NULL, 1)), 0);
    assert_eq!(call!(d, lib.zmq_poller_modify(poller, socket, 3)), 0);
    assert_eq!(call!(d, lib.zmq_poller_add_fd(poller, 0, NULL, 1)), 0);
    assert_eq!(call!(d, lib.zmq_poller_modify_fd(poller, 0, 0)), 0);
    assert_eq!(call!(d, lib.zmq_poller_size(poller)), 2);
    let mut events = [RawPollerEvent { socket: null_mut(), fd: 0, user_data: NULL, events: 0 }; 2];
    let events: *mut RawPollerEvent = events.as_mut_ptr();
    call!(d, lib.zmq_poller_wait(poller, events, 1));
    call!(d, lib.zmq_poller_wait_all(poller, events, 2, 1));
    let mut fd = 0;
    let fd: *mut c_int = &raw mut fd;
    call!(d, lib.zmq_poller_fd(poller, fd));
    assert_eq!(call!(d, lib.zmq_poller_remove_fd(poller, 0)), 0);
    assert_eq!(call!(d, lib.zmq_poller_remove(poller, socket)), 0);
    let place: *mut *mut c_void = &raw mut poller;
    assert_eq!(call!(d, lib.zmq_poller_destroy(place)), 0);
}

#[test]
fn every_function_is_measured() {
    let source = include_str!("stack.rs");
    for row in table("functions.csv") {
        let name = &row["name"];
        assert!(source.contains(&format!("lib.{name}(")), "{name} is not called here");
    }
}

#[test]
fn a_thread_with_the_least_stack_may_use_the_library() {
    let lib = c_library!();
    let endpoint = inproc() + "\0";
    let (ctx, ending) = (Ctx::new(), Handle(NULL));
    let sock = Handle(ctx.socket(zmq::PAIR).handle().0);
    assert_ne!(sock, ending);
    // Threads of the standard library have what they ask for besides their guard page and local storage.
    let thread = thread::Builder::new().stack_size(stack::SIZE).spawn(move || {
        let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        let endpoint = endpoint.as_ptr().cast();
        assert_eq!(lib.zmq_bind(pull.handle().0, endpoint), 0);
        assert_eq!(lib.zmq_connect(push.handle().0, endpoint), 0);
        push.send("x");
        pull.expect("x");
    });
    thread.unwrap().join().unwrap();
}
