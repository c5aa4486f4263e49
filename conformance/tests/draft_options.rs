//! Options of the draft API that 4.3.4 does not have: messages that come and go with a connection, notices of peers, and the
//! counting of topics.

use conformance::socket::{Ctx, Sock, Transport, join};
use conformance::wire::{RawListener, bound, frame};
use conformance::{Monitor, c_library, drafts, ours_only, wait, zmq};

const TRANSPORTS: [Transport; 3] = [Transport::Tcp, Transport::Ipc, Transport::Inproc];

/// A ROUTER and a DEALER named "d" of one context.
fn router_and_dealer() -> (Ctx, Sock, Sock) {
    let ctx = Ctx::new();
    let (router, dealer) = (ctx.socket(zmq::ROUTER), ctx.socket(zmq::DEALER));
    dealer.set_bytes(zmq::ROUTING_ID, "d").unwrap();
    (ctx, router, dealer)
}

// ---- HELLO_MSG ----

#[test]
fn hello_goes_first_in_both_directions() {
    ours_only!("4.3.4 does not know ZMQ_HELLO_MSG");
    for transport in TRANSPORTS {
        let (_ctx, router, dealer) = router_and_dealer();
        router.set_bytes(zmq::HELLO_MSG, "from router").unwrap();
        dealer.set_bytes(zmq::HELLO_MSG, "from dealer").unwrap();
        dealer.connect(&router.bind_any(transport)).unwrap();
        dealer.send("next");
        router.expect(["d", "from dealer"]);
        router.expect(["d", "next"]);
        dealer.expect("from router");
    }
}

#[test]
fn hello_waits_for_a_name_to_be_bound() {
    ours_only!("4.3.4 does not know ZMQ_HELLO_MSG");
    let (_ctx, router, dealer) = router_and_dealer();
    router.set_bytes(zmq::HELLO_MSG, "from router").unwrap();
    dealer.set_bytes(zmq::HELLO_MSG, "from dealer").unwrap();
    let endpoint = Transport::Inproc.endpoint();
    dealer.connect(&endpoint).unwrap();
    dealer.send("next");
    router.bind(&endpoint).unwrap();
    router.expect(["d", "from dealer"]);
    router.expect(["d", "next"]);
    dealer.expect("from router");
}

#[test]
fn hello_goes_again_on_each_connection() {
    ours_only!("4.3.4 does not know ZMQ_HELLO_MSG");
    let listener = RawListener::new();
    let dealer = Ctx::new().socket(zmq::DEALER);
    dealer.set_bytes(zmq::HELLO_MSG, "hello").unwrap();
    dealer.set(zmq::RECONNECT_IVL, 10).unwrap();
    let mut peer = listener.connect(&dealer);
    for _ in 0..2 {
        peer.handshake(0, "ROUTER", None);
        peer.expect(frame(0, "hello"));
        drop(peer);
        peer = listener.accept();
    }
}

#[test]
fn others_say_no_hello() {
    ours_only!("4.3.4 does not know ZMQ_HELLO_MSG");
    for transport in TRANSPORTS {
        let ctx = Ctx::new();
        let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        push.set_bytes(zmq::HELLO_MSG, "hello").unwrap();
        join(&pull, &push, transport);
        push.send("first");
        pull.expect("first");
    }
}

// ---- DISCONNECT_MSG ----

#[test]
fn a_closing_peer_leaves_the_disconnect_message() {
    ours_only!("4.3.4 does not know ZMQ_DISCONNECT_MSG");
    for transport in TRANSPORTS {
        let (_ctx, router, dealer) = router_and_dealer();
        router.set_bytes(zmq::DISCONNECT_MSG, "it left").unwrap();
        dealer.connect(&router.bind_any(transport)).unwrap();
        dealer.send("last");
        dealer.close().unwrap();
        router.expect(["d", "last"]);
        router.expect(["d", "it left"]);
    }
}

#[test]
fn a_disconnecting_peer_leaves_the_disconnect_message() {
    ours_only!("4.3.4 does not know ZMQ_DISCONNECT_MSG");
    for transport in TRANSPORTS {
        let (_ctx, router, dealer) = router_and_dealer();
        router.set_bytes(zmq::DISCONNECT_MSG, "it left").unwrap();
        let endpoint = router.bind_any(transport);
        dealer.connect(&endpoint).unwrap();
        dealer.send("last");
        router.expect(["d", "last"]);
        dealer.disconnect(&endpoint).unwrap();
        router.expect(["d", "it left"]);
    }
}

#[test]
fn an_early_connecter_leaves_the_disconnect_message_too() {
    ours_only!("4.3.4 does not know ZMQ_DISCONNECT_MSG");
    let (_ctx, router, dealer) = router_and_dealer();
    router.set_bytes(zmq::DISCONNECT_MSG, "it left").unwrap();
    let endpoint = Transport::Inproc.endpoint();
    dealer.connect(&endpoint).unwrap();
    dealer.send("early");
    router.bind(&endpoint).unwrap();
    router.expect(["d", "early"]);
    dealer.events();
    dealer.close().unwrap();
    router.expect(["d", "it left"]);
}

