//! NewOrderSingle(D).
//!
//! | OrdType(40) | ExecInst(18) | Price(44) | TimeInForce(59) | is |
//! |---|---|---|---|---|
//! | 2 | – | required | none or 1: GTC; 3: IOC; 4: FOK | a limit order |
//! | 2 | 6 | required | none or 1 | a limit order that only makes, and is refused if it would take |
//! | 1 | – | none | none or 3 | a market order: takes what is there, the rest expires |
//!
//! No TimeInForce means good till cancel. The standard's default is Day, but this venue has no days; so `0` is
//! refused, lest somebody relies on an evening that does not come.

use super::fields::Fields;
use super::{Desk, cl_ord_id};
use crate::types::{
    Decimal, NewOrder, OrdType, Price, Qty, Refusal, Reject, Scale, Side, SmpMode, TimeInForce,
};
use crate::wire::fix::tag;

/// What a NewOrderSingle may have.
pub(super) const TAGS: &[u32] = &[
    tag::ACCOUNT,
    tag::CL_ORD_ID,
    tag::EXEC_INST,
    tag::HANDL_INST,
    tag::ORDER_QTY,
    tag::ORD_TYPE,
    tag::PRICE,
    tag::SIDE,
    tag::SYMBOL,
    tag::TEXT,
    tag::TIME_IN_FORCE,
    tag::TRANSACT_TIME,
    tag::RECV_WINDOW,
    tag::SELF_TRADE_PREVENTION_MODE,
];

pub(super) fn decode(fields: &Fields<'_>, desk: &Desk<'_>) -> Result<NewOrder, Refusal> {
    let cl_ord_id = cl_ord_id(fields, tag::CL_ORD_ID)?;
    let instrument = desk.instrument(fields)?;
    let account = desk.account(fields)?;
    let side = side(fields.required(tag::SIDE)?)?;
    let ord_type = ord_type(fields)?;
    fields.check_transact_time()?;
    check_handl_inst(fields)?;
    Ok(NewOrder {
        account,
        instrument: instrument.id,
        cl_ord_id,
        side,
        ord_type,
        time_in_force: time_in_force(fields, ord_type)?,
        smp: smp(fields)?,
        price: price(fields, ord_type, instrument.price_scale)?,
        qty: qty(fields, instrument.qty_scale)?,
    })
}

/// Side(54): 1 or 2.
pub(super) fn side(text: &[u8]) -> Result<Side, Refusal> {
    match text {
        b"1" => Ok(Side::Buy),
        b"2" => Ok(Side::Sell),
        _ => Err(Refusal::tag(Reject::SideInvalid, tag::SIDE)),
    }
}

fn ord_type(fields: &Fields<'_>) -> Result<OrdType, Refusal> {
    match (fields.required(tag::ORD_TYPE)?, fields.get(tag::EXEC_INST)?) {
        (b"1", None) => Ok(OrdType::Market),
        (b"2", None) => Ok(OrdType::Limit),
        (b"2", Some(b"6")) => Ok(OrdType::LimitMaker),
        (b"1", Some(_)) => Err(Refusal::tag(Reject::ParameterConflict, tag::EXEC_INST)),
        (b"2", Some(_)) => Err(Refusal::tag(Reject::OrderTypeUnsupported, tag::EXEC_INST)),
        _ => Err(Refusal::tag(Reject::OrderTypeUnsupported, tag::ORD_TYPE)),
    }
}

fn time_in_force(fields: &Fields<'_>, ord_type: OrdType) -> Result<TimeInForce, Refusal> {
    match (ord_type, fields.get(tag::TIME_IN_FORCE)?) {
        (OrdType::Market, None | Some(b"3")) => Ok(TimeInForce::Ioc),
        (OrdType::Limit | OrdType::LimitMaker, None | Some(b"1")) => Ok(TimeInForce::Gtc),
        (OrdType::Limit, Some(b"3")) => Ok(TimeInForce::Ioc),
        (OrdType::Limit, Some(b"4")) => Ok(TimeInForce::Fok),
        _ => Err(Refusal::tag(Reject::TimeInForceUnsupported, tag::TIME_IN_FORCE)),
    }
}

/// SelfTradePreventionMode(25001).
fn smp(fields: &Fields<'_>) -> Result<SmpMode, Refusal> {
    match fields.get(tag::SELF_TRADE_PREVENTION_MODE)? {
        None => Ok(SmpMode::default()),
        Some(b"1") => Ok(SmpMode::None),
        Some(b"2") => Ok(SmpMode::ExpireTaker),
        Some(b"3") => Ok(SmpMode::ExpireMaker),
        Some(b"4") => Ok(SmpMode::ExpireBoth),
        Some(_) => Err(Refusal::tag(Reject::FieldValue, tag::SELF_TRADE_PREVENTION_MODE)),
    }
}

fn price(fields: &Fields<'_>, ord_type: OrdType, scale: Scale) -> Result<Price, Refusal> {
    if ord_type != OrdType::Market {
        let units = positive(fields.required(tag::PRICE)?, scale);
        return units.map(Price).ok_or(Refusal::tag(Reject::PriceMalformed, tag::PRICE));
    }
    match fields.get(tag::PRICE)? {
        None => Ok(Price(0)),
        Some(_) => Err(Refusal::tag(Reject::ParameterConflict, tag::PRICE)),
    }
}

fn qty(fields: &Fields<'_>, scale: Scale) -> Result<Qty, Refusal> {
    let units = positive(fields.required(tag::ORDER_QTY)?, scale);
    let qty = units.and_then(|units| u64::try_from(units).ok()).map(Qty);
    qty.ok_or(Refusal::tag(Reject::QtyMalformed, tag::ORDER_QTY))
}

/// Units of an exact decimal above zero.
fn positive(text: &[u8], scale: Scale) -> Option<i64> {
    let units = Decimal::parse(text).and_then(|decimal| decimal.at_scale(scale));
    units.ok().filter(|units| *units > 0)
}

/// HandlInst(21): automated (1, 2). A venue has no trader's desk that could take 3.
fn check_handl_inst(fields: &Fields<'_>) -> Result<(), Refusal> {
    match fields.get(tag::HANDL_INST)? {
        None | Some(b"1" | b"2") => Ok(()),
        Some(_) => Err(Refusal::tag(Reject::FieldValue, tag::HANDL_INST)),
    }
}
