//! The steps of `cargo xtask test`, as data.

use std::env;
use std::path::{Path, PathBuf};

use crate::command::{Command, target_dir, tests};

/// One thing that is tested.
pub(crate) struct Step {
    /// Its name, for `--only`.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) about: &'static str,
    /// Packages without which it is skipped.
    pub(crate) needs: &'static [&'static str],
    /// What to run, in order.
    pub(crate) commands: Vec<Command>,
}

const SYSTEM: (&str, &str) = ("FERROZMQ_SUBJECT", "system");
const RUST: (&str, &str) = ("FERROZMQ_SUBJECT", "rust");
const DIRECT_OFF: (&str, &str) = ("FERROZMQ_DIRECT", "off");
const DIRECT_ON: (&str, &str) = ("FERROZMQ_DIRECT", "on");
const VALGRIND: (&str, &str) = ("FERROZMQ_VALGRIND", "1");

/// All steps, in the order in which they run: what is quick or what the others need comes first.
pub(crate) fn all() -> Vec<Step> {
    let step = |name, about, needs, commands| Step { name, about, needs, commands };
    let cargo = |line: &str| vec![Command::new("cargo").args(line)];
    let tests_with = |selection: &str, variables: &[(&str, &str)]| {
        vec![variables.iter().fold(tests(selection), |command, (name, value)| command.env(name, value))]
    };
    let (here, system) = (&["gcc", "g++", "make"][..], &["gcc", "g++", "make", "libzmq5", "libzmq3-dev"][..]);
    let valgrind = &["gcc", "g++", "make", "valgrind"][..];
    vec![
        step("fmt", "the source is formatted", &[], cargo("fmt --all --check")),
        step("clippy", "no warnings", &[], cargo("clippy --workspace --all-targets -- -D warnings")),
        step(
            "determinism",
            "protocol, patterns and runtime use no clock, thread, socket or file of their own",
            &[],
            cargo("clippy --workspace -- -D clippy::disallowed_methods -D clippy::disallowed_types"),
        ),
        step(
            "release",
            "the C library and the command line",
            &[],
            cargo("build --release -p libzmq -p fzmq"),
        ),
        step(
            "install",
            "the installed library, found by pkg-config and CMake, from C and C++",
            &["gcc", "g++", "make", "cmake", "pkg-config", "cppzmq-dev"],
            installed(),
        ),
        step(
            "unit",
            "unit tests",
            &[],
            tests_with("--workspace --exclude interop --exclude conformance", &[]),
        ),
        step(
            "doc",
            "the documentation's links, and its examples",
            &[],
            vec![
                Command::new("cargo doc --no-deps --workspace").env("RUSTDOCFLAGS", "-D warnings"),
                Command::new("cargo test --workspace --doc"),
            ],
        ),
        step("loom", "models of the lock-free pieces", &[], vec![loom(2)]),
        step(
            "conformance-system",
            "the conformance tests, with the system's libzmq",
            system,
            tests_with("-p conformance", &[SYSTEM]),
        ),
        step("conformance", "the conformance tests", here, tests_with("-p conformance", &[DIRECT_ON])),
        step(
            "conformance-indirect",
            "the conformance tests, with all I/O in the background",
            here,
            tests_with("-p conformance", &[DIRECT_OFF]),
        ),
        step(
            "conformance-rust",
            "the conformance tests, with the Rust API, in both modes",
            &[],
            [DIRECT_ON, DIRECT_OFF]
                .iter()
                .flat_map(|mode| tests_with("-p conformance", &[RUST, *mode]))
                .collect(),
        ),
        step(
            "interop-system",
            "header and C programs, with the system's libzmq",
            system,
            tests_with("-p interop --test header --test chapter_c", &[SYSTEM]),
        ),
        step(
            "interop",
            "other processes: header, C programs, libzmq as the peer",
            system,
            tests_with("-p interop", &[]),
        ),
        step(
            "socks",
            "our library behind a SOCKS5 proxy of Debian",
            &["gcc", "libzmq5", "microsocks"],
            tests_with("-p interop --test socks", &[]),
        ),
        step(
            "programs",
            "unmodified programs of Debian do their work on our library",
            system,
            cargo("run --quiet --package xtask -- programs"),
        ),
        step(
            "valgrind",
            "the C programs under valgrind",
            valgrind,
            tests_with("-p interop --test chapter_c", &[VALGRIND]),
        ),
        step(
            "valgrind-conformance",
            "a file of conformance tests per pattern under valgrind",
            valgrind,
            vec![under_valgrind("cargo test -p conformance", &["pair", "pipeline", "pubsub", "reqrep"])],
        ),
        step(
            "close-storm",
            "closing right after 300,000 messages loses none, 50 times on tcp and on ipc",
            here,
            vec![close_storm(50)],
        ),
        step(
            "pyzmq",
            "pyzmq, built from its source, and its own tests",
            &["gcc", "g++", "make", "python3-venv", "python3-dev"],
            pyzmq(),
        ),
        step(
            "churn",
            "closing in the midst of traffic always ends",
            here,
            vec![Command::new("cargo run --quiet -p interop --bin churn -- 50")],
        ),
    ]
}

/// Where tests install the library.
fn prefix() -> PathBuf {
    target_dir().join("installed/prefix")
}

