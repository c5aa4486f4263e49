//! skeleton
#![allow(missing_docs, clippy::todo, unused_variables, dead_code)]
use crate::{Msg, OutOfMemory, pipe::Due};

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
    pub fn put_copy(&mut self, m: &Msg, more: bool) -> Result<(), OutOfMemory> {
        todo!()
    }
    pub fn restart(&mut self) {
        todo!()
    }
}
