//! Which process of a fork is this? A number that changes in a child and stays in its parent.
//!
//! The number lives in a page that the kernel zeroes in a forked child (MADV_WIPEONFORK, Linux 4.14), so that no
//! handler has to run and even a raw `clone` is noticed; where that is refused, a `pthread_atfork` handler counts.
//! 0 in the page means "new process": the first reader there gives it the next number.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// The last number given out; copied by fork, so that a child continues behind its parent.
static LAST: AtomicU32 = AtomicU32::new(0);

/// The number where the kernel cannot wipe pages.
static COUNTED: AtomicU32 = AtomicU32::new(0);

/// The fork epoch of the process at the time of [`ForkEpoch::current`].
///
/// Whatever was created under one epoch belongs to that process only; a child must do no more than close descriptors.
#[derive(Clone, Copy, Debug)]
pub struct ForkEpoch {
    word: &'static AtomicU32,
    value: u32,
}

impl ForkEpoch {
    /// The epoch of the running process.
    pub fn current() -> Self {
        let word = word();
        Self { word, value: read(word) }
    }

    /// True while the running process is the one where this epoch was taken: one relaxed load.
    #[inline]
    pub fn is_current(&self) -> bool {
        self.word.load(Ordering::Relaxed) == self.value
    }
}

impl PartialEq for ForkEpoch {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for ForkEpoch {}

/// The word, made at the first use. No lock: a fork while another thread holds one would leave the child stuck.
fn word() -> &'static AtomicU32 {
    static WORD: AtomicPtr<AtomicU32> = AtomicPtr::new(ptr::null_mut());
    let mut word = WORD.load(Ordering::Acquire);
    if word.is_null() {
        let made = ptr::from_ref(wiped_word().unwrap_or_else(counted_word)).cast_mut();
        // Of several first users one wins; the pages of the others stay unused.
        word = match WORD.compare_exchange(word, made, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => made,
            Err(won) => won,
        };
    }
    // SAFETY: not null, and only ever set from a `&'static AtomicU32`.
    unsafe { &*word }
}

fn read(word: &AtomicU32) -> u32 {
    match word.load(Ordering::Relaxed) {
        0 => {
            let next = next_number();
            // Several threads may be first; one number wins and all use it.
            word.compare_exchange(0, next, Ordering::Relaxed, Ordering::Relaxed)
                .map_or_else(|won| won, |_| next)
        }
        value => value,
    }
}

fn next_number() -> u32 {
    loop {
        let next = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if next != 0 {
            return next;
        }
    }
}

/// A word in a page of its own that is 0 after a fork; `None` if the kernel refuses.
fn wiped_word() -> Option<&'static AtomicU32> {
    // The kernel rounds up to its page.
    const LEN: usize = 4096;
    // SAFETY: a new private mapping touches no memory of ours; the result is checked before use.
    let page = unsafe {
        libc::mmap(
            ptr::null_mut(),
            LEN,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the mapping is ours alone, and nobody has a reference into it yet.
    unsafe {
        if libc::madvise(page, LEN, libc::MADV_WIPEONFORK) != 0 {
            libc::munmap(page, LEN);
            return None;
        }
    }
    // SAFETY: the page is readable, writable, aligned, zeroed (a valid AtomicU32) and never unmapped. The kernel zeroes
    // it only in a child between fork and its first instruction, when no other thread exists there.
    Some(unsafe { &*page.cast::<AtomicU32>() })
}

fn counted_word() -> &'static AtomicU32 {
    extern "C" fn in_child() {
        COUNTED.store(0, Ordering::Relaxed);
    }
    // SAFETY: the handler is async-signal-safe: one atomic store. If there is no memory for it, forks go unnoticed.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    &COUNTED
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Forks; the child answers with `check` as its exit status.
    fn in_child(check: impl FnOnce() -> bool) -> bool {
        // SAFETY: the child calls only async-signal-safe code (atomics) and _exit.
        unsafe {
            let child = libc::fork();
            assert!(child >= 0);
            if child == 0 {
                libc::_exit(i32::from(!check()));
            }
            let mut status = 0;
            assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
            libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
        }
    }

    fn changes_in_the_child_and_stays_in_the_parent(word: &'static AtomicU32) {
        let epoch = ForkEpoch { word, value: read(word) };
        assert!(epoch.is_current());
        assert!(in_child(|| {
            let stale = !epoch.is_current();
            let own = ForkEpoch { word, value: read(word) };
            let renewed = own != epoch && own.is_current() && !epoch.is_current() && own.value != 0;
            // SAFETY: as in `in_child`.
            let grandchild_differs = unsafe {
                match libc::fork() {
                    0 => {
                        let new = read(word);
                        libc::_exit(i32::from(own.is_current() || new == own.value || new == epoch.value))
                    }
                    grandchild => {
                        let mut status = 1;
                        libc::waitpid(grandchild, &raw mut status, 0);
                        status == 0
                    }
                }
            };
            stale && renewed && grandchild_differs && own.is_current()
        }));
        assert!(epoch.is_current());
        assert_eq!(read(word), epoch.value);
    }

    #[test]
    fn a_fork_is_seen_by_the_kernel_s_page_and_by_the_handler() {
        changes_in_the_child_and_stays_in_the_parent(word());
        changes_in_the_child_and_stays_in_the_parent(counted_word());
        assert_eq!(ForkEpoch::current(), ForkEpoch::current());
    }
}
