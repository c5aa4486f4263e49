//! CLIENT and SERVER (RFC 41), RADIO and DISH (RFC 48), SCATTER and GATHER (RFC 49), PEER (RFC 51), CHANNEL (RFC 52) and
//! DGRAM, with the functions that only a build with the draft API has.

use std::ffi::{CStr, CString};

use conformance::c_api::RawPollItem;
use conformance::draft::Draft;
use conformance::msg::Msg;
use conformance::socket::{Ctx, PollItem, Sock, Transport, inproc, join, join_more, pair, poll};
use conformance::wire::with_peer;
use conformance::{Monitor, c_library, draft, ours_only, wait, walk, zmq};

mod scenario {
    use super::*;

    pub(crate) fn a_server_answers_the_client_that_asked(transport: Transport) {
        let draft = draft!();
        let ctx = Ctx::new();
        let (server, a, b) = (ctx.socket(zmq::SERVER), ctx.socket(zmq::CLIENT), ctx.socket(zmq::CLIENT));
        let endpoint = join(&server, &a, transport);
        join_more(&server, &b, &endpoint);
        for round in ["1", "2"] {
            a.send(format!("a{round}"));
            b.send(format!("b{round}"));
            for _ in 0..2 {
                let (number, body) = draft.recv_from(&server).unwrap();
                draft.send_to(&server, number, body, 0).unwrap();
            }
            a.expect(format!("a{round}"));
            b.expect(format!("b{round}"));
        }
    }

    pub(crate) fn scatter_deals_out_what_gathers_collect(transport: Transport) {
        ours_only!("the distribution's build aborts in the handshake");
        let ctx = Ctx::new();
        let (scatter, a, b) = (ctx.socket(zmq::SCATTER), ctx.socket(zmq::GATHER), ctx.socket(zmq::GATHER));
        let endpoint = join(&scatter, &a, transport);
        join_more(&scatter, &b, &endpoint);
        for i in 0..6 {
            scatter.send(format!("{i}"));
        }
        let mut got: Vec<_> = (0..6).map(|i| if i < 3 { a.recv() } else { b.recv() }.unwrap()).collect();
        got.sort();
        assert_eq!(got.concat(), ["0", "1", "2", "3", "4", "5"].map(|text| text.as_bytes().to_vec()));
    }

    pub(crate) fn channel_goes_both_ways(transport: Transport) {
        ours_only!("the distribution's build aborts in the handshake");
        let (a, b) = pair(zmq::CHANNEL, zmq::CHANNEL, transport);
        for body in [&b""[..], b"short", &[7; 100_000]] {
            a.send(body);
            b.expect(body);
            b.send(body);
            a.expect(body);
        }
    }

    pub(crate) fn peers_send_by_number(transport: Transport) {
        let draft = draft!();
        let ctx = Ctx::new();
        let (a, b) = (ctx.socket(zmq::PEER), ctx.socket(zmq::PEER));
        let endpoint = b.bind_any(transport);
        let number = draft.connect_peer(&a, &endpoint).unwrap();
        draft.send_to(&a, number, "hello", 0).unwrap();
        let (back, body) = draft.recv_from(&b).unwrap();
        assert_eq!(body, b"hello");
        draft.send_to(&b, back, "and back", 0).unwrap();
        assert_eq!(draft.recv_from(&a), Ok((number, b"and back".to_vec())));
    }

    pub(crate) fn a_radio_reaches_those_who_joined(transport: Transport) {
        let draft = draft!();
        let ctx = Ctx::new();
        let (radio, early, late) = (ctx.socket(zmq::RADIO), ctx.socket(zmq::DISH), ctx.socket(zmq::DISH));
        draft.join(&early, "news").unwrap();
        let endpoint = radio.bind_any(transport);
        early.connect(&endpoint).unwrap();
        late.connect(&endpoint).unwrap();
        draft.join(&late, "news").unwrap();
        draft.join(&late, "weather").unwrap();
        until_joined(&draft, &radio, &early, "news");
        until_joined(&draft, &radio, &late, "weather");
        for (group, body) in [("sports", "1"), ("news", "2"), ("new", "3"), ("weather", "4"), ("", "5")] {
            draft.send_to_group(&radio, group, body, 0).unwrap();
        }
        let after =
            |dish: &Sock| std::iter::from_fn(|| draft.recv_group(dish, 0).ok()).find(|got| got.1 != b"-");
        assert_eq!(after(&early), Some(("news".into(), b"2".to_vec())));
        assert_eq!(after(&late), Some(("news".into(), b"2".to_vec())));
        assert_eq!(after(&late), Some(("weather".into(), b"4".to_vec())));
        draft.leave(&late, "news").unwrap();
        draft.send_to_group(&radio, "news", "6", 0).unwrap();
        draft.send_to_group(&radio, "weather", "7", 0).unwrap();
        assert_eq!(after(&late), Some(("weather".into(), b"7".to_vec())), "left: not even a race lets it in");
        assert_eq!(after(&early), Some(("news".into(), b"6".to_vec())));
    }

