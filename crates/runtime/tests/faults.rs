//! Peers and resources that fail: cut connections, half-open floods, malformed greetings, silent peers, listeners
//! that restart. Nobody else notices, and nothing panics.
#![allow(missing_docs)]

mod harness;

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{Duration, Instant},
};

use ferrozmq_base::{Msg, SocketType};
use ferrozmq_runtime::{Context, Flags};
use harness::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

/// Listens again where somebody listened before.
fn listen_again(address: std::net::SocketAddr) -> TcpListener {
    let patience = Instant::now() + PATIENCE;
    loop {
        match TcpListener::bind(address) {
            Ok(listener) => return listener,
            Err(e) => assert!(Instant::now() < patience, "{e}"),
        }
    }
}

#[test]
fn a_peer_cut_at_any_byte_leaves_no_part_of_a_message() {
    let context = Context::new().unwrap();
    let (mut pull, endpoint) = bound(&context, SocketType::Pull, &endpoint("tcp"));
    // Three frames: two short ones and one with a long header.
    let mut message = [frame(1, b"first"), frame(1, &[2; 100])].concat();
    message.push(2);
    message.extend_from_slice(&300u64.to_be_bytes());
    message.extend_from_slice(&[3; 300]);
    let other = connected(&context, SocketType::Push, &endpoint);
    let mut other = other;
    for (round, cut) in (0..message.len()).step_by(7).enumerate() {
        let mut peer = RawPeer::connect(&endpoint);
        peer.handshake("PUSH");
        peer.write(&frame(0, b"whole"));
        peer.write(&message[..cut]);
        assert_eq!(recv(&mut pull), [b"whole"]);
        drop(peer);
        send(&mut other, &[&round.to_ne_bytes()]);
        assert_eq!(recv(&mut pull), [round.to_ne_bytes()], "cut at byte {cut}");
    }
    let mut peer = RawPeer::connect(&endpoint);
    peer.handshake("PUSH");
    peer.write(&message);
    drop(peer);
    assert_eq!(recv(&mut pull).iter().map(Vec::len).collect::<Vec<_>>(), [5, 100, 300]);
    other.close();
    pull.close();
    end(&context);
}

#[test]
fn a_peer_cut_in_the_midst_of_a_huge_message_leaves_no_part_of_it() {
    let context = Context::new().unwrap();
    let (mut pull, endpoint) = bound(&context, SocketType::Pull, &endpoint("tcp"));
    for announced in [1u64 << 20, 1 << 30, 1 << 40] {
        let mut peer = RawPeer::connect(&endpoint);
        peer.handshake("PUSH");
        peer.write(&[frame(1, b"beginning"), vec![2], announced.to_be_bytes().to_vec()].concat());
        peer.write(&vec![1; 500_000]);
        drop(peer);
        let mut peer = RawPeer::connect(&endpoint);
        peer.handshake("PUSH");
        peer.write(&frame(0, b"whole"));
        assert_eq!(recv(&mut pull), [b"whole"]);
    }
    pull.close();
    end(&context);
}

