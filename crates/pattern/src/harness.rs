//! Sockets in one thread, joined by inproc queues: the smallest runtime that keeps the contract of [`Pattern`].
use crate::{Drops, Events, Local, Pattern, Setting};
use ferrozmq_base::pipe::{Rx, Tx};
use ferrozmq_base::{Due, DueList, End, Error, Msg, PeerInfo, Pipe, PipeId, Pipes, SocketType, queue, slot};
use std::collections::HashMap;

/// Names a socket of a [`Net`].
pub(crate) type Node = usize;

struct Socket {
    pattern: Pattern,
    pipes: Pipes,
    due: DueList,
}

/// How two sockets are joined.
#[derive(Clone, Default)]
pub(crate) struct Join {
    /// High-water marks of the two directions, in messages; 0 is unlimited.
    pub(crate) there: u32,
    pub(crate) back: u32,
    /// The routing ids that the two ends announce.
    pub(crate) id: &'static [u8],
    pub(crate) far_id: &'static [u8],
    /// The id that the first socket gives to the second.
    pub(crate) assigned: Option<&'static [u8]>,
    /// Both directions keep the newest message only.
    pub(crate) conflate: bool,
    /// The first socket never sends subscriptions, as a ZMTP 1.0 peer.
    pub(crate) subscribes_to_all: bool,
    /// The longest message that the transport carries.
    pub(crate) longest: Option<usize>,
    /// The first socket has not heard of the second yet, though that may send already.
    pub(crate) unheard: bool,
}

#[derive(Default)]
pub(crate) struct Net {
    sockets: Vec<Socket>,
    far: HashMap<(Node, PipeId), (Node, PipeId)>,
}

impl Net {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn socket(&mut self, kind: SocketType) -> Node {
        let pattern = Pattern::new(kind, 7);
        self.sockets.push(Socket { pattern, pipes: Pipes::new(), due: DueList::new() });
        self.sockets.len() - 1
    }

    pub(crate) fn join(&mut self, a: Node, b: Node) -> (PipeId, PipeId) {
        self.join_with(a, b, Join::default())
    }

    /// `a` connects to `b`; returns the pipe of each.
    pub(crate) fn join_with(&mut self, a: Node, b: Node, join: Join) -> (PipeId, PipeId) {
        let (there, at_b) = direction(join.there, join.conflate);
        let (back, at_a) = direction(join.back, join.conflate);
        let from_a = self.sockets[a].pipes.insert(Pipe::new(there, at_a));
        let from_b = self.sockets[b].pipes.insert(Pipe::new(back, at_b));
        self.far.insert((a, from_a), (b, from_b));
        self.far.insert((b, from_b), (a, from_a));
        let assigned_id = join.assigned.map(Into::into);
        let info =
            PeerInfo { routing_id: join.far_id.into(), longest_message: join.longest, ..PeerInfo::default() };
        let local = Local { connected: true, assigned_id, inproc: true };
        match join.unheard {
            true => self.open(a, from_a, local),
            false => self.arrive(a, from_a, local, &info),
        }
        let info = PeerInfo {
            routing_id: join.id.into(),
            subscribes_to_all: join.subscribes_to_all,
            longest_message: join.longest,
            ..PeerInfo::default()
        };
        self.arrive(b, from_b, Local { inproc: true, ..Local::default() }, &info);
        self.settle();
        (from_a, from_b)
    }

    fn arrive(&mut self, node: Node, id: PipeId, local: Local, info: &PeerInfo) {
        self.open(node, id, local);
        self.identify(node, id, info);
    }

    fn open(&mut self, node: Node, id: PipeId, local: Local) {
        let Socket { pattern, pipes, due } = &mut self.sockets[node];
        pattern.opened(pipes, id, local, due);
    }

    /// Tells of the peer at a pipe that was joined [`unheard`](Join::unheard).
    pub(crate) fn identify(&mut self, node: Node, id: PipeId, info: &PeerInfo) {
        let Socket { pattern, pipes, due } = &mut self.sockets[node];
        pattern.identified(pipes, id, info, due);
    }

