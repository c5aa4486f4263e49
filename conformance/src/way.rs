//! Two sockets of draft types, and how a message passes from one to the other.

use crate::draft::Draft;
use crate::msg::Msg;
use crate::socket::{Ctx, Sock, Transport, join};
use crate::subject::Result;
use crate::{wait, zmq};

/// From which type to which.
pub const WAYS: [(i32, i32); 6] = [
    (zmq::CLIENT, zmq::SERVER),
    (zmq::SERVER, zmq::CLIENT),
    (zmq::SCATTER, zmq::GATHER),
    (zmq::CHANNEL, zmq::CHANNEL),
    (zmq::PEER, zmq::PEER),
    (zmq::RADIO, zmq::DISH),
];

/// The group of what passes from a RADIO to a DISH.
pub const GROUP: &str = "group";

/// Two sockets that have found each other.
pub struct Way {
    /// The functions.
    pub draft: Draft,
    /// Who sends.
    pub from: Sock,
    /// Who receives.
    pub to: Sock,
    /// Of `to`, for `from`.
    pub number: Option<u32>,
}

impl Way {
    /// Joins the two; `prepare` sees both before.
    pub fn new(
        draft: Draft,
        (from, to): (i32, i32),
        transport: Transport,
        prepare: impl Fn(&Sock, &Sock),
    ) -> Self {
        let ctx = Ctx::new();
        let mut way = Self { draft, from: ctx.socket(from), to: ctx.socket(to), number: None };
        prepare(&way.from, &way.to);
        match from {
            zmq::PEER => {
                let endpoint = way.to.bind_any(transport);
                way.number = Some(draft.connect_peer(&way.from, &endpoint).unwrap());
                way.send("-").unwrap();
                way.to.expect("-");
            }
            zmq::SERVER => {
                join(&way.from, &way.to, transport);
                way.to.send("-");
                way.number = Some(draft.recv_from(&way.from).unwrap().0);
            }
            zmq::RADIO => {
                draft.join(&way.to, GROUP).unwrap();
                join(&way.from, &way.to, transport);
                way.until_joined();
            }
            _ => drop(join(&way.to, &way.from, transport)),
        }
        way
    }

    /// A message that finds its way.
    pub fn message(&self, body: impl AsRef<[u8]>) -> Msg {
        let mut msg = Msg::copy_of(self.draft.library(), body);
        if let Some(number) = self.number {
            self.draft.set_routing_id(&mut msg, number).unwrap();
        }
        if self.from.option(zmq::TYPE) == Ok(zmq::RADIO) {
            self.draft.set_group(&mut msg, GROUP).unwrap();
        }
        msg
    }

    /// Sends one.
    pub fn send(&self, body: impl AsRef<[u8]>) -> Result<()> {
        self.message(body).send(&self.from, 0).map(drop)
    }

    /// Sends one if there is room.
    pub fn try_send(&self, body: impl AsRef<[u8]>) -> Result<()> {
        self.message(body).send(&self.from, zmq::DONTWAIT).map(drop)
    }

    /// Receives one.
    pub fn recv(&self) -> Msg {
        let mut msg = Msg::empty(self.draft.library());
        msg.recv(&self.to, 0).expect("a message");
        msg
    }

    /// Sends until there is no room; how many there was room for. With limits that were set before.
    #[track_caller]
    pub fn fill(&self, body: &[u8]) -> usize {
        let sent = (0..1000).take_while(|_| self.try_send(body).is_ok()).count();
        assert!(sent < 1000, "no limit");
        sent
    }

    /// Small limits, where a message waits for room instead of being dropped.
    pub fn narrow(from: &Sock, to: &Sock) {
        for sock in [from, to] {
            sock.set(zmq::SNDHWM, 2).expect("SNDHWM");
            sock.set(zmq::RCVHWM, 2).expect("RCVHWM");
            sock.set(zmq::SNDBUF, 4096).expect("SNDBUF");
            sock.set(zmq::RCVBUF, 4096).expect("RCVBUF");
        }
        if from.option(zmq::TYPE) == Ok(zmq::RADIO) {
            from.set(zmq::XPUB_NODROP, 1).expect("XPUB_NODROP");
        }
    }

    /// The DISH hears of what the RADIO sends, and has received all of it.
    #[track_caller]
    fn until_joined(&self) {
        wait::until("a message to the group", || {
            self.send("-").unwrap();
            self.to.recv_frame(zmq::DONTWAIT).is_ok()
        });
        self.send("last").unwrap();
        while self.recv().body() != b"last" {}
    }
}
