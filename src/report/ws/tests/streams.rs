//! Streams: the private one, and market data.

use super::*;

/// The examples of the page.
pub(super) fn written() -> Vec<(&'static str, String)> {
    [private(), subscriptions(), events()].concat()
}

fn private() -> Vec<(&'static str, String)> {
    vec![
        (
            "userDataStream.subscribe response",
            said(|r, out| r.subscribed_to(&to("stream-1", &[]), 0, &places(11), out)),
        ),
        ("streamHeartbeat event", said(|r, out| r.stream_heartbeat(0, &places(12), NOW, out))),
        (
            "eventStreamTerminated event",
            said(|r, out| r.stream_terminated(0, &Refusal::bound(Reject::StreamTooOld, 262_144), NOW, out)),
        ),
    ]
}

fn places(number: u64) -> [StreamPosition; 1] {
    [StreamPosition { account: AccountId(1), shard: ShardId(0), number: ApplSeqNum(number) }]
}

fn subscriptions() -> Vec<(&'static str, String)> {
    let begun = |id, number| said(|r, out| r.subscribed(&to(id, &[]), number, out));
    let ended = |id| said(|r, out| r.empty(&to(id, &[]), out));
    vec![
        ("depth.subscribe response", begun("stream-3", 1)),
        ("ticker.book.subscribe response", begun("stream-4", 2)),
        ("trades.subscribe response", begun("stream-5", 3)),
        ("depth.unsubscribe response", ended("stream-6")),
        ("ticker.book.unsubscribe response", ended("stream-7")),
        ("trades.unsubscribe response", ended("stream-8")),
    ]
}

fn events() -> Vec<(&'static str, String)> {
    let to = |number, stream| Subscribed { number, stream, instrument: BTC_USD };
    let level = |price, qty| [BookLevel { price: Price(price), qty: Qty(qty) }];
    let (bids, gone, asks) = (level(6_000_010, 3_000), level(6_000_010, 0), level(6_000_100, 12_500));
    let (first, last) = (Some(Seq(4712)), Seq(4715));
    let book = Levels { first: None, last: Seq(4711), time: NOW, bids: &bids, asks: &asks };
    let update = Levels { first, last, bids: &gone, ..book };
    let ticker = Levels { first, last, ..book };
    let trade = PublicTrade {
        id: TradeId(99),
        price: Price(6_000_010),
        qty: Qty(2_000),
        aggressor: Side::Sell,
        time: NOW,
        seq: last,
    };
    let (depth, best, trades) = (MarketStream::Depth, MarketStream::Ticker, MarketStream::Trades);
    vec![
        ("depthSnapshot event", said(|r, out| r.levels(&to(1, depth), &book, out))),
        ("depthUpdate event", said(|r, out| r.levels(&to(1, depth), &update, out))),
        ("bookTicker event", said(|r, out| r.levels(&to(2, best), &ticker, out))),
        ("trade event", said(|r, out| r.trade(&to(3, trades), &trade, 1, out))),
    ]
}
