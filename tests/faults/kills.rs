//! `kill -9` at random moments.

use crate::life::Lives;
use crate::{number, seed};
use std::time::{Duration, Instant};

/// Kills of a run that nobody asked for otherwise.
const KILLS: u64 = 20;

/// A cycle that is told by itself.
const SLOW: Duration = Duration::from_secs(5);

#[test]
fn nothing_is_lost_and_nothing_runs_twice_though_the_server_is_killed_at_any_moment() {
    let (seed, kills) = (seed(), number("SEALGATE_KILLS").unwrap_or(KILLS));
    println!("seed {seed}: again with SEALGATE_FAULTS_SEED={seed}");
    let mut lives = Lives::new("disk", seed);
    let begun = Instant::now();
    for kill in 1..=kills {
        let began = Instant::now();
        lives.kill_at_random();
        if began.elapsed() > SLOW {
            println!("kill {kill} took {:?}: {:?}", began.elapsed(), lives.tally);
        }
        let breaches = lives.breaches();
        assert!(breaches.is_empty(), "seed {seed}, kill {kill}:\n{}", breaches.join("\n"));
        if kill % 100 == 0 {
            println!("{kill} kills after {:?}: {:?}", begun.elapsed(), lives.counts());
        }
    }
    let each = begun.elapsed() / kills as u32;
    lives.assert_nothing_is_lost();
    let (segments, snapshots) = (lives.site.files(".log").len(), lives.site.files(".snap"));
    println!("{each:?} a kill; {segments} segments, {snapshots:?}");
}
