//! The whole core: stories of requests, and random streams that must conserve, repeat and replay.

mod dead_man;
mod kills;
mod leases;
mod market;
mod model;
mod state;
mod streams;
mod timers;
mod venue;

use super::*;
use crate::limits::{FILLS_PER_STEP_MAX, ONCE_RETENTION};
use crate::types::*;
use crate::wire::record::{Encoder, Reader};
use venue::*;

/// Kind and refusal of each event.
fn story(events: &[Event]) -> Vec<(ExecType, Option<Reject>)> {
    let told = events.iter().map(|event| match event {
        Event::Execution(e) => (e.exec_type, e.refusal.map(|refusal| refusal.reject)),
        event => panic!("not an execution: {event:?}"),
    });
    told.collect()
}

fn execution(event: &Event) -> &Execution {
    match event {
        Event::Execution(execution) => execution,
        event => panic!("not an execution: {event:?}"),
    }
}

fn cancel_reject(events: &[Event]) -> CancelRejected {
    match events {
        [Event::CancelRejected(reject)] => *reject,
        events => panic!("not one reject: {events:?}"),
    }
}

#[test]
fn a_trade_is_told_to_both_sides_and_moves_both_positions() {
    let mut venue = Venue::new();
    venue.place(buy("b"));
    let events = venue.place(NewOrder { qty: Qty(4), ..sell("s") });
    use ExecType::{New, Trade};
    assert_eq!(story(&events), [(New, None), (Trade, None), (Trade, None)]);
    let (maker, taker) = (execution(&events[1]), execution(&events[2]));
    assert_eq!(maker.fill.map(|fill| fill.trade_id), taker.fill.map(|fill| fill.trade_id));
    assert_eq!((maker.order.status, taker.order.status), (OrdStatus::PartiallyFilled, OrdStatus::Filled));
    let positions: Vec<_> = venue.shard.positions().collect();
    assert_eq!(positions, [(InstrumentId(1), AccountId(1), 4), (InstrumentId(1), AccountId(2), -4)]);
    assert_eq!(venue.shard.last_trade(InstrumentId(1)), Some(Price(100)));
}

#[test]
fn a_repetition_gets_the_first_result_and_how_the_order_stands_now() {
    let mut venue = Venue::new();
    venue.place(NewOrder { qty: Qty(3), ..sell("s") });
    let first = venue.place(buy("b"));
    venue.place(NewOrder { qty: Qty(2), ..sell("s2") });
    let before = (venue.shard.last_seq(), venue.shard.state_hash());
    venue.now = venue.now + Span::from_secs(3_600);
    let answer = venue.send(venue.new_order(buy("b")));
    let Err(Answer::Repeated(repeated)) = answer else { panic!("{answer:?}") };
    assert_eq!(repeated.first, unnumbered(first.last().unwrap()));
    assert_eq!(repeated.fills, [execution(&repeated.first).fill.unwrap()]);
    assert_eq!(repeated.current.map(|order| order.cum_qty), Some(Qty(5)));
    assert_eq!(repeated.seq, venue.log[venue.log.len() - 2].seq);
    assert_eq!((venue.shard.last_seq(), venue.shard.state_hash()), before, "it changes nothing");
}

#[test]
fn a_name_with_other_content_is_refused_and_names_the_order() {
    let mut venue = Venue::new();
    let id = execution(&venue.place(buy("b"))[0]).order.id;
    let answer = venue.send(venue.new_order(NewOrder { qty: Qty(11), ..buy("b") }));
    let Err(Answer::Refused(Event::Execution(refused))) = answer else { panic!("{answer:?}") };
    assert_eq!(refused.refusal, Some(Refusal::with(Reject::DuplicateClOrdId, Detail::OrderId(id))));
    assert_eq!((refused.order.id, refused.order.status), (OrderId::NONE, OrdStatus::Rejected));
    let answer = venue.send(venue.cancel_order(cancel("b", "b")));
    let Err(Answer::Refused(Event::CancelRejected(refused))) = answer else { panic!("{answer:?}") };
    assert_eq!(refused.refusal.detail, Detail::OrderId(id));
    assert_eq!((refused.order_id, refused.status), (Some(id), OrdStatus::New));
}

