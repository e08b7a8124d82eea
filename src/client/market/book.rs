//! A book of one's own: begun by a snapshot, kept by updates, and never wrong without saying so.

use super::{DepthSnapshot, DepthUpdate, Level, MarketEvent};
use crate::types::Decimal;
use std::collections::BTreeMap;

/// Why an update does not lead on from what the book holds. The book is empty from then on: subscribe again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// There was no snapshot yet, or it was lost with an error.
    #[error("no snapshot came before the update")]
    NoSnapshot,
    /// Updates are missing.
    #[error("the next update is {expected}, and {found} came")]
    Gap {
        /// What comes next.
        expected: u64,
        /// What came.
        found: u64,
    },
}

/// One side by price. The number of places of a price is the instrument's, so that prices compare by their digits once
/// they have as many.
type Side = BTreeMap<i128, Level>;

/// The book of one instrument, as far as a `depth` subscription sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalBook {
    symbol: String,
    last_update_id: Option<u64>,
    bids: Side,
    asks: Side,
}

impl LocalBook {
    /// An empty book, which waits for its snapshot.
    pub fn new(symbol: &str) -> Self {
        Self { symbol: symbol.to_owned(), ..Self::default() }
    }

    /// Takes what concerns it; whether that is anything. A snapshot begins the book anew.
    pub fn apply(&mut self, event: &MarketEvent) -> Result<bool, BookError> {
        if event.symbol() != self.symbol {
            return Ok(false);
        }
        match event {
            MarketEvent::Snapshot(snapshot) => self.begin(snapshot),
            MarketEvent::Update(update) => self.follow(update)?,
            MarketEvent::Top(_) | MarketEvent::Trade(_) => return Ok(false),
        }
        Ok(true)
    }

    /// The last update that is in it; `None` until there is a snapshot.
    pub fn last_update_id(&self) -> Option<u64> {
        self.last_update_id
    }

    /// Who buys, best first.
    pub fn bids(&self) -> impl Iterator<Item = &Level> {
        self.bids.values().rev()
    }

    /// Who sells, best first.
    pub fn asks(&self) -> impl Iterator<Item = &Level> {
        self.asks.values()
    }

    /// The best bid.
    pub fn best_bid(&self) -> Option<&Level> {
        self.bids().next()
    }

    /// The best ask.
    pub fn best_ask(&self) -> Option<&Level> {
        self.asks().next()
    }

    fn begin(&mut self, snapshot: &DepthSnapshot) {
        self.last_update_id = Some(snapshot.last_update_id);
        self.bids.clear();
        self.asks.clear();
        change(&mut self.bids, &snapshot.bids);
        change(&mut self.asks, &snapshot.asks);
    }

    fn follow(&mut self, update: &DepthUpdate) -> Result<(), BookError> {
        let last = self.last_update_id.ok_or(BookError::NoSnapshot)?;
        let (expected, found) = (last.saturating_add(1), update.first_update_id);
        if found != expected {
            *self = Self::new(&self.symbol);
            return Err(BookError::Gap { expected, found });
        }
        self.last_update_id = Some(update.last_update_id);
        change(&mut self.bids, &update.bids);
        change(&mut self.asks, &update.asks);
        Ok(())
    }
}

fn change(side: &mut Side, levels: &[Level]) {
    for level in levels {
        match level.1.mantissa {
            0 => drop(side.remove(&key(level.0))),
            _ => drop(side.insert(key(level.0), *level)),
        }
    }
}

/// The price in units of `10^-18`: the most places that an instrument has.
fn key(price: Decimal) -> i128 {
    let places = 18u32.saturating_sub(u32::from(price.scale));
    i128::from(price.mantissa) * 10i128.pow(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Nanos;

    fn levels(levels: &[(&str, &str)]) -> Vec<Level> {
        levels.iter().map(|(price, qty)| (price.parse().unwrap(), qty.parse().unwrap())).collect()
    }

    fn snapshot() -> MarketEvent {
        MarketEvent::Snapshot(DepthSnapshot {
            symbol: "BTC-USD".to_owned(),
            last_update_id: 7,
            time: Nanos(1),
            bids: levels(&[("100.5", "1"), ("99.00", "2")]),
            asks: levels(&[("101.0", "3")]),
        })
    }

    fn update(first: u64, last: u64, bids: &[(&str, &str)], asks: &[(&str, &str)]) -> MarketEvent {
        MarketEvent::Update(DepthUpdate {
            symbol: "BTC-USD".to_owned(),
            first_update_id: first,
            last_update_id: last,
            time: Nanos(2),
            bids: levels(bids),
            asks: levels(asks),
        })
    }

    #[test]
    fn updates_lead_on_from_a_snapshot() {
        let mut book = LocalBook::new("BTC-USD");
        assert_eq!(book.apply(&update(1, 1, &[], &[])), Err(BookError::NoSnapshot));
        assert_eq!(book.apply(&snapshot()), Ok(true));
        let changes = update(8, 11, &[("100.5", "0"), ("99", "5"), ("99.5", "4")], &[("100.75", "1")]);
        assert_eq!(book.apply(&changes), Ok(true));
        assert_eq!(book.bids().copied().collect::<Vec<_>>(), levels(&[("99.5", "4"), ("99", "5")]));
        assert_eq!(book.best_ask(), levels(&[("100.75", "1")]).first());
        assert_eq!(book.last_update_id(), Some(11));
    }

    #[test]
    fn a_book_with_a_gap_is_empty_until_there_is_a_snapshot() {
        let mut book = LocalBook::new("BTC-USD");
        book.apply(&snapshot()).unwrap();
        let gap = BookError::Gap { expected: 8, found: 9 };
        assert_eq!(book.apply(&update(9, 9, &[], &[])), Err(gap));
        assert_eq!((book.best_bid(), book.last_update_id()), (None, None));
        assert_eq!(book.apply(&update(9, 9, &[], &[])), Err(BookError::NoSnapshot));
        assert_eq!(book.apply(&snapshot()), Ok(true));
    }

    #[test]
    fn what_concerns_another_instrument_is_passed_over() {
        let mut book = LocalBook::new("ETH-PERP");
        assert_eq!(book.apply(&snapshot()), Ok(false));
    }
}
