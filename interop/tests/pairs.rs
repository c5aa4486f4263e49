//! The library under test in one process and the distribution's libzmq in another: every pair of socket types that may
//! talk, over tcp and ipc, either side binding, either side ours.

use std::thread;
use std::time::{Duration, Instant};

use conformance::zmq;
use interop::peer::Message;
use interop::program::PATIENCE;
use interop::security::Mechanism;
use interop::{Peer, Scratch, Subject, frames};

const ON: [u8; 4] = 1_i32.to_ne_bytes();

/// A socket type and the options that its peer starts with.
#[derive(Clone, Copy)]
struct Role {
    kind: i32,
    options: &'static [(i32, &'static [u8])],
}

const fn role(kind: i32) -> Role {
    Role { kind, options: &[] }
}

impl Role {
    fn start(self, library: &Subject) -> Peer {
        Peer::start(env!("CARGO_BIN_EXE_peer"), library, self.kind, self.options)
    }

    fn secured(self, library: &Subject, mechanism: Mechanism, serves: bool) -> Peer {
        let program = env!("CARGO_BIN_EXE_peer");
        Peer::start_secured(program, library, self.kind, self.options, mechanism, serves)
    }
}

/// Where a pair meets.
fn endpoints(scratch: &Scratch) -> [String; 2] {
    ["tcp://127.0.0.1:*".to_owned(), scratch.ipc("pair")]
}

/// Lets a pair talk in every arrangement: transports, who binds, which of the two is ours; and with every mechanism, either
/// of the two being the server, which then binds.
fn talk(first: Role, second: Role, play: impl Fn(&mut Peer, &mut Peer)) {
    talk_unsecured(first, second, &play);
    let (ours, real) = (Subject::from_env(), Subject::system());
    for (of_first, of_second) in [(&ours, &real), (&real, &ours)] {
        for (mechanism, first_serves) in
            Mechanism::ALL.into_iter().flat_map(|mechanism| [(mechanism, true), (mechanism, false)])
        {
            let scratch = Scratch::new();
            for endpoint in endpoints(&scratch) {
                let mut a = first.secured(of_first, mechanism, first_serves);
                let mut b = second.secured(of_second, mechanism, !first_serves);
                let (server, client) = if first_serves { (&mut a, &mut b) } else { (&mut b, &mut a) };
                let endpoint = server.bind(&endpoint);
                client.connect(&endpoint);
                play(&mut a, &mut b);
                a.finish();
                b.finish();
            }
        }
    }
}

/// The same without security.
fn talk_unsecured(first: Role, second: Role, play: &impl Fn(&mut Peer, &mut Peer)) {
    let (ours, real) = (Subject::from_env(), Subject::system());
    for (of_first, of_second) in [(&ours, &real), (&real, &ours)] {
        for first_binds in [true, false] {
            let scratch = Scratch::new();
            for endpoint in endpoints(&scratch) {
                let (mut a, mut b) = (first.start(of_first), second.start(of_second));
                let (binds, connects) = if first_binds { (&mut a, &mut b) } else { (&mut b, &mut a) };
                let endpoint = binds.bind(&endpoint);
                connects.connect(&endpoint);
                play(&mut a, &mut b);
                a.finish();
                b.finish();
            }
        }
    }
}

/// What is sent: each length that ZMTP encodes in another way, empty frames in every place, many frames.
fn messages() -> Vec<Message> {
    let text =
        |frames: &[&str]| -> Message { frames.iter().map(|frame| frame.as_bytes().to_vec()).collect() };
    vec![
        text(&["one"]),
        text(&[""]),
        text(&["", "", ""]),
        text(&["head", "", "tail"]),
        vec![frames::pattern(255)],
        vec![frames::pattern(256)],
        vec![frames::pattern(100_000)],
        vec![b"head".to_vec(), frames::pattern(100_000), Vec::new()],
        (0..100).map(|i| vec![i; usize::from(i)]).collect(),
    ]
}

fn with(prefix: &[&[u8]], message: &[Vec<u8>]) -> Message {
    prefix.iter().map(|frame| frame.to_vec()).chain(message.iter().cloned()).collect()
}

/// An answer that differs from its message.
fn answer(message: &[Vec<u8>]) -> Message {
    message.iter().rev().cloned().chain([b"answer".to_vec()]).collect()
}

