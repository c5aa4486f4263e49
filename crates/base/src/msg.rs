//! A message frame: 64 bytes, the layout of `zmq_msg_t`.
//!
//! skeleton
#![allow(missing_docs, clippy::todo, unused_variables, dead_code)]
use crate::{OutOfMemory, content::Content, peer::PeerRef};

/// What a frame is. Anything but `Message` travels as a command, or by the old protocols as a prefixed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Message = 0,
    Subscribe = 1,
    Cancel = 2,
    Join = 3,
    Leave = 4,
}

#[repr(C, align(8))]
pub struct Msg {
    bytes: [u8; 64],
}

impl Msg {
    pub const INLINE_MAX: usize = 48;
    pub const fn new() -> Self {
        todo!()
    }
    pub fn copy_from(bytes: &[u8]) -> Result<Self, OutOfMemory> {
        todo!()
    }
    /// Zeroed body of this size.
    pub fn with_size(size: usize) -> Result<Self, OutOfMemory> {
        todo!()
    }
    pub fn from_content(content: Content) -> Self {
        todo!()
    }
    pub fn from_static(bytes: &'static [u8]) -> Self {
        todo!()
    }
    pub fn from_vec(bytes: Vec<u8>) -> Self {
        todo!()
    }
    pub fn from_bytes(bytes: bytes::Bytes) -> Self {
        todo!()
    }
    pub fn command(kind: Kind, body: &[u8]) -> Result<Self, OutOfMemory> {
        todo!()
    }
    pub fn len(&self) -> usize {
        todo!()
    }
    pub fn is_empty(&self) -> bool {
        todo!()
    }
    pub fn as_slice(&self) -> &[u8] {
        todo!()
    }
    /// None while the body is shared or constant.
    pub fn as_mut_slice(&mut self) -> Option<&mut [u8]> {
        todo!()
    }
    pub fn kind(&self) -> Kind {
        todo!()
    }
    pub fn set_kind(&mut self, kind: Kind) {
        todo!()
    }
    pub fn more(&self) -> bool {
        todo!()
    }
    pub fn set_more(&mut self, more: bool) {
        todo!()
    }
    pub fn is_shared(&self) -> bool {
        todo!()
    }
    /// zmq_msg_copy: small bodies are duplicated, larger ones counted; both are marked SHARED then.
    pub fn share(&mut self) -> Msg {
        todo!()
    }
    /// Moves the message out, leaving an empty one.
    pub fn take(&mut self) -> Msg {
        todo!()
    }
    /// Drops the body and makes the message empty.
    pub fn clear(&mut self) {
        todo!()
    }
    pub fn routing_id(&self) -> u32 {
        todo!()
    }
    pub fn set_routing_id(&mut self, id: u32) {
        todo!()
    }
    pub fn peer(&self) -> Option<PeerRef> {
        todo!()
    }
    pub fn set_peer(&mut self, peer: Option<PeerRef>) {
        todo!()
    }
}
