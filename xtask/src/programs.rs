//! `cargo xtask programs`: unmodified programs of the distribution do their work on our library.
//!
//! Each file of `interop/programs` is about one program. Its first lines say in comments
//!
//! | | |
//! |---|---|
//! | `packages:` | Debian's packages that it needs; the version of the first is the program's |
//! | `loads:` | the processes that load libzmq when it runs |
//! | `run:` | a line for the shell, in which `$0` is the file; several lines are one script |
//! | `needs:` | a line for the shell that fails on a machine which does not permit what it does |
//! | `large:` | why it runs with `--all` only |
//!
//! It is run on the system's libzmq and on ours, in an empty directory, with that of our header in `$INCLUDE`. Both
//! runs must succeed and print the same, and the loader's own log must say that those processes loaded the library that
//! was meant, and no other one.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, fs};

use crate::command::{Command, repository, target_dir};
use crate::packages;

/// How long a program may take, far more than any needs.
const PATIENCE: Duration = Duration::from_secs(120);

/// How many lines at the start of a file may describe it.
const HEADER: usize = 16;

#[derive(Debug, Default)]
struct Program {
    name: String,
    script: PathBuf,
    packages: Vec<String>,
    loads: BTreeSet<String>,
    run: String,
    needs: Option<String>,
    large: bool,
}

/// How a program did on both libraries.
enum Outcome {
    Same { system: Duration, ours: Duration },
    Uninstalled(String),
    Forbidden(String),
    Failed(String),
}

/// What a run showed.
struct Run {
    output: String,
    time: Duration,
}

/// Runs the programs that the arguments name; without names those that are quick to install, `--all` all of them.
///
/// # Errors
/// If an argument is wrong or a program failed; with the variable CI set also if one could not be installed.
pub(crate) fn run(arguments: &[&str]) -> Result<(), String> {
    let selected = select(arguments)?;
    let needed: BTreeSet<&str> = selected.iter().flat_map(|p| &p.packages).map(String::as_str).collect();
    let missing = packages::bring_from_debian(&needed.into_iter().collect::<Vec<_>>());
    let outcomes: Vec<_> = selected.iter().map(|program| report(program, &missing)).collect();
    let count = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| is(outcome)).count();
    let failed = count(|outcome| matches!(outcome, Outcome::Failed(_)));
    let uninstalled = count(|outcome| matches!(outcome, Outcome::Uninstalled(_)));
    let skipped = uninstalled + count(|outcome| matches!(outcome, Outcome::Forbidden(_)));
    println!("{} passed, {failed} failed, {skipped} skipped", outcomes.len() - failed - skipped);
    let strict = env::var_os("CI").is_some();
    if failed > 0 || strict && uninstalled > 0 { Err("not every program works".to_owned()) } else { Ok(()) }
}

/// Runs a program and prints how it went.
fn report(program: &Program, missing: &[&str]) -> Outcome {
    let version = program.packages.first().and_then(|name| packages::version(name)).unwrap_or_default();
    let outcome = match program.packages.iter().find(|package| missing.contains(&package.as_str())) {
        Some(package) => Outcome::Uninstalled(package.clone()),
        None => match &program.needs {
            Some(needs) if !Command::new("sh -c").arg(needs).succeeds() => Outcome::Forbidden(needs.clone()),
            _ => compare(program).unwrap_or_else(Outcome::Failed),
        },
    };
    let result = match &outcome {
        Outcome::Same { system, ours } => format!("ok       {ours:.1?} (libzmq: {system:.1?})"),
        Outcome::Uninstalled(package) => format!("skipped  {package} is not installed"),
        Outcome::Forbidden(what) => format!("skipped  not permitted here: {what}"),
        Outcome::Failed(message) => format!("FAILED   {message}"),
    };
    println!("{:18}{version:30}{result}", program.name);
    outcome
}

fn select(arguments: &[&str]) -> Result<Vec<Program>, String> {
    let mut programs = all()?;
    match arguments {
        [] => programs.retain(|program| !program.large),
        ["--all"] => {}
        names => {
            if let Some(name) = names.iter().find(|name| !programs.iter().any(|p| p.name == **name)) {
                return Err(format!("interop/programs has nothing for \"{name}\""));
            }
            programs.retain(|program| names.contains(&program.name.as_str()));
        }
    }
    Ok(programs)
}

