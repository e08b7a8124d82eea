//! What the demo shows while it runs: on a terminal a table that is redrawn in place, else a line a second. All of it
//! goes to stderr; stdout is for the summary.

use super::tally::{Counts, Lane, Protocol, Tally};
use crate::types::Span;
use hdrhistogram::Histogram;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Rates and latencies are told of the last second.
const TURN: Duration = Duration::from_secs(1);

/// Shows a tally.
pub struct Screen {
    tally: Tally,
    begun: Instant,
    length: Duration,
    terminal: bool,
    before: Counts,
}

impl Screen {
    /// A screen for a run of this length that begins now.
    pub fn new(tally: Tally, length: Duration) -> Self {
        let terminal = std::io::stderr().is_terminal();
        Self { tally, begun: Instant::now(), length, terminal, before: Counts::default() }
    }

    /// Draws once a second until the task is dropped.
    pub async fn run(mut self) {
        let mut turns = tokio::time::interval_at(tokio::time::Instant::now() + TURN, TURN);
        let mut drawn = 0;
        loop {
            turns.tick().await;
            let now = self.tally.look();
            let text = if self.terminal { self.table(&now) } else { self.line(&now) };
            self.before = now;
            // Back over what stands there, and clear from there on.
            let back = if drawn > 0 { format!("\x1b[{drawn}A\x1b[J") } else { String::new() };
            // A closed stderr is no reason to stop trading.
            let _ = write!(std::io::stderr(), "{back}{text}");
            drawn = if self.terminal { text.lines().count() } else { 0 };
        }
    }

    fn seconds(&self) -> (u64, u64) {
        (self.begun.elapsed().as_secs().min(self.length.as_secs()), self.length.as_secs())
    }

    fn table(&self, now: &Counts) -> String {
        let (passed, length) = self.seconds();
        let mut out = format!(
            "  {passed:>2} s of {length} s   orders/s    orders   cancels     fills   rejects         p50         p99\n"
        );
        for over in Protocol::ALL {
            let (lane, before) = (&now.lanes[over as usize], &self.before.lanes[over as usize]);
            row(&mut out, over.name(), lane, lane.orders - before.orders, &lane.recent);
        }
        let (whole, before) = (whole(now), whole(&self.before));
        row(&mut out, "together", &whole, whole.orders - before.orders, &whole.recent);
        out
    }

    fn line(&self, now: &Counts) -> String {
        let (passed, length) = self.seconds();
        let (whole, before) = (whole(now), whole(&self.before));
        format!(
            "{passed} s of {length} s: {} orders/s, {} orders, {} fills, {} rejects, round trip p50 {}, p99 {}\n",
            whole.orders - before.orders,
            whole.orders,
            whole.fills,
            whole.rejects,
            Span(whole.recent.value_at_quantile(0.5)),
            Span(whole.recent.value_at_quantile(0.99)),
        )
    }
}

fn row(out: &mut String, name: &str, lane: &Lane, rate: u64, recent: &Histogram<u64>) {
    // Writing to a String does not fail.
    let _ = writeln!(
        out,
        "  {name:<13} {rate:>8} {:>9} {:>9} {:>9} {:>9} {:>11} {:>11}",
        lane.orders,
        lane.cancels,
        lane.fills,
        lane.rejects,
        Span(recent.value_at_quantile(0.5)).to_string(),
        Span(recent.value_at_quantile(0.99)).to_string(),
    );
}

/// Both protocols as one. A trade has two sides, and both may be ours; each counts as a fill of its order.
fn whole(counts: &Counts) -> Lane {
    let mut whole = Lane::default();
    for lane in &counts.lanes {
        whole.answered += lane.answered;
        whole.orders += lane.orders;
        whole.cancels += lane.cancels;
        whole.fills += lane.fills;
        whole.rejects += lane.rejects;
        // They have the same bounds, so one can be added to the other.
        let _ = whole.recent.add(&lane.recent);
        let _ = whole.round_trip.add(&lane.round_trip);
    }
    whole
}
