//! Development tasks: `cargo xtask <task>`.
//!
//! | Task | |
//! |---|---|
//! | `test [--only STEP,…]` | everything that is tested, in steps; `--list` names them |
//! | `install [--prefix DIR] [--libdir DIR] [--destdir DIR]` | the C library and the command line, for programs to use |
//! | `loom [N]` | the models of the lock-free pieces, with N preemptions (3) |
//! | `close-storm [N]` | closes (1000) on tcp and on ipc right after 300,000 messages, none of which may be lost |
//! | `delays` | the conformance tests with delays at random around every system call |
//! | `races` | tests with many threads under the compiler's detector of data races (needs the component rust-src) |
//! | `programs [--all \| NAME…]` | unmodified programs of Debian on our library |
//! | `bench [ARGS…]` | throughput and latency beside those of the system's libzmq |
//! | `fault [ARGS…]` | what a good client notices of a thousand connections that hang in their handshake |
#![forbid(unsafe_code)]

mod command;
mod install;
mod packages;
mod programs;
mod steps;
mod test;

use std::env;
use std::process::ExitCode;

use command::Command;

const USAGE: &str = "usage: cargo xtask test [--only STEP,...] [--list] | install [--prefix DIR] [--libdir DIR] \
                     [--destdir DIR] | loom [N] | close-storm [N] | delays | races | \
                     programs [--all | NAME...] | bench [ARGS...] | fault [ARGS...]";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.split_first() {
        Some((&"test", rest)) => test::run(rest),
        Some((&"install", rest)) => install::run(rest),
        Some((&"loom", rest)) => number(rest, 3).and_then(|bound| steps::loom(bound).run()),
        Some((&"close-storm", rest)) => number(rest, 1000).and_then(|count| steps::close_storm(count).run()),
        Some((&"delays", [])) => steps::delays().iter().try_for_each(Command::run),
        Some((&"races", [])) => steps::races().iter().try_for_each(Command::run),
        Some((&"programs", rest)) => programs::run(rest),
        Some((&"bench", rest)) => steps::bench(rest).iter().try_for_each(Command::run),
        Some((&"fault", rest)) => steps::fault(rest).run(),
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The only argument of a task, a number above 0, or its default.
fn number(arguments: &[&str], otherwise: u32) -> Result<u32, String> {
    match arguments {
        [] => Ok(otherwise),
        [text] => match text.parse() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!("\"{text}\" is not a number above 0")),
        },
        _ => Err(USAGE.to_owned()),
    }
}
