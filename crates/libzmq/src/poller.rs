//! `zmq_poller`: a list of sockets and descriptors to wait for, kept between the waits.
//!
//! It names sockets by their handles, so one that is closed while registered makes the wait ENOTSOCK, no more.
use crate::{
    boundary::{entries, lean_entries},
    handle::{self, Object},
    poll::{Waiting, Wanted, of_socket, timeout},
    socket::with_socket,
};
use ferrozmq_base::{Error, Result};
use ferrozmq_runtime::{SharedSocket, Watch};
use ferrozmq_sys::WakeFd;
use libc::{c_int, c_long, c_short, c_void};
use std::{os::fd::AsRawFd, ptr, sync::Arc};

/// `zmq_poller_event_t`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
#[allow(missing_docs, reason = "the fields of zmq.h")]
pub struct PollerEvent {
    pub socket: *mut c_void,
    pub fd: c_int,
    pub user_data: *mut c_void,
    pub events: c_short,
}

const _: () = assert!(size_of::<PollerEvent>() == 32 && align_of::<PollerEvent>() == 8);
const _: () = assert!(
    std::mem::offset_of!(PollerEvent, user_data) == 16 && std::mem::offset_of!(PollerEvent, events) == 24
);

impl PollerEvent {
    const NONE: Self = Self { socket: ptr::null_mut(), fd: -1, user_data: ptr::null_mut(), events: 0 };
}

/// What a poller's handle stands for.
#[derive(Debug, Default)]
pub(crate) struct Registrations {
    list: Vec<Registration>,
    /// Whether a socket for several threads was ever registered.
    shared: bool,
    outlook: Option<Outlook>,
}

/// The poller's own descriptor: readable from an event of a socket for several threads until a wait finds none.
#[derive(Debug)]
struct Outlook {
    wake: Arc<WakeFd>,
    watches: Vec<(*mut c_void, Watch)>,
}

impl Outlook {
    /// Watches a socket, if it is one for several threads.
    fn add(&mut self, wanted: Wanted) -> Result<()> {
        if let Some(socket) = shared(wanted.socket) {
            self.watches.push((wanted.socket, Watch::new(&socket, &self.wake)?));
            self.look(wanted)?;
        }
        Ok(())
    }

    /// Signals what is ready already.
    fn look(&self, wanted: Wanted) -> Result<()> {
        let Some(socket) = shared(wanted.socket) else { return Ok(()) };
        let (events, interest) = (socket.events()?, of_socket(wanted.events));
        if interest.readable && events.readable || interest.writable && events.writable {
            self.wake.signal();
        }
        Ok(())
    }
}

/// The socket of a handle, if it is one for several threads.
fn shared(handle: *const c_void) -> Option<Arc<SharedSocket>> {
    match handle::enter(handle).ok()?.object() {
        Object::Shared(socket) => Some(socket.clone()),
        _ => None,
    }
}

#[derive(Clone, Copy, Debug)]
struct Registration {
    wanted: Wanted,
    user_data: *mut c_void,
}

// SAFETY: the handles are only compared and looked up, the user's pointer only handed back.
unsafe impl Send for Registration {}
// SAFETY: as above.
unsafe impl Send for Outlook {}

/// What is registered: a socket by its handle, or a descriptor.
#[derive(Clone, Copy)]
enum Subject {
    Socket(*mut c_void),
    Fd(c_int),
}

impl Subject {
    fn check(self) -> Result<()> {
        match self {
            Self::Socket(handle) => with_socket(handle, |_| Ok(())),
            Self::Fd(-1) => Err(Error::BadDescriptor),
            Self::Fd(_) => Ok(()),
        }
    }

    fn is(self, wanted: &Wanted) -> bool {
        match self {
            Self::Socket(handle) => wanted.socket == handle,
            Self::Fd(fd) => wanted.socket.is_null() && wanted.fd == fd,
        }
    }
}

/// The bits of `ZMQ_POLLIN`, `ZMQ_POLLOUT`, `ZMQ_POLLERR` and `ZMQ_POLLPRI`.
fn check_events(events: c_short) -> Result<()> {
    if events & !15 == 0 { Ok(()) } else { Err(Error::InvalidArgument) }
}

