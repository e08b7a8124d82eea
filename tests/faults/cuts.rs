//! Losses of power, and what must be lost where nothing was synced: a checker that never finds anything proves nothing.

use crate::life::Lives;
use crate::power::{Disk, watched};
use crate::{number, seed, tool};
use std::time::Duration;

/// Losses of power of a run that nobody asked for otherwise.
const CUTS: u64 = 3;

/// How long clients trade before one: long enough for segments to change.
const LIFE: Duration = Duration::from_millis(400);

/// Kills within which a server that waits for nothing has lost something.
const KILLS_MAX: u32 = 30;

/// Lets a server live under the eyes of `strace`, behind another command, and takes its power away.
fn cut(lives: &mut Lives, behind: &[&str]) {
    let log = lives.site.path().join("strace.log");
    let mut disk = Disk::of(&lives.site);
    let command: Vec<_> =
        watched(&log).into_iter().chain(behind.iter().map(|word| (*word).to_owned())).collect();
    lives.live(&command, LIFE);
    disk.replay(&log);
    disk.restore(&lives.site);
    println!("{} bytes were not synced", disk.lost_bytes);
}

/// A venue that has traded, and was stopped in order: all that it has is on the disk.
pub fn settled(durability: &str) -> Lives {
    let seed = seed();
    println!("seed {seed}: again with SEALGATE_FAULTS_SEED={seed}");
    let mut lives = Lives::new(durability, seed);
    lives.finish();
    lives
}

/// Starts it once more, and looks only.
fn look(lives: &mut Lives) -> Vec<String> {
    lives.live(&[], Duration::ZERO);
    lives.breaches()
}

#[track_caller]
fn assert_names_lost_orders(breaches: &[String]) {
    let orders = breaches.iter().filter(|breach| breach.contains(": lost: ") && breach.contains("Accepted("));
    // A stream ends before the number that was told, or has come by it again with another event.
    let is_of_streams = |breach: &str| {
        breach.contains("the private streams do not go on") || breach.contains(", and now is ")
    };
    let streams = breaches.iter().filter(|breach| is_of_streams(breach));
    let (orders, streams) = (orders.count(), streams.count());
    println!(
        "{orders} orders and what {streams} times was told of streams are named as lost, such as: {:?}",
        breaches.first()
    );
    assert!(orders > 0 && streams > 0, "{}", breaches.join("\n"));
}

#[test]
fn a_loss_of_power_loses_nothing_that_was_answered() {
    tool!("strace");
    let mut lives = settled("disk");
    for _ in 0..number("SEALGATE_CUTS").unwrap_or(CUTS) {
        cut(&mut lives, &[]);
    }
    lives.assert_nothing_is_lost();
}

#[test]
fn a_loss_of_power_without_syncs_loses_orders_and_is_found_out() {
    tool!("strace");
    tool!("eatmydata");
    let mut lives = settled("disk");
    cut(&mut lives, &["eatmydata"]);
    assert_names_lost_orders(&look(&mut lives));
}

#[test]
fn a_server_that_only_writes_loses_nothing_by_a_kill_and_orders_by_a_loss_of_power() {
    tool!("strace");
    let mut lives = settled("process");
    (0..5).for_each(|_| lives.kill_at_random());
    let breaches = look(&mut lives);
    assert!(breaches.is_empty(), "{}", breaches.join("\n"));
    cut(&mut lives, &[]);
    assert_names_lost_orders(&look(&mut lives));
}

#[test]
fn a_server_that_waits_for_nothing_loses_orders_by_a_kill_and_is_found_out() {
    let mut lives = settled("memory");
    for _ in 0..KILLS_MAX {
        lives.live(&[], Duration::from_millis(100));
        let breaches = look(&mut lives);
        if breaches.iter().any(|breach| breach.contains(": lost: ") && breach.contains("Accepted(")) {
            return println!("{}", breaches.first().unwrap());
        }
    }
    panic!("{KILLS_MAX} kills, and nothing was lost: {:?}", lives.breaches());
}
