//! An order meets the book.

use super::{Book, Handle, Tape};
use crate::limits::FILLS_PER_STEP_MAX;
use crate::planted::{self, Bug};
use crate::types::{
    AccountId, Cause, ExecType, Nanos, OrdStatus, OrdType, Order, Prevented, Price, Qty, Side, SmpMode,
    TimeInForce,
};
use std::collections::BTreeMap;

/// An order that has not met all that it can. It rests nowhere; nothing else happens in the shard until it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Taker {
    /// The order and how far it came.
    pub order: Order,
    /// The worst price at which it trades; `None`: any.
    worst: Option<Price>,
}

/// How a step of an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swept {
    /// It is closed.
    Closed,
    /// It rests here.
    Resting(Handle),
    /// There are more makers than one step meets.
    More,
}

impl Taker {
    /// A limit order trades up to its price, a market order up to the edge of the band, if there is one.
    pub fn new(order: Order, band_edge: Option<Price>) -> Self {
        let worst = if order.ord_type == OrdType::Market { band_edge } else { Some(order.price) };
        Self { order, worst }
    }

    /// One that was on its way: [`Taker::order`] and [`Taker::worst`] of it.
    pub fn resumed(order: Order, worst: Option<Price>) -> Self {
        Self { order, worst }
    }

    /// The worst price at which it trades; `None`: any.
    pub fn worst(&self) -> Option<Price> {
        self.worst
    }

    fn crosses(&self, maker: Price) -> bool {
        self.worst.is_none_or(|worst| crosses(self.order.side, worst, maker))
    }

    /// What self-match prevention makes of a meeting; `None`: they trade.
    fn prevention(&self, maker: &Order) -> Option<SmpMode> {
        if planted::has(Bug::SelfMatch) {
            return None;
        }
        let own = self.order.smp != SmpMode::None && maker.is_own(&self.order);
        own.then_some(self.order.smp)
    }
}

impl Book {
    /// Accepts an order that [`Book::admit`] let pass: New, then its first step.
    pub fn enter(&mut self, taker: &mut Taker, tape: &mut Tape<'_>) -> Swept {
        assert!(!taker.order.qty.is_zero(), "risk lets no empty order pass");
        tape.tell(ExecType::New, taker.order);
        if taker.order.time_in_force == TimeInForce::Fok && !self.fills_whole(taker, tape) {
            tape.expire(&mut taker.order, Cause::FillOrKill);
            return Swept::Closed;
        }
        self.proceed(taker, tape)
    }

    /// The next step of an order.
    pub fn proceed(&mut self, taker: &mut Taker, tape: &mut Tape<'_>) -> Swept {
        for _ in 0..FILLS_PER_STEP_MAX {
            let Some(maker) = self.next_maker(taker) else { return self.finish(taker, tape) };
            match taker.prevention(self.orders.order(maker)) {
                None | Some(SmpMode::None) => self.trade(taker, maker, tape),
                // What finds no position to reduce could not trade, so there is nothing to prevent.
                Some(_) if is_spent(self.orders.order(maker), tape) => {
                    self.expire(maker, Cause::ReduceOnly, tape);
                }
                Some(mode) => self.prevent(taker, maker, mode, tape),
            }
            if !taker.order.status.is_open() {
                return Swept::Closed;
            }
        }
        match self.next_maker(taker) {
            Some(_) => Swept::More,
            None => self.finish(taker, tape),
        }
    }

    /// The maker that an order meets next: the oldest at the best price, if that is not worse than it takes.
    pub(super) fn next_maker(&self, taker: &Taker) -> Option<Handle> {
        let (price, best) = self.side(taker.order.side.opposite()).best()?;
        if !taker.crosses(price) {
            return None;
        }
        if planted::has(Bug::PriorityInverted) {
            return self.orders.queue(best.queue).last().map(|(at, _)| at);
        }
        best.queue.first()
    }

    /// Whether a limit order would trade at once.
    pub(super) fn would_take(&self, order: &Order) -> bool {
        let best = self.side(order.side.opposite()).best();
        best.is_some_and(|(best, _)| crosses(order.side, order.price, best))
    }

