//! What the public hears of a market.

use super::ids::{InstrumentId, Seq, TradeId};
use super::order::Side;
use super::price::{Price, Qty};
use super::time::Nanos;

/// What a WebSocket client subscribes to, of one instrument at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketStream {
    /// `depth.subscribe`: the levels of its book.
    Depth,
    /// `ticker.book.subscribe`: the best of each side.
    Ticker,
    /// `trades.subscribe`: each trade.
    Trades,
}

/// A stream that a connection has subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// `subscriptionId`.
    pub number: u32,
    /// Of what.
    pub stream: MarketStream,
    /// Where.
    pub instrument: InstrumentId,
}

/// A trade as the public hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicTrade {
    /// Its number: unique per environment.
    pub id: TradeId,
    /// The maker's price.
    pub price: Price,
    /// How much.
    pub qty: Qty,
    /// The side of the order that took.
    pub aggressor: Side,
    /// When it was sequenced.
    pub time: Nanos,
    /// The step that made it: the update id of the book after it.
    pub seq: Seq,
}
