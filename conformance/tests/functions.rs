//! `functions.csv` row by row: a test for each function, of its name, with what it returns and every error of its row.
//!
//! Here: contexts and helpers, and the check that no row is left out. The others are in `functions_*.rs`. An error that
//! cannot be brought about is named in a comment that says why.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

use conformance::c_api::{Handle, NULL};
use conformance::csv::table;
use conformance::signals::{Handler, interrupted};
use conformance::stranger::{no_contexts, no_objects};
use conformance::{Errno, c_library, drafts, fails, is_system, refused, wait, zmq};

// Coverage

/// The body of the test with that name.
fn body<'a>(sources: &'a str, name: &str) -> Option<&'a str> {
    let start = sources.find(&format!("\nfn {name}() {{"))?;
    let length = sources[start..].find("\n}\n")?;
    Some(&sources[start..start + length])
}

#[test]
fn every_row_and_every_error_of_it_has_a_test() {
    let sources = [
        include_str!("functions.rs"),
        include_str!("functions_messages.rs"),
        include_str!("functions_sockets.rs"),
    ];
    let sources = sources.concat();
    let errors: Vec<_> = table("errno.csv").into_iter().map(|row| row["name"].clone()).collect();
    let (mut functions, mut conditions) = (0, 0);
    for row in table("functions.csv") {
        let name = &row["name"];
        let test = body(&sources, name).unwrap_or_else(|| panic!("{name} has no test"));
        assert!(test.contains(&format!(".{name}(")), "the test of {name} does not call it");
        functions += 1;
        let words = row["errno_conditions"].split(|c: char| !c.is_ascii_uppercase());
        for error in words.filter(|word| errors.iter().any(|error| error == word)) {
            assert!(test.contains(error), "the test of {name} says nothing of {error}");
            conditions += 1;
        }
    }
    println!("{functions} functions, {conditions} errors of theirs");
    assert_eq!(functions, 97);
}

// Contexts

#[test]
fn zmq_ctx_new() {
    let lib = c_library!();
    let (a, b) = (lib.zmq_ctx_new(), lib.zmq_ctx_new());
    assert!(!a.is_null() && !b.is_null() && a != b);
    assert_eq!((lib.zmq_ctx_term(a), lib.zmq_ctx_term(b)), (0, 0));
    // EMFILE, ENFILE: of libzmq, with every descriptor of the process in use; ours takes one with the first socket. EINVAL: of a transport that is not built.
}

/// What the three names of the termination have in common.
fn terminates(term: impl Fn(*mut c_void) -> c_int + Copy + Send + 'static) {
    let lib = c_library!();
    refused!(lib, zmq::EFAULT, no_contexts(lib), |pointer| term(pointer));
    let ctx = Handle(lib.zmq_ctx_new());
    let socket = Handle(lib.zmq_socket(ctx.0, zmq::PULL));
    // It waits for the socket.
    let waiting = move || lib.check(term({ ctx }.0));
    assert_eq!(interrupted(Handler::Plain, waiting), Err(zmq::EINTR));
    fails!(lib, zmq::ETERM, lib.zmq_recv(socket.0, NULL, 0, 0), -1);
    let ending = thread::spawn(waiting);
    assert_eq!(lib.zmq_close(socket.0), 0);
    assert_eq!(ending.join().unwrap(), Ok(0));
    if !is_system() {
        assert_eq!(lib.check(term(ctx.0)), Err(zmq::EFAULT), "ended");
    }
}

#[test]
fn zmq_ctx_term() {
    // EFAULT, EINTR: in `terminates`.
    let lib = c_library!();
    terminates(|ctx| lib.zmq_ctx_term(ctx));
}

#[test]
fn zmq_term() {
    // EFAULT, EINTR: in `terminates`.
    let lib = c_library!();
    terminates(|ctx| lib.zmq_term(ctx));
}

