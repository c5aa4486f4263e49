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

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn settings(interval: u64, ttl: u64, timeout: u64) -> Heartbeat {
        Heartbeat { interval: Some(ms(interval)), ttl: ms(ttl), timeout: Some(ms(timeout)) }
    }

    fn ping(ttl: u16) -> Result<TimerAction, Expired> {
        Ok(TimerAction::SendPing(ControlFrame::ping(ttl)))
    }

    const NOTHING: Result<TimerAction, Expired> = Ok(TimerAction::Nothing);

    #[test]
    fn without_settings_there_is_no_deadline() {
        let now = Instant::now();
        for settings in [Heartbeat::default(), settings(0, 0, 0)] {
            let mut pulse = Pulse::new(settings, true, now);
            assert_eq!(pulse.next_deadline(), None);
            assert_eq!(pulse.on_deadline(now + ms(1_000_000), false), NOTHING);
        }
        assert_eq!(
            Pulse::new(settings(10, 0, 10), false, now).next_deadline(),
            None,
            "a peer that bears no PING"
        );
    }

    #[test]
    fn pings_come_at_every_interval_with_the_ttl_in_tenths() {
        let now = Instant::now();
        let mut pulse = Pulse::new(settings(100, 1_299, 0), true, now);
        assert_eq!(pulse.next_deadline(), Some(now + ms(100)));
        assert_eq!(pulse.on_deadline(now + ms(99), false), NOTHING);
        assert_eq!(pulse.on_deadline(now + ms(100), false), ping(12));
        assert_eq!(pulse.on_deadline(now + ms(100), false), NOTHING);
        assert_eq!(pulse.next_deadline(), Some(now + ms(200)));
        assert_eq!(pulse.on_deadline(now + ms(200), false), ping(12));
    }

    #[test]
    fn the_ttl_is_at_most_65535_tenths() {
        let now = Instant::now();
        let mut pulse = Pulse::new(settings(100, 6_553_600, 0), true, now);
        assert_eq!(pulse.on_deadline(now + ms(100), false), ping(65_535));
    }

    #[test]
    fn silence_after_a_ping_expires_and_any_frame_ends_the_watch() {
        let now = Instant::now();
        let mut pulse = Pulse::new(settings(100, 0, 30), true, now);
        assert_eq!(pulse.on_deadline(now + ms(100), false), ping(0));
        assert_eq!(pulse.next_deadline(), Some(now + ms(130)));
        pulse.heard(now + ms(129));
        assert_eq!(pulse.next_deadline(), Some(now + ms(200)));
        assert_eq!(pulse.on_deadline(now + ms(130), false), NOTHING);
        assert_eq!(pulse.on_deadline(now + ms(200), false), ping(0));
        assert_eq!(pulse.on_deadline(now + ms(230), false), Err(Expired::Heartbeat));
    }

    #[test]
    fn a_second_ping_does_not_prolong_the_watch_of_the_first() {
        let now = Instant::now();
        let mut pulse = Pulse::new(settings(100, 0, 150), true, now);
        assert_eq!(pulse.on_deadline(now + ms(100), false), ping(0));
        assert_eq!(pulse.on_deadline(now + ms(200), false), ping(0));
        assert_eq!(pulse.on_deadline(now + ms(250), false), Err(Expired::Heartbeat));
    }

    #[test]
    fn the_ttl_of_the_peer_expires_unless_something_comes_later() {
        let now = Instant::now();
        let mut pulse = Pulse::new(Heartbeat::default(), true, now);
        pulse.pinged(1, now);
        pulse.heard(now);
        assert_eq!(
            pulse.on_deadline(now + ms(100), false),
            Err(Expired::Heartbeat),
            "its own frame does not count"
        );
        pulse.pinged(1, now + ms(50));
        assert_eq!(pulse.on_deadline(now + ms(149), false), NOTHING);
        pulse.heard(now + ms(149));
        assert_eq!(pulse.on_deadline(now + ms(1_000), false), NOTHING);
    }

    #[test]
    fn a_peer_is_not_given_up_while_input_is_paused() {
        let now = Instant::now();
        let mut pulse = Pulse::new(settings(100, 0, 30), true, now);
        pulse.pinged(1, now);
        assert_eq!(pulse.on_deadline(now + ms(100), true), ping(0));
        assert_eq!(pulse.on_deadline(now + ms(130), true), NOTHING);
        assert_eq!(pulse.on_deadline(now + ms(200), true), ping(0), "and goes on getting PING");
        assert_eq!(pulse.on_deadline(now + ms(229), false), NOTHING, "watched from the last look");
        assert_eq!(pulse.on_deadline(now + ms(230), false), Err(Expired::Heartbeat));
    }

    #[test]
    fn while_input_is_paused_pong_is_sent_in_the_rhythm_of_the_peer() {
        let now = Instant::now();
        let mut pulse = Pulse::new(Heartbeat::default(), true, now);
        pulse.pinged(0, now + ms(200));
        assert_eq!(pulse.next_deadline(), Some(now + ms(400)));
        let pong = Ok(TimerAction::SendPong(ControlFrame::pong(b"")));
        assert_eq!(pulse.on_deadline(now + ms(400), true), pong);
        assert_eq!(pulse.on_deadline(now + ms(599), true), NOTHING);
        assert_eq!(pulse.on_deadline(now + ms(600), true), pong);
        assert_eq!(pulse.on_deadline(now + ms(800), false), NOTHING);
        assert_eq!(pulse.next_deadline(), None, "the next PING starts it again");
    }

    #[test]
    fn a_flood_of_pings_makes_no_flood_of_unasked_pongs() {
        let now = Instant::now();
        let mut pulse = Pulse::new(Heartbeat::default(), true, now);
        for _ in 0..100 {
            pulse.pinged(0, now);
        }
        assert_eq!(pulse.next_deadline(), Some(now + SHORTEST_RHYTHM));
    }

    #[test]
    fn every_deadline_that_is_acted_on_moves() {
        let now = Instant::now();
        for paused in [false, true] {
            let mut pulse = Pulse::new(settings(70, 0, 30), true, now);
            pulse.pinged(2, now);
            for _ in 0..50 {
                let Some(at) = pulse.next_deadline() else { break };
                if pulse.on_deadline(at, paused).is_err() {
                    break;
                }
                assert!(pulse.next_deadline().is_none_or(|next| next >= at));
                assert_eq!(pulse.on_deadline(at, paused), NOTHING, "nothing is left at one moment");
            }
        }
    }
}
