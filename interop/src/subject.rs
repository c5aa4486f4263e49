//! The C library under test, and C programs that are built for it.
//!
//! `FERROZMQ_SUBJECT` chooses: `system` is the distribution's, a path that very file; without it the release build of
//! this repository. Programs find it as they would find an installed one, as `libzmq.so.5` in a directory that the
//! loader searches.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, os};

use crate::{repository, target_dir};

/// A C library and a directory for what is built against it.
pub struct Subject {
    library: PathBuf,
    dir: PathBuf,
}

impl Subject {
    /// The library that `FERROZMQ_SUBJECT` names.
    ///
    /// # Panics
    /// If there is no such file; the message says how to get one.
    pub fn from_env() -> Self {
        let choice = env::var("FERROZMQ_SUBJECT").unwrap_or_default();
        match choice.as_str() {
            "" => Self::of(target_dir().join("release/libzmq.so")),
            "system" => Self::system(),
            path => Self::of(PathBuf::from(path)),
        }
    }

    /// The distribution's library.
    ///
    /// # Panics
    /// If it is not installed.
    pub fn system() -> Self {
        Self::of(system_library())
    }

    fn of(library: PathBuf) -> Self {
        let library = library.canonicalize().unwrap_or_else(|e| {
            panic!(
                "the library under test, {}: {e}; build it with `cargo build --release -p libzmq`, or set \
                 FERROZMQ_SUBJECT to `system` or to the path of a libzmq.so",
                library.display()
            )
        });
        let name = library.display().to_string().replace('/', "_");
        Self { dir: target_dir().join("interop").join(name.trim_start_matches('_')), library }
    }

    /// Whether it is the distribution's.
    pub fn is_system(&self) -> bool {
        system_library().canonicalize().is_ok_and(|path| path == self.library)
    }

    /// The library file itself.
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// The directory for `LD_LIBRARY_PATH`, in which the library is called `libzmq.so.5`.
    pub fn lib_dir(&self) -> PathBuf {
        self.dir.join("lib")
    }

    /// Builds the programs of a directory with a Makefile like that of `examples/c`, unless that has been done, and
    /// returns where they are.
    ///
    /// # Panics
    /// With the compiler's messages, if it had any.
    pub fn build(&self, sources: &str) -> PathBuf {
        fs::create_dir_all(&self.dir).unwrap_or_else(|e| panic!("{}: {e}", self.dir.display()));
        // Tests run side by side, also in several processes; one builds and the others find it done.
        let lock = File::create(self.dir.join("lock")).expect("a lock file can be made");
        lock.lock().expect("a file can be locked");
        self.link_library();
        let bin = self.dir.join(sources.replace('/', "-"));
        let output = Command::new("make")
            .arg("--directory")
            .arg(repository().join(sources))
            .arg(variable("OUT", &bin))
            .arg(variable("LDFLAGS", &format!("-L{}", self.lib_dir().display())))
            .arg("LDLIBS=-l:libzmq.so.5")
            .output()
            .expect("make can be run");
        let messages = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && messages.is_empty(),
            "{sources} does not compile cleanly:\n{messages}"
        );
        bin
    }

    fn link_library(&self) {
        let link = self.lib_dir().join("libzmq.so.5");
        if fs::read_link(&link).is_ok_and(|to| to == self.library) {
            return;
        }
        fs::create_dir_all(self.lib_dir()).unwrap_or_else(|e| panic!("{}: {e}", self.lib_dir().display()));
        let _ = fs::remove_file(&link);
        os::unix::fs::symlink(&self.library, &link).unwrap_or_else(|e| panic!("{}: {e}", link.display()));
    }
}

/// `NAME=value` for make.
fn variable(name: &str, value: &(impl AsRef<OsStr> + ?Sized)) -> std::ffi::OsString {
    let mut text = std::ffi::OsString::from(format!("{name}="));
    text.push(value);
    text
}

/// Where the linker finds the distribution's library; the bare name where there is none.
fn system_library() -> PathBuf {
    let output = Command::new("gcc").arg("-print-file-name=libzmq.so.5").output().expect("gcc can be run");
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}
