//! Endpoints: how they are written, bound, connected, remembered and removed; tcp, ipc and inproc.

use std::ffi::CString;
use std::os::fd::IntoRawFd;
use std::path::PathBuf;

use conformance::c_api::NULL;
use conformance::publish::nothing_before_marker;
use conformance::socket::{Ctx, Sock, Transport, inproc, ipc, join, join_more, unique};
use conformance::wire::{Raw, RefusingPort};
use conformance::{Errno, Monitor, c_library, differs, is_system, ours_only, wait, zmq};

fn pull() -> Sock {
    Ctx::new().socket(zmq::PULL)
}

/// Binds a socket of its own; LAST_ENDPOINT or the error.
fn bind(endpoint: &str) -> Result<String, Errno> {
    let sock = pull();
    sock.bind(endpoint).map(|()| sock.last_endpoint())
}

fn connect(endpoint: &str) -> Result<(), Errno> {
    pull().connect(endpoint)
}

#[track_caller]
fn flows(from: &Sock, to: &Sock) {
    from.send("x");
    to.expect("x");
}

/// A directory that is removed at the end of the test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("conformance-{}-{}", std::process::id(), unique()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn endpoint(&self, name: &str) -> (PathBuf, String) {
        let path = self.0.join(name);
        let endpoint = format!("ipc://{}", path.display());
        (path, endpoint)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

// Syntax

#[test]
fn an_endpoint_needs_a_scheme_and_an_address() {
    for endpoint in
        ["", "tcp", "tcp:", "tcp:/", "tcp:/127.0.0.1:5", "://", "://x", "tcp://", "ipc://", "inproc://", "x"]
    {
        assert_eq!(bind(endpoint), Err(zmq::EINVAL), "bind {endpoint:?}");
        assert_eq!(connect(endpoint), Err(zmq::EINVAL), "connect {endpoint:?}");
        assert_eq!(pull().unbind(endpoint), Err(zmq::EINVAL), "unbind {endpoint:?}");
        assert_eq!(pull().disconnect(endpoint), Err(zmq::EINVAL), "disconnect {endpoint:?}");
    }
}

#[test]
fn an_unknown_scheme_is_eprotonosupport() {
    for endpoint in ["http://x", "TCP://127.0.0.1:*", "Inproc://x", "t://x", " tcp://127.0.0.1:*"] {
        assert_eq!(bind(endpoint), Err(zmq::EPROTONOSUPPORT), "bind {endpoint:?}");
        assert_eq!(connect(endpoint), Err(zmq::EPROTONOSUPPORT), "connect {endpoint:?}");
        assert_eq!(pull().unbind(endpoint), Err(zmq::EPROTONOSUPPORT), "unbind {endpoint:?}");
    }
}

#[test]
fn udp_is_not_for_classic_types() {
    let ctx = Ctx::new();
    for kind in [zmq::PAIR, zmq::PUB, zmq::SUB, zmq::REQ, zmq::DEALER, zmq::PULL, zmq::STREAM] {
        let sock = ctx.socket(kind);
        assert_eq!(sock.bind("udp://127.0.0.1:5555"), Err(zmq::ENOCOMPATPROTO), "{kind}");
        assert_eq!(sock.connect("udp://127.0.0.1:5555"), Err(zmq::ENOCOMPATPROTO), "{kind}");
    }
}

/// What a build does not have, it does not know: no type of socket is told that others may use it.
#[test]
fn a_transport_that_is_not_built_is_eprotonosupport_for_every_type() {
    let not_built = Err(zmq::EPROTONOSUPPORT);
    // The distribution's libzmq has pgm and norm, for those who publish and subscribe.
    let multicast = differs!(
        "a_transport_that_is_not_built_is_eprotonosupport_for_every_type",
        libzmq: Err(zmq::ENOCOMPATPROTO),
        ours: not_built,
    );
    let ctx = Ctx::new();
    for kind in zmq::PAIR..=zmq::CHANNEL {
        let publishes = [zmq::PUB, zmq::SUB, zmq::XPUB, zmq::XSUB].contains(&kind);
        let with_error = [("vmci", not_built), ("pgm", multicast), ("epgm", multicast), ("norm", multicast)];
        for (scheme, error) in with_error {
            if is_system() && publishes && scheme != "vmci" {
                continue;
            }
            let (sock, endpoint) = (ctx.socket(kind), format!("{scheme}://127.0.0.1:5555"));
            let done = [
                sock.bind(&endpoint),
                sock.connect(&endpoint),
                sock.unbind(&endpoint),
                sock.disconnect(&endpoint),
            ];
            assert_eq!(done, [error; 4], "{endpoint}, type {kind}");
        }
    }
}

