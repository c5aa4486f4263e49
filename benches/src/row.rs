//! What is measured: a row is a piece of work over a transport.

use std::fmt;

/// How two sockets reach each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    /// With CURVE, for a client that has a key.
    TcpCurve,
    Ipc,
    Inproc,
}

/// How a message goes in and out of the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A message object: one that is made for each message to send, one to receive into that is kept.
    Object,
    /// The program's own buffer, which the library copies.
    Buffer,
}

/// What the processes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// PUSH to PULL, one way, as fast as it goes.
    Stream { size: usize, form: Form },
    /// REQ to REP and back, 10 B.
    Requests,
    /// PAIR to PAIR and back, 10 B.
    PingPong,
    /// One publisher (XPUB that waits for its subscribers and drops nothing), ten SUB, 10 B.
    FanOut,
    /// Eight PUSH, each with a thread, and one PULL, 10 B.
    FanIn,
    /// From a new context to the first reply.
    FirstMessage,
    /// REQ sockets that connect, get one reply and close, 32 at a time.
    Connections,
    /// One look at so many PULL sockets, with timeout 0.
    Poll { sockets: usize, ready: Ready },
}

/// How many of the polled sockets have a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ready {
    None,
    One,
    All,
}

impl Ready {
    /// The number, of `count` sockets.
    pub(crate) fn of(self, count: usize) -> usize {
        match self {
            Self::None => 0,
            Self::One => 1,
            Self::All => count,
        }
    }
}

/// The unit of a row's figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// More is better.
    PerSecond,
    /// Less is better.
    Microseconds,
}

/// A row of the table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) work: Work,
    pub(crate) transport: Transport,
    /// Part of `--quick`.
    pub(crate) quick: bool,
}

/// Subscribers of [`Work::FanOut`].
pub(crate) const SUBSCRIBERS: usize = 10;
/// Senders of [`Work::FanIn`].
pub(crate) const SENDERS: usize = 8;
/// Size of the messages of all rows but [`Work::Stream`].
pub(crate) const SMALL: usize = 10;
/// Size of the largest messages.
pub(crate) const LARGE: usize = 64 * 1024;
/// Sockets that [`Work::Connections`] has open at the same time.
pub(crate) const AT_ONCE: usize = 32;

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::TcpCurve => "tcp-curve",
            Self::Ipc => "ipc",
            Self::Inproc => "inproc",
        })
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transport, .. } = self;
        match self.work {
            Work::Stream { size, form } => {
                let size = match size {
                    LARGE => "64KB".to_owned(),
                    1000 => "1KB".to_owned(),
                    _ => format!("{size}B"),
                };
                let form = if form == Form::Object { "object" } else { "buffer" };
                write!(f, "push-pull/{size}/{transport}/{form}")
            }
            Work::Requests => write!(f, "req-rep/{transport}"),
            Work::PingPong => write!(f, "ping-pong/{transport}"),
            Work::FanOut => write!(f, "1-pub-{SUBSCRIBERS}-sub/{transport}"),
            Work::FanIn => write!(f, "{SENDERS}-push-1-pull/{transport}"),
            Work::FirstMessage => write!(f, "first-message/{transport}"),
            Work::Connections => write!(f, "connections/{transport}"),
            Work::Poll { sockets, ready } => {
                let ready = match ready {
                    Ready::None => "none",
                    Ready::One => "one",
                    Ready::All => "all",
                };
                write!(f, "poll/{sockets}-sockets/{ready}-ready/{transport}")
            }
        }
    }
}

impl Row {
    pub(crate) fn unit(&self) -> Unit {
        match self.work {
            Work::Stream { .. } | Work::FanOut | Work::FanIn | Work::Connections => Unit::PerSecond,
            Work::Requests | Work::PingPong | Work::FirstMessage | Work::Poll { .. } => Unit::Microseconds,
        }
    }

    /// The row with that name, which is how a child process is told its own.
    pub(crate) fn named(name: &str) -> Option<Self> {
        all().into_iter().find(|row| row.to_string() == name)
    }
}

/// Every row, in the order of the table.
pub(crate) fn all() -> Vec<Row> {
    use Transport::{Inproc, Ipc, Tcp, TcpCurve};
    let mut rows = Vec::new();
    let mut add = |work, transport, quick| rows.push(Row { work, transport, quick });
    for form in [Form::Object, Form::Buffer] {
        for size in [SMALL, 100, 1000, LARGE] {
            for transport in [Tcp, Ipc, Inproc] {
                let quick = form == Form::Object && (size == SMALL || (size == 1000 && transport == Tcp));
                add(Work::Stream { size, form }, transport, quick);
            }
        }
    }
    for work in [Work::Requests, Work::PingPong] {
        for transport in [Tcp, Ipc, Inproc] {
            add(work, transport, work == Work::Requests);
        }
    }
    for work in [Work::FanOut, Work::FanIn, Work::FirstMessage, Work::Connections] {
        for transport in [Tcp, Ipc] {
            add(work, transport, work == Work::FanOut && transport == Tcp);
        }
    }
    for size in [1000, LARGE] {
        add(Work::Stream { size, form: Form::Object }, TcpCurve, size == 1000);
    }
    add(Work::Connections, TcpCurve, false);
    for sockets in [1, 10, 100, 1000] {
        for ready in [Ready::None, Ready::One, Ready::All] {
            // Of one socket, one and all are the same.
            if sockets > 1 || ready != Ready::All {
                add(Work::Poll { sockets, ready }, Inproc, sockets == 10);
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_lead_back_to_their_rows() {
        let rows = all();
        for row in &rows {
            let found = Row::named(&row.to_string()).expect("a row");
            assert_eq!((found.work, found.transport), (row.work, row.transport));
        }
        assert!(Row::named("push-pull").is_none());
    }
}
