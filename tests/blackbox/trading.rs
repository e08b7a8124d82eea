//! Trading as members do it, with the SDK: over both protocols, and through crashes.

use crate::support::{PATIENCE, Setup, Venue};
use sealgate::client::fix::{self, Received, Report, Reports};
use sealgate::client::ws::{self, Executions};
use sealgate::client::{Error, ExecutionReport, NewOrder};
use sealgate::config::Durability;
use sealgate::types::{ExecType, OrdStatus, Reject, Side, Span};
use std::time::Duration;

const SYMBOL: &str = "BTC-USD";

fn limit(side: Side, qty: &str, price: &str) -> NewOrder {
    NewOrder::limit(SYMBOL, side, qty.parse().unwrap(), price.parse().unwrap())
}

async fn heard(executions: &mut Executions) -> ExecutionReport {
    tokio::time::timeout(PATIENCE, executions.next())
        .await
        .expect("an execution in time")
        .expect("an open stream")
}

async fn told(reports: &mut Reports) -> Report {
    let received = tokio::time::timeout(PATIENCE, reports.next()).await.expect("a report in time");
    let Received { report, .. } = received.expect("an open session");
    report
}

async fn execution(reports: &mut Reports) -> ExecutionReport {
    match told(reports).await {
        Report::Execution(report) => report,
        other => panic!("not an execution: {other:?}"),
    }
}

fn refusal(error: Error) -> Reject {
    match error {
        Error::Refused(refusal) => refusal.reject.expect("a refusal that has a name"),
        other => panic!("not a refusal: {other}"),
    }
}

#[tokio::test]
async fn an_order_rests_trades_and_both_sides_hear_of_it() {
    let venue = Venue::start();
    let (alice, bob) = (venue.websocket("alice").await, venue.websocket("bob").await);
    let (mut to_alice, mut to_bob) = (alice.subscribe().await.unwrap(), bob.subscribe().await.unwrap());

    let resting = alice.place(&limit(Side::Sell, "0.5", "100000.00")).await.unwrap();
    assert_eq!((resting.status, resting.fills.len()), (OrdStatus::New, 0));
    let taker = bob.place(&limit(Side::Buy, "0.2", "100001.00")).await.unwrap();
    assert_eq!(taker.status, OrdStatus::Filled);
    assert_eq!(taker.fills[0].price, "100000.00".parse().unwrap(), "the resting order's price");

    assert_eq!(heard(&mut to_alice).await.exec_type, ExecType::New);
    let maker = heard(&mut to_alice).await;
    assert_eq!((maker.exec_type, maker.status), (ExecType::Trade, OrdStatus::PartiallyFilled));
    assert_eq!(heard(&mut to_bob).await.exec_type, ExecType::New);
    let take = heard(&mut to_bob).await;
    assert_eq!(take.trade.unwrap().id, maker.trade.unwrap().id, "one trade, two sides");
    assert!(maker.trade.unwrap().maker && !take.trade.unwrap().maker);

    let state = alice.status(SYMBOL, resting.order_id).await.unwrap();
    assert_eq!(state.cum_qty, "0.20000".parse().unwrap());
    assert_eq!(alice.open_orders(None).await.unwrap().len(), 1);
    assert_eq!(bob.open_orders(Some(SYMBOL)).await.unwrap().len(), 0);
    let ticker = bob.book_ticker(SYMBOL).await.unwrap();
    assert_eq!(ticker.ask_qty, "0.30000".parse().unwrap());
    let depth = bob.depth(SYMBOL, 5).await.unwrap();
    assert_eq!((depth.asks.len(), depth.bids.len()), (1, 0));

    let canceled = alice.cancel(SYMBOL, resting.order_id).await.unwrap();
    assert_eq!(canceled.status, OrdStatus::Canceled);
    let closed = heard(&mut to_alice).await;
    assert_eq!((closed.exec_type, closed.entered_as()), (ExecType::Canceled, resting.cl_ord_id.as_str()));
}

#[tokio::test]
async fn a_maker_over_fix_meets_a_taker_over_websocket() {
    let venue = Venue::start();
    let (maker, mut reports) = venue.fix("alice").await;
    let taker = venue.websocket("bob").await;

    let sent = maker.place(&limit(Side::Buy, "1", "99990.00")).await.unwrap();
    let entered = execution(&mut reports).await;
    assert_eq!((entered.exec_type, entered.cl_ord_id.as_str()), (ExecType::New, sent.cl_ord_id.as_str()));

    let sold = taker.place(&NewOrder::market(SYMBOL, Side::Sell, "0.4".parse().unwrap())).await.unwrap();
    assert_eq!(sold.status, OrdStatus::Filled);
    let fill = execution(&mut reports).await;
    assert_eq!(fill.trade.unwrap().id, sold.fills[0].trade_id);

    let cancel = maker.cancel(SYMBOL, Side::Buy, sent.cl_ord_id.as_str(), None).await.unwrap();
    let canceled = execution(&mut reports).await;
    assert_eq!((canceled.exec_type, canceled.status), (ExecType::Canceled, OrdStatus::Canceled));
    assert_eq!(
        (canceled.cl_ord_id, canceled.orig_cl_ord_id),
        (cancel.cl_ord_id, Some(sent.cl_ord_id.clone()))
    );

    maker.cancel(SYMBOL, Side::Buy, sent.cl_ord_id.as_str(), None).await.unwrap();
    let Report::CancelRejected(late) = told(&mut reports).await else {
        panic!("a closed order was canceled")
    };
    assert_eq!(late.reject(), Some(Reject::TooLateToCancel));
    maker.logout().await;
}

