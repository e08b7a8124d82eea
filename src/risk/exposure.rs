//! What an account has and could have in one instrument.

use crate::types::{AccountId, ExecType, Execution, ExposureState, InstrumentId, Order, Side};

/// Position and open orders. Sums are wider than quantities, so that no stream of orders overflows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Exposure {
    /// Bought less sold.
    pub(super) position: i128,
    /// What all open buy orders could still buy.
    pub(super) buy: Open,
    /// What all open sell orders could still sell.
    pub(super) sell: Open,
    /// How many orders are open.
    pub(super) open_orders: u32,
}

/// What the open orders of a side could still trade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Open {
    /// Those that go anywhere.
    free: u128,
    /// Those that may only reduce the position: they trade no more than there is of it.
    reducing: u128,
}

impl Open {
    pub(super) fn total(self) -> u128 {
        self.free.saturating_add(self.reducing)
    }

    fn of(&mut self, order: &Order) -> &mut u128 {
        if order.reduce_only { &mut self.reducing } else { &mut self.free }
    }
}

impl Exposure {
    /// In words.
    pub(super) fn state(&self, instrument: InstrumentId, account: AccountId) -> ExposureState {
        let Self { position, buy, sell, open_orders } = *self;
        ExposureState {
            instrument,
            account,
            position,
            buy: buy.free,
            buy_reducing: buy.reducing,
            sell: sell.free,
            sell_reducing: sell.reducing,
            open_orders,
        }
    }

    /// From words.
    pub(super) fn from_state(state: &ExposureState) -> Self {
        Self {
            position: state.position,
            buy: Open { free: state.buy, reducing: state.buy_reducing },
            sell: Open { free: state.sell, reducing: state.sell_reducing },
            open_orders: state.open_orders,
        }
    }

    /// How far the position could go to a side if all open orders of that side traded. Reduce-only orders count as far
    /// as they can trade: they bring the position to zero, from where the others go on.
    pub(super) fn worst_case(&self, side: Side) -> i128 {
        let (towards, open) = match side {
            Side::Buy => (self.position, self.buy),
            Side::Sell => (self.position.saturating_neg(), self.sell),
        };
        let reducible = open.reducing.min(side.reducible(self.position));
        towards.saturating_add_unsigned(open.free).saturating_add_unsigned(reducible)
    }

    /// The same with this order as well.
    pub(super) fn with(mut self, order: &Order) -> Self {
        *self.open(order) += u128::from(order.remaining().0);
        self
    }

    /// The same without this order.
    pub(super) fn without(mut self, order: &Order) -> Self {
        *self.open(order) -= u128::from(order.remaining().0);
        self
    }

    /// Follows an order of the account.
    pub(super) fn apply(&mut self, execution: &Execution) {
        let order = &execution.order;
        let traded = execution.fill.map_or(0, |fill| fill.qty.0);
        let prevented = execution.prevented.map_or(0, |prevented| prevented.qty.0);
        match execution.exec_type {
            ExecType::New => {
                *self.open(order) += u128::from(order.qty.0);
                self.open_orders += 1;
            }
            ExecType::Trade => {
                *self.open(order) -= u128::from(traded);
                match order.side {
                    Side::Buy => self.position += i128::from(traded),
                    Side::Sell => self.position -= i128::from(traded),
                }
            }
            ExecType::Replaced => {
                let before = execution.replaced.map_or(order.qty, |replaced| replaced.orig_qty);
                let open = self.open(order);
                *open += u128::from(order.qty.0);
                *open -= u128::from(before.0);
            }
            ExecType::Prevented => *self.open(order) -= u128::from(prevented),
            ExecType::Canceled | ExecType::Expired => {
                *self.open(order) -= u128::from(order.remaining().0) + u128::from(prevented);
            }
            ExecType::Rejected => return,
        }
        if !order.status.is_open() {
            self.open_orders -= 1;
        }
    }

    fn open(&mut self, order: &Order) -> &mut u128 {
        match order.side {
            Side::Buy => self.buy.of(order),
            Side::Sell => self.sell.of(order),
        }
    }
}
