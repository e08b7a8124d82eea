//! One side of a book: its levels, and where the best one is.
//!
//! ```text
//!   by price  price → place of its level    what nearly every order asks: one lookup
//!   rungs     worst … second best, best     sorted, 16 bytes each: (price, place of the level)
//!   levels    quantity and queue            a slab: an order names its level by a place that never moves
//! ```
//!
//! The rungs are searched and moved only when a level comes or goes. The best level is at their end, so that the work
//! of a busy book, which is near the best price, moves few bytes. A level far from it moves those that are better, 16
//! bytes each. Against a `BTreeMap` that saves allocations and finds the best level, which each order asks for, without
//! a search; it costs more in the worst places of very long sides. The open orders of an account bound how many levels
//! it can leave there.

use super::orders::Ends;
use crate::types::{BookLevel, Price, Qty, Side};
use rustc_hash::FxHashMap;

/// Levels a side for which room is made at once.
const LEVELS_RESERVED: usize = 1_024;

/// A price level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Level {
    pub(super) price: Price,
    /// What is open at this price; kept, never counted.
    pub(super) qty: Qty,
    pub(super) queue: Ends,
}

#[derive(Clone, Copy, Debug)]
struct Rung {
    price: Price,
    level: u32,
}

/// The levels of a side.
#[derive(Debug)]
pub(super) struct Ladder {
    side: Side,
    rungs: Vec<Rung>,
    levels: Vec<Level>,
    free: Vec<u32>,
    /// The hash is a multiplication. Prices that share a bucket lie some 10⁵ ticks apart: inside a price band nobody
    /// makes the lookup slow.
    by_price: FxHashMap<Price, u32>,
}

impl Ladder {
    pub(super) fn new(side: Side) -> Self {
        Self {
            side,
            rungs: Vec::with_capacity(LEVELS_RESERVED),
            levels: Vec::with_capacity(LEVELS_RESERVED),
            free: Vec::with_capacity(LEVELS_RESERVED),
            by_price: FxHashMap::with_capacity_and_hasher(LEVELS_RESERVED, Default::default()),
        }
    }

    /// The best level.
    pub(super) fn best(&self) -> Option<&Level> {
        self.rungs.last().map(|rung| &self.levels[rung.level as usize])
    }

    /// The levels, best first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Level> {
        self.rungs.iter().rev().map(|rung| &self.levels[rung.level as usize])
    }

    pub(super) fn level_mut(&mut self, at: u32) -> &mut Level {
        &mut self.levels[at as usize]
    }

    /// The quantity at a price.
    pub(super) fn qty_at(&self, price: Price) -> Qty {
        self.by_price.get(&price).map_or(Qty::ZERO, |level| self.levels[*level as usize].qty)
    }

    /// The level at `price` and its place, made if there is none.
    pub(super) fn at_or_new(&mut self, price: Price) -> (u32, &mut Level) {
        let at = match self.by_price.get(&price) {
            Some(level) => *level,
            None => self.add(price),
        };
        (at, &mut self.levels[at as usize])
    }

    fn add(&mut self, price: Price) -> u32 {
        let new = Level { price, qty: Qty::ZERO, queue: Ends::EMPTY };
        let level = match self.free.pop() {
            Some(level) => {
                self.levels[level as usize] = new;
                level
            }
            None => {
                self.levels.push(new);
                (self.levels.len() - 1) as u32
            }
        };
        self.rungs.insert(self.find(price), Rung { price, level });
        self.by_price.insert(price, level);
        level
    }

    /// Takes away a level whose last order has gone.
    pub(super) fn remove(&mut self, level: u32) {
        let Level { price, qty, queue } = self.levels[level as usize];
        assert!(queue.is_empty() && qty.is_zero(), "a level with orders stays");
        let at = self.find(price);
        self.rungs.remove(at);
        self.by_price.remove(&price);
        self.free.push(level);
    }

    /// The first rung that is not worse than `price`.
    fn find(&self, price: Price) -> usize {
        match self.side {
            Side::Buy => self.rungs.partition_point(|rung| rung.price < price),
            Side::Sell => self.rungs.partition_point(|rung| rung.price > price),
        }
    }
}

impl From<&Level> for BookLevel {
    fn from(level: &Level) -> Self {
        Self { price: level.price, qty: level.qty }
    }
}
