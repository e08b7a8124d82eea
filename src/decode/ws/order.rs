//! `order.place`, `order.test`, `order.cancelReplace`, and the requests that name an order.
//!
//! | `type` | `price` | `timeInForce` | is |
//! |---|---|---|---|
//! | `LIMIT` | required | none or `GTC`, `IOC`, `FOK`, `GTD` | a limit order |
//! | `LIMIT_MAKER` | required | none or `GTC`, `GTD` | a limit order that is refused if it would take |
//! | `MARKET` | none | none or `IOC` | takes what is there, the rest expires |
//!
//! `GTD` comes with `goodTillDate`; `reduceOnly` goes with all of them.

use super::fields::Fields;
use super::{Asked, Asker, Desk};
use crate::limits::{CANCEL_ALL_AFTER_MAX, CANCEL_ALL_AFTER_MIN};
use crate::types::ids::cl_ord_id;
use crate::types::{
    AmendOrder, CancelAllAfter, CancelOrder, CancelScope, ClOrdId, Decimal, MassCancel, Nanos, NewOrder,
    OpenOrdersQuery, OrdType, OrderId, OrderQuery, OrderRef, Price, Qty, Query, Refusal, Reject, ReplaceMode,
    ReplaceOrder, RequestKind, ResponseType, Scale, Side, SmpMode, Span, TimeInForce, Unchanged,
};
use crate::wire::json::words;
use std::fmt::Write as _;

/// What `order.place` has of its own.
const FIELDS: &[&str] = &[
    "account",
    "goodTillDate",
    "newClientOrderId",
    "newOrderRespType",
    "price",
    "quantity",
    "reduceOnly",
    "selfTradePreventionMode",
    "side",
    "symbol",
    "timeInForce",
    "type",
];

/// What `order.cancelReplace` has beside them.
const REPLACE_FIELDS: &[&str] =
    &["cancelNewClientOrderId", "cancelOrderId", "cancelOrigClientOrderId", "cancelReplaceMode"];