#[test]
fn a_refused_order_is_a_step_and_stays_refused_when_it_would_pass() {
    let mut venue = Venue::new();
    venue.run(Command::Account(AccountLimits { enabled: false, ..limits(1) }));
    let order = venue.new_order(buy("b"));
    let events = venue.run(order);
    assert_eq!(story(&events), [(ExecType::Rejected, Some(Reject::AccountDisabled))]);
    venue.run(Command::Account(limits(1)));
    let answer = venue.send(order);
    let Err(Answer::Repeated(repeated)) = answer else { panic!("{answer:?}") };
    assert_eq!(repeated.first, unnumbered(&events[0]));
    let status = venue.status(1, OrderRef::ClOrdId(ClOrdId::truncated("b")));
    assert_eq!(status.map(|order| order.status), Ok(OrdStatus::Rejected));
}

#[test]
fn a_request_that_waited_too_long_is_refused_with_both_clocks() {
    let mut venue = Venue::new();
    let order = venue.new_order(buy("b"));
    let sent = venue.now;
    venue.now = venue.now + Span::from_secs(6);
    let refusal = execution(&venue.run(order)[0]).refusal;
    let clocks = Detail::Clocks { server: venue.now, sent };
    assert_eq!(refusal, Some(Refusal::with(Reject::TimestampTooOld, clocks)));
    venue.now = sent;
    let early = venue.cancel_order(cancel("c", "b"));
    let Command::Cancel(requester, of) = early else { panic!("{early:?}") };
    // The shard's time stays where it was, 6 s later, although the clock was set back.
    let ahead = Requester { sent: sent + Span::from_secs(8), ..requester };
    assert_eq!(cancel_reject(&venue.run(Command::Cancel(ahead, of))).refusal.reject, Reject::TimestampAhead);
}

/// A day later nobody remembers it, and it is too old by its own time: named or not, and after a snapshot.
#[test]
fn a_captured_request_that_was_forgotten_runs_zero_times() {
    let mut venue = Venue::new();
    let Command::New(requester, order) = venue.new_order(buy("named")) else { panic!() };
    let made = NewOrder { cl_ord_id: ClOrdId::truncated("made"), ..order };
    let unnamed = Requester { named: false, signed_digest: [5; 16], ..requester };
    let captured = [Command::New(requester, order), Command::New(unnamed, made)];
    for command in captured {
        assert_eq!(execution(&venue.run(command)[0]).exec_type, ExecType::New);
    }
    for id in ["named", "made"] {
        venue.run(venue.cancel_order(cancel(&format!("cancel-{id}"), id)));
    }
    venue.now = venue.now + ONCE_RETENTION + Span::from_secs(1);
    venue.place(buy("later"));
    let mut saved = Encoder::default();
    venue.shard.save(&mut saved);
    venue.shard = Shard::load(&mut Reader::new(&saved.finish())).unwrap();
    for id in ["named", "made"] {
        let known = venue.status(1, OrderRef::ClOrdId(ClOrdId::truncated(id)));
        assert_eq!(known.unwrap_err().reject, Reject::OrderUnknown, "{id}");
    }
    for command in captured {
        let refused = venue.run(command);
        assert_eq!(story(&refused), [(ExecType::Rejected, Some(Reject::TimestampTooOld))]);
    }
    assert_eq!(venue.shard.open_orders().count(), 1);
}

#[test]
fn a_captured_request_without_a_name_runs_once() {
    let mut venue = Venue::new();
    let Command::New(requester, order) = venue.new_order(buy("made-1")) else { panic!() };
    let unnamed = Requester { named: false, signed_digest: [5; 16], ..requester };
    venue.run(Command::New(unnamed, order));
    let replayed = Command::New(unnamed, NewOrder { cl_ord_id: ClOrdId::truncated("made-2"), ..order });
    assert!(matches!(venue.send(replayed), Err(Answer::Repeated(_))));
    venue.now = venue.now + ONCE_RETENTION + Span::from_secs(1);
    assert!(matches!(venue.send(replayed), Err(Answer::Repeated(_))), "its order is open");
}

#[test]
fn a_cancel_closes_the_order_and_tells_both_names_and_sessions() {
    let mut venue = Venue::new();
    venue.place(buy("b"));
    let Command::Cancel(requester, of) = venue.cancel_order(cancel("c", "b")) else { panic!() };
    let events = venue.run(Command::Cancel(Requester { session: SessionId(9), ..requester }, of));
    let canceled = execution(&events[0]);
    assert_eq!((canceled.exec_type, canceled.cause), (ExecType::Canceled, Some(Cause::Requested)));
    assert_eq!((canceled.cancel_id, canceled.cancel_session), (Some(of.cl_ord_id), SessionId(9)));
    assert_eq!(canceled.order.cl_ord_id, ClOrdId::truncated("b"));
    assert_eq!(venue.shard.open_orders().count(), 0);
    let Err(Answer::Repeated(repeated)) = venue.send(Command::Cancel(requester, of)) else { panic!() };
    assert_eq!(repeated.first, unnumbered(&events[0]));
    assert_eq!(repeated.current, Some(canceled.order));
}

