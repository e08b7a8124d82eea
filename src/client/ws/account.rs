//! What changes several things at once or an order in place, and what an account asks about itself.

use super::messages::{Answer, Params};
use super::{Client, OrderState, RateLimit, SignedOrder, Timed, unknown};
use crate::client::{Error, NewOrder, OrderName, words};
use crate::types::{Decimal, Nanos, OrdStatus, OrderId, Side, TradeId};
use crate::wire::json::words as json;
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::time::Instant;

/// An order after its quantity was lowered: `order.amend.keepPriority`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amended {
    /// The order as it is now.
    pub order: AmendedOrder,
    /// Whether it kept its place in the book.
    pub kept_priority: bool,
}

/// [`Amended::order`]. Its OrderID stays; its ClOrdID is that of the amendment from now on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AmendedOrder {
    /// Symbol(55).
    pub symbol: String,
    /// OrderID(37).
    #[serde(deserialize_with = "words::order_id")]
    pub order_id: OrderId,
    /// ClOrdID(11).
    #[serde(rename = "clientOrderId")]
    pub cl_ord_id: String,
    /// OrigClOrdID(41).
    #[serde(rename = "origClientOrderId", default)]
    pub orig_cl_ord_id: Option<String>,
    /// Side(54).
    #[serde(deserialize_with = "words::side")]
    pub side: Side,
    /// OrdStatus(39).
    #[serde(deserialize_with = "words::status")]
    pub status: OrdStatus,
    /// Price(44).
    #[serde(deserialize_with = "words::decimal")]
    pub price: Decimal,
    /// OrderQty(38).
    #[serde(deserialize_with = "words::decimal")]
    pub qty: Decimal,
    /// CumQty(14).
    #[serde(rename = "executedQty", deserialize_with = "words::decimal")]
    pub cum_qty: Decimal,
}

/// What `openOrders.cancelAll` canceled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanceledAll {
    /// How many orders.
    pub count: u64,
    /// The first of them.
    pub orders: Vec<OrderState>,
}

/// What an account has and may do: `account.status`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountStatus {
    /// Account(1).
    pub account: String,
    /// Whether it may enter orders; it may cancel and ask in any case.
    pub can_trade: bool,
    /// Most open orders in one instrument.
    pub max_open_orders: u64,
    /// Open orders in all instruments.
    pub open_orders: u64,
    /// What it has in each instrument that it has something in.
    pub positions: Vec<Position>,
}

/// What an account has in an instrument.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Position {
    /// Symbol(55).
    pub symbol: String,
    /// Bought less sold.
    #[serde(rename = "positionAmt", deserialize_with = "words::decimal")]
    pub position: Decimal,
    /// How many orders are open.
    pub open_orders: u64,
    /// What they would buy.
    #[serde(deserialize_with = "words::decimal")]
    pub open_buy_qty: Decimal,
    /// What they would sell.
    #[serde(deserialize_with = "words::decimal")]
    pub open_sell_qty: Decimal,
    /// The position that it may have at most; zero: no limit.
    #[serde(deserialize_with = "words::decimal")]
    pub max_position: Decimal,
}

/// A trade of the account: `myTrades`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MyTrade {
    /// Symbol(55).
    pub symbol: String,
    /// The same for both sides.
    #[serde(deserialize_with = "words::trade_id")]
    pub id: TradeId,
    /// OrderID(37).
    #[serde(deserialize_with = "words::order_id")]
    pub order_id: OrderId,
    /// LastPx(31).
    #[serde(deserialize_with = "words::decimal")]
    pub price: Decimal,
    /// LastQty(32).
    #[serde(deserialize_with = "words::decimal")]
    pub qty: Decimal,
    /// When it was sequenced.
    #[serde(deserialize_with = "words::millis")]
    pub time: Nanos,
    /// Whether the account bought.
    pub is_buyer: bool,
    /// Whether its order was resting.
    pub is_maker: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireAmended {
    amended_order: AmendedOrder,
    #[serde(default)]
    kept_priority: bool,
}

