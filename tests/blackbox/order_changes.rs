//! Amendments, replacements, mass cancels, status, good-till-date, reduce-only and self-match prevention, over both
//! protocols.

use crate::support::fix::{Fields, buy, fix_time};
use crate::support::websocket::{refusal, resting, with};
use crate::support::{Fix, Setup, Venue, Ws, now};
use sealgate::types::Span;
use serde_json::{Value, json};

fn amend(cl_ord_id: &str, orig: &str, qty: &str, price: &str) -> String {
    let time = fix_time(now());
    format!("11={cl_ord_id}|41={orig}|38={qty}|40=2|44={price}|54=1|55=BTC-USD|60={time}|")
}

fn text_starts(message: &Fields, start: &str) -> bool {
    message.get(58).starts_with(start)
}

#[test]
fn an_amendment_over_fix_keeps_the_order_id_and_tells_whether_priority_is_kept() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    let id = alice.enter(buy("a")).get(37).to_owned();
    alice.order("G", amend("b", "a", "0.005", "99000.00"));
    let less = alice.read();
    assert_eq!((less.get(35), less.get(150), less.get(39), less.get(37)), ("8", "5", "0", id.as_str()));
    assert_eq!((less.get(11), less.get(41), less.get(151)), ("b", "a", "0.00500"));
    assert!(text_starts(&less, "PriorityKept"), "{less:?}");
    alice.order("G", amend("c", "a", "0.02", "99001.00"));
    let more = alice.read();
    assert_eq!((more.get(150), more.get(41), more.get(44), more.get(38)), ("5", "b", "99001.00", "0.02000"));
    assert!(text_starts(&more, "PriorityLost"), "any name of the chain finds it: {more:?}");
    alice.order("G", amend("d", "nobody", "0.02", "99001.00"));
    let refused = alice.read();
    refused.assert_refused("9", "1", "OrderUnknown");
    assert_eq!(refused.get(434), "2");
    alice.order("G", amend("e", "c", "0.02", "99001.00").replace("54=1|", "54=2|"));
    alice.read().assert_refused("9", "99", "AmendmentConflict");
}

#[test]
fn an_amendment_that_crosses_trades_under_its_new_name_and_runs_once() {
    let venue = Venue::start();
    let (mut alice, mut bob) = (Fix::logged_on(&venue, "alice"), Fix::logged_on(&venue, "bob"));
    bob.enter(buy("offer").replace("54=1|", "54=2|").replace("99000.00", "99500.00"));
    alice.enter(buy("a"));
    alice.order("G", amend("b", "a", "0.03", "99500.00"));
    assert_eq!(alice.read().get(150), "5");
    let trade = alice.read();
    assert_eq!((trade.get(150), trade.get(11), trade.get(32)), ("F", "b", "0.01000"));
    alice.order("G", amend("b", "a", "0.03", "99500.00"));
    let again = alice.read();
    assert_eq!((again.get(150), again.get(17), again.get(14)), ("I", "0", "0.01000"));
    alice.order("G", amend("b", "a", "0.04", "99500.00"));
    alice.read().assert_refused("9", "6", "DuplicateClOrdId");
    alice.order("G", amend("c", "b", "0.01", "99500.00"));
    alice.read().assert_refused("9", "99", "QtyBelowFilled");
}

