//! What is said of the market.

use super::{Said, side};
use crate::client::market::{Level, LocalBook, MarketTrade, TopOfBook};
use crate::types::Decimal;
use serde_json::{Value, json};

impl Said {
    /// A book that is watched, as it is now.
    pub fn book(symbol: &str, book: &LocalBook) -> Self {
        let (bids, asks): (Vec<Level>, Vec<Level>) =
            (book.bids().copied().collect(), book.asks().copied().collect());
        let last = book.last_update_id().unwrap_or_default();
        Self::levels(symbol, last, &bids, &asks)
    }

    /// The levels of a book.
    pub fn levels(symbol: &str, last: u64, bids: &[Level], asks: &[Level]) -> Self {
        let side = |name: &str, levels: &[Level]| -> Vec<String> {
            levels.iter().map(|(price, qty)| format!("  {name} {qty} @ {price}")).collect()
        };
        let mut lines = vec![format!("depth: {symbol} at {last}")];
        // As traders read it: the spread in the middle.
        lines.extend(side("ask", asks).into_iter().rev());
        lines.extend(side("bid", bids));
        let values = |levels: &[Level]| -> Value {
            levels.iter().map(|(price, qty)| json!([price.to_string(), qty.to_string()])).collect()
        };
        let (bids, asks) = (values(bids), values(asks));
        let json =
            json!({"action": "depth", "symbol": symbol, "lastUpdateId": last, "bids": bids, "asks": asks});
        Self { text: lines.join("\n"), json }
    }

    /// The best of a book; zero where there is nothing.
    pub fn top(top: &TopOfBook) -> Self {
        let word = |level: &Option<Level>| {
            level.map_or_else(|| "nothing".to_owned(), |(price, qty)| format!("{qty} @ {price}"))
        };
        let number = |number: Option<Decimal>| number.map_or_else(|| "0".to_owned(), |n| n.to_string());
        let price = |level: &Option<Level>| number(level.map(|(price, _)| price));
        let qty = |level: &Option<Level>| number(level.map(|(_, qty)| qty));
        Self {
            text: format!("ticker: {} bid {}, ask {}", top.symbol, word(&top.bid), word(&top.ask)),
            json: json!({
                "action": "ticker", "symbol": top.symbol, "bidPrice": price(&top.bid), "bidQty": qty(&top.bid),
                "askPrice": price(&top.ask), "askQty": qty(&top.ask),
            }),
        }
    }

    /// A trade of the market.
    pub fn market_trade(trade: &MarketTrade) -> Self {
        let (taker, qty, price, id) = (side(trade.aggressor), trade.qty, trade.price, trade.id.0);
        Self {
            text: format!("traded: {qty} {} @ {price}, the taker did {taker}, trade {id}", trade.symbol),
            json: json!({
                "action": "traded", "symbol": trade.symbol, "qty": qty.to_string(), "price": price.to_string(),
                "takerSide": taker.to_uppercase(), "tradeId": id, "time": trade.time.as_millis(),
            }),
        }
    }
}
