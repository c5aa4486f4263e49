//! Connected and listening stream sockets.

mod address;
mod credentials;
pub mod ipc;
mod listener;
mod stream;
pub mod tcp;

pub(crate) use address::SocketAddress;
#[cfg(test)]
pub(crate) use address::ip_text;
pub use credentials::{PeerCredentials, PeerFilter};
pub use listener::Listener;
pub use stream::Stream;

/// A connection attempt that the kernel has accepted.
#[derive(Debug)]
pub enum Connecting {
    /// Connected at once (unix sockets, sometimes the loopback).
    Done(Stream),
    /// Connected or failed when the stream becomes writable: then [`Stream::take_error`] tells.
    InProgress(Stream),
}
