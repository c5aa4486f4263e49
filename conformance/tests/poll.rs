//! `zmq_poll`, and the descriptor behind `ZMQ_FD`.

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::thread;

use conformance::c_api::{NULL, RawPollItem};
use conformance::socket::{Ctx, PollItem, Sock, Transport, inproc, join, join_more, pair, poll};
use conformance::{c_library, wait, zmq};

const IN: i16 = zmq::POLLIN as i16;
const OUT: i16 = zmq::POLLOUT as i16;
const ERR: i16 = zmq::POLLERR as i16;

fn pipeline() -> (Sock, Sock) {
    pair(zmq::PULL, zmq::PUSH, Transport::Inproc)
}

/// Whether the descriptor is readable now.
fn fd_readable(fd: i32) -> bool {
    let mut item = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // SAFETY: one valid item.
    unsafe { libc::poll(&raw mut item, 1, 0) == 1 }
}

// zmq_poll on sockets

#[test]
fn nothing_is_ready_without_a_message() {
    let (pull, _push) = pipeline();
    let mut items = [PollItem::socket(&pull, zmq::POLLIN)];
    items[0].revents = 7;
    assert_eq!(poll(&mut items, 0), Ok(0));
    assert_eq!(items[0].revents, 0, "cleared");
}

#[test]
fn a_message_makes_its_socket_readable() {
    let (pull, push) = pipeline();
    push.send("x");
    let mut items = [PollItem::socket(&pull, zmq::POLLIN | zmq::POLLOUT)];
    assert_eq!(poll(&mut items, -1), Ok(1));
    assert_eq!(items[0].revents, IN);
}

#[test]
fn a_message_stays_readable_until_it_is_read() {
    let (pull, push) = pipeline();
    push.send("x");
    for _ in 0..3 {
        assert_eq!(poll(&mut [PollItem::socket(&pull, zmq::POLLIN)], 0), Ok(1));
    }
    pull.expect("x");
    assert_eq!(poll(&mut [PollItem::socket(&pull, zmq::POLLIN)], 0), Ok(0));
}

#[test]
fn a_socket_with_room_is_writable() {
    let (_pull, push) = pipeline();
    let mut items = [PollItem::socket(&push, zmq::POLLIN | zmq::POLLOUT)];
    assert_eq!(poll(&mut items, -1), Ok(1));
    assert_eq!(items[0].revents, OUT);
}

#[test]
fn a_full_socket_is_not_writable() {
    let (_pull, push) = pipeline();
    push.fill("x");
    assert_eq!(poll(&mut [PollItem::socket(&push, zmq::POLLOUT)], 0), Ok(0));
}

#[test]
fn the_result_counts_the_ready_items() {
    let (pull, push) = pipeline();
    let (other, _other_push) = pipeline();
    push.send("x");
    let mut items = [
        PollItem::socket(&pull, zmq::POLLIN),
        PollItem::socket(&other, zmq::POLLIN),
        PollItem::socket(&push, zmq::POLLOUT),
    ];
    assert_eq!(poll(&mut items, -1), Ok(2));
    assert_eq!(items.map(|item| item.revents), [IN, 0, OUT]);
}

#[test]
fn an_item_without_events_is_never_ready() {
    let (pull, push) = pipeline();
    push.send("x");
    let mut items = [PollItem::socket(&pull, 0), PollItem::socket(&push, 0)];
    assert_eq!(poll(&mut items, 0), Ok(0));
}

#[test]
fn a_socket_may_be_listed_twice() {
    let (a, b) = pair(zmq::PAIR, zmq::PAIR, Transport::Inproc);
    b.send("x");
    let mut items = [PollItem::socket(&a, zmq::POLLIN), PollItem::socket(&a, zmq::POLLOUT)];
    assert_eq!(poll(&mut items, -1), Ok(2));
    assert_eq!(items.map(|item| item.revents), [IN, OUT]);
}

#[test]
fn errors_are_not_reported_for_sockets() {
    let (pull, push) = pipeline();
    push.send("x");
    let mut items = [PollItem::socket(&pull, zmq::POLLIN | zmq::POLLERR | zmq::POLLPRI)];
    assert_eq!(poll(&mut items, -1), Ok(1));
    assert_eq!(items[0].revents, IN);
}

#[test]
fn a_timeout_ends_with_nothing() {
    let (pull, _push) = pipeline();
    assert_eq!(poll(&mut [PollItem::socket(&pull, zmq::POLLIN)], 20), Ok(0));
}

