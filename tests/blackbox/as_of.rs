//! Questions about the state of an account: each answer says as of which number of the private stream it is true, and
//! the stream up to that number comes to the same.

use crate::support::fix::{Fields, buy, fix_time};
use crate::support::websocket::{refusal, resting, with};
use crate::support::{Fix, Setup, Venue, Ws, now};
use sealgate::types::{FixVersion, Span};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Where there are two shards, these two instruments have one each.
const SYMBOLS: [&str; 2] = ["BTC-USD", "BTC-PERP"];

fn two_by_two() -> Venue {
    let numbered = |rules: &mut sealgate::config::FixRules| rules.appl_seq_num = true;
    Setup::new().topology("2x2/4").order_rate(100_000, Span::from_secs(1)).fix_rules(numbered).start()
}

/// How an order stands: OrdStatus, what has traded.
type Standing = (String, String);

/// What the streams of an account have told.
#[derive(Default)]
struct Story(BTreeMap<String, Vec<Value>>);

impl Story {
    /// Listens until every stream has come to its end.
    fn hear(&mut self, ws: &mut Ws, ends: &BTreeMap<String, u64>) {
        while ends.iter().any(|(stream, end)| self.0.get(stream).map_or(0, Vec::len) < *end as usize) {
            let event = ws.message()["event"].take();
            if event["e"] == "executionReport" {
                let told = self.0.entry(event["applId"].as_str().unwrap().to_owned()).or_default();
                told.push(event.clone());
                assert_eq!(event["applSeqNum"], told.len(), "{event}");
            }
        }
    }

    fn upto(&self, stream: &str, number: u64) -> &[Value] {
        self.0.get(stream).map_or(&[], |told| &told[..number as usize])
    }

    /// How each order stood behind a number.
    fn orders(&self, stream: &str, number: u64) -> BTreeMap<u64, Standing> {
        let last = |event: &Value| (event["i"].as_u64().unwrap(), (text(&event["X"]), text(&event["z"])));
        self.upto(stream, number).iter().map(last).collect()
    }

    fn open(&self, as_of: &[(String, u64)]) -> BTreeMap<u64, Standing> {
        let all = as_of.iter().flat_map(|(stream, number)| self.orders(stream, *number));
        all.filter(|(_, (status, _))| is_open(status)).collect()
    }

