//! A descriptor that one thread signals and another waits for.

use crate::syscall::{Descriptor, check, check_len, own, retry};
use ferrozmq_base::cancel::uncancelled;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

/// An eventfd: readable from the first [`signal`](Self::signal) until [`clear`](Self::clear).
///
/// Signals are not counted; many before a clear are one.
#[derive(Debug)]
pub struct WakeFd(Descriptor);

impl WakeFd {
    /// A new one, not signalled. Fails with EMFILE, ENFILE or ENOMEM.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers; a descriptor that is returned is new and owned by nobody yet.
        unsafe { Ok(Self(own(check(libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC))?).into())) }
    }

    /// Makes it readable. Any thread.
    pub fn signal(&self) {
        let one = 1_u64;
        // The one possible failure, a full counter, leaves it readable as well.
        // SAFETY: eight readable bytes.
        let write = || unsafe { libc::write(self.as_raw_fd(), (&raw const one).cast(), 8) };
        let _ = retry(|| check_len(uncancelled(write)));
    }

    /// Makes it unreadable; true if it was signalled.
    pub fn clear(&self) -> bool {
        let mut count = 0_u64;
        // SAFETY: eight writable bytes.
        let mut read = || unsafe { libc::read(self.as_raw_fd(), (&raw mut count).cast(), 8) };
        retry(|| check_len(uncancelled(&mut read))).is_ok()
    }
}

impl AsFd for WakeFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for WakeFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Interest, PollFd, wait};
    use std::time::Duration;

    #[test]
    fn is_readable_from_the_first_signal_until_cleared() {
        let wake = WakeFd::new().unwrap();
        let ready = || wait(&mut [PollFd::new(&wake, Interest::READ)], Some(Duration::ZERO), None).unwrap();
        assert_eq!((ready(), wake.clear()), (0, false));
        wake.signal();
        wake.signal();
        assert_eq!((ready(), wake.clear(), ready(), wake.clear()), (1, true, 0, false));
    }

    #[test]
    fn wakes_a_thread_that_waits() {
        let wake = WakeFd::new().unwrap();
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| wait(&mut [PollFd::new(&wake, Interest::READ)], None, None).unwrap());
            wake.signal();
            assert_eq!(waiter.join().unwrap(), 1);
        });
    }
}
