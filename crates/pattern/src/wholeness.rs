//! Whatever peers come and go while messages are under way, those received are whole, in order, and none comes twice.
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

/// One socket that receives from several.
struct Gathering {
    net: Net,
    kind: SocketType,
    receiver: Node,
    senders: Vec<Sender>,
    /// Sent whole over pipes that the receiver did not drop, and not received.
    owed: BTreeSet<(usize, u16)>,
    /// In pipes that the receiver dropped: one of them may have been read ahead.
    dropped: BTreeSet<(usize, u16)>,
    /// The sender, message and part read last of a message that goes on.
    current: Option<(usize, u16, u8)>,
}

struct Sender {
    node: Node,
    /// Its own pipe and the receiver's.
    pipes: Option<(PipeId, PipeId)>,
    message: u16,
    part: u8,
    /// The message in progress lost its pipe.
    torn: bool,
    last_received: Option<u16>,
}

impl Gathering {
    fn new(kind: SocketType) -> Self {
        let mut net = Net::new();
        let receiver = net.socket(kind);
        let senders = (0..RECEIVERS)
            .map(|_| Sender {
                node: net.socket(SocketType::Dealer),
                pipes: None,
                message: 0,
                part: 0,
                torn: false,
                last_received: None,
            })
            .collect();
        let _ = net.set(receiver, Setting::Subscribe(b""));
        Self { net, kind, receiver, senders, owed: BTreeSet::new(), dropped: BTreeSet::new(), current: None }
    }

    fn step(&mut self, op: &Op) {
        match *op {
            Op::Join(s, hwm) => self.join(s, hwm),
            Op::LeftBySender(s) => {
                if let Some((at_sender, _)) = self.senders[s].pipes.take() {
                    self.senders[s].torn |= self.senders[s].part > 0;
                    self.net.disconnect(self.senders[s].node, at_sender);
                }
            }
            // What a label read belongs to cannot be taken back.
            Op::LeftByReceiver(_) if self.kind == SocketType::Router => {}
            Op::LeftByReceiver(s) => {
                if let Some((_, at_receiver)) = self.senders[s].pipes.take() {
                    self.senders[s].torn |= self.senders[s].part > 0;
                    self.net.disconnect(self.receiver, at_receiver);
                    let of_this = |owed: &(usize, u16)| owed.0 == s;
                    self.dropped.extend(self.owed.extract_if(.., of_this));
                    self.current = self.current.filter(|current| current.0 != s);
                }
            }
            Op::Send(more, s) => self.send(more, s),
            Op::Receive(0) => _ = self.net.ready(self.receiver),
            Op::Receive(_) => _ = self.receive(),
        }
    }

    fn join(&mut self, s: usize, hwm: u32) {
        // A pipe that the sender dropped may be unread still, and the receiver may drop only what is its peer's.
        let is_read = !self.owed.iter().any(|(sender, _)| *sender == s)
            && self.current.is_none_or(|current| current.0 != s);
        let sender = &mut self.senders[s];
        if sender.pipes.is_none() && is_read {
            let join = Join { there: hwm, id: IDS[s], ..Join::default() };
            sender.pipes = Some(self.net.join_with(sender.node, self.receiver, join));
        }
    }

    fn send(&mut self, more: bool, s: usize) {
        let sender = &mut self.senders[s];
        let [high, low] = sender.message.to_be_bytes();
        let body = [s as u8 + b'0', high, low, sender.part];
        match self.net.send_frame(sender.node, &body, more) {
            Ok(()) if more => sender.part += 1,
            Ok(()) => {
                if !sender.torn {
                    self.owed.insert((s, sender.message));
                }
                sender.message += 1;
                sender.part = 0;
                sender.torn = false;
            }
            Err(error) => assert_eq!((error, sender.part), (Error::Again, 0)),
        }
    }

    fn receive(&mut self) -> bool {
        let Ok((mut body, mut more)) = self.net.recv_frame(self.receiver) else { return false };
        if self.kind == SocketType::Router && self.current.is_none() {
            let label = body;
            (body, more) = self.net.recv_frame(self.receiver).unwrap();
            assert_eq!(label[..], body[..1]);
        }
        let (s, message, part) =
            (usize::from(body[0] - b'0'), u16::from_be_bytes([body[1], body[2]]), body[3]);
        match self.current {
            Some((sender, number, before)) => assert_eq!((sender, number, before + 1), (s, message, part)),
            None => {
                assert_eq!(part, 0);
                assert!(self.senders[s].last_received.is_none_or(|last| last < message));
                self.senders[s].last_received = Some(message);
                assert!(self.owed.remove(&(s, message)) || self.dropped.remove(&(s, message)));
            }
        }
        self.current = more.then_some((s, message, part));
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

    #[test]
    fn a_socket_receives_whole_messages_and_all_of_them(
        kind in prop_oneof![
            Just(SocketType::Pull), Just(SocketType::Dealer), Just(SocketType::Sub), Just(SocketType::Xsub),
            Just(SocketType::Router)
        ],
        ops in proptest::collection::vec(op(), 1..120),
    ) {
        let mut run = Gathering::new(kind);
        for op in &ops {
            run.step(op);
        }
        while run.receive() {}
        prop_assert!(run.owed.is_empty(), "{:?}", run.owed);
        prop_assert_eq!(run.current, None);
        let joined = run.senders.iter().filter(|s| s.pipes.is_some()).count();
        prop_assert_eq!(run.net.peers(run.receiver), joined);
    }
}
