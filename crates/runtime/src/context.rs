//! A context: its options, its I/O threads, its sockets, and the end of all of them.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use ferrozmq_base::{
    Error, Result, SocketType,
    sync::{AtomicBool, AtomicU64, AtomicUsize, Ordering, lock},
};
use ferrozmq_proto::zap;
use ferrozmq_sys::{
    ForkEpoch, Interest, PollFd, Resolver, WakeFd, random,
    thread::{self, Thread, ThreadOptions},
};

use crate::{
    failure::HandshakeFailure,
    inproc::Registry,
    io_thread::{Command, Io, IoThread},
    option::ContextOptions,
    port::{Event, Port, sleep},
    socket::SocketCore,
    zap_client::Line,
};

/// How long the end of a context waits for a name that is still being looked up.
const LOOK_UP: Duration = Duration::from_millis(200);

/// A context (zmq_ctx_new(3)). Clones name the same context.
///
/// When the last clone and the last socket are gone the I/O threads end by themselves; [`Context::term`] waits for
/// that.
#[derive(Clone, Debug)]
pub struct Context {
    pub(crate) shared: Arc<Shared>,
    _handle: Arc<Handle>,
}

/// Gone with the last clone of a context.
#[derive(Debug)]
struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.released();
    }
}

/// What a context's sockets and threads share.
pub(crate) struct Shared {
    options: Mutex<ContextOptions>,
    state: Mutex<State>,
    pub registry: Mutex<Registry>,
    pub resolver: Resolver,
    ids: AtomicU64,
    /// Sockets and sessions that exist.
    live: AtomicUsize,
    /// None until the first socket: what a parent made and did not use, as before it became a daemon, is its child's to use.
    home: OnceLock<Home>,
    direct: AtomicBool,
    seed: AtomicU64,
    judge: Mutex<Option<Arc<Judge>>>,
    /// For the application's handler of ZAP.
    pub questions: Arc<Line>,
}

