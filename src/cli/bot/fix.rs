//! The actions that FIX serves.
//!
//! Orders and cancels are not answered one by one as over WebSocket: what becomes of them comes as reports. An
//! order is settled once it is closed, or once it rests and nothing more was told of it for a moment.

use super::grammar::{Action, Place};
use super::home::Home;
use super::say::{Outcome, Said, Say};
use super::websocket::{Following, order};
use super::{Failure, Options};
use crate::client::fix::{Client, CompIds, Options as How, Received, Report, Reports, Sent};
use crate::client::{ApiError, Error, ExecutionReport, OrderName};
use crate::types::{ExecType, OrdStatus, Side};
use crate::wire::json::words::status;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// The trades of an order that came in follow its acceptance in the same write; so long they are waited for.
const SETTLING: Duration = Duration::from_millis(20);

/// A session that is logged on.
pub struct Session {
    client: Client,
    reports: Reports,
    timeout: Duration,
    account: Option<String>,
    /// Executions that came while something else was waited for.
    heard: VecDeque<ExecutionReport>,
    /// The side of each order of this run, by ClOrdID and by OrderID: a cancel must tell it.
    sides: HashMap<String, Side>,
}

impl Session {
    /// Connects and logs on, both sequences at 1.
    pub async fn open(options: &Options, home: &Home) -> Result<Self, Failure> {
        let how = How { timeout: options.timeout.0, ..How::default() };
        let comp_ids = CompIds { sender: &home.comp_ids.0, target: &home.comp_ids.1 };
        let (client, reports) =
            Client::connect_with(&home.url, comp_ids, home.tls.clone(), home.key.clone(), how)
                .await
                .map_err(Failure::NoSession)?;
        let (timeout, account) = (options.timeout.0, options.account.clone());
        Ok(Self { client, reports, timeout, account, heard: VecDeque::new(), sides: HashMap::new() })
    }

    /// Does one action.
    pub async fn act(&mut self, action: &Action, say: &Say) -> Result<Outcome, Failure> {
        match action {
            Action::Place(place) if !place.test => self.place(place, say).await,
            Action::Cancel { symbol, order, id, side } => {
                let order = order.name();
                let side = side.or_else(|| self.sides.get(&text(&order)).copied()).ok_or_else(|| {
                    Failure::Usage("a cancel over FIX tells the side: --side buy or --side sell".to_owned())
                })?;
                self.cancel(symbol, order, id.clone(), side, say).await
            }
            Action::Follow { count, time } => self.follow(*count, time.map(|time| time.0), say).await,
            // The run itself sees to these.
            Action::Wait { .. } | Action::Expect { .. } => Ok(Outcome::default()),
            _ => Err(Failure::Usage(
                "this bot does it over WebSocket only; leave out --protocol fix".to_owned(),
            )),
        }
    }

    /// Says goodbye.
    pub async fn close(self) {
        // A venue that does not answer the Logout is left all the same.
        let _ = tokio::time::timeout(self.timeout, self.client.logout()).await;
    }

    async fn place(&mut self, place: &Place, say: &Say) -> Result<Outcome, Failure> {
        let order = order(place, self.account.as_deref())?;
        let sent = self.client.place(&order).await?;
        self.sides.insert(sent.cl_ord_id.clone(), order.side);
        let mut last = None;
        loop {
            let patience = if last.is_some() { SETTLING } else { self.timeout };
            let Some(received) = self.next(patience, &sent).await? else { break };
            match answer(received.report, &sent)? {
                Answer::Execution(report) if report.cl_ord_id == sent.cl_ord_id => {
                    let at = received.at;
                    if let Some(refusal) = refused(&report) {
                        return Err(refusal);
                    }
                    self.sides.extend(report.order_id.map(|id| (id.0.to_string(), order.side)));
                    self.tell(&report, at, last.is_none(), &sent, say)?;
                    let closed = is_closed(report.status);
                    last = Some(report);
                    if closed {
                        break;
                    }
                }
                Answer::Execution(report) => self.heard.push_back(report),
                Answer::Repeated(standing) => {
                    say.say(&Said::standing("placed", &standing))?;
                    return Ok(Outcome { word: Some(status(standing.status).to_owned()) });
                }
                Answer::Other => {}
            }
        }
        Ok(Outcome { word: last.map(|report| status(report.status).to_owned()) })
    }

