//! The atomics, cells and counted pointers of this workspace: the standard library's, or loom's under `--cfg loom`.
//!
//! Every lock-free piece names only what is exported here, so that one source is both shipped and model checked.

#[cfg(loom)]
pub use loom::{
    cell::UnsafeCell,
    hint::spin_loop,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    },
    thread::yield_now,
};

#[cfg(not(loom))]
pub use std::{
    hint::spin_loop,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    },
    thread::yield_now,
};

/// `std::cell::UnsafeCell` with loom's closure interface, so that loom sees every access.
#[cfg(not(loom))]
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct UnsafeCell<T: ?Sized>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(std::cell::UnsafeCell::new(value))
    }

    /// Runs `f` with a shared pointer to the value.
    #[inline(always)]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.0.get())
    }

    /// Runs `f` with an exclusive pointer to the value.
    #[inline(always)]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }

    /// Unwraps the value.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

/// Locks a mutex whether or not a panicking thread poisoned it: every critical section in this workspace leaves
/// its data consistent at every point where it could unwind.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    match mutex.lock() {
        Ok(guard) => guard,
        Err(poisoned) => poisoned.into_inner(),
    }
}

/// The cheap side of an asymmetric pair: orders this thread's earlier stores before its later loads against a thread
/// that calls [`heavy_fence`] in between its own store and load. Only the compiler is held back where the kernel can
/// interrupt the other threads, else a full fence.
#[inline(always)]
pub fn light_fence() {
    #[cfg(not(loom))]
    if !membarrier::is_available() {
        full_fence();
    }
    lightest_fence();
}

/// [`light_fence`] where [`prepare_fences`] has said that it is light.
#[inline(always)]
pub fn lightest_fence() {
    #[cfg(loom)]
    fence(Ordering::SeqCst);
    #[cfg(not(loom))]
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
}

#[cfg(not(loom))]
#[cold]
fn full_fence() {
    fence(Ordering::SeqCst);
}

/// The dear side of an asymmetric pair: a full fence of this thread and, by the kernel, of every running thread of
/// the process. About a microsecond: only before a thread goes to sleep, or against an intruder.
pub fn heavy_fence() {
    try_heavy_fence();
}

/// [`heavy_fence`] for those who must know. False: the kernel refused it, since the program is in a sandbox that was not
/// there when it was first asked; the light side may have been too light.
#[inline(never)]
pub fn try_heavy_fence() -> bool {
    fence(Ordering::SeqCst);
    #[cfg(loom)]
    return true;
    #[cfg(not(loom))]
    membarrier::all_threads()
}

/// Finds out, once, whether [`light_fence`] may be light, and says so: called by whatever is made to use it.
pub fn prepare_fences() -> bool {
    #[cfg(loom)]
    return true;
    #[cfg(not(loom))]
    membarrier::prepare()
}

/// A number that no other call in this process returned.
pub fn unique_id() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// A value alone on its cache lines: two of 64 bytes, since neighbours are fetched in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Line<T>(pub T);

impl<T> std::ops::Deref for Line<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

/// membarrier(2), PRIVATE_EXPEDITED, by raw syscall: older C libraries have no wrapper.
#[cfg(not(loom))]
mod membarrier {
    use std::sync::atomic::{AtomicU8, Ordering};

    const UNKNOWN: u8 = 0;
    const AVAILABLE: u8 = 1;
    const MISSING: u8 = 2;
    /// It was available, and is refused since.
    const LOST: u8 = 3;

    /// A thread that does not know yet fences fully, which pairs with either form of the other side.
    static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);

    #[inline(always)]
    pub(super) fn is_available() -> bool {
        STATE.load(Ordering::Relaxed) == AVAILABLE
    }

    pub(super) fn prepare() -> bool {
        match STATE.load(Ordering::Relaxed) {
            UNKNOWN => register(),
            state => state == AVAILABLE,
        }
    }

    /// Whether what this thread did before is ordered against every light fence.
    pub(super) fn all_threads() -> bool {
        match STATE.load(Ordering::Relaxed) {
            MISSING => true,
            LOST => false,
            UNKNOWN if !register() => true,
            _ => expedite(),
        }
    }

    #[cfg(target_os = "linux")]
    fn call(command: libc::c_int) -> bool {
        // SAFETY: membarrier takes two integers and touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0) == 0 }
    }

    /// Registers the process; a second registration by a racing thread is harmless.
    #[cfg(target_os = "linux")]
    fn register() -> bool {
        let ok = call(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)
            && call(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED);
        STATE.store(if ok { AVAILABLE } else { MISSING }, Ordering::SeqCst);
        ok
    }

    /// Cannot fail once registered, but by a filter of system calls.
    #[cfg(target_os = "linux")]
    fn expedite() -> bool {
        let done = call(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED);
        if !done {
            STATE.store(LOST, Ordering::SeqCst);
        }
        done
    }

    #[cfg(not(target_os = "linux"))]
    fn register() -> bool {
        STATE.store(MISSING, Ordering::SeqCst);
        false
    }

    #[cfg(not(target_os = "linux"))]
    fn expedite() -> bool {
        true
    }
}
