//! What the SDK offers beside orders and cancels, over both protocols, against a real server.

use crate::support::{PATIENCE, Setup, Venue};
use sealgate::client::fix::{Client, Report, Reports, Sent, Status};
use sealgate::client::{Amend, ApiError, NewOrder, OrderName};
use sealgate::types::{ExecType, Nanos, OrdStatus, Reject, ReplaceMode, Side};
use std::time::Duration;

fn resting(name: &str) -> NewOrder {
    NewOrder::limit("BTC-USD", Side::Buy, "0.03".parse().unwrap(), "99000".parse().unwrap()).named(name)
}

fn amend(order: &str, qty: &str, name: &str) -> Amend {
    Amend {
        symbol: "BTC-USD".to_owned(),
        order: OrderName::from(order),
        side: Side::Buy,
        qty: qty.parse().unwrap(),
        price: None,
        cl_ord_id: Some(name.to_owned()),
        account: None,
    }
}

async fn next(reports: &mut Reports) -> Report {
    let received = tokio::time::timeout(PATIENCE, reports.next()).await.expect("a report");
    received.expect("the session goes on").report
}

async fn told(reports: &mut Reports, sent: Sent) -> Status {
    match next(reports).await {
        Report::Status(status) if status.req_id == sent.cl_ord_id => status,
        other => panic!("{other:?}"),
    }
}

async fn placed(client: &Client, reports: &mut Reports, name: &str) {
    client.place(&resting(name)).await.unwrap();
    let Report::Execution(report) = next(reports).await else { panic!("no execution") };
    assert_eq!((report.exec_type, report.cl_ord_id.as_str()), (ExecType::New, name));
}

#[tokio::test]
async fn a_fix_client_amends_asks_and_cancels_all() {
    let venue = Venue::start();
    let (client, mut reports) = venue.fix("alice").await;
    placed(&client, &mut reports, "a").await;
    client.amend(&amend("a", "0.02", "b")).await.unwrap();
    let Report::Execution(amended) = next(&mut reports).await else { panic!("no execution") };
    assert_eq!((amended.exec_type, amended.qty), (ExecType::Replaced, "0.02000".parse().unwrap()));
    assert!(amended.text.starts_with("PriorityKept"), "{amended:?}");
    client.amend(&amend("b", "0.02", "a")).await.unwrap();
    let Report::CancelRejected(refused) = next(&mut reports).await else { panic!("no refusal") };
    assert_eq!(refused.reject(), Some(Reject::DuplicateClOrdId));

    let sent = client.status("BTC-USD", "a").await.unwrap();
    let found = told(&mut reports, sent).await.order.expect("any name that it had finds it");
    assert_eq!((found.cl_ord_id.as_str(), found.status, found.side), ("b", OrdStatus::New, Side::Buy));
    let sent = client.status("BTC-USD", "nobody").await.unwrap();
    let none = told(&mut reports, sent).await;
    assert_eq!((none.order, ApiError::of_text(none.text).reject), (None, Some(Reject::OrderUnknown)));

    placed(&client, &mut reports, "c").await;
    let sent = client.open_orders(Some("BTC-USD")).await.unwrap();
    let first = told(&mut reports, sent.clone()).await;
    let second = told(&mut reports, sent).await;
    assert!(!first.last && second.last && first.order.is_some() && second.order.is_some());
    let sent = client.cancel_all(None, Some(Side::Buy), Some("all".to_owned())).await.unwrap();
    for _ in 0..2 {
        let Report::Execution(canceled) = next(&mut reports).await else { panic!("no execution") };
        assert_eq!((canceled.exec_type, canceled.cl_ord_id.as_str()), (ExecType::Canceled, "all"));
    }
    let Report::MassCanceled(done) = next(&mut reports).await else { panic!("no report") };
    assert_eq!((done.cl_ord_id, done.count, done.refused), (sent.cl_ord_id, 2, None));
    let sent = client.open_orders(None).await.unwrap();
    let none = told(&mut reports, sent).await;
    assert!(none.order.is_none() && none.last, "{none:?}");
}

