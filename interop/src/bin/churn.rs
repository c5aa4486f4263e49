//! `churn [N]`: closes sockets and contexts in the midst of traffic, N times for each transport.
#![forbid(unsafe_code)]

use interop::{Program, Scratch, Subject};

fn main() {
    let rounds = std::env::args().nth(1).unwrap_or_else(|| "1000".to_owned());
    let subject = Subject::from_env();
    let scratch = Scratch::new();
    let storm = Program::start(
        &subject.build("interop/c").join("churn"),
        &[
            ("LD_LIBRARY_PATH", &subject.lib_dir().display().to_string()),
            ("ROUNDS", &rounds),
            ("DIRECTORY", &scratch.path().display().to_string()),
        ],
    );
    storm.finish().iter().for_each(|line| println!("{line}"));
}
