//! The socket types of RFC 41 (CLIENT, SERVER), RFC 49 (SCATTER, GATHER) and RFC 52 (CHANNEL), over inproc: with the
//! functions that every build of libzmq has. What needs a build with the draft API is in `draft.rs`.

use std::path::Path;
use std::sync::mpsc;
use std::thread;

use conformance::c_api::NULL;
use conformance::msg::Msg;
use conformance::socket::{Ctx, PollItem, Sock, Transport, inproc, join, join_more, pair, poll};
use conformance::{c_library, differs, ours_only, wait, zmq};

const TYPES: [i32; 8] =
    [zmq::SERVER, zmq::CLIENT, zmq::RADIO, zmq::DISH, zmq::GATHER, zmq::SCATTER, zmq::PEER, zmq::CHANNEL];

/// Sends the next message that the SERVER receives back to where it came from.
fn echo(server: &Sock) {
    let lib = conformance::subject().library().expect("a C library");
    let mut msg = Msg::empty(lib);
    msg.recv(server, 0).expect("a request");
    msg.send(server, 0).expect("a reply");
}

#[test]
fn they_can_be_made_and_say_what_they_are() {
    let ctx = Ctx::new();
    for kind in TYPES {
        let sock = ctx.socket(kind);
        assert_eq!((sock.option(zmq::TYPE), sock.option(zmq::THREAD_SAFE)), (Ok(kind), Ok(1)));
    }
}

#[test]
fn they_have_no_descriptor() {
    let ctx = Ctx::new();
    for kind in TYPES {
        assert_eq!(ctx.socket(kind).option(zmq::FD), Err(zmq::EINVAL), "{kind}");
    }
}

#[test]
fn senders_refuse_multipart_messages() {
    let ctx = Ctx::new();
    for kind in [zmq::SERVER, zmq::CLIENT, zmq::RADIO, zmq::SCATTER, zmq::PEER, zmq::CHANNEL] {
        assert_eq!(ctx.socket(kind).send_frame("x", zmq::SNDMORE), Err(zmq::EINVAL), "{kind}");
    }
}

#[test]
fn those_that_only_send_cannot_receive() {
    let ctx = Ctx::new();
    for kind in [zmq::RADIO, zmq::SCATTER] {
        assert_eq!(ctx.socket(kind).recv_frame(zmq::DONTWAIT).err(), Some(zmq::ENOTSUP), "{kind}");
    }
}

#[test]
fn those_that_only_receive_cannot_send() {
    let ctx = Ctx::new();
    for kind in [zmq::DISH, zmq::GATHER] {
        assert_eq!(ctx.socket(kind).send_frame("x", zmq::DONTWAIT), Err(zmq::ENOTSUP), "{kind}");
    }
}

#[test]
fn without_a_peer_sending_would_block() {
    let ctx = Ctx::new();
    for kind in [zmq::CLIENT, zmq::SCATTER, zmq::CHANNEL] {
        assert_eq!(ctx.socket(kind).send_frame("x", zmq::DONTWAIT), Err(zmq::EAGAIN), "{kind}");
    }
}

#[test]
fn without_a_routing_id_a_server_or_peer_reaches_nobody() {
    let ctx = Ctx::new();
    for kind in [zmq::SERVER, zmq::PEER] {
        assert_eq!(ctx.socket(kind).send_frame("x", zmq::DONTWAIT), Err(zmq::EHOSTUNREACH), "{kind}");
    }
}

#[test]
fn without_a_message_receiving_would_block() {
    let ctx = Ctx::new();
    for kind in [zmq::SERVER, zmq::CLIENT, zmq::DISH, zmq::GATHER, zmq::PEER, zmq::CHANNEL] {
        assert_eq!(ctx.socket(kind).recv_frame(zmq::DONTWAIT).err(), Some(zmq::EAGAIN), "{kind}");
    }
}

#[test]
fn a_server_answers_a_client() {
    c_library!();
    let (server, client) = pair(zmq::SERVER, zmq::CLIENT, Transport::Inproc);
    client.send("hello");
    echo(&server);
    client.expect("hello");
}

