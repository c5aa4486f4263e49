//! `zmq_proxy` between sockets of the draft types: messages of one part, which keep their group and number, while other
//! threads may use the sockets as well.

use std::thread::{self, JoinHandle};

use conformance::msg::Msg;
use conformance::socket::{Ctx, Sock, Transport, join};
use conformance::subject::Errno;
use conformance::{c_library, draft, ours_only, wait, zmq};

/// A proxy in a thread; a capture socket of ours gets a copy.
struct Running {
    ctx: Ctx,
    front: Sock,
    back: Sock,
    thread: Option<JoinHandle<Result<usize, Errno>>>,
}

impl Running {
    fn start(ctx: Ctx, front: Sock, back: Sock, capture: Option<&Sock>) -> Self {
        let lib = conformance::subject().library().expect("a C library");
        let sockets = (front.handle(), back.handle(), capture.map(Sock::handle));
        let thread = thread::spawn(move || {
            let (front, back, capture) = sockets;
            let capture = capture.map_or(std::ptr::null_mut(), |capture| capture.0);
            lib.check(lib.zmq_proxy(front.0, back.0, capture))
        });
        Self { ctx, front, back, thread: Some(thread) }
    }

    /// Why it ended by itself.
    fn reason(&mut self) -> Errno {
        self.thread.take().expect("once").join().expect("the proxy").expect_err("it never succeeds")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            for sock in [&self.front, &self.back] {
                let _ = sock.set(zmq::LINGER, 0);
            }
            let _ = self.ctx.shutdown();
            assert_eq!(thread.join().expect("the proxy"), Err(zmq::ETERM));
        }
    }
}

mod scenario {
    use super::*;

    pub(crate) fn a_pipeline_is_longer(transport: Transport) {
        ours_only!("the distribution's build cannot poll them");
        c_library!();
        let ctx = Ctx::new();
        let (front, back) = (ctx.socket(zmq::GATHER), ctx.socket(zmq::SCATTER));
        let (scatter, gather) = (ctx.socket(zmq::SCATTER), ctx.socket(zmq::GATHER));
        join(&front, &scatter, transport);
        join(&back, &gather, transport);
        let (tap, seen) = (ctx.socket(zmq::SCATTER), ctx.socket(zmq::GATHER));
        join(&seen, &tap, Transport::Inproc);
        let _running = Running::start(ctx, front, back, Some(&tap));
        for i in 0..100 {
            scatter.send(format!("{i}"));
        }
        for i in 0..100 {
            gather.expect(format!("{i}"));
            seen.expect(format!("{i}"));
        }
    }

    pub(crate) fn a_message_stays_in_its_group(transport: Transport) {
        let draft = draft!();
        let ctx = Ctx::new();
        let (front, back) = (ctx.socket(zmq::DISH), ctx.socket(zmq::RADIO));
        let (radio, dish) = (ctx.socket(zmq::RADIO), ctx.socket(zmq::DISH));
        draft.join(&front, "a").unwrap();
        draft.join(&front, "b").unwrap();
        draft.join(&dish, "b").unwrap();
        join(&radio, &front, transport);
        join(&back, &dish, transport);
        let running = Running::start(ctx, front, back, None);
        wait::until("a message to the group", || {
            draft.send_to_group(&radio, "a", "x", 0).unwrap();
            draft.send_to_group(&radio, "b", "x", 0).unwrap();
            dish.readable()
        });
        assert_eq!(draft.recv_group(&dish, 0), Ok(("b".into(), b"x".to_vec())));
        // Another thread joins on the proxy's own socket meanwhile.
        draft.join(&running.front, "late").unwrap();
        draft.join(&dish, "late").unwrap();
        wait::until("a message to the late group", || {
            draft.send_to_group(&radio, "late", "x", 0).unwrap();
            std::iter::from_fn(|| draft.recv_group(&dish, zmq::DONTWAIT).ok()).any(|got| got.0 == "late")
        });
    }

