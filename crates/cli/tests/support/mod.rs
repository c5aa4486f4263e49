//! Running `fzmq` and looking at what it does.

#![allow(dead_code, reason = "each test file uses a part")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Output, Stdio},
};

/// The longest that anything may take; every command ends by then.
pub(crate) const LIMIT: &str = "60s";

/// The command, with its arguments separated by blanks.
pub(crate) fn fzmq(line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fzmq"));
    command.args(line.split_whitespace()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs the command to its end, with this standard input.
pub(crate) fn run(line: &str, input: &[u8]) -> Output {
    let mut child = fzmq(line).stdin(Stdio::piped()).spawn().unwrap();
    // It may end without reading everything.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// A command that runs, bound somewhere.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) endpoints: Vec<String>,
    pub(crate) stdin: Option<ChildStdin>,
    interrupted: bool,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
}

impl Running {
    /// Begins it, and waits until it is bound to so many endpoints.
    pub(crate) fn bound(line: &str, endpoints: usize) -> Self {
        let mut child = fzmq(line).stdin(Stdio::piped()).spawn().unwrap();
        let mut running = Self {
            stdin: child.stdin.take(),
            stdout: BufReader::new(child.stdout.take().unwrap()),
            stderr: BufReader::new(child.stderr.take().unwrap()),
            endpoints: Vec::new(),
            interrupted: false,
            child,
        };
        while running.endpoints.len() < endpoints {
            let said = running.said();
            let endpoint = said.strip_prefix("bound to ").unwrap_or_else(|| panic!("{line}: {said:?}"));
            running.endpoints.push(endpoint.split_whitespace().next().unwrap().to_owned());
        }
        running
    }

    /// Begins it.
    pub(crate) fn start(line: &str) -> Self {
        Self::bound(line, 0)
    }

    /// Ends it as a crash does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoints[0]
    }

    /// The next line of its standard error.
    pub(crate) fn said(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The next line of its standard output.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn type_in(&mut self, text: &str) {
        self.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    /// As Ctrl-C does.
    pub(crate) fn interrupt(&mut self) {
        self.interrupted = true;
        let status = Command::new("sh").args(["-c", &format!("kill -INT {}", self.child.id())]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for its end: the exit code, and what is left of its output and of what it says.
    pub(crate) fn end(mut self) -> (i32, String, String) {
        // The end of its input would be another reason to end.
        let input = self.stdin.take().filter(|_| self.interrupted);
        let (mut out, mut said) = (String::new(), String::new());
        self.stdout.read_to_string(&mut out).unwrap();
        self.stderr.read_to_string(&mut said).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        drop(input);
        (code, out, said)
    }
}

/// Nothing outlives its test.
impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
