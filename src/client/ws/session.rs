//! A session that outlives its connections.
//!
//! ```text
//!   connect ─► session.logon ─► userDataStream.subscribe ─► openOrders.status ─► Event::Connected ─► executions
//!      ▲                                                                                                 │
//!      └── pause, doubled and jittered ◄── Event::Retrying ◄──────── Event::Disconnected ◄── it ends ────┘
//! ```
//!
//! **Nothing is executed twice and nothing is lost silently.** An order whose answer was lost with its connection is
//! sent again under the same ClOrdID, with a fresh timestamp and signature: the server executes it if it had not, and
//! else gives the first answer again. If the connection was away for so long that the price of the order may be stale
//! ([`Recovery::send_again`]) the server is asked instead, and once the order's window is over the answer is final:
//! [`Error::NotExecuted`]. A cancel is always sent again.
//!
//! **Each execution is told once and in order**, whatever became of the connections: a session resumes the private
//! streams behind the last number that it has told.
//!
//! **What happened meanwhile is told.** [`Event::Connected`] has the open orders as they are now; an order of which
//! this session knew that it was open and which is not among them is looked up, and told by
//! [`Event::ClosedMeanwhile`].

use super::keeper::{Begun, Keeper};
use super::{Amended, CanceledAll, Client, Options, OrderState, Timed};
use crate::client::session::EVENTS_WAITING_MAX;
use crate::client::{ApiKey, Error, NewOrder, OrderName, Recovered, Recovery};
use crate::limits::RECV_WINDOW_DEFAULT;
use crate::types::{Decimal, Nanos, Reject, Side, Span};
use rustls::ClientConfig;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Where to connect, and as whom.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Such as `wss://localhost:9443/ws-api/v3`.
    pub url: String,
    /// Certificates.
    pub tls: Arc<ClientConfig>,
    /// What signs.
    pub key: ApiKey,
    /// Of each connection.
    pub options: Options,
}

/// What a session tells.
pub type Event = crate::client::Event<OrderState>;

/// What a session tells, in order.
pub type Events = crate::client::Events<OrderState>;

/// A session. Clones share it; dropping the last one ends it.
#[derive(Clone)]
pub struct Session {
    link: watch::Receiver<Link>,
    /// Whether it is to end; dropping it says the same.
    end: Arc<watch::Sender<bool>>,
    events: mpsc::Sender<Event>,
    recovery: Recovery,
    recv_window: Span,
    next_id: Arc<AtomicU64>,
    /// Makes ClOrdIDs unique over connections and restarts.
    id_prefix: Arc<str>,
    /// What requests that name no account are about.
    account: Option<Arc<str>>,
}

/// The connection of now.
#[derive(Clone)]
pub(super) enum Link {
    Up(Client),
    /// With the reason that the last one ended.
    Down(String),
    Over(String),
}

impl Session {
    /// Connects. If that fails, so does this: only a session that was there once is kept.
    pub async fn connect(endpoint: Endpoint, recovery: Recovery) -> Result<(Self, Events), Error> {
        let begun = Begun::connect(&endpoint, &[]).await?;
        let (events, heard) = mpsc::channel(EVENTS_WAITING_MAX);
        let (link, links) = watch::channel(Link::Up(begun.client.clone()));
        let recv_window = endpoint.options.recv_window.map_or(RECV_WINDOW_DEFAULT, |window| {
            Span::from_millis(u64::try_from(window.as_millis()).unwrap_or(u64::MAX))
        });
        let id_prefix = begun.client.shared.id_prefix.as_str().into();
        let (end, ending) = watch::channel(false);
        let keeper = Keeper::new(endpoint, recovery, link, ending, events.clone());
        tokio::spawn(keeper.run(begun));
        let next_id = Arc::new(AtomicU64::new(1));
        let end = Arc::new(end);
        let (link, account) = (links, None);
        let session = Self { link, end, events, recovery, recv_window, next_id, id_prefix, account };
        Ok((session, Events::new(heard)))
    }

    /// The same session for another account of the key: requests that name none are about this one.
    #[must_use]
    pub fn for_account(self, account: Option<&str>) -> Self {
        Self { account: account.map(Arc::from), ..self }
    }

