//! What the venue says over FIX: MsgType and body; header and trailer are the session's.
//!
//! ```text
//!   Event ───► ExecutionReport(8), OrderCancelReject(9)        the body follows from the event, its place in the
//!   Answer ──► ExecutionReport(8) with ExecType I, or the      journal and the directory, and from nothing else: a
//!              refusal of a repetition                         resend after a crash carries the same bytes
//!   Refusal ─► refusal.rs: what a gateway refuses itself
//! ```
//!
//! Only fields that the stock FIX.4.4 dictionaries have in these messages are sent, so that a client need not load ours
//! first. Cost: two look-ups in the directory and one pass over the buffer; no allocation once the buffer has grown.

mod body;
pub mod refusal;
#[cfg(test)]
mod tests;

use crate::config::{Account, Directory};
use crate::report::cause_text;
use crate::types::reject::FixAnswer;
use crate::types::{
    Answer, CancelRejected, Event, EventRef, ExecType, Execution, Instrument, Nanos, OrdStatus, OrdType,
    Order, OrderId, Refusal, Repeated, SessionId, Side, TimeInForce,
};
use body::Body;
use std::fmt;

/// MsgType(35) of what was written.
pub type MsgType = &'static [u8];

/// ExecutionReport.
pub const EXECUTION_REPORT: MsgType = b"8";
/// OrderCancelReject.
pub const ORDER_CANCEL_REJECT: MsgType = b"9";
/// BusinessMessageReject.
pub const BUSINESS_MESSAGE_REJECT: MsgType = b"j";

/// Names a message of a gateway's own, which has no place in a journal: the session, when, and the number of the
/// message that it answers. Its body is kept in the session log, so a resend does not make it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnId {
    /// The session that hears it.
    pub session: SessionId,
    /// When it was made.
    pub at: Nanos,
    /// MsgSeqNum(34) of the message that it answers, or whatever tells two of one instant apart.
    pub number: u64,
}

/// ExecID(17): unique per environment.
enum ExecId {
    /// `shard-seq-index` of an event.
    Event(EventRef),
    /// `session/number@nanoseconds`.
    Own(OwnId),
    /// `0`, as the standard has it for ExecType I.
    Status,
}

/// Writes the body of an event to the end of `out`. `None`, and nothing written, for changes that no FIX session hears
/// of, and for instruments and accounts that the directory does not have.
pub fn event(
    event: &Event,
    at: EventRef,
    time: Nanos,
    directory: &Directory,
    out: &mut Vec<u8>,
) -> Option<MsgType> {
    write_event(event, &ExecId::Event(at), time, directory, out)
}

/// Writes the answer to a repetition: the state of the order today, or that it was refused. `None` for answers to
/// questions, which FIX sessions do not ask.
pub fn answer(answer: &Answer, own: OwnId, directory: &Directory, out: &mut Vec<u8>) -> Option<MsgType> {
    match answer {
        Answer::Repeated(repeated) => repetition(repeated, own, directory, out),
        Answer::Refused(event) => write_event(event, &ExecId::Own(own), own.at, directory, out),
        Answer::Order(_) | Answer::OpenOrders(_) | Answer::Depth { .. } | Answer::BookTicker(_) => None,
    }
}

fn write_event(
    event: &Event,
    exec_id: &ExecId,
    time: Nanos,
    directory: &Directory,
    out: &mut Vec<u8>,
) -> Option<MsgType> {
    match event {
        Event::Execution(execution) => {
            let exec_type = exec_type(execution.exec_type);
            Report { execution, order: &execution.order, exec_id, exec_type, time }.write(directory, out)
        }
        Event::CancelRejected(reject) => cancel_reject(reject, time, directory, out),
        Event::Instrument(_) | Event::Account(_) | Event::Reference(..) => None,
    }
}

/// A repeated order is told as it is now, a repeated cancel by the state of the order that it closed, and a cancel that
/// was refused is refused again.
fn repetition(repeated: &Repeated, own: OwnId, directory: &Directory, out: &mut Vec<u8>) -> Option<MsgType> {
    match &repeated.first {
        Event::Execution(first) => {
            let order = repeated.current.as_ref().unwrap_or(&first.order);
            // What has happened since was told when it happened; only the state is told again.
            let execution = &Execution { fill: None, ..*first };
            Report { execution, order, exec_id: &ExecId::Status, exec_type: "I", time: order.updated }
                .write(directory, out)
        }
        first => write_event(first, &ExecId::Own(own), own.at, directory, out),
    }
}

/// An ExecutionReport(8) to be.
struct Report<'a> {
    execution: &'a Execution,
    /// The order as it is told; for a repetition not that of the execution.
    order: &'a Order,
    exec_id: &'a ExecId,
    exec_type: &'static str,
    time: Nanos,
}

