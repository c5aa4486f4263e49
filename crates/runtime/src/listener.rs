//! A listening endpoint: accepts connections and starts a session for each.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ferrozmq_base::sync::{AtomicBool, Ordering};
use ferrozmq_sys::{Interest, Listener, Poller, Stream, is_exhaustion, net::concerns_connection};

use crate::{
    io_thread::Turn,
    monitor::{Ends, Notice},
    pending::Pending,
    port::Port,
    session::{Session, Settings},
};

/// How many connections are accepted before others get their turn.
const ACCEPTS_PER_TURN: usize = 64;
/// How long a listener rests when descriptors or memory have run out, or the application has shut its descriptor down.
const REST: Duration = Duration::from_millis(100);
/// How long it rests when a connection was closed to have its descriptor.
const SHORT_REST: Duration = Duration::from_millis(5);

/// What ACCEPT_FAILED says of a peer that a filter turned away.
const REFUSED: ferrozmq_base::Error = ferrozmq_base::Error::AccessDenied;

/// See the module.
#[derive(Debug)]
pub(crate) struct Listening {
    id: u64,
    listener: Listener,
    endpoint: String,
    port: Arc<Port>,
    settings: Arc<Settings>,
    /// The accepted connections that are in their handshake.
    pending: Arc<Pending>,
    /// False once it has ended: what it accepted and nobody has started yet ends with it.
    open: Arc<AtomicBool>,
    resting_until: Option<Instant>,
}

impl Listening {
    pub(crate) fn new(
        id: u64,
        listener: Listener,
        endpoint: String,
        port: Arc<Port>,
        settings: Arc<Settings>,
    ) -> Self {
        let open = Arc::new(AtomicBool::new(true));
        let pending = Arc::new(Pending::new(settings.options.max_pending_handshakes));
        Self { id, listener, endpoint, port, settings, pending, open, resting_until: None }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn start(&mut self, turn: &mut Turn<'_>) {
        if turn.poller.add(&self.listener, self.id, Interest::READ).is_err() {
            // No memory to watch it: try again later.
            self.resting_until = Some(turn.now + REST);
        }
    }

    /// Leaves what comes in the kernel's queue until then.
    fn rest(&mut self, until: Instant, turn: &Turn<'_>) {
        // The listener stays readable: if it were watched, the thread would spin.
        let _ = turn.poller.remove(&self.listener);
        self.resting_until = Some(until);
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.resting_until
    }

    pub(crate) fn on_deadline(&mut self, turn: &mut Turn<'_>) {
        self.resting_until = None;
        self.start(turn);
    }

    pub(crate) fn on_readable(&mut self, turn: &mut Turn<'_>) {
        for _ in 0..ACCEPTS_PER_TURN {
            if let Some(until) = self.pending.full_until(turn.now) {
                return self.rest(until, turn);
            }
            match self.listener.accept() {
                Ok(Some(stream)) => self.accepted(stream, turn),
                Ok(None) => return,
                Err(e) => {
                    self.failed(&e);
                    if !concerns_connection(&e) {
                        let closed = is_exhaustion(&e) && self.pending.close_oldest(turn.now);
                        let rest = if closed { SHORT_REST } else { REST };
                        return self.rest(turn.now + rest, turn);
                    }
                }
            }
        }
    }

    fn accepted(&self, stream: Stream, turn: &mut Turn<'_>) {
        if let Err(e) = self.listener.set_up(&stream) {
            return self.failed(&e);
        }
        if !self.settings.admits(&stream) {
            self.notice(Notice::AcceptFailed, REFUSED.errno());
            return;
        }
        let ends = Ends {
            endpoint: self.endpoint.clone(),
            local: stream.local_endpoint(),
            remote: stream.remote_endpoint(),
        };
        self.port.monitor.notify(Notice::Accepted, fd_value(&stream), &ends);
        let io = turn.context.choose_io(self.settings.options.affinity).unwrap_or_else(|| turn.io.clone());
        let (port, settings, open) = (self.port.clone(), self.settings.clone(), self.open.clone());
        Session::accepted(turn, io, port, settings, self.id, open, &self.pending, stream, ends);
    }

    fn failed(&self, error: &std::io::Error) {
        self.notice(Notice::AcceptFailed, error.raw_os_error().unwrap_or(0));
    }

    fn notice(&self, notice: Notice, value: i32) {
        self.port.monitor.notify(notice, value as u64, &Ends::bound(&self.endpoint));
    }

    pub(crate) fn close(self, poller: &Poller) {
        use std::os::fd::AsRawFd;
        self.open.store(false, Ordering::Relaxed);
        let _ = poller.remove(&self.listener);
        let fd = self.listener.as_raw_fd();
        let (port, ends) = (self.port, Ends::bound(&self.endpoint));
        // An ipc wildcard's file and directory go with it, or fail to.
        let (notice, value) = match self.listener.close() {
            Ok(()) => (Notice::Closed, fd),
            Err(error) => (Notice::CloseFailed, error.raw_os_error().unwrap_or(0)),
        };
        port.monitor.notify(notice, value as u64, &ends);
        port.monitor.unlistened();
    }
}

/// A descriptor as the value of an event.
pub(crate) fn fd_value(fd: &impl std::os::fd::AsRawFd) -> u64 {
    fd.as_raw_fd() as u64
}