    pub(crate) fn a_second_channel_is_refused_until_the_first_is_gone(transport: Transport) {
        ours_only!("the distribution's build aborts in the handshake");
        let ctx = Ctx::new();
        let (a, first, second) =
            (ctx.socket(zmq::CHANNEL), ctx.socket(zmq::CHANNEL), ctx.socket(zmq::CHANNEL));
        second.set(zmq::RECONNECT_IVL, 1).unwrap();
        let endpoint = join(&a, &first, transport);
        if transport == Transport::Inproc {
            second.connect(&endpoint).unwrap();
            a.events();
            assert_eq!(second.try_send("refused"), Err(zmq::EAGAIN));
            first.close().unwrap();
            second.disconnect(&endpoint).ok();
            a.events();
            second.connect(&endpoint).unwrap();
        } else {
            first.close().unwrap();
            second.connect(&endpoint).unwrap();
        }
        second.send("mine now");
        a.expect("mine now");
    }

    pub(crate) fn high_water_marks_count_messages(transport: Transport) {
        let draft = draft!();
        let ctx = Ctx::new();
        let (server, client) = (ctx.socket(zmq::SERVER), ctx.socket(zmq::CLIENT));
        for sock in [&server, &client] {
            sock.set(zmq::SNDHWM, 2).unwrap();
            sock.set(zmq::RCVHWM, 2).unwrap();
            sock.set(zmq::SNDBUF, 4096).unwrap();
            sock.set(zmq::RCVBUF, 4096).unwrap();
        }
        join(&server, &client, transport);
        client.send("hello");
        let (number, _) = draft.recv_from(&server).unwrap();
        let body = vec![7; 200_000];
        let mut sent = 0;
        while draft.send_to(&server, number, &body, zmq::DONTWAIT) == Ok(()) {
            sent += 1;
            assert!(sent < 1000, "limited");
        }
        for _ in 0..sent {
            client.expect(&body[..]);
        }
        draft.send_to(&server, number, "room again", 0).unwrap();
        client.expect("room again");
    }
}

conformance::on_each_transport!(
    a_server_answers_the_client_that_asked,
    scatter_deals_out_what_gathers_collect,
    channel_goes_both_ways,
    peers_send_by_number,
    a_radio_reaches_those_who_joined,
    a_second_channel_is_refused_until_the_first_is_gone,
    high_water_marks_count_messages,
);

/// Sends `-` to the group until the DISH receives it.
fn until_joined(draft: &Draft, radio: &Sock, dish: &Sock, group: &str) {
    wait::until("a message to the group", || {
        draft.send_to_group(radio, group, "-", 0).unwrap();
        draft.recv_group(dish, zmq::DONTWAIT).is_ok_and(|got| got.0 == group)
    });
}

// Groups

#[test]
fn a_group_is_joined_and_left_once() {
    let draft = draft!();
    let dish = Ctx::new().socket(zmq::DISH);
    assert_eq!(draft.leave(&dish, "a"), Err(zmq::EINVAL));
    assert_eq!(draft.join(&dish, "a"), Ok(()));
    assert_eq!(draft.join(&dish, "a"), Err(zmq::EINVAL));
    assert_eq!(draft.join(&dish, ""), Ok(()));
    assert_eq!(draft.leave(&dish, "a"), Ok(()));
    assert_eq!(draft.join(&dish, [b'g'; 255]), Ok(()));
    assert_eq!(draft.join(&dish, [b'g'; 256]), Err(zmq::EINVAL));
    assert_eq!(draft.leave(&dish, [b'g'; 256]), Err(zmq::EINVAL));
}

