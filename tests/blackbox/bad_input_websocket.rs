//! What must not be taken over WebSocket: each case has its own refusal, and leaves all others alone.

use crate::support::websocket::{refusal, resting, with};
use crate::support::{Setup, Venue, Ws, now_millis};
use sealgate::types::Span;
use tungstenite::Message;

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
        let answer = alice.place(&params);
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
        (r#"{"id":1,"method":"depth","params":{"symbol":"BTC-USD","limit":-1}}"#, "FieldFormat"),
        (
            r#"{"id":1,"method":"depth","params":{"symbol":"BTC-USD","limit":18446744073709551616}}"#,
            "FieldValue",
        ),
        (r#"{"id":1,"method":"depth","params":{"symbol":"BTC-USD","depth":5}}"#, "FieldNotForMessage"),
        (r#"{"id":1,"method":"depth","params":{"symbol":"\ud800"}}"#, "JsonMalformed"),
        (r#"{"id":18446744073709551616,"method":"ping"}"#, "RequestIdInvalid"),
    ];
    for (text, name) in cases {
        let answer = alice.raw(text);
        assert_eq!(refusal(&answer).0, name, "{text}: {answer}");
    }
    let deep = alice.raw(&"[".repeat(4_000));
    assert_eq!(refusal(&deep).0, "JsonMalformed", "{deep}");
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
    // By hand, masked with zeros where there is a mask.
    let longest = [&[0x81, 0xff, 0x7f][..], &[0xff; 7], &[0; 4]].concat();
    let half = [&[0x01, 0xfe, 0x0f, 0x00, 0, 0, 0, 0][..], &[b'x'; 0x0f00]].concat();
    let in_fragments = [&half[..], &[0x00], &half[1..]].concat();
    let cases: [(&str, &[u8], u16); 7] = [
        ("text that is no UTF-8", &[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007),
        ("no mask", &[0x81, 0x02, b'{', b'}'], 1002),
        ("a reserved opcode", &[0x83, 0x80, 0, 0, 0, 0], 1002),
        ("a reserved bit", &[0xc1, 0x80, 0, 0, 0, 0], 1002),
        ("a continuation of nothing", &[0x80, 0x80, 0, 0, 0, 0], 1002),
        ("the longest length there is", &longest, 1009),
        ("too long in fragments", &in_fragments, 1009),
    ];
    for (what, bytes, code) in cases {
        let mut ws = Ws::connect(&venue, "alice");
        ws.send_bytes(bytes);
        assert_eq!(ws.close_code(), code, "{what}");
    }
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
    let unsigned = [("symbol", "BTC-USD"), ("origClientOrderId", "a"), ("timestamp", timestamp.as_str())];
    let unsigned = alice.plain("order.cancel", &unsigned, None);
    assert_eq!(refusal(&alice.raw(&unsigned)), ("SignatureMissing".to_owned(), -1022));
}

#[test]
fn the_key_of_another_member_is_useless_even_with_its_secret() {
    let venue = Venue::start();
    let mut thief = Ws::connect_as(&venue, "bob", "alice");
    let (name, code) = refusal(&thief.call("session.logon", &[]));
    assert!(name == "LogonRefused" || name == "KeyUnknown", "{name}");
    assert_eq!(code, -2015);
    let stolen = thief.place(&resting("stolen"));
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
    for (timestamp, name) in
        [("-1", "FieldFormat"), ("1e400", "FieldFormat"), ("18446744073709551616", "FieldValue")]
    {
        let request = alice.request_at("order.place", &resting("no-time"), 17);
        let answer = alice.raw(&request.replace("\"timestamp\":17", &format!("\"timestamp\":{timestamp}")));
        assert_eq!(refusal(&answer).0, name, "{answer}");
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

    let other = alice.place(&with(resting("once"), "quantity", "0.02"));
    assert_eq!(refusal(&other).0, "DuplicateClOrdId");
    let open = alice.call("openOrders.status", &[]);
    assert_eq!(open["result"].as_array().unwrap().len(), 2, "{open}");
}

#[test]
fn a_throttled_account_is_told_when_to_come_back_and_can_still_cancel() {
    let venue = Setup::new().order_rate(2, Span::from_secs(60)).start();
    let (mut alice, mut other) = (Ws::logged_on(&venue, "alice"), Ws::logged_on(&venue, "alice"));
    assert_eq!(alice.place(&resting("one"))["status"], 200);
    assert_eq!(other.place(&resting("two"))["status"], 200);
    let third = alice.place(&resting("three"));
    assert_eq!(refusal(&third), ("OrderRate".to_owned(), -1015), "one limit for all connections");
    assert_eq!(third["status"], 429);
    assert!(third["error"]["msg"].as_str().unwrap().contains("retry after"), "{third}");
    let canceled = alice.call("order.cancel", &[("symbol", "BTC-USD"), ("origClientOrderId", "one")]);
    assert_eq!(canceled["result"]["status"], "CANCELED", "{canceled}");
}

#[test]
fn a_connection_that_floods_is_refused_and_then_closed() {
    let venue = Setup::new().caps(|caps| caps.messages_per_second = 10).start();
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
    let id = alice.place(&resting("mine"))["result"]["orderId"].to_string();
    let foreign = [("symbol", "BTC-USD"), ("orderId", id.as_str())];
    assert_eq!(refusal(&bob.call("order.cancel", &foreign)).0, "OrderUnknown");
    assert_eq!(refusal(&bob.call("order.status", &foreign)).0, "OrderUnknown");
    assert_eq!(alice.call("order.status", &foreign)["result"]["status"], "NEW");
}
