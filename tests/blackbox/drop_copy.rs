//! Drop copy: a FIX session that hears every ExecutionReport of its accounts and can do nothing else.

use crate::support::fix::{Fields, buy, cancel};
use crate::support::{Fix, PATIENCE, Setup, Venue};
use sealgate::admin::client::{Control, ControlError};
use sealgate::client::NewOrder;
use sealgate::types::{Side, Span};
use serde_json::{Value, json};
use std::time::Instant;

/// A whole MarketDataRequest(V), so that nothing but the session's role refuses it.
const MARKET_DATA: &str = "262=1|263=0|264=1|267=1|269=0|146=1|55=BTC-USD|";

/// A venue with a drop copy session DROP of alice, number 3.
fn venue() -> Venue {
    setup("role = \"drop_copy\"").start()
}

/// The same with these keys of the session.
fn setup(keys: &str) -> Setup {
    let bob = "[[member]]\nid = 2\n";
    let session =
        "[[member.fix_session]]\nid = 3\nsender_comp_id = \"DROP\"\ntarget_comp_id = \"SEALGATE\"\n";
    Setup::new().file(bob, &format!("{session}{keys}\n{bob}"))
}

fn connect(venue: &Venue, next: u32) -> Fix {
    let mut fix = Fix::connect(venue, "alice");
    (fix.sender, fix.next) = ("DROP".to_owned(), next);
    fix
}

/// DROP, logged on with this number; and the number of the venue's Logon.
fn log_on(venue: &Venue, next: u32) -> (Fix, u32) {
    let mut fix = connect(venue, next);
    fix.logon("");
    let answer = fix.read();
    assert_eq!(answer.get(35), "A", "{answer:?}");
    let number = answer.get(34).parse().unwrap();
    (fix, number)
}

/// Asks for everything from a number on, and reads until the venue has said what it has: up to `last`.
fn resent(fix: &mut Fix, from: u32, last: u32) -> Vec<Fields> {
    let request = fix.message("2", format!("7={from}|16=0|"), false);
    fix.send(&request);
    let (mut next, mut copies) = (from, Vec::new());
    while next <= last {
        let message = fix.read();
        assert_eq!(message.get(34), next.to_string(), "in the order of their numbers: {message:?}");
        match message.get(35) {
            "4" => next = message.get(36).parse().unwrap(),
            "8" => {
                assert_eq!(message.get(43), "Y", "{message:?}");
                copies.push(message);
                next += 1;
            }
            _ => panic!("{message:?}"),
        }
    }
    copies
}

/// ClOrdID and ExecType of each.
fn told(copies: &[Fields]) -> Vec<(String, String)> {
    copies.iter().map(|copy| (copy.get(11).to_owned(), copy.get(150).to_owned())).collect()
}

fn is(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(id, exec_type)| ((*id).to_owned(), (*exec_type).to_owned())).collect()
}

fn say(venue: &Venue, request: Value) -> Result<Value, ControlError> {
    let socket = venue.config().control_socket().unwrap();
    Control::connect(&socket).unwrap().say(request.to_string().as_bytes())
}

fn listed(venue: &Venue, sender: &str) -> Value {
    let answer = say(venue, json!({ "do": "session.list" })).unwrap();
    let sessions = answer["sessions"].as_array().unwrap();
    sessions.iter().find(|session| session["sender_comp_id"] == sender).cloned().unwrap()
}

