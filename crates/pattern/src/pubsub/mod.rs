//! Publish and subscribe (RFC 29).
mod publisher;
mod subscriber;
pub(crate) mod xpub;
pub(crate) mod xsub;

pub use publisher::Pub;
pub use subscriber::Sub;
