//! `zmq_poll`: sockets and descriptors together.
use crate::{
    boundary::lean_entries,
    socket::{Inside, Taken},
};
use ferrozmq_base::{Error, Result};
use ferrozmq_runtime::{Events, PollItem as Item, SharedItem, SharedSocket, poll_shared};
use ferrozmq_sys::{Interest, PollFd, SignalSet};
use libc::{c_int, c_long, c_short, c_void, sigset_t};
use std::{iter::Peekable, slice::Iter, sync::Arc, time::Duration};

/// `zmq_pollitem_t`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[allow(missing_docs, reason = "the fields of zmq.h")]
pub struct PollItem {
    pub socket: *mut c_void,
    pub fd: c_int,
    pub events: c_short,
    pub revents: c_short,
}

const _: () = assert!(size_of::<PollItem>() == 16 && align_of::<PollItem>() == 8);
const _: () =
    assert!(std::mem::offset_of!(PollItem, fd) == 8 && std::mem::offset_of!(PollItem, revents) == 14);

/// What is waited for: a socket, or a descriptor where the handle is NULL.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    pub socket: *mut c_void,
    pub fd: c_int,
    pub events: c_short,
}

impl From<&PollItem> for Wanted {
    fn from(item: &PollItem) -> Self {
        Self { socket: item.socket, fd: item.fd, events: item.events }
    }
}

/// A wait of this many milliseconds; none for a negative number.
pub(crate) fn timeout(milliseconds: c_long) -> Option<Duration> {
    u64::try_from(milliseconds).ok().map(Duration::from_millis)
}

/// A socket for several threads, and what it is asked for.
#[derive(Debug)]
struct Shared {
    handle: *const c_void,
    socket: Arc<SharedSocket>,
    interest: Events,
    ready: Events,
}

/// Which of a wait's sockets stands at a place, where it is not the next of its own.
#[derive(Clone, Copy, Debug)]
enum Which {
    Again(usize),
    Shared(usize),
}

/// The sockets and descriptors of one wait, in the order in which they were named. This thread is inside the sockets.
///
/// A socket may be named more than once: it is asked for everything, and each of its places gets its part.
#[derive(Debug)]
pub(crate) struct Waiting {
    sockets: Vec<Item<Inside>>,
    shared: Vec<Shared>,
    fds: Vec<PollFd>,
    /// The places of sockets that were named before, and of those for several threads.
    others: Vec<(usize, Which)>,
}

impl Waiting {
    /// Takes all the sockets.
    ///
    /// # Errors
    /// `NotASocket`; `InvalidState` for a socket in use elsewhere; `OutOfMemory`.
    pub(crate) fn new(list: impl ExactSizeIterator<Item = Wanted>) -> Result<Self> {
        let mut this = Self { sockets: Vec::new(), shared: Vec::new(), fds: Vec::new(), others: Vec::new() };
        this.sockets.try_reserve(list.len()).map_err(|_| Error::OutOfMemory)?;
        for (place, Wanted { socket, fd, events }) in list.enumerate() {
            if socket.is_null() {
                this.fds.try_reserve(1).map_err(|_| Error::OutOfMemory)?;
                this.fds.push(PollFd::new(&fd, of_fd(events)));
                continue;
            }
            let events = of_socket(events);
            match Taken::take(socket) {
                Ok(Taken::Own(inside)) => this.sockets.push(Item::new(inside, events)),
                Ok(Taken::Shared(shared)) => this.add_shared(place, socket, shared, events),
                // In use, perhaps by this very call.
                Err(error) => {
                    let first = this.sockets.iter().position(|item| item.socket.is(socket)).ok_or(error)?;
                    widen(&mut this.sockets[first].interest, events);
                    this.others.push((place, Which::Again(first)));
                }
            }
        }
        Ok(this)
    }

    fn add_shared(
        &mut self,
        place: usize,
        handle: *const c_void,
        socket: Arc<SharedSocket>,
        interest: Events,
    ) {
        let known = self.shared.iter().position(|shared| shared.handle == handle);
        let index = known.unwrap_or(self.shared.len());
        match self.shared.get_mut(index) {
            Some(shared) => widen(&mut shared.interest, interest),
            None => self.shared.push(Shared { handle, socket, interest, ready: Events::default() }),
        }
        self.others.push((place, Which::Shared(index)));
    }

    /// Waits until anything is ready or the time is over.
    ///
    /// # Errors
    /// Those of the runtime's poll.
    pub(crate) fn wait(&mut self, timeout: Option<Duration>, mask: Option<&SignalSet>) -> Result<()> {
        let items = self.shared.iter().map(|shared| SharedItem::new(&shared.socket, shared.interest));
        let mut items: Vec<_> = items.collect();
        poll_shared(&mut self.sockets, &mut items, &mut self.fds, timeout, mask)?;
        let ready: Vec<_> = items.iter().map(|item| item.ready).collect();
        for (shared, ready) in self.shared.iter_mut().zip(ready) {
            shared.ready = ready;
        }
        Ok(())
    }

