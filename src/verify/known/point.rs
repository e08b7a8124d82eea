//! Points of the curve −x² + y² = 1 + d·x²·y², with formulas that hold for every pair of points (Hisil, Wong, Carter,
//! Dawson, "Twisted Edwards Curves Revisited", 2008, section 3.1): no case is left out, so none can be met.

use super::field::{Fe, Sum, exponent};
use super::inverse::words;

/// Any point as (X : Y : Z : T): x = X/Z, y = Y/Z, T = X·Y/Z.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) x: Fe,
    pub(super) y: Fe,
    pub(super) z: Fe,
    pub(super) t: Fe,
}

/// A point of a table, as an addition wants it: y + x, y − x, 2·d·x·y; each in 4 words, the lowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(32))]
pub(super) struct Entry(pub(super) [[u64; 4]; 3]);

/// d = −121665/121666.
const D: [u8; 32] = [
    0xa3, 0x78, 0x59, 0x13, 0xca, 0x4d, 0xeb, 0x75, 0xab, 0xd8, 0x41, 0x41, 0x4d, 0x0a, 0x70, 0x00, 0x98,
    0xe8, 0x79, 0x77, 0x79, 0x40, 0xc7, 0x8c, 0x73, 0xfe, 0x6f, 0x2b, 0xee, 0x6c, 0x03, 0x52,
];
/// A square root of −1.
const ROOT_OF_MINUS_1: [u8; 32] = [
    0xb0, 0xa0, 0x0e, 0x4a, 0x27, 0x1b, 0xee, 0xc4, 0x78, 0xe4, 0x2f, 0xad, 0x06, 0x18, 0x43, 0x2f, 0xa7,
    0xd7, 0xfb, 0x3d, 0x99, 0x00, 0x4d, 0x2b, 0x0b, 0xdf, 0xc1, 0x4f, 0x80, 0x24, 0x83, 0x2b,
];
/// (p − 5) / 8.
const ROOT_EXPONENT: [u8; 32] = exponent(0xfd, 0x0f);

impl Point {
    pub(super) const IDENTITY: Self = Self { x: Fe::ZERO, y: Fe::ONE, z: Fe::ONE, t: Fe::ZERO };

    /// The point that RFC 8032, section 5.1.3 reads from 32 bytes; `None` if there is none.
    pub(super) fn decompress(bytes: &[u8; 32]) -> Option<Self> {
        let y = Fe::from_bytes(bytes);
        let square = y.square();
        let numerator = square.sub(Fe::ONE).carry();
        let denominator = square.mul(Fe::from_bytes(&D)).add(Fe::ONE).carry();
        let mut x = root(numerator, denominator)?;
        if x.is_odd() != (bytes[31] >> 7 == 1) {
            x = Fe::ZERO.sub(x).carry();
        }
        Some(Self::affine(x, y))
    }

    fn affine(x: Fe, y: Fe) -> Self {
        Self { x, y, z: Fe::ONE, t: x.mul(y) }
    }

    /// The 32 bytes of RFC 8032, section 5.1.2.
    pub(super) fn compress(&self) -> [u8; 32] {
        let inverse = self.z.invert();
        compressed(self.x.mul(inverse), self.y.mul(inverse))
    }

    /// [`Point::compress`] of many, with one inversion, the last one first. `products` has as much room as there are
    /// points.
    pub(super) fn compress_all(points: &[Self], products: &mut [Fe], mut each: impl FnMut(usize, [u8; 32])) {
        Self::affine_all(points, products, |at, x, y| each(at, compressed(x, y)));
    }

    /// x and y of each point, the last one first. One inversion serves all: the products of all Z before each one,
    /// then backwards. No Z is 0, so none spoils the others.
    fn affine_all(points: &[Self], products: &mut [Fe], mut each: impl FnMut(usize, Fe, Fe)) {
        let mut all = Fe::ONE;
        for (point, before) in points.iter().zip(&mut *products) {
            *before = all;
            all = all.mul(point.z);
        }
        let mut inverse = all.invert();
        for (at, (point, before)) in points.iter().zip(products).enumerate().rev() {
            let of_z = inverse.mul(*before);
            inverse = inverse.mul(point.z);
            each(at, point.x.mul(of_z), point.y.mul(of_z));
        }
    }

    pub(super) fn negate(&self) -> Self {
        Self { x: Fe::ZERO.sub(self.x).carry(), t: Fe::ZERO.sub(self.t).carry(), ..*self }
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        let minus = self.y.sub(self.x).mul(other.y.sub(other.x));
        let plus = self.y.add(self.x).mul(other.y.add(other.x));
        let both_t = self.t.mul(Fe::from_bytes(&D)).mul(other.t);
        let both_z = self.z.mul(other.z);
        Self::sum(minus, plus, both_t.add(both_t).carry(), both_z.add(both_z).carry())
    }

