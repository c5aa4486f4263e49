//! What one thread does on several sockets arrives in that order, as far as a peer can tell.

use conformance::wire::{Raw, RawListener, frame};
use conformance::{Ctx, Sock, zmq};

const ROUNDS: u32 = 200;

/// A socket of the context, connected to a scripted peer.
fn connected(ctx: &Ctx, kind: i32, peer: &str) -> (Sock, Raw) {
    let listener = RawListener::new();
    let sock = ctx.socket(kind);
    let mut raw = listener.connect(&sock);
    raw.handshake(0, peer, None);
    (sock, raw)
}

/// A publisher that is fed by the subscriber's thread, as in a loop of questions and published answers, must know of
/// the subscription when the question comes. No rule of the network says so: it is seldom otherwise, and that is asserted.
#[test]
fn a_subscription_is_seldom_overtaken_by_what_the_same_thread_sends() {
    let ctx = Ctx::new();
    let (sub, mut publisher) = connected(&ctx, zmq::SUB, "PUB");
    let (push, mut pull) = connected(&ctx, zmq::PUSH, "PULL");
    push.send("warm");
    pull.expect(frame(0, "warm"));
    let mut overtaken = 0;
    for round in 0..ROUNDS {
        let topic = format!("topic {round}");
        sub.subscribe(&topic);
        push.send(&*topic);
        while !pull.has_input() {}
        overtaken += u32::from(!publisher.has_input());
        pull.expect(frame(0, &topic));
        publisher.expect(frame(0, [b"\x01", topic.as_bytes()].concat()));
    }
    assert!(overtaken < ROUNDS / 4, "{overtaken} of {ROUNDS} were overtaken");
}
