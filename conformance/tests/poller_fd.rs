//! The descriptor of a poller that has sockets for several threads: zmq_poller_fd.

use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::thread;

use conformance::c_api::{Drafts, RawPollerEvent};
use conformance::msg::Msg;
use conformance::socket::{Sock, Transport, pair};
use conformance::wait::PATIENCE_MS;
use conformance::{Ctx, c_library, drafts, wait, zmq};

struct Poller(&'static Drafts, *mut c_void);

impl Drop for Poller {
    fn drop(&mut self) {
        assert_eq!(self.0.zmq_poller_destroy(&raw mut self.1), 0);
    }
}

impl Poller {
    fn of(drafts: &'static Drafts, sockets: &[(&Sock, i32)]) -> Self {
        let this = Self(drafts, drafts.zmq_poller_new());
        for (socket, events) in sockets {
            this.add(socket, *events);
        }
        this
    }

    fn add(&self, socket: &Sock, events: i32) {
        assert_eq!(self.0.zmq_poller_add(self.1, socket.handle().0, null_mut(), events as i16), 0);
    }

    fn fd(&self) -> c_int {
        let mut fd = -1;
        assert_eq!(self.0.zmq_poller_fd(self.1, &raw mut fd), 0);
        fd
    }

    /// Whether the descriptor becomes readable within this time.
    fn is_readable(&self, milliseconds: c_int) -> bool {
        let mut item = libc::pollfd { fd: self.fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one item, which outlives the call.
        unsafe { libc::poll(&raw mut item, 1, milliseconds) == 1 }
    }

    #[track_caller]
    fn becomes_readable(&self) {
        assert!(self.is_readable(PATIENCE_MS), "the descriptor stays quiet");
    }

    /// What one wait without patience finds: the socket's handle, or null.
    fn found(&self) -> *mut c_void {
        let mut event = RawPollerEvent { socket: null_mut(), fd: -1, user_data: null_mut(), events: 0 };
        self.0.zmq_poller_wait(self.1, &raw mut event, 0);
        event.socket
    }

    /// Waits until the descriptor is quiet, with nothing to be found.
    fn becomes_quiet(&self) {
        wait::until("the poller is quiet", || self.found().is_null() && !self.is_readable(0));
    }
}

const TRANSPORTS: [Transport; 3] = [Transport::Inproc, Transport::Ipc, Transport::Tcp];

#[test]
fn a_message_makes_it_readable() {
    let drafts = drafts!();
    for transport in TRANSPORTS {
        let (gather, scatter) = pair(zmq::GATHER, zmq::SCATTER, transport);
        let poller = Poller::of(drafts, &[(&gather, zmq::POLLIN)]);
        poller.becomes_quiet();
        for _ in 0..20 {
            scatter.send("x");
            poller.becomes_readable();
            wait::until("the message is found", || poller.found() == gather.handle().0);
            poller.becomes_readable();
            gather.expect("x");
            poller.becomes_quiet();
        }
    }
}

#[test]
fn what_came_before_it_was_asked_for_is_told() {
    let drafts = drafts!();
    for transport in TRANSPORTS {
        let (gather, scatter) = pair(zmq::GATHER, zmq::SCATTER, transport);
        scatter.send("x");
        gather.wait_readable();
        Poller::of(drafts, &[(&gather, zmq::POLLIN)]).becomes_readable();
        let later = Poller::of(drafts, &[(&scatter, 0)]);
        later.fd();
        later.add(&gather, zmq::POLLIN);
        later.becomes_readable();
    }
}

#[test]
fn one_event_of_two_leaves_it_readable() {
    let drafts = drafts!();
    let (one, to_one) = pair(zmq::GATHER, zmq::SCATTER, Transport::Inproc);
    let (other, to_other) = pair(zmq::GATHER, zmq::SCATTER, Transport::Tcp);
    let poller = Poller::of(drafts, &[(&one, zmq::POLLIN), (&other, zmq::POLLIN)]);
    poller.becomes_quiet();
    to_one.send("1");
    to_other.send("2");
    for _ in 0..2 {
        poller.becomes_readable();
        let mut found = null_mut();
        wait::until("an event", || {
            found = poller.found();
            !found.is_null()
        });
        if found == one.handle().0 { one.expect("1") } else { other.expect("2") }
    }
    poller.becomes_quiet();
}

#[test]
fn room_for_a_message_and_a_new_peer_are_told() {
    let drafts = drafts!();
    let ctx = Ctx::new();
    let (gather, scatter) = (ctx.socket(zmq::GATHER), ctx.socket(zmq::SCATTER));
    let endpoint = gather.bind_any(Transport::Tcp);
    let poller = Poller::of(drafts, &[(&scatter, zmq::POLLOUT)]);
    poller.becomes_quiet();
    scatter.set(zmq::SNDHWM, 5).unwrap();
    scatter.connect(&endpoint).unwrap();
    poller.becomes_readable();
    assert_eq!(poller.found(), scatter.handle().0);
    // Some of it flows on, into the system's buffers.
    let mut filled = 0;
    wait::until("the poller is quiet", || {
        filled += scatter.fill(&[7; 20_000][..]);
        poller.found().is_null() && !poller.is_readable(0)
    });
    for _ in 0..filled {
        gather.expect(&[7; 20_000][..]);
    }
    poller.becomes_readable();
}

/// Another thread uses the socket at the same time: nothing of what it leaves is missed.
#[test]
fn what_another_thread_leaves_is_told() {
    let lib = c_library!();
    let drafts = drafts!();
    /// Of each of the two that receive.
    const MESSAGES: usize = 1_000;
    for transport in TRANSPORTS {
        let (server, client) = pair(zmq::SERVER, zmq::CLIENT, transport);
        let poller = Poller::of(drafts, &[(&server, zmq::POLLIN)]);
        poller.becomes_quiet();
        let (at_server, at_client) = (server.handle(), client.handle());
        thread::scope(|scope| {
            scope.spawn(move || {
                let at_client = at_client;
                for _ in 0..2 * MESSAGES {
                    assert_eq!(lib.check(lib.zmq_send(at_client.0, c"x".as_ptr().cast(), 1, 0)), Ok(1));
                }
            });
            scope.spawn(move || {
                let at_server = at_server;
                for _ in 0..MESSAGES {
                    let mut msg = Msg::empty(lib);
                    assert_eq!(lib.check(lib.zmq_msg_recv(msg.raw(), at_server.0, 0)), Ok(1));
                }
            });
            let mut taken = 0;
            while taken < MESSAGES {
                poller.becomes_readable();
                if !poller.found().is_null() {
                    taken += usize::from(server.recv_frame(zmq::DONTWAIT).is_ok());
                }
            }
        });
        poller.becomes_quiet();
        client.send("x");
        poller.becomes_readable();
    }
}

#[test]
fn the_end_of_the_context_is_told() {
    let drafts = drafts!();
    let ctx = Ctx::new();
    let gather = ctx.socket(zmq::GATHER);
    let poller = Poller::of(drafts, &[(&gather, zmq::POLLIN)]);
    poller.becomes_quiet();
    ctx.shutdown().unwrap();
    poller.becomes_readable();
}

#[test]
fn a_closed_socket_is_nothing_to_it() {
    let drafts = drafts!();
    let ctx = Ctx::new();
    let (gather, scatter) = pair(zmq::GATHER, zmq::SCATTER, Transport::Inproc);
    let gone = ctx.socket(zmq::GATHER);
    let poller = Poller::of(drafts, &[(&gather, zmq::POLLIN)]);
    poller.add(&gone, zmq::POLLIN);
    poller.fd();
    gone.close().unwrap();
    scatter.send("x");
    poller.becomes_readable();
}