    /// This point plus or minus one of a table: 7 multiplications.
    #[inline]
    pub(super) fn add_entry(&self, entry: &Entry, negative: bool) -> Self {
        // Subtracting a point is adding it with y + x and y − x changed over, and with −2·d·x·y: that is f and g
        // changed over. Nobody can foretell the sign, so it chooses by place and not by a branch.
        let at = usize::from(negative);
        let number = |at: usize| Fe::of_table(limbs(entry.0[at]));
        let minus = self.y.sub(self.x).times(number(1 - at));
        let plus = self.y.add(self.x).times(number(at));
        let both_t = self.t.mul(number(2));
        let both_z = self.z.add(self.z).carry();
        let (e, h) = (plus.sub(minus), plus.add(minus));
        let f_g = [both_z.sub(both_t), both_z.add(both_t)];
        let (f, g) = (f_g[at], f_g[1 - at]);
        Self { x: e.mul(f), y: g.mul(h), z: f.mul(g), t: e.mul(h) }
    }

    /// The second half of an addition: (Y₁ − X₁)(Y₂ − X₂), (Y₁ + X₁)(Y₂ + X₂), 2·d·T₁·T₂ and 2·Z₁·Z₂ are known.
    #[inline]
    pub(super) fn sum(minus: Fe, plus: Fe, both_t: Fe, both_z: Fe) -> Self {
        let e: Sum = plus.sub(minus);
        let f: Sum = both_z.sub(both_t);
        let g: Sum = both_z.add(both_t);
        let h: Sum = plus.add(minus);
        Self { x: e.mul(f), y: g.mul(h), z: f.mul(g), t: e.mul(h) }
    }

    pub(super) fn double(&self) -> Self {
        self.add(self)
    }
}

impl Entry {
    /// The point that changes nothing.
    pub(super) const IDENTITY: Self = Self([[1, 0, 0, 0], [1, 0, 0, 0], [0; 4]]);

    /// The same points, ready for a table.
    pub(super) fn of(points: &[Point]) -> Vec<Self> {
        let mut entries = vec![Self::IDENTITY; points.len()];
        let mut products = vec![Fe::ONE; points.len()];
        Point::affine_all(points, &mut products, |at, x, y| entries[at] = Self::affine(x, y));
        entries
    }

    fn affine(x: Fe, y: Fe) -> Self {
        let t = x.mul(y).mul(Fe::from_bytes(&D));
        Self([y.add(x).carry(), y.sub(x).carry(), t.add(t).carry()].map(|number| words(&number.to_bytes())))
    }
}

fn compressed(x: Fe, y: Fe) -> [u8; 32] {
    let mut bytes = y.to_bytes();
    bytes[31] |= u8::from(x.is_odd()) << 7;
    bytes
}

/// 4 words of 64 bits as 5 limbs of 51; the number is below 2^255.
#[inline]
fn limbs([a, b, c, d]: [u64; 4]) -> [u64; 5] {
    const MASK: u64 = (1 << 51) - 1;
    [a & MASK, (a >> 51 | b << 13) & MASK, (b >> 38 | c << 26) & MASK, (c >> 25 | d << 39) & MASK, d >> 12]
}

/// The square root of u/v, if it has one: one power, then a look at which of its four candidates it is.
fn root(u: Fe, v: Fe) -> Option<Fe> {
    let v3 = v.square().mul(v);
    let v7 = v3.square().mul(v);
    let candidate = u.mul(v3).mul(u.mul(v7).pow(&ROOT_EXPONENT));
    let square = v.mul(candidate.square());
    if square == u {
        Some(candidate)
    } else if square == Fe::ZERO.sub(u).carry() {
        Some(candidate.mul(Fe::from_bytes(&ROOT_OF_MINUS_1)))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
    use curve25519_dalek::edwards::CompressedEdwardsY;
    use curve25519_dalek::scalar::Scalar;
    use proptest::prelude::*;

    #[test]
    fn the_constants_are_what_they_are_defined_as() {
        let small = |number: u64| Fe::from_limbs([number, 0, 0, 0, 0]);
        assert_eq!(Fe::from_bytes(&D).mul(small(121_666)).add(small(121_665)).carry(), Fe::ZERO);
        assert_eq!(Fe::from_bytes(&ROOT_OF_MINUS_1).square().add(Fe::ONE).carry(), Fe::ZERO);
    }

    proptest! {
        #[test]
        fn bytes_are_read_as_a_point_exactly_where_dalek_reads_one(bytes: [u8; 32]) {
            let ours = Point::decompress(&bytes);
            let theirs = CompressedEdwardsY(bytes).decompress();
            prop_assert_eq!(ours.map(|point| point.compress()), theirs.map(|point| point.compress().to_bytes()));
        }

        #[test]
        fn sums_are_those_of_dalek(a: u64, b: u64, negative: bool) {
            let (p, q) = (ED25519_BASEPOINT_POINT * Scalar::from(a), ED25519_BASEPOINT_POINT * Scalar::from(b));
            let ours = |point: curve25519_dalek::EdwardsPoint| Point::decompress(&point.compress().to_bytes()).unwrap();
            prop_assert_eq!(ours(p).add(&ours(q)).compress(), (p + q).compress().to_bytes());
            prop_assert_eq!(ours(p).double().compress(), (p + p).compress().to_bytes());
            let entry = Entry::of(&[ours(q)])[0];
            let expected = if negative { p - q } else { p + q };
            prop_assert_eq!(ours(p).add_entry(&entry, negative).compress(), expected.compress().to_bytes());
        }
    }
}
