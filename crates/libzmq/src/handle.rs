//! Handles: the `void *` of contexts, sockets, pollers and timers.
//!
//! All live in one region of memory that is mapped once, at the first handle, and never unmapped. A handle is an
//! address in it: `region + slot * 128 + (generation % 16) * 8`. So any pointer that a caller passes is judged by
//! arithmetic before anything is read: is it inside the part in use? Then its slot says which address is its handle
//! now. A slot goes back to the end of a queue and is not used again before 64 others, so a closed handle is told
//! from a new one until its slot was used 16 times more.
//!
//! Invariants, on which the `unsafe` here rests:
//! - slots in the first `USED` bytes are initialised, at their final address, for ever;
//! - `Slot::object` is touched only with a pass of the slot's own gate, of which there is one at a time;
//! - `Slot::name` changes only with that pass.
use crate::{context::ContextHandle, poller::Registrations, socket::SocketHandle, timers::Timers};
use ferrozmq_base::{
    Error, Result,
    gate::{Gate, Pass, THREAD_STEP},
    sync::heavy_fence,
};
use ferrozmq_runtime::SharedSocket;
use ferrozmq_sys::ForkEpoch;
use libc::c_void;
use std::{
    cell::UnsafeCell,
    collections::VecDeque,
    ptr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, TryLockError,
        atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Bytes of a slot.
const STRIDE: usize = 128;
/// Bytes between the addresses of two generations of a slot.
const STEP: usize = 8;
/// The most handles at a time. The region is reserved, not used: 16 MB of addresses.
const SLOTS: usize = 1 << 17;
/// How many free slots are kept unused.
const RESTING: usize = 64;
/// How often a thread gives way to one that is inside for a moment, and how often it sleeps for [`NAP`] after that: that
/// one may have lost its core.
const YIELDS: u32 = 10_000;
const NAPS: u32 = 10_000;
const NAP: Duration = Duration::from_millis(1);

/// What a handle stands for.
#[derive(Debug)]
pub(crate) enum Object {
    Free,
    Context(ContextHandle),
    Socket(Box<SocketHandle>),
    /// A socket of a type that several threads may use at once.
    Shared(Arc<SharedSocket>),
    Poller(Box<Registrations>),
    Timers(Box<Timers>),
}

#[repr(C, align(128))]
struct Slot {
    /// The handle that stands for the object, or will for the next one.
    name: AtomicUsize,
    gate: Gate,
    /// What it stands for is for several threads, which are inside for a moment only: to find out where it is.
    shared: AtomicBool,
    object: UnsafeCell<Object>,
}

const _: () = assert!(size_of::<Slot>() == STRIDE && STRIDE / STEP == 16);

// SAFETY: the object is touched only by the holder of the gate's one pass, and may move between threads (below).
unsafe impl Sync for Slot {}

const _: () = {
    const fn moves_between_threads<T: Send>() {}
    moves_between_threads::<Object>();
};

/// The process in which the first handle was made.
static PROCESS: OnceLock<ForkEpoch> = OnceLock::new();
static REGION: AtomicPtr<Slot> = AtomicPtr::new(ptr::null_mut());
/// Bytes of the region in use: whole slots.
static USED: AtomicUsize = AtomicUsize::new(0);
static FREE: Mutex<VecDeque<usize>> = Mutex::new(VecDeque::new());

/// Why a pointer gives no access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// NULL, not ours, or closed.
    Dead,
    /// Somebody is using it in this moment: another thread, or this one further up the stack.
    Busy,
}

impl Refused {
    /// The error to report where a dead handle has this one.
    pub(crate) fn or(self, dead: Error) -> Error {
        match self {
            Self::Dead => dead,
            Self::Busy => Error::InvalidState,
        }
    }
}

/// Exclusive access to what a handle stands for.
#[derive(Debug)]
pub(crate) struct Entered {
    slot: &'static Slot,
    _pass: Pass<'static>,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Entered {
    #[inline(always)]
    pub(crate) fn object(&mut self) -> &mut Object {
        // SAFETY: self holds the slot's pass, and the result borrows self.
        unsafe { &mut *self.slot.object.get() }
    }