/// Judges peers where the application has no handler of ZAP; an error if it cannot now, which puts the peer off (status 300).
/// Called in an I/O thread: whoever waits in it keeps all connections of the thread waiting.
pub type Judge = dyn Fn(&zap::Request<'_>) -> Result<zap::Reply, HandshakeFailure> + Send + Sync;

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("live", &self.live).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct State {
    /// None until the first socket: the options can still be changed.
    threads: Option<Vec<Running>>,
    max_sockets: u32,
    stopped: bool,
    released: bool,
    ports: BTreeMap<u64, Arc<Port>>,
}

/// The process that a context belongs to.
#[derive(Debug)]
struct Home {
    epoch: ForkEpoch,
    /// Signalled when the last socket or session is gone.
    idle: WakeFd,
}

#[derive(Debug)]
struct Running {
    io: Arc<Io>,
    thread: Thread<()>,
}

/// Counts a socket or session of a context as long as it exists.
#[derive(Debug)]
pub(crate) struct Live(Arc<Shared>);

impl Drop for Live {
    fn drop(&mut self) {
        let Some(home) = self.0.home.get().filter(|home| home.epoch.is_current()) else {
            // A forked child: the descriptor is the parent's too, and the threads are the parent's only.
            return;
        };
        if self.0.live.fetch_sub(1, Ordering::AcqRel) == 1 {
            home.idle.signal();
            if lock(&self.0.state).released {
                self.0.stop_threads();
            }
        }
    }
}

impl Context {
    /// A context with the default options and no threads yet.
    ///
    /// # Errors
    /// That of the system's source of random numbers.
    pub fn new() -> Result<Self> {
        let shared = Arc::new(Shared {
            options: Mutex::default(),
            state: Mutex::default(),
            registry: Mutex::default(),
            resolver: Resolver::new(),
            ids: AtomicU64::new(1),
            live: AtomicUsize::new(0),
            home: OnceLock::new(),
            direct: AtomicBool::new(std::env::var_os("FERROZMQ_DIRECT").is_none_or(|v| v != "off")),
            seed: AtomicU64::new(random::number()?),
            judge: Mutex::default(),
            questions: Arc::new(Line::new()),
        });
        Ok(Self { _handle: Arc::new(Handle(shared.clone())), shared })
    }

    /// Sets the option with this number of `zmq.h` (zmq_ctx_set(3)).
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn set(&self, number: i32, value: i32) -> Result<()> {
        lock(&self.shared.options).set(number, value)
    }

    /// Sets an option from bytes (zmq_ctx_set_ext).
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn set_bytes(&self, number: i32, value: &[u8]) -> Result<()> {
        lock(&self.shared.options).set_bytes(number, value)
    }

    /// The option with this number (zmq_ctx_get(3)).
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn get(&self, number: i32) -> Result<i32> {
        lock(&self.shared.options).get(number)
    }

    /// An option as bytes (zmq_ctx_get_ext).
    ///
    /// # Errors
    /// `InvalidArgument`.
    pub fn get_bytes(&self, number: i32, buffer: &mut [u8]) -> Result<()> {
        lock(&self.shared.options).get_bytes(number, buffer)
    }

    /// A new socket (zmq_socket(3)). The first one starts the I/O threads.
    ///
    /// # Errors
    /// `Terminated` after a shutdown, `TooManyFiles` at the limit of sockets or descriptors, `InvalidArgument` for a
    /// type that is not built.
    pub fn socket(&self, kind: SocketType) -> Result<SocketCore> {
        self.shared.socket(kind)
    }

    /// Ends every blocking call on the context's sockets with `Terminated` (zmq_ctx_shutdown(3)). Does not block;
    /// more than one call does no harm.
    pub fn shutdown(&self) {
        if self.shared.is_a_parents() {
            return;
        }
        let ports: Vec<_> = {
            let mut state = lock(&self.shared.state);
            if std::mem::replace(&mut state.stopped, true) {
                return;
            }
            state.ports.values().cloned().collect()
        };
        for port in ports {
            // A socket that is being closed needs no stop.
            let _ = port.post(Event::Stop);
        }
    }

    /// Shuts the context down, waits until every socket is closed and everything that lingers is sent or given up,
    /// and ends the I/O threads (zmq_ctx_term(3)).
    ///
    /// # Errors
    /// `Interrupted` by a signal, or in a forked child: call again.
    pub fn term(&self) -> Result<()> {
        if self.shared.is_a_parents() {
            return Err(Error::Interrupted);
        }
        self.shutdown();
        if let Some(Home { idle, .. }) = self.shared.home.get() {
            self.wait_for(idle)?;
        }
        self.shared.stop_threads();
        Ok(())
    }

    fn wait_for(&self, idle: &WakeFd) -> Result<()> {
        while self.shared.live.load(Ordering::Acquire) != 0 {
            let mut fds = [PollFd::new(idle, Interest::READ)];
            sleep(&mut fds, None, None)?;
            if self.shared.live.load(Ordering::Acquire) != 0 {
                // An old signal. A new one is for every thread that waits here, so none may be lost.
                idle.clear();
                if self.shared.live.load(Ordering::Acquire) == 0 {
                    idle.signal();
                }
            }
        }
        Ok(())
    }

    /// Who judges peers where no handler of ZAP is bound.
    pub fn set_judge(&self, judge: Option<Arc<Judge>>) {
        *lock(&self.shared.judge) = judge;
    }

    /// Whether threads of the application drive connections themselves (on by default; the environment variable
    /// `FERROZMQ_DIRECT=off` changes that). For sockets made afterwards.
    pub fn set_direct(&self, direct: bool) {
        self.shared.direct.store(direct, Ordering::Relaxed);
    }

    /// How many panics were caught in the I/O threads; each ended one connection.
    pub fn panics(&self) -> usize {
        let state = lock(&self.shared.state);
        let threads = state.threads.as_deref().unwrap_or_default();
        threads.iter().map(|t| t.io.panics.load(Ordering::Relaxed)).sum()
    }
}

impl Shared {
    /// Whether this process is a child, and its parent's sockets are in the context.
    pub(crate) fn is_a_parents(&self) -> bool {
        self.home.get().is_some_and(|home| !home.epoch.is_current())
    }

    /// The epoch of the process that the context belongs to, or will belong to.
    pub(crate) fn epoch(&self) -> ForkEpoch {
        self.home.get().map_or_else(ForkEpoch::current, |home| home.epoch)
    }

    pub(crate) fn is_direct(&self) -> bool {
        self.direct.load(Ordering::Relaxed)
    }

    /// See [`Context::set_judge`].
    pub(crate) fn judge(&self) -> Option<Arc<Judge>> {
        lock(&self.judge).clone()
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::Relaxed)
    }

    /// A number that differs from call to call.
    pub(crate) fn random(&self) -> u64 {
        // A Weyl sequence through a mixer (splitmix64) is enough to tell ids and delays apart.
        let mut z = self.seed.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn live(self: &Arc<Self>) -> Live {
        self.live.fetch_add(1, Ordering::AcqRel);
        Live(self.clone())
    }

    /// The least busy I/O thread among those that the mask allows (0: all).
    pub(crate) fn choose_io(&self, affinity: u64) -> Option<Arc<Io>> {
        let state = lock(&self.state);
        let threads = state.threads.as_deref().unwrap_or_default();
        let allowed = |i: usize| affinity == 0 || (i < 64 && affinity & (1 << i) != 0);
        threads
            .iter()
            .enumerate()
            .filter(|(i, _)| allowed(*i))
            .min_by_key(|(_, t)| t.io.load())
            .map(|(_, t)| t.io.clone())
    }

    /// All I/O threads but one.
    pub(crate) fn other_ios(&self, io: &Arc<Io>) -> Vec<Arc<Io>> {
        let state = lock(&self.state);
        let threads = state.threads.as_deref().unwrap_or_default();
        threads.iter().filter(|t| !Arc::ptr_eq(&t.io, io)).map(|t| t.io.clone()).collect()
    }

    /// See [`Context::socket`].
    pub(crate) fn socket(self: &Arc<Self>, kind: SocketType) -> Result<SocketCore> {
        let options = lock(&self.options).clone();
        let mut state = lock(&self.state);
        if state.stopped {
            return Err(Error::Terminated);
        }
        if self.home.get().is_none() {
            // The lock of the state is held: nobody else sets it.
            let _ = self.home.set(Home { epoch: ForkEpoch::current(), idle: WakeFd::new()? });
        }
        if state.threads.is_none() {
            state.threads = Some(self.start_threads(&options)?);
            state.max_sockets = options.max_sockets;
        }
        if state.ports.len() >= state.max_sockets as usize {
            return Err(Error::TooManyFiles);
        }
        let (id, port) = (self.next_id(), Arc::new(Port::new()?));
        // On record before the lock is free: a shutdown sees it, and the next socket counts it.
        state.ports.insert(id, port.clone());
        Ok(SocketCore::new(self.clone(), id, port, kind, &options))
    }

    /// A socket of the library's own, in a running context: no limit counts it, and the end of the context does not tell
    /// it, since whoever it serves is told.
    pub(crate) fn hidden_socket(self: &Arc<Self>, kind: SocketType) -> Result<SocketCore> {
        let options = lock(&self.options).clone();
        Ok(SocketCore::new(self.clone(), self.next_id(), Arc::new(Port::new()?), kind, &options))
    }

    pub(crate) fn forget_port(&self, id: u64) {
        lock(&self.state).ports.remove(&id);
    }

    fn start_threads(self: &Arc<Self>, options: &ContextOptions) -> Result<Vec<Running>> {
        let mut running: Vec<Running> = Vec::new();
        for index in 0..options.io_threads {
            match self.start_thread(index, options) {
                Ok(thread) => running.push(thread),
                Err(e) => {
                    end(running);
                    return Err(e.into());
                }
            }
        }
        Ok(running)
    }

    fn start_thread(self: &Arc<Self>, index: u32, options: &ContextOptions) -> io::Result<Running> {
        let io = Arc::new(Io::new()?);
        let body = IoThread::new(io.clone(), self.clone())?;
        let prefix = String::from_utf8_lossy(&options.thread_name_prefix).into_owned();
        let separator = if prefix.is_empty() { "" } else { "/" };
        let name = format!("{prefix}{separator}ZMQbg/IO/{index}");
        let scheduling = ThreadOptions {
            priority: options.thread_priority,
            sched_policy: options.thread_sched_policy,
            cpu_affinity: options.thread_affinity.iter().map(|c| *c as usize).collect(),
        };
        let thread = thread::spawn(&name, scheduling, move || body.run())?;
        Ok(Running { io, thread })
    }

    fn stop_threads(&self) {
        let threads = lock(&self.state).threads.as_mut().map(std::mem::take).unwrap_or_default();
        end(threads);
        self.resolver.finish(LOOK_UP);
    }

    fn released(&self) {
        if self.is_a_parents() {
            return;
        }
        lock(&self.state).released = true;
        if self.live.load(Ordering::Acquire) == 0 {
            self.stop_threads();
        }
    }
}

fn end(threads: Vec<Running>) {
    for running in &threads {
        running.io.send(Command::Stop);
    }
    for running in threads {
        // A thread that ends the context itself cannot wait for its own end.
        if !running.thread.is_current() {
            let _ = running.thread.join();
        }
    }
}

/// How long a socket's connections may take to send what is left when it is closed.
pub(crate) fn linger(linger: Option<Duration>) -> crate::session::Close {
    crate::session::Close::Linger(linger)
}
