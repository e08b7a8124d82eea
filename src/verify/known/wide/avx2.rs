//! Four lanes of AVX2: a register for each of 10 limbs of 26 and 25 bits by turns, because its multiplier takes 32 bits
//! and gives 64. Limb i counts 2^⌈25.5·i⌉, so two neighbours make one limb of 51 bits.
//!
//! How large a limb may be, even and odd ones (N = 2^26 and 2^25):
//!
//! | | limbs below | may be |
//! |---|---|---|
//! | reduced: a product, or of a table | 1.01·N | anything |
//! | `twice`, `sum_of` of reduced ones | 2.02·N | either side of a multiplication |
//! | `difference` of reduced ones, `sum_of` with a `twice` | 3.03·N | either side: 19-fold it is below 2^32 |
//! | `difference` with a `twice` on its left | 4.04·N | the left side |
//!
//! The sum of the ten products of a limb is below 19 · 4.04 · 3.03 · (5 · 2 + 5) · 2^51 < 2^63, so nothing is carried
//! but products.

use super::super::TERMS;
use super::super::field::Fe;
use super::super::point::{Entry, Point};
use super::super::table::Term;
use super::{TWICE_D, row};
use std::arch::x86_64::*;

/// Four numbers.
type Numbers = [__m256i; 10];

additions!("avx2", 4 lanes, folded by 2, 1);

const MASKS: [i64; 2] = [(1 << 26) - 1, (1 << 25) - 1];
/// 2·p in limbs: the first one, the other even ones, the odd ones.
const TWICE_P: [i64; 3] = [(1 << 27) - 38, (1 << 27) - 2, (1 << 26) - 2];

/// Ten products for each limb. That of two odd limbs counts twice, because each of them is half a bit less than its
/// place says; what is above the tenth limb counts 19-fold in the first ones.
#[inline]
#[target_feature(enable = "avx2")]
fn mul(left: &Numbers, right: &Numbers) -> Numbers {
    let nineteen = _mm256_set1_epi64x(19);
    let (mut left_twice, mut right_19) = (*left, *right);
    for limb in left_twice.iter_mut().skip(1).step_by(2) {
        *limb = _mm256_add_epi64(*limb, *limb);
    }
    for limb in &mut right_19 {
        *limb = _mm256_mul_epu32(*limb, nineteen);
    }
    // The limb of the product, and those of `left`; written out, because a loop of so many steps would stay one.
    macro_rules! column {
        ($at:literal: $($i:literal)+) => {{
            let mut sum = _mm256_setzero_si256();
            $({
                const J: usize = (10 + $at - $i) % 10;
                let left = if $i & J & 1 == 1 { left_twice[$i] } else { left[$i] };
                let right = if $i + J < 10 { right[J] } else { right_19[J] };
                sum = _mm256_add_epi64(sum, _mm256_mul_epu32(left, right));
            })+
            sum
        }};
    }
    carry([
        column!(0: 0 1 2 3 4 5 6 7 8 9),
        column!(1: 0 1 2 3 4 5 6 7 8 9),
        column!(2: 0 1 2 3 4 5 6 7 8 9),
        column!(3: 0 1 2 3 4 5 6 7 8 9),
        column!(4: 0 1 2 3 4 5 6 7 8 9),
        column!(5: 0 1 2 3 4 5 6 7 8 9),
        column!(6: 0 1 2 3 4 5 6 7 8 9),
        column!(7: 0 1 2 3 4 5 6 7 8 9),
        column!(8: 0 1 2 3 4 5 6 7 8 9),
        column!(9: 0 1 2 3 4 5 6 7 8 9),
    ])
}

/// Two chains, from the first limb and from the sixth, so that one need not wait for the other; each goes one step
/// further than where the other began.
#[inline]
#[target_feature(enable = "avx2")]
fn carry(mut limbs: Numbers) -> Numbers {
    macro_rules! step {
        ($($at:literal)+) => { $(
            let above = _mm256_srli_epi64::<{ if $at % 2 == 0 { 26 } else { 25 } }>(limbs[$at]);
            limbs[$at] = _mm256_and_si256(limbs[$at], _mm256_set1_epi64x(MASKS[$at % 2]));
            let above = if $at == 9 { times_19(above) } else { above };
            limbs[($at + 1) % 10] = _mm256_add_epi64(limbs[($at + 1) % 10], above);
        )+ };
    }
    step!(0 5 1 6 2 7 3 8 4 9 5 0);
    limbs
}

#[inline]
#[target_feature(enable = "avx2")]
fn difference(left: &Numbers, right: &Numbers) -> Numbers {
    let mut out = sum_of(left, &twice_p());
    for (out, right) in out.iter_mut().zip(right) {
        *out = _mm256_sub_epi64(*out, *right);
    }
    out
}

#[inline]
#[target_feature(enable = "avx2")]
fn sum_of(left: &Numbers, right: &Numbers) -> Numbers {
    let mut out = *left;
    for (out, right) in out.iter_mut().zip(right) {
        *out = _mm256_add_epi64(*out, *right);
    }
    out
}

