//! Between machines without IP: vsock (virtual machine and host) and tipc (a cluster of Linux machines).
//!
//! What needs the kernel's part runs where the kernel has it: vsock with a machine's way to itself (context id 1), tipc.

use conformance::{Ctx, Errno, Monitor, Sock, curve, is_system, wait, zmq};

/// Whether the kernel makes stream sockets of the family, or what it says instead: that it has none, or that this
/// process may not.
fn kernel_has(family: libc::c_int) -> Result<(), Errno> {
    // SAFETY: integers only.
    let fd = unsafe { libc::socket(family, libc::SOCK_STREAM, 0) };
    if fd < 0 {
        return Err(Errno(std::io::Error::last_os_error().raw_os_error().expect("an error of the system")));
    }
    // SAFETY: the descriptor is ours and closed once.
    assert_eq!(unsafe { libc::close(fd) }, 0);
    Ok(())
}

/// Whether the machine reaches itself by vsock.
fn has_vsock_loopback() -> bool {
    // SAFETY: the address is plain integers and outlives the call; the descriptor is ours and closed once.
    unsafe {
        let fd = libc::socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0);
        let mut address: libc::sockaddr_vm = std::mem::zeroed();
        address.svm_family = libc::AF_VSOCK as libc::sa_family_t;
        address.svm_cid = libc::VMADDR_CID_LOCAL;
        address.svm_port = libc::VMADDR_PORT_ANY;
        let len = size_of::<libc::sockaddr_vm>() as libc::socklen_t;
        let bound = fd >= 0 && libc::bind(fd, (&raw const address).cast(), len) == 0;
        libc::close(fd);
        bound
    }
}

/// Something to bind to, of each transport that works within this machine.
fn working() -> Vec<&'static str> {
    let mut endpoints = Vec::new();
    if has_vsock_loopback() && !is_system() {
        endpoints.push("vsock://1:*");
    } else {
        eprintln!("skipped: vsock within one machine");
    }
    if kernel_has(libc::AF_TIPC).is_ok() {
        endpoints.push("tipc://<*>");
    } else {
        eprintln!("skipped: tipc");
    }
    endpoints
}

/// A bound and a connected socket.
fn pair(bind: &str, bound: i32, connected: i32) -> (Sock, Sock) {
    let ctx = Ctx::new();
    let (bound, connected) = (ctx.socket(bound), ctx.socket(connected));
    bound.bind(bind).unwrap();
    connected.connect(&bound.last_endpoint()).unwrap();
    (bound, connected)
}

// ---- Texts and kernels ----

#[test]
fn bad_addresses_are_refused() {
    if is_system() {
        // It has no vsock, and of tipc's addresses takes some of these, or tells of another error.
        return;
    }
    let ctx = Ctx::new();
    let socket = ctx.socket(zmq::DEALER);
    for endpoint in
        ["vsock://", "vsock://1", "vsock://x:1", "vsock://1:x", "vsock://1:4294967296", "vsock://1:2:3"]
            .into_iter()
            .chain([
                "tipc://",
                "tipc://x",
                "tipc://{5560}",
                "tipc://{63,0}",
                "tipc://{5560,0",
                "tipc://{5560,0}x",
            ])
    {
        assert_eq!(socket.bind(endpoint), Err(zmq::EINVAL), "{endpoint}");
        assert_eq!(socket.connect(endpoint), Err(zmq::EINVAL), "{endpoint}");
    }
    for endpoint in ["vsock://*:5555", "vsock://1:*", "tipc://<*>", "tipc://{5560,0,5}"] {
        assert_eq!(socket.connect(endpoint), Err(zmq::EINVAL), "{endpoint} is for bind");
    }
    for endpoint in ["tipc://<1.1.1:5>", "tipc://{5560,5,4}", "tipc://{5560,0}@1.1.1"] {
        assert_eq!(socket.bind(endpoint), Err(zmq::EINVAL), "{endpoint} is not for bind");
    }
}

#[test]
fn a_kernel_without_the_family_says_so() {
    let ctx = Ctx::new();
    for (family, bind, connect) in [
        (libc::AF_VSOCK, "vsock://*:*", "vsock://2:5555"),
        (libc::AF_TIPC, "tipc://{5560,0,5}", "tipc://{5560,0}"),
    ] {
        if is_system() && family == libc::AF_VSOCK {
            continue;
        }
        let socket = ctx.socket(zmq::DEALER);
        let expected = kernel_has(family);
        assert_eq!(socket.bind(bind), expected, "{bind}");
        if !is_system() {
            // The system's library tries for ever.
            let expected = expected.map_err(|_| zmq::EAFNOSUPPORT);
            assert_eq!(ctx.socket(zmq::DEALER).connect(connect), expected, "{connect}");
        }
    }
}

#[test]
fn a_datagram_socket_has_no_use_for_them() {
    if is_system() {
        // It lets one bind by tipc.
        return;
    }
    let Ok(socket) = Ctx::new().try_socket(zmq::DGRAM) else { return eprintln!("skipped: no draft types") };
    for endpoint in ["tipc://<*>", "vsock://*:*"] {
        assert_eq!(socket.bind(endpoint), Err(zmq::ENOCOMPATPROTO), "{endpoint}");
    }
}

