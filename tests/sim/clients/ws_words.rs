//! What stands in the messages of the WebSocket protocol, written and read by hand.

use super::intent::{Terms, WINDOW_BASE, What};
use super::seen::{Answered, Levels, Said, Seen, Stands, Told};
use crate::venue::{TRADED, decimal, scaled};
use serde_json::{Value, json};

/// A parameter as JSON has it.
pub fn value(name: &str, text: &str) -> Value {
    match name {
        "timestamp" | "recvWindow" | "goodTillDate" | "cancelGrace" | "timeout" => {
            json!(text.parse::<u64>().unwrap_or(0))
        }
        "timing" => json!(text == "true"),
        _ => json!(text),
    }
}

/// Method and parameters of an attempt.
pub fn order(seen: &Seen, attempt: usize) -> (&'static str, Vec<(&'static str, String)>) {
    let name = seen.name(attempt).to_owned();
    let mut params =
        vec![("newClientOrderId", name), ("recvWindow", (WINDOW_BASE + attempt as u64).to_string())];
    let symbol = |traded: usize| ("symbol", TRADED[traded].symbol.to_owned());
    let method = match &seen.attempts[attempt].what {
        What::New(terms) => {
            params.extend(placed(terms));
            "order.place"
        }
        What::Cancel(traded, target) => {
            params.extend([symbol(*traded), ("origClientOrderId", target.clone())]);
            "order.cancel"
        }
        What::Amend(amend) => {
            let qty = decimal(amend.qty, TRADED[amend.traded].qty_scale);
            params.extend([
                symbol(amend.traded),
                ("origClientOrderId", amend.target.clone()),
                ("newQty", qty),
            ]);
            "order.amend.keepPriority"
        }
        What::Replace(target, terms, allow) => {
            let mode = if *allow { "ALLOW_FAILURE" } else { "STOP_ON_FAILURE" };
            params.extend(placed(terms));
            params.extend([
                ("cancelReplaceMode", mode.to_owned()),
                ("cancelOrigClientOrderId", target.clone()),
            ]);
            "order.cancelReplace"
        }
        What::MassCancel(traded, buy) => {
            params.extend(traded.map(symbol));
            params.extend(buy.map(|buy| ("side", side(buy))));
            "openOrders.cancelAll"
        }
    };
    (method, params)
}

fn side(buy: bool) -> String {
    if buy { "BUY" } else { "SELL" }.to_owned()
}

fn placed(terms: &Terms) -> Vec<(&'static str, String)> {
    let tif = match terms.tif {
        '3' => "IOC",
        '4' => "FOK",
        '6' => "GTD",
        _ => "GTC",
    };
    let mut params = vec![
        ("symbol", terms.about().symbol.to_owned()),
        ("side", side(terms.buy)),
        ("type", "LIMIT".to_owned()),
        ("timeInForce", tif.to_owned()),
        ("price", terms.price_text()),
        ("quantity", terms.qty_text()),
    ];
    if terms.tif == '6' {
        params.push(("goodTillDate", terms.expire.to_string()));
    }
    params
}

fn text<'a>(told: &'a Value, name: &str) -> &'a str {
    told[name].as_str().unwrap_or_default()
}

/// The instrument that is named as `symbol`, or as `s`.
pub fn traded_of(told: &Value) -> usize {
    let named =
        |traded: &crate::venue::Traded| [text(told, "symbol"), text(told, "s")].contains(&traded.symbol);
    TRADED.iter().position(named).unwrap_or(0)
}

/// What an answer says of an order; nothing if it speaks of none.
pub fn answered(member: usize, told: &Value) -> Option<Answered> {
    let order_id = told["orderId"].as_u64()?;
    let is_cancel = told.get("origClientOrderId").is_some() && text(told, "status") == "CANCELED";
    let fills = told["fills"].as_array().into_iter().flatten().map(|fill| {
        (scaled(text(fill, "price")), scaled(text(fill, "qty")), fill["tradeId"].as_u64().unwrap_or(0))
    });
    let name = if is_cancel { "origClientOrderId" } else { "clientOrderId" };
    Some(Answered {
        member,
        traded: traded_of(told),
        order_id,
        cl_ord_id: text(told, name).to_owned(),
        cum: scaled(text(told, "executedQty")),
        canceled: is_cancel,
        fills: fills.collect(),
    })
}

/// How an answer says that an order stands.
pub fn stands(told: &Value) -> Option<Stands> {
    let status = match text(told, "status") {
        "NEW" => '0',
        "PARTIALLY_FILLED" => '1',
        "FILLED" => '2',
        "CANCELED" => '4',
        "EXPIRED" => 'C',
        _ => '8',
    };
    let number = |name| scaled(text(told, name));
    Some((told["orderId"].as_u64()?, number("executedQty"), number("origQty"), number("price"), status))
}

/// What `account.status` says.
pub fn positions(told: &Value) -> Vec<Said> {
    let of = |position: &Value| {
        let open = position["openOrders"].as_i64().unwrap_or(-1);
        Said::Position(traded_of(position), scaled(text(position, "positionAmt")), open)
    };
    told["positions"].as_array().into_iter().flatten().map(of).collect()
}

/// Levels as `[price, quantity]`.
pub fn levels(told: &Value) -> Levels {
    let number = |level: &Value, at: usize| scaled(level[at].as_str().unwrap_or_default());
    told.as_array().into_iter().flatten().map(|level| (number(level, 0), number(level, 1))).collect()
}

/// A best price with its quantity; zeros say that there is none.
pub fn best(price: &Value, qty: &Value) -> Option<(i64, i64)> {
    let number = |value: &Value| scaled(value.as_str().unwrap_or_default());
    (number(qty) != 0).then(|| (number(price), number(qty)))
}

/// What an `executionReport` tells.
pub fn executed(event: &Value) -> Option<Told> {
    let exec_type = match text(event, "x") {
        "NEW" => '0',
        "TRADE" => 'F',
        "CANCELED" => '4',
        "REPLACED" => '5',
        "EXPIRED" => 'C',
        "REJECTED" => '8',
        "TRADE_PREVENTION" => 'D',
        _ => return None,
    };
    let (cum, qty) = (scaled(text(event, "z")), scaled(text(event, "q")));
    let last = (exec_type == 'F').then(|| (scaled(text(event, "L")), scaled(text(event, "l"))));
    let leaves = if matches!(text(event, "X"), "NEW" | "PARTIALLY_FILLED") { qty - cum } else { 0 };
    let (order_id, cl_ord_id) = (event["i"].as_u64().unwrap_or(0), text(event, "c").to_owned());
    Some(Told { order_id, cl_ord_id, exec_type, cum, leaves, last })
}
