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
    Ok(Listener::plain(fd))
}

/// Listens on a unix socket that is listening already, and owns it.
///
/// Gives the descriptor back with the error: ENOTSOCK, EINVAL (not listening, or not unix).
pub fn listen_on(fd: OwnedFd) -> Result<Listener, (io::Error, OwnedFd)> {
    match check_supplied(&fd, &[libc::AF_UNIX]) {
        Ok(()) => Ok(Listener::plain(fd)),
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
    Ok(Listener::ipc(fd, directory))
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
    is_removed: bool,
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
        let shown_socket = shown.join("socket");
        Ok(Self { shown_socket, path, epoch: ForkEpoch::current(), is_removed: false })
    }

    /// Removes the socket file, and then the directory.
    pub(super) fn remove(mut self) -> io::Result<()> {
        self.remove_once()
    }

    fn remove_once(&mut self) -> io::Result<()> {
        if !self.epoch.is_current() || std::mem::replace(&mut self.is_removed, true) {
            return Ok(());
        }
        let file = fs::remove_file(self.path.join("socket"));
        let directory = fs::remove_dir(&self.path);
        file.and(directory)
    }
}

impl Drop for OwnedDirectory {
    fn drop(&mut self) {
        // The socket may never have been made, or somebody may have removed it or put files of their own there.
        let _ = self.remove_once();
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accept, code, finish, receive, send};
    use super::*;
    use crate::net::{PeerCredentials, PeerFilter};
    use std::path::Path;

