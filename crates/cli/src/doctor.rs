//! `fzmq doctor`: greets a peer and says what it is, and whether it lets us in.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
    os::{linux::net::SocketAddrExt, unix::net::UnixStream},
    time::{Duration, Instant},
};

use ferrozmq::{HandshakeFailure, SocketType};
use ferrozmq_proto::{
    Config, Endpoint, Engine, Entropy, Mechanism, Password, Ready, Socks, Version,
    endpoint::{Host, HostPort, IpcEndpoint},
    socks::{self, Login},
};

use crate::{args::Doctor, failure::Failure, keys::Role, login};

/// Types to try, those first that many others talk to: a server tells its own only to one that fits.
const TYPES: [SocketType; 9] = [
    SocketType::Dealer,
    SocketType::Sub,
    SocketType::Push,
    SocketType::Pull,
    SocketType::Pub,
    SocketType::Pair,
    SocketType::Router,
    SocketType::Xsub,
    SocketType::Xpub,
];
const GREETING: usize = 64;

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// How the peer is reached.
struct Way {
    endpoint: Endpoint,
    proxy: Option<(HostPort, Option<Login>)>,
    limit: Duration,
}

impl Way {
    fn of(doctor: &Doctor) -> Result<Self, Failure> {
        let usage = |e: ferrozmq_proto::EndpointError| Failure::Usage(e.to_string());
        let endpoint = Endpoint::parse_connect(&doctor.endpoint).map_err(usage)?;
        doctor.socks.check([&*doctor.endpoint])?;
        let mut proxy = None;
        if let (Some(address), Endpoint::Tcp(tcp)) = (&doctor.socks.socks_proxy, &endpoint) {
            socks::check_target(&doctor.endpoint, &tcp.target).map_err(usage)?;
            let (text, file) = (doctor.socks.socks_user.as_ref(), doctor.socks.socks_user_file.as_deref());
            let login = login::Login::of(text, file)?.map(|login| Login {
                username: login.name.as_bytes().to_vec(),
                password: Password(login.password.as_bytes().to_vec()),
            });
            proxy = Some((socks::parse_proxy(address.as_bytes()).map_err(usage)?.target, login));
        }
        Ok(Self { endpoint, proxy, limit: doctor.timeout.unwrap_or(Duration::from_secs(5)) })
    }
}

pub(crate) fn run(doctor: &Doctor) -> Result<(), Failure> {
    let role = Role::of(&doctor.security)?;
    let wrong = |e: &dyn std::fmt::Display| Failure::Run(format!("{}: {e}", doctor.endpoint));
    let way = Way::of(doctor)?;
    let greeting = greet(&way).map_err(|e| wrong(&e))?;
    println!("reachable");
    let Some((version, mechanism)) = greeting else {
        println!("protocol: not ZMTP 3, or another protocol altogether");
        return Err(wrong(&"no ZMTP 3 greeting"));
    };
    println!("protocol: ZMTP {version}");
    println!("mechanism: {mechanism}");
    let ours = mechanism_of(&role);
    if ours.name() != mechanism {
        return Err(wrong(&format!("it asks for {mechanism}, we come with {}", ours.name())));
    }
    let mut last = None;
    for kind in TYPES {
        match shake_hands(&way, kind, ours.clone()).map_err(|e| wrong(&e))? {
            Ok(ready) => {
                report(&ready);
                return Ok(());
            }
            // Another type may fit better; a server with keys or names hangs up on one that does not.
            Err(HandshakeFailure::SocketType) => {}
            Err(closed @ HandshakeFailure::Closed) => last = Some(closed),
            Err(failure) => return Err(wrong(&failure)),
        }
    }
    Err(match last {
        Some(closed) => wrong(&format!(
            "{closed}, whatever our socket type: nobody judges us there, or we are refused without a word"
        )),
        None => wrong(&"none of our socket types fits"),
    })
}

fn report(ready: &Ready) {
    if let Some(kind) = ready.peer.socket_type {
        println!("socket type: {}", kind.name());
    }
    if !ready.peer.routing_id.is_empty() {
        println!("routing id: {}", ready.peer.routing_id.escape_ascii());
    }
    for (name, value) in &ready.peer.metadata {
        if !["socket-type", "identity"].contains(&name.to_ascii_lowercase().as_str()) {
            println!("{name}: {}", value.escape_ascii());
        }
    }
    if ready.version < Version::V3_1 {
        println!("it is older than libzmq 4.3.3");
    }
    println!("we are let in");
}

fn mechanism_of(role: &Role) -> Mechanism {
    match role {
        Role::None => Mechanism::Null,
        Role::PlainClient(login) => Mechanism::PlainClient {
            username: login.name.as_bytes().to_vec(),
            password: Password(login.password.as_bytes().to_vec()),
        },
        Role::CurveClient { own, server } => {
            Mechanism::CurveClient { public: own.public, secret: own.secret.clone(), server: *server }
        }
        Role::CurveServer { own, .. } => Mechanism::CurveServer { secret: own.secret.clone() },
    }
}