impl Desk<'_> {
    /// `order.place`.
    pub(super) fn place(&self, fields: &Fields<'_, '_>, asker: &Asker<'_>) -> Result<Asked, Refusal> {
        fields.only(FIELDS)?;
        let (order, named) = self.new_order(fields, asker)?;
        let response = response_type(fields, order.ord_type)?;
        Ok(Asked { kind: RequestKind::New(order), named, response })
    }

    /// `order.test`.
    pub(super) fn test(&self, fields: &Fields<'_, '_>, asker: &Asker<'_>) -> Result<Asked, Refusal> {
        fields.only(FIELDS)?;
        let (order, _) = self.new_order(fields, asker)?;
        response_type(fields, order.ord_type)?;
        Ok(Asked::question(Query::Test(order)))
    }

    /// `order.cancelReplace`.
    pub(super) fn replace(&self, fields: &Fields<'_, '_>, asker: &Asker<'_>) -> Result<Asked, Refusal> {
        fields.only_of(&[FIELDS, REPLACE_FIELDS])?;
        let mode = match fields.required_text("cancelReplaceMode")? {
            "STOP_ON_FAILURE" => ReplaceMode::StopOnFailure,
            "ALLOW_FAILURE" => ReplaceMode::AllowFailure,
            _ => return Err(Refusal::field(Reject::FieldValue, "cancelReplaceMode")),
        };
        let (order, named) = self.new_order(fields, asker)?;
        let cl_ord_id = match fields.text("cancelNewClientOrderId")? {
            Some(name) => client_name(name, "cancelNewClientOrderId")?,
            None => self.made_name(CANCEL_TOKEN),
        };
        let target = target_of(fields, "cancelOrderId", "cancelOrigClientOrderId")?;
        let cancel = CancelOrder { account: order.account, instrument: order.instrument, cl_ord_id, target };
        let response = response_type(fields, order.ord_type)?;
        Ok(Asked { kind: RequestKind::Replace(ReplaceOrder { cancel, order, mode }), named, response })
    }

    fn new_order(&self, fields: &Fields<'_, '_>, asker: &Asker<'_>) -> Result<(NewOrder, bool), Refusal> {
        let instrument = self.instrument(fields)?;
        let (cl_ord_id, named) = self.name(fields)?;
        let side = side(fields)?;
        let ord_type = ord_type(fields)?;
        let time_in_force = time_in_force(fields, ord_type)?;
        let order = NewOrder {
            account: asker.account,
            instrument: instrument.id,
            cl_ord_id,
            side,
            ord_type,
            time_in_force,
            smp: smp(fields)?,
            smp_group: None,
            reduce_only: fields.boolean("reduceOnly")?.unwrap_or_default(),
            expire: expire(fields, time_in_force)?,
            price: price(fields, ord_type, instrument.price_scale)?,
            qty: qty(fields, "quantity", instrument.qty_scale)?,
        };
        Ok((order, named))
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

    /// `order.amend.keepPriority`.
    pub(super) fn amend(&self, fields: &Fields<'_, '_>, asker: &Asker<'_>) -> Result<Asked, Refusal> {
        fields.only(&["account", "newClientOrderId", "newQty", "orderId", "origClientOrderId", "symbol"])?;
        let instrument = self.instrument(fields)?;
        let (cl_ord_id, named) = self.name(fields)?;
        let amend = AmendOrder {
            account: asker.account,
            instrument: instrument.id,
            cl_ord_id,
            target: target(fields)?,
            price: None,
            qty: qty(fields, "newQty", instrument.qty_scale)?,
            keep_priority: true,
            unchanged: Unchanged::default(),
        };
        Ok(Asked { kind: RequestKind::Amend(amend), named, response: ResponseType::Result })
    }

    /// `openOrders.cancelAll`.
    pub(super) fn cancel_all(&self, fields: &Fields<'_, '_>, asker: &Asker<'_>) -> Result<Asked, Refusal> {
        fields.only(&["account", "newClientOrderId", "side", "symbol"])?;
        let instrument = self.instrument_if_named(fields)?;
        let side = fields.text("side")?.map(|_| side(fields)).transpose()?;
        let (cl_ord_id, named) = self.name(fields)?;
        let scope = CancelScope { account: asker.account, instrument, side, session: None };
        let kind = RequestKind::MassCancel(MassCancel { scope, cl_ord_id });
        Ok(Asked { kind, named, response: ResponseType::Result })
    }

    /// `cancelAllAfter`: it is known by its timestamp, so it needs no name.
    pub(super) fn cancel_all_after(
        &self,
        fields: &Fields<'_, '_>,
        asker: &Asker<'_>,
    ) -> Result<Asked, Refusal> {
        fields.only(&["account", "timeout"])?;
        let timeout: Option<u32> = fields.integer("timeout")?;
        let millis = timeout.ok_or_else(|| Refusal::field(Reject::FieldMissing, "timeout"))?;
        let timeout = Span::from_millis(millis.into());
        if timeout > Span::ZERO && !(CANCEL_ALL_AFTER_MIN..=CANCEL_ALL_AFTER_MAX).contains(&timeout) {
            return Err(Refusal::field(Reject::FieldValue, "timeout"));
        }
        let kind = RequestKind::CancelAllAfter(CancelAllAfter { account: asker.account, timeout });
        Ok(Asked { kind, named: true, response: ResponseType::Result })
    }

    /// `order.status`.
    pub(super) fn status(&self, fields: &Fields<'_, '_>, asker: &Asker<'_>) -> Result<Asked, Refusal> {
        fields.only(&["account", "orderId", "origClientOrderId", "symbol"])?;
        let instrument = self.instrument(fields)?.id;
        let (account, target) = (asker.account, target(fields)?);
        Ok(Asked::question(Query::Order(OrderQuery { account, instrument, target, req_id: None })))
    }

    /// `openOrders.status`.
    pub(super) fn open_orders(&self, fields: &Fields<'_, '_>, asker: &Asker<'_>) -> Result<Asked, Refusal> {
        fields.only(&["account", "symbol"])?;
        let (account, instrument) = (asker.account, self.instrument_if_named(fields)?);
        let query = OpenOrdersQuery { account, instrument, side: None, req_id: None };
        Ok(Asked::question(Query::OpenOrders(query)))
    }

    /// `newClientOrderId`, or a name of the gateway's: no other request has its gateway, time and token.
    fn name(&self, fields: &Fields<'_, '_>) -> Result<(ClOrdId, bool), Refusal> {
        if let Some(name) = fields.text("newClientOrderId")? {
            return Ok((client_name(name, "newClientOrderId")?, true));
        }
        Ok((self.made_name(0), false))
    }

    /// A name that no other request has. `mark` tells two names of one request apart.
    fn made_name(&self, mark: u64) -> ClOrdId {
        let mut name = Name { bytes: [0; 36], len: 0 };
        let (gateway, received, token) = (self.gateway.0, self.caller.received.0, self.caller.token | mark);
        // 2 + 16 + 16 digits and two strokes are the 36 bytes that there are.
        let _ = write!(name, "{gateway:x}-{received:x}-{token:x}");
        ClOrdId::from_bytes(&name.bytes[..name.len]).unwrap_or_default()
    }
}