    /// A directory that is removed at the end of the test.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new() -> Self {
            let number = crate::random::number().unwrap();
            let path = std::env::temp_dir().join(format!("ferrozmq-{number:x}"));
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str) -> String {
            self.0.join(name).to_str().unwrap().to_owned()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn converse(listener: &Listener, address: &str) -> Stream {
        let client = finish(connect(address)).unwrap();
        let server = accept(listener).unwrap();
        send(&client, b"ping");
        assert_eq!(receive(&server, 4), b"ping");
        send(&server, b"pong");
        assert_eq!(receive(&client, 4), b"pong");
        server
    }

    #[test]
    fn a_path_connects_and_its_file_stays_after_close() {
        let scratch = Scratch::new();
        let path = scratch.file("a socket");
        let listener = listen(&path, 10).unwrap();
        assert_eq!(listener.local_endpoint(), format!("ipc://{path}"));
        let server = converse(&listener, &path);
        assert_eq!(server.local_endpoint(), format!("ipc://{path}"));
        assert_eq!(server.remote_endpoint(), "ipc://");
        // SAFETY: no arguments, cannot fail.
        let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
        let pid = std::process::id();
        assert_eq!(server.peer_address(), format!("localhost:{uid}:{gid}:{pid}"));
        drop(listener);
        assert!(Path::new(&path).exists());
        assert_eq!(code(connect(&path)), Some(libc::ECONNREFUSED));
    }

    #[test]
    fn a_file_that_is_there_is_taken_over() {
        let scratch = Scratch::new();
        let path = scratch.file("s");
        drop(listen(&path, 10).unwrap());
        let second = listen(&path, 10).unwrap();
        converse(&second, &path);
        let third = listen(&path, 10).unwrap();
        converse(&third, &path);
        assert!(second.accept().unwrap().is_none());
        assert_eq!(code(listen(scratch.file(""), 10)), Some(libc::EADDRINUSE));
        assert!(scratch.0.is_dir());
    }

    #[test]
    fn abstract_names_need_no_file() {
        let name = format!("@ferrozmq-{:x}", crate::random::number().unwrap());
        let listener = listen(&name, 10).unwrap();
        assert_eq!(listener.local_endpoint(), format!("ipc://{name}"));
        converse(&listener, &name);
        assert_eq!(code(listen(&name, 10)), Some(libc::EADDRINUSE));
        drop(listener);
        assert_eq!(code(connect(&name)), Some(libc::ECONNREFUSED));
        listen(&name, 10).unwrap();
    }

    #[test]
    fn a_wildcard_s_file_and_directory_go_with_it() {
        let listener = listen("*", 10).unwrap();
        let endpoint = listener.local_endpoint();
        let path = Path::new(endpoint.strip_prefix("ipc://").unwrap()).to_owned();
        assert_eq!(path.file_name(), Some(OsStr::new("socket")));
        converse(&listener, path.to_str().unwrap());
        let other = listen("*ignored", 10).unwrap();
        assert_ne!(other.local_endpoint(), endpoint);
        let directory = path.parent().unwrap();
        assert!(directory.is_dir());
        drop(listener);
        assert!(!directory.exists());

        // A file of somebody else's keeps the directory.
        let endpoint = other.local_endpoint();
        let directory = Path::new(endpoint.strip_prefix("ipc://").unwrap()).parent().unwrap();
        fs::write(directory.join("mine"), "").unwrap();
        drop(other);
        assert!(directory.join("mine").exists() && !directory.join("socket").exists());
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn bad_addresses_are_errors() {
        for (address, expected) in [
            (String::new(), libc::EINVAL),
            ("@".into(), libc::EINVAL),
            ("/tmp/a\0b".into(), libc::EINVAL),
            ("x".repeat(108), libc::ENAMETOOLONG),
            (format!("@{}", "x".repeat(107)), libc::ENAMETOOLONG),
            ("/no/such/directory/s".into(), libc::ENOENT),
        ] {
            assert_eq!(code(connect(&address)), Some(expected), "{address}");
            assert_eq!(code(listen(&address, 10)), Some(expected), "{address}");
        }
        let scratch = Scratch::new();
        let room = 107 - scratch.file("").len();
        let longest = scratch.file(&"x".repeat(room));
        let listener = listen(&longest, 10).unwrap();
        assert_eq!(listener.local_endpoint(), format!("ipc://{longest}"));
        converse(&listener, &longest);
    }

    #[test]
    fn a_supplied_descriptor_must_listen_for_unix() {
        let scratch = Scratch::new();
        let path = scratch.file("s");
        let supplied = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let listener = listen_on(supplied.into()).unwrap();
        assert_eq!(listener.local_endpoint(), format!("ipc://{path}"));
        converse(&listener, &path);
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(listen_on(tcp.into()).unwrap_err().0.raw_os_error(), Some(libc::EINVAL));
    }

    #[test]
    fn a_full_backlog_would_block() {
        let scratch = Scratch::new();
        let path = scratch.file("s");
        let _listener = listen(&path, 1).unwrap();
        let mut waiting = Vec::new();
        let error = loop {
            match connect(&path) {
                Ok(connecting) => waiting.push(connecting),
                Err(error) => break error,
            }
            assert!(waiting.len() < 10);
        };
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_filter_lets_in_whoever_any_list_names() {
        let (one, _other) = std::os::unix::net::UnixStream::pair().unwrap();
        let me = Stream::new(one.into()).peer_credentials().unwrap();
        let filter = |uids: &[u32], gids: &[u32], pids: &[i32]| PeerFilter {
            uids: uids.into(),
            gids: gids.into(),
            pids: pids.into(),
        };
        assert!(PeerFilter::default().allows(&me));
        assert!(filter(&[me.uid], &[u32::MAX], &[]).allows(&me));
        assert!(filter(&[], &[me.gid], &[-5]).allows(&me));
        assert!(filter(&[u32::MAX], &[], &[me.pid]).allows(&me));
        assert!(!filter(&[u32::MAX], &[u32::MAX], &[-5]).allows(&me));
        // A member of an allowed group gets in whatever its current group is; an unknown user does not.
        let root = PeerCredentials { pid: 1, uid: 0, gid: u32::MAX };
        assert!(filter(&[], &[0], &[]).allows(&root));
        assert!(!filter(&[], &[0], &[]).allows(&PeerCredentials { uid: u32::MAX - 7, ..root }));
    }
}