#[test]
fn no_items_are_never_ready() {
    assert_eq!(poll(&mut [], 0), Ok(0));
    assert_eq!(poll(&mut [], 5), Ok(0));
}

#[test]
fn a_poll_wakes_when_a_message_arrives() {
    for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
        let (pull, push) = pair(zmq::PULL, zmq::PUSH, transport);
        let waiter = thread::spawn(move || {
            assert_eq!(poll(&mut [PollItem::socket(&pull, zmq::POLLIN)], -1), Ok(1));
            pull.expect("x");
        });
        push.send("x");
        waiter.join().unwrap();
    }
}

#[test]
fn a_poll_wakes_when_a_peer_comes() {
    let ctx = Ctx::new();
    let push = ctx.socket(zmq::PUSH);
    let endpoint = push.bind_any(Transport::Tcp);
    let waiter = thread::spawn(move || {
        assert_eq!(poll(&mut [PollItem::socket(&push, zmq::POLLOUT)], -1), Ok(1));
        push.send("x");
        push
    });
    let pull = ctx.socket(zmq::PULL);
    pull.connect(&endpoint).unwrap();
    pull.expect("x");
    drop(waiter.join().unwrap());
}

#[test]
fn a_poll_wakes_when_a_full_queue_reopens() {
    let (pull, push) = pipeline();
    push.fill("x");
    let waiter = thread::spawn(move || {
        assert_eq!(poll(&mut [PollItem::socket(&push, zmq::POLLOUT)], -1), Ok(1));
        push
    });
    assert_eq!(pull.drain(), 2000);
    drop(waiter.join().unwrap());
}

#[test]
fn many_sockets_can_be_polled() {
    let ctx = Ctx::new();
    let pulls: Vec<Sock> = (0..100).map(|_| ctx.socket(zmq::PULL)).collect();
    let push = ctx.socket(zmq::PUSH);
    for pull in &pulls {
        pull.bind_any(Transport::Inproc);
    }
    join_more(&pulls[57], &push, &pulls[57].last_endpoint());
    push.send("x");
    let mut items: Vec<PollItem<'_>> = pulls.iter().map(|pull| PollItem::socket(pull, zmq::POLLIN)).collect();
    assert_eq!(poll(&mut items, -1), Ok(1));
    assert_eq!(items.iter().position(|item| item.revents == IN), Some(57));
}

#[test]
fn a_message_that_does_not_match_does_not_make_a_subscriber_readable() {
    let (publisher, sub) = pair(zmq::PUB, zmq::SUB, Transport::Inproc);
    sub.subscribe("A");
    publisher.events();
    publisher.send("B");
    assert_eq!(poll(&mut [PollItem::socket(&sub, zmq::POLLIN)], 0), Ok(0));
}

#[test]
fn a_stopped_context_is_eterm() {
    let ctx = Ctx::new();
    let sock = ctx.socket(zmq::PULL);
    ctx.shutdown().unwrap();
    assert_eq!(poll(&mut [PollItem::socket(&sock, zmq::POLLIN)], -1), Err(zmq::ETERM));
}

// Bad arguments

#[test]
fn a_negative_count_is_einval() {
    let lib = c_library!();
    let mut item = RawPollItem { socket: NULL, fd: -1, events: IN, revents: 0 };
    assert_eq!(lib.check(lib.zmq_poll(&raw mut item, -1, 0)), Err(zmq::EINVAL));
}

#[test]
fn null_items_are_efault() {
    let lib = c_library!();
    assert_eq!(lib.check(lib.zmq_poll(std::ptr::null_mut(), 1, 0)), Err(zmq::EFAULT));
}

#[test]
fn something_that_is_no_socket_is_enotsock_and_leaves_the_items_alone() {
    let lib = c_library!();
    let mut memory = [0_u64; 2000];
    let mut item = RawPollItem { socket: memory.as_mut_ptr().cast(), fd: 0, events: IN, revents: 77 };
    assert_eq!(lib.check(lib.zmq_poll(&raw mut item, 1, 0)), Err(zmq::ENOTSOCK));
    assert_eq!(item.revents, 77);
}

// zmq_poll on descriptors

#[test]
fn a_descriptor_is_polled_for_reading_and_writing() {
    let (a, b) = UnixStream::pair().unwrap();
    let mut items = [PollItem::fd(a.as_raw_fd(), zmq::POLLIN | zmq::POLLOUT)];
    assert_eq!(poll(&mut items, -1), Ok(1));
    assert_eq!(items[0].revents, OUT);
    std::io::Write::write_all(&mut &b, b"x").unwrap();
    assert_eq!(poll(&mut items, -1), Ok(1));
    assert_eq!(items[0].revents, IN | OUT);
}

