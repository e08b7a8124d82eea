//! A session of the SDK over a network that breaks: what it sends again, what it asks, and what it tells.

use crate::support::proxy::Proxy;
use crate::support::sessions::{RECOVERY, heard, resting};
use crate::support::{PATIENCE, Setup, Venue};
use sealgate::client::Error;
use sealgate::client::ws::{Endpoint, Event, Events, Options, Recovered, Recovery, Session};
use sealgate::types::{CancelOn, OrdStatus, Span};
use std::time::Duration;

fn endpoint(venue: &Venue, proxy: &Proxy) -> Endpoint {
    Endpoint {
        url: proxy.url(),
        tls: venue.tls("alice"),
        key: venue.key("alice"),
        options: Options::default(),
    }
}

async fn session(venue: &Venue, proxy: &Proxy, recovery: Recovery) -> (Session, Events) {
    Session::connect(endpoint(venue, proxy), recovery).await.unwrap()
}

#[tokio::test]
async fn an_order_that_executed_but_whose_answer_was_lost_is_sent_again_and_executes_once() {
    let venue = Venue::start();
    let proxy = Proxy::to(venue.websocket_addr());
    let (session, mut events) = session(&venue, &proxy, RECOVERY).await;
    let witness = venue.websocket("alice").await;
    proxy.lose_answers();
    let break_and_mend = async {
        // It has arrived once another connection sees it.
        while witness.open_orders(None).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        proxy.mend();
    };
    let order = resting("once");
    let (placed, ()) = tokio::join!(session.place(&order), break_and_mend);
    let placed = placed.unwrap();
    assert!(placed.repeated, "it is the first answer again");
    let how = heard!(&mut events, Event::Recovered { how, .. } => how);
    assert_eq!(how, Recovered::SentAgainRepeated);
    assert_eq!(witness.open_orders(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_order_that_never_arrived_is_sent_again_and_executes() {
    let venue = Venue::start();
    let proxy = Proxy::to(venue.websocket_addr());
    let (session, mut events) = session(&venue, &proxy, RECOVERY).await;
    proxy.lose_everything();
    let mend = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        proxy.mend();
    };
    let order = resting("late");
    let (placed, ()) = tokio::join!(session.place(&order), mend);
    assert!(!placed.unwrap().repeated);
    assert_eq!(heard!(&mut events, Event::Recovered { how, .. } => how), Recovered::SentAgain);
}

#[tokio::test]
async fn an_order_that_may_be_stale_is_asked_for_and_not_sent_again() {
    let venue = Venue::start();
    let proxy = Proxy::to(venue.websocket_addr());
    let recovery = Recovery { send_again: Duration::ZERO, ..RECOVERY };
    let mut endpoint = endpoint(&venue, &proxy);
    // Short, so that the test need not wait for long until it is over.
    endpoint.options.recv_window = Some(Duration::from_millis(300));
    let (session, mut events) = Session::connect(endpoint, recovery).await.unwrap();
    let witness = venue.websocket("alice").await;
    for (name, arrives) in [("arrived", true), ("lost", false)] {
        if arrives {
            proxy.lose_answers()
        } else {
            proxy.lose_everything()
        }
        let mend = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            proxy.mend();
        };
        let order = resting(name);
        let (placed, ()) = tokio::join!(session.place(&order), mend);
        match placed {
            Ok(placed) => assert!(arrives && placed.answer.status == OrdStatus::New),
            Err(Error::NotExecuted { cl_ord_id }) => assert!(!arrives && cl_ord_id == name),
            Err(error) => panic!("{name}: {error}"),
        }
        assert_eq!(heard!(&mut events, Event::Recovered { how, .. } => how), Recovered::Asked);
    }
    let open = witness.open_orders(None).await.unwrap();
    assert_eq!(open.iter().map(|order| order.cl_ord_id.as_str()).collect::<Vec<_>>(), ["arrived"]);
}

#[tokio::test]
async fn a_cancel_is_sent_until_it_is_answered() {
    let venue = Venue::start();
    let proxy = Proxy::to(venue.websocket_addr());
    let (session, _events) =
        session(&venue, &proxy, Recovery { send_again: Duration::ZERO, ..RECOVERY }).await;
    session.place(&resting("unwanted")).await.unwrap();
    proxy.lose_everything();
    let mend = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        proxy.mend();
    };
    let (canceled, ()) = tokio::join!(session.cancel("BTC-USD", "unwanted"), mend);
    assert_eq!(canceled.unwrap().answer.status, OrdStatus::Canceled);
}

