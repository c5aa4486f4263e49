//! Making sure that a publisher knows a subscriber's subscriptions.

use crate::socket::Sock;
use crate::wait;
use crate::zmq;

const MARK: &str = "\u{1}synchronise";

/// Returns when the publisher (PUB) has applied everything that the subscriber (SUB) has subscribed to so far, with
/// nothing left to receive.
#[track_caller]
pub fn synchronise(publisher: &Sock, subscriber: &Sock) {
    subscriber.subscribe(MARK);
    wait::until("the subscription to arrive", || {
        publisher.events();
        publisher.send([MARK, "try"]);
        subscriber.readable()
    });
    publisher.send([MARK, "end"]);
    loop {
        let message = subscriber.recv().expect("the mark");
        if message[0] == MARK.as_bytes() && message[1] == b"end" {
            break;
        }
    }
    subscriber.unsubscribe(MARK);
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
