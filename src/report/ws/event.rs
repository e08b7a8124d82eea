//! `executionReport`: an event of the user data stream.

use super::order::{self, notional_scale};
use super::words;
use crate::config::Directory;
use crate::limits::EVENTS_PER_STEP_MAX;
use crate::report::{ApplId, cause_text};
use crate::types::{EventRef, Execution, Instrument, Nanos, StreamPosition};
use crate::wire::json::Writer;

const INDEX_BITS: u32 = 8;
const SHARD_SHIFT: u32 = 54;
const _: () =
    assert!(EVENTS_PER_STEP_MAX <= 1 << INDEX_BITS, "an execution id has room for every event of a step");

pub(super) fn execution_report(
    subscription: u32,
    execution: &Execution,
    (instrument, stream): (&Instrument, ApplId<'_>),
    at: EventRef,
    time: Nanos,
    out: &mut Vec<u8>,
) {
    Writer::new(out).object(|w| {
        w.key("subscriptionId").unsigned(u64::from(subscription));
        w.key("event").object(|w| {
            w.key("e").text("executionReport");
            w.key("E").unsigned(time.as_millis());
            asked(execution, instrument, w);
            happened(execution, instrument, w);
            w.key("T").unsigned(time.as_millis());
            w.key("I").unsigned(execution_id(at));
            progress(execution, instrument, w);
            w.key("applId").display(&stream);
            w.key("applSeqNum").unsigned(execution.appl_seq_num.0);
        });
    });
}

/// An event of the stream itself.
pub(super) fn of_stream(
    name: &str,
    subscription: u32,
    now: Nanos,
    out: &mut Vec<u8>,
    content: impl FnOnce(&mut Writer<'_>),
) {
    Writer::new(out).object(|w| {
        w.key("subscriptionId").unsigned(u64::from(subscription));
        w.key("event").object(|w| {
            w.key("e").text(name);
            w.key("E").unsigned(now.as_millis());
            content(w);
        });
    });
}

/// The number of each stream.
pub(super) fn positions(key: &str, positions: &[StreamPosition], directory: &Directory, w: &mut Writer<'_>) {
    w.key(key).array(|w| {
        for at in positions {
            let Some(account) = directory.account(at.account) else { continue };
            w.object(|w| {
                w.key("applId").display(&ApplId { account: &account.name, shard: at.shard });
                w.key("applSeqNum").unsigned(at.number.0);
            });
        }
    });
}

/// Unique per environment: the shard where order ids have it, the record, the place in it.
pub(super) fn execution_id(at: EventRef) -> u64 {
    u64::from(at.shard.0) << SHARD_SHIFT | at.seq.0 << INDEX_BITS | u64::from(at.index)
}

/// Which order, and what was asked for.
fn asked(execution: &Execution, instrument: &Instrument, w: &mut Writer<'_>) {
    let order = &execution.order;
    w.key("s").text(instrument.symbol.as_str());
    // A cancel goes under its own name, and tells that of the order in C; an amendment the name that the order had.
    let (name, before) = match (&execution.cancel_id, &execution.replaced) {
        (Some(cancel), _) => (cancel.as_str(), order.cl_ord_id.as_str()),
        (None, Some(replaced)) => (order.cl_ord_id.as_str(), replaced.orig_cl_ord_id.as_str()),
        (None, None) => (order.cl_ord_id.as_str(), ""),
    };
    w.key("c").text(name);
    w.key("S").text(words::side(order.side));
    w.key("o").text(words::ord_type(order.ord_type));
    w.key("f").text(words::time_in_force(order.time_in_force));
    w.key("q").decimal(i128::from(order.qty.0), instrument.qty_scale);
    w.key("p").decimal(i128::from(order.price.0), instrument.price_scale);
    w.key("P").decimal(0, instrument.price_scale);
    w.key("F").decimal(0, instrument.qty_scale);
    w.key("g").integer(-1);
    w.key("C").text(before);
}

fn happened(execution: &Execution, instrument: &Instrument, w: &mut Writer<'_>) {
    let order = &execution.order;
    w.key("x").text(words::exec_type(execution.exec_type));
    w.key("X").text(words::status(order.status));
    match (&execution.refusal, execution.cause.map(cause_text)) {
        (Some(refusal), _) => w.key("r").display(refusal),
        (None, Some(text)) if !text.is_empty() => w.key("r").text(text),
        (None, _) => w.key("r").text("NONE"),
    }
    w.key("i").unsigned(order.id.0);
    let (qty, price) = execution.fill.map_or((0, 0), |fill| (fill.qty.0, fill.price.0));
    w.key("l").decimal(i128::from(qty), instrument.qty_scale);
    w.key("z").decimal(i128::from(order.cum_qty.0), instrument.qty_scale);
    w.key("L").decimal(i128::from(price), instrument.price_scale);
    w.key("n").text("0");
    w.key("N").null();
    match execution.fill {
        Some(fill) => w.key("t").unsigned(fill.trade_id.0),
        None => w.key("t").integer(-1),
    }
}

fn progress(execution: &Execution, instrument: &Instrument, w: &mut Writer<'_>) {
    let (order, quote) = (&execution.order, notional_scale(instrument));
    w.key("w").boolean(order.status.is_open());
    w.key("m").boolean(execution.fill.is_some_and(|fill| fill.maker));
    w.key("M").boolean(false);
    w.key("O").unsigned(order.created.as_millis());
    w.key("Z").decimal(order.cum_quote.0, quote);
    w.key("Y").decimal(execution.fill.map_or(0, |fill| fill.price.times(fill.qty).0), quote);
    w.key("Q").decimal(0, quote);
    w.key("W").unsigned(order.created.as_millis());
    w.key("V").text(words::smp(order.smp));
    if let Some(cause) = execution.cause {
        w.key("cancelCause").text(words::cause(cause));
    }
    if let Some(replaced) = &execution.replaced {
        w.key("keptPriority").boolean(replaced.kept_priority);
    }
    prevention(execution, instrument, w);
    order::terms_if_any(order, w);
}

/// What self-match prevention took, under the names that Binance has for it.
fn prevention(execution: &Execution, instrument: &Instrument, w: &mut Writer<'_>) {
    let order = &execution.order;
    if order.prevented_qty.0 > 0 {
        w.key("A").decimal(i128::from(order.prevented_qty.0), instrument.qty_scale);
    }
    let Some(prevented) = &execution.prevented else { return };
    w.key("B").decimal(i128::from(prevented.qty.0), instrument.qty_scale);
    w.key("u").unsigned(u64::from(order.smp_group.0));
    w.key("U").unsigned(prevented.counter.0);
    w.key("Cs").text(instrument.symbol.as_str());
    w.key("pL").decimal(i128::from(prevented.price.0), instrument.price_scale);
    w.key("pl").decimal(i128::from(prevented.qty.0), instrument.qty_scale);
    let quote = prevented.price.times(prevented.qty);
    w.key("pY").decimal(quote.0, notional_scale(instrument));
    w.key("preventedAsMaker").boolean(prevented.maker);
}
