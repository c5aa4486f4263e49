//! What the tests against other processes share: which C library they run with, and programs that they start, read
//! from, signal and wait for.
//!
//! Nothing here waits a fixed time. Every wait ends with what it waits for, or with [`program::PATIENCE`], after which
//! the test fails and prints what the program had said.
#![forbid(unsafe_code)]

pub mod chapter;
pub mod frames;
pub mod peer;
pub mod program;
pub mod security;
pub mod subject;

pub use peer::Peer;
pub use program::Program;
pub use subject::Subject;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, process};

/// The root of the repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}

/// Cargo's target directory: a test or program of this crate runs from `<target>/<profile>` or a folder in it.
pub fn target_dir() -> PathBuf {
    let program = env::current_exe().expect("a process knows its program");
    let profile = program.ancestors().find(|dir| dir.join(".fingerprint").is_dir());
    let profile = profile.unwrap_or_else(|| panic!("{} is not in a target directory", program.display()));
    profile.parent().expect("a profile lies in the target directory").to_path_buf()
}

/// A directory of its own for sockets of the ipc transport, whose paths are limited to 107 bytes; removed on drop.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes a new directory.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("interop-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self(path)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// An ipc endpoint in this directory.
    pub fn ipc(&self, name: &str) -> String {
        format!("ipc://{}", self.0.join(name).display())
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
