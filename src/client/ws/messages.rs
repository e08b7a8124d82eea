//! The JSON of the WebSocket API: requests as they are written and signed, answers as they are read.

use crate::client::report::{ExecutionReport, StreamPlace, Trade};
use crate::client::{ApiError, ApiKey, Error, NewOrder, OrderName, sign, words};
use crate::types::{Decimal, ExecType, Nanos, OrdStatus, OrdType, OrderId, Side, TimeInForce, TradeId};
use crate::wire::json::words as json;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::time::Duration;

/// The parameters of a request, in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct Params(Vec<(&'static str, Value)>);

/// A value as it stands in JSON; all kinds are signed as they are written, strings without their quotes.
#[derive(Debug)]
enum Value {
    Text(String),
    Number(u64),
    /// `true`.
    Yes,
}

impl Params {
    pub(super) fn text(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.push((name, Value::Text(value.into())));
        self
    }

    pub(super) fn number(mut self, name: &'static str, value: u64) -> Self {
        self.0.push((name, Value::Number(value)));
        self
    }

    pub(super) fn optional(self, name: &'static str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.text(name, value),
            None => self,
        }
    }

    pub(super) fn optional_number(self, name: &'static str, value: Option<u64>) -> Self {
        match value {
            Some(value) => self.number(name, value),
            None => self,
        }
    }

    /// Said only where it is so.
    pub(super) fn flag(mut self, name: &'static str, is_so: bool) -> Self {
        if is_so {
            self.0.push((name, Value::Yes));
        }
        self
    }

    /// About this account, unless one is named.
    pub(super) fn of_account(self, account: Option<&str>) -> Self {
        let is_named = self.0.iter().any(|(name, _)| *name == "account");
        self.optional("account", account.filter(|_| !is_named))
    }

    /// `order.place`.
    pub(super) fn order(order: &NewOrder, cl_ord_id: &str) -> Self {
        Self::default()
            .optional("account", order.account.as_deref())
            .text("symbol", &order.symbol)
            .text("side", json::side(order.side))
            .text("type", json::ord_type(order.ord_type))
            .optional("timeInForce", order.time_in_force.map(json::time_in_force))
            .text("quantity", order.qty.to_string())
            .optional("price", order.price.map(|price| price.to_string()))
            .optional_number("goodTillDate", order.expire.map(Nanos::as_millis))
            .flag("reduceOnly", order.reduce_only)
            .optional("selfTradePreventionMode", order.smp.map(json::smp))
            .text("newClientOrderId", cl_ord_id)
            .text("newOrderRespType", "FULL")
    }

    /// `symbol` and which order of it: `order.cancel`, `order.status`.
    pub(super) fn order_name(symbol: &str, order: &OrderName) -> Self {
        let params = Self::default().text("symbol", symbol);
        match order {
            OrderName::OrderId(id) => params.number("orderId", id.0),
            OrderName::ClOrdId(id) => params.text("origClientOrderId", id),
        }
    }

    /// Adds key, time and signature.
    pub(super) fn signed(
        self,
        method: &str,
        key: &ApiKey,
        now: Nanos,
        recv_window: Option<Duration>,
    ) -> Self {
        let mut params = self.text("apiKey", key.name()).number("timestamp", now.as_millis());
        if let Some(window) = recv_window {
            params = params.number("recvWindow", u64::try_from(window.as_millis()).unwrap_or(u64::MAX));
        }
        let written: Vec<(&str, String)> =
            params.0.iter().map(|(name, value)| (*name, value.signed())).collect();
        let pairs: Vec<(&str, &str)> = written.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let signature = key.sign_base64(sign::websocket_payload(method, &pairs).as_bytes());
        params.text("signature", signature)
    }

    /// The whole request.
    pub(super) fn write(&self, id: u64, method: &str) -> String {
        let mut out = format!(r#"{{"id":{id},"method":"{method}""#);
        for (at, (name, value)) in self.0.iter().enumerate() {
            out.push_str(if at == 0 { r#","params":{"# } else { "," });
            out.push_str(&format!(r#""{name}":"#));
            match value {
                // A str is always written; its escapes are none for everything that the server would take.
                Value::Text(text) => out.push_str(&serde_json::Value::from(text.as_str()).to_string()),
                Value::Number(_) | Value::Yes => out.push_str(&value.signed()),
            }
        }
        out.push_str(if self.0.is_empty() { "}" } else { "}}" });
        out
    }
}

impl Value {
    fn signed(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Yes => "true".to_owned(),
        }
    }
}

/// What every message of the server's has: enough to know whose it is.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    /// Of the request that it answers.
    #[serde(default)]
    pub(super) id: Option<u64>,
    /// A push of a subscription, not an answer.
    #[serde(default)]
    pub(super) event: Option<IgnoredAny>,
    #[serde(default)]
    pub(super) status: Option<u16>,
    #[serde(default, borrow)]
    pub(super) error: Option<WireError<'a>>,
}

/// `error` of an answer.
#[derive(Deserialize)]
pub(super) struct WireError<'a> {
    code: i32,
    #[serde(borrow)]
    msg: std::borrow::Cow<'a, str>,
    #[serde(default)]
    data: Option<ErrorData>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorData {
    /// A length; `retryAfter` tells the same as an instant of the server's clock, which ours need not agree with.
    #[serde(default)]
    wait_millis: Option<u64>,
}

impl WireError<'_> {
    pub(super) fn into_error(self, status: u16) -> ApiError {
        let retry_after = self.data.and_then(|data| data.wait_millis).map(Duration::from_millis);
        ApiError::new(status, self.code, self.msg.into_owned(), retry_after)
    }
}

/// `result` of an answer, and how much of each limit is used.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer<T> {
    pub(super) result: T,
    #[serde(default)]
    pub(super) repeated: bool,
    #[serde(default)]
    pub(super) rate_limits: Vec<RateLimit>,
    /// Of `openOrders.cancelAll`: of many orders only the first are in `result`.
    #[serde(default)]
    pub(super) canceled_orders: Option<u64>,
    /// Of what tells the state of an account.
    #[serde(default)]
    pub(super) as_of: Vec<StreamPlace>,
}

