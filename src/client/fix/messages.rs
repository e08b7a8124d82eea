//! Bodies of the messages that a client sends.

use crate::client::{Amend, NewOrder, OrderName, StreamPlace};
use crate::types::{Nanos, OrdType, Side, SmpMode, TimeInForce};
use crate::wire::fix::{PutFields, tag};
use std::time::Duration;

/// NewOrderSingle(D).
pub(super) fn order(order: &NewOrder, cl_ord_id: &str, now: Nanos) -> Vec<u8> {
    let mut body = Vec::with_capacity(256);
    body.put(tag::CL_ORD_ID, cl_ord_id.as_bytes());
    put_account(&mut body, order.account.as_deref());
    body.put(tag::SYMBOL, order.symbol.as_bytes());
    body.put(tag::SIDE, side(order.side));
    body.put_time(tag::TRANSACT_TIME, now);
    body.put(tag::ORDER_QTY, order.qty.to_string().as_bytes());
    body.put(tag::ORD_TYPE, if order.ord_type == OrdType::Market { b"1" } else { b"2" });
    // Participate, don't initiate; do not increase.
    match (order.ord_type == OrdType::LimitMaker, order.reduce_only) {
        (true, true) => body.put(tag::EXEC_INST, b"6 E"),
        (true, false) => body.put(tag::EXEC_INST, b"6"),
        (false, true) => body.put(tag::EXEC_INST, b"E"),
        (false, false) => {}
    }
    if let Some(price) = order.price {
        body.put(tag::PRICE, price.to_string().as_bytes());
    }
    if let Some(time_in_force) = order.time_in_force {
        let code = match time_in_force {
            TimeInForce::Gtc => b"1",
            TimeInForce::Ioc => b"3",
            TimeInForce::Fok => b"4",
            TimeInForce::Gtd => b"6",
        };
        body.put(tag::TIME_IN_FORCE, code);
    }
    if let Some(expire) = order.expire {
        body.put_time(tag::EXPIRE_TIME, expire);
    }
    if let Some(smp) = order.smp {
        let code = match smp {
            SmpMode::None => 1,
            SmpMode::ExpireTaker => 2,
            SmpMode::ExpireMaker => 3,
            SmpMode::ExpireBoth => 4,
            SmpMode::Decrement => 5,
        };
        body.put_uint(tag::SELF_TRADE_PREVENTION_MODE, code);
    }
    body
}

/// OrderCancelRequest(F). The standard wants the side again, though the venue finds the order without it.
pub(super) fn cancel(
    symbol: &str,
    side_of_order: Side,
    order: &OrderName,
    account: Option<&str>,
    cl_ord_id: &str,
    now: Nanos,
) -> Vec<u8> {
    let mut body = Vec::with_capacity(192);
    body.put(tag::CL_ORD_ID, cl_ord_id.as_bytes());
    put_order(&mut body, order, tag::ORIG_CL_ORD_ID);
    put_account(&mut body, account);
    body.put(tag::SYMBOL, symbol.as_bytes());
    body.put(tag::SIDE, side(side_of_order));
    body.put_time(tag::TRANSACT_TIME, now);
    body
}

/// OrderCancelReplaceRequest(G).
pub(super) fn amend(amend: &Amend, cl_ord_id: &str, now: Nanos) -> Vec<u8> {
    let order = cancel(&amend.symbol, amend.side, &amend.order, amend.account.as_deref(), cl_ord_id, now);
    let mut body = order;
    body.put(tag::ORDER_QTY, amend.qty.to_string().as_bytes());
    // Only limit orders rest.
    body.put(tag::ORD_TYPE, b"2");
    if let Some(price) = amend.price {
        body.put(tag::PRICE, price.to_string().as_bytes());
    }
    body
}

/// OrderMassCancelRequest(q): the orders of one instrument, or all.
pub(super) fn cancel_all(
    symbol: Option<&str>,
    of_side: Option<Side>,
    account: Option<&str>,
    cl_ord_id: &str,
    now: Nanos,
) -> Vec<u8> {
    let mut body = Vec::with_capacity(128);
    body.put(tag::CL_ORD_ID, cl_ord_id.as_bytes());
    put_scope(&mut body, tag::MASS_CANCEL_REQUEST_TYPE, symbol, of_side, account);
    body.put_time(tag::TRANSACT_TIME, now);
    body
}

/// OrderStatusRequest(H). The standard wants a side; the venue finds the order without it.
pub(super) fn status(symbol: &str, order: &OrderName, account: Option<&str>, req_id: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(128);
    put_order(&mut body, order, tag::CL_ORD_ID);
    put_account(&mut body, account);
    body.put(tag::SYMBOL, symbol.as_bytes());
    body.put(tag::SIDE, side(Side::Buy));
    body.put(tag::ORD_STATUS_REQ_ID, req_id.as_bytes());
    body
}

/// OrderMassStatusRequest(AF): the open orders of one instrument, or all.
pub(super) fn open_orders(symbol: Option<&str>, account: Option<&str>, req_id: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(96);
    body.put(tag::MASS_STATUS_REQ_ID, req_id.as_bytes());
    put_scope(&mut body, tag::MASS_STATUS_REQ_TYPE, symbol, None, account);
    body
}

/// ApplicationMessageRequest(BW): all that these streams told behind these numbers.
pub(super) fn streams(kind: &[u8], behind: &[StreamPlace], req_id: &str) -> Vec<u8> {
    let mut body = Vec::with_capacity(128);
    body.put(tag::APPL_REQ_ID, req_id.as_bytes());
    body.put(tag::APPL_REQ_TYPE, kind);
    if !behind.is_empty() {
        body.put_uint(tag::NO_APPL_IDS, behind.len() as u64);
    }
    for StreamPlace { appl_id, number } in behind {
        body.put(tag::REF_APPL_ID, appl_id.as_bytes());
        body.put_uint(tag::APPL_BEG_SEQ_NUM, number + 1);
        body.put_uint(tag::APPL_END_SEQ_NUM, 0);
    }
    body
}

/// RecvWindow(25000), at the end of those that are requests of orders.
pub(super) fn put_recv_window(body: &mut Vec<u8>, window: Option<Duration>) {
    if let Some(window) = window {
        body.put_uint(tag::RECV_WINDOW, u64::try_from(window.as_millis()).unwrap_or(u64::MAX));
    }
}

/// What concerns one instrument (1) or all of them (7).
fn put_scope(
    body: &mut Vec<u8>,
    kind: u32,
    symbol: Option<&str>,
    of_side: Option<Side>,
    account: Option<&str>,
) {
    body.put(kind, if symbol.is_some() { b"1" } else { b"7" });
    put_account(body, account);
    if let Some(symbol) = symbol {
        body.put(tag::SYMBOL, symbol.as_bytes());
    }
    if let Some(of_side) = of_side {
        body.put(tag::SIDE, side(of_side));
    }
}

fn put_order(body: &mut Vec<u8>, order: &OrderName, by_name: u32) {
    match order {
        OrderName::OrderId(id) => body.put_uint(tag::ORDER_ID, id.0),
        OrderName::ClOrdId(id) => body.put(by_name, id.as_bytes()),
    }
}

fn put_account(body: &mut Vec<u8>, account: Option<&str>) {
    if let Some(account) = account {
        body.put(tag::ACCOUNT, account.as_bytes());
    }
}

fn side(side: Side) -> &'static [u8] {
    match side {
        Side::Buy => b"1",
        Side::Sell => b"2",
    }
}
