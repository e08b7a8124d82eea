//! What an account has and could have in one instrument.

use crate::types::{ExecType, Execution, Qty, Side};

/// Position and open orders. Sums are wider than quantities, so that no stream of orders overflows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Exposure {
    /// Bought less sold.
    pub(super) position: i128,
    /// What all open buy orders could still buy.
    open_buy: u128,
    /// What all open sell orders could still sell.
    open_sell: u128,
    /// How many orders are open.
    pub(super) open_orders: u32,
}

impl Exposure {
    /// How far the position would go to the side of an order if it and all open orders of that side traded.
    pub(super) fn worst_case(&self, side: Side, qty: Qty) -> i128 {
        let more = i128::from(qty.0);
        match side {
            Side::Buy => self.position.saturating_add_unsigned(self.open_buy).saturating_add(more),
            Side::Sell => {
                self.position.saturating_neg().saturating_add_unsigned(self.open_sell).saturating_add(more)
            }
        }
    }

    /// Follows an order of the account.
    pub(super) fn apply(&mut self, execution: &Execution) {
        let order = &execution.order;
        let traded = execution.fill.map_or(0, |fill| fill.qty.0);
        let open = match order.side {
            Side::Buy => &mut self.open_buy,
            Side::Sell => &mut self.open_sell,
        };
        match execution.exec_type {
            ExecType::New => {
                *open += u128::from(order.qty.0);
                self.open_orders += 1;
            }
            ExecType::Trade => {
                *open -= u128::from(traded);
                match order.side {
                    Side::Buy => self.position += i128::from(traded),
                    Side::Sell => self.position -= i128::from(traded),
                }
            }
            ExecType::Canceled | ExecType::Expired => *open -= u128::from(order.remaining().0),
            ExecType::Rejected => return,
        }
        if !order.status.is_open() {
            self.open_orders -= 1;
        }
    }
}
