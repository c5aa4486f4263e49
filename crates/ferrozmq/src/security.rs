//! Who may come in: keys, names and passwords, and who judges them.
//!
//! A socket has one of three mechanisms: none, PLAIN (a name and a password, in the clear), or CURVE (keys, and everything
//! encrypted). One side of a connection is the server, whichever of the two binds.
//!
//! A server asks about each peer: the application's own handler of ZAP (RFC 27), a REP or ROUTER socket bound to
//! `inproc://zeromq.zap.01`, if there is one; else the context's [`Authenticator`]. **Without either it lets nobody in.**
//! (The C library, like libzmq, lets in everybody who knows the key of a CURVE server.)
//!
//! ```
//! use ferrozmq::Context;
//! use ferrozmq::security::{Authenticator, KeyPair};
//!
//! let (server, client) = (KeyPair::generate()?, KeyPair::generate()?);
//! let guard = Authenticator::new().allow_key(client.public, "joe");
//!
//! let ctx = Context::builder().authenticator(guard).build();
//! let mut tasks = ctx.pull().curve_server(&server.secret).bind("tcp://127.0.0.1:*")?;
//! let mut push = ctx.push().curve_client(&client, server.public).connect(tasks.last_endpoint())?;
//! push.send("encrypted")?;
//! let task = tasks.recv()?;
//! assert_eq!(task, "encrypted");
//! assert_eq!(task.property("User-Id"), Some(&b"joe"[..]));
//! # Ok::<(), ferrozmq::Error>(())
//! ```

mod authenticator;

use std::{fmt, str::FromStr};

pub use authenticator::{Authenticator, Judgement, Peer};
#[doc(inline)]
pub use ferrozmq_runtime::curve::{PublicKey, SecretKey};
use ferrozmq_sys::random;
use zeroize::Zeroizing;

use crate::{Error, Result};

/// A secret key and the public key that belongs to it.
///
/// ```
/// use ferrozmq::security::KeyPair;
///
/// let keys = KeyPair::generate()?;
/// assert_eq!(KeyPair::from_secret(keys.secret.clone()), keys);
/// let text = keys.public.to_text();                                   // 40 characters
/// assert_eq!(ferrozmq::security::PublicKey::from_text(text.as_bytes()), Some(keys.public));
/// # Ok::<(), ferrozmq::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair {
    /// Tells others who this is.
    pub public: PublicKey,
    /// Proves it. Debug output does not show it.
    pub secret: SecretKey,
}

impl KeyPair {
    /// A new pair, of the system's random bytes.
    ///
    /// See the example of [`KeyPair`].
    ///
    /// # Errors
    /// The system has none.
    #[doc(alias = "zmq_curve_keypair")]
    pub fn generate() -> Result<Self> {
        let mut bytes = Zeroizing::new([0; 32]);
        random::fill(&mut *bytes).map_err(|e| Error::from(ferrozmq_base::Error::from(e)))?;
        Ok(Self::from_secret(SecretKey::from(&*bytes)))
    }

    /// The pair of a secret key.
    ///
    /// See the example of [`KeyPair`].
    #[doc(alias = "zmq_curve_public")]
    pub fn from_secret(secret: SecretKey) -> Self {
        Self { public: secret.public(), secret }
    }
}

/// The pair whose secret key is this text of 40 characters.
impl FromStr for KeyPair {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        SecretKey::from_text(text.as_bytes()).map(Self::from_secret).ok_or(NotAKey)
    }
}

/// A text that is not the 40 characters of Z85 (RFC 32) that a key has.
///
/// ```
/// use ferrozmq::security::{KeyPair, NotAKey};
///
/// assert_eq!("secret".parse::<KeyPair>(), Err(NotAKey));
/// let keys: KeyPair = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs".parse()?;
/// assert_eq!(keys.public.to_text(), "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");
/// # Ok::<(), NotAKey>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAKey;

impl fmt::Display for NotAKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a key: 40 characters of Z85")
    }
}

impl std::error::Error for NotAKey {}
