//! Orders over WebSocket: the good, and everything that is refused, by name.

use crate::peer::{Ws, now_millis, resting, with};
use crate::venue::Venue;
use serde_json::Value;
use std::time::{Duration, Instant};
use tungstenite::Message;

/// The name of the refusal and its code.
#[track_caller]
fn refusal(answer: &Value) -> (String, i64) {
    let error = &answer["error"];
    let name = error["msg"].as_str().unwrap_or_else(|| panic!("not refused: {answer}"));
    let name = name.split([' ', ':']).next().unwrap().to_owned();
    (name, error["code"].as_i64().unwrap())
}

fn place(ws: &mut Ws, params: &[(&str, &str)]) -> Value {
    ws.call("order.place", params)
}

#[test]
fn an_order_rests_trades_and_both_sides_hear_of_it() {
    let mut venue = Venue::start();
    let (mut alice, mut bob) = (Ws::logged_on(&venue, "alice"), Ws::logged_on(&venue, "bob"));
    alice.subscribe();
    let rested = place(&mut alice, &resting("maker"));
    assert_eq!(
        (&rested["result"]["status"], &rested["result"]["executedQty"]),
        (&"NEW".into(), &"0.00000".into())
    );
    let taker = with(with(resting("taker"), "side", "SELL"), "newOrderRespType", "FULL");
    let taken = place(&mut bob, &taker);
    assert_eq!(taken["result"]["status"], "FILLED", "{taken}");
    assert_eq!(taken["result"]["fills"][0]["price"], "99000.00");
    let reports: Vec<Value> = (0..2).map(|_| alice.message()["event"].clone()).collect();
    assert_eq!((&reports[0]["x"], &reports[1]["x"]), (&"NEW".into(), &"TRADE".into()));
    assert_eq!(reports[1]["t"], taken["result"]["fills"][0]["tradeId"], "both sides name the trade alike");
    let ended = venue.stop();
    assert_eq!(ended.figures.rejects().count(), 0);
}

#[test]
fn each_wrong_order_gets_its_own_refusal_and_the_connection_goes_on() {
    let venue = Venue::start();
    let mut alice = Ws::logged_on(&venue, "alice");
    let base = || resting("wrong");
    let cases = [
        (with(base(), "price", "99000.001"), "PriceMalformed"),
        (with(base(), "price", "-99000"), "PriceMalformed"),
        (with(base(), "price", "0"), "PriceMalformed"),
        (with(base(), "price", "99999999999999999999999"), "PriceMalformed"),
        (with(base(), "quantity", "-0.01"), "QtyMalformed"),
        (with(base(), "quantity", "0.000001"), "QtyMalformed"),
        (with(base(), "quantity", "18446744073709551616"), "QtyMalformed"),
        (with(base(), "quantity", "101"), "QtyTooLarge"),
        (with(base(), "price", "200000"), "PriceOutsideBand"),
        (with(base(), "symbol", "DOGE-USD"), "SymbolUnknown"),
        (with(with(base(), "symbol", "BTC-PERP"), "price", "99000.3"), "PriceOffTick"),
        (with(base(), "side", "LONG"), "SideInvalid"),
        (with(base(), "type", "STOP"), "OrderTypeUnsupported"),
        (with(base(), "timeInForce", "GTX"), "TimeInForceUnsupported"),
        (with(base(), "account", "BOB"), "AccountUnknown"),
        (with(base(), "icebergQty", "0.001"), "FieldNotForMessage"),
        (with(base(), "newClientOrderId", "a~b"), "ClOrdIdInvalid"),
    ];
    for (number, (params, name)) in cases.into_iter().enumerate() {
        // A refusal of the shard is remembered under its ClOrdID, so each order has its own.
        let id = format!("wrong-{number}");
        let is_wrong_id = name == "ClOrdIdInvalid";
        let params = if is_wrong_id { params } else { with(params, "newClientOrderId", &id) };
        let answer = place(&mut alice, &params);
        assert_eq!(refusal(&answer).0, name, "{params:?}: {answer}");
    }
    let none = alice.call("openOrders.status", &[("symbol", "BTC-USD")]);
    assert_eq!(none["result"], serde_json::json!([]), "a refused order never executes");
}

