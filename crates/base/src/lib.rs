//! Memory, atomics and the value types that every ferrozmq crate shares.
//!
//! No I/O, no protocol, no threads. Everything that two threads touch lives here, behind methods that have a
//! loom model; [`sync`] alone names atomics.
pub mod cancel;
mod chain;
pub mod chunk;
pub mod content;
mod credit;
pub mod drive_lock;
pub mod error;
#[cfg(not(loom))]
mod fork;
pub mod gate;
pub mod inbox;
pub mod link;
pub mod log;
pub mod mailbox;
pub mod msg;
pub mod patience;
pub mod peer;
pub mod pipe;
pub mod pool;
mod prefetch;
pub mod promise;
pub mod queue;
pub mod ready;
pub mod record;
pub mod slot;
pub mod socket_type;
pub mod sync;
pub mod thread;

pub use error::{Error, OutOfMemory, Result};
pub use msg::{Kind, Msg};
pub use peer::{PeerInfo, PeerRef};
pub use pipe::{Due, DueList, End, Pipe, PipeId, Pipes};
pub use socket_type::SocketType;
