//! What the typed sockets are made of: each offers those of [`Socket`]'s functions that its kind has.

use ferrozmq_runtime::ProxySocket;

use crate::{Result, SocketType};
use sealed::MemberOf;

/// Every socket: what a [`Poller`](crate::Poller) can watch.
///
/// ```
/// use ferrozmq::{Context, Interest, Poller, Watchable};
/// use std::time::Duration;
///
/// fn is_ready(socket: &impl Watchable) -> ferrozmq::Result<bool> {
///     let mut poller = Poller::new();
///     poller.add(socket, (), Interest::READABLE)?;
///     Ok(!poller.wait(Duration::ZERO)?.is_empty())
/// }
///
/// let ctx = Context::new();
/// let tasks = ctx.pull().bind("inproc://tasks")?;
/// assert!(!is_ready(&tasks)?);
/// ctx.push().connect("inproc://tasks")?.send("task")?;
/// assert!(is_ready(&tasks)?);
/// # Ok::<(), ferrozmq::Error>(())
/// ```
pub trait Watchable: sealed::Watch {}

/// Every socket of one thread: what a [`proxy`](crate::proxy) can use if it is borrowed for that time.
///
/// ```
/// use ferrozmq::{Context, Owned};
///
/// fn pass(from: &mut impl Owned, to: &mut impl Owned) -> ferrozmq::Result<()> {
///     ferrozmq::proxy(from, to).run()
/// }
///
/// let ctx = Context::new();
/// let (mut inlet, mut outlet) = (ctx.pull().bind("inproc://in")?, ctx.push().bind("inproc://out")?);
/// ctx.shutdown();
/// assert_eq!(pass(&mut inlet, &mut outlet), Err(ferrozmq::Error::Terminated));
/// # Ok::<(), ferrozmq::Error>(())
/// ```
pub trait Owned: Watchable + sealed::Inside {}

/// What a [`proxy`](crate::proxy) can use: a socket of one thread as `&mut`, one for many threads as `&`.
///
/// ```
/// use ferrozmq::{Context, Proxied};
///
/// fn pass<'a>(from: impl Proxied<'a>, to: impl Proxied<'a>) -> ferrozmq::Result<()> {
///     ferrozmq::proxy(from, to).run()
/// }
///
/// let ctx = Context::new();
/// let (inlet, mut outlet) = (ctx.gather().bind("inproc://in")?, ctx.push().bind("inproc://out")?);
/// ctx.shutdown();
/// assert_eq!(pass(&inlet, &mut outlet), Err(ferrozmq::Error::Terminated));
/// # Ok::<(), ferrozmq::Error>(())
/// ```
pub trait Proxied<'a>: sealed::Join<'a> {}

impl<'a, T: Owned> Proxied<'a> for &'a mut T {}

impl<'a, T: Owned> sealed::Join<'a> for &'a mut T {
    fn member(self) -> sealed::Member<'a> {
        sealed::Member::own(self.inside_mut())
    }
}

impl<'a> sealed::Member<'a> {
    pub(crate) fn own(socket: &'a mut crate::Socket) -> Self {
        Self(MemberOf::One(socket))
    }

    pub(crate) fn shared(socket: &'a crate::socket::shared::Shared) -> Self {
        Self(MemberOf::Many(socket))
    }

    /// Another socket of the same context, which no interrupt ends.
    pub(crate) fn sibling(&self, kind: SocketType) -> Result<crate::Socket> {
        match &self.0 {
            MemberOf::One(socket) => socket.sibling(kind),
            MemberOf::Many(shared) => shared.sibling(kind),
        }
    }

    /// Runs `f` on what a proxy sees of it.
    pub(crate) fn with<R>(
        self,
        f: impl FnOnce(ProxySocket<'_>) -> ferrozmq_base::Result<R>,
    ) -> ferrozmq_base::Result<R> {
        match self.0 {
            MemberOf::One(socket) => socket.with(|core| f(ProxySocket::Own(core))),
            MemberOf::Many(shared) => f(ProxySocket::Shared(shared.inside())),
        }
    }
}

pub(crate) mod sealed {
    use std::sync::{Mutex, Weak};

    use ferrozmq_runtime::{SharedSocket, SocketCore};

    use super::Result;

    /// What a core is to its poller.
    #[derive(Clone)]
    pub enum Watched {
        /// Of one thread.
        Own(Weak<Mutex<SocketCore>>),
        /// Of many.
        Shared(Weak<SharedSocket>),
    }

    impl Watched {
        pub(crate) fn is_alive(&self) -> bool {
            match self {
                Self::Own(core) => core.strong_count() > 0,
                Self::Shared(socket) => socket.strong_count() > 0,
            }
        }