#[test]
fn zmq_ctx_destroy() {
    // EFAULT, EINTR: in `terminates`.
    let lib = c_library!();
    terminates(|ctx| lib.zmq_ctx_destroy(ctx));
}

#[test]
fn zmq_ctx_shutdown() {
    let lib = c_library!();
    refused!(lib, zmq::EFAULT, no_contexts(lib), |pointer| lib.zmq_ctx_shutdown(pointer));
    let ctx = lib.zmq_ctx_new();
    let socket = lib.zmq_socket(ctx, zmq::PULL);
    assert_eq!((lib.zmq_ctx_shutdown(ctx), lib.zmq_ctx_shutdown(ctx)), (0, 0), "twice is as good as once");
    fails!(lib, zmq::ETERM, lib.zmq_recv(socket, NULL, 0, 0), -1);
    assert!(lib.zmq_socket(ctx, zmq::PULL).is_null());
    assert_eq!((lib.zmq_close(socket), lib.zmq_ctx_term(ctx)), (0, 0));
}

#[test]
fn zmq_ctx_set() {
    let lib = c_library!();
    refused!(lib, zmq::EFAULT, no_contexts(lib), |pointer| lib.zmq_ctx_set(pointer, zmq::IO_THREADS, 1));
    let ctx = lib.zmq_ctx_new();
    assert_eq!(lib.zmq_ctx_set(ctx, zmq::IO_THREADS, 3), 0);
    assert_eq!(lib.zmq_ctx_get(ctx, zmq::IO_THREADS), 3);
    refused!(lib, zmq::EINVAL, [-1, 999], |option| lib.zmq_ctx_set(ctx, option, 1));
    fails!(lib, zmq::EINVAL, lib.zmq_ctx_set(ctx, zmq::IO_THREADS, -1), -1);
    assert_eq!(lib.zmq_ctx_get(ctx, zmq::IO_THREADS), 3);
    assert_eq!(lib.zmq_ctx_term(ctx), 0);
}

#[test]
fn zmq_ctx_get() {
    let lib = c_library!();
    refused!(lib, zmq::EFAULT, no_contexts(lib), |pointer| lib.zmq_ctx_get(pointer, zmq::IO_THREADS));
    let ctx = lib.zmq_ctx_new();
    assert_eq!((lib.zmq_ctx_get(ctx, zmq::IO_THREADS), lib.zmq_ctx_get(ctx, zmq::MAX_SOCKETS)), (1, 1023));
    refused!(lib, zmq::EINVAL, [-1, 999], |option| lib.zmq_ctx_get(ctx, option));
    assert_eq!(lib.zmq_ctx_term(ctx), 0);
}

#[test]
fn zmq_ctx_set_ext() {
    let (lib, drafts) = (c_library!(), drafts!());
    let five: c_int = 5;
    let value = (&raw const five).cast();
    refused!(lib, zmq::EFAULT, no_contexts(lib), |p| drafts.zmq_ctx_set_ext(p, zmq::IO_THREADS, value, 4));
    let ctx = lib.zmq_ctx_new();
    assert_eq!(drafts.zmq_ctx_set_ext(ctx, zmq::IO_THREADS, value, 4), 0);
    assert_eq!(lib.zmq_ctx_get(ctx, zmq::IO_THREADS), 5);
    refused!(lib, zmq::EINVAL, [0, 1, 3], |n| drafts.zmq_ctx_set_ext(ctx, zmq::IO_THREADS, value, n));
    refused!(lib, zmq::EINVAL, [-1, 999], |option| drafts.zmq_ctx_set_ext(ctx, option, value, 4));
    fails!(lib, zmq::EINVAL, drafts.zmq_ctx_set_ext(ctx, zmq::IO_THREADS, null(), 4), -1);
    let name = c"a name".as_ptr().cast();
    assert_eq!(drafts.zmq_ctx_set_ext(ctx, zmq::THREAD_NAME_PREFIX, name, 6), 0);
    fails!(
        lib,
        zmq::EINVAL,
        drafts.zmq_ctx_set_ext(ctx, zmq::THREAD_NAME_PREFIX, [0_u8; 17].as_ptr().cast(), 17),
        -1
    );
    assert_eq!(lib.zmq_ctx_term(ctx), 0);
}

