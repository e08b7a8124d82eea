//! Loom walks the interleavings of the rate ring: the production file, with loom's atomics in place of the real.

#![allow(clippy::unwrap_used)] // A test may panic.

use loom::sync::Arc;
use loom::thread;
use rate::{RateRing, Take};
use types::{Nanos, Span};

mod sync {
    pub(super) use loom::sync::atomic::{AtomicU64, Ordering};
}

mod types {
    pub(super) use sealgate::types::{Nanos, Span};
}

#[allow(dead_code)] // What is not tried here is tried beside the file.
#[path = "../src/ring/rate.rs"]
mod rate;

const LIMIT: u32 = 2;
const WINDOW: u64 = 10;

/// Runs one thread for each list of arrival times, on a ring that has accepted `before`, and checks what passed.
fn explore(before: &'static [u64], threads: [&'static [u64]; 3], passed_at_least: usize) {
    let mut model = loom::model::Builder::new();
    // All schedules with up to two preemptions, in seconds. A store in place of the ring's compare-and-swap, or a ring
    // that does not look at laps, is found with that.
    model.preemption_bound = Some(2);
    model.check(move || {
        let ring = Arc::new(RateRing::new(LIMIT, Span(WINDOW)));
        let run = |ring: &RateRing, times: &[u64]| {
            times.iter().copied().filter(|&at| ring.take(Nanos(at)) == Take::Accepted).collect::<Vec<_>>()
        };
        let mut passed = run(&ring, before);
        assert_eq!(passed, before);
        let others = [threads[1], threads[2]].map(|times| {
            let ring = Arc::clone(&ring);
            thread::spawn(move || run(&ring, times))
        });
        passed.extend(run(&ring, threads[0]));
        for other in others {
            passed.extend(other.join().unwrap());
        }
        passed.sort_unstable();
        assert!(passed.len() >= before.len() + passed_at_least, "refused without need: {passed:?}");
        for (first, third) in passed.iter().zip(&passed[LIMIT as usize..]) {
            assert!(third - first >= WINDOW, "three in a window: {passed:?}");
        }
    });
}

#[test]
fn three_threads_share_two_slots() {
    explore(&[], [&[100], &[101], &[102]], 2);
}

#[test]
fn three_threads_share_two_slots_that_have_just_fallen_free() {
    explore(&[100, 101], [&[111], &[112], &[113]], 2);
}

#[test]
fn three_threads_wrap_around_while_the_first_lap_is_still_in_flight() {
    // 120 is a window after all of the first lap, whichever of it passed.
    explore(&[], [&[100, 120], &[101], &[110]], 2);
}

#[test]
fn a_late_thread_with_an_old_time_takes_no_slot_of_a_newer_lap() {
    explore(&[100, 101], [&[111, 122], &[112], &[105]], 2);
}

/// Two threads on both sides of a midnight: neither day has more than its limit, whoever begins the new one.
#[test]
fn no_day_is_above_its_limit() {
    const MIDNIGHT: u64 = 20_000 * 86_400_000_000_000;
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let ring = Arc::new(RateRing::new(4, Span(1)).with_day(Some(1)));
        let run = |ring: &RateRing, times: [u64; 2]| {
            times.map(|at| (at >= MIDNIGHT, ring.take(Nanos(at)) == Take::Accepted))
        };
        let other = {
            let ring = Arc::clone(&ring);
            thread::spawn(move || run(&ring, [MIDNIGHT - 5, MIDNIGHT + 5]))
        };
        let mut passed = run(&ring, [MIDNIGHT - 3, MIDNIGHT + 3]).to_vec();
        passed.extend(other.join().unwrap());
        // Who comes with a time of the evening after the new day has begun is one of the new day.
        let new = passed.iter().filter(|one| **one == (true, true)).count();
        let both = passed.iter().filter(|(_, accepted)| *accepted).count();
        assert!(new <= 1 && both <= 2, "above the limit: {passed:?}");
        assert!(passed.iter().any(|(_, accepted)| *accepted), "refused without need: {passed:?}");
    });
}
