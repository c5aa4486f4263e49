//! What a session does for a connection in traffic: looks at its output, reads its input, keeps its heartbeat.

use super::*;

/// How long a stream that the application flushes itself is left alone at a time.
const WATCH: Duration = Duration::from_micros(100);
/// The same while the application sleeps with the output in its hands.
const WATCH_ASLEEP: Duration = Duration::from_millis(1);
/// Messages that one look at a stream finds, and how many such looks in quick succession make it one.
const FULL_LOOK: u64 = 32;
const FULL_LOOKS: u32 = 4;
/// How long a connection is unused before its memory is given back.
const IDLE: Duration = Duration::from_millis(500);

impl Session {
    /// The peer is gone while nobody reads here: what it sent is still to be read, so the stream stays, unwatched.
    pub(super) fn hung_up(&mut self, turn: &mut Turn<'_>) {
        let Phase::Active(stream) = &self.phase else { return };
        let stream = stream.clone();
        self.unwatch(&stream, turn.poller);
        if self.lease.is_some() {
            self.reclaim(turn);
        }
    }

    /// Somebody promised that we would look at the output.
    pub(crate) fn look(&mut self, turn: &mut Turn<'_>) {
        if let Some(after) = self.leaving {
            return self.leave(after, turn);
        }
        let Some(conn) = self.conn.clone() else { return };
        let Phase::Active(stream) = &self.phase else { return };
        let stream = stream.clone();
        conn.link.promise.begin_look();
        let sent = conn.link.sent.messages.count();
        let flushed = {
            // Whoever drives has seen our try and will push the connection again.
            let Some(mut half) = conn.output.try_lock() else { return };
            self.awaits_restart = self.awaits_restart && !half.has_restarted();
            half.withhold(self.awaits_restart);
            let flushed = half.flush(&conn.link.control, self.codec.as_mut());
            let wake = std::mem::take(&mut half.wake_writer);
            half.unlock();
            if wake {
                self.tell(Event::Writable);
            }
            flushed
        };
        self.arm_idle(turn);
        match flushed {
            Flush::Done => {
                conn.set_blocked(false);
                if self.want_write(&stream, false, turn) && self.closing.is_some() {
                    return self.finish(turn);
                }
                let flushes = conn.app_flushes();
                let flushed = flushes != std::mem::replace(&mut self.seen_flushes, flushes);
                let sent = conn.link.sent.messages.count().wrapping_sub(sent);
                if (self.is_stream(sent, turn.now) || flushed)
                    && conn.link.promise.promise()
                    && conn.link.promise.watch()
                {
                    self.watch = Some((turn.now + WATCH, flushes));
                }
            }
            Flush::More => {
                conn.set_blocked(false);
                if self.want_write(&stream, false, turn) && conn.link.promise.promise() {
                    // This thread looks at its list before it sleeps.
                    self.io.look(conn);
                }
            }
            Flush::Blocked => {
                conn.set_blocked(true);
                conn.link.promise.promise();
                self.want_write(&stream, true, turn);
            }
            Flush::Lost(e) if e.kind() == io::ErrorKind::OutOfMemory => self.lost(&e, turn),
            Flush::Lost(e) => self.output_lost(&e, turn),
        }
    }

    /// Whether the application streams, after a look that sent this many messages: then it flushes whole batches
    /// itself, or leaves them for the timer, instead of waking this thread for each handful.
    pub(super) fn is_stream(&mut self, sent: u64, now: Instant) -> bool {
        let soon =
            self.last_look.replace(now).is_some_and(|last| now.saturating_duration_since(last) < WATCH);
        self.full_looks = if soon && sent >= FULL_LOOK { self.full_looks + 1 } else { 0 };
        self.full_looks >= FULL_LOOKS
    }

    /// Nothing can be written any more. What the peer sent before it went is read to its end first.
    pub(super) fn output_lost(&mut self, error: &io::Error, turn: &mut Turn<'_>) {
        let Some(conn) = self.conn.clone() else { return };
        if self.closing.is_some() {
            return self.lost(error, turn);
        }
        if let Some(mut half) = conn.output.try_lock() {
            half.give_up();
            half.unlock();
        }
        if let Phase::Active(stream) = &self.phase
            && self.interest.contains(Interest::WRITE)
        {
            // It would always be reported as writable.
            let stream = stream.clone();
            if !self.want_write(&stream, false, turn) {
                return;
            }
        }
        if !self.input_paused && self.lease.is_none() {
            self.read(false, turn);
        }
    }

