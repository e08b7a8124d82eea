//! What the venue says over FIX: MsgType and body; header and trailer are the session's.
//!
//! ```text
//!   Event ───► ExecutionReport(8), OrderCancelReject(9), r     the body follows from the event, its place in the
//!   Answer ──► ExecutionReport(8) with ExecType I, or the      journal and the directory, and from nothing else: a
//!              refusal of a repetition                         resend after a crash carries the same bytes
//!   Refusal ─► refusal.rs: what a gateway refuses itself
//! ```
//!
//! Only fields that the stock FIX.4.4 dictionaries have in these messages are sent, so that a client need not load ours
//! first. Cost: two look-ups in the directory and one pass over the buffer; no allocation once the buffer has grown.

mod body;
pub mod market;
pub mod refusal;
pub mod status;
pub mod streams;
#[cfg(test)]
mod tests;
mod version;

use crate::config::{Account, Directory};
use crate::report::{ApplId, cause_text};
use crate::types::reject::FixAnswer;
use crate::types::{
    Answer, ApplSeqNum, CancelRejected, CancelScope, Cause, CxlRejResponseTo, Event, EventRef, ExecType,
    Execution, Instrument, MassCanceled, Nanos, OrdStatus, OrdType, Order, OrderId, Prevented, Refusal,
    Reject, Repeated, SessionId, ShardId, Side, StreamPosition, TimeInForce, Timing,
};
use crate::wire::fix::tag;
use body::Body;
use status::Asked;
use std::fmt;
pub use version::adapt;

/// MsgType(35) of what was written.
pub type MsgType = &'static [u8];

/// ExecutionReport.
pub const EXECUTION_REPORT: MsgType = b"8";
/// OrderCancelReject.
pub const ORDER_CANCEL_REJECT: MsgType = b"9";
/// OrderMassCancelReport.
pub const ORDER_MASS_CANCEL_REPORT: MsgType = b"r";
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

/// Marks the ExecutionReport that was just written as a copy: CopyMsgIndicator(797).
pub fn mark_copy(out: &mut Vec<u8>) {
    Body::new(out).text(797, "Y");
}

/// Writes the times of a request behind the answer that was just written: TimeReceived(25010) to TimeSent(25016), in
/// nanoseconds since 1970, those of the stages that it has passed.
pub fn put_timing(timing: &Timing, out: &mut Vec<u8>) {
    let mut body = Body::new(out);
    for (tag, at) in (tag::TIME_RECEIVED..).zip(timing.marks()) {
        if let Some(at) = at {
            body.number(tag, at.0);
        }
    }
}

/// Says where an execution that was just written stands in the private stream of its account: ApplID(1180) and
/// ApplSeqNum(1181), for sessions that are told so. Nothing for other events.
pub fn put_place(event: &Event, shard: ShardId, directory: &Directory, out: &mut Vec<u8>) {
    let Event::Execution(execution) = event else { return };
    if let Some(account) = directory.account(execution.order.account) {
        let stream = ApplId { account: &account.name, shard };
        Body::new(out).display(tag::APPL_ID, stream).number(tag::APPL_SEQ_NUM, execution.appl_seq_num.0);
    }
}

/// Says as of which number of a private stream the answer that was just written is true: ApplID(1180) and
/// ApplLastSeqNum(1350). Every execution up to it is told in the order, and none behind it.
pub fn put_as_of(as_of: &StreamPosition, directory: &Directory, out: &mut Vec<u8>) {
    if let Some(account) = directory.account(as_of.account) {
        let stream = ApplId { account: &account.name, shard: as_of.shard };
        Body::new(out).display(tag::APPL_ID, stream).number(tag::APPL_LAST_SEQ_NUM, as_of.number.0);
    }
}

/// Marks the execution that was just written as one that is sent again by its ApplSeqNum: ApplResendFlag(1352), and in
/// ApplLastSeqNum(1350) the last that is.
pub fn put_resent(end: ApplSeqNum, out: &mut Vec<u8>) {
    Body::new(out).number(tag::APPL_LAST_SEQ_NUM, end.0).text(tag::APPL_RESEND_FLAG, "Y");
}

