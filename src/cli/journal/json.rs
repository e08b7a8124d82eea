//! Records as JSON. Names are those of the WebSocket API where it has one; prices and quantities are whole units of
//! their instrument's scales, as the journal has them; a sum that may be larger than 64 bits is a string.

use crate::types::event::{CancelRejected, Execution};
use crate::types::time::Civil;
use crate::types::{
    AccountLimits, AmendOrder, CancelOrder, CancelScope, Command, Continue, Detail, Event, Instrument,
    KillSwitch, KillTarget, LeaseId, Nanos, NewOrder, Order, OrderRef, OutboundBody, Refusal, Requester,
    SessionRecord,
};
use crate::wire::record::{LogRecord, Step};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// A step: its command, its evidence, its events.
pub fn step(step: &Step<'_>, events: &[Event]) -> Value {
    let mut body = bytes("signed", step.signed);
    body.insert("signature".to_owned(), json!(step.signature.map(|signature| STANDARD.encode(signature))));
    body.insert("command".to_owned(), command(&step.command));
    body.insert("events".to_owned(), events.iter().map(event).collect());
    body.into()
}

/// A record of a session log.
pub fn session(record: &SessionRecord<'_>) -> Value {
    match record {
        SessionRecord::Inbound { session, number } | SessionRecord::Answered { session, number } => {
            json!({"session": session.0, "number": number.0})
        }
        SessionRecord::Request { session, number, msg_type, cl_ord_id } => json!({
            "session": session.0,
            "number": number.0,
            "msgType": msg_type.as_str(),
            "clOrdId": cl_ord_id.as_str(),
        }),
        SessionRecord::InboundNext { session, next } => json!({"session": session.0, "next": next.0}),
        SessionRecord::Outbound { session, number, body: OutboundBody::Event(event), .. } => json!({
            "session": session.0,
            "number": number.0,
            "event": {"shard": event.shard.0, "seq": event.seq.0, "index": event.index},
        }),
        SessionRecord::Outbound { session, number, body: OutboundBody::Own(own), .. } => {
            let mut body = bytes("body", own);
            body.insert("session".to_owned(), json!(session.0));
            body.insert("number".to_owned(), json!(number.0));
            body.into()
        }
        SessionRecord::Reserved { session, upto } => json!({"session": session.0, "upto": upto.0}),
        SessionRecord::Reset { session } => json!({"session": session.0}),
        SessionRecord::Told { session, event } => json!({
            "session": session.0,
            "event": {"shard": event.shard.0, "seq": event.seq.0, "index": event.index},
        }),
    }
}

/// A record of the log itself.
pub fn log(record: &LogRecord) -> Value {
    let LogRecord::Started { cut } = record;
    json!({"cutBytes": cut})
}

/// An instant as a person reads it, to the nanosecond.
pub fn time(at: Nanos) -> String {
    Civil::from_nanos(at).to_string()
}

/// Text as it is; what is not UTF-8 in base64, under a name that says so.
fn bytes(name: &str, bytes: &[u8]) -> Map<String, Value> {
    let (name, value) = match std::str::from_utf8(bytes) {
        Ok(text) => (name.to_owned(), json!(text)),
        Err(_) => (format!("{name}Base64"), json!(STANDARD.encode(bytes))),
    };
    Map::from_iter([(name, value)])
}

fn command(command: &Command) -> Value {
    match command {
        Command::New(by, order) => json!({"new": new_order(order), "by": requester(by)}),
        Command::Cancel(by, cancel) => json!({"cancel": cancel_order(cancel), "by": requester(by)}),
        Command::Amend(by, amend) => json!({"amend": amend_order(amend), "by": requester(by)}),
        Command::Replace(by, replace) => json!({"replace": {
            "cancel": cancel_order(&replace.cancel),
            "new": new_order(&replace.order),
            "cancelReplaceMode": format!("{:?}", replace.mode),
        }, "by": requester(by)}),
        Command::CancelAllAfter(by, request) => json!({
            "cancelAllAfter": {"account": request.account.0, "timeoutNanos": request.timeout.0},
            "by": requester(by),
        }),
        Command::MassCancel(by, cancel) => json!({"massCancel": {
            "scope": scope(&cancel.scope),
            "newClientOrderId": cancel.cl_ord_id.as_str(),
        }, "by": requester(by)}),
        Command::Continue(Continue::Order { instrument, order }) => {
            json!({"continue": {"instrument": instrument.0, "orderId": order.0}})
        }
        Command::Continue(Continue::Cancels(of)) => json!({"continue": {"cancels": scope(of)}}),
        Command::Continue(Continue::Book(instrument)) => {
            json!({"continue": {"book": {"instrument": instrument.0}}})
        }
        Command::Instrument(new) => json!({"instrument": instrument(new)}),
        Command::Account(limits) => json!({"account": account(limits)}),
        Command::Reference(instrument, price) => {
            json!({"reference": {"instrument": instrument.0, "price": price.0}})
        }
        Command::SessionBegan(it) => json!({"sessionBegan": {
            "lease": lease(it.lease),
            "logon": it.logon.0,
            "apiKey": it.key.0,
            "cancelOn": format!("{:?}", it.terms.on),
            "graceNanos": it.terms.grace.0,
        }}),
        Command::SessionEnded(it) => {
            json!({"sessionEnded": {"logon": it.logon.0, "end": format!("{:?}", it.end)}})
        }
        Command::Kill(it) => json!({"kill": kill(it)}),
        Command::Restarted => json!({"restarted": {}}),
        Command::Timers => json!({"timers": {}}),
    }
}

