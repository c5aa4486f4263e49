//! The driver over epoll, level-triggered.

use super::{Event, Interest};
use crate::syscall::{Descriptor, check, own};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Events taken from the kernel by one `wait`; the rest come with the next one, so nothing starves.
const EVENTS_PER_WAIT: usize = 256;

/// Set once the kernel (before 5.11) or a filter has refused `epoll_pwait2`.
static WITHOUT_PWAIT2: AtomicBool = AtomicBool::new(false);

/// A set of descriptors, each with a number of the owner's choice that comes back with its events.
///
/// A descriptor must be removed before it is closed. Any thread may change the set while another waits.
#[derive(Debug)]
pub struct Poller(Descriptor);

impl Poller {
    /// An empty set. Fails with EMFILE, ENFILE or ENOMEM.
    pub fn new() -> io::Result<Self> {
        // SAFETY: no pointers; a descriptor that is returned is new and owned by nobody yet.
        unsafe { Ok(Self(own(check(libc::epoll_create1(libc::EPOLL_CLOEXEC))?).into())) }
    }

    /// Adds a descriptor. Errors: EEXIST, ENOMEM, ENOSPC (limit of watches), EPERM (not pollable, e.g. a plain file).
    pub fn add(&self, fd: &impl AsRawFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, token, interest)
    }

    /// Changes token and interest; arms a ONESHOT again. Errors: ENOENT, ENOMEM.
    pub fn modify(&self, fd: &impl AsRawFd, token: u64, interest: Interest) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, token, interest)
    }

    /// Removes a descriptor. Errors: ENOENT.
    pub fn remove(&self, fd: &impl AsRawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd, 0, Interest::NONE)
    }

    /// Waits until something is ready or the time is over (`None`: never), and replaces `events` by what was found.
    ///
    /// No events and no error: nothing was ready when the time was over. Errors: EINTR (a signal, or a stop of the process,
    /// ended the wait early), ENOMEM.
    pub fn wait(&self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        let mut buffer = [const { MaybeUninit::<libc::epoll_event>::uninit() }; EVENTS_PER_WAIT];
        let count = self.fill(&mut buffer, timeout)?;
        events.extend(buffer[..count].iter().map(|event| {
            // SAFETY: the kernel has written the first `count` entries.
            let event = unsafe { event.assume_init() };
            let bits = event.events;
            let has = |wanted: i32| bits & wanted as u32 != 0;
            let failed = has(libc::EPOLLERR | libc::EPOLLHUP);
            Event {
                token: event.u64,
                readable: failed || has(libc::EPOLLIN | libc::EPOLLPRI),
                writable: failed || has(libc::EPOLLOUT),
                failed,
            }
        }));
        Ok(())
    }

    fn control(
        &self,
        operation: libc::c_int,
        fd: &impl AsRawFd,
        token: u64,
        interest: Interest,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event { events: interest.epoll_events(), u64: token };
        // SAFETY: `event` is valid for the call; the kernel copies it.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, fd.as_raw_fd(), &raw mut event) })
            .map(drop)
    }

    fn fill(
        &self,
        buffer: &mut [MaybeUninit<libc::epoll_event>],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        if !WITHOUT_PWAIT2.load(Ordering::Relaxed) {
            match self.pwait2(buffer, timeout) {
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
                    WITHOUT_PWAIT2.store(true, Ordering::Relaxed);
                }
                result => return result,
            }
        }
        self.wait_milliseconds(buffer, timeout)
    }

    fn pwait2(
        &self,
        buffer: &mut [MaybeUninit<libc::epoll_event>],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        /// `struct __kernel_timespec`: 64 bits each on every architecture.
        #[repr(C)]
        struct Timespec {
            seconds: i64,
            nanoseconds: i64,
        }
        let timeout = timeout.map(|timeout| Timespec {
            seconds: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: timeout.subsec_nanos().into(),
        });
        let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the kernel writes at most `buffer.len()` entries to the exclusively borrowed buffer; `timeout` is
        // null or borrowed from a value that outlives the call; a null mask means none.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.0.as_raw_fd(),
                buffer.as_mut_ptr(),
                buffer.len() as libc::c_int,
                timeout,
                ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        };
        check(count as libc::c_int).map(|count| count as usize)
    }

    /// The wait of old kernels: whole milliseconds, rounded up so that no timer is found early and asked again.
    fn wait_milliseconds(
        &self,
        buffer: &mut [MaybeUninit<libc::epoll_event>],
        timeout: Option<Duration>,
    ) -> io::Result<usize> {
        let milliseconds = timeout.map_or(-1, |timeout| {
            libc::c_int::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(libc::c_int::MAX)
        });
        // SAFETY: the kernel writes at most `buffer.len()` entries to the exclusively borrowed buffer.
        let count = unsafe {
            libc::epoll_wait(
                self.0.as_raw_fd(),
                buffer.as_mut_ptr().cast(),
                buffer.len() as libc::c_int,
                milliseconds,
            )
        };
        check(count).map(|count| count as usize)
    }
}

