//! udp: the address in an endpoint, what a datagram between RADIO and DISH holds, and how a DGRAM names a peer
//! (zmq_udp(7), RFC 48).
//!
//! A datagram is a whole message. Between RADIO and DISH it is `length of the group: u8, group, body`; that of a DGRAM is
//! the body alone, and the message has the peer's address as text before it. Nothing is negotiated: a datagram that does
//! not fit is nobody's mistake that could be answered, so parsing says no more than that there is no message in it.

use std::{fmt, net::IpAddr, net::Ipv4Addr, net::Ipv6Addr, net::SocketAddr};

use crate::endpoint::{Fault, Host, HostPort, Use, invalid, parse_host_port};

/// The longest datagram between RADIO and DISH in bytes, group and all: libzmq cuts what is longer.
pub const GROUP_DATAGRAM_MAX: usize = 8192;
/// The longest datagram of a DGRAM in bytes: what IPv4 can carry.
pub const DATAGRAM_MAX: usize = 65_507;

/// `udp://[interface;]address:port`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UdpEndpoint {
    /// Multicast only: where the group is joined, or sent to.
    pub interface: Option<UdpInterface>,
    /// The address to bind or to send to: of this machine, of another, or a multicast group.
    pub target: HostPort,
}

/// The network interface in front of a multicast group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum UdpInterface {
    /// The system chooses (`*`).
    Any,
    /// The one that has this address.
    Address(IpAddr),
    /// The one of this name.
    Name(String),
}

impl UdpEndpoint {
    pub(crate) fn parse(address: &str, usage: Use) -> Result<Self, Fault> {
        let (interface, target) = match address.rsplit_once(';') {
            Some((interface, target)) => (Some(parse_interface(interface)?), target),
            None => (None, address),
        };
        let target = parse_host_port(target, usage, usage)?;
        if usage == Use::Connect && target.port == 0 {
            return Err(invalid("the port to send to cannot be 0"));
        }
        let group = match &target.host {
            Host::V4(ip) => Some(IpAddr::V4(*ip)),
            Host::V6(ip, _) => Some(IpAddr::V6(*ip)),
            Host::Any | Host::Name(_) => None,
        };
        if interface.is_some() && (target.host == Host::Any || group.is_some_and(|ip| !ip.is_multicast())) {
            return Err(invalid("an interface is for multicast only: expected udp://interface;group:port"));
        }
        if let (Some(UdpInterface::Address(own)), Some(group)) = (&interface, group)
            && own.is_ipv6() != group.is_ipv6()
        {
            return Err(invalid("interface and group are not of one family: both IPv4, or both IPv6"));
        }
        Ok(Self { interface, target })
    }
}

fn parse_interface(text: &str) -> Result<UdpInterface, Fault> {
    let bare = text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().map(IpAddr::V4 as fn(Ipv4Addr) -> IpAddr);
    let address = address.or_else(|_| bare.parse().map(IpAddr::V6 as fn(Ipv6Addr) -> IpAddr));
    match (text, address) {
        ("*", _) => Ok(UdpInterface::Any),
        (_, Ok(ip)) if ip.is_multicast() => Err(invalid("a multicast group in the place of the interface")),
        (_, Ok(ip)) => Ok(UdpInterface::Address(ip)),
        ("", _) => Err(invalid("the interface before ; is missing")),
        _ if bare.contains(['[', ']', ':', '*', ';', '\0']) => {
            Err(invalid("the interface is neither an address nor a name"))
        }
        _ => Ok(UdpInterface::Name(text.to_owned())),
    }
}

impl fmt::Display for UdpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.interface {
            None => {}
            Some(UdpInterface::Any) => f.write_str("*;")?,
            Some(UdpInterface::Address(ip)) => write!(f, "{ip};")?,
            Some(UdpInterface::Name(name)) => write!(f, "{name};")?,
        }
        write!(f, "{}", self.target)
    }
}

