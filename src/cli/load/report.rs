//! What a run found: a table, or one JSON object.
#![allow(clippy::float_arithmetic)] // Microseconds and ratios for people: no order depends on them.

use super::crowd::Beside;
use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A distribution in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Micros {
    /// How many were measured.
    pub count: u64,
    /// Half took no longer.
    pub p50: f64,
    /// 90 of 100.
    pub p90: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1,000.
    #[serde(rename = "p99.9")]
    pub p999: f64,
    /// 9,999 of 10,000.
    #[serde(rename = "p99.99")]
    pub p9999: f64,
    /// None took longer.
    pub max: f64,
}

/// The whole run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was run: the arguments in words.
    pub run: String,
    /// From sent, or due, to answered.
    pub round_trip_us: Micros,
    /// The first message of each connection, which is not in `round_trip_us`.
    pub first_us: Micros,
    /// Part of the round trip: from the client's kernel having the answer to the client having read it. What is left
    /// is the server, and the kernel on the way there; `None` where the kernel does not stamp.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_us: Option<Micros>,
    /// Inside the server, by stage; the warm-up is in it, and all that a server did that ran before.
    pub stages_us: Value,
    /// After the warm-up.
    pub sent: u64,
    /// Of those, how many have an answer.
    pub answered: u64,
    /// Answers a second.
    pub answered_per_second: f64,
    /// What the server asked of the system for each answer, the warm-up is in it; `None` where it does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_order: Option<PerOrder>,
    /// What was stolen from the server's threads that spin; `None` where it does not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server_hiccups: Option<ServerHiccups>,
    /// Refusals by their name.
    pub rejected: BTreeMap<String, u64>,
    /// Turns of the client's loop in which it had nothing to do: what is long was stolen by the machine.
    pub hiccup_us: Micros,
    /// The same run again beside idle sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
    /// Bare echoes on the same cores in the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<Floor>,
}

/// What the server's threads have asked of the system so far.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// Answers that were given.
    pub answers: u64,
    /// Allocations of its own.
    pub allocations: u64,
    /// Allocations of the libraries for TLS and WebSocket frames.
    pub library_allocations: u64,
    /// System calls.
    pub system_calls: u64,
    /// Writes of the journal, each of all that had come.
    pub writes: u64,
    /// Bytes of records in them.
    pub bytes_written: u64,
    /// Turns without work that took longer than they can.
    pub hiccups: u64,
    /// How long they took together.
    pub hiccup_nanos: u64,
    /// How long the longest took since the server started; `None`: no thread spins.
    pub longest_hiccup_nanos: Option<u64>,
}

impl Asked {
    /// Out of what `sealgate stats` tells.
    pub fn of(stats: &Value) -> Self {
        let agents = || stats["agents"].as_array().into_iter().flatten();
        let total = |name: &str| agents().filter_map(|agent| agent[name]["total"].as_u64()).sum();
        Self {
            answers: total("answers"),
            allocations: total("allocations"),
            library_allocations: total("library_allocations"),
            system_calls: total("system_calls"),
            writes: total("writes"),
            bytes_written: total("bytes_written"),
            hiccups: total("hiccups"),
            hiccup_nanos: total("hiccup_nanos"),
            longest_hiccup_nanos: agents().filter_map(|agent| agent["longest_hiccup_nanos"].as_u64()).max(),
        }
    }
}

/// Turns of the server's threads in which they had nothing to do, and which took longer than 20 µs: somebody else had
/// their core. Of threads that spin.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ServerHiccups {
    /// How many.
    pub count: u64,
    /// How long they took together.
    pub total_us: f64,
    /// How long the longest took since the server started.
    pub longest_us: f64,
}

