//! Answers that shards left to the journal, on their way to whoever asked.
//!
//! ```text
//!   shard: it stands there ─► waiting ─► │ring│ ─► journal ─► │ring│ ─► found ─► as any other answer
//! ```
//!
//! They are few: repetitions, and questions about closed orders. While too many wait, events wait behind them in the
//! shards' rings.

use super::session_log::SessionLog;
use crate::run::journal::Wanted;
use crate::types::{Answer, Nanos, Origin, Recall, ShardId};
use std::collections::VecDeque;

/// Answers that wait to be asked for, before events wait behind them.
const WAITING_MAX: usize = 64;

/// Who gets an answer that is read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct For {
    /// Who asked.
    pub origin: Origin,
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
}

impl Recalls {
    /// Whether a shard's next output may be looked at.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < WAITING_MAX
    }

    /// A shard's answer is to be read back.
    pub fn push(&mut self, to: For, shard: ShardId, what: Recall) {
        self.waiting.push_back((to, Wanted::Recall(shard, Box::new(what))));
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
        self.found.pop_front()
    }

    /// Whether there is one.
    pub fn has_found(&self) -> bool {
        !self.found.is_empty()
    }
}
