//! Pipes: what a pattern sees of one peer, a writer and a reader of whole messages.
//!
//! Owned by the socket in [`Pipes`], named by [`PipeId`], used by the socket's owner thread only. Three makes of
//! each direction, one interface: a queue (inproc), a log or inbox (wire), a slot (conflate). A pattern cannot tell
//! which one it has.
use std::mem;

use crate::{Msg, OutOfMemory, inbox, log, queue, slot};

/// Names a pipe of one socket. A stale id names nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipeId {
    index: u32,
    generation: u32,
}

impl PipeId {
    /// The id as one word, never 0, for a shared cell.
    pub fn to_bits(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    /// The id from [`PipeId::to_bits`]; none for 0.
    pub fn from_bits(bits: u64) -> Option<Self> {
        (bits != 0).then_some(Self { index: bits as u32, generation: (bits >> 32) as u32 })
    }

    /// A small number, unique among the socket's live pipes: for tables beside the pipes.
    pub fn index(self) -> usize {
        self.index as usize
    }
}

/// What the owner of a pipe has to do for the other end after an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing: the other end will look by itself.
    Nothing,
    /// Wire: nobody has promised to look at the output yet; push the connection on its I/O thread's ready list.
    Look,
    /// Wire: a batch is full; write now if the caller may, otherwise somebody has already promised to look.
    Flush,
    /// Wire: input was paused at the high-water mark and has room again.
    Resume,
    /// Inproc: the far reader sleeps and has something to read.
    Readable,
    /// Inproc: the far writer waits and has room again.
    Writable,
    /// The pattern ended the pipe; the runtime tells the other end.
    End(End),
    /// The far end is known to be gone and everything that it sent was read: the pattern may forget the pipe.
    Drained,
}

/// How a pipe ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Unread input is dropped at once; output already accepted is still sent (disconnect).
    Now,
    /// As [`End::Now`], and the peer is to blame: it wants more than it may.
    Excess,
    /// Output ends; input may be read to its end (close, a peer that went, a routing id handed over).
    Drain,
}

/// What operations on pipes left to do: `(pipe, due)`, acted on once per call.
pub type DueList = Vec<(PipeId, Due)>;

/// The outbound direction of a pipe.
// With a tag of its own: one that is made out of a variant's field costs more to read, and is read at every operation.
#[derive(Debug)]
#[repr(u8)]
pub enum Tx {
    /// Inproc.
    Queue(queue::Writer),
    /// Wire.
    Log(log::Writer),
    /// Conflating, either.
    Slot(slot::Writer),
    /// No output any more.
    Closed,
}

/// The inbound direction of a pipe.
#[derive(Debug)]
#[repr(u8)]
pub enum Rx {
    /// Inproc.
    Queue(queue::Reader),
    /// Wire.
    Inbox(inbox::Reader),
    /// Conflating, either.
    Slot(slot::Reader),
    /// No input any more.
    Closed,
}

/// One peer of a socket.
#[derive(Debug)]
pub struct Pipe {
    tx: Tx,
    rx: Rx,
    /// This side was told that the far end is gone, or has ended the pipe itself. What the far end sent may have been
    /// found at its end before that: the news is still to come.
    over: bool,
}

/// What a read found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Got {
    /// Whether a frame was read.
    pub frame: bool,
    /// Whether the writer waits for the room that this read made.
    pub wake: bool,
}

impl Pipe {
    /// A pipe of these two directions.
    pub fn new(tx: Tx, rx: Rx) -> Self {
        Self { tx, rx, over: false }
    }
}

/// The pipes of one socket.
#[derive(Debug, Default)]
pub struct Pipes {
    slots: Vec<Entry>,
    free: Vec<u32>,
    live: usize,
}

#[derive(Debug)]
struct Entry {
    /// That of the live pipe, or of the next one: then no id has it yet.
    generation: u32,
    live: bool,
    /// Closed, if there is none.
    pipe: Pipe,
}

impl Pipes {
    /// No pipes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a pipe.
    pub fn insert(&mut self, pipe: Pipe) -> PipeId {
        self.live += 1;
        if let Some(index) = self.free.pop() {
            let entry = &mut self.slots[index as usize];
            entry.pipe = pipe;
            entry.live = true;
            return PipeId { index, generation: entry.generation };
        }
        let index = self.slots.len() as u32;
        self.slots.push(Entry { generation: 1, live: true, pipe });
        PipeId { index, generation: 1 }
    }

