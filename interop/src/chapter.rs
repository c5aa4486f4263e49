//! The programs of `examples/c`, started with a library of choice.

use std::path::PathBuf;

use crate::program::under_valgrind;
use crate::{Program, Subject};

/// A port that the system chooses.
pub const ANY_PORT: &str = "tcp://127.0.0.1:*";

/// The programs, built, and the library that they run with.
pub struct Chapter {
    programs: PathBuf,
    lib_dir: String,
}

impl Chapter {
    /// Builds the programs against our header and `subject`.
    pub fn new(subject: &Subject) -> Self {
        Self { programs: subject.build("examples/c"), lib_dir: subject.lib_dir().display().to_string() }
    }

    /// Starts a program with variables set.
    pub fn start(&self, name: &str, variables: &[(&str, &str)]) -> Program {
        let mut all = vec![("LD_LIBRARY_PATH", self.lib_dir.as_str())];
        all.extend(variables);
        Program::start(&self.programs.join(name), &all)
    }

    /// Starts a program that binds, waits until it has, and returns the endpoints that it bound.
    pub fn bind<const N: usize>(
        &self,
        name: &str,
        endpoints: [(&str, &str); N],
        others: &[(&str, &str)],
    ) -> (Program, [String; N]) {
        let mut variables = others.to_vec();
        variables.extend(endpoints);
        let mut program = self.start(name, &variables);
        let bound = endpoints.map(|(variable, _)| program.bound(variable));
        (program, bound)
    }
}

/// A number of messages, or a smaller one where valgrind makes each of them slow.
pub fn count(full: usize, checked: usize) -> String {
    if under_valgrind() { checked } else { full }.to_string()
}