fn open(way: &Way) -> io::Result<Box<dyn Stream>> {
    let limit = way.limit;
    match &way.endpoint {
        Endpoint::Tcp(tcp) => {
            let stream = match &way.proxy {
                Some((proxy, login)) => {
                    let mut stream = connect(proxy, limit)?;
                    tunnel(&mut stream, Socks::new(tcp.target.clone(), login.clone()))?;
                    stream
                }
                None => connect(&tcp.target, limit)?,
            };
            Ok(Box::new(stream))
        }
        Endpoint::Ipc(ipc) => {
            let stream = match ipc {
                IpcEndpoint::Path(path) => UnixStream::connect(path)?,
                IpcEndpoint::Abstract(name) => {
                    UnixStream::connect_addr(&std::os::unix::net::SocketAddr::from_abstract_name(name)?)?
                }
                IpcEndpoint::Wildcard => return Err(io::ErrorKind::InvalidInput.into()),
            };
            stream.set_read_timeout(Some(limit))?;
            stream.set_write_timeout(Some(limit))?;
            Ok(Box::new(stream))
        }
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, "the doctor reaches peers by tcp and ipc only")),
    }
}

fn connect(HostPort { host, port }: &HostPort, limit: Duration) -> io::Result<TcpStream> {
    let host = match host {
        Host::Name(name) => name.clone(),
        host => host.to_string().trim_matches(['[', ']']).to_owned(),
    };
    let stream = TcpStream::connect((host.as_str(), *port))?;
    stream.set_read_timeout(Some(limit))?;
    stream.set_write_timeout(Some(limit))?;
    Ok(stream)
}

/// Asks the proxy at the other end for the connection.
fn tunnel(stream: &mut TcpStream, mut socks: Socks) -> io::Result<()> {
    let mut out = Vec::new();
    socks.start(&mut out);
    while !socks.is_connected() {
        stream.write_all(&out)?;
        out.clear();
        let mut answer = vec![0; socks.missing()];
        stream.read_exact(&mut answer)?;
        socks.receive(&answer, &mut out).map_err(io::Error::other)?;
    }
    Ok(())
}

/// Version and mechanism of a ZMTP 3 peer; none of another.
fn greet(way: &Way) -> io::Result<Option<(String, String)>> {
    let mut stream = open(way)?;
    let mut greeting = [0; GREETING];
    greeting[..12].copy_from_slice(b"\xFF\0\0\0\0\0\0\0\x01\x7F\x03\x01");
    greeting[12..16].copy_from_slice(b"NULL");
    stream.write_all(&greeting)?;
    let mut theirs = [0; GREETING];
    let mut have = 0;
    while have < GREETING {
        match stream.read(&mut theirs[have..]) {
            // A signal that ends the program has a thread of its own.
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => break,
            Ok(n) => have += n,
        }
    }
    if have < GREETING || theirs[0] != 0xFF || theirs[9] & 1 == 0 || theirs[10] < 3 {
        return Ok(None);
    }
    let name = theirs[12..32].split(|byte| *byte == 0).next().unwrap_or_default();
    Ok(Some((format!("{}.{}", theirs[10], theirs[11]), String::from_utf8_lossy(name).into_owned())))
}

fn shake_hands(
    way: &Way,
    kind: SocketType,
    mechanism: Mechanism,
) -> io::Result<Result<Ready, HandshakeFailure>> {
    let mut stream = open(way)?;
    let mut random = [0; Entropy::BYTES];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
    let config = Config { mechanism, entropy: Entropy::new(random), ..Config::new(kind) };
    let mut engine = Engine::new(config, Instant::now());
    let mut out = Vec::new();
    engine.start(&mut out);
    let mut buffer = [0; 4096];
    loop {
        if let Err(e) = stream.write_all(&out) {
            return Ok(Err(lost(&e, &engine)));
        }
        out.clear();
        if let Some(ready) = engine.ready() {
            return Ok(Ok(ready.clone()));
        }
        let n = match stream.read(&mut buffer) {
            Ok(0) => return Ok(Err(engine.stage().into())),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Ok(Err(lost(&e, &engine))),
        };
        // All of it is taken, but for traffic that nobody is interested in.
        if let Err(e) = engine.handshake(&buffer[..n], &mut out, Instant::now()) {
            return Ok(Err(e.into()));
        }
    }
}

/// What the failure of a connection means at this point of the handshake.
fn lost(error: &io::Error, engine: &Engine) -> HandshakeFailure {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => HandshakeFailure::TimedOut,
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => engine.stage().into(),
        _ => HandshakeFailure::Connection(error.raw_os_error().unwrap_or(0)),
    }
}
