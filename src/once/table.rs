//! From hashes to places: open addressing in one array, eight bytes a slot, which is used as far as it is needed.
//!
//! ```text
//!   slot     hash (32 bits) │ place + 1 (32 bits); 0: empty
//!   home     the hash chooses a line of eight slots among those in use, its low three bits a slot of it
//!   probe    the slots behind it, until one is empty; what is taken out lets those behind it move up
//!
//!   growing  │ split │ whole …     │ siblings of the split ones │ not in use, never touched …
//!            └ one line at a time: of what has its home there, one bit more of the hash says what goes over
//! ```
//!
//! The array has its size from the start, and is used from its beginning: one line more whenever those in use are a
//! quarter full (linear hashing). So no order waits for a larger table to be filled, few requests take little memory
//! and stay in the processor's cache, and pages are used in their order, which lets [`Table::touch`] be ahead of them.
//! A slot keeps the hash, so that moving one reads nothing else. Nothing depends on where something stands, because a
//! table is never walked.

/// Slots of one line of the processor's cache.
const LINE: usize = 8;

/// Lines in use at the start, at least: 32 KiB.
const LINES_AT_FIRST: usize = 512;

/// Bits of a hash that choose a line.
const LINE_BITS: u32 = u32::BITS - LINE.ilog2();

/// Slots of one page of memory.
const PAGE: usize = 4_096 / size_of::<u64>();

/// How many pages are touched before they are used.
const PAGES_AHEAD: usize = 16;

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    slots: Box<[u64]>,
    /// How many of them are taken.
    len: usize,
    /// Lines in use before the first round; each round doubles them.
    first: usize,
    /// How many rounds there may be.
    rounds: u32,
    /// The round in which the table is.
    round: u32,
    /// Lines that were split in this round.
    split: usize,
    /// Slots whose pages were touched.
    touched: usize,
}

impl Table {
    /// A table with so many slots at least; it must never be filled to the last.
    pub(super) fn with_slots(slots: usize) -> Self {
        Self::growing(slots.div_ceil(LINE).max(1), LINES_AT_FIRST)
    }

    /// With so many lines at least in the end, and so many at first.
    fn growing(lines: usize, at_first: usize) -> Self {
        let rounds = (lines / at_first).max(1).ilog2();
        let first = lines.div_ceil(1 << rounds);
        let slots = vec![0; (first << rounds) * LINE].into();
        Self { slots, len: 0, first, rounds, round: 0, split: 0, touched: 0 }
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
        self.len += 1;
        while 4 * self.len > self.lines() * LINE && self.round < self.rounds {
            self.split_one();
        }
        self.put(u64::from(hash) << 32 | (u64::from(place) + 1));
    }

    /// Takes a place out.
    pub(super) fn remove(&mut self, hash: u32, place: u32) {
        let mut at = self.home(hash);
        let wanted = u64::from(hash) << 32 | (u64::from(place) + 1);
        while self.slots[at] != wanted {
            assert!(self.slots[at] != 0, "what is forgotten was known");
            at = self.next(at);
        }
        self.take_out(at);
        self.len -= 1;
    }

    /// Takes one more page of those that will be used soon, so that no order waits for the system to give it; whether
    /// there was one.
    pub(super) fn touch(&mut self) -> bool {
        let wanted = (self.lines() * LINE + PAGES_AHEAD * PAGE).min(self.slots.len());
        if self.touched >= wanted {
            return false;
        }
        // Written as it is: reading would not take it.
        let slot = &mut self.slots[self.touched];
        *slot = std::hint::black_box(*slot);
        self.touched += PAGE;
        true
    }

    /// Lines in use.
    fn lines(&self) -> usize {
        (self.first << self.round) + self.split
    }

