//! What must not be taken over FIX: each case has its own refusal, and leaves all others alone.

use crate::support::fix::{buy, cancel, fix_time, framed, soh};
use crate::support::{Fix, Setup, Venue, Ws, now, read_to_close};
use sealgate::config::SignaturePolicy;
use sealgate::types::Span;

#[test]
fn each_wrong_order_gets_its_own_refusal_and_the_session_goes_on() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let cases = [
        ("44=99000.00|", "44=99000.001|", "8", "99", "PriceMalformed"),
        ("44=99000.00|", "44=-5|", "8", "99", "PriceMalformed"),
        ("44=99000.00|", "44=0|", "8", "99", "PriceMalformed"),
        ("44=99000.00|", "44=99999999999999999999|", "8", "99", "PriceMalformed"),
        ("44=99000.00|54=1|55=BTC-USD|", "44=99000.3|54=1|55=BTC-PERP|", "8", "99", "PriceOffTick"),
        ("44=99000.00|", "44=200000|", "8", "99", "PriceOutsideBand"),
        ("38=0.01|", "38=-1|", "8", "13", "QtyMalformed"),
        ("38=0.01|", "38=0.000001|", "8", "13", "QtyMalformed"),
        ("38=0.01|", "38=101|", "8", "3", "QtyTooLarge"),
        ("38=0.01|", "38=99999999999999999999|", "8", "13", "QtyMalformed"),
        ("55=BTC-USD|", "55=DOGE-USD|", "8", "1", "SymbolUnknown"),
        ("40=2|", "1=BOB|40=2|", "8", "15", "AccountUnknown"),
        ("40=2|", "40=2|59=0|", "8", "11", "TimeInForceUnsupported"),
        ("40=2|", "40=2|59=6|", "8", "99", "ExpireTimeInvalid"),
        ("40=2|", "40=3|", "8", "11", "OrderTypeUnsupported"),
    ];
    for (number, (from, to, msg_type, reason, name)) in cases.into_iter().enumerate() {
        // A refusal of the shard is remembered under its ClOrdID, so each order has its own.
        let order = buy(&format!("wrong-{number}"));
        assert!(order.contains(from));
        alice.enter(order.replace(from, to)).assert_refused(msg_type, reason, name);
    }
    let mut ws = Ws::logged_on(&venue, "alice");
    let none = ws.call("openOrders.status", &[]);
    assert_eq!(none["result"], serde_json::json!([]), "a refused order never executes");
    assert_eq!(alice.enter(buy("good")).get(150), "0");
}

#[test]
fn each_message_against_the_dictionary_is_rejected_and_the_session_goes_on() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let cases = [
        ("40=2|", "40=2|4999=x|", "0", "4999"),
        ("55=BTC-USD|", "", "1", "55"),
        ("40=2|", "40=2|7=1|", "2", "7"),
        ("40=2|", "40=|", "4", "40"),
        ("54=1|", "54=?|", "5", "54"),
        ("38=0.01|", "38=1e-2|", "6", "38"),
        ("60=2", "60=the year 2", "6", "60"),
        ("40=2|", "40=2|40=2|", "13", "40"),
    ];
    for (from, to, reason, tag) in cases {
        let order = buy("against-the-dictionary");
        assert!(order.contains(from));
        let answer = alice.enter(order.replacen(from, to, 1));
        assert_eq!((answer.get(35), answer.get(373), answer.get(371)), ("3", reason, tag), "{answer:?}");
    }
    assert_eq!(alice.enter(buy("good")).get(150), "0");
}

#[test]
fn text_that_is_not_utf_8_is_no_cl_ord_id() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let mut order = buy("?").into_bytes();
    let at = order.iter().position(|byte| *byte == b'?').unwrap();
    order[at] = 0xff;
    alice.enter(&order).assert_refused("8", "99", "ClOrdIdInvalid");
    assert_eq!(alice.enter(buy("good")).get(150), "0");
}

