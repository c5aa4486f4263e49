//! Binding and connecting to udp: everything is looked up and set up at once, so that whatever is wrong with it is the
//! caller's to know.

use std::{io, sync::Arc};

use ferrozmq_base::{Error, PeerInfo, SocketType};
use ferrozmq_pattern::Local;
use ferrozmq_proto::{
    EndpointError,
    endpoint::HostPort,
    udp::{DATAGRAM_MAX, GROUP_DATAGRAM_MAX, UdpEndpoint, UdpInterface},
};
use ferrozmq_sys::net::udp::{Batch, Interface, Route, UdpOptions, UdpSocket};

use super::{Datagrams, Role};
use crate::{
    endpoint::{BindError, Endpoint},
    io_thread::{Command, Io},
    option::{MechanismKind, SocketOptions},
    port::Far,
    settings::Settings,
    socket::SocketCore,
};

/// Checks that a socket of this type and these options may bind, or connect, to `text`, if that is udp. One that is to be
/// secured may not: nobody can be asked who he is, and nothing can be hidden.
///
/// # Errors
/// `IncompatibleProtocol`.
pub(crate) fn check_use(
    text: &str,
    kind: SocketType,
    options: &SocketOptions,
    binds: bool,
) -> Result<(), EndpointError> {
    let security = &options.security;
    let secured = security.mechanism != MechanismKind::Null || !security.zap_domain.is_empty();
    let reason = if !text.starts_with("udp://") {
        return Ok(());
    } else if binds == (kind == SocketType::Radio) {
        "over udp a RADIO connects, a DISH and a DGRAM bind"
    } else if secured {
        "udp has no security: no mechanism and no ZAP domain may be set"
    } else {
        return Ok(());
    };
    Err(EndpointError { endpoint: text.to_owned(), reason, errno: Error::IncompatibleProtocol })
}

impl SocketCore {
    /// Receives what comes to an address or a group; a DGRAM sends from there.
    pub(crate) fn bind_udp(&mut self, text: &str, address: &UdpEndpoint) -> Result<(), BindError> {
        let io = self.shared.choose_io(self.options.affinity).ok_or(Error::NoThread)?;
        let settings = self.settings();
        let UdpEndpoint { interface, target: HostPort { host, port } } = address;
        let via = interface.as_ref().map(interface_of);
        let route = Route::to_bind(&host.to_string(), *port, via.as_ref(), self.options.ipv6)?;
        let sends = self.kind() == SocketType::Dgram;
        let socket = UdpSocket::bound(&route, sends, &udp_options(&settings)?)?;
        let text = if *port == 0 { with_port(text, &socket)? } else { text.to_owned() };
        let role = if sends { Role::Dgram } else { Role::Dish(Default::default()) };
        self.serve(text, role, socket, io, &settings)
    }

    /// Sends to an address or a group.
    pub(crate) fn connect_udp(&mut self, text: &str, address: &UdpEndpoint) -> Result<(), BindError> {
        let io = self.shared.choose_io(self.options.affinity).ok_or(Error::NoThread)?;
        let settings = self.settings();
        let UdpEndpoint { interface, target: HostPort { host, port } } = address;
        let via = interface.as_ref().map(interface_of);
        let route = Route::to_send(&host.to_string(), *port, via.as_ref(), self.options.ipv6)?;
        let socket = UdpSocket::sender(&route, &udp_options(&settings)?)?;
        self.serve(text.to_owned(), Role::Radio(route.address()), socket, io, &settings)
    }

    fn serve(
        &mut self,
        text: String,
        role: Role,
        socket: UdpSocket,
        io: Arc<Io>,
        settings: &Settings,
    ) -> Result<(), BindError> {
        let id = self.shared.next_id();
        let (conn, output, input, pipe) = settings.datagram_pipe(id, io.clone());
        let connected = matches!(role, Role::Radio(_));
        let longest = match role {
            Role::Dgram => DATAGRAM_MAX,
            // One byte is for the length of the group.
            Role::Radio(_) | Role::Dish(_) => GROUP_DATAGRAM_MAX - 1,
        };
        let datagrams = Datagrams {
            id,
            role,
            socket,
            port: self.port().clone(),
            conn: conn.clone(),
            output,
            input: Some(input),
            longest: usize::try_from(self.options.max_message_size).unwrap_or(usize::MAX),
            begun: None,
            outgoing: Vec::new(),
            incoming: Batch::default(),
            watched: None,
            blocked: false,
            resting_until: None,
            idle_at: None,
            used: false,
            wake_writer: false,
            closing: None,
            dead: false,
            _live: self.shared.live(),
        };
        let local = Local { connected, assigned_id: None, inproc: false };
        let pipe = self.open(pipe, Far::Wire(conn), local);
        let info =
            PeerInfo { subscribes_to_all: true, longest_message: Some(longest), ..PeerInfo::default() };
        self.identify(pipe, &info);
        io.add_load();
        io.send(Command::Serve(Box::new(datagrams)));
        self.last_endpoint.clone_from(&text);
        self.endpoints.push(Endpoint::served(text, io, id, pipe));
        Ok(())
    }
}

fn interface_of(interface: &UdpInterface) -> Interface {
    match interface {
        UdpInterface::Any => Interface::Any,
        UdpInterface::Address(ip) => Interface::Address(*ip),
        UdpInterface::Name(name) => Interface::Name(name.clone()),
    }
}

fn udp_options(settings: &Settings) -> Result<UdpOptions, Error> {
    let multicast = &settings.options.multicast;
    Ok(UdpOptions {
        socket: settings.tcp_options()?,
        multicast_loop: multicast.loopback,
        multicast_hops: multicast.hops,
    })
}

/// The endpoint with the port that the system chose.
fn with_port(text: &str, socket: &UdpSocket) -> io::Result<String> {
    let address = text.rsplit_once(':').map_or(text, |(address, _)| address);
    Ok(format!("{address}:{}", socket.local_address()?.port()))
}
