//! A socket as a cat of messages: what is read is sent, what is received is written.
//!
//! One thread does everything in turns: receive what is there, send what there is room for, wait for either, for input
//! or for the time of the next message. Nothing is read before it can be sent, so a slow network slows the input down.

mod dropped;
mod input;
mod open;
mod output;
mod reply;
mod watch;

pub(crate) use open::{Basics, join, only_other_processes, subscribe};
pub(crate) use watch::tell;

use std::time::{Duration, Instant};

use ferrozmq::{Context, Error, Interest, Interrupt, Message, Multipart, PeerId, Poller, Socket, SocketType};

use crate::{
    args::{Answer, Cat},
    failure::Failure,
    keys::Credentials,
    numbers::{Tally, time},
    say::say,
    signals::Signals,
};
use dropped::Losses;
use input::Input;
use output::Output;

/// Messages that are sent or received before the other direction has its turn.
const BATCH: usize = 256;
/// How often it is looked whether there is still anybody who could say or take something.
const LOOK_FOR_PEERS: Duration = Duration::from_millis(100);
/// Why there is not.
const GONE: &str = "the peer has refused us, or has gone for good";

pub(crate) fn run(cat: &Cat, signals: &Signals) -> Result<(), Failure> {
    let security = Credentials::of(&cat.common.security)?;
    let ctx = security.context(Context::builder().interrupt(&signals.interrupt))?;
    let (socket, watch, number) = open::open(&ctx, cat, &security, signals)?;
    let mut talk = Conversation::new(cat, socket, &signals.interrupt)?;
    talk.number = number;
    let mut result = talk.run();
    result = talk.output.flush().and(result);

    let began = Instant::now();
    if result.is_ok() {
        result = talk.delivered(cat.common.linger);
    }
    // What was sent is on its way unless we gave up.
    let linger = match &result {
        Ok(()) => cat.common.linger,
        Err(Failure::Interrupted | Failure::Timeout(_)) => Some(Duration::ZERO),
        Err(_) => Some(cat.common.linger.unwrap_or(Duration::from_secs(1))),
    };
    let losses = Losses::of(&mut talk)?;
    if cat.common.stats {
        talk.report(&losses);
    }
    losses.report(cat.common.stats);
    result = settled(result, losses.check());
    let Conversation { socket, .. } = talk;
    match linger {
        Some(linger) => socket.close_within(linger.saturating_sub(began.elapsed())),
        None => drop(socket),
    }
    watch.join();
    signals.end_at_once();
    ctx.terminate()?;
    result?;
    match linger {
        Some(linger) if began.elapsed() >= linger && !linger.is_zero() => {
            Err(Failure::Timeout(format!("not everything was sent within {}", time(linger))))
        }
        _ => Ok(()),
    }
}

/// The outcome of two steps, of which the first is what the program ends with; a failure of the second is told then.
fn settled(first: Result<(), Failure>, second: Result<(), Failure>) -> Result<(), Failure> {
    match (first, second) {
        (Ok(()), second) => second,
        (first, Ok(())) => first,
        (first, Err(failure)) => {
            failure.report();
            first
        }
    }
}

/// What a socket type does with input and output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Sends,
    Receives,
    /// Sends, then receives, and so on.
    Asks,
    /// Receives, then sends, and so on.
    Answers,
    /// Sends and receives as it comes.
    Talks,
}

impl Role {
    pub(crate) const fn of(kind: SocketType) -> Self {
        match kind {
            SocketType::Pub | SocketType::Push | SocketType::Radio | SocketType::Scatter => Self::Sends,
            SocketType::Sub | SocketType::Pull | SocketType::Dish | SocketType::Gather => Self::Receives,
            SocketType::Req => Self::Asks,
            SocketType::Rep => Self::Answers,
            _ => Self::Talks,
        }
    }
}

struct Conversation<'a> {
    cat: &'a Cat,
    role: Role,
    socket: Socket,
    interrupt: &'a Interrupt,
    input: Input,
    output: Output,
    /// The next message to send.
    pending: Option<Multipart>,
    /// There was no room for it.
    blocked: bool,
    /// A request is on its way: one that we sent, or one that we must answer.
    asked: bool,
    /// To whom ROUTER, STREAM and DGRAM send unless the message says: the parts in front of the last message.
    peer: Option<Vec<Message>>,
    /// To whom SERVER and PEER send: the sender of the last message, or the first peer that a PEER connected to.
    number: Option<PeerId>,
    /// STREAM: the peer that we connected to has gone.
    left: bool,
    pace: Pace,
    sent: Tally,
    /// Messages for peers that were not there, and whether the last message was one.
    unreachable: u64,
    missed: bool,
    received: Tally,
    /// Since when the network lets nothing pass.
    idle: Option<Instant>,
}

