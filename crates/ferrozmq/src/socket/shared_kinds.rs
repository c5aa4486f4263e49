//! One type per kind of socket for many threads (RFC 41, 48, 49, 51, 52). Their messages have one frame.

use std::{fmt, num::NonZeroU32, time::Duration};

use ferrozmq_base::{Error as Code, Msg};
use ferrozmq_runtime::SocketCore;

use super::shared::{shared_receives, shared_sends, shared_socket};
use crate::{Error, Message, Result, SendError};

/// The number by which a [`Server`] or [`Peer`] knows a peer. It is the socket's own: no other one knows it.
///
/// ```
/// let ctx = ferrozmq::Context::new();
/// let server = ctx.server().bind("inproc://numbers")?;
/// let client = ctx.client().connect("inproc://numbers")?;
/// client.send("who am I?")?;
/// let (peer, _question) = server.recv_from()?;
/// server.send_to(peer, peer.number().to_string())?;
/// assert_eq!(client.recv()?, peer.to_string());
/// # Ok::<(), ferrozmq::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(NonZeroU32);

impl PeerId {
    /// As `zmq_msg_routing_id` has it. See [`PeerId`].
    #[doc(alias = "zmq_msg_routing_id")]
    pub const fn number(self) -> u32 {
        self.0.get()
    }

    pub(crate) fn from_number(number: u32) -> Option<Self> {
        NonZeroU32::new(number).map(Self)
    }
}

impl fmt::Display for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn peer_id(number: u32) -> Result<PeerId> {
    // Every message of a SERVER or PEER has one.
    PeerId::from_number(number).ok_or(Error::Protocol)
}

shared_socket! {
    /// Sends to its servers in turn and receives from all (CLIENT): a [`Dealer`](crate::Dealer) for many threads, of
    /// messages of one frame. It speaks with [`Server`]s.
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let server = ctx.server().bind("tcp://127.0.0.1:*")?;
    /// let client = ctx.client().connect(server.last_endpoint())?;
    ///
    /// std::thread::scope(|threads| -> ferrozmq::Result<()> {
    ///     let answers = threads.spawn(|| client.recv());      // while this thread waits ...
    ///     client.send("Hello")?;                              // ... others send
    ///     let (peer, request) = server.recv_from()?;
    ///     assert_eq!(request, "Hello");
    ///     server.send_to(peer, "World")?;
    ///     assert_eq!(answers.join().unwrap()?, "World");
    ///     Ok(())
    /// })?;
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_CLIENT")]
    Client
}
shared_sends!(Client);
shared_receives!(Client);

shared_socket! {
    /// Answers its clients, each by its number, in any order and from any thread (SERVER).
    ///
    /// ```
    /// use std::thread;
    ///
    /// let ctx = ferrozmq::Context::new();
    /// let server = ctx.server().bind("inproc://echo")?;
    /// thread::scope(|workers| -> ferrozmq::Result<()> {
    ///     for _ in 0..4 {
    ///         workers.spawn(|| -> ferrozmq::Result<()> {
    ///             let (peer, request) = server.recv_from()?;
    ///             Ok(server.send_to(peer, request)?)
    ///         });
    ///     }
    ///     let client = ctx.client().connect("inproc://echo")?;
    ///     for i in 0..4 {
    ///         client.send(format!("request {i}"))?;
    ///     }
    ///     for _ in 0..4 {
    ///         assert!(client.recv()?.starts_with(b"request "));
    ///     }
    ///     Ok(())
    /// })?;
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_SERVER")]
    Server
}

shared_socket! {
    /// Speaks with others of its kind, each by its number (PEER).
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let here = ctx.peer().bind("tcp://127.0.0.1:*")?;
    /// let there = ctx.peer().build()?;
    /// let peer = there.connect_peer(here.last_endpoint())?;
    /// there.send_to(peer, "Hello")?;                          // without having heard of it first
    /// let (back, greeting) = here.recv_from()?;
    /// assert_eq!(greeting, "Hello");
    /// here.send_to(back, "World")?;
    /// assert_eq!(there.recv_from()?, (peer, "World".into()));
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_PEER")]
    Peer
}

impl Peer {
    /// Connects to a peer, now or as soon as it is there, and tells its number. See [`Peer`].
    ///
    /// # Errors
    /// [`Error::Endpoint`] says what is wrong with the endpoint, or that the socket connects only to peers that are there
    /// ([`immediate`](crate::Builder::immediate)), whose numbers are not known before.
    #[doc(alias = "zmq_connect_peer")]
    pub fn connect_peer(&self, endpoint: impl AsRef<str>) -> Result<PeerId> {
        peer_id(self.0.at(endpoint.as_ref(), SocketCore::connect_peer)?)
    }
}

