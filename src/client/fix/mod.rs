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
mod messages;
#[cfg(test)]
mod tests;

pub use crate::session::fix::Numbers;

use super::connect::{self, now};
use super::error::reject_named;
use super::report::ExecutionReport;
use super::{ApiKey, Error, NewOrder, OrderName};
use crate::types::{Decimal, MsgSeqNum, OrdStatus, OrderId, Reject, Side};
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

/// A message of the venue's, and when it had been read.
#[derive(Clone, Debug)]
pub struct Received {
    /// What it says.
    pub report: Report,
    /// When.
    pub at: Instant,
    /// PossDupFlag(43) or PossResend(97): it may have been told before.
    pub possible_duplicate: bool,
}

/// What the venue says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// ExecutionReport(8): an order changed.
    Execution(ExecutionReport),
    /// ExecutionReport(8) with ExecType(150)=I: the request had come before; this is how its order stands now.
    Repeated(Standing),
    /// OrderCancelReject(9).
    CancelRejected(CancelRejected),
    /// Reject(3) or BusinessMessageReject(j): the message was not taken, and never will be.
    Refused(Refused),
}

/// How an order stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// ClOrdID(11).
    pub cl_ord_id: String,
    /// OrderID(37).
    pub order_id: Option<OrderId>,
    /// OrdStatus(39).
    pub status: OrdStatus,
    /// CumQty(14).
    pub cum_qty: Decimal,
}

/// A cancel that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelRejected {
    /// ClOrdID(11) of the cancel.
    pub cl_ord_id: String,
    /// OrigClOrdID(41) of the order that it meant, `NONE` if it named it otherwise.
    pub orig_cl_ord_id: String,
    /// Why: Text(58).
    pub text: String,
}

/// A message that was refused as such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// RefSeqNum(45): its number.
    pub number: MsgSeqNum,
    /// Its ClOrdID, as far as the client remembers.
    pub cl_ord_id: Option<String>,
    /// Why: Text(58).
    pub text: String,
}

impl CancelRejected {
    /// Sealgate's own name of the reason.
    pub fn reject(&self) -> Option<Reject> {
        reject_named(&self.text)
    }
}

impl Refused {
    /// Sealgate's own name of the reason.
    pub fn reject(&self) -> Option<Reject> {
        reject_named(&self.text)
    }
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
        let client = Self { orders, shared, next_id: Arc::new(AtomicU64::new(1)), id_prefix };
        is_established.await.map_err(|_| Error::Closed(client.why_closed()))?;
        Ok((client, Reports { received }))
    }

    /// Sends a NewOrderSingle(D), signed. Returns once it is on its way.
    pub async fn place(&self, order: &NewOrder) -> Result<Sent, Error> {
        let cl_ord_id = order.cl_ord_id.clone().unwrap_or_else(|| self.next_cl_ord_id());
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
        let cl_ord_id = cl_ord_id.unwrap_or_else(|| self.next_cl_ord_id());
        let body = messages::cancel(symbol, side, &order.into(), None, &cl_ord_id, now());
        self.send(b"F", body, cl_ord_id).await
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

    async fn send(&self, msg_type: &'static [u8], body: Vec<u8>, cl_ord_id: String) -> Result<Sent, Error> {
        let (sent, written) = oneshot::channel();
        let order = Order::Send { msg_type, body, cl_ord_id: cl_ord_id.clone(), sent };
        self.orders.send(order).await.map_err(|_| Error::Closed(self.why_closed()))?;
        // Dropped without a word: the connection broke while it was written.
        written.await.unwrap_or_else(|_| Err(Error::OutcomeUnknown { cl_ord_id, why: self.why_closed() }))
    }

    fn next_cl_ord_id(&self) -> String {
        format!("{}{}", self.id_prefix, self.next_id.fetch_add(1, Ordering::Relaxed))
    }
}
