//! Several gateways and shards look like one server, however they are placed on threads.

use crate::support::fix::{buy, cancel};
use crate::support::websocket::{resting, with};
use crate::support::{Fix, Setup, Venue, Ws, read_to_close};
use sealgate::config::{Idle, Topology};
use sealgate::run::Server;
use serde_json::Value;

/// Gateways × shards / threads.
const ALL: [&str; 5] = ["1x1/1", "1x1/2", "2x1/3", "1x2/2", "2x2/4"];

/// Where there are two shards, these two instruments have one each.
const SYMBOLS: [&str; 2] = ["BTC-USD", "BTC-PERP"];

fn venue(topology: &str) -> Venue {
    Setup::new().topology(topology).start()
}

/// So many connections of a member, dealt out to the gateways in turn.
fn connections(venue: &Venue, member: &str, count: usize) -> Vec<Ws> {
    (0..count).map(|_| Ws::logged_on(venue, member)).collect()
}

fn perp(body: String) -> String {
    body.replace("55=BTC-USD|", "55=BTC-PERP|")
}

#[test]
fn each_topology_trades_over_both_protocols_and_loses_nothing_in_a_crash() {
    for topology in ALL {
        let mut venue = venue(topology);
        let (mut alice, mut bob) = (Fix::logged_on(&venue, "alice"), Ws::logged_on(&venue, "bob"));
        let rested = [alice.enter(buy("fix-1")), alice.enter(perp(buy("fix-2")))];
        assert!(rested.iter().all(|report| report.get(150) == "0"), "{topology}: {rested:?}");
        let requests = SYMBOLS.map(|symbol| {
            let sell = with(resting("ws-1"), "side", "SELL");
            bob.request("order.place", &with(with(sell, "symbol", symbol), "quantity", "0.004"))
        });
        let traded = requests.clone().map(|request| bob.raw(&request));
        for answer in &traded {
            assert_eq!(answer["result"]["status"], "FILLED", "{topology}: {answer}");
            assert_eq!(alice.read().get(150), "F", "{topology}");
        }
        let next = alice.next;
        venue.kill();
        venue.start_again();

        let mut bob = Ws::logged_on(&venue, "bob");
        let again = requests.map(|request| bob.raw(&request));
        for (first, again) in traded.iter().zip(&again) {
            assert_eq!(first["result"]["orderId"], again["result"]["orderId"], "{topology}");
        }
        let mut alice = Fix::connect(&venue, "alice");
        alice.next = next;
        alice.logon("");
        assert_eq!(alice.read().get(35), "A", "{topology}: the numbers go on");
        alice.order("F", cancel("cancel-1", "fix-1"));
        alice.order("F", perp(cancel("cancel-2", "fix-2")));
        let canceled = [alice.read(), alice.read()];
        assert!(canceled.iter().all(|report| report.get(150) == "4"), "{topology}: {canceled:?}");
    }
}

/// A thread that spins reads who speaks without asking first, as long as they are few.
#[test]
fn a_gateway_that_spins_hears_one_many_and_those_that_come_and_go() {
    let venue = Setup::new().adjust(|config| config.topology.threads[0].idle = Idle::Spin).start();
    let mut bots = connections(&venue, "alice", 1);
    for round in 0..3 {
        for (at, bot) in bots.iter_mut().enumerate() {
            let answer = bot.place(&resting(&format!("{round}-{at}")));
            assert_eq!(answer["status"], 200, "{answer}");
        }
        match round {
            0 => bots.extend(connections(&venue, "alice", 8)),
            _ => bots.truncate(2),
        }
    }
    let open = bots[0].call("openOrders.status", &[]);
    assert_eq!(open["result"].as_array().unwrap().len(), 1 + 9 + 2, "{open}");
}

