//! A book that is obviously right: a list that is searched anew for each maker. The oracle of the fast one.

use crate::types::*;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default)]
pub(crate) struct Naive {
    /// In the order in which they came to rest.
    pub(crate) resting: Vec<Order>,
    /// What each account has.
    pub(crate) positions: BTreeMap<AccountId, i128>,
    trades: u64,
}

/// What happens when an order meets one of its own account or group.
fn prevented(taker: &Order, maker: &Order) -> SmpMode {
    let group = taker.smp_group.0 != 0 && taker.smp_group == maker.smp_group;
    if taker.account == maker.account || group { taker.smp } else { SmpMode::None }
}

impl Naive {
    /// All that happens when an order comes, or why it is refused.
    pub(crate) fn enter(
        &mut self,
        order: Order,
        worst: Option<Price>,
        time: Nanos,
    ) -> Result<Vec<Event>, Reject> {
        if order.ord_type == OrdType::LimitMaker && self.best_maker(&order, worst).is_some() {
            return Err(Reject::WouldTake);
        }
        let mut events = vec![told(ExecType::New, order, None, None)];
        // Fill-or-kill is an immediate-or-cancel order that is undone unless all of it traded.
        let undo = (self.clone(), events.clone());
        let after = self.sweep(order, worst, time, &mut events);
        if order.time_in_force == TimeInForce::Fok && after.cum_qty != order.qty {
            (*self, events) = undo;
            let killed = Order { status: OrdStatus::Expired, updated: time, ..order };
            events.push(told(ExecType::Expired, killed, None, Some(Cause::FillOrKill)));
        }
        Ok(events)
    }

    pub(crate) fn cancel(&mut self, id: OrderId, time: Nanos) -> Order {
        let at = self.resting.iter().position(|order| order.id == id).expect("it rests");
        Order { status: OrdStatus::Canceled, updated: time, ..self.resting.remove(at) }
    }

    /// Amends an order: only a smaller quantity keeps its place, anything else is a new order with the old number.
    pub(crate) fn amend(&mut self, amended: Order, time: Nanos) -> Result<Vec<Event>, Reject> {
        let at = self.resting.iter().position(|order| order.id == amended.id).expect("it rests");
        let before = self.resting[at];
        let kept_priority = amended.price == before.price && amended.qty <= before.qty;
        let crosses = self.best_maker(&amended, Some(amended.price)).is_some();
        if !kept_priority && amended.ord_type == OrdType::LimitMaker && crosses {
            return Err(Reject::WouldTake);
        }
        let (orig_cl_ord_id, orig_qty, orig_price) = (before.cl_ord_id, before.qty, before.price);
        let replaced = Some(Replaced { orig_cl_ord_id, orig_qty, orig_price, kept_priority });
        let bare = Execution::bare(ExecType::Replaced, amended);
        let mut events = vec![Event::Execution(Execution { replaced, ..bare })];
        if kept_priority {
            self.resting[at] = amended;
        } else {
            self.resting.remove(at);
            self.sweep(amended, Some(amended.price), time, &mut events);
        }
        Ok(events)
    }

    /// Whether an order that must not take would take.
    pub(crate) fn would_take(&self, order: &Order) -> bool {
        order.ord_type == OrdType::LimitMaker && self.best_maker(order, Some(order.price)).is_some()
    }

    pub(crate) fn levels(&self, side: Side) -> Vec<BookLevel> {
        let mut levels: Vec<BookLevel> = Vec::new();
        for order in self.resting.iter().filter(|order| order.side == side) {
            match levels.iter_mut().find(|level| level.price == order.price) {
                Some(level) => level.qty.0 += order.remaining().0,
                None => levels.push(BookLevel { price: order.price, qty: order.remaining() }),
            }
        }
        levels.sort_by_key(|level| if side == Side::Buy { -level.price.0 } else { level.price.0 });
        levels
    }

    fn best_maker(&self, taker: &Order, worst: Option<Price>) -> Option<usize> {
        let better = |a: &Order, b: &Order| match taker.side {
            Side::Buy => a.price < b.price,
            Side::Sell => a.price > b.price,
        };
        let mut best: Option<usize> = None;
        for (at, maker) in self.resting.iter().enumerate() {
            let crosses = match (taker.side, worst) {
                (_, None) => true,
                (Side::Buy, Some(worst)) => maker.price <= worst,
                (Side::Sell, Some(worst)) => maker.price >= worst,
            };
            // The list is by time, so an equal price does not displace the one that was found.
            let wins = best.is_none_or(|best| better(maker, &self.resting[best]));
            if maker.side != taker.side && crosses && wins {
                best = Some(at);
            }
        }
        best
    }

