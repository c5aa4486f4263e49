//! Events of many for one owner who may sleep, and the sleeper's side of every wake-up.
//!
//! [`Sleeper`]: the owner announces its sleep, fences and looks at everything it would wake for; a waker changes
//! something, fences and looks whether the owner sleeps. One of the two sees the other, and only the first waker of
//! a sleep has to write the wake descriptor.
use std::{fmt, mem};

use crate::sync::{Arc, AtomicBool, Mutex, Ordering, fence, lock};

/// Whether the owner of a wake descriptor sleeps, or is about to.
#[derive(Debug, Default)]
pub struct Sleeper {
    asleep: AtomicBool,
}

impl Sleeper {
    /// Awake.
    pub fn new() -> Self {
        Self { asleep: AtomicBool::new(false) }
    }

    /// Owner: about to sleep. Look at everything once more after this, then sleep or call [`Sleeper::awake`].
    pub fn prepare(&self) {
        self.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// Owner: not sleeping any more.
    pub fn awake(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    /// Anybody, after changing what the owner looks at; true: write the wake descriptor.
    pub fn wake(&self) -> bool {
        fence(Ordering::SeqCst);
        self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::AcqRel)
    }
}

/// See the module. Not for messages: one event per change of state.
pub struct Mailbox<E> {
    events: Mutex<Events<E>>,
    pending: AtomicBool,
    sleeper: Arc<Sleeper>,
}

struct Events<E> {
    queue: Vec<E>,
    closed: bool,
}

impl<E> Mailbox<E> {
    /// Empty, with a sleeper of its own.
    pub fn new() -> Self {
        Self::with_sleeper(Arc::new(Sleeper::new()))
    }

    /// Empty, of an owner who also wakes for other things.
    pub fn with_sleeper(sleeper: Arc<Sleeper>) -> Self {
        Self {
            events: Mutex::new(Events { queue: Vec::new(), closed: false }),
            pending: AtomicBool::new(false),
            sleeper,
        }
    }

    /// The owner's sleeper.
    pub fn sleeper(&self) -> &Arc<Sleeper> {
        &self.sleeper
    }

    /// Leaves an event; true: the owner slept, write its wake descriptor. Gives the event back once closed.
    pub fn post(&self, event: E) -> Result<bool, E> {
        {
            let mut events = lock(&self.events);
            if events.closed {
                return Err(event);
            }
            events.queue.push(event);
            self.pending.store(true, Ordering::Release);
        }
        Ok(self.sleeper.wake())
    }

    /// One relaxed load; exact after [`Sleeper::prepare`].
    #[inline]
    pub fn is_empty(&self) -> bool {
        !self.pending.load(Ordering::Relaxed)
    }

    /// Owner: appends all events, in the order in which they were posted, to `out`.
    pub fn take(&self, out: &mut Vec<E>) {
        if self.is_empty() {
            return;
        }
        let mut events = lock(&self.events);
        self.pending.store(false, Ordering::Relaxed);
        if out.is_empty() {
            // The buffers change places, so that neither side allocates in the long run.
            mem::swap(&mut events.queue, out);
        } else {
            out.append(&mut events.queue);
        }
    }

    /// Owner: takes no more events; those not taken are given to the caller.
    pub fn close(&self) -> Vec<E> {
        let mut events = lock(&self.events);
        events.closed = true;
        self.pending.store(false, Ordering::Relaxed);
        mem::take(&mut events.queue)
    }
}

impl<E> Default for Mailbox<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E> fmt::Debug for Mailbox<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("pending", &self.pending).finish_non_exhaustive()
    }
}
