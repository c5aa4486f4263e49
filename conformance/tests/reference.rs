//! Every option of `data/`, with every question that can be put to it: our C library and the system's libzmq answer alike,
//! but for the differences listed in `differences.rs` and for what `docs/not-honoured.md` says is refused; and ours answers as
//! the row says. `FERROZMQ_SHOW=1` with `--no-capture` prints the counts.

use std::collections::BTreeMap;

use conformance::csv::{Row, table};
use conformance::differences::{ROW_DIFFERENCES, is_known_row};
use conformance::walk::{Answer, Question, context_option, libraries, socket_option};
use conformance::{c_library, is_system, zmq};

/// What became of the rows of a table.
#[derive(Debug, Default)]
struct Counts(BTreeMap<&'static str, Vec<String>>);

impl Counts {
    fn add(&mut self, verdict: &'static str, name: &str) {
        self.0.entry(verdict).or_default().push(name.to_owned());
    }

    fn show(&self, file: &str) {
        let rows: usize = self.0.values().map(Vec::len).sum();
        println!("{file}: {rows} rows");
        for (verdict, names) in &self.0 {
            println!("  {} {verdict}", names.len());
            if std::env::var_os("FERROZMQ_SHOW").is_some() {
                println!("    {}", names.join(" "));
            }
        }
    }
}

/// The options that `docs/not-honoured.md` says are refused.
fn not_honoured() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/not-honoured.md");
    let page = std::fs::read_to_string(path).expect("docs/not-honoured.md");
    let (_, refused) = page.split_once("\n## Refused\n").expect("a chapter");
    let refused = refused.split("\n## ").next().unwrap_or_default();
    refused
        .lines()
        .filter_map(|line| line.strip_prefix("| ZMQ_"))
        .map(|rest| format!("ZMQ_{}", rest.split(' ').next().unwrap_or_default()))
        .collect()
}

/// Only the answers of the types that both libraries have.
fn shared(ours: &[Answer], theirs: Vec<Answer>) -> Vec<Answer> {
    theirs.into_iter().filter(|answer| ours.iter().any(|own| own.kind == answer.kind)).collect()
}