    /// The connection of now, or the next one: for questions. They can be asked again without harm.
    pub async fn client(&self) -> Result<Client, Error> {
        let mut link = self.link.clone();
        let found = link.wait_for(|link| match link {
            Link::Up(client) => !client.is_closed(),
            Link::Down(_) => false,
            Link::Over(_) => true,
        });
        match found.await.as_deref() {
            Ok(Link::Up(client)) => Ok(client.clone().for_account(self.account.as_deref())),
            Ok(Link::Down(why) | Link::Over(why)) => Err(Error::Closed(why.clone())),
            Err(_) => Err(Error::Closed("the session is over".to_owned())),
        }
    }

    /// `order.place`. While there is no connection it is not sent, and that is the answer: [`Error::Closed`]. The
    /// market may be another when there is one again, so that is for the bot to decide.
    pub async fn place(&self, order: &NewOrder) -> Result<Timed<OrderState>, Error> {
        let client = self.client_of_now()?;
        let mut order = order.clone();
        let cl_ord_id = order.cl_ord_id.get_or_insert_with(|| self.next_cl_ord_id()).clone();
        let signed = client.sign(&order);
        let (first, sent) = (signed.timestamp, Instant::now());
        match client.send(signed).await {
            Err(Error::OutcomeUnknown { .. }) => {}
            known => return known,
        }
        // Each copy is good for its window: what is final is final once the window of the last is over.
        let mut last = first;
        while sent.elapsed() <= self.recovery.send_again {
            let client = self.client().await.map_err(|why| still_unknown(why, &cl_ord_id))?;
            if sent.elapsed() > self.recovery.send_again {
                break;
            }
            let signed = client.sign(&order);
            last = signed.timestamp;
            match client.send(signed).await {
                Err(Error::OutcomeUnknown { .. } | Error::Closed(_)) => {}
                // This copy was not taken, and that says nothing of the first.
                Err(Error::Refused(refusal)) if !refusal.is_of_shard() => break,
                known => return self.sent_again(known, cl_ord_id),
            }
        }
        self.ask(&order.symbol, cl_ord_id, last).await
    }

    /// `order.cancel`. It waits for a connection, and is sent until it is answered.
    pub async fn cancel(
        &self,
        symbol: &str,
        order: impl Into<OrderName>,
    ) -> Result<Timed<OrderState>, Error> {
        self.cancel_named(symbol, order, None).await
    }

    /// [`Session::cancel`] with a ClOrdID of the caller's for the cancel itself.
    pub async fn cancel_named(
        &self,
        symbol: &str,
        order: impl Into<OrderName>,
        cl_ord_id: Option<String>,
    ) -> Result<Timed<OrderState>, Error> {
        let (order, cl_ord_id) = (order.into(), cl_ord_id.unwrap_or_else(|| self.next_cl_ord_id()));
        let cancel = async |client: Client| {
            let signed = client.sign_cancel_named(symbol, order.clone(), Some(cl_ord_id.clone()));
            client.send(signed).await
        };
        self.until_answered(&cl_ord_id, cancel).await
    }

    /// `order.amend.keepPriority`. It waits for a connection, and is sent until it is answered.
    pub async fn amend(
        &self,
        symbol: &str,
        order: impl Into<OrderName>,
        qty: Decimal,
        cl_ord_id: Option<String>,
    ) -> Result<Timed<Amended>, Error> {
        let (order, cl_ord_id) = (order.into(), cl_ord_id.unwrap_or_else(|| self.next_cl_ord_id()));
        let amend =
            async |client: Client| client.amend(symbol, order.clone(), qty, Some(cl_ord_id.clone())).await;
        self.until_answered(&cl_ord_id, amend).await
    }

    /// `openOrders.cancelAll`. It waits for a connection, and is sent until it is answered.
    pub async fn cancel_all(
        &self,
        symbol: Option<&str>,
        side: Option<Side>,
    ) -> Result<Timed<CanceledAll>, Error> {
        let cl_ord_id = self.next_cl_ord_id();
        let cancel = async |client: Client| client.cancel_all(symbol, side, Some(cl_ord_id.clone())).await;
        self.until_answered(&cl_ord_id, cancel).await
    }

