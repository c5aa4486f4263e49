//! Eight threads blocked on one socket, in receiving or in sending: whatever ends the socket ends every one of the waits,
//! and who gives up by itself takes nothing from the others.

use std::path::Path;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};

use conformance::msg::Msg;
use conformance::socket::Transport;
use conformance::subject::{Errno, Result};
use conformance::way::{GROUP, WAYS, Way};
use conformance::{draft, wait, zmq};

const THREADS: usize = 8;

/// What fills a queue of small limits.
static LARGE: [u8; 200_000] = [7; 200_000];

/// Threads that are blocked in a call.
struct Blocked(Vec<JoinHandle<Result<usize>>>);

impl Blocked {
    /// Returns once all are asleep.
    fn new(call: impl FnOnce() -> Result<usize> + Clone + Send + 'static) -> Self {
        let (tell, told) = mpsc::channel();
        let threads = (0..THREADS).map(|_| {
            let (tell, call) = (tell.clone(), call.clone());
            thread::spawn(move || {
                let own = std::fs::read_link("/proc/thread-self").expect("a thread");
                tell.send(Path::new("/proc").join(own).join("stat")).expect("the test");
                call()
            })
        });
        let blocked = Self(threads.collect());
        for stat in told.iter().take(THREADS) {
            wait::until("a thread that sleeps", || {
                let asleep = std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") S "));
                asleep || blocked.0.iter().any(JoinHandle::is_finished)
            });
        }
        blocked
    }

    #[track_caller]
    fn expect(self, error: Errno, what: (i32, i32)) {
        for thread in self.0 {
            assert_eq!(thread.join().expect("a thread"), Err(error), "{what:?}");
        }
    }
}

/// Threads that wait for a message.
fn receivers(way: &Way) -> Blocked {
    let (lib, to) = (way.draft.library(), way.to.handle());
    while way.to.recv_frame(zmq::DONTWAIT).is_ok() {}
    Blocked::new(move || {
        let to = to;
        lib.check(lib.zmq_recv(to.0, std::ptr::null_mut(), 0, 0))
    })
}

/// Threads that send until there is no room, and wait for some.
fn senders(way: &Way) -> Blocked {
    let send = sending(way);
    Blocked::new(move || {
        loop {
            send()?;
        }
    })
}

/// What sends one message.
fn sending(way: &Way) -> impl Fn() -> Result<usize> + Clone + Send + 'static {
    let (draft, from, number) = (way.draft, way.from.handle(), way.number);
    let is_radio = way.from.option(zmq::TYPE) == Ok(zmq::RADIO);
    move || {
        let (from, lib) = (from, draft.library());
        let mut msg = Msg::copy_of(lib, LARGE);
        if let Some(number) = number {
            draft.set_routing_id(&mut msg, number)?;
        }
        if is_radio {
            draft.set_group(&mut msg, GROUP)?;
        }
        lib.check(lib.zmq_msg_send(msg.raw(), from.0, 0))
    }
}

mod scenario {
    use super::*;

    pub(crate) fn closing_ends_every_wait(transport: Transport) {
        let draft = draft!();
        for kinds in WAYS {
            let way = Way::new(draft, kinds, transport, |_, _| {});
            let blocked = receivers(&way);
            way.to.close().unwrap();
            blocked.expect(zmq::ENOTSOCK, kinds);

            let way = Way::new(draft, kinds, transport, Way::narrow);
            let blocked = senders(&way);
            way.from.set(zmq::LINGER, 0).unwrap();
            way.from.close().unwrap();
            blocked.expect(zmq::ENOTSOCK, kinds);
        }
    }

    pub(crate) fn the_end_of_the_context_ends_every_wait(transport: Transport) {
        let draft = draft!();
        for kinds in WAYS {
            let way = Way::new(draft, kinds, transport, |_, _| {});
            let blocked = receivers(&way);
            way.to.ctx().shutdown().unwrap();
            blocked.expect(zmq::ETERM, kinds);
            assert_eq!(way.to.try_recv(), Err(zmq::ETERM));

            let way = Way::new(draft, kinds, transport, Way::narrow);
            // Afterwards it is too late to say so.
            way.from.set(zmq::LINGER, 0).unwrap();
            let blocked = senders(&way);
            way.from.ctx().shutdown().unwrap();
            blocked.expect(zmq::ETERM, kinds);
            assert_eq!(way.try_send("x"), Err(zmq::ETERM));
        }
    }

    /// zmq_ctx_term waits for the sockets, which are closed by who was waiting on them.
    pub(crate) fn term_ends_every_wait_and_returns(transport: Transport) {
        let draft = draft!();
        for kinds in WAYS {
            for wait in [receivers, senders] {
                let way = Way::new(draft, kinds, transport, Way::narrow);
                for sock in [&way.from, &way.to] {
                    sock.set(zmq::LINGER, 0).unwrap();
                }
                let (lib, ctx) = (draft.library(), way.from.ctx().clone());
                let sockets = [way.from.handle(), way.to.handle()];
                let blocked = wait(&way);
                let closer = thread::spawn(move || {
                    blocked.expect(zmq::ETERM, kinds);
                    sockets.map(|socket| lib.check(lib.zmq_close(socket.0)))
                });
                assert_eq!(ctx.term(), Ok(()), "{kinds:?}");
                assert_eq!(closer.join().unwrap(), [Ok(0), Ok(0)]);
            }
        }
    }

    pub(crate) fn each_wait_ends_with_its_timeout(transport: Transport) {
        let draft = draft!();
        for kinds in WAYS {
            for wait in [receivers, senders] {
                let way = Way::new(draft, kinds, transport, Way::narrow);
                way.to.set(zmq::RCVTIMEO, 300).unwrap();
                way.from.set(zmq::SNDTIMEO, 300).unwrap();
                wait(&way).expect(zmq::EAGAIN, kinds);
            }
        }
    }
}

conformance::on_each_transport!(
    closing_ends_every_wait,
    the_end_of_the_context_ends_every_wait,
    term_ends_every_wait_and_returns,
    each_wait_ends_with_its_timeout,
);

/// One message for one of those that wait; the others are still there for the next.
#[test]
fn messages_that_come_one_by_one_wake_one_thread_each() {
    let draft = draft!();
    for kinds in WAYS {
        for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
            let way = Way::new(draft, kinds, transport, |_, _| {});
            let blocked = receivers(&way);
            for woken in 1..=THREADS {
                way.send("x").unwrap();
                wait::until("a thread that has it", || {
                    blocked.0.iter().filter(|thread| thread.is_finished()).count() == woken
                });
            }
            for thread in blocked.0 {
                assert_eq!(thread.join().unwrap(), Ok(1));
            }
        }
    }
}

/// Room for one message after the other.
#[test]
fn all_that_wait_for_room_get_it() {
    let draft = draft!();
    for kinds in WAYS {
        for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
            let way = Way::new(draft, kinds, transport, Way::narrow);
            let sent = way.fill(&LARGE);
            let blocked = Blocked::new(sending(&way));
            for _ in 0..sent + THREADS {
                assert_eq!(way.recv().size(), LARGE.len());
            }
            for thread in blocked.0 {
                assert_eq!(thread.join().unwrap(), Ok(LARGE.len()), "{kinds:?}, {transport:?}");
            }
        }
    }
}