/// Writes the answer to a repetition (the state of the order today, or that it was refused) or to a question about one
/// order. `None` for answers to questions which FIX sessions do not ask, and to that about many orders, which
/// [`status::open_order`] answers order by order.
pub fn answer(answer: &Answer, own: OwnId, directory: &Directory, out: &mut Vec<u8>) -> Option<MsgType> {
    match answer {
        Answer::Repeated(repeated) => repetition(repeated, own, directory, out),
        Answer::Refused(event) | Answer::Reported(event) => {
            write_event(event, &ExecId::Own(own), own.at, directory, out)
        }
        Answer::Order(query, found) => status::order(query, found, own, directory, out),
        Answer::OpenOrders(..)
        | Answer::Trades(..)
        | Answer::Account(_)
        | Answer::Stream(..)
        | Answer::Recall(_)
        | Answer::Tested(_)
        | Answer::Depth { .. }
        | Answer::Book { .. }
        | Answer::BookTicker(_) => None,
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
            let order = &execution.order;
            Report { execution, order, exec_id, exec_type, time, asked: None }.write(directory, out)
        }
        Event::CancelRejected(reject) => cancel_reject(reject, time, directory, out),
        Event::MassCanceled(canceled) => mass_cancel_report(canceled, time, directory, out),
        Event::CancelAllAfter(_) => None,
        Event::Instrument(_) | Event::Account(_) | Event::Reference(..) | Event::Kill(_) => None,
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
            let (exec_id, time) = (&ExecId::Status, order.updated);
            Report { execution, order, exec_id, exec_type: "I", time, asked: None }.write(directory, out)
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
    /// The question that it answers.
    asked: Option<&'a Asked>,
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
            body.code(851, if fill.maker { "1" } else { "2" });
        }
        self.explain(&mut body, instrument);
        if let Some(asked) = self.asked {
            asked.write(&mut body);
        }
        Some(EXECUTION_REPORT)
    }

    /// Which order, by which request, what happened.
    fn identify(&self, body: &mut Body<'_>) {
        order_id(body, self.order.id);
        if let Some(fill) = &self.execution.fill {
            body.number(527, fill.trade_id.0);
        }
        let cl_ord_id = self.order.cl_ord_id.as_bytes();
        match (&self.execution.cancel_id, &self.execution.replaced) {
            (Some(cancel), _) => body.text(11, cancel.as_bytes()).text(41, cl_ord_id),
            (None, Some(replaced)) => body.text(11, cl_ord_id).text(41, replaced.orig_cl_ord_id.as_bytes()),
            (None, None) => body.text(11, cl_ord_id),
        };
        self.exec_id.write(body);
        body.code(150, self.exec_type).code(39, ord_status(self.order.status));
        if let Some(refusal) = &self.execution.refusal {
            body.number(103, reasons(refusal).ord_rej_reason);
        }
        if let Some(reason) = restatement(self.execution) {
            body.code(378, reason);
        }
    }

    /// What was asked for.
    fn describe(&self, body: &mut Body<'_>, instrument: &Instrument, account: &Account) {
        let order = self.order;
        body.text(1, &account.name).text(55, instrument.symbol.as_bytes());
        body.code(54, side_code(order.side));
        body.qty(38, order.qty, instrument.qty_scale);
        match order.ord_type {
            OrdType::Market => body.code(40, "1"),
            OrdType::Limit | OrdType::LimitMaker => {
                body.code(40, "2").price(44, order.price, instrument.price_scale)
            }
        };
        body.code(59, time_in_force(order.time_in_force));
        if order.time_in_force == TimeInForce::Gtd {
            body.time(126, order.expire);
        }
        match (order.ord_type == OrdType::LimitMaker, order.reduce_only) {
            (true, true) => body.code(18, "6 E"),
            (true, false) => body.code(18, "6"),
            (false, true) => body.code(18, "E"),
            (false, false) => body,
        };
    }

    /// How far it came.
    fn progress(&self, body: &mut Body<'_>, instrument: &Instrument) {
        body.qty(151, self.order.leaves_qty(), instrument.qty_scale);
        body.qty(14, self.order.cum_qty, instrument.qty_scale);
        body.price(6, self.order.avg_price().unwrap_or_default(), instrument.price_scale);
        body.time(60, self.time);
    }

    /// Why.
    fn explain(&self, body: &mut Body<'_>, instrument: &Instrument) {
        let Execution { refusal, cause, replaced, prevented, .. } = self.execution;
        if let Some(refusal) = refusal {
            body.display(58, refusal);
        } else if let Some(prevented) = prevented {
            body.display(58, PreventedText { prevented, instrument });
        } else if let Some(replaced) = replaced.filter(|_| self.exec_type == exec_type(ExecType::Replaced)) {
            body.text(58, if replaced.kept_priority { KEPT } else { LOST });
        } else if let Some(text) = cause.map(cause_text).filter(|text| !text.is_empty()) {
            body.text(58, text);
        }
    }
}

