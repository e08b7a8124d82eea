//! A book that is obviously right: a list that is searched anew for each maker. The oracle of the fast one.

use crate::types::*;

#[derive(Clone, Debug, Default)]
pub(super) struct Naive {
    /// In the order in which they came to rest.
    pub(super) resting: Vec<Order>,
    trades: u64,
}

/// What happens when an order meets one of its own account.
fn prevented(taker: &Order, maker: &Order) -> SmpMode {
    if taker.account == maker.account { taker.smp } else { SmpMode::None }
}

impl Naive {
    /// All that happens when an order comes, or why it is refused.
    pub(super) fn enter(
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
        if order.time_in_force == TimeInForce::Fok && after.status != OrdStatus::Filled {
            (*self, events) = undo;
            let killed = Order { status: OrdStatus::Expired, updated: time, ..order };
            events.push(told(ExecType::Expired, killed, None, Some(Cause::FillOrKill)));
        }
        Ok(events)
    }

    pub(super) fn cancel(&mut self, id: OrderId, time: Nanos) -> Order {
        let at = self.resting.iter().position(|order| order.id == id).expect("it rests");
        Order { status: OrdStatus::Canceled, updated: time, ..self.resting.remove(at) }
    }

    pub(super) fn levels(&self, side: Side) -> Vec<BookLevel> {
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
            if matches!(mode, SmpMode::ExpireMaker | SmpMode::ExpireBoth) {
                let maker = Order { status: OrdStatus::Expired, updated: time, ..self.resting.remove(at) };
                events.push(told(ExecType::Expired, maker, None, Some(Cause::SelfMatch)));
            }
            if matches!(mode, SmpMode::ExpireTaker | SmpMode::ExpireBoth) {
                taker = Order { status: OrdStatus::Expired, updated: time, ..taker };
                events.push(told(ExecType::Expired, taker, None, Some(Cause::SelfMatch)));
            }
        }
        if taker.status.is_open() {
            let rests = taker.ord_type == OrdType::LimitMaker
                || (taker.ord_type == OrdType::Limit && taker.time_in_force == TimeInForce::Gtc);
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

    fn trade(&mut self, taker: &mut Order, at: usize, time: Nanos, events: &mut Vec<Event>) {
        self.trades += 1;
        let trade_id = TradeId::new(ShardId(1), self.trades);
        let maker = &mut self.resting[at];
        let (price, qty) = (maker.price, maker.remaining().min(taker.remaining()));
        for (order, is_maker) in [(&mut *maker, true), (taker, false)] {
            order.cum_qty.0 += qty.0;
            order.cum_quote.0 += i128::from(price.0) * i128::from(qty.0);
            let whole = order.cum_qty == order.qty;
            order.status = if whole { OrdStatus::Filled } else { OrdStatus::PartiallyFilled };
            order.updated = time;
            let fill = Fill { trade_id, price, qty, maker: is_maker };
            events.push(told(ExecType::Trade, *order, Some(fill), None));
        }
        if maker.status == OrdStatus::Filled {
            self.resting.remove(at);
        }
    }
}

fn told(exec_type: ExecType, order: Order, fill: Option<Fill>, cause: Option<Cause>) -> Event {
    Event::Execution(Execution {
        exec_type,
        order,
        cancel_id: None,
        cancel_session: SessionId::NONE,
        fill,
        cause,
        refusal: None,
    })
}
