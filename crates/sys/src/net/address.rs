//! Socket addresses as the kernel has them, and as endpoint text.

use super::{tipc, vsock};
use crate::interface;
use crate::syscall::{check, errno};
use std::io;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsRawFd, BorrowedFd};

/// Bytes before `sun_path`.
const UNIX_HEADER: usize = mem::offset_of!(libc::sockaddr_un, sun_path);

/// A `sockaddr` of any family with its length.
///
/// Invariant: `len <= size_of::<sockaddr_storage>()`, and the whole storage is initialised.
#[derive(Clone, Copy)]
pub(crate) struct SocketAddress {
    storage: libc::sockaddr_storage,
    len: libc::socklen_t,
}

impl SocketAddress {
    pub(super) fn empty() -> Self {
        // SAFETY: sockaddr_storage is integers and bytes, for which zero is valid.
        Self { storage: unsafe { mem::zeroed() }, len: 0 }
    }

    fn holding<T: Copy>(address: T) -> Self {
        const { assert!(size_of::<T>() <= size_of::<libc::sockaddr_storage>()) };
        const { assert!(align_of::<T>() <= align_of::<libc::sockaddr_storage>()) };
        let mut this = Self::empty();
        // SAFETY: the storage is large and aligned enough, as asserted.
        unsafe { (&raw mut this.storage).cast::<T>().write(address) };
        this.len = size_of::<T>() as libc::socklen_t;
        this
    }

    /// A unix address from the bytes of `sun_path`: a path, or a name behind a NUL. ENAMETOOLONG above 107 bytes.
    pub(crate) fn unix(path: &[u8]) -> io::Result<Self> {
        // SAFETY: sockaddr_un is integers and bytes, for which zero is valid.
        let mut address: libc::sockaddr_un = unsafe { mem::zeroed() };
        if path.len() >= address.sun_path.len() {
            return Err(errno(libc::ENAMETOOLONG));
        }
        address.sun_family = libc::AF_UNIX as libc::sa_family_t;
        for (to, &from) in address.sun_path.iter_mut().zip(path) {
            *to = from as libc::c_char;
        }
        let mut this = Self::holding(address);
        this.len = (UNIX_HEADER + path.len()) as libc::socklen_t;
        Ok(this)
    }

    pub(super) fn vsock(cid: u32, port: u32) -> Self {
        // SAFETY: sockaddr_vm is integers and bytes, for which zero is valid.
        let mut address: libc::sockaddr_vm = unsafe { mem::zeroed() };
        address.svm_family = libc::AF_VSOCK as libc::sa_family_t;
        address.svm_cid = cid;
        address.svm_port = port;
        Self::holding(address)
    }

    pub(super) fn tipc(address: tipc::RawAddress) -> Self {
        Self::holding(address)
    }

    pub(crate) fn local(fd: BorrowedFd<'_>) -> io::Result<Self> {
        Self::asked(fd, libc::getsockname)
    }

    pub(crate) fn peer(fd: BorrowedFd<'_>) -> io::Result<Self> {
        Self::asked(fd, libc::getpeername)
    }

    fn asked(
        fd: BorrowedFd<'_>,
        call: unsafe extern "C" fn(libc::c_int, *mut libc::sockaddr, *mut libc::socklen_t) -> libc::c_int,
    ) -> io::Result<Self> {
        // SAFETY: the place has the length that is announced.
        let asked = Self::receive(|address, room| check(unsafe { call(fd.as_raw_fd(), address, room) }));
        asked.map(|(_, address)| address)
    }

    /// The address that `call` writes to the place that it is given, whose length is announced; and its result.
    pub(crate) fn receive<T>(
        call: impl FnOnce(*mut libc::sockaddr, *mut libc::socklen_t) -> io::Result<T>,
    ) -> io::Result<(T, Self)> {
        let mut this = Self::empty();
        let room = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        this.len = room;
        let result = call((&raw mut this.storage).cast(), &raw mut this.len)?;
        this.len = this.len.min(room);
        Ok((result, this))
    }

    /// The place for an address that the kernel writes, and how long it is.
    pub(super) fn room(&mut self) -> (*mut libc::c_void, libc::socklen_t) {
        ((&raw mut self.storage).cast(), size_of::<libc::sockaddr_storage>() as libc::socklen_t)
    }

    /// Reads the internet address at `raw`, if it is one.
    ///
    /// # Safety
    /// `raw` is null or points to an address as long as its family says.
    pub(crate) unsafe fn from_raw(raw: *const libc::sockaddr) -> Option<SocketAddr> {
        // SAFETY: promised by the caller; the reads are of the type that the family names.
        unsafe {
            match libc::c_int::from(raw.as_ref()?.sa_family) {
                libc::AF_INET => {
                    let v4 = raw.cast::<libc::sockaddr_in>().read_unaligned();
                    let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
                    Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
                }
                libc::AF_INET6 => {
                    let v6 = raw.cast::<libc::sockaddr_in6>().read_unaligned();
                    let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                    let port = u16::from_be(v6.sin6_port);
                    Some(SocketAddrV6::new(ip, port, v6.sin6_flowinfo, v6.sin6_scope_id).into())
                }
                _ => None,
            }
        }
    }

