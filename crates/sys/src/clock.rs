//! Time. Durations and deadlines are monotonic; the wall clock is never used to decide anything.

use std::time::{Duration, Instant};

/// The monotonic clock.
#[inline]
pub fn now() -> Instant {
    Instant::now()
}

/// What is left until `deadline`: zero when it has passed, `None` for a deadline that never comes.
#[inline]
pub fn remaining(deadline: Option<Instant>, now: Instant) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(now))
}
