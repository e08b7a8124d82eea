//! Bodies of the messages that a client sends, and what the venue's messages say.

use super::{CancelRejected, Refused, Report, Standing};
use crate::client::report::{ExecutionReport, StreamPlace, Trade};
use crate::client::{NewOrder, OrderName};
use crate::types::{
    Decimal, ExecType, MsgSeqNum, Nanos, OrdStatus, OrdType, OrderId, Side, SmpMode, TimeInForce, TradeId,
};
use crate::wire::fix::{Message, PutFields, tag};

/// NewOrderSingle(D).
pub(super) fn order(order: &NewOrder, cl_ord_id: &str, now: Nanos) -> Vec<u8> {
    let mut body = Vec::with_capacity(256);
    body.put(tag::CL_ORD_ID, cl_ord_id.as_bytes());
    if let Some(account) = &order.account {
        body.put(tag::ACCOUNT, account.as_bytes());
    }
    body.put(tag::SYMBOL, order.symbol.as_bytes());
    body.put(tag::SIDE, side(order.side));
    body.put_time(tag::TRANSACT_TIME, now);
    body.put(tag::ORDER_QTY, order.qty.to_string().as_bytes());
    body.put(tag::ORD_TYPE, if order.ord_type == OrdType::Market { b"1" } else { b"2" });
    if order.ord_type == OrdType::LimitMaker {
        // Participate, don't initiate.
        body.put(tag::EXEC_INST, b"6");
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
    match order {
        OrderName::OrderId(id) => body.put_uint(tag::ORDER_ID, id.0),
        OrderName::ClOrdId(id) => body.put(tag::ORIG_CL_ORD_ID, id.as_bytes()),
    }
    if let Some(account) = account {
        body.put(tag::ACCOUNT, account.as_bytes());
    }
    body.put(tag::SYMBOL, symbol.as_bytes());
    body.put(tag::SIDE, side(side_of_order));
    body.put_time(tag::TRANSACT_TIME, now);
    body
}

fn side(side: Side) -> &'static [u8] {
    match side {
        Side::Buy => b"1",
        Side::Sell => b"2",
    }
}

/// What an application message of the venue's, or a Reject(3), says; `None` if it has not the fields that it must.
pub(super) fn report(message: &Message<'_>) -> Option<Report> {
    match message.msg_type() {
        b"8" if message.get(tag::EXEC_TYPE) == Some(b"I") => standing(message).map(Report::Repeated),
        b"8" => execution(message).map(Report::Execution),
        b"9" => Some(Report::CancelRejected(CancelRejected {
            cl_ord_id: text(message, tag::CL_ORD_ID)?,
            orig_cl_ord_id: text(message, tag::ORIG_CL_ORD_ID)?,
            text: text(message, tag::TEXT).unwrap_or_default(),
        })),
        b"3" | b"j" => Some(Report::Refused(Refused {
            number: MsgSeqNum(u32::try_from(message.uint(tag::REF_SEQ_NUM)?).ok()?),
            cl_ord_id: text(message, tag::BUSINESS_REJECT_REF_ID),
            text: text(message, tag::TEXT).unwrap_or_default(),
        })),
        _ => None,
    }
}

fn execution(message: &Message<'_>) -> Option<ExecutionReport> {
    let exec_type = match message.get(tag::EXEC_TYPE)? {
        b"0" => ExecType::New,
        b"F" => ExecType::Trade,
        b"4" => ExecType::Canceled,
        b"8" => ExecType::Rejected,
        b"C" => ExecType::Expired,
        b"5" => ExecType::Replaced,
        b"D" => ExecType::Prevented,
        _ => return None,
    };
    let trade = match exec_type {
        ExecType::Trade => Some(Trade {
            id: TradeId(message.uint(tag::SECONDARY_EXEC_ID)?),
            qty: decimal(message, tag::LAST_QTY)?,
            price: decimal(message, tag::LAST_PX)?,
            maker: message.get(tag::LAST_LIQUIDITY_IND) == Some(b"1"),
        }),
        _ => None,
    };
    const ZERO: Decimal = Decimal { mantissa: 0, scale: 0 };
    Some(ExecutionReport {
        exec_type,
        status: status(message)?,
        symbol: text(message, tag::SYMBOL)?,
        order_id: order_id(message),
        cl_ord_id: text(message, tag::CL_ORD_ID)?,
        orig_cl_ord_id: text(message, tag::ORIG_CL_ORD_ID),
        side: if message.get(tag::SIDE)? == b"1" { Side::Buy } else { Side::Sell },
        // A refusal repeats what it was sent, and that may have been no number.
        qty: decimal(message, tag::ORDER_QTY).unwrap_or(ZERO),
        price: decimal(message, tag::PRICE).unwrap_or(ZERO),
        cum_qty: decimal(message, tag::CUM_QTY)?,
        trade,
        time: message.time(tag::TRANSACT_TIME)?,
        text: text(message, tag::TEXT).unwrap_or_default(),
        place: place(message),
    })
}

fn place(message: &Message<'_>) -> Option<StreamPlace> {
    let number = message.uint(tag::APPL_SEQ_NUM)?;
    text(message, tag::APPL_ID).map(|appl_id| StreamPlace { appl_id, number })
}

fn standing(message: &Message<'_>) -> Option<Standing> {
    Some(Standing {
        cl_ord_id: text(message, tag::CL_ORD_ID)?,
        order_id: order_id(message),
        status: status(message)?,
        cum_qty: decimal(message, tag::CUM_QTY)?,
    })
}

/// `NONE` where there is none.
fn order_id(message: &Message<'_>) -> Option<OrderId> {
    message.uint(tag::ORDER_ID).map(OrderId)
}

fn status(message: &Message<'_>) -> Option<OrdStatus> {
    Some(match message.get(tag::ORD_STATUS)? {
        b"0" => OrdStatus::New,
        b"1" => OrdStatus::PartiallyFilled,
        b"2" => OrdStatus::Filled,
        b"4" => OrdStatus::Canceled,
        b"8" => OrdStatus::Rejected,
        b"C" => OrdStatus::Expired,
        _ => return None,
    })
}

fn decimal(message: &Message<'_>, tag: u32) -> Option<Decimal> {
    Decimal::parse(message.get(tag)?).ok()
}

fn text(message: &Message<'_>, tag: u32) -> Option<String> {
    message.get(tag).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}
