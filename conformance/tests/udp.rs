//! The udp transport (zmq_udp(7)): RADIO and DISH, DGRAM, against plain datagram sockets.
//!
//! Multicast between two machines is tested in `interop`.

use std::net::{SocketAddr, SocketAddrV6, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use conformance::groups::{self, Dropped};
use conformance::msg::Msg;
use conformance::socket::loopback;
use conformance::wait::{self, PATIENCE_MS};
use conformance::{Ctx, Errno, Event, Monitor, Sock, is_system, ours_only, subject, zmq};

/// Ends the test, as passed, on the distribution's libzmq, which has no groups, and of DGRAM only what its own tests need.
macro_rules! udp {
    () => {
        if !groups::exist() {
            eprintln!("skipped: the subject has no draft types");
            return;
        }
    };
}

fn plain_at(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind(address).expect("a free port");
    socket.set_read_timeout(Some(Duration::from_millis(PATIENCE_MS as u64))).unwrap();
    socket
}

fn plain() -> UdpSocket {
    plain_at("127.0.0.1:0")
}

/// At an address that no other test uses: its port stays free when it is given back.
fn plain_at_own_address() -> UdpSocket {
    plain_at(&format!("{}:0", loopback()))
}

fn received(socket: &UdpSocket) -> (Vec<u8>, SocketAddr) {
    let mut buffer = vec![0; 70_000];
    let (length, from) = socket.recv_from(&mut buffer).expect("a datagram");
    buffer.truncate(length);
    (buffer, from)
}

/// Binds; where to send to.
#[track_caller]
fn bound(socket: &Sock, endpoint: &str) -> SocketAddr {
    socket.bind(endpoint).unwrap_or_else(|e| panic!("{endpoint}: {e:?}"));
    let port = socket.last_endpoint().rsplit_once(':').expect("a port").1.parse().expect("a number");
    match endpoint.contains("::") {
        true => SocketAddr::new("::1".parse().unwrap(), port),
        false => SocketAddr::new("127.0.0.1".parse().unwrap(), port),
    }
}

fn dgram(ctx: &Ctx) -> (Sock, SocketAddr) {
    let socket = ctx.socket(zmq::DGRAM);
    if is_system() {
        // It does not say which port it was given, and binds in the background.
        let address = plain_at_own_address().local_addr().unwrap();
        socket.bind(&format!("udp://{address}")).unwrap();
        // Not by binding there, which would be in its way.
        let SocketAddr::V4(v4) = address else { unreachable!("of IPv4") };
        let ip = u32::from_ne_bytes(v4.ip().octets());
        let entry = format!(" {ip:08X}:{:04X} ", v4.port());
        wait::until("it is bound", || std::fs::read_to_string("/proc/net/udp").unwrap().contains(&entry));
        return (socket, address);
    }
    let address = bound(&socket, "udp://127.0.0.1:*");
    (socket, address)
}

/// Bodies as long as they may be.
fn bodies() -> Vec<Vec<u8>> {
    let mut bodies = vec![b"hello".to_vec(), vec![], vec![0], vec![7; 8192]];
    if !is_system() {
        // There the buffers end.
        bodies.extend([vec![8; 8193], vec![9; 65_507]]);
    }
    bodies
}

fn dish(ctx: &Ctx, group: &str) -> (Sock, SocketAddr) {
    let socket = ctx.socket(zmq::DISH);
    let address = bound(&socket, "udp://127.0.0.1:*");
    groups::join(&socket, group).unwrap();
    (socket, address)
}

/// A RADIO whose datagrams come to the plain socket.
fn radio(ctx: &Ctx, to: &UdpSocket) -> Sock {
    let socket = ctx.socket(zmq::RADIO);
    socket.connect(&format!("udp://{}", to.local_addr().unwrap())).unwrap();
    socket
}

fn named(address: SocketAddr) -> Vec<u8> {
    format!("{address}\0").into_bytes()
}

#[track_caller]
fn assert_dropped(socket: &Sock, expected: Dropped) {
    if let Some(first) = groups::dropped(socket)
        && first != expected
    {
        wait::until("the counts", || groups::dropped(socket) == Some(expected));
    }
}

/// A datagram for the group of these bytes.
fn datagram(group: &[u8], body: &[u8]) -> Vec<u8> {
    [&[group.len() as u8], group, body].concat()
}

// DGRAM

#[test]
fn a_dgram_receives_a_datagram_with_the_address_of_its_sender() {
    let (dgram, to) = dgram(&Ctx::new());
    let peer = plain();
    let from = named(peer.local_addr().unwrap());
    for body in bodies() {
        peer.send_to(&body, to).unwrap();
        let length = body.len();
        assert_eq!(dgram.recv(), Ok(vec![from.clone(), body]), "{length} bytes");
    }
}

#[test]
fn a_dgram_sends_to_the_address_in_front_of_the_body() {
    let (dgram, own) = dgram(&Ctx::new());
    let peer = plain();
    let to = peer.local_addr().unwrap();
    for address in [named(to), to.to_string().into_bytes()] {
        for body in bodies() {
            dgram.send([&address, &body]);
            assert_eq!(received(&peer), (body, own));
        }
    }
}

#[test]
fn dgrams_answer_each_other() {
    let ctx = Ctx::new();
    let ((a, at_a), (b, at_b)) = (dgram(&ctx), dgram(&ctx));
    a.send([&named(at_b)[..], b"ping"]);
    let ping = b.recv().unwrap();
    assert_eq!(ping, [named(at_a), b"ping".to_vec()]);
    b.send([&ping[0][..], b"pong"]);
    assert_eq!(a.recv(), Ok(vec![named(at_b), b"pong".to_vec()]));
}

#[test]
fn a_message_to_no_address_is_dropped() {
    let (dgram, _) = dgram(&Ctx::new());
    let peer = plain();
    let to = peer.local_addr().unwrap();
    let port = to.port();
    let mut wrong = vec![
        String::new(),
        "\0".into(),
        "127.0.0.1".into(),
        "127.0.0.1:".into(),
        "127.0.0.1:0".into(),
        "127.0.0.1:65536".into(),
        format!("localhost:{port}"),
        format!("udp://127.0.0.1:{port}"),
    ];
    if !is_system() {
        wrong.extend([
            format!("127.0.0.1:{port}\0\0"),
            // A socket of IPv4 reaches none of IPv6.
            format!("[::1]:{port}"),
            // Broadcast is not permitted.
            format!("255.255.255.255:{port}"),
        ]);
    }
    for address in &wrong {
        dgram.send([address.as_bytes(), b"lost"]);
    }
    dgram.send([&named(to)[..], b"arrives"]);
    assert_eq!(received(&peer).0, b"arrives");
    assert_dropped(&dgram, Dropped { unroutable: wrong.len() as u64, ..Dropped::default() });
}

#[test]
fn a_port_that_nobody_has_does_no_harm() {
    udp!();
    let ctx = Ctx::new();
    let (dgram, own) = dgram(&ctx);
    let peer = plain_at_own_address();
    let radio = radio(&ctx, &peer);
    let to = peer.local_addr().unwrap();
    drop(peer);
    for _ in 0..10 {
        dgram.send([&named(to)[..], b"nobody"]);
        groups::send(&radio, "g", "nobody").unwrap();
    }
    let peer = plain();
    peer.send_to(b"still there?", own).unwrap();
    assert_eq!(dgram.recv().map(|message| message[1].clone()), Ok(b"still there?".to_vec()));
    let back = plain_at(&to.to_string());
    groups::send(&radio, "g", "again").unwrap();
    while received(&back).0 != datagram(b"g", b"again") {}
}

#[test]
fn a_body_longer_than_any_datagram_is_refused_with_its_address() {
    udp!();
    let (dgram, _) = dgram(&Ctx::new());
    let peer = plain();
    let to = named(peer.local_addr().unwrap());
    dgram.send_frame(&to, zmq::SNDMORE).unwrap();
    assert_eq!(dgram.send_frame(vec![0; 65_508], 0), Err(zmq::EMSGSIZE));
    if let Some(lib) = subject().library() {
        dgram.send_frame(&to, zmq::SNDMORE).unwrap();
        let mut msg = Msg::copy_of(lib, vec![0; 65_508]);
        assert_eq!(msg.send(&dgram, 0), Err(zmq::EMSGSIZE));
        assert_eq!(msg.size(), 65_508, "it is still the caller's");
    }
    dgram.send([&to[..], b"next"]);
    assert_eq!(received(&peer).0, b"next");
}

#[test]
fn a_message_of_a_dgram_has_two_parts() {
    let ctx = Ctx::new();
    let (dgram, _) = dgram(&ctx);
    let peer = plain();
    let to = named(peer.local_addr().unwrap());
    assert_eq!(dgram.send_frame(&to, 0), Err(zmq::EINVAL));
    dgram.send_frame(&to, zmq::SNDMORE).unwrap();
    assert_eq!(dgram.send_frame("body", zmq::SNDMORE), Err(zmq::EINVAL));
    dgram.send_frame("body", 0).unwrap();
    assert_eq!(received(&peer).0, b"body");
    ours_only!("it aborts when nothing is bound");
    assert!(ctx.socket(zmq::DGRAM).try_send([&to[..], b"body"]).is_err(), "not bound");
}

#[test]
fn a_dgram_has_one_endpoint() {
    udp!();
    let (dgram, first) = dgram(&Ctx::new());
    dgram.bind("udp://127.0.0.1:*").unwrap();
    let peer = plain();
    dgram.send([&named(peer.local_addr().unwrap())[..], b"hello"]);
    assert_eq!(received(&peer).1, first);
}

#[test]
fn addresses_of_ipv6() {
    udp!();
    if UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("skipped: no IPv6 here");
        return;
    }
    let dgram = Ctx::new().socket(zmq::DGRAM);
    assert_eq!(dgram.bind("udp://[::1]:*"), Err(zmq::ENODEV), "not without ZMQ_IPV6");
    dgram.set(zmq::IPV6, 1).unwrap();
    let to = bound(&dgram, "udp://[::1]:*");
    assert!(dgram.last_endpoint().starts_with("[::1]:"));
    let peer = plain_at("[::1]:0");
    let from = peer.local_addr().unwrap();
    peer.send_to(b"hello", to).unwrap();
    assert_eq!(dgram.recv(), Ok(vec![named(from), b"hello".to_vec()]));
    assert!(named(from).starts_with(b"[::1]:"));
    dgram.send([&named(from)[..], b"hello back"]);
    assert_eq!(received(&peer), (b"hello back".to_vec(), to));
}

