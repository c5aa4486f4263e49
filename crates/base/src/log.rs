//! skeleton
#![allow(missing_docs, clippy::todo, unused_variables, dead_code)]
use crate::{Kind, Msg, OutOfMemory, link::Link, pipe::Due, sync::Arc};
use std::io::IoSlice;

/// The most slices and bytes that `Reader::slices` gives at once.
pub const SLICES: usize = 64;
pub const SLICES_BYTES: usize = 256 * 1024;

pub fn log(link: Arc<Link>, hwm: u32) -> (Writer, Reader) {
    todo!()
}

#[derive(Debug)]
pub struct Writer(());
impl Writer {
    pub fn room(&mut self) -> bool {
        todo!()
    }
    pub fn put(&mut self, m: &mut Msg, more: bool) -> Result<(), OutOfMemory> {
        todo!()
    }
    pub fn put_copy(&mut self, m: &mut Msg, more: bool) -> Result<(), OutOfMemory> {
        todo!()
    }
    pub fn publish(&mut self) -> Due {
        todo!()
    }
    pub fn rollback(&mut self) {
        todo!()
    }
    pub fn set_hwm(&mut self, hwm: u32) {
        todo!()
    }
    pub fn restart(&mut self) {
        todo!()
    }
    pub fn reader_gone(&self) -> bool {
        todo!()
    }
    pub fn link(&self) -> &Arc<Link> {
        todo!()
    }
}

/// What a lost connection means for the messages in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Messages wholly taken by the connection and not counted before.
    pub written: u64,
    /// Whether a message was cut, and therefore dropped.
    pub cut: bool,
}

/// A record, for encoding.
#[derive(Clone, Copy, Debug)]
pub struct RecordRef<'a> {
    pub kind: Kind,
    pub more: bool,
    pub body: &'a [u8],
}

#[derive(Debug)]
pub struct Reader(());
impl Reader {
    /// Reloads what is published; whether there is anything to write.
    pub fn pending(&mut self) -> bool {
        todo!()
    }
    /// What `pending` saw published and is not written; the number of slices.
    pub fn slices<'a>(&'a self, buf: &mut [IoSlice<'a>; SLICES]) -> usize {
        todo!()
    }
    /// So many bytes were written. True once for a writer that waits and has room again.
    pub fn advance(&mut self, bytes: usize) -> bool {
        todo!()
    }
    /// Whether a control frame may go out here: at the boundary of a record.
    pub fn at_boundary(&self) -> bool {
        todo!()
    }
    pub fn next_record(&mut self) -> Option<RecordRef<'_>> {
        todo!()
    }
    /// The record of `next_record` was encoded; as `advance`.
    pub fn consume(&mut self) -> bool {
        todo!()
    }
    pub fn connection_lost(&mut self) -> Lost {
        todo!()
    }
    /// Drops everything published; the number of messages.
    pub fn discard(&mut self) -> u64 {
        todo!()
    }
    /// Whether a writer waits for the room that `connection_lost` or `discard` made; once.
    pub fn claim_waiting(&mut self) -> bool {
        todo!()
    }
    /// Messages published and not yet credited.
    pub fn queued(&self) -> u32 {
        todo!()
    }
    /// Whether the writer's restart mark was passed since the last call.
    pub fn restarted(&mut self) -> bool {
        todo!()
    }
    /// The writer is gone and everything was taken.
    pub fn ended(&mut self) -> bool {
        todo!()
    }
    /// Gives the memory of a drained log back; the I/O thread's tick.
    pub fn release_idle(&mut self) {
        todo!()
    }
    pub fn link(&self) -> &Arc<Link> {
        todo!()
    }
}
