//! What became of an action, as a line for people or as a JSON object.
//!
//! The fields of the objects have the names that the WebSocket API gives them, whatever the protocol.

mod market;

use super::Failure;
use crate::client::fix::Standing;
use crate::client::ws::{AccountStatus, AmendedOrder, BookTicker, Depth, MyTrade, OrderState};
use crate::client::{Error, Event, ExecutionReport};
use crate::types::{Decimal, Nanos, OrdStatus, OrderId, Side};
use crate::wire::json::words::{exec_type, status};
use serde_json::{Map, Value, json};
use std::io::Write as _;
use std::time::Duration;

/// What an action came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// What `expect` compares: the status of the order.
    pub word: Option<String>,
}

/// Says it, on stdout; failures for people on stderr.
#[derive(Clone, Copy, Debug)]
pub struct Say {
    json: bool,
}

/// One thing that is said.
#[derive(Debug)]
pub struct Said {
    text: String,
    json: Value,
}

impl Say {
    /// For people, or in JSON.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Says one thing. Somebody may read it as it comes, so it is not kept back.
    pub fn say(&self, said: &Said) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        let written = if self.json { writeln!(out, "{}", said.json) } else { writeln!(out, "{}", said.text) };
        written.and_then(|()| out.flush()).map_err(|_| Failure::Unread)
    }

    /// Says why an action failed, and on which line of a script.
    pub fn failure(&self, place: Option<&str>, failure: &Failure) {
        if self.json {
            let mut object = Map::new();
            object.insert("error".to_owned(), failure_json(failure));
            object.extend(place.map(|place| ("line".to_owned(), json!(place))));
            // If nobody reads stdout, the exit code still tells.
            let _ = writeln!(std::io::stdout(), "{}", Value::Object(object));
        } else {
            let place = place.map_or_else(String::new, |place| format!("{place}: "));
            let _ = writeln!(std::io::stderr(), "sealgate: bot: {place}{}", failure_text(failure));
        }
    }

    /// Says that an action was refused as the script expected.
    pub fn expected(&self, place: Option<&str>, failure: &Failure) {
        if self.json {
            self.failure(place, failure);
        } else {
            let _ = writeln!(std::io::stdout(), "as expected: {}", failure_text(failure));
        }
    }
}

fn failure_text(failure: &Failure) -> String {
    match failure {
        Failure::Usage(why) | Failure::Unmet(why) => why.clone(),
        Failure::Client(Error::Refused(refusal)) => format!("refused: {}", refusal.msg),
        Failure::Client(error) | Failure::NoSession(error) => error.to_string(),
        Failure::Unread => "nobody reads the output".to_owned(),
    }
}

fn failure_json(failure: &Failure) -> Value {
    let kind = match failure {
        Failure::Usage(_) | Failure::Client(Error::Number(_)) => "usage",
        Failure::Client(Error::Refused(_)) => "refused",
        Failure::Client(Error::OutcomeUnknown { .. }) => "unknown",
        Failure::Client(Error::NotExecuted { .. }) => "refused",
        Failure::Unmet(_) | Failure::Unread => "unmet",
        Failure::Client(_) | Failure::NoSession(_) => "connection",
    };
    let mut object = json!({"kind": kind, "msg": failure_text(failure)});
    match failure {
        Failure::Client(Error::Refused(refusal)) => {
            object["msg"] = json!(refusal.msg);
            object["name"] = json!(refusal.name());
            object["status"] = json!(refusal.status);
            object["code"] = json!(refusal.code);
            if let Some(wait) = refusal.retry_after {
                object["waitMillis"] = json!(millis(wait));
            }
        }
        Failure::Client(Error::OutcomeUnknown { cl_ord_id, .. } | Error::NotExecuted { cl_ord_id }) => {
            object["clientOrderId"] = json!(cl_ord_id);
        }
        _ => {}
    }
    object
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// An order, as a protocol tells it.
pub trait Told {
    /// What there is to say of it.
    fn line(&self, what: &'static str) -> OrderLine<'_>;

    /// The trades that its request brought about, where they are told with it.
    fn fills(&self) -> Option<Value> {
        None
    }
}

/// An order as both protocols tell it.
pub struct OrderLine<'a> {
    what: &'static str,
    symbol: &'a str,
    order_id: Option<OrderId>,
    cl_ord_id: &'a str,
    side: Side,
    qty: Decimal,
    price: Decimal,
    cum_qty: Decimal,
    status: OrdStatus,
    reason: &'a str,
}

impl OrderLine<'_> {
    fn said(&self) -> Said {
        let side = side(self.side);
        let mut json = json!({
            "action": self.what, "symbol": self.symbol, "orderId": self.order_id.map(|id| id.0),
            "clientOrderId": self.cl_ord_id, "side": side.to_uppercase(), "origQty": self.qty.to_string(),
            "price": self.price.to_string(), "executedQty": self.cum_qty.to_string(),
            "status": status(self.status),
        });
        let price = if self.price.mantissa == 0 { String::new() } else { format!(" @ {}", self.price) };
        let order = self.order_id.map_or_else(|| "none".to_owned(), |id| id.0.to_string());
        let mut text = format!(
            "{}: {side} {} {}{price} {} filled {} order {order} name {}",
            self.what,
            self.qty,
            self.symbol,
            status(self.status),
            self.cum_qty,
            self.cl_ord_id
        );
        if !self.reason.is_empty() {
            json["reason"] = json!(self.reason);
            text.push_str(&format!(" ({})", self.reason));
        }
        Said { text, json }
    }
}