/// All programs, by name.
fn all() -> Result<Vec<Program>, String> {
    let directory = repository().join("interop/programs");
    let entries = fs::read_dir(&directory).map_err(|e| format!("{}: {e}", directory.display()))?;
    let files = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_file());
    let mut programs = files.map(|path| read(&path)).collect::<Result<Vec<_>, _>>()?;
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(programs)
}

fn read(script: &Path) -> Result<Program, String> {
    let said = |problem: &str| format!("{}: {problem}", script.display());
    let text = fs::read_to_string(script).map_err(|e| said(&e.to_string()))?;
    let name = script.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut program = Program { name, script: script.to_path_buf(), ..Program::default() };
    for line in text.lines().take(HEADER) {
        let line = line.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
        let Some((key, value)) = line.split_once(": ") else { continue };
        match key {
            "packages" => program.packages = words(value).collect(),
            "loads" => program.loads = words(value).collect(),
            "run" => program.run.extend([value, "\n"]),
            "needs" => program.needs = Some(value.to_owned()),
            "large" => program.large = true,
            _ => {}
        }
    }
    if program.packages.is_empty() || program.loads.is_empty() || program.run.is_empty() {
        return Err(said("its first lines do not say packages:, loads: and run:"));
    }
    Ok(program)
}

fn words(line: &str) -> impl Iterator<Item = String> {
    line.split_whitespace().map(str::to_owned)
}

/// Runs a program on the system's library and on ours, which must make no difference.
fn compare(program: &Program) -> Result<Outcome, String> {
    let ours = target_dir().join("release/libzmq.so");
    let ours = ours.canonicalize().map_err(|e| format!("{}: {e}", ours.display()))?;
    let system = perform(program, "system", None, &ours)?;
    if system.output.trim().is_empty() {
        return Err("it prints nothing".to_owned());
    }
    let run = perform(program, "ours", Some(&ours), &ours)?;
    if system.output != run.output {
        let (theirs, ours) = (system.output, run.output);
        return Err(format!("prints something else on our library\n--- libzmq\n{theirs}--- ours\n{ours}"));
    }
    Ok(Outcome::Same { system: system.time, ours: run.time })
}

/// Runs a program in an empty directory, with `library` under libzmq's names if there is one.
fn perform(program: &Program, label: &str, library: Option<&Path>, ours: &Path) -> Result<Run, String> {
    let base = target_dir().join("programs").join(&program.name).join(label);
    let said = |problem: String| format!("with {label}: {problem}");
    prepare(&base, library).map_err(|e| said(format!("{}: {e}", base.display())))?;
    let (out, errors) = (base.join("stdout"), base.join("stderr"));
    let file = |path: &Path| File::create(path).map_err(|e| format!("{}: {e}", path.display()));
    let mut process = Process::new("sh");
    process.arg("-c").arg(&program.run).arg(&program.script).current_dir(base.join("work")).process_group(0);
    process.stdin(Stdio::null()).stdout(file(&out)?).stderr(file(&errors)?);
    process.env("LD_DEBUG", "libs").env("LD_DEBUG_OUTPUT", base.join("loader/log"));
    process.env("PYTHONUNBUFFERED", "1").env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    process
        .env("LD_LIBRARY_PATH", base.join("lib"))
        .env("INCLUDE", repository().join("crates/libzmq/include"));
    let (start, status) = (Instant::now(), finish(&mut process).map_err(said)?);
    let time = start.elapsed();
    let text =
        |path| fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let output = text(&out);
    if !status.is_some_and(|status| status.success()) {
        let how = status.map_or_else(|| "it does not end".to_owned(), |status| status.to_string());
        return Err(said(format!("{how}\n{output}{}", text(&errors))));
    }
    check_loaded(&base.join("loader"), &program.loads, library.is_some(), ours).map_err(said)?;
    Ok(Run { output, time })
}

