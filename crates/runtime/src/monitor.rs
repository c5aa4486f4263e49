//! What happens on a socket's connections, as events for whoever watches (zmq_socket_monitor(3)).
//!
//! Events go to a hidden socket bound at an inproc endpoint. Nobody ever waits for a watcher: what it does not take
//! is kept up to a limit, then dropped and counted.

use std::{collections::VecDeque, sync::Arc};

use ferrozmq_base::{
    Error, Msg, PipeId, Result, SocketType,
    sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, lock},
};

use crate::{
    failure::HandshakeFailure,
    port::Relay,
    socket::{Flags, SocketCore},
};

/// The most events that wait for a watcher.
const BACKLOG: usize = 10_000;

/// The kinds of event, with their bits in `zmq.h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Notice {
    Connected = 0x1,
    ConnectDelayed = 0x2,
    ConnectRetried = 0x4,
    Listening = 0x8,
    BindFailed = 0x10,
    Accepted = 0x20,
    AcceptFailed = 0x40,
    Closed = 0x80,
    CloseFailed = 0x100,
    Disconnected = 0x200,
    Stopped = 0x400,
    HandshakeFailed = 0x800,
    HandshakeSucceeded = 0x1000,
    HandshakeProtocol = 0x2000,
    HandshakeAuth = 0x4000,
    PipesStats = 0x10000,
    /// A peer broke the protocol in its traffic. In the typed layout only.
    Violation = 1 << 32,
    /// An attempt to connect failed, with its code of the operating system. In the typed layout only.
    ConnectFailed = 1 << 33,
}

/// The layout of an event's message: 1 and 2 are those of zmq_socket_monitor_versioned(3).
const LAYOUTS: [i32; 2] = [1, 2];
/// As 2, but failures come with the reason in two numbers instead of libzmq's value, and there are some more of them.
const TYPED: i32 = 3;

/// The two ends of a connection, in words: what version 1 of an event says, and what version 2 says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends {
    pub endpoint: String,
    pub local: String,
    pub remote: String,
}

impl Ends {
    /// What a socket connected to, and what it does not know its own end of.
    pub(crate) fn connected(endpoint: &str) -> Self {
        Self { endpoint: endpoint.to_owned(), local: String::new(), remote: endpoint.to_owned() }
    }

    /// What a socket bound.
    pub(crate) fn bound(endpoint: &str) -> Self {
        Self { endpoint: endpoint.to_owned(), local: endpoint.to_owned(), remote: String::new() }
    }
}

/// A socket's place for a monitor.
#[derive(Debug, Default)]
pub(crate) struct MonitorSlot {
    /// The events that are wanted: one load when nobody watches.
    mask: AtomicU64,
    monitor: Mutex<Option<Monitor>>,
    /// The listeners that exist: the end of each is told, also after the socket was closed.
    listeners: AtomicUsize,
    closed: AtomicBool,
}

#[derive(Debug)]
struct Monitor {
    socket: SocketCore,
    version: i32,
    waiting: VecDeque<Vec<Msg>>,
    dropped: u64,
}

impl MonitorSlot {
    /// Starts watching, in place of whoever watched before.
    pub(crate) fn start(&self, socket: SocketCore, events: u64, version: i32) {
        self.stop();
        *lock(&self.monitor) = Some(Monitor { socket, version, waiting: VecDeque::new(), dropped: 0 });
        self.mask.store(events, Ordering::Release);
    }

    /// Stops watching; the watcher is told.
    pub(crate) fn stop(&self) {
        let mask = self.mask.swap(0, Ordering::AcqRel);
        let Some(mut monitor) = lock(&self.monitor).take() else { return };
        if mask & Notice::Stopped as u64 != 0 {
            monitor.emit(Notice::Stopped, &[0], &Ends::default());
        }
        monitor.socket.close();
    }

    /// A listener is made, whose end is told by [`MonitorSlot::unlistened`].
    pub(crate) fn listens(&self) {
        self.listeners.fetch_add(1, Ordering::SeqCst);
    }

