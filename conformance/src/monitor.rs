//! A socket's monitor with its reader attached.

use crate::socket::{Sock, inproc};
use crate::subject::Errno;
use crate::zmq;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Which one.
    pub event: i32,
    /// Its value: a descriptor, an error number, a delay, a code.
    pub value: u32,
    /// The endpoint.
    pub endpoint: String,
}

/// The reader of a socket's monitor; stops the monitor when dropped.
pub struct Monitor<'a> {
    socket: Option<&'a Sock>,
    reader: Sock,
}

impl<'a> Monitor<'a> {
    /// Monitors all events.
    #[track_caller]
    pub fn new(socket: &'a Sock) -> Self {
        let mut monitor = Self::detached(socket, zmq::EVENT_ALL);
        monitor.socket = Some(socket);
        monitor
    }

    /// Monitors some events of a socket that may be closed before the reader is.
    #[track_caller]
    pub fn detached(socket: &Sock, events: i32) -> Monitor<'static> {
        let endpoint = inproc();
        let reader = socket.ctx().socket(zmq::PAIR);
        socket.monitor(Some(&endpoint), events).expect("monitor");
        reader.connect(&endpoint).expect("connect to the monitor");
        Monitor { socket: None, reader }
    }

    /// The next event.
    pub fn recv(&self) -> Result<Event, Errno> {
        let message = self.reader.recv()?;
        assert!(message.len() == 2 && message[0].len() == 6, "a monitor message of version 1: {message:?}");
        Ok(Event {
            event: i32::from(u16::from_ne_bytes([message[0][0], message[0][1]])),
            value: u32::from_ne_bytes([message[0][2], message[0][3], message[0][4], message[0][5]]),
            endpoint: String::from_utf8(message[1].clone()).expect("an endpoint is text"),
        })
    }

    /// The next event.
    ///
    /// # Panics
    /// If none comes in time.
    #[track_caller]
    pub fn next(&self) -> Event {
        self.recv().unwrap_or_else(|e| panic!("no monitor event: {e:?}"))
    }

    /// Skips events until the wanted one comes.
    ///
    /// # Panics
    /// If it does not come in time.
    #[track_caller]
    pub fn wait_for(&self, event: i32) -> Event {
        let mut seen = vec![];
        loop {
            match self.recv() {
                Ok(got) if got.event == event => return got,
                Ok(got) => seen.push(got),
                // A test of signals, which have begun already.
                Err(zmq::EINTR) => {}
                Err(e) => panic!("waited for event {event:#x}: {e:?} after {seen:?}"),
            }
        }
    }

    /// The socket the events are read from.
    pub fn reader(&self) -> &Sock {
        &self.reader
    }
}

impl Drop for Monitor<'_> {
    fn drop(&mut self) {
        if let Some(socket) = self.socket {
            let _ = socket.monitor(None, 0);
        }
    }
}
