//! Waiting for several sockets and descriptors at once (zmq_poll(3)).

use std::{borrow::BorrowMut, time::Duration};

use ferrozmq_base::{Error, Result};
use ferrozmq_pattern::Events;
use ferrozmq_sys::{Interest, PollFd, SignalSet, clock};

use crate::{direct::Held, port::sleep, socket::SocketCore, wait::is_over};

/// A socket to wait for, borrowed or held in some other way, and what it turned out to be ready for.
#[derive(Debug)]
pub struct PollItem<S> {
    /// The socket.
    pub socket: S,
    /// What to wait for.
    pub interest: Events,
    /// What it is ready for, of that; set by [`poll`].
    pub ready: Events,
}

impl<S: BorrowMut<SocketCore>> PollItem<S> {
    /// Waits for `interest` of `socket`.
    pub fn new(socket: S, interest: Events) -> Self {
        Self { socket, interest, ready: Events::default() }
    }

    fn core(&self) -> &SocketCore {
        self.socket.borrow()
    }

    fn core_mut(&mut self) -> &mut SocketCore {
        self.socket.borrow_mut()
    }

    fn look(&mut self) -> Result<bool> {
        let events = self.core_mut().events()?;
        self.ready = Events {
            readable: events.readable && self.interest.readable,
            writable: events.writable && self.interest.writable,
        };
        Ok(self.ready.readable || self.ready.writable)
    }
}

/// Waits until a socket or descriptor is ready, or the timeout passes (none: for ever). Returns how many are.
///
/// `mask` is the signal mask during the sleep.
///
/// # Errors
/// `Terminated` if a socket's context was; `Interrupted` by a signal; `OutOfMemory`.
pub fn poll<S: BorrowMut<SocketCore>>(
    sockets: &mut [PollItem<S>],
    fds: &mut [PollFd],
    timeout: Option<Duration>,
    mask: Option<&SignalSet>,
) -> Result<usize> {
    let alone = sockets.len() == 1;
    for item in sockets.iter_mut() {
        item.core().check_fork()?;
        // Whoever waits for one socket reads it as a blocked receive would.
        if !alone {
            item.core_mut().end_leases();
        }
        item.core_mut().write_deferred();
    }
    // A time too far away to be expressed is as good as never.
    let deadline = timeout.and_then(|t| clock::now().checked_add(t));
    let mut last = timeout == Some(Duration::ZERO);
    loop {
        let mut ready = 0;
        for item in sockets.iter_mut() {
            ready += usize::from(item.look()?);
        }
        if !fds.is_empty() && (ready > 0 || last) {
            ready += ferrozmq_sys::wait(fds, Some(Duration::ZERO), mask)?;
        }
        if ready > 0 || last {
            return Ok(ready);
        }
        last = !doze(sockets, fds, deadline, mask)? || is_over(deadline);
        let ready = fds.iter().filter(|fd| fd.returned_events() != 0).count();
        if ready > 0 {
            let mut sockets_ready = 0;
            for item in sockets.iter_mut() {
                sockets_ready += usize::from(item.look()?);
            }
            return Ok(ready + sockets_ready);
        }
    }
}

/// Sleeps until something may be ready; false once the deadline has passed.
fn doze<S: BorrowMut<SocketCore>>(
    sockets: &mut [PollItem<S>],
    fds: &mut [PollFd],
    deadline: Option<std::time::Instant>,
    mask: Option<&SignalSet>,
) -> Result<bool> {
    for item in sockets.iter() {
        item.core().waits.check()?;
    }
    // With one socket this thread reads the connections itself, as a blocked receive would.
    let mut held = match sockets {
        [item] if item.interest.readable => item.core_mut().hold(false),
        _ => Held::default(),
    };
    if let [item] = sockets
        && fds.is_empty()
        && item.core_mut().spin(&mut held)
    {
        item.core_mut().resume(held, false);
        return Ok(true);
    }
    let mut all = Vec::new();
    all.try_reserve(fds.len() + 2 * sockets.len()).map_err(|_| Error::OutOfMemory)?;
    let mut signalled = true;
    let asleep = sockets.iter().take_while(|item| item.core().port().prepare_sleep()).count();
    if let [item] = sockets {
        item.core().borrow(&mut held);
    }
    let soon = held.until(deadline);
    let result = if asleep < sockets.len() {
        Ok(1)
    } else {
        all.extend_from_slice(fds);
        all.extend(sockets.iter().map(|item| PollFd::new(item.core().port().wake_fd(), Interest::READ)));
        let interrupts = sockets.iter().filter_map(|item| item.core().waits.interrupt.as_deref());
        all.extend(interrupts.map(|i| PollFd::new(i, Interest::READ)));
        held.watch(&mut all);
        let result = sleep(&mut all, soon.or(deadline), mask);
        fds.copy_from_slice(&all[..fds.len()]);
        signalled = all[fds.len()..].iter().take(sockets.len()).any(PollFd::is_readable);
        result
    };
    for item in &sockets[..asleep] {
        item.core().port().awake(signalled);
    }
    if let [item] = sockets {
        item.core_mut().resume(held, result.is_ok());
        if soon.is_some() && matches!(result, Ok(0)) {
            item.core_mut().grow_patient();
            item.core_mut().settle();
            return item.core().waits.check().map(|()| true);
        }
        item.core_mut().settle();
    }
    for item in sockets.iter() {
        item.core().waits.check()?;
    }
    match (result, sockets.first()) {
        (Err(e), Some(item)) => item.core().waits.interrupted(e.into()).map(|()| true),
        (result, _) => Ok(result? > 0),
    }
}
