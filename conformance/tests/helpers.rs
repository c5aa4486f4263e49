//! The C functions beside sockets: version, error texts, Z85, keys, counters, timers, threads. About C only.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use conformance::c_api::{Library, NULL};
use conformance::csv::table;
use conformance::{Errno, c_library, differs, ours_only, wait, zmq};

fn text(pointer: *const c_char) -> String {
    // SAFETY: the library returns C strings that live for ever, or the buffer of the test.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

// Symbols, version, capabilities, errors

#[test]
fn every_stable_function_is_exported() {
    let lib = c_library!();
    for row in table("functions.csv") {
        if !row["status"].starts_with("draft") {
            assert!(lib.exports(&row["name"]), "{}", row["name"]);
        }
    }
}

#[test]
fn the_version_is_4_3() {
    let lib = c_library!();
    let (mut major, mut minor, mut patch) = (-1, -1, -1);
    lib.zmq_version(&raw mut major, &raw mut minor, &raw mut patch);
    assert_eq!((major, minor), (4, 3));
    assert!(patch >= 4, "{patch}");
}

fn has(lib: &Library, capability: &str) -> c_int {
    lib.zmq_has(CString::new(capability).unwrap().as_ptr())
}

#[test]
fn ipc_is_there() {
    assert_eq!(has(c_library!(), "ipc"), 1);
}

#[test]
fn curve_is_there() {
    let lib = c_library!();
    assert_eq!(has(lib, "curve"), 1);
}

#[test]
fn the_draft_functions_are_there() {
    ours_only!("the distribution's build has none");
    assert_eq!(has(c_library!(), "draft"), 1);
}

#[test]
fn what_is_always_there_is_not_reported() {
    let lib = c_library!();
    for capability in ["tcp", "inproc", "udp", "epgm", "ws", "wss", "null", "plain", "", "IPC", "nonsense"] {
        assert_eq!(has(lib, capability), 0, "{capability}");
    }
}

macro_rules! error_texts {
    ($($name:ident: $errno:ident, $text:literal;)*) => {
        $(
            #[test]
            fn $name() {
                assert_eq!(text(c_library!().zmq_strerror(zmq::$errno.0)), $text);
            }
        )*
    };
}

error_texts! {
    text_of_efsm: EFSM, "Operation cannot be accomplished in current state";
    text_of_enocompatproto: ENOCOMPATPROTO, "The protocol is not compatible with the socket type";
    text_of_eterm: ETERM, "Context was terminated";
    text_of_emthread: EMTHREAD, "No thread available";
    text_of_ehostunreach: EHOSTUNREACH, "Host unreachable";
    text_of_eagain: EAGAIN, "Resource temporarily unavailable";
}

#[test]
fn every_error_has_its_documented_text() {
    let lib = c_library!();
    for row in table("errno.csv") {
        let number = row["linux_x86_64_value"].parse().unwrap();
        assert_eq!(text(lib.zmq_strerror(number)), row["zmq_strerror_text"], "{}", row["name"]);
    }
}

#[test]
fn unknown_errors_have_a_text_too() {
    let lib = c_library!();
    for number in [0, -1, 99_999, c_int::MAX, c_int::MIN] {
        assert!(!lib.zmq_strerror(number).is_null());
    }
}

#[test]
fn errno_is_that_of_the_thread() {
    let lib = c_library!();
    lib.zmq_close(NULL);
    assert_eq!(Errno(lib.zmq_errno()), zmq::ENOTSOCK);
    std::thread::spawn(move || assert_ne!(Errno(lib.zmq_errno()), zmq::ENOTSOCK)).join().unwrap();
    assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(zmq::ENOTSOCK.0), "it is C's errno");
}

// Z85

fn encode(lib: &Library, data: &[u8]) -> Result<String, Errno> {
    let mut buffer = vec![b'#' as c_char; data.len() * 5 / 4 + 10];
    let result = lib.zmq_z85_encode(buffer.as_mut_ptr(), data.as_ptr(), data.len());
    if result.is_null() {
        return Err(Errno(lib.zmq_errno()));
    }
    assert_eq!(result, buffer.as_mut_ptr());
    Ok(text(result))
}

