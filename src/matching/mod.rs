//! Who trades: one book per instrument, price before time.
//!
//! ```text
//!              admit                enter ─────────► proceed …
//!   order ──► WouldTake, BookFull ─► New ─► meet the best makers, at most FILLS_PER_STEP_MAX a step
//!                                           │ Trade (maker, then taker), or self-match prevention
//!                                           └► closed, resting (a handle), or more to meet
//!   shrink ─► Replaced, in place        amend ──► admit_amended ─► Replaced: to the end of its level, or proceed …
//! ```
//!
//! - Invariants: the book is never crossed between requests; the quantity of a level is the sum of what is open in
//!   its queue; every event tells the order as it is after the event.
//! - Cost: a taker pays O(1) for each maker that it meets; a cancel O(1) by the handle, and a binary search when it
//!   was the last order for 64 ticks around. Nothing is allocated for an order once the slabs are reserved.
//! - The rules, the table of self-match prevention and the events of each case: `docs/matching.md`.

mod grain;
mod ladder;
mod orders;
mod sweep;
#[cfg(test)]
pub(crate) mod tests;

pub use sweep::{Swept, Taker};

use crate::limits::ORDERS_PER_BOOK_MAX;
use crate::planted::{self, Bug};
use crate::types::{
    AccountId, BookLevel, Cause, ClOrdId, Event, ExecType, Execution, Fill, InstrumentId, LeaseId, Nanos,
    OrdStatus, OrdType, Order, Prevented, Price, Qty, Refusal, Reject, Replaced, SessionId, ShardId, Side,
    TradeId,
};
use ladder::{Ladder, Level, told};
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

/// Positions, as far as reduce-only orders depend on them. It follows each event as it happens, so that an order is
/// clipped at each of its fills.
pub trait Ledger: std::fmt::Debug {
    /// Follows an event of an order.
    fn follow(&mut self, execution: &Execution);
    /// What an account has: bought less sold.
    fn position(&self, account: AccountId, instrument: InstrumentId) -> i128;
}

/// Who closes a resting order, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// ClOrdID of the request, if there is one.
    pub cancel_id: Option<ClOrdId>,
    /// The FIX session that asked.
    pub session: SessionId,
    /// Why.
    pub cause: Cause,
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
    /// Positions, which follow the events.
    pub ledger: &'a mut dyn Ledger,
}

impl Closing {
    /// The venue does, and nobody asked.
    pub const fn by_venue(cause: Cause) -> Self {
        Self { cancel_id: None, session: SessionId::NONE, cause }
    }
}

impl Default for Book {
    fn default() -> Self {
        Self { bids: Ladder::new(Side::Buy), asks: Ladder::new(Side::Sell), orders: Orders::new() }
    }
}