#[test]
fn binding_or_connecting_to_null_is_einval() {
    ours_only!("aborts");
    let lib = c_library!();
    let sock = pull();
    assert_eq!(lib.check(lib.zmq_bind(sock.handle().0, std::ptr::null())), Err(zmq::EINVAL));
    assert_eq!(lib.check(lib.zmq_connect(sock.handle().0, std::ptr::null())), Err(zmq::EINVAL));
}

#[test]
fn unbinding_or_disconnecting_null_is_einval() {
    let lib = c_library!();
    let sock = pull();
    assert_eq!(lib.check(lib.zmq_unbind(sock.handle().0, std::ptr::null())), Err(zmq::EINVAL));
    assert_eq!(lib.check(lib.zmq_disconnect(sock.handle().0, std::ptr::null())), Err(zmq::EINVAL));
}

#[test]
fn a_null_socket_is_enotsock() {
    let lib = c_library!();
    let endpoint = c"inproc://x".as_ptr();
    assert_eq!(lib.check(lib.zmq_bind(NULL, endpoint)), Err(zmq::ENOTSOCK));
    assert_eq!(lib.check(lib.zmq_connect(NULL, endpoint)), Err(zmq::ENOTSOCK));
    assert_eq!(lib.check(lib.zmq_unbind(NULL, endpoint)), Err(zmq::ENOTSOCK));
    assert_eq!(lib.check(lib.zmq_disconnect(NULL, endpoint)), Err(zmq::ENOTSOCK));
}

// tcp

#[test]
fn tcp_wildcard_port_becomes_a_number() {
    for endpoint in ["tcp://127.0.0.1:*", "tcp://127.0.0.1:0"] {
        let bound = bind(endpoint).unwrap();
        let port: u16 = bound.strip_prefix("tcp://127.0.0.1:").expect("an address").parse().expect("a port");
        assert_ne!(port, 0);
    }
}

#[test]
fn tcp_wildcard_host_becomes_0_0_0_0() {
    for endpoint in ["tcp://*:*", "tcp://*:0", "tcp://0.0.0.0:*"] {
        let bound = bind(endpoint).unwrap();
        assert!(bound.starts_with("tcp://0.0.0.0:"), "{bound}");
    }
}

#[test]
fn tcp_binds_to_an_interface() {
    let bound = bind("tcp://lo:*").unwrap();
    assert!(bound.starts_with("tcp://127.0.0.1:"), "{bound}");
}

fn ipv6_works() -> bool {
    let works = std::net::TcpListener::bind("[::1]:0").is_ok();
    if !works {
        eprintln!("skipped: no IPv6 here");
    }
    works
}

#[test]
fn tcp_wildcard_host_with_ipv6_becomes_brackets() {
    if !ipv6_works() {
        return;
    }
    let sock = pull();
    sock.set(zmq::IPV6, 1).unwrap();
    sock.bind("tcp://*:*").unwrap();
    assert!(sock.last_endpoint().starts_with("tcp://[::]:"), "{}", sock.last_endpoint());
}

#[test]
fn tcp_speaks_ipv6() {
    if !ipv6_works() {
        return;
    }
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    for sock in [&pull, &push] {
        sock.set(zmq::IPV6, 1).unwrap();
    }
    pull.bind("tcp://[::1]:*").unwrap();
    let endpoint = pull.last_endpoint();
    assert!(endpoint.starts_with("tcp://[::1]:"), "{endpoint}");
    push.connect(&endpoint).unwrap();
    flows(&push, &pull);
}

#[test]
fn tcp_on_ipv6_accepts_ipv4() {
    if !ipv6_works() {
        return;
    }
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    pull.set(zmq::IPV6, 1).unwrap();
    pull.bind("tcp://*:*").unwrap();
    let port = pull.last_endpoint().rsplit(':').next().unwrap().to_owned();
    push.connect(&format!("tcp://127.0.0.1:{port}")).unwrap();
    flows(&push, &pull);
}

#[test]
fn tcp_without_ipv6_does_not_bind_to_an_ipv6_address() {
    assert_eq!(bind("tcp://[::1]:*"), Err(zmq::ENODEV));
}

