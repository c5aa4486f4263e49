//! From a connected stream to a pipe that carries traffic: greeting, handshake, introduction to the socket.

use super::*;

/// Most bytes of one read in a handshake.
const HANDSHAKE_BYTES: usize = 8 * 1024;
/// More than greeting and HELLO of a PLAIN client.
const PLAIN_BYTES: usize = 1024;
/// What the event of a handshake that took too long says.
const ETIMEDOUT: i32 = 110;
/// What it says of one that was closed for another.
const ECONNABORTED: i32 = 103;

/// What the event of a handshake says of a peer that closed the connection.
const EPIPE: i32 = 32;

impl Session {
    pub(super) fn connected(&mut self, stream: Arc<Stream>, turn: &mut Turn<'_>) {
        self.retry_at = None;
        if let Role::Connect(connector) = &mut self.role {
            connector.connected();
        }
        let config = match self.settings.engine_config() {
            Ok(config) => config,
            Err(e) => {
                self.phase = Phase::Connecting(stream);
                return self.handshake_lost(&e, turn);
            }
        };
        // A password is never moved, so that nothing of it is left behind.
        let room = if matches!(config.mechanism, Mechanism::PlainClient { .. }) { PLAIN_BYTES } else { 0 };
        let mut handshake = Box::new(Handshake {
            stream,
            codec: Codec::Raw,
            input: Vec::new(),
            output: Zeroizing::new(Vec::with_capacity(room)),
            written: 0,
        });
        if !self.settings.raw {
            let mut engine = Engine::new(config, turn.now);
            engine.start(&mut handshake.output);
            handshake.codec = Codec::Zmtp(Box::new(engine));
        }
        let watched = self.watch(&handshake.stream, Interest::READ, turn);
        self.phase = Phase::Handshake(handshake);
        match watched {
            Err(e) => self.handshake_lost(&e, turn),
            Ok(()) if self.settings.raw => self.activate(turn),
            Ok(()) => self.handshake_write(turn),
        }
    }

    pub(super) fn handshake_read(&mut self, turn: &mut Turn<'_>) {
        let Phase::Handshake(h) = &mut self.phase else { return };
        let Codec::Zmtp(engine) = &mut h.codec else { return };
        let mut buffer = [0; HANDSHAKE_BYTES];
        let read = h.stream.read_into(&mut buffer);
        let n = match read {
            Ok(0) => return self.handshake_lost(&io::Error::from_raw_os_error(EPIPE), turn),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
            Err(e) => return self.handshake_lost(&e, turn),
        };
        let taken = engine.handshake(&buffer[..n], &mut h.output, turn.now);
        if let Ok(consumed) = taken {
            // What is left is the beginning of the traffic.
            h.input.extend_from_slice(&buffer[consumed.min(n)..n]);
        }
        // A password may have been in it.
        buffer[..n].zeroize();
        match taken {
            Ok(_) => self.handshake_advanced(turn),
            Err(e) => {
                // What the protocol still has to say (nothing, or an ERROR) goes out if the kernel takes it.
                self.handshake_write(turn);
                self.handshake_refused(e, turn);
            }
        }
    }

    /// After a step of the engine: sends what it says, asks what it asks, and goes on to traffic when it is ready.
    pub(super) fn handshake_advanced(&mut self, turn: &mut Turn<'_>) {
        let Phase::Handshake(h) = &mut self.phase else { return };
        let Some(engine) = h.codec.engine() else { return };
        let (question, ready) = (engine.question(), engine.ready().is_some());
        self.handshake_write(turn);
        match question {
            Some(credentials) => self.ask(credentials, turn),
            None if ready => self.activate(turn),
            None => {}
        }
    }

    pub(super) fn handshake_write(&mut self, turn: &mut Turn<'_>) {
        let Phase::Handshake(h) = &mut self.phase else { return };
        while h.written < h.output.len() {
            match h.stream.write(&[io::IoSlice::new(&h.output[h.written..])]) {
                Ok(n) => h.written += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return self.handshake_lost(&e, turn),
            }
        }
        let blocked = h.written < h.output.len();
        if !blocked {
            // Not kept, as a password may be in it.
            h.output.zeroize();
            h.written = 0;
        }
        let stream = h.stream.clone();
        let interest = if blocked { Interest::READ | Interest::WRITE } else { Interest::READ };
        if let Err(e) = self.rewatch(&stream, interest, turn) {
            self.handshake_lost(&e, turn);
        }
    }

