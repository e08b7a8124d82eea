//! The words of answers and events.

pub(super) use crate::wire::json::words::{
    cause, exec_type, kind, ord_type, rate_limit_type, side, smp, state, status, time_in_force,
};

use crate::types::Span;

/// A window as `interval` and `intervalNum`: the largest unit that divides it.
pub(super) fn interval(window: Span) -> (&'static str, u64) {
    const UNITS: [(&str, u64); 4] =
        [("DAY", 86_400_000), ("HOUR", 3_600_000), ("MINUTE", 60_000), ("SECOND", 1_000)];
    let millis = window.as_millis_ceil();
    let unit = UNITS.into_iter().find(|(_, length)| millis >= *length && millis.is_multiple_of(*length));
    let (name, length) = unit.unwrap_or(("MILLISECOND", 1));
    (name, millis / length)
}
