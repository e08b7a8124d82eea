//! A request that a shard has, and what was heard of it so far.

use crate::limits::{CANCELS_LISTED_MAX, ONCE_FILLS_MAX};
use crate::types::{
    CancelOrder, Event, EventRef, Execution, Fill, NewOrder, Order, Replaced, RequestKind, ResponseType,
};

/// A request that a shard has, and what was heard of it so far.
#[derive(Clone, Debug)]
pub struct Pending {
    pub(super) kind: RequestKind,
    pub(super) response: ResponseType,
    /// The last event that was about it.
    pub(super) last: Option<Event>,
    /// Its trades, so far as the answer is to tell them; of a sweep across a whole book only the first.
    pub(super) fills: Vec<Fill>,
    pub(super) more_fills: u64,
    /// What an amendment changed, and its place in the journal.
    pub(super) replaced: Option<(Replaced, EventRef)>,
    /// What became of the cancel of `order.cancelReplace`.
    pub(super) canceled: Option<Event>,
    /// The orders that `openOrders.cancelAll` closed, so far as its answer lists them.
    pub(super) listed: Vec<Order>,
}

impl Pending {
    /// Begins to wait for the answer to this request.
    pub fn new(kind: &RequestKind, response: ResponseType) -> Self {
        Self {
            kind: *kind,
            response,
            last: None,
            fills: Vec::new(),
            more_fills: 0,
            replaced: None,
            canceled: None,
            listed: Vec::new(),
        }
    }

    /// What was asked.
    pub fn kind(&self) -> &RequestKind {
        &self.kind
    }

    /// Takes one event of the request's steps, with its place. Those of other orders, which it met, pass.
    pub fn hear(&mut self, event: &Event, at: EventRef) {
        match (&self.kind, event) {
            (RequestKind::MassCancel(cancel), Event::Execution(execution)) => {
                let one = execution.cancel_id == Some(cancel.cl_ord_id)
                    && execution.order.account == cancel.scope.account;
                if one && self.listed.len() < CANCELS_LISTED_MAX {
                    self.listed.push(execution.order);
                }
            }
            // Several shards report one after the other: their counts add up, and one that refused speaks for all.
            (RequestKind::MassCancel(_), Event::MassCanceled(done)) => {
                let report = match &self.last {
                    Some(Event::MassCanceled(before)) => before.and(done),
                    _ => *done,
                };
                self.last = Some(Event::MassCanceled(report));
            }
            (RequestKind::CancelAllAfter(_), Event::CancelAllAfter(set)) => {
                let all = match &self.last {
                    Some(Event::CancelAllAfter(before)) => before.and(set),
                    _ => *set,
                };
                self.last = Some(Event::CancelAllAfter(all));
            }
            (RequestKind::Replace(replace), event) if is_of_cancel(&replace.cancel, event) => {
                self.canceled = Some(*event);
                self.last = Some(*event);
            }
            _ if self.concerns(event) => self.keep(event, at),
            _ => {}
        }
    }

    fn keep(&mut self, event: &Event, at: EventRef) {
        if let Event::Execution(execution) = event {
            if let Some(replaced) = execution.replaced {
                self.replaced = Some((replaced, at));
            }
            if let (ResponseType::Full, Some(fill)) = (self.response, execution.fill) {
                // The same bound as that of the results that are kept for repetitions, so both tell the same.
                if self.fills.len() < ONCE_FILLS_MAX {
                    self.fills.push(fill);
                } else {
                    self.more_fills += 1;
                }
            }
        }
        self.last = Some(*event);
    }

    fn concerns(&self, event: &Event) -> bool {
        match (&self.kind, event) {
            (RequestKind::New(new), Event::Execution(execution)) => is_of_order(new, execution),
            (RequestKind::Replace(replace), Event::Execution(execution)) => {
                is_of_order(&replace.order, execution)
            }
            (RequestKind::Cancel(cancel), event) => is_of_cancel(cancel, event),
            (RequestKind::Amend(amend), Event::Execution(execution)) => {
                (execution.order.account, execution.order.cl_ord_id) == (amend.account, amend.cl_ord_id)
            }
            (RequestKind::Amend(amend), Event::CancelRejected(reject)) => {
                (reject.account, reject.cl_ord_id) == (amend.account, amend.cl_ord_id)
            }
            _ => false,
        }
    }
}

fn is_of_order(new: &NewOrder, execution: &Execution) -> bool {
    let order = &execution.order;
    (order.account, order.instrument, order.cl_ord_id) == (new.account, new.instrument, new.cl_ord_id)
}

fn is_of_cancel(cancel: &CancelOrder, event: &Event) -> bool {
    match event {
        Event::Execution(execution) => {
            execution.cancel_id == Some(cancel.cl_ord_id) && execution.order.account == cancel.account
        }
        Event::CancelRejected(reject) => {
            (reject.account, reject.cl_ord_id) == (cancel.account, cancel.cl_ord_id)
        }
        _ => false,
    }
}
