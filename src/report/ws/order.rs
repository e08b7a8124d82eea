//! Orders as answers tell them.

use super::{Pending, words};
use crate::config::Directory;
use crate::report::cause_text;
use crate::types::{
    Event, ExecType, Execution, Fill, Instrument, Nanos, Order, Refusal, Reject, RequestKind, ResponseType,
    Scale,
};
use crate::wire::json::Writer;

/// The outcome of a request: its last event, and its trades.
pub(super) struct Told<'a> {
    pub(super) event: &'a Event,
    pub(super) fills: &'a [Fill],
    pub(super) more_fills: u64,
}

impl<'a> Told<'a> {
    /// What happened, or why nothing did.
    pub(super) fn outcome<'d>(
        &self,
        directory: &'d Directory,
    ) -> Result<(&'a Execution, &'d Instrument), Refusal> {
        match self.event {
            Event::Execution(execution) => match (execution.exec_type, execution.refusal) {
                (ExecType::Rejected, refusal) => Err(refusal.unwrap_or(Reject::OutcomeUnknown.into())),
                _ => {
                    let instrument = directory.instrument(execution.order.instrument);
                    Ok((execution, instrument.ok_or(Reject::InstrumentNotOnShard)?))
                }
            },
            Event::CancelRejected(reject) => Err(reject.refusal),
            Event::Instrument(_) | Event::Account(_) | Event::Reference(..) => {
                Err(Reject::OutcomeUnknown.into())
            }
        }
    }

    /// The order that a refused cancel found: it may have been filled in the meantime.
    pub(super) fn refused_facts(&self, w: &mut Writer<'_>) {
        if let Event::CancelRejected(reject) = self.event
            && let Some(order) = reject.order_id
        {
            w.key("orderId").unsigned(order.0);
            w.key("orderStatus").text(words::status(reject.status));
        }
    }
}

/// When what an event tells happened.
pub(super) fn time_of(event: &Event) -> Option<Nanos> {
    match event {
        Event::Execution(execution) => Some(execution.order.updated),
        _ => None,
    }
}

/// The result of `order.place` or `order.cancel`.
pub(super) fn executed(
    pending: &Pending,
    told: &Told<'_>,
    execution: &Execution,
    instrument: &Instrument,
    time: Nanos,
    w: &mut Writer<'_>,
) {
    let order = &execution.order;
    w.object(|w| match &pending.kind {
        RequestKind::Cancel(cancel) => {
            w.key("symbol").text(instrument.symbol.as_str());
            w.key("origClientOrderId").text(order.cl_ord_id.as_str());
            order_id(order, w);
            w.key("clientOrderId").text(cancel.cl_ord_id.as_str());
            w.key("transactTime").unsigned(time.as_millis());
            terms(order, instrument, w);
        }
        RequestKind::New(_) | RequestKind::Query(_) => {
            w.key("symbol").text(instrument.symbol.as_str());
            order_id(order, w);
            w.key("clientOrderId").text(order.cl_ord_id.as_str());
            w.key("transactTime").unsigned(time.as_millis());
            if pending.response == ResponseType::Ack {
                return;
            }
            terms(order, instrument, w);
            w.key("workingTime").unsigned(order.created.as_millis());
            reason(execution, w);
            if pending.response == ResponseType::Full {
                fills(told, instrument, w);
            }
        }
    });
}

/// An order as `order.status` and `openOrders.status` tell it.
pub(super) fn status(order: &Order, instrument: &Instrument, w: &mut Writer<'_>) {
    w.object(|w| {
        w.key("symbol").text(instrument.symbol.as_str());
        order_id(order, w);
        w.key("clientOrderId").text(order.cl_ord_id.as_str());
        terms(order, instrument, w);
        w.key("stopPrice").decimal(0, instrument.price_scale);
        w.key("icebergQty").decimal(0, instrument.qty_scale);
        w.key("time").unsigned(order.created.as_millis());
        w.key("updateTime").unsigned(order.updated.as_millis());
        w.key("isWorking").boolean(order.status.is_open());
        w.key("workingTime").unsigned(order.created.as_millis());
    });
}

fn order_id(order: &Order, w: &mut Writer<'_>) {
    w.key("orderId").unsigned(order.id.0);
    // No order belongs to a list.
    w.key("orderListId").integer(-1);
}

/// What was asked for, and how far it came.
fn terms(order: &Order, instrument: &Instrument, w: &mut Writer<'_>) {
    let quote = notional_scale(instrument);
    w.key("price").decimal(i128::from(order.price.0), instrument.price_scale);
    w.key("origQty").decimal(i128::from(order.qty.0), instrument.qty_scale);
    w.key("executedQty").decimal(i128::from(order.cum_qty.0), instrument.qty_scale);
    w.key("origQuoteOrderQty").decimal(0, quote);
    w.key("cummulativeQuoteQty").decimal(order.cum_quote.0, quote);
    w.key("status").text(words::status(order.status));
    w.key("timeInForce").text(words::time_in_force(order.time_in_force));
    w.key("type").text(words::ord_type(order.ord_type));
    w.key("side").text(words::side(order.side));
    w.key("selfTradePreventionMode").text(words::smp(order.smp));
}

fn reason(execution: &Execution, w: &mut Writer<'_>) {
    if let Some(text) = execution.cause.map(cause_text).filter(|text| !text.is_empty()) {
        w.key("reason").text(text);
    }
}

fn fills(told: &Told<'_>, instrument: &Instrument, w: &mut Writer<'_>) {
    w.key("fills").array(|w| {
        for fill in told.fills {
            w.object(|w| {
                w.key("price").decimal(i128::from(fill.price.0), instrument.price_scale);
                w.key("qty").decimal(i128::from(fill.qty.0), instrument.qty_scale);
                w.key("commission").text("0");
                w.key("commissionAsset").text(instrument.quote.as_str());
                w.key("tradeId").unsigned(fill.trade_id.0);
            });
        }
    });
    if told.more_fills > 0 {
        w.key("fillsOmitted").unsigned(told.more_fills);
    }
}

/// The scale of price × quantity.
pub(super) fn notional_scale(instrument: &Instrument) -> Scale {
    instrument.price_scale.product(instrument.qty_scale)
}