    pub(crate) fn channels_are_bridged_both_ways(transport: Transport) {
        ours_only!("the distribution's build cannot poll them");
        c_library!();
        let ctx = Ctx::new();
        let [front, back, a, b] = [zmq::CHANNEL; 4].map(|kind| ctx.socket(kind));
        join(&front, &a, transport);
        join(&back, &b, transport);
        let _running = Running::start(ctx, front, back, None);
        for i in 0..100 {
            a.send(format!("{i}"));
            b.expect(format!("{i}"));
            b.send(format!("back {i}"));
            a.expect(format!("back {i}"));
        }
    }

    /// A question passes. The answer of a CLIENT has no number, so that the SERVER does not know whom to send it.
    pub(crate) fn an_answer_without_a_number_ends_the_proxy(transport: Transport) {
        let draft = draft!();
        let ctx = Ctx::new();
        let (front, back) = (ctx.socket(zmq::SERVER), ctx.socket(zmq::CLIENT));
        let (client, server) = (ctx.socket(zmq::CLIENT), ctx.socket(zmq::SERVER));
        join(&front, &client, transport);
        join(&server, &back, transport);
        let mut running = Running::start(ctx, front, back, None);
        client.send("question");
        let (number, body) = draft.recv_from(&server).unwrap();
        assert_eq!(body, b"question");
        draft.send_to(&server, number, "answer", 0).unwrap();
        assert_eq!(running.reason(), zmq::EHOSTUNREACH);
        // Its sockets are whole.
        client.send("again");
        let (number, _) = draft.recv_from(&running.front).unwrap();
        draft.send_to(&running.front, number, "answered", 0).unwrap();
        client.expect("answered");
    }
}

conformance::on_each_transport!(
    a_pipeline_is_longer,
    a_message_stays_in_its_group,
    channels_are_bridged_both_ways,
    an_answer_without_a_number_ends_the_proxy,
);

#[test]
fn a_server_that_is_both_ends_echoes_to_whoever_asked() {
    let draft = draft!();
    let lib = draft.library();
    let ctx = Ctx::new();
    let (server, a, b) = (ctx.socket(zmq::SERVER), ctx.socket(zmq::CLIENT), ctx.socket(zmq::CLIENT));
    let endpoint = server.bind_any(Transport::Tcp);
    for client in [&a, &b] {
        client.connect(&endpoint).unwrap();
    }
    let handle = server.handle();
    let proxy = thread::spawn(move || {
        let handle = handle;
        lib.check(lib.zmq_proxy(handle.0, handle.0, std::ptr::null_mut()))
    });
    for i in 0..20 {
        a.send(format!("a{i}"));
        b.send(format!("b{i}"));
        a.expect(format!("a{i}"));
        b.expect(format!("b{i}"));
    }
    ctx.shutdown().unwrap();
    assert_eq!(proxy.join().unwrap(), Err(zmq::ETERM));
}

#[test]
fn sockets_of_both_sorts_are_bridged() {
    let draft = draft!();
    let ctx = Ctx::new();
    let (front, back) = (ctx.socket(zmq::PULL), ctx.socket(zmq::SCATTER));
    let (push, gather) = (ctx.socket(zmq::PUSH), ctx.socket(zmq::GATHER));
    join(&front, &push, Transport::Tcp);
    join(&back, &gather, Transport::Tcp);
    let mut running = Running::start(ctx, front, back, None);
    push.send("one part");
    gather.expect("one part");
    // Another thread sends on the proxy's socket.
    Msg::copy_of(draft.library(), "from here").send(&running.back, 0).unwrap();
    gather.expect("from here");
    push.send(["two", "parts"]);
    assert_eq!(running.reason(), zmq::EINVAL);
}

#[test]
fn closing_a_socket_ends_its_proxy() {
    ours_only!("a libzmq may crash");
    c_library!();
    let ctx = Ctx::new();
    let (front, back) = (ctx.socket(zmq::GATHER), ctx.socket(zmq::SCATTER));
    let mut running = Running::start(ctx.clone(), front, back, None);
    std::mem::replace(&mut running.front, ctx.socket(zmq::GATHER)).close().unwrap();
    assert_eq!(running.reason(), zmq::ENOTSOCK);
}
