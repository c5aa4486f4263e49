#![forbid(unsafe_code)]
//! ZeroMQ: sockets that carry messages between threads, processes and machines, in patterns.
//!
//! ```
//! use ferrozmq::Context;
//!
//! let ctx = Context::new();
//! let mut replies = ctx.rep().bind("tcp://127.0.0.1:*")?;             // options first, then bind or connect
//! let endpoint = replies.last_endpoint().to_owned();                  // tcp://127.0.0.1:49213
//!
//! std::thread::spawn(move || -> ferrozmq::Result<()> {
//!     let request = replies.recv()?;                                  // derefs to [u8]
//!     println!("{}", request.as_str().unwrap_or("<binary>"));
//!     Ok(replies.send("World")?)
//! });
//!
//! let mut requests = ctx.req().connect(endpoint)?;
//! assert_eq!(requests.send("Hello")?.recv()?, "World");
//! # Ok::<(), ferrozmq::Error>(())
//! ```
//!
//! # Sockets
//!
//! A [`Context`] makes them: [`Req`] and [`Rep`], [`Dealer`] and [`Router`] for questions and answers; [`Publisher`]
//! and [`Subscriber`], [`Xpub`] and [`Xsub`] for news; [`Push`] and [`Pull`] for work; [`Pair`] between threads;
//! [`Stream`] for raw tcp, [`Dgram`] for udp; and [`Socket`] for tools that choose the kind at run time. A type has what
//! its pattern allows: a publisher does not receive, a request is answered before the next.
//!
//! A socket belongs to one thread at a time: it is `Send`, and everything takes `&mut self`. The context is
//! `Clone + Send + Sync`.
//!
//! For many threads at once, with messages of one frame, there are [`Client`], [`Server`] and [`Peer`], [`Radio`] and
//! [`Dish`], [`Scatter`] and [`Gather`], and [`Channel`]: they are `Sync`, and everything takes `&self`. While a thread
//! waits on one of them, others send and receive.
//!
//! # Endpoints
//!
//! One side [binds](Builder::bind), the other [connects](Builder::connect), in any order; connections that are lost are
//! made again.
//!
//! | Endpoint | Reaches |
//! |---|---|
//! | `tcp://host:port` | other machines; to bind, the host may be `*`, and the port `*` for a free one |
//! | `ipc:///path`, `ipc://@name` | other processes; the latter leaves no file behind |
//! | `inproc://name` | other sockets of the same context |
//! | `udp://host:port`, `udp://interface;group:port` | by datagrams, for [`Radio`], [`Dish`] and [`Dgram`] |
//! | `vsock://cid:port`, `tipc://{type,instance}` | a virtual machine's host, a cluster, where the kernel has them |
//!
//! Nothing is encrypted and everybody may connect, unless [`security`] says otherwise: keys, passwords, and who judges
//! them.
//!
//! # Messages
//!
//! Whatever is text or bytes can be sent; a tuple or an array is a [`Multipart`] message, which arrives whole or not at
//! all. What could not be sent [comes back](SendError::into_message).
//!
//! # Waiting
//!
//! Calls wait, unless they are named `try_`; timeouts are options. Signals do not end a call, an [`Interrupt`] does.
//! A [`Poller`] waits for several sockets, a [`Monitor`] for what happens on connections.
//!
//! # Defaults
//!
//! They are libzmq's, with these exceptions, each safer at no cost to the meaning of a program:
//!
//! | Setting | Here | libzmq | Option |
//! |---|---|---|---|
//! | Heartbeats | every 10 s, lost after 20 s, own ttl 30 s | off | [`heartbeat_interval`](Builder::heartbeat_interval), [`heartbeat_timeout`](Builder::heartbeat_timeout), [`heartbeat_ttl`](Builder::heartbeat_ttl) |
//! | Pause before a reconnect | 100 ms, doubled up to 10 s, with a random part | 100 ms | [`reconnect_interval`](Builder::reconnect_interval) |
//! | Peers of ZMTP 1 and 2 | refused | served | [`accept_old_versions`](Builder::accept_old_versions) |
//! | Longest handshake | 10 s | 30 s | [`handshake_limit`](Builder::handshake_limit) |
//! | Unsent messages of a dropped socket | sent for up to 1 s | for ever | [`linger`](Builder::linger), [`close_within`](Socket::close_within) |
//! | Peers of a CURVE server that nobody judges | refused | let in | [`Authenticator`](security::Authenticator) |
//! | Signals during a call | it goes on | EINTR | [`Interrupt`] |

mod builder;
mod context;
mod error;
mod interrupt;
mod message;
mod monitor;
mod multipart;
mod poller;
mod proxy;
pub mod security;
mod socket;
mod stats;

pub use builder::Builder;
pub use context::{Context, ContextBuilder};
pub use error::{EndpointError, Error, Result, SendError};
#[doc(inline)]
pub use ferrozmq_base::SocketType;
/// The answer of [`Socket::events`].
///
/// ```
/// use ferrozmq::{Context, Events, SocketType};
///
/// let ctx = Context::new();
/// let mut any = ctx.socket(SocketType::Pair).bind("inproc://step")?;
/// assert_eq!(any.events()?, Events { readable: false, writable: false });
/// ctx.pair().connect("inproc://step")?.send("ready")?;
/// assert!(any.events()?.readable);
/// # Ok::<(), ferrozmq::Error>(())
/// ```
#[doc(inline)]
pub use ferrozmq_runtime::Events;
pub use ferrozmq_runtime::{HandshakeFailure, SocksError};
pub use interrupt::Interrupt;
pub use message::{Message, RoutingId};
pub use monitor::{Monitor, MonitorEvent};
pub use multipart::{IntoMultipart, Multipart, Whole};
pub use poller::{Event, Interest, Poller};
pub use proxy::{Passed, Proxy, ProxyHandle, Side, proxy};
pub use socket::{
    Channel, Client, Dealer, Dgram, Dish, Gather, Owned, Pair, Peer, PeerId, Pending, Proxied, Publisher,
    Pull, Push, Radio, Rep, Req, Request, Router, Scatter, Server, Socket, Stream, Subscriber, Watchable,
    Xpub, Xsub,
};
pub use stats::{Dropped, PeerStats, Stats};

/// The guide and the README, whose examples are tests.
#[cfg(doctest)]
mod guide {
    #[doc = include_str!("../../../README.md")]
    mod readme {}
    #[doc = include_str!("../../../docs/guide/first-steps.md")]
    mod first_steps {}
    #[doc = include_str!("../../../docs/guide/patterns.md")]
    mod patterns {}
    #[doc = include_str!("../../../docs/guide/sending.md")]
    mod sending {}
    #[doc = include_str!("../../../docs/guide/waiting.md")]
    mod waiting {}
}
