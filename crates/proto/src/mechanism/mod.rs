//! Security mechanisms: who may connect, and what is done to frames (RFC 23, 24, 25, 38).
//!
//! [`Mechanism`] is the setting, [`Handshake`] the state of one connection. A mechanism has three parts here: its name
//! in the greeting, the exchange of commands until both sides are ready, and whether frames stay as they are after it.

mod null;

use crate::{config::Config, engine::PeerProperties, error::ProtocolError};

/// The security mechanism of a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mechanism {
    /// No security (RFC 23, NULL).
    #[default]
    Null,
}

impl Mechanism {
    /// The name in the greeting.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Null => "NULL",
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
        match self {
            Self::Null => true,
        }
    }
}

/// The exchange of handshake commands of one connection.
#[derive(Debug)]
pub(crate) enum Handshake {
    Null,
}

impl Handshake {
    /// Begins after the greeting; appends the first frame if it is ours to send.
    pub(crate) fn begin(config: &Config, out: &mut Vec<u8>) -> Self {
        match config.mechanism {
            Mechanism::Null => {
                null::begin(config, out);
                Self::Null
            }
        }
    }

    /// Takes the body of the peer's next frame; the peer's properties once both sides are ready.
    pub(crate) fn receive(
        &mut self,
        body: &[u8],
        config: &Config,
    ) -> Result<Option<PeerProperties>, ProtocolError> {
        match self {
            Self::Null => null::receive(body, config).map(Some),
        }
    }
}
