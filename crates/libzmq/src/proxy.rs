//! Proxies (zmq_proxy(3)): the calling thread gives its sockets away for as long as the call lasts.
use crate::{boundary::entries, socket::Inside};
use ferrozmq_base::{Error, Result};
use ferrozmq_runtime::Proxy;
use libc::{c_int, c_void};
use std::borrow::BorrowMut;

/// Goes inside a socket that may be left out as NULL.
fn optional(handle: *mut c_void) -> Result<Option<Inside>> {
    if handle.is_null() { Ok(None) } else { Inside::enter(handle).map(Some) }
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
    let mut front = Inside::enter(frontend)?;
    // One socket may be both ends: it sends back what it receives.
    let mut back = if frontend == backend { None } else { optional(backend)? };
    let (mut capture, mut control) = (optional(capture)?, optional(control)?);
    let proxy = Proxy {
        front: front.borrow_mut(),
        back: back.as_mut().map(Inside::borrow_mut),
        capture: capture.as_mut().map(Inside::borrow_mut),
        control: control.as_mut().map(Inside::borrow_mut),
    };
    proxy.run().map(|()| 0)
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
