//! A udp endpoint: datagrams to and from a pipe of the socket (zmq_udp(7)).
//!
//! It lives in one I/O thread, beside sessions and listeners, and is less than either: nobody shakes hands, nothing is
//! connected, lost or made again, and a monitor has nothing to hear. A datagram is a whole message; one that is none,
//! that finds no room, or that the network refuses is dropped and counted at the socket.
//!
//! A DISH hears its groups only: those it joined reach this thread as commands in its pipe, so that what others send to
//! the same address takes no room in its queue.

mod endpoint;

pub(crate) use endpoint::check_use;

use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use ferrozmq_base::{Error, Kind, Msg, inbox, log, pool, sync::Ordering};
use ferrozmq_proto::udp::{
    DATAGRAM_MAX, GROUP_DATAGRAM_MAX, begin_group, parse_peer, peer_frame, split_group,
};
use ferrozmq_sys::{
    Interest, Poller,
    net::udp::{BATCH, Batch, UdpSocket},
};

use crate::{
    conn::Conn,
    context::Live,
    io_thread::Turn,
    port::{Event, Port, Whose},
    session::Close,
    stats::Losses,
};

/// How many datagrams are sent, and received, before others get their turn.
const DATAGRAMS_PER_TURN: usize = 256;
/// How long an endpoint rests when memory has run out.
const REST: Duration = Duration::from_millis(100);
/// How long an endpoint is unused before its memory is given back.
const IDLE: Duration = Duration::from_millis(500);

/// What the datagrams mean.
#[derive(Debug)]
enum Role {
    /// Sends a group and a body, always to this address.
    Radio(SocketAddr),
    /// Receives a group and a body, of these groups.
    Dish(BTreeSet<Box<[u8]>>),
    /// Sends and receives bodies, each with the address of its peer.
    Dgram,
}

/// The message that is being sent: its first frame was taken, its body is the next one of the queue.
#[derive(Debug)]
struct Begun {
    /// None: it can go nowhere.
    to: Option<SocketAddr>,
    /// Bytes of the datagram before the body.
    head: usize,
}

/// How far sending got.
enum Sent {
    Everything,
    /// There is more, and the kernel may take it.
    Some,
    /// The kernel takes no more now.
    Blocked,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Datagrams {
    id: u64,
    role: Role,
    socket: UdpSocket,
    port: Arc<Port>,
    conn: Arc<Conn>,
    output: log::Reader,
    /// None once it has ended.
    input: Option<inbox::Writer>,
    /// The longest body that is received.
    longest: usize,
    begun: Option<Begun>,
    /// A datagram that is put together, and those that are received.
    outgoing: Vec<u8>,
    incoming: Batch,
    /// What the poller was asked for.
    watched: Option<Interest>,
    blocked: bool,
    resting_until: Option<Instant>,
    /// When it is looked whether the endpoint is idle, and whether it was used since the last look.
    idle_at: Option<Instant>,
    used: bool,
    /// The socket waits for room that was made.
    wake_writer: bool,
    /// Set once it is closing: when it gives up what was not sent (none: never).
    closing: Option<Option<Instant>>,
    dead: bool,
    /// Counted in its context until it is gone.
    _live: Live,
}

impl Datagrams {
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead
    }

