//! STREAM: raw TCP connections, each with a routing id of 5 bytes (zmq_socket(3)).
//!
//! A message is `[id][data]` both ways. `[id][empty]` is received when a connection was made and when it was lost,
//! unless notices are off; sent, it closes the connection.
use crate::routing::{Labelled, Routes};
use crate::{Drops, Events, Local, Machine, Setting};
use ferrozmq_base::{DueList, End, Error, Msg, PeerInfo, PipeId, Pipes};

/// A STREAM socket.
#[derive(Debug)]
pub struct Stream {
    routes: Routes,
    inbound: Labelled,
    out: Outbound,
    notify: bool,
    /// The id of the newest pipe.
    latest: Box<[u8]>,
    drops: Drops,
}

/// What the next frame to send is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outbound {
    /// A routing id.
    Address,
    /// Data for this connection.
    To(PipeId),
    /// Data for nobody.
    Dropped,
}

impl Stream {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            routes: Routes::new(seed),
            inbound: Labelled::new(),
            out: Outbound::Address,
            notify: true,
            latest: Box::default(),
            drops: Drops::default(),
        }
    }

    pub(crate) fn latest_routing_id(&self) -> Option<&[u8]> {
        (!self.latest.is_empty()).then_some(&*self.latest)
    }

    pub(crate) fn id_in_use(&self, routing_id: &[u8]) -> bool {
        self.routes.pipe(routing_id).is_some()
    }

    pub(crate) fn routing_id(&self, id: PipeId) -> Option<&[u8]> {
        self.routes.id(id)
    }

    fn tell(&mut self, id: PipeId) {
        if self.notify {
            self.inbound.notify(&self.routes, id);
        }
    }

    /// The pipe takes no output any more.
    fn lose_output(&mut self, id: PipeId) {
        if self.out == Outbound::To(id) {
            self.out = Outbound::Dropped;
            self.drops.peer_gone += 1;
        }
    }
}

impl Machine for Stream {
    fn opened(&mut self, _: &mut Pipes, id: PipeId, local: Local, _: &mut DueList) {
        match local.assigned_id {
            Some(assigned) if self.routes.pipe(&assigned).is_none() => self.routes.assign(id, assigned),
            _ => self.routes.assign_auto(id),
        }
        self.latest = self.routes.id(id).unwrap_or_default().into();
    }

    fn identified(&mut self, _: &mut Pipes, id: PipeId, info: &PeerInfo, _: &mut DueList) {
        self.routes.set_peer(id, info.peer);
        self.tell(id);
        // Not sooner: what the peer sends may be there before the news of it.
        self.inbound.input.attach(id);
    }

    fn readable(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.inbound.input.readable(id);
    }

    fn hiccup(&mut self, _: &mut Pipes, id: PipeId, _: &mut DueList) {
        // The new connection is announced when it stands.
        self.tell(id);
    }

    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        self.lose_output(id);
        self.inbound.input.attach(id);
        self.inbound.ended(&self.routes, pipes, id, self.notify, due);
    }

    fn gone(&mut self, pipes: &mut Pipes, id: PipeId, _: &mut DueList) {
        self.lose_output(id);
        self.inbound.remove(&self.routes, pipes, id);
        self.routes.release(id);
    }

    fn send(&mut self, pipes: &mut Pipes, m: &mut Msg, more: bool, due: &mut DueList) -> Result<(), Error> {
        match self.out {
            Outbound::Address if more => {
                let id = self.routes.pipe(m.as_slice()).ok_or(Error::HostUnreachable)?;
                if !pipes.room(id) {
                    return Err(if pipes.is_open(id) { Error::Again } else { Error::HostUnreachable });
                }
                self.out = Outbound::To(id);
            }
            Outbound::Address => {
                self.drops.unroutable += 1;
                self.out = Outbound::Dropped;
            }
            Outbound::To(id) if m.is_empty() => {
                pipes.end(id, End::Now, due);
                self.out = Outbound::Address;
            }
            Outbound::To(id) => {
                pipes.put(id, m, false)?;
                pipes.publish(id, due);
                self.out = Outbound::Address;
            }
            Outbound::Dropped => self.out = Outbound::Address,
        }
        m.clear();
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        self.inbound.recv(&self.routes, pipes, m, due)
    }

    fn ready(&mut self, pipes: &mut Pipes, due: &mut DueList) -> Events {
        Events { readable: self.inbound.has(&self.routes, pipes, due), writable: true }
    }

    fn set(&mut self, s: Setting<'_>, _: &mut Pipes, _: &mut DueList) -> Result<(), Error> {
        match s {
            Setting::StreamNotify(on) => self.notify = on,
            _ => return Err(Error::InvalidArgument),
        }
        Ok(())
    }

    fn drops(&self) -> Drops {
        self.drops
    }
}

