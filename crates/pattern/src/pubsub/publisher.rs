//! PUB.
use crate::*;

/// PUB.
#[derive(Debug, Default)]
pub struct Pub {}

impl Pub {
    pub(crate) fn topics_count(&self) -> usize {
        0
    }
    pub(crate) fn drops_of(&self, _: PipeId) -> u64 {
        0
    }
}

impl Machine for Pub {
    fn opened(&mut self, _: &mut Pipes, _: PipeId, _: Local, _: &mut DueList) {}
    fn ended(&mut self, _: &mut Pipes, _: PipeId, _: &mut DueList) {}
    fn gone(&mut self, _: &mut Pipes, _: PipeId, _: &mut DueList) {}
    fn ready(&mut self, _: &mut Pipes, _: &mut DueList) -> Events {
        Events::default()
    }
}
