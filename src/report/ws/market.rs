//! Instruments and books as answers tell them.

use super::order::notional_scale;
use super::{Reply, rate_limits, words};
use crate::config::Directory;
use crate::types::{
    BookLevel, Instrument, InstrumentId, InstrumentKind, InstrumentState, Nanos, OrdType, Scale, Seq, SmpMode,
};
use crate::wire::json::Writer;
use std::collections::BTreeSet;

/// `exchangeInfo`.
pub(super) fn exchange_info(
    directory: &Directory,
    to: &Reply<'_>,
    which: Option<InstrumentId>,
    (environment, halted): (&str, &BTreeSet<InstrumentId>),
    now: Nanos,
    w: &mut Writer<'_>,
) {
    w.object(|w| {
        w.key("timezone").text("UTC");
        w.key("serverTime").unsigned(now.as_millis());
        w.key("environment").text(environment);
        w.key("rateLimits");
        rate_limits(to.limits.unwrap_or_default(), false, w);
        w.key("exchangeFilters").array(|_| {});
        w.key("symbols").array(|w| {
            let wanted = |id: InstrumentId| which.is_none_or(|which| which == id);
            for instrument in directory.instruments().iter().filter(|instrument| wanted(instrument.id)) {
                let state = match halted.contains(&instrument.id) {
                    true => InstrumentState::Halted,
                    false => instrument.state,
                };
                symbol(instrument, state, w);
            }
        });
    });
}

fn symbol(instrument: &Instrument, state: InstrumentState, w: &mut Writer<'_>) {
    let (base, quote) = (u64::from(instrument.qty_scale.0), u64::from(instrument.price_scale.0));
    w.object(|w| {
        w.key("symbol").text(instrument.symbol.as_str());
        w.key("status").text(words::state(state));
        w.key("kind").text(words::kind(instrument.kind));
        w.key("baseAsset").text(instrument.base.as_str());
        w.key("baseAssetPrecision").unsigned(base);
        w.key("quoteAsset").text(instrument.quote.as_str());
        w.key("quotePrecision").unsigned(quote);
        w.key("quoteAssetPrecision").unsigned(quote);
        w.key("baseCommissionPrecision").unsigned(base);
        w.key("quoteCommissionPrecision").unsigned(quote);
        w.key("orderTypes").array(|w| {
            for ord_type in [OrdType::Limit, OrdType::LimitMaker, OrdType::Market] {
                w.text(words::ord_type(ord_type));
            }
        });
        for feature in NOT_OFFERED {
            w.key(feature).boolean(false);
        }
        w.key("cancelReplaceAllowed").boolean(true);
        w.key("amendAllowed").boolean(true);
        w.key("isSpotTradingAllowed").boolean(instrument.kind == InstrumentKind::Spot);
        w.key("filters").array(|w| filters(instrument, w));
        w.key("permissions").array(|_| {});
        w.key("permissionSets").array(|_| {});
        w.key("defaultSelfTradePreventionMode").text(words::smp(SmpMode::default()));
        w.key("allowedSelfTradePreventionModes").array(|w| {
            for mode in [
                SmpMode::None,
                SmpMode::ExpireTaker,
                SmpMode::ExpireMaker,
                SmpMode::ExpireBoth,
                SmpMode::Decrement,
            ] {
                w.text(words::smp(mode));
            }
        });
    });
}

const NOT_OFFERED: [&str; 7] = [
    "icebergAllowed",
    "ocoAllowed",
    "otoAllowed",
    "quoteOrderQtyMarketAllowed",
    "allowTrailingStop",
    "pegInstructionsAllowed",
    "isMarginTradingAllowed",
];

fn filters(instrument: &Instrument, w: &mut Writer<'_>) {
    let (price, qty, quote) = (instrument.price_scale, instrument.qty_scale, notional_scale(instrument));
    w.object(|w| {
        w.key("filterType").text("PRICE_FILTER");
        w.key("minPrice").decimal(i128::from(instrument.tick.0), price);
        // Zero: no bound of its own; the band and the notional bound it.
        w.key("maxPrice").decimal(0, price);
        w.key("tickSize").decimal(i128::from(instrument.tick.0), price);
    });
    w.object(|w| {
        w.key("filterType").text("LOT_SIZE");
        w.key("minQty").decimal(i128::from(instrument.lot.0), qty);
        w.key("maxQty").decimal(i128::from(instrument.max_qty.0), qty);
        w.key("stepSize").decimal(i128::from(instrument.lot.0), qty);
    });
    w.object(|w| {
        w.key("filterType").text("NOTIONAL");
        w.key("minNotional").decimal(0, quote);
        w.key("applyMinToMarket").boolean(false);
        w.key("maxNotional").decimal(i128::from(instrument.max_notional), quote);
        w.key("applyMaxToMarket").boolean(true);
        w.key("avgPriceMins").unsigned(0);
    });
    if instrument.band_bps > 0 {
        let band = i128::from(instrument.band_bps);
        w.object(|w| {
            w.key("filterType").text("PERCENT_PRICE");
            w.key("multiplierUp").decimal(10_000 + band, Scale(4));
            w.key("multiplierDown").decimal((10_000 - band).max(0), Scale(4));
            // Zero minutes: against the last trade, or the middle of the book before there was one.
            w.key("avgPriceMins").unsigned(0);
        });
    }
}

/// `depth`.
pub(super) fn depth(
    instrument: &Instrument,
    last: Seq,
    bids: &[BookLevel],
    asks: &[BookLevel],
    w: &mut Writer<'_>,
) {
    w.object(|w| {
        w.key("lastUpdateId").unsigned(last.0);
        levels(instrument, [("bids", bids), ("asks", asks)], w);
    });
}

/// Price and quantity of each level, of both sides.
pub(super) fn levels(instrument: &Instrument, sides: [(&str, &[BookLevel]); 2], w: &mut Writer<'_>) {
    for (name, side) in sides {
        w.key(name).array(|w| {
            for level in side {
                w.array(|w| {
                    w.decimal(i128::from(level.price.0), instrument.price_scale);
                    w.decimal(i128::from(level.qty.0), instrument.qty_scale);
                });
            }
        });
    }
}

/// What a shard tells of a book.
pub(super) type Best = (InstrumentId, Option<BookLevel>, Option<BookLevel>);

/// `ticker.book`: one object, or an array of them.
pub(super) fn book_ticker(directory: &Directory, books: &[Best], one: bool, w: &mut Writer<'_>) {
    let known = books.iter().filter_map(|book| Some((directory.instrument(book.0)?, book)));
    if one {
        known.take(1).for_each(|(instrument, book)| best(instrument, book, w));
    } else {
        w.array(|w| known.for_each(|(instrument, book)| best(instrument, book, w)));
    }
}

fn best(instrument: &Instrument, (_, bid, ask): &Best, w: &mut Writer<'_>) {
    let (price, qty) = (instrument.price_scale, instrument.qty_scale);
    let units = |level: &Option<BookLevel>| {
        level.map_or((0, 0), |level| (i128::from(level.price.0), i128::from(level.qty.0)))
    };
    w.object(|w| {
        w.key("symbol").text(instrument.symbol.as_str());
        w.key("bidPrice").decimal(units(bid).0, price);
        w.key("bidQty").decimal(units(bid).1, qty);
        w.key("askPrice").decimal(units(ask).0, price);
        w.key("askQty").decimal(units(ask).1, qty);
    });
}
