//! At most once, from outside: what is told again, of what is long closed, and what happens when memory is full.

use crate::support::fix::buy;
use crate::support::websocket::{refusal, resting, with};
use crate::support::{Fix, Setup, Venue, Ws};

#[test]
fn the_result_of_a_closed_order_is_told_again_with_its_trades_also_after_a_crash() {
    let mut venue = Venue::start();
    let (mut alice, mut bob) = (Ws::logged_on(&venue, "alice"), Ws::logged_on(&venue, "bob"));
    assert_eq!(alice.call("order.place", &resting("maker"))["status"], 200);
    let take = with(with(resting("taker"), "side", "SELL"), "newOrderRespType", "FULL");
    let first = bob.call("order.place", &take);
    let result = &first["result"];
    assert_eq!(
        (result["status"].as_str(), result["fills"].as_array().map(Vec::len)),
        (Some("FILLED"), Some(1))
    );
    let ask = |ws: &mut Ws, name: &str| {
        ws.call("order.status", &[("symbol", "BTC-USD"), ("origClientOrderId", name)])["result"].clone()
    };
    let told = |alice: &mut Ws, bob: &mut Ws| {
        let again = bob.call("order.place", &take);
        assert_eq!(&again["result"], result, "the same answer: {again}");
        assert_eq!(again["repeated"], true, "{again}");
        (ask(alice, "maker"), ask(bob, "taker"))
    };
    let before = told(&mut alice, &mut bob);
    assert_eq!((before.0["status"].as_str(), before.1["status"].as_str()), (Some("FILLED"), Some("FILLED")));
    venue.kill();
    venue.start_again();
    let (mut alice, mut bob) = (Ws::logged_on(&venue, "alice"), Ws::logged_on(&venue, "bob"));
    assert_eq!(told(&mut alice, &mut bob), before);
    let other = bob.call("order.place", &with(take.clone(), "quantity", "0.02"));
    assert_eq!(refusal(&other).0, "DuplicateClOrdId");
    assert!(other["error"]["msg"].to_string().contains(&result["orderId"].to_string()), "{other}");
}

#[test]
fn a_shard_that_remembers_as_much_as_it_may_takes_cancels_alone() {
    let mut venue = Setup::new().adjust(|config| config.once_ids_max = 100).start();
    let (mut ws, mut fix) = (Ws::logged_on(&venue, "alice"), Fix::logged_on(&venue, "bob"));
    let names: Vec<String> = (0..94).map(|n| format!("o{n}")).collect();
    for name in &names {
        assert_eq!(ws.call("order.place", &resting(name))["status"], 200, "{name}");
    }
    let full = ws.call("order.place", &resting("one-more"));
    assert_eq!((full["status"].as_i64(), refusal(&full)), (Some(503), ("OnceFull".to_owned(), -1008)));
    let refused = fix.enter(buy("one-more"));
    assert_eq!((refused.get(39), refused.get(103)), ("8", "99"), "{refused:?}");
    assert_eq!(ws.call("order.place", &resting("o0"))["repeated"], true, "a repetition takes no room");
    for name in &names[..6] {
        let cancel = [("symbol", "BTC-USD"), ("origClientOrderId", name.as_str())];
        assert_eq!(ws.call("order.cancel", &cancel)["status"], 200, "{name}");
    }
    let cancel = ws.call("order.cancel", &[("symbol", "BTC-USD"), ("origClientOrderId", "o7")]);
    assert_eq!(refusal(&cancel).0, "OnceFull");
    // What the venue does itself needs no memory: the end of the session still cancels, and a restart forgets nothing.
    venue.kill();
    venue.adjust(|config| config.once_ids_max = 1_000);
    venue.start_again();
    let mut ws = Ws::logged_on(&venue, "alice");
    assert_eq!(ws.call("order.place", &resting("o0"))["repeated"], true);
    assert_eq!(ws.call("order.place", &resting("one-more"))["status"], 200);
}