fn one_way(from: &mut Peer, to: &mut Peer) {
    let messages = messages();
    for message in &messages {
        from.send(message);
        assert_eq!(&to.recv(), message);
    }
    // Again, so that several are under way at once.
    messages.iter().for_each(|message| from.send(message));
    messages.iter().for_each(|message| assert_eq!(&to.recv(), message));
}

fn both_ways(a: &mut Peer, b: &mut Peer) {
    one_way(a, b);
    one_way(b, a);
}

#[test]
fn pair_and_pair() {
    talk(role(zmq::PAIR), role(zmq::PAIR), both_ways);
}

#[test]
fn dealer_and_dealer() {
    talk(role(zmq::DEALER), role(zmq::DEALER), both_ways);
}

#[test]
fn push_and_pull() {
    talk(role(zmq::PUSH), role(zmq::PULL), one_way);
}

#[test]
fn req_and_rep() {
    talk(role(zmq::REQ), role(zmq::REP), |req, rep| {
        for message in messages() {
            req.send(&message);
            assert_eq!(rep.recv(), message);
            rep.send(&answer(&message));
            assert_eq!(req.recv(), answer(&message));
        }
    });
}

#[test]
fn req_and_router() {
    talk(role(zmq::REQ), role(zmq::ROUTER), |req, router| {
        for message in messages() {
            req.send(&message);
            let received = router.recv();
            let id = received[0].clone();
            assert_eq!(received, with(&[&id, b""], &message));
            router.send(&with(&[&id, b""], &answer(&message)));
            assert_eq!(req.recv(), answer(&message));
        }
    });
}

#[test]
fn dealer_and_rep() {
    talk(role(zmq::DEALER), role(zmq::REP), |dealer, rep| {
        for message in messages() {
            dealer.send(&with(&[b"above", b""], &message));
            assert_eq!(rep.recv(), message);
            rep.send(&answer(&message));
            assert_eq!(dealer.recv(), with(&[b"above", b""], &answer(&message)));
        }
    });
}

#[test]
fn dealer_and_router() {
    let dealer = Role { kind: zmq::DEALER, options: &[(zmq::ROUTING_ID, b"dealer")] };
    talk(dealer, role(zmq::ROUTER), |dealer, router| {
        for message in messages() {
            dealer.send(&message);
            assert_eq!(router.recv(), with(&[b"dealer"], &message));
            router.send(&with(&[b"dealer"], &answer(&message)));
            assert_eq!(dealer.recv(), answer(&message));
        }
    });
}

#[test]
fn router_and_router() {
    const A: &[(i32, &[u8])] =
        &[(zmq::ROUTING_ID, b"a"), (zmq::PROBE_ROUTER, &ON), (zmq::ROUTER_MANDATORY, &ON)];
    const B: &[(i32, &[u8])] =
        &[(zmq::ROUTING_ID, b"b"), (zmq::PROBE_ROUTER, &ON), (zmq::ROUTER_MANDATORY, &ON)];
    let router = |options| Role { kind: zmq::ROUTER, options };
    talk(router(A), router(B), |a, b| {
        assert_eq!(a.recv_from(b), [b"b".to_vec(), Vec::new()]);
        assert_eq!(b.recv_from(a), [b"a".to_vec(), Vec::new()]);
        for message in messages() {
            a.send(&with(&[b"b"], &message));
            assert_eq!(b.recv(), with(&[b"a"], &message));
            b.send(&with(&[b"a"], &answer(&message)));
            assert_eq!(a.recv(), with(&[b"b"], &answer(&message)));
        }
    });
}

const SUB: Role = Role { kind: zmq::SUB, options: &[(zmq::SUBSCRIBE, b"")] };

/// A publisher that cannot hear of its subscribers tries until one gets something.
fn publish(publisher: &mut Peer, subscriber: &mut Peer) {
    let (hello, go) = ([b"hello".to_vec()], [b"go".to_vec()]);
    let deadline = Instant::now() + PATIENCE;
    loop {
        publisher.send(&hello);
        if subscriber.try_recv().is_some() {
            break;
        }
        assert!(Instant::now() < deadline, "no update arrives");
        thread::sleep(Duration::from_millis(1));
    }
    publisher.send(&go);
    while subscriber.recv() != go {}
    one_way(publisher, subscriber);
}

#[test]
fn pub_and_sub() {
    talk(role(zmq::PUB), SUB, publish);
}

