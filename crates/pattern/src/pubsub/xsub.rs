//! XSUB.
use crate::*;

/// XSUB.
#[derive(Debug, Default)]
pub struct Xsub {}

impl Xsub {
    pub(crate) fn topics_count(&self) -> usize {
        0
    }
}

impl Machine for Xsub {
    fn opened(&mut self, _: &mut Pipes, _: PipeId, _: Local, _: &mut DueList) {}
    fn ended(&mut self, _: &mut Pipes, _: PipeId, _: &mut DueList) {}
    fn gone(&mut self, _: &mut Pipes, _: PipeId, _: &mut DueList) {}
    fn ready(&mut self, _: &mut Pipes, _: &mut DueList) -> Events {
        Events::default()
    }
}
