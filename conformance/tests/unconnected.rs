//! What each socket type does without a peer, and before the peer's endpoint exists.

use conformance::socket::{Ctx, Transport, inproc};
use conformance::{Errno, zmq};

macro_rules! without_a_peer {
    ($($name:ident: $kind:ident send $send:expr, recv $recv:expr, events $events:expr;)*) => {
        $(
            mod $name {
                use super::*;

                #[test]
                fn sending() {
                    let wanted: Result<usize, Errno> = $send;
                    assert_eq!(Ctx::new().socket(zmq::$kind).send_frame("x", zmq::DONTWAIT), wanted);
                }
                #[test]
                fn sending_with_timeout_0() {
                    let sock = Ctx::new().socket(zmq::$kind);
                    sock.set(zmq::SNDTIMEO, 0).unwrap();
                    assert_eq!(sock.send_frame("x", 0), $send);
                }
                #[test]
                fn receiving() {
                    let wanted: Errno = $recv;
                    assert_eq!(Ctx::new().socket(zmq::$kind).recv_frame(zmq::DONTWAIT).err(), Some(wanted));
                }
                #[test]
                fn receiving_with_timeout_0() {
                    let sock = Ctx::new().socket(zmq::$kind);
                    sock.set(zmq::RCVTIMEO, 0).unwrap();
                    assert_eq!(sock.recv_frame(0).err(), Some($recv));
                }
                #[test]
                fn events() {
                    assert_eq!(Ctx::new().socket(zmq::$kind).events(), $events);
                }
            }
        )*
    };
}

without_a_peer! {
    pair: PAIR send Err(zmq::EAGAIN), recv zmq::EAGAIN, events 0;
    publisher: PUB send Ok(1), recv zmq::ENOTSUP, events zmq::POLLOUT;
    subscriber: SUB send Err(zmq::ENOTSUP), recv zmq::EAGAIN, events 0;
    req: REQ send Err(zmq::EAGAIN), recv zmq::EFSM, events 0;
    rep: REP send Err(zmq::EFSM), recv zmq::EAGAIN, events 0;
    dealer: DEALER send Err(zmq::EAGAIN), recv zmq::EAGAIN, events 0;
    router: ROUTER send Ok(1), recv zmq::EAGAIN, events zmq::POLLOUT;
    pull: PULL send Err(zmq::ENOTSUP), recv zmq::EAGAIN, events 0;
    push: PUSH send Err(zmq::EAGAIN), recv zmq::ENOTSUP, events 0;
    xpub: XPUB send Ok(1), recv zmq::EAGAIN, events zmq::POLLOUT;
    xsub: XSUB send Ok(1), recv zmq::EAGAIN, events zmq::POLLOUT;
}

/// Connects before the endpoint is bound, and then passes a message from the connecter to the binder and, where there
/// is a way back, one back.
fn connect_before_bind(connecter: i32, binder: i32, there: &[&str], back: Option<&[&str]>) {
    let ctx = Ctx::new();
    let endpoint = inproc();
    let (a, b) = (ctx.socket(connecter), ctx.socket(binder));
    a.set_bytes(zmq::ROUTING_ID, "a").unwrap();
    a.connect(&endpoint).unwrap();
    if connecter == zmq::SUB {
        a.subscribe("");
    } else {
        a.send(there.to_vec());
    }
    b.bind(&endpoint).unwrap();
    if connecter != zmq::SUB {
        let got = b.recv().unwrap();
        assert!(
            got.ends_with(&there.iter().map(|frame| frame.as_bytes().to_vec()).collect::<Vec<_>>()),
            "{got:?}"
        );
    }
    if let Some(back) = back {
        b.events();
        b.send(back.to_vec());
        let got = a.recv().unwrap();
        assert_eq!(got.last().map(|frame| &frame[..]), back.last().map(|frame| frame.as_bytes()));
    }
}

#[test]
fn pair_may_connect_before_bind() {
    connect_before_bind(zmq::PAIR, zmq::PAIR, &["x"], Some(&["y"]));
}

#[test]
fn req_may_connect_before_rep_binds() {
    connect_before_bind(zmq::REQ, zmq::REP, &["x"], Some(&["y"]));
}

#[test]
fn req_may_connect_before_router_binds() {
    connect_before_bind(zmq::REQ, zmq::ROUTER, &["x"], Some(&["a", "", "y"]));
}

#[test]
fn dealer_may_connect_before_router_binds() {
    connect_before_bind(zmq::DEALER, zmq::ROUTER, &["x"], Some(&["a", "y"]));
}

#[test]
fn push_may_connect_before_pull_binds() {
    connect_before_bind(zmq::PUSH, zmq::PULL, &["x", "y"], None);
}

#[test]
fn sub_may_connect_before_pub_binds() {
    connect_before_bind(zmq::SUB, zmq::PUB, &[], Some(&["y"]));
}

#[test]
fn xsub_may_connect_before_xpub_binds() {
    connect_before_bind(zmq::XSUB, zmq::XPUB, &["\u{1}"], Some(&["y"]));
}

#[test]
fn a_mismatched_peer_over_tcp_is_no_error_of_the_call() {
    let ctx = Ctx::new();
    let (sub, push) = (ctx.socket(zmq::SUB), ctx.socket(zmq::PUSH));
    assert_eq!(push.connect(&sub.bind_any(Transport::Tcp)), Ok(()));
}