#[test]
fn tcp_bind_needs_a_port() {
    for endpoint in ["tcp://127.0.0.1", "tcp://127.0.0.1:", "tcp://*", "tcp://127.0.0.1:port"] {
        assert_eq!(bind(endpoint), Err(zmq::EINVAL), "{endpoint}");
    }
}

#[test]
fn tcp_bind_to_a_foreign_address_is_eaddrnotavail() {
    assert_eq!(bind("tcp://192.0.2.1:*"), Err(zmq::EADDRNOTAVAIL));
}

#[test]
fn tcp_bind_to_an_unknown_interface_is_enodev() {
    assert_eq!(bind("tcp://no-such-interface.invalid:*"), Err(zmq::ENODEV));
}

#[test]
fn tcp_bind_to_a_host_name_resolves_it() {
    let bound = bind("tcp://localhost:*");
    if differs!("tcp_bind_to_a_host_name_resolves_it", libzmq: true, ours: false) {
        assert_eq!(bound, Err(zmq::ENODEV));
    } else {
        assert!(bound.as_ref().is_ok_and(|endpoint| endpoint.starts_with("tcp://127.0.0.1:")), "{bound:?}");
    }
}

#[test]
fn tcp_connect_accepts_port_0() {
    assert_eq!(connect("tcp://127.0.0.1:0"), Ok(()));
}

#[test]
fn tcp_connect_refuses_a_port_that_is_none() {
    let wanted = differs!("tcp_connect_refuses_a_port_that_is_none", libzmq: Ok(()), ours: Err(zmq::EINVAL));
    for endpoint in ["tcp://127.0.0.1:99999", "tcp://127.0.0.1:5a"] {
        assert_eq!(connect(endpoint), wanted, "{endpoint}");
    }
}

#[test]
fn tcp_bind_to_a_busy_port_is_eaddrinuse() {
    let first = pull();
    let endpoint = first.bind_any(Transport::Tcp);
    assert_eq!(bind(&endpoint), Err(zmq::EADDRINUSE));
    assert_eq!(first.bind(&endpoint), Err(zmq::EADDRINUSE), "the same socket");
}

#[test]
fn tcp_connect_checks_the_syntax() {
    for endpoint in [
        "tcp://127.0.0.1",
        "tcp://127.0.0.1:",
        "tcp://localhost:port",
        "tcp://*:5555",
        "tcp://127.0.0.1:*",
        "tcp://-host:5555",
        "tcp://_host:5555",
        "tcp://my host:5555",
        "tcp:// localhost:5555",
        "tcp://host:5555/path",
    ] {
        assert_eq!(connect(endpoint), Err(zmq::EINVAL), "{endpoint}");
    }
}

#[test]
fn tcp_connect_resolves_names_later() {
    for endpoint in ["tcp://no-such-host.invalid:5555", "tcp://host_with_underscore.invalid:1"] {
        assert_eq!(connect(endpoint), Ok(()), "{endpoint}");
    }
}

#[test]
fn tcp_connects_to_a_name() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    pull.bind("tcp://127.0.0.1:*").unwrap();
    let port = pull.last_endpoint().rsplit(':').next().unwrap().to_owned();
    push.connect(&format!("tcp://localhost:{port}")).unwrap();
    flows(&push, &pull);
}

#[test]
fn tcp_connects_from_a_source_address() {
    let ctx = Ctx::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let push = ctx.socket(zmq::PUSH);
    push.connect(&format!("tcp://127.0.0.7:0;127.0.0.1:{port}")).unwrap();
    let (_stream, peer) = listener.accept().unwrap();
    assert_eq!(peer.ip().to_string(), "127.0.0.7");
}

#[test]
fn tcp_accept_filter_turns_others_away() {
    let sock = pull();
    sock.set_bytes(zmq::TCP_ACCEPT_FILTER, "192.0.2.0/24").unwrap();
    let endpoint = sock.bind_any(Transport::Tcp);
    let events = Monitor::new(&sock);
    let mut raw = Raw::connect(&endpoint);
    assert_eq!(raw.take_rest(), b"");
    events.wait_for(zmq::EVENT_ACCEPT_FAILED);
}

#[test]
fn tcp_accept_filter_lets_its_own_in() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    pull.set_bytes(zmq::TCP_ACCEPT_FILTER, "192.0.2.0/24").unwrap();
    pull.set_bytes(zmq::TCP_ACCEPT_FILTER, "127.0.0.0/8").unwrap();
    push.connect(&pull.bind_any(Transport::Tcp)).unwrap();
    flows(&push, &pull);
}

