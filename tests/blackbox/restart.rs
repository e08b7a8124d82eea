//! What was acknowledged is there after a restart, in order and by a crash.

use crate::support::fix::buy;
use crate::support::websocket::resting;
use crate::support::{Fix, Venue, Ws};

#[test]
fn orders_results_and_fix_numbers_survive_a_crash() {
    let mut venue = Venue::start();
    let mut fix = Fix::logged_on(&venue, "alice");
    let mut ws = Ws::logged_on(&venue, "bob");
    let first = fix.enter(buy("fix-1"));
    assert_eq!(first.get(150), "0");
    let request = ws.request("order.place", &resting("ws-1"));
    let placed = ws.raw(&request);
    let (next, last_heard) = (fix.next, first.get(34).parse::<u32>().unwrap());
    venue.kill();
    venue.start_again();

    let mut ws = Ws::logged_on(&venue, "bob");
    let again = ws.raw(&request);
    assert_eq!(
        again["result"]["orderId"], placed["result"]["orderId"],
        "captured before, sent after: {again}"
    );

    let mut fix = Fix::connect(&venue, "alice");
    fix.next = next;
    fix.logon("");
    let logon = fix.read();
    assert_eq!(logon.get(35), "A", "the number that we expect is the next one: {logon:?}");
    assert!(logon.get(34).parse::<u32>().unwrap() > last_heard, "numbers are never used twice");
    let resend = fix.message("2", format!("7={last_heard}|16=0|"), false);
    fix.send(&resend);
    let (same, fill) = (fix.read(), fix.read());
    assert_eq!((same.get(43), same.get(17), same.get(37)), ("Y", first.get(17), first.get(37)));
    assert_eq!((fill.get(35), fill.get(123)), ("4", "Y"), "reserved and not used: {fill:?}");
    let repeated = fix.enter(buy("fix-1"));
    assert_eq!((repeated.get(150), repeated.get(37)), ("I", first.get(37)));
}

#[test]
fn a_stopped_server_has_the_state_that_its_journal_replays_to() {
    let mut venue = Venue::start();
    let mut ws = Ws::logged_on(&venue, "alice");
    for n in 0..20 {
        let id = format!("order-{n}");
        assert_eq!(ws.call("order.place", &resting(&id))["status"], 200);
    }
    drop(ws);
    let ended = venue.stop();
    let replayed = sealgate::run::recovery::replay(&venue.path("data"), &venue.vault(), |_| {}).unwrap();
    let (shard, seq, state_hash) = ended.shards[0];
    assert_eq!(replayed.shards[0].id(), shard);
    assert_eq!(replayed.shards[0].last_seq(), seq);
    assert_eq!(replayed.shards[0].state_hash(), state_hash);
}

#[test]
fn a_second_server_on_the_same_journal_is_refused() {
    let venue = Venue::start();
    let error = sealgate::run::Server::start(venue.config().clone()).unwrap_err().to_string();
    assert!(error.contains("in use"), "{error}");
}
