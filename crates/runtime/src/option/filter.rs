//! Who may connect: address masks for tcp (ZMQ_TCP_ACCEPT_FILTER) and credentials for ipc (ZMQ_IPC_FILTER_*).
use ferrozmq_base::{Error, Result};
use std::net::IpAddr;

/// A network that incoming tcp peers may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptFilter {
    network: IpAddr,
    prefix: u8,
}

impl AcceptFilter {
    /// Parses an address literal with an optional `/prefix`. IPv6 literals need `ipv6`. Bytes behind a NUL are
    /// ignored, as the value is a C string.
    ///
    /// # Errors
    /// `InvalidArgument` if it is no such literal, or the prefix exceeds the address.
    pub fn parse(value: &[u8], ipv6: bool) -> Result<Self> {
        let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
        let text = std::str::from_utf8(&value[..end]).map_err(|_| Error::InvalidArgument)?;
        let (address, prefix) = text.rsplit_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address = address.strip_prefix('[').and_then(|a| a.strip_suffix(']')).unwrap_or(address);
        let network: IpAddr = address.parse().map_err(|_| Error::InvalidArgument)?;
        let most = match network {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) if ipv6 => 128,
            IpAddr::V6(_) => return Err(Error::InvalidArgument),
        };
        let prefix = match prefix {
            None => most,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok().filter(|bits| *bits <= most).ok_or(Error::InvalidArgument)?
            }
            Some(_) => return Err(Error::InvalidArgument),
        };
        Ok(Self { network, prefix })
    }

    /// Whether a peer of this address may connect. An IPv4 peer and its IPv4-mapped IPv6 form are the same peer.
    pub fn admits(&self, peer: IpAddr) -> bool {
        match (self.network, peer.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(peer)) => {
                same_prefix(network.to_bits().into(), peer.to_bits().into(), 32, self.prefix)
            }
            (IpAddr::V6(network), IpAddr::V4(peer)) => {
                same_prefix(network.to_bits(), peer.to_ipv6_mapped().to_bits(), 128, self.prefix)
            }
            (IpAddr::V6(network), IpAddr::V6(peer)) => {
                same_prefix(network.to_bits(), peer.to_bits(), 128, self.prefix)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
        }
    }
}

fn same_prefix(a: u128, b: u128, width: u32, prefix: u8) -> bool {
    (a ^ b).checked_shr(width - u32::from(prefix)).unwrap_or(0) == 0
}

/// The credentials that ipc peers may have: any of the three lists. All empty admits everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpcFilters {
    /// Process ids.
    pub pids: Vec<i32>,
    /// User ids.
    pub uids: Vec<u32>,
    /// Group ids; a user's further groups count as well.
    pub gids: Vec<u32>,
}

impl IpcFilters {
    /// Whether there is no restriction.
    pub fn is_empty(&self) -> bool {
        self.pids.is_empty() && self.uids.is_empty() && self.gids.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(filter: &str, peer: &str) -> bool {
        AcceptFilter::parse(filter.as_bytes(), true).expect(filter).admits(peer.parse().expect(peer))
    }

    #[test]
    fn literals_and_masks() {
        assert!(admits("127.0.0.1", "127.0.0.1"));
        assert!(!admits("127.0.0.1", "127.0.0.2"));
        assert!(admits("10.0.0.0/8", "10.200.3.4"));
        assert!(!admits("10.0.0.0/8", "11.0.0.1"));
        assert!(admits("10.0.0.0/8", "::ffff:10.1.1.1"));
        assert!(admits("0.0.0.0/0", "203.0.113.9"));
        assert!(admits("::/0", "203.0.113.9"));
        assert!(admits("2001:db8::/32", "2001:db8:1::1"));
        assert!(!admits("2001:db8::/32", "2001:db9::1"));
        assert!(!admits("0.0.0.0/0", "2001:db8::1"));
        assert!(admits("[::1]/128", "::1"));
    }

    #[test]
    fn what_is_not_a_literal_is_refused() {
        for bad in [
            "",
            "/",
            "host",
            "*",
            "1.2.3",
            "1.2.3.4/",
            "1.2.3.4/33",
            "1.2.3.4/-1",
            "::1/129",
            "1.2.3.4/8x",
            "1.2.3.4/+8",
        ] {
            assert_eq!(AcceptFilter::parse(bad.as_bytes(), true), Err(Error::InvalidArgument), "{bad}");
        }
        assert_eq!(AcceptFilter::parse(b"::1", false), Err(Error::InvalidArgument));
        assert_eq!(AcceptFilter::parse(b"\xff", true), Err(Error::InvalidArgument));
        assert!(AcceptFilter::parse(b"127.0.0.1\0", false).is_ok());
    }
}
