//! What one subscriber knows of a book: its best levels as they were told last.
//!
//! ```text
//!   book: best levels now ──┐
//!                           ├─► changes: price and quantity, zero where the level is out of sight ─► told
//!   view: as told before  ──┘
//! ```
//!
//! However much happened meanwhile, the difference is what it takes to come from one to the other: that is the whole
//! of conflation, and why a reader never has a wrong book. Cost: one pass over both.

use super::book::Book;
use crate::types::{BookLevel, Qty, Side};
use std::cmp::Ordering;

/// The best levels of both sides, best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Buyers.
    pub bids: Vec<BookLevel>,
    /// Sellers.
    pub asks: Vec<BookLevel>,
}

/// What has changed from one view to another; quantities are those now, zero where a level is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Of the buyers, best first.
    pub bids: Vec<BookLevel>,
    /// Of the sellers, best first.
    pub asks: Vec<BookLevel>,
}

impl View {
    /// Looks at a book again.
    pub(super) fn look(&mut self, book: &Book, levels: usize) {
        for (side, view) in [(Side::Buy, &mut self.bids), (Side::Sell, &mut self.asks)] {
            view.clear();
            view.extend(book.levels(side).take(levels));
        }
    }
}

impl Changes {
    /// What leads from `before` to `now`; whether that is anything.
    pub(super) fn between(&mut self, before: &View, now: &View) -> bool {
        fill(&mut self.bids, Side::Buy, &before.bids, &now.bids);
        fill(&mut self.asks, Side::Sell, &before.asks, &now.asks);
        !self.bids.is_empty() || !self.asks.is_empty()
    }
}

fn fill(changes: &mut Vec<BookLevel>, side: Side, mut before: &[BookLevel], mut now: &[BookLevel]) {
    changes.clear();
    loop {
        let order = match (before.first(), now.first()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => match side {
                Side::Buy => other.price.cmp(&one.price),
                Side::Sell => one.price.cmp(&other.price),
            },
        };
        if order.is_le() {
            let (gone, rest) = (before[0], &before[1..]);
            before = rest;
            if order.is_lt() {
                changes.push(BookLevel { qty: Qty::ZERO, ..gone });
                continue;
            }
            if gone.qty == now[0].qty {
                now = &now[1..];
                continue;
            }
        }
        changes.push(now[0]);
        now = &now[1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Price;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Levels = BTreeMap<i64, u64>;

    fn book(bids: &Levels, asks: &Levels) -> Book {
        let levels = |levels: &mut dyn Iterator<Item = (&i64, &u64)>| -> Vec<BookLevel> {
            levels.map(|(price, qty)| BookLevel { price: Price(*price), qty: Qty(*qty) }).collect()
        };
        Book::new(&levels(&mut bids.iter().rev()), &levels(&mut asks.iter()))
    }

    fn apply(known: &mut Levels, changes: &[BookLevel]) {
        for change in changes {
            match change.qty {
                Qty::ZERO => assert!(known.remove(&change.price.0).is_some(), "what goes was there"),
                qty => assert_ne!(known.insert(change.price.0, qty.0), Some(qty.0), "what is told is new"),
            }
        }
    }

    fn side() -> impl Strategy<Value = Levels> {
        prop::collection::btree_map(1i64..40, 1u64..5, 0..30)
    }

    proptest! {
        #[test]
        fn changes_lead_from_any_view_to_any_other(
            before in (side(), side()), now in (side(), side()), levels in 1usize..12,
        ) {
            let (mut was, mut is, mut changes) = (View::default(), View::default(), Changes::default());
            was.look(&book(&before.0, &before.1), levels);
            is.look(&book(&now.0, &now.1), levels);
            let told = changes.between(&was, &is);
            prop_assert_eq!(told, was != is);
            let known = |side: &[BookLevel]| -> Levels { side.iter().map(|l| (l.price.0, l.qty.0)).collect() };
            let (mut bids, mut asks) = (known(&was.bids), known(&was.asks));
            apply(&mut bids, &changes.bids);
            apply(&mut asks, &changes.asks);
            prop_assert_eq!((bids, asks), (known(&is.bids), known(&is.asks)));
        }
    }
}
