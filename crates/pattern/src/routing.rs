//! Routing ids: which pipe has which (RFC 28, ROUTER), and messages labelled with the id of their sender.
//!
//! A pipe has at most one id, given once. No two pipes that can be written to have the same one.
use crate::fair_queue::FairQueue;
use ferrozmq_base::{DueList, Error, Msg, PeerRef, PipeId, Pipes};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, DefaultHasher, Hasher};

/// Keys the hash by the socket's seed: the same in every run with that seed, and peers that choose their ids cannot
/// make them collide.
#[derive(Debug)]
struct Seeded(u64);

impl BuildHasher for Seeded {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher
    }
}

/// The routing ids of a socket's peers.
#[derive(Debug)]
pub(crate) struct Routes {
    pipes: HashMap<Box<[u8]>, PipeId, Seeded>,
    /// By `PipeId::index`.
    ids: Vec<Option<Route>>,
    next_auto: u32,
}

/// A pipe and its id.
#[derive(Debug)]
struct Route {
    pipe: PipeId,
    id: Box<[u8]>,
    /// Whom it reaches, for the messages that tell of it.
    peer: Option<PeerRef>,
}

impl Routes {
    pub(crate) fn new(seed: u64) -> Self {
        Self { pipes: HashMap::with_hasher(Seeded(seed)), ids: Vec::new(), next_auto: seed as u32 }
    }

    /// The pipe with this id.
    #[inline]
    pub(crate) fn pipe(&self, routing_id: &[u8]) -> Option<PipeId> {
        self.pipes.get(routing_id).copied()
    }

    /// The id of this pipe.
    #[inline]
    pub(crate) fn id(&self, pipe: PipeId) -> Option<&[u8]> {
        self.route(pipe).map(|route| &*route.id)
    }

    fn route(&self, pipe: PipeId) -> Option<&Route> {
        self.ids.get(pipe.index())?.as_ref().filter(|route| route.pipe == pipe)
    }

    /// Tells whom a pipe with an id reaches.
    pub(crate) fn set_peer(&mut self, pipe: PipeId, peer: Option<PeerRef>) {
        if let Some(Some(route)) = self.ids.get_mut(pipe.index())
            && route.pipe == pipe
        {
            route.peer = peer;
        }
    }

    /// Every pipe with an id.
    pub(crate) fn pipes(&self) -> impl Iterator<Item = PipeId> {
        self.ids.iter().flatten().map(|route| route.pipe)
    }

    /// Gives a pipe this id, which nobody that lives has.
    pub(crate) fn assign(&mut self, pipe: PipeId, routing_id: Box<[u8]>) {
        self.release(pipe);
        if self.ids.len() <= pipe.index() {
            self.ids.resize_with(pipe.index() + 1, || None);
        }
        self.pipes.insert(routing_id.clone(), pipe);
        self.ids[pipe.index()] = Some(Route { pipe, id: routing_id, peer: None });
    }

    /// Gives a pipe an id that nobody has: 0 and four bytes in network order.
    pub(crate) fn assign_auto(&mut self, pipe: PipeId) {
        let id = loop {
            let mut id = [0; 5];
            id[1..].copy_from_slice(&self.next_auto.to_be_bytes());
            self.next_auto = self.next_auto.wrapping_add(1);
            if !self.pipes.contains_key(&id[..]) {
                break id;
            }
        };
        self.assign(pipe, id.into());
    }

    /// Takes a pipe's id away.
    pub(crate) fn release(&mut self, pipe: PipeId) {
        if self.id(pipe).is_none() {
            return;
        }
        if let Some(route) = self.ids[pipe.index()].take()
            && self.pipes.get(&route.id) == Some(&pipe)
        {
            self.pipes.remove(&route.id);
        }
    }
}

/// Inbound messages, each prefixed with a frame that holds the routing id of its sender.
#[derive(Debug)]
pub(crate) struct Labelled {
    pub(crate) input: FairQueue,
    next: Next,
    frame: Msg,
    label: Msg,
    /// Events of peers that are told as messages: the labels of empty messages, and who the peers are.
    notices: VecDeque<(Box<[u8]>, Option<PeerRef>)>,
    /// Pipes whose far end is gone, which is told when all that it sent was read.
    ending: Vec<PipeId>,
}

/// Which frame comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// One that is still in its pipe.
    Unread,
    /// The label of the frame that was read ahead from this pipe; it is still to be made.
    NewLabel(PipeId),
    /// The label, made.
    Label(Option<PipeId>),
    /// The frame that was read ahead.
    Frame,
}