impl Book {
    /// Whether the book takes the order at all. What it refuses here never becomes New.
    pub fn admit(&self, order: &Order) -> Result<(), Refusal> {
        if order.ord_type == OrdType::LimitMaker && self.would_take(order) {
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

    /// Whether the book takes a resting order as it is to become, if that costs it its place in the queue.
    pub fn admit_amended(&self, at: Handle, amended: &Order) -> Result<(), Refusal> {
        if amended.ord_type == OrdType::LimitMaker && self.would_take(amended) {
            return Err(Reject::WouldTake.into());
        }
        let now = self.orders.order(at);
        let own = if now.price == amended.price { now.remaining() } else { Qty::ZERO };
        let others = self.side(amended.side).qty_at(amended.price).minus(own);
        match others.checked_add(amended.remaining()) {
            Some(_) => Ok(()),
            None => Err(Reject::BookFull.into()),
        }
    }

    /// Lowers the quantity of a resting order, which keeps its place.
    pub fn shrink(&mut self, at: Handle, amended: Order, by: SessionId, tape: &mut Tape<'_>) {
        let order = self.orders.order_mut(at);
        tape.replaced(&amended, order, true, by);
        let lost = order.remaining().minus(amended.remaining());
        *order = amended;
        self.leave(at, lost);
    }

    /// Amends a resting order at the cost of its place: Replaced, then the first step of what it now meets. One that
    /// meets nobody goes to the end of its new level without leaving the slab.
    pub fn amend(&mut self, at: Handle, amended: &mut Taker, by: SessionId, tape: &mut Tape<'_>) -> Swept {
        tape.replaced(&amended.order, self.orders.order(at), false, by);
        if !self.would_take(&amended.order) {
            self.shift(at, &amended.order);
            return Swept::Resting(at);
        }
        self.remove(at);
        self.proceed(amended, tape)
    }

    /// Closes a resting order for a reason that does not lie in the book.
    pub fn close(&mut self, at: Handle, closing: &Closing, tape: &mut Tape<'_>) {
        let mut order = *self.orders.order(at);
        if !planted::has(Bug::CancelLost) {
            self.remove(at);
        }
        order.status = OrdStatus::Canceled;
        order.updated = tape.time;
        tape.push(Execution {
            cancel_id: closing.cancel_id,
            cancel_session: closing.session,
            cause: Some(closing.cause),
            ..Execution::bare(ExecType::Canceled, order)
        });
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

    /// The resting orders of an account in the order in which they came to rest.
    pub fn orders_of(&self, account: AccountId) -> impl Iterator<Item = &Order> {
        self.orders.of_account(account)
    }

    /// Where the first of them rests.
    pub fn first_of(&self, account: AccountId) -> Option<Handle> {
        self.orders.first_of_account(account)
    }

    /// Where the next one of the same account rests.
    pub fn next_of_account(&self, at: Handle) -> Option<Handle> {
        self.orders.next_of_account(at)
    }

    /// Where the order rests that trades next: on the bid, and where there is none on the ask.
    pub fn first(&self) -> Option<Handle> {
        let mut levels = self.bids.iter().chain(self.asks.iter());
        levels.find_map(|(_, level)| self.orders.queue(level.queue).next()).map(|(at, _)| at)
    }

    /// The resting orders of a side in the order in which they trade.
    pub fn orders_by_priority(&self, side: Side) -> impl Iterator<Item = &Order> {
        self.side(side).iter().flat_map(|(_, level)| self.orders.queue(level.queue)).map(|(_, order)| order)
    }

    /// The resting orders, one after the other as they could have come to rest: what [`Book::restore`] takes.
    pub fn as_rested(&self) -> Vec<&Order> {
        let levels = self.bids.iter().chain(self.asks.iter());
        self.orders.as_rested(levels.map(|(_, level)| level.queue))
    }

    /// A book with the orders of another, each list of them in its order; what becomes of each handle is told.
    pub fn restore(orders: &[Order], mut rests: impl FnMut(&Order, Handle)) -> Result<Self, &'static str> {
        let mut book = Self::default();
        for order in orders {
            let level = book.side(order.side).qty_at(order.price);
            if !order.status.is_open() || order.remaining().is_zero() {
                return Err("an order that is closed rests in a book");
            }
            if order.price.0 <= 0 {
                return Err("an order without a price rests in a book");
            }
            if book.len() == ORDERS_PER_BOOK_MAX || level.checked_add(order.remaining()).is_none() {
                return Err("a book has more orders than it can have");
            }
            rests(order, book.rest(*order));
        }
        let (bid, ask) = (book.best(Side::Buy), book.best(Side::Sell));
        match bid.zip(ask) {
            Some((bid, ask)) if bid.price >= ask.price => Err("a book is crossed"),
            _ => Ok(book),
        }
    }

    /// The best level of a side.
    pub fn best(&self, side: Side) -> Option<BookLevel> {
        self.side(side).best().map(told)
    }

    /// The levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = BookLevel> {
        self.side(side).iter().map(told)
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
        let ladder = ladder(&mut self.bids, &mut self.asks, order.side);
        let (at, level) = level_at(ladder, &mut self.orders, order.price);
        // `admit` saw that it fits, and nothing came between.
        level.qty = Qty(level.qty.0 + order.remaining().0);
        self.orders.insert(order, at, &mut level.queue)
    }

    /// Moves a resting order to the end of the level of `amended`, which it becomes.
    fn shift(&mut self, at: Handle, amended: &Order) {
        let ladder = ladder(&mut self.bids, &mut self.asks, amended.side);
        let from = self.orders.level(at);
        let level = ladder.level_mut(from);
        level.qty = level.qty.minus(self.orders.order(at).remaining());
        self.orders.leave_level(at, &mut level.queue);
        if level.queue.is_empty() {
            ladder.remove(from);
        }
        let (to, level) = level_at(ladder, &mut self.orders, amended.price);
        level.qty = Qty(level.qty.0 + amended.remaining().0);
        self.orders.requeue(at, amended, to, &mut level.queue);
    }

    /// Takes a quantity out of the level of a resting order.
    fn leave(&mut self, at: Handle, qty: Qty) {
        let (level, side) = (self.orders.level(at), self.orders.order(at).side);
        let level = ladder(&mut self.bids, &mut self.asks, side).level_mut(level);
        level.qty = level.qty.minus(qty);
    }

    /// Takes an order out of its level and the level out of the ladder if it was the last one.
    fn remove(&mut self, at: Handle) {
        let (side, place) = (self.orders.order(at).side, self.orders.level(at));
        let ladder = ladder(&mut self.bids, &mut self.asks, side);
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
}

/// A side of a book whose orders are needed as well.
fn ladder<'a>(bids: &'a mut Ladder, asks: &'a mut Ladder, side: Side) -> &'a mut Ladder {
    match side {
        Side::Buy => bids,
        Side::Sell => asks,
    }
}

/// The level for an order that is to rest at `price`.
#[inline]
fn level_at<'a>(ladder: &'a mut Ladder, orders: &mut Orders, price: Price) -> (u32, &'a mut Level) {
    if !ladder.divides(price) {
        ladder.refine(price, |queue, to| orders.move_level(queue, to));
    }
    ladder.at_or_new(price)
}

impl Tape<'_> {
    #[inline]
    fn push(&mut self, execution: Execution) {
        self.events.push(Event::Execution(execution));
        if let Some(Event::Execution(execution)) = self.events.last() {
            self.ledger.follow(execution);
        }
    }