impl Report<'_> {
    fn write(&self, directory: &Directory, out: &mut Vec<u8>) -> Option<MsgType> {
        let (instrument, account) = names(self.order, directory)?;
        let mut body = Body::new(out);
        self.identify(&mut body);
        self.describe(&mut body, instrument, account);
        if let Some(fill) = &self.execution.fill {
            body.qty(32, fill.qty, instrument.qty_scale).price(31, fill.price, instrument.price_scale);
        }
        self.progress(&mut body, instrument);
        if let Some(fill) = &self.execution.fill {
            body.text(851, if fill.maker { "1" } else { "2" });
        }
        self.explain(&mut body);
        Some(EXECUTION_REPORT)
    }

    /// Which order, by which request, what happened.
    fn identify(&self, body: &mut Body<'_>) {
        order_id(body, self.order.id);
        if let Some(fill) = &self.execution.fill {
            body.number(527, fill.trade_id.0);
        }
        match &self.execution.cancel_id {
            Some(cancel) => body.text(11, cancel.as_bytes()).text(41, self.order.cl_ord_id.as_bytes()),
            None => body.text(11, self.order.cl_ord_id.as_bytes()),
        };
        body.display(17, self.exec_id).text(150, self.exec_type).text(39, ord_status(self.order.status));
        if let Some(refusal) = &self.execution.refusal {
            body.number(103, reasons(refusal).ord_rej_reason);
        }
    }

    /// What was asked for.
    fn describe(&self, body: &mut Body<'_>, instrument: &Instrument, account: &Account) {
        let order = self.order;
        body.text(1, &account.name).text(55, instrument.symbol.as_bytes());
        body.text(54, if order.side == Side::Buy { "1" } else { "2" });
        body.qty(38, order.qty, instrument.qty_scale);
        match order.ord_type {
            OrdType::Market => body.text(40, "1"),
            OrdType::Limit | OrdType::LimitMaker => {
                body.text(40, "2").price(44, order.price, instrument.price_scale)
            }
        };
        body.text(59, time_in_force(order.time_in_force));
        if order.ord_type == OrdType::LimitMaker {
            body.text(18, "6");
        }
    }

    /// How far it came.
    fn progress(&self, body: &mut Body<'_>, instrument: &Instrument) {
        body.qty(151, self.order.leaves_qty(), instrument.qty_scale);
        body.qty(14, self.order.cum_qty, instrument.qty_scale);
        body.price(6, self.order.avg_price().unwrap_or_default(), instrument.price_scale);
        body.time(60, self.time);
    }

    /// Why.
    fn explain(&self, body: &mut Body<'_>) {
        if let Some(refusal) = &self.execution.refusal {
            body.display(58, refusal);
        } else if let Some(text) = self.execution.cause.map(cause_text).filter(|text| !text.is_empty()) {
            body.text(58, text);
        }
    }
}

fn cancel_reject(
    reject: &CancelRejected,
    time: Nanos,
    directory: &Directory,
    out: &mut Vec<u8>,
) -> Option<MsgType> {
    let account = directory.account(reject.account)?;
    let mut body = Body::new(out);
    order_id(&mut body, reject.order_id.unwrap_or(OrderId::NONE));
    body.text(11, reject.cl_ord_id.as_bytes());
    // The standard wants a value here even where the order was named by its OrderID.
    body.text(41, reject.orig_cl_ord_id.as_ref().map_or(b"NONE".as_slice(), |id| id.as_bytes()));
    body.text(39, ord_status(reject.status)).text(1, &account.name).time(60, time);
    body.text(434, "1").number(102, reasons(&reject.refusal).cxl_rej_reason).display(58, reject.refusal);
    Some(ORDER_CANCEL_REJECT)
}

fn names<'d>(order: &Order, directory: &'d Directory) -> Option<(&'d Instrument, &'d Account)> {
    Some((directory.instrument(order.instrument)?, directory.account(order.account)?))
}

fn order_id(body: &mut Body<'_>, id: OrderId) {
    if id == OrderId::NONE {
        body.text(37, "NONE");
    } else {
        body.number(37, id.0);
    }
}

/// OrdRejReason(103), CxlRejReason(102), BusinessRejectReason(380).
struct Reasons {
    ord_rej_reason: u64,
    cxl_rej_reason: u64,
    business_reject_reason: u64,
}

/// The codes of the table; where it has none for an application message, "other".
fn reasons(refusal: &Refusal) -> Reasons {
    match refusal.reject.info().fix {
        FixAnswer::Application { ord_rej_reason, cxl_rej_reason, business_reject_reason } => Reasons {
            ord_rej_reason: u64::from(ord_rej_reason),
            cxl_rej_reason: u64::from(cxl_rej_reason),
            business_reject_reason: u64::from(business_reject_reason),
        },
        FixAnswer::Reject(_) | FixAnswer::Never => {
            Reasons { ord_rej_reason: 99, cxl_rej_reason: 99, business_reject_reason: 0 }
        }
    }
}

const fn exec_type(exec_type: ExecType) -> &'static str {
    match exec_type {
        ExecType::New => "0",
        ExecType::Trade => "F",
        ExecType::Canceled => "4",
        ExecType::Rejected => "8",
        ExecType::Expired => "C",
    }
}

const fn ord_status(status: OrdStatus) -> &'static str {
    match status {
        OrdStatus::New => "0",
        OrdStatus::PartiallyFilled => "1",
        OrdStatus::Filled => "2",
        OrdStatus::Canceled => "4",
        OrdStatus::Rejected => "8",
        OrdStatus::Expired => "C",
    }
}

const fn time_in_force(time_in_force: TimeInForce) -> &'static str {
    match time_in_force {
        TimeInForce::Gtc => "1",
        TimeInForce::Ioc => "3",
        TimeInForce::Fok => "4",
    }
}

impl fmt::Display for ExecId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(EventRef { shard, seq, index }) => write!(f, "{shard}-{seq}-{index}"),
            Self::Own(OwnId { session, at, number }) => write!(f, "{session}/{number}@{}", at.0),
            Self::Status => f.write_str("0"),
        }
    }
}
