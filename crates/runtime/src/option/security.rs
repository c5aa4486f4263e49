//! The security options: which mechanism they amount to (zmq_setsockopt(3), zmq_plain(7), zmq_curve(7)).
//!
//! There is no option for the mechanism itself: each of the others chooses it when it is set, and the last one wins.
use ferrozmq_base::{Error, Result};
use ferrozmq_proto::{
    Mechanism, Password,
    curve::{KEY_BYTES, KEY_TEXT, PublicKey, SecretKey},
    z85,
};

/// A security mechanism, with its number in `zmq.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(i32)]
pub enum MechanismKind {
    /// None.
    #[default]
    Null = 0,
    /// Names and passwords.
    Plain = 1,
    /// Keys.
    Curve = 2,
}

/// The security of a socket's endpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Security {
    /// What the other fields of it are for.
    pub mechanism: MechanismKind,
    /// Judges its peers, instead of being judged.
    #[doc(alias = "ZMQ_PLAIN_SERVER")]
    #[doc(alias = "ZMQ_CURVE_SERVER")]
    pub server: bool,
    /// The name for a PLAIN server.
    #[doc(alias = "ZMQ_PLAIN_USERNAME")]
    pub username: Box<[u8]>,
    /// The password for a PLAIN server.
    #[doc(alias = "ZMQ_PLAIN_PASSWORD")]
    pub password: Password,
    /// The own public key.
    #[doc(alias = "ZMQ_CURVE_PUBLICKEY")]
    pub public_key: PublicKey,
    /// The own secret key.
    #[doc(alias = "ZMQ_CURVE_SECRETKEY")]
    pub secret_key: SecretKey,
    /// The public key of the server.
    #[doc(alias = "ZMQ_CURVE_SERVERKEY")]
    pub server_key: PublicKey,
    /// What the handler of ZAP is told of this socket; empty: NULL connections are not judged.
    #[doc(alias = "ZMQ_ZAP_DOMAIN")]
    pub zap_domain: Box<[u8]>,
    /// Nobody comes in unjudged where there is a domain.
    #[doc(alias = "ZMQ_ZAP_ENFORCE_DOMAIN")]
    pub enforce_domain: bool,
    /// Nobody comes in whom nobody has judged. Not an option of `zmq.h`, where CURVE and NULL let everybody in then.
    pub refuse_unjudged: bool,
}

impl Security {
    /// What connections are made with.
    pub(crate) fn for_connection(&self) -> Mechanism {
        match (self.mechanism, self.server) {
            (MechanismKind::Null, _) => Mechanism::Null,
            (MechanismKind::Plain, true) => Mechanism::PlainServer,
            (MechanismKind::Plain, false) => {
                Mechanism::PlainClient { username: self.username.to_vec(), password: self.password.clone() }
            }
            (MechanismKind::Curve, true) => Mechanism::CurveServer { secret: self.secret_key.clone() },
            (MechanismKind::Curve, false) => Mechanism::CurveClient {
                public: self.public_key,
                secret: self.secret_key.clone(),
                server: self.server_key,
            },
        }
    }

    /// Whether a CURVE server asks about its clients, should there be somebody to ask.
    pub(crate) fn asks(&self) -> bool {
        !(self.enforce_domain && self.zap_domain.is_empty())
    }

    /// Whether a peer comes in if there is nobody to ask.
    pub(crate) fn trusts(&self) -> bool {
        self.mechanism != MechanismKind::Plain && !self.enforce_domain && !self.refuse_unjudged
    }

    /// The role of this mechanism; no longer a server of it means no mechanism.
    pub(super) fn serve(&mut self, mechanism: MechanismKind, server: bool) {
        self.server = server;
        self.mechanism = if server { mechanism } else { MechanismKind::Null };
    }

    /// Whether the socket is a server of this mechanism.
    pub(super) fn serves(&self, mechanism: MechanismKind) -> bool {
        self.server && self.mechanism == mechanism
    }

    /// The name and the password for a PLAIN server.
    pub fn set_credentials(&mut self, name: &[u8], password: &[u8]) {
        (self.username, self.password) = (name.into(), Password(password.to_vec()));
    }

    pub(super) fn set_username(&mut self, name: Option<&[u8]>) {
        if self.be_plain_client(name.is_some())
            && let Some(name) = name
        {
            self.username = name.into();
        }
    }

    pub(super) fn set_password(&mut self, password: Option<&[u8]>) {
        if self.be_plain_client(password.is_some())
            && let Some(password) = password
        {
            self.password = Password(password.to_vec());
        }
    }

    /// None turns the mechanism off and keeps the texts.
    fn be_plain_client(&mut self, is: bool) -> bool {
        if is {
            (self.mechanism, self.server) = (MechanismKind::Plain, false);
        } else {
            self.mechanism = MechanismKind::Null;
        }
        is
    }

    pub(super) fn set_public_key(&mut self, value: Option<&[u8]>) -> Result<()> {
        self.public_key = key(value, PublicKey::from_text)?;
        self.mechanism = MechanismKind::Curve;
        Ok(())
    }

    pub(super) fn set_secret_key(&mut self, value: Option<&[u8]>) -> Result<()> {
        self.secret_key = key(value, SecretKey::from_text)?;
        self.mechanism = MechanismKind::Curve;
        Ok(())
    }

    pub(super) fn set_server_key(&mut self, value: Option<&[u8]>) -> Result<()> {
        self.server_key = key(value, PublicKey::from_text)?;
        (self.mechanism, self.server) = (MechanismKind::Curve, false);
        Ok(())
    }
}

/// A key as 32 bytes, as 40 characters, or as 40 characters and a NUL.
fn key<K: for<'a> From<&'a [u8; KEY_BYTES]>>(
    value: Option<&[u8]>,
    of_text: fn(&[u8]) -> Option<K>,
) -> Result<K> {
    let value = value.ok_or(Error::InvalidArgument)?;
    if let Ok(bytes) = <&[u8; KEY_BYTES]>::try_from(value) {
        return Ok(K::from(bytes));
    }
    let text = if value.len() == KEY_TEXT {
        value
    } else {
        value.strip_suffix(&[0]).ok_or(Error::InvalidArgument)?
    };
    of_text(text).ok_or(Error::InvalidArgument)
}

/// Writes a key as 32 bytes or as 40 characters and a NUL, by the length of the buffer.
pub(super) fn write_key(buffer: &mut [u8], key: &[u8; KEY_BYTES]) -> Result<usize> {
    if buffer.len() == KEY_BYTES {
        return super::encode::exact(buffer, key);
    }
    // 32 is a multiple of 4, the only thing that could be wrong.
    let text = zeroize::Zeroizing::new(z85::encode(key).unwrap_or_default());
    if buffer.len() != KEY_TEXT + 1 {
        return Err(Error::InvalidArgument);
    }
    super::encode::text(buffer, text.as_bytes())
}
