//! What the machine took from a thread that never rests: turns without work that lasted longer than such a turn can.

use crate::types::{Nanos, Span};
use crate::watch::{Meter, Meters};

/// A turn without work is over in a microsecond or two. One that took longer than this was interrupted: by the kernel,
/// by another thread on the same core, or by whoever else the machine belongs to.
const IDLE_TURN_MAX: Span = Span::from_micros(20);

/// The meter of one thread. Cost: two comparisons a turn.
#[derive(Debug, Default)]
pub struct Hiccups {
    /// When the last turn began, if it found no work.
    idle_since: Option<Nanos>,
    count: u64,
    nanos: u64,
    longest: u64,
}

impl Hiccups {
    /// A turn begins.
    pub fn turn_begins(&mut self, now: Nanos) {
        let Some(began) = self.idle_since else { return };
        let took = now.since(began);
        if took > IDLE_TURN_MAX {
            self.count += 1;
            self.nanos += took.0;
            self.longest = self.longest.max(took.0);
        }
    }

    /// It found work, or it did not.
    pub fn turn_ends(&mut self, began: Nanos, idle: bool) {
        self.idle_since = idle.then_some(began);
    }

    /// Writes what the operator may look at.
    pub fn measure(&self, meters: &mut Meters) {
        meters.set(Meter::Hiccups, self.count);
        meters.set(Meter::HiccupNanos, self.nanos);
        meters.set(Meter::LongestHiccupNanos, self.longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_turn_counts_only_where_it_had_nothing_to_do() {
        let mut hiccups = Hiccups::default();
        // Micros at which turns begin, and whether they find no work.
        for (at, idle) in [(0, true), (1, true), (101, false), (501, true), (502, true), (532, true)] {
            let now = Nanos(at * 1_000);
            hiccups.turn_begins(now);
            hiccups.turn_ends(now, idle);
        }
        let Hiccups { count, nanos, longest, .. } = hiccups;
        assert_eq!((count, nanos, longest), (2, 130_000, 100_000), "of 100 and 30; the one of 400 had work");
    }
}