    /// Bought in a symbol, in its smallest unit.
    fn bought(&self, stream: &str, number: u64, symbol: &str) -> i64 {
        let trades =
            self.upto(stream, number).iter().filter(|event| event["x"] == "TRADE" && event["s"] == symbol);
        trades.map(|trade| units(&trade["l"])).sum()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn units(value: &Value) -> i64 {
    value.as_str().unwrap().replace('.', "").parse().unwrap()
}

fn is_open(status: &str) -> bool {
    matches!(status, "NEW" | "PARTIALLY_FILLED")
}

fn as_of(answer: &Value) -> Vec<(String, u64)> {
    let streams = answer["asOf"].as_array().unwrap_or_else(|| panic!("of no number: {answer}"));
    streams.iter().map(|at| (text(&at["applId"]), at["applSeqNum"].as_u64().unwrap())).collect()
}

/// The word that WebSocket has for an OrdStatus(39).
fn word(fix: &str) -> &'static str {
    match fix {
        "0" => "NEW",
        "1" => "PARTIALLY_FILLED",
        "2" => "FILLED",
        "4" => "CANCELED",
        other => panic!("39={other}"),
    }
}

/// Enters orders over WebSocket, and cancels every third.
fn enter(ws: &mut Ws, name: &str, count: usize) {
    for n in 0..count {
        let (order, symbol) = (format!("{name}-{n}"), SYMBOLS[n % 2]);
        let placed = ws.place(&with(resting(&order), "symbol", symbol));
        assert_eq!(placed["status"], 200, "{placed}");
        if n % 3 == 0 {
            let which = [("symbol", symbol), ("origClientOrderId", order.as_str())];
            // It may have traded meanwhile.
            ws.call("order.cancel", &which);
        }
    }
}

/// Takes a part of what rests.
fn take(ws: &mut Ws, count: usize) {
    for n in 0..count {
        let name = format!("take-{n}");
        let sell =
            with(with(with(resting(&name), "side", "SELL"), "symbol", SYMBOLS[n % 2]), "quantity", "0.004");
        let taken = ws.place(&with(sell, "timeInForce", "IOC"));
        assert_eq!(taken["status"], 200, "{taken}");
    }
}

/// Asks over WebSocket again and again.
fn ask(ws: &mut Ws, rounds: usize) -> Vec<(&'static str, String, Value)> {
    let mut answers = Vec::new();
    for n in 0..rounds {
        let (name, symbol) = (format!("ws-{n}"), SYMBOLS[n % 2]);
        let which = [("symbol", symbol), ("origClientOrderId", name.as_str())];
        answers.push(("order.status", name.clone(), ws.call("order.status", &which)));
        answers.push(("openOrders.status", String::new(), ws.call("openOrders.status", &[])));
        answers.push(("account.status", String::new(), ws.call("account.status", &[])));
    }
    answers
}

/// Enters orders over FIX and asks for them, one and all; gives the answers. Before those to a question about all
/// stands a report of the numbers of the streams.
fn enter_and_ask(fix: &mut Fix, rounds: usize) -> Vec<Fields> {
    let mut answers = Vec::new();
    for n in 0..rounds {
        fix.order("D", buy(&format!("fix-{n}")).replace("BTC-USD", SYMBOLS[n % 2]));
        fix.order("H", format!("11=fix-{n}|54=1|55={}|790=h-{n}|", SYMBOLS[n % 2]));
        fix.order("AF", format!("584=af-{n}|585=7|"));
        loop {
            let report = fix.read();
            assert!(["8", "BY"].contains(&report.get(35)), "{report:?}");
            let last = report.get(584) == format!("af-{n}") && report.get(912) == "Y";
            if report.get(150) == "I" || report.get(35) == "BY" {
                answers.push(report);
            }
            if last {
                break;
            }
        }
    }
    answers
}

fn check(story: &Story, (method, name, answer): &(&'static str, String, Value)) {
    let at = as_of(answer);
    match *method {
        "order.status" => {
            let [(stream, number)] = &at[..] else { panic!("one shard: {answer}") };
            if answer["status"] != 200 {
                assert_eq!(refusal(answer).0, "OrderUnknown");
                let told = story.upto(stream, *number);
                assert!(told.iter().all(|event| event["c"] != *name), "{answer}");
                return;
            }
            let order = &answer["result"];
            let told = story.orders(stream, *number);
            let standing = (text(&order["status"]), text(&order["executedQty"]));
            assert_eq!(told.get(&order["orderId"].as_u64().unwrap()), Some(&standing), "{answer}");
        }
        "openOrders.status" => {
            let standing = |order: &Value| (text(&order["status"]), text(&order["executedQty"]));
            let open = answer["result"].as_array().unwrap().iter();
            let open: BTreeMap<_, _> =
                open.map(|order| (order["orderId"].as_u64().unwrap(), standing(order))).collect();
            assert_eq!((at.len(), open), (2, story.open(&at)), "{at:?}");
        }
        _ => {
            let (result, open) = (&answer["result"], story.open(&at).len());
            assert_eq!(result["openOrders"], open, "{answer}");
            for position in result["positions"].as_array().unwrap() {
                let symbol = position["symbol"].as_str().unwrap();
                let bought = at.iter().map(|(stream, number)| story.bought(stream, *number, symbol));
                assert_eq!(units(&position["positionAmt"]), bought.sum::<i64>(), "{answer}");
            }
        }
    }
}

fn check_report(story: &Story, report: &Fields) {
    let (stream, number) = (report.get(1180), report.get(1350).parse().unwrap());
    assert_eq!(report.get(1181), "", "a question is no execution: {report:?}");
    let told = story.orders(stream, number);
    let standing = (word(report.get(39)).to_owned(), report.get(14).to_owned());
    assert_eq!(told.get(&report.get(37).parse().unwrap()), Some(&standing), "{report:?}");
}

/// The orders that are told to a question about all are those that were open behind the numbers before them.
fn check_open(story: &Story, of_all: &Fields, reports: &[Fields]) {
    let of = |tag: u32| of_all.0.iter().filter(move |(known, _)| *known == tag).map(|(_, value)| value);
    let streams: Vec<(String, u64)> =
        of(1355).cloned().zip(of(1357).map(|number| number.parse().unwrap())).collect();
    let told = reports.iter().filter(|report| report.get(584) == of_all.get(1356));
    let told: BTreeSet<u64> = told.map(|report| report.get(37).parse().unwrap()).collect();
    assert_eq!((streams.len(), told), (2, story.open(&streams).into_keys().collect()));
}

#[test]
fn every_answer_is_the_fold_of_the_stream_up_to_its_number_over_both_protocols() {
    let venue = two_by_two();
    let mut witness = Ws::logged_on(&venue, "alice");
    witness.subscribe();
    // More than a gateway tells in one turn.
    enter(&mut Ws::logged_on(&venue, "alice"), "before", 420);
    let (mut trader, mut asker) = (Ws::logged_on(&venue, "alice"), Ws::logged_on(&venue, "alice"));
    let (mut taker, mut fix) = (Ws::logged_on(&venue, "bob"), Fix::logged_on(&venue, "alice"));
    let (answers, reports) = std::thread::scope(|scope| {
        scope.spawn(|| enter(&mut trader, "ws", 120));
        scope.spawn(|| take(&mut taker, 120));
        let reports = scope.spawn(|| enter_and_ask(&mut fix, 6));
        (ask(&mut asker, 40), reports.join().unwrap())
    });
    let ends = as_of(&asker.call("account.status", &[])).into_iter().collect();
    let mut story = Story::default();
    story.hear(&mut witness, &ends);
    answers.iter().for_each(|answer| check(&story, answer));
    reports.iter().filter(|report| report.get(35) == "8").for_each(|report| check_report(&story, report));
    for of_all in reports.iter().filter(|report| report.get(35) == "BY") {
        check_open(&story, of_all, &reports);
    }
    let numbers: BTreeSet<_> = answers.iter().map(|(_, _, answer)| as_of(answer)).collect();
    assert!(numbers.len() > 20, "they were asked while something happened: {}", numbers.len());
    assert!(reports.len() > 6 * 250);
}

#[test]
fn a_repeated_order_is_never_told_older_than_what_was_reported_of_it() {
    let venue = two_by_two();
    let (mut alice, mut bob) = (Fix::logged_on(&venue, "alice"), Ws::logged_on(&venue, "bob"));
    let order = buy("big").replace("38=0.01|", "38=1.00|");
    alice.order("D", &order);
    assert_eq!(alice.read().get(39), "0");
    let traded = std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..150 {
                let name = format!("take-{n}");
                let sell = with(with(resting(&name), "side", "SELL"), "quantity", "0.001");
                assert_eq!(bob.place(&sell)["status"], 200);
            }
        });
        let (mut told, mut repeated) = (0, 0);
        while told < 150 {
            if repeated < 150 {
                alice.order("D", format!("97=Y|{order}"));
                repeated += 1;
            }
            let report = alice.read();
            let traded: u64 =
                report.get(14).replace('.', "").trim_start_matches('0').parse().unwrap_or(0) / 100;
            assert!(traded >= told, "{told}: {report:?}");
            if report.get(150) == "I" {
                assert_eq!(traded, told, "as old as what was told before it: {report:?}");
                assert!(report.get(1350).parse::<u64>().unwrap() > told);
            }
            told = traded;
        }
        told
    });
    assert_eq!(traded, 150);
}

