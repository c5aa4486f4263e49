//! The inproc queue: messages from one socket to another, one writer and one reader.
//!
//! Frames lie in the cells of a chain, packed, and are invisible until [`Writer::publish`] at the last one, one Release
//! store. The high-water mark counts whole messages and is tested at the first frame only, so that a message of any
//! number of parts fits.
//! A reader that finds nothing arms: the publish that ends the emptiness says `Due::Readable`, once. A writer that
//! finds no room arms: the read that makes room says `wake`, once.
use crate::{
    Msg, OutOfMemory,
    chain::{self, LINGER},
    credit::{Credit, Debit},
    msg::packed::Packed,
    patience::Patience,
    pipe::{Due, Got},
    sync::Arc,
};

/// The longest look before a reader arms, in pauses: more than it takes to wake the writer.
const LINGER_MAX: u32 = 48 * LINGER;
/// Messages that make a look worth its while: it takes the count of published messages from the writer's core.
const BATCH: u32 = 64;
/// How many messages before it is read a body is asked for, which takes a while to come from its writer's core.
const SOON: usize = 2;
/// How long the reader of a stream lets them gather, in pauses.
const GATHER: u32 = LINGER;

/// A queue with this high-water mark in messages; 0 is unlimited.
pub fn queue(hwm: u32) -> (Writer, Reader) {
    let credit = Arc::new(Credit::new(hwm));
    let (tail, head) = chain::chain();
    let writer =
        Writer { frames: tail, credit: Arc::clone(&credit), debit: Debit::default(), published: 0, put: 0 };
    (
        writer,
        Reader {
            frames: head,
            credit,
            taken: 0,
            credited: 0,
            looked: 0,
            patience: Patience::default(),
            lingers: LINGER_MAX,
        },
    )
}

/// The writing end. Dropping it drops what is not published and tells the reader that no more will come.
#[derive(Debug)]
pub struct Writer {
    frames: chain::Writer<Packed>,
    credit: Arc<Credit>,
    debit: Debit,
    /// Messages published, and those that were put besides.
    published: u32,
    put: u32,
}

impl Writer {
    /// Whether a message may be started; asked at its first frame. A false arms the reader's `wake`, unless the
    /// reader is gone.
    #[inline(always)]
    pub fn room(&mut self) -> bool {
        self.credit.room(&mut self.debit, self.published) && !self.reader_gone()
    }

    /// Appends a frame, invisible until [`Writer::publish`]; `m` is left empty. On `OutOfMemory`, `m` is untouched.
    #[inline(always)]
    pub fn put(&mut self, m: &mut Msg, more: bool) -> Result<(), OutOfMemory> {
        if m.fits_cell() {
            // SAFETY: the cell is written, and nothing in that unwinds.
            unsafe { self.frames.push_in_place(|cell| m.pack(cell, more)) }?;
        } else {
            self.put_long(m, more)?;
        }
        self.put = self.put.wrapping_add(u32::from(!more));
        Ok(())
    }

    #[cold]
    fn put_long(&mut self, m: &mut Msg, more: bool) -> Result<(), OutOfMemory> {
        self.frames.reserve(Packed::MOST)?;
        m.take_cells(more).into_iter().flatten().try_for_each(|cell| self.frames.push(|| cell))
    }

    /// Puts and publishes a message of one frame if there is room; none, and `m` untouched, if not.
    #[inline(always)]
    pub fn offer(&mut self, m: &mut Msg) -> Result<Option<Due>, OutOfMemory> {
        if !self.room() {
            return Ok(None);
        }
        debug_assert!(self.put == 0, "a message of one frame within another");
        if !m.fits_cell() {
            self.put(m, false)?;
            return Ok(Some(self.publish()));
        }
        // SAFETY: the cell is written, and nothing in that unwinds.
        let asked = unsafe { self.frames.push_published(|cell| m.pack(cell, false)) }?;
        self.published = self.published.wrapping_add(1);
        Ok(Some(if asked { Due::Readable } else { Due::Nothing }))
    }

    /// Makes what was put visible. A reader that is gone gets nothing.
    #[inline(always)]
    pub fn publish(&mut self) -> Due {
        if self.reader_gone() {
            self.rollback();
            return Due::Nothing;
        }
        self.published = self.published.wrapping_add(self.put);
        self.put = 0;
        if self.frames.publish() { Due::Readable } else { Due::Nothing }
    }

    /// Drops what was put since the last publish.
    pub fn rollback(&mut self) {
        self.put = 0;
        self.frames.rollback();
    }

    /// Changes the high-water mark. A full queue becomes writable by the reader's progress only.
    pub fn set_hwm(&mut self, hwm: u32) {
        self.credit.set_hwm(hwm);
    }

