//! The Rust API as the subject: contexts, sockets of a kind chosen at run time, `Poller` and `proxy`.
//!
//! Sockets are made with libzmq's defaults, so that the tests mean the same.
//! What it does otherwise by its nature is left to the tests of C libraries: signals (they end no call), what a poll
//! reports of a number that is no open descriptor (an error), one socket at two places of a proxy, and steering a
//! proxy through a socket of one's own.

use std::any::Any;
use std::cell::{RefCell, RefMut};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use ferrozmq::{Context, Error, Interest, Message, Poller, Socket, SocketType};

use crate::c_api::{Handle, Library, NULL};
use crate::groups::Dropped;
use crate::subject::{
    BackendPollItem, ContextBackend, Errno, Frame, ProxySockets, Result, SocketBackend, Subject,
};
use crate::zmq;

pub(crate) struct RustSubject;

struct RustContext(Context);

/// Empty once it is closed.
struct RustSocket(RefCell<Option<Socket>>);

impl From<Error> for Errno {
    fn from(error: Error) -> Self {
        Self(error.errno())
    }
}

impl RustSocket {
    fn with<T>(&self, call: impl FnOnce(&mut Socket) -> ferrozmq::Result<T>) -> Result<T> {
        let mut socket = self.0.borrow_mut();
        Ok(call(socket.as_mut().ok_or(zmq::ENOTSOCK)?)?)
    }
}

/// The socket behind a backend of this subject.
fn inside(backend: &dyn SocketBackend) -> RefMut<'_, Socket> {
    let socket = backend.as_any().downcast_ref::<RustSocket>().expect("a socket of the Rust API");
    RefMut::map(socket.0.borrow_mut(), |socket| socket.as_mut().expect("an open socket"))
}

impl Subject for RustSubject {
    fn context(&self) -> Box<dyn ContextBackend> {
        Box::new(RustContext(Context::new()))
    }

