//! One side of a book: its levels, and where the best one is.
//!
//! ```text
//!   price ÷ grain = ticks ─► rank ─► page number, slot       rank: the better, the greater, on both sides
//!
//!   rungs    worst … best        sorted: (number, page)      pages that are in use: a handful
//!   pages    0110…1              one bit a level             64 ticks that follow each other
//!   levels   quantity, queue     64 a page                   place of a level: page × 64 + slot
//! ```
//!
//! Prices near each other share a page, so a level comes and goes by one bit, and the next best one is the next bit.
//! Only a page that comes or goes moves rungs. A price far from all others costs a page of its own, 1 KiB and no more,
//! wherever it lies; pages that were left are used again. An order names its level by its place, which stays where it
//! is, until the [`Grain`] gets finer.

use super::grain::Grain;
use super::orders::Ends;
use crate::limits::ORDERS_PER_BOOK_MAX;
use crate::types::{BookLevel, Price, Qty, Side};

/// Levels of a page: as many as a word has bits.
const PAGE: u32 = u64::BITS;

/// Pages for which a side has room from its start: one for each order that the book may hold, should all be far apart,
/// and one that is being moved while the grain gets finer. So no order waits for a larger array; what is not used is
/// address space and no memory.
const PAGES_RESERVED: usize = ORDERS_PER_BOOK_MAX + 1;

/// Pages that are found without a search, if they follow each other: 4,096 ticks.
const PAGES_NEAR: usize = 64;

/// The number of a page that is not in use; no price reaches it.
const FREE: u64 = u64::MAX;

/// A price level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    /// What is open at this price; kept, never counted.
    pub(super) qty: Qty,
    pub(super) queue: Ends,
}

#[derive(Clone, Copy, Debug)]
struct Page {
    /// Its place among all pages that could be, or [`FREE`].
    number: u64,
    /// Which of its levels have orders.
    occupied: u64,
}

#[derive(Clone, Copy, Debug)]
struct Rung {
    number: u64,
    page: u32,
}

/// The levels of a side.
#[derive(Debug)]
pub(super) struct Ladder {
    /// What turns ticks into ranks: nothing for bids, all bits for asks, of which the lowest is the best.
    flip: u64,
    grain: Grain,
    rungs: Vec<Rung>,
    pages: Vec<Page>,
    levels: Vec<Level>,
    free: Vec<u32>,
    /// Where the page of a number may be, by the last bits of the number.
    near: [u32; PAGES_NEAR],
    /// The rungs of the coarser grain while it is refined; else empty.
    coarse: Vec<Rung>,
}

impl Level {
    const EMPTY: Self = Self { qty: Qty::ZERO, queue: Ends::EMPTY };
}

impl Ladder {
    pub(super) fn new(side: Side) -> Self {
        Self {
            flip: if side == Side::Buy { 0 } else { u64::MAX },
            grain: Grain::default(),
            rungs: Vec::with_capacity(PAGES_RESERVED),
            pages: Vec::with_capacity(PAGES_RESERVED),
            levels: Vec::with_capacity(PAGES_RESERVED * PAGE as usize),
            free: Vec::with_capacity(PAGES_RESERVED),
            near: [0; PAGES_NEAR],
            coarse: Vec::with_capacity(PAGES_RESERVED),
        }
    }

    /// The best level and its price.
    #[inline]
    pub(super) fn best(&self) -> Option<(Price, &Level)> {
        let rung = self.rungs.last()?;
        Some(self.level_of(rung, self.pages[rung.page as usize].occupied.ilog2()))
    }