#[test]
fn only_a_dish_joins() {
    let draft = draft!();
    let ctx = Ctx::new();
    for kind in [zmq::RADIO, zmq::SUB, zmq::SERVER, zmq::PAIR, zmq::GATHER] {
        let socket = ctx.socket(kind);
        assert_eq!(draft.join(&socket, "a"), Err(zmq::ENOTSUP), "{kind}");
        assert_eq!(draft.leave(&socket, "a"), Err(zmq::ENOTSUP), "{kind}");
    }
}

#[test]
fn the_group_of_a_message() {
    let draft = draft!();
    let lib = draft.library();
    for size in [0, 10, 33, 34, 48, 1000] {
        let body: Vec<u8> = (0..size).map(|i| i as u8).collect();
        let mut msg = Msg::copy_of(lib, &body);
        let data = msg.data();
        assert_eq!(draft.group(&mut msg), b"");
        for group in [&b"g"[..], b"a group of more than fourteen bytes", b"short", &[b'x'; 255]] {
            draft.set_group(&mut msg, group).unwrap();
            assert_eq!(draft.group(&mut msg), group);
        }
        draft.set_group(&mut msg, [b'y'; 300]).unwrap();
        assert_eq!(draft.group(&mut msg), [b'y'; 255], "cut off");
        assert_eq!((msg.data(), msg.body()), (data, body.clone()), "the body stays where it is");
        let mut copy = Msg::empty(lib);
        copy.copy_from(&mut msg).unwrap();
        msg.close().unwrap();
        let mut moved = Msg::empty(lib);
        moved.move_from(&mut copy).unwrap();
        let mut moved = moved.relocated();
        assert_eq!((draft.group(&mut moved), moved.body()), (vec![b'y'; 255], body));
        assert_eq!(draft.group(&mut copy), b"");
    }
}

#[test]
fn a_message_without_a_group_goes_to_the_empty_group() {
    let draft = draft!();
    let (radio, dish) = pair(zmq::RADIO, zmq::DISH, Transport::Inproc);
    draft.join(&dish, "").unwrap();
    radio.send("x");
    assert_eq!(draft.recv_group(&dish, 0), Ok((String::new(), b"x".to_vec())));
}

/// Types are not compared over inproc.
#[test]
fn whatever_faces_a_radio_and_a_dish_does_not_disturb_them() {
    let draft = draft!();
    for (name, kind) in walk::TYPES {
        let ctx = Ctx::new();
        let (radio, dish, other) = (ctx.socket(zmq::RADIO), ctx.socket(zmq::DISH), ctx.socket(kind));
        draft.join(&dish, "a").unwrap();
        let at_radio = join(&radio, &dish, Transport::Inproc);
        let at_dish = dish.bind_any(Transport::Inproc);
        for endpoint in [at_radio, at_dish] {
            let _ = other.connect(&endpoint);
        }
        for _ in 0..3 {
            let _ = other.try_send("a");
            let _ = other.try_recv();
        }
        draft.send_to_group(&radio, "a", "x", 0).unwrap();
        assert_eq!(draft.recv_group(&dish, 0), Ok(("a".into(), b"x".to_vec())), "{name}");
        assert_eq!(dish.try_recv(), Err(zmq::EAGAIN), "{name}");
    }
}

#[test]
fn what_a_dish_tells_a_pair_is_a_message_when_it_is_sent_on() {
    let draft = draft!();
    let (dish, pair) = pair(zmq::DISH, zmq::PAIR, Transport::Inproc);
    let (push, mut raw) = with_peer(zmq::PUSH, 1, "PULL");
    draft.join(&dish, "group").unwrap();
    let mut msg = Msg::empty(draft.library());
    msg.recv(&pair, 0).unwrap();
    assert_eq!(msg.body(), b"group");
    msg.send(&push, 0).unwrap();
    assert_eq!(raw.take_frame(), (0, b"group".to_vec()));
}

#[test]
fn a_message_that_was_sent_has_no_group_and_one_that_was_refused_keeps_it() {
    let draft = draft!();
    let (radio, dish) = pair(zmq::RADIO, zmq::DISH, Transport::Inproc);
    radio.set(zmq::XPUB_NODROP, 1).unwrap();
    draft.join(&dish, "a").unwrap();
    let mut msg = Msg::copy_of(draft.library(), "x");
    let mut sent = 0;
    let refused = loop {
        draft.set_group(&mut msg, "a").unwrap();
        match msg.send(&radio, zmq::DONTWAIT) {
            Ok(_) => assert_eq!((draft.group(&mut msg), msg.size()), (vec![], 0)),
            Err(e) => break e,
        }
        sent += 1;
        msg = Msg::copy_of(draft.library(), "x");
    };
    assert_eq!((refused, sent), (zmq::EAGAIN, 2000));
    assert_eq!((draft.group(&mut msg), msg.body()), (b"a".to_vec(), b"x".to_vec()));
}