fn decode(lib: &Library, z85: &str) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; z85.len() + 10];
    let z85 = CString::new(z85).unwrap();
    let result = lib.zmq_z85_decode(buffer.as_mut_ptr(), z85.as_ptr());
    if result.is_null() {
        return Err(Errno(lib.zmq_errno()));
    }
    assert_eq!(result, buffer.as_mut_ptr());
    buffer.truncate(z85.as_bytes().len() * 4 / 5);
    Ok(buffer)
}

#[test]
fn z85_of_the_rfcs_example() {
    let lib = c_library!();
    let data = [0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B];
    assert_eq!(encode(lib, &data), Ok("HelloWorld".into()));
    assert_eq!(decode(lib, "HelloWorld"), Ok(data.to_vec()));
}

#[test]
fn z85_round_trip() {
    let lib = c_library!();
    for length in (4..=256).step_by(4) {
        let data: Vec<u8> = (0..length).map(|i| (i * 37 + length) as u8).collect();
        let z85 = encode(lib, &data).unwrap();
        assert_eq!(z85.len(), length * 5 / 4);
        assert_eq!(decode(lib, &z85), Ok(data));
    }
}

#[test]
fn z85_of_the_extremes() {
    let lib = c_library!();
    assert_eq!(encode(lib, &[0; 4]), Ok("00000".into()));
    assert_eq!(encode(lib, &[0xFF; 4]), Ok("%nSc0".into()));
    assert_eq!(decode(lib, "%nSc0"), Ok(vec![0xFF; 4]));
}

#[test]
fn z85_encodes_multiples_of_4_bytes_only() {
    let lib = c_library!();
    for length in [1, 2, 3, 5, 7] {
        assert_eq!(encode(lib, &vec![0; length]), Err(zmq::EINVAL), "{length}");
    }
}

#[test]
fn z85_of_nothing_is_an_empty_text() {
    assert_eq!(encode(c_library!(), &[]), Ok(String::new()));
}

#[test]
fn z85_decodes_multiples_of_5_characters_only() {
    let lib = c_library!();
    for z85 in ["", "0", "0000", "000000"] {
        assert_eq!(decode(lib, z85), Err(zmq::EINVAL), "{z85:?}");
    }
}

#[test]
fn z85_refuses_characters_outside_its_alphabet() {
    let lib = c_library!();
    for z85 in ["0000 ", "\"0000", "00\\00", "0000~", "00,00", "000\u{e9}"] {
        assert_eq!(decode(lib, z85), Err(zmq::EINVAL), "{z85:?}");
    }
}

#[test]
fn z85_refuses_a_group_above_32_bits() {
    let lib = c_library!();
    for z85 in ["%nSc1", "#####", "%nSd0"] {
        assert_eq!(decode(lib, z85), Err(zmq::EINVAL), "{z85:?}");
    }
}

// Keys

#[test]
fn a_key_pair_is_two_texts_of_40_characters() {
    let lib = c_library!();
    let (mut public, mut secret) = ([0; 41], [0; 41]);
    assert_eq!(lib.zmq_curve_keypair(public.as_mut_ptr(), secret.as_mut_ptr()), 0);
    for key in [&public, &secret] {
        let key = text(key.as_ptr());
        assert_eq!(key.len(), 40);
        assert_eq!(decode(lib, &key).map(|raw| raw.len()), Ok(32));
    }
}

#[test]
fn the_public_key_follows_from_the_secret_one() {
    let lib = c_library!();
    let (mut public, mut secret, mut again) = ([0; 41], [0; 41], [0; 41]);
    lib.zmq_curve_keypair(public.as_mut_ptr(), secret.as_mut_ptr());
    assert_eq!(lib.zmq_curve_public(again.as_mut_ptr(), secret.as_ptr()), 0);
    assert_eq!(text(again.as_ptr()), text(public.as_ptr()));
}

#[test]
fn the_public_key_of_a_known_secret() {
    let lib = c_library!();
    let secret = CString::new("D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs").unwrap();
    let mut public = [0; 41];
    assert_eq!(lib.zmq_curve_public(public.as_mut_ptr(), secret.as_ptr()), 0);
    assert_eq!(text(public.as_ptr()), "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");
}

#[test]
fn key_pairs_differ() {
    let lib = c_library!();
    let (mut public, mut a, mut b) = ([0; 41], [0; 41], [0; 41]);
    lib.zmq_curve_keypair(public.as_mut_ptr(), a.as_mut_ptr());
    lib.zmq_curve_keypair(public.as_mut_ptr(), b.as_mut_ptr());
    assert_ne!(text(a.as_ptr()), text(b.as_ptr()));
}

