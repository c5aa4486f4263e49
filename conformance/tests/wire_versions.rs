//! What differs with the version of the peer: subscriptions, and the whole of RFC 15 (ZMTP 2.0) and RFC 13 (1.0).

use conformance::socket::{Ctx, Transport};
use conformance::wire::{Raw, RawListener, SIGNATURE, bound, command, frame, old_frame, sub_with_peer};
use conformance::zmq;

// Subscriptions

#[test]
fn sub_sends_messages_to_a_3_0_peer() {
    let (sub, mut raw) = sub_with_peer(0);
    for topic in ["A", "A", "B"] {
        sub.subscribe(topic);
        raw.expect(frame(0, format!("\u{1}{topic}")));
    }
    sub.unsubscribe("B");
    raw.expect([0, 2, 0, b'B']);
}

#[test]
fn sub_sends_commands_to_a_3_1_peer() {
    let (sub, mut raw) = sub_with_peer(1);
    for topic in ["A", "A", "B"] {
        sub.subscribe(topic);
        raw.expect(command("SUBSCRIBE", topic));
    }
    sub.unsubscribe("B");
    raw.expect(command("CANCEL", "B"));
}

#[test]
fn cancel_is_sent_for_the_last_unsubscribe_only() {
    let (sub, mut raw) = sub_with_peer(1);
    for _ in 0..3 {
        sub.subscribe("A");
        raw.expect(command("SUBSCRIBE", "A"));
    }
    for _ in 0..3 {
        sub.unsubscribe("A");
    }
    sub.unsubscribe("A");
    raw.expect(command("CANCEL", "A"));
    sub.subscribe("B");
    raw.expect(command("SUBSCRIBE", "B"));
}

#[test]
fn a_new_connection_gets_each_topic_once() {
    let sub = Ctx::new().socket(zmq::SUB);
    for topic in ["A", "A", "A"] {
        sub.subscribe(topic);
    }
    let listener = RawListener::new();
    let mut raw = listener.connect(&sub);
    raw.handshake(1, "PUB", None);
    raw.expect(command("SUBSCRIBE", "A"));
    sub.subscribe("B");
    raw.expect(command("SUBSCRIBE", "B"));
}

#[test]
fn xsub_sends_its_users_subscriptions_as_messages() {
    let listener = RawListener::new();
    let xsub = Ctx::new().socket(zmq::XSUB);
    let mut raw = listener.connect(&xsub);
    raw.handshake(1, "XPUB", None);
    xsub.send("\u{1}A");
    raw.expect([0, 2, 1, b'A']);
    xsub.send("\0A");
    raw.expect([0, 2, 0, b'A']);
}

fn a_publisher_takes(minor: u8, subscribe: &[u8], cancel: &[u8]) {
    let (xpub, endpoint) = bound(zmq::XPUB);
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(minor, "SUB", None);
    raw.send(subscribe);
    xpub.expect("\u{1}A");
    xpub.send(["A", "one"]);
    raw.expect([frame(1, "A"), frame(0, "one")].concat());
    raw.send(cancel);
    xpub.expect("\0A");
    xpub.send(["A", "two"]);
    raw.send(subscribe);
    xpub.expect("\u{1}A");
    xpub.send(["A", "three"]);
    raw.expect([frame(1, "A"), frame(0, "three")].concat());
}

#[test]
fn a_publisher_takes_subscription_commands() {
    a_publisher_takes(1, &command("SUBSCRIBE", "A"), &command("CANCEL", "A"));
}

#[test]
fn a_publisher_takes_subscription_messages_from_a_3_0_peer() {
    a_publisher_takes(0, &frame(0, "\u{1}A"), &frame(0, "\0A"));
}

#[test]
fn a_publisher_takes_subscription_messages_from_a_3_1_peer() {
    a_publisher_takes(1, &frame(0, "\u{1}A"), &frame(0, "\0A"));
}

#[test]
fn subscriptions_of_one_connection_are_a_set() {
    let (xpub, endpoint) = bound(zmq::XPUB);
    let mut raw = Raw::connect(&endpoint);
    raw.handshake(1, "SUB", None);
    raw.send([command("SUBSCRIBE", "A"), command("SUBSCRIBE", "A"), command("CANCEL", "A")].concat());
    xpub.expect("\u{1}A");
    xpub.expect("\0A");
    raw.send(command("SUBSCRIBE", "B"));
    xpub.expect("\u{1}B");
    xpub.send("A");
    xpub.send("B");
    raw.expect(frame(0, "B"));
}