#[test]
fn status_over_fix_tells_one_order_or_all_of_them_or_none() {
    let venue = Venue::start();
    let mut alice = Fix::logged_on(&venue, "alice");
    alice.enter(buy("a"));
    alice.enter(buy("b"));
    alice.order("H", "11=a|790=ask-1|54=1|55=BTC-USD|");
    let one = alice.read();
    assert_eq!((one.get(150), one.get(39), one.get(11), one.get(790)), ("I", "0", "a", "ask-1"));
    alice.order("H", "11=nobody|54=1|55=BTC-USD|");
    let none = alice.read();
    assert_eq!((none.get(150), none.get(39), none.get(103), none.get(37)), ("I", "8", "5", "NONE"));
    alice.order("AF", "584=all-1|585=7|");
    let (first, second) = (alice.read(), alice.read());
    assert_eq!((first.get(11), first.get(584), first.get(911), first.get(912)), ("a", "all-1", "2", "N"));
    assert_eq!((second.get(11), second.get(150), second.get(911), second.get(912)), ("b", "I", "2", "Y"));
    alice.order("AF", "584=all-2|585=1|55=BTC-PERP|");
    let empty = alice.read();
    assert_eq!((empty.get(911), empty.get(912), empty.get(39)), ("0", "Y", "8"));
    alice.order("AF", "584=all-3|585=9|");
    assert_eq!(alice.read().get(35), "3", "585=9 is none of ours");
}

#[test]
fn a_mass_cancel_over_fix_is_reported_once_with_its_count() {
    let venue = Venue::start();
    let (mut alice, mut ws) = (Fix::logged_on(&venue, "alice"), Ws::logged_on(&venue, "alice"));
    ws.subscribe();
    for n in 0..150 {
        assert_eq!(alice.enter(buy(&format!("o{n}"))).get(150), "0");
    }
    let time = fix_time(now());
    alice.order("q", format!("11=all|530=1|55=BTC-USD|60={time}|"));
    for n in 0..150 {
        let canceled = alice.read();
        assert_eq!((canceled.get(150), canceled.get(11)), ("4", "all"));
        assert_eq!(canceled.get(41), format!("o{n}"));
        assert!(text_starts(&canceled, "MassCancel"), "{canceled:?}");
    }
    let report = alice.read();
    assert_eq!((report.get(35), report.get(11), report.get(530), report.get(531)), ("r", "all", "1", "1"));
    assert_eq!(report.get(533), "150");
    alice.order("q", format!("11=all|530=1|55=BTC-USD|60={time}|"));
    assert_eq!(alice.read().get(533), "150", "a repetition tells the first result");
    alice.order("q", format!("11=other|530=7|54=2|60={time}|"));
    assert_eq!(alice.read().get(533), "0");
    alice.order("q", format!("11=bad|530=7|55=NOTHING|60={time}|"));
    let refused = alice.read();
    assert_eq!((refused.get(35), refused.get(531), refused.get(533)), ("r", "0", "0"));
}

#[test]
fn a_smaller_quantity_over_websocket_keeps_priority() {
    let venue = Venue::start();
    let mut ws = Ws::logged_on(&venue, "alice");
    let placed = ws.place(&resting("a"));
    let params = [("symbol", "BTC-USD"), ("origClientOrderId", "a"), ("newQty", "0.005")];
    let named = [params.as_slice(), &[("newClientOrderId", "b")]].concat();
    let amended = ws.call("order.amend.keepPriority", &named);
    let result = &amended["result"];
    assert_eq!((amended["status"].as_i64(), &result["keptPriority"]), (Some(200), &json!(true)), "{amended}");
    let order = &result["amendedOrder"];
    assert_eq!(order["orderId"], placed["result"]["orderId"]);
    assert_eq!((&order["origClientOrderId"], &order["clientOrderId"]), (&json!("a"), &json!("b")));
    assert_eq!(order["qty"], "0.00500");
    let again = ws.call("order.amend.keepPriority", &named);
    assert_eq!((&again["repeated"], &again["result"]["amendedOrder"]), (&json!(true), order));
    let refused = ws.call("order.amend.keepPriority", &with(named.clone(), "newClientOrderId", "c"));
    assert_eq!(refusal(&refused), ("PriorityWouldBeLost".to_owned(), -2038));
    let status = ws.call("order.status", &[("symbol", "BTC-USD"), ("origClientOrderId", "a")]);
    assert_eq!(
        (&status["result"]["clientOrderId"], &status["result"]["origQty"]),
        (&json!("b"), &json!("0.00500"))
    );
}