#[test]
fn a_session_that_hears_of_no_numbers_is_told_none() {
    let venue = Venue::start();
    let mut fix = Fix::logged_on(&venue, "alice");
    fix.enter(buy("one"));
    fix.order("H", "11=one|54=1|55=BTC-USD|790=h|");
    let report = fix.read();
    assert_eq!((report.get(790), report.get(1180), report.get(1350)), ("h", "", ""));
    let version = FixVersion::Fix50Sp2;
    let venue =
        Setup::new().fix_rules(move |rules| (rules.version, rules.appl_seq_num) = (version, true)).start();
    let mut fix = Fix::connect(&venue, "alice");
    fix.begin_string = version.begin_string();
    fix.logon("141=Y|1137=9|");
    assert_eq!(fix.read().get(35), "A");
    let gone = format!("11=gone|38=0.01|40=2|44=99000.00|54=1|55=BTC-USD|59=3|60={}|", fix_time(now()));
    fix.enter(gone);
    fix.read();
    fix.order("H", "11=gone|54=1|55=BTC-USD|790=h|");
    let report = fix.read();
    assert_eq!((report.get(790), report.get(1180), report.get(1350)), ("h", "ALICE/0", "2"), "{report:?}");
    fix.order("AF", "584=af|585=1|55=BTC-USD|");
    let report = fix.read();
    assert_eq!((report.get(911), report.get(1180), report.get(1350)), ("0", "ALICE/0", "2"), "{report:?}");
}
