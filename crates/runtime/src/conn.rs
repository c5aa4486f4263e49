//! One wire connection as its two directions: [`OutHalf`] takes records from the log to the stream, [`InHalf`]
//! takes bytes from the stream to the inbox. Each lies in a drive lock; whoever holds the lock drives.
//!
//! A Plain direction writes its records as they lie and scans what it reads where it lies. A Coded one goes through
//! the session's [`Codec`](crate::codec::Codec), so only the I/O thread drives it.

use std::sync::Arc;

use ferrozmq_base::{
    drive_lock::DriveLock,
    inbox,
    link::{Counter, Link},
    log,
    ready::{Hook, Linked},
    slot,
    sync::{AtomicBool, AtomicU32, Mutex, Ordering, lock},
};

use crate::{
    io_thread::Io,
    monitor::Ends,
    stats::{Losses, undelivered},
};

mod input;
mod output;
#[cfg(test)]
mod tests;

pub(crate) use input::{Fill, InHalf, Refused};
pub(crate) use output::{Flush, OutHalf};

/// A connection: shared by its session and its socket.
#[derive(Debug)]
pub(crate) struct Conn {
    /// The session's number: its token in the I/O thread.
    pub session: u64,
    pub io: Arc<Io>,
    pub link: Arc<Link>,
    pub output: DriveLock<OutHalf>,
    pub input: DriveLock<InHalf>,
    hook: Hook<Self>,
    /// The output is Plain: an application thread may drive it.
    plain_out: AtomicBool,
    /// The kernel took no more at the last write; the session waits until it does.
    blocked: AtomicBool,
    /// Batches that the application flushed: it streams.
    app_flushes: AtomicU32,
    /// Who is connected with whom, in words.
    ends: Mutex<Ends>,
    /// Nothing has been written since the session gave back the memory, and it does not look again by itself.
    idle: AtomicBool,
    /// Messages that were taken and could not be sent: datagrams that the network refuses.
    pub refused: Counter,
    /// Why the last of them was: an errno.
    pub refusal: AtomicU32,
    /// The socket or the session has done with it.
    left: AtomicBool,
}

impl Linked for Conn {
    fn hook(&self) -> &Hook<Self> {
        &self.hook
    }
}

impl Conn {
    /// `ends`: those of the pipe that face the wire; none if somebody else has them.
    pub(crate) fn new(
        session: u64,
        io: Arc<Io>,
        link: Arc<Link>,
        ends: Option<(Source, Sink)>,
        transfer: Transfer,
    ) -> Self {
        let (source, sink) = ends.unzip();
        Self {
            session,
            io,
            link,
            output: DriveLock::new(OutHalf::new(source, transfer.write)),
            input: DriveLock::new(InHalf::new(sink, transfer)),
            hook: Hook::new(),
            plain_out: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            app_flushes: AtomicU32::new(0),
            ends: Mutex::default(),
            idle: AtomicBool::new(true),
            refused: Counter::default(),
            refusal: AtomicU32::new(0),
            left: AtomicBool::new(false),
        }
    }

    /// Once by the socket, which lists it no more, and once by the session, which sends nothing more: the second knows
    /// what was never delivered.
    pub(crate) fn leave(&self, losses: &Losses) {
        if self.left.swap(true, Ordering::AcqRel) {
            losses.undelivered.fetch_add(undelivered(&self.link), Ordering::Relaxed);
        }
    }

    #[inline]
    pub(crate) fn is_plain_out(&self) -> bool {
        self.plain_out.load(Ordering::Relaxed)
    }

    pub(crate) fn set_plain_out(&self, plain: bool) {
        self.plain_out.store(plain, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Relaxed)
    }

    pub(crate) fn set_blocked(&self, blocked: bool) {
        self.blocked.store(blocked, Ordering::Relaxed);
    }

    pub(crate) fn app_flushes(&self) -> u32 {
        self.app_flushes.load(Ordering::Relaxed)
    }

    /// The application flushes a batch. Only the socket's owner writes the counter.
    pub(crate) fn count_app_flush(&self) {
        self.app_flushes.store(self.app_flushes().wrapping_add(1), Ordering::Relaxed);
    }

    pub(crate) fn ends(&self) -> Ends {
        lock(&self.ends).clone()
    }

    pub(crate) fn set_ends(&self, ends: &Ends) {
        lock(&self.ends).clone_from(ends);
    }

    /// The session gave back the memory.
    pub(crate) fn set_idle(&self, idle: bool) {
        self.idle.store(idle, Ordering::Release);
    }

    /// Something is written: whether the session has to be told, so that it looks after the memory again.
    pub(crate) fn ends_idleness(&self) -> bool {
        self.idle.load(Ordering::Relaxed) && self.idle.swap(false, Ordering::AcqRel)
    }

    /// Whether anything published has not been written.
    pub(crate) fn has_unwritten(&self) -> bool {
        self.link.published() != self.link.head()
    }
}

/// How bytes come and go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transfer {
    /// Most bytes of one read and one write (ZMQ_IN_BATCH_SIZE, ZMQ_OUT_BATCH_SIZE).
    pub read: usize,
    pub write: usize,
    /// Every received body gets memory of its own (ZMQ_ZERO_COPY_RECV is off).
    pub copies: bool,
}

/// Where a connection's output comes from.
#[derive(Debug)]
pub(crate) enum Source {
    Log(log::Reader),
    Slot(slot::Reader),
}

/// Where a connection's input goes.
#[derive(Debug)]
pub(crate) enum Sink {
    Inbox(inbox::Writer),
    Slot(slot::Writer),
}
