//! What happens on a socket's connections, as events for whoever watches (zmq_socket_monitor(3)).
//!
//! Events go to a hidden socket bound at an inproc endpoint. Nobody ever waits for a watcher: what it does not take
//! is kept up to a limit, then dropped and counted.

use std::{collections::VecDeque, sync::Arc};

use ferrozmq_base::{
    Error, Msg, Result, SocketType,
    sync::{AtomicU64, Mutex, Ordering, lock},
};

use crate::{
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
    Disconnected = 0x200,
    Stopped = 0x400,
    HandshakeFailed = 0x800,
    HandshakeSucceeded = 0x1000,
    HandshakeProtocol = 0x2000,
    HandshakeAuth = 0x4000,
}

/// The two ends of a connection, in words: what version 1 of an event says, and what version 2 says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends {
    pub endpoint: String,
    pub local: String,
    pub remote: String,
}

/// A socket's place for a monitor.
#[derive(Debug, Default)]
pub(crate) struct MonitorSlot {
    /// The events that are wanted: one load when nobody watches.
    mask: AtomicU64,
    monitor: Mutex<Option<Monitor>>,
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
            monitor.emit(Notice::Stopped, 0, &Ends::default());
        }
        monitor.socket.close();
    }

    /// Tells the watcher, if it wants this event.
    pub(crate) fn notify(&self, notice: Notice, value: u64, ends: &Ends) {
        if self.mask.load(Ordering::Acquire) & notice as u64 == 0 {
            return;
        }
        if let Some(monitor) = &mut *lock(&self.monitor) {
            monitor.emit(notice, value, ends);
        }
    }

    /// The watcher has come, or has made room: sends what waits.
    pub(crate) fn pump(&self) {
        if let Some(monitor) = &mut *lock(&self.monitor) {
            monitor.pump();
        }
    }
}

impl Monitor {
    fn emit(&mut self, notice: Notice, value: u64, ends: &Ends) {
        if self.waiting.len() >= BACKLOG {
            self.dropped += 1;
            return;
        }
        match self.frames(notice, value, ends) {
            Ok(frames) => self.waiting.push_back(frames),
            Err(_) => self.dropped += 1,
        }
        self.pump();
    }

    fn frames(&self, notice: Notice, value: u64, ends: &Ends) -> Result<Vec<Msg>> {
        let event = notice as u64;
        let parts: Vec<Vec<u8>> = if self.version == 1 {
            let mut head = (event as u16).to_ne_bytes().to_vec();
            head.extend_from_slice(&(value as u32).to_ne_bytes());
            vec![head, ends.endpoint.clone().into_bytes()]
        } else {
            vec![
                event.to_ne_bytes().to_vec(),
                1u64.to_ne_bytes().to_vec(),
                value.to_ne_bytes().to_vec(),
                ends.local.clone().into_bytes(),
                ends.remote.clone().into_bytes(),
            ]
        };
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
        if version == 1 && events >> 16 != 0 {
            return Err(Error::InvalidArgument);
        }
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
}
