//! The udp transport between two hosts, which are network namespaces (see [`conformance::hosts`]): multicast of both
//! families, how far it goes and who hears it. Skipped where no namespaces can be made.

use conformance::groups;
use conformance::hosts::{Hosts, INTERFACES, interface_index, listener, recv_hops};
use conformance::{Ctx, Sock, hosts, zmq};

/// Ends the test, as passed, on the distribution's libzmq, which has no groups.
macro_rules! udp {
    () => {
        if !groups::exist() {
            eprintln!("skipped: the subject has no draft types");
            return;
        }
    };
}

/// A socket made and set up at a host.
fn at(hosts: &Hosts, host: usize, ctx: &Ctx, kind: i32, set_up: impl FnOnce(&Sock) + Send) -> Sock {
    hosts.at(host, || {
        let socket = ctx.socket(kind);
        socket.set(zmq::IPV6, 1).unwrap();
        set_up(&socket);
        socket
    })
}

/// A DISH of the group `g` at a host; and its port.
fn dish(hosts: &Hosts, host: usize, ctx: &Ctx, address: &str) -> (Sock, u16) {
    let socket = at(hosts, host, ctx, zmq::DISH, |socket| {
        socket.bind(&format!("udp://{address}")).unwrap_or_else(|e| panic!("{address}: {e:?}"));
    });
    groups::join(&socket, "g").unwrap();
    let port = socket.last_endpoint().rsplit_once(':').unwrap().1.parse().unwrap();
    (socket, port)
}

fn radio(hosts: &Hosts, host: usize, ctx: &Ctx, address: &str, options: &[(i32, i32)]) -> Sock {
    at(hosts, host, ctx, zmq::RADIO, |socket| {
        for (option, value) in options {
            socket.set(*option, *value).unwrap();
        }
        socket.connect(&format!("udp://{address}")).unwrap_or_else(|e| panic!("{address}: {e:?}"));
    })
}

#[track_caller]
fn assert_hears(dish: &Sock, body: &str) {
    assert_eq!(groups::recv(dish, 0), Ok(("g".into(), body.as_bytes().to_vec())));
}

/// Groups of either family, as far as the hosts have it.
fn for_each_group(hosts: &Hosts, test: impl Fn(&str)) {
    test("239.255.7.1");
    match hosts.have_ipv6() {
        true => ["[ff02::7:1]", "[ff05::7:1]"].into_iter().for_each(test),
        false => eprintln!("skipped: IPv6, which the hosts do not have"),
    }
}

#[test]
fn a_group_is_heard_by_its_members_at_every_host() {
    udp!();
    let (hosts, ctx) = (hosts!(), Ctx::new());
    for_each_group(&hosts, |group| {
        let (far, port) = dish(&hosts, 1, &ctx, &format!("b0;{group}:*"));
        let (near, _) = dish(&hosts, 0, &ctx, &format!("a0;{group}:{port}"));
        let radio = radio(&hosts, 0, &ctx, &format!("a0;{group}:{port}"), &[]);
        for body in ["1", "2"] {
            groups::send(&radio, "g", body).unwrap();
            assert_hears(&far, body);
            assert_hears(&near, body);
        }
    });
}

#[test]
fn without_the_loop_the_own_host_does_not_hear_it() {
    udp!();
    let (hosts, ctx) = (hosts!(), Ctx::new());
    for_each_group(&hosts, |group| {
        let (far, port) = dish(&hosts, 1, &ctx, &format!("b0;{group}:*"));
        let address = format!("a0;{group}:{port}");
        let (near, _) = dish(&hosts, 0, &ctx, &address);
        let silent = radio(&hosts, 0, &ctx, &address, &[(zmq::MULTICAST_LOOP, 0)]);
        let heard = radio(&hosts, 0, &ctx, &address, &[(zmq::MULTICAST_LOOP, 1)]);
        groups::send(&silent, "g", "to others").unwrap();
        assert_hears(&far, "to others");
        groups::send(&heard, "g", "to all").unwrap();
        assert_hears(&far, "to all");
        assert_hears(&near, "to all");
    });
}