#[test]
fn a_bad_secret_key_is_einval() {
    let lib = c_library!();
    let secret = CString::new("\"".repeat(40)).unwrap();
    let mut public = [0; 41];
    assert_eq!(lib.check(lib.zmq_curve_public(public.as_mut_ptr(), secret.as_ptr())), Err(zmq::EINVAL));
}

#[test]
fn a_secret_key_of_another_length_is_einval() {
    let lib = c_library!();
    let mut public = [0; 41];
    let mut public_of = |length| {
        let secret = CString::new("0".repeat(length)).unwrap();
        lib.check(lib.zmq_curve_public(public.as_mut_ptr(), secret.as_ptr()))
    };
    let wanted = differs!("a_secret_key_of_another_length_is_einval", libzmq: Ok(0), ours: Err(zmq::EINVAL));
    for length in [5, 35] {
        assert_eq!(public_of(length), wanted, "{length}");
    }
    ours_only!("writes beyond its buffers");
    for length in [0, 39, 41, 45, 100] {
        assert_eq!(public_of(length), Err(zmq::EINVAL), "{length}");
    }
}

// Counters

#[test]
fn a_counter_begins_at_0_and_counts() {
    let lib = c_library!();
    let mut counter = lib.zmq_atomic_counter_new();
    assert_eq!(lib.zmq_atomic_counter_value(counter), 0);
    assert_eq!(lib.zmq_atomic_counter_inc(counter), 0, "the value before");
    assert_eq!(lib.zmq_atomic_counter_inc(counter), 1);
    assert_eq!(lib.zmq_atomic_counter_value(counter), 2);
    assert_eq!(lib.zmq_atomic_counter_dec(counter), 1, "not zero yet");
    assert_eq!(lib.zmq_atomic_counter_dec(counter), 0, "zero now");
    lib.zmq_atomic_counter_destroy(&raw mut counter);
    assert!(counter.is_null());
}

#[test]
fn a_counter_can_be_set() {
    let lib = c_library!();
    let mut counter = lib.zmq_atomic_counter_new();
    lib.zmq_atomic_counter_set(counter, 41);
    assert_eq!(lib.zmq_atomic_counter_inc(counter), 41);
    assert_eq!(lib.zmq_atomic_counter_value(counter), 42);
    lib.zmq_atomic_counter_destroy(&raw mut counter);
}

#[test]
fn a_counter_below_0_wraps() {
    let lib = c_library!();
    let mut counter = lib.zmq_atomic_counter_new();
    assert_eq!(lib.zmq_atomic_counter_dec(counter), 1);
    assert_eq!(lib.zmq_atomic_counter_value(counter), -1);
    lib.zmq_atomic_counter_destroy(&raw mut counter);
}

#[test]
fn a_counter_counts_for_several_threads() {
    let lib = c_library!();
    let mut counter = lib.zmq_atomic_counter_new();
    let shared = conformance::c_api::Handle(counter);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(move || {
                let shared = shared;
                for _ in 0..5_000 {
                    lib.zmq_atomic_counter_inc(shared.0);
                }
            });
        }
    });
    assert_eq!(lib.zmq_atomic_counter_value(counter), 20_000);
    lib.zmq_atomic_counter_destroy(&raw mut counter);
}

// Stopwatch and sleep

#[test]
fn a_stopwatch_never_runs_backwards() {
    let lib = c_library!();
    let watch = lib.zmq_stopwatch_start();
    let first = lib.zmq_stopwatch_intermediate(watch);
    wait::until("a microsecond to pass", || lib.zmq_stopwatch_intermediate(watch) > first);
    let second = lib.zmq_stopwatch_intermediate(watch);
    assert!(lib.zmq_stopwatch_stop(watch) >= second);
}

#[test]
fn a_stopwatch_counts_microseconds() {
    let lib = c_library!();
    let watch = lib.zmq_stopwatch_start();
    let begin = std::time::Instant::now();
    std::thread::yield_now();
    let least = begin.elapsed().as_micros();
    assert!(u128::from(lib.zmq_stopwatch_stop(watch)) >= least);
}

