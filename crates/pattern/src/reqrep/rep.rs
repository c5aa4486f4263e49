//! REP.
use crate::*;

/// REP.
#[derive(Debug, Default)]
pub struct Rep {}

impl Rep {
    pub(crate) fn new(_: u64) -> Self {
        Self {}
    }
    pub(crate) fn id_in_use(&self, _: &[u8]) -> bool {
        false
    }
    pub(crate) fn routing_id(&self, _: PipeId) -> Option<&[u8]> {
        None
    }
}

impl Machine for Rep {
    fn opened(&mut self, _: &mut Pipes, _: PipeId, _: Local, _: &mut DueList) {}
    fn ended(&mut self, _: &mut Pipes, _: PipeId, _: &mut DueList) {}
    fn gone(&mut self, _: &mut Pipes, _: PipeId, _: &mut DueList) {}
    fn ready(&mut self, _: &mut Pipes, _: &mut DueList) -> Events {
        Events::default()
    }
}