impl Labelled {
    pub(crate) fn new() -> Self {
        Self {
            input: FairQueue::default(),
            next: Next::Unread,
            frame: Msg::new(),
            label: Msg::new(),
            notices: VecDeque::new(),
            ending: Vec::new(),
        }
    }

    /// Leaves an empty message from this peer, to be received before anything that is still in a pipe.
    pub(crate) fn notify(&mut self, routes: &Routes, pipe: PipeId) {
        if let Some(route) = routes.route(pipe) {
            self.notices.push_back((route.id.clone(), route.peer));
        }
    }

    /// The far end of a pipe that is read is gone; `tell` leaves an empty message for it behind its last one.
    pub(crate) fn ended(
        &mut self,
        routes: &Routes,
        pipes: &mut Pipes,
        pipe: PipeId,
        tell: bool,
        due: &mut DueList,
    ) {
        if tell && !self.ending.contains(&pipe) {
            self.ending.push(pipe);
            self.tell_drained(routes, pipes);
        }
        self.input.ended(pipes, pipe, due);
    }

    /// Tells of the ended pipes of which everything was read; true if there are any.
    fn tell_drained(&mut self, routes: &Routes, pipes: &mut Pipes) -> bool {
        let before = self.ending.len();
        let notices = &mut self.notices;
        self.ending.retain(|pipe| {
            let drained = pipes.drained(*pipe);
            if drained && let Some(route) = routes.route(*pipe) {
                notices.push_back((route.id.clone(), route.peer));
            }
            !drained
        });
        self.ending.len() < before
    }

    /// Forgets a pipe and a message of it that was read ahead but is not whole.
    pub(crate) fn remove(&mut self, routes: &Routes, pipes: &mut Pipes, pipe: PipeId) {
        if self.ending.contains(&pipe) {
            self.tell_drained(routes, pipes);
            self.ending.retain(|ending| *ending != pipe);
        }
        let read_ahead = matches!(self.next, Next::NewLabel(id) | Next::Label(Some(id)) if id == pipe);
        if read_ahead && self.frame.more() {
            self.next = Next::Unread;
        }
        self.input.remove(pipe);
    }

    /// The next frame; `Again` if there is none.
    #[inline]
    pub(crate) fn recv(
        &mut self,
        routes: &Routes,
        pipes: &mut Pipes,
        m: &mut Msg,
        due: &mut DueList,
    ) -> Result<(), Error> {
        if self.next == Next::Frame {
            *m = self.frame.take();
            self.next = Next::Unread;
            return Ok(());
        }
        if self.next == Next::Unread && self.input.in_message() && self.input.get(pipes, m, due).is_some() {
            return Ok(());
        }
        self.read_ahead(routes, pipes, due)?;
        *m = self.label.take();
        self.next = Next::Frame;
        Ok(())
    }

    /// Whether a message of this pipe was begun, or read ahead, and is not finished.
    pub(crate) fn is_reading(&self, pipe: PipeId) -> bool {
        let ahead = matches!(self.next, Next::NewLabel(id) | Next::Label(Some(id)) if id == pipe);
        ahead || self.input.is_reading(pipe)
    }

    /// Whether there is a frame to receive.
    pub(crate) fn has(&mut self, routes: &Routes, pipes: &mut Pipes, due: &mut DueList) -> bool {
        self.next == Next::Frame
            || self.next == Next::Unread && self.input.in_message()
            || self.read_ahead(routes, pipes, due).is_ok()
    }

    /// Reads the first frame of a message and makes its label.
    fn read_ahead(&mut self, routes: &Routes, pipes: &mut Pipes, due: &mut DueList) -> Result<(), Error> {
        loop {
            match self.next {
                Next::Label(_) | Next::Frame => return Ok(()),
                Next::Unread => {
                    if let Some((id, peer)) = self.notices.front() {
                        self.label = Msg::copy_from(id)?;
                        self.label.set_more(true);
                        self.label.set_peer(*peer);
                        self.frame.clear();
                        self.frame.set_more(false);
                        self.frame.set_peer(*peer);
                        self.notices.pop_front();
                        self.next = Next::Label(None);
                        return Ok(());
                    }
                    match self.input.get(pipes, &mut self.frame, due) {
                        Some(from) => self.next = Next::NewLabel(from),
                        None if self.tell_drained(routes, pipes) => {}
                        None => return Err(Error::Again),
                    }
                }
                Next::NewLabel(from) => {
                    let Some(id) = routes.id(from) else {
                        // Only pipes with an id are read; if one lost it, so did its messages.
                        self.next = Next::Unread;
                        continue;
                    };
                    self.label = Msg::copy_from(id)?;
                    self.label.set_more(true);
                    self.label.set_peer(self.frame.peer());
                    self.next = Next::Label(Some(from));
                }
            }
        }
    }
}