/// Waits for the end of a process, and ends what it leaves behind. Without a status it was still running.
fn finish(process: &mut Process) -> Result<Option<ExitStatus>, String> {
    let mut child = process.spawn().map_err(|e| format!("sh: {e}"))?;
    let end = Instant::now() + PATIENCE;
    let status = loop {
        match child.try_wait().map_err(|e| format!("sh: {e}"))? {
            None if Instant::now() < end => sleep(Duration::from_millis(10)),
            status => break status,
        }
    };
    Command::new("kill -KILL --").arg(&format!("-{}", child.id())).succeeds();
    if status.is_none() {
        child.wait().map_err(|e| format!("sh: {e}"))?;
    }
    Ok(status)
}

/// Makes the directories of a run anew.
fn prepare(base: &Path, library: Option<&Path>) -> std::io::Result<()> {
    if base.exists() {
        fs::remove_dir_all(base)?;
    }
    for name in ["work", "loader", "lib"] {
        fs::create_dir_all(base.join(name))?;
    }
    let links = ["lib/libzmq.so.5", "lib/libzmq.so"].map(|link| base.join(link));
    library.map_or(Ok(()), |library| links.iter().try_for_each(|link| symlink(library, link)))
}

/// Checks that the processes which loaded a libzmq are those that should, and that it was the one that was meant.
fn check_loaded(
    logs: &Path,
    expected: &BTreeSet<String>,
    mean_ours: bool,
    ours: &Path,
) -> Result<(), String> {
    let mut processes = BTreeSet::new();
    let entries = fs::read_dir(logs).map_err(|e| format!("{}: {e}", logs.display()))?;
    for entry in entries.filter_map(Result::ok) {
        let log = fs::read(entry.path()).map_err(|e| format!("{}: {e}", entry.path().display()))?;
        for (process, library) in loaded(&String::from_utf8_lossy(&log)) {
            let is_ours = library.canonicalize().is_ok_and(|path| path == ours);
            if is_ours != mean_ours {
                return Err(format!("{process} loaded {}", library.display()));
            }
            processes.insert(process);
        }
    }
    if processes == *expected {
        return Ok(());
    }
    Err(format!("libzmq was loaded by {processes:?}, not by {expected:?}"))
}

/// Which programs loaded which libzmq, by the loader's log of a process.
///
/// A program that calls `execve` goes on in the same log, under its new name: what is loaded before a program is
/// initialized belongs to that program, what comes later to the one that runs.
fn loaded(log: &str) -> Vec<(String, PathBuf)> {
    let (mut all, mut process, mut pending) = (Vec::new(), String::new(), Vec::new());
    for line in log.lines().chain(["find library="]) {
        if let Some((_, library)) = line.split_once("calling init: ") {
            let is_libzmq = base_name(library).starts_with("libzmq.so");
            pending.extend(is_libzmq.then(|| PathBuf::from(library)));
            continue;
        }
        if let Some((_, name)) = line.split_once("initialize program: ") {
            base_name(name).clone_into(&mut process);
        } else if !line.contains("find library=") {
            continue;
        }
        all.extend(pending.drain(..).map(|library| (process.clone(), library)));
    }
    all
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::{all, loaded};

    #[test]
    fn every_program_describes_itself() {
        assert!(!all().unwrap().is_empty());
    }

    #[test]
    fn what_is_loaded_belongs_to_the_program_that_runs_or_begins() {
        let log = "1: find library=libc.so.6\n1: calling init: /lib/libc.so.6\n1: initialize program: sh\n\
                   1: find library=libzmq.so.5\n1: calling init: /a/libzmq.so.5\n1: find library=libc.so.6\n\
                   1: calling init: /b/libzmq.so.5\n1: initialize program: /usr/bin/zurl\n\
                   1: find library=x.so\n1: calling init: /c/libzmq.so.5.2.4\n1: calling fini: /b/libzmq.so.5\n";
        let found: Vec<_> = loaded(log).into_iter().map(|(p, l)| format!("{p} {}", l.display())).collect();
        assert_eq!(found, ["sh /a/libzmq.so.5", "zurl /b/libzmq.so.5", "zurl /c/libzmq.so.5.2.4"]);
    }
}
