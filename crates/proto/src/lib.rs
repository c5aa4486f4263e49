//! The ZMTP wire protocol, sans I/O: bytes in, bytes and events out (RFC 13, 15, 23 and 37).
//!
//! - [`Engine`] is one side of one connection: greeting, security handshake, commands, heartbeats, and the coding of
//!   frames where the form of the wire differs from that of the queues.
//! - [`Scanner`] validates frames where they lie, for connections whose wire form is that of the queues.
//! - [`Socks`] asks a proxy for a connection.
//! - [`Endpoint`] is a parsed address; [`udp`] is the datagrams of RADIO, DISH and DGRAM; [`z85`] is the text form of keys.
//!
//! Nothing here reads a clock, touches a socket, or can panic on what a peer sends: time comes in as an argument, and
//! the lints below are the reason that every length is checked where it is used.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation
    )
)]

#[cfg(test)]
mod attacks;
mod command;
mod config;
pub mod curve;
pub mod endpoint;
mod engine;
mod envelope;
mod error;
mod frame;
mod greeting;
mod heartbeat;
mod mechanism;
mod metadata;
mod scanner;
pub mod socks;
pub mod udp;
pub mod z85;
pub mod zap;

pub use command::{Command, ControlFrame, FrameKind};
pub use config::{Config, Entropy, Heartbeat};
pub use endpoint::{Endpoint, EndpointError};
pub use engine::{Decoded, Engine, HandshakeStage, Mode, PeerProperties, Ready, Version};
pub use error::{Expired, Malformed, ProtocolError};
pub use heartbeat::TimerAction;
pub use mechanism::{Mechanism, Password};
pub use scanner::{Scanner, Step};
pub use socks::Socks;
