//! What the demo says in the end: for a reader, or as one JSON object.

use super::check::Findings;
use super::tally::{Counts, Protocol, Quantiles};
use crate::types::Span;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The whole run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// How long the clients traded.
    pub seconds: u64,
    /// What an acknowledgement promised.
    pub durability: String,
    /// Orders that were sent.
    pub orders: u64,
    /// Cancels that were sent.
    pub cancels: u64,
    /// Fills of the clients' orders; a trade has two sides.
    pub fills: u64,
    /// Refusals by name.
    pub rejects: BTreeMap<&'static str, u64>,
    /// From sending to the first answer, by protocol.
    pub round_trip: BTreeMap<&'static str, Quantiles>,
    /// Inside the server, by stage in path order.
    pub stages: Vec<Stage>,
    /// What the self-check found.
    pub check: Findings,
    /// The folder, if it was kept.
    pub folder: Option<String>,
}

/// The time that orders spent in one stage.
#[derive(Debug, Serialize)]
pub struct Stage {
    /// Its name.
    pub stage: String,
    /// How long.
    #[serde(flatten)]
    pub latency: Quantiles,
}

impl Summary {
    /// The counts of the clients; the rest is filled in by the caller.
    pub fn of(counts: &Counts, seconds: u64, durability: &str, stages: Vec<Stage>, check: Findings) -> Self {
        let sum = |of: fn(&super::tally::Lane) -> u64| counts.lanes.iter().map(of).sum();
        Self {
            seconds,
            durability: durability.to_owned(),
            orders: sum(|lane| lane.orders),
            cancels: sum(|lane| lane.cancels),
            fills: sum(|lane| lane.fills),
            rejects: counts.rejects.clone(),
            round_trip: Protocol::ALL
                .map(|over| (over.name(), Quantiles::from(&counts.lanes[over as usize].round_trip)))
                .into(),
            stages,
            check,
            folder: None,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per_second = self.orders / self.seconds.max(1);
        writeln!(
            f,
            "orders   {} in {} s, {per_second} a second; {} cancels",
            self.orders, self.seconds, self.cancels
        )?;
        writeln!(f, "fills    {}; a trade has two sides", self.fills)?;
        writeln!(f, "rejects  {}", self.rejects.values().sum::<u64>())?;
        for (name, count) in &self.rejects {
            writeln!(f, "         {count:>8} {name}")?;
        }
        writeln!(f, "\nlatency, durability {:<12} {}", self.durability, heading())?;
        for (name, latency) in &self.round_trip {
            writeln!(f, "{:<34} {}", format!("round trip over {name}"), columns(latency))?;
        }
        writeln!(f, "inside the server, by stage")?;
        for stage in &self.stages {
            writeln!(f, "{:<34} {}", format!("  {}", stage.stage), columns(&stage.latency))?;
        }
        write!(f, "\n{}", self.check)?;
        match &self.folder {
            Some(folder) => writeln!(f, "\nkept in {folder}"),
            None => Ok(()),
        }
    }
}

fn heading() -> String {
    format!("{:>10} {:>10} {:>10} {:>10} {:>10}", "count", "p50", "p99", "p99.9", "max")
}

fn columns(latency: &Quantiles) -> String {
    let Quantiles { count, p50, p99, p999, max } = *latency;
    let [p50, p99, p999, max] = [p50, p99, p999, max].map(|nanos| Span(nanos).to_string());
    format!("{count:>10} {p50:>10} {p99:>10} {p999:>10} {max:>10}")
}
