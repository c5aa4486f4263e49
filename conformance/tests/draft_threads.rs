//! Many threads on one socket, for each type that allows it: nothing is lost, doubled or torn, and a thread that waits
//! keeps nobody out.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};

use conformance::c_api::{Handle, Library, RawPollItem};
use conformance::draft::Draft;
use conformance::msg::Msg;
use conformance::signals::{Handler, interrupted};
use conformance::socket::{Ctx, Sock, Transport, join, pair};
use conformance::way::{GROUP, WAYS, Way};
use conformance::{c_library, draft, ours_only, wait, zmq};

/// On each side.
const THREADS: u32 = 8;
/// Of each thread that sends.
const MESSAGES: u32 = 300;
/// The most bytes of a message.
const LONGEST: usize = 10_000;
/// Tells one of the threads that receive that it is done.
const STOP: u32 = u32::MAX;

/// A message that shows if it is torn: its number over and over, in a length of its own.
fn body(number: u32) -> Vec<u8> {
    let words = match number % 7 {
        0 => LONGEST / 4,
        1 => 100,
        few => few as usize,
    };
    number.to_be_bytes().repeat(words)
}

/// The number of a whole message.
#[track_caller]
fn number(bytes: &[u8]) -> u32 {
    let number = u32::from_be_bytes(bytes[..4].try_into().expect("four bytes"));
    assert!(bytes == body(number), "torn: {number}, {} bytes", bytes.len());
    number
}

fn numbers() -> BTreeSet<u32> {
    (0..THREADS * MESSAGES).collect()
}

fn send(lib: &Library, socket: Handle, bytes: &[u8]) {
    assert_eq!(lib.check(lib.zmq_send(socket.0, bytes.as_ptr().cast(), bytes.len(), 0)), Ok(bytes.len()));
}

fn receive(lib: &Library, socket: Handle) -> Vec<u8> {
    let mut buffer = vec![0; LONGEST];
    let size =
        lib.check(lib.zmq_recv(socket.0, buffer.as_mut_ptr().cast(), buffer.len(), 0)).expect("a message");
    buffer.truncate(size);
    buffer
}

/// Threads that send all numbers.
fn senders(send: impl Fn(Vec<u8>) + Clone + Send + 'static) -> Vec<JoinHandle<()>> {
    (0..THREADS)
        .map(|thread| {
            let send = send.clone();
            thread::spawn(move || (0..MESSAGES).for_each(|i| send(body(thread * MESSAGES + i))))
        })
        .collect()
}

/// Threads that receive until they are told to stop; all that they got.
fn receivers(receive: impl Fn() -> Vec<u8> + Clone + Send + 'static) -> Vec<JoinHandle<Vec<u32>>> {
    (0..THREADS)
        .map(|_| {
            let receive = receive.clone();
            thread::spawn(move || {
                std::iter::repeat_with(|| number(&receive())).take_while(|number| *number != STOP).collect()
            })
        })
        .collect()
}

/// Every number came once.
#[track_caller]
fn assert_all(receivers: Vec<JoinHandle<Vec<u32>>>) {
    let got: Vec<u32> = receivers.into_iter().flat_map(|thread| thread.join().expect("a receiver")).collect();
    assert_eq!(got.len(), numbers().len(), "doubled, or lost");
    assert_eq!(got.into_iter().collect::<BTreeSet<_>>(), numbers());
}

/// Sends all numbers one way, from many threads to many.
fn one_way(lib: &'static Library, from: Handle, to: Handle) {
    let receivers = receivers(move || receive(lib, to));
    let senders = senders(move |bytes| send(lib, from, &bytes));
    senders.into_iter().for_each(|thread| thread.join().expect("a sender"));
    (0..THREADS).for_each(|_| send(lib, from, &body(STOP)));
    assert_all(receivers);
}

/// Receives after a poll, or after waits for a moment only, in turn.
fn impatiently(lib: &Library, to: Handle, turn: &AtomicU32) -> Vec<u8> {
    let mut buffer = vec![0; LONGEST];
    loop {
        let flags = if turn.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            let mut item = RawPollItem { socket: to.0, fd: 0, events: 1, revents: 0 };
            assert!(lib.check(lib.zmq_poll(&raw mut item, 1, 5)).is_ok());
            zmq::DONTWAIT
        } else {
            0
        };
        match lib.check(lib.zmq_recv(to.0, buffer.as_mut_ptr().cast(), buffer.len(), flags)) {
            Ok(size) => return buffer[..size].to_vec(),
            Err(e) => assert_eq!(e, zmq::EAGAIN),
        }
    }
}

