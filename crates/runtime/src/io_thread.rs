//! An I/O thread: the sessions, listeners and udp endpoints that live in it, their readiness and their deadlines.
//!
//! The thread is a shell around [`IoThread::turn`]: commands, connections that want a look, sleep, readiness,
//! deadlines. Each of them is owned by one I/O thread for life and touched by no other.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

use ferrozmq_base::{
    mailbox::Mailbox,
    pool,
    ready::ReadyList,
    sync::{AtomicBool, AtomicUsize, Ordering},
};
use ferrozmq_proto::ProtocolError;
use ferrozmq_sys::{Poller, WakeFd, clock};

use crate::{
    conn::Conn,
    context::Shared,
    listener::Listening,
    session::{Close, Session},
    udp::Datagrams,
};

/// The token of the thread's own wake-up; what lives in it counts from 1.
const WAKE: u64 = 0;

/// What an I/O thread is asked to do.
#[derive(Debug)]
pub(crate) enum Command {
    /// A new session, to start.
    Start(Box<Session>),
    /// A new listener, to start.
    Listen(Box<Listening>),
    /// A new udp endpoint, to start.
    Serve(Box<Datagrams>),
    /// End a session, or a udp endpoint.
    Close(u64, Close),
    /// End a session whose peer has broken a rule that the socket looks after.
    Blame(u64, ProtocolError),
    /// End a listener and every connection that it accepted.
    Unlisten(u64, Close),
    /// A session's input was paused and has room again.
    Resume(u64),
    /// The application gives the right to read back, or has found what only the session can deal with.
    Reclaim(u64),
    /// A connection that was idle is in use again.
    Tick(u64),
    /// Commands that the application read.
    Inbound(u64, Vec<Vec<u8>>),
    /// End a session if it is still in its handshake: others want its place.
    Evict(u64),
    /// A session's question may be put now, was read, or may be answered.
    Answered(u64),
    /// A session's host name was looked up.
    Resolved(u64, std::io::Result<Vec<std::net::SocketAddr>>),
    /// End the thread.
    Stop,
}

/// An I/O thread as others see it.
#[derive(Debug)]
pub(crate) struct Io {
    commands: Mailbox<Command>,
    ready: ReadyList<Conn>,
    wake: WakeFd,
    /// How many sessions, listeners and udp endpoints live in the thread.
    load: AtomicUsize,
    /// Whether panics were caught in the thread.
    pub panics: AtomicUsize,
    stopped: AtomicBool,
}

impl Io {
    pub(crate) fn new() -> std::io::Result<Self> {
        Ok(Self {
            commands: Mailbox::new(),
            ready: ReadyList::new(),
            wake: WakeFd::new()?,
            load: AtomicUsize::new(0),
            panics: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        })
    }

    /// Leaves a command.
    pub(crate) fn send(&self, command: Command) {
        if let Ok(true) = self.commands.post(command) {
            self.wake.signal();
        }
    }

    /// Asks for a look at a connection's output; the caller has made its promise. Needs a [`Io::kick`] after it.
    pub(crate) fn look(&self, conn: Arc<Conn>) {
        self.ready.push(conn);
    }

    /// Wakes the thread if it sleeps.
    pub(crate) fn kick(&self) {
        if self.commands.sleeper().wake() {
            self.wake.signal();
        }
    }

    /// How busy the thread is, for choosing one.
    pub(crate) fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// Counts what is on its way to the thread.
    pub(crate) fn add_load(&self) {
        self.load.fetch_add(1, Ordering::Relaxed);
    }
}

/// What those who live in a thread need of it.
pub(crate) struct Turn<'a> {
    pub now: Instant,
    pub poller: &'a Poller,
    pub io: &'a Arc<Io>,
    pub context: &'a Arc<Shared>,
}

impl Turn<'_> {
    /// The moment after this time from now; none, which is never, also for a time that no clock can tell.
    pub(crate) fn after(&self, time: Option<Duration>) -> Option<Instant> {
        self.now.checked_add(time?)
    }
}

