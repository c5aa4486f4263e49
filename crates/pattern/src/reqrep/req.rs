//! REQ.
use crate::*;

/// REQ.
#[derive(Debug, Default)]
pub struct Req {}

impl Req {
    pub(crate) fn new(_: u64) -> Self {
        Self {}
    }
}

impl Machine for Req {
    fn opened(&mut self, _: &mut Pipes, _: PipeId, _: Local, _: &mut DueList) {}
    fn ended(&mut self, _: &mut Pipes, _: PipeId, _: &mut DueList) {}
    fn gone(&mut self, _: &mut Pipes, _: PipeId, _: &mut DueList) {}
    fn ready(&mut self, _: &mut Pipes, _: &mut DueList) -> Events {
        Events::default()
    }
}
