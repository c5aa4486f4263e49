//! skeleton
#![allow(missing_docs, clippy::todo, unused_variables, dead_code)]
use crate::{
    Msg, OutOfMemory,
    pipe::{Due, Got},
};

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
    pub fn ended(&mut self) -> bool {
        todo!()
    }
    pub fn set_hwm(&mut self, hwm: u32) {
        todo!()
    }
}
