//! The task that keeps a session connected.

use super::session::{Endpoint, Event, Link};
use super::{Client, Executions, OrderState};
use crate::client::backoff::Backoff;
use crate::client::{Error, ExecutionReport, Recovery, StreamPlace};
use crate::types::{ExecType, OrdStatus, OrderId};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// A connection that has been brought to where the session can go on.
pub(super) struct Begun {
    pub(super) client: Client,
    executions: Executions,
    open: Vec<OrderState>,
    /// The number behind which each private stream goes on.
    places: Vec<StreamPlace>,
}

impl Begun {
    /// Connects, and resumes the private streams from where the last connection was.
    pub(super) async fn connect(endpoint: &Endpoint, from: &[StreamPlace]) -> Result<Self, Error> {
        let Endpoint { url, tls, key, options } = endpoint.clone();
        let client = Client::connect_with(&url, tls, key, options).await?;
        client.logon().await?;
        // First the stream, then the state: what happens between the two is told twice rather than not at all.
        let (executions, places) = match client.subscribe_from(from).await {
            // What is not kept any more cannot be told; the open orders tell what came of it.
            Err(Error::Refused(_)) if !from.is_empty() => client.subscribe_from(&[]).await?,
            subscribed => subscribed?,
        };
        let open = client.open_orders(None).await?;
        Ok(Self { client, executions, open, places })
    }
}

/// A session's connection, and who hears of it.
pub(super) struct Keeper {
    endpoint: Endpoint,
    recovery: Recovery,
    link: watch::Sender<Link>,
    ending: watch::Receiver<bool>,
    events: mpsc::Sender<Event>,
    /// The last number of each private stream that was told.
    places: HashMap<String, u64>,
    /// Orders that were open when this session last heard of them.
    known: HashMap<OrderId, String>,
}

impl Keeper {
    pub(super) fn new(
        endpoint: Endpoint,
        recovery: Recovery,
        link: watch::Sender<Link>,
        ending: watch::Receiver<bool>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        Self { endpoint, recovery, link, ending, events, places: HashMap::new(), known: HashMap::new() }
    }

    pub(super) async fn run(mut self, mut begun: Begun) {
        let mut away = None;
        let why = loop {
            let Begun { client, mut executions, open, places } = begun;
            self.places.extend(places.into_iter().map(|at| (at.appl_id, at.number)));
            self.catch_up(&client, open, away).await;
            let closed_by_us = self.listen(&mut executions, &client).await;
            let why = client.why_closed();
            if closed_by_us {
                break why;
            }
            let ended_at = Instant::now();
            self.link.send_replace(Link::Down(why.clone()));
            self.tell(Event::Disconnected { why }).await;
            begun = match self.connect_again(ended_at).await {
                Ok(begun) => begun,
                Err(why) => break why,
            };
            away = Some(ended_at.elapsed());
            self.link.send_replace(Link::Up(begun.client.clone()));
        };
        self.link.send_replace(Link::Over(why.clone()));
        self.tell(Event::Ended { why }).await;
    }

    /// Tells the open orders, and what became of those that were open and are not.
    async fn catch_up(&mut self, client: &Client, open: Vec<OrderState>, away: Option<Duration>) {
        let gone = std::mem::take(&mut self.known);
        self.known.extend(open.iter().map(|order| (order.order_id, order.symbol.clone())));
        self.tell(Event::Connected { open, away }).await;
        for (id, symbol) in
            gone.into_iter().filter(|(id, _)| !self.known.contains_key(id)).collect::<Vec<_>>()
        {
            // A connection that ends now is noticed by the listener; the order is then asked for once more.
            match client.status(&symbol, id).await {
                Ok(order) => self.tell(Event::ClosedMeanwhile(order)).await,
                Err(Error::Refused(_)) => {}
                Err(_) => drop(self.known.insert(id, symbol)),
            }
        }
    }

    /// Tells executions until the connection ends; whether it was this side that ended it.
    async fn listen(&mut self, executions: &mut Executions, client: &Client) -> bool {
        let mut ending = self.ending.clone();
        loop {
            tokio::select! {
                report = executions.next() => match report {
                    Some(report) => self.heard(report).await,
                    None => return false,
                },
                () = ended(&mut ending) => {
                    client.close().await;
                    return true;
                }
            }
        }
    }

    async fn heard(&mut self, report: ExecutionReport) {
        if let Some(StreamPlace { appl_id, number }) = report.place.clone() {
            self.places.insert(appl_id, number);
        }
        if let Some(id) = report.order_id {
            let open = matches!(report.status, OrdStatus::New | OrdStatus::PartiallyFilled);
            if open && report.exec_type != ExecType::Rejected {
                self.known.entry(id).or_insert_with(|| report.symbol.clone());
            } else {
                self.known.remove(&id);
            }
        }
        self.tell(Event::Execution(report)).await;
    }

    async fn connect_again(&self, ended_at: Instant) -> Result<Begun, String> {
        let mut ending = self.ending.clone();
        tokio::select! {
            begun = self.try_to_connect(ended_at) => begun,
            () = ended(&mut ending) => Err("this client closed it".to_owned()),
        }
    }

    async fn try_to_connect(&self, ended_at: Instant) -> Result<Begun, String> {
        let mut backoff = Backoff::new(self.recovery.pause, self.recovery.pause_max);
        let mut attempt = 0;
        let place =
            |(appl_id, number): (&String, &u64)| StreamPlace { appl_id: appl_id.clone(), number: *number };
        let from: Vec<StreamPlace> = self.places.iter().map(place).collect();
        loop {
            let why = match Begun::connect(&self.endpoint, &from).await {
                Ok(begun) => return Ok(begun),
                Err(error) => error.to_string(),
            };
            attempt += 1;
            let pause = backoff.pause();
            if ended_at.elapsed() + pause > self.recovery.give_up {
                return Err(format!("gave up after {attempt} attempts: {why}"));
            }
            self.tell(Event::Retrying { why, attempt, pause }).await;
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits for a reader that is behind; a reader that has gone wants nothing.
    async fn tell(&self, event: Event) {
        let _ = self.events.send(event).await;
    }
}

/// Resolves once the session is to end: it was told so, or nobody is left who could want anything.
async fn ended(ending: &mut watch::Receiver<bool>) {
    let _ = ending.wait_for(|end| *end).await;
}
