//! `cancelAllAfter` from outside: the dead man's timer of an account.

use crate::support::fix::buy;
use crate::support::websocket::{refusal, resting, with};
use crate::support::{Fix, PATIENCE, Setup, Venue, Ws, now_millis};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The prices of an instrument's bids, as bob sees them.
fn bids(venue: &Venue, symbol: &str) -> usize {
    let request = format!(r#"{{"id":1,"method":"depth","params":{{"symbol":"{symbol}"}}}}"#);
    let depth = Ws::connect(venue, "bob").raw(&request);
    depth["result"]["bids"].as_array().unwrap_or_else(|| panic!("{depth}")).len()
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "it does not come");
    }
}

/// Sets alice's timer; when it is to fire, in milliseconds.
fn arm(ws: &mut Ws, timeout: &str) -> u64 {
    let answer = ws.call("cancelAllAfter", &[("timeout", timeout)]);
    assert_eq!(answer["status"], 200, "{answer}");
    answer["result"]["triggerTime"].as_u64().unwrap()
}

#[test]
fn all_orders_of_the_account_are_canceled_on_every_shard_however_they_were_entered() {
    let mut venue = Setup::new().topology("2x2/4").start();
    let (mut ws, mut fix) = (Ws::logged_on(&venue, "alice"), Fix::logged_on(&venue, "alice"));
    let mut bob = Ws::logged_on(&venue, "bob");
    ws.subscribe();
    assert_eq!(fix.enter(buy("fix")).get(39), "0");
    let other = with(with(resting("ws"), "symbol", "BTC-PERP"), "price", "99000");
    let placed = ws.place(&with(other, "quantity", "1"));
    assert_eq!(placed["status"], 200, "{placed}");
    assert_eq!(bob.place(&with(resting("bob"), "price", "98000.00"))["status"], 200);

    let at = arm(&mut ws, "300");
    assert!((now_millis()..now_millis() + 301).contains(&at), "{at}");
    sleep(Duration::from_millis(200));
    arm(&mut ws, "500");
    sleep(Duration::from_millis(200));
    assert_eq!((bids(&venue, "BTC-USD"), bids(&venue, "BTC-PERP")), (2, 1), "it was set again");
    wait_until(|| (bids(&venue, "BTC-USD"), bids(&venue, "BTC-PERP")) == (1, 0));
    let canceled = fix.read();
    assert_eq!((canceled.get(150), canceled.get(11)), ("4", "fix"), "{canceled:?}");
    assert!(canceled.get(58).starts_with("CancelAllAfter"), "{canceled:?}");
    venue.stop();
}

#[test]
fn the_timer_goes_on_while_the_server_is_down() {
    let mut venue = Venue::start();
    let mut ws = Ws::logged_on(&venue, "alice");
    ws.place(&resting("a"));
    arm(&mut ws, "300");
    venue.kill();
    sleep(Duration::from_millis(400));
    venue.start_again();
    wait_until(|| bids(&venue, "BTC-USD") == 0);
}

#[test]
fn it_is_turned_off_with_zero_and_refuses_what_makes_no_sense() {
    let venue = Venue::start();
    let mut ws = Ws::logged_on(&venue, "alice");
    ws.place(&resting("a"));
    arm(&mut ws, "200");
    assert_eq!(arm(&mut ws, "0"), 0);
    for (timeout, name) in [("99", "FieldValue"), ("86400001", "FieldValue")] {
        let refused = ws.call("cancelAllAfter", &[("timeout", timeout)]);
        assert_eq!(refusal(&refused).0, name, "{refused}");
    }
    assert_eq!(refusal(&ws.call("cancelAllAfter", &[])).0, "FieldMissing");
    sleep(Duration::from_millis(300));
    assert_eq!(bids(&venue, "BTC-USD"), 1);
}

#[test]
fn a_captured_request_is_answered_again_and_later_refused() {
    let venue = Venue::start();
    let mut ws = Ws::logged_on(&venue, "alice");
    let captured = ws.request("cancelAllAfter", &[("timeout", "60000")]);
    let first = ws.raw(&captured);
    let again = Ws::connect(&venue, "alice").raw(&captured);
    assert_eq!(first["result"]["triggerTime"], again["result"]["triggerTime"], "{again}");
    sleep(Duration::from_millis(2));
    assert_eq!(arm(&mut ws, "0"), 0);
    assert_eq!(refusal(&ws.raw(&captured)).0, "TimestampTooOld");
}
