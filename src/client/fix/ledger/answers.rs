//! What reports mean for the requests of a ledger, and how a lost answer is found out.

use super::{Act, Answer, Kind, Ledger, Link, Request, State, Ticket};
use crate::client::fix::messages;
use crate::client::fix::report::{Received, Refused, Report, Standing, Status};
use crate::client::{ApiError, Error, Event, ExecutionReport, OrderName, Recovered};
use crate::types::{ExecType, Nanos, OrdStatus, OrderId, Reject, Span};
use std::collections::BTreeMap;

/// The pause before a question of the ledger's own that was refused, where the venue does not say how long.
const PAUSE: Span = Span::from_millis(100);

impl Ledger {
    /// A report of the venue's.
    pub(in crate::client::fix) fn heard(&mut self, received: &Received, now: Nanos) {
        self.clock = self.clock.max(received.sent);
        match &received.report {
            Report::Execution(report) => self.placed(report, now),
            Report::StreamAck(ack) => self.streams_acknowledged(ack, now),
            Report::Streams(report) => self.streams_reported(report, now),
            Report::Repeated(order) => {
                let names = [Some(order.cl_ord_id.as_str()), order.orig_cl_ord_id.as_deref()];
                let ticket = names.into_iter().flatten().find_map(|name| self.names.get(name).copied());
                self.answer(ticket, received.report.clone(), true);
            }
            Report::CancelRejected(no) => {
                self.refuse(self.names.get(&no.cl_ord_id).copied(), no.error(), now)
            }
            Report::MassCanceled(done) => {
                let ticket = self.names.get(&done.cl_ord_id).copied();
                match done.error() {
                    Some(error) => self.refuse(ticket, error, now),
                    None => self.answer(ticket, received.report.clone(), false),
                }
            }
            Report::Status(status) => self.told(status, now),
            Report::Refused(no) => self.refuse(self.refused(no), no.error(), now),
        }
    }

    /// A Reject(3) names its message by number alone.
    fn refused(&self, no: &Refused) -> Option<Ticket> {
        let named = no.cl_ord_id.as_ref().and_then(|name| self.names.get(name));
        named.or_else(|| self.numbers.get(&no.number)).copied()
    }

    pub(super) fn executed(&mut self, report: &ExecutionReport) {
        let ticket = self.names.get(&report.cl_ord_id).copied();
        if report.exec_type == ExecType::Rejected {
            let refusal = ApiError::of_text(report.text.clone());
            return self.finish(ticket, Err(Error::Refused(refusal)));
        }
        if let Some(id) = report.order_id {
            match is_open(report.status) {
                true => self.open.insert(id, report.into()),
                false => self.open.remove(&id),
            };
            self.heard_since.insert(id);
        }
        self.acts.push_back(Act::Tell(Event::Execution(report.clone())));
        match ticket.and_then(|ticket| self.entries.get_mut(&ticket)) {
            Some(entry) if entry.request.kind == Kind::CancelAll => entry.orders.push(report.into()),
            Some(_) => self.answer(ticket, Report::Execution(report.clone()), false),
            None => {
                // Another request closed the order before its own answer was told.
                let order = self.names.get(report.entered_as()).copied();
                self.answer(order, Report::Execution(report.clone()), false);
            }
        }
    }

    /// One of the answers to a question.
    fn told(&mut self, status: &Status, now: Nanos) {
        let Some(ticket) = self.names.get(&status.req_id).copied() else { return };
        let Some(entry) = self.entries.get_mut(&ticket) else { return };
        if status.order.is_none() && status.error().reject == Some(Reject::TooManyReports) {
            return self.refuse(Some(ticket), status.error(), now);
        }
        entry.orders.extend(status.order.clone());
        if !status.last {
            return;
        }
        match entry.request.kind {
            Kind::Sync => self.synced(ticket, now),
            Kind::Probe(of) => self.probed(ticket, of, status, now),
            Kind::Meanwhile => {
                self.remove(ticket);
                if let Some(order) = status.order.clone().filter(|order| !is_open(order.status)) {
                    self.acts.push_back(Act::Tell(Event::ClosedMeanwhile(order)));
                }
            }
            _ => self.answer(Some(ticket), Report::Status(status.clone()), false),
        }
    }

