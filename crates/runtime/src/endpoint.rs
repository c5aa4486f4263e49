//! Binding and connecting a socket, and taking that back (zmq_bind(3), zmq_connect(3)).

use std::{io, sync::Arc};

use ferrozmq_base::{Error, PipeId, Result, SocketType, sync::lock};
use ferrozmq_pattern::Local;
use ferrozmq_proto::{
    Endpoint as Address, EndpointError,
    endpoint::{Host, HostPort, IpcEndpoint, TcpEndpoint, TipcEndpoint, VsockEndpoint, check_socket_type},
};
use ferrozmq_sys::{
    Listener,
    net::{ipc, take_over, tcp, tipc, vsock},
    resolve,
};

use crate::{
    connector::{Proxy, Target, ipc_address, tipc_range},
    context::{Shared, linger},
    inproc::{self, Owner, Party, Pending},
    io_thread::{Command, Io},
    listener::{Listening, fd_value},
    monitor::{Ends, Notice},
    port::{Attachment, Event, Far, Port},
    session::{Close, Session},
    settings::{Settings, conflates},
    socket::SocketCore,
    udp::check_use,
};

/// Why bind, connect, unbind or disconnect failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindError {
    /// The endpoint's text is wrong; says what was expected.
    Endpoint(EndpointError),
    /// Anything else.
    Other(Error),
}

impl BindError {
    /// The error without its text.
    pub fn error(&self) -> Error {
        match self {
            Self::Endpoint(e) => e.errno,
            Self::Other(e) => *e,
        }
    }
}

impl std::fmt::Display for BindError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Endpoint(e) => e.fmt(f),
            Self::Other(e) => e.fmt(f),
        }
    }
}

impl std::error::Error for BindError {}

impl From<Error> for BindError {
    fn from(e: Error) -> Self {
        Self::Other(e)
    }
}

impl From<EndpointError> for BindError {
    fn from(e: EndpointError) -> Self {
        Self::Endpoint(e)
    }
}

impl From<io::Error> for BindError {
    fn from(e: io::Error) -> Self {
        Self::Other(e.into())
    }
}

/// An endpoint that a socket is bound or connected to.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// As unbind and disconnect name it.
    text: String,
    /// Another name for it: that of a tipc service, whose resolved text names the socket alone.
    alias: Option<String>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Listener { io: Arc<Io>, id: u64 },
    Connection { io: Arc<Io>, session: u64, pipe: Option<PipeId> },
    Name,
    InprocPipe(PipeId),
}

impl Endpoint {
    /// An endpoint without connections: whatever has this id serves it, through this pipe.
    pub(crate) fn served(text: String, io: Arc<Io>, id: u64, pipe: PipeId) -> Self {
        Self { text, alias: None, kind: Kind::Connection { io, session: id, pipe: Some(pipe) } }
    }

    pub(crate) fn is_served_by(&self, session: u64) -> bool {
        matches!(self.kind, Kind::Connection { session: own, .. } if own == session)
    }

    /// The socket closes: whatever serves the endpoint ends.
    pub(crate) fn release(self, shared: &Arc<Shared>, port: &Arc<Port>, how: Close) {
        match self.kind {
            Kind::Listener { io, id } => io.send(Command::Unlisten(id, how)),
            Kind::Connection { io, session, .. } => io.send(Command::Close(session, how)),
            Kind::Name => {
                lock(&shared.registry).unbind(&self.text, port);
            }
            Kind::InprocPipe(_) => {}
        }
    }
}

