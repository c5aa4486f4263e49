//! Handles: the `void *` of contexts, sockets, pollers and timers.
//!
//! All live in one region of memory that is never unmapped: a static one, of zeros, of which only what is used is ever
//! touched. A handle is the address of a gate in it. Each slot has several, one for each time that it is used, in turn:
//! so a closed handle is told from a new one until its slot was used as often again, and a slot goes back to the end of
//! a queue and is not used again before 128 others. Whoever retires a handle leaves with the gate locked behind it: its
//! pass stays in the slot until the gate's turn comes again. So any pointer that a caller passes is judged by arithmetic
//! before anything is read: is it the address of a gate? Then whoever gets in has what lives there.
//!
//! Invariants, on which the `unsafe` here rests:
//! - `Slot::object` is touched only with the pass of a gate of the slot, or of a free slot by who has its number;
//! - it is initialised while `Slot::name` is not 0; that changes only with the pass, or by who has the number;
//! - all gates of a slot but that of its name are locked, or were never named: nobody knows or gets into them.
use crate::{context::ContextHandle, poller::Registrations, timers::Timers};
use ferrozmq_base::{
    Error, Result,
    gate::{Gate, Pass},
};
use ferrozmq_runtime::{SharedSocket, SocketCore};
use ferrozmq_sys::ForkEpoch;
use libc::c_void;
use std::{
    cell::UnsafeCell,
    collections::VecDeque,
    mem::{self, MaybeUninit, offset_of},
    ptr,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, TryLockError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

/// The most handles at a time. The region is reserved, not used: 32 MB of addresses.
const SLOTS: usize = 1 << 17;
/// Gates of a slot: how often it is used before the first handle comes again.
const GATES: usize = 8;
/// Bytes of a slot's gates.
const STRIDE: usize = GATES * size_of::<Gate>();
/// How many free slots are kept unused.
const RESTING: usize = 128;
/// How often a thread gives way to one that is inside for a moment, and how often it sleeps for [`NAP`] after that: that
/// one may have lost its core.
const YIELDS: u32 = 10_000;
const NAPS: u32 = 10_000;
const NAP: Duration = Duration::from_millis(1);

/// What a handle stands for.
#[derive(Debug)]
pub(crate) enum Object {
    Context(ContextHandle),
    Socket(Box<SocketCore>),
    /// A socket in which a panic ended a call: it can only be closed.
    Broken(Option<Box<SocketCore>>),
    /// A socket of a type that several threads may use at once.
    Shared(Arc<SharedSocket>),
    Poller(Box<Registrations>),
    Timers(Box<Timers>),
}

impl Object {
    /// A panic ended a call inside of it.
    pub(crate) fn spoil(&mut self) {
        match mem::replace(self, Self::Broken(None)) {
            Self::Socket(core) => *self = Self::Broken(Some(core)),
            other => *self = other,
        }
    }
}

#[repr(C)]
struct Region {
    gates: [[Gate; GATES]; SLOTS],
    /// A load waits for an earlier store whose address is the same but for its upper bits: this keeps an object from
    /// those of its gates.
    _apart: [u8; 2048],
    slots: [Slot; SLOTS],
}

/// What belongs to a slot besides its gates. Valid if all its bytes are zero: nothing lives there.
#[repr(C, align(128))]
struct Slot {
    object: UnsafeCell<MaybeUninit<Object>>,
    /// The handle that stands for the object; 0 if there is none.
    name: AtomicUsize,
    /// What it stands for is for several threads, which are inside for a moment only: to find out where it is.
    shared: AtomicBool,
    rest: UnsafeCell<Rest>,
}

/// What only who has the number of a free slot touches, or the one pass of its object.
struct Rest {
    /// How often the slot was used.
    uses: usize,
    /// The passes of the gates that are locked.
    passes: [Option<Pass<'static>>; GATES],
}

const _: () = assert!(size_of::<Slot>() == STRIDE && STRIDE == 128);

// SAFETY: the object and the rest are touched only by one thread at a time, by the invariants, and may move between
// threads (below). A pass may be dropped by another thread than the one that entered: what that one did inside happened
// before, by the lock of the free slots.
unsafe impl Sync for Slot {}

const _: () = {
    const fn moves_between_threads<T: Send>() {}
    moves_between_threads::<Object>();
};

/// The process in which the first handle was made.
static PROCESS: OnceLock<ForkEpoch> = OnceLock::new();
static REGION: MaybeUninit<Region> = MaybeUninit::zeroed();
static FREE: Mutex<Free> = Mutex::new(Free { used: 0, slots: VecDeque::new() });

/// The slots without a handle.
struct Free {
    /// How many were ever used: further ones are free too.
    used: usize,
    slots: VecDeque<usize>,
}

impl Region {
    #[inline(always)]
    fn get() -> &'static Self {
        // SAFETY: all bytes zero are a valid region: gates say so of theirs, and slots of theirs.
        unsafe { REGION.assume_init_ref() }
    }
}

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
    pass: Pass<'static>,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Entered {
    #[inline(always)]
    pub(crate) fn object(&mut self) -> &mut Object {
        // SAFETY: self holds the pass, so there is an object, and the result borrows self.
        unsafe { (*self.slot.object.get()).assume_init_mut() }
    }

    /// Takes the object out: the handle is dead from now on.
    pub(crate) fn retire(self) -> Object {
        let Self { slot, pass } = self;
        slot.name.store(0, Ordering::Relaxed);
        // SAFETY: as in `object`; without a name it is not read again.
        let object = unsafe { (*slot.object.get()).assume_init_read() };
        // SAFETY: the pass is still here.
        let rest = unsafe { &mut *slot.rest.get() };
        rest.passes[rest.uses % GATES] = Some(pass);
        rest.uses += 1;
        let index = (ptr::from_ref(slot).addr() - Region::get().slots.as_ptr().addr()) / size_of::<Slot>();
        if let Some(mut free) = free_slots() {
            free.slots.push_back(index);
        }
        object
    }
}

