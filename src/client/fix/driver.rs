//! The task that owns the connection and drives the session machine: orders become signed messages, bytes become
//! reports, time becomes heartbeats. It works over any stream; outside of tests that is TLS.

use super::market::{Ear, MarketReport};
use super::{CompIds, Options, Received, Report, Sent, report};
use crate::client::connect::now;
use crate::client::{ApiKey, Error};
use crate::session::fix::{Collected, Incoming, LogonRequest, Notice, Numbers, Outgoing, Session, Settings};
use crate::types::{MsgSeqNum, Nanos, Span};
use crate::wire::fix::{Index, Message, Taken, tag, take};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};

/// Reports that may wait for their reader; above it the connection ends. Reports are never dropped silently.
pub(super) const REPORTS_WAITING_MAX: usize = 65_536;

/// A Reject(3) names its message by number alone; so far back its ClOrdID is remembered.
const NUMBERS_REMEMBERED_MAX: usize = 4_096;

pub(super) enum Order {
    /// Sign this, number it, send it.
    Send {
        msg_type: &'static [u8],
        body: Vec<u8>,
        cl_ord_id: String,
        /// PossResend(97)=Y.
        poss_resend: bool,
        sent: oneshot::Sender<Result<Sent, Error>>,
    },
    /// Deliver market data here from now on.
    DeliverMarket(mpsc::Sender<MarketReport>),
    /// Say Logout; the answer ends the connection.
    Logout,
}

/// What the driver leaves for its clients to read.
pub(super) struct Shared {
    pub(super) why: Mutex<Option<String>>,
    pub(super) numbers: Mutex<Numbers>,
}

pub(super) struct Driver<S> {
    stream: S,
    session: Session,
    key: ApiKey,
    out: Collected,
    inbox: Vec<u8>,
    /// A message that had come before its turn.
    queued: Vec<u8>,
    index: Box<Index>,
    ears: Ears,
    /// Who hears of market data; nobody, until somebody asks for it.
    market: Option<Ear>,
    /// What the server's Logout says.
    goodbye: Option<String>,
    recent: VecDeque<(MsgSeqNum, String)>,
    /// Those whose messages are in `out` and not yet written.
    unwritten: Vec<(Sent, oneshot::Sender<Result<Sent, Error>>)>,
}

/// Who hears what.
pub(super) struct Ears {
    pub(super) reports: mpsc::Sender<Received>,
    /// Told once the session is established.
    pub(super) established: Option<oneshot::Sender<()>>,
    pub(super) shared: Arc<Shared>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// A session whose Logon is ready to go.
    pub(super) fn new(stream: S, key: ApiKey, comp_ids: CompIds<'_>, options: &Options, ears: Ears) -> Self {
        let mut session =
            Session::new(Settings::initiator(comp_ids.sender, comp_ids.target), options.numbers);
        let mut out = Collected::forgetting();
        let request = LogonRequest {
            heartbeat_secs: options.heartbeat_secs,
            username: Some(key.name().as_bytes()),
            reset: options.reset,
            sign: &|bytes| key.sign(bytes),
            sign_message: options.sign_logon,
            cancel_on: options.cancel_on,
            cancel_grace: options
                .cancel_grace
                .map(|grace| Span::from_millis(u64::try_from(grace.as_millis()).unwrap_or(u64::MAX))),
        };
        session.connect(&request, now(), &mut out);
        Self {
            stream,
            session,
            key,
            out,
            inbox: Vec::with_capacity(16 * 1024),
            queued: Vec::new(),
            index: Box::default(),
            ears,
            market: None,
            goodbye: None,
            recent: VecDeque::new(),
            unwritten: Vec::new(),
        }
    }

    /// Runs until the connection or the last client has gone.
    pub(super) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let why = match self.turn(&mut orders).await {
            Ok(why) => why,
            Err(error) => error.to_string(),
        };
        // Set before the reports end, so that whoever sees their end can tell why, and where to go on: a report that
        // was handed over must not be asked for again.
        self.tell_numbers();
        *self.ears.shared.why.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    async fn turn(&mut self, orders: &mut mpsc::Receiver<Order>) -> Result<String, Error> {
        let mut has_clients = true;
        loop {
            let closing = self.notices();
            self.flush().await?;
            if let Some(why) = closing {
                // The other side may be gone already, and then nobody hears a goodbye.
                let _ = self.stream.shutdown().await;
                return Ok(why);
            }
            let rest = self.session.deadline().map_or(Duration::from_secs(1), |at| at.since(now()).into());
            tokio::select! {
                order = orders.recv(), if has_clients => match order {
                    Some(order) => self.take_orders(order, orders),
                    None => {
                        has_clients = false;
                        self.session.logout("", now(), &mut self.out);
                    }
                },
                read = self.stream.read_buf(&mut self.inbox) => match read {
                    Ok(0) => return Ok("the server closed the connection".to_owned()),
                    Ok(_) => self.take_in()?,
                    Err(error) => return Err(Error::Closed(error.to_string())),
                },
                () = tokio::time::sleep(rest) => self.session.tick(now(), &mut self.out),
            }
        }
    }

    /// All that waits goes into one write.
    fn take_orders(&mut self, first: Order, orders: &mut mpsc::Receiver<Order>) {
        let mut next = Some(first);
        while let Some(order) = next {
            match order {
                Order::Send { msg_type, body, cl_ord_id, poss_resend, sent } => {
                    self.send(msg_type, &body, poss_resend, (cl_ord_id, sent))
                }
                Order::DeliverMarket(to) => self.market = Some(Ear::new(to)),
                Order::Logout => self.session.logout("", now(), &mut self.out),
            }
            next = orders.try_recv().ok();
        }
    }

