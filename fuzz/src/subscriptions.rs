//! Subscriptions: XPUB and SUB deliver what a list of topics says, and tell of topics that come and go.

use std::collections::{BTreeMap, BTreeSet};

use ferrozmq_base::{
    Due, DueList, Kind, Msg, PeerInfo, Pipe, PipeId, Pipes, SocketType,
    pipe::{Rx, Tx},
    queue,
};
use ferrozmq_pattern::{Local, Pattern, Setting};

use crate::source::Source;

pub(crate) fn target(data: &[u8]) {
    let mut source = Source::new(data);
    if source.flag() { subscriber(&mut source) } else { publisher(&mut source) }
}

/// A pattern and its pipes.
struct Socket {
    pattern: Pattern,
    pipes: Pipes,
    due: DueList,
}

/// The far end of one pipe.
struct Peer {
    id: PipeId,
    tx: queue::Writer,
    rx: queue::Reader,
}

impl Socket {
    fn new(kind: SocketType) -> Self {
        let pattern = Pattern::new(kind, 1);
        Self { pattern, pipes: Pipes::new(), due: DueList::new() }
    }

    fn join(&mut self) -> Peer {
        let ((near_tx, rx), (tx, near_rx)) = (queue::queue(0), queue::queue(0));
        let id = self.pipes.insert(Pipe::new(Tx::Queue(near_tx), Rx::Queue(near_rx)));
        let local = Local { inproc: true, ..Local::default() };
        self.pattern.opened(&mut self.pipes, id, local, &mut self.due);
        self.pattern.identified(&mut self.pipes, id, &PeerInfo::default(), &mut self.due);
        Peer { id, tx, rx }
    }

    fn leave(&mut self, peer: Peer) {
        let id = peer.id;
        drop(peer);
        self.pipes.close_output(id);
        self.pattern.ended(&mut self.pipes, id, &mut self.due);
        self.pattern.gone(&mut self.pipes, id, &mut self.due);
        self.pipes.remove(id);
    }

    fn arrive(&mut self, peer: &mut Peer, mut message: Msg) {
        peer.tx.put(&mut message, false).expect("memory");
        if peer.tx.publish() == Due::Readable {
            self.pattern.readable(&mut self.pipes, peer.id, &mut self.due);
        }
    }

    fn received(&mut self) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        let mut message = Msg::new();
        while self.pattern.recv(&mut self.pipes, &mut message, &mut self.due).is_ok() {
            messages.push(message.as_slice().to_vec());
        }
        messages
    }
}

impl Peer {
    fn received(&mut self) -> Vec<(Kind, Vec<u8>)> {
        let mut message = Msg::new();
        std::iter::from_fn(|| {
            self.rx.get(&mut message).frame.then(|| (message.kind(), message.as_slice().to_vec()))
        })
        .collect()
    }
}

/// Short topics of few letters, so that they meet; now and then a long one.
fn topic(source: &mut Source<'_>) -> Vec<u8> {
    let choice = source.byte();
    let text: Vec<u8> = (0..choice & 3).map(|_| b'a' + source.byte() % 3).collect();
    if choice < 0xF0 { text } else { text.repeat(300) }
}

