//! `sealgate bot` as its users meet it: the real binary, against a server as `sealgate init` sets one up.

use crate::support::websocket::{resting, with};
use crate::support::{Setup, Venue, Ws};
use sealgate::types::Span;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Output, Stdio};

/// How the venue is spoken to.
#[derive(Clone, Copy)]
enum Over {
    WebSocket,
    Fix,
}

fn bot(venue: &Venue, over: Over, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealgate"));
    command.arg("bot").arg("--home").arg(venue.folder());
    match over {
        Over::WebSocket => command.args(["--url", &venue.url()]),
        Over::Fix => {
            let address = format!("localhost:{}", venue.fix_addr().port());
            command.args(["--protocol", "fix", "--url", &address])
        }
    };
    command.args(words.split_whitespace()).stdin(Stdio::null());
    command
}

/// The exit code, stdout and stderr.
fn run(mut command: Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

fn script(venue: &Venue, lines: &str) -> String {
    let path = venue.path("script.bot");
    std::fs::write(&path, lines).unwrap();
    path.to_str().unwrap().to_owned()
}

fn objects(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_first_order_needs_no_more_than_its_words() {
    let venue = Venue::start();
    for (over, name) in [(Over::WebSocket, "first"), (Over::Fix, "second")] {
        let placed = run(bot(&venue, over, &format!("place buy BTC-USD 0.01 @ 99000 --id {name}")));
        assert_eq!((placed.0, placed.2.as_str()), (0, ""), "{placed:?}");
        assert!(placed.1.starts_with("placed: buy 0.01000 BTC-USD @ 99000.00 NEW filled 0.00000 order "));
        assert!(placed.1.contains(&format!(" name {name} in ")), "{placed:?}");
    }
    let (code, listed, _) = run(bot(&venue, Over::WebSocket, "orders BTC-USD"));
    assert_eq!((code, listed.lines().count(), listed.lines().last()), (0, 3, Some("2 open")), "{listed}");
}

#[test]
fn a_script_trades_asks_and_expects_over_either_protocol() {
    for over in [Over::WebSocket, Over::Fix] {
        let venue = Venue::start();
        let rest =
            run(bot(&venue, Over::WebSocket, "--member bob place sell BTC-USD 0.02 @ 99000 --id rest"));
        assert_eq!(rest.0, 0, "{rest:?}");
        let path = script(
            &venue,
            "# takes what rests, leaves the rest, cancels it
             place buy BTC-USD 0.03 @ 99000 --id take
             follow --count 2 --for 5s       # accepted, traded
             expect PARTIALLY_FILLED
             cancel BTC-USD take
             expect CANCELED
             cancel BTC-USD take --side buy
             expect TooLateToCancel
             place buy BTC-USD 0.01 @ 1
             expect PriceOutsideBand
             wait 1ms\n",
        );
        let (code, out, err) = run(bot(&venue, over, &format!("--json run --script {path}")));
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        let objects = objects(&out);
        let statuses: Vec<_> = objects.iter().filter_map(|object| object["status"].as_str()).collect();
        assert_eq!(statuses.last(), Some(&"CANCELED"), "{out}");
        let trades = objects
            .iter()
            .filter(|object| object["execType"] == "TRADE" && object["trade"]["price"] == "99000.00");
        assert!(trades.count() > 0, "{out}");
        let names: Vec<_> = objects.iter().filter_map(|object| object["error"]["name"].as_str()).collect();
        assert_eq!(names, ["TooLateToCancel", "PriceOutsideBand"], "{out}");
    }
}

/// What a line of output says, without what differs from run to run.
fn gist(object: &Value) -> String {
    let fields = [
        "action",
        "symbol",
        "clientOrderId",
        "side",
        "origQty",
        "price",
        "executedQty",
        "status",
        "execType",
        "keptPriority",
        "count",
        "repeated",
    ];
    let mut said: Vec<_> =
        fields.iter().filter_map(|name| Some(format!("{name} {}", object.get(name)?))).collect();
    said.extend(object["error"]["name"].as_str().map(str::to_owned));
    said.extend(object["trade"]["qty"].as_str().map(|qty| format!("traded {qty}")));
    said.join(", ")
}

#[test]
fn one_script_comes_to_the_same_over_both_protocols() {
    let outcome = |over| {
        let venue = Venue::start();
        run(bot(&venue, Over::WebSocket, "--member bob place sell BTC-USD 0.02 @ 99000 --id rest"));
        let path = script(
            &venue,
            "place buy BTC-USD 0.03 @ 99000 --id take
             expect PARTIALLY_FILLED
             amend BTC-USD take 0.025 --id less
             expect PARTIALLY_FILLED
             status BTC-USD take
             expect PARTIALLY_FILLED
             place buy BTC-USD 0.01 @ 98000 --id low --post-only
             expect NEW
             place buy BTC-USD 0.01 @ 98000 --id low --post-only
             place buy BTC-USD 0.02 @ 98000 --id low
             expect DuplicateClOrdId
             place buy BTC-USD 0.01 @ 97500 --id soon --gtd 1h
             place buy BTC-USD 0.02 @ 99000 --id all --tif fok
             expect EXPIRED
             place sell BTC-USD 0.01 @ 99500 --id red --reduce-only --smp decrement
             orders BTC-USD
             orders
             cancel BTC-USD low
             expect CANCELED
             cancel BTC-USD low
             expect TooLateToCancel
             cancel BTC-USD nobody
             expect OrderUnknown
             amend BTC-USD less 0.01
             expect QtyBelowFilled
             cancel-all BTC-USD --side sell
             cancel-all
             status BTC-USD soon
             expect CANCELED
             place buy BTC-USD 0.01 @ 1
             expect PriceOutsideBand
             place buy NONE-USD 1 @ 1
             expect SymbolUnknown
             follow --count 11 --for 5s
             expect CANCELED\n",
        );
        let (code, out, err) = run(bot(&venue, over, &format!("--json run --script {path}")));
        assert_eq!((code, err.as_str()), (0, ""), "{out}");
        objects(&out).iter().map(gist).collect::<Vec<_>>()
    };
    let (websocket, fix) = (outcome(Over::WebSocket), outcome(Over::Fix));
    assert_eq!(websocket, fix);
}

#[test]
fn a_session_chooses_what_becomes_of_its_orders_when_it_ends() {
    for over in [Over::WebSocket, Over::Fix] {
        let venue = Venue::start();
        for (ends, open) in [("logout", "0 open"), ("disconnect", "1 open")] {
            let words = format!("--cancel-on {ends} --cancel-grace 0ms place buy BTC-USD 0.01 @ 99000");
            assert_eq!(run(bot(&venue, over, &words)).0, 0);
            let (_, listed, _) = run(bot(&venue, Over::WebSocket, "orders"));
            assert_eq!(listed.lines().last(), Some(open), "{ends}");
        }
    }
}

#[test]
fn exit_codes_tell_a_refusal_from_a_missing_venue_and_from_wrong_words() {
    let mut venue = Venue::start();
    for over in [Over::WebSocket, Over::Fix] {
        let (code, out, err) = run(bot(&venue, over, "place buy BTC-USD 0.01 @ 1"));
        assert_eq!((code, out.as_str()), (3, ""), "{err}");
        assert!(err.starts_with("sealgate: bot: refused: PriceOutsideBand"), "{err}");
        let (code, _, err) = run(bot(&venue, over, "place buy BTC-USD 0.01 --tif ioc"));
        assert_eq!((code, err.lines().count()), (2, 1), "{err}");
        let unknown = run(bot(&venue, over, "--member mallory place buy BTC-USD 0.01 @ 99000"));
        assert!(unknown.0 == 2 && unknown.2.contains("mallory.pem"), "{unknown:?}");
        let foreign = run(bot(&venue, over, "--member bob --api-key alice place buy BTC-USD 1 @ 99000"));
        assert_eq!(foreign.0, 1, "a session that is refused is none: {foreign:?}");
    }
    let (websocket, fix) = (bot(&venue, Over::WebSocket, "orders"), bot(&venue, Over::Fix, "follow"));
    venue.stop();
    for command in [websocket, fix] {
        let gone = run(command);
        assert!(gone.0 == 1 && gone.2.starts_with("sealgate: bot: connect: "), "{gone:?}");
    }
}

#[test]
fn a_script_with_a_wrong_line_is_refused_by_its_place_and_places_nothing() {
    let venue = Venue::start();
    let path = script(&venue, "place buy BTC-USD 0.01 @ 99000\nplcae buy BTC-USD 0.01 @ 99000\n");
    let (code, out, err) = run(bot(&venue, Over::WebSocket, &format!("run --script {path}")));
    assert_eq!((code, out.as_str()), (2, ""));
    let said = format!("sealgate: bot: {path}:2: \"plcae\" is no action; allowed: place, amend, ");
    assert!(err.starts_with(&said) && err.lines().count() == 1, "{err}");
    assert_eq!(run(bot(&venue, Over::WebSocket, "orders")).1, "0 open\n");
}

#[test]
fn a_script_stops_at_its_first_refusal_unless_it_is_to_go_on() {
    let venue = Venue::start();
    let path = script(&venue, "place buy BTC-USD 0.01 @ 1\nplace buy BTC-USD 0.01 @ 99000 --id after\n");
    let (code, out, err) = run(bot(&venue, Over::WebSocket, &format!("run --script {path}")));
    assert_eq!((code, out.as_str()), (3, ""));
    assert!(err.starts_with(&format!("sealgate: bot: {path}:1: refused: ")), "{err}");
    let (code, out, _) = run(bot(&venue, Over::WebSocket, &format!("run --script {path} --keep-going")));
    assert_eq!(code, 3);
    assert!(out.contains(" name after in "), "{out}");
}

#[test]
fn another_program_drives_a_bot_through_its_stdin() {
    let venue = Venue::start();
    let mut command = bot(&venue, Over::WebSocket, "--json run --script - --keep-going");
    let mut driven = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut to = driven.stdin.take().unwrap();
    let mut from = BufReader::new(driven.stdout.take().unwrap());
    let mut said = |line: &str| -> Value {
        writeln!(to, "{line}").unwrap();
        let mut answer = String::new();
        from.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    };
    let placed = said("place buy BTC-USD 0.01 @ 99000 --id driven");
    assert_eq!(placed["status"], "NEW");
    let canceled = said(&format!("cancel BTC-USD {}", placed["orderId"]));
    assert_eq!((&canceled["status"], &canceled["clientOrderId"]), (&"CANCELED".into(), &"driven".into()));
    assert_eq!(said("market ticker BTC-USD")["bidQty"], "0.00000");
    assert_eq!(said("what now")["error"]["kind"], "usage");
    assert_eq!(driven.wait().unwrap().code(), Some(2));
}

#[test]
fn a_limit_says_when_to_come_back() {
    let venue = Setup::new().order_rate(1, Span::from_secs(60)).start();
    let path = script(&venue, "place buy BTC-USD 0.01 @ 99000\nplace buy BTC-USD 0.01 @ 99000\n");
    let (code, out, _) = run(bot(&venue, Over::WebSocket, &format!("--json run --script {path}")));
    let error = &objects(&out)[1];
    assert_eq!(
        (code, &error["error"]["name"], &error["line"]),
        (3, &"OrderRate".into(), &format!("{path}:2").into())
    );
    assert!(error["error"]["waitMillis"].as_u64().unwrap() > 50_000, "{error}");
}

#[test]
fn the_market_is_told_to_people_and_to_programs() {
    let venue = Venue::start();
    run(bot(&venue, Over::WebSocket, "place buy BTC-USD 0.01 @ 99000"));
    let (_, depth, _) = run(bot(&venue, Over::WebSocket, "market depth BTC-USD"));
    assert_eq!(depth.lines().nth(1), Some("  bid 0.01000 @ 99000.00"), "{depth}");
    let (_, ticker, _) = run(bot(&venue, Over::WebSocket, "market ticker BTC-USD"));
    assert_eq!(ticker, "ticker: BTC-USD bid 0.01000 @ 99000.00, ask nothing\n");
    let (_, time, _) = run(bot(&venue, Over::WebSocket, "--json market time"));
    assert!(objects(&time)[0]["aheadMillis"].as_i64().unwrap().abs() < 5_000, "{time}");
    assert_eq!(run(bot(&venue, Over::Fix, "market ticker BTC-USD")).1, ticker);
    let (code, _, err) = run(bot(&venue, Over::Fix, "market depth BTC-USD"));
    assert_eq!((code, err.lines().count()), (2, 1), "{err}");
}

#[test]
fn what_is_said_of_an_account_is_done_on_that_one() {
    let venue = Setup::new()
        .file(
            "[[member.api_key]]\nid = 1\n",
            "[[member.account]]\nid = 11\nname = \"ALICE-2\"\n\n[[member.api_key]]\nid = 1\n",
        )
        .file("accounts = [\"ALICE\"]", "accounts = [\"ALICE\", \"ALICE-2\"]")
        .start();
    for (over, name) in [(Over::WebSocket, "ws"), (Over::Fix, "fix")] {
        let said = |account: &str, words: &str| {
            let (code, out, err) = run(bot(&venue, over, &format!("{account} {words}")));
            assert_eq!((code, err.as_str()), (0, ""), "{words}: {out}");
            out.lines().last().unwrap().to_owned()
        };
        for account in ["", "--account ALICE-2"] {
            for price in ["99000", "99001"] {
                said(account, &format!("place buy BTC-USD 0.01 @ {price} --id {name}-{price}"));
            }
        }
        let status = said("--account ALICE-2", &format!("cancel BTC-USD {name}-99000"));
        assert!(status.contains("CANCELED"), "{status}");
        assert_eq!(said("", "orders BTC-USD"), "2 open", "those of the other account stay");
        assert_eq!(said("--account ALICE-2", "orders BTC-USD"), "1 open");
        said("--account ALICE-2", &format!("status BTC-USD {name}-99001"));
        said("--account ALICE-2", "cancel-all BTC-USD");
        assert_eq!(said("--account ALICE-2", "orders"), "0 open");
        assert_eq!(said("", "orders"), "2 open");
        said("", "cancel-all");
    }
}

#[test]
fn an_account_amends_cancels_all_and_asks_what_it_has() {
    let venue = Venue::start();
    run(bot(&venue, Over::WebSocket, "--member bob place sell BTC-USD 0.01 @ 99000"));
    let path = script(
        &venue,
        "place buy BTC-USD 0.03 @ 99000 --test
         orders
         place buy BTC-USD 0.03 @ 99000 --id big
         amend BTC-USD big 0.02 --id small
         place buy BTC-USD 0.01 @ 98000
         account
         trades BTC-USD
         cancel-all BTC-USD --side sell
         cancel-all\n",
    );
    let (code, out, err) = run(bot(&venue, Over::WebSocket, &format!("run --script {path}")));
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    for line in [
        "tested: BTC-USD, it would be taken",
        "0 open",
        "account: ALICE may trade, 2 open",
        "  BTC-USD position 0.01000, open to buy 0.02000, to sell 0.00000",
        "1 trades",
    ] {
        assert!(out.lines().any(|said| said == line), "{line}: {out}");
    }
    let amended = "amended: buy 0.02000 BTC-USD @ 99000.00 PARTIALLY_FILLED filled 0.01000";
    let amended = out.lines().find(|line| line.starts_with(amended)).expect(&out);
    assert!(amended.contains(" name small, kept its place in "), "{amended}");
    let counts: Vec<_> =
        out.lines().filter_map(|line| line.split_once(" canceled in")).map(|(n, _)| n).collect();
    assert_eq!(counts, ["0", "2"], "{out}");
}

/// What `watch` says over a protocol while somebody enters an order and another takes it.
fn watched(venue: &Venue, over: Over, what: &str) -> Vec<Value> {
    let mut watching = bot(venue, over, &format!("--json watch {what} BTC-USD --count 2 --for 20s"));
    let mut watching = watching.stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut trader = Ws::logged_on(venue, "bob");
    let mut lines = vec![said.next().unwrap().unwrap()];
    trader.place(&resting("b1"));
    lines.push(said.next().unwrap().unwrap());
    trader.call("order.cancel", &[("symbol", "BTC-USD"), ("origClientOrderId", "b1")]);
    assert!(watching.wait().unwrap().success(), "{lines:?}");
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Trades until somebody who watches has seen two of them.
fn traded(venue: &Venue, over: Over) -> Vec<Value> {
    let mut watching = bot(venue, over, "--json watch trades BTC-USD --count 2 --for 20s");
    let mut watching = watching.stdout(Stdio::piped()).spawn().unwrap();
    let mut trader = Ws::logged_on(venue, "bob");
    let mut trades = 0;
    while watching.try_wait().unwrap().is_none() {
        for (side, name) in [("BUY", format!("b{trades}")), ("SELL", format!("s{trades}"))] {
            let order = with(with(resting(&name), "side", side), "selfTradePreventionMode", "NONE");
            trader.place(&order);
        }
        trades += 1;
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    objects(&std::io::read_to_string(watching.stdout.take().unwrap()).unwrap())
}

#[test]
fn the_market_is_watched_over_either_protocol() {
    for over in [Over::WebSocket, Over::Fix] {
        let venue = Venue::start();
        let ticker = watched(&venue, over, "ticker");
        assert_eq!(
            (&ticker[0]["bidQty"], &ticker[1]["bidPrice"]),
            (&json!("0"), &json!("99000.00")),
            "{ticker:?}"
        );
        let (code, top, _) = run(bot(&venue, over, "market ticker BTC-USD"));
        assert_eq!((code, top.as_str()), (0, "ticker: BTC-USD bid nothing, ask nothing\n"));
    }
    let venue = Setup::new().order_rate(1_000, Span::from_secs(1)).start();
    for over in [Over::WebSocket, Over::Fix] {
        let trades = traded(&venue, over);
        assert_eq!(trades.len(), 2, "{trades:?}");
        assert_eq!((&trades[0]["price"], &trades[0]["takerSide"]), (&json!("99000.00"), &json!("SELL")));
    }
    let venue = Venue::start();
    let depth = watched(&venue, Over::WebSocket, "depth");
    assert_eq!(depth[1]["bids"], json!([["99000.00", "0.01000"]]), "{depth:?}");
    let (code, _, why) = run(bot(&venue, Over::Fix, "watch depth BTC-USD"));
    assert_eq!(code, 2, "{why}");
}
