//! `watch`: the market as it happens, over either protocol.

use super::Failure;
use super::grammar::Duration;
use super::say::{Outcome, Said, Say};
use crate::client::market::{LocalBook, MarketEvent, TopOfBook};
use crate::client::{Error, fix, ws};
use clap::Subcommand;
use std::time::Instant;

/// What to watch.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Watch {
    /// The levels of a book, whenever one of them changes.
    Depth {
        /// The instrument.
        symbol: String,
        /// At most so many a side.
        #[arg(long, value_name = "N", default_value_t = 10)]
        levels: u16,
        #[command(flatten)]
        until: Until,
    },
    /// The best bid and ask, whenever one of them changes.
    Ticker {
        /// The instrument.
        symbol: String,
        #[command(flatten)]
        until: Until,
    },
    /// Each trade.
    Trades {
        /// The instrument.
        symbol: String,
        #[command(flatten)]
        until: Until,
    },
}

/// How long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::Args)]
pub struct Until {
    /// End after so many events.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// End after so long; with --count it is a failure if there were not so many by then.
    #[arg(long = "for", value_name = "TIME")]
    time: Option<Duration>,
}

/// Events that are waited for.
struct Watching {
    left: Option<u64>,
    until: Option<Instant>,
    heard: u64,
}

impl Watch {
    fn symbol(&self) -> &str {
        match self {
            Self::Depth { symbol, .. } | Self::Ticker { symbol, .. } | Self::Trades { symbol, .. } => symbol,
        }
    }

    fn watching(&self) -> Watching {
        let (Self::Depth { until, .. } | Self::Ticker { until, .. } | Self::Trades { until, .. }) = self;
        let time = until.time.map(|time| Instant::now() + time.0);
        Watching { left: until.count, until: time, heard: 0 }
    }

    async fn subscribe(&self, market: &ws::MarketData) -> Result<u32, Error> {
        match self {
            Self::Depth { symbol, levels, .. } => market.depth(symbol, *levels).await,
            Self::Ticker { symbol, .. } => market.ticker(symbol).await,
            Self::Trades { symbol, .. } => market.trades(symbol).await,
        }
    }

    async fn unsubscribe(&self, market: &ws::MarketData) -> Result<(), Error> {
        match self {
            Self::Depth { symbol, .. } => market.end_depth(symbol).await,
            Self::Ticker { symbol, .. } => market.end_ticker(symbol).await,
            Self::Trades { symbol, .. } => market.end_trades(symbol).await,
        }
    }
}

/// Over WebSocket. A book with a gap is begun anew.
pub async fn over_websocket(client: &ws::Client, what: &Watch, say: &Say) -> Result<Outcome, Failure> {
    let mut market = client.market_data().await?;
    what.subscribe(&market).await?;
    let (mut watching, mut book) = (what.watching(), LocalBook::new(what.symbol()));
    while let Some(event) = watching.wait(market.next()).await {
        let event = event.ok_or_else(|| Failure::from(Error::Closed(client.why_closed())))?;
        match book.apply(&event) {
            Ok(true) => watching.heard(&Said::book(what.symbol(), &book), say)?,
            Ok(false) => watching.heard_event(&event, say)?,
            Err(_) => drop(what.subscribe(&market).await?),
        }
    }
    what.unsubscribe(&market).await?;
    watching.finish()
}

/// Over FIX, which has the top of the book and trades.
pub async fn over_fix(session: &fix::Session, what: &Watch, say: &Say) -> Result<Outcome, Failure> {
    let topics = match what {
        Watch::Depth { .. } => {
            let why = "FIX has the top of a book, not its levels: watch ticker, or leave out --protocol fix";
            return Err(Failure::Usage(why.to_owned()));
        }
        Watch::Ticker { .. } => fix::Topics { top: true, trades: false },
        Watch::Trades { .. } => fix::Topics { top: false, trades: true },
    };
    let mut market = session.market_data().await?;
    let id = market.subscribe(&[what.symbol()], topics).await?;
    let mut watching = what.watching();
    while let Some(report) = watching.wait(market.next()).await {
        match heard(report)? {
            // A subscription to trades alone begins with a book that tells nothing.
            MarketEvent::Top(_) if topics.trades => {}
            event => watching.heard_event(&event, say)?,
        }
    }
    market.unsubscribe(&id).await?;
    watching.finish()
}

/// The top of a book as it is now, over FIX.
pub async fn top_over_fix(session: &fix::Session, symbol: &str) -> Result<TopOfBook, Failure> {
    let mut market = session.market_data().await?;
    market.snapshot(&[symbol]).await?;
    match heard(market.next().await)? {
        MarketEvent::Top(top) => Ok(top),
        other => Err(Error::Protocol(format!("no answer to what was asked: {other:?}")).into()),
    }
}

fn heard(report: Option<fix::MarketReport>) -> Result<MarketEvent, Failure> {
    match report {
        Some(fix::MarketReport::Event { event, .. }) => Ok(event),
        Some(fix::MarketReport::Refused { error, .. }) => Err(Error::Refused(error).into()),
        None => Err(Error::Closed("the connection ended".to_owned()).into()),
    }
}

impl Watching {
    /// What `next` brings; `None` when there were as many as were wanted or the time is over.
    async fn wait<T>(&self, next: impl Future<Output = T>) -> Option<T> {
        match self.until {
            _ if self.left == Some(0) => None,
            Some(until) => tokio::time::timeout_at(until.into(), next).await.ok(),
            None => Some(next.await),
        }
    }

    fn heard_event(&mut self, event: &MarketEvent, say: &Say) -> Result<(), Failure> {
        match event {
            MarketEvent::Top(top) => self.heard(&Said::top(top), say),
            MarketEvent::Trade(trade) => self.heard(&Said::market_trade(trade), say),
            MarketEvent::Snapshot(_) | MarketEvent::Update(_) => Ok(()),
        }
    }

    fn heard(&mut self, said: &Said, say: &Say) -> Result<(), Failure> {
        self.heard += 1;
        self.left = self.left.map(|left| left - 1);
        say.say(said)
    }

    fn finish(self) -> Result<Outcome, Failure> {
        match self.left {
            Some(left) if left > 0 => {
                let wanted = self.heard + left;
                Err(Failure::Unmet(format!("heard {} of {wanted} events in time", self.heard)))
            }
            _ => Ok(Outcome::default()),
        }
    }
}
