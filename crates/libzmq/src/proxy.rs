//! Proxies (zmq_proxy(3)): the calling thread gives its sockets away for as long as the call lasts.
use crate::{
    boundary::entries,
    handle::{self, Entered, Object},
    socket::SocketHandle,
};
use ferrozmq_base::{Error, Result};
use ferrozmq_runtime::{Proxy, SocketCore};
use libc::{c_int, c_void};

/// Enters a socket that may be left out as NULL.
fn optional(handle: *mut c_void) -> Result<Option<Entered>> {
    if handle.is_null() {
        return Ok(None);
    }
    handle::enter(handle).map(Some).map_err(|refused| refused.or(Error::NotASocket))
}

/// The core of a socket that was entered, if one was, and the flag that says so.
fn core(entered: &mut Option<Entered>) -> Result<(Option<&mut SocketCore>, Option<&mut bool>)> {
    match entered.as_mut().map(Entered::object) {
        None => Ok((None, None)),
        Some(Object::Socket(socket)) if socket.inside => Err(Error::BadAddress),
        Some(Object::Socket(socket)) => {
            let SocketHandle { core, inside } = &mut **socket;
            Ok((Some(core), Some(inside)))
        }
        Some(_) => Err(Error::NotASocket),
    }
}

/// Moves messages between the two until the context ends, a signal comes, or `control` says TERMINATE.
fn run(
    frontend: *mut c_void,
    backend: *mut c_void,
    capture: *mut c_void,
    control: *mut c_void,
) -> Result<c_int> {
    if frontend.is_null() || backend.is_null() {
        return Err(Error::BadAddress);
    }
    let mut front = optional(frontend)?;
    // One socket may be both ends: it sends back what it receives.
    let mut back = if frontend == backend { None } else { optional(backend)? };
    let (mut tap, mut steer) = (optional(capture)?, optional(control)?);
    let (front, front_flag) = core(&mut front)?;
    let (back, back_flag) = core(&mut back)?;
    let (tap, tap_flag) = core(&mut tap)?;
    let (steer, steer_flag) = core(&mut steer)?;
    let mut flags = [front_flag, back_flag, tap_flag, steer_flag];
    flags.iter_mut().flatten().for_each(|inside| **inside = true);
    let result = front
        .ok_or(Error::NotASocket)
        .and_then(|front| Proxy { front, back, capture: tap, control: steer }.run());
    flags.iter_mut().flatten().for_each(|inside| **inside = false);
    result.map(|()| 0)
}

entries! {
    /// Moves messages both ways until the context ends or a signal comes.
    fn zmq_proxy(frontend: *mut c_void, backend: *mut c_void, capture: *mut c_void) -> c_int, or -1; {
        run(frontend, backend, capture, std::ptr::null_mut())
    }

    /// As `zmq_proxy`, with a socket for commands: PAUSE, RESUME, STATISTICS, TERMINATE.
    fn zmq_proxy_steerable(
        frontend: *mut c_void,
        backend: *mut c_void,
        capture: *mut c_void,
        control: *mut c_void,
    ) -> c_int, or -1; { run(frontend, backend, capture, control) }

    /// As `zmq_proxy`; the type means nothing.
    fn zmq_device(_kind: c_int, frontend: *mut c_void, backend: *mut c_void) -> c_int, or -1; {
        run(frontend, backend, std::ptr::null_mut(), std::ptr::null_mut())
    }
}
