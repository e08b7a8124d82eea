//! Which keys have their tables at hand, and who looks after them.
//!
//! ```text
//!  gateways: verdict(key) ──► table there? ──► sum over it ──► verdict, and one in 64 as a sample ─┐
//!                  │ no: asked for, and dalek decides                                              ▼
//!                  ▼                                                                         bounded queue
//!  keeper thread: makes what was asked for, lets go what was used longest ago ◄──► checks samples with dalek
//! ```
//!
//! A table is a cache: whether it is there changes the time that a verdict takes and nothing else. If a sample ever
//! gets another verdict from dalek, no table is used any more, by anybody, until the process starts again.
//!
//! Cost on the path: one load of a shared pointer, and the copy of a sample once in [`SAMPLE_EVERY`].

use super::ahead::Told;
use super::key::PublicKey;
use super::known::{Claim, KeyTable, TOGETHER_MAX, signed_together};
use crate::types::ApiKeyId;
use arc_swap::ArcSwapOption;
use crossbeam_queue::ArrayQueue;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// One verdict in so many is checked again by dalek.
pub const SAMPLE_EVERY: u32 = 64;
/// Samples that wait for the keeper; more are not taken.
const SAMPLES_MAX: usize = 64;
/// A longer message is not sampled: an order has some 250 bytes.
const SAMPLE_BYTES_MAX: usize = 1_024;
/// A table that was used within so many turns of the keeper is not let go for another one: where all are in use,
/// making them in turn would cost more than it gives.
const TURNS_IN_USE: u32 = 64;

/// The tables, as the gateways see them.
#[derive(Clone, Debug)]
pub(super) struct Tables(Arc<Shared>);

/// Makes and lets go tables, and checks samples: for a thread of its own, some times a second.
#[derive(Debug)]
pub struct Keeper {
    shared: Arc<Shared>,
    keys: Vec<(ApiKeyId, PublicKey)>,
    /// Memory of all tables, in bytes.
    bytes: usize,
    bytes_max: usize,
}

/// What a turn of the keeper found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// Samples that were checked.
    pub checked: u32,
    /// The key about whose signature a table and dalek said different things: the alarm.
    pub distrusted: Option<ApiKeyId>,
    /// Whether a table was made; then there may be more to make.
    pub made: bool,
}

#[derive(Debug)]
struct Shared {
    slots: Box<[Slot]>,
    /// Turns of the keeper, which are the clock of what was used when.
    turn: AtomicU32,
    distrusted: AtomicBool,
    samples: ArrayQueue<Sample>,
}

/// One for each registered key.
#[derive(Debug, Default)]
struct Slot {
    table: ArcSwapOption<KeyTable>,
    used: AtomicU32,
    wanted: AtomicBool,
}

/// What was verified, to be verified again.
#[derive(Debug)]
struct Sample {
    slot: usize,
    verdict: bool,
    signature: [u8; 64],
    length: usize,
    message: [u8; SAMPLE_BYTES_MAX],
}

/// Room for the tables of `keys` within `bytes_max`, and their keeper. As many as fit are asked for at once.
pub(super) fn tables(keys: Vec<(ApiKeyId, PublicKey)>, bytes_max: usize) -> (Tables, Keeper) {
    let slots: Box<[Slot]> = keys.iter().map(|_| Slot::default()).collect();
    for slot in slots.iter().take(bytes_max / KeyTable::BYTES) {
        slot.wanted.store(true, Ordering::Relaxed);
    }
    let shared = Arc::new(Shared {
        slots,
        turn: AtomicU32::new(0),
        distrusted: AtomicBool::new(false),
        samples: ArrayQueue::new(SAMPLES_MAX),
    });
    (Tables(Arc::clone(&shared)), Keeper { shared, keys, bytes: 0, bytes_max })
}

