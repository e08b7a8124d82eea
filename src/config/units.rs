//! Numbers as people write them: `"5s"`, `"4MiB"`, `"10%"`, `"100/1s"`. Exact, never a float.

use crate::types::price::Scale;
use crate::types::{Decimal, Span};

const DURATIONS: [(&str, u64); 5] =
    [("h", 3_600_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];

const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// `"5s"`, `"100ms"`, `"24h"`.
pub(super) fn duration(text: &str) -> Option<Span> {
    number_with_unit(text, &DURATIONS).map(Span)
}

/// `"4MiB"`, `"512KiB"`.
pub(super) fn size(text: &str) -> Option<u64> {
    number_with_unit(text, &SIZES)
}

/// `"10%"` in hundredths of a percent.
pub(super) fn percent(text: &str) -> Option<u32> {
    let number = Decimal::parse(text.strip_suffix('%')?.as_bytes()).ok()?;
    let hundredths = number.at_scale(Scale(2)).ok()?;
    u32::try_from(hundredths).ok().filter(|&bps| bps <= 10_000)
}

/// `"100/1s"`: how many, in which window.
pub(super) fn rate(text: &str) -> Option<(u32, Span)> {
    let (count, window) = text.split_once('/')?;
    Some((plain_number(count)?.try_into().ok()?, duration(window)?))
}

/// A duration in the largest unit that tells it exactly.
pub(super) fn duration_text(span: Span) -> String {
    with_unit(span.0, &DURATIONS)
}

/// A size in the largest unit that tells it exactly.
pub(super) fn size_text(bytes: u64) -> String {
    with_unit(bytes, &SIZES)
}

fn number_with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    plain_number(number)?.checked_mul(*factor)
}

/// Digits only: `parse` alone would take a plus sign.
fn plain_number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn with_unit(value: u64, units: &[(&str, u64)]) -> String {
    let exact = units.iter().find(|(_, factor)| value.is_multiple_of(*factor) && value >= *factor);
    match exact.or(units.last()) {
        Some((name, factor)) => format!("{}{name}", value / factor),
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_exact() {
        assert_eq!(duration("5s"), Some(Span::from_secs(5)));
        assert_eq!(duration("100ms"), Some(Span::from_millis(100)));
        assert_eq!(duration("250us"), Some(Span::from_micros(250)));
        assert_eq!(size("4MiB"), Some(4 * 1024 * 1024));
        assert_eq!(percent("10%"), Some(1_000));
        assert_eq!(percent("0.05%"), Some(5));
        assert_eq!(rate("100/10s"), Some((100, Span::from_secs(10))));
    }

    #[test]
    fn what_is_not_plain_is_not_a_number() {
        for bad in
            ["", "5", "s", "5 s", "+5s", "-5s", "1.5s", "5S", "5m", "99999999999999999999s", "9999999999h"]
        {
            assert_eq!(duration(bad), None, "{bad}");
        }
        for bad in ["10", "%", "10.001%", "-1%", "101%", "1e1%"] {
            assert_eq!(percent(bad), None, "{bad}");
        }
        for bad in ["100", "/1s", "+1/1s", "1/s", "4294967296/1s", "1/1s/1s"] {
            assert_eq!(rate(bad), None, "{bad}");
        }
        assert_eq!(size("4MB"), None);
    }

    #[test]
    fn units_are_written_as_they_are_read() {
        for text in ["1h", "90s", "100ms", "1us", "7ns"] {
            assert_eq!(duration(text).map(duration_text).as_deref(), Some(text));
        }
        for text in ["1GiB", "512KiB", "3B"] {
            assert_eq!(size(text).map(size_text).as_deref(), Some(text));
        }
    }
}