#[test]
fn half_a_message_goes_before_the_disconnect_message_comes() {
    ours_only!("4.3.4 does not know ZMQ_DISCONNECT_MSG");
    let router = Ctx::new().socket(zmq::ROUTER);
    router.set_bytes(zmq::DISCONNECT_MSG, "it left").unwrap();
    let mut peer = conformance::wire::Raw::connect(&router.bind_any(Transport::Tcp));
    peer.handshake(0, "DEALER", Some(b"d"));
    peer.send(frame(1, "first part"));
    drop(peer);
    router.expect(["d", "it left"]);
}

#[test]
fn our_own_end_leaves_no_disconnect_message() {
    ours_only!("4.3.4 does not know ZMQ_DISCONNECT_MSG");
    for transport in TRANSPORTS {
        let (_ctx, router, dealer) = router_and_dealer();
        // Of the connecting side: its option means nothing.
        dealer.set_bytes(zmq::DISCONNECT_MSG, "it left").unwrap();
        dealer.set_bytes(zmq::HICCUP_MSG, "").unwrap();
        join(&router, &dealer, transport);
        let monitor = Monitor::new(&dealer);
        router.close().unwrap();
        match transport {
            Transport::Inproc => wait::until("the loss", || !dealer.writable()),
            _ => drop(monitor.wait_for(zmq::EVENT_DISCONNECTED)),
        }
        assert_eq!(dealer.recv_frame(zmq::DONTWAIT).map(|frame| frame.body), Err(zmq::EAGAIN));
    }
}

// ---- HICCUP_MSG ----

#[test]
fn a_lost_connection_leaves_the_hiccup_message() {
    ours_only!("4.3.4 does not know ZMQ_HICCUP_MSG");
    for immediate in [0, 1] {
        let listener = RawListener::new();
        let dealer = Ctx::new().socket(zmq::DEALER);
        dealer.set(zmq::IMMEDIATE, immediate).unwrap();
        dealer.set_bytes(zmq::HICCUP_MSG, "hiccup").unwrap();
        dealer.set(zmq::RECONNECT_IVL, 10).unwrap();
        let mut peer = listener.connect(&dealer);
        for _ in 0..2 {
            peer.handshake(0, "ROUTER", None);
            peer.send(frame(0, "last"));
            peer.finish();
            drop(peer);
            dealer.expect("last");
            dealer.expect("hiccup");
            peer = listener.accept();
        }
    }
}

#[test]
fn a_lost_handshake_leaves_no_hiccup_message() {
    ours_only!("4.3.4 does not know ZMQ_HICCUP_MSG");
    let listener = RawListener::new();
    let dealer = Ctx::new().socket(zmq::DEALER);
    dealer.set_bytes(zmq::HICCUP_MSG, "hiccup").unwrap();
    dealer.set(zmq::RECONNECT_IVL, 10).unwrap();
    drop(listener.connect(&dealer));
    let mut peer = listener.accept();
    peer.handshake(0, "ROUTER", None);
    peer.send(frame(0, "first"));
    dealer.expect("first");
}

#[test]
fn who_accepted_hears_no_hiccup() {
    ours_only!("4.3.4 does not know ZMQ_HICCUP_MSG");
    let (dealer, endpoint) = bound(zmq::DEALER);
    dealer.set_bytes(zmq::HICCUP_MSG, "hiccup").unwrap();
    let monitor = Monitor::new(&dealer);
    let mut peer = conformance::wire::Raw::connect(&endpoint);
    peer.handshake(0, "ROUTER", None);
    drop(peer);
    monitor.wait_for(zmq::EVENT_DISCONNECTED);
    assert!(!dealer.readable());
}

// ---- ROUTER_NOTIFY ----

#[test]
fn a_router_tells_of_peers_that_come_and_go() {
    ours_only!("4.3.4 does not know ZMQ_ROUTER_NOTIFY");
    for (bits, comes, goes) in [(1, true, false), (2, false, true), (3, true, true), (0, false, false)] {
        for transport in [Transport::Tcp, Transport::Ipc] {
            let (_ctx, router, dealer) = router_and_dealer();
            router.set(zmq::ROUTER_NOTIFY, bits).unwrap();
            assert_eq!(router.option(zmq::ROUTER_NOTIFY), Ok(bits));
            dealer.connect(&router.bind_any(transport)).unwrap();
            dealer.send("hello");
            if comes {
                router.expect(["d", ""]);
            }
            router.expect(["d", "hello"]);
            let monitor = Monitor::new(&router);
            dealer.close().unwrap();
            monitor.wait_for(zmq::EVENT_DISCONNECTED);
            if goes {
                router.expect(["d", ""]);
            }
            assert!(!router.readable());
        }
    }
}

// ---- Topics ----

