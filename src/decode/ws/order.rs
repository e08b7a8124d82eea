//! `order.place` and the requests that name an order.
//!
//! | `type` | `price` | `timeInForce` | is |
//! |---|---|---|---|
//! | `LIMIT` | required | none or `GTC`, `IOC`, `FOK` | a limit order |
//! | `LIMIT_MAKER` | required | none or `GTC` | a limit order that is refused if it would take |
//! | `MARKET` | none | none or `IOC` | takes what is there, the rest expires |

use super::fields::Fields;
use super::{Asked, Asker, Desk};
use crate::types::ids::cl_ord_id;
use crate::types::{
    CancelOrder, ClOrdId, Decimal, NewOrder, OrdType, OrderId, OrderRef, Price, Qty, Query, Refusal, Reject,
    RequestKind, ResponseType, Scale, Side, SmpMode, TimeInForce,
};
use std::fmt::Write as _;

/// What `order.place` has of its own.
const FIELDS: &[&str] = &[
    "account",
    "newClientOrderId",
    "newOrderRespType",
    "price",
    "quantity",
    "selfTradePreventionMode",
    "side",
    "symbol",
    "timeInForce",
    "type",
];

impl Desk<'_> {
    /// `order.place`.
    pub(super) fn place(&self, fields: &Fields<'_, '_>, asker: &Asker<'_>) -> Result<Asked, Refusal> {
        fields.only(FIELDS)?;
        let instrument = self.instrument(fields)?;
        let (cl_ord_id, named) = self.name(fields)?;
        let side = side(fields)?;
        let ord_type = ord_type(fields)?;
        let order = NewOrder {
            account: asker.account,
            instrument: instrument.id,
            cl_ord_id,
            side,
            ord_type,
            time_in_force: time_in_force(fields, ord_type)?,
            smp: smp(fields)?,
            price: price(fields, ord_type, instrument.price_scale)?,
            qty: qty(fields, instrument.qty_scale)?,
        };
        Ok(Asked { kind: RequestKind::New(order), named, response: response_type(fields, ord_type)? })
    }

    /// `order.cancel`.
    pub(super) fn cancel(&self, fields: &Fields<'_, '_>, asker: &Asker<'_>) -> Result<Asked, Refusal> {
        fields.only(&["account", "newClientOrderId", "orderId", "origClientOrderId", "symbol"])?;
        let instrument = self.instrument(fields)?.id;
        let (cl_ord_id, named) = self.name(fields)?;
        let target = target(fields)?;
        let cancel = CancelOrder { account: asker.account, instrument, cl_ord_id, target };
        Ok(Asked { kind: RequestKind::Cancel(cancel), named, response: ResponseType::Result })
    }

    /// `order.status`.
    pub(super) fn status(&self, fields: &Fields<'_, '_>, asker: &Asker<'_>) -> Result<Asked, Refusal> {
        fields.only(&["account", "orderId", "origClientOrderId", "symbol"])?;
        let instrument = self.instrument(fields)?.id;
        Ok(Asked::question(Query::Order { account: asker.account, instrument, target: target(fields)? }))
    }

    /// `openOrders.status`.
    pub(super) fn open_orders(&self, fields: &Fields<'_, '_>, asker: &Asker<'_>) -> Result<Asked, Refusal> {
        fields.only(&["account", "symbol"])?;
        let instrument = self.instrument_if_named(fields)?;
        Ok(Asked::question(Query::OpenOrders { account: asker.account, instrument }))
    }

    /// `newClientOrderId`, or a name of the gateway's: no other request has its gateway, time and token.
    fn name(&self, fields: &Fields<'_, '_>) -> Result<(ClOrdId, bool), Refusal> {
        if let Some(name) = fields.text("newClientOrderId")? {
            return Ok((client_name(name, "newClientOrderId")?, true));
        }
        let mut name = Name { bytes: [0; 36], len: 0 };
        let (gateway, received, token) = (self.gateway.0, self.caller.received.0, self.caller.token);
        // 2 + 16 + 16 digits and two strokes are the 36 bytes that there are.
        let _ = write!(name, "{gateway:x}-{received:x}-{token:x}");
        let name = ClOrdId::from_bytes(&name.bytes[..name.len]).unwrap_or_default();
        Ok((name, false))
    }
}

/// By `orderId` or by `origClientOrderId`, not by both: they might disagree.
fn target(fields: &Fields<'_, '_>) -> Result<OrderRef, Refusal> {
    match (fields.integer("orderId")?, fields.text("origClientOrderId")?) {
        (Some(id), None) => Ok(OrderRef::OrderId(OrderId(id))),
        (None, Some(name)) => client_name(name, "origClientOrderId").map(OrderRef::ClOrdId),
        (None, None) | (Some(_), Some(_)) => Err(Reject::OrderRefMissing.into()),
    }
}

