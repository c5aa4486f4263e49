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

    const ROUNDS: usize = 4_000;

    /// One side of a round: store to the own word, fence, load the other's.
    struct Side {
        word: AtomicU32,
        arrived: AtomicUsize,
    }

    impl Side {
        fn new() -> Self {
            Self { word: AtomicU32::new(0), arrived: AtomicUsize::new(0) }
        }

        /// Plays all rounds; per round, whether the other's store was seen.
        fn play(&self, other: &Self, barrier: fn()) -> Vec<bool> {
            let mut seen = Vec::with_capacity(ROUNDS);
            for round in 1..=ROUNDS {
                self.arrived.store(round, Ordering::SeqCst);
                let mut spins = 0_u32;
                while other.arrived.load(Ordering::SeqCst) < round {
                    spins += 1;
                    if spins.is_multiple_of(1_000) {
                        std::thread::yield_now();
                    }
                    std::hint::spin_loop();
                }
                self.word.store(round as u32, Ordering::Relaxed);
                barrier();
                seen.push(other.word.load(Ordering::Relaxed) >= round as u32);
            }
            seen
        }
    }

    /// Store buffering: in no round may both sides read the old value.
    #[test]
    fn orders_a_store_before_a_load_on_both_sides() {
        let (frequent, rare) = (Side::new(), Side::new());
        let (seen_by_frequent, seen_by_rare) = std::thread::scope(|scope| {
            let light = scope.spawn(|| frequent.play(&rare, light_fence));
            (rare.play(&frequent, heavy_fence), light.join().unwrap())
        });
        let missed = seen_by_frequent.iter().zip(&seen_by_rare).position(|(&a, &b)| !a && !b);
        assert_eq!(missed, None, "both sides read the old value in this round");
    }
}
