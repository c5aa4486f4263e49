//! Endpoint strings: `transport://address` (zmq_tcp(7), zmq_ipc(7), zmq_inproc(7), zmq_udp(7), zmq_tipc(7)).
//!
//! Parsing is total and looks nothing up: host and interface names stay names. Bind and connect differ in what they
//! take, so each has its own entry. Deliberately stricter than libzmq, which reads ports with `atoi` (`5x`, `70000`,
//! `-1` pass there), ignores a source address at bind and a zone at an IPv4 address, and only finds out when it
//! resolves the name that a host to connect to is empty or malformed.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use ferrozmq_base::{Error, SocketType};

use crate::udp::UdpEndpoint;

mod tipc;
mod vsock;

pub use tipc::{TipcEndpoint, TipcNode};
pub use vsock::VsockEndpoint;

/// Where a socket binds or connects. Its `Display` is the canonical string, which parses to the same endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `tcp://…`
    Tcp(TcpEndpoint),
    /// `ipc://…`
    Ipc(IpcEndpoint),
    /// `inproc://…`: a name within the context.
    Inproc(String),
    /// `vsock://…`
    Vsock(VsockEndpoint),
    /// `tipc://…`
    Tipc(TipcEndpoint),
    /// `udp://…`
    Udp(UdpEndpoint),
}

/// `tcp://[source;]host:port`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TcpEndpoint {
    /// Connect only: the own address to connect from, numeric or the name of an interface.
    pub source: Option<HostPort>,
    /// The host and port to bind or to connect to.
    pub target: HostPort,
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    /// The host.
    pub host: Host,
    /// The port; 0 leaves the choice to the system (written `*` or `0`).
    pub port: u16,
}

/// The host part of an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// Bind only: every address of this machine (`*`).
    Any,
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address with the zone (an interface's name or number) that a link-local one needs.
    V6(Ipv6Addr, Option<String>),
    /// The name of a host or of an interface, unresolved.
    Name(String),
}

/// `ipc://…`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum IpcEndpoint {
    /// A path in the file system, 1 to 107 bytes.
    Path(String),
    /// A name in the abstract namespace of Linux, without the `@` that marks it: 1 to 106 bytes.
    Abstract(String),
    /// Bind only: a new file in a new directory (`*`).
    Wildcard,
}

/// A transport by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scheme {
    Tcp,
    Ipc,
    Inproc,
    Vsock,
    Tipc,
    Udp,
}

/// An endpoint string that cannot be used, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointError {
    /// The string.
    pub endpoint: String,
    /// What is wrong with it.
    pub reason: &'static str,
    /// The error that the call reports.
    pub errno: Error,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "endpoint {:?}: {}", self.endpoint, self.reason)
    }
}

impl std::error::Error for EndpointError {}

impl From<EndpointError> for Error {
    fn from(error: EndpointError) -> Self {
        error.errno
    }
}

/// A reason with its error, before it is joined with the string.
pub(crate) type Fault = (Error, &'static str);

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Bind,
    Connect,
}

impl Endpoint {
    /// Parses the argument of a bind.
    ///
    /// Errors: `InvalidArgument` for bad syntax, `ProtocolNotSupported` for an unknown or unsupported transport,
    /// `NoSuchDevice` for an impossible host, `NameTooLong` for an ipc path over 107 bytes.
    pub fn parse_bind(text: &str) -> Result<Self, EndpointError> {
        Self::parse(text, Use::Bind)
    }

    /// Parses the argument of a connect.
    ///
    /// Errors: as [`parse_bind`](Self::parse_bind), but `InvalidArgument` for an impossible host.
    pub fn parse_connect(text: &str) -> Result<Self, EndpointError> {
        Self::parse(text, Use::Connect)
    }

