//! Contexts.

use std::{fmt, sync::Arc};

use ferrozmq_base as base;
use ferrozmq_runtime as runtime;

use crate::{Builder, Error, Interrupt, Result, SocketType, security::Authenticator, socket::*};

/// Makes sockets, and owns the threads that carry their messages. Clones name the same context.
///
/// Whatever goes last, a context's last clone or its last socket, waits until what sockets lingered for is sent or
/// given up: one second at most, unless a socket asked for more.
///
/// ```
/// use ferrozmq::Context;
///
/// let ctx = Context::new();
/// let mut replies = ctx.rep().bind("inproc://greeting")?;
/// let mut requests = ctx.req().connect("inproc://greeting")?;
///
/// let pending = requests.send("Hello")?;
/// assert_eq!(replies.recv()?, "Hello");
/// replies.send("World")?;
/// assert_eq!(pending.recv()?, "World");
/// # Ok::<(), ferrozmq::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Context {
    /// A context that could not be made says so when it is asked for a socket.
    shared: Result<Arc<Shared>>,
    interrupt: Option<Interrupt>,
}

/// Kept by every clone and every socket.
pub(crate) struct Shared {
    runtime: runtime::Context,
    process: u32,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.runtime.fmt(f)
    }
}

impl Shared {
    pub(crate) fn socket(&self, kind: SocketType) -> Result<runtime::SocketCore> {
        Ok(self.runtime.socket(kind)?)
    }