macro_rules! numbers_its_peers {
    ($name:ident) => {
        impl $name {
            /// Receives the next message and the number of its sender; waits for it. Of several threads that wait one gets
            /// it. See [`Server`].
            ///
            /// # Errors
            /// [`Error::Again`] once the receive timeout has passed, [`Error::Terminated`], [`Error::Interrupted`].
            #[doc(alias = "zmq_recv")]
            pub fn recv_from(&self) -> Result<(PeerId, Message)> {
                let message = self.0.recv(false)?;
                Ok((peer_id(message.0.routing_id())?, message))
            }

            /// Receives the next message, if there is one.
            ///
            /// ```
            /// # use ferrozmq::{Context, Error};
            /// let server = Context::new().server().bind("inproc://quiet")?;
            /// assert_eq!(server.try_recv_from(), Err(Error::Again));
            /// # Ok::<(), Error>(())
            /// ```
            ///
            /// # Errors
            /// [`Error::Again`] if there is none.
            pub fn try_recv_from(&self) -> Result<(PeerId, Message)> {
                let message = self.0.recv(true)?;
                Ok((peer_id(message.0.routing_id())?, message))
            }

            /// Sends a message of one frame to this peer; waits while there is no room for it. See [`Server`].
            ///
            /// # Errors
            /// The error has the message: [`Error::HostUnreachable`] if the peer is gone; [`Error::Again`] once the send
            /// timeout has passed, [`Error::Terminated`], [`Error::Interrupted`].
            #[doc(alias = "zmq_send")]
            pub fn send_to(
                &self,
                peer: PeerId,
                message: impl Into<Message>,
            ) -> Result<(), SendError<Message>> {
                let mut message = message.into();
                message.0.set_routing_id(peer.number());
                self.0.send(message, false)
            }

            /// As [`send_to`](Self::send_to), without waiting for room.
            ///
            /// ```
            /// # use ferrozmq::{Context, Error};
            /// let peer = Context::new().peer().send_hwm(1).build()?;
            /// let nobody = peer.connect_peer("inproc://nobody-yet")?;
            /// peer.try_send_to(nobody, "waits for it")?;
            /// assert_eq!(peer.try_send_to(nobody, "too much").unwrap_err().error(), Error::Again);
            /// # Ok::<(), Error>(())
            /// ```
            ///
            /// # Errors
            /// As [`send_to`](Self::send_to); [`Error::Again`] if there is no room.
            pub fn try_send_to(
                &self,
                peer: PeerId,
                message: impl Into<Message>,
            ) -> Result<(), SendError<Message>> {
                let mut message = message.into();
                message.0.set_routing_id(peer.number());
                self.0.send(message, true)
            }

            /// Ends the connection to this peer. What it sent and nobody received is dropped; what was sent to it
            /// lingers.
            ///
            /// ```
            /// # use ferrozmq::{Context, Error};
            /// let ctx = Context::new();
            /// let server = ctx.server().bind("inproc://club")?;
            /// let client = ctx.client().connect("inproc://club")?;
            /// client.send("Hello")?;
            /// let (peer, _) = server.recv_from()?;
            /// server.disconnect_peer(peer)?;
            /// assert_eq!(server.send_to(peer, "?").unwrap_err().error(), Error::HostUnreachable);
            /// # Ok::<(), Error>(())
            /// ```
            ///
            /// # Errors
            /// [`Error::HostUnreachable`] if it is gone.
            #[doc(alias = "zmq_disconnect_peer")]
            pub fn disconnect_peer(&self, peer: PeerId) -> Result<()> {
                self.0.with(|core| core.disconnect_peer(peer.number()))
            }
        }
    };
}

numbers_its_peers!(Server);
numbers_its_peers!(Peer);

shared_socket! {
    /// Sends messages to groups: each goes to every [`Dish`] that joined its group (RADIO). Never waits: a peer whose
    /// queue is full misses the message, unless the socket is [`no_drop`](crate::Builder::no_drop).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let ctx = ferrozmq::Context::new();
    /// let radio = ctx.radio().bind("tcp://127.0.0.1:*")?;
    /// let dish = ctx.dish().join("weather").connect(radio.last_endpoint())?;
    /// radio.wait_for_members(1, Duration::from_secs(5))?;
    /// radio.send_to_group("sports", "nobody joined")?;
    /// radio.send_to_group("weather", "21 C")?;
    /// let message = dish.recv()?;
    /// assert_eq!((message.group(), message.as_str()), (&b"weather"[..], Ok("21 C")));
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    ///
    /// Over udp it is the RADIO that connects, to an address or a multicast group, and hears nothing of its peers; a
    /// message has up to 8,191 bytes, its group included.
    /// ```
    /// # let ctx = ferrozmq::Context::new();
    /// let dish = ctx.dish().join("weather").bind("udp://127.0.0.1:*")?;
    /// let radio = ctx.radio().connect(dish.last_endpoint())?;
    /// radio.send_to_group("weather", "21 C")?;
    /// assert_eq!(dish.recv()?, "21 C");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_RADIO")]
    Radio
}

impl Radio {
    /// Sends a message of one frame to a group, of up to 255 bytes. See [`Radio`].
    ///
    /// # Errors
    /// The error has the message: [`Error::InvalidArgument`] for a longer group, [`Error::MessageTooLong`] for a message
    /// that is too long for one of its udp endpoints, and is not sent to the others either, [`Error::Terminated`].
    #[doc(alias = "zmq_msg_set_group")]
    pub fn send_to_group(
        &self,
        group: impl AsRef<[u8]>,
        message: impl Into<Message>,
    ) -> Result<(), SendError<Message>> {
        self.send(group.as_ref(), message.into(), false)
    }