    fn home(&self, hash: u32) -> usize {
        let key = hash >> LINE.ilog2();
        let line = (u64::from(key >> self.rounds) * self.first as u64) >> (LINE_BITS - self.rounds);
        let copies = |bits: u32| (key & ((1 << bits) - 1)) as usize;
        let split = line as usize + self.first * copies(self.round + 1);
        let line = if split < self.lines() { split } else { line as usize + self.first * copies(self.round) };
        line * LINE + hash as usize % LINE
    }

    /// Takes a line more into use, and moves there what belongs there.
    fn split_one(&mut self) {
        let (line, sibling) = (self.split, self.lines());
        self.split += 1;
        if self.split == self.first << self.round {
            (self.round, self.split) = (self.round + 1, 0);
        }
        let from = line * LINE;
        let mut at = from;
        // What has its home in the line stands no farther than the first empty slot behind it.
        while self.slots[at] != 0 || self.distance(from, at) < LINE - 1 {
            let slot = self.slots[at];
            let home = self.home(hash_of(slot));
            if slot != 0 && home / LINE == sibling && !self.reaches(home, at) {
                self.take_out(at);
                self.put(slot);
            } else {
                at = self.next(at);
            }
        }
    }

    fn put(&mut self, slot: u64) {
        let mut at = self.home(hash_of(slot));
        while self.slots[at] != 0 {
            at = self.next(at);
        }
        self.slots[at] = slot;
    }

    /// Empties a slot; those behind it move up.
    fn take_out(&mut self, mut hole: usize) {
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

    /// Whether a look from `home` on comes to `at`.
    fn reaches(&self, home: usize, at: usize) -> bool {
        let mut probe = home;
        while probe != at && self.slots[probe] != 0 {
            probe = self.next(probe);
        }
        probe == at
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

    /// Hashes that share homes and such that do not, so that lines run over into others and over the end.
    fn hash(spread: u8, place: u32) -> u32 {
        match spread {
            0 => [0, 7, u32::MAX, u32::MAX - 9, 1 << 31][place as usize % 5],
            1 => place << LINE.ilog2(),
            _ => place.wrapping_mul(0x9e37_79b9),
        }
    }

    proptest! {
        /// Tables of few lines, from one that never grows to one that begins with a single line.
        #[test]
        fn finds_what_is_there_and_nothing_else(
            steps in prop::collection::vec((0u32..24, any::<bool>()), 0..400),
            (lines, at_first, spread) in (4usize..40, 1usize..5, 0u8..3),
        ) {
            let (mut table, mut model) = (Table::growing(lines, at_first), BTreeMap::new());
            for (place, is_added) in steps {
                if is_added && model.insert(place, ()).is_none() {
                    table.insert(hash(spread, place), place);
                } else if !is_added && model.remove(&place).is_some() {
                    table.remove(hash(spread, place), place);
                }
                for place in 0..24 {
                    let found = table.find(hash(spread, place), |at| at == place);
                    prop_assert_eq!(found, model.contains_key(&place).then_some(place));
                }
            }
        }
    }

    #[test]
    fn grows_to_its_size_and_uses_no_more_than_it_needs() {
        let mut table = Table::growing(1 << 10, 1);
        let fill = |table: &mut Table, from: u32, to: u32| {
            (from..to).for_each(|place| table.insert(hash(2, place), place));
        };
        fill(&mut table, 0, 100);
        assert!((50..=51).contains(&table.lines()), "{} lines for 100 places", table.lines());
        fill(&mut table, 100, 6_000);
        assert_eq!(table.lines(), 1 << 10, "all of them");
        assert!((0..6_000).all(|place| table.find(hash(2, place), |at| at == place).is_some()));
    }

    #[test]
    fn pages_are_touched_as_far_as_they_are_needed_soon() {
        let mut table = Table::with_slots(1 << 20);
        let count = std::iter::from_fn(|| table.touch().then_some(())).count();
        assert_eq!(count, LINES_AT_FIRST * LINE / PAGE + PAGES_AHEAD);
        (0..8_192).for_each(|place| table.insert(hash(2, place), place));
        assert!(table.touch() && table.touched < table.slots.len());
    }
}
