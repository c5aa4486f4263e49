//! Connecting to a host by its name: every address, the order, the time between rounds, and names that change.

use conformance::names::Name;
use conformance::socket::{Ctx, Sock, Transport, join};
use conformance::wire::{Raw, RawListener, StuckListener};
use conformance::{Monitor, differs, fake_names, ours_only, wait, zmq};

fake_names!();

/// A port that is listened at by the addresses that are asked for, and by no other one of 127.0.0.0/8.
struct Port {
    number: u16,
    listeners: Vec<RawListener>,
}

impl Port {
    /// Listens at these addresses.
    fn at(addresses: &[&str]) -> Self {
        for _ in 0..100 {
            let first = RawListener::at("127.0.0.99", 0).expect("a free port");
            let number = port(&first.endpoint());
            let listeners: Option<Vec<_>> =
                addresses.iter().map(|address| RawListener::at(address, number)).collect();
            if let Some(listeners) = listeners {
                return Self { number, listeners };
            }
        }
        panic!("no port is free at {addresses:?}");
    }

    fn endpoint(&self, name: &Name) -> String {
        format!("tcp://{}:{}", name.text(), self.number)
    }

    #[track_caller]
    fn accept(&self) -> Raw {
        self.listeners[0].accept()
    }
}

fn port(endpoint: &str) -> u16 {
    endpoint.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).expect("a port")
}

/// A socket that is quick to try again.
fn push() -> Sock {
    let push = Ctx::new().socket(zmq::PUSH);
    push.set(zmq::RECONNECT_IVL, 5).unwrap();
    push
}

/// The kinds of the next events.
fn next(events: &Monitor<'_>, count: usize) -> Vec<i32> {
    (0..count).map(|_| events.next().event).collect()
}

const ATTEMPT: [i32; 2] = [zmq::EVENT_CONNECT_DELAYED, zmq::EVENT_CLOSED];
const RETRY: [i32; 3] = [zmq::EVENT_CONNECT_DELAYED, zmq::EVENT_CLOSED, zmq::EVENT_CONNECT_RETRIED];
const SUCCESS: [i32; 2] = [zmq::EVENT_CONNECT_DELAYED, zmq::EVENT_CONNECTED];

#[test]
fn every_address_of_a_name_is_tried_before_it_is_waited() {
    let port = Port::at(&["127.0.0.1"]);
    let name = Name::new(&["127.0.0.2", "127.0.0.3", "127.0.0.1"]);
    let push = push();
    let events = Monitor::new(&push);
    push.connect(&port.endpoint(&name)).unwrap();
    let wanted = differs!(
        "every_address_of_a_name_is_tried_before_it_is_waited",
        libzmq: [RETRY, RETRY].concat(),
        ours: [ATTEMPT, ATTEMPT, SUCCESS].concat(),
    );
    assert_eq!(next(&events, 6), wanted);
}

#[test]
fn the_first_address_that_answers_is_taken() {
    let port = Port::at(&["127.0.0.3", "127.0.0.2"]);
    let name = Name::new(&["127.0.0.3", "127.0.0.2"]);
    let push = push();
    push.connect(&port.endpoint(&name)).unwrap();
    port.accept().handshake(1, "PULL", None);
    assert!(!port.listeners[1].has_connection());
}

#[test]
fn an_address_where_nobody_shakes_hands_is_passed_over() {
    let port = Port::at(&["127.0.0.1", "127.0.0.2"]);
    let name = Name::new(&["127.0.0.2", "127.0.0.1"]);
    let push = push();
    let events = Monitor::new(&push);
    push.connect(&port.endpoint(&name)).unwrap();
    push.send("waits");
    drop(port.listeners[1].accept());
    events.wait_for(zmq::EVENT_DISCONNECTED);
    let then = events.next().event;
    differs!(
        "an_address_where_nobody_shakes_hands_is_passed_over",
        libzmq: assert_eq!(then, zmq::EVENT_CONNECT_RETRIED),
        ours: {
            assert_eq!((then, events.next().event), (zmq::EVENT_CONNECT_DELAYED, zmq::EVENT_CONNECTED));
            let mut peer = port.accept();
            peer.handshake(1, "PULL", None);
            assert_eq!(peer.take_frame(), (0, b"waits".to_vec()));
            // Once it is lost, the round begins anew.
            drop(peer);
            events.wait_for(zmq::EVENT_CONNECT_RETRIED);
            drop(port.listeners[1].accept());
            port.accept().handshake(1, "PULL", None);
        },
    );
}