#[test]
fn zmq_ctx_get_ext() {
    let (lib, drafts) = (c_library!(), drafts!());
    let mut length = 4_usize;
    let length: *mut usize = &raw mut length;
    let mut value = [0_u8; 16];
    let buffer: *mut c_void = value.as_mut_ptr().cast();
    refused!(lib, zmq::EFAULT, no_contexts(lib), |p| drafts.zmq_ctx_get_ext(
        p,
        zmq::IO_THREADS,
        buffer,
        length
    ));
    let ctx = lib.zmq_ctx_new();
    assert_eq!(drafts.zmq_ctx_get_ext(ctx, zmq::IO_THREADS, buffer, length), 0);
    assert_eq!(value[..4], 1_i32.to_ne_bytes());
    refused!(lib, zmq::EINVAL, [-1, 999], |option| drafts.zmq_ctx_get_ext(ctx, option, buffer, length));
    let mut wrong = 8_usize;
    fails!(lib, zmq::EINVAL, drafts.zmq_ctx_get_ext(ctx, zmq::IO_THREADS, buffer, &raw mut wrong), -1);
    fails!(lib, zmq::EINVAL, drafts.zmq_ctx_get_ext(ctx, zmq::IO_THREADS, buffer, null_mut()), -1);
    let name = c"a name".as_ptr().cast();
    assert_eq!(drafts.zmq_ctx_set_ext(ctx, zmq::THREAD_NAME_PREFIX, name, 6), 0);
    let mut room = 16_usize;
    assert_eq!(drafts.zmq_ctx_get_ext(ctx, zmq::THREAD_NAME_PREFIX, buffer, &raw mut room), 0);
    assert_eq!(value[..6], *b"a name");
    assert_eq!(lib.zmq_ctx_term(ctx), 0);
}

#[test]
fn zmq_init() {
    let lib = c_library!();
    for threads in [0, 1, 4] {
        let ctx = lib.zmq_init(threads);
        assert_eq!(lib.zmq_ctx_get(ctx, zmq::IO_THREADS), threads);
        assert_eq!(lib.zmq_ctx_term(ctx), 0);
    }
    assert!(lib.zmq_init(-1).is_null());
    assert_eq!(Errno(lib.zmq_errno()), zmq::EINVAL);
}

// What the library is

#[test]
fn zmq_errno() {
    let lib = c_library!();
    fails!(lib, zmq::ENOTSOCK, lib.zmq_close(NULL), -1);
    assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(lib.zmq_errno()));
    thread::spawn(move || assert_ne!(Errno(lib.zmq_errno()), zmq::ENOTSOCK)).join().unwrap();
}

#[test]
fn zmq_strerror() {
    let lib = c_library!();
    for (number, _) in zmq::ERRNO_NAMES {
        let text = lib.zmq_strerror(*number);
        // SAFETY: never NULL, as is seen first.
        assert!(!text.is_null() && !unsafe { CStr::from_ptr(text) }.is_empty(), "{number}");
    }
    assert!(!lib.zmq_strerror(-7).is_null());
}

#[test]
fn zmq_version() {
    let lib = c_library!();
    let (mut major, mut minor, mut patch) = (0, 0, 0);
    lib.zmq_version(&raw mut major, &raw mut minor, &raw mut patch);
    assert_eq!((major, minor), (4, 3));
    assert_eq!(patch, if is_system() { 4 } else { 6 });
    if !is_system() {
        lib.zmq_version(null_mut(), &raw mut minor, null_mut());
    }
}