    /// One account has told its open orders. With the last of them the fence is passed.
    fn synced(&mut self, ticket: Ticket, now: Nanos) {
        if let Some(entry) = self.remove(ticket) {
            self.synced.extend(entry.orders);
        }
        if self.entries.values().any(|entry| entry.request.kind == Kind::Sync) {
            return;
        }
        self.link = Link::Current;
        let gone = self.take_synced();
        let mut open: Vec<Standing> = self.open.values().cloned().collect();
        open.sort_by_key(|order| order.order_id);
        let since = self.down_since.take();
        if since.is_some() || !self.begun {
            self.begun = true;
            let away = since.map(|since| now.since(since).into());
            self.acts.push_back(Act::Tell(Event::Connected { open, away }));
        }
        for order in gone {
            if let Some(id) = order.order_id {
                self.ask_for(Kind::Meanwhile, order.symbol, OrderName::OrderId(id), None, now);
            }
        }
        for ticket in self.tickets(|entry| entry.state == State::Lost) {
            self.find_out(ticket, now);
        }
    }

    /// Takes what the fence has told for how the orders stand, but for those that were heard of since: an order that
    /// was entered behind the question is open though the answer does not tell it. Gives those that closed unheard.
    fn take_synced(&mut self) -> Vec<Standing> {
        let told: BTreeMap<OrderId, Standing> =
            self.synced.drain(..).filter_map(|order| Some((order.order_id?, order))).collect();
        let heard = std::mem::take(&mut self.heard_since);
        let is_gone = |id: &OrderId| !told.contains_key(id) && !heard.contains(id);
        let gone = self.open.extract_if(|id, _| is_gone(id)).map(|(_, order)| order).collect();
        // A report may tell an order that has closed since the question.
        let news = told.into_iter().filter(|(id, order)| !heard.contains(id) && is_open(order.status));
        self.open.extend(news);
        gone
    }

    /// Behind the fence: a request without an answer did not arrive, or its answer is gone.
    fn find_out(&mut self, ticket: Ticket, now: Nanos) {
        let Some(entry) = self.entries.get_mut(&ticket) else { return };
        let stale = now.since(entry.entered) > self.terms.send_again;
        if entry.request.kind != Kind::Order || !stale {
            return self.send(ticket);
        }
        self.probe(ticket, now);
    }

    /// Asks what became of an order.
    fn probe(&mut self, ticket: Ticket, now: Nanos) {
        let Some(entry) = self.entries.get_mut(&ticket) else { return };
        entry.state = State::Probed;
        let Request { name, symbol, account, .. } = entry.request.clone();
        self.ask_for(Kind::Probe(ticket), symbol.unwrap_or_default(), OrderName::ClOrdId(name), account, now);
    }

    fn ask_for(&mut self, kind: Kind, symbol: String, order: OrderName, account: Option<String>, now: Nanos) {
        let name = self.own_name();
        let body = messages::status(&symbol, &order, account.as_deref(), &name);
        self.ask(Request { kind, msg_type: b"H", name, symbol: Some(symbol), account, body }, now);
    }

    /// What became of a stale order. That it is not known is final once its window was over before the question.
    fn probed(&mut self, probe: Ticket, of: Ticket, status: &Status, now: Nanos) {
        let asked_at = self.entries.get(&probe).map_or(Nanos(0), |entry| entry.asked_at);
        let Some(order) = self.entries.get(&of) else { return drop(self.remove(probe)) };
        let over = order.last_sent.unwrap_or(order.entered) + self.terms.window;
        if status.order.is_none() && asked_at <= over {
            let later = now + over.since(self.clock) + Span::from_millis(1);
            if let Some(entry) = self.entries.get_mut(&probe) {
                entry.state = State::Later(later);
            }
            return;
        }
        let cl_ord_id = order.request.name.clone();
        self.remove(probe);
        self.remove(of);
        let answer = match status.order {
            Some(_) => {
                Ok(Answer { report: Report::Status(status.clone()), orders: Vec::new(), repeated: true })
            }
            None => Err(Error::NotExecuted { cl_ord_id: cl_ord_id.clone() }),
        };
        self.acts.push_back(Act::Tell(Event::Recovered { cl_ord_id, how: Recovered::Asked }));
        self.acts.push_back(Act::Settle(of, answer));
    }

