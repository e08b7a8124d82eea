//! Limits of an account over a restart: nobody gets a new budget by a crash.

use super::snapshots::{archive, fill, setup};
use crate::support::fix::{buy, cancel};
use crate::support::websocket::{refusal, resting, with};
use crate::support::{Fix, Setup, Venue, Ws, now_millis};
use sealgate::config::Account;
use sealgate::types::Span;
use serde_json::{Value, json};
use std::time::Duration;

const MINUTE: Span = Span::from_secs(60);
const DAY_MILLIS: u64 = 24 * 60 * 60 * 1_000;

/// A venue in which alice's account, and hers alone, has these limits.
fn limited(setup: Setup, change: impl Fn(&mut Account) + 'static) -> Venue {
    let venue = setup.accounts(move |account| {
        if account.name == "ALICE" {
            change(account);
        }
    });
    venue.start()
}

/// Alice's FIX session goes on where it was.
pub fn back(venue: &Venue, next: u32) -> Fix {
    let mut fix = Fix::connect(venue, "alice");
    fix.next = next;
    fix.logon("");
    assert_eq!(fix.read().get(35), "A");
    fix
}

/// When the account may come back, in milliseconds since 1970, as both protocols tell it.
fn come_back(ws: &Value, fix: &str) -> [u64; 2] {
    let wait = fix.split_once("retry after ").unwrap().1.split_once(' ').unwrap().0;
    [ws["error"]["data"]["retryAfter"].as_u64().unwrap(), now_millis() + wait.parse::<u64>().unwrap()]
}

/// Later by what a request took from the gateway to the shard, and by what the tests beside this one take.
#[track_caller]
fn assert_as_before(before: [u64; 2], after: [u64; 2]) {
    for (before, after) in before.into_iter().zip(after) {
        assert!(after + 50 >= before && after < before + 5_000, "{before} {after}");
    }
}

/// Two tests in a row are to fall on one day.
fn early_enough() {
    let left = DAY_MILLIS - now_millis() % DAY_MILLIS;
    if left < 30_000 {
        std::thread::sleep(Duration::from_millis(left + 1));
    }
}

fn used(ws: &mut Ws) -> Value {
    let mut limits = ws.call("account.rateLimits.orders", &[])["result"].take();
    // Asking counts itself.
    limits.as_array_mut().unwrap().retain(|limit| limit["rateLimitType"] != "QUERIES");
    limits
}

#[test]
fn a_window_that_is_used_up_is_so_after_a_crash_until_the_same_time() {
    let mut venue = limited(Setup::new(), |account| {
        (account.rates.orders, account.rates.cancels) = ((4, MINUTE), (2, MINUTE));
    });
    let (mut ws, mut fix) = (Ws::logged_on(&venue, "alice"), Fix::logged_on(&venue, "alice"));
    for n in 0..2 {
        assert_eq!(ws.place(&resting(&format!("ws-{n}")))["status"], 200);
        assert_eq!(fix.enter(buy(&format!("fix-{n}"))).get(150), "0");
    }
    let by_name = [("symbol", "BTC-USD"), ("origClientOrderId", "ws-0")];
    assert_eq!(ws.call("order.cancel", &by_name)["status"], 200);
    fix.order("F", cancel("cancel-1", "fix-0"));
    assert_eq!(fix.read().get(150), "4");
    let (refused, told) = (ws.place(&resting("ws-2")), fix.enter(buy("fix-2")));
    told.assert_refused("8", "99", "OrderRate");
    let before = come_back(&refused, told.get(58));
    let next = fix.next;
    venue.kill();
    venue.start_again();

    let (mut ws, mut fix) = (Ws::logged_on(&venue, "alice"), back(&venue, next));
    let (refused, told) = (ws.place(&resting("ws-3")), fix.enter(buy("fix-3")));
    assert_eq!(refusal(&refused), ("OrderRate".to_owned(), -1015));
    told.assert_refused("8", "99", "OrderRate");
    assert_as_before(before, come_back(&refused, told.get(58)));
    fix.order("F", cancel("cancel-2", "fix-1"));
    fix.read().assert_refused("9", "99", "CancelRate");
    assert_eq!(used(&mut ws)[0]["count"], 4);
    let mut bob = Ws::logged_on(&venue, "bob");
    assert_eq!(bob.place(&resting("other"))["status"], 200, "another account has its own");
}