#[test]
fn the_delay_grows_by_the_round_and_not_by_the_address() {
    let port = Port::at(&[]);
    let addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.4"];
    let name = Name::new(&addresses);
    let push = push();
    push.set(zmq::RECONNECT_IVL, 2).unwrap();
    push.set(zmq::RECONNECT_IVL_MAX, 16).unwrap();
    let events = Monitor::new(&push);
    push.connect(&port.endpoint(&name)).unwrap();
    let tried = differs!(
        "the_delay_grows_by_the_round_and_not_by_the_address",
        libzmq: 1,
        ours: addresses.len(),
    );
    for delay in [2, 4, 8, 16, 16] {
        for _ in 0..tried {
            assert_eq!(next(&events, 2), ATTEMPT);
        }
        let retried = events.next();
        assert_eq!(retried.event, zmq::EVENT_CONNECT_RETRIED);
        // 4.3.4 adds a random part.
        assert!((delay..delay + 2).contains(&retried.value), "{retried:?} instead of {delay}");
    }
}

#[test]
fn a_name_is_looked_up_again_for_each_round() {
    let port = Port::at(&["127.0.0.1"]);
    let name = Name::new(&["127.0.0.2"]);
    let push = push();
    let events = Monitor::new(&push);
    push.connect(&port.endpoint(&name)).unwrap();
    for _ in 0..3 {
        events.wait_for(zmq::EVENT_CONNECT_RETRIED);
    }
    assert!(name.asked() >= 3);
    name.set(&["127.0.0.1"]);
    port.accept().handshake(1, "PULL", None);
}

#[test]
fn a_lost_peer_is_looked_up_anew() {
    let port = Port::at(&["127.0.0.2", "127.0.0.3"]);
    let name = Name::new(&["127.0.0.2"]);
    let push = push();
    push.connect(&port.endpoint(&name)).unwrap();
    let mut peer = port.listeners[0].accept();
    peer.handshake(1, "PULL", None);
    push.send("to the first");
    assert_eq!(peer.take_frame(), (0, b"to the first".to_vec()));
    name.set(&["127.0.0.3"]);
    drop(peer);
    let mut peer = port.listeners[1].accept();
    peer.handshake(1, "PULL", None);
    push.send("to the second");
    assert_eq!(peer.take_frame(), (0, b"to the second".to_vec()));
}

#[test]
fn a_name_may_come_into_being_later() {
    let port = Port::at(&["127.0.0.1"]);
    let name = Name::new(&[]);
    let push = push();
    let events = Monitor::new(&push);
    push.connect(&port.endpoint(&name)).unwrap();
    // Nothing was tried, so nothing is closed.
    assert_eq!(next(&events, 2), [zmq::EVENT_CONNECT_RETRIED; 2]);
    name.set(&["127.0.0.1"]);
    port.accept().handshake(1, "PULL", None);
}

#[test]
fn addresses_of_both_families_are_tried_if_both_may_be_used() {
    let port = Port::at(&["127.0.0.1"]);
    let name = Name::new(&["::1", "127.0.0.1"]);
    let push = push();
    push.set(zmq::IPV6, 1).unwrap();
    let events = Monitor::new(&push);
    push.connect(&port.endpoint(&name)).unwrap();
    if !has_ipv6() {
        return assert_eq!(next(&events, 2), SUCCESS);
    }
    let wanted = differs!(
        "addresses_of_both_families_are_tried_if_both_may_be_used",
        libzmq: [RETRY, RETRY].concat(),
        ours: [&ATTEMPT[..], &SUCCESS].concat(),
    );
    assert_eq!(next(&events, wanted.len()), wanted);
}

#[test]
fn addresses_of_ipv6_are_passed_over_without_it() {
    let port = Port::at(&["127.0.0.1"]);
    let name = Name::new(&["::1", "127.0.0.1"]);
    let push = push();
    let events = Monitor::new(&push);
    push.connect(&port.endpoint(&name)).unwrap();
    assert_eq!(next(&events, 2), SUCCESS);
}

