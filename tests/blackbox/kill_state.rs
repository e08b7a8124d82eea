//! An account that is disabled and an instrument that is halted stay so, whatever the server goes through.

use super::rate_limits::back;
use super::snapshots::{archive, fill, setup};
use crate::support::fix::{buy, cancel};
use crate::support::websocket::{refusal, resting, with};
use crate::support::{Fix, Venue, Ws};
use sealgate::config::{Config, Directory};
use sealgate::types::InstrumentState;
use tungstenite::Message;

/// ALICE may enter orders, and BTC-PERP trades, or not.
fn switch(config: &mut Config, on: bool) {
    let old = &config.directory;
    let (mut accounts, mut instruments) = (old.accounts().to_vec(), old.instruments().to_vec());
    let alice = accounts.iter_mut().find(|account| account.name == "ALICE").unwrap();
    alice.limits.enabled = on;
    let perp = instruments.iter_mut().find(|instrument| instrument.symbol.as_str() == "BTC-PERP").unwrap();
    perp.state = if on { InstrumentState::Trading } else { InstrumentState::Halted };
    let (members, keys, sessions) = (old.members().to_vec(), old.keys().to_vec(), old.sessions().to_vec());
    config.directory = Directory::new(members, accounts, keys, sessions, instruments).unwrap();
}

fn perp(cl_ord_id: &str) -> Vec<(&str, &str)> {
    with(resting(cl_ord_id), "symbol", "BTC-PERP")
}

fn open(ws: &mut Ws) -> usize {
    ws.call("openOrders.status", &[])["result"].as_array().unwrap().len()
}

/// Sent again, none of the requests does anything: it was executed before, or it is refused.
fn send_again(ws: &mut Ws, requests: &[String]) {
    let before = open(ws);
    for request in requests {
        let answer = ws.raw(request);
        match answer["status"].as_u64() {
            Some(200) => assert_eq!(answer["repeated"], true, "{answer}"),
            _ => {
                let name = refusal(&answer).0;
                assert!(
                    ["AccountDisabled", "ResultArchived", "TimestampTooOld"].contains(&name.as_str()),
                    "{answer}"
                );
            }
        }
    }
    assert_eq!(open(ws), before);
}

/// Nothing is entered over either protocol, and what is there is canceled. `run` makes names that are new.
fn assert_killed(venue: &Venue, run: &str, next: u32) -> u32 {
    let name = |what: &str| format!("{run}-{what}");
    let (mut ws, mut bob) = (Ws::logged_on(venue, "alice"), Ws::logged_on(venue, "bob"));
    let mut fix = back(venue, next);
    for symbol in ["BTC-USD", "BTC-281229-100000-C"] {
        let id = name(symbol);
        assert_eq!(refusal(&ws.place(&with(resting(&id), "symbol", symbol))).0, "AccountDisabled");
    }
    fix.enter(buy(&name("fix"))).assert_refused("8", "0", "AccountDisabled");
    assert_eq!(refusal(&bob.place(&perp(&name("halted")))).0, "InstrumentHalted");
    assert_eq!(bob.place(&resting(&name("open")))["status"], 200, "another account, another instrument");
    let (of_ws, of_fix, of_bob) = (format!("ws-{run}"), format!("fix-{run}"), format!("bob-{run}"));
    let canceled = ws.call("order.cancel", &[("symbol", "BTC-USD"), ("origClientOrderId", &of_ws)]);
    assert_eq!(canceled["status"], 200, "{canceled}");
    fix.order("F", cancel(&name("cancel"), &of_fix));
    assert_eq!(fix.read().get(150), "4");
    let canceled = bob.call("order.cancel", &[("symbol", "BTC-PERP"), ("origClientOrderId", &of_bob)]);
    assert_eq!(canceled["status"], 200, "{canceled}");
    fix.next
}

#[test]
fn what_is_killed_stays_so_over_crashes_snapshots_and_archives_and_what_was_in_flight_does_nothing() {
    let mut venue = setup().topology("2x2/4").start();
    let (mut ws, mut bob) = (Ws::logged_on(&venue, "alice"), Ws::logged_on(&venue, "bob"));
    let mut fix = Fix::logged_on(&venue, "alice");
    for run in ["one", "two"] {
        assert_eq!(ws.place(&resting(&format!("ws-{run}")))["status"], 200);
        assert_eq!(fix.enter(buy(&format!("fix-{run}"))).get(150), "0");
        assert_eq!(bob.place(&perp(&format!("bob-{run}")))["status"], 200);
    }
    // Nobody knows how far these come.
    let names: Vec<String> = (0..40).map(|n| format!("in-flight-{n}")).collect();
    let in_flight: Vec<String> = names.iter().map(|name| ws.request("order.place", &resting(name))).collect();
    for request in &in_flight {
        ws.socket.send(Message::text(request)).unwrap();
    }
    venue.kill();
    venue.adjust(|config| switch(config, false));
    venue.start_again();
    send_again(&mut Ws::logged_on(&venue, "alice"), &in_flight);
    let next = assert_killed(&venue, "one", fix.next);

    fill(&venue, &mut Ws::logged_on(&venue, "bob"), 4);
    venue.kill();
    archive(&venue, 3);
    venue.start_again();
    let next = assert_killed(&venue, "two", next);
    // On either gateway.
    (0..2).for_each(|_| send_again(&mut Ws::logged_on(&venue, "alice"), &in_flight));

    venue.kill();
    venue.adjust(|config| switch(config, true));
    venue.start_again();
    let mut ws = Ws::logged_on(&venue, "alice");
    send_again(&mut ws, &in_flight);
    assert_eq!(ws.place(&resting("again"))["status"], 200);
    assert_eq!(back(&venue, next).enter(buy("fix-again")).get(150), "0");
    assert_eq!(Ws::logged_on(&venue, "bob").place(&perp("again"))["status"], 200);
}
