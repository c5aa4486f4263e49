//! What the sockets for many threads are made of: everything takes `&self`.

use std::{fmt, sync::Arc, time::Duration};

use ferrozmq_base::{
    Error as Code, Msg,
    sync::{Mutex, lock},
};
use ferrozmq_runtime::{BindError, Flags, SharedSocket, SocketCore};

use super::{Core, Watched};
use crate::{
    Error, Interrupt, Message, Monitor, Result, SendError, Socket, SocketType, Stats,
    context::Shared as Context,
};

/// A socket for many threads, of a kind whose messages have one frame.
pub(crate) struct Shared {
    socket: Arc<SharedSocket>,
    interrupt: Option<Interrupt>,
    last_endpoint: Mutex<String>,
    /// Declared after the socket, so that it goes after it.
    context: Arc<Context>,
}

impl Shared {
    pub(super) fn new(socket: Socket) -> Result<Self> {
        let Socket { core, interrupt, last_endpoint, context, .. } = socket;
        let Core::Own(core) = core.into_inner() else { return Err(Error::NotASocket) };
        Ok(Self {
            socket: Arc::new(SharedSocket::new(*core)),
            interrupt,
            last_endpoint: Mutex::new(last_endpoint),
            context,
        })
    }

    pub(super) fn watch(&self) -> Watched {
        Watched::Shared(Arc::downgrade(&self.socket))
    }

    pub(super) fn with<R>(&self, f: impl FnOnce(&mut SocketCore) -> Result<R, Code>) -> Result<R> {
        Ok(self.socket.with(f)?)
    }

    pub(super) fn at<R>(
        &self,
        endpoint: &str,
        act: impl FnOnce(&mut SocketCore, &str) -> Result<R, BindError>,
    ) -> Result<R> {
        let result = self.socket.with(|core| {
            let result = act(core, endpoint);
            // Under the socket's lock: of two threads that bind, the later one's stays.
            core.last_endpoint().clone_into(&mut lock(&self.last_endpoint));
            Ok(result)
        })?;
        result.map_err(|e| Error::at_endpoint(endpoint, e))
    }

    pub(super) fn last_endpoint(&self) -> String {
        lock(&self.last_endpoint).clone()
    }

    /// Calls that may wait end at once while the interrupt is raised, also where they would not have to wait.
    fn check(&self, dont_wait: bool) -> Result<(), Code> {
        match &self.interrupt {
            Some(interrupt) if !dont_wait && interrupt.is_raised() => Err(Code::Interrupted),
            _ => Ok(()),
        }
    }

    pub(super) fn send(&self, mut message: Message, dont_wait: bool) -> Result<(), SendError<Message>> {
        let sent = self.check(dont_wait);
        let sent = sent.and_then(|()| self.socket.send(&mut message.0, Flags { dont_wait, more: false }));
        sent.map_err(|e| {
            // What was only for the way is not the caller's.
            message.0.set_routing_id(0);
            message.0.clear_group();
            SendError::new(message, e)
        })
    }

    pub(super) fn recv(&self, dont_wait: bool) -> Result<Message> {
        let mut m = Msg::new();
        self.check(dont_wait)?;
        self.socket.recv(&mut m, dont_wait)?;
        Ok(Message(m))
    }

    /// Waits until `done` says so.
    pub(super) fn wait_until(
        &self,
        timeout: Duration,
        done: impl FnMut(&mut SocketCore) -> bool,
    ) -> Result<()> {
        self.check(false)?;
        Ok(self.socket.wait_until(Some(timeout), done)?)
    }

    /// Another socket of the same context, which no interrupt ends.
    pub(super) fn sibling(&self, kind: SocketType) -> Result<Socket> {
        Socket::new(self.context.clone(), kind, None)
    }

    pub(super) fn inside(&self) -> &SharedSocket {
        &self.socket
    }

    pub(super) fn monitor(&self) -> Result<Monitor> {
        let sibling = self.sibling(SocketType::Pair)?;
        Monitor::new(sibling, |endpoint| self.socket.with(|core| core.monitor_typed(endpoint)))
    }

    pub(super) fn stats(&self) -> Result<Stats> {
        Ok(Stats::new(self.socket.with(SocketCore::stats)?))
    }

