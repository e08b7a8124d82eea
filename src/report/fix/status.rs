//! Answers to OrderStatusRequest(H) and OrderMassStatusRequest(AF): ExecutionReports with ExecType(150) I.

use super::body::Body;
use super::{EXECUTION_REPORT, ExecId, MsgType, OwnId, Report, reasons};
use crate::config::Directory;
use crate::types::{
    ExecType, Execution, InstrumentId, Nanos, OpenOrdersQuery, Order, OrderQuery, OrderRef, Refusal, ReqId,
};

/// The question that a report answers, in its last fields.
pub(super) enum Asked {
    /// OrdStatusReqID(790).
    One(Option<ReqId>),
    /// MassStatusReqID(584), how many reports there are, whether this is the last.
    Many(Option<ReqId>, u64, bool),
}

impl Asked {
    pub(super) fn write(&self, body: &mut Body<'_>) {
        match self {
            Self::One(id) => _ = body.text_if(790, id.as_ref().map(|id| id.as_bytes())),
            Self::Many(id, total, last) => {
                body.text_if(584, id.as_ref().map(|id| id.as_bytes())).number(911, *total);
                body.text(912, if *last { "Y" } else { "N" });
            }
        }
    }
}

/// How an order stands, or that there is none of this name.
pub(super) fn order(
    query: &OrderQuery,
    found: &Result<Order, Refusal>,
    own: OwnId,
    directory: &Directory,
    out: &mut Vec<u8>,
) -> Option<MsgType> {
    let asked = Asked::One(query.req_id);
    match found {
        Ok(order) => told(order, &asked, directory, out),
        Err(refusal) => {
            let none = NoOrder { target: Some(&query.target), instrument: Some(query.instrument), refusal };
            Some(none.write(&asked, own.at, directory, out))
        }
    }
}

/// What answers an OrderMassStatusRequest.
#[derive(Clone, Copy, Debug)]
pub struct Found<'a> {
    /// The orders.
    pub orders: &'a [Order],
    /// Why there are none, if there are none.
    pub refusal: &'a Refusal,
}

/// The `at`th report of those that answer an OrderMassStatusRequest. Where there is no order there is one that says so.
pub fn open_order(
    query: &OpenOrdersQuery,
    Found { orders, refusal }: Found<'_>,
    at: usize,
    own: OwnId,
    directory: &Directory,
    out: &mut Vec<u8>,
) -> Option<MsgType> {
    let asked = Asked::Many(query.req_id, orders.len() as u64, at + 1 >= orders.len());
    match orders.get(at) {
        Some(order) => told(order, &asked, directory, out),
        None => {
            let none = NoOrder { target: None, instrument: query.instrument, refusal };
            Some(none.write(&asked, own.at, directory, out))
        }
    }
}

fn told(order: &Order, asked: &Asked, directory: &Directory, out: &mut Vec<u8>) -> Option<MsgType> {
    let execution = &Execution::bare(ExecType::New, *order);
    let (exec_id, time) = (&ExecId::Status, order.updated);
    Report { execution, order, exec_id, exec_type: "I", time, asked: Some(asked) }.write(directory, out)
}

/// What the standard has for an order that is not there: OrdStatus 8 with OrdRejReason 5. Side and Symbol must stand in
/// every report, so they say that they are not known.
struct NoOrder<'a> {
    target: Option<&'a OrderRef>,
    instrument: Option<InstrumentId>,
    refusal: &'a Refusal,
}

impl NoOrder<'_> {
    fn write(&self, asked: &Asked, now: Nanos, directory: &Directory, out: &mut Vec<u8>) -> MsgType {
        let symbol = self.instrument.and_then(|id| directory.instrument(id));
        let mut body = Body::new(out);
        match self.target {
            Some(OrderRef::OrderId(id)) => body.number(37, id.0),
            Some(OrderRef::ClOrdId(id)) => body.text(37, "NONE").text(11, id.as_bytes()),
            None => body.text(37, "NONE"),
        };
        body.display(17, ExecId::Status).text(150, "I").text(39, "8");
        body.number(103, reasons(self.refusal).ord_rej_reason);
        body.text(55, symbol.map_or(b"[N/A]".as_slice(), |instrument| instrument.symbol.as_bytes()));
        // 7: undisclosed.
        body.text(54, "7").text(151, "0").text(14, "0").text(6, "0").time(60, now).display(58, self.refusal);
        asked.write(&mut body);
        EXECUTION_REPORT
    }
}
