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
    /// handler, since it stores a flag and writes to a descriptor, or reads it.
    pub fn raise(&self) {
        self.raised.store(true, Ordering::SeqCst);
        self.settle();
    }

    /// Sockets may wait again.
    pub fn clear(&self) {
        self.raised.store(false, Ordering::SeqCst);
        self.settle();
    }

    /// Makes the descriptor say what the flag says. Whoever writes to it looks at the flag once more: another thread may
    /// have changed that meanwhile, and have been overtaken.
    fn settle(&self) {
        loop {
            let raised = self.raised.load(Ordering::SeqCst);
            if raised {
                self.wake.signal();
            } else {
                self.wake.clear();
            }
            if self.raised.load(Ordering::SeqCst) == raised {
                return;
            }
        }
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

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread, time::Duration};

    use ferrozmq_sys::{Interest, PollFd, wait};

    use super::*;

    #[test]
    fn what_is_raised_and_cleared_at_once_is_one_or_the_other() {
        const ROUNDS: usize = 20_000;
        let interrupt = Interrupt::new().unwrap();
        let is_readable =
            || wait(&mut [PollFd::new(&interrupt, Interest::READ)], Some(Duration::ZERO), None).unwrap() == 1;
        let turn = Barrier::new(2);
        let differed = thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    turn.wait();
                    interrupt.raise();
                    turn.wait();
                }
            });
            let rounds = (0..ROUNDS).filter(|_| {
                turn.wait();
                interrupt.clear();
                turn.wait();
                is_readable() != interrupt.is_raised()
            });
            rounds.count()
        });
        assert_eq!(differed, 0);
    }
}