/// A bit that no token of a WebSocket request has.
const CANCEL_TOKEN: u64 = 1 << 63;

/// By `orderId` or by `origClientOrderId`, not by both: they might disagree.
fn target(fields: &Fields<'_, '_>) -> Result<OrderRef, Refusal> {
    target_of(fields, "orderId", "origClientOrderId")
}

fn target_of(fields: &Fields<'_, '_>, by_id: &str, by_name: &str) -> Result<OrderRef, Refusal> {
    match (fields.integer(by_id)?, fields.text(by_name)?) {
        (Some(id), None) => Ok(OrderRef::OrderId(OrderId(id))),
        (None, Some(name)) => client_name(name, by_name).map(OrderRef::ClOrdId),
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
    words::parse_side(fields.required_text("side")?)
        .ok_or_else(|| Refusal::field(Reject::SideInvalid, "side"))
}

fn ord_type(fields: &Fields<'_, '_>) -> Result<OrdType, Refusal> {
    let unsupported = Refusal::field(Reject::OrderTypeUnsupported, "type");
    words::parse_ord_type(fields.required_text("type")?).ok_or(unsupported)
}

fn time_in_force(fields: &Fields<'_, '_>, ord_type: OrdType) -> Result<TimeInForce, Refusal> {
    let unsupported = Refusal::field(Reject::TimeInForceUnsupported, "timeInForce");
    let asked = match fields.text("timeInForce")? {
        None if ord_type == OrdType::Market => TimeInForce::Ioc,
        None => TimeInForce::Gtc,
        Some(word) => words::parse_time_in_force(word).ok_or(unsupported)?,
    };
    let goes = match ord_type {
        OrdType::Limit => true,
        OrdType::LimitMaker => matches!(asked, TimeInForce::Gtc | TimeInForce::Gtd),
        OrdType::Market => asked == TimeInForce::Ioc,
    };
    if goes { Ok(asked) } else { Err(unsupported) }
}

/// `goodTillDate`, in milliseconds: of `GTD`, and of nothing else.
fn expire(fields: &Fields<'_, '_>, time_in_force: TimeInForce) -> Result<Nanos, Refusal> {
    match (time_in_force, fields.millis("goodTillDate")?) {
        (TimeInForce::Gtd, Some(at)) => Ok(at),
        (TimeInForce::Gtd, None) | (_, Some(_)) => {
            Err(Refusal::field(Reject::ExpireTimeInvalid, "goodTillDate"))
        }
        (_, None) => Ok(Nanos(0)),
    }
}

fn smp(fields: &Fields<'_, '_>) -> Result<SmpMode, Refusal> {
    match fields.text("selfTradePreventionMode")? {
        None => Ok(SmpMode::default()),
        Some(word) => words::parse_smp(word)
            .ok_or_else(|| Refusal::field(Reject::FieldValue, "selfTradePreventionMode")),
    }
}

fn price(fields: &Fields<'_, '_>, ord_type: OrdType, scale: Scale) -> Result<Price, Refusal> {
    match (ord_type, fields.decimal("price")?) {
        (OrdType::Market, None) => Ok(Price(0)),
        (OrdType::Market, Some(_)) => Err(Refusal::field(Reject::ParameterConflict, "price")),
        (_, None) => Err(Refusal::field(Reject::FieldMissing, "price")),
        (_, Some(text)) => {
            let units =
                positive(text, scale).ok_or_else(|| Refusal::field(Reject::PriceMalformed, "price"))?;
            Ok(Price(units))
        }
    }
}

fn qty(fields: &Fields<'_, '_>, name: &str, scale: Scale) -> Result<Qty, Refusal> {
    let text = fields.decimal(name)?.ok_or_else(|| Refusal::field(Reject::FieldMissing, name))?;
    let units = positive(text, scale).ok_or_else(|| Refusal::field(Reject::QtyMalformed, name))?;
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