    fn send(
        &mut self,
        msg_type: &[u8],
        body: &[u8],
        poss_resend: bool,
        (cl_ord_id, sent): (String, oneshot::Sender<Result<Sent, Error>>),
    ) {
        if !self.session.state().is_established() {
            // A caller that gave up needs no answer.
            return drop(sent.send(Err(Error::Closed("not logged on".to_owned()))));
        }
        let key = &self.key;
        let sign = |bytes: &[u8]| key.sign(bytes);
        let message = Outgoing { msg_type, body, event: None, poss_resend, sign: Some(&sign) };
        let number = self.session.send(&message, now(), &mut self.out);
        if self.recent.len() == NUMBERS_REMEMBERED_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((number, cl_ord_id.clone()));
        self.unwritten.push((Sent { cl_ord_id, number, at: Instant::now() }, sent));
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.tell_numbers();
        if self.out.wire.is_empty() {
            return Ok(());
        }
        let at = Instant::now();
        let written = async {
            self.stream.write_all(&self.out.wire).await?;
            self.stream.flush().await
        };
        written.await.map_err(|error| Error::Closed(error.to_string()))?;
        self.out.wire.clear();
        for (sent, to) in self.unwritten.drain(..) {
            // A caller that gave up meanwhile finds its order in the reports.
            drop(to.send(Ok(Sent { at, ..sent })));
        }
        Ok(())
    }

    fn tell_numbers(&self) {
        *self.ears.shared.numbers.lock().unwrap_or_else(PoisonError::into_inner) = self.session.numbers();
    }

    /// Why the session is over, if it is.
    fn notices(&mut self) -> Option<String> {
        let mut why = None;
        for notice in self.out.notices.drain(..) {
            match notice {
                Notice::LoggedOn => {
                    if let Some(established) = self.ears.established.take() {
                        // A caller that does not wait for it does not want it.
                        let _ = established.send(());
                    }
                }
                Notice::Close(reason) => {
                    // The reason that the server gives says more than the session's own.
                    why = Some(self.goodbye.take().unwrap_or_else(|| reason.to_string()));
                }
                // An initiator sends no order again: the session fills the gap itself.
                Notice::Replay { .. } | Notice::Paused => {}
            }
        }
        why
    }

    fn take_in(&mut self) -> Result<(), Error> {
        let (inbox, mut index) = (std::mem::take(&mut self.inbox), std::mem::take(&mut self.index));
        let mut at = 0;
        loop {
            match take(&inbox[at..], true, &mut index) {
                Taken::NeedMore => break,
                Taken::Message(message) => {
                    self.message(&message)?;
                    self.drain_queue()?;
                    at += message.bytes().len();
                }
                // Garbled messages are ignored; they use up no number.
                Taken::Garbled { skip, .. } => at += skip,
                Taken::TooLong => return Err(Error::Protocol("a message above the limit".to_owned())),
            }
        }
        (self.inbox, self.index) = (inbox, index);
        self.inbox.drain(..at);
        Ok(())
    }

    fn drain_queue(&mut self) -> Result<(), Error> {
        let (mut queued, mut index) = (std::mem::take(&mut self.queued), Index::new());
        while self.session.take_queued(&mut queued, now(), &mut self.out) {
            if let Ok(message) = Message::parse(&queued, &mut index) {
                self.message(&message)?;
            }
        }
        self.queued = queued;
        Ok(())
    }

    fn message(&mut self, message: &Message<'_>) -> Result<(), Error> {
        let at = Instant::now();
        if message.msg_type() == b"5"
            && let Some(text) = message.get(tag::TEXT)
        {
            self.goodbye = Some(format!("the server logged out: {}", String::from_utf8_lossy(text)));
        }
        if self.session.receive(message, now(), &mut self.out) != Incoming::Deliver {
            return Ok(());
        }
        if matches!(message.msg_type(), b"W" | b"X" | b"Y") {
            return self.market.as_mut().map_or(Ok(()), |market| market.hear(message));
        }
        let report = report::read(message)
            .ok_or_else(|| Error::Protocol(format!("not understood: {}", printable(message.bytes()))))?;
        let possible_duplicate = message.flag(tag::POSS_DUP_FLAG) || message.flag(tag::POSS_RESEND);
        let report = named(report, &self.recent);
        let sent = message.time(tag::SENDING_TIME).unwrap_or(Nanos(0));
        deliver(&self.ears.reports, Received { report, at, sent, possible_duplicate })
    }
}

/// A Reject(3) has no ClOrdID; the number of the message that it rejects finds it.
fn named(mut report: Report, recent: &VecDeque<(MsgSeqNum, String)>) -> Report {
    if let Report::Refused(refused) = &mut report
        && refused.cl_ord_id.is_none()
    {
        let found = recent.iter().rev().find(|(number, _)| *number == refused.number);
        refused.cl_ord_id = found.map(|(_, cl_ord_id)| cl_ord_id.clone());
    }
    report
}

fn deliver(reports: &mpsc::Sender<Received>, received: Received) -> Result<(), Error> {
    match reports.try_send(received) {
        // The reader was dropped: its owner wants no more of them.
        Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
        Err(mpsc::error::TrySendError::Full(_)) => {
            Err(Error::Closed(format!("{REPORTS_WAITING_MAX} reports were not read")))
        }
    }
}

fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\x01', "|")
}
