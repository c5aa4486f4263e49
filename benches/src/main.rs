//! Throughput and latency of ferrozmq, of the system's libzmq and of bare sockets, side by side in one run.
//!
//! Every figure is the median of several rounds, and in each round the entrants take turns row by row, so that whatever
//! else the machine does hits all of them. Sender and receiver are processes of their own (threads for inproc), the
//! high-water marks are 1000, and every message carries a number and a check byte that the receiver looks at.

mod bare;
mod c_library;
mod child;
mod entrant;
mod load;
mod polling;
mod report;
mod row;
mod rust_api;
mod sides;
mod stamp;
mod subject;

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{env, fs, io, thread};

use clap::Parser;

use crate::entrant::entrants;
use crate::load::Load;
use crate::report::{Report, quoted};
use crate::row::Row;

/// Measures ferrozmq against the system's libzmq and bare sockets.
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Options {
    /// One round of a few rows.
    #[arg(long)]
    quick: bool,
    /// Rounds; the figures are their medians [default: 5, with --quick 1].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Only rows whose name contains this; may be given several times.
    #[arg(long)]
    only: Vec<String>,
    /// Keep one core half busy meanwhile.
    #[arg(long)]
    load: bool,
    /// Where the JSON goes [default: bench/TIME.json in the target directory].
    #[arg(long)]
    json: Option<PathBuf>,
    /// The libzmq to compare, instead of our release build; may be given several times.
    #[arg(long)]
    lib: Vec<PathBuf>,
    /// How long one measurement lasts, in milliseconds.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(10..))]
    time: u64,
    /// Print the names of the rows and do nothing.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let done = match arguments.split_first() {
        Some((first, rest)) if first == "child" => child::run(rest).map(|()| true).map_err(Into::into),
        Some((first, _)) if first == "load" => {
            load::end_with_parent();
            load::run().map(|()| true)
        }
        _ => bench(&Options::parse()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}

impl From<subject::Fault> for io::Error {
    fn from(fault: subject::Fault) -> Self {
        Self::other(fault)
    }
}

impl Options {
    fn rows(&self) -> Vec<Row> {
        let chosen = |row: &Row| {
            let name = row.to_string();
            self.only.is_empty() || self.only.iter().any(|part| name.contains(part))
        };
        // A row that was asked for by name is measured, quick or not.
        let mut rows = row::all();
        rows.retain(|row| chosen(row) && (!self.quick || row.quick || !self.only.is_empty()));
        rows
    }

    fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 1 } else { 5 })
    }
}

/// Whether every run gave a figure.
fn bench(options: &Options) -> io::Result<bool> {
    let rows = options.rows();
    if options.list {
        rows.iter().for_each(|row| println!("{row}"));
        return Ok(true);
    }
    if rows.is_empty() {
        return Err(io::Error::other(format!("no row contains any of {:?}", options.only)));
    }
    let mut report = Report::new(entrants(&options.lib), rows);
    for entrant in &report.entrants {
        println!("{}: {}", entrant.label, entrant.about()?);
    }
    let load = options.load.then(Load::start).transpose()?;
    measure_all(&mut report, options);
    drop(load);
    print!("{}", report.table());
    let path = write_json(&report, options)?;
    println!("written to {}", path.display());
    Ok(report.complete())
}

fn measure_all(report: &mut Report, options: &Options) {
    let time = Duration::from_millis(options.time);
    let mut bar = Bar::new(report, options.rounds());
    for round in 0..options.rounds() as usize {
        for (row, results) in report.rows.iter().zip(&mut report.results) {
            let count = report.entrants.len();
            // Every round starts with another, so that nobody always follows the same one.
            for i in (0..count).map(|i| (i + round) % count) {
                let entrant = &report.entrants[i];
                if entrant.enters(row) {
                    bar.show(&format!("{row}, {}", entrant.label));
                    results[i].push(child::measure(&entrant.which, row, time));
                    bar.done += 1;
                }
            }
        }
    }
    bar.clear();
}

fn write_json(report: &Report, options: &Options) -> io::Result<PathBuf> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let path = match &options.json {
        Some(path) => path.clone(),
        None => {
            let program = env::current_exe()?;
            let target = program.parent().and_then(Path::parent).unwrap_or_else(|| Path::new("target"));
            target.join("bench").join(format!("{now}.json"))
        }
    };
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let conditions = [
        ("time", now.to_string()),
        ("cores", cores.to_string()),
        ("processor", quoted(&processor())),
        ("load", options.load.to_string()),
        ("rounds", options.rounds().to_string()),
        ("milliseconds", options.time.to_string()),
    ];
    fs::write(&path, report.json(&conditions))?;
    Ok(path)
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}

/// The progress bar, on a terminal only.
struct Bar {
    start: Instant,
    done: usize,
    total: usize,
    terminal: bool,
}

impl Bar {
    const WIDTH: usize = 24;

    fn new(report: &Report, rounds: u32) -> Self {
        let entries = |row: &Row| report.entrants.iter().filter(|entrant| entrant.enters(row)).count();
        let total = report.rows.iter().map(entries).sum::<usize>() * rounds as usize;
        Self { start: Instant::now(), done: 0, total, terminal: io::stderr().is_terminal() }
    }

    fn show(&self, what: &str) {
        if !self.terminal {
            return;
        }
        let full = "#".repeat(self.done * Self::WIDTH / self.total.max(1));
        let left = match self.done {
            0 => String::new(),
            done => {
                let left = self.start.elapsed() / done as u32 * (self.total - done) as u32;
                format!(", {}:{:02} left", left.as_secs() / 60, left.as_secs() % 60)
            }
        };
        let (done, total, width) = (self.done + 1, self.total, Self::WIDTH);
        eprint!("\r\x1b[K[{full:.<width$}] {done}/{total}{left}  {what}");
        let _ = io::stderr().flush();
    }

    fn clear(&self) {
        if self.terminal {
            eprint!("\r\x1b[K");
        }
    }
}
