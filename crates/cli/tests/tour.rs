//! The tour.

mod support;

use support::{Running, run, text};

#[test]
fn the_tour_shows_three_patterns_and_measures_three_transports() {
    let out = run("--fast", b"");
    let shown = text(&out.stdout);
    assert_eq!((out.status.code(), text(&out.stderr)), (Some(0), String::new()));
    for words in
        ["REQ", "ROUTER", "PUB", "SUB", "PUSH", "each subscriber has all that it asked for", "Try next"]
    {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    for transport in ["inproc", "ipc", "tcp"] {
        let row = shown
            .lines()
            .find(|line| line.trim_start().starts_with(transport) && line.contains("messages/s"));
        assert!(row.is_some_and(|row| row.ends_with('s')), "{transport}:\n{shown}");
    }
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "a line is too long:\n{shown}");
    assert!(!shown.contains('\x1b'), "not a terminal, and yet an escape:\n{shown}");
}

#[test]
fn ctrl_c_ends_the_tour() {
    let mut tour = Running::bound("", 0);
    while !tour.line().contains("Questions") {}
    tour.interrupt();
    let (code, _, said) = tour.end();
    assert_eq!((code, said.as_str()), (130, ""));
}
