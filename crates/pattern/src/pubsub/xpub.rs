//! XPUB: publishes to the peers whose subscriptions match, and hands these subscriptions to the application
//! (RFC 29, zmq_setsockopt(3)).
//!
//! Subscriptions are a set per peer and are read as soon as they arrive. The application receives `01` topic when
//! a topic gets its first subscriber and `00` topic when it lost its last. A cancel of something that the peer had
//! not subscribed to is not announced: through a proxy it would take the topic away from others.
use super::{Request, request};
use crate::distribute::Distribute;
use crate::subscription::{Removed, Subscriptions};
use crate::{Drops, Events, Local, Machine, Setting};
use ferrozmq_base::{DueList, End, Error, Msg, OutOfMemory, PeerInfo, PipeId, Pipes, msg::copied};
use std::collections::VecDeque;

/// An XPUB socket.
#[derive(Debug, Default)]
pub struct Xpub {
    topics: Subscriptions,
    /// In manual mode: what the peers asked for, kept to announce its end.
    manual_topics: Subscriptions,
    out: Distribute,
    /// By `PipeId::index`.
    inputs: Vec<Input>,
    pending: VecDeque<Pending>,
    /// In manual mode: the peer whose request was received last.
    last_pipe: Option<PipeId>,
    welcome: Vec<u8>,
    /// A PUB: nothing is handed to the application.
    is_mute: bool,
    options: Options,
    unread_lost: u64,
}

#[derive(Debug, Default)]
struct Options {
    announce_every_subscribe: bool,
    announce_every_cancel: bool,
    manual: bool,
    to_last_pipe: bool,
    no_drop: bool,
    only_first_subscribe: bool,
    invert: bool,
}

/// How far a peer's message was read.
#[derive(Clone, Copy, Debug, Default)]
struct Input {
    in_message: bool,
    /// Its frames may be requests.
    requests: bool,
    /// Its frames are handed to the application, as parts of one message.
    handed_on: bool,
    /// It came when too much was unread.
    dropped: bool,
    /// The most bytes that its subscriptions may take.
    limit: Option<u64>,
}

/// Why a request of a peer is not carried out: the peer is let go, since it would wait in vain.
enum Unfit {
    NoMemory,
    TooMuch,
}

impl From<OutOfMemory> for Unfit {
    fn from(_: OutOfMemory) -> Self {
        Self::NoMemory
    }
}

/// The most frames that wait for an application that does not receive. Messages beyond it are dropped and counted;
/// announcements are not, because a proxy that missed one would subscribe to the wrong topics.
const UNREAD_MAX: usize = 100_000;

#[derive(Debug)]
struct Pending {
    message: Msg,
    from: Option<PipeId>,
}

impl Xpub {
    /// A publisher that hands nothing to the application.
    pub(super) fn mute() -> Self {
        Self { is_mute: true, ..Self::default() }
    }

    pub(crate) fn topics_count(&self) -> usize {
        self.topics.count()
    }

    pub(crate) fn subscribers(&self) -> usize {
        self.topics.pipes()
    }

    pub(crate) fn drops_of(&self, id: PipeId) -> u64 {
        self.out.losses_of(id)
    }

    /// Reads everything that a peer sent.
    fn read(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        let mut m = Msg::new();
        while pipes.get(id, &mut m, due) {
            match self.frame(id, &mut m) {
                Ok(()) => {}
                // It may connect again.
                Err(Unfit::NoMemory) => return pipes.end(id, End::Now, due),
                Err(Unfit::TooMuch) => return pipes.end(id, End::Excess, due),
            }
        }
    }