    /// The first report of an order is the answer to it, those that follow are executions.
    fn tell(
        &mut self,
        report: &ExecutionReport,
        at: Instant,
        first: bool,
        sent: &Sent,
        say: &Say,
    ) -> Result<(), Failure> {
        let what = if first { "placed" } else { "execution" };
        let said = Said::execution(what, report);
        self.heard.push_back(report.clone());
        say.say(&if first { said.timed(at - sent.at, false) } else { said })
    }

    async fn cancel(
        &mut self,
        symbol: &str,
        order: OrderName,
        id: Option<String>,
        side: Side,
        say: &Say,
    ) -> Result<Outcome, Failure> {
        let sent = self.client.cancel(symbol, side, order, id).await?;
        while let Some(received) = self.next(self.timeout, &sent).await? {
            match answer(received.report, &sent)? {
                Answer::Execution(report) => {
                    let mine = report.cl_ord_id == sent.cl_ord_id && report.exec_type == ExecType::Canceled;
                    if mine {
                        say.say(&Said::execution("canceled", &report).timed(received.at - sent.at, false))?;
                    }
                    let word = status(report.status).to_owned();
                    self.heard.push_back(report);
                    if mine {
                        return Ok(Outcome { word: Some(word) });
                    }
                }
                Answer::Repeated(standing) => {
                    say.say(&Said::standing("canceled", &standing))?;
                    return Ok(Outcome { word: Some(status(standing.status).to_owned()) });
                }
                Answer::Other => {}
            }
        }
        Ok(Outcome::default())
    }

    /// The next report; none once `patience` is over, which is a failure as long as nothing has answered `sent`.
    async fn next(&mut self, patience: Duration, sent: &Sent) -> Result<Option<Received>, Failure> {
        let unknown =
            |why: String| Failure::Client(Error::OutcomeUnknown { cl_ord_id: sent.cl_ord_id.clone(), why });
        match tokio::time::timeout(patience, self.reports.next()).await {
            Ok(Some(received)) => Ok(Some(received)),
            Ok(None) => Err(unknown(self.client.why_closed())),
            Err(_) if patience == SETTLING => Ok(None),
            Err(_) => Err(unknown("no answer in time".to_owned())),
        }
    }

    async fn follow(
        &mut self,
        count: Option<u64>,
        time: Option<Duration>,
        say: &Say,
    ) -> Result<Outcome, Failure> {
        let mut following = Following::new(count, time);
        while !following.is_done() {
            let report = match self.heard.pop_front() {
                Some(report) => report,
                None => match following.wait(self.reports.next()).await {
                    Some(Some(Received { report: Report::Execution(report), .. })) => report,
                    Some(Some(_)) => continue,
                    Some(None) => return Err(Error::Closed(self.client.why_closed()).into()),
                    None => break,
                },
            };
            following.heard(&report, say)?;
        }
        following.finish()
    }
}

/// What a report means for what was sent.
enum Answer {
    Execution(ExecutionReport),
    Repeated(crate::client::fix::Standing),
    Other,
}

fn answer(report: Report, sent: &Sent) -> Result<Answer, Failure> {
    Ok(match report {
        Report::Execution(report) => Answer::Execution(report),
        Report::Repeated(standing) if standing.cl_ord_id == sent.cl_ord_id => Answer::Repeated(standing),
        Report::CancelRejected(no) if no.cl_ord_id == sent.cl_ord_id => return Err(refusal(no.text)),
        Report::Refused(no) if no.cl_ord_id.as_deref() == Some(&sent.cl_ord_id) => {
            return Err(refusal(no.text));
        }
        _ => Answer::Other,
    })
}

fn refused(report: &ExecutionReport) -> Option<Failure> {
    (report.exec_type == ExecType::Rejected).then(|| refusal(report.text.clone()))
}

fn refusal(text: String) -> Failure {
    Error::Refused(ApiError::of_text(text)).into()
}

fn is_closed(status: OrdStatus) -> bool {
    !matches!(status, OrdStatus::New | OrdStatus::PartiallyFilled)
}

fn text(order: &OrderName) -> String {
    match order {
        OrderName::OrderId(id) => id.0.to_string(),
        OrderName::ClOrdId(name) => name.clone(),
    }
}