#[test]
fn tcp_takes_over_a_listening_descriptor() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    pull.set(zmq::USE_FD, listener.into_raw_fd()).unwrap();
    pull.bind("tcp://127.0.0.1:*").unwrap();
    assert_eq!(pull.last_endpoint(), format!("tcp://{address}"));
    push.connect(&format!("tcp://{address}")).unwrap();
    flows(&push, &pull);
}

#[test]
fn tcp_connections_have_no_delay_and_keepalive_as_set() {
    let lib = c_library!();
    let sock = pull();
    sock.set(zmq::TCP_KEEPALIVE, 1).unwrap();
    sock.set(zmq::TCP_KEEPALIVE_IDLE, 77).unwrap();
    let endpoint = sock.bind_any(Transport::Tcp);
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(1, "PUSH", None);
    raw.send(conformance::wire::frame(0, "x"));
    let mut msg = conformance::msg::Msg::empty(lib);
    msg.recv(&sock, 0).unwrap();
    let fd = msg.property(zmq::SRCFD).unwrap();
    let option = |level, name| {
        let mut value: libc::c_int = -1;
        let mut len = 4;
        // SAFETY: `value` and `len` are valid for the call; the descriptor is only asked.
        let rc = unsafe { libc::getsockopt(fd, level, name, (&raw mut value).cast(), &raw mut len) };
        assert_eq!(rc, 0);
        value
    };
    assert_eq!(option(libc::IPPROTO_TCP, libc::TCP_NODELAY), 1);
    assert_eq!(option(libc::SOL_SOCKET, libc::SO_KEEPALIVE), 1);
    assert_eq!(option(libc::IPPROTO_TCP, libc::TCP_KEEPIDLE), 77);
}

// ipc

#[test]
fn ipc_last_endpoint_is_the_path() {
    let directory = Directory::new();
    let (path, endpoint) = directory.endpoint("socket");
    assert_eq!(bind(&endpoint), Ok(endpoint));
    drop(path);
}

#[test]
fn ipc_takes_over_an_existing_file() {
    let directory = Directory::new();
    let (path, endpoint) = directory.endpoint("file");
    std::fs::write(&path, "in the way").unwrap();
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    pull.bind(&endpoint).unwrap();
    push.connect(&endpoint).unwrap();
    flows(&push, &pull);
}

#[test]
fn ipc_takes_over_a_bound_path() {
    let directory = Directory::new();
    let (_, endpoint) = directory.endpoint("socket");
    let ctx = Ctx::new();
    let (first, second, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    first.bind(&endpoint).unwrap();
    second.bind(&endpoint).unwrap();
    push.connect(&endpoint).unwrap();
    flows(&push, &second);
}

#[test]
fn ipc_leaves_its_file_after_unbind() {
    let directory = Directory::new();
    let (path, endpoint) = directory.endpoint("socket");
    let sock = pull();
    sock.bind(&endpoint).unwrap();
    assert!(path.exists());
    let events = Monitor::new(&sock);
    sock.unbind(&endpoint).unwrap();
    events.wait_for(zmq::EVENT_CLOSED);
    assert!(path.exists());
}

#[test]
fn ipc_wildcard_makes_and_removes_a_directory() {
    let sock = pull();
    sock.bind("ipc://*").unwrap();
    let endpoint = sock.last_endpoint();
    let path = PathBuf::from(endpoint.strip_prefix("ipc://").unwrap());
    assert!(path.exists(), "{endpoint}");
    let push = sock.ctx().socket(zmq::PUSH);
    push.connect(&endpoint).unwrap();
    flows(&push, &sock);
    sock.unbind(&endpoint).unwrap();
    wait::until("the file and its directory to be removed", || {
        sock.events();
        !path.exists() && !path.parent().unwrap().exists()
    });
}

#[test]
fn ipc_abstract_names_leave_no_file() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let endpoint = ipc();
    pull.bind(&endpoint).unwrap();
    assert_eq!(pull.last_endpoint(), endpoint);
    push.connect(&endpoint).unwrap();
    flows(&push, &pull);
    assert!(!PathBuf::from(endpoint.strip_prefix("ipc://").unwrap()).exists());
}