    /// Takes the object out: the handle is dead from now on.
    pub(crate) fn retire(mut self) -> Object {
        let object = std::mem::replace(self.object(), Object::Free);
        let name = self.slot.name.load(Ordering::Relaxed);
        self.slot.name.store(name - name % STRIDE + (name + STEP) % STRIDE, Ordering::Relaxed);
        let region = REGION.load(Ordering::Acquire) as usize;
        let index = (ptr::from_ref(self.slot) as usize - region) / STRIDE;
        drop(self);
        if let Some(mut free) = free_slots() {
            free.push_back(index);
        }
        object
    }
}

impl Slot {
    #[inline(always)]
    fn is_named(&self, handle: *const c_void) -> bool {
        self.name.load(Ordering::Relaxed) == handle as usize
    }

    /// As [`Gate::enter`], if the thread is not the one that used the slot last: only for the right handle is that
    /// one disturbed.
    #[cold]
    fn enter_slowly(&self, handle: *const c_void) -> Result<Pass<'_>, Refused> {
        if !self.is_named(handle) {
            return Err(Refused::Dead);
        }
        let entered = patiently(|| match self.gate.enter(thread()) {
            Some(pass) => Some(Ok(pass)),
            None if self.shared.load(Ordering::Relaxed) => None,
            None => Some(Err(Refused::Busy)),
        });
        entered.unwrap_or(Err(Refused::Busy))
    }
}

/// Tries until others are out of what they are in for a moment only.
fn patiently<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    for tries in 0..YIELDS + NAPS {
        if let Some(done) = attempt() {
            return Some(done);
        }
        match tries {
            0..YIELDS => std::thread::yield_now(),
            // A moment that another thread was in when the process forked never ends.
            _ if in_forked_child() => break,
            _ => std::thread::sleep(NAP),
        }
    }
    None
}

/// Enters what the handle stands for.
#[inline(always)]
pub(crate) fn enter(handle: *const c_void) -> Result<Entered, Refused> {
    let region = REGION.load(Ordering::Acquire);
    let offset = (handle as usize).wrapping_sub(region as usize);
    if offset >= USED.load(Ordering::Acquire) {
        return Err(Refused::Dead);
    }
    // SAFETY: slots in the bytes in use are initialised and stay. Without a region none are.
    let slot: &'static Slot = unsafe { &*region.byte_add(offset - offset % STRIDE) };
    let pass = match slot.gate.enter_again(thread()) {
        Some(pass) => pass,
        None => slot.enter_slowly(handle)?,
    };
    // Now nobody can close it any more.
    if !slot.is_named(handle) {
        return Err(Refused::Dead);
    }
    Ok(Entered { slot, _pass: pass })
}

/// A new handle.
///
/// # Errors
/// `TooManyFiles` at the limit of handles, `OutOfMemory`; `Interrupted` in a forked child that cannot make any.
pub(crate) fn insert(object: Object) -> Result<*mut c_void> {
    let mut free = free_slots().ok_or(Error::Interrupted)?;
    let index = match USED.load(Ordering::Acquire) / STRIDE {
        used if free.len() > RESTING || used == SLOTS => free.pop_front().ok_or(Error::TooManyFiles)?,
        used => first_use(used)?,
    };
    drop(free);
    let region = REGION.load(Ordering::Acquire);
    // SAFETY: an index from the queue or from `first_use` is of a slot in use.
    let slot = unsafe { &*region.add(index) };
    // A stale handle of the slot may be tried in this moment; it leaves at once.
    let pass = loop {
        match slot.gate.enter(thread()) {
            Some(pass) => break pass,
            None => std::thread::yield_now(),
        }
    };
    let mut entered = Entered { slot, _pass: pass };
    slot.shared.store(matches!(object, Object::Shared(_) | Object::Context(_)), Ordering::Relaxed);
    *entered.object() = object;
    let step = slot.name.load(Ordering::Relaxed) % STRIDE;
    Ok(ptr::from_ref(slot).wrapping_byte_add(step).cast_mut().cast())
}

/// Initialises the next slot, and first of all the region. The caller holds the lock of the free slots.
fn first_use(index: usize) -> Result<usize> {
    let mut region = REGION.load(Ordering::Acquire);
    if region.is_null() {
        region = reserve()?;
        REGION.store(region, Ordering::Release);
    }
    // SAFETY: `index` is below SLOTS, so inside the region, and not in the part in use, so nobody looks at it yet.
    unsafe {
        let place = region.add(index);
        let name = AtomicUsize::new(place as usize);
        place.write(Slot {
            name,
            gate: Gate::new(),
            shared: AtomicBool::new(false),
            object: UnsafeCell::new(Object::Free),
        });
    }
    USED.store((index + 1) * STRIDE, Ordering::Release);
    Ok(index)
}

