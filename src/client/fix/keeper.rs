//! The task that keeps a FIX session connected: it does what the ledger says.

use super::ledger::{Act, Answer, Ledger, Request, Terms, Ticket};
use super::session::{Endpoint, Event};
use super::{Client, CompIds, Numbers, Received, Reports};
use crate::client::backoff::Backoff;
use crate::client::connect::now;
use crate::client::{Error, Recovery, Timed};
use crate::limits::RECV_WINDOW_DEFAULT;
use crate::types::Span;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};

/// A request of the session's, and who waits for its answer.
pub(super) struct Ask {
    pub(super) request: Request,
    pub(super) answer: oneshot::Sender<Result<Timed<Answer>, Error>>,
}

/// Who waits for an answer, and since when it is under way.
struct Waiter {
    answer: oneshot::Sender<Result<Timed<Answer>, Error>>,
    sent: Option<Instant>,
}

/// How long to wait for the answer to a Logout.
const GOODBYE: Duration = Duration::from_secs(3);

pub(super) struct Keeper {
    endpoint: Endpoint,
    recovery: Recovery,
    ledger: Ledger,
    asks: mpsc::Receiver<Ask>,
    /// Who wants the connection of now.
    wanted: mpsc::Receiver<oneshot::Sender<Client>>,
    waiting: HashMap<Ticket, Waiter>,
    events: mpsc::Sender<Event>,
    ending: watch::Receiver<bool>,
    over: watch::Sender<bool>,
}

impl Keeper {
    pub(super) fn new(
        endpoint: Endpoint,
        recovery: Recovery,
        (asks, wanted): (mpsc::Receiver<Ask>, mpsc::Receiver<oneshot::Sender<Client>>),
        events: mpsc::Sender<Event>,
        (ending, over): (watch::Receiver<bool>, watch::Sender<bool>),
    ) -> Self {
        let terms = Terms {
            timeout: span(endpoint.options.timeout),
            window: endpoint.options.recv_window.map_or(RECV_WINDOW_DEFAULT, span),
            send_again: span(recovery.send_again),
        };
        let (ledger, waiting) = (Ledger::new(terms), HashMap::new());
        Self { endpoint, recovery, ledger, asks, wanted, waiting, events, ending, over }
    }

    pub(super) async fn run(mut self, mut connection: (Client, Reports)) {
        let mut reset = self.endpoint.options.reset;
        let why = loop {
            let (client, mut reports) = connection;
            self.ledger.up(reset, now());
            let ended_by_us = self.listen(&client, &mut reports).await;
            let why = client.why_closed();
            if ended_by_us {
                break why;
            }
            // It goes on where the last connection stood: what was missed is sent again.
            self.endpoint.options.numbers = client.numbers();
            self.endpoint.options.reset = false;
            self.ledger.down(&why, now());
            self.act(None).await;
            self.tell(Event::Disconnected { why }).await;
            connection = match self.connect_again().await {
                Ok(connection) => connection,
                Err(why) => break why,
            };
            reset = self.endpoint.options.reset;
        };
        self.ledger.over(&why);
        self.act(None).await;
        self.tell(Event::Ended { why }).await;
        self.over.send_replace(true);
    }

    /// Carries requests and reports until the connection ends; whether it was this side that ended it.
    async fn listen(&mut self, client: &Client, reports: &mut Reports) -> bool {
        loop {
            self.act(Some(client)).await;
            let rest = self.ledger.deadline().map_or(Duration::from_secs(60), |at| at.since(now()).into());
            tokio::select! {
                received = reports.next() => match received {
                    Some(received) => self.heard(&received),
                    None => return false,
                },
                ask = self.asks.recv() => match ask {
                    Some(ask) => self.enter(ask),
                    None => break,
                },
                Some(to) = self.wanted.recv() => drop(to.send(client.clone())),
                () = tokio::time::sleep(rest) => self.ledger.tick(now()),
                () = ended(&mut self.ending) => break,
            }
        }
        // A venue that does not answer the Logout is left all the same.
        let _ = tokio::time::timeout(GOODBYE, client.logout()).await;
        while let Some(received) = reports.try_next() {
            self.heard(&received);
        }
        true
    }

