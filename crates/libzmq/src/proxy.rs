//! Proxies (zmq_proxy(3)): the calling thread gives its sockets away for as long as the call lasts; those for many threads
//! stay everybody's.
use crate::{
    boundary::entries,
    handle::{self, Entered, Object},
    socket::SocketHandle,
};
use ferrozmq_base::{Error, Result};
use ferrozmq_runtime::{Proxy, ProxySocket, SharedSocket, SocketCore};
use libc::{c_int, c_void};
use std::sync::Arc;

/// A socket of a proxy.
enum Taken {
    Own(Entered),
    Shared(Arc<SharedSocket>),
}

/// Takes a socket that may be left out as NULL.
fn optional(handle: *mut c_void) -> Result<Option<Taken>> {
    if handle.is_null() {
        return Ok(None);
    }
    let mut entered = handle::enter(handle).map_err(|refused| refused.or(Error::NotASocket))?;
    Ok(Some(match entered.object() {
        Object::Shared(socket) => Taken::Shared(socket.clone()),
        _ => Taken::Own(entered),
    }))
}

/// The core of a socket that was taken, if one was.
enum Core<'a> {
    None,
    Own(&'a mut SocketCore, &'a mut bool),
    Shared(&'a SharedSocket),
}

impl<'a> Core<'a> {
    fn of(taken: &'a mut Option<Taken>) -> Result<Self> {
        match taken {
            None => Ok(Self::None),
            Some(Taken::Shared(socket)) => Ok(Self::Shared(socket)),
            Some(Taken::Own(entered)) => match entered.object() {
                Object::Socket(socket) if socket.inside => Err(Error::BadAddress),
                Object::Socket(socket) => {
                    let SocketHandle { core, inside } = &mut **socket;
                    *inside = true;
                    Ok(Self::Own(core, inside))
                }
                _ => Err(Error::NotASocket),
            },
        }
    }

    fn socket(&mut self) -> Option<ProxySocket<'_>> {
        match self {
            Self::None => None,
            Self::Own(core, _) => Some(ProxySocket::Own(core)),
            Self::Shared(socket) => Some(ProxySocket::Shared(socket)),
        }
    }

    /// The call has come to its end, not to a panic.
    fn leave(self) {
        if let Self::Own(_, inside) = self {
            *inside = false;
        }
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
    let all = [Core::of(&mut front), Core::of(&mut back), Core::of(&mut tap), Core::of(&mut steer)];
    let failed = all.iter().find_map(|core| core.as_ref().err().copied());
    let [mut front, mut back, mut tap, mut steer] = all.map(|core| core.unwrap_or(Core::None));
    let result = match failed {
        Some(error) => Err(error),
        None => pass(&mut front, &mut back, &mut tap, &mut steer),
    };
    [front, back, tap, steer].into_iter().for_each(Core::leave);
    result.map(|()| 0)
}

fn pass(front: &mut Core<'_>, back: &mut Core<'_>, tap: &mut Core<'_>, steer: &mut Core<'_>) -> Result<()> {
    let front = front.socket().ok_or(Error::NotASocket)?;
    Proxy { front, back: back.socket(), capture: tap.socket(), control: steer.socket() }.run()
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
