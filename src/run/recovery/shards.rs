//! Shards from their steps: each is run again, and what it brings about must be what was recorded.

use crate::run::journal::walk::JournalFault;
use crate::run::shard::Shard;
use crate::types::{Event, ShardId};
use crate::wire::record::{Place, Record, Step};
use std::collections::BTreeMap;

/// The shards of a journal, as far as it was read.
#[derive(Debug, Default)]
pub struct Shards {
    shards: BTreeMap<ShardId, Shard>,
    recorded: Vec<Event>,
}

impl Shards {
    /// Runs a step again and tells its events, as they were recorded.
    pub fn replay(
        &mut self,
        shard: ShardId,
        place: Place,
        record: &Record<'_>,
        step: &Step<'_>,
    ) -> Result<&[Event], JournalFault> {
        self.recorded.clear();
        for event in step.events.clone() {
            self.recorded.push(event.map_err(|why| JournalFault::Body { place, why })?);
        }
        let core = self.shards.entry(shard).or_insert_with(|| Shard::new(shard));
        let replayed = core.replay(record.seq, record.time, &step.command).map_err(|why| {
            let what = format!("step {} of shard-{shard} cannot be run again: {why}", record.seq);
            JournalFault::Contradiction { place, what }
        })?;
        if replayed.events != self.recorded {
            let what = format!(
                "step {} of shard-{shard}: {}",
                record.seq,
                difference(replayed.events, &self.recorded)
            );
            return Err(JournalFault::Contradiction { place, what });
        }
        Ok(&self.recorded)
    }

    /// The shards, in the order of their numbers.
    pub fn into_shards(self) -> Vec<Shard> {
        self.shards.into_values().collect()
    }
}

/// The first event that is not the same.
fn difference(replayed: &[Event], recorded: &[Event]) -> String {
    let same = replayed.iter().zip(recorded).take_while(|(replayed, recorded)| replayed == recorded).count();
    match (replayed.get(same), recorded.get(same)) {
        (Some(now), Some(then)) => {
            format!("run again, its event {same} is {now:?}, but {then:?} was recorded")
        }
        (Some(now), None) => format!("run again, it has an event more than was recorded: {now:?}"),
        (None, then) => format!("run again, it lacks an event that was recorded: {then:?}"),
    }
}
