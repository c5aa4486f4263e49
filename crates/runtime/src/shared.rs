//! Sockets that several threads use at once: CLIENT, SERVER, RADIO, DISH, SCATTER, GATHER, PEER and CHANNEL.
//!
//! The core lies behind a mutex, which is held while something is done and never while something is waited for. A
//! thread that has to wait is a sleeper: it sleeps on the socket's own wake-up and on one of its own.
//!
//! Invariants:
//! - As long as there are sleepers, the socket's wake-up is signalled from the moment that mail comes until it is taken.
//! - Whoever takes mail, or changes the socket otherwise, wakes all other sleepers.
//! - A sleeper tries again after each wake-up, and announces its sleep before it lets go of the mutex.
//!
//! So what a sleeper waits for cannot come without somebody trying again. There is no way around the I/O threads here:
//! the right to drive a connection is one thread's.

use std::{
    borrow::BorrowMut,
    sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError},
    time::{Duration, Instant},
};

use ferrozmq_base::{
    Error, Msg, Result, SocketType,
    sync::{AtomicU64, Ordering, unique_id},
};
use ferrozmq_pattern::Events;
use ferrozmq_sys::{ForkEpoch, Interest, PollFd, SignalSet, WakeFd, clock};

use crate::{
    interrupt::Interrupt,
    poller::{PollItem, poll},
    port::{Port, sleep},
    socket::{Flags, SocketCore},
    wait::deadline,
};

/// A socket for many threads; see the module.
///
/// A call that panicked leaves it closed for all but [`SharedSocket::close`]: they answer `BadAddress`.
#[derive(Debug)]
pub struct SharedSocket {
    state: Mutex<State>,
    /// The number of the thread that has the mutex, or 0: a free function that uses the socket is refused, as one that
    /// waited for itself would wait for ever.
    holder: AtomicU64,
    port: Arc<Port>,
    kind: SocketType,
    epoch: ForkEpoch,
}

#[derive(Debug)]
struct State {
    /// None once the socket is closed.
    core: Option<SocketCore>,
    /// The wake-ups of the threads that wait.
    sleepers: Vec<Arc<WakeFd>>,
    /// Wake-ups that are not in use.
    spare: Vec<Arc<WakeFd>>,
}

/// The mutex, held.
#[derive(Debug)]
struct Held<'a> {
    state: MutexGuard<'a, State>,
    holder: &'a AtomicU64,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.holder.store(0, Ordering::Relaxed);
    }
}

/// A number of the calling thread that no other has.
fn thread() -> u64 {
    thread_local! {
        static NUMBER: u64 = unique_id();
    }
    NUMBER.with(|number| *number)
}

/// The most wake-ups that are kept for the next waits.
const SPARE_MAX: usize = 16;

impl State {
    fn wake(&self, but: Option<&Arc<WakeFd>>) {
        for sleeper in &self.sleepers {
            if but.is_none_or(|own| !Arc::ptr_eq(own, sleeper)) {
                sleeper.signal();
            }
        }
    }
}

impl SharedSocket {
    /// Lets many threads use a socket.
    pub fn new(core: SocketCore) -> Self {
        Self {
            port: core.port().clone(),
            kind: core.kind(),
            epoch: ForkEpoch::current(),
            holder: AtomicU64::new(0),
            state: Mutex::new(State { core: Some(core), sleepers: Vec::new(), spare: Vec::new() }),
        }
    }

    /// The kind of socket.
    pub fn kind(&self) -> SocketType {
        self.kind
    }

    /// Runs `f` on the socket, which must not wait in it: anything but sending and receiving.
    ///
    /// # Errors
    /// Those of `f`; `NotASocket` once the socket is closed; `InvalidState` within a call of the same thread;
    /// `Interrupted` in a forked child.
    pub fn with<R>(&self, f: impl FnOnce(&mut SocketCore) -> Result<R>) -> Result<R> {
        let mut held = self.lock()?;
        let state = &mut *held.state;
        let result = state.core.as_mut().ok_or(Error::NotASocket).and_then(f);
        // New peers, limits, groups: whoever waits looks again.
        state.wake(None);
        result
    }

    /// Sends a message; waits while that is impossible, at most for the send timeout.
    ///
    /// # Errors
    /// As [`SocketCore::send`]; `NotASocket` once the socket is closed, also while waiting.
    pub fn send(&self, m: &mut Msg, flags: Flags) -> Result<()> {
        match self.attempt(None, |core| core.try_send(m, flags.more)) {
            Err(Error::Again) if !flags.dont_wait => {
                self.wait(|core| core.options().send_timeout, |core| core.try_send(m, flags.more))
            }
            result => result,
        }
    }

