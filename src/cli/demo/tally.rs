//! What the demo's clients count while they trade: shared with the screen, and in the end the summary.

use crate::types::Reject;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Over which protocol a client trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// The market maker.
    Fix = 0,
    /// The bots.
    WebSocket = 1,
}

impl Protocol {
    /// Both, in the order in which they are shown.
    pub const ALL: [Self; 2] = [Self::Fix, Self::WebSocket];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fix => "FIX",
            Self::WebSocket => "WebSocket",
        }
    }
}

/// The counts; clones are the same.
#[derive(Clone, Default)]
pub struct Tally(Arc<Mutex<Counts>>);

/// The counts of one moment.
#[derive(Clone, Default)]
pub struct Counts {
    /// By protocol.
    pub lanes: [Lane; 2],
    /// By name of the refusal.
    pub rejects: BTreeMap<&'static str, u64>,
}

/// The counts of one protocol.
#[derive(Clone)]
pub struct Lane {
    /// Orders and cancels that were answered.
    pub answered: u64,
    /// Orders that were sent.
    pub orders: u64,
    /// Cancels that were sent.
    pub cancels: u64,
    /// Trades of its orders.
    pub fills: u64,
    /// Orders and cancels that were refused.
    pub rejects: u64,
    /// From sending to the first answer, in nanoseconds.
    pub round_trip: Histogram<u64>,
    /// The same, since the screen last looked.
    pub recent: Histogram<u64>,
}

/// Longest round trip that is told exactly; a longer one counts as this.
const LONGEST_NANOS: u64 = 60_000_000_000;

impl Default for Lane {
    fn default() -> Self {
        Self {
            answered: 0,
            orders: 0,
            cancels: 0,
            fills: 0,
            rejects: 0,
            round_trip: histogram(),
            recent: histogram(),
        }
    }
}

/// A histogram of latencies to three digits.
fn histogram() -> Histogram<u64> {
    // The bounds are constants that the crate takes.
    match Histogram::new_with_bounds(1, LONGEST_NANOS, 3) {
        Ok(histogram) => histogram,
        Err(error) => unreachable!("the bounds of the histogram: {error}"),
    }
}

impl Tally {
    /// An order was sent.
    pub fn order(&self, over: Protocol) {
        self.lock().lanes[over as usize].orders += 1;
    }

    /// A cancel was sent.
    pub fn cancel(&self, over: Protocol) {
        self.lock().lanes[over as usize].cancels += 1;
    }

    /// The first answer to either, `round_trip` after it was sent.
    pub fn answer(&self, over: Protocol, round_trip: Duration, refused: Option<&'static str>) {
        let mut counts = self.lock();
        let lane = &mut counts.lanes[over as usize];
        let nanos = u64::try_from(round_trip.as_nanos()).unwrap_or(LONGEST_NANOS);
        lane.round_trip.saturating_record(nanos);
        lane.recent.saturating_record(nanos);
        lane.answered += 1;
        if let Some(name) = refused {
            lane.rejects += 1;
            *counts.rejects.entry(name).or_default() += 1;
        }
    }

    /// A trade of one of its orders.
    pub fn fill(&self, over: Protocol) {
        self.lock().lanes[over as usize].fills += 1;
    }

    /// The counts as they are.
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// The counts as they are; [`Lane::recent`] begins anew.
    pub fn look(&self) -> Counts {
        let mut counts = self.lock();
        let seen = counts.clone();
        counts.lanes.iter_mut().for_each(|lane| lane.recent.reset());
        seen
    }

    /// Counts are whole after each step, so those that a panicking task left are good.
    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a refusal is called where this version does not know it.
pub fn reject_name(reject: Option<Reject>) -> &'static str {
    reject.map_or("other", |reject| reject.info().name)
}

/// A distribution, as the summary tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    /// How many were measured.
    pub count: u64,
    /// Half took no longer.
    #[serde(rename = "p50Nanos")]
    pub p50: u64,
    /// 99 of 100.
    #[serde(rename = "p99Nanos")]
    pub p99: u64,
    /// 999 of 1,000.
    #[serde(rename = "p999Nanos")]
    pub p999: u64,
    /// None took longer.
    #[serde(rename = "maxNanos")]
    pub max: u64,
}

impl From<&Histogram<u64>> for Quantiles {
    fn from(histogram: &Histogram<u64>) -> Self {
        if histogram.is_empty() {
            return Self::default();
        }
        Self {
            count: histogram.len(),
            p50: histogram.value_at_quantile(0.5),
            p99: histogram.value_at_quantile(0.99),
            p999: histogram.value_at_quantile(0.999),
            max: histogram.max(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_takes_what_is_recent_and_leaves_the_whole() {
        let tally = Tally::default();
        tally.order(Protocol::Fix);
        tally.answer(Protocol::Fix, Duration::from_micros(100), Some("WouldTake"));
        assert_eq!(tally.look().lanes[0].recent.len(), 1);
        let counts = tally.look();
        assert_eq!((counts.lanes[0].recent.len(), counts.lanes[0].round_trip.len()), (0, 1));
        assert_eq!((counts.lanes[0].rejects, counts.rejects["WouldTake"]), (1, 1));
    }
}
