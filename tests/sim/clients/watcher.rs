//! Somebody who watches the market: subscribes to books, best prices and trades, and adds up what it is told.

use super::Turn;
use super::seen::{Levels, MarketTold, Seen, check};
use super::ws_link::{Heard, Link};
use super::ws_words::{best, levels, traded_of};
use crate::venue::{TRADED, scaled};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A book as the updates add up to it.
#[derive(Clone, Debug, Default)]
struct Book {
    last: u64,
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
}

#[derive(Default)]
pub struct Watcher {
    pub link: Link,
    member: usize,
    next_id: u64,
    books: BTreeMap<usize, Book>,
    /// Trades of each subscription, so far.
    trades: BTreeMap<usize, Vec<u64>>,
}

impl Watcher {
    pub fn new(member: usize) -> Self {
        Self { member, ..Self::default() }
    }

    pub fn act(&mut self, turn: &mut Turn<'_>) {
        if self.link.conn.is_none() {
            self.books.clear();
            (0..TRADED.len()).for_each(|traded| self.trades_end(traded, turn.seen));
            return self.link.connect(self.member, turn);
        }
        match self.link.read(turn) {
            Heard::Gone => return,
            Heard::Opened => {
                for stream in ["depth", "ticker.book", "trades"] {
                    (0..TRADED.len())
                        .for_each(|traded| self.ask(&format!("{stream}.subscribe"), traded, turn));
                }
            }
            Heard::Nothing => {}
        }
        while let Some(payload) = self.link.next(turn) {
            let Ok(value) = serde_json::from_slice::<Value>(&payload) else { return };
            if let Some(event) = value.get("event") {
                self.hear(event, turn.seen);
            }
        }
        if turn.settling {
            return;
        }
        match turn.rng.below(200) {
            0 => self.link.close(turn),
            1..6 => {
                let stream = turn.rng.pick(&["depth", "ticker.book", "trades"]);
                let traded = turn.rng.index(TRADED.len());
                self.ask(&format!("{stream}.subscribe"), traded, turn);
            }
            _ => {}
        }
    }

    /// What it holds in the end is what there is.
    pub fn holds(&self) -> impl Iterator<Item = (usize, Levels, Levels)> + '_ {
        self.books.iter().map(|(traded, book)| (*traded, book.bids(), book.asks()))
    }

    fn ask(&mut self, method: &str, traded: usize, turn: &mut Turn<'_>) {
        self.next_id += 1;
        let request =
            json!({"id": self.next_id, "method": method, "params": {"symbol": TRADED[traded].symbol}});
        self.link.say(&request.to_string(), turn);
    }

    fn hear(&mut self, event: &Value, seen: &mut Seen) {
        let traded = traded_of(event);
        match event["e"].as_str() {
            Some("depthSnapshot") => {
                let book = Book {
                    last: event["lastUpdateId"].as_u64().unwrap_or(0),
                    bids: levels(&event["bids"]).into_iter().collect(),
                    asks: levels(&event["asks"]).into_iter().collect(),
                };
                self.note(traded, book, seen);
            }
            Some("depthUpdate") => self.update(traded, event, seen),
            Some("bookTicker") => {
                let number = event["u"].as_u64().unwrap_or(0);
                let (bid, ask) = (best(&event["b"], &event["B"]), best(&event["a"], &event["A"]));
                seen.market.push(MarketTold::Best(traded, number, bid, ask));
            }
            Some("trade") => self.trade(traded, event, seen),
            _ => {}
        }
    }

    fn update(&mut self, traded: usize, event: &Value, seen: &mut Seen) {
        let Some(mut book) = self.books.remove(&traded) else {
            panic!("invariant market-in-order: an update before the snapshot: {event}");
        };
        let (first, last) = (event["U"].as_u64().unwrap_or(0), event["u"].as_u64().unwrap_or(0));
        check(first == book.last + 1 && last >= first, "market-without-gaps", || {
            format!("{event} after {}", book.last)
        });
        book.last = last;
        for (side, name) in [(&mut book.bids, "b"), (&mut book.asks, "a")] {
            for (price, qty) in levels(&event[name]) {
                match qty {
                    0 => drop(side.remove(&price)),
                    _ => drop(side.insert(price, qty)),
                }
            }
        }
        self.note(traded, book, seen);
    }

    fn note(&mut self, traded: usize, book: Book, seen: &mut Seen) {
        seen.market.push(MarketTold::Book(traded, book.last, book.bids(), book.asks()));
        self.books.insert(traded, book);
    }

    fn trade(&mut self, traded: usize, event: &Value, seen: &mut Seen) {
        let number = |name: &str| event[name].as_u64().unwrap_or(0);
        let (count, trade) = (number("n"), number("t"));
        if count == 1 {
            self.trades_end(traded, seen);
        }
        let told = self.trades.entry(traded).or_default();
        told.push(trade);
        check(told.len() as u64 == count, "market-without-gaps", || format!("{event} after {told:?}"));
        let value = |name: &str| scaled(event[name].as_str().unwrap_or_default());
        let (price, qty, maker) = (value("p"), value("q"), event["m"] == true);
        seen.market.push(MarketTold::Trade(traded, number("u"), trade, price, qty, maker));
    }

    fn trades_end(&mut self, traded: usize, seen: &mut Seen) {
        if let Some(told) = self.trades.remove(&traded) {
            seen.market.push(MarketTold::Trades(traded, told));
        }
    }
}

impl Book {
    /// Best first.
    fn bids(&self) -> Vec<(i64, i64)> {
        self.bids.iter().rev().map(|(price, qty)| (*price, *qty)).collect()
    }

    fn asks(&self) -> Vec<(i64, i64)> {
        self.asks.iter().map(|(price, qty)| (*price, *qty)).collect()
    }
}
