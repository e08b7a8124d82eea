//! When a request passed each stage, as its answer tells it: only who asks hears it, and a copy tells no old times.

use crate::support::fix::{Fields, buy, cancel};
use crate::support::venue::Setup;
use crate::support::websocket::{resting, with};
use crate::support::{Fix, Venue, Ws, now};
use sealgate::types::Span;
use serde_json::{Value, json};

const MARKS: [&str; 7] = ["received", "verified", "limited", "sequenced", "matched", "durable", "sent"];
/// TimeReceived(25010) to TimeSent(25016).
const TAGS: std::ops::RangeInclusive<u32> = 25_010..=25_016;

/// The marks of an answer, which must rise and lie between `after` and now.
#[track_caller]
fn rising(names: &[&str], times: &[u64], after: u64) {
    assert!(times.windows(2).all(|pair| pair[0] <= pair[1]), "{names:?} {times:?}");
    // The server's thread and this one have clocks of their own.
    let slack = 1_000_000;
    let last = now().0 + slack;
    assert!(after <= times[0] + slack && times.last().is_some_and(|sent| *sent <= last), "{times:?}");
}

/// The names of the marks of an answer.
#[track_caller]
fn marks(answer: &Value, after: u64) -> Vec<String> {
    let told = answer["timing"].as_object().unwrap_or_else(|| panic!("no timing: {answer}"));
    let names: Vec<&str> = MARKS.into_iter().filter(|name| told.contains_key(*name)).collect();
    assert_eq!(told.len(), names.len(), "{answer}");
    let times: Vec<u64> = names.iter().map(|name| told[*name].as_str().unwrap().parse().unwrap()).collect();
    rising(&names, &times, after);
    names.into_iter().map(str::to_owned).collect()
}

/// A request with `timing` beside its other parameters, signed.
fn timed(ws: &mut Ws, method: &str, params: &[(&str, &str)], timing: bool) -> Value {
    let text = ws.request(method, &with(params.to_vec(), "timing", if timing { "true" } else { "false" }));
    let mut request: Value = serde_json::from_str(&text).unwrap();
    request["params"]["timing"] = json!(timing);
    ws.raw(&request.to_string())
}

