//! A FIX session that outlives its connections.
//!
//! ```text
//!   connect ─► Logon, where the last connection stood ─► ResendRequest ─► OrderMassStatusRequest ─► Event::Connected
//!      ▲                                                                                                 │
//!      └── pause, doubled and jittered ◄── Event::Retrying ◄──────── Event::Disconnected ◄── it ends ────┘
//! ```
//!
//! **Nothing is executed twice and nothing is lost silently.** What the venue said while there was no connection it
//! says again (ResendRequest), and executions go on as if nothing had been. A request that has no answer even then is
//! sent again under its ClOrdID with PossResend(97)=Y: the venue executes it if it had not, and else tells how its
//! order stands. An order that may be stale by then ([`Recovery::send_again`]) is asked for instead, and
//! once its window is over the answer is final: [`Error::NotExecuted`]. A cancel is always sent again.
//!
//! **Where the numbers are lost**, on either side, the session begins both sequences anew. Then the open orders and
//! the answers to requests are found out all the same; of orders that closed meanwhile the end is told
//! ([`Event::ClosedMeanwhile`](crate::client::Event::ClosedMeanwhile)), and not each trade.

use super::keeper::{Ask, Keeper};
use super::ledger::{Answer, Kind, Request};
use super::messages;
use super::{Client, MarketData, Options, Report, Standing};
use crate::client::connect::now;
use crate::client::session::EVENTS_WAITING_MAX;
use crate::client::{Amend, ApiKey, Error, NewOrder, OrderName, Recovery, Timed};
use crate::types::Side;
use rustls::ClientConfig;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// Requests that may wait for the session's task; a caller above it waits too.
const ASKS_WAITING_MAX: usize = 256;

/// What a session tells.
pub type Event = crate::client::Event<Standing>;

/// What a session tells, in order.
pub type Events = crate::client::Events<Standing>;

/// Where to connect, and as whom.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Such as `localhost:9444`.
    pub address: String,
    /// SenderCompID(49) of what the client sends.
    pub sender: String,
    /// TargetCompID(56) of what the client sends: the venue.
    pub target: String,
    /// Certificates.
    pub tls: Arc<ClientConfig>,
    /// What signs.
    pub key: ApiKey,
    /// Of the first connection; the next ones go on with its numbers.
    pub options: Options,
}

/// An order after an amendment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amended {
    /// The order as it is now. Its OrderID stays; its ClOrdID is that of the amendment from now on.
    pub order: Standing,
    /// Whether it kept its place in the book; `None` where the first answer was lost: the venue tells the order then.
    pub kept_priority: Option<bool>,
}

/// What a mass cancel did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanceledAll {
    /// TotalAffectedOrders(533).
    pub count: u64,
    /// Those of them that were told on this connection.
    pub orders: Vec<Standing>,
}

/// A session. Clones share it; dropping the last one ends it. ClOrdIDs of requests under way are unique in it, over
/// all instruments.
#[derive(Clone)]
pub struct Session {
    asks: mpsc::Sender<Ask>,
    /// Whether it is to end, and whether it has.
    end: Arc<watch::Sender<bool>>,
    over: watch::Receiver<bool>,
    /// Asks for the connection of now.
    clients: mpsc::Sender<oneshot::Sender<Client>>,
    recv_window: Option<Duration>,
    next_id: Arc<AtomicU64>,
    /// Makes ClOrdIDs unique over connections and restarts.
    id_prefix: Arc<str>,
}

impl Session {
    /// Connects. If that fails, so does this: only a session that was there once is kept.
    pub async fn connect(endpoint: Endpoint, recovery: Recovery) -> Result<(Self, Events), Error> {
        let connection = endpoint.connect().await?;
        let recv_window = endpoint.options.recv_window;
        let (events, heard) = mpsc::channel(EVENTS_WAITING_MAX);
        let (asks, asked) = mpsc::channel(ASKS_WAITING_MAX);
        let (clients, wanted) = mpsc::channel(1);
        let ((end, ending), (is_over, over)) = (watch::channel(false), watch::channel(false));
        let keeper = Keeper::new(endpoint, recovery, (asked, wanted), events, (ending, is_over));
        tokio::spawn(keeper.run(connection));
        let id_prefix = format!("{:x}-s", now().0).into();
        let (end, next_id) = (Arc::new(end), Arc::new(AtomicU64::new(1)));
        Ok((Self { asks, end, over, clients, recv_window, next_id, id_prefix }, Events::new(heard)))
    }

    /// Sends a NewOrderSingle(D) and waits for what became of it: its acceptance, as a rule; the trades that follow
    /// are told by [`Event::Execution`](crate::client::Event::Execution). While there is no connection it is not
    /// sent, and that is the answer: [`Error::Closed`]. The market may be another when there is one again, so that is
    /// for the bot to decide.
    pub async fn place(&self, order: &NewOrder) -> Result<Timed<Standing>, Error> {
        let name = self.named(order.cl_ord_id.clone());
        let body = messages::order(order, &name, now());
        let (symbol, account) = (Some(order.symbol.clone()), order.account.clone());
        self.ask(Request { kind: Kind::Order, msg_type: b"D", name, symbol, account, body }).await?.order()
    }

