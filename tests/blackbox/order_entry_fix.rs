//! Orders over FIX: the good, and everything that is refused, by name.

use crate::peer::{Fields, Fix, Ws, fix_time, framed, now_millis, read_to_close, resting};
use crate::venue::Venue;

const BUY: &str = "11=ID|18=6|38=0.01|40=2|44=99000.00|54=1|55=BTC-USD|60=20260101-00:00:00|";

/// The fields of an order with this ClOrdID.
fn buy(id: &str) -> String {
    let fields = BUY.replace("18=6|", "").replace("11=ID", &format!("11={id}"));
    fields.replace("60=20260101-00:00:00", &format!("60={}", fix_time(now_millis())))
}

/// Sends an order and gives the answer.
fn enter(fix: &mut Fix, fields: &str) -> Fields {
    fix.order("D", fields);
    fix.read()
}

/// How a message was refused: its MsgType, its reason and the name in its text.
#[track_caller]
fn refused(answer: &Fields) -> (String, String, String) {
    let reason = match answer.get(35) {
        "3" => answer.get(373),
        "8" => answer.get(103),
        "9" => answer.get(102),
        "j" => answer.get(380),
        _ => panic!("not refused: {answer:?}"),
    };
    let name = answer.get(58).split([' ', ':']).next().unwrap_or_default();
    (answer.get(35).to_owned(), reason.to_owned(), name.to_owned())
}

#[track_caller]
fn assert_refused(answer: &Fields, msg_type: &str, reason: &str, name: &str) {
    let expected = (msg_type.to_owned(), reason.to_owned(), name.to_owned());
    assert_eq!(refused(answer), expected, "{answer:?}");
}

#[test]
fn an_order_rests_trades_and_is_canceled() {
    let venue = Venue::start();
    let (mut alice, mut bob) = (Fix::logged_on(&venue, "alice"), Fix::logged_on(&venue, "bob"));
    let rested = enter(&mut alice, &buy("maker"));
    assert_eq!((rested.get(35), rested.get(150), rested.get(39), rested.get(11)), ("8", "0", "0", "maker"));
    let sell = buy("taker").replace("54=1|", "54=2|").replace("38=0.01|", "38=0.004|");
    assert_eq!(enter(&mut bob, &sell).get(150), "0");
    let (taken, made) = (bob.read(), alice.read());
    assert_eq!((taken.get(150), taken.get(39), taken.get(31)), ("F", "2", "99000.00"));
    assert_eq!((made.get(150), made.get(39), made.get(151)), ("F", "1", "0.00600"));
    let cancel = format!("11=cancel|41=maker|54=1|55=BTC-USD|60={}|", fix_time(now_millis()));
    alice.order("F", &cancel);
    let canceled = alice.read();
    assert_eq!((canceled.get(150), canceled.get(39), canceled.get(11)), ("4", "4", "cancel"));
    assert_eq!(canceled.get(41), "maker");
}

#[test]
fn one_order_is_seen_over_both_protocols() {
    let venue = Venue::start();
    let (mut fix, mut ws) = (Fix::logged_on(&venue, "alice"), Ws::logged_on(&venue, "alice"));
    ws.subscribe();
    let entered = enter(&mut fix, &buy("both"));
    assert_eq!(ws.message()["event"]["c"], "both");
    let canceled = ws.call("order.cancel", &[("symbol", "BTC-USD"), ("origClientOrderId", "both")]);
    assert_eq!(canceled["result"]["orderId"].to_string(), entered.get(37));
    assert_eq!(fix.read().get(150), "4", "the session that entered it hears that it was canceled");
    assert_eq!(ws.call("order.place", &resting("over-ws"))["status"], 200);
}

#[test]
fn each_wrong_order_gets_its_own_refusal_and_the_session_goes_on() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let cases = [
        ("44=99000.00|", "44=99000.001|", "8", "99", "PriceMalformed"),
        ("44=99000.00|", "44=-5|", "8", "99", "PriceMalformed"),
        ("44=99000.00|", "44=200000|", "8", "99", "PriceOutsideBand"),
        ("38=0.01|", "38=-1|", "8", "13", "QtyMalformed"),
        ("38=0.01|", "38=101|", "8", "3", "QtyTooLarge"),
        ("38=0.01|", "38=99999999999999999999|", "8", "13", "QtyMalformed"),
        ("55=BTC-USD|", "55=DOGE-USD|", "8", "1", "SymbolUnknown"),
        ("11=ID", "1=BOB|11=ID", "8", "15", "AccountUnknown"),
        ("40=2|", "40=2|59=6|", "8", "11", "TimeInForceUnsupported"),
    ];
    for (number, (from, to, msg_type, reason, name)) in cases.into_iter().enumerate() {
        let fields = buy(&format!("wrong-{number}")).replace("11=wrong", "11=ID-wrong");
        let to = to.replace("11=ID", &format!("11=ID-wrong-{number}"));
        let from = from.replace("11=ID", &format!("11=ID-wrong-{number}"));
        let answer = enter(&mut alice, &fields.replace(&from, &to));
        assert_refused(&answer, msg_type, reason, name);
    }
    let without_symbol = buy("no-symbol").replace("55=BTC-USD|", "");
    assert_eq!(refused(&enter(&mut alice, &without_symbol)).1, "1", "373=1: a required field is missing");
    assert_eq!(enter(&mut alice, &buy("good")).get(150), "0");
}