#[test]
fn each_frame_that_is_no_request_gets_its_own_refusal() {
    let venue = Venue::start();
    let mut alice = Ws::connect(&venue, "alice");
    let cases = [
        ("", "JsonMalformed"),
        ("[]", "JsonMalformed"),
        ("{", "JsonMalformed"),
        (r#"{"id":1,"method":"ping"} trailing"#, "JsonMalformed"),
        (r#"{"id":1,"id":2,"method":"ping"}"#, "FieldRepeated"),
        (r#"{"id":1,"method":"order.status","params":{"symbol":"A","symbol":"B"}}"#, "FieldRepeated"),
        (r#"{"id":1,"method":"ping","extra":true}"#, "FieldNotForMessage"),
        (r#"{"id":1,"method":"order.explode"}"#, "UnsupportedMessage"),
        (r#"{"id":1.5,"method":"ping"}"#, "RequestIdInvalid"),
        (r#"{"id":1,"method":"depth","params":{"symbol":"BTC-USD","limit":1e2}}"#, "FieldFormat"),
        (r#"{"id":1,"method":"depth","params":{"symbol":["BTC-USD"]}}"#, "FieldFormat"),
    ];
    for (text, name) in cases {
        let answer = alice.raw(text);
        assert_eq!(refusal(&answer).0, name, "{text}: {answer}");
    }
    assert!(alice.is_alive());
}

#[test]
fn frames_against_the_protocol_close_their_connection_with_a_code() {
    let venue = Venue::start();
    let mut bystander = Ws::connect(&venue, "bob");
    let cases: [(Message, u16); 2] =
        [(Message::binary(b"binary".to_vec()), 1003), (Message::text("x".repeat(5_000)), 1009)];
    for (message, code) in cases {
        let mut ws = Ws::connect(&venue, "alice");
        ws.socket.send(message).unwrap();
        assert_eq!(ws.close_code(), code);
    }
    let mut ws = Ws::connect(&venue, "alice");
    // A text frame of one byte that is no UTF-8, masked with zeros.
    let frame = [0x81, 0x81, 0, 0, 0, 0, 0xff];
    std::io::Write::write_all(ws.socket.get_mut(), &frame).unwrap();
    std::io::Write::flush(ws.socket.get_mut()).unwrap();
    assert_eq!(ws.close_code(), 1007);
    assert!(bystander.is_alive());
}

#[test]
fn an_order_must_be_signed_by_the_key_of_its_account_over_these_bytes() {
    let venue = Venue::start();
    let mut alice = Ws::logged_on(&venue, "alice");
    let timestamp = now_millis().to_string();
    let mut params = resting("unsigned");
    params.push(("timestamp", &timestamp));
    let unsigned = alice.plain("order.place", &params, None);
    assert_eq!(refusal(&alice.raw(&unsigned)), ("SignatureMissing".to_owned(), -1022));

    let signed = alice.request("order.place", &resting("changed"));
    let changed = signed.replace("99000.00", "99500.00");
    let answer = alice.raw(&changed);
    assert_eq!(refusal(&answer), ("SignatureInvalid".to_owned(), -1022));
    let digest = answer["error"]["msg"].as_str().unwrap();
    assert!(digest.contains("sha256 "), "it tells what was verified: {digest}");

    let of_a_cancel = alice.request("order.cancel", &[("symbol", "BTC-USD"), ("origClientOrderId", "a")]);
    let as_a_question = of_a_cancel.replace("order.cancel", "order.status");
    assert_eq!(refusal(&alice.raw(&as_a_question)).0, "SignatureInvalid", "the method is signed too");
}

#[test]
fn the_key_of_another_member_is_useless_even_with_its_secret() {
    let venue = Venue::start();
    let mut thief = Ws::connect_as(&venue, "bob", "alice");
    let (name, code) = refusal(&thief.call("session.logon", &[]));
    assert!(name == "LogonRefused" || name == "KeyUnknown", "{name}");
    assert_eq!(code, -2015);
    let stolen = place(&mut thief, &resting("stolen"));
    assert_eq!(refusal(&stolen).0, "KeyUnknown");
}

#[test]
fn time_outside_the_window_is_refused_with_both_clocks() {
    let venue = Venue::start();
    let mut alice = Ws::logged_on(&venue, "alice");
    for (timestamp, name) in
        [(now_millis() - 6_000, "TimestampTooOld"), (now_millis() + 3_000, "TimestampAhead")]
    {
        let request = alice.request_at("order.place", &resting(name), timestamp);
        let answer = alice.raw(&request);
        assert_eq!(refusal(&answer), (name.to_owned(), -1021), "{answer}");
        assert!(answer["error"]["msg"].as_str().unwrap().contains("server"), "{answer}");
    }
}

#[test]
fn a_captured_request_runs_once_whatever_connection_repeats_it() {
    let venue = Venue::start();
    let (mut alice, mut again) = (Ws::logged_on(&venue, "alice"), Ws::connect(&venue, "alice"));
    let request = alice.request("order.place", &resting("once"));
    let first = alice.raw(&request);
    let second = again.raw(&request);
    assert_eq!(first["result"]["orderId"], second["result"]["orderId"], "{second}");
    assert!(first["repeated"].is_null() && !second.to_string().contains("\"repeated\":false"));

    let unnamed: Vec<_> = resting("").into_iter().filter(|(name, _)| *name != "newClientOrderId").collect();
    let request = alice.request("order.place", &unnamed);
    let (first, second) = (alice.raw(&request), again.raw(&request));
    assert_eq!(first["result"]["orderId"], second["result"]["orderId"], "{second}");

    let other = place(&mut alice, &with(resting("once"), "quantity", "0.02"));
    assert_eq!(refusal(&other).0, "DuplicateClOrdId");
    let open = alice.call("openOrders.status", &[]);
    assert_eq!(open["result"].as_array().unwrap().len(), 2, "{open}");
}

#[test]
fn a_throttled_account_is_told_when_to_come_back_and_can_still_cancel() {
    let venue = Venue::start_with(
        |text| *text = text.replacen(r#"order_rate = "1000/1s""#, r#"order_rate = "2/60s""#, 1),
        |_| {},
    );
    let (mut alice, mut other) = (Ws::logged_on(&venue, "alice"), Ws::logged_on(&venue, "alice"));
    assert_eq!(place(&mut alice, &resting("one"))["status"], 200);
    assert_eq!(place(&mut other, &resting("two"))["status"], 200);
    let third = place(&mut alice, &resting("three"));
    assert_eq!(refusal(&third), ("OrderRate".to_owned(), -1015), "one limit for all connections");
    assert_eq!(third["status"], 429);
    assert!(third["error"]["msg"].as_str().unwrap().contains("retry after"), "{third}");
    let canceled = alice.call("order.cancel", &[("symbol", "BTC-USD"), ("origClientOrderId", "one")]);
    assert_eq!(canceled["result"]["status"], "CANCELED", "{canceled}");
}

#[test]
fn a_connection_that_floods_is_refused_and_then_closed() {
    let venue = Venue::start_with(|_| {}, |config| config.caps.messages_per_second = 10);
    let (mut alice, mut bob) = (Ws::connect(&venue, "alice"), Ws::connect(&venue, "bob"));
    for _ in 0..30 {
        if alice.socket.send(Message::text(r#"{"id":1,"method":"ping"}"#)).is_err() {
            break;
        }
    }
    assert_eq!(alice.close_code(), 1008);
    assert!(bob.is_alive());
}

#[test]
fn nobody_sees_or_cancels_the_orders_of_another_member() {
    let venue = Venue::start();
    let (mut alice, mut bob) = (Ws::logged_on(&venue, "alice"), Ws::logged_on(&venue, "bob"));
    let id = place(&mut alice, &resting("mine"))["result"]["orderId"].to_string();
    let foreign = [("symbol", "BTC-USD"), ("orderId", id.as_str())];
    assert_eq!(refusal(&bob.call("order.cancel", &foreign)).0, "OrderUnknown");
    assert_eq!(refusal(&bob.call("order.status", &foreign)).0, "OrderUnknown");
    assert_eq!(alice.call("order.status", &foreign)["result"]["status"], "NEW");
}

#[test]
fn the_market_is_told_without_logon() {
    let venue = Venue::start();
    let (mut alice, mut bob) = (Ws::logged_on(&venue, "alice"), Ws::connect(&venue, "bob"));
    place(&mut alice, &resting("bid"));
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
    place(&mut alice, &resting("kept"));
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
