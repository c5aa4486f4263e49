//! unix stream sockets.
//!
//! An address is what follows `ipc://`: a path, `@name` in the abstract namespace, or `*...` for a new file of its own.

use super::Connecting;
use super::address::SocketAddress;
use super::listener::{Listener, bind_and_listen, check_supplied, start_connect};
use super::stream::Stream;
use crate::fork::ForkEpoch;
use crate::syscall::{errno, stream_socket};
use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// Listens on an address.
///
/// A file that is there already is removed first, whoever made it: a name is taken over from a dead process and from a
/// living one. Errors: EINVAL (empty, bare `@`, or NUL inside), ENAMETOOLONG (over 107 bytes), ENOENT, EACCES, EMFILE,
/// EADDRINUSE (an abstract name, or a directory).
pub fn listen(address: impl AsRef<[u8]>, backlog: i32) -> io::Result<Listener> {
    let address = address.as_ref();
    if address.first() == Some(&b'*') {
        return listen_wildcard(backlog);
    }
    let socket_address = parse(address)?;
    let fd = stream_socket(libc::AF_UNIX)?;
    if address[0] != b'@' {
        // Whatever cannot be removed makes bind fail with EADDRINUSE.
        let _ = fs::remove_file(OsStr::from_bytes(address));
    }
    bind_and_listen(fd.as_fd(), &socket_address, backlog)?;
    Ok(Listener::ipc(fd, None))
}

/// Listens on a unix socket that is listening already, and owns it.
///
/// Gives the descriptor back with the error: ENOTSOCK, EINVAL (not listening, or not unix).
pub fn listen_on(fd: OwnedFd) -> Result<Listener, (io::Error, OwnedFd)> {
    match check_supplied(&fd, &[libc::AF_UNIX]) {
        Ok(()) => Ok(Listener::ipc(fd, None)),
        Err(error) => Err((error, fd)),
    }
}

/// Connects to an address: at once or not at all, except that a full backlog is `WouldBlock` (try again later).
///
/// Errors: ENOENT, ECONNREFUSED, EACCES, EINVAL, ENAMETOOLONG, EMFILE.
pub fn connect(address: impl AsRef<[u8]>) -> io::Result<Connecting> {
    let address = parse(address.as_ref())?;
    let fd = stream_socket(libc::AF_UNIX)?;
    Ok(if start_connect(fd.as_fd(), &address)? {
        Connecting::Done(Stream::new(fd))
    } else {
        Connecting::InProgress(Stream::new(fd))
    })
}

fn parse(address: &[u8]) -> io::Result<SocketAddress> {
    match address {
        [] | [b'@'] => Err(errno(libc::EINVAL)),
        _ if address.contains(&0) => Err(errno(libc::EINVAL)),
        [b'@', name @ ..] => SocketAddress::unix(&[b"\0", name].concat()),
        path => SocketAddress::unix(path),
    }
}

fn listen_wildcard(backlog: i32) -> io::Result<Listener> {
    let directory = OwnedDirectory::new(temporary_directory())?;
    let address = SocketAddress::unix(directory.shown_socket.as_os_str().as_bytes())?;
    let fd = stream_socket(libc::AF_UNIX)?;
    bind_and_listen(fd.as_fd(), &address, backlog)?;
    Ok(Listener::ipc(fd, Some(directory)))
}

/// The first of TMPDIR, TEMPDIR and TMP that names a directory, else the current one.
fn temporary_directory() -> PathBuf {
    ["TMPDIR", "TEMPDIR", "TMP"]
        .iter()
        .filter_map(std::env::var_os)
        .map(PathBuf::from)
        .find(|path| path.is_dir())
        .unwrap_or_default()
}

/// A new directory for one socket file; both are removed when it is dropped, other files in it stay.
///
/// Only the process that made it removes it, not a forked child.
#[derive(Debug)]
pub(super) struct OwnedDirectory {
    /// `<dir>/socket`, as the endpoint shows it.
    shown_socket: PathBuf,
    /// The directory, from the root, so that a later change of the current directory does not matter.
    path: PathBuf,
    epoch: ForkEpoch,
}

impl OwnedDirectory {
    fn new(parent: PathBuf) -> io::Result<Self> {
        let template = CString::new(parent.join("tmpXXXXXX").into_os_string().into_vec())?;
        let name = template.into_raw();
        // SAFETY: a terminated, writable string; mkdtemp changes six of its bytes and keeps the length. `name` comes
        // from `into_raw` and is taken back once.
        let (made, name) = unsafe { (libc::mkdtemp(name), CString::from_raw(name)) };
        if made.is_null() {
            return Err(io::Error::last_os_error());
        }
        let shown = PathBuf::from(OsString::from_vec(name.into_bytes()));
        let path = std::path::absolute(&shown).unwrap_or_else(|_| shown.clone());
        Ok(Self { shown_socket: shown.join("socket"), path, epoch: ForkEpoch::current() })
    }
}

impl Drop for OwnedDirectory {
    fn drop(&mut self) {
        if self.epoch.is_current() {
            // The socket may never have been made, or somebody may have removed it or put files of their own there.
            let _ = fs::remove_file(self.path.join("socket"));
            let _ = fs::remove_dir(&self.path);
        }
    }
}
