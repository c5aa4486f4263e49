//! XSUB: receives from all peers, and sends them subscriptions as messages, `01` topic and `00` topic (RFC 29).
//!
//! Its subscriptions are counted, and each topic is sent again to every new peer and over every new connection.
//! A subscription is sent even to a peer whose pipe is full: lost, it would be lost for good.
use super::{Request, request};
use crate::distribute::Distribute;
use crate::fair_queue::FairQueue;
use crate::subscription::PrefixTree;
use crate::{Drops, Events, Local, Machine, Setting};
use ferrozmq_base::{DueList, Error, Kind, Msg, PipeId, Pipes};

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

    fn add(&mut self, topic: &[u8]) {
        let at = self.topics.insert(topic);
        let count = self.topics.value_mut(at);
        self.topics_count += usize::from(*count == 0);
        *count += 1;
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
        self.add(topic);
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
    fn count_request(&mut self, m: &Msg, more: bool) -> (Option<Request>, bool) {
        match request(m) {
            None => (None, true),
            Some((Request::Subscribe, topic)) => {
                self.add(topic);
                (Some(Request::Subscribe), true)
            }
            Some((Request::Cancel, topic)) => {
                let was_last = self.remove(topic);
                // The last frame of a message that was begun has to go, or that would never end.
                (Some(Request::Cancel), was_last || self.cancel_always || (self.out.in_message() && !more))
            }
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
            (asked, is_sent) = self.count_request(m, more);
            self.requests |= asked.is_some();
        }
        if !is_sent {
            m.clear();
        } else if asked.is_some() && is_first && !more {
            self.out.send_everywhere(pipes, m, due)?;
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
