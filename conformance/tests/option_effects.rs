//! What options do, seen from outside: the kernel's settings of a connection, who is let in, when connecting ends, how
//! threads are made. Values and lengths are walked in `reference.rs`.

use std::os::fd::{AsRawFd, IntoRawFd, RawFd};

use conformance::socket::{Ctx, Sock, Transport, join, unique};
use conformance::wire::{RawListener, RefusingPort, StuckListener};
use conformance::{Event, Monitor, c_library, ours_only, wait, zmq};

/// The kernel's setting of a descriptor of this process.
fn kernel(fd: RawFd, level: i32, option: i32) -> i32 {
    let mut value: libc::c_int = -1;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: pointer and length describe `value`.
    let got = unsafe { libc::getsockopt(fd, level, option, (&raw mut value).cast(), &raw mut length) };
    assert_eq!(got, 0, "getsockopt({fd}, {level}, {option})");
    value
}

/// A tcp connection whose both ends have these options set: the descriptors of the connected and of the accepted end, and
/// of the listener.
fn connected_with(set: impl Fn(&Sock)) -> ([RawFd; 3], [Sock; 2]) {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    set(&pull);
    set(&push);
    let (at_pull, at_push) =
        (Monitor::detached(&pull, zmq::EVENT_ALL), Monitor::detached(&push, zmq::EVENT_ALL));
    let endpoint = pull.bind_any(Transport::Tcp);
    let listener = at_pull.wait_for(zmq::EVENT_LISTENING);
    push.connect(&endpoint).unwrap();
    let connected = at_push.wait_for(zmq::EVENT_CONNECTED);
    let accepted = at_pull.wait_for(zmq::EVENT_ACCEPTED);
    push.send("through");
    pull.expect("through");
    ([connected, accepted, listener].map(|event: Event| event.value as RawFd), [pull, push])
}

macro_rules! kernel_settings {
    ($($name:ident: $sets:expr => $level:expr, $option:expr, $wanted:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let (fds, _socks) = connected_with(|sock| {
                    for (option, value) in $sets {
                        sock.set(option, value).unwrap();
                    }
                });
                for fd in fds {
                    assert_eq!(kernel(fd, $level, $option), $wanted);
                }
            }
        )*
    };
}

kernel_settings! {
    keepalive_is_left_off: [(zmq::TCP_KEEPALIVE_CNT, 7)] => libc::SOL_SOCKET, libc::SO_KEEPALIVE, 0;
    a_send_buffer_is_asked_for: [(zmq::SNDBUF, 40_000)] => libc::SOL_SOCKET, libc::SO_SNDBUF, 80_000;
    a_receive_buffer_is_asked_for: [(zmq::RCVBUF, 40_000)] => libc::SOL_SOCKET, libc::SO_RCVBUF, 80_000;
    type_of_service_is_set: [(zmq::TOS, 0x28)] => libc::IPPROTO_IP, libc::IP_TOS, 0x28;
}

/// Settings that are of connections, not of listeners.
fn of_connections(sets: &[(i32, i32)], level: i32, option: i32, wanted: i32) {
    let (fds, _socks) = connected_with(|sock| {
        for (option, value) in sets {
            sock.set(*option, *value).unwrap();
        }
    });
    for fd in &fds[..2] {
        assert_eq!(kernel(*fd, level, option), wanted);
    }
}

#[test]
fn keepalive_is_switched_on() {
    of_connections(&[(zmq::TCP_KEEPALIVE, 1)], libc::SOL_SOCKET, libc::SO_KEEPALIVE, 1);
}

#[test]
fn keepalive_has_its_count_idle_time_and_interval() {
    let on = (zmq::TCP_KEEPALIVE, 1);
    of_connections(&[on, (zmq::TCP_KEEPALIVE_CNT, 7)], libc::IPPROTO_TCP, libc::TCP_KEEPCNT, 7);
    of_connections(&[on, (zmq::TCP_KEEPALIVE_IDLE, 77)], libc::IPPROTO_TCP, libc::TCP_KEEPIDLE, 77);
    of_connections(&[on, (zmq::TCP_KEEPALIVE_INTVL, 17)], libc::IPPROTO_TCP, libc::TCP_KEEPINTVL, 17);
}