#[test]
fn zmq_has() {
    let lib = c_library!();
    for (name, has) in [(c"ipc", 1), (c"IPC", 0), (c"tcp", 0), (c"inproc", 0), (c"", 0), (c"nonsense", 0)] {
        assert_eq!(lib.zmq_has(name.as_ptr()), has, "{name:?}");
    }
    if !is_system() {
        assert_eq!(lib.zmq_has(null()), 0);
    }
}

// Keys

#[test]
fn zmq_z85_encode() {
    let lib = c_library!();
    let mut text = [7 as c_char; 16];
    let dest: *mut c_char = text.as_mut_ptr();
    let data = [0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B];
    assert_eq!(lib.zmq_z85_encode(dest, data.as_ptr(), 8), dest);
    // SAFETY: the call wrote a C string.
    assert_eq!(unsafe { CStr::from_ptr(dest) }, c"HelloWorld");
    for size in [1, 2, 3, 5, 7] {
        assert!(lib.zmq_z85_encode(dest, data.as_ptr(), size).is_null());
        assert_eq!(Errno(lib.zmq_errno()), zmq::EINVAL, "{size}");
    }
    assert_eq!(lib.zmq_z85_encode(dest, data.as_ptr(), 0), dest);
    assert_eq!(text[0], 0);
}

#[test]
fn zmq_z85_decode() {
    let lib = c_library!();
    let mut data = [7_u8; 64];
    let dest: *mut u8 = data.as_mut_ptr();
    assert_eq!(lib.zmq_z85_decode(dest, c"HelloWorld".as_ptr()), dest);
    assert_eq!(data[..9], [0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B, 7], "and no more");
    for text in [c"", c"Hell", c"HelloW", c"Hell\"", c"Hell ", c"#####"] {
        assert!(lib.zmq_z85_decode(dest, text.as_ptr()).is_null(), "{text:?}");
        assert_eq!(Errno(lib.zmq_errno()), zmq::EINVAL, "{text:?}");
    }
}

#[test]
fn zmq_curve_keypair() {
    let lib = c_library!();
    let (mut public, mut secret) = ([0x55 as c_char; 42], [0x55 as c_char; 42]);
    let made = lib.zmq_curve_keypair(public.as_mut_ptr(), secret.as_mut_ptr());
    if lib.zmq_has(c"curve".as_ptr()) == 0 {
        assert_eq!(lib.check(made), Err(zmq::ENOTSUP));
        return;
    }
    assert_eq!(made, 0);
    for key in [public, secret] {
        assert_eq!((key[40], key[41]), (0, 0x55));
        assert!(key[..40].iter().all(|c| *c != 0));
    }
}

#[test]
fn zmq_curve_public() {
    let lib = c_library!();
    let mut public = [0x55 as c_char; 42];
    let dest: *mut c_char = public.as_mut_ptr();
    let secret = c"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs".as_ptr();
    if lib.zmq_has(c"curve".as_ptr()) == 0 {
        fails!(lib, zmq::ENOTSUP, lib.zmq_curve_public(dest, secret), -1);
        return;
    }
    assert_eq!(lib.zmq_curve_public(dest, secret), 0);
    assert_eq!((public[40], public[41]), (0, 0x55));
    let bad = c"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%c\"".as_ptr();
    fails!(lib, zmq::EINVAL, lib.zmq_curve_public(dest, bad), -1);
}

// Counters

#[test]
fn zmq_atomic_counter_new() {
    let lib = c_library!();
    let mut counter = lib.zmq_atomic_counter_new();
    assert_eq!(lib.zmq_atomic_counter_value(counter), 0);
    lib.zmq_atomic_counter_destroy(&raw mut counter);
}

#[test]
fn zmq_atomic_counter_set() {
    let lib = c_library!();
    let mut counter = lib.zmq_atomic_counter_new();
    for value in [5, 0, -3, c_int::MAX] {
        lib.zmq_atomic_counter_set(counter, value);
        assert_eq!(lib.zmq_atomic_counter_value(counter), value);
    }
    lib.zmq_atomic_counter_destroy(&raw mut counter);
}

