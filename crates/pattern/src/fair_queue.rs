//! Fair queue: takes inbound messages from the peers in turn, one whole message each (RFC 28, 30).
//!
//! The first `active` pipes may have something; a pipe found empty leaves that part until it is readable again.
use crate::pipe_list::PipeList;
use ferrozmq_base::{Due, DueList, Msg, PipeId, Pipes};

#[derive(Debug, Default)]
pub(crate) struct FairQueue {
    pipes: PipeList,
    active: usize,
    current: usize,
    /// A message of the current pipe was begun and is not finished.
    more: bool,
}

impl FairQueue {
    pub(crate) fn attach(&mut self, id: PipeId) {
        if self.pipes.position(id).is_none() {
            self.pipes.push(id);
            self.readable(id);
        }
    }

    pub(crate) fn contains(&self, id: PipeId) -> bool {
        self.pipes.position(id).is_some()
    }

    pub(crate) fn readable(&mut self, id: PipeId) {
        if let Some(position) = self.pipes.position(id)
            && position >= self.active
        {
            self.pipes.swap(position, self.active);
            self.active += 1;
        }
    }

    /// The far end of a pipe is gone: either everything was read, or it is read to its end from now on.
    pub(crate) fn ended(&mut self, pipes: &mut Pipes, id: PipeId, due: &mut DueList) {
        if !self.contains(id) {
            return;
        }
        if pipes.drained(id) {
            due.push((id, Due::Drained));
        } else {
            self.readable(id);
        }
    }

    /// Forgets a pipe. A message of it that was begun stays unfinished.
    pub(crate) fn remove(&mut self, id: PipeId) {
        let Some(mut position) = self.pipes.position(id) else { return };
        if position < self.active {
            let last = self.active - 1;
            if position == self.current {
                self.more = false;
            } else if self.current == last {
                // The current pipe moves to the gap.
                self.current = position;
            }
            self.pipes.swap(position, last);
            self.active = last;
            if self.current >= self.active {
                self.current = 0;
            }
            position = last;
        }
        self.pipes.swap_remove(position);
    }

    /// Whether the next frame continues a message.
    #[inline]
    pub(crate) fn in_message(&self) -> bool {
        self.more
    }

    /// Reads the next frame and says whose it is; none if there is nothing to read.
    #[inline]
    pub(crate) fn get(&mut self, pipes: &mut Pipes, m: &mut Msg, due: &mut DueList) -> Option<PipeId> {
        while self.active > 0 {
            let id = self.pipes.at(self.current);
            if pipes.get(id, m, due) {
                self.more = m.more();
                if !self.more {
                    self.current += 1;
                    if self.current >= self.active {
                        self.current = 0;
                    }
                }
                return Some(id);
            }
            self.set_current_aside();
        }
        None
    }

    /// Whether there is a frame to read.
    pub(crate) fn has(&mut self, pipes: &mut Pipes, due: &mut DueList) -> bool {
        while self.active > 0 {
            let id = self.pipes.at(self.current);
            if pipes.has(id) {
                return true;
            }
            if pipes.drained(id) {
                due.push((id, Due::Drained));
            }
            self.set_current_aside();
        }
        false
    }

    fn set_current_aside(&mut self) {
        // A message once begun can be read to its end, unless its pipe was dropped.
        self.more = false;
        self.active -= 1;
        self.pipes.swap(self.current, self.active);
        if self.current == self.active {
            self.current = 0;
        }
    }
}