    fn parse(text: &str, usage: Use) -> Result<Self, EndpointError> {
        split_scheme(text)
            .and_then(|(scheme, address)| match scheme {
                Scheme::Tcp => parse_tcp(address, usage).map(Self::Tcp),
                Scheme::Ipc => parse_ipc(address, usage).map(Self::Ipc),
                Scheme::Inproc => Ok(Self::Inproc(address.to_owned())),
                Scheme::Vsock => vsock::parse(address, usage).map(Self::Vsock),
                Scheme::Tipc => tipc::parse(address, usage).map(Self::Tipc),
                Scheme::Udp => UdpEndpoint::parse(address, usage).map(Self::Udp),
            })
            .map_err(|fault| describe(text, fault))
    }
}

/// Checks that sockets of this type may use the transport of `text`. To be asked before parsing, so that a transport
/// that no socket of the type could ever use is reported as such.
///
/// Errors: `InvalidArgument` without a transport, `ProtocolNotSupported` for one that is unknown or not supported,
/// whatever the type; `IncompatibleProtocol`.
pub fn check_socket_type(text: &str, socket_type: SocketType) -> Result<(), EndpointError> {
    use SocketType::{Dgram, Dish, Radio};
    let fits = |scheme| match scheme {
        Scheme::Udp => matches!(socket_type, Radio | Dish | Dgram),
        Scheme::Tcp | Scheme::Ipc | Scheme::Inproc | Scheme::Vsock | Scheme::Tipc => socket_type != Dgram,
    };
    match split_scheme(text) {
        Ok((scheme, _)) if fits(scheme) => Ok(()),
        Ok(_) => {
            Err(describe(text, (Error::IncompatibleProtocol, "the transport does not fit the socket type")))
        }
        Err(fault) => Err(describe(text, fault)),
    }
}

fn describe(text: &str, (errno, reason): Fault) -> EndpointError {
    EndpointError { endpoint: text.to_owned(), reason, errno }
}

pub(crate) fn invalid(reason: &'static str) -> Fault {
    (Error::InvalidArgument, reason)
}

/// Splits at the first `://`.
fn split_scheme(text: &str) -> Result<(Scheme, &str), Fault> {
    let (scheme, address) = text.split_once("://").ok_or_else(|| invalid("expected transport://address"))?;
    if scheme.is_empty() {
        return Err(invalid("the transport is missing: expected transport://address"));
    }
    if address.is_empty() {
        return Err(invalid("the address is missing: expected transport://address"));
    }
    let scheme = match scheme {
        "tcp" => Scheme::Tcp,
        "ipc" => Scheme::Ipc,
        "inproc" => Scheme::Inproc,
        "udp" => Scheme::Udp,
        "vsock" => Scheme::Vsock,
        "tipc" => Scheme::Tipc,
        "pgm" | "epgm" | "norm" | "vmci" | "ws" | "wss" => {
            return Err((Error::ProtocolNotSupported, "this transport is not supported in this version"));
        }
        _ => return Err((Error::ProtocolNotSupported, "unknown transport")),
    };
    Ok((scheme, address))
}

/// A number of 32 bits in digits alone.
fn decimal(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn parse_tcp(address: &str, usage: Use) -> Result<TcpEndpoint, Fault> {
    if usage == Use::Connect {
        check_characters(address)?;
    }
    match (address.split_once(';'), usage) {
        (None, _) => Ok(TcpEndpoint { source: None, target: parse_host_port(address, usage, usage)? }),
        (Some(_), Use::Bind) => {
            Err(invalid("a source address is for connect only: expected tcp://host:port"))
        }
        (Some((source, target)), Use::Connect) => Ok(TcpEndpoint {
            // The source is bound, so its port may be a wildcard.
            source: Some(parse_host_port(source, Use::Connect, Use::Bind)?),
            target: parse_host_port(target, usage, usage)?,
        }),
    }
}

/// What libzmq lets pass at connect, before any resolution.
fn check_characters(address: &str) -> Result<(), Fault> {
    let mut bytes = address.bytes();
    let first = bytes.next().is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, b'[' | b':'));
    let rest = bytes.all(|c| c.is_ascii_alphanumeric() || b".-:%;[]_*".contains(&c));
    if !first || !rest {
        return Err(invalid("a character that no host to connect to can have: expected tcp://host:port"));
    }
    Ok(())
}

