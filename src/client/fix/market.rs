//! Market data over FIX: the top of books, and trades.

use super::driver::Order;
use super::{Client, Error};
use crate::client::error::ApiError;
use crate::client::market::{Level, MarketEvent, MarketTrade, TopOfBook};
use crate::types::{Decimal, Nanos, Side, TradeId};
use crate::wire::fix::{Message, PutFields, parse_time, tag};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;

/// Events that may wait for their reader; above it the connection ends. Nothing is dropped silently.
const EVENTS_WAITING_MAX: usize = 65_536;

/// What to hear of some instruments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topics {
    /// The best of each side.
    pub top: bool,
    /// Trades.
    pub trades: bool,
}

/// What is told of a MarketDataRequest(V).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarketReport {
    /// A book or a trade.
    Event {
        /// MDReqID(262).
        id: String,
        /// What happened.
        event: MarketEvent,
    },
    /// MarketDataRequestReject(Y).
    Refused {
        /// MDReqID(262).
        id: String,
        /// Why.
        error: ApiError,
    },
}

/// The market data of a connection. Its subscriptions end with it: ask again on the next one.
pub struct MarketData {
    client: Client,
    reports: mpsc::Receiver<MarketReport>,
}

impl Client {
    /// The market data of this connection; what was asked for before is told here from now on.
    pub async fn market_data(&self) -> Result<MarketData, Error> {
        let (to, reports) = mpsc::channel(EVENTS_WAITING_MAX);
        self.command(Order::DeliverMarket(to)).await?;
        Ok(MarketData { client: self.clone(), reports })
    }
}

impl MarketData {
    /// Asks for the market of some instruments as it is now and from now on; the MDReqID(262). The answers come by
    /// [`MarketData::next`]: first the top of each book as it is, if that is wanted, or why not.
    pub async fn subscribe(&self, symbols: &[&str], topics: Topics) -> Result<String, Error> {
        self.ask(b"1", symbols, topics).await
    }

    /// Asks for the top of some books as they are now.
    pub async fn snapshot(&self, symbols: &[&str]) -> Result<String, Error> {
        self.ask(b"0", symbols, Topics { top: true, trades: false }).await
    }

    /// Ends a subscription. What was on its way still comes.
    pub async fn unsubscribe(&self, id: &str) -> Result<(), Error> {
        // The standard wants the groups; the venue goes by the name.
        let mut body = Vec::with_capacity(64);
        body.put(tag::MD_REQ_ID, id.as_bytes());
        body.put(tag::SUBSCRIPTION_REQUEST_TYPE, b"2");
        body.put(tag::MARKET_DEPTH, b"1");
        put_group(&mut body, tag::NO_MD_ENTRY_TYPES, tag::MD_ENTRY_TYPE, &["0"]);
        put_group(&mut body, tag::NO_RELATED_SYM, tag::SYMBOL, &["NONE"]);
        self.client.send_marked(b"V", body, id.to_owned(), false).await.map(drop)
    }

    /// The next report; `None` once the connection has ended.
    pub async fn next(&mut self) -> Option<MarketReport> {
        self.reports.recv().await
    }

    /// The next report that has arrived already.
    pub fn try_next(&mut self) -> Option<MarketReport> {
        self.reports.try_recv().ok()
    }

    async fn ask(&self, request: &[u8], symbols: &[&str], topics: Topics) -> Result<String, Error> {
        let number = self.client.next_id.fetch_add(1, Ordering::Relaxed);
        let id = format!("{}m{number}", self.client.id_prefix);
        let top = if topics.top { &["0", "1"][..] } else { &[] };
        let entries: Vec<&str> = top.iter().copied().chain(topics.trades.then_some("2")).collect();
        let mut body = Vec::with_capacity(128);
        body.put(tag::MD_REQ_ID, id.as_bytes());
        body.put(tag::SUBSCRIPTION_REQUEST_TYPE, request);
        body.put(tag::MARKET_DEPTH, b"1");
        body.put(tag::MD_UPDATE_TYPE, b"1");
        put_group(&mut body, tag::NO_MD_ENTRY_TYPES, tag::MD_ENTRY_TYPE, &entries);
        put_group(&mut body, tag::NO_RELATED_SYM, tag::SYMBOL, symbols);
        self.client.send_marked(b"V", body, id.clone(), false).await?;
        Ok(id)
    }
}

fn put_group(body: &mut Vec<u8>, count: u32, tag: u32, values: &[&str]) {
    body.put_uint(count, values.len() as u64);
    values.iter().for_each(|value| body.put(tag, value.as_bytes()));
}

/// Who hears of market data, and the tops that changes are changes of.
pub(super) struct Ear {
    to: mpsc::Sender<MarketReport>,
    tops: HashMap<(String, String), TopOfBook>,
}