#[test]
fn zmq_atomic_counter_inc() {
    let lib = c_library!();
    let mut counter = lib.zmq_atomic_counter_new();
    assert_eq!(
        (lib.zmq_atomic_counter_inc(counter), lib.zmq_atomic_counter_inc(counter)),
        (0, 1),
        "the value before"
    );
    lib.zmq_atomic_counter_set(counter, c_int::MAX);
    lib.zmq_atomic_counter_inc(counter);
    assert_eq!(lib.zmq_atomic_counter_value(counter), c_int::MIN);
    lib.zmq_atomic_counter_destroy(&raw mut counter);
}

#[test]
fn zmq_atomic_counter_dec() {
    let lib = c_library!();
    let mut counter = lib.zmq_atomic_counter_new();
    lib.zmq_atomic_counter_set(counter, 2);
    let steps = [
        lib.zmq_atomic_counter_dec(counter),
        lib.zmq_atomic_counter_dec(counter),
        lib.zmq_atomic_counter_dec(counter),
    ];
    assert_eq!(steps, [1, 0, 1], "0 only when the value became 0");
    assert_eq!(lib.zmq_atomic_counter_value(counter), -1);
    lib.zmq_atomic_counter_destroy(&raw mut counter);
}

#[test]
fn zmq_atomic_counter_value() {
    let lib = c_library!();
    let mut counter = lib.zmq_atomic_counter_new();
    let shared = Handle(counter);
    let count = move || (0..1000).for_each(|_| assert!(lib.zmq_atomic_counter_inc({ shared }.0) < 2000));
    let threads = [thread::spawn(count), thread::spawn(count)];
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(lib.zmq_atomic_counter_value(counter), 2000);
    lib.zmq_atomic_counter_destroy(&raw mut counter);
}

#[test]
fn zmq_atomic_counter_destroy() {
    let lib = c_library!();
    let mut counter = lib.zmq_atomic_counter_new();
    lib.zmq_atomic_counter_destroy(&raw mut counter);
    assert!(counter.is_null());
    if !is_system() {
        lib.zmq_atomic_counter_destroy(&raw mut counter);
        lib.zmq_atomic_counter_destroy(null_mut());
    }
}

// Timers

static FIRED: AtomicI32 = AtomicI32::new(0);