    /// Acts on everything that is due until nothing is.
    fn settle(&mut self) {
        while let Some(node) = self.sockets.iter().position(|s| !s.due.is_empty()) {
            for (id, due) in std::mem::take(&mut self.sockets[node].due) {
                let far = self.far.get(&(node, id)).copied();
                match due {
                    Due::Readable => self.tell(far, Pattern::readable),
                    Due::Writable => self.tell(far, Pattern::writable),
                    Due::End(End::Now | End::Excess) => self.disconnect(node, id),
                    Due::End(End::Drain) => self.end(far),
                    Due::Drained => self.forget(node, id),
                    Due::Nothing | Due::Look | Due::Flush | Due::Resume => {}
                }
            }
        }
    }

    fn tell(&mut self, to: Option<(Node, PipeId)>, what: fn(&mut Pattern, &mut Pipes, PipeId, &mut DueList)) {
        if let Some((node, id)) = to {
            let Socket { pattern, pipes, due } = &mut self.sockets[node];
            what(pattern, pipes, id, due);
        }
    }

    /// The far end of this pipe is gone.
    fn end(&mut self, at: Option<(Node, PipeId)>) {
        let Some((node, id)) = at.filter(|(node, id)| self.sockets[*node].pipes.contains(*id)) else {
            return;
        };
        self.sockets[node].pipes.close_output(id);
        self.tell(at, Pattern::ended);
        if !self.sockets[node].pattern.reads_input() {
            self.forget(node, id);
        }
    }

    fn forget(&mut self, node: Node, id: PipeId) {
        if !self.sockets[node].pipes.contains(id) {
            return;
        }
        self.tell(Some((node, id)), Pattern::gone);
        self.sockets[node].pipes.remove(id);
        if let Some(far) = self.far.remove(&(node, id)) {
            self.far.remove(&far);
        }
    }

    /// Drops this end of a pipe at once; the other end may read what it was sent.
    pub(crate) fn disconnect(&mut self, node: Node, id: PipeId) {
        let far = self.far.get(&(node, id)).copied();
        self.forget(node, id);
        self.end(far);
        self.settle();
    }

    /// As [`Net::disconnect`], but the other end is not told before `meanwhile` is done.
    pub(crate) fn disconnect_unheard(&mut self, node: Node, id: PipeId, meanwhile: impl FnOnce(&mut Self)) {
        let far = self.far.get(&(node, id)).copied();
        let Socket { pattern, pipes, due } = &mut self.sockets[node];
        pattern.gone(pipes, id, due);
        pipes.remove(id);
        meanwhile(self);
        self.end(far);
        self.settle();
    }

    /// A hiccup: the connection of this pipe was made anew.
    pub(crate) fn hiccup(&mut self, node: Node, id: PipeId) {
        self.tell(Some((node, id)), Pattern::hiccup);
        self.settle();
    }

    pub(crate) fn set(&mut self, node: Node, s: Setting<'_>) -> Result<(), Error> {
        let Socket { pattern, pipes, due } = &mut self.sockets[node];
        let result = pattern.set(s, pipes, due);
        self.settle();
        result
    }

    pub(crate) fn send_frame(&mut self, node: Node, body: &[u8], more: bool) -> Result<(), Error> {
        let Socket { pattern, pipes, due } = &mut self.sockets[node];
        let mut m = Msg::copy_from(body)?;
        let result = pattern.send(pipes, &mut m, more, due);
        match result {
            Ok(()) => assert!(m.is_empty()),
            Err(_) => assert_eq!(m.as_slice(), body),
        }
        self.settle();
        result
    }

    pub(crate) fn send(&mut self, node: Node, frames: &[&[u8]]) -> Result<(), Error> {
        for (i, frame) in frames.iter().enumerate() {
            self.send_frame(node, frame, i + 1 < frames.len())?;
        }
        Ok(())
    }

    pub(crate) fn recv_frame(&mut self, node: Node) -> Result<(Vec<u8>, bool), Error> {
        let Socket { pattern, pipes, due } = &mut self.sockets[node];
        let mut m = Msg::new();
        let result = pattern.recv(pipes, &mut m, due);
        self.settle();
        result.map(|()| (m.as_slice().to_vec(), m.more()))
    }

    pub(crate) fn recv(&mut self, node: Node) -> Result<Vec<Vec<u8>>, Error> {
        let mut frames = Vec::new();
        loop {
            let (body, more) = self.recv_frame(node)?;
            frames.push(body);
            if !more {
                return Ok(frames);
            }
        }
    }

