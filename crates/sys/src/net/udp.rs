//! udp sockets, unicast and multicast (udp(7), ip(7), ipv6(7), zmq_udp(7)).
//!
//! An address that is given as IPv4 makes an IPv4 socket, whatever ZMQ_IPV6 says; only a socket bound to every address
//! with ZMQ_IPV6 is of both families, and speaks of IPv4 peers as such. A group is received from the interface that was
//! chosen and from no other, and groups that other sockets of the machine have joined are not heard.

mod batch;

pub use batch::{BATCH, Batch};

use super::address::SocketAddress;
use super::tcp::TcpOptions;
use crate::syscall::{check, check_len, datagram_socket, errno, retry, set_option};
use crate::{interface, resolve};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// What is set on a udp socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UdpOptions {
    /// Of these, what is not about tcp alone: device, buffers, type of service, priority, busy polling.
    pub socket: TcpOptions,
    /// IP_MULTICAST_LOOP: what is sent to a group comes back to listeners on this machine.
    pub multicast_loop: bool,
    /// IP_MULTICAST_TTL: hops of what is sent to a group. EINVAL above 255.
    pub multicast_hops: u32,
}

impl Default for UdpOptions {
    fn default() -> Self {
        Self { socket: TcpOptions::default(), multicast_loop: true, multicast_hops: 1 }
    }
}

/// The interface that an endpoint names in front of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interface {
    /// The system chooses.
    Any,
    /// The one with this address.
    Address(IpAddr),
    /// The one of this name.
    Name(String),
}

/// Where to bind or to send to, looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    address: SocketAddr,
    via: Via,
}

/// The interface of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Via {
    System,
    Index(u32),
    Address(Ipv4Addr),
}

impl Route {
    /// Looks up an address to bind to: `*`, an interface's name, a numeric address, a host's name, or a group.
    ///
    /// Errors: ENODEV for a host or interface that does not exist, and for an IPv6 group with an interface that is not
    /// named; EINVAL for an interface without a group, and for one of the other family; ENOMEM.
    pub fn to_bind(host: &str, port: u16, via: Option<&Interface>, ipv6: bool) -> io::Result<Self> {
        Self::new(resolve::resolve_bind(host, port, ipv6)?, via)
    }

    /// Looks up an address to send to: numeric, a host's name (its first address), or a group.
    ///
    /// Errors: as of [`Route::to_bind`], but EINVAL for a host that does not exist.
    pub fn to_send(host: &str, port: u16, via: Option<&Interface>, ipv6: bool) -> io::Result<Self> {
        let addresses = resolve::resolve_connect(host, port, ipv6)?;
        Self::new(*addresses.first().ok_or_else(|| errno(libc::EINVAL))?, via)
    }

    fn new(address: SocketAddr, via: Option<&Interface>) -> io::Result<Self> {
        let address = unmapped(address);
        if via.is_some() && !address.ip().is_multicast() {
            return Err(errno(libc::EINVAL));
        }
        let via = match (via, address) {
            (Some(Interface::Name(name)), _) => Via::Index(interface::index(name)?),
            (Some(Interface::Address(IpAddr::V4(own))), SocketAddr::V4(_)) => Via::Address(*own),
            // IPv6 names interfaces by number only, and an address may be that of several.
            (Some(Interface::Address(IpAddr::V6(_))), SocketAddr::V6(_)) => return Err(errno(libc::ENODEV)),
            (Some(Interface::Address(_)), _) => return Err(errno(libc::EINVAL)),
            (None | Some(Interface::Any), SocketAddr::V6(v6)) if v6.scope_id() != 0 => {
                Via::Index(v6.scope_id())
            }
            (None | Some(Interface::Any), _) => Via::System,
        };
        Ok(Self { address, via })
    }

    /// The address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// A udp socket: non-blocking, close-on-exec.
#[derive(Debug)]
pub struct UdpSocket {
    fd: OwnedFd,
    ipv6: bool,
}

impl UdpSocket {
    /// A socket that sends to a route, from whatever port.
    ///
    /// Errors: EMFILE, EAFNOSUPPORT, or that of a refused option.
    pub fn sender(route: &Route, options: &UdpOptions) -> io::Result<Self> {
        let this = Self::open(route, options)?;
        this.choose_sending(route, options)?;
        Ok(this)
    }

    /// A socket that receives what comes to an address of this machine, or to a group; with `sends` it sends from there
    /// as well. Any number of sockets may be bound to one group and port, but one only to an address of its own.
    ///
    /// Errors: EADDRINUSE, EADDRNOTAVAIL, EACCES, EMFILE, EAFNOSUPPORT, ENODEV for a group without a route, or that of a
    /// refused option.
    pub fn bound(route: &Route, sends: bool, options: &UdpOptions) -> io::Result<Self> {
        let this = Self::open(route, options)?;
        if sends {
            this.choose_sending(route, options)?;
        }
        if route.address.ip().is_multicast() {
            this.bind_to_group(route)?;
        } else {
            this.bind(route.address)?;
        }
        Ok(this)
    }

