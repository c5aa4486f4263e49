//! The part of a socket that other threads touch: its mailbox, its wake-up and its monitor.
//!
//! Peers hear of a socket, and a socket of its peers, only through [`Event`]s posted here. The owner takes them at
//! the start of each call, when one relaxed load says that there are any.

use std::{
    io,
    os::fd::RawFd,
    sync::{Arc, OnceLock, Weak},
};

use ferrozmq_base::{
    PeerInfo, Pipe, PipeId, Result,
    mailbox::Mailbox,
    sync::{AtomicBool, AtomicU64, Mutex, Ordering, lock},
};
use ferrozmq_pattern::Local;
use ferrozmq_sys::WakeFd;

use crate::{
    conn::Conn,
    inproc::{Owner, Party},
    io_thread::{Command, Io},
    monitor::{Ends, MonitorSlot},
    stats::Losses,
    zap_client::Ticket,
};

/// The far end of a pipe, as its owner reaches it.
#[derive(Debug, Clone)]
pub(crate) enum Far {
    /// A connection, driven by an I/O thread.
    Wire(Arc<Conn>),
    /// A socket of the same context.
    Inproc {
        port: Arc<Port>,
        /// Our pipe, for the far end.
        near: Arc<Owner>,
        /// The far pipe.
        far: Arc<Owner>,
        far_send_hwm: u32,
        far_receive_hwm: u32,
        /// What the far end wants to receive as our last message.
        farewell: Option<Arc<[u8]>>,
        ends: Arc<Ends>,
    },
}

impl Far {
    pub(crate) fn inproc(party: &Party, near: Arc<Owner>, far: Arc<Owner>, ends: Ends) -> Self {
        Self::Inproc {
            port: party.port.clone(),
            near,
            far,
            far_send_hwm: party.send_hwm,
            far_receive_hwm: party.receive_hwm,
            farewell: party.farewell.clone(),
            ends: Arc::new(ends),
        }
    }

    /// The two ends in words.
    pub(crate) fn ends(&self) -> Ends {
        match self {
            Self::Wire(conn) => conn.ends(),
            Self::Inproc { ends, .. } => (**ends).clone(),
        }
    }
}

/// A pipe, by what its far end knows of it.
#[derive(Debug)]
pub(crate) enum Whose {
    Wire(Arc<Conn>),
    Inproc(Arc<Owner>),
}

/// A new pipe for a socket.
#[derive(Debug)]
pub(crate) struct Attachment {
    pub pipe: Pipe,
    pub far: Far,
    pub local: Local,
    /// None on a connection that is still being made.
    pub info: Option<PeerInfo>,
}

/// What a socket is told by its peers, its sessions and its context.
#[derive(Debug)]
pub(crate) enum Event {
    /// A peer was accepted, or connected over inproc.
    Attached(Box<Attachment>),
    /// The peer at the end of a pipe that we connected is known now.
    Identified(PipeId, Box<PeerInfo>),
    /// A pipe that was found empty can be read.
    Readable(PipeId),
    /// A pipe that was found full can be written.
    Writable(PipeId),
    /// The connection of a pipe was lost and is being made again.
    Hiccup(PipeId),
    /// The far end of a pipe is gone.
    Ended(Whose),
    /// The far end of a pipe is gone, and takes back what was not read: then others may follow.
    Withdrawn(Arc<Owner>, Ticket),
    /// The endpoint that this session connects to is over, and no more listed.
    Unlisted(u64),
    /// The name that an inproc pipe waited for was bound.
    Bound(PipeId, Box<Party>),
    /// The context is being shut down.
    Stop,
}

