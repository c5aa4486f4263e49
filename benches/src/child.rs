//! One measurement: the processes of a row are started, watched, and killed if they fail or take too long.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};
use std::{env, fs, io, process, thread};

use crate::bare;
use crate::c_library::CLibrary;
use crate::entrant::Which;
use crate::load;
use crate::row::{Row, Transport};
use crate::rust_api::RustApi;
use crate::sides::{self, Figure, Peer};
use crate::subject::{Fault, Result, Subject};

/// How much longer than its time a measurement may take before it counts as hung.
const PATIENCE: Duration = Duration::from_secs(10);

/// A side of a row, as a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Bind,
    Connect,
    Both,
}

impl Side {
    const ALL: [(Self, &str); 3] = [(Self::Bind, "bind"), (Self::Connect, "connect"), (Self::Both, "both")];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(side, _)| *side == self).map_or("", |(_, name)| name)
    }
}

/// A line that a child wrote, or the end of one of its two streams.
enum Event {
    Said(String),
    Complained(String),
    Ended,
}

/// The processes of a measurement; killed on drop.
struct Children {
    running: Vec<Child>,
    events: Receiver<Event>,
    sender: Sender<Event>,
    open_streams: usize,
    complaint: Option<String>,
    deadline: Instant,
}

impl Drop for Children {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Children {
    fn new(time: Duration) -> Self {
        let (sender, events) = mpsc::channel();
        let deadline = Instant::now() + time + PATIENCE;
        Self { running: Vec::new(), events, sender, open_streams: 0, complaint: None, deadline }
    }

    fn start(
        &mut self,
        side: Side,
        which: &Which,
        row: &Row,
        time: Duration,
        endpoint: &str,
    ) -> io::Result<()> {
        let mut child = Command::new(env::current_exe()?)
            .args(["child", side.name(), which.argument(), &row.to_string()])
            .args([&time.as_micros().to_string(), endpoint])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        self.read(child.stdout.take().expect("stdout is a pipe"), Event::Said);
        self.read(child.stderr.take().expect("stderr is a pipe"), Event::Complained);
        self.running.push(child);
        Ok(())
    }

    fn read(&mut self, stream: impl Read + Send + 'static, event: fn(String) -> Event) {
        self.open_streams += 1;
        let sender = self.sender.clone();
        thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(io::Result::ok) {
                let _ = sender.send(event(line));
            }
            let _ = sender.send(Event::Ended);
        });
    }

    /// The next line with the prefix, without it; an error when all have ended or the time is over.
    fn line(&mut self, prefix: &str) -> Result<String> {
        while self.open_streams > 0 {
            match self.events.recv_timeout(self.deadline.saturating_duration_since(Instant::now())) {
                Ok(Event::Said(line)) => {
                    if let Some(rest) = line.strip_prefix(prefix) {
                        return Ok(rest.to_owned());
                    }
                }
                Ok(Event::Complained(line)) => self.complaint = Some(line),
                Ok(Event::Ended) => self.open_streams -= 1,
                Err(RecvTimeoutError::Timeout) => return Err(Fault::new("hung, killed")),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        let complaint = self.complaint.take();
        Err(Fault::new(complaint.unwrap_or_else(|| format!("ended without {prefix}"))))
    }

    /// Tells all that the figure is there, and waits until they have ended, which must be a success.
    fn end(&mut self) -> Result<()> {
        for child in &mut self.running {
            drop(child.stdin.take());
        }
        while self.open_streams > 0 {
            match self.line("\0") {
                Err(fault) if self.open_streams > 0 => return Err(fault),
                _ => {}
            }
        }
        for mut child in self.running.drain(..) {
            let status = child.wait()?;
            if !status.success() {
                return Err(Fault::new(format!("a process ended with {status}")));
            }
        }
        Ok(())
    }
}

/// Measures a row once.
pub(crate) fn measure(which: &Which, row: &Row, time: Duration) -> Result<Figure> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut children = Children::new(time);
    if row.transport == Transport::Inproc {
        children.start(Side::Both, which, row, time, "")?;
        return finish(&mut children);
    }
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = env::temp_dir().join(format!("ferrozmq-bench-{}-{number}", process::id()));
    let endpoint = match row.transport {
        Transport::Ipc => format!("ipc://{}", path.display()),
        _ => "tcp://127.0.0.1:*".to_owned(),
    };
    let result = (|| {
        children.start(Side::Bind, which, row, time, &endpoint)?;
        let endpoint = children.line("endpoint ")?;
        children.start(Side::Connect, which, row, time, &endpoint)?;
        finish(&mut children)
    })();
    drop(children);
    let _ = fs::remove_file(path);
    result
}

fn finish(children: &mut Children) -> Result<Figure> {
    let line = children.line("figure ")?;
    let mut numbers = line.split(' ').map(str::parse);
    let figure = match numbers.next() {
        Some(Ok(value)) => Figure { value, p99: numbers.next().and_then(std::result::Result::ok) },
        _ => return Err(Fault::new(format!("not a figure: {line}"))),
    };
    children.end()?;
    Ok(figure)
}

/// A child process: its arguments are those that [`Children::start`] gives it.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    load::end_with_parent();
    let [side, which, row, time, endpoint] = arguments else {
        return Err(Fault::new("a child process takes five arguments"));
    };
    let side = Side::ALL.iter().find(|(_, name)| name == side).map(|(side, _)| *side);
    let side = side.ok_or_else(|| Fault::new("no such side"))?;
    let row = Row::named(row).ok_or_else(|| Fault::new("no such row"))?;
    let time = time.parse().map_err(|_| Fault::new("not a time"))?;
    let job = Job { side, row, time: Duration::from_micros(time), endpoint };
    let figure = match Which::from_argument(which) {
        Which::Bare => job.bare(),
        Which::Rust => job.with(&RustApi),
        Which::Library(path) => job.with(&CLibrary::load(&path)?),
    }?;
    match figure {
        Some(Figure { value, p99: None }) => println!("figure {value}"),
        Some(Figure { value, p99: Some(p99) }) => println!("figure {value} {p99}"),
        None => {}
    }
    Ok(())
}

struct Job<'a> {
    side: Side,
    row: Row,
    time: Duration,
    endpoint: &'a str,
}

impl Job<'_> {
    fn with(&self, subject: &impl Subject) -> Result<Option<Figure>> {
        if self.side == Side::Both {
            return sides::both_sides(subject, &self.row, self.time).map(Some);
        }
        let context = subject.context()?;
        match self.side {
            Side::Bind => {
                let parent = Peer { tell, hold };
                sides::bind_side(subject, &context, &self.row, self.time, self.endpoint, parent)
            }
            _ => sides::connect_side(subject, &context, &self.row, self.time, self.endpoint, hold),
        }
    }

    fn bare(&self) -> Result<Option<Figure>> {
        match self.side {
            Side::Bind => bare::bind_side(&self.row, self.time, self.endpoint, tell),
            _ => bare::connect_side(&self.row, self.time, self.endpoint),
        }
    }
}

/// Returns when the parent has closed the pipe to this process.
fn hold() {
    let _ = io::stdin().read(&mut [0]);
}

fn tell(endpoint: String) {
    println!("endpoint {endpoint}");
}
