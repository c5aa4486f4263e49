//! The terminal of the tour: redraws in place where that is possible, and writes plain lines where it is not.

use std::{
    env,
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use crate::failure::Failure;

/// The cursor is hidden, and lines that are too long for the terminal are cut: to be undone at the end.
static ALTERED: AtomicBool = AtomicBool::new(false);
const ALTER: &str = "\x1b[?25l\x1b[?7l";
const RESTORE: &str = "\x1b[?25h\x1b[?7h";

/// Puts the terminal into the state in which it was.
pub(crate) fn restore() {
    if ALTERED.swap(false, Ordering::Relaxed) {
        let mut out = io::stdout();
        let _ = out.write_all(RESTORE.as_bytes()).and_then(|()| out.flush());
    }
}

/// Colours, or none.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    colours: bool,
}

impl Style {
    fn wrap(self, code: &str, text: impl AsRef<str>) -> String {
        let text = text.as_ref();
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(crate) fn bold(self, text: impl AsRef<str>) -> String {
        self.wrap("1", text)
    }

    pub(crate) fn dim(self, text: impl AsRef<str>) -> String {
        self.wrap("2", text)
    }

    /// For socket types.
    pub(crate) fn socket(self, text: impl AsRef<str>) -> String {
        self.wrap("36", text)
    }

    /// For what was counted.
    pub(crate) fn number(self, text: impl AsRef<str>) -> String {
        self.wrap("32", text)
    }

    /// A bar of `width` columns, filled as far as `part` is of `whole`.
    pub(crate) fn bar(self, part: u64, whole: u64, width: usize) -> String {
        let filled =
            ((part as f64 / whole.max(1) as f64) * width as f64).round().clamp(0.0, width as f64) as usize;
        self.wrap("33", "━".repeat(filled)) + &self.dim("·".repeat(width - filled))
    }
}

pub(crate) struct Screen {
    live: bool,
    pub(crate) style: Style,
    /// Lines drawn that the next drawing replaces.
    drawn: usize,
}

impl Screen {
    pub(crate) fn new() -> Result<Self, Failure> {
        let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let live = io::stdout().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb");
        let screen = Self { live, style: Style { colours: live && !set("NO_COLOR") }, drawn: 0 };
        if live {
            ALTERED.store(true, Ordering::Relaxed);
            screen.write(ALTER)?;
        }
        Ok(screen)
    }

    /// Lines that stay.
    pub(crate) fn say(&mut self, lines: &[String]) -> Result<(), Failure> {
        self.draw(lines)?;
        if !self.live {
            self.write(&(lines.join("\n") + "\n"))?;
        }
        self.drawn = 0;
        Ok(())
    }

    /// Lines that the next ones replace; not shown where they could not be replaced.
    pub(crate) fn draw(&mut self, lines: &[String]) -> Result<(), Failure> {
        if !self.live {
            return Ok(());
        }
        let mut text = String::new();
        if self.drawn > 0 {
            text += &format!("\x1b[{}A", self.drawn);
        }
        for line in lines {
            text += &format!("\r{line}\x1b[K\n");
        }
        // What was drawn before may have been longer.
        text += "\x1b[J";
        self.drawn = lines.len();
        self.write(&text)
    }

    fn write(&self, text: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|e| Failure::output(&e))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}
