//! Shards from their steps: each is run again, and what it brings about must be what was recorded.
//!
//! Compared are bytes: a field has one encoding, so equal events are equal bytes. What was recorded is decoded only to
//! tell how it differs.

use crate::limits::RECORD_BYTES_MAX;
use crate::run::journal::walk::JournalFault;
use crate::run::shard::Shard;
use crate::types::{Event, ShardId};
use crate::wire::record::{Place, Record, Step, encode_events};
use std::collections::BTreeMap;

/// The shards of a journal, as far as it was read.
#[derive(Debug)]
pub struct Shards {
    shards: BTreeMap<ShardId, Shard>,
    /// The events of a step, encoded.
    encoded: Box<[u8]>,
}

impl Default for Shards {
    fn default() -> Self {
        Self { shards: BTreeMap::new(), encoded: vec![0; RECORD_BYTES_MAX].into() }
    }
}

impl FromIterator<Shard> for Shards {
    fn from_iter<I: IntoIterator<Item = Shard>>(shards: I) -> Self {
        let shards = shards.into_iter().map(|shard| (shard.id(), shard)).collect();
        Self { shards, ..Self::default() }
    }
}

impl Shards {
    /// Runs a step again and tells its events, as they were recorded.
    pub fn replay<'a>(
        &'a mut self,
        shard: ShardId,
        place: Place,
        record: &Record<'_>,
        step: &'a Step<'_>,
    ) -> Result<&'a [Event], JournalFault> {
        let core = self.shards.entry(shard).or_insert_with(|| Shard::new(shard));
        let replayed = core.replay(record.seq, record.time, &step.command).map_err(|why| {
            let what = format!("step {} of shard-{shard} cannot be run again: {why}", record.seq);
            JournalFault::Contradiction { place, what }
        })?;
        if encode_events(&mut self.encoded, replayed.events) != step.events.as_bytes() {
            let mut recorded = Vec::new();
            for event in step.events.clone() {
                recorded.push(event.map_err(|why| JournalFault::Body { place, why })?);
            }
            let what =
                format!("step {} of shard-{shard}: {}", record.seq, difference(replayed.events, &recorded));
            return Err(JournalFault::Contradiction { place, what });
        }
        Ok(replayed.events)
    }

    /// The shards, in the order of their numbers.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Shard> {
        self.shards.values()
    }

    /// The first shard that is not as the other's.
    pub fn differs(&self, other: &Self) -> Option<ShardId> {
        let state = |shards: &Self, id| shards.shards.get(&id).map(Shard::state_hash);
        let mut ids = self.shards.keys().chain(other.shards.keys());
        ids.find(|id| state(self, **id) != state(other, **id)).copied()
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
