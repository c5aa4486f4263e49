//! Who takes part: the bare sockets, the system's libzmq, our C library, our Rust library, other builds.

use std::env;
use std::path::PathBuf;

use crate::bare;
use crate::c_library::CLibrary;
use crate::row::Row;
use crate::subject::Result;

/// One column of the table.
#[derive(Clone, Debug)]
pub(crate) struct Entrant {
    /// The column's title.
    pub(crate) label: String,
    /// What a child process is told to measure.
    pub(crate) which: Which,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// Plain sockets.
    Bare,
    /// The crate `ferrozmq`.
    Rust,
    /// A libzmq: a path, or a name for the loader.
    Library(String),
}

impl Which {
    /// As an argument of a child process.
    pub(crate) fn argument(&self) -> &str {
        match self {
            Self::Bare => "bare",
            Self::Rust => "rust",
            Self::Library(path) => path,
        }
    }

    /// From the argument of a child process.
    pub(crate) fn from_argument(argument: &str) -> Self {
        match argument {
            "bare" => Self::Bare,
            "rust" => Self::Rust,
            path => Self::Library(path.to_owned()),
        }
    }
}

impl Entrant {
    /// Whether it can do the row at all.
    pub(crate) fn enters(&self, row: &Row) -> bool {
        self.which != Which::Bare || bare::has(row)
    }

    /// What is known about it, for the report: its version and file.
    pub(crate) fn about(&self) -> Result<String> {
        match &self.which {
            Which::Bare => Ok("plain sockets".to_owned()),
            Which::Rust => Ok(format!("the crate, version {}", env!("CARGO_PKG_VERSION"))),
            Which::Library(path) => Ok(format!("{path}, version {}", CLibrary::load(path)?.version())),
        }
    }
}

/// The system's library.
pub(crate) const SYSTEM: &str = "libzmq.so.5";

/// The columns: bare sockets, the system's libzmq, then ours in C (the libraries named, or else our release build if
/// there is one) and in Rust.
pub(crate) fn entrants(libraries: &[PathBuf]) -> Vec<Entrant> {
    let entrant = |label: &str, which| Entrant { label: label.to_owned(), which };
    let library = |path: &PathBuf| Which::Library(path.display().to_string());
    let mut entrants =
        vec![entrant("bare", Which::Bare), entrant("libzmq", Which::Library(SYSTEM.to_owned()))];
    match libraries {
        [] => match ours().filter(|path| path.exists()) {
            Some(path) => entrants.push(entrant("ours (C)", library(&path))),
            None => eprintln!("no libzmq.so beside this program: our C library is not measured"),
        },
        [only] => entrants.push(entrant("ours (C)", library(only))),
        several => {
            let label = |i| format!("C #{}", i + 1);
            entrants.extend(several.iter().enumerate().map(|(i, path)| entrant(&label(i), library(path))));
        }
    }
    entrants.push(entrant("ours (Rust)", Which::Rust));
    entrants
}

/// Our release build of the C library, which cargo puts beside this program.
fn ours() -> Option<PathBuf> {
    Some(env::current_exe().ok()?.parent()?.join("libzmq.so"))
}
