//! How the sum of a verification is made: in lanes where the processor has them, or one term after the other.

use super::TERMS;
use super::point::Point;
use super::table::Term;
#[cfg(target_arch = "x86_64")]
use super::wide::Wide;

/// One of them, which this processor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Wide(Wide),
    OneByOne,
}

impl Way {
    /// The one that any processor has.
    pub const ONE_BY_ONE: Self = Self(Kind::OneByOne);

    /// All that this processor has, the fastest first.
    pub fn all() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let wide = Wide::detect().map(|wide| Self(Kind::Wide(wide)));
        #[cfg(not(target_arch = "x86_64"))]
        let wide = std::iter::empty();
        wide.chain([Self::ONE_BY_ONE])
    }

    /// The one that is used.
    pub(super) fn fastest() -> Self {
        Self::all().next().unwrap_or(Self::ONE_BY_ONE)
    }

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Wide(wide) => wide.name(),
            Kind::OneByOne => "one by one",
        }
    }

    pub(super) fn sum(self, terms: &[Term<'_>]) -> Point {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Wide(wide) => wide.sum(terms),
            Kind::OneByOne => one_by_one(terms),
        }
    }

    /// The sum of each list, in their order.
    pub(super) fn sums(self, lists: &[[Term<'_>; TERMS]], sums: &mut [Point]) {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Wide(wide) => wide.sums(lists, sums),
            Kind::OneByOne => {
                for (terms, sum) in lists.iter().zip(sums) {
                    *sum = one_by_one(terms);
                }
            }
        }
    }
}

/// The scalar twin of [`wide`](super::wide).
fn one_by_one(terms: &[Term<'_>]) -> Point {
    terms.iter().fold(Point::IDENTITY, |sum, (entry, negative)| sum.add_entry(entry, *negative))
}