fn replace<'a>(new: &'a str, old: &'a str, mode: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut params = resting(new);
    params.extend([("cancelOrigClientOrderId", old), ("cancelReplaceMode", mode)]);
    params
}

#[test]
fn cancel_replace_tells_what_became_of_both() {
    let venue = Venue::start();
    let mut ws = Ws::logged_on(&venue, "alice");
    ws.place(&resting("a"));
    let both = ws.call("order.cancelReplace", &replace("b", "a", "STOP_ON_FAILURE"));
    let result = &both["result"];
    assert_eq!((&result["cancelResult"], &result["newOrderResult"]), (&json!("SUCCESS"), &json!("SUCCESS")));
    assert_eq!(result["cancelResponse"]["origClientOrderId"], "a");
    assert_eq!(result["newOrderResponse"]["clientOrderId"], "b");
    let again = ws.call("order.cancelReplace", &replace("b", "a", "STOP_ON_FAILURE"));
    assert_eq!((&again["repeated"], &again["result"]), (&json!(true), result));

    let stopped = ws.call("order.cancelReplace", &replace("c", "a", "STOP_ON_FAILURE"));
    let data = &stopped["error"]["data"];
    assert_eq!((stopped["status"].as_i64(), stopped["error"]["code"].as_i64()), (Some(400), Some(-2022)));
    assert_eq!(
        (&data["cancelResult"], &data["newOrderResult"]),
        (&json!("FAILURE"), &json!("NOT_ATTEMPTED"))
    );
    assert_eq!((&data["cancelResponse"]["code"], &data["newOrderResponse"]), (&json!(-2011), &Value::Null));

    let allowed = ws.call("order.cancelReplace", &replace("d", "a", "ALLOW_FAILURE"));
    let data = &allowed["error"]["data"];
    assert_eq!((allowed["status"].as_i64(), allowed["error"]["code"].as_i64()), (Some(409), Some(-2021)));
    assert_eq!((&data["cancelResult"], &data["newOrderResult"]), (&json!("FAILURE"), &json!("SUCCESS")));
    let far = with(replace("e", "d", "STOP_ON_FAILURE"), "price", "1.00");
    let partly = ws.call("order.cancelReplace", &far);
    let data = &partly["error"]["data"];
    assert_eq!((&data["cancelResult"], &data["newOrderResult"]), (&json!("SUCCESS"), &json!("FAILURE")));
    assert_eq!(data["newOrderResponse"]["data"]["name"], "PriceOutsideBand");
}