mod scenario {
    use super::*;

    pub(crate) fn scatter_and_gather(transport: Transport) {
        ours_only!("the distribution's build aborts in the handshake");
        let lib = c_library!();
        let (gather, scatter) = pair(zmq::GATHER, zmq::SCATTER, transport);
        one_way(lib, scatter.handle(), gather.handle());
    }

    pub(crate) fn channels_both_ways_at_once(transport: Transport) {
        ours_only!("the distribution's build aborts in the handshake");
        let lib = c_library!();
        let (a, b) = pair(zmq::CHANNEL, zmq::CHANNEL, transport);
        let (a, b) = ((a.handle(), a), (b.handle(), b));
        let there = thread::spawn({
            let (from, to) = (a.0, b.0);
            move || one_way(lib, from, to)
        });
        one_way(lib, b.0, a.0);
        there.join().expect("the other way");
    }

    /// Many threads ask, many answer, and many read the answers, all at once.
    pub(crate) fn clients_and_servers(transport: Transport) {
        let draft = draft!();
        let lib = draft.library();
        let (server, client) = pair(zmq::SERVER, zmq::CLIENT, transport);
        let (server, client) = ((server.handle(), server), (client.handle(), client));
        let answers = receivers({
            let client = client.0;
            move || receive(lib, client)
        });
        let servers = echoing(draft, server.0);
        let clients = senders({
            let client = client.0;
            move |bytes| send(lib, client, &bytes)
        });
        clients.into_iter().for_each(|thread| thread.join().expect("a client"));
        (0..THREADS).for_each(|_| send(lib, client.0, &body(STOP)));
        // Its answer may overtake others between the threads of the server, so it is not sent back.
        servers.into_iter().for_each(|thread| thread.join().expect("a server"));
        let mut last = Msg::copy_of(lib, body(0));
        send(lib, client.0, b"who am I");
        last.recv(&server.1, 0).expect("a number");
        let number = draft.routing_id(&mut last);
        (0..THREADS).for_each(|_| draft.send_to(&server.1, number, body(STOP), 0).expect("room"));
        assert_all(answers);
    }

    pub(crate) fn peers(transport: Transport) {
        let draft = draft!();
        let lib = draft.library();
        let ctx = Ctx::new();
        let (a, b) = (ctx.socket(zmq::PEER), ctx.socket(zmq::PEER));
        let endpoint = b.bind_any(transport);
        let number = draft.connect_peer(&a, &endpoint).unwrap();
        let (from, to) = (a.handle(), b.handle());
        let receivers = receivers(move || receive(lib, to));
        let senders = senders(move |bytes| {
            let from = from;
            let mut msg = Msg::copy_of(lib, bytes);
            draft.set_routing_id(&mut msg, number).unwrap();
            lib.check(lib.zmq_msg_send(msg.raw(), from.0, 0)).expect("room");
        });
        senders.into_iter().for_each(|thread| thread.join().expect("a sender"));
        (0..THREADS).for_each(|_| draft.send_to(&a, number, body(STOP), 0).expect("room"));
        assert_all(receivers);
    }

    pub(crate) fn radio_and_dish(transport: Transport) {
        let draft = draft!();
        let lib = draft.library();
        let ctx = Ctx::new();
        let (radio, dish) = (ctx.socket(zmq::RADIO), ctx.socket(zmq::DISH));
        radio.set(zmq::XPUB_NODROP, 1).unwrap();
        draft.join(&dish, "group").unwrap();
        draft.join(&dish, "joined").unwrap();
        join(&radio, &dish, transport);
        wait::until("a message to the group", || {
            draft.send_to_group(&radio, "joined", "-", 0).unwrap();
            draft.recv_group(&dish, zmq::DONTWAIT).is_ok()
        });
        draft.leave(&dish, "joined").unwrap();
        let (from, to) = (radio.handle(), dish.handle());
        let receivers = receivers(move || receive(lib, to));
        let senders = senders(move |bytes| {
            let from = from;
            let mut msg = Msg::copy_of(lib, bytes);
            draft.set_group(&mut msg, "group").unwrap();
            lib.check(lib.zmq_msg_send(msg.raw(), from.0, 0)).expect("room");
        });
        senders.into_iter().for_each(|thread| thread.join().expect("a sender"));
        (0..THREADS).for_each(|_| draft.send_to_group(&radio, "group", body(STOP), 0).expect("room"));
        assert_all(receivers);
    }