    pub(super) fn close_within(self, deadline: Duration) {
        let _ = self.socket.with(|core| {
            core.options_mut().linger = Some(deadline);
            Ok(())
        });
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // Not left to the last reference: a poller may have one for a moment.
        self.socket.close();
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(self.socket.kind().name())
            .field("endpoint", &self.last_endpoint())
            .finish_non_exhaustive()
    }
}

/// A type of socket for many threads, with what all have.
macro_rules! shared_socket {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name($crate::socket::shared::Shared);

        impl $name {
            /// Accepts peers at a further endpoint, also while other threads wait on the socket.
            ///
            /// ```
            /// let ctx = ferrozmq::Context::new();
            /// let gather = ctx.gather().build()?;
            /// std::thread::scope(|threads| -> ferrozmq::Result<()> {
            ///     let result = threads.spawn(|| gather.recv());
            ///     gather.bind("tcp://127.0.0.1:*")?;
            ///     let scatter = ctx.scatter().build()?;
            ///     scatter.connect(gather.last_endpoint())?;
            ///     scatter.send("result")?;
            ///     assert_eq!(result.join().unwrap()?, "result");
            ///     scatter.disconnect(scatter.last_endpoint())?;
            ///     gather.unbind(gather.last_endpoint())
            /// })?;
            /// # Ok::<(), ferrozmq::Error>(())
            /// ```
            ///
            /// # Errors
            /// [`Error::Endpoint`](crate::Error::Endpoint) says what is wrong with it.
            #[doc(alias = "zmq_bind")]
            pub fn bind(&self, endpoint: impl AsRef<str>) -> $crate::Result<()> {
                self.0.at(endpoint.as_ref(), ferrozmq_runtime::SocketCore::bind)
            }

            /// Connects to a further endpoint, now or as soon as somebody is there.
            /// See [`bind`](Self::bind).
            ///
            /// # Errors
            /// [`Error::Endpoint`](crate::Error::Endpoint) says what is wrong with it.
            #[doc(alias = "zmq_connect")]
            pub fn connect(&self, endpoint: impl AsRef<str>) -> $crate::Result<()> {
                self.0.at(endpoint.as_ref(), ferrozmq_runtime::SocketCore::connect)
            }

            /// Ends what `bind` began, and the connections that came through it.
            /// See [`bind`](Self::bind).
            ///
            /// # Errors
            /// [`Error::Endpoint`](crate::Error::Endpoint) if it was not bound.
            #[doc(alias = "zmq_unbind")]
            pub fn unbind(&self, endpoint: impl AsRef<str>) -> $crate::Result<()> {
                self.0.at(endpoint.as_ref(), ferrozmq_runtime::SocketCore::unbind)
            }

            /// Ends what `connect` began.
            /// See [`bind`](Self::bind).
            ///
            /// # Errors
            /// [`Error::Endpoint`](crate::Error::Endpoint) if it was not connected.
            #[doc(alias = "zmq_disconnect")]
            pub fn disconnect(&self, endpoint: impl AsRef<str>) -> $crate::Result<()> {
                self.0.at(endpoint.as_ref(), ferrozmq_runtime::SocketCore::disconnect)
            }

            /// The endpoint bound or connected last, with the port that the system chose; empty if there was none.
            /// See [`bind`](Self::bind).
            #[doc(alias = "ZMQ_LAST_ENDPOINT")]
            pub fn last_endpoint(&self) -> String {
                self.0.last_endpoint()
            }

            /// Tells what happens on the socket's connections from now on, in place of an earlier monitor. See
            /// [`Monitor`](crate::Monitor).
            ///
            /// # Errors
            /// [`Error::TooManyFiles`](crate::Error::TooManyFiles), [`Error::Terminated`](crate::Error::Terminated).
            #[doc(alias = "zmq_socket_monitor")]
            pub fn monitor(&self) -> $crate::Result<$crate::Monitor> {
                self.0.monitor()
            }

            /// What has become of the socket's messages so far. See [`Stats`](crate::Stats).
            ///
            /// # Errors
            /// [`Error::Terminated`](crate::Error::Terminated).
            pub fn stats(&self) -> $crate::Result<$crate::Stats> {
                self.0.stats()
            }

            /// Closes the socket. Returns at once; what was sent still goes out for up to `deadline`, for which
            /// whatever goes last of the context waits.
            ///
            /// ```
            /// # use std::time::Duration;
            /// let ctx = ferrozmq::Context::new();
            /// let gather = ctx.gather().bind("ipc://@ferrozmq-close-within")?;
            /// let scatter = ctx.scatter().connect(gather.last_endpoint())?;
            /// scatter.send("last words")?;
            /// scatter.close_within(Duration::from_secs(5));
            /// assert_eq!(gather.recv()?, "last words");
            /// # Ok::<(), ferrozmq::Error>(())
            /// ```
            #[doc(alias = "ZMQ_LINGER")]
            pub fn close_within(self, deadline: std::time::Duration) {
                self.0.close_within(deadline);
            }
        }

        impl $crate::socket::Typed for $name {
            fn from_socket(socket: $crate::Socket) -> $crate::Result<Self> {
                $crate::socket::shared::Shared::new(socket).map(Self)
            }
        }

        impl $crate::socket::Watchable for $name {}

        impl<'a> $crate::socket::Proxied<'a> for &'a $name {}

        impl<'a> $crate::socket::typed::sealed::Join<'a> for &'a $name {
            fn member(self) -> $crate::socket::Member<'a> {
                $crate::socket::Member::shared(&self.0)
            }
        }

        impl $crate::socket::typed::sealed::Watch for $name {
            fn watch(&self) -> $crate::Result<$crate::socket::Watched> {
                Ok(self.0.watch())
            }
        }

        const _: () = {
            const fn many_threads<T: Send + Sync>() {}
            many_threads::<$name>();
        };
    };
}

