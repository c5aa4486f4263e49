//! SECURITY.md says the truth about its tests: each exists, and no case of the catalogue is missing.

use std::collections::BTreeSet;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// The cases of the catalogue; those from 90 on are our own guesses.
const CATALOGUE: [RangeInclusive<u32>; 4] = [1..=12, 20..=30, 40..=50, 60..=82];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn document() -> String {
    fs::read_to_string(root().join("SECURITY.md")).expect("SECURITY.md")
}

/// The rows of the table: cases, what is done, tests.
fn rows(document: &str) -> Vec<[&str; 3]> {
    let rows = document.lines().filter(|line| line.starts_with("| V"));
    rows.map(|line| {
        let cells: Vec<_> = line.trim_matches(['|', ' ']).split(" | ").collect();
        cells.try_into().unwrap_or_else(|_| panic!("not three cells: {line}"))
    })
    .collect()
}

/// The numbers of the cases that a text names.
fn cases(text: &str) -> BTreeSet<u32> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter_map(|word| word.strip_prefix('V')?.parse().ok()).collect()
}

/// The ids in backquotes.
fn ids(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// The names of the functions of a source file.
fn functions(path: &Path) -> Vec<String> {
    let source = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let names = source.lines().filter_map(|line| line.trim().strip_prefix("fn ")?.split('(').next());
    names.map(str::to_owned).collect()
}

fn has_case(name: &str, id: &str) -> bool {
    name.split(['_', '-', '.']).any(|word| word == id)
}

fn corpus_has(target: &str, id: &str) -> bool {
    let files = fs::read_dir(root().join("fuzz/corpus").join(target)).into_iter().flatten().flatten();
    files.map(|file| file.file_name()).any(|name| has_case(&name.to_string_lossy(), id))
}

#[test]
fn every_test_of_the_table_exists_and_every_row_has_one_for_each_of_its_cases() {
    let document = document();
    let rows = rows(&document);
    assert!(rows.len() > 40, "{} rows", rows.len());
    for [what, _, tests] in rows {
        let mut shown = BTreeSet::new();
        let mut fuzzed = Vec::new();
        for entry in tests.split(';').map(str::trim) {
            match entry.split_once(" `") {
                None if entry.contains('/') => {
                    assert!(root().join(entry).with_extension("rs").exists(), "{what}: {entry}");
                }
                None => fuzzed.extend(entry.split(", ")),
                Some((path, _)) => {
                    let names = functions(&root().join(format!("{path}.rs")));
                    for id in ids(entry) {
                        assert!(names.iter().any(|name| has_case(name, id)), "{what}: no {id} in {path}");
                        shown.insert(id);
                    }
                }
            }
        }
        for target in &fuzzed {
            let source = format!("fuzz/src/{target}.rs");
            assert!(root().join(&source).exists(), "{what}: no {source}");
        }
        for case in cases(what) {
            let id = format!("v{case:02}");
            let has = shown.contains(id.as_str()) || fuzzed.iter().any(|target| corpus_has(target, &id));
            assert!(has, "{what}: no test or corpus file with {id} in its name");
        }
    }
}

#[test]
fn every_case_of_the_catalogue_is_in_the_table_or_does_not_apply() {
    let document = document();
    let (_, table) = document.split_once("## Attack cases").expect("the section");
    let named = cases(table);
    let missing: Vec<_> = CATALOGUE.into_iter().flatten().filter(|case| !named.contains(case)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
