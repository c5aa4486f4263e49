//! Ending waits from outside: Ctrl-C, another thread, the end of a program.

use std::os::fd::{AsRawFd, RawFd};

use ferrozmq_base::{
    Result,
    sync::{AtomicBool, Ordering},
};
use ferrozmq_sys::WakeFd;

/// While it is raised, no socket that carries it waits for anything: what would wait answers `Interrupted`.
///
/// It stays raised until it is cleared, so that none is lost which comes just before the wait.
#[derive(Debug)]
pub struct Interrupt {
    raised: AtomicBool,
    wake: WakeFd,
}

impl Interrupt {
    /// Not raised.
    ///
    /// # Errors
    /// `TooManyFiles` and the like: it needs a descriptor.
    pub fn new() -> Result<Self> {
        Ok(Self { raised: AtomicBool::new(false), wake: WakeFd::new()? })
    }

    /// Ends every wait of the sockets that carry it, now and until [`Interrupt::clear`]. Any thread; also a signal
    /// handler, since it stores a flag and writes to a descriptor.
    pub fn raise(&self) {
        self.raised.store(true, Ordering::Release);
        self.wake.signal();
    }

    /// Sockets may wait again.
    pub fn clear(&self) {
        self.wake.clear();
        self.raised.store(false, Ordering::Release);
    }

    /// Whether it is raised.
    #[inline]
    pub fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }
}

impl AsRawFd for Interrupt {
    /// Readable while it is raised.
    fn as_raw_fd(&self) -> RawFd {
        self.wake.as_raw_fd()
    }
}
