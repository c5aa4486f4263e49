//! An asymmetric fence: free for one side, a system call for the other.
//!
//! The frequent side calls [`light_fence`], the rare side [`heavy_fence`]; together they order memory as two SeqCst
//! fences would. With Linux `membarrier` (private expedited) the light one is a compiler fence only and the heavy one
//! makes every running thread of the process execute a barrier; elsewhere both are SeqCst fences. Which of the two is
//! decided once, at the first use, so that both sides always agree.

use std::sync::atomic::{AtomicU8, Ordering, compiler_fence, fence};

const GLOBAL: libc::c_int = 1;
const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

fn command(command: libc::c_int) -> bool {
    // SAFETY: membarrier takes integers only and touches no memory.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

const UNKNOWN: u8 = 0;
const AVAILABLE: u8 = 1;
const MISSING: u8 = 2;

static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);

/// True if the light side costs nothing: the kernel has registered this process for expedited barriers.
#[inline]
pub fn available() -> bool {
    match STATE.load(Ordering::Relaxed) {
        UNKNOWN => find_out(),
        state => state == AVAILABLE,
    }
}

/// Decides once. No lock: a fork while another thread holds one would leave the child stuck.
#[cold]
fn find_out() -> bool {
    let works = command(REGISTER_PRIVATE_EXPEDITED) && command(PRIVATE_EXPEDITED);
    let found = if works { AVAILABLE } else { MISSING };
    match STATE.compare_exchange(UNKNOWN, found, Ordering::Relaxed, Ordering::Relaxed) {
        Ok(_) => works,
        Err(decided) => decided == AVAILABLE,
    }
}

/// The frequent side's fence.
#[inline]
pub fn light_fence() {
    if available() {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// The rare side's fence: a barrier in every thread of the process.
pub fn heavy_fence() {
    fence(Ordering::SeqCst);
    if !available() || command(PRIVATE_EXPEDITED) {
        return;
    }
    // A registration belongs to the address space: a forked child may have to repeat it. The global barrier, which
    // needs none, stands behind that.
    if !(command(REGISTER_PRIVATE_EXPEDITED) && command(PRIVATE_EXPEDITED)) {
        command(GLOBAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, AtomicUsize};

    /// Store buffering: with the fences at most one side may read the old value.
    #[test]
    fn orders_a_store_before_a_load_on_both_sides() {
        for _ in 0..300 {
            let (x, y) = (AtomicU32::new(0), AtomicU32::new(0));
            let (seen_x, seen_y) = (AtomicU32::new(9), AtomicU32::new(9));
            let arrived = AtomicUsize::new(0);
            let meet = || {
                arrived.fetch_add(1, Ordering::SeqCst);
                while arrived.load(Ordering::SeqCst) < 2 {
                    std::thread::yield_now();
                }
            };
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    meet();
                    x.store(1, Ordering::Relaxed);
                    light_fence();
                    seen_y.store(y.load(Ordering::Relaxed), Ordering::Relaxed);
                });
                scope.spawn(|| {
                    meet();
                    y.store(1, Ordering::Relaxed);
                    heavy_fence();
                    seen_x.store(x.load(Ordering::Relaxed), Ordering::Relaxed);
                });
            });
            assert_eq!(seen_x.into_inner() | seen_y.into_inner(), 1, "both sides read the old value");
        }
    }
}