impl ServerHiccups {
    /// Between two looks; `None`: no thread spins.
    pub fn between(before: Asked, after: Asked) -> Option<Self> {
        Some(Self {
            count: after.hiccups.saturating_sub(before.hiccups),
            total_us: micros(after.hiccup_nanos.saturating_sub(before.hiccup_nanos)),
            longest_us: micros(after.longest_hiccup_nanos?),
        })
    }
}

/// The same for each answer.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct PerOrder {
    /// Allocations of the server's own.
    pub allocations: f64,
    /// Allocations of the libraries for TLS and WebSocket frames.
    pub library_allocations: f64,
    /// System calls.
    pub system_calls: f64,
}

impl PerOrder {
    /// Between two looks.
    pub fn between(before: Asked, after: Asked) -> Self {
        let answers = after.answers.saturating_sub(before.answers).max(1) as f64;
        let each = |of: fn(&Asked) -> u64| {
            (of(&after).saturating_sub(of(&before)) as f64 / answers * 10_000.0).round() / 10_000.0
        };
        Self {
            allocations: each(|asked| asked.allocations),
            library_allocations: each(|asked| asked.library_allocations),
            system_calls: each(|asked| asked.system_calls),
        }
    }
}

/// Bytes of records in one write of the journal between two looks.
pub fn bytes_per_write(before: Asked, after: Asked) -> u64 {
    let writes = after.writes.saturating_sub(before.writes).max(1);
    (after.bytes_written.saturating_sub(before.bytes_written) / writes).max(1)
}

/// Syncs by themselves, and what the server takes beside one.
#[derive(Debug, Serialize)]
pub struct SyncFloor {
    /// What was appended before each sync: as much as the journal wrote at a time.
    pub block_bytes: u64,
    /// What fdatasync took.
    pub fdatasync_us: Micros,
    /// p50 of the server's `total`, from received to sent, less p50 of a sync.
    pub total_less_fdatasync_us: f64,
    /// p50 of the server's `total` by p50 of a sync.
    pub total_by_fdatasync: f64,
}

impl SyncFloor {
    /// Beside what the server timed of itself.
    pub fn new(block_bytes: u64, syncs: &Histogram<u64>, stages: &Value) -> Self {
        let fdatasync_us = Micros::from(syncs);
        let total = stages.as_array().into_iter().flatten().find(|stage| stage["stage"] == "total");
        let total = total.and_then(|stage| stage["p50"].as_f64()).unwrap_or_default();
        Self {
            block_bytes,
            fdatasync_us,
            total_less_fdatasync_us: hundredths(total - fdatasync_us.p50),
            total_by_fdatasync: hundredths(total / fdatasync_us.p50),
        }
    }
}

