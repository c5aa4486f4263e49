//! When to connect again (transports.md §10 of the reference; ZMQ_RECONNECT_IVL, ZMQ_RECONNECT_IVL_MAX).

use std::time::Duration;

/// The delays between attempts: without a maximum the interval plus a random part of itself, with one doubling up to
/// it.
#[derive(Debug)]
pub(crate) struct Backoff {
    interval: Duration,
    maximum: Duration,
    next: Duration,
    jitter: bool,
    random: u64,
}

impl Backoff {
    /// `maximum` zero: no growth. `jitter` adds a random part to growing delays too.
    pub(crate) fn new(interval: Duration, maximum: Duration, jitter: bool, seed: u64) -> Self {
        let first = if maximum.is_zero() { interval } else { interval.min(maximum) };
        Self { interval, maximum, next: first, jitter, random: seed | 1 }
    }

    /// The delay before the next attempt.
    pub(crate) fn delay(&mut self) -> Duration {
        if self.maximum.is_zero() {
            return self.interval + self.random_below(self.interval);
        }
        let delay = self.next;
        self.next = (self.next * 2).min(self.maximum);
        if self.jitter { delay + self.random_below(self.interval) } else { delay }
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
    fn a_maximum_below_the_interval_is_the_interval() {
        let mut backoff = Backoff::new(MS(100), MS(30), false, 7);
        assert_eq!(backoff.delay(), MS(30));
    }
}