    /// The connection is in use: looks after a while whether it still is.
    pub(crate) fn arm_idle(&mut self, turn: &mut Turn<'_>) {
        if self.idle_at.is_none() && matches!(self.phase, Phase::Active(_)) {
            self.idle_at = Some(turn.now + IDLE);
            if let Some(conn) = &self.conn {
                conn.set_idle(false);
            }
        }
    }

    /// Gives back the memory of a connection that has not been used lately. A direction that the application holds is
    /// its own affair.
    pub(super) fn release_idle(&mut self, turn: &mut Turn<'_>) {
        self.idle_at = None;
        let Some(conn) = self.conn.clone() else { return };
        let seen = (conn.link.published(), conn.link.stamp(), self.reads);
        if seen != std::mem::replace(&mut self.seen_use, seen) {
            return self.arm_idle(turn);
        }
        // First, so that whoever writes from here on says so.
        conn.set_idle(true);
        if !conn.output.is_held()
            && let Some(mut half) = conn.output.try_lock()
        {
            half.release_idle();
            half.unlock();
        }
        if !conn.input.is_held()
            && let Some(mut half) = conn.input.try_lock()
        {
            half.release_idle();
            half.unlock();
            if self.lease.is_some() {
                // An application that found the half taken and went to sleep does not watch it.
                self.port.wake();
            }
        }
        pool::flush();
    }

    /// The timer of a stream: as long as the application flushes its batches itself, the session only watches.
    pub(super) fn watch_over(&mut self, turn: &mut Turn<'_>) {
        let (Some((_, seen)), Some(conn)) = (self.watch, self.conn.clone()) else { return };
        let flushes = conn.app_flushes();
        if flushes != seen && self.leaving.is_none() {
            self.watch = Some((turn.now + WATCH, flushes));
            return;
        }
        // It sleeps until the kernel takes more, and then flushes.
        if conn.is_blocked() && conn.output.is_held() && self.leaving.is_none() {
            self.watch = Some((turn.now + WATCH_ASLEEP, flushes));
            return;
        }
        self.watch = None;
        self.seen_flushes = flushes;
        conn.link.promise.unwatch();
        self.look(turn);
    }

    /// Commands that the application read.
    pub(crate) fn inbound(&mut self, commands: Vec<Vec<u8>>, turn: &mut Turn<'_>) {
        if let Err(e) = self.commands(commands, turn) {
            self.refused(e, turn);
        }
    }

    fn refused(&mut self, why: Refused, turn: &mut Turn<'_>) {
        match why {
            Refused::Protocol(e) => self.violation(e, turn),
            Refused::Memory => self.lost(&io::ErrorKind::OutOfMemory.into(), turn),
        }
    }

    pub(super) fn read(&mut self, surplus: bool, turn: &mut Turn<'_>) {
        let Some(conn) = self.conn.clone() else { return };
        let mut told = false;
        for round in 0..READS_PER_TURN {
            let mut commands = Vec::new();
            let mut wake = false;
            let (fill, heard) = {
                // Nobody else holds what is not lent; but if it were so, its holder gives it back and tells.
                let Some(mut half) = conn.input.try_lock() else { return };
                let fill = if surplus && round == 0 {
                    half.take_surplus(self.codec.as_mut(), &mut commands, &mut wake)
                } else {
                    half.fill(self.codec.as_mut(), &mut commands, &mut wake)
                };
                let heard = std::mem::take(&mut half.frames_seen);
                half.unlock();
                (fill, heard)
            };
            if wake {
                self.tell(Event::Readable);
            }
            if heard && let Some(engine) = self.codec.as_mut().and_then(Codec::engine) {
                engine.heard(turn.now);
            }
            if let Err(e) = self.commands(commands, turn) {
                return self.refused(e, turn);
            }
            match fill {
                Fill::Progress => {
                    told |= wake;
                    self.reads = self.reads.wrapping_add(1);
                }
                Fill::Empty if surplus && round == 0 => {}
                Fill::Empty => break,
                Fill::Paused => return self.pause(turn),
                Fill::Lost(e) => return self.lost(&e, turn),
                Fill::Violation(e) => return self.violation(e, turn),
                Fill::OutOfMemory => return self.lost(&io::ErrorKind::OutOfMemory.into(), turn),
            }
        }
        self.arm_idle(turn);
        if told {
            self.lend(turn);
        }
    }

