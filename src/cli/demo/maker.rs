//! The market maker: quotes both sides of every instrument over FIX, each order signed.
//!
//! ```text
//!   quote:  none ──place──► asked ──New──► open ──price moved: cancel──► leaving ──Canceled──► none
//!                             └──Rejected──► none   └──Filled──► none        └──Filled──► none
//! ```
//!
//! A side without a quote gets a new one at once. Every 20 ms the fair prices move, and quotes that are too far away
//! go.

use super::check::is_of_shard;
use super::market::{Chance, Market};
use super::witness::{Testimony, Witness};
use crate::client::fix::{Client, Received, Report, Reports};
use crate::client::{Error, ExecutionReport, NewOrder};
use crate::types::{ExecType, OrdStatus, Side};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How often prices move.
const BEAT: Duration = Duration::from_millis(20);

/// How long the end may take: all quotes canceled and everything answered.
const END_MAX: Duration = Duration::from_secs(10);

/// The market maker, logged on.
pub struct Maker {
    client: Client,
    reports: Reports,
    witness: Witness,
    markets: Vec<Market>,
    /// Two a market: bid, then ask.
    quotes: Vec<Option<Quote>>,
    /// When the requests were sent that wait for their answer.
    waiting: HashMap<String, Instant>,
    chance: Chance,
    prefix: String,
    count: u64,
}

/// An order on one side of one market.
struct Quote {
    cl_ord_id: String,
    ticks: i64,
    is_open: bool,
    is_leaving: bool,
}

const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

impl Maker {
    /// A maker of these markets.
    pub fn new(
        (client, reports): (Client, Reports),
        witness: Witness,
        markets: Vec<Market>,
        chance: Chance,
        prefix: String,
    ) -> Self {
        let quotes = markets.iter().flat_map(|_| [None, None]).collect();
        Self { client, reports, witness, markets, quotes, waiting: HashMap::new(), chance, prefix, count: 0 }
    }