    fn frame(&mut self, id: PipeId, m: &mut Msg) -> Result<(), Unfit> {
        let Some(input) = self.inputs.get_mut(id.index()) else { return Ok(()) };
        let is_first = !input.in_message;
        input.in_message = m.more();
        let asked = if is_first || input.requests { request(m) } else { None };
        if is_first {
            input.requests = !self.options.only_first_subscribe || asked.is_some();
            input.handed_on = false;
            input.dropped = self.pending.len() >= UNREAD_MAX || self.pending.try_reserve(1).is_err();
        }
        let dropped = input.dropped;
        // A request inside of a message of the application is both.
        let as_part = asked.is_none() || input.handed_on;
        input.handed_on = as_part && m.more();
        if let Some((what, topic)) = asked {
            let announce = self.apply(what, topic, id)?;
            if announce && !as_part && !self.is_mute {
                let notice = announcement(what, topic).map(|mut notice| {
                    notice.set_peer(m.peer());
                    notice
                });
                self.announce(notice, Some(id));
            }
        }
        if as_part && dropped {
            self.unread_lost += u64::from(!m.more());
        } else if as_part && !self.is_mute {
            let more = m.more();
            let mut message = m.take();
            message.set_more(more);
            self.pending.push_back(Pending { message, from: Some(id) });
        }
        Ok(())
    }

    /// Carries out a request and says whether the application is told.
    fn apply(&mut self, what: Request, topic: &[u8], id: PipeId) -> Result<bool, Unfit> {
        let options = &self.options;
        let topics = if options.manual { &self.manual_topics } else { &self.topics };
        let limit = self.inputs.get(id.index()).and_then(|input| input.limit);
        if what == Request::Subscribe && limit.is_some_and(|limit| topics.bytes_of(id) > limit) {
            return Err(Unfit::TooMuch);
        }
        if options.manual {
            match what {
                Request::Subscribe => _ = self.manual_topics.add(topic, id)?,
                Request::Cancel => _ = self.manual_topics.remove(topic, id),
            }
            return Ok(true);
        }
        Ok(match what {
            Request::Subscribe => self.topics.add(topic, id)? || options.announce_every_subscribe,
            Request::Cancel => {
                self.topics.remove(topic, id) == Removed::Last || options.announce_every_cancel
            }
        })
    }

    fn announce(&mut self, notice: Result<Msg, OutOfMemory>, from: Option<PipeId>) {
        match notice {
            Ok(message) if self.pending.try_reserve(1).is_ok() => {
                self.pending.push_back(Pending { message, from });
            }
            _ => self.unread_lost += 1,
        }
    }

    /// Forgets what a peer subscribed to and tells of the topics that end with it.
    fn cancel_all(&mut self, id: PipeId) {
        if self.is_mute {
            self.manual_topics.remove_pipe(id, |_, _| {});
            self.topics.remove_pipe(id, |_, _| {});
            return;
        }
        let mut ended = Vec::new();
        let every = self.options.announce_every_cancel;
        let manual = self.options.manual;
        self.manual_topics.remove_pipe(id, |topic, _| ended.push(announcement(Request::Cancel, topic)));
        self.topics.remove_pipe(id, |topic, was_last| {
            if !manual && (was_last || every) {
                ended.push(announcement(Request::Cancel, topic));
            }
        });
        for notice in ended {
            self.announce(notice, None);
        }
    }

    /// Selects the peers that get the message with this first frame; true if only the last pipe was considered.
    #[inline]
    fn select(&mut self, pipes: &mut Pipes, topic: &[u8]) -> bool {
        self.out.unmatch();
        let only = if self.options.to_last_pipe { self.last_pipe } else { None };
        let out = &mut self.out;
        match only {
            None => self.topics.matching(topic, |id| out.select(pipes, id)),
            Some(last) => self.topics.matching(topic, |id| {
                if id == last {
                    out.select(pipes, id);
                }
            }),
        }
        if self.options.invert {
            self.out.invert();
        }
        only.is_some()
    }

    fn write_welcome(&self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        if !self.welcome.is_empty()
            && let Ok(mut m) = Msg::copy_from(&self.welcome)
            && pipes.put(id, &mut m, false).is_ok()
        {
            pipes.publish(id, due);
        }
    }
}

/// The message that tells the application of a request.
fn announcement(what: Request, topic: &[u8]) -> Result<Msg, OutOfMemory> {
    let mut m = Msg::with_size(topic.len() + 1)?;
    if let Some([first, rest @ ..]) = m.as_mut_slice() {
        *first = u8::from(what == Request::Subscribe);
        rest.copy_from_slice(topic);
    }
    Ok(m)
}

