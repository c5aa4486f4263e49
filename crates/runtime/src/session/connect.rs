//! Connecting: attempts, addresses, and when to try again.

use super::*;

const EINPROGRESS: u64 = 115;
/// In the place of a descriptor that was open for a moment only.
const NO_DESCRIPTOR: u64 = -1_i32 as u32 as u64;

impl Session {
    pub(crate) fn start(&mut self, turn: &mut Turn<'_>) {
        if let Role::Accept { open, .. } = &self.role
            && !open.load(Ordering::Relaxed)
        {
            // The listener ended after it had accepted this, and before this thread knew of it.
            return self.die(turn);
        }
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Connecting(stream) => self.connected(stream, turn),
            _ => self.connect(turn),
        }
    }

    pub(super) fn connect(&mut self, turn: &mut Turn<'_>) {
        self.retry_at = None;
        let Role::Connect(connector) = &mut self.role else { return self.die(turn) };
        match connector.begin(self.id, &self.io, turn.context) {
            Ok(None) => self.phase = Phase::Resolving,
            Ok(Some(connecting)) => self.begun(connecting, turn),
            Err(e) => {
                // Refused at once, as ipc is: libzmq tells the end of the descriptor all the same.
                self.port.monitor.notify(Notice::Closed, NO_DESCRIPTOR, &self.ends);
                self.not_connected(&e, turn);
            }
        }
    }

    pub(crate) fn resolved(&mut self, addresses: io::Result<Vec<SocketAddr>>, turn: &mut Turn<'_>) {
        if !matches!(self.phase, Phase::Resolving) {
            return;
        }
        let Role::Connect(connector) = &mut self.role else { return };
        // The only argument was the name.
        let unknown = |e: io::Error| {
            if e.kind() == io::ErrorKind::InvalidInput { os_error(Error::NoSuchDevice) } else { e }
        };
        match addresses.map_err(unknown).and_then(|a| connector.resolved(a)) {
            Ok(connecting) => self.begun(connecting, turn),
            Err(e) => self.not_connected(&e, turn),
        }
    }

    pub(super) fn begun(&mut self, connecting: Connecting, turn: &mut Turn<'_>) {
        self.retry_at = turn.after(self.settings.options.connect_timeout);
        match connecting {
            Connecting::Done(stream) => self.established(Arc::new(stream), turn),
            Connecting::InProgress(stream) => {
                let stream = Arc::new(stream);
                self.port.monitor.notify(Notice::ConnectDelayed, EINPROGRESS, &self.ends);
                if let Err(e) = self.watch(&stream, Interest::WRITE, turn) {
                    return self.not_connected(&e, turn);
                }
                self.phase = Phase::Connecting(stream);
            }
        }
    }

    /// An attempt failed: the next address, or another try later.
    pub(super) fn not_connected(&mut self, error: &io::Error, turn: &mut Turn<'_>) {
        // What went wrong at a proxy has been told.
        if !matches!(self.phase, Phase::Tunnel(_)) {
            let code = Error::from_io(error).errno() as u64;
            self.port.monitor.notify_typed(Notice::ConnectFailed, code, &self.ends);
        }
        let stream = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Connecting(stream) => Some(stream),
            Phase::Tunnel(tunnel) => Some(tunnel.stream),
            _ => None,
        };
        if let Some(stream) = stream {
            let fd = fd_value(&stream);
            self.unwatch(&stream, turn.poller);
            drop(stream);
            self.port.monitor.notify(Notice::Closed, fd, &self.ends);
        }
        if self.connects_elsewhere(turn) {
            return;
        }
        let Role::Connect(connector) = &mut self.role else { return self.die(turn) };
        if connector.stops_after(error, self.port.has_disconnected()) {
            self.unlist();
            return self.die(turn);
        }
        self.retry(turn);
    }

    /// Connects to the next address of the name, if there is one left that was not tried in this round.
    pub(super) fn connects_elsewhere(&mut self, turn: &mut Turn<'_>) -> bool {
        let Role::Connect(connector) = &mut self.role else { return false };
        match connector.next_address() {
            None => return false,
            Some(Ok(connecting)) => self.begun(connecting, turn),
            Some(Err(e)) => self.not_connected(&e, turn),
        }
        true
    }

    /// Connects again after the back-off, if the socket wants that.
    pub(super) fn retry(&mut self, turn: &mut Turn<'_>) {
        self.phase = Phase::Idle;
        if self.closing.is_some() && !self.has_output() {
            return self.die(turn);
        }
        let Role::Connect(connector) = &mut self.role else { return self.die(turn) };
        // Without an interval the endpoint stays listed, and idle.
        let Some(delay) = connector.delay() else { return self.retry_at = None };
        self.retry_at = turn.after(Some(delay));
        self.port.monitor.notify(Notice::ConnectRetried, delay.as_millis() as u64, &self.ends);
    }

    pub(super) fn notice_connected(&mut self, stream: &Stream) {
        self.ends.local = stream.local_endpoint();
        self.ends.remote = stream.remote_endpoint();
        self.port.monitor.notify(Notice::Connected, fd_value(stream), &self.ends);
    }

    pub(super) fn connect_finished(&mut self, stream: Arc<Stream>, turn: &mut Turn<'_>) {
        match stream.take_error() {
            Ok(None) => {
                self.unwatch(&stream, turn.poller);
                self.established(stream, turn);
            }
            Ok(Some(e)) | Err(e) => self.not_connected(&e, turn),
        }
    }

    /// A connection stands, to the peer or to the proxy on the way to it.
    fn established(&mut self, stream: Arc<Stream>, turn: &mut Turn<'_>) {
        if stream.is_self_connected() {
            // Nobody listens at this port, and the kernel has given it to this very connection: try again.
            self.phase = Phase::Connecting(stream);
            return self.not_connected(&os_error(Error::ConnectionRefused), turn);
        }
        let socks = match &self.role {
            Role::Connect(connector) => connector.socks(),
            Role::Accept { .. } => None,
        };
        match socks {
            Some(socks) => self.tunnel(stream, socks, turn),
            None => self.reached(stream, turn),
        }
    }

    /// The peer is at the other end.
    pub(super) fn reached(&mut self, stream: Arc<Stream>, turn: &mut Turn<'_>) {
        self.notice_connected(&stream);
        self.connected(stream, turn);
    }
}

/// An error of ours as the operating system would report it.
pub(super) fn os_error(error: Error) -> io::Error {
    io::Error::from_raw_os_error(error.errno())
}
