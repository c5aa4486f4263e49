//! The right to read, lent to the application while it waits for messages of the connection.

use super::*;

/// How long the application may leave the right to read unused.
const LEASE: Duration = Duration::from_millis(5);

impl Session {
    /// Lends the right to read to the application, which waits for messages of this connection itself.
    pub(super) fn lend(&mut self, turn: &mut Turn<'_>) {
        let (Phase::Active(stream), Some(conn)) = (&self.phase, self.conn.clone()) else { return };
        if !self.port.is_leasable() || self.closing.is_some() || self.lease.is_some() || self.input_paused {
            return;
        }
        if self.settings.takes(Kind::Subscribe) || self.settings.takes(Kind::Join) {
            // Subscriptions become messages of the input, here: nobody else may hold it meanwhile.
            return;
        }
        let stream = stream.clone();
        {
            let Some(half) = conn.input.try_lock() else { return };
            if !half.is_plain() {
                half.unlock();
                return;
            }
            half.lend();
        }
        self.lease = Some((turn.now + LEASE, conn.link.stamp()));
        if self.rewatch_as_needed(&stream, turn) {
            // An application that sleeps already does not watch this stream.
            self.port.wake();
        }
    }

    /// Takes the right to read back, and uses it.
    pub(crate) fn reclaim(&mut self, turn: &mut Turn<'_>) {
        if let Some(after) = self.leaving {
            return self.leave(after, turn);
        }
        let (Phase::Active(stream), Some(conn)) = (&self.phase, self.conn.clone()) else {
            // A right that nobody can use any more must not stay due.
            self.lease = None;
            return;
        };
        if self.lease.is_none() {
            return;
        }
        let stream = stream.clone();
        // Whoever holds the half finds the note, gives back the right and asks for this again.
        let Some(half) = conn.input.take_back() else { return };
        half.unlock();
        self.lease = None;
        if self.rewatch_as_needed(&stream, turn) {
            self.read(false, turn);
        }
    }

    /// The application may have left: a lease that it does not use is taken back.
    pub(super) fn check_lease(&mut self, turn: &mut Turn<'_>) {
        let (Some((_, stamp)), Some(conn)) = (self.lease, self.conn.clone()) else { return };
        let now = conn.link.stamp();
        if stamp != now || conn.input.is_held() {
            self.lease = Some((turn.now + LEASE, now));
        } else {
            self.reclaim(turn);
        }
    }
}
