//! Ctrl-C, SIGTERM and SIGHUP: the first ends what is going on, in order; a second one, or a while, ends the program at
//! once.

use std::{
    fs, process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use ferrozmq::Interrupt;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator,
};

use crate::{failure::Failure, failure::INTERRUPTED, tour::screen};

/// How long ending in order may take. What cannot be interrupted (the reader of a pipe does not read, a file is one that
/// nobody writes, a command of `--exec` goes on) keeps nobody longer.
const IN_ORDER: Duration = Duration::from_secs(3);

pub(crate) struct Signals {
    pub(crate) interrupt: Interrupt,
    at_once: Arc<AtomicBool>,
}

impl Signals {
    pub(crate) fn install() -> Result<Self, Failure> {
        let interrupt = Interrupt::new()?;
        let at_once = Arc::new(AtomicBool::new(false));
        let signals = Self { interrupt: interrupt.clone(), at_once: at_once.clone() };
        // Who was started by nohup(1) outlives the terminal.
        let hangup = (!is_ignored(SIGHUP)).then_some(SIGHUP);
        let mut caught = iterator::Signals::new([SIGINT, SIGTERM].into_iter().chain(hangup))
            .map_err(|e| Failure::Run(format!("signals: {e}")))?;
        thread::spawn(move || {
            for _ in caught.forever() {
                if interrupt.is_raised() || at_once.load(Ordering::Relaxed) {
                    end();
                }
                interrupt.raise();
                thread::spawn(|| {
                    thread::sleep(IN_ORDER);
                    end()
                });
            }
        });
        Ok(signals)
    }

    /// From now on there is nothing left that could end in order: the first signal ends the program.
    pub(crate) fn end_at_once(&self) {
        self.at_once.store(true, Ordering::Relaxed);
    }
}

fn end() -> ! {
    screen::restore();
    process::exit(INTERRUPTED.into())
}

/// Whether whoever started this process has it ignore a signal (proc(5): SigIgn).
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let digits = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default();
    let ignored = u64::from_str_radix(digits.trim(), 16).unwrap_or(0);
    ignored >> (signal - 1) & 1 == 1
}
