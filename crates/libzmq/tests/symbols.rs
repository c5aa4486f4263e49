//! The shared library as a loader sees it: its name, what it exports, and what it needs.
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

const EXPORTED: &str = include_str!("../symbols.txt");
const HEADER: &str = include_str!("../include/zmq.h");
const REFERENCE: &str = include_str!("../../../conformance/data/functions.csv");

/// The library, built from the same sources as this test: cargo does not build it for a test by itself.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let test = std::env::current_exe().expect("the path of this program");
        let target = test.ancestors().nth(3).expect("target/profile/deps/test");
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "libzmq", "--lib", "--target-dir"])
            .arg(target)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .expect("cargo can be run");
        assert!(built.success());
        target.join("debug/libzmq.so")
    })
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).arg(library()).output().expect(program);
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn listed() -> BTreeSet<&'static str> {
    EXPORTED.lines().collect()
}

#[test]
fn the_library_exports_the_listed_symbols_and_no_others() {
    let table = run("nm", &["--dynamic", "--defined-only", "--format=posix"]);
    let found: BTreeSet<_> = table.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(found, listed(), "exported, listed");
}

#[test]
fn the_list_is_that_of_the_reference_and_of_the_header() {
    let reference: BTreeSet<_> =
        REFERENCE.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    assert_eq!(listed(), reference, "listed, reference");
    for name in listed() {
        assert!(HEADER.contains(&format!("{name} (")), "{name} is not in zmq.h");
    }
}

#[test]
fn the_library_is_named_as_programs_ask_for_it_and_needs_little() {
    let dynamic = run("objdump", &["-p"]);
    let entries = |key: &str| -> Vec<String> {
        let lines = dynamic.lines().filter_map(|line| line.trim().strip_prefix(key));
        lines.map(|value| value.trim().to_owned()).collect()
    };
    assert_eq!(entries("SONAME"), ["libzmq.so.5"]);
    for needed in entries("NEEDED") {
        let known = ["libc.so.6", "libgcc_s.so.1", "ld-linux"].iter().any(|name| needed.starts_with(name));
        assert!(known, "needs {needed}");
    }
}

/// The oldest glibc that the library is for.
#[test]
#[cfg(all(target_env = "gnu", target_arch = "x86_64"))]
fn the_library_needs_no_younger_glibc_than_2_28() {
    let table = run("objdump", &["--dynamic-syms"]);
    let versions = table.split("GLIBC_").skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| c != '.' && !c.is_ascii_digit())?;
        let mut numbers = rest[..end].split('.').map_while(|number| number.parse::<u32>().ok());
        Some((numbers.next()?, numbers.next()?))
    });
    assert!(versions.max().expect("some symbol of glibc") <= (2, 28), "{table}");
}
