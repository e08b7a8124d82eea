//! A client of the WebSocket API.
//!
//! Requests of several tasks may be under way at once: answers find them by `id`. Each order and cancel is signed.
//! Dropping the last [`Client`] closes the connection.

mod account;
mod as_of;
mod driver;
mod keeper;
mod market;
mod messages;
mod replace;
mod session;
#[cfg(test)]
mod tests;

pub use super::session::{Recovered, Recovery, Timed};
pub use account::{AccountStatus, Amended, AmendedOrder, CanceledAll, MyTrade, Position};
pub use as_of::AsOf;
pub use market::MarketData;
pub use messages::{BookTicker, Depth, Fill, OrderState, RateLimit};
pub use replace::Replaced;
pub use session::{Endpoint, Event, Events, Session};

use super::connect::{self, now};
use super::report::{ExecutionReport, StreamPlace};
use super::{ApiKey, Error, NewOrder, OrderName};
use crate::types::{CancelOn, Nanos, Reject};
use driver::{Epitaph, Order, Reply};
use messages::{Answer, Envelope, Params, ServerTime};
use rustls::ClientConfig;
use serde::de::{DeserializeOwned, IgnoredAny};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::http::Uri;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// Requests that may wait for the connection; a caller above it waits too.
const REQUESTS_WAITING_MAX: usize = 256;

/// What may be chosen about a connection.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long to wait for an answer.
    pub timeout: Duration,
    /// `recvWindow`: how old a request may be when it is sequenced; `None`: the server's default, 5 s.
    pub recv_window: Option<Duration>,
    /// Whether orders and cancels are signed one by one. Only an account whose policy is `session` may go without.
    pub sign_orders: bool,
    /// `cancelOnDisconnect`: which ends of a logon cancel the orders that were entered in it; `None`: as the venue has
    /// it configured.
    pub cancel_on: Option<CancelOn>,
    /// `cancelGrace`: how long a new logon keeps them.
    pub cancel_grace: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            recv_window: None,
            sign_orders: true,
            cancel_on: None,
            cancel_grace: None,
        }
    }
}

/// A connection. Clones share it.
#[derive(Clone)]
pub struct Client {
    orders: mpsc::Sender<Order>,
    shared: Arc<Shared>,
    /// What requests that name no account are about; `None`: the first account of the key.
    account: Option<Arc<str>>,
}

struct Shared {
    key: ApiKey,
    options: Options,
    next_id: AtomicU64,
    /// The key is logged on: questions need no signature.
    logged_on: AtomicBool,
    /// Makes ClOrdIDs unique over connections and restarts.
    id_prefix: String,
    rate_limits: Mutex<Vec<RateLimit>>,
    epitaph: Arc<Epitaph>,
}

/// An order or a cancel that is signed and written, ready to be sent: [`Client::sign`], [`Client::sign_cancel`].
#[derive(Debug)]
pub struct SignedOrder {
    id: u64,
    text: String,
    cl_ord_id: String,
    /// `timestamp`: from here on it is good for `recvWindow`.
    timestamp: Nanos,
}

impl SignedOrder {
    /// Its ClOrdID: by it the order can be asked for, whatever happens.
    pub fn cl_ord_id(&self) -> &str {
        &self.cl_ord_id
    }
}

/// The stream of an account's executions, in order.
#[derive(Debug)]
pub struct Executions(mpsc::Receiver<ExecutionReport>);

impl Executions {
    /// The next one; `None` once the connection has ended.
    pub async fn next(&mut self) -> Option<ExecutionReport> {
        self.0.recv().await
    }

    /// The next one that has arrived already.
    pub fn try_next(&mut self) -> Option<ExecutionReport> {
        self.0.try_recv().ok()
    }
}

impl Client {
    /// Connects to `url`, such as `wss://localhost:9443/ws-api/v3`, with the certificate in `tls`.
    pub async fn connect(url: &str, tls: Arc<ClientConfig>, key: ApiKey) -> Result<Self, Error> {
        Self::connect_with(url, tls, key, Options::default()).await
    }

    /// [`Client::connect`] with options.
    pub async fn connect_with(
        url: &str,
        tls: Arc<ClientConfig>,
        key: ApiKey,
        options: Options,
    ) -> Result<Self, Error> {
        let socket = tokio::time::timeout(options.timeout, open(url, tls))
            .await
            .map_err(|_| Error::Connect(format!("{url}: nothing within {:?}", options.timeout)))??;
        Ok(Self::over(socket, key, options))
    }

