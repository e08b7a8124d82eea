//! The private stream of an account over FIX: sent again by its own number, and heard from a number on.

use crate::support::control::done;
use crate::support::fix::{Fields, buy, cancel};
use crate::support::websocket::{resting, with};
use crate::support::{Fix, Setup, Venue, Ws};
use sealgate::config::{FixRules, Role};
use sealgate::limits::STREAM_HEARERS_MAX;
use sealgate::types::{FixVersion, Span};
use serde_json::json;
use std::collections::BTreeMap;

/// Where there are two shards, these two instruments have one each, in this order.
const SYMBOLS: [&str; 2] = ["BTC-PERP", "BTC-USD"];

fn numbered() -> Setup {
    let numbered = |rules: &mut FixRules| rules.appl_seq_num = true;
    Setup::new().topology("2x2/4").order_rate(100_000, Span::from_secs(1)).fix_rules(numbered)
}

/// Asks for streams: kind, and of each the first and the last number.
fn ask(fix: &mut Fix, id: &str, kind: u8, streams: &[(&str, Option<u64>, Option<u64>)]) {
    let mut body = format!("1346={id}|1347={kind}|");
    if !streams.is_empty() {
        body += &format!("1351={}|", streams.len());
    }
    for (stream, first, last) in streams {
        body += &format!("1355={stream}|");
        body += &first.map_or(String::new(), |first| format!("1182={first}|"));
        body += &last.map_or(String::new(), |last| format!("1183={last}|"));
    }
    let message = fix.message("BW", body, false);
    fix.send(&message);
}

/// The next message of this type; executions on the way go to the reader.
fn until(fix: &mut Fix, msg_type: &str, mut hear: impl FnMut(Fields)) -> Fields {
    loop {
        let message = fix.read();
        assert!(!message.0.is_empty(), "the connection ended");
        if message.get(35) == msg_type {
            return message;
        }
        if message.get(35) == "8" {
            hear(message);
        }
    }
}

/// What an ack or a report says of each stream: the last number, or the error.
fn said(message: &Fields) -> BTreeMap<String, Result<u64, u64>> {
    let (mut said, mut stream) = (BTreeMap::new(), String::new());
    for (tag, value) in &message.0 {
        match tag {
            1355 => stream.clone_from(value),
            1357 => _ = said.insert(stream.clone(), Ok(value.parse().unwrap())),
            1354 => _ = said.insert(stream.clone(), Err(value.parse().unwrap())),
            _ => {}
        }
    }
    said
}

/// What was told of each stream, by number.
#[derive(Default)]
struct Told(BTreeMap<String, BTreeMap<u64, Fields>>);

impl Told {
    fn hear(&mut self, report: Fields) {
        let number = report.get(1181).parse().unwrap();
        let before = self.0.entry(report.get(1180).to_owned()).or_default().insert(number, report.clone());
        assert!(before.is_none(), "told twice: {report:?}");
    }

    fn numbers(&self, stream: &str) -> Vec<u64> {
        self.0.get(stream).map_or(Vec::new(), |told| told.keys().copied().collect())
    }
}

/// What stays the same when it is sent again: the body but for the marks of that.
fn body(report: &Fields) -> Vec<(u32, String)> {
    let envelope = [8, 9, 34, 35, 49, 52, 56, 10, 97, 1350, 1352];
    report.0.iter().filter(|(tag, _)| !envelope.contains(tag)).cloned().collect()
}

/// Enters orders that rest, in both instruments in turn.
fn enter(ws: &mut Ws, names: std::ops::Range<usize>) {
    for n in names {
        let name = format!("ws-{n}");
        let placed = ws.place(&with(resting(&name), "symbol", SYMBOLS[n % 2]));
        assert_eq!(placed["status"], 200, "{placed}");
    }
}

