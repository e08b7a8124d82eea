//! Sums of many points in the lanes of wide vectors: eight of AVX-512 IFMA, or four of AVX2. Their scalar twin is a
//! fold over [`Point::add_entry`]; tests hold all three together.
//!
//! ```text
//!   one sum            terms   0 8 16 …   1 9 17 …   …   7 15 23 …      each lane adds every eighth term,
//!                              lane 0     lane 1         lane 7         then the lanes are added up
//!                                 └────┬────┘               │
//!                                      └──────── 3 additions of half as many lanes each ──► one point
//!
//!   eight sums         terms   0 1 2 …    0 1 2 …    …   0 1 2 …        each lane makes a sum of its own:
//!                              of sum 0   of sum 1       of sum 7       nothing is left to be added up
//! ```
//!
//! `ifma.rs` and `avx2.rs` have the numbers of each, `additions.rs` the additions, which both share.
//!
//! The only file of this room with unsafe code, because the compiler cannot know that the processor has these
//! instructions: [`Wide::detect`] asks it, and without a `Wide` nothing here can be called.
#![allow(unsafe_code)]

#[macro_use]
mod additions;
mod avx2;
mod ifma;

use super::TERMS;
use super::point::Point;
use super::table::Term;
use std::arch::x86_64::{__m256i, _mm256_loadu_si256};

/// Proof that the processor has the instructions of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wide(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ifma,
    Avx2,
}

/// 2·d in limbs of 51 bits.
const TWICE_D: [i64; 5] =
    [0x6_9b94_26b2_f159, 0x3_5050_762a_dd7a, 0x3_cf44_c003_8052, 0x6_738c_c740_7977, 0x2_406d_9dc5_6dff];

impl Wide {
    /// Those that this processor has, the fastest first.
    pub(super) fn detect() -> impl Iterator<Item = Self> {
        let ifma = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma");
        let avx2 = is_x86_feature_detected!("avx2");
        [ifma.then_some(Self(Kind::Ifma)), avx2.then_some(Self(Kind::Avx2))].into_iter().flatten()
    }

    /// What its instructions are called.
    pub(super) fn name(self) -> &'static str {
        match self.0 {
            Kind::Ifma => "AVX-512 IFMA",
            Kind::Avx2 => "AVX2",
        }
    }

    /// The sum of all terms.
    pub(super) fn sum(self, terms: &[Term<'_>]) -> Point {
        match self.0 {
            // SAFETY: `detect` alone makes one of these, where the processor has both features.
            Kind::Ifma => unsafe { ifma::sum(terms) },
            // SAFETY: the same, with the one feature.
            Kind::Avx2 => unsafe { avx2::sum(terms) },
        }
    }

    /// The sums of several lists of terms, in their order.
    pub(super) fn sums(self, lists: &[[Term<'_>; TERMS]], sums: &mut [Point]) {
        match self.0 {
            // SAFETY: as above.
            Kind::Ifma => unsafe { ifma::sums(lists, sums) },
            // SAFETY: as above.
            Kind::Avx2 => unsafe { avx2::sums(lists, sums) },
        }
    }
}

#[inline]
#[target_feature(enable = "avx")]
fn row(words: &[u64; 4]) -> __m256i {
    // SAFETY: the reference is good for 32 bytes, and the load asks for no alignment.
    unsafe { _mm256_loadu_si256(std::ptr::from_ref(words).cast()) }
}

#[cfg(test)]
mod tests {
    use super::super::field::Fe;
    use super::*;
    use proptest::prelude::*;

    /// Below 2^255: any, few bits, nearly all bits, around p.
    fn number() -> impl Strategy<Value = [u64; 4]> {
        let top = u64::MAX >> 1;
        prop_oneof![
            any::<[u64; 4]>().prop_map(move |[a, b, c, d]| [a, b, c, d & top]),
            (0..255usize).prop_map(|bit| std::array::from_fn(|at| u64::from(at == bit / 64) << (bit % 64))),
            (0..255usize).prop_map(move |bit| {
                let mut all = [u64::MAX, u64::MAX, u64::MAX, top];
                all[bit / 64] ^= 1 << (bit % 64);
                all
            }),
            (0..64u64).prop_map(move |below| [u64::MAX - below, u64::MAX, u64::MAX, top]),
        ]
    }

    fn fe(words: &[u64; 4]) -> Fe {
        let mut bytes = [0; 32];
        for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Fe::from_bytes(&bytes)
    }

    /// As the field does it whose proof was checked by a machine.
    fn second_half(minus: Fe, plus: Fe, both_t: Fe, z: Fe) -> Point {
        Point::sum(minus, plus, both_t, z.add(z).carry())
    }

    fn in_lanes(wide: Wide, numbers: &[[[u64; 4]; 8]; 4]) -> Vec<Point> {
        match wide.0 {
            Kind::Ifma => {
                let numbers = numbers.each_ref().map(|lanes| lanes.each_ref());
                // SAFETY: a `Wide` exists only where the processor has its features.
                unsafe { ifma::second_halves(numbers) }.to_vec()
            }
            Kind::Avx2 => {
                let half = |from: usize| {
                    let numbers = numbers.each_ref().map(|lanes| std::array::from_fn(|at| &lanes[from + at]));
                    // SAFETY: as above.
                    unsafe { avx2::second_halves(numbers) }
                };
                [half(0), half(4)].concat()
            }
        }
    }

    proptest! {
        #[test]
        fn numbers_in_lanes_are_those_of_the_verified_field(
            numbers in proptest::array::uniform4(proptest::array::uniform8(number())),
        ) {
            for wide in Wide::detect() {
                for (lane, found) in in_lanes(wide, &numbers).into_iter().enumerate() {
                    let [minus, plus, both_t, z] = numbers.map(|lanes| fe(&lanes[lane]));
                    let Point { x, y, z, t } = second_half(minus, plus, both_t, z);
                    let expected = second_half(x, y, z, t);
                    let found = [found.x, found.y, found.z, found.t];
                    prop_assert_eq!(found, [expected.x, expected.y, expected.z, expected.t], "{}", wide.name());
                }
            }
        }
    }
}