#[test]
fn a_slow_dish_loses_whole_messages() {
    let draft = draft!();
    let ctx = Ctx::new();
    let (radio, dish) = (ctx.socket(zmq::RADIO), ctx.socket(zmq::DISH));
    radio.set(zmq::SNDHWM, 2).unwrap();
    dish.set(zmq::RCVHWM, 3).unwrap();
    join(&radio, &dish, Transport::Inproc);
    draft.join(&dish, "a").unwrap();
    for i in 0..9 {
        draft.send_to_group(&radio, "a", format!("{i}"), 0).unwrap();
    }
    let got: Vec<_> = std::iter::from_fn(|| draft.recv_group(&dish, zmq::DONTWAIT).ok()).collect();
    assert_eq!(got.iter().map(|got| got.1[0]).collect::<Vec<_>>(), b"01234");
    assert!(got.iter().all(|got| got.0 == "a"));
}

#[test]
fn a_dish_that_connects_again_joins_again() {
    let draft = draft!();
    let ctx = Ctx::new();
    let (radio, dish) = (ctx.socket(zmq::RADIO), ctx.socket(zmq::DISH));
    draft.join(&dish, "a").unwrap();
    let endpoint = radio.bind_any(Transport::Tcp);
    dish.set(zmq::RECONNECT_IVL, 1).unwrap();
    dish.connect(&endpoint).unwrap();
    until_joined(&draft, &radio, &dish, "a");
    radio.close().unwrap();
    let radio = ctx.socket(zmq::RADIO);
    wait::until("the port is free", || radio.bind(&endpoint).is_ok());
    until_joined(&draft, &radio, &dish, "a");
}

// Numbered peers

#[test]
fn a_message_has_the_number_that_it_was_given() {
    let draft = draft!();
    let mut msg = Msg::copy_of(draft.library(), "x");
    assert_eq!(draft.routing_id(&mut msg), 0);
    assert_eq!(draft.set_routing_id(&mut msg, 0), Err(zmq::EINVAL));
    draft.set_routing_id(&mut msg, u32::MAX).unwrap();
    assert_eq!(draft.routing_id(&mut msg), u32::MAX);
}

#[test]
fn a_number_is_local() {
    let draft = draft!();
    let (server, client) = pair(zmq::SERVER, zmq::CLIENT, Transport::Inproc);
    client.send("x");
    let (number, _) = draft.recv_from(&server).unwrap();
    assert_ne!(number, 0);
    draft.send_to(&server, number, "y", 0).unwrap();
    assert_eq!(draft.recv_from(&client), Ok((0, b"y".to_vec())));
    assert_eq!(draft.send_to(&server, number.wrapping_add(1), "z", 0), Err(zmq::EHOSTUNREACH));
}

#[test]
fn a_client_that_has_gone_is_unreachable() {
    let draft = draft!();
    for transport in [Transport::Tcp, Transport::Inproc] {
        let (server, client) = pair(zmq::SERVER, zmq::CLIENT, transport);
        client.send("last words");
        client.close().unwrap();
        let (number, body) = draft.recv_from(&server).unwrap();
        assert_eq!(body, b"last words");
        wait::until("it is gone", || draft.send_to(&server, number, "?", 0) == Err(zmq::EHOSTUNREACH));
    }
}

#[test]
fn only_a_peer_connects_and_tells_the_number() {
    let draft = draft!();
    let ctx = Ctx::new();
    for kind in [zmq::SERVER, zmq::CLIENT, zmq::DEALER, zmq::CHANNEL] {
        assert_eq!(draft.connect_peer(&ctx.socket(kind), "inproc://x"), Err(zmq::ENOTSUP), "{kind}");
    }
    let peer = ctx.socket(zmq::PEER);
    assert_eq!(draft.connect_peer(&peer, "nonsense"), Err(zmq::EINVAL));
    assert_eq!(draft.connect_peer(&peer, "foo://x"), Err(zmq::EPROTONOSUPPORT));
    let (first, second) = (inproc(), "tcp://127.0.0.1:9");
    let numbers = [draft.connect_peer(&peer, &first).unwrap(), draft.connect_peer(&peer, second).unwrap()];
    assert_ne!(numbers[0], numbers[1]);
    peer.set(zmq::IMMEDIATE, 1).unwrap();
    assert_eq!(draft.connect_peer(&peer, second), Err(zmq::EFAULT));
}