#[test]
fn topics_are_counted_once_each() {
    ours_only!("4.3.4 does not know ZMQ_TOPICS_COUNT");
    let ctx = Ctx::new();
    let (publisher, sub) = (ctx.socket(zmq::XPUB), ctx.socket(zmq::SUB));
    assert_eq!(sub.option(zmq::TOPICS_COUNT), Ok(0));
    for topic in ["a", "b", "b", "abc"] {
        sub.subscribe(topic);
    }
    assert_eq!(sub.option(zmq::TOPICS_COUNT), Ok(3));
    sub.connect(&publisher.bind_any(Transport::Tcp)).unwrap();
    for _ in 0..3 {
        publisher.recv().unwrap();
    }
    assert_eq!(publisher.option(zmq::TOPICS_COUNT), Ok(3));
    sub.unsubscribe("b");
    assert_eq!(sub.option(zmq::TOPICS_COUNT), Ok(3), "once more to go");
    sub.unsubscribe("a");
    assert_eq!(sub.option(zmq::TOPICS_COUNT), Ok(2));
    publisher.recv().unwrap();
    assert_eq!(publisher.option(zmq::TOPICS_COUNT), Ok(2));
}

#[test]
fn topics_of_several_subscribers_are_counted_together() {
    ours_only!("4.3.4 does not know ZMQ_TOPICS_COUNT");
    let ctx = Ctx::new();
    let (publisher, xsub, sub) = (ctx.socket(zmq::PUB), ctx.socket(zmq::XSUB), ctx.socket(zmq::SUB));
    let endpoint = publisher.bind_any(Transport::Tcp);
    xsub.connect(&endpoint).unwrap();
    sub.connect(&endpoint).unwrap();
    xsub.send("\u{1}both");
    assert_eq!(xsub.option(zmq::TOPICS_COUNT), Ok(1));
    sub.subscribe("both");
    sub.subscribe("one");
    wait::until("two topics", || {
        publisher.events();
        publisher.option(zmq::TOPICS_COUNT) == Ok(2)
    });
}

#[test]
fn a_verbose_xsub_forwards_every_unsubscription() {
    ours_only!("4.3.4 does not know ZMQ_XSUB_VERBOSE_UNSUBSCRIBE");
    for (verbose, forwarded) in [(0, 1), (1, 3)] {
        let ctx = Ctx::new();
        let (xpub, xsub) = (ctx.socket(zmq::XPUB), ctx.socket(zmq::XSUB));
        xpub.set(zmq::XPUB_VERBOSER, 1).unwrap();
        xsub.set(zmq::XSUB_VERBOSE_UNSUBSCRIBE, verbose).unwrap();
        join(&xpub, &xsub, Transport::Tcp);
        for _ in 0..3 {
            xsub.send("\u{1}topic");
        }
        for _ in 0..3 {
            xsub.send("\0topic");
        }
        xsub.send("end");
        let mut seen = 0;
        loop {
            let message = xpub.recv().unwrap();
            match message[0].as_slice() {
                b"end" => break,
                b"\0topic" => seen += 1,
                _ => {}
            }
        }
        assert_eq!(seen, forwarded, "verbose {verbose}");
    }
}

// ---- Context options as bytes ----

#[test]
fn a_prefix_of_thread_names_is_up_to_16_bytes() {
    let (lib, drafts) = (c_library!(), drafts!());
    let ctx = Ctx::new();
    let set = |option, value: &[u8]| {
        lib.check(drafts.zmq_ctx_set_ext(ctx.handle().0, option, value.as_ptr().cast(), value.len()))
    };
    let read = |option, room: usize| {
        let (mut buffer, mut length) = (vec![0_u8; room], room);
        let place = buffer.as_mut_ptr().cast();
        lib.check(drafts.zmq_ctx_get_ext(ctx.handle().0, option, place, &raw mut length))?;
        assert_eq!(length, room, "it stays as it was");
        Ok(buffer)
    };
    for bad in [&b""[..], b"seventeen letters"] {
        assert_eq!(set(zmq::THREAD_NAME_PREFIX, bad), Err(zmq::EINVAL));
    }
    assert_eq!(set(zmq::THREAD_NAME_PREFIX, b"worker"), Ok(0));
    assert_eq!(read(zmq::THREAD_NAME_PREFIX, 6), Ok(b"worker".to_vec()));
    assert_eq!(read(zmq::THREAD_NAME_PREFIX, 8), Ok(b"worker\0\0".to_vec()));
    assert_eq!(read(zmq::THREAD_NAME_PREFIX, 5), Err(zmq::EINVAL));
    // Four bytes are an integer.
    assert_eq!(set(zmq::THREAD_NAME_PREFIX, &77i32.to_ne_bytes()), Ok(0));
    assert_eq!(read(zmq::THREAD_NAME_PREFIX, 4), Ok(77i32.to_ne_bytes().to_vec()));
    assert_eq!(set(zmq::IO_THREADS, &3i32.to_ne_bytes()), Ok(0));
    assert_eq!(ctx.option(zmq::IO_THREADS), Ok(3));
    assert_eq!(set(zmq::IO_THREADS, &[3; 8]), Err(zmq::EINVAL));
}