#[test]
fn a_captured_order_executes_once_whichever_gateway_it_reaches() {
    let venue = venue("2x2/4");
    let mut bots = connections(&venue, "alice", 4);
    let request = bots[0].request("order.place", &resting("once"));
    let answers: Vec<Value> = bots.iter_mut().map(|bot| bot.raw(&request)).collect();
    assert!(answers.iter().all(|answer| answer["result"]["orderId"] == answers[0]["result"]["orderId"]));
    let open = bots[1].call("openOrders.status", &[]);
    assert_eq!(open["result"].as_array().unwrap().len(), 1, "{open}");
}

#[test]
fn what_concerns_all_instruments_is_answered_once_and_in_order() {
    for topology in ALL {
        let venue = venue(topology);
        let mut bots = connections(&venue, "alice", 2);
        let mut placed = Vec::new();
        for n in 0..6 {
            let id = format!("order-{n}");
            let order = with(resting(&id), "symbol", SYMBOLS[n % 2]);
            placed.push(bots[n % 2].place(&order)["result"]["orderId"].as_u64().unwrap());
        }
        placed.sort_unstable();
        for bot in &mut bots {
            let open = bot.call("openOrders.status", &[]);
            let open: Vec<u64> =
                open["result"].as_array().unwrap().iter().map(|o| o["orderId"].as_u64().unwrap()).collect();
            assert_eq!(open, placed, "{topology}");
            let tickers = bot.raw(r#"{"id":1,"method":"ticker.book","params":{}}"#);
            assert_eq!(tickers["result"].as_array().unwrap().len(), 3, "{topology}: {tickers}");
            assert_eq!(tickers["result"][0]["symbol"], SYMBOLS[0], "{topology}: {tickers}");
            assert!(bot.is_alive(), "{topology}: one answer, and then the next");
        }
    }
}

#[test]
fn executions_reach_all_that_subscribed_on_any_gateway() {
    for topology in ALL {
        let venue = venue(topology);
        let mut bots = connections(&venue, "alice", 4);
        bots.iter_mut().for_each(Ws::subscribe);
        let mut canceler = Ws::logged_on(&venue, "alice");
        let mut session = Fix::logged_on(&venue, "alice");
        for (id, symbol) in ["one", "two"].into_iter().zip(SYMBOLS) {
            let entered = session.enter(buy(id).replace("BTC-USD", symbol));
            assert_eq!(entered.get(150), "0", "{topology}");
            for bot in &mut bots {
                let told = bot.message();
                assert_eq!(
                    (&told["event"]["c"], &told["event"]["x"]),
                    (&id.into(), &"NEW".into()),
                    "{topology}"
                );
            }
            let canceled = canceler.call("order.cancel", &[("symbol", symbol), ("origClientOrderId", id)]);
            assert_eq!(canceled["status"], 200, "{topology}: {canceled}");
            for bot in &mut bots {
                assert_eq!(bot.message()["event"]["x"], "CANCELED", "{topology}");
            }
            assert_eq!(session.read().get(150), "4", "{topology}: the session that entered it hears it too");
        }
    }
}

#[test]
fn several_accounts_of_a_member_are_heard_on_several_connections() {
    let accounts = "[[member.account]]\nid = 11\nname = \"ALICE-2\"\n\n[[member.api_key]]\nid = 1\n";
    let setup = Setup::new().topology("2x2/4");
    let venue = setup
        .file("[[member.api_key]]\nid = 1\n", accounts)
        .file("accounts = [\"ALICE\"]", "accounts = [\"ALICE\", \"ALICE-2\"]")
        .start();
    let mut bots = connections(&venue, "alice", 2);
    bots.iter_mut().for_each(Ws::subscribe);
    let mut other = Ws::logged_on(&venue, "bob");
    other.subscribe();
    for (account, symbol) in ["ALICE", "ALICE-2"].into_iter().zip(SYMBOLS) {
        let order = with(with(resting("same-id"), "symbol", symbol), "account", account);
        let request = bots[1].request("order.place", &order);
        assert_eq!(bots[1].raw(&request)["status"], 200, "an id is unique for each account and symbol");
        let told = bots[0].message();
        assert_eq!((&told["event"]["s"], &told["event"]["x"]), (&symbol.into(), &"NEW".into()), "{told}");
    }
    assert!(other.is_alive(), "and nothing of it was told to another member: the next message is the answer");
}

#[test]
fn a_session_is_one_session_whichever_gateway_its_client_reaches() {
    let venue = venue("2x2/4");
    let mut alice = Fix::logged_on(&venue, "alice");
    // One of each pair arrives at the gateway that keeps the session, the other at the other.
    for _ in 0..2 {
        let mut second = Fix::connect(&venue, "alice");
        second.logon("141=Y|");
        assert_eq!(read_to_close(&mut second.stream), b"", "refused without a word");
    }
    assert_eq!(alice.enter(buy("still-there")).get(150), "0");
    let next = alice.next;
    drop(alice);
    let mut numbers = next;
    for n in 0..4 {
        let mut alice = Fix::connect(&venue, "alice");
        alice.next = numbers;
        alice.logon("");
        let logon = alice.read();
        assert_eq!(logon.get(35), "A", "{n}: {logon:?}");
        let id = format!("again-{n}");
        assert_eq!(alice.enter(buy(&id)).get(11), id, "the session goes on where it was");
        numbers = alice.next + 1;
        alice.log_out();
    }
}

#[test]
fn sessions_move_with_another_number_of_gateways() {
    let mut venue = venue("1x2/2");
    let mut alice = Fix::logged_on(&venue, "alice");
    let rested = alice.enter(buy("kept"));
    let mut next = alice.next;
    drop(alice);
    for topology in ["3x2/5", "2x2/4", "1x2/1"] {
        venue.kill();
        venue.adjust(|config| config.topology = topology.parse::<Topology>().unwrap());
        venue.start_again();
        let mut alice = Fix::connect(&venue, "alice");
        alice.next = next;
        alice.logon("");
        assert_eq!(alice.read().get(35), "A", "{topology}: the next number is the one that is expected");
        let resend = alice.message("2", format!("7={}|16={}|", rested.get(34), rested.get(34)), false);
        alice.send(&resend);
        let same = alice.read();
        assert_eq!((same.get(43), same.get(17)), ("Y", rested.get(17)), "{topology}: {same:?}");
        next = alice.next;
    }
}

#[test]
fn a_book_does_not_move_to_another_shard() {
    let mut venue = venue("1x2/2");
    let mut bot = Ws::logged_on(&venue, "alice");
    for symbol in SYMBOLS {
        assert_eq!(bot.place(&with(resting("kept"), "symbol", symbol))["status"], 200);
    }
    venue.stop();
    let mut refused = |topology: &str| {
        venue.adjust(|config| config.topology = topology.parse().unwrap());
        Server::start(venue.config().clone()).unwrap_err().to_string()
    };
    let fewer = refused("1x1/1");
    assert!(fewer.contains("shard-1"), "{fewer}");
    let more = refused("1x3/1");
    assert!(more.contains("instrument") && more.contains("keep the number of shards"), "{more}");
    venue.adjust(|config| config.topology = "1x2/3".parse().unwrap());
    venue.start_again();
    let mut bot = Ws::logged_on(&venue, "alice");
    assert_eq!(bot.call("openOrders.status", &[])["result"].as_array().unwrap().len(), 2);
}

#[test]
fn a_shard_is_added_where_what_is_there_stays_in_its_place() {
    let placed = "[[instrument]]\nid = 1\nshard = 0\n";
    let mut venue = Setup::new().topology("1x1/1").file("[[instrument]]\nid = 1\n", placed).start();
    assert_eq!(Ws::logged_on(&venue, "alice").place(&resting("kept"))["status"], 200);
    venue.stop();
    let keep = |config: &mut sealgate::config::Config| {
        config.topology = "2x2/4".parse().unwrap();
        let known = [1, 2, 3].map(|id| (sealgate::types::InstrumentId(id), sealgate::types::ShardId(0)));
        config.placement.shards = known.into();
    };
    venue.adjust(keep);
    venue.start_again();
    let mut bot = Ws::logged_on(&venue, "alice");
    assert_eq!(bot.call("openOrders.status", &[])["result"].as_array().unwrap().len(), 1);
}