#[test]
fn what_a_session_that_began_anew_has_missed_is_sent_again_by_its_own_number_also_after_a_crash() {
    let mut venue = numbered().start();
    let mut fix = Fix::logged_on(&venue, "alice");
    let mut first = Told::default();
    for n in 0..6 {
        fix.order("D", buy(&format!("fix-{n}")).replace("BTC-USD", SYMBOLS[n % 2]));
        first.hear(fix.read());
    }
    fix.order("F", cancel("gone", "fix-0").replace("BTC-USD", SYMBOLS[0]));
    first.hear(fix.read());
    drop(fix);
    enter(&mut Ws::logged_on(&venue, "alice"), 0..200);
    venue.kill();
    venue.start_again();
    let mut fix = Fix::logged_on(&venue, "alice");
    ask(&mut fix, "again", 0, &[("ALICE/0", Some(2), None), ("ALICE/1", Some(1), Some(50))]);
    let ack = until(&mut fix, "BX", |early| panic!("before the ack: {early:?}"));
    assert_eq!((ack.get(1346), ack.get(1347), ack.get(1348)), ("again", "0", "0"), "{ack:?}");
    assert_eq!(said(&ack), BTreeMap::from([("ALICE/0".into(), Ok(104)), ("ALICE/1".into(), Ok(103))]));
    assert_eq!(ack.get(1349), "153");
    let mut again = Told::default();
    let end = until(&mut fix, "BY", |report| {
        assert_eq!((report.get(97), report.get(1352)), ("Y", "Y"), "{report:?}");
        let last = if report.get(1180) == "ALICE/0" { "104" } else { "50" };
        assert_eq!(report.get(1350), last, "{report:?}");
        let told = again.numbers(report.get(1180));
        assert!(told.last().is_none_or(|last| last.to_string() != report.get(1181)), "{report:?}");
        again.hear(report);
    });
    assert_eq!((end.get(1346), end.get(1426)), ("again", "1"), "4.4 has no code of its own: {end:?}");
    assert_eq!(said(&end), BTreeMap::from([("ALICE/0".into(), Ok(104)), ("ALICE/1".into(), Ok(50))]));
    assert_eq!(again.numbers("ALICE/0"), (2..=104).collect::<Vec<_>>());
    assert_eq!(again.numbers("ALICE/1"), (1..=50).collect::<Vec<_>>());
    let mut compared = 0;
    for (stream, told) in &first.0 {
        for (number, report) in told {
            if let Some(copy) = again.0[stream].get(number) {
                assert_eq!(body(copy), body(report), "the same body");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 6);
    // It is told by its number, not by that of the session: that is filled.
    fix.order("2", "7=2|16=0|");
    assert_eq!(until(&mut fix, "4", |report| panic!("{report:?}")).get(123), "Y");
}

#[test]
fn a_stream_is_heard_from_a_number_on_without_a_gap_while_orders_are_entered() {
    let venue = numbered().start();
    let mut trader = Ws::logged_on(&venue, "alice");
    enter(&mut trader, 0..100);
    let mut fix = Fix::logged_on(&venue, "alice");
    let mut told = Told::default();
    std::thread::scope(|scope| {
        scope.spawn(|| enter(&mut trader, 100..400));
        ask(&mut fix, "from", 1, &[("ALICE/0", Some(11), None), ("ALICE/1", None, None)]);
        let ack = until(&mut fix, "BX", |early| panic!("{early:?}"));
        let Ok(since) = said(&ack)["ALICE/1"] else { panic!("{ack:?}") };
        // Its own orders are told as ever, and once.
        fix.order("D", buy("own").replace("BTC-USD", SYMBOLS[0]));
        let is_done = |told: &Told| {
            let (one, two) = (told.numbers("ALICE/0"), told.numbers("ALICE/1"));
            one.len() == 191 && two.len() as u64 == 200 - since
        };
        while !is_done(&told) {
            let message = fix.read();
            match message.get(35) {
                "8" => told.hear(message),
                "BY" if message.get(1426) == "2" => {}
                "BY" => assert_eq!(message.get(1346), "from"),
                other => panic!("{other}: {message:?}"),
            }
        }
        assert_eq!(told.numbers("ALICE/0"), (11..=201).collect::<Vec<_>>());
        assert_eq!(told.numbers("ALICE/1"), (since + 1..=200).collect::<Vec<_>>());
    });
    let own: Vec<_> = told.0["ALICE/0"].values().filter(|report| report.get(11) == "own").collect();
    assert_eq!(own.len(), 1);
}

#[test]
fn a_subscriber_hears_of_its_streams_and_how_far_they_are_until_it_wants_no_more() {
    let venue = numbered().caps(|caps| caps.stream_heartbeat = Span::from_millis(100)).start();
    let mut trader = Ws::logged_on(&venue, "alice");
    let mut fix = Fix::logged_on(&venue, "alice");
    ask(&mut fix, "which", 3, &[]);
    let streams = said(&until(&mut fix, "BX", |_| ()));
    assert_eq!(streams, BTreeMap::from([("ALICE/0".into(), Ok(0)), ("ALICE/1".into(), Ok(0))]));
    ask(&mut fix, "hear", 1, &[]);
    assert_eq!(until(&mut fix, "BX", |_| ()).get(1348), "0");
    enter(&mut trader, 0..1);
    let told = fix.read();
    assert_eq!((told.get(35), told.get(11), told.get(1181), told.get(1352)), ("8", "ws-0", "1", ""));
    let beat = until(&mut fix, "BY", |_| ());
    assert_eq!((beat.get(1426), beat.get(1346)), ("2", ""));
    assert_eq!(said(&beat), BTreeMap::from([("ALICE/0".into(), Ok(1)), ("ALICE/1".into(), Ok(0))]));
    ask(&mut fix, "last", 2, &[("ALICE/0", None, None)]);
    assert_eq!(said(&until(&mut fix, "BX", |_| ()))["ALICE/0"], Ok(1));
    ask(&mut fix, "enough", 4, &[]);
    assert_eq!(until(&mut fix, "BX", |_| ()).get(1348), "0");
    enter(&mut trader, 1..3);
    let answer = fix.enter(buy("own"));
    assert_eq!((answer.get(35), answer.get(11)), ("8", "own"), "{answer:?}");
}

#[test]
fn a_place_that_is_not_in_a_stream_of_ones_own_is_refused_by_name() {
    let venue = numbered().start();
    enter(&mut Ws::logged_on(&venue, "alice"), 0..4);
    let mut fix = Fix::logged_on(&venue, "alice");
    for (stream, first, last, kind, error, name) in [
        ("ALICE/0", 4, None, "2", 1, "StreamAhead (bound 2)"),
        ("ALICE/0", 1, Some(3), "2", 1, "StreamAhead (bound 2)"),
        ("BOB/0", 1, None, "1", 2, "AccountUnknown (1355)"),
        ("NOBODY/0", 1, None, "1", 2, "AccountUnknown (1355)"),
        ("ALICE/7", 1, None, "1", 0, "FieldValue (1355)"),
        ("ALICE", 1, None, "1", 0, "FieldValue (1355)"),
    ] {
        ask(&mut fix, "wrong", 0, &[(stream, Some(first), last), ("ALICE/1", Some(1), None)]);
        let ack = until(&mut fix, "BX", |told| panic!("{told:?}"));
        assert_eq!(ack.get(1348), kind, "{ack:?}");
        assert_eq!(said(&ack)[stream], Err(error), "{ack:?}");
        assert_eq!(said(&ack)["ALICE/1"], Ok(2), "the other is told: {ack:?}");
        assert!(ack.get(58).starts_with(name), "{ack:?}");
    }
    // The next number is none too many: there is nothing behind the last.
    ask(&mut fix, "none", 0, &[("ALICE/0", Some(3), None)]);
    assert_eq!(until(&mut fix, "BX", |told| panic!("{told:?}")).get(1349), "0");
    assert_eq!(until(&mut fix, "BY", |told| panic!("{told:?}")).get(1346), "none");
    for (fields, tag) in [
        ("1346=x|1347=9|", "1347"),
        ("1346=x|1347=0|", "1351"),
        ("1346=x|1347=0|1351=1|1355=ALICE/0|", "1182"),
        ("1346=x|1347=0|1351=1|1355=ALICE/0|1182=2|1183=1|", "1183"),
        ("1346=x|1347=0|1351=2|1355=ALICE/0|1182=1|1355=ALICE/0|1182=1|", "1355"),
        ("1347=3|", "1346"),
    ] {
        let message = fix.message("BW", fields, false);
        fix.send(&message);
        let refused = fix.read();
        assert_eq!((refused.get(35), refused.get(371)), ("3", tag), "{fields}: {refused:?}");
    }
}

#[test]
fn so_much_is_sent_again_at_a_time_and_each_stream_costs_a_query() {
    let venue = numbered().file("query_rate = \"1000/1s\"", "query_rate = \"4/60s\"").start();
    enter(&mut Ws::logged_on(&venue, "alice"), 0..300);
    let mut fix = Fix::logged_on(&venue, "alice");
    let all = [("ALICE/0", Some(1), None), ("ALICE/1", Some(1), None)];
    ask(&mut fix, "one", 0, &all);
    ask(&mut fix, "two", 0, &all);
    let mut acks = Vec::new();
    let mut told = Told::default();
    while acks.len() < 2 {
        acks.push(until(&mut fix, "BX", |report| told.hear(report)));
    }
    acks.sort_by_key(|ack| ack.get(1346).to_owned());
    assert_eq!((acks[0].get(1348), acks[1].get(1348)), ("0", "2"), "{acks:?}");
    assert!(acks[1].get(58).starts_with("ResendUnderWay"), "{acks:?}");
    assert_eq!(until(&mut fix, "BY", |report| told.hear(report)).get(1346), "one");
    assert_eq!((told.numbers("ALICE/0").len(), told.numbers("ALICE/1").len()), (150, 150));
    ask(&mut fix, "three", 0, &all);
    until(&mut fix, "BX", |_| ());
    ask(&mut fix, "five", 0, &all);
    let ack = loop {
        let ack = until(&mut fix, "BX", |_| ());
        if ack.get(1346) == "five" {
            break ack;
        }
    };
    assert_eq!(ack.get(1348), "2", "{ack:?}");
}

#[test]
fn each_version_says_it_in_its_own_words_and_a_session_without_numbers_does_not() {
    for version in FixVersion::ALL {
        let venue = numbered().fix_rules(move |rules| rules.version = version).start();
        enter(&mut Ws::logged_on(&venue, "alice"), 0..2);
        let mut fix = Fix::connect(&venue, "alice");
        fix.begin_string = version.begin_string();
        let appl_ver_id = String::from_utf8_lossy(version.appl_ver_id()).into_owned();
        fix.logon(&if version.is_fixt() {
            format!("141=Y|1137={appl_ver_id}|")
        } else {
            "141=Y|".to_owned()
        });
        assert_eq!(fix.read().get(35), "A");
        ask(&mut fix, "again", 0, &[("ALICE/0", Some(1), None)]);
        let ack = fix.read();
        assert_eq!((ack.get(35), ack.get(1348)), ("BX", "0"), "{version}: {ack:?}");
        let report = fix.read();
        assert_eq!((report.get(35), report.get(1352)), ("8", "Y"), "{version}: {report:?}");
        let end = fix.read();
        let code = if version == FixVersion::Fix50Sp2 { "3" } else { "1" };
        assert_eq!((end.get(35), end.get(1426), end.get(1356)), ("BY", code, "again"), "{version}: {end:?}");
        if version >= FixVersion::Fix50Sp1 {
            for message in [&ack, &report, &end] {
                super::fix_versions::assert_standard(version, message);
            }
        }
    }
    let venue = Setup::new().start();
    let mut fix = Fix::logged_on(&venue, "alice");
    ask(&mut fix, "none", 3, &[]);
    let refused = fix.read();
    assert_eq!((refused.get(35), refused.get(380)), ("j", "3"), "{refused:?}");
}

#[test]
fn a_drop_copy_is_sent_again_by_the_number_of_the_stream() {
    let venue: Venue = numbered()
        .fix_sessions(|session| {
            if session.sender_comp_id == "BOB" {
                let account = sealgate::types::AccountId(2);
                session.role = Role::DropCopy(vec![account]);
            }
        })
        .start();
    let mut bob = Ws::logged_on(&venue, "bob");
    enter(&mut bob, 0..4);
    let mut copy = Fix::logged_on(&venue, "bob");
    ask(&mut copy, "again", 0, &[("BOB/0", Some(1), None)]);
    assert_eq!(until(&mut copy, "BX", |_| ()).get(1349), "2");
    let mut told = Told::default();
    until(&mut copy, "BY", |report| {
        assert_eq!((report.get(797), report.get(1352)), ("Y", "Y"), "{report:?}");
        told.hear(report);
    });
    assert_eq!(told.numbers("BOB/0"), [1, 2]);
    enter(&mut bob, 4..5);
    assert_eq!(copy.read().get(797), "Y");
    copy.order("D", buy("no"));
    assert_eq!(copy.read().get(380), "6");
}

#[test]
fn so_many_connections_hear_an_account_and_one_more_when_one_has_enough() {
    let venue = numbered().topology("1x1/1").start();
    let mut hearers: Vec<Fix> = Vec::new();
    for n in 0..=STREAM_HEARERS_MAX {
        let sender = format!("HEARER{n}");
        let keys = json!({ "sender_comp_id": sender, "target_comp_id": "SEALGATE", "appl_seq_num": true });
        done(&venue, json!({ "do": "session.add", "member": "alice", "keys": keys }));
        let mut fix = Fix::connect(&venue, "alice");
        fix.sender = sender;
        fix.logon("141=Y|");
        assert_eq!(fix.read().get(35), "A");
        ask(&mut fix, "hear", 1, &[]);
        let ack = until(&mut fix, "BX", |_| ());
        match n < STREAM_HEARERS_MAX {
            true => assert_eq!(ack.get(1348), "0", "{ack:?}"),
            false => assert!(ack.get(1348) != "0" && ack.get(58).starts_with("TooManyHearers"), "{ack:?}"),
        }
        hearers.push(fix);
    }
    ask(&mut hearers[0], "enough", 4, &[]);
    assert_eq!(until(&mut hearers[0], "BX", |_| ()).get(1348), "0");
    ask(&mut hearers[STREAM_HEARERS_MAX], "again", 1, &[]);
    assert_eq!(until(&mut hearers[STREAM_HEARERS_MAX], "BX", |_| ()).get(1348), "0");
    enter(&mut Ws::logged_on(&venue, "alice"), 0..1);
    for fix in &mut hearers[1..] {
        assert_eq!(fix.read().get(11), "ws-0");
    }
}
