use super::super::testing::{code, until};
use super::*;
use crate::Interest;
use crate::net::tcp::is_ipv6_supported;
use crate::syscall::int_option;

fn route(host: &str, via: Option<Interface>) -> Route {
    Route::to_bind(host, 0, via.as_ref(), host.contains(':')).unwrap()
}

fn bound(host: &str) -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bound(&route(host, None), true, &UdpOptions::default()).unwrap();
    let address = socket.local_address().unwrap();
    (socket, address)
}

/// The next datagrams; `None` for those of more than 8 bytes.
fn receive(socket: &UdpSocket) -> Vec<(Option<Vec<u8>>, SocketAddr)> {
    until(socket, Interest::READ);
    let mut batch = Batch::new(8);
    socket.receive(&mut batch).unwrap();
    batch.datagrams().map(|(datagram, peer)| (datagram.map(<[u8]>::to_vec), peer)).collect()
}

#[test]
fn a_datagram_arrives_whole_or_not_at_all() {
    let ((a, from), (b, to)) = (bound("127.0.0.1"), bound("127.0.0.1"));
    assert_eq!(code(b.receive(&mut Batch::new(8))), Some(libc::EAGAIN));
    a.send_to(b"12345678", to).unwrap();
    a.send_to(b"abcdefghi", to).unwrap();
    a.send_to(b"", to).unwrap();
    let mut got = Vec::new();
    while got.len() < 3 {
        got.extend(receive(&b));
    }
    assert_eq!(got, [(Some(b"12345678".to_vec()), from), (None, from), (Some(vec![]), from)]);
    let long = vec![7; 65_507];
    a.send_to(&long, to).unwrap();
    until(&b, Interest::READ);
    let mut batch = Batch::new(65_507);
    b.receive(&mut batch).unwrap();
    assert!(batch.datagrams().eq([(Some(&long[..]), from)]) && !batch.is_full());
    assert_eq!(code(a.send_to(&[7; 65_508], to)), Some(libc::EMSGSIZE));
}

#[test]
fn datagrams_come_in_batches_in_their_order() {
    let ((a, from), (b, to)) = (bound("127.0.0.1"), bound("127.0.0.1"));
    for number in 0..20_u8 {
        a.send_to(&[number], to).unwrap();
    }
    let mut batch = Batch::new(4);
    let mut got = Vec::new();
    while got.len() < 20 {
        until(&b, Interest::READ);
        b.receive(&mut batch).unwrap();
        assert_eq!(batch.is_full(), batch.datagrams().count() == BATCH);
        got.extend(batch.datagrams().map(|(datagram, peer)| (datagram.unwrap().to_vec(), peer)));
    }
    assert!(got.into_iter().eq((0..20).map(|number| (vec![number], from))));
    // What failed leaves nothing of what was received before.
    assert_eq!(code(b.receive(&mut batch)), Some(libc::EAGAIN));
    assert_eq!(batch.datagrams().count(), 0);
}

#[test]
fn an_address_has_one_socket() {
    let (_first, address) = bound("127.0.0.1");
    let again = Route::to_bind("127.0.0.1", address.port(), None, false).unwrap();
    let options = UdpOptions::default();
    assert_eq!(code(UdpSocket::bound(&again, false, &options)), Some(libc::EADDRINUSE));
    assert_eq!(
        code(UdpSocket::bound(&route("192.0.2.77", None), false, &options)),
        Some(libc::EADDRNOTAVAIL)
    );
}

#[test]
fn a_group_has_any_number_of_sockets_and_they_hear_no_other_group() {
    let via = Some(Interface::Address(Ipv4Addr::LOCALHOST.into()));
    let options = UdpOptions::default();
    let first = UdpSocket::bound(&route("239.255.7.1", via.clone()), false, &options).unwrap();
    let port = first.local_address().unwrap().port();
    let at = |host: &str| Route::to_bind(host, port, via.as_ref(), false).unwrap();
    let second = UdpSocket::bound(&at("239.255.7.1"), false, &options).unwrap();
    let other = UdpSocket::bound(&at("239.255.7.2"), false, &options).unwrap();
    let sender = UdpSocket::sender(&at("239.255.7.1"), &options).unwrap();
    sender.send_to(b"one", at("239.255.7.1").address()).unwrap();
    sender.send_to(b"two", at("239.255.7.2").address()).unwrap();
    for (socket, text) in [(&first, b"one"), (&second, b"one"), (&other, b"two")] {
        let got = receive(socket);
        assert_eq!((got.len(), &got[0].0), (1, &Some(text.to_vec())));
        assert_eq!(code(socket.receive(&mut Batch::new(8))), Some(libc::EAGAIN));
    }
}

