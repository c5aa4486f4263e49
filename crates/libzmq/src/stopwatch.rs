//! Stopwatches, in microseconds, and a sleep.
use crate::boundary::lean_entries;
use ferrozmq_base::{Error, Result};
use ferrozmq_sys::clock;
use libc::{c_int, c_ulong, c_void};
use std::time::{Duration, Instant};

/// # Safety
/// `watch` is NULL or from `zmq_stopwatch_start`, and not stopped yet.
unsafe fn elapsed(watch: *mut c_void) -> Result<c_ulong> {
    // SAFETY: by the contract.
    let start = unsafe { watch.cast::<Instant>().as_ref() }.ok_or(Error::BadAddress)?;
    let elapsed = clock::now().saturating_duration_since(*start);
    Ok(c_ulong::try_from(elapsed.as_micros()).unwrap_or(c_ulong::MAX))
}

lean_entries! {
    /// Starts a watch.
    fn zmq_stopwatch_start() -> *mut c_void, or std::ptr::null_mut(); { Ok(Box::into_raw(Box::new(clock::now())).cast()) }

    /// The time since the start.
    fn zmq_stopwatch_intermediate(watch: *mut c_void) -> c_ulong, or 0; {
        // SAFETY: by the contract of the entry points.
        unsafe { elapsed(watch) }
    }

    /// The time since the start; frees the watch.
    fn zmq_stopwatch_stop(watch: *mut c_void) -> c_ulong, or 0; {
        // SAFETY: by the contract of the entry points.
        let elapsed = unsafe { elapsed(watch) }?;
        // SAFETY: not NULL, from `zmq_stopwatch_start`, and by the contract stopped only once.
        drop(unsafe { Box::from_raw(watch.cast::<Instant>()) });
        Ok(elapsed)
    }

    /// Sleeps, or until a signal comes.
    fn zmq_sleep(seconds: c_int) -> (), or (); {
        // Negative numbers do not wait.
        let time = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
        Ok(ferrozmq_sys::wait(&mut [], Some(time), None).map(drop)?)
    }
}
