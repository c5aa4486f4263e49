//! What happens on the connections of a socket: counted for `--wait-peers`, told on standard error for `--verbose`; what
//! fails is told in any case, once for each reason.

use std::{
    collections::HashSet,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use ferrozmq::{Context, Error, Interest, Interrupt, Monitor, MonitorEvent, Poller, Pull, SocketType};

use crate::{failure::Failure, numbers::time, say::say};

/// A thread that follows a socket's monitor until the socket is closed.
pub(crate) struct Watch {
    thread: JoinHandle<()>,
    /// The number of peers, whenever it changes.
    changes: Pull,
    peers: usize,
}

impl Watch {
    pub(crate) fn start(
        ctx: &Context,
        monitor: Monitor,
        kind: SocketType,
        verbose: bool,
    ) -> Result<Self, Failure> {
        const CHANGES: &str = "inproc://fzmq/peers";
        let changes = ctx.pull().bind(CHANGES)?;
        let mut tell = ctx.push().connect(CHANGES)?;
        let thread = thread::spawn(move || {
            follow(monitor, kind, verbose, |peers| {
                // Nobody may be interested any more.
                let _ = tell.try_send(peers.to_string());
            });
        });
        Ok(Self { thread, changes, peers: 0 })
    }

    /// Waits until `count` peers are there.
    pub(crate) fn wait_for(
        &mut self,
        count: usize,
        timeout: Option<Duration>,
        interrupt: &Interrupt,
    ) -> Result<(), Failure> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let mut poller = Poller::new();
        poller.interrupt(interrupt);
        poller.add(&self.changes, (), Interest::READABLE)?;
        while self.peers < count {
            let remaining = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if poller.wait(remaining)?.is_empty() {
                let (peers, timeout) = (self.peers, time(timeout.unwrap_or_default()));
                return Err(Failure::Timeout(format!("{peers} of {count} peers came within {timeout}")));
            }
            let change = self.changes.recv()?;
            self.peers = change.as_str().ok().and_then(|text| text.parse().ok()).unwrap_or(self.peers);
        }
        Ok(())
    }

    /// After the socket was closed: everything has been told.
    pub(crate) fn join(self) {
        let _ = self.thread.join();
    }
}

/// A thread that tells what happens on a socket's connections, until the socket is closed.
pub(crate) fn tell(monitor: Monitor, kind: SocketType, verbose: bool) -> JoinHandle<()> {
    thread::spawn(move || follow(monitor, kind, verbose, |_| ()))
}

fn follow(monitor: Monitor, kind: SocketType, verbose: bool, mut tell: impl FnMut(usize)) {
    use MonitorEvent::*;
    let mut peers = 0_usize;
    // Connections that never were peers, until they end.
    let mut failed = Vec::new();
    let mut warned = HashSet::new();
    for event in monitor {
        // An error is the end of the context.
        let Ok(event) = event else { return };
        if verbose {
            say!("{}", described(&event));
        } else if failure(&event).is_some_and(|failure| warned.insert(failure)) {
            say!("fzmq: warning: {}", described(&event));
        }
        if let Disconnected { local, remote } | Closed { local, remote } | ConnectFailed { local, remote, .. } =
            &event
            && let Some(i) = failed.iter().position(|(l, r)| (l, r) == (local, remote))
        {
            failed.swap_remove(i);
            continue;
        }
        // STREAM shakes no hands.
        let raw = kind == SocketType::Stream;
        peers = match event {
            HandshakeSucceeded { .. } => peers + 1,
            HandshakeFailed { local, remote, .. } => {
                failed.push((local, remote));
                continue;
            }
            Connected { .. } | Accepted { .. } if raw => peers + 1,
            Disconnected { .. } => peers.saturating_sub(1),
            _ => continue,
        };
        tell(peers);
    }
}

/// What went wrong, if that is worth a word. That nobody is there is not: he may come.
fn failure(event: &MonitorEvent) -> Option<String> {
    use Error::{ConnectionRefused, ConnectionReset, NotFound, TimedOut};
    match event {
        MonitorEvent::HandshakeFailed { reason, .. } | MonitorEvent::Violation { reason, .. } => {
            Some(reason.to_string())
        }
        MonitorEvent::ConnectFailed {
            error: ConnectionRefused | ConnectionReset | NotFound | TimedOut,
            ..
        } => None,
        MonitorEvent::ConnectFailed { error, .. } => Some(error.to_string()),
        _ => None,
    }
}

fn described(event: &MonitorEvent) -> String {
    use MonitorEvent::*;
    let between = |local: &str, remote: &str| match (local, remote) {
        (only, "") | ("", only) => only.to_owned(),
        (local, remote) if local == remote => local.to_owned(),
        (local, remote) => format!("{local} - {remote}"),
    };
    match event {
        Connected { local, remote } => format!("connected: {}", between(local, remote)),
        ConnectDelayed { local, remote } => format!("connecting: {}", between(local, remote)),
        ConnectFailed { local, remote, error } => {
            format!("not connected: {}: {error}", between(local, remote))
        }
        ConnectRetried { local, remote, after } => {
            format!("connecting again in {}: {}", time(*after), between(local, remote))
        }
        Listening { local, remote } => format!("listening: {}", between(local, remote)),
        BindFailed { local, remote, error } => format!("not bound: {}: {error}", between(local, remote)),
        Accepted { local, remote } => format!("accepted: {}", between(local, remote)),
        AcceptFailed { local, remote, error } => format!("not accepted: {}: {error}", between(local, remote)),
        Closed { local, remote } => format!("closed: {}", between(local, remote)),
        Disconnected { local, remote } => format!("disconnected: {}", between(local, remote)),
        HandshakeSucceeded { local, remote } => format!("ready: {}", between(local, remote)),
        HandshakeFailed { local, remote, reason } => {
            format!("handshake failed: {}: {reason}", between(local, remote))
        }
        Violation { local, remote, reason } => format!("cut off: {}: {reason}", between(local, remote)),
        Other { local, remote, event, value } => {
            format!("event {event:#x}, value {value}: {}", between(local, remote))
        }
        other => format!("{other:?}"),
    }
}