#[test]
fn a_server_answers_each_client() {
    c_library!();
    let ctx = Ctx::new();
    let (server, a, b) = (ctx.socket(zmq::SERVER), ctx.socket(zmq::CLIENT), ctx.socket(zmq::CLIENT));
    let endpoint = join(&server, &a, Transport::Inproc);
    join_more(&server, &b, &endpoint);
    a.send("a");
    b.send("b");
    echo(&server);
    echo(&server);
    a.expect("a");
    b.expect("b");
}

#[test]
fn a_client_takes_its_servers_in_turn() {
    let ctx = Ctx::new();
    let (client, a, b) = (ctx.socket(zmq::CLIENT), ctx.socket(zmq::SERVER), ctx.socket(zmq::SERVER));
    let endpoint = join(&client, &a, Transport::Inproc);
    join_more(&client, &b, &endpoint);
    for _ in 0..4 {
        client.send("x");
    }
    assert_eq!((a.drain(), b.drain()), (2, 2));
}

#[test]
fn gather_collects_what_scatters_send() {
    let ctx = Ctx::new();
    let (gather, a, b) = (ctx.socket(zmq::GATHER), ctx.socket(zmq::SCATTER), ctx.socket(zmq::SCATTER));
    let endpoint = join(&gather, &a, Transport::Inproc);
    join_more(&gather, &b, &endpoint);
    a.send("a");
    gather.expect("a");
    b.send("b");
    gather.expect("b");
}

#[test]
fn scatter_takes_its_peers_in_turn() {
    let ctx = Ctx::new();
    let (scatter, a, b) = (ctx.socket(zmq::SCATTER), ctx.socket(zmq::GATHER), ctx.socket(zmq::GATHER));
    let endpoint = join(&scatter, &a, Transport::Inproc);
    join_more(&scatter, &b, &endpoint);
    for _ in 0..6 {
        scatter.send("x");
    }
    assert_eq!((a.drain(), b.drain()), (3, 3));
}

#[test]
fn channel_goes_both_ways() {
    let (a, b) = pair(zmq::CHANNEL, zmq::CHANNEL, Transport::Inproc);
    a.send("ping");
    b.expect("ping");
    b.send("pong");
    a.expect("pong");
}

/// Over inproc nobody compares socket types, so that any other may send several parts.
#[test]
fn messages_of_several_parts_are_dropped_whole() {
    for (kind, other) in [
        (zmq::GATHER, zmq::PUSH),
        (zmq::CHANNEL, zmq::PAIR),
        (zmq::SERVER, zmq::DEALER),
        (zmq::PEER, zmq::DEALER),
        (zmq::CLIENT, zmq::PUSH),
    ] {
        for binds in [true, false] {
            let (sock, sender) = if binds {
                pair(kind, other, Transport::Inproc)
            } else {
                let (sender, sock) = pair(other, kind, Transport::Inproc);
                (sock, sender)
            };
            sender.send(["two", "parts"]);
            sender.send("whole");
            sender.send(["now", "three", "parts"]);
            sender.send("whole too");
            sock.expect("whole");
            sock.expect("whole too");
            assert_eq!(sock.try_recv(), Err(zmq::EAGAIN), "{kind} of {other}");
        }
    }
}

#[test]
fn messages_of_several_parts_make_nothing_readable() {
    for (kind, other) in [
        (zmq::SERVER, zmq::DEALER),
        (zmq::CLIENT, zmq::PUSH),
        (zmq::GATHER, zmq::PUSH),
        (zmq::PEER, zmq::DEALER),
        (zmq::CHANNEL, zmq::PAIR),
    ] {
        let (sock, sender) = pair(kind, other, Transport::Inproc);
        sender.send(["two", "parts"]);
        let seen = differs!("messages_of_several_parts_make_nothing_readable", libzmq: true, ours: false);
        assert_eq!(sock.readable(), seen, "{kind}");
        sender.send("whole");
        assert!(sock.readable(), "{kind}");
        sock.expect("whole");
    }
}