#[test]
fn a_dgram_of_both_families_names_each_as_it_is() {
    udp!();
    if UdpSocket::bind("[::1]:0").is_err() {
        eprintln!("skipped: no IPv6 here");
        return;
    }
    let dgram = Ctx::new().socket(zmq::DGRAM);
    dgram.set(zmq::IPV6, 1).unwrap();
    let port = bound(&dgram, "udp://*:*").port();
    for (peer, to) in [(plain(), "127.0.0.1"), (plain_at("[::1]:0"), "::1")] {
        let from = peer.local_addr().unwrap();
        peer.send_to(b"hello", (to, port)).unwrap();
        assert_eq!(dgram.recv(), Ok(vec![named(from), b"hello".to_vec()]));
        dgram.send([&named(from)[..], b"hello back"]);
        assert_eq!(received(&peer), (b"hello back".to_vec(), SocketAddr::new(to.parse().unwrap(), port)));
    }
}

// RADIO and DISH

#[test]
fn a_radio_writes_the_length_of_the_group_the_group_and_the_body() {
    udp!();
    let peer = plain();
    let radio = radio(&Ctx::new(), &peer);
    let long = "g".repeat(255);
    for (group, body) in [("news", &b"body"[..]), ("", b"body"), ("news", b""), ("", b""), (&long, b"body")] {
        groups::send(&radio, group, body).unwrap();
        assert_eq!(received(&peer).0, datagram(group.as_bytes(), body));
    }
    assert_dropped(&radio, Dropped::default());
}

