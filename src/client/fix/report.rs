//! What the venue's messages say.

use crate::client::error::{ApiError, reject_named};
use crate::client::report::{ExecutionReport, StreamPlace, Trade};
use crate::types::{Decimal, ExecType, MsgSeqNum, Nanos, OrdStatus, OrderId, Reject, Side, TradeId};
use crate::wire::fix::{Message, RejectReason, parse_uint, tag};
use std::time::Instant;

/// A message of the venue's, and when it had been read.
#[derive(Clone, Debug)]
pub struct Received {
    /// What it says.
    pub report: Report,
    /// When.
    pub at: Instant,
    /// SendingTime(52): the venue's clock.
    pub sent: Nanos,
    /// PossDupFlag(43) or PossResend(97): it may have been told before.
    pub possible_duplicate: bool,
}

/// What the venue says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// ExecutionReport(8): an order changed.
    Execution(ExecutionReport),
    /// ExecutionReport(8) with ExecType(150)=I: the request had come before; this is how its order stands now.
    Repeated(Standing),
    /// ExecutionReport(8) with ExecType(150)=I: the answer to a question.
    Status(Status),
    /// OrderCancelReject(9): of a cancel, or of an amendment.
    CancelRejected(CancelRejected),
    /// OrderMassCancelReport(r).
    MassCanceled(MassCanceled),
    /// ApplicationMessageRequestAck(BX): what becomes of a request about private streams.
    StreamAck(StreamAck),
    /// ApplicationMessageReport(BY): how far private streams are.
    Streams(StreamReport),
    /// Reject(3) or BusinessMessageReject(j): the message was not taken, and never will be.
    Refused(Refused),
}

/// How an order stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Symbol(55).
    pub symbol: String,
    /// OrderID(37); `None` for an order that was refused before it had one.
    pub order_id: Option<OrderId>,
    /// ClOrdID(11): of the order, or of the request that is answered.
    pub cl_ord_id: String,
    /// OrigClOrdID(41): of the order, where `cl_ord_id` is that of a cancel.
    pub orig_cl_ord_id: Option<String>,
    /// Side(54).
    pub side: Side,
    /// OrdStatus(39).
    pub status: OrdStatus,
    /// OrderQty(38).
    pub qty: Decimal,
    /// Price(44); zero for a market order.
    pub price: Decimal,
    /// CumQty(14).
    pub cum_qty: Decimal,
    /// Why it closed or was refused: Text(58).
    pub text: String,
}

/// The answer to an OrderStatusRequest(H), or one of those to an OrderMassStatusRequest(AF).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// OrdStatusReqID(790) or MassStatusReqID(584).
    pub req_id: String,
    /// The order; `None`: there is none of this name, or none that is open.
    pub order: Option<Standing>,
    /// Whether no further report answers the question: LastRptRequested(912).
    pub last: bool,
    /// Why there is none: Text(58).
    pub text: String,
    /// The number of the private stream as of which it is true: ApplLastSeqNum(1350), where the session tells it.
    pub as_of: Option<StreamPlace>,
}

/// The answer to a request about private streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamAck {
    /// ApplReqID(1346).
    pub req_id: String,
    /// The last number of each stream, RefApplLastSeqNum(1357), where it was told.
    pub streams: Vec<StreamPlace>,
    /// Why it was refused, if it was: Text(58).
    pub refused: Option<String>,
}

/// How far private streams are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamReport {
    /// ApplReqID(1346): of the request whose executions have all been sent again; `None` for a heartbeat.
    pub req_id: Option<String>,
    /// The last number of each stream that was told: RefApplLastSeqNum(1357).
    pub streams: Vec<StreamPlace>,
    /// Why not all could be: Text(58), if it is not empty.
    pub text: String,
}

/// A cancel or an amendment that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelRejected {
    /// ClOrdID(11) of the request.
    pub cl_ord_id: String,
    /// OrigClOrdID(41) of the order that it meant, `NONE` if it named it otherwise.
    pub orig_cl_ord_id: String,
    /// Why: Text(58).
    pub text: String,
}

/// What a mass cancel did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MassCanceled {
    /// ClOrdID(11) of the request.
    pub cl_ord_id: String,
    /// TotalAffectedOrders(533).
    pub count: u64,
    /// Why it was refused: MassCancelResponse(531) is 0, and this Text(58); or why a part of it was.
    pub refused: Option<String>,
}