#[test]
fn a_quiet_descriptor_is_not_ready() {
    let (a, _b) = UnixStream::pair().unwrap();
    assert_eq!(poll(&mut [PollItem::fd(a.as_raw_fd(), zmq::POLLIN)], 0), Ok(0));
    assert_eq!(poll(&mut [PollItem::fd(a.as_raw_fd(), 0)], 0), Ok(0));
}

#[test]
fn a_hang_up_is_an_error_even_unasked() {
    let (a, b) = UnixStream::pair().unwrap();
    drop(b);
    let mut items = [PollItem::fd(a.as_raw_fd(), zmq::POLLIN)];
    assert_eq!(poll(&mut items, -1), Ok(1));
    assert_eq!(items[0].revents, IN | ERR);
}

#[test]
fn a_descriptor_that_is_not_open_is_an_error() {
    c_library!();
    // No process has so many.
    let mut items = [PollItem::fd(1_000_000_000, zmq::POLLIN)];
    assert_eq!(poll(&mut items, -1), Ok(1));
    assert_eq!(items[0].revents, ERR);
}

#[test]
fn descriptor_minus_1_is_ignored() {
    c_library!();
    assert_eq!(poll(&mut [PollItem::fd(-1, zmq::POLLIN)], 0), Ok(0));
}

#[test]
fn a_socket_wins_over_a_descriptor() {
    let (pull, push) = pipeline();
    let (a, b) = UnixStream::pair().unwrap();
    std::io::Write::write_all(&mut &b, b"x").unwrap();
    let mut items = [PollItem { fd: a.as_raw_fd(), ..PollItem::socket(&pull, zmq::POLLIN) }];
    assert_eq!(poll(&mut items, 0), Ok(0));
    push.send("x");
    assert_eq!(poll(&mut items, 0), Ok(1));
}

#[test]
fn sockets_and_descriptors_can_be_polled_together() {
    let (pull, push) = pair(zmq::PULL, zmq::PUSH, Transport::Tcp);
    let (a, b) = UnixStream::pair().unwrap();
    let mut items = [PollItem::socket(&pull, zmq::POLLIN), PollItem::fd(a.as_raw_fd(), zmq::POLLIN)];
    assert_eq!(poll(&mut items, 0), Ok(0));
    std::io::Write::write_all(&mut &b, b"x").unwrap();
    assert_eq!(poll(&mut items, -1), Ok(1));
    assert_eq!((items[0].revents, items[1].revents), (0, IN));
    push.send("x");
    pull.wait_readable();
    assert_eq!(poll(&mut items, -1), Ok(2));
    assert_eq!((items[0].revents, items[1].revents), (IN, IN));
}

#[test]
fn a_descriptor_wakes_a_poll_on_sockets() {
    let (pull, _push) = pair(zmq::PULL, zmq::PUSH, Transport::Tcp);
    let (a, b) = UnixStream::pair().unwrap();
    let waiter = thread::spawn(move || {
        let mut items = [PollItem::socket(&pull, zmq::POLLIN), PollItem::fd(a.as_raw_fd(), zmq::POLLIN)];
        let result = poll(&mut items, -1);
        (result, items[1].revents)
    });
    std::io::Write::write_all(&mut &b, b"x").unwrap();
    assert_eq!(waiter.join().unwrap(), (Ok(1), IN));
}

// ZMQ_FD

/// PULL with its descriptor, quiet, and a PUSH connected to it.
fn with_fd(transport: Transport) -> (Sock, i32, Sock) {
    let (pull, push) = pair(zmq::PULL, zmq::PUSH, transport);
    let fd = pull.option(zmq::FD).unwrap();
    // The descriptor is of use from the first look at the events on.
    while fd_readable(fd) {
        pull.events();
    }
    assert_eq!(pull.events(), 0);
    (pull, fd, push)
}

#[test]
fn the_descriptor_fires_when_a_message_arrives() {
    for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
        let (pull, fd, push) = with_fd(transport);
        assert!(!fd_readable(fd));
        push.send("x");
        wait::until("the descriptor to fire", || fd_readable(fd));
        assert_eq!(pull.events(), zmq::POLLIN);
        pull.expect("x");
    }
}