#[test]
fn a_dish_hears_the_groups_that_it_joined() {
    udp!();
    let (dish, to) = dish(&Ctx::new(), "first");
    let peer = plain();
    peer.send_to(&datagram(b"second", b"1"), to).unwrap();
    peer.send_to(&datagram(b"first", b"2"), to).unwrap();
    assert_eq!(groups::recv(&dish, 0), Ok(("first".into(), b"2".to_vec())));
    groups::join(&dish, "second").unwrap();
    groups::join(&dish, "").unwrap();
    groups::leave(&dish, "first").unwrap();
    for (group, body) in [("first", "3"), ("second", ""), ("", "4"), ("secon", "5"), ("", "6")] {
        peer.send_to(&datagram(group.as_bytes(), body.as_bytes()), to).unwrap();
    }
    assert_eq!(groups::recv(&dish, 0), Ok(("second".into(), vec![])));
    assert_eq!(groups::recv(&dish, 0), Ok((String::new(), b"4".to_vec())));
    assert_eq!(groups::recv(&dish, 0), Ok((String::new(), b"6".to_vec())));
    assert_dropped(&dish, Dropped { unmatched: 3, ..Dropped::default() });
}

#[test]
fn radio_and_dish() {
    udp!();
    let ctx = Ctx::new();
    let ((first, at_first), (second, at_second)) = (dish(&ctx, "a"), dish(&ctx, "b"));
    let radio = ctx.socket(zmq::RADIO);
    for to in [at_first, at_second] {
        radio.connect(&format!("udp://{to}")).unwrap();
    }
    for (group, body) in [("a", "1"), ("b", "2"), ("c", "3"), ("a", "4")] {
        groups::send(&radio, group, body).unwrap();
    }
    assert_eq!(groups::recv(&first, 0), Ok(("a".into(), b"1".to_vec())));
    assert_eq!(groups::recv(&first, 0), Ok(("a".into(), b"4".to_vec())));
    assert_eq!(groups::recv(&second, 0), Ok(("b".into(), b"2".to_vec())));
}

