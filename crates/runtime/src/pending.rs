//! The connections of one listener that are in their handshake, and how many of them there may be.
//!
//! Nobody has proved anything yet, so anybody can make them. When there are as many as there may be, the one that has
//! been at it longest makes room for the next: whoever only holds connections open loses them, and a peer that goes on
//! with its handshake is through before its turn comes. None is closed within [`GRACE`]: many good peers that come at
//! once wait for each other at the listener instead.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use ferrozmq_base::sync::{Mutex, lock};

use crate::io_thread::{Command, Io};

/// How many handshakes a listener has under way at most, unless told otherwise.
const LIMIT: u32 = 1024;
/// How long a handshake is left alone.
const GRACE: Duration = Duration::from_millis(100);

/// See the module.
#[derive(Debug)]
pub(crate) struct Pending {
    limit: usize,
    /// By the numbers of their sessions: the oldest first.
    sessions: Mutex<BTreeMap<u64, Under>>,
}

/// A handshake that is under way.
#[derive(Debug)]
struct Under {
    io: Arc<Io>,
    since: Instant,
}

/// The place of a session among those under way, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    pending: Arc<Pending>,
    session: u64,
}

impl Pending {
    /// At most `limit`; without one, 1024 or half of the descriptors that the process may have.
    pub(crate) fn new(limit: Option<u32>) -> Self {
        let limit = limit.unwrap_or_else(|| {
            let descriptors = ferrozmq_sys::descriptor_limit();
            u32::try_from(descriptors / 2).map_or(LIMIT, |half| half.min(LIMIT))
        });
        Self { limit: limit.max(1) as usize, sessions: Mutex::default() }
    }

    /// When there will be room for one more, if there is none now and even the oldest has to be left alone.
    pub(crate) fn full_until(&self, now: Instant) -> Option<Instant> {
        let sessions = lock(&self.sessions);
        let (_, oldest) = sessions.first_key_value().filter(|_| sessions.len() >= self.limit)?;
        Some(oldest.since + GRACE).filter(|until| *until > now)
    }

    /// Closes the oldest, unless it has to be left alone; whether there was one.
    pub(crate) fn close_oldest(&self, now: Instant) -> bool {
        let mut sessions = lock(&self.sessions);
        let Some(oldest) = sessions.first_entry() else { return false };
        if oldest.get().since + GRACE > now {
            return false;
        }
        let (session, under) = oldest.remove_entry();
        under.io.send(Command::Evict(session));
        true
    }

    /// Counts a session that begins its handshake in `io`; if there is no room, the oldest makes it.
    pub(crate) fn admit(self: &Arc<Self>, session: u64, io: &Arc<Io>, now: Instant) -> Place {
        let full = lock(&self.sessions).len() >= self.limit;
        if full {
            self.close_oldest(now);
        }
        lock(&self.sessions).insert(session, Under { io: io.clone(), since: now });
        Place { pending: self.clone(), session }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.pending.sessions).remove(&self.session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(limit: u32, now: Instant) -> (Arc<Pending>, Arc<Io>, Vec<Place>) {
        let (pending, io) = (Arc::new(Pending::new(Some(limit))), Arc::new(Io::new().unwrap()));
        let places = (0..u64::from(limit)).map(|id| pending.admit(id, &io, now)).collect();
        (pending, io, places)
    }

    #[test]
    fn the_oldest_makes_room_once_it_has_had_its_time() {
        let now = Instant::now();
        let (pending, io, places) = full(3, now);
        assert_eq!(pending.full_until(now), Some(now + GRACE));
        assert_eq!(pending.full_until(now + GRACE), None);
        let _next = pending.admit(3, &io, now + GRACE);
        let left: Vec<u64> = lock(&pending.sessions).keys().copied().collect();
        assert_eq!(left, [1, 2, 3]);
        drop(places);
        assert_eq!(lock(&pending.sessions).len(), 1);
    }

    #[test]
    fn who_is_through_makes_room_for_others() {
        let now = Instant::now();
        let (pending, _io, mut places) = full(2, now);
        places.pop();
        assert_eq!(pending.full_until(now), None);
        assert_eq!(lock(&pending.sessions).len(), 1);
    }

    #[test]
    fn where_nobody_is_under_way_nobody_is_closed() {
        assert!(!Pending::new(None).close_oldest(Instant::now()));
    }
}