    /// Receives a message; waits for one, at most for the receive timeout.
    ///
    /// # Errors
    /// As [`SocketCore::recv`]; `NotASocket` once the socket is closed, also while waiting.
    pub fn recv(&self, m: &mut Msg, dont_wait: bool) -> Result<()> {
        match self.attempt(None, |core| core.try_recv(m)) {
            Err(Error::Again) if !dont_wait => {
                self.wait(|core| core.options().receive_timeout, |core| core.try_recv(m))
            }
            result => result,
        }
    }

    /// Waits until `done` gives an answer, which is asked after every event; at most for `timeout`.
    ///
    /// # Errors
    /// `Again` once the timeout has passed; `Interrupted`, `Terminated`, `NotASocket`.
    pub fn wait_until(
        &self,
        timeout: Option<Duration>,
        mut done: impl FnMut(&mut SocketCore) -> bool,
    ) -> Result<()> {
        let mut look = |core: &mut SocketCore| {
            core.events()?;
            if done(core) { Ok(()) } else { Err(Error::Again) }
        };
        match self.attempt(None, &mut look) {
            Err(Error::Again) => self.wait(|_| timeout, look),
            result => result,
        }
    }

    /// Closes the socket (zmq_close(3)). Threads that wait on it get `NotASocket`. Within a call of the same thread it
    /// does nothing: the socket closes with its last reference.
    pub fn close(&self) {
        if !self.epoch.is_current() {
            // A forked child leaves everything that it shares with its parent alone.
            return;
        }
        if self.is_inside() {
            return;
        }
        let mut held = self.hold(self.state.lock().unwrap_or_else(PoisonError::into_inner));
        let core = held.state.core.take();
        held.state.wake(None);
        drop(held);
        if let Some(core) = core {
            core.close();
        }
    }

    /// Runs `f` on the socket for as long as it likes: the others wait meanwhile, as they do for a proxy.
    ///
    /// # Errors
    /// `NotASocket` once the socket is closed; `InvalidState` if it is in use.
    pub fn exclusive(&self) -> Result<Exclusive<'_>> {
        self.check_fork()?;
        match self.state.try_lock() {
            Ok(state) if state.core.is_none() => Err(Error::NotASocket),
            Ok(state) => Ok(Exclusive(self.hold(state))),
            Err(TryLockError::WouldBlock) => Err(Error::InvalidState),
            Err(TryLockError::Poisoned(_)) => Err(Error::BadAddress),
        }
    }

    fn check_fork(&self) -> Result<()> {
        if self.epoch.is_current() { Ok(()) } else { Err(Error::Interrupted) }
    }

    /// Whether this thread is in a call on the socket.
    fn is_inside(&self) -> bool {
        self.holder.load(Ordering::Relaxed) == thread()
    }

    fn hold<'a>(&'a self, state: MutexGuard<'a, State>) -> Held<'a> {
        self.holder.store(thread(), Ordering::Relaxed);
        Held { state, holder: &self.holder }
    }

    fn lock(&self) -> Result<Held<'_>> {
        self.check_fork()?;
        if self.is_inside() {
            return Err(Error::InvalidState);
        }
        Ok(self.hold(self.state.lock().map_err(|_| Error::BadAddress)?))
    }

    /// Tries something at once.
    fn attempt<R>(
        &self,
        own: Option<&Arc<WakeFd>>,
        f: impl FnOnce(&mut SocketCore) -> Result<R>,
    ) -> Result<R> {
        let mut held = self.lock()?;
        let state = &mut *held.state;
        let core = state.core.as_mut().ok_or(Error::NotASocket)?;
        let before = core.news();
        let result = f(core);
        if core.news() != before {
            state.wake(own);
        }
        result
    }

    /// Tries something until it is possible, at most for `timeout`.
    fn wait<R>(
        &self,
        timeout: impl FnOnce(&SocketCore) -> Option<Duration>,
        mut attempt: impl FnMut(&mut SocketCore) -> Result<R>,
    ) -> Result<R> {
        let (deadline, waits) = {
            let mut held = self.lock()?;
            let core = held.state.core.as_mut().ok_or(Error::NotASocket)?;
            (deadline(timeout(core))?, core.waits().clone())
        };
        let sleeper = Sleeper::new(self)?;
        loop {
            waits.check()?;
            if let Some(result) = sleeper.announce(&mut attempt)? {
                return Ok(result);
            }
            let mut fds = sleeper.fds(waits.interrupt.as_deref());
            match sleep(&mut fds, deadline, None) {
                Ok(0) => return Err(Error::Again),
                Ok(_) => {}
                Err(e) => waits.interrupted(e.into())?,
            }
        }
    }
}

/// The socket for one thread alone; the others wait.
#[derive(Debug)]
pub struct Exclusive<'a>(Held<'a>);

