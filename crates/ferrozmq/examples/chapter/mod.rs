//! What the programs of the guide's second chapter share: settings from the environment, and an end in good order on
//! Ctrl-C or SIGTERM. The README lists the variables.
#![allow(dead_code, unreachable_pub, reason = "each program uses some of it")]

use std::{env, sync::OnceLock, time::Duration};

use ferrozmq::{Context, Error, Interrupt, Poller, Result};

static INTERRUPT: OnceLock<Interrupt> = OnceLock::new();

/// Runs a program until it is done or interrupted.
pub fn run(program: impl FnOnce(&Context) -> Result<()>) -> Result<()> {
    let interrupt = Interrupt::new()?;
    INTERRUPT.get_or_init(|| interrupt.clone());
    let raised = interrupt.clone();
    ctrlc::set_handler(move || raised.raise()).expect("no other handler is set");
    match program(&Context::builder().interrupt(&interrupt).build()) {
        Err(Error::Interrupted) => Ok(()),
        result => result,
    }
}

/// A variable of the environment.
pub fn setting(name: &str, otherwise: &str) -> String {
    env::var(name).unwrap_or_else(|_| otherwise.to_owned())
}

/// A number from the environment.
pub fn number(name: &str, otherwise: u64) -> u64 {
    let Ok(value) = env::var(name) else { return otherwise };
    value.parse().unwrap_or_else(|_| panic!("{name}: {value:?} is not a number"))
}

/// A time in milliseconds from the environment.
pub fn millis(name: &str, otherwise: u64) -> Duration {
    Duration::from_millis(number(name, otherwise))
}

/// Says on stderr where a socket was bound, as a peer wants to be told.
pub fn announce(name: &str, endpoint: &str) {
    eprintln!("{name}={endpoint}");
}

/// Sleeps, unless the program is interrupted.
pub fn pause(time: Duration) -> Result<()> {
    let mut nothing = Poller::<()>::new();
    if let Some(interrupt) = INTERRUPT.get() {
        nothing.interrupt(interrupt);
    }
    nothing.wait(time)?;
    Ok(())
}

/// Numbers that look random.
pub struct Dice(u64);

impl Dice {
    pub fn new() -> Self {
        Self(std::process::id().into())
    }

    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        low + (self.0 >> 33) as i64 % (high - low + 1)
    }
}
