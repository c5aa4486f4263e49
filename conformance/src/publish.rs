//! Making sure that a publisher knows a subscriber's subscriptions.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::socket::Sock;
use crate::wait;
use crate::zmq;

/// Returns when the publisher (PUB) has applied everything that the subscriber (SUB) has subscribed to so far, with
/// nothing left to receive.
#[track_caller]
pub fn synchronise(publisher: &Sock, subscriber: &Sock) {
    // A mark of its own: the publisher may still have to hear that the one before was given up.
    static MARKS: AtomicU64 = AtomicU64::new(0);
    let mark = format!("\u{1}synchronise {}.", MARKS.fetch_add(1, Ordering::Relaxed));
    let mark = mark.as_str();
    subscriber.subscribe(mark);
    wait::until("the subscription to arrive", || {
        publisher.events();
        publisher.send([mark, "try"]);
        subscriber.readable()
    });
    publisher.send([mark, "end"]);
    loop {
        let message = subscriber.recv().expect("the mark");
        if message[0] == mark.as_bytes() && message[1] == b"end" {
            break;
        }
    }
    subscriber.unsubscribe(mark);
}

/// Returns when an XPUB has got `count` messages (subscriptions and the like) from its peers; those messages.
#[track_caller]
pub fn notifications(publisher: &Sock, count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|_| {
            let mut message = publisher.recv().expect("a subscription");
            assert_eq!(message.len(), 1, "a subscription is one frame");
            message.swap_remove(0)
        })
        .collect()
}

/// A message that only shows that nothing came before it.
pub const MARKER: &str = "marker";

/// Sends the marker from `sender` and expects it at `receiver` next.
#[track_caller]
pub fn nothing_before_marker(sender: &Sock, receiver: &Sock) {
    sender.send(MARKER);
    receiver.expect(MARKER);
    assert_eq!(receiver.recv_frame(zmq::DONTWAIT).map(|f| f.body), Err(zmq::EAGAIN));
}
