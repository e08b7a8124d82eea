//! The simulator: the product's own agents on a machine in memory, in an order that a seed chooses, with clients that
//! believe only what they were told. docs/simulation.md says what is simulated, what is not, and how to run it.
//!
//! ```text
//! SEALGATE_SIM_SEED=4711 cargo test --release --test sim seeds       # one seed again, aloud
//! SEALGATE_SIM_SEEDS=10000 cargo test --release --test sim seeds     # so many fresh ones behind the fixed ones
//! SEALGATE_SIM_SECS=60 cargo test --release --test sim seeds         # fresh ones for so long
//! ```

#![allow(clippy::unwrap_used)] // A test may panic; clippy sees only the functions marked as tests.

mod check;
mod clients;
mod every_byte;
mod keys;
mod machine;
#[cfg(feature = "planted")]
mod planted;
mod rng;
mod trace;
mod venue;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime};
use world::Summary;

/// Events of each seed.
const EVENTS: u64 = 1_000;

/// Seeds that everybody runs.
const FIXED_SEEDS: u64 = 120;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// What was violated, if anything was.
fn attempt(seed: u64, aloud: bool) -> Result<Summary, String> {
    catch_unwind(AssertUnwindSafe(|| world::run(seed, EVENTS, aloud))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
    })
}

fn violated(seed: u64, what: &str) -> ! {
    panic!(
        "\nseed {seed}: {what}\nagain: SEALGATE_SIM_SEED={seed} cargo test --release --test sim seeds -- --nocapture\n"
    );
}

#[test]
fn seeds() {
    if let Some(seed) = number("SEALGATE_SIM_SEED") {
        match attempt(seed, number("SEALGATE_SIM_QUIET").is_none()) {
            Ok(summary) => return println!("seed {seed}: {summary:?}"),
            Err(what) => violated(seed, &what),
        }
    }
    // Who names the first seed wants these and no others.
    let (first, secs) = (number("SEALGATE_SIM_FIRST"), number("SEALGATE_SIM_SECS"));
    let until = secs.map(|secs| Instant::now() + Duration::from_secs(secs));
    let count = number("SEALGATE_SIM_SEEDS").unwrap_or(if until.is_some() { u64::MAX >> 1 } else { 0 });
    let fixed = if first.is_some() { 0 } else { FIXED_SEEDS };
    let first = first.unwrap_or_else(fresh);
    sweep((0..fixed).chain(first..first + count), until);
}

/// Seeds that nobody ran before.
fn fresh() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 >> 10
}

/// Runs seeds, all of them or until a time; the first that violates an invariant ends it.
fn sweep(seeds: impl Iterator<Item = u64>, until: Option<Instant>) {
    let (begun, mut count, mut all) = (Instant::now(), 0, Summary::default());
    for seed in seeds.take_while(|_| until.is_none_or(|until| Instant::now() < until)) {
        let summary = attempt(seed, false).unwrap_or_else(|what| violated(seed, &what));
        count += 1;
        all.events += summary.events;
        all.orders += summary.orders;
        all.told += summary.told;
        all.crashes += summary.crashes;
        all.refused_starts += summary.refused_starts;
    }
    let seconds = begun.elapsed();
    println!("{count} seeds in {seconds:.1?}: {all:?}");
    println!("{} events a second", u128::from(all.events) * 1_000 / seconds.as_millis().max(1));
}

#[test]
fn a_seed_runs_the_same_bit_for_bit() {
    for seed in 0..5 {
        let (first, second) = (attempt(seed, false), attempt(seed, false));
        assert_eq!(first, second, "seed {seed}");
        println!("seed {seed}: {:016x}", first.unwrap().trace);
    }
}
