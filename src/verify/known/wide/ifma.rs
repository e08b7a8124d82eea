//! Eight lanes of AVX-512 IFMA: a register for each of the 5 limbs of 51 bits.
//!
//! The multiplier takes the lowest 52 bits of its operands, so each operand is *reduced*: limbs below 2^51 + 2^15,
//! which is what [`carry`] leaves. The sum of two of them is not, and is carried first.

use super::super::TERMS;
use super::super::field::Fe;
use super::super::point::{Entry, Point};
use super::super::table::Term;
use super::{TWICE_D, row};
use std::arch::x86_64::*;

/// Eight numbers.
type Numbers = [__m512i; 5];

additions!("avx512f,avx512ifma", 8 lanes, folded by 4, 2, 1);

/// An array with one value a limb. A closure would not do: the library function that calls it is compiled for any
/// processor, so the compiler could not put one into the other.
macro_rules! each_limb {
    ($limb:ident => $value:expr) => {
        [
            {
                const $limb: usize = 0;
                $value
            },
            {
                const $limb: usize = 1;
                $value
            },
            {
                const $limb: usize = 2;
                $value
            },
            {
                const $limb: usize = 3;
                $value
            },
            {
                const $limb: usize = 4;
                $value
            },
        ]
    };
}

const LIMB_MASK: i64 = (1 << 51) - 1;
/// 2·p in limbs, the first one and the others: added before a subtraction, so that no limb goes below zero.
const TWICE_P: [i64; 2] = [(1 << 52) - 38, (1 << 52) - 2];

/// Reduced times reduced is reduced. The product of two limbs has 104 bits, of which the multiplier gives the lower or
/// the upper 52; a limb has 51, so the upper part counts twice in the next limb.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn mul(left: &Numbers, right: &Numbers) -> Numbers {
    let zero = _mm512_setzero_si512();
    let mut low = [zero; 10];
    let mut high = [zero; 10];
    for (i, left) in left.iter().enumerate() {
        for (j, right) in right.iter().enumerate() {
            low[i + j] = _mm512_madd52lo_epu64(low[i + j], *left, *right);
            high[i + j + 1] = _mm512_madd52hi_epu64(high[i + j + 1], *left, *right);
        }
    }
    // At most 5 · 2^52 + 2 · 5 · 2^52 each, and 20 times that is below 2^60.
    for (low, high) in low.iter_mut().zip(&high) {
        *low = _mm512_add_epi64(*low, _mm512_add_epi64(*high, *high));
    }
    carry(each_limb!(AT => _mm512_add_epi64(low[AT], times_19(low[AT + 5]))))
}

/// What is above 51 bits goes to the next limb, and from the last one 19-fold to the first. From limbs below 2^61
/// it makes limbs below 2^51 + 2^15.
#[inline]
#[target_feature(enable = "avx512f")]
fn carry(limbs: Numbers) -> Numbers {
    let mask = _mm512_set1_epi64(LIMB_MASK);
    let above: Numbers = each_limb!(AT => _mm512_srli_epi64::<51>(limbs[AT]));
    let from_below = [times_19(above[4]), above[0], above[1], above[2], above[3]];
    each_limb!(AT => _mm512_add_epi64(_mm512_and_si512(limbs[AT], mask), from_below[AT]))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn difference(left: &Numbers, right: &Numbers) -> Numbers {
    carry(each_limb!(AT => _mm512_sub_epi64(_mm512_add_epi64(left[AT], twice_p(AT)), right[AT])))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn sum_of(left: &Numbers, right: &Numbers) -> Numbers {
    carry(each_limb!(AT => _mm512_add_epi64(left[AT], right[AT])))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn twice(number: &Numbers) -> Numbers {
    each_limb!(AT => _mm512_add_epi64(number[AT], number[AT]))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn negated(number: &Numbers, lanes: [bool; LANES]) -> Numbers {
    let lanes = lanes.iter().rev().fold(0, |mask, negative| mask << 1 | u8::from(*negative));
    each_limb!(AT => _mm512_mask_sub_epi64(number[AT], lanes, twice_p(AT), number[AT]))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn times_19(limb: __m512i) -> __m512i {
    let twice = _mm512_add_epi64(limb, limb);
    _mm512_add_epi64(_mm512_add_epi64(limb, twice), _mm512_slli_epi64::<4>(limb))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn twice_p(limb: usize) -> __m512i {
    _mm512_set1_epi64(TWICE_P[usize::from(limb > 0)])
}

#[inline]
#[target_feature(enable = "avx512f")]
fn twice_d() -> Numbers {
    each_limb!(AT => _mm512_set1_epi64(TWICE_D[AT]))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn small(number: i64) -> Numbers {
    let mut out = [_mm512_setzero_si512(); 5];
    out[0] = _mm512_set1_epi64(number);
    out
}

#[inline]
#[target_feature(enable = "avx512f")]
fn rotated<const BY: i32>(number: &Numbers) -> Numbers {
    each_limb!(AT => _mm512_alignr_epi64::<BY>(number[AT], number[AT]))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn lane_0(number: &Numbers) -> Fe {
    Fe::from_limbs(each_limb!(AT => _mm_cvtsi128_si64(_mm512_castsi512_si128(number[AT])) as u64))
}

/// Eight numbers of 4 words, turned over into 5 limbs of 8 lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn limbs(rows: [&[u64; 4]; LANES]) -> Numbers {
    // Two rows a register: 0 and 4, 1 and 5 …; then words of neighbours side by side, then four of them in a row.
    let pair = |at: usize| _mm512_inserti64x4::<1>(_mm512_castsi256_si512(row(rows[at])), row(rows[at + 4]));
    let (a, b, c, d) = (pair(0), pair(1), pair(2), pair(3));
    let (ab_even, ab_odd) = (_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
    let (cd_even, cd_odd) = (_mm512_unpacklo_epi64(c, d), _mm512_unpackhi_epi64(c, d));
    let first = _mm512_set_epi64(13, 12, 5, 4, 9, 8, 1, 0);
    let second = _mm512_set_epi64(15, 14, 7, 6, 11, 10, 3, 2);
    let words = [
        _mm512_permutex2var_epi64(ab_even, first, cd_even),
        _mm512_permutex2var_epi64(ab_odd, first, cd_odd),
        _mm512_permutex2var_epi64(ab_even, second, cd_even),
        _mm512_permutex2var_epi64(ab_odd, second, cd_odd),
    ];
    let mask = _mm512_set1_epi64(LIMB_MASK);
    [
        _mm512_and_si512(words[0], mask),
        _mm512_and_si512(
            _mm512_or_si512(_mm512_srli_epi64::<51>(words[0]), _mm512_slli_epi64::<13>(words[1])),
            mask,
        ),
        _mm512_and_si512(
            _mm512_or_si512(_mm512_srli_epi64::<38>(words[1]), _mm512_slli_epi64::<26>(words[2])),
            mask,
        ),
        _mm512_and_si512(
            _mm512_or_si512(_mm512_srli_epi64::<25>(words[2]), _mm512_slli_epi64::<39>(words[3])),
            mask,
        ),
        _mm512_srli_epi64::<12>(words[3]),
    ]
}
