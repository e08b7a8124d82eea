//! NewOrderSingle(D).
//!
//! | OrdType(40) | ExecInst(18) | Price(44) | TimeInForce(59) | is |
//! |---|---|---|---|---|
//! | 2 | – | required | none or 1: GTC; 3: IOC; 4: FOK; 6: GTD | a limit order |
//! | 2 | 6 | required | none or 1; 6: GTD | a limit order that only makes, and is refused if it would take |
//! | 1 | – | none | none or 3 | a market order: takes what is there, the rest expires |
//!
//! ExecInst E, alone or beside 6, makes any of them reduce-only; GTD comes with ExpireTime(126).
//!
//! No TimeInForce means good till cancel. The standard's default is Day, but this venue has no days; so `0` is
//! refused, lest somebody relies on an evening that does not come.

use super::fields::{Fields, Tags};
use super::{Desk, cl_ord_id};
use crate::types::{
    Decimal, Nanos, NewOrder, OrdType, Price, Qty, Refusal, Reject, Scale, Side, SmpGroupId, SmpMode,
    TimeInForce,
};
use crate::wire::fix::{parse_time, parse_uint, tag};

/// What a NewOrderSingle may have.
pub(super) static TAGS: Tags = Tags::new(&[
    tag::ACCOUNT,
    tag::CL_ORD_ID,
    tag::EXEC_INST,
    tag::EXPIRE_TIME,
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
    tag::SELF_MATCH_PREVENTION_ID,
    tag::SELF_MATCH_PREVENTION_INSTRUCTION,
]);