/// What became of the place in the queue of an order that was amended.
const KEPT: &str = "PriorityKept: the order stands where it stood in the queue.";
const LOST: &str = "PriorityLost: the order is the last in the queue of its price.";

/// What self-match prevention took, in figures.
struct PreventedText<'a> {
    prevented: &'a Prevented,
    instrument: &'a Instrument,
}

impl fmt::Display for PreventedText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Prevented { qty, price, counter, maker } = *self.prevented;
        let qty = self.instrument.qty_scale.text(i128::from(qty.0));
        let price = self.instrument.price_scale.text(i128::from(price.0));
        let role = if maker { "resting" } else { "taking" };
        write!(f, "SelfMatch: prevented {qty} at {price} against order {counter}, this one {role}.")
    }
}

/// ExecRestatementReason(378), out of those that every version has: why the venue changed or closed an order.
const fn restatement(execution: &Execution) -> Option<&'static str> {
    match (execution.exec_type, execution.cause) {
        // 8: market option.
        (ExecType::Prevented, _) | (_, Some(Cause::SelfMatch | Cause::ReduceOnly)) => Some("8"),
        // 6: cancel on trading halt.
        (_, Some(Cause::TradingHalt)) => Some("6"),
        // 99: other; Text says which.
        (
            _,
            Some(
                Cause::SessionDisconnected
                | Cause::SessionLoggedOut
                | Cause::ServerRestarted
                | Cause::CancelAllAfter
                | Cause::KillSwitch,
            ),
        ) => Some("99"),
        _ => None,
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
    body.text(
        434,
        match reject.response_to {
            CxlRejResponseTo::Cancel => "1",
            CxlRejResponseTo::Replace => "2",
        },
    );
    body.number(102, reasons(&reject.refusal).cxl_rej_reason).display(58, reject.refusal);
    Some(ORDER_CANCEL_REJECT)
}

/// OrderMassCancelReport(r): MassCancelResponse(531) is 0 where nothing was done, else what was asked for; where some
/// matching engines did it and others refused, Text says so.
fn mass_cancel_report(
    canceled: &MassCanceled,
    time: Nanos,
    directory: &Directory,
    out: &mut Vec<u8>,
) -> Option<MsgType> {
    let CancelScope { instrument, side, .. } = canceled.scope;
    let asked = if instrument.is_some() { "1" } else { "7" };
    let mut body = Body::new(out);
    body.text(11, canceled.cl_ord_id.as_bytes());
    order_id(&mut body, canceled.id);
    body.text(530, asked);
    match &canceled.refusal {
        // 99: other.
        Some(refusal) if canceled.canceled == 0 => body.text(531, "0").text(532, "99").display(58, refusal),
        Some(refusal) => body.text(531, asked).display(58, PartlyText(refusal)),
        None => body.text(531, asked),
    };
    body.number(533, u64::from(canceled.canceled));
    if let Some(instrument) = instrument.and_then(|id| directory.instrument(id)) {
        body.text(55, instrument.symbol.as_bytes());
    }
    if let Some(side) = side {
        body.text(54, side_code(side));
    }
    body.time(60, time);
    Some(ORDER_MASS_CANCEL_REPORT)
}

/// Why some of the matching engines canceled nothing.
struct PartlyText<'a>(&'a Refusal);

impl fmt::Display for PartlyText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Refusal::from(Reject::MassCancelPartlyFailed), self.0)
    }
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
        ExecType::Replaced => "5",
        ExecType::Prevented => "D",
    }
}

const fn side_code(side: Side) -> &'static str {
    match side {
        Side::Buy => "1",
        Side::Sell => "2",
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
        TimeInForce::Gtd => "6",
    }
}

impl ExecId {
    /// Writes the field. That of an event stands in nearly each report, and does without what prints.
    fn write(&self, body: &mut Body<'_>) {
        match self {
            Self::Event(EventRef { shard, seq, index }) => {
                body.numbers(17, [shard.0.into(), seq.0, (*index).into()]);
            }
            other => {
                body.display(17, other);
            }
        }
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
