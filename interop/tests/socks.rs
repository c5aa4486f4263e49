//! The library under test behind a SOCKS5 proxy of the distribution, microsocks, and peers of both libraries beyond it.
//!
//! Without microsocks nothing is tested here, which is a failure where the variable CI is set.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use conformance::socket::{Ctx, Sock};
use conformance::wire::RefusingPort;
use conformance::{Errno, Monitor, zmq};
use interop::frames::pattern;
use interop::program::PATIENCE;
use interop::{Peer, Subject};

/// Where Debian has it.
const PROGRAM: &str = "/usr/bin/microsocks";

/// A running proxy; killed on drop.
struct Proxy {
    child: Child,
    address: String,
}

impl Proxy {
    /// Starts one with these arguments on a free port; none where the program is not installed.
    fn start(arguments: &[&str]) -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            assert!(env::var_os("CI").is_none(), "microsocks is not installed");
            eprintln!("skipped: microsocks is not installed");
            return None;
        }
        let mut command = Command::new(PROGRAM);
        command.args(["-i", "127.0.0.1", "-p", "0"]).args(arguments).stderr(Stdio::null());
        let child = command.spawn().expect("microsocks");
        let deadline = Instant::now() + PATIENCE;
        let port = loop {
            if let Some(port) = listening_port(child.id()) {
                break port;
            }
            assert!(Instant::now() < deadline, "microsocks does not listen");
            thread::sleep(Duration::from_millis(1));
        };
        Some(Self { child, address: format!("127.0.0.1:{port}") })
    }

    /// A socket of the library under test, in this process, that connects through the proxy.
    fn socket(&self, kind: i32) -> Sock {
        let socket = Ctx::new().socket(kind);
        socket.set_bytes(zmq::SOCKS_PROXY, &self.address).expect("SOCKS_PROXY");
        socket.set(zmq::RECONNECT_IVL, 5).expect("RECONNECT_IVL");
        socket
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The port at which a process listens, as the kernel tells it: the proxy does not.
fn listening_port(process: u32) -> Option<u16> {
    const LISTEN: &str = "0A";
    let files = fs::read_dir(format!("/proc/{process}/fd")).ok()?;
    let links = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    let sockets: Vec<String> = links
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let table = fs::read_to_string(format!("/proc/{process}/net/tcp")).ok()?;
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it =
            fields.get(3) == Some(&LISTEN) && sockets.iter().any(|s| fields.get(9) == Some(&s.as_str()));
        let (_, port) = fields.get(1).filter(|_| is_it)?.split_once(':')?;
        u16::from_str_radix(port, 16).ok()
    })
}

fn port(endpoint: &str) -> &str {
    endpoint.rsplit_once(':').expect("a port").1
}

/// A request and its answer, small and large, between our client behind the proxy and a server of each library.
fn talk(proxy: &Proxy, login: &[(i32, &[u8])]) {
    for library in [Subject::from_env(), Subject::system()] {
        for host in ["127.0.0.1", "localhost"] {
            let program = env!("CARGO_BIN_EXE_peer");
            let mut server = Peer::start(program, &library, zmq::REP, &[]);
            let endpoint = server.bind("tcp://127.0.0.1:*");
            let options = [&[(zmq::SOCKS_PROXY, proxy.address.as_bytes())][..], login].concat();
            let mut client = Peer::start(program, &Subject::from_env(), zmq::REQ, &options);
            client.connect(&format!("tcp://{host}:{}", port(&endpoint)));
            for size in [0, 1, 300, 3_000_000] {
                let body = pattern(size);
                client.send(std::slice::from_ref(&body));
                assert_eq!(server.recv(), std::slice::from_ref(&body));
                server.send(&[body.clone(), b"answered".to_vec()]);
                assert_eq!(client.recv(), [body, b"answered".to_vec()]);
            }
            client.finish();
            server.finish();
        }
    }
}

#[test]
fn messages_pass_through_a_proxy_that_is_open_to_all() {
    let Some(proxy) = Proxy::start(&[]) else { return };
    talk(&proxy, &[]);
}

#[test]
fn messages_pass_through_a_proxy_with_a_password() {
    let Some(proxy) = Proxy::start(&["-u", "user", "-P", "secret"]) else { return };
    talk(&proxy, &[(zmq::SOCKS_USERNAME, b"user"), (zmq::SOCKS_PASSWORD, b"secret")]);
}

#[test]
fn a_wrong_password_is_refused_until_it_is_right() {
    let Some(proxy) = Proxy::start(&["-u", "user", "-P", "secret"]) else { return };
    for (name, password) in [(None, ""), (Some("user"), "Secret"), (Some("other"), "secret")] {
        let socket = proxy.socket(zmq::DEALER);
        if let Some(name) = name {
            socket.set_bytes(zmq::SOCKS_USERNAME, name).expect("SOCKS_USERNAME");
            socket.set_bytes(zmq::SOCKS_PASSWORD, password).expect("SOCKS_PASSWORD");
        }
        assert_eq!(failure(&socket, "tcp://127.0.0.1:1"), zmq::EACCES, "{name:?} {password:?}");
    }
}

#[test]
fn what_the_proxy_cannot_reach_is_told() {
    let Some(proxy) = Proxy::start(&[]) else { return };
    let port = RefusingPort::new();
    assert_eq!(failure(&proxy.socket(zmq::DEALER), &port.endpoint()), zmq::ECONNREFUSED);
    let unknown = failure(&proxy.socket(zmq::DEALER), "tcp://no-such-host.invalid:5555");
    // A failure without a reason, it says.
    assert_eq!(unknown, zmq::ECONNABORTED);
}

/// The error of the first attempt, as a monitor tells it.
fn failure(socket: &Sock, endpoint: &str) -> Errno {
    let events = Monitor::new(socket);
    socket.connect(endpoint).expect("connect");
    let event = events.wait_for(zmq::EVENT_HANDSHAKE_FAILED_NO_DETAIL);
    events.wait_for(zmq::EVENT_CONNECT_RETRIED);
    Errno(i32::try_from(event.value).expect("an errno"))
}
