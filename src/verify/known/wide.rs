//! The sum of many terms in eight lanes of AVX-512 IFMA: each lane adds every eighth term, then the lanes are added up.
//! Its scalar twin is a fold over [`Point::add_entry`]; tests hold the two together.
//!
//! ```text
//!   terms   0 8 16 …   1 9 17 …   …   7 15 23 …          8 field elements in a register: one limb of each,
//!           lane 0     lane 1         lane 7             5 registers for the 5 limbs of 51 bits
//!              └────┬────┘               │
//!                   └──────── 3 additions of half as many lanes each ──► one point
//! ```
//!
//! The multiplier takes the lowest 52 bits of its operands, so each operand is *reduced*: limbs below 2^51 + 2^15,
//! which is what [`carry`] leaves. The sum of two of them is not, and is carried first.
//!
//! The only unsafe code of this room, because the compiler cannot know that the processor has these instructions:
//! [`Wide::detect`] asks it, and without a `Wide` nothing here can be called.
#![allow(unsafe_code)]

use super::field::Fe;
use super::point::{Entry, Point};
use super::table::Term;
use std::arch::x86_64::*;

/// Proof that the processor has AVX-512F and AVX-512IFMA.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wide(());

/// As many points are added at a time.
pub(super) const LANES: usize = 8;

/// Eight field elements.
type Fe8 = [__m512i; 5];

/// Eight points.
#[derive(Clone, Copy)]
struct Point8 {
    x: Fe8,
    y: Fe8,
    z: Fe8,
    t: Fe8,
}

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

impl Wide {
    /// `None` on a processor without the instructions.
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")).then_some(Self(()))
    }

    /// The sum of all terms.
    pub(super) fn sum(self, terms: &[Term<'_>]) -> Point {
        // SAFETY: a `Wide` exists only where `detect` found both features.
        unsafe { sum(terms) }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn sum(terms: &[Term<'_>]) -> Point {
    let (full, rest) = terms.as_chunks::<LANES>();
    let (one, zero) = (splat(1), splat(0));
    let mut sum = Point8 { x: zero, y: one, z: one, t: zero };
    for terms in full {
        sum = add_entries(&sum, terms);
    }
    if !rest.is_empty() {
        let mut last = [(&Entry::IDENTITY, false); LANES];
        last[..rest.len()].copy_from_slice(rest);
        sum = add_entries(&sum, &last);
    }
    // 8 lanes to 4, 4 to 2, 2 to 1.
    sum = add(&sum, &rotated::<4>(&sum));
    sum = add(&sum, &rotated::<2>(&sum));
    sum = add(&sum, &rotated::<1>(&sum));
    Point { x: lane_0(&sum.x), y: lane_0(&sum.y), z: lane_0(&sum.z), t: lane_0(&sum.t) }
}

/// [`Point::add_entry`] in each lane.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn add_entries(point: &Point8, terms: &[Term<'_>; LANES]) -> Point8 {
    // Subtracting a point is adding it with y + x and y − x changed over, and with −2·d·x·y.
    let plus = limbs(terms.map(|(entry, negative)| &entry.0[usize::from(negative)]));
    let minus = limbs(terms.map(|(entry, negative)| &entry.0[usize::from(!negative)]));
    let t = limbs(terms.map(|(entry, _)| &entry.0[2]));
    let negative = terms.iter().rev().fold(0, |mask, (_, negative)| mask << 1 | u8::from(*negative));
    let t = each_limb!(AT => _mm512_mask_sub_epi64(t[AT], negative, twice_p(AT), t[AT]));
    second_half(
        mul(&difference(&point.y, &point.x), &minus),
        mul(&carry(plain_sum(&point.y, &point.x)), &plus),
        mul(&point.t, &t),
        plain_sum(&point.z, &point.z),
    )
}

/// [`Point::add`] in each lane.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn add(left: &Point8, right: &Point8) -> Point8 {
    let both_t = mul(&mul(&left.t, &twice_d()), &right.t);
    let both_z = mul(&left.z, &right.z);
    second_half(
        mul(&difference(&left.y, &left.x), &difference(&right.y, &right.x)),
        mul(&carry(plain_sum(&left.y, &left.x)), &carry(plain_sum(&right.y, &right.x))),
        both_t,
        plain_sum(&both_z, &both_z),
    )
}

/// The half that all additions share; `both_z` alone need not be reduced.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn second_half(minus: Fe8, plus: Fe8, both_t: Fe8, both_z: Fe8) -> Point8 {
    let e = difference(&plus, &minus);
    let f = difference(&both_z, &both_t);
    let g = carry(plain_sum(&both_z, &both_t));
    let h = carry(plain_sum(&plus, &minus));
    Point8 { x: mul(&e, &f), y: mul(&g, &h), z: mul(&f, &g), t: mul(&e, &h) }
}

