//! A socket: a pattern, its pipes, and the events that reach it.
//!
//! The core never blocks: [`SocketCore::try_send`], [`SocketCore::try_recv`] and [`SocketCore::events`] answer at
//! once; only [`SocketCore::send`] and [`SocketCore::recv`] wait, in one place ([`crate::wait`]).

use std::{os::fd::RawFd, sync::Arc, time::Duration};

use ferrozmq_base::{
    Due, DueList, End, Error, Kind, Msg, Pipe, PipeId, Pipes, Result, SocketType, sync::lock,
};
use ferrozmq_pattern::{Events, Local, Pattern, Setting};
use ferrozmq_proto::ProtocolError;
use ferrozmq_sys::ForkEpoch;

use crate::{
    context::{Live, Shared, linger},
    direct::Direct,
    endpoint::Endpoint,
    inproc::{self, Owner, Party},
    interrupt::Interrupt,
    io_thread::{Command, Io},
    option::{self, ContextOptions, LiveOption, Outcome, Read, SocketOptions, encode},
    port::{Attachment, Event, Far, Port, Relay, Whose},
    session::Close,
};

/// How a message is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Return `Again` instead of waiting (ZMQ_DONTWAIT).
    pub dont_wait: bool,
    /// More frames of the message follow (ZMQ_SNDMORE).
    pub more: bool,
}

/// What ends a wait besides what it waits for.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    /// A signal that the thread handles does not, as it does for `zmq.h`: the wait goes on.
    pub outlast_signals: bool,
    /// This does.
    pub interrupt: Option<Arc<Interrupt>>,
}

/// A socket (zmq_socket(3)), owned by one thread at a time.
#[derive(Debug)]
pub struct SocketCore {
    pub(crate) shared: Arc<Shared>,
    id: u64,
    epoch: ForkEpoch,
    kind: SocketType,
    port: Arc<Port>,
    pub(crate) pattern: Pattern,
    pub(crate) pipes: Pipes,
    /// The far ends of the pipes, by index.
    pub(crate) far: Vec<Option<Far>>,
    pub(crate) options: SocketOptions,
    pub(crate) endpoints: Vec<Endpoint>,
    pub(crate) last_endpoint: String,
    due: DueList,
    mail: Vec<Event>,
    receive_more: bool,
    raw: bool,
    stopped: bool,
    /// How often the socket has heard of something.
    news: u64,
    /// Peers that were cut off because they subscribed to too much.
    pub(crate) oversubscribed: u64,
    pub(crate) direct: Direct,
    pub(crate) waits: Waits,
    _live: Live,
}

impl SocketCore {
    pub(crate) fn new(
        shared: Arc<Shared>,
        id: u64,
        port: Arc<Port>,
        kind: SocketType,
        options: &ContextOptions,
    ) -> Self {
        let pattern = Pattern::new(kind, shared.random());
        Self {
            _live: shared.live(),
            id,
            epoch: shared.epoch(),
            kind,
            port,
            pattern,
            pipes: Pipes::new(),
            far: Vec::new(),
            options: SocketOptions::new(kind, options),
            endpoints: Vec::new(),
            last_endpoint: String::new(),
            due: DueList::new(),
            mail: Vec::new(),
            receive_more: false,
            raw: kind == SocketType::Stream,
            direct: Direct::new(shared.is_direct()),
            stopped: false,
            news: 0,
            oversubscribed: 0,
            waits: Waits::default(),
            shared,
        }
    }

    /// The kind of socket.
    pub fn kind(&self) -> SocketType {
        self.kind
    }

    /// The options as they stand.
    pub fn options(&self) -> &SocketOptions {
        &self.options
    }

    /// The options, for settings that `zmq.h` does not know.
    pub fn options_mut(&mut self) -> &mut SocketOptions {
        &mut self.options
    }

