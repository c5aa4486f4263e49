//! Everything that needs neither context nor socket.
use crate::*;
use libc::{EFAULT, EINVAL, c_char, c_int, c_void};
use std::{
    ffi::CStr,
    ptr,
    sync::atomic::{AtomicI32, AtomicUsize, Ordering},
};

fn errno() -> c_int {
    // SAFETY: no arguments.
    unsafe { zmq_errno() }
}

#[test]
fn error_texts() {
    let own = [
        (156_384_763, c"Operation cannot be accomplished in current state"),
        (156_384_764, c"The protocol is not compatible with the socket type"),
        (156_384_765, c"Context was terminated"),
        (156_384_766, c"No thread available"),
        (libc::EHOSTUNREACH, c"Host unreachable"),
        (libc::EAGAIN, c"Resource temporarily unavailable"),
        (libc::ENOTSOCK, c"Socket operation on non-socket"),
        (0, c"Success"),
    ];
    for (code, text) in own {
        // SAFETY: the text is copied at once.
        assert_eq!(unsafe { CStr::from_ptr(zmq_strerror(code)) }, text);
    }
    for code in [-1, 5000, c_int::MAX, c_int::MIN] {
        // SAFETY: any number is allowed.
        assert!(!unsafe { zmq_strerror(code) }.is_null());
    }
}

