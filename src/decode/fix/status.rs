//! OrderStatusRequest(H), OrderMassStatusRequest(AF): how orders stand.
//!
//! H names its order by OrderID(37) or by a ClOrdID(11) that it has or had; where both stand there OrderID decides. AF
//! asks for the open orders of one Symbol (585=1) or of all (585=7), narrowed down by Side(54).

use super::fields::{Fields, Tags};
use super::{Desk, cl_ord_id, new_order};
use crate::types::ids::{ReqId, cl_ord_id as plain};
use crate::types::{OpenOrdersQuery, OrderId, OrderQuery, OrderRef, Refusal, Reject};
use crate::wire::fix::{parse_uint, tag};

/// What an OrderStatusRequest may have.
pub(super) static TAGS: Tags = Tags::new(&[
    tag::ACCOUNT,
    tag::CL_ORD_ID,
    tag::ORDER_ID,
    tag::ORD_STATUS_REQ_ID,
    tag::SIDE,
    tag::SYMBOL,
    tag::RECV_WINDOW,
]);

/// What an OrderMassStatusRequest may have.
pub(super) static MASS_TAGS: Tags = Tags::new(&[
    tag::ACCOUNT,
    tag::MASS_STATUS_REQ_ID,
    tag::MASS_STATUS_REQ_TYPE,
    tag::SIDE,
    tag::SYMBOL,
    tag::RECV_WINDOW,
]);

pub(super) fn decode(fields: &Fields<'_>, desk: &Desk<'_>) -> Result<OrderQuery, Refusal> {
    let instrument = desk.instrument(fields)?.id;
    let account = desk.account(fields)?;
    let target = match fields.get(tag::ORDER_ID)? {
        Some(text) => parse_uint(text)
            .map(|id| OrderRef::OrderId(OrderId(id)))
            .ok_or(Refusal::tag(Reject::OrderUnknown, tag::ORDER_ID))?,
        None => OrderRef::ClOrdId(cl_ord_id(fields, tag::CL_ORD_ID)?),
    };
    fields.get(tag::SIDE)?.map(new_order::side).transpose()?;
    let req_id = match fields.get(tag::ORD_STATUS_REQ_ID)? {
        Some(_) => Some(req_id(fields, tag::ORD_STATUS_REQ_ID)?),
        None => None,
    };
    Ok(OrderQuery { account, instrument, target, req_id })
}

pub(super) fn decode_mass(fields: &Fields<'_>, desk: &Desk<'_>) -> Result<OpenOrdersQuery, Refusal> {
    let req_id = Some(req_id(fields, tag::MASS_STATUS_REQ_ID)?);
    let account = desk.account(fields)?;
    let instrument = desk.one_or_all(fields, tag::MASS_STATUS_REQ_TYPE)?;
    let side = fields.get(tag::SIDE)?.map(new_order::side).transpose()?;
    Ok(OpenOrdersQuery { account, instrument, side, req_id })
}

/// The client's name of its question: of the same characters as a ClOrdID.
fn req_id(fields: &Fields<'_>, tag: u32) -> Result<ReqId, Refusal> {
    plain(fields.required(tag)?).map_err(|_| Refusal::tag(Reject::ClOrdIdInvalid, tag))
}
