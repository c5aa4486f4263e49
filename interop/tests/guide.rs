//! The C program of the guide, built and run as the guide says, with the library that `FERROZMQ_SUBJECT` names.

use std::{fs, os::unix::fs::symlink, path::Path, process::Command};

use interop::{Program, Scratch, Subject, repository};

#[test]
fn the_program_of_the_guide_greets() {
    let page = fs::read_to_string(repository().join("docs/guide/c.md")).expect("the guide is readable");
    let program = page.split("```c\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a C program");
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hello.c");
    fs::write(&source, program).expect("the target directory is writable");
    let subject = Subject::from_env();
    let hello = source.with_extension("");
    let built = Command::new("cc")
        .args(["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror", "-I"])
        .arg(repository().join("crates/libzmq/include"))
        .args([&source, subject.library()])
        .arg("-o")
        .arg(&hello)
        .status();
    assert!(built.expect("a C compiler").success());

    let scratch = Scratch::new();
    symlink(subject.library(), scratch.path().join("libzmq.so.5"))
        .expect("the scratch directory is writable");
    let libraries = scratch.path().display().to_string();
    let output = Program::start(&hello, &[("LD_LIBRARY_PATH", &libraries)]).finish();
    assert_eq!(output, ["Hello", "World"]);
}