/// The type can send whenever there is room.
macro_rules! shared_sends {
    ($name:ident) => {
        impl $name {
            /// Sends a message of one frame; waits while there is no room for it. See [`Scatter`](crate::Scatter).
            ///
            /// # Errors
            /// The error has the message: [`Error::Again`](crate::Error::Again) once the send timeout has passed,
            /// [`Error::Terminated`](crate::Error::Terminated), [`Error::Interrupted`](crate::Error::Interrupted).
            #[doc(alias = "zmq_send")]
            pub fn send(&self, message: impl Into<Message>) -> Result<(), SendError<Message>> {
                self.0.send(message.into(), false)
            }

            /// Sends a message if there is room for it.
            ///
            /// ```
            /// # use ferrozmq::{Context, Error};
            /// let refused = Context::new().client().build()?.try_send("nobody is there").unwrap_err();
            /// assert_eq!(refused.error(), Error::Again);
            /// # Ok::<(), Error>(())
            /// ```
            ///
            /// # Errors
            /// [`Error::Again`](crate::Error::Again) if there is none. The error has the message.
            #[doc(alias = "ZMQ_DONTWAIT")]
            pub fn try_send(&self, message: impl Into<Message>) -> Result<(), SendError<Message>> {
                self.0.send(message.into(), true)
            }
        }
    };
}

/// The type can receive whenever there is a message.
macro_rules! shared_receives {
    ($name:ident) => {
        impl $name {
            /// Receives the next message; waits for it. Of several threads that wait one gets it. See
            /// [`Scatter`](crate::Scatter).
            ///
            /// # Errors
            /// [`Error::Again`](crate::Error::Again) once the receive timeout has passed,
            /// [`Error::Terminated`](crate::Error::Terminated), [`Error::Interrupted`](crate::Error::Interrupted).
            #[doc(alias = "zmq_recv")]
            pub fn recv(&self) -> Result<Message> {
                self.0.recv(false)
            }

            /// As [`recv`](Self::recv), if there is a message.
            ///
            /// ```
            /// # use ferrozmq::{Context, Error};
            /// assert_eq!(Context::new().gather().build()?.try_recv(), Err(Error::Again));
            /// # Ok::<(), Error>(())
            /// ```
            ///
            /// # Errors
            /// [`Error::Again`](crate::Error::Again) if there is none.
            pub fn try_recv(&self) -> Result<Message> {
                self.0.recv(true)
            }
        }
    };
}

pub(super) use {shared_receives, shared_sends, shared_socket};
