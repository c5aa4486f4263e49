//! skeleton
#![allow(missing_docs, clippy::todo, unused_variables, dead_code)]
use crate::{Msg, OutOfMemory, PeerRef, chunk::Range, pipe::Got};

pub fn inbox(hwm: u32) -> (Writer, Reader) {
    todo!()
}

#[derive(Debug)]
pub struct Writer(());
impl Writer {
    /// Whether the stream may be read on; false arms `Due::Resume`.
    pub fn room(&mut self) -> bool {
        todo!()
    }
    /// Appends records, invisible until publish.
    pub fn push_range(&mut self, range: Range, peer: Option<PeerRef>) -> Result<(), OutOfMemory> {
        todo!()
    }
    /// Appends one frame with its more flag; taken.
    pub fn push_frame(&mut self, m: &mut Msg, peer: Option<PeerRef>) -> Result<(), OutOfMemory> {
        todo!()
    }
    /// `messages` whole messages became complete; true: the reader had armed, tell it.
    pub fn publish(&mut self, messages: u32) -> bool {
        todo!()
    }
    /// Drops what was pushed since the last publish.
    pub fn rollback(&mut self) {
        todo!()
    }
    pub fn messages_queued(&self) -> u32 {
        todo!()
    }
    pub fn hwm(&self) -> u32 {
        todo!()
    }
    pub fn reader_gone(&self) -> bool {
        todo!()
    }
}

#[derive(Debug)]
pub struct Reader(());
impl Reader {
    pub fn get(&mut self, m: &mut Msg) -> Got {
        todo!()
    }
    pub fn has(&mut self) -> bool {
        todo!()
    }
    /// As `has`, but never arms.
    pub fn peek(&mut self) -> bool {
        todo!()
    }
    pub fn ended(&mut self) -> bool {
        todo!()
    }
    pub fn set_hwm(&mut self, hwm: u32) {
        todo!()
    }
}
