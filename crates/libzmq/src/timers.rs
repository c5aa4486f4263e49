//! Timers (zmq_timers(7)): repeating, run by the thread that asks. Times are milliseconds of the monotonic clock.
//!
//! Handlers run outside the handle, so that they may add, change, cancel and destroy.
use crate::{
    boundary::entries,
    handle::{self, Object},
};
use ferrozmq_base::{Error, Result};
use ferrozmq_sys::clock;
use libc::{c_int, c_long, c_void};
use std::{ptr, sync::LazyLock, time::Instant};

type TimerFn = unsafe extern "C" fn(timer_id: c_int, arg: *mut c_void);

/// What a set of timers stands for.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    last_id: c_int,
    timers: Vec<Timer>,
}

#[derive(Clone, Copy, Debug)]
struct Timer {
    id: c_int,
    due: u64,
    interval: u64,
    handler: TimerFn,
    argument: Argument,
    /// Never runs again; forgotten when the timers are next asked what is due, and known by its id until then.
    cancelled: bool,
}

/// The caller's, who knows on which threads it may be used.
#[derive(Clone, Copy, Debug)]
struct Argument(*mut c_void);

// SAFETY: the pointer is only handed back, by the thread that runs the timers.
unsafe impl Send for Argument {}

impl Timers {
    fn add(&mut self, interval: u64, handler: TimerFn, argument: *mut c_void, now: u64) -> Result<c_int> {
        self.last_id = self.last_id.checked_add(1).ok_or(Error::OutOfMemory)?;
        let due = now.saturating_add(interval);
        let (id, argument) = (self.last_id, Argument(argument));
        self.timers.push(Timer { id, due, interval, handler, argument, cancelled: false });
        Ok(self.last_id)
    }

    fn find(&mut self, id: c_int) -> Result<&mut Timer> {
        self.timers.iter_mut().find(|timer| timer.id == id).ok_or(Error::InvalidArgument)
    }

    fn cancel(&mut self, id: c_int) -> Result<()> {
        let timer = self.find(id)?;
        if std::mem::replace(&mut timer.cancelled, true) { Err(Error::InvalidArgument) } else { Ok(()) }
    }

    fn forget_cancelled(&mut self) {
        self.timers.retain(|timer| !timer.cancelled);
    }

    fn restart(&mut self, id: c_int, interval: Option<u64>, now: u64) -> Result<()> {
        let timer = self.find(id)?;
        timer.interval = interval.unwrap_or(timer.interval);
        timer.due = now.saturating_add(timer.interval);
        Ok(())
    }

    /// Milliseconds until the next is due; -1 if there is none.
    fn timeout(&mut self, now: u64) -> c_long {
        self.forget_cancelled();
        let next = self.timers.iter().map(|timer| timer.due).min();
        next.map_or(-1, |due| c_long::try_from(due.saturating_sub(now)).unwrap_or(c_long::MAX))
    }

    /// The timers that are due, the earliest first.
    fn due(&mut self, now: u64) -> Vec<c_int> {
        self.forget_cancelled();
        let mut due: Vec<_> = self.timers.iter().filter(|timer| timer.due <= now).collect();
        due.sort_by_key(|timer| timer.due);
        due.into_iter().map(|timer| timer.id).collect()
    }

    /// The timer, if it is still due; it is set to its next time. Missed times are not caught up.
    fn take_due(&mut self, id: c_int, now: u64) -> Option<Timer> {
        let timer = self.find(id).ok().filter(|timer| timer.due <= now && !timer.cancelled)?;
        timer.due = now.saturating_add(timer.interval);
        Some(*timer)
    }
}

fn now() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(clock::now);
    let elapsed = clock::now().saturating_duration_since(*START);
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

fn with_timers<R>(handle: *const c_void, body: impl FnOnce(&mut Timers) -> Result<R>) -> Result<R> {
    let mut entered = handle::enter(handle).map_err(|refused| refused.or(Error::BadAddress))?;
    match entered.object() {
        Object::Timers(timers) => body(timers),
        _ => Err(Error::BadAddress),
    }
}

/// Runs what is due now; a timer that is due again at once waits for the next call.
fn execute(handle: *mut c_void) -> Result<c_int> {
    let start = now();
    for id in with_timers(handle, |timers| Ok(timers.due(start)))? {
        match with_timers(handle, |timers| Ok(timers.take_due(id, start))) {
            Ok(Some(timer)) => {
                // SAFETY: the handler and its argument are the caller's, who asked for this call.
                unsafe { (timer.handler)(id, timer.argument.0) };
            }
            Ok(None) => {}
            // A handler destroyed the timers.
            Err(_) => break,
        }
    }
    Ok(0)
}

