//! XPUB.
use crate::*;

/// XPUB.
#[derive(Debug, Default)]
pub struct Xpub {}

impl Xpub {
    pub(crate) fn topics_count(&self) -> usize {
        0
    }
    pub(crate) fn drops_of(&self, _: PipeId) -> u64 {
        0
    }
}

impl Machine for Xpub {
    fn opened(&mut self, _: &mut Pipes, _: PipeId, _: Local, _: &mut DueList) {}
    fn ended(&mut self, _: &mut Pipes, _: PipeId, _: &mut DueList) {}
    fn gone(&mut self, _: &mut Pipes, _: PipeId, _: &mut DueList) {}
    fn ready(&mut self, _: &mut Pipes, _: &mut DueList) -> Events {
        Events::default()
    }
}
