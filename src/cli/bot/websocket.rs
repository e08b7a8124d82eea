//! The actions over WebSocket.

use super::grammar::{Action, Market, Place};
use super::home::Home;
use super::say::{Outcome, Said, Say};
use super::{Failure, Options};
use crate::client::ws::{self, Endpoint, Event, Events, OrderState, Recovery, Timed};
use crate::client::{Error, ExecutionReport, NewOrder};
use crate::types::Nanos;
use crate::wire::json::words::status;
use std::time::{Duration, Instant};

/// A session that is logged on, and goes on when its connection ends.
pub struct Session {
    session: ws::Session,
    events: Events,
    account: Option<String>,
}

impl Session {
    /// Connects and logs on. Executions are listened to from here on.
    pub async fn open(options: &Options, home: &Home) -> Result<Self, Failure> {
        let endpoint = Endpoint {
            url: home.url.clone(),
            tls: home.tls.clone(),
            key: home.key.clone(),
            options: ws::Options { timeout: options.timeout.0, ..ws::Options::default() },
        };
        let recovery = Recovery { give_up: options.timeout.0, ..Recovery::default() };
        let (session, events) = ws::Session::connect(endpoint, recovery).await.map_err(Failure::NoSession)?;
        Ok(Self { session, events, account: options.account.clone() })
    }

    /// Does one action.
    pub async fn act(&mut self, action: &Action, say: &Say) -> Result<Outcome, Failure> {
        match action {
            Action::Place(place) if place.test => {
                let order = order(place, self.account.as_deref())?;
                self.session.client().await?.test(&order).await?;
                say.say(&Said::tested(&order.symbol))?;
                Ok(Outcome::default())
            }
            Action::Place(place) => {
                let order = order(place, self.account.as_deref())?;
                settled("placed", &self.session.place(&order).await?, say)
            }
            Action::Cancel { symbol, order, id, .. } => {
                let canceled = self.session.cancel_named(symbol, order.name(), id.clone()).await?;
                settled("canceled", &canceled, say)
            }
            Action::Amend { symbol, order, qty, id } => {
                let amended = self.session.amend(symbol, order.name(), *qty, id.clone()).await?;
                let said = Said::amended(&amended.answer);
                say.say(&said.timed(amended.round_trip, amended.repeated))?;
                Ok(Outcome { word: Some(status(amended.answer.order.status).to_owned()) })
            }
            Action::CancelAll { symbol, side } => {
                let canceled = self.session.cancel_all(symbol.as_deref(), *side).await?;
                for order in &canceled.answer.orders {
                    say.say(&Said::order("canceled", order))?;
                }
                let said = Said::count("cancel-all", canceled.answer.count, "canceled");
                say.say(&said.timed(canceled.round_trip, canceled.repeated))?;
                Ok(Outcome::default())
            }
            Action::Account | Action::Trades { .. } | Action::Status { .. } | Action::Orders { .. } => {
                self.ask(action, say).await
            }
            Action::Follow { count, time } => self.follow(*count, time.map(|time| time.0), say).await,
            Action::Market { what } => self.look(what, say).await,
            // The run itself sees to these.
            Action::Wait { .. } | Action::Expect { .. } => Ok(Outcome::default()),
        }
    }

    /// What the account asks about itself.
    async fn ask(&self, action: &Action, say: &Say) -> Result<Outcome, Failure> {
        let client = self.session.client().await?;
        match action {
            Action::Account => say.say(&Said::account(&client.account(self.account.as_deref()).await?))?,
            Action::Trades { symbol, limit } => {
                let trades = client.trades(symbol, *limit).await?;
                trades.iter().try_for_each(|trade| say.say(&Said::trade(trade)))?;
                say.say(&Said::count("trades", trades.len() as u64, "trades"))?;
            }
            Action::Status { symbol, order } => {
                let state = client.status(symbol, order.name()).await?;
                say.say(&Said::order("status", &state))?;
                return Ok(outcome(&state));
            }
            Action::Orders { symbol } => {
                let orders = client.open_orders(symbol.as_deref()).await?;
                orders.iter().try_for_each(|order| say.say(&Said::order("open", order)))?;
                say.say(&Said::count("orders", orders.len() as u64, "open"))?;
            }
            _ => {}
        }
        Ok(Outcome::default())
    }

