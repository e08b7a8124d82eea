//! When a FIX session is open: days, hours, and the zone that they are told in.
//!
//! ```text
//!   schedule, now ─► the window that is open, or else the next one ─► a session takes Logons inside it only
//!                └─► the end of the last one ─► numbers from before it start at 1 again
//! ```
//!
//! Zones have summer time, so a window is computed when it is needed, from the calendar of the zone.

use crate::types::Nanos;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span as Calendar, Timestamp, Zoned};

/// Opens on some days of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    days: Vec<Weekday>,
    start: Time,
    end: Time,
    zone: TimeZone,
}

/// From when to when a session is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first instant.
    pub opens: Nanos,
    /// The first instant after it.
    pub closes: Nanos,
}

/// Why there is no such schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ScheduleError {
    /// No day, or one that is none.
    Days,
    /// A zone that is not known.
    Zone,
}

/// `HH:MM` or `HH:MM:SS`.
pub(super) fn parse_time(text: &str) -> Option<Time> {
    let part = |range| text.get::<std::ops::Range<usize>>(range)?.parse::<i8>().ok();
    let separated = |at: usize| text.as_bytes().get(at) == Some(&b':');
    match text.len() {
        5 if separated(2) => Time::new(part(0..2)?, part(3..5)?, 0, 0).ok(),
        8 if separated(2) && separated(5) => Time::new(part(0..2)?, part(3..5)?, part(6..8)?, 0).ok(),
        _ => None,
    }
}

impl Schedule {
    pub(super) fn new(days: &[String], start: Time, end: Time, zone: &str) -> Result<Self, ScheduleError> {
        let days = days.iter().map(|day| weekday(day)).collect::<Option<Vec<_>>>();
        let days = days.filter(|days| !days.is_empty()).ok_or(ScheduleError::Days)?;
        let zone = TimeZone::get(zone).map_err(|_| ScheduleError::Zone)?;
        Ok(Self { days, start, end, zone })
    }

    /// The window that is open at this time, or else the next one.
    pub fn window(&self, now: Nanos) -> Option<Window> {
        self.around(now).find(|window| window.closes > now)
    }

    /// When the last window that is over by now ended.
    pub fn last_close(&self, now: Nanos) -> Option<Nanos> {
        self.around(now).map(|window| window.closes).take_while(|closes| *closes <= now).last()
    }

    /// The windows of the weeks around a time, in order.
    fn around(&self, now: Nanos) -> impl Iterator<Item = Window> {
        let now = Timestamp::from_nanosecond(i128::from(now.0)).unwrap_or(Timestamp::UNIX_EPOCH);
        let today = now.to_zoned(self.zone.clone()).date();
        (-8..=8).filter_map(move |days| {
            let day = today.checked_add(Calendar::new().days(days)).ok()?;
            if !self.days.contains(&day.weekday()) {
                return None;
            }
            let last = if self.end > self.start { day } else { day.tomorrow().ok()? };
            // An hour that summer time leaves out begins when the clocks have moved.
            let at = |date: jiff::civil::Date, time| date.to_datetime(time).to_zoned(self.zone.clone()).ok();
            let window =
                Window { opens: nanos(&at(day, self.start)?)?, closes: nanos(&at(last, self.end)?)? };
            (window.opens < window.closes).then_some(window)
        })
    }
}

fn weekday(name: &str) -> Option<Weekday> {
    const NAMES: [(&str, Weekday); 7] = [
        ("mon", Weekday::Monday),
        ("tue", Weekday::Tuesday),
        ("wed", Weekday::Wednesday),
        ("thu", Weekday::Thursday),
        ("fri", Weekday::Friday),
        ("sat", Weekday::Saturday),
        ("sun", Weekday::Sunday),
    ];
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, day)| *day)
}

fn nanos(at: &Zoned) -> Option<Nanos> {
    u64::try_from(at.timestamp().as_nanosecond()).ok().map(Nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::time::Civil;

    fn at(year: u32, month: u32, day: u32, hour: u32, minute: u32) -> Nanos {
        Civil { year, month, day, hour, minute, second: 0, nanos: 0 }.to_nanos().unwrap()
    }

    fn schedule(days: &[&str], start: &str, end: &str, zone: &str) -> Schedule {
        let days: Vec<_> = days.iter().map(|day| (*day).to_owned()).collect();
        Schedule::new(&days, parse_time(start).unwrap(), parse_time(end).unwrap(), zone).unwrap()
    }

    const WORK: &[&str] = &["mon", "tue", "wed", "thu", "fri"];

    #[test]
    fn a_day_is_open_from_its_start_to_its_end() {
        let schedule = schedule(WORK, "08:00", "17:00", "UTC");
        // 2026-01-05 is a Monday.
        let open = Window { opens: at(2026, 1, 5, 8, 0), closes: at(2026, 1, 5, 17, 0) };
        assert_eq!(schedule.window(at(2026, 1, 5, 12, 0)), Some(open));
        assert_eq!(schedule.window(at(2026, 1, 3, 12, 0)), Some(open), "on a Saturday the next is told");
        assert_eq!(schedule.window(at(2026, 1, 5, 17, 0)).unwrap().opens, at(2026, 1, 6, 8, 0));
        assert_eq!(schedule.last_close(at(2026, 1, 5, 12, 0)), Some(at(2026, 1, 2, 17, 0)));
        assert_eq!(schedule.last_close(at(2026, 1, 5, 17, 0)), Some(at(2026, 1, 5, 17, 0)));
    }

    #[test]
    fn an_end_that_is_not_later_than_the_start_is_on_the_next_day() {
        let schedule = schedule(WORK, "17:00", "17:00", "UTC");
        let window = schedule.window(at(2026, 1, 6, 3, 0)).unwrap();
        assert_eq!(window, Window { opens: at(2026, 1, 5, 17, 0), closes: at(2026, 1, 6, 17, 0) });
        assert_eq!(schedule.window(window.closes).unwrap().opens, window.closes, "one follows the other");
    }

    #[test]
    fn summer_time_of_the_zone_counts() {
        let schedule = schedule(WORK, "08:00", "17:00", "America/New_York");
        assert_eq!(schedule.window(at(2026, 1, 5, 14, 0)).unwrap().opens, at(2026, 1, 5, 13, 0));
        assert_eq!(schedule.window(at(2026, 7, 6, 14, 0)).unwrap().opens, at(2026, 7, 6, 12, 0));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["8:00", "24:00", "08:60", "08-00", "080000", "08:00:0", ""] {
            assert_eq!(parse_time(text), None, "{text}");
        }
        assert!(parse_time("23:59:59").is_some());
        let midnight = parse_time("00:00").unwrap();
        let refused = Schedule::new(&["mon".to_owned()], midnight, midnight, "Moon/Sea");
        assert_eq!(refused, Err(ScheduleError::Zone));
        assert_eq!(
            Schedule::new(&["monday".to_owned()], midnight, midnight, "UTC"),
            Err(ScheduleError::Days)
        );
    }
}
