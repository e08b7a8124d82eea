//! What one client of the demo saw, kept until the self-check compares it with the journal: each request and how
//! often it was answered, and each execution that it heard. Some 200 bytes an order.

use super::acknowledged::{Acknowledged, Line};
use super::tally::{Protocol, Tally, reject_name};
use crate::client::ExecutionReport;
use crate::config::Directory;
use crate::types::{
    AccountId, ClOrdId, Decimal, ExecType, Execution, Instrument, OrderId, Reject, Scale, TradeId,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The witness of one account.
pub struct Witness {
    account: AccountId,
    name: String,
    over: Protocol,
    directory: Arc<Directory>,
    tally: Tally,
    acknowledged: Acknowledged,
    requests: HashMap<ClOrdId, Request>,
    executions: Vec<Seen>,
    complaints: Vec<String>,
}

/// One order or cancel of the client's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Whether it is an order; if not, it is a cancel.
    pub is_order: bool,
    /// How often it was answered.
    pub answers: u32,
    /// What the first answer said.
    pub verdict: Verdict,
}

/// What the answer to a request said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// There was none yet.
    Waiting,
    /// It was accepted, about this order.
    Accepted(OrderId),
    /// It was refused; `None` if this version does not know the refusal.
    Refused(Option<Reject>),
}

/// An execution as both sides can tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seen {
    /// Whose.
    pub account: AccountId,
    /// Which order.
    pub order: OrderId,
    /// The ClOrdID with which it was entered.
    pub cl_ord_id: ClOrdId,
    /// ExecType(150), as a number to be sorted by.
    pub exec_type: u8,
    /// OrdStatus(39) after it.
    pub status: u8,
    /// The trade.
    pub trade: Option<(TradeId, u64, i64)>,
    /// CumQty(14) after it.
    pub cum_qty: u64,
}

impl Seen {
    /// As the journal has it.
    pub fn recorded(execution: &Execution) -> Self {
        let order = &execution.order;
        Self {
            account: order.account,
            order: order.id,
            cl_ord_id: order.cl_ord_id,
            exec_type: execution.exec_type as u8,
            status: order.status as u8,
            trade: execution.fill.map(|fill| (fill.trade_id, fill.qty.0, fill.price.0)),
            cum_qty: order.cum_qty.0,
        }
    }

    /// As a client was told.
    fn reported(account: AccountId, report: &ExecutionReport, instrument: &Instrument) -> Option<Self> {
        let qty =
            |value: Decimal| units(value, instrument.qty_scale).and_then(|units| u64::try_from(units).ok());
        let trade = match &report.trade {
            Some(trade) => Some((trade.id, qty(trade.qty)?, units(trade.price, instrument.price_scale)?)),
            None => None,
        };
        Some(Self {
            account,
            order: report.order_id.unwrap_or(OrderId::NONE),
            cl_ord_id: ClOrdId::new(report.entered_as()).ok()?,
            exec_type: report.exec_type as u8,
            status: report.status as u8,
            trade,
            cum_qty: qty(report.cum_qty)?,
        })
    }
}

fn units(value: Decimal, scale: Scale) -> Option<i64> {
    value.at_scale(scale).ok()
}

/// What is left of a witness when trading has ended.
pub struct Testimony {
    /// Whose.
    pub account: AccountId,
    /// Its name.
    pub name: String,
    /// Its requests.
    pub requests: HashMap<ClOrdId, Request>,
    /// What it heard.
    pub executions: Vec<Seen>,
    /// What it could not make sense of.
    pub complaints: Vec<String>,
}

impl Witness {
    /// The witness of the account `name`.
    pub fn new(
        name: &str,
        over: Protocol,
        directory: Arc<Directory>,
        tally: Tally,
        acknowledged: Acknowledged,
    ) -> Option<Self> {
        let account = directory.account_by_name(name)?.id;
        Some(Self {
            account,
            name: name.to_owned(),
            over,
            directory,
            tally,
            acknowledged,
            requests: HashMap::new(),
            executions: Vec::new(),
            complaints: Vec::new(),
        })
    }

    /// An order is about to be sent.
    pub fn order_sent(&mut self, cl_ord_id: &str) {
        self.tally.order(self.over);
        self.sent(cl_ord_id, true);
    }

    /// A cancel is about to be sent.
    pub fn cancel_sent(&mut self, cl_ord_id: &str) {
        self.tally.cancel(self.over);
        self.sent(cl_ord_id, false);
    }

    fn sent(&mut self, cl_ord_id: &str, is_order: bool) {
        let request = Request { is_order, answers: 0, verdict: Verdict::Waiting };
        match ClOrdId::new(cl_ord_id) {
            Ok(id) => drop(self.requests.insert(id, request)),
            Err(error) => self.complain(format!("ClOrdID {cl_ord_id}: {error}")),
        }
    }

    /// A request was accepted, about this order.
    pub fn accepted(&mut self, cl_ord_id: &str, order: OrderId, round_trip: Duration) {
        let Some(first) = self.answer(cl_ord_id, Verdict::Accepted(order)) else { return };
        let account = self.name.clone();
        self.promise(&if first.is_order {
            Line::Order { account, cl_ord_id: cl_ord_id.to_owned(), order_id: order.0 }
        } else {
            Line::Cancel { account, order_id: order.0 }
        });
        self.tally.answer(self.over, round_trip, None);
    }

    /// A request was refused.
    pub fn refused(&mut self, cl_ord_id: &str, reject: Option<Reject>, round_trip: Duration) {
        if self.answer(cl_ord_id, Verdict::Refused(reject)).is_some() {
            self.tally.answer(self.over, round_trip, Some(reject_name(reject)));
        }
    }

    /// Counts an answer; gives the request if it is the first one.
    fn answer(&mut self, cl_ord_id: &str, verdict: Verdict) -> Option<Request> {
        let request = ClOrdId::new(cl_ord_id).ok().and_then(|id| self.requests.get_mut(&id));
        let Some(request) = request else {
            self.complain(format!("an answer to {cl_ord_id}, which was not sent"));
            return None;
        };
        request.answers += 1;
        if request.answers > 1 {
            return None;
        }
        request.verdict = verdict;
        Some(*request)
    }

    /// An execution was heard.
    pub fn heard(&mut self, report: &ExecutionReport) {
        let seen = self
            .directory
            .instrument_by_symbol(&report.symbol)
            .and_then(|instrument| Seen::reported(self.account, report, instrument));
        let Some(seen) = seen else {
            return self.complain(format!("an execution that no order has: {report:?}"));
        };
        if let Some((trade, qty, price)) = seen.trade {
            let (account, order_id) = (self.name.clone(), seen.order.0);
            self.promise(&Line::Trade { account, order_id, trade_id: trade.0, qty, price });
        }
        if report.exec_type == ExecType::Trade {
            self.tally.fill(self.over);
        }
        self.executions.push(seen);
    }

    /// Something that cannot be right.
    pub fn complain(&mut self, what: String) {
        self.complaints.push(format!("{}: {what}", self.name));
    }

    fn promise(&mut self, line: &Line) {
        if let Err(error) = self.acknowledged.write(line) {
            self.complain(format!("{}: {error}", super::acknowledged::FILE_NAME));
        }
    }

    /// How many requests wait for their answer.
    pub fn waiting(&self) -> usize {
        self.requests.values().filter(|request| request.answers == 0).count()
    }

    /// What the self-check needs.
    pub fn testify(self) -> Testimony {
        Testimony {
            account: self.account,
            name: self.name,
            requests: self.requests,
            executions: self.executions,
            complaints: self.complaints,
        }
    }
}
