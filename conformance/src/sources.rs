//! The text of the tests, for the checks of tables that name some.

/// All files of `tests/`, one after the other.
///
/// # Panics
/// If one cannot be read.
pub fn tests() -> String {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).expect("tests/");
    files
        .map(|file| std::fs::read_to_string(file.expect("an entry").path()).expect("a source file"))
        .collect()
}

/// Whether the text names the test: a function, or an entry of a macro that makes one.
pub fn has_test(sources: &str, name: &str) -> bool {
    let listed = |end| {
        sources.contains(&format!("        {name}{end}")) || sources.contains(&format!("    {name}{end}"))
    };
    sources.contains(&format!("fn {name}(")) || listed(",") || listed(":")
}