/// See the module.
pub(crate) struct IoThread {
    io: Arc<Io>,
    context: Arc<Shared>,
    poller: Poller,
    sessions: BTreeMap<u64, Entry<Session>>,
    listeners: BTreeMap<u64, Entry<Listening>>,
    datagrams: BTreeMap<u64, Entry<Datagrams>>,
    deadlines: BTreeSet<(Instant, u64)>,
    events: Vec<ferrozmq_sys::Event>,
    commands: Vec<Command>,
    stop: bool,
}

struct Entry<T> {
    value: T,
    deadline: Option<Instant>,
}

impl IoThread {
    pub(crate) fn new(io: Arc<Io>, context: Arc<Shared>) -> std::io::Result<Self> {
        let poller = Poller::new()?;
        poller.add(&io.wake, WAKE, ferrozmq_sys::Interest::READ)?;
        Ok(Self {
            io,
            context,
            poller,
            sessions: BTreeMap::new(),
            listeners: BTreeMap::new(),
            datagrams: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            events: Vec::new(),
            commands: Vec::new(),
            stop: false,
        })
    }

    /// Takes turns until told to stop.
    pub(crate) fn run(mut self) {
        while !self.stop {
            self.turn();
        }
        pool::flush();
        self.io.stopped.store(true, Ordering::Release);
    }

    fn turn(&mut self) {
        let begun = clock::now();
        self.take_commands(begun);
        self.look(begun);
        self.io.commands.sleeper().prepare();
        let busy = !self.io.commands.is_empty() || !self.io.ready.is_empty() || self.stop;
        let deadline = self.deadlines.first().map(|(at, _)| *at).filter(|_| !busy);
        let rest = deadline.map(|at| at.saturating_duration_since(clock::now()));
        let timeout = if busy { Some(Duration::ZERO) } else { rest };
        if busy {
            self.io.commands.sleeper().awake();
        }
        self.events.clear();
        // A failing wait (no memory) is tried again; the sleep bounds the rate.
        let quiet = self.poller.wait(&mut self.events, timeout).is_ok() && self.events.is_empty();
        self.io.commands.sleeper().awake();
        let now = clock::now();
        for event in std::mem::take(&mut self.events) {
            self.dispatch(event, now);
        }
        // Only what was over before readiness was looked at: whatever came in time has been seen, however late this
        // thread is. A wait that found nothing looked at or after the deadline that ended it, but perhaps before now.
        let looked = deadline.filter(|_| quiet).map_or(begun, |at| at.max(begun));
        self.expire(looked);
    }

    fn dispatch(&mut self, event: ferrozmq_sys::Event, now: Instant) {
        if event.token == WAKE {
            self.io.wake.clear();
        } else if self.sessions.contains_key(&event.token) {
            self.with_session(event.token, now, |s, turn| s.on_event(event, turn));
        } else if self.datagrams.contains_key(&event.token) {
            self.with_datagrams(event.token, now, |d, turn| d.on_event(event, turn));
        } else {
            self.with_listener(event.token, now, |l, turn| l.on_readable(turn));
        }
    }

    fn take_commands(&mut self, now: Instant) {
        let mut commands = std::mem::take(&mut self.commands);
        self.io.commands.take(&mut commands);
        for command in commands.drain(..) {
            self.execute(command, now);
        }
        self.commands = commands;
    }

