//! OrderCancelRequest(F), OrderMassCancelRequest(q).
//!
//! The order is named by OrigClOrdID(41), as the standard has it, or by OrderID(37), as Binance has it. Where both
//! stand there OrderID decides: it names one order for ever, while a ClOrdID is the client's own. Side(54) and
//! OrderQty(38) are what the standard wants repeated; they must be well-formed and decide nothing.

use super::fields::{Fields, Tags};
use super::{Desk, cl_ord_id, new_order};
use crate::types::{CancelOrder, CancelScope, Decimal, MassCancel, OrderId, OrderRef, Refusal, Reject};
use crate::wire::fix::{parse_uint, tag};

/// What an OrderCancelRequest may have.
pub(super) static TAGS: Tags = Tags::new(&[
    tag::ACCOUNT,
    tag::CL_ORD_ID,
    tag::ORDER_ID,
    tag::ORDER_QTY,
    tag::ORIG_CL_ORD_ID,
    tag::SIDE,
    tag::SYMBOL,
    tag::TEXT,
    tag::TRANSACT_TIME,
    tag::RECV_WINDOW,
]);

pub(super) fn decode(fields: &Fields<'_>, desk: &Desk<'_>) -> Result<CancelOrder, Refusal> {
    let cl_ord_id = cl_ord_id(fields, tag::CL_ORD_ID)?;
    let instrument = desk.instrument(fields)?.id;
    let account = desk.account(fields)?;
    fields.check_transact_time()?;
    check_repeated(fields)?;
    Ok(CancelOrder { account, instrument, cl_ord_id, target: target(fields)? })
}

/// The order that a cancel or an amendment means.
pub(super) fn target(fields: &Fields<'_>) -> Result<OrderRef, Refusal> {
    let by_name = match fields.get(tag::ORIG_CL_ORD_ID)? {
        Some(_) => Some(OrderRef::ClOrdId(cl_ord_id(fields, tag::ORIG_CL_ORD_ID)?)),
        None => None,
    };
    match fields.get(tag::ORDER_ID)? {
        // Ours are numbers, so whatever else stands here names no order of ours.
        Some(text) => parse_uint(text)
            .map(|id| OrderRef::OrderId(OrderId(id)))
            .ok_or(Refusal::tag(Reject::OrderUnknown, tag::ORDER_ID)),
        None => by_name.ok_or(Refusal::tag(Reject::OrderRefMissing, tag::ORIG_CL_ORD_ID)),
    }
}

/// What an OrderMassCancelRequest may have.
pub(super) static MASS_TAGS: Tags = Tags::new(&[
    tag::ACCOUNT,
    tag::CL_ORD_ID,
    tag::MASS_CANCEL_REQUEST_TYPE,
    tag::SIDE,
    tag::SYMBOL,
    tag::TEXT,
    tag::TRANSACT_TIME,
    tag::RECV_WINDOW,
]);

/// MassCancelRequestType(530): 1 the orders of one Symbol, 7 all of them; Side(54) narrows either down.
pub(super) fn decode_mass(fields: &Fields<'_>, desk: &Desk<'_>) -> Result<MassCancel, Refusal> {
    let cl_ord_id = cl_ord_id(fields, tag::CL_ORD_ID)?;
    let account = desk.account(fields)?;
    let instrument = desk.one_or_all(fields, tag::MASS_CANCEL_REQUEST_TYPE)?;
    fields.check_transact_time()?;
    let side = fields.get(tag::SIDE)?.map(new_order::side).transpose()?;
    Ok(MassCancel { scope: CancelScope { account, instrument, side, session: None }, cl_ord_id })
}

fn check_repeated(fields: &Fields<'_>) -> Result<(), Refusal> {
    if let Some(side) = fields.get(tag::SIDE)? {
        new_order::side(side)?;
    }
    match fields.get(tag::ORDER_QTY)?.map(Decimal::parse) {
        Some(Err(_)) => Err(Refusal::tag(Reject::QtyMalformed, tag::ORDER_QTY)),
        _ => Ok(()),
    }
}