pub(crate) fn parse_host_port(text: &str, host_usage: Use, port_usage: Use) -> Result<HostPort, Fault> {
    let (host, port) =
        text.rsplit_once(':').ok_or_else(|| invalid("the port is missing: expected host:port"))?;
    Ok(HostPort { host: parse_host(host, host_usage)?, port: parse_port(port, port_usage)? })
}

fn parse_port(text: &str, usage: Use) -> Result<u16, Fault> {
    match (text, usage) {
        ("*", Use::Bind) | ("0", _) => return Ok(0),
        ("*", Use::Connect) => return Err(invalid("the port to connect to cannot be a wildcard")),
        _ => {}
    }
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    let port = text.parse().ok().filter(|port| digits && *port != 0);
    port.ok_or_else(|| invalid("the port must be a number from 0 to 65535"))
}

fn parse_host(text: &str, usage: Use) -> Result<Host, Fault> {
    let impossible = |reason| match usage {
        Use::Bind => (Error::NoSuchDevice, reason),
        Use::Connect => invalid(reason),
    };
    let bare = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
    let (name, zone) = match bare.split_once('%') {
        Some((name, zone)) => (name, Some(parse_zone(zone)?)),
        None => (bare, None),
    };
    if let Ok(address) = name.parse::<Ipv6Addr>() {
        return Ok(Host::V6(address, zone));
    }
    if zone.is_some() {
        return Err(invalid("a zone (%) is for IPv6 addresses only"));
    }
    if let Ok(address) = name.parse::<Ipv4Addr>() {
        return Ok(Host::V4(address));
    }
    match (name, usage) {
        ("", _) => Err(impossible("the host is missing: expected host:port")),
        ("*", Use::Bind) => Ok(Host::Any),
        ("*", Use::Connect) => Err(invalid("the host to connect to, or from, cannot be a wildcard")),
        _ if name.contains(['[', ']', ':', '*', '\0']) => {
            Err(impossible("the host is neither an IPv6 address nor a name"))
        }
        _ => Ok(Host::Name(name.to_owned())),
    }
}

/// A zone is the name of an interface, which begins with a letter, or its number.
fn parse_zone(zone: &str) -> Result<String, Fault> {
    let named = zone.starts_with(|c: char| c.is_ascii_alphabetic());
    let numbered =
        zone.bytes().all(|c| c.is_ascii_digit()) && zone.parse::<u32>().is_ok_and(|index| index != 0);
    if (named && !zone.contains(['[', ']', '%', ':', '\0'])) || numbered {
        Ok(zone.to_owned())
    } else {
        Err(invalid("the zone after % must be an interface's name or its number"))
    }
}

/// The bytes of `sockaddr_un.sun_path` on Linux, one of which is for the end or the mark of an abstract name.
const IPC_PATH_LIMIT: usize = 108;

fn parse_ipc(address: &str, usage: Use) -> Result<IpcEndpoint, Fault> {
    if usage == Use::Bind && address.starts_with('*') {
        return Ok(IpcEndpoint::Wildcard);
    }
    if address.len() >= IPC_PATH_LIMIT {
        return Err((Error::NameTooLong, "the path has more than 107 bytes"));
    }
    if address.contains('\0') {
        return Err(invalid("the path contains a NUL"));
    }
    match address.strip_prefix('@') {
        Some("") => Err(invalid("the name after @ is missing")),
        Some(name) => Ok(IpcEndpoint::Abstract(name.to_owned())),
        None => Ok(IpcEndpoint::Path(address.to_owned())),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(tcp) => write!(f, "tcp://{tcp}"),
            Self::Ipc(ipc) => write!(f, "ipc://{ipc}"),
            Self::Inproc(name) => write!(f, "inproc://{name}"),
            Self::Vsock(vsock) => write!(f, "vsock://{vsock}"),
            Self::Tipc(tipc) => write!(f, "tipc://{tipc}"),
            Self::Udp(udp) => write!(f, "udp://{udp}"),
        }
    }
}