    /// Quotes until `stop` says so, then leaves no order behind and says what it saw. `open` is told when every side
    /// has its quote.
    pub async fn run(
        mut self,
        open: watch::Sender<bool>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<Testimony, Error> {
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !*stop.borrow() {
            self.fill_gaps().await?;
            tokio::select! {
                received = self.reports.next() => self.hear(received)?,
                _ = beat.tick() => self.move_prices().await?,
                _ = stop.changed() => {}
            }
            if self.quotes.iter().all(|quote| quote.as_ref().is_some_and(|quote| quote.is_open)) {
                open.send_replace(true);
            }
        }
        self.end().await?;
        Ok(self.witness.testify())
    }

    async fn fill_gaps(&mut self) -> Result<(), Error> {
        for slot in 0..self.quotes.len() {
            if self.quotes[slot].is_none() {
                self.quote(slot).await?;
            }
        }
        Ok(())
    }

    async fn quote(&mut self, slot: usize) -> Result<(), Error> {
        let (market, side) = (&self.markets[slot / 2], SIDES[slot % 2]);
        let ticks = target(market, side);
        let cl_ord_id = self.next_id();
        let market = &self.markets[slot / 2];
        let lots = market.quote_lots();
        let order = NewOrder::limit(&market.symbol, side, market.qty(lots), market.price(ticks));
        self.witness.order_sent(&cl_ord_id);
        let sent = self.client.place(&order.named(&cl_ord_id)).await?;
        self.waiting.insert(cl_ord_id.clone(), sent.at);
        self.quotes[slot] = Some(Quote { cl_ord_id, ticks, is_open: false, is_leaving: false });
        Ok(())
    }

    async fn move_prices(&mut self) -> Result<(), Error> {
        for market in &mut self.markets {
            market.wander(&mut self.chance);
        }
        for slot in 0..self.quotes.len() {
            let market = &self.markets[slot / 2];
            let away = |quote: &Quote| (quote.ticks - target(market, SIDES[slot % 2])).abs();
            let far = self.quotes[slot].as_ref().is_some_and(|quote| away(quote) > market.half_spread() / 2);
            if far {
                self.cancel(slot).await?;
            }
        }
        Ok(())
    }

    async fn cancel(&mut self, slot: usize) -> Result<(), Error> {
        let cancel_id = self.next_id();
        let Some(quote) = self.quotes[slot].as_mut().filter(|quote| quote.is_open && !quote.is_leaving)
        else {
            return Ok(());
        };
        quote.is_leaving = true;
        let (symbol, order) = (self.markets[slot / 2].symbol.as_str(), quote.cl_ord_id.clone());
        self.witness.cancel_sent(&cancel_id);
        let sent = self.client.cancel(symbol, SIDES[slot % 2], order, Some(cancel_id.clone())).await?;
        self.waiting.insert(cancel_id, sent.at);
        Ok(())
    }

    fn hear(&mut self, received: Option<Received>) -> Result<(), Error> {
        let Some(Received { report, at, possible_duplicate, .. }) = received else {
            return Err(Error::Closed(self.client.why_closed()));
        };
        match report {
            // What an earlier run did not hear of: not ours.
            Report::Execution(report) if possible_duplicate && !self.is_ours(&report) => {}
            Report::Execution(report) => self.executed(&report, at),
            Report::CancelRejected(rejected) => {
                let round_trip = self.round_trip(&rejected.cl_ord_id, at);
                self.witness.refused(&rejected.cl_ord_id, rejected.reject(), round_trip);
                // It traded in the meantime, or may be canceled at the next beat.
                let quote = self.quotes.iter_mut().flatten();
                quote
                    .filter(|quote| quote.cl_ord_id == rejected.orig_cl_ord_id)
                    .for_each(|q| q.is_leaving = false);
            }
            Report::Refused(refused) => {
                let cl_ord_id = refused.cl_ord_id.clone().unwrap_or_default();
                let round_trip = self.round_trip(&cl_ord_id, at);
                self.witness.refused(&cl_ord_id, refused.reject(), round_trip);
                self.forget(&cl_ord_id);
            }
            other => self.witness.complain(format!("nothing that it asked for: {other:?}")),
        }
        Ok(())
    }

    fn is_ours(&self, report: &ExecutionReport) -> bool {
        report.entered_as().starts_with(&self.prefix)
    }

    fn executed(&mut self, report: &ExecutionReport, at: Instant) {
        match report.exec_type {
            ExecType::Rejected => {
                let round_trip = self.round_trip(&report.cl_ord_id, at);
                self.witness.refused(&report.cl_ord_id, report.reject(), round_trip);
                if is_of_shard(report.reject()) {
                    self.witness.heard(report);
                }
                return self.forget(&report.cl_ord_id);
            }
            ExecType::New | ExecType::Canceled => {
                if let (Some(order), true) = (report.order_id, self.waiting.contains_key(&report.cl_ord_id)) {
                    let round_trip = self.round_trip(&report.cl_ord_id, at);
                    self.witness.accepted(&report.cl_ord_id, order, round_trip);
                }
            }
            ExecType::Trade | ExecType::Expired | ExecType::Replaced | ExecType::Prevented => {}
        }
        self.witness.heard(report);
        match report.status {
            OrdStatus::New => {
                let mine = self.quotes.iter_mut().flatten().find(|quote| quote.cl_ord_id == report.cl_ord_id);
                if let Some(quote) = mine {
                    quote.is_open = true;
                }
            }
            OrdStatus::PartiallyFilled => {}
            _ => self.forget(report.entered_as()),
        }
    }

    /// The quote is gone.
    fn forget(&mut self, cl_ord_id: &str) {
        for quote in &mut self.quotes {
            if quote.as_ref().is_some_and(|quote| quote.cl_ord_id == cl_ord_id) {
                *quote = None;
            }
        }
    }

    fn round_trip(&mut self, cl_ord_id: &str, at: Instant) -> Duration {
        self.waiting.remove(cl_ord_id).map_or(Duration::ZERO, |sent| at.saturating_duration_since(sent))
    }

    /// Cancels every quote and waits for the last answer. The bots have ended before, so the report that closes an
    /// order is the last one of it.
    async fn end(&mut self) -> Result<(), Error> {
        let deadline = tokio::time::Instant::now() + END_MAX;
        while self.quotes.iter().any(Option::is_some) || !self.waiting.is_empty() {
            for slot in 0..self.quotes.len() {
                self.cancel(slot).await?;
            }
            match tokio::time::timeout_at(deadline, self.reports.next()).await {
                Ok(received) => self.hear(received)?,
                Err(_) => {
                    let (quotes, waiting) = (self.quotes.iter().flatten().count(), self.waiting.len());
                    self.witness.complain(format!(
                        "{quotes} quotes are left and {waiting} requests unanswered after {END_MAX:?}"
                    ));
                    break;
                }
            }
        }
        self.client.logout().await;
        while let Some(received) = self.reports.try_next() {
            self.hear(Some(received))?;
        }
        Ok(())
    }

    fn next_id(&mut self) -> String {
        self.count += 1;
        format!("{}{}", self.prefix, self.count)
    }
}

/// Where a quote belongs, in ticks.
fn target(market: &Market, side: Side) -> i64 {
    match side {
        Side::Buy => market.fair() - market.half_spread(),
        Side::Sell => market.fair() + market.half_spread(),
    }
}
