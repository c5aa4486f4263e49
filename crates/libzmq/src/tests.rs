//! The entry points, called as C programs call them.
mod handles;
mod messages;
mod panics;
mod small_functions;
mod sockets;

use std::{env, process::Command};

/// Runs the test of this name in a process of its own; true in that one.
pub(crate) fn is_alone(test: &str) -> bool {
    const ALONE: &str = "FERROZMQ_TEST_ALONE";
    if env::var_os(ALONE).is_some_and(|running| *running == *test) {
        return true;
    }
    let mut child = Command::new(env::current_exe().expect("the path of this program"));
    let output = child.args(["--exact", test]).env(ALONE, test).output().expect("a child");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.windows(8).any(|text| text == b"1 passed"), "no test of this name");
    false
}
