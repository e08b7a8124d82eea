//! Market data over WebSocket: subscriptions, and the events of all of them in one stream.

use super::driver::{self, Order};
use super::messages::{Params, Subscribed};
use super::{Client, Error};
use crate::client::market::{DepthSnapshot, DepthUpdate, Level, MarketEvent, MarketTrade, TopOfBook};
use crate::client::words;
use crate::types::{Decimal, Nanos, Side, TradeId};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::sync::mpsc;

/// The market data of a connection. No logon is needed. Subscribing again to a stream begins it anew: that is what to
/// do when a [`LocalBook`](crate::client::market::LocalBook) says that it has a gap.
pub struct MarketData {
    client: Client,
    events: mpsc::Receiver<MarketEvent>,
}

impl Client {
    /// The market data of this connection; what was asked for before tells no more.
    pub async fn market_data(&self) -> Result<MarketData, Error> {
        let (to, events) = driver::market();
        self.command(Order::DeliverMarket(to)).await?;
        Ok(MarketData { client: self.clone(), events })
    }
}

impl MarketData {
    /// `depth.subscribe`: the best `levels` levels a side, 1 to 1,000. A snapshot comes first.
    pub async fn depth(&self, symbol: &str, levels: u16) -> Result<u32, Error> {
        let params = Params::default().text("symbol", symbol).number("limit", u64::from(levels));
        self.begin("depth.subscribe", params).await
    }

    /// `ticker.book.subscribe`: the best of each side.
    pub async fn ticker(&self, symbol: &str) -> Result<u32, Error> {
        self.begin("ticker.book.subscribe", Params::default().text("symbol", symbol)).await
    }

    /// `trades.subscribe`: each trade from now on.
    pub async fn trades(&self, symbol: &str) -> Result<u32, Error> {
        self.begin("trades.subscribe", Params::default().text("symbol", symbol)).await
    }

    /// `depth.unsubscribe`. Events that were on their way still come.
    pub async fn end_depth(&self, symbol: &str) -> Result<(), Error> {
        self.end("depth.unsubscribe", symbol).await
    }

    /// `ticker.book.unsubscribe`.
    pub async fn end_ticker(&self, symbol: &str) -> Result<(), Error> {
        self.end("ticker.book.unsubscribe", symbol).await
    }

    /// `trades.unsubscribe`.
    pub async fn end_trades(&self, symbol: &str) -> Result<(), Error> {
        self.end("trades.unsubscribe", symbol).await
    }

    /// The next event; `None` once the connection has ended.
    pub async fn next(&mut self) -> Option<MarketEvent> {
        self.events.recv().await
    }

    /// The next event that has arrived already.
    pub fn try_next(&mut self) -> Option<MarketEvent> {
        self.events.try_recv().ok()
    }

    async fn begin(&self, method: &str, params: Params) -> Result<u32, Error> {
        Ok(self.client.ask::<Subscribed>(method, params).await?.subscription_id)
    }

    async fn end(&self, method: &str, symbol: &str) -> Result<(), Error> {
        let params = Params::default().text("symbol", symbol);
        self.client.ask::<IgnoredAny>(method, params).await.map(drop)
    }
}

/// An event of a stream, with Binance's one-letter names.
#[derive(Deserialize)]
#[serde(tag = "e")]
enum Wire {
    #[serde(rename = "depthSnapshot", rename_all = "camelCase")]
    Snapshot {
        #[serde(rename = "s")]
        symbol: String,
        #[serde(rename = "E", deserialize_with = "words::millis")]
        time: Nanos,
        last_update_id: u64,
        #[serde(deserialize_with = "words::levels")]
        bids: Vec<Level>,
        #[serde(deserialize_with = "words::levels")]
        asks: Vec<Level>,
    },
    #[serde(rename = "depthUpdate")]
    Update {
        #[serde(rename = "s")]
        symbol: String,
        #[serde(rename = "E", deserialize_with = "words::millis")]
        time: Nanos,
        #[serde(rename = "U")]
        first: u64,
        #[serde(rename = "u")]
        last: u64,
        #[serde(rename = "b", deserialize_with = "words::levels")]
        bids: Vec<Level>,
        #[serde(rename = "a", deserialize_with = "words::levels")]
        asks: Vec<Level>,
    },
    #[serde(rename = "bookTicker")]
    Ticker {
        #[serde(rename = "s")]
        symbol: String,
        #[serde(rename = "E", deserialize_with = "words::millis")]
        time: Nanos,
        #[serde(rename = "u")]
        last: u64,
        #[serde(rename = "b", deserialize_with = "words::decimal")]
        bid: Decimal,
        #[serde(rename = "B", deserialize_with = "words::decimal")]
        bid_qty: Decimal,
        #[serde(rename = "a", deserialize_with = "words::decimal")]
        ask: Decimal,
        #[serde(rename = "A", deserialize_with = "words::decimal")]
        ask_qty: Decimal,
    },
    #[serde(rename = "trade")]
    Trade {
        #[serde(rename = "s")]
        symbol: String,
        #[serde(rename = "t", deserialize_with = "words::trade_id")]
        id: TradeId,
        #[serde(rename = "n")]
        number: u64,
        #[serde(rename = "u")]
        update: u64,
        #[serde(rename = "p", deserialize_with = "words::decimal")]
        price: Decimal,
        #[serde(rename = "q", deserialize_with = "words::decimal")]
        qty: Decimal,
        #[serde(rename = "T", deserialize_with = "words::millis")]
        time: Nanos,
        #[serde(rename = "m")]
        buyer_is_maker: bool,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Push {
    event: Wire,
}

/// The market data in a push; `None` for other events.
pub(super) fn event(text: &str) -> Result<Option<MarketEvent>, Error> {
    let push: Push =
        serde_json::from_str(text).map_err(|error| Error::Protocol(format!("an event: {error}")))?;
    let level = |price: Decimal, qty: Decimal| (qty.mantissa != 0).then_some((price, qty));
    Ok(Some(match push.event {
        Wire::Snapshot { symbol, time, last_update_id, bids, asks } => {
            MarketEvent::Snapshot(DepthSnapshot { symbol, last_update_id, time, bids, asks })
        }
        Wire::Update { symbol, time, first: first_update_id, last: last_update_id, bids, asks } => {
            let update = DepthUpdate { symbol, first_update_id, last_update_id, time, bids, asks };
            MarketEvent::Update(update)
        }
        Wire::Ticker { symbol, time, last, bid, bid_qty, ask, ask_qty } => {
            let (update_id, bid, ask) = (Some(last), level(bid, bid_qty), level(ask, ask_qty));
            MarketEvent::Top(TopOfBook { symbol, update_id, time, bid, ask })
        }
        Wire::Trade { symbol, id, number, update, price, qty, time, buyer_is_maker } => {
            let aggressor = if buyer_is_maker { Side::Sell } else { Side::Buy };
            let (number, update_id) = (Some(number), Some(update));
            MarketEvent::Trade(MarketTrade { symbol, id, number, update_id, price, qty, aggressor, time })
        }
        Wire::Other => return Ok(None),
    }))
}
