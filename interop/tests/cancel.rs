//! Threads that are cancelled (pthread_cancel(3)) inside of a call.

use interop::chapter::count;
use interop::{Program, Scratch, Subject};

/// The calls.
const CALLS: [&str; 16] = [
    "recv",
    "msg_recv",
    "recv-shared",
    "send",
    "send-shared",
    "poll",
    "poll-two",
    "poll-shared",
    "poller",
    "proxy",
    "sleep",
    "term",
    "pending",
    "disabled",
    "traffic",
    "callbacks",
];

/// Those after which libzmq 4.3.4 frees a message twice, or never gets rid of a socket.
const HAZARDS: [&str; 2] = ["msg_send", "sockets"];

#[test]
fn cancelled_threads_end_and_what_they_used_works_in_others() {
    let subject = Subject::from_env();
    let lib_dir = subject.lib_dir().display().to_string();
    let program = subject.build("interop/c").join("cancel");
    let hazards = if subject.is_system() { &[][..] } else { &HAZARDS };
    for &call in CALLS.iter().chain(hazards) {
        let scratch = Scratch::new();
        let program = Program::start(
            &program,
            &[
                ("LD_LIBRARY_PATH", &lib_dir),
                ("CASE", call),
                ("ROUNDS", &count(10, 2)),
                ("DIRECTORY", &scratch.path().display().to_string()),
            ],
        );
        let is_draft = call.ends_with("shared") || call == "poller";
        let expected = if is_draft && subject.is_system() { &[][..] } else { &[call][..] };
        assert_eq!(program.finish(), expected);
    }
}