    fn refuse(&mut self, ticket: Option<Ticket>, refusal: ApiError, now: Nanos) {
        let Some(entry) = ticket.and_then(|ticket| self.entries.get_mut(&ticket)) else { return };
        match entry.request.kind {
            // The venue is asked until it says.
            // By a venue that knows no such numbers, or has lost them: what closed is looked up.
            Kind::Streams => {
                if let Some(ticket) = ticket {
                    self.streams_refused(ticket, &refusal, now);
                }
            }
            Kind::Sync | Kind::Probe(_) | Kind::Meanwhile => {
                entry.state = State::Later(now + pause(&refusal));
            }
            _ if refusal.reject == Some(Reject::OutcomeUnknown) => {}
            // It did not run, or not everywhere, as if it had not arrived there; what becomes of it waits for the
            // same fence.
            _ if matches!(refusal.reject, Some(Reject::LostByRestart | Reject::PartlyLostByRestart)) => {
                (entry.state, entry.was_lost) = (State::Lost, true);
                if self.link == Link::Current {
                    self.fence(now);
                }
            }
            _ if entry.is_blind && !refusal.is_of_shard() => self.refused_blindly(ticket, &refusal, now),
            _ => self.finish(ticket, Err(Error::Refused(refusal))),
        }
    }

    /// A gateway refused a copy before the shard could say whether the first one had executed.
    fn refused_blindly(&mut self, ticket: Option<Ticket>, refusal: &ApiError, now: Nanos) {
        let Some(entry) = ticket.and_then(|ticket| self.entries.get_mut(&ticket)) else { return };
        let (cl_ord_id, why) = (entry.request.name.clone(), refusal.msg.clone());
        match (ticket, &entry.request.kind) {
            (Some(ticket), Kind::Order) => self.probe(ticket, now),
            _ if refusal.is_passing() => entry.state = State::Later(now + pause(refusal)),
            _ => self.finish(ticket, Err(Error::OutcomeUnknown { cl_ord_id, why })),
        }
    }

    fn answer(&mut self, ticket: Option<Ticket>, report: Report, repeated: bool) {
        let entry = ticket.and_then(|ticket| self.entries.get_mut(&ticket));
        let orders = entry.map(|entry| std::mem::take(&mut entry.orders)).unwrap_or_default();
        self.finish(ticket, Ok(Answer { report, orders, repeated }));
    }

    /// A request is settled, once.
    pub(super) fn finish(&mut self, ticket: Option<Ticket>, answer: Result<Answer, Error>) {
        let Some((ticket, entry)) = ticket.and_then(|ticket| Some((ticket, self.remove(ticket)?))) else {
            return;
        };
        let known = matches!(answer, Ok(_) | Err(Error::Refused(_)));
        if entry.was_lost && known && entry.request.kind != Kind::Question {
            let how = match &answer {
                Ok(Answer { repeated: true, .. }) => Recovered::SentAgainRepeated,
                _ if entry.sent_again => Recovered::SentAgain,
                _ => Recovered::ToldAgain,
            };
            let cl_ord_id = entry.request.name;
            self.acts.push_back(Act::Tell(Event::Recovered { cl_ord_id, how }));
        }
        self.acts.push_back(Act::Settle(ticket, answer));
    }
}

pub(super) fn pause(refusal: &ApiError) -> Span {
    let millis = |wait: std::time::Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
    refusal.retry_after.map_or(PAUSE, |wait| Span::from_millis(millis(wait)))
}

fn is_open(status: OrdStatus) -> bool {
    matches!(status, OrdStatus::New | OrdStatus::PartiallyFilled)
}

impl Standing {
    /// Whether it may still trade.
    pub fn is_open(&self) -> bool {
        is_open(self.status)
    }
}
