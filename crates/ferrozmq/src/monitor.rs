//! What happens on a socket's connections.

use std::time::Duration;

use ferrozmq_base::sync::{AtomicU64, Ordering};
use ferrozmq_runtime::HandshakeFailure;

use crate::{Error, Multipart, Result, Socket};

const STOPPED: u64 = 0x400;
const VIOLATION: u64 = 1 << 32;
const CONNECT_FAILED: u64 = 1 << 33;

/// Something that happened on a connection or a listener. `local` and `remote` are its ends as endpoints; `remote` of
/// a listener is empty. See the example of [`Monitor`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are those that the type describes")]
pub enum MonitorEvent {
    /// A connection was made, as this side wished; the handshake follows.
    #[doc(alias = "ZMQ_EVENT_CONNECTED")]
    Connected { local: String, remote: String },
    /// A connection is being made.
    #[doc(alias = "ZMQ_EVENT_CONNECT_DELAYED")]
    ConnectDelayed { local: String, remote: String },
    /// A connection could not be made: the peer, or the proxy on the way, refuses it or cannot be reached, or its name is
    /// not known.
    ConnectFailed { local: String, remote: String, error: Error },
    /// A connection is tried again after this time.
    #[doc(alias = "ZMQ_EVENT_CONNECT_RETRIED")]
    ConnectRetried { local: String, remote: String, after: Duration },
    /// A listener accepts connections.
    #[doc(alias = "ZMQ_EVENT_LISTENING")]
    Listening { local: String, remote: String },
    /// An endpoint could not be bound.
    #[doc(alias = "ZMQ_EVENT_BIND_FAILED")]
    BindFailed { local: String, remote: String, error: Error },
    /// A connection was accepted; the handshake follows.
    #[doc(alias = "ZMQ_EVENT_ACCEPTED")]
    Accepted { local: String, remote: String },
    /// A connection could not be accepted.
    #[doc(alias = "ZMQ_EVENT_ACCEPT_FAILED")]
    AcceptFailed { local: String, remote: String, error: Error },
    /// A listener, or a connection that was being made, was closed.
    #[doc(alias = "ZMQ_EVENT_CLOSED")]
    Closed { local: String, remote: String },
    /// A connection was lost.
    #[doc(alias = "ZMQ_EVENT_DISCONNECTED")]
    Disconnected { local: String, remote: String },
    /// Messages can pass.
    #[doc(alias = "ZMQ_EVENT_HANDSHAKE_SUCCEEDED")]
    HandshakeSucceeded { local: String, remote: String },
    /// The handshake failed.
    #[doc(alias = "ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL")]
    #[doc(alias = "ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL")]
    #[doc(alias = "ZMQ_EVENT_HANDSHAKE_FAILED_AUTH")]
    HandshakeFailed { local: String, remote: String, reason: HandshakeFailure },
    /// A peer broke the protocol after the handshake, and was cut off; [`Disconnected`](Self::Disconnected) follows.
    Violation { local: String, remote: String, reason: HandshakeFailure },
    /// An event that this version does not name, with its number in `zmq.h`.
    Other { local: String, remote: String, event: u64, value: u64 },
}

/// Tells what happens on the connections of a socket; [`Socket::monitor`] makes it.
///
/// Nothing waits for a monitor: what it does not take is kept, up to a limit.
///
/// ```
/// use ferrozmq::{Context, MonitorEvent};
/// use std::time::Duration;
///
/// let ctx = Context::new();
/// let mut replies = ctx.rep().build()?;
/// let mut monitor = replies.monitor()?;
/// replies.bind("tcp://127.0.0.1:*")?;
/// match monitor.recv()? {
///     Some(MonitorEvent::Listening { local, .. }) => assert_eq!(local, replies.last_endpoint()),
///     other => panic!("{other:?}"),
/// }
/// let _requests = ctx.req().connect(replies.last_endpoint())?;
/// assert!(monitor.any(|event| matches!(event, Ok(MonitorEvent::HandshakeSucceeded { .. }))));
///
/// replies.close_within(Duration::ZERO);
/// while let Some(event) = monitor.recv_timeout(Duration::from_secs(5))? {
///     println!("{event:?}");                                  // until the socket is closed
/// }
/// # Ok::<(), ferrozmq::Error>(())
/// ```
#[derive(Debug)]
pub struct Monitor {
    socket: Socket,
    stopped: bool,
}

