//! The rate ring against an oracle, and under two threads. `tests/loom.rs` walks its interleavings.

use super::rate::{DayCount, RateRing, Take};
use crate::types::{Nanos, Span};
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::Barrier;

const START: u64 = 1_800_000_000_000_000_000;

fn accepted(ring: &RateRing, now: u64) -> bool {
    ring.take(Nanos(now)) == Take::Accepted
}

/// Panics if `limit + 1` of the times lie in one window.
fn assert_no_window_above(limit: usize, window: u64, times: &mut [u64]) {
    times.sort_unstable();
    for (first, one_too_many) in times.iter().zip(&times[limit.min(times.len())..]) {
        assert!(
            one_too_many - first >= window,
            "{} arrivals in {} ns from {first}",
            limit + 1,
            one_too_many - first
        );
    }
}

#[test]
fn refuses_the_arrival_that_is_one_too_many_and_says_when_to_come_back() {
    let ring = RateRing::new(2, Span(100));
    assert!(accepted(&ring, START) && accepted(&ring, START + 30));
    assert_eq!(ring.take(Nanos(START + 99)), Take::Refused { retry_after: Span(1) });
    assert!(accepted(&ring, START + 100));
    assert_eq!(ring.take(Nanos(START + 100)), Take::Refused { retry_after: Span(30) });
    assert!(accepted(&ring, START + 130));
}

#[test]
fn refusals_take_no_slot() {
    let ring = RateRing::new(1, Span(100));
    assert!(accepted(&ring, START));
    for at in 1..100 {
        assert!(!accepted(&ring, START + at));
    }
    assert!(accepted(&ring, START + 100));
}

#[test]
fn a_time_that_is_behind_is_measured_against_the_latest() {
    let ring = RateRing::new(2, Span(100));
    assert!(accepted(&ring, START + 50));
    assert!(accepted(&ring, START), "another gateway's clock may be a little behind");
    assert_eq!(ring.usage(Nanos(START + 149)).used, 2, "the second one counts from the first one's time");
    assert_eq!(ring.usage(Nanos(START + 150)).used, 0);
}

#[test]
fn a_limit_of_zero_refuses_all() {
    let ring = RateRing::new(0, Span(100));
    assert_eq!(ring.take(Nanos(START)), Take::Refused { retry_after: Span(100) });
    assert_eq!(ring.usage(Nanos(START)).retry_after, Span(100));
}

#[test]
fn usage_tells_what_is_left_over_many_laps() {
    let ring = RateRing::new(5, Span(100));
    for lap in 0..9 {
        let at = START + lap * 1_000;
        for n in 0..5u64 {
            assert_eq!(ring.usage(Nanos(at + n)).used, n as u32);
            assert_eq!(ring.usage(Nanos(at + n)).retry_after, Span::ZERO);
            assert!(accepted(&ring, at + n));
        }
        let full = ring.usage(Nanos(at + 10));
        assert_eq!((full.limit, full.used, full.retry_after), (5, 5, Span(90)));
        assert_eq!(ring.usage(Nanos(at + 102)).used, 2);
    }
}

const DAY: u64 = 86_400_000_000_000;

/// 08:00 UTC, as `START` is.
const MIDNIGHT: u64 = START - START % DAY;

#[test]
fn a_day_has_its_limit_and_the_next_one_a_new_one() {
    let ring = RateRing::new(100, Span(10)).with_day(Some(3));
    let today = |now: u64| ring.usage_today(Nanos(now)).unwrap();
    assert!((0..3).all(|n| accepted(&ring, START + n)));
    assert_eq!((today(START + 9).used, today(START + 9).limit), (3, 3));
    let (last, next) = (MIDNIGHT + DAY - 1, MIDNIGHT + DAY);
    for now in [START + 20, last] {
        let retry_after = Span(next - now);
        assert_eq!(ring.take(Nanos(now)), Take::DayIsFull { retry_after });
        assert_eq!(today(now).retry_after, retry_after);
    }
    assert_eq!((today(next).used, today(next).retry_after), (0, Span::ZERO));
    assert!((0..3).all(|n| accepted(&ring, next + n)) && !accepted(&ring, next + 50));
    assert!(!accepted(&ring, last), "who is late counts to the day that has begun");
    assert!(accepted(&ring, next + 7 * DAY), "days without an arrival go by");
    assert_eq!(today(next + 7 * DAY).used, 1);
}

#[test]
fn what_the_window_refuses_does_not_count_for_the_day() {
    let ring = RateRing::new(1, Span(100)).with_day(Some(2));
    assert!(accepted(&ring, START) && (1..100).all(|at| !accepted(&ring, START + at)));
    assert!(accepted(&ring, START + 100));
    assert!(matches!(ring.take(Nanos(START + 101)), Take::DayIsFull { .. }));
    assert_eq!(RateRing::new(1, Span(100)).usage_today(Nanos(START)), None, "no limit, nothing to tell");
}