#[tokio::test]
async fn what_happened_while_the_connection_was_away_is_told_and_executions_go_on() {
    let venue = Venue::start();
    let proxy = Proxy::to(venue.websocket_addr());
    let (session, mut events) = session(&venue, &proxy, RECOVERY).await;
    let witness = venue.websocket("alice").await;
    for name in ["goes", "stays"] {
        session.place(&resting(name)).await.unwrap();
        let heard = heard!(&mut events, Event::Execution(report) => report);
        assert_eq!(heard.cl_ord_id, name);
    }
    proxy.refuse();
    proxy.cut();
    heard!(&mut events, Event::Disconnected { .. });
    let unsent = session.place(&resting("unsent")).await;
    assert!(matches!(unsent, Err(Error::Closed(_))), "{unsent:?}");
    heard!(&mut events, Event::Retrying { attempt: 3, .. });
    witness.cancel("BTC-USD", "goes").await.unwrap();
    proxy.mend();
    let open = heard!(&mut events, Event::Connected { open, away: Some(_) } => open);
    assert_eq!(open.iter().map(|order| order.cl_ord_id.as_str()).collect::<Vec<_>>(), ["stays"]);
    let closed = heard!(&mut events, Event::ClosedMeanwhile(order) => order);
    assert_eq!(closed.status, OrdStatus::Canceled);
    let missed = heard!(&mut events, Event::Execution(report) => report);
    assert_eq!((missed.entered_as(), missed.status), ("goes", OrdStatus::Canceled), "nothing is left out");
    witness.place(&resting("after")).await.unwrap();
    assert_eq!(heard!(&mut events, Event::Execution(report) => report).cl_ord_id, "after");
}

#[tokio::test]
async fn a_session_survives_a_crash_of_the_server() {
    let mut venue = Venue::start();
    let proxy = Proxy::to(venue.websocket_addr());
    let (session, mut events) = session(&venue, &proxy, RECOVERY).await;
    session.place(&resting("before")).await.unwrap();
    venue.kill();
    heard!(&mut events, Event::Disconnected { .. });
    venue.start_again();
    proxy.lead_to(venue.websocket_addr());
    let open = heard!(&mut events, Event::Connected { open, away: Some(_) } => open);
    assert_eq!(open.len(), 1, "orders rest on over a crash");
    assert_eq!(session.client().await.unwrap().open_orders(None).await.unwrap(), open);
}

#[tokio::test]
async fn a_session_ends_when_it_is_closed_or_gives_up() {
    let venue = Venue::start();
    let proxy = Proxy::to(venue.websocket_addr());
    let (closed, mut events) = session(&venue, &proxy, RECOVERY).await;
    closed.close().await;
    heard!(&mut events, Event::Ended { .. });
    assert!(events.next().await.is_none());
    assert!(closed.place(&resting("never")).await.is_err());
    let hasty = Recovery { give_up: Duration::from_millis(50), ..RECOVERY };
    let (_session, mut events) = session(&venue, &proxy, hasty).await;
    proxy.refuse();
    proxy.cut();
    assert!(heard!(&mut events, Event::Ended { why } => why).starts_with("gave up after"));
}

#[tokio::test]
async fn a_connection_that_comes_back_within_its_grace_keeps_its_orders_and_one_that_stays_away_does_not() {
    let venue = Venue::start();
    let proxy = Proxy::to(venue.websocket_addr());
    let mut endpoint = endpoint(&venue, &proxy);
    endpoint.options.cancel_on = Some(CancelOn::Both);
    endpoint.options.cancel_grace = Some(Duration::from_secs(1));
    let witness = venue.websocket("bob").await;
    let (session, mut events) = Session::connect(endpoint, RECOVERY).await.unwrap();
    session.place(&resting("kept")).await.unwrap();
    proxy.cut();
    let open = heard!(&mut events, Event::Connected { open, away: Some(_) } => open);
    assert_eq!(open.len(), 1, "the session was back in time");
    session.close().await;
    let empty = async {
        while witness.book_ticker("BTC-USD").await.unwrap().bid_qty.mantissa > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, empty).await.expect("the order is canceled");
}

#[tokio::test]
async fn each_execution_is_told_once_and_in_order_over_connections_that_break() {
    let mut venue = Venue::start();
    let proxy = Proxy::to(venue.websocket_addr());
    let (_session, mut events) = session(&venue, &proxy, RECOVERY).await;
    let (rounds, count) = (6, 10);
    for round in 0..rounds {
        if round == rounds / 2 {
            venue.kill();
            venue.start_again();
            proxy.lead_to(venue.websocket_addr());
        }
        // In the middle of an event, of a logon, or of what is told again.
        proxy.break_after(2_000 + 700 * round);
        let trader = venue.websocket("alice").await;
        for n in 0..count {
            trader.place(&resting(&format!("{round}-{n}"))).await.unwrap();
        }
    }
    proxy.mend();
    for number in 1..=(rounds * count) as u64 {
        let report = heard!(&mut events, Event::Execution(report) => report);
        assert_eq!(report.place.map(|place| place.number), Some(number), "{}", report.cl_ord_id);
    }
}

#[tokio::test]
async fn a_copy_that_a_gateway_refuses_says_nothing_of_the_first_which_is_asked_for() {
    let venue = Setup::new().order_rate(1, Span::from_secs(60)).start();
    let proxy = Proxy::to(venue.websocket_addr());
    let (session, mut events) = session(&venue, &proxy, RECOVERY).await;
    let witness = venue.websocket("alice").await;
    proxy.lose_answers();
    let break_and_mend = async {
        while witness.open_orders(None).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        proxy.mend();
    };
    let order = resting("first");
    let (placed, ()) = tokio::join!(session.place(&order), break_and_mend);
    assert_eq!(placed.unwrap().answer.status, OrdStatus::New, "OrderRate concerned the copy alone");
    assert_eq!(heard!(&mut events, Event::Recovered { how, .. } => how), Recovered::Asked);
}
