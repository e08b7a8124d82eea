//! The task that owns the connection: requests go out in turn, answers find their request by `id`, pushes go to
//! the subscription. It ends with the connection, and leaves the reason behind.

use super::market;
use super::messages::{self, Envelope};
use crate::client::Error;
use crate::client::market::MarketEvent;
use crate::client::report::ExecutionReport;
use futures_util::{SinkExt as _, StreamExt as _};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

/// Executions, and market data events, that may wait for their reader. Above it the connection ends: nothing is
/// dropped silently, and a bot that is so far behind must ask for its state anyway.
const EVENTS_WAITING_MAX: usize = 65_536;

/// The server pings every 20 seconds. If nothing at all came for so long, nothing will: a network that fell away says
/// no goodbye.
const SILENCE_MAX: Duration = Duration::from_secs(45);

pub(super) enum Order {
    /// Send this, and tell the answer.
    Request { id: u64, text: String, answer: oneshot::Sender<Reply> },
    /// The request was given up; its answer, if it comes, is counted as late.
    Forget(u64),
    /// Deliver executions here from now on.
    Deliver(mpsc::Sender<ExecutionReport>),
    /// Deliver market data here from now on.
    DeliverMarket(mpsc::Sender<MarketEvent>),
    /// Say goodbye and end.
    Close,
}

/// The text of an answer, and when it had been read.
pub(super) struct Reply {
    pub(super) text: Utf8Bytes,
    pub(super) received: Instant,
}

/// What the driver leaves for its clients to read.
#[derive(Default)]
pub(super) struct Epitaph {
    /// Why the connection ended.
    pub(super) why: OnceLock<String>,
    /// Answers that nobody waited for.
    pub(super) stray_answers: AtomicU64,
}

pub(super) fn executions() -> (mpsc::Sender<ExecutionReport>, mpsc::Receiver<ExecutionReport>) {
    mpsc::channel(EVENTS_WAITING_MAX)
}

pub(super) fn market() -> (mpsc::Sender<MarketEvent>, mpsc::Receiver<MarketEvent>) {
    mpsc::channel(EVENTS_WAITING_MAX)
}

/// Runs until the connection or the last client has gone, over any stream; outside of tests that is TLS.
pub(super) async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    mut socket: WebSocketStream<S>,
    mut orders: mpsc::Receiver<Order>,
    epitaph: Arc<Epitaph>,
) {
    let mut driver =
        Driver { waiting: HashMap::new(), executions: None, market: None, epitaph: Arc::clone(&epitaph) };
    let mut heard = tokio::time::Instant::now();
    let why = loop {
        tokio::select! {
            () = tokio::time::sleep_until(heard + SILENCE_MAX) => {
                break format!("the server was silent for {SILENCE_MAX:?}");
            }
            order = orders.recv() => match order {
                Some(Order::Request { id, text, answer }) => {
                    driver.waiting.insert(id, answer);
                    if let Err(error) = socket.send(Message::text(text)).await {
                        break error.to_string();
                    }
                }
                Some(Order::Forget(id)) => drop(driver.waiting.remove(&id)),
                Some(Order::Deliver(to)) => driver.executions = Some(to),
                Some(Order::DeliverMarket(to)) => driver.market = Some(to),
                Some(Order::Close) | None => {
                    // The other side may be gone already, and then nobody hears a goodbye.
                    let _ = socket.close(None).await;
                    break "this client closed it".to_owned();
                }
            },
            message = socket.next() => { heard = tokio::time::Instant::now(); match message {
                Some(Ok(Message::Text(text))) => match driver.take(text) {
                    Ok(()) => {}
                    Err(error) => break error.to_string(),
                },
                Some(Ok(Message::Close(frame))) => break match frame {
                    Some(frame) => format!("the server closed it: {} {}", u16::from(frame.code), frame.reason),
                    None => "the server closed it".to_owned(),
                },
                // Tungstenite answers pings by itself.
                Some(Ok(_)) => {}
                Some(Err(error)) => break error.to_string(),
                None => break "the connection ended".to_owned(),
            }},
        }
    };
    // Set before the waiting requests see their channel end, so that they can tell why.
    let _ = epitaph.why.set(why);
}

struct Driver {
    waiting: HashMap<u64, oneshot::Sender<Reply>>,
    executions: Option<mpsc::Sender<ExecutionReport>>,
    market: Option<mpsc::Sender<MarketEvent>>,
    epitaph: Arc<Epitaph>,
}

impl Driver {
    fn take(&mut self, text: Utf8Bytes) -> Result<(), Error> {
        let received = Instant::now();
        let envelope: Envelope<'_> = serde_json::from_str(&text)
            .map_err(|error| Error::Protocol(format!("not an answer ({error}): {text}")))?;
        if envelope.event.is_some() {
            return self.push(&text);
        }
        let asked = envelope.id.and_then(|id| self.waiting.remove(&id));
        if asked.is_none_or(|answer| answer.send(Reply { text, received }).is_err()) {
            self.epitaph.stray_answers.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn push(&mut self, text: &str) -> Result<(), Error> {
        match messages::execution(text)? {
            Some(report) => hand(report, &mut self.executions, "executions"),
            None => match market::event(text)? {
                Some(event) => hand(event, &mut self.market, "market data events"),
                None => Ok(()),
            },
        }
    }
}

/// Gives something to its reader, if there is one.
fn hand<T>(what: T, to: &mut Option<mpsc::Sender<T>>, name: &str) -> Result<(), Error> {
    let Some(reader) = to else { return Ok(()) };
    match reader.try_send(what) {
        Ok(()) => Ok(()),
        Err(mpsc::error::TrySendError::Full(_)) => {
            Err(Error::Closed(format!("{EVENTS_WAITING_MAX} {name} were not read")))
        }
        // The stream was dropped: its owner wants no more of it.
        Err(mpsc::error::TrySendError::Closed(_)) => {
            *to = None;
            Ok(())
        }
    }
}