impl Told for OrderState {
    fn line(&self, what: &'static str) -> OrderLine<'_> {
        OrderLine {
            what,
            symbol: &self.symbol,
            order_id: Some(self.order_id),
            cl_ord_id: self.orig_cl_ord_id.as_deref().unwrap_or(&self.cl_ord_id),
            side: self.side,
            qty: self.qty,
            price: self.price,
            cum_qty: self.cum_qty,
            status: self.status,
            reason: self.reason.as_deref().unwrap_or_default(),
        }
    }

    fn fills(&self) -> Option<Value> {
        let fill = |fill: &crate::client::ws::Fill| {
            let (id, qty, price) = (fill.trade_id.0, fill.qty.to_string(), fill.price.to_string());
            json!({"tradeId": id, "qty": qty, "price": price})
        };
        (!self.fills.is_empty()).then(|| self.fills.iter().map(fill).collect())
    }
}

impl Told for AmendedOrder {
    fn line(&self, what: &'static str) -> OrderLine<'_> {
        OrderLine {
            what,
            symbol: &self.symbol,
            order_id: Some(self.order_id),
            cl_ord_id: &self.cl_ord_id,
            side: self.side,
            qty: self.qty,
            price: self.price,
            cum_qty: self.cum_qty,
            status: self.status,
            reason: "",
        }
    }
}

impl Told for Standing {
    fn line(&self, what: &'static str) -> OrderLine<'_> {
        // An amendment is the name of its order from then on; a cancel is not.
        let name = if self.is_open() { &self.cl_ord_id } else { self.entered_as() };
        OrderLine {
            what,
            symbol: &self.symbol,
            order_id: self.order_id,
            cl_ord_id: name,
            side: self.side,
            qty: self.qty,
            price: self.price,
            cum_qty: self.cum_qty,
            status: self.status,
            reason: &self.text,
        }
    }
}

impl Said {
    /// An order as an answer tells it.
    pub fn order(what: &'static str, order: &impl Told) -> Self {
        let mut said = order.line(what).said();
        if let Some(fills) = order.fills() {
            said.json["fills"] = fills;
        }
        said
    }

    /// With the time that the answer took, and whether it had been given before.
    pub fn timed(mut self, round_trip: Duration, repeated: bool) -> Self {
        let micros = u64::try_from(round_trip.as_micros()).unwrap_or(u64::MAX);
        self.json["roundTripMicros"] = json!(micros);
        self.json["repeated"] = json!(repeated);
        self.text.push_str(&format!(" in {micros} µs"));
        if repeated {
            self.text.push_str(" (the first answer again)");
        }
        self
    }

    /// A change of an order.
    pub fn execution(what: &'static str, report: &ExecutionReport) -> Self {
        let line = OrderLine {
            what,
            symbol: &report.symbol,
            order_id: report.order_id,
            cl_ord_id: report.entered_as(),
            side: report.side,
            qty: report.qty,
            price: report.price,
            cum_qty: report.cum_qty,
            status: report.status,
            reason: &report.text,
        };
        let mut said = line.said();
        said.json["execType"] = json!(exec_type(report.exec_type));
        said.json["transactTime"] = json!(report.time.as_millis());
        if let Some(trade) = &report.trade {
            let role = if trade.maker { "maker" } else { "taker" };
            said.json["trade"] = json!({
                "tradeId": trade.id.0, "qty": trade.qty.to_string(), "price": trade.price.to_string(),
                "maker": trade.maker,
            });
            let (qty, price, id) = (trade.qty, trade.price, trade.id.0);
            said.text.push_str(&format!(", traded {qty} @ {price} as {role}, trade {id}"));
        }
        said
    }

