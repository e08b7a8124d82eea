//! What a client asks for, the same over both protocols.

use crate::types::{Decimal, Nanos, OrdType, OrderId, Side, SmpMode, TimeInForce};

/// An order to place. Made by [`NewOrder::limit`] and its siblings, refined by the methods after them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// Symbol(55).
    pub symbol: String,
    /// Side(54).
    pub side: Side,
    /// OrdType(40).
    pub ord_type: OrdType,
    /// TimeInForce(59); `None` for the kinds that take none.
    pub time_in_force: Option<TimeInForce>,
    /// OrderQty(38).
    pub qty: Decimal,
    /// Price(44); `None` for a market order.
    pub price: Option<Decimal>,
    /// ClOrdID(11); `None`: the client makes one. Give one of your own to be able to ask for it after a crash.
    pub cl_ord_id: Option<String>,
    /// Account(1); `None`: the first account of the API key.
    pub account: Option<String>,
    /// ExpireTime(126), `goodTillDate`, for [`TimeInForce::Gtd`].
    pub expire: Option<Nanos>,
    /// It only brings the position nearer to zero.
    pub reduce_only: bool,
    /// Self-match prevention; `None`: the server's default, which expires the newer order.
    pub smp: Option<SmpMode>,
}

impl NewOrder {
    /// An order that rests until it is filled or canceled.
    pub fn limit(symbol: &str, side: Side, qty: Decimal, price: Decimal) -> Self {
        Self {
            symbol: symbol.to_owned(),
            side,
            ord_type: OrdType::Limit,
            time_in_force: Some(TimeInForce::Gtc),
            qty,
            price: Some(price),
            cl_ord_id: None,
            account: None,
            expire: None,
            reduce_only: false,
            smp: None,
        }
    }

    /// An order that takes what is there at its price or better; the rest expires.
    pub fn ioc(symbol: &str, side: Side, qty: Decimal, price: Decimal) -> Self {
        Self { time_in_force: Some(TimeInForce::Ioc), ..Self::limit(symbol, side, qty, price) }
    }

    /// An order that trades whole and at once, or not at all.
    pub fn fok(symbol: &str, side: Side, qty: Decimal, price: Decimal) -> Self {
        Self { time_in_force: Some(TimeInForce::Fok), ..Self::limit(symbol, side, qty, price) }
    }

    /// An order that is refused if it would take.
    pub fn limit_maker(symbol: &str, side: Side, qty: Decimal, price: Decimal) -> Self {
        Self { ord_type: OrdType::LimitMaker, time_in_force: None, ..Self::limit(symbol, side, qty, price) }
    }

    /// An order that rests until it is filled or canceled, or this time comes.
    pub fn gtd(symbol: &str, side: Side, qty: Decimal, price: Decimal, expire: Nanos) -> Self {
        let (time_in_force, expire) = (Some(TimeInForce::Gtd), Some(expire));
        Self { time_in_force, expire, ..Self::limit(symbol, side, qty, price) }
    }

    /// An order that takes what is there inside the price band.
    pub fn market(symbol: &str, side: Side, qty: Decimal) -> Self {
        Self {
            ord_type: OrdType::Market,
            time_in_force: None,
            price: None,
            ..Self::limit(symbol, side, qty, Decimal { mantissa: 0, scale: 0 })
        }
    }

    /// With this ClOrdID.
    #[must_use]
    pub fn named(mut self, cl_ord_id: impl Into<String>) -> Self {
        self.cl_ord_id = Some(cl_ord_id.into());
        self
    }

    /// For this account, which must be one of the API key's.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// One that only brings the position nearer to zero: refused where there is none to reduce, clipped at the fill.
    #[must_use]
    pub fn reduce_only(mut self) -> Self {
        self.reduce_only = true;
        self
    }

    /// With this self-match prevention.
    #[must_use]
    pub fn smp(mut self, mode: SmpMode) -> Self {
        self.smp = Some(mode);
        self
    }
}

/// Another quantity or price for an order, which keeps its OrderID: OrderCancelReplaceRequest(G).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amend {
    /// Symbol(55).
    pub symbol: String,
    /// Which order.
    pub order: OrderName,
    /// Side(54): that of the order.
    pub side: Side,
    /// OrderQty(38): the whole quantity from now on, with what has traded.
    pub qty: Decimal,
    /// Price(44); `None`: it stays.
    pub price: Option<Decimal>,
    /// ClOrdID(11): the name of the order from now on; `None`: the client makes one.
    pub cl_ord_id: Option<String>,
    /// Account(1); `None`: the first account of the API key.
    pub account: Option<String>,
}

/// Which order is meant: an [`OrderId`], or the ClOrdID with which it was entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderName {
    /// OrderID(37), `orderId`.
    OrderId(OrderId),
    /// OrigClOrdID(41), `origClientOrderId`.
    ClOrdId(String),
}

impl From<OrderId> for OrderName {
    fn from(id: OrderId) -> Self {
        Self::OrderId(id)
    }
}

impl From<&str> for OrderName {
    fn from(cl_ord_id: &str) -> Self {
        Self::ClOrdId(cl_ord_id.to_owned())
    }
}

impl From<String> for OrderName {
    fn from(cl_ord_id: String) -> Self {
        Self::ClOrdId(cl_ord_id)
    }
}