#[test]
fn ipc_abstract_name_may_not_be_empty() {
    assert_eq!(bind("ipc://@"), Err(zmq::EINVAL));
    assert_eq!(connect("ipc://@"), Err(zmq::EINVAL));
}

#[test]
fn ipc_paths_have_at_most_107_bytes() {
    let name = format!("{:x<106}", format!("conformance-{}-", std::process::id()));
    assert_eq!(bind(&format!("ipc://@{name}")).map(|_| ()), Ok(()));
    assert_eq!(bind(&format!("ipc://@{}", "x".repeat(107))), Err(zmq::ENAMETOOLONG));
    assert_eq!(connect(&format!("ipc:///{}", "x".repeat(107))), Err(zmq::ENAMETOOLONG));
}

#[test]
fn ipc_in_a_missing_directory_is_enoent() {
    let directory = Directory::new();
    let (_, endpoint) = directory.endpoint("missing/socket");
    assert_eq!(bind(&endpoint), Err(zmq::ENOENT));
}

#[test]
fn ipc_connect_may_come_before_bind() {
    let directory = Directory::new();
    let (_, endpoint) = directory.endpoint("socket");
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    push.set(zmq::RECONNECT_IVL, 10).unwrap();
    push.connect(&endpoint).unwrap();
    pull.bind(&endpoint).unwrap();
    flows(&push, &pull);
}

#[test]
fn ipc_filter_turns_other_users_away() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    // No process has this number.
    pull.set(zmq::IPC_FILTER_PID, i32::MAX).unwrap();
    let endpoint = pull.bind_any(Transport::Ipc);
    let events = Monitor::new(&pull);
    push.connect(&endpoint).unwrap();
    events.wait_for(zmq::EVENT_ACCEPT_FAILED);
}

#[test]
fn ipc_filter_lets_its_own_in() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    pull.set(zmq::IPC_FILTER_PID, i32::MAX).unwrap();
    // SAFETY: no preconditions.
    pull.set(zmq::IPC_FILTER_UID, unsafe { libc::getuid() }.cast_signed()).unwrap();
    push.connect(&pull.bind_any(Transport::Ipc)).unwrap();
    flows(&push, &pull);
}

// inproc

#[test]
fn inproc_names_are_taken_once() {
    let ctx = Ctx::new();
    let (first, second) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PULL));
    let endpoint = inproc();
    first.bind(&endpoint).unwrap();
    assert_eq!(first.bind(&endpoint), Err(zmq::EADDRINUSE));
    assert_eq!(second.bind(&endpoint), Err(zmq::EADDRINUSE));
}

#[test]
fn inproc_names_belong_to_their_context() {
    let (first, second) = (pull(), pull());
    let endpoint = inproc();
    first.bind(&endpoint).unwrap();
    assert_eq!(second.bind(&endpoint), Ok(()));
}

#[test]
fn inproc_names_are_free_after_unbind() {
    let ctx = Ctx::new();
    let (first, second) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PULL));
    let endpoint = inproc();
    first.bind(&endpoint).unwrap();
    first.unbind(&endpoint).unwrap();
    assert_eq!(second.bind(&endpoint), Ok(()));
}

#[test]
fn inproc_names_are_free_after_close() {
    let ctx = Ctx::new();
    let endpoint = inproc();
    let first = ctx.socket(zmq::PULL);
    first.bind(&endpoint).unwrap();
    drop(first);
    let second = ctx.socket(zmq::PULL);
    wait::until("the name to be free", || second.bind(&endpoint).is_ok());
}

#[test]
fn what_was_sent_to_an_inproc_name_waits_for_its_binder() {
    let ctx = Ctx::new();
    let (endpoint, push) = (inproc(), ctx.socket(zmq::PUSH));
    push.connect(&endpoint).unwrap();
    push.send("x");
    push.send(["y", "z"]);
    push.close().unwrap();
    let pull = ctx.socket(zmq::PULL);
    pull.bind(&endpoint).unwrap();
    pull.expect("x");
    pull.expect(["y", "z"]);
    // The one that has left is no peer.
    let push = ctx.socket(zmq::PUSH);
    push.connect(&endpoint).unwrap();
    push.send("next");
    pull.expect("next");
}

#[test]
fn inproc_unbind_is_for_the_owner() {
    let ctx = Ctx::new();
    let (owner, other) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PULL));
    let endpoint = inproc();
    owner.bind(&endpoint).unwrap();
    assert_eq!(other.unbind(&endpoint), Err(zmq::ENOENT));
    assert_eq!(owner.unbind(&endpoint), Ok(()));
}