    /// Both sides of a trade at the maker's price. Who may only reduce a position trades no more than there is of it,
    /// and closes when nothing is left to reduce.
    fn trade(&mut self, taker: &mut Taker, at: Handle, tape: &mut Tape<'_>) {
        let maker = self.orders.order_mut(at);
        let before = *maker;
        let (makes, takes) = (tradable(maker, &taker.order, tape), tradable(&taker.order, maker, tape));
        if takes.is_zero() {
            return tape.expire(&mut taker.order, Cause::ReduceOnly);
        }
        let qty = makes.min(takes);
        if !qty.is_zero() {
            let price = if planted::has(Bug::TakerPrice) { taker.order.price } else { maker.price };
            fill(maker, price, qty, tape.time);
            fill(&mut taker.order, price, qty, tape.time);
            let after = *maker;
            if planted::has(Bug::FilledTwice) {
                *maker = before;
            }
            let maker = after;
            *tape.trades += 1;
            tape.trade(maker, price, qty, true);
            tape.trade(taker.order, price, qty, false);
            self.leave(at, qty);
        }
        let maker = *self.orders.order(at);
        if maker.status == OrdStatus::Filled {
            self.remove(at);
        } else if is_spent(&maker, tape) {
            self.expire(at, Cause::ReduceOnly, tape);
        }
        if taker.order.status.is_open() && is_spent(&taker.order, tape) {
            tape.expire(&mut taker.order, Cause::ReduceOnly);
        }
    }

    /// Closes a resting order by its own terms: nothing is left that it could reduce, or its time is over.
    pub fn expire(&mut self, at: Handle, cause: Cause, tape: &mut Tape<'_>) {
        let mut order = *self.orders.order(at);
        self.remove(at);
        tape.expire(&mut order, cause);
    }

    /// Self-match prevention instead of a trade: the maker is told first.
    fn prevent(&mut self, taker: &mut Taker, at: Handle, mode: SmpMode, tape: &mut Tape<'_>) {
        let mut maker = *self.orders.order(at);
        let (makes, takes) = (maker.remaining(), taker.order.remaining());
        let (of_maker, of_taker) = match mode {
            SmpMode::ExpireMaker => (makes, Qty::ZERO),
            SmpMode::ExpireTaker => (Qty::ZERO, takes),
            SmpMode::ExpireBoth => (makes, takes),
            SmpMode::Decrement => (makes.min(takes), makes.min(takes)),
            SmpMode::None => unreachable!("without self-match prevention they trade"),
        };
        let price = maker.price;
        if !of_maker.is_zero() {
            let counter = taker.order.id;
            self.leave(at, of_maker);
            tape.prevent(&mut maker, Prevented { qty: of_maker, price, counter, maker: true });
            *self.orders.order_mut(at) = maker;
            if !maker.status.is_open() {
                self.remove(at);
            }
        }
        if !of_taker.is_zero() {
            let counter = maker.id;
            tape.prevent(&mut taker.order, Prevented { qty: of_taker, price, counter, maker: false });
        }
    }

    /// No maker is left for the order: it rests, or its own terms end it.
    fn finish(&mut self, taker: &mut Taker, tape: &mut Tape<'_>) -> Swept {
        if taker.order.ord_type.may_rest(taker.order.time_in_force) {
            return Swept::Resting(self.rest(taker.order));
        }
        assert!(
            taker.order.time_in_force != TimeInForce::Fok,
            "fill-or-kill was checked before the first trade"
        );
        let cause = match taker.order.ord_type {
            OrdType::Market => Cause::NoLiquidity,
            OrdType::Limit | OrdType::LimitMaker => Cause::ImmediateOrCancel,
        };
        tape.expire(&mut taker.order, cause);
        Swept::Closed
    }

    /// Whether all of an order would trade at once, self-match prevention and reduce-only included. The quantities of
    /// the levels decide most cases; only then are orders looked at one by one, as many as the order would meet.
    fn fills_whole(&self, taker: &Taker, tape: &Tape<'_>) -> bool {
        let wanted = taker.order.remaining();
        let makers = self.side(taker.order.side.opposite());
        let mut left = wanted;
        let enough = makers.iter().take_while(|(price, _)| taker.crosses(*price)).any(|(_, level)| {
            left = Qty(left.0.saturating_sub(level.qty.0));
            left.is_zero()
        });
        let plain = taker.order.smp == SmpMode::None && !self.may_clip(&taker.order);
        if !enough || plain { enough } else { self.meets_enough(taker, tape) }
    }

