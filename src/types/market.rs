//! What the public hears of a market.

use super::ids::{InstrumentId, ReqId, Seq, TradeId};
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

/// SubscriptionRequestType(263).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionRequest {
    /// 0: the market as it is, once.
    Snapshot,
    /// 1: and what changes in it.
    Subscribe,
    /// 2: no more of that.
    Unsubscribe,
}

/// MDEntryType(269): what is told of a market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MdEntryTypes {
    /// 0: who buys.
    pub bid: bool,
    /// 1: who sells.
    pub offer: bool,
    /// 2: trades.
    pub trade: bool,
}

/// MDUpdateType(265): how changes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MdUpdateType {
    /// 0: all of what is told, anew.
    FullRefresh,
    /// 1: what is different.
    Incremental,
}

/// MarketDataRequest(V).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketDataRequest {
    /// MDReqID(262).
    pub id: ReqId,
    /// What is asked.
    pub request: SubscriptionRequest,
    /// How changes are told.
    pub update: MdUpdateType,
    /// What is told; nothing where a subscription is ended.
    pub entries: MdEntryTypes,
    /// Where, each once; nowhere where a subscription is ended.
    pub instruments: Vec<InstrumentId>,
}