fn with_poller<R>(handle: *const c_void, body: impl FnOnce(&mut Registrations) -> Result<R>) -> Result<R> {
    let mut entered = handle::enter(handle).map_err(|refused| refused.or(Error::BadAddress))?;
    match entered.object() {
        Object::Poller(registrations) => body(registrations),
        _ => Err(Error::BadAddress),
    }
}

fn add(poller: *mut c_void, subject: Subject, user_data: *mut c_void, events: c_short) -> Result<c_int> {
    with_poller(poller, |registered| {
        subject.check()?;
        check_events(events)?;
        if registered.list.iter().any(|r| subject.is(&r.wanted)) {
            return Err(Error::InvalidArgument);
        }
        let (socket, fd) = match subject {
            Subject::Socket(handle) => (handle, -1),
            Subject::Fd(fd) => (ptr::null_mut(), fd),
        };
        let wanted = Wanted { socket, fd, events };
        registered.shared |= shared(socket).is_some();
        if let Some(outlook) = &mut registered.outlook {
            outlook.add(wanted)?;
        }
        registered.list.push(Registration { wanted, user_data });
        Ok(0)
    })
}

fn modify(poller: *mut c_void, subject: Subject, events: c_short) -> Result<c_int> {
    with_poller(poller, |registered| {
        subject.check()?;
        check_events(events)?;
        let registration = registered.list.iter_mut().find(|r| subject.is(&r.wanted));
        let registration = registration.ok_or(Error::InvalidArgument)?;
        registration.wanted.events = events;
        if let Some(outlook) = &registered.outlook {
            outlook.look(registration.wanted)?;
        }
        Ok(0)
    })
}

fn remove(poller: *mut c_void, subject: Subject) -> Result<c_int> {
    with_poller(poller, |registered| {
        subject.check()?;
        let index = registered.list.iter().position(|r| subject.is(&r.wanted));
        let removed = registered.list.remove(index.ok_or(Error::InvalidArgument)?);
        if let Some(outlook) = &mut registered.outlook {
            outlook.watches.retain(|(socket, _)| *socket != removed.wanted.socket);
        }
        Ok(0)
    })
}

/// Waits and fills `events` from the front; the result is how many. Never 0: the end of the time is `Again`.
fn wait(poller: *mut c_void, events: &mut [PollerEvent], milliseconds: c_long) -> Result<usize> {
    let (registered, wake) = with_poller(poller, |registered| {
        let wake = registered.outlook.as_ref().map(|outlook| outlook.wake.clone());
        // One that wants nothing is not looked at: an error of its descriptor would be told in every wait.
        let list = registered.list.iter().filter(|r| r.wanted.events != 0);
        Ok((list.copied().collect::<Vec<_>>(), wake))
    })?;
    if milliseconds < 0 && registered.is_empty() {
        return Err(Error::BadAddress);
    }
    let mut waiting = Waiting::new(registered.iter().map(|r| r.wanted))?;
    if let Some(wake) = &wake {
        wake.clear();
    }
    let waited = waiting.wait(timeout(milliseconds), None);
    if let Some(wake) = &wake
        && (waited.is_err() || waiting.is_any_shared_ready())
    {
        wake.signal();
    }
    waited?;
    let mut found = waiting.found();
    let ready = registered.iter().map(|r| (r, found.next_for(r.wanted))).filter(|(_, found)| *found != 0);
    let mut count = 0;
    for (place, (r, found)) in events.iter_mut().zip(ready) {
        let Wanted { socket, fd, .. } = r.wanted;
        *place = PollerEvent { socket, fd, user_data: r.user_data, events: found };
        count += 1;
    }
    if count == 0 { Err(Error::Again) } else { Ok(count) }
}

/// The poller's own descriptor, made when it is first asked for.
fn outlook(registered: &mut Registrations) -> Result<&Outlook> {
    if !registered.shared {
        return Err(Error::InvalidArgument);
    }
    if registered.outlook.is_none() {
        let mut outlook = Outlook { wake: Arc::new(WakeFd::new()?), watches: Vec::new() };
        for registration in &registered.list {
            if outlook.add(registration.wanted).is_err() {
                // It was closed, or its context was shut down: the wait says so.
                outlook.wake.signal();
            }
        }
        registered.outlook = Some(outlook);
    }
    registered.outlook.as_ref().ok_or(Error::BadAddress)
}

