//! Direct I/O: the application's own thread drives Plain directions of its connections.
//!
//! An optimisation only: without this file every other line works, with the I/O thread in between. The application
//! writes inline when that costs nothing extra (a reply, a sparse send), flushes full batches of a stream, and reads
//! by itself while it waits for messages, with the right to read lent by the session.
//!
//! Invariants: a drive lock is only tried, and released before the call ends; an unlock that finds a note schedules
//! the connection. Published bytes that the kernel has not accepted always have somebody who will look: the promise
//! is made, or the lock is held with a note, or the session waits for the kernel. What an application thread cannot
//! do (commands, losses, violations) it leaves to the session.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use ferrozmq_base::{Due, PipeId, drive_lock::Hold, patience::Patience, pool, sync::spin_loop};
use ferrozmq_sys::{Interest, PollFd, clock, thread};

use crate::{
    conn::{Conn, Fill, Flush, InHalf, OutHalf},
    io_thread::Command,
    port::{Far, Port},
    socket::SocketCore,
};

#[cfg(test)]
mod tests;

/// The most connections that a waiting thread drives itself; with more, the I/O threads are as fast.
const CONNECTIONS_MAX: usize = 8;
/// The shortest pause between inline writes that are not answers.
const GAP: Duration = Duration::from_micros(20);
/// How long a waiting thread looks for input before it sleeps: twice as long as it took last, within these limits. The
/// upper one is more than it takes to wake the other side, so that two threads that wake each other find out that they
/// need not.
const SPIN_MIN: Duration = Duration::from_micros(20);
const SPIN_MAX: Duration = Duration::from_micros(100);
/// How long a waiting thread keeps the right to read: after that the I/O threads are quick enough, and neither they
/// nor this one need to wake up for nothing.
const LASTING: Duration = Duration::from_millis(500);
/// How long a subscription may take until it is written before this thread goes on.
const HEAD_START: Duration = Duration::from_millis(1);
/// Looks between two looks at the clock.
const PAUSES: u32 = 8;

/// What a socket remembers for driving its own connections.
#[derive(Debug)]
pub(crate) struct Direct {
    enabled: bool,
    /// Something was received since the last send: a send now is probably an answer, and somebody waits for it.
    pub answered: bool,
    /// A wait has lasted so long that input was left to the I/O threads; until something was received.
    pub patient: bool,
    /// When the last inline write ended.
    last_write: Option<Instant>,
    /// None on a machine of one processor, where spinning never pays.
    spinner: Option<Spinner>,
}

impl Direct {
    pub(crate) fn new(enabled: bool) -> Self {
        Self {
            enabled,
            answered: false,
            patient: false,
            last_write: None,
            spinner: (thread::cpus_online() > 1)
                .then_some(Spinner { patience: Patience::default(), limit: SPIN_MAX }),
        }
    }
}

/// Looking for input without sleeping, as long as that has paid lately.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spinner {
    patience: Patience,
    /// How long a spin lasts.
    limit: Duration,
}

impl Spinner {
    /// True if something came.
    pub(crate) fn run(&mut self, held: &mut Held, port: &Port) -> bool {
        let begin = clock::now();
        let limit = if self.patience.is_attempt() { SPIN_MAX } else { self.limit };
        let (paid, took) = loop {
            let came = held.read() || port.has_mail();
            let took = clock::now().saturating_duration_since(begin);
            if came || took >= limit {
                break (came, took);
            }
            for _ in 0..PAUSES {
                spin_loop();
            }
        };
        if paid {
            self.limit = (2 * took).clamp(SPIN_MIN, SPIN_MAX);
        }
        self.patience.paid(paid);
        paid
    }
}

/// Directions that a waiting thread holds.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// It reads what it is lent.
    reads: bool,
    inputs: Vec<(PipeId, Arc<Conn>, Hold<InHalf>)>,
    outputs: Vec<(Arc<Conn>, Hold<OutHalf>)>,
    /// Pipes that became readable; the socket has not heard of it.
    readable: Vec<PipeId>,
}

impl Held {
    /// When a sleep until `deadline` is interrupted, so that what is held can be left to the I/O threads.
    pub(crate) fn until(&self, deadline: Option<Instant>) -> Option<Instant> {
        if self.inputs.is_empty() {
            return None;
        }
        let soon = clock::now() + LASTING;
        deadline.is_none_or(|at| soon < at).then_some(soon)
    }

    /// Whether it is held in order to read.
    pub(crate) fn reads(&self) -> bool {
        self.reads
    }

    /// Whether there is anything to read.
    pub(crate) fn has_inputs(&self) -> bool {
        !self.inputs.is_empty()
    }

    /// Reads every held input once; true if a pipe became readable.
    pub(crate) fn read(&mut self) -> bool {
        let (before, mut next) = (self.readable.len(), 0);
        while let Some((id, conn, hold)) = self.inputs.get_mut(next) {
            let (wake, over) = read_half(conn, conn.input.access(hold));
            if wake {
                self.readable.push(*id);
            }
            if over {
                let (_, conn, hold) = self.inputs.swap_remove(next);
                give_back(&conn, hold, true);
            } else {
                next += 1;
            }
        }
        self.readable.len() > before
    }