impl SocketCore {
    /// Accepts peers at `endpoint`.
    ///
    /// # Errors
    /// A text that says what was expected; `AddressInUse`, `AddressNotAvailable`, `NoSuchDevice`, `NoThread`,
    /// `ProtocolNotSupported`, `AddressFamilyNotSupported` (vsock or tipc, without the kernel's), `IncompatibleProtocol`, `NameTooLong`, `NotFound`, `AccessDenied`, `Terminated`.
    pub fn bind(&mut self, endpoint: &str) -> Result<(), BindError> {
        self.check()?;
        check_socket_type(endpoint, self.kind())?;
        check_use(endpoint, self.kind(), &self.options, true)?;
        match Address::parse_bind(endpoint)? {
            Address::Inproc(_) => self.bind_inproc(endpoint)?,
            Address::Tcp(address) => self.bind_stream(endpoint, &Bind::Tcp(address))?,
            Address::Ipc(address) => self.bind_stream(endpoint, &Bind::Ipc(address))?,
            Address::Vsock(address) => self.bind_stream(endpoint, &Bind::Vsock(address))?,
            Address::Tipc(address) => self.bind_stream(endpoint, &Bind::Tipc(address))?,
            Address::Udp(address) => self.bind_udp(endpoint, &address)?,
            _ => return Err(Error::ProtocolNotSupported.into()),
        }
        self.settle();
        Ok(())
    }

    /// Connects to `endpoint`, now or as soon as somebody is there.
    ///
    /// # Errors
    /// As [`SocketCore::bind`]; that nobody is there is none.
    pub fn connect(&mut self, endpoint: &str) -> Result<(), BindError> {
        self.check()?;
        check_socket_type(endpoint, self.kind())?;
        check_use(endpoint, self.kind(), &self.options, false)?;
        let address = Address::parse_connect(endpoint)?;
        if let Some(id) = &self.options.connect_routing_id
            && self.id_in_use(id)
        {
            return Err(Error::AddressInUse.into());
        }
        match address {
            Address::Inproc(_) => self.connect_inproc(endpoint)?,
            Address::Tcp(address) => {
                let settings = self.settings();
                let options = Box::new(settings.tcp_options()?);
                let proxy = Proxy::of(&self.options, endpoint, &address)?;
                let target = Target::Tcp { endpoint: address, ipv6: self.options.ipv6, options, proxy };
                self.connect_stream(endpoint, target, settings)?;
            }
            Address::Ipc(address) => {
                let settings = self.settings();
                self.connect_stream(endpoint, Target::Ipc(address), settings)?;
            }
            Address::Vsock(address) if vsock::is_supported() => {
                let settings = self.settings();
                self.connect_stream(endpoint, Target::Vsock(address), settings)?;
            }
            Address::Tipc(address) if tipc::is_supported() => {
                let settings = self.settings();
                self.connect_stream(endpoint, Target::Tipc(address), settings)?;
            }
            Address::Vsock(_) | Address::Tipc(_) => return Err(Error::AddressFamilyNotSupported.into()),
            Address::Udp(address) => self.connect_udp(endpoint, &address)?,
            _ => return Err(Error::ProtocolNotSupported.into()),
        }
        self.last_endpoint = endpoint.to_owned();
        self.settle();
        Ok(())
    }

    /// Connects a PEER, and tells the number of the peer (zmq_connect_peer(3)).
    ///
    /// # Errors
    /// `NotSupported` on other types; `BadAddress` if connections are made only when they stand (ZMQ_IMMEDIATE); those of
    /// [`SocketCore::connect`].
    pub fn connect_peer(&mut self, endpoint: &str) -> Result<u32, BindError> {
        if self.kind() != SocketType::Peer {
            return Err(Error::NotSupported.into());
        }
        if self.options.immediate {
            return Err(Error::BadAddress.into());
        }
        self.connect(endpoint)?;
        let pipe = match self.endpoints.last().map(|endpoint| &endpoint.kind) {
            Some(Kind::Connection { pipe: Some(pipe), .. } | Kind::InprocPipe(pipe)) => *pipe,
            _ => return Err(Error::HostUnreachable.into()),
        };
        self.pattern.peer_number(pipe).ok_or_else(|| Error::HostUnreachable.into())
    }