fn event(event: &Event) -> Value {
    match event {
        Event::Execution(it) => json!({"execution": execution(it)}),
        Event::CancelRejected(reject) => json!({"cancelRejected": cancel_rejected(reject)}),
        Event::CancelAllAfter(it) => json!({"cancelAllAfter": {
            "account": it.account.0,
            "at": it.at.map(time),
            "refusal": it.refusal.map(|it| refusal(&it)),
        }}),
        Event::MassCanceled(it) => json!({"massCanceled": {
            "id": it.id.0,
            "scope": scope(&it.scope),
            "session": it.by.0,
            "clientOrderId": it.cl_ord_id.as_str(),
            "canceledOrders": it.canceled,
            "refusal": it.refusal.map(|it| refusal(&it)),
        }}),
        Event::Instrument(new) => json!({"instrument": instrument(new)}),
        Event::Account(limits) => json!({"account": account(limits)}),
        Event::Reference(instrument, price) => {
            json!({"reference": {"instrument": instrument.0, "price": price.0}})
        }
        Event::Kill(it) => json!({"kill": kill(it)}),
    }
}

fn kill(it: &KillSwitch) -> Value {
    let (account, instrument) = match it.target {
        KillTarget::Account(account) => (Some(account.0), None),
        KillTarget::Instrument(instrument) => (None, Some(instrument.0)),
    };
    json!({
        "account": account,
        "instrument": instrument,
        "engaged": it.engaged,
        "cancelOrders": it.cancel,
        "uid": it.uid,
    })
}

fn lease(lease: LeaseId) -> Value {
    match lease {
        LeaseId::Session(session) => json!({"session": session.0}),
        LeaseId::Logon(logon) => json!({"logon": logon.0}),
    }
}

fn requester(by: &Requester) -> Value {
    json!({
        "session": by.session.0,
        "logon": by.logon.0,
        "apiKey": by.key.0,
        "timestamp": time(by.sent),
        "recvWindowNanos": by.recv_window.0,
        "named": by.named,
    })
}

fn new_order(order: &NewOrder) -> Value {
    json!({
        "account": order.account.0,
        "instrument": order.instrument.0,
        "newClientOrderId": order.cl_ord_id.as_str(),
        "side": format!("{:?}", order.side),
        "type": format!("{:?}", order.ord_type),
        "timeInForce": format!("{:?}", order.time_in_force),
        "selfTradePreventionMode": format!("{:?}", order.smp),
        "tradeGroupId": order.smp_group.map(|group| group.0),
        "reduceOnly": order.reduce_only,
        "goodTillDate": good_till(order.expire),
        "price": order.price.0,
        "quantity": order.qty.0,
    })
}

fn good_till(at: Nanos) -> Value {
    if at == Nanos(0) { Value::Null } else { json!(time(at)) }
}

fn target(target: &OrderRef) -> Value {
    match target {
        OrderRef::OrderId(id) => json!({"orderId": id.0}),
        OrderRef::ClOrdId(id) => json!({"origClientOrderId": id.as_str()}),
    }
}

fn amend_order(amend: &AmendOrder) -> Value {
    json!({
        "account": amend.account.0,
        "instrument": amend.instrument.0,
        "newClientOrderId": amend.cl_ord_id.as_str(),
        "target": target(&amend.target),
        "price": amend.price.map(|price| price.0),
        "newQty": amend.qty.0,
        "keepPriority": amend.keep_priority,
    })
}

fn scope(scope: &CancelScope) -> Value {
    json!({
        "account": scope.account.0,
        "instrument": scope.instrument.map(|id| id.0),
        "side": scope.side.map(|side| format!("{side:?}")),
        "session": scope.session.map(|session| session.0),
    })
}