    pub(crate) fn family(&self) -> libc::c_int {
        self.storage.ss_family.into()
    }

    pub(crate) fn as_ptr(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    pub(crate) fn len(&self) -> libc::socklen_t {
        self.len
    }

    /// The internet address, if it is one.
    pub(crate) fn inet(&self) -> Option<SocketAddr> {
        // SAFETY: the storage is longer than any address and initialised throughout.
        unsafe { Self::from_raw(self.as_ptr()) }
    }

    /// The bytes of `sun_path` if it is a unix address: empty for an unnamed socket, led by NUL for an abstract one.
    pub(crate) fn unix_path(&self) -> Option<&[u8]> {
        if self.family() != libc::AF_UNIX {
            return None;
        }
        // SAFETY: the storage is initialised and at least `len` bytes long.
        let bytes =
            unsafe { std::slice::from_raw_parts((&raw const self.storage).cast::<u8>(), self.len as usize) };
        let path = bytes.get(UNIX_HEADER..).unwrap_or_default();
        match path.first() {
            None | Some(0) => Some(path),
            // The kernel may count the terminating NUL of a path.
            Some(_) => path.split(|&byte| byte == 0).next(),
        }
    }

    /// The context id and the port of a vsock address.
    pub(super) fn vsock_parts(&self) -> Option<(u32, u32)> {
        // SAFETY: sockaddr_vm is integers and bytes.
        let address: libc::sockaddr_vm = unsafe { self.read(libc::AF_VSOCK) }?;
        Some((address.svm_cid, address.svm_port))
    }

    /// The node and the reference of one tipc socket.
    pub(super) fn tipc_parts(&self) -> Option<(u32, u32)> {
        // SAFETY: it is integers.
        unsafe { self.read::<tipc::RawAddress>(libc::AF_TIPC) }?.socket()
    }

    /// The address as the structure of its family; `None` if it is of another.
    ///
    /// # Safety
    /// `T` is valid for any bits.
    unsafe fn read<T: Copy>(&self, family: libc::c_int) -> Option<T> {
        const { assert!(size_of::<T>() <= size_of::<libc::sockaddr_storage>()) };
        // SAFETY: the storage is longer than any address and initialised throughout; any bits will do, as the caller promises.
        (self.family() == family).then(|| unsafe { self.as_ptr().cast::<T>().read_unaligned() })
    }

    /// `tcp://ip:port`, `ipc://path` or `ipc://@name`, `vsock://cid:port`, `tipc://<z.c.n:ref>`.
    pub(crate) fn endpoint(&self) -> String {
        if let Some(address) = self.inet() {
            return tcp_endpoint(address);
        }
        if let Some((cid, port)) = self.vsock_parts() {
            let cid = if cid == vsock::ANY { "*".to_owned() } else { cid.to_string() };
            return format!("vsock://{cid}:{port}");
        }
        if let Some((node, reference)) = self.tipc_parts() {
            return format!("tipc://<{}:{reference}>", tipc::node_text(node));
        }
        match self.unix_path() {
            Some([0, name @ ..]) => format!("ipc://@{}", String::from_utf8_lossy(name)),
            Some(path) => format!("ipc://{}", String::from_utf8_lossy(path)),
            None => String::new(),
        }
    }
}

impl From<SocketAddr> for SocketAddress {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(v4) => {
                // SAFETY: plain integers, for which zero is valid.
                let mut raw: libc::sockaddr_in = unsafe { mem::zeroed() };
                raw.sin_family = libc::AF_INET as libc::sa_family_t;
                raw.sin_port = v4.port().to_be();
                raw.sin_addr.s_addr = u32::from(*v4.ip()).to_be();
                Self::holding(raw)
            }
            SocketAddr::V6(v6) => {
                // SAFETY: plain integers, for which zero is valid.
                let mut raw: libc::sockaddr_in6 = unsafe { mem::zeroed() };
                raw.sin6_family = libc::AF_INET6 as libc::sa_family_t;
                raw.sin6_port = v6.port().to_be();
                raw.sin6_addr.s6_addr = v6.ip().octets();
                raw.sin6_flowinfo = v6.flowinfo();
                raw.sin6_scope_id = v6.scope_id();
                Self::holding(raw)
            }
        }
    }
}

/// The endpoint text of an address, IPv6 in brackets.
pub(crate) fn tcp_endpoint(address: SocketAddr) -> String {
    match address {
        SocketAddr::V4(_) => format!("tcp://{}:{}", ip_text(address), address.port()),
        SocketAddr::V6(_) => format!("tcp://[{}]:{}", ip_text(address), address.port()),
    }
}

/// The numeric IP without brackets, with `%interface` where the address has a scope.
pub(crate) fn ip_text(address: SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => {
            let scope = interface::name(v6.scope_id()).unwrap_or_else(|| v6.scope_id().to_string());
            format!("{}%{scope}", v6.ip())
        }
        _ => IpAddr::to_string(&address.ip()),
    }
}
