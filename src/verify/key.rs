//! A public key of a client, and the decision whether it made a signature.
//!
//! The decision is `verify_strict`'s: the scalar below the group order, R on the curve, canonical and not of small
//! order, the equation without cofactor. So there is one signature for one message and nonce, and nobody can
//! turn a captured one into another that fits too. Whatever verifier stands beside it must decide the same, as
//! [`known`](super::known) does.

use ed25519_dalek::{Signature, VerifyingKey};

/// A public key that passed [`PublicKey::parse`].
#[derive(Clone, Debug)]
pub struct PublicKey(VerifyingKey);

/// Why a public key is not taken. No honest key generator makes any of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// The bytes are not the y of a point.
    #[error("not a point of the curve Ed25519")]
    NotAPoint,
    /// y is written above the field's prime: two texts for one key.
    #[error("a point in an encoding that is not canonical")]
    NotCanonical,
    /// Of order 1, 2, 4 or 8: signatures can be made for it without knowing a secret.
    #[error("a weak key, of small order")]
    Weak,
    /// Partly of small order: verifiers disagree about its signatures.
    #[error("a key outside the prime-order group")]
    MixedOrder,
}

impl PublicKey {
    /// Takes the 32 bytes of RFC 8032.
    pub fn parse(bytes: &[u8; 32]) -> Result<Self, KeyProblem> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyProblem::NotAPoint)?;
        let point = key.to_edwards();
        if key.is_weak() {
            Err(KeyProblem::Weak)
        } else if point.compress().as_bytes() != bytes {
            Err(KeyProblem::NotCanonical)
        } else if !point.is_torsion_free() {
            Err(KeyProblem::MixedOrder)
        } else {
            Ok(Self(key))
        }
    }

    /// The 32 bytes of RFC 8032.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Whether the owner of this key signed `message`.
    pub fn signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}