    /// Waits for the end of everything; a signal does not end that.
    fn terminate(&self) -> Result<()> {
        loop {
            match self.runtime.term() {
                // A forked child has nothing to wait for.
                Err(base::Error::Interrupted) if self.process == std::process::id() => {}
                result => return Ok(result?),
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // No socket is left: only what lingers, and that has an end.
        let _ = self.terminate();
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $function:ident: $type:ident;)*) => {
        impl Context {
            $(
                $(#[$doc])*
                pub fn $function(&self) -> Builder<$type> {
                    Builder::new(self.socket_of(SocketType::$type))
                }
            )*
        }
    };
}

kinds! {
    /// A socket for exactly one peer. See the example of [`Pair`].
    #[doc(alias = "ZMQ_PAIR")]
    pair: Pair;
    /// A client that asks and waits for the answer. See the example of [`Req`].
    #[doc(alias = "ZMQ_REQ")]
    req: Req;
    /// A server that answers each request. See the example of [`Context`].
    #[doc(alias = "ZMQ_REP")]
    rep: Rep;
    /// A client without turns: sends to its peers in turn, receives from all. See the example of [`Router`].
    #[doc(alias = "ZMQ_DEALER")]
    dealer: Dealer;
    /// A server without turns, which names the peer that it sends to. See the example of [`Router`].
    #[doc(alias = "ZMQ_ROUTER")]
    router: Router;
    /// The start of a pipeline: each message goes to one worker. See the example of [`Push`].
    #[doc(alias = "ZMQ_PUSH")]
    push: Push;
    /// The end of a pipeline. See the example of [`Push`].
    #[doc(alias = "ZMQ_PULL")]
    pull: Pull;
    /// A publisher that sees subscriptions. See the example of [`Xpub`].
    #[doc(alias = "ZMQ_XPUB")]
    xpub: Xpub;
    /// A subscriber whose subscriptions are messages. See the example of [`Xsub`].
    #[doc(alias = "ZMQ_XSUB")]
    xsub: Xsub;
    /// Raw tcp connections. See the example of [`Stream`].
    #[doc(alias = "ZMQ_STREAM")]
    stream: Stream;
    /// Datagrams, to and from whoever speaks udp. See the example of [`Dgram`].
    #[doc(alias = "ZMQ_DGRAM")]
    dgram: Dgram;
    /// For many threads: sends to its servers in turn, receives from all. See the example of [`Client`].
    #[doc(alias = "ZMQ_CLIENT")]
    client: Client;
    /// For many threads: answers its clients, each by its number. See the example of [`Server`].
    #[doc(alias = "ZMQ_SERVER")]
    server: Server;
    /// For many threads: speaks with others of its kind, each by its number. See the example of [`Peer`].
    #[doc(alias = "ZMQ_PEER")]
    peer: Peer;
    /// For many threads: sends messages to groups. See the example of [`Radio`].
    #[doc(alias = "ZMQ_RADIO")]
    radio: Radio;
    /// For many threads: receives messages of the groups that it joined. See the example of [`Radio`].
    #[doc(alias = "ZMQ_DISH")]
    dish: Dish;
    /// For many threads: the start of a pipeline. See the example of [`Scatter`].
    #[doc(alias = "ZMQ_SCATTER")]
    scatter: Scatter;
    /// For many threads: the end of a pipeline. See the example of [`Scatter`].
    #[doc(alias = "ZMQ_GATHER")]
    gather: Gather;
    /// For many threads: a socket for exactly one peer. See the example of [`Channel`].
    #[doc(alias = "ZMQ_CHANNEL")]
    channel: Channel;
}

impl Context {
    /// A context with one I/O thread. See the example of [`Context`].
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// A context with other settings.
    ///
    /// ```
    /// use ferrozmq::{Context, Error, Interrupt};
    ///
    /// const SCHED_OTHER: i32 = 0;                                 // as sched.h has it
    /// let interrupt = Interrupt::new()?;
    /// let ctx = Context::builder()
    ///     .io_threads(2)
    ///     .thread_name_prefix("weather")
    ///     .thread_scheduling(SCHED_OTHER, 0)
    ///     .max_sockets(1)
    ///     .ipv6(false)
    ///     .interrupt(&interrupt)
    ///     .build();
    /// let _only = ctx.pull().build()?;
    /// assert_eq!(ctx.pull().build().unwrap_err(), Error::TooManyFiles);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn builder() -> ContextBuilder {
        ContextBuilder { made: runtime::Context::new().map_err(Error::from), interrupt: None }
    }

    /// A socket that sends each message to every subscriber that wants it. See the example of [`Publisher`].
    #[doc(alias = "ZMQ_PUB")]
    pub fn publisher(&self) -> Builder<Publisher> {
        Builder::new(self.socket_of(SocketType::Pub))
    }

    /// A socket that receives what it subscribed to. See the example of [`Subscriber`].
    #[doc(alias = "ZMQ_SUB")]
    pub fn subscriber(&self) -> Builder<Subscriber> {
        Builder::new(self.socket_of(SocketType::Sub))
    }

    /// A socket whose kind is known at run time only: for tools. See the example of [`Socket`].
    #[doc(alias = "zmq_socket")]
    pub fn socket(&self, kind: SocketType) -> Builder<Socket> {
        Builder::new(self.socket_of(kind))
    }

    /// As [`socket`](Self::socket), with libzmq's defaults for all options, in place of the safer ones of this crate: for
    /// programs that are to behave as their C version did.
    ///
    /// ```
    /// use ferrozmq::{Context, SocketType};
    ///
    /// const ZMQ_HEARTBEAT_IVL: i32 = 75;
    /// let mut any = Context::new().socket_with_libzmq_defaults(SocketType::Dealer).build()?;
    /// assert_eq!(any.option(ZMQ_HEARTBEAT_IVL, 4)?, 0i32.to_ne_bytes());
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    pub fn socket_with_libzmq_defaults(&self, kind: SocketType) -> Builder<Socket> {
        Builder::unchanged(self.socket_of(kind))
    }

    fn socket_of(&self, kind: SocketType) -> Result<Socket> {
        Socket::new(self.shared.clone()?, kind, self.interrupt.clone())
    }

    /// Sets the option with this number of `zmq.h`, as `zmq_ctx_set` does. The settings of [`builder`](Self::builder)
    /// are those that a program usually needs.
    ///
    /// ```
    /// const ZMQ_MAX_MSGSZ: i32 = 5;
    /// ferrozmq::Context::new().set_option(ZMQ_MAX_MSGSZ, 1 << 20)?;
    /// # Ok::<(), ferrozmq::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidArgument`]; or why the context could not be made.
    #[doc(alias = "zmq_ctx_set")]
    pub fn set_option(&self, number: i32, value: i32) -> Result<()> {
        Ok(self.shared()?.runtime.set(number, value)?)
    }

    /// Reads the option with this number of `zmq.h`, as `zmq_ctx_get` does.
    ///
    /// ```
    /// const ZMQ_SOCKET_LIMIT: i32 = 3;
    /// assert_eq!(ferrozmq::Context::new().option(ZMQ_SOCKET_LIMIT), Ok(65535));
    /// ```
    ///
    /// # Errors
    /// As [`set_option`](Self::set_option).
    #[doc(alias = "zmq_ctx_get")]
    pub fn option(&self, number: i32) -> Result<i32> {
        Ok(self.shared()?.runtime.get(number)?)
    }

    fn shared(&self) -> Result<&Shared> {
        self.shared.as_deref().map_err(Clone::clone)
    }

    /// Ends every call on the context's sockets that waits, and every later one, with [`Error::Terminated`]. Does not
    /// wait itself.
    ///
    /// ```
    /// use ferrozmq::{Context, Error};
    ///
    /// let ctx = Context::new();
    /// let mut tasks = ctx.pull().bind("inproc://tasks")?;
    /// let worker = std::thread::spawn(move || tasks.recv());
    /// ctx.shutdown();
    /// assert_eq!(worker.join().unwrap(), Err(Error::Terminated));
    /// # Ok::<(), Error>(())
    /// ```
    #[doc(alias = "zmq_ctx_shutdown")]
    pub fn shutdown(&self) {
        if let Ok(shared) = &self.shared {
            shared.runtime.shutdown();
        }
    }

    /// Shuts the context down and waits until every socket is dropped, by whatever thread has it, and everything that
    /// lingers is sent or given up. A socket that the calling thread keeps would make it wait for ever.
    ///
    /// ```
    /// use ferrozmq::{Context, Error};
    ///
    /// let ctx = Context::new();
    /// let mut tasks = ctx.pull().bind("inproc://tasks")?;
    /// let worker = std::thread::spawn(move || while tasks.recv().is_ok() {});
    /// ctx.terminate()?;                                           // the worker has dropped its socket
    /// worker.join().unwrap();
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// If the context could not be made; [`Error::Interrupted`] in a forked process.
    #[doc(alias = "zmq_ctx_term")]
    pub fn terminate(self) -> Result<()> {
        self.shared?.terminate()
    }
}

impl Default for Context {
    fn default() -> Self {
        Self::new()
    }
}

/// Settings of a context. See the example of [`Context::builder`].
#[derive(Debug)]
#[must_use = "a context is made by `build`"]
pub struct ContextBuilder {
    made: Result<runtime::Context>,
    interrupt: Option<Interrupt>,
}

// Numbers of zmq.h (zmq_ctx_set(3)).
const IO_THREADS: i32 = 1;
const MAX_SOCKETS: i32 = 2;
const THREAD_PRIORITY: i32 = 3;
const THREAD_SCHED_POLICY: i32 = 4;
const THREAD_AFFINITY_CPU_ADD: i32 = 7;
const THREAD_NAME_PREFIX: i32 = 9;
const IPV6: i32 = 42;

impl ContextBuilder {
    /// Threads that carry messages: 1 unless told otherwise, 0 for programs that use inproc only.
    ///
    /// See the example of [`Context::builder`].
    #[doc(alias = "ZMQ_IO_THREADS")]
    pub fn io_threads(self, threads: u16) -> Self {
        self.set(IO_THREADS, threads.into())
    }