#[test]
fn a_ring_goes_on_from_what_was_accepted_in_an_earlier_run() {
    let mut ring = RateRing::new(2, Span(100)).with_day(Some(1_000));
    let today = DayCount { day: START / DAY, count: 998 };
    // Closer than the limit allows: a shard may take together what came apart.
    ring.resume([START, START + 10, START + 11].map(Nanos), today);
    assert_eq!(ring.take(Nanos(START + 109)), Take::Refused { retry_after: Span(1) });
    assert!(accepted(&ring, START + 110) && !accepted(&ring, START + 110));
    assert_eq!(ring.usage_today(Nanos(START + 111)).unwrap().used, 999);
    assert!(accepted(&ring, START + 300));
    assert!(matches!(ring.take(Nanos(START + 500)), Take::DayIsFull { .. }));
    let mut closed = RateRing::new(0, Span(100));
    closed.resume([Nanos(START)], today);
    assert!(!accepted(&closed, START));
}

#[test]
fn two_gateways_and_ten_million_arrivals_find_no_window_above_the_limit() {
    const ARRIVALS: u64 = 10_000_000;
    const LIMIT: usize = 64;
    const WINDOW: u64 = 10_000;
    let ring = RateRing::new(LIMIT as u32, Span(WINDOW));
    let start = Barrier::new(2);
    // Each gateway's clock goes on by 1 to 64 ns an arrival, so that a few times as many come as may pass. How far one
    // gateway runs before the other is up to the machine: the times are out of order as often as it likes.
    let gateway = |seed: u64| {
        let (mut now, mut random, mut passed) = (START, seed, Vec::new());
        start.wait();
        for _ in 0..ARRIVALS / 2 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            now += 1 + (random >> 58);
            if accepted(&ring, now) {
                passed.push(now);
            }
        }
        passed
    };
    let mut times = std::thread::scope(|scope| {
        let other = scope.spawn(|| gateway(1));
        let mut times = gateway(2);
        times.extend(other.join().unwrap());
        times
    });
    assert!(times.len() > 500_000, "{} passed: that is no contest", times.len());
    assert_no_window_above(LIMIT, WINDOW, &mut times);
}

proptest! {
    #[test]
    fn agrees_with_a_list_of_all_arrivals(
        limit in 1usize..6,
        window in 1u64..50,
        steps in prop::collection::vec(0u64..20, 1..300),
    ) {
        let ring = RateRing::new(limit as u32, Span(window));
        let (mut now, mut kept) = (START, VecDeque::new());
        for step in steps {
            now += step;
            let young = kept.iter().filter(|&&at| now - at < window).count();
            prop_assert_eq!(ring.usage(Nanos(now)).used as usize, young);
            let accept = young < limit;
            prop_assert_eq!(accepted(&ring, now), accept);
            if accept {
                kept.push_back(now);
            }
        }
    }

    #[test]
    fn a_ring_that_was_begun_again_refuses_what_the_old_one_would(
        limit in 1u32..6,
        per_day in 1u32..40,
        steps in prop::collection::vec((0u64..30, any::<bool>()), 1..200),
    ) {
        // A window of two hours, so that some days go by.
        let hour = DAY / 24;
        let new = || RateRing::new(limit, Span(2 * hour)).with_day(Some(per_day));
        let (old, mut ring) = (new(), new());
        let (mut now, mut past, mut today) = (START, Vec::new(), DayCount::default());
        for (step, restarts) in steps {
            now += step * hour / 10;
            if restarts {
                ring = new();
                ring.resume(past.iter().copied(), today);
            }
            let verdict = old.take(Nanos(now));
            prop_assert_eq!(ring.take(Nanos(now)), verdict);
            if verdict == Take::Accepted {
                past.push(Nanos(now));
                today = today.with(Nanos(now));
            }
            prop_assert_eq!(ring.usage(Nanos(now)), old.usage(Nanos(now)));
            prop_assert_eq!(ring.usage_today(Nanos(now)), old.usage_today(Nanos(now)));
        }
    }

    #[test]
    fn no_window_is_above_the_limit_even_if_times_come_out_of_order(
        limit in 1usize..5,
        window in 1u64..50,
        arrivals in prop::collection::vec(0u64..400, 1..300),
    ) {
        let ring = RateRing::new(limit as u32, Span(window));
        let mut times: Vec<u64> =
            arrivals.into_iter().map(|at| START + at).filter(|&at| accepted(&ring, at)).collect();
        assert_no_window_above(limit, window, &mut times);
    }
}
