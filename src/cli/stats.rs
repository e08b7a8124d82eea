//! `sealgate stats`: what a running server measures of itself.
//!
//! ```text
//! Request::Stats ─► control socket ─► answer ─► tables, or the JSON as it came; again every --watch seconds
//! ```

use super::control::{self, Whose};
use super::problem;
use crate::admin::client::Control;
use crate::admin::protocol::Request;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::process::ExitCode;
use std::time::Duration;

/// Arguments of `sealgate stats`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    whose: Whose,
    /// As JSON, one object a line; times in nanoseconds.
    #[arg(long)]
    json: bool,
    /// Again every so many seconds, until it is interrupted.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    watch: Option<u64>,
}

/// Runs the command.
pub fn run(args: Args) -> ExitCode {
    let Args { whose, json, watch } = args;
    let socket = match control::socket(whose) {
        Ok(socket) => socket,
        Err(code) => return code,
    };
    loop {
        // A connection for each look: between two of them the server may close one that is silent.
        let answer = match Control::connect(&socket).and_then(|mut control| control.ask(&Request::Stats)) {
            Ok(answer) => answer,
            Err(error) => return control::unanswered("stats", &socket, error),
        };
        let text = if json { format!("{answer}\n") } else { tables(&answer) };
        match io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush()) {
            Ok(()) => {}
            // Whoever closes the pipe has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
            Err(error) => return problem("stdout", error, "nothing was told"),
        }
        let Some(seconds) = watch else { return ExitCode::SUCCESS };
        std::thread::sleep(Duration::from_secs(seconds));
    }
}

const QUANTILES: [&str; 6] = ["p50", "p90", "p99", "p99.9", "p99.99", "max"];

fn tables(answer: &Value) -> String {
    let mut out = String::new();
    let millis = |name: &str| answer[name].as_u64().unwrap_or_default();
    // Writing to a String does not fail.
    let _ = writeln!(out, "up for {} s\n", millis("uptime_millis") / 1_000);
    let mut head = vec![format!("us, last {} s", millis("recent_millis") / 1_000), "count".to_owned()];
    head.extend(QUANTILES.map(str::to_owned));
    let stages = rows(&answer["recent_stages_ns"]).map(stage).collect();
    table(&mut out, head, stages);
    for agent in rows(&answer["agents"]) {
        out.push('\n');
        table(
            &mut out,
            vec![text(&agent["agent"]), "now or so far".to_owned(), "a second".to_owned()],
            meters(agent),
        );
    }
    for (title, recent, all) in
        [("refused", Some("recent_rejects"), "rejects"), ("security events", None, "security")]
    {
        let counts = answer[all].as_object().into_iter().flatten();
        let counts: Vec<Vec<String>> = counts
            .map(|(name, count)| {
                let of_late = recent.map_or(String::new(), |recent| text(&answer[recent][name.as_str()]));
                vec![name.clone(), text(count), of_late]
            })
            .collect();
        if !counts.is_empty() {
            out.push('\n');
            let late = if recent.is_some() { "of late" } else { "" };
            table(&mut out, vec![title.to_owned(), "so far".to_owned(), late.to_owned()], counts);
        }
    }
    out
}

fn rows(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn stage(row: &Value) -> Vec<String> {
    let times = QUANTILES.map(|name| micros(row[name].as_u64().unwrap_or_default()));
    [text(&row["stage"]), text(&row["count"])].into_iter().chain(times).collect()
}

fn meters(agent: &Value) -> Vec<Vec<String>> {
    let meters = agent.as_object().into_iter().flatten().filter(|(name, _)| *name != "agent");
    meters
        .map(|(name, value)| match value {
            Value::Object(counter) => {
                vec![name.replace('_', " "), text(&counter["total"]), text(&counter["per_second"])]
            }
            gauge => vec![name.replace('_', " "), text(gauge), String::new()],
        })
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "0".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Nanoseconds in microseconds, to a hundredth.
fn micros(nanos: u64) -> String {
    format!("{}.{:02}", nanos / 1_000, nanos % 1_000 / 10)
}

/// The first column to the left, the others to the right.
fn table(out: &mut String, head: Vec<String>, rows: Vec<Vec<String>>) {
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(rows).collect();
    let columns = rows[0].len();
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in &rows {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(at, (cell, width))| match at {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_tables_tell_times_in_microseconds_and_counters_with_their_speed() {
        let answer = json!({
            "uptime_millis": 61_500, "recent_millis": 12_000,
            "recent_stages_ns": [{ "stage": "verify", "count": 7, "p50": 4_287, "max": 1_000_000 }],
            "agents": [
                { "agent": "gateway-0", "in_flight": 2, "requests": { "total": 70, "per_second": 5 } },
            ],
            "rejects": { "OrderRate": 3 }, "recent_rejects": {}, "security": { "Flood": 1 },
        });
        let text = tables(&answer);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert!(text.starts_with("up for 61 s\n\nus, last 12 s  count"), "{text}");
        assert!(
            lines.contains(&vec!["verify", "7", "4.28", "0.00", "0.00", "0.00", "0.00", "1000.00"]),
            "{text}"
        );
        assert!(
            lines.contains(&vec!["in", "flight", "2"]) && lines.contains(&vec!["requests", "70", "5"]),
            "{text}"
        );
        assert!(
            lines.contains(&vec!["OrderRate", "3", "0"]) && lines.contains(&vec!["Flood", "1"]),
            "{text}"
        );
    }
}