#[test]
fn a_cancel_of_nothing_or_of_what_is_closed_says_which() {
    let mut venue = Venue::new();
    let unknown = venue.run(venue.cancel_order(cancel("c1", "b")));
    let unknown = cancel_reject(&unknown);
    assert_eq!((unknown.refusal.reject, unknown.order_id), (Reject::OrderUnknown, None));
    assert_eq!(unknown.status, OrdStatus::Rejected);

    let id = execution(&venue.place(buy("b"))[0]).order.id;
    venue.place(sell("s"));
    let late = cancel_reject(&venue.run(venue.cancel_order(cancel("c2", "b"))));
    assert_eq!(late.refusal.reject, Reject::TooLateToCancel);
    assert_eq!((late.order_id, late.status), (Some(id), OrdStatus::Filled));

    let foreign = CancelOrder {
        account: AccountId(2),
        target: OrderRef::OrderId(execution(&venue.place(buy("b2"))[0]).order.id),
        ..cancel("c3", "")
    };
    let foreign = cancel_reject(&venue.run(venue.cancel_order(foreign)));
    assert_eq!((foreign.refusal.reject, foreign.order_id), (Reject::OrderUnknown, None));
    let of_cancel = cancel_reject(&venue.run(venue.cancel_order(cancel("c4", "c1"))));
    assert_eq!(of_cancel.refusal.reject, Reject::OrderUnknown, "a cancel is no order");
}

#[test]
fn a_halted_instrument_and_a_disabled_account_may_cancel() {
    let mut venue = Venue::new();
    venue.place(buy("b"));
    venue.run(Command::Instrument(Instrument { state: InstrumentState::Halted, ..instrument(1) }));
    venue.run(Command::Account(AccountLimits { enabled: false, ..limits(1) }));
    assert_eq!(story(&venue.run(venue.cancel_order(cancel("c", "b")))), [(ExecType::Canceled, None)]);
}

#[test]
fn a_long_sweep_is_one_request_in_several_steps() {
    let mut venue = Venue::new();
    let makers = FILLS_PER_STEP_MAX * 2 + 10;
    for n in 0..makers {
        venue.place(NewOrder { qty: Qty(1), ..sell(&format!("s{n}")) });
    }
    let before = venue.log.len();
    // `send` checks that every event carries the origin and only the very last one the mark.
    let events = venue.place(NewOrder { qty: Qty(1_000), ..buy("sweep") });
    assert_eq!(events.len(), 1 + 2 * makers);
    let continued = &venue.log[before + 1..];
    assert_eq!(continued.len(), 2);
    let order = execution(&events[0]).order.id;
    let expected = Command::Continue(Continue::Order { instrument: InstrumentId(1), order });
    assert!(continued.iter().all(|record| record.command == expected));
    let Err(Answer::Repeated(repeated)) =
        venue.send(venue.new_order(NewOrder { qty: Qty(1_000), ..buy("sweep") }))
    else {
        panic!()
    };
    assert_eq!(repeated.first, unnumbered(events.last().unwrap()));
    assert_eq!(repeated.fills.len(), crate::limits::ONCE_FILLS_MAX, "as many as are kept");
    assert_eq!(repeated.current.map(|order| order.leaves_qty()), Some(Qty(1_000 - makers as u64)));
}

