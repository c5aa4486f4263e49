//! Memory, atomics and the value types that every ferrozmq crate shares.
//!
//! No I/O, no protocol, no threads. Everything that two threads touch lives here, behind methods that have a
//! loom model; [`sync`] alone names atomics.
pub mod error;
pub mod socket_type;
pub mod sync;

pub use error::{Error, OutOfMemory, Result};
pub use socket_type::SocketType;