#[test]
fn an_order_must_be_signed_by_the_key_of_the_logon_over_these_bytes() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let unsigned = alice.message("D", buy("unsigned"), false);
    alice.send(&unsigned);
    alice.read().assert_refused("3", "8", "SignatureMissing");

    let signed = String::from_utf8(alice.message("D", buy("changed"), true)).unwrap();
    let start = signed.find("35=").unwrap();
    let end = signed.rfind("10=").unwrap();
    let changed = signed[start..end].replace("44=99000.00", "44=99500.00");
    alice.send(&framed(changed.as_bytes()));
    let answer = alice.read();
    answer.assert_refused("3", "8", "SignatureInvalid");
    assert!(answer.get(58).contains("sha256 "), "{answer:?}");

    alice.key = venue.key("bob");
    alice.enter(buy("foreign-key")).assert_refused("3", "8", "SignatureInvalid");

    alice.key = venue.key("alice");
    assert_eq!(alice.enter(buy("good")).get(150), "0");
    let unsigned = alice.message("F", cancel("unsigned", "good"), false);
    alice.send(&unsigned);
    alice.read().assert_refused("3", "8", "SignatureMissing");
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
    message = order_first.message("D", buy("first"), true);
    order_first.send(&message);
    for mut fix in [comp_id, key, forged, order_first] {
        assert_eq!(read_to_close(&mut fix.stream), b"");
    }
    let mut second = Fix::connect(&venue, "alice");
    second.logon("");
    assert_eq!(read_to_close(&mut second.stream), b"", "a second logon of a live session");
    assert_eq!(bystander.enter(buy("alive")).get(150), "0");
}

#[test]
fn a_replayed_order_runs_once_whatever_its_number_and_connection() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let first = alice.enter(buy("once"));
    let again = alice.enter(buy("once"));
    assert_eq!((again.get(150), again.get(37)), ("I", first.get(37)), "the order's state, not another order");
    let other = alice.enter(buy("once").replace("38=0.01", "38=0.02"));
    other.assert_refused("8", "6", "DuplicateClOrdId");
    let mut ws = Ws::logged_on(&venue, "alice");
    let open = ws.call("openOrders.status", &[]);
    assert_eq!(open["result"].as_array().unwrap().len(), 1);
}

#[test]
fn captured_bytes_run_once_when_their_session_begins_again() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let captured = alice.message("D", buy("captured"), true);
    alice.send(&captured);
    let first = alice.read();
    assert_eq!(first.get(150), "0");
    alice.log_out();
    let mut alice = Fix::logged_on(&venue, "alice");
    alice.send(&captured);
    let again = alice.read();
    assert_eq!((again.get(150), again.get(37)), ("I", first.get(37)), "{again:?}");
    let open = Ws::logged_on(&venue, "alice").call("openOrders.status", &[]);
    assert_eq!(open["result"].as_array().unwrap().len(), 1, "{open}");
}

#[test]
fn a_message_of_another_session_ends_the_session_that_repeats_it_and_no_other() {
    let venue = Venue::start();
    let (mut alice, mut bob) = (Fix::logged_on(&venue, "alice"), Fix::logged_on(&venue, "bob"));
    let captured = alice.message("D", buy("captured"), true);
    bob.send(&captured);
    let refused = bob.read();
    assert_eq!((refused.get(35), refused.get(373)), ("3", "9"), "{refused:?}");
    assert_eq!(bob.read().get(35), "5");
    alice.send(&captured);
    assert_eq!(alice.read().get(150), "0", "it was not used up");
}

#[test]
fn messages_of_another_time_are_refused_and_the_session_goes_on() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let old = alice.message_at("D", buy("old"), now() - Span::from_secs(6), true);
    alice.send(&old);
    alice.read().assert_refused("8", "4", "TimestampTooOld");
    let ahead = alice.message_at("D", buy("ahead"), now() + Span::from_secs(3), true);
    alice.send(&ahead);
    alice.read().assert_refused("8", "99", "TimestampAhead");
    assert_eq!(alice.enter(buy("new")).get(150), "0");
}

#[test]
fn a_sending_time_of_another_hour_ends_the_session() {
    let venue = Venue::start();
    let (mut alice, mut bob) = (Fix::logged_on(&venue, "alice"), Fix::logged_on(&venue, "bob"));
    let stale = alice.message_at("D", buy("stale"), now() - Span::from_secs(3_600), true);
    alice.send(&stale);
    let refused = alice.read();
    assert_eq!((refused.get(35), refused.get(373)), ("3", "10"), "{refused:?}");
    assert_eq!(alice.read().get(35), "5");
    let mut logon = Fix::connect(&venue, "alice");
    logon.logon_at("141=Y|", now() - Span::from_secs(3_600));
    assert_eq!(read_to_close(&mut logon.stream), b"");
    assert_eq!(bob.enter(buy("alive")).get(150), "0");
}

