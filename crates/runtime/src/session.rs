//! One connection over its whole life: connecting, handshake, traffic, loss, reconnection, graceful end.
//!
//! A session lives in one I/O thread. It alone changes the stream, the engine and the mode of a connection; while a
//! connection is down or in its handshake it holds both drive locks and the promise is parked, so that nobody else
//! drives. What it learns it posts to the socket's [`Port`].

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use ferrozmq_base::{
    Kind, PeerInfo, PeerRef, Pipe, PipeId,
    drive_lock::Hold,
    link::{Dropped, Position},
    peer::PeerTable,
    pool,
};
use ferrozmq_pattern::Local;
use ferrozmq_proto::{Command, Engine, ProtocolError, Ready, TimerAction, Version};
use ferrozmq_sys::{Connecting, Interest, Poller, Stream};

pub(crate) use crate::settings::Settings;
use crate::{
    codec::Codec,
    conn::{Conn, Fill, Flush, InHalf, OutHalf},
    connector::{Connector, Target},
    context::{Live, Shared},
    io_thread::{Command as IoCommand, Io, Turn},
    listener::fd_value,
    monitor::{Ends, Notice},
    port::{Attachment, Event, Far, Port, Whose},
};

/// How many reads a session makes before others get their turn.
const READS_PER_TURN: usize = 4;
/// How long a stream that the application flushes itself is left alone at a time.
const WATCH: Duration = Duration::from_micros(100);
/// The same while the application sleeps with the output in its hands.
const WATCH_ASLEEP: Duration = Duration::from_millis(1);
/// Messages that one look at a stream finds, and how many such looks in quick succession make it one.
const FULL_LOOK: u64 = 32;
const FULL_LOOKS: u32 = 4;
/// How long the application may leave the right to read unused.
const LEASE: Duration = Duration::from_millis(5);
/// How long a connection is unused before its memory is given back.
const IDLE: Duration = Duration::from_millis(500);
/// How long a peer may take to close its side after we have closed ours.
const FAREWELL: Duration = Duration::from_secs(2);
/// The read buffer of a handshake: with what is kept of it, far below the budget of an unauthenticated connection.
const HANDSHAKE_BYTES: usize = 8 * 1024;

/// How a session is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Close {
    /// Everything queued is sent first, for at most this long (none: as long as it takes).
    Linger(Option<Duration>),
    /// What is queued is dropped.
    Now,
}

#[derive(Debug)]
enum Phase {
    /// Waiting to connect, at the deadline `retry_at`.
    Idle,
    /// A host name is being looked up.
    Resolving,
    /// The kernel is connecting.
    Connecting(Arc<Stream>),
    Handshake(Box<Handshake>),
    Active(Arc<Stream>),
    /// Our side is closed; the peer's end is awaited so that nothing it has not read is thrown away.
    Farewell(Arc<Stream>),
    Dead,
}

#[derive(Debug)]
struct Handshake {
    stream: Arc<Stream>,
    codec: Codec,
    input: Vec<u8>,
    output: Vec<u8>,
    written: usize,
}

/// What comes after a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// It was lost: the connecting side makes a new one.
    Loss,
    /// Nothing.
    End,
}

/// Both directions of a connection, held.
#[derive(Debug)]
struct Holds {
    output: Hold<OutHalf>,
    input: Hold<InHalf>,
}

#[derive(Debug)]
enum Role {
    Connect(Box<Connector>),
    Accept { listener: u64 },
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Session {
    id: u64,
    io: Arc<Io>,
    port: Arc<Port>,
    settings: Arc<Settings>,
    role: Role,
    ends: Ends,
    phase: Phase,
    interest: Interest,
    codec: Option<Codec>,
    conn: Option<Arc<Conn>>,
    holds: Option<Holds>,
    /// The peer was announced to the pattern.
    identified: bool,
    /// The pattern writes its subscriptions again before anything is sent.
    awaits_restart: bool,
    input_paused: bool,
    /// The right to read rests with the application; when the session looks whether it is used, and how it stood.
    lease: Option<(Instant, u64)>,
    /// The application streams: the session looks by a timer. When, and what it had seen.
    watch: Option<(Instant, u32)>,
    seen_flushes: u32,
    /// When the session looks whether the connection is idle, and what it had seen of it.
    idle_at: Option<Instant>,
    seen_use: (Position, u64, u32),
    /// Reads that brought something.
    reads: u32,
    /// Looks in a row that found as much as a stream has; the time of the last.
    full_looks: u32,
    last_look: Option<Instant>,
    /// What the application had read when the engine was told last.
    heard_stamp: u64,
    /// The stream is registered with the poller.
    watched: bool,
    /// The connection is to end as soon as the application gives back what it holds of it.
    leaving: Option<After>,
    peer: Option<PeerRef>,
    retry_at: Option<Instant>,
    /// Set once the session is closing: when it gives up (none: never).
    closing: Option<Option<Instant>>,
    /// Counted in its context until it is gone.
    _live: Live,
}

impl Session {
    /// A session for an accepted connection, started in `io`.
    pub(crate) fn accepted(
        context: &Arc<Shared>,
        io: Arc<Io>,
        port: Arc<Port>,
        settings: Arc<Settings>,
        listener: u64,
        stream: Stream,
        ends: Ends,
    ) {
        let id = context.next_id();
        let mut session =
            Self::new(id, context, io.clone(), port, settings, Role::Accept { listener }, ends, None, None);
        session.phase = Phase::Connecting(Arc::new(stream));
        io.add_load();
        io.send(IoCommand::Start(Box::new(session)));
    }

