//! Questions: answered from the state as it is. They change nothing and take no sequence number.

use super::Shard;
use crate::limits::DEPTH_LEVELS_MAX;
use crate::matching::Book;
use crate::once::Name;
use crate::types::{
    AccountId, Answer, BookLevel, ClOrdId, InstrumentId, Nanos, Order, OrderRef, Origin, Query, Refusal,
    Reject, ShardOutput, Side,
};
use std::ops::RangeInclusive;

impl Shard {
    /// Answers a question. While a sweep is pending the state is that between two steps, so [`Shard::proceed`]
    /// comes first.
    pub fn query(&self, origin: Origin, query: &Query, now: Nanos) -> ShardOutput {
        assert!(self.pending.is_none(), "a sweep ends before a question is answered");
        let answer = match *query {
            Query::Order { account, instrument, target } => {
                Answer::Order(self.find_order(account, instrument, &target))
            }
            Query::OpenOrders { account, instrument } => {
                Answer::OpenOrders(self.open_orders_of(account, instrument))
            }
            Query::Depth { instrument, levels } => self.depth(instrument, levels),
            Query::BookTicker { instrument } => Answer::BookTicker(
                self.books_of(instrument)
                    .map(|(id, book)| (id, book.best(Side::Buy), book.best(Side::Sell)))
                    .collect(),
            ),
        };
        self.answer(origin, now, answer)
    }

    /// An answer, which waits until all that happened before it is durable.
    pub(super) fn answer(&self, origin: Origin, now: Nanos, answer: Answer) -> ShardOutput {
        ShardOutput::Answer {
            shard: self.id,
            after: self.sequencer.last(),
            time: self.sequencer.time(now),
            origin,
            answer: Box::new(answer),
        }
    }

    fn find_order(
        &self,
        account: AccountId,
        instrument: InstrumentId,
        target: &OrderRef,
    ) -> Result<Order, Refusal> {
        let name = Name { account, instrument, cl_ord_id: ClOrdId::EMPTY };
        self.target(name, target).map(|(_, order)| order).ok_or(Reject::OrderUnknown.into())
    }

    /// By OrderID. A chain of a book has that order; several books are merged.
    fn open_orders_of(&self, account: AccountId, instrument: Option<InstrumentId>) -> Vec<Order> {
        let books = self.books_of(instrument);
        let mut orders: Vec<Order> = books.flat_map(|(_, book)| book.orders_of(account)).copied().collect();
        orders.sort_unstable_by_key(|order| order.id);
        orders
    }

    fn depth(&self, instrument: InstrumentId, levels: u16) -> Answer {
        let most = usize::from(levels.min(DEPTH_LEVELS_MAX));
        let side = |side| -> Vec<BookLevel> {
            self.books.get(&instrument).map_or_else(Vec::new, |book| book.levels(side).take(most).collect())
        };
        Answer::Depth {
            instrument,
            last: self.sequencer.last(),
            bids: side(Side::Buy),
            asks: side(Side::Sell),
        }
    }

    /// One book, or all of them by the number of their instrument.
    fn books_of(&self, instrument: Option<InstrumentId>) -> impl Iterator<Item = (InstrumentId, &Book)> {
        let which: RangeInclusive<InstrumentId> = match instrument {
            Some(one) => one..=one,
            None => InstrumentId(0)..=InstrumentId(u16::MAX),
        };
        self.books.range(which).map(|(id, book)| (*id, book))
    }
}