    /// Sends what only takes away, under one name, until it is answered: it is wanted however late it comes.
    async fn until_answered<T>(
        &self,
        cl_ord_id: &str,
        send: impl AsyncFn(Client) -> Result<Timed<T>, Error>,
    ) -> Result<Timed<T>, Error> {
        let mut lost = false;
        loop {
            let client = self.client().await.map_err(|why| match lost {
                true => still_unknown(why, cl_ord_id),
                false => why,
            })?;
            match send(client).await {
                Err(Error::OutcomeUnknown { .. }) => lost = true,
                Err(Error::Closed(_)) => {}
                // This copy was not taken, and that says nothing of the first.
                Err(Error::Refused(refusal)) if lost && !refusal.is_of_shard() => {
                    if !refusal.is_passing() {
                        return Err(still_unknown(Error::Refused(refusal), cl_ord_id));
                    }
                    tokio::time::sleep(refusal.retry_after.unwrap_or(self.recovery.pause)).await;
                }
                known if lost => return self.sent_again(known, cl_ord_id.to_owned()),
                known => return known,
            }
        }
    }

    /// Ends the session, for all clones.
    pub async fn close(&self) {
        self.end.send_replace(true);
        let mut link = self.link.clone();
        // If its task has gone, it is over already.
        let _ = link.wait_for(|link| matches!(link, Link::Over(_))).await;
    }

    /// Asks what became of an order until the answer is final.
    async fn ask(&self, symbol: &str, cl_ord_id: String, sent: Nanos) -> Result<Timed<OrderState>, Error> {
        loop {
            let client = self.client().await.map_err(|why| still_unknown(why, &cl_ord_id))?;
            let asked = Instant::now();
            // The server's clock first: if the window was over by then, a server that does not know the order by
            // now never will.
            let state = async {
                let now = client.time().await?;
                Ok::<_, Error>((now, client.status(symbol, cl_ord_id.as_str()).await))
            };
            match state.await {
                Ok((_, Ok(answer))) => {
                    self.tell(Event::Recovered { cl_ord_id, how: Recovered::Asked });
                    return Ok(Timed { answer, round_trip: asked.elapsed(), repeated: true });
                }
                Ok((now, Err(Error::Refused(refusal)))) if refusal.reject == Some(Reject::OrderUnknown) => {
                    let over = Nanos(sent.0.saturating_add(self.recv_window.0));
                    if now > over {
                        self.tell(Event::Recovered { cl_ord_id: cl_ord_id.clone(), how: Recovered::Asked });
                        return Err(Error::NotExecuted { cl_ord_id });
                    }
                    tokio::time::sleep(Duration::from(over.since(now)) + Duration::from_millis(1)).await;
                }
                Ok((_, Err(Error::Refused(refusal)))) => match refusal.retry_after {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => return Err(still_unknown(Error::Refused(refusal), &cl_ord_id)),
                },
                // The connection ended, or is slow: the next one.
                Ok((_, Err(_))) | Err(_) => tokio::time::sleep(self.recovery.pause).await,
            }
        }
    }

    fn sent_again<T>(&self, answer: Result<Timed<T>, Error>, cl_ord_id: String) -> Result<Timed<T>, Error> {
        let repeated = answer.as_ref().is_ok_and(|answer| answer.repeated);
        let how = if repeated { Recovered::SentAgainRepeated } else { Recovered::SentAgain };
        self.tell(Event::Recovered { cl_ord_id, how });
        answer
    }

    fn client_of_now(&self) -> Result<Client, Error> {
        match &*self.link.borrow() {
            Link::Up(client) => Ok(client.clone().for_account(self.account.as_deref())),
            Link::Down(why) | Link::Over(why) => Err(Error::Closed(why.clone())),
        }
    }

    /// Without waiting: whoever does not read events finds the same in what the calls return.
    fn tell(&self, event: Event) {
        let _ = self.events.try_send(event);
    }

    fn next_cl_ord_id(&self) -> String {
        format!("{}s{}", self.id_prefix, self.next_id.fetch_add(1, Ordering::Relaxed))
    }
}

/// An order that was sent and can no longer be asked for is unknown, whatever keeps us from asking.
fn still_unknown(why: Error, cl_ord_id: &str) -> Error {
    Error::OutcomeUnknown { cl_ord_id: cl_ord_id.to_owned(), why: why.to_string() }
}
