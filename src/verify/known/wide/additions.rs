//! Additions in each lane, with the formulas of `super::super::point`.
//!
//! A macro, because a generic function has no features of the processor, and what it calls could not become part of it.
//! A file that uses it has `Numbers`, one number in each lane, and of them
//!
//! | | |
//! |---|---|
//! | `mul(a, b)` | the product, *reduced* |
//! | `sum_of(a, b)`, `difference(a, b)` | of reduced ones, good for one multiplication |
//! | `twice(a)` | good for `sum_of` and as the left one of `difference` |
//! | `negated(a, lanes)` | of a number of a table: −a in these lanes, good for one multiplication |
//! | `small(n)`, `twice_d()` | the same number in all lanes |
//! | `rotated::<BY>(a)` | each lane moved down by so many |
//! | `lane_0(a)` | the number in the first lane |
//! | `limbs(rows)` | numbers of 4 words, one for each lane |

macro_rules! additions {
    ($features:literal, $lanes:literal lanes, folded by $($by:literal),+) => {
        /// As many points are added at a time.
        const LANES: usize = $lanes;

        /// A point in each lane.
        #[derive(Clone, Copy)]
        struct Points {
            x: Numbers,
            y: Numbers,
            z: Numbers,
            t: Numbers,
        }

        /// The sum of all terms.
        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn sum(terms: &[Term<'_>]) -> Point {
            let (full, rest) = terms.as_chunks::<LANES>();
            let mut sum = identity();
            for terms in full {
                sum = add_entries(&sum, terms);
            }
            if !rest.is_empty() {
                let mut last = [(&Entry::IDENTITY, false); LANES];
                last[..rest.len()].copy_from_slice(rest);
                sum = add_entries(&sum, &last);
            }
            $(sum = add(&sum, &moved::<$by>(&sum));)+
            first(&sum)
        }

        /// The sum of each list. A lane for each list takes as many additions as it has terms, however few lists there
        /// are; list after list takes fewer where there are only some.
        #[inline]
        #[target_feature(enable = $features)]
        pub(super) fn sums(lists: &[[Term<'_>; TERMS]], sums: &mut [Point]) {
            const ADDITIONS: usize = TERMS.div_ceil(LANES) + LANES.ilog2() as usize;
            for (lists, sums) in lists.chunks(LANES).zip(sums.chunks_mut(LANES)) {
                if lists.len() * ADDITIONS > TERMS {
                    side_by_side(lists, sums);
                } else {
                    for (terms, out) in lists.iter().zip(sums) {
                        *out = sum(terms);
                    }
                }
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn side_by_side(lists: &[[Term<'_>; TERMS]], sums: &mut [Point]) {
            let mut all = identity();
            for at in 0..TERMS {
                let mut terms = [(&Entry::IDENTITY, false); LANES];
                for (term, list) in terms.iter_mut().zip(lists) {
                    *term = list[at];
                }
                all = add_entries(&all, &terms);
            }
            for sum in sums {
                *sum = first(&all);
                all = moved::<1>(&all);
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn identity() -> Points {
            Points { x: small(0), y: small(1), z: small(1), t: small(0) }
        }

        /// [`Point::add_entry`] in each lane.
        #[inline]
        #[target_feature(enable = $features)]
        fn add_entries(points: &Points, terms: &[Term<'_>; LANES]) -> Points {
            // Subtracting a point is adding it with y + x and y − x changed over, and with −2·d·x·y.
            let plus = limbs(terms.map(|(entry, negative)| &entry.0[usize::from(negative)]));
            let minus = limbs(terms.map(|(entry, negative)| &entry.0[usize::from(!negative)]));
            let t = limbs(terms.map(|(entry, _)| &entry.0[2]));
            let t = negated(&t, terms.map(|(_, negative)| negative));
            second_half(
                &mul(&difference(&points.y, &points.x), &minus),
                &mul(&sum_of(&points.y, &points.x), &plus),
                &mul(&points.t, &t),
                &twice(&points.z),
            )
        }

        /// [`Point::add`] in each lane.
        #[inline]
        #[target_feature(enable = $features)]
        fn add(left: &Points, right: &Points) -> Points {
            second_half(
                &mul(&difference(&left.y, &left.x), &difference(&right.y, &right.x)),
                &mul(&sum_of(&left.y, &left.x), &sum_of(&right.y, &right.x)),
                &mul(&mul(&left.t, &twice_d()), &right.t),
                &twice(&mul(&left.z, &right.z)),
            )
        }

        /// The half that all additions share.
        #[inline]
        #[target_feature(enable = $features)]
        fn second_half(minus: &Numbers, plus: &Numbers, both_t: &Numbers, both_z: &Numbers) -> Points {
            let (e, f) = (difference(plus, minus), difference(both_z, both_t));
            let (g, h) = (sum_of(both_z, both_t), sum_of(plus, minus));
            Points { x: mul(&f, &e), y: mul(&g, &h), z: mul(&f, &g), t: mul(&e, &h) }
        }

        /// [`second_half`] of numbers as they stand in a table: for the tests.
        #[cfg(test)]
        #[target_feature(enable = $features)]
        pub(super) fn second_halves(numbers: [[&[u64; 4]; LANES]; 4]) -> [Point; LANES] {
            let [minus, plus, both_t, z] = numbers;
            let halves = second_half(&limbs(minus), &limbs(plus), &limbs(both_t), &twice(&limbs(z)));
            // Once more with what comes out of it, which is not as small as it could be.
            let mut halves = second_half(&halves.x, &halves.y, &halves.z, &twice(&halves.t));
            let mut out = [Point::IDENTITY; LANES];
            for point in &mut out {
                *point = first(&halves);
                halves = moved::<1>(&halves);
            }
            out
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn moved<const BY: i32>(points: &Points) -> Points {
            Points {
                x: rotated::<BY>(&points.x),
                y: rotated::<BY>(&points.y),
                z: rotated::<BY>(&points.z),
                t: rotated::<BY>(&points.t),
            }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn first(points: &Points) -> Point {
            Point { x: lane_0(&points.x), y: lane_0(&points.y), z: lane_0(&points.z), t: lane_0(&points.t) }
        }
    };
}
