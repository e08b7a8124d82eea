//! The actions over WebSocket.

use super::follow::{Following, follow};
use super::grammar::{Action, Market, Place};
use super::home::Home;
use super::say::{Outcome, Said, Say};
use super::{Failure, Options, watch};
use crate::client::ws::{self, Endpoint, Events, OrderState};
use crate::client::{NewOrder, Recovery, Timed};
use crate::types::{Nanos, Span, TimeInForce};
use crate::wire::json::words::status;
use std::time::Instant;

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
            options: ws::Options {
                timeout: options.timeout.0,
                cancel_on: options.cancel_on,
                cancel_grace: options.cancel_grace.map(|grace| grace.0),
                ..ws::Options::default()
            },
        };
        let recovery = Recovery { give_up: options.timeout.0, ..Recovery::default() };
        let (session, events) = ws::Session::connect(endpoint, recovery).await.map_err(Failure::NoSession)?;
        let session = session.for_account(options.account.as_deref());
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
                let said = Said::amended(&amended.answer.order, Some(amended.answer.kept_priority));
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
            Action::Follow { count, time } => {
                let following = Following::new(*count, time.map(|time| time.0));
                follow(&mut self.events, following, say).await
            }
            Action::Market { what } => self.look(what, say).await,
            Action::Watch { what } => watch::over_websocket(&self.session.client().await?, what, say).await,
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
    if let Some(time) = place.gtd {
        order.time_in_force = Some(TimeInForce::Gtd);
        order.expire = Some(now() + Span::from_millis(u64::try_from(time.0.as_millis()).unwrap_or(u64::MAX)));
    }
    order.reduce_only = place.reduce_only;
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
