//! One connection over its whole life: connecting, handshake, traffic, loss, reconnection, graceful end.
//!
//! A session lives in one I/O thread. It alone changes the stream, the engine and the mode of a connection; while a
//! connection is down or in its handshake it holds both drive locks and the promise is parked, so that nobody else
//! drives. What it learns it posts to the socket's [`Port`].

mod connect;
mod end;
mod handshake;
mod judge;
mod lease;
mod proxy;
mod traffic;

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use ferrozmq_base::{
    Error, Kind, PeerInfo, PeerRef, Pipe, PipeId,
    drive_lock::Hold,
    link::{Dropped, Position},
    peer::PeerTable,
    pool,
    sync::{AtomicBool, Ordering},
};
use ferrozmq_pattern::Local;
use ferrozmq_proto::{
    Command, Engine, Mechanism, ProtocolError, Ready, Socks, TimerAction, Version,
    zap::{self, Credentials, Reply, Request, Verdict},
};
use ferrozmq_sys::{Connecting, Interest, Poller, Stream};
use zeroize::{Zeroize, Zeroizing};

use self::{connect::os_error, proxy::Tunnel};
pub(crate) use crate::settings::Settings;
use crate::{
    codec::Codec,
    conn::{Conn, Fill, Flush, InHalf, OutHalf, Refused},
    connector::{Connector, Target},
    context::{Live, Shared},
    failure::HandshakeFailure,
    io_thread::{Command as IoCommand, Io, Turn},
    listener::fd_value,
    monitor::{Ends, Notice},
    pending::{Pending, Place},
    port::{Attachment, Event, Far, Port, Whose},
    zap_client::Question,
};

/// How many reads a session makes before others get their turn.
const READS_PER_TURN: usize = 4;

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
    /// A proxy is connecting for us.
    Tunnel(Box<Tunnel>),
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
    /// It may have our password in it.
    output: Zeroizing<Vec<u8>>,
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
    /// By a listener, while that is `open`.
    Accept {
        listener: u64,
        open: Arc<AtomicBool>,
    },
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
    /// Somebody is asked whether the peer may come in.
    question: Option<Question>,
    /// Somebody said no, and was reported.
    rejected: bool,
    /// What was answered.
    user: Option<Reply>,
    retry_at: Option<Instant>,
    /// Accepted, and not through its handshake.
    place: Option<Place>,
    /// Set once the session is closing: when it gives up (none: never).
    closing: Option<Option<Instant>>,
    /// Counted in its context until it is gone.
    _live: Live,
}

impl Session {
    /// A session for a connection that listener `listener` accepted, started in `io`; not if the listener is not `open`
    /// any more by then.
    #[expect(
        clippy::too_many_arguments,
        reason = "what a session is made of comes from its listener one by one"
    )]
    pub(crate) fn accepted(
        turn: &Turn<'_>,
        io: Arc<Io>,
        port: Arc<Port>,
        settings: Arc<Settings>,
        listener: u64,
        open: Arc<AtomicBool>,
        pending: &Arc<Pending>,
        stream: Stream,
        ends: Ends,
    ) {
        let id = turn.context.next_id();
        let role = Role::Accept { listener, open };
        let mut session = Self::new(id, turn.context, io.clone(), port, settings, role, ends, None, None);
        session.place = Some(pending.admit(id, &io, turn.now));
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
        // Events name the proxy where there is one, as libzmq's do.
        let ends = Ends::connected(&target.proxy().unwrap_or(endpoint));
        if let Some(conn) = &conn {
            conn.set_ends(&ends);
        }
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
            question: None,
            rejected: false,
            user: None,
            retry_at: None,
            place: None,
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
            Role::Accept { listener, .. } => Some(listener),
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

    pub(crate) fn on_event(&mut self, event: ferrozmq_sys::Event, turn: &mut Turn<'_>) {
        if event.writable {
            match &self.phase {
                Phase::Connecting(stream) => {
                    let stream = stream.clone();
                    return self.connect_finished(stream, turn);
                }
                Phase::Tunnel(_) => self.tunnel_write(turn),
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
                Phase::Tunnel(_) => self.tunnel_read(turn),
                Phase::Handshake(_) => self.handshake_read(turn),
                Phase::Active(_) if self.input_paused || self.lease.is_some() => self.hung_up(turn),
                Phase::Active(_) => self.read(false, turn),
                Phase::Farewell(_) => self.farewell(turn),
                _ => {}
            }
        }
    }

    pub(crate) fn on_deadline(&mut self, turn: &mut Turn<'_>) {
        if self.closing.flatten().is_some_and(|at| at <= turn.now) {
            return self.abandon(turn);
        }
        if self.retry_at.is_some_and(|at| at <= turn.now) {
            self.retry_at = None;
            return match &self.phase {
                Phase::Idle => self.connect(turn),
                Phase::Connecting(_) => self.not_connected(&os_error(Error::TimedOut), turn),
                Phase::Tunnel(_) => self.tunnel_lost(&os_error(Error::TimedOut), turn),
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

impl Holds {
    fn take(conn: &Conn) -> Option<Self> {
        let output = conn.output.try_hold()?;
        let Some(input) = conn.input.take_back() else {
            // Whoever wanted the output meanwhile has made its promise.
            conn.output.release(output);
            return None;
        };
        Some(Self { output, input: conn.input.keep(input) })
    }
}

fn engine_deadline(codec: &Codec) -> Option<Instant> {
    match codec {
        Codec::Zmtp(engine) => engine.next_deadline(),
        Codec::Raw => None,
    }
}