/// One entry of W or X.
#[derive(Default)]
struct Entry<'m> {
    action: &'m [u8],
    entry_type: &'m [u8],
    id: Option<TradeId>,
    symbol: Option<&'m [u8]>,
    price: Option<Decimal>,
    qty: Option<Decimal>,
    date: &'m [u8],
    time: &'m [u8],
    text: &'m [u8],
}

impl Ear {
    pub(super) fn new(to: mpsc::Sender<MarketReport>) -> Self {
        Self { to, tops: HashMap::new() }
    }

    /// Tells what a W, X or Y says.
    pub(super) fn hear(&mut self, message: &Message<'_>) -> Result<(), Error> {
        let id = text(message.get(tag::MD_REQ_ID).unwrap_or_default());
        match message.msg_type() {
            b"Y" => {
                let error = ApiError::of_text(text(message.get(tag::TEXT).unwrap_or_default()));
                self.tell(MarketReport::Refused { id, error })
            }
            b"W" => {
                let symbol = text(message.get(tag::SYMBOL).unwrap_or_default());
                let time = message.time(tag::SENDING_TIME).unwrap_or(Nanos(0));
                let mut top =
                    TopOfBook { symbol: symbol.clone(), update_id: None, time, bid: None, ask: None };
                for entry in entries(message, tag::MD_ENTRY_TYPE) {
                    entry.put_into(&mut top);
                }
                self.tops.insert((id.clone(), symbol), top.clone());
                self.tell(MarketReport::Event { id, event: MarketEvent::Top(top) })
            }
            _ => self.hear_changes(&id, message),
        }
    }

    fn hear_changes(&mut self, id: &str, message: &Message<'_>) -> Result<(), Error> {
        let mut changed: Vec<String> = Vec::new();
        for entry in entries(message, tag::MD_UPDATE_ACTION) {
            let symbol = text(entry.symbol.unwrap_or_default());
            if entry.entry_type == b"2" {
                if let Some(trade) = entry.trade(symbol) {
                    let event = MarketEvent::Trade(trade);
                    self.tell(MarketReport::Event { id: id.to_owned(), event })?;
                }
                continue;
            }
            if let Some(top) = self.tops.get_mut(&(id.to_owned(), symbol.clone())) {
                entry.put_into(top);
                if !changed.contains(&symbol) {
                    changed.push(symbol);
                }
            }
        }
        for symbol in changed {
            let Some(top) = self.tops.get(&(id.to_owned(), symbol)).cloned() else { continue };
            self.tell(MarketReport::Event { id: id.to_owned(), event: MarketEvent::Top(top) })?;
        }
        Ok(())
    }

    fn tell(&self, report: MarketReport) -> Result<(), Error> {
        match self.to.try_send(report) {
            // The reader was dropped: its owner wants no more of it.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => {
                Err(Error::Closed(format!("{EVENTS_WAITING_MAX} market data events were not read")))
            }
        }
    }
}

impl Entry<'_> {
    fn level(&self) -> Option<Level> {
        self.price.zip(self.qty).filter(|_| self.action != b"2")
    }

    fn at(&self) -> Option<Nanos> {
        parse_time(&[self.date, b"-", self.time].concat())
    }

    fn put_into(&self, top: &mut TopOfBook) {
        match self.entry_type {
            b"0" => top.bid = self.level(),
            b"1" => top.ask = self.level(),
            _ => {}
        }
        top.time = self.at().unwrap_or(top.time);
    }

    fn trade(&self, symbol: String) -> Option<MarketTrade> {
        Some(MarketTrade {
            symbol,
            id: self.id?,
            number: None,
            update_id: None,
            price: self.price?,
            qty: self.qty?,
            aggressor: if self.text == b"BUY" { Side::Buy } else { Side::Sell },
            time: self.at()?,
        })
    }
}

/// The entries of a message, each of which begins with the tag `first`.
fn entries<'m>(message: &Message<'m>, first: u32) -> Vec<Entry<'m>> {
    let mut entries: Vec<Entry<'m>> = Vec::new();
    for field in message.fields() {
        let value = message.value(*field);
        if field.tag == first {
            entries.push(Entry::default());
        }
        let Some(entry) = entries.last_mut() else { continue };
        let decimal = || Decimal::parse(value).ok();
        match field.tag {
            tag::MD_UPDATE_ACTION => entry.action = value,
            tag::MD_ENTRY_TYPE => entry.entry_type = value,
            tag::MD_ENTRY_ID => entry.id = text(value).parse().ok().map(TradeId),
            tag::SYMBOL => entry.symbol = Some(value),
            tag::MD_ENTRY_PX => entry.price = decimal(),
            tag::MD_ENTRY_SIZE => entry.qty = decimal(),
            tag::MD_ENTRY_DATE => entry.date = value,
            tag::MD_ENTRY_TIME => entry.time = value,
            tag::TEXT => entry.text = value,
            _ => {}
        }
    }
    entries
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
