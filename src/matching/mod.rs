//! Who trades: one book per instrument, price before time.
//!
//! ```text
//!              admit                enter ─────────► proceed …
//!   order ──► WouldTake, BookFull ─► New ─► meet the best makers, at most FILLS_PER_STEP_MAX a step
//!                                           │ Trade (maker, then taker), or self-match prevention
//!                                           └► closed, resting (a handle), or more to meet
//! ```
//!
//! - Invariants: the book is never crossed between requests; the quantity of a level is the sum of what is open in
//!   its queue; every event tells the order as it is after the event.
//! - Cost: a taker pays O(1) for each maker that it meets; a cancel O(1) by the handle, and a binary search when it
//!   was the last order of its level. Nothing is allocated for an order once the slab is reserved.
//! - The rules, the table of self-match prevention and the events of each case: `docs/matching.md`.

mod ladder;
mod orders;
mod sweep;
#[cfg(test)]
mod tests;

pub use sweep::{Swept, Taker};

use crate::limits::ORDERS_PER_BOOK_MAX;
use crate::types::{
    AccountId, BookLevel, CancelOrder, Cause, Event, ExecType, Execution, Fill, LeaseId, Nanos, OrdStatus,
    OrdType, Order, Price, Qty, Refusal, Reject, SessionId, ShardId, Side, TradeId,
};
use ladder::Ladder;
use orders::Orders;
use std::hash::{Hash, Hasher};

/// Where an order rests in its book, for as long as it rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle(pub u32);

/// The book of one instrument.
#[derive(Debug)]
pub struct Book {
    bids: Ladder,
    asks: Ladder,
    orders: Orders,
}

/// Where a book writes what happens, and what it needs to know for it.
#[derive(Debug)]
pub struct Tape<'a> {
    /// Whose trades they are.
    pub shard: ShardId,
    /// The time of the step.
    pub time: Nanos,
    /// How many trades the shard has made.
    pub trades: &'a mut u64,
    /// The events of the step.
    pub events: &'a mut Vec<Event>,
}

impl Default for Book {
    fn default() -> Self {
        Self { bids: Ladder::new(Side::Buy), asks: Ladder::new(Side::Sell), orders: Orders::new() }
    }
}

impl Book {
    /// Whether the book takes the order at all. What it refuses here never becomes New.
    pub fn admit(&self, order: &Order) -> Result<(), Refusal> {
        let taker = Taker::new(*order, Some(order.price));
        if order.ord_type == OrdType::LimitMaker && self.next_maker(&taker).is_some() {
            return Err(Reject::WouldTake.into());
        }
        if order.ord_type.may_rest(order.time_in_force) {
            // The quantity of a level is one number, so what would not fit it cannot rest.
            let level = self.side(order.side).qty_at(order.price);
            if self.orders.len() == ORDERS_PER_BOOK_MAX || level.checked_add(order.qty).is_none() {
                return Err(Reject::BookFull.into());
            }
        }
        Ok(())
    }

    /// Closes a resting order at the request of its account.
    pub fn cancel(&mut self, at: Handle, cancel: &CancelOrder, session: SessionId, tape: &mut Tape<'_>) {
        let mut order = *self.orders.order(at);
        self.remove(at);
        order.status = OrdStatus::Canceled;
        order.updated = tape.time;
        tape.events.push(Event::Execution(Execution {
            cancel_id: Some(cancel.cl_ord_id),
            cancel_session: session,
            cause: Some(Cause::Requested),
            ..report(ExecType::Canceled, order)
        }));
    }

    /// Closes a resting order that its account did not ask to cancel.
    pub fn withdraw(&mut self, at: Handle, cause: Cause, tape: &mut Tape<'_>) {
        let mut order = *self.orders.order(at);
        self.remove(at);
        order.status = OrdStatus::Canceled;
        order.updated = tape.time;
        let report = report(ExecType::Canceled, order);
        tape.events.push(Event::Execution(Execution { cause: Some(cause), ..report }));
    }

    /// The oldest resting order of a lease.
    pub fn first_of_lease(&self, lease: LeaseId) -> Option<Handle> {
        self.orders.first_of_lease(lease)
    }

    /// No order of the lease rests, and none will.
    pub fn forget_lease(&mut self, lease: LeaseId) {
        self.orders.forget_lease(lease);
    }

    /// A resting order.
    pub fn order(&self, at: Handle) -> &Order {
        self.orders.order(at)
    }

    /// How many orders rest.
    pub fn len(&self) -> usize {
        self.orders.len()
    }

    /// Whether none rests.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The resting orders of an account in the order of their OrderIDs, which is that of their entry.
    pub fn orders_of(&self, account: AccountId) -> impl Iterator<Item = &Order> {
        self.orders.of_account(account)
    }

    /// The resting orders of a side in the order in which they trade.
    pub fn orders_by_priority(&self, side: Side) -> impl Iterator<Item = &Order> {
        self.side(side).iter().flat_map(|level| self.orders.queue(level.queue)).map(|(_, order)| order)
    }

    /// The best level of a side.
    pub fn best(&self, side: Side) -> Option<BookLevel> {
        self.side(side).best().map(BookLevel::from)
    }

    /// The levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = BookLevel> {
        self.side(side).iter().map(BookLevel::from)
    }

    /// Feeds a state hash: all that later matching depends on.
    pub fn hash_state(&self, state: &mut impl Hasher) {
        self.len().hash(state);
        for side in [Side::Buy, Side::Sell] {
            self.orders_by_priority(side).for_each(|order| order.hash(state));
        }
    }

    /// Lets an order rest, last in the queue of its level.
    fn rest(&mut self, order: Order) -> Handle {
        let ladder = match order.side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        let at = ladder.at_or_new(order.price);
        let level = ladder.level_mut(at);
        // `admit` saw that it fits, and nothing came between.
        level.qty = Qty(level.qty.0 + order.remaining().0);
        self.orders.insert(order, at, &mut level.queue)
    }

    /// Takes an order out of its level and the level out of the ladder if it was the last one.
    fn remove(&mut self, at: Handle) {
        let ladder = match self.orders.order(at).side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        };
        let place = self.orders.level(at);
        let level = ladder.level_mut(place);
        let left = self.orders.remove(at, &mut level.queue);
        level.qty = level.qty.minus(left);
        if level.queue.is_empty() {
            ladder.remove(place);
        }
    }

    fn side(&self, side: Side) -> &Ladder {
        match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.asks,
        }
    }

    fn side_mut(&mut self, side: Side) -> &mut Ladder {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }
}

impl Tape<'_> {
    fn tell(&mut self, exec_type: ExecType, order: Order) {
        self.events.push(Event::Execution(report(exec_type, order)));
    }

    fn trade(&mut self, order: Order, price: Price, qty: Qty, maker: bool) {
        let trade_id = TradeId::new(self.shard, *self.trades);
        let fill = Some(Fill { trade_id, price, qty, maker });
        self.events.push(Event::Execution(Execution { fill, ..report(ExecType::Trade, order) }));
    }

    /// Closes an order by its own terms.
    fn expire(&mut self, order: &mut Order, cause: Cause) {
        order.status = OrdStatus::Expired;
        order.updated = self.time;
        let report = report(ExecType::Expired, *order);
        self.events.push(Event::Execution(Execution { cause: Some(cause), ..report }));
    }
}

fn report(exec_type: ExecType, order: Order) -> Execution {
    Execution {
        exec_type,
        order,
        cancel_id: None,
        cancel_session: SessionId::NONE,
        fill: None,
        cause: None,
        refusal: None,
    }
}