    fn open(route: &Route, options: &UdpOptions) -> io::Result<Self> {
        let family = SocketAddress::from(route.address).family();
        let this = Self { fd: datagram_socket(family)?, ipv6: family == libc::AF_INET6 };
        options.socket.apply_first(this.as_fd(), family)?;
        Ok(this)
    }

    fn bind(&self, address: SocketAddr) -> io::Result<()> {
        let address = SocketAddress::from(address);
        // SAFETY: pointer and length describe `address`, which outlives the call.
        check(unsafe { libc::bind(self.as_raw_fd(), address.as_ptr(), address.len()) }).map(drop)
    }

    fn bind_to_group(&self, route: &Route) -> io::Result<()> {
        let fd = self.as_fd();
        // Not SO_REUSEPORT, which asks for one user, and by which Linux may hand the datagram of a group's only member to
        // another socket of the port.
        set_option(fd, libc::SOL_SOCKET, libc::SO_REUSEADDR, 1_i32)?;
        let any = match route.address {
            SocketAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            SocketAddr::V6(_) => {
                set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, 1_i32)?;
                Ipv6Addr::UNSPECIFIED.into()
            }
        };
        self.bind(SocketAddr::new(any, route.address.port()))?;
        match route.address.ip() {
            IpAddr::V4(group) => {
                set_option(fd, libc::IPPROTO_IP, libc::IP_MULTICAST_ALL, 0_i32)?;
                set_option(fd, libc::IPPROTO_IP, libc::IP_ADD_MEMBERSHIP, request(group, route.via))
            }
            IpAddr::V6(group) => {
                match set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_ALL, 0_i32) {
                    // Before Linux 4.20.
                    Err(e) if e.raw_os_error() == Some(libc::ENOPROTOOPT) => {}
                    result => result?,
                }
                let request = libc::ipv6_mreq {
                    ipv6mr_multiaddr: libc::in6_addr { s6_addr: group.octets() },
                    ipv6mr_interface: route.via.index(),
                };
                set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_ADD_MEMBERSHIP, request)
            }
        }
    }

    /// What is sent to a group takes this way.
    fn choose_sending(&self, route: &Route, options: &UdpOptions) -> io::Result<()> {
        let fd = self.as_fd();
        let comes_back = i32::from(options.multicast_loop);
        let hops = i32::try_from(options.multicast_hops).unwrap_or(i32::MAX);
        // An IPv6 socket may send to IPv4 as well.
        set_option(fd, libc::IPPROTO_IP, libc::IP_MULTICAST_LOOP, comes_back)?;
        set_option(fd, libc::IPPROTO_IP, libc::IP_MULTICAST_TTL, hops)?;
        if self.ipv6 {
            set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_LOOP, comes_back)?;
            set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS, hops)?;
        }
        match route.via {
            Via::System => Ok(()),
            Via::Index(index) if self.ipv6 => {
                set_option(fd, libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_IF, index)
            }
            via => {
                set_option(fd, libc::IPPROTO_IP, libc::IP_MULTICAST_IF, request(Ipv4Addr::UNSPECIFIED, via))
            }
        }
    }

    /// Sends a datagram, whole or not at all.
    ///
    /// Errors: EAGAIN while the kernel takes no more; EMSGSIZE, ENETUNREACH, EINVAL and others concern this datagram.
    pub fn send_to(&self, datagram: &[u8], peer: SocketAddr) -> io::Result<()> {
        let address = match peer {
            SocketAddr::V4(v4) if self.ipv6 => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
            peer => peer,
        };
        let address = SocketAddress::from(address);
        retry(|| {
            // SAFETY: pointers and lengths describe `datagram` and `address`, which outlive the call and are only read.
            check_len(unsafe {
                libc::sendto(
                    self.as_raw_fd(),
                    datagram.as_ptr().cast(),
                    datagram.len(),
                    libc::MSG_NOSIGNAL,
                    address.as_ptr(),
                    address.len(),
                )
            })
        })
        .map(drop)
    }

    /// The address that it is bound to, with the port that the kernel chose.
    pub fn local_address(&self) -> io::Result<SocketAddr> {
        SocketAddress::local(self.as_fd())?.inet().ok_or_else(|| errno(libc::EAFNOSUPPORT))
    }
}

impl Via {
    fn index(self) -> u32 {
        match self {
            Self::Index(index) => index,
            Self::System | Self::Address(_) => 0,
        }
    }
}

/// A group and its interface, as IPv4 options take them.
fn request(group: Ipv4Addr, via: Via) -> libc::ip_mreqn {
    let raw = |ip: Ipv4Addr| libc::in_addr { s_addr: u32::from(ip).to_be() };
    let own = if let Via::Address(own) = via { own } else { Ipv4Addr::UNSPECIFIED };
    libc::ip_mreqn {
        imr_multiaddr: raw(group),
        imr_address: raw(own),
        imr_ifindex: via.index().cast_signed(),
    }
}

/// An IPv4 address that is written as IPv6, as itself.
fn unmapped(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(v4) => SocketAddr::new(v4.into(), v6.port()),
            None => address,
        },
        SocketAddr::V4(_) => address,
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

#[cfg(test)]
mod tests;
