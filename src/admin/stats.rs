//! What a running server measures of itself, as the control socket tells it: times in nanoseconds.

use crate::sys::clock::Clock;
use crate::watch::{Board, Figures, State};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Agents hand over what they have counted some milliseconds after they were asked.
pub const HAND_OVER: Duration = Duration::from_millis(12);

/// Quantiles that are told, in millionths, and their names.
pub const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)];

/// The answer to `stats`.
pub async fn stats(board: &Board) -> Value {
    // Asks for what came since somebody last asked, waits for it, and tells it.
    drop(board.refresh(Clock::new().now()));
    tokio::time::sleep(HAND_OVER).await;
    tell(&board.refresh(Clock::new().now()))
}

fn tell(state: &State) -> Value {
    let (recent, span) = state.recent();
    json!({
        "uptime_millis": state.uptime().as_millis(),
        "stages_ns": stages(state.total()),
        "recent_millis": span.as_millis(),
        "recent_stages_ns": stages(&recent),
        "agents": agents(state),
        "rejects": rejects(state.total()),
        "recent_rejects": rejects(&recent),
        "security": state.security().map(|(name, count)| (name.to_owned(), json!(count))).collect::<Map<_, _>>(),
    })
}

fn stages(figures: &Figures) -> Vec<Value> {
    let rows = figures.stages().map(|(stage, times)| {
        let mut row = json!({ "stage": stage.name(), "count": times.len(), "max": times.max() });
        for (name, quantile) in QUANTILES {
            row[name] = json!(times.value_at_quantile(quantile));
        }
        row
    });
    rows.collect()
}

/// One object an agent: a gauge is a number, a counter has what it counted and how fast of late.
fn agents(state: &State) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    for reading in state.readings() {
        if all.last().is_none_or(|last| last["agent"] != reading.agent) {
            all.push(json!({ "agent": reading.agent }));
        }
        let Some(agent) = all.last_mut() else { continue };
        agent[reading.meter.name()] = match reading.per_second {
            Some(per_second) => json!({ "total": reading.value, "per_second": per_second }),
            None => json!(reading.value),
        };
    }
    all
}

fn rejects(figures: &Figures) -> Map<String, Value> {
    figures.rejects().map(|(reject, count)| (reject.info().name.to_owned(), json!(count))).collect()
}
