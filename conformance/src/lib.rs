//! Behaviour tests of ZeroMQ, generic over the *subject*: our C library, our Rust API, the system's
//! `libzmq.so.5`, or any other implementation that a [`Subject`] is written for.
//!
//! | `FERROZMQ_SUBJECT` | subject |
//! |---|---|
//! | unset | `release/libzmq.so` below the cargo target directory |
//! | `rust` | crate `ferrozmq` |
//! | `system` | the system's `libzmq.so.5` |
//! | a path | that shared library, expected to behave as ours |
//!
//! `FERROZMQ_DIRECT` and other variables are read by the subject itself.
//!
//! The tests are in `tests/`, one file for each pattern RFC and each part of the API, one test for each requirement. They
//! are written against [`Ctx`], [`Sock`], [`Monitor`] and [`poll`]; those that are about C itself (`zmq_msg_t`, bad
//! handles) start with [`c_library!`](crate::c_library) and are skipped for a subject that is not a C library.
//!
//! Rules for the tests: nothing waits a fixed time. A test waits for an event, a message or a condition
//! ([`wait::until`]) with a generous deadline; "nothing arrives" is shown by a marker that arrives next instead.

mod alone;
pub mod c_api;
mod c_subject;
pub mod csv;
pub mod curve;
pub mod descriptors;
pub mod differences;
pub mod draft;
pub mod groups;
pub mod hosts;
mod main_thread;
pub mod monitor;
pub mod msg;
pub mod names;
pub mod publish;
mod rust_subject;
pub mod signals;
pub mod socket;
pub mod sources;
pub mod stack;
pub mod stranger;
pub mod subject;
pub mod wait;
pub mod walk;
pub mod way;
pub mod wire;
pub mod zmq;

pub use alone::alone;
pub use monitor::{Event, Monitor};
pub use socket::{Ctx, PollItem, Sock, poll};
pub use subject::{Errno, Subject, is_system, subject};