#[test]
fn sleeping_no_seconds_returns() {
    c_library!().zmq_sleep(0);
}

// Threads

extern "C" fn set_flag(flag: *mut c_void) {
    // SAFETY: the test keeps the flag alive until the thread is joined.
    unsafe { &*flag.cast::<AtomicI32>() }.store(7, Ordering::SeqCst);
}

#[test]
fn a_thread_runs_and_is_joined() {
    let lib = c_library!();
    let flag = AtomicI32::new(0);
    let thread = lib.zmq_threadstart(Some(set_flag), (&raw const flag).cast_mut().cast());
    assert!(!thread.is_null());
    lib.zmq_threadclose(thread);
    assert_eq!(flag.load(Ordering::SeqCst), 7);
}

// Timers

extern "C" fn count(_id: c_int, counter: *mut c_void) {
    // SAFETY: the test keeps the counter alive as long as its timers.
    unsafe { &*counter.cast::<AtomicUsize>() }.fetch_add(1, Ordering::SeqCst);
}

extern "C" fn remember_id(id: c_int, slot: *mut c_void) {
    // SAFETY: as above.
    unsafe { &*slot.cast::<AtomicI32>() }.store(id, Ordering::SeqCst);
}

struct Timers {
    lib: &'static Library,
    handle: *mut c_void,
    fired: Arc<AtomicUsize>,
}

impl Timers {
    fn new(lib: &'static Library) -> Self {
        Self { lib, handle: lib.zmq_timers_new(), fired: Arc::default() }
    }

    fn add(&self, interval: usize) -> c_int {
        let counter = Arc::as_ptr(&self.fired).cast_mut().cast();
        self.lib.zmq_timers_add(self.handle, interval, Some(count), counter)
    }

    fn fired(&self) -> usize {
        self.fired.load(Ordering::SeqCst)
    }

    fn timeout(&self) -> i64 {
        self.lib.zmq_timers_timeout(self.handle)
    }

    fn execute(&self) {
        assert_eq!(self.lib.zmq_timers_execute(self.handle), 0);
    }

    fn check(&self, rc: c_int) -> Result<usize, Errno> {
        self.lib.check(rc)
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        assert_eq!(self.lib.zmq_timers_destroy(&raw mut self.handle), 0);
        assert!(self.handle.is_null());
    }
}

const HOUR: usize = 3_600_000;

#[test]
fn no_timers_have_no_timeout() {
    let timers = Timers::new(c_library!());
    assert_eq!(timers.timeout(), -1);
    timers.execute();
}

#[test]
fn timer_ids_count_from_1() {
    let timers = Timers::new(c_library!());
    assert_eq!([timers.add(HOUR), timers.add(1), timers.add(HOUR)], [1, 2, 3]);
}

#[test]
fn the_timeout_is_that_of_the_next_timer() {
    let timers = Timers::new(c_library!());
    timers.add(2 * HOUR);
    timers.add(HOUR);
    let timeout = timers.timeout();
    assert!(timeout > 0 && timeout <= HOUR as i64, "{timeout}");
}

#[test]
fn a_timer_does_not_fire_before_its_time() {
    let timers = Timers::new(c_library!());
    timers.add(HOUR);
    timers.execute();
    assert_eq!(timers.fired(), 0);
}

#[test]
fn a_timer_fires_again_and_again() {
    let timers = Timers::new(c_library!());
    timers.add(1);
    wait::until("the timer to have fired three times", || {
        timers.execute();
        timers.fired() >= 3
    });
}

#[test]
fn missed_periods_are_not_made_up_for() {
    let timers = Timers::new(c_library!());
    timers.add(1);
    wait::until("many periods to pass", {
        let begin = std::time::Instant::now();
        move || begin.elapsed().as_millis() > 30
    });
    timers.execute();
    assert_eq!(timers.fired(), 1);
}

#[test]
fn a_handler_gets_the_id_of_its_timer() {
    let lib = c_library!();
    let timers = Timers::new(lib);
    let slot = AtomicI32::new(0);
    timers.add(HOUR);
    let pointer = (&raw const slot).cast_mut().cast();
    assert_eq!(lib.zmq_timers_add(timers.handle, 1, Some(remember_id), pointer), 2);
    wait::until("the timer to fire", || {
        timers.execute();
        slot.load(Ordering::SeqCst) == 2
    });
}