    /// The endpoint bound or connected last, wildcards resolved; empty if there was none.
    pub fn last_endpoint(&self) -> &str {
        &self.last_endpoint
    }

    /// Whether more frames of the message received last follow.
    pub fn receives_more(&self) -> bool {
        self.receive_more
    }

    /// What ends the socket's waits; by default any signal, as in `zmq.h`.
    pub fn set_waits(&mut self, waits: Waits) {
        self.waits = waits;
    }

    /// What ends the socket's waits.
    pub fn waits(&self) -> &Waits {
        &self.waits
    }

    /// Peers of a PUB or XPUB with at least one subscription.
    pub fn subscribers(&self) -> usize {
        self.pattern.subscribers()
    }

    /// A number that changes whenever the socket has heard of something.
    pub(crate) fn news(&self) -> u64 {
        self.news
    }

    /// The number of peers that the socket has pipes to.
    pub fn peers(&self) -> usize {
        self.pipes.len()
    }

    pub(crate) fn port(&self) -> &Arc<Port> {
        &self.port
    }

    /// The socket is hidden: somebody else reads its mail.
    pub(crate) fn relay_mail(&mut self, relay: Relay) {
        self.port.relay(relay);
    }

    // ---- Traffic ----

    /// Sends a frame if that is possible at once. On success `m` is empty, on failure it is as it was.
    ///
    /// # Errors
    /// `Again`, `Terminated`, `NotSupported`, `InvalidState`, `HostUnreachable`, `InvalidArgument`, `OutOfMemory`;
    /// `Interrupted` in a forked child.
    #[inline(always)]
    pub fn try_send(&mut self, m: &mut Msg, more: bool) -> Result<()> {
        self.check()?;
        self.send_rest(m, more)
    }

    /// Sends a further frame of a message that was begun with [`SocketCore::try_send`] just before: there is room for
    /// it, and what has happened meanwhile can wait until the message is whole.
    ///
    /// # Errors
    /// `OutOfMemory`.
    #[inline(always)]
    pub fn send_rest(&mut self, m: &mut Msg, more: bool) -> Result<()> {
        let result = self.pattern.send(&mut self.pipes, m, more, &mut self.due);
        if !self.due.is_empty() {
            self.settle();
        }
        result
    }

    /// Receives a frame if there is one.
    ///
    /// # Errors
    /// As [`SocketCore::try_send`].
    #[inline(always)]
    pub fn try_recv(&mut self, m: &mut Msg) -> Result<()> {
        self.check()?;
        let result = self.pattern.recv(&mut self.pipes, m, &mut self.due);
        if !self.due.is_empty() {
            self.settle();
        }
        if result.is_ok() {
            if m.is_command() {
                // Over inproc any type may be sent a subscription; for the application it is a message.
                m.set_kind(Kind::Message);
            }
            self.receive_more = m.more();
            self.direct.answered = true;
            self.direct.patient = false;
        }
        result
    }

    /// What can be done without waiting (ZMQ_EVENTS).
    ///
    /// # Errors
    /// `Terminated`; `Interrupted` in a forked child.
    pub fn events(&mut self) -> Result<Events> {
        self.check_fork()?;
        if self.port.is_exported() {
            // Also without mail: the descriptor is to be quiet now.
            self.take_mail();
        }
        self.check()?;
        self.read_leased();
        Ok(self.ready())
    }

    /// What the socket knows that can be done without waiting.
    pub(crate) fn ready(&mut self) -> Events {
        let events = self.pattern.ready(&mut self.pipes, &mut self.due);
        if !self.due.is_empty() {
            self.settle();
        }
        events
    }

    /// Whether the socket has heard of the end of its context.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Whether a message to this peer of a ROUTER would find room (zmq_socket_get_peer_state(3)).
    ///
    /// # Errors
    /// `HostUnreachable` if nobody has the id, `NotSupported` on other types; `Interrupted` in a forked child.
    pub fn peer_state(&mut self, routing_id: &[u8]) -> Result<Events> {
        self.check_fork()?;
        if self.port.has_mail() {
            self.take_mail();
        }
        self.pattern.peer_state(&mut self.pipes, routing_id)
    }

