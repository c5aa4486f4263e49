//! Boxes on the wire: 16 bytes that prove who sealed it, then as many bytes as were sealed.

use dryoc::classic::crypto_box::{
    crypto_box_beforenm, crypto_box_detached_afternm_inplace, crypto_box_open_detached_afternm_inplace,
};
use zeroize::{Zeroize, Zeroizing};

use crate::{
    curve::{KEY_BYTES, PublicKey, SecretKey},
    error::ProtocolError,
};

pub(crate) const TAG_BYTES: usize = 16;

/// What seals and opens boxes: the key that two pairs of keys have in common, or one of one side alone. Overwritten when
/// it is dropped, and never printed. It has one place for life: moves leave no copies.
pub(super) struct BoxKey(Box<[u8; KEY_BYTES]>);

impl BoxKey {
    /// The key of these bytes.
    pub(super) fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(Box::new(*bytes))
    }

    /// The key of whoever owns one of the two secret keys. None: of a few public keys everybody knows what follows.
    pub(super) fn shared(theirs: &PublicKey, own: &SecretKey) -> Result<Self, ProtocolError> {
        let key = crypto_box_beforenm(&theirs.0, own.expose()).map(Zeroizing::new);
        key.map(|key| Self::new(&key)).map_err(|_| ProtocolError::Cryptographic)
    }
}

impl Drop for BoxKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for BoxKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BoxKey(..)")
    }
}

/// A nonce: the purpose in 16 bytes, then a counter.
pub(super) fn counted(purpose: &[u8; 16], counter: u64) -> [u8; 24] {
    nonce(purpose, &counter.to_be_bytes())
}

/// A nonce: the purpose in 8 bytes, then 16 of chance.
pub(super) fn random(purpose: &[u8; 8], tail: &[u8; 16]) -> [u8; 24] {
    nonce(purpose, tail)
}

fn nonce(head: &[u8], tail: &[u8]) -> [u8; 24] {
    let mut nonce = [0; 24];
    for (to, from) in nonce.iter_mut().zip(head.iter().chain(tail)) {
        *to = *from;
    }
    nonce
}

/// Appends the box of `plain`.
pub(super) fn put(with: &BoxKey, nonce: &[u8; 24], plain: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; TAG_BYTES]);
    out.extend_from_slice(plain);
    close(with, nonce, out, start);
}

/// Seals what lies in `out` behind `start` and a place for the tag.
pub(super) fn close(with: &BoxKey, nonce: &[u8; 24], out: &mut [u8], start: usize) {
    let sealed = out.get_mut(start..).and_then(|sealed| sealed.split_first_chunk_mut::<TAG_BYTES>());
    if let Some((tag, plain)) = sealed {
        crypto_box_detached_afternm_inplace(plain, tag, nonce, &with.0);
    }
}

/// Opens a box where it lies; what was sealed.
pub(super) fn open<'a>(
    with: &BoxKey,
    nonce: &[u8; 24],
    sealed: &'a mut [u8],
) -> Result<&'a mut [u8], ProtocolError> {
    let (tag, plain) = sealed.split_first_chunk_mut::<TAG_BYTES>().ok_or(ProtocolError::Cryptographic)?;
    match crypto_box_open_detached_afternm_inplace(plain, tag, nonce, &with.0) {
        Ok(()) => Ok(plain),
        Err(_) => Err(ProtocolError::Cryptographic),
    }
}

#[cfg(test)]
mod tests {
    use crypto_box::{
        SalsaBox,
        aead::{AeadInPlace, generic_array::GenericArray},
    };
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn boxes_are_those_of_another_implementation(
            own: [u8; 32],
            theirs: [u8; 32],
            nonce: [u8; 24],
            plain in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..300),
                prop::collection::vec(any::<u8>(), 0..5000),
            ],
            broken: prop::sample::Index,
        ) {
            let (own, theirs) = (SecretKey::new(own), SecretKey::new(theirs));
            let key = BoxKey::shared(&theirs.public(), &own).unwrap();
            let other = SalsaBox::new(
                &crypto_box::PublicKey::from(own.public().0),
                &crypto_box::SecretKey::from(*theirs.expose()),
            );
            let mut sealed = vec![];
            put(&key, &nonce, &plain, &mut sealed);
            let mut expected = plain.clone();
            let tag = other.encrypt_in_place_detached(GenericArray::from_slice(&nonce), b"", &mut expected).unwrap();
            prop_assert_eq!(&sealed[..TAG_BYTES], &tag[..]);
            prop_assert_eq!(&sealed[TAG_BYTES..], &expected[..]);

            let at = broken.index(sealed.len());
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            prop_assert!(open(&key, &nonce, &mut changed).is_err());
            prop_assert_eq!(&*open(&key, &nonce, &mut sealed).unwrap(), &plain[..]);
        }
    }

    #[test]
    fn a_public_key_that_makes_the_secret_known_is_refused() {
        let own = SecretKey::new([7; 32]);
        for theirs in [
            PublicKey([0; 32]),
            PublicKey({
                let mut one = [0; 32];
                one[0] = 1;
                one
            }),
        ] {
            assert!(matches!(BoxKey::shared(&theirs, &own), Err(ProtocolError::Cryptographic)));
        }
    }

    #[test]
    fn a_key_is_not_printed() {
        assert_eq!(format!("{:?}", BoxKey::new(&[0xAB; 32])), "BoxKey(..)");
    }
}
