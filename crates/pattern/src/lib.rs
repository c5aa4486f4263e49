#![forbid(unsafe_code)]
//! The ZeroMQ socket types as single-owner state machines over pipes (RFC 28, 29, 30, 31, 41, 48,
//! 49, 51, 52; zmq_socket(3)).
//!
//! A [`Pattern`] decides where a frame goes and where the next one comes from. It does no I/O and knows no clock,
//! no thread and no make of pipe; all it touches are the [`Pipes`] of its socket, and what it leaves for others to
//! do is in the [`DueList`]. Every call is made by the socket's owner.
//!
//! Invariants:
//! - A message is started on a pipe only if the pipe has room, is published whole, and is never moved to another
//!   pipe. If its pipe dies in the middle, the rest of it is swallowed and counted in [`Drops`].
//! - A pipe on which `get`, `has` or `room` returned false is not asked again before `readable` or `writable`.
//! - A pipe that the pattern ends itself ([`Pipes::end`]) is never used again for output.
//!
//! Where libzmq does otherwise, on purpose:
//! - XPUB does not announce the cancel of a topic that the peer had not subscribed to; behind a proxy it would take
//!   the topic away from others. A request inside of a message of the application is received once, as its part.
//! - Subscriptions are sent even to a peer whose pipe is full.
//! - The pipe of a second peer of a PAIR, and one whose routing id was handed over, are ended: the peer notices.
//! - A routing id is free as soon as the far end of its owner is gone, even if messages of it are unread.
//! - Automatic routing ids step over announced ones; an id may begin with 0.
//! - The rest of a message whose peer died is swallowed with success, also by a send that may not block.
//! - PAIR drops such a message as the other types do, and never continues it to its next peer.
//! - REQ and REP are readable only if a well-formed reply or request is there.
//! - Those of one part are readable only if a message of one part is there.
//! - A relaxed REQ that cannot send a new request still waits for the reply to the last one.
use ferrozmq_base::{DueList, Error, Msg, PeerInfo, PipeId, Pipes, SocketType};

mod channel;
mod client_server;
mod dgram;
mod distribute;
mod fair_queue;
#[cfg(test)]
mod harness;
mod load_balance;
mod pair;
mod pipe_list;
mod pipeline;
mod pubsub;
mod radio_dish;
mod reqrep;
mod routing;
mod scatter_gather;
mod single;
mod stream;
mod subscription;
#[cfg(test)]
mod wholeness;

pub use channel::Channel;
pub use client_server::{Client, Server};
pub use dgram::Dgram;
pub use pair::Pair;
pub use pipeline::{pull::Pull, push::Push};
pub use pubsub::{Pub, Sub, xpub::Xpub, xsub::Xsub};
pub use radio_dish::{Dish, Radio};
pub use reqrep::{dealer::Dealer, rep::Rep, req::Req, router::Router};
pub use scatter_gather::{Gather, Scatter};
pub use stream::Stream;

/// What the owner of a socket knows of a pipe when it makes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Local {
    /// We connected; false if we accepted.
    pub connected: bool,
    /// The routing id that this peer gets (`ZMQ_CONNECT_ROUTING_ID`), checked with [`Pattern::id_in_use`] before.
    pub assigned_id: Option<Box<[u8]>>,
    /// Both ends are in this process.
    pub inproc: bool,
}

/// What a socket can do now without blocking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// A receive would not block.
    pub readable: bool,
    /// A send would not block.
    pub writable: bool,
}

/// Messages that were dropped, by reason. A message that goes to several peers counts once for each that lost it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// The peer's pipe was at its high-water mark, or there was no memory for the copy.
    pub full: u64,
    /// No connected peer has the routing id; or an envelope without a message.
    pub unroutable: u64,
    /// The peer went away while the message was being written, or before its reply was.
    pub peer_gone: u64,
    /// Inbound: the envelope was malformed, or not that of the outstanding request.
    pub malformed: u64,
    /// Inbound: no subscription of this socket matches.
    pub unmatched: u64,
}

