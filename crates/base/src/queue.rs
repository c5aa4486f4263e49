//! skeleton
#![allow(missing_docs, clippy::todo, unused_variables, dead_code)]
use crate::{
    Msg, OutOfMemory, PipeId,
    pipe::{Due, Got},
};

/// An inproc queue of `Msg`, high-water mark in messages (0: unlimited).
pub fn queue(hwm: u32) -> (Writer, Reader) {
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
    pub fn publish(&mut self) -> Due {
        todo!()
    }
    pub fn rollback(&mut self) {
        todo!()
    }
    pub fn set_hwm(&mut self, hwm: u32) {
        todo!()
    }
    pub fn reader_gone(&self) -> bool {
        todo!()
    }
    /// Estimate of the published, unread messages.
    pub fn len(&self) -> usize {
        todo!()
    }
    pub fn is_empty(&self) -> bool {
        todo!()
    }
    pub fn reader_id(&self) -> Option<PipeId> {
        todo!()
    }
    pub fn set_writer_id(&self, id: Option<PipeId>) {
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
    /// As `has`, but never arms: for spinning.
    pub fn peek(&mut self) -> bool {
        todo!()
    }
    pub fn ended(&mut self) -> bool {
        todo!()
    }
    pub fn set_hwm(&mut self, hwm: u32) {
        todo!()
    }
    pub fn len(&self) -> usize {
        todo!()
    }
    pub fn is_empty(&self) -> bool {
        todo!()
    }
    pub fn writer_id(&self) -> Option<PipeId> {
        todo!()
    }
    pub fn set_reader_id(&self, id: Option<PipeId>) {
        todo!()
    }
}
