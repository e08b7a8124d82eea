//! AES-256-GCM under one data key.

use super::KeyError;
use crate::sys::secret::Secret;
use crate::wire::record::TAG_BYTES;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::io;

/// Bytes of a key.
pub const KEY_BYTES: usize = 32;

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 12;

/// A key, ready to be used. The crypto library zeroes its schedule when it is dropped.
#[derive(Debug)]
pub struct Cipher(LessSafeKey);

/// Fills `bytes` with random ones.
pub fn random(bytes: &mut [u8]) -> Result<(), KeyError> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| io::Error::other("the random generator failed").into())
}

impl Cipher {
    /// A cipher of a key of 32 bytes.
    pub fn new(key: &Secret) -> Result<Self, KeyError> {
        let unbound = UnboundKey::new(&AES_256_GCM, key.bytes());
        let unbound = unbound.map_err(|_| io::Error::other("a key of the wrong length"))?;
        Ok(Self(LessSafeKey::new(unbound)))
    }

    /// Encrypts in place and gives the tag. The caller never gives a nonce twice.
    pub fn seal(
        &self,
        nonce: [u8; NONCE_BYTES],
        associated: &[u8],
        bytes: &mut [u8],
    ) -> Result<[u8; TAG_BYTES], KeyError> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(associated), bytes);
        let tag = tag.map_err(|_| io::Error::other("the cipher failed"))?;
        let mut out = [0; TAG_BYTES];
        out.copy_from_slice(tag.as_ref());
        Ok(out)
    }

    /// Decrypts into `out`, which is as long as `sealed`; `None` if the tag does not fit.
    pub fn open(
        &self,
        nonce: [u8; NONCE_BYTES],
        associated: &[u8],
        sealed: &[u8],
        tag: &[u8],
        out: &mut [u8],
    ) -> Option<()> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_separate_gather(nonce, Aad::from(associated), sealed, tag, out).ok()
    }
}