    fn enter(&mut self, ask: Ask) {
        let ticket = self.ledger.enter(ask.request, now());
        self.waiting.insert(ticket, Waiter { answer: ask.answer, sent: None });
    }

    fn heard(&mut self, received: &Received) {
        self.ledger.heard(received, now());
    }

    /// Does what is to be done. Without a connection nothing is sent, and the ledger asks for nothing.
    async fn act(&mut self, client: Option<&Client>) {
        while let Some(act) = self.ledger.next_act() {
            match act {
                Act::Send(ticket, again) => {
                    if let Some(client) = client {
                        self.send(client, ticket, again).await;
                    }
                }
                Act::Settle(ticket, answer) => {
                    // A caller that gave up wants no answer.
                    let Some(waiter) = self.waiting.remove(&ticket) else { continue };
                    let round_trip = waiter.sent.map_or(Duration::ZERO, |sent| sent.elapsed());
                    let timed = |answer: Answer| {
                        let repeated = answer.repeated;
                        Timed { answer, round_trip, repeated }
                    };
                    drop(waiter.answer.send(answer.map(timed)));
                }
                Act::Tell(event) => self.tell(event).await,
            }
        }
    }

    async fn send(&mut self, client: &Client, ticket: Ticket, again: bool) {
        let Some(request) = self.ledger.request(ticket).cloned() else { return };
        match client.send_marked(request.msg_type, request.body, request.name, again).await {
            Ok(sent) => {
                if let Some(waiter) = self.waiting.get_mut(&ticket) {
                    waiter.sent.get_or_insert(sent.at);
                }
                self.ledger.sent(ticket, sent.number, now());
            }
            // It was not sent: the connection is ending, and the next one has it.
            Err(Error::Closed(_)) => {}
            Err(_) => self.ledger.torn(ticket, now()),
        }
    }

    /// Tries until there is a connection. Callers are answered meanwhile.
    async fn connect_again(&mut self) -> Result<(Client, Reports), String> {
        let (ended_at, mut attempt) = (Instant::now(), 0);
        let mut backoff = Backoff::new(self.recovery.pause, self.recovery.pause_max);
        loop {
            let endpoint = self.endpoint.clone();
            let why = match self.meanwhile(endpoint.connect()).await? {
                Ok(connection) => return Ok(connection),
                Err(error) => error.to_string(),
            };
            // One side has lost its numbers. Both begin anew; the fence and PossResend find out what was missed.
            if why.contains("MsgSeqNum too low") {
                self.endpoint.options.numbers = Numbers::FRESH;
                self.endpoint.options.reset = true;
            }
            attempt += 1;
            let pause = backoff.pause();
            if ended_at.elapsed() + pause > self.recovery.give_up {
                return Err(format!("gave up after {attempt} attempts: {why}"));
            }
            self.tell(Event::Retrying { why, attempt, pause }).await;
            self.meanwhile(tokio::time::sleep(pause)).await?;
        }
    }

    /// What `done` gives, while requests are taken; an error if the session is to end.
    async fn meanwhile<T>(&mut self, done: impl Future<Output = T>) -> Result<T, String> {
        let mut done = std::pin::pin!(done);
        loop {
            tokio::select! {
                done = &mut done => return Ok(done),
                ask = self.asks.recv() => match ask {
                    Some(ask) => {
                        self.enter(ask);
                        self.act(None).await;
                    }
                    None => break,
                },
                () = ended(&mut self.ending) => break,
            }
        }
        Err("this client closed it".to_owned())
    }

    /// Waits for a reader that is behind; a reader that has gone wants nothing.
    async fn tell(&self, event: Event) {
        let _ = self.events.send(event).await;
    }
}

impl Endpoint {
    pub(super) async fn connect(&self) -> Result<(Client, Reports), Error> {
        let comp_ids = CompIds { sender: &self.sender, target: &self.target };
        let (tls, key) = (self.tls.clone(), self.key.clone());
        Client::connect_with(&self.address, comp_ids, tls, key, self.options).await
    }
}

/// Resolves once the session is to end.
async fn ended(ending: &mut watch::Receiver<bool>) {
    // A sender that was dropped says the same.
    let _ = ending.wait_for(|end| *end).await;
}

fn span(time: Duration) -> Span {
    Span(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}