    fn over<S>(socket: WebSocketStream<S>, key: ApiKey, options: Options) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (orders, taken) = mpsc::channel(REQUESTS_WAITING_MAX);
        let epitaph = Arc::new(Epitaph::default());
        tokio::spawn(driver::run(socket, taken, Arc::clone(&epitaph)));
        let shared = Shared {
            id_prefix: format!("{:x}-", now().0),
            key,
            options,
            next_id: AtomicU64::new(1),
            logged_on: AtomicBool::new(false),
            rate_limits: Mutex::default(),
            epitaph,
        };
        Self { orders, shared: Arc::new(shared), account: None }
    }

    /// The same connection for another account of the key: requests that name none are about this one.
    #[must_use]
    pub fn for_account(self, account: Option<&str>) -> Self {
        Self { account: account.map(Arc::from), ..self }
    }

    /// `session.logon`: proves the API key once, for the whole connection.
    pub async fn logon(&self) -> Result<(), Error> {
        let Options { cancel_on, cancel_grace, .. } = self.shared.options;
        let mut params = Params::default().optional("cancelOnDisconnect", cancel_on.map(CancelOn::word));
        if let Some(grace) = cancel_grace {
            params = params.number("cancelGrace", u64::try_from(grace.as_millis()).unwrap_or(u64::MAX));
        }
        let params = self.signed("session.logon", params);
        self.ask::<IgnoredAny>("session.logon", params).await?;
        self.shared.logged_on.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// `session.logout`: the connection stays, its key goes.
    pub async fn logout(&self) -> Result<(), Error> {
        // From the moment of asking: a question that is signed needlessly is answered all the same.
        self.shared.logged_on.store(false, Ordering::Relaxed);
        self.ask::<IgnoredAny>("session.logout", Params::default()).await.map(drop)
    }

    /// `userDataStream.subscribe`: the executions of the account from now on, of all its connections. Log on first.
    pub async fn subscribe(&self) -> Result<Executions, Error> {
        let (to, executions) = driver::executions();
        // Before the request, so that no event comes between.
        self.command(Order::Deliver(to)).await?;
        self.ask::<IgnoredAny>("userDataStream.subscribe", Params::default()).await?;
        Ok(Executions(executions))
    }

    /// [`Client::subscribe`] behind the last number that is known of each private stream: what happened since comes
    /// first, each execution once and in order. Also gives the number behind which each stream goes on; a stream that
    /// `from` does not name begins now.
    pub async fn subscribe_from(
        &self,
        from: &[StreamPlace],
    ) -> Result<(Executions, Vec<StreamPlace>), Error> {
        let (to, executions) = driver::executions();
        self.command(Order::Deliver(to)).await?;
        let from: Vec<String> = from.iter().map(|at| format!("{}:{}", at.appl_id, at.number)).collect();
        let params = match from.as_slice() {
            [] => Params::default(),
            some => Params::default().text("from", some.join(",")),
        };
        let subscribed: messages::Resumed = self.ask("userDataStream.subscribe", params).await?;
        Ok((Executions(executions), subscribed.places()))
    }

    /// `order.place`: signs and sends an order, and waits for what became of it.
    pub async fn place(&self, order: &NewOrder) -> Result<OrderState, Error> {
        Ok(self.send(self.sign(order)).await?.answer)
    }

    /// The first half of [`Client::place`]: everything that can be done before the moment to send it. The time in
    /// it is that of the signing, so it is good for `recv_window`.
    pub fn sign(&self, order: &NewOrder) -> SignedOrder {
        let id = self.next_id();
        let cl_ord_id = order.cl_ord_id.clone().unwrap_or_else(|| self.cl_ord_id(id));
        let params = Params::order(order, &cl_ord_id);
        self.signed_order(id, "order.place", params, cl_ord_id)
    }

    /// The second half of [`Client::place`] and [`Client::cancel`], with the time that it took.
    pub async fn send(&self, order: SignedOrder) -> Result<Timed<OrderState>, Error> {
        let (answer, timed) = self.change(order).await?;
        Ok(timed.map(|()| answer.result))
    }

    /// `order.cancel`, by OrderID or by the ClOrdID of the order.
    pub async fn cancel(&self, symbol: &str, order: impl Into<OrderName>) -> Result<OrderState, Error> {
        Ok(self.send(self.sign_cancel(symbol, order)).await?.answer)
    }

    /// The first half of [`Client::cancel`]; [`Client::send`] is the second.
    pub fn sign_cancel(&self, symbol: &str, order: impl Into<OrderName>) -> SignedOrder {
        self.sign_cancel_named(symbol, order, None)
    }

    /// [`Client::sign_cancel`] with a ClOrdID of the caller's for the cancel itself.
    pub fn sign_cancel_named(
        &self,
        symbol: &str,
        order: impl Into<OrderName>,
        cl_ord_id: Option<String>,
    ) -> SignedOrder {
        let id = self.next_id();
        let cl_ord_id = cl_ord_id.unwrap_or_else(|| self.cl_ord_id(id));
        let params = Params::order_name(symbol, &order.into()).text("newClientOrderId", &*cl_ord_id);
        self.signed_order(id, "order.cancel", params, cl_ord_id)
    }

    /// `order.status`: what became of an order, also after [`Error::OutcomeUnknown`].
    pub async fn status(&self, symbol: &str, order: impl Into<OrderName>) -> Result<OrderState, Error> {
        self.status_as_of(symbol, order).await.map(|told| told.answer)
    }

    /// `openOrders.status`: the open orders in one instrument, or in all.
    pub async fn open_orders(&self, symbol: Option<&str>) -> Result<Vec<OrderState>, Error> {
        self.open_orders_as_of(symbol).await.map(|told| told.answer)
    }

    /// `depth`: at most `levels` levels a side.
    pub async fn depth(&self, symbol: &str, levels: u16) -> Result<Depth, Error> {
        let params = Params::default().text("symbol", symbol).number("limit", u64::from(levels));
        self.ask("depth", params).await
    }

    /// `ticker.book`: the best level of each side.
    pub async fn book_ticker(&self, symbol: &str) -> Result<BookTicker, Error> {
        self.ask("ticker.book", Params::default().text("symbol", symbol)).await
    }

    /// `time`: the server's clock, to the millisecond.
    pub async fn time(&self) -> Result<Nanos, Error> {
        Ok(self.ask::<ServerTime>("time", Params::default()).await?.server_time)
    }

    /// `ping`: an answer, and how long it took.
    pub async fn ping(&self) -> Result<Duration, Error> {
        let sent = Instant::now();
        self.ask::<IgnoredAny>("ping", Params::default()).await?;
        Ok(sent.elapsed())
    }

    /// How much of each limit was used, as the last answer told it.
    pub fn rate_limits(&self) -> Vec<RateLimit> {
        self.shared.rate_limits.lock().map(|limits| limits.clone()).unwrap_or_default()
    }

    /// Answers that came after their request had been given up, or without one.
    pub fn stray_answers(&self) -> u64 {
        self.shared.epitaph.stray_answers.load(Ordering::Relaxed)
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.orders.is_closed()
    }

    /// Why it ended, as far as it is known.
    pub fn why_closed(&self) -> String {
        self.shared.epitaph.why.get().cloned().unwrap_or_else(|| "the connection ended".to_owned())
    }

    /// Closes the connection, for all clones. Requests under way end with an error.
    pub async fn close(&self) {
        // If the driver is gone, the connection is closed already.
        let _ = self.orders.send(Order::Close).await;
        self.orders.closed().await;
    }

    fn next_id(&self) -> u64 {
        self.shared.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// The name of an order that its caller has not named.
    fn cl_ord_id(&self, id: u64) -> String {
        format!("{}{id}", self.shared.id_prefix)
    }

    fn signed_order(&self, id: u64, method: &str, params: Params, cl_ord_id: String) -> SignedOrder {
        let (timestamp, params) = (now(), params.of_account(self.account.as_deref()));
        let params = if self.shared.options.sign_orders {
            self.signed_at(method, params, timestamp)
        } else {
            params.number("timestamp", timestamp.as_millis())
        };
        SignedOrder { id, text: params.write(id, method), cl_ord_id, timestamp }
    }

    fn question(&self, method: &str, params: Params) -> Params {
        let params = params.of_account(self.account.as_deref());
        if self.shared.logged_on.load(Ordering::Relaxed) { params } else { self.signed(method, params) }
    }

    fn signed(&self, method: &str, params: Params) -> Params {
        self.signed_at(method, params, now())
    }

    fn signed_at(&self, method: &str, params: Params, timestamp: Nanos) -> Params {
        params.signed(method, &self.shared.key, timestamp, self.shared.options.recv_window)
    }

    async fn ask<T: DeserializeOwned>(&self, method: &str, params: Params) -> Result<T, Error> {
        self.ask_as_of(method, params).await.map(|told| told.answer)
    }

    async fn ask_as_of<T: DeserializeOwned>(&self, method: &str, params: Params) -> Result<AsOf<T>, Error> {
        let id = self.next_id();
        let reply =
            self.exchange(id, params.write(id, method)).await.map_err(|missing| missing.of_question(self))?;
        let Answer { result, as_of, .. } = self.read(&reply.text)?;
        Ok(AsOf { answer: result, as_of })
    }

    async fn exchange(&self, id: u64, text: String) -> Result<Reply, Missing> {
        let (answer, reply) = oneshot::channel();
        if self.orders.send(Order::Request { id, text, answer }).await.is_err() {
            return Err(Missing::NotSent(self.why_closed()));
        }
        match tokio::time::timeout(self.shared.options.timeout, reply).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) => Err(Missing::Lost(self.why_closed())),
            Err(_) => {
                // Room for it is a courtesy: if there is none, the late answer is counted as stray just the same.
                let _ = self.orders.try_send(Order::Forget(id));
                Err(Missing::Late)
            }
        }
    }

    fn read<T: DeserializeOwned>(&self, text: &str) -> Result<Answer<T>, Error> {
        let bad = |error: serde_json::Error| Error::Protocol(format!("{error}: {text}"));
        let envelope: Envelope<'_> = serde_json::from_str(text).map_err(bad)?;
        if let Some(error) = envelope.error {
            return Err(error.into_error(envelope.status.unwrap_or_default()).into());
        }
        let mut answer: Answer<T> = serde_json::from_str(text).map_err(bad)?;
        if let Ok(mut limits) = self.shared.rate_limits.lock() {
            *limits = std::mem::take(&mut answer.rate_limits);
        }
        Ok(answer)
    }

    async fn command(&self, order: Order) -> Result<(), Error> {
        self.orders.send(order).await.map_err(|_| Error::Closed(self.why_closed()))
    }
}