#[test]
fn hops_are_what_was_set() {
    udp!();
    let (hosts, ctx) = (hosts!(), Ctx::new());
    for_each_group(&hosts, |group| {
        let ip = group.trim_matches(['[', ']']).parse().unwrap();
        let plain = hosts.at(1, || listener(ip, "b0"));
        let address = format!("a0;{group}:{}", plain.local_addr().unwrap().port());
        for (options, hops) in
            [(&[][..], 1), (&[(zmq::MULTICAST_HOPS, 7)], 7), (&[(zmq::MULTICAST_HOPS, 255)], 255)]
        {
            let radio = radio(&hosts, 0, &ctx, &address, options);
            groups::send(&radio, "g", "body").unwrap();
            assert_eq!(recv_hops(&plain), (b"\x01gbody".to_vec(), hops), "{group}");
        }
        // A DGRAM that is bound to an address sends to groups as well; its own interface is the one that it is bound to.
        let dgram = at(&hosts, 0, &ctx, zmq::DGRAM, |dgram| {
            dgram.set(zmq::MULTICAST_HOPS, 3).unwrap();
            dgram.bind(&format!("udp://a0;{group}:*")).unwrap();
        });
        let to = format!("{group}:{}", plain.local_addr().unwrap().port());
        dgram.send([to.as_bytes(), b"from a dgram"]);
        assert_eq!(recv_hops(&plain), (b"from a dgram".to_vec(), 3), "{group}");
    });
}

#[test]
fn interfaces_are_chosen_by_name_by_address_or_by_the_system() {
    udp!();
    let (hosts, ctx) = (hosts!(), Ctx::new());
    let group = "239.255.7.2";
    for (own, other) in [("a0;", "b0;"), ("10.99.0.1;", "10.99.0.2;"), ("*;", "*;"), ("", "")] {
        let (dish, port) = dish(&hosts, 1, &ctx, &format!("{other}{group}:*"));
        let radio = radio(&hosts, 0, &ctx, &format!("{own}{group}:{port}"), &[]);
        groups::send(&radio, "g", own).unwrap();
        assert_hears(&dish, own);
    }
    // The loopback is another interface: nobody hears there what comes over the wire.
    let (wire, port) = dish(&hosts, 1, &ctx, &format!("b0;{group}:*"));
    let (loopback, _) = dish(&hosts, 1, &ctx, &format!("127.0.0.1;{group}:{port}"));
    let over_wire = radio(&hosts, 0, &ctx, &format!("a0;{group}:{port}"), &[]);
    let within = radio(&hosts, 1, &ctx, &format!("127.0.0.1;{group}:{port}"), &[]);
    groups::send(&over_wire, "g", "over the wire").unwrap();
    assert_hears(&wire, "over the wire");
    groups::send(&within, "g", "within").unwrap();
    assert_hears(&loopback, "within");
}

#[test]
fn members_leave_with_their_endpoint() {
    udp!();
    let (hosts, ctx) = (hosts!(), Ctx::new());
    let (dish, port) = dish(&hosts, 1, &ctx, "b0;239.255.7.3:*");
    let radio = radio(&hosts, 0, &ctx, &format!("a0;239.255.7.3:{port}"), &[]);
    groups::send(&radio, "g", "1").unwrap();
    assert_hears(&dish, "1");
    let memberships = || hosts.at(1, || std::fs::read_to_string("/proc/thread-self/net/igmp").unwrap());
    // The group's number, as the kernel prints it.
    assert!(memberships().contains("0307FFEF"), "{}", memberships());
    dish.unbind(&format!("udp://{}", dish.last_endpoint())).unwrap();
    conformance::wait::until("the kernel has left the group", || !memberships().contains("0307FFEF"));
}

#[test]
fn datagrams_between_hosts() {
    udp!();
    let (hosts, ctx) = (hosts!(), Ctx::new());
    let mut addresses = vec!["10.99.0.N".to_owned()];
    if hosts.have_ipv6() {
        addresses.push("[fd00:99::N]".into());
    }
    for address in addresses {
        let [near, far] = [0, 1].map(|host| {
            let address = address.replace('N', &(host + 1).to_string());
            at(&hosts, host, &ctx, zmq::DGRAM, |dgram| dgram.bind(&format!("udp://{address}:*")).unwrap())
        });
        near.send([far.last_endpoint().as_bytes(), b"ping"]);
        let ping = far.recv().unwrap();
        assert_eq!(ping, [format!("{}\0", near.last_endpoint()).into_bytes(), b"ping".to_vec()]);
        far.send([&ping[0][..], b"pong"]);
        assert_eq!(near.recv().map(|pong| pong[1].clone()), Ok(b"pong".to_vec()));
        let (dish, port) = dish(&hosts, 1, &ctx, &format!("{}:*", address.replace('N', "2")));
        let radio = radio(&hosts, 0, &ctx, &format!("{}:{port}", address.replace('N', "2")), &[]);
        groups::send(&radio, "g", "unicast").unwrap();
        assert_hears(&dish, "unicast");
    }
}