macro_rules! topic_lengths {
    ($($name:ident: $minor:expr, $length:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let (sub, mut raw) = sub_with_peer($minor);
                let topic = [b't'; $length];
                sub.subscribe(topic);
                if $minor == 0 {
                    raw.expect(frame(0, [&[1][..], &topic].concat()));
                } else {
                    raw.expect(command("SUBSCRIBE", topic));
                }
            }
        )*
    };
}

topic_lengths! {
    a_topic_of_200_bytes_to_3_0: 0, 200;
    a_topic_of_254_bytes_to_3_0: 0, 254;
    a_topic_of_256_bytes_to_3_0: 0, 256;
    a_topic_of_245_bytes_to_3_1: 1, 245;
    a_topic_of_256_bytes_to_3_1: 1, 256;
    a_topic_of_5000_bytes_to_3_1: 1, 5000;
}

#[test]
fn a_topic_of_255_bytes_is_framed_correctly() {
    conformance::ours_only!("forgets the LONG flag, so that the peer loses the framing");
    for minor in [0, 1] {
        for length in 246..=255 {
            let (sub, mut raw) = sub_with_peer(minor);
            let topic = vec![b't'; length];
            sub.subscribe(&topic);
            if minor == 0 {
                raw.expect(frame(0, [&[1][..], &topic].concat()));
            } else {
                raw.expect(command("SUBSCRIBE", topic));
            }
        }
    }
}

// ZMTP 2.0

#[test]
fn a_2_0_peer_is_spoken_to_in_2_0() {
    let dealer = Ctx::new().socket(zmq::DEALER);
    dealer.set_bytes(zmq::ROUTING_ID, "abc").unwrap();
    let endpoint = dealer.bind_any(Transport::Tcp);
    let mut raw = Raw::connect(&endpoint);
    raw.send([&SIGNATURE[..], &[1]].concat());
    raw.expect([0xFF, 0, 0, 0, 0, 0, 0, 0, 4, 0x7F, 3, 5]);
    raw.send([6]);
    raw.expect([0, 3, b'a', b'b', b'c']);
    raw.send([0, 0]);
    raw.send(frame(0, "hello"));
    dealer.expect("hello");
    dealer.send("x");
    raw.expect([0, 1, b'x']);
}

