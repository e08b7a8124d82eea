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
//! **A bucket for each day** (UTC), where there is a limit of a day. The cursor counts all arrivals, so those of today
//! are the cursor less what it was at midnight, which one word keeps:
//!
//! ```text
//!   ┌────────┬─────────────────────────────────────┐
//!   │ day:16 │ cursor when the day began:48        │   the first that comes on a later day writes it
//!   └────────┴─────────────────────────────────────┘
//! ```
//!
//! An arrival looks at the word before it takes the slot of its cursor, and no two take the same cursor's, so no more
//! than the limit pass with one day's word. Who was late, and finds that others have begun a new day, is one of the new
//! day.
//!
//! **Time never goes back**: a slot is stamped with the latest of `now` and the arrival before it, so slots are in
//! the order of time; `now` itself must be a window later than the stamp.
//!
//! Cost: two loads and two compare-and-swaps, 20–30 ns without contention; a refusal costs two loads. A limit of a day
//! costs a load more.

use super::sync::{AtomicU64, Ordering};
use crate::types::{Nanos, Span};
use crossbeam_utils::CachePadded;

const TIME_BITS: u32 = 62;
const TIME_MASK: u64 = (1 << TIME_BITS) - 1;
const LAP_MASK: u64 = u64::MAX >> TIME_BITS;

const START_BITS: u32 = 48;
const START_MASK: u64 = (1 << START_BITS) - 1;

/// Nanoseconds of a day.
const DAY: u64 = 24 * 60 * 60 * 1_000_000_000;

const _: () = assert!(TIME_MASK / DAY < 1 << (u64::BITS - START_BITS), "every day has its number");

/// The word of a slot that was never used: the lap before the first, and a time that no arrival is stamped with.
const NEVER: u64 = LAP_MASK << TIME_BITS;

/// The last `limit` arrivals.
#[derive(Debug)]
pub struct RateRing {
    /// How many arrivals were accepted. All below it stand in their slots; the one at it may stand there already.
    cursor: CachePadded<AtomicU64>,
    slots: Box<[AtomicU64]>,
    window: u64,
    /// The day, and the cursor when it began.
    day: AtomicU64,
    /// Most arrivals of a day; the highest number there is for no limit.
    per_day: u64,
}

/// How many arrivals there were on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayCount {
    /// Days since 1970.
    pub day: u64,
    /// How many.
    pub count: u64,
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
    /// It is one too many of its day, and took no slot.
    DayIsFull {
        /// When the next day begins, counted from the arrival's `now`.
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

impl DayCount {
    /// With an arrival more; one of an earlier day counts to this one.
    pub fn with(self, at: Nanos) -> Self {
        let day = at.0 / DAY;
        if day > self.day { Self { day, count: 1 } } else { Self { count: self.count + 1, ..self } }
    }
}

impl RateRing {
    /// A ring that accepts `limit` arrivals in any window. A limit of 0 refuses all.
    pub fn new(limit: u32, window: Span) -> Self {
        Self {
            cursor: CachePadded::new(AtomicU64::new(0)),
            slots: (0..limit).map(|_| AtomicU64::new(NEVER)).collect(),
            // The proof needs time to grow from lap to lap.
            window: window.0.clamp(1, TIME_MASK),
            day: AtomicU64::new(0),
            per_day: u64::MAX,
        }
    }

    /// The same, with a limit of a day.
    pub fn with_day(self, per_day: Option<u32>) -> Self {
        Self { per_day: per_day.map_or(u64::MAX, u64::from), ..self }
    }

    /// Counts what was accepted in an earlier run, the oldest first, whatever the limit was then.
    pub fn resume(&mut self, arrivals: impl IntoIterator<Item = Nanos>, today: DayCount) {
        if self.slots.is_empty() {
            return;
        }
        for at in arrivals {
            let cursor = self.cursor.load(Ordering::Relaxed);
            let stamp = at.0.clamp(1, TIME_MASK).max(self.time_before(cursor));
            let taken = self.lap_of(cursor) << TIME_BITS | stamp;
            self.slots[self.index(cursor)].store(taken, Ordering::Relaxed);
            self.cursor.store(cursor + 1, Ordering::Relaxed);
        }
        // More may have come on that day than there are slots, so the day may begin before the first cursor.
        let began = self.cursor.load(Ordering::Relaxed).wrapping_sub(today.count) & START_MASK;
        self.day.store(today.day << START_BITS | began, Ordering::Relaxed);
    }

    /// Counts an arrival at `now`, if it is not one too many.
    pub fn take(&self, now: Nanos) -> Take {
        if self.slots.is_empty() {
            return Take::Refused { retry_after: Span(self.window) };
        }
        let now = now.0.clamp(1, TIME_MASK);
        loop {
            let cursor = self.cursor.load(Ordering::Acquire);
            if let Some(retry_after) = self.day_is_full(cursor, now) {
                return Take::DayIsFull { retry_after };
            }
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

    /// How much of the limit of a day is used at `now`: for telling, as [`RateRing::usage`] is. `None`: there is none.
    pub fn usage_today(&self, now: Nanos) -> Option<Usage> {
        let limit = u32::try_from(self.per_day).ok()?;
        let now = now.0.clamp(1, TIME_MASK);
        let began = self.day.load(Ordering::Acquire);
        let today = (now / DAY).max(began >> START_BITS);
        let used = match began >> START_BITS == today {
            true => count_since(began, self.cursor.load(Ordering::Acquire)),
            false => 0,
        };
        let used = u32::try_from(used).unwrap_or(u32::MAX).min(limit);
        let to_midnight = Span(((today + 1) * DAY).saturating_sub(now));
        let retry_after = if used == limit { to_midnight } else { Span::ZERO };
        Some(Usage { limit, window: Span(DAY), used, retry_after })
    }

    /// How long it takes to the next day, if no more may come today than have come before the cursor.
    fn day_is_full(&self, cursor: u64, now: u64) -> Option<Span> {
        if self.per_day == u64::MAX {
            return None;
        }
        let today = self.today(cursor, now);
        (today.count >= self.per_day).then(|| Span(((today.day + 1) * DAY).saturating_sub(now)))
    }

    /// How many arrivals of the day came before the one at the cursor. Begins the day if this is the first of it.
    fn today(&self, cursor: u64, now: u64) -> DayCount {
        let (day, word) = (now / DAY, self.day.load(Ordering::Acquire));
        let of = |word: u64| DayCount { day: word >> START_BITS, count: count_since(word, cursor) };
        // A thread that is late counts to the day that others have begun.
        if word >> START_BITS >= day {
            return of(word);
        }
        let begins = day << START_BITS | cursor & START_MASK;
        match self.day.compare_exchange(word, begins, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => of(begins),
            Err(other) => of(other),
        }
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

/// How many arrivals there were since the day of this word began. None if the cursor is from before: then it is stale,
/// and the slot that it names is taken.
fn count_since(day: u64, cursor: u64) -> u64 {
    match cursor.wrapping_sub(day) & START_MASK {
        stale if stale > START_MASK / 2 => 0,
        count => count,
    }
}

/// The lap in a slot's word.
fn lap(word: u64) -> u64 {
    word >> TIME_BITS
}
