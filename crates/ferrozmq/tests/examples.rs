//! Every public item has an example, or stands in one that its documentation links to.
//!
//! What it reads is the source, by the layout that rustfmt gives it. An item that a macro makes for several types counts
//! once, where its documentation is written.
#![allow(missing_docs)]

use std::{collections::HashMap, fs, path::Path};

/// Something public, with its documentation.
struct Item {
    place: String,
    name: String,
    called: bool,
    text: String,
    code: String,
}

#[test]
fn every_public_item_stands_in_an_example() {
    let items = items();
    for known in [
        "Push",
        "send",
        "proxy",
        "send_hwm",
        "conflate",
        "mandatory",
        "into_multipart",
        "Events",
        "from_name",
    ] {
        assert!(items.iter().any(|item| item.name == known), "{known} was not found");
    }
    let mut code_of = HashMap::<&str, Vec<&str>>::new();
    for item in &items {
        code_of.entry(&item.name).or_default().push(&item.code);
    }
    let without: Vec<_> = items
        .iter()
        .filter(|item| {
            let linked = links(&item.text);
            let examples = linked.iter().filter_map(|name| code_of.get(name.as_str())).flatten();
            !examples.chain([&item.code.as_str()]).any(|code| shows(item, code))
        })
        .map(|item| format!("{}: {}", item.place, item.name))
        .collect();
    assert!(without.is_empty(), "no example, and no link to one that shows it:\n{}", without.join("\n"));
}

#[test]
fn every_example_runs() {
    for item in items() {
        for kind in ["```ignore", "```no_run", "```text"] {
            assert!(
                !item.text.contains(kind),
                "{}: {} has an example that does not run",
                item.place,
                item.name
            );
        }
    }
}

/// A function must be called in the example; a type is often there without its name.
fn shows(item: &Item, code: &str) -> bool {
    let at_word = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    if item.called {
        let calls = [format!("{}(", item.name), format!("{} {{", item.name)];
        calls.iter().any(|call| code.match_indices(call).any(|(at, _)| at_word(at)))
            || code.contains(&format!("::{}", item.name))
    } else {
        !code.is_empty()
    }
}

fn items() -> Vec<Item> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut items = Vec::new();
    // What is exported of another crate, and has functions.
    let mut paths = vec![root.join("src"), root.join("../base/src/socket_type.rs")];
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("the source");
            paths.extend(entries.map(|entry| entry.expect("an entry").path()));
        } else {
            read(&path.display().to_string(), &fs::read_to_string(&path).expect("a source file"), &mut items);
        }
    }
    items
}

/// What a line stands in, by the last line without indentation.
#[derive(PartialEq)]
enum Within {
    Trait,
    /// Lines with documentation are arguments from which a macro makes public items.
    Macro,
    Private,
    Other,
}

impl Within {
    fn of(line: &str) -> Self {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["pub", "trait", ..] => Self::Trait,
            ["pub(crate)", "mod", ..] => Self::Private,
            [first, ..] if first.ends_with('!') && first != "macro_rules!" => Self::Macro,
            _ => Self::Other,
        }
    }
}

fn read(file: &str, source: &str, items: &mut Vec<Item>) {
    read_module(file, source, items);
    let mut within = Within::Other;
    let mut text = Vec::new();
    for (number, line) in source.lines().enumerate() {
        let trimmed = line.trim();
        if line == "mod tests {" {
            return;
        }
        if line.contains(" {") && !line.starts_with(' ') {
            within = Within::of(line);
        } else if line == "}" {
            within = Within::Other;
        }
        if let Some(doc) = trimmed.strip_prefix("///") {
            text.push(doc.strip_prefix(' ').unwrap_or(doc));
        } else if !trimmed.starts_with("#[") {
            // An argument of a macro that is not documented makes no item; what is exported may be documented elsewhere.
            let is_item = !text.is_empty() || within != Within::Macro && !trimmed.starts_with("pub use");
            if is_item && let Some((name, called)) = public(trimmed, &within) {
                let (text, place) = (text.join("\n"), format!("{file}:{}", number + 1));
                items.push(Item { place, name, called, code: code(&text), text });
            }
            text.clear();
        }
    }
}

/// The documentation of a module is one to link to, if it has an example.
fn read_module(file: &str, source: &str, items: &mut Vec<Item>) {
    let lines: Vec<_> = source.lines().filter_map(|line| line.strip_prefix("//!")).collect();
    let text = lines.iter().map(|doc| doc.strip_prefix(' ').unwrap_or(doc)).collect::<Vec<_>>().join("\n");
    let name =
        Path::new(file).file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if text.contains("```") {
        items.push(Item { place: file.to_owned(), name, called: false, code: code(&text), text });
    }
}

/// The name of the item that begins with this line, if it is a public one, and whether it is called.
fn public(line: &str, within: &Within) -> Option<(String, bool)> {
    let words: Vec<_> = line.split(' ').collect();
    let (name, called) = match words[..] {
        _ if *within == Within::Private => return None,
        ["pub", "const", "fn", name, ..] | ["pub", "fn", name, ..] => (name, true),
        ["fn", name, ..] if *within == Within::Trait => (name, true),
        ["pub", "const", name, ..] => (name, true),
        ["pub", "struct" | "enum" | "trait" | "type", name, ..] => (name, false),
        // Of another crate, documented here.
        ["pub", "use", path] if path.starts_with("ferrozmq_") => (path.rsplit("::").next()?, false),
        // `mandatory = 33;`, `conflate(on: bool) = …`, `pair: Pair;`, `Push`
        [name, ..] if *within == Within::Macro && !name.starts_with(['#', '/', '}', '$']) => {
            (name, name.starts_with(char::is_lowercase))
        }
        _ => return None,
    };
    let name: String = name.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some((name, called))
}

/// The examples that compile.
fn code(text: &str) -> String {
    let blocks = text.split("```").skip(1).step_by(2);
    blocks.filter_map(|block| block.strip_prefix('\n')).collect()
}

/// The last segments of the paths that the text links to.
fn links(text: &str) -> Vec<String> {
    let ends = text.split("[`").skip(1).filter_map(|link| {
        let (name, rest) = link.split_once("`]")?;
        let path = rest.strip_prefix('(').and_then(|rest| rest.split(')').next()).unwrap_or(name);
        path.rsplit("::").next()
    });
    ends.map(str::to_owned).collect()
}
