//! Who stands in line for the handler.
//!
//! At most [`UNREAD`] questions lie in the pipes of the handler's socket before it reads them; the others wait with the
//! sessions that ask, in the order in which they came, and are gone when those end. So whoever asks and leaves takes
//! nothing with it that grows, and a handler that works on many questions at once may take any number of them.
//!
//! A ticket that is called stays so until it is dropped: when the question was read, or when the handler's socket has let go
//! of what nobody wants to know any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ferrozmq_base::sync::{Mutex, lock};
use ferrozmq_sys::ForkEpoch;

use crate::io_thread::{Command, Io};

/// More than a handler takes while a session is told that there is room, so that it never waits for the next.
pub(super) const UNREAD: usize = 64;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Line {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// Whose turn it is.
    called: BTreeSet<u64>,
    /// The session of each of the others, to be told; the oldest first.
    waiting: BTreeMap<u64, (Arc<Io>, u64)>,
}

/// A place in line, given up when it is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    line: Arc<Line>,
    number: u64,
    epoch: ForkEpoch,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A ticket for a session, which hears of it when it is called later.
    pub(super) fn enter(self: &Arc<Self>, io: &Arc<Io>, session: u64) -> Ticket {
        let mut state = lock(&self.state);
        let number = state.next;
        state.next += 1;
        if state.called.len() < UNREAD {
            state.called.insert(number);
        } else {
            state.waiting.insert(number, (io.clone(), session));
        }
        Ticket { line: self.clone(), number, epoch: ForkEpoch::current() }
    }

    /// Ends a ticket; who is called in its place.
    fn leave(&self, number: u64) -> Option<(Arc<Io>, u64)> {
        let mut state = lock(&self.state);
        if !state.called.remove(&number) {
            state.waiting.remove(&number);
            return None;
        }
        let (next, session) = state.waiting.pop_first()?;
        state.called.insert(next);
        Some(session)
    }
}

impl Ticket {
    pub(super) fn is_called(&self) -> bool {
        lock(&self.line.state).called.contains(&self.number)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // A forked child leaves alone what is its parent's, and a lock that may be held by nobody who lives.
        if self.epoch.is_current()
            && let Some((io, session)) = self.line.leave(self.number)
        {
            io.send(Command::Answered(session));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_first_is_called_first_and_who_leaves_is_not() {
        let (line, io) = (Arc::new(Line::new()), Arc::new(Io::new().unwrap()));
        let mut called: Vec<Ticket> = (0..UNREAD as u64).map(|session| line.enter(&io, session)).collect();
        let [first, second, third] = [1000, 1001, 1002].map(|session| line.enter(&io, session));
        assert!(called.iter().all(Ticket::is_called) && !first.is_called());
        drop(first);
        called.pop();
        assert!(second.is_called() && !third.is_called());
        called.clear();
        assert!(third.is_called());
        drop((second, third));
        let state = lock(&line.state);
        assert!(state.called.is_empty() && state.waiting.is_empty());
    }
}
