//! The rate ring against an oracle, and under two threads. `tests/loom.rs` walks its interleavings.

use super::rate::{RateRing, Take};
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