    /// Says goodbye.
    pub async fn close(self) {
        self.session.close().await;
    }

    async fn follow(
        &mut self,
        count: Option<u64>,
        time: Option<Duration>,
        say: &Say,
    ) -> Result<Outcome, Failure> {
        let mut following = Following::new(count, time);
        while !following.is_done() {
            match following.wait(self.events.next()).await {
                Some(Some(Event::Execution(report))) => following.heard(&report, say)?,
                Some(Some(Event::Ended { why })) => return Err(Error::Closed(why).into()),
                Some(Some(event)) => {
                    if let Some(said) = Said::event(&event) {
                        say.say(&said)?;
                    }
                }
                Some(None) => return Err(Error::Closed("the session is over".to_owned()).into()),
                None => break,
            }
        }
        following.finish()
    }

    async fn look(&self, what: &Market, say: &Say) -> Result<Outcome, Failure> {
        let client = self.session.client().await?;
        let said = match what {
            Market::Depth { symbol, levels } => Said::depth(symbol, &client.depth(symbol, *levels).await?),
            Market::Ticker { symbol } => Said::ticker(&client.book_ticker(symbol).await?),
            Market::Time => {
                let asked = Instant::now();
                let venue = client.time().await?;
                Said::time(venue, now(), asked.elapsed())
            }
        };
        say.say(&said)?;
        Ok(Outcome::default())
    }
}

/// Executions that are waited for: so many, or so long.
pub struct Following {
    left: Option<u64>,
    until: Option<Instant>,
    heard: u64,
    last: Option<&'static str>,
}

impl Following {
    /// Until the count is full or the time is over; without both for ever.
    pub fn new(count: Option<u64>, time: Option<Duration>) -> Self {
        Self { left: count, until: time.map(|time| Instant::now() + time), heard: 0, last: None }
    }

    /// Whether there were as many as were wanted.
    pub fn is_done(&self) -> bool {
        self.left == Some(0)
    }

    /// What `next` brings; `None` when the time is over.
    pub async fn wait<T>(&self, next: impl Future<Output = T>) -> Option<T> {
        match self.until {
            Some(until) => tokio::time::timeout_at(until.into(), next).await.ok(),
            None => Some(next.await),
        }
    }

    /// Says one.
    pub fn heard(&mut self, report: &ExecutionReport, say: &Say) -> Result<(), Failure> {
        self.heard += 1;
        self.left = self.left.map(|left| left - 1);
        self.last = Some(status(report.status));
        say.say(&Said::execution("execution", report))
    }

    /// The end: a failure if there were less than were wanted.
    pub fn finish(self) -> Result<Outcome, Failure> {
        match self.left {
            Some(left) if left > 0 => {
                let wanted = self.heard + left;
                Err(Failure::Unmet(format!("heard {} of {wanted} executions in time", self.heard)))
            }
            _ => Ok(Outcome { word: self.last.map(str::to_owned) }),
        }
    }
}

/// The order that the words mean.
pub fn order(place: &Place, account: Option<&str>) -> Result<NewOrder, Failure> {
    let price = place.price().map_err(Failure::Usage)?;
    let mut order = match price {
        Some(price) if place.post_only => NewOrder::limit_maker(&place.symbol, place.side, place.qty, price),
        Some(price) => NewOrder::limit(&place.symbol, place.side, place.qty, price),
        None => NewOrder::market(&place.symbol, place.side, place.qty),
    };
    if let Some(tif) = place.tif {
        order.time_in_force = Some(tif);
    }
    order.smp = place.smp;
    order.cl_ord_id.clone_from(&place.id);
    order.account = account.map(str::to_owned);
    Ok(order)
}

fn settled(what: &'static str, timed: &Timed<OrderState>, say: &Say) -> Result<Outcome, Failure> {
    say.say(&Said::order(what, &timed.answer).timed(timed.round_trip, timed.repeated))?;
    Ok(outcome(&timed.answer))
}

fn outcome(order: &OrderState) -> Outcome {
    Outcome { word: Some(status(order.status).to_owned()) }
}

fn now() -> Nanos {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