        pub(crate) fn is_same(&self, other: &Self) -> bool {
            match (self, other) {
                (Self::Own(a), Self::Own(b)) => a.ptr_eq(b),
                (Self::Shared(a), Self::Shared(b)) => a.ptr_eq(b),
                _ => false,
            }
        }
    }

    /// A socket that a builder makes.
    pub trait Typed: Sized {
        /// The typed socket on the one that was made.
        fn from_socket(socket: crate::Socket) -> Result<Self>;
    }

    pub trait Watch {
        fn watch(&self) -> Result<Watched>;
    }

    pub trait Inside {
        fn inside_mut(&mut self) -> &mut crate::Socket;
    }

    /// What a proxy takes.
    #[derive(Debug)]
    pub struct Member<'a>(pub(super) MemberOf<'a>);

    #[derive(Debug)]
    pub(super) enum MemberOf<'a> {
        /// One thread.
        One(&'a mut crate::Socket),
        /// Many.
        Many(&'a crate::socket::shared::Shared),
    }

    pub trait Join<'a> {
        fn member(self) -> Member<'a>;
    }
}

impl sealed::Typed for crate::Socket {
    fn from_socket(socket: crate::Socket) -> Result<Self> {
        Ok(socket)
    }
}

impl Watchable for crate::Socket {}

impl Owned for crate::Socket {}

impl sealed::Watch for crate::Socket {
    fn watch(&self) -> Result<sealed::Watched> {
        Self::watch(self)
    }
}

impl sealed::Inside for crate::Socket {
    fn inside_mut(&mut self) -> &mut crate::Socket {
        self
    }
}

/// A type of socket, with what all have.
macro_rules! socket {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name(pub(crate) $crate::Socket);

        impl $name {
            /// Accepts peers at a further endpoint.
            ///
            /// See the example of [`Socket::bind`](crate::Socket::bind).
            ///
            /// # Errors
            /// [`Error::Endpoint`](crate::Error::Endpoint) says what is wrong with it.
            #[doc(alias = "zmq_bind")]
            pub fn bind(&mut self, endpoint: impl AsRef<str>) -> $crate::Result<()> {
                self.0.bind(endpoint)
            }

            /// Connects to a further endpoint, now or as soon as somebody is there.
            ///
            /// See the example of [`Socket::bind`](crate::Socket::bind).
            ///
            /// # Errors
            /// [`Error::Endpoint`](crate::Error::Endpoint) says what is wrong with it.
            #[doc(alias = "zmq_connect")]
            pub fn connect(&mut self, endpoint: impl AsRef<str>) -> $crate::Result<()> {
                self.0.connect(endpoint)
            }

            /// Ends what `bind` began, and the connections that came through it.
            ///
            /// See the example of [`Socket::bind`](crate::Socket::bind).
            ///
            /// # Errors
            /// [`Error::Endpoint`](crate::Error::Endpoint) if it was not bound.
            #[doc(alias = "zmq_unbind")]
            pub fn unbind(&mut self, endpoint: impl AsRef<str>) -> $crate::Result<()> {
                self.0.unbind(endpoint)
            }

            /// Ends what `connect` began.
            ///
            /// See the example of [`Socket::bind`](crate::Socket::bind).
            ///
            /// # Errors
            /// [`Error::Endpoint`](crate::Error::Endpoint) if it was not connected.
            #[doc(alias = "zmq_disconnect")]
            pub fn disconnect(&mut self, endpoint: impl AsRef<str>) -> $crate::Result<()> {
                self.0.disconnect(endpoint)
            }

            /// The endpoint bound or connected last, with the port that the system chose; empty if there was none.
            ///
            /// See the example of [`Socket::bind`](crate::Socket::bind).
            #[doc(alias = "ZMQ_LAST_ENDPOINT")]
            pub fn last_endpoint(&self) -> &str {
                self.0.last_endpoint()
            }

            /// Tells what happens on the socket's connections from now on, in place of an earlier monitor.
            ///
            /// See the example of [`Monitor`](crate::Monitor).
            ///
            /// # Errors
            /// [`Error::TooManyFiles`](crate::Error::TooManyFiles), [`Error::Terminated`](crate::Error::Terminated).
            #[doc(alias = "zmq_socket_monitor")]
            pub fn monitor(&mut self) -> $crate::Result<$crate::Monitor> {
                self.0.monitor()
            }

            /// What has become of the socket's messages so far.
            ///
            /// See the example of [`Stats`](crate::Stats).
            ///
            /// # Errors
            /// [`Error::Terminated`](crate::Error::Terminated).
            pub fn stats(&mut self) -> $crate::Result<$crate::Stats> {
                self.0.stats()
            }

            /// Closes the socket. Returns at once; what was sent still goes out for up to `deadline`, for which
            /// whatever goes last of the context waits.
            ///
            /// See the example of [`Socket::close_within`](crate::Socket::close_within).
            #[doc(alias = "ZMQ_LINGER")]
            pub fn close_within(self, deadline: std::time::Duration) {
                self.0.close_within(deadline);
            }
        }

        impl $crate::socket::Typed for $name {
            fn from_socket(socket: $crate::Socket) -> $crate::Result<Self> {
                Ok(Self(socket))
            }
        }

        impl $crate::socket::Watchable for $name {}

        impl $crate::socket::Owned for $name {}

        impl $crate::socket::typed::sealed::Watch for $name {
            fn watch(&self) -> $crate::Result<$crate::socket::Watched> {
                self.0.watch()
            }
        }

        impl $crate::socket::typed::sealed::Inside for $name {
            fn inside_mut(&mut self) -> &mut $crate::Socket {
                &mut self.0
            }
        }

        impl From<$name> for $crate::Socket {
            fn from(socket: $name) -> Self {
                socket.0
            }
        }
    };
}

