//! The connecting side of a session: where to, by which of its addresses, and when again.

use std::{collections::VecDeque, io, net::SocketAddr, sync::Arc, time::Duration};

use ferrozmq_base::Error;
use ferrozmq_proto::{
    EndpointError, Socks,
    endpoint::{HostPort, IpcEndpoint, TcpEndpoint, TipcEndpoint, VsockEndpoint},
    socks::{self, Login},
};
use ferrozmq_sys::{
    Connecting,
    net::{
        ipc,
        tcp::{self, TcpOptions},
        tipc, vsock,
    },
    resolve::{self, Request},
};

use crate::{
    context::Shared,
    io_thread::{Command, Io},
    option::{SocketOptions, SocksProxy},
    reconnect::Backoff,
};

/// ZMQ_RECONNECT_STOP: a refused connection ends the endpoint (tcp, vsock).
const STOP_REFUSED: i32 = 1;
/// ZMQ_RECONNECT_STOP: a failed handshake ends the endpoint.
const STOP_HANDSHAKE: i32 = 2;
/// ZMQ_RECONNECT_STOP: after a disconnect call, a refused connection ends the endpoint (ipc).
const STOP_AFTER_DISCONNECT: i32 = 4;

/// Where to connect.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Tcp { endpoint: TcpEndpoint, ipv6: bool, options: Box<TcpOptions>, proxy: Option<Box<Proxy>> },
    Ipc(IpcEndpoint),
    Vsock(VsockEndpoint),
    Tipc(TipcEndpoint),
}

/// The SOCKS5 proxy that is asked for a connection.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    endpoint: TcpEndpoint,
    login: Option<Login>,
}

impl Proxy {
    /// The proxy of these options, if there is one, for a connection to `endpoint`, as written in `text`.
    pub(crate) fn of(
        options: &SocketOptions,
        text: &str,
        endpoint: &TcpEndpoint,
    ) -> Result<Option<Box<Self>>, EndpointError> {
        let SocksProxy { address, username, password } = &options.socks;
        if address.is_empty() {
            return Ok(None);
        }
        socks::check_target(text, &endpoint.target)?;
        let login =
            (!username.is_empty()).then(|| Login { username: username.to_vec(), password: password.clone() });
        Ok(Some(Box::new(Self { endpoint: socks::parse_proxy(address)?, login })))
    }
}

