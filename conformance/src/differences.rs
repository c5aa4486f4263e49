//! Where ferrozmq differs from the system's libzmq on purpose, test by test.

/// One difference.
pub struct Difference {
    /// The test that asserts it.
    pub test: &'static str,
    /// What libzmq 4.3.4 does.
    pub libzmq: &'static str,
    /// What ferrozmq does.
    pub ours: &'static str,
    /// Why.
    pub why: &'static str,
}

/// All of them.
pub const DIFFERENCES: &[Difference] = &[
];

/// The first value on the system's libzmq, the second one on ferrozmq; `name` must be in the table.
#[macro_export]
macro_rules! differs {
    ($name:literal, libzmq: $libzmq:expr, ours: $ours:expr $(,)?) => {{
        assert!($crate::differences::is_documented($name), "{} is not in differences.rs", $name);
        if $crate::is_system() { $libzmq } else { $ours }
    }};
}

/// Whether the test is in the table.
pub fn is_documented(test: &str) -> bool {
    DIFFERENCES.iter().any(|difference| difference.test == test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_is_asserted_by_a_test() {
        let tests = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).expect("tests/");
        let sources: String = tests
            .map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).expect("a source file"))
            .collect();
        for difference in DIFFERENCES {
            assert!(
                sources.contains(&format!("\"{}\"", difference.test)) && sources.contains(&format!("fn {}", difference.test)),
                "{}: no such test",
                difference.test
            );
        }
    }
}