    /// Takes a pipe out; its id names nothing from now on.
    pub fn remove(&mut self, id: PipeId) -> Option<Pipe> {
        let entry =
            self.slots.get_mut(id.index as usize).filter(|e| e.generation == id.generation && e.live)?;
        let pipe = mem::replace(&mut entry.pipe, Pipe::new(Tx::Closed, Rx::Closed));
        entry.live = false;
        entry.generation = entry.generation.checked_add(1).unwrap_or(1);
        self.free.push(id.index);
        self.live -= 1;
        Some(pipe)
    }

    /// The number of live pipes.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether there are no pipes.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Whether the id names a live pipe.
    pub fn contains(&self, id: PipeId) -> bool {
        self.slots.get(id.index as usize).is_some_and(|e| e.generation == id.generation && e.live)
    }

    /// The live pipes.
    pub fn ids(&self) -> impl Iterator<Item = PipeId> + '_ {
        self.slots
            .iter()
            .enumerate()
            .filter(|(_, e)| e.live)
            .map(|(i, e)| PipeId { index: i as u32, generation: e.generation })
    }

    #[inline(always)]
    fn pipe(&mut self, id: PipeId) -> Option<&mut Pipe> {
        self.slots.get_mut(id.index as usize).filter(|e| e.generation == id.generation).map(|e| &mut e.pipe)
    }

    /// Whether a message may be started; asked at the first frame only. A false arms "tell me when writable".
    #[inline]
    pub fn room(&mut self, id: PipeId) -> bool {
        let Some(pipe) = self.pipe(id) else { return false };
        match &mut pipe.tx {
            Tx::Queue(w) => w.room(),
            Tx::Log(w) => w.room(),
            Tx::Slot(w) => w.room(),
            Tx::Closed => false,
        }
    }

    /// As [`Pipes::room`], for a message that is dropped without: looks harder, see [`log::Writer::room_or_drop`].
    #[inline]
    pub fn room_or_drop(&mut self, id: PipeId) -> bool {
        match self.pipe(id).map(|pipe| &mut pipe.tx) {
            Some(Tx::Log(w)) => w.room_or_drop(),
            _ => self.room(id),
        }
    }

    /// Whether a pipe that was found full has room again before its writer was told, see [`log::Writer::reopens`].
    pub fn reopens(&mut self, id: PipeId) -> bool {
        match self.pipe(id).map(|pipe| &mut pipe.tx) {
            Some(Tx::Log(w)) => w.reopens(),
            _ => false,
        }
    }

    /// Whether the pipe still takes output (full or not).
    #[inline]
    pub fn is_open(&mut self, id: PipeId) -> bool {
        self.pipe(id).is_some_and(|p| !matches!(p.tx, Tx::Closed))
    }

    /// Appends a frame, invisible until [`Pipes::publish`]; `m` is taken and left empty, and where it came from is not
    /// passed on. On `OutOfMemory`, `m` is untouched. A pipe that is closed swallows the frame.
    #[inline]
    pub fn put(&mut self, id: PipeId, m: &mut Msg, more: bool) -> Result<(), OutOfMemory> {
        let Some(pipe) = self.pipe(id) else {
            m.clear();
            return Ok(());
        };
        match &mut pipe.tx {
            Tx::Queue(w) => w.put(m, more),
            Tx::Log(w) => w.put(m, more),
            Tx::Slot(w) => put_latest(w, m, more),
            Tx::Closed => {
                m.clear();
                Ok(())
            }
        }
    }

    /// [`Pipes::room`], [`Pipes::put`] and [`Pipes::publish`] of a message of one frame in one step; false, and `m`
    /// untouched, without room.
    #[inline(always)]
    pub fn offer(&mut self, id: PipeId, m: &mut Msg, due: &mut DueList) -> Result<bool, OutOfMemory> {
        let Some(pipe) = self.pipe(id) else { return Ok(false) };
        let offered = match &mut pipe.tx {
            Tx::Queue(w) => w.offer(m)?,
            Tx::Log(w) => w.offer(m)?,
            Tx::Slot(w) => {
                if w.room() {
                    put_latest(w, m, false)?;
                    Some(w.publish())
                } else {
                    None
                }
            }
            Tx::Closed => None,
        };
        let Some(d) = offered else { return Ok(false) };
        if d != Due::Nothing {
            due.push((id, d));
        }
        Ok(true)
    }

    /// Appends a copy of a frame (fan-out): bytes up to 4 KB, the shared body above.
    #[inline]
    pub fn put_copy(&mut self, id: PipeId, m: &mut Msg, more: bool) -> Result<(), OutOfMemory> {
        let Some(pipe) = self.pipe(id) else { return Ok(()) };
        match &mut pipe.tx {
            Tx::Queue(w) => w.put(&mut m.share(), more),
            Tx::Log(w) => w.put_copy(m, more),
            Tx::Slot(w) => put_latest(w, &mut m.share(), more),
            Tx::Closed => Ok(()),
        }
    }

    /// Makes everything since the last publish visible to the other end.
    #[inline]
    pub fn publish(&mut self, id: PipeId, due: &mut DueList) {
        let Some(pipe) = self.pipe(id) else { return };
        let d = match &mut pipe.tx {
            Tx::Queue(w) => w.publish(),
            Tx::Log(w) => w.publish(),
            Tx::Slot(w) => w.publish(),
            Tx::Closed => Due::Nothing,
        };
        if d != Due::Nothing {
            due.push((id, d));
        }
    }

    /// Takes back everything since the last publish: a message that cannot be finished.
    pub fn rollback(&mut self, id: PipeId) {
        let Some(pipe) = self.pipe(id) else { return };
        match &mut pipe.tx {
            Tx::Queue(w) => w.rollback(),
            Tx::Log(w) => w.rollback(),
            Tx::Slot(w) => w.rollback(),
            Tx::Closed => {}
        }
    }

    /// As [`Pipes::get`], but false does not mean that there is nothing: only what is plainly to see is read, and
    /// nothing is armed.
    #[inline(always)]
    pub fn get_ready(&mut self, id: PipeId, m: &mut Msg, due: &mut DueList) -> bool {
        let Some(pipe) = self.pipe(id) else { return false };
        let (got, wake) = match &mut pipe.rx {
            Rx::Queue(r) => (r.get_ready(m), Due::Writable),
            Rx::Inbox(r) => (r.get_ready(m), Due::Resume),
            Rx::Slot(_) | Rx::Closed => return false,
        };
        if got.wake {
            due.push((id, wake));
        }
        got.frame
    }

    /// Before [`Pipes::get`], if there is no other pipe to read: the messages of a stream may gather for a moment.
    #[inline]
    pub fn gather(&mut self, id: PipeId) {
        if let Some(Pipe { rx: Rx::Queue(r), .. }) = self.pipe(id) {
            r.gather();
        }
    }

    /// Reads the next frame of a published message into `m`; a started message can always be finished. A false arms
    /// "tell me when readable".
    #[inline]
    pub fn get(&mut self, id: PipeId, m: &mut Msg, due: &mut DueList) -> bool {
        let Some(pipe) = self.pipe(id) else { return false };
        let (got, wake) = match &mut pipe.rx {
            Rx::Queue(r) => (r.get(m), Due::Writable),
            Rx::Inbox(r) => (r.get(m), Due::Resume),
            Rx::Slot(r) => (r.get(m), Due::Nothing),
            Rx::Closed => return false,
        };
        if got.wake {
            due.push((id, wake));
        }
        if !got.frame && pipe.input_ended() {
            due.push((id, Due::Drained));
        }
        got.frame
    }

    /// Whether a frame can be read now. A false arms "tell me when readable".
    #[inline]
    pub fn has(&mut self, id: PipeId) -> bool {
        self.pipe(id).is_some_and(Pipe::has)
    }

    /// As [`Pipes::has`], without arming: for a caller that spins or only asks.
    #[inline]
    pub fn peek(&mut self, id: PipeId) -> bool {
        let Some(pipe) = self.pipe(id) else { return false };
        match &mut pipe.rx {
            Rx::Queue(r) => r.peek(),
            Rx::Inbox(r) => r.peek(),
            Rx::Slot(r) => r.peek(),
            Rx::Closed => false,
        }
    }

    /// Whether the far end is known to be gone and everything it sent was read.
    pub fn drained(&mut self, id: PipeId) -> bool {
        self.pipe(id).is_none_or(|p| p.input_ended())
    }

    /// The pattern is done with the pipe: closes its directions as `how` says and leaves word for the runtime.
    pub fn end(&mut self, id: PipeId, how: End, due: &mut DueList) {
        let Some(pipe) = self.pipe(id) else { return };
        pipe.close_output();
        if how != End::Drain {
            pipe.rx = Rx::Closed;
        }
        due.push((id, Due::End(how)));
    }

    /// The far end is gone: no more output; input can be read to its end.
    pub fn close_output(&mut self, id: PipeId) {
        if let Some(pipe) = self.pipe(id) {
            pipe.close_output();
        }
    }

    /// What the far end sent and nobody has read yet is not wanted any more.
    pub fn discard_input(&mut self, id: PipeId) {
        if let Some(pipe) = self.pipe(id) {
            pipe.rx = Rx::Closed;
        }
    }

    /// The connection was lost and is being made again: forgets all output, published or not, so that the pattern
    /// writes its subscriptions anew.
    pub fn restart(&mut self, id: PipeId) {
        if let Some(Pipe { tx: Tx::Log(w), .. }) = self.pipe(id) {
            w.restart();
        }
    }

    /// Messages that the far end has not read, over inproc; over a connection those that it has not taken.
    pub fn outbound_queued(&mut self, id: PipeId) -> u32 {
        match self.pipe(id).map(|pipe| &mut pipe.tx) {
            Some(Tx::Queue(w)) => u32::try_from(w.len()).unwrap_or(u32::MAX),
            Some(Tx::Log(w)) => w.queued(),
            _ => 0,
        }
    }

    /// Messages that came in and were not read; a conflating pipe has one at most.
    pub fn inbound_queued(&mut self, id: PipeId) -> u32 {
        match self.pipe(id).map(|pipe| &mut pipe.rx) {
            Some(Rx::Queue(r)) => r.messages_queued(),
            Some(Rx::Inbox(r)) => r.messages_queued(),
            Some(Rx::Slot(r)) => r.peek().into(),
            Some(Rx::Closed) | None => 0,
        }
    }

    /// Changes the high-water marks of a live pipe, in messages; 0 is unlimited. Inproc pipes are given the sums.
    pub fn set_hwm(&mut self, id: PipeId, send: u32, receive: u32) {
        if let Some(pipe) = self.pipe(id) {
            pipe.set_hwm(send, receive);
        }
    }
}

