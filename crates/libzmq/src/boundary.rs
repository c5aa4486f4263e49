//! What every entry point passes through: a catch for panics, and errno.
//!
//! No thread is cancelled inside of the catch, which would end the process ([`ferrozmq_base::cancel`]). Entry points
//! declared by `entries` see to that as a whole. It costs about as much as sending a message, so those on a message's way
//! are declared by `lean_entries`: every cancellation point that they reach is looked after where it is. So are those that
//! wait, which a request ends: then the thread ends here.
use ferrozmq_base::{Error, Result, cancel::Uncancelled};
use libc::{c_char, c_int, c_void};
use std::{
    ffi::CStr,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
};

static PANICS: AtomicU64 = AtomicU64::new(0);

/// How many panics were caught at the boundary since the program started. Always 0 in a correct library.
pub fn caught_panics() -> u64 {
    PANICS.load(Ordering::Relaxed)
}

/// Runs the body of an entry point: an error sets errno and gives `failed`, and so does a panic, with EFAULT. If the
/// thread was cancelled, it ends.
#[inline(always)]
pub(crate) fn call<T>(failed: T, body: impl FnOnce() -> Result<T>) -> T {
    catch(failed, body, report_or_end)
}

/// [`call`] for the body of an entry point in which the thread is not cancelled.
#[inline(always)]
pub(crate) fn call_whole<T>(failed: T, body: impl FnOnce() -> Result<T>) -> T {
    let _whole = Uncancelled::begin();
    call_awake(failed, body)
}

/// [`call`] for a body that never waits.
#[inline(always)]
pub(crate) fn call_awake<T>(failed: T, body: impl FnOnce() -> Result<T>) -> T {
    catch(failed, body, report)
}

#[inline(always)]
fn catch<T>(failed: T, body: impl FnOnce() -> Result<T>, report: impl FnOnce(Error)) -> T {
    // What a panic left half done is not seen again: the socket that was in use answers EFAULT from then on.
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => {
            report(error);
            failed
        }
        Err(payload) => {
            // Dropping it could panic again.
            std::mem::forget(payload);
            PANICS.fetch_add(1, Ordering::Relaxed);
            set_errno(libc::EFAULT);
            failed
        }
    }
}

/// Out of the way of the calls that succeed.
#[cold]
#[inline(never)]
fn report(error: Error) {
    set_errno(error.errno());
}

/// [`report`], unless a wait says that the thread was cancelled: then it ends, as in any cancellation point of C, with
/// nothing of ours on its stack but frames that own nothing.
#[cold]
#[inline(never)]
fn report_or_end(error: Error) {
    unsafe extern "C-unwind" {
        fn pthread_exit(result: *mut c_void) -> !;
    }
    const CANCELED: *mut c_void = std::ptr::without_provenance_mut(usize::MAX);
    if error == Error::Os(libc::ECANCELED) {
        // SAFETY: what is unwound is this function and the entry point, in which nothing waits to be dropped, and then
        // the caller's.
        unsafe { pthread_exit(CANCELED) };
    }
    report(error);
}

/// Sets errno of the calling thread.
pub(crate) fn set_errno(code: c_int) {
    // SAFETY: the location of the thread's errno is always valid.
    unsafe { *libc::__errno_location() = code };
}

/// A result of an `int` function for which any size will do.
pub(crate) fn clamped(size: usize) -> c_int {
    c_int::try_from(size).unwrap_or(c_int::MAX)
}

/// A C string as text; none for NULL and for what is not UTF-8.
///
/// # Safety
/// `text` is NULL or ends in a NUL, and stays unchanged for `'a`.
pub(crate) unsafe fn text<'a>(text: *const c_char) -> Option<&'a str> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not NULL, so by the contract a C string.
    unsafe { CStr::from_ptr(text) }.to_str().ok()
}

/// A caller's buffer for reading; NULL is empty if the length is 0, else none.
///
/// # Safety
/// `data` is NULL or points to `len` readable bytes that nobody writes during `'a`.
pub(crate) unsafe fn bytes<'a>(data: *const u8, len: usize) -> Option<&'a [u8]> {
    if len == 0 {
        return Some(&[]);
    }
    if data.is_null() || isize::try_from(len).is_err() {
        return None;
    }
    // SAFETY: not NULL, of a possible length, and by the contract readable.
    Some(unsafe { std::slice::from_raw_parts(data, len) })
}

/// A caller's buffer for writing; as [`bytes`].
///
/// # Safety
/// `data` is NULL or points to `len` writable bytes that nobody else touches during `'a`.
pub(crate) unsafe fn bytes_mut<'a>(data: *mut u8, len: usize) -> Option<&'a mut [u8]> {
    if len == 0 {
        return Some(&mut []);
    }
    if data.is_null() || isize::try_from(len).is_err() {
        return None;
    }
    // SAFETY: not NULL, of a possible length, and by the contract writable.
    Some(unsafe { std::slice::from_raw_parts_mut(data, len) })
}

/// Declares entry points: each line of documentation, the C signature, the value of a failed call, and the body as a
/// `Result`.
macro_rules! entries {
    ($($entries:tt)*) => { $crate::boundary::entries_by! { call_whole $($entries)* } };
}
pub(crate) use entries;

/// [`entries`] that are on the way of a message, or wait.
macro_rules! lean_entries {
    ($($entries:tt)*) => { $crate::boundary::entries_by! { call $($entries)* } };
}
pub(crate) use lean_entries;

macro_rules! entries_by {
    ($call:ident $($(#[doc = $doc:literal])* fn $name:ident($($arg:ident: $type:ty),* $(,)?) -> $ret:ty, or $failed:expr; $body:block)*) => {
        $(
            $(#[doc = $doc])*
            ///
            /// # Safety
            /// Pointers are NULL or what `zmq.h` says: handles need not be alive, buffers and strings are.
            #[unsafe(no_mangle)]
            pub unsafe extern "C-unwind" fn $name($($arg: $type),*) -> $ret {
                $crate::boundary::$call($failed, || $body)
            }
        )*
    };
}
pub(crate) use entries_by;