    fn tell(&mut self, exec_type: ExecType, order: Order) {
        self.push(Execution::bare(exec_type, order));
    }

    fn trade(&mut self, order: Order, price: Price, qty: Qty, maker: bool) {
        let trade_id = TradeId::new(self.shard, *self.trades);
        let fill = Some(Fill { trade_id, price, qty, maker });
        self.push(Execution { fill, ..Execution::bare(ExecType::Trade, order) });
    }

    fn replaced(&mut self, order: &Order, before: &Order, kept_priority: bool, by: SessionId) {
        let (orig_cl_ord_id, orig_qty, orig_price) = (before.cl_ord_id, before.qty, before.price);
        let replaced = Some(Replaced { orig_cl_ord_id, orig_qty, orig_price, kept_priority });
        self.push(Execution { replaced, cancel_session: by, ..Execution::bare(ExecType::Replaced, *order) });
    }

    /// Closes an order by its own terms.
    fn expire(&mut self, order: &mut Order, cause: Cause) {
        order.status = OrdStatus::Expired;
        order.updated = self.time;
        self.push(Execution { cause: Some(cause), ..Execution::bare(ExecType::Expired, *order) });
    }

    /// Takes quantity from an order, which closes it if none is left.
    fn prevent(&mut self, order: &mut Order, prevented: Prevented) {
        order.prevented_qty = Qty(order.prevented_qty.0 + prevented.qty.0);
        order.updated = self.time;
        let (exec_type, cause) = if order.remaining().is_zero() {
            order.status = OrdStatus::Expired;
            (ExecType::Expired, Some(Cause::SelfMatch))
        } else {
            (ExecType::Prevented, None)
        };
        self.push(Execution { cause, prevented: Some(prevented), ..Execution::bare(exec_type, *order) });
    }
}
