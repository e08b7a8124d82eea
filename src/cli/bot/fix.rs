//! The actions over FIX.
//!
//! An order is answered by its acceptance, and what it trades at once is told after that. So how it stands is asked
//! behind it, and an action comes to the same over both protocols.

use super::follow::{Following, follow};
use super::grammar::{Action, Market, Place};
use super::home::Home;
use super::say::{Outcome, Said, Say};
use super::websocket::order;
use super::{Failure, Options, watch};
use crate::client::fix::{self, Endpoint, Events, Standing};
use crate::client::{Amend, OrderName, Recovery, Timed};
use crate::types::{Decimal, Side};
use crate::wire::json::words::status;
use std::collections::HashMap;

/// A session that is logged on, and goes on when its connection ends.
pub struct Session {
    session: fix::Session,
    events: Events,
    account: Option<String>,
    /// The side of each order of this run, by ClOrdID and by OrderID: cancels and amendments must tell it.
    sides: HashMap<String, Side>,
}

impl Session {
    /// Connects and logs on, both sequences at 1.
    pub async fn open(options: &Options, home: &Home) -> Result<Self, Failure> {
        let endpoint = Endpoint {
            address: home.url.clone(),
            sender: home.comp_ids.0.clone(),
            target: home.comp_ids.1.clone(),
            tls: home.tls.clone(),
            key: home.key.clone(),
            options: fix::Options {
                timeout: options.timeout.0,
                cancel_on: options.cancel_on,
                cancel_grace: options.cancel_grace.map(|grace| grace.0),
                ..fix::Options::default()
            },
        };
        let recovery = Recovery { give_up: options.timeout.0, ..Recovery::default() };
        let (session, events) =
            fix::Session::connect(endpoint, recovery).await.map_err(Failure::NoSession)?;
        Ok(Self { session, events, account: options.account.clone(), sides: HashMap::new() })
    }

    /// Does one action.
    pub async fn act(&mut self, action: &Action, say: &Say) -> Result<Outcome, Failure> {
        match action {
            Action::Place(place) if !place.test => self.place(place, say).await,
            Action::Cancel { symbol, order, id, side } => {
                let order = order.name();
                let side = self.side(symbol, &order, *side).await?;
                let account = self.account.as_deref();
                let canceled = self.session.cancel(symbol, side, order, id.clone(), account).await?;
                settled("canceled", &canceled, say)
            }
            Action::Amend { symbol, order, qty, id } => {
                self.amend(symbol, order.name(), *qty, id.clone(), say).await
            }
            Action::CancelAll { symbol, side } => {
                let account = self.account.as_deref();
                let canceled = self.session.cancel_all(symbol.as_deref(), *side, account).await?;
                for order in &canceled.answer.orders {
                    say.say(&Said::order("canceled", order))?;
                }
                let said = Said::count("cancel-all", canceled.answer.count, "canceled");
                say.say(&said.timed(canceled.round_trip, canceled.repeated))?;
                Ok(Outcome::default())
            }
            Action::Status { symbol, order } => {
                let found = self.session.status(symbol, order.name(), self.account.as_deref()).await?;
                say.say(&Said::order("status", &found))?;
                Ok(Outcome { word: Some(status(found.status).to_owned()) })
            }
            Action::Orders { symbol } => {
                let account = self.account.as_deref();
                let orders = self.session.open_orders(symbol.as_deref(), account).await?;
                orders.iter().try_for_each(|order| say.say(&Said::order("open", order)))?;
                say.say(&Said::count("orders", orders.len() as u64, "open"))?;
                Ok(Outcome::default())
            }
            Action::Follow { count, time } => {
                let following = Following::new(*count, time.map(|time| time.0));
                follow(&mut self.events, following, say).await
            }
            Action::Market { what: Market::Ticker { symbol } } => {
                say.say(&Said::top(&watch::top_over_fix(&self.session, symbol).await?))?;
                Ok(Outcome::default())
            }
            Action::Watch { what } => watch::over_fix(&self.session, what, say).await,
            // The run itself sees to these.
            Action::Wait { .. } | Action::Expect { .. } => Ok(Outcome::default()),
            _ => Err(Failure::Usage(
                "the venue serves this over WebSocket only; leave out --protocol fix".to_owned(),
            )),
        }
    }

    /// Says goodbye.
    pub async fn close(self) {
        self.session.close().await;
    }

    async fn place(&mut self, place: &Place, say: &Say) -> Result<Outcome, Failure> {
        let order = order(place, self.account.as_deref())?;
        let mut placed = self.session.place(&order).await?;
        if let Some(id) = placed.answer.order_id.filter(|_| placed.answer.is_open()) {
            placed.answer = self.session.status(&order.symbol, id, order.account.as_deref()).await?;
        }
        let names =
            [Some(placed.answer.entered_as().to_owned()), placed.answer.order_id.map(|id| id.0.to_string())];
        self.sides.extend(names.into_iter().flatten().map(|name| (name, order.side)));
        settled("placed", &placed, say)
    }

    async fn amend(
        &mut self,
        symbol: &str,
        order: OrderName,
        qty: Decimal,
        cl_ord_id: Option<String>,
        say: &Say,
    ) -> Result<Outcome, Failure> {
        let side = self.side(symbol, &order, None).await?;
        let (symbol, account) = (symbol.to_owned(), self.account.clone());
        let amend = Amend { symbol, order, side, qty, price: None, cl_ord_id, account };
        let amended = self.session.amend(&amend).await?;
        let order = &amended.answer.order;
        self.sides.insert(order.cl_ord_id.clone(), order.side);
        let said = Said::amended(order, amended.answer.kept_priority);
        say.say(&said.timed(amended.round_trip, amended.repeated))?;
        Ok(Outcome { word: Some(status(order.status).to_owned()) })
    }

    /// The side of an order: as it was said, as this run placed it, or as the venue has it.
    async fn side(&self, symbol: &str, order: &OrderName, said: Option<Side>) -> Result<Side, Failure> {
        let name = match order {
            OrderName::OrderId(id) => id.0.to_string(),
            OrderName::ClOrdId(name) => name.clone(),
        };
        match said.or_else(|| self.sides.get(&name).copied()) {
            Some(side) => Ok(side),
            None => Ok(self.session.status(symbol, order.clone(), self.account.as_deref()).await?.side),
        }
    }
}

fn settled(what: &'static str, timed: &Timed<Standing>, say: &Say) -> Result<Outcome, Failure> {
    say.say(&Said::order(what, &timed.answer).timed(timed.round_trip, timed.repeated))?;
    Ok(Outcome { word: Some(status(timed.answer.status).to_owned()) })
}