    /// Ends what [`SocketCore::bind`] began: the endpoint and every connection that came through it.
    ///
    /// # Errors
    /// `NotFound` if the socket has no such endpoint.
    pub fn unbind(&mut self, endpoint: &str) -> Result<(), BindError> {
        self.end_endpoint(endpoint)
    }

    /// Ends what [`SocketCore::connect`] began. Unread messages are dropped, unsent ones linger.
    ///
    /// # Errors
    /// `NotFound` if the socket has no such endpoint.
    pub fn disconnect(&mut self, endpoint: &str) -> Result<(), BindError> {
        self.end_endpoint(endpoint)?;
        self.port().set_disconnected();
        Ok(())
    }

    pub(crate) fn settings(&self) -> Arc<Settings> {
        Arc::new(Settings { kind: self.kind(), raw: self.is_raw(), options: self.options.clone() })
    }

    // ---- Streams ----

    fn bind_stream(&mut self, text: &str, address: &Bind) -> Result<(), BindError> {
        let io = self.shared.choose_io(self.options.affinity).ok_or(Error::NoThread)?;
        let settings = self.settings();
        let listener = match self.listen(address, &settings) {
            Ok(listener) => listener,
            Err(e) => {
                let text = text.split_once("://").map_or(text, |(_, rest)| rest);
                let value = e.error().errno() as u64;
                self.port().monitor.notify(Notice::BindFailed, value, &Ends::bound(text));
                return Err(e);
            }
        };
        let resolved = listener.local_endpoint();
        let ends = Ends::bound(&resolved);
        self.port().monitor.notify(Notice::Listening, fd_value(&listener), &ends);
        let id = self.shared.next_id();
        self.port().monitor.listens();
        let listening = Listening::new(id, listener, resolved.clone(), self.port().clone(), settings);
        let alias = matches!(address, Bind::Tipc(_)).then(|| text.to_owned());
        io.add_load();
        io.send(Command::Listen(Box::new(listening)));
        self.endpoints.push(Endpoint { text: resolved.clone(), alias, kind: Kind::Listener { io, id } });
        self.last_endpoint = resolved;
        Ok(())
    }

    fn listen(&mut self, address: &Bind, settings: &Settings) -> Result<Listener, BindError> {
        let options = settings.tcp_options()?;
        // Whatever comes of it, a descriptor is given away once: its number may soon be that of another.
        let supplied = self.options.use_fd.take();
        Ok(match (address, supplied) {
            (Bind::Tcp(_), Some(fd)) => tcp::listen_on(take_over(fd)?, &options).map_err(|(e, _)| e)?,
            (Bind::Ipc(_), Some(fd)) => ipc::listen_on(take_over(fd)?).map_err(|(e, _)| e)?,
            (Bind::Vsock(_), Some(fd)) => vsock::listen_on(take_over(fd)?).map_err(|(e, _)| e)?,
            (Bind::Tipc(_), Some(fd)) => tipc::listen_on(take_over(fd)?).map_err(|(e, _)| e)?,
            (Bind::Tcp(address), None) => tcp::listen(self.resolve_bind(&address.target)?, &options)?,
            (Bind::Ipc(address), None) => ipc::listen(ipc_address(address), options.backlog)?,
            (Bind::Vsock(VsockEndpoint { cid, port }), None) => {
                vsock::listen(cid.unwrap_or(vsock::ANY), port.unwrap_or(vsock::ANY), options.backlog)?
            }
            (Bind::Tipc(address), None) => tipc::listen(tipc_range(*address)?, options.backlog)?,
        })
    }

    fn resolve_bind(&self, address: &HostPort) -> io::Result<std::net::SocketAddr> {
        resolve::resolve_bind(&address.host.to_string(), address.port, self.options.ipv6)
    }