#[tokio::test]
async fn a_websocket_client_replaces_in_one_step_and_is_told_both_halves() {
    let venue = Venue::start();
    let bot = venue.websocket("alice").await;
    bot.place(&resting("a")).await.unwrap();
    let done = bot.cancel_replace("a", &resting("b"), ReplaceMode::StopOnFailure).await.unwrap().answer;
    assert_eq!(done.canceled.unwrap().status, OrdStatus::Canceled);
    assert_eq!(done.placed.unwrap().unwrap().cl_ord_id, "b");
    let stopped = bot.cancel_replace("a", &resting("c"), ReplaceMode::StopOnFailure).await.unwrap().answer;
    assert_eq!(stopped.canceled.unwrap_err().reject, Some(Reject::TooLateToCancel));
    assert!(stopped.placed.is_none(), "it was not attempted");
    let half = bot.cancel_replace("a", &resting("e"), ReplaceMode::AllowFailure).await.unwrap();
    assert_eq!(half.answer.canceled.unwrap_err().reject, Some(Reject::TooLateToCancel));
    assert_eq!(half.answer.placed.unwrap().unwrap().status, OrdStatus::New);
    let again = bot.cancel_replace("a", &resting("e"), ReplaceMode::AllowFailure).await.unwrap();
    assert!(again.repeated && again.answer.placed.is_some_and(|placed| placed.is_ok()));
    let mut unknown = resting("d");
    unknown.symbol = "NONE-USD".to_owned();
    let refused = bot.cancel_replace("e", &unknown, ReplaceMode::AllowFailure).await.unwrap_err();
    assert_eq!(refused.reject(), Some(Reject::SymbolUnknown), "as a whole");
}

#[tokio::test]
async fn a_websocket_client_sets_the_dead_mans_timer_and_turns_it_off() {
    let venue = Venue::start();
    let bot = venue.websocket("alice").await;
    bot.place(&resting("a")).await.unwrap();
    let ahead = bot.cancel_all_after(Duration::from_secs(60)).await.unwrap().expect("it is set");
    assert!(ahead > bot.time().await.unwrap());
    assert_eq!(bot.cancel_all_after(Duration::ZERO).await.unwrap(), None);
    bot.cancel_all_after(Duration::from_millis(100)).await.unwrap();
    let empty = async {
        while !bot.open_orders(None).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, empty).await.expect("it fires");
    let refused = bot.cancel_all_after(Duration::from_millis(1)).await.unwrap_err();
    assert_eq!(refused.reject(), Some(Reject::FieldValue));
}

#[tokio::test]
async fn orders_that_expire_or_only_reduce_are_told_over_both_protocols() {
    let venue = Venue::start();
    let (bot, (client, mut reports)) = (venue.websocket("alice").await, venue.fix("alice").await);
    let soon = Nanos(bot.time().await.unwrap().0 + 300_000_000);
    let (qty, price) = ("0.01".parse().unwrap(), "99000".parse().unwrap());
    let mut order = NewOrder::gtd("BTC-USD", Side::Buy, qty, price, soon);
    bot.place(&order.clone().named("one")).await.unwrap();
    client.place(&order.clone().named("two")).await.unwrap();
    let Report::Execution(new) = next(&mut reports).await else { panic!("no execution") };
    assert_eq!(new.exec_type, ExecType::New);
    let Report::Execution(expired) = next(&mut reports).await else { panic!("no execution") };
    assert_eq!((expired.exec_type, expired.cl_ord_id.as_str()), (ExecType::Expired, "two"));
    assert_eq!(bot.status("BTC-USD", "one").await.unwrap().status, OrdStatus::Expired);
    order = NewOrder::limit("BTC-USD", Side::Buy, qty, price).reduce_only();
    let refused = bot.place(&order).await.unwrap_err();
    assert_eq!(refused.reject(), Some(Reject::NothingToReduce));
    client.place(&order).await.unwrap();
    let Report::Execution(refused) = next(&mut reports).await else { panic!("no execution") };
    assert_eq!(refused.reject(), Some(Reject::NothingToReduce));
}

#[tokio::test]
async fn an_answer_over_websocket_says_which_executions_are_in_it() {
    let venue = Setup::new().topology("2x2/4").start();
    let client = venue.websocket("alice").await;
    let mut executions = client.subscribe().await.unwrap();
    for name in ["before", "after"] {
        let open = client.open_orders_as_of(None).await.unwrap();
        client.place(&resting(name)).await.unwrap();
        let told = tokio::time::timeout(PATIENCE, executions.next()).await.unwrap().unwrap();
        let place = told.place.unwrap();
        assert!(!open.covers(&place) && open.as_of.len() == 2, "{open:?}");
        let open = client.open_orders_as_of(None).await.unwrap();
        let names: Vec<&str> = open.answer.iter().map(|order| order.cl_ord_id.as_str()).collect();
        assert!(open.covers(&place) && names.contains(&name), "{open:?}");
        assert!(client.status_as_of("BTC-USD", name).await.unwrap().covers(&place));
        assert!(client.account_as_of(None).await.unwrap().covers(&place));
        assert!(client.trades_as_of("BTC-USD", 10).await.unwrap().covers(&place));
    }
}
