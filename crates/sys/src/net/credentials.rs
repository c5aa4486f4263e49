//! Who is at the other end of a unix socket, and who may be.

use crate::syscall::{check, errno};
use std::ffi::CString;
use std::io;
use std::mem;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;

/// The most groups of a user that are looked at (NGROUPS_MAX of Linux).
const MAX_GROUPS: usize = 65_536;

/// The largest buffer offered for one entry of the user database, in bytes.
const MAX_ENTRY: usize = 1 << 20;

/// The process that connected, as it was then.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerCredentials {
    /// Process number, 0 if it is outside this process's pid namespace.
    pub pid: libc::pid_t,
    /// Effective user.
    pub uid: libc::uid_t,
    /// Effective group.
    pub gid: libc::gid_t,
}

impl PeerCredentials {
    pub(crate) fn of(fd: BorrowedFd<'_>) -> io::Result<Self> {
        let mut peer = libc::ucred { pid: 0, uid: libc::uid_t::MAX, gid: libc::gid_t::MAX };
        let mut len = size_of::<libc::ucred>() as libc::socklen_t;
        // SAFETY: the pointers are valid for writes and `len` says how much room there is.
        check(unsafe {
            libc::getsockopt(
                fd.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_PEERCRED,
                (&raw mut peer).cast(),
                &raw mut len,
            )
        })?;
        // A tcp socket answers with nobody.
        if peer.uid == libc::uid_t::MAX {
            return Err(errno(libc::EINVAL));
        }
        Ok(Self { pid: peer.pid, uid: peer.uid, gid: peer.gid })
    }
}

/// The peers an ipc listener lets in: those in any of the three lists; everybody if all are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerFilter {
    /// Allowed users.
    pub uids: Vec<libc::uid_t>,
    /// Allowed groups: the peer's own, or one that its user is a member of.
    pub gids: Vec<libc::gid_t>,
    /// Allowed processes.
    pub pids: Vec<libc::pid_t>,
}

impl PeerFilter {
    /// True if the peer may connect. May ask the user database; what cannot be found out does not match.
    pub fn allows(&self, peer: &PeerCredentials) -> bool {
        if self.uids.is_empty() && self.gids.is_empty() && self.pids.is_empty() {
            return true;
        }
        self.uids.contains(&peer.uid)
            || self.gids.contains(&peer.gid)
            || self.pids.contains(&peer.pid)
            || !self.gids.is_empty()
                && groups_of(peer.uid).is_ok_and(|groups| groups.iter().any(|gid| self.gids.contains(gid)))
    }
}

/// The groups that the user database gives a user, the primary one included. ENOENT for an unknown user.
fn groups_of(uid: libc::uid_t) -> io::Result<Vec<libc::gid_t>> {
    let (name, primary) = user(uid)?;
    let mut groups: Vec<libc::gid_t> = vec![0; 64];
    loop {
        let mut count = groups.len() as libc::c_int;
        // SAFETY: `name` is terminated, and `count` says how much room `groups` has.
        let fits = unsafe { libc::getgrouplist(name.as_ptr(), primary, groups.as_mut_ptr(), &raw mut count) };
        let count = usize::try_from(count).unwrap_or(0);
        if fits >= 0 {
            groups.truncate(count);
            return Ok(groups);
        }
        if groups.len() >= MAX_GROUPS {
            return Err(errno(libc::ERANGE));
        }
        let room = count.max(groups.len() * 2).min(MAX_GROUPS);
        groups.resize(room, 0);
    }
}

/// Name and primary group of a user.
fn user(uid: libc::uid_t) -> io::Result<(CString, libc::gid_t)> {
    let mut buffer = vec![0_u8; 1024];
    loop {
        // SAFETY: integers and pointers, for which zero and null are valid.
        let mut entry: libc::passwd = unsafe { mem::zeroed() };
        let mut found = ptr::null_mut();
        // SAFETY: all pointers are valid for writes and the buffer has the length that is given.
        let code = unsafe {
            libc::getpwuid_r(uid, &raw mut entry, buffer.as_mut_ptr().cast(), buffer.len(), &raw mut found)
        };
        match code {
            0 if found.is_null() => return Err(errno(libc::ENOENT)),
            // SAFETY: the entry was found; its name is a terminated string in the buffer, which is alive.
            0 => return Ok((unsafe { std::ffi::CStr::from_ptr(entry.pw_name) }.to_owned(), entry.pw_gid)),
            libc::EINTR => {}
            libc::ERANGE if buffer.len() < MAX_ENTRY => buffer.resize(buffer.len() * 4, 0),
            code => return Err(errno(code)),
        }
    }
}
