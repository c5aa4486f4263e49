//! The one place where a user's thread waits.
//!
//! `ppoll` is never restarted by the kernel after a signal handler, whether or not the handler was installed with
//! SA_RESTART, so that Ctrl-C and the like end every blocking call.

use crate::cancel::{self, CANCELLED};
use crate::clock;
use crate::driver::Interest;
use crate::signal::SignalSet;
use crate::syscall::{check, errno};
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;
use std::time::{Duration, Instant};

/// A descriptor to wait for and what was found there.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct PollFd(libc::pollfd);

impl PollFd {
    /// Waits for `interest` (READ, WRITE, PRIORITY) of a descriptor; a negative one is skipped.
    pub fn new(fd: &impl AsRawFd, interest: Interest) -> Self {
        Self(libc::pollfd { fd: fd.as_raw_fd(), events: interest.poll_events(), revents: 0 })
    }

    /// The descriptor.
    pub fn fd(&self) -> RawFd {
        self.0.fd
    }

    /// Something can be read, or reading would report the end or an error.
    pub fn is_readable(&self) -> bool {
        self.has(libc::POLLIN | libc::POLLHUP | libc::POLLERR)
    }

    /// Something can be written, or writing would report an error.
    pub fn is_writable(&self) -> bool {
        self.has(libc::POLLOUT | libc::POLLERR)
    }

    /// The last wait found an error on the descriptor, its peer gone, or the number not open.
    pub fn is_failed(&self) -> bool {
        self.has(libc::POLLERR | libc::POLLHUP | libc::POLLNVAL)
    }

    /// The number names no open descriptor.
    pub fn is_invalid(&self) -> bool {
        self.has(libc::POLLNVAL)
    }

    /// The raw `revents` of `poll`, for callers that map bits to bits.
    pub fn returned_events(&self) -> i16 {
        self.0.revents
    }

    fn has(&self, bits: i16) -> bool {
        self.0.revents & bits != 0
    }
}

impl fmt::Debug for PollFd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollFd")
            .field("fd", &self.0.fd)
            .field("events", &self.0.events)
            .field("revents", &self.0.revents)
            .finish()
    }
}

/// Waits until a descriptor is ready, the time is over (`None`: never) or a signal handler has run.
///
/// With `mask`, that is the thread's signal mask during the wait, exchanged atomically as in `ppoll`.
/// Returns how many of `fds` have something to report, 0 at the end of the time. Errors: EINTR (also after a handler
/// installed with SA_RESTART), ENOMEM, EINVAL (more descriptors than RLIMIT_NOFILE),
/// ECANCELED: the thread was cancelled, and whoever called has to end it with pthread_exit(3).
pub fn wait(fds: &mut [PollFd], timeout: Option<Duration>, mask: Option<&SignalSet>) -> io::Result<usize> {
    let timeout = timeout.map(|timeout| libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos() as libc::c_long,
    });
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    let mask = mask.map_or(ptr::null(), |mask| &raw const mask.0);
    // SAFETY: PollFd is transparent over pollfd; the slice is exclusively borrowed; the other two pointers are null or
    // borrowed from values that outlive the call.
    let ready = unsafe { cancel::ppoll(fds.as_mut_ptr().cast(), fds.len() as libc::nfds_t, timeout, mask) };
    match ready {
        CANCELLED => Err(errno(libc::ECANCELED)),
        ready => check(ready).map(|count| count as usize),
    }
}

/// [`wait`] with a deadline instead of a time span (`None`: never).
pub fn wait_until(
    fds: &mut [PollFd],
    deadline: Option<Instant>,
    mask: Option<&SignalSet>,
) -> io::Result<usize> {
    let timeout = match deadline {
        None => None,
        deadline => clock::remaining(deadline, clock::now()),
    };
    wait(fds, timeout, mask)
}
