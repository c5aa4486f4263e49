//! Atomic counters.
use crate::boundary::lean_entries;
use ferrozmq_base::{Error, Result};
use libc::{c_int, c_void};
use std::sync::atomic::{AtomicI32, Ordering};

/// The counter behind a pointer.
///
/// # Safety
/// `counter` is NULL or from `zmq_atomic_counter_new`, and not destroyed during `'a`.
unsafe fn counter<'a>(counter: *mut c_void) -> Result<&'a AtomicI32> {
    // SAFETY: by the contract.
    unsafe { counter.cast::<AtomicI32>().as_ref() }.ok_or(Error::BadAddress)
}

lean_entries! {
    /// A counter at 0.
    fn zmq_atomic_counter_new() -> *mut c_void, or std::ptr::null_mut(); {
        Ok(Box::into_raw(Box::new(AtomicI32::new(0))).cast())
    }

    /// Sets the value.
    fn zmq_atomic_counter_set(pointer: *mut c_void, value: c_int) -> (), or (); {
        // SAFETY: by the contract of the entry points.
        unsafe { counter(pointer) }?.store(value, Ordering::SeqCst);
        Ok(())
    }

    /// Adds 1; the result is the value before.
    fn zmq_atomic_counter_inc(pointer: *mut c_void) -> c_int, or 0; {
        // SAFETY: by the contract of the entry points.
        Ok(unsafe { counter(pointer) }?.fetch_add(1, Ordering::SeqCst))
    }

    /// Subtracts 1; 0 when that made it 0, else 1.
    fn zmq_atomic_counter_dec(pointer: *mut c_void) -> c_int, or 0; {
        // SAFETY: by the contract of the entry points.
        Ok((unsafe { counter(pointer) }?.fetch_sub(1, Ordering::SeqCst) != 1).into())
    }

    /// The value.
    fn zmq_atomic_counter_value(pointer: *mut c_void) -> c_int, or 0; {
        // SAFETY: by the contract of the entry points.
        Ok(unsafe { counter(pointer) }?.load(Ordering::SeqCst))
    }

    /// Frees the counter and sets the pointer to NULL.
    fn zmq_atomic_counter_destroy(counter_p: *mut *mut c_void) -> (), or (); {
        // SAFETY: NULL or a pointer, by the contract of the entry points.
        let place = unsafe { counter_p.as_mut() }.ok_or(Error::BadAddress)?;
        let pointer = std::mem::replace(place, std::ptr::null_mut());
        if !pointer.is_null() {
            // SAFETY: from `zmq_atomic_counter_new`, and destroyed only once since the place is NULL now.
            drop(unsafe { Box::from_raw(pointer.cast::<AtomicI32>()) });
        }
        Ok(())
    }
}
