//! Handles: the `void *` of contexts, sockets, pollers and timers.
//!
//! Any pointer that a caller passes is a handle or refused, whatever it points to. What handles stand for lives in slots,
//! each of which has eight gates, in one static region: never unmapped, all zero at first, and touched only where it is used.
//!
//! ```text
//! | gates of slot 0: 0 1 2 3 4 5 6 7 | gates of slot 1: 0 1 2 3 4 5 6 7 | ...
//! | slot 0: object, name, turns      | slot 1: object, name, turns      | ...
//! ```
//!
//! A handle is the address of a gate. So arithmetic tells, before anything is read, what can be one; and whoever gets
//! through the gate has what lives in the slot, without another question.
//! - [`insert`] takes a free slot and writes the object, and then the handle as the slot's name. Each use of a slot has the
//!   next of its gates.
//! - [`enter`] passes the gate, by plain stores where this thread was the last that did. Another thread takes the gate over,
//!   if the handle is the slot's name: one that is none disturbs nobody.
//! - [`Entered::retire`] takes object and name away, and leaves with the gate locked behind it: the pass stays in the slot
//!   until the gate's turn comes again.
//!
//! A closed handle is dead until its slot was used eight times more, and a free slot is not used before 128 others.
//!
//! Invariants, on which the `unsafe` here rests:
//! - the gates of a slot are locked, but for the one that is its name and those that were never named, which nobody gets
//!   into: they have no owner, and are not the name;
//! - a free slot belongs to the thread that has its number, until that one writes the name; from then on `object` and
//!   `turns` belong to who has the pass of a gate of the slot, until the number is among the free ones again;
//! - `object` is initialised while the name is not 0.
use crate::{context::ContextHandle, poller::Registrations, timers::Timers};
use ferrozmq_base::{
    Error, Result,
    cancel::uncancelled,
    gate::{Gate, Pass},
    thread,
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

/// The most handles at a time. The region is reserved, not used: 16 MB of addresses.
const SLOTS: usize = 1 << 16;
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
    turns: UnsafeCell<Turns>,
}

/// Which gate is used for this handle or will be for the next, and what keeps the others locked.
struct Turns {
    /// How many handles of the slot were closed.
    closed: usize,
    passes: [Option<Pass<'static>>; GATES],
}

impl Turns {
    fn gate(&self) -> usize {
        self.closed % GATES
    }
}

const _: () = assert!(size_of::<Slot>() == STRIDE && STRIDE == 128);
const _: () = assert!(offset_of!(Region, gates) == 0 && align_of::<Region>() == STRIDE);

// SAFETY: the object and the turns are touched by one thread at a time, by the invariants, and may move between threads
// (below). A pass may be dropped by another thread than the one that entered: what that one did inside happened
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
        // SAFETY: the pass is here, and then in a slot whose number nobody has.
        let turns = unsafe { &mut *slot.turns.get() };
        turns.passes[turns.gate()] = Some(pass);
        turns.closed += 1;
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
            match gate.enter(thread::number()) {
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
            _ => uncancelled(|| std::thread::sleep(NAP)),
        }
    }
    None
}