#[test]
fn an_answer_over_websocket_tells_its_times_to_who_asks() {
    let venue = Venue::start();
    let mut ws = Ws::logged_on(&venue, "alice");
    let before = now().0;
    let answer = timed(&mut ws, "order.place", &resting("timed"), true);
    assert_eq!(
        (answer["status"].as_u64(), marks(&answer, before)),
        (Some(200), MARKS.map(str::to_owned).into())
    );
    for (method, params) in [
        ("order.cancel", vec![("symbol", "BTC-USD"), ("origClientOrderId", "timed")]),
        ("order.status", vec![("symbol", "BTC-USD"), ("origClientOrderId", "timed")]),
        ("openOrders.status", vec![]),
    ] {
        let answer = timed(&mut ws, method, &params, true);
        assert_eq!((answer["status"].as_u64(), marks(&answer, before).len()), (Some(200), 7), "{answer}");
    }
    assert_eq!(ws.place(&resting("untimed")).get("timing"), None);
    assert_eq!(timed(&mut ws, "order.place", &resting("false"), false).get("timing"), None);
    // What the gateway answers itself has been nowhere else.
    let ping = ws.raw(r#"{"id":1,"method":"ping","params":{"timing":true}}"#);
    assert_eq!(marks(&ping, before), ["received", "sent"]);
    let wrong = ws.raw(r#"{"id":1,"method":"ping","params":{"timing":1}}"#);
    assert_eq!((&wrong["error"]["data"]["name"], wrong.get("timing")), (&json!("FieldFormat"), None));
}

#[test]
fn a_refusal_tells_how_far_its_request_came() {
    let venue = Setup::new().order_rate(2, Span::from_secs(600)).start();
    let (mut ws, before) = (Ws::logged_on(&venue, "alice"), now().0);
    let far = timed(&mut ws, "order.place", &with(resting("far"), "price", "1.00"), true);
    assert_eq!(
        (far["error"]["data"]["name"].as_str(), marks(&far, before).len()),
        (Some("PriceOutsideBand"), 7)
    );
    ws.place(&resting("second"));
    let rate = timed(&mut ws, "order.place", &resting("third"), true);
    assert_eq!(rate["error"]["data"]["name"], "OrderRate");
    assert_eq!(marks(&rate, before), ["received", "verified", "sent"]);
    let field = timed(&mut ws, "order.place", &with(resting("fourth"), "quantity", "-1"), true);
    assert_eq!(marks(&field, before), ["received", "sent"], "{field}");
}

#[test]
fn a_logon_that_asks_for_timing_gets_it_until_the_logout() {
    let venue = Venue::start();
    let (mut ws, before) = (Ws::connect(&venue, "alice"), now().0);
    let logon = timed(&mut ws, "session.logon", &[], true);
    assert_eq!((&logon["result"]["timing"], marks(&logon, before).len()), (&json!(true), 2), "{logon}");
    let placed = ws.place(&resting("by-logon"));
    assert_eq!(marks(&placed, before), MARKS);
    // The repetition tells its own times, not those of the first request.
    let between = now().0;
    let again = ws.place(&resting("by-logon"));
    assert_eq!((&again["repeated"], marks(&again, between).len()), (&json!(true), 7), "{again}");
    assert_eq!(timed(&mut ws, "order.place", &resting("not-this"), false).get("timing"), None);
    let out = ws.raw(r#"{"id":1,"method":"session.logout"}"#);
    assert_eq!((&out["result"]["timing"], out.get("timing").is_some()), (&json!(false), true), "{out}");
    assert_eq!(ws.raw(r#"{"id":1,"method":"ping"}"#).get("timing"), None);
}

/// The times of a FIX message, by tag.
fn fix_marks(message: &Fields) -> Vec<(u32, u64)> {
    let told = message.0.iter().filter(|(tag, _)| TAGS.contains(tag));
    told.map(|(tag, time)| (*tag, time.parse().unwrap())).collect()
}

#[track_caller]
fn assert_whole_way(message: &Fields, after: u64) {
    let (tags, times): (Vec<u32>, Vec<u64>) = fix_marks(message).into_iter().unzip();
    assert!(tags.iter().copied().eq(TAGS), "{message:?}");
    rising(&MARKS, &times, after);
}

/// A venue whose session of alice tells times.
fn timed_venue() -> Venue {
    Setup::new().fix_sessions(|session| session.rules.timing = session.sender_comp_id == "ALICE").start()
}

#[test]
fn a_fix_session_with_timing_is_told_the_times_of_its_own_requests_alone() {
    let venue = timed_venue();
    let (mut alice, mut bob) = (Fix::logged_on(&venue, "alice"), Fix::logged_on(&venue, "bob"));
    let before = now().0;
    let rested = alice.enter(buy("maker"));
    assert_whole_way(&rested, before);
    let sell = buy("taker").replace("54=1|", "54=2|").replace("38=0.01|", "38=0.004|");
    assert_eq!(fix_marks(&bob.enter(sell)), [], "a session that was not asked");
    assert_eq!(fix_marks(&bob.read()), []);
    let made = alice.read();
    assert_eq!((made.get(150), fix_marks(&made)), ("F", vec![]), "what another's request brought about");
    alice.order("F", cancel("cancel", "maker"));
    assert_whole_way(&alice.read(), before);
    alice.order("F", cancel("cancel-2", "unknown"));
    let refused = alice.read();
    assert_eq!(refused.get(35), "9");
    assert_whole_way(&refused, before);
    alice.order("H", "11=maker|54=1|55=BTC-USD|");
    assert_whole_way(&alice.read(), before);
    // Refused by the gateway: it came no further than its decoding.
    let unknown = alice.enter(buy("nowhere").replace("55=BTC-USD", "55=NONE"));
    let tags: Vec<u32> = fix_marks(&unknown).iter().map(|(tag, _)| *tag).collect();
    assert_eq!((unknown.get(150), tags), ("8", vec![25_010, 25_016]), "{unknown:?}");
}

#[test]
fn a_message_that_is_sent_again_tells_no_times() {
    let venue = timed_venue();
    let mut alice = Fix::logged_on(&venue, "alice");
    let told = [alice.enter(buy("again")), alice.enter(buy("nowhere").replace("55=BTC-USD", "55=NONE"))];
    assert!(told.iter().all(|message| !fix_marks(message).is_empty()), "{told:?}");
    let request = alice.message("2", "7=2|16=0|", false);
    alice.send(&request);
    let header = [8, 9, 10, 34, 35, 43, 49, 52, 56, 97, 122];
    let body = |fields: &Fields| -> Vec<(u32, String)> {
        let left_out = |tag: &u32| header.contains(tag) || TAGS.contains(tag);
        fields.0.iter().filter(|(tag, _)| !left_out(tag)).cloned().collect()
    };
    for first in &told {
        let again = alice.read();
        assert_eq!((again.get(43), fix_marks(&again)), ("Y", vec![]), "{again:?}");
        assert_eq!(body(&again), body(first));
    }
}