/// How much of a limit is used: an element of `rateLimits`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// What is counted, such as `ORDERS`.
    pub rate_limit_type: String,
    /// The unit of the window, such as `SECOND`.
    pub interval: String,
    /// How many of them the window has.
    pub interval_num: u64,
    /// How many messages it lets through.
    pub limit: u64,
    /// How many it has let through.
    #[serde(default)]
    pub count: u64,
}

/// An order as an answer tells it: of `order.place`, `order.cancel`, `order.status`, `openOrders.status`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderState {
    /// Symbol(55).
    pub symbol: String,
    /// OrderID(37).
    #[serde(deserialize_with = "words::order_id")]
    pub order_id: OrderId,
    /// ClOrdID(11): of the order, or of the cancel.
    #[serde(rename = "clientOrderId")]
    pub cl_ord_id: String,
    /// OrigClOrdID(41): of the order, in the answer to a cancel.
    #[serde(rename = "origClientOrderId", default)]
    pub orig_cl_ord_id: Option<String>,
    /// Side(54).
    #[serde(deserialize_with = "words::side")]
    pub side: Side,
    /// OrdType(40).
    #[serde(rename = "type", deserialize_with = "words::ord_type")]
    pub ord_type: OrdType,
    /// TimeInForce(59).
    #[serde(deserialize_with = "words::time_in_force")]
    pub time_in_force: TimeInForce,
    /// OrdStatus(39).
    #[serde(deserialize_with = "words::status")]
    pub status: OrdStatus,
    /// Price(44); zero for a market order.
    #[serde(deserialize_with = "words::decimal")]
    pub price: Decimal,
    /// OrderQty(38).
    #[serde(rename = "origQty", deserialize_with = "words::decimal")]
    pub qty: Decimal,
    /// CumQty(14).
    #[serde(rename = "executedQty", deserialize_with = "words::decimal")]
    pub cum_qty: Decimal,
    /// Sum of price × quantity over its trades. The wire has Binance's spelling.
    #[serde(rename = "cummulativeQuoteQty", deserialize_with = "words::decimal")]
    pub cum_quote: Decimal,
    /// The trades that the request brought about at once.
    #[serde(default)]
    pub fills: Vec<Fill>,
    /// How many trades are not in `fills`: of a long sweep only the first are told.
    #[serde(default)]
    pub fills_omitted: u64,
    /// Why it closed at once by its own terms, if it did.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A trade that an order made when it came in.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fill {
    /// LastPx(31).
    #[serde(deserialize_with = "words::decimal")]
    pub price: Decimal,
    /// LastQty(32).
    #[serde(deserialize_with = "words::decimal")]
    pub qty: Decimal,
    /// The trade.
    #[serde(deserialize_with = "words::trade_id")]
    pub trade_id: TradeId,
}

/// A book, best level first.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Depth {
    /// Sequence number of the state that is told.
    pub last_update_id: u64,
    /// Price and quantity of each level that buys.
    #[serde(deserialize_with = "words::levels")]
    pub bids: Vec<(Decimal, Decimal)>,
    /// Price and quantity of each level that sells.
    #[serde(deserialize_with = "words::levels")]
    pub asks: Vec<(Decimal, Decimal)>,
}