    /// Whether a trade of the order may be clipped at a position.
    fn may_clip(&self, taker: &Order) -> bool {
        taker.reduce_only || self.orders.reduce_only() > 0
    }

    /// Goes through the makers as the order would meet them.
    fn meets_enough(&self, taker: &Taker, tape: &Tape<'_>) -> bool {
        let makers = self.side(taker.order.side.opposite());
        let (mut left, mut moved) = (taker.order.remaining(), Moved::new(self.may_clip(&taker.order)));
        for (_, level) in makers.iter().take_while(|(price, _)| taker.crosses(*price)) {
            for (_, maker) in self.orders.queue(level.queue) {
                match taker.prevention(maker) {
                    Some(_) if moved.is_spent(maker, tape) => continue,
                    Some(SmpMode::ExpireTaker | SmpMode::ExpireBoth | SmpMode::Decrement) => return false,
                    Some(SmpMode::ExpireMaker) => continue,
                    Some(SmpMode::None) | None => {}
                }
                let own = maker.account == taker.order.account;
                let (makes, takes) = match own {
                    true => (maker.remaining(), left),
                    false => (
                        moved.tradable(maker, maker.remaining(), tape),
                        moved.tradable(&taker.order, left, tape),
                    ),
                };
                let qty = makes.min(takes);
                moved.trade(maker, taker, qty);
                left = left.minus(qty);
                if left.is_zero() || moved.tradable(&taker.order, left, tape).is_zero() {
                    return left.is_zero();
                }
            }
        }
        false
    }
}

/// Whether a taker with a limit trades at the price of a maker.
fn crosses(side: Side, limit: Price, maker: Price) -> bool {
    match side {
        Side::Buy => maker <= limit,
        Side::Sell => maker >= limit,
    }
}

/// What an order can trade with another. A trade of an account with itself moves no position, so nothing clips it.
fn tradable(order: &Order, with: &Order, tape: &Tape<'_>) -> Qty {
    if !order.reduce_only || order.account == with.account {
        return order.remaining();
    }
    clipped(order, order.remaining(), tape.ledger.position(order.account, order.instrument))
}

/// Whether an order may only reduce a position, and there is none that it could.
fn is_spent(order: &Order, tape: &Tape<'_>) -> bool {
    let position = || tape.ledger.position(order.account, order.instrument);
    order.reduce_only && clipped(order, order.remaining(), position()).is_zero()
}

/// What is left of an order, clipped at what it can reduce of a position.
fn clipped(order: &Order, left: Qty, position: i128) -> Qty {
    Qty(u64::try_from(order.side.reducible(position)).unwrap_or(u64::MAX)).min(left)
}

/// How far positions would have moved, while it is looked whether an order would trade whole. Kept only where somebody
/// may trade no more than reduces a position.
struct Moved(Option<BTreeMap<AccountId, i128>>);

impl Moved {
    fn new(kept: bool) -> Self {
        Self(kept.then(BTreeMap::new))
    }

    fn tradable(&self, order: &Order, left: Qty, tape: &Tape<'_>) -> Qty {
        if !order.reduce_only {
            return left;
        }
        let moved = self.0.as_ref().and_then(|moved| moved.get(&order.account)).copied().unwrap_or_default();
        clipped(order, left, tape.ledger.position(order.account, order.instrument).saturating_add(moved))
    }

    fn is_spent(&self, order: &Order, tape: &Tape<'_>) -> bool {
        order.reduce_only && self.tradable(order, order.remaining(), tape).is_zero()
    }

    fn trade(&mut self, maker: &Order, taker: &Taker, qty: Qty) {
        let Some(moved) = &mut self.0 else { return };
        for order in [maker, &taker.order] {
            let by = i128::from(qty.0) * if order.side == Side::Buy { 1 } else { -1 };
            *moved.entry(order.account).or_default() += by;
        }
    }
}

fn fill(order: &mut Order, price: Price, qty: Qty, time: Nanos) {
    order.cum_qty = Qty(order.cum_qty.0 + qty.0);
    order.cum_quote = order.cum_quote.plus(price.times(qty));
    order.status = if order.remaining().is_zero() { OrdStatus::Filled } else { OrdStatus::PartiallyFilled };
    order.updated = time;
}
