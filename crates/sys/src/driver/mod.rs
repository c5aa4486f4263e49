//! Readiness of many descriptors for an I/O thread.

mod epoll;

pub use epoll::Poller;

use std::ops::BitOr;

/// What to be told about.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Interest(u8);

impl Interest {
    /// Errors and hang-ups only, which are always reported.
    pub const NONE: Self = Self(0);
    /// Something can be read.
    pub const READ: Self = Self(1);
    /// Something can be written.
    pub const WRITE: Self = Self(2);
    /// Urgent data.
    pub const PRIORITY: Self = Self(4);
    /// [`Poller`] only: report once, then nothing until `modify`.
    pub const ONESHOT: Self = Self(8);

    /// True if everything of `other` is in it.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn poll_events(self) -> i16 {
        let bit = |interest, event| if self.contains(interest) { event } else { 0 };
        bit(Self::READ, libc::POLLIN) | bit(Self::WRITE, libc::POLLOUT) | bit(Self::PRIORITY, libc::POLLPRI)
    }

    fn epoll_events(self) -> u32 {
        let bit = |interest, event| if self.contains(interest) { event as u32 } else { 0 };
        bit(Self::READ, libc::EPOLLIN)
            | bit(Self::WRITE, libc::EPOLLOUT)
            | bit(Self::PRIORITY, libc::EPOLLPRI)
            | bit(Self::ONESHOT, libc::EPOLLONESHOT)
    }
}

impl BitOr for Interest {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// One descriptor's readiness.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// The number given with the descriptor.
    pub token: u64,
    /// Something can be read, or reading would report the end or an error.
    pub readable: bool,
    /// Something can be written, or writing would report an error.
    pub writable: bool,
    /// The descriptor has an error, or both directions are closed.
    pub failed: bool,
}
