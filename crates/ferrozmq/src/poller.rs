//! Waiting for several sockets and descriptors.

use std::{
    fmt,
    os::fd::{AsRawFd, BorrowedFd},
    sync::Arc,
    time::{Duration, Instant},
};

use ferrozmq_base::{Error as Code, sync::lock};
use ferrozmq_runtime::{Events, PollItem, SharedItem, poll_shared};
use ferrozmq_sys::{PollFd, clock};

use crate::{
    Error, Interrupt, Result,
    socket::{Watchable, Watched},
};

/// What to wait for.
///
/// ```
/// # use ferrozmq::Interest;
/// assert_eq!(Interest::READABLE | Interest::WRITABLE, Interest::BOTH);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest(Events);

impl Interest {
    /// A message can be received.
    ///
    /// See the example of [`Interest`].
    #[doc(alias = "ZMQ_POLLIN")]
    pub const READABLE: Self = Self(Events { readable: true, writable: false });
    /// A message can be sent.
    ///
    /// See the example of [`Interest`].
    #[doc(alias = "ZMQ_POLLOUT")]
    pub const WRITABLE: Self = Self(Events { readable: false, writable: true });
    /// Either.
    ///
    /// See the example of [`Interest`].
    pub const BOTH: Self = Self(Events { readable: true, writable: true });
}

impl std::ops::BitOr for Interest {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(Events {
            readable: self.0.readable || other.0.readable,
            writable: self.0.writable || other.0.writable,
        })
    }
}

/// Something is ready: a socket, or a descriptor.
///
/// ```
/// use ferrozmq::{Context, Interest, Poller};
/// use std::{io::Write, os::fd::AsFd, os::unix::net::UnixStream, time::Duration};
///
/// #[derive(Clone, Copy, PartialEq, Debug)]
/// enum Key { Tasks, Console }
///
/// let tasks = Context::new().pull().bind("inproc://tasks")?;
/// let (console, mut keyboard) = UnixStream::pair()?;
/// let mut poller = Poller::new();
/// poller.add(&tasks, Key::Tasks, Interest::READABLE)?;
/// poller.add_fd(console.as_fd(), Key::Console, Interest::READABLE)?;
///
/// keyboard.write_all(b"quit\n")?;
/// let event = poller.wait(Duration::from_secs(5))?[0];
/// assert_eq!(event.key, Key::Console);
/// assert!(event.readable() && !event.writable() && !event.failed());
/// poller.remove_fd(console.as_fd());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<K> {
    /// The key with which it was added.
    pub key: K,
    ready: Events,
    failed: bool,
}

impl<K> Event<K> {
    /// A receive would not wait.
    ///
    /// See the example of [`Event`].
    pub fn readable(&self) -> bool {
        self.ready.readable
    }

    /// A send would not wait.
    ///
    /// See the example of [`Event`].
    pub fn writable(&self) -> bool {
        self.ready.writable
    }

    /// A descriptor has an error to report, or its peer is gone.
    ///
    /// See the example of [`Event`].
    pub fn failed(&self) -> bool {
        self.failed
    }
}

/// Waits until one of several sockets or descriptors is ready. Keys say which; any type that is `Copy` will do.
///
/// Sockets stay their owner's, and are watched for as long as they live. A socket that is watched belongs in the
/// thread that waits: a call on it from another thread would last until the wait is over.
///
/// ```
/// use ferrozmq::{Context, Interest, Poller};
/// use std::time::Duration;
///
/// #[derive(Clone, Copy, PartialEq, Debug)]
/// enum Key { Tasks, Control }
///
/// let ctx = Context::new();
/// let mut tasks = ctx.pull().bind("inproc://tasks")?;
/// let control = ctx.pair().bind("inproc://control")?;
/// let mut poller = Poller::new();
/// poller.add(&tasks, Key::Tasks, Interest::READABLE)?;
/// poller.add(&control, Key::Control, Interest::READABLE)?;
///
/// ctx.push().connect("inproc://tasks")?.send("task")?;
/// for event in poller.wait(Duration::from_secs(5))? {
///     assert_eq!(event.key, Key::Tasks);
///     assert_eq!(tasks.recv()?, "task");
/// }
/// assert!(poller.wait(Duration::ZERO)?.is_empty());
/// poller.remove(&control)?;
/// # Ok::<(), ferrozmq::Error>(())
/// ```
#[doc(alias = "zmq_poll")]
pub struct Poller<'fd, K> {
    sockets: Vec<WatchedSocket<K>>,
    descriptors: Vec<Descriptor<'fd, K>>,
    interrupt: Option<Interrupt>,
    events: Vec<Event<K>>,
}

