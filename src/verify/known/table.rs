//! Multiples of a point, made once, so that a product with any scalar is a sum of a few of them.
//!
//! A scalar is cut into digits of `width` bits, each from −2^(width−1) to 2^(width−1); window i holds the multiples
//! 0 … 2^(width−1) of 2^(width·i) times the point. No doubling is left for the time of the product.

use super::point::{Entry, Point};

/// The windows of one point.
pub(super) struct Table {
    width: u32,
    entries: Box<[Entry]>,
}

/// A term of a product: an entry, to be added or subtracted.
pub(super) type Term<'a> = (&'a Entry, bool);

/// Scalars are below 2^253, the order of the base point being a little above 2^252; the topmost digit takes a carry.
const SCALAR_BITS: u32 = 253;

/// How many windows a table has, and so how many terms a product.
pub(super) const fn windows(width: u32) -> usize {
    (SCALAR_BITS + 1).div_ceil(width) as usize
}

impl Table {
    /// Memory of one, in bytes.
    pub(super) const fn bytes(width: u32) -> usize {
        windows(width) * ((1 << (width - 1)) + 1) * size_of::<Entry>()
    }

    pub(super) fn new(point: &Point, width: u32) -> Self {
        let half = 1 << (width - 1);
        let mut base = *point;
        let mut entries = Vec::with_capacity(windows(width) * (half + 1));
        let mut multiples = Vec::with_capacity(half + 1);
        for _ in 0..windows(width) {
            multiples.clear();
            multiples.push(Point::IDENTITY);
            for at in 0..half {
                multiples.push(multiples[at].add(&base));
            }
            base = multiples[half].double();
            entries.extend(Entry::of(&multiples));
        }
        debug_assert_eq!(size_of_val(&*entries), Self::bytes(width));
        Self { width, entries: entries.into_boxed_slice() }
    }

    /// The terms whose sum is `scalar` (below 2^253, the lowest byte first) times the point.
    #[inline]
    pub(super) fn terms(&self, scalar: &[u8; 32]) -> impl Iterator<Item = Term<'_>> {
        let half = 1u64 << (self.width - 1);
        let words = super::inverse::words(scalar);
        let mut carry = 0;
        self.entries.chunks_exact(half as usize + 1).enumerate().map(move |(window, multiples)| {
            let digit = bits(&words, window as u32 * self.width, self.width) + carry;
            carry = u64::from(digit > half);
            // Above the half it is cheaper to go one too far in the next window and come back in this one.
            let back = digit > half;
            let times = if back { (half << 1) - digit } else { digit };
            (&multiples[times as usize], back)
        })
    }
}

/// `count` bits of a number of 256 bits, from bit `from` on; above it there are zeros.
#[inline]
fn bits(words: &[u64; 4], from: u32, count: u32) -> u64 {
    let (word, bit) = ((from / 64) as usize, from % 64);
    let word_at = |at: usize| words.get(at).copied().unwrap_or(0);
    let wide = u128::from(word_at(word)) | u128::from(word_at(word + 1)) << 64;
    (wide >> bit) as u64 & ((1 << count) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
    use curve25519_dalek::scalar::Scalar;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
        let base = Point::decompress(&ED25519_BASEPOINT_POINT.compress().to_bytes()).unwrap();
        (4..=8).map(|width| Table::new(&base, width)).collect()
    });

    fn product(table: &Table, scalar: &Scalar) -> [u8; 32] {
        let sum = |point: Point, (entry, negative)| point.add_entry(entry, negative);
        table.terms(scalar.as_bytes()).fold(Point::IDENTITY, sum).compress()
    }

    proptest! {
        #[test]
        fn terms_of_any_width_sum_up_to_the_product(bytes: [u8; 64]) {
            let scalar = Scalar::from_bytes_mod_order_wide(&bytes);
            let expected = (ED25519_BASEPOINT_POINT * scalar).compress().to_bytes();
            for table in TABLES.iter() {
                prop_assert_eq!(product(table, &scalar), expected);
            }
        }
    }

    #[test]
    fn scalars_at_the_edges_are_products_too() {
        let powers = (0..252).map(|bit| (0..bit).fold(Scalar::ONE, |power, _| power + power));
        let edges = [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, -Scalar::ONE - Scalar::ONE];
        for scalar in powers.chain(edges) {
            let expected = (ED25519_BASEPOINT_POINT * scalar).compress().to_bytes();
            for table in TABLES.iter() {
                assert_eq!(product(table, &scalar), expected, "{scalar:?} by windows of {}", table.width);
            }
        }
    }
}
