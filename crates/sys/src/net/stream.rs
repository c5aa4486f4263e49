//! A connected byte stream.

use super::address::{SocketAddress, ip_text};
use super::credentials::PeerCredentials;
use super::{tipc, vsock};
use crate::syscall::{Descriptor, check, check_len, errno, int_option, retry};
use ferrozmq_base::cancel::uncancelled;
use std::io::{self, IoSlice};
use std::mem::{self, MaybeUninit};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// The most parts that one `sendmsg` takes (IOV_MAX).
const MAX_PARTS: usize = 1024;

/// An owned, connected (or connecting) stream socket of any family: non-blocking, close-on-exec, closed when dropped.
///
/// All calls take `&self`; one thread may read while another writes.
#[derive(Debug)]
pub struct Stream(Descriptor);

impl Stream {
    /// `fd` is a non-blocking stream socket.
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self(fd.into())
    }

    /// Reads what is there, at most `buffer.len()` bytes: the returned number of bytes at its start is initialised.
    ///
    /// 0 is the peer's end. Errors: `WouldBlock`, ECONNRESET, ETIMEDOUT, ..., EINVAL for an empty buffer (its 0 would look
    /// like the end); never `Interrupted`.
    pub fn read(&self, buffer: &mut [MaybeUninit<u8>]) -> io::Result<usize> {
        // SAFETY: pointer and length describe the exclusively borrowed buffer.
        unsafe { self.receive(buffer.as_mut_ptr().cast(), buffer.len()) }
    }

    /// [`read`](Self::read) into bytes that are initialised already.
    pub fn read_into(&self, buffer: &mut [u8]) -> io::Result<usize> {
        // SAFETY: pointer and length describe the exclusively borrowed buffer, which stays initialised.
        unsafe { self.receive(buffer.as_mut_ptr(), buffer.len()) }
    }

    /// [`read`](Self::read) behind what `buffer` holds, into room that it has already: at most `limit` bytes.
    pub fn read_append(&self, buffer: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        let room = buffer.spare_capacity_mut();
        let limit = limit.min(room.len());
        let read = self.read(&mut room[..limit])?;
        // SAFETY: so many bytes behind the old length were read, within the capacity.
        unsafe { buffer.set_len(buffer.len() + read) };
        Ok(read)
    }

    /// # Safety
    /// `to` is valid for writes of `len` bytes.
    unsafe fn receive(&self, to: *mut u8, len: usize) -> io::Result<usize> {
        if len == 0 {
            return Err(errno(libc::EINVAL));
        }
        retry(|| {
            // SAFETY: promised by the caller; the kernel only writes there.
            check_len(uncancelled(|| unsafe {
                libc::recv(self.as_raw_fd(), to.cast(), len, libc::MSG_DONTWAIT)
            }))
        })
    }

    /// Writes as much of the parts as the kernel takes; of more than 1,024 parts the first 1,024.
    ///
    /// Errors: `WouldBlock`, EPIPE (no signal is raised), ECONNRESET, ...; never `Interrupted`.
    pub fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        // SAFETY: msghdr is integers and pointers, for which zero and null are valid.
        let mut message: libc::msghdr = unsafe { mem::zeroed() };
        message.msg_iov = parts.as_ptr().cast_mut().cast();
        message.msg_iovlen = parts.len().min(MAX_PARTS) as _;
        retry(|| {
            // SAFETY: IoSlice has the layout of iovec; parts and the bytes they borrow outlive the call, which only
            // reads them.
            check_len(uncancelled(|| unsafe {
                libc::sendmsg(self.as_raw_fd(), &raw const message, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
            }))
        })
    }

    /// Ends the output: the peer reads the end after all that was written. A tipc connection ends in both directions.
    pub fn shutdown_write(&self) -> io::Result<()> {
        match self.shutdown(libc::SHUT_WR) {
            // tipc knows no half of a connection.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => self.shutdown_both(),
            result => result,
        }
    }

    /// Ends both directions: readers and writers of this stream, in any thread, see the end at once.
    pub fn shutdown_both(&self) -> io::Result<()> {
        self.shutdown(libc::SHUT_RDWR)
    }

    fn shutdown(&self, how: libc::c_int) -> io::Result<()> {
        // SAFETY: integers only.
        check(unsafe { libc::shutdown(self.as_raw_fd(), how) }).map(drop)
    }

    /// Takes the pending error of the socket (SO_ERROR): after [`InProgress`](super::Connecting::InProgress) became
    /// writable, `None` means connected.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        let code = int_option(self.as_fd(), libc::SOL_SOCKET, libc::SO_ERROR)?;
        Ok((code != 0).then(|| errno(code)))
    }

    /// The peer as message metadata names it: the numeric IP without port; `localhost:uid:gid:pid` for ipc, the context
    /// id for vsock, the node for tipc.
    ///
    /// Empty if the peer is gone, or the kernel does not know.
    pub fn peer_address(&self) -> String {
        let Ok(address) = SocketAddress::peer(self.as_fd()) else { return String::new() };
        if let Some(address) = address.inet() {
            return ip_text(address);
        }
        if let Some((cid, _)) = address.vsock_parts() {
            return if cid == vsock::ANY { String::new() } else { cid.to_string() };
        }
        if let Some((node, _)) = address.tipc_parts() {
            return tipc::node_text(node);
        }
        self.peer_credentials().map_or_else(
            |_| String::new(),
            |peer| format!("localhost:{}:{}:{}", peer.uid, peer.gid, peer.pid),
        )
    }

    /// Who connected a unix socket, as the kernel recorded it then. EINVAL on other sockets.
    pub fn peer_credentials(&self) -> io::Result<PeerCredentials> {
        PeerCredentials::of(self.as_fd())
    }

    /// This side: `tcp://ip:port` (IPv6 in brackets), `ipc://path`, ...; empty if the kernel does not know it any more.
    pub fn local_endpoint(&self) -> String {
        SocketAddress::local(self.as_fd()).map_or_else(|_| String::new(), |address| address.endpoint())
    }

    /// The other side, in the same form. For an ipc connection that was accepted it is `ipc://` alone.
    pub fn remote_endpoint(&self) -> String {
        SocketAddress::peer(self.as_fd()).map_or_else(|_| String::new(), |address| address.endpoint())
    }

    /// This side's internet address; `None` on other transports.
    pub fn local_address(&self) -> Option<SocketAddr> {
        SocketAddress::local(self.as_fd()).ok()?.inet()
    }

    /// The peer's internet address; `None` on other transports, and once the peer is gone.
    pub fn remote_address(&self) -> Option<SocketAddr> {
        SocketAddress::peer(self.as_fd()).ok()?.inet()
    }

    /// True for a tcp connection to itself: connecting to a free port of the ephemeral range can meet its own number.
    pub fn is_self_connected(&self) -> bool {
        let local = self.local_address();
        local.is_some() && local == self.remote_address()
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{code, receive, send, until};
    use super::*;
    use crate::Interest;

    fn pair() -> (Stream, Stream) {
        let (a, b) = std::os::unix::net::UnixStream::pair().unwrap();
        (Stream::new(a.into()), Stream::new(b.into()))
    }

    #[test]
    fn an_empty_stream_would_block_and_a_closed_one_ends() {
        let (a, b) = pair();
        let mut buffer = [MaybeUninit::uninit(); 8];
        assert_eq!(code(a.read(&mut buffer)), Some(libc::EAGAIN));
        send(&b, b"abc");
        assert_eq!(a.read(&mut buffer[..2]).unwrap(), 2);
        assert_eq!(receive(&a, 1), b"c");
        assert_eq!(code(a.read_into(&mut [])), Some(libc::EINVAL));
        drop(b);
        assert_eq!(a.read(&mut buffer).unwrap(), 0);
        assert_eq!(code(a.write(&[IoSlice::new(b"x")])), Some(libc::EPIPE));
    }

    #[test]
    fn parts_are_gathered_up_to_the_limit_of_the_kernel() {
        let (a, b) = pair();
        let bytes: Vec<u8> = (0..3_000_u32).map(|n| n as u8).collect();
        let parts: Vec<IoSlice<'_>> = bytes.chunks(1).map(IoSlice::new).collect();
        assert_eq!(a.write(&parts).unwrap(), MAX_PARTS);
        assert_eq!(receive(&b, MAX_PARTS), bytes[..MAX_PARTS]);
        assert_eq!(a.write(&[]).unwrap(), 0);
    }

    #[test]
    fn a_full_stream_takes_a_part_and_then_would_block() {
        let (a, b) = pair();
        let chunk = vec![7; 1 << 20];
        let mut written = 0;
        let error = loop {
            match a.write(&[IoSlice::new(&chunk)]) {
                Ok(count) => written += count,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(receive(&b, written).len(), written);
        until(&a, Interest::WRITE);
        send(&a, b"more");
        assert_eq!(receive(&b, 4), b"more");
    }

    #[test]
    fn shutdown_of_both_directions_ends_a_waiting_reader() {
        let (a, _b) = pair();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| receive(&a, 1));
            a.shutdown_both().unwrap();
            assert_eq!(reader.join().unwrap(), b"");
        });
    }
}
