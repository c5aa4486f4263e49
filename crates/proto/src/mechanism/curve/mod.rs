//! CURVE: both sides prove that they own their keys, and everything is encrypted with keys of this connection alone
//! (RFC 25, RFC 26).
//!
//! ```text
//! C: HELLO(C', box)                      S: WELCOME(box of S' and a cookie)
//! C: INITIATE(cookie, box of C, a vouch and metadata)      S: asks      S: READY(box of metadata)
//! ```
//!
//! Capital letters are public keys, small ones secret, those with a prime of this connection alone; C of the client, S of
//! the server. `X -> Y` is a box that the owner of x seals for the owner of y.

pub(crate) mod cipher;
mod client;
mod sealed;
mod server;

pub(crate) use client::{Client, ClientKeys};
pub(crate) use server::Server;

/// The bytes that a HELLO, a WELCOME and the shortest INITIATE have.
const HELLO_BYTES: usize = 200;
const WELCOME_BYTES: usize = 168;
const INITIATE_BYTES: usize = 257;
/// The shortest READY, and what goes before its box.
const READY_BYTES: usize = 30;
/// The cookie, which only its server reads.
const COOKIE_BYTES: usize = 96;

#[cfg(test)]
mod tests;