#[test]
fn socket_options_answer_as_those_of_the_real_library() {
    let Some(libraries) = libraries() else { return };
    let Some(system) = &libraries.system else { return };
    let (mut counts, mut wrong) = (Counts::default(), vec![]);
    let refused = not_honoured();
    for row in table("socket_options.csv") {
        let (name, number) = (&row["name"], number(&row));
        if !row["in_debian_4.3.4"].starts_with("yes") {
            counts.add("only in later libraries or other builds", name);
            continue;
        }
        let ours = socket_option(&libraries.ours, number);
        let theirs = shared(&ours, socket_option(system, number));
        assert_eq!(ours.len(), theirs.len(), "{name}: every type of ours is one of libzmq");
        let differing: Vec<_> = ours.iter().zip(&theirs).filter(|(own, other)| own != other).collect();
        match (differing.as_slice(), refused.contains(name), is_known_row(name)) {
            ([], _, false) => counts.add("equal to the real library", name),
            ([], _, true) => wrong.push(format!("{name} is in ROW_DIFFERENCES, but does not differ")),
            (_, false, true) => counts.add("different on purpose", name),
            (_, true, false) => counts.add("refused, with the reason in docs/not-honoured.md", name),
            ([(own, other), ..], ..) => wrong.push(format!(
                "{name}: {} answers differ, first {} {:?}: {:?}, libzmq {:?}",
                differing.len(),
                own.kind,
                own.question,
                own.answer,
                other.answer
            )),
        }
    }
    counts.show("socket_options.csv");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn context_options_answer_as_those_of_the_real_library() {
    let Some(libraries) = libraries() else { return };
    let Some(system) = &libraries.system else { return };
    let (mut counts, mut wrong) = (Counts::default(), vec![]);
    for row in table("context_options.csv") {
        let (name, number) = (&row["name"], number(&row));
        let (ours, theirs) = (context_option(&libraries.ours, number), context_option(system, number));
        let differing: Vec<_> = ours.iter().zip(&theirs).filter(|(own, other)| own != other).collect();
        match (differing.first(), is_known_row(name)) {
            (None, false) => counts.add("equal to the real library", name),
            (Some(_), true) => counts.add("different on purpose", name),
            (None, true) => wrong.push(format!("{name} is in ROW_DIFFERENCES, but does not differ")),
            (Some((own, other)), false) => wrong.push(format!("{name}: {own:?}, libzmq {other:?}")),
        }
    }
    counts.show("context_options.csv");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_different_row_is_a_row() {
    let names: Vec<String> = ["socket_options.csv", "context_options.csv"]
        .iter()
        .flat_map(|file| table(file))
        .map(|row| row["name"].clone())
        .collect();
    for difference in ROW_DIFFERENCES {
        assert!(names.iter().any(|name| name == difference.row), "{}", difference.row);
    }
    for name in not_honoured() {
        assert!(names.contains(&name), "{name}");
    }
}

#[test]
fn socket_options_answer_as_their_rows_say() {
    if is_system() {
        // What 4.3.4 does otherwise is in the quirks of the rows.
        return;
    }
    c_library!();
    let Some(libraries) = libraries() else { return };
    let (mut counts, mut wrong) = (Counts::default(), vec![]);
    let refused = not_honoured();
    for row in table("socket_options.csv") {
        let name = &row["name"];
        let answers = socket_option(&libraries.ours, number(&row));
        let bad = answers.iter().find(|answer| {
            expected(&row, answer).is_some_and(|accepted| accepted != answer.answer.is_ok())
                || answer.answer.as_ref().is_err_and(|errno| *errno != zmq::EINVAL)
        });
        let default = wrong_default(&row, &answers);
        match (bad, default, refused.contains(name)) {
            (None, None, false) => counts.add("as the row says", name),
            (_, _, true) => counts.add("refused, with the reason in docs/not-honoured.md", name),
            (Some(bad), ..) => {
                wrong.push(format!("{name}: {} {:?}: {:?}", bad.kind, bad.question, bad.answer));
            }
            (_, Some(default), _) => wrong.push(format!("{name}: {default}")),
        }
    }
    counts.show("socket_options.csv against its rows");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn number(row: &Row) -> i32 {
    row["number"].parse().expect("a number")
}

/// Whether the row says that the option takes this question; nothing where it says nothing definite.
fn expected(row: &Row, answer: &Answer) -> Option<bool> {
    let takes = takes_the_type(row, answer.kind);
    let lengths = row["set_lengths"].as_str();
    match &answer.question {
        Question::SetNull | Question::Set(_) if row["settable"] == "no" || !takes => Some(false),
        // Depends on a mode of the socket.
        Question::SetNull | Question::Set(_) if row["applies_to"].contains("while") => None,
        Question::SetNull => match lengths {
            _ if lengths.contains("NULL with 0") || lengths.contains("0 clears") => Some(true),
            _ if lengths.starts_with("any") || lengths.starts_with("0..") => Some(true),
            _ => Some(false),
        },
        Question::Set(value) => set_is_accepted(row, lengths, value),
        Question::Get(_) if row["gettable"] != "yes" => Some(false),
        Question::Get(room) => {
            let reads = row["applies_to"].starts_with("set:") || takes;
            match row["get_lengths"].as_str() {
                _ if !reads => Some(false),
                lengths if lengths.starts_with("4 exactly") => Some(*room == 4),
                lengths if lengths.starts_with("8 exactly") => Some(*room == 8),
                lengths if lengths.starts_with(">= 4") => Some(*room >= 4),
                lengths if lengths.starts_with(">= stored") => (*room >= 300).then_some(true),
                _ => None,
            }
        }
    }
}

fn set_is_accepted(row: &Row, lengths: &str, value: &[u8]) -> Option<bool> {
    if lengths.starts_with("4 exactly") {
        let Ok(int) = value.try_into().map(i32::from_ne_bytes) else { return Some(false) };
        return bounds(&row["valid_range"]).map(|(least, most)| (least..=most).contains(&int));
    }
    if lengths.starts_with("8 exactly") {
        return Some(value.len() == 8);
    }
    if lengths.starts_with("any") || lengths.starts_with(">= 1") && !value.is_empty() {
        return Some(true);
    }
    let (least, most) = lengths.split(['(', ',', ' ']).next()?.split_once("..")?;
    let fits = value.len() >= least.parse().ok()? && value.len() <= most.parse().ok()?;
    // What fits may still be refused for what it says.
    if !fits || row["valid_range"].contains("bytes") { Some(fits) } else { None }
}

/// Types that are named in "applies to", if those alone take the option.
fn takes_the_type(row: &Row, kind: &str) -> bool {
    let applies = row["applies_to"].as_str();
    if applies.starts_with("non-thread-safe") {
        return !applies.split(' ').any(|word| word == kind);
    }
    let only = row["errno_bad_value"].contains("on other types")
        || applies.starts_with("set:")
        || row["name"] == "ZMQ_CONNECT_ROUTING_ID";
    let not = applies.find("(not ").unwrap_or(applies.len());
    !only || applies[..not].split(|c: char| !c.is_ascii_alphabetic()).any(|word| word == kind)
}

/// The integers between which a value must lie.
fn bounds(range: &str) -> Option<(i32, i32)> {
    let number = |text: &str| text.trim().parse().ok();
    match range {
        _ if range.starts_with("any") => Some((i32::MIN, i32::MAX)),
        "0 or 1" => Some((0, 1)),
        "-1, 0, 1" => Some((-1, 1)),
        "0, 1, 2" => Some((0, 2)),
        _ => {
            if let Some(least) = range.strip_prefix(">= ") {
                return Some((number(least)?, i32::MAX));
            }
            if let Some(below) = range.strip_prefix("> ") {
                return Some((number(below)? + 1, i32::MAX));
            }
            let (least, most) = range.split(' ').next()?.split_once("..")?;
            Some((number(least)?, number(most)?))
        }
    }
}

/// What is wrong with the value of a fresh socket, if anything is.
fn wrong_default(row: &Row, answers: &[Answer]) -> Option<String> {
    let text = row["default"].split([' ', ';']).next()?;
    let wanted: i64 = text.parse().ok()?;
    let mut seen = vec![];
    for answer in answers {
        // The first question to each type.
        if seen.contains(&answer.kind) {
            continue;
        }
        seen.push(answer.kind);
        let at_first = answers.iter().filter(|other| other.kind == answer.kind).take(2);
        let Some(value) = at_first.filter_map(|answer| answer.answer.as_ref().ok()).next() else { continue };
        let value = match value.len() {
            4 => i64::from(i32::from_ne_bytes(value[..].try_into().ok()?)),
            8 => i64::from_ne_bytes(value[..].try_into().ok()?),
            _ => continue,
        };
        let drops_at_close = row["name"] == "ZMQ_LINGER" && matches!(answer.kind, "SUB" | "XSUB" | "DISH");
        let wanted = if drops_at_close { 0 } else { wanted };
        if value != wanted && row["settable"] == "yes" {
            return Some(format!("{} has {value} at first, not {wanted}", answer.kind));
        }
    }
    None
}
