//! Market data over FIX: the dialogues of V, W, X and Y.

use crate::support::fix::{Fields, buy, cancel};
use crate::support::{Fix, Setup, Venue};
use sealgate::client::NewOrder;
use sealgate::client::fix::{MarketReport, Topics};
use sealgate::client::market::MarketEvent;
use sealgate::types::{Reject, Side, Span};

/// A request for the top of the book of BTC-USD.
fn request(id: &str, kind: u8, update: u8, entries: &[&str]) -> String {
    let types: String = entries.iter().map(|entry| format!("269={entry}|")).collect();
    let count = entries.len();
    format!("262={id}|263={kind}|264=1|265={update}|267={count}|{types}146=1|55=BTC-USD|")
}

fn ask(fix: &mut Fix, body: impl AsRef<[u8]>) -> Fields {
    let message = fix.message("V", body, false);
    fix.send(&message);
    fix.read()
}

fn sell(cl_ord_id: &str, qty: &str) -> String {
    buy(cl_ord_id).replace("54=1", "54=2").replace("38=0.01", &format!("38={qty}"))
}

/// The values of the fields with these tags, in the order in which they stand.
fn values<'a>(message: &'a Fields, tags: &[u32]) -> Vec<(u32, &'a str)> {
    let wanted = message.0.iter().filter(|(tag, _)| tags.contains(tag));
    wanted.map(|(tag, value)| (*tag, value.as_str())).collect()
}

const TOP: &[u32] = &[35, 262, 268, 279, 269, 270, 271];

#[test]
fn a_subscription_tells_the_top_and_then_what_changes_in_it() {
    let venue = Venue::start();
    let (mut alice, mut bob) = (Fix::logged_on(&venue, "alice"), Fix::logged_on(&venue, "bob"));
    let snapshot = ask(&mut alice, request("md-1", 1, 1, &["0", "1"]));
    assert_eq!(values(&snapshot, TOP), [(35, "W"), (262, "md-1"), (268, "0")], "an empty book");
    bob.enter(buy("b1"));
    let came = alice.read();
    let bid = [(269, "0"), (270, "99000.00"), (271, "0.01000")];
    assert_eq!(values(&came, TOP)[..4], [(35, "X"), (262, "md-1"), (268, "1"), (279, "0")]);
    assert_eq!(values(&came, TOP)[4..], bid);
    bob.enter(buy("b2"));
    let more = alice.read();
    assert_eq!(values(&more, &[279, 269, 271]), [(279, "1"), (269, "0"), (271, "0.02000")]);
    for id in ["b1", "b2"] {
        bob.order("F", cancel(&format!("c-{id}"), id));
        bob.read();
    }
    let (less, gone) = (alice.read(), alice.read());
    assert_eq!(values(&less, &[279, 271]), [(279, "1"), (271, "0.01000")]);
    assert_eq!(values(&gone, &[279, 269, 270]), [(279, "2"), (269, "0"), (270, "99000.00")]);

    let message = alice.message("V", request("md-1", 2, 1, &["0", "1"]), false);
    alice.send(&message);
    bob.enter(buy("b3"));
    assert_eq!(alice.enter(buy("a1")).get(35), "8", "nothing more is told of the market");
}

#[test]
fn each_trade_is_told_with_its_id_and_the_side_that_took() {
    let venue = Venue::start();
    let (mut alice, mut bob) = (Fix::logged_on(&venue, "alice"), Fix::logged_on(&venue, "bob"));
    assert_eq!(ask(&mut bob, request("trades", 1, 1, &["2"])).get(35), "W");
    alice.enter(buy("b1"));
    bob.order("D", sell("s1", "0.004"));
    let (_, execution, trade) = (bob.read(), bob.read(), bob.read());
    let told = values(&trade, &[35, 279, 269, 278, 270, 271, 58]);
    let id = execution.get(527);
    let wanted =
        [(35, "X"), (279, "0"), (269, "2"), (278, id), (270, "99000.00"), (271, "0.00400"), (58, "SELL")];
    assert_eq!(told, wanted, "after the report of one's own");
}