#[test]
fn a_message_to_a_peer_waits_for_its_connection() {
    let draft = draft!();
    let ctx = Ctx::new();
    let (a, b) = (ctx.socket(zmq::PEER), ctx.socket(zmq::PEER));
    let endpoint = inproc();
    let number = draft.connect_peer(&a, &endpoint).unwrap();
    draft.send_to(&a, number, "early", 0).unwrap();
    b.bind(&endpoint).unwrap();
    assert_eq!(draft.recv_from(&b).unwrap().1, b"early");
}

#[test]
fn a_peer_is_let_go() {
    let draft = draft!();
    for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
        let ctx = Ctx::new();
        let (server, client) = (ctx.socket(zmq::SERVER), ctx.socket(zmq::CLIENT));
        assert_eq!(draft.disconnect_peer(&server, 1), Err(zmq::EHOSTUNREACH));
        assert_eq!(draft.disconnect_peer(&client, 1), Err(zmq::ENOTSUP));
        client.set(zmq::RECONNECT_IVL, -1).unwrap();
        join(&server, &client, transport);
        let gone = Monitor::new(&client);
        client.send("hello");
        let (number, _) = draft.recv_from(&server).unwrap();
        draft.send_to(&server, number, "good bye", 0).unwrap();
        draft.disconnect_peer(&server, number).unwrap();
        assert_eq!(draft.disconnect_peer(&server, number), Err(zmq::EHOSTUNREACH), "{transport:?}");
        assert_eq!(draft.send_to(&server, number, "too late", 0), Err(zmq::EHOSTUNREACH));
        client.expect("good bye");
        if transport != Transport::Inproc {
            gone.wait_for(zmq::EVENT_DISCONNECTED);
        }
        wait::until("nobody is there", || client.try_send("x") == Err(zmq::EAGAIN));
    }
}

// Hello

#[test]
fn a_hello_message_goes_first() {
    let draft = draft!();
    const HELLO_MSG: i32 = 110;
    let ctx = Ctx::new();
    let (server, client) = (ctx.socket(zmq::SERVER), ctx.socket(zmq::CLIENT));
    server.set_bytes(HELLO_MSG, "welcome").unwrap();
    client.set_bytes(HELLO_MSG, "good day").unwrap();
    join(&server, &client, Transport::Tcp);
    client.expect("welcome");
    assert_eq!(draft.recv_from(&server).unwrap().1, b"good day");
}

// Security

/// A pair of keys for CURVE: public, secret.
fn keys(draft: &Draft) -> [CString; 2] {
    let (mut public, mut secret) = ([0; 41], [0; 41]);
    assert_eq!(draft.library().zmq_curve_keypair(public.as_mut_ptr(), secret.as_mut_ptr()), 0);
    [public, secret].map(|key| {
        let bytes = key.map(|byte| byte as u8);
        CStr::from_bytes_until_nul(&bytes).expect("a text").to_owned()
    })
}

#[test]
fn they_speak_curve() {
    let draft = draft!();
    let ([public, secret], [client_public, client_secret]) = (keys(&draft), keys(&draft));
    let ctx = Ctx::new();
    let encrypted = |binder, connecter| {
        let (binder, connecter) = (ctx.socket(binder), ctx.socket(connecter));
        binder.set(zmq::CURVE_SERVER, 1).unwrap();
        binder.set_bytes(zmq::CURVE_SECRETKEY, secret.as_bytes()).unwrap();
        connecter.set_bytes(zmq::CURVE_SERVERKEY, public.as_bytes()).unwrap();
        connecter.set_bytes(zmq::CURVE_PUBLICKEY, client_public.as_bytes()).unwrap();
        connecter.set_bytes(zmq::CURVE_SECRETKEY, client_secret.as_bytes()).unwrap();
        join(&binder, &connecter, Transport::Tcp);
        (binder, connecter)
    };
    let (server, client) = encrypted(zmq::SERVER, zmq::CLIENT);
    client.send("hello");
    let (number, body) = draft.recv_from(&server).unwrap();
    draft.send_to(&server, number, body, 0).unwrap();
    client.expect("hello");
    for (radio_binds, radio, dish) in [(true, zmq::RADIO, zmq::DISH), (false, zmq::DISH, zmq::RADIO)] {
        let (binder, connecter) = encrypted(radio, dish);
        let (radio, dish) = if radio_binds { (binder, connecter) } else { (connecter, binder) };
        draft.join(&dish, "left").unwrap();
        draft.join(&dish, "a").unwrap();
        draft.leave(&dish, "left").unwrap();
        until_joined(&draft, &radio, &dish, "a");
    }
}

