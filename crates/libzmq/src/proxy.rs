//! Proxies (zmq_proxy(3)): the calling thread gives its sockets away for as long as the call lasts; those for many threads
//! stay everybody's.
use crate::{boundary::lean_entries, socket::Taken};
use ferrozmq_base::{Error, Result};
use ferrozmq_runtime::{Proxy, ProxySocket};
use libc::{c_int, c_void};
use std::{borrow::BorrowMut, ptr};

/// Takes a socket that may be left out as NULL.
fn optional(handle: *mut c_void) -> Result<Option<Taken>> {
    if handle.is_null() { Ok(None) } else { Taken::take(handle).map(Some) }
}

fn lent(taken: &mut Taken) -> ProxySocket<'_> {
    match taken {
        Taken::Own(inside) => ProxySocket::Own(inside.borrow_mut()),
        Taken::Shared(socket) => ProxySocket::Shared(socket),
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
    let mut front = Taken::take(frontend)?;
    // One socket may be both ends: it sends back what it receives.
    let backend = if frontend == backend { ptr::null_mut() } else { backend };
    let (mut back, mut tap, mut steer) = (optional(backend)?, optional(capture)?, optional(control)?);
    let [back, capture, control] = [&mut back, &mut tap, &mut steer].map(|taken| taken.as_mut().map(lent));
    Proxy { front: lent(&mut front), back, capture, control }.run().map(|()| 0)
}

lean_entries! {
    /// Moves messages both ways until the context ends or a signal comes.
    fn zmq_proxy(frontend: *mut c_void, backend: *mut c_void, capture: *mut c_void) -> c_int, or -1; {
        run(frontend, backend, capture, ptr::null_mut())
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
        run(frontend, backend, ptr::null_mut(), ptr::null_mut())
    }
}
