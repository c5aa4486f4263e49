#![forbid(unsafe_code)]
// They panic where the reader has gone: `say` does not.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]
//! `fzmq`: ZeroMQ on the command line.
//!
//! Without a command it is a live [`tour`]; with the name of a socket type it is a [`cat`] of messages; `fzmq proxy`
//! is a [`proxy`] between two sockets. Messages go to standard output, everything else to standard error.

#[allow(rustdoc::broken_intra_doc_links, reason = "its comments are the texts of --help, not documentation")]
mod args;
mod cat;
mod doctor;
mod failure;
mod keys;
mod login;
mod numbers;
mod proxy;
mod say;
mod signals;
mod tour;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use failure::Failure;
use signals::Signals;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match Signals::install().and_then(|signals| run(arguments, &signals)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            failure.exit_code()
        }
    }
}

fn run(arguments: Arguments, signals: &Signals) -> Result<(), Failure> {
    match arguments.command {
        None => tour::run(arguments.fast, signals),
        Some(Command::Proxy(proxy)) => proxy::run(&proxy, signals),
        Some(Command::Keygen(keygen)) => keys::generate(&keygen),
        Some(Command::Doctor(doctor)) => {
            signals.end_at_once();
            doctor::run(&doctor)
        }
        Some(other) => other.cat().map_or(Ok(()), |settings| cat::run(&settings, signals)),
    }
}
