#![forbid(unsafe_code)]
//! Fuzz targets: each a plain function from bytes that panics if it finds a fault, and returns otherwise.
//!
//! A target checks more than that nothing panics: each compares the code with a naive model, or two ways to the same
//! result with one another. The first bytes of an input choose settings and the cutting into portions, the others are
//! what a peer or a caller sends.
//!
//! `tests/replay.rs` runs every file under `corpus/<target>` and a fixed number of mutations of them, on stable.
//! `cargo-fuzz/` wraps the same functions for libFuzzer, in a workspace of its own:
//! `cargo fuzz run --fuzz-dir fuzz/cargo-fuzz <target> fuzz/corpus/<target>`. [`seeds`] says what most of the corpus
//! means; `cargo run -p ferrozmq-fuzz --bin seeds` writes it.

mod chunk;
mod commands;
mod datagram;
mod endpoint;
mod handshake;
mod inbox;
mod log;
mod message;
mod metadata;
pub mod mutate;
mod options;
pub mod seeds;
mod session;
mod socks;
mod source;
mod subscriptions;
mod traffic;
mod z85;

/// A fuzz target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name, and that of its corpus.
    pub name: &'static str,
    /// What it does with an input.
    pub run: fn(&[u8]),
    /// Mutations that a plain test tries: fewer where one costs system calls.
    pub mutations: u32,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "handshake", run: handshake::target, mutations: 6000 },
    Target { name: "traffic", run: traffic::target, mutations: 3000 },
    Target { name: "commands", run: commands::target, mutations: 6000 },
    Target { name: "metadata", run: metadata::target, mutations: 6000 },
    Target { name: "socks", run: socks::target, mutations: 6000 },
    Target { name: "endpoint", run: endpoint::target, mutations: 6000 },
    Target { name: "datagram", run: datagram::target, mutations: 6000 },
    Target { name: "z85", run: z85::target, mutations: 6000 },
    Target { name: "options", run: options::target, mutations: 2000 },
    Target { name: "subscriptions", run: subscriptions::target, mutations: 1000 },
    Target { name: "message", run: message::target, mutations: 400 },
    Target { name: "chunk", run: chunk::target, mutations: 500 },
    Target { name: "log", run: log::target, mutations: 300 },
    Target { name: "inbox", run: inbox::target, mutations: 500 },
    Target { name: "session", run: session::target, mutations: 100 },
];

/// The target with this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
