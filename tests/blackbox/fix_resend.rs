//! A ResendRequest of a few bytes may ask for all that was ever sent. Whoever sends ten thousand of them gets no more
//! memory and no more of the gateway than others.

use crate::support::fix::{buy, fix_time};
use crate::support::{Fix, Setup, Venue, now};
use sealgate::types::Span;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Orders that Alice has entered, and was told of.
const TOLD: u32 = 200;

fn venue(replays: u32) -> (Venue, Fix) {
    let venue = Setup::new()
        .caps(|caps| caps.messages_per_second = 1_000_000)
        .order_rate(1_000_000, Span::from_secs(1))
        .fix_rules(move |rules| rules.resends_per_minute = replays)
        .start();
    let mut alice = Fix::logged_on(&venue, "alice");
    (0..TOLD).for_each(|order| assert_eq!(alice.enter(buy(&format!("a{order}"))).get(150), "0"));
    (venue, alice)
}

/// Asks so many times for everything.
fn flood(alice: &mut Fix, times: u32) {
    for _ in 0..times {
        let request = alice.message("2", "7=1|16=0|", false);
        alice.send(&request);
    }
}

/// Reads until the answer to a TestRequest comes, which all that was asked for before stands in front of.
fn drain(alice: &mut Fix) -> u32 {
    let test = alice.message("1", "112=END|", false);
    alice.send(&test);
    let mut copies = 0;
    loop {
        let message = alice.read();
        assert!(!message.0.is_empty(), "the connection was cut");
        copies += u32::from(message.get(43) == "Y");
        if message.get(112) == "END" {
            return copies;
        }
    }
}

/// Resident memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn ten_thousand_requests_for_everything_leave_memory_flat() {
    let (_venue, mut alice) = venue(60);
    flood(&mut alice, 100);
    drain(&mut alice);
    let before = resident();
    let mut copies = 0;
    for _ in 0..100 {
        flood(&mut alice, 100);
        copies += drain(&mut alice);
    }
    let grown = resident().saturating_sub(before);
    // All of it would be 10,000 × 200 messages, some 500 MB. Other tests run in this process, so there is some slack.
    assert!(grown < 128 * 1024, "{grown} KiB");
    assert!(copies <= 61 * (TOLD + 2), "{copies} copies: the budget of a minute is 60 replays");
}

/// `cargo test --release --test blackbox -- --ignored --nocapture others_do_not_wait`: the figure in docs/numbers.md.
#[test]
#[ignore = "a measurement, which wants a quiet machine"]
fn others_do_not_wait_for_a_session_that_asks_for_everything() {
    let (venue, mut alice) = venue(600);
    let mut bob = Fix::logged_on(&venue, "bob");
    let asks = Arc::new(AtomicBool::new(false));
    let (flag, mut asked) = (asks.clone(), 0);
    let asking = std::thread::spawn(move || {
        while asked < 10_000 {
            if flag.load(Ordering::Relaxed) {
                flood(&mut alice, 100);
                drain(&mut alice);
                asked += 100;
            } else {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    // Quiet and busy turns follow each other, so that what else the machine does counts for both.
    let (mut quiet, mut busy) = (Vec::new(), Vec::new());
    trade(&mut bob, 2_000, &mut Vec::new());
    while !asking.is_finished() {
        trade(&mut bob, 250, &mut quiet);
        asks.store(true, Ordering::Relaxed);
        trade(&mut bob, 250, &mut busy);
        asks.store(false, Ordering::Relaxed);
    }
    let (quiet, busy) = (p99(quiet), p99(busy));
    println!("p99 of another session: {quiet:?} quiet, {busy:?} while 10,000 requests ask for everything");
}

/// Enters so many orders that expire at once, and notes how long each answer takes.
fn trade(bob: &mut Fix, orders: u32, times: &mut Vec<Duration>) {
    for _ in 0..orders {
        let (name, time) = (bob.next, fix_time(now()));
        let body = format!("11=b{name}|38=0.01|40=2|44=99000.00|54=1|59=3|55=BTC-USD|60={time}|");
        let started = Instant::now();
        assert_eq!(bob.enter(body).get(150), "0");
        times.push(started.elapsed());
        bob.read();
    }
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}
