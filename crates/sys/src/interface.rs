//! Network interfaces by name.

use crate::net::SocketAddress;
use crate::syscall::{check, errno};
use std::ffi::{CStr, CString};
use std::io;
use std::net::IpAddr;
use std::ptr;

/// The first address of interface `name` in the wanted family, with its scope id (0 for IPv4); `None` if there is
/// no such interface or it has no such address.
pub fn address(name: &str, ipv6: bool) -> io::Result<Option<(IpAddr, u32)>> {
    let list = AddressList::new()?;
    let found = list.iter().find_map(|(interface, address)| {
        if interface != name.as_bytes() {
            return None;
        }
        let address = address?;
        if address.is_ipv6() != ipv6 {
            return None;
        }
        Some(match address {
            std::net::SocketAddr::V4(v4) => ((*v4.ip()).into(), 0),
            std::net::SocketAddr::V6(v6) => ((*v6.ip()).into(), v6.scope_id()),
        })
    });
    Ok(found)
}

/// The number of the interface called `name`. ENODEV if there is none.
pub fn index(name: &str) -> io::Result<u32> {
    let name = CString::new(name).map_err(|_| errno(libc::EINVAL))?;
    // SAFETY: a terminated string that outlives the call.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => Err(errno(libc::ENODEV)),
        index => Ok(index),
    }
}

/// The name of interface number `index`, if there is one.
pub fn name(index: u32) -> Option<String> {
    let mut buffer = [0_u8; libc::IF_NAMESIZE];
    // SAFETY: the buffer has the size that the call may write.
    let found = unsafe { libc::if_indextoname(index, buffer.as_mut_ptr().cast()) };
    if found.is_null() {
        return None;
    }
    let name = CStr::from_bytes_until_nul(&buffer).ok()?;
    Some(name.to_string_lossy().into_owned())
}

/// The list that getifaddrs allocates; freed when dropped.
struct AddressList(*mut libc::ifaddrs);

impl AddressList {
    fn new() -> io::Result<Self> {
        let mut list = ptr::null_mut();
        // SAFETY: the pointer is valid for a write; on success the list is ours to free.
        check(unsafe { libc::getifaddrs(&raw mut list) })?;
        Ok(Self(list))
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], Option<std::net::SocketAddr>)> {
        let mut next = self.0;
        std::iter::from_fn(move || {
            // SAFETY: null or an entry of the list, which lives as long as `self`; names are terminated strings and
            // addresses null or as long as their family says.
            unsafe {
                let entry = next.as_ref()?;
                next = entry.ifa_next;
                Some((CStr::from_ptr(entry.ifa_name).to_bytes(), SocketAddress::from_raw(entry.ifa_addr)))
            }
        })
    }
}

impl Drop for AddressList {
    fn drop(&mut self) {
        // SAFETY: allocated by getifaddrs, freed once.
        unsafe { libc::freeifaddrs(self.0) };
    }
}