fn reserve() -> Result<*mut Slot> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a fresh anonymous mapping, where the kernel likes; page aligned, which is more than a slot needs.
    let region = unsafe {
        libc::mmap(ptr::null_mut(), SLOTS * STRIDE, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0)
    };
    if region == libc::MAP_FAILED {
        return Err(Error::OutOfMemory);
    }
    PROCESS.get_or_init(ForkEpoch::current);
    // The first one registers the process with the kernel; before that the cheap side of the gates is a full fence.
    heavy_fence();
    Ok(region.cast())
}

/// Whether this process is a child that got the handles by a fork.
pub(crate) fn in_forked_child() -> bool {
    PROCESS.get().is_some_and(|epoch| !epoch.is_current())
}

/// The free slots; none if they stay locked, as they may after a fork that came while another thread had them.
fn free_slots() -> Option<MutexGuard<'static, VecDeque<usize>>> {
    patiently(|| match FREE.try_lock() {
        Ok(free) => Some(free),
        // Nothing in the critical sections leaves the queue half changed.
        Err(TryLockError::Poisoned(free)) => Some(free.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    })
}

/// A number of the calling thread for a gate: about where its thread-local storage is, which the processor holds, and of
/// which every thread has more than the steps of these numbers. A thread that gets the place of one that has ended began
/// after that end.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[inline(always)]
fn thread() -> u64 {
    let pointer: u64;
    // SAFETY: the first word of the thread control block is its own address, by the ABI of thread-local storage.
    unsafe {
        std::arch::asm!("mov {}, fs:[0]", out(reg) pointer, options(nostack, preserves_flags, readonly, pure));
    }
    pointer & !(THREAD_STEP - 1)
}

/// A number of the calling thread for a gate.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
#[inline(always)]
fn thread() -> u64 {
    use std::cell::Cell;
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    NUMBER.with(|number| {
        if number.get() == 0 {
            number.set(ferrozmq_base::sync::unique_id() * THREAD_STEP);
        }
        number.get()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timers() -> *mut c_void {
        insert(Object::Timers(Box::default())).expect("a slot")
    }

    #[test]
    fn pointers_that_are_no_handles_are_dead() {
        let live = timers();
        let here = 0u8;
        for pointer in [
            ptr::null(),
            ptr::without_provenance(1),
            ptr::without_provenance(usize::MAX),
            (&raw const here).cast(),
            live.wrapping_byte_add(1),
            live.wrapping_byte_add(8),
            live.wrapping_byte_sub(1),
            live.wrapping_byte_add(STRIDE * SLOTS),
        ] {
            assert_eq!(enter(pointer).err(), Some(Refused::Dead), "{pointer:?}");
        }
        enter(live).expect("alive").retire();
        assert_eq!(enter(live).err(), Some(Refused::Dead));
    }

    #[test]
    fn a_closed_handle_stays_dead_while_new_ones_come() {
        let old = timers();
        enter(old).expect("alive").retire();
        for _ in 0..10 * RESTING {
            let new = timers();
            assert_ne!(new, old);
            assert_eq!(enter(old).err(), Some(Refused::Dead));
            enter(new).expect("alive").retire();
        }
    }

    #[test]
    fn who_is_inside_of_a_context_for_long_keeps_nobody_out() {
        let context = ContextHandle::new().expect("a context");
        let handle = insert(Object::Context(context)).expect("a slot");
        let inside = enter(handle).expect("alive");
        let address = handle as usize;
        let other = std::thread::spawn(move || enter(address as *const c_void).err());
        // Not to wait for anything: this is the thread that has lost its core.
        std::thread::sleep(Duration::from_millis(200));
        drop(inside);
        assert_eq!(other.join().expect("no panic"), None);
        drop(enter(handle).expect("alive").retire());
    }

    #[test]
    fn a_second_entry_is_refused_until_the_first_leaves() {
        let handle = timers();
        let first = enter(handle).expect("alive");
        assert_eq!(enter(handle).err(), Some(Refused::Busy));
        let address = handle as usize;
        let other = std::thread::spawn(move || enter(address as *const c_void).err());
        assert_eq!(other.join().expect("no panic"), Some(Refused::Busy));
        drop(first);
        let other = std::thread::spawn(move || enter(address as *const c_void).err());
        assert_eq!(other.join().expect("no panic"), None);
        enter(handle).expect("handed back").retire();
    }
}