impl Slot {
    /// As [`Gate::enter`], if the thread is not the one that used the handle last: only for the right handle is that
    /// one disturbed.
    #[cold]
    fn enter_slowly(&self, handle: *const c_void, gate: &'static Gate) -> Result<Pass<'static>, Refused> {
        let entered = patiently(|| {
            if self.name.load(Ordering::Acquire) != handle.addr() {
                return Some(Err(Refused::Dead));
            }
            match gate.enter(thread()) {
                Some(pass) => Some(Ok(pass)),
                None if self.shared.load(Ordering::Relaxed) => None,
                None => Some(Err(Refused::Busy)),
            }
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
    let region = Region::get();
    let offset = handle.addr().wrapping_sub(ptr::from_ref(region).addr());
    // What is not the beginning of a gate gets a number beyond all.
    if offset.rotate_right(size_of::<Gate>().trailing_zeros()) >= SLOTS * GATES {
        return Err(Refused::Dead);
    }
    // SAFETY: a gate begins there.
    let gate: &'static Gate = unsafe { &*handle.cast() };
    // SAFETY: slots have the size of their gates, of which the address of a region is a multiple.
    let slot: &'static Slot = unsafe {
        &*handle.map_addr(|address| address & !(STRIDE - 1)).byte_add(offset_of!(Region, slots)).cast()
    };
    let pass = match gate.enter_again(thread()) {
        Some(pass) => pass,
        None => slot.enter_slowly(handle, gate)?,
    };
    Ok(Entered { slot, pass })
}

/// A new handle.
///
/// # Errors
/// `TooManyFiles` at the limit of handles; `Interrupted` in a forked child that cannot make any.
pub(crate) fn insert(object: Object) -> Result<*mut c_void> {
    PROCESS.get_or_init(ForkEpoch::current);
    let index = free_slots().ok_or(Error::Interrupted)?.take().ok_or(Error::TooManyFiles)?;
    let region = Region::get();
    let slot = &region.slots[index];
    // SAFETY: the slot is free, and this thread has its number.
    let rest = unsafe { &mut *slot.rest.get() };
    let turn = rest.uses % GATES;
    let handle = ptr::from_ref(&region.gates[index][turn]).cast_mut().cast::<c_void>();
    slot.shared.store(matches!(object, Object::Shared(_) | Object::Context(_)), Ordering::Relaxed);
    // SAFETY: as above.
    unsafe { (*slot.object.get()).write(object) };
    slot.name.store(handle.addr(), Ordering::Release);
    rest.passes[turn] = None;
    Ok(handle)
}

impl Free {
    fn take(&mut self) -> Option<usize> {
        if self.slots.len() > RESTING || self.used == SLOTS {
            return self.slots.pop_front();
        }
        self.used += 1;
        Some(self.used - 1)
    }
}

/// Whether this process is a child that got the handles by a fork.
pub(crate) fn in_forked_child() -> bool {
    PROCESS.get().is_some_and(|epoch| !epoch.is_current())
}

/// The free slots; none if they stay locked, as they may after a fork that came while another thread had them.
fn free_slots() -> Option<MutexGuard<'static, Free>> {
    patiently(|| match FREE.try_lock() {
        Ok(free) => Some(free),
        // Nothing in the critical sections leaves the queue half changed.
        Err(TryLockError::Poisoned(free)) => Some(free.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    })
}

/// A number of the calling thread for a gate: where its control block is, which the processor holds, and which begins with
/// pointers. A thread that gets the place of one that has ended began after that end.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[inline(always)]
fn thread() -> u64 {
    let pointer: u64;
    // SAFETY: the first word of the thread control block is its own address, by the ABI of thread-local storage.
    unsafe {
        std::arch::asm!("mov {}, fs:[0]", out(reg) pointer, options(nostack, preserves_flags, readonly, pure));
    }
    pointer
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
            number.set(ferrozmq_base::sync::unique_id() * ferrozmq_base::gate::THREAD_STEP);
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
        for _ in 1..GATES * RESTING {
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