/// Reduced times reduced is reduced. The product of two limbs has 104 bits, of which the multiplier gives the lower or
/// the upper 52; a limb has 51, so the upper part counts twice in the next limb.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn mul(left: &Fe8, right: &Fe8) -> Fe8 {
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
#[target_feature(enable = "avx512f,avx512ifma")]
fn carry(limbs: Fe8) -> Fe8 {
    let mask = _mm512_set1_epi64(LIMB_MASK);
    let above: Fe8 = each_limb!(AT => _mm512_srli_epi64::<51>(limbs[AT]));
    let from_below = [times_19(above[4]), above[0], above[1], above[2], above[3]];
    each_limb!(AT => _mm512_add_epi64(_mm512_and_si512(limbs[AT], mask), from_below[AT]))
}

/// left − right. `left` may be the sum of two reduced numbers.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn difference(left: &Fe8, right: &Fe8) -> Fe8 {
    carry(each_limb!(AT => _mm512_sub_epi64(_mm512_add_epi64(left[AT], twice_p(AT)), right[AT])))
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn plain_sum(left: &Fe8, right: &Fe8) -> Fe8 {
    each_limb!(AT => _mm512_add_epi64(left[AT], right[AT]))
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
fn twice_d() -> Fe8 {
    each_limb!(AT => _mm512_set1_epi64(TWICE_D[AT]))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn splat(number: i64) -> Fe8 {
    let mut out = [_mm512_setzero_si512(); 5];
    out[0] = _mm512_set1_epi64(number);
    out
}

/// The points with each lane moved down by `BY`.
#[inline]
#[target_feature(enable = "avx512f")]
fn rotated<const BY: i32>(point: &Point8) -> Point8 {
    Point8 {
        x: each_limb!(AT => _mm512_alignr_epi64::<BY>(point.x[AT], point.x[AT])),
        y: each_limb!(AT => _mm512_alignr_epi64::<BY>(point.y[AT], point.y[AT])),
        z: each_limb!(AT => _mm512_alignr_epi64::<BY>(point.z[AT], point.z[AT])),
        t: each_limb!(AT => _mm512_alignr_epi64::<BY>(point.t[AT], point.t[AT])),
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn lane_0(number: &Fe8) -> Fe {
    Fe::from_limbs(each_limb!(AT => _mm_cvtsi128_si64(_mm512_castsi512_si128(number[AT])) as u64))
}

/// Eight numbers of 4 words, turned over into 5 limbs of 8 lanes.
#[inline]
#[target_feature(enable = "avx512f")]
fn limbs(rows: [&[u64; 4]; LANES]) -> Fe8 {
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

#[inline]
#[target_feature(enable = "avx512f")]
fn row(words: &[u64; 4]) -> __m256i {
    // SAFETY: the reference is good for 32 bytes, and the load asks for no alignment.
    unsafe { _mm256_loadu_si256(std::ptr::from_ref(words).cast()) }
}

/// 2·d in limbs of 51 bits.
const TWICE_D: [i64; 5] =
    [0x6_9b94_26b2_f159, 0x3_5050_762a_dd7a, 0x3_cf44_c003_8052, 0x6_738c_c740_7977, 0x2_406d_9dc5_6dff];
