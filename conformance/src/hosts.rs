//! Two hosts on one wire: network namespaces joined by a pair of virtual interfaces.
//!
//! A socket belongs to the namespace of the thread that makes it, and stays there when it is used from others: only
//! binding and connecting have to be done at a host ([`Hosts::at`]). It takes root, and the program `ip`.

use std::fs::File;
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::Command;
use std::thread;

use crate::{socket::unique, wait};

/// Two hosts: 0, whose interface is `a0`, with the addresses `10.99.0.1`, `fd00:99::1` and `fe80::99:1`; and 1, with `b0`
/// and the same ending in 2.
pub struct Hosts {
    names: [String; 2],
}

/// The interfaces of the hosts.
pub const INTERFACES: [&str; 2] = ["a0", "b0"];

fn ip(line: &str) -> Result<String, String> {
    let output = Command::new("ip").args(line.split_whitespace()).output().map_err(|e| format!("ip: {e}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("ip {line}: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

impl Hosts {
    /// Makes them; says why if that cannot be done here.
    pub fn new() -> Result<Self, String> {
        let name = |side| format!("conformance-{}-{}-{side}", std::process::id(), unique());
        let hosts = Self { names: [name("a"), name("b")] };
        hosts.join()?;
        Ok(hosts)
    }

    fn join(&self) -> Result<(), String> {
        let [a, b] = &self.names;
        ip(&format!("netns add {a}"))?;
        ip(&format!("netns add {b}"))?;
        ip(&format!("-n {a} link add a0 type veth peer name b0 netns {b}"))?;
        for (host, (name, interface)) in self.names.iter().zip(INTERFACES).enumerate() {
            let number = host + 1;
            ip(&format!("-n {name} link set lo up"))?;
            ip(&format!("-n {name} addr add 10.99.0.{number}/24 dev {interface}"))?;
            // Without IPv6 the tests of it are skipped.
            for network in ["fd00:99::", "fe80::99:"] {
                let _ = ip(&format!("-n {name} -6 addr add {network}{number}/64 dev {interface} nodad"));
            }
            ip(&format!("-n {name} link set {interface} up"))?;
            ip(&format!("-n {name} route add default dev {interface}"))?;
        }
        // The kernel throws away without a word what is sent before it has noticed that both ends are up.
        for (name, interface) in self.names.iter().zip(INTERFACES) {
            wait::until("an interface that sends", || {
                ip(&format!("-n {name} -o link show dev {interface}"))
                    .is_ok_and(|line| line.contains("state UP"))
            });
        }
        Ok(())
    }

    /// Does something as this host.
    pub fn at<T: Send>(&self, host: usize, what: impl FnOnce() -> T + Send) -> T {
        let name = &self.names[host];
        let there = move || {
            let file = File::open(format!("/run/netns/{name}")).expect("the namespace");
            // SAFETY: the descriptor is open; only this thread changes its namespace, and it ends with this function.
            let entered = unsafe { libc::setns(file.as_raw_fd(), libc::CLONE_NEWNET) };
            assert_eq!(entered, 0, "{}", io::Error::last_os_error());
            what()
        };
        thread::scope(|scope| scope.spawn(there).join().unwrap_or_else(|e| std::panic::resume_unwind(e)))
    }

    /// Gives a host a further address.
    pub fn add_address(&self, host: usize, address: &str) {
        let (name, interface) = (&self.names[host], INTERFACES[host]);
        ip(&format!("-n {name} addr add {address}/24 dev {interface}")).expect("an address");
    }

    /// Whether the hosts have IPv6.
    pub fn have_ipv6(&self) -> bool {
        (0..2).all(|host| self.at(host, || UdpSocket::bind(format!("[fd00:99::{}]:0", host + 1)).is_ok()))
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for name in &self.names {
            let _ = ip(&format!("netns del {name}"));
        }
    }
}

/// The number of an interface of this thread's host.
pub fn interface_index(name: &str) -> u32 {
    let name = std::ffi::CString::new(name).expect("no NUL");
    // SAFETY: a terminated string that outlives the call.
    unsafe { libc::if_nametoindex(name.as_ptr()) }
}

fn set(socket: &UdpSocket, level: i32, name: i32, value: i32) {
    let length = size_of::<i32>() as libc::socklen_t;
    // SAFETY: pointer and length describe `value`, which outlives the call.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const value).cast(), length) };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// A plain socket of this thread's host that hears a group on an interface, and the hops that datagrams have left.
pub fn listener(group: IpAddr, interface: &str) -> UdpSocket {
    let index = interface_index(interface);
    let socket = match group {
        IpAddr::V4(group) => {
            let socket = UdpSocket::bind("0.0.0.0:0").expect("a port");
            let raw = |ip: u32| libc::in_addr { s_addr: ip.to_be() };
            let request = libc::ip_mreqn {
                imr_multiaddr: raw(group.into()),
                imr_address: raw(0),
                imr_ifindex: index as i32,
            };
            let length = size_of_val(&request) as libc::socklen_t;
            let (level, name) = (libc::IPPROTO_IP, libc::IP_ADD_MEMBERSHIP);
            // SAFETY: pointer and length describe `request`, which outlives the call.
            let joined = unsafe {
                libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const request).cast(), length)
            };
            assert_eq!(joined, 0, "{}", io::Error::last_os_error());
            set(&socket, libc::IPPROTO_IP, libc::IP_RECVTTL, 1);
            socket
        }
        IpAddr::V6(group) => {
            let socket = UdpSocket::bind("[::]:0").expect("a port");
            socket.join_multicast_v6(&group, index).expect("the group");
            set(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT, 1);
            socket
        }
    };
    socket.set_read_timeout(Some(std::time::Duration::from_secs(10))).expect("a time");
    socket
}

/// The next datagram of a [`listener`], and the hops that it has left.
///
/// # Panics
/// If none comes.
pub fn recv_hops(socket: &UdpSocket) -> (Vec<u8>, i32) {
    let (mut body, mut control) = ([0_u8; 9000], [0_u64; 32]);
    let mut part = libc::iovec { iov_base: body.as_mut_ptr().cast(), iov_len: body.len() };
    // SAFETY: integers and pointers, for which zero and null are valid.
    let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
    (header.msg_iov, header.msg_iovlen) = (&raw mut part, 1);
    (header.msg_control, header.msg_controllen) = (control.as_mut_ptr().cast(), size_of_val(&control) as _);
    // SAFETY: the header names buffers with their lengths, which outlive the call.
    let length = unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut header, 0) };
    let length = usize::try_from(length).unwrap_or_else(|_| panic!("{}", io::Error::last_os_error()));
    // SAFETY: the kernel has filled the header; the walk stays within `control`, which is aligned, and the two kinds of
    // message that are looked at carry an int.
    let hops = unsafe {
        let mut next = libc::CMSG_FIRSTHDR(&raw const header);
        loop {
            let message = next.as_ref().expect("the hops come with the datagram");
            match (message.cmsg_level, message.cmsg_type) {
                (libc::IPPROTO_IP, libc::IP_TTL) | (libc::IPPROTO_IPV6, libc::IPV6_HOPLIMIT) => {
                    break libc::CMSG_DATA(next).cast::<i32>().read_unaligned();
                }
                _ => next = libc::CMSG_NXTHDR(&raw const header, next),
            }
        }
    };
    (body[..length].to_vec(), hops)
}

/// Two hosts; ends the test, as passed, where there can be none, and says why.
#[macro_export]
macro_rules! hosts {
    () => {
        match $crate::hosts::Hosts::new() {
            Ok(hosts) => hosts,
            Err(why) => {
                eprintln!("skipped: no network namespaces here: {why}");
                return;
            }
        }
    };
}
