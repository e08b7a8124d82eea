//! OrderCancelReplaceRequest(G): another price or quantity for an order, which keeps its OrderID.
//!
//! The order is named as in a cancel. ClOrdID(11) is its name from then on; the names that it had before still find it.
//! OrderQty(38) is the whole quantity, what has traded included. Side(54), OrdType(40), ExecInst(18), TimeInForce(59)
//! and ExpireTime(126) are what the standard wants repeated: where they stand there they must be what the order has.

use super::fields::{Fields, Tags};
use super::{Desk, cancel, cl_ord_id, new_order};
use crate::types::{AmendOrder, OrdType, Refusal, Reject, TimeInForce, Unchanged};
use crate::wire::fix::tag;

/// What an OrderCancelReplaceRequest may have.
pub(super) static TAGS: Tags = Tags::new(&[
    tag::ACCOUNT,
    tag::CL_ORD_ID,
    tag::EXEC_INST,
    tag::EXPIRE_TIME,
    tag::HANDL_INST,
    tag::ORDER_ID,
    tag::ORDER_QTY,
    tag::ORD_TYPE,
    tag::ORIG_CL_ORD_ID,
    tag::PRICE,
    tag::SIDE,
    tag::SYMBOL,
    tag::TEXT,
    tag::TIME_IN_FORCE,
    tag::TRANSACT_TIME,
    tag::RECV_WINDOW,
]);

pub(super) fn decode(fields: &Fields<'_>, desk: &Desk<'_>) -> Result<AmendOrder, Refusal> {
    let cl_ord_id = cl_ord_id(fields, tag::CL_ORD_ID)?;
    let instrument = desk.instrument(fields)?;
    let account = desk.account(fields)?;
    fields.check_transact_time()?;
    new_order::check_handl_inst(fields)?;
    let price = match fields.get(tag::PRICE)? {
        Some(_) => Some(new_order::limit_price(fields, instrument.price_scale)?),
        None => None,
    };
    Ok(AmendOrder {
        account,
        instrument: instrument.id,
        cl_ord_id,
        target: cancel::target(fields)?,
        price,
        qty: new_order::qty(fields, instrument.qty_scale)?,
        keep_priority: false,
        unchanged: unchanged(fields)?,
    })
}

fn unchanged(fields: &Fields<'_>) -> Result<Unchanged, Refusal> {
    // Only limit orders rest.
    if fields.required(tag::ORD_TYPE)? != b"2" {
        return Err(Refusal::tag(Reject::OrderTypeUnsupported, tag::ORD_TYPE));
    }
    let inst = new_order::exec_inst(fields)?;
    let time_in_force = match fields.get(tag::TIME_IN_FORCE)? {
        None => None,
        Some(b"1") => Some(TimeInForce::Gtc),
        Some(b"6") => Some(TimeInForce::Gtd),
        Some(_) => return Err(Refusal::tag(Reject::TimeInForceUnsupported, tag::TIME_IN_FORCE)),
    };
    Ok(Unchanged {
        side: Some(new_order::side(fields.required(tag::SIDE)?)?),
        ord_type: inst.map(|inst| if inst.post_only { OrdType::LimitMaker } else { OrdType::Limit }),
        time_in_force,
        reduce_only: inst.map(|inst| inst.reduce_only),
        expire: new_order::expire_time(fields)?,
    })
}