/// `newOrderRespType`; by default that of Binance.
fn response_type(fields: &Fields<'_, '_>, ord_type: OrdType) -> Result<ResponseType, Refusal> {
    match fields.text("newOrderRespType")? {
        Some("ACK") => Ok(ResponseType::Ack),
        Some("RESULT") => Ok(ResponseType::Result),
        Some("FULL") => Ok(ResponseType::Full),
        Some(_) => Err(Refusal::field(Reject::FieldValue, "newOrderRespType")),
        None if ord_type == OrdType::LimitMaker => Ok(ResponseType::Ack),
        None => Ok(ResponseType::Full),
    }
}

fn client_name(name: &str, field: &str) -> Result<ClOrdId, Refusal> {
    cl_ord_id(name.as_bytes()).map_err(|_| Refusal::field(Reject::ClOrdIdInvalid, field))
}

fn side(fields: &Fields<'_, '_>) -> Result<Side, Refusal> {
    match fields.required_text("side")? {
        "BUY" => Ok(Side::Buy),
        "SELL" => Ok(Side::Sell),
        _ => Err(Refusal::field(Reject::SideInvalid, "side")),
    }
}

fn ord_type(fields: &Fields<'_, '_>) -> Result<OrdType, Refusal> {
    match fields.required_text("type")? {
        "LIMIT" => Ok(OrdType::Limit),
        "LIMIT_MAKER" => Ok(OrdType::LimitMaker),
        "MARKET" => Ok(OrdType::Market),
        _ => Err(Refusal::field(Reject::OrderTypeUnsupported, "type")),
    }
}

fn time_in_force(fields: &Fields<'_, '_>, ord_type: OrdType) -> Result<TimeInForce, Refusal> {
    match (ord_type, fields.text("timeInForce")?) {
        (OrdType::Market, None | Some("IOC")) => Ok(TimeInForce::Ioc),
        (OrdType::Limit | OrdType::LimitMaker, None | Some("GTC")) => Ok(TimeInForce::Gtc),
        (OrdType::Limit, Some("IOC")) => Ok(TimeInForce::Ioc),
        (OrdType::Limit, Some("FOK")) => Ok(TimeInForce::Fok),
        _ => Err(Refusal::field(Reject::TimeInForceUnsupported, "timeInForce")),
    }
}

fn smp(fields: &Fields<'_, '_>) -> Result<SmpMode, Refusal> {
    match fields.text("selfTradePreventionMode")? {
        None => Ok(SmpMode::default()),
        Some("NONE") => Ok(SmpMode::None),
        Some("EXPIRE_TAKER") => Ok(SmpMode::ExpireTaker),
        Some("EXPIRE_MAKER") => Ok(SmpMode::ExpireMaker),
        Some("EXPIRE_BOTH") => Ok(SmpMode::ExpireBoth),
        Some(_) => Err(Refusal::field(Reject::FieldValue, "selfTradePreventionMode")),
    }
}

fn price(fields: &Fields<'_, '_>, ord_type: OrdType, scale: Scale) -> Result<Price, Refusal> {
    match (ord_type, fields.decimal("price")?) {
        (OrdType::Market, None) => Ok(Price(0)),
        (OrdType::Market, Some(_)) => Err(Refusal::field(Reject::ParameterConflict, "price")),
        (_, None) => Err(Refusal::field(Reject::FieldMissing, "price")),
        (_, Some(text)) => {
            let units = positive(text, scale).ok_or(Refusal::field(Reject::PriceMalformed, "price"))?;
            Ok(Price(units))
        }
    }
}

fn qty(fields: &Fields<'_, '_>, scale: Scale) -> Result<Qty, Refusal> {
    let text = fields.decimal("quantity")?.ok_or(Refusal::field(Reject::FieldMissing, "quantity"))?;
    let units = positive(text, scale).ok_or(Refusal::field(Reject::QtyMalformed, "quantity"))?;
    Ok(Qty(units.unsigned_abs()))
}

/// Units of an exact decimal above zero.
fn positive(text: &[u8], scale: Scale) -> Option<i64> {
    let units = Decimal::parse(text).and_then(|decimal| decimal.at_scale(scale));
    units.ok().filter(|units| *units > 0)
}

/// A ClOrdID in the making.
struct Name {
    bytes: [u8; 36],
    len: usize,
}

impl std::fmt::Write for Name {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        let end = self.len + part.len();
        self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?.copy_from_slice(part.as_bytes());
        self.len = end;
        Ok(())
    }
}
