//! A command as data: what to run, with which environment, in the repository's root.

use std::collections::VecDeque;
use std::env;
use std::fmt;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Stdio};
use std::sync::LazyLock;

/// How many lines of a failed command's output are said again at the end.
const LAST_LINES: usize = 60;

/// How a command failed.
pub(crate) struct Failure {
    /// The command, and how it ended.
    pub(crate) message: String,
    /// The last lines that it printed.
    pub(crate) last_lines: Vec<String>,
}

/// A command that is not run yet.
#[derive(Clone)]
pub(crate) struct Command {
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Command {
    /// A command from the words of a line.
    pub(crate) fn new(line: &str) -> Self {
        Self { arguments: line.split_whitespace().map(str::to_owned).collect(), variables: Vec::new() }
    }

    /// Adds the words of a line.
    pub(crate) fn args(mut self, line: &str) -> Self {
        self.arguments.extend(line.split_whitespace().map(str::to_owned));
        self
    }

    /// Adds one argument as it is.
    pub(crate) fn arg(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Adds a path as one argument.
    pub(crate) fn path(self, path: &Path) -> Self {
        self.arg(&path.display().to_string())
    }

    /// Sets a variable of its environment.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Prints the command and runs it.
    ///
    /// # Errors
    /// If it cannot be started or fails.
    pub(crate) fn run(&self) -> Result<(), String> {
        println!("$ {self}");
        let status = self.process().status().map_err(|e| format!("{self}: {e}"))?;
        if status.success() { Ok(()) } else { Err(format!("{self}: {status}")) }
    }

    /// Prints the command and runs it; a failure comes with the last lines of what it printed, for a log so long that
    /// nobody sees its middle. On a terminal there is no such copy: the command has the terminal to itself.
    ///
    /// # Errors
    /// If it cannot be started or fails.
    pub(crate) fn run_and_remember(&self) -> Result<(), Failure> {
        if io::stdout().is_terminal() {
            return self.run().map_err(|message| Failure { message, last_lines: Vec::new() });
        }
        println!("$ {self}");
        let failure =
            |error: io::Error| Failure { message: format!("{self}: {error}"), last_lines: Vec::new() };
        let (reader, writer) = io::pipe().map_err(failure)?;
        let mut process = self.process();
        process.stdout(writer.try_clone().map_err(failure)?).stderr(writer);
        let child = process.spawn();
        drop(process);
        let mut last_lines = VecDeque::new();
        for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            println!("{line}");
            last_lines.push_back(line);
            if last_lines.len() > LAST_LINES {
                last_lines.pop_front();
            }
        }
        let status = child.and_then(|mut child| child.wait()).map_err(failure)?;
        if status.success() {
            return Ok(());
        }
        Err(Failure { message: format!("{self}: {status}"), last_lines: last_lines.into() })
    }

    /// Whether it can be run and succeeds; nothing is printed.
    pub(crate) fn succeeds(&self) -> bool {
        let status = self.process().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    /// What it prints, if it can be run.
    pub(crate) fn output(&self) -> Option<String> {
        let output = self.process().stderr(Stdio::null()).output().ok()?;
        String::from_utf8(output.stdout).ok()
    }

    fn process(&self) -> Process {
        let mut process = Process::new(&self.arguments[0]);
        process.args(&self.arguments[1..]).current_dir(repository());
        process.envs(self.variables.iter().map(|(name, value)| (name, value)));
        process
    }
}

/// The line that a shell would take.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.variables.iter().try_for_each(|(name, value)| write!(f, "{name}={value} "))?;
        f.write_str(&self.arguments.join(" "))
    }
}

/// The root of the repository.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}

/// Cargo's target directory.
pub(crate) fn target_dir() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from)
}

/// Runs the tests of what `selection` (arguments of cargo) selects, by cargo-nextest where it is installed: it gives
/// each test a process of its own, and ends one that hangs.
pub(crate) fn tests(selection: &str) -> Command {
    static NEXTEST: LazyLock<bool> = LazyLock::new(|| Command::new("cargo nextest --version").succeeds());
    let runner = if *NEXTEST { "cargo nextest run --no-fail-fast" } else { "cargo test --no-fail-fast" };
    Command::new(runner).args(selection)
}