#[test]
fn the_descriptor_is_quiet_after_a_look_at_the_events_though_messages_are_unread() {
    let (pull, fd, push) = with_fd(Transport::Inproc);
    push.send("one");
    push.send("two");
    assert!(fd_readable(fd));
    assert_eq!(pull.events(), zmq::POLLIN);
    assert!(!fd_readable(fd));
    pull.expect("one");
    assert!(!fd_readable(fd));
    assert_eq!(pull.events(), zmq::POLLIN);
}

#[test]
fn the_descriptor_stays_quiet_for_new_messages_until_all_are_read() {
    let (pull, fd, push) = with_fd(Transport::Inproc);
    push.send("one");
    assert_eq!(pull.events(), zmq::POLLIN);
    push.send("two");
    assert!(!fd_readable(fd));
    pull.expect("one");
    push.send("three");
    assert!(!fd_readable(fd));
    assert_eq!(pull.drain(), 2);
    push.send("four");
    assert!(fd_readable(fd));
    pull.expect("four");
}

#[test]
fn the_descriptor_stays_readable_until_the_socket_is_asked() {
    let (pull, fd, push) = with_fd(Transport::Inproc);
    push.send("x");
    for _ in 0..3 {
        assert!(fd_readable(fd));
    }
    pull.events();
    assert!(!fd_readable(fd));
}

#[test]
fn a_failed_receive_quiets_the_descriptor_too() {
    let (pull, fd, push) = with_fd(Transport::Inproc);
    push.send("x");
    assert!(fd_readable(fd));
    pull.expect("x");
    assert_eq!(pull.try_recv(), Err(zmq::EAGAIN));
    assert!(!fd_readable(fd));
    assert_eq!(pull.events(), 0);
}

#[test]
fn the_descriptor_fires_when_a_full_queue_reopens() {
    let (pull, push) = pipeline();
    let fd = push.option(zmq::FD).unwrap();
    push.fill("x");
    assert_eq!(push.events(), 0);
    assert!(!fd_readable(fd));
    pull.drain();
    assert!(fd_readable(fd));
    assert_eq!(push.events(), zmq::POLLOUT);
}

#[test]
fn the_descriptor_fires_when_a_peer_comes() {
    let ctx = Ctx::new();
    let push = ctx.socket(zmq::PUSH);
    let endpoint = push.bind_any(Transport::Tcp);
    let fd = push.option(zmq::FD).unwrap();
    assert_eq!(push.events(), 0);
    let pull = ctx.socket(zmq::PULL);
    pull.connect(&endpoint).unwrap();
    wait::until("the descriptor to fire", || fd_readable(fd));
    wait::until("the socket to be writable", || push.writable());
}

#[test]
fn the_descriptor_fires_when_the_context_is_shut_down() {
    let (pull, fd, _push) = with_fd(Transport::Inproc);
    pull.ctx().shutdown().unwrap();
    wait::until("the descriptor to fire", || fd_readable(fd));
    assert_eq!(pull.option(zmq::EVENTS), Err(zmq::ETERM));
}

/// Receives `count` messages, waiting only for the descriptor, as an event loop does.
fn event_loop(pull: &Sock, count: u32) {
    let fd = pull.option(zmq::FD).unwrap();
    let mut next = 0_u32;
    loop {
        while pull.events() & zmq::POLLIN != 0 {
            let message = pull.try_recv().unwrap();
            assert_eq!(message[0], next.to_be_bytes());
            next += 1;
        }
        if next == count {
            return;
        }
        let mut item = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: one valid item.
        let ready = unsafe { libc::poll(&raw mut item, 1, 10_000) };
        assert_eq!(ready, 1, "the descriptor did not fire after {next} messages");
    }
}

#[test]
fn an_event_loop_on_the_descriptor_gets_every_message() {
    for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
        let (pull, push) = pair(zmq::PULL, zmq::PUSH, transport);
        let sender = thread::spawn(move || {
            for i in 0..20_000_u32 {
                push.send(&i.to_be_bytes());
            }
            push
        });
        event_loop(&pull, 20_000);
        drop(sender.join().unwrap());
    }
}

#[test]
fn an_event_loop_before_the_connection_gets_every_message() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let endpoint = inproc();
    push.connect(&endpoint).unwrap();
    for i in 0..10_u32 {
        push.send(&i.to_be_bytes());
    }
    pull.bind(&endpoint).unwrap();
    event_loop(&pull, 10);
}

#[test]
fn two_sockets_have_two_descriptors() {
    let ctx = Ctx::new();
    let (a, b) = (ctx.socket(zmq::PAIR), ctx.socket(zmq::PAIR));
    assert_ne!(a.option(zmq::FD), b.option(zmq::FD));
    join(&a, &b, Transport::Inproc);
}
