//! Ctrl-C, SIGTERM and SIGHUP: the first ends what is going on, in order; a second one ends the program at once.

use std::{
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use ferrozmq::Interrupt;

use crate::{failure::Failure, failure::INTERRUPTED, tour::screen};

pub(crate) struct Signals {
    pub(crate) interrupt: Interrupt,
    at_once: Arc<AtomicBool>,
}

impl Signals {
    pub(crate) fn install() -> Result<Self, Failure> {
        let interrupt = Interrupt::new()?;
        let at_once = Arc::new(AtomicBool::new(false));
        let signals = Self { interrupt: interrupt.clone(), at_once: at_once.clone() };
        ctrlc::set_handler(move || {
            if interrupt.is_raised() || at_once.load(Ordering::Relaxed) {
                screen::restore();
                process::exit(INTERRUPTED.into());
            }
            interrupt.raise();
        })
        .map_err(|e| Failure::Run(format!("signals: {e}")))?;
        Ok(signals)
    }

    /// From now on there is nothing left that could end in order: the first signal ends the program.
    pub(crate) fn end_at_once(&self) {
        self.at_once.store(true, Ordering::Relaxed);
    }
}
