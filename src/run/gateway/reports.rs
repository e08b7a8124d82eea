//! Answers of many reports: OrderMassStatusRequest(AF), on their way to their sessions.
//!
//! ```text
//!   shard: the open orders ─► queue ─► a turn: some of each, as far as its client reads ─► line.rs: number, record, bytes
//!                               ▲
//!                               └── release.rs: an order that changes before it is told is told as it is then
//! ```
//!
//! Whoever asks for ten thousand orders waits for them alone: events go on meanwhile, to that session as well. So a
//! report is as old as what was told before it and no older, and says as of which number of the stream it is true.

use super::{Gateway, sockets};
use crate::limits::REPORTS_WAITING_MAX;
use crate::report::fix::OwnId;
use crate::report::fix::status::Found;
use crate::types::{Execution, OpenOrdersQuery, Order, Reject, SessionId, StreamPosition, Timing};
use std::collections::VecDeque;

/// Most reports of one answer that are told in one turn, so that nobody else is kept waiting.
const REPORTS_PER_TURN_MAX: usize = 256;

/// The answers of a gateway that are not told to their end.
#[derive(Debug, Default)]
pub(super) struct ReportQueue(VecDeque<Reports>);

/// One of them.
#[derive(Debug)]
struct Reports {
    session: SessionId,
    query: OpenOrdersQuery,
    /// Told where there is no order: that there is none, or why none is told.
    refusal: Reject,
    /// By OrderID.
    orders: Vec<Order>,
    /// How many are told.
    told: usize,
    /// Of the request; the answer is written when its first report is.
    timing: Timing,
}

impl ReportQueue {
    /// An order has changed.
    pub(super) fn hear(&mut self, execution: &Execution) {
        let changed = &execution.order;
        for reports in self.0.iter_mut().filter(|reports| reports.query.account == changed.account) {
            if let Ok(at) = reports.orders.binary_search_by_key(&changed.id, |order| order.id) {
                reports.orders[at] = *changed;
            }
        }
    }

    /// How many reports wait for a session.
    fn waiting(&self, session: SessionId) -> usize {
        let own = self.0.iter().filter(|reports| reports.session == session);
        own.map(|reports| reports.count() - reports.told).sum()
    }
}

impl Reports {
    /// Where no order is open there is one report that says so.
    fn count(&self) -> usize {
        self.orders.len().max(1)
    }

    fn is_done(&self) -> bool {
        self.told >= self.count()
    }

    /// Whether it waits until its client has read what was said before it. A refusal does not, so that a client that
    /// only asks is cut as every other that does not read.
    fn waits(&self) -> bool {
        self.refusal == Reject::OrderUnknown
    }
}

impl Gateway {
    /// Answers a session with a report for each order.
    pub(super) fn report_all(
        &mut self,
        session: SessionId,
        query: OpenOrdersQuery,
        (orders, as_of): (Vec<Order>, &[StreamPosition]),
        timing: &Timing,
    ) {
        let is_too_much = self.reports.waiting(session) >= REPORTS_WAITING_MAX;
        let (refusal, orders) = match is_too_much {
            true => (Reject::TooManyReports, Vec::new()),
            false => (Reject::OrderUnknown, orders),
        };
        let reports = Reports { session, query, refusal, orders, told: 0, timing: *timing };
        // A shard that has no order to report says nothing by itself.
        if query.instrument.is_none() && self.desk.shards.len() > 1 {
            let own = OwnId { session, at: timing.sent, number: self.log.last().0 };
            if let Some(line) = self.lines.get_mut(session) {
                line.tell_as_of((&query, as_of), own, &self.desk.directory, &mut self.log);
            }
        }
        self.reports.0.push_back(reports);
        self.tell_reports();
    }

    /// Tells some of the reports of each answer; returns how many.
    pub(super) fn tell_reports(&mut self) -> usize {
        let mut count = 0;
        for _ in 0..self.reports.0.len() {
            let Some(mut reports) = self.reports.0.pop_front() else { break };
            count += self.tell_some(&mut reports);
            if !reports.is_done() {
                self.reports.0.push_back(reports);
            }
        }
        count
    }

    /// Each takes a number and a record of the session log, so there are only as many at a time as there is room for;
    /// and a client that does not read is told no more than it has taken.
    fn tell_some(&mut self, reports: &mut Reports) -> usize {
        let Some(line) = self.lines.get_mut(reports.session) else {
            reports.told = reports.count();
            return 0;
        };
        let from = reports.told;
        while !reports.is_done()
            && reports.told - from < REPORTS_PER_TURN_MAX
            && self.log.has_room()
            && !(reports.waits() && line.is_behind())
        {
            let own = OwnId { session: reports.session, at: reports.timing.sent, number: self.log.last().0 };
            let shard = reports.orders.get(reports.told).map(|order| order.id.shard());
            let shard = shard.or(reports.query.instrument.and_then(|at| self.desk.router.shard_of(at)));
            let as_of = shard.map(|shard| self.positions.at(reports.query.account, shard));
            let refusal = reports.refusal.into();
            let found = Found { orders: &reports.orders, refusal: &refusal };
            let which = (&reports.query, found, reports.told);
            line.tell_report(
                which,
                as_of.as_ref(),
                own,
                &reports.timing,
                &self.desk.directory,
                &mut self.log,
            );
            reports.told += 1;
        }
        if let Some(conn) = line.owner() {
            sockets::touch(&mut self.connections, &mut self.dirty, conn);
        }
        reports.told - from
    }
}