#[test]
fn a_radio_serves_udp_and_tcp_at_once() {
    udp!();
    let ctx = Ctx::new();
    let peer = plain();
    let radio = radio(&ctx, &peer);
    radio.bind("tcp://127.0.0.1:*").unwrap();
    let dish = ctx.socket(zmq::DISH);
    dish.connect(&radio.last_endpoint()).unwrap();
    groups::join(&dish, "a").unwrap();
    let at_udp = bound(&dish, "udp://127.0.0.1:*");
    dish.set(zmq::RCVTIMEO, 5).unwrap();
    wait::until("the group is joined", || {
        groups::send(&radio, "a", "x").unwrap();
        groups::recv(&dish, 0).is_ok()
    });
    assert_eq!(received(&peer).0, datagram(b"a", b"x"));
    peer.send_to(&datagram(b"a", b"by udp"), at_udp).unwrap();
    wait::until("a message from each", || groups::recv(&dish, 0) == Ok(("a".into(), b"by udp".to_vec())));
}

#[test]
fn a_datagram_with_no_message_in_it_is_dropped() {
    udp!();
    let (dish, to) = dish(&Ctx::new(), "a");
    let peer = plain();
    let too_long = datagram(b"a", &[7; 8191]);
    let wrong = [&b""[..], b"\x01", b"\xff", b"\x02a", b"\x80abcdefgh", &[255; 255], &too_long, &[1; 65_507]];
    for bytes in wrong {
        peer.send_to(bytes, to).unwrap();
    }
    peer.send_to(&datagram(b"a", b"good"), to).unwrap();
    assert_eq!(groups::recv(&dish, 0), Ok(("a".into(), b"good".to_vec())));
    assert_dropped(&dish, Dropped { malformed: wrong.len() as u64, ..Dropped::default() });
}

#[test]
fn v22_a_group_of_128_bytes_and_more_is_as_long_as_it_says() {
    udp!();
    let ctx = Ctx::new();
    let (dish, to) = dish(&ctx, "a");
    let (plain, peer) = (plain(), plain());
    let radio = radio(&ctx, &plain);
    for length in [127, 128, 129, 200, 255] {
        let group = "g".repeat(length);
        groups::join(&dish, &group).unwrap();
        let wire = datagram(group.as_bytes(), b"body");
        peer.send_to(&wire, to).unwrap();
        assert_eq!(groups::recv(&dish, 0), Ok((group.clone(), b"body".to_vec())));
        groups::send(&radio, &group, "body").unwrap();
        assert_eq!(received(&plain).0, wire);
    }
}

#[test]
fn the_longest_message_to_a_group() {
    udp!();
    let ctx = Ctx::new();
    let (dish, to) = dish(&ctx, "group");
    let radio = ctx.socket(zmq::RADIO);
    radio.connect(&format!("udp://{to}")).unwrap();
    let longest = vec![7; 8192 - 6];
    groups::send(&radio, "group", &longest).unwrap();
    assert_eq!(groups::recv(&dish, 0), Ok(("group".into(), longest.clone())));
    assert_eq!(groups::send(&radio, "group", [&longest[..], b"1"].concat()), Err(zmq::EMSGSIZE));
    groups::send(&radio, "group", "next").unwrap();
    assert_eq!(groups::recv(&dish, 0), Ok(("group".into(), b"next".to_vec())));
}

#[test]
fn the_limit_of_a_message_is_that_of_a_datagram_as_well() {
    udp!();
    let ctx = Ctx::new();
    let dgram = ctx.socket(zmq::DGRAM);
    dgram.set_bytes(zmq::MAXMSGSIZE, 4_i64.to_ne_bytes()).unwrap();
    let to = bound(&dgram, "udp://127.0.0.1:*");
    let peer = plain();
    peer.send_to(b"12345", to).unwrap();
    peer.send_to(b"1234", to).unwrap();
    assert_eq!(dgram.recv().map(|message| message[1].clone()), Ok(b"1234".to_vec()));
    assert_dropped(&dgram, Dropped { malformed: 1, ..Dropped::default() });
}

// Queues and ends

/// Waits until the context's I/O thread has read what was sent to its sockets before. What is ready at once is read
/// together, so that whatever lay there at the first of two markers has been read at the second.
fn wait_for_the_io_thread(marker: &Sock, to: SocketAddr) {
    let peer = plain();
    for _ in 0..2 {
        peer.send_to(b"marker", to).unwrap();
        marker.recv().unwrap();
    }
}

