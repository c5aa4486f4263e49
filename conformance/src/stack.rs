//! Calls on a small stack of their own, whose depth is measured: for the programs that call from coroutines.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::ptr;

/// Bytes of the stack on which [`depth_of`] calls; below it is a page that no access gets past.
pub const SIZE: usize = 32 * 1024;
/// A page.
const GUARD: usize = 4096;
/// What an untouched byte holds.
const PAINT: u8 = 0xA5;

thread_local! {
    /// The call that the new context makes.
    static CALL: Cell<Option<*mut dyn FnMut()>> = const { Cell::new(None) };
}

/// The memory of a stack: a guard page, then [`SIZE`] painted bytes.
struct Stack(*mut u8);

impl Stack {
    fn new() -> Self {
        // SAFETY: a fresh anonymous mapping, whose first page nobody may touch.
        unsafe {
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let access = libc::PROT_READ | libc::PROT_WRITE;
            let memory = libc::mmap(ptr::null_mut(), GUARD + SIZE, access, flags, -1, 0);
            assert_ne!(memory, libc::MAP_FAILED);
            assert_eq!(libc::mprotect(memory, GUARD, libc::PROT_NONE), 0);
            ptr::write_bytes(memory.cast::<u8>().add(GUARD), PAINT, SIZE);
            Self(memory.cast())
        }
    }

    fn bottom(&self) -> *mut u8 {
        // SAFETY: inside the mapping.
        unsafe { self.0.add(GUARD) }
    }

    /// Bytes from the top to the lowest one that was written.
    fn used(&self) -> usize {
        // SAFETY: the bytes are mapped, and initialised by the paint.
        let bytes = unsafe { std::slice::from_raw_parts(self.bottom(), SIZE) };
        SIZE - bytes.iter().take_while(|byte| **byte == PAINT).count()
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // SAFETY: the mapping of `new`, on which nothing runs any more.
        unsafe { libc::munmap(self.0.cast(), GUARD + SIZE) };
    }
}

extern "C" fn begin() {
    let call = CALL.take().expect("set before the context is entered");
    // SAFETY: the pointer is that of `depth_of`, which waits for the end of this context.
    unsafe { (*call)() };
}

/// Makes a call on a stack of [`SIZE`] bytes; what it returned, and how many bytes of stack it took.
///
/// # Panics
/// If the call does. A call that takes more than there is ends the process with SIGSEGV.
pub fn depth_of<T>(call: impl FnOnce() -> T) -> (T, usize) {
    let stack = Stack::new();
    let (mut call, mut result) = (Some(call), None);
    let mut body = || {
        let call = call.take().expect("made once");
        result = Some(catch_unwind(AssertUnwindSafe(call)));
    };
    let body: &mut dyn FnMut() = &mut body;
    // SAFETY: only the lifetime is taken away; the context ends before this function does.
    CALL.set(Some(unsafe { std::mem::transmute::<&mut dyn FnMut(), *mut (dyn FnMut() + 'static)>(body) }));
    // SAFETY: both contexts are initialised by getcontext before they are used; the new one runs on memory that lives
    // longer, and returns to the old one.
    unsafe {
        let (mut here, mut there) = (std::mem::zeroed::<libc::ucontext_t>(), std::mem::zeroed());
        assert_eq!(libc::getcontext(&raw mut there), 0);
        there.uc_stack.ss_sp = stack.bottom().cast();
        there.uc_stack.ss_size = SIZE;
        there.uc_link = &raw mut here;
        libc::makecontext(&raw mut there, begin, 0);
        assert_eq!(libc::swapcontext(&raw mut here, &raw const there), 0);
    }
    let used = stack.used();
    match result.expect("the context has ended") {
        Ok(value) => (value, used),
        Err(panic) => resume_unwind(panic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[inline(never)]
    fn takes(bytes: &mut [u8; 9000]) -> u8 {
        std::hint::black_box(bytes)[8999]
    }

    #[test]
    fn a_large_frame_is_seen() {
        let (value, empty) = depth_of(|| 7);
        assert_eq!(value, 7);
        assert!(empty < 2000, "{empty}");
        let (_, large) = depth_of(|| takes(&mut [1; 9000]));
        assert!((9000..12_000).contains(&large), "{large}");
    }
}
