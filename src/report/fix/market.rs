//! Market data over FIX: W, X, Y.
//!
//! | what is told | message |
//! |---|---|
//! | the top of a book as it is | MarketDataSnapshotFullRefresh(W), an entry for each side that has one |
//! | a change of it, 265=0 | the same |
//! | a change of it, 265=1 | MarketDataIncrementalRefresh(X), an entry for each side that changed |
//! | a trade | X with 269=2 |
//!
//! MDUpdateAction(279) is New where a side had nothing, Delete where it has nothing now, else Change. A trade has its
//! id in MDEntryID(278), and in Text(58) the side that took: no stock dictionary has AggressorSide(2446) there.

use super::body::Body;
use super::{MsgType, refusal::Echo};
use crate::types::{BookLevel, Instrument, MdEntryTypes, Nanos, PublicTrade, Refusal, Reject, ReqId, Side};
use crate::wire::fix::Precision;

/// MarketDataSnapshotFullRefresh.
pub const SNAPSHOT: MsgType = b"W";
/// MarketDataIncrementalRefresh.
pub const INCREMENTAL: MsgType = b"X";
/// MarketDataRequestReject.
pub const REJECT: MsgType = b"Y";

/// The best of both sides.
pub type Top = [Option<BookLevel>; 2];

/// MDEntryType(269) of the sides.
const SIDES: [&str; 2] = ["0", "1"];

/// Writes the top of a book as it is.
pub fn snapshot(
    id: ReqId,
    instrument: &Instrument,
    wanted: MdEntryTypes,
    top: Top,
    time: Nanos,
    out: &mut Vec<u8>,
) -> MsgType {
    let mut body = Body::new(out);
    let there = entries(wanted, top);
    body.text(262, id.as_str()).text(55, instrument.symbol.as_str());
    body.number(268, there.clone().count() as u64);
    for (entry_type, level) in there {
        body.text(269, entry_type);
        put_level(&mut body, instrument, level);
        put_time(&mut body, time);
    }
    SNAPSHOT
}

/// Writes what has changed from one top to another. `None`, and nothing written, where nothing did that is wanted.
pub fn update(
    id: ReqId,
    instrument: &Instrument,
    wanted: MdEntryTypes,
    (before, now): (Top, Top),
    time: Nanos,
    out: &mut Vec<u8>,
) -> Option<MsgType> {
    let wants = [wanted.bid, wanted.offer];
    let changed = |side: &usize| wants[*side] && before[*side] != now[*side];
    let count = (0..2).filter(changed).count();
    if count == 0 {
        return None;
    }
    let mut body = Body::new(out);
    body.text(262, id.as_str()).number(268, count as u64);
    for side in (0..2).filter(changed) {
        let action = match (before[side], now[side]) {
            (None, _) => "0",
            (_, None) => "2",
            _ => "1",
        };
        body.text(279, action).text(269, SIDES[side]).text(55, instrument.symbol.as_str());
        // What is deleted is told as it was.
        if let Some(level) = now[side].or(before[side]) {
            put_level(&mut body, instrument, level);
        }
        put_time(&mut body, time);
    }
    Some(INCREMENTAL)
}

/// Writes a trade.
pub fn trade(id: ReqId, instrument: &Instrument, trade: &PublicTrade, out: &mut Vec<u8>) -> MsgType {
    let mut body = Body::new(out);
    body.text(262, id.as_str()).number(268, 1).text(279, "0").text(269, "2").number(278, trade.id.0);
    body.text(55, instrument.symbol.as_str());
    put_level(&mut body, instrument, BookLevel { price: trade.price, qty: trade.qty });
    put_time(&mut body, trade.time);
    body.text(58, if trade.aggressor == Side::Buy { "BUY" } else { "SELL" });
    INCREMENTAL
}

/// Writes the refusal of a MarketDataRequest(V).
pub(super) fn reject(echo: &Echo<'_>, refusal: &Refusal, body: &mut Body<'_>) -> MsgType {
    body.text_if(262, echo.md_req_id).text_if(281, reason(refusal.reject)).display(58, refusal);
    REJECT
}

/// MDReqRejReason(281), where the standard has one.
fn reason(reject: Reject) -> Option<&'static str> {
    Some(match reject {
        Reject::SymbolUnknown => "0",
        Reject::MdReqIdInUse => "1",
        Reject::TooManySubscriptions | Reject::Busy => "2",
        Reject::MarketDepthUnsupported => "5",
        Reject::MdUpdateTypeUnsupported => "6",
        Reject::AggregatedBookUnsupported => "7",
        Reject::MdEntryTypeUnsupported => "8",
        _ => return None,
    })
}

/// The sides that are wanted and there.
fn entries(wanted: MdEntryTypes, top: Top) -> impl Iterator<Item = (&'static str, BookLevel)> + Clone {
    let sides = SIDES.into_iter().zip([wanted.bid, wanted.offer]).zip(top);
    sides.filter(|((_, wanted), _)| *wanted).filter_map(|((side, _), level)| Some((side, level?)))
}

fn put_level(body: &mut Body<'_>, instrument: &Instrument, level: BookLevel) {
    body.price(270, level.price, instrument.price_scale).qty(271, level.qty, instrument.qty_scale);
}

/// MDEntryDate(272), MDEntryTime(273).
fn put_time(body: &mut Body<'_>, at: Nanos) {
    let mut text = Vec::with_capacity(24);
    crate::wire::fix::write_time(&mut text, at, Precision::Millis);
    let (date, time) = text.split_at(8);
    body.text(272, date).text(273, &time[1..]);
}