    /// All whole messages that are there, the frames of each joined by `|`.
    pub(crate) fn drain(&mut self, node: Node) -> Vec<String> {
        std::iter::from_fn(|| self.recv(node).ok()).map(|frames| text(&frames)).collect()
    }

    pub(crate) fn ready(&mut self, node: Node) -> Events {
        let Socket { pattern, pipes, due } = &mut self.sockets[node];
        let events = pattern.ready(pipes, due);
        self.settle();
        events
    }

    /// Sends a message to the peer with this number.
    pub(crate) fn send_numbered(&mut self, node: Node, body: &[u8], number: u32) -> Result<(), Error> {
        let mut m = Msg::copy_from(body)?;
        m.set_routing_id(number);
        let result = self.send_msg(node, &mut m);
        assert!(result.is_ok() || m.routing_id() == number);
        result
    }

    pub(crate) fn send_to_group(&mut self, node: Node, group: &str, body: &str) -> Result<(), Error> {
        let mut m = Msg::copy_from(body.as_bytes())?;
        m.set_group(group.as_bytes());
        let result = self.send_msg(node, &mut m);
        assert!(result.is_ok() || m.group() == group.as_bytes());
        result
    }

    fn send_msg(&mut self, node: Node, m: &mut Msg) -> Result<(), Error> {
        let Socket { pattern, pipes, due } = &mut self.sockets[node];
        let result = pattern.send(pipes, m, false, due);
        self.settle();
        result
    }

    fn recv_msg(&mut self, node: Node) -> Result<Msg, Error> {
        let Socket { pattern, pipes, due } = &mut self.sockets[node];
        let mut m = Msg::new();
        let result = pattern.recv(pipes, &mut m, due);
        self.settle();
        result.map(|()| m)
    }

    /// A message and the number of its sender.
    pub(crate) fn recv_numbered(&mut self, node: Node) -> Result<(Vec<u8>, u32), Error> {
        self.recv_msg(node).map(|m| (m.as_slice().to_vec(), m.routing_id()))
    }

    /// All messages that are there, as `group: body`.
    pub(crate) fn drain_groups(&mut self, node: Node) -> Vec<String> {
        std::iter::from_fn(|| self.recv_msg(node).ok())
            .map(|m| format!("{}: {}", m.group().escape_ascii(), m.as_slice().escape_ascii()))
            .collect()
    }

    pub(crate) fn join_group(&mut self, node: Node, group: &[u8]) -> Result<(), Error> {
        let Socket { pattern, pipes, due } = &mut self.sockets[node];
        let result = pattern.join(group, pipes, due);
        self.settle();
        result
    }

    pub(crate) fn leave_group(&mut self, node: Node, group: &[u8]) -> Result<(), Error> {
        let Socket { pattern, pipes, due } = &mut self.sockets[node];
        let result = pattern.leave(group, pipes, due);
        self.settle();
        result
    }

    pub(crate) fn pattern(&self, node: Node) -> &Pattern {
        &self.sockets[node].pattern
    }

    pub(crate) fn drops(&self, node: Node) -> Drops {
        self.sockets[node].pattern.drops()
    }

    pub(crate) fn peers(&self, node: Node) -> usize {
        self.sockets[node].pipes.len()
    }

    pub(crate) fn peer_state(&mut self, node: Node, routing_id: &[u8]) -> Result<Events, Error> {
        let Socket { pattern, pipes, .. } = &mut self.sockets[node];
        pattern.peer_state(pipes, routing_id)
    }
}

fn direction(hwm: u32, conflate: bool) -> (Tx, Rx) {
    if conflate {
        let (writer, reader) = slot::slot();
        (Tx::Slot(writer), Rx::Slot(reader))
    } else {
        let (writer, reader) = queue::queue(hwm);
        (Tx::Queue(writer), Rx::Queue(reader))
    }
}

/// The frames of a message joined by `|`.
pub(crate) fn text(frames: &[Vec<u8>]) -> String {
    frames.iter().map(|frame| frame.escape_ascii().to_string()).collect::<Vec<_>>().join("|")
}

pub(crate) const READABLE: Events = Events { readable: true, writable: false };
pub(crate) const WRITABLE: Events = Events { readable: false, writable: true };
pub(crate) const BOTH: Events = Events { readable: true, writable: true };
pub(crate) const NEITHER: Events = Events { readable: false, writable: false };
