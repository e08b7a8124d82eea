//! UTC in nanoseconds that never goes back.
//!
//! ```text
//!   UTC ▲          ╱ system clock, stepped back here ┐        our time goes on at half speed
//!       │        ╱                          ________╱│        until the system clock has come up to it
//!       │      ╱                      ___╱  ╱        ▼
//!       │    ╱   ______ a step forward is followed at once
//!       └───────────────────────────────────────────────► monotonic clock
//! ```
//!
//! Between anchors time is the anchor plus what the monotonic clock says went by, so two stamps of a request
//! measure what they claim to. Once a second the anchor is set again. Both clocks are steered by NTP alike, so this
//! finds a difference only when somebody sets the system clock.
//!
//! **Who times something** with it must know when it was set, or takes the step for time that went by: a session would
//! look silent for an hour. An even clock ([`Clock::even`]) is set only when its owner looks, and the owner is told by
//! how much, so that it moves its deadlines along.
//!
//! Each thread has a clock of its own; they agree within the error of setting an anchor, some tens of nanoseconds,
//! except in the second after a step. Cost: one read of the monotonic clock (no system call), about 20 ns.

#![allow(unsafe_code)]

use super::machine;
use crate::types::{Nanos, Shift, Span};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// Time between two anchors.
const ANCHOR_EVERY: Span = Span::from_secs(1);

/// A pair of readings that lie further apart than this was interrupted, and is read again.
const READING_MAX: Span = Span::from_micros(2);

/// By less than this no owner is told that its clock was set: it is the error of setting it, added up.
const TOLD_FROM: Span = Span::from_millis(1);

/// The clock of one thread.
#[derive(Clone, Debug)]
pub struct Clock {
    course: Course,
    /// Where time comes from if not from the system.
    hand: Option<Hand>,
    /// It is set only when its owner looks.
    is_even: bool,
    /// How far it was set without telling.
    untold: i64,
}

/// Moves the clocks that it made: agents under test are polled at times of the test's choosing.
#[derive(Clone, Debug, Default)]
pub struct Hand(Arc<AtomicU64>);

impl Hand {
    /// A clock that stands where this hand is.
    pub fn clock(&self) -> Clock {
        Clock { hand: Some(self.clone()), ..Clock::of_the_system() }
    }

    /// Moves the clocks; never back.
    pub fn set(&self, now: Nanos) {
        self.0.fetch_max(now.0, Ordering::Relaxed);
    }
}

/// How UTC follows from the monotonic clock since the last anchor.
#[derive(Clone, Debug)]
struct Course {
    /// The monotonic clock at the anchor.
    monotonic: u64,
    /// Our time at the anchor.
    utc: Nanos,
    /// How far our time was ahead of the system clock there.
    ahead: u64,
}

impl Clock {
    /// A clock that starts at the system's time.
    pub fn new() -> Self {
        match machine::current() {
            Some(machine) => machine.clock.clock(),
            None => Self::of_the_system(),
        }
    }

    /// A clock that is set only by [`Clock::look`].
    pub fn even() -> Self {
        Self { is_even: true, ..Self::new() }
    }

    fn of_the_system() -> Self {
        let (monotonic, system) = readings();
        Self { course: Course { monotonic, utc: system, ahead: 0 }, hand: None, is_even: false, untold: 0 }
    }

    /// The time now: never before what this clock said earlier.
    pub fn now(&mut self) -> Nanos {
        if let Some(hand) = &self.hand {
            return Nanos(hand.0.load(Ordering::Relaxed));
        }
        let monotonic = monotonic();
        if self.is_even || monotonic - self.course.monotonic < ANCHOR_EVERY.0 {
            return self.course.at(monotonic);
        }
        self.set();
        self.course.utc
    }

    /// The time now, after a look at the system clock if one is due; and how far that set this clock against the time
    /// that went by, where it is worth telling.
    pub fn look(&mut self) -> (Nanos, Option<Shift>) {
        if self.hand.is_some() {
            return (self.now(), None);
        }
        let monotonic = monotonic();
        if monotonic - self.course.monotonic < ANCHOR_EVERY.0 {
            return (self.course.at(monotonic), None);
        }
        self.set();
        let is_told = self.untold.unsigned_abs() >= TOLD_FROM.0;
        (self.course.utc, is_told.then(|| Shift(std::mem::take(&mut self.untold))))
    }

    fn set(&mut self) {
        let (monotonic, system) = readings();
        self.untold = self.untold.saturating_add(self.course.anchor(monotonic, system).0);
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}

impl Course {
    fn at(&self, monotonic: u64) -> Nanos {
        let passed = monotonic.saturating_sub(self.monotonic);
        self.utc + Span(passed - self.ahead.min(passed / 2))
    }

