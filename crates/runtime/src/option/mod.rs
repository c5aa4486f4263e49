//! Options: typed fields for the core, and one table that gives each its number, lengths, range and default.
//!
//! The fields are what the core reads. The C numbers and byte encodings exist only here: [`set`] and [`get`] follow
//! the [`TABLE`], whose rows are the reference for the documentation and the tests as well. Options that steer
//! a pattern are not stored; [`set`] hands them on as a [`Setting`]. What only the live socket knows, [`get`]
//! hands back as a [`LiveOption`].
//!
//! Invariant: an option that this build cannot honour is refused with EINVAL, never stored and ignored.
mod context;
mod filter;
#[cfg(test)]
mod reference;
mod row;
mod security;
mod socket;
mod table;
#[cfg(test)]
mod tests;

pub use context::ContextOptions;
pub use ferrozmq_pattern::Setting;
pub use filter::{AcceptFilter, IpcFilters};
pub use row::{Effect, Kinds, Null, ReadAs, Row, Status, Write};
pub use security::{MechanismKind, Security};
pub use socket::{Heartbeat, Multicast, SocketOptions, SocksProxy, SuppliedFd, Tcp};
pub use table::{TABLE, row};

use ferrozmq_base::{Error, Result, SocketType};

/// What is left to do after an option was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// Nothing.
    Stored,
    /// Tell the live pipes their new limits.
    Hwm,
    /// Hand this to the pattern.
    Pattern(Setting<'a>),
}

/// An answer to [`get`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The value is in the buffer; this is its length.
    Done(usize),
    /// The socket has to answer, and to write its answer with the function of [`encode`] that the variant names.
    Live(LiveOption),
}

/// What only the live socket knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveOption {
    /// Whether the message part received last has followers; [`encode::int`].
    ReceiveMore,
    /// The descriptor that signals the socket; [`encode::int`].
    Fd,
    /// What the socket is ready for; [`encode::int`].
    Events,
    /// The endpoint bound or connected last; [`encode::text`].
    LastEndpoint,
    /// The number of distinct subscriptions; [`encode::int`].
    TopicsCount,
    /// The routing id of the newest connection of a STREAM socket; [`encode::binary`].
    StreamRoutingId,
}

/// Sets the option `number`. `None` is a NULL pointer with length 0.
///
/// # Errors
/// `InvalidArgument` if the number is unknown, read-only, not for this type or not built, or if the value's length
/// or range is wrong.
pub fn set<'a>(
    options: &mut SocketOptions,
    kind: SocketType,
    number: i32,
    value: Option<&'a [u8]>,
) -> Result<Outcome<'a>> {
    let row = row(number).filter(|row| row.write_on.has(kind)).ok_or(Error::InvalidArgument)?;
    match row.write.apply(options, kind, value)? {
        // Types on which a pattern's setting has no effect store it and say no more.
        Outcome::Pattern(_) if !row.acts_on.has(kind) => Ok(Outcome::Stored),
        outcome => Ok(outcome),
    }
}

/// Reads the option `number` into `buffer`.
///
/// # Errors
/// `InvalidArgument` if the number is unknown, write-only, not for this type, or the buffer has the wrong length.
pub fn get(options: &SocketOptions, kind: SocketType, number: i32, buffer: &mut [u8]) -> Result<Read> {
    let row = row(number).filter(|row| row.read_on.has(kind)).ok_or(Error::InvalidArgument)?;
    let length = match row.read {
        ReadAs::No => return Err(Error::InvalidArgument),
        ReadAs::Int(value) => encode::exact(buffer, &value(options).to_ne_bytes()),
        ReadAs::Type => encode::exact(buffer, &i32::from(kind.number()).to_ne_bytes()),
        ReadAs::OfKind(value) => encode::int(buffer, value(kind)),
        ReadAs::Uint64(value) => encode::exact(buffer, &value(options).to_ne_bytes()),
        ReadAs::Int64(value) => encode::exact(buffer, &value(options).to_ne_bytes()),
        ReadAs::Text(value) => encode::text(buffer, value(options)),
        ReadAs::Key(value) => security::write_key(buffer, value(options)),
        ReadAs::RoutingId if kind == SocketType::Stream => {
            return Ok(Read::Live(LiveOption::StreamRoutingId));
        }
        ReadAs::RoutingId => encode::binary(buffer, &options.routing_id),
        ReadAs::LiveInt(_) if buffer.len() < 4 => Err(Error::InvalidArgument),
        ReadAs::LiveInt(live) | ReadAs::LiveText(live) => return Ok(Read::Live(live)),
    };
    length.map(Read::Done)
}

/// The length rules of `zmq_getsockopt`. All answer `InvalidArgument` when the buffer does not fit.
pub mod encode {
    use ferrozmq_base::{Error, Result};

    /// A value whose buffer must have its length.
    pub fn exact(buffer: &mut [u8], value: &[u8]) -> Result<usize> {
        if buffer.len() != value.len() {
            return Err(Error::InvalidArgument);
        }
        buffer.copy_from_slice(value);
        Ok(value.len())
    }

    /// Bytes; what is left of the buffer is cleared.
    pub fn binary(buffer: &mut [u8], value: &[u8]) -> Result<usize> {
        let (head, rest) = buffer.split_at_mut_checked(value.len()).ok_or(Error::InvalidArgument)?;
        head.copy_from_slice(value);
        rest.fill(0);
        Ok(value.len())
    }

    /// A C `int`; what is left of the buffer is cleared.
    pub fn int(buffer: &mut [u8], value: i32) -> Result<usize> {
        binary(buffer, &value.to_ne_bytes())
    }

    /// A string and its NUL, which counts; what is left of the buffer is cleared.
    pub fn text(buffer: &mut [u8], value: &[u8]) -> Result<usize> {
        if buffer.len() <= value.len() {
            return Err(Error::InvalidArgument);
        }
        binary(buffer, value).map(|length| length + 1)
    }
}