    /// A session that connects to `target`, with the pipe's connection if the pipe exists already. Not started.
    #[expect(
        clippy::too_many_arguments,
        reason = "what a session is made of comes from its socket one by one"
    )]
    pub(crate) fn connecting(
        id: u64,
        context: &Arc<Shared>,
        io: Arc<Io>,
        port: Arc<Port>,
        settings: Arc<Settings>,
        target: Target,
        endpoint: String,
        conn: Option<Arc<Conn>>,
    ) -> Self {
        let ends = Ends { endpoint: endpoint.clone(), local: String::new(), remote: endpoint };
        let holds = conn.as_deref().and_then(Holds::take);
        let connector = Connector::new(target, &settings.options, context.random());
        Self::new(id, context, io, port, settings, Role::Connect(Box::new(connector)), ends, conn, holds)
    }

    #[expect(clippy::too_many_arguments, reason = "the one place where a session is put together")]
    fn new(
        id: u64,
        context: &Arc<Shared>,
        io: Arc<Io>,
        port: Arc<Port>,
        settings: Arc<Settings>,
        role: Role,
        ends: Ends,
        conn: Option<Arc<Conn>>,
        holds: Option<Holds>,
    ) -> Self {
        Self {
            id,
            io,
            port,
            settings,
            role,
            ends,
            phase: Phase::Idle,
            interest: Interest::NONE,
            codec: None,
            conn,
            holds,
            identified: false,
            awaits_restart: false,
            input_paused: false,
            lease: None,
            watch: None,
            seen_flushes: 0,
            idle_at: None,
            seen_use: (Position::default(), 0, 0),
            reads: 0,
            full_looks: 0,
            last_look: None,
            heard_stamp: 0,
            watched: false,
            leaving: None,
            peer: None,
            retry_at: None,
            closing: None,
            _live: context.live(),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The listener that accepted the connection.
    pub(crate) fn listener(&self) -> Option<u64> {
        match self.role {
            Role::Accept { listener } => Some(listener),
            Role::Connect(_) => None,
        }
    }

    pub(crate) fn is_dead(&self) -> bool {
        matches!(self.phase, Phase::Dead)
    }

    /// When the session wants to be called next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.leaving.is_some() {
            // The holder of what is missing calls.
            return None;
        }
        let protocol = match &self.phase {
            Phase::Handshake(h) => engine_deadline(&h.codec),
            Phase::Active(_) => self.codec.as_ref().and_then(engine_deadline),
            _ => None,
        };
        let lease = self.lease.map(|(at, _)| at);
        let watch = self.watch.map(|(at, _)| at);
        [protocol, self.retry_at, self.closing.flatten(), lease, watch, self.idle_at]
            .into_iter()
            .flatten()
            .min()
    }

    // ---- Starting and connecting ----

    pub(crate) fn start(&mut self, turn: &mut Turn<'_>) {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Connecting(stream) => self.connected(stream, turn),
            _ => self.connect(turn),
        }
    }

    fn connect(&mut self, turn: &mut Turn<'_>) {
        self.retry_at = None;
        let Role::Connect(connector) = &mut self.role else { return self.die(turn) };
        match connector.begin(self.id, &self.io, turn.context) {
            Ok(None) => self.phase = Phase::Resolving,
            Ok(Some(connecting)) => self.begun(connecting, turn),
            Err(e) => self.not_connected(&e, turn),
        }
    }

    pub(crate) fn resolved(&mut self, addresses: io::Result<Vec<SocketAddr>>, turn: &mut Turn<'_>) {
        if !matches!(self.phase, Phase::Resolving) {
            return;
        }
        let Role::Connect(connector) = &mut self.role else { return };
        match addresses.and_then(|a| connector.resolved(a)) {
            Ok(connecting) => self.begun(connecting, turn),
            Err(e) => self.not_connected(&e, turn),
        }
    }

    fn begun(&mut self, connecting: Connecting, turn: &mut Turn<'_>) {
        match connecting {
            Connecting::Done(stream) => {
                let stream = Arc::new(stream);
                self.notice_connected(&stream);
                self.connected(stream, turn);
            }
            Connecting::InProgress(stream) => {
                let stream = Arc::new(stream);
                self.port.monitor.notify(Notice::ConnectDelayed, EINPROGRESS, &self.ends);
                self.retry_at = self.settings.options.connect_timeout.map(|t| turn.now + t);
                if let Err(e) = self.watch(&stream, Interest::WRITE, turn) {
                    return self.not_connected(&e, turn);
                }
                self.phase = Phase::Connecting(stream);
            }
        }
    }

    /// An attempt failed: the next address, or another try later.
    fn not_connected(&mut self, error: &io::Error, turn: &mut Turn<'_>) {
        if let Phase::Connecting(stream) = std::mem::replace(&mut self.phase, Phase::Idle) {
            let fd = fd_value(&stream);
            self.unwatch(&stream, turn.poller);
            drop(stream);
            self.port.monitor.notify(Notice::Closed, fd, &self.ends);
        }
        let Role::Connect(connector) = &mut self.role else { return self.die(turn) };
        if let Some(next) = connector.next_address() {
            return match next {
                Ok(connecting) => self.begun(connecting, turn),
                Err(e) => self.not_connected(&e, turn),
            };
        }
        if connector.stops_after(error) {
            // The socket keeps the endpoint listed until it is disconnected.
            return self.die(turn);
        }
        self.retry(turn);
    }

    /// Connects again after the back-off, if the socket wants that.
    fn retry(&mut self, turn: &mut Turn<'_>) {
        self.phase = Phase::Idle;
        if self.closing.is_some() && !self.has_output() {
            return self.die(turn);
        }
        let Role::Connect(connector) = &mut self.role else { return self.die(turn) };
        // Without an interval the endpoint stays listed, and idle.
        let Some(delay) = connector.delay() else { return self.retry_at = None };
        self.retry_at = Some(turn.now + delay);
        self.port.monitor.notify(Notice::ConnectRetried, delay.as_millis() as u64, &self.ends);
    }

    fn notice_connected(&mut self, stream: &Stream) {
        self.ends.local = stream.local_endpoint();
        self.ends.remote = stream.remote_endpoint();
        self.port.monitor.notify(Notice::Connected, fd_value(stream), &self.ends);
    }

    // ---- Handshake ----

    fn connected(&mut self, stream: Arc<Stream>, turn: &mut Turn<'_>) {
        self.retry_at = None;
        if let Role::Connect(connector) = &mut self.role {
            connector.connected();
        }
        let mut handshake = Box::new(Handshake {
            stream,
            codec: Codec::Raw,
            input: Vec::new(),
            output: Vec::new(),
            written: 0,
        });
        if !self.settings.raw {
            let mut engine = Engine::new(self.settings.engine_config(), turn.now);
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

    fn handshake_read(&mut self, turn: &mut Turn<'_>) {
        let Phase::Handshake(h) = &mut self.phase else { return };
        let Codec::Zmtp(engine) = &mut h.codec else { return };
        let mut buffer = [0; HANDSHAKE_BYTES];
        let read = h.stream.read_into(&mut buffer);
        let n = match read {
            Ok(0) => return self.handshake_lost(&io::ErrorKind::UnexpectedEof.into(), turn),
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
            Err(e) => return self.handshake_lost(&e, turn),
        };
        h.input.extend_from_slice(&buffer[..n]);
        match engine.handshake(&h.input, &mut h.output, turn.now) {
            Ok(consumed) => {
                h.input.drain(..consumed.min(h.input.len()));
                let ready = engine.ready().is_some();
                self.handshake_write(turn);
                if ready {
                    self.activate(turn);
                }
            }
            Err(e) => {
                // What the protocol still has to say (nothing, or an ERROR) goes out if the kernel takes it.
                self.handshake_write(turn);
                self.handshake_refused(e, turn);
            }
        }
    }

    fn handshake_write(&mut self, turn: &mut Turn<'_>) {
        let Phase::Handshake(h) = &mut self.phase else { return };
        while h.written < h.output.len() {
            match h.stream.write(&[io::IoSlice::new(&h.output[h.written..])]) {
                Ok(n) => h.written += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) => return self.handshake_lost(&e, turn),
            }
        }
        let blocked = h.written < h.output.len();
        let stream = h.stream.clone();
        let interest = if blocked { Interest::READ | Interest::WRITE } else { Interest::READ };
        if let Err(e) = self.rewatch(&stream, interest, turn) {
            self.handshake_lost(&e, turn);
        }
    }

    fn handshake_lost(&mut self, error: &io::Error, turn: &mut Turn<'_>) {
        if !self.settings.raw {
            let value = error.raw_os_error().unwrap_or(0);
            self.port.monitor.notify(Notice::HandshakeFailed, value as u64, &self.ends);
        }
        let stop = matches!(&self.role, Role::Connect(c) if c.stops_after_handshake());
        self.leave(if stop { After::End } else { After::Loss }, turn);
    }

    fn handshake_refused(&mut self, error: ProtocolError, turn: &mut Turn<'_>) {
        if let Some(status) = error.auth_status() {
            self.port.monitor.notify(Notice::HandshakeAuth, u64::from(status), &self.ends);
        } else if let Some(code) = error.event_code() {
            self.port.monitor.notify(Notice::HandshakeProtocol, u64::from(code), &self.ends);
        }
        let own_echo = matches!(&self.phase, Phase::Handshake(h) if h.stream.is_self_connected());
        // A connection to our own ephemeral port is nobody's mistake: try again.
        self.leave(if own_echo { After::Loss } else { After::End }, turn);
    }

    /// The peer is known: its pipe is made, or taken up again, and traffic begins.
    fn activate(&mut self, turn: &mut Turn<'_>) {
        let Phase::Handshake(h) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        let Handshake { stream, mut codec, input, output, written } = *h;
        let ready = codec.engine().and_then(|e| e.ready().cloned());
        let zmtp3 = ready.as_ref().is_some_and(|r| r.version >= Version::V3_0);
        let peer = PeerTable::register(self.settings.properties(&stream, ready.as_ref()));
        self.peer = Some(peer);
        let mut first = output;
        first.drain(..written);
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
    fn connection(&mut self) -> Option<(Arc<Conn>, Holds, Option<Pipe>)> {
        if let (Some(conn), Some(holds)) = (self.conn.clone(), self.holds.take()) {
            return Some((conn, holds, None));
        }
        let (conn, pipe) = self.settings.pipe(self.id, self.io.clone()).ok()?;
        let holds = Holds::take(&conn)?;
        Some((conn, holds, Some(pipe)))
    }

    /// Tells the socket who is there. False: the socket is closed.
    fn introduce(&mut self, conn: &Arc<Conn>, pipe: Option<Pipe>, ready: Option<&Ready>) -> bool {
        let info = peer_info(ready);
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
    fn release(&mut self, turn: &mut Turn<'_>) {
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

    // ---- Traffic ----

    pub(crate) fn on_event(&mut self, event: ferrozmq_sys::Event, turn: &mut Turn<'_>) {
        if event.writable {
            match &self.phase {
                Phase::Connecting(stream) => {
                    let stream = stream.clone();
                    return self.connect_finished(stream, turn);
                }
                Phase::Handshake(_) => self.handshake_write(turn),
                Phase::Active(_) => {
                    if let Some(conn) = &self.conn {
                        conn.set_blocked(false);
                    }
                    self.look(turn);
                }
                _ => {}
            }
        }
        if event.readable {
            match &self.phase {
                Phase::Handshake(_) => self.handshake_read(turn),
                Phase::Active(_) if self.input_paused || self.lease.is_some() => self.hung_up(turn),
                Phase::Active(_) => self.read(false, turn),
                Phase::Farewell(_) => self.farewell(turn),
                _ => {}
            }
        }
    }

    fn connect_finished(&mut self, stream: Arc<Stream>, turn: &mut Turn<'_>) {
        match stream.take_error() {
            Ok(None) => {
                self.unwatch(&stream, turn.poller);
                self.notice_connected(&stream);
                self.connected(stream, turn);
            }
            Ok(Some(e)) | Err(e) => self.not_connected(&e, turn),
        }
    }

    /// The peer is gone while nobody reads here: what it sent is still to be read, so the stream stays, unwatched.
    fn hung_up(&mut self, turn: &mut Turn<'_>) {
        let Phase::Active(stream) = &self.phase else { return };
        let stream = stream.clone();
        self.unwatch(&stream, turn.poller);
        if self.lease.is_some() {
            self.reclaim(turn);
        }
    }

    /// Somebody promised that we would look at the output.
    pub(crate) fn look(&mut self, turn: &mut Turn<'_>) {
        if let Some(after) = self.leaving {
            return self.leave(after, turn);
        }
        let Some(conn) = self.conn.clone() else { return };
        let Phase::Active(stream) = &self.phase else { return };
        let stream = stream.clone();
        conn.link.promise.begin_look();
        let sent = conn.link.sent.messages.count();
        let flushed = {
            // Whoever drives has seen our try and will push the connection again.
            let Some(mut half) = conn.output.try_lock() else { return };
            self.awaits_restart = self.awaits_restart && !half.has_restarted();
            half.withhold(self.awaits_restart);
            let flushed = half.flush(&conn.link.control, self.codec.as_mut());
            let wake = std::mem::take(&mut half.wake_writer);
            half.unlock();
            if wake {
                self.tell(Event::Writable);
            }
            flushed
        };
        self.arm_idle(turn);
        match flushed {
            Flush::Done => {
                conn.set_blocked(false);
                if self.want_write(&stream, false, turn) && self.closing.is_some() {
                    return self.finish(turn);
                }
                let flushes = conn.app_flushes();
                let flushed = flushes != std::mem::replace(&mut self.seen_flushes, flushes);
                let sent = conn.link.sent.messages.count().wrapping_sub(sent);
                if (self.is_stream(sent, turn.now) || flushed)
                    && conn.link.promise.promise()
                    && conn.link.promise.watch()
                {
                    self.watch = Some((turn.now + WATCH, flushes));
                }
            }
            Flush::More => {
                conn.set_blocked(false);
                if self.want_write(&stream, false, turn) && conn.link.promise.promise() {
                    // This thread looks at its list before it sleeps.
                    self.io.look(conn);
                }
            }
            Flush::Blocked => {
                conn.set_blocked(true);
                conn.link.promise.promise();
                self.want_write(&stream, true, turn);
            }
            Flush::Lost(e) => self.output_lost(&e, turn),
        }
    }

    /// Whether the application streams, after a look that sent this many messages: then it flushes whole batches
    /// itself, or leaves them for the timer, instead of waking this thread for each handful.
    fn is_stream(&mut self, sent: u64, now: Instant) -> bool {
        let soon =
            self.last_look.replace(now).is_some_and(|last| now.saturating_duration_since(last) < WATCH);
        self.full_looks = if soon && sent >= FULL_LOOK { self.full_looks + 1 } else { 0 };
        self.full_looks >= FULL_LOOKS
    }

    /// Nothing can be written any more. What the peer sent before it went is read to its end first.
    fn output_lost(&mut self, error: &io::Error, turn: &mut Turn<'_>) {
        let Some(conn) = self.conn.clone() else { return };
        if self.closing.is_some() {
            return self.lost(error, turn);
        }
        if let Some(mut half) = conn.output.try_lock() {
            half.give_up();
            half.unlock();
        }
        if let Phase::Active(stream) = &self.phase
            && self.interest.contains(Interest::WRITE)
        {
            // It would always be reported as writable.
            let stream = stream.clone();
            if !self.want_write(&stream, false, turn) {
                return;
            }
        }
        if !self.input_paused && self.lease.is_none() {
            self.read(false, turn);
        }
    }

    /// The connection is in use: looks after a while whether it still is.
    pub(crate) fn arm_idle(&mut self, turn: &mut Turn<'_>) {
        if self.idle_at.is_none() && matches!(self.phase, Phase::Active(_)) {
            self.idle_at = Some(turn.now + IDLE);
            if let Some(conn) = &self.conn {
                conn.set_idle(false);
            }
        }
    }

    /// Gives back the memory of a connection that has not been used lately. A direction that the application holds is
    /// its own affair.
    fn release_idle(&mut self, turn: &mut Turn<'_>) {
        self.idle_at = None;
        let Some(conn) = self.conn.clone() else { return };
        let seen = (conn.link.published(), conn.link.stamp(), self.reads);
        if seen != std::mem::replace(&mut self.seen_use, seen) {
            return self.arm_idle(turn);
        }
        // First, so that whoever writes from here on says so.
        conn.set_idle(true);
        if !conn.output.is_held()
            && let Some(mut half) = conn.output.try_lock()
        {
            half.release_idle();
            half.unlock();
        }
        if !conn.input.is_held()
            && let Some(mut half) = conn.input.try_lock()
        {
            half.release_idle();
            half.unlock();
        }
        pool::flush();
    }

    /// The timer of a stream: as long as the application flushes its batches itself, the session only watches.
    fn watch_over(&mut self, turn: &mut Turn<'_>) {
        let (Some((_, seen)), Some(conn)) = (self.watch, self.conn.clone()) else { return };
        let flushes = conn.app_flushes();
        if flushes != seen && self.leaving.is_none() {
            self.watch = Some((turn.now + WATCH, flushes));
            return;
        }
        // It sleeps until the kernel takes more, and then flushes.
        if conn.is_blocked() && conn.output.is_held() && self.leaving.is_none() {
            self.watch = Some((turn.now + WATCH_ASLEEP, flushes));
            return;
        }
        self.watch = None;
        self.seen_flushes = flushes;
        conn.link.promise.unwatch();
        self.look(turn);
    }

    // ---- The right to read ----

    /// Lends the right to read to the application, which waits for messages of this connection itself.
    fn lend(&mut self, turn: &mut Turn<'_>) {
        let (Phase::Active(stream), Some(conn)) = (&self.phase, self.conn.clone()) else { return };
        if !self.port.is_leasable() || self.closing.is_some() || self.lease.is_some() || self.input_paused {
            return;
        }
        if self.settings.takes(Kind::Subscribe) || self.settings.takes(Kind::Join) {
            // Subscriptions become messages of the input, here: nobody else may hold it meanwhile.
            return;
        }
        let stream = stream.clone();
        {
            let Some(mut half) = conn.input.try_lock() else { return };
            let plain = half.is_plain();
            half.set_with_app(plain);
            half.unlock();
            if !plain {
                return;
            }
        }
        self.lease = Some((turn.now + LEASE, conn.link.stamp()));
        if self.rewatch_as_needed(&stream, turn) {
            // An application that sleeps already does not watch this stream.
            self.port.wake();
        }
    }

    /// Takes the right to read back, and uses it.
    pub(crate) fn reclaim(&mut self, turn: &mut Turn<'_>) {
        if let Some(after) = self.leaving {
            return self.leave(after, turn);
        }
        let (Phase::Active(stream), Some(conn)) = (&self.phase, self.conn.clone()) else {
            // A right that nobody can use any more must not stay due.
            self.lease = None;
            return;
        };
        if self.lease.is_none() {
            return;
        }
        let stream = stream.clone();
        // Whoever holds the half finds the note and asks for this again.
        let Some(mut half) = conn.input.try_lock() else { return };
        half.set_with_app(false);
        half.unlock();
        self.lease = None;
        if self.rewatch_as_needed(&stream, turn) {
            self.read(false, turn);
        }
    }

    /// The application may have left: a lease that it does not use is taken back.
    fn check_lease(&mut self, turn: &mut Turn<'_>) {
        let (Some((_, stamp)), Some(conn)) = (self.lease, self.conn.clone()) else { return };
        let now = conn.link.stamp();
        if stamp != now || conn.input.is_held() {
            self.lease = Some((turn.now + LEASE, now));
        } else {
            self.reclaim(turn);
        }
    }

    /// Commands that the application read.
    pub(crate) fn inbound(&mut self, commands: Vec<Vec<u8>>, turn: &mut Turn<'_>) {
        for command in commands {
            if let Err(e) = self.command(&command, turn) {
                return self.violation(e, turn);
            }
        }
    }

    fn read(&mut self, surplus: bool, turn: &mut Turn<'_>) {
        let Some(conn) = self.conn.clone() else { return };
        let mut told = false;
        for round in 0..READS_PER_TURN {
            let mut commands = Vec::new();
            let mut wake = false;
            let (fill, heard) = {
                // Whoever drives the input has seen our try and gives it back with a note.
                let Some(mut half) = conn.input.try_lock() else { return };
                let fill = if surplus && round == 0 {
                    half.take_surplus(self.codec.as_mut(), &mut commands, &mut wake)
                } else {
                    half.fill(self.codec.as_mut(), &mut commands, &mut wake)
                };
                let heard = std::mem::take(&mut half.frames_seen);
                half.unlock();
                (fill, heard)
            };
            if wake {
                self.tell(Event::Readable);
            }
            if heard && let Some(engine) = self.codec.as_mut().and_then(Codec::engine) {
                engine.heard(turn.now);
            }
            for command in commands {
                if let Err(e) = self.command(&command, turn) {
                    return self.violation(e, turn);
                }
            }
            match fill {
                Fill::Progress => {
                    told |= wake;
                    self.reads = self.reads.wrapping_add(1);
                }
                Fill::Empty if surplus && round == 0 => {}
                Fill::Empty => break,
                Fill::Paused => return self.pause(turn),
                Fill::Lost(e) => return self.lost(&e, turn),
                Fill::Violation(e) => return self.violation(e, turn),
                Fill::OutOfMemory => return self.lost(&io::ErrorKind::OutOfMemory.into(), turn),
            }
        }
        self.arm_idle(turn);
        if told {
            self.lend(turn);
        }
    }

    fn command(&mut self, body: &[u8], turn: &mut Turn<'_>) -> Result<(), ProtocolError> {
        let Some(conn) = self.conn.clone() else { return Ok(()) };
        let Some(engine) = self.codec.as_mut().and_then(Codec::engine) else { return Ok(()) };
        let (kind, topic) = match engine.command(body, turn.now)? {
            Command::Ignore => return Ok(()),
            Command::Pong(frame) => {
                conn.link.control.put_pong(&frame);
                self.look(turn);
                return Ok(());
            }
            Command::Subscribe(topic) => (Kind::Subscribe, topic),
            Command::Cancel(topic) => (Kind::Cancel, topic),
            Command::Join(group) => (Kind::Join, group),
            Command::Leave(group) => (Kind::Leave, group),
        };
        if !self.settings.takes(kind) {
            return Ok(());
        }
        let wake = match conn.input.try_lock() {
            Some(mut half) => half.push_command(kind, topic).unwrap_or(false),
            None => false,
        };
        if wake {
            self.tell(Event::Readable);
        }
        Ok(())
    }

    fn pause(&mut self, turn: &mut Turn<'_>) {
        self.input_paused = true;
        let Phase::Active(stream) = &self.phase else { return };
        let stream = stream.clone();
        self.rewatch_as_needed(&stream, turn);
    }

    /// The socket has made room.
    pub(crate) fn resume(&mut self, turn: &mut Turn<'_>) {
        if !std::mem::take(&mut self.input_paused) {
            return;
        }
        let Phase::Active(stream) = &self.phase else { return };
        let stream = stream.clone();
        if self.rewatch_as_needed(&stream, turn) {
            self.read(false, turn);
        }
    }

    // ---- Loss and end ----

    pub(crate) fn on_deadline(&mut self, turn: &mut Turn<'_>) {
        if self.closing.flatten().is_some_and(|at| at <= turn.now) {
            return self.abandon(turn);
        }
        if self.retry_at.is_some_and(|at| at <= turn.now) {
            self.retry_at = None;
            return match &self.phase {
                Phase::Idle => self.connect(turn),
                Phase::Connecting(_) => self.not_connected(&io::ErrorKind::TimedOut.into(), turn),
                _ => {}
            };
        }
        if self.watch.is_some_and(|(at, _)| at <= turn.now) {
            self.watch_over(turn);
        }
        if self.lease.is_some_and(|(at, _)| at <= turn.now) {
            self.check_lease(turn);
        }
        if self.idle_at.is_some_and(|at| at <= turn.now) {
            self.release_idle(turn);
        }
        let engine_due = self.codec.as_ref().and_then(engine_deadline).is_some_and(|at| at <= turn.now);
        if engine_due && !self.input_paused && self.lease.is_none() {
            // What lies in the kernel already is a sign of life, however late this thread is.
            self.read(false, turn);
        }
        self.heartbeat(turn);
    }

    /// The engine's deadlines: the end of the handshake, and heartbeats.
    fn heartbeat(&mut self, turn: &mut Turn<'_>) {
        let paused = self.input_paused;
        if let Some(conn) = &self.conn {
            // What the application reads is a sign of life as well.
            let stamp = conn.link.stamp();
            if stamp != std::mem::replace(&mut self.heard_stamp, stamp)
                && let Some(engine) = self.codec.as_mut().and_then(Codec::engine)
            {
                engine.heard(turn.now);
            }
        }
        if self.deadline().is_none_or(|at| at > turn.now) {
            return;
        }
        let action = match &mut self.phase {
            Phase::Handshake(h) => h.codec.engine().map(|e| e.on_deadline(turn.now, false)),
            Phase::Active(_) => {
                self.codec.as_mut().and_then(Codec::engine).map(|e| e.on_deadline(turn.now, paused))
            }
            _ => None,
        };
        match (action, &self.conn) {
            (Some(Ok(TimerAction::SendPing(frame))), Some(conn)) => conn.link.control.put_ping(&frame),
            (Some(Ok(TimerAction::SendPong(frame))), Some(conn)) => conn.link.control.put_pong(&frame),
            (Some(Err(_)), _) if matches!(self.phase, Phase::Handshake(_)) => {
                return self.handshake_lost(&io::Error::from_raw_os_error(ETIMEDOUT), turn);
            }
            (Some(Err(_)), _) => return self.lost(&io::ErrorKind::TimedOut.into(), turn),
            _ => return,
        }
        self.look(turn);
    }

    fn violation(&mut self, error: ProtocolError, turn: &mut Turn<'_>) {
        if let Some(code) = error.event_code() {
            self.port.monitor.notify(Notice::HandshakeProtocol, u64::from(code), &self.ends);
        }
        self.leave(After::End, turn);
    }

    fn lost(&mut self, _error: &io::Error, turn: &mut Turn<'_>) {
        self.leave(After::Loss, turn);
    }

    /// Ends the connection. If the application holds a direction of it, it is woken, gives it back with the note that
    /// our try left, and the session is called again.
    fn leave(&mut self, after: After, turn: &mut Turn<'_>) {
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
    fn disconnect(&mut self, turn: &mut Turn<'_>) {
        let stream = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Handshake(h) => h.stream,
            Phase::Active(stream) | Phase::Connecting(stream) | Phase::Farewell(stream) => stream,
            other => return self.phase = other,
        };
        (self.lease, self.watch, self.idle_at) = (None, None, None);
        let fd = fd_value(&stream);
        self.unwatch(&stream, turn.poller);
        let _ = stream.shutdown_both();
        self.codec = None;
        self.input_paused = false;
        if let Some(peer) = self.peer.take() {
            PeerTable::release(peer);
        }
        if let Some(conn) = self.conn.clone() {
            conn.link.promise.park();
            if let Some(holds) = &mut self.holds {
                let output = conn.output.access(&mut holds.output);
                let cut = output.detach();
                let wake = std::mem::take(&mut output.wake_writer);
                if wake && let Some(id) = conn.link.owner() {
                    let _ = self.port.post(Event::Writable(id));
                }
                conn.link.sent.dropped(Dropped::PeerGone).add(cut);
                conn.input.access(&mut holds.input).detach();
            }
        }
        drop(stream);
        if self.closing.is_none() {
            self.port.monitor.notify(Notice::Disconnected, fd, &self.ends);
        }
    }

    /// The connection is gone: the connecting side makes a new one, the accepting side ends.
    fn after_loss(&mut self, turn: &mut Turn<'_>) {
        if self.closing.is_some() && !self.has_output() {
            return self.die(turn);
        }
        let Role::Connect(connector) = &mut self.role else { return self.die(turn) };
        if !connector.reconnects() {
            return self.die(turn);
        }
        if self.settings.options.immediate {
            self.end_pipe();
        } else if self.identified && (self.settings.raw || self.settings.kind.sends_commands()) {
            self.awaits_restart = !self.settings.raw;
            self.tell(Event::Hiccup);
        }
        self.retry(turn);
    }

    /// Ends the pipe: what the peer sent stays readable, what was queued for it is dropped and counted.
    fn end_pipe(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        self.identified = false;
        if let Some(mut holds) = self.holds.take().or_else(|| Holds::take(&conn)) {
            let dropped = conn.output.access(&mut holds.output).end();
            conn.link.sent.dropped(Dropped::PeerGone).add(dropped);
            conn.input.access(&mut holds.input).end();
            // The locks stay held: nobody drives a dead connection.
        }
        let _ = self.port.post(Event::Ended(Whose::Wire(conn)));
    }

    fn die(&mut self, turn: &mut Turn<'_>) {
        self.leave(After::End, turn);
    }

    /// Puts away whatever is left.
    pub(crate) fn bury(&mut self, poller: &Poller) {
        match std::mem::replace(&mut self.phase, Phase::Dead) {
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
                self.closing = Some(limit.map(|l| turn.now + l));
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
                            self.reclaim(turn);
                            self.rewatch_as_needed(&stream, turn);
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
    fn discard_input(&self) {
        if let Some(mut half) = self.conn.as_ref().and_then(|conn| conn.input.try_lock()) {
            half.end();
            half.unlock();
        }
    }

    /// Gives up what has not been sent.
    fn abandon(&mut self, turn: &mut Turn<'_>) {
        self.closing = Some(Some(turn.now));
        self.die(turn);
    }

    /// Everything is with the kernel: closes our side and waits for the peer's.
    fn finish(&mut self, turn: &mut Turn<'_>) {
        if self.has_output() {
            return;
        }
        let Phase::Active(stream) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        // The clocks of an active connection: nothing would ever stop them again.
        (self.lease, self.watch, self.idle_at) = (None, None, None);
        let _ = stream.shutdown_write();
        // Nothing of the traffic is waited for any more.
        (self.lease, self.watch, self.idle_at) = (None, None, None);
        let limit = turn.now + FAREWELL;
        let deadline = self.closing.flatten().map_or(limit, |at| at.min(limit));
        self.closing = Some(Some(deadline));
        // Whatever the application had of the connection, it reads no more of it.
        (self.lease, self.watch) = (None, None);
        let _ = self.rewatch(&stream, Interest::READ, turn);
        self.phase = Phase::Farewell(stream);
        self.farewell(turn);
    }

    fn farewell(&mut self, turn: &mut Turn<'_>) {
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

    fn has_output(&mut self) -> bool {
        let Some(conn) = self.conn.clone() else { return false };
        match &mut self.holds {
            Some(holds) => !conn.output.access(&mut holds.output).is_drained(),
            None => conn.output.try_lock().is_none_or(|mut half| !half.is_drained()),
        }
    }

    // ---- Readiness and messages to the socket ----

    fn tell(&self, event: fn(PipeId) -> Event) {
        if let Some(id) = self.owner() {
            let _ = self.port.post(event(id));
        }
    }

    /// The pipe's id at the socket, once the socket has it.
    fn owner(&self) -> Option<PipeId> {
        self.conn.as_ref()?.link.owner()
    }

    fn watch(&mut self, stream: &Arc<Stream>, interest: Interest, turn: &Turn<'_>) -> io::Result<()> {
        turn.poller.add(&**stream, self.id, interest)?;
        (self.watched, self.interest) = (true, interest);
        Ok(())
    }

    fn rewatch(&mut self, stream: &Arc<Stream>, interest: Interest, turn: &Turn<'_>) -> io::Result<()> {
        if !self.watched {
            return self.watch(stream, interest, turn);
        }
        if interest == self.interest {
            return Ok(());
        }
        self.interest = interest;
        turn.poller.modify(&**stream, self.id, interest)
    }

    fn unwatch(&mut self, stream: &Arc<Stream>, poller: &Poller) {
        if std::mem::take(&mut self.watched) {
            let _ = poller.remove(&**stream);
        }
        self.interest = Interest::NONE;
    }

    /// Watches what the session has to do itself; false if that ended the connection.
    fn rewatch_as_needed(&mut self, stream: &Arc<Stream>, turn: &mut Turn<'_>) -> bool {
        let write = self.interest.contains(Interest::WRITE);
        self.want_write(stream, write, turn)
    }

    /// Asks to be told when the kernel takes more; false if that ended the connection.
    fn want_write(&mut self, stream: &Arc<Stream>, want: bool, turn: &mut Turn<'_>) -> bool {
        let reads = !self.input_paused && self.lease.is_none();
        let read = if reads { Interest::READ } else { Interest::NONE };
        let interest = if want { read | Interest::WRITE } else { read };
        match self.rewatch(stream, interest, turn) {
            Ok(()) => true,
            Err(e) => {
                self.lost(&e, turn);
                false
            }
        }
    }
}

const EINPROGRESS: u64 = 115;
const ETIMEDOUT: i32 = 110;

impl Holds {
    fn take(conn: &Conn) -> Option<Self> {
        let output = conn.output.try_hold()?;
        let Some(input) = conn.input.try_hold() else {
            // Whoever wanted the output meanwhile has made its promise.
            conn.output.release(output);
            return None;
        };
        Some(Self { output, input })
    }
}

fn engine_deadline(codec: &Codec) -> Option<Instant> {
    match codec {
        Codec::Zmtp(engine) => engine.next_deadline(),
        Codec::Raw => None,
    }
}

fn peer_info(ready: Option<&Ready>) -> PeerInfo {
    let Some(ready) = ready else { return PeerInfo::default() };
    PeerInfo {
        socket_type: ready.peer.socket_type,
        routing_id: ready.peer.routing_id.clone().into_boxed_slice(),
        subscribes_to_all: ready.phantom_subscription,
    }
}