fn destroy(place: &mut *mut c_void) -> Result<c_int> {
    with_poller(*place, |_| Ok(()))?;
    drop(handle::enter(*place).map_err(|refused| refused.or(Error::BadAddress))?.retire());
    *place = ptr::null_mut();
    Ok(0)
}

entries! {
    /// A new, empty poller.
    fn zmq_poller_new() -> *mut c_void, or ptr::null_mut(); { handle::insert(Object::Poller(Box::default())) }

    /// Frees a poller and sets the pointer to NULL.
    fn zmq_poller_destroy(poller_p: *mut *mut c_void) -> c_int, or -1; {
        // SAFETY: NULL or a pointer, by the contract of the entry points.
        destroy(unsafe { poller_p.as_mut() }.ok_or(Error::BadAddress)?)
    }

    /// The number of registrations.
    fn zmq_poller_size(poller: *mut c_void) -> c_int, or -1; {
        with_poller(poller, |registered| Ok(crate::boundary::clamped(registered.list.len())))
    }

    /// Registers a socket.
    fn zmq_poller_add(poller: *mut c_void, socket: *mut c_void, user_data: *mut c_void, events: c_short) -> c_int, or -1; {
        add(poller, Subject::Socket(socket), user_data, events)
    }

    /// Changes what is waited for on a socket.
    fn zmq_poller_modify(poller: *mut c_void, socket: *mut c_void, events: c_short) -> c_int, or -1; {
        modify(poller, Subject::Socket(socket), events)
    }

    /// Takes a socket off the list.
    fn zmq_poller_remove(poller: *mut c_void, socket: *mut c_void) -> c_int, or -1; {
        remove(poller, Subject::Socket(socket))
    }

    /// Registers a descriptor.
    fn zmq_poller_add_fd(poller: *mut c_void, fd: c_int, user_data: *mut c_void, events: c_short) -> c_int, or -1; {
        add(poller, Subject::Fd(fd), user_data, events)
    }

    /// Changes what is waited for on a descriptor.
    fn zmq_poller_modify_fd(poller: *mut c_void, fd: c_int, events: c_short) -> c_int, or -1; {
        modify(poller, Subject::Fd(fd), events)
    }

    /// Takes a descriptor off the list.
    fn zmq_poller_remove_fd(poller: *mut c_void, fd: c_int) -> c_int, or -1; { remove(poller, Subject::Fd(fd)) }

    /// A descriptor to wait for the poller itself: it becomes readable when a socket for several threads has an event,
    /// of those that are registered. EINVAL if none ever was.
    fn zmq_poller_fd(poller: *mut c_void, fd: *mut c_int) -> c_int, or -1; {
        with_poller(poller, |registered| {
            // SAFETY: NULL or an int, by the contract of the entry points.
            let place = unsafe { fd.as_mut() }.ok_or(Error::BadAddress)?;
            *place = outlook(registered)?.wake.as_raw_fd();
            Ok(0)
        })
    }
}

lean_entries! {
    /// Waits for one event; without one it is blank.
    fn zmq_poller_wait(poller: *mut c_void, event: *mut PollerEvent, timeout: c_long) -> c_int, or -1; {
        // SAFETY: NULL or an event, by the contract of the entry points.
        let event = unsafe { event.as_mut() }.ok_or(Error::BadAddress)?;
        *event = PollerEvent::NONE;
        wait(poller, std::slice::from_mut(event), timeout).map(|_| 0)
    }

    /// Waits for events; the result is their number, and the rest of the array is blank.
    fn zmq_poller_wait_all(poller: *mut c_void, events: *mut PollerEvent, n_events: c_int, timeout: c_long) -> c_int, or -1; {
        with_poller(poller, |_| Ok(()))?;
        let count = usize::try_from(n_events).map_err(|_| Error::InvalidArgument)?;
        if events.is_null() {
            return Err(Error::BadAddress);
        }
        // SAFETY: not NULL, so `n_events` events by the contract of the entry points.
        let events = unsafe { std::slice::from_raw_parts_mut(events, count) };
        let found = wait(poller, events, timeout)?;
        events[found..].fill(PollerEvent::NONE);
        Ok(crate::boundary::clamped(found))
    }
}