// Polling

#[test]
fn a_poll_looks_at_sockets_of_both_sorts_and_descriptors() {
    ours_only!("the distribution's build refuses with EINVAL");
    let ctx = Ctx::new();
    let (gather, scatter) = (ctx.socket(zmq::GATHER), ctx.socket(zmq::SCATTER));
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    join(&gather, &scatter, Transport::Inproc);
    join(&pull, &push, Transport::Tcp);
    let (fd, mut far) = std::os::unix::net::UnixStream::pair().unwrap();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&fd);
    let items = || {
        [
            PollItem::socket(&gather, zmq::POLLIN),
            PollItem::fd(fd, zmq::POLLIN),
            PollItem::socket(&pull, zmq::POLLIN),
            PollItem::socket(&gather, zmq::POLLIN | zmq::POLLOUT),
        ]
    };
    let found = |timeout| {
        let mut items = items();
        poll(&mut items, timeout).map(|count| (count, items.map(|item| item.revents)))
    };
    assert_eq!(found(0), Ok((0, [0; 4])));
    assert_eq!(found(20), Ok((0, [0; 4])));
    scatter.send("x");
    assert_eq!(found(-1), Ok((2, [1, 0, 0, 1])));
    gather.expect("x");
    push.send("x");
    assert_eq!(found(-1), Ok((1, [0, 0, 1, 0])));
    pull.expect("x");
    std::io::Write::write_all(&mut far, b"x").unwrap();
    assert_eq!(found(-1), Ok((1, [0, 1, 0, 0])));
}

#[test]
fn a_poller_waits_for_several() {
    let draft = draft!();
    let ctx = Ctx::new();
    let (gather, scatter) = (ctx.socket(zmq::GATHER), ctx.socket(zmq::SCATTER));
    let (server, client) = (ctx.socket(zmq::SERVER), ctx.socket(zmq::CLIENT));
    join(&gather, &scatter, Transport::Tcp);
    join(&server, &client, Transport::Inproc);
    let poller = draft.poller();
    poller.add(&gather, zmq::POLLIN).unwrap();
    poller.add(&server, zmq::POLLIN).unwrap();
    assert_eq!(poller.wait(0).err(), Some(zmq::EAGAIN));
    scatter.send("x");
    assert_eq!(poller.wait(-1), Ok((gather.handle(), zmq::POLLIN)));
    gather.expect("x");
    client.send("x");
    assert_eq!(poller.wait(-1), Ok((server.handle(), zmq::POLLIN)));
    server.expect("x");
    assert_eq!(poller.wait(10).err(), Some(zmq::EAGAIN));
}

#[test]
fn the_context_s_end_ends_a_poll() {
    ours_only!("the distribution's build refuses with EINVAL");
    let lib = c_library!();
    let ctx = Ctx::new();
    let gather = ctx.socket(zmq::GATHER);
    let handle = gather.handle();
    let waiter = std::thread::spawn(move || {
        let socket = handle;
        let mut item = RawPollItem { socket: socket.0, fd: 0, events: 1, revents: 0 };
        lib.check(lib.zmq_poll(&raw mut item, 1, -1))
    });
    ctx.shutdown().unwrap();
    assert_eq!(waiter.join().unwrap(), Err(zmq::ETERM));
}

// DGRAM

#[test]
fn a_dgram_is_for_udp_and_one_thread() {
    ours_only!("the distribution's build makes it otherwise");
    let dgram = Ctx::new().socket(zmq::DGRAM);
    assert_eq!((dgram.option(zmq::TYPE), dgram.option(zmq::THREAD_SAFE)), (Ok(zmq::DGRAM), Ok(0)));
    assert!(dgram.bind("tcp://127.0.0.1:*").is_err());
    assert!(dgram.try_send("address").is_err());
    assert_eq!(dgram.try_recv(), Err(zmq::EAGAIN));
}
