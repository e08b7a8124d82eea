//! A client of the FIX API: an initiator of one session.
//!
//! Orders go out signed; what becomes of them comes back in order on [`Reports`]. The session lives in memory:
//! [`Client::numbers`] tells where it stands, so that a later connection can go on from there and hears what it
//! missed. Without that, a connection starts both sequences at 1.
//!
//! ```no_run
//! use sealgate::client::{ApiKey, NewOrder, fix, tls};
//! use sealgate::types::Side;
//! # async fn quote() -> Result<(), sealgate::client::Error> {
//! let tls = tls::Files { roots: "ca.pem", certificate: "alice.pem", key: "alice-key.pem" }.load()?;
//! let key = ApiKey::from_pem_file("alice", "alice-api-key.pem")?;
//! let session = fix::CompIds { sender: "ALICE", target: "SEALGATE" };
//! let (maker, mut reports) = fix::Client::connect("localhost:9444", session, tls, key).await?;
//! maker.place(&NewOrder::limit("BTC-USD", Side::Buy, "0.5".parse()?, "64000.00".parse()?)).await?;
//! while let Some(received) = reports.next().await {
//!     println!("{:?}", received.report);
//! }
//! # Ok(()) }
//! ```

mod driver;
mod keeper;
mod ledger;
mod market;
mod messages;
mod report;
mod session;
#[cfg(test)]
mod tests;

pub use crate::session::fix::Numbers;
pub use market::{MarketData, MarketReport, Topics};
pub use report::{
    CancelRejected, MassCanceled, Received, Refused, Report, Standing, Status, StreamAck, StreamReport,
};
pub use session::{Amended, CanceledAll, Endpoint, Event, Events, Session};

use super::connect::{self, now};
use super::{Amend, ApiKey, Error, NewOrder, OrderName, StreamPlace};
use crate::types::{CancelOn, MsgSeqNum, Side};
use driver::{Driver, Ears, Order, REPORTS_WAITING_MAX, Shared};
use rustls::ClientConfig;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};

/// Orders that may wait for the connection; a caller above it waits too.
const ORDERS_WAITING_MAX: usize = 256;

/// The names of a session, from the client's side.
#[derive(Clone, Copy, Debug)]
pub struct CompIds<'a> {
    /// SenderCompID(49) of what the client sends.
    pub sender: &'a str,
    /// TargetCompID(56) of what the client sends: the venue.
    pub target: &'a str,
}

/// What may be chosen about a connection.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// HeartBtInt(108) in seconds.
    pub heartbeat_secs: u32,
    /// ResetSeqNumFlag(141)=Y: both sequences start at 1, and what was missed stays missed.
    pub reset: bool,
    /// Where the sequences stand; [`Numbers::FRESH`] with `reset`, else of [`Client::numbers`] of the last connection.
    pub numbers: Numbers,
    /// Whether the Logon carries 93/89 over its whole body, for sessions whose policy wants it.
    pub sign_logon: bool,
    /// CancelOnDisconnectType(35002): which ends of the session cancel its orders; `None`: as the venue has it
    /// configured.
    pub cancel_on: Option<CancelOn>,
    /// CODTimeoutWindow(35003): how long a new Logon keeps them.
    pub cancel_grace: Option<Duration>,
    /// RecvWindow(25000): how old a request may be when it is sequenced; `None`: the venue's default, 5 s.
    pub recv_window: Option<Duration>,
    /// How long connection and logon may take.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            heartbeat_secs: 30,
            reset: true,
            numbers: Numbers::FRESH,
            sign_logon: false,
            cancel_on: None,
            cancel_grace: None,
            recv_window: None,
            timeout: Duration::from_secs(10),
        }
    }
}

/// A connection. Clones share it; when the last one is dropped it logs out.
#[derive(Clone)]
pub struct Client {
    orders: mpsc::Sender<Order>,
    shared: Arc<Shared>,
    next_id: Arc<AtomicU64>,
    /// Makes ClOrdIDs unique over connections and restarts.
    id_prefix: Arc<str>,
    recv_window: Option<Duration>,
}

/// An order or a cancel that was handed to the kernel. What becomes of it is told by a [`Report`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its ClOrdID(11).
    pub cl_ord_id: String,
    /// Its MsgSeqNum(34).
    pub number: MsgSeqNum,
    /// When it went, signed.
    pub at: Instant,
}