#[test]
fn a_full_refresh_tells_all_of_it_each_time_and_a_snapshot_once() {
    let venue = Venue::start();
    let (mut alice, mut bob) = (Fix::logged_on(&venue, "alice"), Fix::logged_on(&venue, "bob"));
    bob.enter(buy("b1"));
    let once = ask(&mut alice, request("once", 0, 0, &["0", "1"]));
    assert_eq!(values(&once, &[35, 268, 269, 271]), [(35, "W"), (268, "1"), (269, "0"), (271, "0.01000")]);
    // Its name is free again, since nothing goes on under it.
    let full = ask(&mut alice, request("once", 1, 0, &["0"]));
    assert_eq!(full.get(35), "W");
    bob.enter(buy("b2"));
    let again = alice.read();
    assert_eq!(
        values(&again, &[35, 262, 268, 271]),
        [(35, "W"), (262, "once"), (268, "1"), (271, "0.02000")]
    );
}

#[test]
fn a_request_that_is_not_served_is_rejected_with_its_reason() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    assert_eq!(ask(&mut alice, request("md-1", 1, 1, &["0"])).get(35), "W");
    let good = request("md-2", 1, 1, &["0", "1"]);
    let cases = [
        (good.replace("BTC-USD", "NONE"), "0", "SymbolUnknown"),
        (good.replace("md-2", "md-1"), "1", "MdReqIdInUse"),
        (good.replace("264=1", "264=0"), "5", "MarketDepthUnsupported"),
        (good.replace("265=1|", ""), "6", "MdUpdateTypeUnsupported"),
        (request("md-2", 1, 0, &["2"]), "6", "MdUpdateTypeUnsupported"),
        (good.replace("269=1", "269=4"), "8", "MdEntryTypeUnsupported"),
        (request("none", 2, 1, &["0"]), "", "NotSubscribed"),
    ];
    for (body, reason, name) in cases {
        let rejected = ask(&mut alice, &body);
        assert_eq!((rejected.get(35), rejected.get(281)), ("Y", reason), "{body} {rejected:?}");
        assert!(rejected.get(58).starts_with(name) && !rejected.get(262).is_empty(), "{rejected:?}");
    }
    // What is no good message is for the session to reject.
    ask(&mut alice, good.replace("263=1", "263=7")).assert_refused("3", "5", "Value");
    ask(&mut alice, good.replace("267=2", "267=3")).assert_refused("3", "16", "Incorrect");
}

#[test]
fn a_connection_has_as_many_subscriptions_as_it_may() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let symbols = "146=3|55=BTC-USD|55=BTC-PERP|55=BTC-281229-100000-C|";
    for n in 0..21 {
        let body = request(&format!("md-{n}"), 1, 1, &["0"]).replace("146=1|55=BTC-USD|", symbols);
        let told = [ask(&mut alice, body), alice.read(), alice.read()];
        assert!(told.iter().all(|message| message.get(35) == "W"), "{told:?}");
    }
    let body = request("md-x", 1, 1, &["0"]).replace("146=1|55=BTC-USD|", symbols);
    let rejected = ask(&mut alice, body);
    assert_eq!((rejected.get(35), rejected.get(281)), ("Y", "2"), "{rejected:?}");
}

#[test]
fn market_data_takes_numbers_that_a_resend_fills() {
    let venue = Venue::start();
    let (mut alice, mut bob) = (Fix::logged_on(&venue, "alice"), Fix::logged_on(&venue, "bob"));
    alice.enter(buy("a1"));
    let first = ask(&mut alice, request("md-1", 1, 1, &["0", "1"]));
    bob.enter(buy("b1"));
    let second = alice.read();
    let report = alice.enter(buy("a2").replace("99000.00", "98000.00"));
    let numbers = [&first, &second, &report].map(|message| message.get(34).parse::<u32>().unwrap());
    assert_eq!(numbers, [3, 4, 5], "one sequence");
    let resend = alice.message("2", "7=2|16=0|", false);
    alice.send(&resend);
    let (a1, fill, a2) = (alice.read(), alice.read(), alice.read());
    assert_eq!((a1.get(35), a1.get(34), a1.get(11)), ("8", "2", "a1"));
    assert_eq!(values(&fill, &[35, 34, 123, 36]), [(35, "4"), (34, "3"), (36, "5"), (123, "Y")]);
    assert_eq!((a2.get(35), a2.get(34), a2.get(11)), ("8", "5", "a2"));
    bob.enter(buy("b2"));
    assert_eq!(alice.read().get(35), "X", "the subscription goes on");
}