#[test]
fn an_order_must_be_signed_by_the_key_of_the_logon_over_these_bytes() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let unsigned = alice.message("D", &buy("unsigned"), false);
    alice.send(&unsigned);
    assert_refused(&alice.read(), "3", "8", "SignatureMissing");

    let signed = String::from_utf8(alice.message("D", &buy("changed"), true)).unwrap();
    let start = signed.find("35=").unwrap();
    let end = signed.rfind("10=").unwrap();
    let changed = signed[start..end].replace("44=99000.00", "44=99500.00");
    alice.send(&framed(&changed));
    let answer = alice.read();
    assert_refused(&answer, "3", "8", "SignatureInvalid");
    assert!(answer.get(58).contains("sha256 "), "{answer:?}");

    alice.key = venue.key("bob");
    assert_refused(&enter(&mut alice, &buy("foreign-key")), "3", "8", "SignatureInvalid");
}

#[test]
fn a_logon_with_anything_of_another_member_closes_without_a_word() {
    let venue = Venue::start();
    let mut bystander = Fix::logged_on(&venue, "alice");
    let mut comp_id = Fix::connect(&venue, "bob");
    comp_id.sender = "ALICE".to_owned();
    comp_id.logon("");
    let mut key = Fix::connect(&venue, "bob");
    key.key = venue.key("alice");
    key.logon("");
    let mut forged = Fix::connect(&venue, "bob");
    let mut message = forged.message("A", "98=0|108=30|553=bob|95=4|96=AAAA|", false);
    forged.send(&message);
    let mut order_first = Fix::connect(&venue, "bob");
    message = order_first.message("D", &buy("first"), true);
    order_first.send(&message);
    for mut fix in [comp_id, key, forged, order_first] {
        assert_eq!(read_to_close(&mut fix.stream), b"");
    }
    let mut second = Fix::connect(&venue, "alice");
    second.logon("");
    assert_eq!(read_to_close(&mut second.stream), b"", "a second logon of a live session");
    assert_eq!(enter(&mut bystander, &buy("alive")).get(150), "0");
}

#[test]
fn a_replayed_order_runs_once_whatever_its_number_and_connection() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let first = enter(&mut alice, &buy("once"));
    let again = enter(&mut alice, &buy("once"));
    assert_eq!((again.get(150), again.get(37)), ("I", first.get(37)), "the order's state, not another order");
    let other = enter(&mut alice, &buy("once").replace("38=0.01", "38=0.02"));
    assert_refused(&other, "8", "6", "DuplicateClOrdId");
    let mut ws = Ws::logged_on(&venue, "alice");
    let open = ws.call("openOrders.status", &[]);
    assert_eq!(open["result"].as_array().unwrap().len(), 1);
}

#[test]
fn old_messages_are_refused_and_the_session_goes_on() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let old = alice.message_at("D", &buy("old"), &fix_time(now_millis() - 6_000), true);
    alice.send(&old);
    assert_refused(&alice.read(), "8", "4", "TimestampTooOld");
    assert_eq!(enter(&mut alice, &buy("new")).get(150), "0");
}

#[test]
fn garbled_messages_use_up_no_number_and_too_long_ones_end_the_session() {
    let venue = Venue::start();
    let mut bob = Fix::logged_on(&venue, "bob");
    let mut alice = Fix::logged_on(&venue, "alice");
    let mut garbled = alice.message("D", &buy("garbled"), true);
    alice.next -= 1;
    let at = garbled.len() - 2;
    garbled[at] = if garbled[at] == b'0' { b'1' } else { b'0' };
    alice.send(&garbled);
    assert_eq!(enter(&mut alice, &buy("next")).get(150), "0");
    alice.send(b"8=FIX.4.4\x019=99999\x0135=D\x01");
    assert_eq!(alice.read().get(35), "5");
    read_to_close(&mut alice.stream);
    assert_eq!(enter(&mut bob, &buy("alive")).get(150), "0");
}

#[test]
fn what_happened_while_a_session_was_away_is_resent_with_the_same_body() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let rested = enter(&mut alice, &buy("away"));
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
