//! Threads of the library: no signal is ever handled in them, and they carry a name and scheduling options.
//!
//! They are threads of the C library, not of std: a thread of std registers destructors with the dynamic loader when it
//! starts, for which it needs a lock that another thread has while it is in the constructor or destructor of a shared
//! library, and that one may be waiting for ours, to start or to end.
use crate::signal::AllBlocked;
use crate::syscall::{check, errno};
use ferrozmq_base::{cancel::uncancelled, pool};
use std::ffi::{CString, c_void};
use std::io;
use std::mem::{self, MaybeUninit};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Bytes of a thread's stack.
const STACK_SIZE: usize = 2 << 20;
/// The longest thread name that Linux shows, in bytes.
const NAME_LEN: usize = 15;

/// How a thread is to be scheduled; the default leaves everything as inherited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadOptions {
    /// For SCHED_FIFO and SCHED_RR the static priority; for any other policy a positive value asks for nice -20.
    pub priority: Option<i32>,
    /// A policy of `sched.h` (SCHED_OTHER 0, SCHED_FIFO 1, SCHED_RR 2, ...).
    pub sched_policy: Option<i32>,
    /// The CPUs to run on; empty for all.
    pub cpu_affinity: Vec<usize>,
}

/// Starts a thread with every signal blocked.
///
/// The name is cut to 15 bytes. Returns when the new thread has taken its options; if the system refuses one (EPERM,
/// EINVAL) or has no room for a thread (EAGAIN), nothing runs and the error is returned.
pub fn spawn<T: Send + 'static>(
    name: &str,
    options: ThreadOptions,
    f: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Thread<T>> {
    let life = Arc::new(Life { state: Mutex::new(State::Starting), changed: Condvar::new() });
    let report = life.clone();
    let name = shown_name(name);
    let body = Box::new(move || {
        // SAFETY: a C string of a permitted length, for the calling thread.
        unsafe { libc::pthread_setname_np(libc::pthread_self(), name.as_ptr()) };
        if let Err(error) = options.apply() {
            return report.is_now(State::Refused(error));
        }
        report.is_now(State::Running);
        let _pool = pool::hold();
        let result = catch_unwind(AssertUnwindSafe(f));
        report.is_now(State::Ended(result));
    });
    let thread = Thread { id: Some(create(body)?), life };
    match thread.life.begun() {
        Some(error) => {
            thread.end();
            Err(error)
        }
        None => Ok(thread),
    }
}

/// What a thread runs.
type Body = Box<dyn FnOnce() + Send>;

/// Starts a thread that inherits a mask of all signals, so that none can slip in before they are blocked.
fn create(body: Body) -> io::Result<libc::pthread_t> {
    extern "C" fn run(body: *mut c_void) -> *mut c_void {
        // SAFETY: `create` passes a boxed body, once.
        let body = unsafe { Box::from_raw(body.cast::<Body>()) };
        body();
        ptr::null_mut()
    }
    let body = Box::into_raw(Box::new(body));
    let blocked = AllBlocked::new();
    let mut attributes = MaybeUninit::uninit();
    let mut id = MaybeUninit::uninit();
    // SAFETY: the attributes are initialised before they are used, and destroyed after; the id is written by a call that
    // succeeds.
    let created = unsafe {
        libc::pthread_attr_init(attributes.as_mut_ptr());
        libc::pthread_attr_setstacksize(attributes.as_mut_ptr(), STACK_SIZE);
        let code = match &blocked {
            Ok(_) => libc::pthread_create(id.as_mut_ptr(), attributes.as_ptr(), run, body.cast()),
            Err(error) => error.raw_os_error().unwrap_or(libc::EAGAIN),
        };
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        if code == 0 { Ok(id.assume_init()) } else { Err(errno(code)) }
    };
    if created.is_err() {
        // SAFETY: no thread has taken it.
        drop(unsafe { Box::from_raw(body) });
    }
    created
}

/// What a thread and those who wait for it share.
#[derive(Debug)]
struct Life<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

#[derive(Debug)]
enum State<T> {
    Starting,
    /// An option was refused: nothing runs.
    Refused(io::Error),
    Running,
    Ended(std::thread::Result<T>),
}

