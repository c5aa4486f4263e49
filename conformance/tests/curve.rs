//! Traffic of connections that are secured with CURVE (RFC 26): what is encrypted arrives as it was.

use conformance::curve::{ask_to_come_in, serve};
use conformance::msg::Msg;
use conformance::socket::{Ctx, Sock, Transport, join};
use conformance::{c_library, zmq};

/// Around what fits a message, what has a short header, and what moves in a read buffer and what fills one.
const SIZES: [usize; 22] = [
    0, 1, 29, 34, 48, 49, 221, 222, 223, 254, 255, 256, 257, 1000, 4096, 16_374, 16_375, 16_376, 65_503,
    65_536, 70_000, 300_000,
];

/// A server that binds and a client that connects.
fn curve(server: i32, client: i32) -> (Sock, Sock) {
    let ctx = Ctx::new();
    let (server, client) = (ctx.socket(server), ctx.socket(client));
    serve(&server);
    ask_to_come_in(&client);
    join(&server, &client, Transport::Tcp);
    (server, client)
}

/// Bytes that say which message this is.
fn body(number: usize, size: usize) -> Vec<u8> {
    (0..size).map(|i| (i + number * 31) as u8).collect()
}

/// Messages of one to three frames of all sizes, each next to each.
fn shapes() -> Vec<Vec<Vec<u8>>> {
    let sizes = || SIZES.iter().copied();
    let pairs = sizes().flat_map(|first| sizes().map(move |second| (first, second)));
    let frames = |(number, (first, second)): (usize, (usize, usize))| match number % 3 {
        0 => vec![body(number, first)],
        1 => vec![body(number, first), body(number + 1, second)],
        _ => vec![body(number, second), body(number + 1, 1), body(number + 2, first)],
    };
    pairs.filter(|(first, second)| first + second < 200_000).enumerate().map(frames).collect()
}

#[test]
fn messages_of_every_shape_arrive_in_order_in_both_directions() {
    let (server, client) = curve(zmq::PAIR, zmq::PAIR);
    for (from, to) in [(&server, &client), (&client, &server)] {
        let shapes = shapes();
        // Some at once, so that many come with one read.
        for portion in shapes.chunks(100) {
            portion.iter().for_each(|message| from.send(message.clone()));
            portion.iter().for_each(|message| to.expect(message.clone()));
        }
    }
}

#[test]
fn small_messages_arrive_in_order_however_many_come_at_once() {
    let (pull, push) = curve(zmq::PULL, zmq::PUSH);
    for size in [0, 8, 48, 100, 1000] {
        for number in 0..900 {
            push.send([&number.to_string().into_bytes()[..], &body(number, size)]);
        }
        for number in 0..900 {
            pull.expect([&number.to_string().into_bytes()[..], &body(number, size)]);
        }
    }
}

#[test]
fn a_message_of_many_megabytes_arrives_whole() {
    let (pull, push) = curve(zmq::PULL, zmq::PUSH);
    let large = body(0, 5_000_000);
    push.send([&b"before"[..], &large]);
    push.send("after");
    pull.expect([&b"before"[..], &large]);
    pull.expect("after");
}

/// A body may lie in the buffer into which the connection goes on reading.
#[test]
fn messages_that_are_kept_stay_as_they_are() {
    let lib = c_library!();
    let (pull, push) = curve(zmq::PULL, zmq::PUSH);
    let mut kept = Vec::new();
    for number in 0..500 {
        push.send([&body(number, SIZES[number % 20])[..]]);
        let mut msg = Msg::empty(lib);
        msg.recv(&pull, 0).unwrap();
        kept.push(msg);
    }
    for (number, msg) in kept.iter_mut().enumerate() {
        assert!(msg.body() == body(number, SIZES[number % 20]), "message {number} has changed");
    }
}
