//! skeleton: read buffers whose bytes become messages without a copy
#![allow(missing_docs, clippy::todo, unused_variables, dead_code)]
use crate::{Msg, OutOfMemory};

/// A read buffer, filled by whoever drives a connection's input. Its memory is zeroed once, so all of it is
/// initialised; bytes handed out as a [`Range`] are never written again.
#[derive(Debug)]
pub struct Chunk(());
impl Chunk {
    /// From the pool of its size class (4, 64, 256 KB).
    pub fn with_capacity(bytes: usize) -> Result<Self, OutOfMemory> {
        todo!()
    }
    pub fn capacity(&self) -> usize {
        todo!()
    }
    /// Where the next bytes go.
    pub fn spare(&mut self) -> &mut [u8] {
        todo!()
    }
    /// `n` bytes were written to the start of `spare`.
    pub fn fill(&mut self, n: usize) {
        todo!()
    }
    /// The bytes that are filled and not yet handed out.
    pub fn pending(&self) -> &[u8] {
        todo!()
    }
    /// Hands out the first `n` pending bytes: whole validated records.
    pub fn hand_out(&mut self, n: usize) -> Range {
        todo!()
    }
    /// Drops the first `n` pending bytes.
    pub fn skip(&mut self, n: usize) {
        todo!()
    }
    /// Takes `at..at+len` (a command) out of the pending bytes; the bytes before it move up.
    pub fn remove(&mut self, at: usize, len: usize) {
        todo!()
    }
    /// If nothing handed out is alive any more: starts over at the beginning with the pending bytes moved there.
    pub fn try_rewind(&mut self) -> bool {
        todo!()
    }
}

/// A range of validated records, counted on its chunk. Reading it makes messages: bodies up to 48 bytes inline,
/// larger ones by reference to the chunk.
#[derive(Debug)]
pub struct Range(());
impl Range {
    pub fn is_empty(&self) -> bool {
        todo!()
    }
    /// The next frame, with its MORE flag set; false at the end.
    pub fn next(&mut self, m: &mut Msg) -> bool {
        todo!()
    }
}
