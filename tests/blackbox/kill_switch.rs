//! Kill switches from outside: an operator stops an account or an instrument of a running server, at once and until it
//! is released.

use super::snapshots::{files, fill, setup};
use crate::support::control::{done, refused, socket};
use crate::support::fix::{Fields, buy, fix_time};
use crate::support::websocket::{refusal, resting, with};
use crate::support::{Fix, PATIENCE, Venue, Ws, now};
use sealgate::config::{Config, Directory};
use sealgate::types::InstrumentState;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Where there are two shards, these two instruments have one each.
const SYMBOLS: [&str; 2] = ["BTC-USD", "BTC-PERP"];

fn venue() -> Venue {
    setup().topology("2x2/4").accounts(|account| account.limits.max_open_orders = 100_000).start()
}

fn alice() -> Value {
    json!({ "account": "ALICE" })
}

fn perp() -> Value {
    json!({ "instrument": "BTC-PERP" })
}

fn engage(venue: &Venue, target: &Value, cancel: bool) -> Value {
    done(venue, json!({ "do": "kill.engage", "target": target, "cancel": cancel }))
}

fn release(venue: &Venue, target: &Value) -> Value {
    done(venue, json!({ "do": "kill.release", "target": target }))
}

/// What is stopped, and on which shards it is not although it should be.
fn listed(venue: &Venue) -> Vec<(String, Value)> {
    let answer = done(venue, json!({ "do": "kill.list" }));
    let engaged = answer["engaged"].as_array().unwrap();
    let name = |it: &Value| it["account"].as_str().or(it["instrument"].as_str()).unwrap().to_owned();
    engaged.iter().map(|it| (name(it), it["not_on_shards"].clone())).collect()
}

fn open(ws: &mut Ws) -> usize {
    ws.call("openOrders.status", &[])["result"].as_array().unwrap().len()
}

fn can_trade(ws: &mut Ws) -> Value {
    ws.call("account.status", &[])["result"]["canTrade"].clone()
}

fn status_of(ws: &mut Ws, symbol: &str) -> Value {
    let request = ws.plain("exchangeInfo", &[("symbol", symbol)], None);
    ws.raw(&request)["result"]["symbols"][0]["status"].clone()
}

fn in_symbol<'a>(order: Vec<(&'a str, &'a str)>, symbol: &'a str) -> Vec<(&'a str, &'a str)> {
    with(order, "symbol", symbol)
}