/// A message that was refused as such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// RefSeqNum(45): its number.
    pub number: MsgSeqNum,
    /// Its ClOrdID, as far as the client remembers.
    pub cl_ord_id: Option<String>,
    /// Which refusal SessionRejectReason(373) or BusinessRejectReason(380) tell, where the session says in the
    /// standard's words what is wrong with a message.
    pub coded: Option<Reject>,
    /// Why: Text(58).
    pub text: String,
}

impl CancelRejected {
    /// Why, with the codes that both protocols have for it.
    pub fn error(&self) -> ApiError {
        ApiError::of_text(self.text.clone())
    }

    /// Sealgate's own name of the reason.
    pub fn reject(&self) -> Option<Reject> {
        self.error().reject
    }
}

impl Status {
    /// Why there is no order.
    pub fn error(&self) -> ApiError {
        ApiError::of_text(self.text.clone())
    }
}

impl MassCanceled {
    /// Why it was refused, if it was.
    pub fn error(&self) -> Option<ApiError> {
        self.refused.clone().map(ApiError::of_text)
    }
}

impl Refused {
    /// Why, with the codes that both protocols have for it.
    pub fn error(&self) -> ApiError {
        let named = ApiError::of_text(self.text.clone());
        match (named.reject, self.coded) {
            (None, Some(reject)) => ApiError::of_reject(reject, self.text.clone()),
            _ => named,
        }
    }

    /// Sealgate's own name of the reason.
    pub fn reject(&self) -> Option<Reject> {
        self.error().reject
    }
}

impl From<&ExecutionReport> for Standing {
    fn from(report: &ExecutionReport) -> Self {
        let report = report.clone();
        Self {
            symbol: report.symbol,
            order_id: report.order_id,
            cl_ord_id: report.cl_ord_id,
            orig_cl_ord_id: report.orig_cl_ord_id,
            side: report.side,
            status: report.status,
            qty: report.qty,
            price: report.price,
            cum_qty: report.cum_qty,
            text: report.text,
        }
    }
}

impl Standing {
    /// The ClOrdID of the order, whatever this answers.
    pub fn entered_as(&self) -> &str {
        self.orig_cl_ord_id.as_deref().unwrap_or(&self.cl_ord_id)
    }
}

/// What an application message of the venue's, or a Reject(3), says; `None` if it has not the fields that it must.
pub(super) fn read(message: &Message<'_>) -> Option<Report> {
    match message.msg_type() {
        b"8" if message.get(tag::EXEC_TYPE) == Some(b"I") => state(message),
        b"8" => execution(message).map(Report::Execution),
        b"9" => Some(Report::CancelRejected(CancelRejected {
            cl_ord_id: text(message, tag::CL_ORD_ID)?,
            orig_cl_ord_id: text(message, tag::ORIG_CL_ORD_ID)?,
            text: text(message, tag::TEXT).unwrap_or_default(),
        })),
        b"r" => Some(Report::MassCanceled(MassCanceled {
            cl_ord_id: text(message, tag::CL_ORD_ID)?,
            count: message.uint(tag::TOTAL_AFFECTED_ORDERS).unwrap_or_default(),
            refused: mass_cancel_refused(message)?,
        })),
        b"BX" => Some(Report::StreamAck(StreamAck {
            req_id: text(message, tag::APPL_REQ_ID)?,
            streams: streams(message),
            refused: (message.get(tag::APPL_RESPONSE_TYPE) != Some(b"0"))
                .then(|| text(message, tag::TEXT).unwrap_or_default()),
        })),
        b"BY" => Some(Report::Streams(StreamReport {
            req_id: text(message, tag::APPL_REQ_ID)
                .filter(|_| message.get(tag::APPL_REPORT_TYPE) != Some(b"2")),
            streams: streams(message),
            text: text(message, tag::TEXT).unwrap_or_default(),
        })),
        b"3" | b"j" => Some(Report::Refused(Refused {
            number: MsgSeqNum(u32::try_from(message.uint(tag::REF_SEQ_NUM)?).ok()?),
            cl_ord_id: text(message, tag::BUSINESS_REJECT_REF_ID),
            coded: coded(message),
            text: text(message, tag::TEXT).unwrap_or_default(),
        })),
        _ => None,
    }
}