fn cancel_order(cancel: &CancelOrder) -> Value {
    json!({
        "account": cancel.account.0,
        "instrument": cancel.instrument.0,
        "newClientOrderId": cancel.cl_ord_id.as_str(),
        "target": target(&cancel.target),
    })
}

fn order(order: &Order) -> Value {
    json!({
        "orderId": order.id.0,
        "clientOrderId": order.cl_ord_id.as_str(),
        "account": order.account.0,
        "instrument": order.instrument.0,
        "session": order.session.0,
        "lease": order.lease.map(lease),
        "side": format!("{:?}", order.side),
        "type": format!("{:?}", order.ord_type),
        "timeInForce": format!("{:?}", order.time_in_force),
        "selfTradePreventionMode": format!("{:?}", order.smp),
        "tradeGroupId": order.smp_group.0,
        "reduceOnly": order.reduce_only,
        "goodTillDate": good_till(order.expire),
        "price": order.price.0,
        "origQty": order.qty.0,
        "executedQty": order.cum_qty.0,
        "preventedQuantity": order.prevented_qty.0,
        "cummulativeQuoteQty": order.cum_quote.0.to_string(),
        "status": format!("{:?}", order.status),
        "created": time(order.created),
        "updated": time(order.updated),
    })
}

fn execution(it: &Execution) -> Value {
    json!({
        "execType": format!("{:?}", it.exec_type),
        "order": order(&it.order),
        "cancelClientOrderId": it.cancel_id.map(|id| id.to_string()),
        "cancelSession": it.cancel_session.0,
        "fill": it.fill.map(|fill| json!({
            "tradeId": fill.trade_id.0,
            "price": fill.price.0,
            "qty": fill.qty.0,
            "maker": fill.maker,
        })),
        "cause": it.cause.map(|cause| format!("{cause:?}")),
        "refusal": it.refusal.map(|it| refusal(&it)),
        "replaced": it.replaced.map(|replaced| json!({
            "origClientOrderId": replaced.orig_cl_ord_id.as_str(),
            "origQty": replaced.orig_qty.0,
            "origPrice": replaced.orig_price.0,
            "keptPriority": replaced.kept_priority,
        })),
        "prevented": it.prevented.map(|prevented| json!({
            "qty": prevented.qty.0,
            "price": prevented.price.0,
            "counterOrderId": prevented.counter.0,
            "maker": prevented.maker,
        })),
    })
}

fn cancel_rejected(reject: &CancelRejected) -> Value {
    json!({
        "account": reject.account.0,
        "instrument": reject.instrument.0,
        "session": reject.session.0,
        "clientOrderId": reject.cl_ord_id.as_str(),
        "origClientOrderId": reject.orig_cl_ord_id.map(|id| id.to_string()),
        "orderId": reject.order_id.map(|id| id.0),
        "status": format!("{:?}", reject.status),
        "responseTo": format!("{:?}", reject.response_to),
        "refusal": refusal(&reject.refusal),
    })
}

fn refusal(refusal: &Refusal) -> Value {
    let detail = match refusal.detail {
        Detail::None => Value::Null,
        Detail::RetryAfter(span) => json!({"retryAfterNanos": span.0}),
        Detail::Field(name) => json!({"field": name.as_str()}),
        Detail::Tag(tag) => json!({"tag": tag}),
        Detail::SignedSha256(digest) => json!({"signedSha256": STANDARD.encode(digest)}),
        Detail::Clocks { server, sent } => json!({"server": time(server), "sent": time(sent)}),
        Detail::OrderId(id) => json!({"orderId": id.0}),
        Detail::Bound(bound) => json!({"bound": bound}),
    };
    json!({"reject": refusal.reject.info().name, "number": refusal.reject.info().number, "detail": detail})
}

fn instrument(it: &Instrument) -> Value {
    json!({
        "instrument": it.id.0,
        "symbol": it.symbol.as_str(),
        "kind": format!("{:?}", it.kind),
        "baseAsset": it.base.as_str(),
        "quoteAsset": it.quote.as_str(),
        "priceScale": it.price_scale.0,
        "qtyScale": it.qty_scale.0,
        "tick": it.tick.0,
        "lot": it.lot.0,
        "maxQty": it.max_qty.0,
        "maxNotional": it.max_notional,
        "bandBps": it.band_bps,
        "reference": it.reference.0,
        "state": format!("{:?}", it.state),
    })
}

fn account(limits: &AccountLimits) -> Value {
    json!({
        "account": limits.account.0,
        "maxOpenOrders": limits.max_open_orders,
        "instrument": limits.instrument.map(|id| id.0),
        "maxPosition": limits.max_position,
        "tradeGroupId": limits.smp_group.0,
        "enabled": limits.enabled,
    })
}
