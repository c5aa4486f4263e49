//! Boxes on the wire: 16 bytes that prove who sealed it, then as many bytes as were sealed.

use crypto_box::{
    SalsaBox, Tag,
    aead::{AeadInPlace, generic_array::GenericArray},
};

use crate::error::ProtocolError;

pub(crate) const TAG_BYTES: usize = 16;

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
pub(super) fn put(
    with: &impl Seal,
    nonce: &[u8; 24],
    plain: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), ProtocolError> {
    let start = out.len();
    out.extend_from_slice(&[0; TAG_BYTES]);
    out.extend_from_slice(plain);
    close(with, nonce, out, start)
}

/// Seals what lies in `out` behind `start` and a place for the tag.
pub(super) fn close(
    with: &impl Seal,
    nonce: &[u8; 24],
    out: &mut [u8],
    start: usize,
) -> Result<(), ProtocolError> {
    let sealed = out.get_mut(start..).and_then(|sealed| sealed.split_first_chunk_mut::<TAG_BYTES>());
    let Some((tag, plain)) = sealed else { return Err(ProtocolError::Cryptographic) };
    *tag = with.seal(nonce, plain).ok_or(ProtocolError::Cryptographic)?;
    Ok(())
}

/// Opens a box where it lies; what was sealed.
pub(super) fn open<'a>(
    with: &impl Seal,
    nonce: &[u8; 24],
    sealed: &'a mut [u8],
) -> Result<&'a mut [u8], ProtocolError> {
    let (tag, plain) = sealed.split_first_chunk_mut::<TAG_BYTES>().ok_or(ProtocolError::Cryptographic)?;
    if with.open(nonce, plain, tag) { Ok(plain) } else { Err(ProtocolError::Cryptographic) }
}

/// What seals and opens boxes: a pair of keys, or one key.
pub(super) trait Seal {
    /// Encrypts in place; the tag.
    fn seal(&self, nonce: &[u8; 24], plain: &mut [u8]) -> Option<[u8; TAG_BYTES]>;
    /// Decrypts in place if the tag is right.
    fn open(&self, nonce: &[u8; 24], sealed: &mut [u8], tag: &[u8; TAG_BYTES]) -> bool;
}

impl<
    B: AeadInPlace<
            NonceSize = <SalsaBox as crypto_box::aead::AeadCore>::NonceSize,
            TagSize = <SalsaBox as crypto_box::aead::AeadCore>::TagSize,
        >,
> Seal for B
{
    fn seal(&self, nonce: &[u8; 24], plain: &mut [u8]) -> Option<[u8; TAG_BYTES]> {
        let tag = self.encrypt_in_place_detached(GenericArray::from_slice(nonce), b"", plain).ok()?;
        Some(tag.into())
    }

    fn open(&self, nonce: &[u8; 24], sealed: &mut [u8], tag: &[u8; TAG_BYTES]) -> bool {
        let tag: &Tag = GenericArray::from_slice(tag);
        self.decrypt_in_place_detached(GenericArray::from_slice(nonce), b"", sealed, tag).is_ok()
    }
}