    /// When it wants to be called next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.resting_until, self.idle_at, self.closing.flatten()].into_iter().flatten().min()
    }

    pub(crate) fn start(&mut self, turn: &mut Turn<'_>) {
        self.conn.link.promise.unpark();
        self.look(turn);
    }

    pub(crate) fn on_event(&mut self, event: ferrozmq_sys::Event, turn: &mut Turn<'_>) {
        if event.writable && self.blocked {
            self.look(turn);
        }
        if event.readable && self.reads() {
            self.receive(turn);
        }
    }

    pub(crate) fn on_deadline(&mut self, turn: &mut Turn<'_>) {
        let is_due = |at: Option<Instant>| at.is_some_and(|at| at <= turn.now);
        if is_due(self.closing.flatten()) {
            return self.die();
        }
        if is_due(self.idle_at) {
            self.idle_at = None;
            if std::mem::take(&mut self.used) {
                self.idle_at = Some(turn.now + IDLE);
            } else {
                self.release_idle();
            }
        }
        if is_due(self.resting_until) {
            self.resting_until = None;
            self.watch(turn);
        }
    }

    fn release_idle(&mut self) {
        self.output.release_idle();
        self.incoming = Batch::default();
        if self.begun.is_none() {
            self.outgoing = Vec::new();
        }
        pool::flush();
    }

    fn use_at(&mut self, now: Instant) {
        self.used = true;
        self.idle_at.get_or_insert(now + IDLE);
    }

    /// The socket is done with the endpoint.
    pub(crate) fn close(&mut self, how: Close, turn: &mut Turn<'_>) {
        let Close::Linger(limit) = how else { return self.die() };
        if self.closing.is_none() {
            self.closing = Some(turn.after(limit));
        }
        // What the kernel takes at once goes out, however short the time.
        self.look(turn);
        if limit.is_some_and(|limit| limit.is_zero()) {
            self.die();
        }
    }

    fn die(&mut self) {
        self.output.discard();
        self.dead = true;
    }

    /// Puts away whatever is left.
    pub(crate) fn bury(&mut self, poller: &Poller) {
        if self.watched.take().is_some() {
            let _ = poller.remove(&self.socket);
        }
        self.conn.link.promise.park();
        self.input = None;
        self.conn.leave(&self.port.losses);
        let _ = self.port.post(Event::Ended(Whose::Wire(self.conn.clone())));
    }

    fn reads(&self) -> bool {
        !matches!(self.role, Role::Radio(_)) && self.closing.is_none() && self.resting_until.is_none()
    }

    /// Asks the poller for what can be done.
    fn watch(&mut self, turn: &Turn<'_>) {
        let read = if self.reads() { Interest::READ } else { Interest::NONE };
        let wanted = if self.blocked { read | Interest::WRITE } else { read };
        let result = match self.watched {
            Some(interest) if interest == wanted => return,
            Some(_) => turn.poller.modify(&self.socket, self.id, wanted),
            None if wanted == Interest::NONE => return,
            None => turn.poller.add(&self.socket, self.id, wanted),
        };
        match result {
            Ok(()) => self.watched = Some(wanted),
            // No memory to watch it: try again later.
            Err(_) => self.resting_until = Some(turn.now + REST),
        }
    }

    fn tell(&self, event: fn(ferrozmq_base::PipeId) -> Event) {
        if let Some(id) = self.conn.link.owner() {
            let _ = self.port.post(event(id));
        }
    }

    fn tell_writer(&mut self) {
        if std::mem::take(&mut self.wake_writer) {
            self.tell(Event::Writable);
        }
    }

    // ---- Output ----

    /// Somebody promised that we would look at the output.
    pub(crate) fn look(&mut self, turn: &mut Turn<'_>) {
        self.conn.link.promise.begin_look();
        let sent = self.send();
        self.tell_writer();
        self.use_at(turn.now);
        self.blocked = matches!(sent, Sent::Blocked);
        match sent {
            Sent::Everything if self.closing.is_some() => return self.die(),
            Sent::Everything => {}
            Sent::Some => {
                if self.conn.link.promise.promise() {
                    // This thread looks at its list before it sleeps.
                    turn.io.look(self.conn.clone());
                }
            }
            Sent::Blocked => {
                self.conn.link.promise.promise();
            }
        }
        self.watch(turn);
    }

    fn send(&mut self) -> Sent {
        if let Role::Dish(groups) = &mut self.role {
            self.wake_writer |= take_groups(&mut self.output, groups);
            return Sent::Everything;
        }
        for _ in 0..DATAGRAMS_PER_TURN {
            if self.begun.is_none() && !self.begin() {
                return Sent::Everything;
            }
            if !self.send_body() {
                return Sent::Blocked;
            }
        }
        Sent::Some
    }

    /// Takes the first frame of the next message, if there is one.
    fn begin(&mut self) -> bool {
        let Some(frame) = self.output.next_record() else { return false };
        self.outgoing.clear();
        let to = match &self.role {
            Role::Radio(to) => begin_group(frame.body, &mut self.outgoing).then_some(*to),
            Role::Dish(_) | Role::Dgram => parse_peer(frame.body),
        };
        self.begun = Some(Begun { to, head: self.outgoing.len() });
        self.wake_writer |= self.output.consume();
        true
    }

    /// Sends what was begun; false: the kernel takes no more now.
    fn send_body(&mut self) -> bool {
        let (Some(begun), Some(body)) = (&self.begun, self.output.next_record()) else { return true };
        let result = match begun.to {
            None => Err(io::Error::from_raw_os_error(Error::InvalidArgument.errno())),
            Some(to) if begun.head == 0 => self.socket.send_to(body.body, to),
            Some(to) => {
                self.outgoing.truncate(begun.head);
                self.outgoing.extend_from_slice(body.body);
                self.socket.send_to(&self.outgoing, to)
            }
        };
        match result {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return false,
            Err(e) => {
                self.conn.refusal.store(Error::from(e).errno().cast_unsigned(), Ordering::Relaxed);
                self.conn.refused.add(1);
                Losses::count(&self.port.losses.unroutable);
            }
        }
        self.begun = None;
        self.wake_writer |= self.output.consume();
        true
    }

    // ---- Input ----

    fn receive(&mut self, turn: &mut Turn<'_>) {
        self.use_at(turn.now);
        let mut batch = std::mem::take(&mut self.incoming);
        if batch.is_absent() {
            batch =
                Batch::new(if matches!(self.role, Role::Dish(_)) { GROUP_DATAGRAM_MAX } else { READ_BYTES });
        }
        let mut wake = false;
        for _ in 0..DATAGRAMS_PER_TURN / BATCH {
            match self.socket.receive(&mut batch) {
                Ok(()) => {
                    for (datagram, peer) in batch.datagrams() {
                        match datagram {
                            Some(datagram) => wake |= self.received(datagram, peer),
                            None => Losses::count(&self.port.losses.malformed),
                        }
                    }
                    if !batch.is_full() {
                        break;
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    // Whatever it is, it may be so for long: without a rest the thread would spin.
                    self.resting_until = Some(turn.now + REST);
                    self.watch(turn);
                    break;
                }
            }
        }
        self.incoming = batch;
        if wake {
            self.tell(Event::Readable);
        }
        self.tell_writer();
    }

    /// Hands a datagram to the socket; true if the socket has to be told.
    fn received(&mut self, datagram: &[u8], peer: SocketAddr) -> bool {
        let losses = &self.port.losses;
        let own;
        let message = match &mut self.role {
            Role::Radio(_) => None,
            Role::Dgram => {
                own = peer_frame(peer);
                Some((&own[..], datagram))
            }
            Role::Dish(groups) => {
                let parts = split_group(datagram);
                if let Some((group, _)) = parts
                    && !groups.contains(group)
                {
                    // It may have been joined just now.
                    self.wake_writer |= take_groups(&mut self.output, groups);
                    if !groups.contains(group) {
                        Losses::count(&losses.unmatched);
                        return false;
                    }
                }
                parts
            }
        };
        let Some((head, body)) = message.filter(|(_, body)| body.len() <= self.longest) else {
            Losses::count(&losses.malformed);
            return false;
        };
        let Some(input) = &mut self.input else { return false };
        if !input.room() {
            Losses::count(&losses.full);
            return false;
        }
        match push(input, head, body) {
            Ok(()) => input.publish(1),
            Err(_) => {
                input.rollback();
                Losses::count(&losses.full);
                false
            }
        }
    }
}

/// More than any datagram of a DGRAM has.
const READ_BYTES: usize = 64 * 1024;
const _: () = assert!(READ_BYTES > DATAGRAM_MAX);

/// Takes the commands by which a DISH joins and leaves; true if the socket waits for the room.
fn take_groups(output: &mut log::Reader, groups: &mut BTreeSet<Box<[u8]>>) -> bool {
    let mut wake = false;
    while let Some(record) = output.next_record() {
        match record.kind {
            Kind::Join => {
                groups.insert(record.body.into());
            }
            Kind::Leave => {
                groups.remove(record.body);
            }
            Kind::Message | Kind::Subscribe | Kind::Cancel => {}
        }
        wake |= output.consume();
    }
    wake
}

fn push(input: &mut inbox::Writer, head: &[u8], body: &[u8]) -> Result<(), Error> {
    let mut frame = Msg::copy_from(head)?;
    frame.set_more(true);
    input.push_frame(&mut frame, None)?;
    input.push_frame(&mut Msg::copy_from(body)?, None)?;
    Ok(())
}
