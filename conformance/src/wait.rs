//! Waiting for a condition.

use std::time::{Duration, Instant};

/// How long anything that is expected to happen may take, in milliseconds.
pub const PATIENCE_MS: i32 = 10_000;

/// Waits until the condition holds.
///
/// # Panics
/// After twenty seconds, naming what was waited for.
#[track_caller]
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
