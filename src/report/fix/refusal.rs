//! What a gateway refuses itself: limits, signatures, fields that make no sense, a full ring.
//!
//! ```text
//!   Refusal ──► its row of the table says "session"? ──yes──► Reject(3), made by the session: reason, tag, text
//!                      │ no
//!                      ├── NewOrderSingle(D) ───────► ExecutionReport(8), ExecType and OrdStatus 8
//!                      ├── OrderCancelRequest(F),
//!                      │   OrderCancelReplaceRequest(G) ► OrderCancelReject(9)
//!                      ├── OrderMassCancelRequest(q) ► OrderMassCancelReport(r)
//!                      ├── MarketDataRequest(V) ────► MarketDataRequestReject(Y)
//!                      └── anything else ───────────► BusinessMessageReject(j)
//! ```
//!
//! The refused message is echoed from its own fields, because what is refused may be that they mean nothing.

use super::body::Body;
use super::{
    BUSINESS_MESSAGE_REJECT, EXECUTION_REPORT, ExecId, MsgType, ORDER_CANCEL_REJECT,
    ORDER_MASS_CANCEL_REPORT, OwnId, market, reasons,
};
use crate::limits::ECHOED_BYTES_MAX;
use crate::types::reject::FixAnswer;
use crate::types::{Decimal, LostRequest, Refusal, Reject};
use crate::wire::fix::{Message, tag};

/// The fields of a refused message that its refusal repeats, as they stood there; of what is longer than any value that
/// is taken, the start. So a refusal is never longer than a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Echo<'a> {
    /// MsgType(35).
    pub msg_type: &'a [u8],
    /// MsgSeqNum(34).
    pub msg_seq_num: u32,
    /// OrderID(37).
    pub order_id: Option<&'a [u8]>,
    /// ClOrdID(11).
    pub cl_ord_id: Option<&'a [u8]>,
    /// OrigClOrdID(41).
    pub orig_cl_ord_id: Option<&'a [u8]>,
    /// Account(1).
    pub account: Option<&'a [u8]>,
    /// Symbol(55).
    pub symbol: Option<&'a [u8]>,
    /// Side(54).
    pub side: Option<&'a [u8]>,
    /// OrderQty(38).
    pub order_qty: Option<&'a [u8]>,
    /// OrdType(40).
    pub ord_type: Option<&'a [u8]>,
    /// Price(44).
    pub price: Option<&'a [u8]>,
    /// TimeInForce(59).
    pub time_in_force: Option<&'a [u8]>,
    /// ExecInst(18).
    pub exec_inst: Option<&'a [u8]>,
    /// MassCancelRequestType(530).
    pub mass_cancel_request_type: Option<&'a [u8]>,
    /// MDReqID(262).
    pub md_req_id: Option<&'a [u8]>,
}

impl<'a> Echo<'a> {
    /// What there is to repeat of a message.
    pub fn of(message: &Message<'a>) -> Self {
        let start = |value: &'a [u8]| &value[..value.len().min(ECHOED_BYTES_MAX)];
        let text = |tag| message.get(tag).map(start);
        // The start of a number is another number.
        let number = |tag| message.get(tag).filter(|value| value.len() <= ECHOED_BYTES_MAX);
        Self {
            msg_type: start(message.msg_type()),
            msg_seq_num: message.number().map_or(0, |number| number.0),
            order_id: text(tag::ORDER_ID),
            cl_ord_id: text(tag::CL_ORD_ID),
            orig_cl_ord_id: text(tag::ORIG_CL_ORD_ID),
            account: text(tag::ACCOUNT),
            symbol: text(tag::SYMBOL),
            side: text(tag::SIDE),
            order_qty: number(tag::ORDER_QTY),
            ord_type: text(tag::ORD_TYPE),
            price: number(tag::PRICE),
            time_in_force: text(tag::TIME_IN_FORCE),
            exec_inst: text(tag::EXEC_INST),
            mass_cancel_request_type: text(tag::MASS_CANCEL_REQUEST_TYPE),
            md_req_id: text(tag::MD_REQ_ID),
        }
    }
}

/// How a refusal is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// By an application message: its MsgType; its body was written.
    Application(MsgType),
    /// By the session's own Reject(3), which says this; nothing was written.
    Session(Refusal),
}