#[inline]
#[target_feature(enable = "avx2")]
fn twice(number: &Numbers) -> Numbers {
    sum_of(number, number)
}

#[inline]
#[target_feature(enable = "avx2")]
fn negated(number: &Numbers, lanes: [bool; LANES]) -> Numbers {
    let all_ones = |lane: usize| -i64::from(lanes[lane]);
    let lanes = _mm256_set_epi64x(all_ones(3), all_ones(2), all_ones(1), all_ones(0));
    let (mut out, twice_p) = (*number, twice_p());
    for (out, twice_p) in out.iter_mut().zip(twice_p) {
        *out = _mm256_blendv_epi8(*out, _mm256_sub_epi64(twice_p, *out), lanes);
    }
    out
}

#[inline]
#[target_feature(enable = "avx2")]
fn times_19(limb: __m256i) -> __m256i {
    let twice = _mm256_add_epi64(limb, limb);
    _mm256_add_epi64(_mm256_add_epi64(limb, twice), _mm256_slli_epi64::<4>(limb))
}

#[inline]
#[target_feature(enable = "avx2")]
fn twice_p() -> Numbers {
    let (even, odd) = (_mm256_set1_epi64x(TWICE_P[1]), _mm256_set1_epi64x(TWICE_P[2]));
    [_mm256_set1_epi64x(TWICE_P[0]), odd, even, odd, even, odd, even, odd, even, odd]
}

#[inline]
#[target_feature(enable = "avx2")]
fn twice_d() -> Numbers {
    let mut out = small(0);
    for (out, limb) in out.as_chunks_mut::<2>().0.iter_mut().zip(TWICE_D) {
        *out = [_mm256_set1_epi64x(limb & MASKS[0]), _mm256_set1_epi64x(limb >> 26)];
    }
    out
}

#[inline]
#[target_feature(enable = "avx2")]
fn small(number: i64) -> Numbers {
    let mut out = [_mm256_setzero_si256(); 10];
    out[0] = _mm256_set1_epi64x(number);
    out
}

#[inline]
#[target_feature(enable = "avx2")]
fn rotated<const BY: i32>(number: &Numbers) -> Numbers {
    let mut out = *number;
    for limb in &mut out {
        *limb = match BY {
            1 => _mm256_permute4x64_epi64::<0b00_11_10_01>(*limb),
            _ => _mm256_permute4x64_epi64::<0b01_00_11_10>(*limb),
        };
    }
    out
}

#[inline]
#[target_feature(enable = "avx2")]
fn lane_0(number: &Numbers) -> Fe {
    let mut limbs = [0; 5];
    for (out, [low, high]) in limbs.iter_mut().zip(number.as_chunks::<2>().0) {
        let of_lane = _mm256_add_epi64(*low, _mm256_slli_epi64::<26>(*high));
        *out = _mm_cvtsi128_si64(_mm256_castsi256_si128(of_lane)) as u64;
    }
    Fe::from_limbs(limbs)
}

/// Four numbers of 4 words, turned over into 10 limbs of 4 lanes.
#[inline]
#[target_feature(enable = "avx2")]
fn limbs(rows: [&[u64; 4]; LANES]) -> Numbers {
    // Words of neighbours side by side, then four of them in a row.
    let [a, b, c, d] = [row(rows[0]), row(rows[1]), row(rows[2]), row(rows[3])];
    let (ab_even, ab_odd) = (_mm256_unpacklo_epi64(a, b), _mm256_unpackhi_epi64(a, b));
    let (cd_even, cd_odd) = (_mm256_unpacklo_epi64(c, d), _mm256_unpackhi_epi64(c, d));
    let (first, second) = (
        _mm256_permute2x128_si256::<0x20>(ab_even, cd_even),
        _mm256_permute2x128_si256::<0x20>(ab_odd, cd_odd),
    );
    let (third, fourth) = (
        _mm256_permute2x128_si256::<0x31>(ab_even, cd_even),
        _mm256_permute2x128_si256::<0x31>(ab_odd, cd_odd),
    );
    let (even, odd) = (_mm256_set1_epi64x(MASKS[0]), _mm256_set1_epi64x(MASKS[1]));
    [
        _mm256_and_si256(first, even),
        _mm256_and_si256(_mm256_srli_epi64::<26>(first), odd),
        _mm256_and_si256(joined::<51, 13>(first, second), even),
        _mm256_and_si256(_mm256_srli_epi64::<13>(second), odd),
        _mm256_srli_epi64::<38>(second),
        _mm256_and_si256(third, odd),
        _mm256_and_si256(_mm256_srli_epi64::<25>(third), even),
        _mm256_and_si256(joined::<51, 13>(third, fourth), odd),
        _mm256_and_si256(_mm256_srli_epi64::<12>(fourth), even),
        _mm256_srli_epi64::<38>(fourth),
    ]
}

/// What is above so many bits of one word, and below it the next word.
#[inline]
#[target_feature(enable = "avx2")]
fn joined<const DOWN: i32, const UP: i32>(low: __m256i, high: __m256i) -> __m256i {
    _mm256_or_si256(_mm256_srli_epi64::<DOWN>(low), _mm256_slli_epi64::<UP>(high))
}