    /// A listener has ended and said so. After a close the last one stops the watching.
    pub(crate) fn unlistened(&self) {
        if self.listeners.fetch_sub(1, Ordering::SeqCst) == 1 && self.closed.load(Ordering::SeqCst) {
            self.stop();
        }
    }

    /// The socket is being closed: its connections end without a word, its listeners not.
    pub(crate) fn close(&self) {
        let last = Notice::Closed as u64 | Notice::CloseFailed as u64 | Notice::Stopped as u64;
        self.mask.fetch_and(last, Ordering::AcqRel);
        self.closed.store(true, Ordering::SeqCst);
        if self.listeners.load(Ordering::SeqCst) == 0 {
            self.stop();
        }
    }

    /// Tells the watcher, if it wants this event.
    pub(crate) fn notify(&self, notice: Notice, value: u64, ends: &Ends) {
        self.notify_values(notice, &[value], ends);
    }

    /// As [`MonitorSlot::notify`], for an event of several values.
    pub(crate) fn notify_values(&self, notice: Notice, values: &[u64], ends: &Ends) {
        if !self.wants(notice) {
            return;
        }
        if let Some(monitor) = &mut *lock(&self.monitor) {
            monitor.emit(notice, values, ends);
        }
    }

    /// Tells the watcher of an event that only the typed layout has.
    pub(crate) fn notify_typed(&self, notice: Notice, value: u64, ends: &Ends) {
        if !self.wants(notice) {
            return;
        }
        if let Some(monitor) = &mut *lock(&self.monitor)
            && monitor.version == TYPED
        {
            monitor.emit(notice, &[value], ends);
        }
    }

    /// Tells the watcher why a connection failed: `typed` if it has the typed layout, otherwise the event that libzmq has
    /// for it.
    pub(crate) fn notify_failure(
        &self,
        typed: Option<(Notice, HandshakeFailure)>,
        libzmq: Option<(Notice, u64)>,
        ends: &Ends,
    ) {
        if self.mask.load(Ordering::Acquire) == 0 {
            return;
        }
        let Some(monitor) = &mut *lock(&self.monitor) else { return };
        match (typed, libzmq) {
            (Some((notice, why)), _) if monitor.version == TYPED && self.wants(notice) => {
                monitor.emit(notice, &why.numbers(), ends);
            }
            (_, Some((notice, value))) if monitor.version != TYPED && self.wants(notice) => {
                monitor.emit(notice, &[value], ends);
            }
            _ => {}
        }
    }

    /// Whether somebody watches for this event.
    pub(crate) fn wants(&self, notice: Notice) -> bool {
        self.mask.load(Ordering::Acquire) & notice as u64 != 0
    }

    /// Events that the watcher lost, because it did not take those before them.
    pub(crate) fn dropped(&self) -> u64 {
        lock(&self.monitor).as_ref().map_or(0, |monitor| monitor.dropped)
    }

    /// The watcher has come, or has made room: sends what waits.
    pub(crate) fn pump(&self) {
        if let Some(monitor) = &mut *lock(&self.monitor) {
            monitor.pump();
        }
    }
}

impl Monitor {
    fn emit(&mut self, notice: Notice, values: &[u64], ends: &Ends) {
        if self.waiting.len() >= BACKLOG {
            self.dropped += 1;
            return;
        }
        match self.frames(notice, values, ends) {
            Ok(frames) => self.waiting.push_back(frames),
            Err(_) => self.dropped += 1,
        }
        self.pump();
    }

    fn frames(&self, notice: Notice, values: &[u64], ends: &Ends) -> Result<Vec<Msg>> {
        let event = notice as u64;
        let mut parts: Vec<Vec<u8>> = Vec::new();
        if self.version == 1 {
            let value = values.first().map_or(0, |value| *value as u32);
            let mut head = (event as u16).to_ne_bytes().to_vec();
            head.extend_from_slice(&value.to_ne_bytes());
            parts.extend([head, ends.endpoint.clone().into_bytes()]);
        } else {
            let numbers = [event, values.len() as u64];
            parts.extend(numbers.iter().chain(values).map(|number| number.to_ne_bytes().to_vec()));
            parts.extend([ends.local.clone().into_bytes(), ends.remote.clone().into_bytes()]);
        }
        parts.iter().map(|p| Msg::copy_from(p).map_err(Error::from)).collect()
    }

