//! Prices in ticks: whole numbers without gaps, by one multiplication.

use crate::types::Price;

/// The greatest common divisor of the prices that ever rested on a side of a book: the tick of the instrument, or a
/// multiple of it while nobody needed less. It gets finer at most 62 times in its life, and nobody has to set it.
///
/// With `size = odd × 2^zeros`, a price times the inverse of `odd` modulo 2⁶⁴, rotated right by `zeros`, is the
/// quotient if nothing remains; if something does, it is greater than any quotient (T. Granlund and P. L. Montgomery,
/// “Division by invariant integers using multiplication”, 1994, §9).
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Grain {
    size: u64,
    inverse: u64,
    zeros: u32,
    /// Above every quotient; zero before the first price, so that no price is divided.
    bound: u64,
}

impl Grain {
    /// The price in ticks, if it is a whole number of them.
    #[inline]
    pub(super) fn ticks(self, price: Price) -> Option<u64> {
        let ticks = (price.0 as u64).wrapping_mul(self.inverse).rotate_right(self.zeros);
        (ticks < self.bound).then_some(ticks)
    }

    /// The price of so many ticks.
    #[inline]
    pub(super) fn price(self, ticks: u64) -> Price {
        Price((ticks * self.size) as i64)
    }

    /// The greatest one that divides what this one divides, and `price`.
    pub(super) fn with(self, price: Price) -> Self {
        assert!(price.0 > 0, "what rests has a price");
        Self::new(common_divisor(self.size, price.0.unsigned_abs()))
    }

    fn new(size: u64) -> Self {
        let zeros = size.trailing_zeros();
        let odd = size >> zeros;
        // Newton's iteration: an odd number is its own inverse in the last three bits, and each step doubles them.
        let nearer = |inverse: u64, _| inverse.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(inverse)));
        let inverse = (0..5).fold(odd, nearer);
        Self { size, inverse, zeros, bound: i64::MAX as u64 / size + 1 }
    }
}

fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn divides_no_price_before_the_first_one() {
        assert_eq!([0, 1, i64::MAX].map(|price| Grain::default().ticks(Price(price))), [None; 3]);
    }

    proptest! {
        #[test]
        fn gives_the_quotient_where_nothing_remains(
            size in prop_oneof![1..=200i64, 1..=i64::MAX, (0..63u32).prop_map(|zeros| 1 << zeros)],
            price in prop_oneof![0..=40_000i64, 0..=i64::MAX],
        ) {
            let (grain, whole) = (Grain::default().with(Price(size)), Price(price - price % size));
            for price in [Price(price), whole] {
                let expected = (price.0 % size == 0).then_some((price.0 / size) as u64);
                prop_assert_eq!(grain.ticks(price), expected);
                prop_assert!(expected.is_none_or(|ticks| grain.price(ticks) == price));
            }
        }

        #[test]
        fn gets_as_fine_as_the_prices_need(prices in prop::collection::vec(1..=i64::MAX, 1..20)) {
            let grain = prices.iter().fold(Grain::default(), |grain, price| grain.with(Price(*price)));
            prop_assert!(prices.iter().all(|price| grain.ticks(Price(*price)).is_some()));
        }
    }
}