/// The group and the body in a datagram of a RADIO; none if there is no message in it.
pub fn split_group(datagram: &[u8]) -> Option<(&[u8], &[u8])> {
    if datagram.len() > GROUP_DATAGRAM_MAX {
        return None;
    }
    let (length, rest) = datagram.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

/// Begins a datagram of a RADIO, to which the body is to be appended; false if the group is too long to be one.
pub fn begin_group(group: &[u8], datagram: &mut Vec<u8>) -> bool {
    datagram.clear();
    let Ok(length) = u8::try_from(group.len()) else { return false };
    datagram.push(length);
    datagram.extend_from_slice(group);
    true
}

/// The frame that names a peer to a DGRAM: `ip:port`, IPv6 in brackets, and a NUL, which counts.
pub fn peer_frame(peer: SocketAddr) -> Vec<u8> {
    let mut frame = peer.to_string().into_bytes();
    frame.push(0);
    frame
}

/// The peer that such a frame names, with the NUL or without. Numeric only; a port of 0 names nobody.
pub fn parse_peer(frame: &[u8]) -> Option<SocketAddr> {
    let text = frame.strip_suffix(&[0]).unwrap_or(frame);
    let peer: SocketAddr = std::str::from_utf8(text).ok()?.parse().ok()?;
    (peer.port() != 0).then_some(peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Endpoint;
    use ferrozmq_base::Error;
    use proptest::prelude::*;

    fn bind(address: &str) -> Result<UdpEndpoint, Error> {
        match Endpoint::parse_bind(&format!("udp://{address}"))? {
            Endpoint::Udp(endpoint) => Ok(endpoint),
            other => panic!("{other}"),
        }
    }

    fn connect(address: &str) -> Result<UdpEndpoint, Error> {
        match Endpoint::parse_connect(&format!("udp://{address}"))? {
            Endpoint::Udp(endpoint) => Ok(endpoint),
            other => panic!("{other}"),
        }
    }

    fn endpoint(interface: Option<UdpInterface>, host: Host, port: u16) -> UdpEndpoint {
        UdpEndpoint { interface, target: HostPort { host, port } }
    }

    #[test]
    fn addresses() {
        let v4 = |text: &str| Host::V4(text.parse().unwrap());
        let v6 = |text: &str| Host::V6(text.parse().unwrap(), None);
        let named = |name: &str| Some(UdpInterface::Name(name.to_owned()));
        for (text, expected) in [
            ("10.0.0.1:5", endpoint(None, v4("10.0.0.1"), 5)),
            ("239.0.0.1:5", endpoint(None, v4("239.0.0.1"), 5)),
            ("[::1]:5", endpoint(None, v6("::1"), 5)),
            ("host.example:5", endpoint(None, Host::Name("host.example".into()), 5)),
            ("*;239.0.0.1:5", endpoint(Some(UdpInterface::Any), v4("239.0.0.1"), 5)),
            ("eth0;239.0.0.1:5", endpoint(named("eth0"), v4("239.0.0.1"), 5)),
            ("eth0.7;[ff02::1]:5", endpoint(named("eth0.7"), v6("ff02::1"), 5)),
            ("eth0;name.example:5", endpoint(named("eth0"), Host::Name("name.example".into()), 5)),
            (
                "10.0.0.1;239.0.0.1:5",
                endpoint(Some(UdpInterface::Address("10.0.0.1".parse().unwrap())), v4("239.0.0.1"), 5),
            ),
            (
                "[fe80::1];[ff02::1]:5",
                endpoint(Some(UdpInterface::Address("fe80::1".parse().unwrap())), v6("ff02::1"), 5),
            ),
        ] {
            assert_eq!(bind(text), Ok(expected.clone()), "{text}");
            assert_eq!(connect(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn addresses_that_are_none() {
        for text in [
            "10.0.0.1",
            "10.0.0.1:x",
            "10.0.0.1:65536",
            ";239.0.0.1:5",
            "eth0;10.0.0.1:5",
            "eth0;*:5",
            "*;[::1]:5",
            "239.0.0.2;239.0.0.1:5",
            "[ff02::2];[ff02::1]:5",
            "::1;239.0.0.1:5",
            "10.0.0.1;[ff02::1]:5",
            "a;b;239.0.0.1:5",
            "a:b;239.0.0.1:5",
            "eth0;:5",
            "eth0;",
        ] {
            let error = connect(text).unwrap_err();
            assert_eq!(error, Error::InvalidArgument, "{text}");
            let error = bind(text).unwrap_err();
            assert!(matches!(error, Error::InvalidArgument | Error::NoSuchDevice), "{text}: {error:?}");
        }
    }

    #[test]
    fn wildcards_are_for_bind() {
        assert_eq!(bind("*:*"), Ok(endpoint(None, Host::Any, 0)));
        assert_eq!(bind("*:0"), Ok(endpoint(None, Host::Any, 0)));
        assert_eq!(bind("lo;239.0.0.1:*").map(|e| e.target.port), Ok(0));
        for text in ["*:5", "10.0.0.1:0", "10.0.0.1:*", "lo;239.0.0.1:0"] {
            assert_eq!(connect(text), Err(Error::InvalidArgument), "{text}");
        }
    }

    #[test]
    fn a_datagram_is_a_group_and_a_body() {
        let mut datagram = vec![9; 9];
        assert!(begin_group(b"news", &mut datagram));
        datagram.extend_from_slice(b"body");
        assert_eq!(datagram, b"\x04newsbody");
        assert_eq!(split_group(&datagram), Some((&b"news"[..], &b"body"[..])));
        assert_eq!(split_group(b"\0"), Some((&b""[..], &b""[..])));
        assert_eq!(split_group(b"\0body"), Some((&b""[..], &b"body"[..])));
        assert_eq!(split_group(b"\x02ab"), Some((&b"ab"[..], &b""[..])));
        let longest = [&[255][..], &[b'g'; 255], &[b'b'; GROUP_DATAGRAM_MAX - 256]].concat();
        assert_eq!(split_group(&longest).map(|(g, b)| (g.len(), b.len())), Some((255, 7936)));
        assert!(!begin_group(&[b'g'; 256], &mut datagram));
    }

    #[test]
    fn no_message_in_it() {
        for datagram in [&b""[..], b"\x01", b"\xff", b"\x05abcd", &[0; GROUP_DATAGRAM_MAX + 1]] {
            assert_eq!(split_group(datagram), None, "{} bytes", datagram.len());
        }
    }

    #[test]
    fn peers_have_names() {
        for text in ["1.2.3.4:5", "255.255.255.255:65535", "[::1]:5", "[fe80::1%3]:9"] {
            let peer = parse_peer(text.as_bytes()).expect(text);
            assert_eq!(peer_frame(peer), [text.as_bytes(), b"\0"].concat());
            assert_eq!(parse_peer(&peer_frame(peer)), Some(peer));
        }
        for text in ["", "\0", "1.2.3.4", "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:5\0\0", "host:5"]
        {
            assert_eq!(parse_peer(text.as_bytes()), None, "{text:?}");
        }
        for text in ["::1:5", "1.2.3:5", "01.2.3.4:5", " 1.2.3.4:5", "1.2.3.4:5 ", "*:5", "1.2.3.4:+5"] {
            assert_eq!(parse_peer(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_peer(b"1.2.3.4:\xff"), None);
    }

    proptest! {
        #[test]
        fn splitting_is_the_inverse_of_writing(
            group in proptest::collection::vec(any::<u8>(), 0..=255),
            body in proptest::collection::vec(any::<u8>(), 0..300),
        ) {
            let mut datagram = Vec::new();
            prop_assert!(begin_group(&group, &mut datagram));
            datagram.extend_from_slice(&body);
            prop_assert_eq!(split_group(&datagram), Some((&group[..], &body[..])));
        }

        #[test]
        fn an_address_that_parses_is_written_as_one_that_parses_to_the_same(
            text in "([*]|lo|10[.]0[.]0[.]1|\\[?fe80::1\\]?|[;a:]{1,2})?;?(239[.]0[.]0[.]1|\\[ff02::1(%lo)?\\]|[*a]):([*0]|5)",
        ) {
            for (parse, usage) in [(bind as fn(&str) -> _, "bind"), (connect, "connect")] {
                if let Ok(endpoint) = parse(&text) {
                    prop_assert_eq!(parse(&endpoint.to_string()), Ok(endpoint), "{} {}", usage, text);
                }
            }
        }
    }
}