pub(super) fn decode(fields: &Fields<'_>, desk: &Desk<'_>) -> Result<NewOrder, Refusal> {
    let cl_ord_id = cl_ord_id(fields, tag::CL_ORD_ID)?;
    let instrument = desk.instrument(fields)?;
    let account = desk.account(fields)?;
    let side = side(fields.required(tag::SIDE)?)?;
    let inst = exec_inst(fields)?.unwrap_or_default();
    let ord_type = ord_type(fields, inst)?;
    let time_in_force = time_in_force(fields, ord_type)?;
    fields.check_transact_time()?;
    check_handl_inst(fields)?;
    Ok(NewOrder {
        account,
        instrument: instrument.id,
        cl_ord_id,
        side,
        ord_type,
        time_in_force,
        smp: smp(fields)?,
        smp_group: smp_group(fields)?,
        reduce_only: inst.reduce_only,
        expire: expire(fields, time_in_force)?,
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

/// What ExecInst(18) asks for.
#[derive(Clone, Copy, Default)]
pub(super) struct ExecInst {
    /// 6: the order only makes.
    pub(super) post_only: bool,
    /// E: it does not increase the position.
    pub(super) reduce_only: bool,
}

/// ExecInst(18): characters with a space between them.
pub(super) fn exec_inst(fields: &Fields<'_>) -> Result<Option<ExecInst>, Refusal> {
    let Some(text) = fields.get(tag::EXEC_INST)? else { return Ok(None) };
    let mut inst = ExecInst::default();
    for value in text.split(|byte| *byte == b' ') {
        let asked = match value {
            b"6" => &mut inst.post_only,
            b"E" => &mut inst.reduce_only,
            _ => return Err(Refusal::tag(Reject::OrderTypeUnsupported, tag::EXEC_INST)),
        };
        if std::mem::replace(asked, true) {
            return Err(Refusal::tag(Reject::FieldValue, tag::EXEC_INST));
        }
    }
    Ok(Some(inst))
}

fn ord_type(fields: &Fields<'_>, inst: ExecInst) -> Result<OrdType, Refusal> {
    match (fields.required(tag::ORD_TYPE)?, inst.post_only) {
        (b"1", false) => Ok(OrdType::Market),
        (b"2", false) => Ok(OrdType::Limit),
        (b"2", true) => Ok(OrdType::LimitMaker),
        (b"1", true) => Err(Refusal::tag(Reject::ParameterConflict, tag::EXEC_INST)),
        _ => Err(Refusal::tag(Reject::OrderTypeUnsupported, tag::ORD_TYPE)),
    }
}

fn time_in_force(fields: &Fields<'_>, ord_type: OrdType) -> Result<TimeInForce, Refusal> {
    match (ord_type, fields.get(tag::TIME_IN_FORCE)?) {
        (OrdType::Market, None | Some(b"3")) => Ok(TimeInForce::Ioc),
        (OrdType::Limit | OrdType::LimitMaker, None | Some(b"1")) => Ok(TimeInForce::Gtc),
        (OrdType::Limit | OrdType::LimitMaker, Some(b"6")) => Ok(TimeInForce::Gtd),
        (OrdType::Limit, Some(b"3")) => Ok(TimeInForce::Ioc),
        (OrdType::Limit, Some(b"4")) => Ok(TimeInForce::Fok),
        _ => Err(Refusal::tag(Reject::TimeInForceUnsupported, tag::TIME_IN_FORCE)),
    }
}

/// ExpireTime(126): of GTD, and of nothing else.
fn expire(fields: &Fields<'_>, time_in_force: TimeInForce) -> Result<Nanos, Refusal> {
    match (time_in_force, expire_time(fields)?) {
        (TimeInForce::Gtd, Some(at)) => Ok(at),
        (TimeInForce::Gtd, None) | (_, Some(_)) => {
            Err(Refusal::tag(Reject::ExpireTimeInvalid, tag::EXPIRE_TIME))
        }
        (_, None) => Ok(Nanos(0)),
    }
}

/// ExpireTime(126), if it is there.
pub(super) fn expire_time(fields: &Fields<'_>) -> Result<Option<Nanos>, Refusal> {
    let Some(text) = fields.get(tag::EXPIRE_TIME)? else { return Ok(None) };
    parse_time(text).map(Some).ok_or(Refusal::tag(Reject::FieldFormat, tag::EXPIRE_TIME))
}

/// SelfTradePreventionMode(25001), or the standard's SelfMatchPreventionInstruction(2964), which has fewer.
fn smp(fields: &Fields<'_>) -> Result<SmpMode, Refusal> {
    let ours = match fields.get(tag::SELF_TRADE_PREVENTION_MODE)? {
        None => None,
        Some(b"1") => Some(SmpMode::None),
        Some(b"2") => Some(SmpMode::ExpireTaker),
        Some(b"3") => Some(SmpMode::ExpireMaker),
        Some(b"4") => Some(SmpMode::ExpireBoth),
        Some(b"5") => Some(SmpMode::Decrement),
        Some(_) => return Err(Refusal::tag(Reject::FieldValue, tag::SELF_TRADE_PREVENTION_MODE)),
    };
    let instruction = tag::SELF_MATCH_PREVENTION_INSTRUCTION;
    let standard = match fields.get(instruction)? {
        None => None,
        Some(b"1") => Some(SmpMode::ExpireTaker),
        Some(b"2") => Some(SmpMode::ExpireMaker),
        Some(b"3") => Some(SmpMode::ExpireBoth),
        Some(_) => return Err(Refusal::tag(Reject::FieldValue, instruction)),
    };
    match (ours, standard) {
        (Some(_), Some(_)) => Err(Refusal::tag(Reject::ParameterConflict, instruction)),
        (mode, None) | (None, mode) => Ok(mode.unwrap_or_default()),
    }
}

/// SelfMatchPreventionID(2362).
fn smp_group(fields: &Fields<'_>) -> Result<Option<SmpGroupId>, Refusal> {
    let Some(text) = fields.get(tag::SELF_MATCH_PREVENTION_ID)? else { return Ok(None) };
    let group = parse_uint(text).and_then(|group| u32::try_from(group).ok());
    let invalid = Refusal::tag(Reject::FieldValue, tag::SELF_MATCH_PREVENTION_ID);
    group.map(|group| Some(SmpGroupId(group))).ok_or(invalid)
}

fn price(fields: &Fields<'_>, ord_type: OrdType, scale: Scale) -> Result<Price, Refusal> {
    if ord_type != OrdType::Market {
        return limit_price(fields, scale);
    }
    match fields.get(tag::PRICE)? {
        None => Ok(Price(0)),
        Some(_) => Err(Refusal::tag(Reject::ParameterConflict, tag::PRICE)),
    }
}

/// Price(44), which must be there.
pub(super) fn limit_price(fields: &Fields<'_>, scale: Scale) -> Result<Price, Refusal> {
    let units = positive(fields.required(tag::PRICE)?, scale);
    units.map(Price).ok_or(Refusal::tag(Reject::PriceMalformed, tag::PRICE))
}

/// OrderQty(38), which must be there.
pub(super) fn qty(fields: &Fields<'_>, scale: Scale) -> Result<Qty, Refusal> {
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
pub(super) fn check_handl_inst(fields: &Fields<'_>) -> Result<(), Refusal> {
    match fields.get(tag::HANDL_INST)? {
        None | Some(b"1" | b"2") => Ok(()),
        Some(_) => Err(Refusal::tag(Reject::FieldValue, tag::HANDL_INST)),
    }
}