    /// Lets go of the inputs.
    pub(crate) fn give_back(&mut self) {
        for (_, conn, hold) in self.inputs.drain(..) {
            give_back(&conn, hold, false);
        }
    }

    /// What to sleep on, besides the socket's own wake-up.
    pub(crate) fn watch(&mut self, fds: &mut Vec<PollFd>) {
        for (_, conn, hold) in &mut self.inputs {
            if let Some(stream) = conn.input.access(hold).stream() {
                fds.push(PollFd::new(&**stream, Interest::READ));
            }
        }
        for (conn, hold) in &mut self.outputs {
            if let Some(stream) = conn.output.access(hold).stream() {
                fds.push(PollFd::new(&**stream, Interest::WRITE));
            }
        }
    }
}

impl Drop for Held {
    /// However the wait ended, nothing stays held.
    fn drop(&mut self) {
        self.give_back();
        for (conn, hold) in self.outputs.drain(..) {
            conn.output.release(hold);
            // What is unwritten, and whatever a note asks for.
            conn.io.look(conn.clone());
            conn.io.kick();
        }
    }
}

impl SocketCore {
    fn drives(&self) -> bool {
        self.direct.enabled && !self.port().is_exported() && !self.port().is_watched()
    }

    /// Writes now if that is worth it; true if nothing is left to do for this due.
    pub(crate) fn write_now(&mut self, conn: &Arc<Conn>, due: Due) -> bool {
        if !self.drives() || !conn.is_plain_out() {
            return due == Due::Flush;
        }
        match due {
            Due::Flush if conn.is_blocked() => true,
            Due::Flush => {
                conn.count_app_flush();
                self.drive(conn, false);
                true
            }
            _ if self.direct.answered || self.is_sparse() => {
                self.direct.answered = false;
                let driven = self.drive(conn, true);
                self.direct.last_write = Some(clock::now());
                driven.is_some()
            }
            _ => false,
        }
    }

    fn is_sparse(&self) -> bool {
        self.direct.last_write.is_none_or(|last| clock::now().saturating_duration_since(last) > GAP)
    }

    /// Writes what is published. `promised`: this thread made the promise and breaks it by looking. None: somebody
    /// else drives, and the promise is still this thread's to hand on. True: a full pipe has room again.
    fn drive(&mut self, conn: &Arc<Conn>, promised: bool) -> Option<bool> {
        let mut half = conn.output.try_lock()?;
        if conn.ends_idleness() {
            conn.io.send(Command::Tick(conn.session));
        }
        if promised {
            conn.link.promise.begin_look();
        }
        let flushed = half.flush(&conn.link.control, None);
        let wake = std::mem::take(&mut half.wake_writer);
        let noted = half.unlock();
        self.flushed(conn, &flushed, noted, wake);
        Some(wake)
    }

    /// After a flush by this thread and the release of the half. `noted`: somebody else wanted that meanwhile.
    fn flushed(&mut self, conn: &Arc<Conn>, flushed: &Flush, noted: bool, wake: bool) {
        conn.set_blocked(matches!(flushed, Flush::Blocked));
        let look = match flushed {
            Flush::Done => false,
            Flush::More | Flush::Blocked => conn.link.promise.promise(),
            Flush::Lost(_) => true,
        };
        // Whoever left a note waits for an answer, whatever is promised.
        if look || noted {
            conn.io.look(conn.clone());
            conn.io.kick();
        }
        if wake && let Some(id) = conn.link.owner() {
            self.writable(id);
        }
    }

    /// Writes what was deferred, before the application waits for somebody else. True: a full pipe has room again,
    /// and nobody else will say so.
    pub(crate) fn write_deferred(&mut self) -> bool {
        if !self.drives() || self.peers() > CONNECTIONS_MAX {
            return false;
        }
        let mut room = false;
        for (_, conn) in self.connections(|c| c.is_plain_out() && !c.is_blocked() && c.has_unwritten()) {
            room |= self.drive(&conn, false).unwrap_or(false);
        }
        room
    }

    /// Gives subscriptions on these pipes a moment to be written. Only the I/O thread can write them; what this thread
    /// writes by itself on its other sockets would overtake them, and a publisher that is fed by it would send before it
    /// has heard of them.
    pub(crate) fn await_subscriptions(&self, pipes: &[PipeId]) {
        if !self.drives() {
            return;
        }
        let end = clock::now() + HEAD_START;
        for id in pipes {
            let Some(Far::Wire(conn)) = self.far(*id) else { continue };
            let is_under_way = || {
                !conn.link.promise.is_parked()
                    && !conn.is_blocked()
                    && (conn.has_unwritten() || conn.output.is_held())
            };
            while is_under_way() && clock::now() < end {
                thread::yield_now();
            }
        }
    }