impl Client {
    /// `order.test`: whether the order would be taken now; nothing is placed.
    pub async fn test(&self, order: &NewOrder) -> Result<(), Error> {
        let name = order.cl_ord_id.clone().unwrap_or_else(|| self.cl_ord_id(self.next_id()));
        let params = self.question("order.test", Params::order(order, &name));
        self.ask::<IgnoredAny>("order.test", params).await.map(drop)
    }

    /// `order.amend.keepPriority`: lowers the quantity of an order. `cl_ord_id` is its name from then on.
    pub async fn amend(
        &self,
        symbol: &str,
        order: impl Into<OrderName>,
        qty: Decimal,
        cl_ord_id: Option<String>,
    ) -> Result<Timed<Amended>, Error> {
        let (id, method) = (self.next_id(), "order.amend.keepPriority");
        let cl_ord_id = cl_ord_id.unwrap_or_else(|| self.cl_ord_id(id));
        let params = Params::order_name(symbol, &order.into()).text("newQty", qty.to_string());
        let params = params.text("newClientOrderId", &*cl_ord_id);
        let (answer, timed) =
            self.change::<WireAmended>(self.signed_order(id, method, params, cl_ord_id)).await?;
        let WireAmended { amended_order: order, kept_priority } = answer.result;
        Ok(timed.map(|()| Amended { order, kept_priority }))
    }

    /// `openOrders.cancelAll`: cancels the open orders of one instrument or of all, of one side or of both.
    pub async fn cancel_all(
        &self,
        symbol: Option<&str>,
        side: Option<Side>,
        cl_ord_id: Option<String>,
    ) -> Result<Timed<CanceledAll>, Error> {
        let id = self.next_id();
        let cl_ord_id = cl_ord_id.unwrap_or_else(|| self.cl_ord_id(id));
        let params = Params::default()
            .optional("symbol", symbol)
            .optional("side", side.map(json::side))
            .text("newClientOrderId", &*cl_ord_id);
        let signed = self.signed_order(id, "openOrders.cancelAll", params, cl_ord_id);
        let (answer, timed) = self.change::<Vec<OrderState>>(signed).await?;
        let count = answer.canceled_orders.unwrap_or(answer.result.len() as u64);
        Ok(timed.map(|()| CanceledAll { count, orders: answer.result }))
    }

    /// `account.status`: positions, open orders and limits of the first account of the key, or of this one.
    pub async fn account(&self, account: Option<&str>) -> Result<AccountStatus, Error> {
        self.account_as_of(account).await.map(|told| told.answer)
    }

    /// `account.rateLimits.orders`: how much of each limit is used.
    pub async fn order_limits(&self) -> Result<Vec<RateLimit>, Error> {
        let method = "account.rateLimits.orders";
        self.ask(method, self.question(method, Params::default())).await
    }

    /// `myTrades`: the last trades of the account in an instrument, oldest first.
    pub async fn trades(&self, symbol: &str, limit: u16) -> Result<Vec<MyTrade>, Error> {
        self.trades_as_of(symbol, limit).await.map(|told| told.answer)
    }

    /// Sends what changes something and reads its answer, which may be lost.
    pub(super) async fn change<T: DeserializeOwned>(
        &self,
        order: SignedOrder,
    ) -> Result<(Answer<T>, Timed<()>), Error> {
        let SignedOrder { id, text, cl_ord_id, .. } = order;
        let sent = Instant::now();
        let reply = self.exchange(id, text).await.map_err(|missing| missing.of_order(&cl_ord_id))?;
        let answer: Answer<T> = self.read(&reply.text).map_err(|error| unknown(error, cl_ord_id))?;
        let timed = Timed { round_trip: reply.received - sent, repeated: answer.repeated, answer: () };
        Ok((answer, timed))
    }
}
