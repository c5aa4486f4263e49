//! What ferrozmq does not have yet, and what it answers instead: as a libzmq does that was built without it.
//!
//! A test of such a feature says so with [`built!`](crate::built): on ferrozmq it asserts that answer and ends there. When
//! the feature is built, its row is deleted together with those lines, which name it.

use crate::socket::Ctx;
use crate::zmq;

/// A feature that is not there.
pub struct Feature {
    /// Its name.
    pub name: &'static str,
    /// What a program that asks for it gets.
    pub answer: &'static str,
    /// Asserts that it gets this.
    pub assert_answer: fn(),
    /// The tests that need the feature.
    pub tests: &'static [&'static str],
}

/// All of them.
pub const NOT_BUILT: &[Feature] = &[Feature {
    name: "SOCKS",
    answer: "EINVAL for ZMQ_SOCKS_PROXY, ZMQ_SOCKS_USERNAME and ZMQ_SOCKS_PASSWORD",
    assert_answer: no_socks,
    tests: &["socks_proxy_reads_back_with_a_nul", "a_text_keeps_the_nul_it_was_given"],
}];

fn no_socks() {
    let socket = Ctx::new().socket(zmq::DEALER);
    for option in [zmq::SOCKS_PROXY, zmq::SOCKS_USERNAME, zmq::SOCKS_PASSWORD] {
        assert_eq!(socket.set_bytes(option, "proxy:1080"), Err(zmq::EINVAL), "{option}");
    }
}

/// The feature, unless ferrozmq has it.
pub fn feature(name: &str) -> Option<&'static Feature> {
    NOT_BUILT.iter().find(|feature| feature.name == name)
}

/// Ends the test on ferrozmq, which lacks the feature and says so; on the system's libzmq it goes on.
///
/// # Panics
/// If the feature has no row in [`NOT_BUILT`], or is not refused as the row says.
#[macro_export]
macro_rules! built {
    ($feature:literal) => {
        if !$crate::is_system() {
            let feature = $crate::not_built::feature($feature);
            (feature.expect("a row in not_built.rs; none: delete this line").assert_answer)();
            return;
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each test that says `built!`, with the feature that it names.
    fn declared() -> Vec<(String, String)> {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).expect("tests/");
        let mut found = vec![];
        for file in files {
            let source = std::fs::read_to_string(file.expect("an entry").path()).expect("a source file");
            let mut test = String::new();
            for line in source.lines() {
                if let Some(rest) = line.trim_start().strip_prefix("fn ") {
                    test = rest.split('(').next().unwrap_or_default().to_owned();
                } else if let Some(rest) = line.trim_start().strip_prefix("built!(\"") {
                    found.push((rest.split('"').next().unwrap_or_default().to_owned(), test.clone()));
                }
            }
        }
        found.sort();
        found
    }

    #[test]
    fn the_table_and_the_tests_name_each_other() {
        let mut listed: Vec<(String, String)> = NOT_BUILT
            .iter()
            .flat_map(|feature| feature.tests.iter().map(|test| (feature.name.into(), (*test).into())))
            .collect();
        listed.sort();
        assert_eq!(listed, declared());
    }
}
