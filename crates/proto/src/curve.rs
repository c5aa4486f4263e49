//! The keys of CURVE (RFC 26): 32 bytes each, written as 40 characters of Z85.

use std::fmt;

use dryoc::classic::crypto_core::crypto_scalarmult_base;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::z85;

/// The bytes of a key.
pub const KEY_BYTES: usize = 32;
/// The characters of its text.
pub const KEY_TEXT: usize = 40;

/// A public key: it says who somebody is.
///
/// ```
/// # use ferrozmq_proto::curve::PublicKey;
/// let text = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
/// let key = PublicKey::from_text(text.as_bytes()).unwrap();
/// assert_eq!(key.to_text(), text);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; KEY_BYTES]);

/// A secret key. Its bytes are overwritten when it is dropped, and no text of it appears in debug output.
///
/// ```
/// # use ferrozmq_proto::curve::SecretKey;
/// let key = SecretKey::from_text(b"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs").unwrap();
/// assert_eq!(key.public().to_text(), "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");
/// assert_eq!(SecretKey::new(*key.expose()).expose_text(), key.expose_text());
/// ```
#[derive(Clone, Default, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SecretKey(
    // In one place for life: moves leave no copies.
    Box<[u8; KEY_BYTES]>,
);

impl PublicKey {
    /// The key with this text; `None` if it is no text of a key.
    ///
    /// See the example of [`PublicKey`].
    pub fn from_text(text: &[u8]) -> Option<Self> {
        z85::decode(text).ok()?.try_into().ok().map(Self)
    }

    /// Its text.
    ///
    /// See the example of [`PublicKey`].
    pub fn to_text(&self) -> String {
        // 32 is a multiple of 4, the only thing that could be wrong.
        z85::encode(&self.0).unwrap_or_default()
    }
}

impl SecretKey {
    /// The key of these bytes: any are one. Let the operating system choose them.
    ///
    /// See the example of [`SecretKey`].
    pub fn new(mut bytes: [u8; KEY_BYTES]) -> Self {
        let key = Self::from(&bytes);
        bytes.zeroize();
        key
    }

    /// The key with this text; `None` if it is no text of a key.
    ///
    /// See the example of [`SecretKey`].
    pub fn from_text(text: &[u8]) -> Option<Self> {
        let bytes = Zeroizing::new(z85::decode(text).ok()?);
        <&[u8; KEY_BYTES]>::try_from(bytes.as_slice()).ok().map(Self::from)
    }

    /// Its bytes, which are to be kept secret.
    ///
    /// See the example of [`SecretKey`].
    pub fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// Its text, which is to be kept secret.
    ///
    /// See the example of [`SecretKey`].
    pub fn expose_text(&self) -> String {
        z85::encode(&*self.0).unwrap_or_default()
    }

    /// The public key that belongs to it.
    ///
    /// See the example of [`SecretKey`].
    pub fn public(&self) -> PublicKey {
        let mut public = [0; KEY_BYTES];
        crypto_scalarmult_base(&mut public, &self.0);
        PublicKey(public)
    }
}

impl From<&[u8; KEY_BYTES]> for PublicKey {
    fn from(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(*bytes)
    }
}

/// Makes no other copy of the bytes.
impl From<&[u8; KEY_BYTES]> for SecretKey {
    fn from(bytes: &[u8; KEY_BYTES]) -> Self {
        let mut key = Self::default();
        key.0.copy_from_slice(bytes);
        key
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &[u8] = b"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
    const SECRET: &[u8] = b"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";

    #[test]
    fn the_public_key_follows_from_the_secret_one() {
        let secret = SecretKey::from_text(SECRET).unwrap();
        assert_eq!(Some(secret.public()), PublicKey::from_text(PUBLIC));
        assert_eq!(secret.public().to_text().as_bytes(), PUBLIC);
        assert_eq!(secret.expose_text().as_bytes(), SECRET);
    }

    #[test]
    fn only_40_characters_of_z85_are_a_key() {
        for len in [0, 35, 39, 41, 45] {
            assert_eq!(PublicKey::from_text(&vec![b'0'; len]), None, "{len}");
        }
        assert_eq!(PublicKey::from_text(&[b' '; 40]), None);
    }

    #[test]
    fn a_secret_key_is_not_printed() {
        let secret = SecretKey::new([0xAB; 32]);
        assert_eq!(format!("{secret:?}"), "SecretKey(..)");
    }
}