impl Tables {
    /// Whether the owner of the key at `slot` signed `message`; `None` if its table is not there. `ahead` is the
    /// verdict where it was found before; `sample` asks for it to be checked again in the background.
    pub(super) fn verdict(
        &self,
        slot: usize,
        message: &[u8],
        signature: &[u8; 64],
        ahead: Option<bool>,
        sample: bool,
    ) -> Option<bool> {
        let shared = &*self.0;
        if shared.distrusted.load(Ordering::Relaxed) {
            return None;
        }
        let place = &shared.slots[slot];
        let table = place.table.load();
        let Some(table) = table.as_ref() else {
            place.wanted.store(true, Ordering::Relaxed);
            return None;
        };
        let turn = shared.turn.load(Ordering::Relaxed);
        if place.used.load(Ordering::Relaxed) != turn {
            place.used.store(turn, Ordering::Relaxed);
        }
        let verdict = ahead.unwrap_or_else(|| table.signed(message, signature));
        if sample && let Some(sample) = Sample::new(slot, message, signature, verdict) {
            // A full queue is a keeper that is behind; the next sample will do.
            let _ = shared.samples.push(sample);
        }
        Some(verdict)
    }

    /// Finds the verdicts of requests that wait, if the tables of two of them at least are there. Returns how many.
    pub(super) fn find(&self, told: &[Told]) -> usize {
        let shared = &*self.0;
        if shared.distrusted.load(Ordering::Relaxed) {
            return 0;
        }
        let tables: [_; TOGETHER_MAX] =
            std::array::from_fn(|at| told.get(at).map(|told| shared.slots[told.key].table.load()));
        let with_table = || {
            let all = told.iter().zip(&tables);
            all.filter_map(|(told, table)| table.as_ref()?.as_deref().map(|table| (told, table)))
        };
        let mut claims = with_table().map(|(told, key)| Claim {
            key,
            message: told.message(),
            signature: &told.signature,
        });
        let Some(first) = claims.next() else { return 0 };
        let mut all = [first; TOGETHER_MAX];
        let others = all[1..].iter_mut().zip(claims).map(|(slot, claim)| *slot = claim).count();
        if others == 0 {
            return 0;
        }
        for ((told, _), verdict) in with_table().zip(signed_together(&all[..=others])) {
            told.verdict.set(Some(verdict));
        }
        1 + others
    }
}

impl Sample {
    fn new(slot: usize, message: &[u8], signature: &[u8; 64], verdict: bool) -> Option<Self> {
        let mut copy = [0; SAMPLE_BYTES_MAX];
        copy.get_mut(..message.len())?.copy_from_slice(message);
        Some(Self { slot, verdict, signature: *signature, length: message.len(), message: copy })
    }
}

impl Keeper {
    /// Checks the samples that wait, and makes one table that was asked for.
    pub fn turn(&mut self) -> Turn {
        let now = self.shared.turn.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let mut found = Turn::default();
        for _ in 0..SAMPLES_MAX {
            let Some(sample) = self.shared.samples.pop() else { break };
            found.checked += 1;
            let message = &sample.message[..sample.length];
            let (id, key) = &self.keys[sample.slot];
            if key.signed(message, &sample.signature) != sample.verdict {
                self.shared.distrusted.store(true, Ordering::Relaxed);
                found.distrusted = Some(*id);
            }
        }
        if !self.shared.distrusted.load(Ordering::Relaxed) {
            found.made = self.make(now);
        }
        found
    }

    /// How many keys have their table now.
    pub fn tables(&self) -> usize {
        self.bytes / KeyTable::BYTES
    }

    fn make(&mut self, now: u32) -> bool {
        let shared = Arc::clone(&self.shared);
        let asked = |slot: &Slot| slot.wanted.swap(false, Ordering::Relaxed) && slot.table.load().is_none();
        let Some(at) = shared.slots.iter().position(asked) else { return false };
        while self.bytes + KeyTable::BYTES > self.bytes_max {
            let Some(longest_ago) = self.unused(now) else { return false };
            longest_ago.table.store(None);
            self.bytes -= KeyTable::BYTES;
        }
        let Some(table) = KeyTable::new(self.keys[at].1.as_bytes()) else { return false };
        self.bytes += KeyTable::BYTES;
        shared.slots[at].used.store(now, Ordering::Relaxed);
        shared.slots[at].table.store(Some(Arc::new(table)));
        true
    }

