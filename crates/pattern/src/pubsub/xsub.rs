//! XSUB: receives from all peers, and sends them subscriptions as messages, `01` topic and `00` topic (RFC 29).
//!
//! Its subscriptions are counted, and each topic is sent again to every new peer and over every new connection.
//! A subscription is sent even to a peer whose pipe is full: lost, it would be lost for good.
use super::{Request, request};
use crate::distribute::Distribute;
use crate::fair_queue::FairQueue;
use crate::subscription::PrefixTree;
use crate::{Drops, Events, Local, Machine, Setting};
use ferrozmq_base::{DueList, Error, Kind, Msg, OutOfMemory, PipeId, Pipes};

/// An XSUB socket.
#[derive(Debug, Default)]
pub struct Xsub {
    topics: PrefixTree<u64>,
    topics_count: usize,
    out: Distribute,
    input: FairQueue,
    /// The first frame of a message that was read ahead.
    ahead: Option<Msg>,
    /// Messages that match no subscription are skipped: a SUB.
    filters: bool,
    invert: bool,
    cancel_always: bool,
    only_first_subscribe: bool,
    /// The frames of the message being sent may be requests.
    requests: bool,
    unmatched: u64,
    lost: u64,
}

impl Xsub {
    /// A subscriber that skips what it did not subscribe to.
    pub(super) fn filtering() -> Self {
        Self { filters: true, ..Self::default() }
    }

    pub(crate) fn topics_count(&self) -> usize {
        self.topics_count
    }

    fn add(&mut self, topic: &[u8]) -> Result<(), OutOfMemory> {
        let at = self.topics.insert(topic)?;
        let count = self.topics.value_mut(at);
        self.topics_count += usize::from(*count == 0);
        *count += 1;
        Ok(())
    }

    /// Takes one subscription back; true if it was the last of its topic.
    fn remove(&mut self, topic: &[u8]) -> bool {
        let Some(at) = self.topics.find(topic) else { return false };
        let count = self.topics.value_mut(at);
        if *count == 0 {
            return false;
        }
        *count -= 1;
        if *count > 0 {
            return false;
        }
        self.topics_count -= 1;
        self.topics.prune(at);
        true
    }

    /// Subscribes, as a command to every peer; duplicates too.
    pub(super) fn subscribe(
        &mut self,
        topic: &[u8],
        pipes: &mut Pipes,
        due: &mut DueList,
    ) -> Result<(), Error> {
        let mut command = Msg::command(Kind::Subscribe, topic)?;
        self.add(topic)?;
        let sent = self.out.send_everywhere(pipes, &mut command, due);
        if sent.is_err() {
            self.remove(topic);
        }
        Ok(sent?)
    }

    /// Cancels one subscription; the peers are told of the last one of a topic.
    pub(super) fn unsubscribe(
        &mut self,
        topic: &[u8],
        pipes: &mut Pipes,
        due: &mut DueList,
    ) -> Result<(), Error> {
        let mut command = Msg::command(Kind::Cancel, topic)?;
        if self.remove(topic) || self.cancel_always {
            self.out.send_everywhere(pipes, &mut command, due)?;
        }
        Ok(())
    }

    fn send_topics(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        for topic in self.topics.topics() {
            match Msg::command(Kind::Subscribe, topic).and_then(|mut m| pipes.put(id, &mut m, false)) {
                Ok(()) => pipes.publish(id, due),
                Err(_) => self.lost += 1,
            }
        }
    }

    /// Counts a request in a frame and says whether the frame is still to be sent.
    fn count_request(&mut self, m: &Msg, more: bool) -> Result<(Option<Request>, bool), OutOfMemory> {
        Ok(match request(m) {
            None => (None, true),
            Some((Request::Subscribe, topic)) => {
                self.add(topic)?;
                (Some(Request::Subscribe), true)
            }
            Some((Request::Cancel, topic)) => {
                let was_last = self.remove(topic);
                // The last frame of a message that was begun has to go, or that would never end.
                (Some(Request::Cancel), was_last || self.cancel_always || (self.out.in_message() && !more))
            }
        })
    }

    /// Undoes the count of a request that could not be sent.
    fn take_back(&mut self, m: &Msg) {
        match request(m) {
            Some((Request::Subscribe, topic)) => _ = self.remove(topic),
            // If there is no memory for the topic any more, it stays cancelled here.
            Some((Request::Cancel, topic)) => _ = self.add(topic),
            None => {}
        }
    }

    fn send_upstream(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) {
        if !self.out.in_message() {
            self.out.unmatch();
            self.out.select_all();
        }
        self.out.send(pipes, m, more, due);
    }

    #[inline]
    fn is_wanted(&self, m: &Msg) -> bool {
        !self.filters || self.topics.matches(m.as_slice()) != self.invert
    }

    /// Reads the first frame of the next message that is wanted.
    #[inline]
    fn first_frame(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> bool {
        while self.input.get(pipes, m, due).is_some() {
            if self.is_wanted(m) {
                return true;
            }
            self.unmatched += 1;
            while m.more() && self.input.in_message() && self.input.get(pipes, m, due).is_some() {}
        }
        false
    }
}

impl Machine for Xsub {
    fn opened(&mut self, pipes: &mut Pipes, id: PipeId, _: Local, due: &mut DueList) {
        self.input.attach(id);
        self.out.attach(id);
        self.send_topics(pipes, id, due);
    }