/// Who reads the mail of a hidden socket, which has no thread that would look.
#[derive(Debug)]
pub(crate) enum Relay {
    /// The socket is the monitor of this one.
    Monitor(Weak<Port>),
    /// The socket asks a question for this session.
    Session(Arc<Io>, u64),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Port {
    mailbox: Mailbox<Event>,
    wake: WakeFd,
    /// Who is woken instead: of the threads that wait for one socket, the one that looks out for all.
    lookout: Mutex<Option<Arc<WakeFd>>>,
    /// Who else is told of everything: pollers that the application waits for by a descriptor.
    watchers: Mutex<Vec<Arc<WakeFd>>>,
    /// Whether there are watchers.
    watched: AtomicBool,
    /// Set once the application has asked for the descriptor: it polls by itself, so every post signals.
    exported: AtomicBool,
    /// Who reads the mail of a hidden socket.
    relay: OnceLock<Relay>,
    closed: AtomicBool,
    /// The owner waits in a way that reads connections itself: sessions may lend it the right to.
    leasable: AtomicBool,
    /// The owner has taken back a connect.
    disconnected: AtomicBool,
    /// Handshakes that were closed because there were too many.
    evicted: AtomicU64,
    /// Handshakes that took too long because nobody judged the peer.
    unjudged: AtomicU64,
    pub monitor: MonitorSlot,
    pub losses: Losses,
}

impl Port {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            mailbox: Mailbox::new(),
            wake: WakeFd::new()?,
            lookout: Mutex::new(None),
            watchers: Mutex::default(),
            watched: AtomicBool::new(false),
            exported: AtomicBool::new(false),
            relay: OnceLock::new(),
            closed: AtomicBool::new(false),
            leasable: AtomicBool::new(false),
            disconnected: AtomicBool::new(false),
            evicted: AtomicU64::new(0),
            unjudged: AtomicU64::new(0),
            monitor: MonitorSlot::default(),
            losses: Losses::default(),
        })
    }

    /// Leaves an event; the owner is woken if it sleeps. Returns the event if the socket is closed.
    pub(crate) fn post(&self, event: Event) -> Result<(), Event> {
        if self.mailbox.post(event)? {
            self.signal();
        }
        for watcher in self.watchers() {
            watcher.signal();
        }
        match self.relay.get() {
            None => {}
            Some(Relay::Monitor(watched)) => {
                if let Some(watched) = watched.upgrade() {
                    watched.monitor.pump();
                }
            }
            Some(Relay::Session(io, session)) => io.send(Command::Answered(*session)),
        }
        Ok(())
    }

    /// One relaxed load.
    #[inline]
    pub(crate) fn has_mail(&self) -> bool {
        !self.mailbox.is_empty()
    }

    /// Takes all events, in order.
    pub(crate) fn take(&self, into: &mut Vec<Event>) {
        if self.exported.load(Ordering::Relaxed) {
            // The descriptor falls silent before the mail is taken, and speaks for everything that comes after.
            self.wake.clear();
            self.mailbox.sleeper().prepare();
        }
        self.mailbox.take(into);
    }

    /// No more mail is accepted; what was left is returned.
    pub(crate) fn close(&self, into: &mut Vec<Event>) {
        self.closed.store(true, Ordering::Relaxed);
        into.append(&mut self.mailbox.close());
    }

    /// Whether the socket was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Somebody else reads the mail of this socket.
    pub(crate) fn relay(&self, relay: Relay) {
        let _ = self.relay.set(relay);
    }

    /// The descriptor that becomes readable when an event comes.
    pub(crate) fn export(&self) -> RawFd {
        use std::os::fd::AsRawFd;
        if !self.exported.swap(true, Ordering::Relaxed) {
            self.mailbox.sleeper().prepare();
            if self.has_mail() {
                self.wake.signal();
            }
        }
        self.wake.as_raw_fd()
    }

    fn signal(&self) {
        // Not under the lock: who is woken may want it.
        let lookout = lock(&self.lookout).clone();
        lookout.as_deref().unwrap_or(&self.wake).signal();
    }

    /// From now on this is signalled in place of the descriptor.
    pub(crate) fn set_lookout(&self, lookout: Option<Arc<WakeFd>>) {
        *lock(&self.lookout) = lookout;
    }

    /// From now on this is signalled after every post.
    pub(crate) fn add_watcher(&self, watcher: &Arc<WakeFd>) {
        lock(&self.watchers).push(watcher.clone());
        self.watched.store(true, Ordering::Relaxed);
        // Whoever posts from here on sees the flag; what was posted before is there to be found.
        self.mailbox.sleeper().prepare();
    }

    pub(crate) fn remove_watcher(&self, watcher: &Arc<WakeFd>) {
        let mut watchers = lock(&self.watchers);
        watchers.retain(|other| !Arc::ptr_eq(other, watcher));
        self.watched.store(!watchers.is_empty(), Ordering::Relaxed);
    }

    pub(crate) fn watchers(&self) -> Vec<Arc<WakeFd>> {
        if self.is_watched() { lock(&self.watchers).clone() } else { Vec::new() }
    }

    /// Whether somebody is told of every post.
    pub(crate) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    /// Whether the application polls the descriptor by itself.
    pub(crate) fn is_exported(&self) -> bool {
        self.exported.load(Ordering::Relaxed)
    }

    /// Whether a connect was taken back (zmq_disconnect(3)).
    pub(crate) fn has_disconnected(&self) -> bool {
        self.disconnected.load(Ordering::Relaxed)
    }

    pub(crate) fn set_disconnected(&self) {
        self.disconnected.store(true, Ordering::Relaxed);
    }

    pub(crate) fn count_evicted(&self) {
        self.evicted.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    pub(crate) fn count_unjudged(&self) {
        self.unjudged.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unjudged(&self) -> u64 {
        self.unjudged.load(Ordering::Relaxed)
    }

    pub(crate) fn is_leasable(&self) -> bool {
        self.leasable.load(Ordering::Relaxed)
    }

    pub(crate) fn set_leasable(&self, leasable: bool) {
        self.leasable.store(leasable, Ordering::Relaxed);
    }

    /// Ends a sleep of the owner, so that it looks again.
    pub(crate) fn wake(&self) {
        if self.mailbox.sleeper().wake() {
            self.signal();
        }
    }

    /// Ends a sleep of the owner, this one or the next, so that it gives back what it holds.
    pub(crate) fn nudge(&self) {
        self.mailbox.sleeper().wake();
        self.signal();
    }

    /// The owner is about to sleep on [`Port::wake_fd`]; false if there is mail already.
    pub(crate) fn prepare_sleep(&self) -> bool {
        if self.is_exported() {
            // A post may signal after its event was taken already: a stale signal must not end the sleep again.
            self.wake.clear();
        }
        self.mailbox.sleeper().prepare();
        if self.has_mail() {
            self.awake(true);
            if self.is_exported() {
                // It stays untaken if a wait for several sockets fails because of another one.
                self.wake.signal();
            }
            return false;
        }
        true
    }

    /// The lookout is about to sleep; false if there is mail already.
    pub(crate) fn prepare_lookout(&self) -> bool {
        self.mailbox.sleeper().prepare();
        let quiet = !self.has_mail();
        if !quiet {
            self.awake_lookout();
        }
        quiet
    }

    /// The lookout looks at the mail by itself.
    pub(crate) fn awake_lookout(&self) {
        self.mailbox.sleeper().awake();
    }

    /// The owner does not sleep any more. `signalled`: its descriptor was, or may have been. One that is signalled
    /// later ends the next sleep early.
    pub(crate) fn awake(&self, signalled: bool) {
        if !self.exported.load(Ordering::Relaxed) {
            self.mailbox.sleeper().awake();
            if signalled {
                self.wake.clear();
            }
        }
    }

    pub(crate) fn wake_fd(&self) -> &WakeFd {
        &self.wake
    }
}

/// Waits until one of the descriptors is ready, the deadline passes (`Again`) or a signal arrives (`Interrupted`).
pub(crate) fn sleep(
    fds: &mut [ferrozmq_sys::PollFd],
    deadline: Option<std::time::Instant>,
    mask: Option<&ferrozmq_sys::SignalSet>,
) -> io::Result<usize> {
    ferrozmq_sys::wait_until(fds, deadline, mask)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferrozmq_sys::{Interest, PollFd};

    #[test]
    fn an_exported_descriptor_speaks_for_mail_that_a_wait_has_left() {
        let port = Port::new().expect("a port");
        port.export();
        assert!(port.prepare_sleep());
        port.post(Event::Stop).expect("open");
        // As the second of two sockets whose wait fails because of the first.
        assert!(!port.prepare_sleep());
        let mut fds = [PollFd::new(port.wake_fd(), Interest::READ)];
        ferrozmq_sys::wait(&mut fds, Some(std::time::Duration::ZERO), None).expect("a look");
        assert!(fds[0].is_readable());
        port.take(&mut Vec::new());
        ferrozmq_sys::wait(&mut fds, Some(std::time::Duration::ZERO), None).expect("a look");
        assert!(!fds[0].is_readable());
    }
}
