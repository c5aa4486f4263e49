//! Groups of RADIO and DISH, and what a socket dropped, on either subject: C by the draft functions, Rust by its own.

use crate::draft::Draft;
use crate::rust_subject;
use crate::socket::Sock;
use crate::subject::{Result, subject};
use crate::zmq;

/// Messages that a socket dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// No room.
    pub full: u64,
    /// They could go nowhere.
    pub unroutable: u64,
    /// There was no message in them.
    pub malformed: u64,
    /// Of a group that was not joined.
    pub unmatched: u64,
}

/// Whether the subject has groups: the distribution's libzmq has not.
pub fn exist() -> bool {
    subject().library().is_none_or(|library| Draft::of(library).is_some())
}

fn c() -> Option<Result<Draft>> {
    subject().library().map(|library| Draft::of(library).ok_or(zmq::ENOTSUP))
}

/// Joins a group.
pub fn join(socket: &Sock, group: &str) -> Result<()> {
    match c() {
        Some(draft) => draft?.join(socket, group),
        None => rust_subject::join(socket.backend(), group),
    }
}

/// Leaves a group.
pub fn leave(socket: &Sock, group: &str) -> Result<()> {
    match c() {
        Some(draft) => draft?.leave(socket, group),
        None => rust_subject::leave(socket.backend(), group),
    }
}

/// Sends a message to a group.
pub fn send(socket: &Sock, group: &str, body: impl AsRef<[u8]>) -> Result<()> {
    match c() {
        Some(draft) => draft?.send_to_group(socket, group, body, 0),
        None => rust_subject::send_to_group(socket.backend(), group, body.as_ref()),
    }
}

/// Receives a message and its group.
pub fn recv(socket: &Sock, flags: i32) -> Result<(String, Vec<u8>)> {
    match c() {
        Some(draft) => draft?.recv_group(socket, flags),
        None => rust_subject::recv_group(socket.backend(), flags),
    }
}

/// What the socket dropped so far; C does not say.
pub fn dropped(socket: &Sock) -> Option<Dropped> {
    match c() {
        Some(_) => None,
        None => Some(rust_subject::dropped(socket.backend()).expect("statistics")),
    }
}