/// Installs the library and builds and runs the programs of `interop/installed` as a user of it would.
fn installed() -> Vec<Command> {
    let (programs, built) = ("interop/installed", target_dir().join("installed/cmake"));
    let variable = |name: &str, path: &Path| format!("{name}={}", path.display());
    vec![
        Command::new("cargo xtask install --prefix").path(&prefix()),
        Command::new("make --no-print-directory -B -C")
            .arg(programs)
            .arg(&variable("OUT", &target_dir().join("installed/make")))
            .arg(&variable("PREFIX", &prefix())),
        Command::new("cmake --fresh -S")
            .arg(programs)
            .arg("-B")
            .path(&built)
            .arg(&variable("-DCMAKE_PREFIX_PATH", &prefix())),
        Command::new("cmake --build").path(&built),
        Command::new("ctest --no-tests=error --output-on-failure --timeout 60 --test-dir").path(&built),
    ]
}

/// Installs the library and runs pyzmq's tests on it.
fn pyzmq() -> Vec<Command> {
    vec![
        Command::new("cargo xtask install --prefix").path(&prefix()),
        Command::new("python3 interop/pyzmq/run.py --work")
            .path(&target_dir().join("python"))
            .arg("--prefix")
            .path(&prefix()),
    ]
}

/// Runs the binaries of these tests under valgrind, which finds no error and nothing lost, without any suppression.
fn under_valgrind(cargo: &str, tests: &[&str]) -> Command {
    let runner = "valgrind --quiet --error-exitcode=99 --leak-check=full \
         --show-leak-kinds=definite,indirect,possible --errors-for-leak-kinds=definite,indirect,possible";
    let runs = tests.iter().fold(Command::new(cargo), |command, test| command.args("--test").arg(test));
    runs.args("-- --test-threads=1").env(&runner_variable(), runner)
}

/// The variable with the program that cargo starts tests by.
fn runner_variable() -> String {
    format!("CARGO_TARGET_{}_UNKNOWN_LINUX_GNU_RUNNER", std::env::consts::ARCH.to_uppercase())
}

/// The conformance tests of the C library and of the Rust API, in both modes, with delays around every system call.
pub(crate) fn delays() -> Vec<Command> {
    let library = target_dir().join("delays.so");
    let runner = format!("env LD_PRELOAD={}", library.display());
    let delayed = |command: Command| command.env(&runner_variable(), &runner);
    let mut commands = vec![
        Command::new("gcc -O1 -Wall -Wno-parentheses -shared -fPIC conformance/delays.c -ldl -o")
            .path(&library),
        Command::new("cargo build --release -p libzmq"),
    ];
    for mode in [DIRECT_ON, DIRECT_OFF] {
        commands.push(delayed(tests("-p conformance").env(mode.0, mode.1)));
        commands.push(delayed(tests("-p conformance").env(mode.0, mode.1).env(RUST.0, RUST.1)));
    }
    commands
}

/// Tests with many threads, under the compiler's detector of data races. The standard library is compiled with it, as its
/// locks order accesses; that is not stable yet.
pub(crate) fn races() -> Vec<Command> {
    let detected = |selection: &str| {
        Command::new("cargo test -Zbuild-std --target")
            .arg(&format!("{}-unknown-linux-gnu", env::consts::ARCH))
            .args("--no-fail-fast --target-dir")
            .arg(&target_dir().join("races").display().to_string())
            .args(selection)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", "-Zsanitizer=thread")
            // Tests ask for more memory than there is, and begin threads in forked children.
            .env("TSAN_OPTIONS", "allocator_may_return_null=1 die_after_fork=0")
            .env(RUST.0, RUST.1)
    };
    vec![
        detected("-p ferrozmq-base --lib --test queues"),
        detected("-p ferrozmq-runtime -p libzmq --lib --test smoke --test lifecycle --test stress"),
        detected(
            "-p ferrozmq --test many_threads --test patterns --test waiting --test connections --test endings",
        ),
        detected(
            "-p conformance --test sharing --test threadsafe --test lifecycle --test proxy --test security",
        ),
        detected("-p conformance --test reqrep --test pipeline --test pubsub --test router --test monitor"),
    ]
}

/// The loom models, which are compiled in a way of their own, and so in a directory of their own.
pub(crate) fn loom(preemptions: u32) -> Command {
    Command::new("cargo test --release -p ferrozmq-base --lib --test loom_* --target-dir")
        .arg(&target_dir().join("loom").display().to_string())
        .env("RUSTFLAGS", "--cfg loom")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("LOOM_MAX_PREEMPTIONS", &preemptions.to_string())
}

/// Closes right after a burst.
pub(crate) fn close_storm(count: u32) -> Command {
    Command::new("cargo run --quiet -p interop --bin close-storm --").arg(&count.to_string())
}

/// The benchmarks, after the library that they measure.
pub(crate) fn bench(arguments: &[&str]) -> [Command; 2] {
    let run = Command::new("cargo run --release -p ferrozmq-bench --bin ferrozmq-bench --");
    [Command::new("cargo build --release -p libzmq"), arguments.iter().fold(run, |command, a| command.arg(a))]
}

/// What hostile peers do to a good one.
pub(crate) fn fault(arguments: &[&str]) -> Command {
    let run = Command::new("cargo run --release -p ferrozmq-bench --bin fault --");
    arguments.iter().fold(run, |command, a| command.arg(a))
}
