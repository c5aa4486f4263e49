//! Security mechanisms: who may connect, and what is done to frames (RFC 23, 24, 25, 26).
//!
//! [`Mechanism`] is the setting, [`Handshake`] the state of one connection. A mechanism has three parts here: its name
//! in the greeting, the exchange of commands until both sides are ready, and what becomes of frames after it. A server
//! may have to ask somebody else about its peer: the exchange then stops with [`Progress::Ask`] until the answer.

pub(crate) mod curve;
mod null;
mod plain;

use crate::{
    command,
    config::Config,
    curve::{PublicKey, SecretKey},
    engine::PeerProperties,
    error::ProtocolError,
    frame,
    zap::{Credentials, Verdict},
};
use curve::cipher::Cipher;

/// The security mechanism of a socket, and its role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mechanism {
    /// No security (RFC 23, NULL).
    #[default]
    Null,
    /// A name and a password, in the clear (RFC 24).
    PlainClient {
        /// At most 255 bytes.
        username: Vec<u8>,
        /// At most 255 bytes.
        password: Password,
    },
    /// Asks for a name and a password, and asks somebody else whether they are right.
    PlainServer,
    /// Encrypts and authenticates everything (RFC 25, 26).
    CurveClient {
        /// The own key that the server may know.
        public: PublicKey,
        /// The secret that belongs to it.
        secret: SecretKey,
        /// The key that the server must prove to own.
        server: PublicKey,
    },
    /// Expects clients that know the public key that belongs to this one.
    CurveServer {
        /// The own key.
        secret: SecretKey,
    },
}

/// A password, which debug output does not show and whose bytes are overwritten when it is dropped.
#[derive(Clone, Default, PartialEq, Eq, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
pub struct Password(pub Vec<u8>);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

impl Mechanism {
    /// The name in the greeting.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
            Self::PlainClient { .. } | Self::PlainServer => "PLAIN",
            Self::CurveClient { .. } | Self::CurveServer { .. } => "CURVE",
        }
    }

    /// The field of the greeting: the name, padded with NUL.
    pub(crate) fn greeting_field(&self) -> [u8; 20] {
        let mut field = [0; 20];
        for (to, from) in field.iter_mut().zip(self.name().bytes()) {
            *to = from;
        }
        field
    }

    /// Whether traffic crosses the wire in the clear, frame by frame.
    pub(crate) const fn leaves_frames(&self) -> bool {
        !matches!(self, Self::CurveClient { .. } | Self::CurveServer { .. })
    }
}

/// How far a handshake has come.
#[derive(Debug)]
pub(crate) enum Progress {
    /// The peer's next command is awaited.
    Wait,
    /// The answer to a question is awaited.
    Ask(Credentials),
    /// Both sides are ready; with what frames are encrypted from here on.
    Ready(PeerProperties, Option<Box<Cipher>>),
}

/// The exchange of handshake commands of one connection.
#[derive(Debug)]
pub(crate) enum Handshake {
    Null(null::Side),
    PlainClient(plain::Client),
    PlainServer(plain::Server),
    CurveClient(Box<curve::Client>),
    CurveServer(Box<curve::Server>),
}

impl Handshake {
    /// Begins after the greeting; appends the first command if it is ours to send.
    pub(crate) fn begin(config: &Config, out: &mut Vec<u8>) -> Result<(Self, Progress), ProtocolError> {
        Ok(match &config.mechanism {
            Mechanism::Null => {
                let (side, progress) = null::Side::begin(config, out);
                (Self::Null(side), progress)
            }
            Mechanism::PlainClient { username, password } => {
                (Self::PlainClient(plain::Client::begin(username, password, out)), Progress::Wait)
            }
            Mechanism::PlainServer => (Self::PlainServer(plain::Server::new()), Progress::Wait),
            Mechanism::CurveClient { public, secret, server } => {
                let keys = curve::ClientKeys { public: *public, secret, server: *server };
                let client = curve::Client::begin(&keys, &config.entropy, out)?;
                (Self::CurveClient(Box::new(client)), Progress::Wait)
            }
            Mechanism::CurveServer { secret } => {
                (Self::CurveServer(Box::new(curve::Server::new(secret, &config.entropy))), Progress::Wait)
            }
        })
    }

    /// Takes the body of the peer's next frame.
    pub(crate) fn receive(
        &mut self,
        body: &mut [u8],
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        match self {
            Self::Null(side) => side.receive(body, config),
            Self::PlainClient(client) => client.receive(body, config, out),
            Self::PlainServer(server) => server.receive(body, config, out),
            Self::CurveClient(client) => client.receive(body, config, out),
            Self::CurveServer(server) => server.receive(body, config, out),
        }
    }

    /// Whether the server has not answered our HELLO yet.
    pub(crate) fn awaits_welcome(&self) -> bool {
        match self {
            Self::PlainClient(client) => client.awaits_welcome(),
            Self::CurveClient(client) => client.awaits_welcome(),
            _ => false,
        }
    }

    /// Takes the answer to the question.
    pub(crate) fn answer(
        &mut self,
        verdict: Verdict,
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        match self {
            Self::Null(side) => side.answer(verdict, config, out),
            Self::PlainServer(server) => server.answer(verdict, out),
            Self::CurveServer(server) => server.answer(verdict, config, out),
            // Clients ask nobody.
            Self::PlainClient(_) | Self::CurveClient(_) => Err(ProtocolError::UnexpectedCommand),
        }
    }
}

/// Appends the frame of a handshake command.
fn put_command(body: &[u8], out: &mut Vec<u8>) {
    frame::put_header(frame::Framing::V2, false, true, body.len() as u64, out);
    out.extend_from_slice(body);
}

/// Appends the ERROR that a refusal means: none for a temporary one, which the peer is to find out by itself.
fn put_error(status: u16, out: &mut Vec<u8>) {
    if status != 300 {
        put_command(format!("\x05ERROR\x03{status:03}").as_bytes(), out);
    }
}

/// The name and the data of a command of the handshake.
fn command(body: &[u8]) -> Result<(&[u8], &[u8]), ProtocolError> {
    command::split(body).ok_or(ProtocolError::Malformed(crate::error::Malformed::Unspecified))
}

/// What an ERROR command with this data says: `len:u8 reason`, where a status code is a reason of three digits.
fn refusal(data: &[u8]) -> ProtocolError {
    match data.split_first() {
        Some((len, reason)) if usize::from(*len) == reason.len() => ProtocolError::Refused(match reason {
            b"300" => Some(300),
            b"400" => Some(400),
            b"500" => Some(500),
            _ => None,
        }),
        _ => ProtocolError::MalformedError,
    }
}