/// A DGRAM with little room that sends to an address whose owner is not there, until the kernel takes no more; and how many
/// messages it took, each with its number.
fn stuck(hosts: &Hosts, ctx: &Ctx, to: &str) -> (Sock, u32) {
    let dgram = at(hosts, 0, ctx, zmq::DGRAM, |dgram| {
        dgram.set(zmq::SNDBUF, 1).unwrap();
        dgram.set(zmq::SNDHWM, 5).unwrap();
        dgram.bind("udp://10.99.0.1:*").unwrap();
    });
    // Full for many looks in a row: once may be that the I/O thread has not had its turn.
    let (mut sent, mut full) = (0_u32, 0);
    conformance::wait::until("the kernel takes no more", || {
        full = if dgram.writable() { 0 } else { full + 1 };
        while dgram.try_send([to.as_bytes(), &sent.to_be_bytes()]).is_ok() {
            sent += 1;
            full = 0;
        }
        full == 100
    });
    (dgram, sent)
}

#[test]
fn what_the_kernel_does_not_take_waits() {
    udp!();
    let (hosts, ctx) = (hosts!(), Ctx::new());
    let peer = hosts.at(1, || std::net::UdpSocket::bind("0.0.0.0:0").unwrap());
    peer.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
    let to = format!("10.99.0.77:{}", peer.local_addr().unwrap().port());
    // The kernel asks for the peer once a second, and not for three seconds only.
    let _ = hosts.at(0, || std::fs::write("/proc/sys/net/ipv4/neigh/a0/mcast_solicit", "60"));
    let (dgram, sent) = stuck(&hosts, &ctx, &to);
    hosts.add_address(1, "10.99.0.77");
    for number in 0..sent {
        let mut body = [0; 4];
        assert_eq!(peer.recv(&mut body).unwrap(), 4);
        assert_eq!(u32::from_be_bytes(body), number);
    }
    dgram.send([to.as_bytes(), b"room again"]);
}

#[test]
fn what_the_kernel_does_not_take_is_given_up_after_the_linger() {
    udp!();
    let hosts = hosts!();
    for linger in [0, 50] {
        let ctx = Ctx::new();
        let (dgram, _) = stuck(&hosts, &ctx, "10.99.0.88:5555");
        dgram.set(zmq::LINGER, linger).unwrap();
        dgram.close().unwrap();
        ctx.term().unwrap();
    }
}

#[test]
fn a_link_local_peer_can_be_answered() {
    udp!();
    let (hosts, ctx) = (hosts!(), Ctx::new());
    if !hosts.have_ipv6() {
        eprintln!("skipped: no IPv6 here");
        return;
    }
    let [near, far] = [0, 1].map(|host| {
        let endpoint = format!("udp://[fe80::99:{}%{}]:*", host + 1, INTERFACES[host]);
        at(&hosts, host, &ctx, zmq::DGRAM, |dgram| dgram.bind(&endpoint).unwrap())
    });
    let port = |socket: &Sock| socket.last_endpoint().rsplit_once(':').unwrap().1.to_owned();
    let [at_near, at_far] = [0, 1].map(|host| hosts.at(host, || interface_index(INTERFACES[host])));
    near.send([format!("[fe80::99:2%{at_near}]:{}", port(&far)).as_bytes(), b"ping"]);
    let ping = far.recv().unwrap();
    let name = format!("[fe80::99:1%{at_far}]:{}\0", port(&near));
    assert_eq!(ping, [name.into_bytes(), b"ping".to_vec()], "a peer has the number of the interface");
    far.send([&ping[0][..], b"pong"]);
    assert_eq!(near.recv().map(|pong| pong[1].clone()), Ok(b"pong".to_vec()));
}

#[test]
fn a_socket_hears_the_device_that_it_is_bound_to() {
    udp!();
    let (hosts, ctx) = (hosts!(), Ctx::new());
    let bound = |device: &str| {
        let socket = at(&hosts, 1, &ctx, zmq::DISH, |dish| {
            dish.set_bytes(zmq::BINDTODEVICE, device).unwrap();
            dish.bind("udp://*:*").unwrap();
        });
        groups::join(&socket, "g").unwrap();
        let port: u16 = socket.last_endpoint().rsplit_once(':').unwrap().1.parse().unwrap();
        (socket, port)
    };
    let ((wire, at_wire), (loopback, at_loopback)) = (bound("b0"), bound("lo"));
    let send = |host: usize, to: String| {
        let radio = radio(&hosts, host, &ctx, &to, &[]);
        groups::send(&radio, "g", if host == 0 { "by wire" } else { "by loopback" }).unwrap();
        radio.set(zmq::LINGER, -1).unwrap();
        radio.close().unwrap();
    };
    send(0, format!("10.99.0.2:{at_loopback}"));
    send(0, format!("10.99.0.2:{at_wire}"));
    assert_hears(&wire, "by wire");
    send(1, format!("127.0.0.1:{at_loopback}"));
    assert_hears(&loopback, "by loopback");
}