/// What the venue says, in order.
pub struct Reports {
    received: mpsc::Receiver<Received>,
}

impl Reports {
    /// The next message; `None` once the connection has ended, and [`Client::why_closed`] tells why.
    pub async fn next(&mut self) -> Option<Received> {
        self.received.recv().await
    }

    /// The next message that has arrived already.
    pub fn try_next(&mut self) -> Option<Received> {
        self.received.try_recv().ok()
    }
}

impl Client {
    /// Connects to `address`, such as `localhost:9444`, with the certificate in `tls`, and logs on.
    pub async fn connect(
        address: &str,
        comp_ids: CompIds<'_>,
        tls: Arc<ClientConfig>,
        key: ApiKey,
    ) -> Result<(Self, Reports), Error> {
        Self::connect_with(address, comp_ids, tls, key, Options::default()).await
    }

    /// [`Client::connect`] with options.
    pub async fn connect_with(
        address: &str,
        comp_ids: CompIds<'_>,
        tls: Arc<ClientConfig>,
        key: ApiKey,
        options: Options,
    ) -> Result<(Self, Reports), Error> {
        let late = |_| Error::Connect(format!("{address}: no logon within {:?}", options.timeout));
        let logon = async {
            let stream = connect::tls(address, tls).await?;
            let not_connected = |error: Error| match error {
                Error::Closed(why) => Error::Connect(format!("{address}: {why}")),
                error => error,
            };
            Self::logon(stream, comp_ids, key, options).await.map_err(not_connected)
        };
        tokio::time::timeout(options.timeout, logon).await.map_err(late)?
    }