#[test]
fn what_finds_no_room_is_dropped() {
    udp!();
    let ctx = Ctx::new();
    let (marker, at_marker) = dgram(&ctx);
    let dgram = ctx.socket(zmq::DGRAM);
    dgram.set(zmq::RCVHWM, 3).unwrap();
    let to = bound(&dgram, "udp://127.0.0.1:*");
    let peer = plain();
    for round in 0..10 {
        peer.send_to(&[round], to).unwrap();
    }
    wait_for_the_io_thread(&marker, at_marker);
    for round in 0..3 {
        assert_eq!(dgram.recv().map(|message| message[1].clone()), Ok(vec![round]));
    }
    assert_eq!(dgram.try_recv(), Err(zmq::EAGAIN));
    assert_dropped(&dgram, Dropped { full: 7, ..Dropped::default() });
    peer.send_to(b"room again", to).unwrap();
    assert_eq!(dgram.recv().map(|message| message[1].clone()), Ok(b"room again".to_vec()));
}

#[test]
fn a_radio_that_is_faster_than_its_thread_drops_and_goes_on() {
    udp!();
    let peer = plain();
    let radio = Ctx::new().socket(zmq::RADIO);
    radio.set(zmq::SNDHWM, 2).unwrap();
    radio.connect(&format!("udp://{}", peer.local_addr().unwrap())).unwrap();
    let ended = AtomicBool::new(false);
    let numbers: Vec<u32> = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let bodies = std::iter::repeat_with(|| received(&peer).0[1..].to_vec());
            let numbers =
                bodies.take_while(|body| body != b"end").map(|body| body.try_into().expect("a number"));
            let numbers = numbers.map(u32::from_be_bytes).collect();
            ended.store(true, Ordering::Relaxed);
            numbers
        });
        for number in 0..10_000_u32 {
            groups::send(&radio, "", number.to_be_bytes()).unwrap();
        }
        wait::until("the end", || {
            groups::send(&radio, "", "end").unwrap();
            ended.load(Ordering::Relaxed)
        });
        reader.join().unwrap()
    });
    assert!(numbers.is_sorted_by(|a, b| a < b), "in order, and none twice");
    if let Some(dropped) = groups::dropped(&radio) {
        // What the kernel drops behind a reader that is late is nobody's to count.
        assert!(dropped.full > 0 && !numbers.is_empty(), "{dropped:?}");
        assert_eq!(dropped, Dropped { full: dropped.full, ..Dropped::default() });
    }
}

#[test]
fn what_goes_to_other_groups_takes_no_room() {
    udp!();
    let ctx = Ctx::new();
    let (marker, at_marker) = dgram(&ctx);
    let dish = ctx.socket(zmq::DISH);
    dish.set(zmq::RCVHWM, 1).unwrap();
    groups::join(&dish, "wanted").unwrap();
    let to = bound(&dish, "udp://127.0.0.1:*");
    let peer = plain();
    for _ in 0..20 {
        peer.send_to(&datagram(b"other", b"body"), to).unwrap();
    }
    peer.send_to(&datagram(b"wanted", b"body"), to).unwrap();
    wait_for_the_io_thread(&marker, at_marker);
    assert_eq!(groups::recv(&dish, 0), Ok(("wanted".into(), b"body".to_vec())));
    assert_dropped(&dish, Dropped { unmatched: 20, ..Dropped::default() });
}

#[test]
fn what_was_sent_goes_out_after_the_close() {
    udp!();
    for linger in [-1, PATIENCE_MS] {
        let (ctx, peer) = (Ctx::new(), plain());
        let radio = radio(&ctx, &peer);
        let (dgram, _) = dgram(&ctx);
        let to = named(peer.local_addr().unwrap());
        for round in 0..50 {
            groups::send(&radio, "g", [round]).unwrap();
            dgram.send([&to[..], &[round]]);
        }
        for socket in [radio, dgram] {
            socket.set(zmq::LINGER, linger).unwrap();
            socket.close().unwrap();
        }
        ctx.term().unwrap();
        let mut came = [0, 0];
        for _ in 0..100 {
            let (bytes, _) = received(&peer);
            let which = usize::from(bytes.len() == 1);
            assert_eq!(bytes.last(), Some(&came[which]), "in order");
            came[which] += 1;
        }
        assert_eq!(came, [50, 50]);
    }
}

