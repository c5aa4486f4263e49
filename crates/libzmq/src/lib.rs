//! The C boundary: `libzmq.so.5`, entry by entry as in `include/zmq.h`.
//!
//! Entry points only map: C arguments to Rust ones, errors to errno. `boundary` keeps panics inside, `handle`
//! decides which pointers are ours. Nothing here is reachable from Rust programs; they use the `ferrozmq` crate.
mod boundary;
mod context;
mod counter;
#[cfg(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
mod glibc;
mod handle;
mod iov;
mod library;
mod message;
mod poll;
mod poller;
mod proxy;
mod socket;
mod stopwatch;
#[cfg(test)]
mod tests;
mod thread;
mod timers;
mod z85;

pub use boundary::caught_panics;
pub use context::*;
pub use counter::*;
pub use iov::*;
pub use library::*;
pub use message::*;
pub use poll::*;
pub use poller::*;
pub use proxy::*;
pub use socket::*;
pub use stopwatch::*;
pub use thread::*;
pub use timers::*;
pub use z85::*;
