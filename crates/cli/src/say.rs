//! What the program writes besides messages: words on standard error, results on standard output.

use std::{
    fmt,
    io::{self, Write},
};

use crate::failure::Failure;

/// Says something on standard error. Nobody need listen: unlike `eprintln!` this does not panic where standard error is
/// a closed pipe or a full disk.
macro_rules! say {
    ($($words:tt)*) => { $crate::say::line(format_args!($($words)*)) };
}
pub(crate) use say;

/// What [`say!`] does.
pub(crate) fn line(words: fmt::Arguments<'_>) {
    // In one piece, as others of a pipeline may write there too.
    let _ = io::stderr().write_all(format!("{words}\n").as_bytes());
}

/// Writes a line of what was asked for to standard output.
pub(crate) fn show(line: impl fmt::Display) -> Result<(), Failure> {
    writeln!(io::stdout(), "{line}").map_err(|e| Failure::output(&e))
}