    /// With queues so short that both sides wait all the time.
    pub(crate) fn nothing_is_lost_between_short_queues(transport: Transport) {
        let draft = draft!();
        let lib = draft.library();
        for kinds in WAYS {
            let way = Way::new(draft, kinds, transport, Way::narrow);
            way.to.set(zmq::RCVTIMEO, 2).unwrap();
            let (from, to, number) = (way.from.handle(), way.to.handle(), way.number);
            let turn = Arc::new(AtomicU32::new(0));
            let receivers = receivers(move || impatiently(lib, to, &turn));
            let send = move |bytes: Vec<u8>| {
                let from = from;
                let mut msg = Msg::copy_of(lib, bytes);
                if let Some(number) = number {
                    draft.set_routing_id(&mut msg, number).unwrap();
                }
                if kinds.0 == zmq::RADIO {
                    draft.set_group(&mut msg, GROUP).unwrap();
                }
                lib.check(lib.zmq_msg_send(msg.raw(), from.0, 0)).expect("room");
            };
            let senders = senders(send);
            senders.into_iter().for_each(|thread| thread.join().expect("a sender"));
            (0..THREADS).for_each(|_| send(body(STOP)));
            assert_all(receivers);
        }
    }
}

conformance::on_each_transport!(
    scatter_and_gather,
    channels_both_ways_at_once,
    clients_and_servers,
    peers,
    radio_and_dish,
    nothing_is_lost_between_short_queues,
);

/// Threads that send back what they receive, until they are told to stop.
fn echoing(draft: Draft, server: Handle) -> Vec<JoinHandle<()>> {
    (0..THREADS)
        .map(|_| {
            thread::spawn(move || {
                let (server, lib) = (server, draft.library());
                loop {
                    let mut msg = Msg::empty(lib);
                    lib.check(lib.zmq_msg_recv(msg.raw(), server.0, 0)).expect("a request");
                    if number(&msg.body()) == STOP {
                        return;
                    }
                    lib.check(lib.zmq_msg_send(msg.raw(), server.0, 0)).expect("room");
                }
            })
        })
        .collect()
}

#[test]
fn many_threads_poll_receive_and_send_at_once() {
    ours_only!("the distribution's build cannot poll them");
    let lib = c_library!();
    let (gather, scatter) = pair(zmq::GATHER, zmq::SCATTER, Transport::Tcp);
    let (from, to) = (scatter.handle(), gather.handle());
    let receivers = receivers(move || {
        let to = to;
        loop {
            let mut item = RawPollItem { socket: to.0, fd: 0, events: 1, revents: 0 };
            assert_eq!(lib.check(lib.zmq_poll(&raw mut item, 1, i64::from(wait::PATIENCE_MS))), Ok(1));
            let mut buffer = vec![0; LONGEST];
            // Somebody else may have been faster.
            match lib.check(lib.zmq_recv(to.0, buffer.as_mut_ptr().cast(), buffer.len(), zmq::DONTWAIT)) {
                Ok(size) => break buffer[..size].to_vec(),
                Err(e) => assert_eq!(e, zmq::EAGAIN),
            }
        }
    });
    let senders = senders(move |bytes| send(lib, from, &bytes));
    senders.into_iter().for_each(|thread| thread.join().expect("a sender"));
    (0..THREADS).for_each(|_| send(lib, from, &body(STOP)));
    assert_all(receivers);
}

#[test]
fn sockets_come_and_go_while_others_send() {
    ours_only!("the distribution's build aborts in the handshake");
    let lib = c_library!();
    let ctx = Ctx::new();
    let (gather, scatter) = (ctx.socket(zmq::GATHER), ctx.socket(zmq::SCATTER));
    let endpoint = join(&gather, &scatter, Transport::Tcp);
    let (from, to) = (scatter.handle(), gather.handle());
    let receivers = receivers(move || receive(lib, to));
    let senders = senders(move |bytes| send(lib, from, &bytes));
    for i in 0..20 {
        let further = ctx.socket(zmq::SCATTER);
        further.connect(&endpoint).unwrap();
        gather.set(zmq::RCVHWM, 100 + i).unwrap();
        gather.events();
        further.close().unwrap();
    }
    senders.into_iter().for_each(|thread| thread.join().expect("a sender"));
    (0..THREADS).for_each(|_| send(lib, from, &body(STOP)));
    assert_all(receivers);
}

/// What a free function is to do, and what came of it.
struct FromWithin {
    lib: &'static Library,
    socket: Handle,
    result: Option<conformance::subject::Result<usize>>,
}