#[test]
fn pub_and_xsub() {
    talk(role(zmq::PUB), role(zmq::XSUB), |publisher, xsub| {
        xsub.send(&[vec![1]]);
        publish(publisher, xsub);
    });
}

#[test]
fn xpub_and_sub() {
    talk(role(zmq::XPUB), SUB, |xpub, sub| {
        assert_eq!(xpub.recv_from(sub), [vec![1]]);
        one_way(xpub, sub);
    });
}

#[test]
fn xpub_and_xsub() {
    talk(role(zmq::XPUB), role(zmq::XSUB), |xpub, xsub| {
        xsub.send(&[b"\x01topic".to_vec()]);
        assert_eq!(xpub.recv_from(xsub), [b"\x01topic".to_vec()]);
        xpub.send(&[b"other".to_vec()]);
        xpub.send(&[b"topic 1".to_vec()]);
        assert_eq!(xsub.recv(), [b"topic 1".to_vec()]);
        xsub.send(&[b"\x00topic".to_vec()]);
        assert_eq!(xpub.recv(), [b"\x00topic".to_vec()]);
        xsub.send(&[vec![1]]);
        assert_eq!(xpub.recv(), [vec![1]]);
        one_way(xpub, xsub);
        xsub.send(&[b"up".to_vec()]);
        assert_eq!(xpub.recv(), [b"up".to_vec()]);
    });
}

/// Receives a message of a flood, which must be whole; its number and the flood's tag.
fn drink(pull: &mut Peer) -> (u64, usize) {
    let message = pull.recv();
    let [number, body, tag] = &message[..] else { panic!("{} frames", message.len()) };
    assert_eq!(body, &frames::pattern(10_000));
    let text = |frame: &[u8]| String::from_utf8_lossy(frame).into_owned();
    (text(number).parse().expect("a number"), text(tag).parse().expect("a tag"))
}

/// Who of a flood's two is the distribution's and gets killed; ours survives.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Killed {
    Sender,
    Receiver,
}

/// Kills the real peer in the midst of a flood, three times; each time the next one takes its place.
fn kill_again_and_again(killed: Killed, ours_binds: bool) {
    let (ours, real) = (Subject::from_env(), Subject::system());
    let (survivor, victim) = match killed {
        Killed::Sender => (role(zmq::PULL), role(zmq::PUSH)),
        Killed::Receiver => (role(zmq::PUSH), role(zmq::PULL)),
    };
    let scratch = Scratch::new();
    for endpoint in endpoints(&scratch) {
        let mut survivor = survivor.start(&ours);
        let mut endpoint = if ours_binds { survivor.bind(&endpoint) } else { endpoint };
        let mut next = Vec::new();
        for life in 0..4 {
            next.push(0);
            let mut victim = victim.start(&real);
            if ours_binds {
                victim.connect(&endpoint);
            } else {
                // The first chooses the port, the others take it over.
                endpoint = victim.bind(&endpoint);
            }
            if life == 0 && !ours_binds {
                survivor.connect(&endpoint);
            }
            match killed {
                Killed::Sender => {
                    victim.flood(life);
                    drink_lives(&mut survivor, &mut next);
                }
                Killed::Receiver => {
                    if life == 0 {
                        survivor.flood(0);
                    }
                    let numbers: Vec<u64> = (0..200).map(|_| drink(&mut victim).0).collect();
                    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
                }
            }
            victim.kill();
        }
    }
}

/// Receives until the newest sender has been heard 200 times; `next` has the number that each must send next.
fn drink_lives(pull: &mut Peer, next: &mut [u64]) {
    while next.last().is_none_or(|&heard| heard < 200) {
        let (number, life) = drink(pull);
        assert_eq!(number, next[life], "sender {life}");
        next[life] += 1;
    }
}

#[test]
fn a_killed_sender_that_connected_is_replaced() {
    kill_again_and_again(Killed::Sender, true);
}

#[test]
fn a_killed_sender_that_had_bound_is_found_again() {
    kill_again_and_again(Killed::Sender, false);
}

#[test]
fn a_killed_receiver_that_connected_is_replaced() {
    kill_again_and_again(Killed::Receiver, true);
}

#[test]
fn a_killed_receiver_that_had_bound_is_found_again() {
    kill_again_and_again(Killed::Receiver, false);
}
