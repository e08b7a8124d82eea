//! A FIX session of the SDK over a network that breaks: what it is told again, what it sends again, what it asks.

use crate::support::proxy::Proxy;
use crate::support::sessions::{RECOVERY, heard, next, resting};
use crate::support::{PATIENCE, Setup, Venue};
use sealgate::client::fix::{Endpoint, Event, Events, Options, Session};
use sealgate::client::{Amend, Error, NewOrder, OrderName, Recovered, Recovery};
use sealgate::types::{CancelOn, ExecType, OrdStatus, Side};
use std::cell::Cell;
use std::time::Duration;

fn endpoint(venue: &Venue, proxy: &Proxy) -> Endpoint {
    Endpoint {
        address: proxy.address(),
        sender: "ALICE".to_owned(),
        target: "SEALGATE".to_owned(),
        tls: venue.tls("alice"),
        key: venue.key("alice"),
        options: Options::default(),
    }
}

async fn session(venue: &Venue, proxy: &Proxy, recovery: Recovery) -> (Session, Events) {
    let (session, mut events) = Session::connect(endpoint(venue, proxy), recovery).await.unwrap();
    heard!(&mut events, Event::Connected { away: None, .. });
    (session, events)
}

#[tokio::test]
async fn an_answer_that_was_lost_is_told_again_and_the_order_executes_once() {
    let venue = Venue::start();
    let proxy = Proxy::to(venue.fix_addr());
    let (session, mut events) = session(&venue, &proxy, RECOVERY).await;
    let witness = venue.websocket("alice").await;
    proxy.lose_answers();
    let break_and_mend = async {
        while witness.open_orders(None).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        proxy.mend();
    };
    let order = resting("once");
    let (placed, ()) = tokio::join!(session.place(&order), break_and_mend);
    let placed = placed.unwrap();
    assert!(
        !placed.repeated && placed.answer.status == OrdStatus::New,
        "the first answer itself: {placed:?}"
    );
    assert_eq!(heard!(&mut events, Event::Recovered { how, .. } => how), Recovered::ToldAgain);
    assert_eq!(witness.open_orders(None).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_order_that_never_arrived_is_sent_again_and_executes() {
    let venue = Venue::start();
    let proxy = Proxy::to(venue.fix_addr());
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
    let proxy = Proxy::to(venue.fix_addr());
    let mut endpoint = endpoint(&venue, &proxy);
    // Short, so that the test need not wait for long until it is over.
    endpoint.options.recv_window = Some(Duration::from_millis(300));
    let recovery = Recovery { send_again: Duration::ZERO, ..RECOVERY };
    let (session, mut events) = Session::connect(endpoint, recovery).await.unwrap();
    proxy.lose_everything();
    let mend = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        proxy.mend();
    };
    let order = resting("lost");
    let (placed, ()) = tokio::join!(session.place(&order), mend);
    assert!(matches!(placed, Err(Error::NotExecuted { .. })), "{placed:?}");
    assert_eq!(heard!(&mut events, Event::Recovered { how, .. } => how), Recovered::Asked);
    assert!(session.open_orders(None, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn cancels_amendments_and_mass_cancels_are_sent_until_they_are_answered() {
    let venue = Venue::start();
    let proxy = Proxy::to(venue.fix_addr());
    let (session, _events) =
        session(&venue, &proxy, Recovery { send_again: Duration::ZERO, ..RECOVERY }).await;
    for (name, arrives) in [("a", true), ("b", false)] {
        for unwanted in 0..3 {
            session.place(&resting(&format!("{name}{unwanted}"))).await.unwrap();
        }
        let (order, mend) = (OrderName::from(format!("{name}0")), async || {
            if arrives {
                proxy.lose_answers()
            } else {
                proxy.lose_everything()
            };
            tokio::time::sleep(Duration::from_millis(50)).await;
            proxy.mend();
        });
        let amend = Amend {
            symbol: "BTC-USD".to_owned(),
            order: order.clone(),
            side: Side::Buy,
            qty: "0.005".parse().unwrap(),
            price: None,
            cl_ord_id: Some(format!("{name}-less")),
            account: None,
        };
        let (amended, ()) = tokio::join!(session.amend(&amend), mend());
        assert_eq!(amended.unwrap().answer.order.qty, "0.00500".parse().unwrap(), "{name}");
        let (canceled, ()) = tokio::join!(session.cancel("BTC-USD", Side::Buy, order, None, None), mend());
        assert_eq!(canceled.unwrap().answer.status, OrdStatus::Canceled, "{name}");
        let (all, ()) = tokio::join!(session.cancel_all(None, None, None), mend());
        assert_eq!(all.unwrap().answer.count, 2, "{name}");
    }
}

#[tokio::test]
async fn executions_go_on_over_a_broken_connection_without_a_gap_and_without_a_copy() {
    let venue = Venue::start();
    let proxy = Proxy::to(venue.fix_addr());
    let (session, mut events) = session(&venue, &proxy, RECOVERY).await;
    let witness = venue.websocket("alice").await;
    for name in ["goes", "stays"] {
        session.place(&resting(name)).await.unwrap();
    }
    proxy.refuse();
    proxy.cut();
    heard!(&mut events, Event::Disconnected { .. });
    let unsent = session.place(&resting("unsent")).await;
    assert!(matches!(unsent, Err(Error::Closed(_))), "{unsent:?}");
    heard!(&mut events, Event::Retrying { attempt: 3, .. });
    witness.cancel("BTC-USD", "goes").await.unwrap();
    proxy.mend();
    let canceled = heard!(&mut events, Event::Execution(report) => report);
    assert_eq!((canceled.exec_type, canceled.entered_as()), (ExecType::Canceled, "goes"));
    let open = heard!(&mut events, Event::Connected { open, away: Some(_) } => open);
    assert_eq!(open.iter().map(|order| order.cl_ord_id.as_str()).collect::<Vec<_>>(), ["stays"]);
    session.place(&resting("after")).await.unwrap();
    assert_eq!(heard!(&mut events, Event::Execution(report) => report).cl_ord_id, "after");
}

#[tokio::test]
async fn a_session_whose_numbers_are_gone_begins_anew_and_still_tells_what_closed() {
    let mut venue = Venue::start();
    let proxy = Proxy::to(venue.fix_addr());
    let (session, mut events) = session(&venue, &proxy, RECOVERY).await;
    let witness = venue.websocket("alice").await;
    for name in ["goes", "stays"] {
        session.place(&resting(name)).await.unwrap();
    }
    proxy.refuse();
    proxy.cut();
    witness.cancel("BTC-USD", "goes").await.unwrap();
    // Somebody else used the session meanwhile, from 1 on.
    let (other, reports) = venue.fix("alice").await;
    other.logout().await;
    drop((other, reports, witness));
    venue.stop();
    venue.start_again();
    proxy.lead_to(venue.fix_addr());
    proxy.mend();
    let open = heard!(&mut events, Event::Connected { open, away: Some(_) } => open);
    assert_eq!(open.iter().map(|order| order.cl_ord_id.as_str()).collect::<Vec<_>>(), ["stays"]);
    let closed = heard!(&mut events, Event::ClosedMeanwhile(order) => order);
    assert_eq!((closed.entered_as(), closed.status), ("goes", OrdStatus::Canceled));
    session.place(&resting("after")).await.unwrap();
}

#[tokio::test]
async fn a_session_whose_numbers_are_gone_is_told_each_execution_by_the_number_of_its_stream() {
    let mut venue = Setup::new().fix_rules(|rules| rules.appl_seq_num = true).start();
    let proxy = Proxy::to(venue.fix_addr());
    let (session, mut events) = session(&venue, &proxy, RECOVERY).await;
    for name in ["goes", "stays"] {
        session.place(&resting(name)).await.unwrap();
        assert_eq!(heard!(&mut events, Event::Execution(report) => report).cl_ord_id, name);
    }
    proxy.refuse();
    proxy.cut();
    let (alice, bob) = (venue.websocket("alice").await, venue.websocket("bob").await);
    let (qty, price) = ("0.001".parse().unwrap(), "99000".parse().unwrap());
    for _ in 0..3 {
        bob.place(&NewOrder::limit("BTC-USD", Side::Sell, qty, price)).await.unwrap();
    }
    alice.cancel("BTC-USD", "goes").await.unwrap();
    // Somebody else used the session meanwhile, from 1 on.
    let (other, reports) = venue.fix("alice").await;
    other.logout().await;
    drop((other, reports, alice, bob));
    venue.kill();
    venue.start_again();
    proxy.lead_to(venue.fix_addr());
    proxy.mend();
    let mut told = Vec::new();
    let open = loop {
        match next(&mut events).await {
            Event::Execution(report) => told.push(report),
            Event::Connected { open, away: Some(_) } => break open,
            Event::ClosedMeanwhile(order) => panic!("it was told: {order:?}"),
            _ => {}
        }
    };
    assert_eq!(open.iter().map(|order| order.cl_ord_id.as_str()).collect::<Vec<_>>(), ["stays"]);
    let kinds: Vec<_> = told.iter().map(|report| report.exec_type).collect();
    assert_eq!(kinds, [ExecType::Trade, ExecType::Trade, ExecType::Trade, ExecType::Canceled]);
    assert!(told.iter().all(|report| report.entered_as() == "goes"));
    let numbers: Vec<_> = told.iter().map(|report| report.place.as_ref().unwrap().number).collect();
    assert_eq!(numbers, [3, 4, 5, 6]);
    session.place(&resting("after")).await.unwrap();
    assert_eq!(heard!(&mut events, Event::Execution(report) => report).cl_ord_id, "after");
}

#[tokio::test]
async fn a_session_survives_a_crash_of_the_server_in_the_middle_of_its_orders() {
    let mut venue = Venue::start();
    let proxy = Proxy::to(venue.fix_addr());
    let (session, mut events) = session(&venue, &proxy, RECOVERY).await;
    let is_back = Cell::new(false);
    let placing = async {
        let (mut known, mut after) = (Vec::new(), 0);
        for name in (0..).map(|number| format!("n{number}")) {
            match session.place(&resting(&name)).await {
                Ok(_) => {
                    known.push(name);
                    after += u32::from(is_back.get());
                }
                // Without a connection it is not sent.
                Err(Error::Closed(_)) => {}
                Err(error) => panic!("{name}: {error}"),
            }
            if after == 20 {
                break;
            }
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        known
    };
    let crash = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        venue.kill();
        venue.start_again();
        proxy.lead_to(venue.fix_addr());
        is_back.set(true);
    };
    let (known, ()) = tokio::join!(placing, crash);
    heard!(&mut events, Event::Connected { away: Some(_), .. });
    let mut open: Vec<_> =
        session.open_orders(None, None).await.unwrap().into_iter().map(|order| order.cl_ord_id).collect();
    open.sort_by_key(|name| name[1..].parse::<u32>().unwrap());
    assert_eq!(open, known, "each order that was acknowledged, once, and no other");
}

#[tokio::test]
async fn a_session_ends_when_it_is_closed_or_gives_up() {
    let venue = Venue::start();
    let proxy = Proxy::to(venue.fix_addr());
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
async fn a_session_that_comes_back_within_its_grace_keeps_its_orders_and_one_that_stays_away_does_not() {
    let venue = Venue::start();
    let proxy = Proxy::to(venue.fix_addr());
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
async fn whatever_byte_a_connection_breaks_at_each_order_is_answered_and_executes_once() {
    let venue = Venue::start();
    let proxy = Proxy::to(venue.fix_addr());
    let (session, _events) = session(&venue, &proxy, RECOVERY).await;
    // Each connection dies after so many bytes more: in the Logon, in the replay, in an order, between two messages.
    for (at, bytes) in (0..40).map(|step| 200 + step * 331).enumerate() {
        proxy.break_after(bytes);
        let order = resting(&format!("cut-{at}"));
        loop {
            match session.place(&order).await {
                Ok(placed) => break assert_eq!(placed.answer.entered_as(), format!("cut-{at}")),
                Err(Error::Closed(_)) => tokio::time::sleep(Duration::from_millis(2)).await,
                Err(error) => panic!("{bytes}: {error}"),
            }
        }
    }
    proxy.mend();
    let open = session.open_orders(None, None).await.unwrap();
    assert_eq!(open.len(), 40);
}