#[test]
fn version_and_capabilities() {
    let (mut major, mut minor, mut patch) = (0, 0, 0);
    // SAFETY: three ints, or NULL.
    unsafe {
        zmq_version(&raw mut major, &raw mut minor, &raw mut patch);
        zmq_version(ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        assert_eq!(zmq_has(c"ipc".as_ptr()), 1);
        assert_eq!(zmq_has(c"curve".as_ptr()), 1);
        for missing in [c"IPC", c"tcp", c"CURVE", c"ipc ", c""] {
            assert_eq!(zmq_has(missing.as_ptr()), 0, "{missing:?}");
        }
        assert_eq!(zmq_has(ptr::null()), 0);
    }
    assert_eq!((major, minor, patch), (4, 3, 6));
}

#[test]
fn z85() {
    let data = [0x86u8, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b];
    let mut text = [1 as c_char; 11];
    // SAFETY: the buffers have the sizes that zmq.h asks for.
    unsafe {
        let dest = text.as_mut_ptr();
        assert_eq!(zmq_z85_encode(dest, data.as_ptr(), 8), dest);
        assert_eq!(CStr::from_ptr(dest), c"HelloWorld");
        let mut back = [0u8; 8];
        assert_eq!(zmq_z85_decode(back.as_mut_ptr(), dest), back.as_mut_ptr());
        assert_eq!(back, data);
        assert_eq!(zmq_z85_encode(dest, data.as_ptr(), 0), dest);
        assert_eq!(CStr::from_ptr(dest), c"");
        for length in [1, 5, 7] {
            assert_eq!((zmq_z85_encode(dest, data.as_ptr(), length), errno()), (ptr::null_mut(), EINVAL));
        }
        for bad in [c"", c"Hell", c"HelloW", c"Hell\"", c"%nSc1", c"#####"] {
            assert_eq!(
                (zmq_z85_decode(back.as_mut_ptr(), bad.as_ptr()), errno()),
                (ptr::null_mut(), EINVAL),
                "{bad:?}"
            );
        }
    }
}

#[test]
fn keys() {
    let (mut public, mut secret, mut again) = ([1 as c_char; 41], [1 as c_char; 41], [1 as c_char; 41]);
    // SAFETY: the buffers have the sizes that zmq.h asks for.
    unsafe {
        assert_eq!(zmq_curve_keypair(public.as_mut_ptr(), secret.as_mut_ptr()), 0);
        assert_eq!((public[40], secret[40]), (0, 0));
        assert_eq!(zmq_curve_public(again.as_mut_ptr(), secret.as_ptr()), 0);
        assert_eq!(again, public);
        assert_ne!(public, secret);
        assert_eq!((zmq_curve_public(again.as_mut_ptr(), c"x".as_ptr()), errno()), (-1, EINVAL));
        assert_eq!((zmq_curve_keypair(ptr::null_mut(), ptr::null_mut()), errno()), (-1, EINVAL));
        assert_eq!((zmq_curve_public(ptr::null_mut(), ptr::null()), errno()), (-1, EINVAL));
    }
}

#[test]
fn counters() {
    // SAFETY: one counter, destroyed at the end.
    unsafe {
        let mut counter = zmq_atomic_counter_new();
        assert_eq!(zmq_atomic_counter_value(counter), 0);
        assert_eq!((zmq_atomic_counter_inc(counter), zmq_atomic_counter_inc(counter)), (0, 1));
        assert_eq!((zmq_atomic_counter_dec(counter), zmq_atomic_counter_dec(counter)), (1, 0));
        assert_eq!((zmq_atomic_counter_dec(counter), zmq_atomic_counter_value(counter)), (1, -1));
        zmq_atomic_counter_set(counter, c_int::MAX);
        assert_eq!(
            (zmq_atomic_counter_inc(counter), zmq_atomic_counter_value(counter)),
            (c_int::MAX, c_int::MIN)
        );
        zmq_atomic_counter_destroy(&raw mut counter);
        assert!(counter.is_null());
        zmq_atomic_counter_destroy(&raw mut counter);
        assert_eq!((zmq_atomic_counter_inc(ptr::null_mut()), errno()), (0, EFAULT));
    }
}

#[test]
fn stopwatches() {
    // SAFETY: one watch, stopped once.
    unsafe {
        let watch = zmq_stopwatch_start();
        let first = zmq_stopwatch_intermediate(watch);
        let second = zmq_stopwatch_intermediate(watch);
        assert!(first <= second && second <= zmq_stopwatch_stop(watch));
        zmq_sleep(0);
        zmq_sleep(-1);
    }
}

#[test]
fn threads_block_signals_and_are_joined() {
    unsafe extern "C-unwind" fn body(argument: *mut c_void) {
        // SAFETY: the test passes an AtomicI32 that outlives the thread; the set and the name are written first.
        unsafe {
            let mut mask = std::mem::zeroed();
            libc::pthread_sigmask(libc::SIG_SETMASK, ptr::null(), &raw mut mask);
            let mut name = [0 as c_char; 16];
            libc::pthread_getname_np(libc::pthread_self(), name.as_mut_ptr(), 16);
            let is_named = CStr::from_ptr(name.as_ptr()) == c"ZMQapp";
            let blocked = libc::sigismember(&raw const mask, libc::SIGUSR1) == 1;
            (*argument.cast::<AtomicI32>()).store(i32::from(is_named && blocked) + 1, Ordering::SeqCst);
        }
    }
    let done = AtomicI32::new(0);
    // SAFETY: `done` outlives the thread, which is joined.
    unsafe {
        let thread = zmq_threadstart(Some(body), ptr::from_ref(&done).cast_mut().cast());
        assert!(!thread.is_null());
        zmq_threadclose(thread);
        assert_eq!(done.load(Ordering::SeqCst), 2);
        let mut mask = std::mem::zeroed();
        libc::pthread_sigmask(libc::SIG_SETMASK, ptr::null(), &raw mut mask);
        assert_eq!(
            libc::sigismember(&raw const mask, libc::SIGUSR1),
            0,
            "the caller's mask is its own again"
        );
        assert_eq!((zmq_threadstart(None, ptr::null_mut()), errno()), (ptr::null_mut(), EFAULT));
        zmq_threadclose(ptr::null_mut());
    }
}

static RUNS: AtomicUsize = AtomicUsize::new(0);

/// Cancels itself on the set of timers that the argument is.
unsafe extern "C" fn run_once(id: c_int, timers: *mut c_void) {
    RUNS.fetch_add(1, Ordering::SeqCst);
    // SAFETY: the set is alive.
    assert_eq!(unsafe { zmq_timers_cancel(timers, id) }, 0);
}

#[test]
fn timers_run_their_handlers_which_may_change_them() {
    // SAFETY: one set of timers, destroyed at the end.
    unsafe {
        let mut timers = zmq_timers_new();
        assert_eq!(zmq_timers_timeout(timers), -1);
        assert_eq!(zmq_timers_add(timers, 0, Some(run_once), timers), 1);
        assert_eq!(zmq_timers_add(timers, 1_000_000, Some(run_once), timers), 2);
        assert_eq!((zmq_timers_add(timers, 1, None, timers), errno()), (-1, EFAULT));
        assert_eq!(zmq_timers_timeout(timers), 0);
        assert_eq!((zmq_timers_execute(timers), RUNS.load(Ordering::SeqCst)), (0, 1));
        assert_eq!((zmq_timers_execute(timers), RUNS.load(Ordering::SeqCst)), (0, 1));
        assert!((1..=1_000_000).contains(&zmq_timers_timeout(timers)));
        assert_eq!((zmq_timers_reset(timers, 2), zmq_timers_set_interval(timers, 2, 0)), (0, 0));
        assert_eq!(zmq_timers_timeout(timers), 0);
        assert_eq!(zmq_timers_cancel(timers, 2), 0);
        assert_eq!((zmq_timers_cancel(timers, 2), errno()), (-1, EINVAL));
        assert_eq!(zmq_timers_timeout(timers), -1);
        assert_eq!((zmq_timers_reset(timers, 2), errno()), (-1, EINVAL));
        assert_eq!(zmq_timers_destroy(&raw mut timers), 0);
        assert!(timers.is_null());
    }
}

#[test]
fn a_timer_of_interval_zero_does_not_hold_the_caller() {
    unsafe extern "C" fn count(_: c_int, counter: *mut c_void) {
        // SAFETY: the test passes a counter that outlives the timers.
        unsafe { &*counter.cast::<AtomicUsize>() }.fetch_add(1, Ordering::SeqCst);
    }
    let runs = AtomicUsize::new(0);
    // SAFETY: the counter outlives the timers.
    unsafe {
        let mut timers = zmq_timers_new();
        zmq_timers_add(timers, 0, Some(count), ptr::from_ref(&runs).cast_mut().cast());
        zmq_timers_execute(timers);
        zmq_timers_execute(timers);
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        zmq_timers_destroy(&raw mut timers);
    }
}

#[test]
fn a_handler_may_destroy_its_timers() {
    unsafe extern "C" fn destroy(_: c_int, timers: *mut c_void) {
        let mut place = timers;
        // SAFETY: the set is alive.
        assert_eq!(unsafe { zmq_timers_destroy(&raw mut place) }, 0);
    }
    // SAFETY: the set is not used once it is destroyed, but to see that.
    unsafe {
        let timers = zmq_timers_new();
        zmq_timers_add(timers, 0, Some(destroy), timers);
        zmq_timers_add(timers, 0, Some(destroy), timers);
        assert_eq!(zmq_timers_execute(timers), 0);
        assert_eq!((zmq_timers_execute(timers), errno()), (-1, EFAULT));
    }
}
