//! skeleton: shared, counted body
#![allow(missing_docs, clippy::todo, unused_variables, dead_code)]
pub struct Content;
impl Content {
    pub fn as_slice(&self) -> &[u8] {
        todo!()
    }
}
