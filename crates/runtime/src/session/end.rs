//! How a connection ends: lost, refused, closed with or without what is queued.

use super::*;

/// How long a peer may take to close its side after we have closed ours.
const FAREWELL: Duration = Duration::from_secs(2);

impl Session {
    pub(crate) fn violation(&mut self, error: ProtocolError, turn: &mut Turn<'_>) {
        let libzmq = error.event_code().map(|code| (Notice::HandshakeProtocol, u64::from(code)));
        self.port.monitor.notify_failure(Some((Notice::Violation, error.into())), libzmq, &self.ends);
        self.leave(After::End, turn);
    }

    pub(super) fn lost(&mut self, _error: &io::Error, turn: &mut Turn<'_>) {
        self.leave(After::Loss, turn);
    }

    /// Ends the connection. If the application holds a direction of it, it is woken, gives it back with the note that
    /// our try left, and the session is called again.
    pub(super) fn leave(&mut self, after: After, turn: &mut Turn<'_>) {
        if let (Phase::Active(stream) | Phase::Farewell(stream), Some(conn), None) =
            (&self.phase, self.conn.clone(), &self.holds)
        {
            // Whoever holds the output finds the note of our try, and nobody's promise: it calls us again.
            conn.link.promise.unwatch();
            conn.link.promise.begin_look();
            match Holds::take(&conn) {
                Some(holds) => self.holds = Some(holds),
                // A holder that panicked gives nothing back.
                None if conn.output.is_poisoned() || conn.input.is_poisoned() => {}
                None => {
                    self.leaving = Some(after);
                    let stream = stream.clone();
                    let _ = stream.shutdown_both();
                    self.unwatch(&stream, turn.poller);
                    (self.lease, self.watch) = (None, None);
                    return self.port.nudge();
                }
            }
        }
        self.leaving = None;
        self.disconnect(turn);
        match after {
            After::Loss => self.after_loss(turn),
            After::End => self.bury(turn.poller),
        }
    }

