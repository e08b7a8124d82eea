//! A shard that was written into a snapshot and read again goes on as if nothing had been.
//!
//! Every story of these tests is one of this, too: when its venue is dropped, its log runs again on a shard that is
//! saved and loaded on the way.

use super::model::Duel;
use super::venue::*;
use super::*;
use crate::types::*;
use crate::wire::record::{Encoder, Reader};

/// Most times that a shard is saved and loaded in one story, beside those within a sweep.
const TIMES: usize = 6;

fn saved(shard: &Shard) -> Vec<u8> {
    let mut to = Encoder::default();
    shard.save(&mut to);
    to.finish()
}

/// The shard, saved and loaded.
pub(super) fn reborn(shard: &Shard) -> Shard {
    let bytes = saved(shard);
    let mut from = Reader::new(&bytes);
    let again = Shard::load(&mut from).expect("it was saved so");
    from.end().expect("all of it was read");
    assert_eq!(again.state_hash(), shard.state_hash());
    assert!(saved(&again) == bytes, "what was loaded is saved as it was");
    again
}

impl Drop for Venue {
    fn drop(&mut self) {
        if std::thread::panicking() || self.by_hand {
            return;
        }
        let (mut shard, every) = (Shard::new(self.shard.id()), self.log.len() / TIMES + 1);
        for (n, record) in self.log.iter().enumerate() {
            // Some stories begin in the middle.
            let Ok(step) = shard.replay(record.seq, record.time, &record.command) else { return };
            assert_eq!(step.events, record.events, "{:?}", record.command);
            if n % every == 0 || shard.has_pending() {
                shard = reborn(&shard);
            }
        }
        if shard.last_seq() == self.shard.last_seq() {
            assert_eq!(shard.state_hash(), self.shard.state_hash());
        }
    }
}

#[test]
fn random_commands_run_on_behind_a_snapshot_as_they_would_have() {
    for seed in 1..=12 {
        let mut duel = Duel::new(seed);
        for n in 0..400 {
            duel.step();
            if n % 16 == seed {
                duel.replayed = reborn(&duel.replayed);
            }
        }
        duel.compare();
        assert_eq!(duel.shard.state_hash(), duel.replayed.state_hash(), "seed {seed}");
    }
}

#[test]
fn what_is_kept_beside_the_state_is_there_as_well() {
    let mut venue = Venue::new();
    for n in 0..50 {
        venue.place(sell(&format!("s{n}")));
        venue.place(buy(&format!("b{n}")));
    }
    let (instrument, account) = (InstrumentId(1), AccountId(1));
    let query =
        TradesQuery { account, instrument, order: None, from: None, start: None, end: None, limit: 1_000 };
    let stream = StreamQuery { account, after: ApplSeqNum(3) };
    let ask = |shard: &Shard| {
        [Query::Trades(query), Query::Stream(stream)].map(|query| {
            let ShardOutput::Answer { answer, .. } = shard.query(origin(0), &query, START) else { panic!() };
            answer
        })
    };
    assert_eq!(ask(&reborn(&venue.shard)), ask(&venue.shard));
}

/// Checksums are not looked at here: whatever the bytes are, they give a shard or a named error, and no panic.
#[test]
fn bytes_that_are_no_shard_are_refused() {
    let mut venue = Venue::new();
    for n in 0..FILLS_PER_STEP_MAX + 1 {
        venue.place(NewOrder { qty: Qty(1), ..sell(&format!("s{n}")) });
    }
    let command = venue.new_order(NewOrder { qty: Qty(1_000), ..buy("sweep") });
    venue.shard.execute(None, &command, venue.now);
    assert!(venue.shard.has_pending());
    let bytes = saved(&venue.shard);
    for cut in (0..bytes.len()).step_by(97) {
        assert!(Shard::load(&mut Reader::new(&bytes[..cut])).is_err(), "cut at {cut}");
    }
    for at in (0..bytes.len()).step_by(61) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x11;
        // What becomes a shard all the same, its hash tells, unless nothing depends on it.
        let _ = Shard::load(&mut Reader::new(&bytes)).map(|shard| shard.state_hash());
    }
}
