//! Load balancer: gives outbound messages to the peers in turn, skipping those without room (RFC 28, 30).
//!
//! The first `active` pipes may have room; a pipe found full leaves that part until it is writable again. A message
//! stays with its pipe: if that dies in the middle, the rest of the message is swallowed.
use crate::pipe_list::PipeList;
use ferrozmq_base::{DueList, Error, Msg, PipeId, Pipes};

#[derive(Debug, Default)]
pub(crate) struct LoadBalance {
    pipes: PipeList,
    active: usize,
    current: usize,
    /// A message was begun on the current pipe and is not finished.
    more: bool,
    /// The pipe of the message in progress died.
    dropping: bool,
    dropped: u64,
}

impl LoadBalance {
    pub(crate) fn attach(&mut self, id: PipeId) {
        if self.pipes.position(id).is_none() {
            self.pipes.push(id);
            self.writable(id);
        }
    }

    pub(crate) fn writable(&mut self, id: PipeId) {
        if let Some(position) = self.pipes.position(id)
            && position >= self.active
        {
            self.pipes.swap(position, self.active);
            self.active += 1;
        }
    }

    pub(crate) fn remove(&mut self, pipes: &mut Pipes, id: PipeId) {
        let Some(mut position) = self.pipes.position(id) else { return };
        if position < self.active {
            let last = self.active - 1;
            if position == self.current {
                if self.more {
                    self.abandon(pipes, id);
                }
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

    /// Takes back a message that was begun and will not be finished.
    pub(crate) fn cancel(&mut self, pipes: &mut Pipes) {
        if self.more {
            pipes.rollback(self.pipes.at(self.current));
            self.more = false;
        }
    }

    fn abandon(&mut self, pipes: &mut Pipes, id: PipeId) {
        pipes.rollback(id);
        self.more = false;
        self.dropping = true;
        self.dropped += 1;
    }

    /// Messages lost with their pipe while they were being sent.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Sends a frame and says where it went: nowhere if the message was begun on a pipe that died since.
    ///
    /// `Again` if no peer has room.
    #[inline]
    pub(crate) fn send(
        &mut self,
        pipes: &mut Pipes,
        m: &mut Msg,
        more: bool,
        due: &mut DueList,
    ) -> Result<Option<PipeId>, Error> {
        if self.dropping {
            m.clear();
            self.dropping = more;
            return Ok(None);
        }
        if !self.more && !self.find_room(pipes) {
            return Err(Error::Again);
        }
        let id = self.pipes.at(self.current);
        pipes.put(id, m, more)?;
        self.more = more;
        if !more {
            pipes.publish(id, due);
            self.current += 1;
            if self.current >= self.active {
                self.current = 0;
            }
        }
        Ok(Some(id))
    }

    /// Whether a frame would be taken.
    pub(crate) fn has_room(&mut self, pipes: &mut Pipes) -> bool {
        self.more || self.dropping || self.find_room(pipes)
    }

    /// Moves on to a pipe with room.
    #[inline]
    fn find_room(&mut self, pipes: &mut Pipes) -> bool {
        while self.active > 0 {
            if pipes.room(self.pipes.at(self.current)) {
                return true;
            }
            self.active -= 1;
            self.pipes.swap(self.current, self.active);
            if self.current == self.active {
                self.current = 0;
            }
        }
        false
    }
}
