//! Market data as a client hears it, the same over both protocols.
//!
//! ```text
//!   ws::Client::market_data ─► depth, ticker, trades ─► MarketEvent ─► LocalBook
//!   fix::Client::market_data ─► top of the book, trades ─► MarketEvent
//! ```

mod book;

pub use book::{BookError, LocalBook};

use crate::types::{Decimal, Nanos, Side, TradeId};

/// Price and quantity.
pub type Level = (Decimal, Decimal);

/// What the venue tells of a market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarketEvent {
    /// The book as it is: the beginning of a `depth` subscription.
    Snapshot(DepthSnapshot),
    /// What has changed in it since.
    Update(DepthUpdate),
    /// The best of each side, whenever it changes.
    Top(TopOfBook),
    /// A trade.
    Trade(MarketTrade),
}

/// The best levels of a book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepthSnapshot {
    /// Symbol(55).
    pub symbol: String,
    /// The last update that is in it.
    pub last_update_id: u64,
    /// When that was.
    pub time: Nanos,
    /// Who buys, best first.
    pub bids: Vec<Level>,
    /// Who sells, best first.
    pub asks: Vec<Level>,
}

/// What leads from one state of a book to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepthUpdate {
    /// Symbol(55).
    pub symbol: String,
    /// The first update that is in it: one after the last that was told.
    pub first_update_id: u64,
    /// The last one.
    pub last_update_id: u64,
    /// When that was.
    pub time: Nanos,
    /// Levels that have changed; zero: the level is gone.
    pub bids: Vec<Level>,
    /// The same of the other side.
    pub asks: Vec<Level>,
}

/// The best of each side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopOfBook {
    /// Symbol(55).
    pub symbol: String,
    /// The last update that is in it; FIX does not tell.
    pub update_id: Option<u64>,
    /// When it was told.
    pub time: Nanos,
    /// `None`: nobody buys.
    pub bid: Option<Level>,
    /// `None`: nobody sells.
    pub ask: Option<Level>,
}

/// A trade as the public hears of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketTrade {
    /// Symbol(55).
    pub symbol: String,
    /// Its number: the same in the reports of both sides.
    pub id: TradeId,
    /// Its place in the subscription, from 1; FIX does not tell.
    pub number: Option<u64>,
    /// The update of the book that it was; FIX does not tell.
    pub update_id: Option<u64>,
    /// The price of the order that rested.
    pub price: Decimal,
    /// How much.
    pub qty: Decimal,
    /// The side of the order that took.
    pub aggressor: Side,
    /// When it was sequenced.
    pub time: Nanos,
}

impl MarketEvent {
    /// Which instrument.
    pub fn symbol(&self) -> &str {
        match self {
            Self::Snapshot(DepthSnapshot { symbol, .. })
            | Self::Update(DepthUpdate { symbol, .. })
            | Self::Top(TopOfBook { symbol, .. })
            | Self::Trade(MarketTrade { symbol, .. }) => symbol,
        }
    }
}
