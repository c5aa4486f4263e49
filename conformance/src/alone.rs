//! Tests that measure what their process has: its memory, its descriptors.

use std::process::Command;

/// Runs the body of the test of this name in a new process that runs nothing else.
///
/// # Panics
/// If the test fails there.
#[track_caller]
pub fn alone(test: &str, body: impl FnOnce()) {
    const MARK: &str = "CONFORMANCE_ALONE";
    if std::env::var_os(MARK).is_some() {
        return body();
    }
    let program = std::env::current_exe().expect("a process knows its program");
    let arguments = ["--exact", test, "--nocapture", "--test-threads=1"];
    let output = Command::new(program).args(arguments).env(MARK, "1").output().expect("a process");
    let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    assert!(
        output.status.success() && said[0].contains("1 passed"),
        "{}\n{}\n{}",
        output.status,
        said[0],
        said[1]
    );
}