#[cfg(test)]
mod tests {
    use crate::Setting::StreamNotify;
    use crate::harness::{BOTH, Join, Net, WRITABLE, text};
    use ferrozmq_base::{Error, PeerInfo, SocketType};

    #[test]
    fn connections_are_announced_named_and_closed() {
        let mut net = Net::new();
        let (stream, peer) = (net.socket(SocketType::Stream), net.socket(SocketType::Pair));
        assert_eq!(net.pattern(stream).latest_routing_id(), None);
        let (_, at_peer) = net.join(stream, peer);
        let id = net.pattern(stream).latest_routing_id().unwrap().to_vec();
        assert_eq!((id.len(), id[0]), (5, 0));
        assert_eq!(net.ready(stream), BOTH);
        assert_eq!(net.recv(stream).unwrap(), [id.clone(), vec![]]);
        net.send(peer, &[b"data"]).unwrap();
        assert_eq!(net.recv(stream).unwrap(), [id.clone(), b"data".to_vec()]);
        // MORE on the data means nothing.
        net.send_frame(stream, &id, true).unwrap();
        net.send_frame(stream, b"a", true).unwrap();
        net.send(stream, &[&id, b"b"]).unwrap();
        assert_eq!(net.drain(peer), ["a", "b"]);
        net.disconnect(peer, at_peer);
        assert_eq!(net.recv(stream).unwrap(), [id.clone(), vec![]]);
        assert_eq!(net.send_frame(stream, &id, true), Err(Error::HostUnreachable));
        assert_eq!(net.peers(stream), 0);
    }

    #[test]
    fn what_comes_is_read_after_the_notice_of_its_connection() {
        let mut net = Net::new();
        let (stream, peer) = (net.socket(SocketType::Stream), net.socket(SocketType::Pair));
        let (here, _) = net.join_with(stream, peer, Join { unheard: true, ..Join::default() });
        let id = net.pattern(stream).latest_routing_id().unwrap().to_vec();
        net.send(peer, &[b"data"]).unwrap();
        assert_eq!(net.ready(stream), WRITABLE);
        net.identify(stream, here, &PeerInfo::default());
        assert_eq!(net.recv(stream).unwrap(), [id.clone(), vec![]]);
        assert_eq!(net.recv(stream).unwrap(), [id, b"data".to_vec()]);
    }

    #[test]
    fn an_end_that_is_seen_before_it_is_heard_of_is_told() {
        let mut net = Net::new();
        let (stream, peer) = (net.socket(SocketType::Stream), net.socket(SocketType::Pair));
        let (_, there) = net.join(stream, peer);
        let connected = net.recv(stream).unwrap();
        net.disconnect_unheard(peer, there, |net| {
            assert_eq!(net.recv(stream).map(|m| text(&m)), Err(Error::Again));
        });
        assert_eq!(net.recv(stream).unwrap(), connected);
        assert_eq!((net.recv(stream).map(|m| text(&m)), net.peers(stream)), (Err(Error::Again), 0));
    }

    #[test]
    fn what_ends_before_its_notice_is_gone() {
        let mut net = Net::new();
        let (stream, peer) = (net.socket(SocketType::Stream), net.socket(SocketType::Pair));
        let (_, there) = net.join_with(stream, peer, Join { unheard: true, ..Join::default() });
        net.disconnect(peer, there);
        net.recv(stream).unwrap();
        assert_eq!(net.peers(stream), 0);
    }

    #[test]
    fn an_empty_frame_closes_and_a_lone_id_swallows_the_next_frame() {
        let mut net = Net::new();
        let (stream, peer) = (net.socket(SocketType::Stream), net.socket(SocketType::Pair));
        net.set(stream, StreamNotify(false)).unwrap();
        net.join_with(stream, peer, Join { there: 1, assigned: Some(b"name"), ..Join::default() });
        assert_eq!(net.ready(stream), WRITABLE);
        net.send_frame(stream, b"name", false).unwrap();
        net.send_frame(stream, b"swallowed", false).unwrap();
        net.send(stream, &[b"name", b"1"]).unwrap();
        assert_eq!(net.send_frame(stream, b"name", true), Err(Error::Again));
        assert_eq!(net.drain(peer), ["1"]);
        net.send(stream, &[b"name", b""]).unwrap();
        assert_eq!((net.peers(stream), net.peers(peer)), (0, 0));
        assert_eq!(net.recv(stream).map(|m| text(&m)), Err(Error::Again));
    }
}