extern "C" fn fire(_: c_int, arg: *mut c_void) {
    // SAFETY: the counter of the test, or that of the module.
    unsafe { &*arg.cast::<AtomicI32>() }.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn zmq_timers_new() {
    let lib = c_library!();
    let mut timers = lib.zmq_timers_new();
    assert!(!timers.is_null());
    assert_eq!((lib.zmq_timers_timeout(timers), lib.zmq_timers_execute(timers)), (-1, 0));
    assert_eq!(lib.zmq_timers_destroy(&raw mut timers), 0);
}

#[test]
fn zmq_timers_destroy() {
    let lib = c_library!();
    refused!(lib, zmq::EFAULT, no_objects(lib), |pointer| {
        let mut place = pointer;
        lib.zmq_timers_destroy(&raw mut place)
    });
    let mut timers = lib.zmq_timers_new();
    assert_eq!(lib.zmq_timers_destroy(&raw mut timers), 0);
    assert!(timers.is_null());
    fails!(lib, zmq::EFAULT, lib.zmq_timers_destroy(&raw mut timers), -1);
    if !is_system() {
        fails!(lib, zmq::EFAULT, lib.zmq_timers_destroy(null_mut()), -1);
    }
}

#[test]
fn zmq_timers_add() {
    let lib = c_library!();
    refused!(lib, zmq::EFAULT, no_objects(lib), |p| lib.zmq_timers_add(p, 1, Some(fire), NULL));
    let mut timers = lib.zmq_timers_new();
    fails!(lib, zmq::EFAULT, lib.zmq_timers_add(timers, 1, None, NULL), -1);
    let ids = [1, 2, 3].map(|_| lib.zmq_timers_add(timers, 1000, Some(fire), NULL));
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(lib.zmq_timers_cancel(timers, 3), 0);
    assert_eq!(lib.zmq_timers_add(timers, 1000, Some(fire), NULL), 4, "never used again");
    assert_eq!(lib.zmq_timers_destroy(&raw mut timers), 0);
}

#[test]
fn zmq_timers_cancel() {
    let lib = c_library!();
    refused!(lib, zmq::EFAULT, no_objects(lib), |pointer| lib.zmq_timers_cancel(pointer, 1));
    let mut timers = lib.zmq_timers_new();
    let id = lib.zmq_timers_add(timers, 1000, Some(fire), NULL);
    refused!(lib, zmq::EINVAL, [0, -1, id + 1], |id| lib.zmq_timers_cancel(timers, id));
    assert_eq!(lib.zmq_timers_cancel(timers, id), 0);
    fails!(lib, zmq::EINVAL, lib.zmq_timers_cancel(timers, id), -1);
    assert_eq!(lib.zmq_timers_timeout(timers), -1);
    assert_eq!(lib.zmq_timers_destroy(&raw mut timers), 0);
}

#[test]
fn zmq_timers_set_interval() {
    let lib = c_library!();
    refused!(lib, zmq::EFAULT, no_objects(lib), |pointer| lib.zmq_timers_set_interval(pointer, 1, 1));
    let mut timers = lib.zmq_timers_new();
    let id = lib.zmq_timers_add(timers, 5_000_000, Some(fire), NULL);
    assert_eq!(lib.zmq_timers_set_interval(timers, id, 60_000), 0);
    assert!((1..=60_000).contains(&lib.zmq_timers_timeout(timers)));
    fails!(lib, zmq::EINVAL, lib.zmq_timers_set_interval(timers, id + 1, 1), -1);
    assert_eq!(lib.zmq_timers_destroy(&raw mut timers), 0);
}

#[test]
fn zmq_timers_reset() {
    let lib = c_library!();
    refused!(lib, zmq::EFAULT, no_objects(lib), |pointer| lib.zmq_timers_reset(pointer, 1));
    let mut timers = lib.zmq_timers_new();
    let id = lib.zmq_timers_add(timers, 60_000, Some(fire), NULL);
    wait::until("a millisecond to pass", || lib.zmq_timers_timeout(timers) < 60_000);
    assert_eq!(lib.zmq_timers_reset(timers, id), 0);
    assert!(lib.zmq_timers_timeout(timers) > 0);
    fails!(lib, zmq::EINVAL, lib.zmq_timers_reset(timers, id + 1), -1);
    assert_eq!(lib.zmq_timers_destroy(&raw mut timers), 0);
}

#[test]
fn zmq_timers_timeout() {
    let lib = c_library!();
    for pointer in no_objects(lib) {
        fails!(lib, zmq::EFAULT, lib.zmq_timers_timeout(pointer), -1);
    }
    let mut timers = lib.zmq_timers_new();
    assert_eq!(lib.zmq_timers_timeout(timers), -1);
    lib.zmq_timers_add(timers, 90_000, Some(fire), NULL);
    lib.zmq_timers_add(timers, 60_000, Some(fire), NULL);
    assert!((1..=60_000).contains(&lib.zmq_timers_timeout(timers)));
    assert_eq!(lib.zmq_timers_destroy(&raw mut timers), 0);
}

#[test]
fn zmq_timers_execute() {
    let lib = c_library!();
    refused!(lib, zmq::EFAULT, no_objects(lib), |pointer| lib.zmq_timers_execute(pointer));
    let mut timers = lib.zmq_timers_new();
    let count: *const AtomicI32 = &raw const FIRED;
    lib.zmq_timers_add(timers, 1, Some(fire), count.cast_mut().cast());
    lib.zmq_timers_add(timers, 90_000, None.or(Some(fire)), count.cast_mut().cast());
    wait::until("the first timer to fire twice", || {
        assert_eq!(lib.zmq_timers_execute(timers), 0);
        FIRED.load(Ordering::Relaxed) >= 2
    });
    assert_eq!(lib.zmq_timers_destroy(&raw mut timers), 0);
}

// Time and threads

#[test]
fn zmq_stopwatch_start() {
    let lib = c_library!();
    let (a, b) = (lib.zmq_stopwatch_start(), lib.zmq_stopwatch_start());
    assert!(!a.is_null() && !b.is_null() && a != b);
    lib.zmq_stopwatch_stop(a);
    lib.zmq_stopwatch_stop(b);
}

#[test]
fn zmq_stopwatch_intermediate() {
    let lib = c_library!();
    let watch = lib.zmq_stopwatch_start();
    let first = lib.zmq_stopwatch_intermediate(watch);
    wait::until("the watch to run", || lib.zmq_stopwatch_intermediate(watch) > first);
    assert!(lib.zmq_stopwatch_stop(watch) > first);
}

#[test]
fn zmq_stopwatch_stop() {
    let lib = c_library!();
    let watch = lib.zmq_stopwatch_start();
    wait::until("two milliseconds to pass", || lib.zmq_stopwatch_intermediate(watch) >= 2000);
    assert!(lib.zmq_stopwatch_stop(watch) >= 2000);
    if !is_system() {
        assert_eq!(lib.zmq_stopwatch_stop(NULL), 0);
    }
}

#[test]
fn zmq_sleep() {
    let lib = c_library!();
    lib.zmq_sleep(0);
    let start = std::time::Instant::now();
    lib.zmq_sleep(1);
    assert!(start.elapsed().as_millis() >= 990, "whole seconds");
}

extern "C" fn count_up(arg: *mut c_void) {
    // SAFETY: the counter of the test, which joins this thread.
    unsafe { &*arg.cast::<AtomicI32>() }.fetch_add(1, Ordering::Relaxed);
}

#[test]
fn zmq_threadstart() {
    let lib = c_library!();
    let count = AtomicI32::new(0);
    let arg = (&raw const count).cast_mut().cast();
    let threads = [0; 4].map(|_| lib.zmq_threadstart(Some(count_up), arg));
    threads.into_iter().for_each(|thread| lib.zmq_threadclose(thread));
    assert_eq!(count.into_inner(), 4);
    if !is_system() {
        fails!(lib, zmq::EFAULT, lib.zmq_threadstart(None, NULL).is_null(), true);
    }
}

extern "C" fn wait_for_message(socket: *mut c_void) {
    let lib = conformance::subject().library().unwrap();
    assert_eq!(lib.zmq_recv(socket, NULL, 0, 0), 0);
}

#[test]
fn zmq_threadclose() {
    let lib = c_library!();
    let ctx = lib.zmq_ctx_new();
    let (a, b) = (lib.zmq_socket(ctx, zmq::PAIR), lib.zmq_socket(ctx, zmq::PAIR));
    assert_eq!(lib.zmq_bind(a, c"inproc://x".as_ptr()), 0);
    assert_eq!(lib.zmq_connect(b, c"inproc://x".as_ptr()), 0);
    let thread = lib.zmq_threadstart(Some(wait_for_message), b);
    assert_eq!(lib.zmq_send(a, null(), 0, 0), 0);
    lib.zmq_threadclose(thread);
    // The thread has ended: its socket is this thread's again.
    assert_eq!((lib.zmq_close(a), lib.zmq_close(b), lib.zmq_ctx_term(ctx)), (0, 0, 0));
    if !is_system() {
        lib.zmq_threadclose(NULL);
    }
}
