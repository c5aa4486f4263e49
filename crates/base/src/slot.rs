//! skeleton
#![allow(missing_docs, clippy::todo, unused_variables, dead_code)]
use crate::{
    Msg, OutOfMemory, PipeId,
    link::Link,
    pipe::{Due, Got},
    sync::Arc,
};

/// Inproc, or inbound wire: publish says `Due::Readable`.
pub fn slot() -> (Writer, Reader) {
    todo!()
}
/// Outbound wire: publish follows the link's promise (`Due::Look`).
pub fn linked(link: Arc<Link>) -> (Writer, Reader) {
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
    pub fn reader_gone(&self) -> bool {
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
    /// As `has`, but never arms.
    pub fn peek(&mut self) -> bool {
        todo!()
    }
    pub fn ended(&mut self) -> bool {
        todo!()
    }
    pub fn writer_id(&self) -> Option<PipeId> {
        todo!()
    }
    pub fn set_reader_id(&self, id: Option<PipeId>) {
        todo!()
    }
}
