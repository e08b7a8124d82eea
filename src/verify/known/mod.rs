//! Verification with a key that is known beforehand: what `verify_strict` decides, in a fraction of its time.
//!
//! The equation is R = s·B − k·A, with B the base point, A the key, (R, s) the signature and k the hash of R, A and
//! the message (RFC 8032, section 5.1.7, without the cofactor). B is the same for ever and A for as long as the key
//! is registered, so tables of their multiples turn both products into one sum of some 75 table points:
//!
//! ```text
//!  s ──► terms of B ┐
//!                   ├──► sum ──► one inversion ──► 32 bytes, equal to those of R?
//!  k ──► terms of −A┘    8 lanes of AVX-512 IFMA, or one by one
//! ```
//!
//! **Invariant**: the verdict is that of `ed25519_dalek::VerifyingKey::verify_strict`, always. It refuses an s that is
//! not below the group order; an R that is no point, or not written the one way, because the sum is a point and
//! comes out written the one way; an R of small order; and a key of small order, which is never registered.
//!
//! Nothing here is secret, so time may depend on everything. Cost: docs/numbers.md has the time of a verdict; a key
//! takes [`KeyTable::BYTES`] of memory, and some 0.4 ms to make its table.

mod field;
mod inverse;
mod point;
mod table;
#[cfg(target_arch = "x86_64")]
mod wide;

use crate::wire::digest;
use curve25519_dalek::scalar::Scalar;
use point::{Entry, Point};
use std::sync::LazyLock;
use table::{Table, Term, windows};

/// Bits a digit of the key's scalar: more of them make the sum shorter and the table of each key larger.
const KEY_WIDTH: u32 = 6;
/// Bits a digit of the base point's scalar; there is only one such table.
const BASE_WIDTH: u32 = 8;
/// All terms of one verification.
const TERMS: usize = windows(KEY_WIDTH) + windows(BASE_WIDTH);

/// A public key with its table.
pub struct KeyTable {
    bytes: [u8; 32],
    /// Of −A.
    table: Table,
}

/// What all keys share.
struct Shared {
    base: Table,
    /// The 32 bytes of each point whose order divides 8: an R that is one of them is refused.
    small_orders: [[u8; 32]; 8],
    #[cfg(target_arch = "x86_64")]
    wide: Option<wide::Wide>,
}

static SHARED: LazyLock<Shared> = LazyLock::new(Shared::new);

impl KeyTable {
    /// Memory of one, in bytes.
    pub const BYTES: usize = Table::bytes(KEY_WIDTH);

    /// Makes the table. `None` if `bytes` are no point, or one of small order.
    pub fn new(bytes: &[u8; 32]) -> Option<Self> {
        LazyLock::force(&SHARED);
        let point = Point::decompress(bytes)?;
        let eightfold = point.double().double().double();
        (eightfold.compress() != Point::IDENTITY.compress())
            .then(|| Self { bytes: *bytes, table: Table::new(&point.negate(), KEY_WIDTH) })
    }

    /// Whether the owner of this key signed `message`.
    pub fn signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.is_sound(message, signature, Shared::sum)
    }

    /// [`Self::signed`] without the wide lanes: what processors that have none run.
    pub fn signed_one_by_one(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.is_sound(message, signature, |_, terms| one_by_one(terms))
    }

    fn is_sound(
        &self,
        message: &[u8],
        signature: &[u8; 64],
        sum: impl Fn(&Shared, &[Term<'_>]) -> Point,
    ) -> bool {
        let (r, s) = halves(signature);
        let Some(s) = Option::<Scalar>::from(Scalar::from_canonical_bytes(s)) else { return false };
        let k = Scalar::from_bytes_mod_order_wide(&digest::sha512(&[&r, &self.bytes, message]));
        let shared = &*SHARED;
        let mut terms = [(&Entry::IDENTITY, false); TERMS];
        let both = self.table.terms(k.as_bytes()).chain(shared.base.terms(s.as_bytes()));
        for (slot, term) in terms.iter_mut().zip(both) {
            *slot = term;
        }
        sum(shared, &terms).compress() == r && !shared.small_orders.contains(&r)
    }
}

impl Shared {
    fn new() -> Self {
        let points = curve25519_dalek::constants::EIGHT_TORSION.map(|point| point.compress().to_bytes());
        let base = curve25519_dalek::constants::ED25519_BASEPOINT_COMPRESSED.to_bytes();
        let base = Point::decompress(&base).expect("the base point is a point");
        Self {
            base: Table::new(&base, BASE_WIDTH),
            small_orders: points,
            #[cfg(target_arch = "x86_64")]
            wide: wide::Wide::detect(),
        }
    }

    fn sum(&self, terms: &[Term<'_>]) -> Point {
        #[cfg(target_arch = "x86_64")]
        if let Some(wide) = self.wide {
            return wide.sum(terms);
        }
        one_by_one(terms)
    }
}

/// The scalar twin of `wide`.
fn one_by_one(terms: &[Term<'_>]) -> Point {
    terms.iter().fold(Point::IDENTITY, |sum, (entry, negative)| sum.add_entry(entry, *negative))
}

impl std::fmt::Debug for KeyTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyTable").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

fn halves(signature: &[u8; 64]) -> ([u8; 32], [u8; 32]) {
    let (mut r, mut s) = ([0; 32], [0; 32]);
    r.copy_from_slice(&signature[..32]);
    s.copy_from_slice(&signature[32..]);
    (r, s)
}

#[cfg(test)]
mod tests;
