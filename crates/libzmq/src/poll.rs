//! `zmq_poll`: sockets and descriptors together.
use crate::{
    boundary::entries,
    handle::{self, Entered, Object},
    socket::SocketHandle,
};
use ferrozmq_base::{Error, Result};
use ferrozmq_runtime::{Events, PollItem as Item, SharedItem, SharedSocket, poll_shared};
use ferrozmq_sys::{Interest, PollFd, SignalSet};
use libc::{c_int, c_long, c_short, c_void, sigset_t};
use std::{sync::Arc, time::Duration};

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

/// A wait of this many milliseconds; none for a negative number.
pub(crate) fn timeout(milliseconds: c_long) -> Option<Duration> {
    u64::try_from(milliseconds).ok().map(Duration::from_millis)
}

/// Waits, and tells for each what was found.
///
/// A socket may be listed more than once: it is entered once, asked for everything, and each of its places gets its
/// own part of the answer.
///
/// # Errors
/// `NotASocket`; `InvalidState` for a socket in use elsewhere; and those of the runtime's poll.
pub(crate) fn wait_for(
    wanted: &[Wanted],
    timeout: Option<Duration>,
    mask: Option<&SignalSet>,
) -> Result<Vec<c_short>> {
    let mut entered: Vec<(*mut c_void, Entered)> = Vec::new();
    let mut shared: Vec<(*mut c_void, Arc<SharedSocket>)> = Vec::new();
    for Wanted { socket, .. } in wanted {
        let is_known =
            entered.iter().map(|(handle, _)| handle).chain(shared.iter().map(|(handle, _)| handle));
        if socket.is_null() || { is_known }.any(|handle| handle == socket) {
            continue;
        }
        let mut guard = handle::enter(*socket).map_err(|refused| refused.or(Error::NotASocket))?;
        if let Object::Shared(socket_for_many) = guard.object() {
            shared.push((*socket, socket_for_many.clone()));
        } else {
            entered.push((*socket, guard));
        }
    }
    let mut handles = Vec::with_capacity(entered.len());
    let mut flags = Vec::with_capacity(entered.len());
    let mut sockets = Vec::with_capacity(entered.len());
    for (handle, guard) in &mut entered {
        let Object::Socket(socket) = guard.object() else { return Err(Error::NotASocket) };
        let SocketHandle { core, inside } = &mut **socket;
        if *inside {
            return Err(Error::BadAddress);
        }
        handles.push(*handle);
        flags.push(inside);
        sockets.push(Item::new(core, of_socket(events_of(wanted, *handle))));
    }
    let of_many = |(handle, socket)| SharedItem::new(socket, of_socket(events_of(wanted, handle)));
    let mut many: Vec<_> = shared.iter().map(|(handle, socket)| of_many((*handle, &**socket))).collect();
    let fds = wanted.iter().filter(|w| w.socket.is_null());
    let mut fds: Vec<_> = fds.map(|w| PollFd::new(&w.fd, of_fd(w.events))).collect();
    flags.iter_mut().for_each(|inside| **inside = true);
    let result = poll_shared(&mut sockets, &mut many, &mut fds, timeout, mask);
    flags.iter_mut().for_each(|inside| **inside = false);
    result?;
    let mut fds = fds.iter();
    let found = wanted.iter().map(|w| match handles.iter().position(|handle| *handle == w.socket) {
        Some(index) => found_on_socket(sockets[index].ready) & w.events,
        None if w.socket.is_null() => fds.next().map_or(0, found_on_fd),
        None => {
            let index = shared.iter().position(|(handle, _)| *handle == w.socket);
            index.map_or(0, |index| found_on_socket(many[index].ready) & w.events)
        }
    });
    Ok(found.collect())
}

/// What is waited for of a socket, in all its places.
fn events_of(wanted: &[Wanted], socket: *mut c_void) -> c_short {
    wanted.iter().filter(|w| w.socket == socket).fold(0, |all, w| all | w.events)
}

const IN: c_short = 1;
const OUT: c_short = 2;
const ERR: c_short = 4;
const PRI: c_short = 8;

fn of_socket(events: c_short) -> Events {
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
    let wanted: Vec<_> =
        items.iter().map(|item| Wanted { socket: item.socket, fd: item.fd, events: item.events }).collect();
    let found = wait_for(&wanted, timeout(milliseconds), mask)?;
    let mut ready = 0;
    for (item, found) in items.iter_mut().zip(found) {
        item.revents = found;
        ready += c_int::from(found != 0);
    }
    Ok(ready)
}

entries! {
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