#[test]
fn a_context_ends_with_udp_sockets_in_it() {
    udp!();
    let ctx = Ctx::new();
    let waiter = ctx.socket(zmq::DGRAM);
    waiter.set(zmq::RCVTIMEO, -1).unwrap();
    waiter.bind("udp://127.0.0.1:*").unwrap();
    let ending = ctx.clone();
    std::thread::scope(|scope| {
        scope.spawn(move || ending.shutdown().unwrap());
        assert_eq!(waiter.recv(), Err(zmq::ETERM));
    });
    drop(waiter);
    ctx.term().unwrap();
}

#[test]
fn an_endpoint_that_is_unbound_is_free_again() {
    udp!();
    let (ctx, own) = (Ctx::new(), loopback());
    for kind in [zmq::DGRAM, zmq::DISH] {
        let socket = ctx.socket(kind);
        if kind == zmq::DISH {
            groups::join(&socket, "").unwrap();
        }
        let address = SocketAddr::new(own.into(), bound(&socket, &format!("udp://{own}:*")).port());
        assert!(UdpSocket::bind(address).is_err());
        let endpoint = format!("udp://{address}");
        socket.unbind(&endpoint).unwrap();
        wait::until("the port is free", || UdpSocket::bind(address).is_ok());
        for gone in [&endpoint, "udp://127.0.0.1:*", "udp://nonsense"] {
            assert_eq!(socket.unbind(gone), Err(zmq::ENOENT), "{gone}");
        }
        assert_eq!(bound(&socket, &endpoint).port(), address.port(), "it can be bound again");
        plain().send_to(b"\0body", address).unwrap();
        socket.recv().expect("a message");
    }
    let peer = plain();
    let radio = radio(&ctx, &peer);
    let endpoint = format!("udp://{}", peer.local_addr().unwrap());
    groups::send(&radio, "", "last").unwrap();
    radio.disconnect(&endpoint).unwrap();
    assert_eq!(radio.disconnect(&endpoint), Err(zmq::ENOENT));
    groups::send(&radio, "", "nobody").unwrap();
    assert_eq!(received(&peer).0, b"\0last");
    radio.connect(&endpoint).unwrap();
    groups::send(&radio, "", "again").unwrap();
    assert_eq!(received(&peer).0, b"\0again");
}

#[test]
fn a_monitor_has_nothing_to_tell() {
    udp!();
    let ctx = Ctx::new();
    let (dgram, _) = dgram(&ctx);
    let monitor = Monitor::detached(&dgram, zmq::EVENT_ALL);
    let peer = plain();
    dgram.unbind(&format!("udp://{}", dgram.last_endpoint())).unwrap();
    let to = bound(&dgram, "udp://127.0.0.1:*");
    assert!(dgram.bind(&format!("udp://{}", peer.local_addr().unwrap())).is_err());
    peer.send_to(b"hello", to).unwrap();
    dgram.recv().unwrap();
    drop(dgram);
    let stopped = Event { event: zmq::EVENT_MONITOR_STOPPED, value: 0, endpoint: String::new() };
    assert_eq!(monitor.next(), stopped);
}

// Endpoints and options

/// What binding and connecting answer, for DGRAM, DISH and RADIO.
type Answers = [Option<Errno>; 6];

fn answers(endpoint: &str, ipv6: bool) -> Answers {
    let ctx = Ctx::new();
    let mut answers = [None; 6];
    for (i, kind) in [zmq::DGRAM, zmq::DISH, zmq::RADIO].into_iter().enumerate() {
        for binds in [true, false] {
            let socket = ctx.socket(kind);
            socket.set(zmq::IPV6, ipv6.into()).unwrap();
            let answer = if binds { socket.bind(endpoint) } else { socket.connect(endpoint) };
            answers[2 * i + usize::from(!binds)] = answer.err();
            if answer.is_ok() && !endpoint.ends_with('*') {
                assert_eq!(format!("udp://{}", socket.last_endpoint()), endpoint);
            }
        }
    }
    answers
}