#[test]
fn a_day_that_is_used_up_is_so_after_a_crash_until_midnight() {
    early_enough();
    let mut venue = limited(Setup::new(), |account| account.rates.orders_per_day = Some(3));
    let (mut ws, mut fix) = (Ws::logged_on(&venue, "alice"), Fix::logged_on(&venue, "alice"));
    assert_eq!(fix.enter(buy("fix-1")).get(150), "0");
    assert_eq!(ws.place(&resting("ws-1"))["status"], 200);
    let placed = ws.place(&resting("ws-2"));
    let today =
        json!({ "rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "limit": 3, "count": 3 });
    assert_eq!(placed["rateLimits"][1], today, "{placed}");
    let next = fix.next;
    venue.kill();
    venue.start_again();

    let (mut ws, mut fix) = (Ws::logged_on(&venue, "alice"), back(&venue, next));
    assert_eq!(used(&mut ws)[1], today);
    let (refused, told) = (ws.place(&resting("ws-3")), fix.enter(buy("fix-3")));
    assert_eq!(refusal(&refused), ("OrdersOfDay".to_owned(), -1015));
    assert_eq!(refused["status"], 429);
    told.assert_refused("8", "99", "OrdersOfDay");
    let midnight = now_millis().next_multiple_of(DAY_MILLIS);
    assert_as_before([midnight; 2], come_back(&refused, told.get(58)));
    let by_name = [("symbol", "BTC-USD"), ("origClientOrderId", "ws-1")];
    assert_eq!(ws.call("order.cancel", &by_name)["status"], 200, "cancels are taken");
}

#[test]
fn limits_are_as_used_as_before_where_only_a_snapshot_knows_it() {
    early_enough();
    let hour = Span::from_secs(60 * 60);
    let mut venue = limited(setup().topology("2x2/4"), move |account| {
        (account.rates.orders, account.rates.cancels) = ((3, hour), (5, hour));
        account.rates.orders_per_day = Some(1_000);
    });
    let (mut ws, mut bob) = (Ws::logged_on(&venue, "alice"), Ws::logged_on(&venue, "bob"));
    for n in 0..3 {
        assert_eq!(ws.place(&resting(&format!("ws-{n}")))["status"], 200);
    }
    // What all shards have is one request.
    assert_eq!(ws.call("openOrders.cancelAll", &[])["status"], 200);
    let refused = ws.place(&resting("ws-4"));
    let before = used(&mut ws);
    assert_eq!([0, 1, 2].map(|at: usize| before[at]["count"].as_u64()), [3, 3, 1].map(Some), "{before}");
    fill(&venue, &mut bob, 4);
    venue.kill();
    archive(&venue, 3);
    venue.start_again();

    let mut ws = Ws::logged_on(&venue, "alice");
    assert_eq!(used(&mut ws), before);
    let again = ws.place(&resting("ws-5"));
    assert_eq!(refusal(&again).0, "OrderRate");
    let at = |refused: &Value| [refused["error"]["data"]["retryAfter"].as_u64().unwrap(); 2];
    assert_as_before(at(&refused), at(&again));
}

#[test]
fn what_never_came_to_a_shard_does_not_count_after_a_restart() {
    let mut venue = limited(Setup::new(), |account| {
        (account.rates.orders, account.rates.queries) = ((3, MINUTE), (1, MINUTE));
    });
    let mut ws = Ws::logged_on(&venue, "alice");
    let request = ws.request("order.place", &resting("once"));
    for _ in 0..3 {
        assert_eq!(ws.raw(&request)["status"], 200);
    }
    assert_eq!(
        refusal(&ws.place(&resting("more"))).0,
        "OrderRate",
        "a repetition counts while the server runs"
    );
    assert_eq!(ws.call("openOrders.status", &[])["status"], 200);
    assert_eq!(refusal(&ws.call("openOrders.status", &[])).0, "QueryRate");
    venue.kill();
    venue.start_again();

    let mut ws = Ws::logged_on(&venue, "alice");
    assert_eq!(ws.call("openOrders.status", &[])["status"], 200);
    for n in 0..2 {
        assert_eq!(ws.place(&resting(&format!("more-{n}")))["status"], 200);
    }
    assert_eq!(refusal(&ws.place(&resting("too-many"))).0, "OrderRate");
}

#[test]
fn what_a_gateway_refused_runs_once_if_it_is_sent_again_and_what_a_shard_refused_never() {
    let window = Span::from_millis(800);
    let venue = limited(Setup::new(), move |account| account.rates.orders = (1, window));
    let mut ws = Ws::logged_on(&venue, "alice");
    let requests = [resting("first"), resting("second"), with(resting("off-tick"), "price", "99000.001")];
    let [first, second, off_tick] = requests.map(|order| ws.request("order.place", &order));
    // As often as the limit refuses it, and once more.
    let mut taken = |request: &str| {
        let mut refused = 0;
        loop {
            let answer = ws.raw(request);
            match answer["error"]["data"]["name"].as_str() {
                Some("OrderRate") => refused += 1,
                _ => return (refused, answer),
            }
            let wait = answer["error"]["data"]["waitMillis"].as_u64().unwrap();
            std::thread::sleep(Duration::from_millis(wait));
        }
    };
    assert_eq!(taken(&first).1["status"], 200);
    let (refused, placed) = taken(&second);
    assert!(refused > 0, "the window was used up");
    assert_eq!(
        (&placed["status"], placed.get("repeated")),
        (&json!(200), None),
        "the same bytes, a new request"
    );
    let (_, again) = taken(&second);
    assert_eq!(
        (&again["result"]["orderId"], &again["repeated"]),
        (&placed["result"]["orderId"], &json!(true))
    );
    let (_, off) = taken(&off_tick);
    let (_, still_off) = taken(&off_tick);
    assert_eq!((&off["error"], &off["status"]), (&still_off["error"], &still_off["status"]), "{off}");
    assert_eq!(ws.call("openOrders.status", &[])["result"].as_array().unwrap().len(), 2);
}
