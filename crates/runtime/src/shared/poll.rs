//! Waiting for several sockets, some of them for many threads (zmq_poll(3)).

use std::{
    borrow::BorrowMut,
    time::{Duration, Instant},
};

use ferrozmq_base::{Error, Result};
use ferrozmq_pattern::Events;
use ferrozmq_sys::{Interest, PollFd, SignalSet, clock};

use super::{SharedSocket, Sleeper, Want};
use crate::{
    poller::{PollItem, poll},
    socket::{SocketCore, Waits},
    wait::is_over,
};

/// A shared socket to wait for, and what it turned out to be ready for.
#[derive(Debug)]
pub struct SharedItem<'a> {
    socket: &'a SharedSocket,
    interest: Events,
    /// What it is ready for, of that; set by [`poll_shared`].
    pub ready: Events,
}

impl<'a> SharedItem<'a> {
    /// Waits for `interest` of `socket`.
    pub fn new(socket: &'a SharedSocket, interest: Events) -> Self {
        Self { socket, interest, ready: Events::default() }
    }

    fn is_ready(&mut self, events: Events) -> bool {
        self.ready = Events {
            readable: events.readable && self.interest.readable,
            writable: events.writable && self.interest.writable,
        };
        self.ready != Events::default()
    }
}

/// As [`poll`], with sockets that other threads use meanwhile.
///
/// # Errors
/// As [`poll`]; `NotASocket` for one that is closed.
pub fn poll_shared<S: BorrowMut<SocketCore>>(
    sockets: &mut [PollItem<S>],
    shared: &mut [SharedItem<'_>],
    fds: &mut [PollFd],
    timeout: Option<Duration>,
    mask: Option<&SignalSet>,
) -> Result<usize> {
    if shared.is_empty() {
        return poll(sockets, fds, timeout, mask);
    }
    let mut ready = 0;
    for item in &mut *shared {
        let events = item.socket.events()?;
        ready += usize::from(item.is_ready(events));
    }
    if ready > 0 || timeout == Some(Duration::ZERO) {
        return Ok(ready + poll(sockets, fds, Some(Duration::ZERO), mask)?);
    }
    let until = timeout.and_then(|timeout| clock::now().checked_add(timeout));
    let mut sleepers = Vec::new();
    let mut waits = Vec::new();
    for item in &*shared {
        sleepers.push(Sleeper::new(item.socket, Want::Events(item.interest))?);
        waits.push(item.socket.waits()?);
    }
    doze(sockets, shared, fds, until, mask, &mut sleepers, &waits)
}

/// Sleeps until something is ready or the time is over.
fn doze<S: BorrowMut<SocketCore>>(
    sockets: &mut [PollItem<S>],
    shared: &mut [SharedItem<'_>],
    fds: &mut [PollFd],
    until: Option<Instant>,
    mask: Option<&SignalSet>,
    sleepers: &mut [Sleeper<'_>],
    waits: &[Waits],
) -> Result<usize> {
    let mut last = false;
    loop {
        waits.iter().try_for_each(Waits::check)?;
        let mut ready = 0;
        for (item, sleeper) in shared.iter_mut().zip(&mut *sleepers) {
            // Ready is an answer, not ready is a reason to sleep.
            let found = sleeper.look(&mut |core| {
                let events = core.events()?;
                if item.is_ready(events) { Ok(()) } else { Err(Error::Again) }
            })?;
            ready += usize::from(found.is_some());
        }
        let mut all = fds.to_vec();
        all.extend(sleepers.iter().map(Sleeper::fd));
        all.extend(
            waits.iter().filter_map(|w| w.interrupt.as_deref()).map(|i| PollFd::new(i, Interest::READ)),
        );
        let rest = if ready > 0 || last { Some(Duration::ZERO) } else { remaining(until) };
        let found = match poll(sockets, &mut all, rest, mask) {
            Err(Error::Interrupted) if waits.iter().all(|waits| waits.outlast_signals) => 0,
            found => found?,
        };
        let (outside, own) = all.split_at(fds.len());
        fds.copy_from_slice(outside);
        for (sleeper, fd) in sleepers.iter_mut().zip(own) {
            sleeper.wake_up(fd.is_readable(), false, false);
        }
        let own = own.iter().filter(|fd| fd.returned_events() != 0).count();
        if ready + found > own || last {
            return Ok(ready + found - own);
        }
        last = is_over(until);
    }
}

fn remaining(until: Option<Instant>) -> Option<Duration> {
    until.map(|until| until.saturating_duration_since(clock::now()))
}