    fn connect_stream(&mut self, text: &str, target: Target, settings: Arc<Settings>) -> Result<()> {
        let io = self.shared.choose_io(self.options.affinity).ok_or(Error::NoThread)?;
        if self.ignores_repeats() && self.endpoints.iter().any(|e| e.text == text) {
            return Ok(());
        }
        let session = self.shared.next_id();
        let (conn, pipe) = if self.options.immediate {
            (None, None)
        } else {
            let (conn, pipe) = settings.pipe(session, io.clone())?;
            (Some(conn), Some(pipe))
        };
        let started = Session::connecting(
            session,
            &self.shared,
            io.clone(),
            self.port().clone(),
            settings,
            target,
            text.to_owned(),
            conn.clone(),
        );
        let assigned_id = self.options.connect_routing_id.take();
        let pipe = match (conn, pipe) {
            (Some(conn), Some(pipe)) => {
                let local = Local { connected: true, assigned_id, inproc: false };
                Some(self.open(pipe, Far::Wire(conn), local))
            }
            _ => None,
        };
        io.add_load();
        io.send(Command::Start(Box::new(started)));
        self.endpoints.push(Endpoint {
            text: text.to_owned(),
            alias: None,
            kind: Kind::Connection { io, session, pipe },
        });
        Ok(())
    }

    /// Connecting twice to the same text is one connection for these.
    fn ignores_repeats(&self) -> bool {
        matches!(self.kind(), SocketType::Dealer | SocketType::Sub | SocketType::Pub | SocketType::Req)
    }

    // ---- Inproc ----

    fn party(&self) -> Party {
        Party {
            port: self.port().clone(),
            routing_id: self.options.routing_id.clone(),
            send_hwm: self.options.send_hwm,
            receive_hwm: self.options.receive_hwm,
            farewell: None,
            hello: None,
        }
    }

    /// As who binds: it may have a first message for its peers, and want a last one of them.
    fn binder(&self) -> Party {
        let farewell = self.options.farewell(self.kind()).map(Arc::from);
        let hello = self.options.hello(self.kind()).map(Arc::from);
        Party { farewell, hello, ..self.party() }
    }

    fn bind_inproc(&mut self, text: &str) -> Result<()> {
        let party = self.binder();
        let waiting = lock(&self.shared.registry).bind(text, party).ok_or(Error::AddressInUse)?;
        for pending in waiting {
            self.welcome(text, pending);
        }
        self.endpoints.push(Endpoint { text: text.to_owned(), alias: None, kind: Kind::Name });
        self.last_endpoint = text.to_owned();
        Ok(())
    }

    /// Takes the binder's end of a pair whose connecter came first.
    fn welcome(&mut self, text: &str, pending: Pending) {
        let Pending { party, mut pipe, near, far } = pending;
        let to_connecter = inproc::sum(self.options.send_hwm, party.receive_hwm);
        let to_binder = inproc::sum(party.send_hwm, self.options.receive_hwm);
        pipe.set_hwm(to_connecter, to_binder);
        let own = self.binder();
        let local = Local { connected: false, assigned_id: None, inproc: true };
        let id = self.open(pipe, Far::inproc(&party, far, near.clone(), Ends::bound(text)), local);
        self.say_hello(id);
        self.identify(id, &party.info());
        let told = match near.id() {
            Some(theirs) => party.port.post(Event::Bound(theirs, Box::new(own))).is_ok(),
            None => false,
        };
        if !told {
            // The connecter has closed meanwhile; what it sent is still to be read.
            self.peer_ended(id);
        }
    }