#[test]
fn who_binds_and_who_connects() {
    udp!();
    let port = plain().local_addr().unwrap().port();
    let no = Some(zmq::ENOCOMPATPROTO);
    let all = |e| [Some(e), no, Some(e), no, no, Some(e)];
    let (bad, absent, fine) = (all(zmq::EINVAL), all(zmq::ENODEV), [None, no, None, no, no, None]);
    for (endpoint, expected) in [
        ("udp://127.0.0.1:*", [None, no, None, no, no, Some(zmq::EINVAL)]),
        ("udp://*:*", [None, no, None, no, no, Some(zmq::EINVAL)]),
        ("udp://lo:*", [None, no, None, no, no, Some(zmq::EINVAL)]),
        ("udp://192.0.2.77:PORT", {
            let away = Some(zmq::EADDRNOTAVAIL);
            [away, no, away, no, no, None]
        }),
        ("udp://lo;239.255.7.9:PORT", fine),
        ("udp://127.0.0.1;239.255.7.9:PORT", fine),
        ("udp://127.0.0.1:PORTx", bad),
        ("udp://127.0.0.1:65536", bad),
        ("udp://127.0.0.1", bad),
        ("udp://lo;127.0.0.1:PORT", bad),
        ("udp://lo;*:PORT", bad),
        ("udp://;239.255.7.9:PORT", bad),
        ("udp://239.255.7.8;239.255.7.9:PORT", bad),
        ("udp://::1;239.255.7.9:PORT", bad),
        ("udp://127.0.0.1;[ff02::1]:PORT", bad),
        ("udp://no-such-nic;239.255.7.9:PORT", absent),
        ("udp://no-such-host.invalid:PORT", {
            let absent = Some(zmq::ENODEV);
            [absent, no, absent, no, no, Some(zmq::EINVAL)]
        }),
        ("udp://[::1]:PORT", {
            let absent = Some(zmq::ENODEV);
            [absent, no, absent, no, no, Some(zmq::EINVAL)]
        }),
    ] {
        let endpoint = endpoint.replace("PORT", &port.to_string());
        assert_eq!(answers(&endpoint, false), expected, "{endpoint}");
    }
    if UdpSocket::bind("[::1]:0").is_err() {
        return;
    }
    for (endpoint, expected) in [
        ("udp://lo;[ff02::7:9]:PORT", fine),
        ("udp://[::1];[ff02::7:9]:PORT", absent),
        ("udp://lo;239.255.7.9:PORT", fine),
    ] {
        let endpoint = endpoint.replace("PORT", &port.to_string());
        assert_eq!(answers(&endpoint, true), expected, "{endpoint}");
    }
}

#[test]
fn a_socket_that_is_to_be_secured_does_not_use_udp() {
    udp!();
    let ctx = Ctx::new();
    let secured: [fn(&Sock); 3] = [
        |socket| socket.set(zmq::CURVE_SERVER, 1).unwrap(),
        |socket| socket.set_bytes(zmq::PLAIN_USERNAME, "name").unwrap(),
        |socket| socket.set_bytes(zmq::ZAP_DOMAIN, "domain").unwrap(),
    ];
    for secure in secured {
        for kind in [zmq::DGRAM, zmq::DISH] {
            let socket = ctx.socket(kind);
            secure(&socket);
            assert_eq!(socket.bind("udp://127.0.0.1:*"), Err(zmq::ENOCOMPATPROTO));
        }
        let radio = ctx.socket(zmq::RADIO);
        secure(&radio);
        assert_eq!(radio.connect("udp://127.0.0.1:5555"), Err(zmq::ENOCOMPATPROTO));
        radio.bind("tcp://127.0.0.1:*").unwrap();
    }
}

#[test]
fn the_last_endpoint_is_the_address_as_it_was_given() {
    let ctx = Ctx::new();
    let (dgram, address) = dgram(&ctx);
    assert_eq!(dgram.last_endpoint(), address.to_string());
    let radio = ctx.socket(zmq::RADIO);
    radio.connect("udp://127.0.0.1:5555").unwrap();
    assert_eq!(radio.last_endpoint(), "127.0.0.1:5555");
    radio.connect("udp://127.0.0.1;239.255.7.9:5555").unwrap();
    assert_eq!(radio.last_endpoint(), "127.0.0.1;239.255.7.9:5555");
    for (kind, binds) in [(zmq::DGRAM, false), (zmq::DISH, false), (zmq::RADIO, true), (zmq::PUB, true)] {
        let socket = ctx.socket(kind);
        let endpoint = "udp://127.0.0.1:5555";
        let answer = if binds { socket.bind(endpoint) } else { socket.connect(endpoint) };
        assert_eq!(answer, Err(zmq::ENOCOMPATPROTO), "{kind}");
    }
}

#[test]
fn a_radio_without_a_group_writes_the_length_0() {
    let peer = plain();
    let radio = radio(&Ctx::new(), &peer);
    radio.send_frame("body", 0).unwrap();
    assert_eq!(received(&peer).0, b"\0body");
}

#[test]
fn an_address_in_use_is_found_out_at_once() {
    udp!();
    let ctx = Ctx::new();
    let holder = plain();
    let (_first, other) = dgram(&ctx);
    for address in [holder.local_addr().unwrap(), other] {
        for kind in [zmq::DGRAM, zmq::DISH] {
            assert_eq!(ctx.socket(kind).bind(&format!("udp://{address}")), Err(zmq::EADDRINUSE));
        }
    }
}

