//! Verification with a key that is known beforehand: what `verify_strict` decides, in a fraction of its time.
//!
//! The equation is R = s·B − k·A, with B the base point, A the key, (R, s) the signature and k the hash of R, A and
//! the message (RFC 8032, section 5.1.7, without the cofactor). B is the same for ever and A for as long as the key
//! is registered, so tables of their multiples turn both products into one sum of some 75 table points:
//!
//! ```text
//!  s ──► terms of B ┐
//!                   ├──► sum ──► one inversion ──► 32 bytes, equal to those of R?
//!  k ──► terms of −A┘    8 lanes of AVX-512 IFMA, 4 of AVX2, or one by one: way.rs
//! ```
//!
//! Several signatures that are there at the same time share the inversion, and in lanes each has a lane of its own.
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
pub mod way;
#[cfg(target_arch = "x86_64")]
mod wide;

use crate::wire::digest;
use curve25519_dalek::scalar::Scalar;
use field::Fe;
use point::{Entry, Point};
use std::sync::LazyLock;
use table::{Table, Term, windows};
use way::Way;

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
    table: Table<KEY_WIDTH>,
}

/// What all keys share.
struct Shared {
    base: Table<BASE_WIDTH>,
    /// The 32 bytes of each point whose order divides 8: an R that is one of them is refused.
    small_orders: [[u8; 32]; 8],
    way: Way,
}

/// Most signatures that are verified together: a lane for each, where lanes are eight. Twice as many would save
/// another twentieth of an inversion each, and the first one would wait for all of them.
pub const TOGETHER_MAX: usize = 8;

/// That the owner of a key signed a message.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Whose.
    pub key: &'a KeyTable,
    /// What is said to be signed.
    pub message: &'a [u8],
    /// R and s.
    pub signature: &'a [u8; 64],
}

static SHARED: LazyLock<Shared> = LazyLock::new(Shared::new);

impl KeyTable {
    /// Memory of one, in bytes.
    pub const BYTES: usize = Table::<KEY_WIDTH>::BYTES;

    /// Makes the table. `None` if `bytes` are no point, or one of small order.
    pub fn new(bytes: &[u8; 32]) -> Option<Self> {
        LazyLock::force(&SHARED);
        let point = Point::decompress(bytes)?;
        let eightfold = point.double().double().double();
        (eightfold.compress() != Point::IDENTITY.compress())
            .then(|| Self { bytes: *bytes, table: Table::new(&point.negate()) })
    }

    /// Whether the owner of this key signed `message`.
    pub fn signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.signed_by(SHARED.way, message, signature)
    }

    /// [`Self::signed`] in this way and no other.
    pub fn signed_by(&self, way: Way, message: &[u8], signature: &[u8; 64]) -> bool {
        let claim = Claim { key: self, message, signature };
        claim.terms(&SHARED).is_some_and(|terms| SHARED.is_fitting(&way.sum(&terms).compress(), signature))
    }
}

impl<'a> Claim<'a> {
    /// The terms of s·B − k·A. `None` if s is not below the group order.
    fn terms(&self, shared: &'a Shared) -> Option<[Term<'a>; TERMS]> {
        let (r, s) = halves(self.signature);
        let s = Option::<Scalar>::from(Scalar::from_canonical_bytes(*s))?;
        let k = Scalar::from_bytes_mod_order_wide(&digest::sha512(&[r, &self.key.bytes, self.message]));
        let mut terms = [(&Entry::IDENTITY, false); TERMS];
        let both = self.key.table.terms(k.as_bytes()).chain(shared.base.terms(s.as_bytes()));
        for (slot, term) in terms.iter_mut().zip(both) {
            *slot = term;
        }
        Some(terms)
    }
}

/// Whether each claim is true, in their order, [`TOGETHER_MAX`] at most: what [`KeyTable::signed`] says of each, with
/// one inversion for all.
pub fn signed_together(claims: &[Claim<'_>]) -> [bool; TOGETHER_MAX] {
    signed_together_by(SHARED.way, claims)
}

/// [`signed_together`] in this way and no other.
pub fn signed_together_by(way: Way, claims: &[Claim<'_>]) -> [bool; TOGETHER_MAX] {
    let shared = &*SHARED;
    let mut verdicts = [false; TOGETHER_MAX];
    // Where there is nothing to add up the sum is the identity, of which nothing is asked.
    let mut lists = [[(&Entry::IDENTITY, false); TERMS]; TOGETHER_MAX];
    for ((claim, terms), verdict) in claims.iter().zip(&mut lists).zip(&mut verdicts) {
        if let Some(own) = claim.terms(shared) {
            (*terms, *verdict) = (own, true);
        }
    }
    let (mut sums, mut products) = ([Point::IDENTITY; TOGETHER_MAX], [Fe::ONE; TOGETHER_MAX]);
    let sums = &mut sums[..claims.len()];
    way.sums(&lists[..claims.len()], sums);
    Point::compress_all(sums, &mut products, |at, bytes| {
        verdicts[at] &= shared.is_fitting(&bytes, claims[at].signature);
    });
    verdicts
}

impl Shared {
    fn new() -> Self {
        let points = curve25519_dalek::constants::EIGHT_TORSION.map(|point| point.compress().to_bytes());
        let base = curve25519_dalek::constants::ED25519_BASEPOINT_COMPRESSED.to_bytes();
        let base = Point::decompress(&base).expect("the base point is a point");
        Self { base: Table::new(&base), small_orders: points, way: Way::fastest() }
    }

    /// Whether a signature's R is the sum, and not one of the points that are refused.
    fn is_fitting(&self, sum: &[u8; 32], signature: &[u8; 64]) -> bool {
        let (r, _) = halves(signature);
        sum == r && !self.small_orders.contains(r)
    }
}

impl std::fmt::Debug for KeyTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyTable").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

fn halves(signature: &[u8; 64]) -> (&[u8; 32], &[u8; 32]) {
    let (halves, _) = signature.as_chunks::<32>();
    (&halves[0], &halves[1])
}

#[cfg(test)]
mod tests;
