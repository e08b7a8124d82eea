//! Instants and spans: UTC nanoseconds, passed in, never read from a clock by a stage.

use std::fmt;
use std::ops::{Add, Sub};

/// An instant: UTC nanoseconds since 1970-01-01. Good until the year 2554.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(pub u64);

/// A length of time in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub u64);

/// How far a clock was moved against the time that went by: forward, or back if it is negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shift(pub i64);

impl Nanos {
    /// The instant `millis` milliseconds after 1970, or `None` where it lies after the year 2554.
    pub const fn from_millis(millis: u64) -> Option<Self> {
        match millis.checked_mul(1_000_000) {
            Some(nanos) => Some(Self(nanos)),
            None => None,
        }
    }

    /// Whole milliseconds since 1970.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// `n` seconds.
    pub const fn from_secs(n: u64) -> Self {
        Self(n.saturating_mul(1_000_000_000))
    }

    /// `n` milliseconds.
    pub const fn from_millis(n: u64) -> Self {
        Self(n.saturating_mul(1_000_000))
    }

    /// `n` microseconds.
    pub const fn from_micros(n: u64) -> Self {
        Self(n.saturating_mul(1_000))
    }

    /// Whole milliseconds, rounded up: a client that waits this long has waited long enough.
    pub const fn as_millis_ceil(self) -> u64 {
        self.0.div_ceil(1_000_000)
    }

    /// Whole milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }
}

impl Add<Span> for Nanos {
    type Output = Nanos;
    fn add(self, span: Span) -> Nanos {
        Nanos(self.0.saturating_add(span.0))
    }
}

impl Add<Shift> for Nanos {
    type Output = Nanos;
    fn add(self, shift: Shift) -> Nanos {
        Nanos(self.0.saturating_add_signed(shift.0))
    }
}

impl Sub<Span> for Nanos {
    type Output = Nanos;
    fn sub(self, span: Span) -> Nanos {
        Nanos(self.0.saturating_sub(span.0))
    }
}

impl From<Span> for std::time::Duration {
    fn from(span: Span) -> Self {
        std::time::Duration::from_nanos(span.0)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            n if n < 10_000 => write!(f, "{n} ns"),
            n if n < 10_000_000 => write!(f, "{} µs", n / 1_000),
            n if n < 10_000_000_000 => write!(f, "{} ms", n / 1_000_000),
            n => write!(f, "{} s", n / 1_000_000_000),
        }
    }
}

/// A calendar date and time of day, UTC: what FIX and logs print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year, 1970 or later.
    pub year: u32,
    /// Month, 1 to 12.
    pub month: u32,
    /// Day of the month, 1 to 31.
    pub day: u32,
    /// Hour, 0 to 23.
    pub hour: u32,
    /// Minute, 0 to 59.
    pub minute: u32,
    /// Second, 0 to 59; a leap second is told as 59.
    pub second: u32,
    /// Nanosecond of the second.
    pub nanos: u32,
}

const SECONDS_PER_DAY: u64 = 86_400;

impl Civil {
    /// The calendar of an instant (Gregorian, computed over 400-year cycles that begin in March).
    pub fn from_nanos(at: Nanos) -> Self {
        let seconds = at.0 / 1_000_000_000;
        let of_day = (seconds % SECONDS_PER_DAY) as u32;
        // Days since 0000-03-01, so that the leap day is the last of its year.
        let days = seconds / SECONDS_PER_DAY + 719_468;
        let (cycle, of_cycle) = (days / 146_097, days % 146_097);
        let year_of_cycle = (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
        let of_year = of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
        let march_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = cycle * 400 + year_of_cycle + u64::from(month <= 2);
        Self {
            year: year as u32,
            month: month as u32,
            day: day as u32,
            hour: of_day / 3_600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            nanos: (at.0 % 1_000_000_000) as u32,
        }
    }

    /// The instant of this calendar time, or `None` where a part is out of range or before 1970.
    /// A leap second (60) is taken as the second before it, as UTC clocks repeat it.
    pub fn to_nanos(self) -> Option<Nanos> {
        let leap =
            self.year.is_multiple_of(4) && (!self.year.is_multiple_of(100) || self.year.is_multiple_of(400));
        let days_in_month = match self.month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        let in_range = (1970..=2553).contains(&self.year)
            && (1..=days_in_month).contains(&self.day)
            && self.hour < 24
            && self.minute < 60
            && self.second <= 60
            && self.nanos < 1_000_000_000;
        if !in_range {
            return None;
        }
        let year = u64::from(self.year) - u64::from(self.month <= 2);
        let march_month = u64::from(if self.month > 2 { self.month - 3 } else { self.month + 9 });
        let of_year = (153 * march_month + 2) / 5 + u64::from(self.day) - 1;
        let (cycle, year_of_cycle) = (year / 400, year % 400);
        let of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + of_year;
        let days = cycle * 146_097 + of_cycle - 719_468;
        let of_day = self.hour * 3_600 + self.minute * 60 + self.second.min(59);
        Some(Nanos((days * SECONDS_PER_DAY + u64::from(of_day)) * 1_000_000_000 + u64::from(self.nanos)))
    }
}

/// RFC 3339, as in `2024-06-27T13:27:05.223Z`; the precision is the digits of a second, nine if none is given.
impl fmt::Display for Civil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second, nanos } = *self;
        let digits = f.precision().unwrap_or(9).clamp(1, 9);
        let fraction = nanos / 10u32.pow(9 - digits as u32);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{fraction:0digits$}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_dates_are_told_right() {
        let at = Nanos(1_719_494_825_223_000_000);
        let civil = Civil::from_nanos(at);
        assert_eq!((civil.year, civil.month, civil.day), (2024, 6, 27));
        assert_eq!((civil.hour, civil.minute, civil.second, civil.nanos), (13, 27, 5, 223_000_000));
        assert_eq!(format!("{civil:.3} {civil}"), "2024-06-27T13:27:05.223Z 2024-06-27T13:27:05.223000000Z");
        let leap_day = Civil { year: 2024, month: 2, day: 29, hour: 0, minute: 0, second: 0, nanos: 0 };
        assert_eq!(leap_day.to_nanos(), Some(Nanos(1_709_164_800_000_000_000)));
        assert_eq!(Civil { year: 2023, ..leap_day }.to_nanos(), None);
    }

    proptest! {
        #[test]
        fn every_instant_survives_the_calendar(seconds in 0u64..18_000_000_000, nanos in 0u64..1_000_000_000) {
            let at = Nanos(seconds * 1_000_000_000 + nanos);
            prop_assert_eq!(Civil::from_nanos(at).to_nanos(), Some(at));
        }
    }
}
