//! Orders over FIX, as they should be.

use crate::stats::{ask, meter};
use crate::support::fix::{Fields, buy, cancel};
use crate::support::websocket::resting;
use crate::support::{Fix, PATIENCE, Venue, Ws, read_to_close};
use sealgate::types::{Event, ExecType};
use std::time::Instant;

#[test]
fn an_order_rests_trades_and_is_canceled() {
    let venue = Venue::start();
    let (mut alice, mut bob) = (Fix::logged_on(&venue, "alice"), Fix::logged_on(&venue, "bob"));
    let rested = alice.enter(buy("maker"));
    assert_eq!((rested.get(35), rested.get(150), rested.get(39), rested.get(11)), ("8", "0", "0", "maker"));
    let sell = buy("taker").replace("54=1|", "54=2|").replace("38=0.01|", "38=0.004|");
    assert_eq!(bob.enter(sell).get(150), "0");
    let (taken, made) = (bob.read(), alice.read());
    assert_eq!((taken.get(150), taken.get(39), taken.get(31)), ("F", "2", "99000.00"));
    assert_eq!((made.get(150), made.get(39), made.get(151)), ("F", "1", "0.00600"));
    alice.order("F", cancel("cancel", "maker"));
    let canceled = alice.read();
    assert_eq!((canceled.get(150), canceled.get(39), canceled.get(11)), ("4", "4", "cancel"));
    assert_eq!(canceled.get(41), "maker");
}

#[test]
fn one_order_is_seen_over_both_protocols() {
    let venue = Venue::start();
    let (mut fix, mut ws) = (Fix::logged_on(&venue, "alice"), Ws::logged_on(&venue, "alice"));
    ws.subscribe();
    let entered = fix.enter(buy("both"));
    assert_eq!(ws.message()["event"]["c"], "both");
    let canceled = ws.call("order.cancel", &[("symbol", "BTC-USD"), ("origClientOrderId", "both")]);
    assert_eq!(canceled["result"]["orderId"].to_string(), entered.get(37));
    assert_eq!(fix.read().get(150), "4", "the session that entered it hears that it was canceled");
    assert_eq!(ws.call("order.place", &resting("over-ws"))["status"], 200);
}

#[test]
fn what_happened_while_a_session_was_away_is_resent_with_the_same_body() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let rested = alice.enter(buy("away"));
    let next = alice.next;
    drop(alice);
    let mut ws = Ws::logged_on(&venue, "alice");
    let canceled = ws.call("order.cancel", &[("symbol", "BTC-USD"), ("origClientOrderId", "away")]);
    assert_eq!(canceled["status"], 200, "{canceled}");
    let mut alice = Fix::connect(&venue, "alice");
    alice.next = next;
    alice.logon("");
    assert_eq!(alice.read().get(35), "A");
    let request = alice.message("2", "7=2|16=0|", false);
    alice.send(&request);
    let (first, second) = (alice.read(), alice.read());
    assert_eq!((first.get(43), first.get(17)), ("Y", rested.get(17)));
    let body = |fields: &Fields| -> Vec<(u32, String)> {
        let header = [8, 9, 10, 34, 35, 43, 49, 52, 56, 97, 122];
        fields.0.iter().filter(|(tag, _)| !header.contains(tag)).cloned().collect()
    };
    assert_eq!(body(&first), body(&rested));
    assert_eq!((second.get(43), second.get(150)), ("Y", "4"));
}

#[test]
fn a_server_that_stops_logs_its_sessions_out() {
    let mut venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let stopping = std::thread::spawn(move || venue.stop());
    assert_eq!(alice.read().get(35), "5");
    let logout = alice.message("5", "", false);
    alice.send(&logout);
    read_to_close(&mut alice.stream);
    stopping.join().unwrap();
}

#[test]
fn a_server_that_stops_answers_the_orders_that_it_took_before_it_logs_out() {
    let mut venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let burst: Vec<u8> =
        (0..200).flat_map(|n| alice.message("D", buy(&format!("burst-{n}")), true)).collect();
    alice.send(&burst);
    let stopping = std::thread::spawn(move || {
        venue.stop();
        venue
    });
    let mut accepted = 0;
    loop {
        let message = alice.read();
        match message.get(35) {
            "8" => accepted += usize::from(message.get(150) == "0"),
            "5" => break,
            _ => panic!("{message:?}"),
        }
    }
    alice.log_out();
    let venue = stopping.join().unwrap();
    let mut executed = 0;
    let count = |step: sealgate::run::recovery::ReplayedStep<'_>| {
        executed += step.events.iter().filter(|event| is_new(event)).count();
    };
    sealgate::run::recovery::replay(&venue.path("data"), &venue.vault(), count).unwrap();
    assert_eq!(accepted, executed, "each order that was taken was answered before the Logout");
}

fn is_new(event: &Event) -> bool {
    matches!(event, Event::Execution(execution) if execution.exec_type == ExecType::New)
}

#[test]
fn orders_of_one_write_are_verified_together_and_a_forged_one_is_refused_alone() {
    let venue = Venue::start();
    let control = venue.path("data/control.sock");
    let started = Instant::now();
    while meter(&ask(&control), "verify-keeper", "key_tables") < 2 {
        assert!(started.elapsed() < PATIENCE, "no tables");
    }
    let mut alice = Fix::logged_on(&venue, "alice");
    let (mut bytes, mut forged, mut genuine) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..20 {
        let (name, is_forged) = (format!("o-{n}"), n % 7 == 3);
        alice.key = venue.key(if is_forged { "bob" } else { "alice" });
        if is_forged {
            forged.push(alice.next.to_string());
        } else {
            genuine.push(name.clone());
        }
        bytes.extend(alice.message("D", buy(&name), true));
    }
    alice.send(&bytes);
    let answers: Vec<Fields> = (0..20).map(|_| alice.read()).collect();
    let values = |msg_type: &str, tag| -> Vec<&str> {
        answers.iter().filter(|answer| answer.get(35) == msg_type).map(|answer| answer.get(tag)).collect()
    };
    assert_eq!(values("3", 45), forged);
    assert_eq!(values("8", 11), genuine);
    let gateway = |name: &str| meter(&ask(&control), "gateway-0", name);
    let started = Instant::now();
    // Figures are written some times a second.
    while gateway("verified_together") < 20 {
        assert!(started.elapsed() < PATIENCE, "{} together", gateway("verified_together"));
    }
}