#[test]
fn maxrt_is_the_user_timeout() {
    of_connections(&[(zmq::TCP_MAXRT, 4321)], libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT, 4321);
}

#[test]
fn nagle_is_off() {
    of_connections(&[], libc::IPPROTO_TCP, libc::TCP_NODELAY, 1);
}

#[test]
fn priority_is_set() {
    ours_only!("4.3.4 does not know ZMQ_PRIORITY");
    of_connections(&[(zmq::PRIORITY, 5)], libc::SOL_SOCKET, libc::SO_PRIORITY, 5);
}

#[test]
fn busy_poll_is_set_or_refused_by_the_kernel() {
    ours_only!("4.3.4 does not know ZMQ_BUSY_POLL");
    let (fds, _socks) = connected_with(|sock| sock.set(zmq::BUSY_POLL, 50).unwrap());
    // Without the privilege the kernel refuses, and the connection stands nevertheless.
    let seen = kernel(fds[0], libc::SOL_SOCKET, libc::SO_BUSY_POLL);
    assert!([0, 50].contains(&seen), "{seen}");
}

#[test]
fn backlog_is_the_queue_of_the_listener() {
    let (fds, _socks) = connected_with(|sock| sock.set(zmq::BACKLOG, 13).unwrap());
    // SAFETY: integers, for which zero is valid.
    let mut info: libc::tcp_info = unsafe { std::mem::zeroed() };
    let mut length = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: pointer and length describe `info`.
    let got = unsafe {
        libc::getsockopt(fds[2], libc::IPPROTO_TCP, libc::TCP_INFO, (&raw mut info).cast(), &raw mut length)
    };
    assert_eq!(got, 0);
    assert_eq!(info.tcpi_sacked, 13, "of a listener this is the length of its queue");
}