impl AsRawFd for Poller {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::WakeFd;
    use std::time::Instant;

    const NOW: Option<Duration> = Some(Duration::ZERO);

    fn wait(poller: &Poller, timeout: Option<Duration>) -> Vec<Event> {
        let mut events = Vec::new();
        poller.wait(&mut events, timeout).unwrap();
        events
    }

    #[test]
    fn reports_what_was_asked_with_its_token() {
        let poller = Poller::new().unwrap();
        let (a, b) = (WakeFd::new().unwrap(), WakeFd::new().unwrap());
        poller.add(&a, u64::MAX, Interest::READ).unwrap();
        poller.add(&b, 2, Interest::NONE).unwrap();
        assert_eq!(wait(&poller, NOW), []);
        a.signal();
        b.signal();
        let a_ready = Event { token: u64::MAX, readable: true, writable: false, failed: false };
        assert_eq!(wait(&poller, None), [a_ready]);
        // Level-triggered: reported again, until cleared or removed.
        assert_eq!(wait(&poller, None), [a_ready]);
        poller.remove(&a).unwrap();
        poller.modify(&b, 3, Interest::READ | Interest::WRITE).unwrap();
        assert_eq!(wait(&poller, None), [Event { token: 3, readable: true, writable: true, failed: false }]);
    }

    #[test]
    fn oneshot_reports_once_until_armed_again() {
        let poller = Poller::new().unwrap();
        let wake = WakeFd::new().unwrap();
        wake.signal();
        let interest = Interest::READ | Interest::ONESHOT;
        poller.add(&wake, 1, interest).unwrap();
        assert_eq!(wait(&poller, None).len(), 1);
        assert_eq!(wait(&poller, NOW).len(), 0);
        poller.modify(&wake, 1, interest).unwrap();
        assert_eq!(wait(&poller, None).len(), 1);
    }

    #[test]
    fn misuse_is_an_error() {
        let poller = Poller::new().unwrap();
        let wake = WakeFd::new().unwrap();
        let code = |result: io::Result<()>| result.unwrap_err().raw_os_error();
        assert_eq!(code(poller.modify(&wake, 1, Interest::READ)), Some(libc::ENOENT));
        assert_eq!(code(poller.remove(&wake)), Some(libc::ENOENT));
        poller.add(&wake, 1, Interest::READ).unwrap();
        assert_eq!(code(poller.add(&wake, 1, Interest::READ)), Some(libc::EEXIST));
        assert_eq!(code(poller.add(&-1, 1, Interest::READ)), Some(libc::EBADF));
        let file = std::fs::File::open("/proc/self/exe").unwrap();
        assert_eq!(code(poller.add(&file, 1, Interest::READ)), Some(libc::EPERM));
    }

    #[test]
    fn a_time_span_never_ends_early_with_either_system_call() {
        let poller = Poller::new().unwrap();
        let span = Duration::from_nanos(1_200_300);
        let timeout = Some(span);
        let mut buffer = [const { MaybeUninit::uninit() }; 4];
        for _ in 0..5 {
            let start = Instant::now();
            assert_eq!(poller.fill(&mut buffer, timeout).unwrap(), 0);
            assert!(start.elapsed() >= span);
            let start = Instant::now();
            assert_eq!(poller.wait_milliseconds(&mut buffer, timeout).unwrap(), 0);
            assert!(start.elapsed() >= span);
        }
        let wake = WakeFd::new().unwrap();
        wake.signal();
        poller.add(&wake, 6, Interest::READ).unwrap();
        for timeout in [None, Some(Duration::MAX)] {
            assert_eq!(poller.fill(&mut buffer, timeout).unwrap(), 1);
            assert_eq!(poller.wait_milliseconds(&mut buffer, timeout).unwrap(), 1);
        }
        assert_eq!(wait(&poller, Some(Duration::MAX)).len(), 1);
    }

    #[test]
    fn more_events_than_one_wait_takes_come_with_the_next() {
        let poller = Poller::new().unwrap();
        let wakes: Vec<WakeFd> = (0..EVENTS_PER_WAIT + 40).map(|_| WakeFd::new().unwrap()).collect();
        for (token, wake) in wakes.iter().enumerate() {
            wake.signal();
            poller.add(wake, token as u64, Interest::READ).unwrap();
        }
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..2 {
            let events = wait(&poller, None);
            assert!(events.len() <= EVENTS_PER_WAIT);
            seen.extend(events.iter().map(|event| event.token));
        }
        assert_eq!(seen.len(), wakes.len());
    }
}