#[tokio::test]
async fn a_drop_copy_hears_of_orders_of_both_protocols_and_of_no_other_account() {
    let venue = venue();
    let (mut drop, _) = log_on(&venue, 1);
    let mut bob = Fix::logged_on(&venue, "bob");
    assert_eq!(bob.enter(buy("not-ours")).get(150), "0");
    let mut alice = Fix::logged_on(&venue, "alice");
    let own = alice.enter(buy("over-fix"));
    let copy = drop.read();
    for tag in [11, 17, 37, 150, 39, 1, 55, 38, 44, 151, 60] {
        assert_eq!(copy.get(tag), own.get(tag), "tag {tag}: the same report");
    }
    assert_eq!((copy.get(797), own.get(797)), ("Y", ""), "{copy:?}");

    let bot = venue.websocket("alice").await;
    let order = NewOrder::limit("BTC-USD", Side::Sell, "0.01".parse().unwrap(), "99000.00".parse().unwrap());
    bot.place(&order.named("over-ws")).await.unwrap();
    let after: Vec<Fields> = (0..2).map(|_| drop.read()).collect();
    // It meets bob's order, which came first; of the two sides alice's is copied.
    assert_eq!(told(&after), is(&[("over-ws", "0"), ("over-ws", "F")]));
    assert!(after.iter().all(|copy| copy.get(797) == "Y" && copy.get(1) == "ALICE"));
    alice.order("F", cancel("cancel", "over-fix"));
    assert_eq!(told(&[drop.read()]), is(&[("cancel", "4")]));
}

#[test]
fn a_drop_copy_takes_session_messages_and_nothing_else() {
    let venue = venue();
    let (mut drop, _) = log_on(&venue, 1);
    let test = drop.message("1", "112=are you there|", false);
    drop.send(&test);
    let answer = drop.read();
    assert_eq!((answer.get(35), answer.get(112)), ("0", "are you there"));
    for (msg_type, body) in [("D", buy("no")), ("F", cancel("no", "none")), ("V", MARKET_DATA.to_owned())] {
        drop.order(msg_type, body);
        let refused = drop.read();
        assert_eq!(
            (refused.get(35), refused.get(372), refused.get(380)),
            ("j", msg_type, "6"),
            "{refused:?}"
        );
    }
    assert_eq!(listed(&venue, "DROP")["next_in"], 6, "each used up its number");
    drop.log_out();
}

#[test]
fn what_was_missed_comes_in_order_and_once_after_a_disconnect_and_after_a_crash() {
    let mut venue = venue();
    let (mut drop, _) = log_on(&venue, 1);
    let mut alice = Fix::logged_on(&venue, "alice");
    alice.enter(buy("a"));
    assert_eq!(told(&[drop.read()]), is(&[("a", "0")]));
    std::mem::drop(drop);
    alice.enter(buy("b"));
    alice.order("F", cancel("c", "a"));
    alice.read();

    let (mut drop, number) = log_on(&venue, 2);
    let missed = resent(&mut drop, 3, number);
    assert_eq!(told(&missed), is(&[("b", "0"), ("c", "4")]));
    alice.enter(buy("d"));
    let live = drop.read();
    assert_eq!((live.get(11), live.get(43)), ("d", ""));
    std::mem::drop((drop, alice));

    venue.kill();
    venue.start_again();
    let mut alice = Fix::logged_on(&venue, "alice");
    alice.enter(buy("e"));
    let next = listed(&venue, "DROP")["next_in"].as_u64().unwrap() as u32;
    let (mut drop, number) = log_on(&venue, next);
    let all = resent(&mut drop, 1, number);
    let expected = is(&[("a", "0"), ("b", "0"), ("c", "4"), ("d", "0"), ("e", "0")]);
    assert_eq!(told(&all), expected, "all of it from the log, each once");
    assert!(all.iter().all(|copy| copy.get(797) == "Y"));
    alice.enter(buy("f"));
    assert_eq!(told(&[drop.read()]), is(&[("f", "0")]));
}

#[test]
fn copies_of_all_shards_reach_the_gateway_that_keeps_the_session() {
    let venue = setup("role = \"drop_copy\"").topology("2x2/4").start();
    let (mut drop, _) = log_on(&venue, 1);
    let mut alice = Fix::logged_on(&venue, "alice");
    for (id, symbol) in [("one", "BTC-USD"), ("two", "BTC-PERP"), ("three", "BTC-USD")] {
        let report = alice.enter(buy(id).replace("BTC-USD", symbol));
        assert_eq!(report.get(150), "0", "{report:?}");
        let copy = drop.read();
        assert_eq!((copy.get(11), copy.get(55)), (id, symbol));
    }
}