#[test]
fn sockets_are_bound_to_a_device() {
    let device = |fd| {
        let (mut name, mut length) = ([0u8; 16], 16);
        // SAFETY: pointer and length describe `name`.
        let got = unsafe {
            libc::getsockopt(
                fd,
                libc::SOL_SOCKET,
                libc::SO_BINDTODEVICE,
                name.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        assert_eq!(got, 0);
        String::from_utf8_lossy(&name[..length as usize]).trim_end_matches('\0').to_owned()
    };
    let (fds, _socks) = connected_with(|sock| sock.set_bytes(zmq::BINDTODEVICE, "lo").unwrap());
    assert_eq!([device(fds[0]), device(fds[2])], ["lo", "lo"]);
}

#[test]
fn a_device_that_is_none_fails_the_bind() {
    let sock = Ctx::new().socket(zmq::PULL);
    sock.set_bytes(zmq::BINDTODEVICE, "no-such-device").unwrap();
    assert!(sock.bind("tcp://127.0.0.1:*").is_err());
}

// ---- A descriptor of the application ----

#[test]
fn a_supplied_tcp_listener_is_used() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let fd = listener.into_raw_fd();
    pull.set(zmq::USE_FD, fd).unwrap();
    pull.bind("tcp://127.0.0.1:1").unwrap();
    assert_eq!(pull.last_endpoint(), format!("tcp://{address}"), "the address of the text is not looked at");
    assert_eq!(pull.option(zmq::USE_FD), Ok(fd), "it stays set");
    push.connect(&format!("tcp://{address}")).unwrap();
    push.send("hello");
    pull.expect("hello");
}

#[test]
fn a_supplied_ipc_listener_is_used_and_its_file_stays() {
    let endpoint = ipc_file();
    let path = endpoint.strip_prefix("ipc://").unwrap().to_owned();
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    pull.set(zmq::USE_FD, listener.into_raw_fd()).unwrap();
    pull.bind(&endpoint).unwrap();
    push.connect(&endpoint).unwrap();
    push.send("hello");
    pull.expect("hello");
    pull.close().unwrap();
    push.close().unwrap();
    ctx.term().unwrap();
    assert!(std::path::Path::new(&path).exists());
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_descriptor_that_does_not_listen_fails_the_bind() {
    ours_only!("it accepts the descriptor, and aborts when nobody can connect to it");
    let file = std::fs::File::open("/dev/null").unwrap();
    let sock = Ctx::new().socket(zmq::PULL);
    // The library closes what it was given.
    sock.set(zmq::USE_FD, file.into_raw_fd()).unwrap();
    assert_eq!(sock.bind("tcp://127.0.0.1:*"), Err(zmq::ENOTSOCK));
    let unbound = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    assert!(unbound.as_raw_fd() >= 0);
    sock.set(zmq::USE_FD, unbound.into_raw_fd()).unwrap();
    assert_eq!(sock.bind("tcp://127.0.0.1:*"), Err(zmq::EINVAL));
}

#[test]
fn a_descriptor_that_is_not_open_fails_the_bind() {
    ours_only!("it aborts");
    let sock = Ctx::new().socket(zmq::PULL);
    for endpoint in ["tcp://127.0.0.1:*".to_owned(), ipc_file()] {
        sock.set(zmq::USE_FD, i32::MAX).unwrap();
        assert_eq!(sock.bind(&endpoint), Err(zmq::EBADF), "{endpoint}");
    }
}

#[test]
fn a_supplied_descriptor_is_taken_once() {
    ours_only!("it binds the descriptor again, and aborts");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let supplied = format!("tcp://{}", listener.local_addr().unwrap());
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    pull.set(zmq::USE_FD, listener.into_raw_fd()).unwrap();
    pull.bind("tcp://127.0.0.1:1").unwrap();
    let own = pull.bind_any(Transport::Tcp);
    assert_ne!(own, supplied);
    pull.unbind(&own).unwrap();
    push.connect(&supplied).unwrap();
    push.send("still open");
    pull.expect("still open");
    // Nor is one that was of no use, whose number may be another's now.
    pull.set(zmq::USE_FD, std::fs::File::open("/dev/null").unwrap().into_raw_fd()).unwrap();
    assert_eq!(pull.bind("tcp://127.0.0.1:*"), Err(zmq::ENOTSOCK));
    pull.bind("tcp://127.0.0.1:*").unwrap();
}

/// Binds to a descriptor that is shut down, before or after, and says how often it is looked at.
fn bound_and_shut_down(listener: std::os::fd::OwnedFd, endpoint: &str, before: bool) {
    let pull = Ctx::new().socket(zmq::PULL);
    let monitor = Monitor::detached(&pull, zmq::EVENT_ACCEPT_FAILED);
    let ours = listener.try_clone().unwrap();
    // SAFETY: a descriptor of this process.
    let shut_down = || assert_eq!(unsafe { libc::shutdown(ours.as_raw_fd(), libc::SHUT_RD) }, 0);
    pull.set(zmq::USE_FD, listener.into_raw_fd()).unwrap();
    let begin = std::time::Instant::now();
    if before {
        shut_down();
        pull.bind(endpoint).unwrap();
    } else {
        pull.bind(endpoint).unwrap();
        shut_down();
    }
    for _ in 0..4 {
        assert_eq!(monitor.next().value, libc::EINVAL as u32);
    }
    // It is looked at ten times in a second: no machine is so fast that these come sooner.
    assert!(begin.elapsed() > std::time::Duration::from_millis(250), "{:?}", begin.elapsed());
}

#[test]
fn a_supplied_listener_that_is_shut_down_keeps_no_thread_busy() {
    ours_only!("it aborts");
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", tcp.local_addr().unwrap());
    bound_and_shut_down(tcp.into(), &endpoint, false);
    let endpoint = ipc_file();
    let path = endpoint.strip_prefix("ipc://").unwrap();
    // The kernel lets one of tcp listen no more then, and does not tell who waits for one of ipc.
    let ipc = std::os::unix::net::UnixListener::bind(path).unwrap();
    bound_and_shut_down(ipc.into(), &endpoint, true);
    std::fs::remove_file(path).unwrap();
}

// ---- Filters ----

/// Whether a peer gets in.
fn gets_in(transport: Transport, filter: impl Fn(&Sock)) -> bool {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    filter(&pull);
    let monitor = Monitor::detached(&pull, zmq::EVENT_ACCEPTED | zmq::EVENT_ACCEPT_FAILED);
    push.connect(&pull.bind_any(transport)).unwrap();
    monitor.next().event == zmq::EVENT_ACCEPTED
}

#[test]
fn a_tcp_filter_admits_its_networks_only() {
    let with = |filters: &'static [&str]| {
        gets_in(Transport::Tcp, |sock| {
            for filter in filters {
                sock.set_bytes(zmq::TCP_ACCEPT_FILTER, filter).unwrap();
            }
        })
    };
    assert!(with(&[]));
    assert!(with(&["127.0.0.1"]));
    assert!(with(&["10.0.0.0/8", "127.0.0.0/8"]), "any of them");
    assert!(!with(&["10.0.0.0/8"]));
    assert!(!with(&["127.0.0.2"]));
}

#[test]
fn an_ipc_filter_admits_its_credentials_only() {
    // SAFETY: integers only.
    let (pid, uid, gid) = unsafe { (libc::getpid(), libc::getuid() as i32, libc::getgid() as i32) };
    let with = |filters: Vec<(i32, i32)>| {
        gets_in(Transport::Ipc, move |sock| {
            for (option, id) in &filters {
                sock.set(*option, *id).unwrap();
            }
        })
    };
    assert!(with(vec![(zmq::IPC_FILTER_PID, pid)]));
    assert!(with(vec![(zmq::IPC_FILTER_UID, uid)]));
    assert!(with(vec![(zmq::IPC_FILTER_GID, gid)]));
    assert!(with(vec![(zmq::IPC_FILTER_PID, pid + 1), (zmq::IPC_FILTER_UID, uid)]), "any of them");
    assert!(!with(vec![(zmq::IPC_FILTER_PID, pid + 1)]));
    assert!(!with(vec![(zmq::IPC_FILTER_UID, uid + 1)]));
    assert!(!with(vec![(zmq::IPC_FILTER_GID, gid + 54_321)]));
}

// ---- The end of connecting ----

/// A DEALER that connects, with events from before the connect.
fn dealer(endpoint: &str, set: &[(i32, i32)]) -> (Sock, Monitor<'static>) {
    let dealer = Ctx::new().socket(zmq::DEALER);
    for (option, value) in set {
        dealer.set(*option, *value).unwrap();
    }
    let monitor = Monitor::detached(&dealer, zmq::EVENT_ALL);
    dealer.connect(endpoint).unwrap();
    (dealer, monitor)
}

/// The endpoint ends by itself, and is then no more one of the socket's.
#[track_caller]
fn ends(sock: &Sock, endpoint: &str) {
    wait::until("the pipe to go", || !sock.writable());
    assert_eq!(sock.disconnect(endpoint), Err(zmq::ENOENT));
}

/// An ipc endpoint that is a file.
fn ipc_file() -> String {
    let name = format!("conformance-{}-{}", std::process::id(), unique());
    format!("ipc://{}", std::env::temp_dir().join(name).display())
}

#[test]
fn a_refused_connect_is_the_last_if_reconnecting_stops_there() {
    let closed = RefusingPort::new();
    let (dealer, monitor) = dealer(&closed.endpoint(), &[(zmq::RECONNECT_STOP, 1)]);
    monitor.wait_for(zmq::EVENT_CLOSED);
    ends(&dealer, &closed.endpoint());
}

#[test]
fn a_connection_that_is_not_made_again_is_forgotten() {
    for interval in [-1, 0] {
        let server = RawListener::new();
        let (dealer, monitor) = dealer(&server.endpoint(), &[(zmq::RECONNECT_IVL, interval)]);
        let mut peer = server.accept();
        peer.handshake(0, "ROUTER", None);
        drop(peer);
        monitor.wait_for(zmq::EVENT_DISCONNECTED);
        ends(&dealer, &server.endpoint());
    }
}

#[test]
fn an_endpoint_that_was_never_reached_stays_until_it_is_disconnected() {
    let closed = RefusingPort::new();
    let (dealer, monitor) = dealer(&closed.endpoint(), &[(zmq::RECONNECT_IVL, -1)]);
    monitor.wait_for(zmq::EVENT_CLOSED);
    dealer.events();
    assert_eq!(dealer.disconnect(&closed.endpoint()), Ok(()));
    assert_eq!(dealer.disconnect(&closed.endpoint()), Err(zmq::ENOENT));
}

#[test]
fn a_lost_handshake_is_the_last_if_reconnecting_stops_there() {
    let server = RawListener::new();
    let (dealer, monitor) = dealer(&server.endpoint(), &[(zmq::RECONNECT_STOP, 2)]);
    drop(server.accept());
    monitor.wait_for(zmq::EVENT_DISCONNECTED);
    drop(server);
    // Nothing follows but the end of the monitor.
    drop(dealer);
    assert_eq!(monitor.next().event, zmq::EVENT_MONITOR_STOPPED);
}

#[test]
fn after_a_disconnect_a_refused_ipc_connect_is_the_last_if_reconnecting_stops_there() {
    ours_only!("4.3.4 has another number for it");
    // A file on which nobody listens any more refuses.
    let endpoint = ipc_file();
    let path = endpoint.strip_prefix("ipc://").unwrap();
    drop(std::os::unix::net::UnixListener::bind(path).unwrap());
    let (dealer, monitor) = dealer(&endpoint, &[(zmq::RECONNECT_STOP, 4), (zmq::RECONNECT_IVL, 10)]);
    monitor.wait_for(zmq::EVENT_CONNECT_RETRIED);
    monitor.wait_for(zmq::EVENT_CONNECT_RETRIED);
    let another = conformance::socket::inproc();
    dealer.connect(&another).unwrap();
    dealer.disconnect(&another).unwrap();
    ends(&dealer, &endpoint);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn no_reason_to_stop_reconnecting_stands_for_another() {
    let quick = (zmq::RECONNECT_IVL, 10);
    let refusing = RefusingPort::new();
    let (_refused, monitor) = dealer(&refusing.endpoint(), &[(zmq::RECONNECT_STOP, 2), quick]);
    monitor.wait_for(zmq::EVENT_CONNECT_RETRIED);
    monitor.wait_for(zmq::EVENT_CONNECT_RETRIED);
    let server = RawListener::new();
    let (_cut, monitor) = dealer(&server.endpoint(), &[(zmq::RECONNECT_STOP, 1), quick]);
    drop(server.accept());
    monitor.wait_for(zmq::EVENT_CONNECT_RETRIED);
    server.accept().handshake(0, "ROUTER", None);
    // A file on which nobody listens refuses as well, and is no tcp connection.
    let endpoint = ipc_file();
    let path = endpoint.strip_prefix("ipc://").unwrap();
    drop(std::os::unix::net::UnixListener::bind(path).unwrap());
    let (_unserved, monitor) = dealer(&endpoint, &[(zmq::RECONNECT_STOP, 3), quick]);
    monitor.wait_for(zmq::EVENT_CONNECT_RETRIED);
    monitor.wait_for(zmq::EVENT_CONNECT_RETRIED);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_connection_that_stood_is_made_again_whatever_stops_reconnecting() {
    let server = RawListener::new();
    let (dealer, _monitor) =
        dealer(&server.endpoint(), &[(zmq::RECONNECT_STOP, 3), (zmq::RECONNECT_IVL, 10)]);
    for body in ["first", "second"] {
        let mut peer = server.accept();
        peer.handshake(0, "ROUTER", None);
        dealer.send(body);
        assert_eq!(peer.take_frame(), (0, body.as_bytes().to_vec()));
    }
}

#[test]
fn a_connect_gives_up_after_its_timeout() {
    let stuck = StuckListener::new("127.0.0.1");
    let (_dealer, monitor) = dealer(&stuck.endpoint(), &[(zmq::CONNECT_TIMEOUT, 50)]);
    let events: Vec<i32> = (0..3).map(|_| monitor.next().event).collect();
    assert_eq!(events, [zmq::EVENT_CONNECT_DELAYED, zmq::EVENT_CLOSED, zmq::EVENT_CONNECT_RETRIED]);
}

#[test]
fn where_no_way_leads_is_tried_again_and_again() {
    // No connection goes to a group.
    let (_dealer, monitor) = dealer("tcp://239.255.7.9:5555", &[(zmq::RECONNECT_IVL, 5)]);
    for _ in 0..3 {
        monitor.wait_for(zmq::EVENT_CONNECT_RETRIED);
    }
}

// ---- Metadata ----

#[test]
fn metadata_reaches_the_peer() {
    let c = c_library!();
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    push.set_bytes(zmq::METADATA, "X-colour:blue").unwrap();
    push.set_bytes(zmq::METADATA, "X-colour:red").unwrap();
    join(&pull, &push, Transport::Tcp);
    push.send("hello");
    let mut message = conformance::c_api::RawMsg([0; 64]);
    c.zmq_msg_init(&raw mut message);
    assert_eq!(c.zmq_msg_recv(&raw mut message, pull.handle().0, 0), 5);
    let value = c.zmq_msg_gets(&raw const message, c"X-colour".as_ptr());
    assert!(!value.is_null());
    // SAFETY: a C string of the library, alive as long as the message.
    assert_eq!(unsafe { std::ffi::CStr::from_ptr(value) }, c"blue", "the first setting of a name wins");
    c.zmq_msg_close(&raw mut message);
}

// ---- Batches and copies ----

#[test]
fn batches_of_any_size_carry_everything() {
    ours_only!("4.3.4 does not know the batch sizes");
    for size in [1, 100, 8192, i32::MAX] {
        let ctx = Ctx::new();
        let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        for sock in [&pull, &push] {
            sock.set(zmq::IN_BATCH_SIZE, size).unwrap();
            sock.set(zmq::OUT_BATCH_SIZE, size).unwrap();
        }
        join(&pull, &push, Transport::Tcp);
        let large = vec![b'l'; if size == 1 { 1000 } else { 30_000 }];
        for _ in 0..10 {
            push.send(["small", "parts"]);
            push.send(large.as_slice());
        }
        for _ in 0..10 {
            pull.expect(["small", "parts"]);
            pull.expect(large.as_slice());
        }
    }
}

/// How far apart the bodies of two messages of 202 bytes on the wire lie in memory.
fn distance(ctx: &Ctx) -> Option<usize> {
    let c = conformance::subject().library()?;
    let pull = ctx.socket(zmq::PULL);
    let mut peer = RawListener::new().connect(&pull);
    peer.handshake(0, "PUSH", None);
    let frame = conformance::wire::frame(0, [b'x'; 200]);
    peer.send([frame.clone(), frame].concat());
    let mut messages = [const { conformance::c_api::RawMsg([0; 64]) }; 2];
    let places = messages.each_mut().map(|message| {
        c.zmq_msg_init(message);
        assert_eq!(c.zmq_msg_recv(message, pull.handle().0, 0), 200);
        c.zmq_msg_data(message) as usize
    });
    for message in &mut messages {
        c.zmq_msg_close(message);
    }
    Some(places[0].abs_diff(places[1]))
}

#[test]
fn received_messages_lie_in_the_read_buffer() {
    let _ = c_library!();
    assert_eq!(distance(&Ctx::new()), Some(202));
}

#[test]
fn without_zero_copy_each_received_message_has_memory_of_its_own() {
    let _ = c_library!();
    let ctx = Ctx::new();
    ctx.set(zmq::ZERO_COPY_RECV, 0).unwrap();
    // A block of its own is aligned.
    assert_eq!(distance(&ctx).unwrap() % 8, 0);
}

// ---- Threads ----

/// The names of this process's threads.
fn thread_names() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .map(|name| name.trim_end().to_owned())
        .collect()
}

#[test]
fn threads_are_named() {
    let ctx = Ctx::new();
    ctx.set(zmq::IO_THREADS, 2).unwrap();
    ctx.set(zmq::THREAD_NAME_PREFIX, 77).unwrap();
    let _sock = ctx.socket(zmq::PULL);
    wait::until("two I/O threads with their names", || {
        let names = thread_names();
        ["77/ZMQbg/IO/0", "77/ZMQbg/IO/1"].iter().all(|name| names.iter().any(|other| other == name))
    });
}

#[test]
fn threads_run_where_they_may() {
    // SAFETY: a plain bit set, filled by the call.
    let (mut set, size) = (unsafe { std::mem::zeroed::<libc::cpu_set_t>() }, size_of::<libc::cpu_set_t>());
    // SAFETY: pointer and length describe `set`.
    assert_eq!(unsafe { libc::sched_getaffinity(0, size, &raw mut set) }, 0);
    // SAFETY: the index is inside the set.
    let cpu = (0..1024).find(|cpu| unsafe { libc::CPU_ISSET(*cpu, &set) }).unwrap();
    let ctx = Ctx::new();
    ctx.set(zmq::THREAD_AFFINITY_CPU_ADD, cpu as i32).unwrap();
    ctx.set(zmq::THREAD_NAME_PREFIX, 4711).unwrap();
    let _sock = ctx.socket(zmq::PULL);
    wait::until("a thread on that processor only", || {
        let status =
            io_thread(4711).map(|tid| std::fs::read_to_string(format!("/proc/self/task/{tid}/status")));
        let allowed = format!("Cpus_allowed_list:\t{cpu}\n");
        status.is_some_and(|status| status.is_ok_and(|text| text.contains(&allowed)))
    });
}

#[test]
fn a_scheduling_policy_is_the_threads() {
    let ctx = Ctx::new();
    ctx.set(zmq::THREAD_SCHED_POLICY, libc::SCHED_BATCH).unwrap();
    ctx.set(zmq::THREAD_NAME_PREFIX, 4712).unwrap();
    assert_eq!(ctx.option(zmq::THREAD_SCHED_POLICY), Ok(libc::SCHED_BATCH));
    let _sock = ctx.socket(zmq::PULL);
    wait::until("a thread of that policy", || {
        // SAFETY: integers only.
        io_thread(4712).is_some_and(|tid| unsafe { libc::sched_getscheduler(tid) } == libc::SCHED_BATCH)
    });
}

/// The thread of a context with this prefix of names.
fn io_thread(prefix: i32) -> Option<i32> {
    std::fs::read_dir("/proc/self/task").unwrap().find_map(|task| {
        let path = task.ok()?.path();
        let comm = std::fs::read_to_string(path.join("comm")).ok()?;
        let tid = path.file_name()?.to_str()?.parse().ok()?;
        comm.starts_with(&format!("{prefix}/ZMQbg/IO")).then_some(tid)
    })
}

#[test]
fn a_priority_makes_the_threads_as_nice_as_can_be_or_is_refused() {
    ours_only!("it aborts the process without the privilege");
    let ctx = Ctx::new();
    ctx.set(zmq::THREAD_PRIORITY, 1).unwrap();
    ctx.set(zmq::THREAD_NAME_PREFIX, 4713).unwrap();
    // SAFETY: integers only.
    let niceness = |tid: i32| unsafe { libc::getpriority(libc::PRIO_PROCESS, tid as u32) };
    match ctx.try_socket(zmq::PULL) {
        Ok(_sock) => wait::until("a thread with that priority", || {
            io_thread(4713).is_some_and(|tid| niceness(tid) == -20)
        }),
        Err(refused) => assert!([zmq::EACCES, conformance::Errno(libc::EPERM)].contains(&refused)),
    }
}

#[test]
fn a_refused_thread_option_is_an_error() {
    ours_only!("it aborts the process");
    let ctx = Ctx::new();
    ctx.set(zmq::THREAD_SCHED_POLICY, 12_345).unwrap();
    assert_eq!(ctx.try_socket(zmq::PULL).err(), Some(zmq::EINVAL));
}
