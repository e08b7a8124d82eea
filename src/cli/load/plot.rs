//! The run as a picture: how many messages took longer than what, and how that went over time. One SVG file.
#![allow(clippy::float_arithmetic)] // Places on a page.

use super::report::{Micros, micros};
use super::sweep::{Step, Sweep};
use super::tape::Tape;
use std::fmt::Write as _;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 340.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
/// Points of the picture over time.
const PARTS: u32 = 200;
/// Quantiles by how many nines they have: 50 % to 99.999 %.
const QUANTILES: [(f64, &str); 6] = [
    (0.5, "50 %"),
    (0.9, "90 %"),
    (0.99, "99 %"),
    (0.999, "99.9 %"),
    (0.9999, "99.99 %"),
    (0.99999, "99.999 %"),
];

/// Curves with their colours.
const CURVES: [(&str, &str); 3] = [("p50", "#1f5fa8"), ("p99", "#c8601a"), ("max", "#8a8a8a")];

/// A logarithmic axis.
#[derive(Clone, Copy)]
struct Axis {
    from: f64,
    to: f64,
}

impl Axis {
    /// From the power of ten below to the one above.
    fn around(low: f64, high: f64) -> Self {
        let from = low.max(0.1).log10().floor();
        Self { from, to: high.max(1.0).log10().ceil().max(from + 1.0) }
    }

    /// Where on the page, from the bottom up.
    fn y(self, top: f64, value: f64) -> f64 {
        let share = (value.max(0.1).log10() - self.from) / (self.to - self.from);
        top + TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - share.clamp(0.0, 1.0))
    }

    fn marks(self) -> impl Iterator<Item = f64> {
        (self.from as i32..=self.to as i32).map(|power| 10f64.powi(power))
    }
}

/// Percentiles, and below them latency over time.
pub fn svg(title: &str, tape: &Tape) -> String {
    page(HEIGHT * 2.0, |out| {
        percentiles(out, title, tape);
        over_time(out, tape);
    })
}

/// Rate against latency.
pub fn rates(sweep: &Sweep) -> String {
    let all = || sweep.steps.iter().map(|step| step.round_trip_us);
    let low = all().map(|of| of.p50).fold(f64::INFINITY, f64::min);
    let axis = Axis::around(low, all().map(|of| of.max).fold(1.0, f64::max));
    let highest = sweep.steps.last().map_or(1.0, |step| step.rate as f64);
    let x = |rate: f64| LEFT + (WIDTH - LEFT - RIGHT) * rate / highest;
    page(HEIGHT, |out| {
        frame(out, 0.0, &sweep.run, "messages a second", axis);
        for tenth in 0..=10 {
            let rate = highest * f64::from(tenth) / 10.0;
            vertical(out, 0.0, x(rate), &format!("{rate:.0}"));
        }
        for (at, (name, colour)) in CURVES.into_iter().enumerate() {
            let of = |Micros { p50, p99, max, .. }| [p50, p99, max][at];
            let point = |step: &Step| (x(step.rate as f64), axis.y(0.0, of(step.round_trip_us)));
            let points: Vec<_> = sweep.steps.iter().map(point).collect();
            line(out, &points, colour, name, 0.0, at);
        }
    })
}

fn page(height: f64, draw: impl FnOnce(&mut String)) -> String {
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    draw(&mut out);
    out.push_str("</svg>\n");
    out
}

fn percentiles(out: &mut String, title: &str, tape: &Tape) {
    let latency = tape.latency();
    let axis = Axis::around(micros(latency.min()), micros(latency.max()));
    frame(out, 0.0, title, "share of the messages that took no longer", axis);
    // One nine more is one step to the right, so that the tail can be seen.
    let x = |quantile: f64| LEFT + (WIDTH - LEFT - RIGHT) * -(1.0 - quantile).log10() / 5.0;
    for (quantile, name) in QUANTILES {
        vertical(out, 0.0, x(quantile), name);
    }
    let steps = (0..=500).map(|step| 1.0 - 10f64.powf(-f64::from(step) / 100.0));
    let points: Vec<_> = steps
        .map(|quantile| (x(quantile), axis.y(0.0, micros(latency.value_at_quantile(quantile)))))
        .collect();
    line(out, &points, "#1f5fa8", "round trip", 0.0, 0);
}

fn over_time(out: &mut String, tape: &Tape) {
    let parts = tape.over_time(PARTS);
    let highest = parts.iter().map(|(_, [.., max])| *max).max().unwrap_or(1);
    let lowest = parts.iter().map(|(_, [p50, ..])| *p50).min().unwrap_or(1);
    let axis = Axis::around(micros(lowest), micros(highest));
    frame(out, HEIGHT, "over time", "seconds since the end of the warm-up", axis);
    let whole = tape.measured().as_secs_f64().max(0.001);
    let x = |seconds: f64| LEFT + (WIDTH - LEFT - RIGHT) * seconds / whole;
    for tenth in 0..=10 {
        let seconds = whole * f64::from(tenth) / 10.0;
        vertical(out, HEIGHT, x(seconds), &format!("{seconds:.1}"));
    }
    for (at, (name, colour)) in CURVES.into_iter().enumerate() {
        let points: Vec<_> =
            parts.iter().map(|(when, of)| (x(when.as_secs_f64()), axis.y(HEIGHT, micros(of[at])))).collect();
        line(out, &points, colour, name, HEIGHT, at);
    }
}

/// Title, axes and the marks of latency.
fn frame(out: &mut String, top: f64, title: &str, below: &str, axis: Axis) {
    let (bottom, right) = (top + HEIGHT - BOTTOM, WIDTH - RIGHT);
    let title = title.replace('&', "&amp;").replace('<', "&lt;");
    // Writing to a String does not fail.
    let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"{}\" font-size=\"14\">{title}</text>", top + 22.0);
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{below}</text>",
        WIDTH / 2.0,
        bottom + 38.0
    );
    let middle = (top + TOP + bottom) / 2.0;
    let _ = writeln!(
        out,
        "<text x=\"18\" y=\"{middle}\" text-anchor=\"middle\" transform=\"rotate(-90 18 {middle})\">latency, µs</text>"
    );
    for mark in axis.marks() {
        let y = axis.y(top, mark);
        let _ =
            writeln!(out, "<line x1=\"{LEFT}\" y1=\"{y}\" x2=\"{right}\" y2=\"{y}\" stroke=\"#dddddd\"/>");
        let _ =
            writeln!(out, "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{mark}</text>", LEFT - 8.0, y + 4.0);
    }
}

fn vertical(out: &mut String, top: f64, x: f64, name: &str) {
    let (above, bottom) = (top + TOP, top + HEIGHT - BOTTOM);
    let _ = writeln!(
        out,
        "<line x1=\"{x:.1}\" y1=\"{above}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#eeeeee\"/>"
    );
    let _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{name}</text>", bottom + 18.0);
}

fn line(out: &mut String, points: &[(f64, f64)], colour: &str, name: &str, top: f64, place: usize) {
    let points: String = points.iter().map(|(x, y)| format!("{x:.1},{y:.1} ")).collect();
    let _ = writeln!(
        out,
        "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{}\"/>",
        points.trim_end()
    );
    let x = WIDTH - RIGHT - 60.0 * (3.0 - place as f64);
    let _ = writeln!(out, "<text x=\"{x}\" y=\"{}\" fill=\"{colour}\">{name}</text>", top + 22.0);
}
