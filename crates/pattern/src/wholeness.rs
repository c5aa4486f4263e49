//! Whatever peers come and go while a socket sends: what a peer receives are whole messages, in order, none twice.
use crate::Setting;
use crate::harness::{Join, Net, Node};
use ferrozmq_base::{Error, PipeId, SocketType};
use proptest::prelude::*;
use std::collections::BTreeSet;

const RECEIVERS: usize = 3;
const IDS: [&[u8]; RECEIVERS] = [b"0", b"1", b"2"];

#[derive(Clone, Debug)]
enum Op {
    Join(usize, u32),
    LeftByReceiver(usize),
    LeftBySender(usize),
    /// A frame, more to come or not; the receiver for a ROUTER.
    Send(bool, usize),
    Receive(usize),
}

fn op() -> impl Strategy<Value = Op> {
    let receiver = 0..RECEIVERS;
    prop_oneof![
        2 => (receiver.clone(), 0..4u32).prop_map(|(r, hwm)| Op::Join(r, hwm)),
        1 => receiver.clone().prop_map(Op::LeftByReceiver),
        1 => receiver.clone().prop_map(Op::LeftBySender),
        8 => (any::<bool>(), receiver.clone()).prop_map(|(more, r)| Op::Send(more, r)),
        6 => receiver.prop_map(Op::Receive),
    ]
}

/// One receiver: its pipes and the message that it is in.
struct Receiver {
    node: Node,
    /// The sender's pipe and its own.
    pipes: Option<(PipeId, PipeId)>,
    /// Message and part read last, and whether it goes on.
    last: Option<(u16, u8)>,
    in_message: bool,
}

struct Run {
    net: Net,
    kind: SocketType,
    sender: Node,
    receivers: Vec<Receiver>,
    message: u16,
    part: u8,
    received: BTreeSet<u16>,
}

impl Run {
    fn new(kind: SocketType) -> Self {
        let mut net = Net::new();
        let sender = net.socket(kind);
        let receiver = match kind {
            SocketType::Pub => SocketType::Sub,
            SocketType::Push => SocketType::Pull,
            _ => SocketType::Dealer,
        };
        let receivers = (0..RECEIVERS)
            .map(|_| Receiver { node: net.socket(receiver), pipes: None, last: None, in_message: false })
            .collect();
        Self { net, kind, sender, receivers, message: 0, part: 0, received: BTreeSet::new() }
    }

    fn step(&mut self, op: &Op) {
        match *op {
            Op::Join(r, hwm) => self.join(r, hwm),
            Op::LeftByReceiver(r) => {
                if let Some((_, at_receiver)) = self.receivers[r].pipes.take() {
                    self.net.disconnect(self.receivers[r].node, at_receiver);
                    // Its own doing: a message that it was reading ends nowhere.
                    self.receivers[r].in_message = false;
                }
            }
            Op::LeftBySender(r) => {
                if let Some((at_sender, _)) = self.receivers[r].pipes.take() {
                    self.net.disconnect(self.sender, at_sender);
                    while self.receive(r) {}
                    assert!(!self.receivers[r].in_message);
                }
            }
            Op::Send(more, r) => self.send(more, r),
            Op::Receive(r) => _ = self.receive(r),
        }
    }

    fn join(&mut self, r: usize, hwm: u32) {
        let receiver = &mut self.receivers[r];
        if receiver.pipes.is_none() {
            let join = Join { there: hwm, far_id: IDS[r], ..Join::default() };
            receiver.pipes = Some(self.net.join_with(self.sender, receiver.node, join));
            if self.kind == SocketType::Pub {
                self.net.set(receiver.node, Setting::Subscribe(b"")).unwrap();
            }
        }
    }

    fn send(&mut self, more: bool, r: usize) {
        if self.kind == SocketType::Router && self.part == 0 {
            self.net.send_frame(self.sender, IDS[r], true).unwrap();
        }
        let [high, low] = self.message.to_be_bytes();
        match self.net.send_frame(self.sender, &[high, low, self.part], more) {
            Ok(()) if more => self.part += 1,
            Ok(()) => {
                self.message += 1;
                self.part = 0;
            }
            Err(error) => assert_eq!((error, self.part), (Error::Again, 0)),
        }
    }

    fn receive(&mut self, r: usize) -> bool {
        let receiver = &mut self.receivers[r];
        let Ok((body, more)) = self.net.recv_frame(receiver.node) else { return false };
        let (message, part) = (u16::from_be_bytes([body[0], body[1]]), body[2]);
        if receiver.in_message {
            assert_eq!(receiver.last, Some((message, part - 1)));
        } else {
            assert_eq!(part, 0);
            assert!(receiver.last.is_none_or(|(last, _)| last < message));
            assert!(self.received.insert(message) || self.kind == SocketType::Pub);
        }
        receiver.last = Some((message, part));
        receiver.in_message = more;
        true
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn peers_receive_whole_messages(
        kind in prop_oneof![
            Just(SocketType::Push), Just(SocketType::Dealer), Just(SocketType::Pub), Just(SocketType::Router)
        ],
        ops in proptest::collection::vec(op(), 1..120),
    ) {
        let mut run = Run::new(kind);
        for op in &ops {
            run.step(op);
        }
        // The message in progress ends, and the next one arrives whole.
        run.send(false, 0);
        run.step(&Op::LeftByReceiver(0));
        run.join(0, 0);
        run.send(true, 0);
        run.send(false, 0);
        (0..RECEIVERS).for_each(|r| while run.receive(r) {});
        prop_assert!(run.part == 0);
        prop_assert!(run.received.contains(&(run.message - 1)));
    }
}