impl<T> Life<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_now(&self, state: State<T>) {
        *self.lock() = state;
        self.changed.notify_one();
    }

    /// Waits until the thread runs, or does not: why.
    fn begun(&self) -> Option<io::Error> {
        let starting = |state: &mut State<T>| matches!(state, State::Starting);
        let mut state =
            self.changed.wait_while(self.lock(), starting).unwrap_or_else(PoisonError::into_inner);
        match &mut *state {
            State::Refused(error) => Some(mem::replace(error, errno(libc::EAGAIN))),
            _ => None,
        }
    }
}

/// A started thread. Dropped, it goes on by itself.
#[derive(Debug)]
pub struct Thread<T> {
    /// None once it was joined.
    id: Option<libc::pthread_t>,
    life: Arc<Life<T>>,
}

impl<T> Thread<T> {
    /// Waits for its end and returns what it returned, or `Err` with the payload of its panic.
    pub fn join(self) -> std::thread::Result<T> {
        let life = self.life.clone();
        self.end();
        match mem::replace(&mut *life.lock(), State::Running) {
            State::Ended(result) => result,
            _ => Err(Box::new("the thread did not run")),
        }
    }

    fn end(mut self) {
        if let Some(id) = self.id.take() {
            // SAFETY: a thread that is neither joined nor detached.
            uncancelled(|| unsafe { libc::pthread_join(id, ptr::null_mut()) });
        }
    }

    /// True if it has ended, so that `join` does not wait.
    pub fn is_finished(&self) -> bool {
        matches!(*self.life.lock(), State::Ended(_))
    }

    /// True in the thread itself, where `join` would never return.
    pub fn is_current(&self) -> bool {
        // SAFETY: both name threads that exist; the other one is not joined yet.
        self.id.is_some_and(|id| unsafe { libc::pthread_equal(id, libc::pthread_self()) != 0 })
    }
}

impl<T> Drop for Thread<T> {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            // SAFETY: a thread that is neither joined nor detached.
            unsafe { libc::pthread_detach(id) };
        }
    }
}

fn shown_name(name: &str) -> CString {
    let mut shown = String::with_capacity(NAME_LEN);
    for c in name.chars().filter(|&c| c != '\0') {
        if shown.len() + c.len_utf8() > NAME_LEN {
            break;
        }
        shown.push(c);
    }
    CString::new(shown).unwrap_or_default()
}

impl ThreadOptions {
    /// Applies them to the calling thread.
    fn apply(&self) -> io::Result<()> {
        self.apply_affinity()?;
        if self.priority.is_none() && self.sched_policy.is_none() {
            return Ok(());
        }
        // SAFETY: sched_param is plain integers, for which zero is valid.
        let mut param: libc::sched_param = unsafe { mem::zeroed() };
        let mut policy = 0;
        // SAFETY: both pointers are valid for writes; pthread_self names a live thread.
        match unsafe { libc::pthread_getschedparam(libc::pthread_self(), &raw mut policy, &raw mut param) } {
            0 => {}
            code => return Err(errno(code)),
        }
        let policy = self.sched_policy.unwrap_or(policy);
        let real_time = matches!(policy, libc::SCHED_FIFO | libc::SCHED_RR);
        match (real_time, self.priority) {
            (true, Some(priority)) => param.sched_priority = priority,
            // SAFETY: an integer in, an integer out.
            (true, None) => param.sched_priority = check(unsafe { libc::sched_get_priority_min(policy) })?,
            (false, _) => param.sched_priority = 0,
        }
        // SAFETY: `param` is initialised and only read.
        match unsafe { libc::pthread_setschedparam(libc::pthread_self(), policy, &raw const param) } {
            0 => {}
            code => return Err(errno(code)),
        }
        if !real_time && self.priority.is_some_and(|priority| priority > 0) {
            // SAFETY: integers only. On Linux the process number 0 means the calling thread.
            check(unsafe { libc::setpriority(libc::PRIO_PROCESS as _, 0, -20) })?;
        }
        Ok(())
    }

    fn apply_affinity(&self) -> io::Result<()> {
        if self.cpu_affinity.is_empty() {
            return Ok(());
        }
        // SAFETY: cpu_set_t is a plain bit set, for which zero is the empty set.
        let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
        for &cpu in &self.cpu_affinity {
            if cpu >= libc::CPU_SETSIZE as usize {
                return Err(errno(libc::EINVAL));
            }
            // SAFETY: the index is inside the set.
            unsafe { libc::CPU_SET(cpu, &mut set) };
        }
        // SAFETY: pointer and length describe `set`, which is only read. 0 means the calling thread.
        check(unsafe { libc::sched_setaffinity(0, mem::size_of_val(&set), &raw const set) }).map(drop)
    }
}

