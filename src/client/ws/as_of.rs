//! What tells the state of an account says as of which number of its private streams it is true: `asOf`.
//!
//! ```text
//!   subscribe ─► ask ─► AsOf: take the answer, pass over executions up to its numbers, apply those behind them
//! ```

use super::account::{AccountStatus, MyTrade};
use super::messages::Params;
use super::{Client, OrderState};
use crate::client::{Error, OrderName, StreamPlace};

/// An answer, and the number of each stream as of which it is true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsOf<T> {
    /// What was asked for.
    pub answer: T,
    /// One place for each matching engine that was asked; an answer about one symbol has one.
    pub as_of: Vec<StreamPlace>,
}

impl<T> AsOf<T> {
    /// Whether an execution at this place of a private stream is in the answer already.
    pub fn covers(&self, place: &StreamPlace) -> bool {
        self.as_of.iter().any(|at| at.appl_id == place.appl_id && place.number <= at.number)
    }
}

impl Client {
    /// [`Client::status`], and as of when.
    pub async fn status_as_of(
        &self,
        symbol: &str,
        order: impl Into<OrderName>,
    ) -> Result<AsOf<OrderState>, Error> {
        let params = self.question("order.status", Params::order_name(symbol, &order.into()));
        self.ask_as_of("order.status", params).await
    }

    /// [`Client::open_orders`], and as of when.
    pub async fn open_orders_as_of(&self, symbol: Option<&str>) -> Result<AsOf<Vec<OrderState>>, Error> {
        let params = Params::default().optional("symbol", symbol);
        self.ask_as_of("openOrders.status", self.question("openOrders.status", params)).await
    }

    /// [`Client::account`], and as of when.
    pub async fn account_as_of(&self, account: Option<&str>) -> Result<AsOf<AccountStatus>, Error> {
        let params = Params::default().optional("account", account);
        self.ask_as_of("account.status", self.question("account.status", params)).await
    }

    /// [`Client::trades`], and as of when.
    pub async fn trades_as_of(&self, symbol: &str, limit: u16) -> Result<AsOf<Vec<MyTrade>>, Error> {
        let params = Params::default().text("symbol", symbol).number("limit", u64::from(limit));
        self.ask_as_of("myTrades", self.question("myTrades", params)).await
    }
}