extern "C" fn send_from_within(_: *mut std::ffi::c_void, hint: *mut std::ffi::c_void) {
    // SAFETY: the test passes this, and looks at it when the message is gone.
    let within = unsafe { &mut *hint.cast::<FromWithin>() };
    let lib = within.lib;
    within.result = Some(lib.check(lib.zmq_send(within.socket.0, b"x".as_ptr().cast(), 1, zmq::DONTWAIT)));
}

#[test]
fn a_free_function_that_uses_the_socket_is_refused() {
    ours_only!("a libzmq may hang");
    let lib = c_library!();
    // Nobody listens: the message goes within the call.
    let radio = Ctx::new().socket(zmq::RADIO);
    let mut within = FromWithin { lib, socket: radio.handle(), result: None };
    let hint = (&raw mut within).cast();
    let mut body = [7; 100];
    let mut msg = Msg::around(lib, body.as_mut_ptr().cast(), body.len(), Some(send_from_within), hint);
    assert_eq!(msg.send(&radio, 0), Ok(100));
    assert_eq!(within.result, Some(Err(zmq::EFSM)));
    radio.send("and goes on");
}

// A thread that waits

/// A thread that waits for a message; what it got.
fn waiting(lib: &'static Library, socket: &Sock) -> JoinHandle<conformance::subject::Result<usize>> {
    let handle = socket.handle();
    thread::spawn(move || {
        let handle = handle;
        lib.check(lib.zmq_recv(handle.0, std::ptr::null_mut(), 0, 0))
    })
}

#[test]
fn a_thread_that_waits_keeps_no_other_from_sending() {
    ours_only!("the distribution's build aborts in the handshake");
    let lib = c_library!();
    for transport in [Transport::Tcp, Transport::Inproc] {
        let (a, b) = pair(zmq::CHANNEL, zmq::CHANNEL, transport);
        let waiter = waiting(lib, &a);
        for i in 0..100 {
            a.send(format!("{i}"));
            b.expect(format!("{i}"));
        }
        assert!(!waiter.is_finished());
        assert_eq!(a.try_recv(), Err(zmq::EAGAIN));
        b.send("at last");
        assert_eq!(waiter.join().unwrap(), Ok(7));
    }
}

#[test]
fn each_message_wakes_a_thread() {
    ours_only!("the distribution's build aborts in the handshake");
    let lib = c_library!();
    for transport in [Transport::Tcp, Transport::Inproc] {
        let (gather, scatter) = pair(zmq::GATHER, zmq::SCATTER, transport);
        for _ in 0..20 {
            let waiters: Vec<_> = (0..4).map(|_| waiting(lib, &gather)).collect();
            (0..4).for_each(|_| scatter.send("x"));
            for waiter in waiters {
                assert_eq!(waiter.join().unwrap(), Ok(1));
            }
        }
    }
}

#[test]
fn a_new_peer_wakes_a_thread_that_waits_to_send() {
    ours_only!("the distribution's build aborts in the handshake");
    let lib = c_library!();
    for transport in [Transport::Tcp, Transport::Inproc] {
        let ctx = Ctx::new();
        let (scatter, gather) = (ctx.socket(zmq::SCATTER), ctx.socket(zmq::GATHER));
        let endpoint = gather.bind_any(transport);
        let handle = scatter.handle();
        let sender = thread::spawn(move || send(lib, handle, b"x"));
        scatter.connect(&endpoint).unwrap();
        sender.join().unwrap();
        gather.expect("x");
    }
}

#[test]
fn room_wakes_every_thread_that_waits_for_it() {
    ours_only!("the distribution's build aborts in the handshake");
    let lib = c_library!();
    let ctx = Ctx::new();
    let (scatter, gather) = (ctx.socket(zmq::SCATTER), ctx.socket(zmq::GATHER));
    scatter.set(zmq::SNDHWM, 1).unwrap();
    gather.set(zmq::RCVHWM, 1).unwrap();
    join(&gather, &scatter, Transport::Inproc);
    let full = scatter.fill("x");
    let handle = scatter.handle();
    let senders: Vec<_> = (0..8).map(|_| thread::spawn(move || send(lib, handle, b"x"))).collect();
    for _ in 0..full + 8 {
        gather.expect("x");
    }
    senders.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn a_signal_ends_a_wait() {
    ours_only!("a libzmq waits on");
    let lib = c_library!();
    for handler in [Handler::Plain, Handler::Restarting] {
        let gather = Ctx::new().try_socket(zmq::GATHER).unwrap();
        let handle = gather.handle();
        let ended = interrupted(handler, move || {
            let handle = handle;
            lib.check(lib.zmq_recv(handle.0, std::ptr::null_mut(), 0, 0))
        });
        assert_eq!(ended, Err(zmq::EINTR), "{handler:?}");
    }
}