#[test]
fn one_that_does_not_read_is_cut_and_holds_nobody() {
    let setup = setup("role = \"drop_copy\"").order_rate(1_000_000, Span::from_secs(1));
    let venue = setup.caps(|caps| caps.output_bytes = 16 * 1024).start();
    let (_deaf, first) = log_on(&venue, 1);
    let mut alice = Fix::logged_on(&venue, "alice");
    let started = Instant::now();
    let mut orders = 0;
    // Each is copied twice: accepted, and expired without a counterparty.
    while listed(&venue, "DROP")["peer"].is_string() {
        for _ in 0..100 {
            orders += 1;
            alice.order("D", buy(&format!("order-with-a-long-name-{orders}")) + "59=3|");
        }
        for _ in 0..200 {
            assert_eq!(alice.read().get(35), "8", "the trader is served all the while");
        }
        assert!(started.elapsed() < 3 * PATIENCE, "not cut after {orders} orders");
    }
    let (mut drop, number) = log_on(&venue, 2);
    let copies = resent(&mut drop, first + 1, number);
    assert_eq!(copies.len(), 2 * orders);
    let ids: Vec<_> = copies.iter().map(|copy| copy.get(11)).collect();
    let expected: Vec<_> =
        (1..=orders).flat_map(|n| vec![format!("order-with-a-long-name-{n}"); 2]).collect();
    assert_eq!(ids, expected);
}

#[test]
fn a_drop_copy_is_added_at_run_time_and_hears_what_happens_from_then_on() {
    let mut venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    alice.enter(buy("before"));
    let keys = json!({ "sender_comp_id": "DROP", "target_comp_id": "SEALGATE", "role": "drop_copy" });
    say(&venue, json!({ "do": "session.add", "member": "alice", "keys": keys })).unwrap();
    alice.enter(buy("after"));
    let told_of = listed(&venue, "DROP");
    assert_eq!((&told_of["role"], &told_of["accounts"]), (&json!("drop_copy"), &json!(["ALICE"])));
    venue.kill();
    venue.start_again();
    let (mut drop, number) = log_on(&venue, 1);
    assert_eq!(told(&resent(&mut drop, 1, number)), is(&[("after", "0")]));
}

#[test]
fn a_drop_copy_sees_no_more_than_its_member_and_the_key_that_logs_on() {
    let venue = Venue::start();
    let keys = |more: Value| {
        let mut keys = json!({ "sender_comp_id": "DROP", "target_comp_id": "SEALGATE", "role": "drop_copy" });
        keys.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "do": "session.add", "member": "alice", "keys": keys })
    };
    for (more, message) in [
        (json!({ "accounts": ["BOB"] }), "\"BOB\" is no account of this member"),
        (json!({ "accounts": ["NOBODY"] }), "\"NOBODY\" is no account of this member"),
        (json!({ "role": "trading", "accounts": ["ALICE"] }), "accounts"),
        (json!({ "role": "spy" }), "role"),
    ] {
        match say(&venue, keys(more)) {
            Err(ControlError::Refused(refusal)) => {
                assert_eq!(refusal.name, "KeyRefused");
                assert!(refusal.message.contains(message), "{}", refusal.message);
            }
            other => panic!("{other:?}"),
        }
    }

    // Another account of alice that her key is not permitted for.
    let second = "[[member.account]]\nid = 9\nname = \"ALICE-9\"\n\n[[member.api_key]]\nid = 1\n";
    let venue = setup("role = \"drop_copy\"").file("[[member.api_key]]\nid = 1\n", second).start();
    let mut drop = connect(&venue, 1);
    drop.logon("");
    assert_eq!(drop.read(), Fields(Vec::new()), "all accounts of alice are more than the key may see");
    let venue = setup("role = \"drop_copy\"\naccounts = [\"ALICE\"]")
        .file("[[member.api_key]]\nid = 1\n", second)
        .start();
    log_on(&venue, 1);
}
