//! A program in another process: started, read line by line, signalled, waited for.
//!
//! With `FERROZMQ_VALGRIND=1` it runs under valgrind, and an error or a leak that valgrind finds is a failure of the
//! program.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;
use std::{env, thread};

/// How long a program may say nothing before the test gives up: far more than any needs, valgrind or not.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Whether programs run under valgrind; tests do with smaller numbers then.
pub fn under_valgrind() -> bool {
    env::var("FERROZMQ_VALGRIND").is_ok_and(|value| value == "1")
}

/// A running program; killed on drop if it still runs then.
pub struct Program {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Lines,
    stderr: Lines,
}

/// What a program left behind.
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// All lines that it printed, those that were read before included.
    pub stdout: Vec<String>,
    /// The same of its standard error.
    pub stderr: Vec<String>,
}

impl Program {
    /// Starts `program` with variables added to its environment.
    pub fn start(program: &Path, variables: &[(&str, &str)]) -> Self {
        Self::start_with(program, &[], variables)
    }

    /// The same with arguments.
    pub fn start_with(program: &Path, arguments: &[String], variables: &[(&str, &str)]) -> Self {
        let name = program.file_name().expect("a program has a name").to_string_lossy().into_owned();
        let mut command = if under_valgrind() { valgrind(program) } else { Command::new(program) };
        command.args(arguments).envs(variables.iter().copied());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{}: {e}", program.display()));
        let stdout = Lines::of(child.stdout.take().expect("stdout is a pipe"));
        let stderr = Lines::of(child.stderr.take().expect("stderr is a pipe"));
        Self { name, stdin: child.stdin.take(), child, stdout, stderr }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its standard output.
    ///
    /// # Panics
    /// If there is none, or not within [`PATIENCE`].
    pub fn line(&mut self) -> String {
        match self.stdout.next() {
            Ok(Some(line)) => line,
            Ok(None) => self.fail("ended its output"),
            Err(_) => self.fail("says nothing"),
        }
    }

    /// Reads lines until one starts with `prefix`, and returns it.
    pub fn line_with(&mut self, prefix: &str) -> String {
        loop {
            let line = self.line();
            if line.starts_with(prefix) {
                return line;
            }
        }
    }

    /// The endpoint that a program of `examples/c` bound for the variable `name`.
    pub fn bound(&mut self, name: &str) -> String {
        loop {
            match self.stderr.next() {
                Ok(Some(line)) => {
                    if let Some(endpoint) = line.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
                        return endpoint.to_owned();
                    }
                }
                Ok(None) => self.fail("did not bind"),
                Err(_) => self.fail("does not bind"),
            }
        }
    }

    /// Writes an empty line to its standard input.
    pub fn enter(&mut self) {
        self.say("");
    }

    /// Writes a line to its standard input.
    pub fn say(&mut self, line: &str) {
        let line = format!("{line}\n");
        let written = self.stdin.as_mut().expect("stdin is open").write_all(line.as_bytes());
        if let Err(e) = written {
            self.fail(&format!("does not read: {e}"));
        }
    }

    /// Sends it a signal, by its name without `SIG`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.id())]).status();
        assert!(status.is_ok_and(|s| s.success()), "SIG{name} could not be sent to {}", self.name);
    }

    /// Waits for its end, whatever that is.
    pub fn end(mut self) -> Finished {
        drop(self.stdin.take());
        if !(self.stdout.drain() && self.stderr.drain()) {
            self.fail("does not end");
        }
        let status = self.child.wait().expect("a child can be waited for");
        let (stdout, stderr) = (std::mem::take(&mut self.stdout.seen), std::mem::take(&mut self.stderr.seen));
        Finished { status, stdout, stderr }
    }

    /// Waits for its end, which must be a success, and returns all that it printed.
    pub fn finish(self) -> Vec<String> {
        let name = self.name.clone();
        let finished = self.end();
        assert!(finished.status.success(), "{name}: {}\n{}", finished.status, finished.stderr.join("\n"));
        finished.stdout
    }

    /// Ends it as Ctrl-C does, which it must survive in good order, and returns all that it printed.
    pub fn interrupt(self) -> Vec<String> {
        self.signal("INT");
        self.finish()
    }

    fn fail(&mut self, what: &str) -> ! {
        let _ = self.child.kill();
        self.stdout.drain();
        self.stderr.drain();
        let tail = |lines: &[String]| lines[lines.len().saturating_sub(40)..].join("\n");
        panic!(
            "{} {what}\nstdout: {}\nstderr: {}",
            self.name,
            tail(&self.stdout.seen),
            tail(&self.stderr.seen)
        );
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a stream, read by a thread so that the program never waits for a test that does not look.
struct Lines {
    incoming: Receiver<String>,
    seen: Vec<String>,
}

impl Lines {
    fn of(stream: impl Read + Send + 'static) -> Self {
        let (outgoing, incoming) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                if outgoing.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
            }
        });
        Self { incoming, seen: Vec::new() }
    }

    /// The next line, `None` at the end of the stream, an error if neither comes in time.
    fn next(&mut self) -> Result<Option<String>, RecvTimeoutError> {
        match self.incoming.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.seen.push(line.clone());
                Ok(Some(line))
            }
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(timeout) => Err(timeout),
        }
    }

    /// Reads to the end of the stream; false if it does not come.
    fn drain(&mut self) -> bool {
        loop {
            match self.next() {
                Ok(Some(_)) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }
}

fn valgrind(program: &Path) -> Command {
    const LEAKS: &str = "definite,indirect,possible";
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=99", "--leak-check=full"]);
    command.arg(format!("--show-leak-kinds={LEAKS}")).arg(format!("--errors-for-leak-kinds={LEAKS}"));
    command.arg(program);
    command
}