#[tokio::test]
async fn the_same_order_sent_twice_executes_once_and_tells_the_first_result_again() {
    let venue = Venue::start();
    let alice = venue.websocket("alice").await;
    let order = limit(Side::Buy, "0.1", "99000.00").named("once");
    let first = alice.place(&order).await.unwrap();
    let again = alice.send(alice.sign(&order)).await.unwrap();
    assert!(again.repeated);
    assert_eq!((again.answer.order_id, again.answer.status), (first.order_id, first.status));
    assert_eq!(alice.open_orders(None).await.unwrap().len(), 1);
    let other = limit(Side::Buy, "0.2", "99000.00").named("once");
    assert_eq!(refusal(alice.place(&other).await.unwrap_err()), Reject::DuplicateClOrdId);
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_crash() {
    let mut venue = Setup::new().durability(Durability::Disk).start();
    let alice = venue.websocket("alice").await;
    let placed = alice.place(&limit(Side::Buy, "0.1", "99000.00").named("kept")).await.unwrap();
    let (maker, mut reports) = venue.fix("bob").await;
    let sent = maker.place(&limit(Side::Sell, "0.3", "101000.00")).await.unwrap();
    let entered = execution(&mut reports).await;

    venue.kill();
    venue.start_again();
    let alice = venue.websocket("alice").await;
    let found = alice.status(SYMBOL, "kept").await.unwrap();
    assert_eq!((found.order_id, found.status), (placed.order_id, OrdStatus::New));
    let bob = venue.websocket("bob").await;
    let found = bob.status(SYMBOL, sent.cl_ord_id).await.unwrap();
    assert_eq!(Some(found.order_id), entered.order_id);
    assert_eq!(alice.cancel(SYMBOL, "kept").await.unwrap().status, OrdStatus::Canceled);
}

#[tokio::test]
async fn a_session_that_comes_back_with_its_numbers_hears_what_it_missed() {
    let venue = Venue::start();
    let (maker, mut reports) = venue.fix("alice").await;
    let sent = maker.place(&limit(Side::Buy, "1", "99990.00")).await.unwrap();
    assert_eq!(execution(&mut reports).await.exec_type, ExecType::New);
    maker.logout().await;
    let numbers = maker.numbers();

    let taker = venue.websocket("bob").await;
    taker.place(&NewOrder::market(SYMBOL, Side::Sell, "0.4".parse().unwrap())).await.unwrap();

    let options = fix::Options { reset: false, numbers, ..Default::default() };
    let (_maker, mut reports) = venue.fix_with("alice", options).await.unwrap();
    let missed = execution(&mut reports).await;
    assert_eq!((missed.exec_type, missed.cl_ord_id), (ExecType::Trade, sent.cl_ord_id));
}

#[tokio::test]
async fn a_throttled_account_is_told_when_to_come_back_and_can_still_cancel() {
    let venue = Setup::new().order_rate(2, Span::from_secs(1)).start();
    let alice = venue.websocket("alice").await;
    let first = alice.place(&limit(Side::Buy, "0.1", "99000.00")).await.unwrap();
    alice.place(&limit(Side::Buy, "0.1", "99000.00")).await.unwrap();
    let Error::Refused(throttled) = alice.place(&limit(Side::Buy, "0.1", "99000.00")).await.unwrap_err()
    else {
        panic!("not refused")
    };
    assert_eq!((throttled.reject, throttled.status), (Some(Reject::OrderRate), 429));
    assert_eq!(alice.cancel(SYMBOL, first.order_id).await.unwrap().status, OrdStatus::Canceled);
    let wait = throttled.retry_after.expect("when to come back");
    assert!(wait <= Duration::from_secs(1), "{wait:?}");
    tokio::time::sleep(wait).await;
    alice.place(&limit(Side::Buy, "0.1", "99000.00")).await.unwrap();
}

#[tokio::test]
async fn the_key_of_another_member_opens_nothing() {
    let venue = Venue::start();
    let url = venue.url();
    let thief = ws::Client::connect(&url, venue.tls("bob"), venue.key("alice")).await.unwrap();
    assert!(matches!(thief.logon().await, Err(Error::Refused(_))));
    assert!(matches!(thief.place(&limit(Side::Buy, "0.1", "99000.00")).await, Err(Error::Refused(_))));
}