#[test]
fn without_an_io_thread_there_is_no_udp() {
    udp!();
    let ctx = Ctx::new();
    ctx.set(zmq::IO_THREADS, 0).unwrap();
    assert_eq!(ctx.socket(zmq::DGRAM).bind("udp://127.0.0.1:*"), Err(zmq::EMTHREAD));
    assert_eq!(ctx.socket(zmq::RADIO).connect("udp://127.0.0.1:5"), Err(zmq::EMTHREAD));
}

#[test]
fn a_device_may_be_chosen() {
    udp!();
    let ctx = Ctx::new();
    let socket = ctx.socket(zmq::DGRAM);
    socket.set_bytes(zmq::BINDTODEVICE, "no-such-nic").unwrap();
    assert_eq!(socket.bind("udp://127.0.0.1:*"), Err(zmq::ENODEV));
    socket.set_bytes(zmq::BINDTODEVICE, "lo").unwrap();
    match socket.bind("udp://127.0.0.1:*") {
        Err(zmq::EPERM) => eprintln!("skipped: not permitted here"),
        bound => bound.unwrap(),
    }
}

#[test]
fn hops_are_a_byte() {
    udp!();
    let ctx = Ctx::new();
    for (hops, answer) in [(1, Ok(())), (255, Ok(())), (256, Err(zmq::EINVAL))] {
        let radio = ctx.socket(zmq::RADIO);
        radio.set(zmq::MULTICAST_HOPS, hops).unwrap();
        assert_eq!(radio.connect("udp://lo;239.255.7.9:5000"), answer, "{hops}");
    }
}

/// Multicast over an interface, back to this machine.
fn group_on(interface: &str, group: &str, ipv6: bool) {
    let ctx = Ctx::new();
    let sock = |kind| {
        let socket = ctx.socket(kind);
        socket.set(zmq::IPV6, ipv6.into()).unwrap();
        socket
    };
    let [first, second, other] = [zmq::DISH; 3].map(sock);
    first.bind(&format!("udp://{interface};{group}:*")).unwrap();
    let endpoint = format!("udp://{}", first.last_endpoint());
    second.bind(&endpoint).expect("a group has any number of listeners");
    let port = endpoint.rsplit_once(':').unwrap().1;
    let another = if ipv6 { "[ff02::7:77]" } else { "239.255.7.77" };
    other.bind(&format!("udp://{interface};{another}:{port}")).unwrap();
    for dish in [&first, &second, &other] {
        groups::join(dish, "g").unwrap();
    }
    let radio = sock(zmq::RADIO);
    radio.connect(&endpoint).unwrap();
    groups::send(&radio, "g", "one").unwrap();
    for dish in [&first, &second] {
        assert_eq!(groups::recv(dish, 0), Ok(("g".into(), b"one".to_vec())));
    }
    radio.disconnect(&endpoint).unwrap();
    radio.connect(&format!("udp://{interface};{another}:{port}")).unwrap();
    groups::send(&radio, "g", "two").unwrap();
    assert_eq!(groups::recv(&other, 0), Ok(("g".into(), b"two".to_vec())), "and nothing of the other group");
    // A DGRAM may send to a group as well.
    let dgram = sock(zmq::DGRAM);
    dgram.bind(&format!("udp://{interface};{another}:*")).unwrap();
    dgram.send([format!("{group}:{port}").as_bytes(), b"\x01gthree"]);
    for dish in [&first, &second] {
        assert_eq!(groups::recv(dish, 0), Ok(("g".into(), b"three".to_vec())));
    }
}

#[test]
fn multicast_on_the_loopback() {
    udp!();
    group_on("lo", "239.255.7.76", false);
}

/// An interface on which a plain socket hears its own IPv6 multicast; mostly not the loopback, which has no route.
fn interface_with_ipv6_multicast() -> Option<String> {
    let group = "ff02::7:75".parse().unwrap();
    std::fs::read_dir("/sys/class/net").ok()?.flatten().find_map(|entry| {
        let index = std::fs::read_to_string(entry.path().join("ifindex")).ok()?.trim().parse().ok()?;
        let socket = UdpSocket::bind("[::]:0").ok()?;
        socket.join_multicast_v6(&group, index).ok()?;
        let to = SocketAddrV6::new(group, socket.local_addr().ok()?.port(), 0, index);
        socket.send_to(b"x", to).ok()?;
        socket.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
        socket.recv(&mut [0]).ok()?;
        entry.file_name().into_string().ok()
    })
}

#[test]
fn multicast_of_ipv6_by_the_name_of_an_interface() {
    udp!();
    match interface_with_ipv6_multicast() {
        Some(interface) => group_on(&interface, "[ff02::7:76]", true),
        None => eprintln!("skipped: no interface with IPv6 multicast here"),
    }
}