impl<'a> Conversation<'a> {
    fn new(cat: &'a Cat, mut socket: Socket, interrupt: &'a Interrupt) -> Result<Self, Failure> {
        let role = Role::of(cat.kind);
        let pace = Pace::new(cat);
        let again =
            matches!(role, Role::Sends | Role::Asks) && (cat.common.count.is_some() || pace.every.is_some());
        let reads = match role {
            Role::Receives => false,
            Role::Answers => matches!(cat.answer, Answer::Input),
            _ => true,
        };
        let input = if reads { Input::open(cat, again)? } else { Input::None };
        if cat.kind == SocketType::Xsub {
            for topic in &cat.topics {
                socket.send([b"\x01", topic.as_bytes()].concat()).map_err(Error::from)?;
            }
        }
        Ok(Self {
            cat,
            role,
            socket,
            interrupt,
            input,
            output: Output::stdout(cat),
            pending: None,
            blocked: false,
            asked: false,
            peer: cat.to.map(|to| vec![to.to_string().into()]),
            number: None,
            left: false,
            pace,
            sent: Tally::default(),
            unreachable: 0,
            missed: false,
            received: Tally::default(),
            idle: None,
        })
    }

    fn run(&mut self) -> Result<(), Failure> {
        loop {
            self.receive()?;
            self.send()?;
            if self.is_finished() {
                return match self.role {
                    Role::Answers if self.asked => {
                        Err(Failure::Run("the input has ended, and a request was not answered".to_owned()))
                    }
                    _ => Ok(()),
                };
            }
            self.output.flush()?;
            self.wait()?;
        }
    }

    fn is_finished(&self) -> bool {
        let input_ended = self.pending.is_none() && self.input.is_at_end();
        let reached = |n: u64| self.cat.common.count.is_some_and(|count| n >= count);
        match self.role {
            Role::Sends => input_ended || reached(self.sent.messages),
            Role::Receives => reached(self.received.messages),
            Role::Asks => reached(self.received.messages) || (input_ended && !self.asked),
            Role::Answers => {
                reached(self.sent.messages)
                    || (input_ended && matches!(self.input, Input::Read(_) | Input::Given { .. }))
            }
            Role::Talks => {
                let enough = self
                    .cat
                    .common
                    .count
                    .is_some_and(|n| self.received.messages >= n && (n > 0 || input_ended));
                enough || (input_ended && self.left)
            }
        }
    }

    // ---- Receiving ----

    fn may_receive(&self) -> bool {
        let turn = match self.role {
            Role::Sends => false,
            Role::Receives | Role::Talks => true,
            Role::Asks => self.asked,
            Role::Answers => !self.asked,
        };
        // No request is taken that would not be answered any more.
        let done = if self.role == Role::Answers { self.sent.messages } else { self.received.messages };
        turn && self
            .cat
            .common
            .count
            .is_none_or(|count| done < count || count == 0 && self.role == Role::Talks)
    }

    fn receive(&mut self) -> Result<(), Failure> {
        let (began, before) = (Instant::now(), self.received.messages);
        for _ in 0..BATCH {
            if !self.may_receive() {
                break;
            }
            match self.socket.try_recv_multipart() {
                Ok(message) => self.received(message)?,
                Err(Error::Again) => break,
                Err(e) => return Err(e.into()),
            }
        }
        if self.received.messages > before {
            self.received.mark(began, Instant::now());
            self.idle = None;
        }
        Ok(())
    }

    fn received(&mut self, message: Multipart) -> Result<(), Failure> {
        match self.role {
            Role::Asks => self.asked = false,
            Role::Answers => {
                self.asked = true;
                if let Some(answer) = reply::answer(&self.cat.answer, &message)? {
                    self.pending = Some(answer);
                }
            }
            _ => {}
        }
        let Some(parts) = self.shown(message) else { return Ok(()) };
        self.received.add(parts.iter().map(|part| part.len()).sum());
        self.output.write(&parts)
    }