    /// What else a session tells; the beginning is no news.
    pub fn event<O: Told>(event: &Event<O>) -> Option<Self> {
        let (text, json) = match event {
            Event::Connected { open, away: Some(away) } => (
                format!("connected: after {} ms, {} open", millis(*away), open.len()),
                json!({"action": "connected", "awayMillis": millis(*away), "open": open.len()}),
            ),
            Event::ClosedMeanwhile(order) => return Some(Self::order("meanwhile", order)),
            Event::Disconnected { why } => {
                (format!("disconnected: {why}"), json!({"action": "disconnected", "msg": why}))
            }
            Event::Retrying { why, attempt, pause } => (
                format!("retrying: attempt {attempt} failed: {why}; the next in {} ms", millis(*pause)),
                json!({"action": "retrying", "msg": why, "attempt": attempt, "pauseMillis": millis(*pause)}),
            ),
            Event::Connected { away: None, .. }
            | Event::Execution(_)
            | Event::Recovered { .. }
            | Event::Ended { .. } => return None,
        };
        Some(Self { text, json })
    }

    /// How many there are.
    pub fn count(action: &str, count: u64, what: &str) -> Self {
        Self { text: format!("{count} {what}"), json: json!({"action": action, "count": count}) }
    }

    /// An order would be taken.
    pub fn tested(symbol: &str) -> Self {
        Self {
            text: format!("tested: {symbol}, it would be taken"),
            json: json!({"action": "tested", "symbol": symbol}),
        }
    }

    /// An order with another quantity, and whether it kept its place, where that is known.
    pub fn amended(order: &impl Told, kept_priority: Option<bool>) -> Self {
        let mut said = OrderLine { reason: "", ..order.line("amended") }.said();
        said.json["keptPriority"] = json!(kept_priority);
        said.text.push_str(match kept_priority {
            Some(true) => ", kept its place",
            Some(false) => ", lost its place",
            None => "",
        });
        said
    }

    /// What an account has.
    pub fn account(account: &AccountStatus) -> Self {
        let trades = if account.can_trade { "may trade" } else { "may cancel only" };
        let mut text = format!("account: {} {trades}, {} open", account.account, account.open_orders);
        let mut positions = Vec::new();
        for position in &account.positions {
            let (symbol, has) = (&position.symbol, position.position);
            let (buy, sell) = (position.open_buy_qty, position.open_sell_qty);
            text.push_str(&format!("\n  {symbol} position {has}, open to buy {buy}, to sell {sell}"));
            positions.push(json!({
                "symbol": symbol, "positionAmt": has.to_string(), "openOrders": position.open_orders,
                "openBuyQty": buy.to_string(), "openSellQty": sell.to_string(),
            }));
        }
        let json = json!({
            "action": "account", "account": account.account, "canTrade": account.can_trade,
            "openOrders": account.open_orders, "maxOpenOrders": account.max_open_orders, "positions": positions,
        });
        Self { text, json }
    }

    /// A trade of the account.
    pub fn trade(trade: &MyTrade) -> Self {
        let side = side(if trade.is_buyer { Side::Buy } else { Side::Sell });
        let role = if trade.is_maker { "maker" } else { "taker" };
        let (qty, price, id, order) = (trade.qty, trade.price, trade.id.0, trade.order_id.0);
        Self {
            text: format!(
                "trade: {side} {qty} {} @ {price} as {role} trade {id} order {order}",
                trade.symbol
            ),
            json: json!({
                "action": "trade", "symbol": trade.symbol, "side": side.to_uppercase(), "qty": qty.to_string(),
                "price": price.to_string(), "maker": trade.is_maker, "tradeId": id, "orderId": order,
                "time": trade.time.as_millis(),
            }),
        }
    }

    /// A book.
    pub fn depth(symbol: &str, depth: &Depth) -> Self {
        Self::levels(symbol, depth.last_update_id, &depth.bids, &depth.asks)
    }

    /// The best of a book.
    pub fn ticker(best: &BookTicker) -> Self {
        let side = |qty: Decimal, price: Decimal| match qty.mantissa {
            0 => "nothing".to_owned(),
            _ => format!("{qty} @ {price}"),
        };
        let (bid, ask) = (side(best.bid_qty, best.bid_price), side(best.ask_qty, best.ask_price));
        Self {
            text: format!("ticker: {} bid {bid}, ask {ask}", best.symbol),
            json: json!({
                "action": "ticker", "symbol": best.symbol,
                "bidPrice": best.bid_price.to_string(), "bidQty": best.bid_qty.to_string(),
                "askPrice": best.ask_price.to_string(), "askQty": best.ask_qty.to_string(),
            }),
        }
    }

    /// The venue's clock, and how far it is ahead of ours.
    pub fn time(venue: Nanos, here: Nanos, round_trip: Duration) -> Self {
        let signed = |at: Nanos| i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
        let (venue, ahead) = (venue.as_millis(), signed(venue).saturating_sub(signed(here)));
        let trip = millis(round_trip);
        Self {
            text: format!("time: {venue} ms, {ahead} ms ahead of this machine, asked in {trip} ms"),
            json: json!({"action": "time", "serverTime": venue, "aheadMillis": ahead, "roundTripMillis": trip}),
        }
    }
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}