    fn readable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.input.readable(id);
    }

    fn writable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.writable(id);
    }

    fn hiccup(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.out.hiccup(id);
        self.out.writable(id);
        self.send_topics(pipes, id, due);
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.out.remove(id);
        self.input.ended(pipes, id, due);
    }

    fn gone(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.out.remove(id);
        let was_in_message = self.input.in_message();
        self.input.remove(id);
        if was_in_message && !self.input.in_message() {
            // What was read ahead would never end.
            self.ahead = None;
        }
    }

    fn send(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) -> Result<(), Error> {
        let is_first = !self.out.in_message();
        if is_first {
            self.requests = !self.only_first_subscribe;
        }
        let mut asked = None;
        let mut is_sent = true;
        if is_first || self.requests {
            (asked, is_sent) = self.count_request(m, more)?;
            self.requests |= asked.is_some();
        }
        if !is_sent {
            m.clear();
        } else if asked.is_some() && is_first && !more {
            if let Err(error) = self.out.send_everywhere(pipes, m, due) {
                self.take_back(m);
                return Err(error.into());
            }
            m.clear();
        } else {
            self.send_upstream(pipes, m, more, due);
        }
        Ok(())
    }

    #[inline]
    fn recv(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        if let Some(first) = self.ahead.take() {
            *m = first;
            return Ok(());
        }
        let found = if self.input.in_message() {
            self.input.get(pipes, m, due).is_some()
        } else {
            self.first_frame(pipes, m, due)
        };
        if found { Ok(()) } else { Err(Error::Again) }
    }

    fn ready(&mut self, pipes: &mut Pipes, due: &mut DueList) -> Events {
        let mut readable = self.ahead.is_some() || self.input.in_message();
        if !readable {
            let mut m = Msg::new();
            readable = self.first_frame(pipes, &mut m, due);
            self.ahead = readable.then_some(m);
        }
        Events { readable, writable: true }
    }

    fn set(&mut self, s: Setting<'_>, _: &mut Pipes, _: &mut DueList) -> Result<(), Error> {
        match s {
            Setting::OnlyFirstSubscribe(on) => self.only_first_subscribe = on,
            Setting::XsubVerboseUnsubscribe(on) => self.cancel_always = on,
            Setting::InvertMatching(on) => self.invert = on,
            _ => return Err(Error::InvalidArgument),
        }
        Ok(())
    }

    fn drops(&self) -> Drops {
        Drops {
            full: self.out.full() + self.lost,
            peer_gone: self.out.peer_gone(),
            unmatched: self.unmatched,
            ..Drops::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Setting::*;
    use crate::harness::{Join, NEITHER, Net, READABLE, WRITABLE};
    use ferrozmq_base::{Error, SocketType::*};

    #[test]
    fn two_subscriptions_need_two_cancels() {
        let mut net = Net::new();
        let (publisher, subscriber) = (net.socket(Xpub), net.socket(Sub));
        net.set(publisher, XpubVerboser(true)).unwrap();
        net.join(subscriber, publisher);
        net.set(subscriber, Subscribe(b"A")).unwrap();
        net.set(subscriber, Subscribe(b"A")).unwrap();
        net.set(subscriber, Unsubscribe(b"A")).unwrap();
        net.set(subscriber, Unsubscribe(b"unknown")).unwrap();
        assert_eq!(net.drain(publisher), ["\\x01A", "\\x01A"]);
        net.send(publisher, &[b"AB", b"any"]).unwrap();
        assert_eq!(net.drain(subscriber), ["AB|any"]);
        net.set(subscriber, Unsubscribe(b"A")).unwrap();
        assert_eq!(net.drain(publisher), ["\\x00A"]);
        assert_eq!(net.pattern(subscriber).topics_count(), Some(0));
        net.send(publisher, &[b"AB"]).unwrap();
        assert_eq!(net.drain(subscriber), [""; 0]);
        net.set(subscriber, XsubVerboseUnsubscribe(true)).unwrap();
        net.set(subscriber, Unsubscribe(b"A")).unwrap();
        assert_eq!(net.drain(publisher), ["\\x00A"]);
    }

    #[test]
    fn new_peers_and_new_connections_get_every_topic_once() {
        let mut net = Net::new();
        let (publisher, subscriber) = (net.socket(Xpub), net.socket(Sub));
        net.set(publisher, XpubVerbose(true)).unwrap();
        for topic in [&b"b"[..], b"a", b"", b"a"] {
            net.set(subscriber, Subscribe(topic)).unwrap();
        }
        let (at_subscriber, _) = net.join(subscriber, publisher);
        assert_eq!(net.drain(publisher), ["\\x01", "\\x01a", "\\x01b"]);
        net.hiccup(subscriber, at_subscriber);
        assert_eq!(net.drain(publisher), ["\\x01", "\\x01a", "\\x01b"]);
    }

    #[test]
    fn subscriptions_pass_the_high_water_mark() {
        let mut net = Net::new();
        let (publisher, subscriber) = (net.socket(Pub), net.socket(Sub));
        let topic = |i: u32| i.to_be_bytes();
        for i in 0..50 {
            net.set(subscriber, Subscribe(&topic(i))).unwrap();
        }
        // Nobody reads until all are sent.
        let far = net.socket(Pair);
        net.join_with(subscriber, far, Join { there: 2, ..Join::default() });
        for i in 50..100 {
            net.set(subscriber, Subscribe(&topic(i))).unwrap();
        }
        assert_eq!(net.drain(far).len(), 100);
        net.join_with(subscriber, publisher, Join { there: 2, ..Join::default() });
        assert_eq!(net.pattern(publisher).topics_count(), Some(100));
        assert_eq!(net.pattern(subscriber).topics_count(), Some(100));
    }

    #[test]
    fn a_subscriber_filters_whatever_it_is_sent() {
        let mut net = Net::new();
        let (pusher, subscriber) = (net.socket(Push), net.socket(Sub));
        net.join(pusher, subscriber);
        net.set(subscriber, Subscribe(b"yes")).unwrap();
        net.send(pusher, &[b"no", b"yes", b"yes"]).unwrap();
        assert_eq!(net.ready(subscriber), NEITHER);
        net.send(pusher, &[b"yes!", b"no"]).unwrap();
        net.send(pusher, &[b"no"]).unwrap();
        assert_eq!(net.ready(subscriber), READABLE);
        assert_eq!(net.drain(subscriber), ["yes!|no"]);
        assert_eq!(net.drops(subscriber).unmatched, 2);
        net.set(subscriber, InvertMatching(true)).unwrap();
        net.send(pusher, &[b"yes"]).unwrap();
        net.send(pusher, &[b"no", b"x"]).unwrap();
        assert_eq!(net.drain(subscriber), ["no|x"]);
        assert_eq!(net.send(subscriber, &[b"x"]), Err(Error::NotSupported));
    }

    #[test]
    fn xsub_sends_requests_and_messages_upstream_and_does_not_filter() {
        let mut net = Net::new();
        let (publisher, subscriber) = (net.socket(Xpub), net.socket(Xsub));
        net.join(subscriber, publisher);
        assert_eq!(net.ready(subscriber), WRITABLE);
        assert_eq!(net.set(subscriber, Subscribe(b"")), Err(Error::InvalidArgument));
        net.send(subscriber, &[b"\x01A"]).unwrap();
        net.send(subscriber, &[b"\x00never"]).unwrap();
        net.send(subscriber, &[b"hello", b"you"]).unwrap();
        net.send(subscriber, &[b""]).unwrap();
        assert_eq!(net.drain(publisher), ["\\x01A", "hello|you", ""]);
        assert_eq!(net.pattern(subscriber).topics_count(), Some(1));
        net.send(publisher, &[b"ABC"]).unwrap();
        assert_eq!(net.drain(subscriber), ["ABC"]);
        net.send(subscriber, &[b"\x00A"]).unwrap();
        assert_eq!(net.drain(publisher), ["\\x00A"]);
    }

    #[test]
    fn a_proxy_passes_subscriptions_up_and_messages_down() {
        let mut net = Net::new();
        let (origin, up, down) = (net.socket(Pub), net.socket(Xsub), net.socket(Xpub));
        let (one, two) = (net.socket(Sub), net.socket(Sub));
        net.join(up, origin);
        net.join(one, down);
        net.join(two, down);
        net.set(one, Subscribe(b"A")).unwrap();
        net.set(two, Subscribe(b"A")).unwrap();
        // A stray cancel must not take the topic away from the others.
        let stray = net.socket(Pair);
        net.join(stray, down);
        net.send(stray, &[b"\x00A"]).unwrap();
        while let Ok(request) = net.recv(down) {
            net.send(up, &[&request[0]]).unwrap();
        }
        net.send(origin, &[b"A1", b"2"]).unwrap();
        let message = net.recv(up).unwrap();
        net.send(down, &[&message[0], &message[1]]).unwrap();
        assert_eq!((net.drain(one), net.drain(two)), (vec!["A1|2".to_string()], vec!["A1|2".to_string()]));
    }

    #[test]
    fn a_subscriber_that_drops_a_pipe_in_mid_message_reads_on_with_the_next() {
        let mut net = Net::new();
        let (one, two, subscriber) = (net.socket(Push), net.socket(Push), net.socket(Sub));
        let (_, at_one) = net.join(one, subscriber);
        net.join(two, subscriber);
        net.set(subscriber, Subscribe(b"y")).unwrap();
        net.send(one, &[b"y", b"lost"]).unwrap();
        assert_eq!(net.ready(subscriber), READABLE);
        net.disconnect(subscriber, at_one);
        assert_eq!(net.ready(subscriber), NEITHER);
        net.send(two, &[b"no"]).unwrap();
        net.send(two, &[b"y2"]).unwrap();
        assert_eq!(net.drain(subscriber), ["y2"]);
    }
}