#[test]
fn a_vsock_port_is_chosen_and_taken() {
    if kernel_has(libc::AF_VSOCK).is_err() || is_system() {
        return eprintln!("skipped: vsock");
    }
    let ctx = Ctx::new();
    let (first, second) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PULL));
    first.bind("vsock://*:*").unwrap();
    let endpoint = first.last_endpoint();
    let port: u32 = endpoint.strip_prefix("vsock://*:").expect(&endpoint).parse().unwrap();
    assert_eq!(second.bind(&format!("vsock://*:{port}")), Err(zmq::EADDRINUSE));
    first.unbind(&endpoint).unwrap();
    wait::until("the port is free", || second.bind(&endpoint).is_ok());
    assert_eq!(second.bind("vsock://77777:5555"), Err(zmq::EADDRNOTAVAIL));
}

// ---- Traffic ----

#[test]
fn messages_arrive_whole_and_in_order() {
    for bind in working() {
        let (pull, push) = pair(bind, zmq::PULL, zmq::PUSH);
        let large: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
        for i in 0..500_u32 {
            push.send(&i.to_be_bytes());
        }
        push.send([&b"head"[..], &large, b""]);
        push.send("end");
        for i in 0..500_u32 {
            pull.expect(&i.to_be_bytes());
        }
        pull.expect([&b"head"[..], &large, b""]);
        pull.expect("end");
    }
}

#[test]
fn requests_are_answered_and_topics_followed() {
    for bind in working() {
        let (rep, req) = pair(bind, zmq::REP, zmq::REQ);
        for i in 0..200_u32 {
            req.send(&i.to_be_bytes());
            rep.expect(&i.to_be_bytes());
            rep.send("yes");
            req.expect("yes");
        }
        let (publisher, subscriber) = pair(bind, zmq::XPUB, zmq::SUB);
        subscriber.subscribe("a");
        publisher.expect("\u{1}a");
        publisher.send("b");
        publisher.send("a1");
        subscriber.expect("a1");
    }
}

#[test]
fn what_was_sent_arrives_after_close() {
    for bind in working() {
        let ctx = Ctx::new();
        let pull = ctx.socket(zmq::PULL);
        pull.bind(bind).unwrap();
        let push = ctx.socket(zmq::PUSH);
        push.connect(&pull.last_endpoint()).unwrap();
        push.set(zmq::LINGER, -1).unwrap();
        for i in 0..500_u32 {
            push.send([i.to_be_bytes().to_vec(), vec![7; 2_000]]);
        }
        push.close().unwrap();
        for i in 0..500_u32 {
            pull.expect([i.to_be_bytes().to_vec(), vec![7; 2_000]]);
        }
    }
}

#[test]
fn connections_come_back() {
    for bind in working() {
        let ctx = Ctx::new();
        let push = ctx.socket(zmq::PUSH);
        let pull = ctx.socket(zmq::PULL);
        let bind = if bind.starts_with("tipc") { "tipc://{5571,0,5}" } else { bind };
        pull.bind(bind).unwrap();
        let again = pull.last_endpoint();
        let (rebind, connect) = match bind.starts_with("tipc") {
            // The default domain of the system's library is not everywhere.
            true => (bind, "tipc://{5571,3}@0.0.0"),
            false => (again.as_str(), again.as_str()),
        };
        let events = Monitor::new(&push);
        push.connect(connect).unwrap();
        events.wait_for(zmq::EVENT_CONNECTED);
        events.wait_for(zmq::EVENT_HANDSHAKE_SUCCEEDED);
        push.send("one");
        pull.expect("one");
        drop(pull);
        events.wait_for(zmq::EVENT_DISCONNECTED);
        let pull = ctx.socket(zmq::PULL);
        wait::until("the address is free", || pull.bind(rebind).is_ok());
        events.wait_for(zmq::EVENT_CONNECTED);
        push.send("two");
        pull.expect("two");
    }
}

#[test]
fn nobody_there_is_tried_again() {
    for bind in working() {
        let ctx = Ctx::new();
        let push = ctx.socket(zmq::PUSH);
        let events = Monitor::new(&push);
        push.connect(if bind.starts_with("tipc") { "tipc://{5572,3}@0.0.0" } else { "vsock://1:4" }).unwrap();
        for _ in 0..3 {
            events.wait_for(zmq::EVENT_CONNECT_RETRIED);
        }
    }
}

#[test]
fn a_bound_address_is_unbound_by_its_name() {
    for bind in working() {
        let socket = Ctx::new().socket(zmq::PULL);
        socket.bind(bind).unwrap();
        let resolved = socket.last_endpoint();
        if bind.starts_with("tipc") {
            assert!(resolved.starts_with("tipc://<") && resolved != bind, "{resolved}");
            socket.unbind(bind).unwrap();
        } else {
            assert!(resolved.starts_with("vsock://1:") && resolved != bind, "{resolved}");
            socket.unbind(&resolved).unwrap();
        }
        assert_eq!(socket.unbind(bind), Err(zmq::ENOENT));
        if !is_system() {
            socket.bind(bind).unwrap();
            socket.unbind(&socket.last_endpoint()).unwrap();
        }
    }
}

#[test]
fn secured_connections_stand() {
    for bind in working() {
        let ctx = Ctx::new();
        let (server, client) = (ctx.socket(zmq::REP), ctx.socket(zmq::REQ));
        curve::serve(&server);
        curve::ask_to_come_in(&client);
        server.bind(bind).unwrap();
        client.connect(&server.last_endpoint()).unwrap();
        client.send("hello");
        server.expect("hello");
    }
}
