//! Heartbeats: when to send PING, and when a silent peer is given up (RFC 37, heartbeating).
//!
//! Two watches run against the peer: one from our PING, one from the time-to-live of its PING. Any frame ends both. A
//! third clock makes up for our own deafness: while input is paused we cannot see the peer's PING, so we send PONG
//! unasked in the rhythm in which its PINGs used to come, and the peer does not give us up.

use std::time::{Duration, Instant};

use crate::{command::ControlFrame, config::Heartbeat, error::Expired};

/// What a deadline calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerAction {
    /// Nothing.
    Nothing,
    /// These bytes, a PING, are to be sent.
    SendPing(ControlFrame),
    /// These bytes, a PONG that nobody asked for, are to be sent.
    SendPong(ControlFrame),
}

/// The shortest rhythm in which a PONG is sent unasked, whatever the spacing of the peer's PINGs.
const SHORTEST_RHYTHM: Duration = Duration::from_millis(10);

/// A time limit that a frame of the peer ends.
#[derive(Clone, Copy, Debug)]
struct Watch {
    armed: Instant,
    span: Duration,
}

impl Watch {
    fn deadline(&self) -> Option<Instant> {
        self.armed.checked_add(self.span)
    }

    fn is_due(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.armed) >= self.span
    }
}

/// The clocks of one connection in traffic.
#[derive(Debug)]
pub(crate) struct Pulse {
    settings: Heartbeat,
    ping_at: Option<Instant>,
    after_ping: Option<Watch>,
    peer_ttl: Option<Watch>,
    last_peer_ping: Instant,
    unasked_pong: Option<Watch>,
}

impl Pulse {
    /// Starts the clocks. `may_ping`: the peer can bear a PING.
    pub(crate) fn new(settings: Heartbeat, may_ping: bool, now: Instant) -> Self {
        let interval = settings.interval.filter(|interval| may_ping && !interval.is_zero());
        let settings = Heartbeat {
            interval,
            timeout: settings.timeout.filter(|timeout| !timeout.is_zero()),
            ..settings
        };
        Self {
            settings,
            ping_at: interval.and_then(|interval| now.checked_add(interval)),
            after_ping: None,
            peer_ttl: None,
            last_peer_ping: now,
            unasked_pong: None,
        }
    }

    /// A frame of the peer arrived.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.after_ping = None;
        // The PING that armed this watch may be reported as a frame in the same moment.
        self.peer_ttl = self.peer_ttl.filter(|watch| now <= watch.armed);
    }

    /// A PING of the peer arrived; `ttl` in tenths of a second.
    pub(crate) fn pinged(&mut self, ttl: u16, now: Instant) {
        self.heard(now);
        let ttl = Duration::from_millis(u64::from(ttl).saturating_mul(100));
        self.peer_ttl = (!ttl.is_zero()).then_some(Watch { armed: now, span: ttl });
        let rhythm = now.saturating_duration_since(self.last_peer_ping).max(SHORTEST_RHYTHM);
        self.last_peer_ping = now;
        self.unasked_pong = self.settings.interval.is_none().then_some(Watch { armed: now, span: rhythm });
    }

    /// The next moment at which [`on_deadline`](Self::on_deadline) has something to do.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let watches = [self.after_ping, self.peer_ttl, self.unasked_pong];
        watches.into_iter().flatten().filter_map(|watch| watch.deadline()).chain(self.ping_at).min()
    }

    /// Acts on the clocks that have run down. A peer is not given up while nobody reads what it sends.
    pub(crate) fn on_deadline(&mut self, now: Instant, input_paused: bool) -> Result<TimerAction, Expired> {
        for watch in [&mut self.after_ping, &mut self.peer_ttl].into_iter().flatten() {
            if watch.is_due(now) {
                if !input_paused {
                    return Err(Expired::Heartbeat);
                }
                watch.armed = now;
            }
        }
        if self.ping_at.is_some_and(|at| at <= now) {
            self.ping_at = self.settings.interval.and_then(|interval| now.checked_add(interval));
            if self.after_ping.is_none() {
                self.after_ping = self.settings.timeout.map(|span| Watch { armed: now, span });
            }
            let tenths = self.settings.ttl.as_millis().checked_div(100).unwrap_or_default();
            return Ok(TimerAction::SendPing(ControlFrame::ping(u16::try_from(tenths).unwrap_or(u16::MAX))));
        }
        if self.unasked_pong.is_some_and(|watch| watch.is_due(now)) {
            self.unasked_pong =
                self.unasked_pong.filter(|_| input_paused).map(|watch| Watch { armed: now, ..watch });
            if input_paused {
                return Ok(TimerAction::SendPong(ControlFrame::pong(b"")));
            }
        }
        Ok(TimerAction::Nothing)
    }
}
