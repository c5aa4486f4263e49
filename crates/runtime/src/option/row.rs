//! What one row of the option table says: how a value is written, how it is read, and which types take it.
use super::{LiveOption, Outcome, Setting, SocketOptions};
use ferrozmq_base::{Error, Result, SocketType};

/// Everything about one socket option.
#[derive(Debug)]
pub struct Row {
    /// The number in `zmq.h`.
    pub number: i32,
    /// The constant in `zmq.h`.
    pub constant: &'static str,
    /// The name in plain words, as the Rust API spells it.
    pub name: &'static str,
    /// Whether `zmq.h` promises it.
    pub status: Status,
    /// When a new value is used.
    pub effect: Effect,
    /// The value of a fresh socket as text; `-` where there is none to read.
    pub default: &'static str,
    /// The types on which it does something.
    pub acts_on: Kinds,
    /// How it is set.
    pub write: Write,
    /// The types that may set it; the others answer EINVAL.
    pub write_on: Kinds,
    /// How it is read.
    pub read: ReadAs,
    /// The types that may read it; the others answer EINVAL.
    pub read_on: Kinds,
    /// One sentence: meaning and unit.
    pub doc: &'static str,
}

/// How far `zmq.h` promises an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// In every build of libzmq.
    Stable,
    /// Superseded, kept for old programs.
    Deprecated,
    /// In libzmq builds with the draft API.
    Draft,
}

/// When a new value is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// At once, on live connections as well.
    Now,
    /// By the next send or receive call.
    NextCall,
    /// By the endpoints bound or connected afterwards.
    NextEndpoint,
    /// By the peers that appear afterwards.
    NextPeer,
    /// When an endpoint or the socket is closed.
    AtClose,
    /// Only read.
    Never,
}

/// A set of socket types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    /// Every type.
    pub const ALL: Self = Self(u32::MAX);
    /// No type.
    pub const NONE: Self = Self(0);

    /// Exactly these types.
    pub const fn of(kinds: &[SocketType]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < kinds.len() {
            bits |= 1 << kinds[i].number();
            i += 1;
        }
        Self(bits)
    }

    /// The other types.
    pub const fn others(self) -> Self {
        Self(!self.0)
    }

    /// Whether the type is in the set.
    pub const fn has(self, kind: SocketType) -> bool {
        self.0 & (1 << kind.number()) != 0
    }
}

