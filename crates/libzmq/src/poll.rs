//! `zmq_poll`: sockets and descriptors together.
use crate::{
    boundary::entries,
    core::{Item, Target, poll},
    handle::{self, Entered, Object},
    socket::SocketHandle,
};
use ferrozmq_base::{Error, Result};
use ferrozmq_sys::SignalSet;
use libc::{c_int, c_long, c_short, c_void, sigset_t};
use std::time::Duration;

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
    for Wanted { socket, .. } in wanted {
        if socket.is_null() || entered.iter().any(|(handle, _)| handle == socket) {
            continue;
        }
        let guard = handle::enter(*socket).map_err(|refused| refused.or(Error::NotASocket))?;
        entered.push((*socket, guard));
    }
    let mut sockets = Vec::with_capacity(entered.len());
    let mut flags = Vec::with_capacity(entered.len());
    let mut items = Vec::with_capacity(wanted.len());
    for (handle, guard) in &mut entered {
        let Object::Socket(socket) = guard.object() else { return Err(Error::NotASocket) };
        let SocketHandle { core, inside } = &mut **socket;
        if *inside {
            return Err(Error::BadAddress);
        }
        let events = wanted.iter().filter(|w| w.socket == *handle).fold(0, |all, w| all | w.events);
        sockets.push(*handle);
        flags.push(inside);
        items.push(Item { target: Target::Socket(core), events, returned: 0 });
    }
    for Wanted { fd, events, .. } in wanted.iter().filter(|w| w.socket.is_null()) {
        items.push(Item { target: Target::Fd(*fd), events: *events, returned: 0 });
    }
    flags.iter_mut().for_each(|inside| **inside = true);
    let result = poll(&mut items, timeout, mask);
    flags.iter_mut().for_each(|inside| **inside = false);
    result?;
    let (of_sockets, of_fds) = items.split_at(sockets.len());
    let mut of_fds = of_fds.iter();
    let found = wanted.iter().map(|w| {
        let index = sockets.iter().position(|handle| *handle == w.socket);
        match index.and_then(|index| of_sockets.get(index)) {
            Some(item) => item.returned & w.events,
            None => of_fds.next().map_or(0, |item| item.returned),
        }
    });
    Ok(found.collect())
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
