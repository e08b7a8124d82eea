//! What comes to a busy book: of ten requests five orders that rest, four cancels and one order that takes, so that
//! as many rest after them as before.

use super::{MIDDLE, new_order};
use sealgate::types::*;

/// How many orders rest in the book.
pub const RESTING: usize = 2_000;
/// Accounts of orders that rest: 1 to this.
pub const MAKERS: u32 = 16;
/// The account of orders that take.
pub const TAKER: AccountId = AccountId(100);
/// Levels a side.
const LEVELS: u64 = 100;

/// One request.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// An order that rests.
    Rest,
    /// A cancel of some order that rests.
    Cancel,
    /// An order that takes one that rests, of the side of the last that came: neither side runs dry.
    Take,
}

/// Ten requests.
pub const MIX: [Step; 10] = {
    use Step::{Cancel, Rest, Take};
    [Rest, Cancel, Rest, Cancel, Rest, Cancel, Rest, Cancel, Rest, Take]
};

/// Xorshift: the same numbers in every run.
pub struct Random(u64);

impl Random {
    /// From the start.
    pub fn new() -> Self {
        Self(42)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// An order that rests on one of the levels of its side; most of them near the middle.
    pub fn resting(&mut self, n: u64) -> NewOrder {
        let away = 1 + self.below(LEVELS).min(self.below(LEVELS)) as i64;
        let side = if self.below(2) == 0 { Side::Buy } else { Side::Sell };
        let account = AccountId(1 + self.below(u64::from(MAKERS)) as u32);
        let price = Price(if side == Side::Buy { MIDDLE - away } else { MIDDLE + away });
        NewOrder { price, ..new_order(n, account, side) }
    }
}

/// An order that takes one that rests, of the side of `last`.
pub fn taking(n: u64, last: &NewOrder) -> NewOrder {
    let side = last.side.opposite();
    let worst = if side == Side::Buy { MIDDLE + 1_000 } else { MIDDLE - 1_000 };
    NewOrder { time_in_force: TimeInForce::Ioc, price: Price(worst), ..new_order(n, TAKER, side) }
}
