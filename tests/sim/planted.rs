//! The checkers are checked: each planted bug must be found.

use super::{attempt, number};
use sealgate::planted::{Bug, plant};

/// Each bug is found within so many seeds.
const SEEDS_MAX: u64 = 1_000;

#[test]
fn every_planted_bug_is_found() {
    std::panic::set_hook(Box::new(|_| {}));
    let only = std::env::var("SEALGATE_SIM_BUG").ok();
    let seeds = number("SEALGATE_SIM_SEEDS").unwrap_or(SEEDS_MAX);
    let mut missed = Vec::new();
    for bug in Bug::ALL {
        if only.as_ref().is_some_and(|only| *only != format!("{bug:?}")) {
            continue;
        }
        plant(Some(bug));
        let found = (0..seeds).find_map(|seed| attempt(seed, false).err().map(|what| (seed, what)));
        plant(None);
        match found {
            Some((seed, what)) => {
                let what: String = what.chars().take(100).collect();
                println!("planted {bug:?}: seed {seed}: {what}");
            }
            None => missed.push(bug),
        }
    }
    let _ = std::panic::take_hook();
    assert!(missed.is_empty(), "not found within {seeds} seeds: {missed:?}");
}
