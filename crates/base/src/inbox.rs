//! skeleton
#![allow(missing_docs, clippy::todo, unused_variables, dead_code)]
use crate::{Msg, pipe::Got};

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