    fn execute(&mut self, command: Command, now: Instant) {
        match command {
            Command::Start(session) => {
                let id = session.id();
                self.sessions.insert(id, Entry { value: *session, deadline: None });
                self.with_session(id, now, Session::start);
            }
            Command::Listen(listening) => {
                let id = listening.id();
                self.listeners.insert(id, Entry { value: *listening, deadline: None });
                self.with_listener(id, now, Listening::start);
            }
            Command::Serve(datagrams) => {
                let id = datagrams.id();
                self.datagrams.insert(id, Entry { value: *datagrams, deadline: None });
                self.with_datagrams(id, now, Datagrams::start);
            }
            Command::Close(id, how) if self.datagrams.contains_key(&id) => {
                self.with_datagrams(id, now, |d, turn| d.close(how, turn));
            }
            Command::Close(id, how) => self.with_session(id, now, |s, turn| s.close(how, turn)),
            Command::Blame(id, error) => self.with_session(id, now, |s, turn| s.violation(error, turn)),
            Command::Unlisten(id, how) => {
                if let Some(entry) = self.listeners.remove(&id) {
                    self.forget_deadline(id, entry.deadline);
                    entry.value.close(&self.poller);
                    self.io.load.fetch_sub(1, Ordering::Relaxed);
                    // The connections that it accepted may live in any thread; these hear of them before of this.
                    for io in self.context.other_ios(&self.io) {
                        io.send(Command::Unlisten(id, how));
                    }
                }
                let accepted: Vec<u64> = self
                    .sessions
                    .iter()
                    .filter(|(_, e)| e.value.listener() == Some(id))
                    .map(|(id, _)| *id)
                    .collect();
                for session in accepted {
                    self.with_session(session, now, |s, turn| s.close(how, turn));
                }
            }
            Command::Resume(id) => self.with_session(id, now, Session::resume),
            Command::Reclaim(id) => self.with_session(id, now, Session::reclaim),
            Command::Tick(id) => self.with_session(id, now, Session::arm_idle),
            Command::Inbound(id, commands) => self.with_session(id, now, |s, turn| s.inbound(commands, turn)),
            Command::Evict(id) => self.with_session(id, now, Session::evict),
            Command::Answered(id) => self.with_session(id, now, Session::answered),
            Command::Resolved(id, addresses) => {
                self.with_session(id, now, |s, turn| s.resolved(addresses, turn));
            }
            Command::Stop => self.stop = true,
        }
    }

    fn look(&mut self, now: Instant) {
        for conn in self.io.clone().ready.take() {
            if self.datagrams.contains_key(&conn.session) {
                self.with_datagrams(conn.session, now, Datagrams::look);
            } else {
                self.with_session(conn.session, now, Session::look);
            }
        }
    }

    fn expire(&mut self, now: Instant) {
        if self.deadlines.first().is_none_or(|(at, _)| *at > now) {
            return;
        }
        // Each once: commands and readiness have their turn even if a deadline stays where it is.
        let later = self.deadlines.split_off(&(now, u64::MAX));
        for (_, id) in std::mem::replace(&mut self.deadlines, later) {
            if let Some(entry) = self.sessions.get_mut(&id) {
                entry.deadline = None;
                self.with_session(id, now, Session::on_deadline);
            } else if let Some(entry) = self.datagrams.get_mut(&id) {
                entry.deadline = None;
                self.with_datagrams(id, now, Datagrams::on_deadline);
            } else if let Some(entry) = self.listeners.get_mut(&id) {
                entry.deadline = None;
                self.with_listener(id, now, Listening::on_deadline);
            }
        }
    }

