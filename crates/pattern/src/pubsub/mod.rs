//! Publish and subscribe (RFC 29).
use ferrozmq_base::{Kind, Msg};

mod publisher;
mod subscriber;
pub(crate) mod xpub;
pub(crate) mod xsub;

pub use publisher::Pub;
pub use subscriber::Sub;

/// What a frame asks of a publisher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Request {
    Subscribe,
    Cancel,
}

/// The request in a frame and its topic: a command, or a message that begins with 1 or 0.
fn request(m: &Msg) -> Option<(Request, &[u8])> {
    let body = m.as_slice();
    match (m.kind(), body) {
        (Kind::Subscribe, _) => Some((Request::Subscribe, body)),
        (Kind::Cancel, _) => Some((Request::Cancel, body)),
        (Kind::Message, [1, topic @ ..]) => Some((Request::Subscribe, topic)),
        (Kind::Message, [0, topic @ ..]) => Some((Request::Cancel, topic)),
        _ => None,
    }
}