    /// Of the tables that are not in use the one that was used longest ago.
    fn unused(&self, now: u32) -> Option<&Slot> {
        let age = |slot: &&Slot| now.wrapping_sub(slot.used.load(Ordering::Relaxed));
        let made = self.shared.slots.iter().filter(|slot| slot.table.load().is_some());
        made.max_by_key(age).filter(|slot| age(slot) > TURNS_IN_USE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ed25519_dalek::{Signer, SigningKey};

    fn signer(seed: u8) -> SigningKey {
        SigningKey::from_bytes(&[seed; 32])
    }

    fn keys(count: u8) -> Vec<(ApiKeyId, PublicKey)> {
        let key = |seed| PublicKey::parse(signer(seed).verifying_key().as_bytes()).unwrap();
        (0..count).map(|seed| (ApiKeyId(seed.into()), key(seed))).collect()
    }

    fn verdict(tables: &Tables, slot: u8, sample: bool) -> Option<bool> {
        let signature = signer(slot).sign(b"message").to_bytes();
        tables.verdict(usize::from(slot), b"message", &signature, None, sample)
    }

    #[test]
    fn every_key_gets_its_table_where_there_is_room() {
        let (tables, mut keeper) = tables(keys(3), 3 * KeyTable::BYTES);
        assert_eq!(verdict(&tables, 0, false), None);
        while keeper.turn().made {}
        assert_eq!([0, 1, 2].map(|slot| verdict(&tables, slot, false)), [Some(true); 3]);
        let signature = signer(1).sign(b"another message").to_bytes();
        assert_eq!(tables.verdict(1, b"message", &signature, None, false), Some(false));
    }

    #[test]
    fn the_table_that_was_used_longest_ago_goes_for_one_that_is_asked_for() {
        let (tables, mut keeper) = tables(keys(3), 2 * KeyTable::BYTES);
        while keeper.turn().made {}
        assert_eq!([0, 1, 2].map(|slot| verdict(&tables, slot, false)), [Some(true), Some(true), None]);
        assert!(!keeper.turn().made, "both tables are in use");
        for _ in 0..=TURNS_IN_USE {
            verdict(&tables, 1, false);
            keeper.turn();
        }
        assert_eq!(verdict(&tables, 2, false), None);
        assert!(keeper.turn().made);
        assert_eq!([0, 1, 2].map(|slot| verdict(&tables, slot, false)), [None, Some(true), Some(true)]);
    }

    #[test]
    fn without_room_there_is_no_table_and_no_work() {
        let (tables, mut keeper) = tables(keys(1), KeyTable::BYTES - 1);
        assert_eq!(verdict(&tables, 0, false), None);
        assert_eq!(keeper.turn(), Turn::default());
    }

    #[test]
    fn samples_are_checked_again_and_hold() {
        let (tables, mut keeper) = tables(keys(1), KeyTable::BYTES);
        keeper.turn();
        for _ in 0..SAMPLES_MAX + 9 {
            assert_eq!(verdict(&tables, 0, true), Some(true));
        }
        let long = [b'x'; SAMPLE_BYTES_MAX + 1];
        assert_eq!(tables.verdict(0, &long, &signer(0).sign(&long).to_bytes(), None, true), Some(true));
        assert_eq!(keeper.turn(), Turn { checked: SAMPLES_MAX as u32, ..Turn::default() });
    }

    #[test]
    fn a_table_that_judges_otherwise_than_dalek_raises_the_alarm_and_is_used_no_more() {
        let (tables, mut keeper) = tables(keys(2), 2 * KeyTable::BYTES);
        while keeper.turn().made {}
        let wrong = tables.0.slots[1].table.load_full();
        tables.0.slots[0].table.store(wrong);
        assert_eq!(verdict(&tables, 0, true), Some(false));
        assert_eq!(keeper.turn().distrusted, Some(ApiKeyId(0)));
        assert_eq!([0, 1].map(|slot| verdict(&tables, slot, true)), [None; 2]);
        assert_eq!(keeper.turn(), Turn::default());
    }
}
