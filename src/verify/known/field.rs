//! The field of 2^255 − 19, as 5 limbs of 51 bits; multiplication and reduction are those of `fiat-crypto`, whose code
//! was generated from a machine-checked proof.

use super::inverse;
use fiat_crypto::curve25519_64::{
    fiat_25519_add, fiat_25519_carry, fiat_25519_carry_mul, fiat_25519_carry_square, fiat_25519_from_bytes,
    fiat_25519_loose_field_element as Loose, fiat_25519_sub, fiat_25519_tight_field_element as Tight,
    fiat_25519_to_bytes,
};

/// A number modulo 2^255 − 19, reduced far enough to be added to another one.
#[derive(Clone, Copy)]
pub(super) struct Fe(Tight);

/// A sum or difference of two [`Fe`]: good for one multiplication.
#[derive(Clone, Copy)]
pub(super) struct Sum(Loose);

impl Fe {
    pub(super) const ZERO: Self = Self(Tight([0; 5]));
    pub(super) const ONE: Self = Self(Tight([1, 0, 0, 0, 0]));

    /// The number with these limbs of 51 bits, each below 2^52.
    pub(super) fn from_limbs(limbs: [u64; 5]) -> Self {
        debug_assert!(limbs.iter().all(|limb| *limb < 1 << 52));
        let mut out = Tight([0; 5]);
        fiat_25519_carry(&mut out, &Loose(limbs));
        Self(out)
    }

    /// The number with these limbs of 51 bits, each below 2^51.
    #[inline]
    pub(super) fn of_table(limbs: [u64; 5]) -> Self {
        debug_assert!(limbs.iter().all(|limb| *limb < 1 << 51));
        Self(Tight(limbs))
    }

    /// 32 bytes, the lowest first; the top bit is not read.
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut bytes = *bytes;
        bytes[31] &= 0x7f;
        let mut out = Tight([0; 5]);
        fiat_25519_from_bytes(&mut out, &bytes);
        Self(out)
    }

    /// The one way to write the number: below 2^255 − 19, the lowest byte first.
    pub(super) fn to_bytes(self) -> [u8; 32] {
        let mut out = [0; 32];
        fiat_25519_to_bytes(&mut out, &self.0);
        out
    }

    #[inline]
    pub(super) fn add(self, other: Self) -> Sum {
        let mut out = Loose([0; 5]);
        fiat_25519_add(&mut out, &self.0, &other.0);
        Sum(out)
    }

    #[inline]
    pub(super) fn sub(self, other: Self) -> Sum {
        let mut out = Loose([0; 5]);
        fiat_25519_sub(&mut out, &self.0, &other.0);
        Sum(out)
    }

    #[inline]
    pub(super) fn mul(self, other: Self) -> Self {
        self.as_sum().mul(other.as_sum())
    }

    #[inline]
    pub(super) fn square(self) -> Self {
        let mut out = Tight([0; 5]);
        fiat_25519_carry_square(&mut out, &self.as_sum().0);
        Self(out)
    }

    /// The number whose product with this one is 1; 0 for 0.
    pub(super) fn invert(self) -> Self {
        let inverse = Self::from_bytes(&inverse::modulo_p(&self.to_bytes()));
        // The fast way is checked each time, so a mistake in it could cost time and never a wrong verdict.
        if self.mul(inverse).to_bytes() == Self::ONE.to_bytes() { inverse } else { self.pow(&P_MINUS_2) }
    }

    /// This number to a power of 256 bits, the lowest byte first.
    pub(super) fn pow(self, exponent: &[u8; 32]) -> Self {
        (0..256).rev().fold(Self::ONE, |power, bit| {
            let square = power.square();
            if exponent[bit / 8] >> (bit % 8) & 1 == 1 { square.mul(self) } else { square }
        })
    }

    /// Whether the number is odd, as its shortest form: the sign of x in RFC 8032.
    pub(super) fn is_odd(self) -> bool {
        self.to_bytes()[0] & 1 == 1
    }

    #[inline]
    fn as_sum(self) -> Sum {
        Sum(Loose(self.0.0))
    }
}

impl Sum {
    #[inline]
    pub(super) fn mul(self, other: Self) -> Fe {
        let mut out = Tight([0; 5]);
        fiat_25519_carry_mul(&mut out, &self.0, &other.0);
        Fe(out)
    }

    #[inline]
    pub(super) fn times(self, other: Fe) -> Fe {
        self.mul(other.as_sum())
    }

    #[inline]
    pub(super) fn carry(self) -> Fe {
        let mut out = Tight([0; 5]);
        fiat_25519_carry(&mut out, &self.0);
        Fe(out)
    }
}

impl PartialEq for Fe {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl std::fmt::Debug for Fe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.to_bytes().iter().rev().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// p − 2 with p = 2^255 − 19: Fermat's inversion.
const P_MINUS_2: [u8; 32] = exponent(0xeb, 0x7f);

/// A number of which all bytes but the first and the last are 255.
pub(super) const fn exponent(first: u8, last: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_times_its_inverse_is_one(bytes: [u8; 32]) {
            let number = Fe::from_bytes(&bytes);
            prop_assume!(number != Fe::ZERO);
            prop_assert_eq!(number.mul(number.invert()), Fe::ONE);
        }

        #[test]
        fn the_fast_inversion_is_fermats(bytes: [u8; 32]) {
            let number = Fe::from_bytes(&bytes);
            prop_assert_eq!(Fe::from_bytes(&inverse::modulo_p(&number.to_bytes())), number.pow(&P_MINUS_2));
        }
    }

    #[test]
    fn numbers_at_the_edges_have_inverses_too() {
        assert_eq!(Fe::ZERO.invert(), Fe::ZERO);
        for small in 1..=300u64 {
            let number = Fe::from_limbs([small, 0, 0, 0, 0]);
            let negative = Fe::ZERO.sub(number).carry();
            for number in [number, negative] {
                assert_eq!(
                    Fe::from_bytes(&inverse::modulo_p(&number.to_bytes())).mul(number),
                    Fe::ONE,
                    "{small}"
                );
            }
        }
    }
}
