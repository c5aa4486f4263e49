//! Sockets (zmq_socket(3)).
use crate::{
    boundary::{bytes, bytes_mut, clamped, entries, lean_entries, text},
    context::context,
    handle::{self, Entered, Object, Refused},
    message::flags,
};
use ferrozmq_base::{Error, Msg, Result, SocketType};
use ferrozmq_runtime::{BindError, Flags, SharedSocket, SocketCore};
use libc::{c_char, c_int, c_void};
use std::{
    borrow::{Borrow, BorrowMut},
    ffi::CStr,
    mem,
    ptr::{self, NonNull},
    sync::Arc,
};

/// A call on the socket that was entered. Dropped by a panic only, which spoils the socket: else it ends.
struct Call<'a>(&'a mut Entered);

impl Call<'_> {
    #[inline(always)]
    fn end(self) {
        mem::forget(self);
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.object().spoil();
    }
}

/// Runs `body` on the socket behind a handle. While it runs, other threads get EFSM for this socket, or, if it is one
/// for several threads, wait. It does not send or receive: see [`send`].
#[inline(always)]
pub(crate) fn with_socket<R>(
    handle: *const c_void,
    body: impl FnOnce(&mut SocketCore) -> Result<R>,
) -> Result<R> {
    let mut entered = enter(handle)?;
    let call = Call(&mut entered);
    if let Object::Socket(core) = call.0.object() {
        let result = body(core);
        call.end();
        return result;
    }
    call.end();
    shared(entered)?.with(body)
}

/// Enters the socket of a handle, for [`send`] or [`recv`].
#[inline(always)]
pub(crate) fn enter(handle: *const c_void) -> Result<Entered> {
    handle::enter(handle).map_err(|refused| refused.or(Error::NotASocket))
}

/// Sends on the socket that was entered. If it is one for several threads, it is left before a wait.
#[inline(always)]
pub(crate) fn send(mut entered: Entered, m: &mut Msg, flags: Flags) -> Result<()> {
    let call = Call(&mut entered);
    if let Object::Socket(core) = call.0.object() {
        let result = core.send(m, flags);
        call.end();
        return result;
    }
    call.end();
    send_shared(entered, m, flags)
}

#[inline(never)]
fn send_shared(entered: Entered, m: &mut Msg, flags: Flags) -> Result<()> {
    shared(entered)?.send(m, flags)
}

/// Receives from the socket that was entered; as [`send`].
#[inline(always)]
pub(crate) fn recv(mut entered: Entered, m: &mut Msg, dont_wait: bool) -> Result<()> {
    let call = Call(&mut entered);
    if let Object::Socket(core) = call.0.object() {
        let result = core.recv(m, dont_wait);
        call.end();
        return result;
    }
    call.end();
    recv_shared(entered, m, dont_wait)
}

#[inline(never)]
fn recv_shared(entered: Entered, m: &mut Msg, dont_wait: bool) -> Result<()> {
    shared(entered)?.recv(m, dont_wait)
}

/// The socket for several threads that was entered, and is left again at once.
#[inline(never)]
pub(crate) fn shared(mut entered: Entered) -> Result<Arc<SharedSocket>> {
    match entered.object() {
        Object::Shared(socket) => Ok(socket.clone()),
        Object::Broken(_) => Err(Error::BadAddress),
        _ => Err(Error::NotASocket),
    }
}

/// A socket that a call is inside of for as long as this lives. A panic meanwhile leaves it so for good.
///
/// Invariant: `socket` is the one of the object that is entered, which nobody else touches or takes out meanwhile.
#[derive(Debug)]
pub(crate) struct Inside {
    handle: *const c_void,
    socket: NonNull<SocketCore>,
    entered: Entered,
}

impl Inside {
    /// Goes inside the socket that was entered by this handle.
    fn of(handle: *const c_void, mut entered: Entered) -> Result<Self> {
        match entered.object() {
            Object::Socket(core) => Ok(Self { handle, socket: NonNull::from(&mut **core), entered }),
            Object::Broken(_) => Err(Error::BadAddress),
            _ => Err(Error::NotASocket),
        }
    }