fn has_ipv6() -> bool {
    RawListener::at("::1", 0).is_some()
}

#[test]
fn each_address_has_its_own_time_to_answer() {
    ours_only!("it tries the first address only");
    let stuck = StuckListener::new("127.0.0.2");
    let number = port(&stuck.endpoint());
    let listener = RawListener::at("127.0.0.98", number).expect("an address that nobody else uses");
    let name = Name::new(&["127.0.0.2", "127.0.0.2", "127.0.0.98"]);
    let push = push();
    push.set(zmq::CONNECT_TIMEOUT, 50).unwrap();
    let events = Monitor::new(&push);
    push.connect(&format!("tcp://{}:{number}", name.text())).unwrap();
    listener.accept().handshake(1, "PULL", None);
    // The same address twice is one.
    assert_eq!(next(&events, 4), [&ATTEMPT[..], &SUCCESS].concat());
}

#[test]
fn an_endpoint_ends_by_a_refusal_only_when_all_refuse() {
    let port = Port::at(&["127.0.0.1"]);
    let name = Name::new(&["127.0.0.2", "127.0.0.3"]);
    let push = push();
    push.set(zmq::RECONNECT_STOP, 1).unwrap();
    let events = Monitor::new(&push);
    push.connect(&port.endpoint(&name)).unwrap();
    let wanted = differs!(
        "an_endpoint_ends_by_a_refusal_only_when_all_refuse",
        libzmq: ATTEMPT.to_vec(),
        ours: [ATTEMPT, ATTEMPT].concat(),
    );
    assert_eq!(next(&events, wanted.len()), wanted);
    // It would be tried again otherwise.
    name.set(&["127.0.0.2", "127.0.0.1"]);
    let endpoint = port.endpoint(&name);
    push.connect(&endpoint).unwrap();
    if !conformance::is_system() {
        assert_eq!(next(&events, 4), [&ATTEMPT[..], &SUCCESS].concat());
        assert_eq!(name.asked(), 2);
    }
}

#[test]
fn every_address_of_a_proxy_is_tried() {
    ours_only!("it tries the first address only, and aborts at times");
    let port = Port::at(&["127.0.0.1"]);
    let name = Name::new(&["127.0.0.2", "127.0.0.1"]);
    let push = push();
    push.set_bytes(zmq::SOCKS_PROXY, format!("{}:{}", name.text(), port.number)).unwrap();
    push.connect("tcp://host.test:1").unwrap();
    let mut client = port.accept();
    client.expect(b"\x05\x01\0");
    client.send(b"\x05\0");
    client.expect(b"\x05\x01\0\x03\x09host.test\0\x01");
    client.send(b"\x05\0\0\x01\0\0\0\0\0\0");
    client.handshake(1, "PULL", None);
}

#[test]
fn a_look_up_holds_up_nobody_else() {
    ours_only!("its I/O thread waits for the name");
    let port = Port::at(&["127.0.0.1"]);
    let name = Name::new(&["127.0.0.1"]);
    let ctx = Ctx::new();
    let (pull, push, slow) = (ctx.socket(zmq::PULL), ctx.socket(zmq::PUSH), ctx.socket(zmq::PUSH));
    name.hold();
    slow.connect(&port.endpoint(&name)).unwrap();
    wait::until("the look-up", || name.asked() == 1);
    join(&pull, &push, Transport::Tcp);
    push.send("passes");
    pull.expect("passes");
    name.release();
    port.accept().handshake(1, "PULL", None);
}

#[test]
fn a_socket_can_be_closed_during_a_look_up() {
    ours_only!("its I/O thread waits for the name");
    let port = Port::at(&[]);
    let name = Name::new(&["127.0.0.1"]);
    let push = push();
    name.hold();
    push.connect(&port.endpoint(&name)).unwrap();
    push.send("never sent");
    wait::until("the look-up", || name.asked() == 1);
    let ctx = push.ctx().clone();
    drop(push);
    // Termination waits for no name server either, or not for long.
    ctx.term().unwrap();
    name.release();
}
