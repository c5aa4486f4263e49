//! The one place where a thread of the application waits.

use std::time::{Duration, Instant};

use ferrozmq_base::{Error, Msg, Result};
use ferrozmq_sys::{Interest, PollFd, clock};

use crate::{
    port::sleep,
    socket::{Flags, SocketCore},
};

impl SocketCore {
    /// Sends a frame; waits while that is impossible, at most for the send timeout.
    ///
    /// # Errors
    /// As [`SocketCore::try_send`]; `Again` once the timeout has passed; `Interrupted` by a signal.
    #[inline]
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
    #[inline]
    pub fn recv(&mut self, m: &mut Msg, dont_wait: bool) -> Result<()> {
        match self.try_recv(m) {
            Err(Error::Again) if !dont_wait => self.recv_waiting(m),
            result => result,
        }
    }

    #[cold]
    fn send_waiting(&mut self, m: &mut Msg, flags: Flags) -> Result<()> {
        let deadline = deadline(self.options.send_timeout)?;
        loop {
            self.wait(deadline)?;
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
            self.wait(deadline)?;
            match self.try_recv(m) {
                Err(Error::Again) => {}
                result => return result,
            }
        }
    }

    /// Sleeps until an event comes.
    fn wait(&mut self, deadline: Option<Instant>) -> Result<()> {
        if !self.port().prepare_sleep() {
            return Ok(());
        }
        let mut fds = [PollFd::new(self.port().wake_fd(), Interest::READ)];
        let woken = sleep(&mut fds, deadline, None);
        self.port().awake();
        match woken {
            Ok(0) if !self.port().has_mail() => Err(Error::Again),
            Ok(_) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}

/// The end of a wait; `Again` if there is to be none.
fn deadline(timeout: Option<Duration>) -> Result<Option<Instant>> {
    match timeout {
        None => Ok(None),
        Some(Duration::ZERO) => Err(Error::Again),
        Some(timeout) => Ok(clock::now().checked_add(timeout)),
    }
}