    /// The parts to be written; none, if the message only says that a raw connection has come or gone.
    fn shown(&mut self, message: Multipart) -> Option<Vec<Message>> {
        let mut parts = message.into_frames();
        match self.cat.kind {
            SocketType::Dgram => {
                let address = parts.remove(0);
                if self.cat.to.is_none() {
                    self.peer = Some(vec![address.clone()]);
                }
                if self.cat.common.multipart.is_some() {
                    let text = address.strip_suffix(b"\0").unwrap_or(&address);
                    parts.insert(0, text.into());
                }
            }
            SocketType::Router | SocketType::Stream => {
                let notice =
                    self.cat.kind == SocketType::Stream && parts.get(1).is_some_and(|data| data.is_empty());
                let envelope = self.envelope(&parts);
                if notice && self.peer.as_deref() == Some(&envelope[..]) {
                    self.peer = None;
                    self.left = !self.cat.common.endpoints.iter().all(|endpoint| self.cat.binds(endpoint));
                } else {
                    self.left = false;
                    self.peer = Some(envelope.clone());
                }
                if notice {
                    return None;
                }
                if self.cat.common.multipart.is_none() {
                    parts.drain(..envelope.len());
                } else if let Some(id) = parts.first_mut() {
                    *id = output::written_id(id);
                }
            }
            SocketType::Server | SocketType::Peer => {
                self.number = parts.first().and_then(Message::peer).or(self.number);
            }
            SocketType::Dish => {
                if let [only] = &parts[..] {
                    parts = vec![only.group().into(), only.clone()];
                }
            }
            SocketType::Xpub if self.cat.format == crate::args::Format::Line => {
                if let [only] = &mut parts[..] {
                    match only.split_first() {
                        Some((1, topic)) => *only = [b"+", topic].concat().into(),
                        Some((0, topic)) => *only = [b"-", topic].concat().into(),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        Some(parts)
    }

    /// The parts in front of a message's body: the name of the peer; from a REQ, up to the empty part.
    fn envelope(&self, parts: &[Message]) -> Vec<Message> {
        let end = match self.cat.kind {
            SocketType::Router => {
                parts.iter().position(|part| part.is_empty()).filter(|i| *i + 1 < parts.len())
            }
            _ => None,
        };
        parts.iter().take(end.unwrap_or(0) + 1).cloned().collect()
    }

    // ---- Sending ----

    /// Whether a message may be sent now, as far as the pattern goes.
    fn may_send(&self) -> bool {
        let reached = self.role != Role::Talks
            && self.cat.common.count.is_some_and(|count| self.sent.messages >= count);
        let turn = match self.role {
            Role::Sends => true,
            Role::Receives => false,
            Role::Asks => !self.asked,
            Role::Answers => self.asked,
            Role::Talks if self.numbers() => self.number.is_some(),
            Role::Talks => !self.addresses() || self.peer.is_some(),
        };
        turn && !reached
    }

    /// Whether the message says by its number to which peer it goes.
    fn numbers(&self) -> bool {
        matches!(self.cat.kind, SocketType::Server | SocketType::Peer)
    }

    /// Whether messages go to the peer heard from last.
    fn addresses(&self) -> bool {
        matches!(self.cat.kind, SocketType::Router | SocketType::Stream | SocketType::Dgram)
            && self.cat.common.multipart.is_none()
    }

    fn send(&mut self) -> Result<(), Failure> {
        let (began, before) = (Instant::now(), self.sent.messages);
        self.blocked = false;
        self.prepare();
        for _ in 0..BATCH {
            if !self.may_send() || self.pace.wait().is_some() {
                break;
            }
            let Some(message) = self.pending.take() else { break };
            let bytes = message.iter().map(|part| part.len()).sum();
            let message = self.addressed(message);
            let waits = self.cat.waits_for_room_in_send();
            let sent = if waits { self.socket.send(message) } else { self.socket.try_send(message) };
            match sent {
                Ok(()) => {
                    self.sent.add(bytes);
                    self.missed = false;
                    self.pace.sent();
                    self.asked = self.role == Role::Asks;
                    self.prepare();
                }
                Err(e) if e.error() == Error::Again => {
                    self.pending = Some(self.unaddressed(e.into_message()));
                    self.blocked = true;
                    break;
                }
                Err(e) if e.error() == Error::HostUnreachable => {
                    if !self.missed {
                        say!("fzmq: warning: the peer is not there; what is for it is not sent");
                    }
                    self.missed = true;
                    self.unreachable += 1;
                    self.prepare();
                }
                Err(e) => return Err(e.error().into()),
            }
        }
        if self.sent.messages > before {
            self.sent.mark(began, Instant::now());
            self.idle = None;
        }
        Ok(())
    }

    /// Has the next message ready, if it is there without reading.
    fn prepare(&mut self) {
        if self.pending.is_none() {
            self.pending = self.input.next().map(|bytes| self.message(bytes));
        }
    }

    /// A message of the input, in parts.
    fn message(&self, bytes: Vec<u8>) -> Multipart {
        let mut parts: Vec<Message> = match &self.cat.common.multipart {
            Some(separator) => split(&bytes, &separator.0),
            None => vec![bytes.into()],
        };
        match self.cat.kind {
            SocketType::Pub => parts.splice(0..0, self.cat.topics.iter().map(Message::from)).for_each(drop),
            SocketType::Router | SocketType::Stream if !self.addresses() => {
                if let Some(id) = parts.first_mut() {
                    *id = output::read_id(id);
                }
            }
            SocketType::Radio => {
                for (part, group) in parts.iter_mut().zip(&self.cat.topics) {
                    part.set_group(group);
                }
            }
            _ => {}
        }
        parts.into()
    }

    fn addressed(&self, mut message: Multipart) -> Multipart {
        if let (true, Some(number), Some(part)) = (self.numbers(), self.number, message.first_mut()) {
            part.set_peer(number);
        }
        match &self.peer {
            Some(peer) if self.addresses() => peer.iter().cloned().chain(message).collect(),
            _ => message,
        }
    }

    fn unaddressed(&self, message: Multipart) -> Multipart {
        let skip = self.peer.as_ref().filter(|_| self.addresses()).map_or(0, Vec::len);
        message.into_iter().skip(skip).collect()
    }

    // ---- Who gets it ----

    /// Waits until the system has what was sent, for up to `linger`: as long as the socket is open it can be told what
    /// becomes of it.
    fn delivered(&mut self, linger: Option<Duration>) -> Result<(), Failure> {
        /// How often to look.
        const LOOK: Duration = Duration::from_millis(5);
        use SocketType as T;
        // Who speaks to each of many speaks also to those who are about to leave.
        let awaited =
            matches!(self.cat.kind, T::Push | T::Scatter | T::Dealer | T::Pair | T::Channel | T::Client);
        // Datagrams wait for nobody but the system.
        let over_udp = self.is_over_udp();
        if !awaited && !over_udp {
            return Ok(());
        }
        let deadline = linger.map(|linger| Instant::now() + linger);
        let mut pause = Poller::<()>::new();
        pause.interrupt(self.interrupt);
        loop {
            let stats = self.socket.stats()?;
            let cut: u64 = stats.peers().iter().map(|peer| peer.dropped()).sum();
            let lost = cut + stats.dropped().undelivered;
            let queued: u64 = stats.peers().iter().map(|peer| peer.queued()).sum();
            if queued == 0 && lost > 0 && !over_udp {
                return Err(Failure::Run(format!("{} not delivered: {GONE}", messages(lost))));
            }
            if queued == 0 || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(());
            }
            pause.wait(Some(LOOK))?;
        }
    }

    /// Fails if nobody is there, and nobody will ever come: each peer that we connected to has gone for good.
    fn check_for_peers(&mut self) -> Result<(), Failure> {
        if !self.only_connects() || !self.socket.stats()?.peers().is_empty() {
            return Ok(());
        }
        let lost = self.socket.stats()?.dropped().undelivered;
        let lost = if lost > 0 { format!("{} not delivered: ", messages(lost)) } else { String::new() };
        Err(Failure::Run(format!("{lost}{GONE}")))
    }

    /// Whether we came to all peers, by connections that are counted.
    fn only_connects(&self) -> bool {
        let counted = |endpoint: &str| endpoint.starts_with("tcp:") || endpoint.starts_with("ipc:");
        self.cat.kind != SocketType::Stream
            && self.cat.common.endpoints.iter().all(|e| counted(e) && !self.cat.binds(e))
    }

    // ---- Waiting ----

    /// Waits until something can be done.
    fn wait(&mut self) -> Result<(), Failure> {
        let patience = self.patience()?;
        let waits_for_peers = (self.blocked || self.may_receive()) && self.only_connects();
        if waits_for_peers {
            self.check_for_peers()?;
        }
        let mut poller = Poller::new();
        poller.interrupt(self.interrupt);
        // Where sending waits for room, a poll does not: it calls the socket writable if anybody has room.
        let (sends, waits) = (self.blocked && self.may_send(), self.cat.waits_for_room_in_send());
        match (self.may_receive(), sends && !waits) {
            (true, true) => poller.add(&self.socket, Ready::Socket, Interest::BOTH)?,
            (true, false) => poller.add(&self.socket, Ready::Socket, Interest::READABLE)?,
            (false, true) => poller.add(&self.socket, Ready::Socket, Interest::WRITABLE)?,
            (false, false) => {}
        }
        if self.pending.is_none()
            && let Some(descriptor) = self.input.descriptor()
        {
            poller.add_fd(descriptor, Ready::Input, Interest::READABLE)?;
        }
        // Between two batches there is nothing to wait for.
        let sends_next = self.pending.is_some() && self.may_send() && (waits || !self.blocked);
        let pause = sends_next.then(|| self.pace.wait().unwrap_or_default());
        let limit = [pause, patience, waits_for_peers.then_some(LOOK_FOR_PEERS)].into_iter().flatten().min();
        let input = poller.wait(limit)?.iter().any(|event| event.key == Ready::Input);
        if input { self.input.fill() } else { Ok(()) }
    }

    /// How long the network may still let nothing pass.
    fn patience(&mut self) -> Result<Option<Duration>, Failure> {
        let waits = match self.role {
            Role::Sends => self.blocked,
            Role::Asks => self.asked || self.blocked,
            Role::Answers => !self.asked || self.blocked,
            Role::Receives | Role::Talks => true,
        };
        let (Some(timeout), true) = (self.cat.common.timeout, waits) else {
            self.idle = None;
            return Ok(None);
        };
        let since = *self.idle.get_or_insert_with(Instant::now);
        let remaining = timeout.saturating_sub(since.elapsed());
        if remaining.is_zero() {
            let what = if self.role == Role::Sends { "sent" } else { "received" };
            return Err(Failure::Timeout(format!("nothing could be {what} for {}", time(timeout))));
        }
        Ok(Some(remaining))
    }

    /// The summary.
    fn report(&self, losses: &Losses) {
        if self.role != Role::Receives {
            let what = if losses.refused() { "tried to send" } else { "sent" };
            say!("{}", self.sent.summary(what));
        }
        if self.role != Role::Sends {
            say!("{}", self.received.summary("received"));
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ready {
    Socket,
    Input,
}

/// When the next message may be sent.
struct Pace {
    every: Option<Duration>,
    next: Option<Instant>,
}

impl Pace {
    fn new(cat: &Cat) -> Self {
        let every =
            cat.input.interval.or_else(|| cat.input.rate.map(|rate| Duration::from_secs_f64(1.0 / rate)));
        Self { every, next: None }
    }

    /// How long to wait for that.
    fn wait(&self) -> Option<Duration> {
        let left = self.next?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// A delay is made up for, unless it is a long one.
    fn sent(&mut self) {
        const LONG: Duration = Duration::from_millis(100);
        let Some(every) = self.every else { return };
        let now = Instant::now();
        let due = self.next.unwrap_or(now).max(now.checked_sub(LONG).unwrap_or(now));
        self.next = Some(due + every);
    }
}

fn messages(count: u64) -> String {
    if count == 1 { "1 message was".to_owned() } else { format!("{count} messages were") }
}

fn split(bytes: &[u8], separator: &[u8]) -> Vec<Message> {
    let mut parts = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(separator.len()).position(|window| window == separator) {
        parts.push(rest[..at].into());
        rest = &rest[at + separator.len()..];
    }
    parts.push(rest.into());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_what_lies_between_separators() {
        let parts = |text: &str| Multipart::from(split(text.as_bytes(), b"--"));
        assert_eq!(parts("a--b----c"), Multipart::from(("a", "b", "", "c")));
        assert_eq!(parts("a-b"), Multipart::from(["a-b"]));
        assert_eq!(parts(""), Multipart::from([""]));
        assert_eq!(parts("--"), Multipart::from(["", ""]));
    }
}