impl Exclusive<'_> {
    /// The socket.
    ///
    /// # Errors
    /// `NotASocket` once the socket is closed.
    pub fn core(&mut self) -> Result<&mut SocketCore> {
        self.0.state.core.as_mut().ok_or(Error::NotASocket)
    }
}

impl Drop for Exclusive<'_> {
    fn drop(&mut self) {
        self.0.state.wake(None);
    }
}

/// A thread that waits for a socket.
#[derive(Debug)]
struct Sleeper<'a> {
    socket: &'a SharedSocket,
    wake: Arc<WakeFd>,
}

impl<'a> Sleeper<'a> {
    fn new(socket: &'a SharedSocket) -> Result<Self> {
        let mut held = socket.lock()?;
        let state = &mut *held.state;
        let wake = match state.spare.pop() {
            Some(wake) => wake,
            None => Arc::new(WakeFd::new()?),
        };
        if state.sleepers.is_empty() {
            socket.port.begin_watch();
        }
        state.sleepers.push(wake.clone());
        Ok(Self { socket, wake })
    }

    /// Tries once more, and announces the sleep if that is `Again`; then the result is none.
    fn announce<R>(&self, attempt: &mut impl FnMut(&mut SocketCore) -> Result<R>) -> Result<Option<R>> {
        self.wake.clear();
        loop {
            let attempted = self.socket.attempt(Some(&self.wake), |core| {
                let result = attempt(core);
                // Under the mutex: nobody else takes the mail that this misses.
                let asleep = matches!(result, Err(Error::Again)) && core.port().prepare_sleep();
                Ok((result, asleep))
            })?;
            match attempted {
                (Err(Error::Again), true) => return Ok(None),
                (Err(Error::Again), false) => {}
                (result, _) => return result.map(Some),
            }
        }
    }

    fn fds(&self, interrupt: Option<&Interrupt>) -> Vec<PollFd> {
        let mut fds = vec![
            PollFd::new(self.socket.port.wake_fd(), Interest::READ),
            PollFd::new(&*self.wake, Interest::READ),
        ];
        fds.extend(interrupt.map(|interrupt| PollFd::new(interrupt, Interest::READ)));
        fds
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        if !self.socket.epoch.is_current() {
            return;
        }
        let socket = self.socket;
        let mut held = socket.hold(socket.state.lock().unwrap_or_else(PoisonError::into_inner));
        let state = &mut *held.state;
        state.sleepers.retain(|sleeper| !Arc::ptr_eq(sleeper, &self.wake));
        if state.sleepers.is_empty() {
            socket.port.end_watch();
        }
        if state.spare.len() < SPARE_MAX {
            state.spare.push(self.wake.clone());
        }
    }
}

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

    fn look(&mut self, core: &mut SocketCore) -> Result<bool> {
        let events = core.events()?;
        self.ready = Events {
            readable: events.readable && self.interest.readable,
            writable: events.writable && self.interest.writable,
        };
        Ok(self.ready.readable || self.ready.writable)
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
    let until = timeout.and_then(|timeout| clock::now().checked_add(timeout));
    let sleepers = shared.iter().map(|item| Sleeper::new(item.socket)).collect::<Result<Vec<_>>>()?;
    let waits = shared.iter().map(|item| item.socket.with(|core| Ok(core.waits().clone())));
    let waits = waits.collect::<Result<Vec<_>>>()?;
    let mut last = timeout == Some(Duration::ZERO);
    loop {
        for waits in &waits {
            waits.check()?;
        }
        let mut ready = 0;
        for (item, sleeper) in shared.iter_mut().zip(&sleepers) {
            // Ready is an answer, not ready is a reason to sleep.
            let found = sleeper.announce(&mut |core| match item.look(core) {
                Ok(true) => Ok(()),
                Ok(false) => Err(Error::Again),
                Err(e) => Err(e),
            })?;
            ready += usize::from(found.is_some());
        }
        let mut all = fds.to_vec();
        for (sleeper, waits) in sleepers.iter().zip(&waits) {
            all.extend(sleeper.fds(waits.interrupt.as_deref()));
        }
        let rest = if ready > 0 || last { Some(Duration::ZERO) } else { remaining(until) };
        let found = match poll(sockets, &mut all, rest, mask) {
            Err(Error::Interrupted) if waits.iter().all(|waits| waits.outlast_signals) => 0,
            found => found?,
        };
        fds.copy_from_slice(&all[..fds.len()]);
        let own = all[fds.len()..].iter().filter(|fd| fd.returned_events() != 0).count();
        if ready + found > own || last {
            return Ok(ready + found - own);
        }
        last = until.is_some_and(|until| until <= clock::now());
    }
}

fn remaining(until: Option<Instant>) -> Option<Duration> {
    until.map(|until| until.saturating_duration_since(clock::now()))
}

const _: () = {
    const fn many_threads<T: Send + Sync>() {}
    many_threads::<SharedSocket>();
};
