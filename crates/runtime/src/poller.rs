//! Waiting for several sockets and descriptors at once (zmq_poll(3)).

use std::time::Duration;

use ferrozmq_base::Result;
use ferrozmq_pattern::Events;
use ferrozmq_sys::{Interest, PollFd, SignalSet, clock};

use crate::{direct::Held, port::sleep, socket::SocketCore};

/// A socket to wait for, and what it turned out to be ready for.
#[derive(Debug)]
pub struct PollItem<'a> {
    /// The socket.
    pub socket: &'a mut SocketCore,
    /// What to wait for.
    pub interest: Events,
    /// What it is ready for, of that; set by [`poll`].
    pub ready: Events,
}

impl<'a> PollItem<'a> {
    /// Waits for `interest` of `socket`.
    pub fn new(socket: &'a mut SocketCore, interest: Events) -> Self {
        Self { socket, interest, ready: Events::default() }
    }

    fn look(&mut self) -> Result<bool> {
        let events = self.socket.events()?;
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
/// `Terminated` if a socket's context was; `Interrupted` by a signal.
pub fn poll(
    sockets: &mut [PollItem<'_>],
    fds: &mut [PollFd],
    timeout: Option<Duration>,
    mask: Option<&SignalSet>,
) -> Result<usize> {
    for item in sockets.iter() {
        item.socket.check_fork()?;
    }
    if let [item] = sockets {
        // Whoever waits for one socket reads it as a blocked receive would.
        item.socket.write_deferred();
    } else {
        for item in sockets.iter_mut() {
            item.socket.end_leases();
            item.socket.write_deferred();
        }
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
        last = !doze(sockets, fds, deadline, mask)?;
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
fn doze(
    sockets: &mut [PollItem<'_>],
    fds: &mut [PollFd],
    deadline: Option<std::time::Instant>,
    mask: Option<&SignalSet>,
) -> Result<bool> {
    for item in sockets.iter() {
        item.socket.waits.check()?;
    }
    // With one socket this thread reads the connections itself, as a blocked receive would.
    let mut held = match sockets {
        [item] if item.interest.readable => item.socket.hold(false),
        _ => Held::default(),
    };
    if let [item] = sockets
        && fds.is_empty()
        && item.socket.spin(&mut held)
    {
        item.socket.resume(held, false);
        return Ok(true);
    }
    let mut signalled = true;
    let asleep = sockets.iter().take_while(|item| item.socket.port().prepare_sleep()).count();
    if let [item] = sockets {
        item.socket.borrow(&mut held);
    }
    let soon = held.until(deadline);
    let result = if asleep < sockets.len() {
        Ok(1)
    } else {
        let mut all = fds.to_vec();
        all.extend(sockets.iter().map(|item| PollFd::new(item.socket.port().wake_fd(), Interest::READ)));
        let interrupts = sockets.iter().filter_map(|item| item.socket.waits.interrupt.as_deref());
        all.extend(interrupts.map(|i| PollFd::new(i, Interest::READ)));
        SocketCore::watch(&mut held, &mut all);
        let result = sleep(&mut all, soon.or(deadline), mask);
        fds.copy_from_slice(&all[..fds.len()]);
        signalled = all[fds.len()..].iter().take(sockets.len()).any(PollFd::is_readable);
        result
    };
    for item in &sockets[..asleep] {
        item.socket.port().awake(signalled);
    }
    if let [item] = sockets {
        item.socket.resume(held, result.is_ok());
        if soon.is_some() && matches!(result, Ok(0)) {
            item.socket.grow_patient();
            item.socket.settle();
            return item.socket.waits.check().map(|()| true);
        }
        item.socket.settle();
    }
    for item in sockets.iter() {
        item.socket.waits.check()?;
    }
    match (result, sockets.first()) {
        (Err(e), Some(item)) => item.socket.waits.interrupted(e.into()).map(|()| true),
        (result, _) => Ok(result? > 0),
    }
}