    /// As [`send_to_group`](Self::send_to_group), without waiting for room, which only a
    /// [`no_drop`](crate::Builder::no_drop) socket does.
    ///
    /// ```
    /// # use ferrozmq::{Context, Error};
    /// let ctx = Context::new();
    /// let radio = ctx.radio().no_drop(true).send_hwm(1).bind("inproc://full")?;
    /// let dish = ctx.dish().join("a").receive_hwm(1).connect("inproc://full")?;
    /// radio.try_send_to_group("a", "1")?;
    /// radio.try_send_to_group("a", "2")?;
    /// assert_eq!(radio.try_send_to_group("a", "3").unwrap_err().error(), Error::Again);
    /// assert_eq!(dish.recv()?, "1");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`send_to_group`](Self::send_to_group); [`Error::Again`] if there is no room.
    pub fn try_send_to_group(
        &self,
        group: impl AsRef<[u8]>,
        message: impl Into<Message>,
    ) -> Result<(), SendError<Message>> {
        self.send(group.as_ref(), message.into(), true)
    }

    fn send(&self, group: &[u8], mut message: Message, dont_wait: bool) -> Result<(), SendError<Message>> {
        if group.len() > Msg::GROUP_MAX {
            return Err(SendError::new(message, Code::InvalidArgument));
        }
        message.0.set_group(group);
        self.0.send(message, dont_wait)
    }

    /// Waits until this many peers have joined a group: a peer that has just connected would miss what is sent before. See
    /// [`Radio`].
    ///
    /// # Errors
    /// [`Error::Again`] once the timeout has passed; [`Error::Terminated`], [`Error::Interrupted`].
    pub fn wait_for_members(&self, count: usize, timeout: Duration) -> Result<()> {
        self.0.wait_until(timeout, |core| core.subscribers() >= count)
    }

    /// How many peers have joined a group. See [`Dish::join`].
    ///
    /// # Errors
    /// [`Error::Terminated`].
    pub fn members(&self) -> Result<usize> {
        self.0.with(|core| core.events().map(|_| core.subscribers()))
    }
}

shared_socket! {
    /// Receives the messages of the groups that it joined (DISH). See [`Radio`] for an example.
    #[doc(alias = "ZMQ_DISH")]
    Dish
}
shared_receives!(Dish);

impl Dish {
    /// Receives messages of this group, of up to 255 bytes, from now on.
    ///
    /// ```
    /// # use ferrozmq::{Context, Error};
    /// let ctx = Context::new();
    /// let radio = ctx.radio().bind("inproc://joined")?;
    /// let dish = ctx.dish().connect("inproc://joined")?;
    /// assert_eq!(radio.members(), Ok(0));
    /// dish.join("weather")?;
    /// assert_eq!((radio.members(), dish.join("weather")), (Ok(1), Err(Error::InvalidArgument)));
    /// dish.leave("weather")?;
    /// assert_eq!(radio.members(), Ok(0));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if it was joined before, or is longer.
    #[doc(alias = "zmq_join")]
    pub fn join(&self, group: impl AsRef<[u8]>) -> Result<()> {
        self.0.with(|core| core.join(group.as_ref()))
    }

    /// Receives messages of this group no more. See [`join`](Self::join).
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] if it was not joined.
    #[doc(alias = "zmq_leave")]
    pub fn leave(&self, group: impl AsRef<[u8]>) -> Result<()> {
        self.0.with(|core| core.leave(group.as_ref()))
    }
}

shared_socket! {
    /// The start of a pipeline for many threads: each message, of one frame, goes to one [`Gather`], in turn (SCATTER).
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let results = ctx.gather().bind("inproc://results")?;
    /// let outlet = ctx.scatter().connect("inproc://results")?;
    /// std::thread::scope(|threads| {
    ///     for i in 0..3 {
    ///         let outlet = &outlet;
    ///         threads.spawn(move || outlet.send(format!("result {i}")));
    ///     }
    /// });
    /// for _ in 0..3 {
    ///     assert!(results.recv()?.starts_with(b"result "));
    /// }
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_SCATTER")]
    Scatter
}
shared_sends!(Scatter);

shared_socket! {
    /// The end of a pipeline for many threads: receives from all its peers (GATHER). See [`Scatter`] for an example.
    #[doc(alias = "ZMQ_GATHER")]
    Gather
}
shared_receives!(Gather);

shared_socket! {
    /// A socket for exactly one peer and many threads, of messages of one frame (CHANNEL).
    ///
    /// ```
    /// let ctx = ferrozmq::Context::new();
    /// let here = ctx.channel().bind("inproc://step")?;
    /// let there = ctx.channel().connect("inproc://step")?;
    /// std::thread::spawn(move || there.send("ready"));
    /// assert_eq!(here.recv()?, "ready");
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_CHANNEL")]
    Channel
}
shared_sends!(Channel);
shared_receives!(Channel);
