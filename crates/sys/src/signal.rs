//! Signal masks.

use crate::syscall::errno;
use std::fmt;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// A set of signals.
#[derive(Clone, Copy)]
pub struct SignalSet(pub(crate) libc::sigset_t);

impl SignalSet {
    /// No signal.
    pub fn empty() -> Self {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigemptyset initialises the whole set and cannot fail for a valid pointer.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            Self(set.assume_init())
        }
    }

    /// Every signal.
    pub fn all() -> Self {
        let mut set = MaybeUninit::uninit();
        // SAFETY: sigfillset initialises the whole set and cannot fail for a valid pointer.
        unsafe {
            libc::sigfillset(set.as_mut_ptr());
            Self(set.assume_init())
        }
    }

    /// This set and one more signal. EINVAL for a number that is no signal.
    pub fn with(mut self, signal: i32) -> io::Result<Self> {
        // SAFETY: the set is initialised and exclusively ours.
        crate::syscall::check(unsafe { libc::sigaddset(&raw mut self.0, signal) })?;
        Ok(self)
    }

    /// The calling thread's mask of blocked signals.
    pub fn blocked() -> io::Result<Self> {
        let mut set = MaybeUninit::uninit();
        // SAFETY: with a null new mask the call only writes the current one, whole, on success.
        unsafe {
            match libc::pthread_sigmask(libc::SIG_SETMASK, ptr::null(), set.as_mut_ptr()) {
                0 => Ok(Self(set.assume_init())),
                code => Err(errno(code)),
            }
        }
    }
}

impl From<libc::sigset_t> for SignalSet {
    fn from(set: libc::sigset_t) -> Self {
        Self(set)
    }
}

impl fmt::Debug for SignalSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // SAFETY: the set is initialised; numbers outside the range of signals answer -1.
        f.debug_set()
            .entries((1..=64).filter(|&n| unsafe { libc::sigismember(&raw const self.0, n) } == 1))
            .finish()
    }
}

/// Blocks every signal in the calling thread until dropped.
#[derive(Debug)]
pub struct AllBlocked(SignalSet);

impl AllBlocked {
    /// Blocks them: a thread that is created meanwhile inherits that.
    pub fn new() -> io::Result<Self> {
        let before = SignalSet::blocked()?;
        let all = SignalSet::all();
        // SAFETY: `all` is an initialised set.
        match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const all.0, ptr::null_mut()) } {
            0 => Ok(Self(before)),
            code => Err(errno(code)),
        }
    }
}

impl Drop for AllBlocked {
    fn drop(&mut self) {
        // SAFETY: the mask is the one that the thread had. The call cannot fail for a valid set.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0.0, ptr::null_mut()) };
    }
}