    /// Begins again from what the system clock says; how far this is from where an even course would have come.
    fn anchor(&mut self, monotonic: u64, system: Nanos) -> Shift {
        let ours = self.at(monotonic);
        let even = self.utc + Span(monotonic.saturating_sub(self.monotonic));
        *self = Self { monotonic, utc: ours.max(system), ahead: ours.since(system).0 };
        Shift(self.utc.0.wrapping_sub(even.0).cast_signed())
    }
}

/// Both clocks at one moment, or as near to it as three tries come.
fn readings() -> (u64, Nanos) {
    let mut best: Option<(u64, u64, Nanos)> = None;
    for _ in 0..3 {
        let before = monotonic();
        let system = system_now();
        let gap = monotonic().saturating_sub(before);
        if best.is_none_or(|(narrowest, ..)| gap < narrowest) {
            best = Some((gap, before + gap / 2, system));
        }
        if gap < READING_MAX.0 {
            break;
        }
    }
    best.map_or((0, Nanos(0)), |(_, monotonic, system)| (monotonic, system))
}

/// Nanoseconds that the machine has been up, by its monotonic clock. `Instant` reads the same, and takes half as long
/// again to make a number of it.
#[inline]
fn monotonic() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a timespec that lives through the call. The call fails only for a clock that there is not.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// The system clock; 1970 if it stands before that.
fn system_now() -> Nanos {
    Nanos(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, nanos))
}

fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tells_the_system_time_and_goes_on() {
        let mut clock = Clock::new();
        let (mut last, system) = (clock.now(), system_now());
        assert!(system.since(last) < Span::from_secs(1) && last.since(system) < Span::from_secs(1));
        for _ in 0..10_000 {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
    }

    #[test]
    fn a_hand_moves_its_clocks_and_never_back() {
        let hand = Hand::default();
        let mut clock = hand.clock();
        hand.set(Nanos(7));
        hand.set(Nanos(5));
        assert_eq!((clock.now(), hand.clock().now()), (Nanos(7), Nanos(7)));
    }

    #[test]
    fn a_step_forward_is_followed_at_once() {
        let mut course = Course { monotonic: 0, utc: Nanos(1_000), ahead: 0 };
        assert_eq!(course.anchor(100, Nanos(9_000)), Shift(7_900));
        assert_eq!(course.at(150), Nanos(9_050));
    }

    #[test]
    fn a_step_back_is_made_up_at_half_speed() {
        let mut course = Course { monotonic: 0, utc: Nanos(1_000), ahead: 0 };
        assert_eq!(course.anchor(100, Nanos(1_040)), Shift(0), "it is not set back");
        assert_eq!(course.at(100), Nanos(1_100));
        assert_eq!(course.at(200), Nanos(1_150), "half of 100 ns, while the system clock went to 1,140");
        assert_eq!(course.at(220), Nanos(1_160), "caught");
        assert_eq!(course.at(300), Nanos(1_240));
        assert_eq!(course.anchor(300, Nanos(1_240)), Shift(-60), "but falls behind the time that goes by");
    }

    #[test]
    fn an_even_clock_is_set_when_its_owner_looks_and_not_before() {
        let mut clock = Clock::even();
        assert_eq!(clock.look().1, None);
        // As if the system clock had been set an hour forward when the last look was long ago.
        clock.course.utc = clock.course.utc - Span::from_secs(3_600);
        clock.course.monotonic -= 2_000_000_000;
        let before = clock.now();
        assert!(system_now().since(before) > Span::from_secs(3_500));
        let (now, shift) = clock.look();
        assert!(now.since(before) > Span::from_secs(3_500), "{now:?}");
        assert!(shift.is_some_and(|by| by.0 > 3_500_000_000_000 && by.0 < 3_700_000_000_000), "{shift:?}");
        assert_eq!(clock.look().1, None, "once");
    }

    proptest! {
        #[test]
        fn never_goes_back_whatever_the_system_clock_does(
            steps in prop::collection::vec((0u64..3_000, 0u64..100_000, any::<bool>()), 1..100),
        ) {
            let mut course = Course { monotonic: 0, utc: Nanos(50_000), ahead: 0 };
            let (mut monotonic, mut last) = (0, Nanos(0));
            for (passed, system, anchor) in steps {
                monotonic += passed;
                if anchor {
                    course.anchor(monotonic, Nanos(system));
                }
                prop_assert!(course.at(monotonic) >= last);
                last = course.at(monotonic);
            }
        }
    }
}