#[test]
fn inproc_unbind_leaves_existing_connections() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let endpoint = join(&pull, &push, Transport::Inproc);
    pull.unbind(&endpoint).unwrap();
    flows(&push, &pull);
}

#[test]
fn inproc_names_may_be_long_and_odd() {
    let ctx = Ctx::new();
    for name in ["x".repeat(1000), "with spaces/and:colons".into(), "\u{fc}ml\u{e4}ut".into(), "://".into()] {
        let endpoint = format!("inproc://{name}");
        let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
        pull.bind(&endpoint).unwrap();
        assert_eq!(pull.option_bytes(zmq::LAST_ENDPOINT, 2000), Ok(format!("{endpoint}\0").into_bytes()));
        push.connect(&endpoint).unwrap();
        flows(&push, &pull);
    }
}

#[test]
fn inproc_takes_all_waiting_connections_in_order() {
    let ctx = Ctx::new();
    let endpoint = inproc();
    let pushes: Vec<Sock> = (0..5_u8)
        .map(|i| {
            let push = ctx.socket(zmq::PUSH);
            push.connect(&endpoint).unwrap();
            push.send(&[i]);
            push
        })
        .collect();
    let pull = ctx.socket(zmq::PULL);
    pull.bind(&endpoint).unwrap();
    for i in 0..5 {
        pull.expect(&[i]);
    }
    for push in &pushes {
        flows(push, &pull);
    }
}

#[test]
fn inproc_connects_a_socket_to_itself() {
    let pair = Ctx::new().socket(zmq::DEALER);
    let endpoint = inproc();
    pair.bind(&endpoint).unwrap();
    pair.connect(&endpoint).unwrap();
    flows(&pair, &pair);
}

#[test]
fn an_endpoint_is_text() {
    let lib = c_library!();
    let socket = pull();
    let endpoint = format!("ipc://@conformance-{}-", std::process::id());
    let endpoint = CString::new([endpoint.as_bytes(), b"\xff\xfe"].concat()).unwrap();
    let expected = differs!("an_endpoint_is_text", libzmq: Ok(0), ours: Err(zmq::EINVAL));
    assert_eq!(lib.check(lib.zmq_bind(socket.handle().0, endpoint.as_ptr())), expected);
    assert_eq!(lib.check(lib.zmq_connect(socket.handle().0, endpoint.as_ptr())), expected);
}

// LAST_ENDPOINT

#[test]
fn last_endpoint_after_connect_is_the_text_given() {
    let port = RefusingPort::new();
    let named = port.endpoint().replace("127.0.0.1", "localhost");
    for endpoint in [&named, "ipc://@conformance-nobody", "inproc://nobody"] {
        let push = Ctx::new().socket(zmq::PUSH);
        push.connect(endpoint).unwrap();
        assert_eq!(push.last_endpoint(), endpoint);
    }
}

#[test]
fn last_endpoint_is_that_of_the_latest() {
    let sock = pull();
    let first = sock.bind_any(Transport::Tcp);
    let second = sock.bind_any(Transport::Inproc);
    assert_ne!(first, second);
    assert_eq!(sock.last_endpoint(), second);
}

#[test]
fn last_endpoint_survives_unbind() {
    let sock = pull();
    let endpoint = sock.bind_any(Transport::Tcp);
    sock.unbind(&endpoint).unwrap();
    assert_eq!(sock.last_endpoint(), endpoint);
}

#[test]
fn last_endpoint_survives_a_failed_bind() {
    let sock = pull();
    let endpoint = sock.bind_any(Transport::Inproc);
    assert!(sock.bind("tcp://192.0.2.1:*").is_err());
    assert!(sock.bind("nonsense").is_err());
    assert_eq!(sock.last_endpoint(), endpoint);
}

// Removing

#[test]
fn removing_an_unknown_endpoint_is_enoent() {
    let sock = pull();
    for endpoint in ["tcp://127.0.0.1:5555", "ipc:///nowhere", "inproc://nowhere"] {
        assert_eq!(sock.unbind(endpoint), Err(zmq::ENOENT), "{endpoint}");
        assert_eq!(sock.disconnect(endpoint), Err(zmq::ENOENT), "{endpoint}");
    }
}