    /// Sends an OrderCancelRequest(F). It waits for a connection, and is sent until it is answered.
    pub async fn cancel(
        &self,
        symbol: &str,
        side: Side,
        order: impl Into<OrderName>,
        cl_ord_id: Option<String>,
        account: Option<&str>,
    ) -> Result<Timed<Standing>, Error> {
        let name = self.named(cl_ord_id);
        let body = messages::cancel(symbol, side, &order.into(), account, &name, now());
        let (symbol, account) = (Some(symbol.to_owned()), account.map(str::to_owned));
        let request = Request { kind: Kind::Change, msg_type: b"F", name, symbol, account, body };
        self.ask(request).await?.order()
    }

    /// Sends an OrderCancelReplaceRequest(G). It waits for a connection, and is sent until it is answered.
    pub async fn amend(&self, amend: &Amend) -> Result<Timed<Amended>, Error> {
        let name = self.named(amend.cl_ord_id.clone());
        let body = messages::amend(amend, &name, now());
        let (symbol, account) = (Some(amend.symbol.clone()), amend.account.clone());
        let request = Request { kind: Kind::Change, msg_type: b"G", name, symbol, account, body };
        let timed = self.ask(request).await?.order()?;
        let kept_priority = (!timed.repeated).then(|| timed.answer.text.starts_with("PriorityKept"));
        Ok(timed.map(|order| Amended { order, kept_priority }))
    }

    /// Sends an OrderMassCancelRequest(q) for one instrument or all, one side or both. It waits for a connection, and
    /// is sent until it is answered.
    pub async fn cancel_all(
        &self,
        symbol: Option<&str>,
        side: Option<Side>,
        account: Option<&str>,
    ) -> Result<Timed<CanceledAll>, Error> {
        let name = self.named(None);
        let body = messages::cancel_all(symbol, side, account, &name, now());
        let (symbol, account) = (symbol.map(str::to_owned), account.map(str::to_owned));
        let request = Request { kind: Kind::CancelAll, msg_type: b"q", name, symbol, account, body };
        let timed = self.ask(request).await?;
        let count = match &timed.answer.report {
            Report::MassCanceled(done) => done.count,
            other => return Err(unexpected(other)),
        };
        Ok(timed.map(|answer| CanceledAll { count, orders: answer.orders }))
    }

    /// Asks how an order stands (OrderStatusRequest), by OrderID or by a ClOrdID that it has or had. Waits for a
    /// connection.
    pub async fn status(
        &self,
        symbol: &str,
        order: impl Into<OrderName>,
        account: Option<&str>,
    ) -> Result<Standing, Error> {
        let name = self.named(None);
        let body = messages::status(symbol, &order.into(), account, &name);
        let (symbol, account) = (Some(symbol.to_owned()), account.map(str::to_owned));
        let request = Request { kind: Kind::Question, msg_type: b"H", name, symbol, account, body };
        Ok(self.ask(request).await?.order()?.answer)
    }

    /// Asks for the open orders of an account (OrderMassStatusRequest) in one instrument, or in all. Waits for a
    /// connection.
    pub async fn open_orders(
        &self,
        symbol: Option<&str>,
        account: Option<&str>,
    ) -> Result<Vec<Standing>, Error> {
        let name = self.named(None);
        let body = messages::open_orders(symbol, account, &name);
        let (symbol, account) = (symbol.map(str::to_owned), account.map(str::to_owned));
        let request = Request { kind: Kind::Question, msg_type: b"AF", name, symbol, account, body };
        Ok(self.ask(request).await?.answer.orders)
    }

    /// The market data of the connection of now, or of the next one. It ends with the connection: ask again then.
    pub async fn market_data(&self) -> Result<MarketData, Error> {
        let over = || Error::Closed("the session is over".to_owned());
        let (client, given) = oneshot::channel();
        self.clients.send(client).await.map_err(|_| over())?;
        given.await.map_err(|_| over())?.market_data().await
    }

    /// Says Logout and ends the session, for all clones.
    pub async fn close(&self) {
        self.end.send_replace(true);
        let mut over = self.over.clone();
        // If its task has gone, it is over already.
        let _ = over.wait_for(|over| *over).await;
    }

    async fn ask(&self, mut request: Request) -> Result<Timed<Answer>, Error> {
        messages::put_recv_window(&mut request.body, self.recv_window);
        let (answer, answered) = oneshot::channel();
        let over = |_| Error::Closed("the session is over".to_owned());
        self.asks.send(Ask { request, answer }).await.map_err(over)?;
        answered.await.unwrap_or_else(|_| Err(Error::Closed("the session is over".to_owned())))
    }

    fn named(&self, name: Option<String>) -> String {
        name.unwrap_or_else(|| format!("{}{}", self.id_prefix, self.next_id.fetch_add(1, Ordering::Relaxed)))
    }
}

impl Timed<Answer> {
    /// The order that the answer tells.
    fn order(self) -> Result<Timed<Standing>, Error> {
        let order = match &self.answer.report {
            Report::Execution(report) => report.into(),
            Report::Repeated(order) => order.clone(),
            Report::Status(status) => match &status.order {
                Some(order) => order.clone(),
                None => return Err(status.error().into()),
            },
            other => return Err(unexpected(other)),
        };
        Ok(self.map(|_| order))
    }
}

fn unexpected(report: &Report) -> Error {
    Error::Protocol(format!("no answer to what was asked: {report:?}"))
}