/// Writes the refusal of a message to the end of `out`, or says that the session must reject it.
pub fn refuse(echo: &Echo<'_>, refusal: &Refusal, own: OwnId, out: &mut Vec<u8>) -> Told {
    if let FixAnswer::Reject(_) = refusal.reject.info().fix {
        return Told::Session(*refusal);
    }
    let mut body = Body::new(out);
    Told::Application(match echo.msg_type {
        _ if refusal.reject == Reject::UnsupportedMessage => reject_message(echo, refusal, &mut body),
        b"D" => reject_order(echo, refusal, own, &mut body),
        b"F" => reject_cancel(echo, "1", refusal, own, &mut body),
        b"G" => reject_cancel(echo, "2", refusal, own, &mut body),
        b"V" => market::reject(echo, refusal, &mut body),
        b"q" => reject_mass_cancel(echo, refusal, own, &mut body),
        _ => reject_message(echo, refusal, &mut body),
    })
}

/// Refuses a request of which no more is known than that it was taken: BusinessMessageReject(j), which says nothing of
/// an order that an earlier copy of it may have entered.
pub fn refuse_lost(lost: &LostRequest, out: &mut Vec<u8>) -> MsgType {
    let LostRequest { number, msg_type, cl_ord_id, partly } = lost;
    let cl_ord_id = Some(cl_ord_id.as_bytes()).filter(|id| !id.is_empty());
    let echo = Echo { msg_type: msg_type.as_bytes(), msg_seq_num: number.0, cl_ord_id, ..Echo::default() };
    let reject = if *partly { Reject::PartlyLostByRestart } else { Reject::LostByRestart };
    reject_message(&echo, &reject.into(), &mut Body::new(out))
}

fn reject_order(echo: &Echo<'_>, refusal: &Refusal, own: OwnId, body: &mut Body<'_>) -> MsgType {
    body.text(37, "NONE").text_if(11, echo.cl_ord_id).display(17, ExecId::Own(own));
    body.text(150, "8").text(39, "8").number(103, reasons(refusal).ord_rej_reason);
    body.text_if(1, echo.account).text_if(55, echo.symbol).text_if(54, echo.side);
    body.text_if(38, number(echo.order_qty)).text_if(40, echo.ord_type).text_if(44, number(echo.price));
    body.text_if(59, echo.time_in_force).text_if(18, echo.exec_inst);
    body.text(151, "0").text(14, "0").text(6, "0").time(60, own.at).display(58, refusal);
    EXECUTION_REPORT
}

/// `response_to`: CxlRejResponseTo(434).
fn reject_cancel(
    echo: &Echo<'_>,
    response_to: &str,
    refusal: &Refusal,
    own: OwnId,
    body: &mut Body<'_>,
) -> MsgType {
    let none = b"NONE".as_slice();
    body.text(37, echo.order_id.unwrap_or(none)).text_if(11, echo.cl_ord_id);
    body.text(41, echo.orig_cl_ord_id.unwrap_or(none));
    // The gateway does not know the order, so it says what the standard says of an unknown one.
    body.text(39, "8").text_if(1, echo.account).time(60, own.at);
    body.text(434, response_to).number(102, reasons(refusal).cxl_rej_reason).display(58, refusal);
    ORDER_CANCEL_REJECT
}

fn reject_mass_cancel(echo: &Echo<'_>, refusal: &Refusal, own: OwnId, body: &mut Body<'_>) -> MsgType {
    body.text_if(11, echo.cl_ord_id).text(37, "NONE").text_if(530, echo.mass_cancel_request_type);
    body.text(531, "0").text(532, "99").text(533, "0").text_if(55, echo.symbol);
    body.text_if(54, echo.side).time(60, own.at).display(58, refusal);
    ORDER_MASS_CANCEL_REPORT
}

fn reject_message(echo: &Echo<'_>, refusal: &Refusal, body: &mut Body<'_>) -> MsgType {
    body.number(45, u64::from(echo.msg_seq_num)).text(372, echo.msg_type).text_if(379, echo.cl_ord_id);
    body.number(380, reasons(refusal).business_reject_reason).display(58, refusal);
    BUSINESS_MESSAGE_REJECT
}

/// What is no number is not echoed where one must stand: the client's own engine would reject the refusal.
fn number(field: Option<&[u8]>) -> Option<&[u8]> {
    field.filter(|text| Decimal::parse(text).is_ok())
}
