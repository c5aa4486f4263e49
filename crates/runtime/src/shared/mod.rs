//! Sockets that several threads use at once: CLIENT, SERVER, RADIO, DISH, SCATTER, GATHER, PEER and CHANNEL.
//!
//! The core lies behind a mutex, which is held while something is done and never while something is waited for. A
//! thread that has to wait is a [`Sleeper`]: it sleeps on a descriptor of its own, and [`waiting`] says who is woken.
//!
//! Direct I/O: every thread may write a connection under the mutex. A thread that waits for a message while no other
//! thread waits for anything reads the connections as well, without the mutex; as soon as a second one waits it gives
//! that back, and the I/O threads read.

mod poll;
#[cfg(test)]
mod tests;
mod waiting;
mod watch;

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ferrozmq_base::{
    Error, Msg, Result, SocketType,
    sync::{AtomicU64, Ordering, unique_id},
};
use ferrozmq_pattern::Events;
use ferrozmq_sys::{ForkEpoch, Interest, PollFd, WakeFd};

use crate::{
    direct::Held,
    port::{Port, sleep},
    socket::{Flags, SocketCore, Waits},
    wait::{deadline, is_over},
};

pub use poll::{SharedItem, poll_shared};
use waiting::{State, Want};
pub use watch::Watch;

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

/// The mutex, held.
#[derive(Debug)]
struct Guard<'a> {
    /// None while it is being dropped.
    state: Option<MutexGuard<'a, State>>,
    holder: &'a AtomicU64,
}

impl Deref for Guard<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        self.state.as_ref().expect("only drop takes it")
    }
}

impl DerefMut for Guard<'_> {
    fn deref_mut(&mut self) -> &mut State {
        self.state.as_mut().expect("only drop takes it")
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.call_all();
        }
        let calls = std::mem::take(&mut self.calls);
        self.holder.store(0, Ordering::Relaxed);
        self.state = None;
        for called in calls {
            called.signal();
        }
    }
}

/// A number of the calling thread that no other has.
fn thread() -> u64 {
    thread_local! {
        static NUMBER: u64 = unique_id();
    }
    NUMBER.with(|number| *number)
}

impl SharedSocket {
    /// Lets many threads use a socket.
    pub fn new(core: SocketCore) -> Self {
        Self {
            port: core.port().clone(),
            kind: core.kind(),
            epoch: ForkEpoch::current(),
            holder: AtomicU64::new(0),
            state: Mutex::new(State::new(core)),
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
        let mut guard = self.lock()?;
        let result = guard.core().and_then(f);
        // New peers, limits, groups.
        guard.call(true);
        result
    }

    /// Sends a message; waits while that is impossible, at most for the send timeout.
    ///
    /// # Errors
    /// As [`SocketCore::send`]; `NotASocket` once the socket is closed, also while waiting.
    pub fn send(&self, m: &mut Msg, flags: Flags) -> Result<()> {
        match self.attempt(|core| core.try_send(m, flags.more)) {
            Err(Error::Again) if !flags.dont_wait => {
                let want = match self.kind {
                    SocketType::Client | SocketType::Scatter | SocketType::Channel => Want::Output,
                    // The message is for certain peers.
                    _ => Want::News,
                };
                self.wait(want, |core| core.options().send_timeout, |core| core.try_send(m, flags.more))
            }
            result => result,
        }
    }

    /// Receives a message; waits for one, at most for the receive timeout.
    ///
    /// # Errors
    /// As [`SocketCore::recv`]; `NotASocket` once the socket is closed, also while waiting.
    pub fn recv(&self, m: &mut Msg, dont_wait: bool) -> Result<()> {
        match self.attempt(|core| if dont_wait { core.recv(m, true) } else { core.try_recv(m) }) {
            Err(Error::Again) if !dont_wait => {
                self.wait(Want::Input, |core| core.options().receive_timeout, |core| core.try_recv(m))
            }
            result => result,
        }
    }

    /// What can be done without waiting (ZMQ_EVENTS).
    ///
    /// # Errors
    /// As [`SocketCore::events`]; `NotASocket` once the socket is closed.
    pub fn events(&self) -> Result<Events> {
        self.attempt(SocketCore::events)
    }

    /// What ends the socket's waits.
    ///
    /// # Errors
    /// `NotASocket` once the socket is closed; `Interrupted` in a forked child.
    pub fn waits(&self) -> Result<Waits> {
        self.attempt(|core| Ok(core.waits().clone()))
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
        match self.attempt(&mut look) {
            Err(Error::Again) => self.wait(Want::News, |_| timeout, look),
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
        let mut guard = self.hold(self.state.lock().unwrap_or_else(PoisonError::into_inner));
        let core = guard.core.take();
        guard.call_all();
        drop(guard);
        if let Some(core) = core {
            core.close();
        }
    }

    fn check_fork(&self) -> Result<()> {
        if self.epoch.is_current() { Ok(()) } else { Err(Error::Interrupted) }
    }

    /// Whether this thread is in a call on the socket.
    fn is_inside(&self) -> bool {
        self.holder.load(Ordering::Relaxed) == thread()
    }

    fn hold<'a>(&'a self, state: MutexGuard<'a, State>) -> Guard<'a> {
        self.holder.store(thread(), Ordering::Relaxed);
        Guard { state: Some(state), holder: &self.holder }
    }

    fn lock(&self) -> Result<Guard<'_>> {
        self.check_fork()?;
        if self.is_inside() {
            return Err(Error::InvalidState);
        }
        Ok(self.hold(self.state.lock().map_err(|_| Error::BadAddress)?))
    }

    /// Tries something at once.
    fn attempt<R>(&self, f: impl FnOnce(&mut SocketCore) -> Result<R>) -> Result<R> {
        let mut guard = self.lock()?;
        let result = f(guard.core()?);
        guard.call(false);
        result
    }

    /// Tries something until it is possible, at most for `timeout`.
    fn wait<R>(
        &self,
        want: Want,
        timeout: impl FnOnce(&SocketCore) -> Option<Duration>,
        mut attempt: impl FnMut(&mut SocketCore) -> Result<R>,
    ) -> Result<R> {
        let (deadline, waits) = {
            let mut guard = self.lock()?;
            let core = guard.core()?;
            (deadline(timeout(core))?, core.waits().clone())
        };
        let mut sleeper = Sleeper::new(self, want)?;
        loop {
            waits.check()?;
            if let Some(result) = sleeper.look(&mut attempt)? {
                return Ok(result);
            }
            if is_over(deadline) {
                return Err(Error::Again);
            }
            let mut fds = vec![sleeper.fd()];
            fds.extend(waits.interrupt.as_deref().map(|interrupt| PollFd::new(interrupt, Interest::READ)));
            sleeper.held.watch(&mut fds);
            let soon = sleeper.held.until(deadline);
            let woken = sleep(&mut fds, soon.or(deadline), None);
            let lasted = soon.is_some() && matches!(woken, Ok(0));
            sleeper.wake_up(fds[0].is_readable(), woken.is_ok(), lasted);
            match woken {
                Ok(0) if !lasted => return Err(Error::Again),
                Ok(_) => {}
                Err(e) => waits.interrupted(e.into())?,
            }
        }
    }
}

/// A thread that waits for a socket.
#[derive(Debug)]
struct Sleeper<'a> {
    socket: &'a SharedSocket,
    wake: Arc<WakeFd>,
    want: Want,
    /// What it reads itself.
    held: Held,
    /// A wait with that in hand has lasted.
    lasted: bool,
    left: bool,
}

