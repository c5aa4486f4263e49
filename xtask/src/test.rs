//! `cargo xtask test`: runs the steps and says how each ended.
//!
//! A step that lacks a package is skipped, and with the variable CI set that is a failure: an automatic run either tests
//! everything or fails.

use std::env;
use std::time::{Duration, Instant};

use crate::command::Failure;
use crate::packages;
use crate::steps::{self, Step};

enum Outcome {
    Passed(Duration),
    Failed(Duration, Failure),
    Skipped(String),
}

/// Runs the steps that the arguments select.
///
/// # Errors
/// If an argument is wrong or a step failed.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let selected = match arguments {
        [] => steps::all(),
        ["--only", names] => select(names)?,
        ["--list"] => {
            steps::all().iter().for_each(|step| println!("{:22}{}", step.name, step.about));
            return Ok(());
        }
        _ => return Err("usage: cargo xtask test [--only STEP,...] [--list]".to_owned()),
    };
    let missing = packages::bring(&selected.iter().flat_map(|step| step.needs).copied().collect());
    let outcomes: Vec<_> = selected.iter().map(|step| (step.name, perform(step, &missing))).collect();
    summarize(&outcomes, &missing)
}

fn select(names: &str) -> Result<Vec<Step>, String> {
    let mut selected = steps::all();
    for name in names.split(',') {
        if !selected.iter().any(|step| step.name == name) {
            return Err(format!("there is no step \"{name}\"; cargo xtask test --list names them"));
        }
    }
    selected.retain(|step| names.split(',').any(|name| name == step.name));
    Ok(selected)
}

fn perform(step: &Step, missing: &[&str]) -> Outcome {
    println!("\n== {}: {}", step.name, step.about);
    let start = Instant::now();
    let outcome = if let Some(need) = step.needs.iter().find(|need| missing.contains(need)) {
        Outcome::Skipped(format!("{need} is not installed"))
    } else {
        match step.commands.iter().try_for_each(|command| command.run_and_remember()) {
            Ok(()) => Outcome::Passed(start.elapsed()),
            Err(failure) => Outcome::Failed(start.elapsed(), failure),
        }
    };
    println!("== {}", line(step.name, &outcome));
    outcome
}

fn line(name: &str, outcome: &Outcome) -> String {
    let (word, seconds, remark) = match outcome {
        Outcome::Passed(time) => ("ok", format!("{:.1} s", time.as_secs_f64()), ""),
        Outcome::Failed(time, failure) => {
            ("FAILED", format!("{:.1} s", time.as_secs_f64()), failure.message.as_str())
        }
        Outcome::Skipped(reason) => ("skipped", String::new(), reason.as_str()),
    };
    format!("{name:22}{word:8}{seconds:>9}  {remark}").trim_end().to_owned()
}

fn summarize(outcomes: &[(&str, Outcome)], missing: &[&str]) -> Result<(), String> {
    for (name, outcome) in outcomes {
        if let Outcome::Failed(_, failure) = outcome {
            println!("\n== {name} failed; it printed last:");
            failure.last_lines.iter().for_each(|line| println!("{line}"));
        }
    }
    println!("\nsummary");
    outcomes.iter().for_each(|(name, outcome)| println!("  {}", line(name, outcome)));
    if !missing.is_empty() {
        println!("  not installed: {}", missing.join(" "));
    }
    let strict = env::var_os("CI").is_some();
    let bad: Vec<_> = outcomes
        .iter()
        .filter(|(_, outcome)| match outcome {
            Outcome::Failed(..) => true,
            Outcome::Skipped(_) => strict,
            Outcome::Passed(_) => false,
        })
        .map(|(name, _)| *name)
        .collect();
    if bad.is_empty() { Ok(()) } else { Err(format!("failed: {}", bad.join(", "))) }
}
