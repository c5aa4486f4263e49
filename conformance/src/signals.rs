//! Interrupting a thread that waits in the subject.

use std::os::unix::thread::JoinHandleExt;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

extern "C" fn nothing(_: libc::c_int) {}

/// How the handler was installed.
#[derive(Clone, Copy, Debug)]
pub enum Handler {
    /// Without `SA_RESTART`.
    Plain,
    /// With `SA_RESTART`.
    Restarting,
}

impl Handler {
    fn signal(self) -> libc::c_int {
        match self {
            Self::Plain => libc::SIGUSR1,
            Self::Restarting => libc::SIGUSR2,
        }
    }
}

fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for (handler, flags) in [(Handler::Plain, 0), (Handler::Restarting, libc::SA_RESTART)] {
            // SAFETY: a zeroed sigaction is valid; the handler does nothing, so it is safe at any point.
            let rc = unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = nothing as *const () as usize;
                action.sa_flags = flags;
                libc::sigaction(handler.signal(), &raw const action, std::ptr::null_mut())
            };
            assert_eq!(rc, 0, "sigaction");
        }
    });
}

/// Runs `wait` in a thread of its own and interrupts that thread again and again until it returns.
///
/// # Panics
/// If it has not returned after twenty seconds.
#[track_caller]
pub fn interrupted<T: Send + 'static>(handler: Handler, wait: impl FnOnce() -> T + Send + 'static) -> T {
    install();
    let done = std::sync::Arc::new(AtomicBool::new(false));
    let flag = done.clone();
    let thread: JoinHandle<T> = thread::spawn(move || {
        let result = wait();
        flag.store(true, Ordering::Release);
        result
    });
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done.load(Ordering::Acquire) && !thread.is_finished() {
        assert!(Instant::now() < deadline, "a signal did not end the call");
        thread::sleep(Duration::from_millis(5));
        // SAFETY: the thread is not joined yet, so its id is valid.
        unsafe { libc::pthread_kill(thread.as_pthread_t(), handler.signal()) };
    }
    thread.join().expect("the interrupted call")
}
