//! The one place where a thread of the application waits.

use std::time::{Duration, Instant};

use ferrozmq_base::{Error, Msg, Result};
use ferrozmq_sys::{Interest, PollFd, clock};

use crate::{
    port::sleep,
    socket::{Flags, SocketCore, Waits},
};

impl SocketCore {
    /// Sends a frame; waits while that is impossible, at most for the send timeout.
    ///
    /// # Errors
    /// As [`SocketCore::try_send`]; `Again` once the timeout has passed; `Interrupted` by a signal.
    #[inline(always)]
    pub fn send(&mut self, m: &mut Msg, flags: Flags) -> Result<()> {
        match self.try_send(m, flags.more) {
            Err(Error::Again) if !flags.dont_wait => self.send_waiting(m, flags),
            result => result,
        }
    }

    /// Receives a frame; waits for one, at most for the receive timeout.
    ///
    /// # Errors
    /// As [`SocketCore::try_recv`]; `Again` once the timeout has passed; `Interrupted` by a signal.
    #[inline(always)]
    pub fn recv(&mut self, m: &mut Msg, dont_wait: bool) -> Result<()> {
        match self.try_recv(m) {
            Err(Error::Again) if !dont_wait => self.recv_waiting(m),
            // What the session left to this thread to read is not in the queue.
            Err(Error::Again) if self.read_leased() => self.try_recv(m),
            result => result,
        }
    }

    #[cold]
    fn send_waiting(&mut self, m: &mut Msg, flags: Flags) -> Result<()> {
        let deadline = deadline(self.options.send_timeout)?;
        loop {
            self.wait(deadline, true)?;
            match self.try_send(m, flags.more) {
                Err(Error::Again) => {}
                result => return result,
            }
        }
    }

    #[cold]
    fn recv_waiting(&mut self, m: &mut Msg) -> Result<()> {
        let deadline = deadline(self.options.receive_timeout)?;
        loop {
            self.wait(deadline, false)?;
            match self.try_recv(m) {
                Err(Error::Again) => {}
                result => return result,
            }
        }
    }

    /// Waits until `done` says so, which is asked after every event; at most for `timeout`.
    ///
    /// # Errors
    /// `Again` once the timeout has passed; `Interrupted`, `Terminated`.
    pub fn wait_until(
        &mut self,
        timeout: Option<Duration>,
        mut done: impl FnMut(&mut Self) -> bool,
    ) -> Result<()> {
        let until = timeout.and_then(|timeout| clock::now().checked_add(timeout));
        loop {
            self.events()?;
            if done(self) {
                return Ok(());
            }
            self.wait(until, false)?;
        }
    }

    /// Sleeps until something happens; drives the socket's own connections meanwhile. `output`: for room to send.
    fn wait(&mut self, deadline: Option<Instant>, output: bool) -> Result<()> {
        self.waits.check()?;
        if is_over(deadline) {
            return Err(Error::Again);
        }
        if self.write_deferred() && output {
            return Ok(());
        }
        let mut held = self.hold(output);
        if self.spin(&mut held) || !self.port().prepare_sleep() {
            self.resume(held, false);
            return Ok(());
        }
        self.borrow(&mut held);
        let mut fds = vec![PollFd::new(self.port().wake_fd(), Interest::READ)];
        fds.extend(self.waits.interrupt.as_deref().map(|i| PollFd::new(i, Interest::READ)));
        held.watch(&mut fds);
        let soon = held.until(deadline);
        let woken = sleep(&mut fds, soon.or(deadline), None);
        self.port().awake(fds[0].is_readable());
        self.resume(held, woken.is_ok());
        let lasted = soon.is_some() && matches!(woken, Ok(0));
        if lasted {
            self.grow_patient();
        }
        self.settle();
        self.waits.check()?;
        match woken {
            Ok(0) if !lasted && !self.port().has_mail() => Err(Error::Again),
            Ok(_) => Ok(()),
            Err(e) => self.waits.interrupted(e.into()),
        }
    }
}

impl Waits {
    /// Whether waits may begin, and go on.
    ///
    /// # Errors
    /// `Interrupted` while the interrupt is raised.
    pub fn check(&self) -> Result<()> {
        if self.interrupt.as_ref().is_some_and(|i| i.is_raised()) { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// What becomes of a wait that failed: one that a signal ended is a wait without result, or an error.
    pub(crate) fn interrupted(&self, e: Error) -> Result<()> {
        if e == Error::Interrupted && self.outlast_signals { Ok(()) } else { Err(e) }
    }
}

/// Whether a wait is over, which a sleep does not tell that ends early each time.
pub(crate) fn is_over(deadline: Option<Instant>) -> bool {
    deadline.is_some_and(|at| at <= clock::now())
}

/// The end of a wait; `Again` if there is to be none.
pub(crate) fn deadline(timeout: Option<Duration>) -> Result<Option<Instant>> {
    match timeout {
        None => Ok(None),
        Some(Duration::ZERO) => Err(Error::Again),
        Some(timeout) => Ok(clock::now().checked_add(timeout)),
    }
}