    fn sweep(
        &mut self,
        mut taker: Order,
        worst: Option<Price>,
        time: Nanos,
        events: &mut Vec<Event>,
    ) -> Order {
        while taker.status.is_open() {
            let Some(at) = self.best_maker(&taker, worst) else { break };
            let mode = prevented(&taker, &self.resting[at]);
            if mode == SmpMode::None {
                self.trade(&mut taker, at, time, events);
                continue;
            }
            if self.tradable(&self.resting[at]) == 0 {
                let spent = Order { status: OrdStatus::Expired, updated: time, ..self.resting.remove(at) };
                events.push(told(ExecType::Expired, spent, None, Some(Cause::ReduceOnly)));
                continue;
            }
            let (makes, takes) = (self.resting[at].remaining(), taker.remaining());
            let least = makes.min(takes);
            let (of_maker, of_taker) = match mode {
                SmpMode::ExpireMaker => (Some(makes), None),
                SmpMode::ExpireTaker => (None, Some(takes)),
                SmpMode::ExpireBoth => (Some(makes), Some(takes)),
                _ => (Some(least), Some(least)),
            };
            let (price, taking, resting) = (self.resting[at].price, taker.id, self.resting[at].id);
            if let Some(qty) = of_maker {
                let lost = Prevented { qty, price, counter: taking, maker: true };
                events.push(take_away(&mut self.resting[at], lost, time));
            }
            if let Some(qty) = of_taker {
                events.push(take_away(
                    &mut taker,
                    Prevented { qty, price, counter: resting, maker: false },
                    time,
                ));
            }
            self.resting.retain(|order| order.status.is_open());
        }
        if taker.status.is_open() {
            let rests = taker.ord_type == OrdType::LimitMaker
                || (taker.ord_type == OrdType::Limit
                    && matches!(taker.time_in_force, TimeInForce::Gtc | TimeInForce::Gtd));
            if rests {
                self.resting.push(taker);
                return taker;
            }
            taker = Order { status: OrdStatus::Expired, updated: time, ..taker };
            let market = taker.ord_type == OrdType::Market;
            let cause = if market { Cause::NoLiquidity } else { Cause::ImmediateOrCancel };
            events.push(told(ExecType::Expired, taker, None, Some(cause)));
        }
        taker
    }

    /// How much of an order can trade: of one that may only reduce, no more than there is to reduce.
    fn tradable(&self, order: &Order) -> u64 {
        let position = self.positions.get(&order.account).copied().unwrap_or_default();
        let against = if order.side == Side::Buy { -position } else { position };
        match order.reduce_only {
            true => u64::try_from(against.max(0)).unwrap_or(u64::MAX).min(order.remaining().0),
            false => order.remaining().0,
        }
    }

    fn trade(&mut self, taker: &mut Order, at: usize, time: Nanos, events: &mut Vec<Event>) {
        let mut maker = self.resting[at];
        let own = maker.account == taker.account;
        let (makes, takes) = match own {
            true => (maker.remaining().0, taker.remaining().0),
            false => (self.tradable(&maker), self.tradable(taker)),
        };
        if takes == 0 {
            *taker = Order { status: OrdStatus::Expired, updated: time, ..*taker };
            return events.push(told(ExecType::Expired, *taker, None, Some(Cause::ReduceOnly)));
        }
        let (price, qty) = (maker.price, Qty(makes.min(takes)));
        if qty.0 > 0 {
            self.trades += 1;
            let trade_id = TradeId::new(ShardId(1), self.trades);
            for (order, is_maker) in [(&mut maker, true), (&mut *taker, false)] {
                order.cum_qty.0 += qty.0;
                order.cum_quote.0 += i128::from(price.0) * i128::from(qty.0);
                let whole = order.cum_qty.0 + order.prevented_qty.0 == order.qty.0;
                order.status = if whole { OrdStatus::Filled } else { OrdStatus::PartiallyFilled };
                order.updated = time;
                let bought = i128::from(qty.0) * if order.side == Side::Buy { 1 } else { -1 };
                *self.positions.entry(order.account).or_default() += bought;
                let fill = Fill { trade_id, price, qty, maker: is_maker };
                events.push(told(ExecType::Trade, *order, Some(fill), None));
            }
        }
        for order in [&mut maker, taker] {
            if order.status.is_open() && self.tradable(order) == 0 {
                *order = Order { status: OrdStatus::Expired, updated: time, ..*order };
                events.push(told(ExecType::Expired, *order, None, Some(Cause::ReduceOnly)));
            }
        }
        self.resting[at] = maker;
        self.resting.retain(|order| order.status.is_open());
    }
}

fn take_away(order: &mut Order, lost: Prevented, time: Nanos) -> Event {
    order.prevented_qty.0 += lost.qty.0;
    order.updated = time;
    let gone = order.remaining().0 == 0;
    if gone {
        order.status = OrdStatus::Expired;
    }
    let (exec_type, cause) =
        if gone { (ExecType::Expired, Some(Cause::SelfMatch)) } else { (ExecType::Prevented, None) };
    let prevented = Some(lost);
    Event::Execution(Execution { cause, prevented, ..Execution::bare(exec_type, *order) })
}

fn told(exec_type: ExecType, order: Order, fill: Option<Fill>, cause: Option<Cause>) -> Event {
    Event::Execution(Execution { fill, cause, ..Execution::bare(exec_type, order) })
}