    /// Logs on over any stream.
    async fn logon<S>(
        stream: S,
        comp_ids: CompIds<'_>,
        key: ApiKey,
        options: Options,
    ) -> Result<(Self, Reports), Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (established, is_established) = oneshot::channel();
        let (reports, received) = mpsc::channel(REPORTS_WAITING_MAX);
        let (orders, taken) = mpsc::channel(ORDERS_WAITING_MAX);
        let shared = Arc::new(Shared { why: Mutex::default(), numbers: Mutex::new(options.numbers) });
        let ears = Ears { reports, established: Some(established), shared: Arc::clone(&shared) };
        tokio::spawn(Driver::new(stream, key, comp_ids, &options, ears).run(taken));
        let id_prefix = format!("{:x}-", now().0).into();
        let (next_id, recv_window) = (Arc::new(AtomicU64::new(1)), options.recv_window);
        let client = Self { orders, shared, next_id, id_prefix, recv_window };
        is_established.await.map_err(|_| Error::Closed(client.why_closed()))?;
        Ok((client, Reports { received }))
    }

    /// Sends a NewOrderSingle(D), signed. Returns once it is on its way.
    pub async fn place(&self, order: &NewOrder) -> Result<Sent, Error> {
        let cl_ord_id = self.named(order.cl_ord_id.clone());
        self.send(b"D", messages::order(order, &cl_ord_id, now()), cl_ord_id).await
    }

    /// Sends an OrderCancelRequest(F) for an order of this side, signed. Returns once it is on its way.
    pub async fn cancel(
        &self,
        symbol: &str,
        side: Side,
        order: impl Into<OrderName>,
        cl_ord_id: Option<String>,
    ) -> Result<Sent, Error> {
        let cl_ord_id = self.named(cl_ord_id);
        let body = messages::cancel(symbol, side, &order.into(), None, &cl_ord_id, now());
        self.send(b"F", body, cl_ord_id).await
    }

    /// Sends an OrderCancelReplaceRequest(G), signed. Returns once it is on its way.
    pub async fn amend(&self, amend: &Amend) -> Result<Sent, Error> {
        let cl_ord_id = self.named(amend.cl_ord_id.clone());
        self.send(b"G", messages::amend(amend, &cl_ord_id, now()), cl_ord_id).await
    }

    /// Sends an OrderMassCancelRequest(q) for one instrument or all, one side or both, signed. The answer is
    /// [`Report::MassCanceled`], after one [`Report::Execution`] for each order.
    pub async fn cancel_all(
        &self,
        symbol: Option<&str>,
        side: Option<Side>,
        cl_ord_id: Option<String>,
    ) -> Result<Sent, Error> {
        let cl_ord_id = self.named(cl_ord_id);
        let body = messages::cancel_all(symbol, side, None, &cl_ord_id, now());
        self.send(b"q", body, cl_ord_id).await
    }

    /// Sends an OrderStatusRequest(H). The answer is a [`Report::Status`] of the name that this returns.
    pub async fn status(&self, symbol: &str, order: impl Into<OrderName>) -> Result<Sent, Error> {
        let req_id = self.named(None);
        self.send(b"H", messages::status(symbol, &order.into(), None, &req_id), req_id).await
    }

    /// Sends an OrderMassStatusRequest(AF) for one instrument or all. The answers are [`Report::Status`] of the name
    /// that this returns, the last of them marked.
    pub async fn open_orders(&self, symbol: Option<&str>) -> Result<Sent, Error> {
        let req_id = self.named(None);
        self.send(b"AF", messages::open_orders(symbol, None, &req_id), req_id).await
    }

    /// Asks for the executions of private streams behind these numbers again, up to now (ApplicationMessageRequest).
    /// The answer is a [`Report::StreamAck`] of the name that this returns, then each [`Report::Execution`], then
    /// [`Report::Streams`] of that name. What happens meanwhile comes in between; its number says where it belongs. For
    /// sessions that are told [`ExecutionReport::place`](crate::client::ExecutionReport::place).
    pub async fn resend_streams(&self, behind: &[StreamPlace]) -> Result<Sent, Error> {
        let req_id = self.named(None);
        self.send_marked(b"BW", messages::streams(b"0", behind, &req_id), req_id, false).await
    }

    /// Hears these private streams from now on, and what they told behind these numbers; all of the key's accounts,
    /// from now on, if none is named. The answer is a [`Report::StreamAck`] of the name that this returns; then each
    /// execution comes, whoever caused it, and now and then [`Report::Streams`] without a name: the last numbers.
    pub async fn subscribe_streams(&self, behind: &[StreamPlace]) -> Result<Sent, Error> {
        let req_id = self.named(None);
        self.send_marked(b"BW", messages::streams(b"1", behind, &req_id), req_id, false).await
    }

    /// Says Logout and waits until the connection has ended.
    pub async fn logout(&self) {
        // If the driver is gone, the connection has ended already.
        let _ = self.orders.send(Order::Logout).await;
        self.orders.closed().await;
    }

    /// Where the sequences stand.
    pub fn numbers(&self) -> Numbers {
        *self.shared.numbers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the connection ended, as far as it is known.
    pub fn why_closed(&self) -> String {
        let why = self.shared.why.lock().unwrap_or_else(PoisonError::into_inner);
        why.clone().unwrap_or_else(|| "the connection is open".to_owned())
    }

    async fn send(&self, msg_type: &'static [u8], mut body: Vec<u8>, name: String) -> Result<Sent, Error> {
        messages::put_recv_window(&mut body, self.recv_window);
        self.send_marked(msg_type, body, name, false).await
    }

    /// Sends a message; with PossResend(97)=Y it may have been sent before, under another number.
    async fn send_marked(
        &self,
        msg_type: &'static [u8],
        body: Vec<u8>,
        cl_ord_id: String,
        poss_resend: bool,
    ) -> Result<Sent, Error> {
        let (sent, written) = oneshot::channel();
        let order = Order::Send { msg_type, body, cl_ord_id: cl_ord_id.clone(), poss_resend, sent };
        self.orders.send(order).await.map_err(|_| Error::Closed(self.why_closed()))?;
        // Dropped without a word: the connection broke while it was written.
        written.await.unwrap_or_else(|_| Err(Error::OutcomeUnknown { cl_ord_id, why: self.why_closed() }))
    }

    async fn command(&self, order: Order) -> Result<(), Error> {
        self.orders.send(order).await.map_err(|_| Error::Closed(self.why_closed()))
    }

    fn named(&self, name: Option<String>) -> String {
        name.unwrap_or_else(|| format!("{}{}", self.id_prefix, self.next_id.fetch_add(1, Ordering::Relaxed)))
    }
}