/// The type can send whenever there is room.
macro_rules! sends {
    ($name:ident) => {
        impl $name {
            /// Sends a message; waits while there is no room for it.
            ///
            /// See the example of [`Push`](crate::Push).
            ///
            /// # Errors
            /// The error has the message: [`Error::Again`](crate::Error::Again) once the send timeout has passed,
            /// [`Error::Terminated`](crate::Error::Terminated), [`Error::Interrupted`](crate::Error::Interrupted).
            #[inline]
            #[doc(alias = "zmq_send")]
            pub fn send<M: IntoMultipart>(&mut self, message: M) -> Result<(), SendError<M::Whole>> {
                self.0.send(message)
            }

            /// Sends a message if there is room for it.
            ///
            /// See the example of [`Push`](crate::Push).
            ///
            /// # Errors
            /// [`Error::Again`](crate::Error::Again) if there is none. The error has the message.
            #[inline]
            #[doc(alias = "ZMQ_DONTWAIT")]
            pub fn try_send<M: IntoMultipart>(&mut self, message: M) -> Result<(), SendError<M::Whole>> {
                self.0.try_send(message)
            }
        }
    };
}

/// The type can receive whenever there is a message.
macro_rules! receives {
    ($name:ident) => {
        impl $name {
            /// Receives the next message; waits for it. It is expected to have one frame: further ones are dropped.
            /// [`recv_multipart`](Self::recv_multipart) receives them all.
            ///
            /// See the example of [`Push`](crate::Push).
            ///
            /// # Errors
            /// [`Error::Again`](crate::Error::Again) once the receive timeout has passed,
            /// [`Error::Terminated`](crate::Error::Terminated), [`Error::Interrupted`](crate::Error::Interrupted).
            #[inline]
            #[doc(alias = "zmq_recv")]
            pub fn recv(&mut self) -> Result<Message> {
                self.0.recv()
            }

            /// As [`recv`](Self::recv), in place of a message that is there already and is dropped: for those who
            /// receive many, since nothing is moved.
            ///
            /// See the example of [`Socket::recv_into`](crate::Socket::recv_into).
            ///
            /// # Errors
            /// As [`recv`](Self::recv). The message is as it was.
            #[inline]
            #[doc(alias = "zmq_msg_recv")]
            pub fn recv_into(&mut self, message: &mut Message) -> Result<()> {
                self.0.recv_into(message)
            }

            /// As [`recv`](Self::recv), if there is a message.
            ///
            /// See the example of [`Push`](crate::Push).
            ///
            /// # Errors
            /// [`Error::Again`](crate::Error::Again) if there is none.
            #[inline]
            pub fn try_recv(&mut self) -> Result<Message> {
                self.0.try_recv()
            }

            /// Receives all frames of the next message; waits for it.
            ///
            /// See the example of [`Push`](crate::Push).
            ///
            /// # Errors
            /// As [`recv`](Self::recv).
            pub fn recv_multipart(&mut self) -> Result<Multipart> {
                self.0.recv_multipart()
            }

            /// Receives all frames of the next message, if there is one.
            ///
            /// See the example of [`Push`](crate::Push).
            ///
            /// # Errors
            /// [`Error::Again`](crate::Error::Again) if there is none.
            pub fn try_recv_multipart(&mut self) -> Result<Multipart> {
                self.0.try_recv_multipart()
            }
        }
    };
}

pub(crate) use {receives, sends, socket};