impl fmt::Display for TcpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{source};")?;
        }
        write!(f, "{}", self.target)
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::V4(address) => write!(f, "{address}"),
            Self::V6(address, None) => write!(f, "[{address}]"),
            Self::V6(address, Some(zone)) => write!(f, "[{address}%{zone}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for IpcEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => f.write_str(path),
            Self::Abstract(name) => write!(f, "@{name}"),
            Self::Wildcard => f.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bind(text: &str) -> Result<Endpoint, Error> {
        Ok(Endpoint::parse_bind(text)?)
    }

    fn connect(text: &str) -> Result<Endpoint, Error> {
        Ok(Endpoint::parse_connect(text)?)
    }

    fn tcp(host: Host, port: u16) -> Endpoint {
        Endpoint::Tcp(TcpEndpoint { source: None, target: HostPort { host, port } })
    }

    #[test]
    fn scheme_and_address_are_both_needed() {
        for text in ["", "tcp", "tcp:/x", "://x", "tcp://", "inproc://", "127.0.0.1:5"] {
            assert_eq!(bind(text), Err(Error::InvalidArgument), "{text}");
            assert_eq!(connect(text), Err(Error::InvalidArgument), "{text}");
        }
        for text in ["foo://x", "TCP://*:1", " tcp://*:1"] {
            assert_eq!(bind(text), Err(Error::ProtocolNotSupported), "{text}");
        }
    }

    #[test]
    fn an_error_names_the_endpoint_and_what_was_expected() {
        let error = Endpoint::parse_bind("tcp:/x").unwrap_err();
        assert_eq!(error.to_string(), "endpoint \"tcp:/x\": expected transport://address");
        let error = Endpoint::parse_connect("tcp://host:5x").unwrap_err();
        assert_eq!(
            error.to_string(),
            "endpoint \"tcp://host:5x\": the port must be a number from 0 to 65535"
        );
    }

    #[test]
    fn tcp_hosts() {
        let v6: Ipv6Addr = "::1".parse().unwrap();
        let zone = |z: &str| Some(z.to_owned());
        let link: Ipv6Addr = "fe80::1".parse().unwrap();
        for (text, host) in [
            ("127.0.0.1", Host::V4(Ipv4Addr::LOCALHOST)),
            ("[127.0.0.1]", Host::V4(Ipv4Addr::LOCALHOST)),
            ("[::1]", Host::V6(v6, None)),
            ("::1", Host::V6(v6, None)),
            ("[fe80::1%eth0]", Host::V6(link, zone("eth0"))),
            ("fe80::1%3", Host::V6(link, zone("3"))),
            ("lo", Host::Name("lo".into())),
            ("under_score.example", Host::Name("under_score.example".into())),
        ] {
            assert_eq!(bind(&format!("tcp://{text}:80")), Ok(tcp(host.clone(), 80)), "{text}");
            assert_eq!(connect(&format!("tcp://{text}:80")), Ok(tcp(host, 80)), "{text}");
        }
    }

    #[test]
    fn impossible_tcp_hosts() {
        for text in ["tcp://:80", "tcp://[:80", "tcp://[[::1]]:80", "tcp://a:b:80"] {
            assert_eq!(bind(text), Err(Error::NoSuchDevice), "{text}");
            assert_eq!(connect(text), Err(Error::InvalidArgument), "{text}");
        }
        for text in
            ["tcp://[fe80::1%]:80", "tcp://[fe80::1%0]:80", "tcp://[fe80::1%3x]:80", "tcp://1.2.3.4%lo:80"]
        {
            assert_eq!(bind(text), Err(Error::InvalidArgument), "{text}");
            assert_eq!(connect(text), Err(Error::InvalidArgument), "{text}");
        }
    }

    #[test]
    fn tcp_wildcards_are_for_bind() {
        assert_eq!(bind("tcp://*:*"), Ok(tcp(Host::Any, 0)));
        assert_eq!(bind("tcp://*:0"), Ok(tcp(Host::Any, 0)));
        assert_eq!(bind("tcp://lo:*"), Ok(tcp(Host::Name("lo".into()), 0)));
        for text in ["tcp://*:5", "tcp://[*]:5", "tcp://lo:*", "tcp://*:0;1.2.3.4:5", "tcp://lo:0;*:5"] {
            assert_eq!(connect(text), Err(Error::InvalidArgument), "{text}");
        }
        assert_eq!(connect("tcp://1.2.3.4:0"), Ok(tcp(Host::V4(Ipv4Addr::new(1, 2, 3, 4)), 0)));
    }

    #[test]
    fn tcp_ports_are_whole_numbers_below_65536() {
        for port in [
            "",
            "5x",
            "x",
            "65536",
            "70000",
            "99999",
            "-1",
            "+5",
            " 5",
            "5 ",
            "00",
            "0x10",
            "99999999999999999999",
        ] {
            let text = format!("tcp://127.0.0.1:{port}");
            assert_eq!(bind(&text), Err(Error::InvalidArgument), "{text}");
            assert_eq!(connect(&text), Err(Error::InvalidArgument), "{text}");
        }
        assert_eq!(bind("tcp://127.0.0.1"), Err(Error::InvalidArgument));
        assert_eq!(bind("tcp://127.0.0.1:65535"), Ok(tcp(Host::V4(Ipv4Addr::LOCALHOST), 65535)));
    }

    #[test]
    fn tcp_source_addresses_are_for_connect() {
        let source = Some(HostPort { host: Host::Name("lo".into()), port: 0 });
        let target = HostPort { host: Host::V4(Ipv4Addr::LOCALHOST), port: 5 };
        let expected = Ok(Endpoint::Tcp(TcpEndpoint { source, target }));
        assert_eq!(connect("tcp://lo:0;127.0.0.1:5"), expected);
        assert_eq!(connect("tcp://lo:*;127.0.0.1:5"), expected);
        for text in ["tcp://lo;127.0.0.1:5", "tcp://a:0;b:0;c:5", "tcp://lo:0;"] {
            assert_eq!(connect(text), Err(Error::InvalidArgument), "{text}");
        }
        assert_eq!(bind("tcp://lo:0;127.0.0.1:5"), Err(Error::InvalidArgument));
    }

    #[test]
    fn tcp_connect_filters_characters() {
        for text in ["tcp://a b:5", "tcp://-a:5", "tcp://a/b:5", "tcp://ä:5", "tcp://a\0:5"] {
            assert_eq!(connect(text), Err(Error::InvalidArgument), "{text}");
        }
        assert_eq!(bind("tcp://a b:5"), Ok(tcp(Host::Name("a b".into()), 5)), "left to resolution");
    }

    #[test]
    fn ipc_forms() {
        assert_eq!(bind("ipc:///tmp/x"), Ok(Endpoint::Ipc(IpcEndpoint::Path("/tmp/x".into()))));
        assert_eq!(bind("ipc://@x"), Ok(Endpoint::Ipc(IpcEndpoint::Abstract("x".into()))));
        assert_eq!(bind("ipc://*"), Ok(Endpoint::Ipc(IpcEndpoint::Wildcard)));
        assert_eq!(bind("ipc://*abc"), Ok(Endpoint::Ipc(IpcEndpoint::Wildcard)));
        assert_eq!(connect("ipc://*abc"), Ok(Endpoint::Ipc(IpcEndpoint::Path("*abc".into()))));
        assert_eq!(bind("ipc://@"), Err(Error::InvalidArgument));
        assert_eq!(connect("ipc://@"), Err(Error::InvalidArgument));
        assert_eq!(connect("ipc://a\0b"), Err(Error::InvalidArgument));
    }

    #[test]
    fn ipc_paths_have_at_most_107_bytes() {
        for mark in ["", "@"] {
            let longest = format!("ipc://{mark}{}", "x".repeat(107 - mark.len()));
            assert!(bind(&longest).is_ok() && connect(&longest).is_ok());
            let longer = longest + "x";
            assert_eq!(bind(&longer), Err(Error::NameTooLong));
            assert_eq!(connect(&longer), Err(Error::NameTooLong));
        }
    }

    #[test]
    fn transports_that_are_known_but_not_supported() {
        for scheme in ["pgm", "epgm", "norm", "vmci", "ws", "wss"] {
            let error = Endpoint::parse_bind(&format!("{scheme}://x")).unwrap_err();
            assert_eq!(error.errno, Error::ProtocolNotSupported);
            assert_ne!(error.reason, Endpoint::parse_bind("foo://x").unwrap_err().reason);
        }
    }

    #[test]
    fn transports_fit_socket_types() {
        let errno = |text, socket_type| check_socket_type(text, socket_type).map_err(|error| error.errno);
        let incompatible = Err(Error::IncompatibleProtocol);
        for socket_type in SocketType::ALL.iter().copied() {
            let name = socket_type.name();
            let udp = ["RADIO", "DISH", "DGRAM"].contains(&name);
            assert_eq!(errno("udp://x:1", socket_type), if udp { Ok(()) } else { incompatible }, "{name}");
            for text in ["pgm://x:1", "epgm://x:1", "norm://x:1", "vmci://x:1", "ws://x:1", "wss://x:1"] {
                assert_eq!(errno(text, socket_type), Err(Error::ProtocolNotSupported), "{name}");
            }
            for text in ["tcp://x:1", "ipc://x", "inproc://x", "vsock://2:1", "tipc://{64,0}"] {
                assert_eq!(
                    errno(text, socket_type),
                    if name == "DGRAM" { incompatible } else { Ok(()) },
                    "{name}"
                );
            }
            assert_eq!(errno("foo://x", socket_type), Err(Error::ProtocolNotSupported));
            assert_eq!(errno("x", socket_type), Err(Error::InvalidArgument));
        }
    }

    fn host() -> impl Strategy<Value = Host> {
        prop_oneof![
            any::<[u8; 4]>().prop_map(|octets| Host::V4(octets.into())),
            (any::<[u8; 16]>(), proptest::option::of("[a-z][a-z0-9.-]{0,9}|[1-9][0-9]{0,5}"))
                .prop_map(|(octets, zone)| Host::V6(octets.into(), zone)),
            "[a-z][a-z0-9._-]{0,20}".prop_map(Host::Name),
        ]
    }

    fn host_port() -> impl Strategy<Value = HostPort> {
        (host(), any::<u16>()).prop_map(|(host, port)| HostPort { host, port })
    }

    proptest! {
        #[test]
        fn parsing_is_the_inverse_of_formatting_for_connect(
            target in host_port(), source in proptest::option::of(host_port()), name in ".{1,30}",
            path in "[a-zA-Z0-9/*._-]{1,107}", abstract_name in "[a-z@*/]{1,106}",
        ) {
            for endpoint in [
                Endpoint::Tcp(TcpEndpoint { source, target }),
                Endpoint::Inproc(name),
                Endpoint::Ipc(IpcEndpoint::Path(path)),
                Endpoint::Ipc(IpcEndpoint::Abstract(abstract_name)),
            ] {
                prop_assert_eq!(Endpoint::parse_connect(&endpoint.to_string()), Ok(endpoint));
            }
        }

        #[test]
        fn whatever_parses_formats_to_something_that_parses_to_the_same(text in "(tcp|ipc|inproc|vsock|tipc)://[]{}:*0-9a-f;%@.\\[]{1,12}") {
            if let Ok(endpoint) = Endpoint::parse_bind(&text) {
                prop_assert_eq!(Endpoint::parse_bind(&endpoint.to_string()), Ok(endpoint));
            }
            if let Ok(endpoint) = Endpoint::parse_connect(&text) {
                prop_assert_eq!(Endpoint::parse_connect(&endpoint.to_string()), Ok(endpoint));
            }
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,40}") {
            let _ = Endpoint::parse_bind(&text);
            let _ = Endpoint::parse_connect(&text);
        }
    }
}