impl Target {
    /// The proxy on the way, as an endpoint.
    pub(crate) fn proxy(&self) -> Option<String> {
        match self {
            Self::Tcp { proxy: Some(proxy), .. } => Some(format!("tcp://{}", proxy.endpoint.target)),
            _ => None,
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Connector {
    target: Target,
    addresses: VecDeque<SocketAddr>,
    backoff: Option<Backoff>,
    stop: i32,
    /// ZMQ_CONNECT_ROUTING_ID, until the peer is introduced.
    pub assigned_id: Option<Box<[u8]>>,
}

impl Connector {
    pub(crate) fn new(target: Target, options: &SocketOptions, seed: u64) -> Self {
        let interval = options.reconnect_interval.filter(|interval| !interval.is_zero());
        let backoff = interval.map(|interval| {
            Backoff::new(interval, options.reconnect_interval_max, options.reconnect_jitter, seed)
        });
        Self {
            target,
            addresses: VecDeque::new(),
            backoff,
            stop: options.reconnect_stop,
            assigned_id: options.connect_routing_id.clone(),
        }
    }

    /// Starts an attempt; `None`: the name is being looked up, and [`Command::Resolved`] will come.
    pub(crate) fn begin(
        &mut self,
        session: u64,
        io: &Arc<Io>,
        context: &Arc<Shared>,
    ) -> io::Result<Option<Connecting>> {
        match &self.target {
            Target::Ipc(endpoint) => ipc::connect(ipc_address(endpoint)).map(Some),
            Target::Vsock(VsockEndpoint { cid, port }) => {
                vsock::connect(cid.unwrap_or(vsock::ANY), port.unwrap_or(vsock::ANY)).map(Some)
            }
            Target::Tipc(endpoint) => tipc_peer(*endpoint).and_then(tipc::connect).map(Some),
            Target::Tcp { endpoint, ipv6, proxy, .. } => {
                let HostPort { host, port } =
                    proxy.as_ref().map_or(&endpoint.target, |proxy| &proxy.endpoint.target);
                let request = Request { host: host.to_string(), port: *port, ipv6: *ipv6 };
                let io = io.clone();
                context.resolver.submit(request, move |r| io.send(Command::Resolved(session, r)));
                Ok(None)
            }
        }
    }

    /// The name was looked up: connects to its first address.
    pub(crate) fn resolved(&mut self, addresses: Vec<SocketAddr>) -> io::Result<Connecting> {
        self.addresses = addresses.into();
        let none = || io::Error::from_raw_os_error(Error::NoSuchDevice.errno());
        self.next_address().ok_or_else(none)?
    }

    /// Connects to the next address of the name, if there is one left.
    pub(crate) fn next_address(&mut self) -> Option<io::Result<Connecting>> {
        let address = self.addresses.pop_front()?;
        let Target::Tcp { endpoint, ipv6, options, proxy } = &self.target else { return None };
        let of_proxy = proxy.as_ref().and_then(|proxy| proxy.endpoint.source.as_ref());
        let source = match of_proxy.or(endpoint.source.as_ref()) {
            None => None,
            Some(source) => match resolve::resolve_source(&source.host.to_string(), source.port, *ipv6) {
                Ok(address) => Some(address),
                Err(e) => return Some(Err(e)),
            },
        };
        Some(tcp::connect(address, source, options))
    }

    /// The conversation with the proxy, if that is what the stream leads to.
    pub(crate) fn socks(&self) -> Option<Socks> {
        match &self.target {
            Target::Tcp { endpoint, proxy: Some(proxy), .. } => {
                Some(Socks::new(endpoint.target.clone(), proxy.login.clone()))
            }
            _ => None,
        }
    }

    /// Whether a proxy makes the connections.
    pub(crate) fn has_proxy(&self) -> bool {
        matches!(&self.target, Target::Tcp { proxy: Some(_), .. })
    }

    /// A connection stands.
    pub(crate) fn connected(&mut self) {
        if let Some(backoff) = &mut self.backoff {
            backoff.reset();
        }
    }

    /// The peer has shaken hands: its other addresses are not needed.
    pub(crate) fn settled(&mut self) {
        self.addresses.clear();
    }

    /// Whether a lost connection is made again.
    pub(crate) fn reconnects(&self) -> bool {
        self.backoff.is_some()
    }

    /// The delay before the next attempt; none if there is to be none.
    pub(crate) fn delay(&mut self) -> Option<Duration> {
        self.backoff.as_mut().map(Backoff::delay)
    }

    /// Whether a failed attempt was the last; `disconnected`: the socket has taken back a connect.
    pub(crate) fn stops_after(&self, error: &io::Error, disconnected: bool) -> bool {
        use io::ErrorKind::{ConnectionRefused, ConnectionReset};
        let kind = error.kind();
        match &self.target {
            // What a proxy says does not count, as in libzmq: it may find the host later.
            Target::Tcp { proxy, .. } => {
                self.stop & STOP_REFUSED != 0 && kind == ConnectionRefused && proxy.is_none()
            }
            // Where nobody listens, the other machine resets.
            Target::Vsock(_) => self.stop & STOP_REFUSED != 0 && kind == ConnectionReset,
            Target::Ipc(_) => {
                self.stop & STOP_AFTER_DISCONNECT != 0 && disconnected && kind == ConnectionRefused
            }
            Target::Tipc(_) => false,
        }
    }

    pub(crate) fn stops_after_handshake(&self) -> bool {
        self.stop & STOP_HANDSHAKE != 0
    }
}

/// An ipc endpoint as the operating system names it.
pub(crate) fn ipc_address(endpoint: &IpcEndpoint) -> Vec<u8> {
    match endpoint {
        IpcEndpoint::Path(path) => path.clone().into_bytes(),
        IpcEndpoint::Abstract(name) => [b"@", name.as_bytes()].concat(),
        IpcEndpoint::Wildcard => b"*".to_vec(),
    }
}

/// Whom a tipc endpoint connects to, as the operating system names it.
fn tipc_peer(endpoint: TipcEndpoint) -> io::Result<tipc::Peer> {
    match endpoint {
        TipcEndpoint::Service { service, instance, domain } => {
            Ok(tipc::Peer::Service { service, instance, node: domain.0 })
        }
        TipcEndpoint::Socket { node, reference } => Ok(tipc::Peer::Socket { node: node.0, reference }),
        TipcEndpoint::Range { .. } | TipcEndpoint::Any => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// What a tipc endpoint listens for, as the operating system names it.
pub(crate) fn tipc_range(endpoint: TipcEndpoint) -> io::Result<Option<tipc::Range>> {
    match endpoint {
        TipcEndpoint::Range { service, lower, upper } => Ok(Some(tipc::Range { service, lower, upper })),
        TipcEndpoint::Any => Ok(None),
        TipcEndpoint::Service { .. } | TipcEndpoint::Socket { .. } => Err(io::ErrorKind::InvalidInput.into()),
    }
}