/// The best level of each side; zero where a side is empty.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BookTicker {
    /// Symbol(55).
    pub symbol: String,
    /// The best bid.
    #[serde(deserialize_with = "words::decimal")]
    pub bid_price: Decimal,
    /// What is there.
    #[serde(deserialize_with = "words::decimal")]
    pub bid_qty: Decimal,
    /// The best ask.
    #[serde(deserialize_with = "words::decimal")]
    pub ask_price: Decimal,
    /// What is there.
    #[serde(deserialize_with = "words::decimal")]
    pub ask_qty: Decimal,
}

/// The answer to `time`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ServerTime {
    #[serde(deserialize_with = "words::millis")]
    pub(super) server_time: Nanos,
}

/// The answer to the methods that begin a subscription.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Subscribed {
    pub(super) subscription_id: u32,
}

#[derive(Deserialize)]
struct Push {
    event: Event,
}

/// One event of the user data stream, with Binance's one-letter names.
#[derive(Deserialize)]
struct Event {
    e: String,
    #[serde(flatten)]
    rest: serde_json::Value,
}

/// The answer to `userDataStream.subscribe`.
#[derive(Deserialize)]
pub(super) struct Resumed {
    streams: Vec<WirePlace>,
}

#[derive(Deserialize)]
struct WirePlace {
    #[serde(rename = "applId")]
    appl_id: String,
    #[serde(rename = "applSeqNum")]
    number: u64,
}

impl Resumed {
    /// The number behind which each stream goes on.
    pub(super) fn places(self) -> Vec<StreamPlace> {
        let place = |WirePlace { appl_id, number }| StreamPlace { appl_id, number };
        self.streams.into_iter().map(place).collect()
    }
}

#[derive(Deserialize)]
struct WireExecution {
    #[serde(rename = "x", deserialize_with = "words::exec_type")]
    exec_type: ExecType,
    #[serde(rename = "X", deserialize_with = "words::status")]
    status: OrdStatus,
    #[serde(rename = "s")]
    symbol: String,
    #[serde(rename = "i")]
    order_id: i64,
    #[serde(rename = "c")]
    cl_ord_id: String,
    #[serde(rename = "C", default)]
    orig_cl_ord_id: String,
    #[serde(rename = "S", deserialize_with = "words::side")]
    side: Side,
    #[serde(rename = "q", deserialize_with = "words::decimal")]
    qty: Decimal,
    #[serde(rename = "p", deserialize_with = "words::decimal")]
    price: Decimal,
    #[serde(rename = "z", deserialize_with = "words::decimal")]
    cum_qty: Decimal,
    #[serde(rename = "l", deserialize_with = "words::decimal")]
    last_qty: Decimal,
    #[serde(rename = "L", deserialize_with = "words::decimal")]
    last_price: Decimal,
    #[serde(rename = "t")]
    trade_id: i64,
    #[serde(rename = "m")]
    maker: bool,
    #[serde(rename = "T", deserialize_with = "words::millis")]
    time: Nanos,
    #[serde(rename = "r", default)]
    reason: String,
    #[serde(rename = "applId")]
    appl_id: Option<String>,
    #[serde(rename = "applSeqNum", default)]
    appl_seq_num: u64,
}

/// The execution report in a push; `None` for other events, which this client has no use for.
pub(super) fn execution(text: &str) -> Result<Option<ExecutionReport>, Error> {
    let bad = |error: serde_json::Error| Error::Protocol(format!("an event: {error}"));
    let event = serde_json::from_str::<Push>(text).map_err(bad)?.event;
    if event.e != "executionReport" {
        return Ok(None);
    }
    let wire = WireExecution::deserialize(event.rest).map_err(bad)?;
    let trade = (wire.exec_type == ExecType::Trade).then(|| Trade {
        id: TradeId(u64::try_from(wire.trade_id).unwrap_or_default()),
        qty: wire.last_qty,
        price: wire.last_price,
        maker: wire.maker,
    });
    Ok(Some(ExecutionReport {
        exec_type: wire.exec_type,
        status: wire.status,
        symbol: wire.symbol,
        order_id: u64::try_from(wire.order_id).ok().filter(|id| *id > 0).map(OrderId),
        cl_ord_id: wire.cl_ord_id,
        orig_cl_ord_id: Some(wire.orig_cl_ord_id).filter(|id| !id.is_empty()),
        side: wire.side,
        qty: wire.qty,
        price: wire.price,
        cum_qty: wire.cum_qty,
        trade,
        time: wire.time,
        text: if wire.reason == "NONE" { String::new() } else { wire.reason },
        place: wire.appl_id.map(|appl_id| StreamPlace { appl_id, number: wire.appl_seq_num }),
    }))
}