#[test]
fn routes() {
    let find = |host: &str, via: &Interface, ipv6| {
        let to_bind = Route::to_bind(host, 5, Some(via), ipv6).map_err(|e| e.raw_os_error());
        assert_eq!(to_bind, Route::to_send(host, 5, Some(via), ipv6).map_err(|e| e.raw_os_error()), "{host}");
        to_bind
    };
    let lo = Interface::Name("lo".into());
    let index = interface::index("lo").unwrap();
    assert_eq!(find("239.0.0.1", &lo, false).unwrap().via, Via::Index(index));
    assert_eq!(find("239.0.0.1", &lo, true).unwrap().address, "239.0.0.1:5".parse().unwrap());
    assert_eq!(find("239.0.0.1", &Interface::Any, false).unwrap().via, Via::System);
    assert_eq!(find("239.0.0.1", &Interface::Name("no-such-nic".into()), false), Err(Some(libc::ENODEV)));
    assert_eq!(find("127.0.0.1", &lo, false), Err(Some(libc::EINVAL)));
    let v6 = Interface::Address(Ipv6Addr::LOCALHOST.into());
    assert_eq!(find("239.0.0.1", &v6, false), Err(Some(libc::EINVAL)));
    assert_eq!(
        Route::to_send("no-such-host.invalid", 5, None, false).unwrap_err().raw_os_error(),
        Some(libc::EINVAL)
    );
    assert_eq!(
        Route::to_bind("no-such-host.invalid", 5, None, false).unwrap_err().raw_os_error(),
        Some(libc::ENODEV)
    );
    if is_ipv6_supported() {
        assert_eq!(find("ff02::1", &lo, true).unwrap().via, Via::Index(index));
        assert_eq!(find("ff02::1%lo", &Interface::Any, true).unwrap().via, Via::Index(index));
        assert_eq!(find("ff02::1", &v6, true), Err(Some(libc::ENODEV)));
        assert_eq!(
            find("ff02::1", &Interface::Address(Ipv4Addr::LOCALHOST.into()), true),
            Err(Some(libc::EINVAL))
        );
    }
}

#[test]
fn options_reach_the_kernel() {
    let socket = TcpOptions {
        sndbuf: Some(30_000),
        rcvbuf: Some(40_000),
        tos: Some(0x28),
        priority: Some(3),
        bind_to_device: Some("lo".into()),
        ..TcpOptions::default()
    };
    let options = UdpOptions { socket, multicast_loop: false, multicast_hops: 7 };
    let lo = Some(Interface::Name("lo".into()));
    for host in ["239.255.7.1", "ff02::7:1"] {
        if host.contains(':') && !is_ipv6_supported() {
            continue;
        }
        let socket = UdpSocket::sender(&route(host, lo.clone()), &options).unwrap();
        let value = |level, name| int_option(socket.as_fd(), level, name).unwrap();
        assert_eq!(value(libc::SOL_SOCKET, libc::SO_SNDBUF), 60_000);
        assert_eq!(value(libc::SOL_SOCKET, libc::SO_RCVBUF), 80_000);
        assert_eq!(value(libc::SOL_SOCKET, libc::SO_PRIORITY), 3);
        assert_eq!(value(libc::IPPROTO_IP, libc::IP_TOS), 0x28);
        assert_eq!(value(libc::IPPROTO_IP, libc::IP_MULTICAST_LOOP), 0);
        assert_eq!(value(libc::IPPROTO_IP, libc::IP_MULTICAST_TTL), 7);
        if socket.ipv6 {
            assert_eq!(value(libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_LOOP), 0);
            assert_eq!(value(libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS), 7);
            let index = interface::index("lo").unwrap().cast_signed();
            assert_eq!(value(libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_IF), index);
        }
    }
    let to = route("239.255.7.1", lo);
    let far = UdpOptions { multicast_hops: 256, ..UdpOptions::default() };
    assert_eq!(code(UdpSocket::sender(&to, &far)), Some(libc::EINVAL));
    UdpSocket::bound(&to, false, &far).expect("who does not send does not care");
}

#[test]
fn a_socket_of_both_families_names_ipv4_peers_as_such() {
    if std::net::UdpSocket::bind("[::1]:0").is_err() {
        return eprintln!("skipped: no address of IPv6");
    }
    let (v4, from) = bound("127.0.0.1");
    let route = Route::to_bind("*", 0, None, true).unwrap();
    let both = UdpSocket::bound(&route, true, &UdpOptions::default()).unwrap();
    let port = both.local_address().unwrap().port();
    v4.send_to(b"a", SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)).unwrap();
    assert_eq!(receive(&both), [(Some(b"a".to_vec()), from)]);
    both.send_to(b"b", from).unwrap();
    assert_eq!(receive(&v4)[0].1.port(), port);
    let (v6, from) = bound("::1");
    v6.send_to(b"c", SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port)).unwrap();
    assert_eq!(receive(&both), [(Some(b"c".to_vec()), from)]);
    assert!(v4.send_to(b"d", from).is_err(), "an IPv4 socket reaches no IPv6 address");
}
