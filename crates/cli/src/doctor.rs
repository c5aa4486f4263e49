//! `fzmq doctor`: greets a peer and says what it is, and whether it lets us in.

use std::{
    fmt,
    io::{self, Read, Write},
    net::TcpStream,
    os::{linux::net::SocketAddrExt, unix::net::UnixStream},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use ferrozmq::{HandshakeFailure, SocketType};
use ferrozmq_proto::{
    Config, Endpoint, Engine, Entropy, Mechanism, Password, Ready, Socks,
    endpoint::{Host, HostPort, IpcEndpoint},
    socks::{self, Login},
};

use crate::{
    args::Doctor,
    failure::Failure,
    keys::Credentials,
    login,
    numbers::time,
    say::{say, show},
};

/// Types to try, those first that many others talk to: a server tells its own only to one that fits.
const TYPES: [SocketType; 17] = [
    SocketType::Dealer,
    SocketType::Sub,
    SocketType::Push,
    SocketType::Pull,
    SocketType::Pub,
    SocketType::Pair,
    SocketType::Router,
    SocketType::Xsub,
    SocketType::Xpub,
    SocketType::Client,
    SocketType::Server,
    SocketType::Dish,
    SocketType::Radio,
    SocketType::Gather,
    SocketType::Scatter,
    SocketType::Peer,
    SocketType::Channel,
];
const GREETING: usize = 64;

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// How the peer is reached.
#[derive(Clone)]
struct Way {
    /// The endpoint as it was given, and through what it is reached.
    name: String,
    endpoint: Endpoint,
    proxy: Option<Proxy>,
    limit: Duration,
}

#[derive(Clone)]
struct Proxy {
    address: HostPort,
    login: Option<Login>,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the SOCKS5 proxy {}", self.address)
    }
}

impl Way {
    fn of(doctor: &Doctor) -> Result<Self, Failure> {
        let usage = |e: ferrozmq_proto::EndpointError| Failure::Usage(e.to_string());
        let endpoint = Endpoint::parse_connect(&doctor.endpoint).map_err(usage)?;
        if !matches!(endpoint, Endpoint::Tcp(_) | Endpoint::Ipc(_)) {
            let text =
                format!("endpoint {:?}: the doctor reaches peers by tcp and ipc only", doctor.endpoint);
            return Err(Failure::Usage(text));
        }
        doctor.socks.check([&*doctor.endpoint])?;
        let mut proxy = None;
        if let (Some(address), Endpoint::Tcp(tcp)) = (&doctor.socks.socks_proxy, &endpoint) {
            socks::check_target(&doctor.endpoint, &tcp.target).map_err(usage)?;
            let (text, file) = (doctor.socks.socks_user.as_ref(), doctor.socks.socks_user_file.as_deref());
            let login = login::Login::of(text, file)?.map(|login| Login {
                username: login.name.as_bytes().to_vec(),
                password: Password(login.password.as_bytes().to_vec()),
            });
            let address = socks::parse_proxy(address.as_bytes()).map_err(usage)?.target;
            proxy = Some(Proxy { address, login });
        }
        let mut way = Self { name: doctor.endpoint.clone(), endpoint, proxy, limit: doctor.timeout };
        way.name += &way.through();
        Ok(way)
    }

    fn through(&self) -> String {
        self.proxy.as_ref().map(|proxy| format!(" through {proxy}")).unwrap_or_default()
    }

    fn wrong(&self, what: impl fmt::Display) -> Failure {
        Failure::Run(format!("{}: {what}", self.name))
    }

    fn failed(&self, failure: HandshakeFailure) -> Failure {
        match failure {
            HandshakeFailure::TimedOut => Failure::Timeout(format!("{}: {failure}", self.name)),
            _ => self.wrong(failure),
        }
    }
}

pub(crate) fn run(doctor: &Doctor) -> Result<(), Failure> {
    if doctor.security.clients.is_some() {
        return Err(Failure::Usage("--clients: the doctor lets nobody in".to_owned()));
    }
    let ours = Credentials::of(&doctor.security)?;
    let way = Way::of(doctor)?;
    let stream = open(&way)?;
    show(format_args!("reachable{}", way.through()))?;
    let (version, mechanism) = greet(stream).map_err(|failure| way.failed(failure))?;
    show(format_args!("protocol: ZMTP {version}"))?;
    show(format_args!("mechanism: {mechanism}"))?;
    if matches!(ours, Credentials::CurveServer { .. }) {
        say!("fzmq: without --server-key we come as a server, to which only a client answers");
    }
    let ours = mechanism_of(&ours);
    if ours.name() != mechanism {
        return Err(way.wrong(format_args!("it asks for {mechanism}, we come with {}", ours.name())));
    }
    let mut closed = None;
    for kind in TYPES {
        match shake_hands(open(&way)?, kind, ours.clone()) {
            Ok(ready) => return report(&ready),
            // Another type may fit better; a server with keys or names hangs up on one that does not.
            Err(HandshakeFailure::SocketType) => {}
            Err(failure @ HandshakeFailure::Closed) => closed = Some(failure),
            Err(failure) => return Err(way.failed(failure)),
        }
    }
    Err(match closed {
        Some(closed) => way.wrong(format_args!(
            "{closed}, whatever our socket type: nobody judges us there, or we are refused without a word"
        )),
        None => way.wrong("none of our socket types fits"),
    })
}