fn publisher(source: &mut Source<'_>) {
    let mut socket = Socket::new(SocketType::Xpub);
    let verbose = source.flag();
    socket.pattern.set(Setting::XpubVerbose(verbose), &mut socket.pipes, &mut socket.due).expect("an XPUB");
    let mut peers: Vec<(Peer, BTreeSet<Vec<u8>>)> = Vec::new();
    while !source.is_empty() {
        let operation = source.below(8);
        if peers.is_empty() || operation == 0 && peers.len() < 5 {
            peers.push((socket.join(), BTreeSet::new()));
        }
        let at = source.below(peers.len());
        match operation {
            1..=3 => {
                let topic = topic(source);
                let known = peers.iter().any(|(_, topics)| topics.contains(&topic));
                let request = request(Kind::Subscribe, &topic, source.flag());
                socket.arrive(&mut peers[at].0, request);
                peers[at].1.insert(topic.clone());
                let expected = (verbose || !known).then(|| [&[1], &topic[..]].concat());
                assert_eq!(socket.received(), Vec::from_iter(expected));
            }
            4 | 5 => {
                let topic = topic(source);
                let request = request(Kind::Cancel, &topic, source.flag());
                socket.arrive(&mut peers[at].0, request);
                let was_there = peers[at].1.remove(&topic);
                let left = peers.iter().any(|(_, topics)| topics.contains(&topic));
                let expected = (was_there && !left).then(|| [&[0], &topic[..]].concat());
                assert_eq!(socket.received(), Vec::from_iter(expected));
            }
            6 if source.below(4) == 0 => {
                let (peer, mut topics) = peers.swap_remove(at);
                socket.leave(peer);
                topics.retain(|topic| peers.iter().all(|(_, others)| !others.contains(topic)));
                let mut cancels = socket.received();
                cancels.sort();
                let expected: Vec<_> = topics.iter().map(|topic| [&[0], &topic[..]].concat()).collect();
                assert_eq!(cancels, expected);
            }
            _ => publish(&mut socket, &mut peers, &topic(source)),
        }
        let distinct: BTreeSet<_> = peers.iter().flat_map(|(_, topics)| topics).collect();
        assert_eq!(socket.pattern.topics_count(), Some(distinct.len()));
        let subscribers = peers.iter().filter(|(_, topics)| !topics.is_empty()).count();
        assert_eq!(socket.pattern.subscribers(), subscribers);
    }
}

fn request(kind: Kind, topic: &[u8], as_message: bool) -> Msg {
    let prefix = u8::from(kind == Kind::Subscribe);
    let message =
        if as_message { Msg::copy_from(&[&[prefix], topic].concat()) } else { Msg::command(kind, topic) };
    message.expect("memory")
}

fn publish(socket: &mut Socket, peers: &mut [(Peer, BTreeSet<Vec<u8>>)], body: &[u8]) {
    let mut message = Msg::copy_from(body).expect("memory");
    socket.pattern.send(&mut socket.pipes, &mut message, false, &mut socket.due).expect("an XPUB sends");
    for (peer, topics) in peers {
        let matches = topics.iter().any(|topic| body.starts_with(topic));
        let expected = matches.then(|| (Kind::Message, body.to_vec()));
        assert_eq!(peer.received(), Vec::from_iter(expected));
    }
}

fn subscriber(source: &mut Source<'_>) {
    let mut socket = Socket::new(SocketType::Sub);
    let mut peer = socket.join();
    let mut topics: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    while !source.is_empty() {
        let operation = source.below(6);
        let topic = topic(source);
        let count = topics.entry(topic.clone()).or_default();
        let sent = match operation {
            0 | 1 => {
                let setting = Setting::Subscribe(&topic);
                socket.pattern.set(setting, &mut socket.pipes, &mut socket.due).expect("a SUB subscribes");
                *count += 1;
                // Duplicates are sent as well; the peer keeps a set.
                Some((Kind::Subscribe, topic))
            }
            2 | 3 => {
                let setting = Setting::Unsubscribe(&topic);
                let _ = socket.pattern.set(setting, &mut socket.pipes, &mut socket.due);
                let last = *count == 1;
                *count = count.saturating_sub(1);
                last.then_some((Kind::Cancel, topic))
            }
            _ => {
                socket.arrive(&mut peer, Msg::copy_from(&topic).expect("memory"));
                let matches = topics.iter().any(|(known, count)| *count > 0 && topic.starts_with(known));
                assert_eq!(socket.received(), Vec::from_iter(matches.then_some(topic)));
                None
            }
        };
        assert_eq!(peer.received(), Vec::from_iter(sent));
        topics.retain(|_, count| *count > 0);
        assert_eq!(socket.pattern.topics_count(), Some(topics.len()));
    }
}