#[test]
fn an_endpoint_is_removed_once() {
    for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
        let sock = pull();
        let endpoint = sock.bind_any(transport);
        assert_eq!(sock.unbind(&endpoint), Ok(()), "{transport:?}");
        assert_eq!(sock.unbind(&endpoint), Err(zmq::ENOENT), "{transport:?}");
    }
}

#[test]
fn a_connected_endpoint_is_removed_once() {
    let port = RefusingPort::new();
    for endpoint in [&port.endpoint(), "ipc://@conformance-nobody", "inproc://nobody"] {
        let push = Ctx::new().socket(zmq::PUSH);
        push.connect(endpoint).unwrap();
        assert_eq!(push.disconnect(endpoint), Ok(()), "{endpoint}");
        assert_eq!(push.disconnect(endpoint), Err(zmq::ENOENT), "{endpoint}");
    }
}

#[test]
fn one_disconnect_removes_all_connections_to_the_endpoint() {
    let push = Ctx::new().socket(zmq::PUSH);
    let port = RefusingPort::new();
    push.connect(&port.endpoint()).unwrap();
    push.connect(&port.endpoint()).unwrap();
    assert_eq!(push.disconnect(&port.endpoint()), Ok(()));
    assert_eq!(push.disconnect(&port.endpoint()), Err(zmq::ENOENT));
}

#[test]
fn unbind_and_disconnect_are_the_same() {
    let sock = pull();
    let endpoint = sock.bind_any(Transport::Tcp);
    assert_eq!(sock.disconnect(&endpoint), Ok(()));
    let port = RefusingPort::new();
    sock.connect(&port.endpoint()).unwrap();
    assert_eq!(sock.unbind(&port.endpoint()), Ok(()));
}

#[test]
fn a_wildcard_cannot_be_unbound() {
    let sock = pull();
    sock.bind("tcp://127.0.0.1:*").unwrap();
    assert!(sock.unbind("tcp://127.0.0.1:*").is_err());
    assert_eq!(sock.unbind(&sock.last_endpoint()), Ok(()));
}

#[test]
fn unbind_frees_the_port() {
    let sock = pull();
    let endpoint = sock.bind_any(Transport::Tcp);
    sock.unbind(&endpoint).unwrap();
    let other = pull();
    wait::until("the port to be free", || other.bind(&endpoint).is_ok());
}

#[test]
fn unbind_closes_accepted_connections() {
    let sock = pull();
    let endpoint = sock.bind_any(Transport::Tcp);
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(1, "PUSH", None);
    sock.unbind(&endpoint).unwrap();
    wait::until("the connection to be closed", || {
        sock.events();
        raw.is_closed()
    });
}

#[test]
fn messages_received_before_unbind_can_still_be_read() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let endpoint = join(&pull, &push, Transport::Tcp);
    push.send("one");
    push.send("two");
    pull.expect("one");
    pull.wait_readable();
    pull.unbind(&endpoint).unwrap();
    pull.expect("two");
}

#[test]
fn disconnect_throws_unread_messages_away() {
    let ctx = Ctx::new();
    let (push, pull) = (ctx.socket(zmq::PUSH), ctx.socket(zmq::PULL));
    let endpoint = join(&push, &pull, Transport::Tcp);
    push.send("unread");
    pull.wait_readable();
    pull.disconnect(&endpoint).unwrap();
    wait::until("the connection to be gone", || {
        pull.events();
        !push.writable()
    });
    join_more(&push, &pull, &endpoint);
    nothing_before_marker(&push, &pull);
}

#[test]
fn disconnect_sends_what_is_queued() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let endpoint = join(&pull, &push, Transport::Tcp);
    for i in 0..500_u32 {
        push.send([&i.to_be_bytes()[..], &[0; 1000]]);
    }
    push.disconnect(&endpoint).unwrap();
    for i in 0..500_u32 {
        pull.expect([&i.to_be_bytes()[..], &[0; 1000]]);
    }
}

#[test]
fn after_disconnect_a_sender_has_no_peer() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let endpoint = join(&pull, &push, Transport::Tcp);
    push.disconnect(&endpoint).unwrap();
    wait::until("the peer to be gone", || push.try_send("x") == Err(zmq::EAGAIN));
}

#[test]
fn after_disconnect_an_endpoint_can_be_connected_again() {
    let ctx = Ctx::new();
    for transport in [Transport::Tcp, Transport::Ipc, Transport::Inproc] {
        let (router, dealer) = (ctx.socket(zmq::ROUTER), ctx.socket(zmq::DEALER));
        let endpoint = join(&router, &dealer, transport);
        dealer.disconnect(&endpoint).unwrap();
        dealer.connect(&endpoint).unwrap();
        dealer.send("again");
        router.expect_routed("again");
    }
}

