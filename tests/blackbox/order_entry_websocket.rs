//! Orders over WebSocket, as they should be.

use crate::support::websocket::{resting, with};
use crate::support::{Venue, Ws, now_millis};
use serde_json::Value;
use std::time::{Duration, Instant};

#[test]
fn an_order_rests_trades_and_both_sides_hear_of_it() {
    let mut venue = Venue::start();
    let (mut alice, mut bob) = (Ws::logged_on(&venue, "alice"), Ws::logged_on(&venue, "bob"));
    alice.subscribe();
    let rested = alice.place(&resting("maker"));
    assert_eq!(
        (&rested["result"]["status"], &rested["result"]["executedQty"]),
        (&"NEW".into(), &"0.00000".into())
    );
    let taker = with(with(resting("taker"), "side", "SELL"), "newOrderRespType", "FULL");
    let taken = bob.place(&taker);
    assert_eq!(taken["result"]["status"], "FILLED", "{taken}");
    assert_eq!(taken["result"]["fills"][0]["price"], "99000.00");
    let reports: Vec<Value> = (0..2).map(|_| alice.message()["event"].clone()).collect();
    assert_eq!((&reports[0]["x"], &reports[1]["x"]), (&"NEW".into(), &"TRADE".into()));
    assert_eq!(reports[1]["t"], taken["result"]["fills"][0]["tradeId"], "both sides name the trade alike");
    let ended = venue.stop();
    assert_eq!(ended.figures.rejects().count(), 0);
}

#[test]
fn the_market_is_told_without_logon() {
    let venue = Venue::start();
    let (mut alice, mut bob) = (Ws::logged_on(&venue, "alice"), Ws::connect(&venue, "bob"));
    alice.place(&resting("bid"));
    let depth = bob.raw(r#"{"id":1,"method":"depth","params":{"symbol":"BTC-USD"}}"#);
    assert_eq!(depth["result"]["bids"], serde_json::json!([["99000.00", "0.01000"]]), "{depth}");
    let ticker = bob.raw(r#"{"id":1,"method":"ticker.book","params":{"symbol":"BTC-USD"}}"#);
    assert_eq!(ticker["result"]["bidPrice"], "99000.00", "{ticker}");
    let info = bob.raw(r#"{"id":1,"method":"exchangeInfo"}"#);
    assert_eq!(info["result"]["symbols"].as_array().unwrap().len(), 3);
    let time = bob.raw(r#"{"id":1,"method":"time"}"#);
    assert!(time["result"]["serverTime"].as_u64().unwrap().abs_diff(now_millis()) < 5_000);
}

#[test]
fn a_server_that_stops_says_so_and_loses_nothing_it_took() {
    let mut venue = Venue::start();
    let mut alice = Ws::logged_on(&venue, "alice");
    alice.place(&resting("kept"));
    let started = Instant::now();
    let stopping = std::thread::spawn(move || {
        venue.stop();
        venue
    });
    assert_eq!(alice.close_code(), 1001);
    drop(alice);
    let mut venue = stopping.join().unwrap();
    assert!(started.elapsed() < Duration::from_secs(5));
    venue.start_again();
    let mut alice = Ws::logged_on(&venue, "alice");
    let kept = alice.call("order.status", &[("symbol", "BTC-USD"), ("origClientOrderId", "kept")]);
    assert_eq!(kept["result"]["status"], "NEW", "{kept}");
}