    /// A descriptor that becomes readable when [`SocketCore::events`] may have changed (ZMQ_FD). It belongs to the
    /// socket: only poll it.
    ///
    /// # Errors
    /// `Interrupted` in a forked child.
    pub fn fd(&mut self) -> Result<RawFd> {
        self.check_fork()?;
        self.end_leases();
        Ok(self.port.export())
    }

    /// A forked child leaves everything that it shares with its parent alone.
    #[inline]
    pub(crate) fn check_fork(&self) -> Result<()> {
        if self.epoch.is_current() { Ok(()) } else { Err(Error::Interrupted) }
    }

    /// What every call begins with: the fork check, and the events that have come.
    #[inline(always)]
    pub(crate) fn check(&mut self) -> Result<()> {
        self.check_fork()?;
        if self.port.has_mail() {
            self.take_mail();
        }
        if self.stopped { Err(Error::Terminated) } else { Ok(()) }
    }

    #[cold]
    fn take_mail(&mut self) {
        self.news = self.news.wrapping_add(1);
        let mut mail = std::mem::take(&mut self.mail);
        self.port.take(&mut mail);
        for event in mail.drain(..) {
            self.on_event(event);
        }
        self.mail = mail;
        self.settle();
    }

    fn on_event(&mut self, event: Event) {
        let Self { pattern, pipes, due, .. } = self;
        match event {
            Event::Attached(attachment) => self.attach(*attachment),
            Event::Identified(id, info) if pipes.contains(id) => pattern.identified(pipes, id, &info, due),
            Event::Readable(id) if pipes.contains(id) => pattern.readable(pipes, id, due),
            Event::Writable(id) if pipes.contains(id) => pattern.writable(pipes, id, due),
            Event::Hiccup(id) if pipes.contains(id) => {
                if self.kind.sends_commands() {
                    pipes.restart(id);
                }
                pattern.hiccup(pipes, id, due);
                pipes.publish(id, due);
            }
            Event::Ended(whose) => {
                if let Some(id) = whose.id().filter(|id| pipes.contains(*id)) {
                    self.peer_ended(id);
                }
            }
            Event::Withdrawn(owner, _ticket) => {
                if let Some(id) = owner.id().filter(|id| pipes.contains(*id)) {
                    self.withdrawn(id);
                }
            }
            Event::Unlisted(session) => self.endpoints.retain(|endpoint| !endpoint.is_served_by(session)),
            Event::Bound(id, party) if pipes.contains(id) => self.bound(id, &party),
            Event::Stop => self.stopped = true,
            _ => {}
        }
    }

    /// A pipe to a new peer.
    fn attach(&mut self, attachment: Attachment) {
        let Attachment { pipe, far, local, info } = attachment;
        let id = self.open(pipe, far, local);
        if let Some(info) = info {
            self.pattern.identified(&mut self.pipes, id, &info, &mut self.due);
        }
    }

    /// The socket that an inproc pipe waited for is there.
    fn bound(&mut self, id: PipeId, party: &Party) {
        if let Some(Some(Far::Inproc { port, far_send_hwm, far_receive_hwm, farewell, .. })) =
            self.far.get_mut(id.index())
        {
            *port = party.port.clone();
            farewell.clone_from(&party.farewell);
            (*far_send_hwm, *far_receive_hwm) = (party.send_hwm, party.receive_hwm);
        }
        self.identify(id, &party.info());
        // The limits are sums now: a pipe that was full may have room.
        self.pattern.writable(&mut self.pipes, id, &mut self.due);
    }

