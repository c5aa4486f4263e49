//! What a thread is known by.

/// A number of the calling thread that no other live thread has, not 0, and a multiple of
/// [`THREAD_STEP`](crate::gate::THREAD_STEP) below 2^63: where its control block is, which the processor holds, and which
/// begins with pointers. A thread that gets the place of one that has ended began after that end.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[inline(always)]
pub fn number() -> u64 {
    let pointer: u64;
    // SAFETY: the first word of the thread control block is its own address, by the ABI of thread-local storage.
    unsafe {
        std::arch::asm!("mov {}, fs:[0]", out(reg) pointer, options(nostack, preserves_flags, readonly, pure));
    }
    pointer
}

/// A number of the calling thread that no other thread has, not 0, and a multiple of
/// [`THREAD_STEP`](crate::gate::THREAD_STEP) below 2^63.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
#[inline(always)]
pub fn number() -> u64 {
    use std::cell::Cell;
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    NUMBER.with(|number| {
        if number.get() == 0 {
            // As far apart as the others: the pools tell threads apart by pages.
            number.set(crate::sync::unique_id() << 12);
        }
        number.get()
    })
}
