//! Answers that shards leave to the journal: the first answer to a request that came again, a closed order.

use super::log::{Log, LogError};
use crate::limits::RECALLED_STEPS_MAX;
use crate::once::{FirstAnswer, closed};
use crate::types::{
    Answer, Closed, Command, Current, Event, ExecType, Execution, Order, Recall, Reject, Repeated, Seq,
    ShardId,
};
use crate::wire::record::{self, Stream};

/// Reads what an answer tells and makes it. `None` where the log does not have it, or not yet.
pub fn recall(
    log: &mut Log,
    shard: ShardId,
    what: &Recall,
    buffer: &mut Vec<u8>,
) -> Result<Option<Answer>, LogError> {
    let mut steps = Steps { log, shard, buffer, events: Vec::new() };
    match *what {
        Recall::Order(query, of) => Ok(steps.order(of)?.map(|order| Answer::Order(query, Ok(order)))),
        Recall::Repeated { seq, steps: count, current } => {
            let current = match current {
                Current::Unknown => None,
                Current::Open(order) => Some(order),
                Current::Closed(of) => match steps.order(of)? {
                    None => return Ok(None),
                    found => found,
                },
            };
            Ok(steps.first(seq, count)?.map(|first| Answer::Repeated(first.with(current))))
        }
    }
}

/// What a client hears where the journal does not have the answer any more: how an order stands that is still open.
pub fn lost(what: &Recall) -> Answer {
    match *what {
        Recall::Order(query, _) => Answer::Order(query, Err(Reject::ResultArchived.into())),
        Recall::Repeated { seq, current: Current::Open(order), .. } => {
            let first = Event::Execution(Execution::bare(ExecType::New, order));
            let (fills, current, canceled) = (Vec::new(), Some(order), None);
            Answer::Repeated(Repeated { seq, first, fills, current, canceled })
        }
        Recall::Repeated { .. } => Answer::Tested(Err(Reject::ResultArchived.into())),
    }
}

/// The steps of a shard in the log.
struct Steps<'a> {
    log: &'a mut Log,
    shard: ShardId,
    buffer: &'a mut Vec<u8>,
    events: Vec<Event>,
}

impl Steps<'_> {
    /// Reads one: its events stand in `events` then.
    fn read(&mut self, seq: Seq) -> Result<Option<Command>, LogError> {
        let Some(record) = self.log.read(Stream::Shard(self.shard), seq, self.buffer)? else {
            return Ok(None);
        };
        self.events.clear();
        let Ok(step) = record::decode_step(&record) else { return Ok(None) };
        self.events.extend(step.events.flatten());
        Ok(Some(step.command))
    }

    fn order(&mut self, of: Closed) -> Result<Option<Order>, LogError> {
        let found = self.read(of.seq)?;
        Ok(found.and_then(|_| closed(of.order, &self.events)))
    }

    /// The first steps of a request, and its last.
    fn first(&mut self, seq: Seq, count: u16) -> Result<Option<FirstAnswer>, LogError> {
        let Some(command) = self.read(seq)? else { return Ok(None) };
        let Some(mut first) = FirstAnswer::begin(self.shard, seq, &command, &self.events) else {
            return Ok(None);
        };
        for step in 1..count {
            if (step < RECALLED_STEPS_MAX && !first.is_full()) || step + 1 == count {
                if self.read(Seq(seq.0 + u64::from(step)))?.is_none() {
                    return Ok(None);
                }
                first.follow(&self.events);
            }
        }
        Ok(Some(first))
    }
}