    fn adopt(&mut self, pipe: Pipe, far: Far) -> PipeId {
        let id = self.pipes.insert(pipe);
        match &far {
            Far::Wire(conn) => conn.link.set_owner(Some(id)),
            Far::Inproc { near, .. } => near.set(id),
        }
        if self.far.len() <= id.index() {
            self.far.resize_with(id.index() + 1, || None);
        }
        self.far[id.index()] = Some(far);
        id
    }

    pub(crate) fn pipe_ids(&self) -> impl Iterator<Item = PipeId> + '_ {
        self.pipes.ids()
    }

    pub(crate) fn far(&self, id: PipeId) -> Option<&Far> {
        self.far.get(id.index())?.as_ref()
    }

    /// The pipe that a session serves.
    pub(crate) fn pipe_of(&self, session: u64) -> Option<PipeId> {
        self.pipe_ids().find(|id| matches!(self.far(*id), Some(Far::Wire(conn)) if conn.session == session))
    }

    pub(crate) fn has_inproc_peers(&self) -> bool {
        self.far.iter().flatten().any(|far| matches!(far, Far::Inproc { .. }))
    }

    /// Tells the pattern that a pipe can be read.
    pub(crate) fn readable(&mut self, id: PipeId) {
        self.news = self.news.wrapping_add(1);
        if self.pipes.contains(id) {
            self.pattern.readable(&mut self.pipes, id, &mut self.due);
        }
    }

    /// Tells the pattern that a pipe can be written.
    pub(crate) fn writable(&mut self, id: PipeId) {
        self.news = self.news.wrapping_add(1);
        if self.pipes.contains(id) {
            self.pattern.writable(&mut self.pipes, id, &mut self.due);
        }
    }

    /// Opens the near end of a pipe that this socket made.
    pub(crate) fn open(&mut self, pipe: Pipe, far: Far, local: Local) -> PipeId {
        let id = self.adopt(pipe, far);
        self.pattern.opened(&mut self.pipes, id, local, &mut self.due);
        id
    }

    pub(crate) fn identify(&mut self, id: PipeId, info: &ferrozmq_base::PeerInfo) {
        self.pattern.identified(&mut self.pipes, id, info, &mut self.due);
    }

    /// Writes the message that goes first to a peer of this context; on a connection the session does, and for a binder
    /// who connects to it.
    pub(crate) fn say_hello(&mut self, id: PipeId) {
        if let Some(hello) = self.options.hello(self.kind) {
            say(&mut self.pipes, id, hello, &mut self.due);
        }
    }

    /// Writes the last message that the far end of an inproc pipe wants of us.
    fn say_farewell(&mut self, id: PipeId) {
        if let Some(Some(Far::Inproc { farewell: Some(farewell), .. })) = self.far.get(id.index()) {
            self.pipes.rollback(id);
            say(&mut self.pipes, id, farewell, &mut self.due);
        }
    }

    /// Whether connections of this socket carry bytes as they are.
    pub(crate) fn is_raw(&self) -> bool {
        self.raw
    }

    pub(crate) fn id_in_use(&self, routing_id: &[u8]) -> bool {
        self.pattern.id_in_use(routing_id)
    }

    /// The far end is gone: no more output, the input to its end.
    pub(crate) fn peer_ended(&mut self, id: PipeId) {
        self.pipes.close_output(id);
        self.pattern.ended(&mut self.pipes, id, &mut self.due);
        if !self.pattern.reads_input() || self.pipes.drained(id) {
            self.forget(id);
        }
    }

    /// As [`SocketCore::peer_ended`], but the input is not read any more, unless the application counts on it.
    fn withdrawn(&mut self, id: PipeId) {
        if !self.pattern.is_reading(id) {
            self.pipes.discard_input(id);
        }
        self.peer_ended(id);
    }

    fn forget(&mut self, id: PipeId) {
        if !self.pipes.contains(id) {
            return;
        }
        self.pattern.gone(&mut self.pipes, id, &mut self.due);
        self.pipes.remove(id);
        if let Some(Far::Wire(conn)) = self.far.get_mut(id.index()).and_then(Option::take) {
            conn.leave(&self.port().losses);
        }
    }

    /// Does for the far ends what the last operation left to do.
    #[inline(never)]
    pub(crate) fn settle(&mut self) {
        let mut kick: Option<Arc<Io>> = None;
        let mut subscribed = Vec::new();
        // Settling may leave more to settle.
        while !self.due.is_empty() {
            let mut due = std::mem::take(&mut self.due);
            for (id, due) in due.drain(..) {
                if self.kind.sends_commands() && due == Due::Look {
                    subscribed.push(id);
                }
                self.act(id, due, &mut kick);
            }
            if self.due.is_empty() {
                self.due = due;
            }
        }
        if let Some(io) = kick {
            io.kick();
        }
        // A socket of many threads keeps them all out until it is done.
        if !subscribed.is_empty() && !self.kind.is_thread_safe() {
            self.await_subscriptions(&subscribed);
        }
    }

    fn act(&mut self, id: PipeId, due: Due, kick: &mut Option<Arc<Io>>) {
        if !self.pipes.contains(id) {
            // Forgotten since: its place may be another's already.
            return;
        }
        let Some(far) = self.far.get(id.index()).and_then(Option::as_ref) else { return };
        match (due, far) {
            (Due::Look | Due::Flush, Far::Wire(conn)) => {
                let conn = conn.clone();
                if self.write_now(&conn, due) {
                    return;
                }
                let io = &conn.io;
                io.look(conn.clone());
                // One wake-up per I/O thread and call.
                if kick.as_ref().is_some_and(|k| !Arc::ptr_eq(k, io))
                    && let Some(other) = kick.take()
                {
                    other.kick();
                }
                *kick = Some(io.clone());
            }
            (Due::Resume, Far::Wire(conn)) => conn.io.send(Command::Resume(conn.session)),
            (Due::Readable, Far::Inproc { port, far, .. }) => tell(port, far, Event::Readable),
            (Due::Writable, Far::Inproc { port, far, .. }) => tell(port, far, Event::Writable),
            (Due::End(how), _) => self.end_pipe(id, how),
            (Due::Drained, _) => self.forget(id),
            _ => {}
        }
    }

    /// The pattern ended a pipe: the far end is told, the near end goes when nothing is left to read.
    fn end_pipe(&mut self, id: PipeId, how: End) {
        self.oversubscribed += u64::from(how == End::Excess);
        match self.far.get(id.index()).and_then(Option::as_ref) {
            Some(Far::Wire(conn)) => {
                conn.io.send(match how {
                    End::Now => Command::Close(conn.session, Close::Now),
                    End::Excess => Command::Blame(conn.session, ProtocolError::SubscribesTooMuch),
                    End::Drain => Command::Close(conn.session, linger(self.options.linger)),
                });
            }
            Some(Far::Inproc { port, far, .. }) => {
                let _ = port.post(Event::Ended(Whose::Inproc(far.clone())));
            }
            None => return,
        }
        if how != End::Drain || !self.pattern.reads_input() || self.pipes.drained(id) {
            self.forget(id);
        }
    }

    // ---- Endpoints' pipes ----

    /// Ends the pipe of an endpoint that is disconnected: unread input is dropped, output lingers.
    pub(crate) fn drop_pipe(&mut self, id: PipeId, drain: bool) {
        if !self.pipes.contains(id) {
            return;
        }
        let far = self.far.get(id.index()).and_then(Option::as_ref).cloned();
        self.say_farewell(id);
        self.pipes.close_output(id);
        self.pattern.ended(&mut self.pipes, id, &mut self.due);
        if let Some(Far::Inproc { port, far, near, .. }) = far {
            lock(&self.shared.registry).forget(&near, self.options.linger != Some(Duration::ZERO));
            let _ = port.post(Event::Ended(Whose::Inproc(far)));
        }
        if !drain || self.pipes.drained(id) {
            self.forget(id);
        }
    }

    // ---- Groups and numbered peers ----

    /// Joins a group (zmq_join(3)).
    ///
    /// # Errors
    /// `NotSupported` on types other than DISH; `InvalidArgument` if it was joined before, or is too long.
    pub fn join(&mut self, group: &[u8]) -> Result<()> {
        self.check_fork()?;
        let result = self.pattern.join(group, &mut self.pipes, &mut self.due);
        self.settle();
        result
    }

    /// Leaves a group (zmq_leave(3)).
    ///
    /// # Errors
    /// `NotSupported` on types other than DISH; `InvalidArgument` if it was not joined.
    pub fn leave(&mut self, group: &[u8]) -> Result<()> {
        self.check_fork()?;
        let result = self.pattern.leave(group, &mut self.pipes, &mut self.due);
        self.settle();
        result
    }

    /// Ends the connection to the peer with this number, on SERVER and PEER: unread messages are dropped, unsent ones
    /// linger.
    ///
    /// # Errors
    /// `NotSupported` on other types, `HostUnreachable` if nobody has the number.
    pub fn disconnect_peer(&mut self, number: u32) -> Result<()> {
        self.check_fork()?;
        let id = self.pattern.peer_pipe(number)?;
        if let Some(Far::Wire(conn)) = self.far(id) {
            conn.io.send(Command::Close(conn.session, linger(self.options.linger)));
        }
        self.drop_pipe(id, false);
        self.settle();
        Ok(())
    }

    // ---- Options ----

    /// Sets the option with this number of `zmq.h` (zmq_setsockopt(3)); `None` is a NULL value of length 0.
    ///
    /// # Errors
    /// `InvalidArgument`; `Terminated` once the socket has noticed the end of its context.
    pub fn set_option(&mut self, number: i32, value: Option<&[u8]>) -> Result<()> {
        if self.stopped {
            return Err(Error::Terminated);
        }
        let outcome = option::set(&mut self.options, self.kind, number, value)?;
        if self.check_fork().is_err() {
            // A forked child has a copy, which it can only close; programs set its options before they do.
            return Ok(());
        }
        match outcome {
            Outcome::Stored => {}
            Outcome::Hwm => self.apply_hwm(),
            Outcome::Pattern(setting) => {
                let result = self.pattern.set(setting, &mut self.pipes, &mut self.due);
                self.settle();
                result?;
                self.raw |= matches!(setting, Setting::RouterRaw(true));
            }
        }
        Ok(())
    }

    fn apply_hwm(&mut self) {
        let (send, receive) = (self.options.send_hwm, self.options.receive_hwm);
        let ids: Vec<PipeId> = self.pipes.ids().collect();
        for id in ids {
            match self.far.get(id.index()).and_then(Option::as_ref) {
                Some(Far::Wire(_)) => self.pipes.set_hwm(id, send, receive),
                Some(Far::Inproc { far_send_hwm, far_receive_hwm, .. }) => {
                    let (send, receive) =
                        (inproc::sum(send, *far_receive_hwm), inproc::sum(*far_send_hwm, receive));
                    self.pipes.set_hwm(id, send, receive);
                }
                None => {}
            }
        }
    }

    /// Reads the option with this number into `buffer` (zmq_getsockopt(3)); returns the length.
    ///
    /// # Errors
    /// `InvalidArgument`; `Terminated` once the socket has noticed the end of its context.
    pub fn option(&mut self, number: i32, buffer: &mut [u8]) -> Result<usize> {
        if self.stopped {
            return Err(Error::Terminated);
        }
        let live = match option::get(&self.options, self.kind, number, buffer)? {
            Read::Done(length) => return Ok(length),
            Read::Live(live) => live,
        };
        match live {
            LiveOption::ReceiveMore => encode::int(buffer, i32::from(self.receive_more)),
            LiveOption::Fd => {
                let fd = self.fd()?;
                encode::int(buffer, fd)
            }
            LiveOption::Events => {
                let events = self.events()?;
                encode::int(buffer, i32::from(events.readable) | i32::from(events.writable) << 1)
            }
            LiveOption::LastEndpoint => {
                // The one transport that libzmq leaves out.
                let text = self.last_endpoint.strip_prefix("udp://").unwrap_or(&self.last_endpoint);
                encode::text(buffer, text.as_bytes())
            }
            LiveOption::TopicsCount => {
                let count = self.pattern.topics_count().ok_or(Error::InvalidArgument)?;
                encode::int(buffer, i32::try_from(count).unwrap_or(i32::MAX))
            }
            LiveOption::StreamRoutingId => {
                // Until the first connection it is what was set, as for every type.
                let id = self.pattern.latest_routing_id().unwrap_or(&self.options.routing_id);
                encode::binary(buffer, id)
            }
        }
    }

    // ---- End ----

    /// Closes the socket (zmq_close(3)). Returns at once: what was accepted is still sent, as long as the linger
    /// option says, and the context's end waits for it.
    pub fn close(mut self) {
        if self.shared.is_a_parents() {
            // A forked child leaves everything that it shares with its parent alone.
            std::mem::forget(self);
            return;
        }
        self.end();
    }

    fn end(&mut self) {
        self.port.monitor.close();
        for endpoint in std::mem::take(&mut self.endpoints) {
            endpoint.release(&self.shared, &self.port, linger(self.options.linger));
        }
        let pipes: Vec<PipeId> = self.pipes.ids().collect();
        for id in pipes {
            self.say_farewell(id);
        }
        self.settle();
        let mut left = std::mem::take(&mut self.mail);
        self.port.close(&mut left);
        for event in left {
            match event {
                Event::Attached(attachment) => {
                    drop(attachment.pipe);
                    self.let_go(attachment.far);
                }
                // The binder is to hear of the end.
                Event::Bound(id, party) => self.bound(id, &party),
                _ => {}
            }
        }
        let far = std::mem::take(&mut self.far);
        // The pipes first: a far end that hears of the end finds nothing more to come.
        self.pipes = Pipes::new();
        for far in far.into_iter().flatten() {
            self.let_go(far);
        }
        self.shared.forget_port(self.id);
    }

    fn let_go(&self, far: Far) {
        match far {
            Far::Wire(conn) => conn.io.send(Command::Close(conn.session, linger(self.options.linger))),
            Far::Inproc { port, near, far, .. } => {
                lock(&self.shared.registry).forget(&near, self.options.linger != Some(Duration::ZERO));
                let _ = port.post(Event::Ended(Whose::Inproc(far)));
            }
        }
    }
}

impl Drop for SocketCore {
    fn drop(&mut self) {
        // Closed already, or dropped without: the same, unless it is a forked child's copy.
        if !self.shared.is_a_parents() && !self.is_closed() {
            self.end();
        }
    }
}

impl SocketCore {
    fn is_closed(&self) -> bool {
        self.port.is_closed()
    }
}

/// Puts a message of our own into a pipe. Without memory for it nothing is said.
fn say(pipes: &mut Pipes, id: PipeId, body: &[u8], due: &mut DueList) {
    if let Ok(mut message) = Msg::copy_from(body)
        && pipes.put(id, &mut message, false).is_ok()
    {
        pipes.publish(id, due);
    }
}

fn tell(port: &Arc<Port>, whose: &Arc<Owner>, event: fn(PipeId) -> Event) {
    // A far end that has not taken its pipe yet looks at it when it does.
    if let Some(id) = whose.id() {
        let _ = port.post(event(id));
    }
}

impl Whose {
    fn id(&self) -> Option<PipeId> {
        match self {
            Self::Wire(conn) => conn.link.owner(),
            Self::Inproc(owner) => owner.id(),
        }
    }
}
