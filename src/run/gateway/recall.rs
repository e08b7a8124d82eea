//! Answers that shards left to the journal, on their way to whoever asked.
//!
//! ```text
//!   shard: it stands there ─► waiting ─► │ring│ ─► journal ─► │ring│ ─► found ─► as any other answer
//! ```
//!
//! They are few: repetitions, and questions about closed orders. While too many wait, events wait behind them in the
//! shards' rings.
//!
//! Events go on while the journal reads. An answer that tells how an open order stands tells what was heard of it until
//! it leaves, so it is never older than a report that went before it.

use super::session_log::SessionLog;
use crate::run::journal::Wanted;
use crate::types::{Answer, Current, Execution, Nanos, Order, Origin, Recall, Repeated, ShardId};
use std::collections::VecDeque;

/// Answers that wait to be asked for, before events wait behind them.
const WAITING_MAX: usize = 64;

/// Who gets an answer that is read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct For {
    /// Who asked.
    pub origin: Origin,
    /// Which shard answers.
    pub shard: ShardId,
    /// When the shard made it.
    pub time: Nanos,
    /// When it was found that what it tells is durable.
    pub durable: Nanos,
}

/// Those of a gateway.
#[derive(Debug, Default)]
pub struct Recalls {
    waiting: VecDeque<(For, Wanted)>,
    found: VecDeque<(For, Box<Answer>)>,
    /// Open orders of answers that are on their way, as they were told last.
    open: Vec<(Origin, Order)>,
}

impl Recalls {
    /// Whether a shard's next output may be looked at.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < WAITING_MAX
    }

    /// A shard's answer is to be read back.
    pub fn push(&mut self, to: For, what: Recall) {
        if let Recall::Repeated { current: Current::Open(order), .. } = what {
            self.open.push((to.origin, order));
        }
        self.waiting.push_back((to, Wanted::Recall(to.shard, Box::new(what))));
    }

    /// An order has changed.
    pub fn hear(&mut self, execution: &Execution) {
        for (_, order) in self.open.iter_mut().filter(|(_, order)| order.id == execution.order.id) {
            *order = execution.order;
        }
    }

    /// Asks the journal for the next one, and tells for whom; `None`: nothing waits, or the ring is full.
    pub fn ask(&mut self, log: &mut SessionLog) -> Option<For> {
        let (to, what) = self.waiting.front()?;
        let (to, asked) = (*to, log.ask(what.clone()));
        asked.then(|| self.waiting.pop_front().map(|_| to)).flatten()
    }

    /// The journal has answered.
    pub fn answered(&mut self, to: For, answer: Box<Answer>) {
        self.found.push_back((to, answer));
    }

    /// An answer that can be told.
    pub fn next_found(&mut self) -> Option<(For, Box<Answer>)> {
        let (to, mut answer) = self.found.pop_front()?;
        if let Some(at) = self.open.iter().position(|(origin, _)| *origin == to.origin) {
            let (_, order) = self.open.remove(at);
            if let Answer::Repeated(Repeated { current, .. }) = &mut *answer {
                *current = Some(order);
            }
        }
        Some((to, answer))
    }

    /// Whether there is one.
    pub fn has_found(&self) -> bool {
        !self.found.is_empty()
    }
}