    /// Commands that came together. The socket hears of them when all are there: who counts subscribers is not to see
    /// half of what one has subscribed to.
    fn commands(&mut self, commands: Vec<Vec<u8>>, turn: &mut Turn<'_>) -> Result<(), Refused> {
        let mut wake = false;
        let result = commands.iter().try_for_each(|command| {
            wake |= self.command(command, turn)?;
            Ok(())
        });
        if wake {
            self.tell(Event::Readable);
        }
        result
    }

    /// True: the socket has to be told that there is something to read.
    fn command(&mut self, body: &[u8], turn: &mut Turn<'_>) -> Result<bool, Refused> {
        let Some(conn) = self.conn.clone() else { return Ok(false) };
        let Some(engine) = self.codec.as_mut().and_then(Codec::engine) else { return Ok(false) };
        let (kind, topic) = match engine.command(body, turn.now)? {
            Command::Ignore => return Ok(false),
            Command::Pong(frame) => {
                conn.link.control.put_pong(&frame);
                self.look(turn);
                return Ok(false);
            }
            Command::Subscribe(topic) => (Kind::Subscribe, topic),
            Command::Cancel(topic) => (Kind::Cancel, topic),
            Command::Join(group) => (Kind::Join, group),
            Command::Leave(group) => (Kind::Leave, group),
        };
        if !self.settings.takes(kind) {
            return Ok(false);
        }
        match conn.input.try_lock() {
            Some(mut half) => half.push_command(kind, topic),
            None => Ok(false),
        }
    }

    pub(super) fn pause(&mut self, turn: &mut Turn<'_>) {
        self.input_paused = true;
        let Phase::Active(stream) = &self.phase else { return };
        let stream = stream.clone();
        self.rewatch_as_needed(&stream, turn);
    }

    /// The socket has made room.
    pub(crate) fn resume(&mut self, turn: &mut Turn<'_>) {
        if !std::mem::take(&mut self.input_paused) {
            return;
        }
        let Phase::Active(stream) = &self.phase else { return };
        let stream = stream.clone();
        if self.rewatch_as_needed(&stream, turn) {
            self.read(false, turn);
        }
    }

    /// The engine's deadlines: the end of the handshake, and heartbeats.
    pub(super) fn heartbeat(&mut self, turn: &mut Turn<'_>) {
        let paused = self.input_paused;
        if let Some(conn) = &self.conn {
            // What the application reads is a sign of life as well.
            let stamp = conn.link.stamp();
            if stamp != std::mem::replace(&mut self.heard_stamp, stamp)
                && let Some(engine) = self.codec.as_mut().and_then(Codec::engine)
            {
                engine.heard(turn.now);
            }
        }
        if self.deadline().is_none_or(|at| at > turn.now) {
            return;
        }
        let action = match &mut self.phase {
            Phase::Handshake(h) => h.codec.engine().map(|e| e.on_deadline(turn.now, false)),
            Phase::Active(_) => {
                self.codec.as_mut().and_then(Codec::engine).map(|e| e.on_deadline(turn.now, paused))
            }
            _ => None,
        };
        match (action, &self.conn) {
            (Some(Ok(TimerAction::SendPing(frame))), Some(conn)) => conn.link.control.put_ping(&frame),
            (Some(Ok(TimerAction::SendPong(frame))), Some(conn)) => conn.link.control.put_pong(&frame),
            (Some(Err(_)), _) if matches!(self.phase, Phase::Handshake(_)) => {
                return self.handshake_expired(turn);
            }
            (Some(Err(_)), _) => return self.lost(&io::ErrorKind::TimedOut.into(), turn),
            _ => return,
        }
        self.look(turn);
    }
}