impl Pipe {
    /// Changes the high-water marks, in messages; 0 is unlimited.
    pub fn set_hwm(&mut self, send: u32, receive: u32) {
        match &mut self.tx {
            Tx::Queue(w) => w.set_hwm(send),
            Tx::Log(w) => w.set_hwm(send),
            Tx::Slot(_) | Tx::Closed => {}
        }
        match &mut self.rx {
            Rx::Queue(r) => r.set_hwm(receive),
            Rx::Inbox(r) => r.set_hwm(receive),
            Rx::Slot(_) | Rx::Closed => {}
        }
    }

    /// As [`Pipes::has`].
    #[inline]
    pub fn has(&mut self) -> bool {
        match &mut self.rx {
            Rx::Queue(r) => r.has(),
            Rx::Inbox(r) => r.has(),
            Rx::Slot(r) => r.has(),
            Rx::Closed => false,
        }
    }

    fn input_ended(&mut self) -> bool {
        self.over
            && match &mut self.rx {
                Rx::Queue(r) => r.ended(),
                Rx::Inbox(r) => r.ended(),
                Rx::Slot(r) => r.ended(),
                Rx::Closed => true,
            }
    }

    fn close_output(&mut self) {
        // Dropping the writer drops what was not published and tells the reader that no more will come.
        self.tx = Tx::Closed;
        self.over = true;
    }
}

/// A slot carries whole messages, and the inbound one their peers too: of what goes out that is no part.
fn put_latest(w: &mut slot::Writer, m: &mut Msg, more: bool) -> Result<(), OutOfMemory> {
    m.set_peer(None);
    w.put(m, more)
}