    fn poll(&self, items: &mut [BackendPollItem<'_>], timeout: i64) -> Result<usize> {
        let mut poller = Poller::new();
        for (key, item) in items.iter().enumerate() {
            let Some(interest) = interest(all_events(items, item)) else { continue };
            match item.socket {
                Some(socket) => poller.add(&*inside(socket), key, interest)?,
                None => {
                    // SAFETY: the test that passes the number keeps the descriptor open during the call.
                    let fd = unsafe { BorrowedFd::borrow_raw(item.fd) };
                    poller.add_fd(fd, key, interest)?;
                }
            }
        }
        let found = poller.wait(u64::try_from(timeout).ok().map(Duration::from_millis))?;
        // A socket that is listed twice was watched once, under the key of its last place.
        let ready: Vec<i16> = items
            .iter()
            .map(|item| {
                let event = found.iter().find(|event| is_same(&items[event.key], item));
                event.map_or(0, |event| revents(event, item))
            })
            .collect();
        for (item, revents) in items.iter_mut().zip(&ready) {
            item.revents = *revents;
        }
        Ok(ready.iter().filter(|revents| **revents != 0).count())
    }

    fn proxy(&self, sockets: ProxySockets<'_>) -> Result<()> {
        assert!(sockets.control.is_none(), "a proxy of the Rust API is steered by its own handle");
        let (mut front, mut back) = (inside(sockets.frontend), inside(sockets.backend));
        let mut capture = sockets.capture.map(inside);
        let proxy = ferrozmq::proxy(&mut *front, &mut *back);
        match capture.as_deref_mut() {
            Some(capture) => Ok(proxy.capture(capture).run()?),
            None => Ok(proxy.run()?),
        }
    }

    fn library(&self) -> Option<&Library> {
        None
    }
}

fn is_same(a: &BackendPollItem<'_>, b: &BackendPollItem<'_>) -> bool {
    match (a.socket, b.socket) {
        (Some(a), Some(b)) => std::ptr::addr_eq(a, b),
        (None, None) => a.fd == b.fd,
        _ => false,
    }
}

/// The events asked for at all places of the item's socket.
fn all_events(items: &[BackendPollItem<'_>], item: &BackendPollItem<'_>) -> i16 {
    items.iter().filter(|other| is_same(other, item)).fold(0, |all, other| all | other.events)
}

fn interest(events: i16) -> Option<Interest> {
    match (i32::from(events) & zmq::POLLIN != 0, i32::from(events) & zmq::POLLOUT != 0) {
        (true, true) => Some(Interest::BOTH),
        (true, false) => Some(Interest::READABLE),
        (false, true) => Some(Interest::WRITABLE),
        (false, false) => None,
    }
}

fn revents(event: &ferrozmq::Event<usize>, item: &BackendPollItem<'_>) -> i16 {
    let bit = |is: bool, bit: i32| if is { bit as i16 } else { 0 };
    let ready = bit(event.readable(), zmq::POLLIN) | bit(event.writable(), zmq::POLLOUT);
    ready & item.events | bit(event.failed(), zmq::POLLERR)
}

impl ContextBackend for RustContext {
    fn socket(&self, kind: i32) -> Result<Box<dyn SocketBackend>> {
        let kind = SocketType::from_number(kind).ok_or(zmq::EINVAL)?;
        let socket = self.0.socket_with_libzmq_defaults(kind).build()?;
        Ok(Box::new(RustSocket(RefCell::new(Some(socket)))))
    }

    fn set(&self, option: i32, value: i32) -> Result<()> {
        Ok(self.0.set_option(option, value)?)
    }

    fn option(&self, option: i32) -> Result<i32> {
        Ok(self.0.option(option)?)
    }

    fn shutdown(&self) -> Result<()> {
        self.0.shutdown();
        Ok(())
    }

    fn term(&self) -> Result<()> {
        Ok(self.0.clone().terminate()?)
    }

    fn handle(&self) -> Handle {
        Handle(NULL)
    }
}

impl SocketBackend for RustSocket {
    fn send(&self, body: &[u8], flags: i32) -> Result<usize> {
        let (frame, more) = (Message::copy_from(body)?, flags & zmq::SNDMORE != 0);
        self.with(|socket| match flags & zmq::DONTWAIT {
            0 => Ok(socket.send_frame(frame, more)?),
            _ => Ok(socket.try_send_frame(frame, more)?),
        })?;
        Ok(body.len())
    }

    fn recv(&self, flags: i32) -> Result<Frame> {
        let (frame, more) = self.with(|socket| match flags & zmq::DONTWAIT {
            0 => socket.recv_frame(),
            _ => socket.try_recv_frame(),
        })?;
        Ok(Frame { body: frame.to_vec(), more })
    }

    fn set(&self, option: i32, value: &[u8]) -> Result<()> {
        self.with(|socket| socket.set_option(option, value))
    }

    fn option(&self, option: i32, buffer: &mut [u8]) -> Result<usize> {
        let value = self.with(|socket| socket.option(option, buffer.len()))?;
        buffer.fill(0);
        buffer[..value.len()].copy_from_slice(&value);
        Ok(value.len())
    }

    fn bind(&self, endpoint: &str) -> Result<()> {
        self.with(|socket| socket.bind(endpoint))
    }

    fn connect(&self, endpoint: &str) -> Result<()> {
        self.with(|socket| socket.connect(endpoint))
    }

    fn unbind(&self, endpoint: &str) -> Result<()> {
        self.with(|socket| socket.unbind(endpoint))
    }

    fn disconnect(&self, endpoint: &str) -> Result<()> {
        self.with(|socket| socket.disconnect(endpoint))
    }

    fn monitor(&self, endpoint: Option<&str>, events: i32) -> Result<()> {
        let events = u16::try_from(events).map_err(|_| zmq::EINVAL)?;
        self.with(|socket| socket.monitor_at(endpoint, events))
    }

    fn close(&self) -> Result<()> {
        self.0.borrow_mut().take().map(drop).ok_or(zmq::ENOTSOCK)
    }

    fn handle(&self) -> Handle {
        Handle(NULL)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// `Socket::join`.
pub(crate) fn join(socket: &dyn SocketBackend, group: &str) -> Result<()> {
    Ok(inside(socket).join(group)?)
}

/// `Socket::leave`.
pub(crate) fn leave(socket: &dyn SocketBackend, group: &str) -> Result<()> {
    Ok(inside(socket).leave(group)?)
}

/// `Socket::send_frame` of a message that has a group.
pub(crate) fn send_to_group(socket: &dyn SocketBackend, group: &str, body: &[u8]) -> Result<()> {
    let mut message = Message::copy_from(body)?;
    message.set_group(group);
    Ok(inside(socket).send_frame(message, false).map_err(Error::from)?)
}

/// `Socket::recv`, and the group of what came.
pub(crate) fn recv_group(socket: &dyn SocketBackend, flags: i32) -> Result<(String, Vec<u8>)> {
    let mut socket = inside(socket);
    let message = if flags & zmq::DONTWAIT == 0 { socket.recv() } else { socket.try_recv() }?;
    Ok((String::from_utf8(message.group().to_vec()).expect("text"), message.to_vec()))
}

/// `Socket::stats`.
pub(crate) fn dropped(socket: &dyn SocketBackend) -> Result<Dropped> {
    let ferrozmq::Dropped { full, unroutable, malformed, unmatched, .. } = inside(socket).stats()?.dropped();
    Ok(Dropped { full, unroutable, malformed, unmatched })
}