impl Machine for Xpub {
    fn opened(&mut self, pipes: &mut Pipes, id: PipeId, _: Local, due: &mut DueList) {
        if self.inputs.len() <= id.index() {
            self.inputs.resize(id.index() + 1, Input::default());
        }
        self.inputs[id.index()] = Input::default();
        self.out.attach(id);
        self.write_welcome(pipes, id, due);
    }

    fn identified(&mut self, pipes: &mut Pipes, id: PipeId, info: &PeerInfo, due: &mut DueList) {
        if let Some(input) = self.inputs.get_mut(id.index()) {
            input.limit = info.subscription_bytes;
        }
        if info.subscribes_to_all
            && let Ok(mut everything) = announcement(Request::Subscribe, b"")
        {
            // Small, and a topic of no bytes: there is memory for it.
            let _ = self.frame(id, &mut everything);
        }
        self.read(pipes, id, due);
    }

    fn readable(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.read(pipes, id, due);
    }

    fn writable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.writable(id);
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.out.remove(id);
        self.read(pipes, id, due);
    }

    fn gone(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.remove(id);
        self.cancel_all(id);
        if self.last_pipe == Some(id) {
            self.last_pipe = None;
        }
    }

    #[inline]
    fn send(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) -> Result<(), Error> {
        if !self.out.in_message() {
            let only_last = self.select(pipes, m.as_slice());
            if self.options.no_drop && !self.out.all_have_room(pipes) {
                return Err(Error::Again);
            }
            if only_last {
                self.last_pipe = None;
            }
        }
        self.out.send(pipes, m, more, due);
        Ok(())
    }

    fn recv(&mut self, _: &mut Pipes, m: &mut Msg, _: &mut DueList) -> Result<(), Error> {
        let Pending { message, from } = self.pending.pop_front().ok_or(Error::Again)?;
        *m = message;
        if self.options.manual {
            // A peer that left meanwhile can be answered no more.
            self.last_pipe = from.filter(|id| self.out.contains(*id));
        }
        Ok(())
    }

    fn ready(&mut self, _: &mut Pipes, _: &mut DueList) -> Events {
        Events { readable: !self.pending.is_empty(), writable: true }
    }

    fn set(&mut self, s: Setting<'_>, _: &mut Pipes, _: &mut DueList) -> Result<(), Error> {
        let options = &mut self.options;
        match s {
            Setting::XpubVerbose(on) => {
                options.announce_every_subscribe = on;
                options.announce_every_cancel = false;
            }
            Setting::XpubVerboser(on) => {
                options.announce_every_subscribe = on;
                options.announce_every_cancel = on;
            }
            Setting::XpubManual(on) => options.manual = on,
            Setting::XpubManualLastValue(on) => {
                options.manual = on;
                options.to_last_pipe = on;
            }
            Setting::XpubNodrop(on) => options.no_drop = on,
            Setting::XpubWelcome(message) => self.welcome = copied(message)?,
            Setting::OnlyFirstSubscribe(on) => options.only_first_subscribe = on,
            Setting::InvertMatching(on) => options.invert = on,
            Setting::Subscribe(topic) if options.manual => {
                if let Some(id) = self.last_pipe {
                    self.topics.add(topic, id)?;
                }
            }
            Setting::Unsubscribe(topic) if options.manual => {
                if let Some(id) = self.last_pipe {
                    self.topics.remove(topic, id);
                }
            }
            Setting::Conflate(_) if self.is_mute => {}
            _ => return Err(Error::InvalidArgument),
        }
        Ok(())
    }

    fn drops(&self) -> Drops {
        Drops {
            full: self.out.full() + self.unread_lost,
            peer_gone: self.out.peer_gone(),
            ..Drops::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Setting::*;
    use crate::harness::{Join, Net, Node, READABLE, WRITABLE};
    use ferrozmq_base::{Error, PipeId, SocketType::*};

    /// A socket that can send anything to the publisher: its requests, or what only looks like one.
    fn peer(net: &mut Net, publisher: Node) -> (Node, PipeId) {
        let peer = net.socket(Pair);
        let (at_peer, _) = net.join(peer, publisher);
        (peer, at_peer)
    }

    #[test]
    fn first_and_last_subscriptions_are_announced() {
        let mut net = Net::new();
        let publisher = net.socket(Xpub);
        let (a, at_a) = peer(&mut net, publisher);
        let (b, at_b) = peer(&mut net, publisher);
        for from in [a, b] {
            net.send(from, &[b"\x01A"]).unwrap();
            net.send(from, &[b"\x01A"]).unwrap();
        }
        assert!(net.ready(publisher).readable);
        assert_eq!(net.drain(publisher), ["\\x01A"]);
        // Subscribed twice and cancelled once: a set, not a count.
        net.send(a, &[b"\x00A"]).unwrap();
        net.send(a, &[b"\x00A"]).unwrap();
        net.send(a, &[b"\x00unknown"]).unwrap();
        assert_eq!(net.recv(publisher), Err(Error::Again));
        net.send(publisher, &[b"A"]).unwrap();
        assert_eq!((net.drain(a).len(), net.drain(b).len()), (0, 1));
        net.send(b, &[b"\x01"]).unwrap();
        net.send(a, &[b"\x01"]).unwrap();
        net.send(b, &[b"\x01zz"]).unwrap();
        assert_eq!(net.pattern(publisher).topics_count(), Some(3));
        net.drain(publisher);
        net.disconnect(b, at_b);
        assert_eq!(net.drain(publisher), ["\\x00A", "\\x00zz"]);
        net.disconnect(a, at_a);
        assert_eq!(net.drain(publisher), ["\\x00"]);
        assert_eq!((net.pattern(publisher).topics_count(), net.peers(publisher)), (Some(0), 0));
    }

    #[test]
    fn verbose_announces_duplicates_and_verboser_cancels_too() {
        let mut net = Net::new();
        let publisher = net.socket(Xpub);
        let (a, _) = peer(&mut net, publisher);
        let (b, at_b) = peer(&mut net, publisher);
        net.set(publisher, XpubVerbose(true)).unwrap();
        for frame in [b"\x01A", b"\x01A", b"\x00A", b"\x01A"] {
            net.send(a, &[frame]).unwrap();
        }
        net.send(b, &[b"\x01A"]).unwrap();
        net.send(b, &[b"\x00A"]).unwrap();
        assert_eq!(net.drain(publisher), ["\\x01A", "\\x01A", "\\x00A", "\\x01A", "\\x01A"]);
        net.set(publisher, XpubVerboser(true)).unwrap();
        net.send(b, &[b"\x01A"]).unwrap();
        net.send(b, &[b"\x00A"]).unwrap();
        net.send(b, &[b"\x00A"]).unwrap();
        net.send(b, &[b"\x01A"]).unwrap();
        assert_eq!(net.drain(publisher), ["\\x01A", "\\x00A", "\\x00A", "\\x01A"]);
        net.disconnect(b, at_b);
        assert_eq!(net.drain(publisher), ["\\x00A"]);
    }

    #[test]
    fn in_manual_mode_the_application_subscribes_for_its_peers() {
        let mut net = Net::new();
        let publisher = net.socket(Xpub);
        assert_eq!(net.set(publisher, Subscribe(b"A")), Err(Error::InvalidArgument));
        net.set(publisher, XpubManual(true)).unwrap();
        assert_eq!(net.set(publisher, Subscribe(b"A")), Ok(()));
        let (a, at_a) = peer(&mut net, publisher);
        let (b, _) = peer(&mut net, publisher);
        net.send(a, &[b"\x01A"]).unwrap();
        net.send(b, &[b"\x01A"]).unwrap();
        net.send(publisher, &[b"A"]).unwrap();
        assert_eq!(net.recv(publisher).unwrap(), [b"\x01A"]);
        net.set(publisher, Subscribe(b"X")).unwrap();
        assert_eq!(net.recv(publisher).unwrap(), [b"\x01A"]);
        net.set(publisher, Subscribe(b"Y")).unwrap();
        net.send(publisher, &[b"X"]).unwrap();
        net.send(publisher, &[b"Y"]).unwrap();
        assert_eq!((net.drain(a), net.drain(b)), (vec!["X".to_string()], vec!["Y".to_string()]));
        net.send(b, &[b"\x00A"]).unwrap();
        assert_eq!(net.drain(publisher), ["\\x00A"]);
        net.set(publisher, Unsubscribe(b"Y")).unwrap();
        net.send(publisher, &[b"Y"]).unwrap();
        assert_eq!(net.drain(b), [""; 0]);
        // A peer that leaves: its own requests end; afterwards it is not the last one any more.
        net.send(a, &[b"\x01C"]).unwrap();
        net.disconnect(a, at_a);
        assert_eq!(net.drain(publisher), ["\\x01C", "\\x00A", "\\x00C"]);
        net.set(publisher, Subscribe(b"Z")).unwrap();
        assert_eq!(net.pattern(publisher).topics_count(), Some(0));
    }

    #[test]
    fn the_last_value_goes_to_the_last_peer_once() {
        let mut net = Net::new();
        let publisher = net.socket(Xpub);
        net.set(publisher, XpubManualLastValue(true)).unwrap();
        let (a, _) = peer(&mut net, publisher);
        let (b, _) = peer(&mut net, publisher);
        for from in [a, b] {
            net.send(from, &[b"\x01A"]).unwrap();
            net.recv(publisher).unwrap();
            net.set(publisher, Subscribe(b"A")).unwrap();
        }
        net.send(publisher, &[b"A", b"last"]).unwrap();
        net.send(publisher, &[b"A", b"all"]).unwrap();
        assert_eq!(net.drain(a), ["A|all"]);
        assert_eq!(net.drain(b), ["A|last", "A|all"]);
    }

    #[test]
    fn a_welcome_goes_to_every_new_peer() {
        let mut net = Net::new();
        let (publisher, subscriber) = (net.socket(Pub), net.socket(Sub));
        net.set(publisher, XpubWelcome(b"welcome")).unwrap();
        let (peer, _) = peer(&mut net, publisher);
        assert_eq!(net.drain(peer), ["welcome"]);
        net.join(subscriber, publisher);
        net.set(subscriber, Subscribe(b"w")).unwrap();
        assert_eq!(net.drain(subscriber), ["welcome"]);
    }

    #[test]
    fn nodrop_sends_to_all_or_to_none() {
        let mut net = Net::new();
        let publisher = net.socket(Xpub);
        net.set(publisher, XpubNodrop(true)).unwrap();
        let subscribers = [net.socket(Sub), net.socket(Sub)];
        for (subscriber, there) in subscribers.into_iter().zip([0, 1]) {
            net.set(subscriber, Subscribe(b"")).unwrap();
            net.join_with(publisher, subscriber, Join { there, ..Join::default() });
        }
        net.send(publisher, &[b"1", b"1"]).unwrap();
        assert_eq!(net.send(publisher, &[b"2"]), Err(Error::Again));
        assert!(net.ready(publisher).writable);
        assert_eq!(net.drain(subscribers[0]), ["1|1"]);
        assert_eq!(net.drain(subscribers[1]), ["1|1"]);
        net.send(publisher, &[b"2"]).unwrap();
        assert_eq!(subscribers.map(|s| net.drain(s)), [["2"], ["2"]]);
        assert_eq!(net.drops(publisher).full, 0);
    }

    #[test]
    fn requests_inside_of_messages() {
        let mut net = Net::new();
        let publisher = net.socket(Xpub);
        let (a, _) = peer(&mut net, publisher);
        net.send(a, &[b"usr", b"\x01Q", b"end"]).unwrap();
        net.send(a, &[b"\x01P", b"tail"]).unwrap();
        assert_eq!(net.drain(publisher), ["usr|\\x01Q|end", "\\x01P", "tail"]);
        assert_eq!(net.pattern(publisher).topics_count(), Some(2));
        net.set(publisher, OnlyFirstSubscribe(true)).unwrap();
        net.send(a, &[b"usr", b"\x01R"]).unwrap();
        assert_eq!(net.drain(publisher), ["usr|\\x01R"]);
        net.send(a, &[b"\x01S", b"\x01T"]).unwrap();
        assert_eq!(net.drain(publisher), ["\\x01S", "\\x01T"]);
        assert_eq!(net.pattern(publisher).topics_count(), Some(4));
    }

    #[test]
    fn inverted_matching_sends_to_the_others() {
        let mut net = Net::new();
        let publisher = net.socket(Pub);
        net.set(publisher, InvertMatching(true)).unwrap();
        let (a, _) = peer(&mut net, publisher);
        let (b, _) = peer(&mut net, publisher);
        net.send(a, &[b"\x01A"]).unwrap();
        net.send(publisher, &[b"A", b"1"]).unwrap();
        net.send(publisher, &[b"B"]).unwrap();
        assert_eq!(net.drain(a), ["B"]);
        assert_eq!(net.drain(b), ["A|1", "B"]);
    }

    #[test]
    fn a_pub_keeps_what_it_is_sent_to_itself() {
        let mut net = Net::new();
        let publisher = net.socket(Pub);
        let (a, at_a) = peer(&mut net, publisher);
        net.send(a, &[b"usr", b"\x01A", b"x"]).unwrap();
        net.send(publisher, &[b"A"]).unwrap();
        net.send(publisher, &[b"usr"]).unwrap();
        assert_eq!(net.drain(a), ["A"]);
        assert_eq!(net.recv(publisher), Err(Error::NotSupported));
        assert_eq!(net.ready(publisher), WRITABLE);
        net.disconnect(a, at_a);
        assert_eq!(net.send(publisher, &[b"A"]), Ok(()));
        assert_ne!(net.ready(publisher), READABLE);
    }

    #[test]
    fn a_peer_that_cannot_subscribe_gets_everything() {
        let mut net = Net::new();
        let (publisher, old) = (net.socket(Xpub), net.socket(Pair));
        net.join_with(old, publisher, Join { subscribes_to_all: true, ..Join::default() });
        assert_eq!(net.drain(publisher), ["\\x01"]);
        net.send(publisher, &[b"any"]).unwrap();
        assert_eq!(net.drain(old), ["any"]);
    }

    #[test]
    fn a_topic_of_16_megabytes_is_subscribed_cancelled_and_left() {
        let mut net = Net::new();
        let (publisher, subscriber) = (net.socket(Xpub), net.socket(Sub));
        let (at_subscriber, _) = net.join(subscriber, publisher);
        let topic = vec![b't'; 16 << 20];
        net.set(subscriber, Subscribe(&topic)).unwrap();
        assert_eq!(net.recv(publisher).unwrap()[0].len(), topic.len() + 1);
        net.set(subscriber, Unsubscribe(&topic)).unwrap();
        assert_eq!(net.recv(publisher).unwrap()[0][0], 0);
        net.set(subscriber, Subscribe(&topic)).unwrap();
        net.send(publisher, &[&topic]).unwrap();
        assert_eq!(net.recv(subscriber).unwrap()[0].len(), topic.len());
        net.disconnect(subscriber, at_subscriber);
        assert_eq!(net.pattern(publisher).topics_count(), Some(0));
    }

    #[test]
    fn messages_for_an_application_that_does_not_receive_do_not_pile_up() {
        let mut net = Net::new();
        let (publisher, subscriber) = (net.socket(Xpub), net.socket(Xsub));
        net.join(subscriber, publisher);
        for _ in 0..super::UNREAD_MAX / 2 + 5 {
            net.send(subscriber, &[b"two", b"frames"]).unwrap();
        }
        assert_eq!(net.pattern(publisher).drops().full, 5);
        net.send(subscriber, &[b"\x01topic"]).unwrap();
        for _ in 0..super::UNREAD_MAX / 2 {
            assert_eq!(net.recv(publisher).unwrap(), [&b"two"[..], b"frames"]);
        }
        assert_eq!(net.drain(publisher), ["\\x01topic"], "subscriptions are never dropped");
        net.send(subscriber, &[b"again"]).unwrap();
        assert_eq!(net.drain(publisher), ["again"]);
    }
}