/// Enters what the handle stands for.
#[inline(always)]
pub(crate) fn enter(handle: *const c_void) -> Result<Entered, Refused> {
    let handle_address = handle.addr();
    let offset = handle_address.wrapping_sub(ptr::from_ref(Region::get()).expose_provenance());
    // What is not the beginning of a gate gets a number beyond all.
    if offset.rotate_right(size_of::<Gate>().trailing_zeros()) >= SLOTS * GATES {
        return Err(Refused::Dead);
    }
    // SAFETY: a gate of the region, whose address is exposed.
    let gate: &'static Gate = unsafe { &*ptr::with_exposed_provenance(handle_address) };
    // Gates of a slot are aligned to their size, which is that of a slot.
    let slot = (handle_address & !(STRIDE - 1)) + offset_of!(Region, slots);
    // SAFETY: a slot of the region, as far from the first slot as its gates from the first gate.
    let slot: &'static Slot = unsafe { &*ptr::with_exposed_provenance(slot) };
    let pass = match gate.enter_again(thread::number()) {
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
    let turns = unsafe { &mut *slot.turns.get() };
    let gate = turns.gate();
    let lock = turns.passes[gate].take();
    let handle = ptr::from_ref(&region.gates[index][gate]).cast_mut().cast::<c_void>();
    slot.shared.store(matches!(object, Object::Shared(_) | Object::Context(_)), Ordering::Relaxed);
    // SAFETY: as above.
    unsafe { (*slot.object.get()).write(object) };
    slot.name.store(handle.addr(), Ordering::Release);
    // Who guesses the handle may be inside from now on: nothing else of the slot is touched here any more.
    drop(lock);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::is_alone;

    fn timers() -> *mut c_void {
        insert(Object::Timers(Box::default())).expect("a slot")
    }

    /// All that looks like a handle, or nearly so: in the gates of the slot of `live`, and in the rest of the region.
    fn lookalikes(live: *const c_void) -> impl Iterator<Item = *const c_void> {
        let region = ptr::from_ref(Region::get()).cast::<c_void>();
        let of_the_slot = live.map_addr(|address| address & !(STRIDE - 1));
        let near = (0..STRIDE).map(move |byte| of_the_slot.wrapping_byte_add(byte));
        let apart = offset_of!(Region, _apart);
        let slots = offset_of!(Region, slots);
        let end = size_of::<Region>();
        let far = [
            apart - 16,
            apart - 1,
            apart,
            apart + 16,
            slots,
            slots + 16,
            slots + STRIDE,
            end - 16,
            end - 1,
            end,
        ];
        let far = far.map(|byte| region.wrapping_byte_add(byte)).into_iter();
        near.chain(far).filter(move |pointer| *pointer != live)
    }

    #[test]
    fn pointers_that_are_no_handles_are_dead() {
        let live = timers();
        let here = 0u8;
        let outside = [
            ptr::null(),
            ptr::without_provenance(1),
            ptr::without_provenance(usize::MAX),
            (&raw const here).cast(),
            ptr::from_ref(Region::get()).cast::<c_void>().wrapping_byte_sub(16),
        ];
        for pointer in outside.into_iter().chain(lookalikes(live)) {
            assert_eq!(enter(pointer).err(), Some(Refused::Dead), "{pointer:?} beside {live:?}");
        }
        enter(live).expect("alive").retire();
        assert_eq!(enter(live).err(), Some(Refused::Dead));
    }

    /// Until the same slot is used by the same gate.
    fn make_again(handle: *const c_void) {
        loop {
            let new = timers();
            if ptr::eq(new, handle) {
                return;
            }
            enter(new).expect("alive").retire();
        }
    }

    #[test]
    fn a_handle_that_comes_again_is_a_new_one() {
        if !is_alone("handle::tests::a_handle_that_comes_again_is_a_new_one") {
            return;
        }
        let handle = timers();
        enter(handle).expect("alive").retire();
        make_again(handle);
        let address = handle as usize;
        let other =
            std::thread::spawn(move || drop(enter(address as *const c_void).expect("alive").retire()));
        other.join().expect("no panic");
        assert_eq!(enter(handle).err(), Some(Refused::Dead), "closed by another thread than the first time");
        make_again(handle);
        enter(handle).expect("alive").retire();
        assert_eq!(enter(handle).err(), Some(Refused::Dead));
    }

    /// Threads use and close handles that they guess, in the moment in which they are made, and old ones: never are two
    /// inside, and each object is closed once.
    #[test]
    fn intruders_with_guessed_and_old_handles() {
        if !is_alone("handle::tests::intruders_with_guessed_and_old_handles") {
            return;
        }
        const USED: usize = RESTING + 1;
        const ROUNDS: usize = 4 * GATES * USED;
        static INSIDE: [AtomicBool; USED] = [const { AtomicBool::new(false) }; USED];
        // The order in which slots and gates are used in a process that does nothing else.
        let nth = |use_: usize| {
            ptr::from_ref(&Region::get().gates[use_ % USED][use_ / USED % GATES]).cast::<c_void>()
        };
        /// Whether the thread came to close it.
        fn visit(handle: *const c_void, use_: usize, close: bool) -> Option<bool> {
            let mut entered = enter(handle).ok()?;
            let inside = &INSIDE[use_ % USED];
            assert!(!inside.swap(true, Ordering::Relaxed), "two inside");
            assert!(matches!(entered.object(), Object::Timers(_)));
            inside.store(false, Ordering::Relaxed);
            if close {
                drop(entered.retire());
            }
            Some(close)
        }
        let round = AtomicUsize::new(0);
        let intruder = |closes: bool| {
            let mut closed = 0;
            loop {
                let now = round.load(Ordering::Relaxed);
                if now == ROUNDS {
                    return closed;
                }
                for generations in [0, 1, GATES - 1, GATES, GATES + 1] {
                    let use_ = now.saturating_sub(generations * USED);
                    closed += usize::from(visit(nth(use_), use_, closes) == Some(true));
                }
            }
        };
        let closed: usize = std::thread::scope(|scope| {
            let intruders = [true, false].map(|closes| scope.spawn(move || intruder(closes)));
            let mut closed = 0;
            for now in 0..ROUNDS {
                let handle = timers();
                assert!(ptr::eq(handle, nth(now)));
                let dead = || enter(handle).is_err_and(|refused| refused == Refused::Dead);
                let mut ended = patiently(|| visit(handle, now, true).or_else(|| dead().then_some(false)));
                closed += usize::from(ended.take().expect("intruders go"));
                // Who closed it may not have given back the slot yet.
                let is_free =
                    || free_slots()?.slots.back().is_some_and(|slot| *slot == now % USED).then_some(());
                patiently(is_free).expect("a free slot");
                round.store(now + 1, Ordering::Relaxed);
            }
            closed + intruders.map(|intruder| intruder.join().expect("no panic")).iter().sum::<usize>()
        });
        assert_eq!(closed, ROUNDS);
    }

    #[test]
    fn a_closed_handle_stays_dead_while_new_ones_come() {
        if !is_alone("handle::tests::a_closed_handle_stays_dead_while_new_ones_come") {
            return;
        }
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
    fn a_thread_may_be_cancelled_while_it_waits_for_the_one_inside() {
        extern "C" fn terminate(context: *mut c_void) -> *mut c_void {
            // SAFETY: a handle.
            ptr::without_provenance_mut(unsafe { crate::zmq_ctx_term(context) } as usize)
        }
        if !is_alone("handle::tests::a_thread_may_be_cancelled_while_it_waits_for_the_one_inside") {
            return;
        }
        let handle = insert(Object::Context(ContextHandle::new().expect("a context"))).expect("a slot");
        let inside = enter(handle).expect("alive");
        let (mut thread, mut result) = (0, ptr::null_mut());
        // SAFETY: a function that takes and gives a pointer; the thread is joined.
        unsafe {
            assert_eq!(libc::pthread_create(&raw mut thread, ptr::null(), terminate, handle), 0);
            // As above.
            std::thread::sleep(Duration::from_millis(200));
            assert_eq!(libc::pthread_cancel(thread), 0);
            drop(inside);
            assert_eq!(libc::pthread_join(thread, &raw mut result), 0);
        }
        assert!(result.is_null(), "{result:?}");
        assert_eq!(enter(handle).err(), Some(Refused::Dead));
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