fn wait_until(mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "it does not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Enters orders over WebSocket, in both instruments in turn, until one is refused; how many were taken.
fn enter_ws(mut ws: Ws, told: &AtomicBool) -> usize {
    for n in 0.. {
        let (name, told) = (format!("ws-{n}"), told.load(Ordering::SeqCst));
        let answer = ws.place(&in_symbol(resting(&name), SYMBOLS[n % 2]));
        if answer["status"] != 200 {
            assert_eq!(refusal(&answer).0, "AccountDisabled");
            return n;
        }
        assert!(!told, "the operator was told that nothing is entered any more: {answer}");
    }
    unreachable!()
}

/// The same over FIX; and what was said of each that was canceled.
fn enter_fix(mut fix: Fix, told: &AtomicBool) -> (usize, Vec<Fields>) {
    let mut canceled = Vec::new();
    for n in 0.. {
        let told = told.load(Ordering::SeqCst);
        fix.order("D", buy(&format!("fix-{n}")).replace("BTC-USD", SYMBOLS[n % 2]));
        loop {
            let report = fix.read();
            match report.get(150) {
                "0" => break assert!(!told, "{report:?}"),
                "4" => canceled.push(report),
                _ => {
                    report.assert_refused("8", "0", "AccountDisabled");
                    canceled.extend((canceled.len()..n).map(|_| fix.read()));
                    return (n, canceled);
                }
            }
        }
    }
    unreachable!()
}

#[test]
fn an_account_under_load_is_stopped_on_every_shard_and_each_of_its_orders_is_canceled_and_told() {
    let venue = venue();
    let (mut hearer, mut bob) = (Ws::logged_on(&venue, "alice"), Ws::logged_on(&venue, "bob"));
    hearer.subscribe();
    let (told, ws, fix) =
        (&AtomicBool::new(false), Ws::logged_on(&venue, "alice"), Fix::logged_on(&venue, "alice"));
    let (by_ws, (by_fix, canceled), answer) = std::thread::scope(|scope| {
        let ws = scope.spawn(|| enter_ws(ws, told));
        let fix = scope.spawn(|| enter_fix(fix, told));
        wait_until(|| open(&mut Ws::logged_on(&venue, "alice")) > 300);
        let answer = engage(&venue, &alice(), true);
        told.store(true, Ordering::SeqCst);
        (ws.join().unwrap(), fix.join().unwrap(), answer)
    });
    assert_eq!(
        (&answer["account"], &answer["engaged"], &answer["changed"]),
        (&json!("ALICE"), &json!(true), &json!(true))
    );
    assert_eq!(answer["canceled_orders"], by_ws + by_fix, "{answer}: all that was taken, and no more");
    assert_eq!(canceled.len(), by_fix);
    for report in &canceled {
        assert_eq!((report.get(150), report.get(378)), ("4", "99"), "{report:?}");
        assert!(report.get(58).starts_with("KillSwitch:"), "{report:?}");
    }
    let mut heard: BTreeMap<String, usize> = BTreeMap::new();
    while heard.get("KILL_SWITCH").is_none_or(|count| *count < by_ws + by_fix) {
        let event = hearer.message()["event"].take();
        if event["e"] == "executionReport" {
            let why = event["cancelCause"].as_str().unwrap_or(event["x"].as_str().unwrap());
            *heard.entry(why.to_owned()).or_default() += 1;
        }
    }
    assert_eq!((heard["NEW"], heard["KILL_SWITCH"]), (by_ws + by_fix, by_ws + by_fix));
    let mut ws = Ws::logged_on(&venue, "alice");
    assert_eq!((open(&mut ws), can_trade(&mut ws)), (0, json!(false)));
    assert_eq!(can_trade(&mut bob), true);
    for symbol in SYMBOLS {
        assert_eq!(bob.place(&in_symbol(resting(symbol), symbol))["status"], 200, "another account");
    }
    release(&venue, &alice());
    assert_eq!(
        (can_trade(&mut ws), ws.place(&resting("again"))["status"].clone()),
        (json!(true), json!(200))
    );
}

#[test]
fn an_instrument_is_halted_for_all_and_its_book_is_emptied_and_others_trade_on() {
    let venue = venue();
    let (mut ws, mut bob) = (Ws::logged_on(&venue, "alice"), Ws::logged_on(&venue, "bob"));
    let mut fix = Fix::logged_on(&venue, "alice");
    ws.subscribe();
    // More than one step of the shard cancels.
    let names: Vec<String> = (0..300).map(|n| format!("o-{n}")).collect();
    for name in &names {
        assert_eq!(ws.place(&in_symbol(resting(name), "BTC-PERP"))["status"], 200);
    }
    let offer = with(with(in_symbol(resting("offer"), "BTC-PERP"), "side", "SELL"), "price", "101000.00");
    assert_eq!(bob.place(&offer)["status"], 200);
    assert_eq!(fix.enter(buy("fix").replace("BTC-USD", "BTC-PERP")).get(150), "0");
    assert_eq!(ws.place(&resting("other"))["status"], 200);

    let answer = engage(&venue, &perp(), true);
    assert_eq!((&answer["instrument"], &answer["canceled_orders"]), (&json!("BTC-PERP"), &json!(302)));
    let canceled = fix.read();
    assert_eq!((canceled.get(150), canceled.get(378), canceled.get(11)), ("4", "6", "fix"), "{canceled:?}");
    assert!(canceled.get(58).starts_with("TradingHalt:"), "{canceled:?}");
    let mut heard = 0;
    while heard < 301 {
        let event = ws.message()["event"].take();
        heard += usize::from(event["cancelCause"] == "TRADING_HALT");
    }
    for client in [&mut ws, &mut bob] {
        let refused = client.place(&in_symbol(resting("no"), "BTC-PERP"));
        assert_eq!(refusal(&refused).0, "InstrumentHalted");
        wait_until(|| status_of(client, "BTC-PERP") == "HALT");
        assert_eq!((status_of(client, "BTC-USD"), can_trade(client)), (json!("TRADING"), json!(true)));
    }
    assert_eq!((open(&mut ws), open(&mut bob)), (1, 0));
    fix.enter(buy("no-fix").replace("BTC-USD", "BTC-PERP")).assert_refused("8", "2", "InstrumentHalted");
    let depth = ws.raw(r#"{"id":1,"method":"depth","params":{"symbol":"BTC-PERP"}}"#);
    assert_eq!((&depth["result"]["bids"], &depth["result"]["asks"]), (&json!([]), &json!([])), "{depth}");
    release(&venue, &perp());
    wait_until(|| status_of(&mut bob, "BTC-PERP") == "TRADING");
    assert_eq!(bob.place(&in_symbol(resting("again"), "BTC-PERP"))["status"], 200);
}

fn amend(cl_ord_id: &str, qty: &str) -> String {
    let time = fix_time(now());
    format!("11={cl_ord_id}|41=rests|38={qty}|40=2|44=99000.00|54=1|55=BTC-USD|60={time}|")
}

#[test]
fn without_cancel_what_rests_stays_and_may_shrink_or_go_but_not_grow() {
    let venue = venue();
    let mut fix = Fix::logged_on(&venue, "alice");
    assert_eq!(fix.enter(buy("rests")).get(150), "0");
    let answer = engage(&venue, &alice(), false);
    assert_eq!(answer["canceled_orders"], 0);
    fix.order("G", amend("less", "0.005"));
    assert_eq!(fix.read().get(150), "5");
    fix.order("G", amend("more", "0.02"));
    fix.read().assert_refused("9", "99", "AccountDisabled");
    let mut ws = Ws::logged_on(&venue, "alice");
    let mut replace = with(resting("instead"), "cancelReplaceMode", "STOP_ON_FAILURE");
    replace.push(("cancelOrigClientOrderId", "less"));
    let replaced = ws.call("order.cancelReplace", &replace);
    assert_eq!(refusal(&replaced).0, "CancelReplacePartlyFailed", "the old one is gone, the new one refused");
    assert_eq!(open(&mut ws), 0);
    assert_eq!(refusal(&ws.call("order.test", &resting("test"))).0, "AccountDisabled");
}

/// The configuration says that everything is allowed, and says it anew: it has other limits as well.
fn allow(config: &mut Config) {
    let old = &config.directory;
    let (mut accounts, mut instruments) = (old.accounts().to_vec(), old.instruments().to_vec());
    for account in &mut accounts {
        account.limits.enabled = true;
        account.limits.max_open_orders += 1;
    }
    for instrument in &mut instruments {
        instrument.state = InstrumentState::Trading;
        instrument.max_notional += 1;
    }
    let (members, keys, sessions) = (old.members().to_vec(), old.keys().to_vec(), old.sessions().to_vec());
    config.directory = Directory::new(members, accounts, keys, sessions, instruments).unwrap();
}

fn assert_stopped(venue: &Venue, captured: &[String], run: &str) {
    let (mut ws, mut bob) = (Ws::logged_on(venue, "alice"), Ws::logged_on(venue, "bob"));
    assert_eq!(refusal(&ws.place(&resting(run))).0, "AccountDisabled");
    assert_eq!(refusal(&bob.place(&in_symbol(resting(run), "BTC-PERP"))).0, "InstrumentHalted");
    assert_eq!(status_of(&mut bob, "BTC-PERP"), "HALT");
    for request in captured {
        assert_eq!(refusal(&ws.raw(request)).0, "AccountDisabled", "refused once, refused for good");
    }
    assert_eq!(open(&mut ws), 0);
    assert_eq!(listed(venue), [("ALICE".to_owned(), json!([])), ("BTC-PERP".to_owned(), json!([]))]);
}

#[test]
fn a_kill_switch_outlives_crashes_snapshots_and_the_configuration_and_what_it_refused_is_never_done() {
    let mut venue = venue();
    let mut ws = Ws::logged_on(&venue, "alice");
    assert_eq!(ws.place(&resting("rests"))["status"], 200);
    let captured: Vec<String> = ["one", "two"]
        .map(|name| ws.request("order.place", &with(resting(name), "recvWindow", "60000")))
        .into();
    engage(&venue, &alice(), true);
    engage(&venue, &perp(), true);
    assert_eq!(refusal(&ws.raw(&captured[0])).0, "AccountDisabled");
    venue.kill();
    venue.start_again();
    assert_stopped(&venue, &captured, "after-crash");

    venue.stop();
    venue.adjust(allow);
    venue.start_again();
    assert_stopped(&venue, &captured, "after-configuration");

    fill(&venue, &mut Ws::logged_on(&venue, "bob"), 3);
    venue.kill();
    assert!(!files(&venue, ".snap").is_empty());
    venue.start_again();
    assert_stopped(&venue, &captured, "after-snapshot");

    release(&venue, &alice());
    release(&venue, &perp());
    venue.kill();
    venue.start_again();
    assert!(listed(&venue).is_empty(), "a release outlives a crash as well");
    let mut ws = Ws::logged_on(&venue, "alice");
    for request in &captured {
        assert_eq!(refusal(&ws.raw(request)).0, "AccountDisabled", "it gets its first answer");
    }
    assert_eq!(open(&mut ws), 0);
    assert_eq!(ws.place(&resting("again"))["status"], 200);
}

#[test]
fn what_is_not_there_is_refused_by_name_and_what_is_done_already_is_said() {
    let venue = venue();
    let ask = |what: &str, target: Value| json!({ "do": what, "target": target });
    for what in ["kill.engage", "kill.release"] {
        let (name, text) = refused(&venue, ask(what, json!({ "account": "NOBODY" })));
        assert_eq!(name, "UnknownAccount");
        assert!(text.contains("\"NOBODY\""), "{text}");
        let (name, text) = refused(&venue, ask(what, json!({ "instrument": "BTC-EUR" })));
        assert_eq!(name, "UnknownInstrument");
        assert!(text.contains("\"BTC-EUR\""), "{text}");
        for wrong in
            [json!({}), json!({ "member": "alice" }), json!({ "account": "ALICE", "instrument": "BTC-USD" })]
        {
            assert_eq!(refused(&venue, ask(what, wrong)).0, "BadRequest");
        }
    }
    assert_eq!(refused(&venue, ask("kill.release", alice())).0, "NotEngaged");
    let first = engage(&venue, &alice(), false);
    assert_eq!(first["changed"], true);
    let again = engage(&venue, &alice(), false);
    assert_eq!((&again["changed"], &again["since"]), (&json!(false), &first["since"]));
    release(&venue, &alice());
    assert_eq!(refused(&venue, ask("kill.release", alice())).0, "NotEngaged");
}

#[test]
fn the_command_line_stops_tells_and_releases() {
    let venue = venue();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealgate"));
        let output =
            command.arg("kill").args(arguments).arg("--socket").arg(socket(&venue)).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, told, _) = run(&["instrument", "BTC-PERP", "--cancel"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((code, &told["instrument"], &told["engaged"]), (Some(0), &json!("BTC-PERP"), &json!(true)));
    let (_, table, _) = run(&["list"]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines.len() == 2 && lines[1].starts_with("instrument BTC-PERP  2"), "{table}");
    assert!(lines[1].ends_with("canceled  -"), "{table}");
    let (code, _, why) = run(&["release", "account", "ALICE"]);
    assert_eq!(code, Some(1));
    assert!(
        why.starts_with("sealgate: kill: NotEngaged: the kill switch of account ALICE is not engaged"),
        "{why}"
    );
    assert_eq!(run(&["release", "instrument", "BTC-PERP"]).0, Some(0));
    assert_eq!(run(&["list", "--json"]).1, "{\"engaged\":[]}\n");
}
