//! A request that a shard has, and what was heard of it so far.

use crate::limits::ONCE_FILLS_MAX;
use crate::types::{Event, Fill, RequestKind, ResponseType};

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
}

impl Pending {
    /// Begins to wait for the answer to this request.
    pub fn new(kind: &RequestKind, response: ResponseType) -> Self {
        Self { kind: *kind, response, last: None, fills: Vec::new(), more_fills: 0 }
    }

    /// What was asked.
    pub fn kind(&self) -> &RequestKind {
        &self.kind
    }

    /// Takes one event of the request's steps. Those of other orders, which it met, pass.
    pub fn hear(&mut self, event: &Event) {
        if !self.concerns(event) {
            return;
        }
        if let (Event::Execution(execution), ResponseType::Full) = (event, self.response)
            && let Some(fill) = execution.fill
        {
            // The same bound as that of the results that are kept for repetitions, so both tell the same.
            if self.fills.len() < ONCE_FILLS_MAX {
                self.fills.push(fill);
            } else {
                self.more_fills += 1;
            }
        }
        self.last = Some(*event);
    }

    fn concerns(&self, event: &Event) -> bool {
        match (&self.kind, event) {
            (RequestKind::New(new), Event::Execution(execution)) => {
                let order = &execution.order;
                (order.account, order.instrument, order.cl_ord_id)
                    == (new.account, new.instrument, new.cl_ord_id)
            }
            (RequestKind::Cancel(cancel), Event::Execution(execution)) => {
                execution.cancel_id == Some(cancel.cl_ord_id) && execution.order.account == cancel.account
            }
            (RequestKind::Cancel(cancel), Event::CancelRejected(reject)) => {
                reject.cl_ord_id == cancel.cl_ord_id && reject.account == cancel.account
            }
            _ => false,
        }
    }
}