    /// Sockets that may exist at a time: 1023 unless told otherwise.
    ///
    /// See the example of [`Context::builder`].
    #[doc(alias = "ZMQ_MAX_SOCKETS")]
    pub fn max_sockets(self, sockets: u16) -> Self {
        self.set(MAX_SOCKETS, sockets.into())
    }

    /// The scheduling policy and priority of the I/O threads (sched.h).
    ///
    /// See the example of [`Context::builder`].
    #[doc(alias = "ZMQ_THREAD_SCHED_POLICY")]
    #[doc(alias = "ZMQ_THREAD_PRIORITY")]
    pub fn thread_scheduling(self, policy: i32, priority: i32) -> Self {
        self.set(THREAD_SCHED_POLICY, policy).set(THREAD_PRIORITY, priority)
    }

    /// Adds a CPU to those that the I/O threads may use.
    ///
    /// ```
    /// let ctx = ferrozmq::Context::builder().thread_cpu(2).thread_cpu(3).build();
    /// ```
    #[doc(alias = "ZMQ_THREAD_AFFINITY_CPU_ADD")]
    pub fn thread_cpu(self, cpu: u16) -> Self {
        self.set(THREAD_AFFINITY_CPU_ADD, cpu.into())
    }

    /// What the names of the I/O threads begin with: 1 to 16 bytes.
    ///
    /// See the example of [`Context::builder`].
    #[doc(alias = "ZMQ_THREAD_NAME_PREFIX")]
    pub fn thread_name_prefix(mut self, prefix: &str) -> Self {
        // Four bytes would be taken for a C int.
        let prefix = if prefix.len() == 4 { format!("{prefix}/") } else { prefix.to_owned() };
        self.made = self
            .made
            .and_then(|made| Ok(made.set_bytes(THREAD_NAME_PREFIX, prefix.as_bytes()).map(|()| made)?));
        self
    }

    /// Whether new sockets use IPv6 besides IPv4: off unless told otherwise.
    ///
    /// See the example of [`Context::builder`].
    #[doc(alias = "ZMQ_IPV6")]
    pub fn ipv6(self, on: bool) -> Self {
        self.set(IPV6, on.into())
    }

    /// Who judges the peers of servers in this context, unless the application has a handler of ZAP; see
    /// [`security`](crate::security).
    ///
    /// See the example of [`security`](crate::security).
    pub fn authenticator(mut self, authenticator: Authenticator) -> Self {
        self.made = self.made.inspect(|made| made.set_judge(Some(authenticator.into_judge())));
        self
    }

    /// Every socket of the context stops waiting while `interrupt` is raised.
    ///
    /// See the example of [`Context::builder`].
    pub fn interrupt(mut self, interrupt: &Interrupt) -> Self {
        self.interrupt = Some(interrupt.clone());
        self
    }

    /// The context. If a setting was wrong, or there is no descriptor left for it, its first socket says so.
    ///
    /// See the example of [`Context::builder`].
    pub fn build(self) -> Context {
        let process = std::process::id();
        let shared = self.made.map(|runtime| Arc::new(Shared { runtime, process }));
        Context { shared, interrupt: self.interrupt }
    }

    fn set(mut self, number: i32, value: i32) -> Self {
        self.made = self.made.and_then(|made| Ok(made.set(number, value).map(|()| made)?));
        self
    }
}