impl<'a> Sleeper<'a> {
    fn new(socket: &'a SharedSocket, want: Want) -> Result<Self> {
        let wake = socket.lock()?.enter(want)?;
        Ok(Self { socket, wake, want, held: Held::default(), lasted: false, left: false })
    }

    /// Tries once more, and announces the sleep if that is `Again`; then the result is none.
    fn look<R>(&mut self, attempt: &mut impl FnMut(&mut SocketCore) -> Result<R>) -> Result<Option<R>> {
        let mut guard = self.socket.lock()?;
        let mut may_spin = self.want == Want::Input;
        loop {
            let state = &mut *guard;
            state.begin_look(&self.wake);
            let core = state.core()?;
            core.hear(&mut self.held);
            if std::mem::take(&mut self.lasted) {
                core.grow_patient();
            }
            let result = attempt(core);
            if !matches!(result, Err(Error::Again)) {
                self.held.give_back();
                self.left = true;
                state.leave(&self.wake);
                state.call(false);
                return result.map(Some);
            }
            self.read_if_lone(state)?;
            if may_spin && let Some(mut spinner) = state.core()?.begin_spin(&self.held) {
                may_spin = false;
                state.set_reads(&self.wake, self.held.has_inputs());
                state.call(false);
                drop(guard);
                spinner.run(&mut self.held, &self.socket.port);
                guard = self.socket.lock()?;
                guard.core()?.end_spin(spinner);
                continue;
            }
            let asleep = state.announce(&self.wake);
            state.call(false);
            if asleep {
                // Whoever lends from here on wakes the lookout.
                state.core()?.borrow(&mut self.held);
                state.set_reads(&self.wake, self.held.has_inputs());
                return Ok(None);
            }
        }
    }

    /// Takes the directions that this thread reads while it waits; or gives them back.
    fn read_if_lone(&mut self, state: &mut State) -> Result<()> {
        if self.want != Want::Input || !state.is_lone() {
            self.held.give_back();
            self.held = Held::default();
        } else if !self.held.reads() {
            self.held = state.core()?.hold(false);
        }
        Ok(())
    }

    /// The descriptor to sleep on.
    fn fd(&self) -> PollFd {
        PollFd::new(&*self.wake, Interest::READ)
    }

    /// After a sleep. `signalled`: the descriptor was. `came`: something was.
    fn wake_up(&mut self, signalled: bool, came: bool, lasted: bool) {
        if signalled {
            self.wake.clear();
        }
        if came {
            self.held.read();
        }
        self.held.give_back();
        self.lasted = lasted;
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        if !self.socket.epoch.is_current() {
            return;
        }
        self.held.give_back();
        if self.left {
            return;
        }
        let socket = self.socket;
        let mut guard = socket.hold(socket.state.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(core) = &mut guard.core {
            core.hear(&mut self.held);
        }
        guard.leave(&self.wake);
        guard.call(true);
    }
}

const _: () = {
    const fn many_threads<T: Send + Sync>() {}
    many_threads::<SharedSocket>();
};