    /// The levels and their prices, best first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Price, &Level)> {
        self.rungs.iter().rev().flat_map(|rung| {
            let occupied = self.pages[rung.page as usize].occupied;
            let slots = (0..PAGE).rev().filter(move |slot| occupied & (1 << slot) != 0);
            slots.map(|slot| self.level_of(rung, slot))
        })
    }

    #[inline]
    pub(super) fn level_mut(&mut self, place: u32) -> &mut Level {
        &mut self.levels[place as usize]
    }

    /// The quantity at a price.
    #[inline]
    pub(super) fn qty_at(&self, price: Price) -> Qty {
        let level = self.grain.ticks(price).and_then(|ticks| {
            let (number, slot) = split(ticks ^ self.flip);
            self.page(number).map(|page| &self.levels[place(page, slot) as usize])
        });
        level.map_or(Qty::ZERO, |level| level.qty)
    }

    /// Whether the grain is fine enough for a price.
    #[inline]
    pub(super) fn divides(&self, price: Price) -> bool {
        self.grain.ticks(price).is_some()
    }

    /// The level at a price that the grain divides, and its place. It is made if there is none: an order is to rest in
    /// it.
    #[inline]
    pub(super) fn at_or_new(&mut self, price: Price) -> (u32, &mut Level) {
        let ticks = self.grain.ticks(price).expect("the grain was refined for it");
        let (number, slot) = split(ticks ^ self.flip);
        let page = match self.page(number) {
            Some(page) => page,
            None => self.open(number),
        };
        self.pages[page as usize].occupied |= 1 << slot;
        let place = place(page, slot);
        (place, &mut self.levels[place as usize])
    }

    /// Takes away a level whose last order has gone.
    #[inline]
    pub(super) fn remove(&mut self, place: u32) {
        let Level { qty, queue } = self.levels[place as usize];
        assert!(queue.is_empty() && qty.is_zero(), "a level with orders stays");
        let page = &mut self.pages[(place / PAGE) as usize];
        page.occupied &= !(1 << (place % PAGE));
        if page.occupied == 0 {
            self.close(place / PAGE);
        }
    }

    /// Makes the grain so fine that it divides `price`, too. Each level gets a new place, which is told with its queue.
    #[cold]
    pub(super) fn refine(&mut self, price: Price, mut moved: impl FnMut(Ends, u32)) {
        let coarse = self.grain;
        self.grain = coarse.with(price);
        std::mem::swap(&mut self.rungs, &mut self.coarse);
        self.coarse.iter().for_each(|rung| self.pages[rung.page as usize].number = FREE);
        for at in 0..self.coarse.len() {
            let Rung { number, page } = self.coarse[at];
            let occupied = std::mem::take(&mut self.pages[page as usize].occupied);
            for slot in (0..PAGE).filter(|slot| occupied & (1 << slot) != 0) {
                let level = std::mem::replace(&mut self.levels[place(page, slot) as usize], Level::EMPTY);
                let (to, finer) = self.at_or_new(coarse.price(rank(number, slot) ^ self.flip));
                *finer = level;
                moved(level.queue, to);
            }
            self.free.push(page);
        }
        self.coarse.clear();
    }

    /// The page with a number, if it is in use.
    #[inline]
    fn page(&self, number: u64) -> Option<u32> {
        let near = self.near[number as usize % PAGES_NEAR];
        match self.pages.get(near as usize) {
            Some(page) if page.number == number => Some(near),
            _ => self.search(number),
        }
    }

    /// The same for a page that shares its last bits with another one.
    #[cold]
    fn search(&self, number: u64) -> Option<u32> {
        let rung = self.rungs.get(self.find(number))?;
        (rung.number == number).then_some(rung.page)
    }

    /// The first rung that is not worse than `number`.
    fn find(&self, number: u64) -> usize {
        self.rungs.partition_point(|rung| rung.number < number)
    }

    /// Puts a page into use.
    #[cold]
    fn open(&mut self, number: u64) -> u32 {
        let page = self.free.pop().unwrap_or_else(|| {
            self.pages.push(Page { number: FREE, occupied: 0 });
            self.levels.resize(self.pages.len() * PAGE as usize, Level::EMPTY);
            (self.pages.len() - 1) as u32
        });
        self.pages[page as usize].number = number;
        self.near[number as usize % PAGES_NEAR] = page;
        self.rungs.insert(self.find(number), Rung { number, page });
        page
    }

    /// Takes a page without a level out of use.
    #[cold]
    fn close(&mut self, page: u32) {
        let number = std::mem::replace(&mut self.pages[page as usize].number, FREE);
        self.rungs.remove(self.find(number));
        self.free.push(page);
    }

    fn level_of(&self, rung: &Rung, slot: u32) -> (Price, &Level) {
        let price = self.grain.price(rank(rung.number, slot) ^ self.flip);
        (price, &self.levels[place(rung.page, slot) as usize])
    }
}

fn split(rank: u64) -> (u64, u32) {
    (rank / u64::from(PAGE), (rank % u64::from(PAGE)) as u32)
}

fn rank(number: u64, slot: u32) -> u64 {
    number * u64::from(PAGE) + u64::from(slot)
}

fn place(page: u32, slot: u32) -> u32 {
    page * PAGE + slot
}

/// What a book tells of a level.
pub(super) fn told((price, level): (Price, &Level)) -> BookLevel {
    BookLevel { price, qty: level.qty }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the arrays are and how much room they have: an array that grows has more, or is elsewhere.
    fn room(ladder: &Ladder) -> [(usize, usize); 5] {
        let Ladder { rungs, pages, levels, free, coarse, .. } = ladder;
        // The two arrays of rungs change places when the grain gets finer.
        let mut rungs =
            [(rungs.as_ptr() as usize, rungs.capacity()), (coarse.as_ptr() as usize, coarse.capacity())];
        rungs.sort_unstable();
        [
            rungs[0],
            rungs[1],
            (pages.as_ptr() as usize, pages.capacity()),
            (levels.as_ptr() as usize, levels.capacity()),
            (free.as_ptr() as usize, free.capacity()),
        ]
    }

    #[test]
    fn a_side_whose_orders_are_all_far_apart_never_asks_for_memory() {
        let mut ladder = Ladder::new(Side::Buy);
        let before = room(&ladder);
        ladder.refine(Price(2_000), |_, _| {});
        for n in 1..=ORDERS_PER_BOOK_MAX as i64 {
            ladder.at_or_new(Price(n * 128 * 2_000));
        }
        assert_eq!(ladder.rungs.len(), ORDERS_PER_BOOK_MAX, "a page each");
        let mut moved = 0;
        ladder.refine(Price(3_000), |_, _| moved += 1);
        assert_eq!((moved, room(&ladder)), (ORDERS_PER_BOOK_MAX, before));
    }
}