/// A setting of one socket type, named as its option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "one name per option of zmq_setsockopt(3)")]
pub enum Setting<'a> {
    Subscribe(&'a [u8]),
    Unsubscribe(&'a [u8]),
    RouterMandatory(bool),
    RouterRaw(bool),
    RouterHandover(bool),
    /// Bits: 1 connections, 2 disconnections.
    RouterNotify(u8),
    ProbeRouter(bool),
    ReqCorrelate(bool),
    ReqRelaxed(bool),
    XpubVerbose(bool),
    XpubVerboser(bool),
    XpubManual(bool),
    XpubManualLastValue(bool),
    XpubNodrop(bool),
    XpubWelcome(&'a [u8]),
    OnlyFirstSubscribe(bool),
    InvertMatching(bool),
    StreamNotify(bool),
    XsubVerboseUnsubscribe(bool),
    /// Accepted where conflating makes sense; the pipes do it.
    Conflate(bool),
}

/// What every socket type does; the defaults are those of a type that does not care.
///
/// Called through [`Pattern`] only, whose methods say what each means.
pub(crate) trait Machine {
    fn opened(&mut self, pipes: &mut Pipes, id: PipeId, local: Local, due: &mut DueList);
    fn identified(&mut self, _: &mut Pipes, _: PipeId, _: &PeerInfo, _: &mut DueList) {}
    fn readable(&mut self, _: &mut Pipes, _: PipeId, _: &mut DueList) {}
    fn writable(&mut self, _: &mut Pipes, _: PipeId, _: &mut DueList) {}
    fn hiccup(&mut self, _: &mut Pipes, _: PipeId, _: &mut DueList) {}
    fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList);
    fn gone(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList);
    fn send(&mut self, _: &mut Pipes, _: &mut Msg, _more: bool, _: &mut DueList) -> Result<(), Error> {
        Err(Error::NotSupported)
    }
    fn recv(&mut self, _: &mut Pipes, _: &mut Msg, _: &mut DueList) -> Result<(), Error> {
        Err(Error::NotSupported)
    }
    fn ready(&mut self, pipes: &mut Pipes, due: &mut DueList) -> Events;
    fn set(&mut self, _: Setting<'_>, _: &mut Pipes, _: &mut DueList) -> Result<(), Error> {
        Err(Error::InvalidArgument)
    }
    fn drops(&self) -> Drops {
        Drops::default()
    }
}

/// A socket's type and all its state.
// With a tag of its own, as `Tx` has.
#[derive(Debug)]
#[repr(u8)]
#[allow(missing_docs, reason = "one variant per socket type, documented on the types")]
pub enum Pattern {
    Pair(Pair),
    Pub(Pub),
    Sub(Sub),
    Req(Req),
    Rep(Rep),
    Dealer(Dealer),
    Router(Router),
    Pull(Pull),
    Push(Push),
    Xpub(Xpub),
    Xsub(Xsub),
    Stream(Stream),
    Server(Server),
    Client(Client),
    Radio(Radio),
    Dish(Dish),
    Gather(Gather),
    Scatter(Scatter),
    Dgram(Dgram),
    Peer(Server),
    Channel(Channel),
}

/// Runs the same expression on whichever machine it is: static dispatch.
macro_rules! each {
    ($pattern:expr, $machine:ident => $call:expr) => {
        match $pattern {
            Pattern::Pair($machine) => $call,
            Pattern::Pub($machine) => $call,
            Pattern::Sub($machine) => $call,
            Pattern::Req($machine) => $call,
            Pattern::Rep($machine) => $call,
            Pattern::Dealer($machine) => $call,
            Pattern::Router($machine) => $call,
            Pattern::Pull($machine) => $call,
            Pattern::Push($machine) => $call,
            Pattern::Xpub($machine) => $call,
            Pattern::Xsub($machine) => $call,
            Pattern::Stream($machine) => $call,
            Pattern::Server($machine) => $call,
            Pattern::Client($machine) => $call,
            Pattern::Radio($machine) => $call,
            Pattern::Dish($machine) => $call,
            Pattern::Gather($machine) => $call,
            Pattern::Scatter($machine) => $call,
            Pattern::Dgram($machine) => $call,
            Pattern::Peer($machine) => $call,
            Pattern::Channel($machine) => $call,
        }
    };
}

impl Pattern {
    /// A socket of this kind without peers. The seed starts the automatic routing ids and request ids.
    pub fn new(kind: SocketType, seed: u64) -> Self {
        match kind {
            SocketType::Pair => Self::Pair(Pair::default()),
            SocketType::Pub => Self::Pub(Pub::default()),
            SocketType::Sub => Self::Sub(Sub::default()),
            SocketType::Req => Self::Req(Req::new(seed)),
            SocketType::Rep => Self::Rep(Rep::new(seed)),
            SocketType::Dealer => Self::Dealer(Dealer::default()),
            SocketType::Router => Self::Router(Router::new(seed)),
            SocketType::Pull => Self::Pull(Pull::default()),
            SocketType::Push => Self::Push(Push::default()),
            SocketType::Xpub => Self::Xpub(Xpub::default()),
            SocketType::Xsub => Self::Xsub(Xsub::default()),
            SocketType::Stream => Self::Stream(Stream::new(seed)),
            SocketType::Server => Self::Server(Server::new(seed)),
            SocketType::Client => Self::Client(Client::default()),
            SocketType::Radio => Self::Radio(Radio::default()),
            SocketType::Dish => Self::Dish(Dish::default()),
            SocketType::Gather => Self::Gather(Gather::default()),
            SocketType::Scatter => Self::Scatter(Scatter::default()),
            SocketType::Dgram => Self::Dgram(Dgram::default()),
            SocketType::Peer => Self::Peer(Server::new(seed)),
            SocketType::Channel => Self::Channel(Channel::default()),
        }
    }

    /// The kind of the socket.
    pub fn kind(&self) -> SocketType {
        match self {
            Self::Pair(_) => SocketType::Pair,
            Self::Pub(_) => SocketType::Pub,
            Self::Sub(_) => SocketType::Sub,
            Self::Req(_) => SocketType::Req,
            Self::Rep(_) => SocketType::Rep,
            Self::Dealer(_) => SocketType::Dealer,
            Self::Router(_) => SocketType::Router,
            Self::Pull(_) => SocketType::Pull,
            Self::Push(_) => SocketType::Push,
            Self::Xpub(_) => SocketType::Xpub,
            Self::Xsub(_) => SocketType::Xsub,
            Self::Stream(_) => SocketType::Stream,
            Self::Server(_) => SocketType::Server,
            Self::Client(_) => SocketType::Client,
            Self::Radio(_) => SocketType::Radio,
            Self::Dish(_) => SocketType::Dish,
            Self::Gather(_) => SocketType::Gather,
            Self::Scatter(_) => SocketType::Scatter,
            Self::Dgram(_) => SocketType::Dgram,
            Self::Peer(_) => SocketType::Peer,
            Self::Channel(_) => SocketType::Channel,
        }
    }

    /// A pipe exists: on a connect at once, else together with [`Pattern::identified`], before it.
    ///
    /// A PAIR, CHANNEL or DGRAM ends any pipe but its first (`Due::End(End::Now)`).
    pub fn opened(&mut self, pipes: &mut Pipes, id: PipeId, local: Local, due: &mut DueList) {
        each!(self, p => p.opened(pipes, id, local, due));
    }

    /// The peer of a pipe is known: its first handshake is over. Not called again on a reconnect.
    pub fn identified(&mut self, pipes: &mut Pipes, id: PipeId, info: &PeerInfo, due: &mut DueList) {
        each!(self, p => p.identified(pipes, id, info, due));
    }

    /// A pipe on which a read found nothing has something again.
    pub fn readable(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        each!(self, p => p.readable(pipes, id, due));
    }

    /// A pipe that was full has room again.
    pub fn writable(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        each!(self, p => p.writable(pipes, id, due));
    }

    /// The connection of a pipe was lost and is being made again. For SUB, XSUB and DISH the caller has
    /// called [`Pipes::restart`], and they write all their subscriptions anew; raw sockets tell the application, and hear of the
    /// new connection by [`Pattern::identified`].
    pub fn hiccup(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        each!(self, p => p.hiccup(pipes, id, due));
    }

    /// The far end is gone and the caller has called [`Pipes::close_output`]. Unread input stays readable until
    /// `Due::Drained`, which may be said more than once; but if [`Pattern::reads_input`] is false,
    /// [`Pattern::gone`] follows at once. A pipe that is never read (a parked duplicate) is ended.
    pub fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        each!(self, p => p.ended(pipes, id, due));
    }

    /// Forgets a pipe, drained or dropped; called before [`Pipes::remove`], also for pipes that the pattern ended.
    pub fn gone(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        each!(self, p => p.gone(pipes, id, due));
    }

    /// Whether a message of this pipe was begun, or [`Pattern::ready`] has told of it, and it is not read to its end. Known of
    /// ROUTER and REP; of others it may be.
    pub fn is_reading(&self, id: PipeId) -> bool {
        match self {
            Self::Router(p) => p.is_reading(id),
            Self::Rep(p) => p.is_reading(id),
            _ => true,
        }
    }

    /// Whether the type ever reads what its peers send; false for PUSH and SCATTER.
    pub fn reads_input(&self) -> bool {
        !matches!(self, Self::Push(_) | Self::Scatter(_))
    }

    /// Sends a frame; `more` says that the message goes on. On success `m` is left empty.
    ///
    /// Errors leave `m` as it was: `Again` (would block), `InvalidState`, `NotSupported`, `HostUnreachable`,
    /// `OutOfMemory`.
    #[inline(always)]
    pub fn send(
        &mut self,
        pipes: &mut Pipes,
        m: &mut Msg,
        more: bool,
        due: &mut DueList,
    ) -> Result<(), Error> {
        each!(self, p => p.send(pipes, m, more, due))
    }

    /// Receives the next frame into `m`, whose [`Msg::more`] says whether the message goes on.
    ///
    /// Errors: `Again` (nothing there), `InvalidState`, `NotSupported`, `OutOfMemory`.
    #[inline(always)]
    pub fn recv(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Result<(), Error> {
        each!(self, p => p.recv(pipes, m, due))
    }

    /// What can be done without blocking. May read ahead.
    pub fn ready(&mut self, pipes: &mut Pipes, due: &mut DueList) -> Events {
        each!(self, p => p.ready(pipes, due))
    }

    /// Changes a setting, at once. `InvalidArgument` if the type has no such setting.
    pub fn set(&mut self, s: Setting<'_>, pipes: &mut Pipes, due: &mut DueList) -> Result<(), Error> {
        each!(self, p => p.set(s, pipes, due))
    }

    /// The number of distinct topics: of the peers for PUB and XPUB, of the socket for SUB and XSUB
    /// (`ZMQ_TOPICS_COUNT`).
    pub fn topics_count(&self) -> Option<usize> {
        match self {
            Self::Pub(p) => Some(p.topics_count()),
            Self::Xpub(p) => Some(p.topics_count()),
            Self::Sub(p) => Some(p.topics_count()),
            Self::Xsub(p) => Some(p.topics_count()),
            _ => None,
        }
    }

    /// The number of peers with at least one subscription, or in at least one group, for PUB, XPUB and RADIO; 0 for the
    /// others.
    pub fn subscribers(&self) -> usize {
        match self {
            Self::Pub(p) => p.subscribers(),
            Self::Xpub(p) => p.subscribers(),
            Self::Radio(p) => p.members(),
            _ => 0,
        }
    }

    /// The routing id of the latest peer of a STREAM (`ZMQ_ROUTING_ID` after a connect).
    pub fn latest_routing_id(&self) -> Option<&[u8]> {
        match self {
            Self::Stream(p) => p.latest_routing_id(),
            _ => None,
        }
    }

    /// Whether a peer has this routing id: a connect that wants to assign it must fail then.
    pub fn id_in_use(&self, routing_id: &[u8]) -> bool {
        match self {
            Self::Router(p) => p.id_in_use(routing_id),
            Self::Rep(p) => p.id_in_use(routing_id),
            Self::Stream(p) => p.id_in_use(routing_id),
            _ => false,
        }
    }

    /// Whether a message to this peer would find room (`zmq_socket_get_peer_state`; ROUTER and REP).
    ///
    /// Errors: `HostUnreachable` if nobody has the id, `NotSupported` on other types.
    pub fn peer_state(&mut self, pipes: &mut Pipes, routing_id: &[u8]) -> Result<Events, Error> {
        match self {
            Self::Router(p) => p.peer_state(pipes, routing_id),
            Self::Rep(p) => p.peer_state(pipes, routing_id),
            _ => Err(Error::NotSupported),
        }
    }

    /// The pipe of the peer with this number (a message's routing id on SERVER and PEER).
    ///
    /// Errors: `HostUnreachable` if nobody has it, `NotSupported` on other types.
    pub fn peer_pipe(&self, number: u32) -> Result<PipeId, Error> {
        match self {
            Self::Server(p) | Self::Peer(p) => p.pipe(number).ok_or(Error::HostUnreachable),
            _ => Err(Error::NotSupported),
        }
    }

    /// The number of the peer at the end of this pipe, on SERVER and PEER.
    pub fn peer_number(&self, id: PipeId) -> Option<u32> {
        match self {
            Self::Server(p) | Self::Peer(p) => Some(p.number(id)).filter(|number| *number != 0),
            _ => None,
        }
    }

    /// Joins a group.
    ///
    /// Errors: `InvalidArgument` if it was joined before or has more than [`Msg::GROUP_MAX`] bytes, `NotSupported` on
    /// types other than DISH, `OutOfMemory`.
    pub fn join(&mut self, group: &[u8], pipes: &mut Pipes, due: &mut DueList) -> Result<(), Error> {
        match self {
            Self::Dish(p) => p.join(group, pipes, due),
            _ => Err(Error::NotSupported),
        }
    }

    /// Leaves a group.
    ///
    /// Errors: `InvalidArgument` if it was not joined, `NotSupported` on types other than DISH, `OutOfMemory`.
    pub fn leave(&mut self, group: &[u8], pipes: &mut Pipes, due: &mut DueList) -> Result<(), Error> {
        match self {
            Self::Dish(p) => p.leave(group, pipes, due),
            _ => Err(Error::NotSupported),
        }
    }

    /// The routing id of a pipe, for types that route by it; none while the peer is not known.
    pub fn routing_id(&self, id: PipeId) -> Option<&[u8]> {
        match self {
            Self::Router(p) => p.routing_id(id),
            Self::Rep(p) => p.routing_id(id),
            Self::Stream(p) => p.routing_id(id),
            _ => None,
        }
    }

    /// Messages dropped so far.
    pub fn drops(&self) -> Drops {
        each!(self, p => p.drops())
    }

    /// Messages that this peer lost because its pipe was full; counted by PUB, XPUB and RADIO.
    pub fn drops_of(&self, id: PipeId) -> Option<u64> {
        match self {
            Self::Pub(p) => Some(p.drops_of(id)),
            Self::Xpub(p) => Some(p.drops_of(id)),
            Self::Radio(p) => Some(p.drops_of(id)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::{Join, Net};
    use SocketType::*;

    const fn moves_between_threads<T: Send>() {}
    const _: () = moves_between_threads::<Pattern>();

    #[test]
    fn each_kind_is_what_it_was_made_as() {
        for kind in SocketType::ALL {
            assert_eq!(Pattern::new(*kind, 1).kind(), *kind);
        }
    }

    #[test]
    fn without_peers_each_kind_says_what_it_can_do() {
        use Error::{Again, HostUnreachable, InvalidState, NotSupported};
        for (kind, send, recv) in [
            (Pair, Err(Again), Again),
            (Pub, Ok(()), NotSupported),
            (Sub, Err(NotSupported), Again),
            (Req, Err(Again), InvalidState),
            (Rep, Err(InvalidState), Again),
            (Dealer, Err(Again), Again),
            (Router, Ok(()), Again),
            (Pull, Err(NotSupported), Again),
            (Push, Err(Again), NotSupported),
            (Xpub, Ok(()), Again),
            (Xsub, Ok(()), Again),
            (Stream, Err(HostUnreachable), Again),
            (Server, Err(HostUnreachable), Again),
            (Client, Err(Again), Again),
            (Radio, Ok(()), NotSupported),
            (Dish, Err(NotSupported), Again),
            (Gather, Err(NotSupported), Again),
            (Scatter, Err(Again), NotSupported),
            (Dgram, Err(HostUnreachable), Again),
            (Peer, Err(HostUnreachable), Again),
            (Channel, Err(Again), Again),
        ] {
            let mut net = Net::new();
            let socket = net.socket(kind);
            let frames: &[&[u8]] = if kind.is_thread_safe() { &[b"a"] } else { &[b"a", b"b"] };
            assert_eq!(net.send(socket, frames), send, "{kind:?}");
            assert_eq!(net.recv(socket), Err(recv), "{kind:?}");
            let writable = matches!(kind, Pub | Router | Xpub | Xsub | Stream | Server | Radio | Dish | Peer);
            assert_eq!(net.ready(socket), Events { readable: false, writable }, "{kind:?}");
        }
    }

    #[test]
    fn settings_fit_the_types_that_have_them() {
        let fits: [(Setting<'_>, &[SocketType]); 20] = [
            (Setting::Subscribe(b"a"), &[Sub]),
            (Setting::Unsubscribe(b"a"), &[Sub]),
            (Setting::RouterMandatory(true), &[Router, Rep]),
            (Setting::RouterRaw(true), &[Router, Rep]),
            (Setting::RouterHandover(true), &[Router, Rep]),
            (Setting::RouterNotify(3), &[Router, Rep]),
            (Setting::ProbeRouter(true), &[Req, Rep, Dealer, Router]),
            (Setting::ReqCorrelate(true), &[Req]),
            (Setting::ReqRelaxed(true), &[Req]),
            (Setting::XpubVerbose(true), &[Pub, Xpub]),
            (Setting::XpubVerboser(true), &[Pub, Xpub]),
            (Setting::XpubManual(false), &[Pub, Xpub]),
            (Setting::XpubManualLastValue(false), &[Pub, Xpub]),
            (Setting::XpubNodrop(true), &[Pub, Xpub, Radio]),
            (Setting::XpubWelcome(b"hi"), &[Pub, Xpub]),
            (Setting::OnlyFirstSubscribe(true), &[Pub, Xpub, Sub, Xsub]),
            (Setting::InvertMatching(true), &[Pub, Xpub, Sub, Xsub]),
            (Setting::StreamNotify(true), &[Stream]),
            (Setting::XsubVerboseUnsubscribe(true), &[Sub, Xsub]),
            (Setting::Conflate(true), &[Dealer, Pull, Push, Pub, Sub]),
        ];
        for &kind in SocketType::ALL {
            let mut net = Net::new();
            let socket = net.socket(kind);
            for (setting, kinds) in &fits {
                let fits = kinds.contains(&kind);
                assert_eq!(net.set(socket, *setting).is_ok(), fits, "{kind:?} {setting:?}");
            }
        }
    }

    #[test]
    fn conflating_pipes_keep_the_newest_message() {
        for (from, to) in [(Push, Pull), (Dealer, Dealer), (Pub, Sub)] {
            let mut net = Net::new();
            let (from, to) = (net.socket(from), net.socket(to));
            net.join_with(from, to, Join { conflate: true, ..Join::default() });
            let _ = net.set(to, Setting::Subscribe(b""));
            for i in [b"1", b"2", b"3"] {
                net.send(from, &[i]).unwrap();
            }
            assert_eq!(net.drain(to), ["3"]);
            net.send(from, &[b"4"]).unwrap();
            assert_eq!(net.drain(to), ["4"]);
        }
    }
}