    /// Whether the reading end was dropped.
    #[inline(always)]
    pub fn reader_gone(&self) -> bool {
        self.frames.reader_gone()
    }

    /// Messages published and not yet credited by the reader: at least those that are unread.
    pub fn len(&self) -> usize {
        self.published.wrapping_sub(self.credit.credited()) as usize
    }

    /// Whether everything published was read and credited.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The reading end. Dropping it leaves the writer without room for ever; what it did not read is dropped with the
/// last end.
#[derive(Debug)]
pub struct Reader {
    frames: chain::Reader<Packed>,
    credit: Arc<Credit>,
    /// Messages read, and those that the writer was told of.
    taken: u32,
    credited: u32,
    /// Messages read at the last look for more.
    looked: u32,
    patience: Patience,
    /// Pauses that a look lasts.
    lingers: u32,
}

impl Reader {
    /// Reads the next frame into `m`. Finding none arms the writer's `Due::Readable`.
    #[inline]
    pub fn get(&mut self, m: &mut Msg) -> Got {
        let got = self.get_ready(m);
        if got.frame { got } else { self.get_slow(m) }
    }

    /// Reads the next frame into `m`, if one was seen at the last look.
    #[inline(always)]
    pub fn get_ready(&mut self, m: &mut Msg) -> Got {
        let frame = self.take(m);
        Got { frame, wake: frame && !m.more() && self.message_read() }
    }

    #[inline(always)]
    fn take(&mut self, m: &mut Msg) -> bool {
        if self.frames.is_exhausted() {
            return false;
        }
        m.let_go();
        // Nobody takes a further cell of a message but with its first.
        let Some(first) = self.frames.take() else { return false };
        if m.unpack(first) {
            // SAFETY: the cells behind the first.
            unsafe { m.unpack_rest(|| self.frames.take()) };
        }
        if !m.is_inline()
            && let Some(cell) = self.frames.ahead(SOON)
        {
            cell.prefetch();
        }
        true
    }

    /// For a reader that has nothing else to read: if there were some messages at the last look, but few, a stream is
    /// coming that this side is as fast as. Then it lets more of them gather before it looks again, so that the two
    /// disturb each other less often.
    #[inline]
    pub fn gather(&mut self) {
        if self.frames.is_exhausted() && (2..BATCH).contains(&self.taken.wrapping_sub(self.looked)) {
            chain::pause(GATHER);
        }
    }

    /// Counts a message; true: the writer waits and has room again.
    #[inline(always)]
    fn message_read(&mut self) -> bool {
        self.taken = self.taken.wrapping_add(1);
        self.taken.wrapping_sub(self.credited) >= self.credit.lwm() && self.credit()
    }

    #[inline(never)]
    fn credit(&mut self) -> bool {
        self.credited = self.taken;
        self.credit.grant(self.taken)
    }

    #[cold]
    fn get_slow(&mut self, m: &mut Msg) -> Got {
        self.looked = self.taken;
        let came = self.frames.peek() || !self.frames.is_armed() && self.patience.wanted() && self.linger();
        let mut wake = false;
        if !came {
            // Everything was read: credit the rest, because a mark that was raised meanwhile has a larger LWM.
            wake = self.taken != self.credited && self.credit();
            if !self.frames.arm() {
                return Got { frame: false, wake };
            }
        }
        let frame = self.take(m);
        wake |= frame && !m.more() && self.message_read();
        Got { frame, wake }
    }

    /// Looks on before it arms: twice as long as it took last, or as long as waking each other takes after some looks
    /// that failed.
    fn linger(&mut self) -> bool {
        let longest = if self.patience.is_attempt() { LINGER_MAX } else { self.lingers };
        let spent = self.frames.linger(longest);
        self.patience.paid(spent.is_some());
        if let Some(spent) = spent {
            self.lingers = (2 * spent).clamp(2 * LINGER, LINGER_MAX);
        }
        spent.is_some()
    }

    /// Whether a frame can be read. A false arms the writer's `Due::Readable`.
    #[inline]
    pub fn has(&mut self) -> bool {
        self.frames.peek() || self.frames.arm()
    }

    /// Whether a frame can be read, without arming: for a caller that spins or only asks.
    #[inline]
    pub fn peek(&mut self) -> bool {
        self.frames.peek()
    }

    /// Whole messages that can be read. Looks at each: for statistics.
    pub fn messages_queued(&mut self) -> u32 {
        self.frames.refresh();
        let mut messages = 0;
        self.frames.look(|cell| {
            messages += u32::from(cell.ends_message());
            true
        });
        messages
    }

    /// Whether the writer is gone and everything was read.
    pub fn ended(&mut self) -> bool {
        self.frames.ended()
    }

    /// Changes the high-water mark.
    pub fn set_hwm(&mut self, hwm: u32) {
        self.credit.set_hwm(hwm);
    }
}
