//! STREAM.
use crate::*;

/// STREAM.
#[derive(Debug, Default)]
pub struct Stream {}

impl Stream {
    pub(crate) fn new(_: u64) -> Self {
        Self {}
    }
    pub(crate) fn id_in_use(&self, _: &[u8]) -> bool {
        false
    }
    pub(crate) fn routing_id(&self, _: PipeId) -> Option<&[u8]> {
        None
    }
    pub(crate) fn latest_routing_id(&self) -> Option<&[u8]> {
        None
    }
}

impl Machine for Stream {
    fn opened(&mut self, _: &mut Pipes, _: PipeId, _: Local, _: &mut DueList) {}
    fn ended(&mut self, _: &mut Pipes, _: PipeId, _: &mut DueList) {}
    fn gone(&mut self, _: &mut Pipes, _: PipeId, _: &mut DueList) {}
    fn ready(&mut self, _: &mut Pipes, _: &mut DueList) -> Events {
        Events::default()
    }
}