/// Lets another thread run on this processor, if one waits for it.
pub fn yield_now() {
    std::thread::yield_now();
}

/// How many CPUs are online, at least 1.
pub fn cpus_online() -> usize {
    // SAFETY: integers only.
    let count = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) };
    usize::try_from(count).unwrap_or(1).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::SignalSet;
    use std::fs;

    #[test]
    fn all_signals_are_blocked_there_and_the_creator_s_mask_stays() {
        let before = format!("{:?}", SignalSet::blocked().unwrap());
        let blocked = spawn("signals", ThreadOptions::default(), || {
            let mask = SignalSet::blocked().unwrap();
            // SAFETY: an initialised set.
            [libc::SIGINT, libc::SIGTERM, libc::SIGUSR1, libc::SIGCHLD, libc::SIGPIPE]
                .iter()
                .all(|&signal| unsafe { libc::sigismember(&raw const mask.0, signal) } == 1)
        });
        assert!(blocked.unwrap().join().unwrap());
        assert_eq!(format!("{:?}", SignalSet::blocked().unwrap()), before);
    }

    #[test]
    fn the_name_is_cut_to_fifteen_bytes() {
        let name = || fs::read_to_string("/proc/thread-self/comm").unwrap();
        let shown = |asked: &str| spawn(asked, ThreadOptions::default(), name).unwrap().join().unwrap();
        assert_eq!(shown("ZMQbg/IO/0"), "ZMQbg/IO/0\n");
        assert_eq!(shown("0123456789abcdefgh"), "0123456789abcde\n");
        assert_eq!(shown("a\0b"), "ab\n");
        assert_eq!(shown("0123456789abcdé"), "0123456789abcd\n");
    }

    #[test]
    fn options_are_taken_before_spawn_returns() {
        let options = ThreadOptions { cpu_affinity: vec![allowed_cpu()], ..Default::default() };
        let cpus = spawn("pinned", options, || std::thread::available_parallelism().unwrap().get());
        assert_eq!(cpus.unwrap().join().unwrap(), 1);
        let batch = ThreadOptions { sched_policy: Some(libc::SCHED_BATCH), ..Default::default() };
        // SAFETY: integers only; 0 is the calling thread.
        let policy = spawn("batch", batch, || unsafe { libc::sched_getscheduler(0) });
        assert_eq!(policy.unwrap().join().unwrap(), libc::SCHED_BATCH);
    }

    #[test]
    fn a_refused_option_is_an_error_and_nothing_runs() {
        let refused = [
            ThreadOptions { cpu_affinity: vec![usize::MAX], ..Default::default() },
            ThreadOptions { cpu_affinity: vec![libc::CPU_SETSIZE as usize - 1], ..Default::default() },
            ThreadOptions { sched_policy: Some(12_345), ..Default::default() },
            ThreadOptions {
                sched_policy: Some(libc::SCHED_FIFO),
                priority: Some(100_000),
                ..Default::default()
            },
        ];
        for options in refused {
            let error = spawn("refused", options.clone(), || panic!("must not run")).map(drop).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EINVAL), "{options:?}");
        }
    }

    #[test]
    fn join_gives_the_value_or_the_panic() {
        assert_eq!(spawn("value", ThreadOptions::default(), || 7).unwrap().join().unwrap(), 7);
        let panicking =
            spawn("panic", ThreadOptions::default(), || -> () { std::panic::resume_unwind(Box::new(8)) });
        assert_eq!(*panicking.unwrap().join().unwrap_err().downcast::<i32>().unwrap(), 8);
        assert!(cpus_online() >= std::thread::available_parallelism().map_or(1, Into::into));
    }

    fn allowed_cpu() -> usize {
        // SAFETY: a plain bit set, filled by the call for the calling thread.
        unsafe {
            let mut set: libc::cpu_set_t = mem::zeroed();
            check(libc::sched_getaffinity(0, mem::size_of_val(&set), &raw mut set)).unwrap();
            (0..libc::CPU_SETSIZE as usize).find(|&cpu| libc::CPU_ISSET(cpu, &set)).unwrap()
        }
    }
}