    /// The connections that are `wanted`; where none is, there is no allocation.
    fn connections(&self, wanted: impl Fn(&Conn) -> bool) -> Vec<(PipeId, Arc<Conn>)> {
        self.pipe_ids()
            .filter_map(|id| match self.far(id) {
                Some(Far::Wire(conn)) if wanted(conn) => Some((id, conn.clone())),
                _ => None,
            })
            .collect()
    }

    /// Before a wait: takes the directions that this thread will drive meanwhile. `output`: it waits for room.
    pub(crate) fn hold(&mut self, output: bool) -> Held {
        let mut held = Held::default();
        if !self.drives() || self.peers() > CONNECTIONS_MAX {
            self.port().set_leasable(false);
            return held;
        }
        if output {
            // Where nothing is left to write, the kernel's room ends no wait, and the session has its own to say.
            for (_, conn) in self.connections(|conn| conn.is_plain_out() && conn.has_unwritten()) {
                if let Some(hold) = conn.output.try_hold() {
                    held.outputs.push((conn, hold));
                }
            }
            return held;
        }
        if self.direct.patient {
            return held;
        }
        self.port().set_leasable(true);
        held.reads = true;
        self.borrow(&mut held);
        held
    }

    /// Takes what is lent now. Once more after the sleep was announced: who lends from there on wakes the sleeper.
    pub(crate) fn borrow(&self, held: &mut Held) {
        if !held.reads {
            return;
        }
        for id in self.pipe_ids() {
            if let Some(Far::Wire(conn)) = self.far(id)
                && let Some(hold) = conn.input.borrow()
            {
                held.inputs.push((id, conn.clone(), hold));
            }
        }
    }

    /// Looks for input without sleeping, as long as that has paid lately; true if something came.
    pub(crate) fn spin(&mut self, held: &mut Held) -> bool {
        let Some(mut spinner) = self.begin_spin(held) else { return false };
        let paid = spinner.run(held, self.port());
        self.end_spin(spinner);
        self.hear(held);
        paid
    }

    /// What to look for input with, if that is worth it.
    pub(crate) fn begin_spin(&mut self, held: &Held) -> Option<Spinner> {
        if held.inputs.is_empty() && !self.has_inproc_peers() {
            return None;
        }
        let spinner = self.direct.spinner.as_mut()?;
        spinner.patience.wanted().then_some(*spinner)
    }

    /// Remembers what a spin has taught.
    pub(crate) fn end_spin(&mut self, spinner: Spinner) {
        self.direct.spinner = Some(spinner);
    }

    /// Tells the pattern what was read.
    pub(crate) fn hear(&mut self, held: &mut Held) {
        for id in held.readable.drain(..) {
            self.readable(id);
        }
    }

    /// After a wait: does what became possible, and gives everything back.
    pub(crate) fn resume(&mut self, mut held: Held, woken: bool) {
        if woken {
            held.read();
        }
        held.give_back();
        self.hear(&mut held);
        while let Some((conn, mut hold)) = held.outputs.pop() {
            conn.count_app_flush();
            let half = conn.output.access(&mut hold);
            let flushed = half.flush(&conn.link.control, None);
            let wake = std::mem::take(&mut half.wake_writer);
            let noted = conn.output.release(hold);
            self.flushed(&conn, &flushed, noted, wake);
        }
    }

    /// Reads leased connections once: a call that does not wait must see what is there.
    pub(crate) fn read_leased(&mut self) -> bool {
        if !self.port().is_leasable() {
            return false;
        }
        let mut held = self.hold(false);
        let came = held.read();
        self.resume(held, false);
        came
    }

    /// A wait with input in hand has lasted: leaves that to the I/O threads, and gives back the thread's memory.
    pub(crate) fn grow_patient(&mut self) {
        self.direct.patient = true;
        self.end_leases();
        pool::flush();
    }

    /// Gives the right to read back to the I/O threads: the application will wait in a way that does not read.
    pub(crate) fn end_leases(&mut self) {
        if !self.port().is_leasable() {
            return;
        }
        self.port().set_leasable(false);
        for (_, conn) in self.connections(|conn| conn.input.is_lent()) {
            conn.io.send(Command::Reclaim(conn.session));
        }
    }
}

/// Whether a pipe became readable, and whether the rest is for the session.
fn read_half(conn: &Conn, half: &mut InHalf) -> (bool, bool) {
    let (mut commands, mut wake) = (Vec::new(), false);
    let fill = half.fill(None, &mut commands, &mut wake);
    if !commands.is_empty() {
        conn.io.send(Command::Inbound(conn.session, commands));
    }
    let over = match fill {
        Fill::Empty => false,
        Fill::Progress => {
            conn.link.touch();
            false
        }
        // Its end, its mistake or its pause: the session's affair. It finds the same when it reads.
        Fill::Paused | Fill::Lost(_) | Fill::Violation(_) | Fill::OutOfMemory => true,
    };
    (wake, over)
}

/// Lets go of an input; with the right to read it, if that is over or if the session wants it.
fn give_back(conn: &Conn, hold: Hold<InHalf>, for_good: bool) {
    if conn.input.give_back(hold, for_good) {
        conn.io.send(Command::Reclaim(conn.session));
    }
}
