//! Multiples of a point, made once, so that a product with any scalar is a sum of a few of them.
//!
//! A scalar is cut into digits of `WIDTH` bits, each from −2^(WIDTH−1) to 2^(WIDTH−1) − 1; window i holds the multiples
//! 0 … 2^(WIDTH−1) of 2^(WIDTH·i) times the point. No doubling is left for the time of the product.

use super::point::{Entry, Point};

/// The windows of one point, of so many bits: a constant, so that cutting a scalar is shifts that are known.
pub(super) struct Table<const WIDTH: u32> {
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

impl<const WIDTH: u32> Table<WIDTH> {
    /// Memory of one, in bytes.
    pub(super) const BYTES: usize = windows(WIDTH) * (Self::HALF + 1) * size_of::<Entry>();

    /// The largest digit, in size.
    const HALF: usize = 1 << (WIDTH - 1);

    /// [`Self::HALF`] in each window: a scalar with this added has the same digits with `HALF` added, all of them from
    /// 0 on, so that no digit has to wait for what the one before it carries over.
    const HALVES: [u64; 5] = {
        // The topmost window takes what the sum carries into it.
        assert!(windows(WIDTH) as u32 * WIDTH > SCALAR_BITS + 1);
        let (mut words, mut window) = ([0; 5], 0);
        while window < windows(WIDTH) as u32 {
            let bit = window * WIDTH + WIDTH - 1;
            words[(bit / 64) as usize] |= 1 << (bit % 64);
            window += 1;
        }
        words
    };

    pub(super) fn new(point: &Point) -> Self {
        let mut base = *point;
        let mut entries = Vec::with_capacity(windows(WIDTH) * (Self::HALF + 1));
        let mut multiples = Vec::with_capacity(Self::HALF + 1);
        for _ in 0..windows(WIDTH) {
            multiples.clear();
            multiples.push(Point::IDENTITY);
            for at in 0..Self::HALF {
                multiples.push(multiples[at].add(&base));
            }
            base = multiples[Self::HALF].double();
            entries.extend(Entry::of(&multiples));
        }
        debug_assert_eq!(size_of_val(&*entries), Self::BYTES);
        Self { entries: entries.into_boxed_slice() }
    }

    /// The terms whose sum is `scalar` (below 2^253, the lowest byte first) times the point.
    #[inline]
    pub(super) fn terms(&self, scalar: &[u8; 32]) -> impl Iterator<Item = Term<'_>> {
        let words = plus(super::inverse::words(scalar), &Self::HALVES);
        self.entries.chunks_exact(Self::HALF + 1).enumerate().map(move |(window, multiples)| {
            let digit = bits(&words, window as u32 * WIDTH, WIDTH) as i64 - Self::HALF as i64;
            (&multiples[digit.unsigned_abs() as usize], digit < 0)
        })
    }
}

/// The sum of two numbers, the lowest word first.
#[inline]
fn plus(left: [u64; 4], right: &[u64; 5]) -> [u64; 5] {
    let mut out = *right;
    let mut carry = false;
    for (out, left) in out.iter_mut().zip(left.into_iter().chain([0])) {
        (*out, carry) = out.carrying_add(left, carry);
    }
    out
}

/// `count` bits of a number, from bit `from` on.
#[inline]
fn bits(words: &[u64; 5], from: u32, count: u32) -> u64 {
    let (word, bit) = ((from / 64) as usize, from % 64);
    let above = words.get(word + 1).copied().unwrap_or(0);
    let wide = u128::from(words[word]) | u128::from(above) << 64;
    (wide >> bit) as u64 & ((1 << count) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use curve25519_dalek::constants::ED25519_BASEPOINT_POINT;
    use curve25519_dalek::scalar::Scalar;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    /// The product by each width.
    fn products(scalar: &Scalar) -> [[u8; 32]; 5] {
        static TABLES: LazyLock<(Table<4>, Table<5>, Table<6>, Table<7>, Table<8>)> = LazyLock::new(|| {
            let base = Point::decompress(&ED25519_BASEPOINT_POINT.compress().to_bytes()).unwrap();
            (Table::new(&base), Table::new(&base), Table::new(&base), Table::new(&base), Table::new(&base))
        });
        let (four, five, six, seven, eight) = &*TABLES;
        let (four, five, six) = (product(four, scalar), product(five, scalar), product(six, scalar));
        [four, five, six, product(seven, scalar), product(eight, scalar)]
    }

    fn product<const WIDTH: u32>(table: &Table<WIDTH>, scalar: &Scalar) -> [u8; 32] {
        let sum = |point: Point, (entry, negative)| point.add_entry(entry, negative);
        table.terms(scalar.as_bytes()).fold(Point::IDENTITY, sum).compress()
    }

    proptest! {
        #[test]
        fn terms_of_any_width_sum_up_to_the_product(bytes: [u8; 64]) {
            let scalar = Scalar::from_bytes_mod_order_wide(&bytes);
            let expected = (ED25519_BASEPOINT_POINT * scalar).compress().to_bytes();
            prop_assert_eq!(products(&scalar), [expected; 5]);
        }
    }

    #[test]
    fn scalars_at_the_edges_are_products_too() {
        let powers = (0..252).map(|bit| (0..bit).fold(Scalar::ONE, |power, _| power + power));
        let edges = [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, -Scalar::ONE - Scalar::ONE];
        for scalar in powers.chain(edges) {
            let expected = (ED25519_BASEPOINT_POINT * scalar).compress().to_bytes();
            assert_eq!(products(&scalar), [expected; 5], "{scalar:?}");
        }
    }
}
