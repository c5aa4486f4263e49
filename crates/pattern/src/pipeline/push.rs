//! PUSH.
use crate::*;

/// PUSH.
#[derive(Debug, Default)]
pub struct Push {}

impl Push {}

impl Machine for Push {
    fn opened(&mut self, _: &mut Pipes, _: PipeId, _: Local, _: &mut DueList) {}
    fn ended(&mut self, _: &mut Pipes, _: PipeId, _: &mut DueList) {}
    fn gone(&mut self, _: &mut Pipes, _: PipeId, _: &mut DueList) {}
    fn ready(&mut self, _: &mut Pipes, _: &mut DueList) -> Events {
        Events::default()
    }
}