/// Why there is no answer; what that means depends on the question.
enum Missing {
    NotSent(String),
    Lost(String),
    Late,
}

impl Missing {
    fn of_order(self, cl_ord_id: &str) -> Error {
        let cl_ord_id = cl_ord_id.to_owned();
        match self {
            Self::NotSent(why) => Error::Closed(why),
            Self::Lost(why) => Error::OutcomeUnknown { cl_ord_id, why },
            Self::Late => Error::OutcomeUnknown { cl_ord_id, why: "no answer in time".to_owned() },
        }
    }

    fn of_question(self, client: &Client) -> Error {
        match self {
            Self::NotSent(why) | Self::Lost(why) => Error::Closed(why),
            Self::Late => Error::TimedOut(client.shared.options.timeout),
        }
    }
}

/// The server, too, may say that it does not know, and that is no refusal.
fn unknown(error: Error, cl_ord_id: String) -> Error {
    match error {
        Error::Refused(error) if error.reject == Some(Reject::OutcomeUnknown) => {
            Error::OutcomeUnknown { cl_ord_id, why: error.msg }
        }
        other => other,
    }
}

async fn open(url: &str, tls: Arc<ClientConfig>) -> Result<WebSocketStream<TlsStream<TcpStream>>, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Connect(format!("{url}: {error}"));
    let uri: Uri = url.parse().map_err(|error| failed(&error))?;
    if uri.scheme_str() != Some("wss") {
        return Err(failed(&"only wss:// is served"));
    }
    let host = uri.host().ok_or_else(|| failed(&"no host in it"))?;
    let address = format!("{host}:{}", uri.port_u16().unwrap_or(443));
    let stream = connect::tls(&address, tls).await?;
    let mut config = WebSocketConfig::default();
    // Answers are small; the default buffers of 128 KiB each would be cleared for every connection.
    config.read_buffer_size = 16 * 1024;
    config.write_buffer_size = 0;
    let (socket, _) = tokio_tungstenite::client_async_with_config(uri, stream, Some(config))
        .await
        .map_err(|error| failed(&error))?;
    Ok(socket)
}
