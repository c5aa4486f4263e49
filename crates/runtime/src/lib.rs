#![forbid(unsafe_code)]
//! Contexts, sessions and sockets: wires protocol, patterns and the operating system together.
//!
//! [`Context`] owns the I/O threads; a [`SocketCore`] is a pattern over pipes, owned by one application thread at a
//! time and never blocking by itself. Sessions and listeners live in the I/O threads. Nothing here names a clock, a
//! thread or a descriptor of the operating system but through `ferrozmq-sys`.

mod codec;
mod conn;
mod connector;
mod context;
mod direct;
mod endpoint;
mod failure;
mod inproc;
mod interrupt;
mod io_thread;
mod listener;
mod monitor;
pub mod option;
mod pending;
pub mod poller;
mod port;
mod proxy;
mod reconnect;
mod session;
mod settings;
mod shared;
mod socket;
mod stats;
mod udp;
mod wait;
mod zap_client;

pub use ferrozmq_proto::{curve, zap};

pub use context::{Context, Judge};
pub use endpoint::BindError;
pub use failure::HandshakeFailure;
pub use ferrozmq_pattern::Drops;
pub use ferrozmq_pattern::Events;
pub use ferrozmq_proto::socks::SocksError;
pub use interrupt::Interrupt;
pub use poller::{PollItem, poll};
pub use proxy::{Passed, Proxy, ProxySocket};
pub use shared::{SharedItem, SharedSocket, Watch, poll_shared};
pub use socket::{Flags, SocketCore, Waits};
pub use stats::{ConnectionStats, Stats};