    fn with_session(&mut self, id: u64, now: Instant, step: impl FnOnce(&mut Session, &mut Turn<'_>)) {
        let mut turn = Turn { now, poller: &self.poller, io: &self.io, context: &self.context };
        run(&mut self.sessions, &mut self.deadlines, id, &mut turn, step);
    }

    fn with_datagrams(&mut self, id: u64, now: Instant, step: impl FnOnce(&mut Datagrams, &mut Turn<'_>)) {
        let mut turn = Turn { now, poller: &self.poller, io: &self.io, context: &self.context };
        run(&mut self.datagrams, &mut self.deadlines, id, &mut turn, step);
    }

    fn with_listener(&mut self, id: u64, now: Instant, step: impl FnOnce(&mut Listening, &mut Turn<'_>)) {
        let Some(entry) = self.listeners.get_mut(&id) else { return };
        let mut turn = Turn { now, poller: &self.poller, io: &self.io, context: &self.context };
        if catch_unwind(AssertUnwindSafe(|| step(&mut entry.value, &mut turn))).is_err() {
            self.io.panics.fetch_add(1, Ordering::Relaxed);
        }
        let (old, new) = (entry.deadline, entry.value.deadline());
        entry.deadline = new;
        if new != old {
            self.forget_deadline(id, old);
            if let Some(at) = new {
                self.deadlines.insert((at, id));
            }
        }
    }

    fn forget_deadline(&mut self, id: u64, deadline: Option<Instant>) {
        if let Some(at) = deadline {
            self.deadlines.remove(&(at, id));
        }
    }
}

/// What ends by itself, or by a command, when its work is done.
trait Mortal {
    fn deadline(&self) -> Option<Instant>;
    fn is_dead(&self) -> bool;
    fn bury(&mut self, poller: &Poller);
}

impl Mortal for Session {
    fn deadline(&self) -> Option<Instant> {
        Self::deadline(self)
    }

    fn is_dead(&self) -> bool {
        Self::is_dead(self)
    }

    fn bury(&mut self, poller: &Poller) {
        Self::bury(self, poller);
    }
}

impl Mortal for Datagrams {
    fn deadline(&self) -> Option<Instant> {
        Self::deadline(self)
    }

    fn is_dead(&self) -> bool {
        Self::is_dead(self)
    }

    fn bury(&mut self, poller: &Poller) {
        Self::bury(self, poller);
    }
}

/// Runs one step of a session or udp endpoint. A panic in it ends that one only.
fn run<T: Mortal>(
    entries: &mut BTreeMap<u64, Entry<T>>,
    deadlines: &mut BTreeSet<(Instant, u64)>,
    id: u64,
    turn: &mut Turn<'_>,
    step: impl FnOnce(&mut T, &mut Turn<'_>),
) {
    let Some(entry) = entries.get_mut(&id) else { return };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        step(&mut entry.value, turn);
        entry.value.is_dead()
    }));
    let dead = outcome.unwrap_or_else(|_| {
        turn.io.panics.fetch_add(1, Ordering::Relaxed);
        true
    });
    let old = entry.deadline;
    let new = if dead { None } else { entry.value.deadline() };
    if new != old {
        entry.deadline = new;
        if let Some(at) = old {
            deadlines.remove(&(at, id));
        }
        if let Some(at) = new {
            deadlines.insert((at, id));
        }
    }
    if dead {
        if let Some(mut entry) = entries.remove(&id) {
            // The remains of what panicked may panic again while they are put away.
            let _ = catch_unwind(AssertUnwindSafe(|| entry.value.bury(turn.poller)));
        }
        turn.io.load.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Context;

    /// The number of nobody in the thread.
    const NOBODY: u64 = 1;

    fn thread() -> IoThread {
        let context = Context::new().unwrap();
        IoThread::new(Arc::new(Io::new().unwrap()), context.shared.clone()).unwrap()
    }

    #[test]
    fn the_deadline_that_ends_a_sleep_is_acted_on_in_the_same_turn() {
        let mut thread = thread();
        let at = clock::now() + Duration::from_millis(20);
        let later = at + Duration::from_secs(3600);
        thread.deadlines.extend([(at, NOBODY), (later, NOBODY)]);
        thread.turn();
        assert_eq!(thread.deadlines, BTreeSet::from([(later, NOBODY)]));
    }

    #[test]
    fn a_turn_that_ends_before_the_deadline_leaves_it() {
        let mut thread = thread();
        let at = clock::now() + Duration::from_secs(3600);
        thread.deadlines.insert((at, NOBODY));
        thread.io.wake.signal();
        thread.turn();
        assert_eq!(thread.deadlines.len(), 1, "something was ready");
        thread.stop = true;
        thread.turn();
        assert_eq!(thread.deadlines.len(), 1, "it did not sleep");
    }
}
