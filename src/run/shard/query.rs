//! Questions: answered from the state as it is. They change nothing and take no sequence number.

use super::Shard;
use super::requests::Target;
use crate::limits::DEPTH_LEVELS_MAX;
use crate::matching::Book;
use crate::once::{Name, Standing};
use crate::planted::{self, Bug};
use crate::types::{
    Answer, BookLevel, ClOrdId, InstrumentId, Nanos, NewOrder, OpenOrdersQuery, Order, OrderId, OrderQuery,
    Origin, Query, Recall, Refusal, Reject, SessionId, ShardOutput, Side,
};
use std::ops::RangeInclusive;

impl Shard {
    /// Answers a question. While a sweep is pending the state is that between two steps, so [`Shard::proceed`]
    /// comes first.
    pub fn query(&self, origin: Origin, query: &Query, now: Nanos) -> ShardOutput {
        assert!(self.pending.is_none(), "a sweep ends before a question is answered");
        let answer = match *query {
            Query::Order(query) => self.find_order(&query),
            Query::OpenOrders(query) => Answer::OpenOrders(query, self.open_orders_of(&query)),
            Query::Trades(query) => Answer::Trades(query, self.history.trades(&query)),
            Query::Account(account) => {
                Answer::Account(self.risk.account(account).ok_or(Reject::AccountNotOnShard.into()))
            }
            // Its gateway answers it; a shard knows no rates.
            Query::RateLimits(_) => Answer::Tested(Ok(())),
            Query::Stream(query) => Answer::Stream(query.account, self.stream_page(&query)),
            Query::Test(new) => Answer::Tested(self.test(&new, now)),
            Query::Depth { instrument, levels } => self.depth(instrument, levels),
            Query::Book(instrument) => self.book(instrument),
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

    fn find_order(&self, query: &OrderQuery) -> Answer {
        let OrderQuery { account, instrument, target, .. } = *query;
        let name = Name { account, instrument, cl_ord_id: ClOrdId::EMPTY };
        match self.target(name, &target) {
            Some(Target { open: Some(order), .. }) => Answer::Order(*query, Ok(order)),
            Some(Target { standing: Standing::Closed(_, closed), .. })
                if !planted::has(Bug::ClosedForgotten) =>
            {
                Answer::Recall(Recall::Order(*query, closed))
            }
            _ => Answer::Order(*query, Err(Reject::OrderUnknown.into())),
        }
    }

    /// By OrderID, whatever came to rest first.
    fn open_orders_of(&self, query: &OpenOrdersQuery) -> Vec<Order> {
        let wanted = |order: &&Order| query.side.is_none_or(|side| side == order.side);
        let books = self.books_of(query.instrument);
        let own = books.flat_map(|(_, book)| book.orders_of(query.account)).filter(wanted);
        let mut orders: Vec<Order> = own.copied().collect();
        orders.sort_unstable_by_key(|order| order.id);
        orders
    }

    /// What an order would be refused for, if it were sequenced now.
    fn test(&self, new: &NewOrder, now: Nanos) -> Result<(), Refusal> {
        self.risk.known(new.account, new.instrument)?;
        if self.once.by_name(&Name::of_order(new)).is_some() {
            return Err(Reject::DuplicateClOrdId.into());
        }
        let mut order = Order::accepted(new, OrderId::NONE, SessionId::NONE, self.sequencer.time(now));
        self.admit_now(new, &mut order).map(|_| ())
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

    fn book(&self, instrument: InstrumentId) -> Answer {
        let side = |side| -> Vec<BookLevel> {
            self.books.get(&instrument).map_or_else(Vec::new, |book| book.levels(side).collect())
        };
        Answer::Book {
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