    fn pump(&mut self) {
        while let Some(frames) = self.waiting.front_mut() {
            let last = frames.len().saturating_sub(1);
            for (i, frame) in frames.iter_mut().enumerate() {
                let flags = Flags { dont_wait: true, more: i < last };
                // Only the first frame can be refused: a message that was begun can be finished.
                match self.socket.send(frame, flags) {
                    Ok(()) => {}
                    Err(Error::Again) if i == 0 => return,
                    Err(_) => break,
                }
            }
            self.waiting.pop_front();
        }
    }
}

impl SocketCore {
    /// Watches this socket: its events become messages of a hidden socket bound to `endpoint`, an inproc endpoint.
    /// `None` stops.
    ///
    /// `events` are the ZMQ_EVENT bits; `version` 1 or 2 is the layout of the messages; `kind` is PAIR, PUB or PUSH.
    ///
    /// # Errors
    /// `InvalidArgument`, `ProtocolNotSupported` for another transport, `AddressInUse`, `TooManyFiles`, `Terminated`.
    pub fn monitor(
        &mut self,
        endpoint: Option<&str>,
        events: u64,
        version: i32,
        kind: SocketType,
    ) -> Result<()> {
        self.check()?;
        let Some(endpoint) = endpoint else {
            self.port().monitor.stop();
            return Ok(());
        };
        if !LAYOUTS.contains(&version) || version == 1 && events >> 16 != 0 {
            return Err(Error::InvalidArgument);
        }
        self.begin_monitor(endpoint, events, version, kind)
    }

    /// Watches this socket for everything, with the reason of each failure: its events become messages of a hidden PAIR
    /// bound to `endpoint`, an inproc endpoint. The values of [`HandshakeFailure::from_numbers`] are those of the events
    /// that libzmq calls HANDSHAKE_FAILED_NO_DETAIL, and of number 2^32, about traffic. The value of number 2^33, about
    /// connecting, is an errno.
    ///
    /// # Errors
    /// As [`monitor`](Self::monitor).
    pub fn monitor_typed(&mut self, endpoint: &str) -> Result<()> {
        self.check()?;
        self.begin_monitor(endpoint, u64::MAX, TYPED, SocketType::Pair)
    }

    fn begin_monitor(&mut self, endpoint: &str, events: u64, version: i32, kind: SocketType) -> Result<()> {
        if !matches!(kind, SocketType::Pair | SocketType::Pub | SocketType::Push) {
            return Err(Error::InvalidArgument);
        }
        if !endpoint.starts_with("inproc://") {
            ferrozmq_proto::Endpoint::parse_bind(endpoint).map_err(|e| e.errno)?;
            return Err(Error::ProtocolNotSupported);
        }
        self.port().monitor.stop();
        let mut socket = self.shared.socket(kind)?;
        socket.relay_mail(Relay::Monitor(Arc::downgrade(self.port())));
        if let Err(e) = socket.bind(endpoint) {
            let error = e.error();
            socket.close();
            return Err(error);
        }
        self.port().monitor.start(socket, events, version);
        Ok(())
    }

    /// Tells the monitor, for each pipe, how many messages are queued outbound and inbound
    /// (zmq_socket_monitor_pipes_stats).
    ///
    /// # Errors
    /// `InvalidArgument` if no monitor asked for ZMQ_EVENT_PIPES_STATS, `Again` without pipes; `Terminated`.
    pub fn monitor_pipes(&mut self) -> Result<()> {
        self.check()?;
        if !self.port().monitor.wants(Notice::PipesStats) {
            return Err(Error::InvalidArgument);
        }
        let pipes: Vec<PipeId> = self.pipe_ids().collect();
        if pipes.is_empty() {
            return Err(Error::Again);
        }
        for id in pipes {
            let Some(far) = self.far(id) else { continue };
            let ends = far.ends();
            let values = [self.pipes.outbound_queued(id), self.pipes.inbound_queued(id)].map(u64::from);
            self.port().monitor.notify_values(Notice::PipesStats, &values, &ends);
        }
        Ok(())
    }
}
