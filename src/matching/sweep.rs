//! An order meets the book.

use super::{Book, Handle, Tape};
use crate::limits::FILLS_PER_STEP_MAX;
use crate::types::{
    Cause, ExecType, Nanos, OrdStatus, OrdType, Order, Price, Qty, Side, SmpMode, TimeInForce,
};

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

    fn crosses(&self, maker: Price) -> bool {
        self.worst.is_none_or(|worst| match self.order.side {
            Side::Buy => maker <= worst,
            Side::Sell => maker >= worst,
        })
    }

    /// What self-match prevention makes of a meeting; `None`: they trade.
    fn prevention(&self, maker: &Order) -> Option<SmpMode> {
        let own = maker.account == self.order.account && self.order.smp != SmpMode::None;
        own.then_some(self.order.smp)
    }
}

impl Book {
    /// Accepts an order that [`Book::admit`] let pass: New, then its first step.
    pub fn enter(&mut self, taker: &mut Taker, tape: &mut Tape<'_>) -> Swept {
        assert!(!taker.order.qty.is_zero(), "risk lets no empty order pass");
        tape.tell(ExecType::New, taker.order);
        if taker.order.time_in_force == TimeInForce::Fok && !self.fills_whole(taker) {
            tape.expire(&mut taker.order, Cause::FillOrKill);
            return Swept::Closed;
        }
        self.proceed(taker, tape)
    }

    /// The next step of an order.
    pub fn proceed(&mut self, taker: &mut Taker, tape: &mut Tape<'_>) -> Swept {
        for _ in 0..FILLS_PER_STEP_MAX {
            let Some(maker) = self.next_maker(taker) else { break };
            match taker.prevention(self.orders.order(maker)) {
                None | Some(SmpMode::None) => self.trade(taker, maker, tape),
                Some(SmpMode::ExpireTaker) => tape.expire(&mut taker.order, Cause::SelfMatch),
                Some(SmpMode::ExpireMaker) => self.expire(maker, Cause::SelfMatch, tape),
                Some(SmpMode::ExpireBoth) => {
                    self.expire(maker, Cause::SelfMatch, tape);
                    tape.expire(&mut taker.order, Cause::SelfMatch);
                }
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
        let best = self.side(taker.order.side.opposite()).best()?;
        if taker.crosses(best.price) { best.queue.first() } else { None }
    }

    /// Both sides of a trade at the maker's price.
    fn trade(&mut self, taker: &mut Taker, at: Handle, tape: &mut Tape<'_>) {
        let maker = self.orders.order_mut(at);
        let price = maker.price;
        let qty = maker.remaining().min(taker.order.remaining());
        fill(maker, price, qty, tape.time);
        fill(&mut taker.order, price, qty, tape.time);
        let maker = *maker;
        *tape.trades += 1;
        tape.trade(maker, price, qty, true);
        tape.trade(taker.order, price, qty, false);

        let level = self.orders.level(at);
        let level = self.side_mut(maker.side).level_mut(level);
        level.qty = level.qty.minus(qty);
        if maker.status == OrdStatus::Filled {
            self.remove(at);
        }
    }

    /// Closes a resting order that no request of its account ends: self-match prevention, or its time is over.
    pub fn expire(&mut self, at: Handle, cause: Cause, tape: &mut Tape<'_>) {
        let mut order = *self.orders.order(at);
        self.remove(at);
        tape.expire(&mut order, cause);
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

    /// Whether all of an order would trade at once, self-match prevention included. The quantities of the levels
    /// decide most cases; only then are orders looked at one by one, as many as the order would meet.
    fn fills_whole(&self, taker: &Taker) -> bool {
        let wanted = taker.order.remaining();
        let makers = self.side(taker.order.side.opposite());
        let mut left = wanted;
        let enough = makers.iter().take_while(|level| taker.crosses(level.price)).any(|level| {
            left = Qty(left.0.saturating_sub(level.qty.0));
            left.is_zero()
        });
        if !enough || taker.order.smp == SmpMode::None {
            return enough;
        }
        let mut left = wanted;
        for level in makers.iter().take_while(|level| taker.crosses(level.price)) {
            for (_, maker) in self.orders.queue(level.queue) {
                match taker.prevention(maker) {
                    Some(SmpMode::ExpireTaker | SmpMode::ExpireBoth) => return false,
                    Some(SmpMode::ExpireMaker) => continue,
                    Some(SmpMode::None) | None => left = Qty(left.0.saturating_sub(maker.remaining().0)),
                }
                if left.is_zero() {
                    return true;
                }
            }
        }
        false
    }
}

fn fill(order: &mut Order, price: Price, qty: Qty, time: Nanos) {
    order.cum_qty = Qty(order.cum_qty.0 + qty.0);
    order.cum_quote = order.cum_quote.plus(price.times(qty));
    order.status = if order.remaining().is_zero() { OrdStatus::Filled } else { OrdStatus::PartiallyFilled };
    order.updated = time;
}
