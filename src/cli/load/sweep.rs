//! The highest rate whose p99 stays under a bound: doubled until it does not, then halved in between.

use super::drive::{Fleet, Length};
use super::report::Micros;
use serde::Serialize;
use std::fmt;
use std::io;
use std::time::Duration;

/// Rates that are tried between the last good and the first bad one.
const HALVINGS: u32 = 4;

/// What a sweep found.
#[derive(Debug, Serialize)]
pub struct Sweep {
    /// What was run.
    pub run: String,
    /// The bound of p99, in microseconds.
    pub p99_max_us: u64,
    /// The highest rate within the bound; 0 if none was.
    pub best_rate: u64,
    /// All that were tried, by rate.
    pub steps: Vec<Step>,
}

/// One rate.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Step {
    /// Messages a second that were due.
    pub rate: u64,
    /// Whether p99 was within the bound, and all was answered.
    pub good: bool,
    /// From due to answered.
    pub round_trip_us: Micros,
}

/// Tries rates; each is driven for `length`.
pub fn sweep(
    fleet: &mut Fleet,
    run: String,
    length: Length,
    p99_max: Duration,
    first_rate: u64,
) -> io::Result<Sweep> {
    let mut steps: Vec<Step> = Vec::new();
    let mut attempt = |rate: u64| -> io::Result<bool> {
        let tape = fleet.open_loop(rate, length, |_, _| {})?;
        let latency = tape.latency();
        let good = tape.is_complete() && u128::from(latency.value_at_quantile(0.99)) <= p99_max.as_nanos();
        eprintln!(
            "{rate}/s: p99 {} ns, {}",
            latency.value_at_quantile(0.99),
            if good { "good" } else { "too slow" }
        );
        steps.push(Step { rate, good, round_trip_us: Micros::from(&latency) });
        Ok(good)
    };
    let (mut good, mut bad) = (0, first_rate);
    while attempt(bad)? {
        (good, bad) = (bad, bad * 2);
    }
    for _ in 0..HALVINGS {
        let between = good.midpoint(bad).max(1);
        if attempt(between)? {
            good = between;
        } else {
            bad = between;
        }
    }
    steps.sort_by_key(|step| step.rate);
    let p99_max_us = u64::try_from(p99_max.as_micros()).unwrap_or(u64::MAX);
    Ok(Sweep { run, p99_max_us, best_rate: good, steps })
}

impl fmt::Display for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.run)?;
        writeln!(
            f,
            "{:>10} {:>10} {:>10} {:>10} {:>10}",
            "rate/s", "p50 us", "p99 us", "p99.9 us", "max us"
        )?;
        for Step { rate, good, round_trip_us: Micros { p50, p99, p999, max, .. } } in &self.steps {
            let verdict = if *good { "" } else { "  too slow" };
            writeln!(f, "{rate:>10} {p50:>10} {p99:>10} {p999:>10} {max:>10}{verdict}")?;
        }
        writeln!(f, "the highest rate with p99 within {} us: {}/s", self.p99_max_us, self.best_rate)
    }
}
