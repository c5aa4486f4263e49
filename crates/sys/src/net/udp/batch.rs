//! Several datagrams by one call of the system (recvmmsg(2)).

use super::{UdpSocket, unmapped};
use crate::net::address::SocketAddress;
use crate::syscall::{check, retry};
use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;

/// The most datagrams of one call.
pub const BATCH: usize = 16;

/// The datagrams that came with one call, and the room for them. Empty, and without room, until [`Batch::new`].
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Bytes of each datagram, which may be more than there was room for, and who sent it.
    found: Vec<(usize, SocketAddr)>,
}

impl Batch {
    /// Room for datagrams of up to `longest` bytes.
    pub fn new(longest: usize) -> Self {
        Self { bytes: vec![0; longest * BATCH], found: Vec::with_capacity(BATCH) }
    }

    /// Whether there is no room at all.
    pub fn is_absent(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether there may be more datagrams to receive.
    pub fn is_full(&self) -> bool {
        self.found.len() == BATCH
    }

    /// The datagrams, and who sent them; `None` for one that was too long.
    pub fn datagrams(&self) -> impl Iterator<Item = (Option<&[u8]>, SocketAddr)> {
        let rooms = self.bytes.chunks_exact((self.bytes.len() / BATCH).max(1));
        rooms.zip(&self.found).map(|(room, (length, peer))| (room.get(..*length), *peer))
    }
}

impl UdpSocket {
    /// Receives the datagrams that are there, up to [`BATCH`].
    ///
    /// Errors: EAGAIN if there is none; any other concerns one datagram.
    pub fn receive(&self, batch: &mut Batch) -> io::Result<()> {
        batch.found.clear();
        let mut addresses = [SocketAddress::empty(); BATCH];
        // SAFETY: pointers and integers, for which null and zero are valid.
        let (mut rooms, mut heads): ([libc::iovec; BATCH], [libc::mmsghdr; BATCH]) =
            unsafe { (mem::zeroed(), mem::zeroed()) };
        let longest = (batch.bytes.len() / BATCH).max(1);
        let mut count = 0;
        let places = batch.bytes.chunks_exact_mut(longest).zip(&mut addresses);
        for (((bytes, address), room), head) in places.zip(&mut rooms).zip(&mut heads) {
            *room = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
            (head.msg_hdr.msg_name, head.msg_hdr.msg_namelen) = address.room();
            (head.msg_hdr.msg_iov, head.msg_hdr.msg_iovlen) = (room, 1);
            count += 1;
        }
        let received = retry(|| {
            let heads = heads.as_mut_ptr();
            // SAFETY: each of the `count` heads names the room for an address and for a datagram, all of which outlive the
            // call; nothing else is used meanwhile.
            check(unsafe {
                libc::recvmmsg(self.as_raw_fd(), heads, count, libc::MSG_TRUNC, std::ptr::null_mut())
            })
        })?;
        for (head, address) in heads.iter().zip(&addresses).take(received.unsigned_abs() as usize) {
            // There are no others on a socket of an internet family.
            let peer = address.inet().unwrap_or_else(|| (Ipv4Addr::UNSPECIFIED, 0).into());
            batch.found.push((head.msg_len as usize, unmapped(peer)));
        }
        Ok(())
    }
}