    /// Lets go of the stream; both directions are held.
    pub(super) fn disconnect(&mut self, turn: &mut Turn<'_>) {
        let (stream, stood) = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Tunnel(t) => (t.stream, false),
            Phase::Handshake(h) => (h.stream, false),
            Phase::Active(stream) => (stream, self.identified),
            Phase::Connecting(stream) | Phase::Farewell(stream) => (stream, false),
            other => return self.phase = other,
        };
        (self.lease, self.watch, self.idle_at) = (None, None, None);
        let fd = fd_value(&stream);
        self.unwatch(&stream, turn.poller);
        let _ = stream.shutdown_both();
        self.codec = None;
        (self.question, self.user, self.rejected) = (None, None, false);
        self.input_paused = false;
        if let Some(peer) = self.peer.take() {
            PeerTable::release(peer);
        }
        if let Some(conn) = self.conn.clone() {
            conn.link.promise.park();
            if let Some(holds) = &mut self.holds {
                let output = conn.output.access(&mut holds.output);
                output.detach();
                let wake = std::mem::take(&mut output.wake_writer);
                if wake && let Some(id) = conn.link.owner() {
                    let _ = self.port.post(Event::Writable(id));
                }
                let input = conn.input.access(&mut holds.input);
                input.detach();
                let connected = matches!(self.role, Role::Connect(_));
                if stood
                    && self.closing.is_none()
                    && let Some(message) = self.settings.farewell(connected)
                    // Without memory for it nothing is said.
                    && let Ok(true) = input.push_farewell(message)
                {
                    self.tell(Event::Readable);
                }
            }
        }
        drop(stream);
        if self.closing.is_none() {
            self.port.monitor.notify(Notice::Disconnected, fd, &self.ends);
        }
    }

    /// The connection is gone: the connecting side makes a new one, the accepting side ends.
    pub(super) fn after_loss(&mut self, turn: &mut Turn<'_>) {
        if self.closing.is_some() && !self.has_output() {
            return self.die(turn);
        }
        let Role::Connect(connector) = &mut self.role else { return self.die(turn) };
        if !connector.reconnects() {
            self.unlist();
            return self.die(turn);
        }
        if self.settings.options.immediate {
            self.end_pipe();
        } else if self.identified && (self.settings.raw || self.settings.kind.sends_commands()) {
            self.awaits_restart = !self.settings.raw;
            self.tell(Event::Hiccup);
        }
        if !self.connects_elsewhere(turn) {
            self.retry(turn);
        }
    }

    /// The endpoint is over: the socket forgets that it connected.
    pub(super) fn unlist(&self) {
        let _ = self.port.post(Event::Unlisted(self.id));
    }

    /// Ends the pipe: what the peer sent stays readable, what was queued for it is dropped and counted.
    pub(super) fn end_pipe(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        self.identified = false;
        if let Some(mut holds) = self.holds.take().or_else(|| Holds::take(&conn)) {
            let dropped = conn.output.access(&mut holds.output).end();
            conn.link.sent.dropped(Dropped::PeerGone).add(dropped);
            conn.input.access(&mut holds.input).end();
            // The locks stay held: nobody drives a dead connection.
        }
        conn.leave(&self.port.losses);
        let _ = self.port.post(Event::Ended(Whose::Wire(conn)));
    }

    pub(super) fn die(&mut self, turn: &mut Turn<'_>) {
        self.leave(After::End, turn);
    }

    /// Puts away whatever is left.
    pub(crate) fn bury(&mut self, poller: &Poller) {
        match std::mem::replace(&mut self.phase, Phase::Dead) {
            Phase::Tunnel(t) => self.unwatch(&t.stream, poller),
            Phase::Handshake(h) => self.unwatch(&h.stream, poller),
            Phase::Active(s) | Phase::Connecting(s) | Phase::Farewell(s) => self.unwatch(&s, poller),
            _ => {}
        }
        if let Some(peer) = self.peer.take() {
            PeerTable::release(peer);
        }
        self.end_pipe();
    }

    /// The socket is done with the connection.
    pub(crate) fn close(&mut self, how: Close, turn: &mut Turn<'_>) {
        if self.closing.is_some() && how != Close::Now {
            return;
        }
        match how {
            Close::Now => self.abandon(turn),
            Close::Linger(Some(Duration::ZERO)) => {
                // What the kernel takes at once goes out nevertheless.
                self.closing = Some(Some(turn.now));
                self.look(turn);
                if !matches!(self.phase, Phase::Farewell(_)) {
                    self.abandon(turn);
                }
            }
            Close::Linger(limit) => {
                self.closing = Some(turn.after(limit));
                // Nobody is left to write subscriptions again.
                self.awaits_restart = false;
                match &self.phase {
                    Phase::Active(_) => {
                        self.look(turn);
                        if let Phase::Active(stream) = &self.phase {
                            // From here on input is read only to be thrown away.
                            let stream = stream.clone();
                            self.discard_input();
                            self.input_paused = false;
                            if self.rewatch_as_needed(&stream, turn) {
                                self.reclaim(turn);
                            }
                        }
                    }
                    Phase::Farewell(_) | Phase::Dead => {}
                    _ => {
                        if !self.has_output() {
                            self.die(turn);
                        }
                    }
                }
            }
        }
    }

    /// The socket is gone: what the peer sends is read, so that it is not stuck, and thrown away.
    pub(super) fn discard_input(&self) {
        if let Some(mut half) = self.conn.as_ref().and_then(|conn| conn.input.try_lock()) {
            half.end();
            half.unlock();
        }
    }

    /// Gives up what has not been sent.
    pub(super) fn abandon(&mut self, turn: &mut Turn<'_>) {
        self.closing = Some(Some(turn.now));
        self.die(turn);
    }

    /// Everything is with the kernel: closes our side and waits for the peer's.
    pub(super) fn finish(&mut self, turn: &mut Turn<'_>) {
        if self.has_output() {
            return;
        }
        let Phase::Active(stream) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        // Whatever the application had of the connection, it reads no more of it.
        if let Some(half) = self.conn.as_ref().and_then(|conn| conn.input.take_back()) {
            half.unlock();
        }
        // The clocks of an active connection: nothing would ever stop them again.
        (self.lease, self.watch, self.idle_at) = (None, None, None);
        let _ = stream.shutdown_write();
        let limit = turn.now + FAREWELL;
        let deadline = self.closing.flatten().map_or(limit, |at| at.min(limit));
        self.closing = Some(Some(deadline));
        let _ = self.rewatch(&stream, Interest::READ, turn);
        self.phase = Phase::Farewell(stream);
        self.farewell(turn);
    }

    pub(super) fn farewell(&mut self, turn: &mut Turn<'_>) {
        let Phase::Farewell(stream) = &self.phase else { return };
        let stream = stream.clone();
        let mut discarded = [0; 16 * 1024];
        for _ in 0..READS_PER_TURN {
            match stream.read_into(&mut discarded) {
                Ok(0) => return self.die(turn),
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => return self.die(turn),
            }
        }
    }

    pub(super) fn has_output(&mut self) -> bool {
        let Some(conn) = self.conn.clone() else { return false };
        match &mut self.holds {
            Some(holds) => !conn.output.access(&mut holds.output).is_drained(),
            None => conn.output.try_lock().is_none_or(|mut half| !half.is_drained()),
        }
    }
}