#[test]
fn after_a_cut_the_connecting_side_sends_the_next_whole_message() {
    let context = Context::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut push = socket(&context, SocketType::Push);
    push.options_mut().reconnect_interval = Some(MS(1));
    push.options_mut().send_hwm = 0;
    push.connect(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
    let size = 3000;
    for i in 0..3000u32 {
        send(&mut push, &[&i.to_ne_bytes(), &vec![0; size]]);
    }
    let mut next = 0u32;
    let mut choices = Choices(7);
    while next < 3000 {
        let mut peer = RawPeer::accept(&listener);
        peer.handshake("PULL");
        for _ in 0..choices.below(400) {
            let (flags, head) = peer.message_frame();
            assert_eq!((flags & 1, head.len()), (1, 4), "a connection begins with a whole message");
            let number = u32::from_ne_bytes(head.try_into().unwrap());
            assert!(number >= next, "{number} again");
            next = number + 1;
            let (flags, body) = peer.message_frame();
            assert_eq!((flags & 1, body.len()), (0, size));
            if next == 3000 {
                break;
            }
        }
        if next < 3000 && choices.one_in(2) {
            // In the midst of a message.
            let _ = peer.0.read(&mut [0; 100]);
        }
        if push.peers() == 0 {
            panic!("the pipe of a connecting socket stays");
        }
        if next < 3000 {
            // What the kernel took of this connection is lost with it; the rest is not.
            drop(peer);
            let mut m = Msg::copy_from(&2999u32.to_ne_bytes()).unwrap();
            push.send(&mut m, Flags { dont_wait: false, more: true }).unwrap();
            push.send(&mut Msg::from_vec(vec![0; size]), Flags::default()).unwrap();
        }
    }
    push.options_mut().linger = Some(Duration::ZERO);
    push.close();
    end(&context);
}

/// More than any kernel takes at once.
const HUGE: usize = 64 << 20;

#[test]
fn a_message_that_is_cut_counts_once() {
    let context = Context::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut push = socket(&context, SocketType::Push);
    push.options_mut().reconnect_interval = Some(MS(1));
    push.options_mut().linger = Some(Duration::ZERO);
    push.connect(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
    push.send(&mut Msg::from_vec(vec![0; HUGE]), Flags::default()).unwrap();
    let mut peer = RawPeer::accept(&listener);
    peer.handshake("PULL");
    peer.0.read_exact(&mut [0; 1000]).unwrap();
    drop(peer);
    // The session has done with the first connection before it makes the second.
    let again = RawPeer::accept(&listener);
    let stats = push.stats().unwrap();
    let of_peer = &stats.connections[0];
    assert_eq!((of_peer.dropped_peer_gone, of_peer.queued, of_peer.sent.0), (1, 0, 0));
    drop(again);
    push.close();
    end(&context);
}

#[test]
fn what_a_disconnect_leaves_behind_counts() {
    let context = Context::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let mut push = socket(&context, SocketType::Push);
    push.options_mut().linger = Some(Duration::ZERO);
    push.connect(&endpoint).unwrap();
    for _ in 0..3 {
        push.send(&mut Msg::from_vec(vec![1]), Flags::default()).unwrap();
    }
    assert_eq!(push.stats().unwrap().connections[0].queued, 3);
    push.disconnect(&endpoint).unwrap();
    assert_eq!(push.stats().unwrap().connections.len(), 0);
    // The session drops it, a moment later.
    let patience = Instant::now() + PATIENCE;
    while push.stats().unwrap().undelivered != 3 {
        assert!(Instant::now() < patience, "{:?}", push.stats());
        std::thread::yield_now();
    }
    push.close();
    end(&context);
}

#[test]
fn what_was_queued_for_a_peer_that_went_counts_once() {
    let context = Context::new().unwrap();
    let mut dealer = socket(&context, SocketType::Dealer);
    dealer.options_mut().send_hwm = 0;
    let endpoint = bind(&mut dealer, &endpoint("tcp"));
    let mut peer = RawPeer::connect(&endpoint);
    peer.handshake("DEALER");
    // As long as it is unread the pipe stays, and what is said of it.
    peer.write(&frame(0, b"unread"));
    let patience = Instant::now() + PATIENCE;
    while !dealer.events().unwrap().readable {
        assert!(Instant::now() < patience, "nothing to read");
        std::thread::yield_now();
    }
    for size in [HUGE, 1, 1, 1] {
        dealer.send(&mut Msg::from_vec(vec![0; size]), Flags::default()).unwrap();
    }
    drop(peer);
    while dealer.events().unwrap().writable {
        assert!(Instant::now() < patience, "the peer is still there");
        std::thread::yield_now();
    }
    let stats = dealer.stats().unwrap();
    let of_peer = &stats.connections[0];
    assert_eq!((of_peer.dropped_peer_gone, of_peer.queued, of_peer.sent.0), (4, 0, 0));
    assert_eq!(recv(&mut dealer), [b"unread"]);
    // The pipe goes with the last of its input, which the socket finds when it looks for more.
    assert!(!dealer.events().unwrap().readable);
    let stats = dealer.stats().unwrap();
    assert_eq!((stats.undelivered, stats.connections.len()), (4, 0));
    dealer.close();
    end(&context);
}

#[test]
fn a_subscriber_subscribes_again_where_the_publisher_restarts() {
    let context = Context::new().unwrap();
    // An address that nobody else uses: the port is not taken while it is free.
    let listener = TcpListener::bind("127.0.5.4:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut sub = socket(&context, SocketType::Sub);
    sub.options_mut().reconnect_interval = Some(MS(1));
    sub.set_option(SUBSCRIBE, Some(b"a")).unwrap();
    sub.set_option(SUBSCRIBE, Some(b"b")).unwrap();
    sub.connect(&format!("tcp://{address}")).unwrap();
    let (received, seen) = mpsc::channel();
    let publisher = std::thread::spawn(move || {
        let mut listener = Some(listener);
        for round in 0..20u8 {
            let mut peer = RawPeer::accept(listener.as_ref().unwrap());
            peer.handshake("PUB");
            let mut topics: Vec<Vec<u8>> = (0..2).map(|_| subscription(&mut peer)).collect();
            topics.sort();
            assert_eq!(topics, [b"a", b"b"], "round {round}");
            peer.write(&frame(0, &[b'a', round]));
            seen.recv().unwrap();
            drop(peer);
            if round % 5 == 4 {
                drop(listener.take());
                listener = Some(listen_again(address));
            }
        }
    });
    for round in 0..20u8 {
        // While it waits the subscriber notices that it has to write its topics again.
        assert_eq!(recv(&mut sub), [[b'a', round]]);
        received.send(()).unwrap();
    }
    publisher.join().unwrap();
    sub.close();
    end(&context);
}

/// The topic of the next subscription, in either of its forms.
fn subscription(peer: &mut RawPeer) -> Vec<u8> {
    let (flags, body) = peer.frame();
    if flags & 4 == 0 {
        assert_eq!(body[0], 1);
        return body[1..].to_vec();
    }
    body.strip_prefix(b"\x09SUBSCRIBE").expect("a subscription").to_vec()
}

#[test]
fn a_subscriber_that_makes_no_call_after_a_reconnect_still_answers_pings() {
    let context = Context::new().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut sub = socket(&context, SocketType::Sub);
    sub.options_mut().reconnect_interval = Some(MS(1));
    sub.set_option(SUBSCRIBE, Some(b"topic")).unwrap();
    sub.connect(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
    let mut peer = RawPeer::accept(&listener);
    peer.handshake("PUB");
    assert_eq!(subscription(&mut peer), b"topic");
    drop(peer);
    let mut peer = RawPeer::accept(&listener);
    peer.handshake("PUB");
    peer.write(&frame(4, b"\x04PING\x00\x0acontext"));
    assert_eq!(peer.frame(), (4, b"\x04PONGcontext".to_vec()));
    peer.write(&frame(0, b"topic 1"));
    assert_eq!(recv(&mut sub), [b"topic 1"]);
    assert_eq!(subscription(&mut peer), b"topic");
    sub.close();
    end(&context);
}

#[test]
fn a_silent_peer_is_given_up_and_others_are_not() {
    let context = Context::new().unwrap();
    let mut pull = socket(&context, SocketType::Pull);
    pull.options_mut().heartbeat.interval = Some(MS(20));
    pull.options_mut().heartbeat.timeout = Some(MS(600));
    let endpoint = bind(&mut pull, &endpoint("tcp"));
    let mut push = connected(&context, SocketType::Push, &endpoint);
    let mut silent = RawPeer::connect(&endpoint);
    silent.handshake("PUSH");
    silent.wait_for_end();
    send(&mut push, &[b"still here"]);
    assert_eq!(recv(&mut pull), [b"still here"]);
    push.close();
    pull.close();
    end(&context);
}

#[test]
fn a_silent_peer_is_given_up_while_the_application_waits_for_it() {
    // The waiting application holds the connection and has to give it back.
    for direct in [true, false] {
        let context = Context::new().unwrap();
        context.set_direct(direct);
        let mut pull = socket(&context, SocketType::Pull);
        pull.options_mut().heartbeat.interval = Some(MS(20));
        pull.options_mut().heartbeat.timeout = Some(MS(600));
        let endpoint = bind(&mut pull, &endpoint("tcp"));
        let mut silent = RawPeer::connect(&endpoint);
        silent.handshake("PUSH");
        silent.write(&frame(0, b"one"));
        let receiver = std::thread::spawn(move || {
            assert_eq!(recv(&mut pull), [b"one"]);
            assert_eq!(recv(&mut pull), [b"two"]);
            pull
        });
        silent.wait_for_end();
        let mut push = connected(&context, SocketType::Push, &endpoint);
        send(&mut push, &[b"two"]);
        receiver.join().unwrap().close();
        push.close();
        end(&context);
    }
}

#[test]
fn an_unfinished_handshake_is_ended_in_time() {
    let context = Context::new().unwrap();
    let mut pull = socket(&context, SocketType::Pull);
    pull.options_mut().handshake_interval = Some(MS(50));
    let endpoint = bind(&mut pull, &endpoint("tcp"));
    for begun in [0, 1, 10, 11, 63, 64] {
        let mut peer = RawPeer::connect(&endpoint);
        peer.write(&GREETING[..begun]);
        peer.wait_for_end();
    }
    let mut push = connected(&context, SocketType::Push, &endpoint);
    send(&mut push, &[b"patient"]);
    assert_eq!(recv(&mut pull), [b"patient"]);
    push.close();
    pull.close();
    end(&context);
}

#[test]
fn half_open_connections_do_not_keep_others_out() {
    let context = Context::new().unwrap();
    let (mut pull, endpoint) = bound(&context, SocketType::Pull, &endpoint("tcp"));
    let half_open: Vec<TcpStream> =
        (0..400).map(|_| TcpStream::connect(address(&endpoint)).unwrap()).collect();
    let mut push = connected(&context, SocketType::Push, &endpoint);
    send(&mut push, &[b"through"]);
    assert_eq!(recv(&mut pull), [b"through"]);
    push.close();
    pull.close();
    end(&context);
    drop(half_open);
}

#[test]
fn a_slow_reader_with_heartbeats_stays_connected() {
    for direct in [true, false] {
        let context = Context::new().unwrap();
        context.set_direct(direct);
        let mut pull = socket(&context, SocketType::Pull);
        pull.options_mut().receive_hwm = 1;
        let mut push = socket(&context, SocketType::Push);
        push.options_mut().send_hwm = 1;
        for socket in [&mut pull, &mut push] {
            // Long enough for an I/O thread that has to wait for its core.
            socket.options_mut().heartbeat.interval = Some(MS(50));
            socket.options_mut().heartbeat.timeout = Some(MS(600));
            socket.options_mut().heartbeat.ttl = MS(1000);
        }
        let endpoint = bind(&mut pull, &endpoint("tcp"));
        push.connect(&endpoint).unwrap();
        // A reconnect would leave a gap: messages that were in the kernel's hands are lost with their connection.
        let count = 400u32;
        let sender = std::thread::spawn(move || {
            for i in 0..count {
                send(&mut push, &[&i.to_ne_bytes(), &[0; 50_000]]);
            }
            push
        });
        for i in 0..count {
            assert_eq!(recv(&mut pull)[0], i.to_ne_bytes());
            if i == 5 {
                // Not to wait for anything: this is the slow reader.
                std::thread::sleep(MS(2000));
            }
        }
        sender.join().unwrap().close();
        pull.close();
        end(&context);
    }
}

#[test]
fn malformed_greetings_and_handshakes_end_their_own_connection_only() {
    let context = Context::new().unwrap();
    let (mut pull, endpoint) = bound(&context, SocketType::Pull, &endpoint("tcp"));
    let mut bad: Vec<Vec<u8>> = vec![
        b"GET / HTTP/1.1\r\nHost: somewhere\r\n\r\n".to_vec(),
        vec![0; 64],
        vec![0xff; 300],
        [&GREETING[..12], &[b'X'; 20], &[0; 32]].concat(),
        [&GREETING[..], &frame(4, b"\x05READY\x0bSocket-Type\xff\xff\xff\xff")].concat(),
        [&GREETING[..], &frame(4, b"\x05READY\x0bSocket-Type\x00\x00\x00\x03XYZ")].concat(),
        [&GREETING[..], &ready("PULL")].concat(),
        [&GREETING[..], &frame(4, b"\x05ERROR\x05nopes")].concat(),
        [&GREETING[..], &frame(4, b"")].concat(),
        [&GREETING[..], &frame(4, b"\xffX")].concat(),
        [&GREETING[..], &frame(0, b"a message before its time")].concat(),
        [&GREETING[..], &[6, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..]].concat(),
        [&GREETING[..], &ready("PUSH"), &frame(4, b"")].concat(),
        [&GREETING[..], &ready("PUSH"), &frame(4, b"\x04PING")].concat(),
        [&GREETING[..], &ready("PUSH"), &[2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff][..]].concat(),
    ];
    let mut choices = Choices(14);
    for _ in 0..100 {
        // Never without the first byte: by chance the rest might be what a peer of ZMTP 1.0 says.
        let mut bytes = GREETING[..1 + choices.below(64) as usize].to_vec();
        bytes.extend((0..choices.below(200)).map(|_| choices.next() as u8));
        bad.push(bytes);
    }
    for bytes in &bad {
        let mut peer = RawPeer::connect(&endpoint);
        let _ = peer.0.write_all(bytes);
        let _ = peer.0.shutdown(std::net::Shutdown::Write);
        peer.wait_for_end();
    }
    let mut push = connected(&context, SocketType::Push, &endpoint);
    send(&mut push, &[b"well formed"]);
    assert_eq!(recv(&mut pull), [b"well formed"]);
    push.close();
    pull.close();
    end(&context);
}

#[test]
fn a_client_that_half_closes_and_keeps_reading_is_let_go() {
    let context = Context::new().unwrap();
    let (mut rep, endpoint) = bound(&context, SocketType::Rep, &endpoint("tcp"));
    for i in 0..50u8 {
        let mut peer = RawPeer::connect(&endpoint);
        peer.handshake("REQ");
        peer.write(&[frame(1, b""), frame(0, &[i])].concat());
        peer.0.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(recv(&mut rep), [[i]]);
        send(&mut rep, &[b"answer"]);
        peer.wait_for_end();
    }
    rep.close();
    end(&context);
}

#[test]
fn without_a_reconnect_interval_a_lost_connection_is_not_made_again() {
    for interval in [None, Some(Duration::ZERO)] {
        let context = Context::new().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut pull = socket(&context, SocketType::Pull);
        pull.options_mut().reconnect_interval = interval;
        pull.connect(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
        let mut peer = RawPeer::accept(&listener);
        peer.handshake("PUSH");
        peer.write(&frame(0, b"one"));
        assert_eq!(recv(&mut pull), [b"one"]);
        drop(peer);
        // The pipe ends with its connection.
        pull.wait_until(Some(PATIENCE), |pull| pull.peers() == 0).unwrap();
        listener.set_nonblocking(true).unwrap();
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        // Nor one that was never made: the endpoint waits for nothing, and nothing turns in circles.
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        pull.connect(&format!("tcp://{nobody}")).unwrap();
        pull.close();
        end(&context);
    }
}
