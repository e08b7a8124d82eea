//! Orders as answers tell them.

use super::event::execution_id;
use super::{Pending, words};
use crate::config::Directory;
use crate::report::cause_text;
use crate::types::{
    ClOrdId, Event, EventRef, ExecType, Execution, Fill, Instrument, Nanos, Order, Refusal, Reject, Repeated,
    Replaced, RequestKind, ResponseType, Scale, SmpGroupId, TimeInForce,
};
use crate::wire::json::Writer;

/// The outcome of a request: its last event, and its trades.
pub(super) struct Told<'a> {
    pub(super) event: &'a Event,
    pub(super) fills: &'a [Fill],
    pub(super) more_fills: u64,
    /// What an amendment changed, and its place.
    pub(super) replaced: Option<(Replaced, EventRef)>,
    /// What became of the cancel of `order.cancelReplace`.
    pub(super) canceled: Option<&'a Event>,
    /// The orders that a mass cancel closed, as far as they are listed.
    pub(super) listed: &'a [Order],
}

impl<'a> Told<'a> {
    /// The first result of a request that came again.
    pub(super) fn repeated(repeated: &'a Repeated) -> Self {
        Self {
            fills: &repeated.fills,
            replaced: replaced(repeated),
            canceled: repeated.canceled.as_ref(),
            ..Self::refused(&repeated.first)
        }
    }

    /// A refusal of a repetition, and nothing beside it.
    pub(super) fn refused(event: &'a Event) -> Self {
        Self { event, fills: &[], more_fills: 0, replaced: None, canceled: None, listed: &[] }
    }

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
            Event::CancelAllAfter(set) => Err(set.refusal.unwrap_or(Reject::OutcomeUnknown.into())),
            Event::MassCanceled(canceled) => Err(canceled.refusal.unwrap_or(Reject::OutcomeUnknown.into())),
            Event::Instrument(_) | Event::Account(_) | Event::Reference(..) | Event::Kill(_) => {
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

/// What a repeated amendment changed. It was the first event of its step.
fn replaced(repeated: &Repeated) -> Option<(Replaced, EventRef)> {
    let Event::Execution(first) = &repeated.first else { return None };
    let at = EventRef { shard: first.order.id.shard(), seq: repeated.seq, index: 0 };
    first.replaced.map(|replaced| (replaced, at))
}

/// When what an event tells happened.
pub(super) fn time_of(event: &Event) -> Option<Nanos> {
    match event {
        Event::Execution(execution) => Some(execution.order.updated),
        _ => None,
    }
}

/// The result of `order.place`, `order.cancel` or `order.amend.keepPriority`.
pub(super) fn executed(
    pending: &Pending,
    told: &Told<'_>,
    execution: &Execution,
    instrument: &Instrument,
    time: Nanos,
    w: &mut Writer<'_>,
) {
    match &pending.kind {
        RequestKind::Cancel(cancel) => canceled(&execution.order, &cancel.cl_ord_id, instrument, time, w),
        RequestKind::Amend(_) => amended(told, &execution.order, instrument, time, w),
        _ => placed(pending.response, told, execution, instrument, time, w),
    }
}

/// An order that was entered.
pub(super) fn placed(
    response: ResponseType,
    told: &Told<'_>,
    execution: &Execution,
    instrument: &Instrument,
    time: Nanos,
    w: &mut Writer<'_>,
) {
    let order = &execution.order;
    w.object(|w| {
        w.key("symbol").text(instrument.symbol.as_str());
        order_id(order, w);
        w.key("clientOrderId").text(order.cl_ord_id.as_str());
        w.key("transactTime").unsigned(time.as_millis());
        if response == ResponseType::Ack {
            return;
        }
        terms(order, instrument, w);
        w.key("workingTime").unsigned(order.created.as_millis());
        reason(execution, w);
        if response == ResponseType::Full {
            fills(told, instrument, w);
        }
    });
}

/// An order that was canceled, by a request of this name.
pub(super) fn canceled(
    order: &Order,
    by: &ClOrdId,
    instrument: &Instrument,
    time: Nanos,
    w: &mut Writer<'_>,
) {
    w.object(|w| {
        w.key("symbol").text(instrument.symbol.as_str());
        w.key("origClientOrderId").text(order.cl_ord_id.as_str());
        order_id(order, w);
        w.key("clientOrderId").text(by.as_str());
        w.key("transactTime").unsigned(time.as_millis());
        terms(order, instrument, w);
    });
}

/// An order that was amended. Binance calls some fields by other names here.
fn amended(told: &Told<'_>, order: &Order, instrument: &Instrument, time: Nanos, w: &mut Writer<'_>) {
    let (qty, quote) = (instrument.qty_scale, notional_scale(instrument));
    w.object(|w| {
        w.key("transactTime").unsigned(time.as_millis());
        if let Some((replaced, at)) = &told.replaced {
            w.key("executionId").unsigned(execution_id(*at));
            w.key("keptPriority").boolean(replaced.kept_priority);
        }
        w.key("amendedOrder").object(|w| {
            w.key("symbol").text(instrument.symbol.as_str());
            order_id(order, w);
            if let Some((replaced, _)) = &told.replaced {
                w.key("origClientOrderId").text(replaced.orig_cl_ord_id.as_str());
            }
            w.key("clientOrderId").text(order.cl_ord_id.as_str());
            w.key("price").decimal(i128::from(order.price.0), instrument.price_scale);
            w.key("qty").decimal(i128::from(order.qty.0), qty);
            w.key("executedQty").decimal(i128::from(order.cum_qty.0), qty);
            w.key("preventedQty").decimal(i128::from(order.prevented_qty.0), qty);
            w.key("quoteOrderQty").decimal(0, quote);
            w.key("cumulativeQuoteQty").decimal(order.cum_quote.0, quote);
            w.key("status").text(words::status(order.status));
            w.key("timeInForce").text(words::time_in_force(order.time_in_force));
            w.key("type").text(words::ord_type(order.ord_type));
            w.key("side").text(words::side(order.side));
            w.key("workingTime").unsigned(order.created.as_millis());
            w.key("selfTradePreventionMode").text(words::smp(order.smp));
            terms_if_any(order, w);
        });
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
    if order.prevented_qty.0 > 0 {
        w.key("preventedQuantity").decimal(i128::from(order.prevented_qty.0), instrument.qty_scale);
    }
    terms_if_any(order, w);
}

/// What few orders have.
pub(super) fn terms_if_any(order: &Order, w: &mut Writer<'_>) {
    if order.smp_group != SmpGroupId::NONE {
        w.key("tradeGroupId").unsigned(u64::from(order.smp_group.0));
    }
    if order.time_in_force == TimeInForce::Gtd {
        w.key("goodTillDate").unsigned(order.expire.as_millis());
    }
    if order.reduce_only {
        w.key("reduceOnly").boolean(true);
    }
}

fn reason(execution: &Execution, w: &mut Writer<'_>) {
    if let Some(cause) = execution.cause {
        w.key("cancelCause").text(words::cause(cause));
    }
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
