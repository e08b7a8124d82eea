//! From hashes to places: open addressing in one array, eight bytes a slot.
//!
//! ```text
//!   slot     hash (32 bits) │ place + 1 (32 bits); 0: empty
//!   home     the high bits of the hash choose a line of eight slots, the low three a slot of it
//!   probe    the slots behind it, until one is empty; what is taken out lets those behind it move up
//! ```
//!
//! The array has its size from the start and its pages are taken as they are touched, so no order waits for a larger
//! table to be filled. A slot keeps enough of the hash to know its home, so that moving one reads nothing else.
//! Nothing depends on where something stands, because a table is never walked.

/// Slots of one line of the processor's cache.
const LINE: usize = 8;

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    slots: Box<[u64]>,
}

impl Table {
    /// A table with so many slots at least; it must never be filled to the last.
    pub(super) fn with_slots(slots: usize) -> Self {
        Self { slots: vec![0; slots.next_multiple_of(LINE).max(LINE)].into() }
    }

    /// The place with this hash that is the one.
    pub(super) fn find(&self, hash: u32, is: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.home(hash);
        loop {
            match self.slots[at] {
                0 => return None,
                slot if hash_of(slot) == hash && is(place_of(slot)) => return Some(place_of(slot)),
                _ => at = self.next(at),
            }
        }
    }

    /// Adds a place.
    pub(super) fn insert(&mut self, hash: u32, place: u32) {
        let mut at = self.home(hash);
        while self.slots[at] != 0 {
            at = self.next(at);
        }
        self.slots[at] = u64::from(hash) << 32 | (u64::from(place) + 1);
    }

    /// Takes a place out.
    pub(super) fn remove(&mut self, hash: u32, place: u32) {
        let mut hole = self.home(hash);
        let wanted = u64::from(hash) << 32 | (u64::from(place) + 1);
        while self.slots[hole] != wanted {
            assert!(self.slots[hole] != 0, "what is forgotten was known");
            hole = self.next(hole);
        }
        let mut at = self.next(hole);
        while self.slots[at] != 0 {
            // It may stand in the hole if the hole is no farther from here than its home.
            let home = self.home(hash_of(self.slots[at]));
            if self.distance(home, at) >= self.distance(hole, at) {
                self.slots[hole] = self.slots[at];
                hole = at;
            }
            at = self.next(at);
        }
        self.slots[hole] = 0;
    }

    fn home(&self, hash: u32) -> usize {
        let lines = (self.slots.len() / LINE) as u64;
        let line = (u64::from(hash / LINE as u32) * lines) >> (u32::BITS - LINE.ilog2());
        line as usize * LINE + hash as usize % LINE
    }

    fn next(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() { 0 } else { at + 1 }
    }

    /// How many slots on from `from` to `to`.
    fn distance(&self, from: usize, to: usize) -> usize {
        if to >= from { to - from } else { to + self.slots.len() - from }
    }

    /// Bytes of the array.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.slots)
    }
}

fn hash_of(slot: u64) -> u32 {
    (slot >> 32) as u32
}

fn place_of(slot: u64) -> u32 {
    (slot as u32).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// Few slots and hashes that share homes, so that everything collides and runs over the end.
        #[test]
        fn finds_what_is_there_and_nothing_else(steps in prop::collection::vec((0u32..24, any::<bool>()), 0..400)) {
            let (mut table, mut model) = (Table::with_slots(32), BTreeMap::new());
            let hash = |place: u32| [0, 7, u32::MAX, u32::MAX - 9, 1 << 31][place as usize % 5];
            for (place, is_added) in steps {
                if is_added && model.insert(place, ()).is_none() {
                    table.insert(hash(place), place);
                } else if !is_added && model.remove(&place).is_some() {
                    table.remove(hash(place), place);
                }
                for place in 0..24 {
                    let found = table.find(hash(place), |at| at == place);
                    prop_assert_eq!(found, model.contains_key(&place).then_some(place));
                }
            }
        }
    }
}