struct WatchedSocket<K> {
    socket: Watched,
    key: K,
    interest: Interest,
}

struct Descriptor<'fd, K> {
    fd: BorrowedFd<'fd>,
    key: K,
    interest: Interest,
}

impl<'fd, K: Copy> Poller<'fd, K> {
    /// Waits for nothing yet.
    ///
    /// See the example of [`Poller`].
    pub const fn new() -> Self {
        Self { sockets: Vec::new(), descriptors: Vec::new(), interrupt: None, events: Vec::new() }
    }

    /// Waits for `interest` of a socket from now on, in place of an earlier interest.
    ///
    /// See the example of [`Poller`].
    ///
    /// # Errors
    /// [`Error::NotASocket`] if it is closed.
    pub fn add(&mut self, socket: &impl Watchable, key: K, interest: Interest) -> Result<()> {
        self.remove(socket)?;
        self.sockets.push(WatchedSocket { socket: socket.watch()?, key, interest });
        Ok(())
    }

    /// Does not wait for the socket any more.
    ///
    /// See the example of [`Poller`].
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn remove(&mut self, socket: &impl Watchable) -> Result<()> {
        let socket = socket.watch()?;
        self.sockets.retain(|watched| !watched.socket.is_same(&socket));
        Ok(())
    }

    /// Waits for `interest` of a descriptor from now on, in place of an earlier interest.
    ///
    /// See the example of [`Event`].
    pub fn add_fd(&mut self, fd: BorrowedFd<'fd>, key: K, interest: Interest) -> Result<()> {
        self.remove_fd(fd);
        self.descriptors.push(Descriptor { fd, key, interest });
        Ok(())
    }

    /// Does not wait for the descriptor any more.
    ///
    /// See the example of [`Event`].
    pub fn remove_fd(&mut self, fd: BorrowedFd<'fd>) {
        self.descriptors.retain(|known| known.fd.as_raw_fd() != fd.as_raw_fd());
    }