    /// Whether this is the socket of the handle.
    pub(crate) fn is(&self, handle: *const c_void) -> bool {
        self.handle == handle
    }
}

/// A socket that a call uses until its end.
#[derive(Debug)]
pub(crate) enum Taken {
    Own(Inside),
    Shared(Arc<SharedSocket>),
}

impl Taken {
    /// Takes the socket of a handle.
    ///
    /// # Errors
    /// `NotASocket`; `InvalidState` if it is in use, also by this thread; `BadAddress` after a panic.
    pub(crate) fn take(handle: *const c_void) -> Result<Self> {
        let mut entered = enter(handle)?;
        match entered.object() {
            Object::Shared(socket) => Ok(Self::Shared(socket.clone())),
            _ => Inside::of(handle, entered).map(Self::Own),
        }
    }
}

impl Borrow<SocketCore> for Inside {
    fn borrow(&self) -> &SocketCore {
        // SAFETY: by the invariant it is alive, and borrowed from self.
        unsafe { self.socket.as_ref() }
    }
}

impl BorrowMut<SocketCore> for Inside {
    fn borrow_mut(&mut self) -> &mut SocketCore {
        // SAFETY: by the invariant it is alive, and exclusively borrowed from self.
        unsafe { self.socket.as_mut() }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.entered.object().spoil();
        }
    }
}

fn open(context_handle: *mut c_void, kind: c_int) -> Result<*mut c_void> {
    let context = context(context_handle)?;
    let kind = SocketType::from_number(kind).ok_or(Error::InvalidArgument)?;
    let core = context.socket(kind)?;
    handle::insert(if kind.is_thread_safe() {
        Object::Shared(Arc::new(SharedSocket::new(core)))
    } else {
        Object::Socket(Box::new(core))
    })
}

fn close(socket: *mut c_void) -> Result<c_int> {
    let mut entered = match handle::enter(socket) {
        Ok(entered) => entered,
        // In the parent another thread was inside; it is not in the child, which has nothing to close.
        Err(Refused::Busy) if handle::in_forked_child() => return Ok(0),
        Err(refused) => return Err(refused.or(Error::NotASocket)),
    };
    if !matches!(entered.object(), Object::Socket(_) | Object::Broken(_) | Object::Shared(_)) {
        return Err(Error::NotASocket);
    }
    match entered.retire() {
        Object::Socket(core) | Object::Broken(Some(core)) => core.close(),
        Object::Shared(socket) => socket.close(),
        _ => {}
    }
    Ok(0)
}

/// Runs `body` with a C string that must be text.
///
/// # Safety
/// As [`text`].
unsafe fn with_endpoint(
    socket: *mut c_void,
    endpoint: *const c_char,
    body: impl FnOnce(&mut SocketCore, &str) -> Result<(), BindError>,
) -> Result<c_int> {
    with_socket(socket, |core| {
        // SAFETY: by the contract.
        let endpoint = unsafe { text(endpoint) }.ok_or(Error::InvalidArgument)?;
        body(core, endpoint).map(|()| 0).map_err(|error| error.error())
    })
}

/// Runs `body` with the name of a group, which need not be text.
///
/// # Safety
/// `group` is NULL or ends in a NUL.
unsafe fn with_group(
    socket: *mut c_void,
    group: *const c_char,
    body: impl FnOnce(&mut SocketCore, &[u8]) -> Result<()>,
) -> Result<c_int> {
    with_socket(socket, |core| {
        if group.is_null() {
            return Err(Error::InvalidArgument);
        }
        // SAFETY: not NULL, so by the contract a C string.
        let group = unsafe { CStr::from_ptr(group) };
        body(core, group.to_bytes()).map(|()| 0)
    })
}

/// The options whose value is cleared by NULL with any length (ZMQ_SOCKS_USERNAME, ZMQ_SOCKS_PASSWORD).
const CLEARED_BY_NULL: [c_int; 2] = [99, 100];

fn monitor(
    socket: *mut c_void,
    endpoint: Option<&str>,
    events: u64,
    version: c_int,
    kind: c_int,
) -> Result<c_int> {
    with_socket(socket, |core| {
        let kind = SocketType::from_number(kind).ok_or(Error::InvalidArgument)?;
        core.monitor(endpoint, events, version, kind).map(|()| 0)
    })
}