fn destroy(place: &mut *mut c_void) -> Result<c_int> {
    with_timers(*place, |_| Ok(()))?;
    drop(handle::enter(*place).map_err(|refused| refused.or(Error::BadAddress))?.retire());
    *place = ptr::null_mut();
    Ok(0)
}

fn milliseconds(interval: usize) -> u64 {
    u64::try_from(interval).unwrap_or(u64::MAX)
}

entries! {
    /// A new, empty set of timers.
    fn zmq_timers_new() -> *mut c_void, or ptr::null_mut(); { handle::insert(Object::Timers(Box::default())) }

    /// Frees a set of timers and sets the pointer to NULL.
    fn zmq_timers_destroy(timers_p: *mut *mut c_void) -> c_int, or -1; {
        // SAFETY: NULL or a pointer, by the contract of the entry points.
        destroy(unsafe { timers_p.as_mut() }.ok_or(Error::BadAddress)?)
    }

    /// Adds a timer; the result is its id, from 1 on.
    fn zmq_timers_add(timers: *mut c_void, interval: usize, handler: Option<TimerFn>, arg: *mut c_void) -> c_int, or -1; {
        with_timers(timers, |timers| {
            timers.add(milliseconds(interval), handler.ok_or(Error::BadAddress)?, arg, now())
        })
    }

    /// Cancels a timer.
    fn zmq_timers_cancel(timers: *mut c_void, timer_id: c_int) -> c_int, or -1; {
        with_timers(timers, |timers| timers.cancel(timer_id).map(|()| 0))
    }

    /// Changes a timer's interval, which starts now.
    fn zmq_timers_set_interval(timers: *mut c_void, timer_id: c_int, interval: usize) -> c_int, or -1; {
        with_timers(timers, |timers| timers.restart(timer_id, Some(milliseconds(interval)), now()).map(|()| 0))
    }

    /// Starts a timer's interval anew.
    fn zmq_timers_reset(timers: *mut c_void, timer_id: c_int) -> c_int, or -1; {
        with_timers(timers, |timers| timers.restart(timer_id, None, now()).map(|()| 0))
    }

    /// Milliseconds until the next timer is due; -1 if there is none.
    fn zmq_timers_timeout(timers: *mut c_void) -> c_long, or -1; {
        with_timers(timers, |timers| Ok(timers.timeout(now())))
    }

    /// Runs the handlers of the timers that are due.
    fn zmq_timers_execute(timers: *mut c_void) -> c_int, or -1; { execute(timers) }
}

#[cfg(test)]
mod tests {
    use super::*;

    unsafe extern "C" fn nothing(_: c_int, _: *mut c_void) {}

    fn with_intervals(intervals: &[u64]) -> Timers {
        let mut timers = Timers::default();
        for (i, interval) in intervals.iter().enumerate() {
            assert_eq!(timers.add(*interval, nothing, ptr::null_mut(), 1000), Ok(i as c_int + 1));
        }
        timers
    }

    #[test]
    fn the_next_is_the_earliest() {
        let mut timers = with_intervals(&[500, 100, 300]);
        assert_eq!(timers.timeout(1000), 100);
        assert_eq!(timers.timeout(1100), 0);
        assert_eq!(timers.timeout(5000), 0);
        assert_eq!(timers.due(1350), [2, 3]);
        assert_eq!(timers.cancel(2), Ok(()));
        assert_eq!(timers.cancel(2), Err(Error::InvalidArgument));
        assert_eq!(timers.restart(2, None, 1000), Ok(()), "known until the next look");
        assert_eq!(timers.timeout(1000), 300);
        assert_eq!(timers.restart(2, None, 1000), Err(Error::InvalidArgument));
        assert_eq!(Timers::default().timeout(0), -1);
    }

    #[test]
    fn missed_times_are_not_caught_up() {
        let mut timers = with_intervals(&[100]);
        assert!(timers.take_due(1, 1099).is_none());
        assert!(timers.take_due(1, 1950).is_some());
        assert!(timers.take_due(1, 1950).is_none());
        assert_eq!(timers.timeout(1950), 100);
    }

    #[test]
    fn an_endless_interval_never_comes() {
        let mut timers = with_intervals(&[u64::MAX]);
        assert!(timers.due(u64::MAX - 1).is_empty());
        assert_eq!(timers.timeout(0), c_long::MAX);
        assert!(timers.take_due(2, 0).is_none());
    }
}