#[test]
fn garbled_messages_use_up_no_number_and_too_long_ones_end_the_session() {
    let venue = Venue::start();
    let mut bob = Fix::logged_on(&venue, "bob");
    let mut alice = Fix::logged_on(&venue, "alice");
    let mut garbled = alice.message("D", buy("garbled"), true);
    alice.next -= 1;
    let at = garbled.len() - 2;
    garbled[at] = if garbled[at] == b'0' { b'1' } else { b'0' };
    alice.send(&garbled);
    assert_eq!(alice.enter(buy("next")).get(150), "0");
    alice.send(b"8=FIX.4.4\x019=99999\x0135=D\x01");
    assert_eq!(alice.read().get(35), "5");
    read_to_close(&mut alice.stream);
    assert_eq!(bob.enter(buy("alive")).get(150), "0");
}

#[test]
fn garbage_before_the_logon_closes_without_a_word() {
    let venue = Venue::start();
    let mut bystander = Fix::logged_on(&venue, "bob");
    let logon = |fields: &str| {
        let time = fix_time(now());
        framed(&soh(format!("35=A|34={fields}|49=ALICE|52={time}|56=SEALGATE|98=0|").as_bytes()))
    };
    let cases = [
        b"\x00\xff\x13\x37 this is no FIX".to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        soh(b"8=FIX.4.2|9=5|35=A|10=000|"),
        soh(b"8=FIX.4.4|9=99999|35=A|"),
        soh(b"8=FIX.4.4|9=18446744073709551616|35=A|10=000|"),
        soh(b"8=FIX.4.4|9=-5|35=A|10=000|"),
        soh(b"8=FIX.4.4|9=5|35=A|10=000|"),
        logon("1|108=-1"),
        logon("1|108=99999999999"),
        logon("18446744073709551616|108=30"),
        logon("0|108=30"),
        logon("1|108=30|553=\u{fffd}"),
    ];
    for garbage in cases {
        let mut fix = Fix::connect(&venue, "alice");
        fix.send(&garbage);
        assert_eq!(read_to_close(&mut fix.stream), b"", "{:?}", String::from_utf8_lossy(&garbage));
    }
    assert_eq!(bystander.enter(buy("alive")).get(150), "0");
}

#[test]
fn garbage_inside_a_session_uses_up_no_number() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let cases: [&[u8]; 6] = [
        b"\x00\xff\x13\x37 this is no FIX",
        b"8=FIX.4.4|9=-5|35=D|10=000|",
        b"8=FIX.4.4|9=18446744073709551616|35=D|10=000|",
        b"8=FIX.4.4|9=2|35=D|34=2|10=000|",
        b"8=FIX.4.4|9=5|35=D|10=000|",
        b"8=FIX.4.4|9=\xff\xfe|35=D|10=000|",
    ];
    for (number, garbage) in cases.into_iter().enumerate() {
        alice.send(&soh(garbage));
        let good = alice.enter(buy(&format!("good-{number}")));
        assert_eq!(good.get(150), "0", "after {:?}: {good:?}", String::from_utf8_lossy(garbage));
    }
}

#[test]
fn a_number_that_is_none_ends_its_session_and_no_other() {
    let venue = Venue::start();
    let mut bob = Fix::logged_on(&venue, "bob");
    for number in ["-1", "99999999999", "18446744073709551616", "two"] {
        let mut alice = Fix::logged_on(&venue, "alice");
        let time = fix_time(now());
        let heartbeat = format!("35=0|34={number}|49=ALICE|52={time}|56=SEALGATE|");
        alice.send(&framed(&soh(heartbeat.as_bytes())));
        assert_eq!(alice.read().get(35), "5", "{number}");
        alice.log_out();
    }
    assert_eq!(bob.enter(buy("alive")).get(150), "0");
}

#[test]
fn an_account_whose_logon_is_signed_needs_no_signature_on_its_orders() {
    let venue = Setup::new().signature(SignaturePolicy::Session).start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let unsigned = alice.message("D", buy("unsigned"), false);
    alice.send(&unsigned);
    assert_eq!(alice.read().get(150), "0");
    alice.key = venue.key("bob");
    let forged = alice.enter(buy("forged"));
    forged.assert_refused("3", "8", "SignatureInvalid");
}