    /// Whether a socket for several threads was found ready.
    pub(crate) fn is_any_shared_ready(&self) -> bool {
        self.shared.iter().any(|shared| shared.ready != Events::default())
    }

    /// What was found, place by place.
    pub(crate) fn found(&self) -> Found<'_> {
        Found {
            place: 0,
            waiting: self,
            sockets: self.sockets.iter(),
            fds: self.fds.iter(),
            others: self.others.iter().peekable(),
        }
    }
}

/// Asks for these as well.
fn widen(interest: &mut Events, more: Events) {
    interest.readable |= more.readable;
    interest.writable |= more.writable;
}

/// See [`Waiting::found`].
#[derive(Debug)]
pub(crate) struct Found<'a> {
    place: usize,
    waiting: &'a Waiting,
    sockets: Iter<'a, Item<Inside>>,
    fds: Iter<'a, PollFd>,
    others: Peekable<Iter<'a, (usize, Which)>>,
}

impl Found<'_> {
    /// The bits of the next place, which wanted this.
    pub(crate) fn next_for(&mut self, Wanted { socket, events, .. }: Wanted) -> c_short {
        let place = self.place;
        self.place += 1;
        if socket.is_null() {
            return self.fds.next().map_or(0, found_on_fd);
        }
        let ready = match self.others.next_if(|(at, _)| *at == place) {
            Some((_, Which::Again(first))) => self.waiting.sockets.get(*first).map(|item| item.ready),
            Some((_, Which::Shared(index))) => self.waiting.shared.get(*index).map(|shared| shared.ready),
            None => self.sockets.next().map(|item| item.ready),
        };
        ready.map_or(0, found_on_socket) & events
    }
}

const IN: c_short = 1;
const OUT: c_short = 2;
const ERR: c_short = 4;
const PRI: c_short = 8;

pub(crate) fn of_socket(events: c_short) -> Events {
    Events { readable: events & IN != 0, writable: events & OUT != 0 }
}

fn found_on_socket(ready: Events) -> c_short {
    let bit = |ready, bit| if ready { bit } else { 0 };
    bit(ready.readable, IN) | bit(ready.writable, OUT)
}

fn of_fd(events: c_short) -> Interest {
    let bit = |bit, interest| if events & bit == 0 { Interest::NONE } else { interest };
    bit(IN, Interest::READ) | bit(OUT, Interest::WRITE) | bit(PRI, Interest::PRIORITY)
}

/// A hang-up, an error and a number that is not open are ZMQ_POLLERR, asked for or not.
fn found_on_fd(fd: &PollFd) -> c_short {
    let found = fd.returned_events();
    let bit = |from, to| if found & from == 0 { 0 } else { to };
    let usual = libc::POLLIN | libc::POLLOUT | libc::POLLPRI;
    bit(libc::POLLIN, IN) | bit(libc::POLLOUT, OUT) | bit(libc::POLLPRI, PRI) | bit(!usual, ERR)
}

/// # Safety
/// `items` is NULL or points to `count` items.
unsafe fn poll_items(
    items: *mut PollItem,
    count: c_int,
    milliseconds: c_long,
    mask: Option<&SignalSet>,
) -> Result<c_int> {
    let count = usize::try_from(count).map_err(|_| Error::InvalidArgument)?;
    if count > 0 && items.is_null() {
        return Err(Error::BadAddress);
    }
    let items = match count {
        0 => &mut [][..],
        // SAFETY: by the contract; the items are written through this slice only.
        _ => unsafe { std::slice::from_raw_parts_mut(items, count) },
    };
    let mut waiting = Waiting::new(items.iter().map(Wanted::from))?;
    waiting.wait(timeout(milliseconds), mask)?;
    let (mut found, mut ready) = (waiting.found(), 0);
    for item in items {
        item.revents = found.next_for((&*item).into());
        ready += c_int::from(item.revents != 0);
    }
    Ok(ready)
}

lean_entries! {
    /// Waits for sockets and descriptors; the result is the number of items with something to report.
    fn zmq_poll(items: *mut PollItem, nitems: c_int, timeout: c_long) -> c_int, or -1; {
        // SAFETY: by the contract of the entry points.
        unsafe { poll_items(items, nitems, timeout, None) }
    }

    /// `zmq_poll` with another signal mask while it waits.
    fn zmq_ppoll(items: *mut PollItem, nitems: c_int, timeout: c_long, sigmask: *const sigset_t) -> c_int, or -1; {
        // SAFETY: NULL or a signal set, by the contract of the entry points.
        let mask = unsafe { sigmask.as_ref() }.map(|set| SignalSet::from(*set));
        // SAFETY: by the contract of the entry points.
        unsafe { poll_items(items, nitems, timeout, mask.as_ref()) }
    }
}