fn hundredths(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// Bare echoes, and what an order takes beside them.
#[derive(Debug, Serialize)]
pub struct Floor {
    /// There and back over TCP.
    pub tcp_us: Micros,
    /// There and back over mutual TLS.
    pub tls_us: Micros,
    /// p50 of the order by p50 of the TCP echo.
    pub p50_by_tcp: f64,
    /// p50 of the order by p50 of the TLS echo.
    pub p50_by_tls: f64,
    /// Where answers wait for the disk: its part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<SyncFloor>,
}

impl From<&Histogram<u64>> for Micros {
    fn from(nanos: &Histogram<u64>) -> Self {
        if nanos.is_empty() {
            return Self::default();
        }
        let at = |quantile| micros(nanos.value_at_quantile(quantile));
        Self {
            count: nanos.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            max: micros(nanos.max()),
        }
    }
}

impl Floor {
    /// Beside a round trip.
    pub fn new(tcp: &Histogram<u64>, tls: &Histogram<u64>, round_trip: Micros) -> Self {
        let (tcp_us, tls_us) = (Micros::from(tcp), Micros::from(tls));
        let by = |floor: Micros| hundredths(round_trip.p50 / floor.p50);
        Self { p50_by_tcp: by(tcp_us), p50_by_tls: by(tls_us), tcp_us, tls_us, disk: None }
    }
}

/// Nanoseconds in microseconds, to a hundredth.
pub fn micros(nanos: u64) -> f64 {
    (nanos as f64 / 10.0).round() / 100.0
}

/// So many in such a time.
pub fn per_second(count: u64, time: Duration) -> f64 {
    (count as f64 / time.as_secs_f64().max(0.001)).round()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.run)?;
        writeln!(
            f,
            "sent {}, answered {}, {:.0} a second, rejected {}",
            self.sent,
            self.answered,
            self.answered_per_second,
            self.rejected.values().sum::<u64>()
        )?;
        for (why, count) in &self.rejected {
            writeln!(f, "  {count:>9} {why}")?;
        }
        writeln!(
            f,
            "\n{:<26} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}",
            "us", "count", "p50", "p90", "p99", "p99.9", "p99.99", "max"
        )?;
        row(f, "round trip", &self.round_trip_us)?;
        if let Some(kernel) = &self.kernel_us {
            row(f, "  in the client's kernel", kernel)?;
        }
        row(f, "first of a connection", &self.first_us)?;
        if let Some(floor) = &self.floor {
            floor.rows(f)?;
        }
        row(f, "idle turn of the client", &self.hiccup_us)?;
        if let Some(ServerHiccups { count, total_us, longest_us }) = self.server_hiccups {
            writeln!(
                f,
                "idle turns of the server that took longer than 20 us: {count}, together {total_us} us, the longest since \
                 its start {longest_us} us"
            )?;
        }
        if self.stages_us.is_array() {
            writeln!(f, "inside the server, warm-up included")?;
        }
        for stage in self.stages_us.as_array().into_iter().flatten() {
            writeln!(f, "{}", stage_row(stage))?;
        }
        if let Some(PerOrder { allocations, library_allocations, system_calls }) = self.per_order {
            writeln!(
                f,
                "\nan order costs the server {allocations} allocations, {library_allocations} of the libraries for TLS \
                 and frames, {system_calls} system calls"
            )?;
        }
        if let Some(beside) = &self.beside {
            write!(f, "{beside}")?;
        }
        if let Some(floor) = &self.floor {
            write!(f, "{floor}")?;
        }
        Ok(())
    }
}

impl Floor {
    fn rows(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        row(f, "TCP echo", &self.tcp_us)?;
        row(f, "mutual TLS echo", &self.tls_us)?;
        self.disk.iter().try_for_each(|disk| row(f, "fdatasync", &disk.fdatasync_us))
    }
}

/// What an order takes beside it.
impl fmt::Display for Floor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { p50_by_tcp, p50_by_tls, disk, .. } = self;
        writeln!(f, "\np50 is {p50_by_tcp} x that of the TCP echo, {p50_by_tls} x that of the TLS echo")?;
        let Some(SyncFloor { block_bytes, total_less_fdatasync_us, total_by_fdatasync, .. }) = disk else {
            return Ok(());
        };
        writeln!(
            f,
            "p50 of the server's total less that of an fdatasync after {block_bytes} bytes is {total_less_fdatasync_us} us; \
             it is {total_by_fdatasync} x that"
        )
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, of: &Micros) -> fmt::Result {
    let Micros { count, p50, p90, p99, p999, p9999, max } = of;
    writeln!(f, "{name:<26} {count:>9} {p50:>9} {p90:>9} {p99:>9} {p999:>9} {p9999:>9} {max:>9}")
}

/// A stage as the server wrote it: the keys are those of [`Micros`].
fn stage_row(stage: &Value) -> String {
    let column = |key: &str| stage.get(key).map_or(String::new(), ToString::to_string);
    let keys = ["count", "p50", "p90", "p99", "p99.9", "p99.99", "max"];
    let columns: String = keys.iter().map(|key| format!(" {:>9}", column(key))).collect();
    format!("  {:<24}{columns}", stage.get("stage").and_then(Value::as_str).unwrap_or_default())
}