#[test]
fn a_cancelled_timer_does_not_fire() {
    let timers = Timers::new(c_library!());
    let cancelled = timers.add(1);
    let other = Timers::new(timers.lib);
    other.add(1);
    assert_eq!(timers.lib.zmq_timers_cancel(timers.handle, cancelled), 0);
    wait::until("the other timer to fire", || {
        timers.execute();
        other.execute();
        other.fired() > 0
    });
    assert_eq!(timers.fired(), 0);
    assert_eq!(timers.timeout(), -1);
}

#[test]
fn cancelling_twice_or_an_unknown_timer_is_einval() {
    let timers = Timers::new(c_library!());
    let (lib, id) = (timers.lib, timers.add(HOUR));
    assert_eq!(timers.check(lib.zmq_timers_cancel(timers.handle, id)), Ok(0));
    assert_eq!(timers.check(lib.zmq_timers_cancel(timers.handle, id)), Err(zmq::EINVAL));
    assert_eq!(timers.check(lib.zmq_timers_cancel(timers.handle, 99)), Err(zmq::EINVAL));
}

#[test]
fn a_freshly_cancelled_timer_can_be_changed_but_stays_cancelled() {
    let timers = Timers::new(c_library!());
    let (lib, id) = (timers.lib, timers.add(HOUR));
    timers.add(HOUR);
    assert_eq!(timers.check(lib.zmq_timers_cancel(timers.handle, id)), Ok(0));
    assert_eq!(timers.check(lib.zmq_timers_set_interval(timers.handle, id, 1)), Ok(0));
    assert_eq!(timers.check(lib.zmq_timers_reset(timers.handle, id)), Ok(0));
    assert!(timers.timeout() > HOUR as i64 / 2);
}

#[test]
fn an_interval_can_be_changed() {
    let timers = Timers::new(c_library!());
    let id = timers.add(HOUR);
    assert_eq!(timers.lib.zmq_timers_set_interval(timers.handle, id, 1), 0);
    assert!(timers.timeout() <= 1);
    wait::until("the timer to fire", || {
        timers.execute();
        timers.fired() > 0
    });
}

#[test]
fn a_reset_timer_begins_anew() {
    let timers = Timers::new(c_library!());
    let id = timers.add(HOUR);
    assert_eq!(timers.lib.zmq_timers_reset(timers.handle, id), 0);
    assert!(timers.timeout() > HOUR as i64 / 2);
}

#[test]
fn unknown_timers_are_einval() {
    let timers = Timers::new(c_library!());
    let lib = timers.lib;
    assert_eq!(timers.check(lib.zmq_timers_set_interval(timers.handle, 99, 1)), Err(zmq::EINVAL));
    assert_eq!(timers.check(lib.zmq_timers_reset(timers.handle, 99)), Err(zmq::EINVAL));
}

#[test]
fn a_timer_without_handler_is_efault() {
    let timers = Timers::new(c_library!());
    let lib = timers.lib;
    assert_eq!(timers.check(lib.zmq_timers_add(timers.handle, 1, None, NULL)), Err(zmq::EFAULT));
}

#[test]
fn no_timers_object_is_efault() {
    let lib = c_library!();
    assert_eq!(lib.check(lib.zmq_timers_add(NULL, 1, Some(count), NULL)), Err(zmq::EFAULT));
    assert_eq!(lib.check(lib.zmq_timers_cancel(NULL, 1)), Err(zmq::EFAULT));
    assert_eq!(lib.check(lib.zmq_timers_execute(NULL)), Err(zmq::EFAULT));
    assert_eq!(lib.zmq_timers_timeout(NULL), -1);
    assert_eq!(Errno(lib.zmq_errno()), zmq::EFAULT);
    let mut none = NULL;
    assert_eq!(lib.check(lib.zmq_timers_destroy(&raw mut none)), Err(zmq::EFAULT));
}

#[test]
fn the_number_of_exported_functions_is_at_least_that_of_the_stable_api() {
    let lib = c_library!();
    let stable = table("functions.csv").iter().filter(|row| lib.exports(&row["name"])).count();
    let wanted =
        differs!("the_number_of_exported_functions_is_at_least_that_of_the_stable_api", libzmq: 70, ours: 97);
    assert!(stable >= wanted, "{stable}");
}