#[test]
fn high_water_marks_hold() {
    let ctx = Ctx::new();
    let (gather, scatter) = (ctx.socket(zmq::GATHER), ctx.socket(zmq::SCATTER));
    gather.set(zmq::RCVHWM, 3).unwrap();
    scatter.set(zmq::SNDHWM, 2).unwrap();
    scatter.connect(&gather.bind_any(Transport::Inproc)).unwrap();
    assert_eq!(scatter.fill("x"), 5);
}

#[test]
fn a_timeout_ends_in_eagain() {
    let gather = Ctx::new().socket(zmq::GATHER);
    gather.set(zmq::RCVTIMEO, 20).unwrap();
    assert_eq!(gather.recv(), Err(zmq::EAGAIN));
}

#[test]
fn a_blocked_receive_wakes_for_a_message() {
    let ctx = Ctx::new();
    let (gather, scatter) = (ctx.socket(zmq::GATHER), ctx.socket(zmq::SCATTER));
    let endpoint = inproc();
    gather.bind(&endpoint).unwrap();
    scatter.connect(&endpoint).unwrap();
    let waiter = thread::spawn(move || gather.expect("x"));
    scatter.send("x");
    waiter.join().unwrap();
}

#[test]
fn shutdown_wakes_a_blocked_receive() {
    let ctx = Ctx::new();
    let gather = ctx.try_socket(zmq::GATHER).unwrap();
    let waiter = thread::spawn(move || gather.recv());
    ctx.shutdown().unwrap();
    assert_eq!(waiter.join().unwrap(), Err(zmq::ETERM));
}

#[test]
fn several_threads_may_send_on_one_socket() {
    let lib = c_library!();
    let (gather, scatter) = pair(zmq::GATHER, zmq::SCATTER, Transport::Inproc);
    let handle = scatter.handle();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            thread::spawn(move || {
                let socket = handle;
                for _ in 0..100 {
                    assert_eq!(lib.zmq_send(socket.0, b"x".as_ptr().cast(), 1, 0), 1);
                }
            })
        })
        .collect();
    for _ in 0..400 {
        gather.expect("x");
    }
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_call_for_several_parts_that_waits_keeps_no_other_thread_out() {
    let lib = c_library!();
    for (kind, receives) in [(zmq::SCATTER, false), (zmq::GATHER, true)] {
        let ctx = Ctx::new();
        let socket = ctx.socket(kind);
        let handle = socket.handle();
        let (tell, told) = mpsc::channel();
        let waiter = thread::spawn(move || {
            let socket = handle;
            tell.send(std::fs::read_link("/proc/thread-self").unwrap()).unwrap();
            let (mut part, mut count) = (libc::iovec { iov_base: NULL, iov_len: 0 }, 1);
            lib.check(if receives {
                lib.zmq_recviov(socket.0, &raw mut part, &raw mut count, 0)
            } else {
                lib.zmq_sendiov(socket.0, &raw mut part, 1, 0)
            })
        });
        let stat = Path::new("/proc").join(told.recv().unwrap()).join("stat");
        wait::until("a thread that sleeps", || std::fs::read_to_string(&stat).unwrap().contains(") S "));
        // Comes back only if the other thread is not in the way.
        assert_eq!(socket.option(zmq::TYPE), Ok(kind));
        ctx.shutdown().unwrap();
        assert_eq!(waiter.join().unwrap(), Err(zmq::ETERM), "{kind}");
    }
}

#[test]
fn zmq_poll_works_on_them() {
    ours_only!("the distribution's build refuses with EINVAL");
    let (gather, scatter) = pair(zmq::GATHER, zmq::SCATTER, Transport::Inproc);
    scatter.send("x");
    assert_eq!(poll(&mut [PollItem::socket(&gather, zmq::POLLIN)], 1000), Ok(1));
}

#[test]
fn they_work_over_tcp() {
    ours_only!("the distribution's build aborts in the handshake");
    for (a, b) in [(zmq::SERVER, zmq::CLIENT), (zmq::GATHER, zmq::SCATTER), (zmq::CHANNEL, zmq::CHANNEL)] {
        let (receiver, sender) = pair(a, b, Transport::Tcp);
        sender.send("x");
        receiver.expect("x");
    }
}