    fn connect_inproc(&mut self, text: &str) -> Result<()> {
        let own = self.party();
        let conflate = if self.options.conflate { conflates(self.kind()) } else { (false, false) };
        let assigned_id = self.options.connect_routing_id.take();
        let local = Local { connected: true, assigned_id, inproc: true };
        let (near, far) = (Arc::new(Owner::default()), Arc::new(Owner::default()));
        // The registry stays locked until the binder has been told or the wait is on record: it can neither go nor
        // come in between.
        let shared = self.shared.clone();
        let mut registry = lock(&shared.registry);
        let id = if let Some(binder) = registry.bound(text).cloned() {
            let (pipe, theirs) = inproc::pair(
                conflate,
                inproc::sum(own.send_hwm, binder.receive_hwm),
                inproc::sum(binder.send_hwm, own.receive_hwm),
                binder.hello.as_deref(),
            );
            let ends = Ends::connected(text);
            let id = self.open(pipe, Far::inproc(&binder, near.clone(), far.clone(), ends), local);
            self.say_hello(id);
            self.identify(id, &binder.info());
            let attachment = Attachment {
                pipe: theirs,
                far: Far::inproc(&own, far, near, Ends::bound(text)),
                local: Local { connected: false, assigned_id: None, inproc: true },
                info: Some(own.info()),
            };
            // A binder that is closing has left the registry already.
            let _ = binder.port.post(Event::Attached(Box::new(attachment)));
            id
        } else {
            let (pipe, theirs) = inproc::pair(conflate, own.send_hwm, own.receive_hwm, None);
            let nobody = Party { port: self.port().clone(), receive_hwm: own.receive_hwm, ..own.clone() };
            let ends = Ends::connected(text);
            let id = self.open(pipe, Far::inproc(&nobody, near.clone(), far.clone(), ends), local);
            self.say_hello(id);
            registry.wait(text, Pending { party: own, pipe: theirs, near, far });
            id
        };
        drop(registry);
        self.endpoints.push(Endpoint { text: text.to_owned(), alias: None, kind: Kind::InprocPipe(id) });
        Ok(())
    }

    // ---- End ----

    fn end_endpoint(&mut self, text: &str) -> Result<(), BindError> {
        self.check()?;
        check_socket_type(text, self.kind())?;
        let found = self.take_endpoints(text)?;
        if found.is_empty() {
            return Err(BindError::Endpoint(EndpointError {
                endpoint: text.to_owned(),
                reason: "the socket is not bound or connected to it",
                errno: Error::NotFound,
            }));
        }
        for endpoint in found {
            match endpoint.kind {
                Kind::Listener { io, id } => io.send(Command::Unlisten(id, Close::Now)),
                Kind::Connection { io, session, pipe } => {
                    if let Some(pipe) = pipe.or_else(|| self.pipe_of(session)) {
                        self.drop_pipe(pipe, false);
                    }
                    io.send(Command::Close(session, linger(self.options.linger)));
                }
                Kind::Name => {
                    lock(&self.shared.registry).unbind(&endpoint.text, self.port());
                }
                Kind::InprocPipe(pipe) => self.drop_pipe(pipe, true),
            }
        }
        self.settle();
        Ok(())
    }

    /// The endpoints of this text; for tcp, of the address that it stands for.
    fn take_endpoints(&mut self, text: &str) -> Result<Vec<Endpoint>, BindError> {
        let matching = |endpoints: &mut Vec<Endpoint>, text: &str| -> Vec<Endpoint> {
            let named = |e: &mut Endpoint| e.text == text || e.alias.as_deref() == Some(text);
            endpoints.extract_if(.., named).collect()
        };
        let found = matching(&mut self.endpoints, text);
        if !found.is_empty() || text.starts_with("udp://") {
            return Ok(found);
        }
        let address = Address::parse_bind(text).or_else(|_| Address::parse_connect(text))?;
        let Address::Tcp(TcpEndpoint { target, .. }) = address else { return Ok(found) };
        if target.host == Host::Any || target.port == 0 {
            return Ok(found);
        }
        match self.resolve_bind(&target) {
            Ok(address) => Ok(matching(&mut self.endpoints, &format!("tcp://{address}"))),
            Err(_) => Ok(found),
        }
    }
}

/// Where to listen.
enum Bind {
    Tcp(TcpEndpoint),
    Ipc(IpcEndpoint),
    Vsock(VsockEndpoint),
    Tipc(TipcEndpoint),
}