/// The endpoint of a monitor: NULL stops monitoring, what is no text is EINVAL.
///
/// # Safety
/// As [`text`].
unsafe fn monitor_endpoint<'a>(endpoint: *const c_char) -> Result<Option<&'a str>> {
    // SAFETY: by the contract.
    let name = unsafe { text(endpoint) };
    if name.is_none() && !endpoint.is_null() { Err(Error::InvalidArgument) } else { Ok(name) }
}

/// The events of version 1 are 16 bits.
fn events_of_version_1(events: c_int) -> Result<u64> {
    u16::try_from(events).map(u64::from).map_err(|_| Error::InvalidArgument)
}

const PAIR: c_int = 0;
const POLLOUT: c_int = 2;

entries! {
    /// A new socket of a context.
    fn zmq_socket(context: *mut c_void, kind: c_int) -> *mut c_void, or ptr::null_mut(); { open(context, kind) }

    /// Closes a socket; what was accepted is still sent, as the linger option says.
    fn zmq_close(socket: *mut c_void) -> c_int, or -1; { close(socket) }

    /// Binds to an endpoint.
    fn zmq_bind(socket: *mut c_void, endpoint: *const c_char) -> c_int, or -1; {
        // SAFETY: by the contract of the entry points.
        unsafe { with_endpoint(socket, endpoint, SocketCore::bind) }
    }

    /// Connects to an endpoint.
    fn zmq_connect(socket: *mut c_void, endpoint: *const c_char) -> c_int, or -1; {
        // SAFETY: by the contract of the entry points.
        unsafe { with_endpoint(socket, endpoint, SocketCore::connect) }
    }

    /// Takes back a bind.
    fn zmq_unbind(socket: *mut c_void, endpoint: *const c_char) -> c_int, or -1; {
        // SAFETY: by the contract of the entry points.
        unsafe { with_endpoint(socket, endpoint, SocketCore::unbind) }
    }

    /// Takes back a connect.
    fn zmq_disconnect(socket: *mut c_void, endpoint: *const c_char) -> c_int, or -1; {
        // SAFETY: by the contract of the entry points.
        unsafe { with_endpoint(socket, endpoint, SocketCore::disconnect) }
    }

    /// Sets an option.
    fn zmq_setsockopt(socket: *mut c_void, option: c_int, optval: *const c_void, optvallen: usize) -> c_int, or -1; {
        with_socket(socket, |core| {
            let is_null = optval.is_null() && (optvallen == 0 || CLEARED_BY_NULL.contains(&option));
            // SAFETY: NULL or readable, by the contract of the entry points.
            let value = if is_null { None } else { Some(unsafe { bytes(optval.cast(), optvallen) }.ok_or(Error::InvalidArgument)?) };
            core.set_option(option, value).map(|()| 0)
        })
    }

    /// Watches a socket's connections (version 1 of the events); NULL stops.
    fn zmq_socket_monitor(socket: *mut c_void, endpoint: *const c_char, events: c_int) -> c_int, or -1; {
        with_socket(socket, |_| Ok(()))?;
        // SAFETY: by the contract of the entry points.
        let endpoint = unsafe { monitor_endpoint(endpoint) }?;
        monitor(socket, endpoint, events_of_version_1(events)?, 1, PAIR)
    }

    /// Watches a socket's connections; NULL stops.
    fn zmq_socket_monitor_versioned(
        socket: *mut c_void,
        endpoint: *const c_char,
        events: u64,
        event_version: c_int,
        kind: c_int,
    ) -> c_int, or -1; {
        // SAFETY: by the contract of the entry points.
        let endpoint = unsafe { monitor_endpoint(endpoint) }?;
        monitor(socket, endpoint, events, event_version, kind)
    }

    /// Asks for the number of messages in each pipe, as events of the monitor.
    fn zmq_socket_monitor_pipes_stats(socket: *mut c_void) -> c_int, or -1; {
        with_socket(socket, |core| core.monitor_pipes().map(|()| 0))
    }

    /// Joins a group, on DISH.
    fn zmq_join(socket: *mut c_void, group: *const c_char) -> c_int, or -1; {
        // SAFETY: by the contract of the entry points.
        unsafe { with_group(socket, group, SocketCore::join) }
    }

    /// Leaves a group, on DISH.
    fn zmq_leave(socket: *mut c_void, group: *const c_char) -> c_int, or -1; {
        // SAFETY: by the contract of the entry points.
        unsafe { with_group(socket, group, SocketCore::leave) }
    }

    /// Connects a PEER to an endpoint, and tells the number of the peer there.
    fn zmq_connect_peer(socket: *mut c_void, endpoint: *const c_char) -> u32, or 0; {
        with_socket(socket, |core| {
            // SAFETY: by the contract of the entry points.
            let endpoint = unsafe { text(endpoint) }.ok_or(Error::InvalidArgument)?;
            core.connect_peer(endpoint).map_err(|error| error.error())
        })
    }

    /// Ends the connection to a peer, on SERVER and PEER.
    fn zmq_disconnect_peer(socket: *mut c_void, routing_id: u32) -> c_int, or -1; {
        with_socket(socket, |core| core.disconnect_peer(routing_id).map(|()| 0))
    }

    /// What can be done with a peer of a ROUTER or REP: ZMQ_POLLOUT while a message to it would find room.
    fn zmq_socket_get_peer_state(socket: *mut c_void, routing_id: *const c_void, size: usize) -> c_int, or -1; {
        with_socket(socket, |core| {
            // SAFETY: NULL or readable, by the contract of the entry points.
            let routing_id = unsafe { bytes(routing_id.cast(), size) }.ok_or(Error::BadAddress)?;
            Ok(if core.peer_state(routing_id)?.writable { POLLOUT } else { 0 })
        })
    }
}