fn report(ready: &Ready) -> Result<(), Failure> {
    if let Some(kind) = ready.peer.socket_type {
        show(format_args!("socket type: {}", kind.name()))?;
    }
    if !ready.peer.routing_id.is_empty() {
        show(format_args!("routing id: {}", ready.peer.routing_id.escape_ascii()))?;
    }
    for (name, value) in &ready.peer.metadata {
        if !["socket-type", "identity"].contains(&name.to_ascii_lowercase().as_str()) {
            show(format_args!("{}: {}", name.escape_debug(), value.escape_ascii()))?;
        }
    }
    show("we are let in")
}

fn mechanism_of(ours: &Credentials) -> Mechanism {
    match ours {
        Credentials::None => Mechanism::Null,
        Credentials::PlainClient(login) => Mechanism::PlainClient {
            username: login.name.as_bytes().to_vec(),
            password: Password(login.password.as_bytes().to_vec()),
        },
        Credentials::CurveClient { own, server } => {
            Mechanism::CurveClient { public: own.public, secret: own.secret.clone(), server: *server }
        }
        Credentials::CurveServer { own, .. } => Mechanism::CurveServer { secret: own.secret.clone() },
    }
}

/// A connection to the peer. It may take as long as an answer: the system looks up names and connects for as long as it
/// likes, so that happens in a thread, which ends with the process.
fn open(way: &Way) -> Result<Box<dyn Stream>, Failure> {
    let (outcome, opened) = mpsc::channel();
    let to = way.clone();
    thread::spawn(move || outcome.send(reach(&to)));
    let late = || Failure::Timeout(format!("{}: not reached within {}", way.name, time(way.limit)));
    opened.recv_timeout(way.limit).map_err(|_| late())?.map_err(|e| match e.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => late(),
        _ => way.wrong(e),
    })
}

fn reach(way: &Way) -> io::Result<Box<dyn Stream>> {
    let limit = way.limit;
    match &way.endpoint {
        Endpoint::Tcp(tcp) => match &way.proxy {
            Some(proxy) => {
                let failed = |e: io::Error| io::Error::new(e.kind(), format!("{proxy} is not reached: {e}"));
                let mut stream = connect(&proxy.address, limit).map_err(failed)?;
                tunnel(&mut stream, Socks::new(tcp.target.clone(), proxy.login.clone()))?;
                Ok(Box::new(stream))
            }
            None => Ok(Box::new(connect(&tcp.target, limit)?)),
        },
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
        _ => Err(io::ErrorKind::Unsupported.into()),
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

/// Version and mechanism of a ZMTP 3 peer.
fn greet(mut stream: impl Stream) -> Result<(String, String), HandshakeFailure> {
    let mut greeting = [0; GREETING];
    greeting[..12].copy_from_slice(b"\xFF\0\0\0\0\0\0\0\x01\x7F\x03\x01");
    greeting[12..16].copy_from_slice(b"NULL");
    // Who has hung up may have said something before.
    let _ = stream.write_all(&greeting);
    let mut theirs = [0; GREETING];
    let mut have = 0;
    while have < GREETING {
        match stream.read(&mut theirs[have..]) {
            Ok(0) => return Err(HandshakeFailure::ClosedInGreeting),
            Ok(n) => have += n,
            // A signal that ends the program has a thread of its own.
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(lost(&e, HandshakeFailure::ClosedInGreeting)),
        }
        if theirs[0] != 0xFF || have > 9 && theirs[9] & 1 == 0 {
            return Err(HandshakeFailure::NotZmtp);
        }
        if have > 10 && theirs[10] < 3 {
            return Err(HandshakeFailure::OldVersion);
        }
    }
    let name = theirs[12..32].split(|byte| *byte == 0).next().unwrap_or_default();
    Ok((format!("{}.{}", theirs[10], theirs[11]), name.escape_ascii().to_string()))
}

fn shake_hands(
    mut stream: impl Stream,
    kind: SocketType,
    mechanism: Mechanism,
) -> Result<Ready, HandshakeFailure> {
    let mut random = [0; Entropy::BYTES];
    let urandom = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut random));
    urandom.map_err(|e| HandshakeFailure::Connection(e.raw_os_error().unwrap_or(0)))?;
    let config = Config { mechanism, entropy: Entropy::new(random), ..Config::new(kind) };
    let mut engine = Engine::new(config, Instant::now());
    let mut out = Vec::new();
    engine.start(&mut out);
    let mut buffer = [0; 4096];
    loop {
        stream.write_all(&out).map_err(|e| lost(&e, engine.stage().into()))?;
        out.clear();
        if let Some(ready) = engine.ready() {
            return Ok(ready.clone());
        }
        let n = match stream.read(&mut buffer) {
            Ok(0) => return Err(engine.stage().into()),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(lost(&e, engine.stage().into())),
        };
        // All of it is taken, but for traffic that nobody is interested in.
        engine.handshake(&buffer[..n], &mut out, Instant::now())?;
    }
}

/// What the failure of a connection means, on which the peer hanging up would mean `closed`.
fn lost(error: &io::Error, closed: HandshakeFailure) -> HandshakeFailure {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => HandshakeFailure::TimedOut,
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => closed,
        _ => HandshakeFailure::Connection(error.raw_os_error().unwrap_or(0)),
    }
}