/// How an option is set.
#[derive(Clone, Copy, Debug)]
pub enum Write {
    /// Read-only.
    No,
    /// Not in this build: refused.
    Unbuilt,
    /// A C `int` of 4 bytes within the two bounds.
    Int(i32, i32, fn(&mut SocketOptions, i32)),
    /// A queue limit, a C `int` of at least 0: live pipes are told.
    Hwm(fn(&mut SocketOptions, u32)),
    /// A C `int` within the two bounds, for the pattern.
    Setting(i32, i32, fn(&mut SocketOptions, i32) -> Setting<'static>),
    /// A C `int` of at least 0, any but 0 meaning on, for the pattern.
    Switch(fn(bool) -> Setting<'static>),
    /// A `uint64_t` of 8 bytes.
    Uint64(fn(&mut SocketOptions, u64)),
    /// An `int64_t` of 8 bytes.
    Int64(fn(&mut SocketOptions, i64)),
    /// Bytes of a length within the two bounds, or, where the flag says so, NULL with length 0 (given as `None`).
    Bytes(usize, usize, Null, fn(&mut SocketOptions, Option<&[u8]>) -> Result<()>),
    /// Bytes of any length for the pattern; NULL with length 0 is empty.
    Topic(fn(&[u8]) -> Setting<'_>),
    /// As `Topic`, but only SUB, and publishers in manual mode, take it.
    Filter(fn(&[u8]) -> Setting<'_>),
}

/// Whether NULL with length 0 is a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Null {
    /// It clears the option.
    Clears,
    /// It is EINVAL.
    Refused,
}

/// How an option is read.
#[derive(Clone, Copy, Debug)]
pub enum ReadAs {
    /// Write-only.
    No,
    /// A C `int`; the buffer has exactly 4 bytes.
    Int(fn(&SocketOptions) -> i32),
    /// The number of the socket's type, as `Int`.
    Type,
    /// A C `int` that the type decides; the buffer has at least 4 bytes and the rest is cleared.
    OfKind(fn(SocketType) -> i32),
    /// A `uint64_t`; exactly 8 bytes.
    Uint64(fn(&SocketOptions) -> u64),
    /// An `int64_t`; exactly 8 bytes.
    Int64(fn(&SocketOptions) -> i64),
    /// A string with its NUL; the rest of the buffer is cleared.
    Text(fn(&SocketOptions) -> &[u8]),
    /// A key: the buffer has 32 bytes, or 41 for its text and a NUL.
    Key(fn(&SocketOptions) -> &[u8; 32]),
    /// The routing id: bytes without a NUL; the rest of the buffer is cleared. STREAM answers from its connections.
    RoutingId,
    /// A C `int` that the socket answers; at least 4 bytes.
    LiveInt(LiveOption),
    /// A string that the socket answers.
    LiveText(LiveOption),
}

/// A row under construction: what to write, and on which types.
#[derive(Clone, Copy)]
pub(super) struct Setter(pub(super) Write, pub(super) Kinds);

/// A row under construction: what to read, and on which types.
#[derive(Clone, Copy)]
pub(super) struct Getter(pub(super) ReadAs, pub(super) Kinds);

impl Setter {
    pub(super) const fn only(self, kinds: Kinds) -> Self {
        Self(self.0, kinds)
    }
}

impl Getter {
    pub(super) const fn only(self, kinds: Kinds) -> Self {
        Self(self.0, kinds)
    }
}

impl Write {
    /// Applies a value. `None` is NULL with length 0.
    pub(super) fn apply<'a>(
        &self,
        options: &mut SocketOptions,
        kind: SocketType,
        value: Option<&'a [u8]>,
    ) -> Result<Outcome<'a>> {
        match *self {
            Self::No | Self::Unbuilt => Err(Error::InvalidArgument),
            Self::Int(least, most, store) => {
                store(options, int_between(least, most, value)?);
                Ok(Outcome::Stored)
            }
            Self::Hwm(store) => {
                store(options, int_between(0, i32::MAX, value)?.unsigned_abs());
                Ok(Outcome::Hwm)
            }
            Self::Setting(least, most, make) => {
                Ok(Outcome::Pattern(make(options, int_between(least, most, value)?)))
            }
            Self::Switch(make) => Ok(Outcome::Pattern(make(int_between(0, i32::MAX, value)? != 0))),
            Self::Uint64(store) => {
                store(options, u64::from_ne_bytes(array(value)?));
                Ok(Outcome::Stored)
            }
            Self::Int64(store) => {
                store(options, i64::from_ne_bytes(array(value)?));
                Ok(Outcome::Stored)
            }
            Self::Bytes(least, most, null, store) => {
                let fits = match value {
                    None => null == Null::Clears,
                    Some(bytes) => bytes.len() >= least && bytes.len() <= most,
                };
                if !fits {
                    return Err(Error::InvalidArgument);
                }
                store(options, value)?;
                Ok(Outcome::Stored)
            }
            Self::Filter(_) if kind != SocketType::Sub && !options.xpub_manual => Err(Error::InvalidArgument),
            Self::Topic(make) | Self::Filter(make) => Ok(Outcome::Pattern(make(value.unwrap_or_default()))),
        }
    }
}

fn int_between(least: i32, most: i32, value: Option<&[u8]>) -> Result<i32> {
    let value = i32::from_ne_bytes(array(value)?);
    if value < least || value > most { Err(Error::InvalidArgument) } else { Ok(value) }
}

/// Exactly N bytes.
fn array<const N: usize>(value: Option<&[u8]>) -> Result<[u8; N]> {
    value.and_then(|bytes| bytes.try_into().ok()).ok_or(Error::InvalidArgument)
}