#[test]
fn a_subscription_ends_with_its_connection() {
    let mut venue = Setup::new().topology("2x2/4").start();
    let (mut alice, mut bob) = (Fix::logged_on(&venue, "alice"), Fix::logged_on(&venue, "bob"));
    assert_eq!(ask(&mut alice, request("md-1", 1, 1, &["0", "1"])).get(35), "W");
    let next = alice.next;
    alice.log_out();
    let mut alice = Fix::connect(&venue, "alice");
    alice.next = next + 1;
    alice.logon("");
    assert_eq!(alice.read().get(35), "A");
    bob.enter(buy("b1"));
    let snapshot = ask(&mut alice, request("md-1", 1, 1, &["0", "1"]));
    assert_eq!(values(&snapshot, &[35, 268]), [(35, "W"), (268, "1")], "its name is free");
    venue.kill();
    venue.start_again();
    let mut alice = Fix::logged_on(&venue, "alice");
    let snapshot = ask(&mut alice, request("md-1", 0, 0, &["0"]));
    assert_eq!(values(&snapshot, &[35, 271]), [(35, "W"), (271, "0.01000")], "the book survives");
}

#[test]
fn every_version_has_its_own_words_and_the_same_market_data() {
    use sealgate::types::FixVersion;
    for version in FixVersion::ALL {
        let venue = Setup::new()
            .order_rate(1_000, Span::from_secs(1))
            .fix_rules(move |rules| rules.version = version)
            .start();
        let mut alice = Fix::connect(&venue, "alice");
        alice.begin_string = version.begin_string();
        let appl = String::from_utf8_lossy(version.appl_ver_id()).into_owned();
        alice.logon(&if version.is_fixt() { format!("141=Y|1137={appl}|") } else { "141=Y|".to_owned() });
        assert_eq!(alice.read().get(35), "A", "{version}");
        assert_eq!(ask(&mut alice, request("md-1", 1, 1, &["0", "1", "2"])).get(35), "W", "{version}");
        alice.enter(buy("b1"));
        assert_eq!(alice.read().get(269), "0", "{version}");
    }
}

#[tokio::test]
async fn the_sdk_hears_the_top_of_books_and_trades() {
    let venue = Venue::start();
    let (alice, _reports) = venue.fix("alice").await;
    let (mut bob, mut market) = (Fix::logged_on(&venue, "bob"), alice.market_data().await.unwrap());
    let (top, trades) = (Topics { top: true, trades: true }, Topics { top: false, trades: true });
    let id = market.subscribe(&["BTC-USD"], top).await.unwrap();
    let MarketReport::Event { id: of, event: MarketEvent::Top(empty) } = market.next().await.unwrap() else {
        panic!("the top as it is")
    };
    assert_eq!((of, empty.bid, empty.ask), (id.clone(), None, None));
    bob.enter(buy("b1"));
    let MarketReport::Event { event: MarketEvent::Top(top), .. } = market.next().await.unwrap() else {
        panic!("a change of it")
    };
    assert_eq!(top.bid, Some(("99000.00".parse().unwrap(), "0.01000".parse().unwrap())));
    alice
        .place(&NewOrder::limit("BTC-USD", Side::Sell, "0.01".parse().unwrap(), "99000".parse().unwrap()))
        .await
        .unwrap();
    let (trade, gone) = (market.next().await.unwrap(), market.next().await.unwrap());
    let MarketReport::Event { event: MarketEvent::Trade(trade), .. } = trade else { panic!("{trade:?}") };
    assert_eq!((trade.qty, trade.aggressor), ("0.01000".parse().unwrap(), Side::Sell));
    let MarketReport::Event { event: MarketEvent::Top(gone), .. } = gone else { panic!("{gone:?}") };
    assert_eq!(gone.bid, None);
    market.unsubscribe(&id).await.unwrap();
    let wrong = market.subscribe(&["NONE"], trades).await.unwrap();
    let refused = market.next().await.unwrap();
    let MarketReport::Refused { id, error } = refused else { panic!("{refused:?}") };
    assert_eq!((id, error.reject), (wrong, Some(Reject::SymbolUnknown)));
}