    /// While `interrupt` is raised, [`wait`](Self::wait) answers [`Error::Interrupted`]. Interrupts of the sockets
    /// have the same effect.
    ///
    /// ```
    /// use ferrozmq::{Error, Interrupt, Poller};
    ///
    /// let interrupt = Interrupt::new()?;
    /// let mut poller = Poller::<()>::new();
    /// poller.interrupt(&interrupt);
    /// std::thread::spawn(move || interrupt.raise());
    /// assert_eq!(poller.wait(None), Err(Error::Interrupted));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn interrupt(&mut self, interrupt: &Interrupt) {
        self.interrupt = Some(interrupt.clone());
    }

    /// Waits until something is ready, and says what; at most for `timeout`, after which nothing is. `None` waits for
    /// ever.
    ///
    /// See the example of [`Poller`].
    ///
    /// # Errors
    /// [`Error::Terminated`], [`Error::Interrupted`]; [`Error::BadDescriptor`].
    pub fn wait(&mut self, timeout: impl Into<Option<Duration>>) -> Result<&[Event<K>]> {
        self.events.clear();
        // A time too far away to be expressed is as good as never.
        let deadline = timeout.into().and_then(|timeout| clock::now().checked_add(timeout));
        while !self.look(deadline)? {}
        Ok(&self.events)
    }

    /// Waits once; false if a signal ended that.
    fn look(&mut self, deadline: Option<Instant>) -> Result<bool> {
        self.sockets.retain(|watched| watched.socket.is_alive());
        let (mut own, mut many) = (Vec::new(), Vec::new());
        for watched in &self.sockets {
            match &watched.socket {
                Watched::Own(core) => own.extend(core.upgrade().map(|core| (core, watched))),
                Watched::Shared(socket) => many.extend(socket.upgrade().map(|socket| (socket, watched))),
            }
        }
        // In an order that all pollers have in common: two of the same sockets would wait for each other.
        let mut order: Vec<usize> = (0..own.len()).collect();
        order.sort_by_key(|&i| Arc::as_ptr(&own[i].0));
        let mut locked: Vec<_> = own.iter().map(|_| None).collect();
        for i in order {
            locked[i] = Some(lock(&own[i].0));
        }
        let mut items: Vec<PollItem<_>> = locked
            .iter_mut()
            .flatten()
            .zip(&own)
            .map(|(core, (_, watched))| PollItem::new(&mut **core, watched.interest.0))
            .collect();
        let mut shared: Vec<_> =
            many.iter().map(|(socket, watched)| SharedItem::new(socket, watched.interest.0)).collect();
        let interrupt = self.interrupt.as_ref();
        let mut fds: Vec<PollFd> =
            self.descriptors.iter().map(|d| PollFd::new(&d.fd, of_descriptor(d.interest))).collect();
        fds.extend(interrupt.map(|i| PollFd::new(&*i.0, ferrozmq_sys::Interest::READ)));

        let remaining = deadline.map(|deadline| deadline.saturating_duration_since(clock::now()));
        let result = poll_shared(&mut items, &mut shared, &mut fds, remaining, None);
        if interrupt.is_some_and(Interrupt::is_raised) {
            return Err(Error::Interrupted);
        }
        // Also if something is ready: it may be so for ever.
        items.iter().try_for_each(|item| item.socket.waits().check())?;
        many.iter().try_for_each(|(socket, _)| socket.waits()?.check())?;
        match result {
            Ok(_) => {}
            // A signal, which is over, or a fork, which stays.
            Err(Code::Interrupted) => {
                items.iter_mut().try_for_each(|item| item.socket.events().map(drop))?;
                return Ok(false);
            }
            Err(e) => return Err(e.into()),
        }
        let found = items.iter().map(|item| item.ready).zip(own.iter().map(|(_, watched)| watched));
        let shared = shared.iter().map(|item| item.ready).zip(many.iter().map(|(_, watched)| watched));
        for (ready, watched) in found.chain(shared) {
            if ready != Events::default() {
                self.events.push(Event { key: watched.key, ready, failed: false });
            }
        }
        for (fd, descriptor) in fds.iter().zip(&self.descriptors) {
            if fd.is_invalid() {
                return Err(Error::BadDescriptor);
            }
            if fd.returned_events() != 0 {
                let ready = Events { readable: fd.is_readable(), writable: fd.is_writable() };
                self.events.push(Event { key: descriptor.key, ready, failed: fd.is_failed() });
            }
        }
        Ok(true)
    }
}

fn of_descriptor(interest: Interest) -> ferrozmq_sys::Interest {
    match (interest.0.readable, interest.0.writable) {
        (true, true) => ferrozmq_sys::Interest::READ | ferrozmq_sys::Interest::WRITE,
        (false, true) => ferrozmq_sys::Interest::WRITE,
        _ => ferrozmq_sys::Interest::READ,
    }
}

impl<K: Copy> Default for Poller<'_, K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K> fmt::Debug for Poller<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller")
            .field("sockets", &self.sockets.len())
            .field("descriptors", &self.descriptors.len())
            .finish_non_exhaustive()
    }
}