    /// The connection failed, or the peer closed it.
    pub(super) fn handshake_lost(&mut self, error: &io::Error, turn: &mut Turn<'_>) {
        let code = error.raw_os_error().unwrap_or(0);
        let closed = matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset);
        let why = match &mut self.phase {
            Phase::Handshake(h) if closed => {
                h.codec.engine().map_or(HandshakeFailure::Closed, |engine| engine.stage().into())
            }
            _ => HandshakeFailure::Connection(code),
        };
        self.handshake_failed(why, code, turn);
    }

    /// The handshake took too long: the peer's fault, or of whoever is asked about it.
    pub(super) fn handshake_expired(&mut self, turn: &mut Turn<'_>) {
        let why = match &self.question {
            None => HandshakeFailure::TimedOut,
            Some(question) if question.is_waiting() => HandshakeFailure::HandlerBusy,
            Some(_) => HandshakeFailure::HandlerSilent,
        };
        if why != HandshakeFailure::TimedOut {
            self.port.count_unjudged();
        }
        self.handshake_failed(why, ETIMEDOUT, turn);
    }

    /// Others want this connection's place among those that shake hands.
    pub(crate) fn evict(&mut self, turn: &mut Turn<'_>) {
        if matches!(self.phase, Phase::Handshake(_)) {
            self.port.count_evicted();
            self.handshake_failed(HandshakeFailure::TooManyPending, ECONNABORTED, turn);
        }
    }

    /// No handshake, and nobody has broken the protocol; `code` is what libzmq's event says.
    pub(super) fn handshake_failed(&mut self, why: HandshakeFailure, code: i32, turn: &mut Turn<'_>) {
        // That a peer hangs up whom we have refused is no further failure.
        if !self.settings.raw && !self.rejected {
            let libzmq = Some((Notice::HandshakeFailed, code as u64));
            let typed = Some((Notice::HandshakeFailed, self.as_seen(why)));
            self.port.monitor.notify_failure(typed, libzmq, &self.ends);
        }
        let stop = matches!(&self.role, Role::Connect(c) if c.stops_after_handshake());
        self.leave(if stop { After::End } else { After::Loss }, turn);
    }

    /// What a failure means where this connection leads.
    fn as_seen(&self, why: HandshakeFailure) -> HandshakeFailure {
        match &self.role {
            Role::Connect(connector) if connector.has_proxy() => why.behind_proxy(),
            _ => why,
        }
    }

    pub(super) fn handshake_refused(&mut self, error: ProtocolError, turn: &mut Turn<'_>) {
        // As there: what a peer says that does not know yet.
        if !self.rejected {
            let libzmq = match (error.auth_status(), error.event_code()) {
                (Some(status), _) => Some((Notice::HandshakeAuth, u64::from(status))),
                (None, code) => code.map(|code| (Notice::HandshakeProtocol, u64::from(code))),
            };
            let typed = Some((Notice::HandshakeFailed, self.as_seen(error.into())));
            self.port.monitor.notify_failure(typed, libzmq, &self.ends);
        }
        self.leave(After::End, turn);
    }

    /// The peer is known: its pipe is made, or taken up again, and traffic begins.
    pub(super) fn activate(&mut self, turn: &mut Turn<'_>) {
        let Phase::Handshake(h) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        self.place = None;
        let Handshake { stream, mut codec, input, output, written } = *h;
        if let Role::Connect(connector) = &mut self.role {
            connector.settled();
        }
        let ready = codec.engine().and_then(|e| e.ready().cloned());
        let zmtp3 = ready.as_ref().is_some_and(|r| r.version >= Version::V3_0);
        let peer = PeerTable::register(self.settings.properties(&stream, ready.as_ref(), self.user.as_ref()));
        self.peer = Some(peer);
        let mut first = output[written..].to_vec();
        if let Some(hello) = self.settings.hello() {
            codec.encode(Kind::Message, false, hello, &mut first);
        }
        let Some((conn, mut holds, pipe)) = self.connection() else {
            self.phase = Phase::Active(stream);
            return self.leave(After::Loss, turn);
        };
        let (plain_out, scanner) = self.settings.modes(ready.as_ref());
        conn.output.access(&mut holds.output).attach(stream.clone(), plain_out, first);
        let attached =
            conn.input.access(&mut holds.input).attach(stream.clone(), scanner, Some(peer), &input);
        self.codec = Some(codec);
        self.conn = Some(conn.clone());
        self.holds = Some(holds);
        self.phase = Phase::Active(stream);
        conn.set_ends(&self.ends);
        conn.set_plain_out(plain_out);
        conn.set_blocked(false);
        if attached.is_err() {
            return self.leave(After::Loss, turn);
        }
        if !self.introduce(&conn, pipe, ready.as_ref()) {
            return self.die(turn);
        }
        if zmtp3 {
            self.port.monitor.notify(Notice::HandshakeSucceeded, 0, &self.ends);
        }
        self.release(turn);
    }

    /// The connection of the pipe that exists, or of a new one.
    pub(super) fn connection(&mut self) -> Option<(Arc<Conn>, Holds, Option<Pipe>)> {
        if let (Some(conn), Some(holds)) = (self.conn.clone(), self.holds.take()) {
            return Some((conn, holds, None));
        }
        let (conn, pipe) = self.settings.pipe(self.id, self.io.clone()).ok()?;
        let holds = Holds::take(&conn)?;
        Some((conn, holds, Some(pipe)))
    }

    /// Tells the socket who is there. False: the socket is closed.
    pub(super) fn introduce(&mut self, conn: &Arc<Conn>, pipe: Option<Pipe>, ready: Option<&Ready>) -> bool {
        let info = peer_info(ready, self.peer, self.settings.options.max_subscription_bytes);
        let connected = matches!(self.role, Role::Connect(_));
        let event = match pipe {
            Some(pipe) => {
                let assigned_id = match &mut self.role {
                    Role::Connect(c) => c.assigned_id.take(),
                    Role::Accept { .. } => None,
                };
                let local = Local { connected, assigned_id, inproc: false };
                Event::Attached(Box::new(Attachment {
                    pipe,
                    far: Far::Wire(conn.clone()),
                    local,
                    info: Some(info),
                }))
            }
            // The other end of a raw connection is a new peer each time.
            None if self.identified && !self.settings.raw => return true,
            None => match self.owner() {
                Some(id) => Event::Identified(id, Box::new(info)),
                None => return true,
            },
        };
        self.identified = true;
        match self.port.post(event) {
            Ok(()) => true,
            // A closing socket hears nothing, but what it has queued is still to be sent: the order to close, with its
            // linger, is on its way.
            Err(Event::Identified(..)) => true,
            Err(_) => false,
        }
    }

    /// Unlocks both directions and looks at them for the first time.
    pub(super) fn release(&mut self, turn: &mut Turn<'_>) {
        let (Some(conn), Some(holds)) = (self.conn.clone(), self.holds.take()) else { return };
        conn.output.release(holds.output);
        conn.input.release(holds.input);
        conn.link.promise.unpark();
        if self.closing.is_some() {
            self.discard_input();
        }
        self.look(turn);
        if matches!(self.phase, Phase::Active(_)) {
            self.read(true, turn);
        }
    }
}

fn peer_info(ready: Option<&Ready>, peer: Option<PeerRef>, most: Option<u64>) -> PeerInfo {
    let Some(ready) = ready else { return PeerInfo { peer, ..PeerInfo::default() } };
    PeerInfo {
        socket_type: ready.peer.socket_type,
        routing_id: ready.peer.routing_id.clone().into_boxed_slice(),
        subscribes_to_all: ready.phantom_subscription,
        longest_message: None,
        subscription_bytes: most,
        peer,
    }
}