/// Where some of the matching engines refused, MassCancelResponse says what was asked for, and Text the rest.
fn mass_cancel_refused(message: &Message<'_>) -> Option<Option<String>> {
    let text = text(message, tag::TEXT).unwrap_or_default();
    let partly = reject_named(&text) == Some(Reject::MassCancelPartlyFailed);
    Some((message.get(tag::MASS_CANCEL_RESPONSE)? == b"0" || partly).then_some(text))
}

/// The session's own codes; those of an application message stand beside a text that names the refusal.
fn coded(message: &Message<'_>) -> Option<Reject> {
    if message.uint(tag::BUSINESS_REJECT_REASON) == Some(3) {
        return Some(Reject::UnsupportedMessage);
    }
    let code = message.uint(tag::SESSION_REJECT_REASON)?;
    let reason = RejectReason::ALL.into_iter().find(|known| u64::from(*known as u16) == code);
    reason.map(RejectReason::reject)
}

/// ExecType(150)=I: of a repetition, unless it names a question.
fn state(message: &Message<'_>) -> Option<Report> {
    let asked = text(message, tag::ORD_STATUS_REQ_ID).or_else(|| text(message, tag::MASS_STATUS_REQ_ID));
    let Some(req_id) = asked else { return standing(message).map(Report::Repeated) };
    // 7, undisclosed: the standard wants a side even of an order that is not there.
    let order = if message.get(tag::SIDE)? == b"7" { None } else { Some(standing(message)?) };
    let last = message.get(tag::LAST_RPT_REQUESTED).is_none_or(|flag| flag == b"Y");
    let place = message.uint(tag::APPL_LAST_SEQ_NUM).zip(text(message, tag::APPL_ID));
    let as_of = place.map(|(number, appl_id)| StreamPlace { appl_id, number });
    let text = text(message, tag::TEXT).unwrap_or_default();
    Some(Report::Status(Status { req_id, order, last, text, as_of }))
}

fn standing(message: &Message<'_>) -> Option<Standing> {
    Some(Standing {
        symbol: text(message, tag::SYMBOL)?,
        order_id: order_id(message),
        cl_ord_id: text(message, tag::CL_ORD_ID)?,
        orig_cl_ord_id: text(message, tag::ORIG_CL_ORD_ID),
        side: side(message)?,
        status: status(message)?,
        qty: number(message, tag::ORDER_QTY),
        price: number(message, tag::PRICE),
        cum_qty: decimal(message, tag::CUM_QTY)?,
        text: text(message, tag::TEXT).unwrap_or_default(),
    })
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
    Some(ExecutionReport {
        exec_type,
        status: status(message)?,
        symbol: text(message, tag::SYMBOL)?,
        order_id: order_id(message),
        cl_ord_id: text(message, tag::CL_ORD_ID)?,
        orig_cl_ord_id: text(message, tag::ORIG_CL_ORD_ID),
        side: side(message)?,
        qty: number(message, tag::ORDER_QTY),
        price: number(message, tag::PRICE),
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

/// The entries of the group of streams that tell a number.
fn streams(message: &Message<'_>) -> Vec<StreamPlace> {
    let (mut streams, mut appl_id) = (Vec::new(), String::new());
    for field in message.fields() {
        let value = message.value(*field);
        match field.tag {
            tag::REF_APPL_ID => appl_id = String::from_utf8_lossy(value).into_owned(),
            tag::REF_APPL_LAST_SEQ_NUM => {
                let appl_id = appl_id.clone();
                streams.extend(parse_uint(value).map(|number| StreamPlace { appl_id, number }));
            }
            _ => {}
        }
    }
    streams
}

fn side(message: &Message<'_>) -> Option<Side> {
    Some(if message.get(tag::SIDE)? == b"1" { Side::Buy } else { Side::Sell })
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

/// A refusal repeats what it was sent, and that may have been no number.
fn number(message: &Message<'_>, tag: u32) -> Decimal {
    decimal(message, tag).unwrap_or(Decimal { mantissa: 0, scale: 0 })
}

fn decimal(message: &Message<'_>, tag: u32) -> Option<Decimal> {
    Decimal::parse(message.get(tag)?).ok()
}

fn text(message: &Message<'_>, tag: u32) -> Option<String> {
    message.get(tag).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}