#[test]
fn questions_are_answered_from_the_state_as_it_is() {
    let mut venue = Venue::new();
    let first = execution(&venue.place(buy("b1"))[0]).order;
    venue.place(NewOrder { price: Price(99), instrument: InstrumentId(2), ..buy("b2") });
    venue.place(NewOrder { price: Price(102), ..sell("s") });
    let open = venue.ask(Query::OpenOrders(OpenOrdersQuery {
        account: AccountId(1),
        instrument: None,
        side: None,
        req_id: None,
    }));
    let Answer::OpenOrders(_, open) = open else { panic!("{open:?}") };
    assert_eq!(open.iter().map(|order| order.cl_ord_id.to_string()).collect::<Vec<_>>(), ["b1", "b2"]);
    let one = venue.ask(Query::OpenOrders(OpenOrdersQuery {
        account: AccountId(1),
        instrument: Some(InstrumentId(1)),
        side: None,
        req_id: None,
    }));
    assert!(matches!(one, Answer::OpenOrders(_, one) if one == [first]));
    assert_eq!(venue.status(1, OrderRef::OrderId(first.id)), Ok(first));
    assert_eq!(venue.status(1, OrderRef::ClOrdId(first.cl_ord_id)), Ok(first));
    assert_eq!(venue.status(2, OrderRef::OrderId(first.id)), Err(Reject::OrderUnknown.into()));
    let (bid, ask) =
        (BookLevel { price: Price(100), qty: Qty(10) }, BookLevel { price: Price(102), qty: Qty(10) });
    let depth = venue.ask(Query::Depth { instrument: InstrumentId(1), levels: 5 });
    let last = venue.shard.last_seq();
    assert_eq!(depth, Answer::Depth { instrument: InstrumentId(1), last, bids: vec![bid], asks: vec![ask] });
    let ticker = venue.ask(Query::BookTicker { instrument: None });
    let second = BookLevel { price: Price(99), qty: Qty(10) };
    let expected = vec![(InstrumentId(1), Some(bid), Some(ask)), (InstrumentId(2), Some(second), None)];
    assert_eq!(ticker, Answer::BookTicker(expected));
    let nowhere = venue.ask(Query::Depth { instrument: InstrumentId(9), levels: 5 });
    assert!(matches!(nowhere, Answer::Depth { bids, asks, .. } if bids.is_empty() && asks.is_empty()));
}

#[test]
fn changes_by_the_venue_are_told_or_not_taken() {
    let mut venue = Venue::new();
    let finer = Instrument { tick: Price(5), ..instrument(1) };
    assert_eq!(venue.run(Command::Instrument(finer)), [Event::Instrument(finer)]);
    let rescaled = Command::Instrument(Instrument { price_scale: Scale(4), ..finer });
    assert_eq!(venue.run(rescaled), [], "resting prices would mean something else");
    assert!(venue.shard.instruments().any(|listed| *listed == finer));
    let reference = Command::Reference(InstrumentId(1), Price(200));
    assert_eq!(venue.run(reference), [Event::Reference(InstrumentId(1), Price(200))]);
    assert_eq!(venue.run(Command::Reference(InstrumentId(9), Price(200))), []);
}

#[test]
fn numbers_at_the_ends_of_their_types_trade_or_are_refused() {
    let mut venue = Venue::new();
    venue.run(Command::Instrument(Instrument { band_bps: 0, ..instrument(1) }));
    let huge = NewOrder { qty: Qty(u64::MAX), price: Price(1), ..buy("b") };
    venue.place(huge);
    assert_eq!(
        story(&venue.place(NewOrder { cl_ord_id: ClOrdId::truncated("b2"), ..huge })),
        [(ExecType::Rejected, Some(Reject::BookFull))]
    );
    venue.place(NewOrder { qty: Qty(u64::MAX), price: Price(1), ..sell("s") });
    assert!(venue.shard.positions().any(|(.., position)| position == -i128::from(u64::MAX)));
    let dear = NewOrder { qty: Qty(2), price: Price(i64::MAX), ..buy("b3") };
    assert_eq!(story(&venue.place(dear)), [(ExecType::New, None)]);
    let refused = story(&venue.place(NewOrder { qty: Qty(3), cl_ord_id: ClOrdId::truncated("b4"), ..dear }));
    assert_eq!(refused, [(ExecType::Rejected, Some(Reject::NotionalTooLarge))]);
}

#[test]
fn a_record_that_does_not_fit_is_an_error_and_not_a_panic() {
    let mut venue = Venue::new();
    let order = venue.new_order(buy("b"));
    venue.run(order);
    let (seq, now) = (venue.shard.last_seq().next(), venue.now);
    let shard = &mut venue.shard;
    let nothing = Command::Continue(Continue::Order { instrument: InstrumentId(1), order: OrderId(1) });
    assert_eq!(shard.replay(seq, now, &nothing).unwrap_err(), ReplayError::Continuation(seq));
    assert_eq!(shard.replay(seq, now, &order).unwrap_err(), ReplayError::Repetition(seq));
    let fine = Command::Account(limits(1));
    assert!(matches!(shard.replay(seq.next(), now, &fine), Err(ReplayError::Sequence(_))));
    assert!(matches!(shard.replay(seq, START - Span(1), &fine), Err(ReplayError::Sequence(_))));
    assert!(shard.replay(seq, now, &fine).is_ok());
}
