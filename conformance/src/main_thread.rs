//! The main thread's handle, kept where a leak checker finds it.
//!
//! The standard library keeps the handle of the main thread through a pointer into its middle, for which valgrind reports
//! 48 bytes as possibly lost. The test harness makes that handle when it waits for the first test. It is made before `main`
//! instead, and a second pointer, to its beginning, is kept here; then whatever valgrind reports is the subject's.

use std::sync::OnceLock;
use std::thread::{self, Thread};

static MAIN: OnceLock<Thread> = OnceLock::new();

extern "C" fn keep() {
    MAIN.get_or_init(thread::current);
}

#[used]
// SAFETY: the entries of this section are functions without arguments that the loader calls once, in the main thread.
#[unsafe(link_section = ".init_array")]
static KEEP: extern "C" fn() = keep;