#[test]
fn a_2_0_peer_that_sends_everything_at_once_is_understood() {
    let (pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    raw.send([&SIGNATURE[..], &[1, 8], &[0, 0], &frame(1, "two"), &frame(0, "frames")].concat());
    pull.expect(["two", "frames"]);
}

#[test]
fn the_identity_of_a_2_0_peer_is_its_routing_id() {
    let (router, endpoint) = bound(zmq::ROUTER);
    let mut raw = Raw::connect(&endpoint);
    raw.send([&SIGNATURE[..], &[1, 5], &frame(0, "me"), &frame(0, "hello")].concat());
    router.expect(["me", "hello"]);
    raw.take(12);
    raw.expect([0, 0]);
    router.send(["me", "welcome"]);
    raw.expect(frame(0, "welcome"));
}

#[test]
fn sub_sends_messages_to_a_2_0_peer() {
    let listener = RawListener::new();
    let sub = Ctx::new().socket(zmq::SUB);
    sub.subscribe("A");
    let mut raw = listener.connect(&sub);
    raw.send([&SIGNATURE[..], &[1, 1], &[0, 0]].concat());
    raw.expect(SIGNATURE);
    raw.expect([3, 2]);
    raw.expect([0, 0]);
    raw.expect([0, 2, 1, b'A']);
    raw.send([frame(1, "A1"), frame(0, "x")].concat());
    sub.expect(["A1", "x"]);
}

#[test]
fn a_2_0_subscriber_is_served() {
    let (xpub, endpoint) = bound(zmq::XPUB);
    let mut raw = Raw::connect(&endpoint);
    raw.send([&SIGNATURE[..], &[1, 2], &[0, 0], &frame(0, "\u{1}A")].concat());
    xpub.expect("\u{1}A");
    xpub.send("A1");
    raw.take(14);
    raw.expect(frame(0, "A1"));
}

// ZMTP 1.0

#[test]
fn a_1_0_peer_is_spoken_to_in_1_0() {
    let dealer = Ctx::new().socket(zmq::DEALER);
    dealer.set_bytes(zmq::ROUTING_ID, "abc").unwrap();
    let endpoint = dealer.bind_any(Transport::Tcp);
    let mut raw = Raw::connect(&endpoint);
    raw.send([1, 0]);
    raw.expect([0xFF, 0, 0, 0, 0, 0, 0, 0, 4, 0x7F, b'a', b'b', b'c']);
    raw.send([&[6, 0][..], b"hello"].concat());
    dealer.expect("hello");
    dealer.send("yy");
    raw.expect([3, 0, b'y', b'y']);
}

#[test]
fn a_1_0_peer_delivering_byte_by_byte_is_understood() {
    let (pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    raw.send_bytewise([old_frame(0, ""), old_frame(1, "two"), old_frame(0, "frames")].concat());
    pull.expect(["two", "frames"]);
}

#[test]
fn a_short_1_0_message_after_the_identity_is_delivered_at_once() {
    let (pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    raw.send([old_frame(0, ""), old_frame(0, "x")].concat());
    pull.expect("x");
}

#[test]
fn a_1_0_identity_of_253_bytes_comes_in_a_short_frame() {
    identity_of_1_0(253);
}

#[test]
fn a_1_0_identity_of_254_bytes_comes_in_a_long_frame() {
    identity_of_1_0(254);
}

#[test]
fn a_1_0_identity_of_255_bytes_comes_in_a_long_frame() {
    identity_of_1_0(255);
}

fn identity_of_1_0(length: usize) {
    let (router, endpoint) = bound(zmq::ROUTER);
    let mut raw = Raw::connect(&endpoint);
    let id = vec![b'i'; length];
    raw.send([old_frame(0, &id), old_frame(0, "hello")].concat());
    router.expect([&id[..], b"hello"]);
    raw.take(10);
    router.send([&id[..], b"welcome"]);
    raw.expect(old_frame(0, "welcome"));
}

#[test]
fn a_long_message_goes_to_a_1_0_peer_in_a_long_frame() {
    let (router, endpoint) = bound(zmq::ROUTER);
    let mut raw = Raw::connect(&endpoint);
    raw.send([old_frame(0, "me"), old_frame(0, "hello")].concat());
    router.expect(["me", "hello"]);
    raw.take(10);
    for size in [253, 254, 255, 256, 1000] {
        router.send([&b"me"[..], &vec![7; size]]);
        raw.expect(old_frame(0, vec![7; size]));
    }
}

#[test]
fn a_1_0_subscriber_gets_everything() {
    let (xpub, endpoint) = bound(zmq::XPUB);
    let mut raw = Raw::connect(&endpoint);
    raw.send(old_frame(0, ""));
    xpub.expect("\u{1}");
    xpub.send(["any", "topic"]);
    raw.take(10);
    raw.expect([old_frame(1, "any"), old_frame(0, "topic")].concat());
}

#[test]
fn sub_sends_messages_to_a_1_0_peer_and_filters() {
    let listener = RawListener::new();
    let sub = Ctx::new().socket(zmq::SUB);
    sub.subscribe("A");
    let mut raw = listener.connect(&sub);
    raw.send(old_frame(0, ""));
    raw.expect(SIGNATURE);
    raw.expect(old_frame(0, "\u{1}A"));
    raw.send([old_frame(0, "B"), old_frame(1, "B"), old_frame(0, "A"), old_frame(0, "A")].concat());
    sub.expect("A");
}

#[test]
fn a_1_0_frame_of_length_0_closes_the_connection() {
    let (_pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    raw.send([old_frame(0, ""), vec![0, 0, 0]].concat());
    raw.take_rest();
}

#[test]
fn reserved_flag_bits_of_1_0_are_ignored() {
    let (pull, endpoint) = bound(zmq::PULL);
    let mut raw = Raw::connect(&endpoint);
    raw.send(
        [old_frame(0, ""), old_frame(0xFE, "one"), old_frame(0x81, "two"), old_frame(0, "parts")].concat(),
    );
    pull.expect("one");
    pull.expect(["two", "parts"]);
}

#[test]
fn a_versioned_1_0_peer_gets_an_identity_frame() {
    let dealer = Ctx::new().socket(zmq::DEALER);
    dealer.set_bytes(zmq::ROUTING_ID, "abc").unwrap();
    let endpoint = dealer.bind_any(Transport::Tcp);
    let mut raw = Raw::connect(&endpoint);
    raw.send([&SIGNATURE[..], &[0, 6]].concat());
    raw.expect([0xFF, 0, 0, 0, 0, 0, 0, 0, 4, 0x7F, 3, 5]);
    raw.expect(old_frame(0, "abc"));
    raw.send([old_frame(0, ""), old_frame(0, "hello")].concat());
    dealer.expect("hello");
}