#[test]
fn a_server_may_bind_to_several_ports() {
    let ctx = Ctx::new();
    let pull = ctx.socket(zmq::PULL);
    let endpoints: Vec<String> = (0..3).map(|_| pull.bind_any(Transport::Tcp)).collect();
    for endpoint in &endpoints {
        let push = ctx.socket(zmq::PUSH);
        push.connect(endpoint).unwrap();
        flows(&push, &pull);
    }
    pull.unbind(&endpoints[1]).unwrap();
    let push = ctx.socket(zmq::PUSH);
    push.connect(&endpoints[2]).unwrap();
    flows(&push, &pull);
}

// I/O threads

#[test]
fn without_io_threads_only_inproc_works() {
    let ctx = Ctx::new();
    ctx.set(zmq::IO_THREADS, 0).unwrap();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    for endpoint in ["tcp://127.0.0.1:*", "ipc://@conformance-no-threads"] {
        assert_eq!(pull.bind(endpoint), Err(zmq::EMTHREAD), "{endpoint}");
    }
    for endpoint in ["tcp://127.0.0.1:5555", "ipc://@conformance-no-threads"] {
        assert_eq!(push.connect(endpoint), Err(zmq::EMTHREAD), "{endpoint}");
    }
    assert_eq!(pull.bind("nonsense://x"), Err(zmq::EPROTONOSUPPORT), "reported first");
    join(&pull, &push, Transport::Inproc);
    flows(&push, &pull);
}

#[test]
fn an_affinity_without_threads_is_emthread() {
    let ctx = Ctx::new();
    let sock = ctx.socket(zmq::PULL);
    sock.set_bytes(zmq::AFFINITY, 2_u64.to_ne_bytes()).unwrap();
    assert_eq!(sock.bind("tcp://127.0.0.1:*"), Err(zmq::EMTHREAD));
    assert_eq!(sock.connect("tcp://127.0.0.1:5555"), Err(zmq::EMTHREAD));
    assert_eq!(sock.bind(&inproc()), Ok(()));
    sock.set_bytes(zmq::AFFINITY, 1_u64.to_ne_bytes()).unwrap();
    assert_eq!(sock.bind("tcp://127.0.0.1:*"), Ok(()));
}

#[test]
fn several_io_threads_serve_many_connections() {
    let ctx = Ctx::new();
    ctx.set(zmq::IO_THREADS, 3).unwrap();
    let pull = ctx.socket(zmq::PULL);
    let endpoint = pull.bind_any(Transport::Tcp);
    let pushes: Vec<Sock> = (0..20)
        .map(|_| {
            let push = ctx.socket(zmq::PUSH);
            push.connect(&endpoint).unwrap();
            push
        })
        .collect();
    for push in &pushes {
        push.send("x");
    }
    for _ in &pushes {
        pull.expect("x");
    }
}

// Reconnecting

#[test]
fn with_reconnect_ivl_minus_1_a_lost_connection_is_the_end() {
    let listener = conformance::wire::RawListener::new();
    let push = Ctx::new().socket(zmq::PUSH);
    push.set(zmq::RECONNECT_IVL, -1).unwrap();
    let mut raw = listener.connect(&push);
    raw.handshake(1, "PULL", None);
    drop(raw);
    wait::until("the peer to be gone", || !push.writable());
    assert_eq!(push.try_send("x"), Err(zmq::EAGAIN));
}

#[test]
fn a_refused_connection_is_tried_again_until_there_is_a_listener() {
    let ctx = Ctx::new();
    let (pull, push) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH));
    let endpoint = pull.bind_any(Transport::Tcp);
    let closed = Monitor::new(&pull);
    pull.unbind(&endpoint).unwrap();
    closed.wait_for(zmq::EVENT_CLOSED);
    push.set(zmq::RECONNECT_IVL, 5).unwrap();
    let events = Monitor::new(&push);
    push.connect(&endpoint).unwrap();
    events.wait_for(zmq::EVENT_CONNECT_RETRIED);
    events.wait_for(zmq::EVENT_CONNECT_RETRIED);
    wait::until("the port to be free", || pull.bind(&endpoint).is_ok());
    flows(&push, &pull);
}
