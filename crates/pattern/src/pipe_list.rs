//! An ordered list of pipes that knows where each one is.
//!
//! Fair queue, load balancer and distributor partition it by swapping, so that the pipes they may use lie together
//! at the front.
use ferrozmq_base::PipeId;

const NOWHERE: u32 = u32::MAX;

#[derive(Debug, Default)]
pub(crate) struct PipeList {
    ids: Vec<PipeId>,
    /// By `PipeId::index`.
    positions: Vec<u32>,
}

impl PipeList {
    pub(crate) fn len(&self) -> usize {
        self.ids.len()
    }

    #[inline]
    pub(crate) fn at(&self, position: usize) -> PipeId {
        self.ids[position]
    }

    #[inline]
    pub(crate) fn position(&self, id: PipeId) -> Option<usize> {
        let position = *self.positions.get(id.index())? as usize;
        (self.ids.get(position) == Some(&id)).then_some(position)
    }

    /// Appends a pipe that is not in the list and returns its position.
    pub(crate) fn push(&mut self, id: PipeId) -> usize {
        let position = self.ids.len();
        if self.positions.len() <= id.index() {
            self.positions.resize(id.index() + 1, NOWHERE);
        }
        self.positions[id.index()] = position as u32;
        self.ids.push(id);
        position
    }

    #[inline]
    pub(crate) fn swap(&mut self, a: usize, b: usize) {
        if a != b {
            self.ids.swap(a, b);
            self.positions[self.ids[a].index()] = a as u32;
            self.positions[self.ids[b].index()] = b as u32;
        }
    }

    /// Removes the pipe at this position; the last one takes its place.
    pub(crate) fn swap_remove(&mut self, position: usize) {
        self.swap(position, self.ids.len() - 1);
        if let Some(id) = self.ids.pop() {
            self.positions[id.index()] = NOWHERE;
        }
    }

    pub(crate) fn as_slice(&self) -> &[PipeId] {
        &self.ids
    }
}
