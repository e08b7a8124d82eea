//! The levels of a book, without its orders.

use crate::types::{BookLevel, Price, Qty, Side};

/// Room that is made at once a side, so that a quiet book never grows.
const LEVELS_RESERVED: usize = 1_024;

/// Both sides, each with its best level at the end: the work of a busy book is near it, so few bytes move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Book {
    bids: Vec<BookLevel>,
    asks: Vec<BookLevel>,
}

impl Book {
    /// A book of these levels, best first.
    pub fn new(bids: &[BookLevel], asks: &[BookLevel]) -> Self {
        let side = |levels: &[BookLevel]| {
            let mut side = Vec::with_capacity(levels.len() + LEVELS_RESERVED);
            side.extend(levels.iter().rev());
            side
        };
        Self { bids: side(bids), asks: side(asks) }
    }

    /// The levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = BookLevel> {
        match side {
            Side::Buy => self.bids.iter().rev().copied(),
            Side::Sell => self.asks.iter().rev().copied(),
        }
    }

    /// A quantity came to a price.
    pub fn add(&mut self, side: Side, price: Price, qty: Qty) {
        let levels = self.side(side);
        match find(levels, side, price) {
            // The book of the shard saw that it fits.
            Ok(at) => levels[at].qty = Qty(levels[at].qty.0 + qty.0),
            Err(at) => levels.insert(at, BookLevel { price, qty }),
        }
    }

    /// A quantity left a price.
    pub fn take(&mut self, side: Side, price: Price, qty: Qty) {
        if qty.is_zero() {
            return;
        }
        let levels = self.side(side);
        let found = find(levels, side, price);
        assert!(found.is_ok(), "what leaves a level was there");
        let (Ok(at) | Err(at)) = found;
        levels[at].qty = levels[at].qty.minus(qty);
        if levels[at].qty.is_zero() {
            levels.remove(at);
        }
    }

    fn side(&mut self, side: Side) -> &mut Vec<BookLevel> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

/// Where a price stands among levels that have the best at their end, or would stand.
fn find(levels: &[BookLevel], side: Side, price: Price) -> Result<usize, usize> {
    levels.binary_search_by(|level| match side {
        Side::Buy => level.price.cmp(&price),
        Side::Sell => price.cmp(&level.price),
    })
}
