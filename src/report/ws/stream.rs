//! Market data streams: `depthSnapshot`, `depthUpdate`, `bookTicker`, `trade`.

use super::market::levels;
use crate::types::{BookLevel, Instrument, Nanos, PublicTrade, Seq, Side};
use crate::wire::json::Writer;

/// Levels of a book: all that are seen, or those that have changed.
#[derive(Clone, Copy, Debug)]
pub struct Levels<'a> {
    /// The first update that is told; `None`: the book as it is.
    pub first: Option<Seq>,
    /// The last update that is told.
    pub last: Seq,
    /// When that was.
    pub time: Nanos,
    /// Best first; a quantity of zero: the level is gone.
    pub bids: &'a [BookLevel],
    /// The same of the other side.
    pub asks: &'a [BookLevel],
}

/// `depthSnapshot`, then `depthUpdate`.
pub(super) fn depth(subscription: u32, instrument: &Instrument, told: &Levels<'_>, out: &mut Vec<u8>) {
    let word = if told.first.is_some() { "depthUpdate" } else { "depthSnapshot" };
    event(subscription, word, told.time, instrument, out, |w| match told.first {
        Some(first) => {
            w.key("U").unsigned(first.0);
            w.key("u").unsigned(told.last.0);
            levels(instrument, [("b", told.bids), ("a", told.asks)], w);
        }
        None => {
            w.key("lastUpdateId").unsigned(told.last.0);
            levels(instrument, [("bids", told.bids), ("asks", told.asks)], w);
        }
    });
}

/// `bookTicker`: the best of each side, zero where there is none.
pub(super) fn ticker(subscription: u32, instrument: &Instrument, told: &Levels<'_>, out: &mut Vec<u8>) {
    event(subscription, "bookTicker", told.time, instrument, out, |w| {
        w.key("u").unsigned(told.last.0);
        for (price, qty, side) in [("b", "B", told.bids), ("a", "A", told.asks)] {
            let best = side.first().map_or((0, 0), |level| (level.price.0, level.qty.0));
            w.key(price).decimal(i128::from(best.0), instrument.price_scale);
            w.key(qty).decimal(i128::from(best.1), instrument.qty_scale);
        }
    });
}

/// `trade`; `number` is its place in the subscription, from 1.
pub(super) fn trade(
    subscription: u32,
    instrument: &Instrument,
    trade: &PublicTrade,
    number: u64,
    out: &mut Vec<u8>,
) {
    event(subscription, "trade", trade.time, instrument, out, |w| {
        w.key("t").unsigned(trade.id.0);
        w.key("n").unsigned(number);
        w.key("u").unsigned(trade.seq.0);
        w.key("p").decimal(i128::from(trade.price.0), instrument.price_scale);
        w.key("q").decimal(i128::from(trade.qty.0), instrument.qty_scale);
        w.key("T").unsigned(trade.time.as_millis());
        w.key("m").boolean(trade.aggressor == Side::Sell);
    });
}

fn event(
    subscription: u32,
    word: &str,
    time: Nanos,
    instrument: &Instrument,
    out: &mut Vec<u8>,
    content: impl FnOnce(&mut Writer<'_>),
) {
    Writer::new(out).object(|w| {
        w.key("subscriptionId").unsigned(u64::from(subscription));
        w.key("event").object(|w| {
            w.key("e").text(word);
            w.key("E").unsigned(time.as_millis());
            w.key("s").text(instrument.symbol.as_str());
            content(w);
        });
    });
}
