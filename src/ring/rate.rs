//! N arrivals in any window of a length, exactly, counted by many threads at once without a lock.
//!
//! Think of N parking bays, used in turn, in which a car may stand no shorter than the window. The next bay holds the
//! N-th last car: if it has stood long enough, the new one takes its place; if not, the new one is sent away, and
//! nothing has changed.
//!
//! ```text
//!   cursor = how many were accepted so far             one slot = one word:  ┌───────┬───────────────────────┐
//!      │                                                                     │ lap:2 │ time of arrival:62    │
//!      ▼ mod N                                                               └───────┴───────────────────────┘
//!   ┌──────┬──────┬──────┬──────┐   lap of the slot      what a thread does that came with `cursor`
//!   │ t₄   │ t₁   │ t₂   │ t₃   │   one before cursor's  old enough: swap in (lap, now); else: refuse
//!   └──────┴──────┴──────┴──────┘   cursor's             somebody took it: help `cursor` on, start again
//! ```
//!
//! **Exact, whatever the threads do.** A slot goes from arrival `a` to arrival `b` only by a compare-and-swap that
//! has seen `a`, and only if `b ≥ a + window`. So each slot lets one arrival through per window, and there are N
//! slots: no window `[t, t + window)` has more than N, even if threads bring times that are out of order, or sleep
//! between any two steps. No word ever comes back, because its time grows, so the swap cannot mistake an old lap for a
//! new one. Laps and the cursor only see to it that the slot that is asked is the oldest, so that nobody is
//! refused who need not be.
//!
//! **Time never goes back**: a slot is stamped with the latest of `now` and the arrival before it, so slots are in
//! the order of time; `now` itself must be a window later than the stamp.
//!
//! Cost: two loads and two compare-and-swaps, 20–30 ns without contention; a refusal costs two loads.

use super::sync::{AtomicU64, Ordering};
use crate::types::{Nanos, Span};
use crossbeam_utils::CachePadded;

const TIME_BITS: u32 = 62;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;
const LAP_MASK: u64 = u64::MAX >> TIME_BITS;

/// The word of a slot that was never used: the lap before the first, and a time that no arrival is stamped with.
const NEVER: u64 = LAP_MASK << TIME_BITS;

/// The last `limit` arrivals.
#[derive(Debug)]
pub struct RateRing {
    /// How many arrivals were accepted. All below it stand in their slots; the one at it may stand there already.
    cursor: CachePadded<AtomicU64>,
    slots: Box<[AtomicU64]>,
    window: u64,
}

/// The verdict on an arrival.
#[must_use = "a refused arrival must not go on"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// It is one of the N.
    Accepted,
    /// It is one too many, and took no slot.
    Refused {
        /// When the next slot falls free, counted from the arrival's `now`.
        retry_after: Span,
    },
}

/// How much of a limit is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The most arrivals per window.
    pub limit: u32,
    /// The window.
    pub window: Span,
    /// How many of the last arrivals are younger than the window.
    pub used: u32,
    /// When the next arrival would be accepted: zero if now.
    pub retry_after: Span,
}

impl RateRing {
    /// A ring that accepts `limit` arrivals in any window. A limit of 0 refuses all.
    pub fn new(limit: u32, window: Span) -> Self {
        Self {
            cursor: CachePadded::new(AtomicU64::new(0)),
            slots: (0..limit).map(|_| AtomicU64::new(NEVER)).collect(),
            // The proof needs time to grow from lap to lap.
            window: window.0.clamp(1, TIME_MASK),
        }
    }

    /// Counts an arrival at `now`, if it is not one too many.
    pub fn take(&self, now: Nanos) -> Take {
        if self.slots.is_empty() {
            return Take::Refused { retry_after: Span(self.window) };
        }
        let now = now.0.clamp(1, TIME_MASK);
        loop {
            let cursor = self.cursor.load(Ordering::Acquire);
            let slot = &self.slots[self.index(cursor)];
            let seen = slot.load(Ordering::Acquire);
            if lap(seen) == self.lap_of(cursor) {
                self.advance(cursor);
                continue;
            }
            let free_at = self.free_at(seen);
            if now < free_at {
                return Take::Refused { retry_after: Span(free_at - now) };
            }
            let stamp = now.max(self.time_before(cursor));
            let taken = self.lap_of(cursor) << TIME_BITS | stamp;
            if slot.compare_exchange(seen, taken, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                self.advance(cursor);
                return Take::Accepted;
            }
        }
    }

    /// How much is used at `now`: for telling, not for deciding, since other threads go on meanwhile.
    pub fn usage(&self, now: Nanos) -> Usage {
        let (limit, window) = (self.slots.len() as u32, Span(self.window));
        if limit == 0 {
            return Usage { limit, window, used: 0, retry_after: window };
        }
        let now = now.0.clamp(1, TIME_MASK);
        let cursor = self.cursor.load(Ordering::Acquire);
        let free_at = |nth: usize| {
            let slot = &self.slots[self.index(cursor.wrapping_add(nth as u64))];
            self.free_at(slot.load(Ordering::Acquire))
        };
        // From the cursor on, slots stand from the oldest to the youngest: find the first that is not free.
        let (mut free, mut end) = (0, self.slots.len());
        while free < end {
            let middle = free.midpoint(end);
            if free_at(middle) <= now {
                free = middle + 1;
            } else {
                end = middle;
            }
        }
        let retry_after = Span(free_at(0).saturating_sub(now));
        Usage { limit, window, used: limit - free as u32, retry_after }
    }

    /// Moves the cursor past an arrival that stands in its slot, unless another thread has done it.
    fn advance(&self, cursor: u64) {
        let _ = self.cursor.compare_exchange(cursor, cursor + 1, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// When a slot may be used again.
    fn free_at(&self, word: u64) -> u64 {
        match word & TIME_MASK {
            0 => 0,
            time => time + self.window,
        }
    }

    /// The stamp of the arrival before the cursor's: it stands there before the cursor does, and until after the
    /// cursor has moved on.
    fn time_before(&self, cursor: u64) -> u64 {
        match cursor.checked_sub(1) {
            Some(before) => self.slots[self.index(before)].load(Ordering::Acquire) & TIME_MASK,
            None => 0,
        }
    }

    fn index(&self, cursor: u64) -> usize {
        (cursor % self.slots.len() as u64) as usize
    }

    /// The lap of an arrival, cut to its bits. A thread that sleeps for whole multiples of four laps may take an old
    /// lap for the one before; then its own `now` is older than the slot, and it is refused.
    fn lap_of(&self, cursor: u64) -> u64 {
        (cursor / self.slots.len() as u64) & LAP_MASK
    }
}

/// The lap in a slot's word.
fn lap(word: u64) -> u64 {
    word >> TIME_BITS
}