impl Monitor {
    /// What `start` sends to the endpoint that it is given, received by `socket`, a PAIR of the same context.
    pub(crate) fn new(
        mut socket: Socket,
        start: impl FnOnce(&str) -> ferrozmq_base::Result<()>,
    ) -> Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let endpoint = format!("inproc://ferrozmq/monitor/{}", COUNT.fetch_add(1, Ordering::Relaxed));
        start(&endpoint)?;
        socket.connect(&endpoint)?;
        Ok(Self { socket, stopped: false })
    }

    /// The next event; waits for it. `None` once the socket is closed or has another monitor.
    ///
    /// See the example of [`Monitor`].
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn recv(&mut self) -> Result<Option<MonitorEvent>> {
        self.within(None)
    }

    /// The next event; waits for it up to `timeout`.
    ///
    /// See the example of [`Monitor`].
    ///
    /// # Errors
    /// [`Error::Again`] once the timeout has passed, [`Error::Terminated`].
    pub fn recv_timeout(&mut self, timeout: Duration) -> Result<Option<MonitorEvent>> {
        self.within(Some(timeout))
    }

    fn within(&mut self, timeout: Option<Duration>) -> Result<Option<MonitorEvent>> {
        if self.stopped {
            return Ok(None);
        }
        self.socket.with(|core| {
            core.options_mut().receive_timeout = timeout;
            Ok(())
        })?;
        let frames = self.socket.recv_multipart()?;
        let event = typed(&frames);
        self.stopped = event.is_none();
        Ok(event)
    }
}

/// Events until the socket is closed; [`Error::Terminated`] is the last item.
impl Iterator for Monitor {
    type Item = Result<MonitorEvent>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.recv();
        self.stopped |= next == Err(Error::Terminated);
        next.transpose()
    }
}

/// Event, number of values, values, local and remote address; `None` is the end.
fn typed(frames: &Multipart) -> Option<MonitorEvent> {
    let number = |i: usize| {
        let bytes = frames.get(i).and_then(|frame| frame.as_bytes().try_into().ok());
        u64::from_ne_bytes(bytes.unwrap_or_default())
    };
    let text = |i: usize| frames.get(i).map(|frame| frame.to_string_lossy().into_owned()).unwrap_or_default();
    let (event, value) = (number(0), number(2));
    let addresses = usize::try_from(number(1)).map_or(2, |values| values.saturating_add(2));
    let (local, remote) = (text(addresses), text(addresses.saturating_add(1)));
    let error = || Error::from(ferrozmq_base::Error::from_errno(value as i32));
    let reason = HandshakeFailure::from_numbers(value, number(3));
    use MonitorEvent::*;
    Some(match (event, reason) {
        (STOPPED, _) => return None,
        (0x1, _) => Connected { local, remote },
        (0x2, _) => ConnectDelayed { local, remote },
        (0x4, _) => ConnectRetried { local, remote, after: Duration::from_millis(value) },
        (0x8, _) => Listening { local, remote },
        (0x10, _) => BindFailed { local, remote, error: error() },
        (0x20, _) => Accepted { local, remote },
        (0x40, _) => AcceptFailed { local, remote, error: error() },
        (0x80, _) => Closed { local, remote },
        (0x200, _) => Disconnected { local, remote },
        (0x800, Some(reason)) => HandshakeFailed { local, remote, reason },
        (0x1000, _) => HandshakeSucceeded { local, remote },
        (VIOLATION, Some(reason)) => Violation { local, remote, reason },
        (CONNECT_FAILED, _) => ConnectFailed { local, remote, error: error() },
        _ => Other { local, remote, event, value },
    })
}