lean_entries! {
    /// Sends a copy of a buffer.
    fn zmq_send(socket: *mut c_void, buf: *const c_void, len: usize, bits: c_int) -> c_int, or -1; {
        let entered = enter(socket)?;
        // SAFETY: NULL or readable, by the contract of the entry points.
        let body = unsafe { bytes(buf.cast(), len) }.ok_or(Error::BadAddress)?;
        let mut message = Msg::new();
        message.assign(body)?;
        send(entered, &mut message, flags(bits))?;
        Ok(clamped(len))
    }

    /// Sends constant memory without a copy.
    fn zmq_send_const(socket: *mut c_void, buf: *const c_void, len: usize, bits: c_int) -> c_int, or -1; {
        let entered = enter(socket)?;
        // SAFETY: NULL or readable, for ever, as the prototype's comment in zmq.h asks.
        let body: &'static [u8] = unsafe { bytes(buf.cast(), len) }.ok_or(Error::BadAddress)?;
        send(entered, &mut Msg::from_static(body), flags(bits))?;
        Ok(clamped(len))
    }

    /// Receives into a buffer; what does not fit is lost, and the result is the whole size.
    fn zmq_recv(socket: *mut c_void, buf: *mut c_void, len: usize, bits: c_int) -> c_int, or -1; {
        let mut message = Msg::new();
        recv(enter(socket)?, &mut message, flags(bits).dont_wait)?;
        if !buf.is_null() {
            // SAFETY: writable for `len` bytes, by the contract of the entry points, and no part of the message.
            unsafe { message.copy_body(buf.cast(), len) };
        }
        Ok(clamped(message.len()))
    }

    /// Reads an option.
    fn zmq_getsockopt(socket: *mut c_void, option: c_int, optval: *mut c_void, optvallen: *mut usize) -> c_int, or -1; {
        with_socket(socket, |core| {
            // SAFETY: NULL or a length, by the contract of the entry points.
            let length = unsafe { optvallen.as_mut() }.ok_or(Error::InvalidArgument)?;
            // SAFETY: NULL or writable, by the contract of the entry points.
            let buffer = unsafe { bytes_mut(optval.cast(), *length) }.ok_or(Error::InvalidArgument)?;
            *length = core.option(option, buffer)?;
            Ok(0)
        })
    }
}
