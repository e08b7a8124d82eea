//! Exactly once, seen from outside: what was captured runs no second time, and what was told is never untold.

use crate::support::websocket::{resting, with};
use crate::support::{Setup, Venue, Ws};
use serde_json::Value;

fn two_by_two() -> Venue {
    Setup::new().topology("2x2/4").start()
}

/// Connections are dealt out to the gateways in turn, so these reach both.
fn connections(venue: &Venue) -> [Ws; 2] {
    [Ws::logged_on(venue, "alice"), Ws::logged_on(venue, "alice")]
}

fn open_orders(ws: &mut Ws) -> Vec<Value> {
    ws.call("openOrders.status", &[])["result"].as_array().unwrap().clone()
}

#[test]
fn an_order_captured_before_a_crash_executes_zero_times_after_it_on_every_gateway() {
    let mut venue = two_by_two();
    let mut alice = Ws::logged_on(&venue, "alice");
    let named = alice.request("order.place", &resting("named"));
    // Without a name of the client's: its signed bytes stand for it.
    let mut unnamed = resting("");
    unnamed.retain(|(name, _)| *name != "newClientOrderId");
    let unnamed = alice.request("order.place", &unnamed);
    let gone = alice.request("order.place", &resting("gone"));
    let cancel = alice.request("order.cancel", &[("symbol", "BTC-USD"), ("origClientOrderId", "gone")]);
    let first = [&named, &unnamed, &gone, &cancel].map(|request| alice.raw(request));
    assert!(first.iter().all(|answer| answer["status"] == 200), "{first:?}");
    let open = open_orders(&mut alice);
    venue.kill();
    venue.start_again();
    for mut anybody in connections(&venue) {
        for (request, first) in [&named, &unnamed, &gone, &cancel].into_iter().zip(&first) {
            let again = anybody.raw(request);
            assert_eq!(again["result"]["orderId"], first["result"]["orderId"], "{again}");
            assert_eq!(again["repeated"], true, "{again}");
        }
        assert_eq!(open_orders(&mut anybody), open);
    }
}

#[test]
fn a_question_is_answered_from_a_state_that_is_no_older_than_what_anybody_was_told() {
    let venue = two_by_two();
    let [mut trader, mut witness] = connections(&venue);
    for n in 0..50 {
        let (name, symbol) = (format!("order-{n}"), ["BTC-USD", "BTC-PERP"][n % 2]);
        let which = [("symbol", symbol), ("origClientOrderId", name.as_str())];
        let placed = trader.place(&with(resting(&name), "symbol", symbol));
        assert_eq!(placed["status"], 200, "{placed}");
        assert_eq!(witness.call("order.status", &which)["result"]["status"], "NEW");
        assert_eq!(open_orders(&mut witness).len(), 1);
        assert_eq!(trader.call("order.cancel", &which)["status"], 200);
        assert_eq!(witness.call("order.status", &which)["result"]["status"], "CANCELED");
        assert_eq!(open_orders(&mut witness).len(), 0);
    }
}
