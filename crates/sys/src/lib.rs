//! The operating system as ferrozmq sees it: sockets, readiness, waiting, name resolution, threads, time, randomness.
//!
//! Linux first. Invariants of the crate:
//! - every descriptor is owned by exactly one value, non-blocking and close-on-exec;
//! - no call here raises SIGPIPE, panics or aborts: what the kernel refuses comes back as `io::Error`;
//! - only [`wait`](fn@wait) blocks a user's thread, and only it reports EINTR, so that a signal handler ends a call that
//!   waits; everything else retries;
//! - no call that a user's thread makes outside of a bind or a connect is a cancellation point (pthread_cancel(3)): a wait
//!   that the request finds ends with ECANCELED, and its caller has to end the thread;
//! - system calls newer than Linux 4.18 and glibc 2.28 are made by number, with a fallback found out at run time.
mod cancel;
pub mod clock;
pub mod driver;
pub mod fork;
pub mod interface;
pub mod net;
pub mod random;
pub mod resolve;
pub mod signal;
mod syscall;
pub mod thread;
mod wait;
mod wake;

pub use driver::{Event, Interest, Poller};
pub use fork::ForkEpoch;
pub use net::{Connecting, Listener, PeerCredentials, Stream};
pub use resolve::Resolver;
pub use signal::SignalSet;
pub use syscall::{descriptor_limit, is_exhaustion};
pub use wait::{PollFd, wait, wait_until};
pub use wake::WakeFd;