#[test]
fn a_mass_cancel_over_websocket_lists_what_it_canceled() {
    let venue = Venue::start();
    let mut ws = Ws::logged_on(&venue, "alice");
    for name in ["a", "b", "c"] {
        ws.place(&resting(name));
    }
    let all = ws.call("openOrders.cancelAll", &[("newClientOrderId", "all")]);
    assert_eq!(all["canceledOrders"], 3, "{all}");
    let names: Vec<&str> =
        all["result"].as_array().unwrap().iter().map(|o| o["origClientOrderId"].as_str().unwrap()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    let none = ws.call("openOrders.cancelAll", &[("symbol", "BTC-USD")]);
    assert_eq!((&none["canceledOrders"], &none["result"]), (&json!(0), &json!([])));
}

#[test]
fn what_concerns_several_shards_is_answered_once() {
    let mut venue = Setup::new().topology("2x2/4").start();
    let (mut fix, mut ws) = (Fix::logged_on(&venue, "alice"), Ws::logged_on(&venue, "alice"));
    fix.enter(buy("spot"));
    let perpetual = buy("perp").replace("55=BTC-USD", "55=BTC-PERP").replace("38=0.01|", "38=1|");
    assert_eq!(fix.enter(perpetual.replace("99000.00", "99000.0")).get(150), "0");
    let status = ws.call("account.status", &[]);
    assert_eq!(status["result"]["positions"].as_array().map(Vec::len), Some(2), "{status}");
    let time = fix_time(now());
    fix.order("q", format!("11=all|530=7|60={time}|"));
    let told: Vec<Fields> = (0..3).map(|_| fix.read()).collect();
    let kinds: Vec<&str> = told.iter().map(|message| message.get(35)).collect();
    assert_eq!((kinds, told[2].get(533)), (vec!["8", "8", "r"], "2"));
    fix.order("q", format!("11=all|530=7|60={time}|"));
    let again = fix.read();
    assert_eq!((again.get(35), again.get(533)), ("r", "2"), "the first result, of both shards");
    assert_eq!(ws.call("openOrders.cancelAll", &[])["canceledOrders"], 0);

    let next = fix.next;
    venue.kill();
    venue.start_again();
    let mut fix = Fix::connect(&venue, "alice");
    fix.next = next;
    fix.logon("");
    assert_eq!(fix.read().get(35), "A");
    fix.order("q", format!("11=all|530=7|60={time}|"));
    let again = fix.read();
    assert_eq!(
        (again.get(35), again.get(533), again.get(97)),
        ("r", "2", ""),
        "what was told is owed no more"
    );
}

#[test]
fn an_account_sees_its_positions_limits_trades_and_rates() {
    let venue = Venue::start();
    let (mut alice, mut bob) = (Ws::logged_on(&venue, "alice"), Ws::logged_on(&venue, "bob"));
    alice.place(&resting("a"));
    bob.place(&with(with(resting("s"), "side", "SELL"), "quantity", "0.004"));
    let status = alice.call("account.status", &[]);
    let position = &status["result"]["positions"][0];
    assert_eq!((&position["symbol"], &position["positionAmt"]), (&json!("BTC-USD"), &json!("0.00400")));
    assert_eq!((&position["openOrders"], &position["openBuyQty"]), (&json!(1), &json!("0.00600")));
    assert_eq!(status["result"]["canTrade"], true);
    let trades = alice.call("myTrades", &[("symbol", "BTC-USD")]);
    let trade = &trades["result"][0];
    assert_eq!(
        (&trade["qty"], &trade["isBuyer"], &trade["isMaker"]),
        (&json!("0.00400"), &json!(true), &json!(true))
    );
    let later = (trade["id"].as_u64().unwrap() + 1).to_string();
    let none = alice.call("myTrades", &[("symbol", "BTC-USD"), ("fromId", &later)]);
    assert_eq!(none["result"], json!([]));
    let rates = alice.call("account.rateLimits.orders", &[]);
    assert_eq!(
        (&rates["result"][0]["rateLimitType"], &rates["result"][0]["count"]),
        (&json!("ORDERS"), &json!(1))
    );
}

#[test]
fn a_test_order_is_checked_and_not_placed() {
    let venue = Venue::start();
    let mut ws = Ws::logged_on(&venue, "alice");
    assert_eq!(ws.call("order.test", &resting("t"))["result"], json!({}));
    let far = ws.call("order.test", &with(resting("t"), "price", "1.00"));
    assert_eq!(refusal(&far).0, "PriceOutsideBand");
    assert_eq!(ws.call("openOrders.status", &[])["result"], json!([]));
}

#[test]
fn a_good_till_date_order_expires_by_itself_and_says_so() {
    let venue = Venue::start();
    let (mut fix, mut ws) = (Fix::logged_on(&venue, "alice"), Ws::logged_on(&venue, "alice"));
    let soon = now() + Span::from_millis(400);
    let entered = fix.enter(format!("{}59=6|126={}|", buy("gtd"), fix_time(soon)));
    assert_eq!((entered.get(150), entered.get(59)), ("0", "6"), "{entered:?}");
    let expired = fix.read();
    assert_eq!((expired.get(150), expired.get(39)), ("C", "C"));
    assert!(text_starts(&expired, "GoodTillDate"), "{expired:?}");
    let late = with(with(resting("w"), "timeInForce", "GTD"), "goodTillDate", "1000");
    assert_eq!(refusal(&ws.place(&late)).0, "ExpireTimePassed");
    let without = with(resting("w"), "timeInForce", "GTD");
    assert_eq!(refusal(&ws.place(&without)).0, "ExpireTimeInvalid");
}

#[test]
fn a_reduce_only_order_trades_no_more_than_there_is_to_reduce() {
    let venue = Venue::start();
    let (mut alice, mut bob) = (Fix::logged_on(&venue, "alice"), Fix::logged_on(&venue, "bob"));
    alice.order("D", format!("{}18=E|", buy("none")));
    alice.read().assert_refused("8", "99", "NothingToReduce");
    bob.enter(buy("sell").replace("54=1|", "54=2|").replace("38=0.01|", "38=0.004|"));
    alice.enter(buy("long"));
    assert_eq!(alice.read().get(32), "0.00400");
    bob.enter(buy("bid").replace("44=99000.00", "44=98990.00"));
    let reduce = buy("reduce").replace("54=1|", "54=2|").replace("44=99000.00", "44=98990.00");
    alice.order("D", format!("{reduce}18=E|25001=1|"));
    let taken: Vec<Fields> = std::iter::from_fn(|| Some(alice.read())).take(4).collect();
    let fills: Vec<&str> = taken.iter().map(|m| m.get(150)).collect();
    assert_eq!(fills, ["0", "F", "F", "F"], "its own bid first, which moves no position: {taken:?}");
}

/// The next answer, and the next event of this kind, whichever comes first.
fn answer_and_event(ws: &mut Ws, kind: &str) -> (Value, Value) {
    let (mut answer, mut event) = (None, None);
    while answer.is_none() || event.is_none() {
        let message = ws.message();
        match message.get("event") {
            Some(told) if told["x"] == kind => event = Some(told.clone()),
            Some(_) => {}
            None => answer = Some(message),
        }
    }
    (answer.unwrap(), event.unwrap())
}

#[test]
fn accounts_of_one_group_do_not_trade_with_each_other_and_hear_what_was_prevented() {
    let setup = Setup::new().file("name = \"ALICE\"\n", "name = \"ALICE\"\nsmp_group = 7\n");
    let venue = setup.file("name = \"BOB\"\n", "name = \"BOB\"\nsmp_group = 7\n").start();
    let (mut alice, mut bob) = (Fix::logged_on(&venue, "alice"), Ws::logged_on(&venue, "bob"));
    let resting_id = alice.enter(format!("{}2362=7|", buy("rests"))).get(37).to_owned();
    bob.subscribe();
    let take = with(with(resting("takes"), "side", "SELL"), "quantity", "0.004");
    let request = bob.request("order.place", &with(take, "selfTradePreventionMode", "DECREMENT"));
    bob.socket.send(tungstenite::Message::text(request)).unwrap();
    let (placed, event) = answer_and_event(&mut bob, "EXPIRED");
    assert_eq!(
        (&placed["result"]["status"], &placed["result"]["preventedQuantity"]),
        (&json!("EXPIRED"), &json!("0.00400"))
    );
    assert_eq!(
        (&placed["result"]["cancelCause"], &placed["result"]["tradeGroupId"]),
        (&json!("SELF_MATCH"), &json!(7))
    );
    let lost = alice.read();
    assert_eq!((lost.get(150), lost.get(378), lost.get(151)), ("D", "8", "0.00600"));
    assert!(text_starts(&lost, "SelfMatch: prevented 0.00400 at 99000.00"), "{lost:?}");
    assert_eq!((event["x"].as_str(), event["B"].as_str()), (Some("EXPIRED"), Some("0.00400")));
    assert_eq!(event["U"].to_string(), resting_id);
    alice.order("D", format!("{}2362=8|", buy("other")));
    alice.read().assert_refused("8", "99", "SmpGroupNotOfAccount");
}
