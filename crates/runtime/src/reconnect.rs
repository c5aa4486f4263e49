//! When to connect again (transports.md §10 of the reference; ZMQ_RECONNECT_IVL, ZMQ_RECONNECT_IVL_MAX).

use std::time::Duration;

/// The delays between attempts: without a maximum the interval plus a random part of itself, with one doubling up to
/// it. With jitter, what doubles is the least delay, and at most as much again is added at random, within the maximum:
/// the peers of a server that was away do not come back all at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    interval: Duration,
    maximum: Duration,
    next: Duration,
    jitter: bool,
    random: u64,
}

impl Backoff {
    /// `maximum` zero: no growth. `jitter` makes growing delays random too.
    pub(crate) fn new(interval: Duration, maximum: Duration, jitter: bool, seed: u64) -> Self {
        let first = if maximum.is_zero() { interval } else { interval.min(maximum) };
        Self { interval, maximum, next: first, jitter, random: seed | 1 }
    }

    /// The delay before the next attempt.
    pub(crate) fn delay(&mut self) -> Duration {
        if self.maximum.is_zero() {
            return self.interval.saturating_add(self.random_below(self.interval));
        }
        let delay = self.next;
        self.next = self.next.saturating_mul(2).min(self.maximum);
        if !self.jitter {
            return delay;
        }
        let least = delay.min(self.maximum / 2).max(self.interval.min(self.maximum));
        least + self.random_below(least.saturating_mul(2).min(self.maximum) - least)
    }

    /// A connection was made: the next loss starts over.
    pub(crate) fn reset(&mut self) {
        self.next = if self.maximum.is_zero() { self.interval } else { self.interval.min(self.maximum) };
    }

    fn random_below(&mut self, limit: Duration) -> Duration {
        // xorshift64: the delays need to differ between peers, not to be unpredictable.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let millis = limit.as_millis() as u64;
        Duration::from_millis(if millis == 0 { 0 } else { self.random % millis })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn without_a_maximum_delays_stay_within_twice_the_interval() {
        let mut backoff = Backoff::new(MS(100), Duration::ZERO, false, 7);
        for _ in 0..1000 {
            let delay = backoff.delay();
            assert!(delay >= MS(100) && delay < MS(200), "{delay:?}");
        }
    }

    #[test]
    fn with_a_maximum_delays_double_up_to_it_and_start_over() {
        let mut backoff = Backoff::new(MS(20), MS(100), false, 7);
        let delays: Vec<_> = (0..5).map(|_| backoff.delay()).collect();
        assert_eq!(delays, [MS(20), MS(40), MS(80), MS(100), MS(100)]);
        backoff.reset();
        assert_eq!(backoff.delay(), MS(20));
    }

    #[test]
    fn with_jitter_delays_spread_and_stay_within_both_bounds() {
        let delays = |seed| {
            let mut backoff = Backoff::new(MS(20), MS(1000), true, seed);
            (0..20).map(|_| backoff.delay()).collect::<Vec<_>>()
        };
        for seed in (0..100).map(|i: u64| i.wrapping_mul(0x9E37_79B9_7F4A_7C15)) {
            let delays = delays(seed);
            let least = [20, 40, 80, 160, 320, 500, 500].map(MS);
            for (delay, least) in delays.iter().zip(least.into_iter().chain([MS(500); 13])) {
                assert!(*delay >= least && *delay < least * 2, "{delay:?} of at least {least:?}");
            }
            let at_the_end: std::collections::BTreeSet<_> = delays[6..].iter().collect();
            assert!(at_the_end.len() > 5, "{delays:?}");
        }
        assert_ne!(delays(7), delays(0x1234_5678_9ABC_DEF1), "two peers");
        let mut bounds_alike = Backoff::new(MS(50), MS(50), true, 7);
        assert_eq!((bounds_alike.delay(), bounds_alike.delay()), (MS(50), MS(50)));
    }

    #[test]
    fn no_delay_is_too_long() {
        for (interval, maximum) in
            [(Duration::MAX, Duration::ZERO), (Duration::MAX, Duration::MAX), (MS(1), Duration::MAX)]
        {
            for jitter in [false, true] {
                let mut backoff = Backoff::new(interval, maximum, jitter, 7);
                let longest = (0..200).map(|_| backoff.delay()).max();
                assert!(longest > Some(Duration::MAX / 4), "{interval:?} {maximum:?} {jitter}: {longest:?}");
            }
        }
    }

    #[test]
    fn a_maximum_below_the_interval_is_the_interval() {
        let mut backoff = Backoff::new(MS(100), MS(30), false, 7);
        assert_eq!(backoff.delay(), MS(30));
    }
}
