//! Verdicts that are found before they are asked for, of requests that wait one behind the other.
//!
//! ```text
//!   what waits ─► tell ─► tell ─► tell ─► find: all of them, with one inversion
//!                                           │
//!   each in its turn, after all that stands before it on its way ─► verify ─► verdict, if it is the one asked for
//! ```
//!
//! **Invariant**: a verdict is a function of the key, the bytes and the signature. It is given to nobody who does not
//! ask for exactly these, so whatever is told here, in whatever order and however wrongly, changes the time that a
//! verdict takes and nothing else.
//!
//! Cost: a copy of the signed bytes when they are told and a comparison when they are asked for, some 20 ns.

use super::known::TOGETHER_MAX;
use super::tables::Tables;
use crate::limits::SIGNED_BYTES_MAX;
use std::cell::Cell;

/// What was told, and its verdict.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// Place of the key.
    pub key: usize,
    pub signature: [u8; 64],
    length: usize,
    message: [u8; SIGNED_BYTES_MAX],
    /// Until it is asked for.
    pub verdict: Cell<Option<bool>>,
}

/// Two rounds: while one is told, verdicts of the one before it may still be asked for.
#[derive(Clone, Debug)]
pub(super) struct Ahead {
    rounds: [Box<[Told]>; 2],
    telling: usize,
    told: usize,
    /// Verdicts that nobody has asked for yet; where there are none there is nothing to compare.
    left: Cell<usize>,
}

impl Told {
    fn nothing() -> Self {
        let (signature, message) = ([0; 64], [0; SIGNED_BYTES_MAX]);
        Self { key: 0, signature, length: 0, message, verdict: Cell::new(None) }
    }

    pub(super) fn message(&self) -> &[u8] {
        &self.message[..self.length]
    }

    fn is(&self, key: usize, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key == key && self.signature == *signature && self.message() == message
    }
}

impl Default for Ahead {
    fn default() -> Self {
        let round = || (0..TOGETHER_MAX).map(|_| Told::nothing()).collect();
        Self { rounds: [round(), round()], telling: 0, told: 0, left: Cell::new(0) }
    }
}

impl Ahead {
    /// How many more may be told before they are found.
    pub(super) fn room(&self) -> usize {
        TOGETHER_MAX - self.told
    }

    /// Tells of a request that waits.
    pub(super) fn tell(&mut self, key: usize, message: &[u8], signature: &[u8; 64]) {
        let Some(slot) = self.rounds[self.telling].get_mut(self.told) else { return };
        let Some(copy) = slot.message.get_mut(..message.len()) else { return };
        copy.copy_from_slice(message);
        (slot.key, slot.length, slot.signature) = (key, message.len(), *signature);
        self.told += 1;
    }

    /// Finds the verdicts of what was told; one alone is left for its turn. Returns how many were found.
    pub(super) fn find(&mut self, tables: &Tables) -> usize {
        let told = std::mem::take(&mut self.told);
        if told < 2 {
            return 0;
        }
        let found = tables.find(&self.rounds[self.telling][..told]);
        self.telling ^= 1;
        // Those of the round before the last one were asked for, or never will be.
        let given_up = self.rounds[self.telling].iter().filter(|told| told.verdict.take().is_some()).count();
        self.left.set(self.left.get() + found - given_up);
        found
    }

    /// The verdict, if it was found. It is given once.
    #[inline]
    pub(super) fn verdict(&self, key: usize, message: &[u8], signature: &[u8; 64]) -> Option<bool> {
        if self.left.get() == 0 {
            return None;
        }
        let mut all = self.rounds.iter().flat_map(|round| round.iter());
        let told = all.find(|told| told.verdict.get().is_some() && told.is(key, message, signature))?;
        self.left.set(self.left.get() - 1);
        told.verdict.take()
    }
}
